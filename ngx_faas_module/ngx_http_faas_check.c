/*
 * What "nginx -t" finds out about a function before anything is started: is
 * the code there, does the handler name a file in it.
 *
 * Runs in the master while it reads a configuration; only looks, so that it
 * is safe under "nginx -t" and "nginx -s".
 */

#include "ngx_http_faas_check.h"
#include "ngx_http_faas_check_lang.h"


#define NGX_HTTP_FAAS_CANDIDATES  9


ngx_uint_t
ngx_http_faas_executable(u_char *path)
{
    ngx_file_info_t  fi;

    return ngx_file_info(path, &fi) != NGX_FILE_ERROR && ngx_is_file(&fi)
           && access((char *) path, X_OK) == 0;
}


/* A path that stays in the code: relative, without empty or ".." parts. */

static ngx_uint_t
ngx_http_faas_inside(ngx_str_t *path)
{
    u_char  *p, *end, *last;

    last = path->data + path->len;

    for (p = path->data; /* void */ ; p = end + 1) {
        end = ngx_strlchr(p, last, '/');

        if (end == NULL) {
            end = last;
        }

        if (end == p || (end - p == 2 && p[0] == '.' && p[1] == '.')) {
            return 0;
        }

        if (end == last) {
            return 1;
        }
    }
}


/* base and each of the suffixes */

static ngx_uint_t
ngx_http_faas_candidates(ngx_pool_t *pool, ngx_str_t *base, char **suffix,
    ngx_str_t *names)
{
    u_char      *p;
    ngx_uint_t   i;

    if (!ngx_http_faas_inside(base)) {
        return 0;
    }

    for (i = 0; suffix[i]; i++) {
        p = ngx_pnalloc(pool, base->len + ngx_strlen(suffix[i]) + 1);
        if (p == NULL) {
            return 0;
        }

        names[i].data = p;
        names[i].len = ngx_sprintf(p, "%V%s%Z", base, suffix[i]) - p - 1;
    }

    return i;
}


/*
 * Contract, section 3.3: the module is what stands before the last dot, and
 * both slashes and dots separate folders.
 */

static ngx_uint_t
ngx_http_faas_python_files(ngx_pool_t *pool, ngx_str_t *handler,
    ngx_str_t *names)
{
    size_t        i;
    ngx_str_t     base;
    static char  *suffix[] = {
        ".py", "/__init__.py", ".pyc", ".so", ".\1.so", NULL
    };

    for (i = handler->len; i && handler->data[i - 1] != '.'; i--) {
        /* void */
    }

    if (i == 0 || i == handler->len) {
        return 0;
    }

    base.len = i - 1;
    base.data = ngx_pstrdup(pool, handler);
    if (base.data == NULL) {
        return 0;
    }

    for (i = 0; i < base.len; i++) {
        if (base.data[i] == '.') {
            base.data[i] = '/';
        }
    }

    return ngx_http_faas_candidates(pool, &base, suffix, names);
}


/* The file is what stands before the first dot of the last path segment. */

static ngx_uint_t
ngx_http_faas_node_files(ngx_pool_t *pool, ngx_str_t *handler,
    ngx_str_t *names)
{
    u_char       *p, *name, *dot, *end;
    ngx_str_t     base;
    static char  *suffix[] = {
        ".js", "", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".json",
        "/index.js", NULL
    };

    end = handler->data + handler->len;
    name = handler->data;

    for (p = handler->data; p < end; p++) {
        if (*p == '/') {
            name = p + 1;
        }

        if (p + 1 < end && p[0] == '.' && p[1] == '.') {
            return 0;
        }
    }

    dot = ngx_strlchr(name, end, '.');

    if (dot == NULL || dot == name || dot == end - 1) {
        return 0;
    }

    base.data = handler->data;
    base.len = dot - handler->data;

    return ngx_http_faas_candidates(pool, &base, suffix, names);
}


static ngx_uint_t
ngx_http_faas_handler_files(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *names)
{
    char       **suffix;
    ngx_str_t    file;

    switch (fn->kind) {

    case NGX_HTTP_FAAS_PYTHON:
        return ngx_http_faas_python_files(cf->temp_pool, &fn->handler, names);

    case NGX_HTTP_FAAS_NODE:
        return ngx_http_faas_node_files(cf->temp_pool, &fn->handler, names);

    case NGX_HTTP_FAAS_LANG:
        suffix = ngx_http_faas_lang_files(&fn->runtime, &fn->handler, &file);

        return suffix ? ngx_http_faas_candidates(cf->temp_pool, &file, suffix,
                                                 names)
                      : 0;

    default:
        names[0] = fn->handler;
        return ngx_http_faas_inside(&fn->handler);
    }
}


/* Node.js takes absolute ones; what has its handler in a layer needs them. */

static ngx_int_t
ngx_http_faas_layer_handler(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_str_t   names[NGX_HTTP_FAAS_CANDIDATES], handler;
    ngx_uint_t  n;

    handler = fn->handler;

    if (fn->kind != NGX_HTTP_FAAS_NODE
        || !ngx_http_faas_in_layers(fn, &handler))
    {
        return NGX_DECLINED;
    }

    n = ngx_http_faas_node_files(cf->temp_pool, &handler, names);

    return n ? ngx_http_faas_layers_have(cf, fn, "", names, n, 0)
             : NGX_DECLINED;
}


static char *
ngx_http_faas_check_handler(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_str_t   names[NGX_HTTP_FAAS_CANDIDATES];
    ngx_uint_t  n;

    if (ngx_http_faas_layer_handler(cf, fn) == NGX_OK) {
        return NGX_CONF_OK;
    }

    if (fn->kind == NGX_HTTP_FAAS_JAVA) {
        return ngx_http_faas_check_java_handler(cf, fn);
    }

    if (fn->kind == NGX_HTTP_FAAS_MONO) {
        return ngx_http_faas_check_mono_handler(cf, fn);
    }

    n = ngx_http_faas_handler_files(cf, fn, names);

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "bad handler \"%V\" in function \"%V\", runtime "
                           "\"%V\" takes %s", &fn->handler, &fn->name,
                           &fn->runtime,
                           fn->kind == NGX_HTTP_FAAS_PYTHON
                           ? "module.function"
                           : fn->kind == NGX_HTTP_FAAS_NODE
                             ? "file.export"
                             : fn->kind == NGX_HTTP_FAAS_LANG
                               ? ngx_http_faas_lang_takes(&fn->runtime)
                               : "a path in the code");
        return NGX_CONF_ERROR;
    }

    switch (ngx_http_faas_has_file(cf, fn, names, n,
                                   fn->kind == NGX_HTTP_FAAS_NATIVE))
    {
    case NGX_OK:
        return NGX_CONF_OK;

    case NGX_DECLINED:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "handler \"%V\" of function \"%V\" names no file: "
                           "there is no \"%V\" in \"%V\"%s",
                           &fn->handler, &fn->name, &names[0], &fn->code,
                           fn->layers ? " or its layers" : "");
        break;

    case NGX_ABORT:
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "handler \"%V\" of function \"%V\" is not "
                           "executable in \"%V\"",
                           &fn->handler, &fn->name, &fn->code);
        break;
    }

    return NGX_CONF_ERROR;
}


/* A program of the system by its path, or one of the code. */

static char *
ngx_http_faas_check_command(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_str_t  arg;
    ngx_int_t  rc;

    arg = *(ngx_str_t *) fn->command->elts;

    if (ngx_strncmp(arg.data, "/var/task/", 10) == 0) {
        arg.data += 10;
        arg.len -= 10;
    }

    if (ngx_http_faas_in_layers(fn, &arg)) {
        rc = ngx_http_faas_layers_have(cf, fn, "", &arg, 1, 1);

    } else if (arg.data[0] == '/') {
        rc = ngx_http_faas_executable(arg.data) ? NGX_OK : NGX_DECLINED;

    } else if (ngx_http_faas_inside(&arg)) {
        rc = ngx_http_faas_has_file(cf, fn, &arg, 1, 1);

    } else {
        rc = NGX_DECLINED;
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "command \"%V\" of function \"%V\" cannot be "
                           "executed, it must be the path of a program, "
                           "relative to the code or absolute",
                           (ngx_str_t *) fn->command->elts, &fn->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* What only makes sense where FastCGI is the function's own protocol. */

static char *
ngx_http_faas_check_fastcgi(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    char  *name;

    if (fn->kind == NGX_HTTP_FAAS_FASTCGI
        || (!fn->path_info && fn->keep_conn))
    {
        return NGX_CONF_OK;
    }

    name = fn->path_info ? "path_info" : "keep_conn";

    ngx_http_faas_place(cf, fn, name);
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%s\" in function \"%V\" is only for runtime "
                       "fastcgi", name, &fn->name);

    return NGX_CONF_ERROR;
}


/* What has to be there, and what must not. */

static char *
ngx_http_faas_check_complete(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    char  *missing;

    if (fn->command && (fn->kind < NGX_HTTP_FAAS_FASTCGI
                        || fn->kind == NGX_HTTP_FAAS_LANG))
    {
        ngx_http_faas_place(cf, fn, "command");
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"command\" in function \"%V\" is only for "
                           "runtimes fastcgi, web and provided",
                           &fn->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_faas_check_api(cf, fn) != NGX_CONF_OK
        || ngx_http_faas_check_web(cf, fn) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (fn->streaming == 1 && ngx_http_faas_is_cgi(fn)) {
        ngx_http_faas_place(cf, fn, "streaming");
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"streaming\" in function \"%V\" is not for "
                           "runtime %V, see \"faas_buffering\"",
                           &fn->name, &fn->runtime);
        return NGX_CONF_ERROR;
    }

    missing = NULL;

    if (ngx_http_faas_is_cgi(fn) && fn->command == NULL) {
        missing = "command";

    } else if (fn->code.len == 0 && fn->text.len == 0
               && fn->image.len == 0)
    {
        missing = "code";

    } else if (fn->handler.len == 0
               && (fn->kind == NGX_HTTP_FAAS_PYTHON
                   || fn->kind == NGX_HTTP_FAAS_NODE
                   || fn->kind == NGX_HTTP_FAAS_JAVA
                   || fn->kind == NGX_HTTP_FAAS_MONO
                   || fn->kind == NGX_HTTP_FAAS_LANG))
    {
        missing = "handler";
    }

    if (missing == NULL) {
        return ngx_http_faas_check_fastcgi(cf, fn);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "no \"%s\" in function \"%V\"",
                       missing, &fn->name);

    return NGX_CONF_ERROR;
}


/* The code is there: what of it is to run? */

static char *
ngx_http_faas_check_start(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    if (fn->handler.len == 0 && (fn->kind == NGX_HTTP_FAAS_NATIVE
                                 || fn->kind == NGX_HTTP_FAAS_PROVIDED))
    {
        ngx_str_set(&fn->handler, "bootstrap");
    }

    if (fn->kind == NGX_HTTP_FAAS_PROVIDED && fn->command == NULL
        && ngx_http_faas_check_bootstrap(cf, fn) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_faas_place(cf, fn, "handler");

    if (fn->handler.len && fn->kind != NGX_HTTP_FAAS_PROVIDED
        && ngx_http_faas_check_handler(cf, fn) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (fn->official_client) {
        return ngx_http_faas_check_client(cf, fn);
    }

    ngx_http_faas_place(cf, fn, "command");

    return fn->command ? ngx_http_faas_check_command(cf, fn)
                       : NGX_CONF_OK;
}


char *
ngx_http_faas_check_code(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    char  *rv;

    if (ngx_http_faas_check_complete(cf, fn) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (fn->image.len) {
        return ngx_http_faas_check_image(cf, fn);
    }

    ngx_http_faas_place(cf, fn, "code");

    rv = fn->text.len ? ngx_http_faas_check_inline(cf, fn)
                      : ngx_http_faas_form(cf, fn, &fn->code, "code",
                                           &fn->form);
    if (rv != NGX_CONF_OK) {
        return rv;
    }

    if (ngx_http_faas_check_layers(cf, fn) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    return ngx_http_faas_check_start(cf, fn);
}
