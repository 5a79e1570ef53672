/*
 * Taking a request apart for an event: headers, query, cookies.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_verdict.h"
#include "ngx_http_faas_lambda.h"


static ngx_int_t ngx_http_faas_parts_headers(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);
static ngx_int_t ngx_http_faas_parts_query(ngx_http_request_t *r,
    ngx_http_faas_parts_t *parts);


/* dropped: they are between the client and nginx (RFC 9110, section 7.6.1) */

static ngx_str_t  ngx_http_faas_hop_headers[] = {
    ngx_string("connection"),
    ngx_string("keep-alive"),
    ngx_string("proxy-connection"),
    ngx_string("te"),
    ngx_string("trailer"),
    ngx_string("transfer-encoding"),
    ngx_string("upgrade"),
    ngx_string("http2-settings"),
    ngx_null_string
};


ngx_int_t
ngx_http_faas_parts(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    ngx_memzero(parts, sizeof(ngx_http_faas_parts_t));

    if (ngx_array_init(&parts->cookies, r->pool, 1, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    parts->payload = ctx->hit ? ctx->hit->route->payload
                              : NGX_HTTP_FAAS_PAYLOAD_V2;

    if (ctx->ask) {                  /* its authorizer does not get a body */
        parts->payload = ctx->ask->payload;
    }

    if (ctx->call) {                 /* it was looked at already */
        parts->payload = NGX_HTTP_FAAS_PAYLOAD_RAW;
        parts->body = ctx->call->body.data;
        parts->body_len = ctx->call->body.len;
        return NGX_OK;
    }

    parts->body_len = ctx->ask ? 0 : ngx_http_faas_body_length(r);
    parts->length = ctx->ask && r->headers_in.content_length_n > 0
                    ? r->headers_in.content_length_n : parts->body_len;

    if (parts->payload == NGX_HTTP_FAAS_PAYLOAD_RAW) {
        return ngx_http_faas_parts_body(r, ctx, parts);
    }

    parts->cached = ngx_http_faas_revalidate(r, &parts->modified_since,
                                             &parts->none_match);

    if (ngx_http_faas_parts_headers(r, ctx, parts) != NGX_OK
        || ngx_http_faas_parts_query(r, parts) != NGX_OK
        || ngx_http_faas_parts_body(r, ctx, parts) != NGX_OK)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* "a=1; b=2": one element each, as they are */

static ngx_int_t
ngx_http_faas_cookies(ngx_http_faas_parts_t *parts, ngx_str_t *value)
{
    u_char     *p, *end, *last;
    ngx_str_t  *cookie;

    last = value->data + value->len;

    for (p = value->data; p < last; p = end + 1) {

        while (p < last && *p == ' ') {
            p++;
        }

        end = ngx_strlchr(p, last, ';');

        if (end == NULL) {
            end = last;
        }

        if (end == p) {
            continue;
        }

        cookie = ngx_array_push(&parts->cookies);
        if (cookie == NULL) {
            return NGX_ERROR;
        }

        cookie->data = p;
        cookie->len = end - p;
        parts->cookies_size += cookie->len;
    }

    return NGX_OK;
}


static ngx_uint_t
ngx_http_faas_is(ngx_table_elt_t *h, const char *name, size_t len)
{
    return h->key.len == len
           && ngx_memcmp(h->lowcase_key, name, len) == 0;
}


#define ngx_http_faas_is_header(h, name)                                      \
    ngx_http_faas_is(h, name, sizeof(name) - 1)


/* Whether a header goes into the map; some are taken or made elsewhere. */

static ngx_int_t
ngx_http_faas_take_header(ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, ngx_table_elt_t *h)
{
    ngx_str_t  *hop;

    for (hop = ngx_http_faas_hop_headers; hop->len; hop++) {
        if (ngx_http_faas_is(h, (char *) hop->data, hop->len)) {
            return NGX_DECLINED;
        }
    }

    if (ngx_http_faas_is_header(h, "cookie")
        && parts->payload <= NGX_HTTP_FAAS_PAYLOAD_URL)
    {
        return ngx_http_faas_cookies(parts, &h->value) == NGX_OK
               ? NGX_DECLINED : NGX_ERROR;
    }

    if (ngx_http_faas_is_header(h, "host")
        || ngx_http_faas_is_header(h, "content-length")
        || ngx_http_faas_is_header(h, "x-amzn-trace-id")
        || ngx_http_faas_is_header(h, "x-forwarded-for")
        || ngx_http_faas_is_header(h, "x-forwarded-port")
        || ngx_http_faas_is_header(h, "x-forwarded-proto"))
    {
        return NGX_DECLINED;
    }

    if (ngx_http_faas_is_header(h, "user-agent")) {
        parts->user_agent = h->value;

    } else if (ngx_http_faas_is_header(h, "content-type")) {
        parts->content_type = h->value;

    } else if (ngx_http_faas_is_header(h, "content-encoding")) {
        parts->encoded = 1;

    } else if (parts->cached
               && ngx_http_faas_conditional(h->lowcase_key, h->key.len))
    {
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* A REST API writes the names of headers in capitals, others do not. */

static void
ngx_http_faas_made_header(ngx_http_faas_parts_t *parts, char *name,
    char *rest, ngx_str_t *value)
{
    ngx_str_t  key, shown;

    if (value->len == 0) {
        return;
    }

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);
    shown = key;

    if (parts->payload == NGX_HTTP_FAAS_PAYLOAD_REST) {
        shown.data = (u_char *) rest;
    }

    ngx_http_faas_map_add(&parts->headers, &key, &shown, value);
}


/*
 * For whom the client says it asks, and the client itself: one value, as there
 * are formats that have the last one only.  Without P the size of it.
 */

static u_char *
ngx_http_faas_forwarded_for(ngx_http_request_t *r, u_char *p, size_t *size)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;
    const char       *comma;

    *size = r->connection->addr_text.len + 2;
    comma = "";

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0
                || h[i].value.len == 0
                || !ngx_http_faas_is_header(&h[i], "x-forwarded-for"))
            {
                continue;
            }

            *size += h[i].value.len + 1;

            if (p) {
                p = ngx_sprintf(p, "%s%V", comma, &h[i].value);
                comma = ",";
            }
        }
    }

    return p ? ngx_sprintf(p, "%s%V", *comma ? ", " : "",
                           &r->connection->addr_text)
             : NULL;
}


/* What API Gateway adds: the client's address, its own port and scheme. */

static ngx_int_t
ngx_http_faas_forwarded(ngx_http_request_t *r, ngx_http_faas_parts_t *parts)
{
    size_t       size;
    u_char      *p;
    ngx_uint_t   port;

    (void) ngx_http_faas_forwarded_for(r, NULL, &size);

    p = ngx_pnalloc(r->pool, size + NGX_INT_T_LEN + NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    parts->forwarded_for.data = p;
    p = ngx_http_faas_forwarded_for(r, p, &size);
    parts->forwarded_for.len = p - parts->forwarded_for.data;

    if (ngx_connection_local_sockaddr(r->connection, NULL, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    port = ngx_inet_get_port(r->connection->local_sockaddr);

    if (port) {                      /* 0: a Unix socket */
        parts->forwarded_port.data = p;
        p = ngx_sprintf(p, "%ui", port);
        parts->forwarded_port.len = p - parts->forwarded_port.data;
    }

    if (parts->length || r->headers_in.content_length) {
        parts->content_length.data = p;
        p = ngx_sprintf(p, "%O", parts->length);
        parts->content_length.len = p - parts->content_length.data;
    }

    return NGX_OK;
}


static void
ngx_http_faas_made_headers(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    ngx_str_t  proto;

    /* not r->schema: that is what the client has written */

    ngx_str_set(&proto, "http");

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        ngx_str_set(&proto, "https");
    }
#endif

    if (parts->payload != NGX_HTTP_FAAS_PAYLOAD_REST) {
        ngx_http_faas_made_header(parts, "content-length", NULL,
                                  &parts->content_length);
    }

    ngx_http_faas_made_header(parts, "x-amzn-trace-id", "X-Amzn-Trace-Id",
                              &ctx->trace);
    ngx_http_faas_made_header(parts, "x-forwarded-for", "X-Forwarded-For",
                              &parts->forwarded_for);
    ngx_http_faas_made_header(parts, "x-forwarded-port", "X-Forwarded-Port",
                              &parts->forwarded_port);
    ngx_http_faas_made_header(parts, "x-forwarded-proto",
                              "X-Forwarded-Proto", &proto);
    ngx_http_faas_made_header(parts, "if-modified-since",
                              "If-Modified-Since", &parts->modified_since);
    ngx_http_faas_made_header(parts, "if-none-match", "If-None-Match",
                              &parts->none_match);
}


/* How the name is written: contract, section 7.3. */

static void
ngx_http_faas_shown(ngx_http_faas_parts_t *parts, ngx_table_elt_t *h,
    ngx_str_t *shown)
{
    shown->data = h->lowcase_key;
    shown->len = h->key.len;

    if (parts->payload != NGX_HTTP_FAAS_PAYLOAD_REST) {
        return;
    }

    shown->data = h->key.data;

    if (ngx_http_faas_is_header(h, "authorization")) {
        ngx_str_set(shown, "Authorization");

    } else if (ngx_http_faas_is_header(h, "user-agent")) {
        ngx_str_set(shown, "User-Agent");
    }
}


static ngx_int_t
ngx_http_faas_client_headers(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    ngx_int_t         rc;
    ngx_str_t         name, shown;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash == 0) {
                continue;
            }

            rc = ngx_http_faas_take_header(ctx, parts, &h[i]);

            if (rc == NGX_ERROR) {
                return NGX_ERROR;
            }

            if (rc == NGX_OK) {
                name.data = h[i].lowcase_key;
                name.len = h[i].key.len;
                ngx_http_faas_shown(parts, &h[i], &shown);
                ngx_http_faas_map_add(&parts->headers, &name, &shown,
                                      &h[i].value);
            }
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_parts_headers(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    ngx_uint_t        n;
    ngx_list_part_t  *part;

    n = 10;                          /* those that are made */

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    if (ngx_http_faas_map_init(&parts->headers, r->pool, n) != NGX_OK) {
        return NGX_ERROR;
    }

    parts->host = r->headers_in.server;

    ngx_http_faas_made_header(parts, "host", "Host",
                              r->headers_in.host ? &r->headers_in.host->value
                                                 : &parts->host);

    if (ngx_http_faas_client_headers(r, ctx, parts) != NGX_OK
        || ngx_http_faas_forwarded(r, parts) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_faas_made_headers(r, ctx, parts);

    return NGX_OK;
}


/*
 * Percent-decoding of a name or value; "+" is a space.  A load balancer leaves
 * them as they are.
 */

static u_char *
ngx_http_faas_query_decode(ngx_http_faas_parts_t *parts, u_char *dst,
    u_char *src, u_char *last)
{
    ngx_int_t  ch;

    if (parts->payload == NGX_HTTP_FAAS_PAYLOAD_ALB
        || parts->payload == NGX_HTTP_FAAS_PAYLOAD_ALB_MULTI)
    {
        return ngx_cpymem(dst, src, last - src);
    }

    while (src < last) {

        if (*src == '%' && last - src > 2) {
            ch = ngx_hextoi(src + 1, 2);

            if (ch != NGX_ERROR) {
                *dst++ = (u_char) ch;
                src += 3;
                continue;
            }
        }

        *dst++ = (*src == '+') ? ' ' : *src;
        src++;
    }

    return dst;
}


static ngx_int_t
ngx_http_faas_parts_query(ngx_http_request_t *r, ngx_http_faas_parts_t *parts)
{
    u_char      *p, *end, *eq, *last, *dst;
    ngx_str_t    name, value;
    ngx_uint_t   n;

    last = r->args.data + r->args.len;
    n = 1;

    for (p = r->args.data; p < last; p++) {
        n += (*p == '&');
    }

    if (r->args.len == 0) {
        return NGX_OK;
    }

    dst = ngx_pnalloc(r->pool, r->args.len);

    if (dst == NULL
        || ngx_http_faas_map_init(&parts->query, r->pool, n) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (p = r->args.data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, '&');

        if (end == NULL) {
            end = last;
        }

        if (end == p) {
            continue;
        }

        eq = ngx_strlchr(p, end, '=');

        name.data = dst;
        dst = ngx_http_faas_query_decode(parts, dst, p, eq ? eq : end);
        name.len = dst - name.data;

        value.data = dst;

        if (eq) {
            dst = ngx_http_faas_query_decode(parts, dst, eq + 1, end);
        }

        value.len = dst - value.data;

        ngx_http_faas_map_add(&parts->query, &name, &name, &value);
    }

    return NGX_OK;
}
