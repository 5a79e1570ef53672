#!/usr/bin/python3
"""Streams on the wire: records in odd pieces, preludes, and what breaks the
rules.  The function is a program that writes what the request tells it to.
"""

import base64
import json
import os
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_stream import Stream                                 # noqa: E402

RAW = r'''#!/usr/bin/python3
import base64
import json
import socket
import struct
import time


def frame(kind, payload=b''):
    control.sendall(struct.pack('>I', len(payload)) + kind + payload)


def request(f):
    event = b''
    while True:
        head = f.read(8)
        if len(head) < 8:
            return None
        kind, length, pad = struct.unpack('>xBxxHBx', head)
        data = f.read(length)
        f.read(pad)
        if kind == 5:
            if not data:
                return json.loads(json.loads(event)['body'])
            event += data


listener = socket.socket(fileno=0)
control = socket.socket(fileno=3)
frame(b'B', b'raw')
head = control.recv(5, socket.MSG_WAITALL)
control.recv(struct.unpack('>I', head[:4])[0], socket.MSG_WAITALL)
frame(b'R')

while True:
    c, _ = listener.accept()
    f = c.makefile('rb')
    while True:
        what = request(f)
        if what is None:
            break
        data = base64.b64decode(what['data'])
        step = what.get('step') or len(data)
        try:
            for i in range(0, len(data), step):
                c.sendall(data[i:i + step])
                if step < 10:
                    time.sleep(0.0002)
        except OSError:
            break
        if what.get('close'):
            break
    f.close()
    c.close()
'''

HTTP = '''
    faas_function raw {
        runtime native;
        code {functions}/raw;
        streaming on;
    }

    faas_api two { route $default raw; }
    faas_api one { payload 1.0; route $default raw; }
    faas_api rest { type rest; route ANY "/{proxy+}" raw; }
    faas_api url { type url; route $default raw; }
    faas_api lb { type alb; route $default raw; }
    faas_api lbs { type alb; multi_value on; route $default raw; }
    faas_api cors {
        type url; cors allow_origins=https://a.example; route $default raw;
    }
'''

APIS = ['two', 'one', 'rest', 'url', 'lb', 'lbs', 'cors']

SERVER = '''
        client_max_body_size 6m;
        location /pass { faas_pass raw; }
        location /off { faas_pass raw; faas_streaming off; }
''' + ''.join('location /%s/ { faas_api_pass %s base_path=/%s; }\n'
              % (a, a, a) for a in APIS)

PRELUDE = b'application/vnd.awslambda.http-integration-response'
ZEROS = b'\0' * 8


def record(kind, data=b'', pad=0):
    return struct.pack('>BBHHBx', 1, kind, 1, len(data), pad) + data \
        + b'P' * pad


def out(data, pad=0):
    return record(6, data, pad)


def begin(kind=b'text/plain'):
    return record(64, kind)


def error(data):
    return record(65, data)


def end(status=0):
    return record(3, struct.pack('>IB3x', status, 0))


def head(value, zeros=ZEROS):
    if not isinstance(value, bytes):
        value = json.dumps(value).encode()
    return begin(PRELUDE) + out(value + zeros)


class Function:
    def __init__(self, nginx):
        self.nginx = nginx

    def __call__(self, data, path='/pass', headers=(), **how):
        """(status, body, complete, headers)"""
        body = json.dumps(dict(data=base64.b64encode(data).decode(), **how))
        with Stream(self.nginx.port, path, 'POST', body=body.encode(),
                    headers=[('Content-Type', 'application/json'), *headers]
                    ) as s:
            s.rest()
            return s.status, s.body, s.complete, s.headers

    def status(self):
        return self.nginx.status()['functions'][0]

    def counter(self, name):
        return self.status()['counters'][name]


def pieces(tap, call):
    good = begin() + out(b'one ', 3) + record(7, b'log\n') + out(b'two') \
        + out(b'') + end()
    for step in 1, 3, 9:
        tap.equal(call(good, step=step)[:3], (200, b'one two', True),
                  'pieces of %d bytes' % step)
    tap.ok(call(begin() + b''.join(out(b'%c' % (i % 256))
                                   for i in range(20000)) + end())[1:3]
           == (bytes(i % 256 for i in range(20000)), True), 'small records')
    tap.ok(call(begin() + b''.join(out(b'%c' % i * 65535, i)
                                   for i in range(40)) + end())[1:3]
           == (b''.join(b'%c' % i * 65535 for i in range(40)), True),
           'large records')

    text = json.dumps({'statusCode': 202, 'headers': {'X-One': '1'}}).encode()
    whole = text + ZEROS + b'\0body'
    got = set()
    for i in range(len(whole) + 1):
        r = call(begin(PRELUDE) + (out(whole[:i]) if i else b'')
                 + (out(whole[i:]) if i < len(whole) else b'') + end())
        got.add((*r[:3], r[3].get('x-one')))
    tap.equal(got, {(202, b'\0body', True, '1')}, 'a prelude cut anywhere')
    r = call(begin(PRELUDE) + b''.join(out(whole[i:i + 1])
                                       for i in range(len(whole))) + end(),
             step=1)
    tap.equal(r[:3], (202, b'\0body', True), 'a prelude of single bytes')
    r = call(head({}) + end())
    tap.equal([*r[:3], r[3]['content-type']],
              [200, b'', True, 'application/octet-stream'], 'an empty one')


def fields(tap, call):
    value = {'statusCode': 201, 'body': 'ignored', 'unknown': [1],
             'headers': {'X-One': ' a ', 'Connection': 'close',
                         'Content-Length': '1', 'Transfer-Encoding': 'x',
                         'Content-Type': 'text/x', 'x-one': 'b',
                         'Access-Control-Allow-Origin': '*'},
             'multiValueHeaders': {'X-Multi': ['1', 2]},
             'cookies': ['c=1', 'd=2']}
    names = ('x-one', 'x-multi', 'set-cookie', 'content-type', 'connection',
             'content-length', 'access-control-allow-origin')
    expected = {
        '/pass': ['b', None, 'c=1|d=2', 'text/x', None, None, '*'],
        '/two/': ['b', None, 'c=1|d=2', 'text/x', None, None, '*'],
        '/one/': ['b', '1|2', 'c=1|d=2', 'text/x', None, None, '*'],
        '/rest/a': ['b', '1|2', 'c=1|d=2', 'text/x', None, None, '*'],
        '/url/': ['b', None, 'c=1|d=2', 'text/x', None, None, '*'],
        '/lb/': ['b', None, None, 'text/x', None, '4', '*'],
        '/lbs/': [None, '1|2', None, 'application/octet-stream', None, '4',
                  None],
        '/cors/': ['b', None, 'c=1|d=2', 'text/x', None, None, None],
        '/off': ['b', None, 'c=1|d=2', 'text/x', None, '4', '*'],
    }
    for path, wanted in expected.items():
        status, body, complete, headers = call(head(value) + out(b'body')
                                               + end(), path)
        got = [headers.get(n) for n in names]
        if got[4] == 'keep-alive':
            got[4] = None
        tap.equal([status, body, complete, got],
                  [201, b'body', True, wanted], path + ': a prelude')
    r = call(head(value) + out(b'body') + end(), '/rest/a')
    tap.equal(r[3]['x-amzn-remapped-content-length'], '1', 'and renamed')
    r = call(head(value) + out(b'body') + end(), '/cors/',
             [('Origin', 'https://a.example')])
    tap.equal(r[3]['access-control-allow-origin'], 'https://a.example',
              'what the gateway says about origins counts')
    for status in 204, 304:
        r = call(head({'statusCode': status}) + out(b'body') + end())
        tap.equal(r[:2], (status, b''), 'no body with %d' % status)
    r = call(head(b'{"headers":{"a":"' + b'x' * 30000 + b'"}}') + out(b'body')
             + end())
    tap.equal([r[0], r[1], len(r[3]['a'])], [200, b'body', 30000],
              'a long header')


def results(tap, call):
    """A function that does not stream, where it may."""
    data = out(b'{"statusCode":201,"headers":{"a":"b"},"body":"text"}')
    for path in '/pass', '/url/', '/rest/a', '/one/', '/lb/':
        status, body, complete, headers = call(data + end(), path)
        tap.equal([status, body, headers['a'], headers['content-length']],
                  [201, b'text', 'b', '4'], path + ': a result')
    tap.equal(call(out(b'"text"') + end())[:3], (200, b'text', True),
              'a result that is a body')
    text = json.dumps({'statusCode': 201}).encode() + ZEROS + b'body'
    tap.equal(call(out(text) + end())[:2],
              (500, b'{"message":"Internal Server Error"}'),
              'what looks like a stream is none')


def bad_heads(tap, call):
    bad = {
        'no JSON': head(b'{"statusCode":200'),
        'an array': head([]),
        'no status': head({'statusCode': 'x'}),
        'a status too small': head({'statusCode': 101}),
        'a status too large': head({'statusCode': 1000}),
        'headers of a list': head({'headers': []}),
        'a header of an object': head({'headers': {'a': {}}}),
        'a line in a value': head({'headers': {'a': 'b\r\nc: d'}}),
        'a line in a name': head({'headers': {'a\r\nb': 'c'}}),
        'an empty name': head({'headers': {'': 'c'}}),
        'a cookie with a line': head({'cookies': ['a\nb']}),
        'cookies of a string': head({'cookies': 'a=1'}),
        'too many headers': head({'headers': {'h%d' % i: '1'
                                              for i in range(257)}}),
        'seven zeros': head({}, b'\0' * 7),
        'seven and a byte': head({}, b'\0' * 7 + b'a'),
        'a zero inside': head(b'{"statusCode":\x00200}'),
        'none': begin(PRELUDE) + out(b'body'),
        'too long': begin(PRELUDE) + out(b' ' * 60000) + out(b' ' * 10000)
                    + out(b'{}' + ZEROS),
        'just too long': begin(PRELUDE) + out(b'{}' + b' ' * 60000)
                         + out(b' ' * (65536 - 60000 - 9) + ZEROS),
    }
    started = call.counter('environments_started')
    before = call.counter('bad_response')
    for name, data in bad.items():
        got = [call(data + out(b'more') + end(), path)[:3]
               for path in ('/pass', '/url/', '/rest/a')]
        tap.equal(got, [(500, b'{"message":"Internal Server Error"}', True),
                        (502, b'Internal Server Error', True),
                        (502, b'{"message":"Internal server error"}', True)],
                  'bad: ' + name)
    tap.equal(call(bad['none'] + end(), '/lb/')[0], 502, 'bad: load balancer')
    tap.equal(call(bad['none'] + end(), '/off')[0], 500, 'bad: collected')
    tap.equal(call.counter('bad_response') - before, 3 * len(bad) + 2,
              'counted')
    r = call(begin(PRELUDE) + out(b'{}' + b' ' * 60000)
             + out(b' ' * (65536 - 60000 - 10) + ZEROS + b'x') + end())
    tap.equal(r[:3], (200, b'x', True), 'just not too long')
    tap.equal(call.counter('environments_started'), started,
              'bad preludes end no environment')


def broken(tap, call):
    """Each ends the environment."""
    before_header = {
        'no type': record(64),
        'a long type': begin(b'x' * 256) + out(b'data'),
        'a control character': begin(b'text/\r\nplain') + out(b'data'),
        'twice': begin() + begin() + out(b'data'),
        'behind data': out(b'"data"') + begin(),
        'behind the end of data': out(b'') + begin(),
        'an error without a stream': error(b'{}') + end(1),
        'success after an error': begin() + error(b'{}') + end(0),
        'data behind an error': begin() + error(b'{}') + out(b'x') + end(1),
        'a long error': begin() + error(b'x' * 65000) + error(b'x') + end(1),
        'an empty error': begin() + record(65) + end(1),
    }
    errors, started = (call.counter(n) for n in ('protocol_errors',
                                                 'environments_started'))
    for name, data in before_header.items():
        tap.equal(call(data + end())[:3],
                  (500, b'{"message":"Internal Server Error"}', True),
                  'broken: ' + name)

    after_header = {
        'a second stream': begin(),
        'an unknown record': record(99, b'x'),
        'success after an error': error(b'{}') + end(0),
        'data behind an error': error(b'{}') + out(b'x'),
        'a long error': error(b'x' * 65000) + error(b'x') + end(1),
        'no record': b'HTTP/1.1 200 OK\r\n\r\n',
        'a short end': record(3, b'\0'),
    }
    for name, data in after_header.items():
        tap.equal(call(begin() + out(b'data') + data)[:3],
                  (200, b'data', False), 'broken later: ' + name)
    n = len(before_header) + len(after_header)
    tap.equal([call.counter('protocol_errors') - errors,
               call.counter('environments_started') - started],
              [n, n - 1], 'counted, and replaced')

    crashes = call.status()['crashes']
    tap.equal(call(begin() + out(b'data'), close=1)[:3], (200, b'data', False),
              'it closes')
    tap.equal(call.status()['crashes'] - crashes, 1, 'that is a crash')
    tap.equal(call(begin() + out(b'data') + end() + b'more')[:3],
              (200, b'data', True), 'bytes behind the end')
    tap.equal(call(begin() + out(b'data') + end())[:3], (200, b'data', True),
              'are nobody else\'s')


def failures(tap, call):
    started = call.counter('environments_started')
    handled = call.status()['errors']['handled']
    payload = b'{"errorType":"My.Error","errorMessage":"m"}'
    for name, data, got in (
            ('before', error(payload), (500, b'{"message":"Internal Server '
                                             b'Error"}', True)),
            ('in pieces', out(b'a') + error(payload[:9]) + error(payload[9:]),
             (200, b'a', False)),
            ('no JSON', out(b'a') + error(b'x'), (200, b'a', False)),
            ('long', out(b'a') + error(b'x' * 65000), (200, b'a', False)),
            ('no payload', out(b'a'), (200, b'a', False))):
        tap.equal(call(begin() + data + end(1))[:3], got, 'failed: ' + name)
    tap.equal([call.status()['errors']['handled'] - handled,
               call.counter('environments_started')], [5, started],
              'counted; the environment goes on')


with Tap() as tap, \
        Nginx(http=HTTP, server=SERVER,
              functions={'raw': {'bootstrap': (RAW, 0o755)}}) as nginx:
    call = Function(nginx)
    pieces(tap, call)
    fields(tap, call)
    results(tap, call)
    bad_heads(tap, call)
    failures(tap, call)
    broken(tap, call)
    nginx.finish(tap)
