#!/usr/bin/python3
"""awslambdaric, unmodified, in the place of our own runtime for Python."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402
from faas_provided import (ARN, CALLS, cached, client_python,  # noqa: E402
                           invoke, python_version)

APP = '''
import logging, os, sys
logging.getLogger().setLevel("INFO")
class Odd(Exception):
    pass
def handler(event, context):
    do = event.get("do")
    if do == "error":
        raise Odd("an error")
    if do == "exit":
        sys.exit(4)
    if do == "log":
        logging.info("a line\\nand another")
        print("printed")
    return {"event": event, "id": context.aws_request_id,
            "arn": context.invoked_function_arn,
            "name": context.function_name,
            "client": context.client_context.custom,
            "left": context.get_remaining_time_in_millis(),
            "trace": os.environ.get("_X_AMZN_TRACE_ID"),
            "env": os.environ.get("AWS_EXECUTION_ENV"),
            "client_file": sys.modules["awslambdaric"].__file__}
'''

python = python_version()


def works(tap, n):
    failed, got = invoke(n, 'ric', {'a': 'b'})
    tap.equal((failed, got['event'], got['name'], got['arn']),
              (None, {'a': 'b'}, 'ric', ARN + 'ric'), 'an event')
    tap.ok(re.fullmatch('[0-9a-f-]{36}', got['id']), 'its id', got)
    tap.equal(got['client'], {'k': 'v'}, 'client context')
    tap.ok(0 < got['left'] <= 3000, 'time left', got)
    tap.ok(got['trace'].startswith('Root='), 'trace id', got)
    tap.equal(got['env'], 'AWS_Lambda_python' + python, 'AWS_EXECUTION_ENV')
    tap.equal(got['client_file'], '/var/task/awslambdaric/__init__.py',
              'it is the official client')
    failed, got = invoke(n, 'ric', {'do': 'error'})
    tap.equal((failed, got['errorType'], got['errorMessage']),
              ('Unhandled', 'Odd', 'an error'), 'an error')
    tap.ok(got['requestId'] and 'in handler' in got['stackTrace'][0],
           'as that client words it', got)
    failed, got = invoke(n, 'ric', {'do': 'exit'})
    tap.equal((failed, got['errorType']), ('Unhandled', 'Runtime.ExitError'),
              'it exits')
    tap.ok(got['errorMessage'].endswith('exit status 4'), 'with its status',
           got)
    invoke(n, 'ric', {'do': 'log'})
    n.wait_log('a line')
    n.wait_log('and another')
    n.wait_log('printed')
    tap.ok('\udca5' not in n.log() and '\\xa5' not in n.log(),
           'records of the log are unpacked')
    failed, got = invoke(n, 'bad', {})
    tap.equal((failed, got['errorType']),
              ('Unhandled', 'Runtime.ImportModuleError'),
              'a module that cannot be imported')
    failed, got = invoke(n, 'plain', {'a': 1})
    tap.equal(got['event'], {'a': 1}, 'as a custom runtime, by its command')


def conf(functions):
    return '''
faas_function ric {
    runtime python%s; handler app.handler; code %s/ric; official_client on;
}
faas_function bad {
    runtime python3; handler broken.handler; code %s/ric; official_client on;
}
faas_function plain {
    runtime provided.al2023; code %s/ric;
    command /usr/bin/python3 -m awslambdaric app.handler;
}
''' % (python, functions, functions, functions)


client = cached('client-python', client_python)

def functions():
    """The client and the function in one folder, as it is deployed."""
    found = {'app.py': APP, 'broken.py': 'import nothing_like_it'}
    for root, _, files in os.walk(client):
        for name in files:
            path = os.path.join(root, name)
            if not name.endswith('.pyc'):
                with open(path, 'rb') as f:
                    found[os.path.relpath(path, client)] = f.read()
    return found


with Tap() as tap:
    with Nginx(http=conf('{functions}'), server=CALLS,
               functions={'ric': functions()}) as n:
        works(tap, n)
        n.finish(tap)
