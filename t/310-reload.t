#!/usr/bin/python3
"""100 reloads in a row under load.

Expected: not one request fails (a kept connection that nginx closes between
two requests is opened again, as any client does).  The function is unchanged,
so its environments keep their processes; there is one supervisor all the
time, and the master has no more descriptors at the end than at the beginning.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_proc                                        # noqa: E402
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        pids, progress, settled, warm)

RELOADS = 100

with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'concurrency 4',
                                   'queue 100 timeout=10s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    before = warm(nginx, 'f', 4)
    supervisor, watchdog = nginx.supervisor, nginx.watchdog
    right = Answers()
    load = nginx.load('/?n={n}', connections=4, seconds=120, check=right)
    progress(load, 100)

    # one for what a reload does only the first time
    nginx.reload()
    master = nginx.master
    fds = faas_proc.fd_count(master)

    for i in range(RELOADS):
        nginx.reload()

    progress(load, 100)
    tally = load.stop()
    tap.ok(tally.complete and not tally.failed, 'no request failed', tally)
    tap.ok(tally.ok > RELOADS, 'while there were requests', tally)

    tap.equal(pids(nginx, 'f'), before, 'environments keep their pids')
    tap.equal(len(right.ids), 4, 'no other ones have answered')
    tap.equal((nginx.supervisor, nginx.watchdog), (supervisor, watchdog),
              'supervisor and watchdog are the same')
    tap.equal(nginx.master, master, 'the master is the same')
    # workers that are still on their way out have some in the master
    wait_for(lambda: faas_proc.fd_count(master) <= fds, 10 * SLOW,
             'as few descriptors as before')
    tap.ok(True, 'it has no more descriptors than before')

    m = settled(nginx, 'f')
    c = m['counters']
    tap.equal((c['environments_started'], c['environments_ended']), (4, 0),
              'no environment was started or ended')
    wait_for(lambda: len(nginx._nginxes('worker process')) == 2, 10 * SLOW,
             'the end of the old workers')
    s = nginx.status()
    wait_for(lambda: nginx.status()['applied'] == s['generation'], 5 * SLOW,
             'the last configuration')
    tap.equal(s['generation'], RELOADS + 2, 'all of them took effect')

    nginx.finish(tap)
