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
import io
import json
import logging
import os
import re
import sys
import time
import traceback
from decimal import Decimal
from json.encoder import c_make_encoder, encode_basestring

# Not needed here, but by many functions: a blank has them in memory already.
EXTRA = ("base64", "collections", "contextlib", "copy", "datetime",
         "functools", "hashlib", "math", "operator", "random", "string",
         "types", "typing", "urllib.parse", "uuid")

# A function's folder is not ours to write to, and may be watched for changes.
sys.dont_write_bytecode = True

# what the error lines of the log are indented with, as on Lambda
INDENT = "\u00a0"

# faas_env_error() takes this much
ERROR_MAX = 60000


class Fault(Exception):
    """An error that is not the function's own exception."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace


# --- log ---

class LogBuffer(io.BufferedIOBase):
    """sys.stdout.buffer: bytes go the same way as text."""

    def __init__(self, write):
        super().__init__()
        self._write = write

    def writable(self):
        return True

    def write(self, data):
        return self._write(bytes(data))


class LogStream(io.TextIOBase):
    """
    sys.stdout and sys.stderr: every write is log text of the current
    invocation.  "write" and "flush" are the builtins themselves, found on the
    class.
    """

    encoding = "utf-8"
    errors = "backslashreplace"
    newlines = None
    line_buffering = True
    write_through = True
    mode = "w"
    write = None
    flush = None

    def __init__(self, name, fd):
        super().__init__()
        self.name = name
        self.buffer = LogBuffer(self.write)
        self._fd = fd

    def fileno(self):
        return self._fd

    def writable(self):
        return True

    def reconfigure(self, **options):
        """There is nothing to set: text is UTF-8 and never kept back."""


class LogHandler(logging.Handler):
    """Lambda's handler of the root logger."""

    def __init__(self, write):
        super().__init__()
        self._write = write
        self.request_id = ""
        self.setFormatter(logging.Formatter(
            "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t"
            "%(aws_request_id)s\t%(message)s\n", "%Y-%m-%dT%H:%M:%S"))

    def emit(self, record):
        try:
            record.aws_request_id = self.request_id
            text = self.format(record)
            self._write(text if text.endswith("\n") else text + "\n")
        except Exception:
            self.handleError(record)


def log_error(write, error):
    """The line and trace that Lambda's log has for a failed invocation."""
    text = "[ERROR]"

    if error["errorType"]:
        text += " " + error["errorType"]

    if error["errorMessage"]:
        text += (":" if error["errorType"] else "") + " "
        text += error["errorMessage"]

    lines = [text, "Traceback (most recent call last):"]

    for entry in error["stackTrace"]:
        for line in entry.splitlines() or [""]:
            bare = line.lstrip(" ")
            lines.append(INDENT * (len(line) - len(bare)) + bare)

    write("\n".join(lines) + "\n")


# --- context ---

class CognitoIdentity:
    __slots__ = ("cognito_identity_id", "cognito_identity_pool_id")

    def __init__(self, values):
        self.cognito_identity_id = values.get("cognitoIdentityId")
        self.cognito_identity_pool_id = values.get("cognitoIdentityPoolId")

    def __repr__(self):
        return (f"{type(self).__name__}(["
                f"cognito_identity_id={self.cognito_identity_id},"
                f"cognito_identity_pool_id={self.cognito_identity_pool_id}])")


class Client:
    __slots__ = ("installation_id", "app_title", "app_version_name",
                 "app_version_code", "app_package_name")

    def __init__(self, values):
        for name in self.__slots__:
            setattr(self, name, values.get(name))

    def __repr__(self):
        return "%s([%s])" % (type(self).__name__, ",".join(
            f"{name}={getattr(self, name)}" for name in self.__slots__))


class ClientContext:
    __slots__ = ("custom", "env", "client")

    def __init__(self, values):
        client = values.get("client")
        self.custom = values.get("custom")
        self.env = values.get("env")
        self.client = None if client is None else Client(client)

    def __repr__(self):
        return (f"{type(self).__name__}([custom={self.custom},"
                f"env={self.env},client={self.client}])")


class LambdaContext:
    """What a handler gets besides the event."""

    # the same for all invocations of an environment
    _constants = {}
    _write = None

    def __init__(self, request_id, deadline_ms, arn, client, identity):
        self.__dict__.update(self._constants)
        self.aws_request_id = request_id
        self.invoked_function_arn = arn
        self.client_context = client and ClientContext(client)
        self.identity = CognitoIdentity(identity or {})
        self._epoch_deadline_time_in_ms = deadline_ms

    def get_remaining_time_in_millis(self):
        left = self._epoch_deadline_time_in_ms - int(time.time() * 1000)
        return left if left > 0 else 0

    def log(self, msg):
        self._write(str(msg))

    def __repr__(self):
        return "%s([%s])" % (type(self).__name__, ",".join(
            f"{name}={getattr(self, name)}" for name in (
                "aws_request_id", "log_group_name", "log_stream_name",
                "function_name", "memory_limit_in_mb", "function_version",
                "invoked_function_arn", "client_context", "identity",
                "tenant_id")))


def parse_context(text, name):
    if text is None:
        return None

    try:
        return json.loads(text)
    except ValueError as e:
        raise Fault("Runtime.LambdaContextUnmarshalError",
                    f"Unable to parse {name} JSON: {e}") from None


# --- JSON ---

class Encoder:
    """
    Results to JSON.  The C encoder of the json module is made once; the
    module makes one for every call.
    """

    def __init__(self):
        self._marks = {}
        self._numbers = []
        self._token = os.urandom(12).hex()
        self._slow = json.JSONEncoder(ensure_ascii=True,
                                      default=self._default)

        if c_make_encoder:
            self._encode = c_make_encoder(
                self._marks, self._default, encode_basestring, None, ": ",
                ", ", False, False, True)
        else:
            self._encode = lambda value, level: json.JSONEncoder(
                ensure_ascii=False, default=self._default).encode(value)

    def _default(self, value):
        if isinstance(value, Decimal):
            if value.is_nan():
                return float("nan")

            # a number the encoder cannot write: put in afterwards
            self._numbers.append(str(value))
            return f"{self._token}{len(self._numbers) - 1}"

        raise TypeError(f"Object of type {type(value).__name__} "
                        "is not JSON serializable")

    def __call__(self, value):
        try:
            text = "".join(self._encode(value, 0))
        except BaseException:
            self._marks.clear()
            self._numbers.clear()
            raise

        return self._with_numbers(text) if self._numbers else text

    def ascii(self, value):
        """For text that UTF-8 cannot say."""
        try:
            text = self._slow.encode(value)
            return self._with_numbers(text)
        finally:
            self._numbers.clear()

    def _with_numbers(self, text):
        numbers = self._numbers[:]
        self._numbers.clear()

        return re.sub(f'"{self._token}(\\d+)"',
                      lambda match: numbers[int(match.group(1))], text)


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
        if frame[0] != __file__:
            frames = frames[i:]
            break

    return make_error(message_of(exc), type(exc).__name__,
                      traceback.format_list(frames), request_id)


def message_of(exc):
    try:
        return str(exc)
    except Exception as e:
        return f"<no message: {type(e).__name__} in __str__>"


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


def set_up(settings, functions):
    """Makes this process the function's."""
    write = functions.write

    os.environ.clear()
    os.environ.update(settings["environment"])
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

scan = json.JSONDecoder().scan_once


def decode(event, content_type):
    if content_type is not None and content_type != "application/json":
        return event

    try:
        value, end = scan(event, 0)
        if end == len(event):
            return value
    except (StopIteration, ValueError, TypeError):
        pass

    # white space around it, or an error that json.loads() explains
    try:
        if isinstance(event, str):
            event = event.encode("utf-8", "surrogatepass")
        return json.loads(event)
    except Exception as e:
        raise Fault("Runtime.UnmarshalError",
                    f"Unable to unmarshal input: {e}") from None


def encode(encoder, result):
    try:
        return encoder(result)
    except Exception as e:
        raise Fault("Runtime.MarshalError",
                    f"Unable to marshal response: {message_of(e)}") from None


def answer_error(functions, encoder, exc, request_id):
    error = error_of(exc, request_id)
    log_error(functions.write, error)

    try:
        functions.error(encoder(error))
    except UnicodeEncodeError:
        functions.error(encoder.ascii(error))


def serve(functions, handler, log_handler):
    """Answers invocations until the supervisor ends this environment."""
    encoder = Encoder()
    environ = os.environ
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
            if trace_id is None:
                environ.pop("_X_AMZN_TRACE_ID", None)
            else:
                environ["_X_AMZN_TRACE_ID"] = trace_id

        try:
            if client is not None or identity is not None:
                client = parse_context(client, "Client Context")
                identity = parse_context(identity, "Cognito Identity")

            result = handler(
                decode(event, content_type),
                LambdaContext(request_id, deadline_ms, arn, client, identity))

            if not isinstance(result, bytes):
                text = encode(encoder, result)
            else:
                text = result

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
        (self.next, self.respond, self.error, self.write, self.flush,
         self.init, self.ready, self.fail, self.version,
         self.zygote) = values


def find_library(zygote):
    """libfaas.so: preloaded, or beside this file's folder."""
    path = None

    if not zygote:
        path = os.path.join(os.path.dirname(os.path.dirname(
            os.path.abspath(__file__))), "libfaas.so")

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
    start would be that, so it is done while the blank waits for its function.
    """
    folder = os.path.dirname(os.path.abspath(__file__))
    environment, path = dict(os.environ), sys.path[:]

    settings = json.loads(json.dumps(
        {"environment": {"TZ": ":UTC", "_X_AMZN_TRACE_ID": ""}}))

    os.environ.update(settings["environment"])
    time.tzset()

    log_handler = LogHandler(len)
    log_handler.handle(logging.LogRecord(
        "root", logging.INFO, __file__, 1, "%s", ("warm",), None))

    sys.path.insert(0, folder)

    handler = load("warm.handler")
    encoder = Encoder()

    encode(encoder, handler(
        decode('{"headers": {"host": "localhost"}}', None),
        LambdaContext("", 0, "", None, None)))

    del sys.modules["warm"]
    sys.path[:] = path
    sys.path_importer_cache.pop(folder, None)

    os.environ.clear()
    os.environ.update(environment)


def main(functions):
    """The life of one environment."""
    warm()

    text = functions.init()

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
