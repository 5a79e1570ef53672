#!/usr/bin/python3
"""HTTP/2, in clear and over TLS."""

import json
import os
import re
import shutil
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import (BINARY, Nginx, Tap, free_port, skip_all,  # noqa: E402
                      wait_for)

APP = '''
import json
import time


def handler(event, context):
    q = event.get('queryStringParameters', {})
    time.sleep(float(q.get('sleep', 0)))
    if 'raise' in q:
        raise ValueError
    if 'size' in q:
        return 'x' * int(q['size'])
    if 'status' in q:
        return {'statusCode': int(q['status']), 'body': 'body',
                'cookies': ['a=1', 'b=2'], 'headers': {'Connection': 'close',
                                                       'X-One': '1'}}
    if event.get('body'):
        event['body'] = len(event['body'])
    return event
'''

CLEAR, TLS = free_port(), free_port()

HTTP = '''
    faas_function f {
        runtime python3;
        handler app.handler;
        code {functions}/f;
    }

    server {
        listen 127.0.0.1:%d http2;
        client_max_body_size 8m;
        location / { faas_pass f; }
        location /small { faas_request_max 10; faas_pass f; }
    }

    server {
        listen 127.0.0.1:%d ssl http2;
        ssl_certificate {dir}/cert.pem;
        ssl_certificate_key {dir}/key.pem;
        location / { faas_pass f; }
    }
''' % (CLEAR, TLS)


def curl(path, *options, port=CLEAR, data=None):
    """(status, headers, body); headers is the text that curl prints."""
    url = '%s://127.0.0.1:%d%s' % ('https' if port == TLS else 'http', port,
                                   path)
    r = subprocess.run(['curl', '-s', '-k', '--http2-prior-knowledge',
                        '-o', '-', '-D', '/dev/stderr', '-m', '20',
                        *options, url], input=data,
                       stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    headers = r.stderr.decode()
    return int((re.findall(r'HTTP/2 (\d+)', headers) or [0])[-1]), headers, \
        r.stdout


def event(*args, **kw):
    return json.loads(curl(*args, **kw)[2])


def requests(tap):
    e = event('/a%20b?x=1', '-H', 'X-MiXed: Value', '-H', 'Cookie: a=1',
              '-H', 'Cookie: b=2; c=3', '-H', 'TE: trailers', '-A', 'me',
              '-H', 'Host: api.example.com')
    http = e['requestContext']['http']
    tap.equal((http['method'], http['path'], http['protocol'],
               http['userAgent'], http['sourceIp']),
              ('GET', '/a b', 'HTTP/2.0', 'me', '127.0.0.1'), 'the request')
    tap.equal(e['cookies'], ['a=1', 'b=2', 'c=3'], 'cookies')
    h = e['headers']
    del h['x-amzn-trace-id']
    tap.equal(h, {'host': 'api.example.com', 'user-agent': 'me',
                  'accept': '*/*', 'x-mixed': 'Value',
                  'x-forwarded-for': '127.0.0.1',
                  'x-forwarded-port': str(CLEAR),
                  'x-forwarded-proto': 'http'}, 'headers')
    tap.equal(e['requestContext']['domainName'], 'api.example.com',
              'the name of the authority')

    e = event('/', '-H', 'Content-Type: text/plain', '-T', '-',
              data=b'x' * 100000)
    tap.equal((e['body'], e['headers']['content-length']),
              (100000, '100000'), 'a body without a length')
    e = event('/', '--data-binary', '@-', data=b'\0' * 3000000)
    tap.equal((e['body'], e['isBase64Encoded']), (4000000, True),
              'a large body')
    status, headers, body = curl('/small', '-T', '-', data=b'x' * 11)
    tap.equal((status, body),
              (413, b'{"message":"Request Entity Too Large"}'),
              'a body that is too large')


def answers(tap):
    status, headers, body = curl('/?status=201')
    tap.equal((status, body), (201, b'body'), 'an answer')
    tap.ok('set-cookie: a=1\r\nset-cookie: b=2\r\n' in headers
           and 'x-one: 1\r\n' in headers and 'connection' not in headers,
           'its headers', headers)
    for status in (204, 304):
        tap.equal(curl('/?status=%d' % status)[::2], (status, b''),
                  'an answer of %d' % status)
    status, headers, body = curl('/?size=5', '-I')
    tap.ok(status == 200 and 'content-length: 5\r\n' in headers, 'HEAD',
           headers)
    tap.equal(len(curl('/?size=5000000')[2]), 5000000, 'a large answer')
    tap.equal(curl('/?raise=1')[::2],
              (500, b'{"message":"Internal Server Error"}'), 'an error')


def multiplexed(tap):
    curl('/')
    before = nginx.metrics('f')
    r = subprocess.run(['nghttp', '-n', '-s', '-m', '20', '-t', '20',
                        'http://127.0.0.1:%d/?sleep=0.3' % CLEAR],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    text = r.stdout.decode()
    tap.equal(len(re.findall(r' 200 ', text)), 20,
              'twenty streams of a connection')
    wait_for(lambda: nginx.metrics('f')['in_flight'] == 0, 10)
    after = nginx.metrics('f')
    tap.equal(after['successes'] - before['successes'], 20,
              'are twenty invocations')
    tap.ok(after['counters']['environments_started']
           - before['counters']['environments_started'] >= 15,
           'side by side', after)

    before = nginx.metrics('f')
    p = subprocess.Popen(['nghttp', '-n', '-m', '5',
                          'http://127.0.0.1:%d/?sleep=0.5' % CLEAR],
                         stdout=subprocess.DEVNULL)
    wait_for(lambda: nginx.metrics('f')['in_flight'] == 5, 10)
    p.kill()
    p.wait()
    wait_for(lambda: nginx.metrics('f')['in_flight'] == 0, 10)
    tap.equal(nginx.metrics('f')['successes'] - before['successes'], 5,
              'a connection that is lost does not end them')


def tls(tap):
    e = event('/x', port=TLS)
    tap.equal((e['headers']['x-forwarded-proto'],
               e['headers']['x-forwarded-port'],
               e['requestContext']['http']['protocol']),
              ('https', str(TLS), 'HTTP/2.0'), 'over TLS')


if not shutil.which('curl') or not shutil.which('nghttp') \
        or not shutil.which('openssl') \
        or b'http_v2' not in subprocess.run([BINARY, '-V'],
                                            stderr=subprocess.PIPE).stderr:
    skip_all('curl, nghttp, openssl or nginx\'s HTTP/2 is missing')

nginx = Nginx(functions={'f': {'app.py': APP}}, http=HTTP)

subprocess.run(['openssl', 'req', '-x509', '-newkey', 'rsa:2048', '-nodes',
                '-subj', '/CN=localhost', '-days', '2',
                '-keyout', os.path.join(nginx.dir, 'key.pem'),
                '-out', os.path.join(nginx.dir, 'cert.pem')],
               stderr=subprocess.DEVNULL, check=True)

with Tap() as tap, nginx:
    requests(tap)
    answers(tap)
    multiplexed(tap)
    tls(tap)
    nginx.finish(tap)
