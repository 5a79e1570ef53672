'use strict';

/* A Hono application that does what services do. */

const crypto = require('crypto');
const { Hono } = require('hono');
const cookies = require('hono/cookie');

const data = require('./data.js');

/* Node.js 18 has it in a module only, and Hono needs it. */

globalThis.crypto ??= crypto.webcrypto;

const app = new Hono();


async function echo(c) {
    const url = new URL(c.req.url);

    return c.json({
        method: c.req.method,
        path: url.pathname,
        search: url.search,
        host: url.host,
        query: c.req.queries(),
        headers: c.req.header(),
        body: Buffer.from(await c.req.arrayBuffer()).toString('base64'),
    });
}


async function digest(c) {
    const body = Buffer.from(await c.req.arrayBuffer());
    const hash = crypto.createHash('sha256').update(body);

    return c.json({ size: body.length, sum: hash.digest('hex') });
}


async function form(c) {
    const got = await c.req.parseBody({ all: true });

    for (const [name, value] of Object.entries(got)) {
        if (typeof value.arrayBuffer === 'function') {
            const bytes = Buffer.from(await value.arrayBuffer());
            got[name] = [value.name, value.type, bytes.toString('base64')];
        }
    }

    return c.json({ got });
}


function answer(type, body, headers) {
    return (c) => c.body(body, 200, { 'Content-Type': type, ...headers });
}


app.all('/echo', echo);
app.all('/echo/*', echo);
app.all('/digest', digest);
app.all('/form', form);
app.all('/json', async (c) => c.json({ got: await c.req.json() }));
app.all('/users/:id/posts/:post',
        (c) => c.json({ method: c.req.method, params: c.req.param() }));

app.all('/mirror', async (c) => c.body(await c.req.arrayBuffer(), 200, {
    'Content-Type': c.req.header('Content-Type'),
}));

app.all('/special', (c) => c.text('special', 200, data.special));

app.all('/status/:code', (c) => {
    const code = Number(c.req.param('code'));
    return c.body([204, 304].includes(code) ? null : `status ${code}`, code);
});

app.all('/bare/:code', (c) => c.body(null, Number(c.req.param('code'))));

app.all('/redirect/:code', (c) => {
    return c.redirect('/echo?from=%C3%A9&x=%2F', Number(c.req.param('code')));
});

app.get('/cookies', (c) => {
    cookies.setCookie(c, 'a', '1', { httpOnly: true });
    cookies.setCookie(c, 'b', 'x y;z', { expires: new Date(0) });
    c.header('Set-Cookie', 'c=3; SameSite=Lax', { append: true });
    return c.json({ cookies: cookies.getCookie(c) });
});

app.get('/cookie', (c) => {
    cookies.setCookie(c, 'only', 'one');
    return c.json({});
});

app.get('/headers', (c) => {
    c.header('X-Long', 'v'.repeat(3000));
    c.header('X-Number', '5');
    c.header('X-Empty', '');
    c.header('X-Camel-CASE', 'a, b');
    c.header('X-Utf8', 'gr\u00fcn');
    c.header('Cache-Control', 'no-store');
    c.header('X-Colon', 'a: b; c="d"');
    c.header('X-Twice', 'one', { append: true });
    c.header('X-Twice', 'two', { append: true });
    c.header('Vary', 'Accept, Origin');
    return c.text('headers');
});

app.get('/etag', require('hono/etag').etag(), (c) => c.text(data.text));

app.all('/png', answer('image/png', data.png));
app.all('/bytes', answer('application/octet-stream', data.bytes));
app.all('/text', (c) => c.text(data.text));
app.all('/html', (c) => c.html('<p>é</p>'));
app.all('/untyped', () => new Response(Buffer.from('no type')));
app.all('/empty', (c) => c.text(''));
app.all('/xml', answer('application/xml', '<a>é</a>'));
app.all('/gzip', answer('text/plain', data.gzip,
                        { 'Content-Encoding': 'gzip' }));
app.all('/big/:size', (c) => c.text(data.lines(Number(c.req.param('size')))));

app.all('/chunks', () => new Response(new ReadableStream({
    start(controller) {
        controller.enqueue(Buffer.from('one\n'));
        controller.enqueue(Buffer.from('two\n'));
        controller.close();
    },
}), { headers: { 'Content-Type': 'text/plain' } }));

app.all('/throw', () => {
    throw new Error('thrown');
});

app.all('/reject', () => Promise.reject(new Error('rejected')));

app.all('/teapot', () => {
    throw Object.assign(new Error('teapot'), { status: 418 });
});

app.onError((e, c) => c.json({ error: e.message }, e.status || 500));

module.exports = app;
