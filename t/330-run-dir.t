#!/usr/bin/python3
"""The run directory is removed while nginx runs, under load.

Expected: the supervisor makes it again within seconds and replaces the
environments, whose sockets are lost; requests that come meanwhile wait.
None fails.  After that everything works as before: cold starts, a reload, a
supervisor that dies, the end; and no second supervisor can start beside the
first.
"""

import os
import shutil
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        progress, settled, together, warm)

with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'concurrency 8',
                                   'queue 100 timeout=10s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    nginx.allow(r'run/v1" was removed, making it again',
                r'connect\(\) to f/[0-9.]+ failed \(2: No such file')
    run = os.path.join(nginx.dir, 'run')
    warm(nginx, 'f', 4)
    supervisor = nginx.supervisor
    right = Answers()
    load = nginx.load('/?n={n}', connections=4, seconds=120, check=right)
    progress(load, 100)

    def removed(what, path):
        """Removes a part; waits until all of it is there again."""
        start = len(nginx.log())
        shutil.rmtree(path)
        wait_for(lambda: os.path.exists(run + '/v1/doorbell')
                 and os.path.exists(run + '/v1/env')
                 and len(os.listdir(run + '/v1/workers')) == 2,
                 10 * SLOW, '%s again' % what)
        cold = together(nginx, '/?n={n}&do=sleep&s=0.2', 6)
        tap.equal([r.status for r in cold], [200] * 6,
                  '%s removed: cold requests are answered' % what)
        progress(load, 200)
        tap.equal(load.tally.failed, 0, 'no request has failed')
        tap.equal(nginx.log()[start:].count('was removed, making it again; '
                                            'environments'), 1,
                  'the log says it once')

    removed('run directory', run)
    removed('layout folder', run + '/v1')
    removed('folder of environments', run + '/v1/env')
    tap.equal(nginx.supervisor, supervisor, 'the supervisor is the same')

    # what another start of nginx with this run directory would find

    tap.ok(os.path.exists(run + '/v1/lock'), 'there is a lock again')
    r = os.system('flock -n %s/v1/lock true' % run)
    tap.ok(r != 0, 'and it is held')

    nginx.reload()
    progress(load, 100)
    tap.equal(nginx.supervisor, supervisor, 'a reload starts no other one')

    nginx.write_function('f', {'app.py': app('2')})
    nginx.reload()
    wait_for(lambda: right.by.get('2'), 10 * SLOW, 'version 2')
    tap.ok(True, 'a reload takes effect')
    tally = load.stop()
    tap.ok(tally.complete and not tally.failed, 'no request failed', tally)
    tap.ok(max(tally.times) < 5 * SLOW, 'none waited long',
           max(tally.times))
    m = settled(nginx, 'f')
    tap.equal(m['invocations'], m['successes'], 'nothing but successes')

    nginx.finish(tap)
