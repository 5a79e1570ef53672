/*
 * The function's lock and what happens after its owner died with it.
 *
 * Runs in workers and in the supervisor.  The truth is in the states of the
 * environments and tickets; the lists and counts of a function are derived
 * from them and can be made anew at any time.
 */

#include <errno.h>
#include <string.h>

#include "faas_board_lists.h"


int
faas_fn_lock(faas_board_t *board, uint32_t fn)
{
    int  rc;

    rc = pthread_mutex_lock(&board->fns[fn].lock);

    if (rc == 0) {
        return FAAS_OK;
    }

    if (rc != EOWNERDEAD) {
        return FAAS_ERROR;
    }

    faas_fn_repair(board, fn);

    (void) pthread_mutex_consistent(&board->fns[fn].lock);

    return FAAS_OK;
}


void
faas_fn_unlock(faas_board_t *board, uint32_t fn)
{
    (void) pthread_mutex_unlock(&board->fns[fn].lock);
}


/*
 * The record is complete before "intent" is set and each step of it can be
 * done twice, so a death between any two instructions counts exactly once.
 */

void
faas_commit(faas_board_t *board, faas_fn_t *fn, uint32_t outcome,
    uint32_t ticket)
{
    fn->intent_value = fn->outcomes[outcome] + 1;
    fn->intent_ticket = ticket;
    atomic_signal_fence(memory_order_seq_cst);

    *(volatile uint32_t *) &fn->intent = outcome + 1;
    atomic_signal_fence(memory_order_seq_cst);

    faas_redo(board, fn);
}


void
faas_redo(faas_board_t *board, faas_fn_t *fn)
{
    if (fn->intent == 0 || fn->intent > FAAS_OUT_N) {
        return;
    }

    *(volatile uint64_t *) &fn->outcomes[fn->intent - 1] = fn->intent_value;

    if (fn->intent_ticket != FAAS_NIL) {
        board->tickets[fn->intent_ticket].state = FAAS_TICKET_FREE;
    }

    atomic_signal_fence(memory_order_seq_cst);
    *(volatile uint32_t *) &fn->intent = 0;
}


/* Sorted by arrival; tickets come nearly in order, so search from the end. */

static void
faas_repair_wait(faas_board_t *board, faas_fn_t *fn, uint32_t ticket)
{
    uint32_t        prev;
    faas_ticket_t  *t, *tickets;

    tickets = board->tickets;
    t = &tickets[ticket];
    prev = fn->wait_tail;

    while (prev != FAAS_NIL && tickets[prev].sequence > t->sequence) {
        prev = tickets[prev].prev;
    }

    if (prev == fn->wait_tail) {
        faas_wait_append(board, fn, ticket);
        return;
    }

    if (prev == FAAS_NIL) {
        faas_wait_prepend(board, fn, ticket);
        return;
    }

    t->prev = prev;
    t->next = tickets[prev].next;
    tickets[t->next].prev = ticket;
    tickets[prev].next = ticket;
    fn->n_waiting++;
}


static void
faas_repair_tickets(faas_board_t *board, uint32_t index)
{
    uint32_t        w, i, first;
    faas_fn_t      *fn;
    faas_env_t     *env;
    faas_ticket_t  *t;

    fn = &board->fns[index];

    for (w = 0; w < board->head->max_workers; w++) {

        if (board->workers[w].pid == 0) {
            continue;
        }

        first = w * board->head->worker_tickets;

        for (i = first; i < first + board->head->worker_tickets; i++) {
            t = &board->tickets[i];

            if (t->state == FAAS_TICKET_FREE || t->fn != index) {
                continue;
            }

            if (t->state == FAAS_TICKET_WAITING) {
                faas_repair_wait(board, fn, i);
                continue;
            }

            if (t->state != FAAS_TICKET_GRANTED
                && t->state != FAAS_TICKET_RUNNING)
            {
                continue;
            }

            fn->n_leases++;

            if (t->env < board->head->max_envs) {
                env = &board->envs[t->env];

                if (env->generation == t->env_generation) {
                    env->inflight++;
                }
            }
        }
    }
}


/* The idle list has the last used first. */

static void
faas_repair_idle(faas_board_t *board, faas_fn_t *fn, uint32_t index)
{
    uint32_t     at;
    faas_env_t  *env, *envs;

    envs = board->envs;
    env = &envs[index];

    if (fn->idle_head == FAAS_NIL
        || envs[fn->idle_head].idle_ms <= env->idle_ms)
    {
        faas_idle_push(board, fn, index);
        return;
    }

    at = fn->idle_head;

    while (envs[at].next != FAAS_NIL
           && envs[envs[at].next].idle_ms > env->idle_ms)
    {
        at = envs[at].next;
    }

    env->prev = at;
    env->next = envs[at].next;
    env->listed = 1;

    if (env->next != FAAS_NIL) {
        envs[env->next].prev = index;
    }

    envs[at].next = index;
}


static void
faas_repair_env(faas_board_t *board, faas_fn_t *fn, uint32_t index)
{
    faas_env_t  *env;

    env = &board->envs[index];

    if (env->version != fn->version) {

        if (env->inflight == 0
            && (env->state == FAAS_ENV_IDLE || env->state == FAAS_ENV_BUSY))
        {
            if (env->kill == FAAS_WHY_NONE) {
                env->kill = FAAS_WHY_REPLACED;
            }

            env->state = FAAS_ENV_DRAIN;
        }

        return;
    }

    if (env->state == FAAS_ENV_INIT) {
        fn->n_envs++;
        fn->n_starting++;
        return;
    }

    if (env->kill != FAAS_WHY_NONE) {
        env->state = FAAS_ENV_DRAIN;
        return;
    }

    fn->n_envs++;
    env->state = env->inflight ? FAAS_ENV_BUSY : FAAS_ENV_IDLE;

    if (env->inflight < fn->capacity) {
        faas_repair_idle(board, fn, index);
    }
}


void
faas_fn_repair(faas_board_t *board, uint32_t index)
{
    uint32_t     i;
    faas_fn_t   *fn;
    faas_env_t  *env;

    fn = &board->fns[index];

    faas_redo(board, fn);

    fn->idle_head = FAAS_NIL;
    fn->wait_head = FAAS_NIL;
    fn->wait_tail = FAAS_NIL;
    fn->n_waiting = 0;
    fn->n_leases = 0;
    fn->n_envs = 0;
    fn->n_starting = 0;

    for (i = 0; i < board->head->max_envs; i++) {
        env = &board->envs[i];

        if (env->fn == index && env->state > FAAS_ENV_BLANK) {
            env->inflight = 0;
            env->listed = 0;
        }
    }

    faas_repair_tickets(board, index);

    for (i = 0; i < board->head->max_envs; i++) {
        env = &board->envs[i];

        if (env->fn == index
            && env->state >= FAAS_ENV_INIT && env->state <= FAAS_ENV_BUSY)
        {
            faas_repair_env(board, fn, i);
        }
    }
}
