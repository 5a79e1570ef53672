<?php

/*
 * The environment's side of the wire: libfaas.so through PHP's FFI.
 *
 * Loaded by bootstrap.php, in zygotes and environments.
 */

declare(strict_types=1);

namespace FaasRuntime;

final class Wire
{
    private const HEADER = <<<'C'
        typedef struct {
            const char           *event;
            size_t                event_len;
            const char           *request_id;
            size_t                request_id_len;
            const char           *arn;
            size_t                arn_len;
            const char           *trace_id;
            size_t                trace_id_len;
            const char           *client_context;
            size_t                client_context_len;
            const char           *identity;
            size_t                identity_len;
            const char           *content_type;
            size_t                content_type_len;
            int64_t               deadline_ms;
            int                   streaming;
        } faas_invocation_t;

        void faas_env_version(const char *text);
        void faas_env_tell_next(void);
        void faas_env_interruptible(void);
        int faas_env_init(char **json, size_t *len);
        int faas_env_ready(void);
        int faas_env_error(const char *json, size_t len);
        int faas_next(faas_invocation_t *inv);
        int faas_respond(const char *data, size_t len);
        int faas_stream_begin(const char *type);
        int faas_stream_write(const char *data, size_t len);
        int faas_stream_end(void);
        int faas_stream_fail(const char *json, size_t len);
        void faas_log(const char *text, size_t len);
        void faas_log_flush(void);
        void faas_trace_variable(const faas_invocation_t *inv);
        void faas_zygote_serve_on_next_fork(void);

        int fork(void);
        int clearenv(void);
        int setenv(const char *name, const char *value, int overwrite);
        int unsetenv(const char *name);
        void *signal(int signo, void *handler);
        C;

    private const OK = 0;
    private const SHUTDOWN = 1;
    private const NEXT = 2;

    /* what the request may have besides the event */
    private const PARTS = ['request_id', 'arn', 'trace_id', 'client_context',
                           'identity', 'content_type'];

    public readonly \FFI $lib;
    private \FFI\CData $invocation;
    private \FFI\CData $address;
    private bool $traced = false;

    /*
     * Named even if it was preloaded: of all that is loaded PHP would find the
     * fork() of libc.
     */

    public function __construct(string $path)
    {
        $this->lib = \FFI::cdef(self::HEADER, $path);
        $this->invocation = $this->lib->new('faas_invocation_t');
        $this->address = \FFI::addr($this->invocation);
    }

    /*
     * The function's description, JSON, or null; calls $warm when this blank
     * is the next to be taken.
     */

    public function init(callable $warm): ?string
    {
        $json = $this->lib->new('char *');
        $len = $this->lib->new('size_t');

        $this->lib->faas_env_tell_next();

        while (($rc = $this->lib->faas_env_init(\FFI::addr($json),
                                                \FFI::addr($len)))
               === self::NEXT) {
            $warm();
        }

        return $rc === self::OK ? \FFI::string($json, $len->cdata) : null;
    }

    /* The next invocation by name, or null when there will be none. */

    public function next(): ?array
    {
        do {
            /* a signal came: its handler runs before the next call */
            $rc = $this->lib->faas_next($this->address);
        } while ($rc !== self::OK && $rc !== self::SHUTDOWN);

        if ($rc === self::SHUTDOWN) {
            return null;
        }

        $inv = $this->invocation;
        $result = ['event' => self::text($inv, 'event') ?? '',
                   'deadline_ms' => $inv->deadline_ms];

        foreach (self::PARTS as $name) {
            $result[$name] = self::text($inv, $name);
        }

        if ($this->traced || $result['trace_id'] !== null) {
            $this->trace($result['trace_id']);
        }

        return $result;
    }

    /* getenv() finds what libfaas sets; putenv() keeps each value. */

    private function trace(?string $id): void
    {
        $this->lib->faas_trace_variable($this->address);
        $this->traced = $id !== null;

        if ($this->traced) {
            $_ENV['_X_AMZN_TRACE_ID'] = $_SERVER['_X_AMZN_TRACE_ID'] = $id;
        } else {
            unset($_ENV['_X_AMZN_TRACE_ID'], $_SERVER['_X_AMZN_TRACE_ID']);
        }
    }

    private static function text(\FFI\CData $inv, string $name): ?string
    {
        $len = $inv->{$name . '_len'};

        return $len > 0 ? \FFI::string($inv->$name, $len) : null;
    }

    public function respond(string $data): void
    {
        $this->lib->faas_respond($data, strlen($data));
    }

    /* False when there is more than the end of a stream may have. */

    public function fail(string $json): bool
    {
        return $this->lib->faas_stream_fail($json, strlen($json)) === self::OK;
    }

    public function begin(string $type): void
    {
        $this->lib->faas_stream_begin($type);
    }

    /* False when nobody reads any more. */

    public function write(string $data): bool
    {
        return $this->lib->faas_stream_write($data, strlen($data))
               === self::OK;
    }

    public function end(): void
    {
        $this->lib->faas_stream_end();
    }

    public function log(string $text): void
    {
        $this->lib->faas_log($text, strlen($text));
    }

    public function flush(): void
    {
        $this->lib->faas_log_flush();
    }

    /* Replaces the process's variables. */

    public function environment(array $variables): void
    {
        $this->lib->clearenv();

        foreach ($variables as $name => $value) {
            $this->lib->setenv((string) $name, (string) $value, 1);
        }

        $_ENV = $variables;
        $_SERVER = $variables + ['REQUEST_TIME' => time(),
                                 'argv' => [], 'argc' => 0];
        unset($GLOBALS['argv'], $GLOBALS['argc']);
    }
}
