# The request path with Node.js functions.

use lib 't/lib';
use FaasDefaults;

Test::More::plan(skip_all => 'no node')
    if !-x '/usr/bin/node' && !-x '/usr/bin/nodejs';

our $Functions = <<'END';
>>> f/index.js
const crypto = require('crypto');

exports.handler = async (event, context) => {
    const q = event.queryStringParameters || {};
    const c = event.requestContext;

    if (q.raise) {
        throw new TypeError('no "good"');
    }
    if (q.uncaught) {
        setImmediate(() => { throw new Error('uncaught'); });
        await new Promise(() => {});
    }
    if (q.exit) {
        process.exit(3);
    }
    if (q.sleep) {
        await new Promise((done) => setTimeout(done, 30000));
    }
    if (q.status) {
        return { statusCode: Number(q.status), body: 'body',
                 headers: { 'X-One': 1 }, cookies: ['a=1', 'b=2'] };
    }
    if (q.binary) {
        return { statusCode: 200, isBase64Encoded: true,
                 headers: { 'Content-Type': 'image/png' },
                 body: Buffer.from([0, 1, 254, 255]).toString('base64') };
    }
    if (q.size) {
        return 'x'.repeat(Number(q.size));
    }
    if (q.value) {
        return JSON.parse(q.value);
    }
    if (q.undefined) {
        return undefined;
    }
    if (q.log) {
        console.log('logged', { a: 1 });
        return 'good';
    }
    if (event.body !== undefined) {
        const data = Buffer.from(event.body, event.isBase64Encoded
                                             ? 'base64' : 'utf8');
        return data.length + ' '
               + crypto.createHash('md5').update(data).digest('hex');
    }
    return [event.rawPath, event.rawQueryString, q, event.cookies || null,
            c.http.method, c.requestId === context.awsRequestId,
            event.headers['x-one'] || null, event.isBase64Encoded];
};
>>> esm/index.mjs
const where = await Promise.resolve('module');
export const handler = async (event) => `${where} ${event.rawPath}`;
>>> callback/lib/app.js
exports.handler = (event, context, callback) => {
    context.callbackWaitsForEmptyEventLoop = false;
    setImmediate(() => callback(event.rawPath === '/callback/bad'
                                ? new Error('bad') : null, 'called back'));
};
END

faas_defaults(
    functions => $Functions,
    http_config => <<'END',
    log_format faas "[$status|$faas_status|$faas_error]";
    faas_function f {
        runtime nodejs;
        handler index.handler;
        code $TEST_NGINX_FUNCTIONS/f;
        timeout 1s;
    }
    faas_function esm {
        runtime nodejs;
        handler index.handler;
        code $TEST_NGINX_FUNCTIONS/esm;
    }
    faas_function callback {
        runtime nodejs;
        handler lib/app.handler;
        code $TEST_NGINX_FUNCTIONS/callback;
    }
END
    config => <<'END');
        access_log logs/faas.log faas;
        location / { faas_pass f; }
        location /esm { faas_pass esm; }
        location /callback { faas_pass callback; }
        location = /status { faas_status; access_log off; }
END

sub digest
{
    require Digest::MD5;
    return length($_[0]) . ' ' . Digest::MD5::md5_hex($_[0]);
}

our $Text = 'quoted " \ ' . "\xc3\xa4" x 20000;
our $Binary = pack 'C*', map { $_ * 7 % 256 } 1 .. 300001;

plan tests => 70;
run_tests();

__DATA__

=== TEST 1: the event
--- request
PUT /a%20b?x=%C3%A4&x=2
--- more_headers
Cookie: a=1; b=2
X-One: "quoted"
--- response_headers
Content-Type: application/json
--- response_body eval
qq{["/a b","x=%C3%A4&x=2",{"x":"\xc3\xa4,2"},["a=1","b=2"],"PUT",true,"\\"quoted\\"",false]}


=== TEST 2: bodies
--- request eval
["POST /\n$main::Text", "POST /\n$main::Binary"]
--- more_headers eval
["Content-Type: text/plain", "X: y"]
--- response_body eval
[main::digest($main::Text), main::digest($main::Binary)]


=== TEST 3: answers
--- request eval
["GET /?status=201", "GET /?status=204", "GET /?binary=1", "HEAD /?status=200"]
--- error_code eval
[201, 204, 200, 200]
--- response_headers eval
["X-One: 1", "X-One: 1", "Content-Type: image/png", "Content-Length: 4"]
--- response_body eval
["body", "", "\0\1\xfe\xff", ""]


=== TEST 4: results that are no answers
--- request eval
["GET /?value=[1,%20{\"a\":null}]", "GET /?value=3", "GET /?value=\"text\"",
"GET /?value=null", "GET /?undefined=1"]
--- response_body eval
['[1,{"a":null}]', "3", "text", "null", "null"]


=== TEST 5: large answers
--- request eval
["GET /?size=100000", "GET /?size=6291454", "GET /?size=6291455"]
--- error_code eval
[200, 200, 500]
--- response_body eval
["x" x 100000, "x" x 6291454, '{"message":"Internal Server Error"}']


=== TEST 6: errors
--- request eval
["GET /?raise=1", "GET /?exit=1", "GET /?sleep=1", "GET /?value=1"]
--- error_code eval
[500, 500, 500, 200]
--- response_body eval
[('{"message":"Internal Server Error"}') x 3, "1"]
--- access
[500|error|TypeError]
[500|crash|Runtime.ExitError]
[500|timeout|Sandbox.Timedout]
[200|success|-]


=== TEST 7: the console
--- request
GET /?log=1
--- response_body chomp
good
--- errors
\[notice\] .*faas: \[f [0-9a-f-]{36}\] .*INFO.*logged \{ a: 1 \}$


=== TEST 8: a module, and callbacks
--- request eval
["GET /esm", "GET /callback", "GET /callback/bad"]
--- error_code eval
[200, 200, 500]
--- response_body eval
["module /esm", "called back", '{"message":"Internal Server Error"}']


=== TEST 9: one environment serves them all
--- request eval
["GET /?value=1", "GET /?raise=1", "GET /?value=2", "GET /status"]
--- error_code eval
[200, 500, 200, 200]
--- response_body_like eval
["1", "message", "2",
qr/"name":"f".*?"invocations":3,"successes":2,"errors":\{"handled":1,.*?"environments_started":1,/s]


=== TEST 10: after an error that nobody caught the next one is another process's
--- request eval
["GET /?uncaught=1", "GET /?value=1", "GET /?uncaught=1", "GET /?value=1"]
--- error_code eval
[500, 200, 500, 200]
--- response_body eval
['{"message":"Internal Server Error"}', "1",
 '{"message":"Internal Server Error"}', "1"]
--- errors
\[error\] .*faas: function "f" environment .* ended: exited \(exit code 129\), after 2 requests$
\[error\] .*faas: function "f" environment .* ended: exited \(exit code 129\), after 1 requests?$
