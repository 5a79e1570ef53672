#!/usr/bin/python3
"""What the supervisor is told of functions with "runtime web"."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402

HTTP = '''
faas_function plain { runtime web; command server a b; code {functions}/f; }
faas_function all {
    runtime web; command server; code {functions}/f; listen 8080;
    readiness /healthz?a="b"; environment_concurrency 7;
}
faas_function path {
    runtime web; command server; code {functions}/f;
    listen unix:/tmp/web.sock;
}
faas_function other {
    runtime fastcgi; command server; code {functions}/f;
}
'''
KEYS = ('runtime', 'command', 'listen', 'readiness',
        'environment_concurrency')

with Tap() as tap:
    with Nginx(http=HTTP, functions={'f': {'server': ('', 0o755)}}) as n:
        with open(os.path.join(n.run, 'v1/manifest')) as f:
            told = {g['name']: [g.get(key) for key in KEYS]
                    for g in json.load(f)['functions']}
        tap.equal(told['plain'], ['web', ['server', 'a', 'b'], None, None,
                                  100], 'without settings: 100 at a time')
        tap.equal(told['all'], ['web', ['server'], '8080',
                                '/healthz?a="b"', 7], 'all settings')
        tap.equal(told['path'][2], 'unix:/tmp/web.sock', 'a path')
        tap.equal(told['other'], ['fastcgi', ['server'], None, None, 1],
                  'others are as they were')
        n.finish(tap)
