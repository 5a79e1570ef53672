#!/usr/bin/python3
"""aws-lambda-cpp, as the package of the client for Node.js carries it."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_clients import cpp                                   # noqa: E402
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_provided import ARN, CALLS, invoke                   # noqa: E402

MAIN = '''
#include <aws/lambda-runtime/runtime.h>
#include <cstdlib>
#include <iostream>
#include <string>

using namespace aws::lambda_runtime;

static invocation_response
handle(invocation_request const &r)
{
    if (r.payload.find("error") != std::string::npos) {
        return invocation_response::failure("an error", "Odd", "{}");
    }

    if (r.payload.find("exit") != std::string::npos) {
        std::exit(4);
    }

    if (r.payload.find("throw") != std::string::npos) {
        throw 1;
    }

    if (r.payload.find("large") != std::string::npos) {
        return invocation_response::success(
            "\\"" + std::string(5000000, 'x') + "\\"", "application/json");
    }

    std::cout << "a line" << std::endl;

    return invocation_response::success(
        "{\\"event\\":" + r.payload + ",\\"id\\":\\"" + r.request_id
        + "\\",\\"arn\\":\\"" + r.function_arn + "\\",\\"left\\":"
        + std::to_string(r.get_time_remaining().count())
        + ",\\"trace\\":\\"" + r.xray_trace_id + "\\",\\"client\\":"
        + r.client_context + "}", "application/json");
}

int
main()
{
    run_handler(handle);
    return 0;
}
'''

folder = cpp('cpp', MAIN)
HTTP = 'faas_function cpp { runtime provided.al2023; code %s; }' % folder

with Tap() as tap:
    with Nginx(http=HTTP, server=CALLS) as n:
        failed, got = invoke(n, 'cpp', {'a': 'b'})
        tap.equal((failed, got['event'], got['arn'], got['client']),
                  (None, {'a': 'b'}, ARN + 'cpp', {'custom': {'k': 'v'}}),
                  'an event')
        tap.ok(re.fullmatch('[0-9a-f-]{36}', got['id']), 'its id', got)
        tap.ok(0 < got['left'] <= 3000, 'time left', got)
        tap.ok(got['trace'].startswith('Root='), 'trace id', got)
        n.wait_log('a line')
        failed, got = invoke(n, 'cpp', 'error')
        tap.equal((failed, got['errorMessage'], got['errorType']),
                  ('Unhandled', 'an error', 'Odd'), 'an error')
        failed, got = invoke(n, 'cpp', 'large')
        tap.equal(len(got), 5000000, 'a large answer')
        failed, got = invoke(n, 'cpp', 'throw')
        tap.equal((failed, got['errorType']),
                  ('Unhandled', 'Runtime.ExitError'), 'it throws')
        tap.ok(got['errorMessage'].endswith('signal: aborted'),
               'and is aborted', got)
        failed, got = invoke(n, 'cpp', 'exit')
        tap.equal((failed, got['errorType']),
                  ('Unhandled', 'Runtime.ExitError'), 'it exits')
        n.finish(tap)
