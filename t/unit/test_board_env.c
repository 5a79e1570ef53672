/*
 * Unit tests of the scoreboard: environments, versions, workers, names and
 * the histogram.
 */

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "unit_case.h"


static void
switch_version(void **state)
{
    uint32_t   i, wakes[4], busy;
    faas_fn_t  limits;

    (void) state;
    set_up(2, 10, 0);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    busy = lease.env;

    /* the next version's are loaded beside the live ones */

    assert_int_equal(unit_env(&board, fn, 2), 2);
    assert_int_equal(unit_env(&board, fn, 2), 3);
    assert_int_equal(board.envs[2].state, FAAS_ENV_READY);
    assert_int_equal(acquire(w0, 1), FAAS_OK);
    assert_int_equal(lease.version, 1);
    release(w0, 1, &success);

    unit_limits(&limits, 10);
    limits.timeout_ms = 7000;

    assert_int_equal(faas_fn_switch(&board, fn, 2, &limits, NOW, wakes, 4),
                     0);
    assert_null(unit_check(&board, fn));

    for (i = 0; i < 2; i++) {
        assert_int_equal(board.envs[i].state,
                         i == busy ? FAAS_ENV_BUSY : FAAS_ENV_DRAIN);
        assert_int_equal(board.envs[i].kill,
                         i == busy ? FAAS_WHY_NONE : FAAS_WHY_REPLACED);
        assert_int_equal(board.envs[2 + i].state, FAAS_ENV_IDLE);
    }

    assert_int_equal(acquire(w0, 1), FAAS_OK);
    assert_int_equal(lease.version, 2);
    assert_int_equal(lease.timeout_ms, 7000);
    release(w0, 1, &success);

    release(w0, 0, &success);
    assert_int_equal(board.envs[busy].state, FAAS_ENV_DRAIN);
    assert_int_equal(board.envs[busy].kill, FAAS_WHY_REPLACED);
    assert_int_equal(ring, 1);
    assert_int_equal(board.fns[fn].n_envs, 2);
}


/* Some live, some over the limit: waiters get what a switch brings. */

static void
switch_limits(void **state)
{
    uint32_t   wakes[4];
    faas_fn_t  limits;

    (void) state;
    set_up(3, 1, 5);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w0, 1), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 2), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 3), FAAS_AGAIN);

    unit_limits(&limits, 3);

    assert_int_equal(faas_fn_switch(&board, fn, 1, &limits, NOW, wakes, 4),
                     2);
    assert_null(unit_check(&board, fn));
    assert_int_equal(wakes[0], w0);
    assert_int_equal(wakes[1], w1);
    assert_int_equal(state_of(w0, 1), FAAS_TICKET_GRANTED);
    assert_int_equal(state_of(w1, 2), FAAS_TICKET_GRANTED);
    assert_int_equal(state_of(w1, 3), FAAS_TICKET_WAITING);

    /* lowered below what is running: nothing more until it has ended */

    unit_limits(&limits, 1);
    limits.queue_max = 5;

    assert_int_equal(faas_fn_switch(&board, fn, 1, &limits, NOW, wakes, 4),
                     0);
    release(w0, 0, &success);
    release(w0, 1, &success);
    assert_int_equal(state_of(w1, 3), FAAS_TICKET_WAITING);
    release(w1, 2, &success);
    assert_int_equal(state_of(w1, 3), FAAS_TICKET_GRANTED);
}


static void
env_init_failed(void **state)
{
    uint32_t  env;

    (void) state;
    set_up(0, 10, 0);

    assert_int_equal(acquire(w0, 0), FAAS_AGAIN);
    assert_int_equal(faas_fn_demand(&board, fn), 1);

    env = unit_env_init(&board, fn, 1);
    assert_null(unit_check(&board, fn));
    assert_int_equal(faas_fn_demand(&board, fn), 0);
    assert_int_equal(board.fns[fn].n_starting, 1);

    faas_env_dead(&board, env, FAAS_WHY_INIT_CRASHED, 3);
    assert_null(unit_check(&board, fn));
    assert_int_equal(board.envs[env].state, FAAS_ENV_DEAD);
    assert_int_equal(board.envs[env].exit_code, 3);
    assert_int_equal(board.fns[fn].n_starting, 0);
    assert_int_equal(board.fns[fn].n_envs, 0);
    assert_int_equal(faas_fn_demand(&board, fn), 1);

    /* what is dead does not get ready */

    faas_env_ready(&board, env, NOW, &wake);
    assert_int_equal(wake, FAAS_NIL);
    assert_int_equal(board.envs[env].state, FAAS_ENV_DEAD);
}


static void
env_demand(void **state)
{
    uint32_t   i;
    faas_fn_t  limits;

    (void) state;
    set_up(0, 3, 10);

    assert_int_equal(faas_fn_demand(&board, fn), 0);

    /* more wait than may run */

    for (i = 0; i < 6; i++) {
        assert_int_equal(acquire(w0, i), FAAS_AGAIN);
    }

    assert_int_equal(faas_fn_demand(&board, fn), 3);

    board.fns[fn].backoff_until_ms = faas_now_ms() + 60000;
    assert_int_equal(faas_fn_demand(&board, fn), 0);
    board.fns[fn].backoff_until_ms = 0;

    unit_limits(&limits, 6);
    limits.capacity = 4;
    (void) unit_fn(&board, "hello", &limits);
    assert_int_equal(faas_fn_demand(&board, fn), 2);

    (void) unit_env_init(&board, fn, 1);
    assert_int_equal(faas_fn_demand(&board, fn), 1);
}


static void
env_drain(void **state)
{
    uint32_t  busy;

    (void) state;
    set_up(2, 10, 0);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    busy = lease.env;

    assert_int_equal(faas_env_drain(&board, busy, FAAS_WHY_IDLE, 0), 0);
    assert_int_equal(board.envs[busy].state, FAAS_ENV_BUSY);

    assert_int_equal(faas_env_drain(&board, 1 - busy, FAAS_WHY_AGE, 0), 1);
    assert_null(unit_check(&board, fn));
    assert_int_equal(board.envs[1 - busy].state, FAAS_ENV_DRAIN);
    assert_int_equal(board.envs[1 - busy].kill, FAAS_WHY_AGE);

    assert_int_equal(faas_env_drain(&board, busy, FAAS_WHY_SHUTDOWN, 1), 1);
    assert_null(unit_check(&board, fn));
    assert_int_equal(board.envs[busy].state, FAAS_ENV_DRAIN);
    assert_int_equal(board.fns[fn].n_envs, 0);
    assert_int_equal(board.fns[fn].n_leases, 1);

    release(w0, 0, &success);
    assert_int_equal(ring, 1);
    assert_int_equal(board.envs[busy].state, FAAS_ENV_DRAIN);
}


/* A slot that was taken again is not confused with the one a lease had. */

static void
env_slot_taken_again(void **state)
{
    uint32_t  env;

    (void) state;
    set_up(1, 10, 0);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    env = lease.env;
    faas_lease_run(&board, unit_ticket(&board, w0, 0));

    faas_env_dead(&board, env, FAAS_WHY_OOM, 9);
    assert_int_equal(board.fns[fn].counters[FAAS_CNT_out_of_memory], 1);
    assert_int_equal(board.fns[fn].counters[FAAS_CNT_environments_ended], 1);
    assert_int_equal(unit_reap(&board), 1);
    assert_int_equal(unit_env(&board, fn, 1), env);
    assert_int_equal(acquire(w1, 1), FAAS_OK);
    assert_int_equal(lease.env, env);

    release(w0, 0, &success);
    assert_int_equal(board.envs[env].state, FAAS_ENV_BUSY);
    assert_int_equal(board.envs[env].inflight, 1);
    assert_int_equal(board.envs[env].requests, 0);
    assert_int_equal(unit_outcomes(&board, fn), 1);

    release(w1, 1, &success);
    assert_int_equal(board.envs[env].state, FAAS_ENV_IDLE);
}


static void
worker_lost(void **state)
{
    uint32_t  running, granted;

    (void) state;
    set_up(2, 2, 10);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    running = lease.env;
    faas_lease_run(&board, unit_ticket(&board, w0, 0));
    assert_int_equal(acquire(w0, 1), FAAS_OK);
    granted = lease.env;
    assert_int_equal(acquire(w0, 2), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 3), FAAS_AGAIN);

    faas_worker_cleanup(&board, w0, NOW);
    assert_null(unit_check(&board, fn));

    assert_int_equal(board.workers[w0].pid, 0);
    assert_int_equal(state_of(w0, 0), FAAS_TICKET_FREE);
    assert_int_equal(state_of(w0, 1), FAAS_TICKET_FREE);
    assert_int_equal(state_of(w0, 2), FAAS_TICKET_FREE);

    assert_int_equal(board.envs[running].state, FAAS_ENV_DRAIN);
    assert_int_equal(board.envs[running].kill, FAAS_WHY_WORKER_LOST);
    assert_int_equal(board.fns[fn].outcomes[FAAS_OUT_CRASH], 1);
    assert_int_equal(unit_outcomes(&board, fn), 1);
    assert_int_equal(board.fns[fn].counters[FAAS_CNT_workers_lost], 1);

    /* the environment that had seen no byte serves who waited */

    assert_int_equal(state_of(w1, 3), FAAS_TICKET_GRANTED);
    assert_int_equal(board.tickets[unit_ticket(&board, w1, 3)].env, granted);
    assert_int_equal(faas_mailbox_take(&board, w1),
                     unit_ticket(&board, w1, 3));

    /* once more does nothing; the slot can be had again */

    faas_worker_cleanup(&board, w0, NOW);
    assert_int_equal(unit_outcomes(&board, fn), 1);
    assert_int_equal(unit_worker(&board, 102), w0);
}


/* A real robust mutex, and an owner who leaves everything upside down. */

static void
owner_killed(void **state)
{
    int         status;
    pid_t       pid;
    faas_fn_t  *f;

    (void) state;
    set_up(3, 3, 5);

    assert_int_equal(acquire(w1, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 1), FAAS_OK);
    assert_int_equal(acquire(w1, 2), FAAS_OK);
    assert_int_equal(acquire(w1, 3), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 4), FAAS_AGAIN);
    release(w1, 2, &success);

    f = &board.fns[fn];
    pid = fork();
    assert_int_not_equal(pid, -1);

    if (pid == 0) {
        (void) faas_fn_lock(&board, fn);

        f->idle_head = 77;
        f->wait_head = FAAS_NIL;
        f->wait_tail = 78;
        f->n_waiting = 79;
        f->n_leases = 0;
        f->n_envs = 80;
        f->n_starting = 81;
        board.envs[0].inflight = 82;
        board.envs[1].listed = 1;

        /* in the middle of counting */

        memset(&f->intent, 0xff, sizeof(faas_intent_t));
        memcpy(f->intent.sums, &f->counters[FAAS_SUM_FIRST],
               sizeof(f->intent.sums));
        f->intent.outcome = FAAS_OUT_TIMEOUT;
        f->intent.outcome_value = f->outcomes[FAAS_OUT_TIMEOUT] + 1;
        f->intent.set = 1;

        (void) kill(getpid(), SIGKILL);
    }

    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));

    assert_int_equal(faas_fn_lock(&board, fn), FAAS_OK);
    assert_null(unit_check(&board, fn));
    faas_fn_unlock(&board, fn);

    assert_int_equal(f->outcomes[FAAS_OUT_TIMEOUT], 1);
    assert_int_equal(unit_outcomes(&board, fn), 2);
    assert_int_equal(f->wait_head, unit_ticket(&board, w1, 4));

    /* and goes on as if nothing had been */

    assert_int_equal(faas_fn_lock(&board, fn), FAAS_OK);
    faas_fn_unlock(&board, fn);
    release(w1, 0, &success);
    assert_int_equal(state_of(w1, 4), FAAS_TICKET_GRANTED);
}


static void
worker_slots(void **state)
{
    uint32_t  i;

    (void) state;

    for (i = 0; i < FAAS_MAX_WORKERS; i++) {
        assert_int_equal(unit_worker(&board, 1000 + (int32_t) i), i);
        assert_int_equal(board.workers[i].mailbox, FAAS_NIL);
    }

    assert_int_equal(unit_worker(&board, 5000), FAAS_NIL);
    faas_worker_cleanup(&board, 7, NOW);
    assert_int_equal(unit_worker(&board, 5000), 7);

    assert_true(faas_process_start_time(getpid()) > 0);
    assert_true(faas_process_start_time(getpid())
                >= faas_process_start_time(getppid()));
    assert_int_equal(faas_process_start_time(-1), 0);
}


static void
names(void **state)
{
    char  name[FAAS_NAME_MAX + 1];

    (void) state;

    memset(name, 'n', sizeof(name));

    assert_int_equal(faas_board_name(&board, "a", 1), 0);
    assert_int_equal(faas_board_name(&board, "ab", 2), 1);
    assert_int_equal(faas_board_name(&board, "a", 1), 0);
    assert_int_equal(faas_board_find(&board, "ab", 2), 1);
    assert_int_equal(faas_board_find(&board, "abc", 3), FAAS_NIL);
    assert_int_equal(faas_board_find(&board, "", 0), FAAS_NIL);
    assert_int_equal(faas_board_name(&board, "", 0), FAAS_NIL);
    assert_int_equal(faas_board_name(&board, name, FAAS_NAME_MAX + 1),
                     FAAS_NIL);
    assert_int_equal(faas_board_name(&board, name, FAAS_NAME_MAX), 2);
    assert_int_equal(faas_board_find(&board, name, FAAS_NAME_MAX - 1),
                     FAAS_NIL);
    assert_int_equal(faas_board_name(&board, "x", 1), 3);
    assert_int_equal(faas_board_name(&board, "y", 1), FAAS_NIL);
}


static void
histogram(void **state)
{
    uint32_t  b, last;
    uint64_t  us, value, off, hist[FAAS_HIST_BUCKETS];

    (void) state;

    last = 0;

    for (us = 0; us < 1ULL << 31; us += 1 + us / 100) {
        b = faas_hist_bucket(us);
        value = faas_hist_value(b);
        off = value > us ? value - us : us - value;

        assert_true(b >= last && b < FAAS_HIST_BUCKETS);
        assert_true(off * 64 <= us);
        assert_int_equal(faas_hist_bucket(value), b);
        last = b;
    }

    assert_int_equal(faas_hist_bucket((1ULL << 31) - 1),
                     FAAS_HIST_BUCKETS - 1);
    assert_int_equal(faas_hist_bucket(UINT64_MAX), FAAS_HIST_BUCKETS - 1);

    memset(hist, 0, sizeof(hist));
    assert_int_equal(faas_hist_quantile(hist, 0.5), 0);

    for (us = 1; us <= 1000; us++) {
        hist[faas_hist_bucket(us)]++;
    }

    value = faas_hist_quantile(hist, 0.5);
    assert_true(value >= 485 && value <= 515);
    value = faas_hist_quantile(hist, 0.99);
    assert_true(value >= 960 && value <= 1020);
    assert_true(faas_hist_quantile(hist, 1.0) >= value);
    assert_int_equal(faas_hist_quantile(hist, 0.0), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        BOARD_TEST(switch_version),
        BOARD_TEST(switch_limits),
        BOARD_TEST(env_init_failed),
        BOARD_TEST(env_demand),
        BOARD_TEST(env_drain),
        BOARD_TEST(env_slot_taken_again),
        BOARD_TEST(worker_lost),
        BOARD_TEST(owner_killed),
        BOARD_TEST(worker_slots),
        BOARD_TEST(names),
        BOARD_TEST(histogram)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("board_env", tests, NULL, NULL);
}
