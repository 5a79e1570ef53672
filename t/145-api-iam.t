#!/usr/bin/python3
"""IAM authorizers of routes: signed requests (contract, sections 7.7, 11)."""

import http.client
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402

try:
    from botocore.auth import SigV4Auth, SigV4QueryAuth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials
except ImportError:
    skip_all('there is no botocore')

ECHO = '''\
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
'''

KEYS = {'keys': [
    {'accessKeyId': 'AKIDALL', 'secretAccessKey': 'all',
     'arn': 'arn:aws:iam::123456789012:user/all',
     'policy': {'Statement': {'Effect': 'Allow', 'Action': '*',
                              'Resource': '*'}}},
    {'accessKeyId': 'AKIDGET', 'secretAccessKey': 'get',
     'policy': {'Statement': {
         'Effect': 'Allow', 'Action': 'execute-api:Invoke',
         'Resource': 'arn:aws:execute-api:*:*:web/$default/GET/items/*'}}},
    {'accessKeyId': 'AKIDNOT', 'secretAccessKey': 'not',
     'policy': {'Statement': [
         {'Effect': 'Allow', 'Action': '*', 'Resource': '*'},
         {'Effect': 'Deny', 'Action': '*',
          'Resource': ['*/items/admin*', '*/GET/files/admin*']}]}}]}

HTTP = '''
    faas_function f {
        runtime python3; handler app.handler; code {functions}/f;
        account 123456789012;
    }

    faas_api web {
        cors allow_origins=*;
        authorizer keys iam keys={dir}/keys.json;
        route ANY "/items/{id}" f authorizer=keys;
        route ANY "/old/{id}" f authorizer=keys payload=1.0;
        route GET /fixed return 200 authorizer=keys;
        route POST /fixed return 200 authorizer=keys;
        route GET "/files/{proxy+}" @files authorizer=keys;
        route GET /open return 200;
    }
    faas_api rest {
        type rest;
        authorizer keys iam keys={dir}/keys.json;
        authorizer_default keys;
        route ANY "/{proxy+}" f;
    }
    faas_api url {
        type url;
        authorizer keys iam keys={dir}/keys.json;
        authorizer_default keys;
        route $default f;
    }
'''

SERVER = """
    location / { faas_api_pass web; }
    location /rest/ { faas_api_pass rest; }
    location /url/ { faas_api_pass url; }
    location @files { return 200 '"$uri"'; }
"""


class Client:
    def __init__(self, nginx, service='execute-api'):
        self.nginx, self.service = nginx, service

    def send(self, path, method='GET', body=None, key=('AKIDALL', 'all'),
             query=False, declare=False, change=None, other=None):
        """A signed request; change: another body than the signed one."""
        url = 'http://127.0.0.1:%d%s' % (self.nginx.port, path)
        request = AWSRequest(method, url, data=body)
        if declare:
            request.headers['X-Amz-Content-Sha256'] = \
                SigV4Auth(None, 'x', 'x').payload(request)
        auth = SigV4QueryAuth if query else SigV4Auth
        auth(Credentials(*key), self.service,
             other or 'us-east-1').add_auth(request)
        c = http.client.HTTPConnection('127.0.0.1', self.nginx.port)
        c.request(method, request.url.split(str(self.nginx.port), 1)[1],
                  headers=dict(request.headers),
                  body=change if change is not None else body)
        r = c.getresponse()
        text = r.read()
        c.close()
        return r.status, (json.loads(text) if text else None), r


def web(tap, nginx):
    c = Client(nginx)
    status, e, r = c.send('/items/a%2Fb?x=1&y')
    tap.equal([status, e['requestContext']['authorizer']],
              [200, {'iam': {
                  'accessKey': 'AKIDALL', 'accountId': '123456789012',
                  'callerId': 'AKIDALL', 'cognitoIdentity': None,
                  'principalOrgId': None, 'userId': 'AKIDALL',
                  'userArn': 'arn:aws:iam::123456789012:user/all'}}],
              'who has signed is in the event')
    status, e, r = c.send('/old/1')
    tap.equal([e['requestContext']['identity'][k] for k in (
        'accessKey', 'accountId', 'userArn')],
        ['AKIDALL', '123456789012', 'arn:aws:iam::123456789012:user/all'],
        'and in that of payload 1.0')
    tap.equal(c.send('/items/1', query=True)[0], 200, 'a presigned address')
    for declare in (False, True):
        how = ', its hash declared' if declare else ''
        status, e, r = c.send('/items/1', 'POST', b'body', declare=declare)
        tap.equal([status, e and e.get('body')], [200, 'Ym9keQ=='],
                  'a body' + how)
        status, e, r = c.send('/items/1', 'POST', b'body', declare=declare,
                              change=b'Body')
        tap.equal([status, e], [403, {'message': 'Forbidden'}],
                  'another body than the signed one' + how)
    before = nginx.metrics('f')['invocations']
    for name, options in (
            ('a wrong secret', {'key': ('AKIDALL', 'x')}),
            ('an unknown key', {'key': ('AKIDX', 'x')})):
        status, e, r = c.send('/items/1', **options)
        tap.equal([status, e, r.getheader('access-control-allow-origin')],
                  [403, {'message': 'Forbidden'}, None], name)
    r = nginx.get('/items/1')
    tap.equal([r.status, r.json()], [403, {'message': 'Forbidden'}],
              'no signature')
    get = ('AKIDGET', 'get')
    tap.equal([c.send('/items/1', key=get)[0],
               c.send('/items/1', 'DELETE', key=get)[0],
               c.send('/old/1', key=get)[0],
               c.send('/items/1', 'POST', b'x', key=get)[0]],
              [200, 403, 403, 403], 'what the policy allows, and no more')
    tap.equal([c.send('/items/' + path, key=('AKIDNOT', 'not'))[0]
               for path in ('user', 'admin', '%61dmin', 'admi%6E')],
              [200, 403, 403, 403], 'an encoded path is no way round it')
    tap.equal([c.send('/files' + path, key=('AKIDNOT', 'not'))[:2]
               for path in ('/user', '//user')],
              [(200, '/files/user')] * 2, 'what a location gets')
    tap.equal([c.send('/files' + path, key=('AKIDNOT', 'not'))[0]
               for path in ('/admin', '//admin', '/%61dmin', '/a/..//admin',
                            '/%2fadmin')],
              [403] * 5, 'it is what the policy must allow')
    tap.equal([c.send('/fixed')[0], nginx.get('/fixed').status,
               c.send('/fixed', 'POST', b'x')[0], nginx.get('/open').status],
              [200, 403, 403, 200], 'a fixed answer')
    tap.equal(Client(nginx, 'lambda').send('/items/1')[0], 403,
              'another service')
    tap.equal(nginx.metrics('f')['invocations'] - before, 2,
              'what is refused invokes nothing')
    r = nginx.get('/items/1', method='OPTIONS', headers={
        'Origin': 'https://x', 'Access-Control-Request-Method': 'GET'})
    tap.equal(r.status, 204, 'a preflight is not signed')


def others(tap, nginx):
    c = Client(nginx)
    status, e, r = c.send('/rest/x')
    tap.equal([status, e['requestContext']['identity']['caller']],
              [200, 'AKIDALL'], 'a REST API')
    status, e, r = c.send('/rest/x', key=('AKIDGET', 'get'))
    tap.ok(status == 403 and 'is not authorized to perform: execute-api:'
           'Invoke on resource: arn:aws:execute-api:us-east-1:123456789012:'
           'rest/default/GET/rest/x' in e['Message'],
           'a REST API says what is forbidden', e)
    r = nginx.get('/rest/x')
    tap.equal([r.status, r.headers['x-amzn-errortype'], r.json()],
              [403, 'MissingAuthenticationTokenException',
               {'message': 'Missing Authentication Token'}],
              'a REST API without signature')
    c = Client(nginx, 'lambda')
    status, e, r = c.send('/url/x', 'POST', b'1')
    tap.equal([status, e['requestContext']['authorizer']['iam']['accessKey']],
              [200, 'AKIDALL'], 'a function URL, of the service lambda')
    tap.equal(e['requestContext']['accountId'], '123456789012',
              'who is not anonymous is asked for by an account')
    tap.equal(Client(nginx).send('/url/x')[0], 403, 'and of no other')


with Tap() as tap:
    nginx = Nginx(http=HTTP, server=SERVER, functions={'f': {'app.py': ECHO}})
    with open(os.path.join(nginx.dir, 'keys.json'), 'w') as f:
        json.dump(KEYS, f)
    os.chmod(f.name, 0o600)
    with nginx:
        web(tap, nginx)
        others(tap, nginx)
        nginx.finish(tap)
