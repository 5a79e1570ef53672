<?php

/* See ../../lib/faaslang.py. */

echo "loading\n";

final class Counter
{
    private int $n = 0;

    public function handle($event, $context)
    {
        return ++$this->n;
    }
}

function declared($event)
{
    return ['declared', $event];
}

function stack($event)
{
    return 1 + stack($event);
}

return [
    'echo' => fn ($event) => $event,
    'count' => new Counter(),

    'fail' => function ($event) {
        throw new InvalidArgumentException("no {$event['what']}");
    },

    'type' => fn (int $event) => $event,
    'undefined' => fn ($event) => no_such_function(),
    'warning' => function ($event) {
        return $event['missing'];
    },

    'members' => fn ($event, $context) => [
        'id' => $context->getAwsRequestId(),
        'name' => $context->getFunctionName(),
        'version' => $context->getFunctionVersion(),
        'arn' => $context->getInvokedFunctionArn(),
        'memory' => $context->getMemoryLimitInMB(),
        'group' => $context->getLogGroupName(),
        'stream' => $context->getLogStreamName(),
        'identity' => $context->getIdentity(),
        'client' => $context->getClientContext(),
        'deadline' => $context->getDeadlineMs(),
        'left' => $context->getRemainingTimeInMillis(),
        'trace' => getenv('_X_AMZN_TRACE_ID') ?: null],

    'environment' => fn () => ['env' => getenv(), 'cwd' => getcwd(),
                               'same' => $_ENV == getenv()],

    'logs' => function () {
        echo "to stdout\n";
        fwrite(STDERR, "to stderr\n");
        print "ä\n";

        return 'done';
    },

    'prints' => function () {
        printf("%05d\n", 3);
        fwrite(STDOUT, "stdout\n");
        file_put_contents('php://output', "output\n");
        error_log('error_log');
        ob_start();
        echo 'kept';
        $kept = ob_get_clean();
        var_dump(@ob_end_clean());
        echo "{$kept}\n";
    },

    'hang' => function () {
        echo "hanging\n";
        sleep(30);
    },

    'leave' => function ($event) {
        echo "leaving\n";
        exit($event);
    },

    'fatal' => function () {
        ini_set('memory_limit', '16M');
        str_repeat('x', 100000000);
    },

    'killed' => function () {
        echo "before\n";
        usleep(100000);
        posix_kill(posix_getpid(), SIGKILL);
    },

    'flood' => function ($event) {
        for ($i = 0; $i < $event; $i++) {
            echo str_repeat('x', 1000) . "\n";
        }

        return $event;
    },

    'large' => fn () => str_repeat('x', 5000000),

    'value' => fn ($event) => [
        'text' => "ä\u{2028}😀\"\\\n", 'none' => null, 'list' => [1, [2], []],
        'map' => ['a' => ['b' => 1.5]], 'true' => true, 'bad' => NAN][$event],

    'children' => fn () => shell_exec('ls /proc/self/fd | wc -l; env'),

    'signals' => function ($event) {
        pcntl_signal(SIGUSR1, function () {
            fwrite(STDERR, 'told');
        });
        pcntl_signal(SIGTERM, function () {
            exit(4);
        });
    },

    'random' => fn () => [mt_rand(), rand(), lcg_value(),
                          random_int(0, 1 << 30),
                          array_rand(range(0, 1000000))],

    'raw' => function ($event) {
        $file = fopen('php://memory', 'w+');
        fwrite($file, $event);

        return $file;
    },

    'items' => function ($event) {
        if ($event === 'head') {
            yield ['statusCode' => 201, 'headers' => ['x-a' => 'b']];
        }

        yield 'one';

        if ($event === 'fail') {
            throw new RuntimeException('in the middle');
        }

        yield 'twö';

        if ($event === 'bad') {
            yield 3;
        }
    },
];
