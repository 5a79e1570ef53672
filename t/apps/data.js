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


module.exports = { bytes, lines, png, text, gzip: zlib.gzipSync(text) };
