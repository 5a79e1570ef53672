'use strict';

const there = typeof awslambda;

exports.handler = async () => there;
