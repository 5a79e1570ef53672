#!/usr/bin/python3
"""How many environments there are, and how long.

Expected: N requests at a time to a cold function start N environments at
most, and never more than its concurrency.  Provisioned environments are there
before the first request, one that dies is replaced, one that is used up or
old is replaced before it goes.  An environment serves max_requests and no
more, ends when it is older than max_age, or idle for idle_timeout, without a
failed request.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        pids, progress, settled, together)

CODE = {'app.py': app()}
SLOWLY = {'app.py': app(init='time.sleep(0.3)')}

with Tap() as tap, Nginx(
        workers=2,
        functions={'cold': SLOWLY, 'few': SLOWLY, 'prov': CODE, 'used': CODE,
                   'aged': CODE, 'idle': CODE},
        http=LOG_FORMAT
        + function('cold')
        + function('few', 'concurrency 3', 'queue 100 timeout=10s')
        + function('prov', 'provisioned 2', 'concurrency 4',
                   'queue 100 timeout=10s', 'max_requests 40')
        + function('used', 'concurrency 2', 'queue 100 timeout=10s',
                   'max_requests 7')
        + function('aged', 'concurrency 2', 'queue 100 timeout=10s',
                   'max_age 1s')
        + function('idle', 'idle_timeout 1s'),
        server=LOG + 'location ~ ^/(?<name>[a-z]+)$ { faas_pass $name; }'
        ) as nginx:

    def count(name, counter):
        return nginx.metrics(name)['counters'][counter]

    # provisioned: there before anybody asks

    wait_for(lambda: nginx.metrics('prov')['environments']['idle'] == 2,
             10 * SLOW, 'provisioned environments')
    nginx.get('/idle?n=1')
    r = nginx.get('/prov?n=1')
    tap.equal(count('prov', 'environments_started'), 2,
              'provisioned: as many as configured')

    # no more than are asked for

    for n in 1, 4, 8:
        before = count('cold', 'environments_started')
        idle = nginx.metrics('cold')['environments']['idle']
        answers = together(nginx, '/cold?n={n}&do=sleep&s=0.5', n)
        m = settled(nginx, 'cold')
        started = m['counters']['environments_started'] - before
        tap.equal([a.status for a in answers], [200] * n,
                  '%d requests at a time' % n)
        tap.equal(started, n - idle, '%d requests: %d are there, the others '
                  'are started' % (n, idle))

    answers = together(nginx, '/few?n={n}&do=sleep&s=0.05', 16)
    tap.equal([a.status for a in answers], [200] * 16,
              'more requests than concurrency')
    tap.ok(count('few', 'environments_started') <= 3,
           'no more environments than concurrency')
    tap.equal(len({a.text.split()[2] for a in answers}), 3,
              'but all of these')

    # provisioned: replaced

    before = wait_for(lambda: pids(nginx, 'prov'), 5 * SLOW)
    os.kill(list(before.values())[0], signal.SIGKILL)
    wait_for(lambda: count('prov', 'environments_started') == 3, 5 * SLOW,
             'another one')
    wait_for(lambda: nginx.metrics('prov')['environments']['idle'] == 2,
             5 * SLOW, 'two again')
    tap.ok(True, 'provisioned: one that dies is replaced')

    right = Answers()
    load = nginx.load('/prov?n={n}&do=sleep&s=0.005', connections=2,
                      seconds=60, check=right)
    used = Answers()
    load2 = nginx.load('/used?n={n}', connections=2, requests=300, check=used)
    aged = Answers()
    load3 = nginx.load('/aged?n={n}&do=sleep&s=0.01', connections=1,
                       seconds=60, check=aged)
    wait_for(lambda: len(right.ids) > 5, 20 * SLOW, 'several of them')
    tally = load.stop()
    tap.ok(tally.complete and not tally.failed,
           'provisioned and used up: no failure', tally)
    tap.ok(max(right.ids.values()) <= 40, 'none serves more than its share',
           right.ids)
    wait_for(lambda: nginx.metrics('prov')['environments']['idle'] == 2,
             5 * SLOW, 'two again')
    tap.ok(True, 'provisioned: two in the end')

    # used up

    tally = load2.join()
    tap.ok(tally.complete and not tally.failed, 'used up: no failure', tally)
    tap.ok(max(used.ids.values()) <= 7, 'none serves more than its share',
           max(used.ids.values()))
    m = settled(nginx, 'used')
    tap.equal(m['counters']['cold_starts'], len(used.ids),
              'each is a cold start')

    # old

    wait_for(lambda: len(aged.ids) > 2, 20 * SLOW, 'older ones replaced')
    tally = load3.stop()
    tap.ok(tally.complete and not tally.failed, 'old: no failure', tally)

    # idle

    wait_for(lambda: nginx.metrics('idle')['environments']['idle'] == 0,
             20 * SLOW, 'the end of an idle one')
    tap.equal((nginx.get('/idle?n=2').status,
               count('idle', 'environments_started')), (200, 2),
              'idle: ends, and another one is started')

    # the reasons are in the log

    log = nginx.log()
    for name, why in (('used', 'requests'), ('aged', 'age'),
                      ('idle', 'idle'), ('prov', 'requests')):
        tap.ok('function "%s" environment' % name in log
               and any('"%s"' % name in line and 'ended: ' + why in line
                       for line in log.splitlines()),
               '%s: the log says why' % name)

    nginx.finish(tap)
