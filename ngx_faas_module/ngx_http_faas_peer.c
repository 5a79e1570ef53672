/*
 * What ngx_http_upstream takes for its peer: a lease on an environment and a
 * connection to it, or something that stands in for the connection while the
 * request waits or after it failed.
 *
 * Runs in workers.
 *
 * ngx_http_upstream knows no peer that is not there yet.  But it does know
 * connections that take a while to be established, so a request that has to
 * wait gets a connection without a socket and NGX_AGAIN.  When the lease is
 * granted the real connection takes its place and gets the "write" event that
 * ngx_http_upstream waits for.
 */

#include "ngx_http_faas.h"


/* each dead environment found is one less, so this only bounds bad luck */
#define NGX_HTTP_FAAS_RETRIES  16


static ngx_int_t ngx_http_faas_get_peer(ngx_peer_connection_t *pc,
    void *data);
static void ngx_http_faas_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state);
static ngx_int_t ngx_http_faas_obtain(ngx_http_faas_ctx_t *ctx, int rc);
static ngx_int_t ngx_http_faas_connect(ngx_http_faas_ctx_t *ctx);
static ngx_int_t ngx_http_faas_stand_in(ngx_http_faas_ctx_t *ctx);
static void ngx_http_faas_swap(ngx_http_faas_ctx_t *ctx,
    ngx_connection_t *c);


/* ngx_http_upstream frees a peer only if it has an address */
static struct sockaddr_un  ngx_http_faas_sockaddr = { .sun_family = AF_UNIX };


ngx_int_t
ngx_http_faas_peer_init(ngx_http_request_t *r,
    ngx_http_upstream_srv_conf_t *us)
{
    ngx_http_upstream_t  *u;
    ngx_http_faas_ctx_t  *ctx;

    u = r->upstream;
    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);

    ngx_str_set(&ctx->peer_name, "-");

    u->peer.data = ctx;
    u->peer.get = ngx_http_faas_get_peer;
    u->peer.free = ngx_http_faas_free_peer;
    u->peer.tries = 1;
    u->peer.name = &ctx->peer_name;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_get_peer(ngx_peer_connection_t *pc, void *data)
{
    ngx_http_faas_ctx_t *ctx = data;

    int        rc;
    ngx_int_t  n;

    pc->sockaddr = (struct sockaddr *) &ngx_http_faas_sockaddr;
    pc->socklen = sizeof(struct sockaddr_un);
    pc->name = &ctx->peer_name;
    pc->cached = 0;

    if (ctx->failure || ctx->counted || ctx->retries > NGX_HTTP_FAAS_RETRIES)
    {
        ngx_http_faas_fail(ctx, ctx->failure ? ctx->failure
                                             : &ngx_http_faas_err_crashed);
        return ngx_http_faas_stand_in(ctx);
    }

    if (ctx->ticket == FAAS_NIL) {
        ctx->ticket = ngx_http_faas_ticket_take(ctx);

        if (ctx->ticket == FAAS_NIL) {
            ngx_http_faas_fail(ctx, &ngx_http_faas_err_unavailable);
            return ngx_http_faas_stand_in(ctx);
        }

        rc = faas_acquire(&ngx_http_faas_board, ctx->function->index,
                          ctx->ticket, ngx_current_msec, &ctx->lease);

    } else if (ctx->reconnect) {

        /* a kept connection was closed; the environment need not be gone */

        ctx->reconnect = 0;
        ctx->lease.demand = 0;
        rc = FAAS_OK;

    } else {
        rc = faas_retry(&ngx_http_faas_board, ctx->ticket, ngx_current_msec,
                        &ctx->lease);
    }

    n = ngx_http_faas_obtain(ctx, rc);

    if (n == NGX_OK) {
        ngx_http_faas_lease_start(ctx);
        return NGX_DONE;
    }

    return ngx_http_faas_stand_in(ctx);
}


/* ctx->failure by the scoreboard's answer. */

static void
ngx_http_faas_no_lease(ngx_http_faas_ctx_t *ctx, int rc)
{
    switch (rc) {

    case FAAS_THROTTLED:
        ctx->failure = &ngx_http_faas_err_throttled;
        break;

    case FAAS_QUEUE_FULL:
        ctx->failure = &ngx_http_faas_err_queue_full;
        break;

    case FAAS_BACKOFF:
        ngx_http_faas_init_failed(ctx);
        break;

    case FAAS_GONE:
        ctx->failure = &ngx_http_faas_err_gone;
        break;

    default:
        ctx->failure = &ngx_http_faas_err_internal;
        break;
    }
}


/*
 * Follows up on an answer of the scoreboard until there is a connection
 * (NGX_OK), there is nothing to do but wait (NGX_AGAIN), or the request has
 * failed (NGX_DECLINED, ctx->failure is set).
 */

static ngx_int_t
ngx_http_faas_obtain(ngx_http_faas_ctx_t *ctx, int rc)
{
    ngx_int_t  n;

    for ( ;; ) {

        if (rc == FAAS_OK) {

            n = ngx_http_faas_connect(ctx);

            if (n == NGX_OK) {

                if (ctx->lease.demand) {     /* one was found dead */
                    ngx_http_faas_ring(FAAS_BELL_DEMAND,
                                       ctx->function->index);
                }

                return NGX_OK;
            }

            if (n == NGX_ERROR) {

                /* not for want of an environment, which is as good as before */

                ngx_http_faas_give_up(ctx, -1);
                ctx->failure = &ngx_http_faas_err_unavailable;
                return NGX_DECLINED;
            }

            if (++ctx->retries > NGX_HTTP_FAAS_RETRIES) {
                ngx_http_faas_lease_void(ctx);
                ctx->failure = &ngx_http_faas_err_unavailable;
                return NGX_DECLINED;
            }

            rc = faas_retry(&ngx_http_faas_board, ctx->ticket,
                            ngx_current_msec, &ctx->lease);
            continue;
        }

        if (ctx->lease.demand) {
            ngx_http_faas_ring(FAAS_BELL_DEMAND, ctx->function->index);
        }

        if (rc == FAAS_AGAIN) {
            ngx_add_timer(&ctx->timer, ctx->lease.max_wait_ms);
            return NGX_AGAIN;
        }

        ngx_http_faas_no_lease(ctx, rc);

        /* the scoreboard has left the ticket free */

        ngx_http_faas_ticket_free(ctx->ticket);
        ctx->ticket = FAAS_NIL;

        return NGX_DECLINED;
    }
}


/*
 * A Unix socket is connected at once or not at all.  NGX_DECLINED when the
 * environment is gone, NGX_ERROR when this worker has no connection or
 * descriptor left.
 */

static ngx_int_t
ngx_http_faas_connect_new(ngx_http_faas_ctx_t *ctx, ngx_connection_t **c)
{
    int                     off;
    ngx_int_t               rc;
    struct sockaddr_un      addr;
    ngx_peer_connection_t   pc;

    ngx_memzero(&addr, sizeof(struct sockaddr_un));
    addr.sun_family = AF_UNIX;

    (void) ngx_snprintf((u_char *) addr.sun_path, sizeof(addr.sun_path) - 1,
                        "%V/" FAAS_RUN_ENV "/%uD.%uD",
                        ngx_http_faas_run_path(), ctx->lease.env,
                        ctx->lease.generation);

    ngx_memzero(&pc, sizeof(ngx_peer_connection_t));
    pc.sockaddr = (struct sockaddr *) &addr;
    pc.socklen = sizeof(struct sockaddr_un);
    pc.name = &ctx->peer_name;
    pc.get = ngx_event_get_peer;
    pc.log = ctx->request->connection->log;
    pc.log_error = NGX_ERROR_INFO;

    if (ngx_cycle->free_connection_n == 0) {
        (void) ngx_http_faas_conn_spare();
    }

    do {
        rc = ngx_event_connect_peer(&pc);
    } while (rc == NGX_ERROR && ngx_http_faas_conn_spare());

    if (rc != NGX_OK) {

        if (pc.connection) {
            ngx_close_connection(pc.connection);
        }

        return rc == NGX_ERROR ? NGX_ERROR : NGX_DECLINED;
    }

    off = 0;
    (void) setsockopt(pc.connection->fd, SOL_SOCKET, SO_PASSRIGHTS, &off,
                      sizeof(int));

    pc.connection->recv = ngx_http_faas_recv;
    pc.connection->send_chain = ngx_http_faas_send_chain;

    *c = pc.connection;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_connect(ngx_http_faas_ctx_t *ctx)
{
    u_char               *last;
    ngx_int_t             rc;
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;
    rc = NGX_OK;

    last = ngx_sprintf(ctx->peer_text, "%V/%uD.%uD", &ctx->function->name,
                       ctx->lease.env, ctx->lease.generation);
    ctx->peer_name.data = ctx->peer_text;
    ctx->peer_name.len = last - ctx->peer_text;

    c = ngx_http_faas_conn_get(ctx->lease.env, ctx->lease.generation);
    u->peer.cached = (c != NULL);

    if (c == NULL) {
        rc = ngx_http_faas_connect_new(ctx, &c);
    }

    if (rc == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, ctx->request->connection->log, 0,
                      "faas: environment %V is gone, taking another one",
                      &ctx->peer_name);
    }

    if (rc != NGX_OK) {
        return rc;
    }

    u->peer.connection = c;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_stand_in(ngx_http_faas_ctx_t *ctx)
{
    ngx_log_t         *log;
    ngx_pool_t        *pool;
    ngx_connection_t  *c;

    pool = ctx->request->pool;
    log = ctx->request->connection->log;

    c = ctx->stand_in;

    if (c == NULL) {
        c = ngx_pcalloc(pool, sizeof(ngx_connection_t));
        if (c == NULL) {
            return NGX_ERROR;
        }

        c->read = ngx_pcalloc(pool, sizeof(ngx_event_t));
        c->write = ngx_pcalloc(pool, sizeof(ngx_event_t));

        if (c->read == NULL || c->write == NULL) {
            return NGX_ERROR;
        }

        ctx->stand_in = c;
    }

    c->fd = (ngx_socket_t) -1;
    c->log = log;
    c->read->log = log;
    c->read->data = c;
    c->read->index = NGX_INVALID_INDEX;
    c->write->log = log;
    c->write->data = c;
    c->write->index = NGX_INVALID_INDEX;
    c->write->write = 1;

    /* "ready", so that nobody asks the kernel about a socket there is not */

    c->read->ready = 1;
    c->write->ready = 1;
    c->recv = ngx_http_faas_recv_failure;
    c->type = SOCK_STREAM;

    ctx->waiting = c;
    ctx->request->upstream->peer.connection = c;

    if (ctx->failure) {

        /* answered when ngx_http_upstream has begun to wait */

        ngx_post_event(&ctx->timer, &ngx_posted_events);
    }

    return NGX_AGAIN;
}


void
ngx_http_faas_stand_in_drop(ngx_http_faas_ctx_t *ctx)
{
    ngx_connection_t  *c;

    c = ctx->waiting;

    if (c == NULL) {
        return;
    }

    if (ctx->timer.posted) {
        ngx_delete_posted_event(&ctx->timer);
    }

    if (c->read->posted) {
        ngx_delete_posted_event(c->read);
    }

    if (c->read->timer_set) {
        ngx_del_timer(c->read);
    }

    if (c->write->timer_set) {
        ngx_del_timer(c->write);
    }

    if (c->pool) {
        ngx_destroy_pool(c->pool);
        c->pool = NULL;
    }

    ctx->waiting = NULL;
}


/* The real connection takes the place of the one that stood in for it. */

static void
ngx_http_faas_swap(ngx_http_faas_ctx_t *ctx, ngx_connection_t *c)
{
    ngx_connection_t     *old;
    ngx_http_upstream_t  *u;

    u = ctx->request->upstream;
    old = ctx->waiting;

    c->requests++;
    c->data = ctx->request;
    c->read->handler = old->read->handler;
    c->write->handler = old->write->handler;

    c->sendfile &= ctx->request->connection->sendfile;
    u->output.sendfile = c->sendfile;

    if (c->pool == NULL) {
        c->pool = old->pool;
        old->pool = NULL;
    }

    c->log = old->log;
    c->pool->log = c->log;
    c->read->log = c->log;
    c->write->log = c->log;

    u->writer.connection = c;

    ngx_http_faas_stand_in_drop(ctx);
}


/* The scoreboard has decided about a ticket that was waiting. */

void
ngx_http_faas_granted(ngx_http_faas_ctx_t *ctx)
{
    int                  rc;
    ngx_int_t            n;
    ngx_connection_t    *c;
    ngx_http_request_t  *r;

    if (ctx->waiting == NULL || ctx->failure || ctx->ticket == FAAS_NIL) {
        return;
    }

    r = ctx->request;
    c = r->connection;

    ngx_http_set_log_request(c->log, r);

    switch ((uint32_t) ngx_http_faas_board.tickets[ctx->ticket].state) {

    case FAAS_TICKET_WAITING:
        return;

    case FAAS_TICKET_FAILED:
        ngx_http_faas_wait_failed(ctx);
        return;

    default:
        break;
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    rc = faas_lease_get(&ngx_http_faas_board, ctx->ticket, &ctx->lease);

    ctx->lease.demand = 0;

    n = ngx_http_faas_obtain(ctx, rc);

    if (n == NGX_AGAIN) {
        return;
    }

    if (n == NGX_DECLINED) {
        ngx_http_faas_fail_now(ctx, ctx->failure);
        return;
    }

    c = r->upstream->peer.connection;

    ngx_http_faas_swap(ctx, c);
    ngx_http_faas_lease_start(ctx);

    c->write->handler(c->write);
}


/*
 * NGX_PEER_FAILED: ngx_http_upstream gives this one up and asks for another
 * one, which it gets only if not a byte of the event was sent.
 */

static void
ngx_http_faas_free_peer(ngx_peer_connection_t *pc, void *data,
    ngx_uint_t state)
{
    ngx_http_faas_ctx_t *ctx = data;

    ngx_uint_t            single;
    ngx_connection_t     *c;
    ngx_http_upstream_t  *u;

    c = pc->connection;
    u = ctx->request->upstream;

    if (ctx->waiting) {
        ngx_http_faas_stand_in_drop(ctx);
        pc->connection = NULL;
        pc->tries = 0;
        return;
    }

    if (state & NGX_PEER_FAILED) {

        if (ctx->counted || ctx->ended || (c && c->sent)) {

            /* tried again all the same, it gets no environment */

            if (ctx->failure == NULL) {
                ctx->failure = &ngx_http_faas_err_crashed;
            }

            pc->tries = 0;
            return;
        }

        if (ctx->timer.timer_set) {
            ngx_del_timer(&ctx->timer);
        }

        ngx_http_faas_single_remove(&ctx->single);

        ctx->running = 0;
        ctx->reconnect = pc->cached;
        ctx->retries++;
        pc->tries = 1;
        return;
    }

    single = ctx->lease.flags & FAAS_FN_ONE_CONN;

    if (c && ctx->ended && u->keepalive && u->request_body_sent
        && ctx->function->keep_conn
        && !(single && ctx->yielded)
        && ngx_http_faas_conn_keep(c, ctx->lease.env, ctx->lease.generation,
                                   single)
           == NGX_OK)
    {
        pc->connection = NULL;
    }
}
