/*
 * Leases as a worker sees them: ask, run, give back, give up.
 *
 * Runs in nginx workers (and in tests); each call takes the function's lock
 * for a few instructions.
 */

#include <string.h>

#include "faas_board_lists.h"


/* a waiter behind a start waits for two init limits: contract 4.1, the one
   retry, and some room for the supervisor to come back after a crash */
#define FAAS_START_SLACK_MS   3000

#define FAAS_INIT_TIMEOUT_MS  10000


static void
faas_lease_fill(faas_board_t *board, faas_fn_t *fn, uint32_t ticket,
    faas_lease_t *lease)
{
    faas_env_t     *env;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    env = &board->envs[t->env];

    lease->env = t->env;
    lease->generation = t->env_generation;
    lease->version = env->version;
    lease->flags = fn->flags;
    lease->timeout_ms = fn->timeout_ms;
    lease->memory_mb = fn->memory_mb;
    lease->capacity = fn->capacity;
    lease->conn_worker = t->conn_worker;
    lease->cold = env->cold;
    lease->init_us = env->init_us;
    env->cold = 0;
}


/* Whether environments may be added, and whether there are too few on the
   way for those who wait. */

static uint32_t
faas_wants_more(faas_fn_t *fn)
{
    uint32_t  wait, room;

    if (fn->version == 0) {
        return fn->n_waiting > 0;
    }

    room = fn->concurrency > fn->n_leases ? fn->concurrency - fn->n_leases
                                          : 0;
    wait = fn->n_waiting < room ? fn->n_waiting : room;

    return wait > fn->n_starting * fn->capacity;
}


/*
 * Without an idle environment: wait for one that is started, or in the queue
 * of those who are over the concurrency limit, or be refused.
 */

static int
faas_enqueue(faas_board_t *board, faas_fn_t *fn, uint32_t ticket,
    uint64_t now_ms, int head, faas_lease_t *lease)
{
    uint32_t        over, init;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    init = fn->init_timeout_ms ? fn->init_timeout_ms : FAAS_INIT_TIMEOUT_MS;

    if (fn->version != 0) {

        if (fn->concurrency == 0) {
            fn->counters[FAAS_CNT_throttles_concurrency]++;
            return FAAS_THROTTLED;
        }

        if (fn->n_envs == 0 && now_ms < fn->backoff_until_ms) {
            return FAAS_BACKOFF;
        }
    }

    if (fn->version == 0 || fn->n_leases + fn->n_waiting < fn->concurrency
        || head)
    {
        lease->max_wait_ms = 2 * init + FAAS_START_SLACK_MS;
        t->cold = 1;

    } else {
        over = fn->n_leases + fn->n_waiting - fn->concurrency;

        if (fn->queue_max == 0) {
            fn->counters[FAAS_CNT_throttles_concurrency]++;
            return FAAS_THROTTLED;
        }

        if (over >= fn->queue_max) {
            fn->counters[FAAS_CNT_throttles_queue_full]++;
            return FAAS_QUEUE_FULL;
        }

        lease->max_wait_ms = fn->queue_timeout_ms;
        t->cold = 0;
    }

    t->env = FAAS_NIL;

    if (!head) {
        t->sequence = atomic_fetch_add(&board->head->sequence, 1);
    }

    atomic_store_explicit(&t->state, FAAS_TICKET_WAITING,
                          memory_order_relaxed);

    if (head) {
        faas_wait_prepend(board, fn, ticket);

    } else {
        faas_wait_append(board, fn, ticket);
    }

    lease->demand = faas_wants_more(fn);

    return FAAS_AGAIN;
}


static int
faas_acquire_locked(faas_board_t *board, faas_fn_t *fn, uint32_t ticket,
    uint64_t now_ms, int head, faas_lease_t *lease)
{
    lease->demand = 0;
    lease->max_wait_ms = 0;

    if (fn->state == FAAS_FN_REMOVED) {
        return FAAS_GONE;
    }

    if (fn->idle_head != FAAS_NIL && fn->n_leases < fn->concurrency
        && (fn->wait_head == FAAS_NIL || head))
    {
        faas_grant(board, fn, ticket, now_ms);
        faas_lease_fill(board, fn, ticket, lease);
        return FAAS_OK;
    }

    return faas_enqueue(board, fn, ticket, now_ms, head, lease);
}


int
faas_acquire(faas_board_t *board, uint32_t index, uint32_t ticket,
    uint64_t now_ms, faas_lease_t *lease)
{
    int             rc;
    faas_ticket_t  *t;

    if (faas_fn_lock(board, index) != FAAS_OK) {
        return FAAS_ERROR;
    }

    t = &board->tickets[ticket];
    t->fn = index;
    t->env = FAAS_NIL;
    t->why = FAAS_WHY_NONE;

    rc = faas_acquire_locked(board, &board->fns[index], ticket, now_ms, 0,
                             lease);

    faas_fn_unlock(board, index);

    return rc;
}


int
faas_lease_get(faas_board_t *board, uint32_t ticket, faas_lease_t *lease)
{
    int             rc;
    uint32_t        index;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    index = t->fn;

    if (faas_fn_lock(board, index) != FAAS_OK) {
        return FAAS_ERROR;
    }

    rc = FAAS_ERROR;

    if (t->state == FAAS_TICKET_GRANTED) {
        faas_lease_fill(board, &board->fns[index], ticket, lease);
        rc = FAAS_OK;
    }

    faas_fn_unlock(board, index);

    return rc;
}


/* Only the ticket's own worker moves it from GRANTED to RUNNING. */

void
faas_lease_run(faas_board_t *board, uint32_t ticket)
{
    atomic_store_explicit(&board->tickets[ticket].state, FAAS_TICKET_RUNNING,
                          memory_order_release);
}


/*
 * To the oldest waiter.  The worker of TICKET sees who has the environment
 * now and lets go of its connection by itself.
 */

static uint32_t
faas_hand_over(faas_board_t *board, faas_fn_t *fn, uint32_t ticket,
    uint64_t now_ms)
{
    uint32_t  next, wake;

    next = fn->wait_head;
    wake = faas_dispatch(board, fn, now_ms);

    if (wake != FAAS_NIL && board->tickets[next].conn_worker
                            == ticket / board->head->worker_tickets)
    {
        board->tickets[next].conn_worker = FAAS_NIL;
    }

    return wake;
}


void
faas_release(faas_board_t *board, uint32_t ticket,
    const faas_report_t *report, uint64_t now_ms, uint32_t *wake,
    uint32_t *ring)
{
    uint32_t        index;
    faas_fn_t      *fn;
    faas_env_t     *env;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    index = t->fn;
    *wake = FAAS_NIL;
    *ring = 0;

    if (faas_fn_lock(board, index) != FAAS_OK) {
        return;
    }

    fn = &board->fns[index];

    if (t->state != FAAS_TICKET_GRANTED && t->state != FAAS_TICKET_RUNNING) {
        faas_fn_unlock(board, index);
        return;
    }

    env = faas_ticket_env(board, t);

    if (env != NULL) {
        env->idle_ms = now_ms;
        env->answered += (report->outcome == FAAS_OUT_SUCCESS);

        if (report->why != FAAS_WHY_NONE && env->kill == FAAS_WHY_NONE) {
            env->kill = report->why;     /* before the count: see repair */
        }
    }

    faas_commit(board, fn, report, ticket);

    faas_lease_drop(board, fn, ticket, report->why);

    *wake = faas_hand_over(board, fn, ticket, now_ms);

    if ((env != NULL && env->state >= FAAS_ENV_DRAIN)
        || faas_wants_more(fn))
    {
        *ring = 1;
    }

    faas_fn_unlock(board, index);
}


void
faas_cancel(faas_board_t *board, uint32_t ticket, int32_t counter,
    uint64_t now_ms, uint32_t *wake, uint32_t *ring)
{
    uint32_t        index;
    faas_fn_t      *fn;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    index = t->fn;
    *wake = FAAS_NIL;
    *ring = 0;

    if (t->state == FAAS_TICKET_FREE
        || faas_fn_lock(board, index) != FAAS_OK)
    {
        return;
    }

    fn = &board->fns[index];

    if (counter >= 0 && counter < FAAS_CNT_N) {
        fn->counters[counter]++;
    }

    switch ((uint32_t) t->state) {

    case FAAS_TICKET_WAITING:
        faas_wait_remove(board, fn, ticket);
        t->state = FAAS_TICKET_FREE;
        break;

    case FAAS_TICKET_GRANTED:
        faas_env_unused(board, t);
        t->state = FAAS_TICKET_FREE;
        faas_lease_drop(board, fn, ticket, FAAS_WHY_NONE);
        *wake = faas_dispatch(board, fn, now_ms);
        *ring = faas_wants_more(fn);
        break;

    default:
        t->state = FAAS_TICKET_FREE;
        break;
    }

    faas_fn_unlock(board, index);
}


int
faas_retry(faas_board_t *board, uint32_t ticket, uint64_t now_ms,
    faas_lease_t *lease)
{
    int             rc;
    uint32_t        index;
    faas_fn_t      *fn;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    index = t->fn;

    if (faas_fn_lock(board, index) != FAAS_OK) {
        return FAAS_ERROR;
    }

    fn = &board->fns[index];

    fn->counters[FAAS_CNT_retries]++;

    if (t->state == FAAS_TICKET_GRANTED || t->state == FAAS_TICKET_RUNNING) {
        t->state = FAAS_TICKET_FREE;
        faas_lease_drop(board, fn, ticket, FAAS_WHY_CRASHED);
    }

    rc = faas_acquire_locked(board, fn, ticket, now_ms, 1, lease);

    faas_fn_unlock(board, index);

    /* the dead environment is to be noticed in any case */
    lease->demand = 1;

    return rc;
}


void
faas_count(faas_board_t *board, uint32_t index, const faas_report_t *report)
{
    if (faas_fn_lock(board, index) != FAAS_OK) {
        return;
    }

    faas_commit(board, &board->fns[index], report, FAAS_NIL);

    faas_fn_unlock(board, index);
}


void
faas_counter_add(faas_board_t *board, uint32_t index, faas_counter_e counter,
    uint64_t n)
{
    if (faas_fn_lock(board, index) != FAAS_OK) {
        return;
    }

    board->fns[index].counters[counter] += n;

    faas_fn_unlock(board, index);
}


uint32_t
faas_mailbox_take(faas_board_t *board, uint32_t worker)
{
    uint32_t  ticket, next, first;

    ticket = atomic_exchange(&board->workers[worker].mailbox, FAAS_NIL);
    first = FAAS_NIL;

    /* the stack has the last one on top: turn it round */

    while (ticket != FAAS_NIL) {
        next = board->tickets[ticket].mail_next;
        board->tickets[ticket].mail_list = first;
        board->tickets[ticket].mailed = 0;
        first = ticket;
        ticket = next;
    }

    return first;
}


/*
 * Whoever mails a ticket holds the lock of its function: if a ticket is
 * marked while that is ours and the mailbox was emptied, the sender died
 * before it came to put it in.
 */

uint32_t
faas_mail_unstick(faas_board_t *board, uint32_t worker, uint32_t ticket)
{
    uint32_t        first, index;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    index = t->fn;

    if (!t->mailed || index >= board->head->max_functions
        || faas_fn_lock(board, index) != FAAS_OK)
    {
        return FAAS_NIL;
    }

    first = faas_mailbox_take(board, worker);
    t->mailed = 0;

    faas_fn_unlock(board, index);

    return first;
}
