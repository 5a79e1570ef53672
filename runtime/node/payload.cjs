'use strict';

/*
 * What an invocation's payloads and headers are made into, and made of; the
 * same however many run at a time.
 */

const errors = require('./errors.cjs');

const ERROR_MAX = 65000;    /* of a stream: FAAS_STREAM_ERROR_MAX */

const stringify = JSON.stringify;
const parse = JSON.parse;


function serialize(value) {
    try {
        const json = stringify(value === undefined ? null : value);
        return json === undefined ? 'null' : json;
    } catch {
        throw new Error('Unable to stringify response body');
    }
}


function failure(error, streams) {
    return streams ? errors.brief(error, ERROR_MAX)
                   : serialize(errors.payload(error));
}


function parseParam(json, name) {
    try {
        return parse(json);
    } catch (e) {
        throw new Error(`Cannot parse ${name} as json: ${e.toString()}`);
    }
}


/* What all kinds of handlers learn of an invocation. */

function describe(context, values) {
    if (values.client) {
        context.clientContext = parseParam(values.client, 'ClientContext');
    }

    if (values.identity) {
        context.identity = parseParam(values.identity, 'CognitoIdentity');
    }
}


module.exports = { describe, failure, serialize };
