/*
 * What "nginx -t" finds out about a function's runtime: is it known and
 * installed.
 *
 * Runs in the master while it reads a configuration; only looks, so that it
 * is safe under "nginx -t" and "nginx -s".
 */

#include "ngx_http_faas_check.h"
#include "ngx_http_faas_check_lang.h"


typedef struct {
    char                      *prefix;
    ngx_http_faas_runtime_e    kind;
} ngx_http_faas_runtime_t;


static ngx_http_faas_runtime_t  ngx_http_faas_runtimes[] = {
    { "python3", NGX_HTTP_FAAS_PYTHON },
    { "nodejs", NGX_HTTP_FAAS_NODE },
    { "java", NGX_HTTP_FAAS_JAVA },
    { "mono", NGX_HTTP_FAAS_MONO },
    { "native", NGX_HTTP_FAAS_NATIVE },
    { "fastcgi", NGX_HTTP_FAAS_FASTCGI },
    { "provided", NGX_HTTP_FAAS_PROVIDED },
    { "web", NGX_HTTP_FAAS_WEB },
    { "uwsgi", NGX_HTTP_FAAS_WEB },
    { NULL, 0 }
};


/* what is built only where a compiler for it is */

static struct {
    ngx_http_faas_runtime_e    kind;
    const char                *file;
    char                      *package;
} ngx_http_faas_builds[] = {
    { NGX_HTTP_FAAS_JAVA, "java/faas-java.jar", "openjdk-17-jdk-headless" },
    { NGX_HTTP_FAAS_MONO, "mono/faas-mono.exe", "mono-mcs" }
};


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


static char *
ngx_http_faas_check_provided(ngx_str_t *runtime)
{
    size_t   len;
    u_char  *p;

    p = runtime->data + sizeof("provided") - 1;
    len = runtime->data + runtime->len - p;

    return (len == 0
            || (len == 4 && ngx_strncmp(p, ".al2", 4) == 0)
            || (len == 7 && ngx_strncmp(p, ".al2023", 7) == 0))
           ? NGX_CONF_OK : "unknown";
}


char *
ngx_http_faas_check_runtime(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
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

        } else if (rt->kind == NGX_HTTP_FAAS_JAVA) {
            rv = ngx_http_faas_check_java(cf, &fn->runtime);

        } else if (rt->kind == NGX_HTTP_FAAS_MONO) {
            rv = ngx_http_faas_check_mono(cf, &fn->runtime);

        } else if (rt->kind == NGX_HTTP_FAAS_PROVIDED) {
            rv = ngx_http_faas_check_provided(&fn->runtime);

        } else if (fn->runtime.len == len) {
            rv = NGX_CONF_OK;
        }

        break;
    }

    if (rt->prefix == NULL) {
        fn->kind = NGX_HTTP_FAAS_LANG;
        rv = ngx_http_faas_check_lang(cf, &fn->runtime);
    }

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown runtime \"%V\", it must be python3, "
                           "python3.N, nodejs, nodejsN.x, java, javaN, "
                           "mono, ruby, ruby3.N, lua, php, php8.N, perl, "
                           "bash, native, provided, provided.al2, "
                           "provided.al2023, fastcgi, web or uwsgi",
                           &fn->runtime);
        return NGX_CONF_ERROR;
    }

    return rv;
}


static char *
ngx_http_faas_check_build(ngx_conf_t *cf, ngx_http_faas_main_conf_t *fmcf,
    ngx_uint_t n)
{
    u_char                      path[NGX_MAX_PATH];
    ngx_uint_t                  i;
    ngx_http_faas_function_t  **fn;

    if (ngx_http_faas_path(path, NGX_MAX_PATH, &fmcf->runtime_dir,
                           ngx_http_faas_builds[n].file)
        != NGX_OK
        || access((char *) path, R_OK) == 0)
    {
        return NGX_CONF_OK;
    }

    fn = fmcf->functions.elts;

    for (i = 0; i < fmcf->functions.nelts; i++) {

        if (fn[i]->kind == ngx_http_faas_builds[n].kind) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "runtime \"%V\" of function \"%V\" was not "
                               "built: there is no \"%s\", install the "
                               "package \"%s\" and build again",
                               &fn[i]->runtime, &fn[i]->name, path,
                               ngx_http_faas_builds[n].package);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* Asked at the end, when the folder of runtimes is known. */

char *
ngx_http_faas_check_built(ngx_conf_t *cf, ngx_http_faas_main_conf_t *fmcf)
{
    ngx_uint_t  i, n;

    n = sizeof(ngx_http_faas_builds) / sizeof(ngx_http_faas_builds[0]);

    for (i = 0; i < n; i++) {
        if (ngx_http_faas_check_build(cf, fmcf, i) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}
