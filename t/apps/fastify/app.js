'use strict';

/* A Fastify application that does what services do. */

const crypto = require('crypto');
const querystring = require('querystring');
const fastify = require('fastify');

const data = require('./data.js');

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

const app = fastify({ bodyLimit: 6 * 1024 * 1024 });

app.removeAllContentTypeParsers();
app.addContentTypeParser('*', { parseAs: 'buffer' },
                         (req, body, done) => done(null, body));


function all(url, handler) {
    app.route({ method: METHODS, url, handler });
}


function answer(type, body, headers) {
    return (req, reply) => reply.headers(headers || {}).type(type).send(body);
}


function echo(req, reply) {
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);

    reply.send({
        method: req.method,
        url: req.url,
        query: req.query,
        params: req.params,
        headers: req.headers,
        host: req.hostname,
        body: body.toString('base64'),
    });
}


all('/echo', echo);
all('/echo/*', echo);
all('/users/:id/posts/:post',
    async (req) => ({ method: req.method, params: req.params }));
all('/json', async (req) => ({ got: JSON.parse(String(req.body)) }));
all('/form', async (req) => ({ got: querystring.parse(String(req.body)) }));

all('/digest', async (req) => {
    const body = Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
    const hash = crypto.createHash('sha256').update(body);

    return { size: body.length, sum: hash.digest('hex') };
});

all('/mirror', (req, reply) => {
    reply.type(req.headers['content-type']).send(req.body);
});

all('/special', (req, reply) => {
    reply.headers(data.special).type('text/plain').send('special');
});

all('/status/:code', (req, reply) => {
    reply.code(Number(req.params.code)).send(`status ${req.params.code}`);
});

all('/bare/:code', (req, reply) => {
    reply.code(Number(req.params.code)).send();
});

all('/redirect/:code', (req, reply) => {
    reply.redirect('/echo?from=%C3%A9&x=%2F', Number(req.params.code));
});

all('/cookies', (req, reply) => {
    reply.header('Set-Cookie', 'a=1; HttpOnly; Path=/');
    reply.header('Set-Cookie', 'b=x%20y; Max-Age=60; Secure');
    reply.header('Set-Cookie', 'c=3; SameSite=Lax');
    reply.send({ cookie: req.headers.cookie || null });
});

all('/cookie', (req, reply) => {
    reply.header('Set-Cookie', 'only=one; Path=/').send({});
});

all('/headers', (req, reply) => {
    reply.headers({
        'X-Long': 'v'.repeat(3000), 'X-Number': 5, 'X-Empty': '',
        'X-Camel-CASE': 'a, b', 'X-Utf8': 'gr\u00fcn',
        'Cache-Control': 'no-store', 'X-Colon': 'a: b; c="d"',
        'X-Twice': ['one', 'two'], 'Vary': 'Accept, Origin',
    });
    reply.send('headers');
});

all('/etag', (req, reply) => {
    const tag = '"fixed"';

    reply.header('ETag', tag);

    if (req.headers['if-none-match'] === tag) {
        reply.code(304).send();
        return;
    }

    reply.send(data.text);
});

all('/png', answer('image/png', data.png));
all('/bytes', answer('application/octet-stream', data.bytes));
all('/text', answer('text/plain; charset=utf-8', data.text));
all('/html', answer('text/html; charset=utf-8', '<p>é</p>'));
all('/xml', answer('application/xml', '<a>é</a>'));
all('/gzip', answer('text/plain', data.gzip, { 'Content-Encoding': 'gzip' }));
all('/empty', (req, reply) => reply.send(''));
all('/untyped', (req, reply) => {
    reply.hijack();
    reply.raw.end('no type');
});
all('/big/:size', (req, reply) => {
    reply.type('text/plain').send(data.lines(Number(req.params.size)));
});

all('/chunks', (req, reply) => {
    const stream = require('stream');

    reply.type('text/plain').send(stream.Readable.from(['one\n', 'two\n']));
});

all('/throw', () => {
    throw new Error('thrown');
});

all('/reject', () => Promise.reject(new Error('rejected')));

all('/teapot', () => {
    throw Object.assign(new Error('teapot'), { statusCode: 418 });
});

module.exports = app;
