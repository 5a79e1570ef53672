#!/usr/bin/python3
"""An application that serves one connection at a time, and two workers.

Expected: a worker keeps its connection to php-cgi, and lets go of it when
the other worker gets the environment; so every request is answered, by
whichever worker, no environment is lost over it, and a client that takes its
time over an answer keeps nobody waiting.
"""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap                   # noqa: E402

PHP = '''<?php
header("Content-Type: text/plain");
echo isset($_GET["big"]) ? str_repeat("x", 4000000) : getmypid();
'''

if not os.access('/usr/bin/php-cgi', os.X_OK):
    print('1..0 # SKIP php-cgi is not installed')
    sys.exit(0)


def slow_client(port):
    """Has read the beginning of a large answer, and reads no more."""
    s = socket.create_connection(('127.0.0.1', port), timeout=10 * SLOW)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(b'GET /?big HTTP/1.1\r\nHost: a\r\n\r\n')
    head = s.recv(1024)
    return s, head.startswith(b'HTTP/1.1 200')


with Tap() as tap, Nginx(
        workers=2,
        functions={'p': {'index.php': PHP}},
        http='faas_function p { runtime fastcgi; command /usr/bin/php-cgi; '
             'code {functions}/p; handler index.php; concurrency 1; '
             'timeout 10s; queue 1000 timeout=30s; }',
        server='location / { faas_pass p; }') as nginx:

    first = nginx.get('/').text

    # connections of clients are spread over both workers

    tally = nginx.load('/?n={n}', connections=8, requests=1600,
                       check=lambda r, n: r.status == 200
                       and r.text == first).join()
    tap.equal(tally.ok, 1600, 'one process answered all, over two workers')

    slow, began = slow_client(nginx.port)
    tap.ok(began, 'a large answer began')

    tally = nginx.load('/?n={n}', connections=8, requests=200,
                       check=lambda r, n: r.status == 200
                       and r.text == first).join()
    tap.equal(tally.ok, 200, 'its slow client keeps nobody waiting')
    slow.close()

    m = nginx.metrics('p')
    tap.equal(m['counters']['environments_ended'], 0, 'none was lost')
    tap.equal(m['counters']['retries'], 0, 'nor looked lost')

    nginx.finish(tap)
