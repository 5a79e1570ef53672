/*
 * Streamed answers up to the response header (contract, section 1.6), and
 * those that are collected because their caller takes no stream.
 *
 * Runs in workers.  The records that make an answer a stream are described in
 * faas_proto.h.  When the header is known ngx_http_upstream takes over, and
 * the body goes through ngx_http_faas_stream_body.c.
 */

#include "ngx_http_faas_stream.h"
#include "ngx_http_faas_verdict.h"


static ngx_int_t ngx_http_faas_stream_head(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, u_char *data, size_t len);
static ngx_int_t ngx_http_faas_stream_begin(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, size_t len);
static ngx_int_t ngx_http_faas_stream_header(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, size_t len, faas_answer_t *answer);
static ngx_int_t ngx_http_faas_stream_whole(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, size_t len);


/*
 * Does the caller take a stream as it comes?  The route says it, else the
 * location, else the function.
 */

void
ngx_http_faas_stream_ask(ngx_http_faas_ctx_t *ctx)
{
    ngx_flag_t  on;

    if (ctx->call) {
        ctx->streaming = (ctx->call->op == NGX_HTTP_FAAS_OP_STREAM);
        return;
    }

    /* load balancers collect, as AWS's do; who is asked may not go on */

    if (ctx->cgi || ctx->ask
        || (ctx->hit && ctx->hit->api->type == NGX_HTTP_FAAS_API_ALB))
    {
        return;
    }

    on = ctx->hit ? ctx->hit->route->streaming : NGX_CONF_UNSET;

    if (on == NGX_CONF_UNSET) {
        on = ctx->flcf->streaming;
    }

    if (on == NGX_CONF_UNSET) {
        on = ctx->function->streaming;
    }

    ctx->streaming = (on == 1);
}


static ngx_int_t
ngx_http_faas_stream_broken(ngx_http_faas_ctx_t *ctx, const char *reason)
{
    ctx->reader.error = reason;

    return NGX_DECLINED;
}


/* A piece of the content type. */

ngx_int_t
ngx_http_faas_stream_type(ngx_http_faas_ctx_t *ctx, u_char *data, size_t len)
{
    size_t                   i;
    ngx_http_faas_stream_t  *s;

    s = ctx->stream;

    if (s == NULL) {
        s = ngx_pcalloc(ctx->request->pool, sizeof(ngx_http_faas_stream_t));
        if (s == NULL) {
            return NGX_ERROR;
        }

        ctx->stream = s;
        s->left = ctx->flcf->stream_max ? ctx->flcf->stream_max
                                        : NGX_MAX_OFF_T_VALUE;
    }

    if (len > FAAS_STREAM_TYPE_MAX - s->type_len) {
        return ngx_http_faas_stream_broken(ctx, "content type too long");
    }

    ngx_memcpy(s->type + s->type_len, data, len);
    s->type_len += len;

    for (i = s->type_len - len; i < s->type_len; i++) {
        if (s->type[i] < ' ' || s->type[i] == 0x7f) {
            return ngx_http_faas_stream_broken(ctx, "control character in "
                                               "the content type");
        }
    }

    s->prelude = (s->type_len == sizeof(FAAS_STREAM_PRELUDE) - 1
                  && ngx_strncasecmp(s->type, (u_char *) FAAS_STREAM_PRELUDE,
                                     s->type_len)
                     == 0);

    return NGX_OK;
}


/* A piece of the error payload. */

ngx_int_t
ngx_http_faas_stream_error(ngx_http_faas_ctx_t *ctx, u_char *data,
    size_t len)
{
    ngx_str_t  *error;

    error = &ctx->stream->error;

    if (error->data == NULL) {
        error->data = ngx_pnalloc(ctx->request->pool, FAAS_STREAM_ERROR_MAX);
        if (error->data == NULL) {
            return NGX_ERROR;
        }
    }

    if (len > FAAS_STREAM_ERROR_MAX - error->len) {
        return ngx_http_faas_stream_broken(ctx, "error payload too long");
    }

    ngx_memcpy(error->data + error->len, data, len);
    error->len += len;

    return NGX_OK;
}


/* Data, before there is a header, for a caller that takes streams. */

ngx_int_t
ngx_http_faas_stream_data(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    u_char *data, size_t len)
{
    ngx_http_faas_stream_t  *s;

    s = ctx->stream;

    if (ctx->unwanted) {
        ctx->bytes_out += len;
        s->left -= len;

        if (s->left >= 0) {
            return NGX_DECLINED;
        }

        return ngx_http_faas_violation(ctx, FAAS_WHY_TOO_LARGE,
                                       FAAS_CNT_response_too_large,
                                       &ngx_http_faas_err_too_large,
                                       "it is larger than "
                                       "\"faas_streaming_max\"");
    }

    if (s->prelude && ctx->call == NULL) {
        return ngx_http_faas_stream_head(r, ctx, data, len);
    }

    faas_fcgi_unread(&ctx->reader, &r->upstream->buffer.pos, len);

    return ngx_http_faas_stream_begin(r, ctx, 0);
}


/*
 * The rest is read to its end, so that the environment is as good as after
 * any other bad answer.
 */

static ngx_int_t
ngx_http_faas_stream_bad(ngx_http_faas_ctx_t *ctx, const char *reason)
{
    ctx->stream->bad = reason;
    ctx->unwanted = 1;
    ctx->text = NULL;

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_faas_stream_head(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    u_char *data, size_t len)
{
    long  n;

    n = faas_answer_prelude_end(&ctx->stream->zeros, data, len);

    if (n < 0) {
        return ngx_http_faas_stream_bad(ctx, "zero byte in the prelude");
    }

    if (n) {
        faas_fcgi_unread(&ctx->reader, &r->upstream->buffer.pos, len - n);
        len = n;
    }

    ngx_http_faas_append(ctx, data, len);

    if (ctx->text_last - ctx->text > FAAS_STREAM_HEAD_MAX) {
        return ngx_http_faas_stream_bad(ctx, "the prelude is too long");
    }

    return n ? ngx_http_faas_stream_begin(r, ctx, ctx->text_last - ctx->text
                                                  - FAAS_STREAM_ZEROS)
             : NGX_DECLINED;
}


/* LEN: of the prelude, if there is one. */

static ngx_int_t
ngx_http_faas_stream_begin(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    size_t len)
{
    ngx_int_t             rc;
    faas_answer_t         answer;
    ngx_http_upstream_t  *u;

    u = r->upstream;
    u->cacheable = 0;
    u->buffering = 0;

    rc = ctx->call ? ngx_http_faas_call_stream(r, ctx)
                   : ngx_http_faas_stream_header(r, ctx, len, &answer);

    if (rc != NGX_OK) {
        return rc;
    }

    if (ctx->text) {
        ctx->bytes_out = ctx->text_last - ctx->text;
        ctx->text = NULL;
    }

    if (ctx->call == NULL) {
        u->headers_in.status_n = answer.status;

        if (u->state && u->state->status == 0) {
            u->state->status = answer.status;
        }
    }

    u->headers_in.content_length_n = -1;

    if (ngx_http_faas_unwanted(r)) {
        ctx->unwanted = 1;
        return NGX_DECLINED;
    }

    ctx->header_done = 1;
    ctx->flowing = 1;

    ngx_http_faas_stream_start(ctx);

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_stream_header(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    size_t len, faas_answer_t *answer)
{
    int                      rc;
    ngx_http_faas_stream_t  *s;
    ngx_http_faas_result_t   result;

    s = ctx->stream;

    ngx_memzero(answer, sizeof(faas_answer_t));
    answer->status = NGX_HTTP_OK;

    if (s->prelude && ctx->text) {
        result.request = r;
        result.cors = (ctx->hit && ctx->hit->api->cors);

        rc = faas_answer_prelude(ngx_http_faas_format(ctx), ctx->text, len,
                                 &result.answer, ngx_http_faas_answer_header,
                                 &result);
        *answer = result.answer;

        if (rc == FAAS_ANSWER_BAD) {
            return ngx_http_faas_stream_bad(ctx, result.answer.error);
        }

        return rc == FAAS_ANSWER_OK ? NGX_OK : NGX_ERROR;
    }

    if (s->prelude) {                /* it ended before it was written */
        s->type_len = sizeof(FAAS_STREAM_TYPE) - 1;
        ngx_memcpy(s->type, FAAS_STREAM_TYPE, s->type_len);
    }

    return ngx_http_faas_header(r, (u_char *) "Content-Type",
                                sizeof("Content-Type") - 1, s->type,
                                s->type_len);
}


/* END_REQUEST was read before there was a header. */

ngx_int_t
ngx_http_faas_stream_result(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    size_t                   len;
    ngx_http_upstream_t     *u;
    ngx_http_faas_stream_t  *s;

    u = r->upstream;
    s = ctx->stream;

    ctx->ended = 1;
    u->keepalive = (u->buffer.pos == u->buffer.last);

    len = ctx->text ? ctx->text_last - ctx->text : 0;
    ctx->bytes_out += len;

    ngx_http_faas_log_flush(ctx);

    if (ctx->reader.app_status != 0) {
        ctx->text = s->error.data;
        len = s->error.len;

    }

    if (ctx->call) {
        return ngx_http_faas_call_result(r, ctx, len);
    }

    if (ctx->ask) {
        return ngx_http_faas_ask_result(r, ctx, len);
    }

    if (ctx->reader.app_status != 0) {
        return ngx_http_faas_function_error(ctx, len);
    }

    if (ctx->unwanted && s->bad == NULL) {
        ngx_http_faas_lease_end(ctx, FAAS_OUT_SUCCESS, FAAS_WHY_NONE, -1);
        u->buffer.pos = u->buffer.last;
        ctx->header_done = 1;
        return NGX_OK;
    }

    return ngx_http_faas_stream_whole(r, ctx, len);
}


/* All of it, LEN bytes, is there: an answer as any other. */

static ngx_int_t
ngx_http_faas_stream_whole(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    size_t len)
{
    long                     n;
    u_char                  *body;
    unsigned                 zeros;
    ngx_int_t                rc;
    faas_answer_t            answer;
    ngx_http_faas_stream_t  *s;

    static u_char            empty[1];

    s = ctx->stream;
    n = 0;
    body = len ? ctx->text : empty;

    if (s->prelude && len && s->bad == NULL) {
        zeros = 0;
        n = faas_answer_prelude_end(&zeros, body, len);

        if (n <= 0 || n > FAAS_STREAM_HEAD_MAX) {
            (void) ngx_http_faas_stream_bad(ctx, "it has no prelude");
        }
    }

    rc = (s->bad) ? NGX_DECLINED
         : ngx_http_faas_stream_header(r, ctx, n ? n - FAAS_STREAM_ZEROS : 0,
                                       &answer);

    if (rc == NGX_DECLINED) {
        return ngx_http_faas_violation(ctx, FAAS_WHY_NONE,
                                       FAAS_CNT_bad_response,
                                       &ngx_http_faas_err_bad_answer, s->bad);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    answer.body = body + n;
    answer.body_len = len - n;

    ngx_http_faas_lease_end(ctx, FAAS_OUT_SUCCESS, FAAS_WHY_NONE, -1);

    return ngx_http_faas_accept(r, ctx, &answer);
}
