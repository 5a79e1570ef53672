#!/usr/bin/python3
"""Functions in Java, through nginx: where classes are, blanks and JVMs of
their own, memory, what a caller and the log see."""

import io
import json
import os
import re
import sys
import time
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_java                                        # noqa: E402
from faas_e2e import Nginx, SLOW, Tap, skip_all, wait_for   # noqa: E402
from faas_fault import states                           # noqa: E402

if faas_java.lacking():
    skip_all(faas_java.lacking())

COLD = 12
ERROR = b'{"message":"Internal Server Error"}'

SOURCES = {'shop/Api.java': r'''
package shop;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.util.*;
import java.util.stream.Collectors;

public class Api implements RequestHandler<Api.Request, Api.Response> {

    public static class Request {
        private String rawPath, body;
        private Map<String, String> queryStringParameters;
        private boolean isBase64Encoded;

        public String getRawPath() { return rawPath; }
        public void setRawPath(String s) { rawPath = s; }
        public String getBody() { return body; }
        public void setBody(String s) { body = s; }
        public boolean getIsBase64Encoded() { return isBase64Encoded; }
        public void setIsBase64Encoded(boolean b) { isBase64Encoded = b; }
        public Map<String, String> getQueryStringParameters() {
            return queryStringParameters;
        }
        public void setQueryStringParameters(Map<String, String> m) {
            queryStringParameters = m;
        }
    }

    public static class Response {
        public int statusCode = 200;
        public Map<String, String> headers;
        public String body;
        public boolean isBase64Encoded;
        public List<String> cookies;
    }

    private final List<byte[]> kept = new ArrayList<>();

    @Override
    public Response handleRequest(Request e, Context c) {
        Map<String, String> q = e.getQueryStringParameters();
        Response r = new Response();
        q = q == null ? Map.of() : q;

        if (q.containsKey("raise"))
            throw new UnsupportedOperationException("no \"good\"");
        if (q.containsKey("exit"))
            System.exit(3);
        if (q.containsKey("sleep"))
            try { Thread.sleep(30000); } catch (InterruptedException x) { }
        if (q.containsKey("log"))
            System.out.println("logged by " + c.getAwsRequestId());
        if (q.containsKey("size")) {
            r.body = "x".repeat(Integer.parseInt(q.get("size")));
            return r;
        }
        if (q.containsKey("binary")) {
            r.body = Base64.getEncoder().encodeToString(
                new byte[] { 0, 1, -2, -1 });
            r.isBase64Encoded = true;
            r.cookies = List.of("a=1", "b=2");
            return r;
        }
        if (q.containsKey("fill"))
            for (int i = 0; i < Integer.parseInt(q.get("fill")); i++)
                kept.add(new byte[1 << 20]);
        if (q.containsKey("property")) {
            r.body = String.valueOf(System.getProperty(q.get("property")));
            return r;
        }
        if (q.containsKey("heap")) {
            r.body = "" + (Runtime.getRuntime().maxMemory() >> 20);
            return r;
        }
        if (e.getBody() != null) {
            byte[] bytes = e.getIsBase64Encoded()
                ? Base64.getDecoder().decode(e.getBody())
                : e.getBody().getBytes(
                    java.nio.charset.StandardCharsets.UTF_8);
            r.body = bytes.length + " " + Arrays.hashCode(bytes);
            return r;
        }
        r.statusCode = 201;
        r.headers = Map.of("X-Path", e.getRawPath());
        r.body = q.entrySet().stream().map(Object::toString).sorted()
                  .collect(Collectors.joining("&"));
        return r;
    }

    public String text(Map<String, Object> event) { return "plain text"; }

    public static class Inner implements RequestHandler<Object, String> {
        public String handleRequest(Object e, Context c) { return "inner"; }
    }
}
'''}

CLASSES = faas_java.files(SOURCES)


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


def newest():
    """The highest javaNN of this machine besides that of /usr/bin/java."""
    default = os.path.realpath(faas_java.JAVA)
    found = {}
    for name in sorted(os.listdir('/usr/lib/jvm')):
        release = '/usr/lib/jvm/%s/release' % name
        if not os.path.exists(release):
            continue
        with open(release) as f:
            number = re.search(r'JAVA_VERSION="(\d+)', f.read())
        path = os.path.realpath('/usr/lib/jvm/%s/bin/java' % name)
        if number and int(number.group(1)) >= 17 and path != default:
            found[int(number.group(1))] = path
    return max(found, default=None)


OTHER = newest()
FUNCTIONS = {'api': CLASSES, 'lib': {'lib/app.jar': archive(CLASSES)},
             'zip': {'code.zip': archive(CLASSES)},
             'jar': {'code.zip': archive({'lib/app.jar': archive(CLASSES)})}}
BLOCK = '''
    faas_function %s {
        runtime %s; handler %s; code {functions}/%s; memory %s; timeout 3s; %s
    }
'''


def block(name, code='api', handler='shop.Api', runtime='java', memory='256m',
          more=''):
    return BLOCK % (name, runtime, handler, code, memory, more)


HTTP = '''
    log_format faas "$uri $status|$faas_status|$faas_error|$faas_cold_start";
    faas_blanks java 2;
''' + block('api') + block('lib', 'lib') + block('zip', 'zip/code.zip') \
    + block('jar', 'jar/code.zip') \
    + block('text', handler='shop.Api::text') \
    + block('inner', 'lib', handler='shop.Api$Inner') \
    + block('options', more='environment "JAVA_TOOL_OPTIONS='
                            '-Dmine=by-option -Xmx77m";') \
    + block('small', memory='128m') + block('large', memory='1g')
if OTHER:
    HTTP += block('other', runtime='java%d' % OTHER)
for n in range(COLD):
    HTTP += block('cold%d' % n)

SERVER = '''
    access_log {dir}/faas.log faas;
    client_max_body_size 20m;
    location ~ ^/(?<name>[a-z0-9]+)/ { faas_pass $name; }
'''


def ready(nginx):
    """All blanks are there and wait: their standard input is nobody's."""
    jvms = [p for p in nginx.processes() if 'faas-java.jar' in p.cmdline]
    try:
        up = [os.readlink('/proc/%d/fd/0' % p.pid) for p in jvms]
    except OSError:
        return False
    return (set(up) == {'/dev/null'}
            and states(nginx).get('blank') == (8 if OTHER else 6))


def hash_of(data):
    """Arrays.hashCode of bytes."""
    h = 1
    for b in data:
        h = (31 * h + (b - 256 if b > 127 else b)) & 0xffffffff
    return h - (1 << 32) if h >> 31 else h


def requests(tap, n):
    r = n.get('/api/a%20b?x=%C3%A4&y=2')
    tap.equal((r.status, r.body.decode(), r.headers.get('x-path')),
              (201, 'x=\u00e4&y=2', '/api/a b'), 'an event as a bean')
    tap.equal(n.get('/text/').body, b'plain text', 'a text')

    tap.equal(n.get('/inner/').body, b'inner', 'a class in a class, in a jar')

    for name in 'lib', 'zip', 'jar':
        tap.equal(n.get('/%s/' % name).status, 201, 'classes in ' + name)

    r = n.get('/api/?binary=1')
    tap.equal((r.body, r.status), (b'\0\1\xfe\xff', 200), 'bytes')

    for data in ('quoted " \\ ' + '\u00e4' * 20000).encode(), \
            bytes(i * 7 % 256 for i in range(300001)):
        r = n.get('/api/', method='POST', body=data)
        tap.equal(r.body.decode(), '%d %d' % (len(data), hash_of(data)),
                  'a body of %d bytes' % len(data))

    sizes = [(100000, 200), (6291400, 200), (6291456, 500)]
    for size, status in sizes:
        r = n.get('/api/?size=%d' % size)
        tap.equal((r.status, len(r.body) if status == 200 else r.body),
                  (status, size if status == 200 else ERROR),
                  'an answer of %d bytes' % size)


def errors(tap, n):
    for what, line in (
            ('raise', 'error|java.lang.UnsupportedOperationException'),
            ('exit', 'crash|Runtime.ExitError'),
            ('sleep', 'timeout|Sandbox.Timedout'),
            ('fill=1000', 'error|java.lang.OutOfMemoryError')):
        r = n.get('/small/%s?%s' % (what[:4], what))
        tap.equal((r.status, r.body), (500, ERROR), what + ' is an error')

        def logged():
            with open(n.dir + '/faas.log') as f:
                return [x for x in f if x.startswith('/small/' + what[:4])]

        wait_for(logged)
        if what.startswith('fill') and os.geteuid() != 0:
            # the process's own limit may come first, and the JVM ends
            line = '(?:%s|crash)' % line.replace('|', r'\|')
        else:
            line = re.escape(line)
        tap.ok(re.search(r'500\|' + line, logged()[0]), 'as what it counts',
               logged())
        tap.equal(n.get('/small/').status, 201, 'and the next one answers')

    n.get('/api/?log=1')
    wait_for(lambda: 'logged by' in n.log())
    tap.ok(re.search(r'faas: \[api ([0-9a-f-]{36})\] .*logged by \1', n.log()),
           'the log has the id of its invocation')


def sizes(tap, n):
    tap.ok(85 <= int(n.get('/small/?heap=1').body) <= 96,
           'the heap of 128 MB')
    tap.ok(850 <= int(n.get('/large/?heap=1').body) <= 896,
           'the heap of 1 GB')


def options(tap, n):
    r = n.get('/options/?property=mine')
    tap.equal(r.body, b'by-option', 'JAVA_TOOL_OPTIONS')
    heap = int(n.get('/options/?heap=1').body)
    tap.ok(heap <= 77, 'also where it is against ours', heap)
    tap.equal([n.get('/api/?property=' + p).body for p in
               ('sun.jnu.encoding', 'file.encoding', 'user.dir')],
              [b'UTF-8', b'UTF-8', b'/var/task'], 'texts are UTF-8')
    version = n.get('/api/?property=java.version').body.decode()
    tap.ok(int(version.split('.')[0]) >= 17, 'the default Java', version)

    if OTHER:
        version = n.get('/other/?property=java.version').body.decode()
        tap.equal(version.split('.')[0].split('-')[0], str(OTHER),
                  'another one by its number')
    else:
        print('# there is no other Java')


def cold(tap, n):
    """The first request to each of twelve functions, with blanks that wait."""
    times = []

    for i in range(COLD):
        wait_for(lambda: ready(n), 20 * SLOW, 'blanks')
        begin = time.monotonic()
        r = n.get('/cold%d/?a=b' % i)
        times.append((time.monotonic() - begin) * 1000)
        if r.status != 201:
            break

    tap.equal((len(times), r.status), (COLD, 201), 'they answer')
    times.sort()
    # not the median: the machine may have other work
    tap.ok(times[COLD // 4] < 60 * SLOW, 'cold starts', times)
    print('# java: first request of a client %.1f ms (median of %d), %.1f to '
          '%.1f' % (times[COLD // 2], COLD, times[0], times[-1]))
    with open(n.dir + '/faas.log') as f:
        lines = [x.strip() for x in f if x.startswith('/cold')]
    tap.equal([x for x in lines if not x.endswith('|1')], [],
              'all of them were cold')


with Tap() as tap, Nginx(functions=FUNCTIONS, http=HTTP,
                         server=SERVER) as nginx:
    requests(tap, nginx)
    errors(tap, nginx)
    sizes(tap, nginx)
    options(tap, nginx)
    cold(tap, nginx)
    load = nginx.load('/api/?a=b', connections=4, requests=2000,
                      check=lambda r, n: r.status == 201)
    tally = load.join()
    tap.equal((tally.sent, tally.ok), (2000, 2000), 'many at once')
    nginx.finish(tap)
