# See ../../lib/faaslang.py.

require 'json'
require 'logger'

puts 'loading'

$count = 0

def echo(event:, context:) = event
def count(event:, context:) = $count += 1

def fail(event:, context:)
  raise ArgumentError, "no #{event['what']}"
end

def members(event:, context:)
  { id: context.aws_request_id, name: context.function_name,
    version: context.function_version, arn: context.invoked_function_arn,
    memory: context.memory_limit_in_mb, group: context.log_group_name,
    stream: context.log_stream_name, identity: context.identity,
    client: context.client_context, deadline: context.deadline_ms,
    left: context.get_remaining_time_in_millis,
    trace: ENV['_X_AMZN_TRACE_ID'] }
end

def environment(event:, context:) = { env: ENV.to_h, cwd: Dir.pwd }

def logs(event:, context:)
  puts 'to stdout'
  warn 'to stderr'
  $stdout.puts 'ä'
  'done'
end

def logger(event:, context:)
  log = Logger.new($stdout)
  log.info('information')
  log.progname = 'mine'
  log.error(ArgumentError.new('bad'))
  own = Logger.new($stderr, formatter: ->(*, text) { "<#{text}>\n" })
  own.warn('formatted')
  nil
end

def streams(event:, context:)
  $stdout.print 'a', 1, "\n"
  $stdout << 'b' << 2 << "\n"
  $stdout.printf("%05d\n", 3)
  p 'c', 4
  STDOUT.write("d\n", 5, "\n")
  STDERR.syswrite("e\n")
  $stderr.puts(%w[f g])
  putc 'h'
  puts
  [$stdout.sync, $stdout.fileno, $stdout.tty?]
end

def hang(event:, context:)
  puts 'hanging'
  sleep
end

def leave(event:, context:)
  puts 'leaving'
  exit event
end

def leave_at_once(event:, context:)
  puts 'leaving'
  exit! event
end

def at_end(event:, context:)
  at_exit { puts 'at exit' }
  exit 5
end

def killed(event:, context:)
  puts 'before'
  $stdout.flush
  Process.kill(:KILL, Process.pid)
  sleep
end

def flood(event:, context:)
  event.times { puts 'x' * 1000 }
  event
end

def large(event:, context:) = 'x' * 5_000_000

def value(event:, context:)
  { 'text' => "ä\u2028😀\"\\\n", 'none' => nil, 'list' => [1, [2], []],
    'map' => { a: { b: 1.5 } }, 'true' => true,
    'bad' => Float::NAN }.fetch(event)
end

def children(event:, context:) = `ls /proc/self/fd | wc -l; env`

def forked(event:, context:)
  pid = fork do
    puts 'from the child'
    exit! 5
  end
  Process.wait(pid)
  [$?.exitstatus, Process.wait(spawn('exit 3')), $?.exitstatus].values_at(0, 2)
end

def threads(event:, context:)
  Thread.new { puts 'from a thread' }.join
  $ticks ||= begin
    list = []
    Thread.new { loop { list << 1 and sleep 0.01 } }
    list
  end
  $ticks.size
end

def joined(event:, context:) = Thread.new { 7 }.value

def trapped(event:, context:)
  trap('TERM') { exit 4 }
  trap('USR1') { STDERR.syswrite('told') }
  nil
end

def random(event:, context:)
  require 'securerandom'
  [rand, Random.rand, SecureRandom.hex(4)]
end

def raw(event:, context:) = StringIO.new(event)

def stack(event:, context:) = stack(event: event, context: context)

def signature(event:, other:) = nil

def items(event:, context:)
  Enumerator.new do |out|
    out << { statusCode: 201, headers: { 'x-a' => 'b' } } if event == 'head'
    out << 'one'
    raise 'in the middle' if event == 'fail'

    out << "tw\u00f6"
    out << 3 if event == 'bad'
  end
end

module Shop
  class Cart
    def self.handler(event:, context:) = [name, event]
  end
end
