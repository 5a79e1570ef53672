/*
 * The content handler of faas_api_pass and faas_route: finds the route and
 * hands the request to its target.
 *
 * Runs in workers.  All that can refuse a request does so before its body is
 * read.
 */

#include "ngx_http_faas_auth.h"


static ngx_int_t ngx_http_faas_api_target(ngx_http_request_t *r,
    ngx_http_faas_loc_conf_t *flcf, ngx_http_faas_hit_t *hit);
static ngx_int_t ngx_http_faas_api_named(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
static ngx_int_t ngx_http_faas_api_send(ngx_http_request_t *r,
    ngx_uint_t status, ngx_str_t *type, ngx_str_t *body);


/*
 * NGX_OK, the status of the refusal, or NGX_AGAIN: an authorizer is asked.
 * Too many requests are too many with any token; and whom a route is not for
 * learns nothing else of it.
 */

static ngx_int_t
ngx_http_faas_api_admit(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_int_t  rc;

    if (hit->route == NULL) {
        hit->why = "Gateway.ResourceNotFound";
        return NGX_HTTP_NOT_FOUND;
    }

    if (hit->route->api_key) {
        rc = ngx_http_faas_api_key(r, hit);

        if (rc != NGX_OK) {
            hit->why = "Gateway.InvalidApiKey";
            return rc;
        }
    }

    if (ngx_http_faas_throttle(r, hit)) {
        hit->why = "Gateway.Throttled";
        return 429;
    }

    return hit->route->authorizer ? ngx_http_faas_authorize(r, hit) : NGX_OK;
}


/* Logs know of it, too, for what there is no invocation. */

static ngx_int_t
ngx_http_faas_api_refused(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_uint_t status)
{
    ngx_int_t  rc;

    if (status == NGX_HTTP_INTERNAL_SERVER_ERROR && hit->refusal == NULL) {
        hit->why = NULL;

    } else if (ngx_http_faas_hit_keep(r, hit) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_discard_request_body(r);

    return rc == NGX_OK ? ngx_http_faas_api_refuse(r, hit, status) : rc;
}


/*
 * An update of the cache in the background is the request once more, which was
 * let in: what was found out about it then.  NULL: this is another request.
 */

static ngx_http_faas_hit_t *
ngx_http_faas_api_again(ngx_http_request_t *r)
{
    ngx_http_faas_ctx_t  *ctx;

    if (!r->background || !r->valid_unparsed_uri
        || r->loc_conf != r->parent->loc_conf)
    {
        return NULL;
    }

    ctx = ngx_http_get_module_ctx(r->parent, ngx_http_faas_module);

    return ctx ? ctx->hit : NULL;
}


ngx_int_t
ngx_http_faas_api_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_str_t                  none;
    ngx_http_faas_hit_t       *hit;
    ngx_http_faas_loc_conf_t  *flcf;

    flcf = ngx_http_get_module_loc_conf(r, ngx_http_faas_module);
    hit = ngx_http_faas_api_again(r);

    if (hit) {
        return ngx_http_faas_hit_keep(r, hit) == NGX_OK
               ? ngx_http_faas_api_target(r, flcf, hit)
               : NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    hit = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_hit_t));
    if (hit == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_faas_api_find(r, flcf, hit);

    if (rc == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_http_faas_cors_origin(r, hit);

    if (hit->api->cors
        && ngx_http_faas_cors_headers(r, hit,
                                      ngx_http_faas_cors_preflight(r, hit))
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&none);

    if (ngx_http_faas_cors_preflight(r, hit)) {
        return ngx_http_faas_api_send(r, hit->api->type
                                         == NGX_HTTP_FAAS_API_URL
                                         ? NGX_HTTP_OK : NGX_HTTP_NO_CONTENT,
                                      &none, &none);
    }

    rc = ngx_http_faas_api_admit(r, hit);

    if (rc == NGX_AGAIN) {
        r->main->count++;
        return NGX_DONE;
    }

    return ngx_http_faas_api_go(r, hit, rc);
}


/*
 * RC is what was said of the request: NGX_OK, or the status of a refusal.  A
 * quota is for what was let in.
 */

ngx_int_t
ngx_http_faas_api_go(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_int_t rc)
{
    ngx_http_faas_loc_conf_t  *flcf;

    if (rc == NGX_OK && hit->key) {
        rc = ngx_http_faas_api_key_use(r, hit);

        if (rc != NGX_OK) {
            hit->why = "Gateway.QuotaExceeded";
        }
    }

    if (rc != NGX_OK) {

        if (hit->why == NULL) {
            hit->why = (rc == NGX_HTTP_UNAUTHORIZED) ? "Gateway.Unauthorized"
                                                     : "Gateway.AccessDenied";
        }

        return ngx_http_faas_api_refused(r, hit, rc);
    }

    flcf = ngx_http_get_module_loc_conf(r, ngx_http_faas_module);

    return ngx_http_faas_api_target(r, flcf, hit);
}


static ngx_int_t
ngx_http_faas_api_target(ngx_http_request_t *r,
    ngx_http_faas_loc_conf_t *flcf, ngx_http_faas_hit_t *hit)
{
    if (hit->route->function) {
        return ngx_http_faas_invoke(r, flcf, hit->route->function, hit);
    }

    if (hit->route->location.len) {
        return ngx_http_faas_api_named(r, hit);
    }

    return ngx_http_faas_api_send(r, hit->route->status,
                                  &hit->route->body_type, &hit->route->body);
}


/* The location goes on with the request as it is. */

static ngx_int_t
ngx_http_faas_api_named(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_int_t  rc;

    rc = ngx_http_named_location(r, &hit->route->location);

    /* the request has been finalized, or will be */

    return rc == NGX_DONE ? NGX_DONE : rc;
}


static ngx_int_t
ngx_http_faas_api_send(ngx_http_request_t *r, ngx_uint_t status,
    ngx_str_t *type, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    rc = ngx_http_discard_request_body(r);

    if (rc != NGX_OK) {
        return rc;
    }

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;

    if (body->len) {
        r->headers_out.content_type = *type;
        r->headers_out.content_type_len = type->len;
        r->headers_out.content_type_lowcase = NULL;
    }

    if (status == NGX_HTTP_NO_CONTENT || status == NGX_HTTP_NOT_MODIFIED) {
        r->header_only = 1;
        r->headers_out.content_length_n = -1;
    }

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = body->data;
    b->last = body->data + body->len;
    b->memory = body->len ? 1 : 0;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;
    b->sync = (body->len == 0 && !b->last_buf) ? 1 : 0;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
