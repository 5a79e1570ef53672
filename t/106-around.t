# Error pages, headers, compression, X-Accel: what nginx does to answers.

use lib 't/lib';
use FaasDefaults;

our $Functions = <<'END';
>>> f/app.py
def handler(event, context):
    q = event.get('queryStringParameters', {})
    if 'raise' in q:
        raise ValueError
    return {'statusCode': int(q.get('status', 200)),
            'headers': {'Content-Type': 'text/plain', 'X-One': '1',
                        'X-Two': '2',
                        **{k: v for k, v in q.items() if k[0] == 'X'}},
            'body': event['rawPath'] + q.get('more', '')}
>>> other/app.py
def handler(event, context):
    return 'other ' + event['rawPath']
END

faas_defaults(
    functions => $Functions,
    http_config => faas_python(f => '', other => '') . <<'END');
    log_format faas "[$status|$uri|$faas_function|$faas_status|$faas_error]";
END

plan tests => 81;
run_tests();

__DATA__

=== TEST 1: error_page in place of the gateway's errors, not the function's
--- config
    location / {
        error_page 500 404 /page;
        faas_pass f;
    }
    location /page { return 200 page; }
--- request eval
["GET /?raise=1", "GET /?status=500", "GET /?status=404"]
--- error_code eval
[500, 500, 404]
--- response_body eval
["page", "/", "/"]


=== TEST 2: with faas_intercept_errors in place of both
--- config
    location / {
        error_page 500 /page;
        error_page 404 =200 /page;
        faas_intercept_errors on;
        faas_pass f;
    }
    location /page { return 200 page; }
--- request eval
["GET /?raise=1", "GET /?status=500", "GET /?status=404", "GET /?status=403"]
--- error_code eval
[500, 500, 200, 403]
--- response_body eval
["page", "page", "page", "/"]


=== TEST 3: another function answers when one fails
--- config
    access_log logs/faas.log faas;
    location / {
        error_page 500 = @other;
        faas_pass f;
    }
    location @other { faas_pass other; }
--- request
GET /x?raise=1
--- response_body chomp
other /x
--- access
[200|/x|other|success|-]


=== TEST 4: $faas_... tell of the failed invocation in its error page
--- config
    access_log logs/faas.log faas;
    location / {
        error_page 500 /page;
        faas_pass f;
    }
    location /page {
        internal;
        return 200 "$faas_function $faas_error";
    }
--- request
GET /x?raise=1
--- error_code: 500
--- response_body chomp
f ValueError
--- access
[500|/page|f|error|ValueError]


=== TEST 5: error_page for what is refused before it is an invocation
--- config
    error_page 413 404 /page;
    location / { faas_request_max 3; faas_pass f; }
    location /name { faas_pass $arg_name; }
    location /page { return 200 page; }
--- request eval
["POST /\n1234", "GET /name?name=g", "POST /name?name=g\n1234"]
--- error_code eval
[413, 404, 404]
--- response_body eval
["page", "page", "page"]


=== TEST 6: an error page that fails itself
--- config
    error_page 500 /page?raise=1;
    location / { faas_pass f; }
--- request
GET /?raise=1
--- error_code: 500
--- response_body chomp
{"message":"Internal Server Error"}


=== TEST 7: recursive error pages
--- config
    recursive_error_pages on;
    location / { error_page 500 /two?raise=1; faas_pass f; }
    location /two { error_page 500 /three; faas_pass f; }
    location /three { return 200 three; }
--- request
GET /?raise=1
--- error_code: 500
--- response_body chomp
three


=== TEST 8: add_header with answers and with errors
--- config
    location / {
        add_header X-Added yes;
        add_header X-Always $faas_error always;
        faas_pass f;
    }
--- request eval
["GET /", "GET /?raise=1"]
--- error_code eval
[200, 500]
--- response_headers eval
["X-Added: yes\nX-Always:", "X-Added:\nX-Always: ValueError"]


=== TEST 9: hidden headers
--- config
    faas_hide_header X-One;
    location / { faas_pass f; }
    location /own { faas_hide_header X-Two; faas_pass f; }
--- request eval
["GET /", "GET /own"]
--- response_headers eval
["X-One:\nX-Two: 2", "X-One: 1\nX-Two:"]


=== TEST 10: headers that are hidden unless they are passed
--- config
    location / { faas_pass f; }
    location /pass {
        faas_pass_header X-Accel-Expires;
        faas_pass f;
    }
--- request eval
["GET /?X-Accel-Expires=5", "GET /pass?X-Accel-Expires=5"]
--- response_headers eval
["X-Accel-Expires:", "X-Accel-Expires: 5"]


=== TEST 11: X-Accel-Redirect is not followed
--- config
    location / { faas_pass f; }
    location /secret { internal; return 200 secret; }
--- request
GET /?X-Accel-Redirect=/secret
--- response_headers
X-Accel-Redirect:
--- response_body chomp
/


=== TEST 12: unless it is allowed
--- config
    access_log logs/faas.log faas;
    location / { faas_ignore_headers none; faas_pass f; }
    location /secret { internal; return 200 secret; }
    location @named { return 200 named; }
--- request eval
["GET /?X-Accel-Redirect=/secret", "GET /?X-Accel-Redirect=\@named", "GET /"]
--- response_body eval
["secret", "named", "/"]
--- access
[200|/secret|f|success|-]
[200|/|f|success|-]
[200|/|f|success|-]


=== TEST 13: from one function to another one
--- config
    location / { faas_ignore_headers Vary; faas_pass f; }
    location /other { internal; faas_pass other; }
--- request
GET /?X-Accel-Redirect=/other/x
--- response_body chomp
other /other/x


=== TEST 14: the speed is not the function's affair
--- config
    location / { faas_pass f; }
--- request eval
"GET /?X-Accel-Limit-Rate=1&more=" . "x" x 2000
--- response_body eval
"/" . "x" x 2000


=== TEST 15: compressed answers
--- config
    location / {
        gzip on;
        gzip_types *;
        gzip_min_length 1;
        faas_pass f;
    }
--- request eval
"GET /?more=" . "x" x 2000
--- more_headers
Accept-Encoding: gzip
--- response_headers
Content-Encoding: gzip
Content-Length:
X-One: 1


=== TEST 16: compressed errors
--- config
    location / {
        gzip on;
        gzip_types *;
        gzip_min_length 1;
        faas_pass f;
    }
--- request
GET /?raise=1
--- more_headers
Accept-Encoding: gzip
--- error_code: 500
--- response_headers
Content-Type: application/json
--- response_body chomp
{"message":"Internal Server Error"}


=== TEST 17: text is replaced in answers
--- config
    location / {
        sub_filter_types *;
        sub_filter path way;
        faas_pass f;
    }
--- request
GET /path?more=s
--- response_body chomp
/ways


=== TEST 18: charset and types
--- config
    location / {
        charset utf-8;
        faas_pass f;
    }
--- request
GET /
--- response_headers
Content-Type: text/plain; charset=utf-8


=== TEST 19: ranges of an answer
--- config
    location / {
        proxy_force_ranges on;
        faas_pass f;
    }
--- request
GET /0123456789
--- more_headers
Range: bytes=1-3
--- response_body chomp
/0123456789


=== TEST 20: expires and Cache-Control of the location
--- config
    location / { expires 1h; faas_pass f; }
--- request
GET /
--- response_headers
Cache-Control: max-age=3600


=== TEST 21: without a cache conditions are the function's affair
--- functions
>>> tag/app.py
def handler(event, context):
    if event['headers'].get('if-none-match') == '"v2"':
        return {'statusCode': 304, 'headers': {'ETag': '"v2"'}}
    return {'statusCode': 200, 'headers': {'ETag': '"v1"'}, 'body': 'b'}
--- http_config eval
main::faas_python(tag => '')
--- config
    location / { faas_pass tag; }
--- request eval
["GET /", "GET /"]
--- more_headers eval
['If-None-Match: "v1"', 'If-None-Match: "v2"']
--- error_code eval
[200, 304]
--- response_headers eval
['ETag: "v1"', 'ETag: "v2"']
--- response_body eval
["b", ""]
