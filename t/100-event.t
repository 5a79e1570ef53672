# The event, payload format 2.0: whole, and member by member.

use lib 't/lib';
use FaasDefaults;

faas_defaults(
    functions => $FaasDefaults::Echo,
    http_config => faas_python(echo => ''),
    config => 'location / { faas_pass echo; }');

plan tests => 109;
run_tests();

__DATA__

=== TEST 1: a request without anything
--- raw_request eval
"GET /all HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
--- response_headers
Content-Type: application/json
--- response_body chomp
{"headers":{"host":"localhost","x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"},"isBase64Encoded":false,"rawPath":"/all","rawQueryString":"","requestContext":{"accountId":"000000000000","apiId":"localhost","domainName":"localhost","domainPrefix":"localhost","http":{"method":"GET","path":"/all","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":""},"requestId":"UUID","routeKey":"$default","stage":"$default","time":"NOW","timeEpoch":"NOW"},"routeKey":"$default","version":"2.0"}


=== TEST 2: a request with everything
--- raw_request eval
"POST /all/a%20b?x=1&y=2 HTTP/1.1\r\nHost: api.example.com:8080\r\n"
. "User-Agent: tests/1.0\r\nContent-Type: text/plain\r\n"
. "Content-Length: 5\r\nCookie: a=1; b=2\r\nX-One: one\r\n"
. "Connection: close\r\n\r\nhello"
--- response_body chomp
{"body":"hello","cookies":["a=1","b=2"],"headers":{"content-length":"5","content-type":"text/plain","host":"api.example.com:8080","user-agent":"tests/1.0","x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http","x-one":"one"},"isBase64Encoded":false,"queryStringParameters":{"x":"1","y":"2"},"rawPath":"/all/a b","rawQueryString":"x=1&y=2","requestContext":{"accountId":"000000000000","apiId":"api","domainName":"api.example.com","domainPrefix":"api","http":{"method":"POST","path":"/all/a b","protocol":"HTTP/1.1","sourceIp":"127.0.0.1","userAgent":"tests/1.0"},"requestId":"UUID","routeKey":"$default","stage":"$default","time":"NOW","timeEpoch":"NOW"},"routeKey":"$default","version":"2.0"}


=== TEST 3: HTTP/1.0 without Host
--- raw_request eval
"GET /all HTTP/1.0\r\n\r\n"
--- response_body chomp
{"headers":{"x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"},"isBase64Encoded":false,"rawPath":"/all","rawQueryString":"","requestContext":{"accountId":"000000000000","apiId":"","domainName":"","domainPrefix":"","http":{"method":"GET","path":"/all","protocol":"HTTP/1.0","sourceIp":"127.0.0.1","userAgent":""},"requestId":"UUID","routeKey":"$default","stage":"$default","time":"NOW","timeEpoch":"NOW"},"routeKey":"$default","version":"2.0"}


=== TEST 4: HTTP/0.9
--- raw_request eval
"GET /http\r\n"
--- http09
--- response_body chomp
{"method":"GET","path":"/http","protocol":"HTTP/0.9","sourceIp":"127.0.0.1","userAgent":""}


=== TEST 5: the scheme is that of the connection, not what a client says
--- raw_request eval
"GET https://localhost/headers HTTP/1.1\r\nHost: localhost\r\n"
. "X-Forwarded-Proto: https\r\nConnection: close\r\n\r\n"
--- response_body chomp
{"host":"localhost","x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"}


=== TEST 6: query parameters are decoded, the raw string is not
--- request eval
["GET /queryStringParameters?a=1",
"GET /queryStringParameters?%61%20b=%2B+%26%3d",
"GET /queryStringParameters?a=1&b=2&a=3&A=4",
"GET /queryStringParameters?a",
"GET /queryStringParameters?a=",
"GET /queryStringParameters?=b",
"GET /queryStringParameters?a=b=c",
"GET /queryStringParameters?&&a=1&&",
"GET /queryStringParameters?a=%",
"GET /queryStringParameters?a=%4",
"GET /queryStringParameters?a=%zz",
"GET /queryStringParameters?a=%00%0a%22%5c",
"GET /queryStringParameters?a=%c3%a4",
"GET /queryStringParameters?a=%ff%c3",
"GET /queryStringParameters?",
"GET /queryStringParameters",
"GET /rawQueryString?%61=%20+&a",
"GET /rawQueryString?"]
--- response_body eval
['{"a":"1"}',
'{"a b":"+ &="}',
'{"A":"4","a":"1,3","b":"2"}',
'{"a":""}',
'{"a":""}',
'{"":"b"}',
'{"a":"b=c"}',
'{"a":"1"}',
'{"a":"%"}',
'{"a":"%4"}',
'{"a":"%zz"}',
'{"a":"\u0000\n\"\\\\"}',
'{"a":"\u00e4"}',
'{"a":"\ufffd\ufffd"}',
'"absent"',
'"absent"',
'"%61=%20+&a"',
'""']


=== TEST 7: the path is what nginx has made of it
--- request eval
["GET /rawPath/%41%2fb",
"GET /rawPath//double",
"GET /rawPath/x/../y",
"GET /rawPath/%C3%A4",
"GET /rawPath/%ff",
"GET /rawPath/%22%5C%09"]
--- response_body eval
['"/rawPath/A/b"',
'"/rawPath/double"',
'"/rawPath/y"',
'"/rawPath/\u00e4"',
'"/rawPath/\ufffd"',
'"/rawPath/\"\\\\\t"']


=== TEST 8: cookies are a list and no header
--- request eval
[("GET /cookies") x 7, "GET /headers"]
--- more_headers eval
["Cookie: a=1",
"Cookie: a=1; b=2",
"Cookie: a=1;b=2",
"Cookie: a=1; b=2\r\nCookie: c=3",
"Cookie: ",
"Cookie: ; ;a=\"x y\";",
"X-Cookie: a=1",
"Host: h\r\nCookie: a=1"]
--- response_body eval
['["a=1"]',
'["a=1","b=2"]',
'["a=1","b=2"]',
'["a=1","b=2","c=3"]',
'"absent"',
'["a=\"x y\""]',
'"absent"',
'{"host":"h","x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"}']


=== TEST 9: headers: names in lower case, values of one name joined
--- request eval
[("GET /headers") x 3]
--- more_headers eval
["Host: h\r\nX-MiXed: Value\r\nx-mixed: other\r\nX-MIXED: Value",
"Host: h\r\nAccept: text/html\r\nX-Empty:\r\nAccept: */*",
"Host: h\r\nX-Text: \"a\\b\"\xff\xc3\xa4"]
--- response_body eval
['{"host":"h","x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http","x-mixed":"Value,other,Value"}',
'{"accept":"text/html,*/*","host":"h","x-amzn-trace-id":"TRACE","x-empty":"","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"}',
'{"host":"h","x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http","x-text":"\"a\\\\b\"\ufffd\u00e4"}']


=== TEST 10: headers of the connection are not passed on
--- raw_request eval
"GET /headers HTTP/1.1\r\nHost: h\r\nConnection: close, X-Hop\r\n"
. "Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: trailers\r\nTrailer: X\r\n"
. "Upgrade: h2c\r\nHTTP2-Settings: AA\r\n\r\n"
--- response_body chomp
{"host":"h","x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"}


=== TEST 11: what a client says of who it is comes first, and is not believed
--- request
GET /headers
--- more_headers
Host: h
X-Forwarded-For: 10.1.1.1, 10.2.2.2
X-Forwarded-Port: 443
X-Amzn-Trace-Id: Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e
--- response_body chomp
{"host":"h","x-amzn-trace-id":"Root=1-5e6722a7-cc56xmpl46db7ae02d4da47e","x-forwarded-for":"10.1.1.1, 10.2.2.2, 127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"}


=== TEST 12: forwarded addresses in several headers are joined
--- request
GET /headers
--- more_headers
Host: h
X-Forwarded-For: 10.1.1.1
X-Forwarded-For: 10.2.2.2
--- response_body chomp
{"host":"h","x-amzn-trace-id":"TRACE","x-forwarded-for":"10.1.1.1,10.2.2.2, 127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"}


=== TEST 13: a trace header with strange characters is replaced
--- request
GET /headers
--- more_headers eval
"Host: h\r\nX-Amzn-Trace-Id: Root=\xff"
--- response_body chomp
{"host":"h","x-amzn-trace-id":"TRACE","x-forwarded-for":"127.0.0.1","x-forwarded-port":"PORT","x-forwarded-proto":"http"}


=== TEST 14: account and prefix of the domain
--- http_config
    faas_function other {
        runtime python3;
        handler app.handler;
        code $TEST_NGINX_FUNCTIONS/echo;
        account 123456789012;
    }
--- config
    location / { faas_pass other; }
--- request eval
["GET /accountId", "GET /domainName", "GET /domainPrefix", "GET /apiId"]
--- more_headers
Host: A.B.c:99
--- response_body eval
['"123456789012"', '"a.b.c"', '"a"', '"a"']


=== TEST 15: methods are passed on, known or not
--- request eval
["DELETE /http", "PURGE_IT /http", "OPTIONS /http", "PATCH /http"]
--- more_headers
User-Agent: x
--- response_body eval
[map { '{"method":"' . $_ . '","path":"/http","protocol":"HTTP/1.1",'
       . '"sourceIp":"127.0.0.1","userAgent":"x"}' }
 qw( DELETE PURGE_IT OPTIONS PATCH )]


=== TEST 16: over a Unix socket there is no port, and the address is none
--- http_config
    server {
        listen unix:$TEST_NGINX_BASE/listen;
        location / { faas_pass echo; }
        location /real {
            set_real_ip_from unix:;
            real_ip_header X-Real-IP;
            rewrite ^/real(.*) $1 break;
            faas_pass echo;
        }
    }
--- config
    location / {
        proxy_set_header Host h;
        proxy_pass http://unix:$TEST_NGINX_BASE/listen;
    }
--- request eval
["GET /headers", "GET /real/http"]
--- more_headers
X-Real-IP: 2001:db8::1
User-Agent: x
--- response_body eval
['{"host":"h","user-agent":"x","x-amzn-trace-id":"TRACE","x-forwarded-for":"unix:","x-forwarded-proto":"http","x-real-ip":"2001:db8::1"}',
'{"method":"GET","path":"/http","protocol":"HTTP/1.0","sourceIp":"2001:db8::1","userAgent":"x"}']
