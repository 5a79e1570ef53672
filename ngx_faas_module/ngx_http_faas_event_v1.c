/*
 * The events of REST APIs and of HTTP APIs with payload format 1.0 (contract,
 * section 7.3), and of load balancers (section 7.12).
 *
 * Runs in workers.
 */

#include "ngx_http_faas_verdict.h"
#include "ngx_http_faas_keys.h"
#include "ngx_http_faas_lambda.h"


/* Without data it is null, or empty for an authorizer, not left out. */

static u_char *
ngx_http_faas_v1_none(u_char *p, ngx_http_faas_ctx_t *ctx)
{
    return ctx->ask ? ngx_http_faas_put(p, "{}")
                    : ngx_http_faas_put(p, "null");
}


static u_char *
ngx_http_faas_v1_map(u_char *p, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_map_t *map, ngx_http_faas_map_e how)
{
    return map->nelts ? ngx_http_faas_put_map(p, map, how)
                      : ngx_http_faas_v1_none(p, ctx);
}


/* "name":"value", or null of who has not signed. */

static u_char *
ngx_http_faas_v1_who(u_char *p, const char *name, ngx_str_t *value)
{
    p = ngx_sprintf(p, "\"%s\":", name);

    return value->len ? ngx_http_faas_put_str(p, value)
                      : ngx_http_faas_put(p, "null");
}


static u_char *
ngx_http_faas_v1_identity(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_str_t  id, arn, account;

    ngx_str_null(&id);
    ngx_str_null(&arn);
    ngx_str_null(&account);

    if (hit->call) {
        id = hit->call->key->id;
        arn = hit->call->key->arn;
        ngx_http_faas_iam_account(hit->call->key, &account);
    }

    p = ngx_http_faas_put(p, ",\"identity\":{");
    p = ngx_http_faas_v1_who(p, "accessKey", &id);
    *p++ = ',';
    p = ngx_http_faas_v1_who(p, "accountId", &account);
    *p++ = ',';

    if (hit->key) {
        p = ngx_http_faas_v1_who(p, "apiKey", &hit->key_value);
        *p++ = ',';
        p = ngx_http_faas_v1_who(p, "apiKeyId", &hit->key->id);
        *p++ = ',';
    }

    p = ngx_http_faas_v1_who(p, "caller", &id);
    p = ngx_http_faas_put(p, ",\"cognitoAuthenticationProvider\":null,"
                             "\"cognitoAuthenticationType\":null,"
                             "\"cognitoIdentityId\":null,"
                             "\"cognitoIdentityPoolId\":null,"
                             "\"principalOrgId\":null,\"sourceIp\":");
    p = ngx_http_faas_put_str(p, &r->connection->addr_text);
    *p++ = ',';
    p = ngx_http_faas_v1_who(p, "user", &id);
    *p++ = ',';
    p = ngx_http_faas_v1_who(p, "userAgent", &parts->user_agent);
    *p++ = ',';
    p = ngx_http_faas_v1_who(p, "userArn", &arn);
    *p++ = '}';

    return p;
}


static void
ngx_http_faas_v1_names(ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, ngx_str_t *domain, ngx_str_t *prefix,
    ngx_str_t *id, ngx_str_t *stage)
{
    u_char               *dot;
    ngx_http_faas_hit_t  *hit;

    hit = ctx->hit;

    *domain = hit->api->domain.len ? hit->api->domain : parts->host;
    *prefix = *domain;

    dot = ngx_strlchr(domain->data, domain->data + domain->len, '.');

    if (dot) {
        prefix->len = dot - prefix->data;
    }

    *id = hit->api->api_id.len ? hit->api->api_id : *prefix;

    ngx_http_faas_stage_name(hit, stage);
}


static u_char *
ngx_http_faas_v1_resource(ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    if (parts->payload != NGX_HTTP_FAAS_PAYLOAD_REST) {
        p = ngx_http_faas_put(p, ",\"resourceId\":null");

    } else {
        p = ngx_http_faas_put(p, ",\"deploymentId\":");
        p = ngx_sprintf(p, "\"%06xD\"",
                        ngx_crc32_long(ctx->hit->api->name.data,
                                       ctx->hit->api->name.len) & 0xffffff);
        p = ngx_http_faas_put(p, ",\"resourceId\":");
        p = ngx_http_faas_put_str(p, &ctx->hit->route->resource_id);
    }

    p = ngx_http_faas_put(p, ",\"resourcePath\":");

    return ngx_http_faas_put_str(p, &ctx->hit->route->path);
}


/* Flat: what the function gave besides the principal stands beside it. */

static u_char *
ngx_http_faas_v1_verdict(ngx_http_faas_hit_t *hit, u_char *p)
{
    size_t         plen, clen;
    const u_char  *principal, *context;

    principal = faas_verdict_principal(hit->verdict, &plen);
    context = faas_verdict_context(hit->verdict, &clen);

    *p++ = '{';

    if (principal) {
        p = ngx_http_faas_put(p, "\"principalId\":\"");
        p = ngx_cpymem(p, principal, plen);
        *p++ = '"';
    }

    if (hit->api->type == NGX_HTTP_FAAS_API_REST) {
        p = ngx_sprintf(p, ",\"integrationLatency\":%uL", hit->latency_ms);
    }

    if (clen > 2) {
        if (p[-1] != '{') {
            *p++ = ',';
        }

        p = ngx_cpymem(p, context + 1, clen - 2);
    }

    *p++ = '}';

    return p;
}


static u_char *
ngx_http_faas_v1_context(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_str_t             domain, prefix, id, stage;
    ngx_http_faas_hit_t  *hit;

    hit = ctx->hit;

    ngx_http_faas_v1_names(ctx, parts, &domain, &prefix, &id, &stage);

    p = ngx_http_faas_put(p, ",\"requestContext\":{\"accountId\":");
    p = ngx_http_faas_put_str(p, hit->api->account.len
                                 ? &hit->api->account
                                 : &ctx->function->account);
    p = ngx_http_faas_put(p, ",\"apiId\":");
    p = ngx_http_faas_put_str(p, &id);

    if (hit->claims.len) {
        p = ngx_http_faas_put(p, ",\"authorizer\":");
        p = ngx_http_faas_put_authorizer(p, hit);

    } else if (hit->verdict) {
        p = ngx_http_faas_put(p, ",\"authorizer\":");
        p = ngx_http_faas_v1_verdict(hit, p);
    }

    p = ngx_http_faas_put(p, ",\"domainName\":");
    p = ngx_http_faas_put_str(p, &domain);
    p = ngx_http_faas_put(p, ",\"domainPrefix\":");
    p = ngx_http_faas_put_str(p, &prefix);
    p = ngx_http_faas_put(p, ",\"extendedRequestId\":\"");
    p = ngx_http_faas_extended_id(ctx, p);
    p = ngx_http_faas_put(p, "\",\"httpMethod\":");
    p = ngx_http_faas_put_str(p, ngx_http_faas_method(r));
    p = ngx_http_faas_v1_identity(r, hit, parts, p);
    p = ngx_http_faas_put(p, ",\"path\":");
    p = ngx_http_faas_put_path(p, hit, &hit->raw);
    p = ngx_http_faas_put(p, ",\"protocol\":");
    p = ngx_http_faas_put_str(p, &r->http_protocol);
    p = ngx_http_faas_put(p, ",\"requestId\":\"");

    if (parts->payload == NGX_HTTP_FAAS_PAYLOAD_REST) {
        p = ngx_cpymem(p, ctx->request_id, FAAS_REQUEST_ID_LEN);

    } else {
        p = ngx_http_faas_extended_id(ctx, p);
    }

    p = ngx_http_faas_put(p, "\",\"requestTime\":");
    p = ngx_http_faas_put_time(p);
    p = ngx_http_faas_put(p, ",\"requestTimeEpoch\":");
    p = ngx_http_faas_put_epoch(p);
    p = ngx_http_faas_v1_resource(ctx, parts, p);
    p = ngx_http_faas_put(p, ",\"stage\":");
    p = ngx_http_faas_put_str(p, &stage);
    *p++ = '}';

    return p;
}


static u_char *
ngx_http_faas_v1_maps(ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts,
    u_char *p)
{
    ngx_uint_t  single;

    /* authorizers of HTTP APIs do not get the other maps */

    single = ctx->ask && parts->payload != NGX_HTTP_FAAS_PAYLOAD_REST;

    p = ngx_http_faas_put(p, ",\"headers\":");
    p = ngx_http_faas_v1_map(p, ctx, &parts->headers, NGX_HTTP_FAAS_MAP_LAST);

    if (!single) {
        p = ngx_http_faas_put(p, ",\"multiValueHeaders\":");
        p = ngx_http_faas_v1_map(p, ctx, &parts->headers,
                                 NGX_HTTP_FAAS_MAP_ALL);
    }

    p = ngx_http_faas_put(p, ",\"queryStringParameters\":");
    p = ngx_http_faas_v1_map(p, ctx, &parts->query, NGX_HTTP_FAAS_MAP_LAST);

    if (!single) {
        p = ngx_http_faas_put(p, ",\"multiValueQueryStringParameters\":");
        p = ngx_http_faas_v1_map(p, ctx, &parts->query,
                                 NGX_HTTP_FAAS_MAP_ALL);
    }

    return p;
}


u_char *
ngx_http_faas_v1_members(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_uint_t            rest;
    ngx_http_faas_hit_t  *hit;

    hit = ctx->hit;
    rest = (parts->payload == NGX_HTTP_FAAS_PAYLOAD_REST);

    p = ngx_http_faas_put(p, "\"resource\":");
    p = ngx_http_faas_put_str(p, &hit->route->path);
    p = ngx_http_faas_put(p, ",\"path\":");
    p = ngx_http_faas_put_str(p, rest ? &hit->raw : &hit->text);
    p = ngx_http_faas_put(p, ",\"httpMethod\":");
    p = ngx_http_faas_put_str(p, ngx_http_faas_method(r));
    p = ngx_http_faas_v1_maps(ctx, parts, p);
    p = ngx_http_faas_v1_context(r, ctx, parts, p);
    p = ngx_http_faas_put(p, ",\"pathParameters\":");

    p = hit->n ? ngx_http_faas_put_params(p, hit, rest)
               : ngx_http_faas_v1_none(p, ctx);

    p = ngx_http_faas_put(p, ",\"stageVariables\":");

    return (hit->stage && hit->stage->variables)
           ? ngx_http_faas_put_stage_variables(p, hit)
           : ngx_http_faas_v1_none(p, ctx);
}


u_char *
ngx_http_faas_event_v1(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    p = parts->payload == NGX_HTTP_FAAS_PAYLOAD_REST
        ? ngx_http_faas_put(p, "{")
        : ngx_http_faas_put(p, "{\"version\":\"1.0\",");
    p = ngx_http_faas_v1_members(r, ctx, parts, p);

    p = ngx_http_faas_put(p, ",\"body\":");

    p = parts->body_len ? ngx_http_faas_put_body(p, parts)
                        : ngx_http_faas_put(p, "null");

    return parts->base64
           ? ngx_http_faas_put(p, ",\"isBase64Encoded\":true}")
           : ngx_http_faas_put(p, ",\"isBase64Encoded\":false}");
}


u_char *
ngx_http_faas_event_alb(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    ngx_http_faas_map_e  how;

    p = ngx_http_faas_put(p, "{\"requestContext\":{\"elb\":"
                             "{\"targetGroupArn\":");
    p = ngx_http_faas_put_str(p, &ctx->hit->api->target_group);
    p = ngx_http_faas_put(p, "}},\"httpMethod\":");
    p = ngx_http_faas_put_str(p, ngx_http_faas_method(r));
    p = ngx_http_faas_put(p, ",\"path\":");
    p = ngx_http_faas_put_str(p, &ctx->hit->raw);

    if (parts->payload == NGX_HTTP_FAAS_PAYLOAD_ALB_MULTI) {
        how = NGX_HTTP_FAAS_MAP_ALL;
        p = ngx_http_faas_put(p, ",\"multiValueQueryStringParameters\":");
        p = ngx_http_faas_put_map(p, &parts->query, how);
        p = ngx_http_faas_put(p, ",\"multiValueHeaders\":");

    } else {
        how = NGX_HTTP_FAAS_MAP_LAST;
        p = ngx_http_faas_put(p, ",\"queryStringParameters\":");
        p = ngx_http_faas_put_map(p, &parts->query, how);
        p = ngx_http_faas_put(p, ",\"headers\":");
    }

    p = ngx_http_faas_put_map(p, &parts->headers, how);
    p = ngx_http_faas_put(p, ",\"body\":");
    p = ngx_http_faas_put_body(p, parts);

    return parts->base64
           ? ngx_http_faas_put(p, ",\"isBase64Encoded\":true}")
           : ngx_http_faas_put(p, ",\"isBase64Encoded\":false}");
}
