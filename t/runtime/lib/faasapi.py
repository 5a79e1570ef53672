"""
Plays a custom runtime for the tests of the Runtime API bridge: starts
faas-provided with a bootstrap that only says where the API is and waits to be
told how to end, and speaks HTTP with it.
"""

import contextlib
import json
import os
import shutil
import signal
import socket
import tempfile

from faasenv import LIMIT, RUNTIME, Env, wait_for

import faas_proc

# there is no pid namespace here that would end with the bridge
faas_proc.become_reaper()

BOOTSTRAP = """#!/bin/sh
exec 9<> go
env > env.new
mv env.new env
while read line <&9; do eval "$line"; done
"""
NEXT = "/2018-06-01/runtime/invocation/next"


def path(rid, what):
    return "/2018-06-01/runtime/invocation/%s/%s" % (rid, what)


class Answer:
    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    @property
    def json(self):
        return json.loads(self.body)

    @property
    def error(self):
        return self.status, self.json["errorType"]


class Http:
    """A connection of the function's; bytes as a test wants them."""

    def __init__(self, api):
        host, port = api.split(":")
        self.sock = socket.create_connection((host, int(port)), LIMIT)
        self.buf = b""

    def send(self, data):
        self.sock.sendall(data)

    def ask(self, method, where, body=None, headers=()):
        lines = ["%s %s HTTP/1.1" % (method, where), "Host: x"]
        lines += list(headers)
        if body is not None:
            lines.append("Content-Length: %d" % len(body))
        self.send("\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b""))

    def more(self):
        data = self.sock.recv(262144)
        if not data:
            raise EOFError("connection closed")
        self.buf += data

    def head(self):
        while b"\r\n\r\n" not in self.buf:
            self.more()
        head, self.buf = self.buf.split(b"\r\n\r\n", 1)
        lines = head.decode().split("\r\n")
        return int(lines[0].split()[1]), dict(
            line.split(": ", 1) for line in lines[1:])

    def answer(self):
        status, headers = self.head()
        n = int(headers["Content-Length"])
        while len(self.buf) < n:
            self.more()
        body, self.buf = self.buf[:n], self.buf[n:]
        return Answer(status, headers, body)

    def call(self, *args, **more):
        self.ask(*args, **more)
        return self.answer()

    def closed(self):
        try:
            while self.sock.recv(65536):
                pass
        except ConnectionResetError:
            pass
        return True

    def close(self):
        self.sock.close()


def tell(fifo, line):
    """Whoever has ended does not hear it, and is not waited for."""
    fd = os.open(fifo, os.O_RDWR | os.O_NONBLOCK)
    os.write(fd, line.encode() + b"\n")
    os.close(fd)


class Provided(Env):
    def __init__(self, bootstrap=BOOTSTRAP, options=(), env=None, files=(),
                 before=None, **more):
        super().__init__()
        self.code = tempfile.mkdtemp(prefix="faas-code-")
        self.https = []
        os.mkfifo(self.code + "/go")
        for name, text in [("bootstrap", bootstrap)] + list(files):
            if text is not None:
                os.makedirs(os.path.dirname(os.path.join(self.code, name)),
                            exist_ok=True)
                with open(os.path.join(self.code, name), "w") as f:
                    f.write(text)
                os.chmod(os.path.join(self.code, name), 0o755)
        variables = {"PATH": "/usr/local/bin:/usr/bin:/bin",
                     "LAMBDA_TASK_ROOT": self.code, "_HANDLER": "h",
                     "AWS_LAMBDA_FUNCTION_NAME": "test",
                     "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
                     "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
                     "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
        variables.update({k: v for k, v in os.environ.items()
                          if k.endswith("SAN_OPTIONS")})
        variables.update(env or {})
        options = [o.replace("{code}", self.code)
                   .replace("{name}", os.path.basename(self.code))
                   for o in options]
        if before:
            before(self.code)
        self.execute([RUNTIME + "/faas-provided"] + options, variables,
                     self.code)
        kind, self.version = self.frame()
        assert kind == "B", kind
        self.send_init("h", self.code, **more)

    def variables(self):
        """The environment of the bootstrap, which is up then."""
        wait_for(lambda: os.path.exists(self.code + "/env"), LIMIT)
        with open(self.code + "/env") as f:
            return dict(line.rstrip("\n").split("=", 1) for line in f
                        if "=" in line)

    @property
    def api(self):
        return self.variables()["AWS_LAMBDA_RUNTIME_API"]

    def http(self):
        h = Http(self.api)
        self.https.append(h)
        return h

    def go(self, line):
        """A line of shell for the bootstrap."""
        tell(self.code + "/go", line)

    def up(self):
        """A connection that has called "next"."""
        h = self.http()
        h.ask("GET", NEXT)
        kind, payload = self.frame()
        assert kind == "R", payload
        return h

    def close(self):
        for h in self.https:
            h.close()
        super().close()
        self.end()
        shutil.rmtree(self.code, ignore_errors=True)

    def end(self):
        """Ends what the bridge has left, and sees that it is gone."""
        for p in faas_proc.descendants():
            try:
                folder = os.readlink("/proc/%d/cwd" % p.pid)
            except OSError:
                continue
            if os.path.basename(self.code) in p.cmdline + folder:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(p.pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(p.pid, 0)


def nothing_left(tap):
    tap.equal([p.cmdline for p in faas_proc.descendants()], [],
              "nothing is left behind")


# extensions

EXTENSION = "/2020-01-01/extension/"
# says where the API is, and does what it is told
EXT_SCRIPT = """#!/bin/sh
trap 'echo "$0 SIGTERM"; exit 0' TERM
mkfifo "$0.go"
exec 9<> "$0.go"
env > "$0.new"
mv "$0.new" "$0.env"
while read line <&9; do eval "$line"; done
"""
class Extension:
    def __init__(self, e, name, external=True):
        self.e, self.name = e, name
        if external:
            where = e.code + "/../ext-" + os.path.basename(e.code)
            self.path = os.path.join(where, name)
            wait_for(lambda: os.path.exists(self.path + ".env"), LIMIT)
            with open(self.path + ".env") as f:
                self.env = dict(line.rstrip("\n").split("=", 1) for line in f
                                if "=" in line)
            self.api = self.env["AWS_LAMBDA_RUNTIME_API"]
        else:
            self.api = e.api
        self.http = Http(self.api)
        e.https.append(self.http)

    def register(self, *events, body=None, headers=()):
        a = self.http.call("POST", EXTENSION + "register", body or json.dumps(
            {"events": events}).encode(),
            ["Lambda-Extension-Name: " + self.name] + list(headers))
        self.id = a.headers.get("Lambda-Extension-Identifier")
        return a

    def head(self):
        return ["Lambda-Extension-Identifier: " + self.id]

    def next(self):
        self.http.ask("GET", EXTENSION + "event/next", None, self.head())

    def error(self, what, kind="My.Error"):
        return self.http.call(
            "POST", EXTENSION + what + "/error", b"{}", self.head()
            + ["Lambda-Extension-Function-Error-Type: " + kind])

    def go(self, line):
        tell(self.path + ".go", line)


class WithExtensions(Provided):
    """The folder is beside that of the code: it has files of their own."""

    def __init__(self, *names, **more):
        self.ext = None
        super().__init__(options=["--extensions", "{code}/../ext-{name}"],
                         before=self.make(names), **more)

    def make(self, names):
        def make(code):
            self.ext = os.path.join(os.path.dirname(code),
                                    "ext-" + os.path.basename(code))
            os.mkdir(self.ext)
            os.mkdir(self.ext + "/a-folder")
            for name in names:
                with open(os.path.join(self.ext, name), "w") as f:
                    f.write(EXT_SCRIPT)
                os.chmod(os.path.join(self.ext, name), 0o755)
        return make

    def close(self):
        super().close()
        if self.ext:
            shutil.rmtree(self.ext, ignore_errors=True)
