'use strict';

/* An Express application that does what services do. */

const crypto = require('crypto');
const express = require('express');

const data = require('./data.js');

const app = express();


/* Without a body Express has none, or {}. */

function bytes(req) {
    return Buffer.isBuffer(req.body) ? req.body : Buffer.alloc(0);
}


function echo(req, res) {
    res.json({
        method: req.method,
        url: req.originalUrl,
        path: req.path,
        query: req.query,
        params: req.params,
        headers: req.headers,
        host: req.hostname,
        type: req.is('json', 'text/*', 'urlencoded', 'multipart') || null,
        accepts: req.accepts('html', 'json') || null,
        body: bytes(req).toString('base64'),
    });
}


app.all(['/echo', '/echo/*'],
        express.raw({ type: () => true, limit: '6mb' }), echo);

app.all('/users/:id/posts/:post',
        (req, res) => res.json({ method: req.method, params: req.params }));

app.all('/json', express.json({ limit: '6mb' }),
        (req, res) => res.json({ got: req.body }));

app.all('/form', express.urlencoded({ extended: true }),
        (req, res) => res.json({ got: req.body }));

app.all('/digest', express.raw({ type: () => true, limit: '6mb' }),
        (req, res) => {
            const hash = crypto.createHash('sha256').update(bytes(req));
            res.json({ size: bytes(req).length, sum: hash.digest('hex') });
        });

app.all('/mirror', express.raw({ type: () => true, limit: '6mb' }),
        (req, res) => res.type(req.get('content-type')).send(bytes(req)));

app.all('/special', (req, res) => {
    res.set(data.special).type('text/plain').send('special');
});

app.all('/status/:code', (req, res) => {
    res.status(Number(req.params.code)).send(`status ${req.params.code}`);
});

app.all('/bare/:code',
        (req, res) => res.status(Number(req.params.code)).end());

app.all('/redirect/:code', (req, res) => {
    res.redirect(Number(req.params.code), '/echo?from=é&x=%2F');
});

app.get('/cookies', (req, res) => {
    res.cookie('a', '1', { httpOnly: true, path: '/' });
    res.cookie('b', 'x y;z', { expires: new Date(0) });
    res.append('Set-Cookie', 'c=3; SameSite=Lax');
    res.json({ cookie: req.headers.cookie || null });
});

app.get('/cookie', (req, res) => {
    res.cookie('only', 'one').json({});
});

app.get('/headers', (req, res) => {
    res.set({
        'X-Long': 'v'.repeat(3000), 'X-Number': 5, 'X-Empty': '',
        'X-Camel-CASE': 'a, b', 'X-Utf8': 'gr\u00fcn',
        'Cache-Control': 'no-store', 'X-Colon': 'a: b; c="d"',
    });
    res.append('X-Twice', 'one');
    res.append('X-Twice', 'two');
    res.append('Link', '</a>; rel=preload');
    res.append('Link', '</b>; rel=preload');
    res.vary('Accept').vary('Origin').send('headers');
});

app.all('/png', (req, res) => res.type('png').send(data.png));
app.all('/bytes', (req, res) => {
    res.type('application/octet-stream').send(data.bytes);
});
app.all('/text', (req, res) => res.type('text/plain').send(data.text));
app.all('/html', (req, res) => res.send('<p>é</p>'));
app.all('/untyped', (req, res) => res.end('no type'));
app.all('/empty', (req, res) => res.send(''));
app.all('/xml', (req, res) => res.type('application/xml').send('<a>é</a>'));
app.all('/gzip', (req, res) => {
    res.type('text/plain').set('Content-Encoding', 'gzip').send(data.gzip);
});

app.all('/big/:size', (req, res) => {
    res.type('text/plain').send(data.lines(Number(req.params.size)));
});

app.all('/chunks', (req, res) => {
    res.type('text/plain');
    res.write('one\n');
    res.write('two\n');
    res.end('three\n');
});

app.all('/throw', () => {
    throw Object.assign(new Error('thrown'), { status: 500 });
});

app.all('/reject', (req, res, next) => {
    Promise.reject(new Error('rejected')).catch(next);
});

app.all('/teapot', () => {
    throw Object.assign(new Error('teapot'), { status: 418 });
});

/* four arguments make an error handler */
app.use((err, req, res, next) => {
    res.status(err.status || 500).json({ error: err.message });
});

module.exports = app;
