'use strict';

/*
 * console, process.stdout and process.stderr: all of it is log text of the
 * current invocation, and of the process itself when there is none.
 */

const fs = require('fs');
const util = require('util');
const { Writable } = require('stream');

const errors = require('./errors.cjs');

const writeSync = fs.writeSync;

/* where text goes while an invocation runs */
let sink = null;
let requestId;

/* several at a time: whose it is, and where it goes */
let whose = null;
let put = null;


function write(text) {
    const owner = whose === null ? null : whose();

    if (owner !== null) {
        put(owner, text);
    } else if (sink !== null) {
        sink(text);
    } else {
        raw(text);
    }
}


/* Descriptor 2 is a pipe of the supervisor. */

function raw(text) {
    const bytes = typeof text === 'string' ? Buffer.from(text) : text;
    let sent = 0;

    while (sent < bytes.length) {
        try {
            sent += writeSync(2, bytes, sent);
        } catch (e) {
            if (e.code !== 'EAGAIN' && e.code !== 'EINTR') {
                return;
            }
        }
    }
}


class LogStream extends Writable {
    constructor(fd) {
        super({ decodeStrings: false });
        this.fd = fd;
        this._type = 'pipe';
        this._isStdio = true;
    }

    _write(chunk, encoding, done) {
        write(typeof chunk === 'string' && encoding && encoding !== 'utf8'
              && encoding !== 'utf-8' ? Buffer.from(chunk, encoding) : chunk);
        done();
    }

    /* nobody may end what others write to */

    end(chunk, encoding, done) {
        if (chunk !== undefined && typeof chunk !== 'function') {
            this.write(chunk, encoding);
        }

        return this;
    }

    destroy() {
        return this;
    }
}


function line(level, message, params) {
    const id = whose === null ? requestId : whose()?.requestId;

    write(`${new Date().toISOString()}\t${id}\t${level}\t`
          + `${util.format(message, ...params)}\n`);
}


function patch() {
    for (const [name, fd] of [['stdout', 1], ['stderr', 2]]) {
        const stream = new LogStream(fd);
        Object.defineProperty(process, name, {
            configurable: true, enumerable: true, get: () => stream,
        });
    }

    const levels = {
        trace: 'TRACE', debug: 'DEBUG', info: 'INFO', log: 'INFO',
        warn: 'WARN', error: 'ERROR', fatal: 'FATAL',
    };

    for (const [name, level] of Object.entries(levels)) {
        console[name] = (message, ...params) => line(level, message, params);
    }
}


function error(what, e) {
    console.error(what, errors.format(e));
}


module.exports = {
    patch,
    error,
    raw,
    set(newSink, id) {
        sink = newSink;
        requestId = id;
    },
    share(newWhose, newPut) {
        whose = newWhose;
        put = newPut;
    },
};
