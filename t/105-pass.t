# Where faas_pass can stand, and what nginx can do around it.

use lib 't/lib';
use FaasDefaults;

our $Functions = <<'END';
>>> one/app.py
def handler(event, context):
    return 'one %s %s' % (event['requestContext']['http']['method'],
                          event['rawPath'])
>>> two/app.py
def handler(event, context):
    return 'two ' + event['rawPath']
>>> auth/app.py
def handler(event, context):
    ok = event['headers'].get('authorization') == 'secret'
    return {'statusCode': 204 if ok else 401,
            'headers': {'WWW-Authenticate': 'Basic', 'X-User': 'me',
                        'X-Body': event.get('body', 'none')}}
>>> mirror/app.py
import os


def handler(event, context):
    print('mirrored', event['requestContext']['http']['method'],
          event['rawPath'], event.get('body'))
END

faas_defaults(
    functions => $Functions,
    http_config => faas_python(one => '', two => '', auth => '',
                               mirror => ''));

plan tests => 210;
run_tests();

__DATA__

=== TEST 1: a name with variables
--- config
    location ~ ^/f/(?<name>[^/]*) { faas_pass $name; }
    location /arg { faas_pass o$arg_n; }
--- request eval
["GET /f/one", "GET /f/two/x", "GET /arg?n=ne"]
--- response_body eval
["one GET /f/one", "two /f/two/x", "one GET /arg"]


=== TEST 2: an unknown name is not found
--- config
    location ~ ^/f/(?<name>[^/]*) { faas_pass $name; }
--- request eval
["GET /f/three", "GET /f/", "GET /f/One", "POST /f/three\nbody",
"GET /f/one%20x", "GET /f/" . "x" x 300]
--- error_code eval
[(404) x 6]
--- response_headers eval
[("Content-Type: application/json") x 6]
--- response_body eval
[('{"message":"Not Found"}') x 6]
--- errors
\[error\] .*faas: unknown function "three"


=== TEST 3: faas_pass in "if", alone or over another one
--- config
    location / {
        if ($arg_to = two) { faas_pass two; }
        faas_pass one;
    }
    location /only {
        if ($arg_to = two) { faas_pass two; }
        return 200 none;
    }
    location /inherit {
        faas_pass one;
        if ($arg_x) { set $y 1; }
    }
    location /inherit/name {
        set $name one;
        faas_pass $name;
        if ($arg_x) { set $y 1; }
    }
--- request eval
["GET /?to=two", "GET /", "GET /inherit?x=1", "GET /inherit/name?x=1"]
--- response_body eval
["two /", "one GET /", "one GET /inherit", "one GET /inherit/name"]


=== TEST 4: limit_except
--- config
    location / {
        limit_except GET { deny all; }
        faas_pass one;
    }
    location /other {
        limit_except GET { faas_pass two; }
        faas_pass one;
    }
    location /same {
        limit_except GET { allow all; }
        faas_pass one;
    }
--- request eval
["GET /", "HEAD /", "POST /", "POST /same", "GET /other",
"POST /other"]
--- error_code eval
[200, 200, 403, 200, 200, 200]
--- response_body_like eval
["^one GET /\$", "^\$", "403 Forbidden", "^one POST /same\$",
"^one GET /other\$", "^two /other\$"]


=== TEST 5: a location with a slash at its end redirects to it
--- config
    location /folder/ { faas_pass one; }
--- request eval
["GET /folder?a=1", "GET /folder/x"]
--- error_code eval
[301, 200]
--- response_headers_like eval
["Location: http://localhost(:\\d+)?/folder/\\?a=1", ""]


=== TEST 6: locations within another one do not inherit the function
--- config
    location / {
        faas_pass one;
        location /static { return 200 static; }
        location /nested { faas_pass two; }
    }
--- request eval
["GET /", "GET /static", "GET /nested"]
--- response_body eval
["one GET /", "static", "two /nested"]


=== TEST 7: auth_request asks a function
--- config
    location / {
        auth_request /auth;
        auth_request_set $user $upstream_http_x_user;
        add_header X-User $user;
        return 200 in;
    }
    location /f {
        auth_request /auth;
        faas_pass one;
    }
    location = /auth { internal; faas_pass auth; }
--- request eval
[map { ("GET /f", "GET /f", "POST /f\nbody") } 1]
--- more_headers eval
["Authorization: secret", "X: y", "Authorization: secret"]
--- error_code eval
[200, 401, 200]
--- response_body_like eval
["^one GET /f\$", "401 Authorization Required", "^one POST /f\$"]


=== TEST 8: what the asked function says is there for the request
--- config
    location / {
        auth_request /auth;
        auth_request_set $user $upstream_http_x_user;
        auth_request_set $body $upstream_http_x_body;
        auth_request_set $function $faas_function;
        add_header X-User $user;
        add_header X-Body $body;
        faas_pass one;
    }
    location = /auth { internal; faas_pass auth; }
--- request
POST /
hello
--- more_headers
Authorization: secret
--- response_headers
X-User: me
X-Body: none
--- response_body chomp
one POST /


=== TEST 9: a function behind auth_request of something else
--- config
    location / {
        auth_request /auth;
        faas_pass one;
    }
    location = /auth { return 204; }
--- request
GET /
--- response_body chomp
one GET /


=== TEST 10: a request that is not let in is no invocation
--- config
    location / {
        auth_request /auth;
        faas_pass one;
    }
    location = /auth { return 403; }
    location /status { faas_status; }
--- request eval
["GET /", "GET /status"]
--- error_code eval
[403, 200]
--- response_body_like eval
["403", qr/"name":"one"[^}]*"invocations":0,/]


=== TEST 11: a function mirrors requests, body included
--- config
    location / {
        mirror /mirror;
        faas_pass one;
    }
    location /static {
        mirror /mirror;
        return 200 static;
    }
    location = /mirror { internal; faas_pass mirror; }
--- request eval
["POST /a\nhello", "GET /b"]
--- response_body eval
["one POST /a", "one GET /b"]
--- errors
faas: \[mirror [0-9a-f-]*\] mirrored POST /mirror aGVsbG8=$
faas: \[mirror [0-9a-f-]*\] mirrored GET /mirror None$


=== TEST 12: answers of functions in a page of SSI
--- config
    location /page {
        ssi on;
        ssi_types *;
        default_type text/html;
        return 200 'a<!--# include virtual="/one" -->b<!--# include virtual="/two?x" -->c<!--# include virtual="/one" set="var" -->[<!--# echo var="var" -->]';
    }
    location /one { faas_pass one; }
    location /two { faas_pass two; }
--- request
GET /page
--- response_body chomp
aone GET /onebtwo /twoc[one GET /one]


=== TEST 13: SSI in the answer of a function
--- functions
>>> ssi/app.py
def handler(event, context):
    return {'statusCode': 200, 'headers': {'Content-Type': 'text/html'},
            'body': '(<!--# include virtual="/two" -->)'}
--- http_config eval
main::faas_python(ssi => '')
--- config
    location / { ssi on; faas_pass ssi; }
    location /two { faas_pass two; }
--- request
GET /
--- response_body chomp
(two /two)


=== TEST 14: a named location
--- config
    location / { try_files /nothing @function; }
    location @function { faas_pass one; }
--- request
GET /a/b?c=d
--- response_body chomp
one GET /a/b


=== TEST 15: try_files finds files first
--- user_files
>>> there.txt
file
--- config
    location / { try_files $uri /f$uri; }
    location /f/ { faas_pass one; }
--- request eval
["GET /there.txt", "GET /other.txt"]
--- response_body eval
["file\n", "one GET /f/other.txt"]


=== TEST 16: rewritten and internally redirected requests
--- config
    location /old { rewrite ^/old(.*) /new$1 last; }
    location /new { faas_pass one; }
    location /break { rewrite ^ /broken break; faas_pass two; }
    location /index/ { index index.f; }
    location = /index/index.f { faas_pass two; }
--- user_files
>>> index/index.f
--- request eval
["GET /old/x", "GET /break", "GET /index/"]
--- response_body eval
["one GET /new/x", "two /broken", "two /index/index.f"]


=== TEST 17: only the function's location limits the body
--- config
    location / {
        client_max_body_size 5;
        try_files /nothing @function;
    }
    location @function {
        client_max_body_size 10;
        faas_pass one;
    }
--- request
POST /
123456
--- error_code: 413


=== TEST 18: limits of requests come before functions
--- http_config
    limit_req_zone $server_name zone=r:1m rate=1r/m;
--- config
    location / {
        limit_req zone=r burst=1 nodelay;
        limit_req_status 429;
        faas_pass one;
    }
    location /status { faas_status; }
--- request eval
["GET /", "GET /", "GET /", "GET /status"]
--- error_code eval
[200, 200, 429, 200]
--- response_body_like eval
["one", "one", "429", qr/"name":"one"[^}]*"invocations":2,/]


=== TEST 19: pipelined requests
--- config
    location / { faas_pass one; }
    location /two { faas_pass two; }
    location /static { return 200 static; }
--- pipelined_requests eval
["GET /a", "POST /b\nbody", "GET /static", "GET /two", "GET /c"]
--- response_body eval
["one GET /a", "one POST /b", "static", "two /two", "one GET /c"]


=== TEST 20: many pipelined requests
--- config
    location / { faas_pass one; }
--- pipelined_requests eval
[map { "GET /$_" } 1 .. 50]
--- response_body eval
[map { "one GET /$_" } 1 .. 50]
