#!/usr/bin/python3
"""Binary upgrade under load, and its rollback.

Expected: USR2, WINCH to the old master, QUIT to it: not one request fails,
environments keep their processes, the supervisor serves both masters and goes
on for the new one; a reload, a cold start and the end work as before.
Rollback (USR2, WINCH, then HUP to the old master and QUIT to the new one):
the same, with the old master.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_proc                                        # noqa: E402
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        pids, progress, settled, together, warm)


def gone(pid):
    wait_for(lambda: not faas_proc.alive(pid), 20 * SLOW, 'end of %d' % pid)


with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app()}},
        http=LOG_FORMAT + function('f', 'concurrency 8',
                                   'queue 100 timeout=10s'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    before = warm(nginx, 'f', 4)
    supervisor = nginx.supervisor
    right = Answers()
    load = nginx.load('/?n={n}', connections=4, seconds=120, check=right)
    progress(load, 100)

    # rollback

    old, new = nginx.upgrade()
    progress(load, 100)
    tap.ok(nginx.workers_of(old) and nginx.workers_of(new),
           'two masters with workers')
    nginx.kill(signal.SIGWINCH, old)
    wait_for(lambda: not nginx.workers_of(old), 20 * SLOW, 'old workers end')
    progress(load, 100)
    nginx.kill(signal.SIGHUP, old)
    wait_for(lambda: nginx.workers_of(old), 20 * SLOW, 'old workers again')
    nginx.kill(signal.SIGQUIT, new)
    gone(new)
    wait_for(lambda: nginx.master == old, 5 * SLOW, 'the pid file')
    progress(load, 100)
    tap.equal(load.tally.failed, 0, 'rollback: no request failed')
    tap.equal(pids(nginx, 'f'), before, 'the same environments')
    tap.equal(nginx.supervisor, supervisor, 'the same supervisor')

    nginx.reload()
    progress(load, 100)
    tap.equal(pids(nginx, 'f'), before, 'after a reload, too')

    # the upgrade

    old, new = nginx.upgrade()
    progress(load, 100)
    nginx.kill(signal.SIGWINCH, old)
    wait_for(lambda: not nginx.workers_of(old), 20 * SLOW, 'old workers end')
    progress(load, 100)
    nginx.kill(signal.SIGQUIT, old)
    gone(old)
    progress(load, 100)
    tap.equal(nginx.master, new, 'upgrade: the new master')
    tap.equal(load.tally.failed, 0, 'no request failed')
    tap.equal(pids(nginx, 'f'), before, 'the same environments')
    tap.equal(nginx.supervisor, supervisor, 'the same supervisor')

    # and on: a reload, cold starts, a new version, a dead supervisor

    nginx.reload()
    progress(load, 100)
    cold = together(nginx, '/?n={n}&do=sleep&s=0.2', 3)
    tap.equal([r.status for r in cold], [200] * 3, 'cold requests')
    os.kill(supervisor, signal.SIGKILL)
    nginx.allow('supervisor was killed by signal 9')
    wait_for(lambda: nginx.status()['supervisor']['pid']
             not in (0, supervisor), 5 * SLOW, 'another supervisor')
    nginx.write_function('f', {'app.py': app('2')})
    nginx.reload()
    wait_for(lambda: right.by.get('2'), 20 * SLOW, 'version 2')
    progress(load, 100)
    tally = load.stop()
    tap.ok(tally.complete and not tally.failed,
           'all of it without a failed request', tally)
    m = settled(nginx, 'f')
    tap.equal(m['crashes'] + m['timeouts'], 0, 'nothing crashed')

    # USR2 when the new binary cannot start

    good = open(nginx.conf).read()
    with open(nginx.conf, 'w') as f:
        f.write('no configuration\n')
    master = nginx.master
    nginx.allow('unknown directive "no"', 'unexpected end of file',
                # sanitized: it ends with nginx's own first pool in memory
                'LeakSanitizer: detected',
                r'AddressSanitizer: 1024 byte\(s\) leaked in 1 alloc')
    start = len(nginx.log())
    nginx.kill(signal.SIGUSR2)
    nginx.wait_log(r'\[emerg\].*(unknown directive|unexpected end)', 10,
                   start)
    nginx.wait_log('exited with code 1', 10, start)
    with open(nginx.conf, 'w') as f:
        f.write(good)
    tap.equal((nginx.master, nginx.get('/?n=4').status), (master, 200),
              'a binary that does not start changes nothing')

    nginx.finish(tap)
