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


/* A record of nothing. */

static void
faas_intent_init(faas_fn_t *fn)
{
    faas_intent_t  *intent;

    intent = &fn->intent;

    intent->outcome = FAAS_OUT_N;
    intent->ticket = FAAS_NIL;
    intent->env = FAAS_NIL;
    intent->bucket = FAAS_HIST_BUCKETS;
    intent->counter[0] = FAAS_CNT_N;
    intent->counter[1] = FAAS_CNT_N;

    memcpy(intent->sums, &fn->counters[FAAS_SUM_FIRST],
           sizeof(intent->sums));
}


static void
faas_intent_count(faas_fn_t *fn, uint32_t n, uint32_t counter)
{
    faas_intent_t  *intent;

    intent = &fn->intent;

    if (counter >= FAAS_CNT_N) {
        return;
    }

    if (counter >= FAAS_SUM_FIRST && counter < FAAS_SUM_FIRST + FAAS_SUM_N) {
        intent->sums[counter - FAAS_SUM_FIRST]++;
        return;
    }

    intent->counter[n] = counter;
    intent->counter_value[n] = fn->counters[counter] + 1;
}


/*
 * The record is complete before "set" is and each step of it can be done
 * twice, so a death between any two instructions counts exactly once.
 */

static void
faas_intent_do(faas_board_t *board, faas_fn_t *fn)
{
    atomic_signal_fence(memory_order_seq_cst);
    *(volatile uint32_t *) &fn->intent.set = 1;
    atomic_signal_fence(memory_order_seq_cst);

    faas_redo(board, fn);
}


static void
faas_intent_sums(faas_fn_t *fn, const faas_report_t *report)
{
    uint64_t  billed, *sums;

    /* init is billed with the cold invocation: contract 4.5 */

    billed = report->duration_us + (report->cold ? report->init_us : 0);
    billed = (billed + 999) / 1000;

    sums = fn->intent.sums;

    sums[FAAS_CNT_duration_us - FAAS_SUM_FIRST] += report->duration_us;
    sums[FAAS_CNT_billed_ms - FAAS_SUM_FIRST] += billed;
    sums[FAAS_CNT_billed_mb_ms - FAAS_SUM_FIRST] += billed
                                                    * report->memory_mb;
    sums[FAAS_CNT_bytes_in - FAAS_SUM_FIRST] += report->bytes_in;
    sums[FAAS_CNT_bytes_out - FAAS_SUM_FIRST] += report->bytes_out;
    sums[FAAS_CNT_queue_us - FAAS_SUM_FIRST] += report->queue_us;

    if (report->cold) {
        sums[FAAS_CNT_cold_starts - FAAS_SUM_FIRST]++;
        sums[FAAS_CNT_init_us - FAAS_SUM_FIRST] += report->init_us;
    }
}


void
faas_commit(faas_board_t *board, faas_fn_t *fn, const faas_report_t *report,
    uint32_t ticket)
{
    faas_env_t     *env;
    faas_intent_t  *intent;

    intent = &fn->intent;

    faas_intent_init(fn);
    intent->ticket = ticket;

    if (report->counter >= 0) {
        faas_intent_count(fn, 0, report->counter);
    }

    if (report->count) {
        faas_intent_sums(fn, report);

        intent->outcome = report->outcome;
        intent->outcome_value = fn->outcomes[report->outcome] + 1;
        intent->bucket = faas_hist_bucket(report->duration_us);
        intent->bucket_value = fn->hist[intent->bucket] + 1;

        env = (ticket != FAAS_NIL)
              ? faas_ticket_env(board, &board->tickets[ticket]) : NULL;

        if (env != NULL) {
            intent->env = board->tickets[ticket].env;
            intent->env_state = env->state;
            intent->env_requests = env->requests + 1;
        }
    }

    faas_intent_do(board, fn);
}


void
faas_commit_env(faas_board_t *board, faas_fn_t *fn, uint32_t env,
    uint32_t state, uint32_t counter, uint32_t other)
{
    faas_intent_init(fn);

    fn->intent.env = env;
    fn->intent.env_state = state;
    fn->intent.env_requests = board->envs[env].requests;

    faas_intent_count(fn, 0, counter);
    faas_intent_count(fn, 1, other);

    faas_intent_do(board, fn);
}


/* What an owner left may be anything: nothing is used unchecked. */

void
faas_redo(faas_board_t *board, faas_fn_t *fn)
{
    uint32_t        i;
    faas_env_t     *env;
    faas_intent_t  *intent;

    intent = &fn->intent;

    if (!intent->set) {
        return;
    }

    if (intent->outcome < FAAS_OUT_N) {
        fn->outcomes[intent->outcome] = intent->outcome_value;
    }

    if (intent->bucket < FAAS_HIST_BUCKETS) {
        fn->hist[intent->bucket] = intent->bucket_value;
    }

    for (i = 0; i < 2; i++) {
        if (intent->counter[i] < FAAS_CNT_N) {
            fn->counters[intent->counter[i]] = intent->counter_value[i];
        }
    }

    memcpy(&fn->counters[FAAS_SUM_FIRST], intent->sums,
           sizeof(intent->sums));

    if (intent->env < board->head->max_envs) {
        env = &board->envs[intent->env];
        env->requests = intent->env_requests;
        atomic_store_explicit(&env->state, intent->env_state,
                              memory_order_release);
    }

    if (intent->ticket < board->head->max_workers
                         * board->head->worker_tickets)
    {
        atomic_store_explicit(&board->tickets[intent->ticket].state,
                              FAAS_TICKET_FREE, memory_order_release);
    }

    atomic_signal_fence(memory_order_seq_cst);
    *(volatile uint32_t *) &intent->set = 0;
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

            env = faas_ticket_env(board, t);

            if (env != NULL) {
                env->inflight++;
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

        if (env->fn == index) {
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
