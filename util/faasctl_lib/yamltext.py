"""Owns YAML to nodes: from the events of the parser, so that nothing is
constructed, tags are only kept, and aliases and depth are counted.
"""

from .nodes import (DocError, Map, Scalar, Seq, check_depth, is_null)

STANDARD = 'tag:yaml.org,2002:'


class Composer:
    """anchors: name to (node, its size), None while it is being read."""

    def __init__(self, name, events, budget):
        self.name = name
        self.events = events
        self.budget = budget
        self.anchors = {}

    def next(self):
        event = next(self.events)
        return type(event).__name__, event

    def place(self, event):
        return self.name, event.start_mark.line + 1

    def document(self):
        """The only document of the stream; None when it is empty."""
        self.next()
        kind, event = self.next()
        if kind == 'StreamEndEvent':
            return None

        node = self.node(*self.next(), 0)
        self.next()
        kind, event = self.next()
        if kind != 'StreamEndEvent':
            raise DocError(self.place(event), 'a second document')
        return node

    def node(self, kind, event, depth):
        place = self.place(event)
        check_depth(place, depth)

        if kind == 'AliasEvent':
            return self.alias(place, event.anchor)

        before = self.budget.used
        self.budget.take(place)
        if event.anchor:
            self.anchors[event.anchor] = None

        if kind == 'ScalarEvent':
            node = Scalar(*place, event.value, event.implicit[0],
                          local_tag(event))
        elif kind == 'SequenceStartEvent':
            node = self.sequence(Seq(*place, local_tag(event)), depth)
        else:
            node = self.mapping(Map(*place, local_tag(event)), depth)

        if event.anchor:
            self.anchors[event.anchor] = node, self.budget.used - before
        return node

    def alias(self, place, name):
        if name not in self.anchors:
            raise DocError(place, 'unknown anchor "%s"' % name)
        if self.anchors[name] is None:
            raise DocError(place, 'anchor "%s" contains itself' % name)
        node, size = self.anchors[name]
        self.budget.take(place, size)
        return node

    def sequence(self, node, depth):
        while True:
            kind, event = self.next()
            if kind == 'SequenceEndEvent':
                return node
            node.items.append(self.node(kind, event, depth + 1))

    def mapping(self, node, depth):
        merges = []
        while True:
            kind, event = self.next()
            if kind == 'MappingEndEvent':
                break
            line = self.place(event)[1]
            key = self.node(kind, event, depth + 1)
            if not isinstance(key, Scalar):
                raise DocError((self.name, line), 'a key that is no text')
            value = self.node(*self.next(), depth + 1)
            if key.text == '<<' and key.plain:
                merges.append(value)
            else:
                node.add(key.text, line, value)

        for value in merges:
            self.merge(node, value)
        return node

    def merge(self, node, value):
        for one in value.items if isinstance(value, Seq) else [value]:
            if is_null(one):
                continue
            if not isinstance(one, Map):
                raise DocError(one.place, '"<<" takes mappings')
            self.budget.take(one.place, len(one.items))
            for key, item in one.items.items():
                if key not in node.items:
                    node.add(key, one.lines[key], item)


def local_tag(event):
    tag = event.tag
    return None if not tag or tag == '!' or tag.startswith(STANDARD) else tag


def parse(name, text, budget):
    try:
        import yaml
    except ImportError:
        raise DocError((name, 0), 'to read YAML, install python3-yaml') \
            from None

    loader = getattr(yaml, 'CSafeLoader', yaml.SafeLoader)
    try:
        return Composer(name, yaml.parse(text, Loader=loader),
                        budget).document()
    except yaml.MarkedYAMLError as e:
        mark = e.problem_mark or e.context_mark
        raise DocError((name, mark.line + 1 if mark else 0),
                       e.problem or 'not YAML') from None
    except yaml.YAMLError as e:
        raise DocError((name, 0), str(e).split('\n')[0]) from None
