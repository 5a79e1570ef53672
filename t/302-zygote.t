#!/usr/bin/python3
"""Zygotes are killed under load: the Python interpreter that environments are
forked from, and the spawner that starts Node environments.

Expected: environments that exist do not notice, no warm request fails.  A
cold request that comes when the zygote is gone, or whose environment it was
about to make, waits for the next zygote and is answered.  The log says that
a zygote died and no process is left without an owner.
"""

import os
import signal
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_proc                                        # noqa: E402
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        pids, progress, settled, states, together,
                        warm)

NODE = '''
const id = require("crypto").randomBytes(4).toString("hex");
exports.handler = async (event) => {
    const q = event.queryStringParameters || {};
    if (q.do === "sleep") {
        await new Promise(r => setTimeout(r, 1000 * q.s));
    }
    return {statusCode: 200, body: `${q.n} 1 ${id}`};
};
'''


def zygote(nginx, what):
    """The zygote whose command line has WHAT in it, and is up."""
    for pid in nginx.zygotes():
        p = faas_proc.process(pid)
        if p and what in p.cmdline and p.ppid == nginx.supervisor:
            children = [c for c in faas_proc.descendants(nginx.supervisor)
                        if c.pid == pid]
            return children[0].pid if children else None
    return None


with Tap() as tap, Nginx(
        functions={'py': {'app.py': app()}, 'js': {'index.js': NODE}},
        http=LOG_FORMAT + 'faas_blanks python3 0;\nfaas_blanks nodejs 0;\n'
        + function('py') + function('js', runtime='nodejs',
                                    handler='index.handler'),
        server=LOG + 'location /py { faas_pass py; }\n'
                     'location /js { faas_pass js; }') as nginx:

    nginx.allow(r'zygote \S+ \(pid \d+\) was killed by signal 9')

    for name, what in ('py', 'python'), ('js', 'spawner'):
        before = warm(nginx, name, 2, '/' + name)
        load = nginx.load('/%s?n={n}' % name, connections=2, seconds=60,
                          check=Answers())

        for i in range(3):
            progress(load, 100)
            victim = wait_for(lambda: zygote(nginx, what), 10 * SLOW,
                              'a zygote')

            # one that has not died yet but does nothing, and a request for
            # which an environment is wanted from it

            os.kill(victim, signal.SIGSTOP)
            cold = []
            t = threading.Thread(target=lambda: cold.extend(together(
                nginx, '/%s?n={n}&do=sleep&s=0.5' % name, 5 + i * 3)))
            t.start()
            wait_for(lambda: nginx.metrics(name)['queued'] > 0, 5 * SLOW,
                     'a request that waits')
            os.kill(victim, signal.SIGKILL)
            t.join()

            tap.ok([r.status for r in cold] == [200] * len(cold),
                   '%s: cold requests wait for the next zygote' % name,
                   cold)

        progress(load, 100)
        tally = load.stop()
        tap.ok(tally.complete and not tally.failed,
               '%s: no request failed' % name, tally)
        m = settled(nginx, name)
        tap.equal(m['crashes'], 0, '%s: nothing crashed' % name)
        now = pids(nginx, name)
        tap.ok(set(before.items()) <= set(now.items()),
               '%s: environments are the same' % name, (before, now))

    e = states(nginx)
    tap.equal(e, {'idle': len(nginx.environments())},
              'the scoreboard has as many environments as there are')

    nginx.finish(tap)
