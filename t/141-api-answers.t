#!/usr/bin/python3
"""Answers by the rules of every type of API, what the gateway says itself,
and CORS (contract, sections 7.1 to 7.4, 7.6 and 7.12)."""

import base64
import http.client
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402

# returns what it is told to, by the body or by a header of any API
SAY = '''\
import base64, json, time

def handler(event, context):
    h = event.get("headers") or event.get("multiValueHeaders")
    h = {k.lower(): v for k, v in h.items()}
    text = h.get("x-say")
    text = text[0] if isinstance(text, list) else text
    text = base64.b64decode(text).decode()
    if text == "raise":
        raise ValueError("no")
    if text == "sleep":
        time.sleep(30)
    return json.loads(text)
'''

HTTP = '''
    faas_function say {
        runtime python3; handler app.handler; code {functions}/say;
        timeout 2s;
    }

    faas_function busy {
        runtime python3; handler app.handler; code {functions}/say;
        concurrency 0;
    }

    faas_api two {
        cors allow_origins=https://a.example,https://*.b.example
             allow_methods=GET,POST allow_headers=x-a,x-b
             expose_headers=x-c max_age=300 allow_credentials=on;
        route ANY /say say;
        route GET /busy busy;
        route GET /mock return 201 '{"a":1}';
        route GET /empty return 204;
        route GET /text return 200 "hi {x}" "type=text/plain";
        route GET /static @static;
    }

    faas_api one { payload 1.0; route ANY /say say; }

    faas_api rest {
        type rest;
        binary_media_types image/* application/x;
        cors allow_origins=* allow_methods=*;
        route ANY /say say;
        route GET /busy busy;
    }

    faas_api url { type url; route $default say; }
    faas_api urlbusy { type url; route $default busy; }
    faas_api lb { type alb; route $default say; }
    faas_api lbs { type alb; multi_value on; route $default say; }
'''

SERVER = ''.join('    location /%s/ { faas_api_pass %s base_path=/%s; }\n'
                 % (n, n, n) for n in ('two', 'one', 'rest', 'url',
                                       'urlbusy', 'lb', 'lbs')) + '''
    location @static { return 200 "static $uri"; }
    location /small/ {
        faas_api_pass rest base_path=/small;
        faas_request_max 10;
    }
'''


class Raw:
    """All headers of an answer, repeated ones too."""

    def __init__(self, nginx, path, say=None, method='GET', headers=None,
                 body=None):
        headers = dict(headers or {})
        if say is not None:
            text = say if isinstance(say, str) else json.dumps(say)
            headers['X-Say'] = base64.b64encode(text.encode()).decode()
        c = http.client.HTTPConnection('127.0.0.1', nginx.port, timeout=20)
        c.request(method, path, headers=headers, body=body)
        r = c.getresponse()
        self.status, self.all = r.status, r.getheaders()
        self.body = r.read()
        c.close()

    def get(self, name):
        return [v for k, v in self.all if k.lower() == name.lower()]

    def one(self, name):
        return ', '.join(self.get(name))


def two(tap, ask):
    r = ask('/two/say', {'statusCode': 202, 'headers': {'X-A': 1},
                         'cookies': ['a=1', 'b=2'], 'body': 'x',
                         'multiValueHeaders': {'X-A': ['9']}})
    tap.equal([r.status, r.one('x-a'), r.get('set-cookie'), r.body,
               r.one('content-type')],
              [202, '1', ['a=1', 'b=2'], b'x', 'text/plain;charset=UTF-8'],
              'HTTP 2.0: an answer')
    tap.equal(len(r.one('apigw-requestid')), 16, 'HTTP 2.0: a request id')
    r = ask('/two/say', {'statusCode': 'x'})
    tap.equal([r.status, r.body],
              [500, b'{"message":"Internal Server Error"}'],
              'HTTP 2.0: a malformed answer')
    r = ask('/two/say', 'raise')
    tap.equal([r.status, r.body],
              [500, b'{"message":"Internal Server Error"}'],
              'HTTP 2.0: a function that failed')
    r = ask('/two/busy')
    tap.equal([r.status, r.body],
              [503, b'{"message":"Service Unavailable"}'],
              'HTTP 2.0: a function that is throttled')
    r = ask('/two/nothing')
    tap.equal([r.status, r.body], [404, b'{"message":"Not Found"}'],
              'HTTP 2.0: no route')


def targets(tap, ask):
    r = ask('/two/mock')
    tap.equal([r.status, r.one('content-type'), r.body],
              [201, 'application/json', b'{"a":1}'], 'a fixed answer')
    r = ask('/two/empty')
    tap.equal([r.status, r.body, r.get('content-length')], [204, b'', []],
              'a fixed answer without a body')
    r = ask('/two/text')
    tap.equal([r.one('content-type'), r.body],
              ['text/plain', b'hi {x}'], 'a fixed answer of another type')
    r = ask('/two/text', method='HEAD')
    tap.equal(r.status, 404, 'HEAD is a method like others')
    r = ask('/two/static')
    tap.equal([r.status, r.body], [200, b'static /two/static'],
              'a named location')


def one(tap, ask):
    r = ask('/one/say', {'headers': {'x': True, 'Y': '2'},
                         'multiValueHeaders': {'y': ['1', 'z']},
                         'cookies': ['a=b'], 'body': 'hi'})
    tap.equal([r.status, r.one('x'), r.get('y'), r.get('set-cookie'),
               r.body], [200, 'true', ['1', 'z', '2'], [], b'hi'],
              'HTTP 1.0: both maps of headers, no cookies')
    r = ask('/one/say', [1])
    tap.equal([r.status, r.body],
              [500, b'{"message":"Internal Server Error"}'],
              'HTTP 1.0: only an object is an answer')


def rest(tap, ask):
    r = ask('/rest/say', {})
    tap.equal([r.status, r.body, r.one('content-type')],
              [200, b'', 'application/json'], 'REST: an empty object')
    r = ask('/rest/say', {'statusCode': '201', 'body': 'x',
                          'headers': {'Date': 'd', 'Server': 's',
                                      'authorization': 'a', 'X-A': 'b'}})
    tap.equal([r.status, r.one('x-amzn-remapped-date'),
               r.one('x-amzn-remapped-server'),
               r.one('x-amzn-remapped-authorization'), r.one('x-a')],
              [201, 'd', 's', 'a', 'b'], 'REST: headers with other names')
    for say, name in (({'x': 1}, 'an unknown member'), ([], 'no object'),
                      ({'cookies': []}, 'cookies'),
                      ({'statusCode': 1.5}, 'no integer'),
                      ({'headers': {'a': {}}}, 'an object as header'),
                      ({'multiValueHeaders': {'a': 'b'}}, 'no array'),
                      ({'body': {}}, 'a body that is no string')):
        r = ask('/rest/say', say)
        tap.equal([r.status, r.body, r.one('x-amzn-errortype')],
                  [502, b'{"message":"Internal server error"}',
                   'InternalServerErrorException'], 'REST: ' + name)

    binary = {'isBase64Encoded': True, 'body': 'AAH/'}
    r = ask('/rest/say', binary, headers={'Accept': 'image/png, */*'})
    tap.equal([r.status, r.body], [200, b'\x00\x01\xff'],
              'REST: binary for who accepts it')
    r = ask('/rest/say', binary, headers={'Accept': 'text/html, image/png'})
    tap.equal(r.body, b'AAH/', 'REST: and base64 for others')
    r = ask('/rest/say', {'isBase64Encoded': True, 'body': '!'},
            headers={'Accept': 'application/x'})
    tap.equal([r.status, r.body],
              [500, b'{"message":"Internal server error"}'],
              'REST: what is not base64')
    r = ask('/rest/say', 'raise')
    tap.equal([r.status, r.body],
              [502, b'{"message":"Internal server error"}'],
              'REST: a function that failed')
    r = ask('/rest/say', 'sleep')
    tap.equal([r.status, r.body],
              [502, b'{"message":"Internal server error"}'],
              'REST: a function that is too slow')
    r = ask('/rest/nothing')
    tap.equal([r.status, r.body, r.one('x-amzn-errortype')],
              [403, b'{"message":"Missing Authentication Token"}',
               'MissingAuthenticationTokenException'], 'REST: no resource')
    r = ask('/rest/busy')
    tap.equal([r.status, r.body],
              [500, b'{"message":"Internal server error"}'],
              'REST: a function that is throttled')
    r = ask('/small/say', {}, method='POST', body='x' * 11)
    tap.equal([r.status, r.body],
              [413, b'{"message":"Request Too Long"}'],
              'REST: a body that is too long')


def url(tap, ask):
    for say, body in ((['hello', 3, True], b'["hello",3,true]'),
                      ('"hello"', b'hello'), ('3', b'3'), ('null', b'null'),
                      ({'a': 1}, b'{"a":1}')):
        r = ask('/url/', say)
        tap.equal([r.status, r.one('content-type'), r.body],
                  [200, 'application/json', body], 'URL: %r' % (say,))
    r = ask('/url/', {'statusCode': 200, 'body': 'body123'})
    tap.equal([r.one('content-type'), r.body],
              ['application/json', b'body123'], 'URL: an answer')
    r = ask('/url/', {'statusCode': 'x'})
    tap.equal([r.status, r.body], [502, b'Internal Server Error'],
              'URL: a malformed answer')
    r = ask('/url/', 'raise')
    tap.equal([r.status, r.body], [502, b'Internal Server Error'],
              'URL: a function that failed')
    r = ask('/urlbusy/')
    tap.equal([r.status, r.one('x-amzn-errortype'), json.loads(r.body)],
              [429, 'TooManyRequestsException',
               {'Reason': 'ConcurrentInvocationLimitExceeded',
                'Type': 'User', 'message': 'Rate Exceeded.'}],
              'URL: a function that is throttled')


def alb(tap, ask):
    r = ask('/lb/', {'statusCode': 200, 'statusDescription': '200 OK',
                     'headers': {'x': '1', 'Connection': 'x'},
                     'multiValueHeaders': {'x': ['2']}, 'body': 'b'})
    tap.equal([r.status, r.get('x'), r.body, r.get('content-type')],
              [200, ['1'], b'b', []], 'ALB: headers')
    r = ask('/lbs/', {'statusCode': 200, 'headers': {'x': '1'},
                      'multiValueHeaders': {'x': ['2', '3']}})
    tap.equal(r.get('x'), ['2', '3'], 'ALB, several values: headers')
    for say in ({}, [1], 'raise'):
        r = ask('/lb/', say)
        tap.equal([r.status, r.one('content-type'), b'<h1>502' in r.body],
                  [502, 'text/html', True], 'ALB: %r' % (say,))


def cors(tap, ask):
    ask_for = {'Origin': 'https://x.b.example',
               'Access-Control-Request-Method': 'POST'}
    r = ask('/two/nothing', method='OPTIONS', headers=ask_for)
    tap.equal([r.status, r.body, r.one('access-control-allow-origin'),
               r.one('access-control-allow-methods'),
               r.one('access-control-allow-headers'),
               r.one('access-control-max-age'),
               r.one('access-control-allow-credentials'), r.one('vary')],
              [204, b'', 'https://x.b.example', 'GET,POST', 'x-a,x-b', '300',
               'true', 'Origin'], 'CORS: a preflight')
    ask_for['Origin'] = 'https://b.example.org'
    r = ask('/two/say', method='OPTIONS', headers=ask_for)
    tap.equal([r.status, r.get('access-control-allow-origin')], [204, []],
              'CORS: a preflight from elsewhere')
    say = {'statusCode': 200, 'headers': {
        'Access-Control-Allow-Origin': 'https://evil', 'x-c': '1'}}
    r = ask('/two/say', say, headers={'Origin': 'https://a.example'})
    tap.equal([r.get('access-control-allow-origin'),
               r.one('access-control-expose-headers'), r.one('x-c')],
              [['https://a.example'], 'x-c', '1'],
              'CORS: the gateway says what the function must not')
    r = ask('/two/say', say)
    tap.equal([r.get('access-control-allow-origin'), r.one('vary')],
              [[], 'Origin'], 'CORS: not asked for')
    r = ask('/two/busy', headers={'Origin': 'https://a.example'})
    tap.equal([r.status, r.one('access-control-allow-origin')],
              [503, 'https://a.example'], 'CORS: with an error, too')
    r = ask('/rest/say', {}, headers={'Origin': 'https://any'})
    tap.equal([r.one('access-control-allow-origin'), r.get('vary')],
              ['*', []], 'CORS: any origin')


with Tap() as tap, Nginx(http=HTTP, server=SERVER,
                         functions={'say': {'app.py': SAY}}) as nginx:
    def ask(path, say=None, **options):
        return Raw(nginx, path, say, **options)

    for part in (two, targets, one, rest, url, alb, cors):
        part(tap, ask)

    nginx.finish(tap)
