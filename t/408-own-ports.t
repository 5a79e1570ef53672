#!/usr/bin/python3
"""Programs that listen on a port they choose, with "network egress".

A port of all addresses, or of loopback, becomes one of the environment's own
address.  There the environment gets to it, and nobody else: no other
environment, no program of the host, root's included.  Needs root.
"""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, free_port, skip_all           # noqa: E402
from faas_provided import PYTHON                               # noqa: E402

if os.geteuid() != 0:
    skip_all('needs root')

MORE = '''
def bound(host, port, kind=socket.SOCK_STREAM, only=0, proto=0):
    """Takes the port, and keeps it: the address, or the name of an error."""
    six = ":" in host
    try:
        s = socket.socket(socket.AF_INET6 if six else socket.AF_INET, kind,
                          proto)
        if six:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, only)
        s.bind((host, port))
        if kind == socket.SOCK_STREAM:
            s.listen()
    except OSError as e:
        return errno.errorcode[e.errno]
    kept.append(s)
    return s.getsockname()[0]


def port_of_last():
    return kept[-1].getsockname()[1]


def answered(host, port):
    """Does a connection to what listens last get through to it?"""
    c = socket.create_connection((host, port), 2)
    s = kept[-1].accept()[0]
    s.sendall(b"it is me")
    return c.recv(100).decode()


def released():
    while kept:
        kept.pop().close()


kept = []
'''
# what an event can do is an expression
BOOTSTRAP = PYTHON.replace('kept = []\n', MORE)

HTTP = '''
faas_function a { runtime provided; code {functions}/py; timeout 20s; }
faas_function b { runtime provided; code {functions}/py; timeout 20s; }
faas_function d {
    runtime provided; code {functions}/py; timeout 20s; network none;
}
'''
SERVER = ''.join('location = /%s { faas_pass %s; }\n' % (n, n)
                 for n in 'abd')

with open('/proc/sys/net/ipv4/ip_local_port_range') as f:
    FIRST, LAST = map(int, f.read().split())

# of those that the system gives to sockets, at the moment nobody's
PORT = free_port()


def do(n, name, what):
    r = n.get('/' + name, headers={'x-do': '[%s]' % what})
    return r.json()[0] if r.status == 200 else (r.status, r.body)


def reach(address, port, source=None):
    """How this process, root of the host, gets there."""
    with socket.socket(socket.AF_INET6 if ':' in address
                       else socket.AF_INET) as s:
        s.settimeout(0.5)
        try:
            if source:
                s.bind((source, 0))
            s.connect((address, port))
            return 'ok'
        except socket.timeout:
            return 'timeout'
        except OSError as e:
            return os.strerror(e.errno)


def taken(host):
    """Can this process listen on the port?"""
    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            s.bind((host, PORT))
            s.listen()
            return 'ok'
        except OSError as e:
            return os.strerror(e.errno)


def host_address():
    """What this host is called by others, if it is."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        try:
            s.connect(('198.51.100.7', 9))
            return s.getsockname()[0]
        except OSError:
            return None


def rewritten(tap, n, own):
    """What becomes of the addresses that programs listen on."""
    for host in ('0.0.0.0', '127.0.0.1', '127.9.9.9', own):
        tap.equal(do(n, 'a', 'bound("%s", %d)' % (host, PORT)), own,
                  host + ' is the own address')
        do(n, 'a', 'released()')
    for host in ('::', '::1', '::ffff:0.0.0.0', '::ffff:127.0.0.1',
                 '::ffff:' + own):
        tap.equal(do(n, 'a', 'bound("%s", %d)' % (host, PORT)),
                  '::ffff:' + own, host + ' is, too')
        do(n, 'a', 'released()')
    # with a protocol in which TCP is hidden, where it can be had
    got = do(n, 'a', 'bound("0.0.0.0", %d, proto=262)' % PORT)
    tap.ok(got == own or got in ('EPERM', 'EACCES', 'EPROTONOSUPPORT'),
           'MPTCP', got)
    do(n, 'a', 'released()')


def refused(tap, n):
    here = host_address()
    for host in ['198.51.100.7', '10.0.0.1', '255.255.255.255',
                 '169.254.169.254'] + ([here] if here else []):
        tap.equal(do(n, 'a', 'bound("%s", %d)' % (host, PORT)), 'EPERM',
                  'not ' + host)
    for host in ['2001:db8::7', '::2', '::7f00:1', '::fffe:7f00:1', 'fe80::1',
                 '::ffff:198.51.100.7', '100::ffff:7f00:1'] + (
                     ['::ffff:' + here] if here else []):
        tap.equal(do(n, 'a', 'bound("%s", %d)' % (host, PORT)), 'EPERM',
                  'not ' + host)
    for host in ('0.0.0.0', '127.0.0.1', '::', '::1'):
        tap.equal(do(n, 'a', 'bound("%s", %d, socket.SOCK_DGRAM)'
                     % (host, PORT)), 'EPERM', 'UDP not ' + host)
    tap.equal(do(n, 'a', 'bound("::", %d, only=1)' % PORT), 'EINVAL',
              'not for IPv6 alone')
    ports = [port for port in (80, FIRST - 1, LAST + 1)
             if 0 < port < 65536]
    for host in ('0.0.0.0', '::', '127.0.0.1'):
        tap.equal([do(n, 'a', 'bound("%s", %d)' % (host, port))
                   for port in ports], ['EPERM'] * len(ports),
                  host + ': no port that services of the host may want')
    with socket.socket() as s:
        s.bind(('0.0.0.0', 0))
        s.listen()
        tap.equal(do(n, 'a', 'bound("0.0.0.0", %d)' % s.getsockname()[1]),
                  'EADDRINUSE', 'nor one that the host has')
    do(n, 'a', 'bound("0.0.0.0", %d)' % PORT)
    tap.equal([taken(host) for host in ('127.0.0.1', '0.0.0.0')],
              ['ok', 'Address already in use'],
              'what an environment has is free but of all addresses')
    do(n, 'a', 'released()')


def alone(tap, n, own, other):
    """Who gets to a program that listens."""
    for host in ('0.0.0.0', '::'):
        do(n, 'a', 'bound("%s", %d)' % (host, PORT))
        tap.equal(do(n, 'a', 'answered("%s", %d)' % (own, PORT)), 'it is me',
                  'who listens at %s is reached by itself' % host)
        tap.equal(do(n, 'a', 'answered("::ffff:%s", %d)' % (own, PORT)),
                  'it is me', 'also by IPv6')
        tap.equal(reach(own, PORT), 'timeout', 'not by the host')
        tap.equal(reach('::ffff:' + own, PORT), 'timeout', 'nor by IPv6')
        for source in (own, other, '127.0.0.1'):
            tap.equal(reach(own, PORT, source), 'timeout',
                      'nor from ' + source)
        for address in ['127.0.0.1', '::1', host_address()]:
            if address:
                tap.ok(reach(address, PORT) in ('Connection refused',
                                                'Cannot assign requested '
                                                'address'),
                       'nobody at ' + address, reach(address, PORT))
        tap.equal([do(n, 'b', 'connect("%s%s", %d)' % (as6, own, PORT))
                   for as6 in ('', '::ffff:')], ['EPERM', 'EPERM'],
                  'not by another environment')
        tap.equal(do(n, 'd', 'connect("%s", %d)' % (own, PORT)),
                  'ECONNREFUSED', 'nor from a network of its own')
        tap.equal(do(n, 'b', 'bound("0.0.0.0", %d)' % PORT), other,
                  'another one has the same port')
        tap.equal(do(n, 'b', 'answered("%s", %d)' % (other, PORT)),
                  'it is me', 'of its own')
        tap.equal(do(n, 'a', 'connect("%s", %d)' % (other, PORT)), 'EPERM',
                  'where the first does not get')
        for name in 'ab':
            do(n, name, 'released()')


def as_before(tap, n, own):
    """Port 0, which the system replaces by one of its own."""
    tap.equal(do(n, 'a', 'bound("0.0.0.0", 0)'), '0.0.0.0',
              'any port of any address')
    port = do(n, 'a', 'port_of_last()')
    tap.equal([reach(own, port), reach('127.0.0.1', port)],
              ['timeout', 'timeout'], 'is in nobody\'s reach')
    do(n, 'a', 'released()')
    tap.equal(do(n, 'd', 'bound("0.0.0.0", %d)' % PORT), '0.0.0.0',
              'a network of its own is as it is')


def reserved(tap):
    """Ports that the system gives to nobody are for the host's services."""
    name = '/proc/sys/net/ipv4/ip_local_reserved_ports'
    with open(name) as f:
        before = f.read()
    ports = [port for port in range(LAST - 9, LAST - 4)]
    try:
        with open(name, 'w') as f:
            f.write('%d,%d-%d' % (ports[0], ports[2], ports[3]))
    except OSError:
        return
    try:
        with Nginx(http=HTTP, server=SERVER, functions={
                'py': {'bootstrap': (BOOTSTRAP, 0o755)}}) as n:
            got = []
            for port in ports:
                got.append(do(n, 'a', 'bound("0.0.0.0", %d)' % port))
                do(n, 'a', 'released()')
    finally:
        with open(name, 'w') as f:
            f.write(before)
    tap.equal([g == 'EPERM' for g in got], [True, False, True, True, False],
              'none that is reserved for the host')


with Tap() as tap:
    with Nginx(http=HTTP, server=SERVER, functions={
            'py': {'bootstrap': (BOOTSTRAP, 0o755)}}) as n:
        own, other = [do(n, name, 'API').split(':')[0] for name in 'ab']
        rewritten(tap, n, own)
        refused(tap, n)
        alone(tap, n, own, other)
        as_before(tap, n, own)
        n.finish(tap)
    reserved(tap)
