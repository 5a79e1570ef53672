#!/usr/bin/python3
"""Programs that speak uwsgi's own protocol: "runtime uwsgi"."""

import concurrent.futures
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402

# tells what it was sent, as it came

SERVER = r'''
import json
import os
import socket
import struct

s = socket.socket()
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(('127.0.0.1', int(os.environ['PORT'])))
s.listen()
while True:
    c, _ = s.accept()
    with c, c.makefile('rb') as f:
        head = f.read(4)
        if len(head) < 4:
            continue
        modifier, size, second = struct.unpack('<BHB', head)
        data = f.read(size)
        seen = {'modifiers': [modifier, second]}
        pos = 0
        while pos < size:
            pair = []
            for _ in range(2):
                n, = struct.unpack_from('<H', data, pos)
                pair.append(data[pos + 2:pos + 2 + n].decode())
                pos += 2 + n
            seen[pair[0]] = pair[1]
        body = f.read(int(seen['CONTENT_LENGTH'] or 0))
        seen['body'] = len(body)
        if seen['PATH_INFO'] == '/bad':
            c.sendall(b'no answer')
            continue
        out = json.dumps(seen).encode()
        c.sendall(b'HTTP/1.1 202 Accepted\r\nX-Own: uwsgi\r\n\r\n' + out)
'''

WSGI = '''
import os

def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("201 Created", [("Content-Type", "text/plain"),
                                   ("X-Own", "wsgi")])
    return [("%s %s %s %d %s" % (
        environ["REQUEST_METHOD"], environ["PATH_INFO"],
        environ["QUERY_STRING"], len(body),
        environ["HTTP_X_A"])).encode()]
'''

REAL = os.path.exists('/usr/bin/uwsgi') and os.path.exists(
    '/usr/lib/uwsgi/plugins/python3_plugin.so')

HTTP = '''
    faas_function raw {
        runtime uwsgi; code {functions}/app; timeout 10s;
        command /usr/bin/python3 server.py; concurrency 1;
        queue 10 timeout=10s;
    }
'''

if REAL:
    HTTP += '''
    faas_function wsgi {
        runtime uwsgi; code {functions}/app; memory 256m; timeout 10s;
        command /usr/bin/uwsgi --plugin python3 --socket 127.0.0.1:$(PORT)
                --wsgi-file app.py --need-app --die-on-term;
        concurrency 4; queue 300 timeout=10s;
    }
'''

SERVERS = '''
    large_client_header_buffers 8 16k;
    location / { faas_pass raw; }
    location /wsgi { faas_pass wsgi; }
'''


with Tap() as tap, Nginx(
        functions={'app': {'server.py': SERVER, 'app.py': WSGI}},
        http=HTTP, server=SERVERS if REAL else SERVERS.replace(
            'faas_pass wsgi', 'return 404')) as nginx:
    r = nginx.get('/a%20b?x=1&y', headers={'X-A': 'b'})
    seen = r.json()
    tap.equal((r.status, r.headers.get('x-own'), seen['modifiers']),
              (202, 'uwsgi', [0, 0]), 'a packet, an answer')
    tap.equal([seen[k] for k in ('REQUEST_METHOD', 'REQUEST_URI', 'PATH_INFO',
                                 'SCRIPT_NAME', 'QUERY_STRING', 'HTTP_X_A',
                                 'SERVER_PROTOCOL', 'REMOTE_ADDR',
                                 'CONTENT_LENGTH', 'body')],
              ['GET', '/a%20b?x=1&y', '/a b', '', 'x=1&y', 'b', 'HTTP/1.1',
               '127.0.0.1', '', 0], 'its variables')
    r = nginx.get('/p', method='POST', body=os.urandom(200000))
    tap.equal((r.json()['body'], r.json()['CONTENT_LENGTH']),
              (200000, '200000'), 'a body')
    r = nginx.get('/h', method='HEAD')
    tap.equal((r.status, r.text), (202, ''), 'HEAD')
    r = nginx.get('/bad')
    tap.equal((r.status, r.text), (502, '{"message":"Bad Gateway"}'),
              'no answer')
    r = nginx.get('/long?' + 'x' * 33000, headers={'X-A': 'b'})
    tap.equal(r.status, 414, 'what nginx does not take')
    r = nginx.get('/large', headers={'X-%d' % n: 'x' * 14000
                                     for n in range(5)})
    tap.ok(r.status == 502 and 'larger than uwsgi allows' in nginx.log(),
           'more than a packet can have', repr(r))
    tap.equal(nginx.get('/still').status, 202, 'it goes on')

    if REAL:
        r = nginx.get('/wsgi/x?y=z', headers={'X-A': 'b'})
        tap.equal((r.status, r.text, r.headers.get('x-own')),
                  (201, 'GET /wsgi/x y=z 0 b', 'wsgi'), 'uWSGI')
        r = nginx.get('/wsgi/p', method='POST', body=b'x' * 300000,
                      headers={'X-A': 'c'})
        tap.equal(r.text, 'POST /wsgi/p  300000 c', 'with a body')
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(
                lambda n: nginx.get('/wsgi/%d' % n,
                                    headers={'X-A': 'b'}).status, range(200)))
        tap.equal(got, [201] * 200, 'many at once')
    nginx.finish(tap)
