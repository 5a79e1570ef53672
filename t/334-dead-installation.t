#!/usr/bin/python3
"""nginx's master is killed, or all of nginx and its supervisor, and nginx is
started anew.

Expected: when master and workers are gone the supervisor ends its
environments and itself.  A new nginx starts at once, waits for that if it has
to, and serves.  When watchdog and supervisor were killed as well, the
environments they left are ended by the next supervisor, their sockets and
cgroups are used or removed, and the totals are taken over.  While workers of
a killed master still serve, so does the supervisor.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_proc                                        # noqa: E402
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        pids, progress, settled, states, warm)


def kill(*victims):
    for signo in signal.SIGSTOP, signal.SIGKILL:
        # all of them are stopped first, so that none sees another one die
        for pid in victims:
            try:
                os.kill(pid, signo)
            except ProcessLookupError:
                pass
    wait_for(lambda: not any(faas_proc.alive(p) for p in victims), 5 * SLOW)


def gone(which):
    wait_for(lambda: not any(faas_proc.alive(p) for p in which), 10 * SLOW,
             'their end')


with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'concurrency 4',
                                   'queue 100 timeout=10s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    nginx.allow('supervisor was killed by signal 9')
    total = [0]

    def serves(what):
        """A bounded load on a new start; all there is belongs to it."""
        right = Answers()
        tally = nginx.load('/?n={n}', connections=4, requests=200,
                           check=right).join()
        tap.ok(tally.ok == 200, what + ': serves', tally)
        m = settled(nginx, 'f')
        total[0] += 200
        tap.equal(m['successes'], total[0], what + ': with all totals')
        wait_for(lambda: sum(states(nginx).values())
                 == len(nginx.environments()), 5 * SLOW,
                 'environments that are all its own')

    serves('first')

    # the master alone: its workers go on, and so does all else

    before = warm(nginx, 'f', 4)
    total[0] = settled(nginx, 'f')['successes']
    load = nginx.load('/?n={n}', connections=4, seconds=60, check=Answers())
    progress(load, 50)
    workers, dog, supervisor = nginx.workers, nginx.watchdog, nginx.supervisor
    kill(nginx.master)
    progress(load, 200)
    tally = load.stop()
    tap.ok(tally.complete and not tally.failed,
           'master killed: its workers serve on', tally)
    total[0] += tally.ok
    tap.equal((nginx.supervisor, pids(nginx, 'f')), (supervisor, before),
              'with the same supervisor and environments')

    # then the workers as well: the supervisor ends

    kill(*workers)
    gone([dog, supervisor] + list(before.values()))
    tap.equal(len(nginx.processes()), 0,
              'workers killed, too: all of it ends')
    nginx.start()
    serves('second')

    # killed and started at once, while the supervisor still ends

    everything = [p.pid for p in nginx.processes()]
    kill(nginx.master, *nginx.workers)
    nginx.start()
    serves('third')
    tap.ok(not set(everything) & {p.pid for p in nginx.processes()},
           'nothing of the one before is left')

    # all but the environments

    before = list(pids(nginx, 'f').values())
    os.kill(before[0], signal.SIGSTOP)
    kill(nginx.master, *nginx.workers, nginx.watchdog, nginx.supervisor)
    tap.ok(all(faas_proc.alive(p) for p in before),
           'all killed but the environments')
    nginx.start()
    gone(before)
    serves('fourth')
    wait_for(lambda: 'environments of an earlier run were killed'
             in nginx.log())
    tap.ok(True, 'the log says so')

    # all of it

    kill(*[p.pid for p in nginx.processes()])
    tap.equal(len(nginx.processes()), 0, 'all killed')
    nginx.start()
    serves('fifth')

    # twice in a row, the second time before anything was served

    kill(*[p.pid for p in nginx.processes()])
    nginx.start()
    kill(*[p.pid for p in nginx.processes()])
    nginx.start()
    serves('sixth')

    nginx.finish(tap)
