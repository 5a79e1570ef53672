'use strict';

const serverless = require('serverless-http');

exports.handler = serverless(require('./app.js'), {
    binary: ['image/*', 'application/octet-stream'],
});
