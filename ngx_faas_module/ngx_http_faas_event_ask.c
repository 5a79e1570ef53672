/*
 * The events that Lambda authorizers get (contract, section 7.7): that of the
 * request, without its body, and what is asked about it.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_verdict.h"

#include "faas_json.h"


static size_t ngx_http_faas_ask_size(ngx_http_faas_ask_t *ask);
static u_char *ngx_http_faas_ask_v2(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);
static u_char *ngx_http_faas_ask_v1(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);
static u_char *ngx_http_faas_ask_token(ngx_http_faas_ask_t *ask, u_char *p);


/* As ngx_http_faas_event(). */

ngx_int_t
ngx_http_faas_ask_event(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    size_t before, size_t after, ngx_buf_t **out)
{
    size_t                  size;
    u_char                 *p;
    ngx_buf_t              *b;
    ngx_uint_t              token;
    ngx_http_faas_parts_t   parts;

    token = ctx->hit->route->authorizer->type
            == NGX_HTTP_FAAS_AUTHORIZER_TOKEN;
    size = ngx_http_faas_ask_size(ctx->ask);

    if (!token) {
        if (ngx_http_faas_parts(r, ctx, &parts) != NGX_OK) {
            return NGX_ERROR;
        }

        size += ngx_http_faas_event_size(r, ctx, &parts);
    }

    b = ngx_create_temp_buf(r->pool, before + size + after);
    if (b == NULL) {
        return NGX_ERROR;
    }

    p = b->pos + before;

    if (token) {
        p = ngx_http_faas_ask_token(ctx->ask, p);

    } else if (ctx->ask->payload == NGX_HTTP_FAAS_PAYLOAD_V2) {
        p = ngx_http_faas_ask_v2(r, ctx, &parts, p);

    } else {
        p = ngx_http_faas_ask_v1(r, ctx, &parts, p);
    }

    b->last = p;
    *out = b;

    return NGX_OK;
}


/* Of what is in no other event; identities are in payload 1.0 twice. */

static size_t
ngx_http_faas_ask_size(ngx_http_faas_ask_t *ask)
{
    size_t       size;
    ngx_str_t   *value;
    ngx_uint_t   i;

    size = 256 + faas_json_escaped_len(ask->arn.data, ask->arn.len);
    value = ask->values.elts;

    for (i = 0; i < ask->values.nelts; i++) {
        size += 2 * (faas_json_escaped_len(value[i].data, value[i].len) + 3);
    }

    return size;
}


/* "a,b", or with BETWEEN as it stands in an array. */

static u_char *
ngx_http_faas_ask_values(ngx_http_faas_ask_t *ask, u_char *p,
    const char *between)
{
    ngx_str_t   *value;
    ngx_uint_t   i;

    value = ask->values.elts;
    *p++ = '"';

    for (i = 0; i < ask->values.nelts; i++) {
        if (i) {
            p = ngx_cpymem(p, between, ngx_strlen(between));
        }

        p = faas_json_escape(p, value[i].data, value[i].len);
    }

    *p++ = '"';

    return p;
}


static u_char *
ngx_http_faas_ask_v2(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    p = ngx_http_faas_put(p, "{\"version\":\"2.0\",\"type\":\"REQUEST\","
                             "\"routeArn\":");
    p = ngx_http_faas_put_str(p, &ctx->ask->arn);

    if (ctx->ask->values.nelts) {
        p = ngx_http_faas_put(p, ",\"identitySource\":[");
        p = ngx_http_faas_ask_values(ctx->ask, p, "\",\"");
        *p++ = ']';
    }

    *p++ = ',';
    p = ngx_http_faas_v2_members(r, ctx, parts, p);
    *p++ = '}';

    return p;
}


/* Also that of REST APIs, which have no version and no identities in it. */

static u_char *
ngx_http_faas_ask_v1(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_uint_t  rest;

    rest = (ctx->ask->payload == NGX_HTTP_FAAS_PAYLOAD_REST);

    p = rest ? ngx_http_faas_put(p, "{\"type\":\"REQUEST\",\"methodArn\":")
             : ngx_http_faas_put(p, "{\"version\":\"1.0\","
                                    "\"type\":\"REQUEST\",\"methodArn\":");
    p = ngx_http_faas_put_str(p, &ctx->ask->arn);

    if (!rest && ctx->ask->values.nelts) {
        p = ngx_http_faas_put(p, ",\"identitySource\":");
        p = ngx_http_faas_ask_values(ctx->ask, p, ",");
        p = ngx_http_faas_put(p, ",\"authorizationToken\":");
        p = ngx_http_faas_ask_values(ctx->ask, p, ",");
    }

    *p++ = ',';
    p = ngx_http_faas_v1_members(r, ctx, parts, p);
    *p++ = '}';

    return p;
}


static u_char *
ngx_http_faas_ask_token(ngx_http_faas_ask_t *ask, u_char *p)
{
    p = ngx_http_faas_put(p, "{\"type\":\"TOKEN\",\"methodArn\":");
    p = ngx_http_faas_put_str(p, &ask->arn);
    p = ngx_http_faas_put(p, ",\"authorizationToken\":");
    p = ngx_http_faas_ask_values(ask, p, ",");
    *p++ = '}';

    return p;
}
