# Mistakes in the directives outside of faas_function.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: two run directories
--- http_config
    faas_run_dir /run/one;
    faas_run_dir /run/two;
--- at: faas_run_dir /run/two;
--- says
two run directories in use: "faas_run_dir" "/run/two" comes after "/run/one"


=== TEST 2: a run directory longer than Unix sockets allow
--- http_config eval
"    faas_run_dir /" . "r" x 76 . ";\n"
--- at eval
"faas_run_dir /" . "r" x 76 . ";"
--- says eval
'"faas_run_dir" "/' . "r" x 76 . '" is longer than 76 characters'


=== TEST 3: a run directory below the prefix
--- http_config eval
"    faas_run_dir " . "r" x 70 . ";\n"
--- at eval
"faas_run_dir " . "r" x 70 . ";"
--- says eval
"/" . "r" x 70 . '" is longer than 76 characters'


=== TEST 4: two state directories
--- http_config
    faas_state_dir /var/one;
    faas_state_dir /var/two;
--- at: faas_state_dir /var/two;
--- says
"faas_state_dir" directive is duplicate


=== TEST 5: two runtime directories
--- http_config
    faas_runtime_dir /usr/one;
    faas_runtime_dir /usr/two;
--- at: faas_runtime_dir /usr/two;
--- says
"faas_runtime_dir" directive is duplicate


=== TEST 6: a run directory of one server
--- config
    faas_run_dir /run/one;
--- at: faas_run_dir /run/one;
--- says
"faas_run_dir" directive is not allowed here


=== TEST 7: blanks of an unknown runtime
--- http_config
    faas_blanks cobol 2;
--- at: faas_blanks cobol 2;
--- says
unknown runtime "cobol"


=== TEST 8: blanks of a runtime that has none
--- http_config
    faas_blanks native 2;
--- at: faas_blanks native 2;
--- says
runtime "native" has no blanks: "faas_blanks" is for python3, nodejs, java, mono, ruby, lua, php and perl


=== TEST 9: too many blanks
--- http_config
    faas_blanks python3 1025;
--- at: faas_blanks python3 1025;
--- says
invalid number "1025" in "faas_blanks", it must be between 0 and 1024


=== TEST 10: blanks that are no number
--- http_config
    faas_blanks python3 some;
--- at: faas_blanks python3 some;
--- says
invalid number "some" in "faas_blanks"


=== TEST 11: blanks of a runtime twice
--- http_config
    faas_blanks python3 2;
    faas_blanks python3 3;
--- at: faas_blanks python3 3;
--- says
"faas_blanks" directive is duplicate for this runtime


=== TEST 12: blanks without a number
--- http_config
    faas_blanks python3;
--- at: faas_blanks python3;
--- says
invalid number of arguments in "faas_blanks" directive


=== TEST 13: a supervisor that is neither automatic nor a socket
--- http_config
    faas_supervisor off;
--- at: faas_supervisor off;
--- says
invalid value "off" in "faas_supervisor", it must be "auto" or "unix:/path/of/the/doorbell"


=== TEST 14: a supervisor's socket without a path
--- http_config
    faas_supervisor unix:;
--- at: faas_supervisor unix:;
--- says
invalid value "unix:" in "faas_supervisor"


=== TEST 15: a supervisor's socket with a relative path
--- http_config
    faas_supervisor unix:doorbell;
--- at: faas_supervisor unix:doorbell;
--- says
invalid value "unix:doorbell" in "faas_supervisor"


=== TEST 16: a supervisor's socket with a path that is too long
--- http_config eval
"    faas_supervisor unix:/" . "s" x 107 . ";\n"
--- at eval
"faas_supervisor unix:/" . "s" x 107 . ";"
--- says eval
'invalid value "unix:/' . "s" x 107 . '" in "faas_supervisor"'


=== TEST 17: two supervisors
--- http_config
    faas_supervisor auto;
    faas_supervisor unix:/run/doorbell;
--- at: faas_supervisor unix:/run/doorbell;
--- says
"faas_supervisor" directive is duplicate


=== TEST 18: room for no function
--- http_config
    faas_max_functions 0;
--- at: faas_max_functions 0;
--- says
invalid value "0" in "faas_max_functions", it must be a number from 1 to 65536


=== TEST 19: room for too many functions
--- http_config
    faas_max_functions 65537;
--- at: faas_max_functions 65537;
--- says
invalid value "65537" in "faas_max_functions"


=== TEST 20: room for functions that is no number
--- http_config
    faas_max_functions 1k;
--- at: faas_max_functions 1k;
--- says
invalid value "1k" in "faas_max_functions" directive


=== TEST 21: more functions than there is room for
--- functions
>>> f/app.py
--- http_config
    faas_max_functions 1;
    faas_function one {
        runtime python3;
        handler app.handler;
        code $TEST_NGINX_FUNCTIONS/f;
    }
    faas_function two {
        runtime python3;
        handler app.handler;
        code $TEST_NGINX_FUNCTIONS/f;
    }
--- at: }
--- says
2 functions are configured, but "faas_max_functions" is 1


=== TEST 22: no environment
--- http_config
    faas_max_environments 0;
--- at: faas_max_environments 0;
--- says
invalid value "0" in "faas_max_environments", it must be a number from 1 to 16384


=== TEST 23: too many environments
--- http_config
    faas_max_environments 16385;
--- at: faas_max_environments 16385;
--- says
invalid value "16385" in "faas_max_environments"


=== TEST 24: faas_pass without a name
--- config
    location / { faas_pass; }
--- at: location / { faas_pass; }
--- says
invalid number of arguments in "faas_pass" directive


=== TEST 25: faas_pass twice
--- config
    location / {
        faas_pass one;
        faas_pass two;
    }
--- at: faas_pass two;
--- says
"faas_pass" directive is duplicate


=== TEST 26: faas_pass with a variable that does not exist
--- config
    location /x {
        faas_pass $nobody_knows;
    }
--- says
unknown "nobody_knows" variable


=== TEST 27: faas_pass in a server
--- config
    faas_pass f;
--- at: faas_pass f;
--- says
"faas_pass" directive is not allowed here


=== TEST 28: faas_status twice
--- config
    location / {
        faas_status;
        faas_status;
    }
--- at: faas_status;
--- says
"faas_status" directive is duplicate


=== TEST 29: faas_status with a value
--- config
    location / { faas_status on; }
--- at: location / { faas_status on; }
--- says
invalid number of arguments in "faas_status" directive


=== TEST 30: faas_buffering neither on nor off
--- config
    faas_buffering maybe;
--- at: faas_buffering maybe;
--- says
invalid value "maybe" in "faas_buffering" directive, it must be "on" or "off"


=== TEST 31: faas_ignore_client_abort neither on nor off
--- config
    faas_ignore_client_abort maybe;
--- at: faas_ignore_client_abort maybe;
--- says
invalid value "maybe" in "faas_ignore_client_abort" directive


=== TEST 32: faas_intercept_errors neither on nor off
--- config
    faas_intercept_errors maybe;
--- at: faas_intercept_errors maybe;
--- says
invalid value "maybe" in "faas_intercept_errors" directive


=== TEST 33: a request size that is none
--- config
    faas_request_max lots;
--- at: faas_request_max lots;
--- says
invalid value "lots" in "faas_request_max" directive


=== TEST 34: a response size that is none
--- config
    faas_response_max -1;
--- at: faas_response_max -1;
--- says
invalid value "-1" in "faas_response_max" directive


=== TEST 35: a response size twice
--- config
    faas_response_max 1m;
    faas_response_max 2m;
--- at: faas_response_max 2m;
--- says
"faas_response_max" directive is duplicate


=== TEST 36: buffers of no size
--- config
    faas_buffers 8 big;
--- at: faas_buffers 8 big;
--- says
invalid value "8 big" in "faas_buffers" directive


=== TEST 37: a buffer size that is none
--- config
    faas_buffer_size 4kk;
--- at: faas_buffer_size 4kk;
--- says
invalid value "4kk" in "faas_buffer_size" directive


=== TEST 38: a header to ignore that nginx does not know
--- config
    faas_ignore_headers X-Other;
--- at: faas_ignore_headers X-Other;
--- says
invalid value "X-Other"


=== TEST 39: streaming neither on nor off
--- config
    faas_streaming maybe;
--- at: faas_streaming maybe;
--- says
invalid value "maybe" in "faas_streaming" directive, it must be "on" or "off"


=== TEST 40: a limit of streams that is none
--- config
    faas_streaming_max much;
--- at: faas_streaming_max much;
--- says
invalid value "much" in "faas_streaming_max" directive


=== TEST 41: two limits of streams
--- config
    faas_streaming_max 1m;
    faas_streaming_max 2m;
--- at: faas_streaming_max 2m;
--- says
"faas_streaming_max" directive is duplicate


=== TEST 42: a rate of streams that is none
--- config
    faas_streaming_rate fast;
--- at: faas_streaming_rate fast;
--- says
invalid value "fast" in "faas_streaming_rate", it must be BYTES [burst=BYTES]


=== TEST 43: a burst of streams that is none
--- config
    faas_streaming_rate 1m burst=0;
--- at: faas_streaming_rate 1m burst=0;
--- says
invalid value "burst=0" in "faas_streaming_rate", it must be BYTES [burst=BYTES]


=== TEST 44: a parameter of a rate of streams that is unknown
--- config
    faas_streaming_rate 1m after=1m;
--- at: faas_streaming_rate 1m after=1m;
--- says
invalid value "after=1m" in "faas_streaming_rate", it must be BYTES


=== TEST 45: two rates of streams
--- config
    faas_streaming_rate 1m;
    faas_streaming_rate 2m;
--- at: faas_streaming_rate 2m;
--- says
"faas_streaming_rate" directive is duplicate
