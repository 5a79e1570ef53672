"""Custom runtimes for tests: a bootstrap in shell, and one in Python that
does what the event says.
"""

SHELL = '''\
#!/bin/sh
set -eu
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
while :; do
    event=$(curl -sS -D /tmp/head "$api/next")
    id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *//p' /tmp/head \\
         | tr -d '\\r')
    echo "handler $_HANDLER" >&2
    curl -sS -o /dev/null "$api/$id/response" -d "$event"
done
'''

# the event's header x-do is an expression; its value is the answer
PYTHON = '''\
#!/usr/bin/python3 -u
import errno, http.client, json, os, signal, socket, sys, time

API = os.environ["AWS_LAMBDA_RUNTIME_API"]
PATH = "/2018-06-01/runtime/invocation/"


def connect(host, port, kind="tcp", seconds=0.4):
    """How a connection goes: "ok" or the name of an error."""
    s = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET,
                      socket.SOCK_STREAM if kind == "tcp"
                      else socket.SOCK_DGRAM)
    s.settimeout(seconds)
    return tried(s.connect, (host, int(port)))


def tried(call, *args):
    try:
        call(*args)
        return "ok"
    except socket.timeout:
        return "timeout"
    except OSError as e:
        return errno.errorcode[e.errno]


def listening():
    """Listens on the address of the Runtime API; the port."""
    s = socket.socket()
    s.bind((API.split(":")[0], 0))
    s.listen()
    kept.append(s)
    return s.getsockname()[1]


def call(method, path, body=None, headers={}):
    """Another connection to the API: (status, answer)."""
    c = http.client.HTTPConnection(API)
    c.request(method, path, body, headers)
    r = c.getresponse()
    return r.status, r.read().decode()


kept = []
http_ = http.client.HTTPConnection(API)
while True:
    http_.request("GET", PATH + "next")
    r = http_.getresponse()
    event = json.loads(r.read())
    request_id = r.headers["Lambda-Runtime-Aws-Request-Id"]
    do = event.get("do") or event.get("headers", {}).get("x-do")
    try:
        value = eval(do) if do else event
        where = "/response"
    except Exception as e:
        value = {"errorType": type(e).__name__, "errorMessage": str(e)}
        where = "/error"
    http_.request("POST", PATH + request_id + where, json.dumps(value))
    http_.getresponse().read()
'''
