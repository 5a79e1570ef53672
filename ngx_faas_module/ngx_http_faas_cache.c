/*
 * The faas_cache directives: nginx's response cache in front of a function.
 *
 * Setters and merging run in the master while it reads a configuration, the
 * key is made in workers; no locks of ours.
 */

#include "ngx_http_faas.h"


/* Conditions and ranges are the cache's own affair when there is one. */

static ngx_str_t  ngx_http_faas_conditions[] = {
    ngx_string("if-match"),
    ngx_string("if-modified-since"),
    ngx_string("if-none-match"),
    ngx_string("if-range"),
    ngx_string("if-unmodified-since"),
    ngx_string("range"),
    ngx_null_string
};


/* What the function is told: a cached answer to HEAD would have no body. */

ngx_str_t *
ngx_http_faas_method(ngx_http_request_t *r)
{
    return r->upstream->method.len ? &r->upstream->method : &r->method_name;
}


/* name is in lower case */

ngx_uint_t
ngx_http_faas_conditional(u_char *name, size_t len)
{
    ngx_str_t  *word;

    for (word = ngx_http_faas_conditions; word->len; word++) {
        if (word->len == len && ngx_memcmp(word->data, name, len) == 0) {
            return 1;
        }
    }

    return 0;
}


/*
 * Whether the answer may be cached.  The conditions of a request that
 * refreshes a cached answer ("faas_cache_revalidate") are left empty if it
 * does not.
 */

ngx_uint_t
ngx_http_faas_revalidate(ngx_http_request_t *r, ngx_str_t *modified_since,
    ngx_str_t *none_match)
{
    ngx_str_null(modified_since);
    ngx_str_null(none_match);

#if (NGX_HTTP_CACHE)
    {
    u_char               *p;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (!u->cacheable) {
        return 0;
    }

    if (!u->conf->cache_revalidate
        || u->cache_status != NGX_HTTP_CACHE_EXPIRED)
    {
        return 1;
    }

    *none_match = r->cache->etag;

    if (r->cache->last_modified != -1) {
        p = ngx_pnalloc(r->pool, sizeof("Mon, 28 Sep 1970 06:00:00 GMT"));

        if (p) {
            modified_since->data = p;
            modified_since->len = ngx_http_time(p, r->cache->last_modified)
                                  - p;
        }
    }

    return 1;
    }
#else
    return 0;
#endif
}


#if (NGX_HTTP_CACHE)


/* As ngx_http_upstream_test_next(): is the cached answer taken instead? */

ngx_uint_t
ngx_http_faas_cache_instead(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_uint_t            mask;
    ngx_http_upstream_t  *u;

    u = r->upstream;

    if (u->cache_status != NGX_HTTP_CACHE_EXPIRED) {
        return 0;
    }

    switch (status) {

    case NGX_HTTP_NOT_MODIFIED:
        return u->conf->cache_revalidate;

    case NGX_HTTP_FORBIDDEN:
        mask = NGX_HTTP_UPSTREAM_FT_HTTP_403;
        break;

    case NGX_HTTP_NOT_FOUND:
        mask = NGX_HTTP_UPSTREAM_FT_HTTP_404;
        break;

    case NGX_HTTP_TOO_MANY_REQUESTS:
        mask = NGX_HTTP_UPSTREAM_FT_HTTP_429;
        break;

    case NGX_HTTP_INTERNAL_SERVER_ERROR:
        mask = NGX_HTTP_UPSTREAM_FT_HTTP_500;
        break;

    case NGX_HTTP_BAD_GATEWAY:
        mask = NGX_HTTP_UPSTREAM_FT_HTTP_502;
        break;

    case NGX_HTTP_SERVICE_UNAVAILABLE:
        mask = NGX_HTTP_UPSTREAM_FT_HTTP_503;
        break;

    case NGX_HTTP_GATEWAY_TIME_OUT:
        mask = NGX_HTTP_UPSTREAM_FT_HTTP_504;
        break;

    default:
        return 0;
    }

    return (u->conf->cache_use_stale & mask) != 0;
}


char *
ngx_http_faas_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    ngx_str_t                         *value;
    ngx_http_complex_value_t           cv;
    ngx_http_compile_complex_value_t   ccv;

    if (flcf->upstream.cache != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "off") == 0) {
        flcf->upstream.cache = 0;
        return NGX_CONF_OK;
    }

    flcf->upstream.cache = 1;

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));
    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = &cv;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (cv.lengths != NULL) {
        flcf->upstream.cache_value =
                    ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
        if (flcf->upstream.cache_value == NULL) {
            return NGX_CONF_ERROR;
        }

        *flcf->upstream.cache_value = cv;

        return NGX_CONF_OK;
    }

    flcf->upstream.cache_zone = ngx_shared_memory_add(cf, &value[1], 0,
                                                      &ngx_http_faas_module);
    if (flcf->upstream.cache_zone == NULL) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_cache_key(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    ngx_str_t                         *value;
    ngx_http_compile_complex_value_t   ccv;

    value = cf->args->elts;

    if (flcf->cache_key.value.data) {
        return "is duplicate";
    }

    ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));
    ccv.cf = cf;
    ccv.value = &value[1];
    ccv.complex_value = &flcf->cache_key;

    if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_cache_merge_zone(ngx_conf_t *cf,
    ngx_http_upstream_conf_t *prev, ngx_http_upstream_conf_t *u)
{
    ngx_shm_zone_t  *zone;

    if (u->cache == NGX_CONF_UNSET) {
        ngx_conf_merge_value(u->cache, prev->cache, 0);

        u->cache_zone = prev->cache_zone;
        u->cache_value = prev->cache_value;
    }

    if (u->cache_zone && u->cache_zone->data == NULL) {
        zone = u->cache_zone;

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"faas_cache\" zone \"%V\" is unknown",
                           &zone->shm.name);

        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_cache_merge(ngx_conf_t *cf, ngx_http_faas_loc_conf_t *prev,
    ngx_http_faas_loc_conf_t *conf)
{
    ngx_http_upstream_conf_t *p = &prev->upstream;
    ngx_http_upstream_conf_t *u = &conf->upstream;

    if (ngx_http_faas_cache_merge_zone(cf, p, u) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_uint_value(u->cache_min_uses, p->cache_min_uses, 1);
    ngx_conf_merge_off_value(u->cache_max_range_offset,
                             p->cache_max_range_offset,
                             NGX_MAX_OFF_T_VALUE);

    ngx_conf_merge_bitmask_value(u->cache_use_stale, p->cache_use_stale,
                                 (NGX_CONF_BITMASK_SET
                                  |NGX_HTTP_UPSTREAM_FT_OFF));

    if (u->cache_use_stale & NGX_HTTP_UPSTREAM_FT_OFF) {
        u->cache_use_stale = NGX_CONF_BITMASK_SET|NGX_HTTP_UPSTREAM_FT_OFF;
    }

    if (u->cache_use_stale & NGX_HTTP_UPSTREAM_FT_ERROR) {
        u->cache_use_stale |= NGX_HTTP_UPSTREAM_FT_NOLIVE;
    }

    if (u->cache_methods == 0) {
        u->cache_methods = p->cache_methods;
    }

    u->cache_methods |= NGX_HTTP_GET|NGX_HTTP_HEAD;

    ngx_conf_merge_ptr_value(u->cache_bypass, p->cache_bypass, NULL);
    ngx_conf_merge_ptr_value(u->no_cache, p->no_cache, NULL);
    ngx_conf_merge_ptr_value(u->cache_valid, p->cache_valid, NULL);

    if (conf->cache_key.value.data == NULL) {
        conf->cache_key = prev->cache_key;
    }

    if (u->cache && conf->cache_key.value.data == NULL) {
        ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                           "no \"faas_cache_key\" for \"faas_cache\"");
    }

    u->cache_convert_head = 1;

    ngx_conf_merge_value(u->cache_lock, p->cache_lock, 0);
    ngx_conf_merge_msec_value(u->cache_lock_timeout, p->cache_lock_timeout,
                              5000);
    ngx_conf_merge_msec_value(u->cache_lock_age, p->cache_lock_age, 5000);
    ngx_conf_merge_value(u->cache_revalidate, p->cache_revalidate, 0);
    ngx_conf_merge_value(u->cache_background_update,
                         p->cache_background_update, 0);

    return NGX_CONF_OK;
}


ngx_int_t
ngx_http_faas_create_key(ngx_http_request_t *r)
{
    ngx_str_t                 *key;
    ngx_http_faas_loc_conf_t  *flcf;

    key = ngx_array_push(&r->cache->keys);
    if (key == NULL) {
        return NGX_ERROR;
    }

    flcf = ngx_http_get_module_loc_conf(r, ngx_http_faas_module);

    if (ngx_http_complex_value(r, &flcf->cache_key, key) != NGX_OK) {
        return NGX_ERROR;
    }

    return NGX_OK;
}


#endif
