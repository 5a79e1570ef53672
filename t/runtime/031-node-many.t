#!/usr/bin/python3
"""The Node runtime with several invocations at a time."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403

BOOTSTRAP = RUNTIME + "/node/bootstrap.cjs"
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
MANY = {"AWS_LAMBDA_MAX_CONCURRENCY": "10"}


def node(handler, env=MANY):
    return Env().execute([NODE, BOOTSTRAP]).ready(handler, env=env)


def text(a):
    return TIME.sub("TIME", a.log.decode())


def begin(env, n, **event):
    """N requests that wait for "g0", "g1", ...; their connections."""
    clients = []
    for i in range(n):
        c = env.client()
        c.send(request(json.dumps(dict(event, gate="g%d" % i)).encode(),
                       text=params("id-%d" % i, trace_id="trace-%d" % i,
                                   client='{"n": %d}' % i)))
        clients.append(c)
    return clients


def opened(env, name):
    ask(env.client(), {"gates": [name]})


def overlapping(tap):
    with node("nodemany.handler") as e:
        tap.equal(e.call({"do": "open", "gates": ["x"]}).json, "opened", "one")
        waiting = begin(e, 5, do="wait")

        a = e.call({"do": "open", "gates": ["g3"]}, request_id="opener")
        tap.equal((a.json, a.log), ("opened", b""), "another one is answered")

        a = waiting[3].answer()
        tap.equal((a.json, text(a)),
                  ("g3", "TIME\tid-3\tINFO\tbefore g3\n"
                   "TIME\tid-3\tINFO\tafter g3\n"), "and the one it let go")

        e.call({"do": "open", "gates": ["g0", "g4", "g2", "g1"]})
        for i in (0, 1, 2, 4):
            a = waiting[i].answer()
            tap.equal((a.json, text(a)),
                      ("g%d" % i, "TIME\tid-%d\tINFO\tbefore g%d\n"
                       "TIME\tid-%d\tINFO\tafter g%d\n" % (i, i, i, i)),
                      "the log of number %d is its own" % i)

        tap.equal(e.call({"do": "most"}).json, 6, "so many at a time")

        c = waiting[0]
        tap.equal([c.call(json.dumps({"do": "open", "gates": []}).encode())
                   .json for i in range(300)], ["opened"] * 300,
                  "many on one connection")

    with node("nodemany.handler") as e:
        waiting = begin(e, 3, do="context")
        e.call({"do": "open", "gates": ["g2", "g1", "g0"]})
        tap.equal([c.answer().json for c in waiting],
                  [["id-%d" % i, {"n": i}, "number", False, False]
                   for i in range(3)], "contexts")

    with node("nodemany.handler") as e:
        waiting = begin(e, 3, do="store")
        e.call({"do": "open", "gates": ["g2", "g1", "g0"]})
        tap.equal([c.answer().json for c in waiting],
                  [["id-%d" % i, "trace-%d" % i, "g%d" % i]
                   for i in range(3)], "the store that libraries ask")


def failures(tap):
    with node("nodemany.handler") as e:
        failing = begin(e, 2, do="fail")
        a = e.call({"do": "open", "gates": ["g1"]})
        a = failing[1].answer()
        tap.equal((a.json["errorType"], a.json["errorMessage"], a.status),
                  ("RangeError", "failed g1", 1), "one of them fails")
        tap.like(text(a), "TIME\tid-1\tERROR\tInvoke Error \t", "and says so")
        e.call({"do": "open", "gates": ["g0"]})
        tap.equal(failing[0].answer().json["errorMessage"], "failed g0",
                  "then the other one")

    with node("nodemany.handler") as e:
        waiting = begin(e, 2, do="wait")
        a = e.call({"do": "crash"})
        tap.equal([x.json["errorMessage"] for x in
                   [a] + [w.answer() for w in waiting]],
                  ["nobody catches it"] * 3, "an error that nobody catches")
        tap.equal(e.wait(), 129, "ends the process")


def others(tap):
    with node("nodemany.callback") as e:
        waiting = begin(e, 2) + begin(e, 1, fail=True)
        e.call({"gates": ["g1"]})
        tap.equal(waiting[1].answer().json, "g1", "a callback")
        e.call({"gates": ["g0"]})
        tap.equal(waiting[0].answer().json, "g0", "another one")
        tap.equal(waiting[2].answer().json["errorMessage"], "no",
                  "and one with an error")

    with node("nodemany.plain") as e:
        tap.equal(e.call({}).json, None, "a plain function without one")

    with node("nodemany.stream") as e:
        waiting = begin(e, 2) + begin(e, 1, fail=True)
        opened(e, "g1")
        a = Streamed(waiting[1])
        tap.equal((a.data, text(a)),
                  (b"one g1 two g1", "TIME\tid-1\tINFO\tstreams g1\n"),
                  "streams")
        opened(e, "g0")
        tap.equal(Streamed(waiting[0]).data, b"one g0 two g0", "another one")
        a = Streamed(waiting[2])
        tap.equal((a.data, a.type, a.status), (b"one g0 ", "Error", 1),
                  "and one that fails")

    for variables in ({}, {"AWS_LAMBDA_MAX_CONCURRENCY": "1"}):
        with node("nodemany.handler", variables) as e:
            c = begin(e, 1, do="wait")[0]
            d = e.client()
            d.send(request(b'{"do": "open", "gates": ["g0"]}'))
            tap.equal(c.answer().json["errorType"], "Runtime.NodeJsExit",
                      "one at a time unless declared")
            tap.equal(d.answer().json, "opened", "and then comes the other")

    with node("nodemany.handler") as e:
        waiting = begin(e, 2, do="wait")
        e.call({"do": "most"})
        e.send_frame("S")
        tap.equal(e.call({"do": "open", "gates": ["g0", "g1"]}).json,
                  "opened", "the end waits for those that run")
        tap.equal([w.answer().json for w in waiting], ["g0", "g1"],
                  "they are answered")
        tap.equal(e.wait(), 0, "then it comes")


with Tap() as tap:
    overlapping(tap)
    failures(tap)
    others(tap)
