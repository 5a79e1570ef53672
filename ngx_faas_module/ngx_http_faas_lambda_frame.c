/*
 * The event stream of InvokeWithResponseStream (contract, section 5.4):
 * results and streams in messages of Amazon's framing.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_stream.h"

#include "faas_base64.h"
#include "faas_json.h"


#define NGX_HTTP_FAAS_CHUNK   65536            /* of a result in a message */
#define NGX_HTTP_FAAS_FRAME   192              /* more than all but payload */


static u_char *
ngx_http_faas_put32(u_char *p, uint32_t n)
{
    *p++ = (u_char) (n >> 24);
    *p++ = (u_char) (n >> 16);
    *p++ = (u_char) (n >> 8);
    *p++ = (u_char) n;

    return p;
}


static u_char *
ngx_http_faas_frame_header(u_char *p, const char *name, const char *value)
{
    size_t  len;

    len = ngx_strlen(name);
    *p++ = (u_char) len;
    p = ngx_cpymem(p, name, len);

    len = ngx_strlen(value);
    *p++ = 7;                                /* a string */
    *p++ = (u_char) (len >> 8);
    *p++ = (u_char) len;

    return ngx_cpymem(p, value, len);
}


/* All that precedes a payload of LEN bytes. */

static u_char *
ngx_http_faas_frame_head(u_char *p, const char *event, const char *type,
    size_t len)
{
    u_char  *start, *headers;

    start = p;
    headers = p + 12;

    p = ngx_http_faas_frame_header(headers, ":message-type", "event");
    p = ngx_http_faas_frame_header(p, ":event-type", event);
    p = ngx_http_faas_frame_header(p, ":content-type", type);

    (void) ngx_http_faas_put32(start, (p - start) + len + 4);
    (void) ngx_http_faas_put32(start + 4, p - headers);
    (void) ngx_http_faas_put32(start + 8, ngx_crc32_long(start, 8));

    return p;
}


/* P has NGX_HTTP_FAAS_FRAME bytes and the payload's; the end is returned. */

static u_char *
ngx_http_faas_frame(u_char *p, const char *event, const char *type,
    u_char *payload, size_t len)
{
    u_char  *start;

    start = p;

    p = ngx_http_faas_frame_head(p, event, type, len);
    p = ngx_cpymem(p, payload, len);

    return ngx_http_faas_put32(p, ngx_crc32_long(start, p - start));
}


/* The payload of the last message. */

static ngx_int_t
ngx_http_faas_frame_end(ngx_http_request_t *r, ngx_str_t *body,
    const char *error, ngx_str_t *tail, ngx_str_t *end)
{
    u_char  *p;

    p = ngx_pnalloc(r->pool, 256 + faas_base64_encoded_len(tail->len)
                             + (error ? faas_json_escaped_len(body->data,
                                                              body->len)
                                      : 0));
    if (p == NULL) {
        return NGX_ERROR;
    }

    end->data = p;
    *p++ = '{';

    if (error) {
        p = ngx_sprintf(p, "\"ErrorCode\":\"%s\",\"ErrorDetails\":\"",
                        error);
        p = faas_json_escape(p, body->data, body->len);
        *p++ = '"';
    }

    if (tail->len) {
        p = ngx_sprintf(p, "%s\"LogResult\":\"", error ? "," : "");
        p = faas_base64_encode(p, tail->data, tail->len);
        *p++ = '"';
    }

    *p++ = '}';
    end->len = p - end->data;

    return NGX_OK;
}


/* *BODY becomes the stream. */

ngx_int_t
ngx_http_faas_call_frames(ngx_http_request_t *r, ngx_str_t *body,
    const char *error, ngx_str_t *tail)
{
    size_t      n;
    u_char     *p, *at, *last;
    ngx_str_t   end;

    if (ngx_http_faas_frame_end(r, body, error, tail, &end) != NGX_OK) {
        return NGX_ERROR;
    }

    at = body->data;
    last = at + (error ? 0 : body->len);

    p = ngx_pnalloc(r->pool, (last - at) + end.len
                             + ((last - at) / NGX_HTTP_FAAS_CHUNK + 2)
                               * NGX_HTTP_FAAS_FRAME);
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;

    while (at < last) {
        n = ngx_min(last - at, NGX_HTTP_FAAS_CHUNK);
        p = ngx_http_faas_frame(p, "PayloadChunk", "application/octet-stream",
                                at, n);
        at += n;
    }

    p = ngx_http_faas_frame(p, "InvokeComplete", "application/json",
                            end.data, end.len);
    body->len = p - body->data;

    return NGX_OK;
}


/* --- as it comes --- */

/*
 * A buffer for the bytes around a payload.  It keeps its memory when it is
 * free again, so that a long stream needs no more of it than a short one.
 */

static ngx_buf_t *
ngx_http_faas_frame_buf(ngx_http_request_t *r, ngx_chain_t ***ll)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(r->pool, &r->upstream->free_bufs);
    if (cl == NULL) {
        return NULL;
    }

    b = cl->buf;

    if (b->start == NULL) {
        b->start = ngx_pnalloc(r->pool, NGX_HTTP_FAAS_FRAME);
        if (b->start == NULL) {
            return NULL;
        }

        b->end = b->start + NGX_HTTP_FAAS_FRAME;
    }

    b->pos = b->start;
    b->last = b->start;
    b->memory = 1;
    b->tag = r->upstream->output.tag;

    **ll = cl;
    *ll = &cl->next;

    return b;
}


ngx_int_t
ngx_http_faas_frame_chunk(ngx_http_request_t *r, ngx_chain_t ***ll,
    u_char *data, size_t len)
{
    uint32_t    crc;
    ngx_buf_t  *head, *last;

    head = ngx_http_faas_frame_buf(r, ll);
    if (head == NULL) {
        return NGX_ERROR;
    }

    head->last = ngx_http_faas_frame_head(head->pos, "PayloadChunk",
                                          "application/octet-stream", len);

    if (ngx_http_faas_out(r, ll, data, len) != NGX_OK) {
        return NGX_ERROR;
    }

    last = ngx_http_faas_frame_buf(r, ll);
    if (last == NULL) {
        return NGX_ERROR;
    }

    ngx_crc32_init(crc);
    ngx_crc32_update(&crc, head->pos, head->last - head->pos);
    ngx_crc32_update(&crc, data, len);
    ngx_crc32_final(crc);

    last->last = ngx_http_faas_put32(last->pos, crc);
    last->flush = 1;

    return NGX_OK;
}


/* The last message; ERROR: its code, or NULL. */

ngx_int_t
ngx_http_faas_frame_complete(ngx_http_request_t *r, ngx_chain_t ***ll,
    ngx_str_t *details, const char *error, ngx_str_t *tail)
{
    u_char     *p, *last;
    ngx_str_t   end;

    if (ngx_http_faas_frame_end(r, details, error, tail, &end) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, end.len + NGX_HTTP_FAAS_FRAME);
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_http_faas_frame(p, "InvokeComplete", "application/json",
                               end.data, end.len);

    return ngx_http_faas_out(r, ll, p, last - p);
}
