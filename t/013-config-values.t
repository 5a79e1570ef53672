# Settings given twice, the environment and the command of a function, and
# functions themselves: names, duplicates, references.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: runtime twice
--- function
    runtime python3;
    runtime nodejs;
--- at: runtime nodejs;
--- says
"runtime" directive is duplicate


=== TEST 2: code twice
--- function
    code /tmp;
    code /srv;
--- at: code /srv;
--- says
"code" directive is duplicate


=== TEST 3: timeout twice
--- function
    timeout 1s;
    timeout 2s;
--- at: timeout 2s;
--- says
"timeout" directive is duplicate


=== TEST 4: memory twice
--- function
    memory 128m;
    memory 256m;
--- at: memory 256m;
--- says
"memory" directive is duplicate


=== TEST 5: concurrency twice
--- function
    concurrency 1;
    concurrency 2;
--- at: concurrency 2;
--- says
"concurrency" directive is duplicate


=== TEST 6: queue twice
--- function
    queue 1 timeout=1s;
    queue 1 timeout=2s;
--- at: queue 1 timeout=2s;
--- says
"queue" directive is duplicate


=== TEST 7: command twice
--- function
    command /bin/true;
    command /bin/false;
--- at: command /bin/false;
--- says
"command" directive is duplicate


=== TEST 8: account twice
--- function
    account 123456789012;
    account 123456789013;
--- at: account 123456789013;
--- says
"account" directive is duplicate


=== TEST 9: reload_on_change twice
--- function
    reload_on_change on;
    reload_on_change off;
--- at: reload_on_change off;
--- says
"reload_on_change" directive is duplicate


=== TEST 10: an environment key that Lambda reserves
--- function
    environment AWS_LAMBDA_FUNCTION_NAME=other;
--- at: environment AWS_LAMBDA_FUNCTION_NAME=other;
--- says
reserved key "AWS_LAMBDA_FUNCTION_NAME" in "environment"


=== TEST 11: the handler's own key
--- function
    environment GOOD=1 _HANDLER=app.other;
--- at: environment GOOD=1 _HANDLER=app.other;
--- says
reserved key "_HANDLER" in "environment"


=== TEST 12: an environment key that begins with a digit
--- function
    environment 1ST=one;
--- at: environment 1ST=one;
--- says
invalid key "1ST" in "environment", it must match [a-zA-Z]([a-zA-Z0-9_])+


=== TEST 13: an environment key that begins with an underscore
--- function
    environment _KEY=one;
--- at: environment _KEY=one;
--- says
invalid key "_KEY" in "environment"


=== TEST 14: an environment key of one character
--- function
    environment K=one;
--- at: environment K=one;
--- says
invalid key "K" in "environment"


=== TEST 15: an environment key with a dash
--- function
    environment MY-KEY=one;
--- at: environment MY-KEY=one;
--- says
invalid key "MY-KEY" in "environment"


=== TEST 16: an environment without key
--- function
    environment =one;
--- at: environment =one;
--- says
invalid key "" in "environment"


=== TEST 17: an environment without value
--- function
    environment KEY;
--- at: environment KEY;
--- says
invalid value "KEY" in "environment", it must be KEY=VALUE


=== TEST 18: an environment key twice
--- function
    environment KEY=1 OTHER=1;
    environment KEY=2;
--- at: environment KEY=2;
--- says
duplicate key "KEY" in "environment"


=== TEST 19: an environment above 4 KB as JSON
--- function eval
"    environment KEY=" . "v" x 2000 . ";\n"
. "    environment OTHER=" . "v" x 2076 . ";\n"
--- at eval
"environment OTHER=" . "v" x 2076 . ";"
--- says
key "OTHER" makes "environment" larger than the limit of 4096 bytes


=== TEST 20: a command for Python
--- function
    command /bin/true;
    runtime python3;
    code /tmp;
    handler app.handler;
--- at: command /bin/true;
--- says
"command" in function "f" is only for runtimes fastcgi, web and provided


=== TEST 21: no command for fastcgi
--- function
    runtime fastcgi;
    code /tmp;
--- at: }
--- says
no "command" in function "f"


=== TEST 22: a command that is not there
--- function
    command /usr/bin/nowhere -x;
    runtime fastcgi;
    code /tmp;
--- at: command /usr/bin/nowhere -x;
--- says
command "/usr/bin/nowhere" of function "f" cannot be executed


=== TEST 23: a command that is a folder
--- function
    command /usr/bin;
    runtime fastcgi;
    code /tmp;
--- at: command /usr/bin;
--- says
command "/usr/bin" of function "f" cannot be executed


=== TEST 24: a command that is not executable
--- function
    command /etc/passwd;
    runtime fastcgi;
    code /tmp;
--- at: command /etc/passwd;
--- says
command "/etc/passwd" of function "f" cannot be executed


=== TEST 25: a command that is not in the code
--- functions
>>> f/other 0755
--- function
    command app;
    runtime fastcgi;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: command app;
--- says
command "app" of function "f" cannot be executed, it must be the path of a program, relative to the code or absolute


=== TEST 26: an empty command
--- function
    command "";
--- at: command "";
--- says
invalid value "" in "command", it must have 1 to 32768 bytes


=== TEST 27: a command with too many arguments
--- function eval
"    command /bin/true" . " x" x 64 . ";\n"
--- at eval
"command /bin/true" . " x" x 64 . ";"
--- says
invalid number of arguments in "command" directive


=== TEST 28: a function name with a dot
--- http_config
    faas_function my.function {
--- at: faas_function my.function {
--- says
invalid function name "my.function" in "faas_function", it must be 1 to 64 letters, digits, "-" and "_"


=== TEST 29: an empty function name
--- http_config
    faas_function "" {
--- at: faas_function "" {
--- says
invalid function name "" in "faas_function"


=== TEST 30: a function name of 65 characters
--- http_config eval
"    faas_function " . "f" x 65 . " {\n"
--- at eval
"faas_function " . "f" x 65 . " {"
--- says eval
'invalid function name "' . "f" x 65 . '" in "faas_function"'


=== TEST 31: a bad function name in faas_pass
--- config
    location / {
        faas_pass my:function;
    }
--- at: faas_pass my:function;
--- says
invalid function name "my:function" in "faas_pass"


=== TEST 32: an unknown function in faas_pass
--- config
    location / {
        faas_pass nobody;
    }
--- at: faas_pass nobody;
--- says
unknown function "nobody" in "faas_pass"


=== TEST 33: names of functions are case-sensitive
--- functions
>>> f/app.py
--- function
    runtime python3;
    handler app.handler;
    code $TEST_NGINX_FUNCTIONS/f;
--- config
    location / {
        faas_pass F;
    }
--- at: faas_pass F;
--- says
unknown function "F" in "faas_pass"


=== TEST 34: a function twice
--- functions
>>> f/app.py
--- http_config
    faas_function f {
        runtime python3;
        handler app.handler;
        code $TEST_NGINX_FUNCTIONS/f;
    }
    faas_function f {
    }
--- at: faas_function f {
--- says
duplicate function "f", the first one is in $TEST_NGINX_SERVROOT/conf/nginx.conf:

=== TEST 35: a function without name
--- http_config
    faas_function {
    }
--- at: faas_function {
--- says
invalid number of arguments in "faas_function" directive


=== TEST 36: a function in a server
--- config
    faas_function f {
    }
--- at: faas_function f {
--- says
"faas_function" directive is not allowed here


=== TEST 37: streaming twice
--- function
    streaming on;
    streaming off;
--- at: streaming off;
--- says
"streaming" directive is duplicate
