"""
The same function for the tests that go through nginx, in each language whose
runtime is a script.  By "do" of the query it answers, fails, exits, sleeps,
floods the log, or says what it sees of the machine.
"""

import os

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
    tmp: File.write('/tmp/x', 'abc'), shadow: File.readable?('/etc/shadow'),
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

# name: interpreter, runtime, handler, file, code, type of an error
LANGUAGES = {
    'ruby': ('/usr/bin/ruby', 'ruby', 'app.handler', 'app.rb', RUBY,
             'Function<ArgumentError>'),
}


def installed():
    return {name: value for name, value in LANGUAGES.items()
            if os.access(value[0], os.X_OK)}
