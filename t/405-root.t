#!/usr/bin/python3
"""Root, but without the means to isolate: functions are not root.

Expected: with "faas_isolation none", and with "prefer" in a container that may
make no namespaces, functions run as the user of the workers, without
capabilities and groups, and nothing is left behind.
"""

import ctypes
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402

if os.geteuid() != 0:
    skip_all('needs root')

CLONE_NEWUSER = 0x10000000

PYTHON = '''
import os
def handler(event, context):
    with open(os.environ.get("TMPDIR", "/tmp") + "/x", "w") as f:
        f.write("x")
    with open("/proc/self/status") as f:
        caps = {l.split()[1].strip("0") for l in f if l.startswith("Cap")}
    return [os.getresuid(), os.getresgid(), os.getgroups(), sorted(caps)]
'''
NODE = '''
const fs = require("node:fs");
exports.handler = async () => {
    const lines = fs.readFileSync("/proc/self/status", "utf8").split("\\n");
    const caps = new Set(lines.filter((l) => l.startsWith("Cap"))
        .map((l) => l.split("\\t")[1].replace(/0/g, "")));
    return [[process.getuid(), process.geteuid(), process.geteuid()],
            [process.getgid(), process.getegid(), process.getegid()],
            [], [...caps]];
};
'''


def container():
    """All users, and no more namespaces; 0 in the process that has it, None
    where that cannot be had."""
    libc = ctypes.CDLL(None)
    ready, done = os.pipe(), os.pipe()
    pid = os.fork()
    if pid == 0:
        made = libc.unshare(CLONE_NEWUSER) == 0
        os.write(ready[1], b'x' if made else b'-')
        if not made:
            return None
        os.read(done[0], 1)
        for name in ('user', 'mnt', 'pid'):
            with open('/proc/sys/user/max_%s_namespaces' % name, 'w') as f:
                f.write('0')
        return 0
    os.close(ready[1])
    if os.read(ready[0], 1) == b'x':
        for name in ('uid_map', 'gid_map'):
            with open('/proc/%d/%s' % (pid, name), 'w') as f:
                f.write('0 0 4294967295')
    os.write(done[1], b'x')
    return pid


def run(tap, isolation, level):
    user = None
    with Nginx(functions={'py': {'app.py': PYTHON}, 'js': {'index.js': NODE}},
               http='''faas_function py { runtime python3; handler
                       app.handler; code {functions}/py; }
                   faas_function js { runtime nodejs; handler index.handler;
                       code {functions}/js; }''',
               isolation=isolation, log_level='notice',
               server='location ~ ^/(?<name>[a-z]+)$ { faas_pass $name; }'
               ) as nginx:
        tap.ok('isolation: %s;' % level in nginx.log(), 'level ' + level,
               nginx.log())
        user = os.stat('/proc/%d' % nginx.workers[0])
        ids = [[user.st_uid] * 3, [user.st_gid] * 3, [], ['']]
        tap.ok(user.st_uid != 0, 'workers are not root')
        for name in ('py', 'js'):
            r = nginx.get('/' + name)
            tap.equal(r.json() if r.status == 200 else r.text, ids,
                      name + ': nor is the function')
        nginx.finish(tap)


with Tap() as tap:
    run(tap, 'none', 'none')
    pid = container()
    if pid == 0:
        run(tap, 'prefer', 'landlock')
    elif pid:
        # the plan is the other process's
        os._exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
