/*
 * Who asks: the values of an authorizer's identity sources (contract, section
 * 7.7).
 *
 * Runs in workers; takes no locks.  What a function sees of a header or an
 * argument that comes more than once is all of it, joined: so is the value
 * here, and with it the key by which an answer is kept.
 */

#include "ngx_http_faas_verdict.h"


static ngx_int_t ngx_http_faas_identity_value(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_http_faas_source_t *source,
    ngx_str_t *value);
static ngx_int_t ngx_http_faas_identity_headers(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_faas_identity_query(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static ngx_int_t ngx_http_faas_identity_context(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_uint_t context, ngx_str_t *value);
static void ngx_http_faas_identity_stage(ngx_http_faas_hit_t *hit,
    ngx_str_t *name, ngx_str_t *value);


/* ask->values; NGX_DECLINED: one of them is missing or empty. */

ngx_int_t
ngx_http_faas_identities(ngx_http_request_t *r, ngx_http_faas_ask_t *ask)
{
    ngx_str_t                   *value;
    ngx_uint_t                   i, n;
    ngx_http_faas_source_t      *source;
    ngx_http_faas_authorizer_t  *a;

    a = ask->hit->route->authorizer;
    n = a->sources ? a->sources->nelts : 0;

    if (ngx_array_init(&ask->values, r->pool, n ? n : 1, sizeof(ngx_str_t))
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    source = n ? a->sources->elts : NULL;

    for (i = 0; i < n; i++) {
        value = ngx_array_push(&ask->values);

        ngx_str_null(value);

        if (ngx_http_faas_identity_value(r, ask->hit, &source[i], value)
            != NGX_OK)
        {
            return NGX_ERROR;
        }

        if (value->len == 0) {
            return NGX_DECLINED;
        }
    }

    return NGX_OK;
}


/* Empty if there is none. */

static ngx_int_t
ngx_http_faas_identity_value(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_http_faas_source_t *source, ngx_str_t *value)
{
    switch (source->kind) {

    case NGX_HTTP_FAAS_SOURCE_HEADER:
        return ngx_http_faas_identity_headers(r, &source->name, value);

    case NGX_HTTP_FAAS_SOURCE_QUERY:
        return ngx_http_faas_identity_query(r, &source->name, value);

    case NGX_HTTP_FAAS_SOURCE_CONTEXT:
        return ngx_http_faas_identity_context(r, hit, source->context,
                                              value);

    default:
        ngx_http_faas_identity_stage(hit, &source->name, value);
        return NGX_OK;
    }
}


/* One more of the same name. */

static ngx_int_t
ngx_http_faas_identity_join(ngx_http_request_t *r, ngx_str_t *value,
    ngx_str_t *more)
{
    u_char  *p;

    if (value->data == NULL) {
        *value = *more;
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value->len + 1 + more->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, value->data, value->len);
    p[value->len] = ',';
    ngx_memcpy(p + value->len + 1, more->data, more->len);

    value->data = p;
    value->len += 1 + more->len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_identity_headers(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0
                && ngx_http_faas_identity_join(r, value, &h[i].value)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    return NGX_OK;
}


/* As functions get arguments: decoded, "+" is a space. */

static ngx_int_t
ngx_http_faas_identity_decode(ngx_http_request_t *r, u_char *p, u_char *last,
    ngx_str_t *text)
{
    u_char     *dst;
    ngx_int_t   ch;

    dst = ngx_pnalloc(r->pool, last - p + 1);
    if (dst == NULL) {
        return NGX_ERROR;
    }

    text->data = dst;

    while (p < last) {

        if (*p == '%' && last - p > 2) {
            ch = ngx_hextoi(p + 1, 2);

            if (ch != NGX_ERROR) {
                *dst++ = (u_char) ch;
                p += 3;
                continue;
            }
        }

        *dst++ = (*p == '+') ? ' ' : *p;
        p++;
    }

    text->len = dst - text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_identity_query(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char     *p, *last, *end, *eq;
    ngx_str_t   key, text;

    last = r->args.data + r->args.len;

    for (p = r->args.data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, '&');
        end = end ? end : last;

        eq = ngx_strlchr(p, end, '=');
        eq = eq ? eq : end;

        if (ngx_http_faas_identity_decode(r, p, eq, &key) != NGX_OK) {
            return NGX_ERROR;
        }

        if (key.len != name->len
            || ngx_memcmp(key.data, name->data, key.len) != 0)
        {
            continue;
        }

        eq += (eq < end);

        if (ngx_http_faas_identity_decode(r, eq, end, &text) != NGX_OK
            || ngx_http_faas_identity_join(r, value, &text) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_identity_path(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_str_t *value)
{
    u_char  *p;

    *value = hit->raw;

    if (!hit->prefixed) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, 1 + hit->stage->name.len + hit->raw.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    value->data = p;
    value->len = ngx_sprintf(p, "/%V%V", &hit->stage->name, &hit->raw) - p;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_identity_context(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_uint_t context, ngx_str_t *value)
{
    ngx_str_t  *agent;

    switch (context) {

    case NGX_HTTP_FAAS_CONTEXT_METHOD:
        *value = r->method_name;
        break;

    case NGX_HTTP_FAAS_CONTEXT_SOURCE_IP:
        *value = r->connection->addr_text;
        break;

    case NGX_HTTP_FAAS_CONTEXT_USER_AGENT:
        agent = ngx_http_faas_request_header(r, "User-Agent");

        if (agent) {
            *value = *agent;
        }

        break;

    case NGX_HTTP_FAAS_CONTEXT_PATH:
        return ngx_http_faas_identity_path(r, hit, value);

    case NGX_HTTP_FAAS_CONTEXT_PROTOCOL:
        *value = r->http_protocol;
        break;

    case NGX_HTTP_FAAS_CONTEXT_RESOURCE:
        *value = hit->route->path;
        break;

    case NGX_HTTP_FAAS_CONTEXT_ROUTE:
        *value = hit->route->key;
        break;

    default:
        ngx_http_faas_stage_name(hit, value);
        break;
    }

    return NGX_OK;
}


static void
ngx_http_faas_identity_stage(ngx_http_faas_hit_t *hit, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    if (hit->stage == NULL || hit->stage->variables == NULL) {
        return;
    }

    kv = hit->stage->variables->elts;

    for (i = 0; i < hit->stage->variables->nelts; i++) {
        if (kv[i].key.len == name->len
            && ngx_memcmp(kv[i].key.data, name->data, name->len) == 0)
        {
            *value = kv[i].value;
            return;
        }
    }
}
