#!/usr/bin/python3
"""Descriptors that a function sends to those who talk to it.

A descriptor sent over a Unix socket is closed in the name of whoever reads the
bytes it came with, and a TCP socket that lingers makes that one wait.
Expected: no socket can be made to linger, no descriptor arrives where the
kernel can be told so, and worker and supervisor go on as if nothing were.
"""

import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, skip_all                # noqa: E402

if os.geteuid() != 0:
    skip_all('needs root')

APP = r'''
import array, os, socket, struct

KEPT = []

def full():
    """A TCP connection that cannot get rid of its data, and may linger."""
    server = socket.socket()
    server.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    server.bind(("127.0.0.1", 0))
    server.listen(1)
    s = socket.socket()
    s.connect(server.getsockname())
    KEPT.append((server, server.accept()))
    s.setblocking(False)
    try:
        while True:
            s.send(b"x" * 65536)
    except BlockingIOError:
        pass
    s.setblocking(True)
    try:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack("ii", 1, 15))
        return s, "lingers"
    except OSError as e:
        return s, e.strerror

def connection():
    """The worker's: the connected Unix socket above the control socket."""
    for fd in range(4, 64):
        try:
            s = socket.socket(fileno=os.dup(fd))
            if s.family == socket.AF_UNIX:
                s.getpeername()
                return s
        except OSError:
            pass

def handler(event, context):
    path = event["rawPath"]
    s, linger = full()
    if path == "/f/worker":
        to = connection()
        to.setblocking(True)
        # so that it is not read before the last other one is closed
        line = b"\1\7\0\1\x20\0\0\0" + b"y" * 8191 + b"\n"
        for _ in range(18):
            to.sendall(line)
        data = b"\1\7\0\1\0\1\0\0\n"
    else:
        to = socket.socket(fileno=os.dup(3))
        data = b"\0\0\0"
    try:
        to.sendmsg([data], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                             array.array("i", [s.fileno()]))])
        sent = "sent"
    except OSError as e:
        sent = e.strerror
    s.close()
    return [linger, sent]
'''

KERNEL = tuple(int(''.join(c for c in part if c.isdigit()) or 0)
               for part in os.uname().release.split('.')[:2])
SENT = 'Operation not permitted' if KERNEL >= (6, 16) else 'sent'

with Tap() as tap, Nginx(
        functions={'f': {'app.py': APP},
                   'g': {'app.py': 'def handler(e, c):\n    return 1\n'}},
        log_level='warn',
        http='''faas_function f { runtime python3; handler app.handler; code
                {functions}/f; network none; timeout 10s; max_requests 1; }
            faas_function g { runtime python3; handler app.handler; code
                {functions}/g; max_requests 1; }''',
        server='''location /f { faas_pass f; } location /g { faas_pass g; }
            location /static { return 200; }''') as nginx:

    nginx.allow('logs more than')

    for who in ('supervisor', 'worker'):
        r = nginx.get('/f/' + who, timeout=20 * SLOW)
        tap.equal((r.status, r.json() if r.status == 200 else r.text),
                  (200, ['Operation not permitted', SENT]),
                  'a descriptor for the ' + who)
        start = time.monotonic()
        tap.equal(nginx.get('/static', timeout=30 * SLOW).status, 200,
                  'the worker answers')
        tap.equal([nginx.get('/g', timeout=30 * SLOW).status
                   for _ in range(3)], [200] * 3,
                  'the supervisor makes environments')
        took = time.monotonic() - start
        tap.ok(took < 5 * SLOW, 'without delay', took)

    nginx.finish(tap)
