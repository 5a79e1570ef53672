/*
 * Lists, grants and lease ends of a function.  Runs in workers and in the
 * supervisor; the caller holds the function's lock.
 */

#include "faas_board_lists.h"


/* how far an own connection is looked for: the lock is held */
#define FAAS_IDLE_LOOK  8


void
faas_idle_push(faas_board_t *board, faas_fn_t *fn, uint32_t index)
{
    faas_env_t  *env;

    env = &board->envs[index];

    env->prev = FAAS_NIL;
    env->next = fn->idle_head;
    env->listed = 1;

    if (fn->idle_head != FAAS_NIL) {
        board->envs[fn->idle_head].prev = index;
    }

    fn->idle_head = index;
}


void
faas_idle_remove(faas_board_t *board, faas_fn_t *fn, uint32_t index)
{
    faas_env_t  *env;

    env = &board->envs[index];

    if (!env->listed) {
        return;
    }

    if (env->prev != FAAS_NIL) {
        board->envs[env->prev].next = env->next;

    } else {
        fn->idle_head = env->next;
    }

    if (env->next != FAAS_NIL) {
        board->envs[env->next].prev = env->prev;
    }

    env->listed = 0;
}


void
faas_wait_append(faas_board_t *board, faas_fn_t *fn, uint32_t ticket)
{
    faas_ticket_t  *t;

    t = &board->tickets[ticket];

    t->prev = fn->wait_tail;
    t->next = FAAS_NIL;

    if (fn->wait_tail != FAAS_NIL) {
        board->tickets[fn->wait_tail].next = ticket;

    } else {
        fn->wait_head = ticket;
    }

    fn->wait_tail = ticket;
    fn->n_waiting++;
}


void
faas_wait_prepend(faas_board_t *board, faas_fn_t *fn, uint32_t ticket)
{
    faas_ticket_t  *t;

    t = &board->tickets[ticket];

    t->prev = FAAS_NIL;
    t->next = fn->wait_head;

    if (fn->wait_head != FAAS_NIL) {
        board->tickets[fn->wait_head].prev = ticket;

    } else {
        fn->wait_tail = ticket;
    }

    fn->wait_head = ticket;
    fn->n_waiting++;
}


void
faas_wait_remove(faas_board_t *board, faas_fn_t *fn, uint32_t ticket)
{
    faas_ticket_t  *t;

    t = &board->tickets[ticket];

    if (t->prev != FAAS_NIL) {
        board->tickets[t->prev].next = t->next;

    } else {
        fn->wait_head = t->next;
    }

    if (t->next != FAAS_NIL) {
        board->tickets[t->next].prev = t->prev;

    } else {
        fn->wait_tail = t->prev;
    }

    fn->n_waiting--;
}


/*
 * The last used one; of applications that serve one connection at a time
 * rather one whose connection is the worker's own, if it is near.
 */

static uint32_t
faas_idle_pick(faas_board_t *board, faas_fn_t *fn, uint32_t worker)
{
    uint32_t  index, n;

    if (!(fn->flags & FAAS_FN_ONE_CONN)) {
        return fn->idle_head;
    }

    index = fn->idle_head;

    for (n = 0; n < FAAS_IDLE_LOOK && index != FAAS_NIL; n++) {

        if (board->envs[index].conn_worker == worker) {
            return index;
        }

        index = board->envs[index].next;
    }

    return fn->idle_head;
}


void
faas_grant(faas_board_t *board, faas_fn_t *fn, uint32_t ticket,
    uint64_t now_ms)
{
    uint32_t        index, worker;
    faas_env_t     *env;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];
    worker = ticket / board->head->worker_tickets;
    index = faas_idle_pick(board, fn, worker);
    env = &board->envs[index];

    t->env = index;
    t->env_generation = env->generation;

    t->conn_worker = (env->conn_worker == worker) ? FAAS_NIL
                                                  : env->conn_worker;
    env->conn_worker = (fn->flags & FAAS_FN_ONE_CONN) ? worker : FAAS_NIL;

    atomic_store_explicit(&t->state, FAAS_TICKET_GRANTED,
                          memory_order_release);

    env->inflight++;
    env->busy_ms = now_ms;
    atomic_store_explicit(&env->state, FAAS_ENV_BUSY, memory_order_relaxed);

    if (env->inflight >= fn->capacity) {
        faas_idle_remove(board, fn, index);
    }

    fn->n_leases++;
}


uint32_t
faas_mail(faas_board_t *board, uint32_t ticket)
{
    uint32_t        worker, head;
    faas_ticket_t  *t;
    faas_worker_t  *w;

    t = &board->tickets[ticket];
    worker = ticket / board->head->worker_tickets;
    w = &board->workers[worker];

    if (atomic_exchange(&t->mailed, 1) != 0) {
        return worker;
    }

    head = atomic_load(&w->mailbox);

    do {
        t->mail_next = head;
    } while (!atomic_compare_exchange_weak(&w->mailbox, &head, ticket));

    return worker;
}


uint32_t
faas_dispatch(faas_board_t *board, faas_fn_t *fn, uint64_t now_ms)
{
    uint32_t  ticket;

    if (fn->wait_head == FAAS_NIL
        || fn->idle_head == FAAS_NIL
        || fn->n_leases >= fn->concurrency)
    {
        return FAAS_NIL;
    }

    ticket = fn->wait_head;

    faas_wait_remove(board, fn, ticket);
    faas_grant(board, fn, ticket, now_ms);

    return faas_mail(board, ticket);
}


void
faas_env_leave(faas_board_t *board, faas_fn_t *fn, uint32_t index,
    uint32_t state)
{
    uint32_t     old;
    faas_env_t  *env;

    env = &board->envs[index];
    old = env->state;

    if (old >= FAAS_ENV_INIT && old <= FAAS_ENV_BUSY
        && env->version == fn->version)
    {
        if (fn->n_envs > 0) {
            fn->n_envs--;
        }

        if (old == FAAS_ENV_INIT && fn->n_starting > 0) {
            fn->n_starting--;
        }
    }

    faas_idle_remove(board, fn, index);

    atomic_store_explicit(&env->state, state, memory_order_release);
}


faas_env_t *
faas_ticket_env(faas_board_t *board, faas_ticket_t *t)
{
    if (t->env >= board->head->max_envs
        || board->envs[t->env].generation != t->env_generation
        || board->envs[t->env].fn != t->fn)
    {
        return NULL;
    }

    return &board->envs[t->env];
}


void
faas_env_unused(faas_board_t *board, faas_ticket_t *t)
{
    faas_env_t  *env;

    env = faas_ticket_env(board, t);

    if (env == NULL) {
        return;
    }

    if (env->requests == 0) {
        env->cold = 1;
    }

    if (t->conn_worker != FAAS_NIL) {
        env->conn_worker = t->conn_worker;   /* it was not told to let go */
    }
}


void
faas_lease_drop(faas_board_t *board, faas_fn_t *fn, uint32_t ticket,
    uint32_t why)
{
    faas_env_t     *env;
    faas_ticket_t  *t;

    t = &board->tickets[ticket];

    if (fn->n_leases > 0) {
        fn->n_leases--;
    }

    env = faas_ticket_env(board, t);

    if (env == NULL) {
        return;
    }

    if (env->inflight > 0) {
        env->inflight--;
    }

    if (env->state != FAAS_ENV_BUSY) {
        return;                      /* DRAIN or DEAD: the supervisor's */
    }

    if (why == FAAS_WHY_NONE && env->inflight == 0) {

        if (env->version != fn->version) {
            why = FAAS_WHY_REPLACED;

        } else if (fn->max_requests != 0
                   && env->requests >= fn->max_requests)
        {
            why = FAAS_WHY_REQUESTS;
        }
    }

    if (why != FAAS_WHY_NONE) {
        env->kill = why;
        faas_env_leave(board, fn, t->env, FAAS_ENV_DRAIN);
        return;
    }

    if (env->inflight == 0) {
        atomic_store_explicit(&env->state, FAAS_ENV_IDLE,
                              memory_order_relaxed);
    }

    if (!env->listed && env->version == fn->version
        && (fn->max_requests == 0 || env->requests < fn->max_requests))
    {
        faas_idle_push(board, fn, t->env);
    }
}
