#!/usr/bin/python3
"""Streamed responses through the Runtime API bridge: what the runtime sends
reaches the worker as it comes; trailers; back-pressure; ends.
"""

import base64
import json
import os
import select
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasapi import *                                   # noqa: E402,F403
from faasenv import *                                   # noqa: E402,F403

STREAM, STREAM_ERROR = 64, 65
MODE = "Lambda-Runtime-Function-Response-Mode: streaming"


class Stream:
    """The records of an answer, joined; their order is checked."""

    def __init__(self, client):
        self.client = client
        self.type = self.status = None
        self.data = self.error = b""

    def take(self):
        kind, rid, content = self.client.record()
        if kind == STREAM:
            assert self.type is None and not self.data
            self.type = content.decode()
        elif kind == STDOUT:
            assert not content or (self.type and not self.error)
            self.data += content
        elif kind == STREAM_ERROR:
            assert self.type
            self.error += content
        elif kind == END:
            self.status = struct.unpack(">IB3x", content)[0]
        return self

    def until(self, n):
        while len(self.data) < n:
            self.take()
        return self

    def rest(self):
        while self.status is None:
            self.take()
        return self


class Case:
    """A stream that has begun: h of the runtime, s of the worker."""

    def __init__(self, e, headers=(), rid="id-1"):
        if not hasattr(e, "main"):
            e.main = e.up(), e.client()
        else:
            e.main[0].ask("GET", NEXT)
        self.h, c = e.main
        c.send(request(b"{}", text=params(rid, streaming="1")))
        self.h.answer()
        self.h.ask("POST", path(rid, "response"), None, [
            MODE, "Transfer-Encoding: chunked", "Trailer: Lambda-Runtime-"
            "Function-Error-Type, Lambda-Runtime-Function-Error-Body"]
            + list(headers))
        self.s = Stream(c)

    def chunk(self, data):
        self.h.send(b"%x\r\n" % len(data) + data + b"\r\n")

    def end(self, *trailers):
        self.h.send(b"0\r\n" + b"".join(t + b"\r\n" for t in trailers)
                    + b"\r\n")
        return self.h.answer().status, self.s.rest()


def pieces(tap):
    with Provided() as e:
        c = Case(e)
        tap.equal(c.s.take().type, "application/octet-stream",
                  "a stream begins with its head")
        for part in b"one", b"two", b"x" * 100000:
            have = len(c.s.data)
            c.chunk(part)
            c.s.until(have + len(part))
            tap.equal(c.s.data[have:], part, "a piece of %d" % len(part))
        tap.equal(c.end()[0], 202, "accepted at its end")
        tap.equal((c.s.status, c.s.error), (0, b""), "which is a good one")

        kind = "application/vnd.awslambda.http-integration-response"
        c = Case(e, ["Content-Type: " + kind])
        c.chunk(b'{"statusCode": 201}' + b"\0" * 8 + b"body")
        status, s = c.end(b"Lambda-Runtime-Function-Error-Type: ")
        tap.equal((s.type, s.data, s.status),
                  (kind, b'{"statusCode": 201}' + b"\0" * 8 + b"body", 0),
                  "a prelude; trailers that are empty")
        c = Case(e)
        tap.equal((c.end()[1].data, c.s.status), (b"", 0), "an empty one")
        c = Case(e, ["Content-Type: " + "x" * 300])
        tap.equal(c.end()[1].type, "application/octet-stream",
                  "a content type that is too long")

        h, w = e.main
        h.ask("GET", NEXT)
        w.send(request(b"{}", text=params("id-2")))
        h.answer()
        h.ask("POST", path("id-2", "response"), b"whole", [MODE])
        tap.equal(Stream(w).rest().data, b"whole", "one with a length")
        h.answer()

        # bytes of chunks and trailers one by one

        c = Case(e)
        for b in (b"3\r\nabc\r\n0\r\nLambda-Runtime-Function-Error-Type: T\r\n"
                  b"Lambda-Runtime-Function-Error-Body: e30=\r\n\r\n"):
            c.h.send(bytes([b]))
        tap.equal((c.h.answer().status, c.s.rest().data, c.s.error,
                   c.s.status), (202, b"abc", b"{}", 1), "byte by byte")


def fails(tap):
    error = b'{"errorType":"E","errorMessage":"half-way"}'
    with Provided() as e:
        c = Case(e)
        c.chunk(b"half")
        status, s = c.end(b"Lambda-Runtime-Function-Error-Type: E",
                          b"Lambda-Runtime-Function-Error-Body: "
                          + base64.b64encode(error))
        tap.equal((status, s.data, s.error, s.status),
                  (202, b"half", error, 1), "an error in trailers")
        c = Case(e)
        status, s = c.end(b"lambda-runtime-function-error-type: E")
        tap.equal((json.loads(s.error)["errorType"], s.status),
                  ("Runtime.Unknown", 1), "one without a body")
        c = Case(e)
        c.end(b"Lambda-Runtime-Function-Error-Body: "
              + base64.b64encode(b'"' + b"x" * 70000 + b'"'))
        tap.equal((json.loads(c.s.error)["errorMessage"], c.s.status),
                  ("Error is too large", 1), "one that is too large")

        c = Case(e)
        c.chunk(b"half")
        c.s.until(4)
        o = e.http()
        a = o.call("POST", path("id-1", "response"), b"")
        tap.equal((a.status, a.json["errorMessage"]), (
            403, "State transition from InvocationResponse to "
            "InvocationResponse failed for runtime. Error: State transition "
            "is not allowed"), "a second response meanwhile")
        a = o.call("POST", path("id-1", "error"), b"")
        tap.equal(a.error, (403, "InvalidStateTransition"),
                  "an error meanwhile")
        a = o.call("GET", NEXT)
        tap.equal(a.error, (403, "InvalidStateTransition"),
                  "next meanwhile")
        c.h.close()
        c.s.rest()
        tap.equal((c.s.data, json.loads(c.s.error)["errorType"], c.s.status),
                  (b"half", "Runtime.TruncatedResponse", 1), "cut")
        o.ask("GET", NEXT)
        w = e.main[1]
        w.send(request(b"again", text=params("id-2")))
        tap.equal(o.answer().body, b"again", "the runtime may go on")

    with Provided() as e:
        c = Case(e)
        c.chunk(b"half")
        c.s.until(4)
        e.go("exit 1")
        tap.equal((e.wait(), c.s.client.closed()), (1, True),
                  "the process ends half-way")


def pressure(tap):
    with Provided() as e:
        c = Case(e)
        part = os.urandom(65536)
        c.h.sock.settimeout(0.3)
        sent = 0
        try:
            while sent < 100000000:
                c.h.send(b"10000\r\n")
                c.h.send(part + b"\r\n")
                sent += len(part)
        except socket.timeout:
            pass
        tap.ok(sent < 30000000, "a worker that does not read stops the "
               "runtime", sent)
        tap.equal(e.http().call("GET", "/2018-06-01/ping").body, b"pong",
                  "but not the bridge")
        c.s.until(sent - 65536)
        tap.ok(select.select([], [c.h.sock], [], 10)[1],
               "and lets it go on when it reads")

    with Provided() as e:
        c = Case(e)
        c.h.sock.settimeout(0.3)
        try:
            while True:
                c.h.send(b"1\r\nx\r\n" * 100000)
        except socket.timeout:
            pass
        c.s.client.close()
        tap.ok(select.select([], [c.h.sock], [], 10)[1],
               "a worker that leaves, too")
        tap.equal(e.http().call("GET", "/2018-06-01/ping").body, b"pong",
                  "all is well")


with Tap() as tap:
    for part in (pieces, fails, pressure):
        part(tap)
    nothing_left(tap)
