# Layers and single files of code that nginx refuses.

use lib 't/lib';
use FaasConf;

FaasConf::refused();

__DATA__

=== TEST 1: a layer that is not there
--- functions
>>> f/app.py
--- function
    runtime python3;
    handler app.handler;
    layers $TEST_NGINX_FUNCTIONS/nowhere;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: layers $TEST_NGINX_FUNCTIONS/nowhere;
--- says
layer "$TEST_NGINX_FUNCTIONS/nowhere" of function "f" is not there


=== TEST 2: more than five
--- functions
>>> f/app.py
--- function
    runtime python3;
    handler app.handler;
    layers 1 2 3 4 5 6;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: layers 1 2 3 4 5 6;
--- says
more than 5 layers in function "f"


=== TEST 3: none
--- functions
>>> f/app.py
--- function
    runtime python3;
    handler app.handler;
    layers;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: layers;
--- says
invalid number of arguments in "layers" directive


=== TEST 4: the same one twice, by two names
--- functions
>>> f/app.py
>>> conf/x
--- function
    runtime python3;
    handler app.handler;
    layers one $TEST_NGINX_SERVROOT/conf/one;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: layers one $TEST_NGINX_SERVROOT/conf/one;
--- says
duplicate layer "$TEST_NGINX_SERVROOT/conf/one" in function "f"


=== TEST 5: "layers" twice
--- functions
>>> f/app.py
--- function
    runtime python3;
    handler app.handler;
    layers $TEST_NGINX_FUNCTIONS/f;
    layers $TEST_NGINX_FUNCTIONS;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: layers $TEST_NGINX_FUNCTIONS;
--- says
"layers" directive is duplicate


=== TEST 6: a layer that is a text
--- functions
>>> f/app.py
>>> f/text
some text
--- function
    runtime python3;
    handler app.handler;
    layers $TEST_NGINX_FUNCTIONS/f $TEST_NGINX_FUNCTIONS/f/text;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: layers $TEST_NGINX_FUNCTIONS/f $TEST_NGINX_FUNCTIONS/f/text;
--- says
layer "$TEST_NGINX_FUNCTIONS/f/text" of function "f" is not a zip file


=== TEST 7: a layer that is a device
--- functions
>>> f/app.py
--- function
    runtime python3;
    handler app.handler;
    layers /dev/null;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: layers /dev/null;
--- says
layer "/dev/null" of function "f" is neither a folder nor a zip file


=== TEST 8: a handler that is neither in the code nor in a layer
--- functions
>>> f/app.py
>>> l/python/other.py
>>> l/handler.py
--- function
    runtime python3;
    layers $TEST_NGINX_FUNCTIONS/l;
    handler handler.handler;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler handler.handler;
--- says
handler "handler.handler" of function "f" names no file: there is no "handler.py" in "$TEST_NGINX_FUNCTIONS/f" or its layers


=== TEST 9: Node.js: an absolute handler that no layer has
--- functions
>>> f/app.js
>>> l/nodejs/other.js
--- function
    runtime nodejs;
    layers $TEST_NGINX_FUNCTIONS/l;
    handler /opt/nodejs/wrapper.handler;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler /opt/nodejs/wrapper.handler;
--- says
bad handler "/opt/nodejs/wrapper.handler" in function "f"


=== TEST 10: Node.js: an absolute handler without layers
--- functions
>>> f/app.js
--- function
    runtime nodejs;
    handler /opt/nodejs/wrapper.handler;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler /opt/nodejs/wrapper.handler;
--- says
bad handler "/opt/nodejs/wrapper.handler" in function "f"


=== TEST 11: provided: a bootstrap that cannot be executed
--- functions
>>> f/data
>>> l/bootstrap
--- function
    runtime provided;
    layers $TEST_NGINX_FUNCTIONS/l;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: code $TEST_NGINX_FUNCTIONS/f;
--- says
there is no "bootstrap" in code "$TEST_NGINX_FUNCTIONS/f" of function "f"


=== TEST 12: a command that no layer has
--- functions
>>> f/data
>>> l/bin/tool 0755
--- function
    runtime provided;
    layers $TEST_NGINX_FUNCTIONS/l;
    command /opt/bin/other;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: command /opt/bin/other;
--- says
command "/opt/bin/other" of function "f" cannot be executed


=== TEST 13: a single file with another name than the handler's
--- functions
>>> f/hello.py
--- function
    runtime python3;
    handler app.handler;
    code $TEST_NGINX_FUNCTIONS/f/hello.py;
--- at: handler app.handler;
--- says
handler "app.handler" of function "f" names no file: there is no "app.py" in "$TEST_NGINX_FUNCTIONS/f/hello.py"


=== TEST 14: a handler in a folder, which a single file has none of
--- functions
>>> f/hello.py
--- function
    runtime python3;
    handler f/hello.handler;
    code $TEST_NGINX_FUNCTIONS/f/hello.py;
--- at: handler f/hello.handler;
--- says
handler "f/hello.handler" of function "f" names no file: there is no "f/hello.py" in


=== TEST 15: a single program that cannot be executed
--- functions
>>> f/bootstrap
--- function
    runtime provided;
    code $TEST_NGINX_FUNCTIONS/f/bootstrap;
--- at: code $TEST_NGINX_FUNCTIONS/f/bootstrap;
--- says
"bootstrap" is not executable in code "$TEST_NGINX_FUNCTIONS/f/bootstrap"


=== TEST 16: half of an archive is no single file, whatever it is called
--- functions eval
">>> f/app.py\nPK\3\4 and no more\n"
--- function
    runtime python3;
    handler app.handler;
    code $TEST_NGINX_FUNCTIONS/f/app.py;
--- at: code $TEST_NGINX_FUNCTIONS/f/app.py;
--- says
code "$TEST_NGINX_FUNCTIONS/f/app.py" of function "f" is not a zip file
