"""Owns a security scheme to an authorizer: the JWT authorizers of HTTP APIs;
lambda_authorizers.py has those that are functions.

What is not understood of one makes it inexpressible: it may be what keeps
somebody out.
"""

import re

from .cfn import Unresolved, missing
from .nginxtext import too_long, word
from .nodes import Map, Scalar, Seq
from .security import AUTHORIZER, auth_type, text_of

TYPES = ('oauth2', 'openIdConnect', 'http')
SETTINGS = {'type', 'jwtConfiguration', 'identitySource'}
CLAIMS = {'issuer', 'audience'}

NAME = re.compile(r'(?!none\Z)[A-Za-z0-9_-]{1,64}\Z')
ISSUER = re.compile(r'[!#-\[\]-~]+\Z')
# what stands in a list with commas
ITEM = re.compile(r'[!#-+\--\[\]-~]+\Z')
IDENTITY = re.compile(r'\$request\.(header|querystring)\.[A-Za-z0-9._-]+\Z')
USUAL = '$request.header.authorization'


class Inexpressible(Exception):
    pass


class Authorizer:
    """words: of the directive; remark: what stands above it, or None; advice:
    what is reported, or None; function: that is asked, or None."""

    function = None

    def __init__(self, name, issuer, audience, identity):
        self.name = name
        self.jwks = name + '.jwks.json'
        self.remark = 'keys (JWKS) of %s, to be put there and renewed' % issuer
        self.advice = 'put the keys (JWKS) of %s into %s' % (issuer, self.jwks)
        self.words = [name, 'jwt', 'issuer=' + issuer,
                      'audience=' + ','.join(audience), 'jwks=' + self.jwks]
        if identity.lower() != USUAL:
            self.words.append('identity=' + identity)
        self.words = [word(w) for w in self.words]


def read(reader, name, node):
    """The authorizer of a security scheme; Inexpressible says why not."""
    settings = settings_of(reader, name, node, TYPES, ('jwt',))
    known(settings, SETTINGS)
    claims = settings.get('jwtConfiguration')
    claims = reader.follow(claims) if claims else None
    if not isinstance(claims, Map) or claims.tag:
        raise Inexpressible('no jwtConfiguration')
    known(claims, CLAIMS)

    issuer = text(reader, claims, 'issuer', ISSUER)
    audience = texts(reader, claims.get('audience'), 'audience', ITEM)
    identity = USUAL
    if settings.get('identitySource') is not None:
        identity = texts(reader, settings.get('identitySource'),
                         'identitySource', IDENTITY)
        if len(identity) != 1:
            raise Inexpressible('more than one identitySource')
        identity = identity[0]
    return Authorizer(name, issuer, audience, identity)


def settings_of(reader, name, node, schemes, types):
    """What API Gateway adds to a scheme of one of the types."""
    node = reader.follow(node)
    if not isinstance(node, Map) or text_of(node.get('type')) not in schemes:
        raise Inexpressible('')
    settings = reader.follow(node.get(AUTHORIZER)) \
        if node.get(AUTHORIZER) else None
    if auth_type(settings) not in types:
        raise Inexpressible('')
    if not NAME.match(name):
        raise Inexpressible('its name is none of an authorizer')
    return settings


def known(node, keys):
    for key in node.items:
        if key not in keys:
            raise Inexpressible('"%s" has no equivalent' % key)


def text(reader, node, key, form):
    return texts(reader, node.get(key), key, form, False)[0]


def texts(reader, node, key, form, several=True):
    items = node.items if several and isinstance(node, Seq) \
        and not node.tag else [node]
    out = []
    for item in items:
        if item is None:
            raise Inexpressible('no %s' % key)
        try:
            value = reader.values.text(item)
        except Unresolved as e:
            raise Inexpressible(str(e)) from None
        why = missing(value)
        if why:
            raise Inexpressible(why)
        if not form.match(value):
            raise Inexpressible('%s "%s"' % (key, value))
        out.append(value)
    if not out or too_long(','.join(out) + ' ' * len(key)):
        raise Inexpressible('no %s' % key if not out
                            else '%s is too long' % key)
    return out


def options(authorizer, scopes):
    """Of a route; None when it has a scope that no token can have."""
    if authorizer.function:
        return None if scopes else ['authorizer=' + authorizer.name]
    if not all(ITEM.match(s) for s in scopes) \
            or too_long('scopes=' + ','.join(scopes)):
        return None
    return ['authorizer=' + authorizer.name] \
        + (['scopes=' + ','.join(scopes)] if scopes else [])
