'use strict';

/* The function of the conformance suite, in Node.js. */

const { spawn } = require('child_process');
const fs = require('fs');

let calls = 0, running = 0;

class Odd extends Error {
    constructor(message) {
        super(message);
        this.name = 'Odd';
    }
}

const later = (ms) => new Promise((done) => setTimeout(done, ms));
const deep = (n) => deep(n + 1) + 1;

const acts = {
    throw() {
        throw new Odd('an "odd" \u00e9rror');
    },
    async throw_later() {
        await later(1);
        throw new Odd('later');
    },
    exit(event) {
        process.exit(event.code);
    },
    kill() {
        process.abort();
    },
    loop() {
        for (;;) {
            /* void */
        }
    },
    memory() {
        const keep = [];
        for (;;) {
            keep.push(Buffer.alloc(1 << 20, 1));
        }
    },
    stack() {
        return deep(0);
    },
    flood(event) {
        const line = 'x'.repeat(9999);
        for (let n = 0; n < event.lines; n++) {
            process.stdout.write(line + '\n');
        }
        return 'flooded';
    },
    daemon() {
        setInterval(() => {}, 10);
        spawn('/bin/sleep', ['1000'], { stdio: 'ignore' }).unref();
        return calls;
    },
    tmp() {
        fs.appendFileSync('/tmp/kept', 'x');
        return fs.readFileSync('/tmp/kept').length;
    },
    env() {
        return process.env;
    },
    context(event, c) {
        return { id: c.awsRequestId, name: c.functionName,
                 version: c.functionVersion, arn: c.invokedFunctionArn,
                 memory: c.memoryLimitInMB, group: c.logGroupName,
                 stream: c.logStreamName,
                 custom: c.clientContext?.custom ?? null };
    },
    async remaining(event, c) {
        const a = c.getRemainingTimeInMillis();
        await later(50);
        return [a, c.getRemainingTimeInMillis()];
    },
    log(event) {
        process.stdout.write(`out ${event.mark}\n`);
        process.stderr.write(`err ${event.mark}\n`);
        return 'logged';
    },
    async sleep(event) {
        await later(event.ms);
        return [running, calls, process.pid];
    },
};

async function act(event, context) {
    if (event?.requestContext) {
        return { statusCode: 200, body: event.body,
                 headers: { 'content-type': 'application/octet-stream' },
                 isBase64Encoded: event.isBase64Encoded };
    }
    return event?.do ? acts[event.do](event, context) : event;
}

exports.handler = async (event, context) => {
    calls++;
    running++;
    try {
        return await act(event, context);
    } finally {
        running--;
    }
};

exports.stream = awslambda.streamifyResponse(async (event, out) => {
    for (let n = 0; n < event.n; n++) {
        if (event.ms) {
            await later(event.ms);
        }
        out.write(`${n} `);
    }
    out.end();
});
