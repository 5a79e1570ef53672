#!/usr/bin/python3
"""The PHP runtime."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403
from faaslang import *                                  # noqa: E402,F403

OPTIONS = ["-n", "-dextension=ffi", "-ddisable_functions=error_log",
           "-dmemory_limit=-1", "-ddisplay_errors=1",
           "-dzend.exception_ignore_args=1"]

PHP = Language(
    "php", ["/usr/bin/php"] + OPTIONS + [RUNTIME + "/php/bootstrap.php"],
    "fn.php", "InvalidArgumentException", [
        ("nodot", "Runtime.MalformedHandlerName", "Bad handler 'nodot'"),
        ("missing.handler", "Runtime.ImportModuleError",
         "there is no file 'missing.php'"),
        ("bad_import.php", "Error", "Failed opening required "
         "'not_to_be_found.php'"),
        ("bad_syntax.php", "Runtime.UserCodeSyntaxError", "Syntax error in"),
        ("bad_code.php", "DomainException", "secret"),
        ("fn.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing "
         "in file 'fn.php'"),
        ("no_function.php", "Runtime.HandlerNotFound",
         "returns neither a function"),
    ], missing=("objects",))


def own(tap):
    with PHP.ready("lib/deep.php") as e:
        tap.equal(e.call(1).json, ["beside", 1], "a file that returns it")
    with PHP.ready("bref.php") as e:
        tap.equal(e.call(1).json, [1, "rid-1"], "a handler of Bref's kind")
    with PHP.ready("fn.declared") as e:
        tap.equal(e.call(1).json, ["declared", 1], "a declared function")
    with PHP.ready("fn.prints") as e:
        a = e.call({})
        tap.equal((a.log.decode(), a.json),
                  ("00003\nstdout\noutput\nerror_log\nbool(false)\nkept\n",
                   None), "all ways to print")
    with PHP.ready("fn.environment") as e:
        tap.ok(e.call({}).json["same"], "$_ENV is what getenv() has")

    for name, kind, message in (
            ("type", "TypeError", "must be of type int"),
            ("undefined", "Error", "undefined function no_such_function")):
        with PHP.ready("fn." + name) as e:
            v = e.call("a").json
            tap.equal(v["errorType"], kind, kind)
            tap.like(v["errorMessage"], message, "its message")

    with PHP.ready("fn.warning") as e:
        a = e.call({})
        tap.equal(a.json, None, "a warning is no error")
        tap.like(a.log, b'Undefined array key "missing"', "it is logged")

    with PHP.ready("fn.fatal") as e:
        c = e.client()
        c.send(request(b"{}"))
        tap.equal(e.wait(), 255, "a fatal error ends the process")
        tap.like(e.raw(), b"Allowed memory size", "and says why")

    with PHP.ready("fn.signals") as e:
        e.call({})
        os.kill(e.pid, signal.SIGUSR1)
        tap.like(e.raw(b"told"), b"told", "pcntl_signal(), idle")
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 4, "a SIGTERM handler of its own")


with Tap() as tap:
    conformance(tap, PHP)
    own(tap)
    streamed(tap, PHP, "no string")
    warmed(tap, PHP)
