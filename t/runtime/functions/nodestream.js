'use strict';

const fs = require('fs');
const { once } = require('events');
const { Readable } = require('stream');
const { pipeline } = require('stream/promises');

const later = (ms) => new Promise((done) => setTimeout(done, ms));
const head = (out, value) => awslambda.HttpResponseStream.from(out, value);

let kept;

const ways = {
    async pieces(q, out) {
        out.write('a');
        out.write('e9', 'latin1');
        out.write('6869', 'hex');
        out.write(Buffer.from('b'));
        out.write(new Uint8Array([99]));
        out.write({ d: [1] });
        out.write(7);
        console.log('line');
        out.end('e', 'utf8');
    },

    async prelude(q, out) {
        out = head(out, { statusCode: 201, headers: { a: 'b' } });
        out.write('');
        out.end();
    },

    async unwritten(q, out) {
        head(out, { statusCode: 201 }).end();
    },

    async type(q, out) {
        out.setContentType('text/html');
        out.end('x');
    },

    async late(q, out) {
        out.write('x');
        out.setContentType('text/html');
    },

    async badType(q, out) {
        out.setContentType('text/html\r\nx: y');
    },

    async callbacks(q, out) {
        const seen = [];
        await new Promise((done) => out.write('a', done));
        seen.push(out.writableEnded, out.writableFinished);
        await new Promise((done) => out.write('b', 'utf8', done));
        out.on('finish', () => {
            kept = seen;
        });
        await new Promise((done) => out.end(done));
        seen.push(out.writableEnded, out.writableFinished);
    },

    async seen(q, out) {
        out.end(JSON.stringify(kept));
    },

    async endless(q, out) {
        try {
            for (;;) {
                if (!out.write('x'.repeat(65536))) {
                    await once(out, 'drain');
                }
            }
        } catch (e) {
            kept = [e.code, out.destroyed];
            throw e;
        }
    },

    async pipe(q, out) {
        await pipeline(Readable.from(['a', 'b', 'c']), out);
    },

    async brokenPipe(q, out) {
        await pipeline(Readable.from((function* () {
            yield 'a';
            throw new RangeError('source');
        })()), out);
    },

    async destroyed(q, out) {
        out.write('a');
        out.destroy(new RangeError('destroyed'));
    },

    async unfinished(q, out) {
        out.write('a');
    },

    async background(q, out) {
        out.write('a');
        setTimeout(() => out.end('b'), 20);
    },

    async value(q, out) {
        out.end('a');
        return 'ignored';
    },

    neverEnded(q, out) {
        out.write('a');
        return new Promise(() => {});
    },

    neverSettled(q, out) {
        out.end('a');
        return new Promise(() => {});
    },

    async afterEnd(q, out) {
        out.end('a');
        throw new RangeError('after');
    },

    async large(q, out) {
        out.write('a');
        throw new RangeError('x'.repeat(200000));
    },

    async rejection(q, out) {
        out.write('a');
        Promise.reject(new RangeError('nobody'));
        await later(1000);
    },

    async uncaught(q, out) {
        out.write('a');
        setImmediate(() => {
            throw new RangeError('nobody');
        });
        await later(1000);
    },

    async keep(q, out) {
        kept = out;
        out.end('a');
    },

    async useKept(q, out) {
        kept.write('stale');
        kept.end('stale');
        await later(5);
        out.end('fresh');
    },

    async full(q, out) {
        while (out.write('x'.repeat(65536))) { /* void */ }
        fs.writeFileSync(q.mark + '.full', '');
        const drained = once(out, 'drain').then(() => {
            fs.writeFileSync(q.mark + '.drained', '');
        });
        for (let i = 0; i < 50; i++) {
            await new Promise((done) => setImmediate(done));
            await later(1);
        }
        fs.writeFileSync(q.mark + '.turned', '');
        await drained;
        out.end('end');
    },

    /* nothing but what was written keeps the event loop alive */

    async waits(q, out) {
        out.write(Buffer.alloc(q.size, 'x'));
        fs.writeFileSync(q.mark + '.written', '');
        await once(out, 'drain');
        out.end('end');
    },
};

exports.handler = awslambda?.streamifyResponse((event, out, context) => {
    if (event.context) {
        out.write(JSON.stringify([context.awsRequestId, context.succeed,
                                  context.clientContext,
                                  context.getRemainingTimeInMillis() > 0,
                                  out.writableHighWaterMark]));
        out.end();
        return Promise.resolve();
    }

    return ways[event.way](event, out, context);
}, { highWaterMark: 12345 });

exports.sync = awslambda?.streamifyResponse((event, out) => {
    out.write('a');
    out.end();
});

exports.odd = async () => {};
exports.odd[Symbol.for('aws.lambda.runtime.handler.streaming')] = 'request';
