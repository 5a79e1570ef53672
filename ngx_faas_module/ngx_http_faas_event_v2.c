/*
 * The event of HTTP APIs, payload format 2.0, and of function URLs (contract,
 * sections 7.1 and 7.2); also that of faas_pass, which has no routes.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_verdict.h"
#include "ngx_http_faas_lambda.h"


static void
ngx_http_faas_v2_names(ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts,
    ngx_str_t *domain, ngx_str_t *prefix, ngx_str_t *id, ngx_str_t *account)
{
    u_char               *dot;
    ngx_http_faas_api_t  *api;

    *domain = parts->host;
    *account = ctx->function->account;

    if (ctx->hit) {
        api = ctx->hit->api;

        if (api->domain.len) {
            *domain = api->domain;
        }

        if (api->account.len) {
            *account = api->account;
        }

        /* of a function URL without an authorizer */

        if (parts->payload == NGX_HTTP_FAAS_PAYLOAD_URL
            && ctx->hit->call == NULL)
        {
            ngx_str_set(account, "anonymous");
        }
    }

    *prefix = *domain;
    dot = ngx_strlchr(prefix->data, prefix->data + prefix->len, '.');

    if (dot) {
        prefix->len = dot - prefix->data;
    }

    *id = *prefix;

    if (ctx->hit && ctx->hit->api->api_id.len) {
        *id = ctx->hit->api->api_id;
    }
}


static u_char *
ngx_http_faas_v2_path(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    if (ctx->hit == NULL) {
        return ngx_http_faas_put_str(p, &r->uri);
    }

    return ngx_http_faas_put_path(p, ctx->hit, parts->payload
                                               == NGX_HTTP_FAAS_PAYLOAD_URL
                                               ? &ctx->hit->raw
                                               : &ctx->hit->text);
}


static u_char *
ngx_http_faas_v2_key(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    return ctx->hit ? ngx_http_faas_put_str(p, &ctx->hit->route->key)
                    : ngx_http_faas_put(p, "\"$default\"");
}


static u_char *
ngx_http_faas_v2_authorizer(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    size_t         len;
    const u_char  *context;

    if (ctx->hit && ctx->hit->verdict) {
        context = faas_verdict_context(ctx->hit->verdict, &len);

        p = ngx_http_faas_put(p, ",\"authorizer\":{\"lambda\":");
        p = context ? ngx_cpymem(p, context, len)
                    : ngx_http_faas_put(p, "{}");
        *p++ = '}';

        return p;
    }

    if (ctx->hit && ctx->hit->call) {
        p = ngx_http_faas_put(p, ",\"authorizer\":{\"iam\":");
        p = ngx_http_faas_put_iam(p, ctx->hit);
        *p++ = '}';

        return p;
    }

    if (ctx->hit == NULL || ctx->hit->claims.len == 0) {
        return p;
    }

    p = ngx_http_faas_put(p, ",\"authorizer\":{\"jwt\":");
    p = ngx_http_faas_put_authorizer(p, ctx->hit);
    *p++ = '}';

    return p;
}


static u_char *
ngx_http_faas_v2_context(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_str_t  domain, prefix, id, account, protocol;

    ngx_http_faas_v2_names(ctx, parts, &domain, &prefix, &id, &account);

    protocol = r->http_protocol;

    if (protocol.len == 0) {
        ngx_str_set(&protocol, "HTTP/0.9");
    }

    p = ngx_http_faas_put(p, ",\"requestContext\":{\"accountId\":");
    p = ngx_http_faas_put_str(p, &account);
    p = ngx_http_faas_put(p, ",\"apiId\":");
    p = ngx_http_faas_put_str(p, &id);
    p = ngx_http_faas_v2_authorizer(ctx, p);
    p = ngx_http_faas_put(p, ",\"domainName\":");
    p = ngx_http_faas_put_str(p, &domain);
    p = ngx_http_faas_put(p, ",\"domainPrefix\":");
    p = ngx_http_faas_put_str(p, &prefix);
    p = ngx_http_faas_put(p, ",\"http\":{\"method\":");
    p = ngx_http_faas_put_str(p, ngx_http_faas_method(r));
    p = ngx_http_faas_put(p, ",\"path\":");
    p = ngx_http_faas_v2_path(r, ctx, parts, p);
    p = ngx_http_faas_put(p, ",\"protocol\":");
    p = ngx_http_faas_put_str(p, &protocol);
    p = ngx_http_faas_put(p, ",\"sourceIp\":");
    p = ngx_http_faas_put_str(p, &r->connection->addr_text);
    p = ngx_http_faas_put(p, ",\"userAgent\":");
    p = ngx_http_faas_put_str(p, &parts->user_agent);
    p = ngx_http_faas_put(p, "},\"requestId\":\"");

    if (ctx->hit && ctx->hit->api->type == NGX_HTTP_FAAS_API_HTTP) {
        p = ngx_http_faas_extended_id(ctx, p);

    } else {
        p = ngx_cpymem(p, ctx->request_id, FAAS_REQUEST_ID_LEN);
    }

    p = ngx_http_faas_put(p, "\",\"routeKey\":");
    p = ngx_http_faas_v2_key(ctx, p);
    p = ngx_http_faas_put(p, ",\"stage\":");

    if (ctx->hit && ctx->hit->stage) {
        p = ngx_http_faas_put_str(p, &ctx->hit->stage->name);

    } else {
        p = ngx_http_faas_put(p, "\"$default\"");
    }

    p = ngx_http_faas_put(p, ",\"time\":");
    p = ngx_http_faas_put_time(p);
    p = ngx_http_faas_put(p, ",\"timeEpoch\":");
    p = ngx_http_faas_put_epoch(p);
    *p++ = '}';

    return p;
}


static u_char *
ngx_http_faas_v2_cookies(ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_str_t   *cookie;
    ngx_uint_t   i;

    if (parts->cookies.nelts == 0) {
        return p;
    }

    cookie = parts->cookies.elts;
    p = ngx_http_faas_put(p, ",\"cookies\":[");

    for (i = 0; i < parts->cookies.nelts; i++) {
        if (i) {
            *p++ = ',';
        }

        p = ngx_http_faas_put_str(p, &cookie[i]);
    }

    *p++ = ']';

    return p;
}


/* Those without data are left out. */

u_char *
ngx_http_faas_v2_members(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_http_faas_hit_t  *hit;

    hit = ctx->hit;

    p = ngx_http_faas_put(p, "\"routeKey\":");
    p = ngx_http_faas_v2_key(ctx, p);
    p = ngx_http_faas_put(p, ",\"rawPath\":");
    p = ngx_http_faas_v2_path(r, ctx, parts, p);
    p = ngx_http_faas_put(p, ",\"rawQueryString\":");
    p = ngx_http_faas_put_str(p, &r->args);
    p = ngx_http_faas_v2_cookies(parts, p);
    p = ngx_http_faas_put(p, ",\"headers\":");
    p = ngx_http_faas_put_map(p, &parts->headers, NGX_HTTP_FAAS_MAP_JOINED);

    if (parts->query.nelts) {
        p = ngx_http_faas_put(p, ",\"queryStringParameters\":");
        p = ngx_http_faas_put_map(p, &parts->query, NGX_HTTP_FAAS_MAP_JOINED);
    }

    p = ngx_http_faas_v2_context(r, ctx, parts, p);

    if (hit && hit->n) {
        p = ngx_http_faas_put(p, ",\"pathParameters\":");
        p = ngx_http_faas_put_params(p, hit, 0);
    }

    if (hit && hit->stage && hit->stage->variables) {
        p = ngx_http_faas_put(p, ",\"stageVariables\":");
        p = ngx_http_faas_put_stage_variables(p, hit);
    }

    return p;
}


/* "body" comes last, it is the longest. */

u_char *
ngx_http_faas_event_v2(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    p = ngx_http_faas_put(p, "{\"version\":\"2.0\",");
    p = ngx_http_faas_v2_members(r, ctx, parts, p);

    if (parts->body_len) {
        p = ngx_http_faas_put(p, ",\"body\":");
        p = ngx_http_faas_put_body(p, parts);
    }

    return parts->base64
           ? ngx_http_faas_put(p, ",\"isBase64Encoded\":true}")
           : ngx_http_faas_put(p, ",\"isBase64Encoded\":false}");
}
