# frozen_string_literal: true

# The function of the conformance suite, in Ruby.

require 'fiddle'

class Odd < StandardError
end

$calls = 0
$running = 0

def deep(number)
  deep(number + 1) + 1
end

ACTS = {
  'throw' => ->(*) { raise Odd, "an \"odd\" \u00e9rror" },
  'throw_later' => lambda { |*|
    Thread.new { Thread.current.report_on_exception = false; raise Odd, 'later' }
          .join
  },
  'exit' => ->(event, _) { exit(event['code']) },
  'kill' => ->(*) { Fiddle::Pointer.new(8)[0] },
  'loop' => ->(*) { loop {} },
  'memory' => lambda { |*|
    keep = []
    loop { keep << ('x' * (1 << 20)) }
  },
  'stack' => ->(*) { deep(0) },
  'flood' => lambda { |event, _|
    line = 'x' * 9999
    event['lines'].times { puts line }
    'flooded'
  },
  'daemon' => lambda { |*|
    Thread.new { loop { sleep 0.01 } }
    Process.detach(Process.spawn('/bin/sleep', '1000'))
    $calls
  },
  'tmp' => lambda { |*|
    File.write('/tmp/kept', 'x', mode: 'a')
    File.size('/tmp/kept')
  },
  'env' => ->(*) { ENV.to_h },
  'context' => lambda { |_, c|
    { id: c.aws_request_id, name: c.function_name, version: c.function_version,
      arn: c.invoked_function_arn, memory: c.memory_limit_in_mb,
      group: c.log_group_name, stream: c.log_stream_name,
      custom: c.client_context && c.client_context['custom'] }
  },
  'remaining' => lambda { |_, c|
    a = c.get_remaining_time_in_millis
    sleep 0.05
    [a, c.get_remaining_time_in_millis]
  },
  'log' => lambda { |event, _|
    puts "out #{event['mark']}"
    warn "err #{event['mark']}"
    'logged'
  },
  'sleep' => lambda { |event, _|
    sleep event['ms'] / 1000.0
    [$running, $calls, Process.pid]
  }
}.freeze

def act(event, context)
  if event.is_a?(Hash) && event['requestContext']
    return { statusCode: 200, body: event['body'],
             headers: { 'content-type' => 'application/octet-stream' },
             isBase64Encoded: event['isBase64Encoded'] }
  end
  return event unless event.is_a?(Hash) && event['do']

  ACTS[event['do']].call(event, context)
end

def handler(event:, context:)
  $calls += 1
  $running += 1
  act(event, context)
ensure
  $running -= 1
end

def stream(event:, context:)
  Enumerator.new do |out|
    event['n'].times do |n|
      sleep event['ms'] / 1000.0 if event['ms']
      out << "#{n} "
    end
  end
end
