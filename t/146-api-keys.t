#!/usr/bin/python3
"""API keys, usage plans and quotas of REST APIs (contract, section 7.8)."""

import collections
import json
import os
import re
import struct
import subprocess
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402

ECHO = '''\
import json

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps(event)}
'''


def value(name):
    """The value of the API key of an id: at least 20 characters."""
    return 'value-of-the-key-' + name


def keys(*ids, **others):
    return [dict(id=i, value=value(i), **others) for i in ids]


PLANS = {'usagePlans': [
    {'name': 'free', 'description': 'no limits',
     'apiKeys': keys('free', name='Free') + keys('off', enabled=False)},
    {'name': 'slow', 'throttle': {'rateLimit': 0.001, 'burstLimit': 2},
     'apiKeys': keys('slow1', 'slow2')},
    {'name': 'day', 'quota': {'limit': 3, 'period': 'DAY'},
     'apiKeys': keys('day1', 'day2', 'day3')},
    {'name': 'week', 'quota': {'limit': 5, 'offset': 4, 'period': 'WEEK'},
     'apiKeys': keys('week')},
    {'name': 'month', 'quota': {'limit': 50, 'period': 'MONTH'},
     'apiKeys': keys('month')}]}

HTTP = '''
    log_format keys "$uri $status $faas_api_key_id|$faas_authorizer|"
                    "$faas_error|$faas_status|$faas_api|$faas_route";

    faas_function f {
        runtime python3; handler app.handler; code {functions}/f;
    }

    faas_api a {
        type rest;
        api_keys {dir}/plans.json;
        authorizer u iam keys={dir}/keys.json;
        cors allow_origins=*;

        route GET /f f api_key=required;
        route GET /fixed return 200 ok api_key=required;
        route GET /none return 200 ok api_key=required rate=0;
        route GET /closed return 200 ok api_key=required authorizer=u;
        route GET /open return 200 ok;
    }
    faas_api b {
        type rest;
        api_keys {dir}/plans.json;
        route GET /b/fixed return 200 ok api_key=required;
    }
'''

SERVER = '''
    access_log {dir}/keys.log keys;
    location / { faas_api_pass a; }
    location /b/ { faas_api_pass b; }
'''

FORBIDDEN = [403, {'message': 'Forbidden'}, 'ForbiddenException']
LIMIT = [429, {'message': 'Limit Exceeded'}, 'LimitExceededException']
RATE = [429, {'message': 'Too Many Requests'}, 'TooManyRequestsException']


def get(nginx, path, *ids):
    names = ['x-api-key', 'X-API-Key']
    return nginx.get(path, headers=dict(zip(names, map(value, ids))))


def refusal(r):
    return [r.status, r.json(), r.headers['x-amzn-errortype']]


def statuses(nginx, key, n, path='/fixed'):
    return [get(nginx, path, key).status for _ in range(n)]


def who(tap, nginx):
    tap.equal(refusal(nginx.get('/f')), FORBIDDEN, 'no key')
    tap.equal(refusal(get(nginx, '/f', 'unknown')), FORBIDDEN,
              'a key that there is not')
    tap.equal(refusal(get(nginx, '/f', 'off')), FORBIDDEN,
              'a key that is disabled')
    tap.equal(refusal(get(nginx, '/f', 'free', 'slow1')), FORBIDDEN,
              'two keys are none')
    r = nginx.get('/f', headers={'X-API-Key': ''})
    tap.equal(refusal(r), FORBIDDEN, 'an empty one, neither')
    tap.equal(nginx.metrics('f')['invocations']
              + sum(nginx.metrics('f')['environments'].values()), 0,
              'what is refused starts nothing')
    for text in ('there is no API key', 'the API key is not known or '
                 'disabled', 'there are several API keys'):
        tap.ok('route "GET /f" of API "a" refused: %s' % text in nginx.log(),
               'the log says that ' + text)
    tap.equal(nginx.get('/open').status, 200, 'other routes need none')
    r = nginx.get('/f', method='OPTIONS', headers={
        'Origin': 'https://a.example', 'Access-Control-Request-Method': 'GET'})
    tap.equal(r.status, 204, 'nor does a preflight')

    identity = get(nginx, '/f', 'free').json()['requestContext']['identity']
    tap.equal([identity['apiKey'], identity['apiKeyId']],
              [value('free'), 'free'], 'the event says whose it is')
    r = nginx.get('/open', headers={'x-api-key': value('free')})
    tap.equal(r.status, 200, 'a key that nobody asks for does no harm')
    nginx.stop()
    with open(os.path.join(nginx.dir, 'keys.log')) as f:
        lines = f.read().splitlines()
    nginx.start()
    # a line is written after the answer: a later request may be first
    tap.equal(lines[:2] + sorted(lines[-2:]),
              ['/f 403 -|-|Gateway.InvalidApiKey|refused|a|GET /f'] * 2
              + ['/f 200 free|-|-|success|a|GET /f',
                 '/open 200 -|-|-|-|-|-'], 'and so does the access log')


def throttles(tap, nginx):
    tap.equal(statuses(nginx, 'slow1', 4), [200, 200, 429, 429],
              'the throttle of a plan')
    tap.equal(refusal(get(nginx, '/fixed', 'slow1')), RATE, 'as it is said')
    tap.equal(statuses(nginx, 'slow2', 3), [200, 200, 429],
              'each key has its own')
    tap.equal(get(nginx, '/b/fixed', 'slow2').status, 429,
              'in all APIs of the file')


def quotas(tap, nginx):
    tap.equal(statuses(nginx, 'day1', 2, '/none')
              + statuses(nginx, 'day1', 2, '/closed'), [429, 429, 403, 403],
              'what is refused for other reasons')
    tap.equal(statuses(nginx, 'day1', 5), [200] * 3 + [429] * 2,
              'does not count, and the quota does')
    tap.equal(refusal(get(nginx, '/f', 'day1')), LIMIT, 'as it is said')
    tap.ok('the quota of usage plan "day" is used up by API key "day1"'
           in nginx.log(), 'and logged')
    tap.equal(statuses(nginx, 'day2', 1), [200], 'each key has its own')
    tap.equal(statuses(nginx, 'week', 3), [200, 429, 429], 'an offset')


def logged(tap, nginx):
    """What the access log says of what an API has refused."""
    get(nginx, '/nowhere', 'free')
    nginx.stop()
    with open(os.path.join(nginx.dir, 'keys.log')) as f:
        lines = f.read().splitlines()
    nginx.start()
    for line in ('/fixed 429 slow1|-|Gateway.Throttled|refused|a|GET /fixed',
                 '/closed 403 day1|u|Gateway.AccessDenied|refused|a|'
                 'GET /closed',
                 '/fixed 429 day1|-|Gateway.QuotaExceeded|refused|a|'
                 'GET /fixed',
                 '/nowhere 403 -|-|Gateway.ResourceNotFound|refused|a|-'):
        tap.ok(line in lines, 'a line of the log: ' + line.split('|')[2],
               '\n'.join(lines))


def race(tap, nginx):
    """All workers count in the same place."""
    seen = collections.Counter()
    lock = threading.Lock()

    def some():
        for status in statuses(nginx, 'month', 20):
            with lock:
                seen[status] += 1

    threads = [threading.Thread(target=some) for _ in range(8)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    tap.equal(dict(seen), {200: 50, 429: 110}, 'requests at the same time')


def lives(tap, nginx):
    size = os.path.getsize(path(nginx))
    nginx.reload()
    tap.equal(statuses(nginx, 'day1', 1) + statuses(nginx, 'day2', 1),
              [429, 200], 'a reload forgets nothing')
    tap.equal(os.path.getsize(path(nginx)), size, 'nor does the file grow')

    plans = json.loads(json.dumps(PLANS))
    plans['usagePlans'][2]['apiKeys'] += keys('day0', 'day4')
    plans['usagePlans'][2]['quota']['limit'] = 4
    write(nginx, 'plans.json', plans)
    nginx.reload()
    tap.equal([statuses(nginx, 'day1', 2), statuses(nginx, 'day0', 5),
               statuses(nginx, 'day2', 3)],
              [[200, 429], [200] * 4 + [429], [200, 200, 429]],
              'more keys, and a higher limit')
    tap.equal(os.path.getsize(path(nginx)), size + 2 * 32,
              'an entry for each of them')

    nginx.stop()
    nginx.start()
    tap.equal(statuses(nginx, 'day0', 1) + statuses(nginx, 'day3', 1),
              [429, 200], 'a restart forgets nothing, either')


def path(nginx):
    return os.path.join(nginx.dir, 'state', 'quotas')


def periods(tap, nginx):
    """A day later, as far as the file is concerned."""
    today = int(time.time()) // 86400
    with open(path(nginx), 'r+b') as f:
        data = f.read()
        for at in range(32, len(data), 32):
            used = struct.unpack_from('<Q', data, at + 16)[0]
            if used >> 40 == today:
                f.seek(at + 16)
                f.write(struct.pack('<Q', used - (1 << 40)))
    tap.equal(statuses(nginx, 'day0', 5), [200] * 4 + [429],
              'a new day, a new quota')
    tap.equal(oct(os.stat(path(nginx)).st_mode & 0o777), '0o600',
              'nobody else can read or write the counts')


def damaged(tap, nginx):
    nginx.stop()
    with open(path(nginx), 'wb') as f:
        f.write(b'not a file of quotas' * 10)
    nginx.allow(r'is not a file of quotas: counts begin anew')
    nginx.start()
    tap.equal(statuses(nginx, 'day0', 5), [200] * 4 + [429],
              'what is no file of quotas')
    with open(path(nginx) + '.bad', 'rb') as f:
        tap.ok(f.read().startswith(b'not a file'), 'is kept')


def cannot(tap, nginx):
    """A state directory that no file can be made in."""
    nginx.stop()
    os.unlink(path(nginx))
    os.mkdir(path(nginx))
    nginx.allow(r'file of quotas ".*" cannot be opened')
    done = subprocess.run(nginx.command(), env=nginx.env,
                          stdin=subprocess.DEVNULL, timeout=60)
    tap.ok(done.returncode != 0
           and re.search('file of quotas ".*" cannot be opened', nginx.log()),
           'without a file nginx does not start')
    os.rmdir(path(nginx))


def without(tap):
    """An API of which no route leads to a function."""
    nginx = Nginx(server='location / { faas_api_pass a; }', http='''
        faas_api a {
            type rest;
            api_keys {dir}/plans.json;
            route GET /fixed return 200 ok api_key=required;
        }''')
    write(nginx, 'plans.json', PLANS)
    try:
        subprocess.run(nginx.command(), env=nginx.env, check=True,
                       stdin=subprocess.DEVNULL, timeout=60)
        wait_for(nginx.listens, 10, 'nginx listening')
        tap.equal(statuses(nginx, 'day1', 4), [200] * 3 + [429],
                  'quotas without a function')
        nginx.finish(tap)
    finally:
        nginx.destroy()


def write(nginx, name, data):
    with open(os.path.join(nginx.dir, name), 'w') as f:
        json.dump(data, f)
    os.chmod(f.name, 0o640)


def main():
    nginx = Nginx(http=HTTP, server=SERVER, workers=2,
                  functions={'f': {'app.py': ECHO}})
    write(nginx, 'plans.json', PLANS)
    write(nginx, 'keys.json', {'keys': [
        {'accessKeyId': 'A', 'secretAccessKey': 'a',
         'policy': {'Statement': []}}]})

    with Tap() as tap, nginx:
        who(tap, nginx)
        throttles(tap, nginx)
        quotas(tap, nginx)
        race(tap, nginx)
        logged(tap, nginx)
        lives(tap, nginx)
        periods(tap, nginx)
        damaged(tap, nginx)
        cannot(tap, nginx)
        nginx.finish(tap)
        without(tap)


main()
