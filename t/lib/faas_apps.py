"""Node.js applications of t/apps, by themselves and behind nginx: installs
their packages, starts them, asks both, and says where the answers differ.

    modules = install()                 # or SystemExit: skipped
    deploy(folder, modules, 'data.js', 'express', 'vendia')
    with Plain(folder) as plain:
        expected = Client(plain.port).ask(case)
        got = Client(nginx.port).ask(case, '/prefix')
        for d in differences(expected, got): ...
"""

import collections
import fcntl
import hashlib
import http.client
import json
import os
import shutil
import socket
import subprocess

from faas_e2e import BUILD, SLOW, TOP, skip_all

APPS = os.path.join(TOP, 't/apps')
NODE = '/usr/bin/node'

Answer = collections.namedtuple('Answer', 'status headers body')
Difference = collections.namedtuple('Difference', 'field expected got')


class Case:
    """A request.  headers: pairs, as they are sent; name: for rules."""

    def __init__(self, path, method='GET', headers=(), body=None,
                 chunked=False, note=''):
        if body is not None and not chunked:
            headers = list(headers) + [('Content-Length', str(len(body)))]
        if chunked:
            headers = list(headers) + [('Transfer-Encoding', 'chunked')]
            body = b'%x\r\n%s\r\n0\r\n\r\n' % (len(body), body)
        self.path, self.method = path, method
        self.headers, self.body = list(headers), body or b''
        self.name = '%s %s%s' % (method, path, note and ' ' + note)

    def bytes(self, prefix):
        head = ['%s %s%s HTTP/1.1' % (self.method, prefix, self.path),
                'Host: shop.example:8080']
        head += ['%s: %s' % pair for pair in self.headers]
        return '\r\n'.join(head + ['', '']).encode() + self.body


class Client:
    """A kept connection."""

    def __init__(self, port):
        self.port, self.sock = port, None

    def _once(self, case, prefix):
        if self.sock is None:
            self.sock = socket.create_connection(('127.0.0.1', self.port),
                                                 30 * SLOW)
        self.sock.sendall(case.bytes(prefix))
        r = http.client.HTTPResponse(self.sock, method=case.method)
        r.begin()
        answer = Answer(r.status, r.getheaders(), r.read())
        if r.will_close:
            self.close()
        return answer

    def ask(self, case, prefix=''):
        kept = self.sock is not None
        try:
            return self._once(case, prefix)
        except (OSError, http.client.HTTPException):
            self.close()
            # the server may have closed a kept connection meanwhile
            if not kept:
                raise
            return self._once(case, prefix)

    def close(self):
        if self.sock is not None:
            self.sock.close()
            self.sock = None


# packages

def lock_hash():
    digest = hashlib.sha256()
    for name in ('package.json', 'package-lock.json'):
        with open(os.path.join(APPS, name), 'rb') as f:
            digest.update(f.read())
    return digest.hexdigest()[:16]


def npm_ci(folder):
    """None, or why it did not work."""
    for name in ('package.json', 'package-lock.json'):
        shutil.copy(os.path.join(APPS, name), folder)
    try:
        r = subprocess.run(['npm', 'ci', '--ignore-scripts', '--no-audit',
                            '--no-fund', '--prefer-offline',
                            '--fetch-retries=1',
                            '--fetch-retry-mintimeout=1000',
                            '--fetch-retry-maxtimeout=2000'],
                           cwd=folder, stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=300 * SLOW)
    except subprocess.TimeoutExpired:
        return 'npm ci takes too long'
    if r.returncode == 0:
        return None
    lines = r.stdout.decode(errors='replace').strip().split('\n')
    return 'npm ci failed: ' + ' '.join(lines[:2])


def fill(base, target):
    """Replaces what is in the cache."""
    if shutil.which('npm') is None:
        skip_all('no npm to install packages with')

    for old in os.scandir(base):
        if old.is_dir():
            shutil.rmtree(old.path, ignore_errors=True)

    new = target + '.new'
    os.mkdir(new)
    why = npm_ci(new)
    if why:
        shutil.rmtree(new, ignore_errors=True)
        skip_all(why)
    os.rename(new, target)


def install():
    """The folder node_modules with what the lock file names.

    It is kept below the build folder.  What the lock file says is checked by
    npm (the hash of each package), so that a failure to get the packages is
    a reason to skip, and packages that are not the right ones are not used.
    """
    if not os.path.exists(NODE):
        skip_all('no ' + NODE)

    base = os.path.join(BUILD, 'apps-node_modules')
    target = os.path.join(base, lock_hash())
    try:
        os.makedirs(base, exist_ok=True)
        with open(os.path.join(base, '.lock'), 'w') as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.path.isdir(target):
                fill(base, target)
    except PermissionError as e:
        skip_all('no packages, and no place for them: %s' % e)

    return os.path.join(target, 'node_modules')


def link(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copy(source, target)


def deploy(folder, modules, *parts):
    """Makes a function's folder of the packages and parts of t/apps."""
    shutil.copytree(modules, os.path.join(folder, 'node_modules'),
                    copy_function=link, symlinks=True,
                    ignore=shutil.ignore_patterns('.bin'))
    for part in parts:
        source = os.path.join(APPS, part)
        files = [source] if os.path.isfile(source) else \
            [os.path.join(source, f) for f in sorted(os.listdir(source))]
        for path in files:
            shutil.copy(path, folder)
    return folder


class Plain:
    """server.js of a folder, on a port of its own."""

    def __init__(self, folder):
        self.folder = folder

    def __enter__(self):
        env = dict(os.environ, NODE_ENV='production')
        env.pop('PORT', None)        # that of "make run"
        self.process = subprocess.Popen(
            [NODE, 'server.js'], cwd=self.folder, env=env,
            stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        self.port = int(self.process.stdout.readline() or b'0')
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()


# differences

def leaves(value, path):
    """Of JSON: (path, value) of all that is no object."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, path + '.' + key)
        if not value:
            yield path, {}
    else:
        yield path, value


def parse(body):
    try:
        value = json.loads(body)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def fields(answer, split):
    """All of an answer, by name: status, header NAME, body or its parts."""
    found = {'status': answer.status}
    for name, value in answer.headers:
        found.setdefault('header ' + name.lower(), []).append(value)
    if split:
        found.update(leaves(parse(answer.body), 'body'))
    else:
        found['body'] = answer.body
    return found


def differences(expected, got):
    split = parse(expected.body) is not None and parse(got.body) is not None
    a, b = fields(expected, split), fields(got, split)
    return [Difference(f, a.get(f), b.get(f)) for f in sorted(set(a) | set(b))
            if a.get(f) != b.get(f)]
