#!/usr/bin/python3
"""Functions that do not start.

Expected: a start that fails is tried once more at once; if that fails, too,
those who wait are answered 500, the error log has the runtime's own words,
and each request is counted as an error.  Then the function backs off: 100 ms,
doubling; requests meanwhile are answered 500 at once, without another start.
An environment that is not ready after 10 s is killed, and so is the second
one.  Other functions do not notice.  Code that works takes over with a
reload, and a function that starts the second time has failed nobody.
"""

import os
import re
import signal
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for         # noqa: E402
from faas_fault import (Answers, LOG, LOG_FORMAT, app, function,  # noqa
                        invocations, message, progress, records, settled,
                        together)

WAITS = app(init='''
os.write(1, b"loads\\n")
while not os.path.exists(os.environ["LAMBDA_TASK_ROOT"] + "/go"):
    time.sleep(0.01)
''')
ERROR = 'Internal Server Error'

with Tap() as tap, Nginx(
        workers=2,
        functions={'good': {'app.py': app()},
                   'bad': {'app.py': app(init='raise ValueError("no way")')},
                   'exits': {'app.py': app(init='os._exit(7)')},
                   'slow': {'app.py': app(init='time.sleep(60)')},
                   'second': {'app.py': WAITS}},
        http=LOG_FORMAT
        + function('good') + function('bad') + function('many', code='bad')
        + function('exits')
        + function('slow') + function('second'),
        server=LOG + 'location ~ ^/(?<name>[a-z]+)$ { faas_pass $name; }'
        ) as nginx:

    # in the background for all of the test

    late = []

    def ask_slow():
        t = time.monotonic()
        late.append(nginx.get('/slow', timeout=60))
        late.append(time.monotonic() - t)

    slow = threading.Thread(target=ask_slow)
    slow.start()
    load = nginx.load('/good?n={n}&do=sleep&s=0.005', connections=2,
                      seconds=120, check=Answers())
    progress(load, 50)

    # init error

    r = nginx.get('/bad')
    tap.equal((r.status, message(r)), (500, ERROR), 'init error: 500')
    m = nginx.metrics('bad')
    tap.equal((m['counters']['environments_started'],
               m['counters']['init_errors'], m['errors']['unhandled'],
               m['invocations']), (2, 1, 1, 1),
              'tried twice, counted as one error')
    log = nginx.wait_log(r'function "bad" does not start: init error: (.*?),'
                         ' client').group(1)
    tap.ok('"errorType"' in log and 'ValueError' in log and 'no way' in log,
           "the log has the runtime's payload", log)
    wait_for(lambda: any(r['fn'] == 'bad' for r in records(nginx)), 5 * SLOW)
    r = [r for r in records(nginx) if r['fn'] == 'bad'][0]
    tap.equal((r['error'], r['how']), ('Runtime.InitError', 'error'),
              'and so do the variables')

    # several at a time: one failure

    answers = together(nginx, '/many?n={n}', 8)
    tap.equal([r.status for r in answers], [500] * 8,
              'eight requests at a time: 500')
    pauses = re.findall(r'"many" does not start.*attempt in (\d+) ms',
                        nginx.log())
    tap.ok(pauses and max(map(int, pauses)) <= 400,
           'taken for one failure, not for eight', pauses)
    m = settled(nginx, 'many')
    tap.ok(m['counters']['environments_started'] <= 9,
           'no more starts than requests, and one', m['counters'])

    # again and again: a load of requests, each with some pause

    def refused(r, n):
        time.sleep(0.02)
        return (r.status, message(r)) == (500, ERROR)

    t = time.monotonic()
    tally = nginx.load('/bad', connections=4, seconds=4, check=refused).join()
    t = time.monotonic() - t
    m = settled(nginx, 'bad')
    started = m['counters']['environments_started']
    tap.ok(tally.complete and not tally.failed,
           'crash loop: each is answered 500', tally)
    tap.ok(4 <= started <= 7, 'it is not started each time',
           '%d starts for %d requests in %.1f s' % (started, tally.sent, t))
    pauses = re.findall(r'"bad" does not start.*next attempt in (\d+) ms',
                        nginx.log())
    tap.equal(pauses, [str(100 * 2 ** i) for i in range(len(pauses))],
              'the pauses double')
    tap.ok(max(tally.times) < 2 * SLOW, 'nobody waits for the next attempt',
           max(tally.times))
    tap.equal((m['invocations'], m['counters']['init_errors'],
               m['errors']['unhandled']), (tally.sent + 1,) * 3,
              'all are counted')
    tap.equal(m['invocations'], invocations(m), 'the sum is right')

    # the end of the process while it loads

    r = nginx.get('/exits')
    tap.equal((r.status, message(r)), (500, ERROR), 'exit while loading: 500')
    tap.ok(re.search(r'function "exits" does not start: init crashed: .*'
                     r'exit status 7', nginx.log()), 'the log has the code')
    tap.equal(settled(nginx, 'exits')['counters']['environments_started'], 2,
              'tried twice, too')

    # good the second time

    answer = []
    t = threading.Thread(target=lambda: answer.append(
        nginx.get('/second?n=5', timeout=30)))
    t.start()
    victim = int(nginx.wait_log(r'\(pid (\d+)\): loads').group(1))
    os.kill(victim, signal.SIGKILL)
    nginx.wait_log('"second" did not start .init crashed., trying once more')
    open(os.path.join(nginx.functions, 'second/go'), 'w').close()
    t.join()
    tap.equal(answer[0].text.split()[:2], ['5', '1'],
              'a second start that works: the request is answered')
    m = settled(nginx, 'second')
    tap.equal((m['successes'], m['invocations'],
               m['counters']['cold_starts']), (1, 1, 1),
              'as if nothing had happened')

    # repaired

    nginx.write_function('bad', {'app.py': app('2')})
    nginx.reload()
    wait_for(lambda: nginx.get('/bad?n=3').status == 200, 20 * SLOW,
             'the version that works')
    tap.equal(nginx.get('/bad?n=3').text.split()[:2], ['3', '2'],
              'code that works takes over')

    # too slow

    slow.join()
    r, t = late
    tap.equal((r.status, message(r)), (500, ERROR), 'init timeout: 500')
    tap.ok(19 < t < 25 * SLOW, 'after two attempts of 10 s', t)
    m = settled(nginx, 'slow')
    tap.equal((m['counters']['environments_started'],
               m['counters']['init_timeouts'], m['errors']['unhandled'],
               m['timeouts']), (2, 1, 1, 0), 'counted as one error')
    tap.ok('was not ready after 10000 ms of init' in nginx.log(),
           'the log says so')

    tally = load.stop()
    tap.ok(tally.complete and not tally.failed,
           'other functions do not notice', tally)
    tap.ok(max(tally.times) < 2 * SLOW, 'nor wait', max(tally.times))

    nginx.finish(tap)
