#!/usr/bin/python3
"""lua/resty/faas.lua: functions called from Lua, and counters."""

import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import MODULE, TOP, Nginx, Tap, skip_all         # noqa: E402

MODULES = '/usr/lib/nginx/modules'

if not MODULE or not os.path.exists(MODULES + '/ngx_http_lua_module.so'):
    skip_all('there is no lua-nginx-module for this nginx')

CODE = '''\
import time

def handler(event, context):
    if event == "raise":
        raise ValueError("no")
    if event == "slow":
        time.sleep(0.3)
    print("a line")
    client = context.client_context
    return {"event": event, "client": client.custom if client else None}
'''

MAIN = '''
load_module %s/ndk_http_module.so;
load_module %s/ngx_http_lua_module.so;
''' % (MODULES, MODULES)

HTTP = '''
    lua_package_path "%s/lua/?.lua;;";

    faas_function f {
        runtime python3; handler app.handler; code {functions}/f;
        concurrency 4;
    }
    faas_function busy {
        runtime python3; handler app.handler; code {functions}/f;
        concurrency 0;
    }
''' % TOP

SERVER = r'''
    location /_faas/ { internal; faas_lambda_api; faas_auth off; }
    location /elsewhere/ { internal; faas_lambda_api; faas_auth off; }

    location /invoke {
        content_by_lua_block {
            local faas = require "resty.faas"
            local cjson = require "cjson.safe"
            ngx.req.read_body()
            local a = cjson.decode(ngx.req.get_body_data())
            if a.payload == cjson.null then
                a.payload = nil
            end
            local payload, err, info = faas.invoke(a.name, a.payload, a.opts)
            ngx.say(cjson.encode({payload or cjson.null, err or cjson.null,
                                  info or cjson.null}))
        }
    }

    location /many {
        content_by_lua_block {
            local faas = require "resty.faas"
            local threads, n = {}, 0
            ngx.update_time()
            local started = ngx.now()
            for i = 1, 4 do
                threads[i] = ngx.thread.spawn(faas.invoke, "f", '"slow"')
            end
            for i = 1, 4 do
                local ok, payload = ngx.thread.wait(threads[i])
                n = n + (ok and payload and 1 or 0)
            end
            ngx.update_time()
            ngx.say(n, " ", ngx.now() - started < 1.2 * n and "at once"
                    or "one by one")
        }
    }

    location /counters {
        content_by_lua_block {
            local faas = require "resty.faas"
            local cjson = require "cjson.safe"
            local t, err = faas.counters(ngx.var.arg_name)
            ngx.say(cjson.encode(t or err))
        }
    }

    location /wrong {
        content_by_lua_block {
            local faas = require "resty.faas"
            ngx.say(pcall(function() faas.locations = "/x" end))
            ngx.say(faas.invoke(1))
            ngx.say(faas.invoke("f", {}))
        }
    }
'''


with Tap() as tap, Nginx(main=MAIN, http=HTTP, server=SERVER,
                         functions={'f': {'app.py': CODE}}) as nginx:
    def invoke(name, payload=None, headers=None, **opts):
        body = json.dumps({'name': name, 'payload': payload, 'opts': opts})
        return nginx.get('/invoke', method='POST', headers=headers,
                         body=body).json()

    payload, err, info = invoke('f', '{"a":1}')
    tap.equal([json.loads(payload), err, info['status'], info['version'],
               len(info['request_id']), 'log_tail' in info],
              [{'event': {'a': 1}, 'client': None}, None, 200, '$LATEST', 36,
               False], 'a result')
    payload, err, info = invoke('f', log_tail=True,
                                client_context='{"custom":{"x":"ü &=+"}}')
    tap.equal([json.loads(payload), 'a line\nEND' in info['log_tail']],
              [{'event': {}, 'client': {'x': 'ü &=+'}}, True],
              'log and client context')
    payload, err, info = invoke('f', '1', headers={
        'X-Amz-Log-Type': 'Tail', 'X-Amz-Invocation-Type': 'DryRun'})
    tap.equal([json.loads(payload)['event'], 'log_tail' in info], [1, False],
              "the client's own headers ask for nothing")
    payload, err, info = invoke('f', '"raise"')
    tap.equal([json.loads(payload)['errorType'], err], ['ValueError',
                                                       'Unhandled'],
              'a function that failed')
    for name, payload, error in (
            ('nobody', '1', 'ResourceNotFoundException'),
            ('busy', '1', 'TooManyRequestsException'),
            ('f', '{', 'InvalidRequestContentException')):
        got = invoke(name, payload)
        tap.equal(got[:2], [None, error], error)
    tap.ok('Function not found' in invoke('nobody')[2]['body'],
           'the body of a refusal')
    tap.equal(invoke('f', '1', dry_run=True)[2]['status'], 204, 'a dry run')
    tap.equal([invoke(name)[1] for name in ('../f', '..', 'f/../g', 'a b')],
              ['ValidationException'] * 4, 'what is no name')
    tap.equal(invoke('f', '1', location='/elsewhere')[1], None,
              'another location')
    tap.equal(nginx.get('/_faas/2015-03-31/functions/f/invocations',
                        method='POST', body='1').status, 404,
              'which is closed to clients')
    tap.equal(nginx.get('/many').text, '4 at once\n', 'several at once')

    counters = nginx.get('/counters?name=f').json()
    tap.equal([counters['errors'], counters['crashes'],
               counters['invocations'] == nginx.metrics('f')['invocations'],
               counters['in_flight']], [1, 0, True, 0], 'counters')
    tap.equal(nginx.get('/counters?name=x').json(), 'no such function',
              'counters of nobody')
    lines = nginx.get('/wrong').text.splitlines()
    tap.ok('has no setting "locations"' in lines[0]
           and lines[1:] == ['nilname must be a string',
                             'nilpayload must be a string of JSON'],
           'wrong use', lines)
    nginx.allowed.append(r'\[error\]')
    nginx.finish(tap)
