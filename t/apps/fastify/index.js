'use strict';

const awsLambdaFastify = require('@fastify/aws-lambda');

exports.handler = awsLambdaFastify(require('./app.js'), {
    binaryMimeTypes: ['image/png', 'application/octet-stream'],
});
