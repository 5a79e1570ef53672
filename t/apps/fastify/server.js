'use strict';

/* The application by itself; prints its port. */

const app = require('./app.js');

app.listen({ port: Number(process.env.PORT) || 0, host: '127.0.0.1' })
    .then(() => console.log(app.server.address().port));
