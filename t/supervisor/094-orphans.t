#!/usr/bin/python3
"""What plain processes leave behind ends with the supervisor."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import subprocess
def handler(event, context):
    p = subprocess.Popen(["/bin/sleep", "1000"], start_new_session=True)
    return p.pid
'''

sup = Sup(start=False, isolation='none')
try:
    fn = sup.add('f', sup.code({'app.py': APP}))
    sup.start()
    status, pid = sup.invoke(fn)
    equal(status, 0, 'a function that leaves a process behind')
    start = sup.so.faas_process_start_time(pid)
    ok(start, 'which runs')
    equal(sup.stop(), 0, 'an end at once')
    ok(wait_for(lambda: sup.so.faas_process_start_time(pid) != start),
       'takes it along')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
