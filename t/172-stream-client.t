#!/usr/bin/python3
"""Streams and clients of all kinds, and what else nginx does with answers;
back-pressure and limits.
"""

import os
import re
import subprocess
import sys
import time
import zlib

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, free_port, skip_all, wait_for  # noqa: E402,E501
from faas_stream import Gate, Stream                           # noqa: E402

if not os.path.exists('/usr/bin/node'):
    skip_all('no node')

NODE = r'''
const fs = require('fs');
const { once } = require('events');
const { pipeline } = require('stream/promises');
const { Readable } = require('stream');

async function gate(name) {
    while (!fs.existsSync('/mnt/gate/' + name)) {
        await new Promise((done) => setTimeout(done, 5));
    }
}

let calls = 0;

const ways = {
    async steps(q, out) {
        out.write('first ');
        await gate(q.gate);
        out.end('second');
    },

    async status(q, out) {
        out = awslambda.HttpResponseStream.from(out, {
            statusCode: Number(q.status),
            headers: { 'Content-Type': 'text/plain', ETag: '"a"' },
        });
        out.write('call ' + ++calls + '\n');
        out.end('x'.repeat(Number(q.size || 0)));
    },

    async size(q, out) {
        const chunk = Buffer.alloc(65536, 'x');
        for (let left = Number(q.size); left > 0; left -= chunk.length) {
            if (!out.write(chunk.subarray(0, left))) {
                await once(out, 'drain');
            }
        }
        out.end();
    },

    async pipe(q, out) {
        const parts = ['a', 'b'.repeat(300000), 'c'];
        await pipeline(Readable.from(parts), out);
    },

    async endless(q, out) {
        for (;;) {
            if (!out.write('x'.repeat(1000))) {
                await once(out, 'drain');
            }
            await new Promise((done) => setTimeout(done, 1));
        }
    },

    async fail(q, out) {
        if (q.gate) {
            out.write('first ');
            await gate(q.gate);
        }
        throw new Error('failed');
    },

    async call(q, out) {
        out.write(String(++calls));
        out.end();
    },
};

exports.handler = awslambda.streamifyResponse(async (event, out) => {
    const q = event.queryStringParameters || {};
    await ways[q.way || 'call'](q, out);
});
'''

H2 = free_port()

HTTP = '''
    log_format faas "$request_uri [$status|$faas_status|$faas_error]";
    faas_cache_path {dir}/cache keys_zone=c:1m;
    faas_streaming on;
    gzip_types application/octet-stream text/plain;
    gzip_min_length 1;

    faas_function f {
        runtime nodejs;
        handler index.handler;
        code {functions}/f;
        mount {dir}/gate /mnt/gate;
        timeout 20s;
    }

    faas_function slow {
        runtime nodejs;
        handler index.handler;
        code {functions}/f;
        timeout 2s;
    }

    server {
        listen 127.0.0.1:%d http2;
        location / { faas_pass f; }
    }
''' % H2

SERVER = '''
        access_log {dir}/faas.log faas;
        root {dir}/html;
        location /f { faas_pass f; }
        location /small { faas_pass f; faas_buffer_size 1k; }
        location /slow { faas_pass slow; }
        location /gzip { faas_pass f; gzip on; }
        location /watch { faas_pass f; faas_ignore_client_abort off; }
        location /page {
            faas_pass f;
            error_page 404 500 502 = @page;
            faas_intercept_errors on;
        }
        location @page { return 299 "a page"; }
        location /ssi.html { ssi on; default_type text/html; }
        location /auth { auth_request /authorize; }
        location = /authorize { faas_pass f; }
        location /cached {
            faas_pass f;
            faas_cache c; faas_cache_key $request_uri; faas_cache_valid 1h;
            add_header X-Cache $upstream_cache_status;
        }
        location /stored {
            faas_pass f; faas_streaming off;
            faas_cache c; faas_cache_key $request_uri; faas_cache_valid 1h;
            add_header X-Cache $upstream_cache_status;
        }
        location /max { faas_pass f; faas_streaming_max 100k; }
        location /nomax {
            faas_pass f; faas_streaming_max 0; faas_response_max 1k;
        }
        location /rate { faas_pass f; faas_streaming_rate 100k burst=50k; }
'''


class Function:
    def __init__(self, nginx):
        self.nginx = nginx

    def status(self, name='f'):
        return next(f for f in self.nginx.status()['functions']
                    if f['name'] == name)

    def outcomes(self, name='f'):
        s = self.status(name)
        wait_for(lambda: self.status(name)['in_flight'] == 0, 10 * SLOW)
        s = self.status(name)
        return {'ok': s['successes'], 'handled': s['errors']['handled'],
                'unhandled': s['errors']['unhandled'],
                'timeouts': s['timeouts'], 'crashes': s['crashes'],
                'aborts': s['counters']['client_aborts'],
                'large': s['counters']['response_too_large']}

    def ended(self):
        return self.status()['counters']['environments_ended']

    def since(self, before, name='f'):
        now = self.outcomes(name)
        return {k: v - before[k] for k, v in now.items() if v != before[k]}


def http1(tap, nginx, gate):
    with Stream(nginx.port, '/f?way=steps&gate=old', version='1.0') as s:
        s.until(b'first ')
        tap.equal([s.body, s.status, s.headers.get('transfer-encoding'),
                   s.headers['connection']], [b'first ', 200, None, 'close'],
                  'HTTP/1.0')
        gate.open('old')
        tap.equal(s.rest(), b'first second', 'HTTP/1.0: the rest')

    with Stream(nginx.port, '/f?way=call') as s:
        s.rest()
        s.last, s.status, s.headers, s.raw = False, None, {}, b''
        s.sock.sendall(b'GET /f?way=call HTTP/1.1\r\nHost: a\r\n\r\n')
        s.rest()
        tap.equal([s.status, s.complete], [200, True],
                  'the client\'s connection is kept')

    with Stream(nginx.port, '/f?way=pipe') as s:
        tap.ok(s.rest() == b'a' + b'b' * 300000 + b'c' and s.complete,
               'a pipeline')
    with Stream(nginx.port, '/small?way=pipe') as s:
        tap.ok(s.rest() == b'a' + b'b' * 300000 + b'c' and s.complete,
               'a small buffer')


def heads(tap, nginx, call):
    before = call.outcomes()
    for path, status in (('/f?way=status&status=201&size=100000', 201),
                         ('/f?way=size&size=200000', 200),
                         ('/cached?way=status&status=203&size=10', 203),
                         ('/f?way=fail', 500)):
        with Stream(nginx.port, path, 'HEAD') as s:
            s.header()
            tap.equal(s.status, status, 'HEAD: ' + path)
    tap.equal(call.since(before), {'ok': 3, 'handled': 1},
              'it is read to its end')

    with Stream(nginx.port, '/f?way=status&status=200&size=100000',
                headers=[('If-None-Match', '"a"')]) as s:
        s.rest()
        tap.equal([s.status, s.body[:4], s.complete], [200, b'call', True],
                  'If-None-Match is the function\'s affair')


def http2(tap, gate):
    def curl(path):
        return subprocess.Popen(
            ['curl', '-s', '-N', '-m', '30', '--http2-prior-knowledge',
             'http://127.0.0.1:%d%s' % (H2, path)], stdout=subprocess.PIPE)

    with curl('/?way=steps&gate=h2') as p:
        tap.equal(os.read(p.stdout.fileno(), 100), b'first ', 'HTTP/2')
        gate.open('h2')
        tap.equal([p.stdout.read(), p.wait()], [b'second', 0],
                  'HTTP/2: the rest')

    with curl('/?way=fail&gate=h2fail') as p:
        tap.equal(os.read(p.stdout.fileno(), 100), b'first ',
                  'HTTP/2: it will fail')
        gate.open('h2fail')
        # CURLE_HTTP2_STREAM: the stream was reset
        tap.equal([p.stdout.read(), p.wait()], [b'', 92],
                  'HTTP/2: the stream is reset')


def inside(tap, nginx, gate, call):
    unzip = zlib.decompressobj(31)
    with Stream(nginx.port, '/gzip?way=steps&gate=gzip',
                headers=[('Accept-Encoding', 'gzip')]) as s:
        s.header()
        text = b''
        while text != b'first ' and not s.ended:
            text += unzip.decompress(s.body)
            s.body = b''
            if text != b'first ':
                s.more()
        tap.equal([text, s.headers['content-encoding']], [b'first ', 'gzip'],
                  'gzip is flushed')
        gate.open('gzip')
        s.rest()
        tap.equal([unzip.decompress(s.body) + unzip.flush(), s.complete],
                  [b'second', True], 'gzip: the rest')

    before = call.outcomes()
    r = nginx.get('/page?way=fail')
    tap.equal([r.status, r.text], [299, 'a page'], 'error_page, before')
    gate.open('page')
    with Stream(nginx.port, '/page?way=fail&gate=page') as s:
        tap.equal([s.rest(), s.status, s.complete], [b'first ', 200, False],
                  'not after the first byte')
    r = nginx.get('/page?way=status&status=404&size=100000')
    tap.equal([r.status, r.text], [299, 'a page'], 'faas_intercept_errors')
    tap.equal(call.since(before), {'ok': 1, 'handled': 2},
              'pages: counted; the environment goes on')

    with open(os.path.join(nginx.dir, 'html/ssi.html'), 'w') as f:
        f.write('<<!--#include virtual="/f?way=steps&gate=ssi" -->|'
                '<!--#include virtual="/f?way=pipe" -->>')
    gate.open('ssi')
    with Stream(nginx.port, '/ssi.html') as s:
        tap.ok(s.rest() == b'<first second|a' + b'b' * 300000 + b'c>'
               and s.complete, 'subrequests')

    before = call.outcomes()
    r = nginx.get('/auth')
    tap.equal([r.status, r.text], [200, 'let in'], 'auth_request')
    tap.equal(call.since(before), {'ok': 1}, 'auth_request: counted')


def cache(tap, nginx, call):
    got = [nginx.get('/cached?way=call') for _ in range(2)]
    tap.equal([r.headers.get('x-cache') for r in got], ['MISS', 'MISS'],
              'streams are not cached')
    tap.ok(got[0].text != got[1].text, 'each is a call')
    got = [nginx.get('/stored?way=call') for _ in range(2)]
    tap.equal([r.headers.get('x-cache') for r in got], ['MISS', 'HIT'],
              'collected ones are')
    tap.equal(got[0].text, got[1].text, 'with their text')
    tap.equal(os.listdir(os.path.join(nginx.dir, 'tmp/faas'))
              if os.path.isdir(os.path.join(nginx.dir, 'tmp/faas')) else [],
              [], 'no temporary file')


def aborts(tap, nginx, call):
    before, ended = call.outcomes(), call.ended()
    with Stream(nginx.port, '/f?way=endless') as s:
        s.until(b'x')
    tap.equal(call.since(before), {'unhandled': 1, 'aborts': 1},
              'a client that leaves ends the stream')
    wait_for(lambda: call.ended() == ended + 1, 5 * SLOW, 'the end')
    tap.equal(nginx.get('/f?way=call').status, 200, 'in another environment')


def watched(tap, nginx, call):
    before = call.outcomes()
    with Stream(nginx.port, '/watch?way=steps&gate=never') as s:
        s.until(b'first ')
    tap.equal(call.since(before), {'unhandled': 1, 'aborts': 1},
              'faas_ignore_client_abort off: it is noticed at once')


def peak(pid):
    with open('/proc/%d/status' % pid) as f:
        return int(re.search(r'VmHWM:\s+(\d+) kB', f.read()).group(1))


def pressure(tap, nginx, call):
    size = 48 * 1024 * 1024
    before, memory = call.outcomes(), peak(nginx.workers[0])
    with Stream(nginx.port, '/f?way=size&size=%d' % size) as s:
        n = 0
        s.header()
        while not s.last and not s.ended:
            n += len(s.body)
            s.body = b''
            s.more()
        tap.equal([n + len(s.body), s.complete], [size, True],
                  'a long stream')
    tap.equal(call.since(before), {'ok': 1}, 'counted')

    before = call.outcomes('slow')
    with Stream(nginx.port, '/slow?way=size&size=%d' % size,
                window=65536) as s:
        s.header()
        # were it not stopped, it would end before its time is up
        wait_for(lambda: call.status('slow')['timeouts'] > before['timeouts'],
                 20 * SLOW, 'the timeout')
        n = len(s.rest())
        tap.ok(0 < n < size and not s.complete and s.ended,
               'a client that does not read stops the function',
               [n, s.complete, s.ended])
    grown = peak(nginx.workers[0]) - memory
    # sanitizers have memory of their own
    tap.ok(grown < 2048 * SLOW or 'FAAS_SANITIZE' in os.environ,
           'the worker needs no more memory', grown)


def limits(tap, nginx, call):
    before, ended = call.outcomes(), call.ended()
    with Stream(nginx.port, '/max?way=size&size=1000000') as s:
        tap.equal([len(s.rest()), s.complete, s.status],
                  [102400, False, 200], 'faas_streaming_max')
    with Stream(nginx.port, '/max?way=size&size=102400') as s:
        tap.equal([len(s.rest()), s.complete], [102400, True],
                  'faas_streaming_max, exactly')
    with Stream(nginx.port, '/max?way=size&size=1000000', 'HEAD') as s:
        tap.equal(s.header(), 500, 'faas_streaming_max, HEAD')
    with Stream(nginx.port, '/nomax?way=size&size=1000000') as s:
        tap.equal([len(s.rest()), s.complete], [1000000, True],
                  'no faas_streaming_max')
    tap.equal(call.since(before), {'ok': 2, 'unhandled': 2, 'large': 2},
              'limits: counted')
    wait_for(lambda: call.ended() == ended + 2, 5 * SLOW, 'the ends')
    text = open(os.path.join(nginx.dir, 'faas.log')).read()
    tap.ok('/max?way=size&size=1000000 [200|error|Function.'
           'ResponseSizeTooLarge]' in text, 'logged')

    start = time.monotonic()
    with Stream(nginx.port, '/rate?way=size&size=256000') as s:
        while len(s.body) < 51200:
            s.more()
        first = time.monotonic() - start
        n = len(s.rest())
        took = time.monotonic() - start
        tap.equal([n, s.complete], [256000, True], 'faas_streaming_rate')
        tap.ok(first < took / 2 and 1.8 < took < 20 * SLOW,
               'so many bytes at once, then so many a second', [first, took])


def reload(tap, nginx, gate):
    with Stream(nginx.port, '/f?way=steps&gate=reload') as s:
        s.until(b'first ')
        nginx.reload(wait=False)
        gate.open('reload')
        tap.equal([s.rest(), s.complete], [b'first second', True],
                  'a reload cuts nothing')


with Tap() as tap:
    nginx = Nginx(http=HTTP, server=SERVER, functions={'f': {'index.js': NODE}})
    gate = Gate(os.path.join(nginx.dir, 'gate'))
    os.mkdir(os.path.join(nginx.dir, 'html'))
    with open(os.path.join(nginx.dir, 'html/auth'), 'w') as f:
        f.write('let in')
    with nginx:
        call = Function(nginx)
        http1(tap, nginx, gate)
        heads(tap, nginx, call)
        http2(tap, gate)
        inside(tap, nginx, gate, call)
        cache(tap, nginx, call)
        aborts(tap, nginx, call)
        watched(tap, nginx, call)
        pressure(tap, nginx, call)
        limits(tap, nginx, call)
        reload(tap, nginx, gate)
        nginx.finish(tap)
