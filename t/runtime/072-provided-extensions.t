#!/usr/bin/python3
"""Extensions: processes of /opt/extensions (here another folder) and of the
runtime; registration, events, errors, the phases of the end.
"""

import json
import os
import re
import select
import shutil
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasapi import *                                   # noqa: E402,F403
from faasenv import *                                   # noqa: E402,F403

UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"


def life(tap):
    with WithExtensions("one", "two") as e:
        one, two = Extension(e, "one"), Extension(e, "two")
        tap.ok("_HANDLER" not in one.env
               and "LAMBDA_TASK_ROOT" not in one.env
               and one.env["AWS_LAMBDA_FUNCTION_NAME"] == "test",
               "variables of an extension", one.env)
        a = one.register("INVOKE", "SHUTDOWN")
        tap.ok(re.fullmatch(UUID, one.id or ""), "an identifier")
        tap.equal((a.status, a.json), (200, {
            "functionName": "test", "functionVersion": "$LATEST",
            "handler": "h"}), "is registered")
        tap.equal(one.register("INVOKE").error,
                  (403, "Extension.InvalidExtensionState"), "once")
        one.id = a.headers["Lambda-Extension-Identifier"]
        tap.ok(not os.path.exists(e.code + "/env"),
               "the runtime waits for all of them")
        two.register("SHUTDOWN")
        h = e.http()
        tap.ok(os.path.exists(e.code + "/env"), "and is started then")
        inside = Extension(e, "inside", False)
        tap.equal(inside.register("INVOKE").status, 200, "an internal one")
        tap.equal(Extension(e, "other", False).register("SHUTDOWN").json, {
            "errorMessage": "SHUTDOWN: ShutdownEventNotSupportedForInternal"
                            "Extension",
            "errorType": "Extension.InvalidEventType"}, "knows no SHUTDOWN")
        h.ask("GET", NEXT)
        one.next()
        two.next()
        e.control.settimeout(0.05)
        try:
            e.frame()
            tap.ok(False, "init waits for every extension")
        except socket.timeout:
            tap.ok(True, "init waits for every extension")
        e.control.settimeout(LIMIT)
        inside.next()
        tap.equal(e.frame()[0], "R", "and is over when all called next")
        tap.equal(Extension(e, "late", False).register("INVOKE").error,
                  (403, "Extension.RegistrationClosed"), "too late")

        c = e.client()
        c.send(request(b"{}", text=params(
            request_id="id-1", deadline_ms=1795249020123, trace_id="Root=1",
            arn="the:arn")))
        h.answer()
        a = one.http.answer()
        tap.equal(a.json, {
            "eventType": "INVOKE", "deadlineMs": 1795249020123,
            "requestId": "id-1", "invokedFunctionArn": "the:arn",
            "tracing": {"type": "X-Amzn-Trace-Id", "value": "Root=1"}},
            "INVOKE")
        tap.ok(re.fullmatch(UUID, a.headers[
            "Lambda-Extension-Event-Identifier"]), "its identifier")
        inside.http.answer()
        tap.equal(select.select([two.http.sock], [], [], 0.02)[0], [],
                  "is for those who want it")
        h.call("POST", path("id-1", "response"), b"r")
        tap.equal(c.answer().out, b"r", "the caller waits for no extension")
        h.ask("GET", NEXT)
        c.send(request(b"{}", text=params("id-2")))
        inside.next()
        tap.equal(select.select([h.sock], [], [], 0.05)[0], [],
                  "but the next event does")
        one.next()
        tap.equal(h.answer().headers["Lambda-Runtime-Aws-Request-Id"],
                  "id-2", "until all have called next")
        tap.ok("tracing" not in one.http.answer().json, "without a trace")
        inside.http.answer()
        h.call("POST", path("id-2", "response"), b"r")
        c.answer()
        h.ask("GET", NEXT)
        one.next()
        inside.next()

        begin = time.monotonic()
        e.go("trap 'echo runtime ends; exit 0' TERM; echo trapped >&2")
        e.raw(b"trapped\n")
        e.send_frame("S")
        e.go("true")
        for x in one, two:
            a = x.http.answer().json
            tap.equal((a["eventType"], a["shutdownReason"]),
                      ("SHUTDOWN", "spindown"), "SHUTDOWN for " + x.name)
            tap.ok(0 < a["deadlineMs"] / 1000 - time.time() <= 2,
                   "within 2 s", a)
        tap.ok(time.monotonic() - begin < 1.5, "when the runtime has ended")
        tap.ok(b"runtime ends" in e.raw(b"runtime ends"),
               "for which it was asked by SIGTERM")
        one.go("exit 0")
        two.go("exit 0")
        tap.equal(e.wait(), 0, "the end")


def ends(tap):
    with WithExtensions("quiet", "deaf") as e:
        x, y = Extension(e, "quiet"), Extension(e, "deaf")
        x.register()
        y.register("SHUTDOWN")
        h = e.http()
        h.ask("GET", NEXT)
        x.next()
        y.next()
        e.frame()
        e.go("trap '' TERM; echo trapped")
        e.raw(b"trapped\n")
        begin = time.monotonic()
        e.send_frame("S")
        tap.equal(e.wait(), 0, "who does not listen")
        took = time.monotonic() - begin
        tap.ok(1.9 < took < 4, "has 2 s", took)

    with WithExtensions() as e:
        h = e.http()
        x = Extension(e, "inside", False)
        x.register()
        h.ask("GET", NEXT)
        x.next()
        e.frame()
        e.go("trap '' TERM; echo trapped")
        e.raw(b"trapped\n")
        begin = time.monotonic()
        e.send_frame("S")
        tap.equal(e.wait(), 0, "internal ones only")
        took = time.monotonic() - begin
        tap.ok(0.4 < took < 1.9, "have half a second", took)


def refused(tap):
    with WithExtensions("x") as e:
        x = Extension(e, "x")
        for body, kind in ((b"{", "InvalidRequestFormat"),
                           (b"", "InvalidRequestFormat"),
                           (b'{"events":["NONE"]}',
                            "Extension.InvalidEventType"),
                           (b'{"events":[1]}', "InvalidRequestFormat"),
                           (b'{"configurationKeys":[]}',
                            "InvalidRequestFormat")):
            a = x.register(body=body or b" ")
            tap.equal(a.error, (403, kind), "register with %r" % body)
        a = x.http.call("POST", EXTENSION + "register", b"{}")
        tap.equal((a.status, a.json), (403, {
            "errorMessage": "Empty extension name",
            "errorType": "Extension.InvalidExtensionName"}), "without a name")
        for head, kind in (
                ([], "Extension.MissingExtensionIdentifier"),
                (["Lambda-Extension-Identifier: x"],
                 "Extension.InvalidExtensionIdentifier"),
                (["Lambda-Extension-Identifier: 8476a536-e9f4-41e8-9739-"
                  "2dfe598c3fcd"], "Extension.UnknownExtensionIdentifier")):
            a = x.http.call("GET", EXTENSION + "event/next", None, head)
            tap.equal(a.error, (403, kind), "next: " + kind)
            a = x.http.call("POST", EXTENSION + "exit/error", b"", head)
            tap.equal(a.error, (403, kind), "exit/error: " + kind)
        x.register("INVOKE")
        a = x.http.call("POST", EXTENSION + "init/error", b"", x.head())
        tap.equal(a.error, (403, "Extension.MissingHeader"),
                  "an error without a type")
        h = e.http()
        for i in range(9):
            tap.equal(Extension(e, "e%d" % i, False).register().status, 200,
                      "extension %d" % (i + 2))
        tap.equal(Extension(e, "e9", False).register().error,
                  (403, "Extension.TooManyExtensions"), "and no more")


def failures(tap):
    with WithExtensions("x") as e:
        x = Extension(e, "x")
        x.go("exit 0")
        kind, got = e.frame()
        tap.equal((kind, json.loads(got)), ("E", {
            "errorType": "Extension.Crash", "errorMessage": "exit code 0"}),
            "one that ends in init")
        tap.equal(e.wait(), 1, "is the end")

    with WithExtensions("x") as e:
        x = Extension(e, "x")
        x.register("INVOKE")
        a = x.error("init")
        tap.equal((a.status, a.body), (202, b'{"status":"OK"}\n'),
                  "init/error")
        tap.equal(x.error("init").status, 202, "twice")
        tap.equal(x.error("exit").error,
                  (403, "Extension.InvalidExtensionState"),
                  "and exit/error after it")
        x.go("exit 3")
        tap.equal(json.loads(e.frame()[1]), {
            "errorType": "Extension.InitError",
            "errorMessage": "exit status 3"}, "is what is reported")

    for how, line, kind, text in (
            (None, "exit 1", "Extension.Crash", "exit status 1"),
            (None, "kill -9 $$", "Extension.Crash", "signal: killed"),
            ("exit", "exit 5", "Extension.ExitError", "exit status 5")):
        with WithExtensions("x") as e:
            x = Extension(e, "x")
            x.register("INVOKE")
            h = e.http()
            h.ask("GET", NEXT)
            x.next()
            e.frame()
            c = e.client()
            c.send(request(b"{}", text=params("id-1")))
            h.answer()
            x.http.answer()
            if how:
                tap.equal(x.error(how).status, 202, how + "/error")
            x.go(line)
            a = c.answer()
            tap.equal((a.status, a.json), (1, {
                "errorType": kind,
                "errorMessage": "RequestId: id-1 Error: " + text}),
                "in an invocation: " + line)
            tap.ok(c.closed() and e.wait() == 1, "and the end")


def working(e, *names):
    """External extensions, and a runtime that has the invocation id-1."""
    extensions = [Extension(e, name) for name in names]
    for x in extensions:
        x.register("INVOKE", "SHUTDOWN")
    h = e.http()
    h.ask("GET", NEXT)
    for x in extensions:
        x.next()
    e.frame()
    c = e.client()
    c.send(request(b"{}", text=params("id-1")))
    h.answer()
    for x in extensions:
        x.http.answer()
    return h, c, extensions


def deaf(e):
    try:
        e.client()
        return False
    except ConnectionRefusedError:
        return True


def reasons(tap):
    for line, code, text in (
            ("exit 3", 3, "Error: Runtime exited with error: exit status 3"),
            ("exit 0", 0, "Error: Runtime exited without providing a reason"),
            ("kill -9 $$", 137,
             "Error: Runtime exited with error: signal: killed")):
        with WithExtensions("x") as e:
            h, c, (x,) = working(e, "x")
            e.go(line)
            a = c.answer()
            tap.equal((a.status, a.leaves, a.json), (1, 1, {
                "errorType": "Runtime.ExitError",
                "errorMessage": "RequestId: id-1 " + text}),
                "the caller does not wait for extensions: " + line)
            tap.equal(e.frame(), ("L", b""), "nor does the supervisor")
            tap.ok(deaf(e), "nothing more is taken")
            x.next()
            a = x.http.answer().json
            tap.equal((a["eventType"], a["shutdownReason"]),
                      ("SHUTDOWN", "failure"), "SHUTDOWN for a failure")
            x.go("exit 0")
            if "kill" in line:
                tap.equal(e.frame(), ("K", b"\x09"), "the signal")
            tap.equal(e.wait(), code, "then it ends as the runtime did")

    with WithExtensions("x") as e:
        h, c, (x,) = working(e, "x")
        h.call("POST", path("id-1", "response"), b"r")
        c.answer()
        x.next()
        e.go("exit 4")
        tap.equal(e.frame(), ("L", b""), "between invocations")
        tap.equal(x.http.answer().json["shutdownReason"], "failure",
                  "as well")
        x.go("exit 0")
        tap.equal(e.wait(), 4, "and so the end")

    with WithExtensions("x", "y") as e:
        h, c, (x, y) = working(e, "x", "y")
        e.go("trap '' TERM; while :; do sleep 0.01; done")
        begin = time.monotonic()
        e.send_frame("S", b"timeout")
        for one in x, y:
            one.next()
            a = one.http.answer().json
            tap.equal((a["eventType"], a["shutdownReason"]),
                      ("SHUTDOWN", "timeout"), "SHUTDOWN for a timeout")
            tap.ok(1 < a["deadlineMs"] / 1000 - time.time() <= 2,
                   "2 s are left", a)
        x.go("exit 0")
        y.go("exit 0")
        tap.equal(e.wait(), 0, "the end")
        tap.ok(time.monotonic() - begin < 1.5,
               "without waiting for the runtime")

    with Provided() as e:
        h = e.up()
        c = e.client()
        c.send(request(b"{}", text=params("id-1")))
        h.answer()
        e.send_frame("S", b"timeout")
        tap.equal(e.wait(), 0, "at once without extensions")


with Tap() as tap:
    for part in (life, ends, refused, failures, reasons):
        part(tap)
    nothing_left(tap)
