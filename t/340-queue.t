#!/usr/bin/python3
"""The queue of a function whose concurrency is used up.

Expected: requests are served in the order in which they came, whatever
worker they came to; what one gives back the next has at once, also when that
is another worker's.  Those who find the queue full, or no queue, are answered
429 at once, those whose time in it is over 429 then.  Who leaves the queue
has no part in it any more and is not executed.  All of it is counted, none of
it as an invocation.
"""

import os
import signal
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, executions,  # noqa
                        function, message, receive, records, send, settled,
                        together)

LIMITED = 'Too Many Requests'


def queued(nginx, name, n):
    wait_for(lambda: nginx.metrics(name)['queued'] == n, 10 * SLOW,
             '%d in the queue of %s' % (n, name))


def busy(nginx, name, seconds, n=0):
    """Occupies a function; the connection."""
    s = send(nginx, '/%s?n=%d&do=sleep&s=%g' % (name, n, seconds))
    wait_for(lambda: nginx.metrics(name)['in_flight'] == 1, 10 * SLOW)
    return s


CODE = {'app.py': app(trace=True)}

with Tap() as tap, Nginx(
        workers=2,
        functions={'f': CODE, 'short': CODE, 'none': CODE, 'few': CODE},
        http=LOG_FORMAT
        + function('f', 'concurrency 1', 'queue 100 timeout=20s',
                   'timeout 20s')
        + function('short', 'concurrency 1', 'queue 10 timeout=300ms')
        + function('few', 'concurrency 1', 'queue 2 timeout=10s')
        + function('none', 'concurrency 1'),
        server=LOG + 'location ~ ^/(?<name>[a-z]+)$ { faas_pass $name; }'
        ) as nginx:

    # first come, first served: one worker is stopped while the other one
    # gets the request, in turns

    workers = sorted(nginx.workers)
    first = busy(nginx, 'f', 1.5, 1000)
    waiting = []
    for i in range(12):
        os.kill(workers[i % 2], signal.SIGSTOP)
        waiting.append(send(nginx, '/f?n=%d' % (1001 + i)))
        queued(nginx, 'f', i + 1)
        os.kill(workers[i % 2], signal.SIGCONT)
    answers = [receive(s) for s in [first] + waiting]
    tap.equal([a[0] for a in answers], [200] * 13, 'all are served')
    tap.equal(executions(nginx, 1000),
              list(range(1000, 1013)), 'in the order in which they came')
    by = {r['n']: r['pid'] for r in records(nginx) if r['fn'] == 'f'}
    tap.equal([by.get(str(1001 + i)) for i in range(12)],
              [workers[1 - i % 2] for i in range(12)],
              'to both workers in turns')

    # a hand-over takes no time: nothing depends on somebody looking again

    start = time.monotonic()
    right = Answers()
    tally = nginx.load('/f?n={n}&do=sleep&s=0.02', connections=8,
                       requests=60, check=right).join()
    took = time.monotonic() - start
    tap.equal(tally.ok, 60, 'many wait their turn')
    tap.ok(took < (60 * 0.02) * 2 * SLOW + 0.5,
           'what one gives back the next has at once', took)
    tap.equal(len(right.ids), 1, 'one environment did it all')

    # no queue

    s = busy(nginx, 'none', 0.7)
    r = nginx.get('/none?n=1')
    tap.equal((r.status, message(r)), (429, LIMITED), 'no queue: 429')
    tap.equal(receive(s)[0], 200, 'the other one is not disturbed')
    m = settled(nginx, 'none')
    tap.equal((m['counters']['throttles_concurrency'], m['invocations']),
              (1, 1), 'counted, not as an invocation')

    # full

    s = busy(nginx, 'few', 1)
    waiting = [send(nginx, '/few?n=%d' % (2001 + i)) for i in range(2)]
    queued(nginx, 'few', 2)
    t = time.monotonic()
    r = nginx.get('/few?n=2003')
    tap.equal((r.status, message(r)), (429, LIMITED), 'queue full: 429')
    tap.ok(time.monotonic() - t < 0.5 * SLOW, 'at once')
    tap.equal([receive(w)[0] for w in [s] + waiting], [200] * 3,
              'those in it are served')
    m = settled(nginx, 'few')
    tap.equal((m['counters']['throttles_queue_full'], m['invocations']),
              (1, 3), 'counted, not as an invocation')

    # over time

    s = busy(nginx, 'short', 1.2)
    t = time.monotonic()
    r = nginx.get('/short?n=3001')
    t = time.monotonic() - t
    tap.equal((r.status, message(r)), (429, LIMITED), 'queue time over: 429')
    tap.ok(0.29 < t < 1.1, 'when it is over', t)
    tap.equal(receive(s)[0], 200, 'the other one is not disturbed')
    m = settled(nginx, 'short')
    tap.equal((m['counters']['throttles_queue_timeout'], m['invocations']),
              (1, 1), 'counted, not as an invocation')

    # gone: the second of three, and the last

    s = busy(nginx, 'f', 1, 4000)
    waiting = [send(nginx, '/f?n=%d' % (4001 + i)) for i in range(3)]
    queued(nginx, 'f', 3)
    waiting[1].close()
    queued(nginx, 'f', 2)
    waiting.append(send(nginx, '/f?n=4004'))
    queued(nginx, 'f', 3)
    waiting[3].close()
    queued(nginx, 'f', 2)
    tap.equal([receive(w)[0] for w in (s, waiting[0], waiting[2])],
              [200] * 3, 'clients that leave do not hold up the others')
    ran = executions(nginx, 4000)
    tap.equal(sorted(ran), [4000, 4001, 4003], 'they are not executed')
    m = settled(nginx, 'f')
    tap.equal(m['counters']['client_aborts'], 2, 'they are counted')
    tap.equal(m['invocations'], 13 + 60 + 3, 'not as invocations')
    tap.equal(m['invocations'], m['successes'], 'all others succeeded')

    # a queue with a worker that dies: its waiters go, the others move up

    s = busy(nginx, 'f', 1.5, 5000)
    victim = sorted(nginx.workers)[0]
    other = sorted(nginx.workers)[1]
    nginx.allow('exited on signal 9')
    waiting = []
    for i in range(6):
        stopped = victim if i % 2 else other
        os.kill(stopped, signal.SIGSTOP)
        waiting.append(send(nginx, '/f?n=%d' % (5001 + i)))
        queued(nginx, 'f', i + 1)
        os.kill(stopped, signal.SIGCONT)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: nginx.metrics('f')['queued'] <= 3, 10 * SLOW)
    tap.equal([receive(w)[0] for w in waiting[1::2]], [200] * 3,
              'waiters of another worker than the one that died are served')
    settled(nginx, 'f')
    ran = executions(nginx, 5001)
    tap.equal(ran, [5002, 5004, 5006], 'in order, and nobody else')
    for w in [s] + waiting[::2]:
        w.close()

    nginx.finish(tap)
