#!/usr/bin/python3
"""The Runtime API, as its contract has it: endpoints, headers, states, errors
and limits.  The test is the runtime, the worker and the supervisor.
"""

import json
import os
import re
import select
import signal
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasapi import *                                   # noqa: E402,F403
from faasenv import *                                   # noqa: E402,F403

MAX = 6291456 + 100
STATE = ("State transition from %s to %s failed for runtime. Error: State "
         "transition is not allowed")


def invocations(tap):
    with Provided() as e:
        tap.equal(e.version, b"provided", "BLANK has the version")
        h = e.up()
        c = e.client()
        c.send(request(b'{"a": 1}', text=params(
            request_id="id-1", deadline_ms=1795249020123, trace_id="Root=1",
            client='{"c": 1}', identity='{"i": 2}', arn="the:arn")))
        a = h.answer()
        tap.equal((a.status, a.body), (200, b'{"a": 1}'), "an event")
        tap.equal(a.headers, {
            "Content-Length": "8", "Content-Type": "application/json",
            "Lambda-Runtime-Aws-Request-Id": "id-1",
            "Lambda-Runtime-Deadline-Ms": "1795249020123",
            "Lambda-Runtime-Invoked-Function-Arn": "the:arn",
            "Lambda-Runtime-Trace-Id": "Root=1",
            "Lambda-Runtime-Client-Context": '{"c": 1}',
            "Lambda-Runtime-Cognito-Identity": '{"i": 2}'}, "its headers")

        a = h.call("POST", path("id-1", "response"), b"result")
        tap.equal((a.status, a.body, a.headers["Content-Type"]),
                  (202, b'{"status":"OK"}\n', "application/json"), "accepted")
        got = c.answer()
        tap.equal((got.out, got.status, got.log), (b"result", 0, b""),
                  "the result")

        h.ask("GET", NEXT)
        c.send(request(b"text", text=params(request_id="id-2", arn="a",
                                            content_type="text/plain")))
        a = h.answer()
        tap.equal(sorted(a.headers), [
            "Content-Length", "Content-Type", "Lambda-Runtime-Aws-Request-Id",
            "Lambda-Runtime-Deadline-Ms",
            "Lambda-Runtime-Invoked-Function-Arn"], "what is absent is not "
            "sent")
        tap.equal(a.headers["Content-Type"], "text/plain", "content type")
        a = h.call("POST", path("id-2", "error"), b'{"errorType":"E"}',
                   ["Lambda-Runtime-Function-Error-Type: E"])
        tap.equal((a.status, a.body), (202, b'{"status":"OK"}\n'),
                  "an error is accepted")
        got = c.answer()
        tap.equal((got.out, got.status), (b'{"errorType":"E"}', 1),
                  "and given on as it is")

        for i in range(200):
            h.ask("GET", NEXT)
            c.send(request(b"%d" % i, text=params("n-%d" % i)))
            h.answer()
            h.call("POST", path("n-%d" % i, "response"), b"<%d>" % i)
            if c.answer().out != b"<%d>" % i:
                break
        tap.equal(i, 199, "many, one after another")

        h.ask("GET", NEXT)
        c.send(request(b"", text=params("%-a/b c")))
        h.answer()
        tap.equal(h.call("POST", path("%25-a%2Fb%20c", "response"), b"")
                  .status, 202, "an id that is encoded in the path")
        tap.equal(c.answer().out, b"", "an empty event and an empty result")


def refused(tap):
    with Provided() as e:
        h = e.http()
        tap.equal(h.call("POST", path("x", "response"), b"").error,
                  (400, "InvalidRequestID"), "a response before all")
        a = h.call("POST", path("x", "error"), b"")
        tap.equal((a.status, a.json), (400, {
            "errorMessage": "Invalid request ID",
            "errorType": "InvalidRequestID"}), "an error before all")
        a = h.call("GET", "/2018-06-01/ping")
        tap.equal((a.status, a.body), (200, b"pong"), "ping")
        a = h.call("GET", "/2018-06-01/nowhere")
        tap.equal((a.status, a.body), (404, b"404 page not found\n"),
                  "an unknown path")
        for method, where in (("POST", NEXT), ("GET", path("x", "response")),
                              ("DELETE", path("x", "error")),
                              ("GET", "/2018-06-01/runtime/init/error")):
            a = h.call(method, where, b"")
            tap.equal((a.status, a.body), (405, b""),
                      "%s %s" % (method, where))
        tap.equal(h.call("GET", path("x", "other")).status, 404,
                  "another verb")

        h.ask("GET", NEXT)
        e.frame()
        o = e.http()
        a = o.call("GET", NEXT)
        tap.equal((a.status, a.json["errorMessage"]),
                  (403, STATE % ("Ready", "Ready")),
                  "next while another one waits")
        a = o.call("POST", "/2018-06-01/runtime/init/error", b"{}")
        tap.equal((a.status, a.json), (403, {
            "errorMessage": STATE % ("Ready", "InitError"),
            "errorType": "InvalidStateTransition"}), "init/error after next")

        c = e.client()
        c.send(request(b"1", text=params("id-1")))
        h.answer()
        tap.equal(o.call("POST", path("id-2", "response"), b"").error,
                  (400, "InvalidRequestID"), "a wrong id")
        a = o.call("GET", NEXT)
        tap.equal((a.headers["Lambda-Runtime-Aws-Request-Id"], a.body),
                  ("id-1", b"1"), "next again: the same event again")
        tap.equal(o.call("POST", path("id-1", "response"), b"a").status, 202,
                  "answered on another connection")
        a = h.call("POST", path("id-1", "response"), b"b")
        tap.equal((a.status, a.json["errorMessage"]),
                  (403, STATE % ("RuntimeResponseSentState",
                                 "InvocationResponse")), "a second response")
        a = h.call("POST", path("id-1", "error"), b"b")
        tap.equal((a.status, a.json["errorMessage"]),
                  (403, STATE % ("RuntimeResponseSentState",
                                 "InvocationErrorResponse")),
                  "an error after it")
        tap.equal(h.call("POST", path("id-0", "response"), b"").error,
                  (400, "InvalidRequestID"), "a wrong id then")
        tap.equal(c.answer().out, b"a", "the first one counts")

        h.ask("GET", NEXT)
        tap.equal(o.call("POST", path("id-1", "response"), b"").error,
                  (400, "InvalidRequestID"), "late: the id is over")
        h.close()
        c.send(request(b"3", text=params("id-3")))
        o.ask("GET", NEXT)
        tap.equal(o.answer().body, b"3", "next after its connection was lost")
        a = o.call("POST", path("id-3", "response"), b"", [
            "Lambda-Runtime-Function-Response-Mode: buffered"])
        tap.equal((a.status, a.json), (400, {
            "errorMessage": "Invalid function response mode",
            "errorType": "InvalidFunctionResponseMode"}), "a bad mode")
        got = c.answer()
        tap.equal((got.status, got.json["errorType"]),
                  (1, "Runtime.InvalidResponseModeHeader"), "is an error")


def started(e, rid="id-1"):
    """Its connections, with an invocation that the runtime has."""
    if not hasattr(e, "main"):
        e.main = e.up(), e.client()
    else:
        e.main[0].ask("GET", NEXT)
    h, c = e.main
    c.send(request(b"{}", text=params(rid)))
    h.answer()
    return h, c


def bodies(tap):
    head = ("POST %s HTTP/1.1\r\nHost: x\r\n" % path("id-1", "response")
            ).encode()

    def one(name, data, want=b"hello world", status=202, pieces=None):
        h, c = started(e)
        for part in pieces or [data]:
            h.send(part)
        tap.equal(h.answer().status, status, name)
        got = c.answer()
        tap.equal((got.out, got.status), (want, 0), name + ": the result")

    with Provided() as e:
        chunks = (b"Transfer-Encoding: chunked\r\n\r\n"
                  b"5\r\nhello\r\n1;a=b\r\n \r\n005\r\nworld\r\n0\r\n\r\n")
        one("chunks", head + chunks)
        one("byte by byte", None,
            pieces=[bytes([b]) for b in head + chunks])
        one("a length, byte by byte", None,
            pieces=[bytes([b]) for b in head
                    + b"Content-Length: 11\r\n\r\nhello world"])
        one("no carriage returns", (head + chunks).replace(b"\r\n", b"\n"))
        one("trailers that are empty", head + b"Trailer: Lambda-Runtime-"
            b"Function-Error-Type\r\nTransfer-Encoding: chunked\r\n\r\n"
            b"b\r\nhello world\r\n0\r\n"
            b"Lambda-Runtime-Function-Error-Type: \r\n"
            b"Other: thing\r\n\r\n")
        one("names in capital letters", head
            + b"CONTENT-LENGTH: 11\r\n\r\nhello world")
        one("a header of 1 MiB", head + b"Lambda-Runtime-Function-XRay-Error-"
            b"Cause: " + b"x" * 1048576 + b"\r\nContent-Length: 11\r\n\r\n"
            b"hello world")
        one("a thousand chunks", head + b"Transfer-Encoding: chunked\r\n\r\n"
            + b"".join(b"1\r\n%c\r\n" % (97 + i % 26) for i in range(1000))
            + b"0\r\n\r\n",
            b"".join(b"%c" % (97 + i % 26) for i in range(1000)))

        h, c = started(e)
        h.send(head + b"Content-Length: 1\r\n\r\nxGET " + NEXT.encode()
               + b" HTTP/1.1\r\n\r\n")
        tap.equal(h.answer().status, 202, "pipelined: the response")
        tap.equal(c.answer().out, b"x", "pipelined: the result")
        c.send(request(b"2", text=params("id-2")))
        tap.equal(h.answer().body, b"2", "pipelined: next")
        h.call("POST", path("id-2", "response"), b"")
        c.answer()

        h, c = started(e)
        h.ask("POST", path("id-1", "response"), None,
              ["Expect: 100-continue", "Content-Length: 5"])
        tap.equal(h.head()[0], 100, "100 Continue")
        h.send(b"later")
        tap.equal(h.answer().status, 202, "and then the answer")
        tap.equal(c.answer().out, b"later", "to what was sent then")
        o = e.http()
        o.ask("POST", path("id-7", "response"), None,
              ["Expect: 100-continue", "Content-Length: 5000000"])
        a = o.answer()
        tap.equal(a.error, (400, "InvalidRequestID"),
                  "refused before its body is sent")
        tap.ok(a.headers["Connection"] == "close" and o.closed(),
               "and closed")

        o = e.http()
        a = o.call("GET", "/2018-06-01/ping", None, ["Connection: close"])
        tap.ok(a.headers["Connection"] == "close" and o.closed(),
               "Connection: close")
        o = e.http()
        o.send(b"GET /2018-06-01/ping HTTP/1.0\r\n\r\n")
        tap.ok(o.answer().status == 200 and o.closed(), "HTTP/1.0")


def malformed(tap):
    with Provided() as e:
        e.api
        for name, data in (
                ("no version", b"GET /x\r\n\r\n"),
                ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                ("no path", b"GET  HTTP/1.1\r\n\r\n"),
                ("no colon", b"GET / HTTP/1.1\r\nhost\r\n\r\n"),
                ("a blank before the colon",
                 b"GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n"),
                ("two lengths", b"POST / HTTP/1.1\r\nContent-Length: 1\r\n"
                 b"Content-Length: 2\r\n\r\nxx"),
                ("a length and chunks", b"POST / HTTP/1.1\r\nContent-Length: "
                 b"1\r\nTransfer-Encoding: chunked\r\n\r\n"),
                ("a length that is none",
                 b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"),
                ("a length beyond all",
                 b"POST / HTTP/1.1\r\nContent-Length: " + b"9" * 30
                 + b"\r\n\r\n"),
                ("another encoding",
                 b"POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n"),
                ("too many headers", b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * 1100
                 + b"\r\n")):
            o = e.http()
            o.send(data)
            tap.equal((o.answer().status, o.closed()), (400, True), name)
        o = e.http()
        o.send(b"GET / HTTP/1.1\r\nA: " + b"x" * 2200000)
        tap.equal(o.answer().status, 431, "a head of more than 2 MiB")

        where = path("id-1", "response").encode()
        for name, data in (
                ("a chunk's size that is none", b"zz\r\n"),
                ("a chunk that is too long", b"1\r\nabc\r\n"),
                ("a size beyond all", b"f" * 20 + b"\r\n")):
            h, c = started(e)
            o = e.http()
            o.send(b"POST " + where + b" HTTP/1.1\r\nTransfer-Encoding: "
                   b"chunked\r\n\r\n3\r\nabc\r\n" + data)
            tap.equal((o.answer().error, o.closed()),
                      ((400, "TruncatedHTTPRequest"), True), name)
            got = c.answer()
            tap.equal((got.status, got.json["errorType"]),
                      (1, "Runtime.TruncatedResponse"),
                      name + ": the caller is told")

        for name, end in (("shut down", "shutdown"), ("closed", "close")):
            h, c = started(e)
            o = e.http()
            o.send(b"POST " + where + b" HTTP/1.1\r\n"
                   b"Content-Length: 10\r\n\r\nabc")
            if end == "shutdown":
                o.sock.shutdown(socket.SHUT_WR)
                a = o.answer()
                tap.equal((a.status, a.json), (400, {
                    "errorMessage": "HTTP request detected as truncated",
                    "errorType": "TruncatedHTTPRequest"}), "cut: " + name)
            else:
                o.close()
            tap.equal(c.answer().json["errorType"],
                      "Runtime.TruncatedResponse", "cut and " + name
                      + ": the caller is told")
        h, c = started(e)
        h.call("POST", path("id-1", "response"), b"fine")
        tap.equal(c.answer().out, b"fine", "after all of which it works")


def sizes(tap):
    with Provided() as e:
        h, c = started(e)
        big = os.urandom(MAX // 2).hex().encode()
        tap.equal(len(big), MAX, "as large as may be")
        tap.equal(h.call("POST", path("id-1", "response"), big).status, 202,
                  "is accepted")
        tap.ok(c.answer().out == big, "and arrives")

        for name, chunked in (("a length", False), ("chunks", True)):
            h, c = started(e)
            if chunked:
                h.send(b"POST " + path("id-1", "response").encode()
                       + b" HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n")
                for i in range(0, MAX, 100000):
                    part = big[i:i + 100000]
                    h.send(b"%x\r\n" % len(part) + part + b"\r\n")
                h.send(b"1\r\nx\r\n0\r\n\r\n")
            else:
                h.ask("POST", path("id-1", "response"), big + b"x")
            a = h.answer()
            tap.equal((a.status, a.json), (413, {
                "errorMessage": "Exceeded maximum allowed payload size "
                                "(6291556 bytes).",
                "errorType": "RequestEntityTooLarge"}),
                "one more byte, by " + name)
            got = c.answer()
            tap.equal((got.status, got.json), (1, {
                "errorMessage": "Response payload size exceeded maximum "
                                "allowed payload size (6291556 bytes).",
                "errorType": "Function.ResponseSizeTooLarge"}),
                "and what the caller gets")

        o = e.http()
        o.ask("POST", path("id-9", "response"), big + big)
        tap.equal(o.answer().error, (400, "InvalidRequestID"),
                  "the id comes before the size")
        h.ask("GET", NEXT)
        event = b"e" * 20000000
        c.send(request(event, text=params("id-2")))
        tap.ok(h.answer().body == event, "a large event")
        h.call("POST", path("id-2", "response"), b"x")
        c.answer()
        c.close()
        tap.ok(wait_for(lambda: memory(e.pid) < 12000), "is not kept",
               memory(e.pid))


def memory(pid):
    with open("/proc/%d/status" % pid) as f:
        return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) \
            / float(os.environ.get("FAAS_TEST_SLOW", 1)) ** 2


def errors(tap):
    cause = ["Content-Type: application/vnd.aws.lambda.error.cause+json"]
    with Provided() as e:
        for name, body, headers, want in (
                ("any body", b"\0\1", [], b"\0\1"),
                ("an empty one", b"", [], b""),
                ("one with a cause",
                 b'{"errorCause": {"a": [1]}, "errorMessage": "m\\u0041", '
                 b'"errorType": "T", "stackTrace": ["a", "b"]}', cause,
                 b'{"errorMessage":"m\\u0041","errorType":"T",'
                 b'"stackTrace":["a", "b"]}'),
                ("a part of it", b'{"errorType": null}', cause,
                 b'{"errorType":null}'),
                ("one with a cause that is no JSON", b"{", cause,
                 b'"Invalid error body"'),
                ("or empty", b"", cause, b'"Invalid error body"')):
            h, c = started(e)
            tap.equal(h.call("POST", path("id-1", "error"), body, headers)
                      .status, 202, name)
            got = c.answer()
            tap.equal((got.out, got.status), (want, 1), name + ": given on")


def prints(tap):
    with Provided() as e:
        h = e.up()
        e.go("echo before")
        tap.ok(e.raw(b"before\n"), "printed outside of invocations")
        c = e.client()
        c.send(request(b"1", text=params("id-1")))
        h.answer()
        e.go("echo first; echo second >&2; touch done")
        wait_for(lambda: os.path.exists(e.code + "/done"))
        h.call("POST", path("id-1", "response"), b"r")
        got = c.answer()
        tap.equal((got.log, got.out), (b"first\nsecond\n", b"r"),
                  "printed in one")
        h.ask("GET", NEXT)
        c.send(request(b"1", text=params("id-2")))
        h.answer()
        e.go("i=0; while [ $i -lt 2000 ]; do echo "
             + "x" * 1000 + "; i=$((i + 1)); done; touch much")
        o = e.http()
        tap.equal(o.call("GET", "/2018-06-01/ping").body, b"pong",
                  "a worker that does not read holds up nobody")
        tap.ok(not os.path.exists(e.code + "/much"),
               "but him who prints too much")
        h.call("POST", path("id-2", "response"), b"r")
        got = c.answer()
        tap.equal(got.out, b"r", "until it reads")
        wait_for(lambda: os.path.exists(e.code + "/much"))
        tap.ok(True, "and then he goes on")


def records(tap):
    def frame(text, kind=0xa55a0003):
        return struct.pack(">IIQ", kind, len(text), 1) + text

    def write(data):
        with open(e.code + "/data", "wb") as f:
            f.write(data)
        e.go("cat data > /proc/self/fd/62; touch done")
        wait_for(lambda: os.path.exists(e.code + "/done"))
        os.unlink(e.code + "/done")

    with Provided() as e:
        tap.ok("_LAMBDA_TELEMETRY_LOG_FD" not in e.variables(),
               "no descriptor for records unless asked for")
    with Provided(options=["--log-descriptor"]) as e:
        tap.equal(e.variables()["_LAMBDA_TELEMETRY_LOG_FD"], "62",
                  "a descriptor for records")
        h = e.up()
        write(frame(b"outside"))
        tap.ok(e.raw(b"outside\n"), "a record outside of invocations")
        c = e.client()
        c.send(request(b"{}", text=params("id-1")))
        h.answer()
        whole = frame(b'{"level":"x"}', 0xa55a0002) + frame(b"")
        write(frame(b"one\ntwo", 0xa55a0017) + whole[:5])
        write(whole[5:] + frame(b"x" * 100000))
        h.call("POST", path("id-1", "response"), b"r")
        tap.equal(c.answer().log, b'one\ntwo\n{"level":"x"}\n'
                  + b"x" * 100000 + b"\n", "records, in pieces")
        h.ask("GET", NEXT)
        c.send(request(b"{}", text=params("id-2")))
        h.answer()
        e.go("printf '0123456789abcdef' > /proc/self/fd/62; echo printed")
        e.go("touch done")
        wait_for(lambda: os.path.exists(e.code + "/done"))
        h.call("POST", path("id-2", "response"), b"r")
        tap.equal(c.answer().log, b"printed\n", "what is no record is not "
                  "taken for one")


def ended(c):
    """Has the end of a request come?"""
    return bool(select.select([c.sock], [], [], 0.02)[0])


def held(tap):
    with Provided() as e:
        h, c = started(e)
        h.call("POST", path("id-1", "error"), b"{}")
        tap.equal(c.record()[::2], (STDOUT, b"{}"), "an error goes at once")
        tap.ok(not ended(c), "its end waits")
        h.ask("GET", NEXT)
        tap.equal([c.record()[0] for i in range(2)], [STDOUT, END],
                  "for next")
        h.close()
        e.main = e.http(), c
        h, c = started(e)
        h.call("POST", path("id-1", "error"), b"{}")
        tap.equal(c.answer().out, b"{}", "or for a moment")
        h, c = started(e)
        h.call("POST", path("id-1", "error"), b"{}")
        e.go("exit 2")
        tap.equal(c.answer().out, b"{}", "or for the end of the runtime")
        tap.ok(c.closed() and e.wait() == 2, "with which it ends, too")


def workers(tap):
    with Provided() as e:
        h = e.up()
        c = e.client()
        c.send(request(b"1", text=params("id-1")))
        h.answer()
        c.close()
        d = e.client()
        d.send(request(b"2", text=params("id-2")))
        tap.equal(h.call("POST", path("id-1", "response"), b"x").status, 202,
                  "the worker has gone: nobody cares")
        h.ask("GET", NEXT)
        tap.equal(h.answer().body, b"2", "another one's is next")
        h.call("POST", path("id-2", "response"), b"y")
        tap.equal(d.answer().out, b"y", "and answered")

        f = e.client()
        f.send(request(b"3", text=params("id-3")))
        g = e.client()
        g.send(request(b"4", text=params("id-4")))
        f.close()
        h.ask("GET", NEXT)
        first = h.answer().body
        if first == b"3":
            h.call("POST", path("id-3", "response"), b"")
            h.ask("GET", NEXT)
            first = h.answer().body
        tap.equal(first, b"4", "one who waits and leaves is forgotten")
        h.call("POST", path("id-4", "response"), b"z")
        tap.equal(g.answer().out, b"z", "the other is served")

        for name, data in (
                ("a version", b"\2" + record(BEGIN, 1)[1:]),
                ("a type", record(STDOUT, 1)),
                ("a role", record(BEGIN, 1, struct.pack(">HB5x", 2, 1))),
                ("a short one", record(BEGIN, 1, b"\0\1")),
                ("an id", record(BEGIN, 1, struct.pack(">HB5x", 1, 1))
                 + record(PARAMS, 2)),
                ("no request id", request(b"", text=b"")),
                ("a long id", request(b"", text=params("x" * 200))),
                ("broken parameters", request(b"", text=b"\xff\xff"))):
            bad = e.client()
            bad.send(data)
            tap.ok(bad.closed(), "not a request: " + name)
        d.send(request(b"5", keep=False, text=params("id-5"), chunk=7,
                       padding=3))
        h.ask("GET", NEXT)
        tap.equal(h.answer().body, b"5", "small records, and no connection "
                  "to be kept")
        h.call("POST", path("id-5", "response"), b"v")
        tap.ok(d.answer().out == b"v" and d.closed(), "which is closed")


def many(tap):
    with Provided(env={"AWS_LAMBDA_MAX_CONCURRENCY": "3"}) as e:
        a = e.up()
        b, c = e.http(), e.http()
        for h in b, c:
            h.ask("GET", NEXT)
        o = e.http()
        wait_for(lambda: o.call("GET", NEXT).status == 403)
        tap.equal(o.call("GET", NEXT).error,
                  (403, "Runtime.TooManyIdleRuntimes"), "a fourth next")
        w = [e.client() for i in range(4)]
        seen = {}
        for i in range(4):
            w[i].send(request(b"%d" % i, text=params("id-%d" % i)))
            if i < 3:
                h = (a, b, c)[i]
                got = h.answer()
                seen[got.headers["Lambda-Runtime-Aws-Request-Id"]] = h
        tap.equal(sorted(seen), ["id-0", "id-1", "id-2"], "three at a time")
        tap.equal(o.call("POST", path("id-3", "response"), b"").error,
                  (400, "Runtime.InvalidInvokeId"), "the fourth has to wait")
        tap.equal(o.call("POST", path("id-1", "response"), b"one").status,
                  202, "any of them is answered")
        tap.equal(w[1].answer().out, b"one", "by its id")
        tap.equal(o.call("POST", path("id-1", "response"), b"").error,
                  (403, "Runtime.InvokeResponseWasSent"), "once")
        seen["id-1"].ask("GET", NEXT)
        tap.equal(seen["id-1"].answer().body, b"3", "then the fourth comes")
        for i in (3, 2, 0):
            a.call("POST", path("id-%d" % i, "response"), b"%d" % i)
            tap.equal(w[i].answer().out, b"%d" % i, "answer %d" % i)


def crowds(tap):
    with Provided() as e:
        h = e.up()
        crowd = [e.http() for i in range(255)]
        tap.equal([o.call("GET", "/2018-06-01/ping").body for o in crowd],
                  [b"pong"] * 255, "256 connections")
        o = e.http()
        o.ask("GET", "/2018-06-01/ping")
        tap.equal(select.select([o.sock], [], [], 0.05)[0], [],
                  "one more waits")
        crowd[0].close()
        tap.equal(o.answer().body, b"pong", "for one that leaves")
        c = e.client()
        c.send(request(b"1", text=params("id-1")))
        tap.equal(h.answer().body, b"1", "the runtime is served all the time")


def begins(tap):
    with Provided() as e:
        h = e.http()
        body = b'{"errorType":"X","errorMessage":"m","stackTrace":[]}'
        a = h.call("POST", "/2018-06-01/runtime/init/error", body,
                   ["Lambda-Runtime-Function-Error-Type: Y"])
        tap.equal((a.status, a.body), (202, b'{"status":"OK"}\n'),
                  "init/error")
        for method, where in (("GET", NEXT),
                              ("POST", "/2018-06-01/runtime/init/error")):
            a = h.call(method, where, b"{}" if method == "POST" else None)
            tap.equal((a.status, a.json["errorType"]),
                      (403, "InvalidStateTransition"), "after it: " + where)
        e.go("exit 1")
        tap.equal(e.frame(), ("E", body), "the supervisor gets it as it is")
        tap.equal(e.wait(), 1, "and it ends")

    for body, headers, want in (
            (b'plain "text"', ["Lambda-Runtime-Function-Error-Type: My.Type"],
             {"errorType": "My.Type", "errorMessage": 'plain "text"'}),
            (b"", [], {"errorType": "Runtime.Unknown", "errorMessage": ""}),
            (b"[1]", [], {"errorType": "Runtime.Unknown",
                          "errorMessage": "[1]"})):
        with Provided() as e:
            e.http().call("POST", "/2018-06-01/runtime/init/error", body,
                          headers)
            kind, got = e.frame()
            tap.equal((kind, json.loads(got)), ("E", want),
                      "init/error with %r, without an end" % body)

    for line, want in (("exit 0", 0), ("exit 3", 3),
                       ("kill -9 $$", 128 + 9), ("kill -11 $$", 128 + 11)):
        with Provided() as e:
            e.api
            e.go(line)
            if want > 128:
                tap.equal(e.frame(), ("K", bytes([want - 128])),
                          "the signal of: " + line)
            tap.equal(e.wait(), want, "in init: " + line)

    for text, want in (
            (None, "Couldn't find valid bootstrap(s): [/var/task/bootstrap "
                   "/opt/bootstrap]"),
            ("not a program", "fork/exec %s/bootstrap: exec format error"),
            ("#!/no/such\n", "fork/exec %s/bootstrap: No such file or "
                             "directory")):
        with Provided(bootstrap=text) as e:
            kind, got = e.frame()
            got = json.loads(got)
            tap.equal((kind, got["errorType"], got["errorMessage"]),
                      ("E", "Runtime.InvalidEntrypoint",
                       want.replace("%s", e.code)), "bootstrap: %r" % text)

    with Provided(options=["--", "/bin/sh", "-c",
                           "env > env.new; mv env.new env; cat go"]) as e:
        tap.equal(e.variables()["_HANDLER"], "h", "a command")
    with Provided(options=["--", "/no/such"]) as e:
        tap.equal(json.loads(e.frame()[1])["errorMessage"],
                  "fork/exec /no/such: No such file or directory",
                  "one that does not exist")


def ends(tap):
    for line, want in (("exit 0", 0), ("exit 4", 4), ("kill -6 $$", 134)):
        with Provided() as e:
            h, c = started(e)
            e.go("echo last words; " + line)
            if want > 128:
                tap.equal(e.frame(), ("K", b"\6"), "the signal")
            tap.equal(e.wait(), want, "in an invocation: " + line)
            kind, _, text = c.record()
            tap.equal((kind, text), (STDERR, b"last words\n"),
                      "what it printed")
            tap.ok(c.closed(), "and no answer")

    with Provided() as e:
        e.up()
        e.send_frame("S")
        tap.equal(e.wait(), 0, "told to end, idle")
    with Provided() as e:
        h, c = started(e)
        e.send_frame("S")
        h.call("POST", path("id-1", "response"), b"done")
        tap.equal(c.answer().out, b"done", "told to end, busy: it answers")
        h.ask("GET", NEXT)
        tap.equal(e.wait(), 0, "first")
    with Provided() as e:
        h, c = started(e)
        e.control.shutdown(socket.SHUT_RDWR)
        h.call("POST", path("id-1", "response"), b"done")
        tap.equal(c.answer().out, b"done", "the supervisor has gone")
        h, c = started(e)
        tap.ok(True, "and it goes on")
    with Provided() as e:
        pid = int(open("/proc/%d/task/%d/children" % (e.pid, e.pid)).read()
                  .split()[0] if e.api else 0)
        e.up()
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 0, "SIGTERM, outside of a pid namespace")
        tap.ok(wait_for(lambda: not alive(pid)), "and takes its runtime along")


def alive(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            return f.read().split()[2] != "Z"
    except FileNotFoundError:
        return False


with Tap() as tap:
    for part in (invocations, refused, bodies, malformed, sizes, errors,
                 prints, records, held, workers, many, crowds, begins, ends):
        part(tap)
    nothing_left(tap)
