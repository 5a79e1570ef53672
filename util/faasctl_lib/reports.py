"""Owns what is said about a document: FILE:LINE: message, each once."""

import sys


def printable(text):
    """Text of a document, safe in a comment and on a terminal."""
    return ''.join(c if c.isprintable() else '?' for c in text)


class Reports:
    def __init__(self):
        self.lines = {}

    def say(self, place, message):
        self.lines.setdefault((place, message))

    def __len__(self):
        return len(self.lines)

    def text(self):
        """The reports, those of the first file first, by line."""
        files = {}
        for (name, _), _ in self.lines:
            files.setdefault(name, len(files))

        return [line(place, message) for place, message
                in sorted(self.lines, key=lambda r: (files[r[0][0]],
                                                     r[0][1]))]

    def print(self):
        for text in self.text():
            print(text, file=sys.stderr)


def line(place, message):
    name, number = place
    start = '%s:%d' % (name, number) if number else name
    return printable('%s: %s' % (start, message))
