/*
 * How a call of the Lambda API is to be made: its headers, and whether its
 * body is an event (contract, sections 5.1 and 5.3).
 *
 * Runs in workers.
 */

#include "ngx_http_faas_lambda.h"

#include "faas_base64.h"
#include "faas_json.h"
#include "faas_path.h"


#define NGX_HTTP_FAAS_CONTEXT_MAX  3583        /* contract, section 5.1 */


/*
 * A subrequest, which only nginx itself makes, has the headers of the client
 * that it serves: what it asks for is in its arguments.
 */

static ngx_str_t *
ngx_http_faas_call_argument(ngx_http_request_t *r, const char *name,
    size_t len)
{
    u_char     *p;
    ngx_str_t  *value;

    value = ngx_palloc(r->pool, sizeof(ngx_str_t));

    if (value == NULL || r->args.len == 0
        || ngx_http_arg(r, (u_char *) name, len, value) != NGX_OK)
    {
        return NULL;
    }

    p = ngx_pnalloc(r->pool, value->len);
    if (p == NULL) {
        return NULL;
    }

    value->len = faas_path_decode(p, value->data, value->len) - p;
    value->data = p;

    return value;
}


ngx_str_t *
ngx_http_faas_call_header(ngx_http_request_t *r, const char *name)
{
    return r == r->main
           ? ngx_http_faas_request_header(r, name)
           : ngx_http_faas_call_argument(r, name, ngx_strlen(name));
}


static ngx_int_t
ngx_http_faas_lambda_type(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    ngx_http_faas_lambda_error_t *e)
{
    u_char     *p;
    ngx_str_t  *type;

    type = ngx_http_faas_call_header(r, "X-Amz-Invocation-Type");

    if (type == NULL
        || (type->len == 15
            && ngx_strncmp(type->data, "RequestResponse", 15) == 0))
    {
        return NGX_OK;
    }

    if (type->len == 6 && ngx_strncmp(type->data, "DryRun", 6) == 0) {
        call->dry_run = 1;
        return NGX_OK;
    }

    if (type->len == 5 && ngx_strncmp(type->data, "Event", 5) == 0
        && call->op == NGX_HTTP_FAAS_OP_INVOKE)
    {
        e->status = 500;
        e->type = "ServiceException";
        ngx_str_set(&e->message, "Asynchronous invocations (Event) need a "
                                 "queue, which this gateway does not have "
                                 "yet: use RequestResponse");
        return NGX_DECLINED;
    }

    e->status = 400;
    e->type = "ValidationException";

    p = ngx_pnalloc(r->pool, type->len + 256);
    if (p == NULL) {
        return NGX_ERROR;
    }

    e->message.data = p;
    e->message.len = ngx_sprintf(p, "1 validation error detected: Value '%V' "
                                 "at 'invocationType' failed to satisfy "
                                 "constraint: Member must satisfy enum value "
                                 "set: [Event, RequestResponse, DryRun]",
                                 type)
                     - p;

    return NGX_DECLINED;
}


/* What a runtime makes its context object of, and would fail with. */

static ngx_uint_t
ngx_http_faas_lambda_is_object(u_char *p, long n)
{
    u_char  *last;

    last = p + n;

    if (!faas_json_valid(p, n) || !faas_utf8_valid(p, n)) {
        return 0;
    }

    while (p < last && (*p == ' ' || (*p >= '\t' && *p <= '\r'))) {
        p++;
    }

    return p < last && *p == '{';
}


static ngx_int_t
ngx_http_faas_lambda_context(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e)
{
    long        n;
    u_char     *p;
    ngx_str_t  *value;

    value = ngx_http_faas_call_header(r, "X-Amz-Client-Context");

    if (value == NULL || value->len == 0) {
        return NGX_OK;
    }

    p = ngx_pnalloc(r->pool, value->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    n = (value->len > NGX_HTTP_FAAS_CONTEXT_MAX)
        ? -1 : faas_base64_decode(p, value->data, value->len);

    if (n < 0 || !ngx_http_faas_lambda_is_object(p, n)) {
        e->status = 400;
        e->type = "InvalidRequestContentException";
        ngx_str_set(&e->message, "Client context must be a valid "
                                 "Base64-encoded JSON object.");
        return NGX_DECLINED;
    }

    call->client.data = p;
    call->client.len = n;

    return NGX_OK;
}


ngx_int_t
ngx_http_faas_call_options(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e)
{
    ngx_int_t    rc;
    ngx_str_t   *log;
    faas_json_t  js;
    u_char      *value;
    size_t       len;

    rc = ngx_http_faas_lambda_type(r, call, e);

    if (rc == NGX_OK) {
        rc = ngx_http_faas_lambda_context(r, call, e);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    log = ngx_http_faas_call_header(r, "X-Amz-Log-Type");
    call->wants_tail = (log && log->len == 4
                        && ngx_strncmp(log->data, "Tail", 4) == 0);

    if (call->body.len == 0) {
        call->body.len = 2;
        ngx_memcpy(call->body.data, "{}", 2);
        return NGX_OK;
    }

    faas_json_init(&js, call->body.data, call->body.len);

    if (faas_utf8_valid(call->body.data, call->body.len)
        && faas_json_skip(&js, &value, &len) == 0 && faas_json_end(&js) == 0)
    {
        return NGX_OK;
    }

    e->status = 400;
    e->type = "InvalidRequestContentException";

    e->message.data = ngx_pnalloc(r->pool, 512);
    if (e->message.data == NULL) {
        return NGX_ERROR;
    }

    e->message.len = ngx_snprintf(e->message.data, 512,
                                  "Could not parse request body into json: "
                                  "Could not parse payload into json: %s",
                                  js.error ? js.error : "invalid UTF-8")
                     - e->message.data;

    return NGX_DECLINED;
}
