<?php

/*
 * The context object of a handler: Bref's, with the rest of AWS Lambda's.
 *
 * Loaded by bootstrap.php, in zygotes and environments.
 */

declare(strict_types=1);

namespace FaasRuntime;

final class Context implements \JsonSerializable
{
    /* the same for all invocations of an environment */
    public static array $settings = [];

    private ?array $client;
    private ?array $identity;

    public function __construct(private array $invocation)
    {
        $this->client = self::parse($invocation['client_context'],
                                    'Client Context');
        $this->identity = self::parse($invocation['identity'],
                                      'Cognito Identity');
    }

    private static function parse(?string $text, string $name): ?array
    {
        if ($text === null) {
            return null;
        }

        try {
            return (array) json_decode($text, true, 512, JSON_THROW_ON_ERROR);
        } catch (\JsonException $e) {
            throw new Fault('Runtime.LambdaContextUnmarshalError',
                            "Unable to parse $name JSON: "
                            . $e->getMessage());
        }
    }

    public function getAwsRequestId(): string
    {
        return $this->invocation['request_id'] ?? '';
    }

    /* milliseconds; Bref's name */

    public function getRemainingTimeInMillis(): int
    {
        return max($this->invocation['deadline_ms']
                   - (int) (microtime(true) * 1000), 0);
    }

    public function getDeadlineMs(): int
    {
        return $this->invocation['deadline_ms'];
    }

    public function getInvokedFunctionArn(): string
    {
        return $this->invocation['arn'] ?? '';
    }

    public function getTraceId(): string
    {
        return $this->invocation['trace_id'] ?? '';
    }

    public function getFunctionName(): string
    {
        return self::$settings['functionName'];
    }

    public function getFunctionVersion(): string
    {
        return self::$settings['functionVersion'];
    }

    public function getMemoryLimitInMB(): string
    {
        return (string) self::$settings['memoryMB'];
    }

    public function getLogGroupName(): string
    {
        return self::$settings['logGroup'];
    }

    public function getLogStreamName(): string
    {
        return self::$settings['logStream'];
    }

    public function getClientContext(): ?array
    {
        return $this->client;
    }

    public function getIdentity(): ?array
    {
        return $this->identity;
    }

    public function jsonSerialize(): array
    {
        return ['awsRequestId' => $this->getAwsRequestId(),
                'deadlineMs' => $this->getDeadlineMs(),
                'invokedFunctionArn' => $this->getInvokedFunctionArn(),
                'traceId' => $this->getTraceId()];
    }
}
