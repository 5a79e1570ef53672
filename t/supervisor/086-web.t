#!/usr/bin/python3
"""Programs that speak HTTP: how faas-web is started, what tells pools apart.

In the place of faas-web is a program that answers with what it was told.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

FAKE = '''#!/usr/bin/python3
import json, os, signal, socket, struct, sys

control = socket.socket(fileno=3)

def receive(n):
    data = b""
    while len(data) < n:
        data += control.recv(n - len(data)) or sys.exit(0)
    return data

def send(kind, payload=b""):
    control.sendall(struct.pack(">I", len(payload)) + kind + payload)

length, = struct.unpack(">I", receive(4))
kind = receive(1)
init = json.loads(receive(length))
if "--killed" in sys.argv:
    send(b"R")
    socket.socket(fileno=0).accept()
    send(b"K", bytes([signal.SIGSEGV]))
    sys.exit(128 + signal.SIGSEGV)
if "--error" in sys.argv:
    send(b"E", b'{"errorType":"Web.NotReady","errorMessage":"not today"}')
    sys.exit(1)
send(b"R")
s = socket.socket(fileno=0)
while True:
    c, _ = s.accept()
    c.recv(65536)
    out = json.dumps({"argv": sys.argv, "env": dict(os.environ),
                      "cwd": os.getcwd(), "init": kind.decode(),
                      "told": init["environment"],
                      "net": os.readlink("/proc/self/ns/net")}).encode()
    for record, content in ((6, out), (6, b""), (3, bytes(8))):
        c.sendall(struct.pack(">BBHHBB", 1, record, 1, len(content), 0, 0)
                  + content)
    c.close()
'''


def runtime_folder(sup):
    """The real one, but for faas-web."""
    folder = os.path.join(sup.dir, 'runtime')
    shutil.copytree(RUNTIME, folder, symlinks=True)
    path = os.path.join(folder, 'faas-web')
    sup.write(path, FAKE)
    os.chmod(path, 0o755)
    return folder


def told(sup, fn):
    ticket, lease = sup.acquire(fn)
    if not isinstance(lease, Lease):
        ok(False, 'an environment', lease)
        return None, {}
    out = sup.talk(ticket, lease, None)[1]
    sup.release(ticket)
    return lease, json.loads(out)


sup = Sup(start=False)
try:
    sup.globals['runtime_dir'] = runtime = runtime_folder(sup)
    sup.start()
    mounted = sup.head('isolation') in (2, 3)      # full, user
    own = ['--own-address'] if mounted else []
    root = '/var/runtime' if mounted else runtime
    code = sup.code({'server': ''})
    web = {'runtime': 'web', 'handler': ''}
    plain = sup.add('plain', code, command=['server', '-x', 'two words', ''],
                    environment={'K': 'V'}, **web)
    full = sup.add('full', code, command=['/usr/bin/env'], listen='8080',
                   readiness='/healthz?a=b', environment_concurrency=100,
                   **web)
    sock = sup.add('sock', code, command=['server'],
                   listen='unix:/tmp/web.sock', **web)
    host = sup.add('host', code, command=['server'], network='host', **web)
    sup.reload()

    lease, value = told(sup, plain)
    equal(value['argv'], [root + '/faas-web'] + own
          + ['--', 'server', '-x', 'two words', ''], 'without settings')
    equal(lease.flags, 1, 'the cgi profile, of many connections')
    equal(value['init'], 'I', 'told that it may begin')
    env = value['env']
    equal((env.get('K'), env.get('AWS_LAMBDA_FUNCTION_NAME')), ('V', 'plain'),
          'variables')
    equal(value['told'].get('K'), 'V', 'also by its control socket')
    equal([k for k in ('PORT', 'LD_LIBRARY_PATH', 'AWS_EXECUTION_ENV',
                       'PHP_FCGI_MAX_REQUESTS') if k in env], [],
          'none that are not of every program')
    if mounted:
        equal(value['cwd'], '/var/task', 'in its code')
    lease, value = told(sup, full)
    equal(value['argv'][1:],
          own + ['--listen', '8080', '--ready', '/healthz?a=b', '--',
                 '/usr/bin/env'], 'with all settings')
    equal((lease.capacity, lease.flags), (100, 1), 'many at a time')
    equal(told(sup, sock)[1]['argv'][1:],
          own + ['--listen', 'unix:/tmp/web.sock', '--', 'server'],
          'a socket')
    equal(told(sup, host)[1]['net'], os.readlink('/proc/self/ns/net'),
          'in the network of the host')

    # one that is as it was stays, one that listens elsewhere does not

    before = sup.pids(plain), sup.pids(full)
    sup.change('plain', timeout_ms=5000)
    sup.change('full', listen='8081')
    sup.reload()
    equal(sup.pids(plain), before[0], 'a limit keeps the environment')
    ok(wait_for(lambda: '8081' in told(sup, full)[1]['argv']),
       'a port does not')
    sup.change('full', readiness='/')
    sup.reload()
    ok(wait_for(lambda: '/' in told(sup, full)[1]['argv']),
       'nor what says that it is ready')

    # what it says of the program

    error = sup.add('error', code, command=['--error'], **web)
    killed = sup.add('killed', code, command=['--killed'], **web)
    sup.reload()
    equal(sup.acquire(error)[1], 'init error', 'a program that is not ready')
    ok('not today' in sup.init_error(error), 'says why',
       sup.init_error(error))
    ticket, lease = sup.acquire(killed)
    sup.talk(ticket, lease, None)
    sup.release(ticket, 'crashed')
    ok(sup.logged('(signal 11), after 1 requests'),
       'what it was killed by')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed or sys.exc_info()[0]:
        diag(sup.log())
    sup.clean()
done()
