/*
 * Connections to environments that are kept for the next invocation: one
 * list for each environment slot of the scoreboard.
 *
 * Runs in workers; the state belongs to one worker process.  Imitates
 * ngx_http_upstream_keepalive_module, which works only on named upstreams.
 */

#include "ngx_http_faas.h"


typedef struct {
    ngx_queue_t              queue;
    ngx_queue_t              age;            /* kept last is first */
    ngx_connection_t        *connection;
    uint32_t                 generation;
    ngx_http_faas_single_t   single;
} ngx_http_faas_kept_t;


static void ngx_http_faas_kept_remove(ngx_http_faas_kept_t *kept);
static void ngx_http_faas_conn_dummy(ngx_event_t *ev);
static void ngx_http_faas_conn_handler(ngx_event_t *ev);
static void ngx_http_faas_conn_close(ngx_connection_t *c);


static ngx_queue_t  *ngx_http_faas_kept;         /* by environment slot */
static ngx_queue_t   ngx_http_faas_kept_age;
static ngx_queue_t   ngx_http_faas_kept_free;
static ngx_pool_t   *ngx_http_faas_kept_pool;

/* of applications that serve one at a time, kept or in use */
static ngx_queue_t   ngx_http_faas_singles;


ngx_int_t
ngx_http_faas_conn_init(ngx_cycle_t *cycle)
{
    uint32_t  i, n;

    n = ngx_http_faas_board.head->max_envs;

    ngx_http_faas_kept = ngx_palloc(cycle->pool, n * sizeof(ngx_queue_t));
    if (ngx_http_faas_kept == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_queue_init(&ngx_http_faas_kept[i]);
    }

    ngx_queue_init(&ngx_http_faas_kept_age);
    ngx_queue_init(&ngx_http_faas_kept_free);
    ngx_queue_init(&ngx_http_faas_singles);
    ngx_http_faas_kept_pool = cycle->pool;

    return NGX_OK;
}


ngx_connection_t *
ngx_http_faas_conn_get(uint32_t env, uint32_t generation)
{
    ngx_queue_t           *q;
    ngx_connection_t      *c;
    ngx_http_faas_kept_t  *kept;

    if (ngx_http_faas_kept == NULL) {
        return NULL;
    }

    while (!ngx_queue_empty(&ngx_http_faas_kept[env])) {
        q = ngx_queue_head(&ngx_http_faas_kept[env]);
        kept = ngx_queue_data(q, ngx_http_faas_kept_t, queue);

        ngx_http_faas_kept_remove(kept);

        c = kept->connection;

        if (kept->generation != generation) {
            ngx_http_faas_conn_close(c);
            continue;
        }

        c->idle = 0;
        c->sent = 0;
        c->data = NULL;

        return c;
    }

    return NULL;
}


static ngx_http_faas_kept_t *
ngx_http_faas_kept_alloc(void)
{
    ngx_queue_t  *q;

    if (!ngx_queue_empty(&ngx_http_faas_kept_free)) {
        q = ngx_queue_head(&ngx_http_faas_kept_free);
        ngx_queue_remove(q);
        return ngx_queue_data(q, ngx_http_faas_kept_t, queue);
    }

    /* as many as there were ever kept at a time: bounded by connections */

    return ngx_palloc(ngx_http_faas_kept_pool, sizeof(ngx_http_faas_kept_t));
}


static void
ngx_http_faas_kept_remove(ngx_http_faas_kept_t *kept)
{
    ngx_queue_remove(&kept->queue);
    ngx_queue_remove(&kept->age);
    ngx_queue_insert_head(&ngx_http_faas_kept_free, &kept->queue);
    ngx_http_faas_single_remove(&kept->single);
}


/*
 * A connection that has room for a request has it still when the environment
 * has read one, but epoll tells of that each time, and the worker wakes up for
 * nothing.  Where there is no room nginx asks for the event by itself.
 */

static ngx_int_t
ngx_http_faas_conn_quiet(ngx_connection_t *c)
{
    if (!c->write->active || !c->write->ready
        || !(ngx_event_flags & NGX_USE_EPOLL_EVENT)
        || !(ngx_event_flags & NGX_USE_CLEAR_EVENT))
    {
        return NGX_OK;
    }

    return ngx_del_event(c->write, NGX_WRITE_EVENT, NGX_CLEAR_EVENT);
}


ngx_int_t
ngx_http_faas_conn_keep(ngx_connection_t *c, uint32_t env,
    uint32_t generation, ngx_uint_t single)
{
    ngx_http_faas_kept_t  *kept;

    if (ngx_http_faas_kept == NULL || ngx_terminate || ngx_exiting
        || c->read->eof || c->read->error || c->read->timedout
        || c->write->error || c->write->timedout || c->error)
    {
        return NGX_DECLINED;
    }

    if (ngx_handle_read_event(c->read, 0) != NGX_OK
        || ngx_http_faas_conn_quiet(c) != NGX_OK)
    {
        return NGX_DECLINED;
    }

    kept = ngx_http_faas_kept_alloc();
    if (kept == NULL) {
        return NGX_DECLINED;
    }

    kept->connection = c;
    kept->generation = generation;
    kept->single.connection = NULL;

    if (single) {
        ngx_http_faas_single_add(&kept->single, c, env, generation);
    }

    ngx_queue_insert_head(&ngx_http_faas_kept[env], &kept->queue);
    ngx_queue_insert_head(&ngx_http_faas_kept_age, &kept->age);

    if (c->read->timer_set) {
        c->read->delayed = 0;
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    c->write->handler = ngx_http_faas_conn_dummy;
    c->read->handler = ngx_http_faas_conn_handler;

    c->data = kept;
    c->idle = 1;
    c->log = ngx_cycle->log;
    c->read->log = ngx_cycle->log;
    c->write->log = ngx_cycle->log;
    c->pool->log = ngx_cycle->log;

    if (c->read->ready) {
        ngx_http_faas_conn_handler(c->read);
    }

    return NGX_OK;
}


static void
ngx_http_faas_conn_dummy(ngx_event_t *ev)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, ev->log, 0, "faas: dummy handler");
}


/* The environment ended, or speaks out of turn. */

static void
ngx_http_faas_conn_handler(ngx_event_t *ev)
{
    int                    n;
    char                   buf[1];
    ngx_connection_t      *c;
    ngx_http_faas_kept_t  *kept;

    c = ev->data;
    kept = c->data;

    if (!c->close && !c->read->timedout) {

        n = recv(c->fd, buf, 1, MSG_PEEK);

        if (n == -1 && ngx_socket_errno == NGX_EAGAIN) {
            ev->ready = 0;

            if (ngx_handle_read_event(c->read, 0) == NGX_OK) {
                return;
            }
        }
    }

    ngx_http_faas_kept_remove(kept);
    ngx_http_faas_conn_close(c);
}


static void
ngx_http_faas_conn_close(ngx_connection_t *c)
{
    ngx_destroy_pool(c->pool);
    ngx_close_connection(c);
}


/*
 * This worker is short of connections: closes the one that was kept longest.
 * Its environment does not mind.  0 when there is none.
 */

ngx_uint_t
ngx_http_faas_conn_spare(void)
{
    ngx_queue_t           *q;
    ngx_connection_t      *c;
    ngx_http_faas_kept_t  *kept;

    if (ngx_http_faas_kept == NULL
        || ngx_queue_empty(&ngx_http_faas_kept_age))
    {
        return 0;
    }

    q = ngx_queue_last(&ngx_http_faas_kept_age);
    kept = ngx_queue_data(q, ngx_http_faas_kept_t, age);
    c = kept->connection;

    c->close = 1;
    ngx_http_faas_conn_handler(c->read);

    return 1;
}


void
ngx_http_faas_single_add(ngx_http_faas_single_t *single, ngx_connection_t *c,
    uint32_t env, uint32_t generation)
{
    if (ngx_http_faas_kept == NULL) {
        return;
    }

    single->connection = c;
    single->env = env;
    single->generation = generation;

    ngx_queue_insert_tail(&ngx_http_faas_singles, &single->queue);
}


void
ngx_http_faas_single_remove(ngx_http_faas_single_t *single)
{
    if (single->connection) {
        ngx_queue_remove(&single->queue);
        single->connection = NULL;
    }
}


/*
 * Another worker has the lease by now, and the application does not look at
 * it before this connection ends.  A request whose client takes its time may
 * still have it: its answer was read to the end.
 */

void
ngx_http_faas_singles_yield(uint32_t worker)
{
    faas_env_t              *env;
    ngx_queue_t             *q, *next;
    ngx_connection_t        *c;
    ngx_http_faas_single_t  *single;

    if (ngx_http_faas_kept == NULL) {
        return;
    }

    for (q = ngx_queue_head(&ngx_http_faas_singles);
         q != ngx_queue_sentinel(&ngx_http_faas_singles);
         q = next)
    {
        next = ngx_queue_next(q);
        single = ngx_queue_data(q, ngx_http_faas_single_t, queue);
        env = &ngx_http_faas_board.envs[single->env];

        if (env->generation == single->generation
            && env->conn_worker == worker)
        {
            continue;
        }

        c = single->connection;

        if (c->idle) {
            c->close = 1;
            ngx_http_faas_conn_handler(c->read);
            continue;
        }

        (void) shutdown(c->fd, SHUT_RDWR);
        ngx_http_faas_single_remove(single);
    }
}
