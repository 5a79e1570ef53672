#!/usr/bin/python3
"""The Runtime API has no password: who can talk to it?

Only the environment whose it is.  Not other environments, in whatever
runtime; not other programs of this host, root's included; and the address it
is offered at, on the host's loopback interface, leads nowhere else.  Needs
root.
"""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, skip_all, wait_for      # noqa: E402
from faas_provided import PYTHON                               # noqa: E402

if os.geteuid() != 0:
    skip_all('needs root')

APP = '''
import errno, socket
def handler(event, context):
    host, port = event["headers"]["x-do"].split(":")
    s = socket.socket()
    s.settimeout(0.4)
    try:
        s.connect((host, int(port)))
        return "ok"
    except socket.timeout:
        return "timeout"
    except OSError as e:
        return errno.errorcode[e.errno]
'''
HTTP = '''
faas_function a { runtime provided; code {functions}/py; timeout 20s; }
faas_function b { runtime provided; code {functions}/py; timeout 20s; }
faas_function c {
    runtime python3; handler app.handler; code {functions}/app; timeout 20s;
}
faas_function d {
    runtime provided; code {functions}/py; timeout 20s; network none;
}
'''
SERVER = ''.join('location = /%s { faas_pass %s; }\n' % (n, n)
                 for n in 'abcd')


def do(n, name, what):
    r = n.get('/' + name, headers={'x-do': '[%s]' % what})
    return r.json()[0] if r.status == 200 else (r.status, r.body)


def reach(address, port):
    """How this process, root of the host, gets there."""
    with socket.socket() as s:
        s.settimeout(0.5)
        try:
            s.connect((address, int(port)))
            return 'ok'
        except socket.timeout:
            return 'timeout'
        except OSError as e:
            return os.strerror(e.errno)


def addresses(tap, n):
    api = {name: do(n, name, 'API') for name in 'abd'}
    a, b = api['a'].split(':'), api['b'].split(':')
    tap.ok(a[0] != b[0] and a[0].startswith('127.') and b[0].startswith('127.')
           and min(int(a[0].split('.')[1]), int(b[0].split('.')[1])) >= 128,
           'each environment has an address of its own', api)
    tap.ok(api['d'].startswith('127.0.0.1:'), 'with a network of its own it '
           'needs none', api)

    tap.equal(do(n, 'a', 'connect("%s", %s)' % tuple(a)), 'ok', 'to its own')
    tap.equal(do(n, 'a', 'connect("::ffff:%s", %s)' % tuple(a)), 'ok',
              'to its own, by a socket for IPv6')
    tap.equal(do(n, 'a', 'call("GET", "/2018-06-01/ping")[1]'), 'pong',
              'which answers')

    for name, to in (('a', b), ('b', a)):
        tap.equal(do(n, name, 'connect("%s", %s)' % tuple(to)), 'EPERM',
                  'not from %s to the other one' % name)
        tap.equal(do(n, name, 'connect("::ffff:%s", %s)' % tuple(to)),
                  'EPERM', 'nor by a socket for IPv6')
    tap.equal(n.get('/c', headers={'x-do': ':'.join(a)}).body, b'EPERM',
              'not from a function in Python')
    tap.equal(do(n, 'd', 'connect("%s", %s)' % tuple(a)), 'ECONNREFUSED',
              'not from a network of its own')
    tap.equal(reach(*a), 'timeout', 'not from the host')
    tap.ok(reach(*api['d'].split(':')) != 'ok'
           or api['d'].split(':')[1] == str(n.port),
           'nor into a network of its own')
    return a, b


def elsewhere(tap, n, a):
    """The address leads nowhere else."""
    with socket.socket() as s:
        s.bind(('0.0.0.0', 0))
        s.listen()
        port = s.getsockname()[1]
        tap.equal(reach(a[0], port), 'ok', 'a service on all addresses')
        tap.equal(do(n, 'a', 'connect("%s", %d)' % (a[0], port)), 'timeout',
                  'is not reached by the own address')
        tap.equal(do(n, 'a', 'connect("127.0.0.1", %d)' % port), 'EPERM',
                  'nor by the usual one')
        tap.equal(do(n, 'a', 'connect("127.128.0.1", %d)' % port), 'EPERM',
                  'nor by one of nobody')
    tap.equal(do(n, 'a', 'connect("%s", %d)' % (a[0], port)), 'ECONNREFUSED',
              'nobody there')
    tap.equal(do(n, 'a', 'connect("%s", %d, "udp")' % (a[0], port)), 'EPERM',
              'not with UDP')
    tap.equal(do(n, 'a', 'connect("0.0.0.0", %d, "udp")' % port), 'EPERM',
              'nor to the address of none')
    tap.equal(do(n, 'a', 'tried(socket.socket().bind, ("%s", 8099))' % a[0]),
              'EPERM', 'a port of it that services may want is not had')

    port = do(n, 'a', 'listening()')
    tap.equal(do(n, 'a', 'connect("%s", %d)' % (a[0], port)), 'ok',
              'a listener of its own')
    tap.equal(reach(a[0], port), 'timeout', 'is for nobody else')
    tap.equal(do(n, 'b', 'connect("%s", %d)' % (a[0], port)), 'EPERM',
              'at all')
    tap.equal(do(n, 'a', 'tried((lambda s: (s.bind(("%s", 0)), '
                 's.settimeout(0.4), s.connect(("127.0.0.1", %d)))), '
                 'socket.socket())' % (a[0], n.port)), 'EPERM',
              'from the own address to others')


def bridge(tap, n):
    """The bridge against the function it runs, which is the same user."""
    tap.equal(do(n, 'a', 'sorted(p for p in os.listdir("/proc") '
                 'if p.isdigit())'), [do(n, 'a', 'str(os.getpid())')],
              'it does not see it')
    tap.equal(do(n, 'a', 'os.getuid() == os.stat("/proc/self").st_uid'),
              True, 'of one user')
    for path in ('environ', 'mem', 'maps', 'fd/3', 'root', 'exe'):
        tap.ok(do(n, 'a', 'tried(open, "/proc/1/%s")' % path)
               in ('EACCES', 'EPERM', 'ENOENT'), '/proc/1/' + path)
    tap.ok(do(n, 'a', 'tried(os.listdir, "/proc/1/fd")')
           in ('EACCES', 'EPERM', 'ENOENT'), 'its descriptors')
    # a sanitized program has a handler for SIGSEGV
    for name in ['KILL', 'STOP', 'TERM', 'INT', 'CHLD', 'PIPE'] + (
            [] if os.environ.get('FAAS_SANITIZE') else ['SEGV']):
        tap.equal(do(n, 'a', '(os.kill(1, signal.SIG%s), 1)[1]' % name), 1,
                  'SIG%s to it' % name)
    tap.equal(do(n, 'a', '1 + 1'), 2, 'means nothing to it')
    tap.equal(len(do(n, 'a', '[os.fork() or os._exit(0) for i in range(50)]')),
              50, 'orphans and others')
    tap.equal(do(n, 'a', '(os.system("(sleep 0.01 & ) ; true"), '
                 'time.sleep(0.2), [open("/proc/%s/stat" % p).read()'
                 '.split()[3] for p in os.listdir("/proc") if p.isdigit()]'
                 '.count("1"))[2]'), 1, 'are reaped')


with Tap() as tap:
    with Nginx(http=HTTP, server=SERVER, functions={
            'py': {'bootstrap': (PYTHON, 0o755)},
            'app': {'app.py': APP}}) as n:
        a, b = addresses(tap, n)
        elsewhere(tap, n, a)
        bridge(tap, n)
        n.finish(tap)
