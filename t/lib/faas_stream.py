"""Answers that come piece by piece, for tests of streams.

    with Stream(port, '/path') as s:
        s.until(b'first')               # sleeps until it is in s.body
        gate.open('rest')               # the function goes on
        s.rest()
        s.body, s.complete              # complete: it had a proper end

Gate is a folder that functions see as /mnt/gate: what it opens is a file that
they wait for, what they cannot know otherwise.
"""

import os
import socket

from faas_e2e import SLOW


class Gate:
    def __init__(self, folder):
        self.folder = folder
        os.makedirs(folder)
        os.chmod(folder, 0o755)

    def open(self, name):
        with open(os.path.join(self.folder, name), 'w'):
            pass


class Stream:
    """One request on a connection of its own."""

    def __init__(self, port, path, method='GET', version='1.1', headers=(),
                 body=b'', window=None):
        self.sock = socket.socket()
        if window:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, window)
        self.sock.settimeout(20 * SLOW)
        self.sock.connect(('127.0.0.1', port))
        head = ['%s %s HTTP/%s' % (method, path, version), 'Host: a.example']
        head += ['%s: %s' % h for h in headers]
        if body:
            head.append('Content-Length: %d' % len(body))
        self.sock.sendall('\r\n'.join(head + ['', '']).encode() + body)
        self.raw, self.body = b'', b''
        self.status, self.headers = None, {}
        self.ended = False          # the connection is closed
        self.last = False           # the last chunk has come
        self.method = method

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.close()

    def close(self):
        self.sock.close()

    def more(self):
        """Reads what there is; sleeps until there is something."""
        try:
            data = self.sock.recv(65536)
        except ConnectionResetError:
            data = b''
        self.ended = not data
        self.raw += data
        if self.status is None:
            self._head()
        if self.status is not None:
            self._body()

    def _head(self):
        head, found, rest = self.raw.partition(b'\r\n\r\n')
        if not found:
            return
        lines = head.decode('latin-1').split('\r\n')
        self.status = int(lines[0].split()[1])
        for line in lines[1:]:
            name, _, value = line.partition(':')
            name, value = name.lower(), value.strip()
            if name in self.headers:
                value = self.headers[name] + '|' + value
            self.headers[name] = value
        self.raw = rest

    def _body(self):
        if self.headers.get('transfer-encoding') != 'chunked':
            self.body += self.raw
            self.raw = b''
            return
        while not self.last:
            line, found, rest = self.raw.partition(b'\r\n')
            size = int(line, 16) if found else 0
            if not found or len(rest) < size + 2:
                return
            self.body += rest[:size]
            self.raw = rest[size + 2:]
            self.last = size == 0

    def until(self, text):
        while text not in self.body and not self.ended:
            self.more()
        return text in self.body

    def header(self):
        while self.status is None and not self.ended:
            self.more()
        return self.status

    @property
    def bodiless(self):
        return self.status in (204, 304) or (self.status
                                             and self.method == 'HEAD')

    @property
    def complete(self):
        if self.bodiless:
            return True
        if 'content-length' in self.headers:
            return len(self.body) == int(self.headers['content-length'])
        if self.headers.get('transfer-encoding') == 'chunked':
            return self.last
        return self.ended

    def rest(self):
        """Reads to the end."""
        while not self.ended and not self.last and not self.bodiless and not (
                'content-length' in self.headers and self.complete):
            self.more()
        return self.body
