<?php
/* The function of the conformance suite, in PHP. */

class Odd extends Exception
{
}

$calls = 0;
$running = 0;

function deep(int $n): int
{
    return deep($n + 1) + 1;
}

function act($event, $context)
{
    global $calls, $running;

    if (isset($event['requestContext'])) {
        return ['statusCode' => 200, 'body' => $event['body'],
                'headers' => ['content-type' => 'application/octet-stream'],
                'isBase64Encoded' => $event['isBase64Encoded']];
    }

    switch (is_array($event) ? $event['do'] ?? '' : '') {
    case 'throw':
        throw new Odd("an \"odd\" \u{e9}rror");
    case 'exit':
        exit($event['code']);
    case 'kill':
        return FFI::string(FFI::cast('char *', 8), 1);
    case 'loop':
        for (;;);
    case 'memory':
        for ($keep = [];;) {
            $keep[] = str_repeat('x', 1 << 20);
        }
    case 'stack':
        return deep(0);
    case 'flood':
        $line = str_repeat('x', 9999) . "\n";
        for ($n = 0; $n < $event['lines']; $n++) {
            echo $line;
        }
        return 'flooded';
    case 'daemon':
        proc_open(['/bin/sleep', '1000'], [['file', '/dev/null', 'r'],
                  ['file', '/dev/null', 'w'], ['file', '/dev/null', 'w']],
                  $pipes);
        return $calls;
    case 'tmp':
        file_put_contents('/tmp/kept', 'x', FILE_APPEND);
        clearstatcache();
        return filesize('/tmp/kept');
    case 'env':
        return getenv();
    case 'context':
        return ['id' => $context->getAwsRequestId(),
                'name' => $context->getFunctionName(),
                'version' => $context->getFunctionVersion(),
                'arn' => $context->getInvokedFunctionArn(),
                'memory' => $context->getMemoryLimitInMB(),
                'group' => $context->getLogGroupName(),
                'stream' => $context->getLogStreamName(),
                'custom' => $context->getClientContext()['custom'] ?? null];
    case 'remaining':
        $a = $context->getRemainingTimeInMillis();
        usleep(50000);
        return [$a, $context->getRemainingTimeInMillis()];
    case 'log':
        echo "out {$event['mark']}\n";
        fwrite(STDERR, "err {$event['mark']}\n");
        return 'logged';
    case 'sleep':
        usleep($event['ms'] * 1000);
        return [$running, $calls, posix_getpid()];
    }

    return $event;
}

function handler($event, $context)
{
    global $calls, $running;

    $calls++;
    $running++;

    try {
        return act($event, $context);
    } finally {
        $running--;
    }
}

function stream($event, $context)
{
    for ($n = 0; $n < $event['n']; $n++) {
        if (isset($event['ms'])) {
            usleep($event['ms'] * 1000);
        }
        yield "$n ";
    }
}
