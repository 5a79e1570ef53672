/*
 * What "nginx -t" finds out about a function that asks Lambda's Runtime API for
 * its events: a custom runtime, or an official client in the place of our own
 * runtime.
 *
 * Runs in the master while it reads a configuration; only looks.
 */

#include "ngx_http_faas_check.h"


/* Is it a function that there may be a Runtime API for? */

char *
ngx_http_faas_check_api(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    if (fn->official_client && fn->kind != NGX_HTTP_FAAS_PYTHON
        && fn->kind != NGX_HTTP_FAAS_NODE)
    {
        ngx_http_faas_place(cf, fn, "official_client");
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"official_client\" in function \"%V\" is only "
                           "for Python and Node.js", &fn->name);
        return NGX_CONF_ERROR;
    }

    if (fn->kind != NGX_HTTP_FAAS_PROVIDED && !fn->official_client) {
        return NGX_CONF_OK;
    }

    if (fn->network == NGX_HTTP_FAAS_HOST_NETWORK) {
        ngx_http_faas_place(cf, fn, "network");
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"network host\" in function \"%V\" is not for "
                           "%s \"%V\": all of this host could talk to its "
                           "Runtime API", &fn->name,
                           fn->official_client ? "the official client of"
                                               : "runtime", &fn->runtime);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* What runs the code is in the code; the handler is its affair. */

char *
ngx_http_faas_check_bootstrap(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_int_t  rc;
    ngx_str_t  name;

    ngx_str_set(&name, "bootstrap");
    rc = ngx_http_faas_has_file(cf, fn, &name, 1, 1);

    /* found or not, one that cannot be executed is passed over */

    if (rc != NGX_OK
        && ngx_http_faas_layers_have(cf, fn, "", &name, 1, 1) == NGX_OK)
    {
        rc = NGX_OK;
    }

    if (rc != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           rc == NGX_ABORT
                           ? "\"bootstrap\" is not executable in code \"%V\" "
                             "of function \"%V\""
                           : "there is no \"bootstrap\" in code \"%V\" of "
                             "function \"%V\"", &fn->code, &fn->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "/usr/bin/python3.11 -m awslambdaric", "node .../aws-lambda-ric" */

static ngx_int_t
ngx_http_faas_client_command(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *name)
{
    u_char     *p;
    ngx_str_t  *arg;

    /* room for all that is pushed below, and the handler */

    fn->command = ngx_array_create(cf->pool, 4, sizeof(ngx_str_t));

    if (fn->command == NULL) {
        return NGX_ERROR;
    }

    arg = ngx_array_push(fn->command);

    if (fn->kind == NGX_HTTP_FAAS_PYTHON) {
        p = ngx_pnalloc(cf->pool, sizeof("/usr/bin/") + fn->runtime.len);

        if (p == NULL) {
            return NGX_ERROR;
        }

        arg->data = p;
        arg->len = ngx_sprintf(p, "/usr/bin/%V", &fn->runtime) - p;

        arg = ngx_array_push(fn->command);
        ngx_str_set(arg, "-m");
        arg = ngx_array_push(fn->command);
        ngx_str_set(arg, "awslambdaric");

        return NGX_OK;
    }

    if (ngx_http_faas_executable((u_char *) "/usr/bin/node")) {
        ngx_str_set(arg, "/usr/bin/node");

    } else {
        ngx_str_set(arg, "/usr/bin/nodejs");
    }

    arg = ngx_array_push(fn->command);
    *arg = *name;

    return NGX_OK;
}


/* The client has to be in the code. */

char *
ngx_http_faas_check_client(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_str_t   name, *arg;

    if (fn->kind == NGX_HTTP_FAAS_PYTHON) {
        ngx_str_set(&name, "awslambdaric/__main__.py");

    } else {
        ngx_str_set(&name, "node_modules/.bin/aws-lambda-ric");
    }

    if (ngx_http_faas_has_file(cf, fn, &name, 1, 0) != NGX_OK) {
        ngx_http_faas_place(cf, fn, "official_client");
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "the official client is not in code \"%V\" of "
                           "function \"%V\": there is no \"%V\", install "
                           "the package \"%s\" there", &fn->code, &fn->name,
                           &name, fn->kind == NGX_HTTP_FAAS_PYTHON
                                  ? "awslambdaric" : "aws-lambda-ric");
        return NGX_CONF_ERROR;
    }

    if (ngx_http_faas_client_command(cf, fn, &name) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    arg = ngx_array_push(fn->command);
    *arg = fn->handler;

    return NGX_CONF_OK;
}
