'use strict';

const { spawnSync } = require('child_process');
const fs = require('fs');

let calls = 0;

console.log('loading');

exports.small = async () => ({ message: 'hello' });
exports.echo = async (event) => event;
exports.count = async () => ++calls;
exports.nested = { deep: { handler: async () => 'deep' } };
exports.notAFunction = 5;

exports.callback = (event, context, callback) => callback(null, event);

exports.callbackLater = (event, context, callback) => {
    setTimeout(() => callback(null, 'first'), 5);
    setTimeout(() => callback(null, 'second'), 15);
    setTimeout(() => {
        exports.late = true;
    }, 40);
};
exports.wasLate = async () => exports.late;

exports.waits = (event, context, callback) => {
    const start = Date.now();
    context.callbackWaitsForEmptyEventLoop = event.waits;
    setTimeout(() => {
        exports.waited = true;
    }, 100);
    exports.waited = false;
    callback(null, 'done');
};

/* one handler for several things: state is shared that way */

exports.many = (event, context, callback) =>
    exports[event.call](event.with, context, callback);

exports.callbackError = (event, context, callback) => {
    callback(new TypeError('by callback'));
};
exports.callbackString = (event, context, callback) => callback('text');
exports.nothing = () => {};
exports.syncResult = () => 'not a promise';

exports.succeed = (event, context) => {
    context.succeed('one');
    context.succeed('two');
    context.fail('three');
};
exports.fail = (event, context) => context.fail(new RangeError('failed'));
exports.failBare = (event, context) => context.fail();
exports.done = (event, context) => context.done(null, { done: true });
exports.thenable = () => ({ then: (ok) => setTimeout(ok, 2, 'thenable') });

exports.throws = () => {
    throw new Error('no way ä');
};
exports.throwsString = async () => {
    throw 'just text';
};
exports.throwsNull = async () => {
    throw null;
};
exports.rejects = async () => {
    const error = new Error('rejected');
    error.name = 'Custom';
    error.code = 42;
    throw error;
};

exports.undefinedResult = async () => undefined;
exports.circle = async () => {
    const o = {};
    o.o = o;
    return o;
};
exports.big = async () => 1n;
exports.functionResult = async () => () => 1;
exports.large = async () => 'ä'.repeat(3000000);

exports.never = async () => new Promise(() => {});
exports.neverPlain = () => new Promise(() => {});

exports.uncaught = async () => {
    setTimeout(() => {
        throw new Error('nobody catches');
    }, 5);
    await new Promise((resolve) => setTimeout(resolve, 1000));
};
exports.unhandled = async () => {
    Promise.reject(new Error('nobody handles'));
    await new Promise((resolve) => setTimeout(resolve, 1000));
};
exports.exits = async (event) => {
    console.log('leaving');
    process.exit(event);
};

exports.context = async (event, context) => ({
    keys: Object.keys(context),
    id: context.awsRequestId,
    name: context.functionName,
    version: context.functionVersion,
    arn: context.invokedFunctionArn,
    memory: context.memoryLimitInMB,
    group: context.logGroupName,
    stream: context.logStreamName,
    left: context.getRemainingTimeInMillis(),
    client: context.clientContext,
    identity: context.identity,
    waits: context.callbackWaitsForEmptyEventLoop,
    trace: process.env._X_AMZN_TRACE_ID,
});

exports.logs = async () => {
    console.log('a %s', 'format', { o: [1] });
    console.info('info');
    console.warn('warn');
    console.error('error');
    console.debug('debug');
    console.trace('trace');
    console.log('two\nlines');
    console.dir([1]);
    process.stdout.write('no newline');
    process.stderr.write(Buffer.from(' bytes\n'));
    process.stdout.write('c3a40a', 'hex');
    await new Promise((resolve) => process.stdout.write('x\n', resolve));
    return [process.stdout.fd, process.stdout.isTTY, process.stdout.writable];
};

exports.logThenHang = async (event) => {
    if (event === 'later') {
        await new Promise((resolve) => setTimeout(resolve, 2));
    }
    console.log('hanging');
    if (event === 'quick') {
        return;
    }
    if (event === 'spin') {
        for (;;);
    }
    await new Promise((resolve) => setTimeout(resolve, 1000000));
};

exports.logMuch = async (event) => {
    for (let i = 0; i < event; i++) {
        console.log('line', i);
    }
};

exports.background = async (event) => {
    if (event === 'start') {
        setInterval(() => calls++, 1);
    }
    return calls;
};

exports.environment = async () => ({
    env: process.env,
    cwd: process.cwd(),
    zone: new Date(0).toString(),
    stdin: await new Promise((resolve) => {
        process.stdin.on('end', () => resolve('end')).resume();
    }),
});

exports.children = async () => {
    const r = spawnSync('/bin/sh', ['-c', 'cat; ls /proc/self/fd | wc -l; env'],
                        { stdio: ['inherit', 'pipe', 'pipe'] });
    return r.stdout.toString() + r.stderr.toString();
};

exports.descriptors = async () => fs.readdirSync('/proc/self/fd')
    .map((f) => {
        try {
            return [f, fs.readlinkSync('/proc/self/fd/' + f)];
        } catch {
            return null;
        }
    });

exports.sigterm = async () => {
    process.on('SIGTERM', () => process.exit(4));
};

exports.dependency = async () => require('onpath').name;

exports.allocate = async () => {
    const keep = [];
    for (;;) {
        keep.push(new Array(100000).fill(keep.length));
    }
};
