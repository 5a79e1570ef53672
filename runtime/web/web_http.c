/*
 * HTTP/1.x answers: see web_http.h.
 *
 * Runs in faas-web, and in the fuzzer.
 */

#include <string.h>
#include <strings.h>

#include "web_http.h"


typedef struct {
    const char  *name;
    size_t       nlen;
    const char  *value;
    size_t       vlen;
} web_line_t;


#define web_is(line, text)                                                    \
    ((line)->nlen == sizeof(text) - 1                                         \
     && strncasecmp((line)->name, text, sizeof(text) - 1) == 0)


static int
web_http_bad(web_answer_t *a, const char *why)
{
    a->error = why;
    a->close = 1;

    return WEB_HTTP_BAD;
}


/* Behind the empty line, or NULL. */

static const char *
web_http_head_end(const char *p, const char *last)
{
    for ( ;; ) {
        p = memchr(p, '\n', last - p);

        if (p == NULL) {
            return NULL;
        }

        p++;

        if (p < last && *p == '\n') {
            return p + 1;
        }

        if (last - p > 1 && p[0] == '\r' && p[1] == '\n') {
            return p + 2;
        }
    }
}


/* "HTTP/1.x 200", of which no more than the number is used */

static int
web_http_status(web_answer_t *a, const char *p, const char *end)
{
    unsigned  i;

    if (end - p < 12 || strncmp(p, "HTTP/1.", 7) != 0
        || (p[7] != '0' && p[7] != '1') || p[8] != ' '
        || (end - p > 12 && p[12] != ' '))
    {
        return web_http_bad(a, "it is not HTTP/1.1");
    }

    a->close = (p[7] == '0');
    a->status = 0;

    for (i = 9; i < 12; i++) {

        if (p[i] < '0' || p[i] > '9') {
            return web_http_bad(a, "its status is not a number");
        }

        a->status = a->status * 10 + (unsigned) (p[i] - '0');
    }

    if (a->status < 100 || a->status > 599) {
        return web_http_bad(a, "its status is not one of HTTP");
    }

    return WEB_HTTP_OK;
}


static int
web_http_line(web_line_t *line, const char *p, const char *end)
{
    const char  *colon, *q;

    colon = memchr(p, ':', end - p);

    if (colon == NULL || colon == p) {
        return WEB_HTTP_BAD;
    }

    for (q = p; q < colon; q++) {
        if (*q <= ' ' || *q > '~' || strchr("()<>@,;\\\"/[]?={}", *q)) {
            return WEB_HTTP_BAD;
        }
    }

    line->name = p;
    line->nlen = colon - p;

    for (p = colon + 1; p < end && (*p == ' ' || *p == '\t'); p++) {
        /* void */
    }

    while (end > p && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }

    for (q = p; q < end; q++) {
        if ((*q >= 0 && *q < ' ' && *q != '\t') || *q == 0x7f) {
            return WEB_HTTP_BAD;
        }
    }

    line->value = p;
    line->vlen = end - p;

    return WEB_HTTP_OK;
}


/* Is TEXT in the list that VALUE is? */

static int
web_http_has(const web_line_t *line, const char *text)
{
    size_t       len;
    const char  *p, *end, *last;

    len = strlen(text);
    last = line->value + line->vlen;

    for (p = line->value; p < last; p = end + 1) {

        while (p < last && (*p == ' ' || *p == '\t')) {
            p++;
        }

        end = memchr(p, ',', last - p);
        end = end ? end : last;

        if ((size_t) (end - p) >= len && strncasecmp(p, text, len) == 0
            && ((size_t) (end - p) == len || p[len] == ' '
                || p[len] == '\t'))
        {
            return 1;
        }
    }

    return 0;
}


static int
web_http_length(web_answer_t *a, const web_line_t *line)
{
    size_t    i;
    uint64_t  n;

    n = 0;

    for (i = 0; i < line->vlen; i++) {

        if (line->value[i] < '0' || line->value[i] > '9' || i == 18) {
            return web_http_bad(a, "its Content-Length is not a number");
        }

        n = n * 10 + (uint64_t) (line->value[i] - '0');
    }

    if (i == 0 || (a->body == WEB_BODY_LENGTH && a->left != n)) {
        return web_http_bad(a, "its Content-Length is not one number");
    }

    if (a->body != WEB_BODY_CHUNKED) {
        a->body = WEB_BODY_LENGTH;
        a->left = n;
    }

    return WEB_HTTP_OK;
}


/*
 * What concerns the connection is used here; 1: the line is for the client.
 * "Status" would be taken for CGI's.
 */

static int
web_http_field(web_answer_t *a, const web_line_t *line)
{
    if (web_is(line, "content-length")) {

        /* there, it is the length of what another method would get */

        return a->status == 304 ? 0 : web_http_length(a, line);
    }

    if (web_is(line, "transfer-encoding")) {

        if (!web_http_has(line, "chunked")
            || line->vlen != sizeof("chunked") - 1)
        {
            return web_http_bad(a, "its Transfer-Encoding is not \"chunked\"");
        }

        a->body = WEB_BODY_CHUNKED;
        return 0;
    }

    if (web_is(line, "connection")) {
        a->close |= web_http_has(line, "close");
        return 0;
    }

    if (web_is(line, "upgrade")) {
        return a->status == 101;
    }

    return !web_is(line, "keep-alive") && !web_is(line, "proxy-connection")
           && !web_is(line, "trailer") && !web_is(line, "te")
           && !web_is(line, "status");
}


static char *
web_http_put(char *to, const web_line_t *line)
{
    memcpy(to, line->name, line->nlen);
    to += line->nlen;
    *to++ = ':';
    *to++ = ' ';
    memcpy(to, line->value, line->vlen);
    to += line->vlen;
    *to++ = '\r';
    *to++ = '\n';

    return to;
}


static char *
web_http_put_status(char *to, unsigned status)
{
    static const char  name[] = "Status: ";

    memcpy(to, name, sizeof(name) - 1);
    to += sizeof(name) - 1;
    *to++ = (char) ('0' + status / 100);
    *to++ = (char) ('0' + status / 10 % 10);
    *to++ = (char) ('0' + status % 10);
    *to++ = '\r';
    *to++ = '\n';

    return to;
}


static char *
web_http_put_length(char *to, uint64_t n)
{
    char        digits[20], *p;
    web_line_t  line;

    p = digits + sizeof(digits);

    do {
        *--p = (char) ('0' + n % 10);
        n /= 10;
    } while (n);

    line.name = "Content-Length";
    line.nlen = sizeof("Content-Length") - 1;
    line.value = p;
    line.vlen = digits + sizeof(digits) - p;

    return web_http_put(to, &line);
}


/* All lines from P on; their copy ends at *TO. */

static int
web_http_lines(web_answer_t *a, const char *p, const char *end, char **to)
{
    int          rc;
    const char  *eol, *next;
    web_line_t   line;

    for ( /* void */ ; p < end; p = next) {
        eol = memchr(p, '\n', end - p);
        next = eol + 1;
        eol -= (eol > p && eol[-1] == '\r');

        if (eol == p) {
            break;
        }

        if (web_http_line(&line, p, eol) != WEB_HTTP_OK) {
            return web_http_bad(a, "a line of its header is malformed");
        }

        rc = web_http_field(a, &line);

        if (rc == WEB_HTTP_BAD) {
            return WEB_HTTP_BAD;
        }

        if (rc) {
            *to = web_http_put(*to, &line);
        }
    }

    return WEB_HTTP_OK;
}


/* The header is complete: where does the body end?  TO gets the rest of it. */

static char *
web_http_framing(web_answer_t *a, int head, char *to)
{
    if (a->body == WEB_BODY_LENGTH && a->status >= 200 && a->status != 204) {
        to = web_http_put_length(to, a->left);
    }

    if (head || a->status < 200 || a->status == 204 || a->status == 304) {
        a->body = WEB_BODY_NONE;
    }

    if (a->body == WEB_BODY_CHUNKED) {
        a->left = 0;
    }

    a->close |= a->body == WEB_BODY_CLOSE;
    a->headed = 1;
    a->chunk = WEB_CHUNK_SIZE;
    a->digits = a->trailer = 0;

    *to++ = '\r';
    *to++ = '\n';

    return to;
}


int
web_http_head(web_answer_t *a, const char *data, size_t len, int head,
    int upgrade, char *to, size_t *size, size_t *used)
{
    char        *start;
    const char  *end, *eol;

    *size = *used = 0;
    a->some |= len != 0;

    end = len ? web_http_head_end(data, data + len) : NULL;

    if (end == NULL) {
        return len < WEB_HEAD_MAX ? WEB_HTTP_AGAIN
                                  : web_http_bad(a, "its header is too large");
    }

    a->body = WEB_BODY_CLOSE;
    a->left = 0;
    eol = memchr(data, '\n', end - data);
    start = to;

    if (web_http_status(a, data, eol > data && eol[-1] == '\r' ? eol - 1
                                                               : eol)
        != WEB_HTTP_OK)
    {
        return WEB_HTTP_BAD;
    }

    to = web_http_put_status(to, a->status);

    if (web_http_lines(a, eol + 1, end, &to) != WEB_HTTP_OK) {
        return WEB_HTTP_BAD;
    }

    *used = end - data;

    if (a->status < 200) {

        if (a->status != 101) {
            return WEB_HTTP_OK;
        }

        if (!upgrade) {
            return web_http_bad(a, "nobody asked for another protocol");
        }
    }

    *size = web_http_framing(a, head, to) - start;

    return WEB_HTTP_OK;
}


static int
web_http_hex(char ch)
{
    if (ch >= '0' && ch <= '9') {
        return ch - '0';
    }

    ch |= 0x20;

    return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}


/* WEB_HTTP_AGAIN: the size ends here. */

static int
web_http_chunk_size(web_answer_t *a, char ch)
{
    int  n;

    n = web_http_hex(ch);

    if (n != -1) {
        a->left = a->left * 16 + (uint64_t) n;
        return ++a->digits < 16 ? WEB_HTTP_OK : WEB_HTTP_BAD;
    }

    return a->digits != 0
           && (ch == '\r' || ch == '\n' || ch == ';' || ch == ' ')
           ? WEB_HTTP_AGAIN : WEB_HTTP_BAD;
}


/* One character of what is around chunks (RFC 9112, section 7.1). */

static int
web_http_chunk(web_answer_t *a, char ch)
{
    int  rc;

    switch (a->chunk) {

    case WEB_CHUNK_SIZE:
        rc = web_http_chunk_size(a, ch);

        if (rc != WEB_HTTP_AGAIN) {
            return rc;
        }

        a->chunk = WEB_CHUNK_EXTENSION;

        /* fall through */

    case WEB_CHUNK_EXTENSION:

        if (ch == '\n') {
            a->chunk = a->left ? WEB_CHUNK_DATA : WEB_CHUNK_TRAILER;
            a->trailer = 0;
            return WEB_HTTP_OK;
        }

        break;

    case WEB_CHUNK_AFTER:

        if (ch == '\n') {
            a->chunk = WEB_CHUNK_SIZE;
            a->digits = 0;
            return WEB_HTTP_OK;
        }

        return ch == '\r' ? WEB_HTTP_OK : WEB_HTTP_BAD;

    case WEB_CHUNK_TRAILER:

        if (ch == '\n') {
            a->chunk = WEB_CHUNK_DONE;
            return WEB_HTTP_OK;
        }

        if (ch != '\r') {
            a->chunk = WEB_CHUNK_TRAILER_LINE;
        }

        break;

    default:                             /* WEB_CHUNK_TRAILER_LINE */

        if (ch == '\n') {
            a->chunk = WEB_CHUNK_TRAILER;
        }

        break;
    }

    /* extensions and trailers are of no use here, and not without an end */

    return ++a->trailer < WEB_HEAD_MAX ? WEB_HTTP_OK : WEB_HTTP_BAD;
}


size_t
web_http_body(web_answer_t *a, const char **pos, const char *last)
{
    size_t  n;

    if (a->body == WEB_BODY_CLOSE) {
        return last - *pos;
    }

    while (a->body == WEB_BODY_CHUNKED && a->chunk != WEB_CHUNK_DATA
           && a->chunk != WEB_CHUNK_DONE && *pos < last)
    {
        if (web_http_chunk(a, *(*pos)++) != WEB_HTTP_OK) {
            (void) web_http_bad(a, "its chunks are malformed");
            return 0;
        }
    }

    if (web_http_done(a) || *pos == last) {
        return 0;
    }

    n = last - *pos;
    n = n < a->left ? n : (size_t) a->left;
    a->left -= n;

    if (a->left == 0 && a->body == WEB_BODY_CHUNKED) {
        a->chunk = WEB_CHUNK_AFTER;
    }

    return n;
}


int
web_http_done(const web_answer_t *a)
{
    return a->body == WEB_BODY_NONE
           || (a->body == WEB_BODY_LENGTH && a->left == 0)
           || (a->body == WEB_BODY_CHUNKED && a->chunk == WEB_CHUNK_DONE);
}
