#!/usr/bin/python3
"""The Telemetry and Logs APIs: subscriptions, events, delivery."""

import json
import os
import re
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasapi import *                                   # noqa: E402,F403
from faasenv import *                                   # noqa: E402,F403

TELEMETRY, LOGS = "/2022-07-01/telemetry", "/2020-08-15/logs"


class Sink:
    """A subscriber's server."""

    def __init__(self):
        self.listen = socket.socket()
        self.listen.bind(("127.0.0.1", 0))
        self.listen.listen()
        self.listen.settimeout(LIMIT)
        self.port = self.listen.getsockname()[1]
        self.events = []

    def batch(self, status=b"200 OK"):
        """One request: (head, events)."""
        s = self.listen.accept()[0]
        s.settimeout(LIMIT)
        data = b""
        while b"\r\n\r\n" not in data:
            data += s.recv(65536)
        head, body = data.split(b"\r\n\r\n", 1)
        n = int(re.search(rb"Content-Length: (\d+)", head).group(1))
        while len(body) < n:
            body += s.recv(65536)
        s.sendall(b"HTTP/1.1 " + status + b"\r\nContent-Length: 0\r\n\r\n")
        s.close()
        return head.decode(), json.loads(body)

    def until(self, kind):
        """All events up to one of that type, which is returned."""
        while True:
            for e in self.events:
                if e["type"] == kind:
                    return e
            self.events += self.batch()[1]

    def of(self, kind):
        return [e["record"] for e in self.events if e["type"] == kind]


def wish(port, types=("platform", "function", "extension"), **more):
    w = {"schemaVersion": "2022-12-13", "types": list(types),
         "buffering": {"maxItems": 1000, "maxBytes": 262144, "timeoutMs": 25},
         "destination": {"protocol": "HTTP",
                         "URI": "http://sandbox.localdomain:%d/a/b" % port}}
    w.update(more)
    return json.dumps(w).encode()


def subscribe(x, body, where=TELEMETRY):
    return x.http.call("PUT", where, body, x.head())


def events(tap):
    sink = Sink()
    with WithExtensions("x") as e:
        x = Extension(e, "x")
        x.register("INVOKE", "SHUTDOWN")
        h = e.http()
        a = subscribe(x, wish(sink.port))
        tap.equal((a.status, a.body), (200, b'"OK"'), "subscribed")
        head, got = sink.batch()
        tap.ok(head.startswith("POST /a/b HTTP/1.1\r\n")
               and "Content-Type: application/json" in head, "a batch", head)
        sink.events += got
        tap.equal(got[0]["type"], "platform.initStart",
                  "begins with what was before")
        tap.equal(got[0]["record"], {
            "initializationType": "on-demand", "phase": "init",
            "functionName": "test", "functionVersion": "$LATEST"},
            "the beginning of init")
        tap.ok(re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z",
                            got[0]["time"]), "with its time", got[0])
        sub = sink.until("platform.telemetrySubscription")["record"]
        tap.equal(sub, {"name": "x", "state": "Subscribed", "types": [
            "platform", "function", "extension"]}, "the subscription")
        h.ask("GET", NEXT)
        x.next()
        e.frame()
        sink.until("platform.initReport")
        tap.equal(sink.of("platform.initRuntimeDone")[0]["status"],
                  "success", "init is over")
        tap.equal(sink.of("platform.extension"), [
            {"name": "x", "state": "Ready",
             "events": ["INVOKE", "SHUTDOWN"]}], "the extension")
        tap.ok(sink.of("platform.initReport")[0]["metrics"]["durationMs"]
               > 0, "and its duration")
        tap.equal(e.http().call("PUT", TELEMETRY, wish(sink.port),
                                x.head()).error,
                  (403, "Telemetry.SubscriptionClosed"), "too late")

        c = e.client()
        c.send(request(b"{}", text=params("id-1")))
        h.answer()
        x.http.answer()
        e.go("echo 'one \"line\"'; printf two; echo ' halves'")
        sink.until("function")
        x.go("echo of the extension")
        sink.until("extension")
        h.call("POST", path("id-1", "response"), b"12345")
        c.answer()
        h.ask("GET", NEXT)
        report = sink.until("platform.report")["record"]
        tap.equal(sink.of("platform.start"), [
            {"requestId": "id-1", "version": "$LATEST"}], "start")
        done = sink.of("platform.runtimeDone")[0]
        tap.equal((done["requestId"], done["status"],
                   done["metrics"]["producedBytes"]),
                  ("id-1", "success", 5), "runtimeDone")
        tap.equal((report["requestId"], report["status"],
                   report["metrics"]["memorySizeMB"]),
                  ("id-1", "success", 128), "report")
        tap.ok(report["metrics"]["durationMs"]
               <= report["metrics"]["billedDurationMs"], "billed", report)
        tap.equal(sink.of("function"), ['one "line"', "two halves"],
                  "what the function prints, by lines")
        tap.equal(sink.of("extension"), ["of the extension"],
                  "and what the extension prints")
        x.next()
        c.send(request(b"{}", text=params("id-2")))
        h.answer()
        x.http.answer()
        h.call("POST", path("id-2", "error"), b"{}")
        h.ask("GET", NEXT)
        c.answer()
        while len(sink.of("platform.report")) < 2:
            sink.events += sink.batch()[1]
        tap.equal([sink.of("platform.runtimeDone")[1]["status"],
                   sink.of("platform.report")[1]["status"]],
                  ["error", "error"], "an error")
        x.next()
        e.go("trap 'echo last; exit 0' TERM; echo trapped")
        while "trapped" not in sink.of("function"):
            sink.events += sink.batch()[1]
        e.send_frame("S")
        e.go("true")
        tap.equal(x.http.answer().json["eventType"], "SHUTDOWN", "the end")
        while "last" not in sink.of("function"):
            sink.events += sink.batch()[1]
        tap.ok(True, "what was printed last arrives then")
        x.go("exit 0")
        e.wait()


def delivery(tap):
    sink = Sink()
    with WithExtensions("x") as e:
        x = Extension(e, "x")
        x.register()
        h = e.http()
        subscribe(x, wish(sink.port, ["function"]))
        e.go("echo one")
        first = sink.batch(b"500 No")[1]
        tap.equal([r["record"] for r in first], ["one"], "only what it wants")
        tap.equal(sink.batch()[1], first, "what is refused comes again")
        e.go("i=0; while [ $i -lt 3000 ]; do echo $i; i=$((i + 1)); done")
        got = []
        while len(got) < 3000:
            got += sink.batch()[1]
        tap.equal([r["record"] for r in got], [str(i) for i in range(3000)],
                  "thousands, in order")

    sink = Sink()
    with WithExtensions("x") as e:
        x = Extension(e, "x")
        x.register()
        e.http()
        a = subscribe(x, wish(0, ["function"], destination={
            "protocol": "TCP", "port": sink.port}))
        tap.equal(a.status, 200, "by TCP")
        e.go("echo one; echo two")
        s = sink.listen.accept()[0]
        s.settimeout(LIMIT)
        data = b""
        while True:
            part = s.recv(65536)
            if not part:
                break
            data += part
        tap.equal([json.loads(line)["record"]
                   for line in data.decode().splitlines()], ["one", "two"],
                  "a line for each event")

    with WithExtensions("x") as e:
        x = Extension(e, "x")
        x.register()
        h = e.http()
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            dead = s.getsockname()[1]
        subscribe(x, wish(dead))
        h.ask("GET", NEXT)
        x.next()
        e.frame()
        c = e.client()
        for i in range(20):
            c.send(request(b"{}", text=params("id-%d" % i)))
            h.answer()
            e.go("echo %d" % i)
            h.call("POST", path("id-%d" % i, "response"), b"r")
            if c.answer().out != b"r":
                break
            h.ask("GET", NEXT)
        tap.equal(i, 19, "one that nobody listens for holds up nothing")


def refused(tap):
    with WithExtensions("x", "y") as e:
        x, y = Extension(e, "x"), Extension(e, "y")
        x.register()
        y.register()
        a = x.http.call("PUT", TELEMETRY, b"{}")
        tap.equal(a.error, (403, "Extension.MissingExtensionIdentifier"),
                  "without an identifier")
        for name, body in (
                ("no JSON", b"{"), ("nothing", b""), ("an array", b"[]"),
                ("no types", wish(8080, [])),
                ("an unknown type", wish(8080, ["all"])),
                ("an unknown schema", wish(8080, schemaVersion="2020-01-01")),
                ("another host", wish(8080, destination={
                    "protocol": "HTTP", "URI": "http://example.com:80/"})),
                ("no port", wish(8080, destination={
                    "protocol": "HTTP", "URI": "http://sandbox/"})),
                ("the API's port", wish(9001)),
                ("a port beyond all", wish(70000)),
                ("another protocol", wish(8080, destination={
                    "protocol": "UDP", "port": 8080})),
                ("a header in the path", wish(8080, destination={
                    "protocol": "HTTP",
                    "URI": "http://sandbox:80/\r\nX: y"})),
                ("few items", wish(8080, buffering={"maxItems": 10})),
                ("many bytes", wish(8080, buffering={"maxBytes": 2000000})),
                ("no time", wish(8080, buffering={"timeoutMs": 1}))):
            a = subscribe(x, body)
            tap.equal(a.error, (400, "ValidationError"), name)
        sink = Sink()
        a = subscribe(y, wish(sink.port, schemaVersion="2020-08-15"), LOGS)
        tap.equal(a.status, 200, "the Logs API")
        tap.equal(sink.until("platform.logsSubscription")["record"]["name"],
                  "y", "has its own subscription")


with Tap() as tap:
    for part in (events, delivery, refused):
        part(tap)
    nothing_left(tap)
