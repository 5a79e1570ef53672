/*
 * The event of API Gateway's HTTP APIs, payload format 2.0 (contract, section
 * 7.1).  Another format is another file beside this one.
 *
 * Runs in workers.
 *
 * What nginx has made of the request before: r->uri is decoded and its dot
 * segments and double slashes are resolved (merge_slashes).
 */

#include "ngx_http_faas.h"
#include "ngx_http_faas_map.h"

#include "faas_base64.h"
#include "faas_json.h"


typedef struct {
    ngx_http_faas_map_t    headers;
    ngx_http_faas_map_t    query;
    ngx_array_t            cookies;          /* ngx_str_t */
    size_t                 cookies_size;

    ngx_str_t              host;
    ngx_str_t              forwarded_for;
    ngx_str_t              forwarded_port;
    ngx_str_t              user_agent;
    ngx_str_t              content_type;
    ngx_str_t              content_length;

    off_t                  body_len;
    u_char                *body;
    ngx_uint_t             base64;
} ngx_http_faas_parts_t;


static ngx_int_t ngx_http_faas_parts(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);
static ngx_int_t ngx_http_faas_parts_headers(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);
static ngx_int_t ngx_http_faas_parts_query(ngx_http_request_t *r,
    ngx_http_faas_parts_t *parts);
static ngx_int_t ngx_http_faas_parts_body(ngx_http_request_t *r,
    ngx_http_faas_parts_t *parts);
static size_t ngx_http_faas_event_size(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);
static u_char *ngx_http_faas_event_write(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);


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

static char  *ngx_http_faas_months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};


#define ngx_http_faas_put(p, s)  ngx_cpymem(p, s, sizeof(s) - 1)


/*
 * A buffer with "before" bytes of room, the event, "after" bytes of room.
 */

ngx_int_t
ngx_http_faas_event(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    size_t before, size_t after, ngx_buf_t **out)
{
    ngx_buf_t              *b;
    ngx_http_faas_parts_t   parts;

    if (ngx_http_faas_parts(r, ctx, &parts) != NGX_OK) {
        return NGX_ERROR;
    }

    b = ngx_create_temp_buf(r->pool, before
                                     + ngx_http_faas_event_size(r, ctx,
                                                                &parts)
                                     + after);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->last = ngx_http_faas_event_write(r, ctx, &parts, b->pos + before);

    if (parts.body) {
        (void) ngx_pfree(r->pool, parts.body);
    }

    *out = b;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_parts(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    ngx_memzero(parts, sizeof(ngx_http_faas_parts_t));

    if (ngx_array_init(&parts->cookies, r->pool, 1, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    parts->body_len = ngx_http_faas_body_length(r);

    if (ngx_http_faas_parts_headers(r, ctx, parts) != NGX_OK
        || ngx_http_faas_parts_query(r, parts) != NGX_OK
        || ngx_http_faas_parts_body(r, parts) != NGX_OK)
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

    if (ngx_http_faas_is_header(h, "cookie")) {
        return ngx_http_faas_cookies(parts, &h->value) == NGX_OK
               ? NGX_DECLINED : NGX_ERROR;
    }

    if (ngx_http_faas_is_header(h, "host")
        || ngx_http_faas_is_header(h, "content-length")
        || ngx_http_faas_is_header(h, "x-amzn-trace-id")
        || ngx_http_faas_is_header(h, "x-forwarded-port")
        || ngx_http_faas_is_header(h, "x-forwarded-proto"))
    {
        return NGX_DECLINED;
    }

    if (ngx_http_faas_is_header(h, "user-agent")) {
        parts->user_agent = h->value;

    } else if (ngx_http_faas_is_header(h, "content-type")) {
        parts->content_type = h->value;

    } else if (ngx_http_faas_is_header(h, "x-forwarded-for")) {

        if (parts->forwarded_for.len == 0) {
            parts->forwarded_for = h->value;
        }

        return NGX_DECLINED;
    }

    return NGX_OK;
}


static void
ngx_http_faas_made_header(ngx_http_faas_parts_t *parts, char *name,
    ngx_str_t *value)
{
    ngx_str_t  key;

    if (value->len == 0) {
        return;
    }

    key.data = (u_char *) name;
    key.len = ngx_strlen(name);

    ngx_http_faas_map_add(&parts->headers, &key, value);
}


/* What API Gateway adds: the client's address, its own port and scheme. */

static ngx_int_t
ngx_http_faas_forwarded(ngx_http_request_t *r, ngx_http_faas_parts_t *parts)
{
    u_char     *p;
    ngx_str_t   before;

    before = parts->forwarded_for;

    p = ngx_pnalloc(r->pool, before.len + 2 + r->connection->addr_text.len
                             + NGX_INT_T_LEN + NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    parts->forwarded_for.data = p;

    if (before.len) {
        p = ngx_sprintf(p, "%V, ", &before);
    }

    p = ngx_sprintf(p, "%V", &r->connection->addr_text);
    parts->forwarded_for.len = p - parts->forwarded_for.data;

    if (ngx_connection_local_sockaddr(r->connection, NULL, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    parts->forwarded_port.data = p;
    p = ngx_sprintf(p, "%ui",
                    (ngx_uint_t) ngx_inet_get_port(
                                           r->connection->local_sockaddr));
    parts->forwarded_port.len = p - parts->forwarded_port.data;

    if (parts->body_len || r->headers_in.content_length) {
        parts->content_length.data = p;
        p = ngx_sprintf(p, "%O", parts->body_len);
        parts->content_length.len = p - parts->content_length.data;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_parts_headers(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    ngx_int_t         rc;
    ngx_str_t         name, proto;
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 8;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    if (ngx_http_faas_map_init(&parts->headers, r->pool, n) != NGX_OK) {
        return NGX_ERROR;
    }

    parts->host = r->headers_in.server;

    if (r->headers_in.host) {
        ngx_http_faas_made_header(parts, "host", &r->headers_in.host->value);

    } else {
        ngx_http_faas_made_header(parts, "host", &parts->host);
    }

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
                ngx_http_faas_map_add(&parts->headers, &name, &h[i].value);
            }
        }
    }

    if (ngx_http_faas_forwarded(r, parts) != NGX_OK) {
        return NGX_ERROR;
    }

    proto = r->schema;

    if (proto.len == 0) {
        ngx_str_set(&proto, "http");

#if (NGX_HTTP_SSL)
        if (r->connection->ssl) {
            ngx_str_set(&proto, "https");
        }
#endif
    }

    ngx_http_faas_made_header(parts, "content-length",
                              &parts->content_length);
    ngx_http_faas_made_header(parts, "x-amzn-trace-id", &ctx->trace);
    ngx_http_faas_made_header(parts, "x-forwarded-for",
                              &parts->forwarded_for);
    ngx_http_faas_made_header(parts, "x-forwarded-port",
                              &parts->forwarded_port);
    ngx_http_faas_made_header(parts, "x-forwarded-proto", &proto);

    return NGX_OK;
}


/* Percent-decoding of a name or value; "+" is a space. */

static u_char *
ngx_http_faas_query_decode(u_char *dst, u_char *src, u_char *last)
{
    ngx_int_t  ch;

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
        dst = ngx_http_faas_query_decode(dst, p, eq ? eq : end);
        name.len = dst - name.data;

        value.data = dst;

        if (eq) {
            dst = ngx_http_faas_query_decode(dst, eq + 1, end);
        }

        value.len = dst - value.data;

        ngx_http_faas_map_add(&parts->query, &name, &value);
    }

    return NGX_OK;
}


/* Contract, section 7.1: what is text; all else is base64. */

static ngx_uint_t
ngx_http_faas_text_type(ngx_str_t *type)
{
    size_t   n;
    u_char  *p, buf[128];

    p = ngx_strlchr(type->data, type->data + type->len, ';');
    n = p ? (size_t) (p - type->data) : type->len;

    while (n && (type->data[n - 1] == ' ' || type->data[n - 1] == '\t')) {
        n--;
    }

    if (n > sizeof(buf)) {
        return 0;
    }

    ngx_strlow(buf, type->data, n);

    if (n > 5 && ngx_memcmp(buf, "text/", 5) == 0) {
        return 1;
    }

    if ((n > 5 && ngx_memcmp(buf + n - 5, "+json", 5) == 0)
        || (n > 4 && ngx_memcmp(buf + n - 4, "+xml", 4) == 0))
    {
        return 1;
    }

    return (n == 16 && ngx_memcmp(buf, "application/json", n) == 0)
           || (n == 22 && ngx_memcmp(buf, "application/javascript", n) == 0)
           || (n == 15 && ngx_memcmp(buf, "application/xml", n) == 0);
}


static ngx_int_t
ngx_http_faas_parts_body(ngx_http_request_t *r, ngx_http_faas_parts_t *parts)
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

    /* text that is not UTF-8 would not survive as a JSON string */

    parts->base64 = !ngx_http_faas_text_type(&parts->content_type)
                    || !faas_utf8_valid(parts->body, parts->body_len);

    return NGX_OK;
}


/* An upper bound: a byte is at most six when it is escaped. */

static size_t
ngx_http_faas_event_size(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    size_t  size, pairs;

    size = r->uri.len * 2 + r->args.len + parts->cookies_size
           + parts->headers.size + parts->query.size
           + parts->host.len * 3 + parts->user_agent.len
           + r->connection->addr_text.len + r->method_name.len
           + r->http_protocol.len + ctx->function->account.len;

    pairs = parts->headers.nelts + parts->query.nelts + parts->cookies.nelts;

    size = 1024 + size * 6 + pairs * 6;

    if (parts->body_len) {
        size += parts->base64
                ? faas_base64_encoded_len(parts->body_len)
                : faas_json_escaped_len(parts->body, parts->body_len);
    }

    return size;
}


static u_char *
ngx_http_faas_put_str(u_char *p, ngx_str_t *s)
{
    *p++ = '"';
    p = faas_json_escape(p, s->data, s->len);
    *p++ = '"';

    return p;
}


/* {"name":"value,value",...} */

static u_char *
ngx_http_faas_put_map(u_char *p, ngx_http_faas_map_t *map)
{
    ngx_uint_t             i, comma;
    ngx_http_faas_pair_t  *pair;

    *p++ = '{';
    comma = 0;

    for (i = 0; i < map->nelts; i++) {
        pair = &map->elts[i];

        if (!pair->first) {
            continue;
        }

        if (comma) {
            *p++ = ',';
        }

        comma = 1;

        p = ngx_http_faas_put_str(p, &pair->name);
        *p++ = ':';
        *p++ = '"';

        for ( ;; ) {
            p = faas_json_escape(p, pair->value.data, pair->value.len);
            pair = pair->next;

            if (pair == NULL) {
                break;
            }

            *p++ = ',';
        }

        *p++ = '"';
    }

    *p++ = '}';

    return p;
}


static u_char *
ngx_http_faas_put_time(u_char *p)
{
    ngx_tm_t     tm;
    ngx_time_t  *tp;

    tp = ngx_timeofday();
    ngx_gmtime(tp->sec, &tm);

    return ngx_sprintf(p, ",\"time\":\"%02d/%s/%4d:%02d:%02d:%02d +0000\""
                          ",\"timeEpoch\":%uL}",
                       tm.ngx_tm_mday, ngx_http_faas_months[tm.ngx_tm_mon - 1],
                       tm.ngx_tm_year, tm.ngx_tm_hour, tm.ngx_tm_min,
                       tm.ngx_tm_sec,
                       (uint64_t) tp->sec * 1000 + tp->msec);
}


static u_char *
ngx_http_faas_put_context(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    u_char     *dot;
    ngx_str_t   prefix, protocol;

    prefix = parts->host;
    dot = ngx_strlchr(prefix.data, prefix.data + prefix.len, '.');

    if (dot) {
        prefix.len = dot - prefix.data;
    }

    protocol = r->http_protocol;

    if (protocol.len == 0) {
        ngx_str_set(&protocol, "HTTP/0.9");
    }

    p = ngx_http_faas_put(p, ",\"requestContext\":{\"accountId\":");
    p = ngx_http_faas_put_str(p, &ctx->function->account);
    p = ngx_http_faas_put(p, ",\"apiId\":");
    p = ngx_http_faas_put_str(p, &prefix);
    p = ngx_http_faas_put(p, ",\"domainName\":");
    p = ngx_http_faas_put_str(p, &parts->host);
    p = ngx_http_faas_put(p, ",\"domainPrefix\":");
    p = ngx_http_faas_put_str(p, &prefix);
    p = ngx_http_faas_put(p, ",\"http\":{\"method\":");
    p = ngx_http_faas_put_str(p, &r->method_name);
    p = ngx_http_faas_put(p, ",\"path\":");
    p = ngx_http_faas_put_str(p, &r->uri);
    p = ngx_http_faas_put(p, ",\"protocol\":");
    p = ngx_http_faas_put_str(p, &protocol);
    p = ngx_http_faas_put(p, ",\"sourceIp\":");
    p = ngx_http_faas_put_str(p, &r->connection->addr_text);
    p = ngx_http_faas_put(p, ",\"userAgent\":");
    p = ngx_http_faas_put_str(p, &parts->user_agent);
    p = ngx_http_faas_put(p, "},\"requestId\":\"");
    p = ngx_cpymem(p, ctx->request_id, FAAS_REQUEST_ID_LEN);
    p = ngx_http_faas_put(p, "\",\"routeKey\":\"$default\","
                             "\"stage\":\"$default\"");

    return ngx_http_faas_put_time(p);
}


/* Members without data are left out; "body" comes last, it is the longest. */

static u_char *
ngx_http_faas_event_write(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_str_t   *cookie;
    ngx_uint_t   i;

    p = ngx_http_faas_put(p, "{\"version\":\"2.0\","
                             "\"routeKey\":\"$default\",\"rawPath\":");
    p = ngx_http_faas_put_str(p, &r->uri);
    p = ngx_http_faas_put(p, ",\"rawQueryString\":");
    p = ngx_http_faas_put_str(p, &r->args);

    if (parts->cookies.nelts) {
        cookie = parts->cookies.elts;
        p = ngx_http_faas_put(p, ",\"cookies\":[");

        for (i = 0; i < parts->cookies.nelts; i++) {
            if (i) {
                *p++ = ',';
            }

            p = ngx_http_faas_put_str(p, &cookie[i]);
        }

        *p++ = ']';
    }

    p = ngx_http_faas_put(p, ",\"headers\":");
    p = ngx_http_faas_put_map(p, &parts->headers);

    if (parts->query.nelts) {
        p = ngx_http_faas_put(p, ",\"queryStringParameters\":");
        p = ngx_http_faas_put_map(p, &parts->query);
    }

    p = ngx_http_faas_put_context(r, ctx, parts, p);

    if (parts->body_len == 0) {
        return ngx_http_faas_put(p, ",\"isBase64Encoded\":false}");
    }

    p = ngx_http_faas_put(p, ",\"body\":\"");

    if (parts->base64) {
        p = faas_base64_encode(p, parts->body, parts->body_len);
        return ngx_http_faas_put(p, "\",\"isBase64Encoded\":true}");
    }

    p = faas_json_escape(p, parts->body, parts->body_len);

    return ngx_http_faas_put(p, "\",\"isBase64Encoded\":false}");
}
