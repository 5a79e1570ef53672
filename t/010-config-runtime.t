# Mistakes in "runtime", "handler" and "code" of a function.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: an unknown runtime
--- function
    runtime cobol;
--- at: runtime cobol;
--- says
unknown runtime "cobol", it must be python3, python3.N, nodejs, nodejsN.x, java, javaN, mono, ruby, ruby3.N, lua, php, php8.N, perl, bash, native, provided, provided.al2, provided.al2023, fastcgi, web or uwsgi in


=== TEST 2: a runtime that only begins like a known one
--- function
    runtime python3x;
--- at: runtime python3x;
--- says
unknown runtime "python3x"


=== TEST 3: Python 2
--- function
    runtime python2.7;
--- at: runtime python2.7;
--- says
unknown runtime "python2.7"


=== TEST 4: a Python version without number
--- function
    runtime python3.;
--- at: runtime python3.;
--- says
unknown runtime "python3."


=== TEST 5: a Python that is not installed
--- function
    runtime python3.99;
--- at: runtime python3.99;
--- says
runtime "python3.99" is not installed: there is no "/usr/bin/python3.99", install the package "python3.99"


=== TEST 6: a Node.js version that is none
--- function
    runtime nodejs20;
--- at: runtime nodejs20;
--- says
unknown runtime "nodejs20"


=== TEST 7: a Node.js version without number
--- function
    runtime nodejs.x;
--- at: runtime nodejs.x;
--- says
unknown runtime "nodejs.x"


=== TEST 8: native with a version
--- function
    runtime native2;
--- at: runtime native2;
--- says
unknown runtime "native2"


=== TEST 9: a custom runtime that is none
--- function
    runtime provided.al2024;
--- at: runtime provided.al2024;
--- says
unknown runtime "provided.al2024"


=== TEST 10: runtime is missing
--- function
    handler app.handler;
--- at: }
--- says
no "runtime" in function "f"


=== TEST 11: code is missing
--- function
    runtime python3;
    handler app.handler;
--- at: }
--- says
no "code" in function "f"


=== TEST 12: code is not there
--- function
    code $TEST_NGINX_FUNCTIONS/nowhere;
    runtime python3;
    handler app.handler;
--- at: code $TEST_NGINX_FUNCTIONS/nowhere;
--- says
code "$TEST_NGINX_FUNCTIONS/nowhere" of function "f" is not there


=== TEST 13: code is neither folder nor file
--- function
    code /dev/null;
    runtime python3;
    handler app.handler;
--- at: code /dev/null;
--- says
code "/dev/null" of function "f" is neither a folder nor a file


=== TEST 14: code is a file, but no archive
--- functions
>>> f/app.zip
This is no zip archive, however it may be called.
--- function
    code $TEST_NGINX_FUNCTIONS/f/app.zip;
    runtime python3;
    handler app.handler;
--- at: code $TEST_NGINX_FUNCTIONS/f/app.zip;
--- says
code "$TEST_NGINX_FUNCTIONS/f/app.zip" of function "f" is not a zip file


=== TEST 15: code of a FastCGI application is no archive
--- functions
>>> f/app.zip
PK
--- function
    code $TEST_NGINX_FUNCTIONS/f/app.zip;
    runtime fastcgi;
    command /bin/true;
--- at: code $TEST_NGINX_FUNCTIONS/f/app.zip;
--- says
code "$TEST_NGINX_FUNCTIONS/f/app.zip" of function "f" is not a zip file


=== TEST 16: an archive cut off in its directory
--- functions eval
">>> f/cut.zip\nPK\x01\x02" . "a" x 20 . "PK\5\6" . "\0" x 4 . "\1\0\1\0"
. "\xf0\0\0\0" . "\0\0\0\0" . "\0\0"
--- function
    code $TEST_NGINX_FUNCTIONS/f/cut.zip;
    runtime python3;
    handler app.handler;
--- at: code $TEST_NGINX_FUNCTIONS/f/cut.zip;
--- says
code "$TEST_NGINX_FUNCTIONS/f/cut.zip" of function "f" is not a zip file


=== TEST 17: an archive whose directory lies
--- functions eval
">>> f/lie.zip\nPK\x01\x02" . "\0" x 24 . "\xff\xff" . "\0" x 16
. "PK\5\6" . "\0" x 4 . "\1\0\1\0" . "\x2e\0\0\0" . "\0\0\0\0" . "\0\0"
--- function
    code $TEST_NGINX_FUNCTIONS/f/lie.zip;
    runtime python3;
    handler app.handler;
--- at: code $TEST_NGINX_FUNCTIONS/f/lie.zip;
--- says
code "$TEST_NGINX_FUNCTIONS/f/lie.zip" of function "f" is not a zip file


=== TEST 18: a relative path is one below the configuration's folder
--- function
    code nowhere;
    runtime python3;
    handler app.handler;
--- at: code nowhere;
--- says
/conf/nowhere" of function "f" is not there


=== TEST 18: a Ruby that is not installed
--- function
    runtime ruby3.99;
--- at: runtime ruby3.99;
--- says
runtime "ruby3.99" is not installed: there is no "/usr/bin/ruby3.99", install the package "ruby3.99"


=== TEST 19: a Ruby version without number
--- function
    runtime ruby3.;
--- at: runtime ruby3.;
--- says
unknown runtime "ruby3."


=== TEST 20: a Ruby of old
--- function
    runtime ruby2.7;
--- at: runtime ruby2.7;
--- says
unknown runtime "ruby2.7"


=== TEST 21: Lua with a version
--- function
    runtime lua5.1;
--- at: runtime lua5.1;
--- says
unknown runtime "lua5.1"


=== TEST 22: a PHP that is not installed
--- function
    runtime php8.99;
--- at: runtime php8.99;
--- says
runtime "php8.99" is not installed: there is no "/usr/bin/php8.99", install the package "php8.99-cli"


=== TEST 23: a PHP of old
--- function
    runtime php7.4;
--- at: runtime php7.4;
--- says
unknown runtime "php7.4"


=== TEST 24: Perl with a minor version
--- function
    runtime perl5.36;
--- at: runtime perl5.36;
--- says
unknown runtime "perl5.36"
