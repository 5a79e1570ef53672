# From what a function returns to what the client gets, payload format 2.0.

use lib 't/lib';
use FaasDefaults;

# the body of the request is what the function returns

our $Answer = <<'END';
>>> answer/app.py
import json


def handler(event, context):
    return json.loads(event['body'])
END

faas_defaults(
    functions => $Answer,
    http_config => faas_python(answer => ''),
    config => 'location / { faas_pass answer; }');

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value(more_headers => 'Content-Type: application/json');
});

plan tests => 261;
run_tests();

__DATA__

=== TEST 1: status, headers and body of an answer
--- request
POST /
{"statusCode":201,"headers":{"Content-Type":"text/css","X-One":"1"},"body":"b {}"}
--- error_code: 201
--- response_headers
Content-Type: text/css
Content-Length: 4
X-One: 1
--- response_body chomp
b {}


=== TEST 2: what is not given has a default
--- request
POST /
{"statusCode":200}
--- response_headers
Content-Type: text/plain;charset=UTF-8
Content-Length: 0
--- response_body:


=== TEST 3: members that are null are not given
--- request
POST /
{"statusCode":200,"headers":null,"cookies":null,"body":null,"isBase64Encoded":null}
--- response_headers
Content-Type: text/plain;charset=UTF-8
--- response_body:


=== TEST 4: statuses, known or not, as numbers and as strings
--- request eval
[map { "POST /\n{\"statusCode\":$_,\"body\":\"b\"}" }
200, 299, 302, 404, 418, 500, 502, 503, 599, '"200"', '"404"']
--- error_code eval
[200, 299, 302, 404, 418, 500, 502, 503, 599, 200, 404]
--- response_body eval
[('b') x 11]


=== TEST 5: a status line of a status that nginx does not know
--- request
POST /
{"statusCode":299}
--- error_code: 299
--- raw_response_headers_like: ^HTTP/1.1 299 ?\r\n


=== TEST 6: results that are no answers are the body
--- request eval
[map { "POST /\n$_" } '{"a":1, "b":[ 1, 2 ]}', '["hello", 3, true]', '3',
'-1.5e3', 'true', 'false', 'null', '{}', '[]', '"hello"', '""',
'"a \" \\\\ \u00e4 \n"', '{"body":"b"}', '{"StatusCode":200}',
'{"headers":{"X-One":"1"}}']
--- response_headers eval
[('Content-Type: application/json') x 15]
--- response_body eval
['{"a":1,"b":[1,2]}', '["hello",3,true]', '3', '-1500.0', 'true', 'false',
'null', '{}', '[]', 'hello', '', "a \" \\ \xc3\xa4 \n", '{"body":"b"}',
'{"StatusCode":200}', '{"headers":{"X-One":"1"}}']


=== TEST 7: a body in base64 is decoded
--- request eval
[map { "POST /\n{\"statusCode\":200,\"isBase64Encoded\":true,\"body\":\"$_\"}" }
 'AAEC/w==', 'aGVsbG8=', '']
--- response_body eval
["\0\1\2\xff", "hello", ""]


=== TEST 8: a body that is not base64 stays as it is
--- request
POST /
{"statusCode":200,"isBase64Encoded":false,"body":"aGVsbG8="}
--- response_body chomp
aGVsbG8=


=== TEST 9: cookies are headers of their own
--- request
POST /
{"statusCode":200,"cookies":["a=1; Path=/","b=2"],"headers":{"Set-Cookie":"c=3"}}
--- raw_response_headers_like: Set-Cookie: c=3\r\nset-cookie: a=1; Path=/\r\nset-cookie: b=2\r\n


=== TEST 10: values that are no strings are made strings
--- request
POST /
{"statusCode":200,"headers":{"X-Number":3,"X-Float":1.5,"X-Bool":true,"X-Empty":""}}
--- raw_response_headers_like: X-Number: 3\r\nX-Float: 1.5\r\nX-Bool: true\r\nX-Empty: ?\r\n


=== TEST 11: names of headers are equal without regard to case
--- request
POST /
{"statusCode":200,"headers":{"X-One":"1","x-one":"2","CONTENT-TYPE":"text/a","content-type":"text/b"}}
--- response_headers
X-One: 2
Content-Type: text/b


=== TEST 12: multiValueHeaders and other members are ignored
--- request
POST /
{"statusCode":200,"multiValueHeaders":{"X-One":["1"]},"other":[],"body":"b"}
--- response_headers
X-One:
--- response_body chomp
b


=== TEST 13: headers of the connection are nginx's
--- request
POST /
{"statusCode":200,"headers":{"Connection":"upgrade","Keep-Alive":"9","Transfer-Encoding":"chunked","Content-Length":"99","Upgrade":"x","Trailer":"x","TE":"x","Proxy-Connection":"x"},"body":"b"}
--- response_headers
Connection: close
Keep-Alive:
Transfer-Encoding:
Content-Length: 1
Upgrade:
Trailer:
TE:
Proxy-Connection:
--- response_body chomp
b


=== TEST 14: 204 and 304 have no body
--- request eval
[map { "POST /\n{\"statusCode\":$_,\"headers\":{\"X-One\":\"1\"},\"body\":\"b\"}" }
204, 304]
--- error_code eval
[204, 304]
--- response_headers eval
[("X-One: 1\nContent-Length:\nContent-Type:") x 2]
--- response_body eval
['', '']


=== TEST 15: a type that is given goes with 304
--- request
POST /
{"statusCode":304,"headers":{"Content-Type":"text/css"}}
--- error_code: 304
--- response_headers
Content-Type: text/css


=== TEST 16: HEAD has the headers of the answer, and no body
--- raw_request eval
"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\nContent-Length: 33\r\n"
. "Content-Type: application/json\r\n\r\n"
. '{"statusCode":200,"body":"12345"}'
--- response_headers
Content-Length: 5
--- response_body:


=== TEST 17: headers that nginx reads, and sends on
--- request
POST /
{"statusCode":301,"headers":{"Location":"/other?a=b","Date":"Thu, 01 Jan 1970 00:00:00 GMT","Server":"mine","Last-Modified":"Thu, 01 Jan 1970 00:00:00 GMT","ETag":"\"x\"","Content-Encoding":"identity","WWW-Authenticate":"Basic","Cache-Control":"no-store","Vary":"Accept"}}
--- error_code: 301
--- response_headers
Location: /other?a=b
Date: Thu, 01 Jan 1970 00:00:00 GMT
Server: mine
Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT
ETag: "x"
Content-Encoding: identity
WWW-Authenticate: Basic
Cache-Control: no-store
Vary: Accept


=== TEST 18: two hundred and fifty headers
--- request eval
'POST /' . "\n" . '{"statusCode":200,"headers":{'
. CORE::join(',', map { "\"X-$_\":\"$_\"" } 1 .. 250) . '}}'
--- response_headers
X-1: 1
X-250: 250


=== TEST 19: a header of 16 kilobytes
--- request eval
'POST /' . "\n" . '{"statusCode":200,"headers":{"X-Long":"' . 'l' x 16384
. '"}}'
--- response_headers eval
"X-Long: " . 'l' x 16384


=== TEST 20: what is no answer is an error, and the client learns no more
--- request eval
[map { "POST /\n$_" }
'{"statusCode":199}', '{"statusCode":600}', '{"statusCode":20}',
'{"statusCode":200.5}', '{"statusCode":-200}', '{"statusCode":"OK"}',
'{"statusCode":null}', '{"statusCode":true}', '{"statusCode":[200]}',
'{"statusCode":200,"headers":[]}', '{"statusCode":200,"headers":"X: y"}',
'{"statusCode":200,"headers":{"X":null}}',
'{"statusCode":200,"headers":{"X":["y"]}}',
'{"statusCode":200,"body":{}}', '{"statusCode":200,"body":1}',
'{"statusCode":200,"isBase64Encoded":"yes","body":""}',
'{"statusCode":200,"isBase64Encoded":true,"body":"***"}',
'{"statusCode":200,"cookies":"a=1"}', '{"statusCode":200,"cookies":[1]}']
--- error_code eval
[(500) x 19]
--- response_headers eval
[('Content-Type: application/json') x 19]
--- response_body eval
[('{"message":"Internal Server Error"}') x 19]


=== TEST 21: headers cannot be injected
--- request eval
[map { "POST /\n$_" }
'{"statusCode":200,"headers":{"X":"a\r\nY: b"}}',
'{"statusCode":200,"headers":{"X":"a\nY: b"}}',
'{"statusCode":200,"headers":{"X\r\nY":"b"}}',
'{"statusCode":200,"headers":{"X: y\r\nY":"b"}}',
'{"statusCode":200,"headers":{"X Y":"b"}}',
'{"statusCode":200,"headers":{"":"b"}}',
'{"statusCode":200,"headers":{"X":"\u0000"}}',
'{"statusCode":200,"headers":{"Location":"/\r\n\r\n<html>"}}',
'{"statusCode":200,"cookies":["a=1\r\nX: y"]}',
'{"statusCode":200,"headers":{"Content-Type":"text/a\r\nX: y"}}']
--- error_code eval
[(500) x 10]
--- response_headers eval
[("X:\nY:\nLocation:\nSet-Cookie:") x 10]
--- response_body eval
[('{"message":"Internal Server Error"}') x 10]


=== TEST 22: the reason of a refused answer is in the error log
--- request
POST /
{"statusCode":200,"headers":{"X":["y"]}}
--- error_code: 500
--- error_log eval
qr/faas: answer of function "answer" from environment answer\/0\.\d+ refused: a header is no string, number or boolean/
--- no_error_log
[alert]


=== TEST 23: too many headers
--- request eval
'POST /' . "\n" . '{"statusCode":200,"headers":{'
. CORE::join(',', map { "\"X-$_\":\"$_\"" } 1 .. 257) . '}}'
--- error_code: 500
--- error_log
refused: too many headers
