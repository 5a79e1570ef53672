#!/usr/bin/python3
"""Programs that listen for HTTP, as they are: "runtime web"."""

import base64
import concurrent.futures
import hashlib
import http.client
import os
import socket
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_tap import wait_for                                  # noqa: E402

# a server that answers what it is asked to, byte by byte if need be
with open(os.path.join(os.path.dirname(os.path.abspath(__file__)),
                       'lib/web_server.py')) as f:
    SERVER = f.read()

NODE = '''
const http = require("node:http");
let ready = 0;
http.createServer((req, res) => {
    if (req.url === "/health") {
        res.statusCode = ++ready < 5 ? 503 : 204;
        return res.end();
    }
    let n = 0;
    req.on("data", (d) => { n += d.length; });
    req.on("end", () => {
        res.setHeader("content-type", "text/plain");
        res.end(`node ${req.method} ${req.url} ${n} ${ready}`);
    });
}).listen(process.env.PORT);
'''

FUNCTIONS = {
    'app': 'command /usr/bin/python3 server.py;',
    'alone': 'command /usr/bin/python3 server.py; network none;',
    'six': 'command /usr/bin/python3 server.py six;',
    'unix': 'command /usr/bin/python3 server.py unix; '
            'listen unix:/tmp/app.sock;',
    'short': 'command /usr/bin/python3 server.py short; '
             'listen unix:/tmp/app.sock;',
    'never': 'command /usr/bin/python3 server.py never;',
    'fixed': 'command /usr/bin/python3 server.py; listen 18099; '
             'network none;',
}
if os.path.exists('/usr/bin/node'):
    FUNCTIONS['node'] = 'command /usr/bin/node node.js; readiness /health;'

HTTP = '    map $http_upgrade $none { default ""; }\n' + ''.join('''
    faas_function %s {
        runtime web; code {functions}/web; %s
        memory 256m; timeout 2s; concurrency 100; queue 200 timeout=10s;
    }
''' % item for item in FUNCTIONS.items())

LOCATIONS = '''
    faas_request_max 20m;
    client_max_body_size 20m;
    location ~ ^/f/(?<name>[a-z]+)(?<rest>/.*)$ {
        rewrite ^/f/[a-z]+(/.*)$ $1 break;
        faas_pass $name;
    }
    location / { faas_pass app; }
    location /unbuffered/ {
        rewrite ^/unbuffered(/.*)$ $1 break;
        faas_buffering off;
        faas_pass app;
    }
'''


def raw(nginx, body, path='/raw', method='POST'):
    nginx.get('/alive')      # a GET is sent again if the last one is closed
    return nginx.get(path, method=method, body=body.encode('latin-1'))


def request(tap, nginx):
    r = nginx.get('/say?x=%20y&z', headers={
        'X-Some-Header': 'v', 'Cookie': 'c=1', 'X-Forwarded-For': '9.9.9.9',
        'X-Forwarded-Proto': 'evil', 'Expect': '100-continue', 'TE': 'gzip',
        'Proxy-Connection': 'x', 'X-Amzn-Request-Id': 'mine',
        'Accept-Encoding': 'gzip'})
    lines = r.text.split('\n')
    tap.equal((r.status, lines[0]), (200, 'GET /say?x=%20y&z HTTP/1.1'),
              'the request line, as the client sent it')
    tap.equal([l for l in lines if l.startswith(('X-Some', 'Cookie', 'Accept'
                                                 ))],
              ['Accept-Encoding: gzip', 'Cookie: c=1', 'X-Some-Header: v'],
              'headers')
    tap.ok('Host: 127.0.0.1:%d' % nginx.port in lines
           or 'Host: localhost' in lines
           or any(l.startswith('Host: ') for l in lines), 'host')
    tap.ok('X-Forwarded-For: 9.9.9.9, 127.0.0.1' in lines
           and 'X-Forwarded-Proto: http' in lines
           and 'X-Forwarded-Port: %d' % nginx.port in lines,
           'what a proxy adds')
    tap.ok(not any(l.lower().startswith(('expect', 'te:', 'proxy-', 'keep-',
                                         'connection', 'upgrade',
                                         'content-length'))
                   for l in lines) and 'mine' not in r.text,
           'what is between two hops only, is not passed')
    tap.equal((r.headers.get('x-own'), r.headers.get('keep-alive'),
               r.status), ('web', None, 200),
              'headers of the answer; "Status" is not CGI\'s')

    for size in 0, 1, 70000, 15000000:
        body = os.urandom(size)
        r = nginx.get('/say', method='PUT', body=body)
        tap.ok('Content-Length: %d' % size in r.text
               and hashlib.sha256(body).hexdigest() in r.text,
               'a body of %d bytes' % size)

    r = nginx.get('/f/app/say?q=1')
    tap.equal(r.text.split('\n')[0], 'GET /say?q=1 HTTP/1.1',
              'a rewrite is seen')
    r = nginx.get('/f/app/a%20b%3fc')
    tap.equal(r.text, '/a%20b%3Fc', 'and escaped anew')


def answers(tap, nginx):
    cases = [
        ('HTTP/1.0 201 Made\r\nX-A: b\r\n\r\nuntil the end', 201,
         'until the end', 'HTTP/1.0'),
        ('HTTP/1.1 200 OK\nContent-Length: 2\n\nhiX', 200, 'hi',
         'more than the length, lines without CR'),
        ('HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nhi', 200, 'hi',
         'no reason'),
        ('HTTP/1.1 204 No Content\r\n\r\n', 204, '', 'no content'),
        ('HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n', 304, '',
         'not modified'),
        ('HTTP/1.1 418 Teapot\r\nTransfer-Encoding: chunked\r\n'
         'Content-Length: 3\r\n\r\n4;x=y\r\nabcd\r\n0\r\n\r\n', 418, 'abcd',
         'chunks win over a length'),
        ('HTTP/1.1 500 Oh\r\nContent-Length: 1\r\n\r\nx', 500, 'x',
         'an error of its own'),
    ]
    for text, status, body, name in cases:
        # a connection that is closed unsaid is one that the next POST may
        # meet, which nobody can send again
        r = raw(nginx, text.replace('\r\n', '\r\nConnection: close\r\n', 1))
        tap.equal((r.status, r.text), (status, body), name)

    bad = [
        ('SSH-2.0-x\r\n\r\n', 'not HTTP'),
        ('HTTP/2 200\r\n\r\n', 'another version'),
        ('HTTP/1.1 99 x\r\n\r\n', 'no status'),
        ('HTTP/1.1 200 OK\r\nno colon\r\n\r\n', 'no header'),
        ('HTTP/1.1 200 OK\r\na b: c\r\n\r\n', 'no name'),
        ('HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n', 'no length'),
        ('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx',
         'two lengths'),
        ('HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
         'another coding'),
        ('HTTP/1.1 101 Switching Protocols\r\n\r\n', '101 unasked'),
        ('HTTP/1.1 200 OK\r\nX: ' + 'x' * 70000, 'a header without end'),
        ('', 'nothing'),
        ('HTTP/1.1 200 OK\r\nX:', 'half a header'),
    ]
    for text, name in bad:
        r = raw(nginx, text)
        tap.equal((r.status, r.text), (502, '{"message":"Bad Gateway"}'),
                  name + ' is 502')
    tap.ok('not HTTP/1.1' in nginx.log(), 'and the log says why')
    m = nginx.metrics('app')
    tap.equal((m['counters']['bad_response'], m['errors']['unhandled']),
              (len(bad), len(bad)), 'each is counted as an error')

    r = nginx.get('/early')
    tap.equal((r.status, r.text), (200, 'late'), 'interim answers')
    r = nginx.get('/say', method='HEAD')
    tap.ok(r.status == 200 and int(r.headers['content-length']) > 50
           and r.text == '', 'HEAD')

    for path in '/raw', '/unbuffered/raw':
        for text, name in (
                ('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort',
                 'a length'),
                ('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                 '5\r\nshort', 'chunks'),
                ('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                 '5\r\nshortXX', 'bad chunks')):
            try:
                r = raw(nginx, text, path)
                cut = False
            except (OSError, http.client.HTTPException):
                cut = True
            if not cut:
                tap.diag(repr(r))
            tap.ok(cut, '%s: cut in the middle of %s' % (path, name))


def keeping(tap, nginx):
    first = nginx.get('/pid').text.split(' ')
    for _ in range(20):
        last = nginx.get('/pid').text.split(' ')
    tap.equal(first, last, 'one connection for all, one after the other')

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda n: nginx.get('/%d' % n).text, range(400)))
    tap.equal(got, ['/%d' % n for n in range(400)], 'many at once')
    tap.equal(nginx.get('/pid').text.split(' ')[0], first[0],
              'all by the same process')

    # the program closes it: the next request is not lost
    for _ in range(20):
        raw(nginx, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
        tap.status = nginx.get('/x').status
        if tap.status != 200:
            break
    tap.equal(tap.status, 200, 'after a connection that was closed')
    raw(nginx, 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK'
               '\r\nContent-Length: 4\r\n\r\nevil', '/keep')
    tap.equal(nginx.get('/next').text, '/next',
              'an answer nobody asked for is not the next one\'s')


def streams(tap, nginx):
    s = socket.create_connection(('127.0.0.1', nginx.port), 10)
    s.sendall(b'GET /unbuffered/stream HTTP/1.1\r\nHost: x\r\n\r\n')
    data = b''
    while b'first.' not in data:
        data += s.recv(4096)
    tap.ok(b'second' not in data, 'the beginning comes before the end is made')
    nginx.get('/go')
    while b'0\r\n\r\n' not in data:
        data += s.recv(4096)
    tap.ok(b'second.' in data, 'and the end when it is')
    s.close()

    want = hashlib.sha256(bytes(range(256)) * 256 * 400).hexdigest()
    for path in '/large', '/unbuffered/large':
        r = nginx.get(path)
        tap.equal(hashlib.sha256(r.body).hexdigest(), want,
                  '26 MB by ' + path)

    s = socket.create_connection(('127.0.0.1', nginx.port), 10)
    s.sendall(b'GET /unbuffered/large HTTP/1.1\r\nHost: x\r\n\r\n')
    s.recv(100)
    s.close()
    tap.equal(nginx.get('/after').text, '/after', 'a client that leaves')


def frame(data):
    mask = os.urandom(4)
    head = bytes([0x81]) + (bytes([0x80 | len(data)]) if len(data) < 126
                            else b'\xfe' + len(data).to_bytes(2, 'big'))
    return head + mask + bytes(b ^ mask[i % 4] for i, b in enumerate(data))


class WebSocket:
    def __init__(self, nginx, path):
        self.s = socket.create_connection(('127.0.0.1', nginx.port), 10)
        self.key = base64.b64encode(os.urandom(16)).decode()
        self.s.sendall(('GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n'
                        'Connection: keep-alive, Upgrade\r\n'
                        'Sec-WebSocket-Version: 13\r\n'
                        'Sec-WebSocket-Key: %s\r\n\r\n'
                        % (path, self.key)).encode())
        self.f = self.s.makefile('rb')
        self.head = b''
        while not self.head.endswith(b'\r\n\r\n'):
            more = self.f.readline()
            if not more:
                break
            self.head += more

    def receive(self):
        head = self.f.read(2)
        if len(head) < 2:
            return None
        n = head[1]
        if n == 126:
            n = int.from_bytes(self.f.read(2), 'big')
        return self.f.read(n)

    def close(self):
        self.f.close()
        self.s.close()


def websockets(tap, nginx, path):
    w = WebSocket(nginx, path)
    accept = base64.b64encode(hashlib.sha1(
        (w.key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()).digest())
    tap.ok(w.head.startswith(b'HTTP/1.1 101 ')
           and b'Sec-WebSocket-Accept: ' + accept in w.head
           and b'upgrade: websocket' in w.head.lower()
           and b'connection: upgrade' in w.head.lower(),
           path + ': the connection is a WebSocket')
    tap.equal(w.receive(), b'hello', 'the program speaks first')
    for size in 1, 125, 126, 60000:
        data = bytes([size % 251]) * size
        w.s.sendall(frame(data))
        tap.equal(w.receive(), data, 'an echo of %d bytes' % size)
    tap.equal(nginx.get('/pid').status, 200, 'others are served meanwhile')
    more = [WebSocket(nginx, path) for _ in range(20)]
    for x in more:
        x.receive()
        x.s.sendall(frame(b'abc'))
    tap.equal([x.receive() for x in more], [b'abc'] * 20, 'twenty more')
    for x in more:
        x.close()
    w.s.sendall(frame(b'still'))
    tap.equal(w.receive(), b'still', 'it stays when others go')
    w.s.sendall(b'\x88\x80\0\0\0\0')
    tap.equal((w.receive(), w.receive()), (b'', None),
              'the program\'s end is the end')
    w.close()

    w = WebSocket(nginx, path)
    w.receive()
    tap.equal(w.receive(), None, 'silence for longer than "timeout" ends it')
    w.close()
    tap.equal(nginx.get('/pid').status, 200, 'the environment stays')

    wait_for(lambda: nginx.metrics('app')['in_flight'] == 0, 10,
             'no request left')
    tap.ok(True, 'and is free')


def started(nginx):
    return nginx.metrics('app')['counters']['environments_started']


def ends(tap, nginx):
    before = started(nginx)
    tap.equal(nginx.get('/hang').status, 504, 'no answer in time')
    tap.equal((nginx.get('/pid').status, started(nginx) - before,
               nginx.metrics('app')['timeouts']), (200, 1, 1),
              'alone: it is another environment now')

    stop = threading.Event()

    def busy():
        while not stop.is_set():
            nginx.get('/pid')

    t = threading.Thread(target=busy)
    t.start()
    before = started(nginx)
    status = nginx.get('/hang').status
    stop.set()
    t.join()
    tap.equal((status, started(nginx)), (504, before),
              'no answer in time, while others get one: it stays')
    tap.ok('has answered others and stays' in nginx.log(), 'the log says so')

    tap.equal(nginx.get('/exit').status, 502, 'the program ends')
    tap.equal(nginx.get('/pid').status, 200, 'and is started again')
    tap.equal(nginx.get('/signal').status, 502, 'by a signal')
    tap.equal(nginx.get('/pid').status, 200, 'and again')
    r = nginx.get('/f/never/')
    tap.equal(r.status, 502, 'one that does not listen')
    tap.ok('The program ended before it was ready' in nginx.log()
           and 'exit status 7' in nginx.log()
           and 'no mood today' in nginx.log(), 'and why')


def leaving(tap, nginx):
    """SIGTERM, and time to do something with it; WebSockets stay."""
    w = WebSocket(nginx, '/ws')
    w.receive()
    nginx.get('/slowly')
    with open(nginx.conf) as f:
        text = f.read()
    with open(nginx.conf, 'w') as f:
        f.write(text.replace('command /usr/bin/python3 server.py;',
                             'command /usr/bin/python3 server.py; tmp 600m;',
                             1))
    nginx.reload(wait=False)
    wait_for(lambda: nginx.log().count('is ready after') > 5
             and nginx.get('/pid').status == 200, 10, 'the new version')
    w.s.sendall(frame(b'still'))
    tap.equal(w.receive(), b'still', 'a WebSocket outlives a reload')
    tap.ok('good bye' not in nginx.log(), 'and so does its environment')
    w.close()
    wait_for(lambda: 'good bye' in nginx.log(), 10, 'its end')
    tap.ok(True, 'which has a second and more for its end')


if __name__ == '__main__':
    with Tap() as tap, Nginx(
            functions={'web': {'server.py': SERVER, 'node.js': NODE}},
            http=HTTP, server=LOCATIONS) as nginx:
        request(tap, nginx)
        answers(tap, nginx)
        keeping(tap, nginx)
        streams(tap, nginx)
        websockets(tap, nginx, '/ws')
        websockets(tap, nginx, '/unbuffered/ws')
        for name in 'alone', 'six', 'unix', 'fixed':
            tap.equal(nginx.get('/f/%s/x' % name).text, '/x', name)
        tap.equal(nginx.get('/f/fixed/bind').text, '0.0.0.0:18099',
                  'the port that it was told')
        body = b'x' * 300000
        with concurrent.futures.ThreadPoolExecutor(30) as pool:
            got = list(pool.map(lambda n: nginx.get(
                '/f/short/', method='POST', body=body).text, range(30)))
        tap.equal(got, ['300000'] * 30, 'more than the backlog takes')
        if 'node' in FUNCTIONS:
            tap.equal(nginx.get('/f/node/p?q', method='POST',
                                body=b'abc').text, 'node POST /p?q 3 5',
                      'Node, which was not ready at once')
        ends(tap, nginx)
        leaving(tap, nginx)
        nginx.finish(tap)
