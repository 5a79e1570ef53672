# Handlers that cannot be resolved to a file.

use lib 't/lib';
use FaasConf;

# an archive of empty, stored files

sub zip
{
    my ($files, $dir, $offset) = ('', '', 0);

    for my $name (@_) {
        my $head = pack('v5V3v2', 20, 0, 0, 0, 33, 0, 0, 0, length $name, 0);

        $dir .= "PK\1\2" . pack('v', 20) . $head
                . pack('v3V2', 0, 0, 0, 0, $offset) . $name;
        $files .= "PK\3\4" . $head . $name;
        $offset = length $files;
    }

    return $files . $dir . "PK\5\6"
           . pack('v4V2v', 0, 0, @_ + 0, @_ + 0, length $dir, $offset, 0);
}

FaasConf::refused();

__DATA__

=== TEST 1: handler is missing
--- functions
>>> f/app.py
--- function
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: }
--- says
no "handler" in function "f"


=== TEST 2: Python: a handler without a dot
--- functions
>>> f/app.py
--- function
    handler app;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app;
--- says
bad handler "app" in function "f", runtime "python3" takes module.function


=== TEST 3: Python: a handler without function
--- functions
>>> f/app.py
--- function
    handler app.;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.;
--- says
bad handler "app." in function "f"


=== TEST 4: Python: a handler without module
--- functions
>>> f/app.py
--- function
    handler .handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler .handler;
--- says
bad handler ".handler" in function "f"


=== TEST 5: Python: a handler outside of the code
--- functions
>>> f/app.py
--- function
    handler ../f/app.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler ../f/app.handler;
--- says
bad handler "../f/app.handler" in function "f"


=== TEST 6: Python: an absolute handler
--- functions
>>> f/app.py
--- function
    handler /app.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler /app.handler;
--- says
bad handler "/app.handler" in function "f"


=== TEST 7: Python: no such file in the folder
--- functions
>>> f/app.py
--- function
    handler main.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler main.handler;
--- says
handler "main.handler" of function "f" names no file: there is no "main.py" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 8: Python: no such file in a package
--- functions
>>> f/pkg/__init__.py
>>> f/app.py
--- function
    handler pkg.app.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler pkg.app.handler;
--- says
there is no "pkg/app.py" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 9: Python: a folder is no module without __init__.py
--- functions
>>> f/app/other.py
>>> f/apps.x.so
>>> f/app.x.so.1
--- function
    handler app.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.handler;
--- says
there is no "app.py" in


=== TEST 10: Python: no such file in the archive
--- functions eval
">>> f.zip\n" . main::zip('main.py', 'app/x.py', 'app.x/y.so', 'apps.x.so')
--- function
    handler app.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f.zip;
--- at: handler app.handler;
--- says
handler "app.handler" of function "f" names no file: there is no "app.py" in "$TEST_NGINX_FUNCTIONS/f.zip"


=== TEST 11: Python: no such file in an empty archive
--- functions eval
">>> f.zip\n" . main::zip()
--- function
    handler app.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f.zip;
--- at: handler app.handler;
--- says
there is no "app.py" in "$TEST_NGINX_FUNCTIONS/f.zip"


=== TEST 12: Node.js: a handler without a dot
--- functions
>>> f/index.js
--- function
    handler index;
    runtime nodejs;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler index;
--- says
bad handler "index" in function "f", runtime "nodejs" takes file.export


=== TEST 13: Node.js: a handler with two dots in a row
--- functions
>>> f/index.js
--- function
    handler ../f/index.handler;
    runtime nodejs;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler ../f/index.handler;
--- says
bad handler "../f/index.handler" in function "f"


=== TEST 14: Node.js: an absolute handler
--- functions
>>> f/index.js
--- function
    handler /index.handler;
    runtime nodejs;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler /index.handler;
--- says
bad handler "/index.handler" in function "f"


=== TEST 15: Node.js: a handler without export
--- functions
>>> f/index.js
--- function
    handler lib/index.;
    runtime nodejs;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler lib/index.;
--- says
bad handler "lib/index." in function "f"


=== TEST 16: Node.js: a handler without file
--- functions
>>> f/index.js
--- function
    handler lib/.handler;
    runtime nodejs;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler lib/.handler;
--- says
bad handler "lib/.handler" in function "f"


=== TEST 17: Node.js: no such file in the folder
--- functions
>>> f/index.tsx
--- function
    handler index.handler;
    runtime nodejs;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler index.handler;
--- says
handler "index.handler" of function "f" names no file: there is no "index.js" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 18: Node.js: no such file in the archive
--- functions eval
">>> f.zip\n" . main::zip('src/index.js')
--- function
    handler index.handler;
    runtime nodejs;
    code $TEST_NGINX_FUNCTIONS/f.zip;
--- at: handler index.handler;
--- says
there is no "index.js" in "$TEST_NGINX_FUNCTIONS/f.zip"


=== TEST 19: native: the default handler is not in the folder
--- functions
>>> f/main 0755
--- function
    runtime native;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: code $TEST_NGINX_FUNCTIONS/f;
--- says
handler "bootstrap" of function "f" names no file: there is no "bootstrap" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 20: native: the handler is not in the folder
--- functions
>>> f/bootstrap 0755
--- function
    handler main;
    runtime native;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler main;
--- says
handler "main" of function "f" names no file: there is no "main" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 21: native: the handler is not executable
--- functions
>>> f/bootstrap 0644
--- function
    handler bootstrap;
    runtime native;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler bootstrap;
--- says
handler "bootstrap" of function "f" is not executable in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 22: native: the handler is outside of the code
--- functions
>>> f/bootstrap 0755
--- function
    handler ../f/bootstrap;
    runtime native;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler ../f/bootstrap;
--- says
bad handler "../f/bootstrap" in function "f", runtime "native" takes a path in the code


=== TEST 23: native: no such file in the archive
--- functions eval
">>> f.zip\n" . main::zip('main')
--- function
    runtime native;
    code $TEST_NGINX_FUNCTIONS/f.zip;
--- at: code $TEST_NGINX_FUNCTIONS/f.zip;
--- says
there is no "bootstrap" in "$TEST_NGINX_FUNCTIONS/f.zip"


=== TEST 24: FastCGI: the script is not in the folder
--- functions
>>> f/other.php
--- function
    handler index.php;
    runtime fastcgi;
    command /bin/true;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler index.php;
--- says
handler "index.php" of function "f" names no file: there is no "index.php" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 25: a handler with white space
--- function
    handler "app .handler";
--- at: handler "app .handler";
--- says
invalid value "app .handler" in "handler", it must not have white space or control characters


=== TEST 26: a handler of 129 characters
--- function eval
'    handler ' . 'a' x 121 . '.handler;' . "\n"
--- at eval
'handler ' . 'a' x 121 . '.handler;'
--- says eval
'invalid value "' . 'a' x 121
. '.handler" in "handler", it must have 1 to 128 characters'


=== TEST 27: provided: no bootstrap in the folder
--- functions
>>> f/main 0755
--- function
    runtime provided.al2023;
    handler any.thing;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: code $TEST_NGINX_FUNCTIONS/f;
--- says
there is no "bootstrap" in code "$TEST_NGINX_FUNCTIONS/f" of function "f"


=== TEST 28: provided: a bootstrap that is not executable
--- functions
>>> f/bootstrap 0644
--- function
    runtime provided;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: code $TEST_NGINX_FUNCTIONS/f;
--- says
"bootstrap" is not executable in code "$TEST_NGINX_FUNCTIONS/f" of function "f"


=== TEST 29: provided: no bootstrap in the archive
--- functions eval
">>> f.zip\n" . main::zip('main', 'bin/bootstrap')
--- function
    runtime provided.al2;
    code $TEST_NGINX_FUNCTIONS/f.zip;
--- at: code $TEST_NGINX_FUNCTIONS/f.zip;
--- says
there is no "bootstrap" in code "$TEST_NGINX_FUNCTIONS/f.zip" of function "f"


=== TEST 30: provided: one in the archive that is not executable
--- functions eval
">>> f.zip\n" . main::zip('main', 'bootstrap')
--- function
    runtime provided.al2;
    code $TEST_NGINX_FUNCTIONS/f.zip;
--- at: code $TEST_NGINX_FUNCTIONS/f.zip;
--- says
"bootstrap" is not executable in code "$TEST_NGINX_FUNCTIONS/f.zip" of function "f"


=== TEST 31: provided: a command that is not there
--- functions
>>> f/main 0755
--- function
    command java;
    runtime provided;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: command java;
--- says
command "java" of function "f" cannot be executed


=== TEST 32: provided: the host's network
--- functions
>>> f/bootstrap 0755
--- function
    network host;
    runtime provided;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: network host;
--- says
"network host" in function "f" is not for runtime "provided": all of this host could talk to its Runtime API


=== TEST 33: an official client that is not there: Python
--- functions
>>> f/app.py
--- function
    official_client on;
    handler app.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: official_client on;
--- says
the official client is not in code "$TEST_NGINX_FUNCTIONS/f" of function "f": there is no "awslambdaric/__main__.py", install the package "awslambdaric" there


=== TEST 34: an official client that is not there: Node.js
--- functions
>>> f/index.js
--- function
    official_client on;
    handler index.handler;
    runtime nodejs;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: official_client on;
--- says
there is no "node_modules/.bin/aws-lambda-ric", install the package "aws-lambda-ric" there


=== TEST 35: an official client, but not a handler
--- functions
>>> f/awslambdaric/__main__.py
--- function
    handler app.handler;
    official_client on;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.handler;
--- says
handler "app.handler" of function "f" names no file


=== TEST 36: an official client for no language
--- functions
>>> f/bootstrap 0755
--- function
    official_client on;
    runtime provided;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: official_client on;
--- says
"official_client" in function "f" is only for Python and Node.js


=== TEST 36a: a path for no script
--- functions
>>> f/bootstrap 0755
--- function
    path_info on;
    runtime provided;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: path_info on;
--- says
"path_info" in function "f" is only for runtime fastcgi


=== TEST 36b: connections of no FastCGI program
--- functions
>>> f/bootstrap 0755
--- function
    keep_conn off;
    runtime native;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: keep_conn off;
--- says
"keep_conn" in function "f" is only for runtime fastcgi


=== TEST 37: an official client in the host's network
--- functions
>>> f/app.py
>>> f/awslambdaric/__main__.py
--- function
    network host;
    official_client on;
    handler app.handler;
    runtime python3;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: network host;
--- says
"network host" in function "f" is not for the official client of "python3": all of this host could talk to its Runtime API
