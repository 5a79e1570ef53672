/*
 * Responses that are streams (contract 1.6): what the runtime sends goes on to
 * the worker as it comes, framed as faas_proto.h says.  A worker that does not
 * read is waited for by not reading from the runtime.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <string.h>

#include "prov.h"


/* Go's client does not say that it streams, but by its content type. */

int
prov_stream_type(prov_conn_t *c)
{
    prov_span_t  *h;

    h = &c->http.h[PROV_H_CONTENT_TYPE];

    return h->len == sizeof(FAAS_STREAM_PRELUDE) - 1
           && memcmp(prov_api_text(c, h->off), FAAS_STREAM_PRELUDE, h->len)
              == 0;
}


/* The content type, if it is one that the worker takes. */

void
prov_stream_begin(prov_conn_t *c)
{
    size_t        i;
    const char   *type;
    prov_span_t  *h;

    h = &c->http.h[PROV_H_CONTENT_TYPE];
    type = h->len && h->len <= FAAS_STREAM_TYPE_MAX
           ? prov_api_text(c, h->off) : NULL;

    for (i = 0; type != NULL && i < h->len; i++) {
        if ((u_char) type[i] < 0x20 || type[i] == 0x7f) {
            type = NULL;
        }
    }

    c->stream = 1;
    c->max = UINT64_MAX;
    c->work->streaming = 1;
    c->work->from = c;

    prov_log_drain();
    prov_work_records(c->work, FAAS_FCGI_STREAM,
                      type ? type : FAAS_STREAM_TYPE,
                      type ? h->len : sizeof(FAAS_STREAM_TYPE) - 1);
}


/*
 * The part of the body that has come is sent, and removed from the buffer, of
 * which *LEN bytes at P are used.
 */

void
prov_stream_data(prov_conn_t *c, char *p, size_t *len, int done)
{
    size_t        n;
    prov_http_t  *h;

    h = &c->http;
    n = h->body_end - h->body;

    if (n) {
        prov_log_drain();
        prov_work_records(c->work, FAAS_FCGI_STDOUT, p + h->body, n);
    }

    /* the whole request is dropped anyway, and its trailers are known by
       where they are */

    if (done) {
        return;
    }

    memmove(p + h->body, p + h->body_end, *len - h->body_end);
    *len -= n;
    h->pos -= n;
    h->trailer_end -= h->trailer_end >= h->body_end ? n : 0;
    h->body_end = h->body;

    if (c->work->fd != -1 && c->work->out.len > PROV_OUT_MAX) {
        c->paused = 1;
        (void) event_del(c->read_ev);
    }
}


/* The worker has read, or has gone. */

void
prov_stream_resume(prov_work_t *w)
{
    if (w->from != NULL && w->from->paused) {
        w->from->paused = 0;
        (void) event_add(w->from->read_ev, NULL);
    }
}


/* What is sent before the end of a stream that failed. */

void
prov_stream_error(prov_work_t *w, const char *json, size_t len)
{
    static const char  large[] =
        "{\"errorMessage\":\"Error is too large\","
        "\"errorType\":\"Runtime.Unknown\"}";

    if (len > FAAS_STREAM_ERROR_MAX) {
        json = large;
        len = sizeof(large) - 1;
    }

    prov_work_records(w, FAAS_FCGI_STREAM_ERROR, json, len);
}
