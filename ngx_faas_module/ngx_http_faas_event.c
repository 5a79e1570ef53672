/*
 * Events: which format, how much room, and what the formats have in common.
 *
 * Runs in workers.
 *
 * What nginx has made of the request before, where there is no API: r->uri is
 * decoded and its dot segments and double slashes are resolved
 * (merge_slashes).
 */

#include "ngx_http_faas_verdict.h"
#include "ngx_http_faas_keys.h"
#include "ngx_http_faas_lambda.h"

#include "faas_base64.h"
#include "faas_json.h"


static u_char *ngx_http_faas_event_write(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);


static char  *ngx_http_faas_months[] = {
    "Jan", "Feb", "Mar", "Apr", "May", "Jun",
    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"
};


/*
 * A buffer with "before" bytes of room, the event, "after" bytes of room.
 */

ngx_int_t
ngx_http_faas_event(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    size_t before, size_t after, ngx_buf_t **out)
{
    ngx_buf_t              *b;
    ngx_http_faas_parts_t   parts;

    if (ctx->ask) {
        return ngx_http_faas_ask_event(r, ctx, before, after, out);
    }

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


/* Of what is there because of a route. */

static size_t
ngx_http_faas_hit_size(ngx_http_faas_hit_t *hit)
{
    size_t         size;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    size = 2 * hit->raw.len + hit->api->api_id.len + 2 * hit->api->domain.len
           + hit->api->target_group.len + 3 * hit->route->key.len
           + hit->route->resource_id.len + 64;

    size += ngx_http_faas_iam_size(hit);
    size += hit->key ? hit->key->id.len + hit->key_value.len + 16 : 0;

    for (i = 0; i < hit->n; i++) {
        size += hit->params[i].name_len + hit->params[i].raw_len + 6;
    }

    if (hit->stage == NULL) {
        return size;
    }

    size += 3 * hit->stage->name.len;

    if (hit->stage->variables) {
        kv = hit->stage->variables->elts;

        for (i = 0; i < hit->stage->variables->nelts; i++) {
            size += kv[i].key.len + kv[i].value.len + 6;
        }
    }

    return size;
}


/* An upper bound: a byte is at most six when it is escaped. */

size_t
ngx_http_faas_event_size(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts)
{
    size_t  size, pairs;

    if (parts->payload == NGX_HTTP_FAAS_PAYLOAD_RAW) {
        return parts->body_len;
    }

    size = r->uri.len * 2 + r->args.len + parts->cookies_size
           + 2 * parts->headers.size + 2 * parts->query.size
           + parts->host.len * 3 + parts->user_agent.len
           + r->connection->addr_text.len + 3 * r->method_name.len
           + r->http_protocol.len + ctx->function->account.len
           + (ctx->hit ? ngx_http_faas_hit_size(ctx->hit) : 0);

    pairs = 2 * parts->headers.nelts + 2 * parts->query.nelts
            + parts->cookies.nelts;

    size = 2048 + size * 6 + pairs * 8;

    /* are JSON already */

    if (ctx->hit) {
        size += ctx->hit->claims.len + ctx->hit->scopes.len;
        size += ctx->hit->verdict ? ctx->hit->verdict->size + 64 : 0;
    }

    if (parts->body_len) {
        size += parts->base64
                ? faas_base64_encoded_len(parts->body_len)
                : faas_json_escaped_len(parts->body, parts->body_len);
    }

    return size;
}


static u_char *
ngx_http_faas_event_write(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_parts_t *parts, u_char *p)
{
    switch (parts->payload) {

    case NGX_HTTP_FAAS_PAYLOAD_RAW:
        return ngx_cpymem(p, parts->body, parts->body_len);

    case NGX_HTTP_FAAS_PAYLOAD_V1:
    case NGX_HTTP_FAAS_PAYLOAD_REST:
        return ngx_http_faas_event_v1(r, ctx, parts, p);

    case NGX_HTTP_FAAS_PAYLOAD_ALB:
    case NGX_HTTP_FAAS_PAYLOAD_ALB_MULTI:
        return ngx_http_faas_event_alb(r, ctx, parts, p);

    default:
        return ngx_http_faas_event_v2(r, ctx, parts, p);
    }
}


u_char *
ngx_http_faas_put_str(u_char *p, ngx_str_t *s)
{
    *p++ = '"';
    p = faas_json_escape(p, s->data, s->len);
    *p++ = '"';

    return p;
}


static u_char *
ngx_http_faas_put_values(u_char *p, ngx_http_faas_pair_t *pair,
    ngx_http_faas_map_e how)
{
    if (how == NGX_HTTP_FAAS_MAP_LAST) {
        return ngx_http_faas_put_str(p, &pair->last->value);
    }

    if (how == NGX_HTTP_FAAS_MAP_ALL) {
        *p++ = '[';

        for ( ;; ) {
            p = ngx_http_faas_put_str(p, &pair->value);
            pair = pair->next;

            if (pair == NULL) {
                *p++ = ']';
                return p;
            }

            *p++ = ',';
        }
    }

    *p++ = '"';

    for ( ;; ) {
        p = faas_json_escape(p, pair->value.data, pair->value.len);
        pair = pair->next;

        if (pair == NULL) {
            *p++ = '"';
            return p;
        }

        *p++ = ',';
    }
}


u_char *
ngx_http_faas_put_map(u_char *p, ngx_http_faas_map_t *map,
    ngx_http_faas_map_e how)
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

        p = ngx_http_faas_put_str(p, &pair->shown);
        *p++ = ':';
        p = ngx_http_faas_put_values(p, pair, how);
    }

    *p++ = '}';

    return p;
}


/* As the common log format has it. */

u_char *
ngx_http_faas_put_time(u_char *p)
{
    ngx_tm_t  tm;

    ngx_gmtime(ngx_time(), &tm);

    return ngx_sprintf(p, "\"%02d/%s/%4d:%02d:%02d:%02d +0000\"",
                       tm.ngx_tm_mday, ngx_http_faas_months[tm.ngx_tm_mon - 1],
                       tm.ngx_tm_year, tm.ngx_tm_hour, tm.ngx_tm_min,
                       tm.ngx_tm_sec);
}


u_char *
ngx_http_faas_put_epoch(u_char *p)
{
    ngx_time_t  *tp;

    tp = ngx_timeofday();

    return ngx_sprintf(p, "%uL", (uint64_t) tp->sec * 1000 + tp->msec);
}


/* Path parameters of HTTP APIs are decoded, of REST APIs not. */

u_char *
ngx_http_faas_put_params(u_char *p, ngx_http_faas_hit_t *hit, ngx_uint_t raw)
{
    ngx_str_t      name, value;
    ngx_uint_t     i;
    faas_param_t  *param;

    *p++ = '{';

    for (i = 0; i < hit->n; i++) {
        param = &hit->params[i];

        if (i) {
            *p++ = ',';
        }

        name.data = (u_char *) param->name;
        name.len = param->name_len;
        value.data = (u_char *) (raw ? param->raw : param->text);
        value.len = raw ? param->raw_len : param->text_len;

        p = ngx_http_faas_put_str(p, &name);
        *p++ = ':';
        p = ngx_http_faas_put_str(p, &value);
    }

    *p++ = '}';

    return p;
}


u_char *
ngx_http_faas_put_stage_variables(u_char *p, ngx_http_faas_hit_t *hit)
{
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    kv = hit->stage->variables->elts;

    *p++ = '{';

    for (i = 0; i < hit->stage->variables->nelts; i++) {

        if (i) {
            *p++ = ',';
        }

        p = ngx_http_faas_put_str(p, &kv[i].key);
        *p++ = ':';
        p = ngx_http_faas_put_str(p, &kv[i].value);
    }

    *p++ = '}';

    return p;
}


/* What a token has said. */

u_char *
ngx_http_faas_put_authorizer(u_char *p, ngx_http_faas_hit_t *hit)
{
    p = ngx_http_faas_put(p, "{\"claims\":");
    p = ngx_cpymem(p, hit->claims.data, hit->claims.len);
    p = ngx_http_faas_put(p, ",\"scopes\":");
    p = ngx_cpymem(p, hit->scopes.data, hit->scopes.len);
    *p++ = '}';

    return p;
}


/* PATH with the stage in front, if the client has it there. */

u_char *
ngx_http_faas_put_path(u_char *p, ngx_http_faas_hit_t *hit, ngx_str_t *path)
{
    *p++ = '"';

    if (hit->prefixed) {
        *p++ = '/';
        p = ngx_cpymem(p, hit->stage->name.data, hit->stage->name.len);
    }

    p = faas_json_escape(p, path->data, path->len);
    *p++ = '"';

    return p;
}


/* The string alone. */

u_char *
ngx_http_faas_put_body(u_char *p, ngx_http_faas_parts_t *parts)
{
    *p++ = '"';

    p = parts->base64
        ? faas_base64_encode(p, parts->body, parts->body_len)
        : faas_json_escape(p, parts->body, parts->body_len);

    *p++ = '"';

    return p;
}
