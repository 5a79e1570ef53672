'use strict';

/* What the applications answer with. */

const zlib = require('zlib');

const png = Buffer.from(
    'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGA'
    + 'WjR9awAAAABJRU5ErkJggg==', 'base64');

const text = 'Ein Schüler trinkt 1 € Kaffee ☕, 日本語, 𝄞.\n';

const bytes = Buffer.from(Array.from({ length: 256 }, (_, i) => i));


/* Not random, and not quickly compressed to nothing. */

function lines(size) {
    let out = '';

    for (let i = 0; out.length < size; i++) {
        out += `line ${i} of a long answer, ${(i * 7919) % 10007}\n`;
    }

    return out.slice(0, size);
}


/* Headers that servers know, and often do something about. */

const special = {
    'Server': 'mine',
    'WWW-Authenticate': 'Basic realm="shop"',
    'Last-Modified': 'Mon, 01 Jan 2024 00:00:00 GMT',
    'Expires': 'Thu, 01 Jan 1970 00:00:00 GMT',
    'Cache-Control': 'public, max-age=60',
    'Pragma': 'no-cache',
    'Age': '7',
    'Accept-Ranges': 'bytes',
    'Allow': 'GET, HEAD',
    'Content-Disposition': 'attachment; filename="a b.txt"',
    'Content-Language': 'de',
    'Content-Location': '/special.txt',
    'Content-MD5': 'Q2hlY2sgSW50ZWdyaXR5IQ==',
    'ETag': '"special"',
    'Location': 'relative',
    'Refresh': '5; url=/echo',
    'Retry-After': '120',
    'Status': '418 Teapot',
    'Strict-Transport-Security': 'max-age=1',
    'Via': '1.1 inner',
    'X-Accel-Expires': '60',
    'X-Accel-Limit-Rate': '1000000',
    'Access-Control-Allow-Origin': '*',
};


module.exports = {
    bytes, lines, png, special, text,
    gzip: zlib.gzipSync(text),
};
