# Answers of a FastCGI application in the cache.

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

sub filled { substr join('', 'a' .. 'z') x ($_[0] / 26 + 1), 0, $_[0] }

faas_defaults(
    http_config => <<'END',
    faas_cache_path $TEST_NGINX_BASE/cache keys_zone=one:1m;
    add_header X-Cache $upstream_cache_status always;
    faas_function app {
        runtime fastcgi;
        command app;
        code $TEST_NGINX_BASE/bin;
        timeout 1s;
    }
END
    config => <<'END');
        faas_cache one;
        faas_cache_key $request_uri;
        faas_cache_valid any 1m;
        location / { faas_pass app; }
        location = /status { faas_status; }
END

add_block_preprocessor(sub { system('rm', '-rf', faas_base() . '/cache') });

plan tests => 150;
run_tests();

__DATA__

=== TEST 1: answers of all sizes, with and without length
--- request eval
[map { my $n = $_; map {; ("GET $_?$n", "GET $_?$n") } '/large', '/open' }
0, 1, 4000, 4096, 5000, 100000, 2000000]
--- response_headers eval
[map { ("X-Cache: MISS", "X-Cache: HIT") } 1 .. 14]
--- response_body eval
[map { my $body = main::filled($_); ($body) x 4 }
0, 1, 4000, 4096, 5000, 100000, 2000000]


=== TEST 2: headers and statuses
--- request eval
[("GET /other") x 2]
--- error_code eval
[404, 404]
--- response_headers eval
[map { "X-Cache: $_\nX-One: 1\nContent-Type: text/plain" } 'MISS', 'HIT']
--- response_body eval
["nothing", "nothing"]


=== TEST 3: a header in pieces, and a body that comes later
--- request eval
["GET /pieces", "GET /pieces", "GET /later", "GET /later"]
--- response_headers eval
["X-Cache: MISS", "X-Cache: HIT", "X-Cache: MISS", "X-Cache: HIT"]
--- response_body eval
["in pieces", "in pieces", "first second third", "first second third"]


=== TEST 4: HEAD fills the cache, too
--- request eval
["HEAD /large?5000", "GET /large?5000"]
--- response_headers eval
["X-Cache: MISS\nContent-Length: 5000", "X-Cache: HIT"]
--- response_body eval
["", main::filled(5000)]


=== TEST 5: answers without body
--- request eval
[("GET /head?1") x 2, ("GET /head?2") x 2]
--- more_headers eval
[("X-Header: Status: 204 None") x 2, ("X-Header: Status: 304") x 2]
--- error_code eval
[204, 204, 304, 304]
--- response_headers eval
["X-Cache: MISS", "X-Cache: HIT", "X-Cache: MISS", "X-Cache: HIT"]
--- response_body eval
["", "", "", ""]


=== TEST 6: what is incomplete is not cached
--- request eval
["GET /short", "GET /short", "GET /status"]
--- ignore_response
--- errors
bytes less than specified in "Content-Length" header


=== TEST 7: nor are the gateway's answers
--- request eval
["GET /bad", "GET /bad", "GET /exitnow", "GET /exitnow", "GET /sleep"]
--- error_code eval
[502, 502, 502, 502, 504]
--- response_headers eval
[("X-Cache: MISS") x 5]


=== TEST 8: each is one invocation, and none a crash
--- request eval
["GET /large?9", "GET /large?9", "HEAD /large?8", "GET /status"]
--- response_body_like eval
["^a", "^a", "^\$",
qr/"invocations":2,"successes":2,.*"environments_started":1,/]


=== TEST 9: a first buffer larger than a cache file's header
--- http_config
    faas_buffer_size 128k;
    faas_buffers 4 128k;
--- request eval
["GET /large?300000", "GET /large?300000"]
--- response_headers eval
["X-Cache: MISS", "X-Cache: HIT"]
--- response_body eval
[(main::filled(300000)) x 2]
