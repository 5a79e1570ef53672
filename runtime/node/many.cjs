'use strict';

/*
 * Several invocations at a time in one event loop (contract, section 1.7), for
 * functions that declare it by environment_concurrency; in the place of
 * invoke.cjs, with the same interface.
 *
 * Whose code it is that logs is known by asynchronous context.  That slows
 * down every promise, so it is not used before two invocations overlap: the
 * one that was alone until then stays the one without a context.
 *
 * An empty event loop means nothing here: another invocation may be what one
 * of them waits for.
 */

const { AsyncLocalStorage } = require('async_hooks');

const log = require('./log.cjs');
const { describe, failure, serialize } = require('./payload.cjs');
const { ResponseStream, streams } = require('./stream.cjs');

const exit = process.exit;
const now = Date.now;
const parse = JSON.parse;

const REQUEST_ID = Symbol.for('_AWS_LAMBDA_REQUEST_ID');
const TRACE_ID = Symbol.for('_AWS_LAMBDA_X_RAY_TRACE_ID');
const TENANT_ID = Symbol.for('_AWS_LAMBDA_TENANT_ID');

const storage = new AsyncLocalStorage();
const open = new Set();

let handler = null;
let isStreaming = false;
let constants = null;

let overlapped = false;     /* contexts are in use */
let alone = null;           /* the one that has none */
let ending = false;         /* after these invocations */


class Invocation {
    constructor(connection, values) {
        this.connection = connection;
        this.values = values;
        this.requestId = values.requestId;
        this.over = false;
        this.returned = false;      /* of one that streams */
        this.stream = null;
        this.store = null;          /* what the function keeps with it */
    }
}


/* Whose code runs; null: nobody's who still waits for an answer. */

function current() {
    const inv = overlapped ? storage.getStore() : undefined;

    if (inv === undefined) {
        return alone;
    }

    return inv.over ? null : inv;
}


function within(inv, run, ...values) {
    return overlapped ? storage.run(inv, run, inv, ...values)
                      : run(inv, ...values);
}


function sink(inv, chunk) {
    inv.connection.log(chunk);
}


/* Begins to serve; WAITING has what came before. */

function begin(options, waiting) {
    handler = options.handler;
    constants = options.constants;
    isStreaming = streams(handler);

    log.share(current, sink);

    waiting.filter((connection) => !connection.closed).forEach(enqueue);
}


/* True: nothing more is needed of what was read. */

function enqueue(connection) {
    const values = connection.values();

    if (values === null) {
        connection.destroy();
        return true;
    }

    const inv = new Invocation(connection, values);
    const event = connection.text();

    open.add(inv);

    if (open.size > 1) {
        overlapped = true;
    }

    if (!overlapped) {
        alone = inv;
    }

    within(inv, start, event);

    return true;
}


function contextOf(inv) {
    const values = inv.values;

    return {
        callbackWaitsForEmptyEventLoop: false,
        functionVersion: constants.functionVersion,
        functionName: constants.functionName,
        memoryLimitInMB: constants.memoryLimitInMB,
        logGroupName: constants.logGroupName,
        logStreamName: constants.logStreamName,
        clientContext: undefined,
        identity: undefined,
        invokedFunctionArn: values.arn,
        awsRequestId: values.requestId,
        xRayTraceId: values.trace,
        getRemainingTimeInMillis: () => values.deadline - now(),
    };
}


function start(inv, event) {
    try {
        const context = contextOf(inv);

        describe(context, inv.values);

        if (isStreaming) {
            startStream(inv, parse(event), context);
        } else {
            call(inv, parse(event), context);
        }

    } catch (e) {
        fail(inv, e);
    }
}


function call(inv, event, context) {
    const result = handler(event, context, (error, value) => {
        if (error !== undefined && error !== null) {
            fail(inv, error);
        } else {
            succeed(inv, value);
        }
    });

    if (result && typeof result.then === 'function') {
        result.then((value) => succeed(inv, value),
                    (error) => fail(inv, error));

    } else if (handler.length < 3) {
        /* it has no callback to call later */
        succeed(inv, null);
    }
}


function startStream(inv, event, context) {
    const own = new ResponseStream(inv.connection, () => {}, handler);

    inv.stream = own;
    own.on('finish', () => settle(inv));
    own.on('close', () => settle(inv));

    const result = handler(event, own, context);

    if (typeof result?.then !== 'function') {
        fail(inv, 'Streaming does not support non-async handlers.');
        return;
    }

    result.then((value) => {
        if (value !== undefined && !inv.over) {
            console.warn('Streaming handlers ignore return values.');
        }

        inv.returned = true;
        settle(inv);

    }, (error) => fail(inv, error));
}


/* A stream has ended, or its handler: when both have, all is over. */

function settle(inv) {
    if (!inv.returned || inv.over) {
        return;
    }

    if (inv.stream.writableFinished) {
        answer(inv, '', 0);
    } else if (inv.stream.destroyed) {
        fail(inv, inv.stream.errored ?? 'Response stream is not finished.');
    }
}


function succeed(inv, value) {
    let json;

    try {
        json = inv.over ? '' : serialize(value);
    } catch (e) {
        fail(inv, e);
        return;
    }

    answer(inv, json, 0);
}


function fail(inv, error) {
    if (!inv.over) {
        within(inv, () => log.error('Invoke Error', error ?? 'handled'));
        answer(inv, failure(error ?? 'handled', inv.stream !== null), 1);
    }
}


/* The only end of an invocation; what ends it first counts. */

function answer(inv, result, status) {
    const connection = inv.connection;

    if (inv.over) {
        return;
    }

    inv.over = true;
    open.delete(inv);

    if (alone === inv) {
        alone = null;
    }

    if (inv.stream !== null && inv.stream.close(status !== 0)) {
        connection.finish('', status === 0 ? '' : result);
    } else {
        connection.answer('', result, status);
    }

    if (ending && open.size === 0) {
        connection.written(() => exit(0));
    }
}


/* Nobody caught the error, of whomever it was: the process has to end. */

function crash(error, status) {
    const connections = [...open].map((inv) => inv.connection);
    let left = connections.length;

    for (const inv of [...open]) {
        inv.connection.leaves = 1;
        answer(inv, failure(error, inv.stream !== null), 1);
    }

    if (left === 0) {
        exit(status);
    }

    for (const connection of connections) {
        connection.written(() => --left || exit(status));
    }
}


/* Ends the process, after the invocations that run. */

function end() {
    if (open.size === 0) {
        exit(0);
    }

    ending = true;
}


/* What libraries ask for in the place of process.env, by Lambda's names. */

const InvokeStore = {
    PROTECTED_KEYS: { REQUEST_ID, X_RAY_TRACE_ID: TRACE_ID, TENANT_ID },

    getContext() {
        const inv = current();

        if (inv !== null && inv.store === null) {
            inv.store = { [REQUEST_ID]: inv.requestId,
                          [TRACE_ID]: inv.values.trace };
        }

        return inv?.store ?? undefined;
    },

    hasContext() {
        return current() !== null;
    },

    get(key) {
        return this.getContext()?.[key];
    },

    set(key, value) {
        if (Object.values(this.PROTECTED_KEYS).includes(key)) {
            throw new Error('Cannot modify protected Lambda context field: '
                            + String(key));
        }

        const context = this.getContext();

        if (context !== undefined) {
            context[key] = value;
        }
    },

    getRequestId() {
        return this.get(REQUEST_ID) ?? '-';
    },

    getXRayTraceId() {
        return this.get(TRACE_ID);
    },

    getTenantId() {
        return this.get(TENANT_ID);
    },
};


/* Nothing waits in memory: text is sent as it is written. */

function flush() {
}


module.exports = { InvokeStore, begin, crash, end, enqueue, flush };
