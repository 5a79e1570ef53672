/*
 * Header blocks in text form: of the cgi profile (CGI/1.1, RFC 3875 section
 * 6), and of answers that come from the cache.
 *
 * Runs in workers.
 */

#include "ngx_http_faas.h"


static ngx_int_t ngx_http_faas_header_lines(ngx_http_request_t *r,
    u_char *pos, u_char *last);
static ngx_int_t ngx_http_faas_header_status(ngx_http_request_t *r);


/* The position behind the empty line, or NULL. */

static u_char *
ngx_http_faas_block_end(u_char *p, u_char *last)
{
    for ( ;; ) {
        p = ngx_strlchr(p, last, LF);

        if (p == NULL) {
            return NULL;
        }

        p++;

        if (p < last && *p == LF) {
            return p + 1;
        }

        if (p + 1 < last && p[0] == CR && p[1] == LF) {
            return p + 2;
        }
    }
}


static ngx_int_t
ngx_http_faas_header_line(ngx_http_request_t *r, u_char *p, u_char *end)
{
    u_char  *colon, *q;

    colon = ngx_strlchr(p, end, ':');

    if (colon == NULL || colon == p) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    for (q = p; q < colon; q++) {
        if (*q <= ' ' || *q >= 0x7f) {
            return NGX_HTTP_UPSTREAM_INVALID_HEADER;
        }
    }

    for (q = colon + 1; q < end && (*q == ' ' || *q == '\t'); q++) {
        /* void */
    }

    while (end > q && (end[-1] == ' ' || end[-1] == '\t')) {
        end--;
    }

    if (ngx_strlchr(q, end, '\0') || ngx_strlchr(q, end, CR)) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    return ngx_http_faas_header(r, p, colon - p, q, end - q);
}


static ngx_int_t
ngx_http_faas_header_lines(ngx_http_request_t *r, u_char *pos, u_char *last)
{
    u_char     *p, *end;
    ngx_int_t   rc;

    for (p = pos; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, LF);

        if (end == NULL || end == p || (end == p + 1 && *p == CR)) {
            break;
        }

        rc = ngx_http_faas_header_line(r, p, end[-1] == CR ? end - 1 : end);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return ngx_http_faas_header_status(r);
}


static ngx_int_t
ngx_http_faas_header_status(ngx_http_request_t *r)
{
    ngx_int_t             status;
    ngx_str_t            *line;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u->headers_in.status) {
        line = &u->headers_in.status->value;

        status = line->len < 3 ? NGX_ERROR : ngx_atoi(line->data, 3);

        if (status == NGX_ERROR || status < 200) {
            return NGX_HTTP_UPSTREAM_INVALID_HEADER;
        }

        u->headers_in.status_n = status;

        if (line->len > 3) {
            u->headers_in.status_line = *line;
        }

    } else if (u->headers_in.location) {
        u->headers_in.status_n = NGX_HTTP_MOVED_TEMPORARILY;

    } else {
        u->headers_in.status_n = NGX_HTTP_OK;
    }

    if (u->state && u->state->status == 0) {
        u->state->status = u->headers_in.status_n;
    }

    return NGX_OK;
}


/* From the cache: the block is all there, the body is not needed. */

ngx_int_t
ngx_http_faas_parse_block(ngx_http_request_t *r, ngx_buf_t *b)
{
    u_char  *end;

    end = ngx_http_faas_block_end(b->pos, b->last);

    if (end == NULL) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    if (ngx_http_faas_header_lines(r, b->pos, end) != NGX_OK) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    b->pos = end;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_cgi_bad(ngx_http_faas_ctx_t *ctx, const char *reason,
    int32_t counter, uint32_t why)
{
    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "faas: answer of application \"%V\" from environment %V "
                  "refused: %s", &ctx->function->name, &ctx->peer_name,
                  reason);

    ngx_http_faas_fail(ctx, &ngx_http_faas_err_bad_answer);
    ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_UNHANDLED, why, counter);

    return ngx_http_faas_failure_answer(ctx);
}


/*
 * The block is complete and lies between text and text_last, unframed.  What
 * follows it in the same record is moved up to it, so that u->buffer holds
 * body first and then frames again.
 */

static ngx_int_t
ngx_http_faas_cgi_header_end(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    u_char *end)
{
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    rc = ngx_http_faas_header_lines(r, ctx->text, end);

    if (rc == NGX_HTTP_UPSTREAM_INVALID_HEADER) {
        return ngx_http_faas_cgi_bad(ctx, "invalid header",
                                     FAAS_CNT_bad_response,
                                     FAAS_WHY_PROTOCOL);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    ctx->rest = u->headers_in.content_length_n;
    ctx->header_done = 1;

    /* body bytes that came along: the filters take them first */

    ctx->early.data = end;
    ctx->early.len = ctx->text_last - end;
    ctx->bytes_out += ctx->text_last - ctx->text;

    return NGX_OK;
}


/* Behind the room that a cache file's own header needs. */

static u_char *
ngx_http_faas_buffer_start(ngx_http_request_t *r)
{
    u_char  *p;

    p = r->upstream->buffer.start;

#if (NGX_HTTP_CACHE)
    if (r->cache) {
        p += r->cache->header_start;
    }
#endif

    return p;
}


/* All input is consumed; what comes next is read behind the text. */

static ngx_int_t
ngx_http_faas_cgi_room(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_buf_t  *b;

    b = &r->upstream->buffer;

    b->pos = ctx->text ? ctx->text_last : ngx_http_faas_buffer_start(r);
    b->last = b->pos;

    if (b->end - b->last < FAAS_FCGI_HEAD_LEN) {
        return ngx_http_faas_cgi_bad(ctx, "header is larger than "
                                     "\"faas_buffer_size\"",
                                     FAAS_CNT_bad_response,
                                     FAAS_WHY_PROTOCOL);
    }

    return NGX_AGAIN;
}


ngx_int_t
ngx_http_faas_cgi_header(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    int                   rc;
    size_t                len;
    u_char               *data, *end;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    for ( ;; ) {

        rc = faas_fcgi_read(&ctx->reader, &u->buffer.pos, u->buffer.last,
                            &data, &len);

        switch (rc) {

        case FAAS_FCGI_R_STDOUT:

            if (ctx->text == NULL) {
                ctx->text = ngx_http_faas_buffer_start(r);
                ctx->text_last = ctx->text;
            }

            ngx_memmove(ctx->text_last, data, len);
            ctx->text_last += len;

            end = ngx_http_faas_block_end(ctx->text, ctx->text_last);

            if (end) {
                return ngx_http_faas_cgi_header_end(r, ctx, end);
            }

            break;

        case FAAS_FCGI_R_STDERR:
            ngx_http_faas_log_text(ctx, data, len);
            break;

        case FAAS_FCGI_R_STDOUT_END:
            break;

        case FAAS_FCGI_R_AGAIN:
            return ngx_http_faas_cgi_room(r, ctx);

        case FAAS_FCGI_R_END:
            ctx->ended = 1;
            return ngx_http_faas_cgi_bad(ctx, "no complete header",
                                         FAAS_CNT_bad_response,
                                         FAAS_WHY_NONE);

        default:
            return ngx_http_faas_cgi_bad(ctx, ctx->reader.error,
                                         FAAS_CNT_protocol_errors,
                                         FAAS_WHY_PROTOCOL);
        }
    }
}
