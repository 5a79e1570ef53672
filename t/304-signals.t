#!/usr/bin/python3
"""A supervisor that signals never leave alone.

Expected: every environment starts all the same, with its limits (Linux does
not set a memory limit while a signal is pending).
"""

import os
import signal
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap                   # noqa: E402

STARTS = 250


def pester(pid):
    """Signals that the supervisor expects anyway, as fast as they go."""
    while True:
        for _ in range(500):
            os.kill(pid, signal.SIGCHLD)


with Tap() as tap, Nginx(
        workers=1, functions={'f': {'app.py': 'def handler(e, c):\n'
                                              '    return "hi"\n'}},
        http='faas_function f { runtime python3; handler app.handler; '
             'code {functions}/f; max_requests 1; concurrency 2; '
             'queue 50 timeout=20s; }',
        server='location / { faas_pass f; }') as nginx:

    nginx.get('/')
    pid = nginx.supervisor
    child = os.fork()

    if child == 0:
        signal.alarm(int(60 * SLOW))
        pester(pid)

    try:
        statuses = [nginx.get('/').status for n in range(STARTS)]
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)

    tap.equal(set(statuses), {200}, 'every request is answered')
    failed = [line for line in nginx.log().splitlines()
              if 'memory limit of' in line]
    tap.equal(failed, [], 'every environment got its memory limit')
    tap.equal(nginx.supervisor, pid, 'by the same supervisor')

    nginx.finish(tap)
