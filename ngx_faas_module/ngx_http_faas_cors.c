/*
 * Cross-origin requests, answered at the gateway (contract, section 7.6): a
 * preflight never reaches a function, and what a function says about CORS is
 * replaced.
 *
 * The configuration is read in the master; the rest runs in workers.
 */

#include "ngx_http_faas_api.h"


static ngx_int_t ngx_http_faas_cors_add(ngx_http_request_t *r,
    const char *name, ngx_str_t *value);


static char *
ngx_http_faas_cors_origins(ngx_conf_t *cf, ngx_http_faas_cors_t *cors,
    ngx_str_t *list)
{
    u_char     *p, *end, *last;
    ngx_str_t  *origin;

    last = list->data + list->len;

    for (p = list->data; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        origin = ngx_array_push(&cors->origins);
        if (origin == NULL) {
            return NGX_CONF_ERROR;
        }

        origin->data = p;
        origin->len = end - p;

        if (origin->len == 0) {
            return "has an empty origin";
        }

        if (origin->len == 1 && *p == '*') {
            cors->any = 1;
        }
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_cors_flag(ngx_http_faas_cors_t *cors, ngx_str_t *value)
{
    if (value->len == 2 && ngx_strncmp(value->data, "on", 2) == 0) {
        cors->credentials = 1;
        return NGX_CONF_OK;
    }

    if (value->len == 3 && ngx_strncmp(value->data, "off", 3) == 0) {
        return NGX_CONF_OK;
    }

    return "has an \"allow_credentials\" that is not \"on\" or \"off\"";
}


static char *
ngx_http_faas_cors_age(ngx_http_faas_cors_t *cors, ngx_str_t *value)
{
    ngx_int_t  age;

    age = ngx_atoi(value->data, value->len);

    if (age == NGX_ERROR || age > 86400) {
        return "has a \"max_age\" that is not 0 to 86400 seconds";
    }

    cors->max_age = *value;

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_cors_parameter(ngx_conf_t *cf, ngx_http_faas_cors_t *cors,
    ngx_str_t *value)
{
    u_char     *eq;
    ngx_str_t   text;

    eq = ngx_strlchr(value->data, value->data + value->len, '=');
    text.data = eq ? eq + 1 : value->data;
    text.len = value->data + value->len - text.data;

    if (ngx_strncmp(value->data, "allow_origins=", 14) == 0) {
        return ngx_http_faas_cors_origins(cf, cors, &text);
    }

    if (ngx_strncmp(value->data, "allow_methods=", 14) == 0) {
        cors->methods = text;

    } else if (ngx_strncmp(value->data, "allow_headers=", 14) == 0) {
        cors->headers = text;

    } else if (ngx_strncmp(value->data, "expose_headers=", 15) == 0) {
        cors->expose = text;

    } else if (ngx_strncmp(value->data, "max_age=", 8) == 0) {
        return ngx_http_faas_cors_age(cors, &text);

    } else if (ngx_strncmp(value->data, "allow_credentials=", 18) == 0) {
        return ngx_http_faas_cors_flag(cors, &text);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid parameter \"%V\" in \"cors\"", value);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_set_cors(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    char                  *rv;
    ngx_uint_t             i;
    ngx_http_faas_cors_t  *cors;

    if (api->cors) {
        return "is duplicate";
    }

    cors = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_cors_t));

    if (cors == NULL
        || ngx_array_init(&cors->origins, cf->pool, 2, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    api->cors = cors;
    rv = NGX_CONF_OK;

    for (i = 1; i < n && rv == NGX_CONF_OK; i++) {
        rv = ngx_http_faas_cors_parameter(cf, cors, &value[i]);
    }

    if (rv == NGX_CONF_OK && cors->credentials && cors->any) {
        rv = "has \"allow_credentials=on\" with the origin \"*\", which "
             "browsers refuse";
    }

    return rv;
}


/* The first of a name; nginx keeps few of them in places of their own. */

ngx_str_t *
ngx_http_faas_request_header(ngx_http_request_t *r, const char *name)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0)
            {
                return &h[i].value;
            }
        }
    }

    return NULL;
}


/* An origin may have one "*", for any text. */

static ngx_uint_t
ngx_http_faas_cors_matches(ngx_str_t *pattern, ngx_str_t *origin)
{
    size_t   head, tail;
    u_char  *star;

    star = ngx_strlchr(pattern->data, pattern->data + pattern->len, '*');

    if (star == NULL) {
        return pattern->len == origin->len
               && ngx_strncasecmp(pattern->data, origin->data, origin->len)
                  == 0;
    }

    head = star - pattern->data;
    tail = pattern->len - head - 1;

    return origin->len >= head + tail
           && ngx_strncasecmp(pattern->data, origin->data, head) == 0
           && ngx_strncasecmp(star + 1, origin->data + origin->len - tail,
                              tail)
              == 0;
}


/* hit->origin is what the client's origin may be told, if it is allowed. */

void
ngx_http_faas_cors_origin(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_str_t             *origin, *pattern;
    ngx_uint_t             i;
    ngx_http_faas_cors_t  *cors;

    cors = hit->api->cors;

    if (cors == NULL) {
        return;
    }

    origin = ngx_http_faas_request_header(r, "Origin");

    if (origin == NULL || origin->len == 0) {
        return;
    }

    hit->cors = 1;

    if (cors->any) {
        ngx_str_set(&hit->origin, "*");
        return;
    }

    pattern = cors->origins.elts;

    for (i = 0; i < cors->origins.nelts; i++) {
        if (ngx_http_faas_cors_matches(&pattern[i], origin)) {
            hit->origin = *origin;
            return;
        }
    }
}


ngx_uint_t
ngx_http_faas_cors_preflight(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    return hit->cors && r->method == NGX_HTTP_OPTIONS
           && ngx_http_faas_request_header(r,
                                           "Access-Control-Request-Method")
              != NULL;
}


/* Is it a header that the gateway sets instead of the function? */

ngx_uint_t
ngx_http_faas_cors_is(u_char *name, size_t len)
{
    return len > 15
           && ngx_strncasecmp(name, (u_char *) "access-control-", 15) == 0;
}


/* What the route before a redirect by error_page has said is in the list. */

static void
ngx_http_faas_cors_drop(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    size_t            len;
    ngx_uint_t        i;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    len = ngx_strlen(name);

    for (part = &r->headers_out.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (h[i].hash && h[i].key.len == len
                && ngx_strncasecmp(h[i].key.data, (u_char *) name, len) == 0
                && (ngx_http_faas_cors_is(h[i].key.data, len)
                    || (h[i].value.len == value->len
                        && ngx_memcmp(h[i].value.data, value->data,
                                      value->len)
                           == 0)))
            {
                h[i].hash = 0;
            }
        }
    }
}


static ngx_int_t
ngx_http_faas_cors_add(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    if (value->len == 0) {
        return NGX_OK;
    }

    ngx_http_faas_cors_drop(r, name, value);

    return ngx_http_faas_reply_header(r, name, value);
}


ngx_int_t
ngx_http_faas_cors_headers(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_uint_t preflight)
{
    ngx_str_t              on, vary;
    ngx_http_faas_cors_t  *cors;

    cors = hit->api->cors;

    ngx_str_set(&on, "true");
    ngx_str_set(&vary, "Origin");

    /* what is said to one origin must not be kept for another */

    if (!cors->any && ngx_http_faas_cors_add(r, "Vary", &vary) != NGX_OK) {
        return NGX_ERROR;
    }

    if (hit->origin.len == 0) {
        return NGX_OK;
    }

    if (ngx_http_faas_cors_add(r, "Access-Control-Allow-Origin",
                               &hit->origin)
        != NGX_OK
        || (cors->credentials
            && ngx_http_faas_cors_add(r, "Access-Control-Allow-Credentials",
                                      &on)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    if (!preflight) {
        return ngx_http_faas_cors_add(r, "Access-Control-Expose-Headers",
                                      &cors->expose);
    }

    if (ngx_http_faas_cors_add(r, "Access-Control-Allow-Methods",
                               &cors->methods)
        != NGX_OK
        || ngx_http_faas_cors_add(r, "Access-Control-Allow-Headers",
                                  &cors->headers)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    return ngx_http_faas_cors_add(r, "Access-Control-Max-Age",
                                  &cors->max_age);
}
