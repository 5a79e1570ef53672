#!/usr/bin/python3
"""Provisioned, idle, old and used up environments; limits of all kinds."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import os
def handler(event, context):
    if event == "tmp":
        s = os.statvfs("/tmp")
        return s.f_blocks * s.f_frsize >> 20
    if event == "type":
        return os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]
    if event == "fork":
        n = 0
        try:
            while n < 5000:
                if os.fork() == 0:
                    import time
                    time.sleep(100)
                    os._exit(0)
                n += 1
        except OSError:
            pass
        return n
    return "fine"
'''

sup = Sup(start=False, envs=6, slots=10)
try:
    code = sup.code({'app.py': APP})
    prov = sup.add('prov', code, provisioned=2)
    fn = sup.add('f', code)
    sup.start()
    full = sup.head('isolation') == 2

    # provisioned

    ok(wait_for(lambda: len(sup.slots_of(prov)) == 2),
       'provisioned environments start by themselves')
    equal(sup.counter(prov, 'environments_started'), 2, 'two')
    equal(sup.invoke(prov, 'type')[1], 'provisioned-concurrency',
          'and know what they are')
    pid = sup.pids(prov)[0]
    os.kill(pid, 9)
    ok(wait_for(lambda: len(sup.pids(prov)) == 2 and pid not in
                sup.pids(prov)), 'one that dies is replaced')
    sup.change('prov', provisioned=3)
    pids = sup.pids(prov)
    sup.reload()
    ok(wait_for(lambda: len(sup.pids(prov)) == 3), 'their number grows')
    ok(set(pids) < set(sup.pids(prov)), 'beside those that are there')
    sup.change('prov', provisioned=1, max_age_ms=1500)
    sup.reload()
    pids = sup.pids(prov)

    least = [9]

    def replaced():
        least[0] = min(least[0], len(sup.pids(prov)))
        return not set(pids) & set(sup.pids(prov))

    ok(wait_for(replaced, 15), 'old ones are replaced')
    ok(least[0] >= 1, 'before they are missed', least)

    sup.change('prov', provisioned=0, max_age_ms=0, idle_timeout_ms=300)
    sup.reload()
    ok(wait_for(lambda: not sup.slots_of(prov, range(1, 8))),
       'idle ones end')

    # on demand

    equal(sup.invoke(fn, 'type')[1], 'on-demand', 'on demand')
    sup.change('f', max_requests=3)
    sup.reload()
    pid = sup.pids(fn)[0]
    for n in range(2):
        sup.invoke(fn)
    ok(wait_for(lambda: pid not in sup.pids(fn, range(1, 8))),
       'used up after max_requests')
    equal(sup.invoke(fn)[0], 0, 'the next takes over')
    sup.change('f', max_requests=0)
    sup.reload()

    if full:
        small = sup.add('small', code, tmp_mb=64, memory_mb=1024)
        sup.reload()
        equal(sup.invoke(small, 'tmp')[1], 64, '/tmp has its own size')
        n = sup.invoke(small, 'fork')[1]
        ok(n and n < 1024, 'processes are limited', n)
        ticket, lease = sup.acquire(small)
        sup.release(ticket, 'timeout')
        ok(wait_for(lambda: not sup.slots_of(small, range(1, 8))),
           'all of them end with the environment')
        sup.functions = [f for f in sup.functions if f['name'] != 'small']
        sup.reload()

    # a burst: as many as wait, no more

    before = sup.counter(fn, 'environments_started')
    held = [sup.acquire(fn) for _ in range(4)]
    ok(all(isinstance(l, Lease) for _, l in held), 'four at once')
    equal(sup.counter(fn, 'environments_started') - before,
          4 - 1, 'three were started')

    # all environments in use: another function's idle one makes room

    for ticket, _ in held[:2]:
        sup.release(ticket, count=0)
    g = sup.add('g', code)
    sup.reload()
    held2 = [sup.acquire(g) for _ in range(4)]
    ok(all(isinstance(l, Lease) for _, l in held2),
       'idle environments of others make room', held2)
    equal(len(sup.slots_of(fn)), 2, 'two are left')
    _, why = sup.acquire(g)
    equal(why, 'no capacity', 'all busy: refused')
    ok(sup.logged('no environment for function "g": all 6'), 'and logged')
    for ticket, _ in held[2:] + held2:
        sup.release(ticket, count=0)
    equal(sup.invoke(g)[0], 0, 'later it is served again')

    # the backstop

    sup.change('g', timeout_ms=100)
    sup.reload()
    ticket, lease = sup.acquire(g)
    pid = sup.env(lease.env, 'pid')
    sup.so.faas_lease_run(sup.board, ticket)
    ok(wait_for(lambda: not os.path.exists('/proc/%d' % pid), 10),
       'an environment nobody ends is ended')
    ok(sup.logged('no worker ended it'), 'with a word in the log')
    sup.release(ticket, 'timeout')

    # the run directory is removed under our feet

    wait_for(lambda: sup.invoke(fn)[0] == 0)
    pids = sup.pids(fn)
    shutil.rmtree(os.path.join(sup.run, 'v1/env'))
    shutil.rmtree(os.path.join(sup.run, 'v1/log'))
    os.unlink(sup.path('doorbell'))
    ok(wait_for(lambda: os.path.exists(sup.path('doorbell'))),
       'a removed doorbell comes back')
    ok(sup.logged('was removed, making it again'), 'the log says so')
    ok(wait_for(lambda: not set(pids) & set(sup.pids(fn))),
       'environments without a socket are replaced')
    equal(sup.invoke(fn), (0, 'fine'), 'and it serves')

    # log rotation

    os.rename(sup.log_path, sup.log_path + '.1')
    with open(sup.log_path, 'w'):
        pass
    sup.bell(REOPEN)
    sup.reload()
    ok(sup.logged('configuration %d applied' % sup.generation),
       'a rotated log is followed')

    equal(sup.head('starts'), 1, 'one supervisor did all that')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
