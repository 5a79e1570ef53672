#!/usr/bin/python3
"""The Lua runtime."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403
from faaslang import *                                  # noqa: E402,F403

LUA = Language(
    "lua", ["/usr/bin/luajit", RUNTIME + "/lua/bootstrap.lua"],
    "fn.lua", "Error", [
        ("a.b.c", "Runtime.MalformedHandlerName", "Bad handler 'a.b.c'"),
        ("missing.handler", "Runtime.ImportModuleError",
         "there is no file 'missing.lua'"),
        ("bad_import.handler", "Error", "module 'not_to_be_found' not found"),
        ("bad_syntax.handler", "Runtime.UserCodeSyntaxError",
         "Syntax error in 'bad_syntax'"),
        ("bad_code.handler", "Error", "secret"),
        ("fn.nothing", "Runtime.HandlerNotFound", "Handler 'nothing' missing "
         "in file 'fn.lua'"),
        ("no_function", "Runtime.HandlerNotFound", "does not return a "
         "function"),
    ])


def own(tap):
    with LUA.ready("lib/deep") as e:
        tap.equal(e.call(1).json, ["beside", 1], "a file that returns it")
    with LUA.ready("fn.a_global") as e:
        tap.equal(e.call(1).json, ["global", 1], "a global function")
    with LUA.ready("fn.prints") as e:
        a = e.call({})
        tap.equal((a.log.decode(), a.json),
                  ("a\t1\tnil\ttrue\nb2\ncd\nfalse\n", None), "print")
    with LUA.ready("fn.fail_table") as e:
        v = e.call({}).json
        tap.equal((v["errorType"], v["errorMessage"]), ("Custom", "mine"),
                  "a table as an error")
    with LUA.ready("fn.stack") as e:
        tap.like(e.call({}).json["errorMessage"], "stack overflow",
                 "recursion without end")
        tap.like(e.call({}).json["errorMessage"], "stack overflow",
                 "and once more")


def numbers(tap):
    with LUA.ready("fn.echo") as e:
        for text in (b"[]", b"{}", b"[[],{},null]", b"1234567890123456",
                     b"0.1", b"-1.5e-300", b'"\\u0000\\u001f\\u007f"',
                     b'{"a":[]}', b"0.30000000000000004", b"1e300"):
            tap.equal(e.call(text).json, json.loads(text),
                      "JSON: " + text.decode())
        tap.equal(e.call(b'"\\ud800"').json, "\ufffd", "a lone surrogate")
        for text in (b"[1,]", b"01", b"1.", b".5", b"+1", b"-", b"nul", b"1 2",
                     b'{"a"}', b'{"a":1,}', b"{1:2}", b'"\\x"', b'"\\u12"',
                     b'"a', b'"\\', b"[", b"[" * 600, b'"\n"', b"\xef\xbb\xbf",
                     b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xf4\x90\x80\x80"'):
            tap.equal(e.call(text).json["errorType"],
                      "Runtime.UnmarshalError", "no JSON: %r" % text[:10])


with Tap() as tap:
    conformance(tap, LUA)
    own(tap)
    numbers(tap)
    streamed(tap, LUA, "no string")
    warmed(tap, LUA)
