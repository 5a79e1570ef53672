"""Servers whose requests say who they are from: the same C function behind a
route that asks, and behind one that does not."""

import json
import os
import time

from servers import Ours

import faas_jwt

FUNCTION = ('    faas_function c { runtime native; handler bootstrap; '
            'code {functions}/c; concurrency 64; '
            'environment_concurrency 64; queue 1000 timeout=10s; '
            'idle_timeout 1h; }\n')

PATH = '/2015-03-31/functions/c/invocations'

KEYS = {'keys': [{
    'accessKeyId': 'AKIDBENCH', 'secretAccessKey': 'secret',
    'policy': {'Statement': {'Effect': 'Allow', 'Action': 'lambda:*',
                             'Resource': '*'}}}]}


class Asking(Ours):
    """Files are written into its folder before it starts."""

    def __init__(self, http, server, files, written):
        self.written = written
        super().__init__(http, server, files)

    def start(self):
        for name, value in self.written.items():
            path = os.path.join(self.dir, name)
            with open(path, 'w') as f:
                json.dump(value, f)
            os.chmod(path, 0o640 if name == 'keys.json' else 0o644)
        super().start()


def jwt(program):
    key = faas_jwt.Rsa('bench')
    server = Asking(
        FUNCTION + '''
    faas_api a {
        authorizer users jwt issuer=https://bench audience=bench
                   jwks={dir}/jwks.json;
        route GET /closed c authorizer=users;
        route GET /open c;
    }
''', '        location / { faas_api_pass a; }\n', {'c': program},
        {'jwks.json': json.loads(faas_jwt.jwks(key))})
    text = faas_jwt.token(key, {'iss': 'https://bench', 'aud': 'bench',
                                'sub': 'me', 'exp': int(time.time()) + 3600})
    server.wrk = ['-H', 'Authorization: Bearer ' + text]
    return server


AUTHORIZER = '''\
def handler(event, context):
    return {"principalId": "me", "context": {"sub": "me"},
            "policyDocument": {"Version": "2012-10-17", "Statement": [{
                "Action": "execute-api:Invoke", "Effect": "Allow",
                "Resource": event["routeArn"]}]}}
'''


def authorizer(program):
    """A function's answer with an IAM policy, kept for an hour."""
    server = Asking(
        FUNCTION + '''
    faas_function check { runtime python3; handler app.handler;
        code {functions}/check; }
    faas_api a {
        authorizer users request function=check ttl=1h
                   identity=$request.header.Authorization;
        route GET /closed c authorizer=users;
        route GET /open c;
    }
''', '        location / { faas_api_pass a; }\n',
        {'c': program, 'check': {'app.py': AUTHORIZER}}, {})
    server.wrk = ['-H', 'Authorization: Bearer ' + 'x' * 200]
    return server


def sigv4(program):
    """The signature of one request is good for five minutes."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    server = Asking(
        FUNCTION, '''
        location / { faas_lambda_api; faas_auth {dir}/keys.json; }
        location /open/ { faas_lambda_api; faas_auth off; }
''', {'c': program}, {'keys.json': KEYS})
    request = AWSRequest('POST', 'http://127.0.0.1:%d%s'
                         % (server.port, PATH), data='{"a":1}')
    SigV4Auth(Credentials('AKIDBENCH', 'secret'), 'lambda',
              'us-east-1').add_auth(request)
    script = os.path.join(server.dir, 'post.lua')
    with open(script, 'w') as f:
        f.write('wrk.method = "POST"\nwrk.body = \'{"a":1}\'\n')
        for name, value in request.headers.items():
            f.write('wrk.headers["%s"] = "%s"\n' % (name, value))
    server.wrk = ['-s', script]
    return server
