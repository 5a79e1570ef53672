"""The function of the conformance suite, in Python."""

import ctypes
import os
import subprocess
import sys
import threading
import time

CALLS = 0
RUNNING = 0


class Odd(Exception):
    pass


def deep(n):
    return deep(n + 1) + 1


def context_of(c):
    return {
        "id": c.aws_request_id, "name": c.function_name,
        "version": c.function_version, "arn": c.invoked_function_arn,
        "memory": c.memory_limit_in_mb, "group": c.log_group_name,
        "stream": c.log_stream_name,
        "custom": c.client_context and c.client_context.custom}


def handler(event, context):
    global CALLS, RUNNING
    CALLS += 1
    RUNNING += 1
    try:
        return act(event, context)
    finally:
        RUNNING -= 1


def act(event, context):
    do = event.get("do") if isinstance(event, dict) else None
    if isinstance(event, dict) and "requestContext" in event:
        return {"statusCode": 200, "body": event["body"],
                "headers": {"content-type": "application/octet-stream"},
                "isBase64Encoded": event["isBase64Encoded"]}
    if do is None:
        return event
    return globals()["do_" + do](event, context)


def do_throw(event, context):
    raise Odd('an "odd" \u00e9rror')


def do_throw_later(event, context):
    def fail():
        raise Odd("later")
    t = threading.Thread(target=fail)
    t.start()
    t.join()
    return "went on"


def do_exit(event, context):
    os._exit(event["code"]) if event.get("hard") else sys.exit(event["code"])


def do_kill(event, context):
    # the first process of a namespace cannot kill itself
    ctypes.string_at(0)


def do_loop(event, context):
    while True:
        pass


def do_memory(event, context):
    keep = []
    while True:
        keep.append(bytearray(1 << 20))


def do_stack(event, context):
    return deep(0)


def do_flood(event, context):
    line = "x" * 9999
    for n in range(event["lines"]):
        print(line)
    return "flooded"


def do_daemon(event, context):
    def work():
        while True:
            time.sleep(0.01)
    threading.Thread(target=work, daemon=True).start()
    subprocess.Popen(["/bin/sleep", "1000"])
    return CALLS


def do_tmp(event, context):
    with open("/tmp/kept", "a+") as f:
        f.write("x")
        f.seek(0)
        return len(f.read())


def do_env(event, context):
    return dict(os.environ)


def do_context(event, context):
    return context_of(context)


def do_remaining(event, context):
    a = context.get_remaining_time_in_millis()
    time.sleep(0.05)
    return [a, context.get_remaining_time_in_millis()]


def do_log(event, context):
    print("out " + event["mark"])
    print("err " + event["mark"], file=sys.stderr)
    return "logged"


def do_sleep(event, context):
    time.sleep(event["ms"] / 1000)
    return [RUNNING, CALLS, os.getpid()]


def do_stream(event, context):
    for n in range(event["n"]):
        if event.get("ms"):
            time.sleep(event["ms"] / 1000)
        yield "%d " % n


def stream(event, context):
    return do_stream(event, context)
