# frozen_string_literal: true

# The function's standard output and error and its loggers: everything that
# is printed becomes log text of the current invocation.
#
# Loaded by bootstrap.rb, in zygotes and environments.

require 'logger'

module FaasRuntime
  # What STDOUT and STDERR do instead of writing to their descriptors.  All of
  # puts, print, p, printf, << and warn come down to write.
  module LogStream
    class << self
      attr_accessor :wire
    end

    def write(*parts)
      parts.sum { |part| LogStream.wire.log(part.to_s) }
    end

    def syswrite(text) = write(text)
    def write_nonblock(text, **) = write(text)

    def flush
      LogStream.wire.flush
      self
    end
  end

  # Ruby itself would write to the descriptor.
  module LogWarning
    def warn(text, **)
      $stderr.write(text)
      nil
    end
  end

  # Lambda's format of a logger without one of its own.
  class LogFormatter < Logger::Formatter
    LINE = "%<letter>s, [%<time>s #%<pid>d] %<severity>5s %<id>s -- " \
           "%<name>s: %<text>s\n"

    class << self
      attr_accessor :request_id
    end

    def call(severity, time, progname, msg)
      format(LINE, letter: severity[0], time: format_datetime(time),
                   pid: Process.pid, severity: severity,
                   id: LogFormatter.request_id, name: progname,
                   text: msg2str(msg))
    end
  end

  # Logger.new($stdout) writes to the log, with the request's id.
  module LoggerDefaults
    def initialize(logdev = nil, *args, formatter: nil, **options)
      if logdev.equal?(STDOUT) || logdev.equal?(STDERR)
        formatter ||= LogFormatter.new
      end

      super(logdev, *args, formatter: formatter, **options)
    end
  end

  # exit! loses no log text.
  module LeaveAtOnce
    def exit!(*status)
      LogStream.wire.flush
      super
    end
  end

  def self.redirect(wire)
    LogStream.wire = wire
    [STDOUT, STDERR].each { |io| io.extend(LogStream) }
    Warning.extend(LogWarning)
    Logger.prepend(LoggerDefaults)
    Kernel.prepend(LeaveAtOnce)
    [Kernel, Process].each { |m| m.singleton_class.prepend(LeaveAtOnce) }
    at_exit { wire.flush }
  end
end
