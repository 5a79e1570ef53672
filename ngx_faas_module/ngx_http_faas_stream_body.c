/*
 * Bodies of streamed answers: what the function writes goes to the client at
 * once, no faster than the client reads and no more than is allowed.
 *
 * Runs in workers.  u->buffer is all the memory there is for what is on its
 * way: ngx_http_upstream reads when there is room in it, and begins anew when
 * the client has all of it.  So a client that does not read stops the worker's
 * reading, and that the function's writing.
 *
 * When a stream fails, the client gets what came before, and no proper end.
 */

#include "ngx_http_faas_stream.h"


static ngx_int_t ngx_http_faas_stream_put(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, u_char *data, size_t len);
static ngx_int_t ngx_http_faas_stream_end(ngx_http_faas_ctx_t *ctx,
    ngx_uint_t clean);
static void ngx_http_faas_stream_resume(ngx_event_t *ev);


/* The header is sent now. */

void
ngx_http_faas_stream_start(ngx_http_faas_ctx_t *ctx)
{
    ngx_http_faas_stream_t  *s;

    s = ctx->stream;

    s->tokens = ctx->flcf->stream_burst;
    s->filled = ngx_current_msec;
    s->pause.handler = ngx_http_faas_stream_resume;
    s->pause.data = ctx;
    s->pause.log = ctx->request->connection->log;
}


void
ngx_http_faas_stream_stop(ngx_http_faas_ctx_t *ctx)
{
    if (ctx->stream->pause.timer_set) {
        ngx_del_timer(&ctx->stream->pause);
    }
}


/* The function, or we, have broken a rule: it is ended. */

static ngx_int_t
ngx_http_faas_stream_fail(ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_error_t *error, uint32_t why, int32_t counter,
    const char *reason)
{
    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "faas: stream of function \"%V\" from environment %V is "
                  "cut: %s", &ctx->function->name, &ctx->peer_name, reason);

    ngx_http_faas_fail(ctx, error);
    ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_UNHANDLED, why, counter);

    return ngx_http_faas_stream_cut(ctx);
}


/*
 * Called as input_filter: [POS, LAST) are records, cut anywhere.  Their data
 * are moved together, so that they make one buffer however small they are.
 */

ngx_int_t
ngx_http_faas_stream_filter(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    u_char *pos, u_char *last)
{
    int         type;
    size_t      len;
    u_char     *data, *start, *end;
    ngx_int_t   rc;

    start = pos;
    end = pos;
    rc = NGX_OK;

    do {
        type = faas_fcgi_read(&ctx->reader, &pos, last, &data, &len);

        switch (type) {

        case FAAS_FCGI_R_STDOUT:

            if (end == start) {
                start = data;
                end = data;

            } else if (end != data) {
                ngx_memmove(end, data, len);
            }

            end += len;
            break;

        case FAAS_FCGI_R_STDERR:
            ngx_http_faas_log_text(ctx, data, len);
            break;

        case FAAS_FCGI_R_STREAM_ERROR:
            rc = ngx_http_faas_stream_error(ctx, data, len);
            break;

        default:
            break;
        }

    } while (type != FAAS_FCGI_R_AGAIN && type != FAAS_FCGI_R_END
             && type != FAAS_FCGI_R_BAD && rc == NGX_OK);

    if (rc == NGX_ERROR
        || ngx_http_faas_stream_put(r, ctx, start, end - start) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ctx->failure || type == FAAS_FCGI_R_AGAIN) {
        return NGX_OK;
    }

    if (type == FAAS_FCGI_R_END) {
        return ngx_http_faas_stream_end(ctx, pos == last);
    }

    return ngx_http_faas_stream_fail(ctx, &ngx_http_faas_err_protocol,
                                     FAAS_WHY_PROTOCOL,
                                     FAAS_CNT_protocol_errors,
                                     ctx->reader.error);
}


/* The end of what waits to be sent. */

static ngx_chain_t **
ngx_http_faas_stream_tail(ngx_http_upstream_t *u)
{
    ngx_chain_t  **ll;

    for (ll = &u->out_bufs; *ll; ll = &(*ll)->next) { /* void */ }

    return ll;
}


static ngx_int_t
ngx_http_faas_stream_put(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    u_char *data, size_t len)
{
    size_t                    n;
    ngx_int_t                 rc;
    ngx_chain_t             **ll;
    ngx_http_faas_stream_t   *s;

    if (len == 0) {
        return NGX_OK;
    }

    s = ctx->stream;
    n = (size_t) ngx_min((off_t) len, s->left);

    ctx->bytes_out += len;
    s->tokens -= n;
    s->left -= n;

    if (n) {
        ll = ngx_http_faas_stream_tail(r->upstream);

        rc = ctx->call ? ngx_http_faas_frame_chunk(r, &ll, data, n)
                       : ngx_http_faas_out(r, &ll, data, n);

        if (rc != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (n == len) {
        return NGX_OK;
    }

    return ngx_http_faas_stream_fail(ctx, &ngx_http_faas_err_too_large,
                                     FAAS_WHY_TOO_LARGE,
                                     FAAS_CNT_response_too_large,
                                     "it is larger than "
                                     "\"faas_streaming_max\"");
}


/* END_REQUEST was read: the environment is free for others. */

static ngx_int_t
ngx_http_faas_stream_end(ngx_http_faas_ctx_t *ctx, ngx_uint_t clean)
{
    ngx_str_t                 none, tail;
    ngx_chain_t             **ll;
    ngx_http_upstream_t      *u;
    ngx_http_faas_stream_t   *s;

    u = ctx->request->upstream;
    s = ctx->stream;

    ctx->ended = 1;
    u->keepalive = clean;

    ngx_http_faas_log_flush(ctx);

    if (ctx->reader.app_status != 0) {

        if (s->error.len) {
            ngx_http_faas_error_type(ctx, s->error.data, s->error.len);
        }

        ngx_http_faas_fail(ctx, &ngx_http_faas_err_function);

        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "faas: stream of function \"%V\" from environment %V "
                      "is cut: the function failed: %V",
                      &ctx->function->name, &ctx->peer_name, &ctx->error);

        ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_HANDLED, FAAS_WHY_NONE,
                                -1);

        return ngx_http_faas_stream_cut(ctx);
    }

    ngx_http_faas_lease_end(ctx, FAAS_OUT_SUCCESS, FAAS_WHY_NONE, -1);

    u->length = 0;

    if (ctx->call == NULL) {
        return NGX_OK;
    }

    if (ngx_http_faas_tail_end(ctx, &tail) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_str_null(&none);
    ll = ngx_http_faas_stream_tail(u);

    return ngx_http_faas_frame_complete(ctx->request, &ll, &none, NULL,
                                        &tail);
}


/*
 * ctx->failure ends the stream: visibly, or with a message where there is one
 * for it.  The caller has ended the lease, and sees to it that
 * ngx_http_upstream looks.
 */

ngx_int_t
ngx_http_faas_stream_cut(ngx_http_faas_ctx_t *ctx)
{
    ngx_str_t              details, tail;
    const char            *code;
    ngx_chain_t          **ll;
    ngx_http_upstream_t   *u;

    u = ctx->request->upstream;

    if (ctx->call == NULL) {
        u->error = 1;
        return NGX_OK;
    }

    if (ctx->failure == &ngx_http_faas_err_function) {
        details = ctx->stream->error;
        code = ngx_http_faas_call_code(ctx);

    } else {
        code = ctx->failure->error;

        if (ngx_http_faas_call_failed(ctx, &details) != NGX_OK) {
            code = NULL;
        }
    }

    ll = ngx_http_faas_stream_tail(u);

    if (code == NULL
        || ngx_http_faas_tail_end(ctx, &tail) != NGX_OK
        || ngx_http_faas_frame_complete(ctx->request, &ll, &details, code,
                                        &tail)
           != NGX_OK)
    {
        u->error = 1;
        return NGX_ERROR;
    }

    u->length = 0;

    return NGX_OK;
}


/* --- reading --- */

/* How much of SIZE may be read now; 0: the timer is set. */

static size_t
ngx_http_faas_stream_allowed(ngx_http_faas_ctx_t *ctx, size_t size)
{
    off_t                    more, want, rate, burst;
    ngx_http_faas_stream_t  *s;

    s = ctx->stream;
    rate = ctx->flcf->stream_rate;
    burst = ctx->flcf->stream_burst;

    if (rate == 0) {
        return size;
    }

    more = (off_t) (ngx_current_msec - s->filled) * rate / 1000;

    if (more) {
        s->filled = ngx_current_msec;
        s->tokens = ngx_min(s->tokens + more, burst);
    }

    if (s->tokens > 0) {
        return (size_t) ngx_min((off_t) size, s->tokens);
    }

    /* not for a byte at a time: twenty times a second are enough */

    if (!s->pause.timer_set) {
        want = ngx_max(ngx_min(rate / 20, burst), 1) - s->tokens;
        ngx_add_timer(&s->pause, (ngx_msec_t) (want * 1000 / rate + 1));
    }

    return 0;
}


static void
ngx_http_faas_stream_resume(ngx_event_t *ev)
{
    ngx_connection_t     *c;
    ngx_http_request_t   *r;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;
    c = r->upstream->peer.connection;

    ngx_http_set_log_request(r->connection->log, r);

    c->read->ready = 1;
    c->read->handler(c->read);
}


/*
 * Called as recv.  NGX_ERROR with u->error, or with u->length 0, and nothing
 * "ready": ngx_http_upstream sends what there is, and ends the request then.
 * NGX_AGAIN with what is ready left as it is: there will be another look.
 */

ssize_t
ngx_http_faas_stream_recv(ngx_http_faas_ctx_t *ctx, ngx_connection_t *c,
    u_char *buf, size_t size)
{
    ssize_t  n;

    if (ctx->failure) {
        c->read->ready = 0;
        return NGX_ERROR;
    }

    if (ctx->post_mortem || ctx->ended) {
        return NGX_AGAIN;
    }

    size = ngx_http_faas_stream_allowed(ctx, size);

    if (size == 0) {
        return NGX_AGAIN;
    }

    n = ngx_recv(c, buf, size);

    if (n > 0 || n == NGX_AGAIN) {
        return n;
    }

    /* it ended in the middle of the stream: why, is known soon */

    c->read->ready = 0;
    c->read->eof = 0;
    c->read->error = 0;

    if (!ngx_http_faas_dies(ctx)) {
        return NGX_AGAIN;
    }

    (void) ngx_http_faas_stream_cut(ctx);

    return NGX_ERROR;
}
