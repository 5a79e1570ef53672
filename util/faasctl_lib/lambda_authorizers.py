"""Owns a security scheme to a Lambda authorizer: the TOKEN and REQUEST
authorizers of REST APIs, the REQUEST authorizers of HTTP APIs.
"""

import re

from .authorizers import Inexpressible, known, settings_of, texts
from .cfn import Unresolved
from .integration import Refuse
from .nginxtext import too_long, unfit, word
from .security import text_of

SETTINGS = {'type', 'authorizerUri', 'authorizerCredentials',
            'identitySource', 'authorizerResultTtlInSeconds'}
TOKEN = {'identityValidationExpression'}
HTTP = {'authorizerPayloadFormatVersion', 'enableSimpleResponses'}

SOURCE = re.compile(r'(?:\$|method\.)(request\.(?:header|querystring))\.'
                    r'([A-Za-z0-9._-]+)\Z')
PLAIN = re.compile(r'\$?(context|stageVariables)\.([A-Za-z0-9._-]+)\Z')
FORM = re.compile(r'[$A-Za-z0-9._, -]+\Z')
CONTEXTS = {'httpMethod', 'identity.sourceIp', 'identity.userAgent', 'path',
            'protocol', 'resourcePath', 'routeKey', 'stage'}


class LambdaAuthorizer:
    """As Authorizer."""

    remark = advice = None

    def __init__(self, name, function, words):
        self.name = name
        self.function = function
        self.words = [word(w) for w in
                      [name, words[0], 'function=' + function] + words[1:]]


def read(reader, name, node, kind):
    """The authorizer of a security scheme of an API of that kind."""
    types = ('token', 'request') if kind == 'rest' else ('request',)
    settings = settings_of(reader, name, node, ('apiKey',), types)
    token = text_of(settings.get('type')) == 'token'

    known(settings, SETTINGS | (TOKEN if token else set())
          | (HTTP if kind == 'http' else set()))

    function = function_of(reader, settings)
    found = sources(reader, settings)
    words = [text_of(settings.get('type'))]

    if token:
        words += token_words(reader, settings, reader.follow(node), found)
    elif found:
        words.append('identity=' + ','.join(found))
    if kind == 'http':
        words += form(reader, settings)
    words += ttl(reader, settings, found or token)

    if any(too_long(w) or unfit(w) for w in words):
        raise Inexpressible('it is too long')
    return LambdaAuthorizer(name, function, words)


def value(reader, settings, key):
    """The text of a key; None when it is not there."""
    node = settings.get(key)
    if node is None:
        return None
    try:
        return reader.values.text(node)
    except Unresolved as e:
        raise Inexpressible('%s: %s' % (key, e)) from None


def function_of(reader, settings):
    try:
        name, qualifier = reader.integrations.function_name(settings,
                                                            'authorizerUri')
    except Refuse as e:
        raise Inexpressible(str(e)) from None
    if qualifier:
        raise Inexpressible('a qualifier, "%s"' % qualifier)
    return name


def sources(reader, settings):
    """As the directive has them."""
    node = settings.get('identitySource')
    if node is None:
        return []
    found = []
    for text in texts(reader, node, 'identitySource', FORM):
        found += [source(part.strip()) for part in text.split(',')]
    return found


def source(text):
    m = SOURCE.match(text)
    if m:
        return '$%s.%s' % m.groups()
    m = PLAIN.match(text)
    if m and (m.group(1) != 'context' or m.group(2) in CONTEXTS):
        return '$%s.%s' % m.groups()
    raise Inexpressible('identitySource "%s"' % text)


def token_words(reader, settings, scheme, found):
    if not found:
        name = text_of(scheme.get('name'))
        if not name or text_of(scheme.get('in')) != 'header':
            raise Inexpressible('no header for the token')
        found.append(source('$request.header.' + name))
    if len(found) != 1 or not found[0].startswith('$request.header.'):
        raise Inexpressible('identitySource is not one header')

    words = ['identity=' + found[0]]
    pattern = value(reader, settings, 'identityValidationExpression')
    if pattern:
        words.append('validate=' + pattern)
    return words


def form(reader, settings):
    """What is sent and answered."""
    version = value(reader, settings, 'authorizerPayloadFormatVersion')
    if version not in ('1.0', '2.0'):
        raise Inexpressible('authorizerPayloadFormatVersion "%s"'
                            % (version or ''))
    simple = value(reader, settings, 'enableSimpleResponses') or 'false'
    if simple.lower() not in ('true', 'false') \
            or (simple.lower() == 'true' and version == '1.0'):
        raise Inexpressible('enableSimpleResponses "%s"' % simple)
    return ['payload=' + version] \
        + (['simple=on'] if simple.lower() == 'true' else [])


def ttl(reader, settings, kept):
    text = value(reader, settings, 'authorizerResultTtlInSeconds')
    if text is None:
        return []
    if not re.fullmatch('[0-9]{1,4}', text) or int(text) > 3600:
        raise Inexpressible('authorizerResultTtlInSeconds "%s"' % text)
    if int(text) and not kept:
        raise Inexpressible('authorizerResultTtlInSeconds without '
                            'identitySource')
    return ['ttl=%ds' % int(text)]
