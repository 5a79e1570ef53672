/*
 * Of "runtime web": the URI that the program gets; an answer of 101, which
 * makes the two connections one of bytes in both directions; a request that
 * takes too long, which is cut off without the others that the program has.
 *
 * Runs in workers.
 */

#include "ngx_http_faas.h"


/*
 * As proxy_pass sends it: as the client did, unless a rewrite or an internal
 * redirect has made another one of it.  FastCGI applications know REQUEST_URI
 * as what the client sent in any case.
 */

ngx_int_t
ngx_http_faas_web_uri(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_str_t *uri)
{
    u_char     *p;
    uintptr_t   escape;

    *uri = r->unparsed_uri;

    if (ctx->function->kind != NGX_HTTP_FAAS_WEB || r->valid_unparsed_uri) {
        return NGX_OK;
    }

    escape = 2 * ngx_escape_uri(NULL, r->uri.data, r->uri.len,
                                NGX_ESCAPE_URI);

    uri->data = ngx_pnalloc(r->pool, r->uri.len + escape + 1 + r->args.len);
    if (uri->data == NULL) {
        return NGX_ERROR;
    }

    p = (u_char *) ngx_escape_uri(uri->data, r->uri.data, r->uri.len,
                                  NGX_ESCAPE_URI);

    if (r->args.len) {
        *p++ = '?';
        p = ngx_cpymem(p, r->args.data, r->args.len);
    }

    uri->len = p - uri->data;

    return NGX_OK;
}


/* May the program's answer be 101? */

ngx_uint_t
ngx_http_faas_may_upgrade(ngx_http_request_t *r)
{
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);

    return ctx && ctx->function->kind == NGX_HTTP_FAAS_WEB && r == r->main
           && r->http_version == NGX_HTTP_VERSION_11
           && r->headers_in.upgrade;
}


/*
 * The header of a 101 was read, in a record of its own; what comes behind it
 * is the program's own.  ngx_http_upstream does the rest.  The time limit is
 * now one between two pieces of data, in either direction, as for any proxy;
 * the lease lasts until the end.
 */

ngx_int_t
ngx_http_faas_tunnel(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_http_upstream_t       *u;
    ngx_http_upstream_conf_t  *conf;

    u = r->upstream;

    if (ctx->reader.left || ctx->reader.padding) {
        return NGX_DECLINED;
    }

    conf = ngx_palloc(r->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return NGX_ERROR;
    }

    *conf = *u->conf;
    conf->read_timeout = ctx->lease.timeout_ms;
    conf->send_timeout = ctx->lease.timeout_ms;
    u->conf = conf;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ctx->tunnel = 1;
    ctx->header_done = 1;

    u->upgrade = 1;
    u->keepalive = 0;

#if (NGX_HTTP_CACHE)
    u->cacheable = 0;
#endif

    return NGX_OK;
}


/* Either side has ended it, or neither has said anything for too long. */

void
ngx_http_faas_tunnel_end(ngx_http_faas_ctx_t *ctx)
{
    ctx->bytes_out = ctx->request->upstream->state->bytes_received;

    ngx_http_faas_lease_end(ctx, FAAS_OUT_SUCCESS, FAAS_WHY_NONE, -1);
}


/*
 * The program has said something in a tunnel, so it is alive.  Without the
 * lock: what is lost of two at a time does not matter.
 */

void
ngx_http_faas_tunnel_heard(ngx_http_faas_ctx_t *ctx)
{
    faas_env_t  *env;

    env = &ngx_http_faas_board.envs[ctx->lease.env];

    if (env->generation == ctx->lease.generation) {
        (void) __atomic_fetch_add(&env->answered, 1, __ATOMIC_RELAXED);
    }
}


/*
 * Time is up.  Is the program still of use to others?  It is, if it has
 * answered any of them since this request began, or spoken in a tunnel.
 */

ngx_uint_t
ngx_http_faas_alive(ngx_http_faas_ctx_t *ctx)
{
    faas_env_t  *env;

    env = &ngx_http_faas_board.envs[ctx->lease.env];

    return ctx->function->kind == NGX_HTTP_FAAS_WEB
           && env->generation == ctx->lease.generation
           && env->answered != ctx->answered;
}
