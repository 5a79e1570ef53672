#!/usr/bin/python3
"""AWS_LAMBDA_EXEC_WRAPPER: a program of the function's starts its runtime."""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)),
                                'lib'))
import faas_java                                        # noqa: E402
import faas_mono                                        # noqa: E402
from faas_e2e import Nginx, Tap, wait_for               # noqa: E402

# what a function says: which handler, its variables, how it was started
FUNCTIONS = {
    'python3': ('/usr/bin/python3', 'app.first', 'app.py', '''
import os, sys

def say(name):
    e = os.environ
    return {"statusCode": 200, "body": "|".join([
        name, e.get("ADDED", "-"), e.get("OWN", "-"),
        e["AWS_EXECUTION_ENV"].rstrip("0123456789."),
        str("importtime" in sys._xoptions or "dev" in sys._xoptions)
        if sys._xoptions else "-",
        str([p for p in sys.path if "-packages" in p and "/opt" not in p])])}

def first(event, context):
    return say("first")

def second(event, context):
    return say("second")
'''),
    'nodejs': ('/usr/bin/node', 'app.first', 'app.js', '''
const say = (name) => async () => ({ statusCode: 200, body: [
    name, process.env.ADDED || '-', process.env.OWN || '-',
    process.env.AWS_EXECUTION_ENV.replace(/[0-9]+\\.x$/, ''),
    process.execArgv.includes('--trace-warnings') ? 'True'
    : process.traceProcessWarnings ? 'option' : '-',
    '[]'].join('|') });
exports.first = say('first');
exports.second = say('second');
'''),
    'ruby': ('/usr/bin/ruby', 'app.first', 'app.rb', '''
def say(name)
  { statusCode: 200, body: [
    name, ENV['ADDED'] || '-', ENV['OWN'] || '-',
    ENV['AWS_EXECUTION_ENV'].sub(/[0-9.]+$/, ''),
    $VERBOSE.nil? ? 'option' : '-', '[]'].join('|') }
end
def first(event:, context:) = say('first')
def second(event:, context:) = say('second')
'''),
    'php': ('/usr/bin/php', 'app.first', 'app.php', '''<?php
function say($name) {
    return ['statusCode' => 200, 'body' => implode('|', [
        $name, getenv('ADDED') ?: '-', $_ENV['OWN'] ?? '-',
        preg_replace('/[0-9.]+$/', '', getenv('AWS_EXECUTION_ENV')), '-',
        '[]'])];
}
function first($event, $context) { return say('first'); }
function second($event, $context) { return say('second'); }
'''),
    'perl': ('/usr/bin/json_pp', 'app.first', 'app.pl', '''
sub say_it {
    my $env = $ENV{AWS_EXECUTION_ENV} =~ s/[0-9.]+$//r;
    return { statusCode => 200, body => join('|', $_[0],
        $ENV{ADDED} // '-', $ENV{OWN} // '-', $env,
        $INC{'bigint.pm'} ? 'option' : '-', '[]') };
}
sub first { say_it('first') }
sub second { say_it('second') }
1;
'''),
    'lua': ('/usr/bin/luajit', 'app.first', 'app.lua', '''
local function say(name)
    return function()
        return { statusCode = 200, body = table.concat({
            name, os.getenv("ADDED") or "-", os.getenv("OWN") or "-",
            os.getenv("AWS_EXECUTION_ENV"), "-", "[]" }, "|") }
    end
end
return { first = say("first"), second = say("second") }
'''),
}

JAVA = '''
import java.util.Map;

public class App {
    private static String or(String name) {
        String value = System.getenv(name);
        return value == null ? "-" : value;
    }

    private Object say(String name) {
        return Map.of("statusCode", 200, "body", String.join("|", name,
            or("ADDED"), or("OWN"),
            or("AWS_EXECUTION_ENV").replaceAll("[0-9.]+$", ""),
            System.getProperty("option", "-"), "[]"));
    }

    public Object first(Object event) { return say("first"); }
    public Object second(Object event) { return say("second"); }
}
'''

if faas_java.lacking() is None:
    with open(faas_java.folder({'App.java': JAVA}) + '/App.class', 'rb') as f:
        FUNCTIONS['java'] = (faas_java.JAVA, 'App::first', 'App.class',
                             f.read())

MONO = '''
using System;

public class App
{
    static string Or(string name)
    {
        return Environment.GetEnvironmentVariable(name) ?? "-";
    }

    static object Say(string name)
    {
        bool option = Or("MONO_ENV_OPTIONS") != "-";
        return new { statusCode = 200, body = string.Join("|", name,
            Or("ADDED"), Or("OWN"), Or("AWS_EXECUTION_ENV"),
            option ? "option" : "-", "[]") };
    }

    public object First() { return Say("first"); }
    public object Second() { return Say("second"); }
}
'''

if faas_mono.lacking() is None:
    with open(faas_mono.folder({'app': MONO}) + '/app.dll', 'rb') as f:
        FUNCTIONS['mono'] = (faas_mono.MONO, 'app::App::First', 'app.dll',
                             f.read())

LANGUAGES = {name: value for name, value in FUNCTIONS.items()
             if os.path.exists(value[0])}

NAMES = {'nodejs': 'nodejs', 'lua': 'luajit', 'python3': 'python'}

PLAIN = '''#!/bin/sh
ADDED=$#
export ADDED
exec "$@"
'''

# as AWS's own example: before the last of the arguments
OPTIONS = '''#!/bin/bash
args=("$@")
export _HANDLER=app.second OWN=changed
case $1 in
*java*) _HANDLER=App::second ;;
*mono*) _HANDLER=app::App::Second ;;
esac
case $1 in
*python*) more=(-X importtime) ;;
*node) more=(--trace-warnings) ;;
*) more=() ;;
esac
exec "${args[@]:0:$#-1}" "${more[@]}" "${args[@]: -1}" 2> /dev/null
'''

ENDS = '''#!/bin/sh
echo this one does not start it
exit 3
'''

HTTP = ''
FILES = {}

for name, (_, handler, file, text) in LANGUAGES.items():
    FILES[name] = {file: text, 'plain': (PLAIN, 0o755),
                   'options': (OPTIONS, 0o755), 'ends': (ENDS, 0o755),
                   'closed': (PLAIN, 0o644)}
    for wrapper in 'none', 'plain', 'options', 'ends', 'missing', 'closed':
        HTTP += '''
    faas_function %s-%s {
        runtime %s; handler %s; code {functions}/%s; environment OWN=own;
        %s
    }
''' % (name, wrapper, name, handler, name,
       '' if wrapper == 'none'
       else 'environment AWS_LAMBDA_EXEC_WRAPPER=/var/task/%s;' % wrapper)

# an option in a variable: what it does is seen in the same place
OPTION = {'java': 'JAVA_TOOL_OPTIONS=-Doption=option',
          'nodejs': 'NODE_OPTIONS=--trace-warnings', 'ruby': 'RUBYOPT=-W0',
          'perl': 'PERL5OPT=-Mbigint',
          'mono': 'MONO_ENV_OPTIONS=--optimize=-all'}

for name in OPTION.keys() & LANGUAGES.keys():
    HTTP += '''
    faas_function %s-option {
        runtime %s; handler %s; code {functions}/%s; environment %s OWN=own;
    }
''' % (name, name, LANGUAGES[name][1], name, OPTION[name])

HTTP += '''
    log_format faas "$faas_function $status $faas_status $faas_error";
'''

SERVER = '''
    access_log {dir}/faas.log faas;
    location ~ ^/(?<name>[a-z0-9-]+)$ { faas_pass $name; }
'''

# arguments of a wrapper: the interpreter, its options, the script
COUNTS = {'python3': 2, 'nodejs': 4, 'ruby': 3, 'php': 8, 'perl': 2, 'lua': 2,
          'java': 13, 'mono': 4}


def error_of(nginx, name):
    with open(nginx.dir + '/faas.log') as f:
        found = [line.split()[1:] for line in f if line.split()[0] == name]
    return found[-1] if found else None


def language(tap, nginx, name):
    env = 'AWS_Lambda_' + NAMES.get(name, name)

    tap.equal(nginx.get('/%s-none' % name).text,
              'first|-|own|%s|-|[]' % env, name + ': without one')

    r = nginx.get('/%s-plain' % name)
    tap.equal((r.status, r.text),
              (200, 'first|%d|own|%s|-|[]' % (COUNTS[name], env)),
              name + ': its wrapper starts it')
    tap.equal(nginx.get('/%s-plain' % name).status, 200,
              name + ': and it goes on')

    shown = 'True' if name in ('python3', 'nodejs') else '-'
    r = nginx.get('/%s-options' % name)
    tap.equal((r.status, r.text),
              (200, 'second|-|changed|%s|%s|[]' % (env, shown)),
              name + ': options, variables and handler are the wrapper\'s')

    if name in OPTION:
        tap.equal(nginx.get('/%s-option' % name).text,
                  'first|-|own|%s|option|[]' % env,
                  name + ': an option of the interpreter')

    for wrapper in 'ends', 'missing', 'closed':
        full = '%s-%s' % (name, wrapper)
        r = nginx.get('/' + full)
        tap.equal((r.status, r.json()['message']),
                  (500, 'Internal Server Error'), full + ': an error')
        wait_for(lambda: error_of(nginx, full))
        tap.equal(error_of(nginx, full)[1:],
                  ['error', 'Runtime.InitError'], full + ': counted so')


def main():
    with Tap() as tap, Nginx(functions=FILES, http=HTTP,
                             server=SERVER) as nginx:
        for name in LANGUAGES:
            language(tap, nginx, name)

        log = nginx.log()
        tap.ok('this one does not start it' in log, 'what it printed')
        tap.ok('locale failed' not in log, 'no warnings of a locale')
        tap.ok('/var/task/missing' in log, 'which one is missing')
        nginx.finish(tap)


main()
