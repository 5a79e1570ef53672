#!/usr/bin/python3
"""make run: answers, says what to try, ends on Ctrl-C without a trace, and
says in one line what is in the way."""

import os
import re
import signal
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

import faas_proc                                               # noqa: E402
from faas_e2e import (MODULE, TOP, Tap, fetch, free_port,       # noqa: E402
                      skip_all, wait_for)

if not MODULE:
    skip_all('the module is linked in')


def run(port, **options):
    """The script in a session of its own, as from a terminal."""
    return subprocess.Popen(
        ['bash', os.path.join(TOP, 'util/run.sh')],
        env=dict(os.environ, PORT=str(port), BUILD=os.path.dirname(MODULE)),
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, start_new_session=True, **options)


def refused(tap, port, pattern, name):
    p = run(port)
    text = p.communicate(timeout=60)[0].decode()
    tap.ok(p.returncode != 0 and re.search(pattern, text)
           and text.count('\n') == 1, name, text)


with Tap() as tap:
    faas_proc.become_reaper()
    port = free_port()
    p = run(port)
    text = ''
    while 'status\n' not in text:
        line = p.stdout.readline().decode()
        if not line:
            raise RuntimeError('make run ended: ' + text)
        text += line

    commands = re.findall(r'curl \S*(http://127\.0\.0\.1:%d\S*[^\s\'])'
                          % port, text)
    tap.equal(len(commands), 3, 'three commands to try')
    tap.equal([fetch(port, re.sub(r'http://[^/]*', '', c)).status
               for c in commands], [200, 200, 200], 'they all work')
    tap.ok('building' not in text and 'installing' not in text,
           'nothing is installed again', text)

    refused(tap, port, r'^run\.sh: port %d is taken' % port, 'port taken')
    refused(tap, 'x1', r'^run\.sh: PORT=x1 is not a port', 'not a port')

    # what a terminal does
    os.killpg(p.pid, signal.SIGINT)
    rest = p.communicate(timeout=60)[0].decode()
    tap.equal(p.returncode, 0, 'Ctrl-C ends it cleanly')
    tap.ok('alert' not in rest and 'emerg' not in rest,
           'without complaints', rest)

    def left():
        faas_proc.reap()
        return faas_proc.descendants()

    try:
        wait_for(lambda: not left(), 10)
    except TimeoutError:
        pass
    tap.equal([q.cmdline for q in left()], [], 'no process stays')

    with socket.socket() as s:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        s.bind(('127.0.0.1', port))
    tap.ok(True, 'the port is free again')
