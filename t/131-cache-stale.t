#!/usr/bin/python3
"""faas_cache: collapsed misses, stale answers, updates in the background,
revalidation."""

import os
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402

# what the query says happens; the key of the cache is the path only

APP = '''
import os
import time


def handler(event, context):
    q = event.get('queryStringParameters', {})
    time.sleep(float(q.get('sleep', 0)))
    if 'raise' in q:
        raise ValueError
    if 'exit' in q:
        os._exit(1)
    tag = event['headers'].get('if-none-match')
    headers = {'ETag': '"1"',
               'Last-Modified': 'Thu, 01 Jan 2026 00:00:00 GMT',
               'X-Conditions': '%s %s' % (
                   tag, event['headers'].get('if-modified-since'))}
    if 'same' in q and tag == '"1"':
        return {'statusCode': 304, 'headers': headers}
    return {'statusCode': int(q.get('status', 200)), 'headers': headers,
            'body': q.get('body', 'old')}
'''

HTTP = '''
    faas_cache_path {dir}/cache keys_zone=one:1m;
    add_header X-Cache $upstream_cache_status always;
    faas_function f {
        runtime python3;
        handler app.handler;
        code {functions}/f;
        timeout 2s;
    }
    faas_function quick {
        runtime python3;
        handler app.handler;
        code {functions}/f;
        timeout 600ms;
    }
'''

SERVER = '''
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_valid 200 304 1s;

    location / { faas_pass f; }

    location /lock { faas_cache_lock on; faas_pass f; }
    location /impatient {
        faas_cache_lock on;
        faas_cache_lock_timeout 50ms;
        faas_pass f;
    }

    location /error { faas_cache_use_stale error; faas_pass quick; }
    location /timeout { faas_cache_use_stale timeout; faas_pass quick; }
    location /500 { faas_cache_use_stale http_500; faas_pass quick; }
    location /404 { faas_cache_use_stale http_404; faas_pass quick; }
    location /updating { faas_cache_use_stale updating; faas_pass f; }
    location /background {
        faas_cache_use_stale updating;
        faas_cache_background_update on;
        faas_pass f;
    }
    location /revalidate { faas_cache_revalidate on; faas_pass f; }
'''


def together(n, what):
    """The answers of n requests at a time."""
    answers = [None] * n

    def one(i):
        answers[i] = nginx.get(what)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return answers


def invocations():
    return sum(f['invocations'] for f in nginx.status()['functions'])


def cached(r):
    return r.headers['x-cache'], r.status, r.text


def expired(path):
    """The first answer to path that is no longer a hit."""
    return wait_for(lambda: (lambda r: r.headers['x-cache'] != 'HIT' and r)(
        nginx.get(path)), 5, 'the end of what is cached', interval=0.05)


def collapsed(tap):
    before = invocations()
    answers = together(10, '/none?sleep=0.2')
    tap.equal(invocations() - before, 10, 'without a lock each miss counts')

    before = invocations()
    answers = together(10, '/lock?sleep=0.2')
    tap.equal(invocations() - before, 1, 'with a lock they are one')
    tap.ok(all(r.status == 200 and r.text == 'old' for r in answers),
           'and all are answered', answers)

    before = invocations()
    answers = together(3, '/impatient?sleep=0.2')
    tap.equal(invocations() - before, 3, 'unless they will not wait')
    tap.ok(all(r.status == 200 for r in answers), 'and all are answered',
           answers)

    before = invocations()
    together(4, '/lock/raise?sleep=0.1&raise=1')
    tap.equal(invocations() - before, 4, 'an error is nobody else\'s')


def stale(tap):
    cases = (('error', 'raise=1', 'a function error'),
             ('error/exit', 'exit=1', 'a crash'),
             ('timeout', 'sleep=5', 'a timeout'),
             ('500', 'status=500', 'a status of 500'),
             ('500/raise', 'raise=1', 'a gateway\'s 500'),
             ('404', 'status=404', 'a status of 404'))
    others = (('error/timeout', 'sleep=5', 'a timeout is no "error"'),
              ('timeout/error', 'raise=1', 'an error is no "timeout"'),
              ('none/error', 'raise=1', 'by default nothing is stale'))

    for where, _, what in cases + others:
        tap.equal(cached(nginx.get('/' + where)), ('MISS', 200, 'old'),
                  what + ': cached')

    for where, query, what in cases:
        tap.equal(cached(expired('/%s?%s' % (where, query))),
                  ('STALE', 200, 'old'), what + ': stale')
        tap.equal(cached(nginx.get('/%s?body=new' % where)),
                  ('EXPIRED', 200, 'new'), what + ': new')

    for where, query, what in others:
        tap.equal(cached(expired('/%s?%s' % (where, query)))[:2],
                  ('EXPIRED', 500), what)


def updated(tap):
    for path in ('/background', '/updating'):
        nginx.get(path)
        wait_for(lambda: cached(nginx.get(path))[0] == 'HIT', 5,
                 'the first answer in the cache', interval=0.005)

    got = []
    t = threading.Thread(
        target=lambda: got.append(expired('/updating?sleep=1&body=new')))
    t.start()
    wait_for(lambda: nginx.metrics('f')['in_flight'], 5, 'an update')
    tap.equal(cached(nginx.get('/updating')), ('UPDATING', 200, 'old'),
              'stale while updating')
    t.join()
    tap.equal(cached(got[0]), ('EXPIRED', 200, 'new'), 'the update itself')
    # the client has its answer before the file has its name
    wait_for(lambda: cached(nginx.get('/updating'))[0] != 'UPDATING', 5,
             'the end of the update', interval=0.005)
    tap.equal(cached(nginx.get('/updating')), ('HIT', 200, 'new'),
              'after the update')

    r = expired('/background?sleep=0.3&body=new')
    tap.equal(cached(r), ('STALE', 200, 'old'), 'stale before the update')
    r = wait_for(lambda: (lambda r: r.text == 'new' and r)(
        nginx.get('/background')), 5, 'the update', interval=0.05)
    tap.equal(r.status, 200, 'updated in the background')


def revalidated(tap):
    r = nginx.get('/revalidate')
    tap.equal(r.headers['x-conditions'], 'None None',
              'no conditions in the first request')
    wait_for(lambda: cached(nginx.get('/revalidate'))[0] == 'HIT', 5,
             'the first answer in the cache', interval=0.005)
    r = expired('/revalidate?same=1')
    tap.equal(cached(r), ('REVALIDATED', 200, 'old'), 'the same as before')
    tap.equal(cached(nginx.get('/revalidate')), ('HIT', 200, 'old'),
              'good for another second')
    r = expired('/revalidate?body=new')
    tap.equal(cached(r), ('EXPIRED', 200, 'new'), 'not the same as before')
    tap.equal(r.headers['x-conditions'],
              '"1" Thu, 01 Jan 2026 00:00:00 GMT',
              'conditions in the request that refreshes')
    r = nginx.get('/conditions', headers={
        'If-None-Match': '"client"', 'If-Modified-Since': 'x'})
    tap.equal(r.headers['x-conditions'], 'None None',
              'the client\'s conditions stay in front of the cache')


with Tap() as tap, Nginx(workers=2, functions={'f': {'app.py': APP}},
                         http=HTTP, server=SERVER) as nginx:
    collapsed(tap)
    stale(tap)
    updated(tap)
    revalidated(tap)
    nginx.finish(tap)
