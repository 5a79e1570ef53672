#!/usr/bin/python3
"""The environment's side of the wire, with a C function."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403

ECHO = compiled("echo")


def echo():
    return Env().execute([ECHO]).ready("bootstrap")


def requests(tap):
    with echo() as e:
        tap.equal(e.version, b"echo", "BLANK has the version")
        c = e.client()
        a = c.call(b"hello")
        tap.equal((a.out, a.log, a.status), (b"hello", b"", 0), "an answer")
        tap.equal(c.call(b"").out, b"", "an empty event")
        tap.equal([c.call(b"%d" % i).out for i in range(300)],
                  [b"%d" % i for i in range(300)],
                  "many requests on one connection")

        a = c.call(b"context", request_id="r" * 200, deadline_ms=1795249020123,
                   arn="the:arn", trace_id="Root=1", client='{"c": 1}',
                   identity='{"i": 2}', content_type="text/plain")
        tap.equal(a.out.decode().split("\n"),
                  ["r" * 200, "the:arn", "Root=1", '{"c": 1}', '{"i": 2}',
                   "text/plain", "1795249020123", ""],
                  "all members of an invocation")

        a = c.call(b"context", request_id="r", deadline_ms=5, arn="a")
        tap.equal(a.out, b"r\na\n\n\n\n\n5\n", "what is absent is empty")

        c.send(request(b"context", text=b""))
        tap.equal(c.answer().out, b"\n\n\n\n\n\n0\n", "no parameters at all")

        a = c.call(b"error")
        tap.equal((a.out, a.status), (b'{"errorType":"E"}', 1), "an error")
        a = c.call(b"return")
        tap.equal((a.json["errorType"], a.status), ("Function.Unknown", 1),
                  "a handler that fails without an answer")
        tap.equal(c.call(b"silent").out, b"null", "and one that succeeds so")
        tap.equal(c.call(b"clone").out, b"1 busy",
                  "a child made by the system call is no environment")


def framing(tap):
    with echo() as e:
        c = e.client()
        c.send(request(b"y" * 100000, chunk=100, padding=7))
        tap.equal(c.answer().out, b"y" * 100000, "small padded records")

        c.send(request(b"1") + request(b"") + request(b"3" * 70000))
        tap.equal([c.answer().out for i in range(3)],
                  [b"1", b"", b"3" * 70000], "requests behind each other")

        for byte in request(b"slow"):
            c.send(bytes([byte]))
        tap.equal(c.answer().out, b"slow", "byte by byte")

        c.send(request(b"id", rid=65535))
        tap.equal(c.answer(65535).out, b"id", "the largest request id")

        big = os.urandom(6 << 20)
        tap.ok(c.call(big).out == big, "6 MB there and back")
        tap.equal(c.call(b"after").out, b"after", "small ones after that")

        a = e.call(b"last", keep=False)
        tap.equal(a.out, b"last", "a connection that is not kept")
        c = e.client()
        c.send(request(b"x", keep=False))
        c.answer()
        tap.ok(c.closed(), "is closed")


def garbage(tap):
    bad = {
        "no FastCGI": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "version 2": b"\2" + request(b"x")[1:],
        "another role": record(BEGIN, 1, b"\0\2\0\0\0\0\0\0"),
        "request id 0": record(BEGIN, 0, b"\0\1\0\0\0\0\0\0"),
        "a short BEGIN": record(BEGIN, 1, b"\0\1"),
        "no BEGIN": record(PARAMS, 1, b""),
        "an answer's record": record(STDOUT, 1, b"x"),
        "another id inside": request(b"x")[:16] + record(PARAMS, 2, b""),
        "STDIN before PARAMS end": request(b"x")[:16] + record(STDIN, 1, b""),
        "two BEGINs": request(b"x")[:16] * 2,
        "ABORT": request(b"x")[:16] + record(ABORT, 1),
        "a parameter too long": request(b"x", text=b"\5\5ab"),
        "half a length": request(b"x", text=b"\x80\0"),
    }

    with echo() as e:
        kept = e.client()
        kept.call(b"x")
        for name, data in bad.items():
            c = e.client()
            c.send(data)
            tap.ok(c.closed(), "closed: " + name)
            c.close()

        tap.equal(kept.call(b"here").out, b"here", "others are unaffected")

        c = e.client()
        head = request(b"")[:-8]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            c.send(head)
            for i in range(700):
                c.send(record(STDIN, 1, b"z" * 65535))
        tap.ok(c.closed(), "closed: an event beyond all limits")
        tap.equal(kept.call(b"here").out, b"here", "and others still are")


def connections(tap):
    with echo() as e:
        many = [e.client() for i in range(40)]
        for i, c in enumerate(many):
            c.send(request(b"%d" % i))
        tap.equal([c.answer().out for c in many],
                  [b"%d" % i for i in range(40)], "40 connections at once")

        half = e.client()
        half.send(request(b"late")[:30])
        tap.equal(many[0].call(b"now").out, b"now",
                  "half a request holds nobody up")
        half.send(request(b"late")[30:])
        tap.equal(half.answer().out, b"late", "and is served when complete")

        gone = e.client()
        gone.send(request(b"x" * 4000000))
        gone.close()
        tap.equal(many[1].call(b"on").out, b"on",
                  "a worker that leaves before the answer")

        for c in many:
            c.close()
        half.close()
        crowd = []
        for i in range(128):
            crowd.append(e.client())
            crowd[-1].call(b"x")
        late = e.client()
        late.send(request(b"in"))
        tap.equal(crowd[5].call(b"x").out, b"x", "as many as it takes")
        for c in crowd:
            c.close()
        tap.equal(late.answer().out, b"in", "one more waits its turn")


def logs(tap):
    def text(n):
        return bytes(b"abcdefghijklmnopqrstuvwxyz"[i % 26] for i in range(n))

    with echo() as e:
        c = e.client()
        for n in (1, 4096, 4097, 20000, 300000):
            a = c.call(b"log %d" % n)
            tap.ok(a.log == text(n) and a.out == b"null",
                   "%d bytes of log" % n)

        c.send(request(b"crash"))
        tap.equal(c.record(), (STDERR, 1, b"last words\n"),
                  "log text before the process ends")
        tap.equal(e.wait(), 3, "it ends")

    with echo() as e:
        c = e.client()
        c.send(request(b"hang"))
        tap.equal(c.record(), (STDERR, 1, b"going to hang\n"),
                  "log text of an invocation that never answers")


def ends(tap):
    with echo() as e:
        e.send_frame("S")
        tap.equal(e.wait(), 0, "SHUTDOWN while idle")

    with echo() as e:
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 0, "SIGTERM while idle")

    with Env().execute([ECHO]) as e:
        e.frame()
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 0, "SIGTERM of a blank")

    with Env().execute([ECHO]) as e:
        e.frame()
        e.control.close()
        tap.equal(e.wait(), 0, "a blank does not outlive the supervisor")

    with echo() as e:
        c = e.client()
        c.call(b"x")
        e.control.close()
        tap.equal([c.call(b"x").out for i in range(3)], [b"x"] * 3,
                  "a function does")
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 0, "and ends when told to")

    with echo() as e:
        e.send_frame("?", b"x" * 3000)
        e.send_frame("S")
        tap.equal(e.wait(), 0, "an unknown frame is passed over")

    with echo() as e:
        e.control.sendall(b"\xff\xff\xff\xffI")
        tap.equal(e.call(b"x").out, b"x", "a frame that cannot be is no harm")


with Tap() as tap:
    requests(tap)
    framing(tap)
    garbage(tap)
    connections(tap)
    logs(tap)
    ends(tap)
