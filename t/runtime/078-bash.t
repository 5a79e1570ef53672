#!/usr/bin/python3
"""The bash runtime."""

import json
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403
from faaslang import *                                  # noqa: E402,F403


class Bash(Language):
    """Its variables come by execve(), not with INIT."""

    def start(self, handler="fn.echo", root=None, env=None):
        handler = {"fn.echo": "fn.echo_"}.get(handler, handler)
        variables = dict({
            "_HANDLER": handler, "LAMBDA_TASK_ROOT": root or self.root,
            "TZ": ":UTC", "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8", "AWS_LAMBDA_FUNCTION_NAME": "test",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/test",
            "AWS_LAMBDA_LOG_STREAM_NAME": "stream"}, **(env or {}))
        return Env().execute(self.argv, variables)


BASH = Bash(
    "bash", [RUNTIME + "/faas-bash"], "fn.sh", "ExitError", [
        ("a.b.c", "Runtime.MalformedHandlerName", "Bad handler 'a.b.c'"),
        ("missing.handler", "Runtime.ImportModuleError",
         "there is no file 'missing.sh'"),
        ("bad_syntax.handler", "Runtime.UserCodeSyntaxError",
         "Syntax error in"),
        ("fn.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing "
         "in file"),
    ], missing=("count", "trace", "events", "results", "endings", "larger"),
    zygote=False, message="exit status 3: ")


def own(tap):
    for handler, want in (("fn", "the default"), ("lib/deep.deep", "beside")):
        with BASH.ready(handler) as e:
            tap.equal(e.call(1).json, want, handler)

    with BASH.ready("fn.value") as e:
        for name, want in (("text", "\u00e4 \"quoted\" \\\nsecond"),
                           ("list", [1, [2], []]), ("none", None)):
            tap.equal(e.call(name).json, want, "result: " + name)

    with BASH.ready("fn.large") as e:
        tap.equal(len(e.call({}).json), 5000000, "5 MB")

    with BASH.ready("fn.too_large") as e:
        for i in range(2):
            a = e.call({})
            tap.equal((a.json["errorType"], a.status),
                      ("Function.ResponseSizeTooLarge", 1), "without end")

    with BASH.ready("fn.raw") as e:
        a = e.call(b"\xff{\n", content_type="application/octet-stream")
        tap.equal((a.out, a.status), (b"\xff{\n", 0), "bytes as they are")

    with BASH.ready("fn.raw") as e:
        tap.equal(e.call(b"\xff\xfe").json, "\ufffd\ufffd",
                  "text that is not UTF-8")


def cold(tap):
    """Says how long a start takes; there are no blanks."""
    times, own, warm = [], [], []

    for i in range(20):
        begin = time.monotonic()
        with BASH.ready("fn.echo") as e:
            c = e.client()
            c.call(1)
            times.append((time.monotonic() - begin) * 1000)
            begin = time.monotonic()
            c.call(1)
            warm.append((time.monotonic() - begin) * 1000)
            own.append(rss(e.pid))

    times, own, warm = sorted(times), sorted(own), sorted(warm)
    tap.ok(times[10] < 200, "starts", times)
    print("# bash: from exec to the first answer %.1f ms, each further one "
          "%.1f ms (medians of 20), %.1f MB of its own"
          % (times[10], warm[10], own[10] / 1024))


def ends(tap):
    with BASH.ready("fn.leave") as e:
        a = e.call(3)
        tap.equal((a.log.startswith(b"leaving\n"), a.json["errorMessage"]),
                  (True, "exit status 3: leaving"), "exit is an error")
        tap.equal(e.call(0).json, None, "exit with 0 is none")

    with BASH.ready("fn.killed") as e:
        tap.equal(e.call(0).json["errorMessage"], "killed by signal 9: before",
                  "a signal")

    with BASH.ready("fn.leftover") as e:
        pid = e.call({}).json

        def gone():
            try:
                with open("/proc/%d/stat" % pid) as f:
                    return f.read().split()[2] == "Z"
            except FileNotFoundError:
                return True

        wait_for(gone, what="the process")
        tap.ok(True, "what it leaves behind is killed")

    with BASH.ready("fn.hang") as e:
        c = e.client()
        c.send(request(b"1", text=params()))
        c.record()
        os.kill(e.pid, signal.SIGKILL)
        tap.equal(e.wait(), -signal.SIGKILL, "a timeout kills the runtime")


with Tap() as tap:
    conformance(tap, BASH, invocations=400)
    own(tap)
    ends(tap)
    cold(tap)
