# Configurations that nginx takes: both ends of each range, all forms.

use lib 't/lib';
use FaasTest;

sub zip
{
    my ($files, $dir, $offset) = ('', '', 0);

    for my $name (@_) {
        my $head = pack('v5V3v2', 20, 0, 0, 0, 33, 0, 0, 0, length $name, 0);

        $dir .= "PK\1\2" . pack('v', 3 << 8 | 20) . $head
                . pack('v3V2', 0, 0, 0, 0100755 << 16, $offset) . $name;
        $files .= "PK\3\4" . $head . $name;
        $offset = length $files;
    }

    return $files . $dir . "PK\5\6"
           . pack('v4V2v', 0, 0, @_ + 0, @_ + 0, length $dir, $offset, 7)
           . 'comment';
}

# every block: functions that are never called, and nginx serves

add_block_preprocessor(sub {
    my $block = shift;

    $block->set_value(config => 'location = /t { return 204; }'
                                . ($block->config || ''));
    $block->set_value(request => 'GET /t');
    $block->set_value(error_code => 204);
    $block->set_value(no_error_log => "[error]\n[crit]");
});

no_shuffle();
plan tests => 3 * blocks();
run_tests();

__DATA__

=== TEST 1: the least of everything
--- functions
>>> f/app.py
--- http_config
    faas_function f {
        runtime python3;
        handler app.h;
        code $TEST_NGINX_FUNCTIONS/f;
        timeout 1ms;
        memory 128;
        tmp 1m;
        concurrency 0;
        environment_concurrency 1;
        provisioned 0;
        queue 0 timeout=1ms;
        max_requests 0;
        max_age 0;
        idle_timeout 0;
        account 000000000000;
        region x;
        reload_on_change off;
        environment AA=;
    }


=== TEST 2: the most of everything
--- functions
>>> f/app.py
--- http_config eval
'    faas_function ' . "F" x 64 . ' {
        runtime python3;
        handler app.' . "h" x 124 . ';
        code $TEST_NGINX_FUNCTIONS/f;
        timeout 900;
        memory 32g;
        tmp 10g;
        concurrency 16384;
        environment_concurrency 1024;
        queue 65536 timeout=900s;
        max_requests 2147483647;
        max_age 20d;
        idle_timeout 1728000;
        account 999999999999;
        region ' . "r" x 32 . ';
        reload_on_change on;
        environment KEY=' . "v" x 2000 . ';
        environment OTHER=' . "v" x 2075 . ';
    }'


=== TEST 3: the shortest of everything
--- functions
>>> f/app.py
--- http_config
    faas_function f {
        runtime python3;
        handler app.h;
        code $TEST_NGINX_FUNCTIONS/f;
    }


=== TEST 4: units of times and sizes
--- functions
>>> f/app.py
--- http_config
    faas_function a {
        runtime python3;
        handler app.h;
        code $TEST_NGINX_FUNCTIONS/f;
        timeout 15m;
        memory 1G;
        tmp 2g;
        queue 5;
        max_age 1s;
    }
    faas_function b {
        runtime python3;
        handler app.h;
        code $TEST_NGINX_FUNCTIONS/f;
        timeout 1m30s;
        memory 256M;
        tmp 512;
        max_age 1000ms;
    }


=== TEST 5: forms of a Python handler
--- functions
>>> f/app.py
>>> f/dir/mod.py
>>> f/pkg/__init__.py
>>> f/compiled.pyc
>>> f/library.so
>>> f/dir/tagged.cpython-311-x86_64-linux-gnu.so
--- http_config
    faas_function a {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler dir/mod.handler;
    }
    faas_function b {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler dir.mod.handler;
    }
    faas_function c {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler pkg.handler;
    }
    faas_function d {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler compiled.handler;
    }
    faas_function e {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler library.handler;
    }
    faas_function tagged {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler dir.tagged.handler;
    }


=== TEST 6: forms of a Node.js handler
--- functions
>>> f/index.js
>>> f/esm.mjs
>>> f/common.cjs
>>> f/plain
>>> f/dir/file.js
>>> f/folder/index.js
>>> f/typed.ts
>>> f/module.mts
>>> f/last.cts
--- http_config
    faas_function a {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f;
        handler index.handler;
    }
    faas_function b {
        runtime nodejs20.x;
        code $TEST_NGINX_FUNCTIONS/f;
        handler esm.nested.handler;
    }
    faas_function c {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f;
        handler common.handler;
    }
    faas_function d {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f;
        handler plain.handler;
    }
    faas_function e {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f;
        handler dir/file.handler;
    }
    faas_function g {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f;
        handler folder.handler;
    }
    faas_function typed {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f;
        handler typed.handler;
    }
    faas_function module {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f;
        handler module.handler;
    }
    faas_function last {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f;
        handler last.handler;
    }


=== TEST 7: executables
--- functions
>>> f/bootstrap 0755
>>> f/bin/main 0755
>>> f/index.php
--- http_config
    faas_function a {
        runtime native;
        code $TEST_NGINX_FUNCTIONS/f;
    }
    faas_function b {
        runtime native;
        code $TEST_NGINX_FUNCTIONS/f;
        handler bin/main;
    }
    faas_function c {
        runtime fastcgi;
        code $TEST_NGINX_FUNCTIONS/f;
        command /bin/true -x "two words" "";
    }
    faas_function d {
        runtime fastcgi;
        code $TEST_NGINX_FUNCTIONS/f;
        command bin/main;
        handler index.php;
    }
    faas_function e {
        runtime fastcgi;
        code $TEST_NGINX_FUNCTIONS/f;
        command /var/task/bin/main;
    }


=== TEST 8: archives
--- functions eval
">>> f.zip\n" . main::zip('other.py', 'app.py', 'dir/index.mjs', 'bootstrap',
'tagged.abi3.so')
--- http_config
    faas_function a {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f.zip;
        handler app.handler;
    }
    faas_function tagged {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f.zip;
        handler tagged.handler;
    }
    faas_function b {
        runtime nodejs;
        code $TEST_NGINX_FUNCTIONS/f.zip;
        handler dir/index.handler;
    }
    faas_function c {
        runtime native;
        code $TEST_NGINX_FUNCTIONS/f.zip;
    }
    faas_function d {
        runtime fastcgi;
        code $TEST_NGINX_FUNCTIONS/f.zip;
        command bootstrap;
    }


=== TEST 9: settings from another file
--- functions
>>> f/app.py
>>> common
runtime python3;
handler app.handler;
timeout 5s;
--- http_config
    faas_function f {
        include $TEST_NGINX_FUNCTIONS/comm*;
        code $TEST_NGINX_FUNCTIONS/f;
    }


=== TEST 10: a function is named before it is defined
--- functions
>>> f/app.py
--- http_config
    server {
        listen unix:$TEST_NGINX_BASE/early;
        location / { faas_pass late; }
    }
    faas_function late {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler app.handler;
    }


=== TEST 11: names that differ in case
--- functions
>>> f/app.py
--- http_config
    faas_function hello {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler app.handler;
    }
    faas_function Hello {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler app.handler;
    }
    faas_function -_9 {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler app.handler;
    }


=== TEST 12: loaded, without any function
--- config
    location /status { faas_status; }


=== TEST 13: the ends of the ranges of directives
--- functions
>>> f/app.py
--- http_config
    faas_max_functions 1;
    faas_max_environments 1;
    faas_blanks python3 0;
    faas_supervisor auto;
    faas_buffers 2 4k;
    faas_buffer_size 1k;
    faas_max_temp_file_size 0;
    faas_request_max 0;
    faas_response_max 0;
    faas_streaming_max 0;
    faas_streaming_rate 0;
    faas_function f {
        runtime python3;
        code $TEST_NGINX_FUNCTIONS/f;
        handler app.handler;
    }


=== TEST 14: all directives of a location in an outer block
--- http_config
    faas_ignore_client_abort off;
    faas_buffering off;
    faas_buffer_size 8k;
    faas_buffers 4 16k;
    faas_max_temp_file_size 10m;
    faas_temp_path faas_temp 1 2;
    faas_request_max 1m;
    faas_response_max 1m;
    faas_streaming on;
    faas_streaming_max 1g;
    faas_streaming_rate 2m burst=6m;
    faas_hide_header X-One;
    faas_pass_header X-Accel-Expires;
    faas_ignore_headers X-Accel-Expires Expires Cache-Control Set-Cookie Vary;
    faas_intercept_errors on;
    faas_cache_path $TEST_NGINX_BASE/cache keys_zone=one:1m;
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_bypass $arg_a;
    faas_no_cache $arg_b;
    faas_cache_valid 200 302 1m;
    faas_cache_valid any 1s;
    faas_cache_min_uses 2;
    faas_cache_max_range_offset 1g;
    faas_cache_use_stale error timeout invalid_header updating http_500
        http_502 http_503 http_504 http_403 http_404 http_429;
    faas_cache_methods GET HEAD POST;
    faas_cache_lock on;
    faas_cache_lock_timeout 1s;
    faas_cache_lock_age 1s;
    faas_cache_revalidate on;
    faas_cache_background_update on;


=== TEST 15: the sandbox, all forms
--- http_config
    faas_uids 200000-300000;
    faas_network_deny 10.0.0.0/8 192.168.1.1 fd00::/8;
    faas_network_allow 127.0.0.1:5432 [::1]:6379 fd00::5 10.0.0.0/24;

    faas_function f {
        runtime fastcgi;
        command /usr/bin/env;
        code /usr/share;
        network none;
        cpu lambda;
        memory 1769;
        seccomp listen bind;
        seccomp mknod;
        mount /usr/share /mnt/share;
        mount /usr/share /mnt/share-2.a_b ro;
    }

    faas_function g {
        runtime fastcgi;
        command /usr/bin/env;
        code /usr/share;
        network host;
        cpu 0.01;
    }

    faas_function h {
        runtime fastcgi;
        command /usr/bin/env;
        code /usr/share;
        network egress;
        cpu 256;
    }


=== TEST 16: programs that speak HTTP
--- functions eval
">>> f.zip\n" . main::zip('server') . "\n>>> f/server 0755\n"
--- http_config eval
'    faas_function a {
        runtime web;
        command server --verbose "two words" "";
        code $TEST_NGINX_FUNCTIONS/f;
    }
    faas_function b {
        runtime web;
        command server;
        code $TEST_NGINX_FUNCTIONS/f.zip;
        listen 1;
        readiness /;
        network host;
        environment_concurrency 1;
    }
    faas_function c {
        runtime web;
        command /bin/true;
        code $TEST_NGINX_FUNCTIONS/f;
        listen 65535;
        readiness /healthz?deep=1;
        environment_concurrency 1024;
    }
    faas_function d {
        runtime web;
        command /var/task/server;
        code $TEST_NGINX_FUNCTIONS/f;
        listen unix:/tmp/' . 'a' x 94 . ';
        readiness /' . 'r' x 1023 . ';
    }
    faas_function e {
        runtime web;
        command server;
        code $TEST_NGINX_FUNCTIONS/f;
        listen unix:/dev/shm/run/..web/a.sock;
        network none;
    }'
