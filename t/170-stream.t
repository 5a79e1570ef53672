#!/usr/bin/python3
"""Streams of functions reach the client as they are written."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all, wait_for            # noqa: E402
from faas_stream import Gate, Stream                           # noqa: E402

if not os.path.exists('/usr/bin/node'):
    skip_all('no node')

NODE = r'''
const fs = require('fs');

async function gate(name) {
    while (!fs.existsSync('/mnt/gate/' + name)) {
        await new Promise((done) => setTimeout(done, 5));
    }
}

const ways = {
    async plain(q, out) {
        out.write('first ');
        await gate(q.gate);
        out.write(Buffer.from('second '));
        out.write(new Uint8Array([116, 104, 105, 114, 100]));
        out.write({ a: 1 });
        out.end();
    },

    async typed(q, out) {
        out.setContentType('text/event-stream');
        out.write('data: 1\n\n');
        await gate(q.gate);
        out.end('data: 2\n\n');
    },

    async head(q, out) {
        out = awslambda.HttpResponseStream.from(out, {
            statusCode: 201,
            headers: { 'X-One': 1, 'Content-Type': 'text/plain' },
            cookies: ['a=1', 'b=2'],
        });
        out.write('first ');
        await gate(q.gate);
        out.write('second');
        out.end();
    },

    async fail(q, out) {
        if (q.head) {
            out = awslambda.HttpResponseStream.from(out, { statusCode: 201 });
        }
        if (q.write) {
            out.write('first ');
            await gate(q.gate);
        }
        throw new RangeError('no "good"');
    },

    async exit(q, out) {
        out.write('first ');
        await gate(q.gate);
        process.exit(3);
    },

    async memory(q, out) {
        out.write('first ');
        await gate(q.gate);
        for (const all = [];;) {
            all.push(Buffer.alloc(1 << 20, 1));
        }
    },

    async hang(q, out) {
        out.write('first ');
        await new Promise((done) => setTimeout(done, 30000));
    },

    async nothing(q, out) {
        out.end();
    },
};

exports.handler = awslambda.streamifyResponse(async (event, out, context) => {
    await ways[event.rawPath.split('/')[2]](event.queryStringParameters || {},
                                            out);
});
'''

PYTHON = r'''
import os
import time


def gate(name):
    while not os.path.exists('/mnt/gate/' + name):
        time.sleep(0.005)


def handler(event, context):
    q = event.get('queryStringParameters', {})
    if 'head' in q:
        yield {'statusCode': 201, 'headers': {'X-One': '1'},
               'cookies': ['a=1', 'b=2']}
    yield 'first '
    gate(q['gate'])
    if 'raise' in q:
        raise RangeError('none')
    yield b'second'
'''

HTTP = '''
    log_format faas "$request_uri [$status|$faas_status|$faas_error]";

    faas_function f {
        runtime nodejs;
        handler index.handler;
        code {functions}/f;
        mount {dir}/gate /mnt/gate;
        timeout 20s;
    }

    faas_function short {
        runtime nodejs;
        handler index.handler;
        code {functions}/f;
        mount {dir}/gate /mnt/gate;
        streaming on;
        timeout 1s;
    }

    faas_function p {
        runtime python3;
        handler app.handler;
        code {functions}/p;
        mount {dir}/gate /mnt/gate;
        timeout 20s;
        streaming on;
    }

    faas_api url {
        type url;
        route $default f streaming=on;
    }
'''

SERVER = '''
        access_log {dir}/faas.log faas;
        location /pass/ { faas_pass f; faas_streaming on; }
        location /url/ { faas_api_pass url; }
        location /short/ { faas_pass short; }
        location /python { faas_pass p; }
        location /collect/ { faas_pass f; }
'''


def counts(nginx, name='f'):
    f = next(f for f in nginx.status()['functions'] if f['name'] == name)
    return {'invocations': f['invocations'], 'successes': f['successes'],
            'handled': f['errors']['handled'],
            'unhandled': f['errors']['unhandled'], 'crashes': f['crashes'],
            'timeouts': f['timeouts'], 'in_flight': f['in_flight'],
            'started': f['counters']['environments_started']}


class Counted:
    """What has been added to the status by the body of a "with"."""

    def __init__(self, tap, nginx, what, name='f', **expected):
        self.tap, self.nginx, self.what = tap, nginx, what
        self.name, self.expected = name, dict(invocations=1, **expected)

    def __enter__(self):
        self.before = counts(self.nginx, self.name)

    def __exit__(self, *exc):
        def added():
            now = counts(self.nginx, self.name)
            return {k: v - self.before[k] for k, v in now.items()
                    if v != self.before[k] and k != 'started'}

        if exc[0] is None:
            wait_for(lambda: added().get('invocations'), 10)
            self.tap.equal(added(), self.expected, self.what + ': counted')


def arrival(tap, nginx, gate):
    for where in 'pass', 'url':
        with Counted(tap, nginx, where, successes=1), \
                Stream(nginx.port, '/%s/plain?gate=%s' % (where, where)) as s:
            tap.ok(s.until(b'first '), where + ': the first bytes')
            tap.equal([s.status, s.body, s.headers['content-type'],
                       s.headers['transfer-encoding'], s.last],
                      [200, b'first ', 'application/octet-stream', 'chunked',
                       False], where + ': and no more')
            gate.open(where)
            tap.equal([s.rest(), s.complete],
                      [b'first second third{"a":1}', True],
                      where + ': the rest')

        with Stream(nginx.port, '/%s/head?gate=h%s' % (where, where)) as s:
            s.until(b'first ')
            tap.equal([s.status, s.headers['x-one'], s.headers['set-cookie'],
                       s.headers['content-type'], s.body],
                      [201, '1', 'a=1|b=2', 'text/plain', b'first '],
                      where + ': a prelude')
            gate.open('h' + where)
            tap.equal([s.rest(), s.complete], [b'first second', True],
                      where + ': what follows it')

    with Stream(nginx.port, '/pass/typed?gate=typed') as s:
        s.until(b'data: 1\n\n')
        tap.equal(s.headers['content-type'], 'text/event-stream', 'a type')
        gate.open('typed')
        tap.equal(s.rest(), b'data: 1\n\ndata: 2\n\n', 'events')

    with Stream(nginx.port, '/pass/nothing') as s:
        tap.equal([s.rest(), s.status, s.headers['content-type'], s.complete],
                  [b'', 200, 'application/octet-stream', True], 'nothing')


def collected(tap, nginx, gate):
    gate.open('collect')
    r = nginx.get('/collect/plain?gate=collect')
    tap.equal([r.status, r.body, r.headers['content-type'],
               r.headers['content-length']],
              [200, b'first second third{"a":1}', 'application/octet-stream',
               '25'], 'collected')
    r = nginx.get('/collect/head?gate=collect')
    tap.equal([r.status, r.body, r.headers['x-one'],
               r.headers['content-length']],
              [201, b'first second', '1', '12'], 'collected with its prelude')
    with Counted(tap, nginx, 'collected failure', handled=1):
        r = nginx.get('/collect/fail?write=1&gate=collect')
        tap.equal([r.status, r.json()],
                  [500, {'message': 'Internal Server Error'}],
                  'collected failure')
    tap.equal(nginx.get('/collect/nothing').status, 200, 'collected nothing')


def failures(tap, nginx, gate):
    before = counts(nginx)
    for where, status in ('pass', 500), ('url', 502):
        with Counted(tap, nginx, where + ', before', handled=1), \
                Stream(nginx.port, '/%s/fail?head=1' % where) as s:
            s.rest()
            tap.equal([s.status, s.complete], [status, True],
                      where + ': it failed before it wrote')

    for query in 'write=1', 'write=1&head=1':
        start = len(nginx.log())
        with Counted(tap, nginx, query, handled=1), \
                Stream(nginx.port, '/pass/fail?%s&gate=f%s'
                       % (query, len(query))) as s:
            s.until(b'first ')
            gate.open('f%s' % len(query))
            tap.equal([s.rest(), s.complete, s.ended],
                      [b'first ', False, True], query + ': it is cut off')
        nginx.wait_log(r'stream of function "f" .* is cut: the function '
                       r'failed: RangeError', start=start)
    tap.equal(counts(nginx)['started'], before['started'],
              'its environment goes on')

    with Counted(tap, nginx, 'exit', crashes=1), \
            Stream(nginx.port, '/pass/exit?gate=exit') as s:
        s.until(b'first ')
        gate.open('exit')
        tap.equal([s.rest(), s.complete, s.ended], [b'first ', False, True],
                  'it exits')

    start = len(nginx.log())
    with Counted(tap, nginx, 'memory', crashes=1), \
            Stream(nginx.port, '/pass/memory?gate=memory') as s:
        s.until(b'first ')
        gate.open('memory')
        tap.equal([s.rest(), s.complete, s.ended], [b'first ', False, True],
                  'it runs out of memory')
    nginx.wait_log(r'environment f/\S+ of function "f" ended during an '
                   'invocation: out of memory', start=start)

    with Counted(tap, nginx, 'hang', 'short', timeouts=1), \
            Stream(nginx.port, '/short/hang') as s:
        tap.equal([s.rest(), s.complete, s.ended], [b'first ', False, True],
                  'it is too slow')

    tap.equal(nginx.get('/pass/nothing').status, 200, 'and goes on')

    for line in ('/pass/fail?head=1 [500|error|RangeError]',
                 '/pass/fail?write=1&gate=f7 [200|error|RangeError]',
                 '/pass/fail?write=1&head=1&gate=f14 [201|error|RangeError]',
                 '/pass/exit?gate=exit [200|crash|Runtime.ExitError]',
                 '/pass/memory?gate=memory [200|crash|Runtime.OutOfMemory]',
                 '/short/hang [200|timeout|Sandbox.Timedout]'):
        wait_for(lambda: line in log(nginx), 5, line)


def supervisor(tap, nginx, gate):
    nginx.allow('supervisor was killed by signal 9')
    with Stream(nginx.port, '/pass/plain?gate=supervisor') as s:
        s.until(b'first ')
        victim = nginx.supervisor
        os.kill(victim, signal.SIGKILL)
        gate.open('supervisor')
        tap.equal([s.rest(), s.complete],
                  [b'first second third{"a":1}', True],
                  'a stream needs no supervisor')
    wait_for(lambda: nginx.supervisor not in (None, victim), 10)

    with Stream(nginx.port, '/pass/exit?gate=orphan') as s:
        s.until(b'first ')
        victim = nginx.supervisor
        os.kill(victim, signal.SIGKILL)
        gate.open('orphan')
        tap.equal([s.rest(), s.complete, s.ended], [b'first ', False, True],
                  'nor does its end')
    wait_for(lambda: nginx.supervisor not in (None, victim), 10)
    wait_for(lambda: counts(nginx)['in_flight'] == 0, 10)


def worker(tap, nginx, gate):
    nginx.allow('exited on signal 9')
    with Counted(tap, nginx, 'a worker dies', crashes=1), \
            Stream(nginx.port, '/pass/plain?gate=worker') as s:
        s.until(b'first ')
        os.kill(nginx.workers[0], signal.SIGKILL)
        tap.equal([s.rest(), s.complete, s.ended], [b'first ', False, True],
                  'a worker dies')
    tap.equal(nginx.get('/pass/nothing').status, 200, 'and another goes on')


def python(tap, nginx, gate):
    with Counted(tap, nginx, 'Python', 'p', successes=1), \
            Stream(nginx.port, '/python?gate=python&head=1') as s:
        tap.ok(s.until(b'first '), 'Python: the first bytes')
        tap.equal([s.status, s.body, s.headers['x-one'],
                   s.headers['set-cookie'], s.headers['content-type']],
                  [201, b'first ', '1', 'a=1|b=2',
                   'application/octet-stream'], 'Python: its header')
        gate.open('python')
        tap.equal([s.rest(), s.complete], [b'first second', True],
                  'Python: the rest')

    with Counted(tap, nginx, 'Python fails', 'p', handled=1), \
            Stream(nginx.port, '/python?gate=praise&raise=1') as s:
        s.until(b'first ')
        gate.open('praise')
        tap.equal([s.rest(), s.complete, s.ended], [b'first ', False, True],
                  'Python: it fails')


def log(nginx):
    with open(os.path.join(nginx.dir, 'faas.log')) as f:
        return f.read()


with Tap() as tap:
    nginx = Nginx(http=HTTP, server=SERVER,
                  functions={'f': {'index.js': NODE}, 'p': {'app.py': PYTHON}})
    gate = Gate(os.path.join(nginx.dir, 'gate'))
    with nginx:
        arrival(tap, nginx, gate)
        collected(tap, nginx, gate)
        failures(tap, nginx, gate)
        python(tap, nginx, gate)
        worker(tap, nginx, gate)
        supervisor(tap, nginx, gate)
        nginx.finish(tap)
