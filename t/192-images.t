#!/usr/bin/python3
"""Container images from nginx to the answer: one that is made as those of AWS
are, its networks, extensions and logs, a new one under load; what nginx
refuses.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_image                                              # noqa: E402
from faas_e2e import RUNTIME, Nginx, Tap, skip_all, wait_for   # noqa: E402
from faas_image import Image, layer                            # noqa: E402
from faas_provided import PYTHON                               # noqa: E402

# as in AWS's images: outside of Lambda it would start an emulator
ENTRY = '''#!/bin/sh
if [ -z "$AWS_LAMBDA_RUNTIME_API" ]; then exit 1; fi
export _HANDLER="$1"
exec /var/runtime/bootstrap
'''

EXTENSION = '''#!/usr/bin/python3
import http.client, json, os
c = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
c.request("POST", "/2020-01-01/extension/register",
          json.dumps({"events": ["INVOKE"]}),
          {"Lambda-Extension-Name": os.path.basename(__file__)})
r = c.getresponse()
r.read()
me = {"Lambda-Extension-Identifier": r.headers["Lambda-Extension-Identifier"]}
open("/tmp/extension", "w").write(__file__)
while True:
    c.request("GET", "/2020-01-01/extension/event/next", headers=me)
    c.getresponse().read()
'''

CONFIG = {'Entrypoint': ['/lambda-entrypoint.sh'], 'Cmd': ['app.handler'],
          'WorkingDir': '/var/task',
          'Env': ['PATH=/usr/bin:/bin', 'LAMBDA_TASK_ROOT=/var/task',
                  'LAMBDA_RUNTIME_DIR=/var/runtime']}

FUNCTION = '''faas_function %s {
    runtime provided;
    image %s;
    memory 512m;
    %s
}
'''


def function(name, image, more=''):
    return FUNCTION % (name, image, more)


HTTP = (function('folder', '{dir}/folder')
        + function('saved', '{dir}/saved.tar', 'network none;')
        + function('other', '{dir}/folder', 'handler other.handler;')
        + function('extended', '{dir}/extended.tar')
        + function('load', '{dir}/load', 'concurrency 8;')
        + 'faas_function plain { runtime provided; code {functions}/plain; }')
SERVER = ''.join('location = /%s { faas_pass %s; }\n' % (n, n) for n in (
    'folder', 'saved', 'other', 'extended', 'load', 'plain')) \
    + 'location /2015-03-31/ { faas_auth off; faas_lambda_api; }\n'


def do(n, name, what):
    r = n.get('/' + name, headers={'x-do': '[%s]' % what})
    return r.json()[0] if r.status == 200 else (r.status, r.body)


def answers(tap, n):
    for name, handler in (('folder', 'app.handler'), ('saved', 'app.handler'),
                          ('other', 'other.handler')):
        tap.equal(do(n, name, '[os.environ["_HANDLER"], os.getcwd(), '
                              'os.path.exists("/usr/bin/perl")]'),
                  [handler, '/var/task', False],
                  name + ': the entry point of an image')
    if os.geteuid() == 0:
        tap.ok(re.match(r'127\.(?!0\.0\.1:)', do(n, 'folder', 'API')),
               'an address of its own')
    tap.ok(do(n, 'saved', 'API').startswith('127.0.0.1:'),
           'or a network of its own')
    tap.equal(do(n, 'folder', 'open("/etc/hosts").read()'),
              do(n, 'plain', 'open("/etc/hosts").read()'),
              'what it knows of the network is as without an image')
    tap.equal(do(n, 'extended', 'open("/tmp/extension").read()'),
              '/opt/extensions/watch', 'an extension in an image')
    do(n, 'folder', 'print("said in an image")')
    n.wait_log('said in an image')
    tap.ok(True, 'what it prints is in the log')


def told(tap, n):
    """What Lambda's API says of them."""
    r = n.get('/2015-03-31/functions/folder/configuration').json()
    tap.equal((r['PackageType'], 'Handler' in r, 'Runtime' in r),
              ('Image', False, False), 'an image has its runtime in itself')
    r = n.get('/2015-03-31/functions/plain/configuration').json()
    tap.equal((r['PackageType'], r['Handler']), ('Zip', 'bootstrap'),
              'others have not')


def changes(tap, n, base):
    """Another image by the same name under load."""
    tap.equal(do(n, 'load', 'open("/version").read()'), '0', 'an image')
    load = n.load('/load', connections=4, headers='x-do: [1]\r\n')
    for i in range(1, 4):
        Image(base + [layer([('version', '%d' % i)])], CONFIG).folder(
            os.path.join(n.dir, 'load'))
        n.reload()
        wait_for(lambda: do(n, 'load', 'open("/version").read()') == str(i),
                 30)
    result = load.stop()
    tap.ok(result.failed == 0 and result.ok > 50,
           'new ones under load fail no request', result.outcomes)


def refused(tap, n, inside, message):
    n.write_conf(http='faas_function f {\n%s\n}\n' % inside)
    n.allow(re.escape(message))
    code, text = n.test_conf()
    tap.ok(code != 0 and message in text, 'refused: ' + message, text)


def mistakes(tap, n):
    here = 'runtime provided; image {dir}/folder;'
    refused(tap, n, 'runtime provided; image {dir}/nowhere;',
            'nowhere" of function "f" is not there')
    for name in 'functions/plain/bootstrap', 'functions', '../null':
        refused(tap, n, 'runtime provided; image %s;' % (
            '/dev/null' if name == '../null' else '{dir}/' + name),
            'is neither the folder of an OCI layout nor a tar archive')
    refused(tap, n, 'runtime python3; handler x.y; image {dir}/folder;',
            '"image" in function "f" is only for runtime provided')
    for name, value in (('code', '{functions}/plain'), ('code_inline', 'x'),
                        ('layers', '{functions}/plain')):
        refused(tap, n, '%s %s %s;' % (here, name, value),
                'both "image" and "%s" in function "f"' % name)
    refused(tap, n, here + ' image {dir}/folder;',
            '"image" directive is duplicate')
    n.write_conf(http=HTTP)


if not os.path.exists(os.path.join(RUNTIME, 'faas-provided-static')):
    skip_all('no static libraries')

with Tap() as tap:
    base = [layer(faas_image.python() + faas_image.programs('/bin/sh')),
            layer([('lambda-entrypoint.sh', ENTRY, 0o755),
                   ('var/runtime/bootstrap', PYTHON, 0o755),
                   ('var/task', None)])]
    n = Nginx(http=HTTP, server=SERVER,
              functions={'plain': {'bootstrap': (PYTHON, 0o755)}})
    Image(base, CONFIG).folder(os.path.join(n.dir, 'folder'))
    Image(base, CONFIG).saved(os.path.join(n.dir, 'saved.tar'))
    Image(base + [layer([('opt/extensions/watch', EXTENSION, 0o755)])],
          CONFIG).archive(os.path.join(n.dir, 'extended.tar'))
    Image(base + [layer([('version', '0')])], CONFIG).folder(
        os.path.join(n.dir, 'load'))
    with n:
        if n.status()['supervisor'].get('isolation') in ('none', 'landlock'):
            skip_all('no mounts here')
        answers(tap, n)
        told(tap, n)
        changes(tap, n, base)
        mistakes(tap, n)
        n.finish(tap)
