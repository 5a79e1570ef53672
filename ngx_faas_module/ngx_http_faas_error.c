/*
 * What the gateway answers itself: statuses and bodies are API Gateway's
 * (contract, section 7.4, HTTP API), and 429 where Lambda throttles
 * (section 5.3).
 *
 * Runs in workers.
 */

#include "ngx_http_faas.h"


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
ngx_http_faas_error_t  ngx_http_faas_err_too_large =
    { 500, 502, "Function.ResponseSizeTooLarge" };
ngx_http_faas_error_t  ngx_http_faas_err_function =
    { 500, 502, "Function.Error" };
ngx_http_faas_error_t  ngx_http_faas_err_internal =
    { 500, 500, "Gateway.InternalError" };


#define NGX_HTTP_FAAS_BODY  "{\"message\":\"%s\"}"


const char *
ngx_http_faas_message(ngx_uint_t status)
{
    switch (status) {

    case 404:
        return "Not Found";

    case 413:
        return "Request Entity Too Large";

    case 429:
        return "Too Many Requests";

    case 502:
        return "Bad Gateway";

    case 503:
        return "Service Unavailable";

    case 504:
        return "Gateway Timeout";

    default:
        return "Internal Server Error";
    }
}


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

    if (ctx->header_done) {

        /* the client has the beginning: all that is left is to cut it off */

        c->read->timedout = 1;

    } else {
        u->request_sent = 1;
    }

    c->read->handler(c->read);
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
ngx_http_faas_failure_header(ngx_http_request_t *r, ngx_uint_t status)
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

    u->headers_in.status_n = status;

    if (u->state && u->state->status == 0) {
        u->state->status = status;
    }

    return ngx_http_faas_header(r, (u_char *) "Content-Type",
                                sizeof("Content-Type") - 1,
                                (u_char *) "application/json",
                                sizeof("application/json") - 1);
}


/* Called as process_header: ctx->failure becomes the answer. */

ngx_int_t
ngx_http_faas_failure_answer(ngx_http_faas_ctx_t *ctx)
{
    ngx_buf_t            *b;
    ngx_uint_t            status;
    ngx_http_request_t   *r;
    ngx_http_upstream_t  *u;

    r = ctx->request;
    u = r->upstream;
    b = &u->buffer;

#if (NGX_HTTP_CACHE)
    if (ngx_http_faas_use_stale(ctx)) {
        return NGX_HTTP_UPSTREAM_INVALID_HEADER;
    }
#endif

    status = ctx->cgi ? ctx->failure->cgi_status : ctx->failure->status;

    u->conf = ngx_http_faas_failed_conf(ctx);

    if (u->conf == NULL
        || ngx_http_faas_failure_header(r, status) != NGX_OK)
    {
        return NGX_ERROR;
    }

    u->keepalive &= ctx->ended;
    u->cacheable = 0;
    u->buffering = 0;
    u->length = 0;

    b->start = ngx_pnalloc(r->pool, sizeof(NGX_HTTP_FAAS_BODY) + 64);
    if (b->start == NULL) {
        return NGX_ERROR;
    }

    b->pos = b->start;
    b->last = ngx_sprintf(b->start, NGX_HTTP_FAAS_BODY,
                          ngx_http_faas_message(status));
    b->end = b->last;

    u->headers_in.content_length_n = b->last - b->pos;

    ctx->header_done = 1;

    return NGX_OK;
}


/* For what is refused before there is an upstream. */

ngx_int_t
ngx_http_faas_refuse(ngx_http_request_t *r, ngx_uint_t status)
{
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_buf_t                 *b;
    ngx_uint_t                 i;
    ngx_chain_t                out;
    ngx_http_err_page_t       *page;
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages && r == r->main && !r->error_page) {
        page = clcf->error_pages->elts;

        for (i = 0; i < clcf->error_pages->nelts; i++) {
            if ((ngx_uint_t) page[i].status == status) {
                return status;
            }
        }
    }

    b = ngx_create_temp_buf(r->pool, sizeof(NGX_HTTP_FAAS_BODY) + 64);
    if (b == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    p = ngx_sprintf(b->last, NGX_HTTP_FAAS_BODY,
                    ngx_http_faas_message(status));
    b->last = p;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    r->headers_out.status = status;
    r->headers_out.content_length_n = p - b->pos;
    ngx_str_set(&r->headers_out.content_type, "application/json");
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}
