"""Owns files: read once, within limits, and "$ref" within and between them.
"""

import os
import stat
from urllib.parse import unquote

from . import jsontext, yamltext
from .nodes import Budget, DocError, Map, Scalar, Seq
from .reports import line

MAX_BYTES = 32 * 1024 * 1024


class RefError(Exception):
    """A "$ref" that leads nowhere; place is where it stands."""

    def __init__(self, place, message):
        super().__init__(message)
        self.place = place


class Documents:
    """roots: trees by real path."""

    def __init__(self):
        self.roots = {}
        self.budget = Budget()

    def load(self, name, regular=False):
        real = os.path.realpath(name)
        if real not in self.roots:
            self.roots[real] = self.parse(name, read(name, regular))
        return self.roots[real]

    def parse(self, name, text):
        broken = None

        if text.lstrip().startswith(('{', '[')):
            used = self.budget.used
            try:
                return jsontext.parse(name, text, self.budget)
            except jsontext.NotJson as e:
                broken = e
                self.budget.used = used

        try:
            return yamltext.parse(name, text, self.budget)
        except DocError:
            # of a file that is called JSON, what is wrong with it as such
            if broken and name.endswith('.json'):
                raise DocError(broken.place, 'not JSON: %s' % broken) from None
            raise

    def follow(self, node, active=frozenset()):
        """What a node stands for: itself, or where its "$ref" leads."""
        while isinstance(node, Map) \
                and isinstance(node.items.get('$ref'), Scalar):
            ref, place = node.items['$ref'].text, node.at('$ref')
            if (node.name, ref) in active:
                raise RefError(place, '"$ref" %s leads back to itself' % ref)
            active = active | {(node.name, ref)}
            node = self.lookup(node.name, ref, place, active)
        return node

    def lookup(self, name, ref, place, active):
        path, _, pointer = ref.partition('#')

        if '://' in path:
            raise RefError(place, '"$ref" %s is not fetched' % ref)
        if path:
            name = os.path.join(os.path.dirname(name), unquote(path))
            name = os.path.normpath(name)
        try:
            node = self.load(name, regular=True)
        except DocError as e:
            raise RefError(place, '"$ref" %s: %s'
                           % (ref, line(e.place, str(e)))) from None

        for part in pointer.split('/')[1:]:
            part = unquote(part).replace('~1', '/').replace('~0', '~')
            node = step(self.follow(node, active), part)
            if node is None:
                break
        if node is None or (pointer and not pointer.startswith('/')):
            raise RefError(place, '"$ref" %s leads nowhere' % ref)
        return node


def step(node, part):
    if isinstance(node, Map):
        return node.items.get(part)
    if isinstance(node, Seq) and part.isdecimal() \
            and int(part) < len(node.items):
        return node.items[int(part)]
    return None


def read(name, regular):
    """The text of a file; what a "$ref" names has to be a regular one."""
    place = name, 0
    try:
        if regular and not stat.S_ISREG(os.stat(name).st_mode):
            raise DocError(place, 'not a regular file')
        with open(name, 'rb') as f:
            data = f.read(MAX_BYTES + 1)
    except (OSError, ValueError) as e:
        raise DocError(place, getattr(e, 'strerror', None)
                       or str(e)) from None

    if len(data) > MAX_BYTES:
        raise DocError(place, 'larger than %d bytes' % MAX_BYTES)
    try:
        return data.decode('utf-8-sig')
    except UnicodeDecodeError as e:
        raise DocError((name, data[:e.start].count(b'\n') + 1),
                       'not UTF-8') from None
