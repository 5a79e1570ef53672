#!/usr/bin/python3
"""An ordinary user who can make user namespaces: all but users and groups."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import ordinary                                                # noqa: E402

ordinary.become_ordinary()

if not ordinary.can_make_namespaces():
    ordinary.skip_all('user namespaces cannot be made here')

ordinary.run('user', 3, {
    '/etc/passwd': True, '/etc/fstab': 'No such file or directory',
    '/proc/1/comm': True, '/tmp/faas-x': True,
    '/home': 'No such file or directory', '/': True, 'tmp': 1,
    'seccomp': True, 'unix': True})
