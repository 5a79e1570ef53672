#!/usr/bin/python3
"""The Perl runtime."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403
from faaslang import *                                  # noqa: E402,F403

PERL = Language(
    "perl", ["/usr/bin/perl", RUNTIME + "/perl/bootstrap.pl"],
    "fn.pl", "Error", [
        ("a.b.c", "Runtime.MalformedHandlerName", "Bad handler 'a.b.c'"),
        ("missing.handler", "Runtime.ImportModuleError",
         "there is no file 'missing.pl'"),
        ("bad_import.handler", "Error", "Can't locate NotToBeFound.pm"),
        ("bad_syntax.handler", "Runtime.UserCodeSyntaxError",
         "Syntax error in"),
        ("bad_code.handler", "Mine::Error", "secret"),
        ("fn.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing "
         "in file fn.pl"),
    ], preload={"FAAS_ZYGOTE": "fork perl"}, argument="zygote",
    in_children=[("fn.forked", [5, 3])])


def own(tap):
    with PERL.ready("lib/My/Deep.handler") as e:
        tap.equal(e.call(1).json, ["beside", 1], "a function of a package")
    with PERL.ready("fn") as e:
        tap.equal(e.call(1).json, "the default", "the default name")
    with PERL.ready("fn.prints") as e:
        a = e.call({})
        tap.equal((a.log.decode(), a.json),
                  ("00003\nwarned\nsyswritea1\n1-2!\n", [1, 2]),
                  "all ways to print")
    with PERL.ready("fn.reopened") as e:
        tap.equal(e.call({}).log, b"kept\n", "STDOUT opened as another file")
    with PERL.ready("fn.fail_place") as e:
        v = e.call({}).json
        tap.equal(v["errorMessage"], "somewhere", "the place is cut off")
        tap.like(v["stackTrace"][0], "fn.pl line ", "and is in the trace")
    with PERL.ready("fn.true_value") as e:
        tap.equal(e.call({}).out, b"1", "a reference to a scalar is sent raw")
    with PERL.ready("fn.at_end") as e:
        c = e.client()
        c.send(request(b"6"))
        tap.equal(c.record()[2], b"at end\n", "END blocks")
        tap.equal(e.wait(), 5, "exit status")

    with PERL.ready("fn.forked") as e:
        tap.equal(e.call({}).json, [5, 3], "fork, system")
        tap.like(e.raw(b"child\n"), b"from the child\n", "the child's text")
        tap.equal(e.call({}).json, [5, 3], "and once more")

    with PERL.ready("fn.signals") as e:
        e.call({})
        os.kill(e.pid, signal.SIGUSR1)
        tap.like(e.raw(b"told"), b"told", "%SIG, idle")
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 4, "a SIGTERM handler of its own")


def wire(tap):
    """What breaks FastCGI closes its connection, and nothing else."""
    with PERL.ready("fn.echo") as e:
        whole = request(b'{"a":1}', text=params())
        for name, data in (
                ("another version", b"\2" + whole[1:]),
                ("another role", record(BEGIN, 1, b"\0\2\1\0\0\0\0\0")),
                ("no id", record(BEGIN, 0, b"\0\1\1\0\0\0\0\0")),
                ("a short begin", record(BEGIN, 1, b"\0\1")),
                ("parameters first", record(PARAMS, 1, b"")),
                ("input before parameters", whole[:16] + record(STDIN, 1)),
                ("another id", whole[:16] + record(PARAMS, 2)),
                ("bad parameters", whole[:16] + record(PARAMS, 1, b"\x7f\1a")
                 + record(PARAMS, 1) + record(STDIN, 1)),
                ("cut parameters", whole[:16] + record(PARAMS, 1, b"\xff\1")
                 + record(PARAMS, 1) + record(STDIN, 1)),
                ("too many parameters", whole[:16] + record(
                    PARAMS, 1, b"x" * 65535) * 640)):
            c = e.client()
            try:
                c.send(data)
            except (BrokenPipeError, ConnectionResetError):
                pass
            tap.ok(c.closed(), name + " closes the connection")

        c = e.client()
        for size in (1, 7, 65535):
            for i in range(0, len(whole), size):
                c.send(whole[i:i + size])
            tap.equal(c.answer().json, {"a": 1}, "in pieces of %d" % size)
        c.send(whole + whole)
        tap.equal([c.answer().json, c.answer().json], [{"a": 1}] * 2,
                  "two at once")
        c.send(request(b"5", text=params(), padding=7, chunk=3))
        tap.equal(c.answer().json, 5, "with padding")
        c.send(request(b"6", keep=False, text=params()))
        tap.equal(c.answer().json, 6, "not to be kept")
        tap.ok(c.closed(), "is closed")


def core(tap):
    """JSON::PP, which is in core, does where no other library is."""
    none = os.path.join(FUNCTIONS, "perl/none")
    with Env().execute(PERL.argv[:1] + ["-I" + none] + PERL.argv[1:]) as e:
        e.ready("fn.echo", root=PERL.root)
        event = {"a": [1, "\u00e4\U0001f600", None, True, 1.5, {}, []]}
        tap.equal(e.call(event).json, event, "JSON::PP")
        for text in b"{nonsense", b'"\xff"', b"":
            tap.equal(e.call(text).json["errorType"],
                      "Runtime.UnmarshalError", "no JSON: %r" % text)


with Tap() as tap:
    conformance(tap, PERL)
    own(tap)
    wire(tap)
    core(tap)
    streamed(tap, PERL, "no string")
    warmed(tap, PERL)
