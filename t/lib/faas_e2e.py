"""End-to-end tests: an nginx with ngx_faas in a folder of its own.

    from faas_e2e import Nginx, Tap, Load, wait_for

    with Tap() as tap, Nginx(functions={'hello': {'app.py': CODE}},
                             http='faas_function hello { ... }',
                             server='location / { faas_pass hello; }') as n:
        tap.equal(n.get('/').status, 200, 'answers')
        n.finish(tap)

See t/README.md for what each test has to do.
"""

import os
import pwd
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

import faas_proc
from faas_load import Load, Response, fetch              # noqa: F401
from faas_tap import Tap, skip_all, wait_for             # noqa: F401

TOP = os.path.abspath(os.path.join(os.path.dirname(__file__), '../..'))
BUILD = os.environ.get('FAAS_BUILD', os.path.join(TOP, 'build'))
MODULE = os.environ.get('FAAS_MODULE',
                        os.path.join(BUILD, 'ngx_http_faas_module.so'))
RUNTIME = os.environ.get('FAAS_RUNTIME_DIR', os.path.join(BUILD, 'runtime'))
BINARY = os.environ.get('TEST_NGINX_BINARY', '/usr/sbin/nginx')

# sanitized builds and busy machines are slower
SLOW = float(os.environ.get('FAAS_TEST_SLOW', '1'))

ALARM = re.compile(r'\[(?:alert|crit|emerg)\]|exited on signal'
                   r'|(?:Address|Leak|UndefinedBehavior)Sanitizer'
                   r'|runtime error: ')

CONF = '''\
%(load)s
%(user)s
daemon on;
worker_processes %(workers)d;
pid %(dir)s/nginx.pid;
error_log %(dir)s/error.log %(log_level)s;
env ASAN_OPTIONS;
env LSAN_OPTIONS;
env UBSAN_OPTIONS;
%(main)s

events {
    worker_connections %(connections)d;
}

http {
    access_log %(dir)s/access.log;
    client_body_temp_path %(dir)s/tmp/body;
    proxy_temp_path %(dir)s/tmp/proxy;
    fastcgi_temp_path %(dir)s/tmp/fastcgi;
    scgi_temp_path %(dir)s/tmp/scgi;
    uwsgi_temp_path %(dir)s/tmp/uwsgi;
    faas_temp_path %(dir)s/tmp/faas;
    default_type text/plain;

    faas_run_dir %(run)s;
    faas_state_dir %(dir)s/state;
    faas_runtime_dir %(runtime)s;
    faas_isolation %(isolation)s;

%(http)s

    server {
        listen 127.0.0.1:%(port)d;

        location = /_status {
            access_log off;
            faas_status;
        }

%(server)s
    }
}
'''


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Nginx:
    """nginx, its supervisor and its environments, in a temporary folder.

    functions: {'name': {'app.py': text, 'bootstrap': (bytes, 0o755)}}, put
    in DIR/functions; "{dir}" and "{functions}" in http, server and main
    become these folders.
    """

    def __init__(self, http='', server='', main='', functions=None,
                 workers=1, log_level='info', env=None, connections=1024,
                 isolation=None, run=None):
        faas_proc.become_reaper()
        os.umask(0o022)

        self.dir = tempfile.mkdtemp(prefix='faas-e2e-')
        os.chmod(self.dir, 0o755)
        self.functions = os.path.join(self.dir, 'functions')
        os.makedirs(self.functions)
        self.run = run or os.path.join(self.dir, 'run')
        os.makedirs(os.path.join(self.dir, 'state'))
        os.makedirs(os.path.join(self.dir, 'tmp'))

        self.port = free_port()
        self.workers_wanted = workers
        self.http, self.server, self.main = http, server, main
        self.log_level = log_level
        self.isolation = isolation or ('prefer' if os.geteuid() else
                                       'require')
        self.connections = connections
        self.env = dict(os.environ, **(env or {}))
        self.allowed = []
        self.others = {p.pid for p in faas_proc.descendants()}

        for name, files in (functions or {}).items():
            self.write_function(name, files)
        self.write_conf()

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.destroy()
            raise
        return self

    def __exit__(self, kind, value, trace):
        if kind is not None:
            lines = [line for line in self.log().splitlines()
                     if ' [info] ' not in line and ' signal ' not in line]
            sys.stderr.write('\n'.join(['# the error log:'] + [
                '#   ' + line for line in lines[-40:]]) + '\n')
        self.destroy()
        return False

    # files

    def write_function(self, name, files):
        """Creates or replaces the files of a function's folder."""
        folder = os.path.join(self.functions, name)
        for path, content in files.items():
            mode = 0o644
            if isinstance(content, tuple):
                content, mode = content
            if isinstance(content, str):
                content = content.encode()
            path = os.path.join(folder, path)
            os.makedirs(os.path.dirname(path), exist_ok=True)
            # by rename, as an editor or a deployment does
            with open(path + '.new', 'wb') as f:
                f.write(content)
            os.chmod(path + '.new', mode)
            os.rename(path + '.new', path)
        return folder

    def write_conf(self, http=None, server=None, main=None, workers=None):
        """Writes nginx.conf; what is not given stays as it was."""
        self.http = self.http if http is None else http
        self.server = self.server if server is None else server
        self.main = self.main if main is None else main
        self.workers_wanted = workers or self.workers_wanted

        def expand(text):
            return text.replace('{functions}', self.functions) \
                       .replace('{dir}', self.dir)

        with open(self.conf + '.new', 'w') as f:
            f.write(CONF % {
                'load': 'load_module %s;' % MODULE if MODULE else '',
                'user': 'user www-data;' if os.geteuid() == 0 else '',
                'workers': self.workers_wanted,
                'connections': self.connections,
                'dir': self.dir, 'run': self.run,
                'log_level': self.log_level,
                'runtime': RUNTIME, 'port': self.port,
                'isolation': self.isolation,
                'http': expand(self.http), 'server': expand(self.server),
                'main': expand(self.main)})
        os.rename(self.conf + '.new', self.conf)

    @property
    def conf(self):
        return os.path.join(self.dir, 'nginx.conf')

    def log(self):
        try:
            with open(os.path.join(self.dir, 'error.log'),
                      errors='replace') as f:
                return f.read()
        except FileNotFoundError:
            return ''

    def access_log(self):
        with open(os.path.join(self.dir, 'access.log')) as f:
            return f.read().splitlines()

    def wait_log(self, pattern, timeout=10, start=0):
        """Waits for a line in the error log; returns the match."""
        return wait_for(lambda: re.search(pattern, self.log()[start:]),
                        timeout * SLOW, 'a log line %r' % pattern)

    # life

    def command(self, *args):
        return [BINARY, '-e', os.path.join(self.dir, 'error.log'),
                '-p', self.dir + '/', '-c', self.conf] + list(args)

    def test_conf(self):
        """nginx -t: (exit status, output)."""
        r = subprocess.run(self.command('-t'), env=self.env,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           timeout=30 * SLOW)
        return r.returncode, r.stdout.decode()

    def start(self):
        """Starts nginx and waits until it listens and has a supervisor."""
        r = subprocess.run(self.command(), env=self.env,
                           stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                           stdin=subprocess.DEVNULL, timeout=30 * SLOW)
        if r.returncode != 0:
            raise RuntimeError('nginx does not start, status %d: %s' % (
                r.returncode, r.stdout.decode(errors='replace')))
        wait_for(self.listens, 10 * SLOW, 'nginx listening')
        wait_for(lambda: self.supervisor, 10 * SLOW, 'a supervisor')

    def listens(self):
        try:
            socket.create_connection(('127.0.0.1', self.port), 1).close()
        except OSError:
            return False
        return self.master is not None

    def kill(self, signo, pid=None):
        os.kill(pid or self.master, signo)

    def reload(self, wait=True):
        """HUP; waits until only workers of the new generation are there."""
        old = set(self.workers)
        self.kill(signal.SIGHUP)
        if wait:
            wait_for(lambda: self.workers and not old & set(self.workers),
                     30 * SLOW, 'the new workers')

    def upgrade(self):
        """USR2: a second master; returns (old, new)."""
        old = self.master
        pidfile = os.path.join(self.dir, 'nginx.pid')
        self.kill(signal.SIGUSR2)
        wait_for(lambda: os.path.exists(pidfile + '.oldbin')
                 and self.master not in (None, old),
                 10 * SLOW, 'the new master')
        new = self.master
        wait_for(lambda: self.workers_of(new), 10 * SLOW, 'its workers')
        return old, new

    def stop(self, signo=signal.SIGQUIT, timeout=20):
        """Stops every nginx here; waits until all processes are gone.

        Returns those that are not.
        """
        for p in self._nginxes('master'):
            try:
                os.kill(p.pid, signo)
            except ProcessLookupError:
                pass
        try:
            wait_for(lambda: not self.processes(), timeout * SLOW)
        except TimeoutError:
            pass
        return self.processes()

    def destroy(self):
        """Kills what is left, removes the folder."""
        self.stop(signal.SIGTERM, 5)
        for _ in range(100):
            left = self.processes()
            if not left:
                break
            for p in left:
                try:
                    os.kill(p.pid, signal.SIGKILL)
                except ProcessLookupError:
                    pass
            time.sleep(0.02)
        if 'FAAS_TEST_KEEP' in os.environ:
            sys.stderr.write('# kept: %s\n' % self.dir)
        else:
            shutil.rmtree(self.dir, ignore_errors=True)
            shutil.rmtree(self.run, ignore_errors=True)

    # processes

    def processes(self):
        """All that nginx here has started, directly or not."""
        faas_proc.reap()
        return [p for p in faas_proc.descendants()
                if p.pid not in self.others]

    def _nginxes(self, what):
        return [p for p in self.processes()
                if p.cmdline.startswith('nginx: ' + what)]

    @property
    def master(self):
        """The one in the pid file, or None."""
        try:
            with open(os.path.join(self.dir, 'nginx.pid')) as f:
                pid = int(f.read() or 0)
        except FileNotFoundError:
            return None
        return pid if pid and faas_proc.alive(pid) else None

    @property
    def workers(self):
        """Pids of all workers that are not shutting down."""
        return [p.pid for p in self._nginxes('worker process')
                if 'shutting' not in p.cmdline]

    def workers_of(self, master):
        return [p.pid for p in self._nginxes('worker process')
                if p.ppid == master]

    def _supervisors(self):
        """Watchdog and supervisor: the supervisor's parent is the other."""
        all_ = {p.pid: p for p in self.processes()
                if os.path.basename(p.cmdline.split(' ')[0])
                == 'faas-supervisor'}
        watchdogs = [p for p in all_.values() if p.ppid not in all_]
        dogs = {p.pid for p in watchdogs}
        return watchdogs, [p for p in all_.values() if p.ppid in dogs]

    @property
    def watchdog(self):
        found = self._supervisors()[0]
        return found[0].pid if found else None

    @property
    def supervisor(self):
        """The supervisor proper, once it serves this run directory."""
        found = self._supervisors()[1]
        if not found or not os.path.exists(
                os.path.join(self.run, 'v1/doorbell')):
            return None
        return found[0].pid

    def environments(self):
        """Environments: pid to "SLOT.GENERATION".

        They are those that hold an environment's socket; what an
        environment has started itself is left out.
        """
        # bound relative to the folder: the path in /proc varies
        sockets = faas_proc.unix_sockets(r'/[0-9]+\.[0-9]+$')
        own = {self.watchdog, self.supervisor}
        found = {}
        for p in self.processes():
            if p.pid in own or p.cmdline.startswith('nginx: '):
                continue
            for inode in faas_proc.socket_inodes(p.pid):
                if inode in sockets:
                    found[p.pid] = (p, os.path.basename(sockets[inode]))
        return {pid: name for pid, (p, name) in found.items()
                if p.ppid not in found}

    def zygotes(self):
        """Pids of the supervisor's children that are no environments."""
        parents = {self.supervisor, self.watchdog}
        environments = self.environments()
        return [p.pid for p in self.processes()
                if p.ppid in parents and p.pid not in environments
                and p.pid not in parents]

    # requests

    def url(self, path='/'):
        return 'http://127.0.0.1:%d%s' % (self.port, path)

    def get(self, path, **options):
        return fetch(self.port, path, **options)

    def load(self, path, **options):
        return Load(self.port, path, **options)

    def status(self):
        """The status page, as a dictionary."""
        return self.get('/_status',
                        headers={'Accept': 'application/json'}).json()

    def metrics(self, name):
        """What the status page says of one function."""
        functions = self.status()['functions']
        if isinstance(functions, dict):
            return functions[name]
        return next(f for f in functions if f['name'] == name)

    # the end

    def allow(self, *patterns):
        """Lines that a test expects in the error log, as regexes."""
        self.allowed += patterns

    def alarms(self):
        return [line for line in self.log().splitlines()
                if ALARM.search(line)
                and not any(re.search(a, line) for a in self.allowed)]

    def left_behind(self):
        """What a stopped nginx must not leave: a list of descriptions."""
        left = ['process %d: %s' % (p.pid, p.cmdline)
                for p in self.processes()]

        for folder, _, files in os.walk(self.run):
            # a lock file is never removed: somebody may be about to lock it
            left += ['file ' + os.path.join(folder, f) for f in files
                     if f != 'lock']

        left += ['mount ' + m for m in faas_proc.mounts(self.dir)]
        left += ['cgroup ' + c for c in faas_proc.cgroups(self.run)]
        return left

    def finish(self, tap, signo=signal.SIGQUIT):
        """Two results that every test ends with."""
        self.stop(signo)
        try:
            wait_for(lambda: not self.left_behind(), 5 * SLOW)
        except TimeoutError:
            pass
        left = self.left_behind()
        tap.ok(not left, 'nothing left behind', '\n'.join(left))

        alarms = self.alarms()
        tap.ok(not alarms, 'nothing alarming in the error log',
               '\n'.join(alarms))


def worker_user():
    """The user of the workers, as a passwd entry."""
    return pwd.getpwnam('www-data') if os.geteuid() == 0 \
        else pwd.getpwuid(os.geteuid())
