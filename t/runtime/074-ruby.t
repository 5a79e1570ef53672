#!/usr/bin/python3
"""The Ruby runtime."""

import os
import re
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403
from faaslang import *                                  # noqa: E402,F403

RUBY = Language(
    "ruby", ["/usr/bin/ruby", "-EUTF-8", RUNTIME + "/ruby/bootstrap.rb"],
    "fn.rb", "Function<ArgumentError>", [
        ("nodot", "Init<ArgumentError>", "Invalid handler nodot, must be"),
        ("a.b.c.d", "Init<ArgumentError>", "Invalid handler a.b.c.d"),
        ("missing.handler", "Init<LoadError>", "cannot load such file"),
        ("bad_import.handler", "Init<LoadError>", "cannot load such file -- "
         "not_to_be_found"),
        ("bad_syntax.handler", "Init<SyntaxError>", "syntax error"),
        ("bad_code.handler", "Init<KeyError>", "secret"),
        ("fn.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing "
         "in file 'fn.rb'"),
        ("fn.None.handler", "Init<NameError>", "uninitialized constant"),
    ], status=252, in_children=[
        ("fn.forked", [5, 3]), ("fn.joined", 7),
        ("withgem.handler", ["from a gem", "1.0", True])])


def own(tap):
    with RUBY.ready("fn.Shop::Cart.handler") as e:
        tap.equal(e.call(1).json, ["Shop::Cart", 1], "a method of a class")
    with RUBY.ready("lib/deep.handler") as e:
        tap.equal(e.call(1).json, "beside", "a file in a folder")

    with RUBY.ready("fn.logger") as e:
        text = re.sub(r"\[\S+ #\d+\]", "[TIME]",
                      e.call({}, request_id="R").log.decode())
        tap.equal(text, "I, [TIME]  INFO R -- : information\n"
                  "E, [TIME] ERROR R -- mine: bad (ArgumentError)\n\n"
                  "<formatted>\n", "Logger")

    with RUBY.ready("fn.streams") as e:
        a = e.call({})
        tap.equal(a.log.decode(), 'a1\nb2\n00003\n"c"\n4\nd\n5\ne\nf\ng\nh\n',
                  "all ways to print")

    for name in ("stack", "signature"):
        with RUBY.ready("fn." + name) as e:
            kind = {"stack": "Function<SystemStackError>",
                    "signature": "Function<ArgumentError>"}[name]
            tap.equal(e.call({}).json["errorType"], kind, kind)

    with RUBY.ready("fn.leave_at_once") as e:
        c = e.client()
        c.send(request(b"6"))
        tap.equal(c.record()[2], b"leaving\n", "log before exit!")
        tap.equal(e.wait(), 6, "its status")

    with RUBY.ready("fn.at_end") as e:
        c = e.client()
        c.send(request(b"6"))
        tap.equal(c.record()[2], b"at exit\n", "at_exit")
        tap.equal(e.wait(), 5, "exit status")

    with RUBY.ready("fn.forked") as e:
        tap.equal(e.call({}).json, [5, 3], "fork, spawn")
        tap.like(e.raw(b"child\n"), b"from the child\n", "the child's text")

    with RUBY.ready("withgem.handler",
                    env={"GEM_PATH": RUBY.root + "/gems"}) as e:
        tap.equal(e.call({}).json, ["from a gem", "1.0", True], "gems")

    with RUBY.ready("fn.threads") as e:
        tap.equal(e.call({}).log, b"from a thread\n", "threads")
        wait_for(lambda: e.call({}).json > 3, what="the thread")
        tap.ok(True, "a thread runs between invocations")

    with RUBY.ready("fn.trapped") as e:
        e.call({})
        os.kill(e.pid, signal.SIGUSR1)
        tap.like(e.raw(b"told"), b"told", "trap, idle")
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 4, "a SIGTERM handler of its own")


with Tap() as tap:
    conformance(tap, RUBY)
    own(tap)
    streamed(tap, RUBY, "no String")
    warmed(tap, RUBY)
