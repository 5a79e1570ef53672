#!/usr/bin/python3
"""Paths as API Gateway takes them, and never around a location of nginx."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402

ECHO = '''\
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(
        [event["routeKey"], event["rawPath"], event.get("pathParameters"),
         event["requestContext"]["stage"]])}
'''

HTTP = '''
    faas_function echo {
        runtime python3; handler app.handler; code {functions}/echo;
    }

    faas_api a {
        stage $default;
        stage prod;
        route ANY "/{proxy+}" echo;
        route ANY / echo;
        route ANY /pets echo;
        route ANY "/pets/{id}" echo;
        route ANY /admin/secret echo;
        route ANY "/caf%C3%A9/{x}" echo;
        route ANY ~* "^/(?<w>re)gex/[0-9]+$" echo;
    }

    faas_api strict { stage only; route $default echo; }
'''

SERVER = '''
    location / { faas_api_pass a; }
    location /admin/ { deny all; faas_api_pass a; }
    location /base/x/ { faas_api_pass a base_path=/base/x; }
    location /strict/ { faas_api_pass strict base_path=/strict; }
    location /strict/fixed/ { faas_api_pass strict only; }
    location /again/ { rewrite ^/again(/.*)$ $1 break; faas_api_pass a; }
    location /fallen/ { error_page 404 = @api; return 404; }
    location @api { faas_api_pass a; }
    location /if/ {
        set $go 1;
        if ($go) { faas_api_pass a base_path=/if; }
    }
'''

LONG = '/x' * 1500

CASES = (
    # path, route, rawPath, parameters
    ('/', 'ANY /', '/', None),
    ('//', 'ANY /', '/', None),
    ('/pets', 'ANY /pets', '/pets', None),
    ('/pets/', 'ANY /{proxy+}', '/pets/', {'proxy': 'pets/'}),
    ('//pets', 'ANY /pets', '/pets', None),
    ('/pets//', 'ANY /{proxy+}', '/pets//', {'proxy': 'pets//'}),
    ('/pets/1', 'ANY /pets/{id}', '/pets/1', {'id': '1'}),
    ('/pets/a%2Fb', 'ANY /pets/{id}', '/pets/a/b', {'id': 'a/b'}),
    ('/pets/a%20b+c', 'ANY /pets/{id}', '/pets/a b+c', {'id': 'a b+c'}),
    ('/pets/%C3%A9', 'ANY /pets/{id}', '/pets/é', {'id': 'é'}),
    ('/pets/%ff', 'ANY /pets/{id}', '/pets/\ufffd', {'id': '\ufffd'}),
    ('/pets/1/../2', 'ANY /pets/{id}', '/pets/2', {'id': '2'}),
    ('/pets/./3', 'ANY /pets/{id}', '/pets/3', {'id': '3'}),
    ('/pets/%2e%2e/pets', 'ANY /pets', '/pets', None),
    ('/a//b', 'ANY /{proxy+}', '/a//b', {'proxy': 'a//b'}),
    ('/caf%c3%a9/1', 'ANY /caf%C3%A9/{x}', '/café/1', {'x': '1'}),
    ('/ReGex/12', 'ANY ^/(?<w>re)gex/[0-9]+$', '/ReGex/12', {'w': 'Re'}),
    ('/pets/1?a=/pets', 'ANY /pets/{id}', '/pets/1', {'id': '1'}),
    ('/pets/%7Bid%7D', 'ANY /pets/{id}', '/pets/{id}', {'id': '{id}'}),
    (LONG, 'ANY /{proxy+}', LONG, {'proxy': LONG[1:]}),
    ('/base/x/pets/9', 'ANY /pets/{id}', '/pets/9', {'id': '9'}),
    ('/base/x/', 'ANY /', '/', None),
    ('/again/pets/a%2Fb', 'ANY /{proxy+}', '/pets/a/b',
     {'proxy': 'pets/a/b'}),
    ('/fallen/x', 'ANY /{proxy+}', '/fallen/x', {'proxy': 'fallen/x'}),
    ('/if/pets', 'ANY /pets', '/pets', None),
)


with Tap() as tap, Nginx(http=HTTP, server=SERVER,
                         functions={'echo': {'app.py': ECHO}}) as nginx:
    for path, route, raw, params in CASES:
        r = nginx.get(path)
        got = r.json()[:3] if r.status == 200 else r
        tap.equal(got, [route, raw, params], path[:40])

    tap.equal(nginx.get('/prod/pets/1').json(),
              ['ANY /pets/{id}', '/prod/pets/1', {'id': '1'}, 'prod'],
              'a stage')
    tap.equal(nginx.get('/prod').json()[:2], ['ANY /', '/prod/'],
              'a stage alone')
    tap.equal(nginx.get('/production').json()[3], '$default',
              'what only begins like a stage')
    tap.equal([nginx.get('/strict/x').status,
               nginx.get('/strict/only/x').status,
               nginx.get('/strict/fixed/x').status], [404, 200, 200],
              'without a default stage')

    # what nginx takes for /admin/ is not let in by another spelling, and
    # what it takes for another location does not find admin's routes

    for path in ('/admin/secret', '//admin/secret', '/x/../admin/secret',
                 '/%61dmin/secret', '/x/..%2fadmin/secret',
                 '/x%2f../admin/secret', '/./admin//secret'):
        tap.equal(nginx.get(path).status, 403, 'closed: ' + path)

    for path in ('/admin/..%2fx', '/admin%2f../x', '/admin/secret%2f..%2f..'):
        r = nginx.get(path)
        tap.ok(r.status == 403 or r.json()[0] != 'ANY /admin/secret',
               'not around: ' + path, r)

    tap.equal(nginx.get('/base/x').json()[0], 'ANY /{proxy+}',
              'a location that ends in a slash is not one without')
    nginx.finish(tap)
