#!/usr/bin/python3
"""Where network policies cannot be had: no weaker network in their place.

In a mount namespace without a control group hierarchy of version 2.  Expected:
"require" refuses to start a function with "network egress" and names it,
"prefer" gives that function "network none" and says so.
"""

import ctypes
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all                      # noqa: E402

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 0x40000
MNT_DETACH = 2

APP = '''
def handler(event, context):
    with open("/proc/net/dev") as f:
        return [l.split(":")[0].strip() for l in f.readlines()[2:]]
'''


def without_version_2():
    """0 when version 1 has the limits and version 2 is out of sight."""
    with open('/proc/self/mounts') as f:
        mounts = [line.split() for line in f]
    libc = ctypes.CDLL(None, use_errno=True)
    if not any(m[2] == 'cgroup' and 'memory' in m[3] for m in mounts):
        skip_all('all control groups are of version 2')
    if libc.unshare(CLONE_NEWNS) == -1 \
            or libc.mount(None, b'/', None, MS_REC | MS_PRIVATE, None) == -1:
        skip_all('no mount namespaces')
    for m in mounts:
        if m[2] == 'cgroup2' and libc.umount2(m[1].encode(), MNT_DETACH):
            skip_all('the hierarchy cannot be unmounted')


if os.geteuid() != 0:
    skip_all('needs root')

without_version_2()

FUNCTIONS = {'f': {'app.py': APP}}
CONF = '''faas_function f { runtime python3; handler app.handler; code
    {functions}/f; network %s; }'''
SERVER = 'location / { faas_pass f; }'

with Tap() as tap:
    nginx = Nginx(functions=FUNCTIONS, http=CONF % 'egress', server=SERVER,
                  isolation='require')
    try:
        nginx.start()
        tap.ok(False, 'require: does not start')
    except Exception:
        tap.ok('lacking: network egress' in nginx.log(),
               'require: does not start', nginx.log()[-500:])
    nginx.destroy()

    with Nginx(functions=FUNCTIONS, http=CONF % 'none', server=SERVER,
               isolation='require') as nginx:
        tap.equal(nginx.get('/').json(), ['lo'], 'but with network none')
        nginx.finish(tap)

    with Nginx(functions=FUNCTIONS, http=CONF % 'egress', server=SERVER,
               isolation='prefer') as nginx:
        tap.equal(nginx.get('/').json(), ['lo'], 'prefer: network none')
        tap.ok('"network egress" get "network none"' in nginx.log(),
               'which the log says')
        nginx.finish(tap)
