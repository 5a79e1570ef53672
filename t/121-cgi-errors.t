# A FastCGI application that does not do well, or is left alone.

use lib 't/lib';
use FaasDefaults;

use File::Path qw( make_path );

my $bin = faas_base() . '/bin';
make_path($bin);

if (system("gcc -O1 -Wall -o $bin/app t/functions/cgi.c -lfcgi"
           . " > $bin/log 2>&1") != 0)
{
    Test::More::plan(skip_all => 'no C compiler with libfcgi');
}

faas_defaults(
    http_config => <<'END',
    log_format faas "[$status|$faas_status|$faas_error]";
    faas_function app {
        runtime fastcgi;
        command app;
        code $TEST_NGINX_BASE/bin;
        timeout 300ms;
    }
END
    config => <<'END');
        access_log logs/faas.log faas;
        location / { faas_pass app; }
        location /raw/ {
            rewrite ^/raw(/.*) $1 break;
            faas_buffering off;
            faas_pass app;
        }
        location /intercept/ {
            rewrite ^/intercept(/.*) $1 break;
            faas_intercept_errors on;
            error_page 404 = @page;
            faas_pass app;
        }
        location /accel/ {
            rewrite ^/accel(/.*) $1 break;
            faas_ignore_headers none;
            faas_pass app;
        }
        location /auth/ { auth_request /ask; empty_gif; }
        location = /ask {
            rewrite ^ /large?100000 break;
            faas_pass app;
        }
        location @page { return 200 page; }
        location /there { return 200 there; }
        location = /status { faas_status; access_log off; }
END

plan tests => 70;
run_tests();

__DATA__

=== TEST 1: no answer, or none with a header
--- request eval
["GET /none", "GET /cut", "GET /bad", "GET /bighead", "GET /other"]
--- error_code eval
[502, 502, 502, 502, 404]
--- response_headers eval
[("X-Leak:\nSet-Cookie:\nX-Big:") x 5]
--- response_body eval
[('{"message":"Bad Gateway"}') x 4, "nothing"]
--- access
[502|error|Function.BadResponse]
[502|error|Function.BadResponse]
[502|error|Function.BadResponse]
[502|error|Function.BadResponse]
[404|success|-]


=== TEST 2: it takes too long
--- request eval
["GET /sleep", "GET /other"]
--- error_code eval
[504, 404]
--- response_body eval
['{"message":"Gateway Timeout"}', "nothing"]
--- access
[504|timeout|Sandbox.Timedout]
[404|success|-]


=== TEST 3: it ends before it answers
--- request eval
["GET /exitnow", "GET /other"]
--- error_code eval
[502, 404]
--- response_body eval
['{"message":"Bad Gateway"}', "nothing"]
--- access
[502|crash|Runtime.ExitError]
[404|success|-]


=== TEST 4: it ends in the middle of its answer: the connection is cut
--- request eval
["GET /exit", "GET /raw/exit"]
--- ignore_response
--- access
[200|crash|Runtime.ExitError]
[200|crash|Runtime.ExitError]


=== TEST 5: it stops in the middle of its answer: so it is
--- request eval
["GET /beginsleep", "GET /raw/beginsleep"]
--- ignore_response
--- access
[200|timeout|Sandbox.Timedout]
[200|timeout|Sandbox.Timedout]


=== TEST 6: less than it said it would send
--- request eval
["GET /short", "GET /raw/short"]
--- ignore_response
--- errors
application "app" sent 5 bytes less than specified in "Content-Length" header


=== TEST 7: more than it said it would send
--- request eval
["GET /long", "GET /raw/long"]
--- response_body eval
["long", "long"]
--- errors
application "app" sent more data than specified in "Content-Length" header


=== TEST 8: an answer nobody wants the body of is no crash
--- request eval
["HEAD /large?100000", "HEAD /open?100000", "HEAD /raw/large?100000",
"GET /intercept/other", "GET /accel/head?body", "GET /auth/",
"GET /head?body", "GET /head?body", "GET /pid", "GET /status"]
--- more_headers eval
[("X-Header: X-Accel-Redirect: /there") x 6, "X-Header: Status: 204 None",
"X-Header: Status: 304", "X: y", "X: y"]
--- error_code eval
[(200) x 6, 204, 304, 200, 200]
--- response_body_like eval
["^\$", "^\$", "^\$", "^page\$", "^there\$", "^GIF", "^\$", "^\$",
"^[0-9]+\$", qr/"invocations":9,"successes":9,.*"environments_started":1,/]


=== TEST 9: the connection is used again
--- request eval
["GET /pid", "GET /pid", "GET /status"]
--- response_body_like eval
["^\\d+\$", "^\\d+\$", qr/"environments_started":1,/]
