/*
 * Invocations that failed: what went wrong, and how the client gets to know.
 * Statuses are those of an HTTP API; what is said by another type of API is in
 * ngx_http_faas_reply.c.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_stream.h"
#include "ngx_http_faas_verdict.h"

#include "faas_json.h"


ngx_http_faas_error_t  ngx_http_faas_err_throttled =
    { 429, 429, "TooManyRequestsException" };
ngx_http_faas_error_t  ngx_http_faas_err_queue_full =
    { 429, 429, "Gateway.QueueFull" };
ngx_http_faas_error_t  ngx_http_faas_err_queue_timeout =
    { 429, 429, "Gateway.QueueTimeout" };
ngx_http_faas_error_t  ngx_http_faas_err_capacity =
    { 429, 429, "Gateway.NoCapacity" };
ngx_http_faas_error_t  ngx_http_faas_err_unavailable =
    { 503, 503, "Gateway.Unavailable" };
ngx_http_faas_error_t  ngx_http_faas_err_gone =
    { 404, 404, "ResourceNotFoundException" };
ngx_http_faas_error_t  ngx_http_faas_err_init =
    { 500, 502, "Runtime.InitError" };
ngx_http_faas_error_t  ngx_http_faas_err_init_timeout =
    { 500, 504, "Runtime.InitTimeout" };
ngx_http_faas_error_t  ngx_http_faas_err_timeout =
    { 500, 504, "Sandbox.Timedout" };
ngx_http_faas_error_t  ngx_http_faas_err_crashed =
    { 500, 502, "Runtime.ExitError" };
ngx_http_faas_error_t  ngx_http_faas_err_oom =
    { 500, 502, "Runtime.OutOfMemory" };
ngx_http_faas_error_t  ngx_http_faas_err_protocol =
    { 500, 502, "Runtime.ProtocolError" };
ngx_http_faas_error_t  ngx_http_faas_err_bad_answer =
    { 500, 502, "Function.BadResponse" };
ngx_http_faas_error_t  ngx_http_faas_err_bad_base64 =
    { 500, 502, "Function.BadResponse" };
ngx_http_faas_error_t  ngx_http_faas_err_too_large =
    { 500, 502, "Function.ResponseSizeTooLarge" };
ngx_http_faas_error_t  ngx_http_faas_err_function =
    { 500, 502, "Function.Error" };
ngx_http_faas_error_t  ngx_http_faas_err_internal =
    { 500, 500, "Gateway.InternalError" };


/* Remembers the failure; the caller sees to it that it is answered. */

void
ngx_http_faas_fail(ngx_http_faas_ctx_t *ctx, ngx_http_faas_error_t *error)
{
    ctx->failure = error;

    if (ctx->error.len == 0) {
        ctx->error.data = (u_char *) error->error;
        ctx->error.len = ngx_strlen(error->error);
    }
}


/*
 * The same from a timer or a doorbell, while ngx_http_upstream waits for
 * something.  May free the request.
 */

void
ngx_http_faas_fail_now(ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_error_t *error)
{
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    ngx_http_faas_fail(ctx, error);

    u = ctx->request->upstream;
    c = u->peer.connection;

    if (c == NULL) {
        return;
    }

    if (ctx->flowing) {
        (void) ngx_http_faas_stream_cut(ctx);
        c->read->ready = 1;          /* it calls recv, and is told */

    } else if (ctx->header_done) {

        /* the client has the beginning: all that is left is to cut it off */

        c->read->timedout = 1;

    } else {
        u->request_sent = 1;
    }

    c->read->handler(c->read);
}


/* The error payload's type, for $faas_error; the runtime has logged it. */

void
ngx_http_faas_error_type(ngx_http_faas_ctx_t *ctx, u_char *p, size_t len)
{
    int             rc;
    size_t          klen, vlen;
    unsigned char  *key, *value;
    faas_json_t     js;

    faas_json_init(&js, p, len);

    if (faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) {
        return;
    }

    while ((rc = faas_json_member(&js, &key, &klen)) == 1) {

        if (klen == sizeof("errorType") - 1
            && ngx_memcmp(key, "errorType", klen) == 0
            && faas_json_peek(&js) == FAAS_JSON_STRING)
        {
            if (faas_json_skip(&js, &value, &vlen) != 0) {
                return;
            }

            /* as it is written, escapes and all: it goes to a log */

            vlen = ngx_min(vlen, 128);

            ctx->error.data = ngx_pnalloc(ctx->request->pool, vlen + 1);
            if (ctx->error.data) {
                ngx_memcpy(ctx->error.data, value, vlen);
                ctx->error.len = vlen;
            }

            return;
        }

        if (faas_json_skip(&js, &value, &vlen) != 0) {
            return;
        }
    }
}


ngx_int_t
ngx_http_faas_function_error(ngx_http_faas_ctx_t *ctx, size_t len)
{
    if (len) {
        ngx_http_faas_error_type(ctx, ctx->text, len);
    }

    ngx_http_faas_fail(ctx, &ngx_http_faas_err_function);
    ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_HANDLED, FAAS_WHY_NONE, -1);

    return ngx_http_faas_failure_answer(ctx);
}


/* How the environment ended, as the supervisor saw it. */

void
ngx_http_faas_died(ngx_http_faas_ctx_t *ctx, uint32_t why, int32_t code)
{
    ngx_http_faas_error_t  *error;

    error = &ngx_http_faas_err_crashed;

    if (why == FAAS_WHY_OOM) {
        error = &ngx_http_faas_err_oom;
    }

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "faas: environment %V of function \"%V\" ended during an "
                  "invocation: %s (%D)", &ctx->peer_name, &ctx->function->name,
                  faas_why_name(why), code);

    if (ctx->call) {
        ctx->call->why = why;
        ctx->call->code = (why == FAAS_WHY_SIGNALED) ? -code : code;
    }

    ngx_http_faas_fail(ctx, error);
    ngx_http_faas_lease_end(ctx, FAAS_OUT_CRASH, FAAS_WHY_CRASHED, -1);
}


/* An invocation that ended before it began counts as one: contract 4.1. */

static void
ngx_http_faas_count_init(ngx_http_faas_ctx_t *ctx, int32_t counter)
{
    faas_report_t  report;

    ngx_memzero(&report, sizeof(faas_report_t));
    report.outcome = FAAS_OUT_ERROR_UNHANDLED;
    report.count = 1;
    report.counter = counter;
    report.bytes_in = ctx->bytes_in;

    faas_count(&ngx_http_faas_board, ctx->function->index, &report);

    ctx->counted = 1;
    ctx->outcome = report.outcome;
}


static void
ngx_http_faas_call_init_error(ngx_http_faas_ctx_t *ctx, u_char *text)
{
    ngx_str_t  *error;

    error = &ctx->call->init_error;
    error->len = ngx_strlen(text);
    error->data = ngx_pnalloc(ctx->request->pool, error->len + 1);

    if (error->data == NULL) {
        error->len = 0;
        return;
    }

    ngx_memcpy(error->data, text, error->len);
}


/* The function does not start; ctx->failure is set, nothing is answered. */

void
ngx_http_faas_init_failed(ngx_http_faas_ctx_t *ctx)
{
    u_char      buf[FAAS_ERROR_MAX];
    uint32_t    why;
    faas_fn_t  *fn;

    fn = &ngx_http_faas_board.fns[ctx->function->index];
    why = fn->init_why;

    ngx_memcpy(buf, fn->init_error, FAAS_ERROR_MAX);
    buf[FAAS_ERROR_MAX - 1] = '\0';

    if (ctx->call) {
        ngx_http_faas_call_init_error(ctx, buf);
    }

    ngx_http_faas_fail(ctx, why == FAAS_WHY_INIT_TIMEOUT
                            ? &ngx_http_faas_err_init_timeout
                            : &ngx_http_faas_err_init);

    ngx_http_faas_count_init(ctx, why == FAAS_WHY_INIT_TIMEOUT
                                  ? FAAS_CNT_init_timeouts
                                  : FAAS_CNT_init_errors);

    ngx_log_error(NGX_LOG_ERR, ctx->request->connection->log, 0,
                  "faas: function \"%V\" does not start: %s: %s",
                  &ctx->function->name, faas_why_name(why), buf);
}


/* The supervisor has said that there will be no environment. */

void
ngx_http_faas_wait_failed(ngx_http_faas_ctx_t *ctx)
{
    uint32_t  why;

    why = ngx_http_faas_board.tickets[ctx->ticket].why;

    if (why == FAAS_WHY_NO_CAPACITY) {
        ngx_http_faas_give_up(ctx, FAAS_CNT_throttles_capacity);
        ngx_http_faas_fail_now(ctx, &ngx_http_faas_err_capacity);
        return;
    }

    if (why == FAAS_WHY_THROTTLED) {
        ngx_http_faas_give_up(ctx, FAAS_CNT_throttles_concurrency);
        ngx_http_faas_fail_now(ctx, &ngx_http_faas_err_throttled);
        return;
    }

    ngx_http_faas_give_up(ctx, -1);

    if (why == FAAS_WHY_REMOVED) {
        ngx_http_faas_fail_now(ctx, &ngx_http_faas_err_gone);
        return;
    }

    ngx_http_faas_init_failed(ctx);
    ngx_http_faas_fail_now(ctx, ctx->failure);
}


/*
 * A stale answer from the cache is better than an error, where the
 * configuration says so.  ngx_http_upstream tests statuses itself; its
 * "error" and "timeout" never happen to it with us, so they are mapped.
 */

#if (NGX_HTTP_CACHE)

static ngx_uint_t
ngx_http_faas_use_stale(ngx_http_faas_ctx_t *ctx)
{
    ngx_uint_t                 mask;
    ngx_http_upstream_t       *u;
    ngx_http_upstream_conf_t  *conf;

    u = ctx->request->upstream;

    if (ctx->request->cache == NULL
        || u->cache_status != NGX_HTTP_CACHE_EXPIRED)
    {
        return 0;
    }

    mask = (ctx->failure == &ngx_http_faas_err_timeout)
           ? NGX_HTTP_UPSTREAM_FT_TIMEOUT : NGX_HTTP_UPSTREAM_FT_ERROR;

    if (!(u->conf->cache_use_stale & mask)) {
        return 0;
    }

    conf = ngx_palloc(ctx->request->pool, sizeof(ngx_http_upstream_conf_t));
    if (conf == NULL) {
        return 0;
    }

    *conf = *u->conf;
    conf->cache_use_stale |= NGX_HTTP_UPSTREAM_FT_INVALID_HEADER;
    u->conf = conf;

    return 1;
}

#endif


/* error_page applies, unless this is the answer of an error page. */

static ngx_http_upstream_conf_t *
ngx_http_faas_failed_conf(ngx_http_faas_ctx_t *ctx)
{
    ngx_http_upstream_conf_t  *conf;

    if (!ctx->request->error_page) {
        return &ctx->flcf->failed;
    }

    conf = ngx_palloc(ctx->request->pool, sizeof(ngx_http_upstream_conf_t));

    if (conf) {
        *conf = ctx->flcf->failed;
        conf->intercept_errors = 0;
    }

    return conf;
}


/* What an application has said before it failed is not for the client. */

static ngx_int_t
ngx_http_faas_failure_header(ngx_http_request_t *r,
    ngx_http_faas_reply_t *reply)
{
    ngx_http_upstream_t  *u;

    u = r->upstream;

    ngx_memzero(&u->headers_in, sizeof(ngx_http_upstream_headers_in_t));
    u->headers_in.content_length_n = -1;
    u->headers_in.last_modified_time = -1;

    if (ngx_list_init(&u->headers_in.headers, r->pool, 2,
                      sizeof(ngx_table_elt_t))
        != NGX_OK
        || ngx_list_init(&u->headers_in.trailers, r->pool, 2,
                         sizeof(ngx_table_elt_t))
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    u->headers_in.status_n = reply->status;

    if (u->state && u->state->status == 0) {
        u->state->status = reply->status;
    }

    if (reply->error.len
        && ngx_http_faas_header(r, (u_char *) "x-amzn-ErrorType",
                                sizeof("x-amzn-ErrorType") - 1,
                                reply->error.data, reply->error.len)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_faas_header(r, (u_char *) "Content-Type",
                                sizeof("Content-Type") - 1,
                                reply->type.data, reply->type.len);
}


/* Called as process_header: ctx->failure becomes the answer. */

ngx_int_t
ngx_http_faas_failure_answer(ngx_http_faas_ctx_t *ctx)
{
    ngx_buf_t              *b;
    ngx_http_request_t     *r;
    ngx_http_upstream_t    *u;
    ngx_http_faas_reply_t   reply;

    r = ctx->request;
    u = r->upstream;
    b = &u->buffer;

    if (ctx->ask) {
        return ngx_http_faas_ask_failure(r, ctx);
    }

#if (NGX_HTTP_CACHE)
    if (ngx_http_faas_use_stale(ctx)) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }
#endif

    if (ctx->call) {
        return ngx_http_faas_call_failure(r, ctx);
    }

    ngx_http_faas_reply(ctx->cgi ? NULL : ctx->hit, ctx->failure,
                        ctx->cgi ? ctx->failure->cgi_status
                                 : ctx->failure->status, &reply);

    u->conf = ngx_http_faas_failed_conf(ctx);

    if (u->conf == NULL
        || ngx_http_faas_failure_header(r, &reply) != NGX_OK)
    {
        return NGX_ERROR;
    }

    u->keepalive &= ctx->ended;
    u->cacheable = 0;
    u->buffering = 0;
    u->length = 0;

    b->start = ngx_pnalloc(r->pool, reply.body.len);
    if (b->start == NULL) {
        return NGX_ERROR;
    }

    b->pos = b->start;
    b->last = ngx_cpymem(b->start, reply.body.data, reply.body.len);
    b->end = b->last;

    u->headers_in.content_length_n = b->last - b->pos;

    ctx->header_done = 1;

    return NGX_OK;
}
