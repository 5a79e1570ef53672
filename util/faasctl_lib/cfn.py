"""Owns the text behind CloudFormation's functions (in their long form and as
tags) and behind stage variables.  Only names are put in, nothing is run.
"""

import re

from .nodes import Map, Scalar, Seq

PSEUDO = {'AWS::Region': 'us-east-1',
          'AWS::AccountId': '000000000000',
          'AWS::Partition': 'aws',
          'AWS::URLSuffix': 'amazonaws.com'}

MAX_TEXT = 65536

VARIABLE = re.compile(r'\$\{(!?)([^{}]*)\}')
STAGE = re.compile(r'\$\{stageVariables\.([A-Za-z0-9_]+)\}')

FUNCTIONS = {'Fn::Sub': 'Sub', 'Ref': 'Ref', 'Fn::GetAtt': 'GetAtt',
             'Fn::Join': 'Join'}


class Unresolved(Exception):
    """No text can be had; place is the node's."""

    def __init__(self, place, message):
        super().__init__(message)
        self.place = place


class Values:
    """defines: those of -D; stage: stage variables."""

    def __init__(self, defines, stage):
        self.values = dict(PSEUDO)
        self.values.update(defines)
        self.stage = stage

    def text(self, node):
        """The text of a node.  What has no value is left as ${NAME}."""
        text = STAGE.sub(lambda m: self.stage.get(m.group(1), m.group()),
                         self.raw(node))
        return limited(node, text)

    def raw(self, node):
        name, argument = function(node)

        if name is None:
            if not isinstance(node, Scalar):
                raise Unresolved(node.place, 'a text expected')
            return self.sub(node, node.text, {})
        if name == 'Sub':
            return self.sub_function(argument)
        if name == 'Ref' and isinstance(argument, Scalar):
            return self.ref(argument.text)
        if name == 'GetAtt':
            return self.get_att(argument)
        if name == 'Join':
            return self.join(argument)
        raise Unresolved(node.place, '%s is not evaluated' % name)

    def ref(self, name):
        return self.values.get(name, '${%s}' % name)

    def attribute(self, name):
        """${X.Arn}: X is a function's logical id, its name unless told."""
        if name in self.values:
            return self.values[name]
        if name.endswith('.Arn'):
            name = name[:-len('.Arn')]
            return 'arn:%s:lambda:%s:%s:function:%s' % (
                self.values['AWS::Partition'], self.values['AWS::Region'],
                self.values['AWS::AccountId'], self.values.get(name, name))
        return '${%s}' % name

    def get_att(self, node):
        if isinstance(node, Seq):
            return self.attribute('.'.join(self.raw(n) for n in node.items))
        if isinstance(node, Scalar):
            return self.attribute(node.text)
        raise Unresolved(node.place, 'GetAtt of what is no name')

    def sub_function(self, node):
        if isinstance(node, Scalar):
            return self.sub(node, node.text, {})
        if isinstance(node, Seq) and len(node.items) == 2 \
                and isinstance(node.items[0], Scalar) \
                and isinstance(node.items[1], Map):
            own = {k: self.raw(n) for k, n in node.items[1].items.items()}
            return self.sub(node, node.items[0].text, own)
        raise Unresolved(node.place, 'Sub takes a text, or a text and a map')

    def sub(self, node, text, own):
        if '${' not in text:
            return text

        size = 0

        def value(m):
            nonlocal size
            name = m.group(2).strip()
            if m.group(1):
                out = '${%s}' % name
            elif name in own:
                out = own[name]
            elif '.' in name:
                out = self.attribute(name)
            else:
                out = self.ref(name)
            size += len(out)
            if size > MAX_TEXT:
                limited(node, out * 2, size)
            return out

        return limited(node, VARIABLE.sub(value, text))

    def join(self, node):
        if not isinstance(node, Seq) or len(node.items) != 2 \
                or not isinstance(node.items[0], Scalar) \
                or not isinstance(node.items[1], Seq):
            raise Unresolved(node.place, 'Join takes a text and a list')
        parts, size = [], 0
        for item in node.items[1].items:
            parts.append(self.raw(item))
            size += len(parts[-1]) + len(node.items[0].text)
            limited(node, '', size)
        return limited(node, node.items[0].text.join(parts))


def limited(node, text, size=0):
    if max(size, len(text)) > MAX_TEXT:
        raise Unresolved(node.place, 'longer than %d characters' % MAX_TEXT)
    return text


def function(node):
    """(name, argument) of "!Name argument" and {"Fn::Name": argument}."""
    if node.tag:
        return node.tag.lstrip('!'), untagged(node)

    if isinstance(node, Map) and len(node.items) == 1:
        key, argument = next(iter(node.items.items()))
        if key in FUNCTIONS:
            return FUNCTIONS[key], argument
        if key.startswith('Fn::'):
            return key, argument
    return None, node


def untagged(node):
    if isinstance(node, Scalar):
        return Scalar(node.name, node.line, node.text, node.plain)
    copy = type(node)(node.name, node.line)
    copy.items = node.items
    if isinstance(node, Map):
        copy.lines = node.lines
    return copy


def missing(text):
    """Says what would give a text all its values; None when it has them."""
    m = STAGE.search(text)
    if m:
        return 'no value for stage variable "%s": --stage NAME,%s=VALUE' % (
            m.group(1), m.group(1))
    m = VARIABLE.search(text)
    if m:
        return 'no value for "%s": -D %s=VALUE' % (m.group(2), m.group(2))
    return None
