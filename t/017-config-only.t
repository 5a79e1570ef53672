#!/usr/bin/python3
"""nginx -t says what it finds and leaves no trace."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import Nginx, Tap                                # noqa: E402

HTTP = '''faas_function hello {
    runtime python3;
    handler app.handler;
    code {functions}/hello;
}'''

BAD = HTTP.replace('app.handler', 'main.handler')


with Tap() as tap:
    nginx = Nginx(functions={'hello': {'app.py': 'def handler(e, c): pass'}},
                  http=HTTP, server='location / { faas_pass hello; }')

    try:
        status, text = nginx.test_conf()
        tap.equal(status, 0, 'a good configuration: status')
        tap.ok('test is successful' in text, 'a good configuration: text',
               text)

        nginx.write_conf(http=BAD)
        status, text = nginx.test_conf()
        tap.equal(status, 1, 'a mistake: status')
        tap.ok(re.search(r'there is no "main.py" in "[^"]*/functions/hello" '
                         r'in [^ ]*/nginx\.conf:\d+', text),
               'a mistake: text', text)

        tap.ok(not os.path.exists(os.path.join(nginx.dir, 'run')),
               'no run directory is made')
        tap.equal(os.listdir(os.path.join(nginx.dir, 'state')), [],
                  'nothing is written to the state directory')
        tap.equal(nginx.processes(), [], 'no process is started')

        nginx.write_conf(http=HTTP)
        nginx.start()
        tap.equal(nginx.get('/').status, 200, 'the function answers')
        before = nginx.status()['generation'], nginx.supervisor
        nginx.write_conf(http=BAD)
        status, _ = nginx.test_conf()
        tap.equal((status, nginx.get('/').status,
                   nginx.status()['generation'], nginx.supervisor),
                  (1, 200) + before, 'a running nginx does not notice')
        nginx.allow(r'\[emerg\]')
        nginx.finish(tap)
    finally:
        nginx.destroy()
