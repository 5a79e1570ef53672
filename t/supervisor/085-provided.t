#!/usr/bin/python3
"""Custom runtimes: the bridge, their ends, their network."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                '../lib'))
from faas_provided import PYTHON                               # noqa: E402
from suptest import *           # noqa: E402,F403

INIT_ERROR = '''#!/usr/bin/python3
import http.client, os
c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
c.request("POST", "/2018-06-01/runtime/init/error",
          '{"errorType":"My.Error","errorMessage":"not today"}')
c.getresponse().read()
raise SystemExit(1)
'''


def program(sup, text):
    folder = sup.code({'bootstrap': text})
    os.chmod(folder + '/bootstrap', 0o755)
    return folder


def ended(sup, fn, what):
    """What the supervisor says of an environment that did WHAT."""
    ticket, lease = sup.acquire(fn)
    sup.talk(ticket, lease, {'do': what})
    slot = lease.env
    ok(wait_for(lambda: sup.env(slot, 'state') in (DEAD, FREE)), what)
    sup.release(ticket, 'crashed')


sup = Sup(start=False)
try:
    sup.start()
    mounted = sup.head('isolation') in (2, 3)      # full, user
    code = program(sup, PYTHON)
    f = sup.add('f', code, runtime='provided.al2023', handler='any thing',
                environment={'K': 'V'})
    many = sup.add('many', code, runtime='provided', handler='x',
                   environment_concurrency=3)
    host = sup.add('host', code, runtime='provided', handler='x',
                   network='host')
    sup.reload()

    status, env = sup.invoke(f, {'do': 'dict(os.environ)'})
    equal(status, 0, 'a custom runtime')
    equal((env['K'], env['_HANDLER'], env['AWS_LAMBDA_INITIALIZATION_TYPE']),
          ('V', 'any thing', 'on-demand'), 'its variables')
    ok('AWS_LAMBDA_MAX_CONCURRENCY' not in env, 'one at a time')
    equal(sup.invoke(many, {'do': 'os.environ["AWS_LAMBDA_MAX_CONCURRENCY"]'}),
          (0, '3'), 'several')
    if mounted:
        net = sup.invoke(f, {'do': 'os.readlink("/proc/self/ns/net")'})[1]
        other = sup.invoke(host, {'do': 'os.readlink("/proc/self/ns/net")'})
        ok(other[0] == 0 and other[1] not in (
            net, os.readlink('/proc/self/ns/net')),
            'with "network host" it has one of its own', other)
        ok(sup.invoke(host, {'do': 'API'})[1].startswith('127.0.0.1:'),
           'and the usual address')

    # ends

    for what, text in (('os._exit(5)', 'exit code 5'),
                       ('os._exit(137)', 'exit code 137'),
                       ('os.kill(os.getpid(), 9)', 'signal 9'),
                       ('os.kill(os.getpid(), 11)', 'signal 11')):
        before = len(sup.log())
        ended(sup, f, what)
        ok(wait_for(lambda: '(%s)' % text in sup.log()[before:]),
           'is logged as ' + text, sup.log()[before:])

    # a supervisor that is started again finds it

    pids = sup.pids(f)
    if not pids:
        sup.invoke(f, {})
        pids = sup.pids(f)
    old = sup.pid()
    os.kill(old, signal.SIGKILL)
    ok(wait_for(lambda: sup.head('up') and sup.pid() not in (0, old)),
       'another supervisor')
    equal(sup.invoke(f, {'do': '1 + 1'}), (0, 2), 'the runtime goes on')
    equal(sup.pids(f), pids, 'as the same process')

    # it does not start

    bad = sup.add('bad', program(sup, INIT_ERROR), runtime='provided',
                  handler='x')
    text = sup.add('text', program(sup, 'nothing'), runtime='provided',
                   handler='x')
    gone = sup.add('gone', program(sup, '#!/bin/sh\nexit 9\n'),
                   runtime='provided', handler='x')
    sup.reload()
    equal(sup.acquire(bad)[1], 'init error', 'init/error')
    equal(sup.init_error(bad),
          '{"errorType":"My.Error","errorMessage":"not today"}', 'its body')
    equal(sup.acquire(text)[1], 'init error', 'a bootstrap of text')
    ok('Runtime.InvalidEntrypoint' in sup.init_error(text)
       and 'exec format error' in sup.init_error(text), 'is no program',
       sup.init_error(text))
    equal(sup.acquire(gone)[1], 'init crashed', 'one that ends at once')
    ok('exit status 9' in sup.init_error(gone), 'with its status',
       sup.init_error(gone))

    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
