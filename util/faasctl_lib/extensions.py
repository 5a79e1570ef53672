"""Owns API Gateway's extensions around routes: those with a directive, those
that tell the type of an API, and what is said about the others.
"""

import re

from . import cfn
from .nodes import Map, Scalar, Seq, is_null, is_true
from .nginxtext import too_long, unfit
from .security import text_of

PREFIX = 'x-amazon-apigateway-'

CORS = PREFIX + 'cors'
BINARY = PREFIX + 'binary-media-types'
POLICY = PREFIX + 'policy'
ENDPOINT = PREFIX + 'endpoint-configuration'

# read elsewhere, or nothing to an API that is not at AWS
SILENT = {CORS, BINARY, 'any-method', 'integration', 'integrations',
          'importexport-version', 'tag-value', 'auth'}

SAYINGS = {
    'request-validators': 'requests are not validated',
    'request-validator': 'requests are not validated',
    'gateway-responses': 'the gateway\'s own answers are the module\'s; '
                         'use "error_page"',
    'policy': 'there is no resource policy; use "allow" and "deny" of the '
              'location',
    'api-key-source': 'an API key is in the header x-api-key',
    'documentation': 'documentation is not kept',
    'minimum-compression-size': 'use "gzip" and "gzip_min_length" of the '
                                'location',
    'endpoint-configuration': 'an endpoint is what "listen" and the location '
                              'make it',
    'throttling': 'use "limit_req" of the location',
}

CORS_LISTS = {'allowOrigins': 'allow_origins',
              'allowMethods': 'allow_methods',
              'allowHeaders': 'allow_headers',
              'exposeHeaders': 'expose_headers'}


# the type

HTTP_ROOT = (CORS, PREFIX + 'importexport-version')
REST_ROOT = (PREFIX + 'request-validators', PREFIX + 'gateway-responses',
             BINARY, PREFIX + 'api-key-source')


def find_type(root, operations):
    """(type, its sign, the line), None when there is no sign."""
    for key in HTTP_ROOT:
        if key in root.items:
            return 'http', key, root.lines[key]
    for o in operations:
        if o.path == '/$default':
            return 'http', '/$default', o.place[1]
    for o in operations:
        if o.integration and 'payloadFormatVersion' in o.integration.items:
            return ('http', 'payloadFormatVersion',
                    o.integration.lines['payloadFormatVersion'])

    for key in REST_ROOT:
        if key in root.items:
            return 'rest', key, root.lines[key]
    for o in operations:
        node = o.integration
        kind = node.get('type') if node else None
        if isinstance(kind, Scalar) and kind.text.lower() == 'mock' \
                and 'requestTemplates' in node.items:
            return ('rest', 'requestTemplates',
                    node.lines['requestTemplates'])
    return None


# what has no directive

def say(reports, holder, key):
    name = key[len(PREFIX):]
    if key in SILENT or name in SILENT \
            or name == 'api-key-source' \
            and text_of(holder.items[key]) == 'HEADER':
        return
    message = SAYINGS.get(name)
    if message is None and name.startswith('throttl'):
        message = SAYINGS['throttling']
    reports.say(holder.at(key), '%s: %s' % (key, message
                                            or 'is not expressed'))


def operation(reports, node):
    for key in node.items:
        if key.startswith(PREFIX):
            say(reports, node, key)


def read(reader):
    """The extensions at the top, into the reader's API."""
    root, api, reports = reader.root, reader.api, reader.reports

    for key in root.items:
        if key.startswith(PREFIX):
            say(reports, root, key)
        elif key.startswith('Fn::'):
            reports.say(root.at(key), '%s is not evaluated' % key)

    if not is_null(root.items.get(POLICY)):
        api.closed.append(POLICY)
    endpoints(reader)

    if CORS in root.items:
        if api.type == 'http':
            cors(reader, reader.follow(root.items[CORS]))
        else:
            reports.say(root.at(CORS), '%s is of HTTP APIs, this one is of '
                        'type rest' % CORS)
    if BINARY in root.items:
        if api.type == 'rest':
            api.binary = texts(reader, root.items[BINARY], root.at(BINARY))
        else:
            reports.say(root.at(BINARY), '%s is of REST APIs, this one is of '
                        'type http' % BINARY)


def endpoints(reader):
    """A private endpoint is closed, wherever it is said."""
    holders = [reader.root]
    servers = reader.root.get('servers')
    if isinstance(servers, Seq):
        for server in servers.items:
            if isinstance(server, Map) and ENDPOINT in server.items:
                say(reader.reports, server, ENDPOINT)
                holders.append(server)

    for holder in holders:
        node = holder.items.get(ENDPOINT)
        if not isinstance(node, Map):
            continue
        words = ' '.join(n.text for key in ('types', 'type')
                         for n in as_list(node.items.get(key))
                         if isinstance(n, Scalar))
        if node.get('vpcEndpointIds') or 'PRIVATE' in words.upper():
            api = reader.api
            if ENDPOINT not in api.closed:
                api.closed.append(ENDPOINT)


def as_list(node):
    if isinstance(node, Seq):
        return node.items
    return [] if is_null(node) else [node]


def texts(reader, node, place):
    """The texts of a list or of one text; reports those that are unfit."""
    out = []
    for item in as_list(node):
        try:
            text = reader.values.text(item)
        except cfn.Unresolved as e:
            reader.reports.say(e.place, str(e))
            continue
        why = cfn.missing(text)
        if why or not text or unfit(text) or too_long(text):
            reader.reports.say(item.place, why or 'not a value: "%s"' % text)
        else:
            out.append(text)
    return out


def cors(reader, node):
    root, api, reports = reader.root, reader.api, reader.reports
    if not isinstance(node, Map):
        reports.say(root.at(CORS), '%s cannot be read' % CORS)
        return

    lists = {}
    for key, option in CORS_LISTS.items():
        values = []
        for text in texts(reader, node.items.get(key), node.at(key)):
            if re.search(r'[,\s]', text):
                reports.say(node.at(key), 'not a value of %s: "%s"'
                            % (key, text))
            else:
                values.append(text)
        if values:
            lists[key] = values
            api.cors.append('%s=%s' % (option, ','.join(values)))

    age = ''.join(texts(reader, node.items.get('maxAge'), node.at('maxAge')))
    if re.fullmatch('[0-9]{1,9}', age):
        api.cors.append('max_age=' + age)
    elif age:
        reports.say(node.at('maxAge'), 'maxAge is no number: "%s"' % age)

    if is_true(node.items.get('allowCredentials')):
        if '*' in lists.get('allowOrigins', []):
            reports.say(node.at('allowCredentials'), 'no browser takes '
                        'credentials with any origin: left out')
        else:
            api.cors.append('allow_credentials=on')

    for key in node.items:
        if key not in CORS_LISTS and key not in ('maxAge',
                                                 'allowCredentials'):
            reports.say(node.at(key), '%s is not expressed' % key)
