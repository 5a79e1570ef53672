#!/usr/bin/python3
"""An ordinary user who can make no namespaces: Landlock, filter, limits."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import ordinary                                                # noqa: E402

ordinary.become_ordinary()

if ordinary.libc_landlock() == 0:
    ordinary.skip_all('no Landlock here')

if 'forbidden' not in sys.argv:
    ordinary.forbid_namespaces()

DENIED = 'Permission denied'
ordinary.run('landlock', 4, {
    '/etc/passwd': True, '/etc/fstab': DENIED
    if os.path.exists('/etc/fstab') else 'No such file or directory',
    '/proc/1/comm': DENIED, '/tmp/faas-x': DENIED, '/home': DENIED, '/': DENIED,
    'tmp': 1, 'seccomp': True, 'unix': 'Operation not permitted'})
