'use strict';

/*
 * Errors as Lambda names and shows them: the classes of the runtime's own,
 * the payload an invoker gets, the text that goes to the log.
 */

const { types } = require('util');


class RuntimeError extends Error {}

function define(name) {
    const c = { [name]: class extends RuntimeError {} }[name];
    c.prototype.name = `Runtime.${name}`;
    return c;
}

const ImportModuleError = define('ImportModuleError');
const HandlerNotFound = define('HandlerNotFound');
const MalformedHandlerName = define('MalformedHandlerName');
const UserCodeSyntaxError = define('UserCodeSyntaxError');
const InvalidWorkingDir = define('InvalidWorkingDir');
const MalformedStreamingHandler = define('MalformedStreamingHandler');
const InvalidStreamingOperation = define('InvalidStreamingOperation');
const NodeJsExit = define('NodeJsExit');
const UnhandledPromiseRejection = define('UnhandledPromiseRejection');


function nodeJsExit() {
    return new NodeJsExit('The Lambda runtime client detected an unexpected '
        + 'Node.js exit code. This is most commonly caused by a Promise that '
        + 'was never settled. For more information, see https://nodejs.org/'
        + 'docs/latest/api/process.html#exit-codes');
}


function unhandledRejection(reason, promise) {
    const e = new UnhandledPromiseRejection(reason);
    e.reason = reason;
    e.promise = promise;
    return e;
}


function isError(value) {
    return types.isNativeError(value)
        || (value && typeof value.name === 'string' && value.name
            && typeof value.message === 'string' && value.message
            && typeof value.stack === 'string' && value.stack);
}


/* The payload; reading what was thrown may itself throw. */

function payload(error) {
    try {
        if (isError(error)) {
            return {
                errorType: error.name?.replaceAll('\x7F', '%7F'),
                errorMessage: error.message?.replaceAll('\x7F', '%7F'),
                trace: error.stack.replaceAll('\x7F', '%7F').split('\n'),
            };
        }

        return {
            errorType: typeof error,
            errorMessage: error.toString(),
            trace: [],
        };

    } catch {
        return {
            errorType: 'handled',
            errorMessage: 'callback called with Error argument, but there was '
                + 'a problem while retrieving one or more of its message, '
                + 'name, and stack',
        };
    }
}


/* The payload as JSON of no more than MAX bytes. */

function brief(error, max) {
    const p = payload(error);
    let json = JSON.stringify(p);

    if (Buffer.byteLength(json) > max) {
        p.errorType = String(p.errorType).slice(0, 100);
        p.errorMessage = String(p.errorMessage).slice(0, max / 20);
        p.trace = [];
        json = JSON.stringify(p);
    }

    return json;
}


function visible(key, value) {
    if (!(value instanceof Error)) {
        return value;
    }

    const out = Object.assign({
        errorType: value.name,
        errorMessage: value.message,
        code: value.code,
    }, value);

    if (typeof value.stack === 'string') {
        out.stack = value.stack.split('\n');
    }

    return out;
}


/* Errors in the log are JSON behind a tab. */

function format(error) {
    const e = error instanceof Error ? error : new Error(error);

    try {
        return '\t' + JSON.stringify(e, visible);
    } catch {
        return '\t' + JSON.stringify(payload(e));
    }
}


module.exports = {
    ImportModuleError,
    HandlerNotFound,
    MalformedHandlerName,
    UserCodeSyntaxError,
    InvalidWorkingDir,
    MalformedStreamingHandler,
    InvalidStreamingOperation,
    nodeJsExit,
    unhandledRejection,
    payload,
    brief,
    format,
};
