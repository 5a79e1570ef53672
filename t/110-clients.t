#!/usr/bin/python3
"""Clients that are slow, half-closed, gone or up to something."""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402

APP = '''
import time


def handler(event, context):
    q = event.get('queryStringParameters', {})
    time.sleep(float(q.get('sleep', 0)))
    return '%s %s %s' % (event['requestContext']['http']['method'],
                         event['rawPath'], event.get('body')) \\
        + 'x' * int(q.get('size', 0))
'''

NAMES = ('f', 'one', 'strict')

HTTP = ''.join('''
    faas_function %s {
        runtime python3;
        handler app.handler;
        code {functions}/f;
        %s
    }''' % pair for pair in zip(NAMES, (
        '', 'concurrency 1; queue 10 timeout=10s;',
        'concurrency 1; queue 10 timeout=10s;')))

SERVER = '''
    client_body_timeout 1s;
    client_header_timeout 5s;
    keepalive_timeout 5s;
    log_format faas "[$status|$faas_status|$faas_error]";
    access_log {dir}/access.log faas;
    location / { faas_pass f; }
    location /one { faas_pass one; }
    location /strict { faas_ignore_client_abort off; faas_pass strict; }
'''.replace('    log_format faas "[$status|$faas_status|$faas_error]";\n', '')

HTTP = 'log_format faas "[$status|$faas_status|$faas_error]";' + HTTP


def connect():
    return socket.create_connection(('127.0.0.1', nginx.port), 10)


def read_all(s):
    data = b''
    while True:
        try:
            more = s.recv(65536)
        except ConnectionResetError:
            return data
        if not more:
            return data
        data += more


def raw(data):
    """What comes back until nginx closes the connection."""
    with connect() as s:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)
        return read_all(s)


def get(path, *headers):
    return ('GET %s HTTP/1.1\r\nHost: h\r\n%s\r\n' % (
        path, ''.join(h + '\r\n' for h in headers))).encode()


def reset(s):
    """Closes the connection so that nginx cannot take it for half-closed."""
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                 struct.pack('ii', 1, 0))
    s.close()


def now(name='f'):
    m = nginx.metrics(name)
    return {'invocations': m['invocations'], 'successes': m['successes'],
            'unhandled': m['errors']['unhandled'], 'crashes': m['crashes'],
            'aborts': m['counters']['client_aborts'],
            'in_flight': m['in_flight'], 'queued': m['queued']}


def since(before, name='f'):
    after = now(name)
    return {k: after[k] - before[k] for k in after if after[k] != before[k]}


def logged():
    return nginx.access_log()[-1]


def slow(tap):
    before = now()
    with connect() as s:
        s.sendall(b'POST /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n'
                  b'Content-Length: 4\r\nContent-Type: text/plain\r\n\r\na')
        tap.equal(nginx.get('/other').text, 'GET /other None',
                  'others are served while a client sends its body')
        tap.equal(since(before), {'invocations': 1, 'successes': 1},
                  'a slow body holds no environment')
        s.sendall(b'bcd')
        tap.ok(read_all(s).endswith(b'POST /slow abcd'),
               'and is served when it is there')

    before = now()
    with connect() as s:
        s.sendall(b'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\na')
        tap.ok(b' 408 ' in read_all(s) or logged().startswith('[408'),
               'a body that does not come is a timeout')
    with connect() as s:
        s.sendall(b'POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\na')
        reset(s)
    with connect() as s:
        s.sendall(b'GET /half HTTP/1.1\r\nHos')
    tap.equal(nginx.get('/other').status, 200, 'others are served')
    tap.equal(since(before), {'invocations': 1, 'successes': 1},
              'what does not arrive whole is no invocation')

    before = now()
    with connect() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
        s.sendall(get('/large?size=5000000', 'Connection: close'))
        wait_for(lambda: since(before) == {'invocations': 1, 'successes': 1},
                 10, 'the end of the invocation')
        tap.ok(True, 'a client that does not read holds no environment')
        tap.equal(len(read_all(s).split(b'\r\n\r\n', 1)[1]),
                  5000000 + len('GET /large None'), 'and gets all later')


def gone(tap):
    # the connection is there before the request is, so that it is warm
    for name, path in (('one', '/one'), ('strict', '/strict')):
        nginx.get(path)

        before = now(name)
        first, second = connect(), connect()
        first.sendall(get(path + '?sleep=0.5'))
        wait_for(lambda: now(name)['in_flight'] == 1, 10, 'the first one')
        second.sendall(get(path))
        wait_for(lambda: now(name)['queued'] == 1, 10, 'the second one')
        reset(second)
        wait_for(lambda: now(name)['queued'] == 0, 10, 'its end')
        tap.ok(now(name)['in_flight'] == 1,
               '%s: who leaves while waiting is taken from the queue' % name)
        wait_for(lambda: logged().startswith('[499'), 5, 'a line')
        tap.equal(logged(), '[499|refused|Client.Aborted]',
                  '%s: which is logged' % name)
        first.settimeout(10)
        tap.ok(first.recv(100).startswith(b'HTTP/1.1 200'),
               '%s: the first one is answered' % name)
        first.close()
        tap.equal(since(before, name),
                  {'invocations': 1, 'successes': 1, 'aborts': 1},
                  '%s: no invocation, an abort' % name)

    before = now('one')
    with connect() as s:
        s.sendall(get('/one?sleep=0.3'))
        wait_for(lambda: now('one')['in_flight'] == 1, 10, 'the beginning')
        reset(s)
    wait_for(lambda: now('one')['in_flight'] == 0, 10, 'the end')
    tap.equal(since(before, 'one'), {'invocations': 1, 'successes': 1},
              'an invocation goes on when the client leaves')

    before = now('strict')
    with connect() as s:
        s.sendall(get('/strict?sleep=30'))
        wait_for(lambda: now('strict')['in_flight'] == 1, 10,
                 'the beginning')
        began = time.monotonic()
        reset(s)
    wait_for(lambda: now('strict')['in_flight'] == 0, 10, 'the end')
    tap.equal(nginx.get('/strict').status, 200, 'off: the next one is served')
    tap.ok(time.monotonic() - began < 10, 'off: at once')
    tap.equal(since(before, 'strict'),
              {'invocations': 2, 'successes': 1, 'unhandled': 1, 'aborts': 1},
              'off: the invocation is an error and an abort')


def half_closed(tap):
    tap.ok(raw(get('/half?sleep=0.2')).endswith(b'GET /half None'),
           'a half-closed client gets its answer')

    with connect() as s:
        s.sendall(get('/a') + get('/b?sleep=0.1') + get('/c'))
        s.shutdown(socket.SHUT_WR)
        data = read_all(s)
    tap.equal([data.count(b'GET /%c None' % c) for c in b'abc'], [1, 1, 1],
              'also if it has sent several requests')


SMUGGLING = (
    ('two lengths', b'Content-Length: 4\r\nContent-Length: 5\r\n\r\n'),
    ('lengths that differ', b'Content-Length: 4, 5\r\n\r\n'),
    ('length and chunks',
     b'Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ('chunks twice', b'Transfer-Encoding: chunked\r\n'
                     b'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n'),
    ('another encoding', b'Transfer-Encoding: gzip, chunked\r\n\r\n'),
    ('a space before the colon', b'Content-Length : 4\r\n\r\nabcd'),
    ('a negative length', b'Content-Length: -1\r\n\r\n'),
    ('a length with a sign', b'Content-Length: +4\r\n\r\nabcd'),
    ('a bad chunk size', b'Transfer-Encoding: chunked\r\n\r\nxyz\r\n'),
    ('a huge chunk', b'Transfer-Encoding: chunked\r\n\r\n'
                     b'fffffffffffffffff\r\n'),
    ('a chunk without an end', b'Transfer-Encoding: chunked\r\n\r\n'
                               b'1\r\nab\r\n0\r\n\r\n'),
    ('a zero byte in a header', b'X-One: a\0b\r\n\r\n'),
)


def hostile(tap):
    before = now()
    for what, rest in SMUGGLING:
        answer = raw(b'POST /smuggle HTTP/1.1\r\nHost: h\r\n' + rest
                     + get('/smuggled'))
        tap.ok(answer[9:12] in (b'400', b'501') or b'/smuggle' not in answer,
               'refused: %s' % what, answer[:200])
    tap.equal(since(before), {}, 'none of these reaches the function')

    answer = raw(b'POST /x HTTP/1.1\r\nHost: h\r\nContent-Type: text/a\r\n'
                 b'Transfer-Encoding: chunked\r\n\r\n'
                 b'5\r\nGET /\r\n0\r\n\r\n' + get('/y', 'Connection: close'))
    tap.equal((answer.count(b'POST /x GET /'), answer.count(b'GET /y None'),
               answer.count(b'HTTP/1.1 200')), (1, 1, 2),
              'a body ends where it says it does')

    tap.ok(raw(b'GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'
               b'GET /b HTTP/1.0\r\n\r\n').count(b'200 OK') == 2,
           'HTTP/1.0 with kept connections')


def kept(tap):
    before = nginx.metrics('f')['counters']['environments_started']
    with connect() as s:
        for i in range(100):
            s.sendall(get('/%d' % i))
            data = b''
            while not data.endswith(b'None'):
                data += s.recv(65536)
    tap.equal(nginx.metrics('f')['counters']['environments_started'], before,
              'a hundred requests on a connection, one environment')


with Tap() as tap, Nginx(functions={'f': {'app.py': APP}}, http=HTTP,
                         server=SERVER) as nginx:
    slow(tap)
    gone(tap)
    half_closed(tap)
    hostile(tap)
    kept(tap)
    nginx.finish(tap)
