#!/usr/bin/python3
"""Express, Hono and Fastify as the servers they are, by "runtime web": they
answer as they do behind proxy_pass.

The same requests as for their adapters of API Gateway (700); whatever differs
and is not in RULES is a failure, and so is a rule that explains nothing.
"""

import concurrent.futures
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_apps import (NODE, Client, Plain, deploy,             # noqa: E402
                       differences, install)
from faas_apps_cases import cases                              # noqa: E402

APPS = 'express', 'hono', 'fastify'

# (why, field, of (difference, expected, got, case))
RULES = [
    ('each request has an id of its own',
     r'body\.headers\.x-amzn-request-id',
     lambda d, a, b, case: d.expected and d.got),
    ('and what is derived from it',
     r'header etag',
     lambda d, a, b, case: b'x-amzn-request-id' in a.body
     or case.method == 'HEAD'),
    ('no body is said to be one of 0 bytes',
     r'body\.headers\.content-length',
     lambda d, a, b, case: (d.expected, d.got) == (None, '0')
     and case.method in ('POST', 'PUT', 'PATCH')),
    ('which makes what lists the headers longer',
     r'header content-length',
     lambda d, a, b, case: d.got == [str(len(b.body))]
     and b'"content-length":"0"' in b.body),
    ('"Status" is CGI\'s way to say the status',
     r'header status',
     lambda d, a, b, case: d.got is None),
    ('"Server" and "Date" are passed, as those of functions are',
     r'header (server|date)',
     lambda d, a, b, case: d.expected and d.got),
    ('no content has no type, and what was not modified no length',
     r'header content-(type|length)',
     lambda d, a, b, case: d.got is None and a.status in (204, 304)),
]

HTTP = ''.join('''
    faas_function %s {
        runtime web; command %s server.js; code {apps}/%s;
        memory 256m; timeout 20s;
        environment NODE_ENV=production;
    }
''' % (app, NODE, app) for app in APPS)

SERVER = '    client_max_body_size 6m;\n' + ''.join('''
    location /%s/ {
        rewrite ^/[a-z]+(/.*)$ $1 break;
        faas_pass %s;
    }
    location /proxy-%s/ {
        rewrite ^/[a-z-]+(/.*)$ $1 break;
        proxy_pass            http://127.0.0.1:{%s};
        proxy_http_version    1.1;
        proxy_set_header      Connection "";
        proxy_set_header      Host $http_host;
        proxy_set_header      X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header      X-Forwarded-Proto $scheme;
        proxy_set_header      X-Forwarded-Port $server_port;
        proxy_set_header      X-Amzn-Request-Id "$request_id-abc";
        proxy_ignore_headers  X-Accel-Redirect X-Accel-Limit-Rate
                              X-Accel-Buffering X-Accel-Charset
                              X-Accel-Expires;
    }
''' % (app, app, app, app) for app in APPS)


def compare(app, port, used):
    proxy, nginx = Client(port), Client(port)
    results = []
    for case in cases():
        expected = proxy.ask(case, '/proxy-' + app)
        got = nginx.ask(case, '/' + app)
        wrong = []
        for d in differences(expected, got):
            found = [i for i, (_, field, fits) in enumerate(RULES)
                     if re.fullmatch(field, d.field)
                     and fits(d, expected, got, case)]
            used.update(found)
            if not found:
                wrong.append('%s\n    by proxy: %.300r\n    got:      '
                             '%.300r' % (d.field, d.expected, d.got))
        results.append((case, wrong))
    proxy.close()
    nginx.close()
    return results


def main():
    modules = install()
    folder = tempfile.mkdtemp(prefix='faas-apps-')
    os.chmod(folder, 0o755)
    try:
        for app in APPS:
            deploy(os.path.join(folder, app), modules, 'data.js', app)
        with Tap() as tap, \
                Plain(folder + '/express') as express, \
                Plain(folder + '/hono') as hono, \
                Plain(folder + '/fastify') as fastify, \
                Nginx(http=HTTP.replace('{apps}', folder),
                      server=SERVER.replace('{express}', str(express.port))
                      .replace('{hono}', str(hono.port))
                      .replace('{fastify}', str(fastify.port))) as nginx:
            used = set()
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                done = {app: pool.submit(compare, app, nginx.port, used)
                        for app in APPS}
                for app, future in done.items():
                    for case, wrong in future.result():
                        tap.ok(not wrong, '%s: %.60s' % (app, case.name),
                               '\n'.join(wrong))
            for i, (why, _, _) in enumerate(RULES):
                tap.ok(i in used, 'needed: ' + why)
            nginx.finish(tap)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == '__main__':
    main()
