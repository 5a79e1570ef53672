'use strict';

/*
 * Invocations: one at a time, first come first; how a handler may end one,
 * and what ends it when the handler does not.
 *
 * "The event loop is empty" is what Node itself says by beforeExit.  For that
 * nothing of ours may keep the loop alive while a handler runs: connections
 * never do, the listening socket does only between invocations.
 */

const errors = require('./errors.cjs');
const log = require('./log.cjs');
const { describe, failure, serialize } = require('./payload.cjs');
const { ResponseStream, streams } = require('./stream.cjs');

const LOG_MAX = 4096;
const QUICK_MS = 20;
const QUICK_TIMES = 8;

const exit = process.exit;
const now = Date.now;
const parse = JSON.parse;

const queue = [];

let handler = null;
let isAsync = false;
let isStreaming = false;
let server = null;
let constants = null;
let trace;

let current = null;         /* the connection that is being served */
let stream = null;          /* what its handler writes to */
let onEmpty = null;         /* what an empty event loop means */
let unref = false;          /* the server does not keep the loop alive */
let ending = false;         /* after this invocation */

/*
 * Log text waits for the answer only if that has come quickly several times:
 * a function that hangs or dies must not take its last words with it.
 */

let text = '';
let textSince = 0;
let quick = 0;


function sink(chunk) {
    if (quick < QUICK_TIMES || typeof chunk !== 'string'
        || now() - textSince > QUICK_MS)
    {
        flush();
        current.log(chunk);
        return;
    }

    if (unref && text === '') {
        setImmediate(flush);
    }

    text += chunk;

    if (text.length > LOG_MAX) {
        flush();
    }
}


function flush() {
    if (text !== '' && current !== null) {
        const part = text;
        text = '';
        current.log(part);
    }
}


/* True if it was begun, and nothing more is needed of what was read. */

function enqueue(connection) {
    if (current !== null || handler === null || queue.length) {
        queue.push(connection);
        return false;
    }

    start(connection);

    return true;
}


function next() {
    while (current === null && queue.length) {
        const connection = queue.shift();

        if (!connection.closed) {
            start(connection);
        }
    }
}


/* Begins to serve with this function. */

function begin(options) {
    handler = options.handler;
    server = options.server;
    constants = options.constants;
    isAsync = handler.constructor?.name === 'AsyncFunction';
    isStreaming = streams(handler);

    next();
}


/* What came before begin(), for another to serve. */

function waiting() {
    return queue.splice(0);
}


/* As before begin(). */

function reset() {
    handler = null;
    quick = 0;
    log.set(null, undefined);
}


process.on('beforeExit', () => {
    if (onEmpty !== null) {
        onEmpty(isAsync ? errors.nodeJsExit() : null);
    }
});


/* While the handler works on its own, an empty loop has to be noticed. */

function detach() {
    if (!unref) {
        unref = true;
        server.unref();
    }

    if (text !== '') {
        setImmediate(flush);
    }
}


/* The only end of an invocation. */

function answer(result, status) {
    const connection = current;
    const logged = text;
    const streamed = stream !== null && stream.close(status !== 0);

    stream = null;
    current = null;
    onEmpty = null;
    text = '';
    log.set(null, constants.requestId);

    quick = now() - textSince > QUICK_MS ? 0 : quick + 1;

    if (unref) {
        unref = false;
        server.ref();
    }

    if (streamed) {
        connection.finish(logged, status === 0 ? '' : result);
    } else {
        connection.answer(logged, result, status);
    }

    if (ending) {
        connection.written(() => exit(0));
        return;
    }

    if (queue.length) {
        setImmediate(next);
    }
}


function fail(error) {
    log.error('Invoke Error', error);
    answer(failure(error, stream !== null), 1);
}


function start(connection) {
    const values = connection.values();

    if (values === null) {
        connection.destroy();
        return;
    }

    current = connection;
    textSince = now();
    log.set(sink, values.requestId);

    /* for console lines between invocations, as on Lambda */
    constants.requestId = values.requestId;

    if (values.trace !== trace) {
        trace = values.trace;

        if (trace === undefined) {
            delete process.env._X_AMZN_TRACE_ID;
        } else {
            process.env._X_AMZN_TRACE_ID = trace;
        }
    }

    if (isStreaming) {
        runStream(connection, values);
    } else {
        run(connection, values);
    }
}


/*
 * Calls the handler.  The first call of any of the functions it gets counts,
 * even while its result waits for an empty event loop.
 */

function run(connection, values) {
    let called = false;

    function done(error, result) {
        if (!called) {
            called = true;
            finish(error, result);
        }
    }

    function succeed(result) {
        done(null, result);
    }

    function failed(error) {
        done(error === undefined || error === null ? 'handled' : error);
    }

    function callback(error, result) {
        if (called) {
            return;
        }

        called = true;

        if ((error !== undefined && error !== null)
            || !context.callbackWaitsForEmptyEventLoop)
        {
            finish(error, result);
            return;
        }

        onEmpty = () => {
            onEmpty = null;
            setImmediate(finish, null, result);
        };
    }

    /* no accessors: they cost more than all the rest */

    const context = {
        callbackWaitsForEmptyEventLoop: true,
        succeed,
        fail: failed,
        done,
        functionVersion: constants.functionVersion,
        functionName: constants.functionName,
        memoryLimitInMB: constants.memoryLimitInMB,
        logGroupName: constants.logGroupName,
        logStreamName: constants.logStreamName,
        clientContext: undefined,
        identity: undefined,
        invokedFunctionArn: values.arn,
        awsRequestId: values.requestId,
        getRemainingTimeInMillis: () => values.deadline - now(),
    };

    onEmpty = done;

    try {
        describe(context, values);

        const result = handler(parse(connection.text()), context, callback);

        if (result && typeof result.then === 'function') {
            result.then(succeed, failed);
        }

    } catch (e) {
        failed(e);
    }

    if (current === connection) {
        detach();
    }
}


/*
 * Calls a handler that streams.  The invocation ends when the handler's
 * promise is fulfilled and its stream has ended, whichever comes last; or when
 * the promise is rejected; or when nothing can happen any more.
 */

function runStream(connection, values) {
    const own = new ResponseStream(connection, flush, handler);
    let returned = false;

    function failed(error) {
        if (stream === own) {
            fail(error);
        }
    }

    function settle() {
        if (!returned || stream !== own) {
            return;
        }

        if (own.writableFinished) {
            answer('', 0);
        } else if (own.destroyed) {
            fail(own.errored ?? 'Response stream is not finished.');
        }
    }

    const context = {
        callbackWaitsForEmptyEventLoop: true,
        functionVersion: constants.functionVersion,
        functionName: constants.functionName,
        memoryLimitInMB: constants.memoryLimitInMB,
        logGroupName: constants.logGroupName,
        logStreamName: constants.logStreamName,
        clientContext: undefined,
        identity: undefined,
        invokedFunctionArn: values.arn,
        awsRequestId: values.requestId,
        getRemainingTimeInMillis: () => values.deadline - now(),
    };

    stream = own;
    own.on('finish', settle);
    own.on('close', settle);

    onEmpty = () => {
        if (own.writableFinished) {
            answer('', 0);
        } else {
            fail(returned ? 'Response stream is not finished.'
                          : errors.nodeJsExit());
        }
    };

    try {
        describe(context, values);

        const result = handler(parse(connection.text()), own, context);

        if (typeof result?.then === 'function') {
            result.then((value) => {
                if (value !== undefined && stream === own) {
                    console.warn('Streaming handlers ignore return values.');
                }

                returned = true;
                settle();
            }, failed);

        } else {
            failed('Streaming does not support non-async handlers.');
        }

    } catch (e) {
        failed(e);
    }

    if (stream === own) {
        detach();
    }
}


function finish(error, result) {
    let json;

    if (error !== undefined && error !== null) {
        fail(error);
        return;
    }

    try {
        json = serialize(result);
    } catch (e) {
        fail(e);
        return;
    }

    answer(json, 0);
}


/* Nobody caught the error: the process has to end. */

function crash(error, status) {
    const connection = current;

    if (connection === null) {
        exit(status);
    }

    connection.leaves = 1;
    answer(failure(error, stream !== null), 1);
    connection.written(() => exit(status));
}


/* Ends the process, after the invocation if one runs. */

function end() {
    if (current === null) {
        exit(0);
    }

    ending = true;
}


module.exports = { begin, crash, end, enqueue, flush, reset, waiting };
