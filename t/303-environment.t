#!/usr/bin/python3
"""Environments are killed, stopped, and end by themselves under load.

Expected: an idle environment that is killed costs nobody anything.  A busy
one costs the one request it was running, which gets 500 and is counted as a
crash; the next request gets another environment.  One that is stopped
(SIGSTOP) answers nothing: the request that finds it gets 500 when the
function's time is over, counted as a timeout, and it is replaced.  All others
are answered.
"""

import os
import random
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_proc                                        # noqa: E402
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, executions,  # noqa
                        function, invocations, message, pids, progress,
                        settled, warm)

ERROR = 'Internal Server Error'


def strike(pid, signo):
    try:
        os.kill(pid, signo)
    except ProcessLookupError:
        return 0
    return 1


with Tap() as tap, Nginx(
        workers=2,
        functions={'f': {'app.py': app(trace=True)},
                   's': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'concurrency 4',
                                   'queue 100 timeout=10s')
        + function('s', 'concurrency 4', 'queue 100 timeout=10s',
                   'timeout 1s'),
        server=LOG + 'location / { faas_pass f; }\n'
                     'location /s { faas_pass s; }') as nginx:

    # idle

    before = warm(nginx, 'f', 3)
    right = Answers()
    for slot, pid in before.items():
        os.kill(pid, signal.SIGKILL)
        wait_for(lambda: not faas_proc.alive(pid), 5 * SLOW)
        tally = nginx.load('/?n={n}', connections=1, requests=20,
                           check=right).join()
        tap.ok(tally.ok == 20, 'an idle environment killed: no failure',
               tally)
    m = settled(nginx, 'f')
    tap.equal(m['crashes'], 0, 'nor a crash')

    # all of them at a time, so that a request finds one after the other dead

    now = warm(nginx, 'f', 4)
    os.kill(nginx.supervisor, signal.SIGSTOP)
    for pid in now.values():
        os.kill(pid, signal.SIGKILL)
    wait_for(lambda: not any(faas_proc.alive(p) for p in now.values()), 5)
    answer = []
    t = threading.Thread(target=lambda: answer.append(nginx.get('/?n=5')))
    t.start()
    wait_for(lambda: nginx.metrics('f')['queued'], 5 * SLOW, 'a waiter')
    os.kill(nginx.supervisor, signal.SIGCONT)
    t.join()
    tap.equal(answer[0].status, 200, 'all dead before the supervisor saw it')

    # busy

    answer = []
    t = threading.Thread(target=lambda: answer.append(
        nginx.get('/?n=1000077&do=sleep&s=2')))
    start = len(nginx.log())
    t.start()
    nginx.wait_log('=1000077=', start=start)
    busy = nginx.log()[start:].split('=1000077=')[0].rsplit('(pid ', 1)[1]
    os.kill(int(busy.split(')')[0]), signal.SIGKILL)
    tap.equal(nginx.get('/?n=8').status, 200, 'the next request is served')
    t.join()
    tap.equal((answer[0].status, message(answer[0])), (500, ERROR),
              'a busy environment killed: its request gets 500')
    m = settled(nginx, 'f')
    tap.equal(m['crashes'], 1, 'one crash is counted')

    # under load, at random

    right = Answers()
    load = nginx.load('/?n={n}&do=sleep&s=0.004', connections=6, seconds=60,
                      check=right)
    kills = 0
    choose = random.Random(1)
    while kills < 25:
        progress(load, 15)
        found = pids(nginx, 'f')
        if found:
            kills += strike(choose.choice(sorted(found.values())),
                            signal.SIGKILL)
    progress(load, 50)
    tally = load.stop()
    failed = {k: v for k, v in tally.outcomes.items() if k != 'ok'}

    tap.ok(tally.complete and set(failed) <= {500},
           'under load: every request is answered, right or with 500', tally)
    tap.ok(tally.failed <= kills, 'one failure for each kill at most', tally)
    m = settled(nginx, 'f')
    tap.equal(m['crashes'], 1 + tally.failed, 'crashes are these failures')
    tap.equal(m['invocations'], invocations(m), 'the sum is right')
    tap.equal(m['counters']['environments_ended'], kills + 8,
              'as many environments ended as were killed')

    # stopped

    stopped = warm(nginx, 's', 2, '/s')
    for pid in stopped.values():
        os.kill(pid, signal.SIGSTOP)
    right = Answers()
    load = nginx.load('/s?n={n}', connections=4, seconds=60, check=right)
    wait_for(lambda: nginx.metrics('s')['timeouts'] == 2, 20 * SLOW,
             'both timeouts')
    progress(load, 50)
    tally = load.stop()

    tap.ok(tally.complete and tally.outcomes[500] == 2 == tally.failed,
           'a stopped environment: the request that finds it gets 500', tally)
    wait_for(lambda: not any(faas_proc.alive(p) for p in stopped.values()),
             5 * SLOW, 'their end')
    m = settled(nginx, 's')
    tap.equal((m['timeouts'], m['crashes']), (2, 0), 'counted as timeouts')
    tap.ok(not set(stopped.values()) & set(nginx.environments()),
           'and they are gone')

    # by themselves

    r = nginx.get('/s?do=exit&code=3')
    tap.equal((r.status, message(r)), (500, ERROR), 'exit: 500')
    r = nginx.get('/s?do=fault')
    tap.equal((r.status, message(r)), (500, ERROR), 'signal: 500')
    m = settled(nginx, 's')
    tap.equal(m['crashes'], 2, 'counted as crashes')
    log = nginx.log()
    tap.ok('ended: exited (exit code 3)' in log, 'the log has the code')
    tap.ok('ended: killed by a signal (signal 11)' in log, 'and the signal')

    ran = executions(nginx)
    tap.equal(ran.count(1000077), 1, 'a request that ran is not tried again')

    # one that was killed while a worker had chosen it: another one is tried
    nginx.allow(r'connect\(\) to \S+ failed \(2: No such file')
    nginx.finish(tap)
