#!/usr/bin/python3
"""Zygotes are replaced after a number of forks, unnoticed."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = 'def handler(event, context):\n    return [hash("seed"), id(None)]\n'


def zygotes():
    """The children of the supervisor that are zygotes of Python."""
    known = {sup.env(i, 'pid') for i in range(sup.slots)}
    found = []
    with open('/proc/%d/task/%d/children' % (sup.pid(), sup.pid())) as f:
        pids = [int(n) for n in f.read().split()]
    for pid in pids:
        try:
            with open('/proc/%d/environ' % pid) as f:
                if 'FAAS_ZYGOTE=1' not in f.read() or pid in known:
                    continue
            with open('/proc/%d/cmdline' % pid) as f:
                if 'bootstrap.py' in f.read():
                    found.append(pid)
        except OSError:
            pass
    return found


def only():
    """The one zygote; a blank looks like one until the board names it."""
    found = zygotes()
    return found if len(found) == 1 else None


def fresh():
    """What an environment that is new says; it ends after that."""
    ticket, lease = sup.acquire(fn)
    if not isinstance(lease, Lease):
        return lease
    status, out, _ = sup.talk(ticket, lease, None)
    slot, generation = lease.env, lease.generation
    sup.release(ticket, 'timeout')
    wait_for(lambda: sup.env(slot, 'generation') != generation)
    return tuple(json.loads(out)) if status == 0 else status


sup = Sup(start=False)
sup.globals['zygote_forks'] = 8
try:
    fn = sup.add('f', sup.code({'app.py': APP}))
    steady = sup.add('steady', sup.code({'app.py': APP}))
    sup.start()
    equal(sup.invoke(steady)[0], 0, 'an environment')
    pids = sup.pids(steady)
    first = wait_for(only)
    ok(first, 'one zygote', zygotes())
    ok(wait_for(lambda: len(sup.blanks_up()) == 2), 'blanks')

    values = []
    while len(values) < 40:
        values.append(fresh())
    equal([v for v in values if not isinstance(v, tuple)], [],
          '40 environments, none failed')
    n = len({v[0] for v in values})
    ok(3 <= n <= 10, 'had seeds of several zygotes', n)
    ok(values[0][0] == values[1][0], 'siblings share one')
    ok(wait_for(lambda: only() not in (None, first)),
       'one zygote is left, another one', zygotes())
    equal([line for line in sup.log().splitlines() if 'blank' in line
           and 'ended' in line], [], 'no blank was lost')
    ok(wait_for(lambda: len(sup.blanks_up()) == 2), 'and there are')
    equal(sup.pids(steady), pids, 'what was forked before stays')
    equal(sup.invoke(steady)[0], 0, 'and serves')
    ok('[alert]' not in sup.log(), 'nothing alarming in the log')

    # the next one dies before it can take over

    def dies():
        last = zygotes()
        fresh()
        both = zygotes()
        if len(both) == 2:
            os.kill([pid for pid in both if pid not in last[:1]][0],
                    signal.SIGKILL)
        return 'ended before it could take over' in sup.log()

    ok(wait_for(dies, 30), 'an heir that dies is no harm')
    ok(isinstance(fresh(), tuple), 'the old one goes on')

    # and a supervisor that is killed leaves none behind

    old = sup.pid()
    os.kill(old, signal.SIGKILL)
    ok(wait_for(lambda: sup.pid() not in (0, old) and sup.head('up')),
       'another supervisor')
    ok(isinstance(fresh(), tuple), 'forks')
    ok(wait_for(only), 'with one zygote')

    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
