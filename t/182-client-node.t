#!/usr/bin/python3
"""aws-lambda-ric, unmodified, in the place of our own runtime for Node.js."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402
from faas_provided import (ARN, CALLS, built, copied,          # noqa: E402
                           invoke)

NODE = '/usr/bin/node'
APP = '''
class Odd extends Error {
    name = "Odd";
}
exports.handler = async (event, context) => {
    switch (event.do) {
    case "error":
        throw new Odd("an error");
    case "exit":
        process.exit(4);
    case "reject":
        Promise.reject(new Odd("left alone"));
        await new Promise((resolve) => setTimeout(resolve, 1000));
        break;
    case "log":
        console.log("a line\\nand another");
    }
    return {event, id: context.awsRequestId,
            arn: context.invokedFunctionArn, name: context.functionName,
            client: context.clientContext.custom,
            left: context.getRemainingTimeInMillis(),
            trace: process.env._X_AMZN_TRACE_ID,
            heap: require("v8").getHeapStatistics().heap_size_limit / 1048576,
            env: process.env.AWS_EXECUTION_ENV, argv: process.argv};
};
exports.stream = awslambda.streamifyResponse(async (event, stream) => {
    stream = awslambda.HttpResponseStream.from(stream, {
        statusCode: 201, headers: {"X-Kind": "streamed"}});
    for (let i = 0; i < 3; i++) {
        stream.write("piece " + i + "\\n");
        await new Promise((resolve) => setTimeout(resolve, 10));
    }
    stream.end();
});
'''

if not os.path.exists(NODE):
    skip_all('no ' + NODE)

folder = built('node', {'index.js': APP, 'broken.js': 'syntax error('},
               copied('node'))
HTTP = '''
faas_function ric {
    runtime nodejs; handler index.handler; code %s; official_client on;
}
faas_function bad {
    runtime nodejs; handler broken.handler; code %s; official_client on;
}
faas_function stream {
    runtime nodejs; handler index.stream; code %s; official_client on;
}
''' % (folder, folder, folder)
SERVER = CALLS + 'location /stream { faas_pass stream; }\n'


def works(tap, n):
    failed, got = invoke(n, 'ric', {'a': 'b'})
    tap.equal((failed, got['event'], got['name'], got['arn']),
              (None, {'a': 'b'}, 'ric', ARN + 'ric'), 'an event')
    tap.ok(re.fullmatch('[0-9a-f-]{36}', got['id']), 'its id', got)
    tap.equal(got['client'], {'k': 'v'}, 'client context')
    tap.ok(0 < got['left'] <= 3000, 'time left', got)
    tap.ok(got['trace'].startswith('Root='), 'trace id', got)
    tap.ok(got['heap'] < 128, 'a heap by its memory', got)
    tap.equal(got['env'], 'AWS_Lambda_nodejs', 'AWS_EXECUTION_ENV')
    tap.ok(any('aws-lambda-ric' in a for a in got['argv']),
           'it is the official client', got)
    failed, got = invoke(n, 'ric', {'do': 'error'})
    tap.equal((failed, got['errorType'], got['errorMessage']),
              ('Unhandled', 'Odd', 'an error'), 'an error')
    tap.ok('index.js' in got['trace'][1], 'with its trace', got)
    failed, got = invoke(n, 'ric', {'do': 'exit'})
    tap.equal((failed, got['errorType']), ('Unhandled', 'Runtime.ExitError'),
              'it exits')
    failed, got = invoke(n, 'ric', {'do': 'reject'})
    tap.equal((failed, got['errorType']),
              ('Unhandled', 'Runtime.UnhandledPromiseRejection'),
              'a rejection that nobody handles')
    invoke(n, 'ric', {'do': 'log'})
    n.wait_log('a line')
    n.wait_log('and another')
    failed, got = invoke(n, 'bad', {})
    tap.equal((failed, got['errorType']),
              ('Unhandled', 'Runtime.UserCodeSyntaxError'),
              'a module with a mistake')
    r = n.get('/stream')
    tap.equal((r.status, r.headers.get('x-kind'), r.body),
              (201, 'streamed', b'piece 0\npiece 1\npiece 2\n'), 'a stream')


with Tap() as tap:
    with Nginx(http=HTTP, server=SERVER) as n:
        works(tap, n)
        n.finish(tap)
