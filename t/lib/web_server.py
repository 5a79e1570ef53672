"""A web server for 125-web.t: what it is asked for says what it does."""

import base64
import hashlib
import os
import signal
import socket
import sys
import threading
import time
import urllib.parse

SEEN = {'connections': 0}


def say(c, text):
    c.sendall(text if isinstance(text, bytes) else text.encode())


def ok(c, body, more='', head=False):
    body = body if isinstance(body, bytes) else body.encode()
    say(c, 'HTTP/1.1 200 OK\r\nContent-Length: %d\r\n%s\r\n'
        % (len(body), more))
    if not head:
        say(c, body)


def read_head(f):
    lines = []
    while True:
        line = f.readline()
        if not line:
            return None, None
        line = line.decode('latin-1').rstrip('\r\n')
        if not line:
            return lines[0], lines[1:]
        lines.append(line)


def header(lines, name):
    return [l.split(':', 1)[1].strip() for l in lines
            if l.lower().startswith(name + ':')]


def echo_frames(c, f):
    while True:
        head = f.read(2)
        if len(head) < 2:
            return
        n = head[1] & 0x7f
        if n == 126:
            n = int.from_bytes(f.read(2), 'big')
        mask = f.read(4)
        data = bytes(b ^ mask[i % 4] for i, b in enumerate(f.read(n)))
        if head[0] & 15 == 8:
            say(c, b'\x88\x00')
            return
        length = bytes([len(data)]) if len(data) < 126 \
            else b'\x7e' + len(data).to_bytes(2, 'big')
        say(c, bytes([head[0]]) + length + data)


def one(c, f):
    first, lines = read_head(f)
    if first is None:
        return False
    method, uri, _ = first.split(' ')
    path = urllib.parse.urlsplit(uri).path
    body = f.read(int((header(lines, 'content-length') or ['0'])[0]))
    if path == '/say':
        ok(c, '\n'.join([first] + sorted(lines) + [
            hashlib.sha256(body).hexdigest()]),
           'Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nStatus: 500\r\n'
           'Keep-Alive: timeout=5\r\nX-Own: web\r\n', method == 'HEAD')
    elif path == '/pid':
        ok(c, '%d %d' % (os.getpid(), SEEN['connections']))
    elif path == '/raw':
        say(c, body)
        return False
    elif path == '/keep':
        say(c, body)
    elif path == '/early':
        say(c, 'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n'
               'Link: x\r\n\r\n')
        ok(c, 'late')
    elif path == '/slow':
        say(c, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        for i in range(3):
            say(c, '3\r\n%d..\r\n' % i)
            if f.read(1) != b'':
                pass
        return False
    elif path == '/stream':
        say(c, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
               '6\r\nfirst.\r\n')
        with open('/tmp/go', 'rb') as fifo:
            fifo.read(1)
        say(c, '7\r\nsecond.\r\n0\r\n\r\n')
    elif path == '/go':
        with open('/tmp/go', 'wb') as fifo:
            fifo.write(b'x')
        ok(c, 'gone')
    elif path == '/large':
        say(c, 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n')
        piece = bytes(range(256)) * 256
        for i in range(400):
            say(c, '%x\r\n' % len(piece))
            say(c, piece + b'\r\n')
        say(c, '0\r\nX-Trailer: 1\r\n\r\n')
    elif path == '/ws':
        key = header(lines, 'sec-websocket-key')[0]
        digest = base64.b64encode(hashlib.sha1(
            (key + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').encode()
        ).digest()).decode()
        say(c, 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n'
               'Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n'
            % digest)
        say(c, b'\x81\x05hello')
        echo_frames(c, f)
        return False
    elif path == '/hang':
        while True:
            time.sleep(1)
    elif path == '/exit':
        os._exit(3)
    elif path == '/signal':
        os.kill(os.getpid(), signal.SIGSEGV)
    elif path == '/slowly':
        signal_state['wait'] = True
        ok(c, 'will')
    elif path == '/bind':
        ok(c, '%s:%d' % SOCK.getsockname()[:2])
    else:
        ok(c, path)
    return not header(lines, 'connection') == ['close']


def serve(c):
    SEEN['connections'] += 1
    with c, c.makefile('rb') as f:
        try:
            while one(c, f):
                pass
        except OSError:
            pass


signal_state = {'wait': False}


def on_term(signo, frame):
    if signal_state['wait']:
        time.sleep(1)
    print('good bye', flush=True)
    sys.exit(0)


def one_by_one():
    """The shortest backlog there is, and no haste."""
    s = socket.socket(socket.AF_UNIX)
    s.bind('/tmp/app.sock')
    s.listen(0)
    while True:
        c, _ = s.accept()
        with c, c.makefile('rb') as f:
            first, lines = read_head(f)
            if first is None:
                continue
            body = f.read(int((header(lines, 'content-length')
                               or ['0'])[0]))
            time.sleep(0.01)
            ok(c, '%d' % len(body), 'Connection: close\r\n')


def main():
    global SOCK
    signal.signal(signal.SIGTERM, on_term)
    if sys.argv[1:] == ['unix']:
        SOCK = socket.socket(socket.AF_UNIX)
        SOCK.bind('/tmp/app.sock')
    elif sys.argv[1:] == ['short']:
        one_by_one()
    elif sys.argv[1:] == ['six']:
        SOCK = socket.socket(socket.AF_INET6)
        SOCK.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        SOCK.bind(('::', int(os.environ['PORT'])))
    elif sys.argv[1:] == ['never']:
        print('no mood today', flush=True)
        sys.exit(7)
    else:
        SOCK = socket.socket()
        SOCK.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        SOCK.bind(('0.0.0.0', int(os.environ['PORT'])))
    try:
        os.mkfifo('/tmp/go')
    except OSError:
        pass
    SOCK.listen(200)
    print('listening', flush=True)
    while True:
        c, _ = SOCK.accept()
        threading.Thread(target=serve, args=(c,), daemon=True).start()


main()
