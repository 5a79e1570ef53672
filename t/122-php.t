# php-cgi: a folder of scripts, one script for all, forms and files.

use lib 't/lib';
use FaasDefaults;

Test::More::plan(skip_all => 'no php-cgi') if !-x '/usr/bin/php-cgi';

our $Functions = <<'END';
>>> site/hello.php
<?php
echo 'hello ', $_GET['name'] ?? 'nobody';
>>> site/sub/info.php
<?php
header('Content-Type: text/plain');
foreach (['SCRIPT_NAME', 'SCRIPT_FILENAME', 'DOCUMENT_ROOT', 'PHP_SELF',
          'REQUEST_URI', 'HTTP_HOST', 'SETTING'] as $name) {
    echo $name, '=', $_SERVER[$name] ?? getenv($name), "\n";
}
>>> site/post.php
<?php
if ($_FILES) {
    echo $_FILES['file']['name'], ' ', $_FILES['file']['size'], ' ',
         md5_file($_FILES['file']['tmp_name']);
} else {
    echo json_encode($_POST), ' ', strlen(file_get_contents('php://input'));
}
>>> site/answer.php
<?php
http_response_code((int) $_GET['code']);
header('X-One: 1');
setcookie('a', '1');
setcookie('b', '2');
echo 'body';
>>> site/fail.php
<?php
error_log('to the log');
throw new Exception('thrown');
>>> site/large.php
<?php
for ($i = 0; $i < 3000; $i++) {
    echo str_repeat(chr(97 + $i % 26), 1000);
}
>>> site/memory.php
<?php
ini_set('memory_limit', -1);
$data = [];
while (true) { $data[] = str_repeat('x', 1 << 20); }
>>> front/index.php
<?php
echo 'front ', $_SERVER['REQUEST_URI'], ' ', $_SERVER['SCRIPT_NAME'];
END

faas_defaults(
    functions => $Functions,
    http_config => <<'END',
    log_format faas "[$status|$faas_function|$faas_status|$faas_error]";
    faas_function site {
        runtime fastcgi;
        command /usr/bin/php-cgi;
        code $TEST_NGINX_FUNCTIONS/site;
        environment SETTING=set;
    }
    faas_function front {
        runtime fastcgi;
        command /usr/bin/php-cgi -d display_errors=0;
        handler index.php;
        code $TEST_NGINX_FUNCTIONS/front;
    }
END
    config => <<'END');
        access_log logs/faas.log faas;
        location / { faas_pass front; }
        location ~ /unbuffered/.*\.php$ {
            rewrite ^/unbuffered(/.*) $1 break;
            faas_buffering off;
            faas_pass site;
        }
        location ~ \.php$ { faas_pass site; }
        location = /status { faas_status; access_log off; }
END

plan tests => 47;
run_tests();

__DATA__

=== TEST 1: scripts by their names
--- request eval
["GET /hello.php?name=you", "GET /hello.php", "HEAD /hello.php"]
--- response_headers_like eval
[("Content-Type: text/html; charset=UTF-8") x 3]
--- response_body eval
["hello you", "hello nobody", ""]


=== TEST 2: what a script is told of itself
--- request
GET /sub/info.php?x=1
--- more_headers
Host: example.com
--- response_body_like
^SCRIPT_NAME=/sub/info.php
SCRIPT_FILENAME=(/.*)/sub/info.php
DOCUMENT_ROOT=\1
PHP_SELF=/sub/info.php
REQUEST_URI=/sub/info.php\?x=1
HTTP_HOST=example.com
SETTING=set$


=== TEST 3: a script that is not there
--- request
GET /nothing.php
--- error_code: 404
--- response_body_like: No input file specified


=== TEST 4: one script for all paths
--- request eval
["GET /any/path?q", "GET /"]
--- response_body eval
["front /any/path?q /index.php", "front / /index.php"]


=== TEST 5: a form
--- request
POST /post.php
a=1&b[]=2&b[]=3&c=%20d
--- more_headers
Content-Type: application/x-www-form-urlencoded
--- response_body chomp
{"a":"1","b":["2","3"],"c":" d"} 22


=== TEST 6: a file
--- request eval
"POST /post.php\n--X\r\nContent-Disposition: form-data; name=\"file\"; "
. "filename=\"f.bin\"\r\n\r\n" . "0123456789" x 20000 . "\r\n--X--\r\n"
--- more_headers
Content-Type: multipart/form-data; boundary=X
--- response_body chomp
f.bin 200000 bcc4bfca43786497d970f7d3e2fdd455


=== TEST 7: statuses, headers and cookies
--- request eval
["GET /answer.php?code=200", "GET /answer.php?code=404",
"GET /answer.php?code=503", "GET /answer.php?code=204"]
--- error_code eval
[200, 404, 503, 204]
--- raw_response_headers_like eval
[(qr/X-One: 1\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\n/) x 4]
--- response_body eval
["body", "body", "body", ""]


=== TEST 8: a script that fails, and what it logs
--- request
GET /fail.php
--- error_code: 500
--- access
[500|site|success|-]
--- errors
faas: \[site [0-9a-f-]{36}\] to the log
faas: \[site [0-9a-f-]{36}\] PHP Fatal error:  Uncaught Exception: thrown


=== TEST 9: large answers
--- request eval
["GET /large.php", "GET /unbuffered/large.php"]
--- response_body eval
[(CORE::join '', map { chr(97 + $_ % 26) x 1000 } 0 .. 2999) x 2]


=== TEST 10: a script that uses up its memory
--- skip_eval
7: $> != 0
--- request eval
["GET /memory.php", "GET /hello.php", "GET /status"]
--- error_code eval
[502, 200, 200]
--- response_body_like eval
[qr/^\{"message":"Bad Gateway"\}$/, "hello", qr/"out_of_memory":1,/]
--- access
[502|site|crash|Runtime.OutOfMemory]
[200|site|success|-]
