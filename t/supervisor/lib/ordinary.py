"""An ordinary user, with as much isolation as LEVEL says: one scenario for all
levels, run by the test files 090 to 092."""

import ctypes
import os
import sys

from suptest import *           # noqa: F401,F403

APP = '''
import os, socket, subprocess, tempfile, time
def handler(event, context):
    if event == "memory":
        data = []
        for i in range(100):
            data.append(b"x" * 10485760)
            time.sleep(0.02)
    if event == "orphan":
        p = subprocess.Popen(["/bin/sleep", "12345"], start_new_session=True)
        return p.pid
    if event == "exit":
        os._exit(3)
    if event == "see":
        found = {}
        for path in ("/etc/passwd", "/etc/fstab", "/proc/1/comm", "/tmp/faas-x",
                     "/home", "/"):
            try:
                if path == "/tmp/faas-x":
                    open(path, "w").close()
                    os.remove(path)
                elif os.path.isdir(path):
                    os.listdir(path)
                else:
                    open(path).close()
                found[path] = True
            except OSError as e:
                found[path] = e.strerror
        with tempfile.TemporaryFile() as f:
            found["tmp"] = f.write(b"y")
        with open("/proc/self/status") as f:
            found["seccomp"] = "Seccomp:\\t2" in f.read()
        try:
            socket.socket(socket.AF_UNIX).close()
            found["unix"] = True
        except OSError as e:
            found["unix"] = e.strerror
        return found
    return [os.getcwd(), os.getuid()]
'''


def sleepers():
    """Processes on this machine that "orphan" started."""
    found = []
    for pid in os.listdir('/proc'):
        try:
            with open('/proc/%s/cmdline' % pid, 'rb') as f:
                if f.read() == b'/bin/sleep\0' b'12345\0':
                    found.append(pid)
        except OSError:
            pass
    return found


def become_ordinary():
    if os.getuid() == 0:
        # what must be readable is: the build folder is not a private one
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        # PR_SET_DUMPABLE: its own files in /proc are its own again
        ctypes.CDLL(None).prctl(4, 1, 0, 0, 0)
        if not os.access(os.path.join(RUNTIME, 'faas-supervisor'), os.X_OK) \
                or not os.access(__file__, os.R_OK):
            skip_all('the build folder is not readable for other users')


def user_namespace():
    """This process into a new user namespace, as itself."""
    uid, gid = os.getuid(), os.getgid()
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(0x10000000) == -1:
        return False
    for name, text in (('setgroups', 'deny'), ('uid_map', '%d %d 1'
                       % (uid, uid)), ('gid_map', '%d %d 1' % (gid, gid))):
        with open('/proc/self/' + name, 'w') as f:
            f.write(text)
    return True


def libc_landlock():
    """The version of Landlock, 0 for none."""
    libc = ctypes.CDLL(None, use_errno=True)
    return max(libc.syscall(444, None, ctypes.c_size_t(0), 1), 0)


def can_make_namespaces():
    pid = os.fork()
    if pid == 0:
        os._exit(0 if user_namespace() else 1)
    return os.waitpid(pid, 0)[1] == 0


def forbid_namespaces():
    """From here on no user namespace can be made."""
    if not user_namespace():
        return                                  # it is so already
    with open('/proc/sys/user/max_user_namespaces', 'w') as f:
        f.write('0')
    # and no capability is left: execve() of an ordinary user takes them
    os.execv(sys.executable, [sys.executable] + sys.argv + ['forbidden'])


def run(level, number, see):
    load_library()
    boxed = level == 'user'

    sup = Sup(start=False, isolation='none' if level == 'none' else 'prefer')
    try:
        code = sup.code({'app.py': APP})
        fn = sup.add('f', code)
        js = None
        if os.path.exists(os.path.join(RUNTIME, 'node/bootstrap.cjs')):
            js = sup.add('js', sup.code({
                'i.js': 'exports.handler = async () => process.cwd();'}),
                runtime='nodejs', handler='i.handler')
        sup.start()
        equal(sup.head('isolation'), number, 'isolation: ' + level)
        ok(sup.logged('isolation: ' + level), 'and the log says so')
        root = '/var/task' if boxed else code
        equal(sup.invoke(fn), (0, [root, os.getuid()]), 'a Python function')
        if js is not None:
            root = '/var/task' if boxed else sup.functions[1]['code']
            equal(sup.invoke(js), (0, root), 'a Node function')
        if level != 'landlock':
            ok(wait_for(lambda: len(sup.blanks_up()) >= 2), 'blanks')

        equal(sup.invoke(fn, 'see')[1], see, 'what it sees')

        sup.invoke(fn, 'orphan')
        ok(wait_for(sleepers), 'a process that leaves its session')
        ticket, lease = sup.acquire(fn)
        sup.release(ticket, 'timeout')
        ok(wait_for(lambda: not sleepers()), 'ends with its environment')

        limited(sup, fn, level)
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


def limited(sup, fn, level):
    if level != 'none':
        status, value = sup.invoke(fn, 'memory')
        equal((status, value['errorType']), (1, 'MemoryError'),
              'memory is limited in each process')
        return
    ticket, lease = sup.acquire(fn)
    sup.talk(ticket, lease, 'memory')
    e = lease.env
    wait_for(lambda: sup.env(e, 'state') == DEAD)
    equal(WHY[sup.env(e, 'why')], 'oom', 'memory is limited by sampling')
    sup.release(ticket, 'crashed')
