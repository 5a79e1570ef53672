// A web server as it would run anywhere: requests, a stream of events, and a
// WebSocket that echoes short text messages (RFC 6455).

const crypto = require("node:crypto");
const http = require("node:http");

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

const server = http.createServer((req, res) => {
    if (req.url.startsWith("/events")) {
        res.setHeader("content-type", "text/event-stream");
        let n = 0;
        const timer = setInterval(() => {
            res.write(`data: ${++n}\n\n`);
            if (n === 5) {
                clearInterval(timer);
                res.end();
            }
        }, 500);
        res.on("close", () => clearInterval(timer));
        return;
    }

    res.setHeader("content-type", "text/plain");
    res.end(`${req.method} ${req.url} for ${req.headers["x-forwarded-for"]}\n`);
});

server.on("upgrade", (req, socket) => {
    const accept = crypto.createHash("sha1")
        .update(req.headers["sec-websocket-key"] + GUID).digest("base64");

    socket.on("error", () => socket.destroy());
    socket.write("HTTP/1.1 101 Switching Protocols\r\n" +
                 "Upgrade: websocket\r\nConnection: Upgrade\r\n" +
                 `Sec-WebSocket-Accept: ${accept}\r\n\r\n`);

    let rest = Buffer.alloc(0);
    socket.on("data", (data) => {
        rest = Buffer.concat([rest, data]);

        while (rest.length >= 6) {
            const size = rest[1] & 0x7f;

            if (size > 125) {               // a longer one, or not masked
                socket.end(Buffer.from([0x88, 0]));
                return;
            }
            if (rest.length < 6 + size) {
                return;
            }

            const mask = rest.subarray(2, 6);
            const text = rest.subarray(6, 6 + size).map(
                (byte, i) => byte ^ mask[i % 4]);
            socket.write(Buffer.concat([Buffer.from([rest[0], size]), text]));

            if ((rest[0] & 15) === 8) {     // close
                socket.end();
            }
            rest = rest.subarray(6 + size);
        }
    });
});

server.listen(process.env.PORT);
