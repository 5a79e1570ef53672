"""
Events from JSON, results to JSON, and the errors that either can end in.

Imported by bootstrap.py, in zygotes and environments.
"""

import json
import os
import re
from decimal import Decimal
from json.encoder import c_make_encoder, encode_basestring


class Fault(Exception):
    """An error that is not the function's own exception."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace


def message_of(exc):
    try:
        return str(exc)
    except Exception as e:
        return f"<no message: {type(e).__name__} in __str__>"


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
