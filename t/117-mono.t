#!/usr/bin/python3
"""Functions in C#, through nginx: where assemblies are, blanks and Monos of
their own, memory, what a caller and the log see."""

import io
import os
import re
import sys
import time
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_mono                                        # noqa: E402
from faas_e2e import Nginx, SLOW, Tap, skip_all, wait_for   # noqa: E402
from faas_fault import states                           # noqa: E402

if faas_mono.lacking():
    skip_all(faas_mono.lacking())

COLD = 12
ERROR = b'{"message":"Internal Server Error"}'

BESIDE = '''
namespace Beside
{
    public static class Part
    {
        public static string Name() { return "beside"; }
    }
}
'''

SHOP = r'''
using System;
using System.Collections.Generic;
using System.IO;
using System.Linq;
using System.Net;
using System.Threading.Tasks;
using Amazon.Lambda.Core;

namespace Shop
{
    public class Request
    {
        public string RawPath { get; set; }
        public string Body { get; set; }
        public bool IsBase64Encoded { get; set; }
        public Dictionary<string, string> QueryStringParameters { get; set; }
    }

    public class Response
    {
        public int statusCode = 200;
        public Dictionary<string, string> headers;
        public string body;
        public bool isBase64Encoded;
        public List<string> cookies;
    }

    public class Api
    {
        readonly List<byte[]> kept = new List<byte[]>();

        static byte[] Megabyte()
        {
            var more = new byte[1 << 20];
            for (int n = 0; n < more.Length; n += 4096)
                more[n] = 1;
            return more;
        }

        public async Task<Response> Handle(Request e, ILambdaContext c)
        {
            var q = e.QueryStringParameters
                    ?? new Dictionary<string, string>();
            var r = new Response();

            if (q.ContainsKey("raise"))
                throw new NotSupportedException("no \"good\"");
            if (q.ContainsKey("exit"))
                Environment.Exit(3);
            if (q.ContainsKey("sleep"))
                await Task.Delay(30000);
            if (q.ContainsKey("log"))
                Console.WriteLine("logged by " + c.AwsRequestId);
            if (q.ContainsKey("size")) {
                r.body = new string('x', int.Parse(q["size"]));
                return r;
            }
            if (q.ContainsKey("binary")) {
                r.body = Convert.ToBase64String(
                    new byte[] { 0, 1, 254, 255 });
                r.isBase64Encoded = true;
                r.cookies = new List<string> { "a=1", "b=2" };
                return r;
            }
            if (q.ContainsKey("keep"))
                for (int i = int.Parse(q["keep"]); i > 0; i--)
                    kept.Add(Megabyte());
            if (q.ContainsKey("garbage"))
                for (int i = int.Parse(q["garbage"]); i > 0; i--)
                    Megabyte();
            if (q.ContainsKey("beside"))
                r.headers = new Dictionary<string, string> {
                    { "X-Part", Name() } };
            if (q.ContainsKey("web")) {
                try {
                    WebRequest.Create("http://127.0.0.1:1/").GetResponse();
                } catch (WebException x) {
                    r.body = x.Status.ToString();
                }
                return r;
            }
            if (q.ContainsKey("variable")) {
                r.body = Environment.GetEnvironmentVariable(q["variable"])
                         ?? "none";
                return r;
            }
            if (e.Body != null) {
                byte[] bytes = e.IsBase64Encoded
                    ? Convert.FromBase64String(e.Body)
                    : System.Text.Encoding.UTF8.GetBytes(e.Body);
                r.body = bytes.Length + " "
                         + bytes.Aggregate(1, (h, b) => unchecked(31 * h + b));
                return r;
            }
            r.statusCode = 201;
            r.headers = r.headers ?? new Dictionary<string, string> {
                { "X-Path", e.RawPath } };
            r.body = string.Join("&", q.Select(p => p.Key + "=" + p.Value)
                                       .OrderBy(s => s));
            return r;
        }

        static string Name() { return Beside.Part.Name(); }

        public Response Few(Request e, ILambdaContext c)
        {
            return new Response { statusCode = 201, body = e.RawPath };
        }

        public static string Text(object e) { return "plain text"; }
    }
}
'''

ASSEMBLIES = faas_mono.files({'Beside': BESIDE, 'Shop': SHOP})
BOXED = os.geteuid() == 0


def archive(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w') as z:
        for name, data in files.items():
            z.writestr(name, data)
    return out.getvalue()


CORE = {k: v for k, v in ASSEMBLIES.items() if not k.startswith('Beside')}
FUNCTIONS = {'api': ASSEMBLIES, 'zip': {'code.zip': archive(ASSEMBLIES)},
             'some': CORE, 'none': {'readme.txt': 'nothing'},
             'layer': {'lib/' + k: v for k, v in ASSEMBLIES.items()}}
BLOCK = '''
    faas_function %s {
        runtime mono; handler %s; code {functions}/%s; memory %s; timeout 3s;
        %s
    }
'''


def block(name, code='api', handler='Shop::Shop.Api::Handle', memory='256m',
          more=''):
    return BLOCK % (name, handler, code, memory, more)


HTTP = '''
    log_format faas "$uri $status|$faas_status|$faas_error|$faas_cold_start";
    faas_blanks mono 2;
''' + block('api') + block('zip', 'zip/code.zip') \
    + block('text', handler='Shop::Shop.Api::Text') \
    + block('single', 'api/Beside.dll', 'Beside::Beside.Part::Name') \
    + block('options', more='environment "MONO_ENV_OPTIONS=--optimize=-all"'
                            ' OWN=own;') \
    + block('small', memory='128m')
if BOXED:
    HTTP += block('layer', 'some', more='layers {functions}/layer;')
    HTTP += block('handler', 'none', more='layers {functions}/layer;')
for n in range(COLD):
    HTTP += block('cold%d' % n, handler='Shop::Shop.Api::Few')

SERVER = '''
    access_log {dir}/faas.log faas;
    client_max_body_size 20m;
    location ~ ^/(?<name>[a-z0-9]+)/ { faas_pass $name; }
'''


def ready(nginx):
    """All blanks are there and wait: their standard input is nobody's."""
    monos = [p for p in nginx.processes() if 'faas-mono.exe' in p.cmdline]
    try:
        up = {os.readlink('/proc/%d/fd/0' % p.pid) for p in monos}
    except OSError:
        return False
    # of two sizes of memory
    return up == {'/dev/null'} and states(nginx).get('blank') == 4


def hash_of(data):
    h = 1
    for b in data:
        h = (31 * h + b) & 0xffffffff
    return h - (1 << 32) if h >> 31 else h


def requests(tap, n):
    r = n.get('/api/a%20b?x=%C3%A4&y=2')
    tap.equal((r.status, r.body.decode(), r.headers.get('x-path')),
              (201, 'x=\u00e4&y=2', '/api/a b'), 'an event as an object')
    tap.equal(n.get('/text/').body, b'plain text', 'a text')
    tap.equal(n.get('/single/').body, b'beside', 'a single file')
    tap.equal(n.get('/api/?web=1').body, b'ConnectFailure',
              'a client of HTTP, which reads the configuration of Mono')

    for name in ['api', 'zip'] + (['layer', 'handler'] if BOXED else []):
        r = n.get('/%s/?beside=1' % name)
        tap.equal((r.status, r.headers.get('x-part')), (201, 'beside'),
                  'assemblies: ' + name)

    r = n.get('/api/?binary=1')
    tap.equal((r.body, r.status), (b'\0\1\xfe\xff', 200), 'bytes')

    for data in ('quoted " \\ ' + '\u00e4' * 20000).encode(), \
            bytes(i * 7 % 256 for i in range(300001)):
        r = n.get('/api/', method='POST', body=data)
        tap.equal(r.body.decode(), '%d %d' % (len(data), hash_of(data)),
                  'a body of %d bytes' % len(data))

    for size, status in (100000, 200), (6291400, 200), (6291456, 500):
        r = n.get('/api/?size=%d' % size)
        tap.equal((r.status, len(r.body) if status == 200 else r.body),
                  (status, size if status == 200 else ERROR),
                  'an answer of %d bytes' % size)


def errors(tap, n):
    for what, line in (('raise', 'error|NotSupportedException'),
                       ('exit', 'crash|Runtime.ExitError'),
                       ('sleep', 'timeout|Sandbox.Timedout'),
                       ('keep=4000', 'crash|Runtime.OutOfMemory')):
        r = n.get('/small/%s?%s' % (what[:4], what))
        tap.equal((r.status, r.body), (500, ERROR), what + ' is an error')

        def logged():
            with open(n.dir + '/faas.log') as f:
                return [x for x in f if x.startswith('/small/' + what[:4])]

        wait_for(logged)
        line = re.escape(line)
        if what.startswith('keep') and not BOXED:
            # the process's own limit comes first, and is an exception
            line = r'(?:%s|error\|OutOfMemoryException)' % line
        tap.ok(re.search(r'500\|' + line, logged()[0]), 'as what it counts',
               logged())
        tap.equal(n.get('/small/').status, 201, 'and the next one answers')

    n.get('/api/?log=1')
    wait_for(lambda: 'logged by' in n.log())
    tap.ok(re.search(r'faas: \[api ([0-9a-f-]{36})\] .*logged by \1', n.log()),
           'the log has the id of its invocation')


def memory(tap, n):
    """What is not used any more does not count, nor large events."""
    # one that has caught its error has still got what it keeps
    n.get('/small/?exit=1')
    tap.equal(n.get('/small/?keep=50').status, 201, '50 MB of 128')
    got = {n.get('/small/?garbage=500').status for _ in range(3)}
    tap.equal(got, {201}, 'and garbage of 1.5 GB beside it')
    body = b'x' * 4000000
    got = {n.get('/small/', method='POST', body=body).status
           for _ in range(10)}
    tap.equal(got, {200}, 'and events of 4 MB')


def options(tap, n):
    tap.equal([n.get('/options/?variable=' + v).text for v in
               ('OWN', 'MONO_ENV_OPTIONS', 'AWS_EXECUTION_ENV')],
              ['own', '--optimize=-all', 'AWS_Lambda_mono'],
              'options for Mono: one of its own')
    found = [p for p in n.processes() if 'faas-mono.exe' in p.cmdline]
    tap.ok(found, 'which is a Mono')
    tap.equal([n.get('/api/?variable=' + v).text for v in
               ('OWN', 'MONO_DISABLE_SHARED_AREA', 'LC_ALL')], ['none'] * 3,
              'variables of a blank are gone')


def cold(tap, n):
    """The first request to each of twelve functions, with blanks that wait;
    and what further ones take, and what an environment holds then."""
    times, warm, own = [], [], []

    for i in range(COLD):
        if BOXED:
            wait_for(lambda: ready(n), 20 * SLOW, 'blanks')
        begin = time.monotonic()
        r = n.get('/cold%d/?a=b' % i)
        times.append((time.monotonic() - begin) * 1000)
        if r.status != 201:
            break
        for _ in range(30):
            begin = time.monotonic()
            n.get('/cold%d/?a=b' % i)
            warm.append((time.monotonic() - begin) * 1000)

    for pid in n.environments():
        with open('/proc/%d/smaps_rollup' % pid) as f:
            own.append(sum(int(kb) for kb in re.findall(
                r'Private_\w+:\s+(\d+)', f.read())))

    tap.equal((len(times), r.status), (COLD, 201), 'they answer')
    times, warm, own = sorted(times), sorted(warm), sorted(own)
    # not the median: the machine may have other work
    tap.ok(times[COLD // 4] < (60 if BOXED else 600) * SLOW, 'cold starts',
           times)
    print('# mono: first request of a client %.1f ms (median of %d), %.1f to '
          '%.1f; further ones %.2f ms; %.1f MB of its own'
          % (times[COLD // 2], COLD, times[0], times[-1],
             warm[len(warm) // 2], own[len(own) // 2] / 1024))
    with open(n.dir + '/faas.log') as f:
        lines = [x.strip() for x in f if x.startswith('/cold')]
    tap.equal(sum(x.endswith('|1') for x in lines), COLD,
              'each of them was cold once')


with Tap() as tap, Nginx(functions=FUNCTIONS, http=HTTP,
                         server=SERVER) as nginx:
    requests(tap, nginx)
    errors(tap, nginx)
    memory(tap, nginx)
    options(tap, nginx)
    cold(tap, nginx)
    load = nginx.load('/api/?a=b', connections=4, requests=2000,
                      check=lambda r, n: r.status == 201)
    tally = load.join()
    tap.equal((tally.sent, tally.ok), (2000, 2000), 'many at once')
    nginx.finish(tap)
