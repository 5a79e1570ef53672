#!/usr/bin/python3
"""Environments in the template root, with everything that root can give."""

import ctypes
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                "lib"))

from faasenv import *                                   # noqa: E402,F403

if os.geteuid() != 0:
    skip_all("needs root")

LIBC = ctypes.CDLL(None, use_errno=True)
OPEN_TREE, MOVE_MOUNT, MOUNT_SETATTR = 428, 429, 442


def tree(folder):
    """The folder as a detached read-only mount, as the supervisor makes it."""
    fd = LIBC.syscall(OPEN_TREE, -100, folder.encode(),
                      1 | os.O_CLOEXEC | 0x8000)
    attr = struct.pack("=QQQQ", 7, 0, 0, 0)
    if fd == -1 or LIBC.syscall(MOUNT_SETATTR, fd, b"", 0x1000 | 0x8000, attr,
                                len(attr)) == -1:
        raise OSError(ctypes.get_errno(), "open_tree")
    return fd


def mount_code(pid, folder):
    """Mounts the folder at /var/task of a process."""
    fd = tree(folder)
    ns = os.open("/proc/%d/ns/mnt" % pid, os.O_RDONLY)
    child = os.fork()
    if child == 0:
        ok = (LIBC.setns(ns, 0) == 0
              and LIBC.syscall(MOVE_MOUNT, fd, b"", -1, b"/var/task", 4) == 0)
        os._exit(0 if ok else 1)
    os.close(fd)
    os.close(ns)
    if wait_status(child):
        raise OSError("mount_code")


def available():
    try:
        os.close(tree(FUNCTIONS))
    except OSError as e:
        return e.strerror
    child = os.fork()
    if child == 0:
        os._exit(LIBC.unshare(0x00020000) != 0)
    return "no mount namespaces" if wait_status(child) else None


def python(zygote, handler, uid=UID, **options):
    e = zygote.spawn(flags=FULL, uid=uid, **options)
    kind, e.version = e.frame()
    assert kind == "B"
    mount_code(e.pid, FUNCTIONS)
    e.send_init(handler, root="/var/task")
    kind, payload = e.frame()
    if kind != "R":
        raise AssertionError(payload)
    return e


def box(tap, z):
    with python(z, "zygotefn.box") as e:
        v = e.call({"outside": os.getpid()}).json
        tap.equal((v["pid"], v["processes"]), (1, ["1"]),
                  "alone in its pid namespace")
        tap.equal(v["ids"], [[UID] * 3, [UID] * 3, []], "user and group")
        tap.equal(v["caps"], {k: "0" * 16 for k in (
            "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb")},
            "no capabilities")
        tap.equal(v["nnp"], "1", "no_new_privs")
        tap.equal(v["write"], {
            "/tmp/x": "ok", "/dev/null": "ok",
            **{p: "Read-only file system" for p in (
                "/x", "/usr/x", "/etc/x", "/dev/x", "/opt/x", "/var/x",
                "/var/task/x", "/var/runtime/x")}}, "writes to /tmp only")
        tap.equal(v["root"], sorted(
            ["bin", "dev", "etc", "lib", "lib64", "mnt", "opt", "proc", "sbin", "tmp",
             "usr", "var"] + [n for n in ("lib32", "libx32")
                              if os.path.lexists("/" + n)]),
            "the root has what it needs")
        tap.equal(v["dev"], ["fd", "full", "null", "random", "shm", "stderr",
                             "stdin", "stdout", "urandom", "zero"], "/dev")
        tap.equal(v["tmp"], "0o41777", "mode of /tmp")
        for path, options in v["mounts"].items():
            if path in ("/tmp", "/dev/shm", "/proc"):
                continue
            tap.ok({"ro", "nosuid"} <= set(options.split(",")),
                   "read-only: " + path)
        tap.ok({"nosuid", "nodev"} <= set(v["mounts"]["/tmp"].split(",")),
               "options of /tmp")
        tap.equal(v["shadow"], "No such file or directory", "/etc/shadow")
        for name in ("setuid", "chroot", "mknod"):
            tap.equal(v[name], "Operation not permitted", name)
        tap.equal(v["kill"], "No such process", "processes outside")
        tap.ok(v["dns"], "names are resolved as the machine does")

    with python(z, "zygotefn.fill", tmp_mb=8, tmp_inodes=500) as e, \
            python(z, "zygotefn.other", uid=UID + 1) as f:
        v = e.call({}).json
        tap.equal(v["size"], "No space left on device", "/tmp has a size")
        tap.equal(v["count"], "No space left on device", "and a number of "
                  "files")
        tap.ok(400 < v["files"] < 500, "which is what was asked for")
        tap.equal(f.call({}).json, [], "/tmp of another environment")

    with python(z, "zygotefn.ipc") as e, python(z, "zygotefn.ipc") as f:
        a, b = e.call({}).json, f.call({}).json
        tap.equal([x == y for x, y in zip(a, b)],
                  [False, False, True, False, True, False],
                  "namespaces of their own: ipc, mnt, pid, uts")

    with python(z, "pyfn.children") as e:
        v = e.call({}).json
        tap.equal((v["fork"], v["terminated"], v["process terminated"]),
                  (5, -15, -15), "processes as pid 1")

    with python(z, "pyfn.echo") as e:
        os.kill(e.pid, 15)
        tap.equal(e.wait(), 0, "SIGTERM ends pid 1")

    with python(z, "pyfn.descriptors") as e:
        v = e.call({}).json
        tap.equal(v["0"], "/dev/null", "standard input is empty")
        tap.equal([k for k in v if int(k) > 2 and
                   not v[k].startswith(("socket:", "/proc/",
                                        "anon_inode:[eventpoll]"))], [],
                  "besides the log only sockets, and what waits for them")

    with z.spawn(flags=FULL & ~NEWPID, uid=UID) as e:
        tap.equal(e.frame()[0], "B", "without a pid namespace")


def spawned(tap, z):
    code = tree(FUNCTIONS)
    with z.spawn(flags=FULL | TREE, uid=UID, more=[code],
                 argv=["/bin/sh", "-c", "pwd; ls mod.mjs; touch x 2>&1; "
                       "ls /proc/self/fd"],
                 variables={"LAMBDA_TASK_ROOT": "/var/task"}) as e:
        tap.equal(e.wait(), 0, "a program with its code mounted")
        tap.equal(e.raw().decode(), "/var/task\nmod.mjs\ntouch: cannot touch "
                  "'x': Read-only file system\n0\n1\n2\n3\n4\n",
                  "at /var/task, read-only")
    os.close(code)

    with z.spawn(flags=FULL, uid=UID, argv=[
            NODE, "--max-old-space-size=64",
            "/var/runtime/node/bootstrap.cjs"],
            variables={"PATH": "/usr/bin:/bin"}) as e:
        kind, _ = e.frame()
        mount_code(e.pid, FUNCTIONS)
        e.send_init("nodefn.environment", root="/var/task")
        tap.equal(e.frame(), ("R", b""), "Node in the sandbox")
        v = e.call({}).json
        tap.equal((v["cwd"], v["stdin"]), ("/var/task", "end"), "works there")
        os.kill(e.pid, 15)
        tap.equal(e.wait(), 0, "and ends by SIGTERM")

    echo = compiled("echo")
    code = tree(os.path.dirname(echo))
    with z.spawn(flags=FULL | TREE, uid=UID, more=[code],
                 argv=["/var/task/echo"],
                 variables={"LAMBDA_TASK_ROOT": "/var/task"}
                 ).ready("echo", root="/var/task") as e:
        tap.equal(e.call(b"hi").out, b"hi", "a C function in the sandbox")
    os.close(code)


def steps(tap, z):
    with z.spawn(flags=FULL, uid=UID, argv=["/var/task/none"]) as e:
        tap.equal((e.wait(), e.raw()), (125, b"faas: /var/task/none: No such "
                  b"file or directory\n"), "a program that is not there")

    log = os.open("/dev/null", os.O_RDONLY)
    with z.spawn(flags=FULL | TREE, uid=UID, more=[log],
                 argv=["/bin/true"]) as e:
        tap.equal(e.wait(), 125, "a code tree that is none")
        tap.ok(e.raw().startswith(b"faas: /var/task: "), "says so")
    os.close(log)

    folder = cgroup()
    if folder is None:
        tap.skip("cgroup v2", "not mounted or not ours")
        return
    fd = os.open(folder, os.O_RDONLY)
    try:
        with z.spawn(flags=CGROUP2, more=[fd], argv=[
                "/bin/sh", "-c", "echo up; read x <&3"]) as e:
            e.raw(until=b"up")
            with open(folder + "/cgroup.procs") as f:
                tap.equal(f.read().split(), [str(e.pid)], "cgroup v2")
    finally:
        os.close(fd)
        wait_for(lambda: not open(folder + "/cgroup.procs").read())
        os.rmdir(folder)


def cgroup():
    for root in ("/sys/fs/cgroup", "/sys/fs/cgroup/unified"):
        if os.path.exists(root + "/cgroup.procs"):
            try:
                folder = "%s/faas-t-%d" % (root, os.getpid())
                os.mkdir(folder)
                return folder
            except OSError:
                pass
    return None


why = available()
if why:
    skip_all(why)

ROOT = [compiled("template"), RUNTIME]

with Tap() as tap:
    with Zygote.python(ROOT, "/var/runtime") as zygote:
        box(tap, zygote.up())

    with Zygote.spawner(ROOT, "/var/runtime") as zygote:
        zygote.up()
        spawned(tap, zygote)
        steps(tap, zygote)

    with Zygote(["/usr/bin/env", "true"],
                root=[compiled("template"), "/nonexistent"]) as zygote:
        tap.equal(zygote.wait(), 1, "a template root that cannot be made")
        tap.equal(zygote.text(), b"/nonexistent: No such file or directory\n",
                  "says why")
