"""Owns the tree that a document becomes: nodes that know their place.

Keys are always text ("200" and 200 are one), scalars keep their text, so
that a version 2.0 stays "2.0".
"""

MAX_NODES = 2000000
MAX_DEPTH = 100


class DocError(Exception):
    """There is nothing to go on with; place is (file, line), line may be 0."""

    def __init__(self, place, message):
        super().__init__(message)
        self.place = place


class Node:
    __slots__ = ('name', 'line', 'tag')

    def __init__(self, name, line, tag=None):
        self.name = name
        self.line = line
        self.tag = tag

    @property
    def place(self):
        return self.name, self.line


class Scalar(Node):
    """plain: neither quoted nor of type string, so may be null or a bool."""
    __slots__ = ('text', 'plain')

    def __init__(self, name, line, text, plain, tag=None):
        super().__init__(name, line, tag)
        self.text = text
        self.plain = plain


class Seq(Node):
    __slots__ = ('items',)

    def __init__(self, name, line, tag=None):
        super().__init__(name, line, tag)
        self.items = []


class Map(Node):
    """items: nodes by key; lines: the lines of the keys."""
    __slots__ = ('items', 'lines')

    def __init__(self, name, line, tag=None):
        super().__init__(name, line, tag)
        self.items = {}
        self.lines = {}

    def add(self, key, line, node):
        if key in self.items:
            raise DocError((self.name, line), 'duplicate key "%s", the first '
                           'one is in line %d' % (key, self.lines[key]))
        self.items[key] = node
        self.lines[key] = line

    def get(self, key):
        """The node of the key; None when there is none or it is null."""
        node = self.items.get(key)
        return None if is_null(node) else node

    def at(self, key):
        """The place of the key."""
        return self.name, self.lines.get(key, self.line)


class Budget:
    """Counts nodes, those of an alias as often as it is used."""

    def __init__(self, limit=MAX_NODES):
        self.limit = limit
        self.used = 0

    def take(self, place, count=1):
        self.used += count
        if self.used > self.limit:
            raise DocError(place, 'more than %d nodes' % self.limit)


def check_depth(place, depth):
    if depth > MAX_DEPTH:
        raise DocError(place, 'nested deeper than %d levels' % MAX_DEPTH)


def is_null(node):
    return node is None or (isinstance(node, Scalar) and node.plain
                            and not node.tag
                            and node.text in ('', '~', 'null', 'Null', 'NULL'))


def is_true(node):
    return isinstance(node, Scalar) and node.text.lower() == 'true'
