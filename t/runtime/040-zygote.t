#!/usr/bin/python3
"""The zygote and the exec spawner as an ordinary process: messages, children,
what a fork must and must not share."""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403


def private(pid):
    """Memory that a process has for itself alone, KB."""
    with open("/proc/%d/smaps_rollup" % pid) as f:
        return sum(int(line.split()[1]) for line in f
                   if line.startswith("Private_Dirty"))


def warm(tap):
    """A blank that is next gets its memory ready; others save it."""
    with Zygote.python() as z:
        z.up()
        first, second = z.spawn(), z.spawn()
        for e in first, second:
            tap.equal(e.frame()[0], "B", "a blank")
        cold = private(first.pid)
        first.send_frame("W")
        wait_for(lambda: private(first.pid) > cold + 500)
        tap.ok(private(second.pid) < cold + 200, "the other one stays cold")
        for e in first, second:
            e.send_init("pyfn.echo")
            tap.equal(e.frame(), ("R", b""), "gets its function")
            tap.equal(e.call("x").json, "x", "and serves")

        # told when it already has one

        second.send_frame("W")
        tap.equal(second.call("y").json, "y", "too late is no harm")
        first.close()
        second.close()


def children(tap):
    with Zygote.python() as z:
        z.up()
        tap.ok(z.version.startswith("python3."), "UP has the version")

        envs = [z.spawn() for i in range(8)]
        for e in envs:
            e.ready("pyfn.randoms")
        tap.equal(len({e.pid for e in envs}), 8, "eight environments")
        tap.equal([e.version.decode() for e in envs], [z.version] * 8,
                  "of that version")

        with open("/proc/%d/stat" % envs[0].pid) as f:
            fields = f.read().rsplit(")", 1)[1].split()
        tap.equal(int(fields[1]), os.getpid(), "they are our own children")
        tap.equal(int(fields[3]), envs[0].pid, "each leads a session")

        values = [e.call({}).json for e in envs]
        for i, name in enumerate(("random()", "uuid4()", "urandom()")):
            tap.equal(len({v[i] for v in values}), 8, name + " differs")

        for e in envs[1:]:
            os.kill(e.pid, signal.SIGKILL)
            e.wait()
        tap.equal(len(envs[0].call({}).json), 3, "one outlives the others")
        for e in envs:
            e.close()

        e = z.spawn().ready("pyfn.children", env={"X": "y"})
        v = e.call({}).json
        tap.equal((v["fork"], v["process"]), (5, "hello"),
                  "fork and multiprocessing in a child")
        tap.ok("PRELOAD" not in v["shell"] and "FAAS" not in v["shell"],
               "nothing of the zygote in the variables")
        e.close()

        with z.spawn().ready("pyfn.thread") as e:
            tap.equal(e.call({}).json, True, "threads in a child")

        with z.spawn().ready("zygotefn.ids") as e:
            v = e.call({}).json
            tap.equal(v["native"], v["tid"], "glibc knows the child's own id")
            tap.equal(v["locks"], "done", "recursive locks work")
            tap.ok(v["gc"][0] and v["gc"][1] > 1000,
                   "collection is on, the zygote's objects are left out")

        tap.equal(children_fds(z), [], "descriptors of a new blank")

        for i in range(60):
            z.spawn().close()
        tap.equal(fds_of(z.pid)[-1], 3, "the zygote keeps no descriptors")


def fds_of(pid):
    return sorted(int(f) for f in os.listdir("/proc/%d/fd" % pid))


def children_fds(z):
    """What is open in a blank besides 0, 1, 2, 3, its socket and epoll."""
    with z.spawn() as e:
        e.frame()
        return fds_of(e.pid)[6:]


def messages(tap):
    with Zygote.python() as z:
        z.up()
        e = Env()

        def failed(what, **options):
            z.send(options.pop("fds", e.fds()), **options)
            kind, slot, pid, error, text = z.reply()
            tap.equal((kind, error, text), (FAILED, 22, what[1]), what[0])

        failed(("a wrong magic number", "message"), magic=1)
        failed(("no descriptors", "descriptors"), fds=[])
        failed(("one too few", "descriptors"), fds=e.fds()[:2])
        failed(("one too many", "descriptors"), fds=e.fds() + [0])
        failed(("more tasks files than there may be", "descriptors"),
               n_tasks=1000)
        failed(("no code tree", "descriptors"), flags=TREE)

        z.sock.sendmsg([b"short"], [])
        tap.equal(z.reply()[0], FAILED, "a short message")

        fds = e.fds() + [0] * 10
        z.send(fds)
        tap.equal(z.reply()[0], FAILED, "very many descriptors")

        z.spawn(e).ready("pyfn.echo")
        tap.equal(e.call(5).json, 5, "and it works all the same")
        tap.equal(fds_of(z.pid)[-1], 3, "no descriptors were kept")

        # several messages at once
        envs = [Env() for i in range(5)]
        for x in envs:
            z.send(x.fds())
        for x in envs:
            kind, slot, x.pid, _, _ = z.reply()
            x.release()
        tap.equal([x.ready("pyfn.echo").call(1).json for x in envs], [1] * 5,
                  "several messages at once")

        z.sock.close()
        tap.equal(z.wait(), 0, "the zygote ends with the supervisor")
        tap.equal(e.call(6).json, 6, "its children do not")

        for x in [e] + envs:
            x.close()


def steps(tap):
    """A step that fails is said, and the status is FAAS_EXIT_SETUP."""
    with Zygote.python() as z:
        z.up()
        full = os.open("/dev/full", os.O_WRONLY)
        with z.spawn(more=[full], n_tasks=1) as e:
            tap.equal(e.wait(), 125, "a child that cannot be set up")
            tap.equal(e.raw(), b"faas: cgroup tasks: No space left on device\n",
                      "says why")
        os.close(full)

        path = os.path.join(BUILD, "t", "tasks")
        os.makedirs(os.path.dirname(path), exist_ok=True)
        tasks = [os.open(path + str(i), os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
                 for i in range(8)]
        with z.spawn(more=tasks, n_tasks=8).ready("pyfn.echo") as e:
            for i in range(8):
                with open(path + str(i)) as f:
                    tap.equal(f.read(), "0", "tasks file %d" % i)
                os.close(tasks[i])
                os.unlink(path + str(i))
            tap.equal(e.call(1).json, 1, "and on it goes")

        with z.spawn(nofile=40, data=100 << 20).ready("zygotefn.limits") as e:
            v = e.call({}).json
            tap.equal(v["nofile"], [40, 40], "RLIMIT_NOFILE")
            tap.equal(v["core"], [1, 1], "RLIMIT_CORE")
            tap.equal(v["data"], [100 << 20] * 2, "RLIMIT_DATA")
            tap.equal(v["memory"], "MemoryError", "stops a large allocation")
            tap.equal(v["oom"], "500", "oom_score_adj")

        with z.spawn(flags=NO_NEW_PRIVS).ready("zygotefn.status") as e:
            tap.equal(e.call("NoNewPrivs").json, "1", "no_new_privs")


def spawner(tap):
    with Zygote.spawner() as z:
        z.up()
        tap.equal(z.version, "exec", "UP of the spawner")
        e = z.spawn(argv=["/bin/sh", "-c",
                          "echo $0 $1 $A; env; pwd; ls /proc/self/fd; "
                          "grep -E 'Sig(Blk|Ign)' /proc/self/status; exit 9",
                          "zero", "one"],
                    variables={"A": "b c", "LAMBDA_TASK_ROOT": "/usr"})
        tap.equal(e.wait(), 9, "the exit status")
        lines = e.raw().decode().split("\n")
        tap.equal(lines[0], "zero one b c", "arguments and variables")
        tap.equal(sorted(n for n in lines if "=" in n), [
            "A=b c", "LAMBDA_TASK_ROOT=/usr", "PWD=/usr"], "nothing besides")
        tap.ok("/usr" in lines, "started in LAMBDA_TASK_ROOT")
        at = lines.index("/usr", 1)
        tap.equal(lines[at + 1:at + 6], ["0", "1", "2", "3", "4"],
                  "descriptors 0 to 3, and that of ls")
        # 32 and 33 are glibc's own: nobody can set them, so they come
        # from whatever started this test
        tap.equal([int(n.split()[1], 16) & ~0x180000000
                   for n in lines if n.startswith("Sig")],
                  [0, 0], "no signal is blocked or ignored")
        e.close()

        with z.spawn(argv=["/nonexistent"]) as e:
            tap.equal(e.wait(), 125, "a program that is not there")
            tap.equal(e.raw(), b"faas: /nonexistent: No such file or "
                      b"directory\n", "says so")

        def refused(name, **options):
            e = Env()
            z.send(e.fds(), **options)
            tap.equal(z.reply()[4], "arguments", name)
            e.close()

        refused("no program")
        with Env() as e:
            head = struct.pack("=IIIIIIIIQIIII", 0x4e575053, 1, 1, 0, 0, 1, 1,
                               0, 0, 0, 5, 5, 0)
            z.sock.sendmsg([head + b"only\0two\0"],
                           [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                             array.array("i", e.fds()))])
            tap.equal(z.reply()[4], "arguments", "fewer strings than said")

        echo = compiled("echo")
        with z.spawn(argv=[echo]).ready("bootstrap") as e:
            tap.equal(e.call(b"hi").out, b"hi", "a C function")

        with z.spawn(argv=[NODE, "--max-old-space-size=64",
                           RUNTIME + "/node/bootstrap.cjs"],
                     variables={"PATH": "/usr/bin:/bin"}
                     ).ready("nodefn.small") as e:
            tap.equal(e.call({}).json, {"message": "hello"},
                      "a Node function")
            tap.equal(fds_of(e.pid)[:4], [0, 1, 2, 3], "and its descriptors")


with Tap() as tap:
    warm(tap)
    children(tap)
    messages(tap)
    steps(tap)
    spawner(tap)
