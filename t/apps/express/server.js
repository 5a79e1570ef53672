'use strict';

/* The application by itself; prints its port. */

const server = require('./app.js').listen(
    Number(process.env.PORT) || 0, '127.0.0.1',
    () => console.log(server.address().port));
