#!/usr/bin/python3
"""A supervisor that finds less than is required makes no environments.

nginx asks before it starts one; but the watchdog starts others, at any time.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import ordinary                                                # noqa: E402
from suptest import *           # noqa: F401,F403,E402

ordinary.become_ordinary()
load_library()

sup = Sup(start=False, isolation='require')
try:
    fn = sup.add('f', sup.code({'app.py': 'def handler(e, c): return 1\n'}),
                 provisioned=1)
    sup.start(wait=False)
    ok(wait_for(lambda: 'less than "faas_isolation require" asks for'
                in sup.log()), 'it says so')
    ok(wait_for(lambda: sup.log().count('less than') >= 3),
       'and so do those that follow')
    equal(sup.head('up'), 0, 'none is up')
    equal(sup.stop(), 0, 'they end with nginx')
    ok('is ready' not in sup.log(), 'and nothing was made')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
