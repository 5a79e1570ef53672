#!/usr/bin/python3
"""What of root's privileges the supervisor, its watchdog and its zygotes keep,
and what they have open."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

if os.getuid() != 0:
    skip_all('needs root')

load_library()

ZYGOTE = {6: 'setgid', 7: 'setuid', 8: 'setpcap', 12: 'net_admin',
          21: 'sys_admin'}
SUPERVISOR = {**ZYGOTE, **{
    0: 'chown', 1: 'dac_override', 2: 'dac_read_search', 3: 'fowner',
    5: 'kill', 18: 'sys_chroot', 19: 'sys_ptrace', 24: 'sys_resource',
    27: 'mknod', 38: 'perfmon', 39: 'bpf'}}


def caps(pid):
    """Set name to the numbers of the capabilities in it."""
    sets = {}
    with open('/proc/%d/status' % pid) as f:
        for line in f:
            if line.startswith('Cap'):
                name, value = line.split(':')
                value = int(value, 16)
                sets[name] = {n for n in range(64) if value >> n & 1}
    return sets


def check(pid, allowed, name):
    sets = caps(pid)
    for which in ('CapPrm', 'CapEff', 'CapBnd'):
        equal(sorted(sets[which] - set(allowed)), [],
              '%s: %s is what is needed' % (name, which))
    equal(sets['CapInh'] | sets['CapAmb'], set(), name + ': none inherited')


def children(pid):
    with open('/proc/%d/task/%d/children' % (pid, pid)) as f:
        return [int(p) for p in f.read().split()]


def command(pid):
    with open('/proc/%d/cmdline' % pid, 'rb') as f:
        return f.read()


mine = caps(os.getpid())['CapBnd']

sup = Sup(start=False)
try:
    fn = sup.add('f', sup.code({
        'app.py': 'def handler(e, c):\n    return 1\n'}))
    js = sup.add('js', sup.code({
        'i.js': 'exports.handler = async () => 1;'}),
        runtime='nodejs', handler='i.handler')
    sup.start()
    equal((sup.invoke(fn), sup.invoke(js)), ((0, 1), (0, 1)), 'it works')

    pid = sup.pid()
    with open('/proc/%d/stat' % pid) as f:
        watchdog = int(f.read().rsplit(')', 1)[1].split()[1])
    check(pid, SUPERVISOR, 'supervisor')
    check(watchdog, SUPERVISOR, 'watchdog')
    ok(caps(pid)['CapEff'] == set(SUPERVISOR) & mine,
       'of which it has all that this machine gives')

    zygotes = [p for p in children(pid)
               if b'bootstrap.py' in command(p)
               and os.readlink('/proc/%d/ns/pid' % p)
               == os.readlink('/proc/self/ns/pid')]
    spawners = [p for p in children(pid) if b'faas-spawner' in command(p)]
    ok(zygotes and spawners, 'zygote and spawner are there')
    for p in zygotes[:1] + spawners[:1]:
        check(p, ZYGOTE, 'zygote' if p in zygotes else 'spawner')
        fds = {n: os.readlink('/proc/%d/fd/%s' % (p, n))
               for n in os.listdir('/proc/%d/fd' % p)}
        equal({n: v.split(':')[0] for n, v in fds.items()},
              {'0': '/dev/null', '1': 'pipe', '2': 'pipe', '3': 'socket'},
              'and has nothing else open')

    os.kill(pid, 9)
    ok(wait_for(lambda: sup.pid() not in (0, pid) and sup.head('up')),
       'another supervisor')
    check(sup.pid(), SUPERVISOR, 'that one')
    equal(sup.invoke(fn), (0, 1), 'works')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
