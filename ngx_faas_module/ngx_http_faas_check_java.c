/*
 * What "nginx -t" finds out about functions in Java: is there a JVM, does the
 * handler name a class of the code.
 *
 * Runs in the master while it reads a configuration; only looks.
 */

#include "faas_java.h"
#include "ngx_http_faas_check.h"


#define NGX_HTTP_FAAS_JARS  "lib/\1.jar"     /* with NGX_HTTP_FAAS_ANY */


static ngx_int_t ngx_http_faas_java_jars(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *name);


/* "java", "java17" */

char *
ngx_http_faas_check_java(ngx_conf_t *cf, ngx_str_t *runtime)
{
    int      rc, number;
    char     path[256];
    u_char   name[32];

    if (runtime->len >= sizeof(name)) {
        return "unknown";
    }

    (void) ngx_cpystrn(name, runtime->data, runtime->len + 1);
    number = faas_java_number((char *) name);

    if (number == -1) {
        return "unknown";
    }

    rc = faas_java_find(number, path, sizeof(path));

    if (rc == FAAS_JAVA_OK) {
        return NGX_CONF_OK;
    }

    if (number > 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "runtime \"%V\" is not installed: there is no "
                           "Java %d in \"%s\", install the package "
                           "\"openjdk-%d-jre-headless\"", runtime, number,
                           FAAS_JAVA_FOLDER, number);

    } else if (rc == FAAS_JAVA_OLD) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "runtime \"%V\": \"%s\" is older than Java %d, "
                           "install the package \"default-jre-headless\"",
                           runtime, FAAS_JAVA_DEFAULT, FAAS_JAVA_MIN);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "runtime \"%V\" is not installed: there is no "
                           "\"%s\", install the package "
                           "\"default-jre-headless\"",
                           runtime, FAAS_JAVA_DEFAULT);
    }

    return NGX_CONF_ERROR;
}


/*
 * "pkg.Outer$Inner::method" is in pkg/Outer$Inner.class.  NGX_DECLINED if it
 * is not the name of a class.
 */

static ngx_int_t
ngx_http_faas_java_class(ngx_pool_t *pool, ngx_str_t *handler,
    ngx_str_t *name)
{
    u_char  *p, *last, c;

    name->data = ngx_pnalloc(pool, handler->len + sizeof(".class"));
    if (name->data == NULL) {
        return NGX_ERROR;
    }

    last = name->data;

    for (p = handler->data; p < handler->data + handler->len; p++) {
        c = *p;

        if (c == ':') {
            break;
        }

        if (c == '/' || c == '\\' || c == ' ' || c == ';' || c == '['
            || (c == '.' && (last == name->data || last[-1] == '/')))
        {
            return NGX_DECLINED;
        }

        *last++ = (c == '.') ? '/' : c;
    }

    if (last == name->data || last[-1] == '/') {
        return NGX_DECLINED;
    }

    /* "::method" */

    if (*p == ':'
        && (handler->data + handler->len - p < 3 || p[1] != ':'
            || ngx_strlchr(p + 2, handler->data + handler->len, ':')))
    {
        return NGX_DECLINED;
    }

    last = ngx_cpymem(last, ".class", sizeof(".class"));
    name->len = last - name->data - 1;

    return NGX_OK;
}


char *
ngx_http_faas_check_java_handler(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn)
{
    ngx_int_t  rc;
    ngx_str_t  names[2];

    rc = ngx_http_faas_java_class(cf->temp_pool, &fn->handler, &names[0]);

    if (rc == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    if (rc == NGX_DECLINED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "bad handler \"%V\" in function \"%V\", runtime "
                           "\"%V\" takes package.Class or "
                           "package.Class::method", &fn->handler, &fn->name,
                           &fn->runtime);
        return NGX_CONF_ERROR;
    }

    /* nobody looks into an archive in an archive */

    ngx_str_set(&names[1], NGX_HTTP_FAAS_JARS);

    rc = ngx_http_faas_has_file(cf, fn, names,
                                fn->form == NGX_HTTP_FAAS_ZIP ? 2 : 1, 0);

    if (rc == NGX_DECLINED && fn->form == NGX_HTTP_FAAS_FOLDER) {
        rc = ngx_http_faas_java_jars(cf, fn, &names[0]);
    }

    /* jars of layers are where few handlers are, but some */

    if (rc == NGX_DECLINED && fn->layers) {
        rc = NGX_OK;
    }

    if (rc == NGX_OK) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "handler \"%V\" of function \"%V\" names no class: "
                       "there is no \"%V\" in \"%V\", nor in a jar of its "
                       "\"lib\"", &fn->handler, &fn->name, &names[0],
                       &fn->code);

    return NGX_CONF_ERROR;
}


/* Does a jar of the folder's "lib" have this class? */

static ngx_int_t
ngx_http_faas_java_jars(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *name)
{
    u_char     *path;
    size_t      len;
    ngx_dir_t   dir;
    ngx_err_t   err;
    ngx_int_t   rc;
    ngx_str_t   folder;

    folder.data = ngx_pnalloc(cf->temp_pool, fn->code.len + sizeof("/lib"));
    if (folder.data == NULL) {
        return NGX_ERROR;
    }

    folder.len = ngx_sprintf(folder.data, "%V/lib%Z", &fn->code)
                 - folder.data - 1;

    if (ngx_open_dir(&folder, &dir) == NGX_ERROR) {
        return NGX_DECLINED;
    }

    rc = NGX_DECLINED;

    while (rc == NGX_DECLINED && ngx_read_dir(&dir) == NGX_OK) {
        len = ngx_de_namelen(&dir);

        if (len < 4 || ngx_strcmp(ngx_de_name(&dir) + len - 4, ".jar") != 0) {
            continue;
        }

        path = ngx_pnalloc(cf->temp_pool, folder.len + len + 2);
        if (path == NULL) {
            rc = NGX_ERROR;
            break;
        }

        (void) ngx_sprintf(path, "%V/%s%Z", &folder, ngx_de_name(&dir));

        /* a jar that cannot be read is not the master's to judge */

        if (ngx_http_faas_zip_has(path, name, 1, &err) != NGX_DECLINED) {
            rc = NGX_OK;
        }
    }

    (void) ngx_close_dir(&dir);

    return rc;
}
