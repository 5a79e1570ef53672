# frozen_string_literal: true

# The context object of a handler, member for member as on AWS Lambda.
#
# Loaded by bootstrap.rb, in zygotes and environments.

module FaasRuntime
  # What a handler gets besides the event.
  class LambdaContext
    attr_reader :aws_request_id, :invoked_function_arn, :deadline_ms,
                :identity, :client_context

    class << self
      # the same for all invocations of an environment
      attr_accessor :settings
    end

    def initialize(invocation)
      @aws_request_id = invocation.request_id
      @invoked_function_arn = invocation.arn
      @deadline_ms = invocation.deadline_ms
      @identity = parse(invocation.identity, 'Cognito Identity')
      @client_context = parse(invocation.client, 'Client Context')
    end

    def function_name = self.class.settings['functionName']
    def function_version = self.class.settings['functionVersion']
    def memory_limit_in_mb = self.class.settings['memoryMB'].to_s
    def log_group_name = self.class.settings['logGroup']
    def log_stream_name = self.class.settings['logStream']

    def get_remaining_time_in_millis
      now = Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
      left = @deadline_ms - now
      left.positive? ? left : 0
    end

    private

    def parse(text, name)
      text && JSON.parse(text)
    rescue JSON::ParserError => e
      raise Fault.new('Runtime.LambdaContextUnmarshalError',
                      "Unable to parse #{name} JSON: #{e.message}")
    end
  end
end
