"""
The function's standard output and error and its root logger: everything that
is printed becomes log text of the current invocation.

Imported by bootstrap.py, in zygotes and environments.
"""

import io
import logging

# what the error lines of the log are indented with, as on Lambda
INDENT = "\u00a0"


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
