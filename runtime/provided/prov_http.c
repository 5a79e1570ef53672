/*
 * HTTP/1.1, a server's side; see prov_http.h.  libevent's evhttp does not tell
 * a body that was cut from a client that left, answers what is too large by
 * itself, and mixes trailers with headers.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <string.h>
#include <strings.h>

#include "prov_http.h"


typedef struct {
    const char     *name;
    size_t          len;
    int             header;                   /* -1: not by its name alone */
    int             trailer;
} prov_name_t;


#define prov_name(s, h, t)  { s, sizeof(s) - 1, h, t }


static const prov_name_t  prov_names[] = {
    prov_name("lambda-runtime-function-error-type", PROV_H_ERROR_TYPE,
              PROV_T_ERROR_TYPE),
    prov_name("lambda-runtime-function-error-body", -1, PROV_T_ERROR_BODY),
    prov_name("lambda-runtime-function-xray-error-cause", PROV_H_XRAY_CAUSE,
              -1),
    prov_name("lambda-runtime-function-response-mode", PROV_H_RESPONSE_MODE,
              -1),
    prov_name("content-type", PROV_H_CONTENT_TYPE, -1),
    prov_name("lambda-extension-name", PROV_H_EXT_NAME, -1),
    prov_name("lambda-extension-identifier", PROV_H_EXT_ID, -1),
    prov_name("lambda-extension-function-error-type", PROV_H_EXT_ERROR, -1),
    prov_name("lambda-extension-accept-feature", PROV_H_EXT_FEATURE, -1)
};


void
prov_http_init(prov_http_t *h)
{
    memset(h, 0, sizeof(prov_http_t));
}


static int
prov_is(const char *p, size_t len, const char *word)
{
    return len == strlen(word) && strncasecmp(p, word, len) == 0;
}


/* Is WORD one of the words of a list with commas? */

static int
prov_has(const char *p, size_t len, const char *word)
{
    size_t       n;
    const char  *end, *comma;

    for (end = p + len; p < end; p = comma + 1) {
        comma = memchr(p, ',', end - p);
        comma = comma ? comma : end;

        while (p < comma && (*p == ' ' || *p == '\t')) {
            p++;
        }

        for (n = comma - p; n > 0 && (p[n - 1] == ' ' || p[n - 1] == '\t');
             n--)
        {
            /* void */
        }

        if (prov_is(p, n, word)) {
            return 1;
        }
    }

    return 0;
}


static int
prov_content_length(prov_http_t *h, const char *p, size_t len)
{
    size_t    i;
    uint64_t  n;

    if (len == 0 || len > 18) {
        return PROV_HTTP_BAD;
    }

    for (i = 0, n = 0; i < len; i++) {

        if (p[i] < '0' || p[i] > '9') {
            return PROV_HTTP_BAD;
        }

        n = n * 10 + (p[i] - '0');
    }

    /* two lengths that differ: somebody else may believe the other one */

    if (h->length && h->left != n) {
        return PROV_HTTP_BAD;
    }

    h->length = 1;
    h->left = n;

    return PROV_HTTP_AGAIN;
}


static int
prov_http_value(prov_http_t *h, const char *name, size_t nlen, const char *v,
    size_t vlen)
{
    if (prov_is(name, nlen, "content-length")) {
        return prov_content_length(h, v, vlen);
    }

    if (prov_is(name, nlen, "transfer-encoding")) {

        if (!prov_is(v, vlen, "chunked")) {
            return PROV_HTTP_BAD;
        }

        h->chunked = 1;

    } else if (prov_is(name, nlen, "connection")) {

        if (prov_has(v, vlen, "close")) {
            h->keep = 0;

        } else if (prov_has(v, vlen, "keep-alive")) {
            h->keep = 1;
        }

    } else if (prov_is(name, nlen, "expect")) {
        h->expect = prov_is(v, vlen, "100-continue");
    }

    return PROV_HTTP_AGAIN;
}


/* One line "name: value" of BUF, without its end. */

static int
prov_http_line(prov_http_t *h, char *buf, size_t off, size_t len, int trailer)
{
    int           to;
    char         *p, *colon;
    size_t        i, nlen, vlen;

    p = buf + off;
    colon = memchr(p, ':', len);

    if (colon == NULL || colon == p || colon[-1] == ' ' || colon[-1] == '\t')
    {
        return PROV_HTTP_BAD;
    }

    nlen = colon - p;
    off += nlen + 1;
    vlen = len - nlen - 1;

    while (vlen && (buf[off] == ' ' || buf[off] == '\t')) {
        off++;
        vlen--;
    }

    while (vlen && (buf[off + vlen - 1] == ' '
                    || buf[off + vlen - 1] == '\t'))
    {
        vlen--;
    }

    for (i = 0; i < sizeof(prov_names) / sizeof(prov_name_t); i++) {

        if (prov_names[i].len == nlen
            && strncasecmp(prov_names[i].name, p, nlen) == 0)
        {
            to = trailer ? prov_names[i].trailer : prov_names[i].header;

            if (to != -1) {
                h->h[to].off = off;
                h->h[to].len = vlen;
            }

            return PROV_HTTP_AGAIN;
        }
    }

    return trailer ? PROV_HTTP_AGAIN
                   : prov_http_value(h, p, nlen, buf + off, vlen);
}


/* Lines from OFF up to END, the last of which is empty. */

static int
prov_http_lines(prov_http_t *h, char *buf, size_t off, size_t end, int trailer)
{
    char      *p;
    size_t     len;
    unsigned   n;

    for (n = 0; off < end; off = p - buf + 1) {
        p = memchr(buf + off, '\n', end - off);

        if (p == NULL) {
            return PROV_HTTP_BAD;
        }

        len = p - buf - off;

        if (len && buf[off + len - 1] == '\r') {
            len--;
        }

        if (len == 0) {
            return PROV_HTTP_AGAIN;
        }

        if (++n > PROV_HEADERS_MAX
            || prov_http_line(h, buf, off, len, trailer) == PROV_HTTP_BAD)
        {
            return PROV_HTTP_BAD;
        }
    }

    return PROV_HTTP_AGAIN;
}


static int
prov_http_request_line(prov_http_t *h, char *buf, char *eol)
{
    char    *path, *version;
    size_t   len;

    path = memchr(buf, ' ', eol - buf);

    if (path == NULL) {
        return PROV_HTTP_BAD;
    }

    len = path - buf;
    h->method = (len == 3 && memcmp(buf, "GET", 3) == 0) ? PROV_GET
                : (len == 4 && memcmp(buf, "POST", 4) == 0) ? PROV_POST
                : (len == 3 && memcmp(buf, "PUT", 3) == 0) ? PROV_PUT
                : PROV_OTHER;

    path++;
    version = memchr(path, ' ', eol - path);

    if (version == NULL || version == path || eol - version < 9
        || memcmp(version + 1, "HTTP/1.", 7) != 0)
    {
        return PROV_HTTP_BAD;
    }

    h->keep = version[8] != '0';
    h->path.off = path - buf;
    h->path.len = version - path;

    return PROV_HTTP_AGAIN;
}


/* Where the head ends, or NULL: an empty line, with "\r" or without. */

static char *
prov_http_head_end(prov_http_t *h, char *buf, size_t len)
{
    char  *p, *last;

    last = buf + len;

    for (p = buf + h->scanned; p < last; p++) {
        p = memchr(p, '\n', last - p);

        if (p == NULL) {
            break;
        }

        if (p + 1 < last && p[1] == '\n') {
            return p + 2;
        }

        if (p + 2 < last && p[1] == '\r' && p[2] == '\n') {
            return p + 3;
        }
    }

    h->scanned = len > 2 ? len - 2 : 0;

    return NULL;
}


int
prov_http_head(prov_http_t *h, char *buf, size_t len)
{
    char  *end, *eol;

    end = prov_http_head_end(h, buf, len);

    if (end == NULL) {
        return len >= PROV_HEAD_MAX ? PROV_HTTP_LARGE : PROV_HTTP_AGAIN;
    }

    eol = memchr(buf, '\n', end - buf);

    if (prov_http_request_line(h, buf, eol) == PROV_HTTP_BAD
        || prov_http_lines(h, buf, eol + 1 - buf, end - buf, 0)
           == PROV_HTTP_BAD)
    {
        return PROV_HTTP_BAD;
    }

    if (h->chunked && h->length) {
        return PROV_HTTP_BAD;
    }

    h->head_len = end - buf;
    h->body = h->body_end = h->trailer_end = h->pos = h->head_len;

    return PROV_HTTP_DONE;
}


/* Moves N bytes of content down to the rest of the body, if they are kept. */

static void
prov_http_keep(prov_http_t *h, char *buf, size_t n, uint64_t max)
{
    if (h->total + n <= max) {

        if (h->body_end != h->pos) {
            memmove(buf + h->body_end, buf + h->pos, n);
        }

        h->body_end += n;
    }

    h->total += n;
    h->pos += n;
    h->left -= n;
}


static int
prov_chunk_size(prov_http_t *h, char c)
{
    int  digit;

    digit = (c >= '0' && c <= '9') ? c - '0'
            : (c >= 'a' && c <= 'f') ? c - 'a' + 10
            : (c >= 'A' && c <= 'F') ? c - 'A' + 10 : -1;

    if (digit != -1) {

        if (h->left >> 56) {
            return PROV_HTTP_BAD;
        }

        h->left = h->left * 16 + digit;
        h->digits = 1;
        return PROV_HTTP_AGAIN;
    }

    if (!h->digits) {
        return PROV_HTTP_BAD;
    }

    if (c == '\n') {
        h->chunk = h->left ? PROV_CHUNK_DATA : PROV_CHUNK_TRAILER;

    } else if (c == ';' || c == ' ' || c == '\t' || c == '\r') {
        h->chunk = PROV_CHUNK_EXT;

    } else {
        return PROV_HTTP_BAD;
    }

    return PROV_HTTP_AGAIN;
}


/* One byte that is not content. */

static int
prov_chunk_byte(prov_http_t *h, char *buf)
{
    char  c;

    c = buf[h->pos++];

    switch (h->chunk) {

    case PROV_CHUNK_SIZE:
        return prov_chunk_size(h, c);

    case PROV_CHUNK_EXT:
        if (c == '\n') {
            h->chunk = h->left ? PROV_CHUNK_DATA : PROV_CHUNK_TRAILER;
        }

        return PROV_HTTP_AGAIN;

    case PROV_CHUNK_DATA_END:
        if (c == '\n') {
            h->chunk = PROV_CHUNK_SIZE;
            h->digits = 0;
            return PROV_HTTP_AGAIN;
        }

        return c == '\r' ? PROV_HTTP_AGAIN : PROV_HTTP_BAD;

    default:
        return PROV_HTTP_BAD;
    }
}


/* A line of the trailers, kept behind the body; an empty one ends all. */

static int
prov_chunk_trailer(prov_http_t *h, char *buf, size_t len)
{
    char    *p;
    size_t   n;

    if (h->trailer_end < h->body_end) {
        h->trailer_end = h->body_end;
    }

    p = memchr(buf + h->pos, '\n', len - h->pos);

    if (p == NULL) {
        return len - h->pos + h->trailer_end - h->body_end > PROV_HEAD_MAX
               ? PROV_HTTP_LARGE : PROV_HTTP_AGAIN;
    }

    n = p + 1 - (buf + h->pos);
    memmove(buf + h->trailer_end, buf + h->pos, n);
    h->pos += n;
    h->trailer_end += n;

    if (h->trailer_end - h->body_end > PROV_HEAD_MAX) {
        return PROV_HTTP_LARGE;
    }

    if (n > 2 || (n == 2 && buf[h->trailer_end - 2] != '\r')) {
        return PROV_HTTP_DONE;                /* there are more */
    }

    h->chunk = PROV_CHUNK_DONE;

    return prov_http_lines(h, buf, h->body_end, h->trailer_end, 1)
           == PROV_HTTP_BAD ? PROV_HTTP_BAD : PROV_HTTP_DONE;
}


static int
prov_http_chunks(prov_http_t *h, char *buf, size_t len, uint64_t max)
{
    int     rc;
    size_t  n;

    while (h->pos < len && h->chunk != PROV_CHUNK_DONE) {

        if (h->chunk == PROV_CHUNK_DATA) {
            n = len - h->pos;
            prov_http_keep(h, buf, n < h->left ? n : h->left, max);

            if (h->left == 0) {
                h->chunk = PROV_CHUNK_DATA_END;
            }

        } else if (h->chunk == PROV_CHUNK_TRAILER) {
            rc = prov_chunk_trailer(h, buf, len);

            if (rc != PROV_HTTP_DONE) {
                return rc;
            }

        } else if (prov_chunk_byte(h, buf) == PROV_HTTP_BAD) {
            return PROV_HTTP_BAD;
        }
    }

    return h->chunk == PROV_CHUNK_DONE ? PROV_HTTP_DONE : PROV_HTTP_AGAIN;
}


int
prov_http_body(prov_http_t *h, char *buf, size_t *len, uint64_t max)
{
    int     rc;
    size_t  n, rest, to;

    if (h->chunked) {
        rc = prov_http_chunks(h, buf, *len, max);

    } else {
        n = *len - h->pos;
        prov_http_keep(h, buf, n < h->left ? n : h->left, max);
        rc = h->left ? PROV_HTTP_AGAIN : PROV_HTTP_DONE;
    }

    /* close the gap, so that the buffer holds nothing that is not needed */

    to = h->trailer_end > h->body_end ? h->trailer_end : h->body_end;
    rest = *len - h->pos;

    if (to != h->pos) {
        memmove(buf + to, buf + h->pos, rest);
        h->pos = to;
        *len = to + rest;
    }

    return rc;
}
