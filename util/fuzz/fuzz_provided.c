/*
 * Fuzzes the HTTP reader of the Runtime API bridge.
 *
 * The first bytes of the input say where to cut the rest: requests must be
 * read alike however they arrive, and nothing outside of the buffer touched.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "prov_http.h"
#include "fuzz.h"


#define N_CUTS    8
#define BODY_MAX  64
#define SUM_MAX   65536


/* what was read, in a form that can be compared */

typedef struct {
    unsigned char  sum[SUM_MAX];
    size_t         len;
} outcome_t;


typedef struct {
    char          *buf;                       /* of exactly this size */
    size_t         len;
    prov_http_t    http;
    int            head;
    int            rc;
} reader_t;


static void
note(outcome_t *o, const void *data, size_t len)
{
    if (len <= SUM_MAX - o->len) {
        memcpy(o->sum + o->len, data, len);
        o->len += len;
    }
}


static void
note_span(outcome_t *o, reader_t *r, prov_span_t *s)
{
    check(s->off <= r->len && s->len <= r->len - s->off);

    note(o, &s->len, sizeof(size_t));
    note(o, r->buf + s->off, s->len);
}


static void
drop(reader_t *r, size_t n)
{
    char  *buf;

    check(n <= r->len);

    buf = malloc(r->len - n + 1);
    memcpy(buf, r->buf + n, r->len - n);
    free(r->buf);

    r->buf = buf;
    r->len -= n;
}


static void
request(outcome_t *o, reader_t *r)
{
    int           i;
    prov_http_t  *h;

    h = &r->http;

    check(h->head_len <= h->body && h->body <= h->body_end
          && h->body_end <= h->pos && h->pos <= r->len);
    check(h->body_end - h->body <= BODY_MAX && h->total >= h->body_end
                                                           - h->body);

    note(o, &h->method, sizeof(prov_method_e));
    note(o, &h->total, sizeof(uint64_t));
    note_span(o, r, &h->path);

    for (i = 0; i < PROV_H_MAX; i++) {
        note_span(o, r, &h->h[i]);
    }

    /* of a body that is too large the part that is kept depends on cuts */

    if (h->total <= BODY_MAX) {
        note(o, r->buf + h->body, h->body_end - h->body);
    }
}


static void
feed(outcome_t *o, reader_t *r, const uint8_t *data, size_t n)
{
    char    *buf;
    size_t   len;

    buf = malloc(r->len + n + 1);
    memcpy(buf, r->buf ? r->buf : "", r->len);
    memcpy(buf + r->len, data, n);
    free(r->buf);

    r->buf = buf;
    r->len += n;

    while (r->rc == PROV_HTTP_AGAIN && r->len) {

        if (!r->head) {
            r->rc = prov_http_head(&r->http, r->buf, r->len);

            if (r->rc != PROV_HTTP_DONE) {
                break;
            }

            r->head = 1;
        }

        len = r->len;
        r->rc = prov_http_body(&r->http, r->buf, &len, BODY_MAX);
        check(len <= r->len && r->http.pos <= len);
        r->len = len;

        if (r->rc != PROV_HTTP_DONE) {
            break;
        }

        request(o, r);
        drop(r, r->http.pos);
        prov_http_init(&r->http);
        r->head = 0;
        r->rc = PROV_HTTP_AGAIN;
    }
}


static void
run(outcome_t *o, const uint8_t *cuts, const uint8_t *p, size_t size)
{
    int       i;
    size_t    n;
    reader_t  r;

    o->len = 0;
    memset(&r, 0, sizeof(r));

    for (i = 0; cuts && i < N_CUTS; i++) {
        n = cuts[i] < size ? cuts[i] : size;
        feed(o, &r, p, n);
        p += n;
        size -= n;
    }

    feed(o, &r, p, size);
    note(o, &r.rc, sizeof(int));
    free(r.buf);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static outcome_t  whole, cut;

    if (size < N_CUTS) {
        return 0;
    }

    run(&whole, NULL, data + N_CUTS, size - N_CUTS);
    run(&cut, data, data + N_CUTS, size - N_CUTS);

    check(whole.len == cut.len
          && memcmp(whole.sum, cut.sum, whole.len) == 0);

    return 0;
}
