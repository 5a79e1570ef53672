/*
 * "authorizer" and "authorizer_default" in a faas_api block, "authorizer=" and
 * "scopes=" of a route.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_verdict.h"
#include "ngx_http_faas_lambda.h"


#define NGX_HTTP_FAAS_SKEW      60              /* seconds */
#define NGX_HTTP_FAAS_SKEW_MAX  600


static ngx_http_faas_authorizer_t *ngx_http_faas_authorizer_find(
    ngx_http_faas_api_t *api, ngx_str_t *name);
static ngx_http_faas_authorizer_t *ngx_http_faas_authorizer_add(
    ngx_conf_t *cf, ngx_http_faas_api_t *api, ngx_str_t *name);
static char *ngx_http_faas_authorizer_parameter(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value);
static char *ngx_http_faas_authorizer_done(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a);
static char *ngx_http_faas_authorizer_source(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text);
static char *ngx_http_faas_authorizer_jwks(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text);
static ngx_array_t *ngx_http_faas_authorizer_list(ngx_conf_t *cf,
    ngx_str_t *text);
static char *ngx_http_faas_authorizer_routes(ngx_conf_t *cf,
    ngx_http_faas_api_t *api);
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


/* authorizer NAME jwt issuer=... audience=... jwks=... [...] */

char *
ngx_http_faas_set_authorizer(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t                   i, type;
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

    if (type != NGX_HTTP_FAAS_AUTHORIZER_JWT) {
        return ngx_http_faas_set_lambda_authorizer(cf, a, value, n);
    }

    for (i = 3; i < n; i++) {
        if (ngx_http_faas_authorizer_parameter(cf, a, &value[i])
            != NGX_CONF_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_faas_authorizer_done(cf, a);
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


static char *
ngx_http_faas_authorizer_parameter(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value)
{
    ngx_str_t  text;

    if (ngx_http_faas_is_param(value, "issuer=") && a->issuer.len == 0) {
        ngx_http_faas_param(&text, value, "issuer=");

        a->issuer.data = text.data;
        a->issuer.len = text.len;

        return NGX_CONF_OK;
    }

    if (ngx_http_faas_is_param(value, "audience=") && a->audience == NULL) {
        ngx_http_faas_param(&text, value, "audience=");

        a->audience = ngx_http_faas_authorizer_list(cf, &text);
        if (a->audience) {
            return NGX_CONF_OK;
        }

    } else if (ngx_http_faas_is_param(value, "jwks=")
               && a->jwks.name.len == 0)
    {
        ngx_http_faas_param(&text, value, "jwks=");
        return ngx_http_faas_authorizer_jwks(cf, a, &text);

    } else if (ngx_http_faas_is_param(value, "identity=")
               && a->source.len == 0)
    {
        ngx_http_faas_param(&text, value, "identity=");
        return ngx_http_faas_authorizer_source(cf, a, &text);

    } else if (ngx_http_faas_is_param(value, "skew=")
               && a->skew == NGX_CONF_UNSET)
    {
        ngx_http_faas_param(&text, value, "skew=");

        a->skew = ngx_parse_time(&text, 1);
        if (a->skew != NGX_ERROR && a->skew <= NGX_HTTP_FAAS_SKEW_MAX) {
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" of authorizer \"%V\", it must be "
                           "0s to %ds", value, &a->name,
                           NGX_HTTP_FAAS_SKEW_MAX);
        return NGX_CONF_ERROR;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of authorizer \"%V\"", value,
                       &a->name);

    return NGX_CONF_ERROR;
}


/* What must be there is; the keys are read. */

static char *
ngx_http_faas_authorizer_done(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a)
{
    const char                 *missing;
    ngx_http_faas_main_conf_t  *fmcf;

    missing = a->issuer.len == 0 ? "issuer"
              : a->audience == NULL ? "audience"
              : a->jwks.name.len == 0 ? "jwks" : NULL;

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "authorizer \"%V\" has no \"%s=\"", &a->name,
                           missing);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_value(a->skew, NGX_HTTP_FAAS_SKEW);

    if (a->source.len == 0) {
        ngx_str_set(&a->source, "Authorization");
    }

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);

    if (fmcf->tokens == NULL) {
        fmcf->tokens = ngx_http_faas_tokens_create(cf);
        if (fmcf->tokens == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_faas_jwks_load(cf, &a->jwks) == NGX_OK ? NGX_CONF_OK
                                                           : NGX_CONF_ERROR;
}


/* Where the token is. */

static char *
ngx_http_faas_authorizer_source(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text)
{
    u_char      ch;
    ngx_uint_t  i;

    if (ngx_http_faas_is_param(text, "$request.header.")) {
        ngx_http_faas_param(&a->source, text, "$request.header.");

    } else if (ngx_http_faas_is_param(text, "$request.querystring.")) {
        ngx_http_faas_param(&a->source, text, "$request.querystring.");
        a->query = 1;
    }

    for (i = 0; i < a->source.len; i++) {
        ch = a->source.data[i];

        if (!((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
            && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_'
            && ch != '.')
        {
            break;
        }
    }

    if (a->source.len == 0 || i < a->source.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"identity=%V\" of authorizer \"%V\", it "
                           "must be \"$request.header.NAME\" or "
                           "\"$request.querystring.NAME\"", text, &a->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_authorizer_jwks(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a,
    ngx_str_t *text)
{
    if (ngx_strncasecmp(text->data, (u_char *) "https://", 8) == 0
        || ngx_strncasecmp(text->data, (u_char *) "http://", 7) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jwks=%V\" of authorizer \"%V\" is an address, "
                           "it must be a file", text, &a->name);
        return NGX_CONF_ERROR;
    }

    a->jwks.name = *text;

    return ngx_conf_full_name(cf->cycle, &a->jwks.name, 1) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/*
 * What commas separate, of characters that a scope may have (RFC 6749,
 * section 3.3), as it is sent in a header; NULL: no such list.
 */

static ngx_array_t *
ngx_http_faas_authorizer_list(ngx_conf_t *cf, ngx_str_t *text)
{
    u_char          *p, *last, *end;
    ngx_array_t     *list;
    faas_jwt_str_t  *s;

    for (p = text->data; p < text->data + text->len; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\\') {
            return NULL;
        }
    }

    list = ngx_array_create(cf->pool, 4, sizeof(faas_jwt_str_t));
    if (list == NULL) {
        return NULL;
    }

    last = text->data + text->len;

    for (p = text->data; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        s = ngx_array_push(list);

        if (s == NULL || end == p) {
            return NULL;
        }

        s->data = p;
        s->len = end - p;
    }

    return list;
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
        route->scopes = ngx_http_faas_authorizer_list(cf, &text);

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

    if (ngx_http_faas_authorizer_routes(cf, api) != NGX_CONF_OK) {
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
ngx_http_faas_authorizer_routes(ngx_conf_t *cf, ngx_http_faas_api_t *api)
{
    ngx_uint_t               i, k;
    ngx_array_t             *lists[2];
    ngx_http_faas_route_t  **route;

    lists[0] = &api->routes;
    lists[1] = &api->regexes;

    for (i = 0; i < 2; i++) {
        route = lists[i]->elts;

        for (k = 0; k < lists[i]->nelts; k++) {
            if (ngx_http_faas_authorizer_route(cf, api, route[k])
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }
        }
    }

    return api->fallback
           ? ngx_http_faas_authorizer_route(cf, api, api->fallback)
           : NGX_CONF_OK;
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
