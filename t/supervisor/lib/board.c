/*
 * What the supervisor's tests read from and write to the scoreboard, for
 * ctypes.  Runs in the test, which plays nginx's master and one worker; takes
 * the locks that the faas_* functions take.
 */

#include <stdlib.h>
#include <string.h>

#include "faas_board.h"


faas_board_t *
t_create(const char *path, uint32_t functions, uint32_t envs, uint64_t epoch)
{
    faas_board_t  *board;

    board = calloc(1, sizeof(faas_board_t));

    if (board == NULL
        || faas_board_create(path, functions, envs, epoch, board) != 0)
    {
        free(board);
        return NULL;
    }

    return board;
}


faas_board_t *
t_open(const char *path)
{
    faas_board_t  *board;

    board = calloc(1, sizeof(faas_board_t));

    if (board == NULL || faas_board_open(path, board) != 0) {
        free(board);
        return NULL;
    }

    return board;
}


uint64_t
t_head(faas_board_t *board, const char *name)
{
    faas_head_t  *h = board->head;

    return strcmp(name, "applied") == 0 ? h->applied
           : strcmp(name, "pid") == 0 ? (uint64_t) h->supervisor_pid
           : strcmp(name, "up") == 0 ? h->supervisor_up
           : strcmp(name, "starts") == 0 ? h->supervisor_starts
           : strcmp(name, "ledger_errors") == 0 ? h->ledger_errors
           : strcmp(name, "isolation") == 0 ? h->isolation
           : strcmp(name, "max_envs") == 0 ? h->max_envs : 0;
}


uint64_t
t_env(faas_board_t *board, uint32_t i, const char *name)
{
    faas_env_t  *e = &board->envs[i];

    return strcmp(name, "state") == 0 ? e->state
           : strcmp(name, "generation") == 0 ? e->generation
           : strcmp(name, "fn") == 0 ? e->fn
           : strcmp(name, "version") == 0 ? e->version
           : strcmp(name, "pid") == 0 ? (uint64_t) e->pid
           : strcmp(name, "why") == 0 ? e->why
           : strcmp(name, "exit_code") == 0 ? (uint64_t) e->exit_code
           : strcmp(name, "requests") == 0 ? e->requests
           : strcmp(name, "memory") == 0 ? e->memory
           : strcmp(name, "start_time") == 0 ? e->start_time
           : strcmp(name, "init_us") == 0 ? e->init_us : 0;
}


uint64_t
t_fn(faas_board_t *board, uint32_t i, const char *name)
{
    faas_fn_t  *f = &board->fns[i];

    return strcmp(name, "state") == 0 ? f->state
           : strcmp(name, "version") == 0 ? f->version
           : strcmp(name, "n_envs") == 0 ? f->n_envs
           : strcmp(name, "n_starting") == 0 ? f->n_starting
           : strcmp(name, "n_waiting") == 0 ? f->n_waiting
           : strcmp(name, "n_leases") == 0 ? f->n_leases
           : strcmp(name, "timeout_ms") == 0 ? f->timeout_ms
           : strcmp(name, "init_why") == 0 ? f->init_why
           : strcmp(name, "backoff") == 0 ? f->backoff_until_ms
           : strcmp(name, "peak_memory") == 0 ? f->peak_memory
           : strcmp(name, "loaded") == 0 ? f->ledger_loaded : 0;
}


uint64_t
t_counter(faas_board_t *board, uint32_t i, const char *name)
{
    uint32_t  k;

    for (k = 0; k < FAAS_CNT_N; k++) {
        if (strcmp(faas_counter_name(k), name) == 0) {
            return board->fns[i].counters[k];
        }
    }

    return 0;
}


uint64_t
t_outcome(faas_board_t *board, uint32_t i, uint32_t outcome)
{
    return board->fns[i].outcomes[outcome];
}


const char *
t_init_error(faas_board_t *board, uint32_t i)
{
    return board->fns[i].init_error;
}


uint64_t
t_ticket(faas_board_t *board, uint32_t i, const char *name)
{
    faas_ticket_t  *t = &board->tickets[i];

    return strcmp(name, "state") == 0 ? t->state
           : strcmp(name, "why") == 0 ? t->why
           : strcmp(name, "env") == 0 ? t->env : 0;
}


void
t_generation(faas_board_t *board, uint32_t worker, uint64_t generation)
{
    board->workers[worker].generation = generation;
}


void
t_release(faas_board_t *board, uint32_t ticket, uint32_t outcome,
    uint32_t why, uint32_t count, uint32_t *ring)
{
    uint32_t       wake;
    faas_report_t  report;

    memset(&report, 0, sizeof(report));
    report.outcome = outcome;
    report.why = why;
    report.count = count;
    report.memory_mb = 128;
    report.duration_us = 1000;
    report.counter = -1;

    faas_release(board, ticket, &report, faas_now_ms(), &wake, ring);
}
