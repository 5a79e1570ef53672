#!/usr/bin/python3
"""The supervisor and its watchdog are killed or stopped under warm load.

Expected: requests that find an environment do not notice, not one fails; the
supervisor is back in less than a second and adopts the environments: same
processes, same state.  Requests that need a new environment meanwhile wait
for it.  If both are killed at once the next reload starts them anew.
"""

import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        pids, progress, settled, together, warm)


def up(nginx, old):
    """The supervisor that serves, if it is another one than OLD."""
    s = nginx.status()['supervisor']
    return s['pid'] if s['up'] and s['pid'] not in (0, old) else None


with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'concurrency 8',
                                   'queue 100 timeout=5s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    nginx.allow('supervisor was killed by signal 9',
                'watchdog has died',
                'watchdog .*(died|is gone|was killed)')

    before = warm(nginx, 'f', 4)
    right = Answers()
    load = nginx.load('/?n={n}', connections=4, seconds=90, check=right)

    def killed(name, *victims):
        """Kills, waits for the next supervisor and some progress."""
        old = nginx.supervisor
        for pid in victims:
            os.kill(pid, signal.SIGKILL)
        t = time.monotonic()
        wait_for(lambda: up(nginx, old), 10 * SLOW, 'a supervisor')
        t = time.monotonic() - t
        progress(load, 200)
        tap.ok(t < 1 * SLOW, '%s: another one in less than a second' % name,
               t)
        wait_for(lambda: nginx.watchdog and nginx.supervisor, 5 * SLOW,
                 'both are there')

    # SIGKILL

    progress(load, 200)
    for i in range(3):
        killed('supervisor killed', nginx.supervisor)
    for i in range(2):
        killed('watchdog killed', nginx.watchdog)
    tap.equal(pids(nginx, 'f'), before, 'environments keep their pids')

    # SIGSTOP

    stopped = nginx.supervisor
    os.kill(stopped, signal.SIGSTOP)
    progress(load, 500)
    tap.equal(load.tally.failed, 0, 'stopped supervisor: warm requests go on')

    cold = []
    t = threading.Thread(target=lambda: cold.extend(
        together(nginx, '/?n={n}&do=sleep&s=0.3', 3)))
    t.start()
    wait_for(lambda: nginx.metrics('f')['queued'] > 0, 5 * SLOW,
             'a request that waits for an environment')
    os.kill(stopped, signal.SIGCONT)
    t.join()
    tap.equal([r.status for r in cold], [200] * 3, 'cold ones wait until it goes on')
    tap.equal(nginx.supervisor, stopped, 'it is still the same')

    # both

    dog, sup = nginx.watchdog, nginx.supervisor
    after = wait_for(lambda: len(pids(nginx, 'f')) > 4 and pids(nginx, 'f'),
                     5 * SLOW, 'new environments in the log')
    tap.ok(set(before.items()) < set(after.items()),
           'environments are the same, and new ones', (before, after))
    os.kill(dog, signal.SIGSTOP)
    os.kill(sup, signal.SIGKILL)
    os.kill(dog, signal.SIGKILL)
    progress(load, 500)
    tap.equal((nginx.watchdog, nginx.supervisor), (None, None),
              'neither watchdog nor supervisor')

    nginx.reload()
    wait_for(lambda: up(nginx, sup), 5 * SLOW, 'a supervisor')
    progress(load, 200)
    tap.ok('the supervisor was not running' in nginx.log(),
           'a reload starts them, and says so')
    again = pids(nginx, 'f')
    tap.ok(set(after.items()) <= set(again.items()),
           'environments were adopted again', (after, again))

    tally = load.stop()
    tap.ok(tally.complete and not tally.failed, 'no request failed', tally)

    m = settled(nginx, 'f')
    tap.equal(m['crashes'] + m['timeouts'], 0, 'nothing crashed')
    tap.equal(m['counters']['environments_ended'], 0,
              'no environment ended')

    os.kill(list(after.values())[0], signal.SIGKILL)
    wait_for(lambda: nginx.metrics('f')['counters']['environments_ended'] == 1,
             5 * SLOW, 'the end of an adopted environment')
    tap.equal(nginx.get('/?n=9').text.split()[0], '9',
              'the end of an adopted environment is noticed')

    nginx.finish(tap)
