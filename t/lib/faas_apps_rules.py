"""The differences that t/700-apps.t allows, and the rule behind each."""

import base64
import re
from urllib.parse import parse_qsl, unquote

ALL = 'two one rest restbin url lb lbs'


class Rule:
    """A difference that is right.

    field:    regex for the whole name of what differs
    apis:     types of API
    adapters: regex; only these
    cases:    regex that is searched in the name of the request
    when:     of (difference, expected answer, answer got), has to be true
    """

    def __init__(self, why, field, apis=ALL, adapters='.', cases='.',
                 when=None):
        self.why, self.field = why, re.compile(field)
        self.apis, self.adapters = apis.split(), re.compile(adapters)
        self.cases, self.when = re.compile(cases), when

    def explains(self, api, adapter, case, d, expected, got):
        if not (api in self.apis and self.field.fullmatch(d.field)
                and self.adapters.search(adapter)
                and self.cases.search(case.name)):
            return False
        try:
            return self.when is None or bool(self.when(d, expected, got))
        except (AttributeError, IndexError, TypeError, ValueError):
            # values of other types than those that the rule is about
            return False


def added(d, expected, got):
    return d.expected is None


def dropped(d, expected, got):
    return d.got is None


def real_length(d, expected, got):
    return d.got in (None, [str(len(got.body))])


def other_body(d, expected, got):
    return expected.body != got.body


def a_number(d, expected, got):
    return str(d.got) == d.expected


def same_path(d, expected, got):
    return isinstance(d.got, str) and unquote(d.got) == unquote(d.expected)


def no_slash(d, expected, got):
    return d.got == d.expected[:-1] and d.expected.endswith('/')


def pairs(url):
    """The query of a URL as it is understood, without its order."""
    path, _, query = url.partition('?')
    query = query.replace('%ff', '%EF%BF%BD')
    return path, sorted(parse_qsl(query, keep_blank_values=True))


def same_query(d, expected, got):
    return pairs(d.got) == pairs(d.expected)


def last_values(d, expected, got):
    a, b = pairs(d.expected), pairs(d.got)
    return a[0] == b[0] and dict(parse_qsl(d.expected.partition('?')[2])) \
        == dict(b[1]) and len(b[1]) == len(dict(b[1]))


def last_of_list(d, expected, got):
    return d.got in (d.expected[-1], d.expected[-1:])


def parts(text):
    return re.split('[,;] ?', text)


def same_values(d, expected, got):
    """With other separators."""
    return parts(d.got) == parts(d.expected)


def in_any_order(d, expected, got):
    return sorted(parts(d.got)) == sorted(parts(d.expected))


def joined_list(d, expected, got):
    return d.got[1:] == [] and parts(d.got[0]) == parts(','.join(d.expected))


def last_of_text(d, expected, got):
    return (', ' + d.expected).replace('; ', ', ').endswith(', ' + d.got)


def as_base64(d, expected, got):
    return base64.b64encode(d.expected) == d.got


def replaced_bytes(d, expected, got):
    """What is not UTF-8 has become U+FFFD."""
    text = base64.b64decode(d.expected).decode('utf-8', 'replace')
    return base64.b64encode(text.encode()).decode() == d.got


def utf8(d, expected, got):
    """Text that HTTP/1.1 in Node takes for Latin-1."""
    a, b = d.expected, d.got
    if isinstance(a, list):
        a, b = b[0], a[0]
    return a.encode('latin-1').decode() == b


EXPRESS = 'vendia|serverless-http'
BINARY = (r'/(echo (bytes|latin|png|image|multip)|digest|json gzip'
          r'|form (gzip|multi)|mirror (image|application/oct))')

RULES = [
    # what every gateway does

    Rule('a server of its own: Date, Server, Connection, Keep-Alive (RFC '
         '9110, 7.6.1: hop by hop)',
         'header (date|server|connection|keep-alive)'),
    Rule('Content-Length is that of the answer (7.12: computed), and answers '
         'are not chunked (buffered results, 7.1)',
         'header (content-length|transfer-encoding)', cases='^(?!HEAD)',
         when=real_length),
    Rule('as before: adapters have no body for HEAD',
         'header (content-length|transfer-encoding)', cases='^HEAD',
         when=lambda d, e, g: d.got in (None, ['0'])),
    Rule('as before, of a body that differs by another rule',
         'header content-length', adapters='hono|fastify',
         cases='^HEAD /echo'),
    Rule('as before, of base64', 'header content-length', 'rest restbin',
         'hono|fastify', '^HEAD /(png|gzip)'),
    Rule('1.6: streams have no length', 'header transfer-encoding',
         'two one rest restbin url', '^hono-stream',
         when=lambda d, e, g: d.got == ['chunked']),
    Rule('1.6: a head is written with the first data; adapter: writes none '
         'of an empty body', 'header content-type', 'two one rest restbin url',
         '^hono-stream', '/empty',
         when=lambda d, e, g: d.got == ['application/octet-stream']),
    Rule('7.1: gateways add X-Forwarded-* and the trace id to requests',
         r'body\.headers\.(x-forwarded-(for|port|proto)|x-amzn-trace-id)',
         when=added),
    Rule('7.1: X-Forwarded-For is extended', r'body\.headers\.x-forwarded-for',
         when=lambda d, e, g: d.got.endswith(', 127.0.0.1')
         and parts(d.got)[:-1] == parts(d.expected)),
    Rule('7.1: X-Forwarded-Proto is that of the connection',
         r'body\.headers\.x-forwarded-proto', cases='X-Forwarded-Proto:https',
         when=lambda d, e, g: d.got == 'http'),
    Rule('RFC 9110, 7.6.1: hop-by-hop headers end at the gateway',
         r'body\.headers\.(te|connection|keep-alive|transfer-encoding)',
         when=dropped),
    Rule('HTTP APIs add Apigw-Requestid', 'header apigw-requestid',
         'two one', when=added),
    Rule('7.3: REST APIs add x-amzn-RequestId, x-amz-apigw-id, '
         'X-Amzn-Trace-Id',
         'header x-(amzn-requestid|amz-apigw-id|amzn-trace-id)',
         'rest restbin', when=added),
    Rule('7.3: REST APIs rename headers that clash',
         r'header x-amzn-remapped-(content-length|connection|date|server|'
         'content-md5|www-authenticate)', 'rest restbin', when=added),
    Rule('as before: the names that they had',
         'header (content-md5|www-authenticate)', 'rest restbin',
         when=dropped),
    Rule('README, faas_hide_header: nginx keeps these headers of answers',
         'header (status|x-accel-.*)', cases='/special', when=dropped),
    Rule('README, What nginx does before: names with "_" or "." are dropped',
         r'body\.headers\.x(_under|\.dot)', when=dropped),
    Rule('7.2: function URLs add x-amzn-RequestId, X-Amzn-Trace-Id',
         'header x-amzn-(requestid|trace-id)', 'url', when=added),
    Rule('the tag is a hash of a body that differs by another rule',
         'header etag', adapters=EXPRESS, when=other_body),
    Rule('as before, of a body that HEAD does not show', 'header etag',
         adapters=EXPRESS, cases='HEAD /(echo|users)'),
    Rule('nginx refuses a NUL in a path (README, Paths)',
         '.*', cases=r'/echo/a%00b',
         when=lambda d, e, g: g.status == 400 and b'nginx' in g.body),
    Rule('7.1: HTTP APIs have text/plain when there is no Content-Type',
         'header content-type', 'two one',
         when=lambda d, e, g: d.expected is None
         and d.got == ['text/plain;charset=UTF-8']),
    Rule('7.2, 7.3: REST APIs and function URLs have application/json when '
         'there is no Content-Type', 'header content-type',
         'rest restbin url', when=lambda d, e, g: d.expected is None
         and d.got == ['application/json']),

    # headers

    Rule('7.1: repeated headers are joined with ","', r'body\.headers\..*',
         'two url', when=same_values),
    Rule('7.3, 7.12: a map of single values has the last',
         r'body\.headers\..*', 'lb', when=last_of_text),
    Rule('7.3: adapter: joins lists of values with ","',
         r'body\.headers\..*', 'one rest restbin lbs', 'vendia|fastify',
         when=same_values),
    Rule('7.3: adapter: takes the map of single values, with the last',
         r'body\.headers\..*', 'one rest restbin', 'serverless-http',
         when=last_of_text),
    Rule('adapter: has first what the map of single values has',
         r'body\.headers\..*', 'one rest restbin', 'hono',
         when=in_any_order),
    Rule('adapter: joins lists of values with "; "', r'body\.headers\..*',
         'lbs', 'hono', when=same_values),
    Rule('of Accept only the last value is there, or no order',
         r'body\.accepts', cases='Accept:text/html Accept:'),
    Rule('7.1: cookies are a list', r'body\.headers\.cookie', 'two url',
         when=lambda d, e, g: d.got.replace('; ', ';')
         == d.expected.replace('; ', ';')),
    Rule('7.1: cookies are a list, adapter: joined with ";"', r'body\.cookie',
         'two url', 'fastify',
         when=lambda d, e, g: d.got.replace(';', '; ') == d.expected),
    Rule('events are JSON, in UTF-8; Node takes headers for Latin-1',
         r'body\.headers\.x-utf8', when=utf8),
    Rule('results are JSON, sent in UTF-8; Node writes Latin-1',
         'header x-utf8', when=utf8),
    Rule('adapter: encodes what is not ASCII', r'body\.headers\.x-utf8',
         'one rest restbin lb lbs', 'hono',
         when=lambda d, e, g: unquote(d.got)
         == d.expected.encode('latin-1').decode()),
    Rule('adapter: throws when a header is not Latin-1 (7.4: 500, 502)',
         '.*', 'two url', 'hono', 'X-Utf8',
         when=lambda d, e, g: g.status in (500, 502)),
    Rule('adapter: the same, and says so in a stream', 'body|header '
         'content-type', 'two url', '^hono-stream', 'X-Utf8',
         when=lambda d, e, g: g.body == b'Internal Server Error'),
    Rule('adapter: drops empty headers', r'body\.headers\.x-empty',
         'two url lb', 'hono', when=dropped),

    # bodies

    Rule('7.3: bodies of REST APIs are text unless they are of '
         'binary_media_types: what is not UTF-8 becomes U+FFFD',
         r'body\.body', 'rest', when=replaced_bytes),
    Rule('as before, of the whole answer', 'body', 'rest', cases='/mirror',
         when=lambda d, e, g: base64.b64decode(d.got)
         == d.expected.decode('utf-8', 'replace').encode()),
    Rule('as before, in a stream', 'body', 'rest', '^hono-stream', '/mirror',
         when=lambda d, e, g: d.got
         == d.expected.decode('utf-8', 'replace').encode()),
    Rule('as before: other sizes, sums, and nothing to uncompress',
         r'status|body\.(size|sum|error|got\..*|headers\.content-length)',
         'rest', cases=BINARY),
    Rule('7.3: base64 of a REST API is for clients that accept a type of '
         'binary_media_types', 'body', 'rest restbin', when=as_base64),
    Rule('7.3: REST APIs drop Content-Length', r'body\.headers\..*',
         'rest restbin', when=lambda d, e, g: dropped(d, e, g)
         and d.field == 'body.headers.content-length'),
    Rule('as before: Express sees no body then, and no type of it',
         r'body\.type', 'rest restbin', EXPRESS, 'POST /echo empty',
         when=dropped),
    Rule('7.1: Content-Length is there when a body is',
         r'body\.headers\.content-length', cases='chunked', when=added),
    Rule('adapter: Content-Length as a number',
         r'body\.headers\.content-length', adapters=EXPRESS, when=a_number),
    Rule('adapter: Content-Length without a body, too',
         r'body\.headers\.content-length', adapters='serverless-http|fastify',
         when=lambda d, e, g: added(d, e, g) and str(d.got) == '0'),
    Rule('adapter: the body is a Buffer before it is parsed',
         r'body\.(got(\.data|\.type)?|type)', adapters=EXPRESS,
         cases='/form multipart|Content-Type:text/plain'),
    Rule('adapter: text without a type gets one', r'body\.headers\.'
         'content-type', 'rest', 'hono', 'untyped', when=added),

    # paths

    Rule('7.1: paths of HTTP APIs are decoded', r'body\.(url|path|params\..*)',
         'two one', when=same_path),
    Rule('as before, and then they are no URL', '.*', 'two one',
         cases='/echo/a%25b', when=lambda d, e, g: g.status == 400),
    Rule('as before, and %2F makes another path', '.*', 'two one',
         cases='/posts/1%2F2', when=lambda d, e, g: g.status == 404),
    Rule('as before, and %3F begins a query, %23 a fragment, a \\ is a /',
         r'body\.(url|path|search|params\..*|query(\..*)?)', 'two one',
         'hono|fastify', r'/echo/a%(3F|23|5C)b'),
    Rule('README, Paths: dot segments are resolved',
         r'body\.(url|path|params(\..*)?)', cases=r'/echo/(a/)?\.',
         when=lambda d, e, g: '..' not in str(d.got) and '/.' not in
         str(d.got)),
    Rule('7.3: slashes at the beginning are one', '.*', cases='//echo/a',
         when=lambda d, e, g: (e.status, g.status) == (404, 200)),
    Rule('7.3: {proxy} has no slash at its end, which is what the adapter '
         'takes', r'body\.(url|path|params\.0)', 'rest restbin', 'vendia',
         when=no_slash),

    # queries

    Rule('7.3, 7.12: a query is a map, of which the adapter makes another '
         'text', r'body\.(url|search)', 'one rest restbin lb lbs',
         when=same_query),
    Rule('adapter: makes the text of the map', r'body\.(url|search)',
         'two url', 'fastify', when=same_query),
    Rule('7.1: a ? without a query is not in the event',
         r'body\.(url|search)',
         when=lambda d, e, g: d.expected == d.got + '?'),
    Rule('7.12: single values of a load balancer are the last',
         r'body\.(url|search)', 'lb', when=last_values),
    Rule('as before', r'body\.query\..*', 'lb', when=last_of_list),
    Rule('7.12: a load balancer does not decode, decodeURIComponent keeps +',
         r'body\.(url|query\.a)', 'lb', 'fastify', r'\?a=x\+y',
         when=lambda d, e, g: '+' in d.got or '%2B' in d.got),
    Rule('as before, and the adapter fails to decode', '.*', 'lb lbs',
         'vendia|fastify', r'\?a=%ff',
         when=lambda d, e, g: g.status in (500, 502)),
    Rule('as before, and the adapter encodes it once more', r'body\.url',
         'lb', 'serverless-http', r'\?a=%ff',
         when=lambda d, e, g: d.got == '/echo?a=%25ff'),
    Rule('events are JSON, in UTF-8: another byte is U+FFFD (README, The '
         'event)', r'body\.query\.a', 'two one rest restbin url',
         cases=r'\?a=%ff',
         when=lambda d, e, g: d.got in ('\ufffd', ['\ufffd'])),
    Rule('adapter: splits values at commas', r'body\.(url|query\.a)',
         'two url', 'fastify', r'\?a=1,2'),
    Rule('adapter: drops empty values', r'body\.(search|query(\..)?)', 'lb',
         'hono', r'\?a(=|&b)?$'),

    # what adapters add

    Rule('adapter: X-Request-Id is that of the event',
         r'body\.headers\.x-request-id', 'two one rest restbin url',
         'serverless-http|fastify', when=added),
    Rule('adapter: a User-Agent of its own', r'body\.headers\.user-agent',
         adapters='fastify', when=added),
    Rule('adapter: the host is domainName, without a port', r'body\.host',
         'two one rest restbin url', 'hono',
         when=lambda d, e, g: d.expected == d.got + ':8080'),
    Rule('plain server: names a type where the application has none',
         'header content-type', adapters='hono', cases=r'/(untyped|bare/|'
         'status/(204|304)|redirect)', when=lambda d, e, g: d.expected
         == ['text/plain; charset=UTF-8']),
    Rule('7.3: REST APIs keep the case of names; adapter: does not find it',
         r'body\.headers\.x-request-id', 'rest restbin', 'fastify',
         'X-Request-Id:mine'),

    # repeated headers of answers

    Rule('7.1: values of a result are strings', 'header (link|x-twice)',
         'two url', EXPRESS, when=joined_list),
    Rule('7.12: so they are for a load balancer', 'header (link|x-twice)',
         'lb', 'serverless-http', when=joined_list),
    Rule('adapter: joins values', 'header x-twice', adapters='fastify',
         when=joined_list),
    Rule('7.3: multi values first, then the single one; the adapter has both',
         'header (link|x-twice)', 'one rest restbin', 'serverless-http',
         when=lambda d, e, g: d.got == d.expected + [', '.join(d.expected)]),
    Rule('7.12: one value for a load balancer; adapter: the first',
         'header (link|x-twice|set-cookie)', 'lb', 'vendia',
         when=lambda d, e, g: d.got == d.expected[:1]),
    Rule('7.12: as before; adapter: joined', 'header set-cookie', 'lb',
         'hono', when=lambda d, e, g: d.got == [', '.join(d.expected)]),
    Rule('7.12: as before; adapter: none', 'header set-cookie', 'lb',
         'serverless-http|fastify', when=dropped),
]
