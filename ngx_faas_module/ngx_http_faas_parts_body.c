/*
 * The request's body for an event: as text, or in base64.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_event.h"

#include "faas_json.h"


/* The media type alone, in small letters; its length, 0: too long. */

static size_t
ngx_http_faas_media_type(u_char *buf, size_t size, ngx_str_t *type)
{
    size_t   n;
    u_char  *p, *last;

    p = type->data;
    last = ngx_strlchr(p, p + type->len, ';');
    last = last ? last : p + type->len;

    while (p < last && (*p == ' ' || *p == '\t')) {
        p++;
    }

    while (p < last && (last[-1] == ' ' || last[-1] == '\t')) {
        last--;
    }

    n = last - p;

    if (n > size) {
        return 0;
    }

    ngx_strlow(buf, p, n);

    return n;
}


#define ngx_http_faas_type_is(buf, n, text)                                   \
    (n == sizeof(text) - 1 && ngx_memcmp(buf, text, n) == 0)


/* Contract, sections 7.1 and 7.12: what is text; all else is base64. */

static ngx_uint_t
ngx_http_faas_text_type(ngx_http_faas_parts_t *parts)
{
    size_t  n;
    u_char  buf[128];

    n = ngx_http_faas_media_type(buf, sizeof(buf), &parts->content_type);

    if (n > 5 && ngx_memcmp(buf, "text/", 5) == 0) {
        return 1;
    }

    if (parts->payload < NGX_HTTP_FAAS_PAYLOAD_ALB
        && ((n > 5 && ngx_memcmp(buf + n - 5, "+json", 5) == 0)
            || (n > 4 && ngx_memcmp(buf + n - 4, "+xml", 4) == 0)))
    {
        return 1;
    }

    return ngx_http_faas_type_is(buf, n, "application/json")
           || ngx_http_faas_type_is(buf, n, "application/javascript")
           || ngx_http_faas_type_is(buf, n, "application/xml");
}


/* Is a media type one of the API's binary ones?  Contract, section 7.3. */

ngx_uint_t
ngx_http_faas_binary_type(ngx_http_faas_api_t *api, ngx_str_t *type)
{
    size_t       n;
    u_char       buf[128];
    ngx_str_t   *binary;
    ngx_uint_t   i;

    if (api->binary == NULL) {
        return 0;
    }

    n = ngx_http_faas_media_type(buf, sizeof(buf), type);
    binary = api->binary->elts;

    for (i = 0; i < api->binary->nelts; i++) {

        if (binary[i].data[binary[i].len - 1] == '*'
            && (binary[i].data[0] == '*'
                || (n >= binary[i].len - 1
                    && ngx_memcmp(buf, binary[i].data, binary[i].len - 1)
                       == 0)))
        {
            return 1;
        }

        if (n == binary[i].len && ngx_memcmp(buf, binary[i].data, n) == 0) {
            return 1;
        }
    }

    return 0;
}


static ngx_uint_t
ngx_http_faas_base64(ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts)
{
    if (parts->payload == NGX_HTTP_FAAS_PAYLOAD_REST) {
        return ngx_http_faas_binary_type(ctx->hit->api, &parts->content_type);
    }

    /* text that is not UTF-8 would not survive as a JSON string */

    return (parts->payload >= NGX_HTTP_FAAS_PAYLOAD_ALB && parts->encoded)
           || !ngx_http_faas_text_type(parts)
           || !faas_utf8_valid(parts->body, parts->body_len);
}


ngx_int_t
ngx_http_faas_parts_body(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    if (parts->body_len == 0) {
        return NGX_OK;
    }

    parts->body = ngx_pnalloc(r->pool, parts->body_len);

    if (parts->body == NULL
        || ngx_http_faas_body_copy(r, parts->body) != NGX_OK)
    {
        return NGX_ERROR;
    }

    parts->base64 = ngx_http_faas_base64(ctx, parts);

    return NGX_OK;
}
