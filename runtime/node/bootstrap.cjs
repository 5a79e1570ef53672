'use strict';

/*
 * The Node runtime: one environment.  Tells the supervisor that it is a
 * blank, is given a function, loads it and serves invocations.  See README.md
 * for how the supervisor starts it.
 *
 * Descriptors: 0 the listening socket, 1 and 2 the log, 3 the supervisor.
 */

const net = require('net');

const errors = require('./errors.cjs');
const invoke = require('./invoke.cjs');
const { load } = require('./load.cjs');
const many = require('./many.cjs');
const log = require('./log.cjs');
const stream = require('./stream.cjs');
const { warm } = require('./warm.cjs');
const { Connection } = require('./wire.cjs');

const FRAME_MAX = 65536;
const REQUEST_MAX = 6291456;
const ERROR_MAX = 60000;

const exit = process.exit;

let control = null;
let input = Buffer.alloc(0);
let limit = REQUEST_MAX;
let stage = 'blank';        /* then "init", then "ready" */
let serving = invoke;       /* or "many", if the function is declared so */
const target = { enqueue: invoke.enqueue };


function frame(type, payload) {
    if (control === null) {
        return;
    }

    const body = Buffer.from(payload);
    const head = Buffer.alloc(5);

    head.writeUInt32BE(body.length);
    head.write(type, 4, 'latin1');

    control.write(Buffer.concat([head, body]));
}


function onControl(chunk) {
    input = Buffer.concat([input, chunk]);

    while (input.length >= 5) {
        const length = input.readUInt32BE();

        if (length > FRAME_MAX) {
            control.destroy();
            return;
        }

        if (input.length < 5 + length) {
            return;
        }

        const type = String.fromCharCode(input[4]);
        const payload = input.toString('utf8', 5, 5 + length);

        input = input.subarray(5 + length);

        if (type === 'I' && stage === 'blank') {
            stage = 'init';
            init(JSON.parse(payload));

        } else if (type === 'S') {
            serving.end();
        }
    }
}


/*
 * A supervisor that comes after this one finds a loaded function, but has no
 * use for a blank it cannot talk to.
 */

function onControlLost() {
    control = null;

    if (stage === 'blank') {
        exit(0);
    }
}


function setEnvironment(variables) {
    for (const name of Object.keys(process.env)) {
        delete process.env[name];
    }

    Object.assign(process.env, variables);
}


function nameEnvironment() {
    /* "nodejs" is whichever there is; Lambda says which */
    const major = process.versions.node.split('.')[0];

    if (process.env.AWS_EXECUTION_ENV === 'AWS_Lambda_nodejs') {
        process.env.AWS_EXECUTION_ENV += major + '.x';
    }

    if (process.env.NODE_PATH?.startsWith('/opt/nodejs/node_modules:')) {
        process.env.NODE_PATH = `/opt/nodejs/node${major}/node_modules:`
            + process.env.NODE_PATH;
    }

    /* Node read NODE_PATH when it started */
    require('module').Module._initPaths();
}


async function init(settings) {
    /* in JSON each byte of a body may be an escape of six */
    limit = (settings.requestMax || REQUEST_MAX) * 6 + 1048576;

    try {
        if (settings.environment) {
            setEnvironment(settings.environment);
        } else {
            /* AWS_LAMBDA_EXEC_WRAPPER: what that has left in them goes */
            settings.handler = process.env._HANDLER ?? settings.handler;
        }

        nameEnvironment();

        try {
            process.chdir(settings.taskRoot);
        } catch (e) {
            throw new errors.InvalidWorkingDir(e.message);
        }

        if (process.env.AWS_LAMBDA_MAX_CONCURRENCY > 1) {
            serving = many;
            target.enqueue = many.enqueue;
        }

        stream.install(serving.InvokeStore);

        const handler = await load(settings.taskRoot, settings.handler);

        stage = 'ready';
        control?.unref();

        const waiting = serving === many ? invoke.waiting() : undefined;

        serving.begin({
            handler,
            server,
            constants: {
                functionVersion: settings.functionVersion,
                functionName: settings.functionName,
                memoryLimitInMB: String(settings.memoryMB),
                logGroupName: settings.logGroup,
                logStreamName: settings.logStream,
                requestId: undefined,
            },
        }, waiting);

        frame('R', '');

    } catch (e) {
        log.error('Uncaught Exception', e);
        failInit(e, 129);
    }
}


/* Tells why the function was not loaded, and ends. */

function failInit(error, status) {
    frame('E', errors.brief(error, ERROR_MAX));

    if (control === null) {
        exit(status);
    }

    control.end(() => exit(status));
}


function onFatal(what, error, status) {
    log.error(what, error);

    if (stage !== 'ready') {
        failInit(error, status);
        return;
    }

    serving.crash(error, status);
}


log.patch();

Object.defineProperty(process, 'stdin', {
    configurable: true,
    enumerable: true,
    get() {
        const { Readable } = require('stream');
        const stdin = new Readable({ read() { this.push(null); } });
        Object.defineProperty(process, 'stdin', { value: stdin });
        return stdin;
    },
});

process.on('uncaughtException', (error) => {
    onFatal('Uncaught Exception', error, 129);
});

process.on('unhandledRejection', (reason, promise) => {
    onFatal('Unhandled Promise Rejection',
            errors.unhandledRejection(reason, promise), 128);
});

process.on('exit', () => serving.flush());

/* the function may have its own idea of an orderly end */

process.on('SIGTERM', () => {
    if (process.listenerCount('SIGTERM') === 1) {
        serving.end();
    }
});

const server = net.createServer({ pauseOnConnect: true }, (socket) => {
    new Connection(socket, limit, target);
});

server.on('error', (e) => {
    log.raw(`faas: listening socket: ${e.message}\n`);
    exit(1);
});

server.listen({ fd: 0 }, async () => {
    await warm(limit);

    control = new net.Socket({ fd: 3 });
    control.on('data', onControl);
    control.on('error', () => {});
    control.on('close', onControlLost);

    frame('B', process.version);
});
