/*
 * What "nginx -t" finds out about functions in C#: is Mono there, does the
 * handler name an assembly of the code.
 *
 * Runs in the master while it reads a configuration; only looks.
 */

#include "ngx_http_faas_check.h"


#define NGX_HTTP_FAAS_MONO_PROGRAM  "/usr/bin/mono"


char *
ngx_http_faas_check_mono(ngx_conf_t *cf, ngx_str_t *runtime)
{
    if (runtime->len != sizeof("mono") - 1) {
        return "unknown";
    }

    if (!ngx_http_faas_executable((u_char *) NGX_HTTP_FAAS_MONO_PROGRAM)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "runtime \"%V\" is not installed: there is no "
                           "\"%s\", install the package \"mono-runtime\"",
                           runtime, NGX_HTTP_FAAS_MONO_PROGRAM);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * The length of "Assembly" in "Assembly::Type::Method"; 0: it has no such form,
 * or names a folder, where an assembly is none of the function's.
 */

static size_t
ngx_http_faas_mono_assembly(ngx_str_t *handler)
{
    size_t   i, len, part;
    u_char  *p;

    p = handler->data;
    len = handler->len;

    for (i = 0; i < len && p[i] != ':'; i++) {
        if (p[i] == '/' || p[i] == '\\') {
            return 0;
        }
    }

    part = i;

    if (part == 0 || p[0] == '.' || i + 2 >= len || p[i + 1] != ':') {
        return 0;
    }

    for (i += 2; i < len && p[i] != ':'; i++) {
        /* void */
    }

    if (i == part + 2 || i + 2 >= len || p[i + 1] != ':'
        || ngx_strlchr(p + i + 2, p + len, ':'))
    {
        return 0;
    }

    return part;
}


char *
ngx_http_faas_check_mono_handler(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn)
{
    size_t        len;
    ngx_int_t     rc;
    ngx_str_t     names[2];
    ngx_uint_t    i;
    static char  *suffix[] = { ".dll", ".exe" };

    len = ngx_http_faas_mono_assembly(&fn->handler);

    if (len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "bad handler \"%V\" in function \"%V\", runtime "
                           "\"%V\" takes Assembly::Namespace.Class::Method",
                           &fn->handler, &fn->name, &fn->runtime);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < 2; i++) {
        names[i].data = ngx_pnalloc(cf->temp_pool, len + sizeof(".dll"));
        if (names[i].data == NULL) {
            return NGX_CONF_ERROR;
        }

        names[i].len = ngx_sprintf(names[i].data, "%*s%s%Z", len,
                                   fn->handler.data, suffix[i])
                       - names[i].data - 1;
    }

    rc = ngx_http_faas_has_file(cf, fn, names, 2, 0);

    if (rc == NGX_DECLINED) {
        rc = ngx_http_faas_layers_have(cf, fn, "lib/", names, 2, 0);
    }

    if (rc == NGX_OK) {
        return NGX_CONF_OK;
    }

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "handler \"%V\" of function \"%V\" names no "
                           "assembly: there is no \"%V\" in \"%V\"",
                           &fn->handler, &fn->name, &names[0], &fn->code);
    }

    return NGX_CONF_ERROR;
}
