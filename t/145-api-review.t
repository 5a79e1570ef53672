#!/usr/bin/python3
"""What a review of APIs and of the Lambda API has found."""

import http.client
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402

CODE = '''\
def handler(event, context):
    headers = event.get("multiValueHeaders", {})
    forwarded = headers.get("x-forwarded-for")
    if forwarded:
        return {"statusCode": 200,
                "body": str([event["headers"]["x-forwarded-for"]] + forwarded)}
    return {"statusCode": 200, "body": event.get("routeKey", "-")}
'''

# the least that is a FastCGI application

CGI = """\
import socket, struct

listening = socket.socket(fileno=0)
while True:
    c, _ = listening.accept()
    with c, c.makefile('rb') as f:
        while True:
            version, kind, rid, n, pad = struct.unpack('>BBHHBx', f.read(8))
            f.read(n + pad)
            if kind == 5 and n == 0:
                break
        text = b'Access-Control-Allow-Origin: *\\r\\nX-One: 1\\r\\n\\r\\ncgi'
        c.sendall(struct.pack('>BBHHBx', 1, 6, rid, len(text), 0) + text
                  + struct.pack('>BBHHBx', 1, 6, rid, 0, 0)
                  + struct.pack('>BBHHBxIB3x', 1, 3, rid, 8, 0, 0, 0))
"""

FUNCTION = '''
    faas_function %s {
        runtime python3; handler app.handler; code {functions}/f;
    }
'''

HTTP = FUNCTION % 'f' + '''
    faas_function cgi {
        runtime fastcgi; code {functions}/cgi;
        command /usr/bin/python3 /var/task/app.py; keep_conn off;
    }
    faas_cache_path {dir}/cache keys_zone=one:1m;
    add_header X-Cache $upstream_cache_status always;

    faas_api a {
        cors allow_origins=https://a.example;
        route GET "/cached/{id}" f;
        route GET "/cached/{a}/{b}" f;
        route GET "/files/{name}" @files;
        route GET "/files/private/{proxy+}" return 403;
        route GET "/files/any/{proxy+}" @files;
        route GET "/cgi/{name}" cgi;
        route GET "/cgi/private/{proxy+}" return 403;
        route GET /missing f;
        route GET /forwarded f payload=1.0;
    }
'''

SERVER = '''
    location / { faas_api_pass a; error_page 404 /missing; }
    location /files { faas_api_pass a; }
    location /cached {
        faas_cache one;
        faas_cache_key $request_uri;
        faas_cache_valid 1s;
        faas_cache_use_stale updating;
        faas_cache_background_update on;
        faas_api_pass a;
    }
    location @files { return 200 "file $uri"; }
    location /limited {
        limit_except GET { allow 127.0.0.1; deny all; }
        faas_lambda_api;
        faas_auth off;
    }
    location /slow {
        limit_rate 300;
        faas_lambda_api;
        faas_auth off;
    }
'''


def slow(tap, nginx):
    """An answer that does not fit into the connection at once."""
    r = nginx.get('/slow/2015-03-31/functions/f', timeout=20)
    tap.equal([r.status, r.json()['Configuration']['FunctionName']],
              [200, 'f'], 'a configuration that is sent slowly')


def limited(tap, nginx):
    """limit_except is about who may, not about what happens then."""
    path = '/limited/2015-03-31/functions/f'
    tap.equal([nginx.get(path).status,
               nginx.get(path + '/invocations', method='POST',
                         body='{}').text],
              [200, '{"statusCode": 200, "body": "-"}'],
              'a call that limit_except lets in')


def background(tap, nginx):
    """What the cache asks for is what the client has asked for."""
    path = '/cached/a%2Fb'
    before = nginx.get(path).text

    def state():
        r = nginx.get(path)
        return r.headers['x-cache'], r.text

    wait_for(lambda: state()[0] == 'STALE', 10, 'a stale answer',
             interval=0.1)
    after = wait_for(lambda: (lambda s: s[0] == 'HIT' and s[1])(state()), 10,
                     'the update')
    tap.equal([before, after], ['GET /cached/{id}'] * 2,
              'an update in the background is of the same route')


def ambiguous(tap, nginx):
    """A location takes nginx's path: it must be that of the route, too."""
    for path, status, name in (
            ('/files/a', 200, 'a path'),
            ('/files/private/a', 403, 'what is refused'),
            ('/files/private%2Fa', 404, 'the same with an encoded slash'),
            ('/files/any//private/a', 200, 'slashes within a route'),
            ('/files//private/a', 404, 'slashes that lead to another one'),
            ('/cgi/a', 200, 'a FastCGI application'),
            ('/cgi/private%2Fa', 404, 'an encoded slash to another one'),
            ('/files/any/a%2Fb', 200, 'an encoded slash within a route')):
        tap.equal(nginx.get(path).status, status, name)


def forwarded(tap, nginx):
    """The last of a list would be the proxy in front, and not the client."""
    tap.equal(nginx.get('/forwarded', headers={
        'X-Forwarded-For': '10.1.1.1'}).text,
        str(['10.1.1.1, 127.0.0.1'] * 2), 'forwarded addresses are one value')


def origins(tap, nginx):
    """Browsers refuse two of the same header."""
    c = http.client.HTTPConnection('127.0.0.1', nginx.port, timeout=10)
    c.request('GET', '/nothing', headers={'Origin': 'https://a.example'})
    r = c.getresponse()
    names = [n.lower() for n, v in r.getheaders()]
    tap.equal([r.read(), names.count('access-control-allow-origin'),
               names.count('vary')],
              [b'GET /missing', 1, 1], 'error_page with another route')
    c.close()
    for origin in ('https://a.example', 'https://b.example'):
        r = nginx.get('/cgi/a', headers={'Origin': origin})
        tap.equal([r.headers.get('x-one'), r.text,
                   r.headers.get('access-control-allow-origin')],
                  ['1', 'cgi', origin if origin[8] == 'a' else None],
                  'what a FastCGI application says about origins')


def placeless(tap):
    """A function for which there is no room in the scoreboard."""
    lambda_api = 'location / { faas_lambda_api; faas_auth off; }'
    path = '/2015-03-31/functions/%s/invocations'
    with Nginx(http='faas_max_functions 1;' + FUNCTION % 'f',
               server=lambda_api, functions={'f': {'app.py': CODE}}) as nginx:
        nginx.allow('no room for function')
        tap.equal(nginx.get(path % 'f', method='POST', body='{}').status, 200,
                  'a function with a place')
        nginx.write_conf(http='faas_max_functions 1;' + FUNCTION % 'g')
        nginx.reload()
        r = nginx.get(path % 'g', method='POST', body='{}')
        tap.equal([r.status, r.headers.get('x-amzn-errortype')],
                  [500, 'ServiceException'], 'and one without')
        nginx.finish(tap)


with Tap() as tap:
    with Nginx(http=HTTP, server=SERVER,
               functions={'f': {'app.py': CODE},
                          'cgi': {'app.py': CGI}}) as nginx:
        for part in (slow, limited, background, ambiguous, forwarded,
                     origins):
            part(tap, nginx)
        nginx.finish(tap)
    placeless(tap)
