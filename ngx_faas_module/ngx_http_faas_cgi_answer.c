/*
 * Header blocks in text form: of the cgi profile (CGI/1.1, RFC 3875 section
 * 6), and of answers that come from the cache.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_stream.h"


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
    u_char               *colon, *q;
    ngx_http_faas_ctx_t  *ctx;

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

    /* what the gateway says about origins is instead of the application's */

    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);

    if (ctx && ctx->hit && ctx->hit->api->cors
        && ngx_http_faas_cors_is(p, colon - p))
    {
        return NGX_OK;
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

        if (status < 200
            && !(status == NGX_HTTP_SWITCHING_PROTOCOLS
                 && ngx_http_faas_may_upgrade(r)))
        {
            return NGX_HTTP_UPSTREAM_INVALID_HEADER;
        }

        u->headers_in.status_n = status;

        /* with a line of its own nginx would send a body with these */

        if (line->len > 3 && status != NGX_HTTP_NO_CONTENT
            && status != NGX_HTTP_NOT_MODIFIED)
        {
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


/*
 * An environment that breaks the protocol is of no use.  One that has others
 * to answer is not ended for an answer that was bad: clients would have it in
 * their hands whose path or cookie comes back in a header that is too large.
 */

static ngx_int_t
ngx_http_faas_cgi_bad(ngx_http_faas_ctx_t *ctx, const char *reason,
    int32_t counter, uint32_t why)
{
    if (counter == FAAS_CNT_bad_response
        && (ctx->function->kind == NGX_HTTP_FAAS_WEB
            || ctx->lease.capacity > 1))
    {
        why = FAAS_WHY_NONE;
    }

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "faas: answer of application \"%V\" from environment %V "
                  "refused: %s", &ctx->function->name, &ctx->peer_name,
                  reason);

    ngx_http_faas_fail(ctx, &ngx_http_faas_err_bad_answer);
    ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_UNHANDLED, why, counter);

    return ngx_http_faas_failure_answer(ctx);
}


/*
 * Is the answer one of which nginx takes no more than the header?  Then it is
 * read to its end here: ngx_http_upstream would leave at once, and the
 * environment with it.
 */

ngx_uint_t
ngx_http_faas_unwanted(ngx_http_request_t *r)
{
    ngx_uint_t                 i, status;
    ngx_http_upstream_t       *u;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    u = r->upstream;
    status = u->headers_in.status_n;

    if (u->headers_in.x_accel_redirect
        && !(u->conf->ignore_headers & NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT))
    {
        return 1;
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (status >= NGX_HTTP_SPECIAL_RESPONSE && u->conf->intercept_errors
        && clcf->error_pages)
    {
        page = clcf->error_pages->elts;

        for (i = 0; i < clcf->error_pages->nelts; i++) {
            if ((ngx_uint_t) page[i].status == status) {
                return 1;
            }
        }
    }

#if (NGX_HTTP_CACHE)

    if (ngx_http_faas_cache_instead(r, status)) {
        return 1;
    }

    if (u->cacheable) {
        return 0;
    }

#endif

    return r->header_only || r->method == NGX_HTTP_HEAD
           || status == NGX_HTTP_NO_CONTENT
           || status == NGX_HTTP_NOT_MODIFIED;
}


/* The block is complete and lies between text and text_last. */

static ngx_int_t
ngx_http_faas_cgi_header_end(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    ctx->bytes_out += ctx->text_last - ctx->text;

    rc = ngx_http_faas_header_lines(r, ctx->text, ctx->text_last);

    if (rc == NGX_OK
        && u->headers_in.status_n == NGX_HTTP_SWITCHING_PROTOCOLS)
    {
        rc = ngx_http_faas_tunnel(r, ctx);

        if (rc != NGX_DECLINED) {
            return rc;
        }

        rc = NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }

    if (rc == NGX_HTTP_UPSTREAM_INVALID_HEADER) {
        return ngx_http_faas_cgi_bad(ctx, "invalid header",
                                     FAAS_CNT_bad_response,
                                     FAAS_WHY_PROTOCOL);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (ngx_http_faas_unwanted(r)) {
        ctx->unwanted = 1;
        return NGX_AGAIN;
    }

    ctx->rest = u->headers_in.content_length_n;
    ctx->header_done = 1;

    return NGX_OK;
}


/* How many bytes of the slice complete the block that text begins, or 0. */

static size_t
ngx_http_faas_block_rest(u_char *text, u_char *text_last, u_char *data,
    size_t len)
{
    size_t  i;
    enum {
        in_line = 0,
        after_lf,
        after_lf_cr
    } state;

    state = in_line;

    if (text_last > text && text_last[-1] == LF) {
        state = after_lf;

    } else if (text_last > text + 1 && text_last[-1] == CR
               && text_last[-2] == LF)
    {
        state = after_lf_cr;
    }

    for (i = 0; i < len; i++) {

        if (data[i] == LF) {

            if (state != in_line) {
                return i + 1;
            }

            state = after_lf;

        } else {
            state = (data[i] == CR && state == after_lf) ? after_lf_cr
                                                         : in_line;
        }
    }

    return 0;
}


/*
 * Header text is collected at the buffer's beginning.  A slice that has body
 * as well is read once more up to there, so that the body's filters find
 * records cut at some place, as always.
 */

static ngx_int_t
ngx_http_faas_cgi_text(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    faas_fcgi_reader_t *reader, u_char *pos, u_char *data, size_t len)
{
    size_t                n;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (ctx->text == NULL) {
        ctx->text = u->buffer.start;

#if (NGX_HTTP_CACHE)
        if (r->cache) {
            ctx->text += r->cache->header_start;
        }
#endif

        ctx->text_last = ctx->text;
    }

    n = ngx_http_faas_block_rest(ctx->text, ctx->text_last, data, len);

    if (n && n < len) {
        ctx->reader = *reader;
        u->buffer.pos = pos;

        (void) faas_fcgi_read(&ctx->reader, &u->buffer.pos, data + n, &data,
                              &len);
    }

    ngx_memmove(ctx->text_last, data, len);
    ctx->text_last += len;

    return n ? ngx_http_faas_cgi_header_end(r, ctx) : NGX_AGAIN;
}


/* All input is consumed: where the next is read to. */

static ngx_int_t
ngx_http_faas_cgi_room(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (ctx->text && !ctx->unwanted) {
        u->buffer.last = ctx->text_last;

    } else {
        u->buffer.last = u->buffer.start;

#if (NGX_HTTP_CACHE)
        if (r->cache) {
            u->buffer.last += r->cache->header_start;
        }
#endif
    }

    u->buffer.pos = u->buffer.last;

    if (u->buffer.end - u->buffer.last < FAAS_FCGI_HEAD_LEN) {
        return ngx_http_faas_cgi_bad(ctx, "header is larger than "
                                     "\"faas_buffer_size\"",
                                     FAAS_CNT_bad_response,
                                     FAAS_WHY_PROTOCOL);
    }

    return NGX_AGAIN;
}


static ngx_int_t
ngx_http_faas_cgi_ended(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (!ctx->unwanted) {
        ctx->ended = 1;
        return ngx_http_faas_cgi_bad(ctx, "no complete header",
                                     FAAS_CNT_bad_response, FAAS_WHY_NONE);
    }

    ngx_http_faas_cgi_end(ctx, u->buffer.pos == u->buffer.last);

    ctx->rest = 0;
    ctx->header_done = 1;

    return NGX_OK;
}


ngx_int_t
ngx_http_faas_cgi_header(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    size_t                len;
    u_char               *data, *pos;
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;
    faas_fcgi_reader_t    reader;

    u = r->upstream;

    for ( ;; ) {

        reader = ctx->reader;
        pos = u->buffer.pos;

        switch (faas_fcgi_read(&ctx->reader, &u->buffer.pos, u->buffer.last,
                               &data, &len))
        {
        case FAAS_FCGI_R_STDOUT:

            if (ctx->unwanted) {
                ctx->bytes_out += len;
                break;
            }

            rc = ngx_http_faas_cgi_text(r, ctx, &reader, pos, data, len);

            if (rc != NGX_AGAIN) {
                return rc;
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
            return ngx_http_faas_cgi_ended(r, ctx);

        default:
            return ngx_http_faas_cgi_bad(ctx, ctx->reader.error,
                                         FAAS_CNT_protocol_errors,
                                         FAAS_WHY_PROTOCOL);
        }
    }
}
