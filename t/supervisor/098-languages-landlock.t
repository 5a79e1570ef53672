#!/usr/bin/python3
"""Functions in Ruby, PHP, Lua, Perl and bash: of an ordinary user who can make
no namespaces."""

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

import languages                                               # noqa: E402

languages.run(4)
