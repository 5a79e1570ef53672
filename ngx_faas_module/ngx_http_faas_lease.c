/*
 * The beginning and the end of an invocation: what is counted, when the
 * environment is given back, what happens when time is up.
 *
 * Runs in workers; the scoreboard's functions take the function's lock.
 */

#include "ngx_http_faas_stream.h"
#include "ngx_http_faas_verdict.h"


static void ngx_http_faas_incomplete(ngx_http_faas_ctx_t *ctx,
    ngx_int_t rc);


static void
ngx_http_faas_ctx_cleanup(void *data)
{
    /* a mark to find the context by: see ngx_http_faas_get_ctx() */
}


/*
 * An internal redirect (error_page, X-Accel-Redirect) wipes the contexts of
 * modules; what variables say about the invocation has to survive it.
 */

ngx_http_faas_ctx_t *
ngx_http_faas_get_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cln;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);

    if (ctx) {
        return ctx;
    }

    if (!r->internal && !r->filter_finalize) {
        return NULL;
    }

    for (cln = r->pool->cleanup; cln; cln = cln->next) {
        if (cln->handler == ngx_http_faas_ctx_cleanup) {
            ctx = cln->data;

            if (ctx->request == r) {
                return ctx;
            }
        }
    }

    return NULL;
}


ngx_http_faas_ctx_t *
ngx_http_faas_create_ctx(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t   *cln;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_ctx_t));
    cln = ngx_pool_cleanup_add(r->pool, 0);

    if (ctx == NULL || cln == NULL) {
        return NULL;
    }

    cln->handler = ngx_http_faas_ctx_cleanup;
    cln->data = ctx;

    ctx->request = r;
    ctx->ticket = FAAS_NIL;
    ctx->lease.env = FAAS_NIL;
    ctx->rest = -1;
    ctx->timer.handler = ngx_http_faas_timer_handler;
    ctx->timer.data = ctx;
    ctx->timer.log = r->connection->log;

    ngx_http_set_ctx(r, ctx, ngx_http_faas_module);

    return ctx;
}


/* There is a connection; the next thing that happens is the first byte. */

void
ngx_http_faas_lease_start(ngx_http_faas_ctx_t *ctx)
{
    ngx_time_t          *tp;
    ngx_http_request_t  *r;

    r = ctx->request;

    if (ctx->ask && ctx->lease.timeout_ms > NGX_HTTP_FAAS_VERDICT_MS) {
        ctx->lease.timeout_ms = NGX_HTTP_FAAS_VERDICT_MS;
    }

    faas_lease_run(&ngx_http_faas_board, ctx->ticket);

    ngx_memcpy(ngx_http_faas_board.tickets[ctx->ticket].request_id,
               ctx->request_id, FAAS_REQUEST_ID_LEN);

    ctx->running = 1;
    ctx->cold = ctx->lease.cold;
    ctx->answered = ngx_http_faas_board.envs[ctx->lease.env].answered;
    ctx->started_us = faas_now_us();
    ctx->queue_us = ctx->started_us - ctx->arrived_us;

    if (ctx->call) {
        ngx_http_faas_tail_start(ctx);
    }

    if (ctx->deadline) {
        tp = ngx_timeofday();
        (void) ngx_sprintf(ctx->deadline, "%013uL",
                           (uint64_t) tp->sec * 1000 + tp->msec
                           + ctx->lease.timeout_ms);
    }

    ngx_http_faas_cgi_settle(ctx);

    ngx_add_timer(&ctx->timer, ctx->lease.timeout_ms);

    if (ctx->lease.flags & FAAS_FN_ONE_CONN) {
        ngx_http_faas_single_remove(&ctx->single);
        ngx_http_faas_single_add(&ctx->single, r->upstream->peer.connection,
                                 ctx->lease.env, ctx->lease.generation);
        ngx_http_faas_wake(ctx->lease.conn_worker);
    }

    /* a client that leaves now does not stop the function, as on Lambda */

    r->upstream->conf = &ctx->flcf->running;

    if (ctx->flcf->ignore_abort && !r->upstream->store) {
        r->read_event_handler = ngx_http_block_reading;
        r->write_event_handler = ngx_http_request_empty_handler;
    }
}


static void
ngx_http_faas_measure(ngx_http_faas_ctx_t *ctx, faas_outcome_e outcome)
{
    uint64_t  limit;

    if (ctx->measured) {
        return;
    }

    ctx->measured = 1;
    ctx->duration_us = faas_now_us() - ctx->started_us;

    limit = (uint64_t) ctx->lease.timeout_ms * 1000;

    if (outcome == FAAS_OUT_TIMEOUT) {
        ctx->duration_us = limit;    /* contract, section 4.3 */
    }

    ctx->billed_ms = (ctx->duration_us
                      + (ctx->cold ? ctx->lease.init_us : 0) + 999) / 1000;
}


void
ngx_http_faas_lease_end(ngx_http_faas_ctx_t *ctx, faas_outcome_e outcome,
    uint32_t why, int32_t counter)
{
    uint32_t       wake, ring;
    faas_report_t  report;

    if (ctx->counted || ctx->ticket == FAAS_NIL) {
        return;
    }

    ctx->counted = 1;
    ctx->outcome = outcome;
    ctx->running = 0;

    if (ctx->reader.reserved == FAAS_END_LEAVES && !ctx->cgi
        && why == FAAS_WHY_NONE)
    {
        why = FAAS_WHY_CRASHED;
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    ngx_http_faas_measure(ctx, outcome);

    ngx_memzero(&report, sizeof(faas_report_t));

    report.outcome = outcome;
    report.why = why;
    report.count = 1;
    report.cold = ctx->cold;
    report.init_us = ctx->lease.init_us;
    report.duration_us = ctx->duration_us;
    report.memory_mb = ctx->lease.memory_mb;
    report.bytes_in = ctx->bytes_in;
    report.bytes_out = ctx->bytes_out;
    report.queue_us = ctx->queue_us;
    report.counter = counter;

    faas_release(&ngx_http_faas_board, ctx->ticket, &report,
                 ngx_current_msec, &wake, &ring);

    ngx_http_faas_ticket_free(ctx->ticket);
    ctx->ticket = FAAS_NIL;

    if (ctx->single.connection && wake != FAAS_NIL) {
        ngx_http_faas_let_go();
    }

    ngx_http_faas_wake(wake);

    if (ring) {
        ngx_http_faas_ring(why ? FAAS_BELL_KILL : FAAS_BELL_DEMAND,
                           why ? ctx->lease.env : ctx->function->index);
    }
}


/* The environment cannot be reached, and nothing was sent to it. */

void
ngx_http_faas_lease_void(ngx_http_faas_ctx_t *ctx)
{
    uint32_t       wake, ring;
    faas_report_t  report;

    ngx_memzero(&report, sizeof(faas_report_t));
    report.why = FAAS_WHY_CRASHED;
    report.counter = -1;

    faas_release(&ngx_http_faas_board, ctx->ticket, &report,
                 ngx_current_msec, &wake, &ring);

    ngx_http_faas_ticket_free(ctx->ticket);
    ctx->ticket = FAAS_NIL;

    ngx_http_faas_wake(wake);
    ngx_http_faas_ring(FAAS_BELL_KILL, ctx->lease.env);
}


/* The request does not wait, or has a lease it does not use. */

void
ngx_http_faas_give_up(ngx_http_faas_ctx_t *ctx, int32_t counter)
{
    uint32_t  wake, ring;

    if (ctx->ticket == FAAS_NIL) {
        return;
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }

    faas_cancel(&ngx_http_faas_board, ctx->ticket, counter, ngx_current_msec,
                &wake, &ring);

    ngx_http_faas_ticket_free(ctx->ticket);
    ctx->ticket = FAAS_NIL;

    ngx_http_faas_wake(wake);

    if (ring) {
        ngx_http_faas_ring(FAAS_BELL_DEMAND, ctx->function->index);
    }
}


void
ngx_http_faas_abort(ngx_http_request_t *r)
{
    ngx_log_debug0(NGX_LOG_DEBUG_HTTP, r->connection->log, 0,
                   "faas: abort request");
}


/*
 * ngx_http_upstream calls this exactly once, whatever way the request ends,
 * and before it touches the connection.
 */

void
ngx_http_faas_finalize(ngx_http_request_t *r, ngx_int_t rc)
{
    ngx_http_upstream_t  *u;
    ngx_http_faas_ctx_t  *ctx;

    u = r->upstream;
    ctx = u->peer.data;

    if (ctx == NULL) {
        return;
    }

    ngx_http_faas_log_flush(ctx);
    ngx_http_faas_unwatch(ctx);

    if (ctx->stream) {
        ngx_http_faas_stream_stop(ctx);
    }

    ctx->yielded = (ctx->single.connection == NULL);
    ngx_http_faas_single_remove(&ctx->single);

    if (ctx->waiting) {
        ngx_http_faas_stand_in_drop(ctx);
        u->peer.connection = NULL;
    }

    if (ctx->tunnel) {
        ngx_http_faas_tunnel_end(ctx);

    } else if (ctx->ticket != FAAS_NIL) {
        ngx_http_faas_incomplete(ctx, rc);
    }

    if (ctx->timer.timer_set) {
        ngx_del_timer(&ctx->timer);
    }
}


static void
ngx_http_faas_incomplete(ngx_http_faas_ctx_t *ctx, ngx_int_t rc)
{
    int32_t            counter;
    uint32_t           state, why;
    ngx_uint_t         client;
    ngx_connection_t  *c;

    c = ctx->request->connection;
    state = ngx_http_faas_board.tickets[ctx->ticket].state;
    client = (rc == NGX_HTTP_CLIENT_CLOSED_REQUEST || c->error || c->timedout);
    counter = client ? FAAS_CNT_client_aborts : -1;

    if (client && ctx->error.len == 0) {
        ngx_str_set(&ctx->error, "Client.Aborted");
    }

    if (state != FAAS_TICKET_RUNNING) {
        ngx_http_faas_give_up(ctx, counter);
        return;
    }

    if (client) {

        /*
         * What the environment is doing now is for nobody.  But it may do
         * something for others, and an application that was cut off while it
         * answered sees that by itself.
         */

        why = FAAS_WHY_ABORTED;

        if (ctx->lease.capacity > 1
            || (ctx->cgi && ctx->header_done && ctx->flcf->ignore_abort))
        {
            why = FAAS_WHY_NONE;
        }

        ngx_http_faas_lease_end(ctx, FAAS_OUT_ERROR_UNHANDLED, why, counter);
        return;
    }

    if ((ctx->cgi || ctx->flowing) && ctx->header_done
        && (rc == NGX_OK || rc == NGX_DONE || rc == NGX_DECLINED))
    {
        /*
         * Nobody wants the rest: HEAD, 304.  A function that streams would go
         * on with it while it has the next invocation.
         */

        ngx_http_faas_lease_end(ctx, FAAS_OUT_SUCCESS,
                                ctx->flowing ? FAAS_WHY_ABORTED
                                             : FAAS_WHY_NONE, -1);
        return;
    }

    if (ctx->error.len == 0) {
        ngx_str_set(&ctx->error, "Runtime.ExitError");
    }

    ngx_http_faas_lease_end(ctx, FAAS_OUT_CRASH, FAAS_WHY_CRASHED, -1);
}


static void
ngx_http_faas_overtime(ngx_http_faas_ctx_t *ctx)
{
    ngx_uint_t           alive;
    ngx_http_request_t  *r;

    r = ctx->request;

    /* nothing has come so far that would have changed what the log says */

    if (r->upstream->request_body_sent && !r->header_sent) {
        r->connection->log->action = "reading response header from upstream";
    }

    alive = ngx_http_faas_alive(ctx);

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "faas: function \"%V\" timed out after %M ms, "
                  "environment %V %s", &ctx->function->name,
                  (ngx_msec_t) ctx->lease.timeout_ms, &ctx->peer_name,
                  alive ? "has answered others and stays" : "is killed");

    ngx_http_faas_lease_end(ctx, FAAS_OUT_TIMEOUT,
                            alive ? FAAS_WHY_NONE : FAAS_WHY_TIMEOUT, -1);
    ngx_http_faas_fail_now(ctx, &ngx_http_faas_err_timeout);
}


/*
 * Waited too long, no reason for a death came, or the function is too slow.
 * Posted: there was no lease to be had.
 */

void
ngx_http_faas_timer_handler(ngx_event_t *ev)
{
    uint32_t              state;
    ngx_http_request_t   *r;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ev->data;
    r = ctx->request;

    ngx_http_set_log_request(r->connection->log, r);

    if (ctx->post_mortem) {
        ngx_http_faas_unwatch(ctx);
        ngx_http_faas_post_mortem(ctx);
        return;
    }

    if (ctx->waiting && ctx->failure) {
        ngx_http_faas_fail_now(ctx, ctx->failure);
        return;
    }

    if (ctx->waiting) {
        state = ngx_http_faas_board.tickets[ctx->ticket].state;

        if (state != FAAS_TICKET_WAITING) {
            ngx_http_faas_unwatch(ctx);
            ngx_http_faas_granted(ctx);     /* just in time */
            return;
        }

        if (ngx_http_faas_board.tickets[ctx->ticket].cold) {
            ngx_http_faas_give_up(ctx, -1);
            ngx_http_faas_fail_now(ctx, &ngx_http_faas_err_unavailable);

        } else {
            ngx_http_faas_give_up(ctx, FAAS_CNT_throttles_queue_timeout);
            ngx_http_faas_fail_now(ctx, &ngx_http_faas_err_queue_timeout);
        }

        return;
    }

    if (!ctx->running) {
        return;
    }

    ngx_http_faas_overtime(ctx);
}
