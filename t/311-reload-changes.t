#!/usr/bin/python3
"""Reloads that change something, each under load on all functions.

Expected: changed code or settings of the process: new environments answer
once they are ready, the old ones end after what they run, no request fails.
Changed limits: the same environments go on with the new limits.  A function
that is not configured any more: its environments end after their last
invocation and requests are answered 404.  A new function is served from the
reload on.  A new version that does not start: the last good one goes on
serving, the error log says so, and the version that works takes over.
"""

import os
import re
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        message, pids, progress, settled, states, together,
                        warm)

LIMITS = ('concurrency 4', 'queue 100 timeout=10s')


def conf(**functions):
    """By name the settings of each function."""
    return LOG_FORMAT + ''.join(function(name, *settings)
                                for name, settings in functions.items())


with Tap() as tap, Nginx(
        workers=2,
        functions={'f': {'app.py': app('1')}, 'same': {'app.py': app('s')},
                   'gone': {'app.py': app('g')}, 'new': {'app.py': app('n')}},
        http=conf(f=LIMITS, same=LIMITS, gone=LIMITS),
        server=LOG + 'location ~ ^/(?<name>[a-z]+)$ { faas_pass $name; }'
        ) as nginx:

    first = warm(nginx, 'f', 3, '/f')
    same = warm(nginx, 'same', 2, '/same')
    warm(nginx, 'gone', 2, '/gone')

    right = Answers()
    load = nginx.load('/f?n={n}&do=sleep&s=0.003', connections=3,
                      seconds=120, check=right)
    unchanged = Answers({'s'})
    load2 = nginx.load('/same?n={n}', connections=1, seconds=120,
                       check=unchanged)

    def live(version):
        """Waits until only this version answers."""
        wait_for(lambda: right.order and right.order[-1] == version,
                 20 * SLOW, 'version %s' % version)
        progress(load, 60)
        return right.order[-1] == version

    progress(load, 60)

    # code

    nginx.write_function('f', {'app.py': app('2')})
    nginx.reload()
    tap.ok(live('2'), 'changed code answers')
    old = right.by['1']
    progress(load, 60)
    tap.equal(right.by['1'], old, 'and the old one never after it')
    m = wait_for(
        lambda: nginx.metrics('f')['environments']['drain'] == 0
        and nginx.metrics('f'), 5 * SLOW)
    tap.ok(not set(first.values()) & set(nginx.environments()),
           'its environments are gone')
    tap.ok(m['environments']['idle'] + m['environments']['busy'] >= 3,
           'as many new ones as there were', m['environments'])

    # limits only

    before = pids(nginx, 'f')
    nginx.write_conf(http=conf(f=LIMITS + ('timeout 7s', 'max_age 1h',
                                           'idle_timeout 99s'),
                               same=LIMITS, gone=LIMITS))
    nginx.reload()
    wait_for(lambda: nginx.metrics('f')['timeout_ms'] == 7000, 5 * SLOW)
    progress(load, 60)
    tap.equal(pids(nginx, 'f'), before, 'new limits, the same environments')

    # what a process has from its start

    nginx.write_conf(http=conf(f=LIMITS + ('memory 192m',
                                           'environment STAGE=b'),
                               same=LIMITS, gone=LIMITS))
    nginx.reload()
    wait_for(lambda: not set(before.values()) & set(nginx.environments()),
             20 * SLOW, 'the end of the old environments')
    progress(load, 60)
    tap.equal(nginx.metrics('f')['memory_mb'], 192,
              'new memory, new environments')

    # a broken one

    start = len(nginx.log())
    right.order.clear()
    nginx.write_function('f', {'app.py': 'def handler(:\n'})
    nginx.reload()
    nginx.wait_log('new version of function "f" failed to start', 10, start)
    progress(load, 60)
    tap.ok(re.search(r'new version of function "f" failed to start: init '
                     r'error: .*SyntaxError.*; version \d+ goes on serving',
                     nginx.log()[start:]),
           'a broken version: the log says so', nginx.log()[start:][-2000:])
    tap.equal(right.order, ['2'], 'the last good one goes on serving')

    nginx.write_function('f', {'app.py': app('3', 'raise KeyError("x")')})
    nginx.reload()
    nginx.wait_log('new version of function "f" failed.*KeyError', 10, start)
    tap.equal(right.order, ['2'], 'another broken one as well')

    nginx.write_function('f', {'app.py': app('4')})
    nginx.reload()
    tap.ok(live('4'), 'the one that works takes over')

    # added and removed

    tap.equal(nginx.get('/new?n=1').status, 404, 'not configured: 404')
    before = nginx.metrics('gone')['invocations']
    last = []
    running = threading.Thread(target=lambda: last.append(
        nginx.get('/gone?n=1&do=sleep&s=1.5')))
    running.start()
    wait_for(lambda: nginx.metrics('gone')['in_flight'] == 1, 5 * SLOW)
    nginx.write_conf(http=conf(f=LIMITS, same=LIMITS, new=LIMITS))
    nginx.reload()
    tap.equal(nginx.get('/new?n=1').text.split()[:2], ['1', 'n'],
              'an added function is served')
    r = nginx.get('/gone?n=1')
    tap.equal((r.status, message(r)), (404, 'Not Found'),
              'a removed one is not found')
    running.join()
    tap.equal(last[0].text.split()[:2], ['1', 'g'],
              'its last invocation ended well')
    wait_for(lambda: not pids(nginx, 'gone'), 10 * SLOW,
             'the end of its environments')
    wait_for(lambda: 'gone' not in [f['name'] for f in
                                    nginx.status()['functions']],
             5 * SLOW, 'its end on the status page')

    # and back

    nginx.write_conf(http=conf(f=LIMITS, same=LIMITS, gone=LIMITS))
    nginx.reload()
    tap.equal(nginx.get('/gone?n=1').text.split()[:2], ['1', 'g'],
              'configured again it is served again')
    tap.equal(nginx.metrics('gone')['invocations'], before + 2,
              'and its totals are still there')

    tally, tally2 = load.stop(), load2.stop()
    failed = {k: v for k, v in tally.outcomes.items() if k != 'ok'}
    tap.ok(tally2.complete and not tally2.failed,
           'no request to an unchanged function failed', tally2)
    tap.ok(tally.complete and not failed, 'no request failed', tally)
    tap.equal(pids(nginx, 'same'), same, 'unchanged all the time')

    nginx.finish(tap)
