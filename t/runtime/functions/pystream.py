import os


def pieces(event, context):
    yield b"a"
    print("line")
    yield "\u00e4"
    yield bytearray(b"c")
    yield memoryview(b"d")
    yield b""


def prelude(event, context):
    yield {"statusCode": 201, "headers": {"a": "b"}}
    yield "body"


def iterator(event, context):
    return iter(["a", "b"])


def mapped(event, context):
    return map(str, range(3))


def nothing(event, context):
    return iter(())


def early(event, context):
    raise ValueError("early")
    yield


def late(event, context):
    yield "a"
    raise ValueError("late")


def large(event, context):
    yield "a"
    raise ValueError("x" * 200000)


def number(event, context):
    yield 5


def number_later(event, context):
    yield "a"
    yield 5


def dict_later(event, context):
    yield "a"
    yield {}


def surrogate(event, context):
    yield "a"
    yield "\ud800"


def own_pipe(event, context):
    yield "a"
    raise BrokenPipeError("mine")


def leaves(event, context):
    yield "a"
    os._exit(7)


closed = []


def endless(event, context):
    try:
        while True:
            yield b"x" * 65536
    finally:
        closed.append(True)


def was_closed(event, context):
    return closed


def marks(event, context):
    for i in range(100):
        with open(event["mark"], "w") as f:
            f.write(str(i))
        yield b"x" * 65536


def many(event, context):
    return globals()[event["call"]](event, context)
