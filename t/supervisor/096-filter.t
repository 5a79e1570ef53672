#!/usr/bin/python3
"""The filter of system calls on a kernel that cannot keep sockets apart."""

import os
import shutil
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.abspath(os.path.join(HERE, '../..'))

folder = tempfile.mkdtemp(prefix='faas-t-')
try:
    program = os.path.join(folder, 'filter')
    subprocess.run(
        ['cc', '-std=gnu11', '-D_GNU_SOURCE', '-Wall', '-Wextra', '-Werror',
         '-I', TOP + '/runtime/supervisor', '-I', TOP + '/runtime/libfaas',
         '-o', program, HERE + '/lib/filter.c',
         TOP + '/runtime/supervisor/sup_seccomp.c',
         TOP + '/runtime/supervisor/sup_refused.c', '-lseccomp', '-ljansson'],
        check=True)
    code = subprocess.run([program]).returncode
finally:
    shutil.rmtree(folder)
sys.exit(code)
