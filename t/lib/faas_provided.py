"""Custom runtimes for tests: a bootstrap in shell, and one in Python that
does what the event says.  And official clients, from their registries.
"""

import base64
import fcntl
import hashlib
import json
import os
import shutil
import subprocess

from faas_e2e import BUILD, SLOW
from faas_tap import skip_all

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


# official clients: packages of registries

class Unavailable(Exception):
    """What comes from a registry is not always there to be had."""


def cached(name, make):
    """As fetched(); without it the test is skipped."""
    try:
        return fetched(name, make)
    except Unavailable as e:
        skip_all(str(e))


def fetched(name, make):
    """The folder of what MAKE(folder) has built, kept below the build folder.

    MAKE returns None, or why it did not work, which is raised as Unavailable.
    """
    base = os.path.join(BUILD, 'clients')
    target = os.path.join(base, name)
    try:
        os.makedirs(base, exist_ok=True)
        with open(os.path.join(base, '.lock-' + name), 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.isdir(target):
                new = target + '.new'
                shutil.rmtree(new, ignore_errors=True)
                os.mkdir(new)
                why = make(new)
                if why:
                    shutil.rmtree(new, ignore_errors=True)
                    raise Unavailable(why)
                os.rename(new, target)
    except PermissionError as e:
        raise Unavailable('no client, and no place for it: %s' % e)
    return target


def python_version():
    return subprocess.run(
        ['/usr/bin/python3', '-c', 'import sys; '
         'print("%d.%d" % sys.version_info[:2])'],
        stdout=subprocess.PIPE).stdout.decode().strip()


def pip_install(folder, package):
    """A package of the Python that functions run in, and what it needs."""
    pip = shutil.which('pip3') or shutil.which('pip')
    if pip is None:
        return 'there is no pip'
    return run([pip, 'install', '--quiet', '--target', folder,
                '--only-binary=:all:', '--python-version', python_version(),
                '--disable-pip-version-check', package], folder)


def client_python(folder):
    return pip_install(folder, 'awslambdaric==4.2.2')


def client_node(folder):
    """aws-lambda-ric, the newest that takes this Node.js; its native part is
    built at installation."""
    major = int(subprocess.run(['/usr/bin/node', '-p',
                                'process.versions.node'],
                               stdout=subprocess.PIPE).stdout.decode()
                .split('.')[0])
    why = run(['npm', 'install', '--no-audit', '--no-fund', '--no-save',
               '--fetch-retries=1', 'aws-lambda-ric@'
               + ('4.0.2' if major >= 22 else '3.3.0')], folder, seconds=280)
    if why:
        return why
    package = os.path.join(folder, 'node_modules/aws-lambda-ric')
    for root, _, files in os.walk(package):
        if 'rapid-client.node' in files:
            return None
    return 'the native part of aws-lambda-ric was not built'


CLIENTS = {'python': client_python, 'node': client_node}


def copied(client):
    """For built(): puts an official client into the folder."""
    def fill(folder):
        try:
            client_folder = fetched('client-' + client, CLIENTS[client])
        except Unavailable as e:
            return str(e)
        shutil.copytree(client_folder, folder, symlinks=True,
                        dirs_exist_ok=True)
        return None

    return fill


def run(command, folder, env=None, seconds=300):
    """None, or what a command said that failed."""
    try:
        r = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           env=dict(os.environ, **(env or {})),
                           timeout=seconds * SLOW)
    except FileNotFoundError:
        return 'there is no ' + command[0]
    except subprocess.TimeoutExpired:
        return '%s takes too long' % ' '.join(command[:2])
    if r.returncode == 0:
        return None
    lines = r.stdout.decode(errors='replace').strip().split('\n')
    return '%s failed: %s' % (' '.join(command[:3]), ' '.join(lines[-3:]))


def must(command, folder, env=None, seconds=300):
    """What has nothing to do with a registry has to work."""
    why = run(command, folder, env, seconds)
    if why:
        raise RuntimeError(why)


def invoke(n, name, event):
    """(error of the function or None, result) by the Invoke API."""
    r = n.get('/2015-03-31/functions/%s/invocations' % name, method='POST',
              body=json.dumps(event).encode(),
              headers={'X-Amz-Client-Context': base64.b64encode(
                  b'{"custom":{"k":"v"}}').decode()})
    try:
        return r.headers.get('x-amz-function-error'), r.json()
    except ValueError:
        return r.headers.get('x-amz-function-error'), r.body


CALLS = 'location /2015-03-31/ { faas_auth off; faas_lambda_api; }\n'
ARN = 'arn:aws:lambda:us-east-1:000000000000:function:'


def built(name, files, make, get=cached):
    """A folder of FILES that MAKE was run in; another one when they change."""
    digest = hashlib.sha256()
    for path, text in sorted(files.items()):
        digest.update(('%s\0%s\0' % (path, text)).encode())

    def fill(folder):
        for path, text in files.items():
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(path, 'w') as f:
                f.write(text)
        return make(folder)

    return get('%s-%s' % (name, digest.hexdigest()[:12]), fill)
