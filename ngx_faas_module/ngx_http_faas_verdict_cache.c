/*
 * Answers of Lambda authorizers, kept in a shared memory zone for as long as
 * "ttl=" says.
 *
 * Configured in the master.  Everything in the zone is written by workers
 * that hold the mutex of its slab pool.  A reload empties it, by keys that
 * have something of the configuration's own in them: who corrects an
 * authorizer must not wait for what it has said before.
 */

#include "ngx_http_faas_verdict.h"

#include <openssl/rand.h>


#define NGX_HTTP_FAAS_VERDICTS_SIZE   (1024 * 1024)
#define NGX_HTTP_FAAS_VERDICTS_DROP   8         /* at once, for a new one */


typedef struct {
    ngx_rbtree_node_t          node;            /* key: bytes of "key" */
    ngx_queue_t                queue;           /* used last: first */
    ngx_msec_t                 until;
    u_char                     key[NGX_HTTP_FAAS_DIGEST];
    faas_verdict_t             verdict;         /* and its data */
} ngx_http_faas_kept_verdict_t;


typedef struct {
    ngx_rbtree_t               tree;
    ngx_rbtree_node_t          sentinel;
    ngx_queue_t                queue;
} ngx_http_faas_verdicts_t;


static ngx_int_t ngx_http_faas_verdicts_init(ngx_shm_zone_t *zone,
    void *data);
static void ngx_http_faas_verdict_insert(ngx_rbtree_node_t *temp,
    ngx_rbtree_node_t *node, ngx_rbtree_node_t *sentinel);
static ngx_http_faas_kept_verdict_t *ngx_http_faas_verdict_find(
    ngx_http_faas_verdicts_t *all, u_char *key);
static void ngx_http_faas_verdict_drop(ngx_slab_pool_t *pool,
    ngx_http_faas_kept_verdict_t *kept);


static ngx_str_t  ngx_http_faas_verdicts_name =
    ngx_string("faas_authorizers");


/* "faas_authorizer_cache SIZE" */

char *
ngx_http_faas_authorizer_cache(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_main_conf_t *fmcf = conf;

    ssize_t     size;
    ngx_str_t  *value;

    if (fmcf->verdicts_size) {
        return "is duplicate";
    }

    value = cf->args->elts;
    size = ngx_parse_size(&value[1]);

    if (size == NGX_ERROR || size < (ssize_t) (8 * ngx_pagesize)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid size \"%V\" in \"%V\", it must be %uzk or "
                           "more", &value[1], &cmd->name,
                           8 * ngx_pagesize / 1024);
        return NGX_CONF_ERROR;
    }

    fmcf->verdicts_size = size;

    return NGX_CONF_OK;
}


/* There is an authorizer whose answers are kept. */

void
ngx_http_faas_verdicts_use(ngx_conf_t *cf)
{
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);
    fmcf->verdicts_used = 1;
}


/* The whole configuration was read. */

ngx_int_t
ngx_http_faas_verdicts_zone(ngx_conf_t *cf, ngx_http_faas_main_conf_t *fmcf)
{
    if (!fmcf->verdicts_used) {
        return NGX_OK;
    }

    if (fmcf->verdicts_size == 0) {
        fmcf->verdicts_size = NGX_HTTP_FAAS_VERDICTS_SIZE;
    }

    if (RAND_bytes(fmcf->nonce, NGX_HTTP_FAAS_NONCE) != 1) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0, "RAND_bytes() failed");
        return NGX_ERROR;
    }

    fmcf->verdicts = ngx_shared_memory_add(cf, &ngx_http_faas_verdicts_name,
                                           fmcf->verdicts_size,
                                           &ngx_http_faas_module);
    if (fmcf->verdicts == NULL) {
        return NGX_ERROR;
    }

    fmcf->verdicts->init = ngx_http_faas_verdicts_init;
    fmcf->verdicts->data = fmcf;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_verdicts_init(ngx_shm_zone_t *zone, void *data)
{
    ngx_slab_pool_t           *pool;
    ngx_http_faas_verdicts_t  *all;

    if (data) {
        return NGX_OK;
    }

    pool = (ngx_slab_pool_t *) zone->shm.addr;

    if (zone->shm.exists) {
        return NGX_OK;
    }

    all = ngx_slab_calloc(pool, sizeof(ngx_http_faas_verdicts_t));
    if (all == NULL) {
        return NGX_ERROR;
    }

    ngx_rbtree_init(&all->tree, &all->sentinel, ngx_http_faas_verdict_insert);
    ngx_queue_init(&all->queue);

    pool->data = all;

    /* a full zone is nothing to alarm anybody with: the oldest go */

    pool->log_nomem = 0;

    return NGX_OK;
}


static void
ngx_http_faas_verdict_insert(ngx_rbtree_node_t *temp, ngx_rbtree_node_t *node,
    ngx_rbtree_node_t *sentinel)
{
    ngx_rbtree_node_t             **p;
    ngx_http_faas_kept_verdict_t   *a, *b;

    a = (ngx_http_faas_kept_verdict_t *) node;

    for ( ;; ) {
        b = (ngx_http_faas_kept_verdict_t *) temp;

        p = ngx_memcmp(a->key, b->key, NGX_HTTP_FAAS_DIGEST) < 0
            ? &temp->left : &temp->right;

        if (*p == sentinel) {
            break;
        }

        temp = *p;
    }

    *p = node;
    node->parent = temp;
    node->left = sentinel;
    node->right = sentinel;
    ngx_rbt_red(node);
}


static ngx_http_faas_kept_verdict_t *
ngx_http_faas_verdict_find(ngx_http_faas_verdicts_t *all, u_char *key)
{
    ngx_int_t                      rc;
    ngx_rbtree_node_t             *node;
    ngx_http_faas_kept_verdict_t  *kept;

    node = all->tree.root;

    while (node != &all->sentinel) {
        kept = (ngx_http_faas_kept_verdict_t *) node;

        rc = ngx_memcmp(key, kept->key, NGX_HTTP_FAAS_DIGEST);

        if (rc == 0) {
            return kept;
        }

        node = rc < 0 ? node->left : node->right;
    }

    return NULL;
}


static u_char *
ngx_http_faas_verdict_part(u_char *p, ngx_str_t *part)
{
    p = ngx_cpymem(p, &part->len, sizeof(size_t));

    return ngx_cpymem(p, part->data, part->len);
}


/*
 * ask->key: a digest, as the values are secrets, of everything that an answer
 * is good for.  Each part has its length in front: none can run into another.
 */

ngx_int_t
ngx_http_faas_verdict_key(ngx_http_request_t *r, ngx_http_faas_ask_t *ask)
{
    size_t                      len;
    u_char                     *p, *buf;
    ngx_str_t                  *value, stage;
    ngx_uint_t                  i;
    ngx_http_faas_hit_t        *hit;
    ngx_http_faas_main_conf_t  *fmcf;

    hit = ask->hit;
    value = ask->values.elts;
    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);

    ngx_http_faas_stage_name(hit, &stage);

    len = NGX_HTTP_FAAS_NONCE + hit->api->name.len + stage.len
          + hit->route->authorizer->name.len + 3 * sizeof(size_t);

    for (i = 0; i < ask->values.nelts; i++) {
        len += sizeof(size_t) + value[i].len;
    }

    buf = ngx_pnalloc(r->pool, len);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(buf, fmcf->nonce, NGX_HTTP_FAAS_NONCE);
    p = ngx_http_faas_verdict_part(p, &hit->api->name);
    p = ngx_http_faas_verdict_part(p, &stage);
    p = ngx_http_faas_verdict_part(p, &hit->route->authorizer->name);

    for (i = 0; i < ask->values.nelts; i++) {
        p = ngx_http_faas_verdict_part(p, &value[i]);
    }

    return ngx_http_faas_digest(buf, p - buf, ask->key);
}


/* NGX_OK: ask->verdict; NGX_DECLINED: none is kept. */

ngx_int_t
ngx_http_faas_verdict_get(ngx_http_request_t *r, ngx_http_faas_ask_t *ask)
{
    ngx_int_t                      rc;
    ngx_slab_pool_t               *pool;
    ngx_http_faas_verdicts_t      *all;
    ngx_http_faas_main_conf_t     *fmcf;
    ngx_http_faas_kept_verdict_t  *kept;

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);

    pool = (ngx_slab_pool_t *) fmcf->verdicts->shm.addr;
    all = pool->data;
    rc = NGX_DECLINED;

    ngx_shmtx_lock(&pool->mutex);

    kept = ngx_http_faas_verdict_find(all, ask->key);

    if (kept && (ngx_msec_int_t) (kept->until - ngx_current_msec) <= 0) {
        ngx_http_faas_verdict_drop(pool, kept);

    } else if (kept) {
        ngx_queue_remove(&kept->queue);
        ngx_queue_insert_head(&all->queue, &kept->queue);

        rc = NGX_ERROR;
        ask->verdict = ngx_palloc(r->pool, kept->verdict.size);

        if (ask->verdict) {
            ngx_memcpy(ask->verdict, &kept->verdict, kept->verdict.size);
            rc = NGX_OK;
        }
    }

    ngx_shmtx_unlock(&pool->mutex);

    return rc;
}


/* An answer that there is no room for is asked for again. */

void
ngx_http_faas_verdict_put(ngx_http_request_t *r, ngx_http_faas_ask_t *ask)
{
    size_t                         size;
    ngx_uint_t                     i;
    ngx_queue_t                   *q;
    ngx_slab_pool_t               *pool;
    ngx_http_faas_verdicts_t      *all;
    ngx_http_faas_main_conf_t     *fmcf;
    ngx_http_faas_kept_verdict_t  *kept;

    if (ask->verdict->size > NGX_HTTP_FAAS_VERDICT_MAX) {
        return;
    }

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);

    pool = (ngx_slab_pool_t *) fmcf->verdicts->shm.addr;
    all = pool->data;
    size = offsetof(ngx_http_faas_kept_verdict_t, verdict)
           + ask->verdict->size;

    ngx_shmtx_lock(&pool->mutex);

    kept = ngx_http_faas_verdict_find(all, ask->key);

    if (kept) {
        ngx_http_faas_verdict_drop(pool, kept);
    }

    kept = ngx_slab_alloc_locked(pool, size);

    for (i = 0; kept == NULL && i < NGX_HTTP_FAAS_VERDICTS_DROP
                && !ngx_queue_empty(&all->queue); i++)
    {
        q = ngx_queue_last(&all->queue);
        ngx_http_faas_verdict_drop(pool,
                                   ngx_queue_data(q,
                                                ngx_http_faas_kept_verdict_t,
                                                queue));
        kept = ngx_slab_alloc_locked(pool, size);
    }

    if (kept) {
        kept->node.key = 0;
        kept->until = ngx_current_msec
                      + ask->hit->route->authorizer->ttl * 1000;

        ngx_memcpy(kept->key, ask->key, NGX_HTTP_FAAS_DIGEST);
        ngx_memcpy(&kept->verdict, ask->verdict, ask->verdict->size);

        ngx_rbtree_insert(&all->tree, &kept->node);
        ngx_queue_insert_head(&all->queue, &kept->queue);
    }

    ngx_shmtx_unlock(&pool->mutex);
}


static void
ngx_http_faas_verdict_drop(ngx_slab_pool_t *pool,
    ngx_http_faas_kept_verdict_t *kept)
{
    ngx_http_faas_verdicts_t  *all;

    all = pool->data;

    ngx_rbtree_delete(&all->tree, &kept->node);
    ngx_queue_remove(&kept->queue);
    ngx_slab_free_locked(pool, kept);
}
