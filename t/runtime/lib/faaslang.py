"""
The cases that every language's runtime is tested by, with the same functions
in each language (../functions/LANGUAGE/fn.*); what differs is in a Language.

    handler of fn   does
    echo            returns the event
    count           counts its calls
    fail            raises an error: "no " and what the event has as "what"
    members         returns all that the context has
    environment     returns variables and working folder
    logs            writes to standard output and error
    hang            writes a line, then sleeps for ever
    leave           writes a line, then exits with the event as its status
    killed          writes a line, flushes it, kills itself
    flood           writes as many lines of 1000 characters as the event says
    large           returns 5 MB of text
    value           returns the value the event names
    children        returns what a shell says about descriptors and variables
    random          returns random numbers
    raw             returns the event, which is bytes, as it is
"""

import os
import signal

from faasenv import (END, Env, FULL, FUNCTIONS, RUNTIME, STDERR, STDOUT, UID,
                     Zygote, json, params, request, skip_all, time, wait_for)

BIG = 3000000


class Language:
    """
    name        of the folder of functions, and in the version
    argv        of the runtime
    file        "fn." with the extension
    error       type of what "fail" raises
    inits       [(handler, error type, part of the message)]
    missing     tests that it cannot pass, by name
    status      exit status after a failed init
    in_children [(handler, result)] that are of interest in a forked process
    """

    def __init__(self, name, argv, file, error, inits, missing=(), status=1,
                 zygote=True, preload=None, argument=None, message="",
                 in_children=()):
        self.name = name
        self.argv = argv
        self.file = file
        self.error = error
        self.inits = inits
        self.missing = missing
        self.status = status
        self.forks = zygote
        self.message = message
        self.in_children = in_children
        self.more = [argument] if argument else []
        self.preload = preload or {"FAAS_ZYGOTE": "1"}
        self.root = os.path.join(FUNCTIONS, name)

        if not os.access(argv[0], os.X_OK):
            skip_all("no %s" % argv[0])

    def start(self, handler="fn.echo", root=None, env=None):
        """All but the command is for those that are no blanks."""
        return Env().execute(self.argv)

    def ready(self, handler, root=None, env=None):
        root = root or self.root
        return self.start(handler, root, env).ready(handler, root, env)

    def init(self, e, handler, **more):
        more.setdefault("root", self.root)
        return e.init(handler, **more)

    def zygote(self):
        env = dict(self.preload, LD_PRELOAD=RUNTIME + "/libfaas.so",
                   PATH="/usr/local/bin:/usr/bin:/bin", LANG="en_US.UTF-8")
        return Zygote(self.argv + self.more, env)


def handlers(tap, lang):
    event = {"a": [1, "\u00e4\U0001f600", None, True, {"b": {}}], "c": 1.5,
             "d": "", "e": [], "f": -7, "g": 12345678901}
    values = [None, True, 0, "text", [], {}, [[[]]], {"a": {}}]
    if "objects" in lang.missing:
        # those without members are lists
        event["a"][-1] = {"b": []}
        values = values[:-3] + [[[[]]]]

    with lang.ready("fn.echo") as e:
        tap.equal(e.call(event).json, event, "events as they are")
        tap.like(e.version.decode(), lang.name[:3], "BLANK has the version")

        for value in values:
            tap.equal(e.call(value).json, value, "an event: %r" % (value,))

        tap.equal(e.call(b' \n{"a": 1} ').json, {"a": 1}, "white space")
        tap.equal(e.call(b'"\\ud83d\\ude00"').json, "\U0001f600",
                  "a surrogate pair")

        big = {"k": "\u00e4" * BIG}
        text = json.dumps(big, ensure_ascii=False).encode()
        tap.ok(e.call(text).json == big, "an event of 6 MB")
        if "larger" not in lang.missing:
            tap.ok(e.call(big).json == big, "which JSON escapes made larger")

    if "count" not in lang.missing:
        with lang.ready("fn.count") as e:
            c, d = e.client(), e.client()
            tap.equal([x.call({}).json for x in (c, c, d, c, d)],
                      [1, 2, 3, 4, 5], "state lives on, on all connections")
            tap.like(e.raw(), b"loading\n", "what is printed while loading")


def init_errors(tap, lang):
    for handler, kind, part in lang.inits:
        with lang.start(handler) as e:
            what, payload = lang.init(e, handler)
            tap.equal(what, "E", "init error of " + handler)
            error = json.loads(payload)
            tap.equal(error["errorType"], kind, "its type")
            tap.like(error["errorMessage"], part, "its message")
            tap.equal(e.wait(), lang.status, "the exit status")
            tap.like(e.raw().decode(), part.split("\n")[0], "in the log")

    with lang.start("bad_exit.handler") as e:
        e.frame()
        e.send_init("bad_exit.handler", root=lang.root)
        tap.equal(e.wait(), 7, "exit while loading")

    with lang.start("fn.echo", "/nonexistent") as e:
        what, payload = lang.init(e, "fn.echo", root="/nonexistent")
        tap.equal((what, json.loads(payload)["errorType"]),
                  ("E", "Runtime.InvalidWorkingDir"), "no folder")


def errors(tap, lang):
    with lang.ready("fn.fail") as e:
        a = e.call(b'{"what": "way \xc3\xa4"}', request_id="rid-9")
        tap.equal((a.json["errorType"], a.json["errorMessage"], a.status),
                  (lang.error, lang.message + "no way \u00e4", 1),
                  "the payload of an error")
        if "trace" not in lang.missing:
            tap.like(" ".join(a.json["stackTrace"]), lang.file,
                     "its trace names the file")
            tap.ok(RUNTIME not in " ".join(a.json["stackTrace"]),
                   "and not the runtime", a.json["stackTrace"])
        tap.like(a.log.decode(), "no way \u00e4", "and the log")
        a = e.call({"what": "again"})
        tap.equal(a.json["errorMessage"], lang.message + "no again",
                  "the next one")

        if "events" not in lang.missing:
            for event in (b"{nonsense", b'"\xff"', b""):
                a = e.call(event)
                tap.equal((a.json["errorType"], a.status),
                          ("Runtime.UnmarshalError", 1),
                          "an event that is not JSON: %r" % event)
            a = e.call({}, client="{")
            tap.equal(a.json["errorType"],
                      "Runtime.LambdaContextUnmarshalError",
                      "a client context that is not JSON")


def context(tap, lang):
    with lang.ready("fn.members") as e:
        v = e.call({}, deadline_ms=int(time.time() * 1000) + 5000).json
        tap.ok(3000 < int(v.pop("left")) <= 5000, "remaining time")
        deadline = int(v.pop("deadline"))
        tap.ok(abs(deadline / 1000 - time.time()) < 6, "deadline", deadline)
        tap.equal(v, {
            "id": "rid-1", "name": "test", "version": "$LATEST",
            "arn": "arn:aws:lambda:us-east-1:000000000000:function:test",
            "memory": "128", "group": "/aws/lambda/test", "stream": "stream",
            "identity": None, "client": None, "trace": None}, "all members")

        v = e.call({}, request_id="two", deadline_ms=1, trace_id="Root=1-2",
                   arn="arn:other", identity='{"cognitoIdentityId":"i"}',
                   client='{"custom":{"a":1}}').json
        tap.equal((v["id"], int(v["left"]), v["trace"], v["identity"],
                   v["client"], v["arn"]),
                  ("two", 0, "Root=1-2", {"cognitoIdentityId": "i"},
                   {"custom": {"a": 1}}, "arn:other"),
                  "and those of another invocation")
        tap.equal(e.call({}).json["trace"], None, "the trace id is gone")


def logs(tap, lang):
    with lang.ready("fn.logs") as e:
        a = e.call({}, request_id="R")
        text = a.log.decode()
        for part in ("to stdout\n", "to stderr\n", "\u00e4\n"):
            tap.like(text, part, "the log has %r" % part)
        tap.equal(a.json, "done", "and the result is another thing")
        tap.equal(e.raw().replace(b"loading\n", b""), b"",
                  "nothing is outside of the invocation's log")

    with lang.ready("fn.hang") as e:
        c = e.client()
        c.send(request(b"{}", text=params()))
        tap.equal(c.record(), (STDERR, 1, b"hanging\n"),
                  "a line before it hangs")

    with lang.ready("fn.flood") as e:
        e.call(10)
        before = rss(e.pid)
        a = e.call(20000)
        tap.equal((a.json, len(a.log)), (20000, 20000 * 1001), "20 MB of log")
        tap.ok(rss(e.pid) - before < 8192, "which nobody keeps",
               (before, rss(e.pid)))


def results(tap, lang):
    with lang.ready("fn.value") as e:
        for name, want in (("text", "\u00e4\u2028\U0001f600\"\\\n"),
                           ("none", None), ("list", [1, [2], []]),
                           ("map", {"a": {"b": 1.5}}), ("true", True)):
            tap.equal(e.call(name).json, want, "result: " + name)

        if "unserialisable" not in lang.missing:
            a = e.call("bad")
            tap.equal(a.status, 1, "what cannot be encoded: " + str(a.json))
            tap.equal(e.call("true").json, True, "and it goes on")

    with lang.ready("fn.large") as e:
        tap.equal(len(e.call({}).json), 5000000, "5 MB")

    with lang.ready("fn.raw") as e:
        a = e.call(b"\x00\xff{\n", content_type="application/octet-stream")
        tap.equal((a.out, a.status), (b"\x00\xff{\n", 0),
                  "bytes as they are")


def environment(tap, lang):
    with lang.ready("fn.environment", env={"MINE": "\u00e4=1"}) as e:
        v = e.call({}).json
        tap.equal(v["env"].get("MINE"), "\u00e4=1", "own variable")
        names = set(v["env"]) - {"PWD", "SHLVL", "_", "OLDPWD"}
        tap.equal(sorted(names), sorted([
            "_HANDLER", "LAMBDA_TASK_ROOT", "TZ", "PATH", "LANG", "MINE",
            "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_LOG_GROUP_NAME",
            "AWS_LAMBDA_LOG_STREAM_NAME"]), "and no other than given")
        tap.equal(v["cwd"], lang.root, "folder")

    with lang.ready("fn.children", env={"X": "y"}) as e:
        lines = e.call({}).json.split("\n")
        tap.ok(int(lines[0]) <= 5, "children have no descriptors of ours",
               lines)
        tap.ok("X=y" in lines and not [n for n in lines if "PRELOAD" in n],
               "and the function's variables", lines)


def endings(tap, lang):
    for status in (3, 0):
        with lang.ready("fn.leave") as e:
            c = e.client()
            c.send(request(json.dumps(status).encode()))
            kind, _, text = c.record()
            tap.equal((kind, text), (STDERR, b"leaving\n"),
                      "log before exit(%d)" % status)
            tap.equal(e.wait(), status, "exit status")

    with lang.ready("fn.killed") as e:
        c = e.client()
        c.send(request(b"{}"))
        tap.equal(c.record(), (STDERR, 1, b"before\n"), "log before a crash")
        tap.equal(e.wait(), -signal.SIGKILL, "killed")


def shutdown(tap, lang):
    with lang.ready("fn.echo") as e:
        e.call(1)
        os.kill(e.pid, signal.SIGTERM)
        tap.equal(e.wait(), 0, "SIGTERM")

    with lang.ready("fn.echo") as e:
        e.send_frame("S")
        tap.equal(e.wait(), 0, "SHUTDOWN")

    with lang.start() as e:
        e.frame()
        e.control.close()
        tap.equal(e.wait(), 0, "a blank without a supervisor ends")


def rss(pid):
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith("Private_"))


def growth(tap, lang, n):
    """Memory and descriptors after many invocations of all kinds."""
    with lang.ready("fn.echo") as e:
        c = e.client()

        def some(count):
            for i in range(count):
                a = c.call({"n": i, "text": "x" * 500},
                           trace_id="Root=1-%060d" % i,
                           client='{"custom":{"n":%d}}' % i)
                assert a.json["n"] == i
                if i % 10 == 0:
                    c.call(b"{")

        some(n)
        before, open_before = rss(e.pid), len(fds_of(e.pid))
        some(n)
        # sanitizers keep what was freed
        tap.ok(os.environ.get("FAAS_SANITIZE")
               or rss(e.pid) - before < 1024, "no memory is kept",
               (before, rss(e.pid)))
        tap.equal(len(fds_of(e.pid)), open_before, "nor descriptors")


def fds_of(pid):
    return os.listdir("/proc/%d/fd" % pid)


def zygotes(tap, lang):
    with lang.zygote() as z:
        z.up()
        tap.like(z.version, lang.name[:3], "a zygote")
        envs = [z.spawn().ready("fn.random", root=lang.root)
                for _ in range(4)]
        values = [json.dumps(e.call({}).json) for e in envs]
        tap.equal(len(set(values)), 4, "random numbers differ: %r" % values)
        os.kill(envs[0].pid, signal.SIGKILL)
        tap.ok(envs[1].call({}).json, "one outlives the others")
        for e in envs:
            e.close()

        with z.spawn().ready("fn.children", root=lang.root,
                             env={"X": "y"}) as e:
            text = e.call({}).json
            tap.ok("PRELOAD" not in text and "FAAS_" not in text,
                   "nothing of the zygote in the variables", text)

        for handler, want in lang.in_children:
            with z.spawn().ready(handler, root=lang.root,
                                 env={"GEM_PATH": lang.root + "/gems"}) as e:
                tap.equal(e.call({}).json, want, handler + " in a child")

        if os.geteuid() == 0:
            with z.spawn(flags=FULL, uid=UID).ready(
                    "fn.echo", root=lang.root) as e:
                tap.equal(e.call({"a": 1}).json, {"a": 1}, "in a sandbox")
                os.kill(e.pid, signal.SIGTERM)
                tap.equal(e.wait(), 0, "SIGTERM as the first process")

        before = fds_of(z.pid)
        for _ in range(20):
            z.spawn().close()
        tap.equal(fds_of(z.pid), before, "the zygote keeps no descriptors")


def conformance(tap, lang, invocations=4000):
    for case in (handlers, init_errors, errors, context, logs, results,
                 environment, endings, shutdown):
        if case.__name__ not in lang.missing:
            case(tap, lang)

    if "growth" not in lang.missing:
        growth(tap, lang, invocations)

    if lang.forks:
        zygotes(tap, lang)


def warmed(tap, lang):
    """
    A blank that is told that it is next serves as any other; and says how
    long a cold start takes and what it holds.
    """
    with lang.zygote() as z:
        z.up()
        z.spawn().ready("fn.echo", root=lang.root).close()

        for told in False, True:
            times, own = [], []

            for i in range(20):
                with z.spawn() as e:
                    e.frame()
                    if told:
                        e.send_frame("W")
                    time.sleep(0.03)
                    begin = time.monotonic()
                    e.send_init("fn.echo", root=lang.root)
                    kind, text = e.frame()
                    if e.call({"n": i}).json != {"n": i}:
                        raise AssertionError("%s %r" % (kind, text))
                    times.append((time.monotonic() - begin) * 1000)
                    own.append(rss(e.pid))

            times.sort()
            own.sort()
            tap.ok(times[10] < 100, "cold starts, " + ("told" if told else
                                                       "not told"), times)
            print("# %s: from INIT to the first answer %.1f ms (median of "
                  "20), %.1f MB of its own" % (lang.name, times[10],
                                               own[10] / 1024))


def streamed(tap, lang, bad):
    """What "items" yields, by the records of runtime/libfaas/README.md."""
    def ask(event):
        e.send(request(json.dumps(event).encode(), text=params()))
        out = []
        while not out or out[-1][0] != END:
            kind, _, content = e.record()
            out.append((kind, content))
        return [o for o in out if o[0] != STDERR]

    with lang.ready("fn.items") as env:
        e = env.client()
        tap.equal(ask(1)[:3], [(64, b"application/octet-stream"),
                               (STDOUT, b"one"), (STDOUT, b"tw\xc3\xb6")],
                  "pieces are streamed")
        head = ask("head")
        tap.like(head[0][1], b"http-integration-response", "with a head")
        data, zeros = head[1][1][:-8], head[1][1][-8:]
        tap.equal((json.loads(data), zeros),
                  ({"statusCode": 201, "headers": {"x-a": "b"}}, bytes(8)),
                  "its data")
        for event, part in (("fail", "in the middle"), ("bad", bad)):
            r = ask(event)
            tap.ok([o for o in r if o[0] == 65 and part.encode() in o[1]],
                   "one that fails: " + event, r)
        tap.equal(ask(1)[1], (STDOUT, b"one"), "and the next")

        # nobody reads any more
        e.send(request(b"1", text=params()))
        e.record()
        e.close()
        e = env.client()
        tap.equal(ask(1)[1], (STDOUT, b"one"), "after one whose reader left")


__all__ = ["Language", "conformance", "growth", "rss", "streamed", "wait_for",
           "warmed"]
