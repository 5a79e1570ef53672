#!/usr/bin/python3
"""A Hono application streams by its Lambda adapter (streamHandle); that it
answers as by itself is for 700-apps.t.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_apps import deploy, install                          # noqa: E402
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_stream import Gate, Stream                           # noqa: E402

HTTP = '''
    faas_function hono {
        runtime nodejs; handler index.handler; code {dir}/app;
        mount {dir}/gate /mnt/gate;
        memory 256m; timeout 20s; streaming on;
    }

    faas_api url { type url; route $default hono; }
    faas_api two { route $default hono; }
    faas_api rest { type rest; route ANY "/{proxy+}" hono; }
'''

SERVER = '''
        location /url/ { faas_api_pass url base_path=/url; }
        location /two/ { faas_api_pass two base_path=/two; }
        location /rest/ { faas_api_pass rest base_path=/rest; }
'''

modules = install()

with Tap() as tap:
    nginx = Nginx(http=HTTP, server=SERVER)
    gate = Gate(os.path.join(nginx.dir, 'gate'))
    deploy(os.path.join(nginx.dir, 'app'), modules, 'data.js', 'hono',
           'hono-stream')
    with nginx:
        for api in 'url', 'two', 'rest':
            with Stream(nginx.port, '/%s/gated/%s' % (api, api)) as s:
                s.until(b'first\n\n')
                tap.equal([s.status, s.headers['content-type'], s.body],
                          [200, 'text/event-stream',
                           b'event: one\ndata: first\n\n'],
                          api + ': the first event')
                gate.open(api)
                tap.equal([s.rest(), s.complete],
                          [b'event: one\ndata: first\n\n'
                           b'event: two\ndata: second\n\n', True],
                          api + ': the second event')
            with Stream(nginx.port, '/%s/cookies' % api) as s:
                s.rest()
                tap.equal([s.status, s.headers['set-cookie'].count('|')],
                          [200, 2], api + ': cookies')
            with Stream(nginx.port, '/%s/redirect/302' % api) as s:
                s.rest()
                tap.equal([s.status, s.headers['location'], s.complete],
                          [302, '/echo?from=%C3%A9&x=%2F', True],
                          api + ': no body')
        nginx.finish(tap)
