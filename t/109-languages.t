#!/usr/bin/python3
"""Functions in all languages, through nginx, in the sandbox: the same requests
to the same function in each of them."""

import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all, wait_for     # noqa: E402
from faas_langs import files, installed                 # noqa: E402

LANGUAGES = installed()
if not LANGUAGES:
    skip_all('no interpreter')

ERROR = 'Internal Server Error'
HTTP = '''
    log_format faas "$uri $status|$faas_status|$faas_error";
'''
for name, (_, runtime, handler, _, _, _) in LANGUAGES.items():
    HTTP += '''
    faas_function %s {
        runtime %s; handler %s; code {functions}/%s; timeout 2s;
        environment RUN={dir};
    }
''' % (name, runtime, handler, name)

SERVER = '''
    access_log {dir}/faas.log faas;
    location ~ ^/(?<name>[a-z]+)/ { faas_pass $name; }
'''


def records(nginx, name):
    with open(nginx.dir + '/faas.log') as f:
        return [line.split(' ', 1)[1].strip() for line in f
                if line.startswith('/%s/' % name)]


def function(tap, nginx, name, error):
    def get(do):
        return nginx.get('/%s/path?do=%s' % (name, do))

    r = get('')
    tap.equal((r.status, r.body, r.headers.get('x-path')),
              (201, b'id true', '/%s/path' % name), name + ': answers')

    if os.geteuid() == 0:
        v = json.loads(get('where').body)
        tap.equal([v['cwd'], bool(v['writes']), bool(v['tmp']),
                   bool(v['shadow']), bool(v['run']), int(v['uid']) > 100000],
                  ['/var/task', False, True, False, False, True],
                  name + ': in its sandbox')

    for do in 'fail', 'exit', 'sleep':
        r = get(do)
        tap.equal((r.status, json.loads(r.body)['message']), (500, ERROR),
                  '%s: %s is an error' % (name, do))
        tap.equal(get('').status, 201, name + ': and the next one answers')

    wait_for(lambda: len(records(nginx, name)) >= 7)
    # a bash is not the environment
    crash = 'error|ExitError' if name == 'bash' else 'crash|Runtime.ExitError'
    tap.equal([line for line in records(nginx, name)
               if line.startswith('500')],
              ['500|error|' + error, '500|' + crash, '500|timeout|Sandbox.Timedout'], name + ': as what they count')

    get('log')
    wait_for(lambda: 'logged' in nginx.log())
    tap.ok(re.search(r'faas: \[%s [0-9a-f-]{36}\] .*logged' % name,
                     nginx.log()), name + ': the log has its id')

    tap.equal(get('flood').status, 201, name + ': a flood of lines')
    lines = len(re.findall(r'\[%s .*line \d+ of many' % name, nginx.log()))
    tap.ok(500 < lines <= 1001, name + ': of which 1000 are logged', lines)

    load = nginx.load('/%s/path?do=' % name, connections=3, requests=300,
                      check=lambda r, n: r.status == 201)
    tally = load.join()
    tap.equal((tally.sent, tally.ok), (300, 300), name + ': many at once')


with Tap() as tap, Nginx(
        functions={name: files(v) for name, v in LANGUAGES.items()},
        http=HTTP, server=SERVER) as nginx:
    for name, value in LANGUAGES.items():
        function(tap, nginx, name, value[5])
    nginx.finish(tap)
