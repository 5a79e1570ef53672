#!/usr/bin/python3
"""Several invocations at a time in one environment of Node.js."""

import concurrent.futures
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, skip_all, wait_for      # noqa: E402

if not os.path.exists('/usr/bin/node'):
    skip_all('no node')

CODE = '''
/* answers are given when as many have come as the first of them says */
let waiting = [];
let running = 0, most = 0;

exports.handler = async (event, context) => {
    const q = event.queryStringParameters;

    most = Math.max(most, ++running);
    console.log(`came ${q.n}`);

    if (q.all) {
        await new Promise((go) => {
            waiting.push(go);
            if (waiting.length === Number(q.all)) {
                waiting.splice(0).forEach((one) => one());
            }
        });
    }

    console.log(`goes ${q.n}`);
    running--;

    if (q.crash) {
        setImmediate(() => { throw new Error('crashed'); });
        await new Promise(() => {});
    }

    return `${q.n} ${most} ${context.awsRequestId
                             === event.requestContext.requestId}`;
};
'''

HTTP = '''
    faas_function f {
        runtime nodejs; handler app.handler; code {functions}/f;
        concurrency 8; environment_concurrency 8; timeout 10s;
        queue 100 timeout=10s;
    }
    log_format faas "$arg_n $faas_request_id $status $faas_status";
'''

SERVER = '''
    access_log {dir}/faas.log faas;
    location = / { faas_pass f; }
    location = /status { faas_status; access_log off; }
'''


def at_once(nginx, n, more=''):
    with concurrent.futures.ThreadPoolExecutor(n) as pool:
        return list(pool.map(
            lambda i: nginx.get('/?n=%d&all=%d%s' % (i, n, more)), range(n)))


with Tap() as tap, Nginx(functions={'f': {'app.js': CODE}}, http=HTTP,
                         server=SERVER) as nginx:
    found = at_once(nginx, 8)
    tap.equal([r.status for r in found], [200] * 8, 'eight wait for another')
    tap.equal([r.text for r in found], ['%d 8 true' % i for i in range(8)],
              'in one process')

    found = at_once(nginx, 8)
    tap.equal([r.text for r in found], ['%d 8 true' % i for i in range(8)],
              'and again')

    load = nginx.load('/?n=9', connections=16, requests=600,
                      check=lambda r, n: r.text == '9 8 true')
    tally = load.join()
    tap.equal((tally.sent, tally.ok), (600, 600),
              'never more than eight, however many come')

    status = nginx.get('/status').json()
    f = [x for x in status['functions'] if x['name'] == 'f'][0]
    tap.equal((f['counters']['environments_started'], f['invocations']),
              (1, 616),
              'one environment served them all')

    with open(nginx.dir + '/faas.log') as f:
        ids = dict(line.split()[:2] for line in list(f)[:8])
    log = nginx.log()
    tap.equal([n for n, rid in ids.items()
               if not re.search(r'faas: \[f %s\] [^\n]*%s[^\n]*came %s$'
                                % (rid, rid, n), log, re.M)
               or not re.search(r'faas: \[f %s\] [^\n]*%s[^\n]*goes %s$'
                                % (rid, rid, n), log, re.M)], [],
              'lines of each have its id')

    found = at_once(nginx, 4, '&crash=1')
    tap.equal([r.status for r in found], [500] * 4,
              'an error that nobody catches is everybody\'s')
    tap.equal(nginx.get('/?n=1').text, '1 1 true', 'and the next is served')
    wait_for(lambda: nginx.log().count('crashed') >= 1)
    nginx.finish(tap)
