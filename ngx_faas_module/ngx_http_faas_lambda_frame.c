/*
 * The event stream of InvokeWithResponseStream (contract, section 5.4): a
 * result in messages of Amazon's framing.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_lambda.h"

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


/* P has NGX_HTTP_FAAS_FRAME bytes and the payload's; the end is returned. */

static u_char *
ngx_http_faas_frame(u_char *p, const char *event, const char *type,
    u_char *payload, size_t len)
{
    u_char   *start, *headers;
    uint32_t  n;

    start = p;
    headers = p + 12;

    p = ngx_http_faas_frame_header(headers, ":message-type", "event");
    p = ngx_http_faas_frame_header(p, ":event-type", event);
    p = ngx_http_faas_frame_header(p, ":content-type", type);

    n = p - headers;
    p = ngx_cpymem(p, payload, len);

    (void) ngx_http_faas_put32(start, (p - start) + 4);
    (void) ngx_http_faas_put32(start + 4, n);
    (void) ngx_http_faas_put32(start + 8, ngx_crc32_long(start, 8));

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
