#!/usr/bin/python3
"""The sources keep to the style of the house (util/style.py)."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))

from faas_e2e import TOP, Tap                                  # noqa: E402

with Tap() as tap:
    r = subprocess.run(['/usr/bin/python3', os.path.join(TOP, 'util/style.py')],
                       stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    tap.ok(r.returncode == 0, 'style', r.stdout.decode())
