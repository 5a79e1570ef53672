#!/usr/bin/python3
"""aws-lambda-java-runtime-interface-client, unmodified."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_clients import java, java_command                    # noqa: E402
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402
from faas_provided import ARN, CALLS, invoke                   # noqa: E402

JAVA = '''package example;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.HashMap;
import java.util.Map;

public class Handler
    implements RequestHandler<Map<String, Object>, Map<String, Object>> {

    public Map<String, Object> handleRequest(Map<String, Object> event,
                                             Context context) {
        Object what = event.get("do");
        if ("error".equals(what))
            throw new IllegalStateException("an error");
        if ("exit".equals(what))
            System.exit(4);
        if ("log".equals(what)) {
            context.getLogger().log("a line");
            System.out.println("printed");
        }
        Map<String, Object> m = new HashMap<>();
        m.put("a", event.get("a"));
        m.put("id", context.getAwsRequestId());
        m.put("arn", context.getInvokedFunctionArn());
        m.put("name", context.getFunctionName());
        m.put("left", context.getRemainingTimeInMillis());
        m.put("client", context.getClientContext().getCustom());
        m.put("trace", System.getProperty("com.amazonaws.xray.traceHeader"));
        return m;
    }
}
'''


if not os.path.exists('/usr/bin/java'):
    skip_all('no /usr/bin/java')

folder = java('java', {'Handler.java': JAVA})
HTTP = '''
faas_function ric {
    runtime provided.al2023;
    code %s;
    handler example.Handler::handleRequest;
    memory 512m;
    timeout 20s;
    command %s;
}
''' % (folder, java_command('example.Handler::handleRequest', 256))

with Tap() as tap:
    with Nginx(http=HTTP, server=CALLS) as n:
        failed, got = invoke(n, 'ric', {'a': 'b'})
        tap.equal((failed, got['a'], got['name'], got['arn'], got['client']),
                  (None, 'b', 'ric', ARN + 'ric', {'k': 'v'}), 'an event')
        tap.ok(re.fullmatch('[0-9a-f-]{36}', got['id']), 'its id', got)
        tap.ok(0 < got['left'] <= 20000, 'time left', got)
        tap.ok(got['trace'].startswith('Root='), 'trace id', got)
        failed, got = invoke(n, 'ric', {'do': 'error'})
        tap.equal((failed, got['errorMessage'], got['errorType']),
                  ('Unhandled', 'an error',
                   'java.lang.IllegalStateException'), 'an error')
        tap.ok(any('Handler.java' in line for line in got['stackTrace']),
               'with its trace', got)
        invoke(n, 'ric', {'do': 'log'})
        n.wait_log('a line')
        n.wait_log('printed')
        failed, got = invoke(n, 'ric', {'do': 'exit'})
        tap.equal((failed, got['errorType']),
                  ('Unhandled', 'Runtime.ExitError'), 'it exits')
        n.finish(tap)
