#!/usr/bin/python3
"""The Node runtime."""

import os
import re
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403

BOOTSTRAP = RUNTIME + "/node/bootstrap.cjs"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
NEVER = ("The Lambda runtime client detected an unexpected Node.js exit code.")


def start(*options):
    return Env().execute([NODE] + list(options) + [BOOTSTRAP])


def node(handler, **more):
    return start().ready(handler, **more)


def text(a):
    return TIME.sub("TIME", a.log.decode())


def handlers(tap):
    esm = FUNCTIONS + "/esm"

    for handler, want, root in (
            ("nodefn.small", {"message": "hello"}, FUNCTIONS),
            ("nodefn.nested.deep.handler", "deep", FUNCTIONS),
            ("mod.handler", "function", FUNCTIONS),
            ("mod.default.handler", "by default", FUNCTIONS),
            ("main.handler", {"started": "yes", "event": {}}, esm),
            ("esm/main.handler", {"started": "yes", "event": {}}, FUNCTIONS),
            ("sub/old.handler", "old", esm),
            ("sub/plain.handler", "no extension", esm),
            ("dep.handler", "dependency", esm)):
        with node(handler, root=root) as e:
            tap.equal(e.call({}).json, want, handler)

    with node("nodefn.count") as e:
        tap.ok(re.match(rb"v\d+\.\d+\.\d+$", e.version),
               "BLANK has the version")
        c, d = e.client(), e.client()
        tap.equal([x.call({}).json for x in (c, c, d, c, d)], [1, 2, 3, 4, 5],
                  "state lives on, on all connections")
        tap.like(e.raw(until=b"\n").decode(), "\tundefined\tINFO\tloading\n",
                 "a line while loading")


def init_errors(tap):
    cases = {
        "nodot": ("Runtime.MalformedHandlerName", "Bad handler"),
        "../x.handler": ("Runtime.MalformedHandlerName", "'../x.handler' is "
                         "not a valid handler name. Use absolute paths when "
                         "specifying root directories in handler names."),
        "nodesyntax.handler": ("Runtime.UserCodeSyntaxError", "SyntaxError: "
                               "Unexpected token '='"),
        "nodefn.nope": ("Runtime.HandlerNotFound", "nodefn.nope is undefined "
                        "or not exported"),
        "nodefn.notAFunction": ("Runtime.HandlerNotFound",
                                "nodefn.notAFunction is not a function"),
        "nodethrow.handler": ("RangeError", "while loading"),
        "nodereject.handler": ("Error", "top level"),
        "nodelater.handler": ("Error", "later"),
    }

    for handler, (kind, message) in cases.items():
        with start() as e:
            what, payload = e.init(handler)
            error = json.loads(payload)
            tap.equal((what, error["errorType"], error["errorMessage"]),
                      ("E", kind, message), "init error of " + handler)
            tap.ok(isinstance(error["trace"], list), "with a trace")
            tap.equal(e.wait(), 129, "exit status 129")
            tap.like(e.raw().decode(), "\tundefined\tERROR\tUncaught "
                     'Exception \t{"errorType":"%s"' % kind, "in the log")

    for handler in ("missing.handler", "nodeimport.handler"):
        with start() as e:
            what, payload = e.init(handler)
            error = json.loads(payload)
            tap.equal(error["errorType"], "Runtime.ImportModuleError",
                      "init error of " + handler)
            tap.like(error["errorMessage"], "Error: Cannot find module '",
                     "says what")

    with start() as e:
        what, payload = e.init("nodefn.small", root="/nonexistent")
        tap.equal(json.loads(payload)["errorType"],
                  "Runtime.InvalidWorkingDir", "no folder")

    with start() as e:
        e.frame()
        e.send_init("nodeexit.handler")
        tap.equal(e.wait(), 7, "process.exit() while loading")


def results(tap):
    with node("nodefn.many") as e:
        def call(name, value=None, **more):
            return e.call({"call": name, "with": value}, **more)

        for name, want in (("callback", "x"), ("callbackLater", "first"),
                           ("succeed", "one"), ("done", {"done": True}),
                           ("thenable", "thenable"), ("nothing", None),
                           ("syncResult", None), ("undefinedResult", None),
                           ("functionResult", None), ("echo", "x")):
            a = call(name, "x")
            tap.equal((a.json, a.status), (want, 0), "result: " + name)

        tap.equal(call("wasLate").json, True,
                  "a result by callback waited for an empty event loop")
        call("waits", {"waits": True})
        tap.ok(call("echo", 1).json == 1, "callbackWaitsForEmptyEventLoop")
        start = time.monotonic()
        tap.equal(call("waits", {"waits": False}).json, "done",
                  "and not when it is false")

        for name, kind, message in (
                ("callbackError", "TypeError", "by callback"),
                ("callbackString", "string", "text"),
                ("fail", "RangeError", "failed"),
                ("failBare", "string", "handled"),
                ("throws", "Error", "no way \u00e4"),
                ("throwsString", "string", "just text"),
                ("throwsNull", "string", "handled"),
                ("rejects", "Custom", "rejected"),
                ("circle", "Error", "Unable to stringify response body"),
                ("big", "Error", "Unable to stringify response body"),
                ("neverPlain", None, None)):
            a = call(name)
            if kind is None:
                tap.equal((a.json, a.status), (None, 0),
                          "a promise that never settles of a plain function")
                continue
            tap.equal((a.json["errorType"], a.json["errorMessage"], a.status),
                      (kind, message, 1), "error: " + name)

        tap.ok(call("large").json == "\u00e4" * 3000000, "6 MB of result")
        a = e.call(b"{nonsense")
        tap.equal(a.json["errorType"], "SyntaxError", "an event not of JSON")
        tap.equal(call("echo", "after").json, "after", "after errors")

    with node("nodefn.throws") as e:
        a = e.call({}, request_id="R")
        v = a.json
        tap.equal((list(v), v["trace"][0]),
                  (["errorType", "errorMessage", "trace"],
                   "Error: no way \u00e4"), "the payload of an error")
        tap.like(v["trace"][1], "    at exports.throws (%s/nodefn.js:"
                 % FUNCTIONS, "and its trace")
        tap.like(text(a), 'TIME\tR\tERROR\tInvoke Error \t{"errorType":'
                 '"Error","errorMessage":"no way \u00e4","stack":["Error: no '
                 'way \u00e4","    at exports.throws', "and the log")

    with node("nodefn.never") as e:
        a = e.call({})
        tap.equal(a.json["errorType"], "Runtime.NodeJsExit",
                  "a promise that never settles")
        tap.like(a.json["errorMessage"], NEVER, "says so")
        tap.equal(e.call({}).json["errorType"], "Runtime.NodeJsExit",
                  "and the environment lives on")

    with node("nodefn.echo") as e:
        big = json.dumps({"k": "\u00e4" * 3000000}, ensure_ascii=False)
        tap.ok(e.call(big.encode()).out.decode()
               == big.replace(": ", ":"), "an event of 6 MB")
        c = e.client()
        tap.equal([c.call(i).json for i in range(2000)], list(range(2000)),
                  "many invocations")
        tap.equal(c.call(b'"\\ud800"').out, b'"\\ud800"', "a lone surrogate")


def context(tap):
    with node("nodefn.context") as e:
        v = e.call({}, deadline_ms=int(time.time() * 1000) + 5000).json
        tap.ok(3000 < v.pop("left") <= 5000, "remaining time")
        tap.equal(v, {
            "keys": ["callbackWaitsForEmptyEventLoop", "succeed", "fail",
                     "done", "functionVersion", "functionName",
                     "memoryLimitInMB", "logGroupName", "logStreamName",
                     "clientContext", "identity", "invokedFunctionArn",
                     "awsRequestId", "getRemainingTimeInMillis"],
            "id": "rid-1", "name": "test", "version": "$LATEST",
            "arn": "arn:aws:lambda:us-east-1:000000000000:function:test",
            "memory": "128", "group": "/aws/lambda/test", "stream": "stream",
            "waits": True}, "all members")

        v = e.call({}, request_id="r" * 130, deadline_ms=1, arn="arn:other",
                   trace_id="Root=1", client='{"custom":{"\u00e4":1}}',
                   identity='{"cognitoIdentityId":"i"}').json
        tap.equal((v["id"], v["trace"], v["client"], v["identity"], v["arn"]),
                  ("r" * 130, "Root=1", {"custom": {"\u00e4": 1}},
                   {"cognitoIdentityId": "i"}, "arn:other"),
                  "and those of another invocation")
        tap.ok(v["left"] < 0, "no time left")
        tap.ok("trace" not in e.call({}).json, "the trace id is gone")
        tap.like(e.call({}, client="{").json["errorMessage"],
                 "Cannot parse ClientContext as json",
                 "a client context that is not JSON")


def logs(tap):
    with node("nodefn.logs") as e:
        for i in range(12):
            a = e.call({}, request_id="R")
        head = "TIME\tR\t"
        tap.equal(re.sub(r"\n    at .*", "", text(a)),
                  head + "INFO\ta format { o: [ 1 ] }\n"
                  + head + "INFO\tinfo\n" + head + "WARN\twarn\n"
                  + head + "ERROR\terror\n" + head + "DEBUG\tdebug\n"
                  + head + "TRACE\ttrace\n" + head + "INFO\ttwo\nlines\n"
                  "[ 1 ]\nno newline bytes\n\u00e4\nx\n", "console and streams")
        tap.equal(a.json, [1, None, True], "the streams' properties")

    for event in ("sleep", "spin"):
        with node("nodefn.logThenHang") as e:
            c = e.client()
            c.send(request(json.dumps(event).encode()))
            kind, _, line = c.record()
            tap.ok(kind == STDERR and line.endswith(b"\tINFO\thanging\n"),
                   "a line before it hangs: " + event)

    for event in ("sleep", "later"):
        with node("nodefn.logThenHang") as e:
            c = e.client()
            for i in range(20):
                c.call("quick")
            c.send(request(json.dumps(event).encode()))
            kind, _, line = c.record()
            tap.ok(kind == STDERR and line.endswith(b"\tINFO\thanging\n"),
                   "the same after some that were quick: " + event)

    with node("nodefn.logMuch") as e:
        for n in (1, 5, 2000, 1, 3):
            for i in range(9):
                a = e.call(n)
            tap.equal(a.log.count(b"\n"), n, "%d lines" % n)


def fatal(tap):
    for name, kind, status in (
            ("uncaught", "Error", 129),
            ("unhandled", "Runtime.UnhandledPromiseRejection", 128)):
        with node("nodefn." + name) as e:
            a = e.call({})
            tap.equal((a.json["errorType"], a.status), (kind, 1),
                      name + ": the answer")
            tap.equal(e.wait(), status, "and the exit status")

    for event in (0, 3):
        with node("nodefn.exits") as e:
            c = e.client()
            c.send(request(json.dumps(event).encode()))
            tap.ok(c.record()[2].endswith(b"leaving\n"), "log before exit")
            tap.equal(e.wait(), event, "process.exit(%d)" % event)

    with start("--max-old-space-size=32").ready("nodefn.allocate") as e:
        c = e.client()
        c.send(request(b"{}"))
        tap.ok(e.wait() != 0, "ends when its heap is full")


def ends(tap):
    with node("nodefn.echo") as e:
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 0, "SIGTERM while idle")

    with node("nodefn.sigterm") as e:
        e.call({})
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 4, "a function's own SIGTERM handler")

    with node("nodefn.echo") as e:
        e.send_frame("S")
        tap.equal(e.wait(), 0, "SHUTDOWN")

    with start() as e:
        e.frame()
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 0, "SIGTERM of a blank")

    with start() as e:
        e.frame()
        e.control.close()
        tap.equal(e.wait(), 0, "a blank does not outlive the supervisor")

    with node("nodefn.echo") as e:
        c = e.client()
        c.call(1)
        e.control.close()
        tap.equal([c.call(i).json for i in range(5)], list(range(5)),
                  "a function does")


def wire(tap):
    with node("nodefn.echo") as e:
        c = e.client()
        c.send(request(b'"' + b"y" * 100000 + b'"', chunk=100, padding=7))
        tap.equal(c.answer().json, "y" * 100000, "small padded records")

        c.send(request(b"1") + request(b"2") + request(b"3"))
        tap.equal([c.answer().json for i in range(3)], [1, 2, 3],
                  "requests behind each other")

        for byte in request(b'"slow"'):
            c.send(bytes([byte]))
        tap.equal(c.answer().json, "slow", "byte by byte")
        c.send(request(b"1", rid=65535))
        tap.equal(c.answer(65535).json, 1, "the largest request id")

        for data in (b"GET / HTTP/1.1\r\n\r\n", b"\2" * 8,
                     record(BEGIN, 1, b"\0\2\0\0\0\0\0\0"),
                     request(b"x")[:16] * 2, record(STDOUT, 1, b"x"),
                     request(b"x")[:16] + record(ABORT, 1),
                     request(b"1", text=b"\5\5ab"),
                     request(b"1", text=b"\x80\0")):
            g = e.client()
            g.send(data)
            tap.ok(g.closed(), "closed: %r" % data[:20])

        tap.equal(c.call(1).json, 1, "others are unaffected")
        c = e.client()
        c.send(request(b"1", keep=False))
        tap.equal(c.answer().json, 1, "a connection that is not kept")
        tap.ok(c.closed(), "is closed")

    with node("nodefn.many") as e:
        many = [e.client() for i in range(30)]
        for i, c in enumerate(many):
            c.send(request(json.dumps({"call": "callback",
                                       "with": i}).encode()))
        tap.equal([c.answer().json for c in many], list(range(30)),
                  "30 connections at once, one after the other")
        gone = e.client()
        gone.send(request(b'{"call": "large"}'))
        gone.close()
        tap.equal(many[0].call({"call": "echo", "with": 1}).json, 1,
                  "a worker that leaves before the answer")


def environment(tap):
    major = subprocess.run([NODE, "--version"], stdout=subprocess.PIPE
                           ).stdout.decode().lstrip("v").split(".")[0]
    with node("nodefn.environment", env={
            "AWS_EXECUTION_ENV": "AWS_Lambda_nodejs"}) as e:
        tap.like(e.call({}).json["env"]["AWS_EXECUTION_ENV"],
                 "AWS_Lambda_nodejs%s.x" % major, "which Node it is")

    with node("nodefn.environment", env={"MINE": "\u00e4=1"}) as e:
        v = e.call({}).json
        tap.equal(v["env"]["MINE"], "\u00e4=1", "own variable")
        tap.equal(sorted(v["env"]), sorted([
            "_HANDLER", "LAMBDA_TASK_ROOT", "TZ", "PATH", "LANG", "MINE",
            "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_STREAM_NAME"]), "and no other than given")
        tap.equal((v["cwd"], v["stdin"]), (FUNCTIONS, "end"),
                  "folder and standard input")
        tap.like(v["zone"], "00:00:00 GMT+0000", "time zone")

    with node("nodefn.dependency",
              env={"NODE_PATH": FUNCTIONS + "/nodepath"}) as e:
        tap.equal(e.call({}).json, "on the path", "NODE_PATH")

    with node("nodefn.background") as e:
        e.call("start")
        wait_for(lambda: e.call("look").json > 3, what="the timer")
        tap.ok(True, "a timer runs between invocations")


with Tap() as tap:
    handlers(tap)
    init_errors(tap)
    results(tap)
    context(tap)
    logs(tap)
    fatal(tap)
    ends(tap)
    wire(tap)
    environment(tap)
