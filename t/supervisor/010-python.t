#!/usr/bin/python3
"""A Python function from nothing to an answer, and nothing left behind."""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from suptest import *           # noqa: E402,F403

APP = '''
import os
def handler(event, context):
    return {"echo": event, "pid": os.getpid(), "uid": os.getuid(),
            "cwd": os.getcwd(), "name": context.function_name,
            "k": os.environ.get("K"),
            "region": os.environ.get("AWS_REGION"),
            "runtime": os.environ.get("AWS_EXECUTION_ENV")}
'''

sup = Sup(start=False)
try:
    fn = sup.add('hello', sup.code({'app.py': APP}), environment={'K': 'V'})
    sup.start()

    status, value = sup.invoke(fn, {'n': 1})
    equal(status, 0, 'first invocation succeeds')
    value = value or {}
    equal(value.get('echo'), {'n': 1}, 'the event came through')
    equal(value.get('name'), 'hello', 'the context has the function name')
    equal(value.get('k'), 'V', 'its variable is set')
    equal(value.get('region'), 'us-east-1', 'AWS_REGION is set')
    ok(re.match(r'AWS_Lambda_python3\.[0-9]+$', value.get('runtime')),
       'AWS_EXECUTION_ENV says which Python', value.get('runtime'))
    if sup.head('isolation') in (2, 3):     # full, user
        equal(value.get('pid'), 1, 'first process of its pid namespace')
        equal(value.get('cwd'), '/var/task', 'its code is at /var/task')
    if sup.head('isolation') == 2:
        ok(value.get('uid') >= 1900000000, 'a user of its own')
    ok(sup.last.cold, 'it was a cold start')

    pids = sup.pids(fn)
    equal(sup.invoke(fn, 2)[1]['echo'], 2, 'second invocation')
    ok(not sup.last.cold, 'is warm')
    equal(sup.pids(fn), pids, 'in the same process')

    ok(wait_for(lambda: len(sup.blanks_up()) == 2), 'two blanks are kept')

    from_blank = []
    code = sup.functions[0]['code']
    more = [sup.add('f%d' % i, code) for i in range(8)]
    sup.reload()
    for f in more:
        wait_for(lambda: len(sup.blanks_up()) == 2)
        blanks = [sup.env(i, 'pid') for i in sup.blanks_up()]
        sup.invoke(f, {})
        from_blank.append(sup.pids(f)[0] in blanks)
    equal(from_blank, [True] * 8, 'a cold start takes a blank that waits')

    # of many blanks two are ready at once, the others small

    sup.blanks = [{'runtime': 'python3', 'count': 6}]
    sup.reload()
    ok(wait_for(lambda: len(sup.blanks_up()) == 6), 'six blanks')

    def private(slot):
        with open('/proc/%d/smaps_rollup' % sup.env(slot, 'pid')) as f:
            return sum(int(line.split()[1]) for line in f
                       if line.startswith('Private_Dirty'))

    def two_are_warm():
        sizes = sorted(private(i) for i in sup.blanks_up())
        return len(sizes) == 6 and sizes[3] < sizes[4] / 1.5

    ok(wait_for(two_are_warm), 'two of them are warm',
       sorted(private(i) for i in sup.blanks_up()))

    equal(sup.stop(), 0, 'the watchdog exits with 0 when nginx has gone')
    equal(leftovers(sup), [], 'nothing is left behind')
finally:
    if Tap.failed:
        diag(sup.log())
    sup.clean()
done()
