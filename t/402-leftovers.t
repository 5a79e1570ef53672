#!/usr/bin/python3
"""A thousand environments, and what they leave behind: nothing.

Expected: while they come and go the number of mounts, groups, sockets and
descriptors stays what it was; after an orderly end nothing is there; after
SIGKILL of everything but the environments the next start finds and ends them.
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_proc                                               # noqa: E402
from faas_e2e import SLOW, Nginx, Tap, skip_all, wait_for      # noqa: E402

if os.geteuid() != 0:
    skip_all('needs root')

APP = '''
import os
open("/tmp/x", "w").close()
def handler(event, context):
    if "hold" in event["rawPath"]:
        os.system("sleep 1000 &")
    return os.getpid()
'''
COUNT = 1000


def descriptors(pid):
    return len(os.listdir('/proc/%d/fd' % pid))


with Tap() as tap, Nginx(
        workers=1, functions={'f': {'app.py': APP}}, log_level='warn',
        http='''faas_max_environments 24;
            faas_function f { runtime python3; handler app.handler; code
            {functions}/f; concurrency 16; queue 1000 timeout=20s;
            max_requests 1; }
            faas_function g { runtime python3; handler app.handler; code
            {functions}/f; concurrency 8; }''',
        server='location /f { faas_pass f; } location /g { faas_pass g; }'
        ) as nginx:

    def mounts():
        with open('/proc/self/mountinfo') as f:
            return [line for line in f if nginx.dir in line]

    def groups():
        return faas_proc.cgroups(os.path.join(nginx.dir, 'run'))

    def namespaces():
        """Mount namespaces that a process of this nginx is in."""
        found = set()
        for p in nginx.processes():
            try:
                found.add(os.readlink('/proc/%d/ns/mnt' % p.pid))
            except OSError:
                pass
        return len(found)

    def quiet():
        """The counts, once nothing comes or goes."""
        wait_for(lambda: nginx.status()['environments']['blank'] == 2
                 and sum(nginx.status()['environments'].values()) == 2,
                 20 * SLOW, 'two blanks and nothing else')
        run = os.path.join(nginx.dir, 'run/v1')
        wait_for(lambda: len(nginx.environments()) == 2, 20 * SLOW)
        return (descriptors(nginx.supervisor), namespaces(), len(mounts()),
                len(os.listdir(run + '/env')), len(os.listdir(run + '/log')))

    nginx.load('/f', connections=8, requests=50).join()
    first = quiet()
    tally = nginx.load('/f', connections=8, requests=COUNT).join()
    tap.ok(tally.ok == COUNT, '%d requests, each to a new environment' % COUNT,
           tally)
    tap.ok(nginx.metrics('f')['counters']['environments_ended'] >= COUNT,
           'as many have ended')
    last = quiet()
    tap.equal(last[1:], first[1:],
              'namespaces, mounts, sockets, FIFOs are as many')
    # of groups of version 1 each slot keeps two files open
    tap.ok(last[0] <= first[0] + 2 * 24, 'descriptors', (last[0], first[0]))
    tap.ok(0 < len(groups()) <= 25 * 5, 'groups of slots are used again',
           len(groups()))

    nginx.stop()
    tap.equal(nginx.left_behind(), [], 'after the end there is nothing')

    # everything is killed but the environments and what they have started

    nginx.start()
    nginx.load('/g/hold', connections=4, requests=40).join()
    left = nginx.environments()
    nginx.allow('supervisor was killed by signal 9')
    victims = [nginx.master] + nginx.workers + [nginx.watchdog,
                                                nginx.supervisor]
    for signo in signal.SIGSTOP, signal.SIGKILL:
        for pid in victims:
            try:
                os.kill(pid, signo)
            except ProcessLookupError:
                pass
    wait_for(lambda: not any(faas_proc.alive(p) for p in victims), 10 * SLOW)
    tap.ok(any(faas_proc.alive(p) for p in left), 'environments are left')

    nginx.start()
    wait_for(lambda: not any(faas_proc.alive(p) for p in left), 10 * SLOW)
    tap.ok(True, 'the next start ends them')
    tap.ok(nginx.load('/g', connections=4, requests=40).join().ok == 40,
           'and serves')
    nginx.stop()
    nginx.finish(tap)
