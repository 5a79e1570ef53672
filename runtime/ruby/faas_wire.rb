# frozen_string_literal: true

# The environment's side of the wire: libfaas.so through Fiddle.
#
# Loaded by bootstrap.rb, in zygotes and environments.  One thread calls
# these, but for log text, which any thread writes.  Fiddle lets other threads
# run while a call sleeps.

require 'fiddle'

module FaasRuntime
  # One invocation; what the request does not have is nil.
  Invocation = Struct.new(:event, :request_id, :arn, :trace_id, :client,
                          :identity, :content_type, :deadline_ms)

  # The functions of faas_env.h.
  class Wire
    OK = 0
    SHUTDOWN = 1
    NEXT = 2

    # faas_invocation_t: seven pairs of pointer and length, then two numbers
    SIZE = 16 * Fiddle::SIZEOF_VOIDP

    FUNCTIONS = {
      version: ['faas_env_version', 1],
      tell_next: ['faas_env_tell_next', 0], init: ['faas_env_init', 2],
      ready: ['faas_env_ready', 0], error: ['faas_env_error', 2],
      next: ['faas_next', 1], respond: ['faas_respond', 2],
      begin: ['faas_stream_begin', 1], write: ['faas_stream_write', 2],
      end: ['faas_stream_end', 0], fail: ['faas_stream_fail', 2],
      log: ['faas_log', 2], flush: ['faas_log_flush', 0],
      trace: ['faas_trace_variable', 1],
      interruptible: ['faas_env_interruptible', 0],
      stand_ins: ['faas_zygote_stand_ins', 0],
      zygote: ['faas_zygote_serve_on_next_fork', 0]
    }.freeze

    # Arguments are pointers and lengths, which are passed alike.
    def initialize(path)
      library = Fiddle.dlopen(path)
      types = [Fiddle::TYPE_VOIDP, Fiddle::TYPE_SIZE_T]

      @functions = FUNCTIONS.transform_values do |name, n|
        Fiddle::Function.new(library[name], types.first(n), Fiddle::TYPE_INT,
                             name: name)
      end

      # its second argument is a pointer, too
      @functions[:init] = Fiddle::Function.new(
        library['faas_env_init'], [Fiddle::TYPE_VOIDP] * 2, Fiddle::TYPE_INT
      )

      @inv = Fiddle::Pointer.malloc(SIZE, Fiddle::RUBY_FREE)
      @next = @functions[:next]
      @respond = @functions[:respond]
      @log = @functions[:log]
      @traced = false
    end

    def version(text) = @functions[:version].call(text)
    def interruptible = @functions[:interruptible].call
    def ready = @functions[:ready].call
    def flush = @functions[:flush].call

    # Makes this process a zygote at its next fork.  Ruby has descriptors, which
    # it closes in the child.
    def zygote
      @functions[:stand_ins].call
      @functions[:zygote].call
    end

    def error(text) = @functions[:error].call(text, text.bytesize)

    # The description of the function, JSON; nil when there will be none.
    # Yields when this blank is the next to be taken.
    def init
      out = Fiddle::Pointer.malloc(2 * Fiddle::SIZEOF_VOIDP,
                                   Fiddle::RUBY_FREE)

      @functions[:tell_next].call
      yield while (rc = @functions[:init].call(out, out + 8)) == NEXT
      return nil unless rc == OK

      address, length = out[0, 16].unpack('QQ')
      Fiddle::Pointer.new(address)[0, length].force_encoding('UTF-8')
    end

    # The next invocation; nil when there will be none.
    def next
      until (rc = @next.call(@inv)) == OK
        return nil if rc == SHUTDOWN || Fiddle.last_error != Errno::EINTR::Errno
      end

      words = @inv[0, SIZE].unpack('Q14q')
      trace(words[7])

      Invocation.new(text(words, 0) || +'', text(words, 2), text(words, 4),
                     text(words, 6), text(words, 8), text(words, 10),
                     text(words, 12), words[14])
    end

    def respond(data) = @respond.call(data, data.bytesize)
    def fail(json) = check(@functions[:fail].call(json, json.bytesize))
    def begin(type) = check(@functions[:begin].call(type))
    def write(data) = check(@functions[:write].call(data, data.bytesize))
    def end = check(@functions[:end].call)

    def log(text)
      @log.call(text, text.bytesize)
      text.bytesize
    end

    private

    # The variable is libfaas's: ENV would keep each value it was ever given.
    def trace(length)
      return if length.zero? && !@traced

      @functions[:trace].call(@inv)
      @traced = !length.zero?
    end

    def text(words, index)
      return nil if words[index + 1].zero?

      Fiddle::Pointer.new(words[index])[0, words[index + 1]]
                     .force_encoding('UTF-8')
    end

    def check(status)
      return status if status == OK

      raise SystemCallError.new(nil, Fiddle.last_error)
    end
  end
end
