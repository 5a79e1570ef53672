#!/usr/bin/python3
"""Totals survive restarts, crashes and a full disk."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = 'def handler(event, context):\n    return "fine"\n'


def ledger():
    try:
        with open(os.path.join(sup.state, 'ledger.json')) as f:
            return json.load(f)
    except (OSError, ValueError):
        return {}


def success(name='f'):
    return ledger().get('functions', {}).get(name, {}).get(
        'outcomes', {}).get('success', 0)


def new_board():
    """What a master does that finds no board it can use."""
    sup.board = ctypes.c_void_p(sup.so.t_create(
        sup.path('board'), 64, sup.slots,
        ctypes.c_uint64(int.from_bytes(os.urandom(7), 'big'))))
    os.makedirs(sup.path('workers'), exist_ok=True)
    names, sup.functions = sup.functions, []
    for f in names:
        f.pop('index')
        sup.add(**f)


def total():
    return sup.so.t_outcome(sup.board, fn, 0)


sup = Sup(start=False)
try:
    fn = sup.add('f', sup.code({'app.py': APP}))
    sup.start()
    for _ in range(5):
        sup.invoke(fn)
    ok(wait_for(lambda: success() == 5, 12), 'totals are written')
    equal(ledger()['functions']['f']['counters']['environments_started'], 1,
          'counters too')
    equal(sum(ledger()['functions']['f']['hist'].values()), 5,
          'and the histogram')

    # orderly end, new board

    sup.invoke(fn)
    equal(sup.stop(), 0, 'orderly end')
    equal(success(), 6, 'the last ones are written at the end')
    new_board()
    sup.start()
    ok(wait_for(lambda: total() == 6), 'a new board takes them over')
    sup.invoke(fn)
    equal(total(), 7, 'and counts on')

    # a supervisor killed: nothing is added twice

    old = sup.pid()
    os.kill(old, 9)
    wait_for(lambda: sup.pid() not in (0, old) and sup.head('up'))
    equal(total(), 7, 'a crash adds nothing')

    # everything killed at once, the board put aside: it is the truth

    sup.invoke(fn)
    pids = sup.pids(fn, range(1, 8))
    os.kill(sup.proc.pid, 19)
    os.kill(sup.pid(), 9)
    os.kill(sup.proc.pid, 9)
    sup.proc.wait()
    sup.leave()
    os.rename(sup.path('board'), sup.path('board.prev'))
    new_board()
    sup.start()
    ok(wait_for(lambda: total() == 8),
       'totals of a board that was put aside', total())
    ok(wait_for(lambda: not os.path.exists(sup.path('board.prev')), 12),
       'which goes when they are safe')
    equal(success(), 8, 'in the ledger')
    ok(wait_for(lambda: not any(os.path.exists('/proc/%d' % p)
                                for p in pids)),
       'environments of that run were killed')

    # a function that comes later

    other = sup.add('g', sup.code({'app.py': APP}))
    sup.reload()
    sup.invoke(other)
    ok(wait_for(lambda: success('g') == 1, 12), 'a new function is added')

    # a state directory that cannot be written

    shutil.rmtree(sup.state)
    with open(sup.state, 'w') as f:
        f.write('in the way')
    sup.invoke(fn)
    ok(wait_for(lambda: sup.head('ledger_errors') > 0, 12),
       'a failure is counted')
    ok(sup.logged('totals would not survive'), 'and logged')
    equal(sup.invoke(fn), (0, 'fine'), 'service goes on')
    os.unlink(sup.state)
    ok(wait_for(lambda: success() == 10, 12), 'and it recovers')
    equal(sup.log().count('totals would not survive'), 1, 'said once')

    # a damaged ledger

    equal(sup.stop(), 0, 'orderly end')
    with open(os.path.join(sup.state, 'ledger.json'), 'w') as f:
        f.write('{"functions":')
    new_board()
    sup.start()
    ok(sup.logged('totals start from zero'), 'a damaged ledger is reported')
    sup.invoke(fn)
    equal(total(), 1, 'and counting begins anew')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
