#!/usr/bin/python3
"""The conformance suite: the same function, in each runtime there is, does all
that functions do, and what they should not do; what its callers see is what
they see of Lambda."""

import concurrent.futures
import json
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_conform import (PROVIDED, SANITIZED, code,           # noqa: E402
                          installed)
from faas_e2e import Nginx, Tap, skip_all, wait_for            # noqa: E402
from faas_proc import fd_count                                 # noqa: E402
from faas_provided import ARN, CALLS                           # noqa: E402

API = '/2015-03-31/functions/%s/invocations'
CONTEXT = 'eyJjdXN0b20iOnsiayI6InYifX0='       # {"custom":{"k":"v"}}
INVOCATIONS = 10000

# suites run side by side; the tap is one
LOCK = threading.Lock()

only = os.environ.get('FAAS_RUNTIMES', '').split()
RUNTIMES = {name: r for name, r in installed().items()
            if not only or name in only}
if not RUNTIMES:
    skip_all('no interpreter')


def function(name, runtime, where, handler, more=''):
    return '''
    faas_function %s {
        runtime %s; code %s; memory %dm; handler %s; %s %s
    }
''' % (name, runtime.runtime, where, runtime.memory, handler,
       runtime.more(handler), more)


HTTP = ''
MISSING = {}
for name, r in list(RUNTIMES.items()):
    where, why = code(name, r)
    if why:
        MISSING[name] = why
        del RUNTIMES[name]
        continue
    for kind, handler, more in (
            ('', 'handler', 'timeout 60s; concurrency 4; '
             'environment OWN=value;'),
            ('-short', 'handler', 'timeout 1s;'),
            ('-one', 'handler', 'timeout 20s; concurrency 1; '
             'queue 100 timeout=20s;'),
            ('-stream', 'stream', 'timeout 20s;'),
            ('-nothing', 'nothing', '')):
        if kind == '-stream' and 'stream' in r.without:
            continue
        HTTP += function(name + kind, r, where, r.named(handler), more)
    for bad in r.bad:
        HTTP += function('%s-%s' % (name, bad.lower()), r, where,
                         r.named('handler', bad))
if not RUNTIMES:
    skip_all('; '.join(MISSING.values()))

SERVER = CALLS + '''
    location /2021-11-15/ { faas_auth off; faas_lambda_api; }
    add_header X-Environment $faas_environment;
    client_max_body_size 10m;
    location ~ ^/http/(?<name>[a-z0-9-]+)$ { faas_pass $name; }
'''


def call(nginx, name, event, raw=False):
    """(error kind or None, result) by the Lambda API."""
    body = event if raw else json.dumps(event).encode()
    r = nginx.get(API % name, method='POST', body=body, timeout=120,
                  headers={'X-Amz-Client-Context': CONTEXT})
    if r.status != 200:
        return r.status, r.text
    return r.headers.get('x-amz-function-error'), r.json()


class Suite:
    def __init__(self, tap, nginx, name, runtime):
        self.tap, self.nginx = tap, nginx
        self.name, self.runtime = name, runtime

    def equal(self, got, want, what):
        with LOCK:
            self.tap.equal(got, want, '%s: %s' % (self.name, what))

    def ok(self, value, what, detail=None):
        with LOCK:
            self.tap.ok(value, '%s: %s' % (self.name, what), detail)

    def act(self, do, function='', **more):
        return call(self.nginx, self.name + function, dict(more, do=do))

    def fails(self, do, want, function='', what=None, **more):
        """An error of this type, whose message has these words."""
        what = what or do
        failed, got = self.act(do, function, **more)
        if failed is None:
            got = {'result': got}
        self.equal((failed, got.get('errorType')), ('Unhandled', want[0]),
                   what)
        self.ok(want[1] in got.get('errorMessage', ''),
                what + ': its message', got)

    # events

    def events(self):
        values = {
            'plain': {'a': 1}, 'a number': 7.5, 'a string': 'text',
            'an array': [1, [2, [3]]], 'true': True, 'null': None,
            'nested': json.loads('{"a":' * 60 + '[]' + '}' * 60),
            'unicode': {'\u00e9': '\u4e2d\u6587 \U0001f600 \u0000 \u2028'},
            'text to escape': {'q': '"\\/\b\f\n\r\t'},
            'large numbers': [2 ** 53 - 1, -(2 ** 53) + 1, 1e300, 0.1],
        }
        if 'empty objects' not in self.runtime.without:
            values['an empty object'] = {'a': {}}
        for what, value in values.items():
            self.equal(call(self.nginx, self.name, value), (None, value),
                       what)
        big = {'s': 'x' * 6000000}
        self.ok(call(self.nginx, self.name, big) == (None, big), '6 MB')
        body = bytes(range(256)) * 400
        r = self.nginx.get('/http/' + self.name, method='POST', body=body,
                           timeout=120,
                           headers={'Content-Type': 'application/x-bytes'})
        self.ok((r.status, r.body) == (200, body), 'bytes', r.status)

    # what it knows

    def knows(self):
        failed, v = self.act('env')
        want = {'_HANDLER': self.runtime.named('handler'),
                'OWN': 'value',
                'AWS_REGION': 'us-east-1', 'AWS_DEFAULT_REGION': 'us-east-1',
                'AWS_LAMBDA_FUNCTION_NAME': self.name,
                'AWS_LAMBDA_FUNCTION_VERSION': '$LATEST',
                'AWS_LAMBDA_FUNCTION_MEMORY_SIZE': str(self.runtime.memory),
                'AWS_LAMBDA_INITIALIZATION_TYPE': 'on-demand',
                'AWS_LAMBDA_LOG_GROUP_NAME': '/aws/lambda/' + self.name,
                'LAMBDA_TASK_ROOT': '/var/task',
                'LAMBDA_RUNTIME_DIR': '/var/runtime',
                'LANG': 'en_US.UTF-8', 'TZ': ':UTC'}
        self.equal({k: v.get(k) for k in want}, want, 'variables')
        if 'execution env' not in self.runtime.without:
            self.ok(v['AWS_EXECUTION_ENV'].startswith('AWS_Lambda_')
                    and v['_X_AMZN_TRACE_ID'].startswith('Root='),
                    'runtime and trace id', v)
        if self.runtime.runtime == PROVIDED:
            self.ok('AWS_EXECUTION_ENV' not in v, 'no name of a runtime', v)

        failed, c = self.act('context')
        self.ok(re.fullmatch('[0-9a-f-]{36}', c.pop('id')), 'request id')
        self.ok(re.fullmatch(r'\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}',
                             c.pop('stream')), 'log stream')
        self.equal(c, {'name': self.name, 'version': '$LATEST',
                       'arn': ARN + self.name,
                       'memory': str(self.runtime.memory),
                       'group': '/aws/lambda/' + self.name,
                       'custom': {'k': 'v'}}, 'context')
        failed, (a, b) = self.act('remaining')
        self.ok(59000 < a <= 60000 and 49 <= a - b < 5000,
                'time that remains', (a, b))
        n = self.act('tmp', '-one')[1]
        self.equal(self.act('tmp', '-one'), (None, n + 1),
                   '/tmp keeps what it has')

    def logs(self):
        for n in range(2):
            mark = '%s-%d' % (self.name, n)
            r = self.nginx.get(API % self.name, method='POST', timeout=120,
                               body=json.dumps({'do': 'log',
                                                'mark': mark}).encode())
            rid = r.headers['x-amzn-requestid']
            for stream in 'out', 'err':
                if 'std' + stream in self.runtime.without:
                    continue
                line = r'faas: \[%s %s\] .*%s %s$' % (self.name, rid, stream,
                                                      mark)
                wait_for(lambda: re.search(line, self.nginx.log(), re.M),
                         what='%s: a line of std%s' % (self.name, stream))
                self.ok(True, 'std%s with its id' % stream)

    # what goes wrong

    def errors(self):
        for do, want in self.runtime.errors.items():
            if want is None:
                self.equal(self.act(do), (None, 'went on'), do)
            else:
                self.fails(do, want)
            self.equal(self.act('sleep', ms=0)[0], None,
                       'and the next one after ' + do)

        for do, ends in self.runtime.gone.items():
            self.act(do, '-one')
            calls = self.act('sleep', '-one', ms=0)[1][1]
            self.equal(calls == 1, ends, do + ': another process?')

    def ends(self):
        for what, want in self.runtime.ends.items():
            do, *code = what.split()
            more = {'code': int(code[0])} if code else {}
            if want is None:
                self.equal(self.act(do, **more), (None, None), what)
            else:
                self.fails(do, want, what=what, **more)
        self.fails('loop', ('Sandbox.Timedout',
                            'Error: Task timed out after 1.00 seconds'),
                   '-short')
        self.equal(self.act('sleep', '-short', ms=0)[0], None,
                   'and the next one after it')

    def floods(self):
        start = time.monotonic()
        self.equal(self.act('flood', lines=10000), (None, 'flooded'),
                   '100 MB of log')
        log = os.path.getsize(self.nginx.dir + '/error.log')
        self.ok(log < 64 << 20, 'of which not all is kept', log)
        self.ok(time.monotonic() - start < 60, 'in time')

    def daemons(self):
        self.equal(self.act('daemon', '-one')[0], None, 'leaves a daemon')
        self.equal(self.act('sleep', '-one', ms=1)[0], None,
                   'and the next one is served')

    # streams

    def streams(self):
        for what, event, want in (
                ('fast', {'n': 2000}, ''.join('%d ' % n
                                              for n in range(2000))),
                ('slow', {'n': 5, 'ms': 20}, '0 1 2 3 4 ')):
            r = self.nginx.get((API % (self.name + '-stream')).replace(
                '2015-03-31', '2021-11-15').replace(
                    'invocations', 'response-streaming-invocations'),
                method='POST', body=json.dumps(event).encode(),
                timeout=120)
            self.equal(r.status, 200, what + ' stream')
            want = self.runtime.prelude + want.encode()
            self.ok(b''.join(payloads(r.body)) == want,
                    what + ' stream: all of it', r.body[:200])

    # many

    def alone(self):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            got = list(pool.map(lambda n: self.act('sleep', '-one', ms=20),
                                range(8)))
        self.equal({(failed, v[0]) for failed, v in got}, {(None, 1)},
                   'never two at once')
        self.equal(len({v[2] for failed, v in got}), 1, 'in one process')

        with concurrent.futures.ThreadPoolExecutor(4) as pool:
            got = list(pool.map(lambda n: self.act('sleep', ms=300),
                                range(4)))
        self.equal({(failed, v[0]) for failed, v in got}, {(None, 1)},
                   'nor in several environments')

    def grows(self):
        name = self.name + '-one'
        path = API % name
        body = b'{"a": [1, "\xc3\xa9"], "b": {"c": null}}'

        def many(n):
            tally = self.nginx.load(
                path, method='POST', body=body, connections=2, requests=n,
                check=lambda r, n: r.status == 200).join()
            self.equal((tally.sent, tally.ok), (n, n),
                       '%d invocations' % n)

        many(INVOCATIONS // 5)
        if self.runtime.client and os.geteuid() != 0:
            # all of it is processes of one user, in no group of their own
            with LOCK:
                self.tap.skip(self.name + ': growth', 'needs root')
            return
        before = self.measure(name)
        many(INVOCATIONS)
        after = self.measure(name)
        self.equal(after[0], before[0],
                   'the same process after %d' % INVOCATIONS)
        # a worker may have one more connection
        self.ok(after[1] <= before[1] + 2, 'as many descriptors',
                (before[1], after[1]))
        self.ok(after[2] <= before[2], 'and threads', (before[2], after[2]))
        self.ok(after[3] - before[3] < self.runtime.growth, 'and memory',
                (before[3], after[3]))

    def measure(self, name):
        """(pid, descriptors, threads, bytes that are its own)."""
        r = self.nginx.get(API % name, method='POST', body=b'{}',
                           timeout=120)
        which = r.headers['x-environment']
        pid = [pid for pid, place in self.nginx.environments().items()
               if place == which]
        with open('/proc/%d/status' % pid[0]) as f:
            threads = int(re.search(r'Threads:\s+(\d+)', f.read()).group(1))
        with open('/proc/%d/smaps_rollup' % pid[0]) as f:
            size = sum(int(n) for n in
                       re.findall(r'Private_\w+:\s+(\d+)', f.read()))
        return pid[0], fd_count(pid[0]), threads, size * 1024

    # init

    def init(self):
        for bad, want in self.runtime.init.items():
            failed, got = call(self.nginx, '%s-%s' % (self.name, bad.lower()),
                               {})
            self.equal((failed, got.get('errorType')),
                       ('Unhandled', want[0]), 'init: ' + bad)
            self.ok(want[1] in got.get('errorMessage', ''),
                    'init: %s: its message' % bad, got)
        for what, why in self.runtime.left_out.items():
            with LOCK:
                self.tap.skip('%s: %s' % (self.name, what), why)

    def run(self):
        self.events()
        self.knows()
        self.logs()
        self.init()
        self.errors()
        self.ends()
        if 'stream' not in self.runtime.without:
            self.streams()
        self.alone()
        self.grows()
        self.daemons()
        self.floods()


def payloads(data):
    """Of PayloadChunk messages of an event stream."""
    while data:
        total = int.from_bytes(data[:4], 'big')
        headers = int.from_bytes(data[4:8], 'big')
        if b'PayloadChunk' in data[12:12 + headers]:
            yield data[12 + headers:total - 4]
        data = data[total:]


def slow(nginx, name):
    """How an init ends that takes longer than it may."""
    return call(nginx, name + '-slow', {})


with Tap() as tap, Nginx(functions={name: r.files()
                                    for name, r in RUNTIMES.items()
                                    if r.client is None},
                         http=HTTP, server=SERVER, log_level='notice',
                         workers=2) as nginx, \
        concurrent.futures.ThreadPoolExecutor(len(RUNTIMES)) as pool:
    waiting = {name: pool.submit(slow, nginx, name)
               for name, r in RUNTIMES.items() if r.bad}
    with concurrent.futures.ThreadPoolExecutor(2) as two:
        # that with a process for each invocation takes as long as the others
        order = sorted(RUNTIMES, key=lambda name: name != 'bash')
        for done in [two.submit(Suite(tap, nginx, name, RUNTIMES[name]).run)
                     for name in order]:
            done.result()
    if SANITIZED:
        # a sanitized program that exits in the sandbox cannot look for leaks
        nginx.allow('LeakSanitizer (has encountered|does not work)')
    nginx.allow(*(r.alarming for r in RUNTIMES.values() if r.alarming))
    for name, why in MISSING.items():
        tap.skip(name, why)
    for name, future in waiting.items():
        failed, got = future.result()
        tap.equal((failed, got.get('errorType')),
                  ('Unhandled', 'Sandbox.Timedout'), name + ': init too slow')
    nginx.finish(tap)
