/*
 * Fuzzes what takes a scoreboard as it finds it: the checks of a file that is
 * opened, and the repair after a dead owner, with anything in the entries.
 *
 * The input is a row of changes to a sound board, each of what is changed
 * (1 byte), offset (2 bytes), value (4 bytes), and after a zero byte a row of
 * calls.  The tables are allocations of their own, so that the sanitizer sees
 * an index out of bounds.
 */

#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "faas_board.h"
#include "fuzz.h"


#define N_FNS      2
#define N_ENVS     6
#define N_WORKERS  3
#define N_TICKETS  4                  /* of a worker */

#define NOW        100000


static faas_board_t  board;


/* --- the file --- */

static char  dir[64], path[80];


static void
cleanup(void)
{
    (void) unlink(path);
    (void) rmdir(dir);
}


/* The header of a small board, of which the rest is a hole. */

static int
make_file(faas_head_t *head)
{
    int           fd;
    faas_board_t  made;

    (void) strcpy(dir, "/tmp/fuzz-board.XXXXXX");
    check(mkdtemp(dir) != NULL);
    (void) snprintf(path, sizeof(path), "%s/board", dir);
    (void) atexit(cleanup);

    check(faas_board_create(path, N_FNS, N_ENVS, 1, &made) == 0);
    *head = *made.head;
    faas_board_close(&made);

    fd = open(path, O_RDWR|O_CLOEXEC);
    check(fd != -1);

    return fd;
}


static void
open_file(const uint8_t *data, size_t size)
{
    int                 rc;
    size_t              n, i;
    uint32_t            more;
    faas_head_t         head;
    faas_board_t        b;
    static int          fd = -1;
    static faas_head_t  sound;

    if (fd == -1) {
        fd = make_file(&sound);
    }

    head = sound;
    more = 0;

    for (i = 0; i + 7 <= size && data[i] != 0; i += 7) {
        n = data[i + 1] % (sizeof(faas_head_t) - 3);

        if (data[i] & 0x80) {
            memcpy((char *) &head + n, &data[i + 3], 4);

        } else {
            memcpy(&more, &data[i + 3], 4);
        }
    }

    check(ftruncate(fd, 0) == 0);
    check(ftruncate(fd, (off_t) ((sound.size + more) % (1 << 28))) == 0);
    check(pwrite(fd, &head, sizeof(head), 0) == sizeof(head));

    rc = faas_board_open(path, &b);
    check(rc == 0 || rc == -2);

    if (rc == 0) {
        check(b.size >= faas_board_size(b.head->max_functions,
                                        b.head->max_envs));
        check((char *) &b.tickets[b.head->max_workers
                                  * b.head->worker_tickets]
              <= (char *) b.head + b.size);
        check(faas_board_find(&b, "hello", 5) == FAAS_NIL);
        faas_board_close(&b);
    }
}


/* --- the tables --- */

static void *
table(size_t n, size_t size)
{
    void  *p;

    p = aligned_alloc(128, (n * size + 127) / 128 * 128);
    check(p != NULL);
    memset(p, 0, n * size);

    return p;
}


static void
make_board(void)
{
    uint32_t   i, wake, wakes[4];
    faas_fn_t  limits;

    board.head = table(1, sizeof(faas_head_t));
    board.fns = table(N_FNS, sizeof(faas_fn_t));
    board.envs = table(N_ENVS, sizeof(faas_env_t));
    board.workers = table(N_WORKERS, sizeof(faas_worker_t));
    board.tickets = table(N_WORKERS * N_TICKETS, sizeof(faas_ticket_t));

    board.head->max_functions = N_FNS;
    board.head->max_envs = N_ENVS;
    board.head->max_workers = N_WORKERS;
    board.head->worker_tickets = N_TICKETS;

    memset(&limits, 0, sizeof(limits));
    limits.concurrency = 4;
    limits.queue_max = 4;
    limits.queue_timeout_ms = 100;

    check(faas_board_name(&board, "hello", 5) == 0);
    check(faas_board_name(&board, "other", 5) == 1);

    for (i = 0; i < N_WORKERS; i++) {
        (void) faas_worker_register(&board, 100 + (int32_t) i, 1, 1, 1, 1);
    }

    for (i = 0; i < N_FNS; i++) {
        (void) faas_fn_switch(&board, i, 1, &limits, NOW, wakes, 4);
    }

    for (i = 0; i < N_ENVS; i++) {
        board.envs[i].state = FAAS_ENV_BLANK;
        board.envs[i].fn = FAAS_NIL;
        faas_env_assign(&board, i, i % N_FNS, 1);

        if (i < 4) {
            faas_env_ready(&board, i, NOW, &wake);
        }
    }
}


static void
drop_board(void)
{
    free(board.head);
    free(board.fns);
    free(board.envs);
    free(board.workers);
    free(board.tickets);
}


static void
poke(const uint8_t *p)
{
    char    *base;
    size_t   off, from, size;

    off = (size_t) p[1] | (size_t) p[2] << 8;
    from = 0;

    switch (p[0] % 4) {

    case 0:
        base = (char *) &board.fns[p[0] / 4 % N_FNS];
        size = sizeof(faas_fn_t);
        from = offsetof(faas_fn_t, state);        /* the lock is the kernel's */
        break;

    case 1:
        base = (char *) &board.envs[p[0] / 4 % N_ENVS];
        size = sizeof(faas_env_t);
        break;

    case 2:
        base = (char *) &board.tickets[p[0] / 4 % (N_WORKERS * N_TICKETS)];
        size = sizeof(faas_ticket_t);
        break;

    default:
        base = (char *) &board.workers[p[0] / 4 % N_WORKERS];
        size = sizeof(faas_worker_t);
        break;
    }

    memcpy(base + from + off % (size - from - 3), p + 3, 4);
}


/* What was made anew is linked, within bounds, and ends. */

static void
check_lists(uint32_t f)
{
    uint32_t          n, i, prev;
    const faas_fn_t  *fn;

    fn = &board.fns[f];
    n = 0;
    prev = FAAS_NIL;

    for (i = fn->idle_head; i != FAAS_NIL; i = board.envs[i].next) {
        check(i < N_ENVS && n++ < N_ENVS);
        check(board.envs[i].prev == prev && board.envs[i].fn == f);
        prev = i;
    }

    n = 0;
    prev = FAAS_NIL;

    for (i = fn->wait_head; i != FAAS_NIL; i = board.tickets[i].next) {
        check(i < N_WORKERS * N_TICKETS && n++ < N_WORKERS * N_TICKETS);
        check(board.tickets[i].prev == prev && board.tickets[i].fn == f);
        prev = i;
    }

    check(fn->wait_tail == prev && fn->n_waiting == n);
}


static void
call_worker(uint8_t what, uint32_t ticket, uint32_t f)
{
    uint32_t              wake, ring;
    faas_lease_t          lease;
    faas_ticket_t        *t;
    static faas_report_t  report = {
        .outcome = FAAS_OUT_SUCCESS, .count = 1, .memory_mb = 128,
        .duration_us = 700, .counter = FAAS_CNT_bad_response
    };

    t = &board.tickets[ticket];

    if (t->state == FAAS_TICKET_FREE) {
        (void) faas_acquire(&board, f, ticket, NOW, &lease);
        return;
    }

    if (t->fn >= N_FNS || t->state > FAAS_TICKET_FAILED
        || board.workers[ticket / N_TICKETS].pid == 0)
    {
        return;                      /* no worker has made this one */
    }

    switch (what % 3) {

    case 0:
        faas_release(&board, ticket, &report, NOW + 1, &wake, &ring);
        break;

    case 1:
        faas_cancel(&board, ticket, FAAS_CNT_client_aborts, NOW, &wake,
                    &ring);
        break;

    default:
        if (t->state == FAAS_TICKET_GRANTED) {
            faas_lease_run(&board, ticket);
        }

        break;
    }
}


static void
call(uint8_t what, uint8_t arg)
{
    uint32_t  f, env, wake;

    f = arg % N_FNS;
    env = arg % N_ENVS;

    switch (what % 8) {

    case 0:
        (void) faas_fn_demand(&board, f);
        break;

    case 1:
        (void) faas_fn_fail_one(&board, f, FAAS_WHY_SPAWN, &wake);
        break;

    case 2:
        (void) faas_env_drain(&board, env, FAAS_WHY_IDLE, arg & 1);
        break;

    case 3:
        faas_env_dead(&board, env, FAAS_WHY_OOM, 9);
        break;

    case 4:
        faas_env_ready(&board, env, NOW, &wake);
        break;

    case 5:
        if (board.workers[arg % N_WORKERS].pid != 0) {
            faas_worker_cleanup(&board, arg % N_WORKERS, NOW);
        }

        break;

    default:
        call_worker(what / 8, arg % (N_WORKERS * N_TICKETS),
                    arg / 64 % N_FNS);
        break;
    }
}


static void
repair(const uint8_t *data, size_t size)
{
    size_t    i;
    uint32_t  f;

    make_board();

    for (f = 0; f < 6; f++) {
        call(6, (uint8_t) (f * 5));
    }

    for (i = 0; i + 7 <= size && data[i] != 0; i += 7) {
        poke(data + i);
    }

    for (f = 0; f < N_FNS; f++) {
        faas_fn_repair(&board, f);
        check_lists(f);
        check(board.fns[f].intent.set == 0);
        (void) faas_hist_quantile(board.fns[f].hist, 0.999);
    }

    for (i++; i + 2 <= size; i += 2) {
        call(data[i], data[i + 1]);

        for (f = 0; f < N_FNS; f++) {
            check_lists(f);
        }
    }

    drop_board();
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size && data[0] & 0x40) {
        open_file(data, size);

    } else {
        repair(data, size);
    }

    return 0;
}
