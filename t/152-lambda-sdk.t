#!/usr/bin/python3
"""The Lambda Invoke API as the AWS SDK for JavaScript uses it."""

import base64
import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_apps import NODE, deploy, install                    # noqa: E402
from faas_e2e import SLOW, Nginx, Tap                          # noqa: E402

CODE = '''\
def handler(event, context):
    if event == "raise":
        raise ValueError("no")
    print("a line")
    client = context.client_context
    return {"event": event, "client": client.custom if client else None}
'''

KEYS = {'keys': [{
    'accessKeyId': 'AKIDALL', 'secretAccessKey': 'all',
    'policy': {'Statement': {'Effect': 'Allow', 'Action': 'lambda:*',
                             'Resource': '*'}}}]}

modules = install()

with Tap() as tap:
    nginx = Nginx(
        http='faas_function f { runtime python3; handler app.handler; '
             'code {functions}/f; }',
        server='location / { faas_lambda_api; faas_auth {dir}/keys.json; }',
        functions={'f': {'app.py': CODE}})
    with open(os.path.join(nginx.dir, 'keys.json'), 'w') as f:
        json.dump(KEYS, f)
    os.chmod(f.name, 0o600)

    with nginx:
        folder = deploy(os.path.join(nginx.dir, 'sdk'), modules, 'sdk')
        r = subprocess.run([NODE, 'call.js',
                            'http://127.0.0.1:%d' % nginx.port],
                           cwd=folder, stdout=subprocess.PIPE,
                           stderr=subprocess.PIPE, timeout=60 * SLOW)
        tap.ok(r.returncode == 0, 'the SDK ran', r.stderr.decode())
        got = json.loads(r.stdout or b'{}')

        tap.equal([got['status'], got['version'], got['result']],
                  [200, '$LATEST', {'event': {'a': 'é'},
                                    'client': {'x': 1}}], 'a result')
        tap.ok(got['log'].startswith('START RequestId: ')
               and '\na line\nEND RequestId: ' in got['log'], 'its log',
               got['log'])
        tap.equal([got['failed'][0], got['failed'][1]['errorType']],
                  ['Unhandled', 'ValueError'], 'a function that failed')

        stream = got['stream']
        tap.equal([stream['status'], stream['chunks'] > 1,
                   json.loads(stream['body'])['event']],
                  [200, True, 'y' * 100000], 'a stream')
        log = base64.b64decode(stream['end']['LogResult'])
        tap.ok(b'a line\nEND' in log, 'the log of a stream', log)
        end = got['broken']['end']
        tap.equal([end['ErrorCode'],
                   json.loads(end['ErrorDetails'])['errorType']],
                  ['Unhandled', 'ValueError'], 'a stream that failed')

        tap.equal([got['list'], got['memory']], [['f'], 128],
                  'what is configured')
        tap.equal(got['nobody'][:2], ['ResourceNotFoundException', 404],
                  'no such function')
        tap.equal(got['wrong'][:2], ['InvalidSignatureException', 403],
                  'a wrong secret')
        nginx.finish(tap)
