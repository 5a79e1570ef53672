#!/usr/bin/python3
"""Prints the table of ratios against peers; see README.md here.

usage: bench.py [--rounds N] [--seconds N] [ROW ...]

Rows: c16 c1 python node web php cold-python cold-node cold-empty functions
workers sandbox blanks routes load jwt authorizer sigv4 provided.
"""

import argparse
import json
import os
import sys
import time

import bench_auth

from servers import (ANSWER, NODE, NODE_HTTP, PHP, PYTHON, Ours, node_http,
                     php_fpm, responder, uwsgi)
from measure import cpu_seconds, interleave, median, percentile, ratios

from faas_load import Connection, fetch
from faas_tap import wait_for

COLD_ROUNDS = 5                 # of 20 functions each

# wait for a place rather than be refused: 16 clients, few processes
QUEUE = 'queue 1000 timeout=10s; idle_timeout 1h;'


def function(name, runtime, handler, more=''):
    return ('    faas_function %s { runtime %s; handler %s; '
            'code {functions}/%s; %s }\n'
            % (name, runtime, handler, name, more))


def location(path, name):
    return '        location = %s { faas_pass %s; }\n' % (path, name)


class Bench:
    def __init__(self, options):
        self.rounds, self.seconds = options.rounds, options.seconds
        self.programs = os.environ['FAAS_BENCH_PROGRAMS']
        self.failed = False

    # output

    def head(self):
        print('%-34s %-9s %9s %8s %8s %8s' % (
            'case', '', 'req/s', 'p50 us', 'p99 us', 'CPU us'))

    def side(self, case, who, samples):
        print('%-34s %-9s %9.0f %8.0f %8.0f %8.1f' % (
            case, who, median(samples, 'rps'), median(samples, 'p50'),
            median(samples, 'p99'), median(samples, 'cpu')))
        errors = sum(s.errors for s in samples)
        if errors:
            self.failed = True
            print('    %d requests of %s FAILED' % (errors, who))

    def verdict(self, what, value, low, high, must, good, unit=''):
        self.failed |= not good
        print('    %-40s %.2f%s (%.2f to %.2f)  must be %s  %s' % (
            what, value, unit, low, high, must, 'ok' if good else 'MISSED'))

    def compare(self, case, ours, peer, musts, connections=16):
        """ours, peer: (name, server, path); musts: (field, op, bound)."""
        sides = [(ours[1], ours[2]), (peer[1], peer[2])]
        (a, b), noisy = interleave(sides, self.rounds, self.seconds,
                                   connections)
        self.side(case, ours[0], a)
        self.side('', peer[0], b)
        for field, op, bound in musts:
            value, low, high = ratios(a, b, field)
            good = value >= bound if op == '>=' else value <= bound
            self.verdict('ratio of ' + {'rps': 'requests/s', 'p50': 'p50',
                                        'cpu': 'CPU per request'}[field],
                         value, low, high, '%s %.2f' % (op, bound), good)
        if noisy:
            print('    %d rounds had other load on the machine' % noisy)
        sys.stdout.flush()

    # servers

    def program(self):
        """The code of the C function."""
        with open(os.path.join(self.programs, 'cfunc'), 'rb') as f:
            return {'bootstrap': (f.read(), 0o755)}

    def native(self, count=1, workers=1, isolation=None):
        """The C function, alone or as one of many."""
        files = self.program()
        http = '    faas_max_functions %d;\n' % (count + 16)
        for i in range(count):
            # one process that takes many requests, as the peer; all
            # functions have the same code
            http += function('c', 'native', 'bootstrap', 'concurrency 64; '
                             'environment_concurrency 64; ' + QUEUE).replace(
                                 'faas_function c ', 'faas_function c%d ' % i)
        return Ours(http, location('/', 'c0'), {'c': files}, workers,
                    isolation)

    def pool(self, name, runtime, handler, files, concurrency, more=''):
        return Ours(function(name, runtime, handler, 'concurrency %d; %s %s'
                             % (concurrency, QUEUE, more)),
                    location('/', name), {name: files})

    @staticmethod
    def same_answer(a, b):
        x, y = fetch(a.port, '/').body, fetch(b.port, '/').body
        if json.loads(x) != json.loads(y):
            raise RuntimeError('different answers: %r, %r' % (x, y))

    # rows

    def c_row(self, case, connections, musts):
        ours = self.native()
        try:
            body = wait_for(lambda: fetch(ours.port, '/'), 10).text
            peer = responder(os.path.join(self.programs, 'responder'), body)
            try:
                self.same_answer(ours, peer)
                self.compare(case, ('faas', ours, '/'),
                             ('fastcgi', peer, '/'), musts, connections)
            finally:
                peer.destroy()
        finally:
            ours.destroy()

    def c16(self):
        self.c_row('C function, 16 connections', 16,
                   [('rps', '>=', 0.95), ('cpu', '<=', 1.10)])

    def c1(self):
        self.c_row('C function, 1 connection', 1, [('p50', '<=', 1.05)])

    def language(self, case, ours, name, peer, must):
        try:
            self.same_answer(ours, peer)
            self.compare(case, ('faas', ours, '/'), (name, peer, '/'),
                         [('rps', '>=', must)])
        finally:
            peer.destroy()
            ours.destroy()

    def python(self):
        # requests wait at the processes' sockets, as the peer's do
        self.language('Python handler, 2 processes',
                      self.pool('py', 'python3', 'app.handler',
                                {'app.py': PYTHON}, 16,
                                'environment_concurrency 8;'),
                      'uWSGI', uwsgi(2), 1.25)

    def node(self):
        # one process that takes many requests, as the peer
        self.language('Node handler, 1 process',
                      self.pool('js', 'nodejs', 'index.handler',
                                {'index.js': NODE}, 64,
                                'environment_concurrency 64;'),
                      'node:http', node_http(), 1.0)

    def web(self):
        """The same server, as it is: what faas-web and the sandbox cost."""
        server = NODE_HTTP.replace('process.argv[2]', 'process.env.PORT')
        self.language('node:http by runtime web, 1 process',
                      Ours('    faas_function web { runtime web; '
                           'command /usr/bin/node server.js; '
                           'code {functions}/web; memory 256m; '
                           'concurrency 64; %s }\n' % QUEUE,
                           location('/', 'web'),
                           {'web': {'server.js': server}}),
                      'node:http', node_http(), 0.4)

    def php(self):
        files = {'index.php': PHP}
        ours = Ours(
            '    faas_function php { runtime fastcgi; '
            'command /usr/bin/php-cgi; code {functions}/php; concurrency 4; '
            'environment PHP_FCGI_MAX_REQUESTS=0; memory 256m; %s }\n'
            % QUEUE,
            '        root {functions}/php;\n        index index.php;\n'
            '        location = /index.php { faas_pass php; }\n',
            {'php': files})
        peer = php_fpm(os.environ['FAAS_PHP_FPM'])
        try:
            self.same_answer(ours, peer)
            self.compare('PHP, 4 processes', ('php-cgi', ours, '/index.php'),
                         ('php-fpm', peer, '/index.php'),
                         [('rps', '>=', 1.0)])
        finally:
            peer.destroy()
            ours.destroy()

    def first_requests(self, server, begin, count, blanks):
        """Milliseconds of each function's first and of a warm request."""
        first, warm = [], []
        for i in range(begin, begin + count):
            wait_for(lambda: self.at_rest(server, blanks), 20, 'blanks')
            for times, path in ((first, '/f%d' % i), (None, '/f%d' % i),
                                (warm, '/f%d' % i)):
                # connected already: what is measured is the request
                c = Connection(server.port, 20)
                data = ('GET %s HTTP/1.1\r\nHost: x\r\n\r\n' % path).encode()
                started = time.perf_counter()
                r = c.roundtrip(data)
                took = (time.perf_counter() - started) * 1000
                c.close()
                if r.status != 200 or r.json() != ANSWER:
                    raise RuntimeError('%s: %r' % (path, r))
                if times is not None:
                    times.append(took)
        return first, warm

    @staticmethod
    def at_rest(server, blanks):
        """Are all blanks there, and has everything come to rest?"""
        if server.status()['environments']['blank'] < blanks:
            return False
        before = sum(cpu_seconds(server.pids()).values())
        time.sleep(0.05)
        return sum(cpu_seconds(server.pids()).values()) - before < 0.001

    def cold(self, case, runtime, handler, files, p50, p99, blanks=2):
        count, first, warm = 20, [], []
        http = '    faas_blanks %s %d;\n' % (runtime, blanks)
        server = ''
        functions = {}
        for i in range(count + 1):
            functions['f%d' % i] = files
            http += function('f%d' % i, runtime, handler)
            server += location('/f%d' % i, 'f%d' % i)
        for _ in range(COLD_ROUNDS):
            ours = Ours(http, server, functions)
            try:
                self.first_requests(ours, count, 1, blanks)    # the zygote
                f, w = self.first_requests(ours, 0, count, blanks)
                first, warm = first + f, warm + w
            finally:
                ours.destroy()
        base = percentile(warm, 50)
        above = sorted(t - base for t in first)
        print('%-34s %-9s %d first requests, warm p50 %.2f ms' % (
            case, 'faas', len(first), base))
        for name, p, must in (('p50', 50, p50), ('p99', 99, p99)):
            value = percentile(above, p)
            self.verdict('%s above a warm one' % name, value, above[0],
                         above[-1], '<= %d ms' % must, value <= must, ' ms')
        sys.stdout.flush()

    def cold_python(self):
        self.cold('first request, Python', 'python3', 'app.handler',
                  {'app.py': PYTHON}, 4, 8)

    def cold_node(self):
        self.cold('first request, Node', 'nodejs', 'index.handler',
                  {'index.js': NODE}, 8, 20)

    def cold_empty(self):
        self.cold('first request, Python, no blank', 'python3', 'app.handler',
                  {'app.py': PYTHON}, 8, 20, 0)

    def sandbox(self):
        sides = self.native(1, 1, 'none'), self.native(1, 1)
        self.scale('sandboxed against plain', 'sandbox', sides[1], sides[0],
                   1.02)

    def provided(self):
        """The Runtime API bridge, against our own Python runtime."""
        with open(os.path.join(self.programs, 'capi'), 'rb') as f:
            files = {'bootstrap': (f.read(), 0o755)}
        ours = self.pool('api', 'provided', 'any', files, 1)
        base = self.pool('py', 'python3', 'app.handler', {'app.py': PYTHON},
                         1)
        try:
            for server in ours, base:
                wait_for(lambda: fetch(server.port, '/').status == 200, 10)
            (a, b), noisy = interleave([(ours, '/'), (base, '/')],
                                       self.rounds, self.seconds, 16)
            self.side('Runtime API bridge, 1 process', 'bridge', a)
            self.side('', 'python', b)
            more = sorted(x.cpu - y.cpu for x, y in zip(a, b))
            value = median(a, 'cpu') - median(b, 'cpu')
            self.verdict('CPU above that of Python', value, more[0], more[-1],
                         '<= 60 us', value <= 60, ' us')
            size = 0
            for p in ours.processes():
                if 'faas-provided' not in p.cmdline:
                    continue
                with open('/proc/%d/smaps_rollup' % p.pid) as f:
                    size = max(size, sum(int(line.split()[1]) for line in f
                                         if line.startswith('Pss:')) / 1024)
            self.verdict('memory of a bridge', size, size, size, '<= 3 MB',
                         0 < size <= 3, ' MB')
        finally:
            ours.destroy()
            base.destroy()
        if noisy:
            print('    %d rounds had other load on the machine' % noisy)
        sys.stdout.flush()

    def blanks(self):
        """A thousand environments: how soon, and how large."""
        def text(n):
            return ('    faas_max_environments 1010;\n'
                    '    faas_blanks python3 %d;\n' % n
                    + function('f', 'python3', 'app.handler'))

        ours = Ours(text(2), location('/f', 'f'), {'f': {'app.py': PYTHON}})
        try:
            wait_for(lambda: self.at_rest(ours, 2), 20, 'blanks')
            taken, many, size = [], 102, 0.0
            for n in (many, 1000):
                have = ours.status()['environments']['blank']
                ours.write_conf(http=ours.http.replace(
                    'python3 %d;' % have, 'python3 %d;' % n))
                started = time.perf_counter()
                ours.reload()
                while ours.status()['environments']['blank'] < n:
                    time.sleep(0.005)
                taken.append((time.perf_counter() - started, n - have))
            pids = [p for p in ours.environments()]
            for pid in pids:
                with open('/proc/%d/smaps_rollup' % pid) as f:
                    size += sum(int(line.split()[1]) for line in f
                                if line.startswith('Private_'))
        finally:
            ours.destroy()
        print('%-34s %-9s %d alive' % ('sandboxed Python environments',
                                       'faas', len(pids)))
        each = taken[0][0] * 1000 / taken[0][1]
        self.verdict('each of the first 100 made in', each, each, each,
                     '<= 3 ms', each <= 3, ' ms')
        all_of = taken[0][0] + taken[1][0]
        self.verdict('all of them made in', all_of, all_of, all_of, '<= 6 s',
                     all_of <= 6, ' s')
        size /= 1024 * max(len(pids), 1)
        self.verdict('private memory of each', size, size, size, '<= 1 MB',
                     size <= 1, ' MB')
        sys.stdout.flush()

    def scale(self, case, name, many, base, must=1.05):
        try:
            self.compare(case, (name, many, '/'), ('base', base, '/'),
                         [('cpu', '<=', must)])
        finally:
            base.destroy()
            many.destroy()

    def functions(self):
        self.scale('1000 functions against 1', '1000', self.native(1000),
                   self.native(1))

    def workers(self):
        self.scale('2 workers against 1', '2 workers',
                   self.native(1, 2), self.native(1, 1))


    def routed(self, count):
        """The C function behind an API of so many routes; the path that is
        asked for is the last one's."""
        files = self.program()
        routes = ''.join('        route GET "/r%d/{id}/s%d" c;\n' % (i, i)
                         for i in range(count))
        http = function('c', 'native', 'bootstrap', 'concurrency 64; '
                        'environment_concurrency 64; ' + QUEUE)
        http += '    faas_api many {\n%s    }\n' % routes
        return Ours(http, '        location / { faas_api_pass many; }\n',
                    {'c': files})

    def jwt(self):
        server = bench_auth.jwt(self.program())
        try:
            self.compare('JWT, cached', ('jwt', server, '/closed'),
                         ('open', server, '/open'), [('rps', '>=', 0.85)])
        finally:
            server.destroy()

    def authorizer(self):
        server = bench_auth.authorizer(self.program())
        try:
            self.compare('Lambda authorizer, cached',
                         ('asked', server, '/closed'),
                         ('open', server, '/open'), [('rps', '>=', 0.90)])
        finally:
            server.destroy()

    def sigv4(self):
        server = bench_auth.sigv4(self.program())
        try:
            self.compare('Invoke, signed', ('signed', server, bench_auth.PATH),
                         ('open', server, '/open' + bench_auth.PATH),
                         [('rps', '>=', 0.65)])
        finally:
            server.destroy()

    def load(self):
        """nginx -t of an API with a hundred thousand routes."""
        server = self.routed(100000)
        try:
            times = []
            for _ in range(5):
                started = time.perf_counter()
                if server.test_conf()[0] != 0:
                    raise RuntimeError('the configuration is refused')
                times.append(time.perf_counter() - started)
        finally:
            server.destroy()
        times.sort()
        print('%-34s %-9s %d times' % ('100000 routes', 'nginx -t', 5))
        self.verdict('read in', times[2], times[0], times[-1], '<= 2 s',
                     times[2] <= 2, ' s')

    def routes(self):
        many, few = self.routed(10000), self.routed(10)
        try:
            self.compare('10000 routes against 10',
                         ('10000', many, '/r9999/x/s9999'),
                         ('10', few, '/r9/x/s9'), [('cpu', '<=', 1.10)])
        finally:
            few.destroy()
            many.destroy()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('--rounds', type=int, default=15)
    parser.add_argument('--seconds', type=int, default=1)
    parser.add_argument('rows', nargs='*')
    options = parser.parse_args()

    bench = Bench(options)
    rows = ['c16', 'c1', 'python', 'node', 'web', 'php', 'cold-python',
            'cold-node', 'cold-empty', 'functions', 'workers', 'sandbox',
            'blanks', 'routes', 'load', 'jwt', 'authorizer', 'sigv4',
            'provided']
    bench.head()

    for row in options.rows or rows:
        if row not in rows:
            parser.error('no row %s' % row)
        try:
            getattr(bench, row.replace('-', '_'))()
        except Exception as e:          # the other rows are worth having
            bench.failed = True
            print('%-34s FAILED: %s: %s' % (row, type(e).__name__, e))
            sys.stdout.flush()

    return 1 if bench.failed else 0


if __name__ == '__main__':
    sys.exit(main())
