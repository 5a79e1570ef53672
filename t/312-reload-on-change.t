#!/usr/bin/python3
"""reload_on_change: code takes effect when it is saved.

Expected: some milliseconds after a file is saved the new code answers (the
median is to be 100 ms at most, which is printed; the test fails only over two
seconds).  No request fails meanwhile, also when a save breaks the function:
then the last good version goes on.  Several files saved one after the other,
and files in folders that are new, take effect as well.
"""

import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        progress, settled, warm)

SAVES = 11

IMPORTING = '''
from lib.part import VERSION as PART
''' + app('x').replace("VERSION = 'x'", "VERSION = PART")

with Tap() as tap, Nginx(
        workers=2, functions={'f': {'app.py': app('0')}},
        http=LOG_FORMAT + function('f', 'concurrency 4',
                                   'queue 100 timeout=10s',
                                   'reload_on_change on'),
        server=LOG + 'location / { faas_pass f; }') as nginx:

    def save_and_wait(version, files):
        """Seconds from the save to the first answer of the new code."""
        nginx.write_function('f', files)
        started = time.monotonic()
        while nginx.get('/?n=1').text.split()[1] != version:
            if time.monotonic() > started + 20 * SLOW:
                raise TimeoutError('version %s does not answer' % version)
        return time.monotonic() - started

    # alone, as a developer would

    nginx.get('/?n=1')
    took = [save_and_wait(str(i), {'app.py': app(i)})
            for i in range(1, SAVES + 1)]
    median = statistics.median(took)
    tap.diag('from save to new code: median %.0f ms, most %.0f ms'
             % (median * 1000, max(took) * 1000))
    tap.ok(median < 2 * SLOW, 'a save takes effect', took)

    # under load

    warm(nginx, 'f', 3)
    right = Answers()
    load = nginx.load('/?n={n}&do=sleep&s=0.003', connections=4, seconds=60,
                      check=right)

    for i in range(20, 20 + SAVES):
        nginx.write_function('f', {'app.py': app(i)})
        wait_for(lambda: right.by.get(str(i)), 20 * SLOW, 'version %d' % i)
    progress(load, 30)
    tap.ok(True, 'each of many saves takes effect under load')

    # a mistake, and its correction

    start = len(nginx.log())
    nginx.write_function('f', {'app.py': 'import nothing_of_this_name\n'})
    nginx.wait_log('new version of function "f" failed to start.*No module',
                   10, start)
    progress(load, 50)
    tap.equal(right.order[-1], str(i), 'the last good version goes on')
    nginx.write_function('f', {'app.py': app('31')})
    wait_for(lambda: right.by.get('31'), 20 * SLOW, 'version 31')
    tap.ok(True, 'the correction takes effect')

    # several files, a new folder

    nginx.write_function('f', {'lib/__init__.py': '',
                               'lib/part.py': "VERSION = '32'\n",
                               'app.py': IMPORTING})
    wait_for(lambda: right.by.get('32'), 20 * SLOW, 'version 32')
    nginx.write_function('f', {'lib/part.py': "VERSION = '33'\n"})
    wait_for(lambda: right.by.get('33'), 20 * SLOW, 'version 33')
    tap.ok(True, 'a file in a folder that is new is watched')

    # in place, as some editors write

    with open(os.path.join(nginx.functions, 'f/lib/part.py'), 'w') as f:
        f.write("VERSION = '34'\n")
    wait_for(lambda: right.by.get('34'), 20 * SLOW, 'version 34')
    tap.ok(True, 'a file written in place takes effect')

    progress(load, 50)
    tally = load.stop()
    tap.ok(tally.complete and not tally.failed, 'no request failed', tally)

    # switched off: nothing happens before a reload

    nginx.write_conf(http=LOG_FORMAT + function('f'))
    nginx.reload()
    wait_for(lambda: nginx.status()['applied'] == 2, 5 * SLOW)
    start = len(nginx.log())
    nginx.write_function('f', {'app.py': app('40')})
    nginx.write_conf(http=LOG_FORMAT + function('f', 'timeout 4s'))
    tap.equal(nginx.get('/?n=1').text.split()[1], '34', 'switched off')
    nginx.reload()
    wait_for(lambda: nginx.get('/?n=1').text.split()[1] == '40', 20 * SLOW,
             'version 40')
    tap.equal(len(re.findall(r'"f" has changed', nginx.log()[start:])), 1,
              'the next reload takes it up')

    settled(nginx, 'f')
    nginx.finish(tap)
