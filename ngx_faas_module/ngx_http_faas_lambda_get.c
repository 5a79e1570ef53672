/*
 * What the Lambda API tells of functions that are configured (contract,
 * section 6.1): GetFunction, GetFunctionConfiguration, ListFunctions,
 * GetAccountSettings.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_lambda.h"

#include "faas_json.h"


#define NGX_HTTP_FAAS_MAX_ITEMS  50            /* of a page, as Lambda's */


static u_char *
ngx_http_faas_get_str(u_char *p, const char *name, ngx_str_t *value)
{
    p = ngx_sprintf(p, "\"%s\":\"", name);
    p = faas_json_escape(p, value->data, value->len);
    *p++ = '"';
    *p++ = ',';

    return p;
}


static size_t
ngx_http_faas_get_size(ngx_http_faas_function_t *fn)
{
    return 1024 + 6 * (fn->name.len * 3 + fn->arn.len + fn->handler.len
                       + fn->runtime.len + fn->account.len);
}


/*
 * A FunctionConfiguration.  Environment variables are not in it: they may be
 * secrets, and who may read the configuration need not know them.
 */

static u_char *
ngx_http_faas_get_function(u_char *p, ngx_http_faas_function_t *fn,
    ngx_str_t *arn, ngx_uint_t list)
{
    ngx_str_t  runtime;

    runtime = fn->runtime;

    if (fn->kind == NGX_HTTP_FAAS_NATIVE) {
        ngx_str_set(&runtime, "provided.al2023");
    }

    *p++ = '{';
    p = ngx_http_faas_get_str(p, "FunctionName", &fn->lambda_name);
    p = ngx_http_faas_get_str(p, "FunctionArn", arn);

    /* an image has them in itself */

    if (fn->form != NGX_HTTP_FAAS_IMAGE) {
        p = ngx_http_faas_get_str(p, "Runtime", &runtime);
        p = ngx_http_faas_get_str(p, "Handler", &fn->handler);
    }

    p = ngx_sprintf(p, "\"Role\":\"arn:aws:iam::%V:role/faas\","
                    "\"CodeSize\":0,\"Description\":\"\",\"Timeout\":%M,"
                    "\"MemorySize\":%ui,\"Version\":\"%V\","
                    "\"TracingConfig\":{\"Mode\":\"PassThrough\"},"
                    "\"PackageType\":\"%s\","
                    "\"EphemeralStorage\":{\"Size\":%ui},"
                    "\"LoggingConfig\":{\"LogFormat\":\"Text\",\"LogGroup\":"
                    "\"/aws/lambda/%V\"},"
                    "\"SnapStart\":{\"ApplyOn\":\"None\","
                    "\"OptimizationStatus\":\"Off\"}",
                    &fn->account, (fn->timeout + 999) / 1000, fn->memory,
                    &fn->version,
                    fn->form == NGX_HTTP_FAAS_IMAGE ? "Image" : "Zip",
                    fn->tmp, &fn->lambda_name);

    if (!list) {
        p = ngx_sprintf(p, ",\"State\":\"Active\","
                        "\"LastUpdateStatus\":\"Successful\"");
    }

    *p++ = '}';

    return p;
}


static ngx_uint_t
ngx_http_faas_get_number(ngx_http_request_t *r, const char *name,
    ngx_uint_t most, ngx_uint_t unset)
{
    ngx_int_t  n;
    ngx_str_t  value;

    if (r->args.len == 0
        || ngx_http_arg(r, (u_char *) name, ngx_strlen(name), &value)
           != NGX_OK)
    {
        return unset;
    }

    n = ngx_atoi(value.data, value.len);

    return (n == NGX_ERROR || (ngx_uint_t) n > most) ? most : (ngx_uint_t) n;
}


/* Pages by index: the table is that of the configuration, and sorted. */

static ngx_int_t
ngx_http_faas_get_list(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    ngx_str_t *text)
{
    size_t                      size;
    u_char                     *p;
    ngx_uint_t                  i, from, to, comma;
    ngx_http_faas_function_t  **fn;
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);
    fn = fmcf->functions.elts;

    from = ngx_http_faas_get_number(r, "Marker", fmcf->functions.nelts, 0);
    to = from + ngx_max(1, ngx_http_faas_get_number(r, "MaxItems",
                                                    NGX_HTTP_FAAS_MAX_ITEMS,
                                                    NGX_HTTP_FAAS_MAX_ITEMS));
    to = ngx_min(to, fmcf->functions.nelts);

    for (size = 128, i = from; i < to; i++) {
        size += ngx_http_faas_get_size(fn[i]);
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    p = ngx_sprintf(p, "{\"Functions\":[");
    comma = 0;

    for (i = from; i < to; i++) {

        if (ngx_http_faas_is_cgi(fn[i])) {
            continue;
        }

        if (comma++) {
            *p++ = ',';
        }

        p = ngx_http_faas_get_function(p, fn[i], &fn[i]->arn, 1);
    }

    *p++ = ']';

    if (to < fmcf->functions.nelts) {
        p = ngx_sprintf(p, ",\"NextMarker\":\"%ui\"", to);
    }

    *p++ = '}';
    text->len = p - text->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_get_settings(ngx_http_request_t *r, ngx_str_t *text)
{
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);

    text->data = ngx_pnalloc(r->pool, 512);
    if (text->data == NULL) {
        return NGX_ERROR;
    }

    text->len = ngx_sprintf(text->data,
                            "{\"AccountLimit\":{\"TotalCodeSize\":80530636800,"
                            "\"CodeSizeUnzipped\":262144000,"
                            "\"CodeSizeZipped\":52428800,"
                            "\"ConcurrentExecutions\":%ui,"
                            "\"UnreservedConcurrentExecutions\":%ui},"
                            "\"AccountUsage\":{\"TotalCodeSize\":0,"
                            "\"FunctionCount\":%ui}}",
                            fmcf->max_environments, fmcf->max_environments,
                            fmcf->functions.nelts)
                - text->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_faas_call_get(ngx_http_request_t *r, ngx_http_faas_call_t *call)
{
    u_char                    *p;
    ngx_int_t                  rc;
    ngx_str_t                  text;
    ngx_http_faas_function_t  *fn;

    fn = call->function;

    if (call->op == NGX_HTTP_FAAS_OP_LIST) {
        rc = ngx_http_faas_get_list(r, call, &text);

    } else if (call->op == NGX_HTTP_FAAS_OP_SETTINGS) {
        rc = ngx_http_faas_get_settings(r, &text);

    } else {
        rc = NGX_OK;
        text.data = ngx_pnalloc(r->pool, ngx_http_faas_get_size(fn)
                                         + 6 * call->arn.len + 256);
        if (text.data == NULL) {
            return NGX_ERROR;
        }

        p = text.data;

        if (call->op == NGX_HTTP_FAAS_OP_GET) {
            p = ngx_sprintf(p, "{\"Configuration\":");
            p = ngx_http_faas_get_function(p, fn, &call->arn, 0);
            p = ngx_sprintf(p, ",\"Code\":{}");

            if (fn->concurrency != NGX_CONF_UNSET) {
                p = ngx_sprintf(p, ",\"Concurrency\":"
                                "{\"ReservedConcurrentExecutions\":%i}",
                                fn->concurrency);
            }

            *p++ = '}';

        } else {
            p = ngx_http_faas_get_function(p, fn, &call->arn, 0);
        }

        text.len = p - text.data;
    }

    return rc == NGX_OK ? ngx_http_faas_call_send(r, call, NGX_HTTP_OK, &text)
                        : rc;
}
