"""Owns the words of a nginx configuration: which to quote, and how.

nginx reads \\", \\', \\\\, \\t, \\r and \\n in a word as the character, keeps
any other backslash, and takes a word of at most 4095 bytes as it is written.
"""

import re

from .reports import printable

MAX_WORD = 4000

# at the start, "*" alone is as good, but stands out better in quotes
PLAIN = re.compile(r'[A-Za-z0-9_$@./:-][A-Za-z0-9_$@./:,=*+&%?~|-]*\Z')
ESCAPES = {'\\': '\\\\', '"': '\\"', '\n': '\\n', '\r': '\\r', '\t': '\\t'}


def quoted(text):
    return '"%s"' % ''.join(ESCAPES.get(c, c) for c in text)


def word(text):
    return text if PLAIN.match(text) else quoted(text)


def too_long(text):
    return len(quoted(text).encode()) > MAX_WORD


def unfit(text):
    """Whether there are characters that no configuration should hold."""
    return not all(c.isprintable() or c in '\t\r\n' for c in text)


def comment(text, indent=''):
    return '%s# %s' % (indent, printable(text))


def milliseconds(number):
    return '%ds' % (number // 1000) if number % 1000 == 0 \
        else '%dms' % number
