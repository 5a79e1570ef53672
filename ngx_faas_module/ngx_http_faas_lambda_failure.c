/*
 * What the Lambda API says of invocations that failed (contract, sections 4.2
 * and 4.3).
 *
 * Runs in workers.
 */

#include "ngx_http_faas_stream.h"

#include "faas_json.h"


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

        /* there an init that takes too long is an invocation that does */

        type = ctx->failure == &ngx_http_faas_err_init_timeout
               ? "Sandbox.Timedout" : "Runtime.ExitError";
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


/* What is said of a failure in the middle of a stream. */

ngx_int_t
ngx_http_faas_call_failed(ngx_http_faas_ctx_t *ctx, ngx_str_t *details)
{
    ngx_http_faas_call_failure_line(ctx);

    return ngx_http_faas_call_payload(ctx, details);
}


/* ctx->error has the type as the function wrote it, perhaps cut. */

const char *
ngx_http_faas_call_code(ngx_http_faas_ctx_t *ctx)
{
    size_t   i;
    u_char  *p;

    p = ctx->error.data;

    for (i = 0; i < ctx->error.len; i++) {
        if (p[i] <= ' ' || p[i] >= 0x7f || p[i] == '"' || p[i] == '\\') {
            break;
        }
    }

    if (i == 0 || i < ctx->error.len) {
        return "Unhandled";
    }

    p = ngx_pnalloc(ctx->request->pool, i + 1);

    if (p) {
        (void) ngx_cpystrn(p, ctx->error.data, i + 1);
    }

    return (const char *) p;
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
