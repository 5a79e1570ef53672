#!/usr/bin/python3
"""Environments that cannot be made, or are unwanted before they are up."""

import ctypes
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

SLOW = 'import time\ntime.sleep(60)\n'
APP = 'def handler(event, context):\n    return "fine"\n'

sup = Sup(start=False, blanks=[{'runtime': 'python3', 'count': 2}])
try:
    fn = sup.add('f', sup.code({'app.py': APP}))
    folder = sup.code({'bootstrap': '#!/bin/sh\n'})
    os.chmod(os.path.join(folder, 'bootstrap'), 0o755)
    long = sup.add('long', folder, runtime='native', handler='',
                   environment={'V': 'x' * 100000})
    sup.start()
    equal(sup.invoke(fn), (0, 'fine'), 'a function')

    # an order that cannot be given is an error, not something to wait for

    begin = time.monotonic()
    equal(sup.acquire(long, 5)[1], 'spawn', 'variables that do not fit')
    ok(time.monotonic() - begin < 2, 'are an error at once')
    ok('could not be made' in sup.init_error(long), 'which is kept',
       sup.init_error(long))
    ok(sup.logged('are too long'), 'and logged')
    ok(sup.fn(long, 'backoff') > 0, 'the function backs off')
    sup.acquire(long, 0.1)
    ok(wait_for(lambda: sup.acquire(long, 1)[1] == 'spawn'),
       'and is tried again later')
    sup.change('long', environment={'V': 'y' * 200000})
    sup.reload()
    ok(sup.logged('new version of function "long" failed to start: '
                  'spawn') or sup.fn(long, 'version') == 2,
       'a new version likewise')
    equal(sup.invoke(fn), (0, 'fine'), 'others are served')

    # removed while it loads: nothing is held up by it afterwards

    def refill():
        """Seconds from taking a blank until another one is there."""
        wait_for(lambda: len(sup.blanks_up()) == 2)
        held.append(sup.acquire(fn)[0])
        t = time.monotonic()
        wait_for(lambda: len(sup.blanks_up()) == 2)
        return time.monotonic() - t

    held = []
    before = min(refill() for _ in range(4))
    for n in range(2):
        slow = sup.add('slow', sup.code({'app.py': SLOW}), provisioned=1)
        sup.reload()
        ok(wait_for(lambda: sup.fn(slow, 'n_starting') == 1),
           'a function that takes its time')
        sup.functions = [f for f in sup.functions if f['name'] != 'slow']
        sup.reload()
        ok(wait_for(lambda: not sup.slots_of(slow, range(1, 8))),
           'is removed')
    after = min(refill() for _ in range(4))
    diag('until the next blank is there, ms: %.0f, %.0f'
         % (before * 1000, after * 1000))
    ok(after < before + 0.06, 'blanks are made as soon as before')
    for ticket in held:
        sup.release(ticket, count=0)

    equal(sup.head('starts'), 1, 'one supervisor did all that')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()

# a request that came before it was known that none is allowed

sup = Sup(start=False)
try:
    fn = sup.add('none', sup.code({
        'app.py': 'def handler(e, c):\n    return 1\n'}), concurrency=-1)
    sup.register()
    lease, ticket = Lease(), sup.worker * 4096
    equal(sup.so.faas_acquire(
        sup.board, fn, ticket, ctypes.c_uint64(sup.so.faas_now_ms()),
        ctypes.byref(lease)), AGAIN, 'waits for the supervisor')
    sup.start()
    equal(sup.await_ticket(ticket)[1], 'throttled', 'and is refused then')
    equal(sup.stop(), 0, 'orderly end')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
