# frozen_string_literal: true

# The Ruby runtime: loads a function by its handler string and calls it for
# each invocation, with the names, errors and log lines of AWS Lambda.
#
# Runs as a zygote (FAAS_ZYGOTE=1, libfaas.so preloaded), which forks blanks
# that go on in Environment#run, or started directly as one environment.  See
# README.md for how the supervisor starts it.

require 'json'
require 'stringio'

require_relative 'faas_wire'
require_relative 'faas_log'
require_relative 'faas_context'

# All of ours, so that a function can have any other name.
module FaasRuntime
  FOLDER = __dir__

  # Not needed here, but by many functions: a blank has them in memory already.
  EXTRA = %w[base64 bigdecimal date delegate digest erb fileutils forwardable
             ostruct securerandom set stringio tempfile time timeout tmpdir
             uri].freeze

  # faas_env_error() takes this much
  ERROR_MAX = 60_000

  # of streams: with the first of these the data begin with a prelude
  PRELUDE = 'application/vnd.awslambda.http-integration-response'
  STREAM = 'application/octet-stream'

  WARM_EVENT = '{"headers": {"host": "localhost"}, "a": [1, null, 2.5]}'

  # An error of the runtime's own.
  class Fault < StandardError
    attr_reader :kind

    def initialize(kind, message)
      super(message)
      @kind = kind
    end
  end

  # The error payload of an exception; WHERE is "Function" or "Init".
  def self.error_of(exception, where)
    trace = exception.is_a?(Fault) ? [] : exception.backtrace || []
    kind = exception.is_a?(Fault) ? exception.kind : "#{where}<#{exception.class}>"

    { errorMessage: utf8(message_of(exception)), errorType: utf8(kind),
      stackTrace: trace.reject { |line| line.start_with?(FOLDER) }
                       .map { |line| utf8(line) } }
  end

  def self.message_of(exception)
    exception.message.to_s
  rescue StandardError
    'unknown'
  end

  def self.utf8(text)
    text = text.dup.force_encoding('UTF-8') if text.encoding == Encoding::BINARY
    text.encode('UTF-8', invalid: :replace, undef: :replace).scrub
  end

  # One environment, from the blank to its end.
  class Environment
    def initialize(wire)
      @wire = wire
    end

    def run
      # libfaas has a handler that ends an idle environment
      trap('TERM', 'SYSTEM_DEFAULT')
      text = @wire.init { warm }
      exit!(0) if text.nil?

      begin
        set_up(JSON.parse(text))
        @handler = load(LambdaContext.settings['handler'])
      rescue StandardError, ScriptError => e
        fail(e)
        exit!(252)
      end

      @wire.ready
      serve
    end

    private

    # Does all that loading and calling a function does.  A forked blank copies
    # each page that it writes to for the first time; a good part of a cold
    # start would be that, so the blank that is next does it while it waits.
    def warm
      settings = JSON.parse('{"environment": {"TZ": ":UTC"}}')
      environment = ENV.to_h
      ENV.replace(settings['environment'])
      ENV.replace(environment)
      Gem.paths = environment if defined?(Gem)

      Kernel.load(File.join(FOLDER, 'warm.rb'), Module.new)
      invocation = Invocation.new(WARM_EVENT.dup, '', '', nil, nil, nil, nil, 0)

      20.times do
        LambdaContext.new(invocation).get_remaining_time_in_millis
        JSON.generate('body' => decode(invocation).to_s)
      end
    end

    # Makes this process the function's.
    def set_up(settings)
      FaasRuntime.redirect(@wire)
      LambdaContext.settings = settings
      if settings['environment']
        ENV.replace(settings['environment'])
      else
        # AWS_LAMBDA_EXEC_WRAPPER: what that has left in them goes
        settings['handler'] = ENV.fetch('_HANDLER', settings['handler'])
      end

      $PROGRAM_NAME = 'function'
      ARGV.clear

      root = settings['taskRoot']
      begin
        Dir.chdir(root)
      rescue SystemCallError => e
        raise Fault.new('Runtime.InvalidWorkingDir', e.message)
      end

      $LOAD_PATH.unshift(root, *(ENV['RUBYLIB'] || '').split(':'),
                         '/opt/ruby/lib')
      $LOAD_PATH.uniq!
      Gem.paths = ENV.to_h if defined?(Gem)
    end

    # The callable that a handler string names.
    def load(handler)
      file, *names = handler.split('.', -1)

      unless [1, 2].include?(names.size) && !names.include?('') && file != ''
        raise ArgumentError, "Invalid handler #{handler}, must be of form " \
                             'FILENAME.METHOD or FILENAME.CLASS.METHOD ' \
                             'where FILENAME corresponds with an existing ' \
                             'Ruby source file FILENAME.rb, CLASS is an ' \
                             'optional module/class namespace and METHOD is ' \
                             'a callable method. If using CLASS, METHOD must ' \
                             'be a class-level method.'
      end

      require File.join(Dir.pwd, file)

      owner = names.size == 1 ? TOPLEVEL_BINDING.receiver
                              : Kernel.const_get(names.first)

      unless owner.respond_to?(names.last, true)
        raise Fault.new('Runtime.HandlerNotFound', "Handler '" \
                        "#{names.join('.')}' missing in file '#{file}.rb'")
      end

      owner.method(names.last)
    end

    # Tells why the function was not loaded.
    def fail(exception)
      error = FaasRuntime.error_of(exception, 'Init')
      log_error('Init error when loading handler', error)
      text = JSON.generate(error)

      if text.bytesize > ERROR_MAX
        error[:errorMessage] = error[:errorMessage][0, 4000]
        error[:stackTrace] = error[:stackTrace].last(10)
        text = JSON.generate(error).byteslice(0, ERROR_MAX)
      end

      @wire.error(text)
    end

    def log_error(what, error)
      @wire.log("#{what}\n#{JSON.generate(error)}\n")
    end

    # Answers invocations until the supervisor ends this environment.
    def serve
      @wire.interruptible

      while (invocation = @wire.next)
        LogFormatter.request_id = invocation.request_id

        begin
          answer(invocation)
        rescue SystemExit, SignalException
          raise
        rescue Exception => e # rubocop:disable Lint/RescueException
          answer_error(e)
        end

        # nothing of an invocation is kept while waiting for the next
        invocation = e = nil
      end

      exit(0)
    end

    def answer(invocation)
      context = LambdaContext.new(invocation)
      result = @handler.call(event: decode(invocation), context: context)

      case result
      when Enumerator
        stream(result)
      when StringIO, IO
        @wire.respond(result.read.to_s)
      else
        @wire.respond(JSON.generate(result))
      end
    end

    def decode(invocation)
      type = invocation.content_type
      return invocation.event.b unless type.nil? || type == 'application/json'

      raise EncodingError, 'not UTF-8' unless invocation.event.valid_encoding?

      JSON.parse(invocation.event)
    rescue JSON::ParserError, EncodingError => e
      raise Fault.new('Runtime.UnmarshalError',
                      "Unable to unmarshal input: #{e.message}")
    end

    def answer_error(exception)
      error = FaasRuntime.error_of(exception, 'Function')
      log_error('Error raised from handler method', error)
      @wire.fail(JSON.generate(error))
    rescue SystemCallError
      # more than the end of a stream may have
      error[:errorMessage] = error[:errorMessage][0, 4000]
      error[:stackTrace] = []
      @wire.fail(JSON.generate(error))
    end

    # Sends what an enumerator yields, as it comes.
    def stream(items)
      begun = false

      items.each do |item|
        kind = STREAM

        if !begun && item.is_a?(Hash)
          kind = PRELUDE
          item = "#{JSON.generate(item)}#{"\0" * 8}"
        end

        unless item.is_a?(String)
          raise Fault.new('Runtime.MarshalError', 'Unable to stream ' \
                          "response: #{item.class} is no String")
        end

        @wire.begin(kind) unless begun
        begun = true
        @wire.write(item)
      end

      @wire.begin(STREAM) unless begun
      @wire.end
    rescue Errno::EPIPE
      # nobody reads any more
      @wire.end
    end
  end

  # Forks blanks for ever; returns in each of them.
  def self.zygote(wire)
    EXTRA.each do |name|
      require name
    rescue LoadError
      # a package of its own in some versions
    end

    # what is allocated on first use should be shared, too
    JSON.generate(JSON.parse('{"a": [1, 2.5, "b", null, true]}'))

    ENV.delete('FAAS_ZYGOTE')
    wire.zygote
    GC.start
    fork
  end

  def self.start
    forks = ENV.key?('FAAS_ZYGOTE')
    wire = Wire.new(forks ? nil : File.join(FOLDER, '../libfaas.so'))
    wire.version("ruby#{RUBY_VERSION}")
    zygote(wire) if forks
    Environment.new(wire).run
  end
end

FaasRuntime.start
