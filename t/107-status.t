# faas_status, and the variables for logs.

use lib 't/lib';
use FaasDefaults;

our $Functions = <<'END';
>>> f/app.py
import time


def handler(event, context):
    if event['rawPath'] == '/sleep':
        time.sleep(0.05)
    if event['rawPath'] == '/raise':
        raise KeyError(1)
    return context.aws_request_id
END

faas_defaults(
    functions => $Functions,
    http_config => faas_python(f => 'memory 200m; timeout 5s;',
                               unused => 'concurrency 7;') . <<'END',
    log_format faas "$status";
END
    config => <<'END');
        location / { faas_pass f; }
        location /static { return 200; }
        location = /status { faas_status; access_log off; }
END

add_block_preprocessor(sub {
    my $block = shift;
    my $functions = $block->functions;

    $functions .= ">>> unused/app.py\n";
    $block->set_value(functions => $functions);
});

plan tests => 46;
run_tests();

__DATA__

=== TEST 1: JSON by default
--- request eval
["GET /", "GET /status"]
--- response_headers eval
["Content-Type: application/json", "Content-Type: application/json"]
--- response_body_like eval
["-",
qr/^\{"version":"[0-9.]+","generation":1,"applied":1,"supervisor":\{"pid":\d+,"up":true,"starts":1,"ledger_errors":0\},"isolation":"(full|user|landlock|none)","environments":\{"blank":\d+,"init":\d+,"ready":0,"idle":0,"busy":0,"drain":0,"dead":0\},"functions":\[\n\{"name":"f","state":"live","version":1,"concurrency":512,"timeout_ms":5000,"memory_mb":200,"invocations":1,"successes":1,"errors":\{"handled":0,"unhandled":0\},"timeouts":0,"crashes":0,"in_flight":0,"queued":0,"gb_ms":\d+\.\d{3},"peak_memory_bytes":\d+,"duration_quantiles_us":\{"p50":\d+,"p90":\d+,"p99":\d+,"p999":\d+\},"environments":\{"blank":0,[^}]*\},"counters":\{"throttles_concurrency":0,[^}]*\}\},\n\{"name":"unused",.*"concurrency":7,.*"invocations":0,.*\}\]\}\n$/]


=== TEST 2: what was counted
--- request eval
["GET /sleep", "GET /raise", "GET /", "GET /status"]
--- error_code eval
[200, 500, 200, 200]
--- response_body_like eval
["-", "message", "-",
qr/"name":"f".*?"invocations":3,"successes":2,"errors":\{"handled":1,"unhandled":0\},"timeouts":0,"crashes":0,"in_flight":0,"queued":0,"gb_ms":(?!0\.000)\d+\.\d{3},"peak_memory_bytes":\d+,"duration_quantiles_us":\{"p50":\d+,"p90":[5-9]\d{4},"p99":[5-9]\d{4},"p999":[5-9]\d{4}\},"environments":\{"blank":0,"init":0,"ready":0,"idle":1,"busy":0,"drain":0,"dead":0\},.*?"cold_starts":1,"init_us":[1-9]\d*,"duration_us":[5-9]\d{4},"billed_ms":\d+,"billed_mb_ms":\d+,"bytes_in":1\d{3},"bytes_out":[1-9]\d{2},"queue_us":\d+,"environments_started":1,"environments_ended":0\}/s]


=== TEST 3: HTML for a browser
--- request eval
["GET /status", "GET /status", "GET /status?html", "GET /status"]
--- more_headers eval
["Accept: text/html,application/xhtml+xml,*/*;q=0.8",
"Accept: application/json, text/html", "Accept: application/json",
"Accept: */*"]
--- response_headers eval
["Content-Type: text/html; charset=utf-8", "Content-Type: application/json",
"Content-Type: text/html; charset=utf-8", "Content-Type: application/json"]
--- response_body_like eval
[qr/^<!DOCTYPE html>.*<td>f<\/td>.*<td>unused<\/td>.*<\/html>$/s, qr/^\{/,
qr/^<!DOCTYPE html>/, qr/^\{/]


=== TEST 4: HEAD, and methods that are not allowed
--- request eval
["HEAD /status", "POST /status\nbody", "DELETE /status"]
--- error_code eval
[200, 405, 405]
--- response_body_like eval
["^\$", "405", "405"]


=== TEST 5: variables of the first invocation and of a later one
--- http_config
    log_format all "$faas_function|$faas_version|$faas_environment|$faas_cold_start|$faas_init_ms|$faas_duration_ms|$faas_billed_ms|$faas_memory_mb|$faas_max_memory_mb|$faas_queue_ms|$faas_error|$faas_status";
--- config
    access_log logs/faas.log all;
    location / { faas_pass f; }
--- request eval
["GET /", "GET /sleep"]
--- response_body_like eval
[("-") x 2]
--- access_like
^f\|\$LATEST\|\d+\.0\|1\|\d+\.\d{3}\|\d+\.\d{3}\|\d+\|200\|[-\d]+\|\d+\.\d{3}\|-\|success
f\|\$LATEST\|\d+\.0\|0\|-\|5\d\.\d{3}\|5\d\|200\|[-\d]+\|\d+\.\d{3}\|-\|success$


=== TEST 6: the request id is that of the context
--- config
    location / {
        add_header X-Id $faas_request_id;
        faas_pass f;
    }
--- request
GET /
--- response_headers_like
X-Id: [0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}
--- response_body_like: ^[0-9a-f]{8}-


=== TEST 7: variables of a request that is no invocation
--- http_config
    log_format all "$faas_request_id|$faas_function|$faas_version|$faas_environment|$faas_cold_start|$faas_init_ms|$faas_duration_ms|$faas_billed_ms|$faas_memory_mb|$faas_max_memory_mb|$faas_queue_ms|$faas_error|$faas_status";
--- config
    access_log logs/faas.log all;
    location /static { return 200; }
--- request
GET /static
--- access
-|-|-|-|-|-|-|-|-|-|-|-|-


=== TEST 8: variables of a request that was refused
--- http_config
    log_format all "$faas_function|$faas_environment|$faas_duration_ms|$faas_billed_ms|$faas_error|$faas_status";
--- config
    access_log logs/faas.log all;
    location / { faas_request_max 1; faas_pass f; }
--- request
POST /
12
--- error_code: 413
--- access
f|-|-|-|RequestEntityTooLargeException|refused


=== TEST 9: variables can be used before the end
--- config
    location / {
        set $id "[$faas_request_id]";
        add_header X-Id $id;
        faas_pass f;
    }
--- request
GET /
--- response_headers
X-Id: []
