#!/usr/bin/python3
"""Environments that write without end: counted, dropped, cheap."""

import os
import re
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = r'''
import os
def write(data):
    while data:
        data = data[os.write(1, data):]
def handler(event, context):
    if event == "long":
        piece = b"\x1b\x07" * 400 + b"\n"
    elif event == "short":
        piece = b"\x01\n"
    elif event == "endless":
        piece = b"\xff"
    else:
        write(b"after\n")
        return 0
    data = piece * (65536 // len(piece))
    total = 0
    while total < 100 << 20:
        write(data)
        total += len(data)
    write(b"\n")
    return total // len(piece)
'''

TICKS = os.sysconf('SC_CLK_TCK')


def cpu():
    with open('/proc/%d/stat' % sup.pid()) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def dropped():
    return sum(int(n) for n in re.findall(r'too much: (\d+) lines', sup.log()))


sup = Sup(start=False)
try:
    fn = sup.add('f', sup.code({'app.py': APP}), timeout_ms=60000)
    sup.start()
    sup.invoke(fn, 'none')
    for kind in 'long', 'short', 'endless':
        before, gone, lines = cpu(), dropped(), sup.log().count('\n')
        status, wrote = sup.invoke(fn, kind, 60)
        spent = cpu() - before
        equal(status, 0, '100 MB of output: ' + kind)
        diag('the supervisor took %.2f s for %d lines' % (spent, wrote))
        ok(spent < 1.5, 'cost little', spent)
        ok(sup.log().count('\n') - lines < 200 * 12, 'is bounded in the log',
           sup.log().count('\n') - lines)

        def counted():
            sup.invoke(fn, 'none')
            return kind == 'endless' or dropped() - gone > wrote - 200 * 12

        ok(wait_for(counted), 'and counted', (dropped() - gone, wrote))

    wait_for(lambda: sup.invoke(fn, 'none')[0] or 'f": after' in sup.log())
    ok(sup.logged(': after'), 'what comes later is logged again')

    # the last words are the error, escaped, however much came before

    talks = sup.add('talks', sup.code({'app.py': r'''
import os
os.write(2, b"noise\n" * 5000 + b"the reason\x1b\n")
os._exit(1)
'''}))
    sup.reload()
    equal(sup.acquire(talks)[1], 'init crashed', 'a flood before the end')
    new = sup.code({'app.py': 'raise SystemExit'})
    sup.write(new + '/app.py', 'import os\nos.write(2, b"noise\\n" * 5000 + '
              'b"the reason\\x1b\\n")\nos._exit(1)\n')
    sup.change('f', code=new)
    sup.reload()
    ok(sup.logged('init crashed: the reason\\x1B'),
       'its last line is the reason')

    equal(sup.head('starts'), 1, 'one supervisor did all that')
    equal(sup.stop(), 0, 'orderly end')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log()[-20000:])
    sup.clean()
done()
