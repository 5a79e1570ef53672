# Sizes that do not fit each other, and the cache: what is known only once
# the whole configuration is read names the end of the http block, as with
# nginx's own directives.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: one buffer
--- http_config
    faas_buffers 1 8k;
--- at: }
--- says
there must be at least 2 "faas_buffers", not 1


=== TEST 2: a buffer smaller than a header needs
--- http_config
    faas_buffer_size 512;
--- at: }
--- says
"faas_buffer_size" 512 is less than 1024


=== TEST 3: a first buffer larger than all but one others
--- http_config
    faas_buffer_size 16k;
    faas_buffers 3 4k;
--- at: }
--- says
"faas_buffer_size" 16384 is larger than all "faas_buffers" but one, 8192


=== TEST 4: a temporary file smaller than a buffer
--- http_config
    faas_buffers 4 16k;
    faas_max_temp_file_size 8k;
--- at: }
--- says
"faas_max_temp_file_size" 8192 must be 0, or not less than a buffer, 16384


=== TEST 5: sizes of a location are checked as well
--- config
    location / {
        faas_buffer_size 100;
    }
--- at: }
--- says
"faas_buffer_size" 100 is less than 1024


=== TEST 6: a cache zone that is nowhere
--- http_config
    faas_cache nowhere;
    faas_cache_key $uri;
--- at: }
--- says
"faas_cache" zone "nowhere" is unknown


=== TEST 7: a cache twice
--- config
    faas_cache one;
    faas_cache two;
--- at: faas_cache two;
--- says
"faas_cache" directive is duplicate


=== TEST 8: a cache key twice
--- config
    faas_cache_key $uri;
    faas_cache_key $uri$args;
--- at: faas_cache_key $uri$args;
--- says
"faas_cache_key" directive is duplicate


=== TEST 9: a cache path without zone
--- http_config
    faas_cache_path /tmp levels=1;
--- at: faas_cache_path /tmp levels=1;
--- says
"faas_cache_path" must have "keys_zone" parameter


=== TEST 10: a cache path with an unknown parameter
--- http_config
    faas_cache_path /tmp/c keys_zone=c:1m color=red;
--- at: faas_cache_path /tmp/c keys_zone=c:1m color=red;
--- says
invalid parameter "color=red"


=== TEST 11: a zone twice
--- http_config
    faas_cache_path $TEST_NGINX_BASE/c1 keys_zone=c:1m;
    faas_cache_path $TEST_NGINX_BASE/c2 keys_zone=c:1m;
--- at: faas_cache_path $TEST_NGINX_BASE/c2 keys_zone=c:1m;
--- says
duplicate zone "c"


=== TEST 12: a validity that is no time
--- config
    faas_cache_valid 200 long;
--- at: faas_cache_valid 200 long;
--- says
invalid time value "long"


=== TEST 13: a validity of a status that is none
--- config
    faas_cache_valid 99 1m;
--- at: faas_cache_valid 99 1m;
--- says
invalid status "99"


=== TEST 14: stale answers in a case there is not
--- config
    faas_cache_use_stale never;
--- at: faas_cache_use_stale never;
--- says
invalid value "never"


=== TEST 15: a method that cannot be cached
--- config
    faas_cache_methods DELETE;
--- at: faas_cache_methods DELETE;
--- says
invalid value "DELETE"


=== TEST 16: uses that are no number
--- config
    faas_cache_min_uses few;
--- at: faas_cache_min_uses few;
--- says
invalid value "few" in "faas_cache_min_uses" directive


=== TEST 17: a lock's time that is none
--- config
    faas_cache_lock_timeout long;
--- at: faas_cache_lock_timeout long;
--- says
invalid value "long" in "faas_cache_lock_timeout" directive


=== TEST 18: a lock's age that is none
--- config
    faas_cache_lock_age old;
--- at: faas_cache_lock_age old;
--- says
invalid value "old" in "faas_cache_lock_age" directive


=== TEST 19: a range that is no offset
--- config
    faas_cache_max_range_offset far;
--- at: faas_cache_max_range_offset far;
--- says
invalid value "far" in "faas_cache_max_range_offset" directive


=== TEST 20: a lock neither on nor off
--- config
    faas_cache_lock maybe;
--- at: faas_cache_lock maybe;
--- says
invalid value "maybe" in "faas_cache_lock" directive


=== TEST 21: a temporary path with a level of nothing
--- config
    faas_temp_path /tmp/x 1 0;
--- at: faas_temp_path /tmp/x 1 0;
--- says
"faas_temp_path" directive invalid value
