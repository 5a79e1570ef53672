/* A middy handler, in a module. */

import middy from '@middy/core';
import cors from '@middy/http-cors';
import errorHandler from '@middy/http-error-handler';
import headerNormalizer from '@middy/http-header-normalizer';
import jsonBodyParser from '@middy/http-json-body-parser';


async function order(event) {
    if (event.body.fail) {
        throw new Error('for the log only');
    }

    if (!event.body.item) {
        throw Object.assign(new Error('no item'),
                            { statusCode: 422, expose: true });
    }

    return {
        statusCode: 201,
        headers: { 'Content-Type': 'application/json' },
        body: JSON.stringify({
            item: event.body.item,
            type: event.headers['content-type'],
            custom: event.headers['x-custom-header'],
        }),
    };
}


export const handler = middy()
    .use(headerNormalizer())
    .use(jsonBodyParser())
    .use(cors({ origins: ['https://shop.example', 'https://b.example'],
                credentials: true }))
    .use(errorHandler({ logger: false }))
    .handler(order);
