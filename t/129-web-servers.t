#!/usr/bin/python3
"""Servers of other languages, as they are: Flask behind gunicorn, an ASGI
application with WebSockets behind uvicorn, net/http of Go."""

import concurrent.futures
import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_provided import (Unavailable, fetched, must,          # noqa: E402
                           pip_install)
from importlib.machinery import SourceFileLoader               # noqa: E402
from importlib.util import module_from_spec, spec_from_loader  # noqa: E402

FLASK = '''
import os
from flask import Flask, Response, request

app = Flask(__name__)


@app.route("/hello/<name>", methods=["GET", "POST"])
def hello(name):
    return {"name": name, "args": request.args.to_dict(flat=False),
            "body": len(request.get_data()), "scheme": request.scheme,
            "host": request.host, "pid": os.getpid(),
            "from": request.headers["X-Forwarded-For"]}


@app.route("/rows")
def rows():
    return Response((f"{n},{n * n}\\n" for n in range(20000)),
                    mimetype="text/csv")
'''

ASGI = '''
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute


async def hello(request):
    return JSONResponse({"name": request.path_params["name"],
                         "body": len(await request.body())})


async def echo(ws):
    await ws.accept()
    await ws.send_text("hello")
    while True:
        message = await ws.receive()
        if message["type"] == "websocket.disconnect":
            return
        await ws.send_text(message["text"])


app = Starlette(routes=[
    Route("/hello/{name}", hello, methods=["GET", "POST"]),
    WebSocketRoute("/ws", echo)])
'''

GO = '''
package main

import (
\t"fmt"
\t"io"
\t"log"
\t"net/http"
\t"os"
)

func main() {
\thttp.HandleFunc("/hello/", func(w http.ResponseWriter, r *http.Request) {
\t\tbody, _ := io.ReadAll(r.Body)
\t\tw.Header().Set("Content-Type", "application/json")
\t\tfmt.Fprintf(w, `{"name":%q,"body":%d,"host":%q}`, r.URL.Path[7:],
\t\t\tlen(body), r.Host)
\t})
\tlog.Fatal(http.ListenAndServe(":"+os.Getenv("PORT"), nil))
}
'''

SERVERS = {}
WHY = {}


def server(name, command, make):
    try:
        SERVERS[name] = (fetched('web-' + name, make), command)
    except Unavailable as e:
        WHY[name] = str(e)


def python(source, *packages):
    def make(folder):
        for package in packages:
            why = pip_install(folder, package)
            if why:
                return why
        with open(os.path.join(folder, 'app.py'), 'w') as f:
            f.write(source)
        return None
    return make


def go(folder):
    program = shutil.which('go')
    if program is None:
        return 'there is no go'
    with open(os.path.join(folder, 'main.go'), 'w') as f:
        f.write(GO)
    must([program, 'build', '-o', 'server', 'main.go'], folder,
         {'CGO_ENABLED': '0', 'GO111MODULE': 'off'})
    return None


# gunicorn takes PORT by itself
server('flask', '/usr/bin/python3 -m gunicorn --threads 8 app:app',
       python(FLASK, 'flask==3.0.3', 'gunicorn==22.0.0'))
server('asgi', '/usr/bin/python3 -m uvicorn --uds /tmp/app.sock app:app; '
       'listen unix:/tmp/app.sock',
       python(ASGI, 'starlette==0.37.2', 'uvicorn==0.30.1',
              'websockets==12.0'))
server('go', 'server', go)

HTTP = ''.join('''
    faas_function %s {
        runtime web; code %s; command %s; memory 512m; timeout 20s;
        concurrency 100;
    }
''' % (name, code, command) for name, (code, command) in SERVERS.items())

LOCATIONS = '''
    client_max_body_size 10m;
    location ~ ^/(?<name>[a-z]+)/ {
        rewrite ^/[a-z]+(/.*)$ $1 break;
        faas_pass $name;
    }
'''


def asks(tap, nginx, name):
    r = nginx.get('/%s/hello/a%%20b?x=1&x=2' % name,
                  headers={'Host': 'shop.example'})
    tap.equal((r.status, r.json()['name'], r.json()['body']),
              (200, 'a b', 0), name + ': answers')
    body = os.urandom(3000000)
    r = nginx.get('/%s/hello/x' % name, method='POST', body=body)
    tap.equal((r.status, r.json()['body']), (200, len(body)),
              name + ': a body')
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        got = list(pool.map(lambda n: nginx.get('/%s/hello/%d' % (name, n))
                            .json()['name'], range(300)))
    tap.equal(got, [str(n) for n in range(300)], name + ': many at once')


def flask(tap, nginx):
    r = nginx.get('/flask/hello/z?x=1&x=2', headers={'Host': 'shop.example'})
    tap.equal([r.json()[k] for k in ('args', 'scheme', 'host', 'from')],
              [{'x': ['1', '2']}, 'http', 'shop.example', '127.0.0.1'],
              'flask: what a request is')
    r = nginx.get('/flask/rows')
    tap.equal((r.text.count('\n'), r.text.split('\n')[-2]),
              (20000, '19999,399960001'), 'flask: a stream')


def asgi(tap, nginx):
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                        '125-web.t')
    loader = SourceFileLoader('web', path)
    web = module_from_spec(spec_from_loader('web', loader))
    loader.exec_module(web)
    w = web.WebSocket(nginx, '/asgi/ws')
    tap.ok(w.head.startswith(b'HTTP/1.1 101 '), 'asgi: a WebSocket', w.head)
    got = [w.receive()]
    for text in b'one', b'two' * 1000:
        w.s.sendall(web.frame(text))
        got.append(w.receive())
    tap.equal(got, [b'hello', b'one', b'two' * 1000], 'asgi: which echoes')
    w.close()


if __name__ == '__main__':
    with Tap() as tap:
        for name, why in WHY.items():
            tap.skip(name, why)
        if SERVERS:
            with Nginx(http=HTTP, server=LOCATIONS) as nginx:
                for name in SERVERS:
                    asks(tap, nginx, name)
                    if name in ('flask', 'asgi'):
                        globals()[name](tap, nginx)
                nginx.finish(tap)
