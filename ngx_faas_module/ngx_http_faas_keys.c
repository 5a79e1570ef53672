/*
 * API keys: "api_keys" of an API, "api_key" of a route, and requests that
 * must have one (contract, section 7.8).
 *
 * Runs in the master while it reads a configuration, and in workers; takes no
 * locks.
 */

#include "ngx_http_faas_auth.h"
#include "ngx_http_faas_keys.h"


static ngx_str_t  ngx_http_faas_key_header = ngx_string("x-api-key");


/* "api_keys FILE": a file that several APIs name is one */

char *
ngx_http_faas_set_api_keys(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t                   path;
    ngx_uint_t                  i;
    ngx_http_faas_keys_t      **keys;
    ngx_http_faas_main_conf_t  *fmcf;

    if (api->keys) {
        return "is duplicate";
    }

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);
    path = value[1];

    if (ngx_conf_full_name(cf->cycle, &path, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (fmcf->keys == NULL) {
        fmcf->keys = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_faas_keys_t *));
        if (fmcf->keys == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    keys = fmcf->keys->elts;

    for (i = 0; i < fmcf->keys->nelts; i++) {
        if (keys[i]->path.len == path.len
            && ngx_strncmp(keys[i]->path.data, path.data, path.len) == 0)
        {
            api->keys = keys[i];
            return NGX_CONF_OK;
        }
    }

    keys = ngx_array_push(fmcf->keys);
    if (keys == NULL) {
        return NGX_CONF_ERROR;
    }

    *keys = ngx_http_faas_keys_load(cf, &path);
    api->keys = *keys;

    return api->keys ? NGX_CONF_OK : NGX_CONF_ERROR;
}


/* "api_key=required" of a route: NGX_DECLINED when it is not that. */

ngx_int_t
ngx_http_faas_api_key_option(ngx_http_faas_route_t *route, ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "api_key=required") != 0) {
        return NGX_DECLINED;
    }

    route->api_key = 1;

    return NGX_OK;
}


static char *
ngx_http_faas_check_api_key(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_http_faas_route_t *route)
{
    if (!route->api_key || api->keys) {
        return NGX_CONF_OK;
    }

    return ngx_http_faas_place_error(cf, &route->place, "there are no "
                                     "\"api_keys\" of the API for route",
                                     &route->key);
}


/* Only REST APIs have keys. */

char *
ngx_http_faas_check_api_keys(ngx_conf_t *cf, ngx_http_faas_api_t *api)
{
    ngx_uint_t               i, k;
    ngx_array_t             *lists[2];
    ngx_http_faas_route_t  **route;

    if (api->keys && api->type != NGX_HTTP_FAAS_API_REST) {
        return ngx_http_faas_place_error(cf, &api->place, "\"api_keys\" "
                                         "need type \"rest\" of API",
                                         &api->name);
    }

    lists[0] = &api->routes;
    lists[1] = &api->regexes;

    for (k = 0; k < 2; k++) {
        route = lists[k]->elts;

        for (i = 0; i < lists[k]->nelts; i++) {
            if (ngx_http_faas_check_api_key(cf, api, route[i])
                != NGX_CONF_OK)
            {
                return NGX_CONF_ERROR;
            }
        }
    }

    return api->fallback
           ? ngx_http_faas_check_api_key(cf, api, api->fallback)
           : NGX_CONF_OK;
}


/* --- requests --- */

/* Digests are compared, so that the time it takes says nothing of a key. */

static ngx_http_faas_api_key_t *
ngx_http_faas_api_key_find(ngx_http_faas_keys_t *keys, ngx_str_t *value)
{
    int                       rc;
    u_char                    digest[NGX_HTTP_FAAS_DIGEST];
    ngx_uint_t                low, high, mid;
    ngx_http_faas_api_key_t  *key;

    if (ngx_http_faas_digest(value->data, value->len, digest) != NGX_OK) {
        return NULL;
    }

    key = keys->keys.elts;
    low = 0;
    high = keys->keys.nelts;

    while (low < high) {
        mid = low + (high - low) / 2;
        rc = ngx_memcmp(digest, key[mid].digest, NGX_HTTP_FAAS_DIGEST);

        if (rc == 0) {
            return key[mid].enabled ? &key[mid] : NULL;
        }

        if (rc < 0) {
            high = mid;

        } else {
            low = mid + 1;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_faas_api_key_refuse(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_uint_t status)
{
    ngx_http_faas_reply_t  *reply;

    reply = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_reply_t));
    if (reply == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    reply->status = status;
    ngx_str_set(&reply->type, "application/json");

    if (status == NGX_HTTP_FORBIDDEN) {
        ngx_str_set(&reply->body, "{\"message\":\"Forbidden\"}");
        ngx_str_set(&reply->error, "ForbiddenException");

    } else {
        ngx_str_set(&reply->body, "{\"message\":\"Limit Exceeded\"}");
        ngx_str_set(&reply->error, "LimitExceededException");
    }

    hit->refusal = reply;

    return status;
}


/* NGX_OK, or the status that a request is refused with. */

ngx_int_t
ngx_http_faas_api_key(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_uint_t  n;

    if (ngx_http_faas_hit_keep(r, hit) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_str_null(&hit->key_value);

    n = ngx_http_faas_identity_header(r, &ngx_http_faas_key_header,
                                      &hit->key_value);

    /* of two the function might take the other one: together they are none */

    hit->key = (n == 1) ? ngx_http_faas_api_key_find(hit->api->keys,
                                                     &hit->key_value)
                        : NULL;
    if (hit->key) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "faas: route \"%V\" of API \"%V\" refused: %s",
                  &hit->route->key, &hit->api->name,
                  n == 0 ? "there is no API key"
                         : n == 1 ? "the API key is not known or disabled"
                                  : "there are several API keys");

    return ngx_http_faas_api_key_refuse(r, hit, NGX_HTTP_FORBIDDEN);
}


/* All else has let it in: it counts. */

ngx_int_t
ngx_http_faas_api_key_use(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    if (ngx_http_faas_quota(r, hit->key) == 0) {
        return NGX_OK;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "faas: route \"%V\" of API \"%V\" refused: the quota of "
                  "usage plan \"%V\" is used up by API key \"%V\"",
                  &hit->route->key, &hit->api->name, &hit->key->plan->name,
                  &hit->key->id);

    return ngx_http_faas_api_key_refuse(r, hit, 429);
}


/* $faas_api_key_id */

ngx_int_t
ngx_http_faas_api_key_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_faas_hit_t  *hit;

    hit = ngx_http_faas_kept(r);

    if (hit == NULL || hit->key == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = hit->key->id.data;
    v->len = hit->key->id.len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}
