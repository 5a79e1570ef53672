#!/usr/bin/python3
"""The run directory is taken over by others: only one's own is removed."""

import fcntl
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = 'import os\ndef handler(event, context):\n    return "%s"\n'


def things():
    """Name and inode of everything below the run directory."""
    found = {}
    for root, _, files in os.walk(os.path.join(sup.run, 'v1')):
        for name in files:
            path = os.path.join(root, name)
            found[path] = os.stat(path).st_ino
    return found


def holders():
    """Processes of this supervisor that have the lock file open."""
    ino = os.stat(sup.path('lock')).st_ino
    found = []
    for pid in sup.proc.pid, sup.pid():
        try:
            for fd in os.listdir('/proc/%d/fd' % pid):
                if os.stat('/proc/%d/fd/%s' % (pid, fd)).st_ino == ino:
                    found.append(pid)
        except OSError:
            pass
    return set(found)


def locked():
    with open(sup.path('lock'), 'r+') as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return False
        except OSError:
            return True


sup = Sup(start=False)
first = None
try:
    fn = sup.add('f', sup.code({'app.py': APP % 'first'}))
    sup.start()
    equal(sup.invoke(fn), (0, 'first'), 'a function')

    # removed, and taken by another nginx before we could look

    first, pid, line = sup.proc, sup.pid(), sup.life
    peers = sup.worker_proc, sup.master_proc, sup.sock
    os.kill(pid, signal.SIGSTOP)
    shutil.rmtree(sup.run)
    os.makedirs(os.path.join(sup.run, 'v1/workers'))
    sup.worker = None
    sup.board = ctypes.c_void_p(sup.so.t_create(
        sup.path('board'), 64, sup.slots, ctypes.c_uint64(7)))
    fn = sup.add('f', sup.code({'app.py': APP % 'second'}))
    sup.start()
    equal(sup.invoke(fn), (0, 'second'), 'another supervisor serves')
    ok(wait_for(lambda: len(sup.blanks_up()) == 2), 'and has blanks')
    pids, blanks, before = sup.pids(fn), sup.blanks_up(), things()

    os.kill(pid, signal.SIGCONT)
    equal(first.wait(20), 0, 'the first one ends')
    ok(sup.logged('another supervisor serves'), 'and says why')
    missing = {k: v for k, v in before.items() if things().get(k) != v}
    equal(missing, {}, 'nothing of the second one was removed')
    equal(sup.pids(fn), pids, 'its environment was left alone')
    equal(sup.invoke(fn), (0, 'second'), 'and serves')
    equal(sup.blanks_up(), blanks, 'so were the blanks')
    sup.reload()
    equal(sup.invoke(fn), (0, 'second'), 'its doorbell is heard')
    os.close(line)

    # the lock file alone: the new one is held by the watchdog as well

    os.unlink(sup.path('lock'))
    ok(wait_for(lambda: os.path.exists(sup.path('lock'))),
       'a lock file that was removed is made again')
    ok(wait_for(lambda: holders() == {sup.proc.pid, sup.pid()}),
       'supervisor and watchdog have it', holders())
    old = sup.pid()
    os.kill(sup.proc.pid, signal.SIGSTOP)
    os.kill(old, signal.SIGKILL)
    ok(locked(), 'it is held while there is no supervisor')
    os.kill(sup.proc.pid, signal.SIGCONT)
    ok(wait_for(lambda: sup.pid() not in (0, old) and sup.head('up')),
       'another supervisor starts')
    ok(holders() == {sup.proc.pid, sup.pid()}, 'with the same lock')
    equal(sup.invoke(fn), (0, 'second'), 'and serves')
    equal(sup.head('starts'), 2, 'after the one crash there was')

    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    if first is not None and first.poll() is None:
        first.kill()
    sup.clean()
done()
