#!/usr/bin/python3
"""This host by other ways than its addresses, from "network egress".

In a network namespace with an interface and services that listen on all
addresses.  Expected: broadcast and multicast do not come back to them; nor do
addresses that the host got after the policy was made, or that a route makes
its own; nor a packet that a routing header sends elsewhere than its address
says.  What is allowed is reached.
"""

import ctypes
import os
import shutil
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, skip_all                # noqa: E402

if os.geteuid() != 0:
    skip_all('needs root')

APP = '''
import errno, socket

def handler(event, context):
    q = event["queryStringParameters"]
    to = (q["to"], int(q["port"]))
    family = socket.AF_INET6 if ":" in q["to"] else socket.AF_INET
    kind = socket.SOCK_STREAM if q["kind"] == "tcp" else socket.SOCK_DGRAM
    s = socket.socket(family, kind)
    s.settimeout(0.5)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    try:
        if "header" in q:
            s.setsockopt(41, 57, bytes([0, 2, 4, 0, 0, 0, 0, 0])
                         + socket.inet_pton(family, q["header"]))
        if "options" in q:
            s.setsockopt(0, 4, bytes([131, 7, 4])
                         + socket.inet_pton(family, q["options"]) + b"\\0")
        if kind == socket.SOCK_STREAM:
            s.connect(to)
        else:
            s.sendto(b"x", to)
        return "ok"
    except socket.timeout:
        return "timeout"
    except OSError as e:
        return errno.errorcode[e.errno]
'''


def own_network():
    """A network namespace with an interface d0, 192.0.2.2/24."""
    libc = ctypes.CDLL(None)
    if shutil.which('ip') is None or libc.unshare(0x40000000) == -1:
        skip_all('no network namespaces')
    for line in ('link set lo up', 'link add d0 type veth peer name d1',
                 'addr add 192.0.2.2/24 brd 192.0.2.255 dev d0',
                 'addr add 2001:db8:1::2/64 dev d0 nodad',
                 'link set d0 up', 'link set d1 up',
                 'route add default dev d0',
                 '-6 route add default dev d0',
                 'route add local 198.18.0.0/24 dev lo'):
        if subprocess.run(['ip'] + line.split(),
                          stderr=subprocess.DEVNULL).returncode:
            skip_all('ip %s' % line)
    for name in ('all', 'lo', 'd0'):
        try:
            with open('/proc/sys/net/ipv6/conf/%s/seg6_enabled' % name,
                      'w') as f:
                f.write('1')
        except OSError:
            pass


def services():
    tcp = socket.socket(socket.AF_INET6)
    tcp.bind(('::', 0))
    tcp.listen(8)
    udp = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    udp.bind(('::', tcp.getsockname()[1]))
    udp.settimeout(0.3)
    index = socket.if_nametoindex('d0')
    udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                   socket.inet_pton(socket.AF_INET6, 'ff02::fb')
                   + struct.pack('@I', index))
    group = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    group.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                     socket.inet_aton('224.0.0.251')
                     + socket.inet_aton('192.0.2.2'))
    return tcp, udp, group


own_network()
TCP, UDP, GROUP = services()
PORT = TCP.getsockname()[1]

with Tap() as tap, Nginx(
        functions={'f': {'app.py': APP}},
        http='''faas_network_allow 198.18.0.7:%d;
            faas_function f { runtime python3; handler app.handler; code
            {functions}/f; timeout 10s; }''' % PORT,
        server='location / { faas_pass f; }') as nginx:

    subprocess.run('ip addr add 192.0.2.3/24 dev d0'.split(), check=True)

    def attempt(kind, to, more=''):
        return nginx.get('/?kind=%s&to=%s&port=%d%s' % (kind, to, PORT, more),
                         timeout=20 * SLOW).text.strip('"')

    def came():
        try:
            return UDP.recv(16)
        except socket.timeout:
            return None

    for what, to in (('its address', '192.0.2.2'),
                     ('a broadcast', '192.0.2.255'),
                     ('all', '255.255.255.255'),
                     ('a group', '224.0.0.251'), ('a group', 'ff02::fb%d0'),
                     ('a later address', '192.0.2.3'),
                     ('a local route', '198.18.0.9')):
        got = attempt('udp', to.replace('%', '%25'))
        tap.equal((got, came()), ('EPERM', None), '%s, %s' % (what, to))

    for what, to in (('a later address', '192.0.2.3'),
                     ('a local route', '198.18.0.9')):
        got = attempt('tcp', to)
        tap.ok(got in ('timeout', 'EPERM'), 'TCP: %s, %s' % (what, to), got)

    tap.equal(attempt('tcp', '198.18.0.7'), 'ok', 'what is allowed')
    tap.equal((attempt('udp', '198.18.0.7'), came()), ('ok', b'x'),
              'for datagrams, too')

    got = attempt('udp', '2001:db8:ffff::1', '&header=::1')
    tap.equal((got, came()), ('EPERM', None), 'a routing header')
    got = attempt('udp', '203.0.113.9', '&options=127.0.0.1')
    tap.equal((got, came()), ('EPERM', None), 'a source route')
    tap.equal((attempt('udp', '203.0.113.9'), came()), ('ok', None),
              'others are reached')
    tap.equal((attempt('udp', '2001:db8:ffff::1'), came()), ('ok', None),
              'by IPv6, too')

    nginx.finish(tap)
