/*
 * What the Lambda API answers: results of invocations, failures of them, and
 * errors of its own (contract, sections 0.1, 4.2 and 5).
 *
 * Runs in workers.
 */

#include "ngx_http_faas_lambda.h"

#include "faas_base64.h"
#include "faas_json.h"


static ngx_int_t ngx_http_faas_call_respond(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_str_t *body, const char *error);


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

static ngx_int_t
ngx_http_faas_call_up(ngx_http_request_t *r, const char *name, void *value,
    size_t len)
{
    return ngx_http_faas_header(r, (u_char *) name, ngx_strlen(name),
                                value, len);
}


#define ngx_http_faas_call_up_text(r, name, text)                             \
    ngx_http_faas_call_up(r, name, (void *) text, ngx_strlen(text))


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


/* 200 with the result; ERROR is the type of a failure, or NULL. */

static ngx_int_t
ngx_http_faas_call_respond(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_str_t *body, const char *error)
{
    ngx_str_t             tail;
    ngx_uint_t            stream;
    ngx_http_upstream_t  *u;

    u = r->upstream;
    stream = (ctx->call->op == NGX_HTTP_FAAS_OP_STREAM);

    if (ngx_http_faas_tail_end(ctx, &tail) != NGX_OK) {
        return NGX_ERROR;
    }

    if (ngx_http_faas_call_up_text(r, "Content-Type", stream
                                   ? "application/vnd.amazon.eventstream"
                                   : "application/json")
        != NGX_OK
        || ngx_http_faas_call_up(r, "X-Amz-Executed-Version",
                                 ctx->function->version.data,
                                 ctx->function->version.len)
           != NGX_OK
        || ngx_http_faas_call_trace(r, ctx) != NGX_OK)
    {
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

    } else {
        ngx_str_set(&body, "null");
    }

    ngx_http_faas_lease_end(ctx, failed ? FAAS_OUT_ERROR_HANDLED
                                        : FAAS_OUT_SUCCESS,
                            FAAS_WHY_NONE, -1);

    return ngx_http_faas_call_respond(r, ctx, &body, failed ? "Unhandled"
                                                            : NULL);
}


/* --- failures --- */

/* How a process ended, in Lambda's words: contract, section 4.2. */

static u_char *
ngx_http_faas_call_exit(ngx_http_faas_call_t *call, u_char *p)
{
    int  signo;

    if (call->why == FAAS_WHY_OOM) {
        return ngx_sprintf(p, "Runtime exited with error: signal: killed");
    }

    if (call->code > 0) {
        return ngx_sprintf(p, "Runtime exited with error: exit status %D",
                           call->code);
    }

    if (call->code == 0) {
        return ngx_sprintf(p, "Runtime exited without providing a reason");
    }

    signo = -call->code;

    return ngx_sprintf(p, "Runtime exited with error: signal: %s",
                       signo == SIGSEGV ? "segmentation fault"
                       : signo == SIGABRT ? "aborted"
                       : signo == SIGBUS ? "bus error"
                       : signo == SIGFPE ? "floating point exception"
                       : signo == SIGTERM ? "terminated"
                       : signo == SIGHUP ? "hangup"
                       : signo == SIGPIPE ? "broken pipe" : "killed");
}


/* {"errorType":T,"errorMessage":"RequestId: RID Error: MSG"} */

static ngx_int_t
ngx_http_faas_call_payload(ngx_http_faas_ctx_t *ctx, ngx_str_t *body)
{
    u_char                 text[FAAS_ERROR_MAX + 128], *p, *last;
    const char            *type;
    ngx_http_faas_call_t  *call;

    call = ctx->call;
    type = ctx->failure->error;
    last = text;

    if (call->init_error.len && call->init_error.data[0] == '{') {
        *body = call->init_error;
        return NGX_OK;
    }

    if (ctx->failure == &ngx_http_faas_err_timeout) {
        last = ngx_sprintf(last, "Task timed out after %ui.%02ui seconds",
                           (ngx_uint_t) (ctx->lease.timeout_ms / 1000),
                           (ngx_uint_t) (ctx->lease.timeout_ms / 10 % 100));

    } else if (call->init_error.len) {
        type = "Runtime.ExitError";
        last = ngx_cpymem(last, call->init_error.data, call->init_error.len);

    } else if (ctx->failure == &ngx_http_faas_err_too_large) {
        last = ngx_sprintf(last, "Response payload size exceeded maximum "
                           "allowed payload size (%uz bytes).",
                           ctx->flcf->response_max);

    } else if (ctx->failure == &ngx_http_faas_err_protocol) {
        last = ngx_sprintf(last, "The runtime broke the protocol");

    } else {
        type = "Runtime.ExitError";
        last = ngx_http_faas_call_exit(call, last);
    }

    p = ngx_pnalloc(ctx->request->pool,
                    256 + faas_json_escaped_len(text, last - text));
    if (p == NULL) {
        return NGX_ERROR;
    }

    body->data = p;
    p = ngx_sprintf(p, "{\"errorType\":\"%s\",\"errorMessage\":"
                    "\"RequestId: %*s Error: ", type,
                    (size_t) FAAS_REQUEST_ID_LEN, call->id);
    p = faas_json_escape(p, text, last - text);
    p = ngx_cpymem(p, "\"}", 2);
    body->len = p - body->data;

    return NGX_OK;
}


/* The line that stands in the log for a failure: contract, section 4.3. */

static void
ngx_http_faas_call_failure_line(ngx_http_faas_ctx_t *ctx)
{
    u_char                 buf[256], *p;
    ngx_tm_t               tm;
    ngx_http_faas_call_t  *call;

    call = ctx->call;

    if (ctx->failure == &ngx_http_faas_err_timeout) {
        ngx_gmtime(ngx_time(), &tm);

        p = ngx_sprintf(buf, "%4d-%02d-%02dT%02d:%02d:%02d.%03uiZ %*s Task "
                        "timed out after %ui.%02ui seconds\n\n",
                        tm.ngx_tm_year, tm.ngx_tm_mon, tm.ngx_tm_mday,
                        tm.ngx_tm_hour, tm.ngx_tm_min, tm.ngx_tm_sec,
                        (ngx_uint_t) ngx_timeofday()->msec,
                        (size_t) FAAS_REQUEST_ID_LEN, call->id,
                        (ngx_uint_t) (ctx->lease.timeout_ms / 1000),
                        (ngx_uint_t) (ctx->lease.timeout_ms / 10 % 100));

    } else {
        p = ngx_sprintf(buf, "RequestId: %*s Error: ",
                        (size_t) FAAS_REQUEST_ID_LEN, call->id);
        p = ngx_http_faas_call_exit(call, p);
        p = ngx_sprintf(p, "\nRuntime.ExitError\n");
    }

    ngx_http_faas_tail_add(call, buf, p - buf);
}


/* 1: the request was refused, and *E says so; 0: an invocation failed. */

static ngx_uint_t
ngx_http_faas_call_refused(ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_lambda_error_t *e)
{
    ngx_memzero(e, sizeof(ngx_http_faas_lambda_error_t));
    e->status = ctx->failure->status;

    switch (e->status) {

    case 429:
        e->type = "TooManyRequestsException";
        e->reason = (ctx->failure == &ngx_http_faas_err_capacity)
                    ? "ConcurrentInvocationLimitExceeded"
                    : "ReservedFunctionConcurrentInvocationLimitExceeded";
        ngx_str_set(&e->message, "Rate Exceeded.");
        return 1;

    case 404:
        e->type = "ResourceNotFoundException";
        ngx_str_set(&e->message, "The function has been removed");
        return 1;

    case 503:
        e->status = 500;
        e->type = "ServiceException";
        ngx_str_set(&e->message, "No environment could be had");
        return 1;

    default:
        if (ctx->failure != &ngx_http_faas_err_internal) {
            return 0;
        }

        e->type = "ServiceException";
        ngx_str_set(&e->message, "An error of the gateway");
        return 1;
    }
}


/* Called as process_header with ctx->failure. */

ngx_int_t
ngx_http_faas_call_failure(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_str_t                      body;
    ngx_http_upstream_t           *u;
    ngx_http_faas_lambda_error_t   e;

    u = r->upstream;
    u->keepalive &= ctx->ended;

    if (ngx_http_faas_call_refused(ctx, &e)) {

        if (ngx_http_faas_call_error_text(r, &e, &body) != NGX_OK
            || ngx_http_faas_call_up_text(r, "Content-Type",
                                          "application/json")
               != NGX_OK
            || ngx_http_faas_call_up_text(r, "x-amzn-ErrorType", e.type)
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        u->headers_in.status_n = e.status;
        u->headers_in.content_length_n = body.len;
        u->length = 0;
        ctx->header_done = 1;

        u->buffer.start = body.data;
        u->buffer.pos = body.data;
        u->buffer.last = body.data + body.len;
        u->buffer.end = u->buffer.last;

        return NGX_OK;
    }

    ngx_http_faas_call_failure_line(ctx);

    return ngx_http_faas_call_payload(ctx, &body) == NGX_OK
           ? ngx_http_faas_call_respond(r, ctx, &body, ctx->failure->error)
           : NGX_ERROR;
}
