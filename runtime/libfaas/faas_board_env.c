/*
 * The supervisor's hand in a function's lists: environments come, go and
 * change version, waiters fail, dead workers are cleaned up after.
 *
 * Runs in the supervisor; each call takes the function's lock.
 */

#include <string.h>

#include "faas_board_lists.h"


void
faas_env_ready(faas_board_t *board, uint32_t index, uint64_t now_ms,
    uint32_t *wake)
{
    uint32_t     f;
    faas_fn_t   *fn;
    faas_env_t  *env;

    env = &board->envs[index];
    f = env->fn;
    *wake = FAAS_NIL;

    if (f >= board->head->max_functions
        || faas_fn_lock(board, f) != FAAS_OK)
    {
        return;
    }

    fn = &board->fns[f];

    if (env->state == FAAS_ENV_INIT) {
        env->idle_ms = now_ms;

        if (env->version == fn->version) {
            if (fn->n_starting > 0) {
                fn->n_starting--;
            }

            fn->backoff_until_ms = 0;
            fn->init_why = FAAS_WHY_NONE;
            fn->init_error[0] = '\0';

            env->state = FAAS_ENV_IDLE;
            faas_idle_push(board, fn, index);
            *wake = faas_dispatch(board, fn, now_ms);

            /* room for more than one: the supervisor rings those workers */

            while (faas_dispatch(board, fn, now_ms) != FAAS_NIL) {
                /* void */
            }

        } else {
            env->state = FAAS_ENV_READY;
        }
    }

    faas_fn_unlock(board, f);
}


void
faas_env_assign(faas_board_t *board, uint32_t index, uint32_t f,
    uint32_t version)
{
    faas_fn_t   *fn;
    faas_env_t  *env;

    if (faas_fn_lock(board, f) != FAAS_OK) {
        return;
    }

    fn = &board->fns[f];
    env = &board->envs[index];

    env->fn = f;
    env->version = version;
    env->listed = 0;
    env->inflight = 0;
    env->requests = 0;
    env->cold = 1;
    env->init_us = 0;
    env->kill = FAAS_WHY_NONE;
    env->why = FAAS_WHY_NONE;
    env->conn_worker = FAAS_NIL;

    faas_commit_env(board, fn, index, FAAS_ENV_INIT,
                    FAAS_CNT_environments_started, FAAS_CNT_N);

    if (version == fn->version) {
        fn->n_envs++;
        fn->n_starting++;
    }

    faas_fn_unlock(board, f);
}


int
faas_env_drain(faas_board_t *board, uint32_t index, uint32_t why, int force)
{
    int          rc;
    uint32_t     f;
    faas_env_t  *env;

    env = &board->envs[index];
    f = env->fn;

    if (f >= board->head->max_functions) {
        env->kill = why;                      /* a blank: ours alone */
        env->state = FAAS_ENV_DRAIN;
        return 1;
    }

    if (faas_fn_lock(board, f) != FAAS_OK) {
        return 0;
    }

    rc = 1;

    switch ((uint32_t) env->state) {

    case FAAS_ENV_BUSY:
        if (!force) {
            rc = 0;
            break;
        }

        /* fall through */

    case FAAS_ENV_INIT:
    case FAAS_ENV_READY:
    case FAAS_ENV_IDLE:
        env->kill = why;
        faas_env_leave(board, &board->fns[f], index, FAAS_ENV_DRAIN);
        break;

    default:
        break;
    }

    faas_fn_unlock(board, f);

    return rc;
}


void
faas_env_dead(faas_board_t *board, uint32_t index, uint32_t why,
    int32_t exit_code)
{
    uint32_t     f;
    faas_env_t  *env;

    env = &board->envs[index];
    f = env->fn;

    env->exit_code = exit_code;
    env->why = why;

    if (f >= board->head->max_functions) {
        env->state = FAAS_ENV_DEAD;
        return;
    }

    if (faas_fn_lock(board, f) != FAAS_OK) {
        return;
    }

    /* a supervisor that comes after one that died here has been told twice */

    if (env->state != FAAS_ENV_DEAD) {
        faas_env_leave(board, &board->fns[f], index, FAAS_ENV_DRAIN);
        faas_commit_env(board, &board->fns[f], index, FAAS_ENV_DEAD,
                        FAAS_CNT_environments_ended,
                        why == FAAS_WHY_OOM ? FAAS_CNT_out_of_memory
                                            : FAAS_CNT_N);
    }

    faas_fn_unlock(board, f);
}


/*
 * With the lock: a worker that has found the environment by its generation
 * writes its state until it has let go of the lock, and who repairs after a
 * dead one does.
 */

void
faas_env_free(faas_board_t *board, uint32_t index)
{
    int          locked;
    uint32_t     f;
    faas_env_t  *env;

    env = &board->envs[index];
    f = env->fn;
    locked = f < board->head->max_functions
             && faas_fn_lock(board, f) == FAAS_OK;

    env->generation++;
    env->pid = 0;
    env->start_time = 0;
    env->fn = FAAS_NIL;
    env->version = 0;
    env->kill = FAAS_WHY_NONE;
    env->listed = 0;
    env->inflight = 0;

    atomic_store_explicit(&env->state, FAAS_ENV_FREE, memory_order_release);

    if (locked) {
        faas_fn_unlock(board, f);
    }
}


uint32_t
faas_fn_demand(faas_board_t *board, uint32_t f)
{
    uint32_t    room, wait, need, most;
    uint64_t    now;
    faas_fn_t  *fn;

    if (board->fns[f].state != FAAS_FN_LIVE
        || faas_fn_lock(board, f) != FAAS_OK)
    {
        return 0;
    }

    fn = &board->fns[f];
    now = faas_now_ms();
    need = 0;

    /*
     * Normally a release has done this; after a repair, or when the limit
     * was raised, there may be both waiters and idle environments.  The
     * supervisor's tick rings the workers of tickets granted here.
     */

    while (faas_dispatch(board, fn, now) != FAAS_NIL) {
        /* void */
    }

    if (now >= fn->backoff_until_ms && fn->capacity != 0) {
        room = fn->concurrency > fn->n_leases
               ? fn->concurrency - fn->n_leases : 0;
        wait = fn->n_waiting < room ? fn->n_waiting : room;
        need = (wait + fn->capacity - 1) / fn->capacity;
        need = need > fn->n_starting ? need - fn->n_starting : 0;

        most = (fn->concurrency + fn->capacity - 1) / fn->capacity;
        most = most > fn->n_envs ? most - fn->n_envs : 0;

        if (need > most) {
            need = most;
        }
    }

    faas_fn_unlock(board, f);

    return need;
}


int
faas_fn_fail_one(faas_board_t *board, uint32_t f, uint32_t why,
    uint32_t *wake)
{
    int         rc;
    uint32_t    ticket;
    faas_fn_t  *fn;

    *wake = FAAS_NIL;

    if (faas_fn_lock(board, f) != FAAS_OK) {
        return 0;
    }

    fn = &board->fns[f];
    ticket = fn->wait_head;
    rc = 0;

    if (ticket != FAAS_NIL) {
        faas_wait_remove(board, fn, ticket);
        board->tickets[ticket].why = why;
        atomic_store_explicit(&board->tickets[ticket].state,
                              FAAS_TICKET_FAILED, memory_order_release);
        *wake = faas_mail(board, ticket);
        rc = 1;
    }

    faas_fn_unlock(board, f);

    return rc;
}


uint32_t
faas_fn_switch(faas_board_t *board, uint32_t f, uint32_t version,
    const faas_fn_t *limits, uint64_t now_ms, uint32_t *wakes, uint32_t n)
{
    uint32_t    used;
    faas_fn_t  *fn;

    if (faas_fn_lock(board, f) != FAAS_OK) {
        return 0;
    }

    fn = &board->fns[f];

    fn->version = version;
    fn->flags = limits->flags;
    fn->concurrency = limits->concurrency;
    fn->capacity = limits->capacity ? limits->capacity : 1;
    fn->queue_max = limits->queue_max;
    fn->queue_timeout_ms = limits->queue_timeout_ms;
    fn->init_timeout_ms = limits->init_timeout_ms;
    fn->timeout_ms = limits->timeout_ms;
    fn->memory_mb = limits->memory_mb;
    fn->max_requests = limits->max_requests;
    fn->provisioned = limits->provisioned;
    memcpy(fn->arn, limits->arn, sizeof(fn->arn));
    fn->arn[sizeof(fn->arn) - 1] = '\0';
    fn->backoff_until_ms = 0;
    fn->init_why = FAAS_WHY_NONE;
    fn->init_error[0] = '\0';

    /* what is derived follows from the version: make it anew */
    faas_fn_repair(board, f);

    fn->state = FAAS_FN_LIVE;

    for (used = 0; used < n; used++) {
        wakes[used] = faas_dispatch(board, fn, now_ms);

        if (wakes[used] == FAAS_NIL) {
            break;
        }
    }

    faas_fn_unlock(board, f);

    return used;
}


/* The caller holds the lock of the ticket's function. */

static void
faas_ticket_cleanup(faas_board_t *board, uint32_t ticket)
{
    uint32_t        requests;
    faas_fn_t      *fn;
    faas_env_t     *env;
    faas_report_t   report;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    fn = &board->fns[t->fn];

    switch ((uint32_t) t->state) {

    case FAAS_TICKET_WAITING:
        faas_wait_remove(board, fn, ticket);
        t->state = FAAS_TICKET_FREE;
        break;

    case FAAS_TICKET_GRANTED:

        /* no event byte was sent: the environment is as good as before */

        faas_env_unused(board, t);
        t->state = FAAS_TICKET_FREE;
        faas_lease_drop(board, fn, ticket, FAAS_WHY_NONE);
        break;

    case FAAS_TICKET_RUNNING:
        memset(&report, 0, sizeof(faas_report_t));
        report.counter = FAAS_CNT_workers_lost;
        report.count = 1;
        report.outcome = FAAS_OUT_CRASH;
        report.memory_mb = fn->memory_mb;

        requests = FAAS_NIL;

        env = faas_ticket_env(board, t);

        if (env != NULL) {
            requests = env->requests;
            report.duration_us = (faas_now_ms() - env->busy_ms) * 1000;

            if (env->kill == FAAS_WHY_NONE) {
                env->kill = FAAS_WHY_WORKER_LOST;
            }
        }

        report.cold = (requests == 0);
        faas_commit(board, fn, &report, ticket);
        faas_lease_drop(board, fn, ticket, FAAS_WHY_WORKER_LOST);
        break;

    default:
        t->state = FAAS_TICKET_FREE;
        break;
    }
}


void
faas_worker_cleanup(faas_board_t *board, uint32_t worker, uint64_t now_ms)
{
    uint32_t        i, f, first;
    faas_worker_t  *w;
    faas_ticket_t  *t;

    w = &board->workers[worker];
    first = worker * board->head->worker_tickets;

    for (i = first; i < first + board->head->worker_tickets; i++) {
        t = &board->tickets[i];
        f = t->fn;

        if (t->state == FAAS_TICKET_FREE || f >= board->head->max_functions) {
            continue;
        }

        if (faas_fn_lock(board, f) != FAAS_OK) {
            continue;
        }

        if (t->state != FAAS_TICKET_FREE) {
            faas_ticket_cleanup(board, i);

            /* others may wait for what this one held; the tick rings them */
            (void) faas_dispatch(board, &board->fns[f], now_ms);
        }

        faas_fn_unlock(board, f);
    }

    for (i = first; i < first + board->head->worker_tickets; i++) {
        if (board->tickets[i].mailed) {
            board->tickets[i].mailed = 0;
        }
    }

    w->mailbox = FAAS_NIL;
    w->exited = 0;
    w->start_time = 0;
    w->master_pid = 0;
    w->master_start_time = 0;
    w->generation = 0;

    atomic_store_explicit(&w->pid, 0, memory_order_release);
}
