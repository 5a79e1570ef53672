'use strict';

/*
 * Serves itself an invocation before the supervisor hears of this blank, so
 * that the code of the first real one is compiled and its parts of Node are
 * loaded.  Blanks are started ahead of demand: here the time costs nobody.
 */

const net = require('net');
const os = require('os');
const path = require('path');

const invoke = require('./invoke.cjs');
const { load } = require('./load.cjs');
const { Connection } = require('./wire.cjs');

const ROUNDS = 3;
const DEADLINE_MS = 1000;


function record(type, body) {
    return Buffer.concat([
        Buffer.from([1, type, 0, 1, body.length >> 8, body.length, 0, 0]),
        body,
    ]);
}


function pair(name, value) {
    return Buffer.concat([Buffer.from([name.length, value.length]),
                          Buffer.from(name + value)]);
}


const request = Buffer.concat([
    record(1, Buffer.from([0, 1, 1, 0, 0, 0, 0, 0])),
    record(4, Buffer.concat([
        pair('FAAS_REQUEST_ID', 'warm'),
        pair('FAAS_DEADLINE_MS', '1795249020000'),
        pair('FAAS_FUNCTION_ARN', 'arn:aws:lambda'),
    ])),
    record(4, Buffer.alloc(0)),
    record(5, Buffer.from('{"headers": {"host": "localhost"}}')),
    record(5, Buffer.alloc(0)),
]);


function serve(limit) {
    return new Promise((resolve) => {
        const name = path.join(os.tmpdir(), `.faas-warm-${process.pid}`);
        const server = net.createServer({ pauseOnConnect: true }, (socket) => {
            new Connection(socket, limit, invoke);
        });

        let client = null;
        let rounds = 0;
        const timer = setTimeout(finish, DEADLINE_MS);

        function finish() {
            clearTimeout(timer);
            client?.destroy();
            server.close(resolve);
        }

        server.on('error', finish);

        server.listen(name, () => {
            client = net.connect(name, () => client.write(request));
            client.on('error', finish);

            /* the answer's last bytes are END_REQUEST, 16 long */

            client.on('data', (chunk) => {
                if (chunk.length >= 16 && chunk[chunk.length - 15] === 3) {
                    if (++rounds === ROUNDS) {
                        finish();
                    } else {
                        client.write(request);
                    }
                }
            });
        });
    });
}


async function warm(limit) {
    const handler = await load(__dirname, 'warm-function.handler');

    invoke.begin({
        handler,
        server: { ref() {}, unref() {} },
        constants: { functionName: 'warm' },
    });

    await serve(limit);

    invoke.reset();
}


module.exports = { warm };
