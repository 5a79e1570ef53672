/*
 * The Lambda API (contract, section 5): Invoke, InvokeWithResponseStream, and
 * what can be read of functions that are configured.
 *
 * Runs in workers, but for the directive.  A request is refused before its
 * body is read when nothing in the body can make it a good one.
 */

#include "ngx_http_faas_lambda.h"
#include "ngx_http_faas_api.h"


static ngx_int_t ngx_http_faas_lambda_path(ngx_http_request_t *r,
    ngx_http_faas_call_t *call);
static void ngx_http_faas_lambda_body(ngx_http_request_t *r);
static ngx_int_t ngx_http_faas_lambda_run(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e);
static ngx_int_t ngx_http_faas_lambda_invoke(ngx_http_request_t *r,
    ngx_http_faas_call_t *call);


char *
ngx_http_faas_lambda_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    ngx_http_core_loc_conf_t  *clcf;

    if (flcf->lambda) {
        return "is duplicate";
    }

    if (flcf->function || flcf->name || flcf->api) {
        return "is in a location with \"faas_pass\", \"faas_api_pass\" or "
               "\"faas_route\"";
    }

    flcf->lambda = 1;
    flcf->lambda_place.file = cf->conf_file->file.name;
    flcf->lambda_place.line = cf->conf_file->line;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_faas_lambda_handler;

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_faas_lambda_refuse(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e)
{
    ngx_int_t  rc;

    rc = ngx_http_discard_request_body(r);

    return rc == NGX_OK ? ngx_http_faas_call_error(r, call, e) : rc;
}


static ngx_int_t
ngx_http_faas_lambda_too_large(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e)
{
    e->status = 413;
    e->type = "RequestEntityTooLargeException";

    e->message.data = ngx_pnalloc(r->pool, 128);
    if (e->message.data == NULL) {
        return NGX_ERROR;
    }

    e->message.len = ngx_sprintf(e->message.data, "Request must be smaller "
                                 "than %uz bytes for the InvokeFunction "
                                 "operation", call->flcf->request_max)
                     - e->message.data;

    return NGX_DECLINED;
}


ngx_int_t
ngx_http_faas_lambda_handler(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_faas_call_t          *call;
    ngx_http_faas_ctx_t           *ctx;
    ngx_http_faas_lambda_error_t   e;

    call = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_call_t));
    ctx = ngx_http_faas_create_ctx(r);

    if (call == NULL || ctx == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    call->flcf = ngx_http_get_module_loc_conf(r, ngx_http_faas_module);
    call->auth = call->flcf->auth;
    call->service = "lambda";
    ctx->flcf = call->flcf;
    ctx->call = call;
    ctx->arrived_us = faas_now_us();

    ngx_http_faas_uuid(ctx->request_id);
    ngx_memcpy(call->id, ctx->request_id, FAAS_REQUEST_ID_LEN);

    ngx_memzero(&e, sizeof(ngx_http_faas_lambda_error_t));

    if (ngx_http_faas_call_ids(r, call) != NGX_OK
        || ngx_http_faas_lambda_path(r, call) != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_faas_auth_begin(r, call, &e);

    if (rc == NGX_OK && call->op == NGX_HTTP_FAAS_OP_NONE) {
        e.status = 404;
        e.type = "UnknownOperationException";
        ngx_str_set(&e.message, "The operation is not known");
        rc = NGX_DECLINED;
    }

    if (rc == NGX_OK
        && r->headers_in.content_length_n > (off_t) call->flcf->request_max)
    {
        rc = ngx_http_faas_lambda_too_large(r, call, &e);
    }

    if (rc == NGX_DECLINED) {
        return ngx_http_faas_lambda_refuse(r, call, &e);
    }

    if (rc != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    rc = ngx_http_read_client_request_body(r, ngx_http_faas_lambda_body);

    return rc >= NGX_HTTP_SPECIAL_RESPONSE ? rc : NGX_DONE;
}


/* A segment of the path: is it TEXT? */

static ngx_uint_t
ngx_http_faas_segment_is(faas_path_t *path, ngx_uint_t i, const char *text)
{
    return i < path->n && path->segments[i].text_len == ngx_strlen(text)
           && ngx_memcmp(path->segments[i].text, text,
                         path->segments[i].text_len)
              == 0;
}


/* An endpoint may have a path of its own before that of the API. */

static void
ngx_http_faas_lambda_strip(faas_path_t *path)
{
    ngx_uint_t  i;

    for (i = 0; i < path->n; i++) {
        if (ngx_http_faas_segment_is(path, i, "2015-03-31")
            || ngx_http_faas_segment_is(path, i, "2021-11-15")
            || ngx_http_faas_segment_is(path, i, "2016-08-19"))
        {
            path->n -= i;
            ngx_memmove(&path->segments[0], &path->segments[i],
                        path->n * sizeof(faas_segment_t));
            return;
        }
    }
}


static void
ngx_http_faas_lambda_op(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    faas_path_t *path)
{
    ngx_uint_t  get, n;

    get = (r->method == NGX_HTTP_GET);
    ngx_http_faas_lambda_strip(path);

    /* SDKs end the path of ListFunctions with a slash */

    n = path->n;
    n -= (n && path->segments[n - 1].text_len == 0);

    if (n == 2 && get && ngx_http_faas_segment_is(path, 0, "2016-08-19")
        && ngx_http_faas_segment_is(path, 1, "account-settings"))
    {
        call->op = NGX_HTTP_FAAS_OP_SETTINGS;
        return;
    }

    if (n == 4 && r->method == NGX_HTTP_POST
        && ngx_http_faas_segment_is(path, 0, "2021-11-15")
        && ngx_http_faas_segment_is(path, 1, "functions")
        && ngx_http_faas_segment_is(path, 3,
                                    "response-streaming-invocations"))
    {
        call->op = NGX_HTTP_FAAS_OP_STREAM;
        return;
    }

    if (!ngx_http_faas_segment_is(path, 0, "2015-03-31")
        || !ngx_http_faas_segment_is(path, 1, "functions"))
    {
        return;
    }

    if (n == 2 && get) {
        call->op = NGX_HTTP_FAAS_OP_LIST;

    } else if (n == 3 && get) {
        call->op = NGX_HTTP_FAAS_OP_GET;

    } else if (n == 4 && get
               && ngx_http_faas_segment_is(path, 3, "configuration"))
    {
        call->op = NGX_HTTP_FAAS_OP_CONFIGURATION;

    } else if (n == 4 && r->method == NGX_HTTP_POST
               && ngx_http_faas_segment_is(path, 3, "invocations"))
    {
        call->op = NGX_HTTP_FAAS_OP_INVOKE;
    }
}


/*
 * After a rewrite or a redirect, and in a subrequest, the configuration says
 * what is called, and not the client any more.
 */

static ngx_int_t
ngx_http_faas_lambda_path(ngx_http_request_t *r, ngx_http_faas_call_t *call)
{
    u_char       *p, *buf;
    ngx_str_t     raw;
    faas_path_t   path;

    if (r->valid_unparsed_uri) {
        raw = r->unparsed_uri;
        p = ngx_strlchr(raw.data, raw.data + raw.len, '?');

        if (p) {
            raw.len = p - raw.data;
        }

        buf = ngx_pnalloc(r->pool, faas_path_size(raw.len));
        if (buf == NULL) {
            return NGX_ERROR;
        }

        faas_path_init(&path, raw.data, raw.len, buf);

    } else if (ngx_http_faas_uri_path(r, &path) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_faas_lambda_op(r, call, &path);

    if (path.n > 2) {
        call->target.data = (u_char *) path.segments[2].text;
        call->target.len = path.segments[2].text_len;
    }

    return NGX_OK;
}


/* The body is there. */

static void
ngx_http_faas_lambda_body(ngx_http_request_t *r)
{
    ngx_int_t                      rc;
    ngx_http_faas_ctx_t           *ctx;
    ngx_http_faas_call_t          *call;
    ngx_http_faas_lambda_error_t   e;

    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);
    call = ctx->call;

    ngx_memzero(&e, sizeof(ngx_http_faas_lambda_error_t));

    rc = ngx_http_faas_lambda_run(r, call, &e);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_faas_call_error(r, call, &e);

    } else if (rc == NGX_DONE) {
        return;                              /* ngx_http_upstream has it */
    }

    ngx_http_finalize_request(r, rc == NGX_ERROR
                                 ? NGX_HTTP_INTERNAL_SERVER_ERROR : rc);
}


static ngx_int_t
ngx_http_faas_lambda_take_body(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e)
{
    off_t  len;

    len = ngx_http_faas_body_length(r);

    if (len > (off_t) call->flcf->request_max) {
        return ngx_http_faas_lambda_too_large(r, call, e);
    }

    call->body.data = ngx_pnalloc(r->pool, len + 2);
    if (call->body.data == NULL) {
        return NGX_ERROR;
    }

    call->body.len = len;

    return ngx_http_faas_body_copy(r, call->body.data);
}


/*
 * NGX_DONE: an invocation is under way; NGX_DECLINED: *E is the answer; else
 * what the filters have said of one that is being sent, also NGX_AGAIN.
 */

static ngx_int_t
ngx_http_faas_lambda_run(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    ngx_http_faas_lambda_error_t *e)
{
    ngx_int_t    rc, may;
    ngx_str_t    none;
    const char  *action;

    static const char  *actions[] = {
        "", "lambda:InvokeFunction", "lambda:InvokeFunction",
        "lambda:GetFunction", "lambda:GetFunctionConfiguration",
        "lambda:ListFunctions", "lambda:GetAccountSettings"
    };

    action = actions[call->op];

    rc = ngx_http_faas_lambda_take_body(r, call, e);

    if (rc == NGX_OK) {
        rc = ngx_http_faas_auth_body(r, call, e);
    }

    if (rc == NGX_OK && call->op < NGX_HTTP_FAAS_OP_LIST) {
        rc = ngx_http_faas_call_function(r, call, e);
    }

    /* whom a function is not for does not learn whether there is one */

    if (rc == NGX_OK || (rc == NGX_DECLINED && call->arn.len)) {
        may = ngx_http_faas_auth_may(r, call, action, e);
        rc = (may == NGX_OK) ? rc : may;
    }

    if (rc != NGX_OK) {
        return rc;
    }

    if (call->op >= NGX_HTTP_FAAS_OP_GET) {
        return ngx_http_faas_call_get(r, call);
    }

    rc = ngx_http_faas_call_options(r, call, e);

    if (rc != NGX_OK) {
        return rc;
    }

    if (call->dry_run) {
        ngx_str_null(&none);
        return ngx_http_faas_call_send(r, call, NGX_HTTP_NO_CONTENT, &none);
    }

    if (!ngx_http_faas_usable(call->function)) {
        e->status = 500;
        e->type = "ServiceException";
        ngx_str_set(&e->message, "No environment could be had");
        return NGX_DECLINED;
    }

    return ngx_http_faas_lambda_invoke(r, call);
}


static ngx_int_t
ngx_http_faas_lambda_invoke(ngx_http_request_t *r,
    ngx_http_faas_call_t *call)
{
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);
    ctx->function = call->function;

    if (ngx_http_faas_trace(r, ctx) != NGX_OK
        || ngx_http_faas_upstream(r, ctx) != NGX_OK)
    {
        return NGX_ERROR;
    }

    r->upstream->buffering = 0;

    ngx_http_upstream_init(r);

    return NGX_DONE;
}
