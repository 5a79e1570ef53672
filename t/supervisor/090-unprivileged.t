#!/usr/bin/python3
"""An ordinary user: no namespaces, no cgroups, and everything else."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import os, subprocess, time
def handler(event, context):
    if event == "memory":
        data = []
        for i in range(100):
            data.append(b"x" * 10485760)
            time.sleep(0.02)
    if event == "orphan":
        p = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
        return p.pid
    if event == "exit":
        os._exit(3)
    return [os.getcwd(), os.getuid()]
'''

load_library()

if os.getuid() == 0:
    # what must be readable is: the build folder is not behind a private one
    os.setgroups([])
    os.setgid(65534)
    os.setuid(65534)
    if not os.access(os.path.join(RUNTIME, 'faas-supervisor'), os.X_OK) \
            or not os.access(__file__, os.R_OK):
        skip_all('the build folder is not readable for other users')

sup = Sup(start=False)
try:
    code = sup.code({'app.py': APP})
    fn = sup.add('f', code)
    js = None
    if os.path.exists(os.path.join(RUNTIME, 'node/bootstrap.cjs')):
        js = sup.add('js', sup.code({
            'i.js': 'exports.handler = async () => process.cwd();'}),
            runtime='nodejs', handler='i.handler')
    sup.start()
    equal(sup.head('isolation'), 1, 'no isolation')
    ok(sup.logged('isolation: none'), 'and the log says what that means')
    equal(sup.invoke(fn), (0, [code, os.getuid()]), 'a Python function')
    if js is not None:
        equal(sup.invoke(js), (0, sup.functions[1]['code']),
              'a Node function')
    ok(wait_for(lambda: len(sup.blanks_up()) >= 2), 'blanks')

    pid = sup.invoke(fn, 'orphan')[1]
    ok(os.path.exists('/proc/%d' % pid), 'a process that leaves its session')
    ticket, lease = sup.acquire(fn)
    sup.release(ticket, 'timeout')
    ok(wait_for(lambda: not os.path.exists('/proc/%d' % pid)),
       'ends with its environment')

    ticket, lease = sup.acquire(fn)
    status, _, _ = sup.talk(ticket, lease, 'memory')
    e = lease.env
    wait_for(lambda: sup.env(e, 'state') == DEAD)
    equal(WHY[sup.env(e, 'why')], 'oom', 'memory is limited by sampling')
    sup.release(ticket, 'crashed')
    equal(sup.invoke(fn, 'exit')[0], 'crashed', 'an exit')
    equal(sup.invoke(fn)[0], 0, 'the next one is served')

    pids = sup.pids(fn)
    old = sup.pid()
    os.kill(old, 9)
    ok(wait_for(lambda: sup.pid() not in (0, old) and sup.head('up')),
       'supervisor killed: another one')
    equal(sup.pids(fn), pids, 'adopts')
    equal(sup.invoke(fn)[0], 0, 'and the environment serves')
    sup.write(code + '/app.py', 'def handler(e, c):\n    return "new"\n')
    sup.reload()
    ok(wait_for(lambda: sup.invoke(fn) == (0, 'new')), 'changed code')

    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
