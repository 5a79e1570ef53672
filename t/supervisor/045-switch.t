#!/usr/bin/python3
"""A new version takes over although others hold all environments."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import os
if not os.path.exists(os.environ["LAMBDA_TASK_ROOT"] + "/ok"):
    os._exit(1)
def handler(event, context):
    return "%s"
'''


def hold(fn, n):
    held = [sup.acquire(fn) for _ in range(n)]
    ok(all(isinstance(lease, Lease) for _, lease in held),
       '%d environments in use' % n, held)
    return [ticket for ticket, _ in held]


def give(tickets):
    for ticket in tickets:
        sup.release(ticket, count=0)


def changed(text, **more):
    folder = sup.code({'app.py': APP % text})
    sup.change('f', code=folder)
    sup.reload()
    return folder


def version_of(state):
    return {sup.env(i, 'version') for i in sup.slots_of(fn, (state,))}


sup = Sup(start=False, envs=8, slots=8, blanks=[
    {'runtime': 'python3', 'count': 0}])
try:
    fn = sup.add('f', sup.code({'app.py': APP % 'one', 'ok': ''}))
    other = sup.add('other', sup.code({'app.py': APP % 'other', 'ok': ''}))
    sup.start()

    # three are wanted; while the first attempt fails others take the room

    give(hold(fn, 3))
    folder = changed('two')
    ok(sup.logged('new version of function "f" failed to start'),
       'a new version does not start')
    held = hold(other, 5)
    sup.write(os.path.join(folder, 'ok'), '')
    ok(wait_for(lambda: sup.fn(fn, 'version') == 2),
       'it takes over with fewer than there were')
    ok(sup.logged('it takes over with'), 'which the log says')
    equal(sup.invoke(fn), (0, 'two'), 'and serves')
    give(held)

    # all in use, no slot beside them: the old version gives one up

    wait_for(lambda: not sup.slots_of(fn, (DRAIN, DEAD)))
    held = hold(other, 5)
    mine = hold(fn, 3)
    folder = changed('three')
    sup.write(os.path.join(folder, 'ok'), '')
    ok(wait_for(lambda: version_of(DRAIN) == {2}),
       'one of the old version goes out of service')
    equal(sup.fn(fn, 'version'), 2, 'which goes on serving')
    give(mine)
    ok(wait_for(lambda: sup.fn(fn, 'version') == 3, 20),
       'when it has answered the new one takes its place')
    equal(sup.invoke(fn), (0, 'three'), 'and serves')
    give(held)

    equal(sup.head('starts'), 1, 'one supervisor did all that')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
