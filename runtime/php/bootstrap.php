<?php

/*
 * The PHP runtime: loads a function by its handler string and calls it for
 * each invocation, as Bref's function runtime does.
 *
 * Runs as a zygote (FAAS_ZYGOTE=1, libfaas.so preloaded), which forks blanks
 * that go on in Environment::run(), or started directly as one environment.
 * See README.md for how the supervisor starts it.
 */

declare(strict_types=1);

namespace FaasRuntime;

/* A zygote has no php.ini: extensions that are installed, in this order. */

const EXTENSIONS = ['ffi', 'pcntl', 'posix', 'ctype', 'tokenizer', 'iconv',
    'mbstring', 'fileinfo', 'phar', 'calendar', 'exif', 'ftp', 'gettext',
    'sockets', 'sysvmsg', 'sysvsem', 'sysvshm', 'shmop', 'curl', 'bcmath',
    'gmp', 'intl', 'dom', 'xml', 'simplexml', 'xmlreader', 'xmlwriter', 'xsl',
    'soap', 'zip', 'bz2', 'gd', 'ldap', 'imagick', 'igbinary', 'msgpack',
    'redis', 'memcached', 'apcu', 'mysqlnd', 'pdo', 'mysqli', 'pdo_mysql',
    'pgsql', 'pdo_pgsql', 'sqlite3', 'pdo_sqlite', 'mongodb', 'yaml'];

foreach (EXTENSIONS as $name) {
    if (!extension_loaded($name)
        && file_exists(ini_get('extension_dir') . "/$name.so")) {
        @dl($name);
    }
}

require __DIR__ . '/faas_wire.php';
require __DIR__ . '/faas_log.php';
require __DIR__ . '/faas_context.php';

/* faas_env_error() takes this much */
const ERROR_MAX = 60000;

/* of streams: with the first of these the data begin with a prelude */
const PRELUDE = 'application/vnd.awslambda.http-integration-response';
const STREAM = 'application/octet-stream';

const JSON = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE
             | JSON_PRESERVE_ZERO_FRACTION | JSON_THROW_ON_ERROR;
const JSON_ERRORS = JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE
                    | JSON_INVALID_UTF8_SUBSTITUTE;

/* An error of the runtime's own. */

final class Fault extends \Exception
{
    public function __construct(public readonly string $kind, string $message)
    {
        parent::__construct($message);
    }
}


/* The error payload of what was thrown. */

function error_of(\Throwable $e): array
{
    if ($e instanceof Fault) {
        return ['errorMessage' => $e->getMessage(), 'errorType' => $e->kind,
                'stackTrace' => []];
    }

    $frames = [$e->getFile() . ':' . $e->getLine()];

    foreach ($e->getTrace() as $frame) {
        if (dirname($frame['file'] ?? '') === __DIR__) {
            break;
        }

        $frames[] = sprintf('%s:%d %s%s%s()', $frame['file'] ?? '[internal]',
                            $frame['line'] ?? 0, $frame['class'] ?? '',
                            $frame['type'] ?? '', $frame['function']);
    }

    return ['errorMessage' => $e->getMessage(), 'errorType' => get_class($e),
            'stackTrace' => $frames];
}


/* A file has a scope of its own. */

function load_file(string $__file): mixed
{
    return require $__file;
}


final class Environment
{
    private mixed $handler;

    /* Bref's class, if the function has it: its handlers want no other */
    private bool $bref = false;

    public function __construct(private Wire $wire)
    {
    }

    public function run(): never
    {
        /* libfaas has a handler that ends an idle environment, PHP another */
        $this->wire->lib->signal(15, null);

        $text = $this->wire->init($this->warm(...));

        if ($text === null) {
            exit(0);
        }

        try {
            $settings = json_decode($text, true, 512, JSON_THROW_ON_ERROR);
            $this->setUp($settings);
            $this->handler = $this->load($settings['taskRoot'],
                                         $settings['handler']);
            $this->bref = class_exists('Bref\\Context\\Context');
        } catch (\Throwable $e) {
            $this->failed($e);
            exit(1);
        }

        $this->wire->lib->faas_env_ready();
        $this->wire->lib->faas_env_interruptible();

        while (($invocation = $this->wire->next()) !== null) {
            try {
                $this->answer($invocation);
            } catch (\Throwable $e) {
                $this->answerError($e);
            }

            /* nothing of an invocation is kept while waiting for the next */
            $invocation = $e = null;
        }

        exit(0);
    }

    /* Does what loading and calling a function does; as the Python runtime. */

    public function warm(): void
    {
        $text = '{"headers": {"host": "localhost"}, "a": [1, null, 2.5]}';
        $handler = load_file(__DIR__ . '/warm.php');
        $none = ['event' => $text, 'deadline_ms' => 0, 'request_id' => null,
                 'arn' => null, 'trace_id' => null, 'client_context' => null,
                 'identity' => null, 'content_type' => null];

        for ($i = 0; $i < 5; $i++) {
            $context = new Context($none);
            $context->getRemainingTimeInMillis();
            json_encode($handler($this->decode($none), $context), JSON);
            error_of(new \Exception());
        }
    }

    /* Makes this process the function's. */

    private function setUp(array &$settings): void
    {
        if (!isset($settings['environment'])) {

            /* AWS_LAMBDA_EXEC_WRAPPER: what that has left in them goes */

            $settings['environment'] = getenv();
            $settings['handler'] = getenv('_HANDLER') ?: $settings['handler'];
        }

        $this->wire->environment($settings['environment']);
        redirect($this->wire);
        Context::$settings = $settings;

        if (!@chdir($settings['taskRoot'])) {
            throw new Fault('Runtime.InvalidWorkingDir', 'Cannot enter '
                            . $settings['taskRoot']);
        }

        set_include_path($settings['taskRoot'] . ':/opt/php');
    }

    /*
     * "file.php" returns the function; of "file.function" the file returns an
     * array that has it, or declares it.
     */

    private function load(string $root, string $handler): mixed
    {
        $name = null;
        $file = $handler;

        if (!str_ends_with($handler, '.php')) {
            $dot = strrpos($handler, '.');

            if ($dot === false || $dot === 0
                || $dot === strlen($handler) - 1) {
                throw new Fault('Runtime.MalformedHandlerName', 'Bad handler '
                                . "'$handler': it must be file.php or "
                                . 'file.function');
            }

            $name = substr($handler, $dot + 1);
            $file = substr($handler, 0, $dot) . '.php';
        }

        if (!is_file("$root/$file")) {
            throw new Fault('Runtime.ImportModuleError', "Unable to load "
                            . "'$handler': there is no file '$file'");
        }

        try {
            $value = load_file("$root/$file");
        } catch (\ParseError $e) {
            throw new Fault('Runtime.UserCodeSyntaxError', 'Syntax error in '
                            . $e->getFile() . ', line ' . $e->getLine() . ': '
                            . $e->getMessage());
        }

        if ($name !== null) {
            $value = is_array($value) && isset($value[$name]) ? $value[$name]
                                                              : $name;
        }

        if (is_object($value) && method_exists($value, 'handle')) {
            $value = [$value, 'handle'];
        }

        if (!is_callable($value)) {
            throw new Fault('Runtime.HandlerNotFound', $name !== null
                            ? "Handler '$name' missing in file '$file'"
                            : "File '$file' returns neither a function nor "
                              . 'an object with a method "handle"');
        }

        return $value;
    }

    /* Tells why the function was not loaded. */

    private function failed(\Throwable $e): void
    {
        $error = error_of($e);
        $this->log($error);
        $text = json_encode($error, JSON_ERRORS);

        if (strlen($text) > ERROR_MAX) {
            $error['errorMessage'] = substr($error['errorMessage'], 0, 4000);
            $error['stackTrace'] = [];
            $text = json_encode($error, JSON_ERRORS);
        }

        $this->wire->lib->faas_env_error($text, strlen($text));
    }

    private function log(array $error): void
    {
        $this->wire->log("[ERROR] {$error['errorType']}: "
                         . $error['errorMessage'] . "\n"
                         . implode('', array_map(
                             static fn ($line) => "\t$line\n",
                             $error['stackTrace'])));
    }

    private function answer(array $invocation): void
    {
        $context = new Context($invocation);

        if ($this->bref) {
            $context = new \Bref\Context\Context(
                $context->getAwsRequestId(), $context->getDeadlineMs(),
                $context->getInvokedFunctionArn(), $context->getTraceId()
            );
        }

        $result = ($this->handler)($this->decode($invocation), $context);

        if ($result instanceof \Generator) {
            $this->stream($result);
        } elseif (is_resource($result)) {
            $this->wire->respond((string) stream_get_contents($result, -1, 0));
        } else {
            $this->wire->respond($this->encode($result));
        }
    }

    private function decode(array $invocation): mixed
    {
        $type = $invocation['content_type'];

        if ($type !== null && $type !== 'application/json') {
            return $invocation['event'];
        }

        try {
            return json_decode($invocation['event'], true, 512,
                               JSON_THROW_ON_ERROR);
        } catch (\JsonException $e) {
            throw new Fault('Runtime.UnmarshalError',
                            'Unable to unmarshal input: ' . $e->getMessage());
        }
    }

    private function encode(mixed $value): string
    {
        try {
            return json_encode($value, JSON);
        } catch (\JsonException $e) {
            throw new Fault('Runtime.MarshalError', 'Unable to marshal '
                            . 'response: ' . $e->getMessage());
        }
    }

    private function answerError(\Throwable $e): void
    {
        $error = error_of($e);
        $this->log($error);

        if (!$this->wire->fail(json_encode($error, JSON_ERRORS))) {
            /* more than the end of a stream may have */
            $error['errorMessage'] = substr($error['errorMessage'], 0, 4000);
            $error['stackTrace'] = [];
            $this->wire->fail(json_encode($error, JSON_ERRORS));
        }
    }

    /* Sends what a generator yields, as it comes. */

    private function stream(\Generator $items): void
    {
        $begun = false;

        foreach ($items as $item) {
            $kind = STREAM;

            if (!$begun && is_array($item)) {
                $kind = PRELUDE;
                $item = $this->encode($item) . str_repeat("\0", 8);
            }

            if (!is_string($item)) {
                throw new Fault('Runtime.MarshalError', 'Unable to stream '
                                . 'response: ' . get_debug_type($item)
                                . ' is no string');
            }

            if (!$begun) {
                $this->wire->begin($kind);
                $begun = true;
            }

            if (!$this->wire->write($item)) {
                /* nobody reads any more */
                break;
            }
        }

        if (!$begun) {
            $this->wire->begin(STREAM);
        }

        $this->wire->end();
    }
}


(static function (): void {
    $forks = getenv('FAAS_ZYGOTE') !== false;
    $wire = new Wire(dirname(__DIR__) . '/libfaas.so');
    $environment = new Environment($wire);

    $wire->lib->faas_env_version('php' . PHP_VERSION);

    if (function_exists('pcntl_async_signals')) {
        pcntl_async_signals(true);
    }

    if ($forks) {
        $environment->warm();
        $wire->lib->unsetenv('FAAS_ZYGOTE');
        gc_collect_cycles();
        $wire->lib->faas_zygote_serve_on_next_fork();

        /* returns in blanks only */
        $wire->lib->fork();
    }

    $environment->run();
})();
