/*
 * Throttles of APIs, stages, routes and API keys: token buckets (contract,
 * section 7.8) that all workers share.
 *
 * Configured in the master; the buckets are in a shared memory zone of their
 * own, written by workers without a lock.  A bucket is one number, the time at
 * which it would be full again, so a worker that dies leaves nothing behind.
 */

#include "ngx_http_faas_keys.h"


#define NGX_HTTP_FAAS_RATE_MAX   1000000        /* requests a second */
#define NGX_HTTP_FAAS_RATE_UNIT  1000           /* a rate has three decimals */


/* written by workers, by compare and swap; read by all */

typedef struct {
    ngx_atomic_t               full_us;         /* 0: as new */
    ngx_atomic_t               id;              /* whose it is, of its name */
} ngx_http_faas_bucket_t;

typedef struct {
    ngx_uint_t                 n;
    size_t                     size;            /* bytes of whole pages */
    ngx_http_faas_bucket_t    *buckets;         /* in the zone */
    ngx_array_t                ids;             /* uint64_t */
} ngx_http_faas_throttles_t;


static ngx_int_t ngx_http_faas_throttles_init(ngx_shm_zone_t *zone,
    void *data);


static ngx_str_t  ngx_http_faas_throttles_name =
    ngx_string("faas_throttles");


static ngx_int_t
ngx_http_faas_rate(ngx_str_t *value, ngx_uint_t *rate)
{
    ngx_int_t  n;

    n = ngx_atofp(value->data, value->len, 3);

    if (n == NGX_ERROR
        || n > NGX_HTTP_FAAS_RATE_MAX * NGX_HTTP_FAAS_RATE_UNIT)
    {
        return NGX_ERROR;
    }

    *rate = n;

    return NGX_OK;
}


/*
 * "rate=N" or "burst=N": NGX_OK, NGX_DECLINED when it is neither, NGX_ERROR
 * when it was said what is wrong with it.
 */

ngx_int_t
ngx_http_faas_throttle_parameter(ngx_conf_t *cf,
    ngx_http_faas_throttle_t *throttle, ngx_str_t *value)
{
    ngx_int_t  n;
    ngx_str_t  text;

    if (ngx_strncmp(value->data, "rate=", 5) == 0) {
        text.data = value->data + 5;
        text.len = value->len - 5;

        if (ngx_http_faas_rate(&text, &throttle->rate) == NGX_OK) {
            throttle->set |= NGX_HTTP_FAAS_RATE;
            return NGX_OK;
        }

    } else if (ngx_strncmp(value->data, "burst=", 6) == 0) {
        n = ngx_atoi(value->data + 6, value->len - 6);

        if (n != NGX_ERROR && n <= NGX_HTTP_FAAS_RATE_MAX) {
            throttle->burst = n;
            throttle->set |= NGX_HTTP_FAAS_BURST;
            return NGX_OK;
        }

    } else {
        return NGX_DECLINED;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%V\", it must be a number from 0 to %d",
                       value, NGX_HTTP_FAAS_RATE_MAX);

    return NGX_ERROR;
}


/* "throttle rate=N burst=N" of an API */

char *
ngx_http_faas_set_throttle(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    if (api->throttle.set) {
        return "is duplicate";
    }

    for (i = 1; i < n; i++) {
        rc = ngx_http_faas_throttle_parameter(cf, &api->throttle, &value[i]);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in \"throttle\"",
                               &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* "stage_throttle STAGE rate=N burst=N", behind "stage STAGE" */

char *
ngx_http_faas_set_stage_throttle(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t               rc;
    ngx_uint_t              i, k;
    ngx_http_faas_stage_t  *stage;

    stage = api->stages.elts;

    for (k = 0; k < api->stages.nelts; k++) {
        if (stage[k].name.len == value[1].len
            && ngx_strncmp(stage[k].name.data, value[1].data, value[1].len)
               == 0)
        {
            break;
        }
    }

    if (k == api->stages.nelts) {
        return "must come after the \"stage\" that it names";
    }

    if (stage[k].throttle.set) {
        return "is duplicate";
    }

    for (i = 2; i < n; i++) {
        rc = ngx_http_faas_throttle_parameter(cf, &stage[k].throttle,
                                              &value[i]);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" in "
                               "\"stage_throttle\"", &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* A bucket for it, if there is anything to keep. */

static ngx_int_t
ngx_http_faas_throttle_add(ngx_http_faas_throttles_t *all,
    ngx_http_faas_throttle_t *throttle, ngx_str_t *api, ngx_str_t *name)
{
    uint64_t  *id;

    if (throttle->set == 0) {
        return NGX_OK;
    }

    /* either alone: a burst as large as the rate, or no limit but the burst */

    if (!(throttle->set & NGX_HTTP_FAAS_BURST)) {
        throttle->burst = (throttle->rate + NGX_HTTP_FAAS_RATE_UNIT - 1)
                          / NGX_HTTP_FAAS_RATE_UNIT;
    }

    if (!(throttle->set & NGX_HTTP_FAAS_RATE)) {
        throttle->rate = throttle->burst * NGX_HTTP_FAAS_RATE_UNIT;
    }

    if (throttle->rate) {
        throttle->each_us = (uint64_t) 1000000 * NGX_HTTP_FAAS_RATE_UNIT
                            / throttle->rate;
        throttle->each_us = ngx_max(throttle->each_us, 1);
    }

    id = ngx_array_push(&all->ids);
    if (id == NULL) {
        return NGX_ERROR;
    }

    *id = ((uint64_t) ngx_crc32_long(api->data, api->len) << 32)
          | ngx_murmur_hash2(name->data, name->len);
    throttle->index = all->n++;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_throttles_api(ngx_http_faas_throttles_t *all,
    ngx_http_faas_api_t *api)
{
    ngx_str_t                none;
    ngx_uint_t               i;
    ngx_http_faas_stage_t   *stage;
    ngx_http_faas_route_t  **route;

    ngx_str_null(&none);

    if (ngx_http_faas_throttle_add(all, &api->throttle, &api->name, &none)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    stage = api->stages.elts;

    for (i = 0; i < api->stages.nelts; i++) {
        if (ngx_http_faas_throttle_add(all, &stage[i].throttle, &api->name,
                                       &stage[i].name)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    route = api->routes.elts;

    for (i = 0; i < api->routes.nelts; i++) {
        if (ngx_http_faas_throttle_add(all, &route[i]->throttle, &api->name,
                                       &route[i]->key)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    route = api->regexes.elts;

    for (i = 0; i < api->regexes.nelts; i++) {
        if (ngx_http_faas_throttle_add(all, &route[i]->throttle, &api->name,
                                       &route[i]->key)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return api->fallback
           ? ngx_http_faas_throttle_add(all, &api->fallback->throttle,
                                        &api->name, &api->fallback->key)
           : NGX_OK;
}


/* The throttle of a usage plan is each of its keys' own. */

static ngx_int_t
ngx_http_faas_throttles_keys(ngx_http_faas_throttles_t *all,
    ngx_http_faas_keys_t *keys)
{
    ngx_uint_t                i;
    ngx_http_faas_api_key_t  *key;

    key = keys->keys.elts;

    for (i = 0; i < keys->keys.nelts; i++) {
        if (ngx_http_faas_throttle_add(all, &key[i].throttle, &keys->path,
                                       &key[i].id)
            != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* The whole configuration has been read: one zone for all buckets. */

ngx_int_t
ngx_http_faas_throttles(ngx_conf_t *cf, ngx_http_faas_main_conf_t *fmcf)
{
    ngx_uint_t                  i;
    ngx_shm_zone_t             *zone;
    ngx_http_faas_api_t       **api;
    ngx_http_faas_keys_t      **keys;
    ngx_http_faas_throttles_t  *all;

    all = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_throttles_t));

    if (all == NULL
        || ngx_array_init(&all->ids, cf->pool, 8, sizeof(uint64_t)) != NGX_OK)
    {
        return NGX_ERROR;
    }

    api = fmcf->apis.elts;

    for (i = 0; i < fmcf->apis.nelts; i++) {
        if (ngx_http_faas_throttles_api(all, api[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    keys = fmcf->keys ? fmcf->keys->elts : NULL;

    for (i = 0; keys && i < fmcf->keys->nelts; i++) {
        if (ngx_http_faas_throttles_keys(all, keys[i]) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (all->n == 0) {
        return NGX_OK;
    }

    all->size = ngx_align(all->n * sizeof(ngx_http_faas_bucket_t),
                          ngx_pagesize);

    zone = ngx_shared_memory_add(cf, &ngx_http_faas_throttles_name,
                                 all->size + all->size / 64
                                 + 8 * ngx_pagesize,
                                 &ngx_http_faas_module);
    if (zone == NULL) {
        return NGX_ERROR;
    }

    zone->init = ngx_http_faas_throttles_init;
    zone->data = all;
    fmcf->throttles = all;

    return NGX_OK;
}


/* After a reload a bucket goes on if it is still in the same place. */

static ngx_int_t
ngx_http_faas_throttles_init(ngx_shm_zone_t *zone, void *data)
{
    uint64_t                   *id;
    ngx_uint_t                  i;
    ngx_slab_pool_t            *pool;
    ngx_http_faas_throttles_t  *all, *old;

    all = zone->data;
    old = data;
    pool = (ngx_slab_pool_t *) zone->shm.addr;

    /* a zone of the same size has the same number of pages for buckets */

    all->buckets = old ? old->buckets : ngx_slab_calloc(pool, all->size);

    if (all->buckets == NULL) {
        return NGX_ERROR;
    }

    id = all->ids.elts;

    for (i = 0; i < all->n; i++) {
        if (all->buckets[i].id != (ngx_atomic_uint_t) id[i]) {
            all->buckets[i].id = (ngx_atomic_uint_t) id[i];
            all->buckets[i].full_us = 0;
        }
    }

    return NGX_OK;
}


/* --- requests --- */

static ngx_uint_t
ngx_http_faas_throttled(ngx_http_faas_throttles_t *all,
    ngx_http_faas_throttle_t *throttle)
{
    uint64_t                 now, full, next;
    ngx_http_faas_bucket_t  *bucket;

    if (throttle->set == 0) {
        return 0;
    }

    if (throttle->each_us == 0) {
        return 1;                            /* a rate of nothing */
    }

    bucket = &all->buckets[throttle->index];
    now = faas_now_us();

    do {
        full = bucket->full_us;
        next = ngx_max(full, now) + throttle->each_us;

        if (next - now > throttle->burst * throttle->each_us) {
            return 1;
        }

    } while (!ngx_atomic_cmp_set(&bucket->full_us, full, next));

    return 0;
}


/* The narrowest first.  1: too many requests. */

ngx_uint_t
ngx_http_faas_throttle(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    const char                 *what;
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);

    if (fmcf->throttles == NULL) {
        return 0;
    }

    if (hit->key && ngx_http_faas_throttled(fmcf->throttles,
                                            &hit->key->throttle))
    {
        what = "API key";

    } else if (ngx_http_faas_throttled(fmcf->throttles,
                                       &hit->route->throttle))
    {
        what = "route";

    } else if (hit->stage
               && ngx_http_faas_throttled(fmcf->throttles,
                                          &hit->stage->throttle))
    {
        what = "stage";

    } else if (ngx_http_faas_throttled(fmcf->throttles,
                                       &hit->api->throttle))
    {
        what = "API";

    } else {
        return 0;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "faas: too many requests for the %s: route \"%V\" of API "
                  "\"%V\"", what, &hit->route->key, &hit->api->name);

    return 1;
}
