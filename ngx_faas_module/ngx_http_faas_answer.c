/*
 * What comes back from an environment, up to the response header.
 *
 * Runs in workers.  In the lambda profile the whole result has to be here
 * before anything is known of the response: it is collected in u->buffer,
 * unframed in place, and mapped in place, so that a usual answer is never
 * copied.
 */

#include "ngx_http_faas_stream.h"
#include "ngx_http_faas_verdict.h"
#include "faas_json.h"


static ngx_int_t ngx_http_faas_lambda(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
static ngx_int_t ngx_http_faas_result(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
static ngx_int_t ngx_http_faas_room(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);


ngx_int_t
ngx_http_faas_process_header(ngx_http_request_t *r)
{
    ngx_http_upstream_t  *u;
    ngx_http_faas_ctx_t  *ctx;

    u = r->upstream;

#if (NGX_HTTP_CACHE)
    if (r->cached) {
        return ngx_http_faas_parse_block(r, &u->buffer);
    }
#endif

    ctx = u->peer.data;

    if (ctx->failure) {
        return ngx_http_faas_failure_answer(ctx);
    }

    return ctx->cgi ? ngx_http_faas_cgi_header(r, ctx)
                    : ngx_http_faas_lambda(r, ctx);
}


/* The function broke a rule: it ends, the client gets "error". */

ngx_int_t
ngx_http_faas_violation(ngx_http_faas_ctx_t *ctx, uint32_t why,
    int32_t counter, ngx_http_faas_error_t *error, const char *reason)
{
    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "faas: answer of function \"%V\" from environment %V "
                  "refused: %s", &ctx->function->name, &ctx->peer_name,
                  reason);

    ngx_http_faas_fail(ctx, error);
    ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_UNHANDLED, why, counter);

    return ngx_http_faas_failure_answer(ctx);
}


/* A record's payload follows the text that is there already. */

void
ngx_http_faas_append(ngx_http_faas_ctx_t *ctx, u_char *data, size_t len)
{
    if (ctx->text == NULL) {
        ctx->text = data;
        ctx->text_last = data + len;
        return;
    }

    if (ctx->text_last != data) {
        ngx_memmove(ctx->text_last, data, len);
    }

    ctx->text_last += len;
}


/* NGX_DECLINED: go on reading. */

static ngx_int_t
ngx_http_faas_collect(ngx_http_faas_ctx_t *ctx, u_char *data, size_t len)
{
    ngx_http_faas_append(ctx, data, len);

    if ((size_t) (ctx->text_last - ctx->text) <= ctx->flcf->response_max) {
        return NGX_DECLINED;
    }

    return ngx_http_faas_violation(ctx, FAAS_WHY_TOO_LARGE,
                                   FAAS_CNT_response_too_large,
                                   &ngx_http_faas_err_too_large,
                                   "it is larger than "
                                   "\"faas_response_max\"");
}


static ngx_int_t
ngx_http_faas_broken(ngx_http_faas_ctx_t *ctx)
{
    return ngx_http_faas_violation(ctx, FAAS_WHY_PROTOCOL,
                                   FAAS_CNT_protocol_errors,
                                   &ngx_http_faas_err_protocol,
                                   ctx->reader.error);
}


static ngx_int_t
ngx_http_faas_lambda(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    int                   type;
    size_t                len;
    u_char               *data;
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    for ( ;; ) {

        type = faas_fcgi_read(&ctx->reader, &u->buffer.pos, u->buffer.last,
                              &data, &len);

        switch (type) {

        case FAAS_FCGI_R_STDOUT:
            rc = (ctx->stream && ctx->streaming)
                 ? ngx_http_faas_stream_data(r, ctx, data, len)
                 : ngx_http_faas_collect(ctx, data, len);

            if (rc != NGX_DECLINED) {
                return rc;
            }

            break;

        case FAAS_FCGI_R_STDERR:
            ngx_http_faas_log_text(ctx, data, len);
            break;

        case FAAS_FCGI_R_STDOUT_END:
            break;

        case FAAS_FCGI_R_AGAIN:
            return ngx_http_faas_room(r, ctx);

        case FAAS_FCGI_R_END:
            return ctx->stream ? ngx_http_faas_stream_result(r, ctx)
                               : ngx_http_faas_result(r, ctx);

        case FAAS_FCGI_R_STREAM:
        case FAAS_FCGI_R_STREAM_ERROR:
            rc = (type == FAAS_FCGI_R_STREAM)
                 ? ngx_http_faas_stream_type(ctx, data, len)
                 : ngx_http_faas_stream_error(ctx, data, len);

            if (rc == NGX_DECLINED) {
                return ngx_http_faas_broken(ctx);
            }

            if (rc != NGX_OK) {
                return rc;
            }

            break;

        default:
            return ngx_http_faas_broken(ctx);
        }
    }
}


/*
 * All input is consumed: what comes next is read right behind the text.  A
 * buffer that fills up is replaced by one of twice the size.
 */

static ngx_int_t
ngx_http_faas_room(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    size_t                size, used, reserve;
    u_char               *p;
    ngx_http_upstream_t  *u;

    u = r->upstream;
    reserve = 0;

#if (NGX_HTTP_CACHE)
    if (r->cache) {
        reserve = r->cache->header_start;
    }
#endif

    used = ctx->text ? ctx->text_last - ctx->text : 0;

    if (used == 0) {
        u->buffer.pos = u->buffer.start + reserve;
        u->buffer.last = u->buffer.pos;
        ctx->text = NULL;
        return NGX_AGAIN;
    }

    size = u->buffer.end - u->buffer.start;

    if ((size_t) (u->buffer.end - ctx->text_last) < size / 4) {
        size = 2 * (size > used ? size : used);

        p = ngx_pnalloc(r->pool, reserve + size);
        if (p == NULL) {
            return NGX_ERROR;
        }

        ngx_memcpy(p + reserve, ctx->text, used);
        (void) ngx_pfree(r->pool, u->buffer.start);

        u->buffer.start = p;
        u->buffer.end = p + reserve + size;
        ctx->text = p + reserve;
        ctx->text_last = ctx->text + used;
    }

    u->buffer.pos = ctx->text_last;
    u->buffer.last = ctx->text_last;

    return NGX_AGAIN;
}


/* faas_answer_header_pt */

int
ngx_http_faas_answer_header(void *data, unsigned char *name, size_t nlen,
    unsigned char *value, size_t vlen)
{
    ngx_http_faas_result_t *result = data;

    /* a default type with 304 would become that of what the client has */

    if (result->answer.status == NGX_HTTP_NOT_MODIFIED
        && !result->answer.has_content_type
        && nlen == sizeof("Content-Type") - 1
        && ngx_strncasecmp(name, (u_char *) "Content-Type", nlen) == 0)
    {
        return 0;
    }

    /* what the gateway says about origins is instead of the function's */

    if (result->cors && ngx_http_faas_cors_is(name, nlen)) {
        return 0;
    }

    return ngx_http_faas_header(result->request, name, nlen, value, vlen)
           == NGX_OK ? 0 : 1;
}


ngx_int_t
ngx_http_faas_header(ngx_http_request_t *r, u_char *name, size_t nlen,
    u_char *value, size_t vlen)
{
    u_char                         *p;
    ngx_int_t                       rc;
    ngx_table_elt_t                *h;
    ngx_http_upstream_t            *u;
    ngx_http_upstream_header_t     *hh;
    ngx_http_upstream_main_conf_t  *umcf;

    u = r->upstream;

    h = ngx_list_push(&u->headers_in.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    /* nginx wants zero-terminated values in places */

    p = ngx_pnalloc(r->pool, 2 * nlen + vlen + 3);
    if (p == NULL) {
        h->hash = 0;
        return NGX_ERROR;
    }

    h->key.len = nlen;
    h->key.data = p;
    p = ngx_cpymem(p, name, nlen);
    *p++ = '\0';

    h->value.len = vlen;
    h->value.data = p;
    p = ngx_cpymem(p, value, vlen);
    *p++ = '\0';

    h->lowcase_key = p;
    h->hash = ngx_hash_strlow(p, name, nlen);
    p[nlen] = '\0';

    ngx_http_faas_header_init(h);

    umcf = ngx_http_get_module_main_conf(r, ngx_http_upstream_module);

    hh = ngx_hash_find(&umcf->headers_in_hash, h->hash, h->lowcase_key, nlen);

    if (hh) {
        rc = hh->handler(r, h, hh->offset);

        if (rc != NGX_OK) {
            return rc;
        }
    }

    return NGX_OK;
}


#if (NGX_HTTP_CACHE)

/* The header lines in text form: their size, or with p they are written. */

static u_char *
ngx_http_faas_header_text(ngx_http_request_t *r, u_char *p, size_t *size)
{
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    *size = 0;

    for (part = &r->upstream->headers_in.headers.part; part;
         part = part->next)
    {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            *size += h[i].key.len + h[i].value.len + 4;

            if (p) {
                p = ngx_sprintf(p, "%V: %V\r\n", &h[i].key, &h[i].value);
            }
        }
    }

    return p;
}


/*
 * A cache file has the response header in text form in front of the body:
 * u->buffer becomes just that, with room for the file's own header.
 */

static ngx_int_t
ngx_http_faas_cache_block(ngx_http_request_t *r, faas_answer_t *answer)
{
    size_t                size, rest;
    u_char               *p;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    (void) ngx_http_faas_header_text(r, NULL, &size);

    size += r->cache->header_start + sizeof("Status: 200\r\n\r\n")
            + sizeof("Content-Length: \r\n") + NGX_SIZE_T_LEN;

    if (size > 32768) {
        u->cacheable = 0;            /* the file's format has 16 bits */
    }

    p = ngx_pnalloc(r->pool, size + answer->body_len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    u->buffer.start = p;

    p = ngx_sprintf(p + r->cache->header_start,
                    "Status: %ui\r\nContent-Length: %uz\r\n",
                    (ngx_uint_t) answer->status, answer->body_len);
    p = ngx_http_faas_header_text(r, p, &rest);

    *p++ = CR;
    *p++ = LF;

    u->buffer.pos = p;
    p = ngx_cpymem(p, answer->body, answer->body_len);
    u->buffer.last = p;
    u->buffer.end = p;

    return NGX_OK;
}

#endif


ngx_int_t
ngx_http_faas_accept(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    faas_answer_t *answer)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    u->headers_in.status_n = answer->status;
    u->headers_in.content_length_n = answer->body_len;
    u->length = 0;
    ctx->rest = 0;

    if (answer->status == NGX_HTTP_NO_CONTENT
        || answer->status == NGX_HTTP_NOT_MODIFIED)
    {
        answer->body_len = 0;
        u->headers_in.content_length_n = -1;
    }

    if (u->state && u->state->status == 0) {
        u->state->status = answer->status;
    }

#if (NGX_HTTP_CACHE)
    if (u->buffering && r->cache) {
        if (ngx_http_faas_cache_block(r, answer) != NGX_OK) {
            return NGX_ERROR;
        }

        ctx->header_done = 1;
        return NGX_OK;
    }
#endif

    u->buffer.start = answer->body;
    u->buffer.pos = answer->body;
    u->buffer.last = answer->body + answer->body_len;
    u->buffer.end = u->buffer.last;

    ctx->header_done = 1;

    return NGX_OK;
}


/* By which rules the result is read. */

faas_answer_format_e
ngx_http_faas_format(ngx_http_faas_ctx_t *ctx)
{
    static const faas_answer_format_e  formats[] = {
        FAAS_ANSWER_V2, FAAS_ANSWER_URL, FAAS_ANSWER_V1, FAAS_ANSWER_REST,
        FAAS_ANSWER_ALB, FAAS_ANSWER_ALB_MULTI, FAAS_ANSWER_V2
    };

    return ctx->hit ? formats[ctx->hit->route->payload] : FAAS_ANSWER_V2;
}


/*
 * A REST API decodes the body when the first media type that the client
 * accepts is one of the API's binary ones.
 */

static int
ngx_http_faas_keep_base64(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    u_char     *comma;
    ngx_str_t   type, *accept;

    if (ctx->hit == NULL
        || ctx->hit->route->payload != NGX_HTTP_FAAS_PAYLOAD_REST)
    {
        return 0;
    }

    accept = ngx_http_faas_request_header(r, "Accept");

    if (accept == NULL) {
        return 1;
    }

    type = *accept;
    comma = ngx_strlchr(type.data, type.data + type.len, ',');

    if (comma) {
        type.len = comma - type.data;
    }

    return type.len == 0 || !ngx_http_faas_binary_type(ctx->hit->api, &type);
}


/* END_REQUEST was read: the whole result is between text and text_last. */

static ngx_int_t
ngx_http_faas_result(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    int                      rc;
    size_t                   len;
    u_char                   empty[1];
    ngx_http_upstream_t     *u;
    ngx_http_faas_result_t   result;

    u = r->upstream;

    ctx->ended = 1;

    /* bytes behind the end would be taken for the next answer */

    u->keepalive = (u->buffer.pos == u->buffer.last);

    len = ctx->text ? ctx->text_last - ctx->text : 0;
    ctx->bytes_out = len;

    ngx_http_faas_log_flush(ctx);

    if (ctx->call) {
        return ngx_http_faas_call_result(r, ctx, len);
    }

    if (ctx->ask) {
        return ngx_http_faas_ask_result(r, ctx, len);
    }

    if (ctx->reader.app_status != 0) {
        return ngx_http_faas_function_error(ctx, len);
    }

    result.request = r;
    result.cors = (ctx->hit && ctx->hit->api->cors);

    rc = faas_answer(ngx_http_faas_format(ctx),
                     ngx_http_faas_keep_base64(r, ctx),
                     len ? ctx->text : empty, len, &result.answer,
                     ngx_http_faas_answer_header, &result);

    if (rc == FAAS_ANSWER_ABORT) {
        return NGX_ERROR;
    }

    if (rc != FAAS_ANSWER_OK) {
        return ngx_http_faas_violation(ctx, FAAS_WHY_NONE,
                                       FAAS_CNT_bad_response,
                                       result.answer.bad_base64
                                       ? &ngx_http_faas_err_bad_base64
                                       : &ngx_http_faas_err_bad_answer,
                                       result.answer.error);
    }

    ngx_http_faas_lease_end(ctx, FAAS_OUT_SUCCESS, FAAS_WHY_NONE, -1);

    return ngx_http_faas_accept(r, ctx, &result.answer);
}
