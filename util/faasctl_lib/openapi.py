"""Owns a document to an API: its type, routes, and what has no directive.

A route that cannot be expressed, or may not be open, stays a route and
answers 501, so that no wider one answers in its place.
"""

import re

from . import authorizers, cfn, extensions, lambda_authorizers
from .documents import RefError
from .integration import Integrations, Refuse
from .nodes import DocError, Map, Scalar, Seq
from .nginxtext import MAX_WORD
from .proxy import Upstreams
from .security import (AUTHORIZER, alone, auth_type, is_api_key, protection,
                       scheme_kind)

METHODS = ('get', 'put', 'post', 'delete', 'options', 'head', 'patch',
           'trace')
ANY = 'x-amazon-apigateway-any-method'
INTEGRATION = 'x-amazon-apigateway-integration'
DEFAULT = '/$default'

NOT_ROUTES = {'$ref', 'summary', 'description', 'servers', 'parameters'}

SEGMENT = re.compile(r'\{[A-Za-z0-9._:-]+\}\Z|[^{}?#\s\\"]*\Z')
GREEDY = re.compile(r'\{[A-Za-z0-9._:-]+\+\}\Z')


class Operation:
    def __init__(self, path, method, place, node):
        self.path = path
        self.method = method
        self.place = place
        self.node = node
        self.integration = None
        self.problem = None

    @property
    def title(self):
        return self.method if self.path is None \
            else '%s %s' % (self.method, self.path)


class Route:
    """refused: why it answers 501, or None; then there is no target, but
    function may be what it was to call."""

    def __init__(self, method, path, target, refused, function):
        self.method = method
        self.path = path
        self.target = target
        self.refused = refused
        self.function = function

    @property
    def authorizer(self):
        return self.target.authorizer \
            if self.target and not self.refused else None

    @property
    def closed(self):
        if self.refused:
            return 2
        return 1 if self.authorizer or self.keyed else 0

    @property
    def keyed(self):
        return bool(self.target and not self.refused and self.target.keyed)


class Api:
    """What render.py prints."""

    def __init__(self, name):
        self.name = name
        self.type = self.why = None
        self.payload = '2.0'
        self.binary = []
        self.stage = []
        self.cors = []
        self.routes = []
        self.closed = []
        self.upstreams = None

    @property
    def functions(self):
        return list(dict.fromkeys(
            [r.function for r in self.routes if r.function]
            + [a.function for a in self.authorizers if a.function]))

    @property
    def authorizers(self):
        return list(dict.fromkeys(r.authorizer for r in self.routes
                                  if r.authorizer))

    @property
    def keys(self):
        """The file of API keys, or None."""
        return self.name + '.keys.json' \
            if any(r.keyed for r in self.routes) else None


class Reader:
    def __init__(self, documents, reports, options):
        self.documents = documents
        self.reports = reports
        self.options = options
        self.values = cfn.Values(options.defines, options.stage_variables)
        self.schemes = {}
        self.known = {}                 # authorizers by scheme, or None
        self.problems = {}

    def read(self, root):
        self.root = root
        self.api = api = Api(self.options.name or default_name(root))
        if self.options.stage_name:
            api.stage = [self.options.stage_name] + [
                '%s=%s' % v for v in self.options.stage_variables.items()]
        prefixes = [self.options.location]
        if api.stage and api.stage[0] != '$default':
            prefixes.append('/' + api.stage[0])
        api.upstreams = Upstreams(api.name, prefixes)
        self.integrations = Integrations(self.documents, self.values,
                                         self.reports, api.upstreams)

        operations = self.operations()
        self.settle_type(operations)
        self.read_schemes()
        for operation in operations:
            self.route(operation)
        if not api.routes:
            raise DocError(root.at('paths'), 'no routes')

        self.settle_payload()
        self.say_schemes()
        extensions.read(self)
        return api

    def follow(self, node):
        """Where a node leads; reports what leads nowhere, then None."""
        try:
            return self.documents.follow(node)
        except RefError as e:
            self.reports.say(e.place, str(e))
            return None

    # operations

    def operations(self):
        paths = self.root.get('paths')
        paths = paths and self.follow(paths)
        if not isinstance(paths, Map) or not paths.items:
            raise DocError(self.root.at('paths'), 'no paths')

        out = []
        for path, node in paths.items.items():
            if path.startswith('x-'):
                continue
            if not path.startswith('/'):
                self.reports.say(paths.at(path), 'a path that does not begin '
                                 'with "/": "%s"' % path)
                continue
            out += self.path_item(path, paths.at(path), node)
        return out

    def path_item(self, path, place, node):
        item = self.follow(node)
        if not isinstance(item, Map):
            operation = Operation(path, 'ANY', place, Map(*place))
            operation.problem = 'a path that cannot be read'
            return [operation]

        own = [(item, key) for key in item.items]
        if item is not node:
            # what stands beside "$ref" goes first
            own = [(item, key) for key in item.items if key not in node.items]
            own += [(node, key) for key in node.items]
            self.check_parameters(node)

        self.check_parameters(item)
        out = []
        for holder, key in own:
            method = key.lower()
            if method in METHODS or key == ANY:
                out.append(self.operation(
                    path, 'ANY' if key == ANY else key.upper(), holder, key))
            elif key not in NOT_ROUTES and not key.startswith('x-'):
                self.reports.say(holder.at(key), 'not a method: "%s"' % key)
            elif key.startswith('x-amazon-apigateway-'):
                extensions.say(self.reports, holder, key)
        return out

    def operation(self, path, method, holder, key):
        node = beside(holder.items[key], self.follow(holder.items[key]))
        operation = Operation(path, method, holder.at(key), node)
        if not isinstance(node, Map):
            operation.node = Map(*operation.place)
            operation.problem = 'an operation that cannot be read'
            return operation

        self.check_parameters(node)
        if node.get(INTEGRATION) is None:
            operation.problem = 'no integration'
            return operation
        found = self.follow(node.items[INTEGRATION])
        if isinstance(found, Map):
            operation.integration = found
        else:
            operation.problem = 'an integration that cannot be read'
        return operation

    def check_parameters(self, node):
        parameters = node.get('parameters')
        if isinstance(parameters, Seq):
            for item in parameters.items:
                self.follow(item)

    # the type of the API

    def settle_type(self, operations):
        api, wanted = self.api, self.options.type
        found = extensions.find_type(self.root, operations)

        if wanted:
            api.type, api.why = wanted, 'as it was told to be'
        elif found:
            api.type, api.why = found[0], 'because of %s in line %d' % found[1:]
        else:
            api.type, api.why = 'http', 'nothing in the document tells'

    def settle_payload(self):
        """Most routes' version is the API's, the others say theirs."""
        api = self.api
        targets = [r.target for r in api.routes
                   if r.target and r.function]
        if api.type == 'http':
            old = len([t for t in targets if t.payload == '1.0'])
            if old > len(targets) - old:
                api.payload = '1.0'
            for target in targets:
                version = target.payload or '2.0'
                if version != api.payload:
                    target.words.append('payload=' + version)
            return

        for route in api.routes:
            if route.target and route.target.payload == '2.0':
                self.reports.say(route.place, 'payloadFormatVersion 2.0 is of '
                                 'HTTP APIs, this one is of type rest')

    # routes

    def route(self, operation):
        method, path = operation.method, operation.path
        if path == DEFAULT:
            if method != 'ANY' or self.api.type == 'rest':
                self.reports.say(operation.place, 'not a route: %s'
                                 % operation.title)
                return
            method, path = '$default', None
            operation.method, operation.path = method, path

        why = operation.problem
        if path is not None:
            path, broken = fit(path)
            why = why or broken
        if path is not None and len(path.encode()) > MAX_WORD:
            raise DocError(operation.place, 'a path that no directive holds')

        place, why, target, function = self.settle(operation, path, why)
        if why:
            why = '%s answers 501: %s' % (operation.title, why)
            self.reports.say(place, why)
        extensions.operation(self.reports, operation.node)
        self.add(operation, Route(method, path, target, why, function))

    def settle(self, operation, path, why):
        """(place, why it is refused or None, target, function)."""
        names = protection(self.root, operation.node)
        for name in names:
            self.schemes.setdefault(name)

        keyed = self.api_key(operation)
        authorizer, options = (None, ['api_key=required']) if keyed \
            else self.authorizer(operation)
        if names and not options:
            # a place in the configuration for when it can be expressed
            function = self.integrations.named(operation.integration)
            why = 'secured by %s' % ', '.join('"%s"' % n for n in names)
            if function:
                why += ' before function "%s"' % function
            return operation.place, why, None, function
        if why:
            return operation.place, why, None, None

        try:
            target = self.integrations.target(operation.method, path,
                                              operation.integration)
        except Refuse as e:
            return e.place, str(e), None, None
        target.authorizer = authorizer
        target.keyed = keyed
        target.words += options
        return operation.place, None, target, target.function

    def authorizer(self, operation):
        """(authorizer, options of the route), or (None, [])."""
        found = alone(self.root, operation.node)
        if not found or self.api.type not in ('http', 'rest'):
            return None, []

        name, scopes = found
        if name not in self.known:
            self.known[name] = self.scheme(name)
        authorizer = self.known[name]
        options = authorizer and authorizers.options(authorizer, scopes)
        return (authorizer, options) if options else (None, [])

    def api_key(self, operation):
        """Whether it is API Gateway's API key, and that alone."""
        found = alone(self.root, operation.node)
        return bool(found and self.api.type == 'rest'
                    and found[0] in self.holder.items
                    and self.is_key(found[0]))

    def is_key(self, name):
        return is_api_key(self.root, self.follow(self.holder.items[name]))

    def scheme(self, name):
        """The authorizer of a security scheme, or None."""
        if name not in self.holder.items:
            return None
        node = self.holder.items[name]
        try:
            if self.auth_kind(node) in ('token', 'request'):
                return lambda_authorizers.read(self, name, node,
                                               self.api.type)
            if self.api.type != 'http':
                return None
            return authorizers.read(self, name, node)
        except authorizers.Inexpressible as e:
            self.problems[name] = str(e)
            return None

    def auth_kind(self, node):
        node = self.follow(node)
        settings = node.items.get(AUTHORIZER) if isinstance(node, Map) else None
        return auth_type(self.follow(settings)) if settings else None

    def add(self, operation, route):
        route.place = operation.place
        for n, known in enumerate(self.api.routes):
            if shape(known) == shape(route):
                self.reports.say(operation.place, '%s is the same route as in '
                                 'line %d' % (operation.title,
                                              known.place[1]))
                if route.closed > known.closed:
                    self.api.routes[n] = route
                return
        self.api.routes.append(route)

    # security schemes

    def read_schemes(self):
        components = self.root.get('components')
        holder = components.get('securitySchemes') \
            if isinstance(components, Map) else None
        holder = holder and self.follow(holder)
        self.holder = holder if isinstance(holder, Map) \
            else Map(*self.root.place)

    def say_schemes(self):
        holder, used = self.holder, self.api.authorizers
        for name in self.schemes:
            if name not in holder.items:
                continue
            authorizer = self.known.get(name)
            if self.api.type == 'rest' and self.is_key(name):
                if self.api.keys:
                    self.reports.say(holder.at(name), 'API keys "%s": put '
                                     'usage plans with their keys into %s'
                                     % (name, self.api.keys))
            elif authorizer is None:
                kind = scheme_kind(self.follow(holder.items[name]))
                why = self.problems.get(name)
                self.reports.say(holder.at(name), 'security scheme "%s" (%s) '
                                 'is not expressible%s'
                                 % (name, kind, ': ' + why if why else ''))
            elif authorizer in used and authorizer.advice:
                self.reports.say(holder.at(name), 'authorizer "%s": %s'
                                 % (name, authorizer.advice))


def beside(node, found):
    """What a "$ref" led to, with what stands beside the "$ref" in it."""
    if found is node or not isinstance(found, Map):
        return found

    both = Map(*found.place)
    for one in (node, found):
        for key in one.items:
            if key != '$ref' and key not in both.items:
                both.add(key, one.lines[key], one.items[key])
    return both


def default_name(root):
    """A name from the title."""
    info = root.get('info')
    title = info.get('title') if isinstance(info, Map) else None
    text = title.text if isinstance(title, Scalar) else ''
    return re.sub('[^a-z0-9_]+', '-', text.lower()).strip('-')[:64] or 'api'


def fit(path):
    """(path, what was wrong with it).  A segment that no route can have is
    widened to a parameter: the route is refused, but keeps its requests."""
    parts, names, broken = path.split('/')[1:], [], None

    for n, part in enumerate(parts):
        good = (SEGMENT.match(part) and part.isprintable()) \
            or (GREEDY.match(part) and n == len(parts) - 1)
        if not good:
            broken = 'a path that no route can have'
            parts[n] = '{p%d}' % (n + 1)
        if parts[n].startswith('{'):
            names.append(parts[n].strip('{+}'))

    if len(set(names)) < len(names):
        broken = 'a parameter twice in one path'
        parts = ['{p%d%s' % (n + 1, part[part.index('+') if '+' in part
                                         else -1:])
                 if part.startswith('{') else part
                 for n, part in enumerate(parts)]
    return '/' + '/'.join(parts), broken


def shape(route):
    """What two routes may not share."""
    if route.path is None:
        return route.method
    return route.method, re.sub(r'\{[^}+]*', '{', route.path)
