#!/usr/bin/python3
"""The state directory is full, then read-only.

Expected: requests go on.  What could not be saved is counted (ledger_errors)
and logged, once; when there is room again it is saved.  If nginx is stopped
while it cannot be saved, the totals wait in the run directory and are there
after the next start.
"""

import json
import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, skip_all, wait_for   # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        progress, settled)


def mount(*args):
    subprocess.run(['mount'] + list(args), check=True)


if os.geteuid() != 0:
    skip_all('needs root, to make a small file system')

with Tap() as tap, Nginx(
        functions={'f': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'concurrency 4',
                                   'queue 100 timeout=10s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    nginx.allow('cannot write ".*ledger.json"')
    state = os.path.join(nginx.dir, 'state')
    ledger = os.path.join(state, 'ledger.json')

    def errors():
        return nginx.status()['supervisor']['ledger_errors']

    def saved():
        try:
            with open(ledger) as f:
                totals = json.load(f)['functions']['f']['outcomes']
        except (OSError, ValueError, KeyError):
            return 0
        return totals['success']

    nginx.stop()
    mount('-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', state)
    try:
        nginx.start()
        right = Answers()
        load = nginx.load('/?n={n}&do=sleep&s=0.02', connections=2, seconds=60, check=right)
        wait_for(saved, 10 * SLOW, 'the first totals')

        # full

        fd = os.open(os.path.join(state, 'fill'), os.O_WRONLY | os.O_CREAT)
        try:
            while os.write(fd, bytes(4096)):
                pass
        except OSError:
            os.close(fd)
        wait_for(lambda: errors() > 0, 10 * SLOW, 'an error')
        nginx.wait_log(r'\[alert\].*cannot write .*totals would not survive')
        size = os.path.getsize(ledger)
        tap.ok(saved() > 0 and size > 0,
               'full: what was there before is as it was')
        os.unlink(os.path.join(state, 'fill'))
        before = load.tally.ok
        wait_for(lambda: saved() >= before, 12 * SLOW, 'totals')
        nginx.wait_log('is written again')
        tap.ok(True, 'room again: it is saved again')

        # read-only, until the end

        mount('-o', 'remount,ro', state)
        progress(load, 20)
        tally = load.stop()
        tap.ok(tally.complete and not tally.failed,
               'no request failed all the time', tally)
        m = settled(nginx, 'f')
        tap.equal(m['successes'], tally.ok, 'all are counted')

        left = nginx.stop()
        tap.ok(not left, 'it ends nevertheless', left)
        tap.ok(saved() < tally.ok, 'without having saved all')
        tap.equal(nginx.log().count('[alert]'), 2,
                  'a line in the log each time')

        # not even at the next start

        nginx.start()
        wait_for(lambda: nginx.get('/?n=1').status == 200, 5 * SLOW)
        tap.equal(nginx.metrics('f')['successes'], tally.ok + 1,
                  'the next start has the totals')
        nginx.stop()
        mount('-o', 'remount,rw', state)
        nginx.start()
        tap.equal(nginx.metrics('f')['successes'], tally.ok + 1,
                  'and the one after it')
        nginx.stop()
        tap.equal(saved(), tally.ok + 1, 'where all is saved in the end')
        tap.equal(json.load(open(ledger))['functions']['f']['counters']
                  ['cold_starts'], m['counters']['cold_starts'] + 1,
                  'with all counters')
    finally:
        nginx.stop()
        subprocess.run(['umount', state])

    nginx.finish(tap)
