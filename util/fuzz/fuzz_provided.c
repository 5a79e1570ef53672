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
#include "fuzz_cut.h"


#define BODY_MAX  64


typedef struct {
    input_t        in;
    prov_http_t    http;
    int            head;
    int            rc;
} reader_t;


static void
note_span(outcome_t *o, reader_t *r, prov_span_t *s)
{
    check(s->off <= r->in.len && s->len <= r->in.len - s->off);

    note(o, &s->len, sizeof(size_t));
    note(o, r->in.buf + s->off, s->len);
}


static void
request(outcome_t *o, reader_t *r)
{
    int           i;
    prov_http_t  *h;

    h = &r->http;

    check(h->head_len <= h->body && h->body <= h->body_end
          && h->body_end <= h->pos && h->pos <= r->in.len);
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
        note(o, r->in.buf + h->body, h->body_end - h->body);
    }
}


static void
feed(outcome_t *o, reader_t *r, const uint8_t *data, size_t n)
{
    size_t   len;

    more(&r->in, data, n);

    while (r->rc == PROV_HTTP_AGAIN && r->in.len) {

        if (!r->head) {
            r->rc = prov_http_head(&r->http, r->in.buf, r->in.len);

            if (r->rc != PROV_HTTP_DONE) {
                break;
            }

            r->head = 1;
        }

        len = r->in.len;
        r->rc = prov_http_body(&r->http, r->in.buf, &len, BODY_MAX);
        check(len <= r->in.len && r->http.pos <= len);
        r->in.len = len;

        if (r->rc != PROV_HTTP_DONE) {
            break;
        }

        request(o, r);
        drop(&r->in, r->http.pos);
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
    free(r.in.buf);
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

    same(&whole, &cut);

    return 0;
}
