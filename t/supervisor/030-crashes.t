#!/usr/bin/python3
"""SIGKILL of the supervisor, of its watchdog, of a zygote, of a worker."""

import os
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import time, os
def handler(event, context):
    if isinstance(event, dict):
        time.sleep(event["sleep"])
    if event == "exit":
        os._exit(9)
    return "fine"
'''


def alive(pid):
    return os.path.exists('/proc/%d' % pid)


def children(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return [int(n) for n in f.read().split()]


def zygote():
    """The one child of the supervisor in its own pid namespace."""
    for pid in children(sup.pid()):
        try:
            with open('/proc/%d/environ' % pid) as f:
                if 'FAAS_ZYGOTE=1' in f.read() and pid not in all_pids():
                    return pid
        except OSError:
            pass
    return None


def all_pids():
    return [sup.env(i, 'pid') for i in range(sup.slots)]


sup = Sup(start=False)
try:
    fn = sup.add('f', sup.code({'app.py': APP}))
    sup.start()
    equal(sup.invoke(fn), (0, 'fine'), 'an environment')
    a, la = sup.acquire(fn)
    b, lb = sup.acquire(fn)
    sup.release(a, count=0)
    sup.release(b, count=0)
    pids = sup.pids(fn)
    equal(len(pids), 2, 'two of them')
    ok(wait_for(lambda: len(sup.blanks_up()) == 2), 'and two blanks')

    # the supervisor

    old = sup.pid()
    busy, lease = sup.acquire(fn)
    answer = []
    th = threading.Thread(target=lambda: answer.append(
        sup.talk(busy, lease, {'sleep': 0.3})))
    th.start()
    os.kill(old, signal.SIGKILL)
    equal(sup.invoke(fn), (0, 'fine'), 'supervisor killed: warm requests go on')
    ok(wait_for(lambda: sup.head('up') and sup.pid() not in (0, old)),
       'another one comes')
    ok(sup.logged('2 environments of the supervisor before were adopted'),
       'and adopts')
    th.join()
    equal(answer[0][0], 0, 'an invocation that was running ends well')
    sup.release(busy)
    equal(sup.pids(fn), pids, 'same processes')
    equal(sup.invoke(fn), (0, 'fine'), 'they serve')
    equal(sup.head('starts'), 2, 'it started once')
    ok(wait_for(lambda: len(sup.blanks_up()) == 2), 'there are blanks again')
    a, la = sup.acquire(fn)
    b, lb = sup.acquire(fn)
    c, lc = sup.acquire(fn)
    equal(lc.cold, 1, 'a third environment can be started')
    for t in a, b, c:
        sup.release(t, count=0)

    # an adopted environment that ends

    i = [i for i in sup.slots_of(fn) if sup.env(i, 'pid') == pids[0]][0]
    g = sup.env(i, 'generation')
    os.kill(pids[0], signal.SIGKILL)
    ok(wait_for(lambda: sup.env(i, 'generation') != g),
       'the end of an adopted environment is seen')
    ok(sup.logged('(pid %d) ended: killed by a signal (signal 9)' % pids[0]),
       'and understood, by way of the watchdog')

    # the watchdog

    before = sup.pids(fn)
    old, dog = sup.pid(), sup.proc.pid
    os.kill(dog, signal.SIGKILL)
    ok(wait_for(lambda: sup.pid() not in (0, old) and sup.head('up')),
       'watchdog killed: a new supervisor')
    with open('/proc/%d/cmdline' % old) as f:
        ok('--supervise' not in f.read(), 'the old one is the watchdog now')
    equal(sup.pids(fn), before, 'same environments')
    equal(sup.invoke(fn), (0, 'fine'), 'which serve')
    i = sup.slots_of(fn)[0]
    pid, g = sup.env(i, 'pid'), sup.env(i, 'generation')
    os.kill(pid, signal.SIGKILL)
    ok(wait_for(lambda: sup.env(i, 'generation') != g), 'and may end')

    # both at once: nothing holds the lock, the master of a reload starts all

    sup.invoke(fn)
    before = sup.pids(fn)
    dog, s = old, sup.pid()
    os.kill(dog, signal.SIGSTOP)
    os.kill(s, signal.SIGKILL)
    os.kill(dog, signal.SIGKILL)
    wait_for(lambda: not alive(dog) and not alive(s))
    os.close(sup.life)
    sup.start()
    ok(wait_for(lambda: sup.pid() not in (0, s)), 'started by a reload')
    equal(sup.pids(fn), before, 'the environments are adopted again')
    equal(sup.invoke(fn), (0, 'fine'), 'and serve')

    # the zygote

    z = wait_for(zygote)
    os.kill(z, signal.SIGKILL)
    ok(wait_for(lambda: zygote() not in (None, z)), 'the zygote comes back')
    other = sup.add('g', sup.code({'app.py': APP}))
    sup.reload()
    equal(sup.invoke(other), (0, 'fine'), 'and forks')

    # kill it over and over while environments are wanted

    for n in range(3):
        sup.add('h%d' % n, sup.code({'app.py': APP}))
    sup.reload()
    results = []
    for f in sup.functions[2:]:
        z = zygote()
        if z:
            os.kill(z, signal.SIGKILL)
        results.append(sup.invoke(f['index'])[0])
    equal(results, [0, 0, 0], 'demand survives dying zygotes')

    # a worker: its leases, its waiters

    a, la = sup.acquire(fn)
    sup.so.faas_lease_run(sup.board, a)
    pid = sup.env(la.env, 'pid')
    slot = sup.worker
    sup.worker_dies()
    ok(wait_for(lambda: not alive(pid)),
       'a dead worker\'s environment is ended')
    ok(wait_for(lambda: sup.fn(fn, 'n_leases') == 0), 'its lease is gone')
    equal(sup.counter(fn, 'workers_lost'), 1, 'and counted')
    equal(sup.so.t_outcome(sup.board, fn, 4), 1, 'as a crash')
    ok(wait_for(lambda: not os.path.exists(sup.path('workers/%d' % slot))),
       'its socket was removed')
    ok(sup.logged('nginx worker'), 'the log says so')

    # a new worker, same master

    sup.master_proc.kill()
    sup.master_proc.wait()
    sup.sock.close()
    sup.register()
    equal(sup.invoke(fn), (0, 'fine'), 'another worker is served')

    # asked to end while nginx lives, and started again by a reload

    sup.proc.terminate()
    equal(sup.proc.wait(10), 0, 'SIGTERM: an orderly end')
    equal(sup.pids(fn, range(1, 8)), [], 'of all environments')
    os.close(sup.life)
    sup.start()
    equal(sup.invoke(fn), (0, 'fine'), 'a reload starts another')

    sup.leave()
    ok(wait_for(lambda: leftovers(sup) == []), 'nothing is left behind',
       leftovers(sup))
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
