"""The requests that t/700-apps.t sends to every application."""

import base64
import gzip
import json

from faas_apps import Case

JSON = [('Content-Type', 'application/json')]
FORM = [('Content-Type', 'application/x-www-form-urlencoded')]
TEXT = [('Content-Type', 'text/plain; charset=utf-8')]
OCTET = [('Content-Type', 'application/octet-stream')]
MULTIPART = [('Content-Type', 'multipart/form-data; boundary=XyZ')]

PNG = base64.b64decode(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA'
    'WjR9awAAAABJRU5ErkJggg==')

UNICODE = 'Käse € 日本 𝄞'.encode()

PARTS = (b'--XyZ\r\nContent-Disposition: form-data; name="text"\r\n\r\n'
         + UNICODE + b'\r\n--XyZ\r\nContent-Disposition: form-data; '
         b'name="file"; filename="a.png"\r\nContent-Type: image/png\r\n\r\n'
         + PNG + b'\r\n--XyZ--\r\n')

BIG_TEXT = (b'0123456789abcde\n' * 65536)
BIG_BYTES = bytes(range(256)) * 4096
BIG_JSON = json.dumps({'list': ['é%d' % i for i in range(60000)]}).encode()


def methods():
    for method in ('GET', 'HEAD', 'DELETE', 'OPTIONS', 'POST', 'PUT',
                   'PATCH'):
        yield Case('/echo', method)
    for method in ('POST', 'PUT', 'PATCH', 'DELETE'):
        yield Case('/echo', method, TEXT, b'some text', note='text')
        yield Case('/echo', method, JSON, b'{"a": 1}', note='json')
        yield Case('/echo', method, OCTET, b'\x00\xff\xfe', note='bytes')
    for method in ('GET', 'PUT', 'DELETE', 'HEAD'):
        yield Case('/users/42/posts/a-b', method)


def paths():
    for path in ('/echo/', '/echo/a', '/echo/a/', '/echo/a/b/c',
                 '/echo/a%20b', '/echo/a%2Fb', '/echo/a%2fb/',
                 '/echo/%E6%97%A5%E6%9C%AC', '/echo/K%C3%A4se',
                 '/echo/a+b', '/echo/a%2Bb', '/echo/a:b@c', '/echo/~a_b-c.d',
                 "/echo/a!$&'()*,;=b", '/echo/a%25b', '/echo/a%3Fb',
                 '/echo/a%23b', '/echo/a%22b', '/echo//b', '/echo/a//',
                 '/echo/%41', '/echo/[a]', '/echo/a%5Cb', '/echo/a|b',
                 '/echo/a%00b', '/ECHO', '/echo/prod/a',
                 '/users/J%C3%BCrgen%20A/posts/1%2F2', '/users//posts/1',
                 '/users/a%2520b/posts/+', '/nothing', '/nothing/at/all?a=b',
                 '/echo/a/../b', '/echo/./a', '/echo/a/..', '//echo/a',
                 '/echo/' + 'long/' * 300):
        yield Case(path)


def queries():
    for query in ('?a=1', '?a=1&b=2', '?a=1&a=2', '?a=1&b=2&a=3', '?a', '?a=',
                  '?a&b', '?', '?a=b=c', '?a=x+y', '?a=x%20y', '?a=x%2By',
                  '?a=%C3%A9&%C3%A9=1', '?a=%F0%9D%84%9E', '?a=1,2',
                  '?a=1,2&a=3', '?a=%26%3D', '?a=%252F', '?a=/path?x',
                  '?a=http%3A%2F%2Fb%2Fc%3Fd%3De', '?a[]=1&a[]=2',
                  '?a[b]=c', '?a[b][c]=d', '?=x', '?a=1&&b=2', "?a=it's",
                  '?a=(b)*!~', '?A=1&a=2', '?z=1&y=2&10=3&2=4', '?a=%7B%7D',
                  '?a=%22b%22', '?a=100%25', '?a=%ff', '?constructor=1',
                  '?q=' + 'x' * 3000):
        yield Case('/echo' + query)


def headers():
    for pairs in (
            [('X-One', 'a')], [('x-lower', 'a')], [('X-UPPER-Case', 'A')],
            [('X-Dup', 'a'), ('X-Dup', 'b')],
            [('X-Dup', 'a'), ('X-Other', '1'), ('x-dup', 'b')],
            [('X-List', 'a, b'), ('X-List', 'c')], [('X-Empty', '')],
            [('X-Spaces', '  a  b  ')], [('X-Quoted', '"a", "b;c"')],
            [('X-Long', 'v' * 6000)], [('X-Utf8', 'Käse €')],
            [('X-Encoded', '=?UTF-8?Q?K=C3=A4se?=')],
            [('X-Percent', '%41%2F')], [('X-Json', '{"a":"\\u00e9"}')],
            [('Accept', 'text/html, application/json;q=0.9, */*;q=0.8')],
            [('Accept', 'application/json')],
            [('Accept', 'text/html'), ('Accept', 'application/json')],
            [('Accept-Language', 'de, en;q=0.5')],
            [('Accept-Encoding', 'gzip, br')],
            [('Authorization', 'Bearer abc.def')],
            [('authorization', 'Basic dTpw')],
            [('User-Agent', 'test/1.0 (a; b)')],
            [('Referer', 'https://shop.example/x?y')],
            [('Origin', 'https://shop.example')],
            [('If-None-Match', '"x"')], [('Range', 'bytes=0-3')],
            [('Cache-Control', 'no-cache')],
            [('X-Forwarded-For', '192.0.2.7')],
            [('X-Forwarded-For', '192.0.2.7'), ('x-forwarded-for', 'b, c')],
            [('X-Forwarded-Proto', 'https')], [('X_Under', 'score')],
            [('X.Dot', 'dot')], [('X-Digits-123', '4')], [('Via', '1.1 a')],
            [('X-Amzn-Trace-Id', 'Root=1-67891233-abcdef012345678912345678')],
            [('X-Request-Id', 'mine')],
            [('Cookie', 'a=1')], [('Cookie', 'a=1; b=2')],
            [('Cookie', 'a=1'), ('Cookie', 'b=2')],
            [('Cookie', 'a="x y"; b=%20; c=')], [('Cookie', 'a=1;b=2')],
            [('TE', 'trailers')], [('Connection', 'keep-alive')],
            [('Connection', 'X-Drop'), ('X-Drop', 'me')],
            [('Keep-Alive', 'timeout=5')],
            [('Proxy-Authorization', 'Basic eDp5')],
            [('Content-Type', 'text/plain')],
            [('X-%d' % i, 'v%d' % i) for i in range(40)]):
        note = ' '.join('%s:%s' % (k, v[:20]) for k, v in pairs[:3])
        yield Case('/echo', headers=pairs, note=note)


def bodies():
    def post(path, types, body, note, **options):
        return Case(path, 'POST', types, body, note=note, **options)

    yield post('/json', JSON, '{"a":"é €","b":[1,2.5,null]}'.encode(), 'json')
    yield post('/json', JSON, b'[]', 'array')
    yield post('/json', JSON, b'{"a":', 'malformed')
    yield post('/json', JSON, b'{"a":"\\ud834\\udd1e\\u0000"}', 'escapes')
    yield post('/json', [('Content-Type', 'application/json; charset=utf-8')],
               b'{"a":1}', 'charset')
    yield post('/json', JSON, BIG_JSON, 'big')
    yield post('/form', FORM, b'a=1&a=2&b=x+y&c=%C3%A9&d[e]=f', 'form')
    yield post('/form', MULTIPART, PARTS, 'multipart')
    yield post('/echo', FORM, b'a=1&b=+', 'form')
    yield post('/echo', MULTIPART, PARTS, 'multipart')
    for kind in ('application/xml', 'application/vnd.a+json', 'text/csv',
                 'application/soap+xml', 'application/javascript',
                 'application/graphql', 'image/svg+xml'):
        yield post('/echo', [('Content-Type', kind)],
                   '<é>{"a":1}'.encode(), kind)
    yield post('/echo', [], b'no type', 'untyped')
    yield post('/echo', TEXT, UNICODE, 'unicode')
    yield post('/echo', TEXT, b'\xe9 latin', 'latin')
    yield post('/echo', TEXT, b'nul \x00 in text\r\n', 'nul')
    yield post('/echo', TEXT, '\ufeffBOM'.encode(), 'bom')
    yield post('/echo', JSON, b'', 'empty')
    yield post('/echo', TEXT, b' ', 'blank')
    yield post('/echo', [('Content-Type', 'image/png')], PNG, 'png')
    yield post('/echo', JSON, b'{"chunked":1}', 'chunked', chunked=True)
    yield post('/echo', TEXT + [('Expect', '100-continue')], b'expect', '100')
    zipped = gzip.compress(b'{"zipped": true}', mtime=0)
    encoding = [('Content-Encoding', 'gzip')]
    yield post('/json', JSON + encoding, zipped, 'gzip')
    yield post('/form', FORM + encoding, gzip.compress(b'a=b', mtime=0),
               'gzip')
    for kind, body, note in ((TEXT, BIG_TEXT, 'big text'),
                             (OCTET, BIG_BYTES, 'big bytes'),
                             (MULTIPART, BIG_BYTES, 'big multipart'),
                             (OCTET, b'', 'empty'),
                             (OCTET, bytes(range(256)), 'all bytes'),
                             (OCTET, zipped, 'gzip as bytes')):
        yield post('/digest', kind, body, note)


def mirrored():
    control = ''.join(map(chr, range(128)))
    for note, text in (
            ('controls', control), ('unicode', UNICODE.decode()),
            ('separators', '\u2028\u2029\u0085\u00a0\ufeff\ufffe\U0010fffd'),
            ('escapes', '\\u0041\\n\\\\"\\/</script>'), ('one', 'x'),
            ('lines', '\r\n\n\r'), ('big', '\u20ac"\\\n' * 150000)):
        yield Case('/mirror', 'POST', TEXT, text.encode(), note=note)
    for kind, body in (('application/json', b'{"a":"\\ud834"}'),
                       ('TEXT/HTML; Charset=UTF-8', b'<p>'),
                       ('application/xml', '<é/>'.encode()),
                       ('image/png', PNG),
                       ('application/octet-stream', BIG_BYTES)):
        yield Case('/mirror', 'PUT', [('Content-Type', kind)], body,
                   note=kind)


def special():
    for pairs in ([], [('If-None-Match', '"special"')],
                  [('If-None-Match', '"other"')],
                  [('If-Match', '"other"')],
                  [('If-Modified-Since', 'Tue, 02 Jan 2024 00:00:00 GMT')],
                  [('If-Unmodified-Since', 'Sun, 01 Jan 2023 00:00:00 GMT')],
                  [('Range', 'bytes=0-2')],
                  [('Range', 'bytes=0-2'), ('If-Range', '"special"')]):
        yield Case('/special', headers=pairs,
                   note=' '.join('%s:%s' % p for p in pairs))
    yield Case('/special', 'HEAD')
    yield Case('/special', 'POST', TEXT, b'x')


def answers():
    for code in (200, 201, 202, 203, 204, 206, 300, 304, 400, 401, 403, 404,
                 409, 410, 418, 422, 429, 451, 500, 501, 502, 503, 504, 599):
        yield Case('/status/%d' % code)
    for code in (200, 204, 304, 404, 500):
        yield Case('/bare/%d' % code)
    for code in (301, 302, 303, 307, 308):
        yield Case('/redirect/%d' % code)
    for path in ('/cookies', '/cookie', '/headers', '/etag', '/png', '/bytes',
                 '/text', '/html', '/xml', '/gzip', '/untyped', '/empty',
                 '/chunks', '/throw', '/reject', '/teapot', '/big/1000000',
                 '/big/4000000'):
        yield Case(path)
    for path in ('/png', '/text', '/gzip', '/status/404', '/status/204',
                 '/redirect/302', '/throw', '/nothing', '/big/100000'):
        yield Case(path, 'HEAD')
    yield Case('/png', headers=[('Accept', 'image/png')], note='accepted')
    yield Case('/gzip', headers=[('Accept-Encoding', 'gzip')], note='wanted')
    yield Case('/cookies', headers=[('Cookie', 'x=1; y=a%20b')], note='both')
    yield Case('/text', headers=[('If-None-Match', '*')], note='any tag')
    yield Case('/etag', headers=[('If-None-Match', '"fixed"')], note='known')
    yield Case('/png', 'POST', JSON, b'{}')
    yield Case('/redirect/303', 'POST', FORM, b'a=b')


def cases():
    found = [c for make in (methods, paths, queries, headers, bodies,
                            mirrored, special, answers) for c in make()]
    names = [c.name for c in found]
    twice = sorted({n for n in names if names.count(n) > 1})
    assert not twice, twice
    return found
