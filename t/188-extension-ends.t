#!/usr/bin/python3
"""An extension of a layer, and the end of its environment: after a timeout,
when the runtime ends, and when it is idle; what callers see meanwhile."""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all, wait_for            # noqa: E402

if os.geteuid() != 0:
    skip_all('needs root: the Runtime API has an address of its own')

EXTENSION = '''#!/usr/bin/python3
import http.client, json, os

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
api.request("POST", "/2020-01-01/extension/register",
            json.dumps({"events": ["INVOKE", "SHUTDOWN"]}),
            {"Lambda-Extension-Name": "tells"})
r = api.getresponse()
r.read()
own = {"Lambda-Extension-Identifier": r.headers["Lambda-Extension-Identifier"]}
while True:
    api.request("GET", "/2020-01-01/extension/event/next", headers=own)
    event = json.loads(api.getresponse().read())
    print("extension:", event["eventType"], event.get("shutdownReason", ""),
          flush=True)
    if event["eventType"] == "SHUTDOWN":
        break
'''

BOOTSTRAP = '''#!/usr/bin/python3
import http.client, json, os, time

api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
base = "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", base + "next")
    r = api.getresponse()
    event = json.loads(r.read())
    do = event.get("queryStringParameters", {}).get("do")
    if do == "sleep":
        time.sleep(60)
    if do == "exit":
        os._exit(3)
    api.request("POST", base + r.headers["Lambda-Runtime-Aws-Request-Id"]
                + "/response", json.dumps({"statusCode": 200, "body": "ok"}))
    api.getresponse().read()
'''

HTTP = '''
    faas_function f {
        runtime provided.al2023; code {functions}/f; layers {functions}/layer;
        timeout 1s; idle_timeout 1s;
    }
    log_format faas "$status $faas_status $faas_error";
'''

SERVER = '''
    access_log {dir}/faas.log faas;
    location / { faas_pass f; }
'''


def told(nginx, what):
    return nginx.log().count('extension: ' + what)


def outcome(nginx):
    with open(nginx.dir + '/faas.log') as f:
        return f.read().splitlines()[-1]


with Tap() as tap, Nginx(
        functions={'f': {'bootstrap': (BOOTSTRAP, 0o755)},
                   'layer': {'extensions/tells': (EXTENSION, 0o755)}},
        http=HTTP, server=SERVER) as nginx:
    tap.equal(nginx.get('/').text, 'ok', 'a function with an extension')
    wait_for(lambda: told(nginx, 'INVOKE') == 1)
    tap.ok(True, 'which is told of the invocation')

    for do, reason, want in (
            ('sleep', 'timeout', '500 timeout Sandbox.Timedout'),
            ('exit', 'failure', '500 error Runtime.ExitError')):
        begin = time.monotonic()
        r = nginx.get('/?do=' + do)
        took = time.monotonic() - begin
        tap.equal((r.status, took < 2.5), (500, True),
                  do + ': an error, at once')
        wait_for(lambda: len(open(nginx.dir + '/faas.log').readlines())
                 >= (2 if do == 'sleep' else 4))
        tap.equal(outcome(nginx), want, do + ': which one')
        tap.equal(nginx.get('/').text, 'ok', do + ': the next one answers')
        wait_for(lambda: told(nginx, 'SHUTDOWN ' + reason) == 1)
        tap.ok(True, '%s: the extension is told of a %s' % (do, reason))

    wait_for(lambda: told(nginx, 'SHUTDOWN spindown') == 1, 20)
    tap.ok(True, 'and of the end of an idle one')
    nginx.finish(tap)
