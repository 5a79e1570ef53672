#!/usr/bin/python3
"""Streams of the runtimes, as the worker sees them."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403

OCTETS = b"application/octet-stream"
PRELUDE = b"application/vnd.awslambda.http-integration-response"
NODE = "/usr/bin/node"
# sendmsg and sendto
SENDS = {"x86_64": ("46", "44"),
         "aarch64": ("211", "206")}.get(os.uname().machine)


def native(tap):
    with Env().execute([compiled("streamer")]) as e:
        e.ready("bootstrap")
        c = e.client()

        r = ask(c, b"two")
        tap.equal([r.kind, r.data, r.log, r.order, r.status],
                  [OCTETS, b"firstsecond", b"line\n", "SDLDe", 0],
                  "C: pieces, in their order with the log")
        tap.equal(ask(c, b"prelude").kind, PRELUDE, "C: a type")
        r = ask(c, b"end")
        tap.equal([r.kind, r.data, r.order, r.status], [OCTETS, b"", "Se", 0],
                  "C: nothing")
        r = ask(c, b"silent")
        tap.equal([r.data, r.order, r.status], [b"first", "SDe", 0],
                  "C: not ended")
        for event, kind in (b"return", "Function.Unknown"), (b"fail", "E"):
            r = ask(c, event)
            tap.equal([r.data, r.type, r.order, r.status],
                      [b"first", kind, "SDEe", 1], "C: %s" % event)
        r = ask(c, b"at once")
        tap.equal([r.kind, r.data, r.status],
                  [None, b'{"errorType":"E"}', 1], "C: it fails at once")
        tap.equal(ask(c, b"misuse").data,
                  b"-1 22,-1 22,-1 22,-1 22,-1 22,0 0,-1 16,-1 16,-1 16,"
                  b"-1 90,", "C: misuse")
        tap.equal(ask(c, b"who").data, b"0 0", "C: the caller takes none")
        tap.equal(ask(c, b"who", streaming="1").data, b"1 0",
                  "C: the caller takes a stream")

        gone = e.client()
        ask(gone, b"endless", until=1)
        gone.close()
        tap.equal(ask(c, b"who").data, b"0 32", "C: nobody reads any more")


def node(tap, folder):
    if not os.path.exists(NODE):
        tap.skip("Node", "no " + NODE)
        return

    def start(handler="nodestream.handler", **more):
        return Env().execute([NODE, RUNTIME + "/node/bootstrap.cjs"]).ready(
            handler, **more)

    with start() as e:
        c = e.client()

        def way(name, **more):
            return ask(c, dict(way=name, **more))

        r = way("pieces")
        tap.equal([r.kind, r.data, b"line" in r.log, r.order, r.status],
                  [OCTETS, b'ae9hibc{"d":[1]}7e', True, "SDLDe", 0],
                  "Node: pieces, in their order with the log")
        r = way("prelude")
        tap.equal([r.kind, r.data, r.status],
                  [PRELUDE, b'{"statusCode":201,"headers":{"a":"b"}}'
                   + b"\0" * 8, 0], "Node: a prelude")
        r = way("unwritten")
        tap.equal([r.kind, r.data, r.order, r.status],
                  [PRELUDE, b"", "Se", 0], "Node: one that is not written")
        tap.equal(way("type").kind, b"text/html", "Node: a type")
        r = way("late")
        tap.equal([r.kind, r.type, r.order.replace("L", ""), r.status],
                  [OCTETS, "Runtime.InvalidStreamingOperation", "SDEe", 1],
                  "Node: a type, too late")
        r = way("badType")
        tap.equal([r.kind, r.type, r.status], [None, "TypeError", 1],
                  "Node: no type")
        tap.equal([way("callbacks").data, way("seen").data],
                  [b"ab", b"[false,false,true,true]"], "Node: callbacks")
        tap.equal(way("pipe").data, b"abc", "Node: a pipeline")
        for name, kind in (("brokenPipe", "RangeError"),
                           ("destroyed", "RangeError"),
                           ("unfinished", "string"),
                           ("neverEnded", "Runtime.NodeJsExit"),
                           ("afterEnd", "RangeError"),
                           ("large", "RangeError")):
            r = way(name)
            tap.equal([r.data, r.type, r.order.replace("L", "")[-2:],
                       r.status, len(r.error) <= 65000],
                      [b"a", kind, "Ee", 1, True], "Node: " + name)
        tap.equal(json.loads(way("unfinished").error)["errorMessage"],
                  "Response stream is not finished.", "Node: its text")
        for name, data in (("background", b"ab"), ("value", b"a"),
                           ("neverSettled", b"a"), ("keep", b"a"),
                           ("useKept", b"fresh")):
            r = way(name)
            tap.equal([r.data, r.status], [data, 0], "Node: " + name)
        tap.like(way("value").log, b"Streaming handlers ignore return values",
                 "Node: a warning")
        r = ask(c, {"context": 1}, request_id="rid-7",
                client='{"custom":{"a":1}}')
        tap.equal(json.loads(r.data),
                  ["rid-7", None, {"custom": {"a": 1}}, True, 12345],
                  "Node: the context")

        gone = e.client()
        ask(gone, {"way": "endless"}, until=1)
        gone.close()
        tap.equal(json.loads(way("seen").data), ["EPIPE", True],
                  "Node: nobody reads any more")

        mark = os.path.join(folder, "full")
        c.send(request(json.dumps({"way": "full", "mark": mark}).encode()))
        wait_for(lambda: os.path.exists(mark + ".turned"), LIMIT)
        tap.ok(not os.path.exists(mark + ".drained"),
               "Node: it does not drain as long as nobody reads")
        r = Streamed(c)
        tap.ok(os.path.exists(mark + ".drained") and r.status == 0
               and r.data.strip(b"x") == b"end", "Node: then it does")

        mark = os.path.join(folder, "waits")
        c.send(request(json.dumps({"way": "waits", "mark": mark,
                                   "size": 8000000}).encode()))
        wait_for(lambda: os.path.exists(mark + ".written"), LIMIT)
        r = Streamed(c)
        tap.equal([len(r.data), r.status], [8000003, 0],
                  "Node: what waits to be read is something to wait for")
        tap.equal(way("type").status, 0, "Node: and goes on")

    for name, kind, status in (
            ("rejection", "Runtime.UnhandledPromiseRejection", 128),
            ("uncaught", "RangeError", 129)):
        with start() as e:
            r = ask(e.client(), {"way": name})
            tap.equal([r.data, r.type, r.status, e.wait()],
                      [b"a", kind, 1, status], "Node: " + name)

    with start("nodestream.sync") as e:
        r = ask(e.client(), {})
        tap.equal([r.data, json.loads(r.error)["errorMessage"], r.status],
                  [b"a", "Streaming does not support non-async handlers.", 1],
                  "Node: a handler that is not async")
    with Env().execute([NODE, RUNTIME + "/node/bootstrap.cjs"]) as e:
        kind, payload = e.init("nodestream.odd")
        tap.equal([kind, json.loads(payload)["errorType"]],
                  ["E", "Runtime.MalformedStreamingHandler"],
                  "Node: another kind of stream")
    for env, there in ({}, "object"), (
            {"AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA": "1"}, "undefined"):
        with start("noglobal.handler", env=env) as e:
            tap.equal(e.call({}).json, there, "Node: the global, %s" % env)


def python(tap, folder):
    argv = [PYTHON, "-I", "-S", "-E", RUNTIME + "/python/bootstrap.py"]

    with Env().execute(argv) as e:
        e.ready("pystream.many")
        c = e.client()

        def call(name, **more):
            return ask(c, dict(call=name, **more))

        r = call("pieces")
        tap.equal([r.kind, r.data, r.log, r.order, r.status],
                  [OCTETS, b"a\xc3\xa4cd", b"line\n", "SDLDe", 0],
                  "Python: pieces, in their order with the log")
        r = call("prelude")
        tap.equal([r.kind, r.data, r.status],
                  [PRELUDE, b'{"statusCode": 201, "headers": {"a": "b"}}'
                   + b"\0" * 8 + b"body", 0], "Python: a prelude")
        for name, data in (("iterator", b"ab"), ("mapped", b"012"),
                           ("nothing", b"")):
            r = call(name)
            tap.equal([r.kind, r.data, r.status], [OCTETS, data, 0],
                      "Python: " + name)
        for name, kind in (("early", "ValueError"),
                           ("number", "Runtime.MarshalError")):
            r = call(name)
            tap.equal([r.kind, r.type, r.status], [None, kind, 1],
                      "Python: " + name)
        for name, kind in (("late", "ValueError"), ("large", "ValueError"),
                           ("number_later", "Runtime.MarshalError"),
                           ("dict_later", "Runtime.MarshalError"),
                           ("surrogate", "UnicodeEncodeError"),
                           ("own_pipe", "BrokenPipeError")):
            r = call(name)
            tap.equal([r.data, r.type, r.order.replace("L", ""), r.status],
                      [b"a", kind, "SDEe", 1], "Python: " + name)
            tap.ok(len(r.error) <= 65000, "Python: of a size")

        gone = e.client()
        ask(gone, {"call": "endless"}, until=1)
        gone.close()
        tap.equal(json.loads(call("was_closed").data), [True],
                  "Python: a generator is closed when nobody reads")

        mark = os.path.join(folder, "marks")
        c.send(request(json.dumps({"call": "marks", "mark": mark}).encode()))
        if SENDS:
            wait_for(lambda: sleeps(e.pid), LIMIT)
            with open(mark) as f:
                tap.ok(int(f.read()) < 50,
                       "Python: it stops when nobody reads")
        r = Streamed(c)
        tap.equal([len(r.data), r.status], [6553600, 0],
                  "Python: and goes on")

    with Env().execute(argv) as e:
        e.ready("pystream.leaves")
        c = e.client()
        c.send(request(b"{}"))
        tap.equal([Streamed(c, until=1).data, c.closed(), e.wait()],
                  [b"a", True, 7], "Python: it exits")


def sleeps(pid):
    """In the kernel's sending; an environment that waits is in epoll_pwait()."""
    try:
        with open("/proc/%d/syscall" % pid) as f:
            return f.read().split()[0] in SENDS
    except (OSError, IndexError):
        return False


with Tap() as tap, tempfile.TemporaryDirectory() as folder:
    native(tap)
    node(tap, folder)
    python(tap, folder)
