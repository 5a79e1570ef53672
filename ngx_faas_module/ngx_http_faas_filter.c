/*
 * Response bodies: of the lambda profile (already whole in u->buffer) and of
 * the cgi profile (frames, as they come).
 *
 * Runs in workers.  The shape of the two cgi filters is that of
 * ngx_http_fastcgi_module, whose rules for shadow buffers they follow.
 */

#include "ngx_http_faas_stream.h"


static ngx_int_t ngx_http_faas_slice(ngx_http_faas_ctx_t *ctx,
    u_char **pos, u_char *last, u_char **data, size_t *len);


ngx_int_t
ngx_http_faas_filter_init(void *data)
{
    ngx_http_request_t   *r = data;

    ngx_http_upstream_t  *u;
    ngx_http_faas_ctx_t  *ctx;

    u = r->upstream;
    ctx = u->peer.data;

    if ((!ctx->cgi && !ctx->flowing) || ctx->failure || ctx->unwanted) {
        u->length = 0;

        if (u->buffering) {
            u->pipe->length = u->pipe->preread_size;
        }

        return NGX_OK;
    }

    /* "until the end of file" would take a death for the end */

    u->length = 1;

    if (u->buffering) {

        /* any byte: the connection stays, so no end would make it look */

        u->pipe->length = 1;

        /* a buffer without room would read as the end */

        if (u->buffer.pos == u->buffer.end) {
            u->pipe->preread_bufs = NULL;
        }
    }

    return NGX_OK;
}


/* The application has answered: the environment is free for others. */

void
ngx_http_faas_cgi_end(ngx_http_faas_ctx_t *ctx, ngx_uint_t clean)
{
    ctx->ended = 1;

    ngx_http_faas_log_flush(ctx);

    if (ctx->function->kind == NGX_HTTP_FAAS_WEB
        && ctx->reader.app_status != 0)
    {
        if (ctx->reader.app_status == FAAS_WEB_REPLACED) {
            ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                          "faas: no answer of \"%V\" from environment %V "
                          "that is of use, 502 is sent in its place",
                          &ctx->function->name, &ctx->peer_name);
        }

        ngx_str_set(&ctx->error, "Function.BadResponse");
        ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_UNHANDLED, FAAS_WHY_NONE,
                                FAAS_CNT_bad_response);

    } else {
        ngx_http_faas_lease_end(ctx, FAAS_OUT_SUCCESS, FAAS_WHY_NONE, -1);
    }

    ctx->request->upstream->keepalive = clean;
}


/*
 * The next piece of body in the input: NGX_OK.  NGX_AGAIN: all input is
 * consumed.  NGX_DONE: the end.  NGX_ERROR: a violation, which is logged.
 */

static ngx_int_t
ngx_http_faas_slice(ngx_http_faas_ctx_t *ctx, u_char **pos, u_char *last,
    u_char **data, size_t *len)
{
    for ( ;; ) {

        switch (faas_fcgi_read(&ctx->reader, pos, last, data, len)) {

        case FAAS_FCGI_R_STDOUT:
            ctx->bytes_out += *len;

            if (ctx->rest >= 0 && (off_t) *len > ctx->rest) {
                ngx_log_error(NGX_LOG_WARN, ctx->request->connection->log, 0,
                              "faas: application \"%V\" sent more data than "
                              "specified in \"Content-Length\" header",
                              &ctx->function->name);
                *len = ctx->rest;
            }

            if (ctx->rest >= 0) {
                ctx->rest -= *len;
            }

            if (*len == 0) {
                continue;
            }

            return NGX_OK;

        case FAAS_FCGI_R_STDERR:
            ngx_http_faas_log_text(ctx, *data, *len);
            continue;

        case FAAS_FCGI_R_STDOUT_END:
            continue;

        case FAAS_FCGI_R_AGAIN:
            return NGX_AGAIN;

        case FAAS_FCGI_R_END:
            ngx_http_faas_cgi_end(ctx, *pos == last);
            return NGX_DONE;

        default:
            ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                          "faas: application \"%V\" in environment %V broke "
                          "the protocol: %s", &ctx->function->name,
                          &ctx->peer_name, ctx->reader.error);
            ngx_http_faas_fail(ctx, &ngx_http_faas_err_protocol);
            ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_UNHANDLED,
                                    FAAS_WHY_PROTOCOL,
                                    FAAS_CNT_protocol_errors);
            return NGX_ERROR;
        }
    }
}


/* An answer shorter than it said must not look complete, nor be cached. */

static ngx_int_t
ngx_http_faas_short(ngx_http_faas_ctx_t *ctx)
{
    if (ctx->function->kind == NGX_HTTP_FAAS_WEB
        && ctx->reader.app_status == FAAS_WEB_CUT)
    {
        ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                      "faas: the answer of \"%V\" from environment %V is cut "
                      "short", &ctx->function->name, &ctx->peer_name);
        return 1;
    }

    if (ctx->rest <= 0 || ctx->request->header_only) {
        return 0;
    }

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "faas: application \"%V\" sent %O bytes less than specified "
                  "in \"Content-Length\" header", &ctx->function->name,
                  ctx->rest);

    return 1;
}


/* --- not buffered --- */

ngx_int_t
ngx_http_faas_out(ngx_http_request_t *r, ngx_chain_t ***ll, u_char *data,
    size_t len)
{
    ngx_chain_t          *cl;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    cl = ngx_chain_get_free_buf(r->pool, &u->free_bufs);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    **ll = cl;
    *ll = &cl->next;

    cl->buf->flush = 1;
    cl->buf->memory = 1;
    cl->buf->pos = data;
    cl->buf->last = data + len;
    cl->buf->tag = u->output.tag;

    return NGX_OK;
}


ngx_int_t
ngx_http_faas_filter(void *data, ssize_t bytes)
{
    ngx_http_request_t   *r = data;

    size_t                len;
    u_char               *pos, *last, *piece;
    ngx_int_t             rc;
    ngx_chain_t          *cl, **ll;
    ngx_http_upstream_t  *u;
    ngx_http_faas_ctx_t  *ctx;

    u = r->upstream;
    ctx = u->peer.data;

    for (cl = u->out_bufs, ll = &u->out_bufs; cl; cl = cl->next) {
        ll = &cl->next;
    }

    pos = u->buffer.last;
    last = pos + bytes;
    u->buffer.last = last;

    if (ctx->flowing) {
        return ngx_http_faas_stream_filter(r, ctx, pos, last);
    }

    if (!ctx->cgi || ctx->failure) {
        return ngx_http_faas_out(r, &ll, pos, bytes);
    }

    for ( ;; ) {
        rc = ngx_http_faas_slice(ctx, &pos, last, &piece, &len);

        if (rc == NGX_OK) {
            if (ngx_http_faas_out(r, &ll, piece, len) != NGX_OK) {
                return NGX_ERROR;
            }

            continue;
        }

        if (rc == NGX_DONE) {

            /* one that is short must not look like the end */

            if (ngx_http_faas_short(ctx)) {
                u->error = 1;

            } else {
                u->length = 0;
            }
        }

        return rc == NGX_ERROR ? NGX_ERROR : NGX_OK;
    }
}


/* --- buffered --- */

static ngx_int_t
ngx_http_faas_pipe_add(ngx_event_pipe_t *p, u_char *data, size_t len,
    ngx_buf_t **out)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    cl = ngx_chain_get_free_buf(p->pool, &p->free);
    if (cl == NULL) {
        return NGX_ERROR;
    }

    b = cl->buf;

    ngx_memzero(b, sizeof(ngx_buf_t));

    b->pos = data;
    b->last = data + len;
    b->tag = p->tag;
    b->temporary = 1;

    if (p->in) {
        *p->last_in = cl;

    } else {
        p->in = cl;
    }

    p->last_in = &cl->next;

    *out = b;

    return NGX_OK;
}


ngx_int_t
ngx_http_faas_pipe_filter(ngx_event_pipe_t *p, ngx_buf_t *buf)
{
    size_t                len;
    u_char               *pos, *data;
    ngx_buf_t            *b, **prev;
    ngx_int_t             rc;
    ngx_http_request_t   *r;
    ngx_http_faas_ctx_t  *ctx;

    r = p->input_ctx;
    ctx = r->upstream->peer.data;

    if (!ctx->cgi || ctx->failure) {
        return ngx_event_pipe_copy_input_filter(p, buf);
    }

    b = NULL;
    prev = &buf->shadow;
    pos = buf->pos;

    if (pos == buf->last) {
        return NGX_OK;
    }

    for ( ;; ) {
        rc = ngx_http_faas_slice(ctx, &pos, buf->last, &data, &len);

        if (rc != NGX_OK) {
            break;
        }

        if (ngx_http_faas_pipe_add(p, data, len, &b) != NGX_OK) {
            return NGX_ERROR;
        }

        b->start = buf->start;
        b->end = buf->end;
        b->recycled = 1;
        b->num = buf->num;

        *prev = b;
        prev = &b->shadow;
    }

    if (rc == NGX_DONE) {
        p->upstream_error = ngx_http_faas_short(ctx);
        p->upstream_done = !p->upstream_error;
    }

    if (rc == NGX_ERROR) {
        return NGX_ERROR;
    }

    if (b == NULL) {                 /* it can be read into again */
        return ngx_event_pipe_add_free_buf(p, buf);
    }

    b->shadow = buf;
    b->last_shadow = 1;

    return NGX_OK;
}
