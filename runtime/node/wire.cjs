'use strict';

/*
 * FastCGI, the responder's side: reads requests from connections of workers
 * and writes answers.  One request at a time on each connection.
 *
 * A small request arrives in one chunk and is read where it is; its answer is
 * put together in one buffer and written by one system call.
 */

const fs = require('fs');
const net = require('net');

const BEGIN = 1, END = 3, PARAMS = 4, STDIN = 5, STDOUT = 6, STDERR = 7;
const STREAM = 64, STREAM_ERROR = 65;       /* ours: see faas_proto.h */
const RECORD = 65528;
const OUT = 65536;
const TAIL = 24;            /* what tail() writes */

/* stages of reading a request */
const AT_BEGIN = 0, AT_PARAMS = 1, AT_STDIN = 2, COMPLETE = 3;

/* functions may replace these of their own module objects */
const writeSync = fs.writeSync;
const { allocUnsafe, concat, from } = Buffer;
const { utf8Write, utf8Slice, latin1Slice } = Buffer.prototype;

/*
 * What is received and what is sent passes through these two.  Neither keeps
 * anything from one event to the next.
 */

const input = Buffer.allocUnsafeSlow(OUT);
const out = Buffer.allocUnsafeSlow(OUT);


/* TO.enqueue(connection) is true if it has taken what it needs of it. */

class Connection {
    constructor(socket, limit, to) {
        this.limit = limit;
        this.to = to;
        this.closed = false;
        this.leaves = 0;        /* 1: the process ends with the answer */
        this.socket = this.attach(socket);
        this.reset(null, 0);

        this.socket.unref();
        this.socket.on('error', () => {});
        this.socket.on('end', () => this.socket.end());
        this.socket.on('close', () => {
            this.closed = true;
        });
    }

    /*
     * Sockets of a server allocate 64 KB for every read.  One that is made
     * with a buffer of its own does not, and takes over the handle; without
     * that (it is not a documented way) all works, with more garbage.
     */

    attach(socket) {
        const handle = socket._handle;

        if (typeof handle?.useUserBuffer !== 'function'
            || socket._server === undefined)
        {
            socket.on('data', (chunk) => this.read(chunk, chunk.length));
            socket.resume();
            return socket;
        }

        const own = new net.Socket({
            handle,
            onread: {
                buffer: input,
                callback: (n, buf) => {
                    this.read(buf, n);
                    return true;
                },
            },
        });

        own._server = socket._server;
        socket._server = null;
        socket._handle = null;
        own.resume();

        return own;
    }

    reset(buf, len) {
        this.stage = AT_BEGIN;
        this.buf = buf;
        this.len = len;
        this.pos = 0;
        this.own = false;       /* buf has room behind len and is ours */
        this.id = 0;
        this.keep = false;
        this.params = this.paramsEnd = 0;
        this.event = this.eventEnd = 0;
    }

    read(chunk, n) {
        if (this.len === 0) {
            this.buf = chunk;
            this.len = n;
            this.parse();

            if (this.buf === input) {
                this.grow(this.len);
            }

        } else {
            this.append(chunk, n);
            this.parse();
        }
    }

    append(chunk, n) {
        const need = this.len + n;

        if (need > 2 * this.limit) {
            this.destroy();
            return;
        }

        if (!this.own || need > this.buf.length) {
            this.grow(need);
        }

        chunk.copy(this.buf, this.len, 0, n);
        this.len = need;
    }

    /* What was read moves to a buffer that stays ours. */

    grow(need) {
        const buf = Buffer.allocUnsafeSlow(Math.max(need, 2 * this.len,
                                                    4096));
        this.buf.copy(buf, 0, 0, this.len);
        this.buf = buf;
        this.own = true;
    }

    parse() {
        if (this.stage === COMPLETE) {
            return;
        }

        while (this.stage !== COMPLETE && !this.closed) {
            const buf = this.buf, pos = this.pos;

            if (this.len - pos < 8) {
                return;
            }

            if (buf[pos] !== 1) {
                this.destroy();
                return;
            }

            const length = buf[pos + 4] << 8 | buf[pos + 5];
            const next = pos + 8 + length + buf[pos + 6];

            if (this.len < next) {
                return;
            }

            if (!this.record(buf[pos + 1], buf[pos + 2] << 8 | buf[pos + 3],
                             pos + 8, length))
            {
                this.destroy();
                return;
            }

            this.pos = next;
        }

        if (this.stage === COMPLETE && this.to.enqueue(this)
            && this.stage === COMPLETE && this.pos === this.len)
        {
            this.buf = null;
        }
    }

    /* One whole record; false if it must not come here. */

    record(type, id, pos, length) {
        if (this.stage === AT_BEGIN) {
            if (type !== BEGIN || length !== 8 || id === 0
                || this.buf[pos] !== 0 || this.buf[pos + 1] !== 1)
            {
                return false;
            }

            this.id = id;
            this.keep = (this.buf[pos + 2] & 1) === 1;
            this.stage = AT_PARAMS;
            return true;
        }

        if (id !== this.id) {
            return false;
        }

        if (this.stage === AT_PARAMS && type === PARAMS) {
            if (length === 0) {
                this.stage = AT_STDIN;
                return true;
            }

            if (this.params === 0) {
                this.params = this.paramsEnd = pos;
            }

            this.paramsEnd = this.join(this.paramsEnd, pos, length);
            return this.paramsEnd - this.params <= this.limit;
        }

        if (this.stage === AT_STDIN && type === STDIN) {
            if (length === 0) {
                this.stage = COMPLETE;
                return true;
            }

            if (this.event === 0) {
                this.event = this.eventEnd = pos;
            }

            this.eventEnd = this.join(this.eventEnd, pos, length);
            return this.eventEnd - this.event <= this.limit;
        }

        return false;
    }

    /* Closes the gap that a record's head leaves in a stream. */

    join(end, pos, length) {
        if (end !== pos) {
            this.buf.copy(this.buf, end, pos, pos + length);
        }

        return end + length;
    }

    text() {
        return this.event === this.eventEnd
               ? '' : utf8Slice.call(this.buf, this.event, this.eventEnd);
    }

    /* The parameters, or null if they are malformed. */

    values() {
        const buf = this.buf, last = this.paramsEnd;
        const v = { requestId: '', deadline: 0, arn: undefined,
                    trace: undefined, client: undefined,
                    identity: undefined };
        let pos = this.params;

        while (pos < last) {
            let nlen = buf[pos++];

            if (nlen > 127) {
                nlen = (nlen & 127) * 16777216 + (buf[pos] << 16
                       | buf[pos + 1] << 8 | buf[pos + 2]);
                pos += 3;
            }

            let vlen = buf[pos++];

            if (vlen > 127) {
                vlen = (vlen & 127) * 16777216 + (buf[pos] << 16
                       | buf[pos + 1] << 8 | buf[pos + 2]);
                pos += 3;
            }

            const end = pos + nlen + vlen;

            if (end > last) {
                return null;
            }

            /* every name is "FAAS_" and then differs soon */

            if (nlen > 12) {
                this.value(v, buf, nlen, buf[pos + 5], pos + nlen, end);
            }

            pos = end;
        }

        return v;
    }

    value(v, buf, nlen, letter, pos, end) {
        switch (nlen) {

        case 13:                                /* FAAS_TRACE_ID */
            if (letter === 84) {
                v.trace = latin1Slice.call(buf, pos, end);
            }
            break;

        case 15:                                /* FAAS_REQUEST_ID */
            if (letter === 82) {
                v.requestId = latin1Slice.call(buf, pos, end);
            }
            break;

        case 16:                                /* FAAS_DEADLINE_MS */
            if (letter === 68) {
                while (pos < end) {
                    v.deadline = v.deadline * 10 + buf[pos++] - 48;
                }
            }
            break;

        case 17:                                /* FAAS_FUNCTION_ARN */
            if (letter === 70) {
                v.arn = latin1Slice.call(buf, pos, end);
            }
            break;

        case 19:                                /* FAAS_CLIENT_CONTEXT */
            if (letter === 67) {
                v.client = utf8Slice.call(buf, pos, end);
            }
            break;

        case 21:                                /* FAAS_COGNITO_IDENTITY */
            if (letter === 67) {
                v.identity = utf8Slice.call(buf, pos, end);
            }
            break;
        }
    }

    /* Log text of the request in hand. */

    log(text) {
        const body = typeof text === 'string' ? from(text) : text;
        const buf = records(STDERR, this.id, body, 0);
        this.send(buf, buf.length);
    }

    /* The answer: LOG if there is any, then TEXT. */

    answer(log, text, status) {
        if ((log.length + text.length) * 3 <= OUT - 64) {
            let pos = 0;

            if (log.length) {
                pos = head(out, pos, STDERR, this.id, 0);
                const n = utf8Write.call(out, log, pos, OUT - pos);
                out[pos - 4] = n >> 8;
                out[pos - 3] = n;
                pos += n;
            }

            if (text.length) {
                pos = head(out, pos, STDOUT, this.id, 0);
                const n = utf8Write.call(out, text, pos, OUT - pos);
                out[pos - 4] = n >> 8;
                out[pos - 3] = n;
                pos += n;
            }

            this.send(out, tail(out, pos, this.id, status,
                                this.leaves));

        } else {
            if (log.length) {
                this.log(log);
            }

            const body = records(STDOUT, this.id, from(text), TAIL);
            tail(body, body.length - TAIL, this.id, status, this.leaves);
            this.send(body, -1);
        }

        this.done();
    }

    /*
     * LEN bytes of BUF, which may be used again at once; -1: all of it, and
     * it may not.  Trying the system call first saves the stream's work.
     */

    send(buf, len) {
        const socket = this.socket;
        let sent = 0;

        if (this.closed) {
            return;
        }

        if (len !== -1 && socket.writableLength === 0) {
            try {
                sent = writeSync(socket._handle.fd, buf, 0, len);
            } catch {
                /* full, or gone: the stream will tell */
            }
        }

        if (sent === len) {
            return;
        }

        socket.write(len === -1 ? buf : from(buf.subarray(sent, len)));
    }

    /*
     * Data of a stream; TYPE is that of one that begins, or null.  Calls BACK
     * when the socket has taken all of it, with an error if the worker has
     * gone.  As long as it does not read, it is that which keeps the event
     * loop alive.
     */

    stream(type, chunk, back) {
        const socket = this.socket;
        let buf = records(STDOUT, this.id, chunk, 0);
        let sent = 0;

        if (this.closed) {
            back(gone());
            return;
        }

        if (type !== null) {
            buf = concat([records(STREAM, this.id, from(type, 'latin1'), 0),
                          buf]);
        }

        if (socket.writableLength === 0) {
            try {
                sent = writeSync(socket._handle.fd, buf, 0, buf.length);
            } catch {
                /* full, or gone: the stream will tell */
            }
        }

        if (sent === buf.length) {
            back();
            return;
        }

        socket.ref();
        socket.write(buf.subarray(sent), (error) => {
            socket.unref();
            back(error ? gone() : null);
        });
    }

    /* The end of a stream, or with ERROR its failure. */

    finish(log, error) {
        if (log.length) {
            this.log(log);
        }

        const buf = records(STREAM_ERROR, this.id, from(error), TAIL);
        tail(buf, buf.length - TAIL, this.id, error === '' ? 0 : 1,
             this.leaves);
        this.send(buf, -1);

        this.done();
    }

    done() {
        if (this.closed) {
            return;
        }

        if (!this.keep) {
            this.socket.end();
            this.closed = true;
            return;
        }

        const rest = this.len - this.pos;

        if (rest === 0) {
            this.reset(null, 0);
            return;
        }

        this.reset(from(this.buf.subarray(this.pos, this.len)), rest);
        setImmediate(() => this.parse());
    }

    /* Calls BACK when everything was written. */

    written(back) {
        if (this.socket.destroyed || this.socket.writableLength === 0) {
            back();
        } else {
            this.socket.once('close', back);
            this.socket.write('', back);
        }
    }

    destroy() {
        this.closed = true;
        this.socket.destroy();
    }
}


/* Whatever it was that a socket has noticed. */

function gone() {
    return Object.assign(new Error('write EPIPE'), { code: 'EPIPE' });
}


function head(buf, pos, type, id, length) {
    buf[pos] = 1;
    buf[pos + 1] = type;
    buf[pos + 2] = id >> 8;
    buf[pos + 3] = id;
    buf[pos + 4] = length >> 8;
    buf[pos + 5] = length;
    buf[pos + 6] = 0;
    buf[pos + 7] = 0;
    return pos + 8;
}


/* The end of STDOUT and of the request; LEAVES: FAAS_END_LEAVES. */

function tail(buf, pos, id, status, leaves) {
    pos = head(buf, pos, STDOUT, id, 0);
    pos = head(buf, pos, END, id, 8);
    buf[pos] = buf[pos + 1] = buf[pos + 2] = 0;
    buf[pos + 3] = status;
    buf[pos + 4] = 0;
    buf[pos + 5] = leaves;
    buf[pos + 6] = buf[pos + 7] = 0;
    return pos + 8;
}


/* BODY in records, with EXTRA bytes of room behind. */

function records(type, id, body, extra) {
    const n = Math.ceil(body.length / RECORD);
    const buf = allocUnsafe(body.length + n * 8 + extra);
    let pos = 0;

    for (let i = 0; i < body.length; i += RECORD) {
        const length = Math.min(RECORD, body.length - i);
        pos = head(buf, pos, type, id, length);
        body.copy(buf, pos, i, i + length);
        pos += length;
    }

    return buf;
}


module.exports = { Connection };
