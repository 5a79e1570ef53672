"""
The Python runtime: loads a function by its handler string and calls it for
each invocation, with the names, errors and log lines of AWS Lambda.

Runs as a zygote (FAAS_ZYGOTE=1, libfaas.so preloaded), which forks blanks
that go on in main(), or started directly as one environment.  See README.md
for how the supervisor starts it.  The wire is libfaas.so's business, reached
through the builtin functions of faas_py.c.
"""

import atexit
import ctypes
import gc
import importlib
import json
import logging
import os
import sys
import time
import traceback

FOLDER = os.path.dirname(os.path.abspath(__file__))

# The modules beside this one are nobody else's: a function that has one of
# the same name gets its own.
sys.path.insert(0, FOLDER)
from faas_context import LambdaContext, parse_context           # noqa: E402
from faas_json import Encoder, Fault, decode, encode, message_of  # noqa: E402
from faas_log import LogHandler, LogStream, log_error           # noqa: E402
sys.path.remove(FOLDER)
sys.path_importer_cache.pop(FOLDER, None)

for own in ("faas_context", "faas_json", "faas_log"):
    del sys.modules[own]

# Not needed here, but by many functions: a blank has them in memory already.
EXTRA = ("base64", "collections", "contextlib", "copy", "datetime",
         "functools", "hashlib", "math", "operator", "random", "string",
         "types", "typing", "urllib.parse", "uuid")

# A function's folder is not ours to write to, and may be watched for changes.
sys.dont_write_bytecode = True

# the variable of the current invocation's trace id, as os.environ keeps it
TRACE = b"_X_AMZN_TRACE_ID"

# faas_env_error() takes this much
ERROR_MAX = 60000

# of streams: with the first of these the data begin with a prelude
PRELUDE = "application/vnd.awslambda.http-integration-response"
STREAM = "application/octet-stream"


# --- errors ---

def make_error(message, kind, trace, request_id=""):
    return {"errorMessage": message or "", "errorType": kind or "",
            "requestId": request_id or "", "stackTrace": trace or []}


def error_of(exc, request_id=""):
    """The error payload of an exception."""
    if isinstance(exc, Fault):
        return make_error(exc.message, exc.kind, exc.trace, request_id)

    frames = [(f.filename, f.lineno, f.name, f.line)
              for f in traceback.extract_tb(exc.__traceback__)]

    for i, frame in enumerate(frames):
        if os.path.dirname(frame[0]) != FOLDER:
            frames = frames[i:]
            break

    return make_error(message_of(exc), type(exc).__name__,
                      traceback.format_list(frames), request_id)


# --- the function ---

def load(handler):
    """The callable that a handler string names."""
    try:
        module_name, name = handler.rsplit(".", 1)
    except ValueError as e:
        raise Fault("Runtime.MalformedHandlerName",
                    f"Bad handler '{handler}': {e}") from None

    if module_name.split(".")[0] in sys.builtin_module_names:
        raise Fault("Runtime.BuiltInModuleConflict",
                    f"Cannot use built-in module {module_name} "
                    "as a handler module")

    try:
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as e:
        raise Fault("Runtime.ImportModuleError",
                    f"Unable to import module '{module_name}': {e}") from None
    except SyntaxError as e:
        raise Fault("Runtime.UserCodeSyntaxError",
                    f"Syntax error in module '{module_name}': {e}",
                    [f'  File "{e.filename}" Line {e.lineno}\n    {e.text}']
                    ) from None

    try:
        return getattr(module, name)
    except AttributeError:
        raise Fault("Runtime.HandlerNotFound",
                    f"Handler '{name}' missing on module '{module_name}'"
                    ) from None


def set_paths(root):
    """
    As on Lambda: the function's own modules, then layers, then PYTHONPATH,
    then the standard library, and no packages of the machine.
    """
    version = "python%d.%d" % sys.version_info[:2]
    paths = [root, f"/opt/python/lib/{version}/site-packages", "/opt/python"]
    paths += [p for p in os.environ.get("PYTHONPATH", "").split(":") if p]

    sys.path[:0] = paths

    # A file of the function wins over a module that only we have loaded.
    own = set()

    for path in paths:
        try:
            own.update(name.partition(".")[0] for name in os.listdir(path))
        except OSError:
            pass

    for name in own.intersection(n.partition(".")[0] for n in EXTRA):
        for loaded in list(sys.modules):
            if loaded == name or loaded.startswith(name + "."):
                del sys.modules[loaded]


def wrapped(settings):
    """
    A program of the function's has started us (AWS_LAMBDA_EXEC_WRAPPER): what
    it says in variables goes, and site.py has run for what it may have there.
    """
    settings["handler"] = os.environ.get("_HANDLER", settings["handler"])

    packages = set(site_packages())
    packages.add(FOLDER)
    sys.path[:] = [p for p in sys.path if p not in packages]


def site_packages():
    site = importlib.import_module("site")
    return site.getsitepackages() + [site.getusersitepackages()]


def set_up(settings, functions):
    """Makes this process the function's."""
    write = functions.write

    if "environment" in settings:
        os.environ.clear()
        os.environ.update(settings["environment"])
    else:
        wrapped(settings)

    time.tzset()

    LambdaContext._write = staticmethod(write)
    LambdaContext._constants = {
        "log_group_name": settings.get("logGroup"),
        "log_stream_name": settings.get("logStream"),
        "function_name": settings.get("functionName"),
        "memory_limit_in_mb": str(settings.get("memoryMB")),
        "function_version": settings.get("functionVersion"),
        "tenant_id": None,
    }

    LogStream.write = staticmethod(write)
    LogStream.flush = staticmethod(functions.flush)
    sys.stdout = sys.__stdout__ = LogStream("<stdout>", 1)
    sys.stderr = sys.__stderr__ = LogStream("<stderr>", 2)

    def leave(status, leave=os._exit):
        functions.flush()
        leave(status)

    os._exit = leave

    logging.Formatter.converter = time.gmtime
    log_handler = LogHandler(write)
    logging.getLogger().addHandler(log_handler)

    root = settings["taskRoot"]

    try:
        os.chdir(root)
    except OSError as e:
        raise Fault("Runtime.InvalidWorkingDir", str(e)) from None

    set_paths(root)

    return log_handler


# --- invocations ---

def answer_error(functions, encoder, exc, request_id):
    error = error_of(exc, request_id)
    log_error(functions.write, error)

    try:
        functions.error(encoder(error))
    except UnicodeEncodeError:
        functions.error(encoder.ascii(error))
    except OSError:
        # more than the end of a stream may have
        error["errorMessage"] = error["errorMessage"][:4000]
        error["stackTrace"] = []
        functions.error(encoder.ascii(error))


def stream(functions, encoder, items):
    """Sends what a handler yields, as it comes."""
    begun = False

    for item in items:
        if not begun and isinstance(item, dict):
            kind, item = PRELUDE, encode(encoder, item).encode() + bytes(8)
        elif isinstance(item, (bytearray, memoryview)):
            kind, item = STREAM, bytes(item)
        elif isinstance(item, (bytes, str)):
            kind = STREAM
        else:
            raise Fault("Runtime.MarshalError", "Unable to stream response: "
                        f"{type(item).__name__} is neither bytes nor str")

        if not begun:
            functions.begin(kind)
            begun = True

        try:
            functions.send(item)
        except BrokenPipeError:
            # nobody reads any more
            getattr(items, "close", int)()
            break

    if not begun:
        functions.begin(STREAM)

    functions.end()


def show_trace(trace_id):
    """
    Puts the trace id into os.environ.  The variable itself was set by
    libfaas: assigning to os.environ would leak a value each time.
    """
    if trace_id is None:
        os.environ._data.pop(TRACE, None)
    else:
        os.environ._data[TRACE] = trace_id.encode()


def serve(functions, handler, log_handler):
    """Answers invocations until the supervisor ends this environment."""
    encoder = Encoder()
    take, respond = functions.next, functions.respond
    traced = None

    while True:
        invocation = take()

        if invocation is None:
            return

        (event, request_id, deadline_ms, arn, trace_id, client, identity,
         content_type) = invocation

        log_handler.request_id = request_id

        if trace_id != traced:
            traced = trace_id
            show_trace(trace_id)

        try:
            if client is not None or identity is not None:
                client = parse_context(client, "Client Context")
                identity = parse_context(identity, "Cognito Identity")

            result = handler(
                decode(event, content_type),
                LambdaContext(request_id, deadline_ms, arn, client, identity))

            if isinstance(result, bytes):
                text = result
            elif hasattr(type(result), "__next__"):
                stream(functions, encoder, result)
                invocation = event = result = None
                continue
            else:
                text = encode(encoder, result)

        except Exception as e:
            answer_error(functions, encoder, e, request_id)
            e = event = result = None
            continue

        try:
            respond(text)
        except UnicodeEncodeError:
            respond(encoder.ascii(result))

        # nothing of an invocation is kept while waiting for the next
        invocation = event = result = text = None


class Functions:
    """The builtins of faas_py.c by name."""

    def __init__(self, values):
        (self.next, self.respond, self.begin, self.send, self.end,
         self.error, self.write, self.flush, self.init, self.ready,
         self.fail, self.version, self.zygote) = values


def find_library(zygote):
    """libfaas.so: preloaded, or beside this file's folder."""
    path = None

    if not zygote:
        path = os.path.join(os.path.dirname(FOLDER), "libfaas.so")

    functions = ctypes.PyDLL(path).faas_py_functions
    functions.restype = ctypes.py_object

    return Functions(functions())


def fail(functions, exc):
    """Tells why the function was not loaded."""
    error = error_of(exc)
    log_error(functions.write, error)

    text = json.dumps(error)

    if len(text) > ERROR_MAX:
        error["errorMessage"] = error["errorMessage"][:4000]
        error["stackTrace"] = error["stackTrace"][-10:]
        text = json.dumps(error)[:ERROR_MAX]

    functions.fail(text)


def warm():
    """
    Does all that loading and calling a function does.  A forked blank copies
    each page that it writes to for the first time; a good part of a cold
    start would be that, so the blank that is next does it while it waits.  Not
    all of them: it is most of what a blank has for itself alone.
    """
    environment, path = dict(os.environ), sys.path[:]

    settings = json.loads(json.dumps(
        {"environment": {"TZ": ":UTC"}}))

    os.environ.update(settings["environment"])
    time.tzset()

    log_handler = LogHandler(len)
    log_handler.handle(logging.LogRecord(
        "root", logging.INFO, __file__, 1, "%s", ("warm",), None))

    sys.path.insert(0, FOLDER)

    handler = load("warm.handler")
    encoder = Encoder()
    show_trace("")

    encode(encoder, handler(
        decode('{"headers": {"host": "localhost"}}', None),
        LambdaContext("", 0, "", None, None)))

    del sys.modules["warm"]
    sys.path[:] = path
    sys.path_importer_cache.pop(FOLDER, None)

    os.environ.clear()
    os.environ.update(environment)


def main(functions):
    """The life of one environment."""
    text = functions.init(warm)

    if text is None:
        os._exit(0)

    try:
        settings = json.loads(text)
        log_handler = set_up(settings, functions)
        handler = load(settings["handler"])
    except Exception as e:
        fail(functions, e)
        os._exit(1)

    functions.ready()

    try:
        serve(functions, handler, log_handler)
    except BaseException:
        # sys.exit() in a handler ends the process, as on Lambda
        functions.flush()
        raise

    # threads the function left behind must not keep the process
    atexit._run_exitfuncs()
    os._exit(0)


def zygote(functions):
    """Forks blanks for ever; returns in each of them."""
    for name in EXTRA:
        importlib.import_module(name)

    # site.py did not run, but functions call exit()
    importlib.import_module("site").setquit()

    # what is allocated on first use should be shared, too
    Encoder()({"a": [1, 2.5, "b", None, True]})
    decode('{"a": [1]}', None)
    error_of(Fault("", ""))

    os.environ.pop("FAAS_ZYGOTE", None)
    functions.zygote()

    gc.collect()
    gc.disable()
    gc.freeze()

    # returns in blanks only
    os.fork()

    gc.enable()


def start():
    forks = bool(os.environ.get("FAAS_ZYGOTE"))
    functions = find_library(forks)
    functions.version("python%d.%d.%d" % sys.version_info[:3])

    if forks:
        zygote(functions)
    else:
        importlib.import_module("site").setquit()

    main(functions)


if __name__ == "__main__":
    start()
