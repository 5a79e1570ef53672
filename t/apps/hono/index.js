'use strict';

const { handle } = require('hono/aws-lambda');

exports.handler = handle(require('./app.js'));
