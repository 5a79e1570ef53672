/*
 * An ordered map of names to lists of values, for the members of an event
 * that join what occurs more than once.
 *
 * Runs in workers; lives in the request's pool.  Names come from clients: a
 * lookup costs the same however many there are.
 */

#include "ngx_http_faas_map.h"

#include <sys/random.h>

#include "faas_hash.h"


/* a worker's own, and no part of anything that leaves it */

static uint64_t  ngx_http_faas_map_key[2];


void
ngx_http_faas_map_init_key(void)
{
    if (getrandom(ngx_http_faas_map_key, sizeof(ngx_http_faas_map_key),
                  GRND_NONBLOCK)
        == sizeof(ngx_http_faas_map_key))
    {
        return;
    }

    /* so early in the machine's life that there is no entropy yet */

    ngx_http_faas_map_key[0] = (uint64_t) ngx_random() << 32 ^ ngx_random();
    ngx_http_faas_map_key[1] = (uint64_t) ngx_random() << 32 ^ ngx_pid;
}


ngx_int_t
ngx_http_faas_map_init(ngx_http_faas_map_t *map, ngx_pool_t *pool,
    ngx_uint_t n)
{
    map->nelts = 0;
    map->size = 0;
    map->max = n;
    map->buckets = NULL;

    map->elts = ngx_palloc(pool, (n ? n : 1)
                                 * sizeof(ngx_http_faas_pair_t));
    if (map->elts == NULL) {
        return NGX_ERROR;
    }

    for (map->mask = 8; map->mask < 2 * n; map->mask *= 2) {
        /* void */
    }

    map->buckets = ngx_pcalloc(pool, map->mask * sizeof(uint32_t));
    if (map->buckets == NULL) {
        return NGX_ERROR;
    }

    map->mask--;

    return NGX_OK;
}


/* The map must have been made for as many pairs as are added. */

void
ngx_http_faas_map_add(ngx_http_faas_map_t *map, ngx_str_t *name,
    ngx_str_t *shown, ngx_str_t *value)
{
    uint32_t               hash, i;
    ngx_http_faas_pair_t  *pair, *first;

    if (map->nelts == map->max) {
        return;
    }

    pair = &map->elts[map->nelts++];
    pair->name = *name;
    pair->shown = *shown;
    pair->value = *value;
    pair->next = NULL;
    pair->last = pair;
    pair->first = 1;

    map->size += name->len + value->len;

    hash = (uint32_t) faas_hash(ngx_http_faas_map_key, name->data, name->len);

    for (i = hash & map->mask; map->buckets[i]; i = (i + 1) & map->mask) {
        first = &map->elts[map->buckets[i] - 1];

        if (first->name.len == name->len
            && ngx_memcmp(first->name.data, name->data, name->len) == 0)
        {
            first->last->next = pair;
            first->last = pair;
            pair->first = 0;
            return;
        }
    }

    map->buckets[i] = map->nelts;
}
