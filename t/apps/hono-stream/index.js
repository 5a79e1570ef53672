'use strict';

const fs = require('fs');
const { streamHandle } = require('hono/aws-lambda');
const { streamSSE } = require('hono/streaming');

const app = require('./app.js');


/* The second event is not sent before the test says so. */

app.get('/gated/:name', (c) => streamSSE(c, async (stream) => {
    await stream.writeSSE({ event: 'one', data: 'first' });

    while (!fs.existsSync('/mnt/gate/' + c.req.param('name'))) {
        await stream.sleep(5);
    }

    await stream.writeSSE({ event: 'two', data: 'second' });
}));

exports.handler = streamHandle(app);
