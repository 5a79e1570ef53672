/*
 * "authorizer" and "authorizer_default" in a faas_api block, "authorizer=" and
 * "scopes=" of a route.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_verdict.h"
#include "ngx_http_faas_lambda.h"


static ngx_http_faas_authorizer_t *ngx_http_faas_authorizer_find(
    ngx_http_faas_api_t *api, ngx_str_t *name);
static ngx_http_faas_authorizer_t *ngx_http_faas_authorizer_add(
    ngx_conf_t *cf, ngx_http_faas_api_t *api, ngx_str_t *name);
static char *ngx_http_faas_authorizer_route(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_http_faas_route_t *route);


#define ngx_http_faas_is_none(s)                                              \
    ((s)->len == 4 && ngx_strncmp((s)->data, "none", 4) == 0)

/* ngx_http_faas_authorizer_e */

static ngx_str_t  ngx_http_faas_authorizer_types[] = {
    ngx_string("jwt"),
    ngx_string("iam"),
    ngx_string("token"),
    ngx_string("request"),
    ngx_null_string
};


static ngx_uint_t
ngx_http_faas_authorizer_name_ok(ngx_str_t *name)
{
    return name->len && name->len <= FAAS_NAME_MAX
           && ngx_http_faas_letters(name, "-_")
           && !ngx_http_faas_is_none(name);
}


/* authorizer NAME iam keys=FILE */

static char *
ngx_http_faas_authorizer_iam(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t  name;

    if (n != 4 || !ngx_http_faas_is_param(&value[3], "keys=")) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "authorizer \"%V\" must have one parameter, "
                           "\"keys=FILE\"", &a->name);
        return NGX_CONF_ERROR;
    }

    ngx_http_faas_param(&name, &value[3], "keys=");

    a->keys = ngx_http_faas_auth_load(cf, &name);

    return a->keys ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_faas_authorizer_type(ngx_str_t *name)
{
    ngx_str_t   *types;
    ngx_uint_t   type;

    types = ngx_http_faas_authorizer_types;

    for (type = 0; types[type].len; type++) {
        if (ngx_strcmp(name->data, types[type].data) == 0) {
            break;
        }
    }

    return type;
}


/* authorizer NAME TYPE PARAMETER ... */

char *
ngx_http_faas_set_authorizer(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t                   type;
    ngx_http_faas_authorizer_t  *a;

    if (!ngx_http_faas_authorizer_name_ok(&value[1])) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid authorizer name \"%V\", it must be 1 to "
                           "%d letters, digits, \"-\" and \"_\", and not "
                           "\"none\"", &value[1], FAAS_NAME_MAX);
        return NGX_CONF_ERROR;
    }

    a = ngx_http_faas_authorizer_find(api, &value[1]);

    if (a) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate authorizer \"%V\", the first one is in "
                           "%V:%ui", &a->name, &a->place.file, a->place.line);
        return NGX_CONF_ERROR;
    }

    type = ngx_http_faas_authorizer_type(&value[2]);

    if (ngx_http_faas_authorizer_types[type].len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid type \"%V\" of authorizer \"%V\", it must "
                           "be \"jwt\", \"iam\", \"token\" or \"request\"",
                           &value[2], &value[1]);
        return NGX_CONF_ERROR;
    }

    a = ngx_http_faas_authorizer_add(cf, api, &value[1]);
    if (a == NULL) {
        return NGX_CONF_ERROR;
    }

    a->type = type;

    if (type == NGX_HTTP_FAAS_AUTHORIZER_IAM) {
        return ngx_http_faas_authorizer_iam(cf, a, value, n);
    }

    return type == NGX_HTTP_FAAS_AUTHORIZER_JWT
           ? ngx_http_faas_set_jwt_authorizer(cf, a, value, n)
           : ngx_http_faas_set_lambda_authorizer(cf, a, value, n);
}


static ngx_http_faas_authorizer_t *
ngx_http_faas_authorizer_add(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *name)
{
    ngx_http_faas_authorizer_t  *a, **ap;

    if (api->authorizers == NULL) {
        api->authorizers = ngx_array_create(cf->pool, 2, sizeof(void *));
        if (api->authorizers == NULL) {
            return NULL;
        }
    }

    a = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_authorizer_t));
    ap = ngx_array_push(api->authorizers);

    if (a == NULL || ap == NULL) {
        return NULL;
    }

    *ap = a;

    a->name = *name;
    a->skew = NGX_CONF_UNSET;
    a->place.file = cf->conf_file->file.name;
    a->place.line = cf->conf_file->line;

    return a;
}


static ngx_http_faas_authorizer_t *
ngx_http_faas_authorizer_find(ngx_http_faas_api_t *api, ngx_str_t *name)
{
    ngx_uint_t                    i;
    ngx_http_faas_authorizer_t  **a;

    if (api->authorizers == NULL) {
        return NULL;
    }

    a = api->authorizers->elts;

    for (i = 0; i < api->authorizers->nelts; i++) {
        if (a[i]->name.len == name->len
            && ngx_strncmp(a[i]->name.data, name->data, name->len) == 0)
        {
            return a[i];
        }
    }

    return NULL;
}


/* NGX_DECLINED: the option is another one's. */

ngx_int_t
ngx_http_faas_authorizer_option(ngx_conf_t *cf, ngx_http_faas_route_t *route,
    ngx_str_t *value)
{
    ngx_str_t  text;

    if (ngx_http_faas_is_param(value, "authorizer=")
        && route->authorizer_name.len == 0)
    {
        ngx_http_faas_param(&route->authorizer_name, value, "authorizer=");
        return NGX_OK;
    }

    if (ngx_http_faas_is_param(value, "scopes=") && route->scopes == NULL) {
        ngx_http_faas_param(&text, value, "scopes=");
        route->scopes = ngx_http_faas_jwt_list(cf, &text);

        return route->scopes ? NGX_OK : NGX_DECLINED;
    }

    return NGX_DECLINED;
}


char *
ngx_http_faas_set_authorizer_default(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n)
{
    if (api->authorizer_default.len) {
        return "is duplicate";
    }

    /* what a template has left empty must not leave all routes open */

    if (value[1].len == 0) {
        return "names no authorizer";
    }

    api->authorizer_default = value[1];
    api->authorizer_place.file = cf->conf_file->file.name;
    api->authorizer_place.line = cf->conf_file->line;

    return NGX_CONF_OK;
}


/* The block has been read: routes get their authorizers. */

char *
ngx_http_faas_check_authorizers(ngx_conf_t *cf, ngx_http_faas_api_t *api)
{
    ngx_str_t                    *name;
    ngx_uint_t                    i;
    ngx_http_faas_authorizer_t  **a;

    name = &api->authorizer_default;
    a = api->authorizers ? api->authorizers->elts : NULL;

    for (i = 0; a && i < api->authorizers->nelts; i++) {
        if (a[i]->type == NGX_HTTP_FAAS_AUTHORIZER_JWT
            && api->type != NGX_HTTP_FAAS_API_HTTP)
        {
            return ngx_http_faas_place_error(cf, &a[i]->place,
                          "JWT authorizers go with HTTP APIs only, others "
                          "have Lambda or IAM authorizers: \"authorizer\"",
                          &a[i]->name);
        }

        if (api->type == NGX_HTTP_FAAS_API_ALB) {
            return ngx_http_faas_place_error(cf, &a[i]->place,
                          "a load balancer has no authorizers:", &a[i]->name);
        }

        if (a[i]->type >= NGX_HTTP_FAAS_AUTHORIZER_TOKEN
            && ngx_http_faas_check_lambda_authorizer(cf, api, a[i])
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    if (name->len && ngx_http_faas_authorizer_find(api, name) == NULL) {
        return ngx_http_faas_place_error(cf, &api->authorizer_place,
                          "unknown authorizer in \"authorizer_default\":",
                          name);
    }

    if (ngx_http_faas_each_route(cf, api, ngx_http_faas_authorizer_route)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    for (i = 0; a && i < api->authorizers->nelts; i++) {
        if (!a[i]->used) {
            ngx_log_error(NGX_LOG_WARN, cf->log, 0,
                          "no route of API \"%V\" uses authorizer \"%V\" in "
                          "%V:%ui", &api->name, &a[i]->name,
                          &a[i]->place.file, a[i]->place.line);
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_authorizer_route(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_http_faas_route_t *route)
{
    ngx_str_t  *name;

    name = route->authorizer_name.len ? &route->authorizer_name
                                      : &api->authorizer_default;

    if (name->len && !ngx_http_faas_is_none(name)) {
        route->authorizer = ngx_http_faas_authorizer_find(api, name);

        if (route->authorizer == NULL) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown authorizer \"%V\" of route \"%V\" in "
                          "%V:%ui", name, &route->key, &route->place.file,
                          route->place.line);
            return NGX_CONF_ERROR;
        }

        route->authorizer->used = 1;
    }

    if (route->scopes
        && (route->authorizer == NULL
            || route->authorizer->type != NGX_HTTP_FAAS_AUTHORIZER_JWT))
    {
        return ngx_http_faas_place_error(cf, &route->place,
                          "\"scopes\" without a JWT authorizer in route",
                          &route->key);
    }

    return NGX_CONF_OK;
}
