/*
 * Reading from and writing to environments.
 *
 * Runs in workers.  These stand between ngx_http_upstream and the socket:
 * where it would see an error and answer 502, the request is to learn first
 * what happened to the environment, and to be answered with that.
 */

#include "ngx_http_faas_stream.h"


/* how long an answer waits for the supervisor to say what happened */
#define NGX_HTTP_FAAS_POST_MORTEM_MS  200


static ngx_http_faas_ctx_t *
ngx_http_faas_conn_ctx(ngx_connection_t *c)
{
    ngx_http_request_t  *r;

    r = c->data;

    return r->upstream->peer.data;
}


ssize_t
ngx_http_faas_recv(ngx_connection_t *c, u_char *buf, size_t size)
{
    ssize_t               n;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_faas_conn_ctx(c);

    if (ctx->flowing) {
        return ngx_http_faas_stream_recv(ctx, c, buf, size);
    }

    if (ctx->failure && !ctx->header_done) {
        return ngx_http_faas_recv_failure(c, buf, size);
    }

    if (ctx->post_mortem) {
        return NGX_AGAIN;
    }

    n = ngx_recv(c, buf, size);

    if (n > 0 && ctx->tunnel) {
        ngx_http_faas_tunnel_heard(ctx);
    }

    if (n > 0 || n == NGX_AGAIN || ctx->ended || ctx->header_done) {
        return n;
    }

    if (ngx_http_faas_dies(ctx)) {
        return ngx_http_faas_recv_failure(c, buf, size);
    }

    c->read->ready = 0;

    return NGX_AGAIN;
}


/* It ended in the middle of the invocation: why?  0: wait for the reason. */

ngx_uint_t
ngx_http_faas_dies(ngx_http_faas_ctx_t *ctx)
{
    if (!ctx->running || ctx->counted
        || !ngx_http_faas_board.head->supervisor_up)
    {
        ngx_http_faas_died(ctx, FAAS_WHY_NONE, 0);
        return 1;
    }

    if (ngx_http_faas_autopsy(ctx)) {
        return 1;
    }

    ctx->post_mortem = 1;
    ctx->timer.timedout = 0;

    ngx_add_timer(&ctx->timer, NGX_HTTP_FAAS_POST_MORTEM_MS);
    ngx_http_faas_watch(ctx);
    ngx_http_faas_ring(FAAS_BELL_KILL, ctx->lease.env);

    return 0;
}


/*
 * One byte, which is not looked at: ngx_http_upstream calls process_header
 * only when something was read, and that gives the answer.
 */

ssize_t
ngx_http_faas_recv_failure(ngx_connection_t *c, u_char *buf, size_t size)
{
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_faas_conn_ctx(c);

    if (ctx->failure == NULL || ctx->header_done || size == 0) {
        return NGX_AGAIN;
    }

    *buf = 0;

    return 1;
}


/* Has the supervisor written down how the environment ended? */

ngx_uint_t
ngx_http_faas_autopsy(ngx_http_faas_ctx_t *ctx)
{
    uint32_t     state, why;
    int32_t      code;
    faas_env_t  *env;

    env = &ngx_http_faas_board.envs[ctx->lease.env];

    state = env->state;
    why = env->why;
    code = env->exit_code;

    if (env->generation != ctx->lease.generation) {
        ngx_http_faas_died(ctx, FAAS_WHY_NONE, 0);
        return 1;
    }

    if (state != FAAS_ENV_DEAD && state != FAAS_ENV_FREE) {
        return 0;
    }

    ngx_http_faas_died(ctx, why, code);

    return 1;
}


/* From the doorbell, or with ctx->timer when no reason came in time. */

void
ngx_http_faas_post_mortem(ngx_http_faas_ctx_t *ctx)
{
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    r = ctx->request;
    c = r->upstream->peer.connection;

    ngx_http_set_log_request(r->connection->log, r);

    if (!ngx_http_faas_autopsy(ctx)) {

        if (!ctx->timer.timedout) {
            ngx_http_faas_watch(ctx);
            return;
        }

        ngx_http_faas_died(ctx, FAAS_WHY_NONE, 0);
    }

    ctx->post_mortem = 0;

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    if (ctx->flowing) {
        (void) ngx_http_faas_stream_cut(ctx);
        c->read->ready = 1;          /* it calls recv, and is told */
    }

    c->read->handler(c->read);
}


ngx_chain_t *
ngx_http_faas_send_chain(ngx_connection_t *c, ngx_chain_t *in, off_t limit)
{
    ngx_chain_t          *cl, *rest;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_faas_conn_ctx(c);

    if (ctx->failure || ctx->post_mortem) {
        rest = NGX_CHAIN_ERROR;

    } else {
        rest = ngx_send_chain(c, in, limit);
    }

    if (rest != NGX_CHAIN_ERROR || c->sent == 0) {
        return rest;
    }

    /*
     * It died while it took the event: as if all was sent, so that
     * ngx_http_upstream goes on to read.
     */

    for (cl = in; cl; cl = cl->next) {
        cl->buf->pos = cl->buf->last;
        cl->buf->file_pos = cl->buf->file_last;
    }

    c->write->error = 0;
    c->error = 0;

    ngx_post_event(c->read, &ngx_posted_events);

    return NULL;
}
