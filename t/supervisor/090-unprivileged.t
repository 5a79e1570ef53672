#!/usr/bin/python3
"""An ordinary user and "faas_isolation none": plain processes."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import ordinary                                                # noqa: E402

ordinary.become_ordinary()
ordinary.run('none', 1, {
    '/etc/passwd': True, '/etc/fstab': os.path.exists('/etc/fstab')
    or 'No such file or directory', '/proc/1/comm': True, '/tmp/faas-x': True,
    '/home': True, '/': True, 'tmp': 1, 'seccomp': False,
    'unix': True})
