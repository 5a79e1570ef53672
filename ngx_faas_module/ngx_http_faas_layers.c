/*
 * "layers" in the configuration: reading it, and looking for files in them.
 *
 * Runs in the master while it reads a configuration; only looks.
 */

#include "ngx_http_faas_check.h"


/* layers PATH ... */

char *
ngx_http_faas_set_layers(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t   *layer, *other;
    ngx_uint_t   i, k;

    if (fn->layers) {
        return "is duplicate";
    }

    if (n - 1 > NGX_HTTP_FAAS_LAYERS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d layers in function \"%V\"",
                           NGX_HTTP_FAAS_LAYERS, &fn->name);
        return NGX_CONF_ERROR;
    }

    fn->layers = ngx_array_create(cf->pool, n, sizeof(ngx_str_t));
    if (fn->layers == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {
        layer = ngx_array_push(fn->layers);
        if (layer == NULL) {
            return NGX_CONF_ERROR;
        }

        *layer = value[i];

        if (ngx_conf_full_name(cf->cycle, layer, 1) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        other = fn->layers->elts;

        for (k = 0; k < i - 1; k++) {
            if (other[k].len == layer->len
                && ngx_memcmp(other[k].data, layer->data, layer->len) == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate layer \"%V\" in function "
                                   "\"%V\"", &value[i], &fn->name);
                return NGX_CONF_ERROR;
            }
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_check_layers(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_str_t             *layer;
    ngx_uint_t             i;
    ngx_http_faas_form_e   form;

    if (fn->layers == NULL) {
        return NGX_CONF_OK;
    }

    ngx_http_faas_place(cf, fn, "layers");
    layer = fn->layers->elts;

    for (i = 0; i < fn->layers->nelts; i++) {
        if (ngx_http_faas_form(cf, fn, &layer[i], "layer", &form)
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    ngx_http_faas_place(cf, fn, "code");

    return NGX_CONF_OK;
}


/* Does PATH lead to where layers are?  If so it becomes what follows. */

ngx_uint_t
ngx_http_faas_in_layers(ngx_http_faas_function_t *fn, ngx_str_t *path)
{
    if (fn->layers == NULL || path->len <= sizeof("/opt/") - 1
        || ngx_strncmp(path->data, "/opt/", sizeof("/opt/") - 1) != 0)
    {
        return 0;
    }

    path->data += sizeof("/opt/") - 1;
    path->len -= sizeof("/opt/") - 1;

    return 1;
}


/* One of the files, below a folder of the layers; the last layer counts. */

ngx_int_t
ngx_http_faas_layers_have(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    const char *folder, ngx_str_t *names, ngx_uint_t n,
    ngx_uint_t executable)
{
    u_char                *p;
    ngx_int_t              rc;
    ngx_str_t             *layer, name;
    ngx_uint_t             i, k;
    ngx_http_faas_form_e   form;

    if (fn->layers == NULL) {
        return NGX_DECLINED;
    }

    layer = fn->layers->elts;

    for (k = 0; k < n; k++) {
        p = ngx_pnalloc(cf->temp_pool,
                        ngx_strlen(folder) + names[k].len + 1);
        if (p == NULL) {
            return NGX_ERROR;
        }

        name.data = p;
        name.len = ngx_sprintf(p, "%s%V%Z", folder, &names[k]) - p - 1;

        for (i = fn->layers->nelts; i > 0; i--) {

            if (ngx_http_faas_form(cf, fn, &layer[i - 1], "layer", &form)
                != NGX_CONF_OK)
            {
                return NGX_ERROR;
            }

            rc = ngx_http_faas_form_has(cf, &layer[i - 1], form, &name, 1,
                                        executable);

            if (rc != NGX_DECLINED) {
                return rc;
            }
        }
    }

    return NGX_DECLINED;
}


/* Where a language looks for modules, of which one may have the handler. */

ngx_int_t
ngx_http_faas_layers_import(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *names, ngx_uint_t n, ngx_uint_t executable)
{
    char       *version, *name;
    u_char      link[NGX_MAX_PATH], path[NGX_MAX_PATH];
    ngx_int_t   rc;

    if (fn->layers == NULL) {
        return NGX_DECLINED;
    }

    if (fn->kind == NGX_HTTP_FAAS_NODE) {
        return ngx_http_faas_layers_have(cf, fn, "nodejs/node_modules/",
                                         names, n, executable);
    }

    if (fn->kind != NGX_HTTP_FAAS_PYTHON) {
        return NGX_DECLINED;
    }

    rc = ngx_http_faas_layers_have(cf, fn, "python/", names, n, executable);

    if (rc != NGX_DECLINED) {
        return rc;
    }

    /* "python3" is a link to "python3.N" */

    (void) ngx_snprintf(link, sizeof(link), "/usr/bin/%V%Z", &fn->runtime);
    version = realpath((char *) link, NULL);

    if (version == NULL) {
        return NGX_DECLINED;
    }

    name = strrchr(version, '/') + 1;
    (void) ngx_snprintf(path, sizeof(path), "python/lib/%s/site-packages/%Z",
                        name);
    free(version);

    return ngx_http_faas_layers_have(cf, fn, (char *) path, names, n,
                                     executable);
}
