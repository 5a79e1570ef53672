/*
 * Routes: "route" in a faas_api block and faas_route in a location.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_api.h"


static ngx_int_t ngx_http_faas_route_key(ngx_conf_t *cf,
    ngx_http_faas_route_t *route, ngx_str_t *value, ngx_uint_t n);
static ngx_int_t ngx_http_faas_route_target(ngx_conf_t *cf,
    ngx_http_faas_route_t *route, ngx_str_t *value, ngx_uint_t n);
static ngx_int_t ngx_http_faas_route_return(ngx_conf_t *cf,
    ngx_http_faas_route_t *route, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_route_options(ngx_conf_t *cf,
    ngx_http_faas_route_t *route, ngx_str_t *value, ngx_uint_t n);


#define ngx_http_faas_is_str(s, text)                                         \
    ((s)->len == sizeof(text) - 1                                             \
     && ngx_strncmp((s)->data, text, sizeof(text) - 1) == 0)


char *
ngx_http_faas_payload(ngx_conf_t *cf, ngx_str_t *value, ngx_uint_t *payload)
{
    if (ngx_http_faas_is_str(value, "2.0")) {
        *payload = NGX_HTTP_FAAS_PAYLOAD_V2;

    } else if (ngx_http_faas_is_str(value, "1.0")) {
        *payload = NGX_HTTP_FAAS_PAYLOAD_V1;

    } else if (ngx_http_faas_is_str(value, "raw")) {
        *payload = NGX_HTTP_FAAS_PAYLOAD_RAW;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid payload format \"%V\", it must be "
                           "\"1.0\", \"2.0\" or \"raw\"", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * route METHOD PATH TARGET [option ...]
 * route METHOD ~|~* REGEX TARGET [option ...]
 * route $default TARGET [option ...]
 */

char *
ngx_http_faas_route(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t               used, target;
    ngx_array_t            *list;
    ngx_http_faas_route_t  *route, **routep;

    route = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_route_t));
    if (route == NULL) {
        return NGX_CONF_ERROR;
    }

    route->payload = NGX_CONF_UNSET_UINT;
    route->streaming = NGX_CONF_UNSET;
    route->place.file = cf->conf_file->file.name;
    route->place.line = cf->conf_file->line;

    used = ngx_http_faas_route_key(cf, route, value, n);

    if (used == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    target = ngx_http_faas_route_target(cf, route, value + used, n - used);

    if (target == NGX_ERROR) {
        return NGX_CONF_ERROR;
    }

    used += target;

    if (route->method.len == 0) {

        if (api->fallback) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate route \"$default\", the first one "
                               "is in %V:%ui", &api->fallback->place.file,
                               api->fallback->place.line);
            return NGX_CONF_ERROR;
        }

        api->fallback = route;

    } else {
#if (NGX_PCRE)
        list = route->regex ? &api->regexes : &api->routes;
#else
        list = &api->routes;
#endif

        routep = ngx_array_push(list);
        if (routep == NULL) {
            return NGX_CONF_ERROR;
        }

        *routep = route;
    }

    return ngx_http_faas_route_options(cf, route, value + used, n - used);
}


static ngx_int_t
ngx_http_faas_route_regex(ngx_conf_t *cf, ngx_http_faas_route_t *route,
    ngx_str_t *pattern, ngx_uint_t caseless)
{
#if (NGX_PCRE)
    u_char               errstr[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t  rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pattern = *pattern;
    rc.pool = cf->pool;
    rc.options = caseless ? NGX_REGEX_CASELESS : 0;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;

    if (ngx_regex_compile(&rc) != NGX_OK) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "%V", &rc.err);
        return NGX_ERROR;
    }

    if (rc.named_captures > FAAS_ROUTE_PARAMS) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "more than %d named groups in \"%V\"",
                           FAAS_ROUTE_PARAMS, pattern);
        return NGX_ERROR;
    }

    route->regex = rc.regex;
    route->captures = rc.captures;
    route->names = rc.named_captures;
    route->name_size = rc.name_size;
    route->name_table = rc.names;

    return NGX_OK;
#else
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "route \"%V\" needs nginx with PCRE", pattern);
    return NGX_ERROR;
#endif
}


/* Which requests; the number of arguments that say so, with the directive. */

static ngx_int_t
ngx_http_faas_route_key(ngx_conf_t *cf, ngx_http_faas_route_t *route,
    ngx_str_t *value, ngx_uint_t n)
{
    u_char      ch;
    ngx_int_t   used;
    ngx_uint_t  i;

    if (ngx_http_faas_is_str(&value[1], "$default")) {
        route->key = value[1];
        route->path = value[1];
        return 2;
    }

    for (i = 0; i < value[1].len; i++) {
        ch = value[1].data[i];

        if ((ch < 'A' || ch > 'Z') && ch != '-' && ch != '_') {
            break;
        }
    }

    if (value[1].len == 0 || value[1].len > 32 || i < value[1].len || n < 4) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid route \"%V\", it must be METHOD PATH "
                           "TARGET, with a method in capital letters, or "
                           "$default TARGET", &value[1]);
        return NGX_ERROR;
    }

    used = 3;
    route->method = value[1];
    route->path = value[2];

    if (ngx_http_faas_is_str(&value[2], "~")
        || ngx_http_faas_is_str(&value[2], "~*"))
    {
        used = 4;
        route->path = value[3];

        if (ngx_http_faas_route_regex(cf, route, &value[3],
                                      value[2].len == 2)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    route->key.data = ngx_pnalloc(cf->pool, route->method.len + 1
                                            + route->path.len);
    if (route->key.data == NULL) {
        return NGX_ERROR;
    }

    route->key.len = ngx_sprintf(route->key.data, "%V %V", &route->method,
                                 &route->path)
                     - route->key.data;

    return used;
}


/* Where they go; the number of arguments that say so. */

static ngx_int_t
ngx_http_faas_route_target(ngx_conf_t *cf, ngx_http_faas_route_t *route,
    ngx_str_t *value, ngx_uint_t n)
{
    u_char     *colon;
    ngx_str_t   name;

    if (n == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "route \"%V\" has no target", &route->key);
        return NGX_ERROR;
    }

    if (ngx_http_faas_is_str(&value[0], "return")) {
        return ngx_http_faas_route_return(cf, route, value, n);
    }

    if (value[0].len > 1 && value[0].data[0] == '@') {
        route->location = value[0];
        return 1;
    }

    name = value[0];
    colon = ngx_strlchr(name.data, name.data + name.len, ':');

    if (colon == NULL) {
        route->function = ngx_http_faas_reference(cf, &name);

        return route->function ? 1 : NGX_ERROR;
    }

    route->qualifier.data = colon + 1;
    route->qualifier.len = name.data + name.len - route->qualifier.data;
    name.len = colon - name.data;

    /* which block that is is known when all of them are */

    route->function = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_function_t));

    if (route->function == NULL || route->qualifier.len == 0 || name.len == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid target \"%V\" of route \"%V\"", &value[0],
                           &route->key);
        return NGX_ERROR;
    }

    route->function->name = name;

    return 1;
}


/* A body may have any text; one that opens a route by mistake it has not. */

static ngx_uint_t
ngx_http_faas_route_is_option(ngx_str_t *value)
{
    const char *const        *name;
    static const char *const  names[] = {
        "type=", "rate=", "burst=", "authorizer=", "scopes=",
        "api_key=", "resource_id=", "streaming=", NULL
    };

    for (name = names; *name; name++) {
        if (ngx_strncmp(value->data, *name, ngx_strlen(*name)) == 0) {
            return 1;
        }
    }

    return 0;
}


/* return CODE [BODY] */

static ngx_int_t
ngx_http_faas_route_return(ngx_conf_t *cf, ngx_http_faas_route_t *route,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t  status;

    status = (n > 1) ? ngx_atoi(value[1].data, value[1].len) : NGX_ERROR;

    if (status == NGX_ERROR || status < 200 || status > 599) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"return\" of route \"%V\" must have a status "
                           "from 200 to 599", &route->key);
        return NGX_ERROR;
    }

    route->status = status;
    ngx_str_set(&route->body_type, "application/json");

    if (n > 2 && !ngx_http_faas_route_is_option(&value[2])) {
        route->body = value[2];
        return 3;
    }

    return 2;
}


static ngx_int_t
ngx_http_faas_streaming_option(ngx_http_faas_route_t *route,
    ngx_str_t *value)
{
    if (route->function == NULL) {
        return NGX_DECLINED;
    }

    if (ngx_http_faas_is_str(value, "streaming=on")) {
        route->streaming = 1;
        return NGX_OK;
    }

    if (ngx_http_faas_is_str(value, "streaming=off")) {
        route->streaming = 0;
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static char *
ngx_http_faas_route_options(ngx_conf_t *cf, ngx_http_faas_route_t *route,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_str_t   text;
    ngx_uint_t  i;

    for (i = 0; i < n; i++) {

        rc = ngx_http_faas_throttle_parameter(cf, &route->throttle,
                                              &value[i]);

        if (rc == NGX_ERROR) {
            return NGX_CONF_ERROR;
        }

        if (rc == NGX_OK) {
            continue;
        }

        if (ngx_http_faas_authorizer_option(cf, route, &value[i]) == NGX_OK
            || ngx_http_faas_api_key_option(route, &value[i]) == NGX_OK
            || ngx_http_faas_streaming_option(route, &value[i]) == NGX_OK)
        {
            continue;
        }

        if (ngx_strncmp(value[i].data, "payload=", 8) == 0
            && route->function)
        {
            text.data = value[i].data + 8;
            text.len = value[i].len - 8;

            if (ngx_http_faas_payload(cf, &text, &route->payload)
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }

        } else if (ngx_strncmp(value[i].data, "type=", 5) == 0
                   && route->status && value[i].len > 5)
        {
            route->body_type.data = value[i].data + 5;
            route->body_type.len = value[i].len - 5;

        } else if (ngx_strncmp(value[i].data, "resource_id=", 12) == 0
                   && value[i].len > 12)
        {
            route->resource_id.data = value[i].data + 12;
            route->resource_id.len = value[i].len - 12;

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of route \"%V\"",
                               &value[i], &route->key);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* Can a path in LOCATION ever be one of the route's? */

static ngx_uint_t
ngx_http_faas_route_reachable(ngx_http_core_loc_conf_t *clcf,
    ngx_http_faas_route_t *route)
{
    size_t   n;
    u_char  *brace;

#if (NGX_PCRE)
    if (route->regex || clcf->regex) {
        return 1;
    }
#endif

    if (clcf->named || clcf->noname || route->method.len == 0) {
        return 1;
    }

    brace = ngx_strlchr(route->path.data, route->path.data + route->path.len,
                        '{');

    /* what is encoded may be anything */

    if (ngx_strlchr(route->path.data, route->path.data + route->path.len, '%'))
    {
        return 1;
    }

    n = brace ? (size_t) (brace - route->path.data) : route->path.len;

    if (ngx_strncmp(clcf->name.data, route->path.data,
                    ngx_min(n, clcf->name.len))
        != 0)
    {
        return 0;
    }

    if (n < clcf->name.len) {
        return brace != NULL;
    }

    return !clcf->exact_match || (brace == NULL && n == clcf->name.len);
}


char *
ngx_http_faas_route_directive(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    char                      *rv;
    ngx_http_faas_api_t       *api;
    ngx_http_faas_route_t     *route;
    ngx_http_core_loc_conf_t  *clcf;

    if (flcf->function || flcf->name || flcf->lambda
        || (flcf->api && !flcf->api->local))
    {
        return "is in a location with \"faas_pass\", \"faas_api_pass\" or "
               "\"faas_lambda_api\"";
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    api = flcf->api;

    if (api == NULL) {
        api = ngx_http_faas_api_create(cf);
        if (api == NULL) {
            return NGX_CONF_ERROR;
        }

        api->defined = 1;
        api->local = 1;
        ngx_str_set(&api->name, "faas_route");
        flcf->api = api;
        clcf->handler = ngx_http_faas_api_handler;
    }

    rv = ngx_http_faas_route(cf, api, cf->args->elts, cf->args->nelts);

    if (rv != NGX_CONF_OK || api->routes.nelts == 0) {
        return rv;
    }

    route = ((ngx_http_faas_route_t **) api->routes.elts)
            [api->routes.nelts - 1];

    if (!ngx_http_faas_route_reachable(clcf, route)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "route \"%V\" is unreachable in location \"%V\"",
                           &route->key, &clcf->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}
