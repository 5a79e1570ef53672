# Request bodies: text, base64, sizes, from memory and from files.

use lib 't/lib';
use FaasDefaults;

our $Digest = <<'END';
>>> digest/app.py
import base64
import hashlib


def handler(event, context):
    body = event.get('body')
    if body is None:
        return 'none ' + event['headers'].get('content-length', '-')
    data = base64.b64decode(body) if event['isBase64Encoded'] \
        else body.encode()
    return '%s %s %d %s' % ('base64' if event['isBase64Encoded'] else 'text',
                            event['headers']['content-length'], len(data),
                            hashlib.md5(data).hexdigest())
END

# what the function says of a body

sub digest
{
    my ($kind, $body) = @_;

    require Digest::MD5;

    return sprintf '%s %d %d %s', $kind, length $body, length $body,
                   Digest::MD5::md5_hex($body);
}

our $Text = join '', map { "line $_ \"quoted\" \\ \t\n" } 1 .. 3000;
$Text .= 'end';
our $Binary = pack 'C*', map { $_ * 7 % 256 } 1 .. 100000;
our $Six = 'x' x (6 * 1024 * 1024);

faas_defaults(
    functions => $FaasDefaults::Echo . $Digest,
    http_config => faas_python(echo => '',
                               digest => 'timeout 20s; memory 512m;')
                   . 'client_max_body_size 16m;',
    config => <<'END');
        location / { faas_pass echo; }
        location /digest { faas_pass digest; }
        location /digest/file {
            client_body_in_file_only clean;
            faas_pass digest;
        }
        location /digest/split {
            client_body_buffer_size 1k;
            faas_pass digest;
        }
        location /digest/single {
            client_body_in_single_buffer on;
            client_body_buffer_size 1m;
            faas_pass digest;
        }
END

plan tests => 157;
run_tests();

__DATA__

=== TEST 1: types that are text
--- request eval
[("POST /all\n\"a\" b") x 9]
--- more_headers eval
[map { "Content-Type: $_" } 'text/plain', 'text/x-any; charset=utf-8',
 'application/json', 'Application/JSON;charset=utf-8',
 'application/javascript', 'application/xml', 'application/hal+json',
 'image/svg+xml', 'application/json ; x=y']
--- response_body_like eval
[(qr/^\{"body":"\\"a\\" b",.*"isBase64Encoded":false,/) x 9]


=== TEST 2: types that are not
--- request eval
[("POST /all\n\"a\" b") x 9]
--- more_headers eval
['Content-Type: application/octet-stream', 'Content-Type: image/png',
 'Content-Type: application/x-www-form-urlencoded',
 'Content-Type: multipart/form-data; boundary=x',
 'Content-Type: textual', 'Content-Type: text/', 'Content-Type: ',
 'Content-Type: application/jsonx', 'X: y']
--- response_body_like eval
[(qr/^\{"body":"ImEiIGI=",.*"isBase64Encoded":true,/) x 9]


=== TEST 3: text that is not UTF-8 is base64, other text is not
--- request eval
["POST /all\n\xff\xfe", "POST /all\n\xc3\xa4", "POST /all\n\xc3",
 "POST /all\n\xed\xa0\x80", "POST /all\n\0\x01\x7f"]
--- more_headers
Content-Type: text/plain
--- response_body_like eval
[qr/^\{"body":"\/\/4=",.*"isBase64Encoded":true/,
qr/^\{"body":"\\u00e4",.*"isBase64Encoded":false/,
qr/^\{"body":"ww==",.*"isBase64Encoded":true/,
qr/^\{"body":"7aCA",.*"isBase64Encoded":true/,
qr/^\{"body":"\\u0000\\u0001\\u007f",.*"isBase64Encoded":false/]


=== TEST 4: no body is no member of the event
--- request eval
["POST /body", "GET /body", "POST /digest", "GET /digest"]
--- more_headers eval
["Content-Length: 0", "X: y", "Content-Length: 0", "X: y"]
--- response_body eval
['"absent"', '"absent"', "none 0", "none -"]


=== TEST 5: a chunked body has the length it turns out to have
--- raw_request eval
"POST /digest HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\n"
. "3\r\nabc\r\nA;ext=1\r\n0123456789\r\n0\r\nTrailer: x\r\n\r\n"
--- response_body eval
main::digest('base64', 'abc0123456789')


=== TEST 6: an empty chunked body
--- raw_request eval
"POST /digest HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"
--- response_body chomp
none -


=== TEST 7: a GET with a body
--- request
GET /digest
hello
--- more_headers
Content-Length: 5
Content-Type: text/plain
--- response_body eval
main::digest('text', 'hello')


=== TEST 8: a body byte by byte
--- raw_request eval
["POST /digest HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
 . "Content-Length: 6\r\n\r\n", split //, 'abcdef']
--- raw_request_middle_delay
0.01
--- response_body eval
main::digest('base64', 'abcdef')


=== TEST 9: text of all sizes around those of records and buffers
--- request eval
[map { "POST /digest\n" . 'a' x $_ } 1, 1023, 1024, 8191, 8192, 8193,
 16383, 16384, 32768, 65000 .. 65008, 65527 .. 65537, 131072]
--- more_headers
Content-Type: text/plain
--- response_body eval
[map { main::digest('text', 'a' x $_) } 1, 1023, 1024, 8191, 8192, 8193,
 16383, 16384, 32768, 65000 .. 65008, 65527 .. 65537, 131072]


=== TEST 10: text that has to be escaped, from memory, from files, from both
--- request eval
[map { "POST $_\n$main::Text" } '/digest', '/digest/file', '/digest/split',
 '/digest/single']
--- more_headers
Content-Type: text/plain
--- response_body eval
[(main::digest('text', $main::Text)) x 4]


=== TEST 11: other data, from memory, from files, from both
--- request eval
[map { "POST $_\n$main::Binary" } '/digest', '/digest/file', '/digest/split',
 '/digest/single']
--- response_body eval
[(main::digest('base64', $main::Binary)) x 4]


=== TEST 12: as much as is allowed: text
--- request eval
"POST /digest\n$main::Six"
--- more_headers
Content-Type: text/plain
--- timeout: 20
--- response_body eval
main::digest('text', $main::Six)


=== TEST 13: as much as is allowed: other data
--- request eval
"POST /digest/file\n$main::Six"
--- timeout: 20
--- response_body eval
main::digest('base64', $main::Six)


=== TEST 14: a byte more is refused before it is read
--- request eval
"POST /digest\n$main::Six" . "x"
--- error_code: 413
--- response_headers
Content-Type: application/json
--- response_body chomp
{"message":"Request Entity Too Large"}


=== TEST 15: more than faas_request_max of a location
--- config
    faas_request_max 10;
    location /digest { faas_pass digest; }
    location /status { faas_status; }
--- request eval
["POST /digest\n0123456789", "POST /digest\n0123456789A", "GET /status"]
--- error_code eval
[200, 413, 200]
--- response_body_like eval
[qr/^base64 10 10 /, qr/^\{"message":"Request Entity Too Large"}$/,
qr/"invocations":1,.*"request_too_large":1,/s]


=== TEST 16: a chunked body is refused once it is too large
--- config
    faas_request_max 10;
    location /digest { faas_pass digest; }
--- raw_request eval
"POST /digest HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\nb\r\n0123456789A\r\n0\r\n\r\n"
--- error_code: 413
--- response_body chomp
{"message":"Request Entity Too Large"}


=== TEST 17: client_max_body_size comes first, and is nginx's own answer
--- config
    location /digest {
        client_max_body_size 5;
        faas_pass digest;
    }
--- request
POST /digest
123456
--- error_code: 413
--- response_body_like: <title>413 Request Entity Too Large</title>


=== TEST 18: Expect: 100-continue is answered by nginx
--- raw_request eval
["POST /digest HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
. "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n", "hello"]
--- raw_request_middle_delay
0.02
--- error_code: 100
--- response_body_like: ^HTTP/1.1 200 OK
