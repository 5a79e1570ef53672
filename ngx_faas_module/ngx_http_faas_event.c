/*
 * The event of API Gateway's HTTP APIs, payload format 2.0 (contract, section
 * 7.1).  Another format is another file beside this one.
 *
 * Runs in workers.
 *
 * What nginx has made of the request before: r->uri is decoded and its dot
 * segments and double slashes are resolved (merge_slashes).
 */

#include "ngx_http_faas_event.h"

#include "faas_base64.h"
#include "faas_json.h"


static size_t ngx_http_faas_event_size(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);
static u_char *ngx_http_faas_event_write(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);


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
    p = ngx_http_faas_put_str(p, ngx_http_faas_method(r));
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
