#!/usr/bin/python3
"""Existing FastCGI programs in the pool: net/http/fcgi of Go, a WSGI
application by uWSGI, PHP behind a front controller; with "path_info"."""

import concurrent.futures
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402
from faas_provided import built, must                          # noqa: E402

GO = '''
package main

import (
\t"fmt"
\t"io"
\t"net/http"
\t"net/http/fcgi"
\t"os"
)

func main() {
\terr := fcgi.Serve(nil, http.HandlerFunc(
\t\tfunc(w http.ResponseWriter, r *http.Request) {
\t\t\tbody, _ := io.ReadAll(r.Body)
\t\t\tw.Header().Set("X-Own", "go")
\t\t\tw.WriteHeader(201)
\t\t\tfmt.Fprintf(w, "%s %s %s %d %d", r.Method, r.URL.Path,
\t\t\t\tr.URL.RawQuery, len(body), os.Getpid())
\t\t}))
\tif err != nil {
\t\tfmt.Fprintln(os.Stderr, err)
\t\tos.Exit(1)
\t}
}
'''

WSGI = '''
import os

def application(environ, start_response):
    body = environ["wsgi.input"].read()
    start_response("201 Created", [("Content-Type", "text/plain"),
                                   ("X-Own", "wsgi")])
    return [("%s %s %s %d %d [%s]" % (
        environ["REQUEST_METHOD"], environ["PATH_INFO"],
        environ["QUERY_STRING"], len(body), os.getpid(),
        environ["SCRIPT_NAME"])).encode()]
'''

PHP = '''<?php
http_response_code(201);
header("X-Own: php");
header("Content-Type: text/plain");
echo implode(" ", [
    $_SERVER["REQUEST_METHOD"], $_SERVER["PATH_INFO"],
    $_SERVER["QUERY_STRING"], strlen(file_get_contents("php://input")),
    getmypid(), "[" . $_SERVER["SCRIPT_NAME"] . "]"]);
'''

PROGRAMS = {}
go = shutil.which('go')
if go:
    def build(folder):
        must([go, 'build', '-o', 'server', 'main.go'], folder,
             {'CGO_ENABLED': '0', 'GO111MODULE': 'off'})
        return None

    PROGRAMS['go'] = (built('fcgi-go', {'main.go': GO}, build),
                      'command server;', '', 8)
if os.path.exists('/usr/bin/uwsgi') and os.path.exists(
        '/usr/lib/uwsgi/plugins/python3_plugin.so'):
    PROGRAMS['wsgi'] = ('{functions}/wsgi', '''
        command /usr/bin/uwsgi --plugin python3 --fastcgi-socket fd://0
                --wsgi-file app.py --need-app --die-on-term;
        path_info on; keep_conn off;''', ' []', 8)
if os.path.exists('/usr/bin/php-cgi'):
    PROGRAMS['php'] = ('{functions}/php', '''
        command /usr/bin/php-cgi; handler index.php; path_info on;''',
                       ' [/index.php]', 1)

if not PROGRAMS:
    skip_all('no such program')

HTTP = ''.join('''
    faas_function %s {
        runtime fastcgi; code %s; %s memory 256m; timeout 10s;
        concurrency 8; environment_concurrency %d; queue 100 timeout=10s;
    }
''' % (name, code, more, capacity)
               for name, (code, more, _, capacity) in PROGRAMS.items())

SERVER = '''
    location ~ ^/(?<name>[a-z]+)/ { faas_pass $name; }
'''


def program(tap, nginx, name, suffix):
    r = nginx.get('/%s/a%%20b/c?x=1&y' % name)
    words = r.text.split(' ')
    tap.equal((r.status, r.headers.get('x-own')), (201, name),
              name + ': status and header')
    tap.equal(words[:5] + [' '.join(words[6:])],
              ['GET', '/%s/a' % name, 'b/c', 'x=1&y', '0', suffix.strip()],
              name + ': path, query, script')

    body = bytes(range(256)) * 1000
    r = nginx.get('/%s/post' % name, method='POST', body=body)
    tap.equal(r.text.split(' ')[:4],
              ['POST', '/%s/post' % name, '', str(len(body))],
              name + ': a body')

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda n: nginx.get('/%s/%d' % (name, n)).status,
                            range(200)))
    tap.equal(got, [201] * 200, name + ': many at once')


with Tap() as tap, Nginx(
        functions={'wsgi': {'app.py': WSGI}, 'php': {'index.php': PHP}},
        http=HTTP, server=SERVER) as nginx:
    for name, value in PROGRAMS.items():
        program(tap, nginx, name, value[2])
    nginx.finish(tap)
