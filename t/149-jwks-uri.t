#!/usr/bin/python3
"""Keys of JWT authorizers from a location, which has them from an issuer:
fetched, renewed, and what happens when they cannot be had."""

import http.client
import http.server
import json
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402
from faas_jwt import Rsa, jwks, token                          # noqa: E402

HTTP = '''
    faas_function f {
        runtime python3; handler app.handler; code {functions}/f;
    }
    faas_api a {
        authorizer u jwt issuer=i audience=web jwks_uri=/_jwks jwks_ttl=1s;
        authorizer_default u;
        route GET /x return 200 '{"ok":true}';
    }
    faas_api b {
        authorizer u jwt issuer=i audience=web jwks_uri=/_jwks;
        authorizer_default u;
        route GET /long return 200;
    }
    faas_api c {
        authorizer none1 jwt issuer=i audience=web jwks_uri=/_nowhere;
        authorizer bad jwt issuer=i audience=web jwks_uri=/_bad;
        authorizer large jwt issuer=i audience=web jwks_uri=/_large;
        route GET /c/none return 200 authorizer=none1;
        route GET /c/bad return 200 authorizer=bad;
        route GET /c/large return 200 authorizer=large;
    }
'''

SERVER = '''
    location / { faas_api_pass a; }
    location = /long { faas_api_pass b; }
    location /c/ { faas_api_pass c; }
    location = /included { ssi on; ssi_types *; alias {dir}/included.html; }
    location = /_jwks {
        internal;
        subrequest_output_buffer_size 64k;
        proxy_pass http://127.0.0.1:%d/keys.json;
    }
    location = /_nowhere { internal; return 503; }
    location = /_bad { internal; return 200 '{"keys":'; }
    location = /_large {
        internal;
        proxy_pass http://127.0.0.1:%d/large;
    }
'''


class Issuer(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.0'
    body, status, seen = b'', 200, []

    def do_GET(self):
        Issuer.seen.append((self.path, dict(self.headers)))
        body = b' ' * 20000 if self.path == '/large' else Issuer.body
        self.send_response(Issuer.status)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def claims(**more):
    now = int(time.time())
    return dict({'iss': 'i', 'aud': 'web', 'sub': 'ann', 'exp': now + 600},
                **more)


def get(key, path='/x', **options):
    return nginx.get(path, headers={'Authorization': token(key, claims()),
                                    'Accept-Encoding': 'gzip',
                                    'Cookie': 'secret=1'}, **options)


def first(tap):
    tap.equal(nginx.get('/x').status, 401, 'without a token')
    tap.equal(len(Issuer.seen), 0, 'nobody is asked')
    r = get(rsa)
    tap.equal((r.status, r.body), (200, b'{"ok":true}'),
              'the first token waits for the keys')
    path, headers = Issuer.seen[0]
    tap.equal((path, [h for h in headers if h.lower() in (
        'authorization', 'cookie', 'accept-encoding')]), ('/keys.json', []),
        'the issuer gets nothing of the client')
    tap.equal([get(rsa, '/long').status for i in range(5)], [200] * 5,
              'another authorizer')
    n = len(Issuer.seen)
    tap.equal([get(rsa, '/long').status, len(Issuer.seen)], [200, n],
              'asks no more')
    tap.ok(re.search(r'\[notice\].* faas: 1 new keys from "/_jwks"',
                     nginx.log()), 'the log says so')


def renewed(tap):
    n = len(Issuer.seen)
    wait_for(lambda: get(rsa).status == 200 and len(Issuer.seen) > n, 10,
             'another look')
    tap.ok(True, 'keys are renewed after jwks_ttl')

    # which is no trouble while the old ones are there

    Issuer.status = 500
    start = len(nginx.log())
    wait_for(lambda: get(rsa).status == 200 and 'the old ones stay'
             in nginx.log()[start:], 15, 'a failure', 0.2)
    n = len(Issuer.seen)
    tap.equal([get(rsa).status for i in range(5)], [200] * 5,
              'an issuer that fails: the old keys')
    tap.equal(len(Issuer.seen), n, 'and some time before the next try')
    Issuer.status = 200
    Issuer.body = jwks(other).encode()

    # by jwks_ttl it is a second, but a failure counts for ten

    n = len(Issuer.seen)
    asked = []

    def new_key():
        asked.append(len(Issuer.seen))
        return get(other).status == 200

    wait_for(new_key, 20, 'the new key', 0.2)
    tap.equal(asked[-1], n, 'it is let in by the keys that it waited for')
    tap.equal(get(rsa).status, 401, 'new keys replace the old ones')

    # a token of a new key is reason enough to look, but not each one

    n = len(Issuer.seen)
    tap.equal([get(other, '/long').status, get(other, '/long').status,
               len(Issuer.seen) - n], [401, 401, 0],
              'an unknown key within a minute')


def failures(tap):
    error = b'{"message":"Internal Server Error"}'
    for path in ('/c/none', '/c/bad'):
        r = get(rsa, path)
        tap.equal((r.status, r.body), (500, error), 'no keys: ' + path)
        r = get(rsa, path)
        tap.equal((r.status, r.body), (500, error), 'nor at once again')
    try:
        status = get(rsa, '/c/large').status
    except http.client.RemoteDisconnected:
        status = 'closed'
    tap.equal((status, get(rsa, '/c/large').status), ('closed', 500),
              'keys that do not fit into subrequest_output_buffer_size')
    log = nginx.log()
    tap.ok('no keys from "/_nowhere": the location has not answered with 200'
           in log, 'why, in the log: a status')
    tap.ok(re.search(r'no keys from "/_bad": \w', log),
           'why, in the log: not JSON')
    tap.equal(len(re.findall(r'faas: no keys from "/_nowhere"', log)), 1,
              'one try')
    tap.ok('too big subrequest response' in log, 'too large')
    tap.ok('refused route "GET /c/none": there are no keys from "/_nowhere"'
           in log, 'and who was refused for it')


def inside(tap):
    r = get(rsa, '/included')
    tap.equal(r.body.decode().split('|')[1:3],
              ['{"ok":true}', '{"ok":true}'], 'in subrequests')


with Tap() as tap:
    rsa, other = Rsa('rsa'), Rsa('other')
    Issuer.body = jwks(rsa).encode()
    issuer = http.server.ThreadingHTTPServer(('127.0.0.1', 0), Issuer)
    threading.Thread(target=issuer.serve_forever, daemon=True).start()

    nginx = Nginx(functions={'f': {
        'app.py': 'def handler(event, context):\n    return 1\n'}})
    with open(os.path.join(nginx.dir, 'included.html'), 'w') as f:
        f.write('|<!--#include virtual="/x" -->|'
                '<!--#include virtual="/x" -->|')
    port = issuer.server_address[1]
    nginx.write_conf(http=HTTP, server=SERVER % (port, port))

    with nginx:
        inside(tap)
        nginx.reload()
        Issuer.seen.clear()
        first(tap)
        failures(tap)
        renewed(tap)
        nginx.finish(tap)
    issuer.shutdown()
