#!/usr/bin/python3
"""Layers of an ordinary user who can make user namespaces."""

import os
import runpy
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, 'lib'))
import ordinary                                                # noqa: E402

ordinary.become_ordinary()

if not ordinary.can_make_namespaces():
    ordinary.skip_all('user namespaces cannot be made here')

runpy.run_path(os.path.join(here, '056-layers.t'))
