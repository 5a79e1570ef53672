"""
Plays the supervisor and the worker for the tests of the runtimes: starts
environments, gives them a function, sends them requests in FastCGI.
"""

import array
import contextlib
import glob
import json
import os
import select
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
sys.path.insert(0, os.path.join(TOP, "t/lib"))

import faas_tap                                                # noqa: E402
from faas_tap import skip_all, wait_for                        # noqa: E402,F401

BUILD = os.environ.get("FAAS_BUILD") or os.path.join(TOP, "build")
RUNTIME = os.environ.get("FAAS_RUNTIME_DIR") or os.path.join(BUILD, "runtime")
FUNCTIONS = os.path.join(TOP, "t/runtime/functions")
LIMIT = 20.0 * float(os.environ.get("FAAS_TEST_SLOW", 1))

BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR = range(1, 8)
STREAM, STREAM_ERROR = 64, 65


class Tap(faas_tap.Tap):
    def like(self, got, part, name):
        return self.ok(part in got, name, "%r\nis not in\n%r" % (part, got))


def compiled(name):
    """A test's C program, with libfaas in it."""
    library = os.path.join(TOP, "runtime/libfaas")
    sources = [os.path.join(FUNCTIONS, name + ".c")]
    sources += sorted(glob.glob(library + "/faas_env*.c"))
    sources += [library + "/faas_fcgi.c", library + "/faas_sandbox_root.c"]

    flags = ["-I", library]
    if os.environ.get("FAAS_SANITIZE"):
        flags += ["-fsanitize=address,undefined",
                  "-fno-sanitize-recover=undefined"]

    return cc(name, flags, sources, glob.glob(library + "/*.h"))


def preloaded(name):
    """A test's C library for LD_PRELOAD."""
    return cc(name + ".so", ["-shared", "-fPIC"],
              [os.path.join(FUNCTIONS, name + ".c")])


def cc(name, flags, sources, headers=()):
    """Compiles what is older than its sources; returns its path."""
    out = os.path.join(BUILD, "t", name)
    os.makedirs(os.path.dirname(out), exist_ok=True)

    if not os.path.exists(out) or os.path.getmtime(out) < max(
            os.path.getmtime(f) for f in sources + list(headers)):
        new = "%s.%d" % (out, os.getpid())
        subprocess.run(["cc", "-O2", "-g", "-std=gnu11", "-Wall", "-Wextra",
                        "-Werror", "-D_GNU_SOURCE", "-pthread"] + flags
                       + ["-o", new] + sources, check=True)
        os.rename(new, out)

    return out


def record(kind, rid, content=b"", padding=0):
    return struct.pack(">BBHHBx", 1, kind, rid, len(content),
                       padding) + content + b"\0" * padding


def pair(name, value):
    def size(n):
        return bytes([n]) if n < 128 else struct.pack(">I", n | 0x80000000)

    name, value = name.encode(), value.encode()
    return size(len(name)) + size(len(value)) + name + value


def params(request_id="rid-1", deadline_ms=None, **more):
    if deadline_ms is None:
        deadline_ms = int(time.time() * 1000) + 3000

    text = pair("FAAS_REQUEST_ID", request_id)
    text += pair("FAAS_DEADLINE_MS", str(deadline_ms))
    text += pair("FAAS_FUNCTION_ARN", more.pop(
        "arn", "arn:aws:lambda:us-east-1:000000000000:function:test"))

    names = {"trace_id": "FAAS_TRACE_ID", "client": "FAAS_CLIENT_CONTEXT",
             "identity": "FAAS_COGNITO_IDENTITY",
             "content_type": "FAAS_CONTENT_TYPE",
             "streaming": "FAAS_STREAMING"}

    for key, value in more.items():
        text += pair(names[key], value)

    return text


def request(event, keep=True, rid=1, chunk=65535, padding=0, text=None):
    """A whole request as bytes."""
    text = params() if text is None else text
    out = [record(BEGIN, rid, struct.pack(">HB5x", 1, 1 if keep else 0))]

    for i in range(0, len(text), chunk):
        out.append(record(PARAMS, rid, text[i:i + chunk], padding))

    out.append(record(PARAMS, rid))

    for i in range(0, len(event), chunk):
        out.append(record(STDIN, rid, event[i:i + chunk], padding))

    out.append(record(STDIN, rid))
    return b"".join(out)


def launch(argv, env, fds, cwd="/"):
    """Executes ARGV with FDS as its descriptors from 0 on, and no others."""
    pid = os.fork()

    if pid == 0:
        try:
            for i, fd in enumerate([os.dup(fd) for fd in fds]):
                os.dup2(fd, 100 + i)
            for i in range(len(fds)):
                os.dup2(100 + i, i)
            os.closerange(len(fds), 256)
            os.chdir(cwd)
            os.execve(argv[0], argv, env)
        finally:
            os._exit(126)

    return pid


def wait_status(pid):
    """The exit status of a child, negative for a signal."""
    fd = os.pidfd_open(pid)

    try:
        if not select.select([fd], [], [], LIMIT)[0]:
            raise TimeoutError("process %d does not end" % pid)
    finally:
        os.close(fd)

    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Answer:
    def __init__(self):
        self.out = self.log = b""
        self.status = None

    @property
    def json(self):
        return json.loads(self.out)


class Client:
    """A worker's connection to an environment."""

    def __init__(self, path):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(LIMIT)
        self.sock.connect(path)
        self.buf = b""

    def close(self):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def exactly(self, n):
        parts = [self.buf]
        have = len(self.buf)

        while have < n:
            data = self.sock.recv(262144)
            if not data:
                raise EOFError("connection closed")
            parts.append(data)
            have += len(data)

        data = b"".join(parts)
        self.buf = data[n:]
        return data[:n]

    def record(self):
        head = self.exactly(8)
        version, kind, rid, length, padding = struct.unpack(">BBHHBx", head)
        assert version == 1
        content = self.exactly(length + padding)[:length]
        return kind, rid, content

    def answer(self, rid=1):
        a = Answer()
        out, log, ended = [], [], False

        while True:
            kind, got, content = self.record()
            assert got == rid, "request id %d" % got

            if kind == STDOUT:
                assert not ended
                out.append(content)
                ended = not content
            elif kind == STDERR:
                log.append(content)
            else:
                assert kind == END and ended, kind
                a.status, protocol, a.leaves = struct.unpack(">IBB2x", content)
                assert protocol == 0
                a.out, a.log = b"".join(out), b"".join(log)
                return a

    def call(self, event, keep=True, **more):
        if not isinstance(event, bytes):
            event = json.dumps(event).encode()
        self.send(request(event, keep, text=params(**more)))
        return self.answer()

    def closed(self):
        """Waits for the other side to close."""
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True


class Streamed:
    """An answer, taken apart; the order of records is checked."""

    def __init__(self, client, until=None):
        self.kind, self.data, self.error, self.log = None, b"", b"", b""
        self.order, self.status = "", None
        self.client = client
        while self.status is None and (until is None
                                       or len(self.data) < until):
            self.take()

    def take(self):
        kind, rid, content = self.client.record()
        if kind == STREAM:
            assert not self.order.strip("L")
            self.kind = content
            self.order += "S"
        elif kind == STDOUT and content:
            assert "e" not in self.order
            self.data += content
            self.order += "D" if self.order[-1:] != "D" else ""
        elif kind == STDOUT:
            self.order += "e"
        elif kind == STREAM_ERROR:
            assert "S" in self.order
            self.error += content
            self.order += "E"
        elif kind == STDERR:
            self.log += content
            self.order += "L"
        else:
            assert kind == END
            self.status = struct.unpack(">IB3x", content)[0]
        return self

    def rest(self):
        while self.status is None:
            self.take()
        return self

    @property
    def type(self):
        return json.loads(self.error or self.data)["errorType"]


def ask(connection, event, until=None, **more):
    if not isinstance(event, bytes):
        event = json.dumps(event).encode()
    connection.send(request(event, text=params(**more)))
    return Streamed(connection, until)


class Env:
    """An environment: its sockets, and the process once it is known."""

    def __init__(self, name="env"):
        self.dir = tempfile.mkdtemp(prefix="faas-env-")
        os.chmod(self.dir, 0o755)
        self.path = os.path.join(self.dir, name + ".sock")
        self.listen = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.listen.bind(self.path)
        self.listen.listen(64)
        self.control, self.theirs = socket.socketpair()
        self.control.settimeout(LIMIT)
        self.log_file = os.path.join(self.dir, "log")
        os.mkfifo(self.log_file)
        self.log_fd = os.open(self.log_file, os.O_RDWR | os.O_NONBLOCK)
        self.log_write = os.open(self.log_file, os.O_RDWR)
        self.pid = self.proc = self.status = None
        self.text = b""
        self.clients = []

    def fds(self):
        return [self.listen.fileno(), self.log_write, self.theirs.fileno()]

    def release(self):
        """Closes what now only the environment has to have."""
        self.listen.close()
        self.theirs.close()
        os.close(self.log_write)

    def execute(self, argv, env=None, cwd="/"):
        """Without zygote and spawner: fork, place descriptors, exec."""
        fds = self.fds()
        self.pid = launch(argv, env or {}, [fds[0], fds[1], fds[1], fds[2]],
                          cwd)
        self.release()
        return self

    def exactly(self, n):
        data = b""
        while len(data) < n:
            part = self.control.recv(n - len(data))
            if not part:
                raise EOFError("control socket closed")
            data += part
        return data

    def frame(self):
        length, kind = struct.unpack(">Ic", self.exactly(5))
        return kind.decode(), self.exactly(length)

    def send_frame(self, kind, payload=b""):
        self.control.sendall(struct.pack(">Ic", len(payload), kind.encode())
                             + payload)

    def init(self, handler, root=FUNCTIONS, env=None, **more):
        """Gives it a function; what it says to that."""
        kind, self.version = self.frame()
        assert kind == "B", kind
        self.send_init(handler, root, env, **more)
        return self.frame()

    def send_init(self, handler, root=FUNCTIONS, env=None, **more):
        variables = {
            "_HANDLER": handler, "LAMBDA_TASK_ROOT": root, "TZ": ":UTC",
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8", "AWS_LAMBDA_FUNCTION_NAME": "test",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/test",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream",
        }
        variables.update(env or {})
        init = {"handler": handler, "taskRoot": root,
                "environment": variables, "functionName": "test",
                "functionVersion": "$LATEST", "memoryMB": 128,
                "logGroup": "/aws/lambda/test", "logStream": "stream",
                "initType": "on-demand", "requestMax": 6291456,
                "responseMax": 6291456}
        init.update(more)
        self.send_frame("I", json.dumps(init).encode())

    def ready(self, handler, root=FUNCTIONS, env=None, **more):
        kind, payload = self.init(handler, root, env, **more)
        if kind != "R":
            raise AssertionError("init failed: %r" % payload)
        return self

    def client(self):
        c = Client(self.path)
        self.clients.append(c)
        return c

    def call(self, event, **more):
        """One request on a connection of its own."""
        c = self.client()
        try:
            return c.call(event, **more)
        finally:
            c.close()

    def raw(self, until=None):
        """What came by descriptors 1 and 2, waiting for UNTIL if given."""
        deadline = time.time() + LIMIT
        while True:
            try:
                self.text += os.read(self.log_fd, 65536)
                continue
            except BlockingIOError:
                pass
            if until is None or until in self.text:
                return self.text
            if time.time() > deadline:
                raise TimeoutError("log has %r" % self.text)
            select.select([self.log_fd], [], [], 0.2)

    def wait(self):
        """Its exit status, negative for a signal."""
        if self.status is None:
            self.status = wait_status(self.pid)
        return self.status

    def close(self):
        for c in self.clients:
            c.close()
        if self.pid and self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
            self.wait()
        self.control.close()
        os.close(self.log_fd)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()


PYTHON = "/usr/bin/python3"
NODE = "/usr/bin/node"

NEWPID, NEWNS, NEWIPC, NEWUTS, SETUID, CGROUP2, TREE, NO_NEW_PRIVS = (
    1 << i for i in range(8))
FULL = NEWPID | NEWNS | NEWIPC | NEWUTS | SETUID | NO_NEW_PRIVS
UID = 1900000007

UP, SPAWNED, FAILED = 1, 2, 3


class Zygote:
    """A zygote or the exec spawner, started as the supervisor does it."""

    def __init__(self, argv, env=None, root=None):
        """With ROOT, the program is executed in a template root by it."""
        self.sock, theirs = socket.socketpair(socket.AF_UNIX,
                                              socket.SOCK_SEQPACKET)
        self.sock.settimeout(LIMIT)
        self.log, log = os.pipe()
        os.set_blocking(self.log, False)
        if root:
            argv = root + argv

        null = os.open("/dev/null", os.O_RDWR)
        self.pid = launch(argv, env or {}, [null, log, log, theirs.fileno()])
        os.close(null)
        os.close(log)
        theirs.close()
        self.slot = 0
        self.status = None

    @classmethod
    def python(cls, root=None, runtime=RUNTIME):
        return cls([PYTHON, "-I", "-S", "-E", runtime + "/python/bootstrap.py"],
                   {"LD_PRELOAD": runtime + "/libfaas.so", "FAAS_ZYGOTE": "1"},
                   root)

    @classmethod
    def spawner(cls, root=None, runtime=RUNTIME):
        return cls([runtime + "/faas-spawner"], {}, root)

    def text(self):
        """What it wrote to its log."""
        out = b""
        with contextlib.suppress(BlockingIOError):
            while True:
                part = os.read(self.log, 65536)
                if not part:
                    break
                out += part
        return out

    def reply(self):
        data = self.sock.recv(4096)
        if not data:
            raise EOFError("zygote ended: %r" % self.text())
        assert len(data) == 128, len(data)
        kind, slot, gen, pid, error, text = struct.unpack("=IIIii108s", data)
        return kind, slot, pid, error, text.rstrip(b"\0").decode()

    def up(self):
        kind, _, _, _, text = self.reply()
        assert kind == UP, kind
        self.version = text
        return self

    def send(self, fds, flags=0, uid=0, tmp_mb=16, tmp_inodes=1000,
             nofile=256, data=0, n_tasks=0, argv=(), env=None, magic=None):
        self.slot += 1
        head = struct.pack("=IIIIIIIIQIIIIII", magic or 0x4e575053, self.slot,
                           self.slot + 100, flags, uid, tmp_mb, tmp_inodes,
                           nofile, data, n_tasks, len(argv), len(env or {}),
                           0, 0, 0)
        strings = list(argv) + ["%s=%s" % kv for kv in (env or {}).items()]
        data = head + b"".join(s.encode() + b"\0" for s in strings)
        self.sock.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                    array.array("i", fds))])

    def spawn(self, env=None, more=(), **options):
        """One environment; options are those of the SPAWN message."""
        env = env or Env()
        if "variables" in options:
            options["env"] = options.pop("variables")
        self.send(env.fds() + list(more), **options)
        kind, slot, pid, error, text = self.reply()
        if kind != SPAWNED:
            env.close()
            raise OSError(error, text)
        assert slot == self.slot
        env.pid = pid
        env.release()
        return env

    def close(self):
        self.sock.close()
        try:
            self.wait()
        except TimeoutError:
            os.kill(self.pid, signal.SIGKILL)
            self.wait()
            raise
        finally:
            os.close(self.log)

    def wait(self):
        if self.status is None:
            self.status = wait_status(self.pid)
        return self.status

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()
