# "runtime web" and the settings that are only for it.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: no command
--- functions
>>> f/server 0755
--- function
    runtime web;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: }
--- says
no "command" in function "f"


=== TEST 2: no code
--- function
    runtime web;
    command /bin/true;
--- at: }
--- says
no "code" in function "f"


=== TEST 3: a command that is not in the code
--- functions
>>> f/server 0755
--- function
    command bin/server;
    runtime web;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: command bin/server;
--- says
command "bin/server" of function "f" cannot be executed, it must be the path of a program, relative to the code or absolute


=== TEST 4: a command that is not executable
--- functions
>>> f/server 0644
--- function
    command server;
    runtime web;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: command server;
--- says
command "server" of function "f" cannot be executed


=== TEST 5: a handler
--- functions
>>> f/server 0755
--- function
    handler server;
    command server;
    runtime web;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler server;
--- says
"handler server" in function "f" is not for runtime web, whose program has the request's path


=== TEST 6: a container image
--- functions
>>> f.tar
--- function
    image $TEST_NGINX_FUNCTIONS/f.tar;
    runtime web;
    command server;
--- at: image $TEST_NGINX_FUNCTIONS/f.tar;
--- says
"image" in function "f" is only for runtime provided


=== TEST 7: code in the configuration
--- function
    code_inline "text";
    runtime web;
    command /bin/true;
--- at: code_inline "text";
--- says
"code_inline" in function "f" is not for runtime "web"


=== TEST 8: streams of the lambda profile
--- functions
>>> f/server 0755
--- function
    streaming on;
    runtime web;
    command server;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: streaming on;
--- says
"streaming" in function "f" is not for runtime web, see "faas_buffering"


=== TEST 9: connections that do not stay
--- functions
>>> f/server 0755
--- function
    keep_conn off;
    runtime web;
    command server;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: keep_conn off;
--- says
"keep_conn" in function "f" is only for runtime fastcgi


=== TEST 10: the path of no script
--- functions
>>> f/server 0755
--- function
    path_info on;
    runtime web;
    command server;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: path_info on;
--- says
"path_info" in function "f" is only for runtime fastcgi


=== TEST 11: another runtime of that beginning
--- function
    runtime webs;
--- at: runtime webs;
--- says
unknown runtime "webs"


=== TEST 12: listen: not for other runtimes
--- functions
>>> f/server 0755
--- function
    listen 8080;
    runtime fastcgi;
    command server;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: listen 8080;
--- says
"listen 8080" in function "f" is only for runtime web


=== TEST 13: listen: port 0
--- function
    listen 0;
--- at: listen 0;
--- says
invalid value "0" in "listen", it must be a port from 1 to 65535, or unix:PATH with less than 100 bytes below /tmp/ or /dev/shm/, where an environment may write


=== TEST 14: listen: beyond the last port
--- function
    listen 65536;
--- at: listen 65536;
--- says
invalid value "65536" in "listen", it must be a port


=== TEST 15: listen: an address
--- function
    listen 127.0.0.1:8080;
--- at: listen 127.0.0.1:8080;
--- says
invalid value "127.0.0.1:8080" in "listen", it must be a port


=== TEST 16: listen: nothing
--- function
    listen "";
--- at: listen "";
--- says
invalid value "" in "listen", it must be a port


=== TEST 17: listen: a relative path
--- function
    listen unix:tmp/web.sock;
--- at: listen unix:tmp/web.sock;
--- says
invalid value "unix:tmp/web.sock" in "listen", it must be a port


=== TEST 18: listen: where nobody may write
--- function
    listen unix:/run/web.sock;
--- at: listen unix:/run/web.sock;
--- says
invalid value "unix:/run/web.sock" in "listen", it must be a port


=== TEST 19: listen: a way out of /tmp
--- function
    listen unix:/tmp/../run/web.sock;
--- at: listen unix:/tmp/../run/web.sock;
--- says
invalid value "unix:/tmp/../run/web.sock" in "listen", it must be a port


=== TEST 20: listen: a folder
--- function
    listen unix:/tmp/web/;
--- at: listen unix:/tmp/web/;
--- says
invalid value "unix:/tmp/web/" in "listen", it must be a port


=== TEST 21: listen: a folder above
--- function
    listen unix:/tmp/web/..;
--- at: listen unix:/tmp/web/..;
--- says
invalid value "unix:/tmp/web/.." in "listen", it must be a port


=== TEST 22: listen: 100 bytes
--- function eval
'    listen unix:/tmp/' . 'a' x 95 . ";\n"
--- at eval
'listen unix:/tmp/' . 'a' x 95 . ';'
--- says eval
'invalid value "unix:/tmp/' . 'a' x 95
. '" in "listen", it must be a port'


=== TEST 23: listen: white space
--- function
    listen "unix:/tmp/web sock";
--- at: listen "unix:/tmp/web sock";
--- says
invalid value "unix:/tmp/web sock" in "listen", it must be a port


=== TEST 24: listen: twice
--- function
    listen unix:/tmp/web.sock;
    listen 8080;
--- at: listen 8080;
--- says
"listen" directive is duplicate


=== TEST 25: listen: two values
--- function
    listen 8080 8081;
--- at: listen 8080 8081;
--- says
invalid number of arguments in "listen" directive


=== TEST 26: readiness: not for other runtimes
--- functions
>>> f/bootstrap 0755
--- function
    readiness /healthz;
    runtime provided;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: readiness /healthz;
--- says
"readiness /healthz" in function "f" is only for runtime web


=== TEST 27: readiness: no path
--- function
    readiness healthz;
--- at: readiness healthz;
--- says
invalid value "healthz" in "readiness", it must begin with "/"


=== TEST 28: readiness: nothing
--- function
    readiness "";
--- at: readiness "";
--- says
invalid value "" in "readiness", it must have 1 to 1024 characters


=== TEST 29: readiness: white space
--- function
    readiness "/health z";
--- at: readiness "/health z";
--- says
invalid value "/health z" in "readiness", it must not have white space or control characters


=== TEST 30: readiness: 1025 characters
--- function eval
'    readiness /' . 'a' x 1024 . ";\n"
--- at eval
'readiness /' . 'a' x 1024 . ';'
--- says
invalid value in "readiness", it must have 1 to 1024 characters


=== TEST 31: readiness: twice
--- function
    readiness /healthz;
    readiness /healthz;
--- at: readiness /healthz;
--- says
"readiness" directive is duplicate


=== TEST 32: no blanks
--- http_config
    faas_blanks web 2;
--- at: faas_blanks web 2;
--- says
runtime "web" has no blanks


=== TEST 33: no authorizer
--- user_files
>>> f/x
x
--- http_config
    faas_function f { runtime web; command /bin/true; code ../html/f; }
    faas_api a {
        authorizer u request function=f;
        route GET / return 200 authorizer=u;
    }
--- at: authorizer u request function=f;
--- says
a web program cannot be asked by authorizer "u"


=== TEST 34: what asks by HTTP, where HTTP is not spoken
--- functions
>>> f/server 0755
--- function
    readiness /healthz;
    command server;
    runtime uwsgi;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: readiness /healthz;
--- says
"readiness /healthz" in function "f" is not for runtime uwsgi, whose program is not asked by HTTP
