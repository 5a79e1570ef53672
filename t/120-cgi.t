# A FastCGI application on libfcgi.

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

# what it says of a body

sub summed
{
    my ($body) = @_;
    my $sum = 0;

    for my $byte (unpack 'C*', $body) {
        $sum = ($sum * 31 + $byte) & 0xffffffff;
    }

    return CORE::join ' ', length $body, length $body, $sum;
}


sub filled { substr join('', 'a' .. 'z') x ($_[0] / 26 + 1), 0, $_[0] }


our $Large = pack 'C*', map { $_ * 7 % 256 } 1 .. 300001;

faas_defaults(
    http_config => <<'END',
    log_format faas "[$status|$faas_status|$faas_error]";
    faas_function app {
        runtime fastcgi;
        command app;
        code $TEST_NGINX_BASE/bin;
        timeout 1s;
    }
END
    config => <<'END');
        access_log logs/faas.log faas;
        faas_pass_header Status;
        location / { faas_pass app; }
        location /raw/ {
            rewrite ^/raw(/.*) $1 break;
            faas_buffering off;
            faas_pass app;
        }
        location = /status { faas_status; access_log off; }
END

plan tests => 101;
run_tests();

__DATA__

=== TEST 1: parameters of CGI/1.1
--- request
GET /env?GATEWAY_INTERFACE&SERVER_PROTOCOL&REQUEST_METHOD&QUERY_STRING&REQUEST_URI&DOCUMENT_URI&SCRIPT_NAME&REMOTE_ADDR&SERVER_ADDR&SERVER_NAME&REDIRECT_STATUS&REQUEST_SCHEME&HTTPS&CONTENT_LENGTH&CONTENT_TYPE
--- more_headers
Host: example.com:81
--- response_body
GATEWAY_INTERFACE=CGI/1.1
SERVER_PROTOCOL=HTTP/1.1
REQUEST_METHOD=GET
QUERY_STRING=GATEWAY_INTERFACE&SERVER_PROTOCOL&REQUEST_METHOD&QUERY_STRING&REQUEST_URI&DOCUMENT_URI&SCRIPT_NAME&REMOTE_ADDR&SERVER_ADDR&SERVER_NAME&REDIRECT_STATUS&REQUEST_SCHEME&HTTPS&CONTENT_LENGTH&CONTENT_TYPE
REQUEST_URI=/env?GATEWAY_INTERFACE&SERVER_PROTOCOL&REQUEST_METHOD&QUERY_STRING&REQUEST_URI&DOCUMENT_URI&SCRIPT_NAME&REMOTE_ADDR&SERVER_ADDR&SERVER_NAME&REDIRECT_STATUS&REQUEST_SCHEME&HTTPS&CONTENT_LENGTH&CONTENT_TYPE
DOCUMENT_URI=/env
SCRIPT_NAME=/env
REMOTE_ADDR=127.0.0.1
SERVER_ADDR=127.0.0.1
SERVER_NAME=example.com
REDIRECT_STATUS=200
REQUEST_SCHEME=http
HTTPS=(none)
CONTENT_LENGTH=
CONTENT_TYPE=(none)


=== TEST 2: headers of the request, and those that are not passed on
--- raw_request eval
"POST /env?HTTP_HOST&HTTP_X_ONE&HTTP_COOKIE&HTTP_ACCEPT&HTTP_PROXY"
. "&HTTP_CONTENT_LENGTH&HTTP_CONTENT_TYPE&HTTP_TRANSFER_ENCODING"
. "&CONTENT_LENGTH&CONTENT_TYPE&SERVER_NAME HTTP/1.0\r\n"
. "X-One: a\r\nx-one: b\r\nCookie: c=1\r\nCookie: d=2\r\nAccept: x\r\n"
. "Proxy: http://evil\r\nContent-Type: text/css\r\n"
. "Content-Length: 3\r\n\r\nabc"
--- response_body
HTTP_HOST=(none)
HTTP_X_ONE=a, b
HTTP_COOKIE=c=1; d=2
HTTP_ACCEPT=x
HTTP_PROXY=(none)
HTTP_CONTENT_LENGTH=(none)
HTTP_CONTENT_TYPE=(none)
HTTP_TRANSFER_ENCODING=(none)
CONTENT_LENGTH=3
CONTENT_TYPE=text/css
SERVER_NAME=localhost


=== TEST 3: request bodies
--- request eval
["POST /body\nhello", "POST /body\n$main::Large", "GET /body"]
--- response_body eval
[main::summed('hello'), main::summed($main::Large), " 0 0"]


=== TEST 4: a chunked body
--- raw_request eval
"POST /body HTTP/1.1\r\nHost: h\r\nConnection: close\r\n"
. "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n3\r\nyou\r\n0\r\n\r\n"
--- response_body eval
main::summed('helloyou')


=== TEST 5: a body that is larger than faas_request_max
--- config
    location / { faas_request_max 3; faas_pass app; }
--- request
POST /body
1234
--- error_code: 413
--- response_body chomp
{"message":"Request Entity Too Large"}


=== TEST 6: status, headers and body
--- request
GET /other
--- error_code: 404
--- raw_response_headers_like: ^HTTP/1.1 404 Not Here\r\n
--- response_headers
X-One: 1
Content-Type: text/plain
--- response_body chomp
nothing


=== TEST 7: headers by themselves
--- request eval
[("GET /head?body") x 5]
--- more_headers eval
["X-Header: Location: /there", "X-Header: Status: 201",
"X-Header: Content-Length: 4", "X-Header: X-Two: 2", "X-Header: Status: 200 \xff"]
--- error_code eval
[302, 201, 200, 200, 200]
--- response_headers eval
["Location: /there", "Location:", "Content-Length: 4", "X-Two: 2", "X-Two:"]
--- response_body eval
[("body") x 5]


=== TEST 8: statuses that are none
--- request eval
[("GET /head?body") x 5]
--- more_headers eval
[map { "X-Header: Status: $_" } "0", "99 Low", "OK", "100 Continue", "20x"]
--- error_code eval
[(502) x 5]
--- response_body eval
[('{"message":"Bad Gateway"}') x 5]


=== TEST 9: large answers, with and without length, buffered and not
--- request eval
[map { my $n = $_; map { "GET $_?$n" } '/large', '/open', '/raw/large',
       '/raw/open' } 0, 1, 5000, 65535, 500000]
--- response_body eval
[map { (main::filled($_)) x 4 } 0, 1, 5000, 65535, 500000]


=== TEST 10: an answer that needs a temporary file
--- config
    faas_buffers 2 4k;
    location / { faas_pass app; }
--- request
GET /large?3000000
--- response_body eval
main::filled(3000000)


=== TEST 11: an answer without temporary file
--- config
    faas_buffers 2 4k;
    faas_max_temp_file_size 0;
    location / { faas_pass app; }
--- request
GET /open?3000000
--- response_body eval
main::filled(3000000)


=== TEST 12: a header in pieces
--- request eval
["GET /pieces", "GET /raw/pieces"]
--- response_headers eval
["X-One: 1", "X-One: 1"]
--- response_body eval
["in pieces", "in pieces"]


=== TEST 13: a body that comes after its header
--- request eval
["GET /later", "GET /raw/later"]
--- response_body eval
["first second third", "first second third"]


=== TEST 14: what it logs goes to the error log
--- request
GET /stderr
--- response_body chomp
logged
--- errors
\[notice\] .*faas: \[app [0-9a-f-]{36}\] one line$
\[notice\] .*faas: \[app [0-9a-f-]{36}\] another line$
\[notice\] .*faas: \[app [0-9a-f-]{36}\] no end$
