#!/usr/bin/python3
"""TypeScript in the Node runtime: with a Node that strips types, from its
registry if there is no such one here, and with one that does not."""

import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "lib"), os.path.join(HERE, "../lib")]

from faasenv import *                                   # noqa: E402,F403
from faas_provided import cached, run                   # noqa: E402

BOOTSTRAP = RUNTIME + "/node/bootstrap.cjs"
VERSION = "22.21.1"
PACKAGE = "node-linux-" + {"x86_64": "x64", "aarch64": "arm64"}.get(
    os.uname().machine, os.uname().machine)
FILES = {
    "typed.ts": '''
import { size } from "./other.mts";
interface Event { name: string }
export const handler = async (event: Event): Promise<string> => {
    const name: string = event.name;
    return `hello ${name} ${size(name)}`;
};
''',
    "other.mts": '''
export function size(text: string): number { return text.length; }
''',
    "waits.ts": '''
const when: number = await Promise.resolve(7);
export const handler = async (): Promise<number> => when;
''',
    "old.cts": '''
type Name = "old";
exports.handler = async (): Promise<Name> => "old";
''',
    "wrong.ts": '''
export const handler = async (: string) => 1;
''',
    "throws.ts": '''

export const handler = async (event: { a: string }): Promise<void> => {
    throw new RangeError(event.a as string);
};
''',
}


def features(program):
    return subprocess.run([program, "-p", "process.features.typescript"],
                          stdout=subprocess.PIPE).stdout.strip().decode()


def newer():
    """A Node that strips types."""
    if features(NODE) in ("strip", "transform"):
        return NODE

    def install(folder):
        return run(["npm", "install", "--no-audit", "--no-fund", "--no-save",
                    "--fetch-retries=1", "%s@%s" % (PACKAGE, VERSION)],
                   folder)

    return os.path.join(cached("node-" + VERSION, install),
                        "node_modules", PACKAGE, "bin/node")


def folder():
    path = tempfile.mkdtemp(prefix="faas-ts-")
    for name, text in FILES.items():
        with open(os.path.join(path, name), "w") as f:
            f.write(text)
    return path


def old(tap, root):
    with Env().execute([NODE, BOOTSTRAP]) as e:
        what, payload = e.init("typed.handler", root=root)
        error = json.loads(payload)
        tap.equal((what, error["errorType"]),
                  ("E", "Runtime.ImportModuleError"), "a Node that cannot")
        tap.like(error["errorMessage"], "typed.ts is TypeScript, which "
                 "Node.js v", "says so")


def new(tap, node, root):
    def start():
        return Env().execute([node, BOOTSTRAP])

    with start().ready("typed.handler", root=root) as e:
        tap.equal(e.call({"name": "you"}).json, "hello you 3",
                  "a module, which imports another one")

    with start().ready("waits.handler", root=root) as e:
        tap.equal(e.call({}).json, 7, "an await at the top")

    with start().ready("old.handler", root=root) as e:
        tap.equal(e.call({}).json, "old", "CommonJS")

    with start().ready("throws.handler", root=root) as e:
        a = e.call({"a": "b"})
        tap.equal((a.json["errorType"], a.json["errorMessage"]),
                  ("RangeError", "b"), "an error")
        tap.like("".join(a.json["trace"]), "throws.ts:4:11",
                 "where it is in the source")

    with start() as e:
        what, payload = e.init("wrong.handler", root=root)
        tap.equal((what, json.loads(payload)["errorType"]),
                  ("E", "Runtime.UserCodeSyntaxError"), "a syntax error")


node = newer()
root = folder()

try:
    with Tap() as tap:
        if node != NODE:
            old(tap, root)
        new(tap, node, root)
finally:
    shutil.rmtree(root)
