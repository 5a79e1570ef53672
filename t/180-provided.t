#!/usr/bin/python3
"""Custom runtimes from nginx to their answer: a bootstrap of shell and curl,
one of Python; in a folder and in a zip; what they print, how they end.
"""

import io
import json
import os
import shutil
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all, wait_for            # noqa: E402
from faas_provided import PYTHON, SHELL                        # noqa: E402

if shutil.which('curl') is None:
    skip_all('no curl')

HTTP = '''
faas_function shell {
    runtime provided.al2023;
    handler some.thing;
    code {functions}/shell;
    environment COLOUR=blue;
}
faas_function none { runtime provided; code {functions}/shell; network none; }
faas_function py {
    runtime provided.al2;
    code {functions}/py;
    timeout 2s;
    tmp 16m;
}
faas_function many {
    runtime provided.al2023;
    code {functions}/py;
    environment_concurrency 4;
}
faas_function zip { runtime provided.al2023; code {functions}/zips/zip.zip; }
faas_function program {
    runtime provided.al2023;
    code {functions}/py;
    command /usr/bin/python3 bootstrap;
}
faas_function broken { runtime provided.al2023; code {functions}/broken; }
faas_function sudden { runtime provided.al2023; code {functions}/sudden; }
'''
SERVER = ''.join('location = /%s { faas_pass %s; }\n' % (n, n) for n in (
    'shell', 'none', 'py', 'many', 'zip', 'program', 'broken', 'sudden')) \
    + 'location /2015-03-31/ { faas_auth off; faas_lambda_api; }\n'


def zipped():
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        info = zipfile.ZipInfo('bootstrap')
        info.external_attr = 0o100755 << 16
        z.writestr(info, PYTHON)
    return out.getvalue()


def do(n, name, what):
    r = n.get('/' + name, headers={'x-do': '[%s]' % what})
    return r.json()[0] if r.status == 200 else (r.status, r.body)


def invoke(n, name, event):
    r = n.get('/2015-03-31/functions/%s/invocations' % name, method='POST',
              body=json.dumps(event).encode())
    return r.status, r.headers.get('x-amz-function-error'), r.json()


def environment(tap, n):
    env = do(n, 'py', 'dict(os.environ, cwd=os.getcwd())')
    tap.equal((env['LAMBDA_TASK_ROOT'], env['cwd'], env['_HANDLER'],
               env['AWS_LAMBDA_FUNCTION_NAME'], env['TZ']),
              ('/var/task', '/var/task', 'bootstrap', 'py', ':UTC'),
              'variables of the contract')
    tap.ok('AWS_EXECUTION_ENV' not in env, 'no AWS_EXECUTION_ENV')
    tap.ok(not [k for k in env if k.startswith('FAAS')],
           'nothing of the gateway among them', sorted(env))
    tap.equal(do(n, 'py', 'sorted(os.listdir("/proc/self/fd"))')[:3],
              ['0', '1', '2'], 'descriptors')
    tap.equal(do(n, 'py', 'sum(os.path.exists("/proc/self/fd/%d" % i) '
                 'for i in (5, 6, 7, 8, 9))'), 0,
              'and none of the bridge (3 and 4 are its own)')


def ends(tap, n):
    status, failed, got = invoke(n, 'py', {'do': 'os._exit(7)'})
    tap.equal((status, failed, got['errorType']),
              (200, 'Unhandled', 'Runtime.ExitError'), 'it exits')
    tap.ok(got['errorMessage'].endswith(
        'Error: Runtime exited with error: exit status 7'),
        'and the message says how', got)
    got = invoke(n, 'py', {'do': 'os._exit(0)'})[2]
    tap.ok(got['errorMessage'].endswith(
        'Runtime exited without providing a reason'), 'with status 0', got)
    for name, text in (('SIGSEGV', 'segmentation fault'),
                       ('SIGABRT', 'aborted'), ('SIGKILL', 'killed'),
                       ('SIGTERM', 'terminated')):
        got = invoke(n, 'py', {'do': 'os.kill(os.getpid(), signal.%s)'
                                     % name})[2]
        tap.ok(got['errorMessage'].endswith(
            'Runtime exited with error: signal: ' + text), 'by ' + name, got)
    got = invoke(n, 'py', {'do': 'os._exit(139)'})[2]
    tap.ok(got['errorMessage'].endswith('exit status 139'),
           'a status that looks like a signal is none', got)
    got = invoke(n, 'py', {'do': 'time.sleep(10)'})[2]
    tap.equal(got['errorType'], 'Sandbox.Timedout', 'a timeout')
    status, failed, got = invoke(n, 'py', {'do': '1/0'})
    tap.equal((failed, got['errorType']), ('Unhandled', 'ZeroDivisionError'),
              'an error that it reports')
    tap.equal(do(n, 'py', '1 + 1'), 2, 'and the next one is served')
    status, failed, got = invoke(n, 'py', {'do': '"x" * (6291456 - 2)'})
    tap.equal(len(got), 6291454, 'the largest result')
    got = invoke(n, 'py', {'do': '"x" * (6291556 - 1)'})[2]
    tap.equal(got, {
        'errorMessage': 'Response payload size exceeded maximum allowed '
                        'payload size (6291556 bytes).',
        'errorType': 'Function.ResponseSizeTooLarge'}, 'and one that is too large')


def begins(tap, n):
    for name in ('broken', 'sudden'):
        r = n.get('/' + name)
        tap.equal(r.status, 500, name + ' does not start')
    got = invoke(n, 'broken', {})[2]
    tap.equal((got['errorType'], got['errorMessage']),
              ('Runtime.InvalidEntrypoint',
               'fork/exec /var/task/bootstrap: exec format error'),
              'a bootstrap that cannot be executed')
    got = invoke(n, 'sudden', {})[2]
    tap.ok(got['errorMessage'].endswith(
        'Runtime exited with error: exit status 3'),
        'one that ends before its first call', got)


with Tap() as tap:
    with Nginx(http=HTTP, server=SERVER, functions={
            'shell': {'bootstrap': (SHELL, 0o755)},
            'py': {'bootstrap': (PYTHON, 0o755)},
            'broken': {'bootstrap': ('not a program', 0o755)},
            'sudden': {'bootstrap': ('#!/bin/sh\nexit 3\n', 0o755)},
            'zips': {'zip.zip': zipped()}}) as n:
        for name in 'shell', 'none':
            r = n.get('/%s?a=b' % name)
            tap.equal((r.status, r.json()['rawQueryString']), (200, 'a=b'),
                      '%s and curl' % name)
            tap.equal(n.get('/' + name).status, 200, 'again')
        n.wait_log('handler some.thing')
        tap.ok(True, 'what it prints is in the log')

        for name in 'py', 'zip', 'program':
            tap.equal(do(n, name, '6 * 7'), 42, name)

        environment(tap, n)
        ends(tap, n)
        begins(tap, n)
        tap.equal(do(n, 'many', 'os.environ["AWS_LAMBDA_MAX_CONCURRENCY"]'),
                  '4', 'concurrency of one environment')
        n.finish(tap)
