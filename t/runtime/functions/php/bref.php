<?php

/* A handler as Bref has it, with what it needs of Bref. */

namespace Bref\Context {

    class Context
    {
        public function __construct(private string $awsRequestId,
                                    private int $deadlineMs,
                                    private string $invokedFunctionArn,
                                    private string $traceId)
        {
        }

        public function getAwsRequestId(): string
        {
            return $this->awsRequestId;
        }
    }
}

namespace Bref\Event {

    interface Handler
    {
        public function handle(mixed $event, \Bref\Context\Context $context);
    }
}

namespace App {

    class Mine implements \Bref\Event\Handler
    {
        public function handle(mixed $event, \Bref\Context\Context $context)
        {
            return [$event, $context->getAwsRequestId()];
        }
    }

    return new Mine();
}
