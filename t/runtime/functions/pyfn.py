import datetime
import decimal
import json
import logging
import os
import signal
import subprocess
import sys
import threading
import time

print("loading")
calls = 0


def echo(event, context):
    return event


def count(event, context):
    global calls
    calls += 1
    return calls


def fail(event, context):
    raise ValueError("no " + event["what"])


class Custom(Exception):
    def __str__(self):
        raise RuntimeError("never")


def fail_custom(event, context):
    raise Custom()


def fail_nested(event, context):
    try:
        {}["x"]
    except KeyError as e:
        raise RuntimeError("outer\nsecond line") from e


def members(event, context):
    c = context
    return {
        "id": c.aws_request_id, "name": c.function_name,
        "version": c.function_version, "arn": c.invoked_function_arn,
        "memory": c.memory_limit_in_mb, "group": c.log_group_name,
        "stream": c.log_stream_name,
        "left": c.get_remaining_time_in_millis(),
        "identity": [c.identity.cognito_identity_id,
                     c.identity.cognito_identity_pool_id],
        "client": c.client_context and [
            c.client_context.custom, c.client_context.env,
            c.client_context.client.app_title],
        "tenant": c.tenant_id, "repr": repr(c),
        "dict": sorted(k for k in vars(c) if k[0] != "_"),
        "trace": os.environ.get("_X_AMZN_TRACE_ID"),
    }


def traced(event, context):
    if event == "remove":
        del os.environ["_X_AMZN_TRACE_ID"]
    with open("/proc/self/statm") as f:
        pages = int(f.read().split()[1])
    child = None
    if event == "child":
        child = subprocess.run(["/usr/bin/printenv", "_X_AMZN_TRACE_ID"],
                               stdout=subprocess.PIPE).stdout.decode()
    return [os.environ.get("_X_AMZN_TRACE_ID"), child, pages]


def logs(event, context):
    print("plain", 1)
    print("error", file=sys.stderr)
    sys.stdout.write("no newline")
    sys.stdout.flush()
    sys.stdout.buffer.write(b"bytes\n")
    sys.stdout.reconfigure(line_buffering=True)
    print("\u00e4\ud800\U0001f600")
    context.log("by context\n")
    sys.__stderr__.write("dunder\n")
    return [sys.stdout.fileno(), sys.stderr.isatty(), sys.stdout.encoding]


def logger(event, context):
    log = logging.getLogger()
    log.info("not shown")
    log.warning("a %s", "warning")
    log.setLevel("INFO")
    logging.getLogger("some.module").info("information")
    try:
        1 / 0
    except ZeroDivisionError:
        log.exception("caught")
    print("next")


def result(event, context):
    return {
        "decimal": {"a": decimal.Decimal("1.10"), "b": [decimal.Decimal("NaN"),
                    decimal.Decimal("-3E+2")]},
        "text": "\u00e4\u2028\U0001f600\"\\", "lone": "a\ud800b",
        "bytes": b'{"raw":1}', "set": {1}, "date": datetime.date(2024, 1, 2),
        "none": None, "tuple": (1, (2,)), "nan": float("nan"),
        "large": "x" * 5000000, "keys": {1: 2, None: 3, True: 4},
    }[event]


def circle(event, context):
    value = []
    value.append(value)
    return value


def environment(event, context):
    return {"environ": dict(os.environ), "cwd": os.getcwd(),
            "path": sys.path, "argv": sys.argv, "zone": time.tzname,
            "modules": [m for m in ("site", "asyncio") if m in sys.modules]}


def leave(event, context):
    print("leaving")
    if event == "os":
        sys.stdout.flush()
        os._exit(9)
    sys.exit(event)


def kill(event, context):
    print("before")
    time.sleep(0.1)
    os.kill(os.getpid(), signal.SIGKILL)


def hang(event, context):
    print("hanging")
    if event == "spin":
        while True:
            pass
    time.sleep(1000)


def thread(event, context):
    def work():
        print("from a thread")
    t = threading.Thread(target=work)
    t.start()
    t.join()
    return threading.current_thread() is threading.main_thread()


def background(event, context):
    done = threading.Event()

    def work():
        while not done.is_set():
            counter["n"] += 1
            time.sleep(0.001)
    counter = globals().setdefault("counter", {"n": 0})
    if event == "start":
        threading.Thread(target=work, daemon=True).start()
    return counter["n"]


def children(event, context):
    out = {}
    pid = os.fork()
    if pid == 0:
        print("from the child")
        os._exit(5)
    out["fork"] = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])

    p = subprocess.run("cat; ls -l /proc/self/fd | wc -l; env", shell=True,
                       stdout=subprocess.PIPE)
    out["shell"] = p.stdout.decode()

    p = subprocess.Popen(["/bin/sleep", "1000"])
    p.terminate()
    out["terminated"] = p.wait()

    import multiprocessing
    a, b = multiprocessing.Pipe()
    p = multiprocessing.get_context("fork").Process(
        target=lambda: b.send("hello"))
    p.start()
    out["process"] = a.recv()
    p.join()
    p = multiprocessing.get_context("fork").Process(target=time.sleep,
                                                    args=(1000,))
    p.start()
    p.terminate()
    p.join()
    out["process terminated"] = p.exitcode
    return out


def sigterm(event, context):
    signal.signal(signal.SIGTERM, lambda *a: (print("bye"), sys.exit(4)))


def told(event, context):
    signal.signal(signal.SIGUSR1, lambda *a: os.write(2, b"."))


def alarm(event, context):
    signal.signal(signal.SIGALRM, lambda *a: counts.append(1))
    counts = globals().setdefault("counts", [])
    if event:
        signal.setitimer(signal.ITIMER_REAL, event)
    return len(counts)


def descriptors(event, context):
    return {f: os.readlink("/proc/self/fd/" + f)
            for f in os.listdir("/proc/self/fd")
            if os.path.lexists("/proc/self/fd/" + f)}


def randoms(event, context):
    import random
    import uuid
    return [random.random(), str(uuid.uuid4()), os.urandom(4).hex()]


class Callable:
    def __call__(self, event, context):
        return "called"

    def method(self, event, context):
        return "method"


instance = Callable()
bound = instance.method


def tty(event, context):
    exit(6)
