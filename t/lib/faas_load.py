"""HTTP clients for tests: single requests, and a bounded load that accounts
for every request it sent; see t/README.md."""

import collections
import http.client
import json
import socket
import threading
import time


class Response:
    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers          # lower-case name to last value
        self.body = body

    @property
    def text(self):
        return self.body.decode()

    def json(self):
        return json.loads(self.body)

    def __repr__(self):
        return '<%d %r>' % (self.status, self.body[:200])


def fetch(port, path, method='GET', headers=None, body=None, timeout=10):
    """One request on a connection of its own."""
    c = http.client.HTTPConnection('127.0.0.1', port, timeout=timeout)
    try:
        c.request(method, path, body=body, headers=headers or {})
        r = c.getresponse()
        data = r.read()
        return Response(r.status,
                        {k.lower(): v for k, v in r.getheaders()}, data)
    finally:
        c.close()


class Lost(Exception):
    """No complete response; bytes: how much of one came."""

    def __init__(self, why, received):
        super().__init__(why)
        self.received = received


class Connection:
    """A kept connection that reports how far a lost response had come."""

    def __init__(self, port, timeout):
        self.sock = socket.create_connection(('127.0.0.1', port), timeout)
        self.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.used = False
        self.buf = b''

    def close(self):
        self.sock.close()

    def _more(self):
        try:
            data = self.sock.recv(65536)
        except socket.timeout:
            raise Lost('timeout', len(self.buf)) from None
        except OSError as e:
            raise Lost(e.strerror or str(e), len(self.buf)) from None
        if not data:
            raise Lost('closed', len(self.buf))
        self.buf += data

    def _take(self, n):
        while len(self.buf) < n:
            self._more()
        data, self.buf = self.buf[:n], self.buf[n:]
        return data

    def _line(self):
        while b'\n' not in self.buf:
            self._more()
        line, self.buf = self.buf.split(b'\n', 1)
        return line.rstrip(b'\r')

    def _chunks(self):
        body = b''
        while True:
            n = int(self._line().split(b';')[0], 16)
            body += self._take(n)
            self._line()
            if n == 0:
                return body

    def roundtrip(self, data, head=False):
        try:
            self.sock.sendall(data)
        except OSError as e:
            raise Lost(e.strerror or str(e), 0) from None
        self.used = True

        while b'\r\n\r\n' not in self.buf:
            self._more()
        top, self.buf = self.buf.split(b'\r\n\r\n', 1)
        lines = top.decode('latin-1').split('\r\n')
        status = int(lines[0].split()[1])
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(':')
            headers[name.lower()] = value.strip()

        if head or status in (204, 304):
            body = b''
        elif 'content-length' in headers:
            body = self._take(int(headers['content-length']))
        elif headers.get('transfer-encoding') == 'chunked':
            body = self._chunks()
        else:
            raise Lost('no length', len(top))

        return Response(status, headers, body)


class Tally:
    """What became of the requests of a load.

    sent        requests begun
    outcomes    Counter: 'ok', a status, 'lost: WHY', 'refused'; adds up to
                sent
    stale       kept connections that were closed by nginx before it took
                a request: sent again on a new one, not counted twice
    wrong       the first few outcomes but 'ok', with details
    times       seconds of those that were 'ok'
    """

    def __init__(self):
        self.sent = 0
        self.stale = 0
        self.outcomes = collections.Counter()
        self.wrong = []
        self.times = []

    @property
    def ok(self):
        return self.outcomes['ok']

    @property
    def failed(self):
        return sum(self.outcomes.values()) - self.ok

    @property
    def complete(self):
        return sum(self.outcomes.values()) == self.sent

    def percentile(self, p):
        times = sorted(self.times)
        return times[min(len(times) - 1, int(len(times) * p / 100))]

    def __str__(self):
        return '%d sent, %s, %d stale%s' % (
            self.sent, dict(self.outcomes), self.stale,
            ''.join('\n  ' + w for w in self.wrong))


class Load:
    """A bounded loop of requests from several connections.

    path may hold {n}, the number of the request.  check(response, n) says
    whether a response is right (default: status 200).  It ends after so many
    requests or seconds, or on stop(); join() returns the Tally.

    retry_stale: what any client does with a kept connection that turns out
    to be closed: the request is sent again on a new one.  A worker that is
    killed looks just so to its clients: switch it off to count them.
    """

    def __init__(self, port, path, connections=4, requests=None,
                 seconds=None, check=None, headers='', method='GET', body=b'',
                 keepalive=True, retry_stale=True, timeout=15):
        if requests is None and seconds is None:
            seconds = 60
        self.port, self.path, self.method = port, path, method
        self.check = check or (lambda r, n: r.status == 200)
        self.headers, self.body = headers, body
        self.keepalive, self.retry_stale = keepalive, retry_stale
        self.requests, self.timeout = requests, timeout
        self.deadline = seconds and time.monotonic() + seconds
        self.tally = Tally()
        self.lock = threading.Lock()
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self._run, daemon=True)
                        for _ in range(connections)]
        for t in self.threads:
            t.start()

    def stop(self):
        self.over.set()
        return self.join()

    def join(self):
        for t in self.threads:
            t.join()
        return self.tally

    def _next(self):
        """The number of the next request, or None when it is enough."""
        with self.lock:
            if self.over.is_set() \
                    or (self.requests is not None
                        and self.tally.sent >= self.requests) \
                    or (self.deadline
                        and time.monotonic() > self.deadline):
                return None
            self.tally.sent += 1
            return self.tally.sent

    def _count(self, outcome, detail=None, seconds=None):
        with self.lock:
            self.tally.outcomes[outcome] += 1
            if seconds is not None:
                self.tally.times.append(seconds)
            if detail is not None and len(self.tally.wrong) < 10:
                self.tally.wrong.append(detail)

    def _request(self, n):
        return ('%s %s HTTP/1.1\r\nHost: localhost\r\n%s%s%s\r\n' % (
            self.method, self.path.format(n=n), self.headers,
            '' if self.keepalive else 'Connection: close\r\n',
            'Content-Length: %d\r\n' % len(self.body) if self.body else '')
        ).encode() + self.body

    def _one(self, c, n):
        """Sends request n; returns the connection to go on with."""
        started = time.monotonic()

        while True:
            try:
                if c is None:
                    c = Connection(self.port, self.timeout)
            except OSError as e:
                self._count('refused', 'request %d: %s' % (n, e))
                # not to spin when nobody listens
                time.sleep(0.02)
                return None

            fresh = not c.used

            try:
                r = c.roundtrip(self._request(n), self.method == 'HEAD')
                break
            except Lost as e:
                c.close()
                c = None
                if self.retry_stale and not fresh and e.received == 0 \
                        and str(e) != 'timeout':
                    with self.lock:
                        self.tally.stale += 1
                    continue
                self._count('lost: %s' % e, 'request %d: %s after %d bytes'
                            % (n, e, e.received))
                return None

        if self.check(r, n):
            self._count('ok', seconds=time.monotonic() - started)
        else:
            self._count(r.status if r.status != 200 else 'wrong',
                        'request %d: %r' % (n, r))

        if not self.keepalive or r.headers.get('connection') == 'close':
            c.close()
            c = None

        return c

    def _run(self):
        c = None
        while True:
            n = self._next()
            if n is None:
                break
            c = self._one(c, n)
        if c is not None:
            c.close()
