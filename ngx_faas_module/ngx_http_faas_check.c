/*
 * What "nginx -t" finds out about a function before anything is started: is
 * the runtime known and installed, is the code there, does the handler name a
 * file in it.
 *
 * Runs in the master while it reads a configuration; only looks, so that it
 * is safe under "nginx -t" and "nginx -s".
 */

#include "ngx_http_faas.h"


#define NGX_HTTP_FAAS_CANDIDATES  6


typedef struct {
    char                      *prefix;
    ngx_http_faas_runtime_e    kind;
} ngx_http_faas_runtime_t;


static ngx_http_faas_runtime_t  ngx_http_faas_runtimes[] = {
    { "python3", NGX_HTTP_FAAS_PYTHON },
    { "nodejs", NGX_HTTP_FAAS_NODE },
    { "native", NGX_HTTP_FAAS_NATIVE },
    { "fastcgi", NGX_HTTP_FAAS_FASTCGI },
    { NULL, 0 }
};


static ngx_uint_t
ngx_http_faas_executable(u_char *path)
{
    return access((char *) path, X_OK) == 0;
}


/* "python3", "python3.11": the interpreter of that name in /usr/bin */

static char *
ngx_http_faas_check_python(ngx_conf_t *cf, ngx_str_t *runtime)
{
    size_t  i;
    u_char  path[64];

    for (i = sizeof("python3") - 1; i < runtime->len; i++) {

        if (i == sizeof("python3") - 1 && runtime->data[i] == '.'
            && runtime->len > i + 1)
        {
            continue;
        }

        if (i == sizeof("python3") - 1
            || runtime->data[i] < '0' || runtime->data[i] > '9')
        {
            return "unknown";
        }
    }

    (void) ngx_snprintf(path, sizeof(path), "/usr/bin/%V%Z", runtime);

    if (!ngx_http_faas_executable(path)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "runtime \"%V\" is not installed: there is no "
                           "\"%s\", install the package \"%V\"",
                           runtime, path, runtime);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "nodejs", "nodejs20.x" */

static char *
ngx_http_faas_check_node(ngx_conf_t *cf, ngx_str_t *runtime)
{
    size_t  i, n;

    n = sizeof("nodejs") - 1;

    if (runtime->len > n) {

        for (i = n; i < runtime->len - 2; i++) {
            if (runtime->data[i] < '0' || runtime->data[i] > '9') {
                return "unknown";
            }
        }

        if (runtime->len < n + 3
            || runtime->data[runtime->len - 2] != '.'
            || runtime->data[runtime->len - 1] != 'x')
        {
            return "unknown";
        }
    }

    if (!ngx_http_faas_executable((u_char *) "/usr/bin/node")
        && !ngx_http_faas_executable((u_char *) "/usr/bin/nodejs"))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "runtime \"%V\" is not installed: there is no "
                           "\"/usr/bin/node\", install the package "
                           "\"nodejs\"", runtime);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_check_runtime(ngx_conf_t *cf, ngx_http_faas_main_conf_t *fmcf,
    ngx_http_faas_function_t *fn)
{
    char                     *rv;
    size_t                    len;
    ngx_http_faas_runtime_t  *rt;

    rv = "unknown";

    for (rt = ngx_http_faas_runtimes; rt->prefix; rt++) {
        len = ngx_strlen(rt->prefix);

        if (fn->runtime.len < len
            || ngx_strncmp(fn->runtime.data, rt->prefix, len) != 0)
        {
            continue;
        }

        fn->kind = rt->kind;

        if (rt->kind == NGX_HTTP_FAAS_PYTHON) {
            rv = ngx_http_faas_check_python(cf, &fn->runtime);

        } else if (rt->kind == NGX_HTTP_FAAS_NODE) {
            rv = ngx_http_faas_check_node(cf, &fn->runtime);

        } else if (fn->runtime.len == len) {
            rv = NGX_CONF_OK;
        }

        break;
    }

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown runtime \"%V\", it must be python3, "
                           "python3.N, nodejs, nodejsN.x, native or fastcgi",
                           &fn->runtime);
        return NGX_CONF_ERROR;
    }

    return rv;
}


/*
 * Contract, section 3.3: the module is what stands before the last dot, and
 * both slashes and dots separate folders.
 */

static ngx_uint_t
ngx_http_faas_python_files(ngx_pool_t *pool, ngx_str_t *handler,
    ngx_str_t *names)
{
    u_char      *p, *last;
    ngx_uint_t   i;

    last = NULL;

    for (i = 0; i < handler->len; i++) {
        if (handler->data[i] == '.') {
            last = handler->data + i;
        }
    }

    if (last == NULL || last == handler->data
        || last == handler->data + handler->len - 1)
    {
        return 0;
    }

    for (i = 0; i < 2; i++) {
        names[i].data = ngx_pnalloc(pool, handler->len + 16);
        if (names[i].data == NULL) {
            return 0;
        }

        p = ngx_cpymem(names[i].data, handler->data, last - handler->data);

        names[i].len = p - names[i].data;

        for (p = names[i].data; p < names[i].data + names[i].len; p++) {
            if (*p == '.') {
                *p = '/';
            }
        }

        p = ngx_sprintf(p, "%s%Z", i ? "/__init__.py" : ".py");
        names[i].len = p - names[i].data - 1;
    }

    return 2;
}


/* The file is what stands before the first dot of the last path segment. */

static ngx_uint_t
ngx_http_faas_node_files(ngx_pool_t *pool, ngx_str_t *handler,
    ngx_str_t *names)
{
    u_char       *p, *base, *dot, *end;
    ngx_uint_t    i;
    static char  *suffix[] = {
        "", ".js", ".mjs", ".cjs", ".json", "/index.js"
    };

    end = handler->data + handler->len;
    base = handler->data;

    for (p = handler->data; p < end; p++) {
        if (*p == '/') {
            base = p + 1;
        }

        if (p + 1 < end && p[0] == '.' && p[1] == '.') {
            return 0;
        }
    }

    dot = ngx_strlchr(base, end, '.');

    if (dot == NULL || dot == base || dot == end - 1) {
        return 0;
    }

    for (i = 0; i < NGX_HTTP_FAAS_CANDIDATES; i++) {
        names[i].data = ngx_pnalloc(pool, handler->len + 16);
        if (names[i].data == NULL) {
            return 0;
        }

        p = ngx_cpymem(names[i].data, handler->data, dot - handler->data);
        p = ngx_sprintf(p, "%s%Z", suffix[i]);
        names[i].len = p - names[i].data - 1;
    }

    return NGX_HTTP_FAAS_CANDIDATES;
}


/* Does the folder or the archive have one of the files? */

static ngx_int_t
ngx_http_faas_has_file(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_uint_t zip, ngx_str_t *names, ngx_uint_t n)
{
    u_char           *path;
    ngx_uint_t        i;
    ngx_file_info_t   fi;

    if (zip) {
        return ngx_http_faas_zip_has(cf->log, fn->code.data, names, n);
    }

    for (i = 0; i < n; i++) {
        path = ngx_pnalloc(cf->temp_pool, fn->code.len + names[i].len + 2);
        if (path == NULL) {
            return NGX_ERROR;
        }

        (void) ngx_sprintf(path, "%V/%V%Z", &fn->code, &names[i]);

        if (ngx_file_info(path, &fi) != NGX_FILE_ERROR && ngx_is_file(&fi)) {
            return NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static char *
ngx_http_faas_check_handler(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_uint_t zip)
{
    ngx_int_t   rc;
    ngx_str_t   names[NGX_HTTP_FAAS_CANDIDATES];
    ngx_uint_t  n;

    switch (fn->kind) {

    case NGX_HTTP_FAAS_PYTHON:
        n = ngx_http_faas_python_files(cf->temp_pool, &fn->handler, names);
        break;

    case NGX_HTTP_FAAS_NODE:
        n = ngx_http_faas_node_files(cf->temp_pool, &fn->handler, names);
        break;

    default:
        names[0] = fn->handler;
        n = 1;
        break;
    }

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "bad handler \"%V\" in function \"%V\", runtime "
                           "\"%V\" takes %s", &fn->handler, &fn->name,
                           &fn->runtime,
                           fn->kind == NGX_HTTP_FAAS_PYTHON
                           ? "module.function" : "file.export");
        return NGX_CONF_ERROR;
    }

    rc = ngx_http_faas_has_file(cf, fn, zip, names, n);

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "handler \"%V\" of function \"%V\" names no file: "
                           "there is no \"%V\" in \"%V\"",
                           &fn->handler, &fn->name,
                           &names[n > 2 ? 1 : 0], &fn->code);
        return NGX_CONF_ERROR;
    }

    return rc == NGX_OK ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_faas_check_command(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_str_t  *arg;

    if (fn->kind != NGX_HTTP_FAAS_FASTCGI) {

        if (fn->command) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"command\" in function \"%V\" is only for "
                               "runtime fastcgi", &fn->name);
            return NGX_CONF_ERROR;
        }

        return NGX_CONF_OK;
    }

    if (fn->command == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"command\" in function \"%V\" of runtime "
                           "fastcgi", &fn->name);
        return NGX_CONF_ERROR;
    }

    arg = fn->command->elts;

    if (arg[0].data[0] == '/' && !ngx_http_faas_executable(arg[0].data)
        && ngx_strncmp(arg[0].data, "/var/task/", 10) != 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "command \"%V\" of function \"%V\" cannot be "
                           "executed", &arg[0], &fn->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_check_code(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_uint_t       zip;
    ngx_file_info_t  fi;

    if (ngx_http_faas_check_command(cf, fn) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (fn->code.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"code\" in function \"%V\"", &fn->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(fn->code.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "code \"%V\" of function \"%V\" is not there",
                           &fn->code, &fn->name);
        return NGX_CONF_ERROR;
    }

    zip = ngx_is_file(&fi);

    if (!zip && !ngx_is_dir(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "code \"%V\" of function \"%V\" is neither a "
                           "folder nor a zip file", &fn->code, &fn->name);
        return NGX_CONF_ERROR;
    }

    if (fn->handler.len == 0) {

        if (fn->kind == NGX_HTTP_FAAS_FASTCGI) {
            return NGX_CONF_OK;
        }

        if (fn->kind == NGX_HTTP_FAAS_NATIVE) {
            ngx_str_set(&fn->handler, "bootstrap");

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "no \"handler\" in function \"%V\"",
                               &fn->name);
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_faas_check_handler(cf, fn, zip);
}
