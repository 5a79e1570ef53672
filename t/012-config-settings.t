# Values of the settings in a faas_function block: wrong, missing, doubled.
# The ends of each range that are accepted are in 014.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: an unknown setting
--- function
    runtimes python3;
--- at: runtimes python3;
--- says
unknown directive "runtimes" in function "f"


=== TEST 2: a directive of nginx is no setting
--- function
    root /tmp;
--- at: root /tmp;
--- says
unknown directive "root" in function "f"


=== TEST 3: a setting without value
--- function
    timeout;
--- at: timeout;
--- says
invalid number of arguments in "timeout" directive


=== TEST 4: a setting with two values
--- function
    memory 128m 256m;
--- at: memory 128m 256m;
--- says
invalid number of arguments in "memory" directive


=== TEST 5: timeout of nothing
--- function
    timeout 0;
--- at: timeout 0;
--- says
invalid value "0" in "timeout", it must be a time above 0 and up to 900s


=== TEST 6: timeout above 900 seconds
--- function
    timeout 900001ms;
--- at: timeout 900001ms;
--- says
invalid value "900001ms" in "timeout", it must be a time above 0 and up to 900s


=== TEST 7: timeout that is no time
--- function
    timeout soon;
--- at: timeout soon;
--- says
invalid value "soon" in "timeout"


=== TEST 8: negative timeout
--- function
    timeout -1s;
--- at: timeout -1s;
--- says
invalid value "-1s" in "timeout"


=== TEST 9: memory below 128 MB
--- function
    memory 127m;
--- at: memory 127m;
--- says
invalid value "127m" in "memory", it must be a size from 128m to 32768m


=== TEST 10: memory above 32 GB
--- function
    memory 32769;
--- at: memory 32769;
--- says
invalid value "32769" in "memory"


=== TEST 11: memory in kilobytes
--- function
    memory 262144k;
--- at: memory 262144k;
--- says
invalid value "262144k" in "memory"


=== TEST 12: memory that does not fit a number
--- function
    memory 99999999999999999999g;
--- at: memory 99999999999999999999g;
--- says
invalid value "99999999999999999999g" in "memory"


=== TEST 13: memory of a unit without number
--- function
    memory m;
--- at: memory m;
--- says
invalid value "m" in "memory"


=== TEST 14: tmp of nothing
--- function
    tmp 0;
--- at: tmp 0;
--- says
invalid value "0" in "tmp", it must be a size from 1m to 10240m


=== TEST 15: tmp above 10 GB
--- function
    tmp 11g;
--- at: tmp 11g;
--- says
invalid value "11g" in "tmp"


=== TEST 16: concurrency above its limit
--- function
    concurrency 16385;
--- at: concurrency 16385;
--- says
invalid value "16385" in "concurrency", it must be a number from 0 to 16384


=== TEST 17: concurrency that is no number
--- function
    concurrency many;
--- at: concurrency many;
--- says
invalid value "many" in "concurrency"


=== TEST 18: no invocation an environment
--- function
    environment_concurrency 0;
--- at: environment_concurrency 0;
--- says
invalid value "0" in "environment_concurrency", it must be a number from 1 to 1024


=== TEST 19: too many invocations an environment
--- function
    environment_concurrency 1025;
--- at: environment_concurrency 1025;
--- says
invalid value "1025" in "environment_concurrency"


=== TEST 20: provisioned above its limit
--- function
    provisioned 16385;
--- at: provisioned 16385;
--- says
invalid value "16385" in "provisioned", it must be a number from 0 to 16384


=== TEST 21: more provisioned than concurrency allows
--- function
    provisioned 3;
    runtime python3;
    concurrency 2;
--- at: provisioned 3;
--- says
"provisioned" 3 is greater than "concurrency" 2 in function "f"


=== TEST 22: one provisioned for a function that takes no request
--- function
    concurrency 0;
    provisioned 1;
    runtime python3;
--- at: provisioned 1;
--- says
"provisioned" 1 is greater than "concurrency" 0 in function "f"


=== TEST 23: queue above its limit
--- function
    queue 65537;
--- at: queue 65537;
--- says
invalid value "65537" in "queue", it must be a number from 0 to 65536


=== TEST 24: queue with a time of another name
--- function
    queue 10 time=1s;
--- at: queue 10 time=1s;
--- says
invalid value "time=1s" in "queue", it must be timeout=TIME above 0 and up to 900s


=== TEST 25: queue with an empty timeout
--- function
    queue 10 timeout=;
--- at: queue 10 timeout=;
--- says
invalid value "timeout=" in "queue"


=== TEST 26: queue with a timeout of nothing
--- function
    queue 10 timeout=0;
--- at: queue 10 timeout=0;
--- says
invalid value "timeout=0" in "queue"


=== TEST 27: queue with a timeout above 900 seconds
--- function
    queue 10 timeout=901s;
--- at: queue 10 timeout=901s;
--- says
invalid value "timeout=901s" in "queue"


=== TEST 28: queue with three values
--- function
    queue 10 timeout=1s fifo;
--- at: queue 10 timeout=1s fifo;
--- says
invalid number of arguments in "queue" directive


=== TEST 29: max_requests that does not fit
--- function
    max_requests 2147483648;
--- at: max_requests 2147483648;
--- says
invalid value "2147483648" in "max_requests", it must be a number from 0 to 2147483647


=== TEST 30: max_age below a second
--- function
    max_age 999ms;
    runtime python3;
--- at: max_age 999ms;
--- says
"max_age" 999ms is less than 1s in function "f"


=== TEST 31: max_age above 20 days
--- function
    max_age 1728001s;
--- at: max_age 1728001s;
--- says
invalid value "1728001s" in "max_age", it must be a time up to 1728000s


=== TEST 32: idle_timeout above 20 days
--- function
    idle_timeout 21d;
--- at: idle_timeout 21d;
--- says
invalid value "21d" in "idle_timeout", it must be a time up to 1728000s


=== TEST 33: an account of eleven digits
--- function
    account 12345678901;
--- at: account 12345678901;
--- says
invalid value "12345678901" in "account", it must be 12 digits


=== TEST 34: an account with a letter
--- function
    account 12345678901x;
--- at: account 12345678901x;
--- says
invalid value "12345678901x" in "account", it must be 12 digits


=== TEST 35: a region of 33 characters
--- function eval
"    region " . "r" x 33 . ";\n"
--- at eval
"region " . "r" x 33 . ";"
--- says eval
'invalid value "' . "r" x 33 . '" in "region", it must have 1 to 32 characters'


=== TEST 36: an empty region
--- function
    region "";
--- at: region "";
--- says
invalid value "" in "region"


=== TEST 37: reload_on_change neither on nor off
--- function
    reload_on_change yes;
--- at: reload_on_change yes;
--- says
invalid value "yes" in "reload_on_change", it must be "on" or "off"


=== TEST 38: text that is not UTF-8
--- function eval
"    code /srv/\xff;\n"
--- at eval
"code /srv/\xff;"
--- says eval
"invalid value \"/srv/\xff\" in \"code\", it must be UTF-8"


=== TEST 39: the line is one of an included file
--- functions
>>> settings
runtime python3;
timeout 901s;
--- function
    include $TEST_NGINX_FUNCTIONS/settings;
--- says
invalid value "901s" in "timeout", it must be a time above 0 and up to 900s in $TEST_NGINX_FUNCTIONS/settings:2


=== TEST 40: so it is when the block is complete
--- functions
>>> settings
timeout 900s;
code $TEST_NGINX_FUNCTIONS/nowhere;
--- function
    include $TEST_NGINX_FUNCTIONS/settings;
    runtime python3;
    handler app.handler;
--- says
of function "f" is not there (2: No such file or directory) in $TEST_NGINX_FUNCTIONS/settings:2


=== TEST 41: streaming neither on nor off
--- function
    streaming yes;
--- at: streaming yes;
--- says
invalid value "yes" in "streaming", it must be "on" or "off"


=== TEST 42: streaming of an application
--- function
    runtime fastcgi;
    streaming on;
    command /bin/true;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: streaming on;
--- says
"streaming" in function "f" is not for runtime fastcgi, see "faas_buffering"
