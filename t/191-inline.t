#!/usr/bin/python3
"""Code in the configuration: in each language, with quotes and escapes as
nginx has them; what changes with its text; what is refused.
"""

import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
from faas_e2e import Nginx, Tap, wait_for                      # noqa: E402

# runtime: program, file, handler, text
TEXTS = {
    'python3': ('/usr/bin/python3', 'index.py', 'index.handler', '''
import os
def handler(event, context):
    # "double" and \\\\n
    return [os.listdir("."), len("a\\\\nb"), "it\\'s"]
'''),
    'nodejs': ('/usr/bin/node', 'index.js', 'index.handler', '''
exports.handler = async (event) => {
    const text = `${1 + 2}`;
    return [require("fs").readdirSync("."), Number(text), "it\\'s"];
};
'''),
    'ruby': ('/usr/bin/ruby', 'index.rb', 'index.handler', '''
def handler(event:, context:)
  [Dir.children("."), 3, "it\\'s"]
end
'''),
    'php': ('/usr/bin/php', 'index.php', 'index.php', '''<?php
return function ($event) {
    return [array_values(array_diff(scandir("."), [".", ".."])), 3, "it\\'s"];
};
'''),
    'perl': ('/usr/bin/perl', 'index.pl', 'index.handler', '''
sub handler { return [[<*>], 3, "it\\'s"] }
1;
'''),
    'lua': ('/usr/bin/luajit', 'index.lua', 'index', '''
return function(event)
    local files = {}
    for name in io.popen("ls"):lines() do files[#files + 1] = name end
    return { files, 3, "it\\'s" }
end
'''),
    'bash': ('/bin/bash', 'index.sh', 'index.handler', '''
handler() { printf '["%s"]' * ; }
'''.replace("'", "\\'").replace('["%s"]', '[["%s"], 3, "it\\\\x27s"]')),
    'provided': ('/bin/sh', 'bootstrap', 'any.thing', '''#!/usr/bin/python3
import http.client, json, os
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])
path = "/2018-06-01/runtime/invocation/"
while True:
    api.request("GET", path + "next")
    r = api.getresponse()
    r.read()
    name = r.headers["Lambda-Runtime-Aws-Request-Id"]
    api.request("POST", path + name + "/response",
                json.dumps([os.listdir("."), 3, "it\\'s"]))
    api.getresponse().read()
'''),
}


def function(name, handler, text, more=''):
    return '''faas_function %s {
    runtime %s;
    handler %s;
    code_inline '%s';
    %s
}
''' % (name, name, handler, text, more)


def refused(tap, n, inside, message):
    n.write_conf(http='faas_function f {\n%s\n}\n' % inside)
    n.allow(re.escape(message))
    code, text = n.test_conf()
    tap.ok(code != 0 and message in text, 'refused: ' + message, text)


with Tap() as tap:
    found = [name for name, value in TEXTS.items()
             if os.path.exists(value[0])]
    http = ''.join(function(name, TEXTS[name][2], TEXTS[name][3])
                   for name in found)
    server = ''.join('location = /%s { faas_pass %s; }\n' % (name, name)
                     for name in found)
    with Nginx(http=http, server=server,
               functions={'f': {'app.py': ''}}) as n:
        for name in found:
            r = n.get('/' + name)
            tap.equal((r.status, r.status == 200 and r.json()),
                      (200, [[TEXTS[name][1]], 3, "it's"]),
                      name + ': a text is the only file')

        old = set(n.environments())
        n.reload()
        tap.equal(n.get('/python3').status, 200, 'a reload')
        tap.ok(old <= set(n.environments()),
               'with the same text keeps all processes')
        n.write_conf(http=http.replace('# "double"', '# another')
                     .replace('len("a', '7 + len("a'))
        n.reload()
        wait_for(lambda: n.get('/python3').json()[1] == 10, 10)
        tap.ok(True, 'another text is another version')

        text = 'def handler(event, context): return 1\n'
        refused(tap, n, 'runtime python3; handler app.handler;'
                        "code_inline '%s';" % text,
                'there is no "app.py" in "index.py"')
        refused(tap, n, 'runtime python3; handler index.handler;'
                        "code_inline '%s'; code {functions}/f;" % text,
                'both "code" and "code_inline" in function "f"')
        refused(tap, n, "runtime native; code_inline '%s';" % text,
                '"code_inline" in function "f" is not for runtime "native"')
        refused(tap, n, "runtime python3; handler index.handler;"
                        "code_inline '';", 'must have a text')
        refused(tap, n, "runtime python3; handler index.handler;"
                        "code_inline '%s';" % ('x' * 5000),
                'too long parameter')
        n.write_conf(http=http)
        n.finish(tap)
