#!/usr/bin/python3
"""The Python runtime: started by itself, as each environment was forked from
a zygote is the same from there on (040-zygote.t)."""

import re
import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403

PYFN = os.path.join(FUNCTIONS, "pyfn.py")
with open(PYFN) as f:
    LINES = [line.strip() for line in f]

ARGV = [PYTHON, "-I", "-S", "-E", RUNTIME + "/python/bootstrap.py"]


def start():
    return Env().execute(ARGV)


def python(handler, **more):
    return start().ready(handler, **more)


def handlers(tap):
    for handler, want in (("pyfn.echo", {"a": [1, "\u00e4", None]}),
                          ("pkg/mod.handler", "pkg.mod"),
                          ("pkg.mod.handler", "pkg.mod"),
                          ("pyfn.instance", "called"),
                          ("pyfn.bound", "method")):
        with python(handler) as e:
            tap.equal(e.call({"a": [1, "\u00e4", None]}).json, want, handler)

    with python("uuid.handler", root=FUNCTIONS + "/own") as e:
        tap.equal(e.call({}).json, "the function's own",
                  "a module of the function wins over the runtime's")

    with python("pyfn.count") as e:
        tap.like(e.version, b"python3.", "BLANK has the version")
        c, d = e.client(), e.client()
        tap.equal([x.call({}).json for x in (c, c, d, c, d)], [1, 2, 3, 4, 5],
                  "state lives on, on all connections")
        tap.equal(e.raw(), b"loading\n", "what is printed while loading")


def init_errors(tap):
    cases = {
        "nodot": ("Runtime.MalformedHandlerName",
                  "Bad handler 'nodot': not enough values to unpack "
                  "(expected 2, got 1)", []),
        "sys.exit": ("Runtime.BuiltInModuleConflict", "Cannot use built-in "
                     "module sys as a handler module", []),
        "missing.handler": ("Runtime.ImportModuleError", "Unable to import "
                            "module 'missing': No module named 'missing'",
                            []),
        "bad_import.handler": ("Runtime.ImportModuleError", "Unable to import "
                               "module 'bad_import': No module named "
                               "'not_to_be_found'", []),
        "bad_syntax.handler": (
            "Runtime.UserCodeSyntaxError", "Syntax error in module "
            "'bad_syntax': '(' was never closed (bad_syntax.py, line 1)",
            ['  File "%s/bad_syntax.py" Line 1\n    def handler(event, '
             'context:\n' % FUNCTIONS]),
        "pyfn.nothing": ("Runtime.HandlerNotFound", "Handler 'nothing' "
                         "missing on module 'pyfn'", []),
    }

    for handler, (kind, message, trace) in cases.items():
        with start() as e:
            what, payload = e.init(handler)
            tap.equal((what, json.loads(payload)),
                      ("E", {"errorMessage": message, "errorType": kind,
                             "requestId": "", "stackTrace": trace}),
                      "init error of " + handler)
            tap.equal(e.wait(), 1, "exit status 1")
            tap.like(e.raw().decode(), "[ERROR] %s: %s\nTraceback (most "
                     "recent call last):\n" % (kind, message), "in the log")

    with start() as e:
        what, payload = e.init("bad_code.handler")
        error = json.loads(payload)
        tap.equal((error["errorType"], error["errorMessage"]),
                  ("KeyError", "'secret'"), "an exception while loading")
        tap.equal(error["stackTrace"][-1],
                  '  File "%s/bad_code.py", line 5, in inner\n    raise '
                  'KeyError("secret")\n' % FUNCTIONS, "and its trace")
        tap.like(e.raw(), b"about to fail\n", "and what it printed")

    with start() as e:
        e.frame()
        e.send_init("bad_exit.handler")
        tap.equal(e.wait(), 7, "sys.exit() while loading")

    with start() as e:
        what, payload = e.init("pyfn.echo", root="/nonexistent")
        tap.equal(json.loads(payload)["errorType"],
                  "Runtime.InvalidWorkingDir", "no folder")


def errors(tap):
    with python("pyfn.fail") as e:
        a = e.call({"what": "way \u00e4"}, request_id="rid-9")
        line = '    raise ValueError("no " + event["what"])'
        where = "%s\", line %d, in fail" % (PYFN,
                                            LINES.index(line.strip()) + 1)
        tap.equal(a.out.decode(), json.dumps({
            "errorMessage": "no way \u00e4", "errorType": "ValueError",
            "requestId": "rid-9",
            "stackTrace": ['  File "%s\n%s\n' % (where, line)]},
            ensure_ascii=False),
            "the payload of an exception")
        tap.equal(a.status, 1, "its status")
        nb = "\u00a0"
        tap.equal(a.log.decode(), "[ERROR] ValueError: no way \u00e4\n"
                  "Traceback (most recent call last):\n"
                  + nb * 2 + 'File "%s\n' % where
                  + nb * 4 + line.strip() + "\n", "and the log")
        a = e.call({})
        tap.equal(a.json["errorType"], "KeyError", "the next one")
        a = e.call(b"{nonsense")
        tap.equal(a.json["errorType"], "Runtime.UnmarshalError",
                  "an event that is not JSON")
        tap.like(a.json["errorMessage"], "Unable to unmarshal input: "
                 "Expecting property name", "says why")
        tap.equal(e.call(b'"\xff"').json["errorType"],
                  "Runtime.UnmarshalError", "an event that is not UTF-8")
        tap.equal(e.call(b"").json["errorType"], "Runtime.UnmarshalError",
                  "no event")
        a = e.call({}, client="{")
        tap.equal(a.json["errorType"], "Runtime.LambdaContextUnmarshalError",
                  "a client context that is not JSON")

    with python("pyfn.fail_custom") as e:
        a = e.call({})
        tap.equal((a.json["errorType"], a.status), ("Custom", 1),
                  "an exception that cannot say what it is")

    with python("pyfn.fail_nested") as e:
        a = e.call({})
        tap.equal(a.json["errorMessage"], "outer\nsecond line",
                  "a message of two lines")


def context(tap):
    with python("pyfn.members") as e:
        v = e.call({}, deadline_ms=int(time.time() * 1000) + 5000).json
        text = v.pop("repr")
        tap.ok(4000 < v.pop("left") <= 5000, "remaining time")
        tap.equal(v, {
            "id": "rid-1", "name": "test", "version": "$LATEST",
            "arn": "arn:aws:lambda:us-east-1:000000000000:function:test",
            "memory": "128", "group": "/aws/lambda/test", "stream": "stream",
            "identity": [None, None], "client": None, "tenant": None,
            "dict": ["aws_request_id", "client_context", "function_name",
                     "function_version", "identity", "invoked_function_arn",
                     "log_group_name", "log_stream_name",
                     "memory_limit_in_mb", "tenant_id"],
            "trace": None}, "all members")
        tap.equal(text, "LambdaContext([aws_request_id=rid-1,log_group_name="
                  "/aws/lambda/test,log_stream_name=stream,function_name=test,"
                  "memory_limit_in_mb=128,function_version=$LATEST,"
                  "invoked_function_arn=arn:aws:lambda:us-east-1:"
                  "000000000000:function:test,client_context=None,identity="
                  "CognitoIdentity([cognito_identity_id=None,"
                  "cognito_identity_pool_id=None]),tenant_id=None])", "repr")

        v = e.call({}, request_id="two", deadline_ms=1, trace_id="Root=1-2",
                   arn="arn:other", identity=json.dumps(
                       {"cognitoIdentityId": "i",
                        "cognitoIdentityPoolId": "p"}),
                   client=json.dumps({"client": {"app_title": "t"},
                                      "custom": {"a": 1}, "env": {}})).json
        tap.equal((v["id"], v["left"], v["trace"], v["identity"],
                   v["client"], v["arn"]),
                  ("two", 0, "Root=1-2", ["i", "p"], [{"a": 1}, {}, "t"],
                   "arn:other"), "and those of another invocation")
        tap.equal(e.call({}).json["trace"], None, "the trace id is gone")


def logs(tap):
    with python("pyfn.logs") as e:
        a = e.call({})
        tap.equal(a.log.decode(), "plain 1\nerror\nno newlinebytes\n"
                  "\u00e4\\ud800\U0001f600\nby context\ndunder\n",
                  "print and friends")
        tap.equal(a.json, [1, False, "utf-8"], "the streams' properties")

    with python("pyfn.logger") as e:
        text = re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "TIME",
                      e.call({}, request_id="R").log.decode())
        tap.equal(text, '[WARNING]\tTIME\tR\ta warning\n'
                  '[INFO]\tTIME\tR\tinformation\n'
                  '[ERROR]\tTIME\tR\tcaught\n'
                  'Traceback (most recent call last):\n  File "%s", line '
                  '%d, in logger\n    1 / 0\n    ~~^~~\nZeroDivisionError: '
                  'division by zero\nnext\n'
                  % (PYFN, LINES.index("1 / 0") + 1), "logging")

    for event in ("sleep", "spin"):
        with python("pyfn.hang") as e:
            c = e.client()
            c.send(request(json.dumps(event).encode(), text=params()))
            tap.equal(c.record(), (STDERR, 1, b"hanging\n"),
                      "a line before it hangs: " + event)


def results(tap):
    with python("pyfn.result") as e:
        def result(name):
            return e.call(name)

        for name, want in (("text", '"\u00e4\u2028\U0001f600\\"\\\\"'),
                           ("none", "null"), ("tuple", "[1, [2]]"),
                           ("decimal", '{"a": 1.10, "b": [NaN, -3E+2]}'),
                           ("lone", '"a\\ud800b"'), ("nan", "NaN"),
                           ("bytes", '{"raw":1}'),
                           ("keys", '{"1": 4, "null": 3}')):
            tap.equal(result(name).out.decode(), want, "result: " + name)

        for name, why in (("set", "set"), ("date", "date")):
            a = result(name)
            tap.equal((a.json["errorType"], a.json["errorMessage"],
                       a.json["stackTrace"], a.status),
                      ("Runtime.MarshalError", "Unable to marshal response: "
                       "Object of type %s is not JSON serializable" % why,
                       [], 1), "not serialisable: " + name)

        tap.equal(len(result("large").json), 5000000, "5 MB")
        tap.equal(result("tuple").out, b"[1, [2]]", "after errors")

    with python("pyfn.circle") as e:
        for i in range(2):
            tap.equal(e.call({}).json["errorMessage"],
                      "Unable to marshal response: Circular reference "
                      "detected", "a circle")

    with python("pyfn.echo") as e:
        big = {"k": "\u00e4" * 3000000}
        text = json.dumps(big, ensure_ascii=False).encode()
        tap.ok(e.call(text).json == big, "an event of 6 MB")
        tap.ok(e.call(big).json == big, "which JSON escapes made larger")
        tap.equal(e.call(b' \n{"a": 1} ').json, {"a": 1}, "white space")
        tap.equal(e.call(b"\xef\xbb\xbf1").json, 1, "a byte order mark")
        tap.equal(e.call(b'"\\ud83d\\ude00"').out.decode(), '"\U0001f600"',
                  "a surrogate pair")

        c = e.client()
        tap.equal([c.call(i).json for i in range(2000)], list(range(2000)),
                  "many invocations")
        a = e.call(b"\x00\xff", content_type="application/octet-stream")
        tap.equal((a.out, a.status), (b"\x00\xff", 0), "bytes as they are")


def traced(tap):
    """The variable is the process's own, and costs nothing to change."""
    with python("pyfn.traced") as e:
        c = e.client()
        for event in ("child", "remove", "child"):
            trace = "Root=1-" + event
            v = c.call(event, trace_id=trace).json
            if event == "child":
                tap.equal(v[:2], [trace, trace + "\n"],
                          "a program that is started has the trace id")
            else:
                tap.equal(v[0], None, "the function may remove it")
        long = "x" * 2000
        tap.equal(c.call("child", trace_id=long).json[:2], [long, long + "\n"],
                  "a long one")
        tap.equal(c.call("child").json[:2], [None, ""], "none")

        def pages(n):
            for i in range(n):
                v = c.call("", trace_id="Root=1-%060d" % (i * n)).json
            return v[2]

        before = pages(1000)
        # kept, 9000 values would be over 1 MB
        tap.ok(pages(9000) - before < 100, "no value is kept")


def environment(tap):
    with python("pyfn.environment", env={"MINE": "\u00e4=1",
                                         "PYTHONPATH": "/a:/b"}) as e:
        v = e.call({}).json
        tap.equal(v["environ"].get("MINE"), "\u00e4=1", "own variable")
        tap.equal(sorted(v["environ"]), sorted([
            "_HANDLER", "LAMBDA_TASK_ROOT", "TZ", "PATH", "LANG", "MINE",
            "PYTHONPATH", "AWS_LAMBDA_FUNCTION_NAME",
            "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
            "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME"]),
            "and no other than given")
        tap.equal((v["cwd"], v["path"][0], v["path"][2:5]),
                  (FUNCTIONS, FUNCTIONS, ["/opt/python", "/a", "/b"]),
                  "folder and search path")
        tap.ok(not any("dist-packages" in p for p in v["path"]),
               "no packages of the machine")
        tap.equal(v["zone"], ["UTC", "UTC"], "time zone")


def endings(tap):
    for event, status in ((3, 3), (None, 0), ("text", 1), ("os", 9)):
        with python("pyfn.leave") as e:
            c = e.client()
            c.send(request(json.dumps(event).encode()))
            kind, _, text = c.record()
            tap.equal((kind, text[:8]), (STDERR, b"leaving\n"),
                      "log before exit(%r)" % event)
            tap.equal(e.wait(), status, "exit status")

    with python("pyfn.kill") as e:
        c = e.client()
        c.send(request(b"{}"))
        tap.equal(c.record(), (STDERR, 1, b"before\n"), "log before a crash")
        tap.equal(e.wait(), -signal.SIGKILL, "killed")

    with python("pyfn.tty") as e:
        c = e.client()
        c.send(request(b"{}"))
        tap.equal(e.wait(), 6, "exit() without sys")

    with python("pyfn.sigterm") as e:
        e.call({})
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 4, "a function's own SIGTERM handler, idle")

    env = Env().execute(ARGV, {"LD_PRELOAD": preloaded("early")})
    with env.ready("pyfn.told") as e:
        e.call({})
        tap.equal(e.raw(b".")[-1:], b".", "a signal as the runtime falls asleep")

    with python("pyfn.echo") as e:
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 0, "SIGTERM")

    with python("pyfn.echo") as e:
        e.send_frame("S")
        tap.equal(e.wait(), 0, "SHUTDOWN")

    with python("pyfn.alarm") as e:
        e.call(0.01)
        wait_for(lambda: e.call(0).json == 1, what="the alarm")
        tap.ok(True, "a signal handler runs between invocations")


def processes(tap):
    with python("pyfn.thread") as e:
        a = e.call({})
        tap.equal((a.json, a.log), (True, b"from a thread\n"), "threads")

    with python("pyfn.background") as e:
        e.call("start")
        wait_for(lambda: e.call("look").json > 3, what="the thread")
        tap.ok(True, "a thread runs between invocations")

    with python("pyfn.children", env={"X": "y"}) as e:
        v = e.call({}).json
        tap.equal(v["fork"], 5, "fork")
        tap.like(e.raw(), b"from the child\n", "its text goes to the raw log")
        lines = v["shell"].split("\n")
        tap.ok(int(lines[0]) <= 5, "children have no descriptors of ours")
        tap.ok("X=y" in lines and not [n for n in lines if "PRELOAD" in n],
               "and the function's variables")
        tap.equal((v["terminated"], v["process terminated"]),
                  (-signal.SIGTERM, -signal.SIGTERM), "terminate()")
        tap.equal(v["process"], "hello", "multiprocessing")
        tap.equal(e.call({}).json["fork"], 5, "and once more")


with Tap() as tap:
    handlers(tap)
    init_errors(tap)
    errors(tap)
    context(tap)
    logs(tap)
    results(tap)
    traced(tap)
    environment(tap)
    endings(tap)
    processes(tap)
