#!/usr/bin/python3
"""Connections and descriptors of nginx's workers are exhausted.

Expected: a request that cannot get a connection to its environment is
answered 503, or served by way of a connection that was kept for another one;
clients beyond the limit are not accepted, as with any nginx.  No environment
suffers: none ends, and when the load is over everything works as before.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, executions,  # noqa
                        function, invocations, message, pids, progress,
                        settled, warm)

# what a client may see of a worker that accepts no more
LOST = {'lost: closed', 'lost: Connection reset by peer',
        'lost: Broken pipe', 'lost: timeout', 'refused'}


def scarce(tap, what, least, conf, **options):
    with Nginx(functions={'f': {'app.py': app(trace=True)}},
               http=LOG_FORMAT + 'keepalive_requests 20;\n'
               + function('f', 'concurrency 20', 'queue 100 timeout=10s')
               + function('g', 'concurrency 20', 'queue 100 timeout=10s',
                          code='f'),
               server=LOG + 'location / { faas_pass f; }\n'
                            'location /g { faas_pass g; }',
               main=conf, **options) as nginx:

        nginx.allow('worker_connections are not enough',
                    'Too many open files')

        before = warm(nginx, 'f', 6)
        # kept connections to the environments of another function
        warm(nginx, 'g', 6, '/g')
        ended = settled(nginx, 'f')['counters']['environments_ended']

        right = Answers()
        load = nginx.load('/?n={n}&do=sleep&s=0.03', connections=24,
                          seconds=60, check=right, retry_stale=False,
                          timeout=5)
        progress(load, 300)
        tally = load.stop()

        failed = {k for k in tally.outcomes if k != 'ok'}
        tap.ok(tally.complete and failed <= LOST | {503},
               what + ': answered right, refused with 503, or not accepted',
               tally)
        log = nginx.log()
        tap.ok('not enough' in log or 'Too many open files' in log,
               what + ': there was want')

        # the end of the load: some connections have to be closed first

        wait_for(lambda: nginx.get('/?n=1').status == 200, 10 * SLOW)
        m = settled(nginx, 'f')
        tap.equal(m['invocations'], m['successes'],
                  what + ': nothing failed that was begun')
        ran = executions(nginx, least)
        tap.ok({n for n in right.done if n >= least} <= set(ran),
               what + ': what was answered was executed')
        tap.equal(m['counters']['environments_ended'], ended,
                  what + ': no environment ended')
        now = pids(nginx, 'f')
        tap.ok(set(before.items()) <= set(now.items()),
               what + ': they are the same', (before, now))

        # and in spite of it: other functions, cold starts, a reload

        tap.equal(nginx.get('/g?n=2').text.split()[0], '2',
                  what + ': other functions work')
        nginx.reload()
        tap.equal(nginx.get('/?n=3').text.split()[0], '3',
                  what + ': a reload works')
        nginx.finish(tap)


with Tap() as tap:
    scarce(tap, 'connections', 100, '', connections=34)
    scarce(tap, 'descriptors', 100, 'worker_rlimit_nofile 46;')
