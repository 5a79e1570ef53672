#!/usr/bin/python3
"""faasctl openapi: documents of API Gateway to routes.

Expected: what can be expressed is, exactly; what cannot is reported with its
line; what was protected, or has no target, answers 501.
"""

import json
import os
import re
import sys
import tempfile

TESTS = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(TESTS, 'lib'))
from faas_openapi import (FAASCTL, NGINX, REFUSED, URI,     # noqa: E402
                          document, faasctl, lambda_, nginx_takes, operation,
                          run, tokens)
from faas_tap import Tap                                    # noqa: E402


def target(uri, *args):
    """(what a uri becomes, the reports)."""
    r = run(document(operation(lambda_(uri))), *args)
    return r.routes[0].split(' ', 2)[2], r.reports


def fixture(name):
    with open(os.path.join(TESTS, 'openapi', name)) as f:
        return f.read()


def fixtures(tap):
    cwd = os.path.join(TESTS, 'openapi')

    r = faasctl('openapi', 'orders-http.yaml', '--stage', 'prod',
                '--function-dir', '/srv/shop', cwd=cwd)
    tap.equal(r.out, fixture('orders-http.expected'), 'an HTTP API')
    tap.equal(r.reports, [
        'orders-http.yaml:49: timeoutInMillis 5000: set "timeout 5s" of '
        'function "orders"',
        'orders-http.yaml:92: POST /events answers 501: an integration with '
        'a service of AWS is not expressible',
        'orders-http.yaml:106: authorizer "users-jwt": put the keys (JWKS) '
        'of https://login.example.com/ into users-jwt.jwks.json',
    ], 'what is said about it')
    tap.equal(r.status, 1, 'its status')

    r = faasctl('openapi', 'library-rest.yaml', '--stage',
                'v1,covers=img.example.com', '-D', 'Stage=prod', cwd=cwd)
    tap.equal(r.out, fixture('library-rest.expected'), 'a REST API')
    tap.equal([s.split(': ')[0] for s in r.reports], [
        'library-rest.yaml:%d' % n
        for n in (10, 14, 15, 19, 71, 106, 149)] + [
            'library-paths.yaml:9', 'library-paths.yaml:11'],
        'the lines of what is said about it')
    tap.ok([
        'route', 'GET', '/health', 'return', '200',
        '{"ok": true, "path": "C:\\\\new"}\n', 'type=application/json'
    ] in tokens(r.out),
        'nginx reads the body of a mock integration as it was')

    if not os.access(NGINX, os.X_OK):
        tap.skip('nginx reads all the words', 'no nginx')
        return
    for name in ('orders-http.expected', 'library-rest.expected'):
        conf = fixture(name)
        block, _, rest = conf.partition('\n}\n')
        locations = rest[rest.index('#location @'):].replace('#', '')
        locations = re.sub(r'//[\w.]+;', '//127.0.0.1;', locations)
        tap.equal(nginx_takes(
            re.sub(r'faas_api \S+', 'types', block) + '\n}\nserver {\n'
            + locations + '}\n'), None,
            'nginx reads the words and locations of ' + name)


def functions(tap):
    for uri, expected in (
            (URI % 'users', 'users'),
            (URI % 'users:live', 'users:live'),
            (URI % 'users:7', 'users:7'),
            (URI % 'users:$LATEST', 'users'),
            ('arn:aws:lambda:eu-west-1:123456789012:function:users', 'users'),
            ('arn:aws-cn:lambda:cn-north-1:1:function:users:a', 'users:a'),
            ('!Sub "%s"' % URI % '${Users}', 'Users'),
            ('{"Fn::Sub": "%s"}' % URI % '${Users}', 'Users'),
            ('!Sub "${Users.Arn}"', 'Users'),
            ('!Sub "${Users.Arn}:live"', 'Users:live'),
            ('"arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/'
             '2015-03-31/functions/${Users.Arn}/invocations"', 'Users'),
            ('!Sub ["%s", {N: !Ref "AWS::AccountId"}]' % URI % 'u-${N}',
             'u-000000000000'),
            ('!GetAtt Users.Arn', 'Users'),
            ('!GetAtt [Users, Arn]', 'Users'),
            ('{"Fn::GetAtt": [Users, Arn]}', 'Users'),
            ('{"Fn::GetAtt": Users.Arn}', 'Users'),
            ('!Join [":", [arn:aws:lambda:r:1:function, !Ref Users]]',
             'Users')):
        tap.equal(target(uri), (expected, []), 'uri ' + uri)

    uri = (URI % 'users').replace('/invocations',
                                  '/response-streaming-invocations')
    tap.equal(target(uri), ('users streaming=on', []), 'a uri of streams')
    r = run(document(operation(lambda_(URI % 'users:live',
                                       ', responseTransferMode: STREAM'))))
    tap.equal([r.routes[0].split(' ', 2)[2], r.reports],
              ['users:live streaming=on', []], 'responseTransferMode')

    for uri, args, expected in (
            ('"%s"' % URI % '${S}-users', ['-D', 'S=prod'], 'prod-users'),
            ('!Ref Users', ['-D', 'Users=u-1'], 'u-1'),
            ('{Ref: Users}', ['-D', 'Users=' + URI % 'u:2'], 'u:2'),
            ('!GetAtt Users.Arn', ['-D', 'Users=u-1'], 'u-1'),
            ('!GetAtt Users.Arn', ['-D', 'Users.Arn=arn:aws:lambda:r:1:'
                                   'function:own'], 'own'),
            ('!Sub "%s"' % URI % '${!stageVariables.f}',
             ['--stage', 'x,g=1,f=two'], 'two'),
            ('"%s"' % URI % '${stageVariables.f}', ['--stage', 'x,f=two'],
             'two')):
        tap.equal(target(uri, *args), (expected, []),
                  'uri %s with %s' % (uri, ' '.join(args)))


def no_functions(tap):
    for uri, message in (
            ('"%s"' % URI % 'a.b', 'not the name of a Lambda function: "a.b"'),
            (URI % ('a' * 65),
             'not the name of a Lambda function: "%s"' % ('a' * 65)),
            ('"%s"' % URI % 'a;b', 'not the name of a Lambda function: "a;b"'),
            ('"%s"' % URI % 'a:b.c', 'not a qualifier: "b.c"'),
            ('"%s"' % URI % '${S}-users', 'no value for "S": -D S=VALUE'),
            ('"%s"' % URI % '${stageVariables.f}', 'no value for stage '
             'variable "f": --stage NAME,f=VALUE'),
            ('!Ref Users', 'no value for "Users": -D Users=VALUE'),
            ('!Sub "${Users.Name}"', 'no value for "Users.Name": '
             '-D Users.Name=VALUE'),
            ('!ImportValue x', 'uri: ImportValue is not evaluated'),
            ('{"Fn::If": [a, b, c]}', 'uri: Fn::If is not evaluated'),
            ('https://example.com/',
             'no Lambda function: "https://example.com/"')):
        tap.equal(target(uri), (REFUSED, [
            'api.yaml:7: GET /a answers 501: ' + message]), 'uri ' + uri)

    r = run(document(operation(lambda_(
        URI % 'f', ', timeoutInMillis: 2500, integrationSubtle: 1'))),
        '--function-dir', '/srv/with blank/')
    tap.equal(r.reports, [
        'api.yaml:7: timeoutInMillis 2500: set "timeout 2500ms" of function '
        '"f"', 'api.yaml:7: integrationSubtle is not expressed'],
        'a time limit and an unknown key')
    tap.equal(r.routes, ['GET "/a" f'], 'do not refuse a route')
    tap.equal(r.rest, '''
#faas_function f {
#    runtime python3;
#    handler app.handler;
#    code    "/srv/with blank/f";
#}

# to go into the server block:
#
#location / {
#    faas_api_pass t;
#}
''', 'the function and the location')


def routes(tap):
    one = lambda_(URI % 'f')
    paths = '  /a:\n' + ''.join(
        '    %s: {x-amazon-apigateway-integration: %s}\n' % (m, one)
        for m in ('get', 'put', 'post', 'delete', 'options', 'head', 'patch',
                  'trace', 'x-amazon-apigateway-any-method'))
    r = run(document(paths))
    tap.equal(r.routes, ['%s "/a" f' % m for m in (
        'GET', 'PUT', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PATCH', 'TRACE',
        'ANY')], 'each method')
    tap.equal((r.status, r.reports), (0, []), 'without a report')

    default = operation(one, '/$default',
                        method='x-amazon-apigateway-any-method')
    r = run(document(default))
    tap.equal(r.routes, ['$default f'], '$default')
    r = run(document(default + operation(one, '/b')), '--type', 'rest')
    tap.equal(r.reports, ['api.yaml:5: not a route: ANY /$default'],
              'none of type rest')

    r = run(document(operation(one, '/a/{x}.json')
                     + operation(one, '/b/{x}/{x}')
                     + operation(one, '"/c/{p+}/d"')
                     + operation(one, '"/d e"')))
    tap.equal(r.routes, ['GET "%s" %s' % (p, REFUSED) for p in (
        '/a/{p2}', '/b/{p2}/{p3}', '/c/{p2}/d', '/{p1}')],
        'paths that no route can have are refused, but keep their requests')
    tap.equal([s.split(': ')[0] for s in r.reports],
              ['api.yaml:%d' % n for n in (5, 9, 13, 17)], 'each is reported')

    r = run(document(operation(one, '/a/{x}')
                     + operation(one, '/a/{y}', '      security: [{k: []}]')))
    tap.equal(r.routes, ['GET "/a/{y}" ' + REFUSED],
              'of two that are the same the protected one stays')
    tap.equal(r.reports[1], 'api.yaml:9: GET /a/{y} is the same route as in '
              'line 5', 'and the second one is reported')

    r = run(document('  /a:\n    get: {}\n    fetch: {}\n    post:\n'
                     '  b: {}\n' + operation(one, '/c')))
    tap.equal(r.routes, ['GET "/a" ' + REFUSED, 'POST "/a" ' + REFUSED,
                         'GET "/c" f'], 'operations without integration')
    tap.equal(r.reports, [
        'api.yaml:5: GET /a answers 501: no integration',
        'api.yaml:6: not a method: "fetch"',
        'api.yaml:7: POST /a answers 501: an operation that cannot be read',
        'api.yaml:8: a path that does not begin with "/": "b"'],
        'are reported, as what is no operation')


def types(tap):
    one = operation(lambda_(URI % 'f'))
    mock = operation('{type: MOCK, requestTemplates: {application/json: '
                     '"{\\"statusCode\\": 200}"}, responses: '
                     '{default: {statusCode: 200}}}')
    for top, paths, kind in (
            ('', one, 'http'),
            ('x-amazon-apigateway-cors: {}\n', one, 'http'),
            ('x-amazon-apigateway-importexport-version: "1.0"\n', mock,
             'http'),
            ('x-amazon-apigateway-request-validators: {}\n', one, 'rest'),
            ('x-amazon-apigateway-gateway-responses: {}\n', one, 'rest'),
            ('x-amazon-apigateway-binary-media-types: []\n', one, 'rest'),
            ('x-amazon-apigateway-api-key-source: HEADER\n', one, 'rest'),
            ('', mock, 'rest')):
        tap.equal(run(document(paths, top)).block[0], 'type %s;' % kind,
                  'type %s of %s' % (kind, top.strip() or paths.split()[-1]))
    tap.equal(run(document(one), '--type', 'rest').block[0], 'type rest;',
              '--type')

    old = operation(lambda_(URI % 'old', ', payloadFormatVersion: "1.0"'))
    new = lambda_(URI % 'new', ', payloadFormatVersion: 2.0')
    tap.equal(run(document(old)).block[:3], [
        'type http;', 'payload 1.0;', 'route GET "/a" old;'],
        'payload 1.0 of all')
    tap.equal(run(document(old + operation(new, '/b'))).block[1:], [
        'route GET "/a" old payload=1.0;', 'route GET "/b" new;'],
        'payload 1.0 of half')
    tap.equal(run(document(old + operation(new, '/b') + old.replace(
        '/a:', '/c:'))).block[1:], [
            'payload 1.0;', 'route GET "/a" old;',
            'route GET "/b" new payload=2.0;', 'route GET "/c" old;'],
        'payload 1.0 of most')
    r = run(document(operation(lambda_(URI % 'f',
                                       ', payloadFormatVersion: "3.0"'))))
    tap.equal(r.reports, ['api.yaml:7: GET /a answers 501: unknown '
                          'payloadFormatVersion "3.0"'], 'payload 3.0')


def top_level(tap):
    one = operation(lambda_(URI % 'f'))

    r = run(document(one, '''x-amazon-apigateway-cors:
  allowOrigins: ['*']
  allowMethods: ['*']
  allowHeaders: "x-a"
  exposeHeaders: ["x b", x-c]
  maxAge: never
  allowCredentials: true
  allowPets: true
'''))
    tap.equal(r.block[1], 'cors allow_origins=* allow_methods=* '
              'allow_headers=x-a expose_headers=x-c;', 'cors')
    tap.equal(r.reports, [
        'api.yaml:12: not a value of exposeHeaders: "x b"',
        'api.yaml:13: maxAge is no number: "never"',
        'api.yaml:14: no browser takes credentials with any origin: left out',
        'api.yaml:15: allowPets is not expressed'], 'mistakes in it')

    r = run(document(one, 'x-amazon-apigateway-binary-media-types: '
                          '[image/png, "a b"]\n'), '--stage', 'p,x=1,y=a b')
    tap.equal(r.block[1:3], ['binary_media_types image/png "a b";',
                             'stage p x=1 "y=a b";'],
              'binary media types, a stage with variables')

    r = run(document(one, '''x-amazon-apigateway-policy: {}
x-amazon-apigateway-documentation: {}
x-amazon-apigateway-minimum-compression-size: 1
x-amazon-apigateway-throttling: {}
x-amazon-apigateway-tomorrow: {}
x-other: {}
'''))
    tap.equal([s.split(': ', 2)[:2] for s in r.reports], [
        ['api.yaml:%d' % n, 'x-amazon-apigateway-' + s] for n, s in (
            (8, 'policy'), (9, 'documentation'),
            (10, 'minimum-compression-size'), (11, 'throttling'),
            (12, 'tomorrow'))], 'other extensions')
    tap.ok('#    deny all;' in r.rest, 'a policy closes the location')
    r = run(document(one, 'x-amazon-apigateway-endpoint-configuration:\n'
                          '  vpcEndpointIds: [vpce-1]\n'))
    tap.ok('#    deny all;' in r.rest, 'as does a private endpoint')

    r = run(document(one, 'x-amazon-apigateway-cors: {allowMethods: [GET]}\n'
                     'x-amazon-apigateway-binary-media-types: [a/b]\n'),
            '--type', 'rest')
    tap.equal((r.block[1], r.reports), ('binary_media_types a/b;', [
        'api.yaml:8: x-amazon-apigateway-cors is of HTTP APIs, this one is '
        'of type rest']), 'cors is of type http')


JWT = ('{type: oauth2, x-amazon-apigateway-authorizer: {type: jwt, '
       'jwtConfiguration: {issuer: %s, audience: %s}%s}}')


def scheme(node, requirement='[{j: []}]', *args, more='', top='', name='j'):
    """The lines of a block with one route, and what is reported."""
    text = document(operation(lambda_(URI % 'f'), more='      security: '
                              + requirement + more),
                    'components:\n  securitySchemes:\n    %s: %s\n'
                    % (name, node) + top)
    r = run(text, '--type', 'http', *args)
    return r.block, r.reports


def authorizers(tap):
    plain = JWT % ('https://i', '[a, b]', '')
    line = 'authorizer j jwt issuer=https://i audience=a,b jwks=j.jwks.json;'
    said = ['api.yaml:10: authorizer "j": put the keys (JWKS) of https://i '
            'into j.jwks.json']

    for requirement, words in (
            ('[{j: []}]', 'authorizer=j'),
            ('[{j: [x, "y:z", x]}]', 'authorizer=j scopes=x,y:z')):
        block, reports = scheme(plain, requirement)
        tap.equal((block[1:], reports), ([
            '# keys (JWKS) of https://i, to be put there and renewed', line,
            'route GET "/a" f %s;' % words], said), 'JWT: ' + requirement)

    for kind in ('openIdConnect', 'http'):
        tap.equal(scheme(plain.replace('oauth2', kind))[0][2], line,
                  'JWT: type ' + kind)

    for source, word in (
            ('$request.header.Authorization', ''),
            ('[$request.header.authorization]', ''),
            ('$request.header.X-T', ' identity=$request.header.X-T'),
            ('["$request.querystring.t"]',
             ' identity=$request.querystring.t')):
        tap.equal(scheme(JWT % ('https://i', '[a, b]', ', identitySource: '
                                + source))[0][2],
                  line[:-1] + word + ';', 'JWT: identity ' + source)

    tap.equal(scheme(JWT % ('!Sub "https://${P}/${AWS::Region}"', '!Ref C',
                            ''), '[{j: []}]', '-D', 'P=p', '-D', 'C=c')[0][2],
              'authorizer j jwt issuer=https://p/us-east-1 audience=c '
              'jwks=j.jwks.json;', 'JWT: values')

    for node, requirement, why in (
            (plain, '[{j: []}, {k: []}]', None),
            (plain, '[{j: [], k: []}]', None),
            (plain, '[{j: []}, {}]', None),
            (plain, '[{j: x}]', None),
            (plain, '[{j: ["a b"]}]', None),
            (plain, '[{j: ["a,b"]}]', None),
            (plain, '[{j: [!Ref X]}]', None),
            (plain, '[{j: []}]\n      x-amazon-apigateway-auth: '
             '{type: AWS_IAM}', None),
            (plain.replace('oauth2', 'apiKey'), '[{j: []}]', ''),
            (plain.replace('type: jwt', 'type: request'), '[{j: []}]', ''),
            (JWT % ('!Sub "${P}"', '[a]', ''), '[{j: []}]',
             ': no value for "P": -D P=VALUE'),
            (JWT % ('!If [a, b, c]', '[a]', ''), '[{j: []}]',
             ': If is not evaluated'),
            (JWT % ('"a b"', '[a]', ''), '[{j: []}]', ': issuer "a b"'),
            (JWT % ('""', '[a]', ''), '[{j: []}]', ': issuer ""'),
            (JWT % ('i', '[]', ''), '[{j: []}]', ': no audience'),
            (JWT % ('i', '["a,b"]', ''), '[{j: []}]', ': audience "a,b"'),
            (JWT % ('i', '[a]', ', identitySource: $context.x'),
             '[{j: []}]', ': identitySource "$context.x"'),
            (JWT % ('i', '[a]', ', identitySource: [$request.header.a, '
                    '$request.header.b]'), '[{j: []}]',
             ': more than one identitySource'),
            (JWT % ('i', '[a]', ', identityValidationExpression: x'),
             '[{j: []}]', ': "identityValidationExpression" has no '
             'equivalent')):
        block, reports = scheme(node, requirement)
        tap.ok(block[-1] == 'route GET "/a" ' + REFUSED + ';'
               and not [b for b in block if b.startswith('authorizer')],
               'closed: %s %s' % (requirement[:40], node[:120]), block)
        if why:
            tap.ok([r for r in reports if r.endswith('expressible' + why)],
                   'and says why' + why, '\n'.join(reports))

    block, reports = scheme(plain, '[{a.b: []}]', name='a.b')
    tap.ok(block[-1].endswith(REFUSED + ';') and reports[-1].endswith(
        'is not expressible: its name is none of an authorizer'),
        'closed: a name that is none', (block, reports))
    tap.ok(run(document(operation(lambda_(URI % 'f'), more='      security: '
                                  '[{j: []}]'), 'components:\n  '
                        'securitySchemes: {j: %s}\n' % plain), '--type',
               'rest').routes[0].endswith(REFUSED), 'closed: a REST API')

    one, mock = lambda_(URI % 'f'), '{type: mock, requestTemplates: {' \
        'application/json: \'{"statusCode": 200}\'}, responses: {default: ' \
        '{statusCode: 200}}}'
    top = 'components:\n  securitySchemes: {j: %s}\n' % plain
    secured = '      security: [{j: []}]'
    for first, second in ((one, one), (one, lambda_(URI % 'g'))):
        r = run(document(operation(first, '/a/{x}')
                         + operation(second, '/a/{y}', secured), top),
                '--type', 'http')
        tap.ok(len(r.routes) == 1
               and r.routes[0].endswith(' authorizer=j'),
               'of two that are the same the one with an authorizer stays',
               r.routes)
    r = run(document(operation(mock, more=secured), 'security: []\n' + top),
            '--type', 'http')
    tap.ok(r.routes[0].startswith('GET "/a" return 200 ')
           and r.routes[0].endswith(' authorizer=j'),
           'a fixed answer with an authorizer', r.routes)


ASK = ('{type: apiKey, name: X-T, in: header, '
       'x-amazon-apigateway-authtype: custom, '
       'x-amazon-apigateway-authorizer: {%s}}')
CHECK = 'authorizerUri: "' + URI % 'check' + '"'


def lambda_authorizers(tap):
    """Functions that decide; what is unlike them answers 501."""
    def asked(settings, kind, requirement='[{j: []}]', uri=CHECK):
        return run(document(
            operation(lambda_(URI % 'f'), more='      security: '
                      + requirement),
            'components:\n  securitySchemes:\n    j: %s\n'
            % (ASK % (settings + ', ' + uri))), '--type', kind)

    for kind, settings, words in (
            ('rest', 'type: token', 'token function=check '
             'identity=$request.header.X-T'),
            ('rest', 'type: token, identitySource: method.request.header.A, '
             'identityValidationExpression: "Bearer [a-z]+", '
             'authorizerResultTtlInSeconds: 0, authorizerCredentials: x',
             'token function=check identity=$request.header.A '
             '"validate=Bearer [a-z]+" ttl=0s'),
            ('rest', 'type: request, identitySource: '
             '"method.request.header.A, method.request.querystring.b, '
             'context.identity.sourceIp, stageVariables.v", '
             'authorizerResultTtlInSeconds: 60',
             'request function=check identity=$request.header.A,'
             '$request.querystring.b,$context.identity.sourceIp,'
             '$stageVariables.v ttl=60s'),
            ('http', 'type: request, authorizerPayloadFormatVersion: "2.0", '
             'enableSimpleResponses: true, identitySource: '
             '["$request.header.A", $context.routeKey]',
             'request function=check identity=$request.header.A,'
             '$context.routeKey payload=2.0 simple=on'),
            ('http', 'type: request, authorizerPayloadFormatVersion: 1.0, '
             'authorizerResultTtlInSeconds: 0',
             'request function=check payload=1.0 ttl=0s')):
        r = asked(settings, kind)
        block = [b for b in r.block if not b.startswith('type ')]
        tap.equal((block, r.reports), ([
            'authorizer j %s;' % words, 'route GET "/a" f authorizer=j;'],
            []), 'Lambda authorizer: ' + words)
        tap.ok('#faas_function check {' in r.out, 'its function, to be filled')

    token = 'type: token'
    request = 'type: request, authorizerPayloadFormatVersion: "2.0"'
    for kind, settings, why in (
            ('http', token, ''),
            ('http', 'type: request', 'authorizerPayloadFormatVersion ""'),
            ('http', 'type: request, authorizerPayloadFormatVersion: "3.0"',
             'authorizerPayloadFormatVersion "3.0"'),
            ('http', request.replace('2', '1') + ', enableSimpleResponses: '
             'true', 'enableSimpleResponses "true"'),
            ('http', request + ', authorizerResultTtlInSeconds: 9',
             'authorizerResultTtlInSeconds without identitySource'),
            ('http', request + ', authorizerResultTtlInSeconds: 3601',
             'authorizerResultTtlInSeconds "3601"'),
            ('http', request + ', identitySource: $request.body.a',
             'identitySource "$request.body.a"'),
            ('http', request + ', identitySource: $context.foo',
             'identitySource "$context.foo"'),
            ('http', request + ', identityValidationExpression: a',
             '"identityValidationExpression" has no equivalent'),
            ('rest', request, '"authorizerPayloadFormatVersion" has no '
             'equivalent'),
            ('rest', token + ', identitySource: method.request.querystring.a',
             'identitySource is not one header'),
            ('rest', token + ', identitySource: "method.request.header.a, '
             'method.request.header.b"', 'identitySource is not one header')):
        r = asked(settings, kind)
        tap.ok(r.routes == ['GET "/a" ' + REFUSED]
               and r.reports[-1].endswith('is not expressible'
                                          + (': ' + why if why else '')),
               'closed: %s %s' % (kind, settings), r.out + '\n'.join(r.reports))

    for uri, why in (('x: 1', '"x" has no equivalent'),
                     ('authorizerCredentials: x', 'no authorizerUri'),
                     ('authorizerUri: "%s"' % (URI % 'check:live'),
                      'a qualifier, "live"'),
                     ('authorizerUri: !Sub "${F}"', 'no value for "F": '
                      '-D F=VALUE'),
                     ('authorizerUri: https://a.example/', 'no Lambda '
                      'function: "https://a.example/"')):
        r = asked(token, 'rest', uri=uri)
        tap.ok(r.routes == ['GET "/a" ' + REFUSED]
               and r.reports[-1].endswith(': ' + why), 'closed: ' + uri,
               '\n'.join(r.reports))
    for requirement in ('[{j: [a]}]', '[{j: []}, {}]', '[{j: [], k: []}]'):
        tap.equal(asked(token, 'rest', requirement).routes,
                  ['GET "/a" ' + REFUSED], 'closed: ' + requirement)


KEY = '{type: apiKey, name: x-api-key, in: header%s}'


def api_keys(tap):
    """The API keys of REST APIs; whatever is unlike them answers 501."""
    def keyed(node, requirement='[{j: []}]', top='', kind='rest'):
        return run(document(
            operation(lambda_(URI % 'f'), more='      security: '
                      + requirement),
            'components:\n  securitySchemes:\n    j: %s\n' % node + top),
            '--type', kind, '--name', 'shop')

    r = keyed(KEY % '', top='x-amazon-apigateway-api-key-source: HEADER\n')
    tap.equal(r.block, [
        'type rest;', '# usage plans and their API keys, to be put there',
        'api_keys shop.keys.json;', 'route GET "/a" f api_key=required;'],
        'an API key')
    tap.equal(r.reports, ['api.yaml:10: API keys "j": put usage plans with '
                          'their keys into shop.keys.json'],
              'where keys are expected is reported')

    for args in ((KEY % '', '[{j: []}, {}]'),
                 (KEY % '', '[{j: [], k: []}]'),
                 (KEY % '', '[{k: []}]'),
                 (KEY % ', x-amazon-apigateway-authtype: custom',),
                 (KEY.replace('x-api-key', 'key') % '',),
                 (KEY.replace('header', 'query') % '',),
                 (KEY % '', '[{j: []}]',
                  'x-amazon-apigateway-api-key-source: AUTHORIZER\n'),
                 (KEY % '', '[{j: []}]', '', 'http')):
        r = keyed(*args)
        tap.ok(r.routes == ['GET "/a" ' + REFUSED]
               and 'api_keys' not in r.out, 'no API key: %s' % (args,),
               r.out)


def security(tap):
    schemes = '''components:
  securitySchemes:
    key: {type: apiKey, name: x-api-key, in: header}
    own:
      type: apiKey
      x-amazon-apigateway-authtype: custom
      x-amazon-apigateway-authorizer: {type: request}
    unused: {type: http}
'''
    one = lambda_(URI % 'f')
    r = run(document(
        operation(one, '/a', '      security: [{key: []}]')
        + operation(one, '/b', '      security: []')
        + operation(one, '/c'), 'security: [{own: []}]\n' + schemes))
    tap.equal(r.routes, ['GET "/a" ' + REFUSED, 'GET "/b" f',
                         'GET "/c" ' + REFUSED],
              'of all operations, of one, of none')
    tap.equal(r.reports, [
        'api.yaml:5: GET /a answers 501: secured by "key" before function '
        '"f"',
        'api.yaml:13: GET /c answers 501: secured by "own" before function '
        '"f"',
        'api.yaml:19: security scheme "key" (apiKey) is not expressible',
        'api.yaml:20: security scheme "own" (apiKey, authorizer request) is '
        'not expressible: no authorizerUri'], 'schemes in use and operations are reported')
    tap.ok('    # GET /a answers 501: secured by "key" before function "f"\n'
           '    route ' in r.out, 'a comment says why')

    for more, closed in (
            ('security: [{}]', False),
            ('security: [{}, {k: []}]', True),
            ('security: [{k: [], l: []}]', True),
            ('security: {k: []}', True),
            ('security:', True),
            ('security: !If [a, [], []]', True),
            ('security: [k]', True),
            ('x-amazon-apigateway-auth: {type: AWS_IAM}', True),
            ('x-amazon-apigateway-auth: {type: NONE}', False)):
        r = run(document(operation(one, more='      ' + more)))
        tap.equal(r.routes, ['GET "/a" ' + (REFUSED if closed else 'f')],
                  more)


    r = run(document('  /a:\n    get: {security: [k: []], $ref: "#/x"}\n',
                     'x: {x-amazon-apigateway-integration: %s}\n' % one))
    tap.equal(r.routes, ['GET "/a" ' + REFUSED], 'security beside a "$ref"')


def mocks(tap):
    def answer(text):
        r = run(document(operation('{type: mock, %s}' % text)))
        return r.routes[0].split(' ', 2)[2], r.reports

    def template(text):
        return ('responses: {default: {statusCode: 200, responseTemplates: '
                '{text/html; charset=utf-8: %s}}}' % json.dumps(text))

    tap.equal(answer('responses: {default: {statusCode: 200}}'),
              ('return 200 "" type=application/json', []), 'no body')
    tap.equal(answer(template('a "b"\t\\n\n$5; {}#')), (
        r'return 200 "a \"b\"\t\\n\n$5; {}#" '
        '"type=text/html; charset=utf-8"', []), 'a body of another type')
    tap.equal(answer('requestTemplates: {application/json: '
                     '"{\\"statusCode\\": 404}"}, responses: {"404": '
                     '{statusCode: 410}, default: {statusCode: 200}}')[0],
              'return 410 "" type=application/json',
              'the response that the request template chooses')

    for text, message in (
            (template('$input.body'), 'a template with instructions (VTL)'),
            (template('#if(true)'), 'a template with instructions (VTL)'),
            (template('a' * 4001), 'a body that no directive holds'),
            (template('\0'), 'a body that no directive holds'),
            ('responses: {default: {statusCode: 99}}',
             'not a status of an answer: "99"'),
            ('requestTemplates: {application/json: "{}"}', 'a mock '
             'integration whose request template is more than a statusCode'),
            ('requestTemplates: {a/b: "{statusCode: 404}"}, responses: '
             '{"4..": {}, default: {}}', 'the answer of a mock integration '
             'is chosen by a pattern'),
            ('responses: {}', 'a mock integration without a response')):
        tap.equal(answer(text), (REFUSED, [
            'api.yaml:7: GET /a answers 501: ' + message]),
            message + ' is refused')

    tap.equal(answer('responses: {default: {statusCode: 200, '
                     'responseParameters: {method.response.header.X: y}}}'),
              ('return 200 "" type=application/json', [
                  'api.yaml:7: "header.X" of a mock integration is not sent'
              ]), 'headers are reported')


def proxies(tap):
    def locations(path, more, *args, **keys):
        r = run(document(operation('{type: http_proxy, %s}' % more, path,
                                   **keys)), *args)
        return r.rest.partition('#}\n#\n')[2].replace('#', ''), r.reports

    tap.equal(locations('/s/{p+}', 'uri: "http://h:81/s/{p}"'), (
        'location @t_1 {\n    proxy_pass http://h:81;\n}\n', []),
        'the same path')
    tap.equal(locations('/a.b/{x}/{p+}', 'uri: "https://h/{p}/{x}?y={x}", '
                        'httpMethod: POST, timeoutInMillis: 3000'), (
        'location @t_1 {\n'
        '    rewrite "^/a\\\\.b/([^/]+)/(.+)$" "/$2/$1?y=$1" break;\n'
        '    proxy_method POST;\n'
        '    proxy_pass https://h;\n'
        '    proxy_ssl_server_name on;\n'
        '    proxy_read_timeout 3s;\n'
        '}\n', []), 'another path, method and time limit')
    tap.equal(locations('/$default', 'uri: "http://h/b"', '--location',
                        '/v/', method='x-amazon-apigateway-any-method')[0],
              'location @t_1 {\n'
              '    rewrite "^(?:/v)?(.*)$" "/b$1" break;\n'
              '    proxy_pass http://h;\n'
              '}\n', '$default, in another location')

    for more, message in (
            ('uri: "ftp://h/"', 'not an address: "ftp://h/"'),
            ('uri: "http://{x}/"', 'not an address: "http://{x}/"'),
            ('uri: "http://h/{y}"', '"{y}" is not in the path'),
            ('uri: "http://h/a;b"',
             'a path that no rewrite gives: "/a;b"'),
            ('uri: "http://${H}/"', 'no value for "H": -D H=VALUE'),
            ('uri: "http://h/{x}", requestParameters: '
             '{integration.request.path.x: "\'1\'"}',
             'a path made of "\'1\'"')):
        tap.equal(locations('/{x}', more)[1], [
            'api.yaml:7: GET /{x} answers 501: ' + message],
            message + ' is refused')

    r = run(document('  /a: {get: &o {x-amazon-apigateway-integration: '
                     '{type: http, uri: "http://h/a"}}, put: *o}\n'))
    tap.equal(r.routes, ['GET "/a" @t_1', 'PUT "/a" @t_1'],
              'equal locations are one')
    tap.equal(locations('/a', 'uri: "http://h/a", connectionType: VPC_LINK, '
                        'tlsConfig: {a: b}, requestParameters: '
                        '{append:header.a: b, integration.request.header.h: '
                        'method.request.header.h}')[1], [
        'api.yaml:7: there is no VPC link; the address has to be reachable',
        'api.yaml:7: tlsConfig: use the "proxy_ssl_" directives of the '
        'location',
        'api.yaml:7: the mapping of "append:header.a" is not applied'],
        'links, certificates and mappings are reported')
    tap.equal(run(document(operation(
        '{type: aws, uri: "%s"}' % URI % 'f'))).reports, [
            'api.yaml:7: GET /a answers 501: an integration of type aws, '
            'with templates, is not expressible'], 'type aws')
    tap.equal(run(document(operation('{uri: x}'))).reports, [
        'api.yaml:7: GET /a answers 501: unknown type of integration ""'],
        'no type')


def references(tap):
    paths = '''  /a: {$ref: 'other.yaml#/paths/~1x~1%7By%7D'}
  /b: {$ref: '#/components/pathItems/b'}
  /c: {$ref: '#/components/pathItems/c'}
  /d: {$ref: '#/components/pathItems/no'}
  /e: {$ref: 'https://example.com/x.yaml'}
  /f: {$ref: 'none.yaml#/a'}
  /g:
    $ref: '#/components/pathItems/b'
    parameters: [{$ref: '#/components/parameters/no'}]
    post: {x-amazon-apigateway-integration: {$ref: '#/nowhere'}}
components:
  pathItems:
    b: {get: {x-amazon-apigateway-integration: {$ref: other.yaml#/one}}}
    c: {$ref: '#/components/pathItems/c2'}
    c2: {$ref: '#/components/pathItems/c'}
'''
    other = ('one: %s\npaths:\n  "/x/{y}":\n    get:\n      security: [a]\n'
             '      x-amazon-apigateway-integration: {$ref: "#/one"}\n'
             % lambda_(URI % 'f'))
    r = run(document(paths), other__yaml=other)
    tap.equal(r.routes, ['GET "/a" ' + REFUSED, 'GET "/b" f']
              + ['ANY "/%s" %s' % (p, REFUSED) for p in 'cdef']
              + ['GET "/g" f', 'POST "/g" ' + REFUSED],
              'paths and integrations, here and in another file')
    tap.equal(r.reports, [
        'api.yaml:6: ANY /c answers 501: a path that cannot be read',
        'api.yaml:7: "$ref" #/components/pathItems/no leads nowhere',
        'api.yaml:7: ANY /d answers 501: a path that cannot be read',
        'api.yaml:8: "$ref" https://example.com/x.yaml is not fetched',
        'api.yaml:8: ANY /e answers 501: a path that cannot be read',
        'api.yaml:9: "$ref" none.yaml#/a: none.yaml: No such file or '
        'directory',
        'api.yaml:9: ANY /f answers 501: a path that cannot be read',
        'api.yaml:12: "$ref" #/components/parameters/no leads nowhere',
        'api.yaml:13: "$ref" #/nowhere leads nowhere',
        'api.yaml:13: POST /g answers 501: an integration that cannot be '
        'read',
        'api.yaml:18: "$ref" #/components/pathItems/c leads back to itself',
        'other.yaml:4: GET /a answers 501: secured by "unreadable '
        'security" before function "f"',
    ], 'those that lead nowhere or in circles are reported')


def texts(tap):
    """What is read at all."""
    def dies(text, message, name='api.yaml'):
        r = run(text, '-o', 'out', name=name)
        tap.equal((r.status, r.out, r.reports[-1:]), (2, '', [message]),
                  message)

    one = document(operation(lambda_(URI % 'f')))
    dies('swagger: "2.0"\npaths: {}\n', 'api.yaml:1: Swagger 2.0 is not read; '
         'export it from API Gateway as OpenAPI 3 ("aws apigateway '
         'get-export --export-type oas30 --parameters extensions='
         'apigateway"), or convert it with swagger2openapi')
    dies('a: b\nopenapi: 4.0.0\n',
         'api.yaml:2: not an OpenAPI document of version 3.0 or 3.1')
    dies('', 'api.yaml:1: not an OpenAPI document')
    dies('Resources: {}\n', 'api.yaml:1: a template of CloudFormation; the '
         'OpenAPI document in it has to be a file of its own')
    dies('openapi: 3.1.0\npaths: {}\n', 'api.yaml:2: no paths')
    dies('openapi: 3.1.0\npaths: {x-a: b}\n', 'api.yaml:2: no routes')
    dies('{"openapi": "3.0.0", "paths": {\n"/%s": {"get": {}}}}' % ('a' * 4001),
         'api.yaml:2: a path that no directive holds')
    dies(one + 'paths: {}\n', 'api.yaml:8: duplicate key "paths", the first '
         'one is in line 3')
    dies(one + '--- {}\n', 'api.yaml:8: a second document')
    dies('a: [b\n', "api.yaml:2: did not find expected ',' or ']'")
    dies('{"a": 1,\n"b": ]}', 'api.json:2: not JSON: a value expected',
         'api.json')
    dies(b'a: b\nc: \xff\n', 'api.yaml:2: not UTF-8')
    dies('a: &a [*a]\n', 'api.yaml:1: anchor "a" contains itself')
    dies('a0: &a0 [x, x]\n' + ''.join(
        'a%d: &a%d [*a%d, *a%d]\n' % (n, n, n - 1, n - 1)
        for n in range(1, 40)), 'api.yaml:19: more than 2000000 nodes')
    dies('a: ' + '[' * 200 + ']' * 200, 'api.yaml:1: nested deeper than 100 '
         'levels')
    dies('{"a": ' + '[' * 100000, 'api.yaml:1: nested deeper than 100 levels')


def inputs(tap):
    one = document(operation(lambda_(URI % 'f')))
    tap.equal(faasctl('openapi', '/nonexistent/a').reports,
              ['/nonexistent/a: No such file or directory'], 'no file')
    tap.equal(run(one, '-o', '/nonexistent/b').reports[-1],
              'faasctl: /nonexistent/b: No such file or directory',
              'no place for the output')
    tap.equal(run(one, '--name', 'a b').status, 2, 'no name')

    tree = {'openapi': '3.1.0', 'paths': {'/a': {'get': {
        'security': [{'k': []}], 'x-amazon-apigateway-integration': {
            'type': 'aws_proxy', 'uri': {'Fn::GetAtt': ['F', 'Arn']}}}}}}
    r = run(json.dumps(tree, indent='\t'), name='api.json')
    tap.equal((r.routes, r.reports), (['GET "/a" ' + REFUSED], [
        'api.json:5: GET /a answers 501: secured by "k" before function "F"'
    ]), 'JSON with tabs, with its lines')

    r = run(one.replace('\n', '\r\n') + 'x: !!python/object/apply:os.system '
            '["echo no"]\n')
    tap.equal((r.status, r.out.count('no\n')), (0, 0),
              'a tag is nothing but a tag')
    r = run(document('  "/a\\n}\\e": {get: {}}\n'))
    tap.ok('/a?}?' in r.reports[0] and '\n}\n}' not in r.out,
           'no character of a path ends a comment')

    with tempfile.TemporaryDirectory() as folder:
        link = os.path.join(folder, 'ctl')
        os.symlink(FAASCTL, link)
        with open(os.path.join(folder, 'a'), 'w') as f:
            f.write(one)
        r = faasctl('openapi', 'a', '-o', 'out', '--name', 'shop',
                    cwd=folder, program=link)
        with open(os.path.join(folder, 'out')) as f:
            tap.ok('faas_api shop {' in f.read(), '-o and --name')
        tap.equal((r.status, r.out), (0, ''), 'by way of a link')


with Tap() as main:
    fixtures(main)
    functions(main)
    no_functions(main)
    routes(main)
    types(main)
    top_level(main)
    api_keys(main)
    security(main)
    authorizers(main)
    lambda_authorizers(main)
    mocks(main)
    proxies(main)
    references(main)
    texts(main)
    inputs(main)
