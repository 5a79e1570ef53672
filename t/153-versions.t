#!/usr/bin/python3
"""Versions and aliases of functions: targets of routes, qualifiers of the
Lambda API, what the function is told (contract, sections 3.1, 5.2 and 6.3)."""

import base64
import json
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap                                # noqa: E402

APP = '''\
import json, os

def handler(event, context):
    return {"statusCode": 200, "body": json.dumps([
        CODE, context.function_name, context.function_version,
        context.invoked_function_arn,
        os.environ["AWS_LAMBDA_FUNCTION_NAME"],
        os.environ["AWS_LAMBDA_FUNCTION_VERSION"],
        os.environ["AWS_LAMBDA_LOG_GROUP_NAME"],
        os.environ["AWS_LAMBDA_LOG_STREAM_NAME"][10:].rstrip("0123456789abcdef")
    ])}
'''

FN = '''
    faas_function %s {
        runtime python3; handler app.handler; code {functions}/%s; %s
    }
'''

API = '''
    log_format version '$uri $faas_function $faas_version';
    access_log {dir}/version.log version;
    faas_api a {
        route GET /plain orders;
        route GET /latest orders:$LATEST;
        route GET /one orders:1;
        route GET /two orders:2;
        route GET /live orders:live;
        route GET /next orders:next;
        route GET ~ ^/re orders:live;
        route $default orders:test-2;
    }
'''

FUNCTIONS = API + FN % ('orders', 'a', '') \
    + FN % ('orders-1', 'b', 'version 1 orders; alias live;') \
    + FN % ('orders-2', 'c', 'version 2 orders; alias next test-2;')

SERVER = '''
    location / { faas_api_pass a; }
    location /pass { faas_pass orders-2; }
    location /2015-03-31/ { faas_lambda_api; faas_auth off; }
'''

ARN = 'arn:aws:lambda:us-east-1:000000000000:function:orders'


def told(code, version, arn):
    return [code, 'orders', version, arn, 'orders', version,
            '/aws/lambda/orders', '/[%s]' % version]


def routes(tap):
    for path, want in (
            ('/plain', told('a', '$LATEST', ARN)),
            ('/latest', told('a', '$LATEST', ARN + ':$LATEST')),
            ('/one', told('b', '1', ARN + ':1')),
            ('/two', told('c', '2', ARN + ':2')),
            ('/live', told('b', '1', ARN + ':live')),
            ('/next', told('c', '2', ARN + ':next')),
            ('/rexyz', told('b', '1', ARN + ':live')),
            ('/other', told('c', '2', ARN + ':test-2')),
            ('/pass', told('c', '2', ARN + ':2'))):
        tap.equal(nginx.get(path).json(), want, 'route ' + path)
    with open(os.path.join(nginx.dir, 'version.log')) as f:
        log = f.read().splitlines()
    tap.equal([line for line in log if '/live' in line or '/pla' in line],
              ['/plain orders $LATEST', '/live orders-1 1'],
              '$faas_function is the block, $faas_version the version')


def invoke(name, **options):
    return nginx.get('/2015-03-31/functions/%s/invocations' % name,
                     method='POST', body=b'{}', **options)


def invocations(tap):
    for name, want in (
            ('orders', told('a', '$LATEST', ARN)),
            ('orders:$LATEST', told('a', '$LATEST', ARN + ':$LATEST')),
            ('orders:1', told('b', '1', ARN + ':1')),
            ('orders:live', told('b', '1', ARN + ':live')),
            (ARN + ':next', told('c', '2', ARN + ':next'))):
        r = invoke(name)
        tap.equal((json.loads(r.json()['body']),
                   r.headers.get('x-amz-executed-version')),
                  (want, want[2]), 'Invoke ' + name)
    r = nginx.get('/2015-03-31/functions/orders/invocations?Qualifier=2',
                  method='POST', body=b'{}')
    tap.equal(json.loads(r.json()['body']), told('c', '2', ARN + ':2'),
              'Qualifier=2')
    for name in ('orders:3', 'orders:dead', 'orders-1', 'orders-1:1',
                 'other:live'):
        r = invoke(name)
        tap.equal((r.status, r.headers.get('x-amzn-errortype')),
                  (404, 'ResourceNotFoundException'), 'unknown: ' + name)
    r = invoke('orders:live', headers={'X-Amz-Log-Type': 'Tail'})
    tap.ok(re.match(rb'START RequestId: \S+ Version: 1\n', base64.b64decode(
        r.headers['x-amz-log-result'])), 'START of the log names the version')

    r = nginx.get('/2015-03-31/functions/orders/configuration?Qualifier=next')
    c = r.json()
    tap.equal((c['FunctionName'], c['Version'], c['FunctionArn']),
              ('orders', '2', ARN + ':next'), 'GetFunctionConfiguration')


def mistakes(tap):
    for functions, why in (
            (FN % ('f', 'a', 'version 0;'), 'invalid version "0"'),
            (FN % ('f', 'a', 'version x;'), 'invalid version "x"'),
            (FN % ('f', 'a', 'version 1 a.b;'),
             'invalid function name "a.b" in "version"'),
            (FN % ('f', 'a', 'alias 12;'), 'invalid alias "12"'),
            (FN % ('f', 'a', 'alias a:b;'), 'invalid alias "a:b"'),
            (FN % ('f', 'a', '') + FN % ('f1', 'a', 'version 1 f;')
             + FN % ('f2', 'a', 'version 1 f;'),
             r'"f:1" is function "f1" in \S+:\d+ and function "f2" in '
             r'\S+:\d+'),
            (FN % ('f', 'a', 'alias live;') + FN % (
                'f1', 'a', 'version 1 f; alias live;'),
             r'"f:live" is function "f" in \S+:\d+ and function "f1" in '
             r'\S+:\d+')):
        nginx.write_conf(http=functions, server='location = /x { return 200; }')
        status, text = nginx.test_conf()
        tap.ok(status != 0 and re.search(why, text), 'nginx -t: ' + why, text)


with Tap() as tap:
    nginx = Nginx(http=FUNCTIONS, server=SERVER, functions={
        c: {'app.py': 'CODE = "%s"\n' % c + APP} for c in 'abc'})
    with nginx:
        routes(tap)
        invocations(tap)

        # an alias moves by a reload

        nginx.write_conf(http=FUNCTIONS.replace('alias live;', '').replace(
            'alias next', 'alias live next'), server=SERVER)
        nginx.reload()
        tap.equal(nginx.get('/live').json(),
                  told('c', '2', ARN + ':live'), 'an alias moves')
        nginx.finish(tap)
        mistakes(tap)
