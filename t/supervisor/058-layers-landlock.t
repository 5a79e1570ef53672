#!/usr/bin/python3
"""Layers of an ordinary user who can make no namespaces: an error."""

import os
import runpy
import sys

here = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(here, 'lib'))
import ordinary                                                # noqa: E402

ordinary.become_ordinary()

if ordinary.libc_landlock() == 0:
    ordinary.skip_all('no Landlock here')

if 'forbidden' not in sys.argv:
    ordinary.forbid_namespaces()

runpy.run_path(os.path.join(here, '056-layers.t'))
