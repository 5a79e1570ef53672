"""
The same function for the tests that go through nginx, in each language that
has a runtime of its own besides Python and Node.js.  By "do" of the query it
answers, fails, exits, sleeps, floods the log, or says what it sees of the
machine.
"""

import os

import faas_java
import faas_mono

RUBY = r'''
require 'json'

def where
  { cwd: Dir.pwd, pid: Process.pid, uid: Process.uid,
    writes: begin
              File.write('here', 'x')
              true
            rescue SystemCallError
              false
            end,
    tmp: File.write("#{ENV['TMPDIR'] || '/tmp'}/x", 'abc'),
    shadow: File.readable?('/etc/shadow'),
    run: File.exist?(ENV['RUN']) }
end

def handler(event:, context:)
  query = event['queryStringParameters'] || {}
  case query['do']
  when 'fail' then raise ArgumentError, 'failed'
  when 'exit' then exit 3
  when 'sleep' then sleep 30
  when 'flood' then 5000.times { |n| puts "line #{n} of many" }
  when 'where' then return where
  when 'log' then puts 'logged'
  end
  {
    statusCode: 201, headers: { 'X-Path' => event['rawPath'] },
    body: "id #{context.aws_request_id == event['requestContext']['requestId']}"
  }
end
'''

LUA = r'''
local function command(line)
    local pipe = io.popen(line)
    return pipe:read('*a'):gsub('%s+$', ''), pipe:close()
end

local function can(path, mode)
    local file = io.open(path, mode)
    return file ~= nil and file:write('abc') ~= nil and file:close()
end

return function(event, context)
    local query = event.queryStringParameters or {}
    local what = query['do']

    if what == 'fail' then error('failed') end
    if what == 'exit' then os.exit(3) end
    if what == 'sleep' then os.execute('sleep 30') end
    if what == 'log' then print('logged') end
    if what == 'flood' then
        for n = 0, 4999 do print('line ' .. n .. ' of many') end
    end
    if what == 'where' then
        return { cwd = (command('pwd')), uid = (command('id -u')),
                 writes = can('here', 'w'), tmp = can('/tmp/x', 'w'),
                 shadow = can('/etc/shadow', 'r'),
                 run = can(os.getenv('RUN') .. '/nginx.conf', 'r') }
    end
    local same = context.aws_request_id == event.requestContext.requestId
    return { statusCode = 201, headers = { ['X-Path'] = event.rawPath },
             body = 'id ' .. tostring(same) }
end
'''

PHP = r'''<?php
return function (array $event, $context) {
    switch ($event['queryStringParameters']['do'] ?? '') {
    case 'fail': throw new DomainException('failed');
    case 'exit': exit(3);
    case 'sleep': sleep(30);
    case 'log': echo "logged\n"; break;
    case 'flood':
        for ($n = 0; $n < 5000; $n++) {
            echo "line $n of many\n";
        }
        break;
    case 'where':
        return ['cwd' => getcwd(), 'uid' => posix_getuid(),
                'writes' => @file_put_contents('here', 'abc'),
                'tmp' => file_put_contents('/tmp/x', 'abc'),
                'shadow' => is_readable('/etc/shadow'),
                'run' => file_exists(getenv('RUN'))];
    }
    $same = $context->getAwsRequestId()
            === $event['requestContext']['requestId'];
    return ['statusCode' => 201, 'headers' => ['X-Path' => $event['rawPath']],
            'body' => 'id ' . json_encode($same)];
};
'''

PERL = r'''
use strict;
use warnings;

sub write_to
{
    open my $file, '>', $_[0] or return 0;
    return print $file 'abc';
}

sub handle
{
    my ($event, $context) = @_;
    my $do = $event->{queryStringParameters}{do} // '';

    die "failed\n" if $do eq 'fail';
    exit 3 if $do eq 'exit';
    sleep 30 if $do eq 'sleep';
    print "logged\n" if $do eq 'log';

    if ($do eq 'flood') {
        print "line $_ of many\n" for 0 .. 4999;
    }

    if ($do eq 'where') {
        return { cwd => Cwd::getcwd(), uid => $>, writes => write_to('here'),
                 tmp => write_to('/tmp/x'), shadow => 0 + -r '/etc/shadow',
                 run => 0 + -e $ENV{RUN} };
    }

    my $same = $context->aws_request_id
               eq $event->{requestContext}{requestId};

    return { statusCode => 201, headers => { 'X-Path' => $event->{rawPath} },
             body => 'id ' . ($same ? 'true' : 'false') };
}
'''

BASH = r'''
can() { if "$@" > /dev/null 2>&1; then echo true; else echo false; fi; }

handler()
{
    local event=$(cat) id

    event=${event//: /:}

    case $event in
    *'"do":"fail"'*) return 1 ;;
    *'"do":"exit"'*) exit 3 ;;
    *'"do":"sleep"'*) sleep 30 ;;
    *'"do":"log"'*) echo logged >&2 ;;
    *'"do":"flood"'*)
        for n in {0..4999}; do echo "line $n of many"; done >&2 ;;
    *'"do":"where"'*)
        printf '{"cwd":"%s","uid":%s,"writes":%s,"tmp":%s,"shadow":%s,' \
            "$PWD" "$UID" "$(can touch here)" "$(can touch /tmp/x)" \
            "$(can cat /etc/shadow)"
        printf '"run":%s}' "$(can test -e "$RUN")"
        return
        ;;
    esac

    case $event in
    *"\"requestId\":\"$FAAS_REQUEST_ID\""*) id=true ;;
    *) id=false ;;
    esac

    event=${event#*'"rawPath":"'}
    printf '{"statusCode":201,"headers":{"X-Path":"%s"},"body":"id %s"}' \
        "${event%%'"'*}" "$id"
}
'''

JAVA = r'''
package app;

import com.amazonaws.services.lambda.runtime.Context;
import com.amazonaws.services.lambda.runtime.RequestHandler;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;

public class Function
    implements RequestHandler<Map<String, Object>, Map<String, Object>>
{
    private static boolean writes(String path) {
        try {
            Files.writeString(Path.of(path), "abc");
            return true;
        } catch (IOException e) {
            return false;
        }
    }

    private static Map<String, Object> where() throws IOException {
        String tmp = System.getenv("TMPDIR");
        return Map.of("cwd", Path.of("").toAbsolutePath().toString(),
            "uid", Files.getAttribute(Path.of("/proc/self"), "unix:uid"),
            "writes", writes("here"),
            "tmp", writes((tmp == null ? "/tmp" : tmp) + "/x"),
            "shadow", Files.isReadable(Path.of("/etc/shadow")),
            "run", Files.exists(Path.of(System.getenv("RUN"))));
    }

    @Override
    public Map<String, Object> handleRequest(Map<String, Object> event,
                                             Context context) {
        Map<?, ?> query = (Map<?, ?>) event.get("queryStringParameters");
        Object what = query == null ? null : query.get("do");

        try {
            switch (String.valueOf(what)) {
            case "fail":
                throw new IllegalArgumentException("failed");
            case "exit":
                System.exit(3);
            case "sleep":
                Thread.sleep(30000);
                break;
            case "log":
                System.out.println("logged");
                break;
            case "flood":
                for (int n = 0; n < 5000; n++) {
                    System.out.println("line " + n + " of many");
                }
                break;
            case "where":
                return where();
            }
        } catch (IOException | InterruptedException e) {
            throw new RuntimeException(e);
        }

        Map<?, ?> request = (Map<?, ?>) event.get("requestContext");
        boolean same = context.getAwsRequestId().equals(
            request.get("requestId"));
        return Map.of("statusCode", 201,
                      "headers", Map.of("X-Path", event.get("rawPath")),
                      "body", "id " + same);
    }
}
'''

MONO = r'''
using System;
using System.Collections.Generic;
using System.IO;
using System.Text.RegularExpressions;
using System.Threading;
using Amazon.Lambda.Core;

public class Function
{
    static bool Can(Action action)
    {
        try {
            action();
            return true;
        } catch (SystemException) {
            return false;
        }
    }

    static object Where()
    {
        string status = File.ReadAllText("/proc/self/status");
        return new {
            cwd = Directory.GetCurrentDirectory(),
            uid = int.Parse(Regex.Match(status, @"Uid:\s+(\d+)")
                                 .Groups[1].Value),
            writes = Can(() => File.WriteAllText("here", "abc")),
            tmp = Can(() => File.WriteAllText(Path.GetTempPath() + "/x",
                                              "abc")),
            shadow = Can(() => File.ReadAllText("/etc/shadow")),
            run = Directory.Exists(Environment.GetEnvironmentVariable("RUN"))
        };
    }

    static object Member(object o, string name)
    {
        object value = null;
        var map = o as IDictionary<string, object>;
        if (map != null)
            map.TryGetValue(name, out value);
        return value;
    }

    public object Handle(IDictionary<string, object> e, ILambdaContext c)
    {
        switch (Member(Member(e, "queryStringParameters"), "do") as string) {
        case "fail":
            throw new ArgumentException("failed");
        case "exit":
            Environment.Exit(3);
            break;
        case "sleep":
            Thread.Sleep(30000);
            break;
        case "log":
            Console.WriteLine("logged");
            break;
        case "flood":
            for (int n = 0; n < 5000; n++)
                Console.WriteLine("line {0} of many", n);
            break;
        case "where":
            return Where();
        }
        bool same = c.AwsRequestId.Equals(
            Member(Member(e, "requestContext"), "requestId"));
        return new { statusCode = 201,
                     headers = new Dictionary<string, object> {
                         { "X-Path", e["rawPath"] } },
                     body = "id " + (same ? "true" : "false") };
    }
}
'''

# name: interpreter, runtime, handler, file, code, type of an error
LANGUAGES = {
    'ruby': ('/usr/bin/ruby', 'ruby', 'app.handler', 'app.rb', RUBY,
             'Function<ArgumentError>'),
    'lua': ('/usr/bin/luajit', 'lua', 'app', 'app.lua', LUA, 'Error'),
    'php': ('/usr/bin/php', 'php', 'app.php', 'app.php', PHP,
            'DomainException'),
    'perl': ('/usr/bin/perl', 'perl', 'app', 'app.pl', PERL, 'Error'),
    'bash': ('/bin/bash', 'bash', 'app', 'app.sh', BASH, 'ExitError'),
    'java': (faas_java.JAVA, 'java', 'app.Function', 'app/Function.java', JAVA,
             'java.lang.IllegalArgumentException'),
    'mono': (faas_mono.MONO, 'mono', 'app::Function::Handle', 'app', MONO,
             'ArgumentException'),
}

# what is compiled: is there a compiler, and what does it make of a source?
COMPILED = {'java': faas_java, 'mono': faas_mono}


def installed():
    return {name: value for name, value in LANGUAGES.items()
            if os.access(value[0], os.X_OK)
            and not (name in COMPILED and COMPILED[name].lacking())}


def files(value):
    """What is in a function's folder: {path: content}."""
    _, runtime, _, file, code, _ = value
    source = {file: code}
    return (COMPILED[runtime].files(source) if runtime in COMPILED
            else source)
