/*
 * The canonical request of Signature Version 4.  Runs in nginx workers and in
 * tests; takes no locks.
 *
 * It is handed out in pieces and never stands in memory as a whole: a request
 * may be long, and all that is done with it is to hash it.
 */

#include <string.h>

#include "faas_sigv4_core.h"


static void faas_sigv4_flush(faas_sigv4_out_t *out);
static void faas_sigv4_path_put(faas_sigv4_out_t *out,
    const faas_sigv4_str_t *path);
static void faas_sigv4_headers_put(faas_sigv4_out_t *out,
    const faas_sigv4_t *s, const faas_sigv4_request_t *r);
static void faas_sigv4_value_put(faas_sigv4_out_t *out,
    const faas_sigv4_str_t *value);

#define faas_sigv4_put_str(out, s)  faas_sigv4_put(out, (s)->data, (s)->len)
#define faas_sigv4_put_char(out, c)                                           \
    faas_sigv4_put(out, (const unsigned char *) c, 1)


int
faas_sigv4_canonical(const faas_sigv4_t *s, const faas_sigv4_request_t *r,
    const faas_sigv4_str_t *hash, faas_sigv4_sink_pt sink, void *ctx)
{
    faas_sigv4_out_t  out;

    out.sink = sink;
    out.ctx = ctx;
    out.failed = 0;
    out.n = 0;

    faas_sigv4_put_str(&out, &r->method);
    faas_sigv4_put_char(&out, "\n");
    faas_sigv4_path_put(&out, &r->path);
    faas_sigv4_put_char(&out, "\n");
    faas_sigv4_query_put(&out, &r->query);
    faas_sigv4_put_char(&out, "\n");
    faas_sigv4_headers_put(&out, s, r);
    faas_sigv4_put_char(&out, "\n");
    faas_sigv4_put_str(&out, &s->signed_headers);
    faas_sigv4_put_char(&out, "\n");
    faas_sigv4_put_str(&out, hash);
    faas_sigv4_flush(&out);

    return out.failed ? -1 : 0;
}


void
faas_sigv4_put(faas_sigv4_out_t *out, const unsigned char *p, size_t n)
{
    if (n > sizeof(out->buf) - out->n) {
        faas_sigv4_flush(out);
    }

    if (n > sizeof(out->buf)) {
        out->failed |= out->sink(out->ctx, p, n);
        return;
    }

    if (n) {
        memcpy(out->buf + out->n, p, n);
        out->n += n;
    }
}


void
faas_sigv4_encode(faas_sigv4_out_t *out, unsigned char c)
{
    unsigned char  code[3];

    static const unsigned char  hex[] = "0123456789ABCDEF";

    if (faas_sigv4_unreserved(c)) {
        faas_sigv4_put(out, &c, 1);
        return;
    }

    code[0] = '%';
    code[1] = hex[c >> 4];
    code[2] = hex[c & 0x0f];

    faas_sigv4_put(out, code, 3);
}


int
faas_sigv4_named(const faas_sigv4_str_t *name, const unsigned char *lower,
    size_t len)
{
    size_t         i;
    unsigned char  c;

    if (name->len != len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        c = name->data[i];
        c |= (c >= 'A' && c <= 'Z') ? 0x20 : 0;

        if (c != lower[i]) {
            return 0;
        }
    }

    return 1;
}


static void
faas_sigv4_flush(faas_sigv4_out_t *out)
{
    if (out->n) {
        out->failed |= out->sink(out->ctx, out->buf, out->n);
        out->n = 0;
    }
}


/*
 * The path without empty segments, "." and "..", encoded once more than it is
 * on the wire.  From its end it is known which segments ".." removes; what
 * stays is collected there, so that nothing has to be taken back.  What is
 * longer than the buffer was refused in the first step.
 */

static void
faas_sigv4_path_put(faas_sigv4_out_t *out, const faas_sigv4_str_t *path)
{
    size_t                n, len;
    unsigned              skip;
    unsigned char         buf[FAAS_SIGV4_PATH + 1], *last, *dst;
    const unsigned char  *p, *start;

    if (path->len == 0 || path->len > FAAS_SIGV4_PATH) {
        faas_sigv4_put_char(out, "/");
        return;
    }

    skip = 0;
    start = path->data;
    p = start + path->len;
    last = buf + sizeof(buf);
    dst = last;

    for ( ;; ) {

        for (len = 0; p > start && p[-1] != '/'; len++) {
            p--;
        }

        if (len == 2 && p[0] == '.' && p[1] == '.') {
            skip++;

        } else if (len && !(len == 1 && p[0] == '.') && skip) {
            skip--;

        } else if (len && !(len == 1 && p[0] == '.')) {

            /* a slash behind the last one stays if there was one */

            if (dst < last || start[path->len - 1] == '/') {
                *--dst = '/';
            }

            dst -= len;
            memcpy(dst, p, len);
        }

        if (p == start) {
            break;
        }

        p--;
    }

    if (*start == '/') {
        *--dst = '/';
    }

    for (n = (size_t) (last - dst); n; n--, dst++) {

        if (*dst == '/') {
            faas_sigv4_put(out, dst, 1);

        } else {
            faas_sigv4_encode(out, *dst);
        }
    }
}


/* In the order of the list, which is the signer's. */

static void
faas_sigv4_headers_put(faas_sigv4_out_t *out, const faas_sigv4_t *s,
    const faas_sigv4_request_t *r)
{
    int                         more;
    size_t                      i;
    faas_sigv4_str_t            list, name;
    const faas_sigv4_header_t  *h;

    list = s->signed_headers;

    while (faas_sigv4_next_signed(&list, &name)) {
        faas_sigv4_put_str(out, &name);
        faas_sigv4_put_char(out, ":");

        more = 0;

        for (i = 0; i < r->n_headers; i++) {
            h = &r->headers[i];

            if (!faas_sigv4_named(&h->name, name.data, name.len)) {
                continue;
            }

            if (more++) {
                faas_sigv4_put_char(out, ",");
            }

            faas_sigv4_value_put(out, &h->value);
        }

        faas_sigv4_put_char(out, "\n");
    }
}


/* White space around it goes, runs of it inside become one space. */

static void
faas_sigv4_value_put(faas_sigv4_out_t *out, const faas_sigv4_str_t *value)
{
    int     space, any;
    size_t  i;

    space = 0;
    any = 0;

    for (i = 0; i < value->len; i++) {

        if (value->data[i] == ' ' || value->data[i] == '\t') {
            space = 1;
            continue;
        }

        if (space && any) {
            faas_sigv4_put_char(out, " ");
        }

        faas_sigv4_put(out, &value->data[i], 1);
        space = 0;
        any = 1;
    }
}
