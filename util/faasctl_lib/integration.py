"""Owns what becomes of an integration: the target of a route.

What has no target is refused (the route answers 501); what changes nothing
but details is reported.
"""

import re

from . import cfn
from .documents import RefError
from .nginxtext import milliseconds, too_long, unfit
from .nodes import Map, Scalar
from .proxy import BadUrl

NAME = re.compile(r'[A-Za-z0-9_-]{1,64}\Z')
QUALIFIER = re.compile(r'[A-Za-z0-9_-]{1,128}\Z')

PART = r'(?:\$\{[^}]*\}|[^:$])*'
INVOKE = re.compile(r'arn:%s:apigateway:%s:lambda:path/[^/]*/functions/(.*)/'
                    r'(response-streaming-)?invocations\Z' % (PART, PART))
FUNCTION = re.compile(r'arn:%s:lambda:%s:%s:function:(.*)\Z'
                      % (PART, PART, PART))
SPLIT = re.compile(r'((?:\$\{[^}]*\}|[^:])*)(?::(.*))?\Z')
LOGICAL = re.compile(r'\$\{([A-Za-z0-9_]+)\}\Z')

STATUS = re.compile(r'\s*\{\s*"?statusCode"?\s*:\s*"?(\d{3})"?\s*\}\s*\Z')
VTL = re.compile(r'\$!?\{?[A-Za-z]|#[a-zA-Z{#*@\[]')

JSON = 'application/json'

# keys that say nothing beyond what is read, or nothing to a function
KNOWN = {'type', 'uri', 'httpMethod', 'payloadFormatVersion', 'connectionId',
         'timeoutInMillis', 'passthroughBehavior', 'requestTemplates',
         'responses', 'description', 'credentials', 'cacheNamespace',
         'connectionType', 'requestParameters', 'responseParameters',
         'cacheKeyParameters', 'contentHandling', 'integrationSubtype',
         'tlsConfig', 'responseTransferMode'}


class Refuse(Exception):
    """The route cannot be expressed; place is of the reason."""

    def __init__(self, place, message):
        super().__init__(message)
        self.place = place


class Target:
    """words: of the directive; function: what they name, if a function;
    authorizer: who decides about it, if somebody does; keyed: it wants an
    API key."""

    def __init__(self, words, function=None, payload=None):
        self.words = words
        self.function = function
        self.payload = payload
        self.authorizer = None
        self.keyed = False


class Integrations:
    def __init__(self, documents, values, reports, upstreams):
        self.documents = documents
        self.values = values
        self.reports = reports
        self.upstreams = upstreams

    def follow(self, node):
        try:
            return self.documents.follow(node)
        except RefError as e:
            raise Refuse(e.place, str(e)) from None

    def text(self, node, key):
        """The text of a key; None when it is not there."""
        value = node.get(key)
        if value is None:
            return None
        try:
            return self.values.text(value)
        except cfn.Unresolved as e:
            raise Refuse(e.place, '%s: %s' % (key, e)) from None

    def map(self, node, key):
        """A map that may be missing, then it is empty."""
        value = node.get(key)
        if value is None:
            return Map(*node.at(key))
        value = self.follow(value)
        if not isinstance(value, Map):
            raise Refuse(node.at(key), '%s is no mapping' % key)
        return value

    def target(self, method, path, node):
        """The target of a route's integration; path is None for
        $default."""
        kind = (self.text(node, 'type') or '').lower()

        if kind == 'aws_proxy':
            target = self.function(node)
        elif kind in ('http_proxy', 'http'):
            target = self.proxy(method, path, node, kind)
        elif kind == 'mock':
            target = self.mock(node)
        elif kind == 'aws':
            raise Refuse(node.at('type'), 'an integration of type aws, with '
                         'templates, is not expressible')
        else:
            raise Refuse(node.at('type'), 'unknown type of integration "%s"'
                         % kind)
        self.details(node, kind)
        return target

    # functions

    def function(self, node):
        if node.get('integrationSubtype'):
            raise Refuse(node.at('integrationSubtype'),
                         'an integration with a service of AWS is not '
                         'expressible')
        name, qualifier = self.function_name(node)
        self.timeout_of(node, name)
        words = [name + (':' + qualifier if qualifier else '')]
        if self.streams(node):
            words.append('streaming=on')
        return Target(words, name, self.payload(node))

    def streams(self, node):
        m = INVOKE.match((self.text(node, 'uri') or '').strip())
        return bool(m and m.group(2)) or \
            (self.text(node, 'responseTransferMode') or '') == 'STREAM'

    def named(self, node):
        """The name of the function of a route that is refused anyway."""
        try:
            if node and (self.text(node, 'type') or '').lower() \
                    == 'aws_proxy':
                name = self.function_name(node)[0]
                self.timeout_of(node, name)
                return name
        except Refuse:
            pass
        return None

    def function_name(self, node, key='uri'):
        uri, place = self.text(node, key), node.at(key)
        if not uri:
            raise Refuse(place, 'no ' + key)

        text = uri.strip()
        m = INVOKE.match(text)
        if m:
            text = m.group(1)
        m = FUNCTION.match(text)
        if not m and (text.startswith('arn:') or '/' in text):
            raise Refuse(place, cfn.missing(text)
                         or 'no Lambda function: "%s"' % uri)

        name, qualifier = SPLIT.match(m.group(1) if m else text).groups()
        if m and LOGICAL.match(name):
            # a "Ref" that has no value: what a function's gives
            name = LOGICAL.match(name).group(1)
        why = cfn.missing(name) or cfn.missing(qualifier or '')
        if why:
            raise Refuse(place, why)
        if not NAME.match(name):
            raise Refuse(place, 'not the name of a Lambda function: "%s"'
                         % name)
        if qualifier in (None, '', '$LATEST'):
            return name, None
        if not QUALIFIER.match(qualifier):
            raise Refuse(place, 'not a qualifier: "%s"' % qualifier)
        return name, qualifier

    def payload(self, node):
        version = self.text(node, 'payloadFormatVersion')
        if version not in (None, '1.0', '2.0'):
            raise Refuse(node.at('payloadFormatVersion'),
                         'unknown payloadFormatVersion "%s"' % version)
        return version

    def milliseconds(self, node):
        text = self.text(node, 'timeoutInMillis')
        if text is None:
            return None
        if not re.fullmatch('[1-9][0-9]{0,7}', text):
            self.reports.say(node.at('timeoutInMillis'),
                             'timeoutInMillis is no number: "%s"' % text)
            return None
        return int(text)

    def timeout_of(self, node, name):
        number = self.milliseconds(node)
        if number:
            self.reports.say(node.at('timeoutInMillis'),
                             'timeoutInMillis %d: set "timeout %s" of '
                             'function "%s"'
                             % (number, milliseconds(number), name))

    # addresses

    def proxy(self, route_method, path, node, kind):
        uri, place = self.text(node, 'uri'), node.at('uri')
        why = cfn.missing(uri or '')
        if why or not uri:
            raise Refuse(place, why or 'no uri')

        method = self.text(node, 'httpMethod')
        if method in ('ANY', None, route_method):
            method = None
        elif not re.fullmatch('[A-Z]+', method):
            raise Refuse(node.at('httpMethod'), 'not a method: "%s"' % method)

        if kind == 'http':
            for key in ('requestTemplates', 'responses'):
                if self.map(node, key).items:
                    self.reports.say(node.at(key), '%s of an http '
                                     'integration: what is sent and answered '
                                     'is passed as it is' % key)
        try:
            return Target([self.upstreams.add(
                path, uri.strip(), self.path_mapping(node), method,
                self.milliseconds(node))])
        except BadUrl as e:
            raise Refuse(place, str(e)) from None

    def path_mapping(self, node):
        """Names in the uri to names in the path."""
        out = {}
        parameters = self.map(node, 'requestParameters')
        for key in parameters.items:
            value = self.text(parameters, key) or ''
            if not key.startswith('integration.request.path.'):
                continue
            if not value.startswith('method.request.path.'):
                raise Refuse(parameters.at(key), 'a path made of "%s"'
                             % value)
            out[key.split('.', 3)[3]] = value.split('.', 3)[3]
        return out

    # constant answers

    def mock(self, node):
        response = self.mock_response(node)
        status = self.text(response, 'statusCode') or ''
        if not re.fullmatch('[2-5][0-9][0-9]', status):
            raise Refuse(response.at('statusCode'),
                         'not a status of an answer: "%s"' % status)

        templates = self.map(response, 'responseTemplates')
        kind = JSON if JSON in templates.items or not templates.items \
            else next(iter(templates.items))
        if len(templates.items) > 1:
            self.reports.say(response.at('responseTemplates'),
                             'of several response templates only that of %s '
                             'is used' % kind)
        body = self.template(templates, kind)
        if too_long(body) or unfit(body) or unfit(kind) or too_long(kind):
            raise Refuse(templates.at(kind), 'a body that no directive holds')

        headers = self.map(response, 'responseParameters')
        for header in headers.items:
            self.reports.say(headers.at(header),
                             '"%s" of a mock integration is not sent'
                             % header.replace('method.response.', ''))
        return Target(['return', status, body, 'type=' + kind])

    def mock_response(self, node):
        responses = self.map(node, 'responses')
        key = self.mock_status(node)
        patterns = [k for k in responses.items
                    if k != 'default' and not re.fullmatch('[0-9]{3}', k)]
        if key and key not in responses.items and patterns:
            raise Refuse(responses.at(patterns[0]), 'the answer of a mock '
                         'integration is chosen by a pattern')
        if key not in responses.items:
            key = 'default'
        if key not in responses.items:
            raise Refuse(node.at('responses'),
                         'a mock integration without a response')
        response = self.follow(responses.items[key])
        if not isinstance(response, Map):
            raise Refuse(responses.at(key), 'a response that is no mapping')
        return response

    def mock_status(self, node):
        """The status that the request's template asks for, or None."""
        templates = self.map(node, 'requestTemplates')
        if not templates.items:
            return None
        key = JSON if JSON in templates.items else next(iter(templates.items))
        m = STATUS.match(self.template(templates, key))
        if not m:
            raise Refuse(templates.at(key), 'a mock integration whose '
                         'request template is more than a statusCode')
        return m.group(1)

    def template(self, node, key):
        """A template of no instructions, as it is written."""
        value = node.get(key)
        if value is None:
            return ''
        if not isinstance(value, Scalar) or value.tag:
            raise Refuse(node.at(key), 'a template that is no text')
        if VTL.search(value.text):
            raise Refuse(node.at(key), 'a template with instructions (VTL)')
        return value.text

    # what is around

    def details(self, node, kind):
        say = self.reports.say

        for key in node.items:
            if key not in KNOWN and not key.startswith('x-'):
                say(node.at(key), '%s is not expressed' % key)

        if (self.text(node, 'connectionType') or '').upper() == 'VPC_LINK':
            say(node.at('connectionType'), 'there is no VPC link; the address '
                'has to be reachable')
        if node.get('tlsConfig'):
            say(node.at('tlsConfig'), 'tlsConfig: use the "proxy_ssl_" '
                'directives of the location')
        if getattr(node.get('cacheKeyParameters'), 'items', None):
            say(node.at('cacheKeyParameters'), 'nothing is cached')
        if node.get('contentHandling') and kind != 'aws_proxy':
            say(node.at('contentHandling'), 'bodies are not converted')
        if kind != 'aws_proxy' and \
                (self.text(node, 'responseTransferMode') or '') == 'STREAM':
            say(node.at('responseTransferMode'), 'answers are not streamed')

        if kind != 'mock':
            for key in ('requestParameters', 'responseParameters'):
                self.mappings(node, key)

    def mappings(self, node, key):
        """Reports mappings, but those that pass what is passed anyway."""
        parameters = self.map(node, key)
        for name in parameters.items:
            value = parameters.items[name]
            same = isinstance(value, Scalar) and \
                name.replace('integration.', 'method.', 1) == value.text
            if not same and not name.startswith('integration.request.path.'):
                self.reports.say(parameters.at(name), 'the mapping of "%s" '
                                 'is not applied' % name)
