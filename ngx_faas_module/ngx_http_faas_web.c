/*
 * "listen" and what else is for "runtime web" only, or not for it: programs
 * that speak HTTP, which faas-web starts and asks.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_check.h"


/* sun_path has 108, some of which a program may want for its own purposes */
#define NGX_HTTP_FAAS_LISTEN_MAX  100


/*
 * A name below one of the two folders that every sandbox can write to.  Dots
 * lead out of them, and then nobody can listen there.
 */

static ngx_uint_t
ngx_http_faas_listen_path(ngx_str_t *path)
{
    u_char  *p, *name, *last;

    if (path->len >= NGX_HTTP_FAAS_LISTEN_MAX) {
        return 0;
    }

    last = path->data + path->len;

    if (ngx_strncmp(path->data, "/tmp/", 5) == 0) {
        name = path->data + 5;

    } else if (ngx_strncmp(path->data, "/dev/shm/", 9) == 0) {
        name = path->data + 9;

    } else {
        return 0;
    }

    for (p = name; p < last; p++) {
        if (*p <= ' ' || *p == 0x7f) {
            return 0;
        }

        if (*p != '/') {
            continue;
        }

        if (p == name || (p - name == 2 && name[0] == '.' && name[1] == '.'))
        {
            return 0;
        }

        name = p + 1;
    }

    return name < last && ngx_strcmp(name, "..") != 0;
}


/* listen PORT | unix:PATH */

char *
ngx_http_faas_set_listen(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t   port;
    ngx_str_t   path;
    ngx_uint_t  ok;

    if (fn->listen.data) {
        return "is duplicate";
    }

    if (ngx_strncmp(value[1].data, "unix:", 5) == 0) {
        path.data = value[1].data + 5;
        path.len = value[1].len - 5;
        ok = ngx_http_faas_listen_path(&path);

    } else {
        port = ngx_atoi(value[1].data, value[1].len);
        ok = port >= 1 && port <= 65535 && value[1].data[0] != '0';
    }

    if (!ok) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"listen\", it must be a "
                           "port from 1 to 65535, or unix:PATH with less "
                           "than %d bytes below /tmp/ or /dev/shm/, where an "
                           "environment may write", &value[1],
                           NGX_HTTP_FAAS_LISTEN_MAX);
        return NGX_CONF_ERROR;
    }

    fn->listen = value[1];

    return NGX_CONF_OK;
}


/* What only makes sense where the program speaks HTTP, or never does there. */

char *
ngx_http_faas_check_web(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    char       *name;
    ngx_str_t  *value;

    if (fn->kind == NGX_HTTP_FAAS_WEB) {

        if (fn->readiness.len && ngx_strcmp(fn->runtime.data, "uwsgi") == 0) {
            ngx_http_faas_place(cf, fn, "readiness");
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "\"readiness %V\" in function \"%V\" is not "
                               "for runtime uwsgi, whose program is not asked "
                               "by HTTP", &fn->readiness, &fn->name);
            return NGX_CONF_ERROR;
        }

        if (fn->handler.len == 0) {
            return NGX_CONF_OK;
        }

        ngx_http_faas_place(cf, fn, "handler");
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"handler %V\" in function \"%V\" is not for "
                           "runtime %V, whose program has the request's "
                           "path", &fn->handler, &fn->name, &fn->runtime);
        return NGX_CONF_ERROR;
    }

    if (fn->listen.len) {
        name = "listen";
        value = &fn->listen;

    } else if (fn->readiness.len) {
        name = "readiness";
        value = &fn->readiness;

    } else {
        return NGX_CONF_OK;
    }

    ngx_http_faas_place(cf, fn, name);
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"%s %V\" in function \"%V\" is only for runtime "
                       "web%s", name, value, &fn->name,
                       value == &fn->listen ? " or uwsgi" : "");

    return NGX_CONF_ERROR;
}
