#!/usr/bin/python3
"""Started by systemd: before nginx, and through its restarts."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = 'def handler(event, context):\n    return "fine"\n'

sup = Sup(start=False)
try:
    os.rename(sup.path('board'), sup.path('later'))
    command = [os.path.join(RUNTIME, 'faas-supervisor'), '--run-dir', sup.run,
               '--external']
    sup.proc = subprocess.Popen(command, start_new_session=True,
                                stderr=open(sup.log_path + '.stderr', 'ab'))
    ok(wait_for(lambda: os.path.exists(sup.path('lock'))), 'takes the lock')
    second = subprocess.run(command, stderr=subprocess.PIPE)
    equal(second.returncode, 1, 'a second one does not start')
    ok(b'another supervisor' in second.stderr, 'and says why')

    # nginx comes

    fn = sup.add('f', sup.code({'app.py': APP}))
    os.rename(sup.path('later'), sup.path('board'))
    sup.manifest()
    ok(wait_for(lambda: sup.head('up')), 'waits for nginx')
    sup.register()
    equal(sup.invoke(fn), (0, 'fine'), 'and serves')
    pids = sup.pids(fn)

    # nginx goes and comes back, to the same board

    sup.leave()
    ok(wait_for(lambda: sup.logged('died')), 'nginx ends')
    equal(sup.pids(fn), pids, 'environments stay')
    sup.register()
    equal(sup.invoke(fn), (0, 'fine'), 'nginx is back')
    equal(sup.pids(fn), pids, 'same environments')

    # or to a new one

    sup.leave()
    os.rename(sup.path('board'), sup.path('board.prev'))
    sup.board = ctypes.c_void_p(sup.so.t_create(
        sup.path('board'), 64, sup.slots, ctypes.c_uint64(99)))
    sup.functions = []
    fn = sup.add('f', sup.code({'app.py': APP}))
    sup.manifest()
    ok(wait_for(lambda: sup.head('up')), 'a new scoreboard is taken up')
    ok(wait_for(lambda: not any(os.path.exists('/proc/%d' % p)
                                for p in pids)), 'the old pool has ended')
    sup.register()
    equal(sup.invoke(fn), (0, 'fine'), 'and served')
    ok(wait_for(lambda: sup.so.t_outcome(sup.board, fn, 0) == 3),
       'with the totals of the old one')

    # many functions: what a reload costs

    sup.proc.terminate()
    equal(sup.proc.wait(10), 0, 'SIGTERM ends it')
    sup.leave()
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()

many = Sup(start=False, functions_max=1024)
try:
    code = many.code({'app.py': APP})
    for n in range(1000):
        many.add('f%d' % n, code)
    many.start()
    equal(many.invoke(999), (0, 'fine'), 'a thousand functions')
    many.change('f5', timeout_ms=1234)
    t = time.monotonic()
    many.reload()
    t = (time.monotonic() - t) * 1000
    diag('reload of 1000 functions: %.0f ms' % t)
    ok(t < 2000, 'are compared in good time')
    equal(many.fn(5, 'timeout_ms'), 1234, 'one of them changed')

    # a burst larger than the number of blanks

    t = time.monotonic()
    held = [many.acquire(n) for n in range(16)]
    t = (time.monotonic() - t) * 1000
    ok(all(isinstance(l, Lease) for _, l in held), 'sixteen cold starts')
    diag('16 cold starts one after the other: %.0f ms' % t)
    equal(many.stop(), 0, 'orderly end')
    equal(leftovers(many), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(many.log())
    many.clean()
done()
