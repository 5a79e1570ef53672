"""What the fault tests (t/3*) and the metering tests (t/5*) share: functions
that say who they are, and a checker that accounts for every answer."""

import array
import collections
import fcntl
import json
import os
import re
import socket
import termios
import threading

from faas_e2e import SLOW, wait_for

# Answers "N VERSION ID": the number of the request, what the code says of
# itself and which environment this is.  Every execution is one line in the
# error log ("=N="), written past the runtime, so that it is there whatever
# happens to the request, its connection or nginx.

APP = '''
import os, time

VERSION = %(version)r
ID = os.urandom(4).hex()
%(init)s

def handler(event, context):
    q = event.get("queryStringParameters") or {}
    n = q.get("n", "0")
    if %(trace)d:
        os.write(1, ("=%%s=\\n" %% n).encode())
    do = q.get("do", "")
    if do == "sleep":
        time.sleep(float(q["s"]))
    elif do == "raise":
        raise ValueError("asked for")
    elif do == "bad":
        return {"statusCode": "none"}
    elif do == "exit":
        os._exit(int(q.get("code", "1")))
    elif do == "fault":
        import ctypes
        ctypes.string_at(0)
    elif do == "oom":
        hog = bytearray(1024 * 1024 * 1024)
        for i in range(0, len(hog), 4096):
            hog[i] = 1
    return {"statusCode": 200, "body": "%%s %%s %%s" %% (n, VERSION, ID)}
'''


def app(version='1', init='', trace=False):
    """The source of a function's app.py."""
    return APP % {'version': str(version), 'init': init, 'trace': trace}


# for "http" and "server": what records() and pids() read

LOG_FORMAT = """
log_format faas escape=json '{"n":"$arg_n","status":$status,"pid":$pid,'
    '"fn":"$faas_function","env":"$faas_environment",'
    '"cold":"$faas_cold_start","init":"$faas_init_ms",'
    '"ms":"$faas_duration_ms","billed":"$faas_billed_ms",'
    '"queue":"$faas_queue_ms","mb":"$faas_memory_mb",'
    '"error":"$faas_error","how":"$faas_status"}';
"""

LOG = 'access_log {dir}/faas.log faas;\n'


def function(name, *settings, runtime='python3', handler='app.handler',
             code=None):
    """A faas_function block; settings are lines without the semicolon."""
    lines = ['runtime ' + runtime, 'handler ' + handler,
             'code {functions}/' + (code or name)] + list(settings)
    return 'faas_function %s {\n%s}\n' % (
        name, ''.join('    %s;\n' % line for line in lines))


class Answers:
    """A check for Load: is it the answer to this very request?

    ids     environments that answered, with the number of answers
    by      versions that answered, likewise
    done    numbers of the requests that were answered
    """

    def __init__(self, versions=None):
        self.versions = versions
        self.lock = threading.Lock()
        self.ids = {}
        self.by = {}
        self.order = []
        self.done = set()

    def __call__(self, r, n):
        if r.status != 200:
            return False
        parts = r.text.split(' ')
        if len(parts) != 3 or parts[0] != str(n) \
                or (self.versions and parts[1] not in self.versions):
            return False
        with self.lock:
            if not self.order or self.order[-1] != parts[1]:
                self.order.append(parts[1])
            self.ids[parts[2]] = self.ids.get(parts[2], 0) + 1
            self.by[parts[1]] = self.by.get(parts[1], 0) + 1
            self.done.add(n)
        return True


def progress(load, more, timeout=30, key='ok'):
    """Waits until the load has come further by so many requests."""
    tally = load.tally
    now = getattr(tally, key)
    wait_for(lambda: getattr(tally, key) >= now + more, timeout * SLOW,
             '%d more requests' % more)


def unread(nginx):
    """Bytes that environments have written and the supervisor has not read
    yet."""
    total = 0
    folder = os.path.join(nginx.dir, 'run/v1/log')
    for name in os.listdir(folder):
        try:
            fd = os.open(os.path.join(folder, name),
                         os.O_RDONLY | os.O_NONBLOCK)
        except FileNotFoundError:
            continue
        buf = array.array('i', [0])
        fcntl.ioctl(fd, termios.FIONREAD, buf)
        os.close(fd)
        total += buf[0]
    return total


def executions(nginx, least=0):
    """Numbers of the requests that functions say they executed, from LEAST
    on, in order, each as often as it was."""
    size = [-1]

    def quiet():
        before, size[0] = size[0], len(nginx.log())
        return size[0] == before and unread(nginx) == 0

    wait_for(quiet, 10 * SLOW, 'all output in the log', 0.02)
    return [n for n in map(int, re.findall(r'=(\d+)=$', nginx.log(), re.M))
            if n >= least]


def invocations(m):
    """The sum that a function's outcomes have to have."""
    return (m['successes'] + m['errors']['handled']
            + m['errors']['unhandled'] + m['timeouts'] + m['crashes'])


def settled(nginx, name, timeout=10):
    """The function's metrics once nothing is in flight, starting or ending
    any more."""
    def check():
        m = nginx.metrics(name)
        e = m['environments']
        busy = m['in_flight'] + m['queued'] + e['init'] + e['busy'] \
            + e['drain'] + e['dead']
        return m if busy == 0 else None
    return wait_for(check, timeout * SLOW, 'nothing in flight')


def states(nginx):
    """How many environments there are in which state, blanks and all
    functions together; states without any are left out."""
    s = nginx.status()
    total = collections.Counter(s['environments'])
    for f in s['functions']:
        total.update(f['environments'])
    return {state: n for state, n in total.items() if n}


def records(nginx):
    """The access log written by LOG, as dictionaries."""
    try:
        with open(nginx.dir + '/faas.log') as f:
            return [json.loads(line) for line in f if line.endswith('}\n')]
    except FileNotFoundError:
        return []


def pids(nginx, name):
    """The environments that have answered for a function and still run:
    "SLOT.GENERATION" to pid."""
    seen = {r['env'] for r in records(nginx) if r['fn'] == name}
    return {slot: pid for pid, slot in nginx.environments().items()
            if slot in seen}


def together(nginx, path, n):
    """So many requests at a time, numbered from 0; the responses."""
    found = [None] * n

    def one(i):
        found[i] = nginx.get(path.format(n=i), timeout=30)

    threads = [threading.Thread(target=one, args=(i,)) for i in range(n)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    return found


def warm(nginx, name, n, path='/'):
    """Makes a function have N environments; their pids, as pids()."""
    def check():
        found = pids(nginx, name)
        if len(found) >= n:
            return found
        together(nginx, path + '?n={n}&do=sleep&s=0.2', n)
        return None
    return wait_for(check, 20 * SLOW, '%d environments' % n, 0.05)


def send(nginx, path):
    """Sends a request on a connection of its own: the socket."""
    s = socket.create_connection(('127.0.0.1', nginx.port), 20)
    s.sendall(b'GET %s HTTP/1.1\r\nHost: localhost\r\n'
              b'Connection: close\r\n\r\n' % path.encode())
    return s


def receive(s):
    """Status and body of the answer; 0 and b'' if there was none."""
    data = b''
    while True:
        more = s.recv(65536)
        if not more:
            break
        data += more
    s.close()
    if not data:
        return 0, b''
    top, _, body = data.partition(b'\r\n\r\n')
    return int(top.split()[1]), body


def message(r):
    """The message of the gateway's own answers."""
    try:
        return json.loads(r.body).get('message')
    except (ValueError, AttributeError):
        return None
