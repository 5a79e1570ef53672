'use strict';

/* The application by itself; prints its port. */

const { serve } = require('@hono/node-server');

/*
 * Without overrideGlobalObjects: false it answers HEAD of a text with 500,
 * and knows no lengths.
 */

serve({
    fetch: require('./app.js').fetch,
    port: Number(process.env.PORT) || 0,
    hostname: '127.0.0.1',
    overrideGlobalObjects: false,
}, (info) => console.log(info.port));
