#!/usr/bin/python3
"""Configurations that come and go: same, changed, broken, removed."""

import os
import sys
import time
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = 'import time\ndef handler(event, context):\n' \
      '    time.sleep(event or 0)\n    return "%s"\n'

sup = Sup(start=False)
try:
    one, two = sup.code({'app.py': APP % 'one'}), sup.code(
        {'app.py': APP % 'two'})
    fn = sup.add('f', one)
    other = sup.add('other', one)
    sup.start()

    def envs(f, n):
        """n environments at once, left idle"""
        got = [sup.acquire(f) for _ in range(n)]
        for ticket, _ in got:
            sup.release(ticket, count=0)
        return sup.pids(f)

    pids = envs(fn, 3)
    equal(len(pids), 3, 'three environments')
    equal(sup.invoke(other)[1], 'one', 'and another function')
    sup.reload()
    equal(sup.pids(fn), pids, 'same configuration, same processes')
    equal(sup.fn(fn, 'version'), 1, 'same version')

    sup.change('f', timeout_ms=9000, concurrency=7, max_requests=100)
    sup.reload()
    equal(sup.fn(fn, 'timeout_ms'), 9000, 'a limit changes')
    equal(sup.pids(fn), pids, 'without new processes')

    # touching a file is a change, and so is anything else that matters

    sup.change('f', code=two)
    busy, lease = sup.acquire(fn)
    answer = []
    th = threading.Thread(
        target=lambda: answer.append(sup.talk(busy, lease, 0.5)))
    th.start()
    sup.reload()
    values = set()

    def switched():
        status, value = sup.invoke(fn)
        values.add((status, value))
        return value == 'two'

    ok(wait_for(switched), 'changed code takes over')
    equal(values, {(0, 'one'), (0, 'two')} & values, 'no request failed')
    equal(sup.fn(fn, 'version'), 2, 'as a new version')
    th.join()
    equal(answer[0][:2], (0, b'"one"'),
          'an invocation in the old one ends well')
    sup.release(busy)
    ok(wait_for(lambda: not set(sup.pids(fn, range(1, 8))) & set(pids)),
       'then the old ones are gone')
    equal(len(sup.pids(fn)), 3, 'as many new ones as there were')
    equal(sup.invoke(other)[1], 'one', 'the other function was not touched')
    equal(sup.fn(other, 'version'), 1, 'nor its version')

    # broken

    good = sup.pids(fn)
    broken = sup.code({'app.py': 'nonsense('})
    sup.change('f', code=broken)
    sup.reload()
    ok(sup.logged('new version of function "f" failed to start'),
       'broken code is reported')
    ok(sup.logged('version 2 goes on serving'), 'with who serves')
    equal(sup.invoke(fn), (0, 'two'), 'and it does')
    equal(sup.pids(fn), good, 'by the same processes')
    equal(sup.fn(fn, 'backoff'), 0, 'without back-off')
    sup.change('f', code=two)
    sup.reload()
    equal(sup.pids(fn), good, 'going back changes nothing')
    equal(sup.fn(fn, 'version'), 2, 'not even the version')

    # broken, then mended in place without a reload: tried again

    sup.change('f', code=broken)
    sup.reload()
    sup.logged('version 2 goes on serving')
    sup.write(os.path.join(broken, 'app.py'), APP % 'mended')
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'mended')),
       'a version that did not start is tried again')

    # twice in a row: only the newest counts

    a, b = sup.code({'app.py': APP % 'a'}), sup.code({'app.py': APP % 'b'})
    sup.change('f', code=a)
    sup.reload()
    sup.change('f', code=b)
    sup.reload()
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'b')), 'two reloads in a row')
    equal(wait_for(lambda: sup.invoke(fn) == (0, 'b')), True, 'and it stays')

    # a new supervisor knows what it adopts

    pids = sup.pids(fn)
    old = sup.pid()
    os.kill(old, 9)
    wait_for(lambda: sup.pid() not in (0, old) and sup.head('up'))
    equal(sup.pids(fn), pids, 'a supervisor killed: same processes')
    sup.reload()
    equal(sup.pids(fn), pids, 'and after a reload')

    # changed while nobody looked

    old = sup.pid()
    os.kill(sup.proc.pid, 19)
    os.kill(old, 9)
    sup.change('f', code=one)
    sup.manifest()
    equal(sup.invoke(fn), (0, 'b'), 'old configuration serves')
    os.kill(sup.proc.pid, 18)
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'one')),
       'a configuration that came during the crash is applied')

    # removed

    pid = sup.pids(other)[0]
    sup.functions = [f for f in sup.functions if f['name'] != 'other']
    sup.manifest()
    sup.bell(CONFIG)
    wait_for(lambda: sup.head('applied') == sup.generation)
    equal(sup.invoke(other), (0, 'one'),
          'a removed function serves workers that still have it')
    sup.so.t_generation(sup.board, sup.worker,
                        ctypes.c_uint64(sup.generation))
    ok(wait_for(lambda: not os.path.exists('/proc/%d' % pid)),
       'then its environment ends')
    equal(sup.acquire(other)[1], GONE, 'and it is gone')
    sup.add('other', one)
    sup.reload()
    equal(sup.invoke(other), (0, 'one'), 'until it is configured again')

    # no room for a new version beside the old one

    held = [sup.acquire(fn) for _ in range(15)]
    sup.change('f', code=a)
    sup.reload()
    ok(wait_for(lambda: sup.fn(fn, 'version') == sup.env(
        sup.slots_of(fn, (IDLE, BUSY, READY))[-1], 'version')
        and any(sup.env(i, 'version') == sup.fn(fn, 'version')
                for i in sup.slots_of(fn))),
       'a new version starts when all environments are in use')
    for ticket, _ in held:
        sup.release(ticket, count=0)
    sup.change('f', code=one)
    sup.reload()
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'one')), 'and back')

    # a manifest that is not one

    with open(sup.path('manifest'), 'w') as f:
        f.write('{"layout":%d,' % LAYOUT)
    sup.bell(CONFIG)
    ok(sup.logged('manifest "'), 'a damaged manifest is reported')
    equal(sup.invoke(fn), (0, 'one'), 'and changes nothing')

    # 30 in a row under load

    stop, results = [], []

    def load():
        s = 0
        while not stop:
            results.append(sup.invoke(fn)[0])

    sup.reload()
    th = threading.Thread(target=load)
    th.start()
    for n in range(30):
        sup.change('f', code=(a, b)[n % 2])
        sup.reload()
    stop.append(1)
    th.join()
    equal(set(results), {0}, 'reloads under load: no request failed')
    diag('%d requests during 30 reloads' % len(results))

    equal(sup.head('starts'), 3, 'no crash that was not asked for')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
