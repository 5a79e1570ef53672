<?php

/*
 * The function's output: what it prints becomes log text of the current
 * invocation.
 *
 * Loaded by bootstrap.php, in zygotes and environments.
 */

namespace FaasRuntime {

    /* What is written to STDOUT and STDERR ends here. */

    final class LogFilter extends \php_user_filter
    {
        public static Wire $wire;

        public function filter($in, $out, &$consumed, bool $closing): int
        {
            while ($bucket = stream_bucket_make_writeable($in)) {
                self::$wire->log($bucket->data);
                $consumed += $bucket->datalen;
            }

            return PSFS_FEED_ME;
        }
    }

    function redirect(Wire $wire): void
    {
        LogFilter::$wire = $wire;
        stream_filter_register('faas.log', LogFilter::class);

        foreach ([STDOUT, STDERR] as $file) {
            stream_filter_append($file, 'faas.log', STREAM_FILTER_WRITE);
        }

        /* a buffer that passes all on at once and cannot be taken away */
        ob_start(static function (string $text) use ($wire): string {
            if ($text !== '') {
                $wire->log($text);
            }

            return '';
        }, 1, 0);

        register_shutdown_function(static function () use ($wire): void {
            $wire->flush();
        });
    }
}

namespace {

    /* PHP's own, which is disabled, would write to the descriptor. */

    function error_log(string $message, int $message_type = 0,
                       ?string $destination = null,
                       ?string $additional_headers = null): bool
    {
        if ($message_type === 3) {
            return file_put_contents($destination ?? '', $message,
                                     FILE_APPEND) !== false;
        }

        if ($message_type === 1) {
            return mail($destination ?? '', 'PHP error_log message', $message,
                        $additional_headers ?? '');
        }

        FaasRuntime\LogFilter::$wire->log($message . "\n");

        return true;
    }
}
