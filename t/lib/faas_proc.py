"""Processes, mounts and cgroups, read from /proc and /sys; see t/README.md.

The test process becomes the reaper of all its descendants, so that
"everything this test has started" is exactly its tree, whatever double
forks and dies.
"""

import collections
import ctypes
import os
import re

PR_SET_CHILD_SUBREAPER = 36

Process = collections.namedtuple('Process', 'pid ppid state start cmdline')


def become_reaper():
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), 'prctl')


def process(pid):
    """The process, or None; start is the time it started, in ticks."""
    try:
        with open('/proc/%d/stat' % pid) as f:
            fields = f.read().rpartition(')')[2].split()
        with open('/proc/%d/cmdline' % pid, 'rb') as f:
            cmdline = f.read().rstrip(b'\0').replace(b'\0', b' ').decode(
                errors='replace')
    except (FileNotFoundError, ProcessLookupError):
        return None

    return Process(pid, int(fields[1]), fields[0], int(fields[19]), cmdline)


def processes():
    found = {}
    for name in os.listdir('/proc'):
        if name.isdigit():
            p = process(int(name))
            if p:
                found[p.pid] = p
    return found


def alive(pid):
    p = process(pid)
    return p is not None and p.state not in 'ZX'


def descendants(root=None):
    """All processes below root (default: this one), zombies left out."""
    table = processes()
    children = collections.defaultdict(list)
    for p in table.values():
        children[p.ppid].append(p)

    found, todo = [], [root or os.getpid()]
    while todo:
        for p in children[todo.pop()]:
            found.append(p)
            todo.append(p.pid)

    return [p for p in found if p.state not in 'ZX']


def reap(keep=()):
    """Collects orphans that ended; keep: pids that others wait for."""
    me = os.getpid()
    for p in processes().values():
        if p.ppid == me and p.state == 'Z' and p.pid not in keep:
            try:
                os.waitpid(p.pid, os.WNOHANG)
            except ChildProcessError:
                pass


def cpu_ticks(pids):
    """User and system time of these processes, in clock ticks."""
    total = 0
    for pid in pids:
        try:
            with open('/proc/%d/stat' % pid) as f:
                fields = f.read().rpartition(')')[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        total += int(fields[11]) + int(fields[12])
    return total


def fd_count(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


def mounts(needle):
    with open('/proc/self/mountinfo') as f:
        return [line.rstrip() for line in f if needle in line]


def cgroups(run_dir):
    """The supervisor's groups for a run directory, wherever they are.

    It names them after the directory (FNV-1a of its path), so that other
    installations and other tests are told apart.
    """
    h = 2166136261
    for byte in os.path.realpath(run_dir).encode():
        h = (h ^ byte) * 16777619 & 0xffffffff
    name = 'faas-%08x' % h

    return [os.path.join(folder, n)
            for folder, names, _ in os.walk('/sys/fs/cgroup')
            for n in names if n in (name, name + '.open')]


def unix_sockets(pattern):
    """Bound Unix sockets whose path matches: inode to path."""
    found = {}
    with open('/proc/net/unix') as f:
        for line in f.readlines()[1:]:
            fields = line.split()
            if len(fields) > 7 and re.search(pattern, fields[7]):
                found[int(fields[6])] = fields[7]
    return found


def socket_inodes(pid):
    """Inodes of the sockets that a process has open."""
    found = set()
    folder = '/proc/%d/fd' % pid
    try:
        names = os.listdir(folder)
    except OSError:
        return found
    for name in names:
        try:
            link = os.readlink(os.path.join(folder, name))
        except OSError:
            continue
        if link.startswith('socket:['):
            found.add(int(link[8:-1]))
    return found
