/*
 * See unit_board.h.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "unit_board.h"


int
unit_board_make(faas_board_t *board)
{
    int          rc;
    char         dir[256], path[300];
    const char  *temp;

    temp = getenv("TMPDIR");
    (void) snprintf(dir, sizeof(dir), "%s/unit.XXXXXX",
                    temp ? temp : "/tmp");

    if (mkdtemp(dir) == NULL) {
        return -1;
    }

    (void) snprintf(path, sizeof(path), "%s/board", dir);

    rc = faas_board_create(path, UNIT_FUNCTIONS, UNIT_ENVS, 42, board);

    /* the mapping is all that is needed, and nothing is left if a test dies */

    (void) unlink(path);
    (void) rmdir(dir);

    return rc;
}


void
unit_board_drop(faas_board_t *board)
{
    faas_board_close(board);
}


void
unit_board_shrink(faas_board_t *board)
{
    board->head->max_workers = UNIT_WORKERS;
    board->head->worker_tickets = UNIT_TICKETS;
}


int
unit_board_image(const faas_board_t *board, faas_board_t *image)
{
    char        *base;
    const char  *from;

    base = mmap(NULL, board->size, PROT_READ|PROT_WRITE,
                MAP_PRIVATE|MAP_ANONYMOUS|MAP_NORESERVE, -1, 0);

    if (base == MAP_FAILED) {
        return -1;
    }

    from = (const char *) board->head;

    image->head = (faas_head_t *) base;
    image->fns = (faas_fn_t *) (base + ((char *) board->fns - from));
    image->envs = (faas_env_t *) (base + ((char *) board->envs - from));
    image->workers = (faas_worker_t *) (base
                                        + ((char *) board->workers - from));
    image->tickets = (faas_ticket_t *) (base
                                        + ((char *) board->tickets - from));
    image->size = board->size;

    return 0;
}


void
unit_board_image_drop(faas_board_t *image)
{
    (void) munmap(image->head, image->size);
}


/* All but the tickets is in front of them. */

static size_t
unit_front(const faas_board_t *board)
{
    return (size_t) ((char *) board->tickets - (char *) board->head);
}


void
unit_board_take(const faas_board_t *board, faas_board_t *image)
{
    uint32_t  w, first;

    memcpy(image->head, board->head, unit_front(board));

    for (w = 0; w < UNIT_WORKERS; w++) {
        first = unit_ticket(image, w, 0);

        memcpy((void *) &image->tickets[first], &board->tickets[first],
               UNIT_TICKETS * sizeof(faas_ticket_t));
    }
}


int
unit_board_same(const faas_board_t *board, const faas_board_t *image)
{
    uint32_t  w, first;

    if (memcmp(image->head, board->head, unit_front(board)) != 0) {
        return 0;
    }

    for (w = 0; w < UNIT_WORKERS; w++) {
        first = w * board->head->worker_tickets;

        if (memcmp(&image->tickets[first], &board->tickets[first],
                   UNIT_TICKETS * sizeof(faas_ticket_t)) != 0)
        {
            return 0;
        }
    }

    return 1;
}


void
unit_board_recover(faas_board_t *image)
{
    int                  held;
    uint32_t             f;
    pthread_mutexattr_t  attr;

    (void) pthread_mutexattr_init(&attr);
    (void) pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    (void) pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);

    for (f = 0; f < image->head->max_functions; f++) {

        if (image->fns[f].state == FAAS_FN_FREE) {
            break;
        }

        /* the word the kernel looks at when the owner dies */

        held = (image->fns[f].lock.__data.__lock != 0);

        (void) pthread_mutex_init(&image->fns[f].lock, &attr);

        if (held) {
            faas_fn_repair(image, f);
        }
    }

    (void) pthread_mutexattr_destroy(&attr);
}


void
unit_limits(faas_fn_t *limits, uint32_t concurrency)
{
    memset(limits, 0, sizeof(faas_fn_t));

    limits->concurrency = concurrency;
    limits->capacity = 1;
    limits->init_timeout_ms = 10000;
    limits->timeout_ms = 3000;
    limits->memory_mb = 128;
}


uint32_t
unit_fn(faas_board_t *board, const char *name, const faas_fn_t *limits)
{
    uint32_t  fn, wakes[8];

    fn = faas_board_name(board, name, strlen(name));

    if (fn != FAAS_NIL) {
        (void) faas_fn_switch(board, fn, 1, limits, 0, wakes, 8);
    }

    return fn;
}


uint32_t
unit_env_init(faas_board_t *board, uint32_t fn, uint32_t version)
{
    uint32_t  i;

    for (i = 0; i < board->head->max_envs; i++) {

        if (board->envs[i].state == FAAS_ENV_FREE) {
            board->envs[i].generation++;
            board->envs[i].state = FAAS_ENV_BLANK;
            faas_env_assign(board, i, fn, version);
            return i;
        }
    }

    return FAAS_NIL;
}


uint32_t
unit_env(faas_board_t *board, uint32_t fn, uint32_t version)
{
    uint32_t  env, wake;

    env = unit_env_init(board, fn, version);

    if (env != FAAS_NIL) {
        faas_env_ready(board, env, 0, &wake);
    }

    return env;
}


unsigned
unit_reap(faas_board_t *board)
{
    unsigned  n;
    uint32_t  i;

    n = 0;

    for (i = 0; i < board->head->max_envs; i++) {

        if (board->envs[i].state == FAAS_ENV_DRAIN) {
            faas_env_dead(board, i, board->envs[i].kill, 0);
        }

        if (board->envs[i].state == FAAS_ENV_DEAD) {
            faas_env_free(board, i);
            n++;
        }
    }

    return n;
}


uint32_t
unit_worker(faas_board_t *board, int32_t pid)
{
    return faas_worker_register(board, pid, 1, 1, 1, 1);
}


uint32_t
unit_ticket(faas_board_t *board, uint32_t worker, uint32_t n)
{
    return worker * board->head->worker_tickets + n;
}


uint64_t
unit_outcomes(const faas_board_t *board, uint32_t fn)
{
    unsigned  i;
    uint64_t  sum;

    sum = 0;

    for (i = 0; i < FAAS_OUT_N; i++) {
        sum += board->fns[fn].outcomes[i];
    }

    return sum;
}


/*
 * The state of a ticket that is the function's, else FREE.  Where workers go
 * on meanwhile, a free ticket may become another function's at any time: so
 * the state is read before the owner.
 */

static uint32_t
unit_state(const faas_board_t *board, uint32_t w, uint32_t i, uint32_t fn)
{
    uint32_t              state;
    const faas_ticket_t  *t;

    t = &board->tickets[w * board->head->worker_tickets + i];
    state = t->state;

    if (state == FAAS_TICKET_FREE || t->fn != fn
        || board->workers[w].pid == 0)
    {
        return FAAS_TICKET_FREE;
    }

    return state;
}


/* Leases of the function by the tickets; of one environment unless NIL. */

static uint32_t
unit_leases(const faas_board_t *board, uint32_t fn, uint32_t env)
{
    uint32_t              w, i, n, state;
    const faas_ticket_t  *t;

    n = 0;

    for (w = 0; w < UNIT_WORKERS; w++) {
        for (i = 0; i < UNIT_TICKETS; i++) {
            t = &board->tickets[w * board->head->worker_tickets + i];
            state = unit_state(board, w, i, fn);

            if ((state == FAAS_TICKET_GRANTED || state == FAAS_TICKET_RUNNING)
                && (env == FAAS_NIL
                    || (t->env == env && t->env_generation
                        == board->envs[env].generation)))
            {
                n++;
            }
        }
    }

    return n;
}


static const char *
unit_check_waiting(const faas_board_t *board, uint32_t f)
{
    uint32_t              i, w, n, prev, waiting;
    const faas_fn_t      *fn;
    const faas_ticket_t  *t;

    fn = &board->fns[f];
    prev = FAAS_NIL;
    n = 0;

    for (i = fn->wait_head; i != FAAS_NIL; i = t->next) {
        t = &board->tickets[i];

        if (t->state != FAAS_TICKET_WAITING || t->fn != f) {
            return "who does not wait is in the queue";
        }

        if (t->prev != prev || n++ > UNIT_WORKERS * UNIT_TICKETS) {
            return "the queue is not linked well";
        }

        prev = i;
    }

    if (fn->wait_tail != prev || fn->n_waiting != n) {
        return "the queue's tail or length is wrong";
    }

    waiting = 0;

    for (w = 0; w < UNIT_WORKERS; w++) {
        for (i = 0; i < UNIT_TICKETS; i++) {
            waiting += (unit_state(board, w, i, f) == FAAS_TICKET_WAITING);
        }
    }

    return (waiting == n) ? NULL : "who waits is not in the queue";
}


static const char *
unit_check_idle(const faas_board_t *board, uint32_t f)
{
    uint32_t           i, n, prev, listed;
    const faas_fn_t   *fn;
    const faas_env_t  *env;

    fn = &board->fns[f];
    prev = FAAS_NIL;
    n = 0;

    for (i = fn->idle_head; i != FAAS_NIL; i = env->next) {
        env = &board->envs[i];

        if (env->fn != f || !env->listed || env->version != fn->version
            || (env->state != FAAS_ENV_IDLE && env->state != FAAS_ENV_BUSY)
            || env->inflight >= fn->capacity)
        {
            return "who takes no lease is in the idle list";
        }

        if (env->prev != prev || n++ > UNIT_ENVS) {
            return "the idle list is not linked well";
        }

        prev = i;
    }

    listed = 0;

    for (i = 0; i < board->head->max_envs; i++) {
        env = &board->envs[i];

        if (env->fn != f || env->state < FAAS_ENV_INIT) {
            continue;
        }

        listed += env->listed;

        if (env->state == FAAS_ENV_IDLE && !env->listed) {
            return "who is idle is not in the idle list";
        }
    }

    return (listed == n) ? NULL : "listed, but not in the idle list";
}


const char *
unit_check(const faas_board_t *board, uint32_t f)
{
    uint32_t           i, n, starting;
    const char        *error;
    const faas_fn_t   *fn;
    const faas_env_t  *env;

    fn = &board->fns[f];

    error = unit_check_waiting(board, f);

    if (error == NULL) {
        error = unit_check_idle(board, f);
    }

    if (error != NULL) {
        return error;
    }

    n = 0;
    starting = 0;

    for (i = 0; i < board->head->max_envs; i++) {
        env = &board->envs[i];

        if (env->fn != f || env->state < FAAS_ENV_INIT) {
            continue;
        }

        if (env->inflight != unit_leases(board, f, i)) {
            return "inflight is not the number of leases";
        }

        if ((env->state == FAAS_ENV_IDLE && env->inflight != 0)
            || (env->state == FAAS_ENV_BUSY && env->inflight == 0))
        {
            return "idle or busy does not go with inflight";
        }

        if (env->version == fn->version && env->state <= FAAS_ENV_BUSY) {
            n++;
            starting += (env->state == FAAS_ENV_INIT);
        }
    }

    if (fn->n_envs != n || fn->n_starting != starting) {
        return "the number of environments is wrong";
    }

    if (fn->n_leases != unit_leases(board, f, FAAS_NIL)) {
        return "the number of leases is wrong";
    }

    return (fn->intent.set == 0) ? NULL : "an outcome is left to count";
}
