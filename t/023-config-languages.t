# Handlers of languages in scripts that cannot be resolved to a file.  Blocks
# of a language that is not installed are left out.

use lib 't/lib';
use FaasConf;

my %program = (ruby => '/usr/bin/ruby', lua => '/usr/bin/luajit',
               php => '/usr/bin/php', perl => '/usr/bin/perl',
               bash => '/bin/bash', java => '/usr/bin/java',
               mono => '/usr/bin/mono');

add_block_preprocessor(sub {
    my ($block) = @_;
    my ($lang) = ($block->function || '') =~ /runtime (\w+);/;

    if ($lang && $program{$lang} && !-x $program{$lang}) {
        $block->set_value(SKIP => "no $lang");
    }
});

FaasConf::refused();

__DATA__

=== TEST 1: Ruby: a handler without a dot
--- functions
>>> f/app.rb
--- function
    handler app;
    runtime ruby;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app;
--- says
bad handler "app" in function "f", runtime "ruby" takes file.method or file.Class.method


=== TEST 2: Ruby: no such file in the folder
--- functions
>>> f/app.py
--- function
    handler app.handler;
    runtime ruby;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.handler;
--- says
handler "app.handler" of function "f" names no file: there is no "app.rb" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 3: Ruby: a handler outside of the code
--- functions
>>> f/app.rb
--- function
    handler ../f/app.handler;
    runtime ruby;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler ../f/app.handler;
--- says
bad handler "../f/app.handler" in function "f"


=== TEST 4: Ruby: handler is missing
--- functions
>>> f/app.rb
--- function
    runtime ruby;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: }
--- says
no "handler" in function "f"


=== TEST 5: Lua: no such file in the folder
--- functions
>>> f/app.py
--- function
    handler app;
    runtime lua;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app;
--- says
handler "app" of function "f" names no file: there is no "app.lua" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 6: Lua: a handler without function
--- functions
>>> f/app.lua
--- function
    handler app.;
    runtime lua;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.;
--- says
bad handler "app." in function "f", runtime "lua" takes file.function, or a file that returns a function


=== TEST 7: PHP: no such file in the folder
--- functions
>>> f/app.py
--- function
    handler app.php;
    runtime php;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.php;
--- says
handler "app.php" of function "f" names no file: there is no "app.php" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 8: PHP: no such file of a function
--- functions
>>> f/app.py
--- function
    handler app.main;
    runtime php;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.main;
--- says
there is no "app.php" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 9: PHP: neither file nor function
--- functions
>>> f/app.php
--- function
    handler app;
    runtime php;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app;
--- says
bad handler "app" in function "f", runtime "php" takes file.php or file.function


=== TEST 10: Perl: no such file in the folder
--- functions
>>> f/app.py
--- function
    handler app.main;
    runtime perl;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.main;
--- says
handler "app.main" of function "f" names no file: there is no "app.pl" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 11: Perl: a handler outside of the code
--- functions
>>> f/app.pl
--- function
    handler ../f/app;
    runtime perl;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler ../f/app;
--- says
bad handler "../f/app" in function "f", runtime "perl" takes file.function, or a file with a function "handle"


=== TEST 12: bash: no such file in the folder
--- functions
>>> f/app.py
--- function
    handler app.main;
    runtime bash;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler app.main;
--- says
handler "app.main" of function "f" names no file: there is no "app.sh" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 13: bash: a folder instead of a file
--- functions
>>> f/app.sh
--- function
    handler lib/;
    runtime bash;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler lib/;
--- says
bad handler "lib/" in function "f", runtime "bash" takes file.function, or a file with a function "handler"


=== TEST 14: bash has no blanks
--- http_config
    faas_blanks bash 2;
--- at: faas_blanks bash 2;
--- says
runtime "bash" has no blanks: "faas_blanks" is for python3, nodejs, java, mono, ruby, lua, php and perl


=== TEST 15: a command is not for these
--- functions
>>> f/app.pl
--- function
    handler app;
    runtime perl;
    command app.pl;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: command app.pl;
--- says
"command" in function "f" is only for runtimes fastcgi, web and provided


=== TEST 16: Java: no such class in the folder
--- functions
>>> f/app.py
--- function
    handler shop.Inner::handle;
    runtime java;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler shop.Inner::handle;
--- says
handler "shop.Inner::handle" of function "f" names no class: there is no "shop/Inner.class" in "$TEST_NGINX_FUNCTIONS/f", nor in a jar of its "lib"


=== TEST 17: Java: a handler with slashes
--- functions
>>> f/shop/Api.class
--- function
    handler shop/Api::handle;
    runtime java;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler shop/Api::handle;
--- says
bad handler "shop/Api::handle" in function "f", runtime "java" takes package.Class or package.Class::method


=== TEST 18: Java: a handler without a method after the colons
--- functions
>>> f/shop/Api.class
--- function
    handler shop.Api::;
    runtime java;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler shop.Api::;
--- says
bad handler "shop.Api::" in function "f"


=== TEST 19: Java: empty parts of a name
--- functions
>>> f/shop/Api.class
--- function
    handler shop..Api;
    runtime java;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler shop..Api;
--- says
bad handler "shop..Api" in function "f"


=== TEST 20: Java: handler is missing
--- functions
>>> f/shop/Api.class
--- function
    runtime java;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: }
--- says
no "handler" in function "f"


=== TEST 21: a Java that is not installed
--- function
    runtime java999;
--- at: runtime java999;
--- says
runtime "java999" is not installed: there is no Java 999 in "/usr/lib/jvm", install the package "openjdk-999-jre-headless"


=== TEST 22: a Java that is too old
--- function
    runtime java11;
--- at: runtime java11;
--- says
unknown runtime "java11"


=== TEST 23: a Java that Lambda had
--- function
    runtime java8.al2;
--- at: runtime java8.al2;
--- says
unknown runtime "java8.al2"


=== TEST 24: C#: no such assembly in the folder
--- functions
>>> f/Other.dll
--- function
    handler Shop::Shop.Api::Handle;
    runtime mono;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler Shop::Shop.Api::Handle;
--- says
handler "Shop::Shop.Api::Handle" of function "f" names no assembly: there is no "Shop.dll" in "$TEST_NGINX_FUNCTIONS/f"


=== TEST 25: C#: a handler without a method
--- functions
>>> f/Shop.dll
--- function
    handler Shop::Shop.Api;
    runtime mono;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler Shop::Shop.Api;
--- says
bad handler "Shop::Shop.Api" in function "f", runtime "mono" takes Assembly::Namespace.Class::Method


=== TEST 26: C#: empty parts of a handler
--- functions
>>> f/Shop.dll
--- function
    handler Shop::::Handle;
    runtime mono;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler Shop::::Handle;
--- says
bad handler "Shop::::Handle" in function "f"


=== TEST 27: C#: a path in a handler
--- functions
>>> f/Shop.dll
--- function
    handler ../f/Shop::Shop.Api::Handle;
    runtime mono;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler ../f/Shop::Shop.Api::Handle;
--- says
bad handler "../f/Shop::Shop.Api::Handle" in function "f"


=== TEST 28: C#: too many parts
--- functions
>>> f/Shop.dll
--- function
    handler Shop::Shop.Api::Handle::More;
    runtime mono;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: handler Shop::Shop.Api::Handle::More;
--- says
bad handler "Shop::Shop.Api::Handle::More" in function "f"


=== TEST 29: C#: handler is missing
--- functions
>>> f/Shop.dll
--- function
    runtime mono;
    code $TEST_NGINX_FUNCTIONS/f;
--- at: }
--- says
no "handler" in function "f"


=== TEST 30: C# has no version
--- function
    runtime mono6;
--- at: runtime mono6;
--- says
unknown runtime "mono6"
