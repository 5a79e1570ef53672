#!/usr/bin/python3
"""SIGKILL of nginx workers under load.

Expected: clients lose the connections they had to the killed worker, at most
one request each; every other request is answered right, by the worker that
is left or by the next one.  Environments that were in the middle of an
invocation for the dead worker are replaced, the others keep their pids.
Nobody waits for what it held: leases and waiters are back at once, and every
invocation is counted, once.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for               # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, executions,  # noqa
                        function, invocations, progress, settled)

CONNECTIONS = 6
KILLS = 5

with Tap() as tap, Nginx(
        workers=2,
        functions={'f': {'app.py': app(trace=True)}},
        http=LOG_FORMAT + function('f', 'concurrency 4',
                                   'queue 100 timeout=5s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    nginx.allow('worker process [0-9]+ exited on signal 9')
    right = Answers()

    load = nginx.load('/?n={n}&do=sleep&s=0.008', connections=CONNECTIONS,
                      seconds=60, check=right, retry_stale=False)
    progress(load, 100)

    for i in range(KILLS):
        before = set(nginx.workers)
        victim = sorted(before)[i % 2]
        os.kill(victim, signal.SIGKILL)
        wait_for(lambda: len(set(nginx.workers) - {victim}) == 2, 10,
                 'another worker')
        progress(load, 100)

    tally = load.stop()
    m = settled(nginx, 'f')
    lost = {k: v for k, v in tally.outcomes.items() if k != 'ok'}

    tap.ok(tally.complete, 'every request is accounted for', tally)
    tap.ok(all(str(k).startswith('lost: ') for k in lost),
           'no answer is wrong, none is an error', tally)
    tap.ok(tally.failed <= KILLS * CONNECTIONS,
           'one request lost for each connection of a dead worker at most',
           tally)
    tap.ok(max(tally.times) < 2, 'nobody waits for what a dead worker held',
           max(tally.times))

    c = m['counters']
    tap.equal(m['crashes'], c['workers_lost'],
              'crashes are those of dead workers')
    tap.ok(m['crashes'] <= tally.failed, 'and at most what clients lost',
           '%d crashes, %s' % (m['crashes'], tally))
    tap.ok(tally.ok <= m['successes'] <= tally.ok + tally.failed
           - m['crashes'], 'successes are what clients got',
           '%d successes, %s' % (m['successes'], tally))
    tap.equal(m['invocations'], invocations(m), 'the sum is right')

    ran = executions(nginx)
    tap.equal(len(ran), len(set(ran)), 'nothing was executed twice')
    tap.ok(right.done <= set(ran), 'what was answered was executed')
    tap.ok(len(ran) <= m['invocations'], 'what was executed was counted',
           '%d executed, %d counted' % (len(ran), m['invocations']))

    tap.ok(c['environments_ended'] <= m['crashes'],
           'only environments that were running for a dead worker ended', m)
    tap.equal(nginx.get('/?n=7').text.split()[0], '7', 'it goes on')

    nginx.finish(tap)
