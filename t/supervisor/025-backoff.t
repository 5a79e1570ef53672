#!/usr/bin/python3
"""Programs that end by themselves as soon as they were ready."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

# ready, then gone, unless the file says otherwise

APP = '''
import os, threading, time
def go():
    time.sleep(0.02)
    os._exit(3)
if not os.path.exists(os.environ["LAMBDA_TASK_ROOT"] + "/stay"):
    threading.Thread(target=go, daemon=True).start()
def handler(event, context):
    return "fine"
'''

sup = Sup(start=False, envs=12)


def started(fn):
    return sup.counter(fn, 'environments_started')


try:
    early = sup.add('early', sup.code({'app.py': APP}), provisioned=2)
    program = sup.code({'readme': ''})
    cgi = sup.add('cgi', program, runtime='fastcgi', handler='run',
                  provisioned=1, environment_concurrency=1,
                  command=['/bin/sh', '-c', 'exit 4'])
    steady = sup.code({'app.py': APP, 'stay': ''})
    served = sup.add('served', steady)
    sup.start()
    equal(sup.invoke(served), (0, 'fine'), 'one that does not end')

    # 100 + 200 + ... ms of pauses: within 3 s five of them are over

    begin = time.monotonic()
    ok(sup.logged('function "early" does not start'),
       'an end soon after ready is a failure to start')
    ok(sup.logged('"early" does not start (init crashed), 5 failures', 15),
       'one after the other')
    n, took = started(early), time.monotonic() - begin
    ok(took > 0.6, 'with pauses that grow', took)
    ok(n <= 10, 'and few attempts', n)
    ok(sup.logged('"cgi" does not start (init crashed), 5 failures', 15),
       'a FastCGI program likewise')
    ok(started(cgi) <= 10, 'with few attempts', started(cgi))
    ok(wait_for(lambda: sup.init_error(early)
                == 'Runtime exited with error: exit status 3'),
       'the error says how', sup.init_error(early))

    # once it stays up it serves, and one answer ends the pauses

    sup.write(os.path.join(sup.functions[0]['code'], 'stay'), '')
    ok(wait_for(lambda: len(sup.slots_of(early)) == 2, 40),
       'a program that stays up is provisioned again')
    both = [sup.acquire(early) for _ in range(2)]
    equal([sup.talk(t, lease, 1)[0] for t, lease in both], [0, 0],
          'and serves')
    for ticket, _ in both:
        sup.release(ticket)

    # an old environment that works says nothing about new ones

    os.unlink(os.path.join(sup.functions[0]['code'], 'stay'))
    sup.change('early', provisioned=4)
    before = started(early)
    sup.reload()
    ok(wait_for(lambda: sup.log().count('"early" does not start') >= 8, 15),
       'new ones fail beside those that work')
    ok(not wait_for(lambda: started(early) - before > 12, 2.5),
       'the pauses go on growing', started(early) - before)

    equal(sup.head('starts'), 1, 'one supervisor did all that')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
