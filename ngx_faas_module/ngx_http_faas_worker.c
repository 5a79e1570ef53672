/*
 * This worker in the scoreboard: its slot, its tickets, its mailbox, and the
 * doorbells from and to others.
 *
 * Runs in workers.  The static state belongs to one worker process; tickets
 * of the worker's own range are taken and given back without any lock.
 */

#include "ngx_http_faas.h"

#include <ngx_channel.h>


static void ngx_http_faas_bell_handler(ngx_event_t *ev);
static void ngx_http_faas_mail_handler(ngx_event_t *ev);
static void ngx_http_faas_tick_handler(ngx_event_t *ev);


static uint32_t               ngx_http_faas_slot = FAAS_NIL;
static ngx_socket_t           ngx_http_faas_bell = (ngx_socket_t) -1;
static struct sockaddr_un     ngx_http_faas_own;
static struct sockaddr_un     ngx_http_faas_supervisor_addr;
static ngx_str_t              ngx_http_faas_rundir;

/* what nginx's debug log expects behind a timer */
static ngx_connection_t       ngx_http_faas_dumb = { .fd = -1 };

static ngx_event_t            ngx_http_faas_mail;
static ngx_event_t            ngx_http_faas_tick;

/* contexts by ticket of the own range; a stack of free ones */
static ngx_http_faas_ctx_t  **ngx_http_faas_ctxs;
static uint32_t              *ngx_http_faas_free;
static uint32_t               ngx_http_faas_nfree;

/* contexts that were granted or failed, and those that wait for the reason
   of an environment's end */
static ngx_queue_t            ngx_http_faas_mails;
static ngx_queue_t            ngx_http_faas_deaths;


static ngx_int_t
ngx_http_faas_tickets_init(ngx_cycle_t *cycle)
{
    uint32_t  i, n;

    n = ngx_http_faas_board.head->worker_tickets;

    ngx_http_faas_ctxs = ngx_pcalloc(cycle->pool,
                                     n * sizeof(ngx_http_faas_ctx_t *));
    ngx_http_faas_free = ngx_palloc(cycle->pool, n * sizeof(uint32_t));

    if (ngx_http_faas_ctxs == NULL || ngx_http_faas_free == NULL) {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        ngx_http_faas_free[i] = ngx_http_faas_slot * n + (n - 1 - i);
    }

    ngx_http_faas_nfree = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_bell_bind(ngx_log_t *log)
{
    (void) unlink(ngx_http_faas_own.sun_path);

    if (bind(ngx_http_faas_bell, (struct sockaddr *) &ngx_http_faas_own,
             sizeof(struct sockaddr_un))
        == -1)
    {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "faas: bind() to \"%s\" failed",
                      ngx_http_faas_own.sun_path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static void
ngx_http_faas_bell_close(ngx_socket_t s)
{
    ngx_uint_t         i;
    ngx_connection_t  *c;

    c = ngx_cycle->connections;

    for (i = 0; i < ngx_cycle->connection_n; i++) {
        if (c[i].fd == s && c[i].read
            && c[i].read->handler == ngx_http_faas_bell_handler)
        {
            ngx_close_connection(&c[i]);
            return;
        }
    }
}


static ngx_socket_t
ngx_http_faas_bell_open(ngx_log_t *log)
{
    ngx_socket_t  s;

    s = socket(AF_UNIX, SOCK_DGRAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (s == (ngx_socket_t) -1) {
        ngx_log_error(NGX_LOG_ALERT, log, ngx_socket_errno,
                      "faas: socket() failed");
    }

    return s;
}


/*
 * The folder was removed and made again: a socket that has had a name cannot
 * get another one, so a new one takes the old descriptor's place.
 */

static void
ngx_http_faas_rebind(ngx_log_t *log)
{
    ngx_socket_t  s, old;

    s = socket(AF_UNIX, SOCK_DGRAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);
    if (s == (ngx_socket_t) -1) {
        return;
    }

    if (bind(s, (struct sockaddr *) &ngx_http_faas_own,
             sizeof(struct sockaddr_un))
        == -1)
    {
        (void) ngx_close_socket(s);
        return;                      /* no folder yet */
    }

    old = ngx_http_faas_bell;

    if (ngx_add_channel_event((ngx_cycle_t *) ngx_cycle, s, NGX_READ_EVENT,
                              ngx_http_faas_bell_handler)
        == NGX_ERROR)
    {
        (void) ngx_close_socket(s);
        return;
    }

    ngx_http_faas_bell = s;

    ngx_http_faas_bell_close(old);

    ngx_log_error(NGX_LOG_WARN, log, 0,
                  "faas: \"%s\" was removed, made it again",
                  ngx_http_faas_own.sun_path);
}


static void
ngx_http_faas_addr(struct sockaddr_un *addr, ngx_str_t *dir, char *name,
    ngx_int_t n)
{
    u_char  *last;

    ngx_memzero(addr, sizeof(struct sockaddr_un));
    addr->sun_family = AF_UNIX;

    last = ngx_snprintf((u_char *) addr->sun_path, sizeof(addr->sun_path) - 1,
                        "%V/%s", dir, name);

    if (n >= 0) {
        (void) ngx_snprintf(last, (u_char *) addr->sun_path
                                  + sizeof(addr->sun_path) - 1 - last,
                            "/%i", n);
    }
}


static ngx_int_t
ngx_http_faas_register(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf)
{
    int32_t  master;

    master = ngx_process == NGX_PROCESS_SINGLE ? ngx_pid : getppid();

    ngx_http_faas_slot =
        faas_worker_register(&ngx_http_faas_board, ngx_pid,
                             faas_process_start_time(ngx_pid), master,
                             faas_process_start_time(master),
                             fmcf->generation);

    if (ngx_http_faas_slot == FAAS_NIL) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "faas: all %uD worker slots of the scoreboard are in "
                      "use, this worker cannot serve functions",
                      ngx_http_faas_board.head->max_workers);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* Whose doorbell is rung; the master knows it before there are workers. */

void
ngx_http_faas_bell_to(ngx_http_faas_main_conf_t *fmcf)
{
    ngx_http_faas_rundir = fmcf->run_dir;

    if (fmcf->external && fmcf->supervisor.len) {
        ngx_memzero(&ngx_http_faas_supervisor_addr,
                    sizeof(struct sockaddr_un));
        ngx_http_faas_supervisor_addr.sun_family = AF_UNIX;
        ngx_cpystrn((u_char *) ngx_http_faas_supervisor_addr.sun_path,
                    fmcf->supervisor.data,
                    sizeof(ngx_http_faas_supervisor_addr.sun_path));

    } else {
        ngx_http_faas_addr(&ngx_http_faas_supervisor_addr, &fmcf->run_dir,
                           FAAS_RUN_DOORBELL, -1);
    }
}


ngx_int_t
ngx_http_faas_worker_init(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf)
{
    ngx_queue_init(&ngx_http_faas_mails);
    ngx_queue_init(&ngx_http_faas_deaths);

    ngx_http_faas_bell_to(fmcf);

    if (ngx_http_faas_register(cycle, fmcf) != NGX_OK
        || ngx_http_faas_tickets_init(cycle) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_faas_addr(&ngx_http_faas_own, &fmcf->run_dir, FAAS_RUN_WORKERS,
                       ngx_http_faas_slot);

    ngx_http_faas_bell = ngx_http_faas_bell_open(cycle->log);

    if (ngx_http_faas_bell == (ngx_socket_t) -1
        || ngx_http_faas_bell_bind(cycle->log) != NGX_OK
        || ngx_add_channel_event(cycle, ngx_http_faas_bell, NGX_READ_EVENT,
                                 ngx_http_faas_bell_handler)
           == NGX_ERROR)
    {
        ngx_http_faas_worker_exit(cycle);
        return NGX_ERROR;
    }

    ngx_http_faas_mail.handler = ngx_http_faas_mail_handler;
    ngx_http_faas_mail.log = cycle->log;
    ngx_http_faas_mail.data = &ngx_http_faas_mails;

    ngx_http_faas_tick.handler = ngx_http_faas_tick_handler;
    ngx_http_faas_tick.log = cycle->log;
    ngx_http_faas_tick.data = &ngx_http_faas_dumb;
    ngx_http_faas_tick.cancelable = 1;
    ngx_add_timer(&ngx_http_faas_tick, 1000);

    ngx_http_faas_ring(FAAS_BELL_WORKER, ngx_http_faas_slot);

    return NGX_OK;
}


void
ngx_http_faas_worker_exit(ngx_cycle_t *cycle)
{
    faas_worker_t  *w;

    if (ngx_http_faas_slot == FAAS_NIL) {
        return;
    }

    w = &ngx_http_faas_board.workers[ngx_http_faas_slot];

    if (ngx_http_faas_own.sun_path[0]) {
        (void) unlink(ngx_http_faas_own.sun_path);
    }

    /* the supervisor frees the slot, and what may still be in it */

    atomic_store(&w->exited, 1);

    ngx_http_faas_ring(FAAS_BELL_WORKER, ngx_http_faas_slot);

    ngx_http_faas_slot = FAAS_NIL;
}


uint32_t
ngx_http_faas_ticket_take(ngx_http_faas_ctx_t *ctx)
{
    uint32_t  ticket;

    if (ngx_http_faas_slot == FAAS_NIL || ngx_http_faas_nfree == 0) {
        return FAAS_NIL;
    }

    ticket = ngx_http_faas_free[--ngx_http_faas_nfree];

    ngx_http_faas_ctxs[ticket
                       - ngx_http_faas_slot
                         * ngx_http_faas_board.head->worker_tickets] = ctx;

    return ticket;
}


void
ngx_http_faas_ticket_free(uint32_t ticket)
{
    uint32_t  i;

    if (ngx_http_faas_slot == FAAS_NIL) {
        return;
    }

    i = ticket
        - ngx_http_faas_slot * ngx_http_faas_board.head->worker_tickets;

    ngx_http_faas_ctxs[i] = NULL;
    ngx_http_faas_free[ngx_http_faas_nfree++] = ticket;
}


ngx_http_faas_ctx_t *
ngx_http_faas_ticket_ctx(uint32_t ticket)
{
    uint32_t  i;

    if (ngx_http_faas_slot == FAAS_NIL) {
        return NULL;
    }

    i = ticket
        - ngx_http_faas_slot * ngx_http_faas_board.head->worker_tickets;

    if (i >= ngx_http_faas_board.head->worker_tickets) {
        return NULL;
    }

    return ngx_http_faas_ctxs[i];
}


/*
 * A full queue (EAGAIN) is as good as delivery: whoever reads what is in it
 * will look everything over.  A socket that is not there belongs to a process
 * that is not there; its successor looks everything over, too.
 */

static void
ngx_http_faas_send_bell(struct sockaddr_un *addr, void *buf, size_t len)
{
    ngx_socket_t  s;

    s = ngx_http_faas_bell;

    if (s == (ngx_socket_t) -1) {
        s = ngx_http_faas_bell_open(ngx_cycle->log);     /* the master */
        if (s == (ngx_socket_t) -1) {
            return;
        }
    }

    if (sendto(s, buf, len, MSG_DONTWAIT|MSG_NOSIGNAL,
               (struct sockaddr *) addr, sizeof(struct sockaddr_un))
        == -1)
    {
        ngx_log_debug2(NGX_LOG_DEBUG_HTTP, ngx_cycle->log, ngx_socket_errno,
                       "faas: doorbell \"%s\" %uz", addr->sun_path, len);
    }

    if (s != ngx_http_faas_bell) {
        (void) ngx_close_socket(s);
    }
}


void
ngx_http_faas_ring(uint32_t type, uint32_t arg)
{
    faas_bell_t  bell;

    if (ngx_http_faas_supervisor_addr.sun_path[0] == '\0') {
        return;
    }

    bell.type = type;
    bell.arg = arg;

    ngx_http_faas_send_bell(&ngx_http_faas_supervisor_addr, &bell,
                            sizeof(faas_bell_t));
}


void
ngx_http_faas_wake(uint32_t worker)
{
    struct sockaddr_un  addr;

    if (worker == FAAS_NIL) {
        return;
    }

    if (worker == ngx_http_faas_slot) {
        if (!ngx_http_faas_mail.posted) {
            ngx_post_event(&ngx_http_faas_mail, &ngx_posted_events);
        }

        return;
    }

    ngx_http_faas_addr(&addr, &ngx_http_faas_rundir, FAAS_RUN_WORKERS, worker);

    ngx_http_faas_send_bell(&addr, "", 1);
}


void
ngx_http_faas_let_go(void)
{
    ngx_http_faas_singles_yield(ngx_http_faas_slot);
}


ngx_str_t *
ngx_http_faas_run_path(void)
{
    return &ngx_http_faas_rundir;
}


void
ngx_http_faas_watch(ngx_http_faas_ctx_t *ctx)
{
    ngx_queue_insert_tail(&ngx_http_faas_deaths, &ctx->queue);
    ctx->mailed = 1;
}


void
ngx_http_faas_unwatch(ngx_http_faas_ctx_t *ctx)
{
    if (ctx->mailed) {
        ngx_queue_remove(&ctx->queue);
        ctx->mailed = 0;
    }
}


static void
ngx_http_faas_bell_handler(ngx_event_t *ev)
{
    u_char             buf[64];
    ssize_t            n;
    ngx_connection_t  *c;

    c = ev->data;

    do {
        n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
    } while (n >= 0 || ngx_socket_errno == NGX_EINTR);

    ngx_http_faas_singles_yield(ngx_http_faas_slot);
    ngx_http_faas_mail_handler(ev);
}


/* From the mailbox to the list: in order, each once. */

static void
ngx_http_faas_mail_sort(uint32_t ticket)
{
    ngx_http_faas_ctx_t  *ctx;

    for ( /* void */ ; ticket != FAAS_NIL;
         ticket = ngx_http_faas_board.tickets[ticket].mail_list)
    {
        ctx = ngx_http_faas_ticket_ctx(ticket);

        if (ctx && !ctx->mailed) {
            ngx_queue_insert_tail(&ngx_http_faas_mails, &ctx->queue);
            ctx->mailed = 1;
        }
    }
}


/*
 * Serving one request may end others that are in the list as well, so only
 * its head is ever trusted.
 */

static void
ngx_http_faas_mail_handler(ngx_event_t *ev)
{
    ngx_queue_t          *q, dead;
    ngx_http_faas_ctx_t  *ctx;

    if (ngx_http_faas_slot == FAAS_NIL) {
        return;
    }

    ngx_http_faas_mail_sort(faas_mailbox_take(&ngx_http_faas_board,
                                              ngx_http_faas_slot));

    while (!ngx_queue_empty(&ngx_http_faas_mails)) {
        q = ngx_queue_head(&ngx_http_faas_mails);
        ctx = ngx_queue_data(q, ngx_http_faas_ctx_t, queue);

        ngx_http_faas_unwatch(ctx);
        ngx_http_faas_granted(ctx);
    }

    if (ngx_queue_empty(&ngx_http_faas_deaths)) {
        return;
    }

    /* those whose reason is not known yet go back to the list */

    ngx_queue_init(&dead);
    ngx_queue_add(&dead, &ngx_http_faas_deaths);
    ngx_queue_init(&ngx_http_faas_deaths);

    while (!ngx_queue_empty(&dead)) {
        q = ngx_queue_head(&dead);
        ctx = ngx_queue_data(q, ngx_http_faas_ctx_t, queue);

        ngx_http_faas_unwatch(ctx);
        ngx_http_faas_post_mortem(ctx);
    }
}


/*
 * Once a second: a wake-up whose sender died, a run directory somebody
 * cleaned up.
 */

static void
ngx_http_faas_tick_handler(ngx_event_t *ev)
{
    uint32_t              i, state;
    struct stat           st;
    ngx_http_faas_ctx_t  *ctx;

    if (ngx_http_faas_slot == FAAS_NIL) {
        return;
    }

    for (i = 0; i < ngx_http_faas_board.head->worker_tickets; i++) {
        ctx = ngx_http_faas_ctxs[i];

        if (ctx == NULL || ctx->waiting == NULL || ctx->mailed
            || ctx->ticket == FAAS_NIL)
        {
            continue;
        }

        if (ngx_http_faas_board.tickets[ctx->ticket].mailed) {
            ngx_http_faas_mail_sort(
                faas_mail_unstick(&ngx_http_faas_board, ngx_http_faas_slot,
                                  ctx->ticket));
        }

        if (ctx->mailed) {
            continue;
        }

        state = ngx_http_faas_board.tickets[ctx->ticket].state;

        if (state == FAAS_TICKET_GRANTED || state == FAAS_TICKET_FAILED) {
            ngx_queue_insert_tail(&ngx_http_faas_mails, &ctx->queue);
            ctx->mailed = 1;
        }
    }

    ngx_http_faas_singles_yield(ngx_http_faas_slot);
    ngx_http_faas_mail_handler(ev);

    if (stat(ngx_http_faas_own.sun_path, &st) == -1
        && ngx_errno == NGX_ENOENT)
    {
        ngx_http_faas_rebind(ev->log);
    }

    ngx_add_timer(ev, 1000);
}
