#!/usr/bin/python3
"""Metering is exact: a mix of everything that can become of a request.

Expected: what clients saw, what the functions counted themselves, what the
access log says and what faas_status says agree to the last invocation,
microsecond and billed millisecond: successes, handled and unhandled errors,
timeouts, crashes, client aborts, throttles, refusals, cold starts, while
environments die and nginx reloads.
"""

import math
import os
import re
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (LOG, LOG_FORMAT, app, executions, function,  # noqa
                        invocations, message, progress, records, send,
                        settled)

MEMORY = 128
TIMEOUT = 1


def status(code, pause=0.03):
    """A check: is this the answer?  After a throttled one the client waits
    a little, as it should."""
    def check(r, n):
        if r.status == 429:
            time.sleep(pause)
        return r.status == code and (code == 200 or message(r) is not None)
    return check


# what is asked for, the answer, connections, requests; each has numbers of
# its own, so that executions can be told apart

MIX = (('ok', '&do=sleep&s=0.012', 200, 4, 300),
       ('wait', '&do=sleep&s=0.02', 200, 4, 60),
       ('raise', '&do=raise', 500, 1, 60),
       ('bad', '&do=bad', 500, 1, 40),
       ('exit', '&do=exit', 500, 1, 12),
       ('fault', '&do=fault', 500, 1, 6),
       ('oom', '&do=oom', 500, 1, 4),
       ('timeout', '&do=sleep&s=30', 500, 1, 4))

with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app(trace=True)}},
        http=LOG_FORMAT
        + function('f', 'concurrency 6', 'queue 7 timeout=1s',
                   'timeout %ds' % TIMEOUT, 'memory %dm' % MEMORY),
        server=LOG + '''
        location / { faas_pass f; }
        location /leave { faas_pass f; faas_ignore_client_abort off; }
        location /small { faas_pass f; faas_request_max 100; }
        ''') as nginx:

    isolation = nginx.status()['isolation']
    loads = {}
    for i, (name, do, code, connections, requests) in enumerate(MIX):
        loads[name] = nginx.load(
            '/?n=%d{n:05d}%s' % (i + 1, do), connections=connections,
            requests=requests, timeout=30,
            check=status(code, 0.03 if requests > 10 else 0.3))

    # clients that leave, with and without anybody who cares

    left = {'/': 0, '/leave': 0}

    def leave(path, k):
        s = send(nginx, '%s?n=9%05d&do=sleep&s=0.4' % (path, k))
        try:
            wait_for(lambda: '=9%05d=' % k in nginx.log(), 5 * SLOW)
            left[path] += 1
        except TimeoutError:
            pass                         # it was throttled
        s.close()

    # one after the other, so that most find room

    def leavers():
        for k in range(8):
            leave('/' if k % 2 else '/leave', k)

    quitter = threading.Thread(target=leavers)
    quitter.start()

    for i in range(3):
        before = sum(load.tally.sent for load in loads.values())
        wait_for(lambda: sum(load.tally.sent for load in loads.values())
                 > before + 60 or not any(t.is_alive() for load in
                                          loads.values()
                                          for t in load.threads), 30 * SLOW)
        nginx.reload()

    quitter.join()
    tallies = {name: load.join() for name, load in loads.items()}

    big = nginx.load('/small?n=8{n:05d}', connections=1, requests=5,
                     method='POST', body=b'x' * 200,
                     check=status(413)).join()

    m = settled(nginx, 'f', 20)
    c = m['counters']
    ran = executions(nginx)

    # clients

    throttled = sum(t.outcomes[429] for t in tallies.values())
    ok = {name: t.ok for name, t in tallies.items()}
    for name, t in tallies.items():
        tap.ok(t.complete and set(t.outcomes) <= {'ok', 429},
               '%s: answered as expected, or throttled' % name, t)
    tap.equal(big.ok, 5, 'too large: refused')

    # clients and metering; where no group counts for all processes together
    # each is refused memory beyond its limit, a MemoryError in Python

    refused = ok['oom'] if isolation == 'user' else 0
    tap.equal(m['successes'], ok['ok'] + ok['wait'] + left['/'],
              'successes: what clients got, and those who left')
    tap.equal(m['errors']['handled'], ok['raise'] + refused,
              'handled errors')
    tap.equal(m['errors']['unhandled'], ok['bad'] + left['/leave'],
              'unhandled errors: bad answers, clients that left')
    tap.equal(m['timeouts'], ok['timeout'], 'timeouts')
    tap.equal(m['crashes'], ok['exit'] + ok['fault'] + ok['oom'] - refused,
              'crashes')
    tap.equal(c['bad_response'], ok['bad'], 'bad answers')
    if isolation == 'full':
        tap.equal(c['out_of_memory'], ok['oom'], 'out of memory')
    else:
        tap.skip('out of memory', 'limits are sampled')
    tap.equal(c['client_aborts'], left['/leave'], 'client aborts')
    tap.equal(c['request_too_large'], 5, 'requests too large')
    tap.equal(c['throttles_concurrency'] + c['throttles_queue_full']
              + c['throttles_queue_timeout'] + c['throttles_capacity'],
              throttled + 8 - left['/'] - left['/leave'],
              'throttles: what clients saw')
    tap.ok(min(ok.values()) > 0 and throttled > 0, 'there was some of all',
           (ok, throttled))
    tap.equal(m['invocations'], invocations(m), 'the sum is right')

    # functions and metering

    tap.equal(len(ran), len(set(ran)), 'no request was executed twice')
    tap.equal(len(ran), m['invocations'],
              'invocations: what the functions counted')

    # the access log and metering

    wait_for(lambda: len(records(nginx)) >= sum(t.sent for t in
                                                tallies.values()) + 5 + 8,
             5 * SLOW, 'all in the access log')
    log = [r for r in records(nginx) if r['fn'] == 'f' and r['env']]
    how = {}
    for r in log:
        how[r['how']] = how.get(r['how'], 0) + 1
    tap.equal(how, {'success': m['successes'],
                    'error': m['errors']['handled']
                    + m['errors']['unhandled'],
                    'timeout': m['timeouts'], 'crash': m['crashes']},
              'access log: outcomes')

    us = [round(float(r['ms']) * 1000) for r in log]
    tap.equal(sum(us), c['duration_us'], 'access log: durations')
    tap.equal(sum(int(r['billed']) for r in log), c['billed_ms'],
              'access log: billed milliseconds')
    cold = [r for r in log if r['cold'] == '1']
    init = sum(round(float(r['init']) * 1000) for r in cold)
    tap.equal((len(cold), init), (c['cold_starts'], c['init_us']),
              'access log: cold starts')
    wrong = [r for r in log if int(r['billed']) != math.ceil(
        round(float(r['ms']) * 1000
              + (float(r['init']) * 1000 if r['cold'] == '1' else 0)) / 1000)]
    tap.equal(wrong, [], 'billed: rounded up to milliseconds, with init')
    tap.equal(c['billed_mb_ms'], c['billed_ms'] * MEMORY, 'times memory')
    tap.ok(abs(m['gb_ms'] - c['billed_mb_ms'] / 1024) < 0.01,
           'in gigabyte milliseconds', m['gb_ms'])
    tap.equal({r['ms'] for r in log if r['how'] == 'timeout'},
              {'%d.000' % (TIMEOUT * 1000)}, 'a timeout lasts the timeout')
    queue = sum(round(float(r['queue']) * 1000) for r in log)
    tap.equal(queue, c['queue_us'], 'access log: time in the queue')

    us.sort()
    for key, q in (('p50', 0.5), ('p90', 0.9), ('p99', 0.99)):
        exact = us[max(0, math.ceil(q * len(us)) - 1)]
        tap.ok(abs(m['duration_quantiles_us'][key] - exact) <= 0.04 * exact,
               'the histogram: ' + key,
               (m['duration_quantiles_us'][key], exact))

    # environments

    used = set(re.findall(r'function "f" environment (\S+) \(pid \d+\): '
                          r'=\d+=', nginx.log()))
    tap.equal(len(used), c['cold_starts'],
              'cold starts: environments that served')
    e = m['environments']
    tap.equal(c['environments_started'] - c['environments_ended'],
              e['idle'], 'environments: started less ended are there')
    if isolation == 'full':
        tap.ok(m['peak_memory_bytes'] == MEMORY << 20,
               'peak memory: the limit', m['peak_memory_bytes'])

    nginx.finish(tap)
