#!/usr/bin/python3
"""Version 2 of cgroups, on a folder that looks like one."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, '../..'))

folder = tempfile.mkdtemp(prefix='faas-t-')
try:
    program = os.path.join(folder, 'cgroup2')
    tree = os.path.join(folder, 'tree')
    os.mkdir(tree)
    subprocess.run(
        ['cc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror',
         '-Wno-format-truncation', '-I', TOP + '/runtime/supervisor',
         '-I', TOP + '/runtime/libfaas', '-o', program,
         HERE + '/lib/cgroup2.c', TOP + '/runtime/supervisor/sup_cgroup.c',
         TOP + '/runtime/supervisor/sup_cgroup_slot.c',
         TOP + '/runtime/supervisor/sup_delegate.c'],
        check=True)
    sys.exit(subprocess.run([program, tree]).returncode)
finally:
    shutil.rmtree(folder)
