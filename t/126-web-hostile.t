#!/usr/bin/python3
"""Clients and programs that want "runtime web" to fail others."""

import concurrent.futures
import os
import random
import socket
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402
from faas_tap import wait_for                                  # noqa: E402

SERVER = r'''
import os
import random
import select
import socket
import struct
import threading
import time

SEEN = {'gone': 0, 'parked': 0}
LOCK = threading.Condition()
NAME = os.urandom(8).hex()
threading.stack_size(65536)


def ok(c, body, more=''):
    c.sendall(('HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n%s'
               % (len(body), more, body)).encode())


def slowly(c, data):
    for i in range(len(data)):
        c.sendall(data[i:i + 1])


def chaos(c, f, size):
    """What comes to a program's mind; False: the connection is closed."""
    if random.random() < 0.7:
        left = size
        while left:
            left -= len(f.read(min(left, 65536))) or left
    n = random.randrange(12)
    if n == 0:
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Le')
    elif n == 1:
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nxyz')
    elif n == 2:
        c.sendall(b'HTTP/1.1 103 x\r\nLink: y\r\n\r\n' * 5000)
        ok(c, 'late')
        return True
    elif n == 3:
        slowly(c, b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
                  b'1;a="b"\r\nx\r\n00;c\r\nT: v\r\n\r\n')
        return True
    elif n == 4:
        c.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                     struct.pack('ii', 1, 0))
    elif n == 5:
        ok(c, 'x' * 300000)
        c.shutdown(socket.SHUT_WR)
        f.read()
    elif n == 6:
        ok(c, 'more')
        c.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil')
        return True
    elif n == 7:
        c.sendall(b'HTTP/1.1 101 x\r\nUpgrade: y\r\n\r\n' + bytes(200000))
        c.settimeout(0.2)
        f.read(1000)
    elif n == 8:
        c.sendall(b'HTTP/1.1 200 OK\r\n\r\n' + bytes(3000000))
    elif n == 9:
        time.sleep(0.05)
        ok(c, 'idle')
        time.sleep(0.02)
    elif n == 10:
        c.sendall(b'HTTP/1.1 200 OK\r\n' + b'X: y\r\n' * 20000)
    else:
        ok(c, 'fine')
        return True
    return False


def one(c, f):
    first = f.readline().decode('latin-1')
    if not first:
        return False
    lines = []
    while True:
        line = f.readline().decode('latin-1').rstrip('\r\n')
        if not line:
            break
        lines.append(line)
    path = first.split(' ')[1]
    if path == '/chaos':
        return chaos(c, f, sum(int(l[15:]) for l in lines
                               if l.startswith('Content-Length:')))
    if path == '/sink':                    # reads nothing of the body
        with LOCK:
            SEEN['parked'] += 1
        poll = select.poll()
        poll.register(c, select.POLLRDHUP)
        poll.poll()
        with LOCK:
            SEEN['gone'] += 1
        return False
    if path == '/take':
        c.sendall(b'HTTP/1.1 101 x\r\nUpgrade: websocket\r\n'
                  b'Connection: Upgrade\r\n\r\n')
        time.sleep(0.5)
        data = f.read()
        SEEN['taken'] = '%d %s' % (len(data), data[-1:].decode())
        return False
    if path == '/taken':
        ok(c, SEEN.get('taken', '-'))
        return True
    if path == '/talk':                    # on and on
        c.sendall(b'HTTP/1.1 101 x\r\nUpgrade: websocket\r\n'
                  b'Connection: Upgrade\r\n\r\n')
        for i in range(40):
            c.sendall(b'%d ' % i)
            time.sleep(0.1)
        return False
    if path == '/hang':
        time.sleep(60)
    if path == '/fds':
        names = sorted(os.readlink('/proc/self/fd/%d' % fd)
                       for fd in (0, 1, 2, 3, 4))
        ok(c, ' '.join(names))
        return True
    if path == '/pid':
        ok(c, NAME)
    elif path == '/seen':
        ok(c, '%d %d' % (SEEN['parked'], SEEN['gone']))
    elif path == '/large':
        ok(c, 'large', 'X-Large: %s\r\n' % ('x' * 20000))
    elif path == '/all':                   # waits for that many
        with LOCK:
            SEEN['parked'] += 1
            LOCK.notify_all()
            LOCK.wait_for(lambda: SEEN['parked'] >= 600)
        ok(c, 'all')
    elif path == '/101':
        c.sendall(b'HTTP/1.1 101 x\r\nUpgrade: y\r\nConnection: Upgrade'
                  b'\r\n\r\nmore')
        time.sleep(0.2)
        return False
    elif any(l.lower().startswith('upgrade:') for l in lines):
        c.sendall(b'HTTP/1.1 101 x\r\nUpgrade: websocket\r\n'
                  b'Connection: Upgrade\r\n\r\n')
        return False
    else:
        ok(c, '\n'.join([first.strip()] + lines))
    return True


def serve(c):
    with c, c.makefile('rb') as f:
        try:
            while one(c, f):
                pass
        except OSError:
            pass


def main():
    if 'PORT' in os.environ:
        s = socket.socket()
        s.bind(('0.0.0.0', int(os.environ['PORT'])))
    else:
        s = socket.socket(socket.AF_UNIX)
        s.bind('/tmp/app.sock')
    s.listen(1000)
    while True:
        c, _ = s.accept()
        threading.Thread(target=serve, args=(c,), daemon=True).start()


main()
'''

# a sanitizer keeps 256 MB of what was freed
HTTP = '''
    ignore_invalid_headers off;
    faas_function app {
        runtime web; code {functions}/web;
        command /usr/bin/python3 server.py;
        memory 1024m; timeout 2s;
    }
    faas_function many {
        runtime web; code {functions}/web;
        command /usr/bin/python3 server.py;
        memory 512m; timeout 20s; environment_concurrency 1000;
    }
    faas_function unix {
        runtime web; code {functions}/web;
        command /usr/bin/python3 server.py; listen unix:/tmp/app.sock;
        network none; memory 256m; timeout 2s;
    }
'''

LOCATIONS = '''
    client_max_body_size 20m;
    faas_request_max 20m;
    location / { faas_pass app; }
    location /many/ { rewrite ^/many(/.*)$ $1 break; faas_pass many; }
    location /unix/ { rewrite ^/unix(/.*)$ $1 break; faas_pass unix; }
    location /slow/ {
        rewrite ^/slow(/.*)$ $1 break;
        faas_pass app;
        faas_buffering off;
    }
    location = /asks { auth_request /auth; return 204; }
    location = /auth { internal; faas_pass app; }
'''

UPGRADE = 'Upgrade: websocket\r\nConnection: Upgrade\r\n'


def ask(nginx, text):
    """The answer to bytes that no client library sends."""
    with socket.create_connection(('127.0.0.1', nginx.port), 10) as s:
        s.sendall(text.encode('latin-1'))
        data = b''
        while True:
            more = s.recv(65536)
            if not more:
                return data.decode('latin-1')
            data += more


def upgrades(tap, nginx, same):
    """What nginx takes no 101 for, does not ask for one."""
    got = ask(nginx, 'GET /x HTTP/1.0\r\nHost: x\r\n%s\r\n' % UPGRADE)
    tap.ok(' 200 ' in got and 'pgrade' not in got, 'HTTP/1.0', got)
    got = ask(nginx, 'GET /asks HTTP/1.1\r\nHost: x\r\n%s\r\n' % UPGRADE
              .replace('Connection: ', 'Connection: close, '))
    tap.ok(' 204 ' in got, 'a subrequest', got)
    same('requests that cannot be upgraded')

    got = ask(nginx, 'GET /101 HTTP/1.1\r\nHost: x\r\n'
                     'Connection: close\r\n\r\n')
    tap.ok(' 502 ' in got, '101 without having been asked for it', got)
    tap.ok(' [error] ' in nginx.log()
           and 'no answer of "app" from environment' in nginx.log(),
           'which is an error in the log')
    got = ask(nginx, 'GET /101 HTTP/1.1\r\nHost: x\r\nUpgrade: y\r\n'
                     'Connection: close\r\n\r\n')
    tap.ok(' 502 ' in got, 'Upgrade without Connection', got)
    same('a program that answers 101 unasked')


def headers(tap, nginx, same):
    got = ask(nginx, 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
                     'Content_Length: 50\r\nTransfer_Encoding: chunked\r\n'
                     'Content_Type: a/b\r\nX_Other: c\r\n\r\n')
    tap.ok('Content-' not in got.split('\r\n\r\n', 1)[1]
           and 'Transfer' not in got.split('\r\n\r\n', 1)[1]
           and 'X-Other: c' in got,
           'underscores make no framing', got)

    got = ask(nginx, 'GET /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n'
                     'X-\xe9: 1\r\n\r\n')
    tap.ok(' 200 ' in got, 'a name that HTTP does not have', got)
    same('a header line that cannot be passed')

    got = nginx.get('/large')
    tap.equal(got.status, 502, 'a header larger than "faas_buffer_size"')
    same('an answer with a large header')


def uploads(tap, nginx):
    """Nobody reads the body, and the client gives up."""
    socks = []
    pid = nginx.get('/unix/pid').text
    for _ in range(5):
        s = socket.create_connection(('127.0.0.1', nginx.port), 10)
        s.sendall(b'PUT /unix/sink HTTP/1.1\r\nHost: x\r\n'
                  b'Content-Length: 15000000\r\n\r\n' + bytes(15000000))
        socks.append(s)
    wait_for(lambda: nginx.get('/unix/seen').text == '5 0', 2, 'the program')
    for s in socks:
        s.close()
    try:
        wait_for(lambda: nginx.get('/unix/seen').text == '5 5', 6, 'the end')
    except Exception:
        pass
    tap.equal(nginx.get('/unix/seen').text, '5 5',
              'the program learns that nobody waits any more')
    tap.equal(nginx.get('/unix/pid').text, pid, 'and stays')


def tunnel(tap, nginx):
    """What a client says last reaches a program that is slow to read it."""
    with socket.create_connection(('127.0.0.1', nginx.port), 10) as s:
        s.sendall(('GET /unix/take HTTP/1.1\r\nHost: x\r\n%s\r\n'
                   % UPGRADE).encode())
        s.recv(1000)
        s.sendall(b'x' * 600000 + b'y')
    wait_for(lambda: nginx.get('/unix/taken').text != '-', 5, 'the end')
    tap.equal(nginx.get('/unix/taken').text, '600001 y',
              'all that was said before the end of a tunnel')


def speaks(tap, nginx, same):
    """Who waits too long does not take along who is being talked to."""
    with socket.create_connection(('127.0.0.1', nginx.port), 10) as s:
        s.sendall(('GET /talk HTTP/1.1\r\nHost: x\r\n%s\r\n'
                   % UPGRADE).encode())
        s.recv(1000)
        tap.equal(nginx.get('/hang').status, 504, 'no answer in time')
        data = b''
        while True:
            more = s.recv(1000)
            if not more:
                break
            data += more
    tap.ok(data.endswith(b'38 39 '), 'a tunnel goes on meanwhile', data)
    same('a request that hangs, beside a tunnel')


def chaos(nginx, seed, until):
    rand = random.Random(seed)
    while time.time() < until:
        size = rand.choice((0, 0, 1, 1000, 300000))
        text = '%s %s/chaos HTTP/1.1\r\nHost: x\r\n' % (
            rand.choice(('GET', 'GET', 'PUT', 'HEAD')),
            rand.choice(('', '/slow')))
        if size:
            text += 'Content-Length: %d\r\n' % size
        text += rand.choice((UPGRADE, 'Connection: close\r\n', ''))
        try:
            with socket.create_connection(('127.0.0.1', nginx.port), 5) as s:
                for _ in range(rand.choice((1, 1, 3))):
                    s.sendall(text.encode() + b'\r\n' + bytes(size))
                for _ in range(rand.choice((0, 1, 2, 50))):
                    s.settimeout(rand.choice((0.001, 0.1, 0.3)))
                    if not s.recv(rand.choice((1, 100, 65536))):
                        break
        except OSError:
            pass


def storm(tap, nginx):
    """Programs and clients that do as they like, many at a time."""
    before = len(nginx.log())
    until = time.time() + 4
    with concurrent.futures.ThreadPoolExecutor(24) as pool:
        list(pool.map(lambda n: chaos(nginx, n, until), range(24)))
    wait_for(lambda: nginx.metrics('app')['in_flight'] == 0, 10, 'the end')
    tap.equal(nginx.get('/x').status, 200, 'after a storm')

    # there may be another one by now: clients that left are still served
    ended = [line for line in nginx.log()[before:].split('\n')
             if 'environment' in line and ' ended' in line]
    tap.equal(ended, [], 'no environment ended by a storm')
    if os.geteuid() == 0:
        n = [len(os.listdir('/proc/%d/fd' % p)) for p in nginx.environments()]
        tap.ok(n and max(n) < 250, 'nothing is left open but what is kept', n)


def many(tap, nginx):
    with concurrent.futures.ThreadPoolExecutor(600) as pool:
        got = list(pool.map(lambda n: nginx.get('/many/all').text,
                            range(600)))
    tap.equal(got.count('all'), 600, '600 requests at a time in one '
              'environment')


if __name__ == '__main__':
    with Tap() as tap, Nginx(functions={'web': {'server.py': SERVER}},
                             http=HTTP, server=LOCATIONS,
                             connections=4096) as nginx:
        def same(what):
            got = nginx.get('/pid').text
            tap.ok(got == pid[0], 'survives: ' + what, '\n'.join(
                line for line in nginx.log().split('\n')
                if ' ended' in line or ' killed' in line
                or ' refused' in line))
            pid[0] = got

        pid = [nginx.get('/pid').text]
        got = nginx.get('/fds').text.split(' ')
        tap.ok(got[0] == '/dev/null' and got[1] == got[2]
               and len([g for g in got if g.startswith('socket:')]) == 2,
               'a program has no descriptor of ours but the log', got)
        upgrades(tap, nginx, same)
        headers(tap, nginx, same)
        uploads(tap, nginx)
        tunnel(tap, nginx)
        speaks(tap, nginx, same)
        storm(tap, nginx)
        many(tap, nginx)
        nginx.finish(tap)
