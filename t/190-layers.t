#!/usr/bin/python3
"""Layers from nginx to the answer: where each language finds what is in them,
handlers, bootstraps, extensions and libraries in layers, new ones under load.
"""

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all, wait_for            # noqa: E402
from faas_provided import PYTHON                               # noqa: E402

VERSION = 'python%d.%d' % sys.version_info[:2]

GEM = '''Gem::Specification.new do |s|
  s.name = 'aboard'
  s.version = '1.0'
  s.summary = 'A gem of a layer'
  s.authors = ['nobody']
  s.files = ['lib/aboard.rb']
end
'''

# language: program, handler, file, function, what it answers
FUNCTIONS = {
    'python3': ('/usr/bin/python3', 'app.handler', 'app.py', '''
import ctypes
import own, site_own
def handler(event, context):
    return [own.WHO, site_own.WHO, ctypes.CDLL("libaboard.so").aboard()]
''', ['python', 'site', 7]),
    'nodejs': ('/usr/bin/node', 'app.handler', 'app.js', '''
const own = require("own");
const numbered = require("numbered");
exports.handler = async () => [own, numbered];
''', ['node', 'numbered']),
    'ruby': ('/usr/bin/ruby', 'app.handler', 'app.rb', '''
require "own"
require "aboard"
def handler(event:, context:)
  [OWN, Aboard::WHO]
end
''', ['ruby', 'gem']),
    'perl': ('/usr/bin/perl', 'app.handler', 'app.pl', '''
use Own;
sub handler { return [$Own::WHO] }
1;
''', ['perl']),
    'lua': ('/usr/bin/luajit', 'app.handler', 'app.lua', '''
local own = require "own"
local ffi = require "ffi"
ffi.cdef "int aboard(void);"
return { handler = function() return { own, ffi.load("aboard").aboard() } end }
''', ['lua', 7]),
    'php': ('/usr/bin/php', 'app.php', 'app.php', '''<?php
require "own.php";
return function ($event) { return [WHO]; };
''', ['php']),
    'bash': ('/bin/bash', 'app.handler', 'app.sh', '''
handler() { . /opt/own.sh; printf '["%s", "%s"]' "$(tool)" "$WHO"; }
''', ['tool', 'bash']),
}

LAYER = {
    'python/own.py': 'WHO = "python"\n',
    'python/wrapper.py': 'import app\n'
                         'def handler(event, context):\n'
                         '    return ["wrapped", app.handler(event, context)]\n',
    'python/lib/%s/site-packages/site_own.py' % VERSION: 'WHO = "site"\n',
    'nodejs/node_modules/own/index.js': 'module.exports = "node";\n',
    'nodejs/wrapper.js': 'exports.handler = async (event, context) =>\n'
                         '    ["wrapped", await require("/var/task/app.js")\n'
                         '                      .handler(event, context)];\n',
    'ruby/lib/own.rb': 'OWN = "ruby"\n',
    'lib/perl5/Own.pm': 'package Own;\nour $WHO = "perl";\n1;\n',
    'lua/own.lua': 'return "lua"\n',
    'php/own.php': '<?php\nconst WHO = "php";\n',
    'own.sh': 'WHO=bash\n',
    'bin/tool': ('#!/bin/sh\necho tool\n', 0o755),
}

EXTENSION = '''#!/usr/bin/python3
import http.client, json, os
API = os.environ["AWS_LAMBDA_RUNTIME_API"]
c = http.client.HTTPConnection(API)
c.request("POST", "/2020-01-01/extension/register",
          json.dumps({"events": ["INVOKE", "SHUTDOWN"]}),
          {"Lambda-Extension-Name": os.path.basename(__file__)})
r = c.getresponse()
r.read()
me = {"Lambda-Extension-Identifier": r.headers["Lambda-Extension-Identifier"]}
open("/tmp/extension", "w").write(__file__)
while True:
    c.request("GET", "/2020-01-01/extension/event/next", headers=me)
    json.loads(c.getresponse().read())
'''

# what an official client does, in short; it finds the function's modules
CLIENT = '''
import http.client, json, os, sys
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
import app
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
path = "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", path + "next")
    r = api.getresponse()
    event = json.loads(r.read())
    api.request("POST", path + r.headers["Lambda-Runtime-Aws-Request-Id"]
                + "/response", json.dumps(["client", app.handler(event, None)]))
    api.getresponse().read()
'''

COUNTER = '''
import sys
sys.path.insert(0, "/opt")
import value
def handler(event, context):
    return [value.VALUE, open("/opt/first").read()]
'''


def zipped(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, 'w', zipfile.ZIP_DEFLATED) as z:
        for name, what in files.items():
            text, mode = what if isinstance(what, tuple) else (what, 0o644)
            info = zipfile.ZipInfo(name)
            info.create_system = 3
            info.external_attr = (0o100000 | mode) << 16
            z.writestr(info, text)
    return out.getvalue()


def tree():
    """LAYER with what has to be made: a library, and names with versions."""
    layer = dict(LAYER)
    if shutil.which('node'):
        major = subprocess.run(['node', '-p', 'process.versions.node'],
                               stdout=subprocess.PIPE, text=True,
                               check=True).stdout.split('.')[0]
        layer['nodejs/node%s/node_modules/numbered.js' % major] = \
            'module.exports = "numbered";\n'
    if shutil.which('ruby'):
        api = subprocess.run(['ruby', '-e',
                              'print RbConfig::CONFIG["ruby_version"]'],
                             stdout=subprocess.PIPE, text=True,
                             check=True).stdout
        gems = 'ruby/gems/%s/' % api
        layer[gems + 'specifications/aboard-1.0.gemspec'] = GEM
        layer[gems + 'gems/aboard-1.0/lib/aboard.rb'] = \
            'module Aboard\n  WHO = "gem"\nend\n'
    return layer


def function(name, runtime, code, layers, more=''):
    return '''faas_function %s {
    runtime %s;
    code {functions}/%s;
    layers %s;
    %s
}
''' % (name, runtime, code, ' '.join('{functions}/' + layer
                                     for layer in layers), more)


def configuration(found):
    http = server = ''
    names = []
    for lang in found:
        handler = 'handler %s;' % FUNCTIONS[lang][1]
        for kind, layers in (('folder', ['all']), ('zip', ['zips/all.zip']),
                             ('three', ['other', 'zips/all.zip', 'last'])):
            names.append('%s-%s' % (lang, kind))
            http += function(names[-1], lang, lang, layers, handler)
    http += function('wrapped', 'python3', 'python3', ['all'],
                     'handler wrapper.handler;')
    if 'nodejs' in found:
        http += function('node-wrapped', 'nodejs', 'nodejs',
                         ['zips/all.zip'], 'handler /opt/nodejs/wrapper.handler;')
        names.append('node-wrapped')
    http += function('boot', 'provided.al2023', 'empty', ['boot', 'ext', 'all'])
    http += function('boot-zip', 'provided', 'empty', ['zips/boot.zip'])
    http += function('official', 'python3', 'python3', ['all', 'client'],
                     'handler app.handler; official_client on;')
    http += function('counter', 'python3', 'counter',
                     ['zips/first.zip', 'value'],
                     'handler app.handler; concurrency 8;')
    for name in names + ['wrapped', 'boot', 'boot-zip', 'official', 'counter']:
        server += 'location = /%s { faas_pass %s; }\n' % (name, name)
    return http, server


def languages(tap, n, found):
    for lang in found:
        for kind in 'folder', 'zip', 'three':
            r = n.get('/%s-%s' % (lang, kind))
            tap.equal((r.status, r.status == 200 and r.json()),
                      (200, FUNCTIONS[lang][4]),
                      '%s: what a layer has (%s)' % (lang, kind))
    tap.equal(n.get('/wrapped').json(), ['wrapped', ['python', 'site', 7]],
              'a handler that is in a layer')
    if 'nodejs' in found:
        tap.equal(n.get('/node-wrapped').json(),
                  ['wrapped', ['node', 'numbered']], 'by its absolute path')


def programs(tap, n):
    r = n.get('/boot', headers={'x-do': '[open("/tmp/extension").read(), '
                                        'sys.argv[0], __import__("ctypes")'
                                        '.CDLL("libaboard.so").aboard()]'})
    tap.equal((r.status, r.json()), (200, ['/opt/extensions/watch',
                                           '/opt/bootstrap', 7]),
              'a bootstrap, an extension, a library of three layers')
    tap.equal(n.get('/official').json(), ['client', ['python', 'site', 7]],
              'a client of the Runtime API that is in a layer')
    r = n.get('/boot-zip', headers={'x-do': '6 * 7'})
    tap.equal(r.json(), 42, 'a bootstrap in a zip')


def changes(tap, n):
    """A layer that changes, again and again, and not one request fails."""
    tap.equal(n.get('/counter').json(), ['0', 'first'], 'two layers')
    load = n.load('/counter', connections=4)
    for i in range(1, 6):
        n.write_function('value', {'value.py': 'VALUE = "%d"\n' % i})
        n.reload()
        wait_for(lambda: n.get('/counter').json()[0] == '%d' % i, 20)
    n.write_function('zips', {'first.zip': zipped({'first': 'second'})})
    n.reload()
    wait_for(lambda: n.get('/counter').json() == ['5', 'second'], 20)
    result = load.stop()
    tap.ok(result.failed == 0 and result.ok > 50,
           'changes of layers under load fail no request', result)


def library():
    """What a program of this machine can load."""
    with tempfile.TemporaryDirectory() as folder:
        with open(folder + '/lib.c', 'w') as f:
            f.write('int aboard(void);\nint aboard(void) { return 7; }\n')
        subprocess.run(['cc', '-shared', '-fPIC', '-o', 'lib.so', 'lib.c'],
                       cwd=folder, check=True)
        with open(folder + '/lib.so', 'rb') as f:
            return f.read()


if shutil.which('cc') is None:
    skip_all('no compiler')

with Tap() as tap:
    found = [name for name, value in FUNCTIONS.items()
             if os.path.exists(value[0])]
    http, server = configuration(found)
    layer = tree()
    layer['lib/libaboard.so'] = library()
    functions = {
        'all': layer, 'other': {'own.sh': 'WHO=nobody\n'},
        'last': {'last': ''}, 'empty': {'data': ''},
        'boot': {'bootstrap': (PYTHON, 0o755)},
        'ext': {'extensions/watch': (EXTENSION, 0o755),
                'extensions/folder/none': ''},
        'client': {'python/awslambdaric/__main__.py': CLIENT},
        'value': {'value.py': 'VALUE = "0"\n'},
        'counter': {'app.py': COUNTER},
        'zips': {'all.zip': zipped(layer), 'first.zip': zipped({
            'first': 'first'}), 'boot.zip': zipped({
                'bootstrap': (PYTHON, 0o755)})}}
    for name in found:
        functions[name] = {FUNCTIONS[name][2]: FUNCTIONS[name][3]}
    with Nginx(http=http, server=server, functions=functions) as n:
        languages(tap, n, found)
        programs(tap, n)
        changes(tap, n)
        n.finish(tap)
