"""Owns what of a document protects an operation.  In doubt it is protected:
what cannot be read, and requirements one of which is that of nothing.
"""

from .nodes import Map, Scalar, Seq

AUTH = 'x-amazon-apigateway-auth'
AUTHORIZER = 'x-amazon-apigateway-authorizer'
KEY_SOURCE = 'x-amazon-apigateway-api-key-source'
UNREADABLE = 'unreadable security'


def protection(root, operation):
    """The names of what protects an operation; empty when nothing does."""
    holder = operation if 'security' in operation.items else root
    names = requirement(holder.items['security']) \
        if 'security' in holder.items else []

    for key, node in operation.items.items():
        if key.startswith(AUTH) and not is_none(node):
            names.append(auth_name(node))
    return names


def alone(root, operation):
    """(name, scopes) of the one scheme that protects an operation; None when
    it is not one, or there is more to it."""
    if any(key.startswith(AUTH) and not is_none(node)
           for key, node in operation.items.items()):
        return None

    node = (operation if 'security' in operation.items
            else root).items.get('security')
    if not isinstance(node, Seq) or node.tag or len(node.items) != 1:
        return None
    item = node.items[0]
    if not isinstance(item, Map) or item.tag or len(item.items) != 1:
        return None

    (name, scopes), = item.items.items()
    if not isinstance(scopes, Seq) or scopes.tag \
            or any(text_of(s) is None for s in scopes.items):
        return None
    return name, list(dict.fromkeys(s.text for s in scopes.items))


def requirement(node):
    if not isinstance(node, Seq) or node.tag:
        return [UNREADABLE]

    names = []
    for item in node.items:
        if not isinstance(item, Map) or item.tag:
            names.append(UNREADABLE)
            continue
        names += [k for k in item.items if k not in names]
    return names


def text_of(node):
    return node.text if isinstance(node, Scalar) and not node.tag else None


def auth_type(node):
    return text_of(node.items.get('type')) if isinstance(node, Map) else None


def is_none(node):
    return auth_type(node) == 'NONE'


def auth_name(node):
    return auth_type(node) or AUTH


def is_api_key(root, node):
    """Whether a security scheme is the API key that a REST API knows."""
    if not isinstance(node, Map) or node.tag \
            or any(key.startswith('x-amazon-') for key in node.items):
        return False
    kind, name, where = (text_of(node.items.get(key))
                         for key in ('type', 'name', 'in'))
    source = root.items.get(KEY_SOURCE)
    return kind == 'apiKey' and (name or '').lower() == 'x-api-key' \
        and where == 'header' \
        and (source is None or text_of(source) == 'HEADER')


def scheme_kind(node):
    """What a security scheme is, in words."""
    if not isinstance(node, Map):
        return 'unknown'
    kind = node.items.get('type')
    kind = kind.text if isinstance(kind, Scalar) else 'unknown'
    authorizer = node.items.get(AUTHORIZER)
    if authorizer is not None:
        kind += ', authorizer ' + (auth_type(authorizer) or 'unknown')
    return kind
