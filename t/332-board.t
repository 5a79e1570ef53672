#!/usr/bin/python3
"""Processes die with a function's lock on the scoreboard, under load.

Expected: the next one that wants the lock gets it, puts in order what the
dead one left half done, and goes on.  No request fails or waits, the same
environments go on, and the counters are exact.
"""

import os
import shutil
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import (SLOW, TOP, Nginx, Tap, skip_all,  # noqa: E402
                      wait_for)
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        invocations, pids, progress, settled, warm)

DEATHS = 40


def build(folder):
    """Compiles the process that dies."""
    sources = [os.path.join(TOP, 't/lib/board_death.c')]
    sources += [os.path.join(TOP, 'runtime/libfaas/faas_%s.c' % n) for n in
                ('board', 'board_env', 'board_lease', 'board_lists',
                 'board_lock', 'hist')]
    path = os.path.join(folder, 'board-death')
    subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-pthread',
                    '-I', os.path.join(TOP, 'runtime/libfaas'), '-o', path]
                   + sources, check=True)
    return path


if shutil.which('cc') is None:
    skip_all('no C compiler')

with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'concurrency 4',
                                   'queue 100 timeout=10s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    program = build(nginx.dir)
    before = warm(nginx, 'f', 4)
    served = settled(nginx, 'f')['invocations']
    board = os.path.join(nginx.dir, 'run/v1/board')

    def die(*args):
        r = subprocess.run([program, board, 'f'] + [str(a) for a in args])
        if r.returncode != -signal.SIGKILL:
            raise RuntimeError('status %d' % r.returncode)

    right = Answers()
    load = nginx.load('/?n={n}', connections=6, seconds=60, check=right)

    for i in range(DEATHS):
        progress(load, 30)
        die(*(() if i % 2 else (i,)))

    progress(load, 100)
    tally = load.stop()
    tap.ok(tally.complete and not tally.failed, 'no request failed', tally)
    tap.ok(max(tally.times) < 2 * SLOW, 'none waited', max(tally.times))

    m = settled(nginx, 'f')
    tap.equal(m['invocations'], tally.ok + served, 'all are counted, once')
    tap.equal(m['successes'], m['invocations'], 'as successes')
    tap.equal(pids(nginx, 'f'), before, 'the environments are the same')
    tap.equal(m['environments']['idle'], 4, 'and all idle')

    # nobody there: the supervisor is the next to want it

    die(DEATHS + 1)
    os.kill(list(before.values())[0], signal.SIGKILL)
    wait_for(lambda: nginx.metrics('f')['environments']['idle'] == 3,
             5 * SLOW, 'an end')
    tap.equal(nginx.get('/?n=1').status, 200, 'alone, too')

    # with requests in the queue: they are in it again, in their order

    load = nginx.load('/?n={n}&do=sleep&s=0.05', connections=12, seconds=60,
                      check=right)
    for i in range(10):
        progress(load, 10)
        wait_for(lambda: nginx.metrics('f')['queued'] > 2, 10 * SLOW)
        die(100 + i)
    progress(load, 30)
    more = load.stop()
    tap.ok(more.complete and not more.failed,
           'with a queue: no request failed', more)
    tap.ok(max(more.times) < 2 * SLOW, 'none was forgotten', max(more.times))
    m = settled(nginx, 'f')
    tap.equal(m['invocations'], tally.ok + more.ok + served + 1,
              'all are counted, once')
    tap.equal(m['invocations'], invocations(m), 'the sum is right')

    nginx.finish(tap)
