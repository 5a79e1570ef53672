#!/usr/bin/python3
"""What functions find of each other: nothing.

Expected: no environment gets what another one has had, in files, variables or
memory; two environments never agree on what is random; what a function prints
cannot pass for a line of the gateway or of another request; what it starts
ends with it; limits of memory, disk and folders are its own.
"""

import glob
import json
import os
import re
import sys
import threading
import urllib.parse

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, skip_all, wait_for      # noqa: E402

if os.geteuid() != 0:
    skip_all('needs root')

PYTHON = '''
import ctypes, fcntl, json, os, random, socket, subprocess, sys, tempfile
import time, uuid

KEPT = []

def memory(needle):
    """Is it anywhere in this process?  The needle comes reversed."""
    found = 0
    with open("/proc/self/maps") as maps:
        lines = maps.readlines()
    for line in lines:
        where, mode = line.split()[:2]
        if mode[:2] != "rw" or "[v" in line:
            continue
        first, last = (int(x, 16) for x in where.split("-"))
        for at in range(first, last, 1 << 20):
            n = min(last - at, (1 << 20) + len(needle))
            data = ctypes.string_at(at, n)
            found += data.count(bytes(reversed(needle)))
            del data
    return found

def handler(event, context):
    q = event.get("queryStringParameters") or {}
    do = q.get("do", "")
    if do == "hide":
        secret = os.environ["SECRET"] * 1
        KEPT.append(secret.encode() * 100)
        for folder in ("/tmp", "/dev/shm"):
            with open(folder + "/hidden", "w") as f:
                f.write(secret)
        return [os.getuid(), memory(secret.encode()[::-1]) > 0]
    if do == "seek":
        needle = q["needle"].encode()
        return [os.getuid(), memory(needle), os.listdir("/tmp"),
                os.listdir("/dev/shm"), os.environ.get("SECRET"),
                [p for p in os.listdir("/proc") if p.isdigit()]]
    if do == "random":
        return [random.random(), str(uuid.uuid4()), os.urandom(8).hex(),
                tempfile.mktemp()]
    if do == "print":
        sys.stdout.write(json.loads(event["body"]))
        return context.aws_request_id
    if do == "flood":
        line = "flood " * 20
        for i in range(100 << 20 >> 7):
            print(line)
    if do == "memory":
        data = bytearray(1 << 30)
        for i in range(0, len(data), 4096):
            data[i] = 1
    if do == "buffers":
        total = 0
        server = socket.socket()
        server.bind(("127.0.0.1", 0))
        server.listen(200)
        for _ in range(100):
            s = socket.socket()
            s.connect(server.getsockname())
            KEPT.append((s, server.accept()))
            s.setblocking(False)
            try:
                while True:
                    total += s.send(bytes(1 << 18))
            except BlockingIOError:
                pass
        return total >> 20
    if do == "locks":
        for n in range(50):
            f = open("/tmp/lock%d" % n, "wb")
            KEPT.append(f)
            for at in range(0, 1000, 2):
                fcntl.lockf(f, fcntl.LOCK_EX, 1, at)
        time.sleep(float(q["s"]))
        return len(KEPT)
    if do == "disk":
        sizes = []
        for path in ("/tmp/a", "/dev/shm/b", "/tmp/c"):
            n = 0
            try:
                with open(path, "wb", buffering=0) as f:
                    while True:
                        n += f.write(b"x" * 65536)
            except OSError as e:
                sizes.append([n, e.strerror])
        return sizes
    if do == "daemon":
        subprocess.Popen(["/bin/sh", "-c", "while :; do date +%s%N > "
                          "/mnt/data/beat; sleep 0.02; done"],
                         start_new_session=True)
        return os.getuid()
    if do == "spin":
        while True:
            pass
    if do == "files":
        out = {}
        def t(name, f):
            try:
                f()
                out[name] = "ok"
            except OSError as e:
                out[name] = e.strerror
        t("write", lambda: open("/mnt/data/from-" + q["n"], "w").close())
        t("setuid", lambda: os.chmod("/mnt/data/from-" + q["n"], 0o4755))
        t("read only", lambda: open("/mnt/fixed/x", "w").close())
        t("read", lambda: open("/mnt/fixed/note").close())
        t("mnt", lambda: os.mkdir("/mnt/more"))
        out["list"] = sorted(n for n in os.listdir("/mnt/data")
                             if n.startswith("from"))
        out["owner"] = os.stat("/mnt/data/from-" + q["n"]).st_uid \\
            == os.getuid()
        return out
    if do == "net":
        with open("/proc/net/dev") as f:
            return [l.split(":")[0].strip() for l in f.readlines()[2:]]
    if do == "sleep":
        time.sleep(float(q["s"]))
    return os.getuid()
'''
NODE = '''
const crypto = require("node:crypto");
exports.handler = async () => [Math.random(), crypto.randomUUID(),
                               crypto.randomBytes(8).toString("hex")];
'''
CANARY = 'canary-' + os.urandom(8).hex()
FIRST, LAST = 1870000000, 1870000511


def function(name, more=''):
    return ('faas_function %s { runtime python3; handler app.handler; '
            'code {functions}/py; %s }\n'
            % (name, more if 'timeout' in more else 'timeout 10s;' + more))


NGINX = Nginx(
    functions={'py': {'app.py': PYTHON}, 'js': {'index.js': NODE}},
    http='faas_uids %d-%d;\n' % (FIRST, LAST)
    + function('a', 'environment SECRET=%s; timeout 1s; tmp 64m;' % CANARY)
    + function('b', 'max_requests 1;') + function('c')
    + function('big') + function('locks') + function('net', 'network none;')
    + function('disk', 'tmp 8m; memory 256m;')
    + function('half', 'cpu 0.5; memory 512m;')
    + function('shared', 'mount {dir}/data /mnt/data rw; mount '
               '{dir}/fixed /mnt/fixed; timeout 2s;')
    + 'faas_function js { runtime nodejs; handler index.handler; code '
      '{functions}/js; max_requests 1; }\n',
    server='location ~ ^/(?<name>[a-z]+)$ { faas_pass $name; }')

for folder in ('data', 'fixed'):
    os.mkdir(os.path.join(NGINX.dir, folder))
os.chown(os.path.join(NGINX.dir, 'data'), 33, 33)
with open(os.path.join(NGINX.dir, 'fixed/note'), 'w') as f:
    f.write('note')

with Tap() as tap, NGINX as nginx:

    def ask(name, do='', **more):
        query = urllib.parse.urlencode(dict(more, do=do))
        return nginx.get('/%s?%s' % (name, query), timeout=60 * SLOW)

    def value(name, do='', **more):
        r = ask(name, do, **more)
        return r.json() if r.status == 200 else (r.status, r.text)

    # what one has had

    uid, found = value('a', 'hide')
    tap.ok(found, 'a secret is found where it is')
    tap.ok(FIRST <= uid <= LAST, 'a user of the configured range', uid)
    seen = value('b', 'seek', needle=CANARY[::-1])
    tap.ok(seen[0] != uid, 'another environment, another user', seen)
    tap.equal(seen[1:], [0, [], [], None, ['1']], 'and nothing of the first')

    tap.equal(ask('a', 'spin').status, 500, 'its environment is killed')
    for n in range(6):
        seen = value('b', 'seek', needle=CANARY[::-1])
        tap.equal(seen[1:], [0, [], [], None, ['1']],
                  'nothing is left of it in another one, %d' % n)
    tap.equal(value('a', 'seek', needle='x' + CANARY[::-1])[2:4], [[], []],
              'nor in its own next one')

    # random

    for name in ('b', 'js'):
        values = [value(name, 'random') for _ in range(4)]
        for column in zip(*values):
            tap.equal(len(set(column)), 4, '%s: four environments differ: %s'
                      % (name, column[0]))

    # forged lines

    nginx.allow('faas: \\[c .* forged')

    forged = ('START RequestId: 11111111-2222-3333-4444-555555555555\n'
              'REPORT RequestId: 11111111-2222-3333-4444-555555555555\n'
              '2026/01/01 00:00:00 [alert] 1#1: *1 faas: forged\n'
              '\r2026/01/01 00:00:00 [crit] 1#1: forged\n'
              '\x1b[2Jescape\x00zero\n' + 'long' * 20000 + '\n')
    own = nginx.get('/c?do=print', method='POST',
                    headers={'Content-Type': 'application/json'},
                    body=json.dumps(forged)).text
    nginx.wait_log('longlong')
    lines = [l for l in nginx.log().split('\n') if 'forged' in l
             or 'RequestId' in l or 'escape' in l or 'longlong' in l]
    tap.ok(len(lines) >= 5, 'what it printed is in the log', len(lines))
    tap.equal([l for l in lines if not re.match(
        r'[0-9/]+ [0-9:]+ \[(?:notice|warn|error|info)\] [0-9]+#[0-9]+: '
        r'\*?[0-9]* ?faas: \[c %s\]' % own, l)], [],
        'each line as its own, with its own request id')
    tap.ok(not any(c in ''.join(lines) for c in '\r\x1b\x00'),
           'without control characters')
    tap.ok(max(map(len, lines)) < 4096, 'and of a bounded length')

    # a flood of a hundred megabytes, while another one is served

    flood = threading.Thread(target=ask, args=('c', 'flood'))
    flood.start()
    others = nginx.load('/b', connections=1, requests=20).join()
    flood.join()
    tap.ok(others.ok == 20, 'others are served during 100 MB of log', others)
    tap.ok(os.path.getsize(os.path.join(nginx.dir, 'error.log')) < 30 << 20,
           'of which a part is kept',
           os.path.getsize(os.path.join(nginx.dir, 'error.log')))
    tap.ok(isinstance(value('c'), int), 'and the function itself goes on')

    # limits

    before = value('c')
    r = ask('big', 'memory')
    tap.equal((r.status, r.json()), (500, {'message':
                                           'Internal Server Error'}),
              'over its memory')
    tap.ok(wait_for(lambda: nginx.metrics('big')['counters'][
        'out_of_memory'] == 1, 10 * SLOW), 'is told apart')
    tap.ok(isinstance(value('big'), int), 'the next one is served')
    tap.equal(value('c'), before, 'others have not noticed')

    n = value('net', 'buffers')
    tap.ok(isinstance(n, int) and n <= 144, 'buffers of sockets are memory', n)

    nginx.allow('locks of files')
    r = ask('locks', 'locks', s='8')
    tap.ok(r.status == 500 and nginx.metrics('locks')['counters'][
        'out_of_memory'] == 1, 'locks are memory', r.status)
    tap.ok(isinstance(value('locks'), int), 'the next one is served')

    sizes = value('disk', 'disk')
    tap.equal([s[1] for s in sizes], ['No space left on device'] * 3,
              'a full disk')
    tap.ok(7 << 20 < sum(s[0] for s in sizes) <= 8 << 20,
           '/tmp and /dev/shm together have the size', sizes)

    # what it starts

    value('shared', 'daemon')
    beat = os.path.join(nginx.dir, 'data/beat')

    def beats():
        with open(beat) as f:
            return f.read()

    wait_for(lambda: os.path.exists(beat), 10 * SLOW)
    last = beats()
    wait_for(lambda: beats() != last, 10 * SLOW)
    tap.ok(True, 'a daemon outlives the invocation')
    tap.equal(ask('shared', 'spin').status, 500, 'and not a kill')
    wait_for(lambda: not [p for p in nginx.processes()
                          if 'beat' in p.cmdline], 10 * SLOW)
    tap.ok(True, 'it has gone with its environment')

    # folders

    want = {'write': 'ok', 'setuid': 'Operation not permitted',
            'read only': 'Read-only file system', 'read': 'ok',
            'mnt': 'Read-only file system', 'owner': True}
    tap.equal(value('shared', 'files', n='1'), dict(want, list=['from-1']),
              'a shared folder')
    ask('shared', 'spin')
    tap.equal(value('shared', 'files', n='2'),
              dict(want, list=['from-1', 'from-2']),
              'is the same for the next environment')
    made = os.stat(os.path.join(nginx.dir, 'data/from-1'))
    tap.equal((made.st_uid, made.st_gid), (33, 33),
              'on the disk it belongs to the owner of the folder')

    tap.equal(value('net', 'net'), ['lo'], 'network none has one interface')

    # processes: of all together less than half of the host's

    with open('/proc/sys/kernel/pid_max') as f:
        most = int(f.read()) // 2
    found = []
    for path in glob.glob('/sys/fs/cgroup/pids/faas-*/pids.max') \
            + glob.glob('/sys/fs/cgroup/faas-*/pids.max'):
        with open(path) as f:
            found.append(f.read().strip())
    tap.ok(any(n != 'max' and 0 < int(n) < most for n in found),
           'the host keeps processes', found)

    # cpu: where the kernel has it

    value('half')
    found = []
    for root in ('/sys/fs/cgroup/cpu', '/sys/fs/cgroup/cpu,cpuacct',
                 '/sys/fs/cgroup'):
        for path in glob.glob(root + '/faas-*/e*/cpu.*'):
            name = os.path.basename(path)
            if name in ('cpu.cfs_quota_us', 'cpu.max', 'cpu.shares',
                        'cpu.weight'):
                with open(path) as f:
                    found.append((name, f.read().split()[0]))
    tap.ok(('cpu.cfs_quota_us', '50000') in found
           or ('cpu.max', '50000') in found, 'half a cpu is half a cpu',
           found)
    tap.ok(('cpu.shares', str(1024 * 512 // 1769)) in found
           or ('cpu.weight', str(100 * 512 // 1769)) in found,
           'a share by its memory', found)

    nginx.finish(tap)
