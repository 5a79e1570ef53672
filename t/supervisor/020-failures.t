#!/usr/bin/python3
"""Environments that do not start, crash, run out of memory or misbehave."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import os, sys, time, struct
def handler(event, context):
    if event == "exit":
        os._exit(3)
    if event == "kill":
        import ctypes
        ctypes.string_at(0)
    if event == "memory":
        data = [b"x" * 1048576 for i in range(1000)]
        return len(data)
    if event == "child":
        pid = os.fork()
        if pid == 0:
            data = [b"x" * 1048576 for i in range(1000)]
            os._exit(0)
        return os.waitpid(pid, 0)[1]
    if event == "frame":
        os.write(3, struct.pack(">IB", 1 << 30, 66))
        time.sleep(30)
    if event == "noise":
        os.write(1, b"a line\\x1b[31m\\xff\\n" + b"y" * 5000 + b"\\nrest")
        for i in range(1000):
            os.write(2, b"flood %d\\n" % i)
    if event == "files":
        return sorted(os.listdir("/proc/self/fd"))
    return "fine"
'''

sup = Sup(start=False)
try:
    full = os.getuid() == 0
    fn = sup.add('f', sup.code({'app.py': APP}))
    bad = sup.add('bad', sup.code({'app.py': 'import nonsense_module'}))
    dies = sup.add('dies', sup.code({'app.py': 'import os\nos._exit(7)'}))
    gone = sup.add('gone', os.path.join(sup.dir, 'nowhere'))
    once = sup.code({'app.py': 'import os\n'
                     'if not os.path.exists("/var/task/ok"):\n'
                     '    os._exit(1)\n'
                     'def handler(e, c):\n    return 1\n'})
    second = sup.add('once', once)
    sup.start()
    full = sup.head('isolation') == 2

    # what does not start

    t = time.monotonic()
    _, why = sup.acquire(bad)
    equal(why, 'init error', 'an import error is reported')
    ok(time.monotonic() - t < 2, 'soon')
    equal(sup.fn(bad, 'init_why'), WHY.index('init error'), 'with its reason')
    error = json.loads(sup.init_error(bad))
    equal(error.get('errorType'), 'Runtime.ImportModuleError', 'its type')
    ok('nonsense_module' in error.get('errorMessage', ''), 'its message')
    equal(sup.counter(bad, 'environments_started'), 2, 'it was tried twice')
    equal(sup.acquire(bad)[1], BACKOFF, 'then the function backs off')
    ok(sup.logged('function "bad" does not start'), 'the log says so')
    wait_for(lambda: sup.so.faas_now_ms() > sup.fn(bad, 'backoff'))
    sup.acquire(bad)
    ok(wait_for(lambda: sup.fn(bad, 'backoff') > sup.so.faas_now_ms()),
       'it is tried again after the pause')

    _, why = sup.acquire(dies)
    equal(why, 'init crashed', 'an exit during init is told apart')
    equal(sup.init_error(dies), 'Runtime exited with error: exit status 7',
          'with its code')

    _, why = sup.acquire(gone)
    equal(why, 'spawn', 'missing code is an error')
    ok('nowhere' in sup.init_error(gone), 'that names the folder')
    os.mkdir(os.path.join(sup.dir, 'nowhere'), 0o755)
    sup.write(os.path.join(sup.dir, 'nowhere/app.py'), APP)
    wait_for(lambda: sup.so.faas_now_ms() > sup.fn(gone, 'backoff'))
    equal(wait_for(lambda: sup.invoke(gone, 1)[1] == 'fine'), True,
          'and serves once it is there')

    # what ends while it works

    def ending(event):
        ticket, lease = sup.acquire(fn)
        status, _, _ = sup.talk(ticket, lease, event)
        e, g = lease.env, lease.generation
        wait_for(lambda: sup.env(e, 'state') == DEAD
                 or sup.env(e, 'generation') != g)
        why = WHY[sup.env(e, 'why')], sup.env(e, 'exit_code')
        kept = sup.env(e, 'generation') == g
        sup.release(ticket, 'crashed', outcome=4)
        return status, why, kept

    status, why, kept = ending('exit')
    equal((status, why), (None, ('exited', 3)), 'exit code of a crash')
    ok(kept, 'the slot keeps the reason until its worker has seen it')
    ok(wait_for(lambda: not sup.slots_of(fn, range(1, 8))),
       'then it is free')
    equal(sup.invoke(fn, 0), (0, 'fine'), 'the next one is served')

    equal(ending('kill')[1], ('signaled', 11), 'a segmentation fault')

    if full:
        equal(ending('memory')[1][0], 'oom', 'out of memory is told apart')
        equal(sup.counter(fn, 'out_of_memory'), 1, 'and counted')
        ok(sup.logged('limit 128 MB'), 'with the limit in the log')
        status, value = sup.invoke(fn, 'child')
        equal((status, value), (0, 9), 'a child over the limit dies alone')
    equal(sup.invoke(fn, 0), (0, 'fine'), 'the next one is served')
    ok(wait_for(lambda: sup.fn(fn, 'peak_memory') > 5000000),
       'peak memory was recorded')

    status, why, _ = ending('frame')
    equal(why[0], 'protocol', 'nonsense on the control socket is the end')

    # a timeout: the worker asks for the end

    ticket, lease = sup.acquire(fn)
    pid = sup.env(lease.env, 'pid')
    sup.so.faas_lease_run(sup.board, ticket)
    t = time.monotonic()
    sup.release(ticket, 'timeout', outcome=3)
    ok(wait_for(lambda: not os.path.exists('/proc/%d' % pid)),
       'an environment over its time is killed')
    ok(time.monotonic() - t < 2, 'at once',
       '%.0f ms' % ((time.monotonic() - t) * 1000))

    # its output

    equal(sup.invoke(fn, 'noise')[0], 0, 'output outside of invocations')
    ok(sup.logged('a line\\x1B[31m\\xFF'), 'is escaped')
    ok(sup.logged('yyyy ...'), 'is cut')
    ok('rest' not in sup.log().split('yyyy ...')[0], 'line by line')
    sup.invoke(fn, 0)
    ok(sup.log().count('flood') <= 201, 'and bounded in rate')

    if full:
        equal(sup.invoke(fn, 'files')[1][:4], ['0', '1', '2', '3'],
              'descriptors 0 to 3')

    # a client that opened nothing: kill -9 from outside

    pid = sup.pids(fn)[0]
    os.kill(pid, 9)
    ok(wait_for(lambda: pid not in sup.pids(fn)), 'killed from outside')
    equal(sup.invoke(fn, 0), (0, 'fine'), 'is replaced on demand')

    ok(sup.head('starts') == 1, 'the supervisor went through all of it')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
