'use strict';

/* For several invocations at a time: what one does waits for another one. */

const gates = new Map();
let running = 0;
let most = 0;

function gate(name) {
    if (!gates.has(name)) {
        let open;
        const promise = new Promise((resolve) => { open = resolve; });
        gates.set(name, { promise, open });
    }
    return gates.get(name);
}

const ways = {
    /* logs, waits for another one to open its gate, logs again */
    async wait(q) {
        console.log(`before ${q.gate}`);
        await gate(q.gate).promise;
        console.log(`after ${q.gate}`);
        return q.gate;
    },

    async open(q) {
        for (const name of q.gates) {
            gate(name).open();
        }
        return 'opened';
    },

    async most() {
        return most;
    },

    async store(q) {
        const store = awslambda.InvokeStore;
        store.set('mine', q.gate);
        await gate(q.gate).promise;
        return [store.getRequestId(), store.getXRayTraceId(),
                store.get('mine')];
    },

    async fail(q) {
        await gate(q.gate).promise;
        throw new RangeError(`failed ${q.gate}`);
    },

    async crash() {
        setImmediate(() => { throw new Error('nobody catches it'); });
        await new Promise(() => {});
    },

    async context(q, context) {
        await gate(q.gate).promise;
        return [context.awsRequestId, context.clientContext ?? null,
                typeof context.getRemainingTimeInMillis(),
                context.callbackWaitsForEmptyEventLoop, 'done' in context];
    },
};

exports.handler = async (q, context) => {
    running++;
    most = Math.max(most, running);
    try {
        return await ways[q.do](q, context);
    } finally {
        running--;
    }
};

exports.callback = (q, context, callback) => {
    if (q.gate) {
        gate(q.gate).promise.then(() => callback(q.fail ? new Error('no')
                                                        : null, q.gate));
    } else if (q.gates) {
        q.gates.forEach((name) => gate(name).open());
        callback(null, 'opened');
    }
};

exports.plain = () => 'ignored';

exports.stream = awslambda.streamifyResponse(async (q, out) => {
    if (q.gates) {
        q.gates.forEach((name) => gate(name).open());
    } else {
        out.write(`one ${q.gate} `);
        await gate(q.gate).promise;
        console.log(`streams ${q.gate}`);
        if (q.fail) {
            throw new Error('in the middle');
        }
        out.write(`two ${q.gate}`);
    }
    out.end();
});
