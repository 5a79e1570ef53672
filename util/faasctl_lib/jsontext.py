"""Owns JSON to nodes.  YAML would do, but for tabs and some escapes."""

import re
from bisect import bisect_right
from json.decoder import JSONDecodeError, scanstring

from .nodes import DocError, Map, Scalar, Seq, check_depth

SPACE = re.compile(r'[ \t\r\n]*')
ATOM = re.compile(r'true|false|null'
                  r'|-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?')


class NotJson(Exception):
    """The text is no JSON; may still be YAML."""

    def __init__(self, place, message):
        super().__init__(message)
        self.place = place


class Parser:
    def __init__(self, name, text, budget):
        self.name = name
        self.text = text
        self.budget = budget
        self.at = 0
        self.starts = [m.end() for m in re.finditer('\n', text)]

    def line(self):
        return bisect_right(self.starts, self.at) + 1

    def fail(self, message):
        raise NotJson((self.name, self.line()), message)

    def peek(self):
        self.at = SPACE.match(self.text, self.at).end()
        return self.text[self.at:self.at + 1]

    def take(self, wanted):
        if self.peek() != wanted:
            self.fail('"%s" expected' % wanted)
        self.at += 1

    def string(self):
        if self.peek() != '"':
            self.fail('a string expected')
        line = self.line()
        try:
            text, self.at = scanstring(self.text, self.at + 1, True)
        except JSONDecodeError as e:
            self.fail(e.msg)
        if re.search('[\ud800-\udfff]', text):
            raise DocError((self.name, line), 'half a surrogate pair')
        return text, line

    def value(self, depth):
        first, line = self.peek(), self.line()
        self.budget.take((self.name, line))
        check_depth((self.name, line), depth)

        if first == '{':
            return self.object(Map(self.name, line), depth)
        if first == '[':
            return self.array(Seq(self.name, line), depth)
        if first == '"':
            return Scalar(self.name, line, self.string()[0], False)

        m = ATOM.match(self.text, self.at)
        if not m:
            self.fail('a value expected')
        self.at = m.end()
        return Scalar(self.name, line, m.group(), True)

    def object(self, node, depth):
        self.take('{')
        if self.peek() == '}':
            self.at += 1
            return node
        while True:
            key, line = self.string()
            self.take(':')
            node.add(key, line, self.value(depth + 1))
            if self.peek() != ',':
                break
            self.at += 1
        self.take('}')
        return node

    def array(self, node, depth):
        self.take('[')
        if self.peek() == ']':
            self.at += 1
            return node
        while True:
            node.items.append(self.value(depth + 1))
            if self.peek() != ',':
                break
            self.at += 1
        self.take(']')
        return node


def parse(name, text, budget):
    parser = Parser(name, text, budget)
    node = parser.value(0)
    if parser.peek():
        parser.fail('the end expected')
    return node
