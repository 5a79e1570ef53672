#!/usr/bin/python3
"""Out of the sandbox: what a hostile function tries, and what comes of it.

Each case is a few lines of C (lib/escape.c), run by a function in C itself
and, as a program, by functions in every other language (lib/faas_escape.py).
Expected: the error that the reference promises, never success; nothing outside
notices.  In all runtimes, with "network egress"; what a network decides also with "none" and
"host".  Needs root: what ordinary users get is in supervisor/091 and 092.
"""

import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_escape import kinds                                  # noqa: E402
from faas_e2e import (BUILD, SLOW, TOP, Nginx, Tap,            # noqa: E402
                      skip_all)

if os.geteuid() != 0:
    skip_all('needs root')

LIB = os.path.join(TOP, 't/lib')
DENIED = 'EPERM'
# what the reference calls refused; and ways around it
CALLS = {name: {DENIED} for name in (
    'setuid_bit setuid_fchmodat setuid_create setuid_tmpfile mknod_block '
    'mknod_char openat2 mount mount_overlay mount_proc remount umount '
    'umount_tmp unshare_user unshare_ns unshare_net clone_user setns '
    'pivot_root chroot fsopen open_tree move_mount mount_setattr ptrace_me '
    'ptrace vm_readv vm_writev pidfd_getfd kcmp setuid setresuid setgid '
    'setgroups personality add_key keyctl request_key bpf perf userfaultfd '
    'io_uring io_uring_enter fanotify memfd_secret kexec init_module '
    'finit_module delete_module reboot swapon acct quotactl syslog settime '
    'clock_settime adjtimex sethostname iopl ioperm modify_ldt mbind packet '
    'raw raw6 vsock alg sctp mptcp netlink_audit netlink_nf handle fifo '
    'raise_nofile prlimit pair_inet pair_tipc linger linger_wide '
    'ulp huge huge_memfd huge_shm ofd_lock core').split()}
CALLS.update({
    'nice': {'EACCES', 'EPERM'}, 'clone3': {'ENOSYS'}, 'future': {'ENOSYS'},
    'i386': {'signal 31'}, 'x32': {'signal 31'},
    'tiocsti': {'ENOTTY', 'EPERM', 'EINVAL'},
    'mlock': {'ENOMEM', 'EPERM', 'EAGAIN'},
    'sysrq': {'EACCES', 'ENOENT'}, 'core_pattern': {'EACCES'},
    'overcommit': {'EACCES'},
    'setxattr': {'EOPNOTSUPP'}, 'fsetxattr': {'EOPNOTSUPP'},
    # not everything is refused, or the above would say little
    'mkfifo': {'ok'}, 'tcp': {'ok'}, 'netlink_route': {'ok'},
    'pair': {'ok'}, 'keepalive': {'ok'}, 'broadcast': {'ok'},
    'reuseport': {'ok'}, 'nodelay': {'ok'}, 'memfd': {'ok'}, 'tos': {'ok'},
    'prlimit_own': {'ok'},
})


def nameservers():
    try:
        with open('/etc/resolv.conf') as f:
            return re.findall(r'^\s*nameserver\s+([0-9a-fA-F.:]+)', f.read(),
                              re.M)
    except FileNotFoundError:
        return []


def compiled():
    """The cases as a program and as a function's bootstrap."""
    folder = tempfile.mkdtemp()
    flags = ['-O1', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra',
             '-Werror', '-I', TOP + '/runtime/libfaas']
    sources = [LIB + '/escape.c', LIB + '/escape_net.c']
    found = {}
    for name, more in (('escape', []),
                       ('bootstrap', ['-DESCAPE_FUNCTION'])):
        path = os.path.join(folder, name)
        libs = [BUILD + '/libfaas/libfaas.a', '-pthread'] if more else []
        subprocess.run(['cc'] + flags + more + ['-o', path] + sources + libs,
                       check=True)
        with open(path, 'rb') as f:
            found[name] = (f.read(), 0o755)
    shutil.rmtree(folder)
    return found


def configured(name, runtime, handler, code, more=''):
    # as many processes as there may be take about 125 MB of the kernel's
    return ('faas_function %s { runtime %s; handler %s; code '
            '{functions}/%s; timeout 20s; memory 256m; tmp 16m; '
            'idle_timeout 1h; %s }\n'
            % (name, runtime, handler, code, more))


KINDS = kinds()
PARTS = compiled()
FUNCTIONS = {name: {**PARTS, **files}
             for name, (_, _, files) in KINDS.items()}
FUNCTIONS['other'] = {'app.py': 'SECRET = 1\n'}
FUNCTIONS['tight'] = {'app.py': '''import subprocess
def handler(event, context):
    try:
        return subprocess.run(["/bin/true"]).returncode
    except PermissionError as e:
        return e.strerror
'''}

HTTP = ('faas_network_deny 198.51.100.0/24 2001:db8::/32%s;\n'
        'faas_network_allow 127.0.0.1:9;\n'
        % ''.join(' ' + s for s in nameservers()))
for name, (runtime, handler, _) in KINDS.items():
    HTTP += configured(name, runtime, handler, name)
    HTTP += configured(name + '-none', runtime, handler, name,
                       'network none;')
HTTP += configured('c-host', 'native', 'bootstrap', 'c', 'network host;')
HTTP += configured('c-again', 'native', 'bootstrap', 'c')
HTTP += configured('c-tight', 'native', 'bootstrap', 'c',
                   'seccomp socket getpid;')
HTTP += configured('py-tight', 'python3', 'app.handler', 'tight',
                   'seccomp listen execve;')

with Tap() as tap, Nginx(
        functions=FUNCTIONS, http=HTTP, log_level='warn',
        server='location ~ ^/(?<name>[a-z-]+)$ { faas_pass $name; }'
        ) as nginx:

    def attempt(name, case, arg='', apart=True):
        headers = {'x-case': case}
        if arg:
            headers['x-arg'] = str(arg)
        if not apart:
            headers['x-apart'] = '0'
        r = nginx.get('/' + name, headers=headers, timeout=60 * SLOW)
        return r.text if r.status == 200 else '%d %s' % (r.status, r.text)

    def cases(name, table):
        """One result a case, for the function of that name."""
        for case, expected in table.items():
            arg = ''
            if isinstance(case, tuple):
                case, arg = case
            got = attempt(name, case, arg)
            tap.ok(got in expected, '%s: %s %s' % (name, case, arg),
                   'got %s, expected %s' % (got, ' or '.join(expected)))

    # what there is on the host

    secret = os.path.join(nginx.dir, 'secret')
    with open(secret, 'w') as f:
        f.write('of the host')
    os.chmod(secret, 0o644)
    run = os.path.join(nginx.dir, 'run/v1')

    def one(folder):
        found = sorted(n for n in os.listdir(os.path.join(run, folder)))
        return os.path.join(run, folder, found[0])

    attempt('c', 'tcp')
    files = {
        ('read', '/etc/shadow'): {'ENOENT'},
        ('read', secret): {'ENOENT'},
        ('read', nginx.functions + '/other/app.py'): {'ENOENT'},
        ('read', os.path.join(nginx.dir, 'nginx.conf')): {'ENOENT'},
        ('list', run): {'ENOENT'}, ('list', '/sys'): {'ENOENT'},
        ('list', '/sys/fs/cgroup'): {'ENOENT'}, ('list', '/home'): {'ENOENT'},
        ('list', '/root'): {'ENOENT'}, ('list', '/run'): {'ENOENT'},
        ('read', '/dev/mem'): {'ENOENT'}, ('read', '/dev/kmsg'): {'ENOENT'},
        ('read', '/dev/vda'): {'ENOENT'}, ('read', '/dev/ptmx'): {'ENOENT'},
        ('read', '/proc/kcore'): {'EACCES', 'ENOENT', 'EPERM'},
        ('read', '/proc/kmsg'): {'EACCES', 'ENOENT', 'EPERM'},
        ('read', '/proc/%d/environ' % nginx.supervisor): {'ENOENT'},
        ('list', '/proc/%d/root' % nginx.master): {'ENOENT'},
        ('create', '/x'): {'EROFS'}, ('create', '/usr/x'): {'EROFS'},
        ('create', '/etc/x'): {'EROFS'}, ('create', '/dev/x'): {'EROFS'},
        ('create', '/opt/x'): {'EROFS'}, ('create', '/mnt/x'): {'EROFS'},
        ('create', '/var/task/x'): {'EROFS'},
        ('create', '/var/runtime/x'): {'EROFS'},
        ('unlink', '/var/task/escape'): {'EROFS'},
        ('unlink', '/var/runtime/libfaas.so'): {'EROFS'},
        ('chmod', '/var/task/escape'): {'EROFS', 'EPERM'},
        ('create', '/tmp/x'): {'ok'}, ('create', '/dev/shm/x'): {'ok'},
        ('link', '/usr/bin/env'): {'EXDEV', 'EPERM'},
        ('symlink', '../../../../../../../..' + secret): {'ENOENT'},
        ('symlink', '/proc/1/root' + secret): {'ENOENT', 'EACCES'},
        ('unix_connect', run + '/doorbell'): {'ENOENT'},
        ('unix_connect', one('workers')): {'ENOENT'},
        ('unix_connect', one('env')): {'ENOENT'},
        ('su', '/usr/bin/su'): {'EACCES'},
        ('kill', nginx.supervisor): {'ESRCH'},
        ('kill', nginx.workers[0]): {'ESRCH'},
        ('kill', os.getpid()): {'ESRCH'},
        ('kill', sorted(nginx.environments())[0]): {'ESRCH'},
        ('ptrace', sorted(nginx.environments())[0]): {DENIED},
        ('ptrace', nginx.supervisor): {DENIED},
        ('rdwr', '/proc/1/fd/1'): {'EACCES', 'ENOENT'},
    }

    supervisor, workers = nginx.supervisor, nginx.workers

    for name in KINDS:
        cases(name, CALLS)
        cases(name, files)

    tap.equal((nginx.supervisor, nginx.workers), (supervisor, workers),
              'supervisor and workers have not noticed')
    tap.ok(not os.path.exists('/tmp/linked'), 'nothing came out of /tmp')

    # what the function itself can open of its own log is a pipe

    tap.equal(sorted({stat.S_IFMT(os.stat('/proc/%d/fd/%d' % (p, fd)).st_mode)
                      for p in nginx.environments() for fd in (1, 2)}),
              [stat.S_IFIFO], 'descriptors 1 and 2 are pipes')

    # network

    listener = socket.socket()
    listener.bind(('127.0.0.1', 0))
    listener.listen(8)
    listener6 = socket.socket(socket.AF_INET6)
    try:
        listener6.bind(('::1', 0))
        listener6.listen(8)
        port6 = listener6.getsockname()[1]
    except OSError:
        port6 = 9
    loop = '127.0.0.1:%d' % listener.getsockname()[1]
    hidden = socket.socket(socket.AF_UNIX)
    hidden.bind('\0faas-escape-%d' % os.getpid())
    hidden.listen(8)
    abstract = 'faas-escape-%d' % os.getpid()
    # refused, or (a kernel without scopes) no such socket can be made
    apart = {'EPERM', 'ECONNREFUSED', 'EACCES'}

    egress = {
        ('connect', loop): {DENIED},
        ('connect', '127.9.9.9:80'): {DENIED},
        ('connect', '0.0.0.0:%s' % loop.split(':')[1]): {DENIED},
        ('connect', '[::1]:%d' % port6): {DENIED},
        ('connect', '[::]:%d' % port6): {DENIED},
        ('connect', '[::ffff:%s]:%s' % tuple(loop.split(':'))): {DENIED},
        ('connect', '169.254.169.254:80'): {DENIED},
        ('connect', '[fe80::1]:80'): {DENIED},
        ('connect', '[fd00:ec2::254]:80'): {DENIED},
        ('connect', '198.51.100.7:80'): {DENIED},
        ('connect', '[2001:db8::7]:80'): {DENIED},
        ('connect', '[::ffff:198.51.100.7]:80'): {DENIED},
        # an exception reaches the host: nobody is there
        ('connect', '127.0.0.1:9'): {'ECONNREFUSED'},
        ('sendto', '127.0.0.1:9999'): {DENIED},
        ('sendto', '169.254.169.254:53'): {DENIED},
        ('sendto', '[::1]:9999'): {DENIED},
        # what can be listened on: see 408-own-ports.t
        ('bind_tcp', '0.0.0.0:8099'): {DENIED},
        ('bind_tcp', '127.0.0.1:8099'): {DENIED},
        ('bind_tcp', '[::]:8099'): {DENIED},
        ('bind_tcp', '198.51.100.7:8099'): {DENIED},
        ('bind_tcp', '[2001:db8::7]:8099'): {DENIED},
        ('bind_udp', '0.0.0.0:8099'): {DENIED},
        ('bind_udp', '127.0.0.1:8099'): {DENIED},
        ('bind_udp', '[::]:8099'): {DENIED},
        ('bind_tcp', '0.0.0.0:0'): {'ok'},
        ('abstract_connect', abstract): apart,
    }
    # names are resolved by whom the host asks, wherever that is

    for server in nameservers():
        where = '[%s]' % server if ':' in server else server
        egress['connect_udp', where + ':53'] = {'ok', 'ENETUNREACH'}
        egress['connect_udp', where + ':54'] = {DENIED}

    none = {
        ('connect', loop): {'ECONNREFUSED'},
        ('connect', '169.254.169.254:80'): {'ENETUNREACH'},
        ('connect', '198.51.100.7:80'): {'ENETUNREACH'},
        ('abstract_connect', abstract): apart,
        ('bind_tcp', '127.0.0.1:8099'): {'ok'},
    }

    for name in KINDS:
        cases(name, egress)
        cases(name + '-none', none)

    tap.equal(attempt('c-host', 'connect', loop), 'ok',
              'network host is the host\'s')

    got = attempt('c', 'listen', apart=False)
    tap.ok(got.isdigit(), 'c: listens without bind()', got)
    try:
        s = socket.create_connection(('127.0.0.1', int(got)), 0.5)
        s.close()
        came = 'connected'
    except OSError as e:
        came = type(e).__name__
    tap.equal(came, 'timeout' if sys.version_info < (3, 10)
              else 'TimeoutError', 'but nobody gets through to it')

    got = attempt('c', 'abstract_listen', 'faas-of-one', apart=False)
    tap.ok(got in ('ok', 'EPERM'), 'an abstract socket of one function', got)
    tap.ok(attempt('c-again', 'abstract_connect', 'faas-of-one') in apart,
           'is not one of another')

    cases('c-tight', {'tcp': {DENIED}, 'mkfifo': {'ok'}})
    got = attempt('py-tight', 'tcp')
    tap.equal(got, 'Operation not permitted',
              'no program is started where execve is refused')

    # exhaustion: its own limits, and nobody else's

    exhausted = {
        'fork_bomb': {'EAGAIN'}, 'fds': {'EMFILE'}, 'sockets': {'EMFILE'},
        ('inodes', '/tmp'): {'ENOSPC'}, ('inodes', '/dev/shm'): {'ENOSPC'},
        'zombies': {'EAGAIN'}, 'signals': {'EAGAIN'},
    }
    for name in KINDS:
        cases(name, exhausted)
        tap.equal(attempt('c-again', 'mkfifo'), 'ok',
                  'others serve after ' + name)
        tap.ok(attempt(name, 'tcp') == 'ok', 'and so does ' + name)

    listener.close()
    listener6.close()
    hidden.close()
    nginx.finish(tap)
