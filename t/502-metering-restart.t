#!/usr/bin/python3
"""Totals survive restarts.

Expected: all that faas_status has summed up is the same after a stop and a
start, after SIGKILL of everything, and after that with the run directory
gone as well (from the ledger, which is at most some seconds old).  A function
that was not configured for a while has its totals when it is back.  A ledger
that cannot be read is reported; counting starts from zero and nothing else
is impaired.
"""

import copy
import json
import os
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_proc                                        # noqa: E402
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (LOG, LOG_FORMAT, app, function, invocations,  # noqa
                        settled, together)

# what is summed up; not what there is just now, nor settings
TOTALS = ('invocations', 'successes', 'errors', 'timeouts', 'crashes',
          'gb_ms', 'duration_quantiles_us', 'counters', 'peak_memory_bytes')


def kill_all(nginx):
    victims = [p.pid for p in nginx.processes()]
    for signo in signal.SIGSTOP, signal.SIGKILL:
        for pid in victims:
            try:
                os.kill(pid, signo)
            except ProcessLookupError:
                pass
    wait_for(lambda: not any(map(faas_proc.alive, victims)), 5 * SLOW)


with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'timeout 1s')
        + function('g', 'concurrency 1', code='f'),
        server=LOG + 'location ~ ^/(?<name>[a-z]+)$ { faas_pass $name; }'
        ) as nginx:

    ledger = os.path.join(nginx.dir, 'state/ledger.json')

    def some(n):
        """Some of everything."""
        for do in ('', '&do=raise', '&do=bad', '&do=exit',
                   '&do=sleep&s=0.01'):
            for _ in range(n):
                nginx.get('/f?n=1' + do)
        nginx.get('/f?n=1&do=sleep&s=9')
        together(nginx, '/g?n={n}&do=sleep&s=0.1', 3)

    def serves():
        s = nginx.status()
        return s['supervisor']['up'] and s['applied'] == s['generation']

    def totals():
        wait_for(serves, 10 * SLOW, 'a supervisor')
        found = {}
        for name in 'f', 'g':
            m = settled(nginx, name)
            found[name] = {k: m[k] for k in TOTALS}
        return found

    def same(before, what):
        """The totals are the same; but environments end with a restart,
        and the peak may have been looked at once more."""
        before, now = copy.deepcopy(before), totals()
        peaks = []
        for t in before, now:
            for m in t.values():
                m['counters'].pop('environments_ended', None)
                peaks.append(m.pop('peak_memory_bytes'))
        tap.equal(now, before, what)
        tap.ok(peaks[0] <= peaks[2] and peaks[1] <= peaks[3],
               what + ': peak memory', peaks)

    some(3)
    wait_for(lambda: all(m['peak_memory_bytes'] for m in totals().values()),
             5 * SLOW, 'a look at the memory')
    m = totals()
    tap.ok(m['f']['successes'] >= 6 and m['f']['crashes'] == 3
           and m['f']['timeouts'] == 1 and m['f']['errors']['handled'] == 3
           and m['f']['errors']['unhandled'] == 3
           and m['g']['counters']['throttles_concurrency'] == 2, 'some of everything', m)

    nginx.stop()
    tap.ok(os.path.exists(ledger), 'there is a ledger')
    nginx.start()
    same(m, 'stop and start')

    some(1)
    m = totals()
    kill_all(nginx)
    nginx.start()
    same(m, 'SIGKILL of everything')

    # added up by a supervisor that started from a board of before

    some(1)
    more = totals()
    tap.equal(more['f']['crashes'], m['f']['crashes'] + 1, 'it counts on')
    m = more

    def saved():
        with open(ledger) as f:
            fns = json.load(f)['functions']
        return [sum(fns[n]['outcomes'].values()) for n in ('f', 'g')] \
            == [m[n]['invocations'] for n in ('f', 'g')]

    wait_for(saved, 10 * SLOW, 'the ledger')
    kill_all(nginx)
    shutil.rmtree(os.path.join(nginx.dir, 'run'))
    nginx.start()
    same(m, 'from the ledger alone')

    # not configured for a while, over a restart

    both = nginx.http
    nginx.write_conf(http=LOG_FORMAT + function('f', 'timeout 1s'))
    nginx.reload()
    tap.equal(nginx.get('/g').status, 404, 'a function is removed')
    nginx.stop()
    nginx.start()
    tap.equal([f['name'] for f in nginx.status()['functions']], ['f'],
              'and not there after a restart')
    nginx.write_conf(http=both)
    nginx.reload()
    wait_for(lambda: nginx.status()['applied'] == 2, 5 * SLOW)
    same(m, 'back again it has its totals')

    # a broken ledger

    nginx.stop()
    with open(ledger, 'w') as f:
        f.write('{"functions": {"f"')
    nginx.allow('ledger ".*", line .*; totals start from zero')
    nginx.start()
    tap.equal(nginx.get('/f?n=1').status, 200, 'a broken ledger: it serves')
    tap.equal(settled(nginx, 'f')['invocations'], 1, 'and counts from zero')
    tap.ok('totals start from zero' in nginx.log(), 'the log says so')

    nginx.finish(tap)
    tap.equal(json.load(open(ledger))['functions']['f']['outcomes']
              ['success'], 1, 'the next ledger is a good one')
