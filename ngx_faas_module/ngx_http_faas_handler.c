/*
 * The content handler of faas_pass.
 *
 * Runs in workers.  The body is read first: a slow client must not hold an
 * environment.
 */

#include "ngx_http_faas_stream.h"


static ngx_int_t ngx_http_faas_resolve(ngx_http_request_t *r,
    ngx_http_faas_loc_conf_t *flcf, ngx_http_faas_function_t **fn);
static void ngx_http_faas_body_handler(ngx_http_request_t *r);


/* Without a scoreboard, or a place in it, there is nothing to ask. */

ngx_uint_t
ngx_http_faas_usable(ngx_http_faas_function_t *fn)
{
    return ngx_http_faas_board.head != NULL && fn->index != FAAS_NIL;
}


ngx_int_t
ngx_http_faas_handler(ngx_http_request_t *r)
{
    ngx_int_t                  rc;
    ngx_http_faas_loc_conf_t  *flcf;
    ngx_http_faas_function_t  *fn;

    flcf = ngx_http_get_module_loc_conf(r, ngx_http_faas_module);

    if (ngx_http_faas_resolve(r, flcf, &fn) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (fn == NULL) {
        rc = ngx_http_discard_request_body(r);

        return rc == NGX_OK ? ngx_http_faas_refuse(r, NGX_HTTP_NOT_FOUND) : rc;
    }

    return ngx_http_faas_invoke(r, flcf, fn, NULL);
}


/* The function is known; HIT says by which route, if there are any. */

ngx_int_t
ngx_http_faas_invoke(ngx_http_request_t *r, ngx_http_faas_loc_conf_t *flcf,
    ngx_http_faas_function_t *fn, ngx_http_faas_hit_t *hit)
{
    ngx_int_t             rc;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_faas_create_ctx(r);
    if (ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ctx->flcf = flcf;
    ctx->function = fn;
    ctx->hit = hit;
    ctx->cgi = ngx_http_faas_is_cgi(fn);
    ctx->arrived_us = faas_now_us();

    ngx_http_faas_uuid(ctx->request_id);

    if (hit && ngx_http_faas_reply_ids(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    /* the length of a chunked body is known only when it was read */

    if (r == r->main
        && r->headers_in.content_length_n > (off_t) flcf->request_max)
    {
        ngx_str_set(&ctx->error, "RequestEntityTooLargeException");

        if (ngx_http_faas_usable(fn)) {
            faas_counter_add(&ngx_http_faas_board, fn->index,
                             FAAS_CNT_request_too_large, 1);
        }

        rc = ngx_http_discard_request_body(r);

        return rc == NGX_OK ? ngx_http_faas_refuse(r, 413) : rc;
    }

    if (ngx_http_faas_upstream(r, ctx) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_faas_body_handler);

    if (rc >= NGX_HTTP_SPECIAL_RESPONSE) {
        return rc;
    }

    return NGX_DONE;
}


/* *FN is NULL when there is no function of that name. */

static ngx_int_t
ngx_http_faas_resolve(ngx_http_request_t *r, ngx_http_faas_loc_conf_t *flcf,
    ngx_http_faas_function_t **fn)
{
    ngx_str_t                   name;
    ngx_http_faas_main_conf_t  *fmcf;

    *fn = flcf->function;

    if (*fn == NULL && flcf->name) {

        if (ngx_http_complex_value(r, flcf->name, &name) != NGX_OK) {
            return NGX_ERROR;
        }

        fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);

        *fn = ngx_http_faas_find(fmcf, name.data, name.len);

        if (*fn == NULL) {
            ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                          "faas: unknown function \"%V\"", &name);
        }
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_faas_upstream(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    if (ngx_http_upstream_create(r) != NGX_OK) {
        return NGX_ERROR;
    }

    u = r->upstream;

    ngx_str_set(&u->schema, "faas://");
    u->output.tag = (ngx_buf_tag_t) &ngx_http_faas_module;
    u->conf = &ctx->flcf->upstream;

#if (NGX_HTTP_CACHE)
    {
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);

    u->caches = &fmcf->caches;
    u->create_key = ngx_http_faas_create_key;
    }
#endif

    u->create_request = ngx_http_faas_create_request;
    u->reinit_request = ngx_http_faas_reinit_request;
    u->process_header = ngx_http_faas_process_header;
    u->abort_request = ngx_http_faas_abort;
    u->finalize_request = ngx_http_faas_finalize;
    r->state = 0;

    /*
     * A lambda answer is whole in memory before the first byte of it is
     * sent, so there is nothing to buffer; but only the buffered way can
     * write to the cache.
     */

    u->buffering = ctx->cgi ? u->conf->buffering : 0;

#if (NGX_HTTP_CACHE)
    u->buffering |= u->conf->cache;
#endif

    if (u->buffering) {
        u->pipe = ngx_pcalloc(r->pool, sizeof(ngx_event_pipe_t));
        if (u->pipe == NULL) {
            return NGX_ERROR;
        }

        u->pipe->input_filter = ngx_http_faas_pipe_filter;
        u->pipe->input_ctx = r;
    }

    u->input_filter_init = ngx_http_faas_filter_init;
    u->input_filter = ngx_http_faas_filter;
    u->input_filter_ctx = r;

    ngx_http_faas_stream_ask(ctx);

    return NGX_OK;
}


static void
ngx_http_faas_body_handler(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);

    rc = ctx->hit ? ngx_http_faas_iam_body(r, ctx->hit) : NGX_OK;

    if (rc != NGX_OK) {
        ngx_str_set(&ctx->error, "AccessDeniedException");
        ngx_http_finalize_request(r, ngx_http_faas_refuse(r, rc));
        return;
    }

    if (!ngx_http_faas_usable(ctx->function)) {
        ngx_str_set(&ctx->error, "Gateway.Unavailable");
        ngx_http_finalize_request(r, ngx_http_faas_refuse(r, 503));
        return;
    }

    if (ngx_http_faas_body_length(r) > (off_t) ctx->flcf->request_max) {
        ngx_str_set(&ctx->error, "RequestEntityTooLargeException");
        faas_counter_add(&ngx_http_faas_board, ctx->function->index,
                         FAAS_CNT_request_too_large, 1);
        ngx_http_finalize_request(r, ngx_http_faas_refuse(r, 413));
        return;
    }

    ngx_http_upstream_init(r);
}
