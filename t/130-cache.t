# faas_cache: what is cached, and for how long.

use lib 't/lib';
use FaasDefaults;

# how often a path was asked for, and what else the query says

our $Functions = <<'END';
>>> f/app.py
import collections

seen = collections.Counter()


def handler(event, context):
    q = event.get('queryStringParameters', {})
    method = event['requestContext']['http']['method']
    seen[event['rawPath']] += 1
    if 'raise' in q:
        raise ValueError
    return {'statusCode': int(q.get('status', 200)),
            'headers': {'Content-Type': 'text/plain', 'X-Method': method,
                        'X-Head': 'h' * int(q.get('head', 0)),
                        **{k: v for k, v in q.items() if k[0].isupper()}},
            'cookies': ['c=1'] if 'cookie' in q else [],
            'body': '%d %s%s' % (seen[event['rawPath']], event['rawPath'],
                                 'x' * int(q.get('size', 0)))}
END

faas_defaults(
    functions => $Functions,
    http_config => faas_python(f => '') . <<'END',
    faas_cache_path $TEST_NGINX_BASE/cache keys_zone=one:1m;
    add_header X-Cache $upstream_cache_status always;
    log_format faas "[$status|$upstream_cache_status|$faas_status]";
END
    config => <<'END');
        faas_cache one;
        faas_cache_key $uri;
        faas_cache_valid 200 1m;
        access_log logs/faas.log faas;
        location / { faas_pass f; }
END

# nothing of the block before

add_block_preprocessor(sub { system('rm', '-rf', faas_base() . '/cache') });

plan tests => 215;
run_tests();

__DATA__

=== TEST 1: a second request is answered from the cache
--- request eval
["GET /a", "GET /a", "GET /b", "GET /a"]
--- response_headers eval
["X-Cache: MISS", "X-Cache: HIT", "X-Cache: MISS", "X-Cache: HIT"]
--- response_body eval
["1 /a", "1 /a", "1 /b", "1 /a"]
--- access
[200|MISS|success]
[200|HIT|none]
[200|MISS|success]
[200|HIT|none]


=== TEST 2: headers and lengths from the cache are those of the answer
--- request eval
[("GET /a?X-One=1&Location=/x&Content-Type=text/css&ETag=\"e\"&size=10") x 2]
--- response_headers eval
[("X-One: 1\nLocation: /x\nContent-Type: text/css\nContent-Length: 14\n"
. "ETag: \"e\"") x 2]
--- response_body eval
["1 /axxxxxxxxxx", "1 /axxxxxxxxxx"]


=== TEST 3: empty and large answers
--- request eval
[map { ("GET /a$_?size=$_", "GET /a$_?size=$_") } 0, 4096, 100000, 2000000]
--- response_headers eval
[("X-Cache: MISS", "X-Cache: HIT") x 4]
--- response_body eval
[map { my $body = "1 /a$_" . 'x' x $_; ($body, $body) }
0, 4096, 100000, 2000000]


=== TEST 4: statuses that are cached, and those that are not
--- config
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_valid 200 404 1m;
    location / { faas_pass f; }
--- request eval
["GET /a?status=404", "GET /a", "GET /b?status=500", "GET /b",
"GET /c?status=204", "GET /c", "GET /d?status=301", "GET /d"]
--- error_code eval
[404, 404, 500, 200, 204, 200, 301, 200]
--- response_body_like eval
["^1", "^1", "^1", "^2", "^\$", "^2", "^1", "^2"]


=== TEST 5: any status, with one of nothing
--- config
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_valid any 1m;
    location / { faas_pass f; }
--- request eval
["GET /a?status=204", "GET /a", "GET /b?status=304", "GET /b",
"GET /c?status=500", "GET /c"]
--- error_code eval
[204, 204, 304, 304, 500, 500]
--- response_headers eval
[("X-Cache: MISS", "X-Cache: HIT") x 3]
--- response_body eval
["", "", "", "", "1 /c", "1 /c"]


=== TEST 6: the gateway's errors are never cached
--- config
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_valid any 1m;
    location / { faas_pass f; }
--- request eval
["GET /a?raise=1", "GET /a"]
--- error_code eval
[500, 200]
--- response_headers eval
["X-Cache: MISS", "X-Cache: MISS"]
--- response_body eval
['{"message":"Internal Server Error"}', "2 /a"]


=== TEST 7: what the function says of caching
--- config
    faas_cache one;
    faas_cache_key $uri;
    location / { faas_pass f; }
--- request eval
["GET /a?Cache-Control=max-age%3D60", "GET /a",
"GET /b?Cache-Control=no-store", "GET /b", "GET /c", "GET /c",
"GET /d?Expires=Thu,%2001%20Jan%202099%2000:00:00%20GMT", "GET /d"]
--- response_body eval
["1 /a", "1 /a", "1 /b", "2 /b", "1 /c", "2 /c", "1 /d", "1 /d"]


=== TEST 8: X-Accel-Expires is the function's only where it is allowed
--- config
    faas_cache one;
    faas_cache_key $uri;
    location / { faas_pass f; }
    location /allow { faas_ignore_headers none; faas_pass f; }
--- request eval
["GET /a?X-Accel-Expires=60", "GET /a", "GET /allow?X-Accel-Expires=60",
"GET /allow"]
--- response_body eval
["1 /a", "2 /a", "1 /allow", "1 /allow"]


=== TEST 9: answers with cookies are not cached
--- request eval
["GET /a?cookie=1", "GET /a"]
--- response_body eval
["1 /a", "2 /a"]


=== TEST 10: unless it is said so
--- config
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_valid 1m;
    faas_ignore_headers Set-Cookie Cache-Control;
    location / { faas_pass f; }
--- request eval
["GET /a?cookie=1&Cache-Control=no-store", "GET /a"]
--- response_body eval
["1 /a", "1 /a"]


=== TEST 11: Vary
--- request eval
[("GET /a?Vary=Accept") x 3]
--- more_headers eval
["Accept: x", "Accept: y", "Accept: x"]
--- response_body eval
["1 /a", "2 /a", "1 /a"]


=== TEST 12: requests that go past the cache, and answers that do not get in
--- config
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_valid 1m;
    faas_cache_bypass $arg_bypass;
    faas_no_cache $arg_no;
    location / { faas_pass f; }
--- request eval
["GET /a", "GET /a?bypass=1", "GET /a", "GET /b?no=1", "GET /b"]
--- response_headers eval
["X-Cache: MISS", "X-Cache: BYPASS", "X-Cache: HIT", "X-Cache: MISS",
"X-Cache: MISS"]
--- response_body eval
["1 /a", "2 /a", "2 /a", "1 /b", "2 /b"]


=== TEST 13: a number of uses first
--- config
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_valid 1m;
    faas_cache_min_uses 2;
    location / { faas_pass f; }
--- request eval
["GET /a", "GET /a", "GET /a"]
--- response_body eval
["1 /a", "2 /a", "2 /a"]


=== TEST 14: methods
--- config
    faas_cache one;
    faas_cache_key $uri$request_body;
    faas_cache_valid 1m;
    location / { faas_pass f; }
    location /post { faas_cache_methods POST; faas_pass f; }
--- request eval
["POST /a\nx", "POST /a\nx", "POST /post\nx", "POST /post\nx",
"POST /post\ny", "DELETE /post\nx"]
--- response_body eval
["1 /a", "2 /a", "1 /post", "1 /post", "2 /post", "3 /post"]


=== TEST 15: HEAD is GET for the function, so that there is a body to cache
--- request eval
["HEAD /a", "GET /a", "GET /b", "HEAD /b"]
--- response_headers eval
["X-Method: GET\nContent-Length: 4\nX-Cache: MISS",
"X-Method: GET\nContent-Length: 4\nX-Cache: HIT",
"X-Method: GET\nX-Cache: MISS",
"X-Method: GET\nContent-Length: 4\nX-Cache: HIT"]
--- response_body eval
["", "1 /a", "1 /b", ""]


=== TEST 16: without a cache it is HEAD
--- config
    location / { faas_pass f; }
--- request
HEAD /a
--- response_headers
X-Method: HEAD


=== TEST 17: conditions and ranges of a client are answered by the cache
--- request eval
["GET /a?ETag=\"e\"&Accept-Ranges=bytes", "GET /a", "GET /a", "GET /a"]
--- more_headers eval
['If-None-Match: "e"', 'If-None-Match: "e"', 'If-None-Match: "f"',
"Range: bytes=2-3"]
--- error_code eval
[304, 304, 200, 206]
--- response_body eval
["", "", "1 /a", "/a"]


=== TEST 18: a location without cache
--- config
    faas_cache one;
    faas_cache_key $uri;
    faas_cache_valid 1m;
    location / { faas_pass f; }
    location /off { faas_cache off; faas_pass f; }
--- request eval
["GET /off", "GET /off", "GET /on", "GET /on"]
--- response_body eval
["1 /off", "2 /off", "1 /on", "1 /on"]


=== TEST 19: the name of the zone in a variable
--- config
    faas_cache $arg_zone;
    faas_cache_key $uri;
    faas_cache_valid 1m;
    location / { faas_pass f; }
--- request eval
["GET /a?zone=one", "GET /a?zone=one", "GET /a?zone=off", "GET /a"]
--- response_body eval
["1 /a", "1 /a", "2 /a", "3 /a"]


=== TEST 20: answers with more header than a cache file can have
--- request eval
["GET /a?head=32000", "GET /a", "GET /b?head=40000", "GET /b?head=40000"]
--- response_body eval
["1 /a", "1 /a", "1 /b", "2 /b"]
