#!/usr/bin/python3
"""Node.js services written for API Gateway (Express, Hono, Fastify, by their
own adapters) answer as they do without it: the same requests are sent to the
application itself and through nginx, by every type of API.

Whatever differs and is not in RULES is a failure; so is a rule for what does
not differ.
"""

import concurrent.futures
import json
import os
import re
import shutil
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import SLOW, Nginx, Tap, wait_for                # noqa: E402
from faas_apps import Client, Plain, deploy, differences, install  # noqa: E402,E501
from faas_apps_cases import cases                              # noqa: E402
from faas_apps_rules import RULES                              # noqa: E402

# adapter: the application it serves
ADAPTERS = {'vendia': 'express', 'serverless-http': 'express',
            'hono': 'hono', 'hono-stream': 'hono', 'fastify': 'fastify'}

# these need the function's setting
STREAMING = ['hono-stream']

APIS = {
    'two': 'route $default %s;',
    'one': 'payload 1.0; route $default %s;',
    'rest': 'type rest; route ANY / %s; route ANY "/{proxy+}" %s;',
    'restbin': 'type rest; binary_media_types */*; '
               'route ANY / %s; route ANY "/{proxy+}" %s;',
    'url': 'type url; route $default %s;',
    'lb': 'type alb; route $default %s;',
    'lbs': 'type alb; multi_value on; route $default %s;',
}

# lists of values of a load balancer are not supported by these; streams are
# not by load balancers
UNSUPPORTED = {('serverless-http', 'lbs'), ('fastify', 'lbs'),
               ('hono-stream', 'lb'), ('hono-stream', 'lbs')}


def apis(adapter):
    return [a for a in APIS if (adapter, a) not in UNSUPPORTED]


def http(folder):
    text = ''
    for adapter in ADAPTERS:
        text += '''
    faas_function %s {
        runtime nodejs; handler index.handler; code %s/%s;
        memory 256m; timeout 20s; concurrency 2; streaming %s;
    }
''' % (adapter, folder, adapter, 'on' if adapter in STREAMING else 'off')
        for api, what in APIS.items():
            text += '    faas_api %s_%s { %s }\n' % (
                api, adapter, what.replace('%s', adapter))
    return text


HANDLERS = '''
    faas_function middy {
        runtime nodejs; handler index.handler; code {apps}/middy;
        memory 256m; timeout 20s;
    }

    faas_function powertools {
        runtime nodejs; handler index.handler; code {apps}/powertools;
        memory 256m; timeout 20s;
        environment POWERTOOLS_LOG_LEVEL=INFO POWERTOOLS_DEV=false;
    }

    faas_api two_middy { route $default middy; }
    faas_api rest_middy { type rest; route ANY "/{proxy+}" middy; }
    faas_api two_powertools { route $default powertools; }
'''

SERVER = '    client_max_body_size 6m;\n' + ''.join(
    '    location /%s/%s/ { faas_api_pass %s_%s base_path=/%s/%s; }\n'
    % (api, adapter, api, adapter, api, adapter)
    for adapter, api in [(a, b) for a in ADAPTERS for b in APIS]
    + [('middy', 'two'), ('middy', 'rest'), ('powertools', 'two')])


class Used:
    """What rules say, and which of them were needed."""

    def __init__(self):
        self.rules = set()

    def unexplained(self, api, adapter, case, expected, got):
        left = []
        for d in differences(expected, got):
            found = [r for r in RULES if r.explains(api, adapter, case, d,
                                                   expected, got)]
            self.rules.update(found)
            if not found:
                left.append('%s: %s\n    by itself: %.300r\n    got:       '
                            '%.300r' % (api, d.field, d.expected, d.got))
        return left


def compare(used, adapter, plain_port, port):
    """[(case, what is wrong)] of one adapter."""
    plain, nginx = Client(plain_port), Client(port)
    results = []
    for case in cases():
        expected = plain.ask(case)
        wrong = []
        for api in apis(adapter):
            got = nginx.ask(case, '/%s/%s' % (api, adapter))
            wrong += used.unexplained(api, adapter, case, expected, got)
        results.append((case, wrong))
    plain.close()
    nginx.close()
    return results


def run(tap, plain, port):
    used = Used()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        futures = {a: pool.submit(compare, used, a, plain[app], port)
                   for a, app in ADAPTERS.items()}
        for adapter, future in futures.items():
            for case, wrong in future.result():
                tap.ok(not wrong, '%s: %.60s' % (adapter, case.name),
                       '\n'.join(wrong))

    for rule in RULES:
        tap.ok(rule in used.rules, 'needed: %.60s' % rule.why)


def middy(tap, nginx):
    def post(api, body, **headers):
        headers = {k.replace('_', '-'): v for k, v in headers.items()}
        return nginx.get('/%s/middy/orders' % api, method='POST', body=body,
                         headers=headers)

    for api in 'two', 'rest':
        r = post(api, b'{"item":"\xc3\xa9"}', X_CUSTOM_Header='a',
                 CONTENT_TYPE='application/json',
                 Origin='https://b.example')
        tap.equal([r.status, r.json()],
                  [201, {'item': '\u00e9', 'type': 'application/json',
                         'custom': 'a'}], 'middy, %s: an order' % api)
        tap.equal([r.headers.get('access-control-allow-origin'),
                   r.headers.get('access-control-allow-credentials'),
                   r.headers.get('vary')],
                  ['https://b.example', 'true', 'Origin'],
                  'middy, %s: cross-origin' % api)
        r = post(api, b'{"item"', Content_Type='application/json')
        tap.equal(r.status, 415, 'middy, %s: malformed JSON' % api)
        r = post(api, b'item=1', Content_Type='text/plain')
        tap.equal(r.status, 415, 'middy, %s: another type' % api)
        r = post(api, b'{"no":1}', Content_Type='application/vnd.a+json')
        tap.equal([r.status, r.text], [422, 'no item'],
                  'middy, %s: an error to show' % api)
        r = post(api, b'{"fail":1}', Content_Type='application/json')
        tap.equal([r.status, b'for the log' in r.body], [500, False],
                  'middy, %s: an error not to show' % api)


def powertools(tap, nginx):
    answers = [nginx.get('/two/powertools/a%20b').json() for _ in range(2)]
    ids = [a['id'] for a in answers]
    tap.ok(ids[0] != ids[1] and answers[0]['name'] == 'powertools',
           'powertools: the context', answers)

    def lines():
        found = re.findall(r'faas: \[powertools ([0-9a-f-]+)\] (\{.*\})(?: '
                           r'while|, client|$)', nginx.log(), re.M)
        return [(rid, json.loads(text)) for rid, text in found]

    wait_for(lambda: len(lines()) >= 7, 5 * SLOW, 'lines of Powertools')
    logs = [(rid, e) for rid, e in lines() if 'level' in e]
    tap.equal([(e['level'], e['message'], e['service'], e['path'],
                e['function_name'], e['function_memory_size'],
                e['cold_start']) for _, e in logs],
              [(level, text, 'shop', '/a b', 'powertools', '256', cold)
               for cold in (True, False)
               for level, text in (('INFO', 'an order'),
                                   ('ERROR', 'it failed'))],
              'powertools: lines of the logger')
    tap.equal([(rid, e['function_request_id']) for rid, e in logs],
              [(rid, rid) for rid in ids for _ in range(2)],
              'powertools: each in its own invocation')
    tap.ok(all(e['xray_trace_id'].startswith('1-') for _, e in logs),
           'powertools: the trace', logs)
    tap.ok(logs[1][1]['error']['name'] == 'TypeError'
           and 'index.js' in logs[1][1]['error']['location'],
           'powertools: an error', logs[1])

    metrics = [e for _, e in lines() if '_aws' in e]
    tap.equal([(e.get('ColdStart'), e.get('orders'), e.get('route'),
                e['service'], e['_aws']['CloudWatchMetrics'][0]['Namespace'])
               for e in metrics],
              [(1, None, None, 'shop', 'Shop'),
               (None, 3, '$default', 'shop', 'Shop'),
               (None, 3, '$default', 'shop', 'Shop')],
              'powertools: metrics, and one cold start')


def main():
    modules = install()
    folder = tempfile.mkdtemp(prefix='faas-apps-')
    os.chmod(folder, 0o755)
    try:
        for adapter, app in ADAPTERS.items():
            deploy(os.path.join(folder, adapter), modules, 'data.js', app,
                   *([adapter] if adapter != app else []))
        for handler in 'middy', 'powertools':
            deploy(os.path.join(folder, handler), modules, handler)
        with Tap() as tap, \
                Plain(folder + '/vendia') as express, \
                Plain(folder + '/hono') as hono, \
                Plain(folder + '/fastify') as fastify, \
                Nginx(http=http(folder) + HANDLERS.replace('{apps}', folder),
                      server=SERVER) as nginx:
            middy(tap, nginx)
            powertools(tap, nginx)
            run(tap, {'express': express.port, 'hono': hono.port,
                              'fastify': fastify.port}, nginx.port)
            nginx.finish(tap)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


main()
