#!/usr/bin/python3
"""Metering while workers, environments and the supervisor are killed.

Expected: no invocation is counted twice or forgotten.  What a client got is
counted as what it is; of the requests that were lost with a worker's
connection those that had begun are crashes (workers_lost), or what they were
when their answer did not reach the client any more.  Nothing is executed
that is not counted.
"""

import os
import random
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, executions,  # noqa
                        function, invocations, message, pids, settled)


def failed(r, n):
    return r.status == 500 and message(r) is not None


with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app(trace=True)}},
        http=LOG_FORMAT + function('f', 'concurrency 6',
                                   'queue 100 timeout=10s', 'timeout 1s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    nginx.allow('exited on signal 9', 'killed by signal 9')
    choose = random.Random(5)

    def load(name, path, **options):
        return nginx.load('/?n=%d{n:06d}%s' % (len(loads) + 1, path),
                          seconds=90, retry_stale=False, **options)

    loads = {}
    loads['ok'] = load('ok', '&do=sleep&s=0.015', connections=6,
                       check=lambda r, n: r.status == 200)
    loads['raise'] = load('raise', '&do=raise', connections=1, check=failed)
    loads['exit'] = load('exit', '&do=exit', connections=1, check=failed)

    def total():
        return sum(x.tally.sent for x in loads.values())

    kills = {'worker': 0, 'environment': 0, 'supervisor': 0}

    for i in range(24):
        before = total()
        wait_for(lambda: total() > before + 40, 30 * SLOW, 'progress')
        what = ('worker', 'environment', 'environment', 'supervisor')[i % 4]
        if what == 'worker':
            victims = nginx.workers
        elif what == 'environment':
            victims = list(pids(nginx, 'f').values())
        else:
            victims = [nginx.supervisor]
        if victims and victims[0]:
            try:
                os.kill(choose.choice(sorted(victims)), signal.SIGKILL)
                kills[what] += 1
            except ProcessLookupError:
                pass

    tally = {name: x.stop() for name, x in loads.items()}
    m = settled(nginx, 'f', 20)
    c = m['counters']
    ran = executions(nginx)

    lost = sum(n for t in tally.values() for k, n in t.outcomes.items()
               if str(k).startswith('lost') or k == 'refused')
    ok = tally['ok'].ok
    broken = tally['ok'].outcomes[500]
    detail = '%s\n%s\n%d lost\n%s\n%d ran' % (
        {n: str(t) for n, t in tally.items()}, kills, lost, m, len(ran))

    tap.ok(all(t.complete for t in tally.values()),
           'every request is accounted for', detail)
    tap.equal(sorted({str(k) for t in tally.values() for k in t.outcomes}
                     - {'ok', '500', 'lost: closed',
                        'lost: Connection reset by peer'}), [],
              'answered, 500, or lost')
    tap.ok(min(kills.values()) > 0, 'there were kills of all sorts', kills)
    tap.ok(lost <= 8 * kills['worker'],
           'lost: one for each connection of a dead worker at most', detail)
    tap.ok(broken <= kills['environment'] + kills['worker'] * 6,
           '500: not more than environments that were killed', detail)

    tap.equal(m['invocations'], invocations(m), 'the sum is right')
    known = sum(t.ok for t in tally.values()) + broken
    tap.ok(known <= m['invocations'] <= known + lost,
           'invocations: what was answered, and some of what was lost',
           detail)
    tap.ok(ok <= m['successes'] <= ok + lost, 'successes likewise', detail)
    tap.ok(tally['raise'].ok - kills['environment'] <= m['errors']['handled']
           <= tally['raise'].ok + lost, 'handled errors likewise', detail)
    tap.equal((m['errors']['unhandled'], m['timeouts']), (0, 0),
              'nothing else')
    tap.ok(c['workers_lost'] <= lost, 'workers_lost: some of what was lost',
           detail)
    rest = m['invocations'] - known
    tap.ok(c['workers_lost'] <= rest <= lost,
           'of the lost ones those that had begun are counted', detail)
    tap.equal(len(ran), len(set(ran)), 'nothing was executed twice')
    tap.ok(len(ran) <= m['invocations'],
           'nothing was executed that is not counted', detail)

    e = m['environments']
    tap.equal(c['environments_started'] - c['environments_ended'], e['idle'],
              'environments: started less ended are there')
    tap.ok(c['cold_starts'] <= c['environments_started'],
           'cold starts: not more than environments', c)

    nginx.finish(tap)
