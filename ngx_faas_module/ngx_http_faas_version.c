/*
 * "version" and "alias" of a function: which block a qualified name means
 * (contract, sections 5.2 and 6.3).
 *
 * Configured in the master; asked by workers; takes no locks.
 */

#include "ngx_http_faas_api.h"


static ngx_str_t  ngx_http_faas_latest = ngx_string("$LATEST");


#define ngx_http_faas_same(a, b)                                              \
    ((a)->len == (b)->len                                                     \
     && ngx_memcmp((a)->data, (b)->data, (a)->len) == 0)


static ngx_int_t
ngx_http_faas_version_add(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_http_faas_function_t   **fnp;
    ngx_http_faas_main_conf_t   *fmcf;

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);

    if (fmcf->versions == NULL) {
        fmcf->versions = ngx_array_create(cf->pool, 4, sizeof(void *));
        if (fmcf->versions == NULL) {
            return NGX_ERROR;
        }
    }

    fnp = fmcf->versions->elts;

    if (fmcf->versions->nelts && fnp[fmcf->versions->nelts - 1] == fn) {
        return NGX_OK;
    }

    fnp = ngx_array_push(fmcf->versions);
    if (fnp == NULL) {
        return NGX_ERROR;
    }

    *fnp = fn;

    return NGX_OK;
}


/* version NUMBER [FUNCTION] */

char *
ngx_http_faas_set_version(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < '0' || value[1].data[i] > '9') {
            break;
        }
    }

    if (i == 0 || i < value[1].len || i > 10 || value[1].data[0] == '0') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid version \"%V\" in function \"%V\", it must "
                           "be a number, 1 or more", &value[1], &fn->name);
        return NGX_CONF_ERROR;
    }

    if (n == 3 && (value[2].len == 0 || value[2].len > FAAS_NAME_MAX
                   || !ngx_http_faas_letters(&value[2], "-_")))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid function name \"%V\" in \"version\" of "
                           "function \"%V\"", &value[2], &fn->name);
        return NGX_CONF_ERROR;
    }

    fn->version = value[1];

    if (n == 3) {
        fn->lambda_name = value[2];
    }

    return ngx_http_faas_version_add(cf, fn) == NGX_OK ? NGX_CONF_OK
                                                       : NGX_CONF_ERROR;
}


/* alias NAME ... */

char *
ngx_http_faas_set_alias(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    u_char      *p;
    ngx_str_t   *alias;
    ngx_uint_t   i;

    fn->aliases = ngx_array_create(cf->pool, n, sizeof(ngx_str_t));
    if (fn->aliases == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {

        for (p = value[i].data; *p >= '0' && *p <= '9'; p++) {
            /* void */
        }

        if (*p == '\0' || value[i].len > 128
            || !ngx_http_faas_letters(&value[i], "-_"))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid alias \"%V\" of function \"%V\", it "
                               "must be 1 to 128 letters, digits, \"-\" and "
                               "\"_\", and no number", &value[i], &fn->name);
            return NGX_CONF_ERROR;
        }

        alias = ngx_array_push(fn->aliases);
        *alias = value[i];
    }

    return ngx_http_faas_version_add(cf, fn) == NGX_OK ? NGX_CONF_OK
                                                       : NGX_CONF_ERROR;
}


/* The block is complete: its Lambda name, version and ARN. */

ngx_int_t
ngx_http_faas_version_defaults(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    u_char  *p;

    if (fn->lambda_name.len == 0) {
        fn->lambda_name = fn->name;
    }

    p = ngx_pnalloc(cf->pool, sizeof("arn:aws:lambda:::function::")
                              + fn->region.len + fn->account.len
                              + fn->lambda_name.len + fn->version.len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    fn->arn.data = p;
    p = ngx_sprintf(p, "arn:aws:lambda:%V:%V:function:%V", &fn->region,
                    &fn->account, &fn->lambda_name);
    fn->base_arn.data = fn->arn.data;
    fn->base_arn.len = p - fn->arn.data;

    if (fn->version.len) {
        p = ngx_sprintf(p, ":%V", &fn->version);

    } else {
        fn->version = ngx_http_faas_latest;
    }

    fn->arn.len = p - fn->arn.data;

    return NGX_OK;
}


static ngx_uint_t
ngx_http_faas_is_qualifier(ngx_http_faas_function_t *fn, ngx_str_t *name,
    ngx_str_t *qualifier)
{
    ngx_str_t   *alias;
    ngx_uint_t   i;

    if (!ngx_http_faas_same(&fn->lambda_name, name)) {
        return 0;
    }

    if (ngx_http_faas_same(&fn->version, qualifier)) {
        return 1;
    }

    alias = fn->aliases ? fn->aliases->elts : NULL;

    for (i = 0; alias && i < fn->aliases->nelts; i++) {
        if (ngx_http_faas_same(&alias[i], qualifier)) {
            return 1;
        }
    }

    return 0;
}


/*
 * The function that NAME:QUALIFIER means, or NULL; without a qualifier it is
 * the unpublished version, or else the block of that name.
 */

ngx_http_faas_function_t *
ngx_http_faas_qualified(ngx_http_faas_main_conf_t *fmcf, ngx_str_t *name,
    ngx_str_t *qualifier)
{
    ngx_uint_t                  i;
    ngx_http_faas_function_t   *fn, **fnp;

    fn = ngx_http_faas_find(fmcf, name->data, name->len);

    if (fn && !ngx_http_faas_same(&fn->lambda_name, name)) {
        fn = NULL;
    }

    if (qualifier->len == 0
        || (fn && ngx_http_faas_same(&fn->version, qualifier)))
    {
        return fn;
    }

    fnp = fmcf->versions ? fmcf->versions->elts : NULL;

    for (i = 0; fnp && i < fmcf->versions->nelts; i++) {
        if (ngx_http_faas_is_qualifier(fnp[i], name, qualifier)) {
            return fnp[i];
        }
    }

    return NULL;
}


/* Two blocks that one qualifier would mean. */

static char *
ngx_http_faas_version_twice(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_http_faas_function_t *other, ngx_str_t *qualifier)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "\"%V:%V\" is function \"%V\" in %V:%ui and function \"%V\" "
                  "in %V:%ui", &fn->lambda_name, qualifier, &other->name,
                  &other->file, other->line, &fn->name, &fn->file, fn->line);

    return NGX_CONF_ERROR;
}


/* The whole configuration was read. */

char *
ngx_http_faas_check_versions(ngx_conf_t *cf, ngx_http_faas_main_conf_t *fmcf)
{
    ngx_str_t                  *alias;
    ngx_uint_t                  i, k;
    ngx_http_faas_function_t  **fn, *other;

    fn = fmcf->versions ? fmcf->versions->elts : NULL;

    for (i = 0; fn && i < fmcf->versions->nelts; i++) {

        other = ngx_http_faas_qualified(fmcf, &fn[i]->lambda_name,
                                        &fn[i]->version);
        if (other != fn[i]) {
            return ngx_http_faas_version_twice(cf, fn[i], other,
                                               &fn[i]->version);
        }

        alias = fn[i]->aliases ? fn[i]->aliases->elts : NULL;

        for (k = 0; alias && k < fn[i]->aliases->nelts; k++) {
            other = ngx_http_faas_qualified(fmcf, &fn[i]->lambda_name,
                                            &alias[k]);
            if (other != fn[i]) {
                return ngx_http_faas_version_twice(cf, fn[i], other,
                                                   &alias[k]);
            }
        }
    }

    return NGX_CONF_OK;
}


/* A route's target that had a qualifier, now that all functions are known. */

char *
ngx_http_faas_version_resolve(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_http_faas_route_t *route)
{
    ngx_str_t                   name;
    ngx_http_faas_function_t   *fn;
    ngx_http_faas_main_conf_t  *fmcf;

    if (route->qualifier.len == 0) {
        return NGX_CONF_OK;
    }

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);

    name = route->function->name;
    fn = ngx_http_faas_qualified(fmcf, &name, &route->qualifier);

    if (fn == NULL) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "function \"%V\" has no version or alias \"%V\", which "
                      "route \"%V\" names in %V:%ui", &name,
                      &route->qualifier, &route->key, &route->place.file,
                      route->place.line);
        return NGX_CONF_ERROR;
    }

    route->function = fn;
    route->arn.data = ngx_pnalloc(cf->pool, fn->base_arn.len + 1
                                            + route->qualifier.len);
    if (route->arn.data == NULL) {
        return NGX_CONF_ERROR;
    }

    route->arn.len = ngx_sprintf(route->arn.data, "%V:%V", &fn->base_arn,
                                 &route->qualifier)
                     - route->arn.data;

    return NGX_CONF_OK;
}
