#!/usr/bin/python3
"""The C# runtime, by Mono."""

import json
import os
import random
import shutil
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

import faasmono                                         # noqa: E402
from faasenv import *                                   # noqa: E402,F403
from faaslang import *                                  # noqa: E402,F403

if faasmono.faas_mono.lacking():
    skip_all(faasmono.faas_mono.lacking())

FORMS = "forms::forms.Forms::"
JSON = "forms::forms.Json::"
UNREAD = ("Error converting the Lambda event JSON payload to type "
          "System.Object: ")
BAD_HANDLER = "The valid format is 'ASSEMBLY::TYPE::METHOD'."


def named(handler):
    """What "fn.echo" of the cases of all languages is here."""
    if handler == "bad_exit.handler":
        return "bad::bad.Exit::Handle"
    return "fn::%s::Handle" % handler if handler.startswith("fn.") else handler


class Mono(Language):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.root = faasmono.root()

    def start(self, handler="fn.echo", root=None, env=None):
        e = Env().execute(self.argv, {"PATH": "/usr/local/bin:/usr/bin:/bin",
                                      "LC_ALL": "C.UTF-8"})
        send = e.send_init
        e.send_init = lambda handler, *more, **named_: send(
            named(handler), *more, **named_)
        return e

    def ready(self, handler, root=None, env=None):
        return super().ready(named(handler), root, env)


def init_error(handler, part, kind="LambdaValidationException"):
    return handler, kind, part


MONO = Mono(
    "mono", [faasmono.faas_mono.MONO, "--debug",
             faasmono.faas_mono.PROGRAM],
    "fn.cs", "ArgumentException", [
        init_error("none::a::b", "Could not find the specified handler "
                   "assembly with the file name 'none'."),
        init_error("a.b", BAD_HANDLER), init_error("a::b", BAD_HANDLER),
        init_error("a::b::", BAD_HANDLER), init_error("::b::c", BAD_HANDLER),
        init_error("../x::b::c", "Invalid lambda function handler"),
        init_error("fn::fn.Missing::Handle",
                   "Unable to load type 'fn.Missing' from assembly 'fn'."),
        init_error("fn::fn.echo::None", "Unable to find method 'None' in "
                   "type 'fn.echo' from assembly 'fn': Found no methods "
                   "matching method name 'None'."),
        init_error("bad::bad.Forms::Many", "more than 2 parameters"),
        init_error("bad::bad.Forms::Wrong", "the second parameter is not of "
                   "type 'Amazon.Lambda.Core.ILambdaContext'."),
        init_error("bad::bad.Forms::Over", "appears to have a number of "
                   "overloads."),
        init_error("bad::bad.Forms::Generic", "a generic method"),
        init_error("bad::bad.Forms::Async", "an 'async void' method"),
        init_error("bad::bad.Abstract::Handle", "an abstract method"),
        init_error("bad::bad.Abstract::Other", "is abstract"),
        init_error("bad::bad.Generic`1::Handle", "it is generic"),
        init_error("bad::bad.Hidden::Handle", "", "MissingMethodException"),
        init_error("bad::bad.Init::Handle", "type initializer for 'bad.Init'",
                   "TypeInitializationException"),
        init_error("bad::bad.Made::Handle", "not today",
                   "InvalidOperationException"),
    ], missing=("events", "growth"), zygote=False)


def results_of(tap, cases):
    """{(handler, event): what it answers}"""
    for handler in dict.fromkeys(h for h, _, _ in cases):
        with MONO.ready(handler) as e:
            c = e.client()
            for _, event, want in (x for x in cases if x[0] == handler):
                a = c.call(event if isinstance(event, bytes)
                           else json.dumps(event).encode())
                if a.status == 0:
                    tap.equal(a.json, want, "%s(%r)" % (handler, event))
                else:
                    tap.like(a.json["errorMessage"], str(want),
                             "%s(%r) fails" % (handler, event))


def forms(tap):
    results_of(tap, [
        (FORMS + "Calls", 0, 1), (FORMS + "Calls", 0, 2),
        (FORMS + "Same", "s", "s"), (FORMS + "Same", 5, "5"),
        (FORMS + "Same", None, None), (FORMS + "Same", True, "true"),
        (FORMS + "Same", {}, "an object for System.String"),
        (FORMS + "Twice", 4, 8), (FORMS + "Twice", "5", 10),
        (FORMS + "Twice", b"2.0", 4), (FORMS + "Twice", None, 0),
        (FORMS + "Twice", 1.5, "the number 1.5 for System.Int32"),
        (FORMS + "Twice", True, "a truth value for System.Int32"),
        (FORMS + "Twice", 1 << 40, "the number 1099511627776 for"),
        (FORMS + "Twice", [1], "a list for System.Int32"),
        (FORMS + "Named", {"b": 1, "a": "2"}, "test[a, 2],[b, 1]"),
        (FORMS + "Nothing", 1, None), (FORMS + "Only", 1, "rid-1"),
        (FORMS + "Private", 1, "private"), (FORMS + "Inherited", 1, 7),
        (FORMS + "Later", 1, 2), (FORMS + "Async", "m", "m128"),
        (FORMS + "Done", 1, None), (FORMS + "Out", 1, 5),
        (FORMS + "Pipe", {"a": None}, {"a": None}),
        (FORMS + "Null", 1, None),
        ("forms::forms.Forms+Inner::Handle", 1, "inner"),
        ("forms::forms.Forms+Value::Handle", {"n": 1}, {"N": 2}),
        (FORMS + "Zone", 1, "00:00:00  1.5"),
        (FORMS + "Where", 1, {"there": "beside"}),
        ("own::own.Forms::Same", "s", "< S >"),
    ])

    with MONO.ready(FORMS + "In") as e:
        a = e.call([1, 2])
        tap.equal((a.json, a.log), (None, b"6\n"), "only a Stream")
    with MONO.ready(FORMS + "File") as e, open("/etc/hostname", "rb") as f:
        tap.equal(e.call(1).out, f.read(), "any stream")

    with MONO.ready(FORMS + "Log") as e:
        a = e.call({}, identity='{"cognitoIdentityPoolId":"p"}',
                   client='{"custom":{"a":1},"env":{},'
                          '"client":{"app_title":"t"}}')
        tap.equal(a.json, {
            "n": 0, "c": "Amazon.Lambda.Core.ILambdaContext", "same": True,
            "type": True, "custom": {"a": "1"}, "env": {}, "title": "t",
            "pool": "p"}, "the context as an object")
        tap.equal(a.log, b"a line\na level\nan error\n"
                  b"System.Exception: why\n1 cd\n", "loggers and Console")


def objects(tap):
    whole = {"the name": "n", "Colour": 1, "When": "2020-01-02T03:04:05Z",
             "Price": 1.10, "Data": "AQID", "Numbers": [9],
             "Next": {"the name": "m"}, "Items": [{"Price": 2}],
             "By": {"Green": 7}, "Set": ["a"], "Grid": [[1], []],
             "Id": "00000000-0000-0001-0000-000000000002",
             "Link": "http://example.org/", "Span": "01:00:00",
             "Ratio": 0.5, "Letter": "l", "Any": {"a": [None, 1.5]},
             "Point": {"X": 3, "Y": 4}}

    def item(**more):
        return dict({"Colour": 0, "Price": 0, "Numbers": [9],
                     "Id": "00000000-0000-0000-0000-000000000000",
                     "Span": "00:00:00", "Letter": "\0"}, **more)

    given = dict(whole, Colour="green", point={"x": 3}, unknown={"a": [1]},
                 Numbers=[1], By={"1": 7}, Secret="mine", Static=7)
    del given["Point"], given["Numbers"]
    want = dict(whole, Next=item(**{"the name": "m"}),
                Items=[item(Price=2)])
    results_of(tap, [
        (JSON + "Item", given, want), (JSON + "Item", {}, item()),
        (JSON + "Item", {"THE NAME": "any case"},
         item(**{"the name": "any case"})),
        (JSON + "Item", None, None),
        (JSON + "Item", {"colour": "blue"}, 'the text "blue" for'),
        (JSON + "Item", {"data": "?"}, 'the text "?" for'),
        (JSON + "Items", [{}, None], [item(), None]),
        (JSON + "Types", [1, 1 << 40, 1 << 80, 1.5, "", None, True, [], {}],
         ["Int64", "Int64", "Double", "Double", "String", "null", "Boolean",
          "List`1", "Dictionary`2"]),
        (JSON + "Exact", b"0.1000000000000000000000000001",
         "0.1000000000000000000000000001"),
        (JSON + "Exact", b"1e999", "the number 1e999 for System.Decimal"),
        (JSON + "Date", 1.5, "1970-01-01T00:00:01.5Z"),
        (JSON + "Date", "2020-01-02", "2020-01-02T00:00:00"),
        (JSON + "Big", (1 << 64) - 1, (1 << 64) - 1),
        (JSON + "Small", 128, "for System.SByte"),
        (JSON + "Colour", None, None), (JSON + "Colour", "red", 0),
        (JSON + "Type", 1, "has no JSON"), (JSON + "Getter", 1, "get"),
        (JSON + "Stack", [1, 2], [2, 1]),
        (JSON + "Sorted", {"b": 1, "a": 2}, {"a": 2, "b": 1}),
        (JSON + "Compare", 1, 1), (JSON + "Compare", "a", "a"),
        (JSON + "Cannot", {}, "an object for System.IDisposable"),
        (JSON + "Cannot", None, None),
        (JSON + "Circle", {}, "nested too deeply, or in itself"),
        (JSON + "Odd", 0, ["NaN", 1.5, "c", 1, 1e300, 0.1, {"1": "one"},
                           "01:00:00", {"Key": "k", "Value": 2}, "\ud800",
                           "2020-01-02T03:04:05Z",
                           "2020-01-02T03:04:05+00:00", [1, 2], "AQ=="]),
    ])


def bad_events(tap):
    bad = [b"{nonsense", b'"\xff"', b"", b"{}x", b"[1,]", b'{"a":1,}', b"01",
           b"-", b"1.", b"1e", b'"\x01"', b'"\\x"', b'"\\u12"', b"tru",
           b"[" * 1001 + b"]" * 1001, b'{"a" 1}', b"{1:2}",
           b"\xef\xbb\xbf{}", b'"' + b"\\" * 3, b'"\xed\xa0\x80"']
    with MONO.ready("fn.echo") as e:
        c = e.client()
        for event in bad:
            a = c.call(event)
            tap.equal((a.status, a.json["errorMessage"][:len(UNREAD)],
                       a.json["errorType"]),
                      (1, UNREAD, "JsonSerializerException"),
                      "no JSON: %r" % event[:20])

        a = c.call({}, client="{")
        tap.like(a.json["errorMessage"], "cannot parse ClientContext",
                 "a client context that is not JSON")
        deep = b"[" * 1000 + b"]" * 1000
        tap.equal(c.call(deep).out, deep, "1000 lists in each other")
        a = c.call(b"[" * 100000)
        tap.equal(a.status, 1, "100000 of them")
        tap.equal(c.call(b'"\\ud800"').out, b'"\\ud800"', "a lone surrogate")
        tap.equal(c.call(b'{"a":1,"a":2}').json, {"a": 2}, "the last counts")

    with MONO.ready(JSON + "Item") as e:
        deep = b'{"Next":' * 900 + b"{}" + b"}" * 900
        tap.equal(e.call(deep).status, 0, "900 objects in each other")


def mangled(r, text):
    text = bytearray(text)
    for _ in range(r.randrange(1, 4)):
        at = r.randrange(len(text) + 1)
        what = r.randrange(3)
        if what == 0:
            text[at:at + r.randrange(4)] = b""
        elif what == 1:
            text[at:at] = bytes([r.choice(b'{}[]",:\\u0e-\xc3\xff \n1t')])
        elif at < len(text):
            text[at] = r.randrange(256)
    return bytes(text)


def value(r, depth):
    kind = r.randrange(7 if depth < 5 else 5)
    if kind == 0:
        return "".join(chr(r.choice((r.randrange(32, 127), r.randrange(1, 32),
                                     r.randrange(128, 0xd800),
                                     r.randrange(0x10000, 0x110000))))
                       for _ in range(r.randrange(20)))
    if kind == 1:
        return r.choice((True, False, None))
    if kind == 2:
        return r.randrange(-1 << r.randrange(1, 63), 1 << r.randrange(1, 63))
    if kind in (3, 4):
        return r.choice((r.random(), -r.random() / 10 ** r.randrange(300)))
    if kind == 5:
        return [value(r, depth + 1) for _ in range(r.randrange(6))]
    return {str(r.random()): value(r, depth + 1) for _ in range(r.randrange(6))}


def whole(text):
    """What is no long is a double."""
    n = int(text)
    return n if -1 << 63 <= n < 1 << 63 else float(text)


def refuse(word):
    raise ValueError(word)


def fuzz(tap, rounds=3000):
    """What Python reads as JSON is read as the same, all else refused."""
    seed = int(os.environ.get("FAAS_SEED") or random.randrange(1 << 30))
    print("# FAAS_SEED=%d" % seed)
    r = random.Random(seed)
    wrong, read, refused = [], 0, 0

    with MONO.ready("fn.echo") as e:
        c = e.client()
        for _ in range(rounds):
            text = json.dumps(value(r, 0),
                              ensure_ascii=r.random() < 0.5).encode()
            if r.random() < 0.7:
                text = mangled(r, text)
            try:
                want = json.loads(text.decode("utf-8"), parse_constant=refuse,
                                  parse_int=whole)
            except (ValueError, RecursionError):
                want = ValueError
            a = c.call(text)
            if want is ValueError:
                refused += 1
                good = a.status == 1
            else:
                read += 1
                good = a.status == 0 and (
                    a.json == want or "Infinity" in json.dumps(want))
            if not good:
                wrong.append((text, a.out[:200]))

    tap.equal(wrong[:3], [], "random JSON is read as by others")
    tap.ok(read > rounds / 4 and refused > rounds / 4,
           "good and bad ones", (read, refused))


def errors_of_its_own(tap):
    with MONO.ready(FORMS + "Fails") as e:
        v = e.call({}).json
        tap.equal((v["errorMessage"], v["errorType"],
                   v["cause"]["errorMessage"], v["cause"]["errorType"]),
                  ("in a task", "TimeoutException", "below", "Exception"),
                  "an exception of a task, and its cause")
        tap.like(v["stackTrace"][0], "forms.cs:", "a line of the trace")
        tap.equal(len(v["stackTrace"]), 1, "nothing of the runtime's")

    with MONO.ready(FORMS + "Faults") as e:
        v = e.call({}).json
        tap.equal(v["errorType"], "AggregateException", "several")
        tap.like(json.dumps(v), '"causes": [{"errorType": ', "in a list")

    with MONO.ready("fn.fail") as e:
        v = e.call({"what": "x" * 300000}).json
        tap.ok(len(json.dumps(v)) < 262144, "no more than 256 KB")

    with MONO.ready(FORMS + "Thread") as e:
        c = e.client()
        c.send(request(b"1", text=params()))
        kind, _, text = c.record()
        tap.like(text.decode(), "in a thread: ArgumentException",
                 "an exception of a thread is logged")
        tap.ok(e.wait() != 0, "and ends the process")

    with MONO.ready(FORMS + "AtExit") as e:
        e.call(1)
        os.kill(e.pid, signal.SIGTERM)
        tap.equal((e.wait(), e.raw()), (0, b"the handler\n"),
                  "SIGTERM runs what waits for the end")


def folders(tap):
    """An assembly of a layer has no other place to be tested than /opt."""
    with tempfile.TemporaryDirectory() as root:
        for name in "forms.dll", "Amazon.Lambda.Core.dll":
            shutil.copy(os.path.join(MONO.root, name), root)
        os.chmod(root, 0o755)
        with MONO.ready(FORMS + "Where", root=root) as e:
            a = e.call(1)
            tap.equal((a.status, a.json["errorType"]),
                      (1, "FileNotFoundException"), "an assembly is missing")
        with open(root + "/broken.dll", "w") as f:
            f.write("nothing")
        with MONO.start() as e:
            what, text = MONO.init(e, "broken::a::b", root=root)
            tap.like(text.decode(), "Unable to load assembly 'broken'.",
                     "one that is none")


def steady(tap):
    """Memory does not grow, of good and bad requests."""
    with MONO.ready("fn.echo") as e:
        c = e.client()

        def some(n):
            for i in range(n):
                c.call({"n": i, "text": "x" * 500}, trace_id="Root=1-%d" % i,
                       client='{"custom":{"n":%d}}' % i)
                if i % 10 == 0:
                    c.call(b"{")

        some(3000)
        before, count = rss(e.pid), len(os.listdir("/proc/%d/fd" % e.pid))
        some(3000)
        tap.ok(rss(e.pid) - before < 4096, "no memory is kept",
               (before, rss(e.pid)))
        tap.equal(len(os.listdir("/proc/%d/fd" % e.pid)), count,
                  "nor descriptors")


def cold(tap):
    """Says how long a cold start from a blank takes, and what it holds."""
    times, own, warm = [], [], []

    for i in range(12):
        with MONO.start() as e:
            e.frame()
            begin = time.monotonic()
            e.send_init("fn.members", root=MONO.root)
            e.frame()
            c = e.client()
            c.call({"n": i})
            times.append((time.monotonic() - begin) * 1000)
            for _ in range(30):
                begin = time.monotonic()
                c.call({"n": i})
                warm.append((time.monotonic() - begin) * 1000)
            own.append(rss(e.pid))

    times, own, warm = sorted(times), sorted(own), sorted(warm)
    # not the median: the machine may have other work
    tap.ok(times[3] < 100 * LIMIT / 20, "cold starts from blanks", times)
    print("# mono: from INIT to the first answer %.1f ms (median of 12), each "
          "further one %.2f ms, %.1f MB of its own"
          % (times[6], warm[len(warm) // 2], own[6] / 1024))


with Tap() as tap:
    conformance(tap, MONO)
    forms(tap)
    objects(tap)
    bad_events(tap)
    fuzz(tap)
    errors_of_its_own(tap)
    folders(tap)
    steady(tap)
    cold(tap)
