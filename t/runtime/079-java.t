#!/usr/bin/python3
"""The Java runtime."""

import copy
import json
import os
import random
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

import faasjava                                         # noqa: E402
from faasenv import *                                   # noqa: E402,F403
from faaslang import *                                  # noqa: E402,F403

if faasjava.faas_java.lacking():
    skip_all(faasjava.faas_java.lacking())

FORMS = "own.Forms::"
BEANS = "own.Beans::"
SIZE = ["-Xmx96m", "-Xms24m"]


class Java(Language):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.root = faasjava.root()

    def start(self, handler="fn.echo", root=None, env=None):
        root = root or self.root
        return Env().execute(
            self.argv, {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"},
            cwd=root if os.path.isdir(root) else "/")


JAVA = Java(
    "java", [faasjava.faas_java.JAVA, "-Xrs", "-XX:+UseSerialGC",
             "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData"] + SIZE
    + ["-Dfile.encoding=UTF-8", "-Duser.language=en", "-Duser.country=US",
       "-jar", faasjava.faas_java.JAR],
    "fail.java", "java.lang.IllegalArgumentException", [
        ("fn.Missing", "java.lang.ClassNotFoundException",
         "Class not found: fn.Missing"),
        ("a/b::c", "Runtime.MalformedHandlerName", "Invalid handler: `a/b::c'"),
        ("fn.echo::", "Runtime.MalformedHandlerName", "Invalid handler"),
        ("own.Forms", "java.lang.ClassCastException", "Class does not "
         "implement an appropriate handler interface: own.Forms"),
        ("own.Forms::none", "java.lang.NoSuchMethodException",
         "No public method named none with appropriate method signature "
         "found on class own.Forms"),
        ("bad.Forms::secret", "java.lang.NoSuchMethodException",
         "No public method named secret with appropriate method signature"),
        ("bad.Forms::many", "java.lang.NoSuchMethodException",
         "No public method named many with appropriate method signature "
         "found on class bad.Forms"),
        ("bad.Forms::wrong", "java.lang.NoSuchMethodException",
         "appropriate method signature"),
        ("bad.Forms$Inner::handle", "java.lang.InstantiationException",
         "Class bad.Forms$Inner cannot be instantiated because it is a "
         "non-static inner class"),
        ("bad.Forms$Hidden::handle", "java.lang.NoSuchMethodException",
         "Class bad.Forms$Hidden has no public zero-argument constructor"),
        ("bad.Init::handle", "java.lang.ExceptionInInitializerError",
         "Error loading class bad.Init"),
        ("bad.Made", "java.lang.IllegalStateException", "not today"),
    ], missing=("events", "growth"), zygote=False)


def results_of(tap, cases):
    """{(handler, event): what it answers}"""
    for handler in sorted({h for h, _, _ in cases}):
        with JAVA.ready(handler) as e:
            c = e.client()
            for _, event, want in (x for x in cases if x[0] == handler):
                a = c.call(event if isinstance(event, bytes)
                           else json.dumps(event).encode())
                got = a.json if a.status == 0 else a.json["errorMessage"]
                tap.equal(got, want, "%s(%r)" % (handler, event))


def forms(tap):
    results_of(tap, [
        ("own.Forms$Nested", 1, 2), ("own.Forms$Nested::handleRequest", 2, 3),
        ("own.Forms$Generic", [1, 2, 12345678901], "sum 12345678904"),
        (FORMS + "calls", 0, 1), (FORMS + "calls", 0, 2),
        (FORMS + "same", "s", "s"), (FORMS + "same", 5, "5"),
        (FORMS + "same", None, None), (FORMS + "twice", 4, 8),
        (FORMS + "twice", "5", 10), (FORMS + "twice", 1.7, 2),
        (FORMS + "twice", None, 0), (FORMS + "twice", [3], 6),
        (FORMS + "twice", True, "An error occurred during JSON parsing"),
        (FORMS + "twice", 1 << 40, "An error occurred during JSON parsing"),
        (FORMS + "named", {"b": 1, "a": "2"}, "test{a=2, b=1}"),
        (FORMS + "named", [1, 2], "An error occurred during JSON parsing"),
        (FORMS + "named", [{"c": 3}], "test{c=3}"),
        (FORMS + "nothing", 1, None), (FORMS + "only", 1, "rid-1"),
        (FORMS + "over", "", "with context"), (FORMS + "out", 1, [1]),
        (FORMS + "pipe", {"a": None}, {"a": None}),
        (FORMS + "pipes", 12, "12"), (FORMS + "loader", 0, "found"),
        (FORMS + "zone", 0, "UTC en_US UTF-8"),
    ])

    with JAVA.ready(FORMS + "in") as e:
        a = e.call([1, 2])
        tap.equal((a.out, a.log), (b"", b"6\n"), "only an InputStream")


def beans(tap):
    whole = {"name": "n", "value": 5.000000007, "open": True,
             "items": [{"value": {"x": 1, "y": 2.5, "colours": ["GREEN"]},
                        "name": "one"}],
             "price": 1.10, "data": "AQID", "grid": [[1, 2], [], [3]],
             "colour": "RED", "note": "x", "date": 1500,
             "id": "00000000-0000-0001-0000-000000000002",
             "by": {"GREEN": 7}, "shorts": [1, 2], "fixed": 3,
             "URLs": {"HTTP": "http"}}
    given = dict(whole, letters="abc", unknown={"a": [1]}, fixed=9,
                 passing=8)
    results_of(tap, [
        (BEANS + "order", given, dict(whole, word="abc")),
        (BEANS + "order", {}, {"open": False, "fixed": 3,
                               "URLs": {"HTTP": "http"}}),
        (BEANS + "order", {"NAME": "any case", "Open": True},
         {"name": "any case", "open": True, "fixed": 3,
          "URLs": {"HTTP": "http"}}),
        (BEANS + "order", "", None), (BEANS + "order", [], None),
        (BEANS + "point", {"x": 1}, {"x": 1, "y": 0.0}),
        (BEANS + "point", {"x": 2, "colours": ["RED", "PINK"]},
         {"x": 2, "y": 0.0, "colours": ["RED", None]}),
        (BEANS + "point", {"x": 2, "colours": "RED"},
         {"x": 2, "y": 0.0, "colours": ["RED"]}),
        (BEANS + "points", {"a": {"x": 1}}, {"a": {"x": 1, "y": 0.0}}),
        (BEANS + "types", [1, 1 << 40, 1 << 80, 1.5, "", None, True, [], {}],
         ["Integer", "Long", "BigInteger", "Double", "String", "null",
          "Boolean", "ArrayList", "LinkedHashMap"]),
        (BEANS + "exact", b"0.10000000000000000000000000001",
         "0.10000000000000000000000000001"),
        (BEANS + "exact", b"1e999999999",
         "An error occurred during JSON parsing"),
        (BEANS + "big", 1 << 90, str(1 << 90)),
        (BEANS + "flag", "true", False), (BEANS + "flag", 0, True),
        (BEANS + "runnable", {}, "An error occurred during JSON parsing"),
        (BEANS + "runnable", None, None), (BEANS + "thrower", 0, "get"),
        (BEANS + "odd", 0, ["NaN", 1.5, "c", "RED", 3, 4, "b", "PT5S",
                            123456789012345678901234567890, "en_US", {}, [1],
                            1.000000005]),
    ])


def depth(tap):
    """What is nested deeply must not end the environment."""
    with JAVA.ready(BEANS + "node") as e:
        c = e.client()
        for text, end in (b'{"next":', b"}"), (b'{"nodes":[{"a":', b"}]}"):
            for n in 10, 200:
                event = text * n + b"{}" + end * n
                tap.equal(c.call(event).out, event, "%d beans deep" % n)
            for n in 300, 333, 999, 1001, 100000:
                a = c.call(text * n + b"{}" + end * n)
                tap.ok(a.status == 0 or "JSON" in a.json["errorMessage"],
                       "%d beans deep: an answer" % n, a.out[:200])
        tap.equal(c.call({}).json, {}, "and it goes on")

    with JAVA.ready(BEANS + "circle") as e:
        for _ in range(2):
            a = e.call({})
            tap.like(a.json["errorMessage"], "JSON serialization",
                     "a bean in itself")

    with JAVA.ready(BEANS + "thread") as e:
        tap.equal(e.call({}).status, 0, "an object of Java's own is its text")

    results_of(tap, [(BEANS + "properties", {"a": "b"}, {"a": "b"})])


def bad_events(tap):
    bad = [b"{nonsense", b'"\xff"', b"", b"{}x", b"[1,]", b'{"a":1,}', b"01",
           b"-", b"1.", b"1e", b'"\x01"', b'"\\x"', b'"\\u12"', b"tru",
           b"[" * 1001 + b"]" * 1001, b"1" * 1001, b'{"a" 1}', b"{1:2}",
           b"\xef\xbb\xbf{}", b'"' + b"\\" * 3]
    with JAVA.ready("fn.echo") as e:
        c = e.client()
        for event in bad:
            a = c.call(event)
            tap.equal((a.status, a.json["errorMessage"],
                       a.json["cause"]["errorType"]),
                      (1, "An error occurred during JSON parsing",
                       "ngxfaas.JsonException"), "no JSON: %r" % event[:20])

        a = c.call({}, client="{")
        tap.like(a.json["errorMessage"], "cannot parse ClientContext",
                 "a client context that is not JSON")
        deep = b"[" * 1000 + b"]" * 1000
        tap.equal(c.call(deep).out, deep, "1000 lists in each other")
        tap.equal(c.call(b'"\\ud800"').out, b'"\\ud800"', "a lone surrogate")
        tap.equal(c.call(b'{"a":1,"a":2}').json, {"a": 2}, "the last counts")
        tap.equal(c.call('"\ufffd"'.encode()).json, "\ufffd",
                  "a replacement character of its own")


def value(r, depth):
    kind = r.randrange(8 if depth < 6 else 6)
    if kind == 0:
        return "".join(chr(r.choice((r.randrange(32, 127), r.randrange(1, 32),
                                     r.randrange(128, 0xd800),
                                     r.randrange(0x10000, 0x110000))))
                       for _ in range(r.randrange(20)))
    if kind == 1:
        return r.choice((True, False, None))
    if kind == 2:
        return r.randrange(-1 << r.randrange(1, 100), 1 << r.randrange(1, 100))
    if kind == 3:
        return r.choice((r.random(), r.random() * 10 ** r.randrange(300),
                         -r.random() / 10 ** r.randrange(300)))
    if kind in (4, 5):
        return r.randrange(10)
    if kind == 6:
        return [value(r, depth + 1) for _ in range(r.randrange(6))]
    # maps do not keep nulls
    return {str(r.random()): v for v in (value(r, depth + 1)
                                         for _ in range(r.randrange(6)))
            if v is not None}


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


def reference(text):
    """What Python makes of it, or ValueError."""
    def refuse(word):
        raise ValueError(word)

    return json.loads(text.decode("utf-8"), parse_constant=refuse)


def without_nulls(v):
    if isinstance(v, dict):
        return {k: without_nulls(x) for k, x in v.items() if x is not None}
    return [without_nulls(x) for x in v] if isinstance(v, list) else v


def same(a, b):
    """Equal, and of equal kind: 1 is neither 1.0 nor true."""
    return json.dumps(a, sort_keys=True) == json.dumps(b, sort_keys=True)


def fuzz(tap, rounds=4000):
    seed = int(os.environ.get("FAAS_SEED") or random.randrange(1 << 30))
    print("# FAAS_SEED=%d" % seed)
    r = random.Random(seed)
    wrong, read, refused = [], 0, 0

    with JAVA.ready("fn.echo") as e:
        c = e.client()
        for _ in range(rounds):
            v = value(r, 0)
            text = json.dumps(v, ensure_ascii=r.random() < 0.5).encode()
            if r.random() < 0.7:
                text = mangled(r, text)
            try:
                want = without_nulls(reference(text))
            except (ValueError, RecursionError):
                want = ValueError
            a = c.call(text)
            if want is ValueError:
                refused += 1
                good = a.status == 1
            else:
                read += 1
                good = a.status == 0 and (same(a.json, want)
                                          or b"\\ud" in text.lower()
                                          or "Infinity" in json.dumps(want))
            if not good:
                wrong.append((text, a.out[:200]))

    tap.equal(wrong[:3], [], "random JSON is read as by others")
    tap.ok(read > rounds / 4 and refused > rounds / 4,
           "good and bad ones", (read, refused))


def errors_of_its_own(tap):
    with JAVA.ready(FORMS + "nested") as e:
        v = e.call({}).json
        tap.equal((v["errorMessage"], v["errorType"],
                   v["cause"]["errorMessage"], v["cause"]["errorType"],
                   "errorMessage" in v["cause"]["cause"],
                   v["cause"]["cause"]["errorType"]),
                  ("outer", "java.lang.IllegalStateException", "inner",
                   "java.io.IOException", False, "java.lang.Error"),
                  "causes")
        tap.like(v["stackTrace"][0], "own.Forms.nested(Forms.java:",
                 "a line of the trace")
        tap.equal(len(v["stackTrace"]), 1, "nothing of the runtime's")

    with JAVA.ready(FORMS + "checked") as e:
        v = e.call({}).json
        tap.equal((v.get("errorMessage"), v["errorType"]),
                  (None, "java.lang.Exception"), "without a message")

    for handler, event, kind in (
            ("deep", "x", "java.lang.StackOverflowError"),
            ("full", 500, "java.lang.OutOfMemoryError")):
        with JAVA.ready(FORMS + handler) as e:
            a = e.call(event)
            tap.equal((a.json["errorType"], a.status, e.wait()), (kind, 1, 1),
                      "answers and ends: " + kind)


def streams_end(tap):
    with JAVA.ready("fn.raw") as e:
        tap.equal([e.call(i).json for i in (1, 2, 3)], [1, 2, 3],
                  "what is written too late goes nowhere")


def threads(tap):
    with JAVA.ready(FORMS + "later") as e:
        for _ in range(50):
            e.call(1)
        e.call(2)
        tap.ok(True, "threads log whenever they want")

    with JAVA.ready(FORMS + "threads") as e:
        c = e.client()
        first = c.call(0).json
        before = len(os.listdir("/proc/%d/task" % e.pid))
        for _ in range(10000):
            last = c.call(0).json
        tap.equal((last, len(os.listdir("/proc/%d/task" % e.pid))),
                  (first, before), "10000 invocations without a new thread")


def kept(tap):
    """With a heap that has been filled already it is not the heap that grows:
    10000 invocations."""
    small = copy.copy(JAVA)
    small.argv = [{SIZE[0]: "-Xmx16m", SIZE[1]: "-Xms16m"}.get(word, word)
                  for word in JAVA.argv]
    growth(tap, small, 5000)


def serial(tap):
    with JAVA.ready(FORMS + "inside") as e:
        many = [e.client() for _ in range(30)]
        for c in many:
            c.send(request(b"1", text=params()) * 3)
        tap.equal([c.answer().json for _ in range(3) for c in many], [1] * 90,
                  "never two at once, whichever connection they come on")


def hooks(tap):
    for how in "TERM", "S":
        with JAVA.ready(FORMS + "hook") as e:
            e.call(0)
            if how == "S":
                e.send_frame("S")
            else:
                os.kill(e.pid, signal.SIGTERM)
            tap.equal(e.wait(), 0, "exit status after " + how)
            tap.like(e.raw(), b"the hook\n", "its hooks ran")


def jars(tap):
    """Classes of lib/*.jar; what the code has itself comes first."""
    source = {"two/Where.java": """package two;

public class Where {
    public String find(Object o) { return "%s"; }
    public String other(Object o) { return three.Other.NAME; }
}
""", "three/Other.java": """package three;

public class Other {
    public static final String NAME = new String("%s");
}
"""}

    def classes(name):
        return faasjava.faas_java.files(
            {path: text % name for path, text in source.items()})

    import tempfile
    import zipfile
    with tempfile.TemporaryDirectory() as root:
        os.makedirs(root + "/lib")
        for name in "b", "a":
            with zipfile.ZipFile(root + "/lib/%s.jar" % name, "w") as jar:
                for path, data in classes(name).items():
                    jar.writestr(path, data)
        with JAVA.ready("two.Where::find", root=root) as e:
            tap.equal(e.call(0).json, "a", "jars in the order of their names")
        os.makedirs(root + "/two")
        with open(root + "/two/Where.class", "wb") as f:
            f.write(classes("folder")["two/Where.class"])
        with JAVA.ready("two.Where::find", root=root) as e:
            tap.equal(e.call(0).json, "folder", "after the code's own folder")
        with JAVA.ready("two.Where::other", root=root) as e:
            tap.equal(e.call(0).json, "a", "and both see each other")
        os.rename(root + "/lib/a.jar", root + "/lib/a b#%41+\u00e4.jar")
        with JAVA.ready("two.Where::other", root=root) as e:
            tap.equal(e.call(0).json, "a", "any name of a jar")
        with open(root + "/lib/broken.jar", "w") as f:
            f.write("nothing")
        with JAVA.ready("two.Where::find", root=root) as e:
            tap.equal(e.call(0).json, "folder", "a broken jar is none")


def cold(tap):
    """Says how long a cold start from a blank takes, and what it holds."""
    times, own, warm = [], [], []

    JAVA.ready("fn.echo").close()

    for i in range(12):
        with JAVA.start() as e:
            e.frame()
            begin = time.monotonic()
            e.send_init("fn.members", root=JAVA.root)
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
    tap.ok(times[3] < 60 * LIMIT / 20, "cold starts from blanks", times)
    print("# java: from INIT to the first answer %.1f ms (median of 12), each "
          "further one %.2f ms, %.1f MB of its own"
          % (times[6], warm[len(warm) // 2], own[6] / 1024))


with Tap() as tap:
    conformance(tap, JAVA)
    kept(tap)
    forms(tap)
    beans(tap)
    depth(tap)
    bad_events(tap)
    fuzz(tap)
    errors_of_its_own(tap)
    streams_end(tap)
    threads(tap)
    serial(tap)
    hooks(tap)
    jars(tap)
    cold(tap)
