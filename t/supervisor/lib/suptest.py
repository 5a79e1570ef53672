"""
Drives faas-supervisor without nginx: makes the board and the manifest as a
master does, registers as a worker, leases environments, speaks FastCGI to
them, and says the results in TAP.
"""

import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import zipfile

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '../../..'))
BUILD = os.environ.get('BUILD', os.path.join(TOP, 'build'))
RUNTIME = os.path.join(BUILD, 'runtime')

(FREE, BLANK, INIT, READY, IDLE, BUSY, DRAIN, DEAD) = range(8)
(T_FREE, T_WAITING, T_GRANTED, T_RUNNING, T_FAILED) = range(5)
(DEMAND, KILL, WORKER, CONFIG, BYE, REOPEN) = range(1, 7)
WHY = ('none', 'timeout', 'protocol', 'aborted', 'crashed', 'too large',
       'worker lost', 'exited', 'signaled', 'oom', 'init error',
       'init timeout', 'init crashed', 'idle', 'age', 'requests', 'replaced',
       'removed', 'shutdown', 'no capacity', 'spawn', 'throttled')
OK, AGAIN, BACKOFF, GONE = 0, -2, -5, -6

ENV_MAX, FN_MAX = 24, 64

with open(os.path.join(TOP, 'runtime/libfaas/faas_board.h')) as header:
    LAYOUT = int(re.search(r'define FAAS_BOARD_LAYOUT +(\d+)',
                           header.read()).group(1))


# --- TAP ---

class Tap:
    n = 0
    failed = 0


def ok(value, name, more=''):
    Tap.n += 1
    Tap.failed += not value
    print('%sok %d - %s' % ('' if value else 'not ', Tap.n, name))
    if not value and more != '':
        for line in str(more).splitlines():
            print('# ' + line)
    sys.stdout.flush()
    return value


def equal(got, want, name):
    return ok(got == want, name, 'got %r, want %r' % (got, want))


def diag(text):
    print('# ' + str(text))
    sys.stdout.flush()


def done():
    print('1..%d' % Tap.n)
    sys.exit(1 if Tap.failed else 0)


def skip_all(why):
    print('1..0 # SKIP ' + why)
    sys.exit(0)


def wait_for(check, seconds=10):
    """The first true value of check(), or the last one after SECONDS."""
    end = time.monotonic() + seconds
    while True:
        value = check()
        if value or time.monotonic() > end:
            return value
        time.sleep(0.002)


# --- the board ---

def write_zip(path, entries):
    """entries: (name, text, mode of the whole type), in this order"""
    with zipfile.ZipFile(path + '.n', 'w') as z:
        for entry, text, mode in entries:
            info = zipfile.ZipInfo(entry)
            info.create_system = 3
            info.external_attr = mode << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            z.writestr(info, text)
    os.rename(path + '.n', path)
    return path


class Lease(ctypes.Structure):
    _fields_ = [(name, ctypes.c_uint32) for name in (
        'env', 'generation', 'version', 'flags', 'timeout_ms', 'memory_mb',
        'capacity', 'cold', 'init_us', 'conn_worker', 'max_wait_ms', 'demand')]


def load_library():
    out = os.path.join(BUILD, 't')
    os.makedirs(out, exist_ok=True)
    path = os.path.join(out, 'supboard.so')
    lib = os.path.join(TOP, 'runtime/libfaas')
    sources = [os.path.join(os.path.dirname(__file__), 'board.c')] + [
        os.path.join(lib, 'faas_%s.c' % n) for n in (
            'board', 'board_env', 'board_lease', 'board_lists', 'board_lock',
            'hist')]
    newest = max(os.path.getmtime(p) for p in sources
                 + [os.path.join(lib, 'faas_board.h')])
    if not os.path.exists(path) or os.path.getmtime(path) < newest:
        temp = '%s.%d' % (path, os.getpid())
        subprocess.run(['cc', '-std=gnu11', '-D_GNU_SOURCE', '-O1', '-g',
                        '-Wall', '-fPIC', '-shared', '-pthread', '-I', lib,
                        '-o', temp] + sources, check=True)
        os.rename(temp, path)
    so = ctypes.CDLL(path)
    for name in ('t_create', 't_open'):
        getattr(so, name).restype = ctypes.c_void_p
    for name in ('t_head', 't_env', 't_fn', 't_counter', 't_ticket',
                 't_outcome', 'faas_process_start_time', 'faas_now_ms'):
        getattr(so, name).restype = ctypes.c_uint64
    so.t_init_error.restype = ctypes.c_char_p
    return so


# --- FastCGI, the worker's side ---

def fcgi_record(kind, content, rid=1):
    return struct.pack('>BBHHBB', 1, kind, rid, len(content), 0, 0) + content


def fcgi_params(params):
    out = b''
    for name, value in params.items():
        name, value = name.encode(), value.encode()
        for n in (len(name), len(value)):
            out += bytes([n]) if n < 128 else struct.pack('>I', n | 1 << 31)
        out += name + value
    return out


def fcgi_request(params, body):
    out = fcgi_record(1, struct.pack('>HB5x', 1, 1))
    out += fcgi_record(4, fcgi_params(params)) + fcgi_record(4, b'')
    for i in range(0, len(body), 65535):
        out += fcgi_record(5, body[i:i + 65535])
    return out + fcgi_record(5, b'')


def fcgi_answer(s):
    stdout, stderr, buf = b'', b'', b''
    while True:
        while len(buf) < 8:
            data = s.recv(65536)
            if not data:
                return None, stdout, stderr
            buf += data
        _, kind, _, length, pad, _ = struct.unpack('>BBHHBB', buf[:8])
        while len(buf) < 8 + length + pad:
            data = s.recv(65536)
            if not data:
                return None, stdout, stderr
            buf += data
        content, buf = buf[8:8 + length], buf[8 + length + pad:]
        if kind == 6:
            stdout += content
        elif kind == 7:
            stderr += content
        elif kind == 3:
            return struct.unpack('>I', content[:4])[0], stdout, stderr


# --- the supervisor and its surroundings ---

class Sup:
    def __init__(self, functions=(), envs=16, slots=None, level='info',
                 isolation='auto', blanks=(), start=True,
                 functions_max=64):
        self.so = load_library()
        self.dir = tempfile.mkdtemp(prefix='faas-t-')
        os.chmod(self.dir, 0o755)
        self.run = os.path.join(self.dir, 'run')
        self.state = os.path.join(self.dir, 'state')
        self.log_path = os.path.join(self.dir, 'error.log')
        self.uid, self.gid = (33, 33) if os.getuid() == 0 else (
            os.getuid(), os.getgid())
        self.envs, self.level, self.isolation = envs, level, isolation
        self.slots = slots or envs + 8
        self.blanks = list(blanks)
        self.functions = []
        self.globals = {}           # more keys of the manifest
        self.generation = 0
        self.next_ticket = 0
        self.proc = None
        self.worker = None
        self.life = None
        self.code_n = 0
        os.makedirs(os.path.join(self.run, 'v1/workers'))
        os.mkdir(self.state)
        self.board = ctypes.c_void_p(self.so.t_create(
            self.path('board'), functions_max, self.slots,
            ctypes.c_uint64(int.from_bytes(os.urandom(7), 'big'))))
        assert self.board.value
        for f in functions:
            self.add(**f)
        if start:
            self.start()

    def path(self, name):
        return os.path.join(self.run, 'v1', name).encode()

    # code and configuration

    def code(self, files):
        self.code_n += 1
        folder = os.path.join(self.dir, 'code%d' % self.code_n)
        os.mkdir(folder)
        os.chmod(folder, 0o755)
        for name, text in files.items():
            self.write(os.path.join(folder, name), text)
        return folder

    @staticmethod
    def write(path, text):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path + '.n', 'wb') as f:
            f.write(text.encode() if isinstance(text, str) else text)
        os.chmod(path + '.n', 0o644)
        os.rename(path + '.n', path)

    def add(self, name, code, runtime='python3', handler='app.handler', **more):
        f = {
            'index': self.so.faas_board_name(self.board, name.encode(),
                                             len(name)),
            'name': name, 'runtime': runtime, 'handler': handler,
            'code': code, 'command': [], 'timeout_ms': 3000,
            'memory_mb': 128, 'concurrency': 0, 'provisioned': 0, 'queue': 0,
            'queue_timeout_ms': 0, 'max_requests': 0, 'max_age_ms': 0,
            'idle_timeout_ms': 300000, 'tmp_mb': 512,
            'account': '000000000000', 'region': 'us-east-1',
            'environment': {}, 'environment_concurrency': 1,
            'reload_on_change': False, 'where': 'nginx.conf:1'}
        f.update(more)
        self.functions = [g for g in self.functions if g['name'] != name]
        self.functions.append(f)
        return f['index']

    def change(self, name, **more):
        for f in self.functions:
            if f['name'] == name:
                f.update(more)

    def manifest(self):
        self.generation += 1
        m = {'layout': LAYOUT, 'generation': self.generation,
             'state_dir': self.state, 'runtime_dir': RUNTIME,
             'worker_uid': self.uid, 'worker_gid': self.gid,
             'log': self.log_path, 'log_level': self.level,
             'isolation': self.isolation, 'max_environments': self.envs,
             'request_max': 6291456, 'response_max': 6291456,
             'blanks': self.blanks, 'functions': self.functions}
        m.update(self.globals)
        temp = self.path('manifest') + b'.n'
        with open(temp, 'w') as f:
            json.dump(m, f)
        os.rename(temp, self.path('manifest'))

    def reload(self):
        self.manifest()
        if self.worker is not None:
            self.so.t_generation(self.board, self.worker,
                                 ctypes.c_uint64(self.generation))
        self.bell(CONFIG)
        return wait_for(lambda: self.head('applied') == self.generation)

    # processes

    def start(self, wait=True):
        self.manifest()
        lock = os.open(self.path('lock'), os.O_RDWR | os.O_CREAT, 0o600)

        def locked():
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                return False

        assert wait_for(locked), 'another supervisor holds the lock'
        self.life_r, self.life = os.pipe()
        self.proc = subprocess.Popen(
            [os.path.join(RUNTIME, 'faas-supervisor'), '--run-dir', self.run,
             '--lock-fd', str(lock), '--life-fd', str(self.life_r)],
            pass_fds=(lock, self.life_r), start_new_session=True,
            stderr=open(self.log_path + '.stderr', 'ab'))
        os.close(lock)
        os.close(self.life_r)
        if wait and not wait_for(lambda: self.head('up')
                                 and self.head('applied')):
            diag(self.log())
            raise SystemExit('supervisor did not start')
        if self.worker is None:
            self.register()

    def register(self):
        """
        The worker and its master are processes that only exist, so that they
        can die while the test goes on.
        """
        self.worker_proc = self.dummy()
        self.master_proc = self.dummy()
        pid, master = self.worker_proc.pid, self.master_proc.pid
        start = self.so.faas_process_start_time
        self.worker = self.so.faas_worker_register(
            self.board, pid, ctypes.c_uint64(start(pid)), master,
            ctypes.c_uint64(start(master)), ctypes.c_uint64(self.generation))
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = self.path('workers/%d' % self.worker)
        if os.path.exists(path):
            os.unlink(path)
        self.sock.bind(path)
        self.bell(WORKER, self.worker)

    @staticmethod
    def dummy():
        return subprocess.Popen(['/bin/cat'], stdin=subprocess.PIPE,
                                stdout=subprocess.DEVNULL)

    def worker_dies(self):
        self.worker_proc.kill()
        self.worker_proc.wait()

    def bell(self, kind, arg=0):
        s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            s.connect(self.path('doorbell'))
            s.send(struct.pack('II', kind, arg))
        except OSError:
            pass
        finally:
            s.close()

    def pid(self):
        return self.head('pid')

    def stop(self, seconds=10):
        """The end as nginx has it: life line, worker and master gone."""
        if self.proc is None:
            return None
        self.leave()
        try:
            return self.proc.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    def leave(self):
        if self.life is not None:
            os.close(self.life)
            self.life = None
        if self.worker is not None:
            for p in self.worker_proc, self.master_proc:
                p.kill()
                p.wait()
                p.stdin.close()
            self.sock.close()
            self.worker = None

    def kill(self):
        if self.proc is not None and self.proc.poll() is None:
            self.proc.send_signal(signal.SIGTERM)
            try:
                self.proc.wait(10)
            except subprocess.TimeoutExpired:
                self.proc.kill()

    def clean(self):
        self.kill()
        self.leave()
        # a test that failed half-way may have left its supervisor dead
        for i in range(self.slots):
            pid = self.env(i, 'pid')
            if pid and self.env(i, 'state') != FREE \
                    and self.so.faas_process_start_time(pid) \
                    == self.env(i, 'start_time'):
                os.kill(pid, signal.SIGKILL)
        shutil.rmtree(self.dir, ignore_errors=True)

    # looking

    def head(self, name):
        return self.so.t_head(self.board, name.encode())

    def env(self, i, name):
        return self.so.t_env(self.board, i, name.encode())

    def fn(self, i, name):
        return self.so.t_fn(self.board, i, name.encode())

    def counter(self, i, name):
        return self.so.t_counter(self.board, i, name.encode())

    def init_error(self, i):
        return self.so.t_init_error(self.board, i).decode()

    def ticket(self, i, name):
        return self.so.t_ticket(self.board, i, name.encode())

    def slots_of(self, fn, states=(IDLE, BUSY)):
        return [i for i in range(self.slots) if self.env(i, 'fn') == fn
                and self.env(i, 'state') in states]

    def pids(self, fn, states=(IDLE, BUSY)):
        return sorted(self.env(i, 'pid') for i in self.slots_of(fn, states))

    def blanks_up(self):
        return [i for i in range(self.slots)
                if self.env(i, 'state') == BLANK and self.env(i, 'pid')]

    def log(self):
        text = ''
        for path in (self.log_path + '.stderr', self.log_path + '.1',
                     self.log_path):
            if os.path.exists(path):
                with open(path, errors='replace') as f:
                    text += f.read()
        return text

    def logged(self, text, seconds=5):
        return wait_for(lambda: text in self.log(), seconds)

    # invocations

    def acquire(self, fn, seconds=15):
        """(ticket, lease) or (ticket, reason)."""
        lease = Lease()
        ticket = self.worker * 4096 + self.next_ticket % 4096
        self.next_ticket += 1
        rc = self.so.faas_acquire(
            self.board, fn, ticket, ctypes.c_uint64(self.so.faas_now_ms()),
            ctypes.byref(lease))
        if rc == OK:
            return ticket, lease
        if rc != AGAIN:
            return ticket, rc
        if lease.demand:
            self.bell(DEMAND, fn)
        return self.await_ticket(ticket, seconds)

    def await_ticket(self, ticket, seconds=15):
        lease = Lease()
        self.sock.settimeout(seconds)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.so.faas_mailbox_take(self.board, self.worker)
            state = self.ticket(ticket, 'state')
            if state == T_GRANTED:
                self.so.faas_lease_get(self.board, ticket,
                                       ctypes.byref(lease))
                return ticket, lease
            if state == T_FAILED:
                why = WHY[self.ticket(ticket, 'why')]
                self.cancel(ticket)
                return ticket, why
            try:
                self.sock.recv(64)
            except socket.timeout:
                break
        self.cancel(ticket)
        return ticket, 'late'

    def cancel(self, ticket):
        wake, ring = ctypes.c_uint32(), ctypes.c_uint32()
        self.so.faas_cancel(self.board, ticket, -1,
                            ctypes.c_uint64(self.so.faas_now_ms()),
                            ctypes.byref(wake), ctypes.byref(ring))

    def connect(self, lease):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(15)
        s.connect(self.path('env/%d.%d' % (lease.env, lease.generation)))
        return s

    def release(self, ticket, why='none', outcome=0, count=1):
        ring = ctypes.c_uint32()
        env = self.ticket(ticket, 'env')
        self.so.t_release(self.board, ticket, outcome, WHY.index(why), count,
                          ctypes.byref(ring))
        if ring.value:
            self.bell(KILL if why != 'none' else DEMAND, env)

    def talk(self, ticket, lease, event, seconds=3):
        self.so.faas_lease_run(self.board, ticket)
        s = self.connect(lease)
        params = {'FAAS_REQUEST_ID': '00000000-0000-4000-8000-%012d' % ticket,
                  'FAAS_DEADLINE_MS': str(int((time.time() + seconds)
                                              * 1000)),
                  'FAAS_FUNCTION_ARN': 'arn:aws:lambda:us-east-1:'
                                       '000000000000:function:f'}
        s.sendall(fcgi_request(params, json.dumps(event).encode()))
        try:
            return fcgi_answer(s)
        except OSError:
            return None, b'', b''
        finally:
            s.close()

    def invoke(self, fn, event=None, seconds=15):
        """(status, value): the whole of one invocation."""
        ticket, lease = self.acquire(fn, seconds)
        if not isinstance(lease, Lease):
            return lease, None
        status, out, _ = self.talk(ticket, lease, event)
        self.last = lease
        if status is None:
            self.release(ticket, 'crashed', outcome=4)
            return 'crashed', None
        self.release(ticket, outcome=0 if status == 0 else 1)
        try:
            return status, json.loads(out)
        except ValueError:
            return status, out


def leftovers(sup):
    """What a supervisor that has ended must not leave behind."""
    found = []
    for root, folders, files in os.walk(os.path.join(sup.run, 'v1')):
        found += [os.path.join(root, f) for f in files if f != 'lock']
    name = None
    for base in ('/sys/fs/cgroup/memory', '/sys/fs/cgroup/pids',
                 '/sys/fs/cgroup', '/sys/fs/cgroup/unified'):
        name = cgroup_name(sup.run)
        if os.path.exists(os.path.join(base, name)):
            found.append(os.path.join(base, name))
    with open('/proc/self/mounts') as f:
        found += [line for line in f if sup.dir in line]
    for pid in os.listdir('/proc'):
        if not pid.isdigit():
            continue
        try:
            with open('/proc/%s/cmdline' % pid, 'rb') as f:
                cmd = f.read().decode(errors='replace')
            uid = os.stat('/proc/' + pid).st_uid
        except OSError:
            continue
        if sup.run in cmd and 'faas-supervisor' in cmd:
            found.append('process %s %s' % (pid, cmd))
        elif uid >= 1900000000 and pid_cgroup(pid, cgroup_name(sup.run)):
            found.append('process %s %s' % (pid, cmd))
    return found


def pid_cgroup(pid, name):
    try:
        with open('/proc/%s/cgroup' % pid) as f:
            return name in f.read()
    except OSError:
        return False


def cgroup_name(path):
    h = 2166136261
    for c in os.path.realpath(path).encode():
        h = (h ^ c) * 16777619 & 0xffffffff
    return 'faas-%08x' % h
