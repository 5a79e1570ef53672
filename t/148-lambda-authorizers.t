#!/usr/bin/python3
"""Lambda authorizers (contract, section 7.7): what they are asked, who is let
in, what the others are told, and how long an answer is good for."""

import json
import os
import re
import socket
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402

ECHO = '''\
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
'''

# what it is to answer is in the token; each event it gets is in its log
AUTH = '''\
import base64, ctypes, json, os, time

calls = 0

def arn(event):
    return event.get("routeArn") or event["methodArn"]

def policy(effect="Allow", resource=None, **more):
    return dict({"principalId": "ann", "policyDocument": {
        "Version": "2012-10-17", "Statement": [{
            "Action": "execute-api:Invoke", "Effect": effect,
            "Resource": resource or "*"}]}}, **more)

def handler(event, context):
    global calls
    calls += 1
    headers = {k.lower(): v for k, v in (event.get("headers") or {}).items()}
    token = headers.get("authorization") or event.get("authorizationToken", "")
    word, _, rest = token.partition(" ")
    if word == "policy":
        return policy(**json.loads(rest))
    if word == "mine":
        return policy(resource=arn(event))
    if word == "event":
        return policy(context={"event": json.dumps(event)})
    if word == "calls":
        return policy(context={"calls": calls})
    if word == "say":
        return json.loads(rest)
    if word == "raise":
        raise Exception(rest)
    if word == "exit":
        os._exit(3)
    if word == "slow":
        time.sleep(20)
    return {"isAuthorized": token == "yes", "context": {
        "event": json.dumps(event), "calls": calls, "list": ["a", {"b": 1}],
        "none": None, "true": True, "sub": "ann"}}
'''

HTTP = '''
    faas_cache_path {dir}/cache keys_zone=one:1m;
    faas_function echo {
        runtime python3; handler app.handler; code {functions}/echo;
    }
    faas_function idle {
        runtime python3; handler app.handler; code {functions}/echo;
    }
    faas_function auth {
        runtime python3; handler app.handler; code {functions}/auth;
        concurrency 1; queue 16 timeout=10s;
    }
    faas_function never {
        runtime python3; handler app.handler; code {functions}/auth;
        concurrency 0;
    }
    faas_function quick {
        runtime python3; handler app.handler; code {functions}/auth;
        timeout 1s;
    }

    faas_api shop {
        account 123456789012;
        cors allow_origins=https://a.example allow_methods=GET;
        authorizer simple request function=auth simple=on
                   identity=$request.header.Authorization;
        authorizer fresh request function=auth simple=on ttl=0s
                   identity=$request.header.Authorization;
        authorizer policy request function=auth
                   identity=$request.header.Authorization;
        authorizer one request function=auth payload=1.0 ttl=0s
                   identity=$request.header.Authorization,$request.querystring.q;
        authorizer open request function=auth simple=on ttl=0s;
        authorizer short request function=auth simple=on ttl=1s
                   identity=$request.header.Authorization;
        authorizer each request function=auth simple=on
                   identity=$request.header.Authorization,$context.routeKey;
        authorizer stage request function=auth simple=on
                   identity=$stageVariables.who,$request.header.Authorization;
        authorizer quick request function=quick simple=on ttl=0s;
        authorizer never request function=never simple=on ttl=0s;
        authorizer_default simple;

        stage prod who=them;
        stage $default;

        route GET /simple echo;
        route GET "/simple/{id}" echo;
        route GET /simple1 echo payload=1.0;
        route POST /idle idle;
        route GET /fresh echo authorizer=fresh;
        route POST /fresh echo authorizer=fresh;
        route GET /policy echo authorizer=policy;
        route GET "/policy/{id}" echo authorizer=policy;
        route GET "/policy/{id}/x" echo authorizer=policy;
        route GET "/files/{proxy+}" @files authorizer=policy;
        route GET /policy1 echo authorizer=policy payload=1.0;
        route GET "/one/{id}" echo authorizer=one;
        route GET /opened echo authorizer=open;
        route GET /short echo authorizer=short;
        route GET /cached echo authorizer=fresh;
        route GET /each/a echo authorizer=each;
        route GET /each/b echo authorizer=each;
        route GET /stage echo authorizer=stage;
        route GET /quick echo authorizer=quick;
        route GET /never echo authorizer=never;
        route GET /fixed return 200 '{"fixed":true}';
        route GET /static @static;
        route GET /health return 200 '{"ok":true}' authorizer=none;
    }

    faas_api pets {
        type rest;
        account 123456789012;
        authorizer token token function=auth ttl=0s
                   'validate=(policy|mine|event|say|raise|exit|calls) .*';
        authorizer kept token function=auth identity=$request.header.X-Token;
        authorizer request request function=auth ttl=0s
                   identity=$request.header.Authorization;

        route GET /token echo authorizer=token;
        route GET "/token/{id}" echo authorizer=token;
        route GET /kept echo authorizer=kept;
        route GET "/request/{id}" echo authorizer=request;
    }

    log_format ask '$uri $status [$faas_authorizer|$faas_principal_id|'
                   '$faas_context_sub|$faas_context_calls|'
                   '$faas_context_list|$faas_error]';
'''

SERVER = '''
    access_log {dir}/access.log ask;
    location / { faas_api_pass shop; }
    location /rest/ { faas_api_pass pets base_path=/rest; }
    location @static {
        return 200 "static for $faas_context_sub";
    }
    location @files { return 200 $uri; }
    location = /included { ssi on; ssi_types *; default_type text/html;
        alias {dir}/included.html; }
    location = /mirrored { mirror /fresh; default_type text/plain;
        alias {dir}/both.txt; }
    location = /cached {
        faas_cache one;
        faas_cache_key $request_uri:$faas_context_sub;
        faas_cache_valid 1s;
        faas_cache_use_stale updating;
        faas_cache_background_update on;
        add_header X-Cache $upstream_cache_status;
        faas_api_pass shop;
    }
    location = /both { auth_request /fixed; default_type text/plain;
        alias {dir}/both.txt; }
    location /errors/ {
        error_page 403 500 /login;
        faas_api_pass shop base_path=/errors;
    }
    location = /login { return 200 "login"; }
'''


def get(path, token=None, **options):
    headers = dict(options.pop('headers', {}))
    if token is not None:
        headers['Authorization'] = token
    return nginx.get(path, headers=headers, **options)


def lambdas(r):
    return r.json()['requestContext']['authorizer']['lambda']


def calls():
    return nginx.metrics('auth')['invocations']


def same(tap, r, status, body, name, error=None):
    tap.equal((r.status, r.body.decode(), r.headers.get('x-amzn-errortype')),
              (status, body, error), name)


def simple(tap):
    r = get('/simple', 'yes')
    tap.equal(r.status, 200, 'let in')
    context = lambdas(r)
    event = json.loads(context.pop('event'))
    tap.equal((context.pop('calls') > 0, context),
              (True, {'list': ['a', {'b': 1}], 'none': None, 'true': True,
                      'sub': 'ann'}), 'the context in the event, as it is')

    for path, token, status, body in (
            ('/simple', 'no', 403, '{"message":"Forbidden"}'),
            ('/simple', None, 401, '{"message":"Unauthorized"}'),
            ('/simple', '', 401, '{"message":"Unauthorized"}'),
            ('/fixed', 'no', 403, '{"message":"Forbidden"}'),
            ('/static', 'no', 403, '{"message":"Forbidden"}')):
        same(tap, get(path, token), status, body,
             'refused: %s %r' % (path, token))

    tap.equal(get('/fixed', 'yes').json(), {'fixed': True},
              'a fixed answer behind an authorizer')
    tap.equal(get('/static', 'yes').body, b'static for ann',
              'a named location')
    tap.equal(get('/health').json(), {'ok': True}, 'authorizer=none')

    r = get('/simple1', 'yes')
    flat = r.json()['requestContext']['authorizer']
    flat.pop('event'), flat.pop('calls')
    tap.equal(flat, {'list': ['a', {'b': 1}], 'none': None, 'true': True,
                     'sub': 'ann'}, 'payload 1.0: flat')

    return event


def event2(tap, event):
    r = get('/simple/a%2Fb?x=1&x=%32&y', 'yes 2')
    tap.equal(r.status, 403, 'denied')
    r = get('/fresh?x=1&x=%32&y', 'yes', headers={'Cookie': 'a=b; c=d'})
    mine = r.json()
    event = json.loads(mine['requestContext'].pop('authorizer')['lambda']
                       ['event'])
    tap.equal((event['version'], event['type'], event['routeArn'],
               event['identitySource']),
              ('2.0', 'REQUEST', 'arn:aws:execute-api:us-east-1:123456789012:'
               'shop/$default/GET/fresh', ['yes']), 'what it is asked')
    for key in ('time', 'timeEpoch', 'requestId'):
        event['requestContext'].pop(key), mine['requestContext'].pop(key)
    for key in ('type', 'routeArn', 'identitySource'):
        event.pop(key)
    tap.equal(mine.pop('isBase64Encoded'), False, 'a body is not in it')
    mine['headers'].pop('x-amzn-trace-id')
    event['headers'].pop('x-amzn-trace-id')
    tap.equal(event, mine, 'and all the rest is as in the event')

    r = get('/fresh', 'yes', method='POST', body=b'{"a":1}',
            headers={'Content-Type': 'application/json'})
    event = json.loads(lambdas(r)['event'])
    tap.equal((r.status, r.json()['body'], 'body' in event,
               event['headers']['content-length'],
               event['requestContext']['http']['method']),
              (200, '{"a":1}', False, '7', 'POST'), 'a body is read later')

    big = b'x' * 900000
    r = get('/fresh', 'yes', method='POST', body=big,
            headers={'Content-Type': 'text/plain'})
    tap.equal(r.json()['body'], big.decode(), 'a large one')

    r = get('/opened')
    tap.equal(r.status, 403, 'without identity sources it is always asked')


def event1(tap):
    r = get('/one/a%2Fb?q=1&q=%20&x', 'event')
    e = json.loads(r.json()['requestContext']['authorizer']['lambda']
                   ['event'])
    tap.equal((e['version'], e['type'], e['methodArn'], e['identitySource'],
               e['authorizationToken'], e['resource'], e['path'],
               e['httpMethod'], e['pathParameters'],
               e['queryStringParameters'], 'body' in e),
              ('1.0', 'REQUEST', 'arn:aws:execute-api:us-east-1:123456789012:'
               'shop/$default/GET/one/a%2Fb', 'event,1, ', 'event,1, ',
               '/one/{id}', '/one/a/b', 'GET', {'id': 'a/b'},
               {'q': ' ', 'x': ''}, False), 'payload 1.0')
    tap.equal([get('/one/a' + query, 'mine').status
               for query in ('', '?q', '?q=', '?Q=1', '?q=1', '?%71=1')],
              [401, 401, 401, 401, 200, 200],
              'each identity source has to be there')


def policies(tap):
    r = get('/policy', 'policy {"context":{"sub":"bob","principalId":"x"}}')
    tap.equal(lambdas(r), {'sub': 'bob'}, 'an IAM answer with context')
    tap.equal(lambdas(get('/policy', 'policy {}')), {}, 'without')
    r = get('/policy1', 'policy {"context":{"sub":"bob","principalId":"x"}}')
    tap.equal(r.json()['requestContext']['authorizer'],
              {'principalId': 'ann', 'sub': 'bob'}, 'payload 1.0')

    base = 'arn:aws:execute-api:us-east-1:123456789012:shop/'
    for path, resource, effect, status in (
            ('/policy', base + '*', 'Allow', 200),
            ('/policy', base + '$default/GET/policy', 'Allow', 200),
            ('/policy', base + '$default/POST/policy', 'Allow', 403),
            ('/policy/a', base + '*/GET/policy/*', 'Allow', 200),
            ('/policy/b', base + '*/GET/policy/a', 'Allow', 403),
            ('/policy', base + '*', 'Deny', 403),
            ('/policy', 'arn:aws:execute-api:*:*:other/*', 'Allow', 403)):
        tap.equal(get(path, 'policy ' + json.dumps(
            {'resource': resource, 'effect': effect})).status, status,
            'IAM: %s %s, %s' % (effect, resource, path))

    # one answer, which is kept, is for several routes
    token = 'policy ' + json.dumps({'resource': base + '*/GET/policy/ab'})
    before = calls()
    tap.equal([get('/policy/' + p, token).status
               for p in ('ab', 'a', '%61b', 'ab/x')], [200, 403, 403, 403],
              'a policy that is kept is asked about each path')
    tap.equal(calls() - before, 1, 'by one invocation')

    # what is denied is denied however it is written
    deny = {'principalId': 'x', 'policyDocument': {'Statement': [
        {'Effect': 'Allow', 'Action': '*', 'Resource': '*'},
        {'Effect': 'Deny', 'Action': '*',
         'Resource': [base + '*/GET/policy/admin*',
                      base + '*/GET/files/admin*']}]}}
    tap.equal([get('/policy/' + p, 'say ' + json.dumps(deny)).status
               for p in ('user', 'admin', '%61dmin', 'admi%6e', 'admin/x')],
              [200, 403, 403, 403, 403], 'encoded paths are no way round')
    tap.equal([get('/files' + p, 'say ' + json.dumps(deny)).status
               for p in ('//user', '/admin', '//admin', '/%61dmin',
                         '/%2fadmin', '/a/..//admin')],
              [200, 403, 403, 403, 403, 403],
              'nor are slashes, where the target gets what nginx makes of it')


def failures(tap):
    error = '{"message":"Internal Server Error"}'
    same(tap, get('/policy', 'raise Unauthorized'), 401,
         '{"message":"Unauthorized"}', 'Unauthorized')
    for token in ('raise unauthorized', 'raise other', 'exit',
                  'say 1', 'say null', 'say []', 'say "x"', 'say {}',
                  'say {"principalId":"a"}',
                  'say {"isAuthorized":true}',
                  'say {"principalId":1,"policyDocument":{"Statement":[]}}',
                  'say {"principalId":"a","policyDocument":"x"}',
                  'say {"principalId":"a","policyDocument":{}}',
                  'say {"principalId":"a","policyDocument":{"Statement":'
                  '[{"Effect":"allow","Action":"*","Resource":"*"}]}}',
                  'say {"principalId":"a","policyDocument":{"Statement":[]},'
                  '"context":[]}'):
        same(tap, get('/policy', token), 500, error, 'failed: ' + token)

    for token in ('say {}', 'say {"isAuthorized":"true"}', 'say [true]',
                  'say {"isAuthorized":1}', 'say {"isAuthorized":null}',
                  'say {"isAuthorized":true,"context":"x"}',
                  'say {"principalId":"a","policyDocument":{"Statement":'
                  '[{"Effect":"Allow","Action":"*","Resource":"*"}]}}'):
        same(tap, get('/fresh', token), 500, error, 'not simple: ' + token)

    tap.equal(get('/fresh', 'say {"isAuthorized":true,"context":null}')
              .status, 200, 'a context of null')
    same(tap, get('/quick', 'slow'), 500, error, 'one that takes too long')

    log = nginx.log()
    for text in ('function "auth": "principalId" is missing',
                 'function "auth": "isAuthorized" is no boolean',
                 'function "auth": Effect is neither Allow nor Deny',
                 'function "auth": Runtime.ExitError',
                 'function "quick": Sandbox.Timedout',
                 'function "auth": Unauthorized'):
        tap.ok(re.search(r'faas: authorizer "\w+" of API "shop" refused route '
                         r'"GET /\w+": ' + re.escape(text), log),
               'the log says: ' + text)
    tap.ok('Bearer' not in log, 'no token is in the log')


def rest(tap):
    base = 'arn:aws:execute-api:us-east-1:123456789012:pets/'
    r = get('/rest/token', 'event x')
    a = r.json()['requestContext']['authorizer']
    tap.equal(json.loads(a.pop('event')), {
        'type': 'TOKEN', 'authorizationToken': 'event x',
        'methodArn': base + 'default/GET/token'}, 'TOKEN: what it is asked')
    tap.ok(a.pop('integrationLatency') >= 0 and a == {'principalId': 'ann'},
           'what the event says of it', repr(a))

    r = get('/rest/token', 'policy {"context":{"n":1.50,"t":true,"s":"\u00e9'
            '\\"","integrationLatency":"x"}}'.encode().decode('latin-1'))
    a = r.json()['requestContext']['authorizer']
    a.pop('integrationLatency')
    tap.equal(a, {'principalId': 'ann', 'n': '1.5', 't': 'true',
                  's': '\u00e9"'}, 'values of the context are strings')

    r = get('/rest/request/a%2Fb?q=1&q=2', 'event', headers={'X-a': 'b'})
    e = json.loads(r.json()['requestContext']['authorizer']['event'])
    mine = r.json()
    tap.equal((e.pop('type'), e.pop('methodArn')),
              ('REQUEST', base + 'default/GET/request/a%2Fb'),
              'REQUEST: what it is asked')
    mine.pop('body'), mine.pop('isBase64Encoded')
    mine['requestContext'].pop('authorizer')
    for each in (e, mine):
        for key in ('requestId', 'requestTime', 'requestTimeEpoch',
                    'extendedRequestId'):
            each['requestContext'].pop(key)
        each['headers'].pop('X-Amzn-Trace-Id')
        each['multiValueHeaders'].pop('X-Amzn-Trace-Id')
    mine['stageVariables'] = {}
    tap.equal(e, mine, 'and all the rest is as in the event, maps are empty')

    denied = ('{"Message":"User is not authorized to access this resource%s"}')
    same(tap, get('/rest/token', 'policy {"effect":"Deny"}'), 403,
         denied % ' with an explicit deny', 'an explicit deny',
         'AccessDeniedException')
    same(tap, get('/rest/token', 'policy {"resource":"arn:aws:x:::y"}'), 403,
         denied % '', 'no allow', 'AccessDeniedException')
    for token in (None, 'other', 'mine', 'xevent x', 'event'):
        before = calls()
        same(tap, get('/rest/token', token), 401,
             '{"message":"Unauthorized"}', 'not valid: %r' % token,
             'UnauthorizedException')
        tap.equal(calls(), before, 'without an invocation')
    same(tap, get('/rest/token', 'raise Unauthorized'), 401,
         '{"message":"Unauthorized"}', 'Unauthorized',
         'UnauthorizedException')
    for token in ('raise x', 'exit x', 'say {"isAuthorized":true}',
                  'policy {"context":{"a":[1]}}',
                  'policy {"context":{"a":{}}}',
                  'policy {"context":{"a":null}}'):
        same(tap, get('/rest/token', token), 500, '{"message":null}',
             'failed: ' + token, 'AuthorizerConfigurationException')
    tap.equal([nginx.get('/rest/kept', headers={'X-Token': 'mine'}).status,
               get('/rest/kept', 'mine').status], [200, 401],
              'a token in another header')


def kept(tap):
    def count(path, token, **options):
        return lambdas(get(path, token, **options)).get('calls')

    first = count('/simple', 'yes')
    tap.equal([count('/simple', 'yes'), count('/simple/x', 'yes')],
              [first, first], 'an answer is kept, for all routes')
    tap.ok(count('/fresh', 'yes') < count('/fresh', 'yes'), 'ttl=0s')

    before = calls()
    tap.equal([get('/simple', 'nobody').status for i in range(3)], [403] * 3,
              'a refusal')
    tap.equal(calls() - before, 1, 'is kept as well')

    before = calls()
    tap.equal([get('/policy', 'raise Unauthorized').status,
               get('/policy', 'raise Unauthorized').status,
               get('/policy', 'say {}').status,
               get('/policy', 'say {}').status], [401, 401, 500, 500],
              'a failure')
    tap.equal(calls() - before, 4, 'is not')

    a, b = count('/each/a', 'yes'), count('/each/b', 'yes')
    tap.ok(a != b, 'another route key is another identity')
    tap.equal([count('/each/a', 'yes'), count('/each/b', 'yes')], [a, b],
              'each is kept')

    c = count('/prod/stage', 'yes')
    tap.equal((get('/stage', 'yes').status, count('/prod/stage', 'yes')),
              (401, c), 'a stage variable, which another stage lacks')
    tap.ok(count('/prod/simple', 'yes') != first, 'stages have their own')

    # two headers are not the first of them
    tap.equal([nginx.get('/rest/kept', headers=h).status for h in (
        {'X-Token': 'mine'}, {'X-Token': 'mine', 'x-token': 'other'})],
        [200, 500], 'two headers are another identity')

    d = count('/short', 'yes')
    tap.equal(count('/short', 'yes'), d, 'kept for a second')
    wait_for(lambda: count('/short', 'yes') != d, 10, 'the end of ttl')
    tap.ok(True, 'and no longer')

    nginx.reload()
    tap.ok(count('/simple', 'yes') != first, 'a reload forgets')


def shared(tap):
    """All workers have the same answers."""
    seen = set()
    before = calls()
    for i in range(60):
        seen.add(lambdas(get('/simple', 'yes'))['calls'])
    tap.ok(len(seen) == 1 and calls() - before <= 1,
           'several workers, one invocation', repr(seen))


def full(tap):
    """A full zone forgets the oldest and alarms nobody."""
    text = 'x' * 2000
    for i in range(60):
        tap_status = get('/simple', 'n%d %s' % (i, text)).status
        if tap_status != 403:
            break
    tap.equal(tap_status, 403, 'more than fits')
    before = calls()
    get('/simple', 'n0 ' + text)
    get('/simple', 'n59 ' + text)
    tap.equal(calls() - before, 1, 'the oldest was asked again')


def inside(tap):
    """In subrequests, and with them."""
    r = nginx.get('/included', headers={'Authorization': 'yes'})
    parts = r.body.decode().split('|')
    tap.equal([json.loads(p)['rawPath'] for p in parts[1:4]],
              ['/fresh', '/simple', '/fresh'], 'in included answers')
    tap.equal(json.loads(parts[1])['requestContext']['authorizer']['lambda']
              ['sub'], 'ann', 'each with its context')
    r = nginx.get('/included', headers={'Authorization': 'no'})
    tap.equal(r.body.decode().split('|')[1], '{"message":"Forbidden"}',
              'refused there, too')

    tap.equal([(r.status, r.body) for r in (get('/both', 'yes'),)],
              [(200, b'both')], 'as what auth_request asks')
    tap.equal([get('/both', 'no').status, get('/both').status], [403, 401],
              'which is refused')

    tap.equal(get('/errors/simple', 'no').body, b'login', 'error_page 403')
    tap.equal(get('/errors/policy', 'raise x').body, b'login',
              'error_page 500')
    r = get('/simple', 'yes', method='HEAD')
    tap.equal((r.status, r.body), (404, b''), 'HEAD has no route')


def behind(tap):
    """In requests that go on in the background, and end."""
    def next_one(path):
        with socket.create_connection(('127.0.0.1', nginx.port), 10) as s:
            for each in (path, '/health'):
                s.sendall(('GET %s HTTP/1.1\r\nHost: x\r\n'
                           'Authorization: yes\r\n\r\n' % each).encode())
                answer = b''
                while b'\r\n\r\n' not in answer:
                    answer += s.recv(65536) or b'closed\r\n\r\n'
        return answer.split(b'\r\n')[0]

    before = nginx.metrics('echo')['invocations']
    tap.equal(next_one('/mirrored'), b'HTTP/1.1 200 OK',
              'a copy of a request is let in, and is over')
    tap.equal(nginx.metrics('echo')['invocations'] - before, 1,
              'the function had the copy')

    def state():
        return get('/cached', 'yes').headers.get('x-cache')

    before = calls()
    tap.equal(state(), 'MISS', 'an answer that is kept')
    time.sleep(1.5)
    tap.equal(next_one('/cached'), b'HTTP/1.1 200 OK',
              'its update is let in, and is over')
    tap.equal(state(), 'HIT', 'it was updated')
    tap.equal(calls() - before, 3, 'and not asked about once more')


def busy(tap):
    """The authorizer's own limits."""
    same(tap, get('/never', 'yes'), 500,
         '{"message":"Internal Server Error"}', 'one that is throttled')
    results = []

    def one(i):
        results.append(get('/fresh', 'yes').status)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tap.equal(results, [200] * 8, 'eight at once, which it queues')


def away(tap):
    """A client that does not wait for its authorizer."""
    before = nginx.metrics('quick')['invocations']
    s = socket.create_connection(('127.0.0.1', nginx.port), 10)
    s.sendall(b'GET /quick HTTP/1.1\r\nHost: x\r\nAuthorization: slow\r\n\r\n')
    wait_for(lambda: nginx.metrics('quick')['environments']['busy'], 10,
             'the authorizer')
    s.close()
    wait_for(lambda: nginx.metrics('quick')['invocations'] > before, 10,
             'its end')
    tap.equal(get('/simple', 'yes').status, 200, 'the worker goes on')


def early(tap):
    before = nginx.metrics('idle')['invocations']
    with socket.create_connection(('127.0.0.1', nginx.port), 10) as s:
        s.sendall(b'POST /idle HTTP/1.1\r\nHost: x\r\nAuthorization: no\r\n'
                  b'Content-Length: 1000\r\n\r\n')
        tap.ok(s.recv(4096).startswith(b'HTTP/1.1 403 '),
               'refused before the body is read')
    m = nginx.metrics('idle')
    tap.equal((m['invocations'], m['counters']['environments_started']),
              (before, 0), 'and no environment was started')


def logs(tap):
    get('/simple', 'yes')
    get('/policy', 'policy {"context":{"sub":"eve\\nx"}}')
    get('/policy', 'say {"x":1}')
    for pattern in (r'/simple 200 \[simple\|-\|ann\|\d+\|-\|-\]',
                    r'/policy 200 \[policy\|ann\|-\|-\|-\|-\]',
                    r'/policy 500 \[policy\|-\|-\|-\|-\|'
                    r'Gateway.AuthorizerFailure\]',
                    r'/simple 401 \[simple\|-\|-\|-\|-\|'
                    r'Gateway.Unauthorized\]',
                    r'/simple 403 \[simple\|-\|ann\|\d+\|-\|'
                    r'Gateway.AccessDenied\]'):
        try:
            wait_for(lambda p=pattern: any(re.fullmatch(p, line) for line in
                                           nginx.access_log()), 5)
            found = True
        except TimeoutError:
            found = False
        tap.ok(found, 'access log: ' + pattern,
               '\n'.join(nginx.access_log()[-20:]))


with Tap() as tap:
    nginx = Nginx(functions={'echo': {'app.py': ECHO},
                             'auth': {'app.py': AUTH}})
    with open(os.path.join(nginx.dir, 'included.html'), 'w') as f:
        f.write('|<!--#include virtual="/fresh" -->|'
                '<!--#include virtual="/simple" -->|'
                '<!--#include virtual="/fresh" -->|')
    with open(os.path.join(nginx.dir, 'both.txt'), 'w') as f:
        f.write('both')
    nginx.write_conf(http='faas_authorizer_cache 64k;' + HTTP, server=SERVER)

    with nginx:
        event2(tap, simple(tap))
        event1(tap)
        policies(tap)
        failures(tap)
        rest(tap)
        kept(tap)
        shared(tap)
        full(tap)
        inside(tap)
        behind(tap)
        busy(tap)
        away(tap)
        early(tap)
        logs(tap)
        nginx.finish(tap)
