# What the gateway answers when a function does not: status, body, $faas_error,
# $faas_status and the counter that says so.

use lib 't/lib';
use FaasDefaults;

our $Functions = <<'END';
>>> bad/app.py
import ctypes
import os
import sys
import time


class OwnError(Exception):
    pass


def handler(event, context):
    what = event['rawPath'][1:]
    if what == 'raise':
        raise ValueError('no "good" \u00e4')
    if what == 'own':
        raise OwnError()
    if what == 'exit':
        os._exit(3)
    if what == 'sysexit':
        sys.exit(0)
    if what == 'kill':
        ctypes.string_at(0)
    if what == 'sleep':
        time.sleep(30)
    if what == 'set':
        return {1, 2}
    if what == 'large':
        return 'x' * 6291457
    if what == 'largest':
        return 'x' * (6291456 - 2)
    if what == 'memory':
        data = []
        while True:
            data.append(bytearray(1 << 20))
    return 'good'
>>> init/app.py
raise RuntimeError('not today')
>>> syntax/app.py
def handler(event, context)
    pass
>>> missing/app.py
def other(event, context):
    pass
>>> slow/app.py
import time
time.sleep(60)


def handler(event, context):
    pass
END

faas_defaults(
    functions => $Functions,
    http_config => faas_python(bad => 'timeout 300ms;', init => '',
                               syntax => '', missing => '')
        . 'log_format faas "[$status|$faas_function|$faas_status|$faas_error]";',
    config => <<'END');
        access_log logs/faas.log faas;
        location / { faas_pass bad; }
        location /init { faas_pass init; }
        location /syntax { faas_pass syntax; }
        location /missing { faas_pass missing; }
        location = /status { faas_status; access_log off; }
END

plan tests => 79;
run_tests();

__DATA__

=== TEST 1: an exception
--- request eval
["GET /raise", "GET /own", "GET /good", "GET /status"]
--- error_code eval
[500, 500, 200, 200]
--- response_body_like eval
[(qr/^\{"message":"Internal Server Error"\}$/) x 2, qr/^good$/,
qr/"invocations":3,"successes":1,"errors":\{"handled":2,"unhandled":0\},"timeouts":0,"crashes":0,/]
--- access
[500|bad|error|ValueError]
[500|bad|error|OwnError]
[200|bad|success|-]
--- errors
ValueError
Traceback


=== TEST 2: the environment survives an exception
--- request eval
["GET /good", "GET /raise", "GET /good", "GET /status"]
--- error_code eval
[200, 500, 200, 200]
--- response_body_like eval
["good", "message", "good", qr/"environments_started":1,/]


=== TEST 3: a result that is no JSON
--- request
GET /set
--- error_code: 500
--- response_headers
Content-Type: application/json
--- response_body chomp
{"message":"Internal Server Error"}
--- access
[500|bad|error|Runtime.MarshalError]


=== TEST 4: a function that ends its process
--- request eval
["GET /exit", "GET /good", "GET /status"]
--- error_code eval
[500, 200, 200]
--- response_body_like eval
[qr/^\{"message":"Internal Server Error"\}$/, qr/^good$/,
qr/"invocations":2,"successes":1,.*"crashes":1,/]
--- access
[500|bad|crash|Runtime.ExitError]
[200|bad|success|-]
--- errors
faas: environment bad\/0\.\d+ of function "bad" ended during an invocation: exited \(3\)


=== TEST 5: a function that is killed by a signal
--- request eval
["GET /kill", "GET /good"]
--- error_code eval
[500, 200]
--- response_body_like eval
[qr/^\{"message":"Internal Server Error"\}$/, qr/^good$/]
--- access
[500|bad|crash|Runtime.ExitError]
[200|bad|success|-]
--- errors
of function "bad" ended during an invocation: killed by a signal \(11\)


=== TEST 6: a function that calls sys.exit
--- request
GET /sysexit
--- error_code: 500
--- response_body chomp
{"message":"Internal Server Error"}
--- access
[500|bad|crash|Runtime.ExitError]


=== TEST 7: a function that takes too long
--- request eval
["GET /sleep", "GET /good", "GET /status"]
--- error_code eval
[500, 200, 200]
--- response_body_like eval
[qr/^\{"message":"Internal Server Error"\}$/, qr/^good$/,
qr/"invocations":2,"successes":1,.*"timeouts":1,/]
--- access
[500|bad|timeout|Sandbox.Timedout]
[200|bad|success|-]
--- errors
function "bad" timed out after 300 ms, environment bad\/0\.\d+ is killed while reading response header from upstream


=== TEST 8: an answer that is too large
--- http_config
    client_max_body_size 8m;
--- request eval
["GET /large", "GET /good", "GET /status"]
--- error_code eval
[500, 200, 200]
--- response_body_like eval
[qr/^\{"message":"Internal Server Error"\}$/, qr/^good$/,
qr/"unhandled":1.*"response_too_large":1,/]
--- access
[500|bad|error|Function.ResponseSizeTooLarge]
[200|bad|success|-]


=== TEST 9: an answer of just the size that is allowed
--- request
GET /largest
--- response_body eval
'x' x (6291456 - 2)


=== TEST 10: a limit of one location
--- config
    location /good { faas_response_max 6; faas_pass bad; }
    location /own/good { faas_response_max 5; faas_pass bad; }
--- request eval
["GET /good", "GET /own/good"]
--- error_code eval
[200, 500]
--- response_body eval
["good", '{"message":"Internal Server Error"}']


=== TEST 11: a function that does not start
--- request eval
["GET /init", "GET /status"]
--- error_code eval
[500, 200]
--- response_body_like eval
[qr/^\{"message":"Internal Server Error"\}$/,
qr/"name":"init".*?"invocations":1,"successes":0,"errors":\{"handled":0,"unhandled":1\}.*?"init_errors":1,/s]
--- access
[500|init|error|Runtime.InitError]
--- errors
faas: function "init" does not start: init error: .*not today


=== TEST 12: a function with a mistake in its text
--- request
GET /syntax
--- error_code: 500
--- response_body chomp
{"message":"Internal Server Error"}
--- errors
Runtime.UserCodeSyntaxError


=== TEST 13: a function without the handler
--- request
GET /missing
--- error_code: 500
--- response_body chomp
{"message":"Internal Server Error"}
--- errors
Handler 'handler' missing on module 'app'


=== TEST 14: a function that uses up its memory
--- skip_eval
7: $> != 0
--- http_config
    faas_function hungry {
        runtime python3;
        handler app.handler;
        code $TEST_NGINX_FUNCTIONS/bad;
        timeout 20s;
    }
--- config
    access_log logs/faas.log faas;
    location / { faas_pass hungry; }
    location = /status { faas_status; access_log off; }
--- timeout: 20
--- request eval
["GET /memory", "GET /good", "GET /status"]
--- error_code eval
[500, 200, 200]
--- response_body_like eval
[qr/^\{"message":"Internal Server Error"\}$/, qr/^good$/,
qr/"crashes":1,.*"out_of_memory":1,/s]
--- access
[500|hungry|crash|Runtime.OutOfMemory]
[200|hungry|success|-]
