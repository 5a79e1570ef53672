#!/usr/bin/python3
"""Requests for which there is no environment: status, body, $faas_error and
counter.  What a queue does is in 340."""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402

APP = '''
import time


def handler(event, context):
    time.sleep(float(event.get('queryStringParameters', {}).get('sleep', 0)))
    return 'good'
'''

FUNCTION = '''
    faas_function %s {
        runtime python3;
        handler app.handler;
        code {functions}/f;
        %s
    }'''

LIMITED = b'{"message":"Too Many Requests"}'

CASES = (
    ('none', 'concurrency 0;', 'TooManyRequestsException',
     'throttles_concurrency'),
    ('one', 'concurrency 1;', 'TooManyRequestsException',
     'throttles_concurrency'),
    ('full', 'concurrency 1; queue 1 timeout=10s;', 'Gateway.QueueFull',
     'throttles_queue_full'),
    ('late', 'concurrency 1; queue 1 timeout=100ms;', 'Gateway.QueueTimeout',
     'throttles_queue_timeout'),
)

LOG = 'log_format faas "[$status|$faas_function|$faas_status|$faas_error]";'

SERVER = '''
    access_log {dir}/access.log faas;
    location ~ ^/(?<name>[a-z]+) { faas_pass $name; }
'''


def begin(path):
    """A request that is sent, and its connection."""
    s = socket.create_connection(('127.0.0.1', nginx.port), 10)
    s.sendall(('GET %s HTTP/1.0\r\n\r\n' % path).encode())
    return s


def end(s):
    data = b''
    while True:
        more = s.recv(65536)
        if not more:
            return data
        data += more


def refused(tap, name, error, counter):
    r = nginx.get('/' + name)
    tap.equal((r.status, r.headers['content-type'], r.body),
              (429, 'application/json', LIMITED), '%s: the answer' % name)
    wait_for(lambda: '[429|%s|refused|%s]' % (name, error)
             in nginx.access_log(), 5, 'a line of ' + name)
    tap.equal(nginx.metrics(name)['counters'][counter], 1,
              '%s: the counter' % name)


def limits(tap):
    for name, _, error, counter in CASES:
        if name == 'none':
            refused(tap, name, error, counter)
            continue

        running = [begin('/%s?sleep=1' % name)]
        wait_for(lambda: nginx.metrics(name)['in_flight'] == 1, 10)

        if name == 'full':
            running.append(begin('/%s' % name))
            wait_for(lambda: nginx.metrics(name)['queued'] == 1, 10)

        refused(tap, name, error, counter)
        tap.ok(all(end(s).endswith(b'good') for s in running),
               '%s: who came before is answered' % name)
        tap.equal(nginx.metrics(name)['invocations'], len(running),
                  '%s: a refused request is no invocation' % name)


def capacity(tap):
    running = begin('/a?sleep=1')
    wait_for(lambda: nginx.metrics('a')['in_flight'] == 1, 10)
    refused(tap, 'b', 'Gateway.NoCapacity', 'throttles_capacity')
    tap.ok(end(running).endswith(b'good'), 'b: a is not disturbed')
    tap.equal(nginx.get('/b').status, 200,
              'b: an idle environment of a makes way')


with Tap() as tap:
    with Nginx(http=LOG + ''.join(FUNCTION % c[:2] for c in CASES),
               server=SERVER, functions={'f': {'app.py': APP}}) as nginx:
        limits(tap)
        nginx.finish(tap)

    with Nginx(http='faas_max_environments 1;' + LOG
               + ''.join(FUNCTION % (name, '') for name in 'ab'),
               server=SERVER, functions={'f': {'app.py': APP}}) as nginx:
        capacity(tap)
        nginx.finish(tap)
