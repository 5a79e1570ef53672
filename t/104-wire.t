# What comes back over the wire: answers in odd pieces, and answers that break
# the protocol.  The function is a program that writes its records itself.

use lib 't/lib';
use FaasDefaults;

our $Raw = <<'END';
>>> raw/bootstrap 0755
#!/usr/bin/python3
import json
import socket
import struct
import time


def frame(kind, payload=b''):
    control.sendall(struct.pack('>I', len(payload)) + kind + payload)


def record(kind, data=b'', pad=0, request=1, version=1):
    return struct.pack('>BBHHBx', version, kind, request, len(data),
                       pad) + data + b'P' * pad


def out(data, pad=0):
    return record(6, data, pad)


def end(app=0, protocol=0):
    return record(3, struct.pack('>IB3x', app, protocol))


def request(c):
    event = b''
    f = c.makefile('rb')
    while True:
        head = f.read(8)
        if len(head) < 8:
            return None
        kind, length, pad = struct.unpack('>xBxxHBx', head)
        data = f.read(length)
        f.read(pad)
        if kind == 5:
            if not data:
                return json.loads(event)['rawPath'][1:]
            event += data


GOOD = out(b'"good"') + out(b'') + end()

ANSWERS = {
    'good': GOOD,
    'short': out(b'"good"') + end(),
    'padding': out(b'"go', 7) + out(b'od"', 255) + out(b'', 1) + end(),
    'records': b''.join(out(b'%c' % b) for b in b'"good"') + end(),
    'large': b''.join(map(out, [b'"', b'x' * 65535, b'y' * 65535, b'"']))
             + end(),
    'stderr': record(7, b'one\ntw') + out(b'"go') + record(7, b'o\nth')
              + out(b'od"') + record(7, b'ree') + end(),
    'control': record(7, b'a\x1b[31mb\r\n\x00\x7f\n') + GOOD,
    'behind': GOOD + b'more',
    'second': GOOD + GOOD,
    'nothing': end(),
    'text': out(b'good') + end(),
    'two': out(b'"good" "good"') + end(),
    'cut': out(b'{"statusCode":200') + end(),
    'deep': out(b'[' * 60000) + end(),
    'utf8': out(b'"\xff"') + end(),
    'control char': out(b'"a\nb"') + end(),
    'garbage': b'HTTP/1.1 200 OK\r\n\r\n',
    'version': record(6, b'"good"', version=2) + end(),
    'type': record(99, b'"good"') + end(),
    'request': record(6, b'"good"', request=2) + end(),
    'end short': record(3, b'\0'),
    'refused': end(0, 1),
    'error': out(b'{"errorMessage":"m","errorType":"My.Error"}') + end(1),
    'error text': out(b'not json') + end(1),
    'error none': end(1),
    'error odd': out(b'{"errorType":"a \\"b\\u0000\\n]"}') + end(255),
    'close': out(b'"go'),
    'close now': b'',
}

listener = socket.socket(fileno=0)
control = socket.socket(fileno=3)
frame(b'B', b'raw')
head = control.recv(5, socket.MSG_WAITALL)
control.recv(struct.unpack('>I', head[:4])[0], socket.MSG_WAITALL)
frame(b'R')

while True:
    c, _ = listener.accept()
    while True:
        what = request(c)
        if what is None:
            break
        if what == 'bytes':
            for b in GOOD:
                c.sendall(b'%c' % b)
                time.sleep(0.001)
        else:
            c.sendall(ANSWERS[what])
        if what.startswith('close'):
            break
    c.close()
END

faas_defaults(
    functions => $Raw,
    http_config => <<'END',
    log_format faas "[$status|$faas_status|$faas_error]";
    faas_function raw {
        runtime native;
        code $TEST_NGINX_FUNCTIONS/raw;
    }
END
    config => <<'END');
        access_log logs/faas.log faas;
        location / { faas_pass raw; }
        location = /status { faas_status; access_log off; }
END

plan tests => 97;
run_tests();

__DATA__

=== TEST 1: answers in pieces of all kinds
--- request eval
[map { "GET /$_" } qw( good short padding records bytes good )]
--- response_body eval
[('good') x 6]


=== TEST 2: an answer of several full records
--- request
GET /large
--- response_body eval
'x' x 65535 . 'y' x 65535


=== TEST 3: log text in pieces is whole lines in the error log
--- request
GET /stderr
--- response_body chomp
good
--- errors
\[notice\] .*faas: \[raw [0-9a-f-]{36}\] one$
\[notice\] .*faas: \[raw [0-9a-f-]{36}\] two$
\[notice\] .*faas: \[raw [0-9a-f-]{36}\] three$


=== TEST 4: control characters do not get into the error log
--- request
GET /control
--- response_body chomp
good
--- errors
faas: \[raw [0-9a-f-]{36}\] a\\x1B\[31mb$
faas: \[raw [0-9a-f-]{36}\] \\x00\\x7F$


=== TEST 5: what stands behind an answer is not taken for the next one
--- request eval
["GET /behind", "GET /good", "GET /second", "GET /text", "GET /good"]
--- error_code eval
[200, 200, 200, 500, 200]
--- response_body eval
["good", "good", "good", '{"message":"Internal Server Error"}', "good"]


=== TEST 6: results that are no JSON
--- request eval
[map { "GET /$_" } qw( nothing text two cut deep utf8 control%20char )]
--- error_code eval
[(500) x 7]
--- response_body eval
[('{"message":"Internal Server Error"}') x 7]
--- access eval
"[500|error|Function.BadResponse]\n" x 7
--- errors
refused:


=== TEST 7: a bad result does not end the environment
--- request eval
["GET /text", "GET /good", "GET /status"]
--- error_code eval
[500, 200, 200]
--- response_body_like eval
["message", "good",
qr/"successes":1,"errors":\{"handled":0,"unhandled":1\}.*"bad_response":1,.*"environments_started":1,/]


=== TEST 8: answers that break the protocol end it
--- request eval
[map { ("GET /$_", "GET /good") } qw( garbage version request end%20short )]
--- error_code eval
[(500, 200) x 4]
--- response_body eval
[('{"message":"Internal Server Error"}', "good") x 4]
--- access eval
"[500|error|Runtime.ProtocolError]\n[200|success|-]\n" x 4


=== TEST 9: each is counted
--- request eval
["GET /garbage", "GET /version", "GET /good", "GET /status"]
--- error_code eval
[500, 500, 200, 200]
--- response_body_like eval
["message", "message", "good",
qr/"unhandled":2\},"timeouts":0,"crashes":0,.*"protocol_errors":2,.*"environments_started":3,/]


=== TEST 10: an application that refuses to take the request
--- request
GET /refused
--- error_code: 500
--- response_body chomp
{"message":"Internal Server Error"}


=== TEST 11: an environment that closes the connection but lives on
--- request eval
["GET /close", "GET /good", "GET /close%20now", "GET /good"]
--- error_code eval
[500, 200, 500, 200]
--- response_body eval
[('{"message":"Internal Server Error"}', "good") x 2]
--- access
[500|crash|Runtime.ExitError]
[200|success|-]
[500|crash|Runtime.ExitError]
[200|success|-]


=== TEST 12: errors of a function, and their types
--- request eval
[map { "GET /error$_" } '', '%20text', '%20none', '%20odd']
--- error_code eval
[(500) x 4]
--- response_body eval
[('{"message":"Internal Server Error"}') x 4]
--- access
[500|error|My.Error]
[500|error|Function.Error]
[500|error|Function.Error]
[500|error|a \x5C\x22b\x5Cu0000\x5Cn]]
