'use strict';

/*
 * Response streaming: the global "awslambda" and the stream that a handler
 * writes to, with the semantics of Lambda's own.
 *
 * What is written goes to the connection at once; a write is done when the
 * socket has taken it, so that a client that does not read stops the function.
 */

const { Writable } = require('stream');

const errors = require('./errors.cjs');

const STREAMING = Symbol.for('aws.lambda.runtime.handler.streaming');
const HIGH_WATER_MARK = Symbol.for(
    'aws.lambda.runtime.handler.streaming.highWaterMark');

const PRELUDE = 'application/vnd.awslambda.http-integration-response';
const ZEROS = 8;

const { concat, from, isBuffer } = Buffer;
const stringify = JSON.stringify;
const nothing = Buffer.alloc(0);


class HttpResponseStream {
    static from(stream, prelude) {
        stream.setContentType(PRELUDE);

        const json = stringify(prelude);

        stream._onBeforeFirstWrite = (write) => {
            write(json);
            write(new Uint8Array(ZEROS));
        };

        return stream;
    }
}


function streamifyResponse(handler, options) {
    handler[STREAMING] = 'response';

    if (typeof options?.highWaterMark === 'number') {
        handler[HIGH_WATER_MARK] = parseInt(options.highWaterMark, 10);
    }

    return handler;
}


/* What functions find; they may ask for its absence.  STORE may be none. */

function install(store) {
    const no = process.env.AWS_LAMBDA_NODEJS_NO_GLOBAL_AWSLAMBDA;

    if (no !== '1' && no !== 'true') {
        globalThis.awslambda = {
            ...globalThis.awslambda, streamifyResponse, HttpResponseStream,
            ...(store && { InvokeStore: store }),
        };
    }
}


/* Whether HANDLER is one that streams. */

function streams(handler) {
    const mode = handler[STREAMING];

    if (mode === undefined || mode === null || mode === false) {
        return false;
    }

    if (mode !== 'response') {
        throw new errors.MalformedStreamingHandler(
            'Only response streaming is supported.');
    }

    return true;
}


class ResponseStream extends Writable {
    #connection;
    #flush;
    #type = 'application/octet-stream';
    #written = false;       /* write() was called */
    #begun = false;         /* the worker knows of the stream */

    /* FLUSH sends log text that was written before. */

    constructor(connection, flush, handler) {
        super({ highWaterMark: handler[HIGH_WATER_MARK] });
        this.#connection = connection;
        this.#flush = flush;

        /* a stream that is destroyed is found out when the handler returns */
        this.on('error', () => {});
    }

    setContentType(type) {
        if (this.#written) {
            throw new errors.InvalidStreamingOperation(
                'Cannot set content-type, too late.');
        }

        if (!/^[\x20-\x7e\x80-\xff]{1,255}$/.test(type)) {
            throw new TypeError('Invalid content-type');
        }

        this.#type = String(type);
    }

    write(chunk, encoding, callback) {
        if (typeof chunk !== 'string' && !isBuffer(chunk)
            && chunk?.constructor !== Uint8Array)
        {
            chunk = stringify(chunk);
        }

        if (this.#written) {
            return super.write(chunk, encoding, callback);
        }

        this.#written = true;

        if (typeof this._onBeforeFirstWrite !== 'function') {
            return super.write(chunk, encoding, callback);
        }

        if (typeof encoding === 'function') {
            callback = encoding;
            encoding = undefined;
        }

        const parts = [];

        this._onBeforeFirstWrite((part) => parts.push(from(part)));
        parts.push(typeof chunk === 'string' ? from(chunk, encoding) : chunk);

        return super.write(concat(parts), callback);
    }

    end(chunk, encoding, callback) {
        if (typeof chunk === 'function') {
            return super.end(chunk);
        }

        if (chunk !== undefined && chunk !== null) {
            this.write(chunk, typeof encoding === 'function' ? undefined
                                                             : encoding);
        }

        return super.end(typeof encoding === 'function' ? encoding
                                                        : callback);
    }

    _write(chunk, encoding, done) {
        if (this.#connection === null) {
            done();
            return;
        }

        this.#flush();
        this.#connection.stream(this.#begin(), chunk, done);
    }

    /* The content type, the first time. */

    #begin() {
        if (this.#begun) {
            return null;
        }

        this.#begun = true;
        return this.#type;
    }

    /*
     * The invocation is over, and what is still written goes nowhere.  False
     * if there is no stream: what failed before it began is an ordinary error.
     */

    close(failed) {
        const connection = this.#connection;

        this.#connection = null;

        if (!this.#begun && !failed) {
            connection.stream(this.#begin(), nothing, () => {});
        }

        return this.#begun;
    }
}


module.exports = { ResponseStream, install, streams };
