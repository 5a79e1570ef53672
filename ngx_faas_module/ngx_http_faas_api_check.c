/*
 * An API whose block has been read: defaults, the table of routes, and what
 * does not fit together.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_api.h"


static ngx_int_t ngx_http_faas_api_table(ngx_conf_t *cf,
    ngx_http_faas_api_t *api);
static char *ngx_http_faas_api_fits(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_http_faas_route_t *route);


static void
ngx_http_faas_api_cleanup(void *data)
{
    faas_routes_destroy(data);
}


/* How a route's place is named, with what is wrong with it before. */

#define ngx_http_faas_route_error(cf, route, ...)                             \
    ngx_http_faas_place_error(cf, &(route)->place, __VA_ARGS__)


char *
ngx_http_faas_place_error(ngx_conf_t *cf, ngx_http_faas_place_t *place,
    const char *text, ngx_str_t *what)
{
    ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "%s \"%V\" in %V:%ui", text,
                  what, &place->file, place->line);

    return NGX_CONF_ERROR;
}


static ngx_uint_t
ngx_http_faas_api_default_payload(ngx_http_faas_api_t *api)
{
    switch (api->type) {

    case NGX_HTTP_FAAS_API_REST:
        return NGX_HTTP_FAAS_PAYLOAD_REST;

    case NGX_HTTP_FAAS_API_URL:
        return NGX_HTTP_FAAS_PAYLOAD_URL;

    case NGX_HTTP_FAAS_API_ALB:
        return api->multi_value == 1 ? NGX_HTTP_FAAS_PAYLOAD_ALB_MULTI
                                     : NGX_HTTP_FAAS_PAYLOAD_ALB;

    default:
        return NGX_HTTP_FAAS_PAYLOAD_V2;
    }
}


static ngx_int_t
ngx_http_faas_api_defaults(ngx_conf_t *cf, ngx_http_faas_api_t *api)
{
    ngx_str_t  *account;

    ngx_conf_init_uint_value(api->type, NGX_HTTP_FAAS_API_HTTP);

    if (api->payload == NGX_CONF_UNSET_UINT) {
        api->payload = ngx_http_faas_api_default_payload(api);
    }

    if (api->region.data == NULL) {
        ngx_str_set(&api->region, "us-east-1");
    }

    if (api->api_id.data == NULL && !api->local) {
        api->api_id = api->name;
    }

    if (api->target_group.data || api->type != NGX_HTTP_FAAS_API_ALB) {
        return NGX_OK;
    }

    account = &api->account;

    api->target_group.data = ngx_pnalloc(cf->pool, api->region.len
                                                   + api->name.len + 128);
    if (api->target_group.data == NULL) {
        return NGX_ERROR;
    }

    api->target_group.len =
        ngx_sprintf(api->target_group.data,
                    "arn:aws:elasticloadbalancing:%V:%s%V:targetgroup/%V/"
                    "%08xD%08xD", &api->region,
                    account->len ? "" : "000000000000", account, &api->name,
                    ngx_crc32_long(api->name.data, api->name.len),
                    ngx_murmur_hash2(api->name.data, api->name.len))
        - api->target_group.data;

    return NGX_OK;
}


/* What goes only with some types. */

static char *
ngx_http_faas_api_settings_fit(ngx_conf_t *cf, ngx_http_faas_api_t *api)
{
    const char  *name;

    name = NULL;

    if (api->type != NGX_HTTP_FAAS_API_HTTP
        && api->payload != ngx_http_faas_api_default_payload(api))
    {
        name = "payload";

    } else if (api->type != NGX_HTTP_FAAS_API_REST && api->binary) {
        name = "binary_media_types";

    } else if (api->type != NGX_HTTP_FAAS_API_ALB
               && api->multi_value != NGX_CONF_UNSET)
    {
        name = "multi_value";

    } else if (api->type != NGX_HTTP_FAAS_API_ALB && api->target_group.data) {
        name = "target_group";

    } else if (api->type >= NGX_HTTP_FAAS_API_URL && api->stages.nelts) {
        name = "stage";

    } else if (api->type == NGX_HTTP_FAAS_API_ALB && api->cors) {
        name = "cors";

    } else if (api->type == NGX_HTTP_FAAS_API_ALB && api->throttle.set) {
        name = "throttle";
    }

    if (name) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"%s\" does not go with the type of API \"%V\" in "
                      "%V:%ui", name, &api->name, &api->place.file,
                      api->place.line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_api_complete(ngx_conf_t *cf, ngx_http_faas_api_t *api)
{
    ngx_uint_t               i;
    ngx_http_faas_stage_t   *stage;
    ngx_http_faas_route_t  **route;

    if (ngx_http_faas_api_defaults(cf, api) != NGX_OK
        || ngx_http_faas_api_settings_fit(cf, api) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    stage = api->stages.elts;

    for (i = 0; i < api->stages.nelts; i++) {
        if (api->type == NGX_HTTP_FAAS_API_REST && stage[i].name.data[0] == '$')
        {
            return ngx_http_faas_place_error(cf, &api->place,
                                "a REST API has no stage \"$default\": API",
                                &api->name);
        }
    }

    if (api->routes.nelts + api->regexes.nelts == 0 && api->fallback == NULL) {
        return ngx_http_faas_place_error(cf, &api->place, "no \"route\" in "
                                         "API", &api->name);
    }

    if (api->fallback
        && ngx_http_faas_api_fits(cf, api, api->fallback) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    route = api->routes.elts;

    for (i = 0; i < api->routes.nelts; i++) {
        if (ngx_http_faas_api_fits(cf, api, route[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    route = api->regexes.elts;

    for (i = 0; i < api->regexes.nelts; i++) {
        if (ngx_http_faas_api_fits(cf, api, route[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (ngx_http_faas_check_authorizers(cf, api) != NGX_CONF_OK
        || ngx_http_faas_check_api_keys(cf, api) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    return ngx_http_faas_api_table(cf, api) == NGX_OK ? NGX_CONF_OK
                                                      : NGX_CONF_ERROR;
}


/* The route's own format, or the API's. */

static char *
ngx_http_faas_api_fits(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_http_faas_route_t *route)
{
    if (api->type == NGX_HTTP_FAAS_API_URL && route != api->fallback) {
        return ngx_http_faas_route_error(cf, route, "a function URL has no "
                                         "route but \"$default\":",
                                         &route->key);
    }

    if (api->type == NGX_HTTP_FAAS_API_REST && route == api->fallback) {
        return ngx_http_faas_route_error(cf, route, "a REST API has a "
                                         "\"/{proxy+}\" instead of the route",
                                         &route->key);
    }

    if (api->type == NGX_HTTP_FAAS_API_ALB && route->throttle.set) {
        return ngx_http_faas_route_error(cf, route, "a load balancer does "
                                         "not throttle route", &route->key);
    }

    if (api->type == NGX_HTTP_FAAS_API_ALB && route->streaming == 1) {
        return ngx_http_faas_route_error(cf, route, "a load balancer does "
                                         "not stream route", &route->key);
    }

    if (route->resource_id.data == NULL) {
        route->resource_id.data = ngx_pnalloc(cf->pool, 8);
        if (route->resource_id.data == NULL) {
            return NGX_CONF_ERROR;
        }

        route->resource_id.len =
            ngx_sprintf(route->resource_id.data, "%06xD",
                        ngx_crc32_long(route->path.data, route->path.len)
                        & 0xffffff)
            - route->resource_id.data;
    }

    if (route->payload == NGX_CONF_UNSET_UINT) {
        route->payload = api->payload;

    } else if (api->type != NGX_HTTP_FAAS_API_HTTP
               && route->payload != NGX_HTTP_FAAS_PAYLOAD_RAW)
    {
        return ngx_http_faas_route_error(cf, route, "\"payload\" goes with "
                                         "routes of HTTP APIs only:",
                                         &route->key);
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_faas_api_table(ngx_conf_t *cf, ngx_http_faas_api_t *api)
{
    uint32_t                 other;
    ngx_uint_t               i;
    const char              *error;
    ngx_pool_cleanup_t      *cln;
    ngx_http_faas_route_t  **route;

    api->table = faas_routes_create(api->type == NGX_HTTP_FAAS_API_REST
                                    ? FAAS_ROUTES_REST : FAAS_ROUTES_HTTP);
    if (api->table == NULL) {
        return NGX_ERROR;
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        faas_routes_destroy(api->table);
        return NGX_ERROR;
    }

    cln->handler = ngx_http_faas_api_cleanup;
    cln->data = api->table;

    route = api->routes.elts;

    for (i = 0; i < api->routes.nelts; i++) {

        if (faas_route_add(api->table, route[i]->method.data,
                           route[i]->method.len, route[i]->path.data,
                           route[i]->path.len, i, &error, &other)
            == 0)
        {
            continue;
        }

        if (error) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "invalid path in route \"%V\": %s in %V:%ui",
                          &route[i]->key, error, &route[i]->place.file,
                          route[i]->place.line);

        } else {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "duplicate route \"%V\", the first one, \"%V\", "
                          "is in %V:%ui in %V:%ui", &route[i]->key,
                          &route[other]->key, &route[other]->place.file,
                          route[other]->place.line, &route[i]->place.file,
                          route[i]->place.line);
        }

        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_http_faas_each_route(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_http_faas_each_pt each)
{
    ngx_uint_t               i, k;
    ngx_array_t             *lists[2];
    ngx_http_faas_route_t  **route;

    lists[0] = &api->routes;
    lists[1] = &api->regexes;

    for (i = 0; i < 2; i++) {
        route = lists[i]->elts;

        for (k = 0; k < lists[i]->nelts; k++) {
            if (each(cf, api, route[k]) != NGX_CONF_OK) {
                return NGX_CONF_ERROR;
            }
        }
    }

    return api->fallback ? each(cf, api, api->fallback) : NGX_CONF_OK;
}


/* The whole configuration has been read. */

char *
ngx_http_faas_check_apis(ngx_conf_t *cf, ngx_http_faas_main_conf_t *fmcf)
{
    ngx_uint_t             i;
    ngx_http_faas_api_t  **api;

    api = fmcf->apis.elts;

    for (i = 0; i < fmcf->apis.nelts; i++) {

        if (!api[i]->defined) {
            return ngx_http_faas_place_error(cf, &api[i]->place,
                                             "unknown API", &api[i]->name);
        }

        if (api[i]->local
            && ngx_http_faas_api_complete(cf, api[i]) != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_faas_check_askable(cf, api[i]) != NGX_CONF_OK
            || ngx_http_faas_each_route(cf, api[i],
                                        ngx_http_faas_version_resolve)
               != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_faas_throttles(cf, fmcf) == NGX_OK
           && ngx_http_faas_verdicts_zone(cf, fmcf) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* A location's stage, when all APIs are known. */

char *
ngx_http_faas_check_stage(ngx_conf_t *cf, ngx_http_faas_loc_conf_t *flcf)
{
    ngx_uint_t              i;
    ngx_http_faas_api_t    *api;
    ngx_http_faas_stage_t  *stage;

    api = flcf->api;

    if (api == NULL || flcf->stage.len == 0) {
        return NGX_CONF_OK;
    }

    stage = api->stages.elts;

    for (i = 0; i < api->stages.nelts; i++) {
        if (stage[i].name.len == flcf->stage.len
            && ngx_strncmp(stage[i].name.data, flcf->stage.data,
                           flcf->stage.len)
               == 0)
        {
            flcf->fixed = &stage[i];
            return NGX_CONF_OK;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                  "API \"%V\" has no stage \"%V\" in %V:%ui", &api->name,
                  &flcf->stage, &flcf->api_place.file, flcf->api_place.line);

    return NGX_CONF_ERROR;
}
