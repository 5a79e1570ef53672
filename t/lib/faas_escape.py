"""The functions of 400-escape.t in each language: they run the program beside
them with what the headers x-case and x-arg say, and answer what it prints."""

import os
import shutil

import faas_java
import faas_mono

PYTHON = '''
import os, subprocess
def handler(event, context):
    h = event["headers"]
    return subprocess.run(
        [os.path.dirname(os.path.abspath(__file__)) + "/escape",
         h["x-case"], h.get("x-arg", "")],
        stdout=subprocess.PIPE).stdout.decode().strip()
'''

NODE = '''
const {execFileSync} = require("node:child_process");
exports.handler = async (event) => {
    const h = event.headers;
    return execFileSync(__dirname + "/escape",
                        [h["x-case"], h["x-arg"] || ""]).toString().trim();
};
'''

PHP_CGI = '''<?php
$h = $_SERVER;
echo trim(shell_exec(__DIR__ . "/escape "
                     . escapeshellarg($h["HTTP_X_CASE"]) . " "
                     . escapeshellarg($h["HTTP_X_ARG"] ?? "")));
'''

PHP = '''<?php
return function (array $event) {
    $h = $event["headers"];
    return trim(shell_exec(__DIR__ . "/escape "
                           . escapeshellarg($h["x-case"]) . " "
                           . escapeshellarg($h["x-arg"] ?? "")));
};
'''

RUBY = '''
def handler(event:, context:)
  h = event['headers']
  IO.popen([File.join(__dir__, 'escape'), h['x-case'], h['x-arg'] || ''],
           &:read).strip
end
'''

LUA = '''
local function quoted(text)
    return "'" .. (text or ""):gsub("'", "'\\\\''") .. "'"
end

return function(event)
    local h = event.headers
    local pipe = io.popen(os.getenv("LAMBDA_TASK_ROOT") .. "/escape "
                          .. quoted(h["x-case"]) .. " " .. quoted(h["x-arg"]))
    local text = pipe:read("*a")
    pipe:close()
    return (text:gsub("%s+$", ""))
end
'''

PERL = '''
sub handle
{
    my $h = $_[0]{headers};
    open my $pipe, '-|', "$ENV{LAMBDA_TASK_ROOT}/escape", $h->{'x-case'},
        $h->{'x-arg'} // '' or die $!;
    my $text = join '', <$pipe>;
    $text =~ s/\\s+\\z//;
    return $text;
}
1;
'''

# what knows no JSON looks for the two by itself
HEADERS = '''
header()
{
    case $event in
    *"\\"$1\\":\\""*) value=${event#*"\\"$1\\":\\""}; echo "${value%%\\"*}" ;;
    esac
}
'''

BASH = HEADERS + '''
handler()
{
    event=$(cat)
    printf '"%s"' "$("$LAMBDA_TASK_ROOT/escape" "$(header x-case)" \\
                     "$(header x-arg)")"
}
'''

PROVIDED = '''#!/bin/sh
api=http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation
''' + HEADERS + '''
while :; do
    event=$(curl -sS -D /tmp/head "$api/next")
    id=$(sed -n 's/^Lambda-Runtime-Aws-Request-Id: *//p' /tmp/head \\
         | tr -d '\\r')
    text=$(/var/task/escape "$(header x-case)" "$(header x-arg)")
    curl -sS -o /dev/null "$api/$id/response" -d "\\"$text\\""
done
'''

JAVA = '''
import java.util.Map;

public class Escape {
    public String handler(Map<String, Object> event) throws Exception {
        Map<?, ?> h = (Map<?, ?>) event.get("headers");
        Object arg = h.get("x-arg");
        Process p = new ProcessBuilder("/var/task/escape",
            (String) h.get("x-case"), arg == null ? "" : (String) arg)
            .redirectError(ProcessBuilder.Redirect.INHERIT).start();
        return new String(p.getInputStream().readAllBytes()).trim();
    }
}
'''

MONO = '''
using System.Collections.Generic;
using System.Diagnostics;

public class Escape
{
    public class Event
    {
        public Dictionary<string, string> Headers { get; set; }
    }

    public string Handle(Event e)
    {
        string arg;
        e.Headers.TryGetValue("x-arg", out arg);
        var start = new ProcessStartInfo("/var/task/escape",
            "\\"" + e.Headers["x-case"] + "\\" \\"" + arg + "\\"") {
            UseShellExecute = false, RedirectStandardOutput = true };
        using (Process p = Process.Start(start))
            return p.StandardOutput.ReadToEnd().Trim();
    }
}
'''


def kinds():
    """name: (runtime, handler, {file: text}), of what is installed."""
    found = {
        'c': ('native', 'bootstrap', {}),
        'py': ('python3', 'app.handler', {'app.py': PYTHON}),
        'js': ('nodejs', 'index.handler', {'index.js': NODE}),
        'sh': ('bash', 'app', {'app.sh': BASH})}

    for name, program, *more in (
            ('php', '/usr/bin/php-cgi', 'fastcgi; command /usr/bin/php-cgi',
             'index.php', {'index.php': PHP_CGI}),
            ('phpf', '/usr/bin/php', 'php', 'app.php', {'app.php': PHP}),
            ('rb', '/usr/bin/ruby', 'ruby', 'app.handler', {'app.rb': RUBY}),
            ('lua', '/usr/bin/luajit', 'lua', 'app', {'app.lua': LUA}),
            ('pl', '/usr/bin/json_pp', 'perl', 'app', {'app.pl': PERL})):
        if os.access(program, os.X_OK):
            found[name] = tuple(more)

    if shutil.which('curl'):
        found['own'] = ('provided.al2023', 'none',
                        {'bootstrap': (PROVIDED, 0o755)})

    if faas_java.lacking() is None:
        folder = faas_java.folder({'Escape.java': JAVA})
        with open(folder + '/Escape.class', 'rb') as f:
            found['jv'] = ('java', 'Escape::handler',
                           {'Escape.class': f.read()})

    if faas_mono.lacking() is None:
        found['cs'] = ('mono', 'escape::Escape::Handle',
                       faas_mono.files({'escape': MONO}))

    return found
