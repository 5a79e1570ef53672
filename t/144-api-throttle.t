#!/usr/bin/python3
"""Throttles of routes, stages and APIs (contract, section 7.8)."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402

HTTP = '''
    faas_function f {
        runtime python3; handler app.handler; code {functions}/f;
    }

    faas_api a {
        stage $default;
        stage s;
        stage_throttle s rate=0.001 burst=2;
        cors allow_origins=*;

        route GET /three f rate=0.001 burst=3;
        route GET /none f rate=0;
        route GET /fast f rate=20 burst=1;
        route GET /open return 200;
        route GET /body return 200 ok rate=0;
        route POST /body f rate=0;
    }

    faas_api b {
        type rest;
        throttle rate=0.5 burst=4;
        route ANY "/{proxy+}" f;
    }

    faas_api c {
        type url;
        throttle burst=1 rate=0.001;
        route $default return 200;
    }
'''

SERVER = '''
    location / { faas_api_pass a; }
    location /b/ { faas_api_pass b; }
    location /c/ { faas_api_pass c; }
'''


def statuses(nginx, path, n):
    """Of N requests on connections of their own: any worker may have one."""
    return sorted(nginx.get(path).status for _ in range(n))


with Tap() as tap, Nginx(
        http=HTTP, server=SERVER, workers=2,
        functions={'f': {'app.py': 'def handler(e, c):\n'
                                   '    return {"statusCode": 200}\n'}}
        ) as nginx:
    r = nginx.get('/none')
    tap.equal([r.status, r.json()],
              [429, {'message': 'Too Many Requests'}], 'a rate of nothing')
    tap.equal(nginx.metrics('f')['invocations']
              + sum(nginx.metrics('f')['environments'].values()), 0,
              'what is refused starts nothing')
    r = nginx.get('/body', method='POST',
                  headers={'Content-Length': '1000000'})
    tap.equal(r.status, 429, 'nor is its body waited for')
    tap.equal(statuses(nginx, '/three', 6), [200] * 3 + [429] * 3,
              'a burst of three, whoever serves them')
    tap.equal(statuses(nginx, '/open', 5), [200] * 5, 'other routes are open')
    tap.equal(statuses(nginx, '/s/open', 4), [200] * 2 + [429] * 2,
              'a stage')
    tap.equal(statuses(nginx, '/b/x', 6)[:5], [200] * 4 + [429],
              'an API')
    r = nginx.get('/b/y')
    tap.equal([r.status, r.json(), r.headers['x-amzn-errortype']],
              [429, {'message': 'Too Many Requests'},
               'TooManyRequestsException'], 'as a REST API says it')
    nginx.get('/c/')
    tap.equal([nginx.get('/c/').status, nginx.get('/c/').json()['message']],
              [429, 'Rate Exceeded.'], 'as a function URL says it')

    tap.equal(nginx.get('/fast').status, 200, 'a rate: the first')
    tap.ok(wait_for(lambda: nginx.get('/fast').status == 200, 10),
           'a rate: another one later')

    nginx.reload()
    tap.equal(nginx.get('/three').status, 429, 'a reload forgets nothing')
    nginx.write_conf(http=HTTP.replace('GET /three f rate=0.001 burst=3',
                                       'GET /four f rate=0.001 burst=3'))
    nginx.reload()
    tap.equal(statuses(nginx, '/four', 4), [200] * 3 + [429],
              'what is new begins anew')
    nginx.finish(tap)
