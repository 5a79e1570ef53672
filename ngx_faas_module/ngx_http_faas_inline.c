/*
 * "code_inline": a function's code as text in the configuration, a file that
 * is called "index" as with Lambda's ZipFile, or "bootstrap".
 *
 * Runs in the master while it reads a configuration.
 */

#include "ngx_http_faas_check.h"
#include "ngx_http_faas_check_lang.h"


char *
ngx_http_faas_set_inline(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    if (fn->text.data) {
        return "is duplicate";
    }

    if (value[1].len == 0 || ngx_strlchr(value[1].data,
                                         value[1].data + value[1].len, '\0'))
    {
        return "must have a text";
    }

    fn->text = value[1];

    return NGX_CONF_OK;
}


/* The name of the file, which takes the place of the path of the code. */

char *
ngx_http_faas_check_inline(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    u_char     *p;
    char      **suffix;
    ngx_str_t   handler, file;

    ngx_http_faas_place(cf, fn, "code_inline");

    if (fn->code.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "both \"code\" and \"code_inline\" in function "
                           "\"%V\"", &fn->name);
        return NGX_CONF_ERROR;
    }

    fn->form = NGX_HTTP_FAAS_INLINE;

    switch (fn->kind) {

    case NGX_HTTP_FAAS_PYTHON:
        ngx_str_set(&fn->code, "index.py");
        return NGX_CONF_OK;

    case NGX_HTTP_FAAS_NODE:
        ngx_str_set(&fn->code, "index.js");
        return NGX_CONF_OK;

    case NGX_HTTP_FAAS_PROVIDED:
        ngx_str_set(&fn->code, "bootstrap");
        return NGX_CONF_OK;

    case NGX_HTTP_FAAS_LANG:
        break;

    default:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"code_inline\" in function \"%V\" is not for "
                           "runtime \"%V\"", &fn->name, &fn->runtime);
        return NGX_CONF_ERROR;
    }

    ngx_str_set(&handler, "index.handler");
    suffix = ngx_http_faas_lang_files(&fn->runtime, &handler, &file);

    if (suffix == NULL) {
        return NGX_CONF_ERROR;
    }

    p = ngx_pnalloc(cf->pool, file.len + ngx_strlen(suffix[0]) + 1);
    if (p == NULL) {
        return NGX_CONF_ERROR;
    }

    fn->code.data = p;
    fn->code.len = ngx_sprintf(p, "%V%s%Z", &file, suffix[0]) - p - 1;

    return NGX_CONF_OK;
}
