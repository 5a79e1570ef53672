#!/usr/bin/python3
"""JWT authorizers of HTTP APIs (contract, section 7.7): who is let in, what
the others are told, what events and logs say."""

import json
import os
import re
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402
from faas_jwt import Ec, Rsa, b64, hmac256, jwks, token        # noqa: E402

ECHO = '''\
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
'''

HTTP = '''
    faas_function echo {
        runtime python3; handler app.handler; code {functions}/echo;
    }

    faas_function idle {
        runtime python3; handler app.handler; code {functions}/echo;
    }

    faas_api shop {
        cors allow_origins=https://a.example allow_methods=GET;
        authorizer users jwt issuer=https://id.example audience=web,mobile
                   jwks={dir}/keys.json;
        authorizer query jwt issuer=https://id.example audience=web
                   jwks={dir}/keys.json skew=0s
                   identity=$request.querystring.token;
        authorizer header jwt issuer=https://id.example audience=web
                   jwks={dir}/keys.json identity=$request.header.X-Token;
        authorizer_default users;

        route GET /two echo;
        route GET /one echo payload=1.0;
        route POST /idle idle;
        route GET /scoped echo scopes=orders.read,orders.admin;
        route GET /scoped1 echo scopes=orders.read,orders.admin payload=1.0;
        route GET /query echo authorizer=query;
        route GET /header echo authorizer=header;
        route GET /fixed return 200 authorizer=users;
        route GET /static @static;
        route GET ~ ^/regex[0-9]$ return 200;
        route GET /open return 200 '{"ok":true}' authorizer=none;
        route GET /open/echo echo authorizer=none;
        route $default return 200 '{"default":true}';
    }

    log_format jwt '$uri $status [$faas_authorizer|$faas_claim_sub|'
                   '$faas_claim_cognito_groups|$faas_claim_twice]';
'''

SERVER = '''
    access_log {dir}/access.log jwt;
    location / { faas_api_pass shop; }
    location @static {
        return 200 "static for $faas_claim_sub by $faas_authorizer";
    }
    location /errors/ {
        error_page 401 /login;
        faas_api_pass shop base_path=/errors;
    }
    location = /login { return 200 "login $faas_authorizer"; }
'''

INVALID = 'Bearer error="invalid_token" error_description="%s"'


def claims(**more):
    now = int(time.time())
    base = {'iss': 'https://id.example', 'aud': 'web', 'sub': 'ann',
            'iat': now - 5, 'exp': now + 600}
    base.update(more)
    return {k: v for k, v in base.items() if v is not None}


def bearer(text):
    return {'Authorization': 'Bearer ' + text}


def get(text, path='/two', **options):
    headers = dict(options.pop('headers', {}), **bearer(text))
    return nginx.get(path, headers=headers, **options)


def refused(tap, r, why, name):
    tap.equal((r.status, r.headers.get('content-type'), r.body,
               r.headers.get('www-authenticate')),
              (401, 'application/json', b'{"message":"Unauthorized"}',
               INVALID % why if why else 'Bearer'), name)


def accepted(tap):
    tap.equal(get(token(rsa, claims())).status, 200, 'RS256')
    tap.equal(get(token(ec, claims())).status, 200, 'ES256')
    tap.equal(nginx.get('/two', headers={
        'authorization': token(rsa, claims())}).status, 200,
        'without "Bearer "')
    tap.equal(nginx.get('/two', headers={
        'Authorization': 'bearer ' + token(rsa, claims())}).status, 200,
        'with "bearer "')

    now = int(time.time())
    for name, more in (
            ('a list of audiences', {'aud': ['x', 'mobile']}),
            ('the client instead of an audience',
             {'aud': None, 'client_id': 'web'}),
            ('expired, within the skew', {'exp': now - 30}),
            ('issued by a clock that is ahead', {'iat': now + 30})):
        tap.equal(get(token(rsa, claims(**more))).status, 200, name)


def denied(tap):
    for path in ('/two', '/one', '/scoped', '/query', '/header', '/fixed',
                 '/static', '/regex1', '/nowhere'):
        refused(tap, nginx.get(path), None, 'no token: ' + path)

    refused(tap, nginx.get('/two', headers={'Authorization': ''}), None,
            'an empty token')
    refused(tap, nginx.get('/two', headers={'Authorization': 'Bearer'}),
            'the token is malformed', 'a scheme without token')
    refused(tap, nginx.get('/two', headers={'Authorization': 'Basic YTpi'}),
            'the token is malformed', 'another scheme')

    now = int(time.time())
    good = token(rsa, claims())
    head, body, sig = good.split('.')
    none = b64(json.dumps({'alg': 'none', 'kid': 'rsa'}).encode())
    forged = b64(json.dumps(claims(sub='root')).encode())

    for name, text, why in (
            ('expired', token(rsa, claims(exp=now - 61)),
             'the token has expired'),
            ('never expires', token(rsa, claims(exp=None)),
             'the times of the token are invalid'),
            ('not yet valid', token(rsa, claims(nbf=now + 90)),
             'the token is not valid yet'),
            ('issued tomorrow', token(rsa, claims(iat=now + 86400)),
             'the token is not valid yet'),
            ('another issuer', token(rsa, claims(iss='https://id.example/')),
             'the issuer of the token is invalid'),
            ('another audience', token(rsa, claims(aud='webs')),
             'the audience of the token is invalid'),
            ('no audience', token(rsa, claims(aud=None)),
             'the audience of the token is invalid'),
            ('another key', token(other, claims(), kid='rsa'),
             'the signature of the token is invalid'),
            ('an unknown key', token(other, claims()),
             'no key fits the token'),
            ('an algorithm of another key', token(ec, claims(), kid='rsa'),
             'no key fits the token'),
            ('no key named, and several', token(rsa, claims(), kid=None),
             None),
            ('no algorithm', '%s.%s.' % (none, body),
             'the algorithm of the token is not supported'),
            ('no algorithm, a signature', '%s.%s.%s' % (none, body, sig),
             'the algorithm of the token is not supported'),
            ('HS256 with the public key', hmac256(rsa, claims()),
             'the algorithm of the token is not supported'),
            ('other claims', '%s.%s.%s' % (head, forged, sig),
             'the signature of the token is invalid'),
            ('cut', good[:-6], 'the signature of the token is invalid'),
            ('no token at all', 'x.y', 'the token is malformed')):
        if why is None:
            # one RSA key and one EC key: the algorithm tells which
            tap.equal(get(text).status, 200, 'the only key that fits')
            continue
        refused(tap, get(text), why, name)

    log = nginx.log()
    tap.ok(re.search(r'\[info\].* faas: authorizer "users" of API "shop" '
                     r'refused route "GET /two": the token has expired', log),
           'the log says why')
    tap.ok('route "$default": there is no token' in log,
           'the log says that there is none')
    tap.ok(sig not in log and 'eyJ' not in log, 'no token is in the log')


def sources(tap):
    good = token(rsa, claims())
    tap.equal(nginx.get('/query?a=b&token=' + good).status, 200,
              'a token in the query string')
    tap.equal(nginx.get('/query?token=Bearer%20' + good.replace('.', '%2E'))
              .status, 200, 'an encoded one')
    tap.equal([nginx.get(path + good).status for path in
               ('/query?Token=', '/query?token', '/query?xtoken=')], [401] * 3,
              'other arguments')
    refused(tap, nginx.get('/query?token=%s&token=%s' % (good, good)),
            'the token is malformed', 'two arguments')
    refused(tap, nginx.get('/query?token=%s&t%%6Fken=x' % good),
            'the token is malformed', 'two, one of them encoded')
    tap.equal(nginx.get('/query?t%6fken=' + good).status, 200,
              'an encoded name')
    tap.equal(get(good, '/query').status, 401, 'the header is not looked at')
    tap.equal(nginx.get('/query?token=' + token(rsa, claims(
        exp=int(time.time()) - 2))).status, 401, 'without skew')

    tap.equal([nginx.get('/header', headers={'x-token': good}).status,
               get(good, '/header').status], [200, 401], 'another header')
    refused(tap, nginx.get('/header', headers=Twice(good)),
            'the token is malformed', 'two headers')


def again(tap):
    """Signatures are remembered, and nothing else."""
    text = token(rsa, claims(scope='orders.read', n=[1, 'é']))
    first = get(text).json()['requestContext']['authorizer']
    tap.equal(get(text).json()['requestContext']['authorizer'], first,
              'again: the same claims')
    tap.equal([get(text, '/scoped').status, get(text, '/header').status,
               nginx.get('/header', headers={'X-Token': text}).status],
              [200, 401, 200], 'again: other routes')

    head, body, sig = text.split('.')
    for name, other_text in (
            ('claims', '%s.%s.%s' % (head, b64(json.dumps(
                claims(sub='root')).encode()), sig)),
            ('signature', '%s.%s.%s' % (head, body, 'A' * len(sig)))):
        tap.equal(get(other_text).status, 401, 'again: another ' + name)

    unscoped = token(rsa, claims())
    tap.equal([get(unscoped, p).status for p in
               ('/two', '/scoped', '/two', '/scoped')],
              [200, 403, 200, 403], 'again: without scopes')

    short = '/query?token=' + token(rsa, claims(exp=int(time.time()) + 3))
    tap.equal([nginx.get(short).status for _ in range(2)], [200, 200],
              'again: about to expire')
    wait_for(lambda: nginx.get(short).status == 401, 10, 'the end of a token')
    tap.equal(nginx.get(short).status, 401, 'again: expired')


class Twice(dict):
    """Sent twice."""

    def __init__(self, text):
        super().__init__({'X-Token': text, 'x-token': text})


def scopes(tap):
    for name, more, expected in (
            ('scope', {'scope': 'a orders.admin orders.read'},
             ['orders.read', 'orders.admin']),
            ('scp', {'scp': ['orders.read', 'x']}, ['orders.read']),
            ('scp, text', {'scp': 'x orders.admin'}, ['orders.admin'])):
        r = get(token(rsa, claims(**more)), '/scoped')
        tap.equal(r.status == 200 and
                  r.json()['requestContext']['authorizer']['jwt']['scopes'],
                  expected, 'scopes: ' + name)

    r = get(token(rsa, claims(scp=['orders.read'])), '/scoped1')
    tap.equal(r.json()['requestContext']['authorizer']['scopes'],
              ['orders.read'], 'scopes: payload 1.0')

    for name, more in (('none', {}), ('others', {'scope': 'orders'}),
                       ('one with a space', {'scp': ['a orders.read']})):
        r = get(token(rsa, claims(**more)), '/scoped')
        tap.equal((r.status, r.body, r.headers.get('www-authenticate')),
                  (403, b'{"message":"Forbidden"}',
                   'Bearer scope="orders.read orders.admin" '
                   'error="insufficient_scope" error_description="the token '
                   'has none of the required scopes"'), 'scopes: ' + name)


def events(tap):
    now = int(time.time())
    said = claims(iat=now, exp=now + 60, aud=['web', 'x'], admin=True,
                  nothing=None, rate=1.50, name='Zoë "Z" \\ \n',
                  address={'city': 'a b', 'n': [1, 2]}, empty=[])
    expected = {'iss': 'https://id.example', 'sub': 'ann', 'iat': str(now),
                'exp': str(now + 60), 'aud': '[web x]', 'admin': 'true',
                'rate': '1.5', 'name': 'Zoë "Z" \\ \n', 'empty': '[]',
                'address': '{"city":"a b","n":[1,2]}'}

    e = get(token(rsa, said)).json()
    tap.equal(e['requestContext']['authorizer'],
              {'jwt': {'claims': expected, 'scopes': None}}, '2.0: claims')
    tap.equal(e['requestContext']['apiId'], 'shop', '2.0: and what was there')

    e = get(token(rsa, said), '/one').json()
    tap.equal(e['requestContext']['authorizer'],
              {'claims': expected, 'scopes': None}, '1.0: claims')

    e = nginx.get('/open/echo').json()
    tap.ok('authorizer' not in e['requestContext'],
           'an open route has no authorizer')
    e = get(token(rsa, claims()), '/open/echo').json()
    tap.ok('authorizer' not in e['requestContext'], 'even with a token')

    big = claims(long='\u0001\u00ff"' * 300)
    e = get(token(rsa, big)).json()
    tap.equal(e['requestContext']['authorizer']['jwt']['claims']['long'],
              big['long'], 'a long claim')


def targets(tap):
    good = token(rsa, claims())
    tap.equal([get(good, p).status for p in ('/fixed', '/regex1', '/other')],
              [200] * 3, 'fixed answers')
    tap.equal(get(good, '/static').text, 'static for ann by users',
              'a named location, and variables in it')
    for sub, shown in (('Zoë "\\', 'Zoë "\\'), ('a\r\nX-Admin: 1', ''),
                       ('a\0', ''), ('a\x7f', ''), ('', ''), (7, '7'),
                       (['a', 'b'], '[a b]')):
        tap.equal(get(token(rsa, claims(sub=sub)), '/static').text,
                  'static for %s by users' % shown,
                  'a variable of %r' % sub)
    tap.equal(nginx.get('/open').text, '{"ok":true}', 'an open route')
    tap.equal(nginx.get('/errors/two').text, 'login users', 'an error page')
    tap.equal(nginx.get('/errors/two').headers.get('www-authenticate'),
              'Bearer', 'and the header')

    r = nginx.get('/two', method='OPTIONS', headers={
        'Origin': 'https://a.example',
        'Access-Control-Request-Method': 'GET'})
    tap.equal((r.status, r.headers.get('access-control-allow-origin'),
               r.headers.get('www-authenticate')),
              (204, 'https://a.example', None), 'CORS: a preflight is open')
    r = nginx.get('/two', headers={'Origin': 'https://a.example'})
    tap.equal((r.status, r.headers.get('access-control-allow-origin')),
              (401, 'https://a.example'), 'CORS: headers of a refusal')
    tap.equal(nginx.get('/two', method='OPTIONS').status, 401,
              'another OPTIONS is not')


def logs(tap):
    get(token(rsa, {**claims(sub='bob'), 'cognito:groups': ['a', 'b'],
                    'twice': 'x', 'Twice': 'y'}), '/fixed')
    get(token(rsa, claims(sub='eve')), '/scoped')
    get(token(rsa, claims(sub='old', exp=1)), '/fixed')
    for line in ('/fixed 200 [users|bob|[a b]|-]',
                 '/scoped 403 [users|eve|-|-]', '/fixed 401 [users|-|-|-]',
                 '/open 200 [-|-|-|-]'):
        try:
            wait_for(lambda line=line: line in nginx.access_log(), 5)
        except TimeoutError:
            pass
        tap.ok(line in nginx.access_log(), 'access log: ' + line,
               nginx.access_log()[-2000:])


def early(tap):
    """The answer comes before the body."""
    with socket.create_connection(('127.0.0.1', nginx.port), 10) as s:
        s.sendall(b'POST /idle HTTP/1.1\r\nHost: x\r\n'
                  b'Content-Length: 1000\r\n\r\n')
        tap.ok(s.recv(4096).startswith(b'HTTP/1.1 401 '),
               'refused before the body is read')
    m = nginx.metrics('idle')
    tap.equal((m['invocations'], sum(m['environments'].values()),
               m['counters']['environments_started']), (0, 0, 0),
              'and no environment was started')


def replaced(tap):
    """Keys change with their file."""
    path = os.path.join(nginx.dir, 'keys.json')

    def write(text):
        with open(path + '.new', 'w') as f:
            f.write(text)
        os.rename(path + '.new', path)

    old, new = token(rsa, claims()), token(other, claims())
    tap.equal([get(old).status, get(new).status], [200, 401],
              'before: the old key')

    start = len(nginx.log())
    write('{"keys":')
    wait_for(lambda: get(old).status and 'the old ones stay'
             in nginx.log()[start:], 10, 'a look at the bad file')
    tap.equal([get(old).status, get(new).status], [200, 401],
              'a bad file: the old key')

    # each authorizer has its own set, and looks only when it is asked
    time.sleep(1.1)
    get(old)
    tap.equal(nginx.log()[start:].count('the old ones stay'), 1,
              'which is logged once')

    write(jwks(other))
    wait_for(lambda: get(new).status == 200, 10, 'the new key')
    tap.equal([get(old).status, get(new).status], [401, 200],
              'a good file: the new key only')

    os.unlink(path)
    wait_for(lambda: get(new).status and 'its keys stay'
             in nginx.log()[start:], 10, 'a look at no file')
    tap.equal(get(new).status, 200, 'without a file the keys stay')

    write('{"keys":[{"kty":"oct","k":"AAAA"}]}')
    get(new)
    time.sleep(1.1)
    tap.equal(get(new).status, 200, 'nor by a file without keys of use')

    write(jwks(rsa, ec))
    wait_for(lambda: get(old).status == 200, 10, 'the first keys')
    tap.equal(get(new).status, 401, 'and back')


def warned(tap):
    path = os.path.join(nginx.dir, 'more.json')
    with open(path, 'w') as f:
        keys = json.loads(jwks(rsa))['keys']
        f.write(json.dumps({'keys': keys + [{'kty': 'oct', 'k': 'AAAA'}]}))

    nginx.write_conf(http=HTTP.replace('authorizer_default', '''
        authorizer unused jwt issuer=i audience=a jwks=%s;
        authorizer_default''' % path, 1), server=SERVER)
    status, text = nginx.test_conf()
    tap.equal(status, 0, 'nginx -t takes it')
    at = r' in %s:\d+$' % re.escape(nginx.conf)
    tap.ok(re.search(r'\[warn\].* 1 keys in "jwks=%s" are left out: of a type '
                     r'or curve that is not supported%s'
                     % (re.escape(path), at), text, re.M),
           'a warning of keys that are left out', text)
    tap.ok(re.search(r'\[warn\].* no route of API "shop" uses authorizer '
                     r'"unused"' + at, text, re.M),
           'a warning of an authorizer that is not used', text)

    nginx.reload()
    tap.equal([get(token(rsa, claims())).status, nginx.get('/two').status],
              [200, 401], 'after a reload')


with Tap() as tap:
    rsa, other, ec = Rsa('rsa'), Rsa('other'), Ec('ec')
    nginx = Nginx(functions={'echo': {'app.py': ECHO}})
    with open(os.path.join(nginx.dir, 'keys.json'), 'w') as f:
        f.write(jwks(rsa, ec))
    nginx.write_conf(http=HTTP, server=SERVER)

    with nginx:
        accepted(tap)
        denied(tap)
        sources(tap)
        again(tap)
        scopes(tap)
        events(tap)
        targets(tap)
        logs(tap)
        early(tap)
        replaced(tap)
        warned(tap)
        nginx.finish(tap)
