/*
 * The scoreboard under load: workers that acquire, run, retry, cancel and
 * release as fast as they can and are killed at random, a supervisor that
 * starts, kills and replaces environments meanwhile.  In the end the outcomes
 * counted must be exactly the invocations begun.
 *
 * UNIT_SECONDS and UNIT_SEED in the environment change the length and the
 * order of events.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit_board.h"


#define N_WORKERS  3
#define N_TICKETS  4
#define N_FNS      2


/*
 * What a worker says of its tickets.  begun is raised before the lease runs,
 * ended after it was released: how a difference is to be read, the state of
 * the ticket says.
 */

typedef struct {
    volatile uint64_t   begun;
    volatile uint64_t   ended;
} account_t;

typedef struct {
    volatile uint32_t   wrong;        /* a worker saw what must not be */
    account_t           accounts[UNIT_WORKERS][N_TICKETS];
} ledger_t;

typedef enum {
    NONE = 0,
    WAITING,
    GRANTED,
    RUNNING
} phase_e;


static faas_board_t  board;
static ledger_t     *ledger;
static uint32_t      fns[N_FNS], versions[N_FNS];
static pid_t         pids[N_WORKERS];
static uint64_t      expected, lost, kills, seed, first_seed;


static uint32_t
chance(uint32_t n)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;

    return (uint32_t) ((seed >> 11) % n);
}


static phase_e
phase_of(int rc)
{
    return (rc == FAAS_OK) ? GRANTED : (rc == FAAS_AGAIN) ? WAITING : NONE;
}


static phase_e
worker_wait(uint32_t ticket)
{
    uint32_t      wake, ring;
    faas_lease_t  lease;

    if (faas_lease_get(&board, ticket, &lease) == FAAS_OK) {
        return GRANTED;
    }

    if (board.tickets[ticket].state == FAAS_TICKET_FAILED
        || chance(8) == 0)
    {
        faas_cancel(&board, ticket, -1, faas_now_ms(), &wake, &ring);
        return NONE;
    }

    return WAITING;
}


static phase_e
worker_granted(uint32_t ticket, account_t *account)
{
    uint32_t      wake, ring;
    faas_lease_t  lease;

    switch (chance(8)) {

    case 0:
        faas_cancel(&board, ticket, -1, faas_now_ms(), &wake, &ring);
        return NONE;

    case 1:
        return phase_of(faas_retry(&board, ticket, faas_now_ms(), &lease));

    default:
        account->begun++;
        faas_lease_run(&board, ticket);
        return RUNNING;
    }
}


static phase_e
worker_release(uint32_t ticket, account_t *account)
{
    uint32_t       wake, ring;
    faas_report_t  r;

    memset(&r, 0, sizeof(r));
    r.outcome = chance(FAAS_OUT_N);
    r.why = chance(4) ? FAAS_WHY_NONE : FAAS_WHY_TIMEOUT;
    r.count = 1;
    r.duration_us = chance(100000);
    r.counter = -1;

    faas_release(&board, ticket, &r, faas_now_ms(), &wake, &ring);
    account->ended++;

    return NONE;
}


static void
worker_mail(uint32_t slot)
{
    uint32_t  n, ticket;

    n = 0;

    for (ticket = faas_mailbox_take(&board, slot);
         ticket != FAAS_NIL;
         ticket = board.tickets[ticket].mail_list)
    {
        if (ticket / board.head->worker_tickets != slot
            || ++n > N_TICKETS)
        {
            ledger->wrong = 1;
            return;
        }
    }
}


static void
worker(uint64_t my_seed)
{
    uint32_t      slot, k, ticket;
    phase_e       phases[N_TICKETS];
    account_t    *account;
    faas_lease_t  lease;

    (void) prctl(PR_SET_PDEATHSIG, SIGKILL);

    seed = my_seed;
    memset(phases, 0, sizeof(phases));

    slot = faas_worker_register(&board, getpid(), 1, 1, 1, 1);

    for ( ;; ) {
        k = chance(N_TICKETS);
        ticket = unit_ticket(&board, slot, k);
        account = &ledger->accounts[slot][k];

        switch (phases[k]) {

        case NONE:
            phases[k] = phase_of(faas_acquire(&board, fns[chance(N_FNS)],
                                              ticket, faas_now_ms(),
                                              &lease));
            break;

        case WAITING:
            phases[k] = worker_wait(ticket);
            break;

        case GRANTED:
            phases[k] = worker_granted(ticket, account);
            break;

        case RUNNING:
            phases[k] = worker_release(ticket, account);
            break;
        }

        if (chance(4) == 0) {
            worker_mail(slot);
        }
    }
}


static void
start_worker(uint32_t i)
{
    uint64_t  my_seed;

    my_seed = (uint64_t) chance(UINT32_MAX) << 32 | chance(UINT32_MAX) | 1;

    pids[i] = fork();
    assert_int_not_equal(pids[i], -1);

    if (pids[i] == 0) {
        worker(my_seed);
    }
}


/*
 * What the dead one began and did not end was counted if its ticket is free,
 * will be if it runs, and never began if it is only granted.
 */

static void
settle(uint32_t slot)
{
    uint32_t    f, k, state;
    account_t  *account;

    for (f = 0; f < N_FNS; f++) {

        /* finishes what the dead one left half done */

        assert_int_equal(faas_fn_lock(&board, fns[f]), FAAS_OK);
        faas_fn_unlock(&board, fns[f]);
    }

    for (k = 0; k < N_TICKETS; k++) {
        account = &ledger->accounts[slot][k];
        state = board.tickets[unit_ticket(&board, slot, k)].state;

        expected += account->ended;

        if (account->begun != account->ended) {
            assert_int_equal(account->begun, account->ended + 1);
            expected += (state != FAAS_TICKET_GRANTED);
            lost += (state == FAAS_TICKET_RUNNING);
        }

        account->begun = 0;
        account->ended = 0;
    }

    faas_worker_cleanup(&board, slot, faas_now_ms());
}


static void
kill_worker(uint32_t i)
{
    uint32_t  slot;

    assert_int_equal(kill(pids[i], SIGKILL), 0);
    assert_int_equal(waitpid(pids[i], NULL, 0), pids[i]);

    for (slot = 0; slot < UNIT_WORKERS; slot++) {

        if (board.workers[slot].pid == pids[i]) {
            settle(slot);
        }
    }

    pids[i] = 0;
    kills++;
}


static void
limits_of(uint32_t f, faas_fn_t *limits)
{
    unit_limits(limits, f ? 4 : 3);
    limits->capacity = f ? 2 : 1;
    limits->queue_max = 6;
    limits->queue_timeout_ms = 1000;
    limits->max_requests = f ? 5 : 0;
}


/* A second of the supervisor, many times a second. */

static void
tend(uint32_t f)
{
    uint32_t    env, wake, wakes[4];
    faas_fn_t   limits;
    const char *error;

    (void) unit_reap(&board);

    if (faas_fn_demand(&board, fns[f]) > 0) {
        (void) unit_env(&board, fns[f], versions[f]);
    }

    switch (chance(8)) {

    case 0:
        (void) faas_fn_fail_one(&board, fns[f], FAAS_WHY_SPAWN, &wake);
        break;

    case 1:
        env = chance(UNIT_ENVS);

        if (board.envs[env].state >= FAAS_ENV_INIT) {
            (void) faas_env_drain(&board, env, FAAS_WHY_SHUTDOWN,
                                  (int) chance(2));
        }

        break;

    case 2:
        limits_of(f, &limits);
        (void) unit_env(&board, fns[f], ++versions[f]);
        (void) faas_fn_switch(&board, fns[f], versions[f], &limits,
                              faas_now_ms(), wakes, 4);
        break;
    }

    assert_int_equal(faas_fn_lock(&board, fns[f]), FAAS_OK);
    error = unit_check(&board, fns[f]);
    faas_fn_unlock(&board, fns[f]);

    if (error != NULL) {
        fail_msg("%s, seed %llu", error, (unsigned long long) first_seed);
    }
}


static void
check_end(void)
{
    uint32_t  f, b;
    uint64_t  n, hist, workers_lost;

    n = 0;
    hist = 0;
    workers_lost = 0;

    for (f = 0; f < N_FNS; f++) {
        n += unit_outcomes(&board, fns[f]);
        workers_lost += board.fns[fns[f]].counters[FAAS_CNT_workers_lost];

        for (b = 0; b < FAAS_HIST_BUCKETS; b++) {
            hist += board.fns[fns[f]].hist[b];
        }

        assert_int_equal(board.fns[fns[f]].n_leases, 0);
        assert_int_equal(board.fns[fns[f]].n_waiting, 0);
        assert_null(unit_check(&board, fns[f]));
    }

    if (n != expected) {
        fail_msg("%llu counted, %llu begun, seed %llu",
                 (unsigned long long) n, (unsigned long long) expected,
                 (unsigned long long) first_seed);
    }

    assert_int_equal(workers_lost, lost);

    /* times are added before the outcome: a death between adds them twice */

    assert_true(hist >= n && hist <= n + kills);
    assert_true(n > 0 && kills > 0);
}


static uint64_t
number(const char *name, uint64_t otherwise)
{
    const char  *value;

    value = getenv(name);

    return value ? strtoull(value, NULL, 10) : otherwise;
}


static void
random_kills(void **state)
{
    uint32_t         i;
    uint64_t         end;
    struct timespec  pause;

    (void) state;

    first_seed = number("UNIT_SEED", faas_now_us() | 1);
    seed = first_seed;
    end = faas_now_ms() + 1000 * number("UNIT_SECONDS", 3);

    for (i = 0; i < N_WORKERS; i++) {
        start_worker(i);
    }

    while (faas_now_ms() < end) {

        /* any moment is as good for a kill as another */

        pause.tv_sec = 0;
        pause.tv_nsec = 1 + chance(500000);
        (void) nanosleep(&pause, NULL);

        tend(chance(N_FNS));

        if (chance(4) == 0) {
            i = chance(N_WORKERS);
            kill_worker(i);
            start_worker(i);
        }
    }

    for (i = 0; i < N_WORKERS; i++) {
        kill_worker(i);
    }

    assert_int_equal(ledger->wrong, 0);
    check_end();
}


static int
setup(void **state)
{
    uint32_t   f;
    faas_fn_t  limits;

    (void) state;

    ledger = mmap(NULL, sizeof(ledger_t), PROT_READ|PROT_WRITE,
                  MAP_SHARED|MAP_ANONYMOUS, -1, 0);

    if (ledger == MAP_FAILED || unit_board_make(&board) != 0) {
        return -1;
    }

    unit_board_shrink(&board);

    for (f = 0; f < N_FNS; f++) {
        limits_of(f, &limits);
        fns[f] = unit_fn(&board, f ? "two" : "one", &limits);
        versions[f] = 1;
    }

    return 0;
}


static int
teardown(void **state)
{
    uint32_t  i;

    (void) state;

    for (i = 0; i < N_WORKERS; i++) {

        if (pids[i] > 0) {
            (void) kill(pids[i], SIGKILL);
            (void) waitpid(pids[i], NULL, 0);
        }
    }

    unit_board_drop(&board);

    return munmap(ledger, sizeof(ledger_t));
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test_setup_teardown(random_kills, setup, teardown)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("board_kill", tests, NULL, NULL);
}
