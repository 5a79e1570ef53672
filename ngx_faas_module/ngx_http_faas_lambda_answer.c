/*
 * What the Lambda API answers: results of invocations and errors of its own
 * (contract, sections 0.1 and 5).
 *
 * Runs in workers.
 */

#include "ngx_http_faas_stream.h"

#include "faas_base64.h"
#include "faas_json.h"


#define NGX_HTTP_FAAS_EVENTSTREAM  "application/vnd.amazon.eventstream"


/* --- errors of the API --- */

/* Of these the member is written in a capital: contract, section 0.1. */

static ngx_uint_t
ngx_http_faas_capital(const char *type)
{
    return ngx_strcmp(type, "ResourceNotFoundException") == 0
           || ngx_strcmp(type, "ServiceException") == 0
           || ngx_strcmp(type, "AccessDeniedException") == 0
           || ngx_strcmp(type, "UnknownOperationException") == 0
           || ngx_strcmp(type, "RequestEntityTooLargeException") == 0;
}


ngx_int_t
ngx_http_faas_call_error_text(ngx_http_request_t *r,
    ngx_http_faas_lambda_error_t *e, ngx_str_t *text)
{
    u_char      *p;
    ngx_uint_t   bare;

    /* of these there is no type in the body */

    bare = (e->status == 403 || e->status == 413
            || ngx_strcmp(e->type, "ValidationException") == 0);

    p = ngx_pnalloc(r->pool, 256 + faas_json_escaped_len(e->message.data,
                                                         e->message.len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    *p++ = '{';

    if (e->reason) {
        p = ngx_sprintf(p, "\"Reason\":\"%s\",", e->reason);
    }

    if (!bare) {
        p = ngx_sprintf(p, "\"Type\":\"%s\",",
                        e->status < 500 ? "User" : "Service");
    }

    p = ngx_sprintf(p, "\"%s\":\"", ngx_http_faas_capital(e->type)
                                    ? "Message" : "message");
    p = faas_json_escape(p, e->message.data, e->message.len);
    p = ngx_cpymem(p, "\"}", 2);

    text->len = p - text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_call_push(ngx_http_request_t *r, const char *name,
    u_char *value, size_t len)
{
    ngx_str_t  text;

    text.data = value;
    text.len = len;

    return ngx_http_faas_reply_header(r, name, &text);
}


/* What every answer has. */

ngx_int_t
ngx_http_faas_call_ids(ngx_http_request_t *r, ngx_http_faas_call_t *call)
{
    return ngx_http_faas_call_push(r, "x-amzn-RequestId", call->id,
                                   FAAS_REQUEST_ID_LEN);
}


ngx_int_t
ngx_http_faas_call_send(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    ngx_uint_t status, ngx_str_t *body)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    r->headers_out.status = status;
    r->headers_out.content_length_n = body->len;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    if (status == NGX_HTTP_NO_CONTENT) {
        r->header_only = 1;
        r->headers_out.content_length_n = -1;
        ngx_str_null(&r->headers_out.content_type);
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
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


ngx_int_t
ngx_http_faas_call_error(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    ngx_http_faas_lambda_error_t *e)
{
    ngx_str_t  text;

    if (ngx_http_faas_call_error_text(r, e, &text) != NGX_OK
        || ngx_http_faas_call_push(r, "x-amzn-ErrorType", (u_char *) e->type,
                                   ngx_strlen(e->type))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_faas_call_send(r, call, e->status, &text);
}


/* --- results --- */

ngx_int_t
ngx_http_faas_call_up(ngx_http_request_t *r, const char *name, void *value,
    size_t len)
{
    return ngx_http_faas_header(r, (u_char *) name, ngx_strlen(name),
                                value, len);
}


static ngx_int_t
ngx_http_faas_call_log(ngx_http_request_t *r, ngx_str_t *tail)
{
    u_char  *p, *last;

    if (tail->len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, faas_base64_encoded_len(tail->len));
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = faas_base64_encode(p, tail->data, tail->len);

    return ngx_http_faas_call_up(r, "X-Amz-Log-Result", p, last - p);
}


/* The trace id as Lambda's own answers have it: contract, section 0. */

static ngx_int_t
ngx_http_faas_call_trace(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    u_char  *p, *last;

    p = ngx_pnalloc(r->pool, ctx->trace.len + sizeof(";sampled=0"));
    if (p == NULL) {
        return NGX_ERROR;
    }

    last = ngx_cpymem(p, ctx->trace.data, ctx->trace.len);
    ngx_strlow(p, p, last - p);

    if (ngx_strnstr(p, "sampled=", last - p) == NULL) {
        last = ngx_cpymem(last, ";sampled=0", sizeof(";sampled=0") - 1);
    }

    return ngx_http_faas_call_up(r, "X-Amzn-Trace-Id", p, last - p);
}


static ngx_int_t
ngx_http_faas_call_head(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_str_t *type)
{
    if (ngx_http_faas_call_up(r, "Content-Type", type->data, type->len)
        != NGX_OK
        || ngx_http_faas_call_up(r, "X-Amz-Executed-Version",
                                 ctx->function->version.data,
                                 ctx->function->version.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_faas_call_trace(r, ctx);
}


/* That of a result, which may have been collected from a stream. */

static void
ngx_http_faas_call_type(ngx_http_faas_ctx_t *ctx, const char *error,
    ngx_str_t *type)
{
    if (ctx->stream && error == NULL) {
        type->data = ctx->stream->type;
        type->len = ctx->stream->type_len;
        return;
    }

    ngx_str_set(type, "application/json");
}


/* The header of messages that are still to come. */

ngx_int_t
ngx_http_faas_call_stream(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_str_t             type;
    ngx_http_upstream_t  *u;

    u = r->upstream;
    u->headers_in.status_n = NGX_HTTP_OK;

    if (u->state && u->state->status == 0) {
        u->state->status = NGX_HTTP_OK;
    }

    ngx_str_set(&type, NGX_HTTP_FAAS_EVENTSTREAM);

    return ngx_http_faas_call_head(r, ctx, &type);
}


/* 200 with the result; ERROR is the type of a failure, or NULL. */

ngx_int_t
ngx_http_faas_call_respond(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_str_t *body, const char *error)
{
    ngx_str_t             tail, type;
    ngx_uint_t            stream;
    ngx_http_upstream_t  *u;

    u = r->upstream;
    stream = (ctx->call->op == NGX_HTTP_FAAS_OP_STREAM);

    if (ngx_http_faas_tail_end(ctx, &tail) != NGX_OK) {
        return NGX_ERROR;
    }

    if (stream) {
        ngx_str_set(&type, NGX_HTTP_FAAS_EVENTSTREAM);

    } else {
        ngx_http_faas_call_type(ctx, error, &type);
    }

    if (ngx_http_faas_call_head(r, ctx, &type) != NGX_OK) {
        return NGX_ERROR;
    }

    if (stream) {
        if (ngx_http_faas_call_frames(r, body, error, &tail) != NGX_OK)
        {
            return NGX_ERROR;
        }

    } else if (ngx_http_faas_call_up_text(r,
                                          "x-amzn-Remapped-Content-Length",
                                          "0")
               != NGX_OK
               || ngx_http_faas_call_log(r, &tail) != NGX_OK
               || (error && ngx_http_faas_call_up_text(r,
                                                       "X-Amz-Function-Error",
                                                       "Unhandled")
                            != NGX_OK))
    {
        return NGX_ERROR;
    }

    u->headers_in.status_n = 200;
    u->headers_in.content_length_n = body->len;
    u->length = 0;
    ctx->rest = 0;
    ctx->header_done = 1;

    if (u->state && u->state->status == 0) {
        u->state->status = 200;
    }

    u->buffer.start = body->data;
    u->buffer.pos = body->data;
    u->buffer.last = body->data + body->len;
    u->buffer.end = u->buffer.last;

    return NGX_OK;
}


/* END_REQUEST was read; called as process_header. */

ngx_int_t
ngx_http_faas_call_result(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    size_t len)
{
    ngx_str_t    body;
    ngx_uint_t   failed;

    failed = (ctx->reader.app_status != 0);

    if (len) {
        body.data = ctx->text;
        body.len = len;

    } else if (ctx->stream) {
        ngx_str_set(&body, "");

    } else {
        ngx_str_set(&body, "null");
    }

    ngx_http_faas_lease_end(ctx, failed ? FAAS_OUT_ERROR_HANDLED
                                        : FAAS_OUT_SUCCESS,
                            FAAS_WHY_NONE, -1);

    return ngx_http_faas_call_respond(r, ctx, &body, failed ? "Unhandled"
                                                            : NULL);
}
