/*
 * Quotas: how often each API key was used in its period, in a file of the
 * state directory that all workers have mapped, so that counts outlive nginx
 * and the machine's restarts (contract, section 7.8).
 *
 * The master opens the file with each configuration, under its lock, and adds
 * entries for new keys; entries are never moved or removed, so that workers of
 * the configuration before go on counting in the same ones.
 */

#include "ngx_http_faas_keys.h"

#include <sys/file.h>


#define NGX_HTTP_FAAS_QUOTAS       "quotas"       /* in the state directory */
#define NGX_HTTP_FAAS_QUOTA_MAGIC  "faasquo1"
#define NGX_HTTP_FAAS_QUOTA_ID     16             /* bytes of a digest */

/* the word that is counted in: the first day of the period, and the count */
#define NGX_HTTP_FAAS_QUOTA_BITS   40
#define NGX_HTTP_FAAS_QUOTA_COUNT  (((uint64_t) 1 << NGX_HTTP_FAAS_QUOTA_BITS) \
                                    - 1)


typedef struct {
    u_char                     magic[8];          /* written once, */
    u_char                     spare[24];         /* by the master */
} ngx_http_faas_quota_head_t;

typedef struct {
    u_char                     id[NGX_HTTP_FAAS_QUOTA_ID];   /* by it, too */
    uint64_t                   used;              /* by workers, atomically */
    uint64_t                   spare;
} ngx_http_faas_quota_entry_t;

typedef struct {
    u_char                     id[NGX_HTTP_FAAS_QUOTA_ID];
    ngx_http_faas_plan_t      *plan;
    ngx_http_faas_quota_entry_t *entry;           /* NULL: cannot be counted */
} ngx_http_faas_quota_t;

typedef struct {
    ngx_array_t                quotas;            /* ngx_http_faas_quota_t */
    u_char                    *addr;              /* of the mapping */
    size_t                     size;
} ngx_http_faas_quotas_t;


/* The number of a key's quota.  The same plan's key of another file shares. */

ngx_int_t
ngx_http_faas_quotas_add(ngx_conf_t *cf, ngx_http_faas_api_key_t *key)
{
    u_char                     *name, digest[SHA256_DIGEST_LENGTH];
    size_t                      len;
    ngx_http_faas_quota_t      *quota;
    ngx_http_faas_quotas_t     *all;
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);

    if (fmcf->quotas == NULL) {
        all = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_quotas_t));

        if (all == NULL
            || ngx_array_init(&all->quotas, cf->pool, 16,
                              sizeof(ngx_http_faas_quota_t))
               != NGX_OK)
        {
            return NGX_ERROR;
        }

        fmcf->quotas = all;
    }

    all = fmcf->quotas;
    len = key->plan->name.len + 1 + key->id.len;

    name = ngx_pnalloc(cf->temp_pool, len);
    quota = ngx_array_push(&all->quotas);

    if (name == NULL || quota == NULL) {
        return NGX_ERROR;
    }

    /* neither of the two has a blank */

    (void) ngx_sprintf(name, "%V %V", &key->plan->name, &key->id);
    (void) SHA256(name, len, digest);

    ngx_memcpy(quota->id, digest, NGX_HTTP_FAAS_QUOTA_ID);
    quota->plan = key->plan;
    quota->entry = NULL;
    key->quota = all->quotas.nelts - 1;

    return NGX_OK;
}


/* The first day, in days of Unix time, of the period that is now; in UTC. */

static uint64_t
ngx_http_faas_quota_day(ngx_uint_t period)
{
    ngx_tm_t  tm;
    uint64_t  day;

    day = ngx_time() / 86400;

    switch (period) {

    case NGX_HTTP_FAAS_QUOTA_WEEK:
        return day - (day + 4) % 7;              /* a week begins on Sunday */

    case NGX_HTTP_FAAS_QUOTA_MONTH:
        ngx_gmtime(ngx_time(), &tm);
        return day - (tm.ngx_tm_mday - 1);

    default:
        return day;
    }
}


/* --- the file --- */

static int ngx_libc_cdecl
ngx_http_faas_quota_cmp(const void *one, const void *two)
{
    const ngx_http_faas_quota_entry_t  *a, *b;

    a = *(ngx_http_faas_quota_entry_t *const *) one;
    b = *(ngx_http_faas_quota_entry_t *const *) two;

    return ngx_memcmp(a->id, b->id, NGX_HTTP_FAAS_QUOTA_ID);
}


/* What is no file of counts stays, under another name. */

static ngx_int_t
ngx_http_faas_quotas_aside(ngx_cycle_t *cycle, u_char *path)
{
    u_char  bad[NGX_MAX_PATH + 8];

    (void) ngx_sprintf(bad, "%s.bad%Z", path);

    ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                  "faas: \"%s\" is not a file of quotas: counts begin anew, "
                  "and it is \"%s\" from now on", path, bad);

    if (ngx_rename_file(path, bad) == NGX_FILE_ERROR) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "faas: " ngx_rename_file_n " \"%s\" failed", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* An open and locked file of PATH, with a head. */

static int
ngx_http_faas_quotas_file(ngx_cycle_t *cycle, u_char *path, size_t *entries)
{
    int                         fd;
    ssize_t                     n;
    ngx_uint_t                  tries;
    struct stat                 st;
    ngx_http_faas_quota_head_t  head;

    for (tries = 0; tries < 2; tries++) {

        fd = open((char *) path, O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);

        if (fd == -1 || flock(fd, LOCK_EX) == -1 || fstat(fd, &st) == -1) {
            break;
        }

        n = pread(fd, &head, sizeof(head), 0);

        if (n == 0) {
            ngx_memzero(&head, sizeof(head));
            ngx_memcpy(head.magic, NGX_HTTP_FAAS_QUOTA_MAGIC, 8);
            st.st_size = sizeof(head);
            n = pwrite(fd, &head, sizeof(head), 0);
        }

        if (n == (ssize_t) sizeof(head)
            && ngx_memcmp(head.magic, NGX_HTTP_FAAS_QUOTA_MAGIC, 8) == 0)
        {
            *entries = (st.st_size - sizeof(head))
                       / sizeof(ngx_http_faas_quota_entry_t);
            return fd;
        }

        (void) close(fd);
        fd = -1;

        if (ngx_http_faas_quotas_aside(cycle, path) != NGX_OK) {
            return -1;
        }
    }

    ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                  "faas: file of quotas \"%s\" cannot be opened", path);

    if (fd != -1) {
        (void) close(fd);
    }

    return -1;
}


static void
ngx_http_faas_quotas_unmap(void *data)
{
    ngx_http_faas_quotas_t *all = data;

    (void) munmap(all->addr, all->size);
}


static ngx_int_t
ngx_http_faas_quotas_map(ngx_cycle_t *cycle, ngx_http_faas_quotas_t *all,
    int fd, size_t entries)
{
    ngx_err_t            err;
    ngx_pool_cleanup_t  *cln;

    all->size = sizeof(ngx_http_faas_quota_head_t)
                + entries * sizeof(ngx_http_faas_quota_entry_t);

    cln = ngx_pool_cleanup_add(cycle->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    /* blocks of the disk are taken now: no worker is to meet a full one */

    err = posix_fallocate(fd, 0, all->size);

    if (err) {
        ngx_set_errno(err);
        return NGX_ERROR;
    }

    all->addr = mmap(NULL, all->size, PROT_READ|PROT_WRITE, MAP_SHARED, fd,
                     0);

    if (all->addr == MAP_FAILED) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_faas_quotas_unmap;
    cln->data = all;

    return NGX_OK;
}


static int ngx_libc_cdecl
ngx_http_faas_quota_cmp_id(const void *one, const void *two)
{
    const ngx_http_faas_quota_t  *a, *b;

    a = *(ngx_http_faas_quota_t *const *) one;
    b = *(ngx_http_faas_quota_t *const *) two;

    return ngx_memcmp(a->id, b->id, NGX_HTTP_FAAS_QUOTA_ID);
}


/*
 * Each quota's entry, of those that there are or a new one; the number of
 * entries then.  The order of either list is of no use but to find it.
 */

static size_t
ngx_http_faas_quotas_place(ngx_http_faas_quotas_t *all,
    ngx_http_faas_quota_entry_t **sorted, size_t entries,
    ngx_http_faas_quota_t **order)
{
    size_t                         i, n;
    ngx_http_faas_quota_t         *quota, *last;
    ngx_http_faas_quota_entry_t   *first, key, *keyp, **found;

    first = (ngx_http_faas_quota_entry_t *)
            (all->addr + sizeof(ngx_http_faas_quota_head_t));
    quota = all->quotas.elts;

    for (i = 0; i < entries; i++) {
        sorted[i] = &first[i];
    }

    for (i = 0; i < all->quotas.nelts; i++) {
        order[i] = &quota[i];
    }

    qsort(sorted, entries, sizeof(*sorted), ngx_http_faas_quota_cmp);
    qsort(order, i, sizeof(*order), ngx_http_faas_quota_cmp_id);

    n = entries;
    last = NULL;
    keyp = &key;

    for (i = 0; i < all->quotas.nelts; i++) {
        quota = order[i];

        if (last && ngx_http_faas_quota_cmp_id(&last, &quota) == 0) {
            quota->entry = last->entry;
            continue;
        }

        last = quota;
        ngx_memcpy(key.id, quota->id, NGX_HTTP_FAAS_QUOTA_ID);

        found = bsearch(&keyp, sorted, entries, sizeof(*sorted),
                        ngx_http_faas_quota_cmp);

        if (found) {
            quota->entry = *found;
            continue;
        }

        quota->entry = &first[n++];
        quota->entry->used = ngx_http_faas_quota_day(quota->plan->period)
                             << NGX_HTTP_FAAS_QUOTA_BITS
                             | quota->plan->offset;
        ngx_memcpy(quota->entry->id, quota->id, NGX_HTTP_FAAS_QUOTA_ID);
    }

    return n;
}


/* The file has room for as many new ones as there can be, and loses it. */

static ngx_int_t
ngx_http_faas_quotas_fill(ngx_cycle_t *cycle, ngx_http_faas_quotas_t *all,
    int fd, size_t entries)
{
    size_t                         n;
    ngx_http_faas_quota_t        **order;
    ngx_http_faas_quota_entry_t  **sorted;

    if (ngx_http_faas_quotas_map(cycle, all, fd,
                                 entries + all->quotas.nelts)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    sorted = ngx_alloc((entries + 1) * sizeof(*sorted), cycle->log);
    order = ngx_alloc(all->quotas.nelts * sizeof(*order), cycle->log);

    if (sorted && order) {
        n = ngx_http_faas_quotas_place(all, sorted, entries, order);

        if (ftruncate(fd, sizeof(ngx_http_faas_quota_head_t)
                          + n * sizeof(ngx_http_faas_quota_entry_t))
            == -1)
        {
            ngx_log_error(NGX_LOG_WARN, cycle->log, ngx_errno,
                          "faas: file of quotas stays larger than it need be");
        }
    }

    n = (sorted && order);

    ngx_free(sorted);
    ngx_free(order);

    return n ? NGX_OK : NGX_ERROR;
}


/* With a new configuration, before its workers are there. */

ngx_int_t
ngx_http_faas_quotas_open(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf)
{
    int                      fd;
    u_char                   path[NGX_MAX_PATH];
    size_t                   entries;
    ngx_err_t                err;
    ngx_int_t                rc;
    ngx_http_faas_quotas_t  *all;

    all = fmcf->quotas;

    if (all == NULL) {
        return NGX_OK;
    }

    if (ngx_http_faas_path(path, NGX_MAX_PATH, &fmcf->state_dir,
                           NGX_HTTP_FAAS_QUOTAS)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    err = ngx_create_full_path(path, 0755);

    if (err && err != NGX_EEXIST) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, err,
                      "faas: state directory \"%V\" cannot be made",
                      &fmcf->state_dir);
        return NGX_ERROR;
    }

    fd = ngx_http_faas_quotas_file(cycle, path, &entries);
    if (fd == -1) {
        return NGX_ERROR;
    }

    rc = ngx_http_faas_quotas_fill(cycle, all, fd, entries);

    if (rc != NGX_OK) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "faas: file of quotas \"%s\" cannot be mapped", path);
    }

    /* closed it stays open, and locked, as long as it is mapped */

    (void) flock(fd, LOCK_UN);
    (void) close(fd);

    return rc;
}


/* --- requests --- */

/* Counts one.  1: there were as many as there may be. */

ngx_uint_t
ngx_http_faas_quota(ngx_http_request_t *r, ngx_http_faas_api_key_t *key)
{
    uint64_t                    used, next, day;
    ngx_http_faas_quota_t      *quota;
    ngx_http_faas_quotas_t     *all;
    ngx_http_faas_main_conf_t  *fmcf;

    if (key->plan->period == NGX_HTTP_FAAS_QUOTA_NONE) {
        return 0;
    }

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);
    all = fmcf->quotas;
    quota = (ngx_http_faas_quota_t *) all->quotas.elts + key->quota;

    if (quota->entry == NULL) {
        return 0;                                /* the master has said so */
    }

    day = ngx_http_faas_quota_day(key->plan->period);
    used = __atomic_load_n(&quota->entry->used, __ATOMIC_RELAXED);

    do {
        /* a clock that goes back begins no period */

        next = (used >> NGX_HTTP_FAAS_QUOTA_BITS) < day
               ? day << NGX_HTTP_FAAS_QUOTA_BITS : used;

        if ((next & NGX_HTTP_FAAS_QUOTA_COUNT) >= key->plan->limit) {
            return 1;
        }

        next++;

    } while (!__atomic_compare_exchange_n(&quota->entry->used, &used, next,
                                          0, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));

    return 0;
}
