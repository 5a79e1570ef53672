/*
 * Unit tests of the scoreboard when its users die.
 *
 * A child does something to the board under ptrace, one instruction at a
 * time.  Whenever the board has changed, a copy is recovered as if the child
 * had been killed just there: all that is derived must be right, and every
 * invocation that began must have been counted exactly once.
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
#include "unit_amounts.h"
#include "unit_step.h"


typedef struct {
    void      (*act)(void);
    int         worker;               /* w0 died, else the supervisor did */
    uint64_t    begun;                /* invocations that had begun before */
    int         any;                  /* begin and end in one: 0 or 1 */
    int         ends;                 /* what w0 ran on has to end */
} death_t;


#define DEATH_TEST(f)                                                         \
    cmocka_unit_test_setup_teardown(f, small_setup, board_teardown)


static faas_board_t  snap, image;
static uint32_t      used;            /* environment of the first ticket */


static int
small_setup(void **state)
{
    if (board_setup(state) != 0) {
        return -1;
    }

    unit_board_shrink(&board);

    return 0;
}


/* What the living do: the supervisor's round after a death. */

static void
recover(const death_t *d)
{
    unit_board_recover(&image);

    if (d->worker) {
        faas_worker_cleanup(&image, w0, NOW);
    }

    (void) faas_fn_demand(&image, fn);
}


/* In the child's place: 0, or what is wrong after its death here. */

static const char *
examine(const death_t *d, int ran)
{
    uint32_t           i;
    uint64_t           n;
    const char        *error;
    const faas_fn_t   *f;

    recover(d);

    error = unit_check(&image, fn);

    if (error != NULL) {
        return error;
    }

    n = unit_outcomes(&image, fn);

    if (d->any ? n > 1 : n != d->begun + (ran ? 1 : 0)) {
        return "an invocation was not counted exactly once";
    }

    if (d->ends && ran && image.envs[used].state != FAAS_ENV_DRAIN) {
        return "an environment that has to end goes on";
    }

    error = unit_amounts(&image, fn);

    if (error == NULL) {
        error = unit_counts(&image, fn, !d->any);
    }

    if (error != NULL) {
        return error;
    }

    f = &image.fns[fn];

    if (f->n_waiting && f->idle_head != FAAS_NIL
        && f->n_leases < f->concurrency)
    {
        return "somebody waits beside an idle environment";
    }

    for (i = 0; i < UNIT_TICKETS && d->worker; i++) {

        if (image.tickets[unit_ticket(&image, w0, i)].state
            != FAAS_TICKET_FREE)
        {
            return "a dead worker's ticket is in use";
        }
    }

    return NULL;
}


/* Whether w0's first invocation has begun in the state seen last. */

static int
has_begun(void)
{
    return snap.tickets[unit_ticket(&snap, w0, 0)].state
           == FAAS_TICKET_RUNNING;
}


static void
die_everywhere(const death_t *d)
{
    int          ran;
    pid_t        pid;
    unsigned     states;
    const char  *error;

    assert_int_equal(unit_board_image(&board, &snap), 0);
    assert_int_equal(unit_board_image(&board, &image), 0);

    unit_board_take(&board, &snap);
    used = board.tickets[unit_ticket(&board, w0, 0)].env;
    ran = has_begun();
    states = 0;

    pid = unit_step_start(d->act);

    if (pid == -1) {
        skip();                                   /* ptrace is forbidden */
    }

    while (unit_step(pid)) {

        if (unit_board_same(&board, &snap)) {
            continue;
        }

        states++;
        unit_board_take(&board, &snap);
        unit_board_take(&snap, &image);
        ran |= has_begun();

        error = examine(d, ran);

        if (error != NULL) {
            (void) kill(pid, SIGKILL);
            (void) waitpid(pid, NULL, 0);
            fail_msg("state %u: %s", states, error);
        }
    }

    assert_true(states > 5);

    unit_board_image_drop(&snap);
    unit_board_image_drop(&image);
}


static void
release_acts(void)
{
    faas_lease_run(&board, unit_ticket(&board, w0, 0));
    faas_release(&board, unit_ticket(&board, w0, 0), &report, NOW, &wake,
                 &ring);
}


static void
dies_in_release(void **state)
{
    const death_t  d = { release_acts, 1, 0, 0, 0 };

    (void) state;
    set_up(1, 1, 5);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 0), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);

    die_everywhere(&d);
}


static void
dies_in_release_idle(void **state)
{
    const death_t  d = { release_acts, 1, 0, 0, 0 };

    (void) state;
    set_up(3, 5, 0);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 0), FAAS_OK);

    die_everywhere(&d);
}


static void
release_kill_acts(void)
{
    faas_report_t  r;

    r = report;
    r.outcome = FAAS_OUT_TIMEOUT;
    r.why = FAAS_WHY_TIMEOUT;

    faas_lease_run(&board, unit_ticket(&board, w0, 0));
    faas_release(&board, unit_ticket(&board, w0, 0), &r, NOW, &wake, &ring);
}


static void
dies_in_release_kill(void **state)
{
    const death_t  d = { release_kill_acts, 1, 0, 0, 1 };

    (void) state;
    set_up(2, 2, 5);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);

    die_everywhere(&d);
}


static void
dies_in_release_shared(void **state)
{
    faas_fn_t      limits;
    const death_t  d = { release_kill_acts, 1, 0, 0, 1 };

    (void) state;
    set_up(0, 5, 0);

    unit_limits(&limits, 5);
    limits.capacity = 3;
    limits.max_requests = 10;
    (void) unit_fn(&board, "hello", &limits);
    (void) unit_env(&board, fn, 1);

    assert_int_equal(acquire(w1, 0), FAAS_OK);
    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 1), FAAS_OK);
    assert_int_equal(acquire(w1, 2), FAAS_AGAIN);

    die_everywhere(&d);
}


static void
acquire_acts(void)
{
    (void) faas_acquire(&board, fn, unit_ticket(&board, w0, 0), NOW, &lease);
    (void) faas_acquire(&board, fn, unit_ticket(&board, w0, 1), NOW, &lease);
    (void) faas_acquire(&board, fn, unit_ticket(&board, w0, 2), NOW, &lease);
}


static void
dies_in_acquire(void **state)
{
    const death_t  d = { acquire_acts, 1, 0, 0, 0 };

    (void) state;
    set_up(2, 2, 1);

    die_everywhere(&d);
}


static void
cancel_acts(void)
{
    faas_cancel(&board, unit_ticket(&board, w0, 1), FAAS_CNT_client_aborts,
                NOW, &wake, &ring);
    faas_cancel(&board, unit_ticket(&board, w0, 0), FAAS_CNT_client_aborts,
                NOW, &wake, &ring);
}


static void
dies_in_cancel(void **state)
{
    const death_t  d = { cancel_acts, 1, 0, 0, 0 };

    (void) state;
    set_up(1, 1, 5);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 0), FAAS_AGAIN);
    assert_int_equal(acquire(w0, 1), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);

    die_everywhere(&d);
}


static void
retry_acts(void)
{
    (void) faas_retry(&board, unit_ticket(&board, w0, 0), NOW, &lease);
    (void) faas_retry(&board, unit_ticket(&board, w0, 0), NOW, &lease);
}


static void
dies_in_retry(void **state)
{
    const death_t  d = { retry_acts, 1, 0, 0, 0 };

    (void) state;
    set_up(2, 2, 5);

    assert_int_equal(acquire(w0, 0), FAAS_OK);

    die_everywhere(&d);
}


static void
count_acts(void)
{
    faas_count(&board, fn, &report);
}


static void
dies_in_count(void **state)
{
    const death_t  d = { count_acts, 0, 0, 1, 0 };

    (void) state;
    set_up(1, 1, 0);

    die_everywhere(&d);
}


static void
start_acts(void)
{
    faas_env_assign(&board, 1, fn, 1);
    faas_env_ready(&board, 1, NOW, &wake);
}


static void
dies_in_start(void **state)
{
    const death_t  d = { start_acts, 0, 0, 0, 0 };

    (void) state;
    set_up(1, 5, 0);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 0), FAAS_AGAIN);

    board.envs[1].generation++;
    board.envs[1].state = FAAS_ENV_BLANK;

    die_everywhere(&d);
}


static void
end_acts(void)
{
    (void) faas_env_drain(&board, 0, FAAS_WHY_IDLE, 0);
    (void) faas_env_drain(&board, 1, FAAS_WHY_SHUTDOWN, 1);
    (void) faas_env_drain(&board, 2, FAAS_WHY_SHUTDOWN, 1);
    faas_env_dead(&board, 0, FAAS_WHY_IDLE, 0);
    faas_env_dead(&board, 1, FAAS_WHY_SIGNALED, 9);
    faas_env_dead(&board, 2, FAAS_WHY_OOM, 9);
}


static void
dies_in_end(void **state)
{
    const death_t  d = { end_acts, 0, 0, 0, 0 };

    (void) state;
    set_up(3, 5, 0);

    assert_int_equal(acquire(w1, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 1), FAAS_OK);

    die_everywhere(&d);
}


static void
switch_acts(void)
{
    uint32_t   wakes[4];
    faas_fn_t  limits;

    unit_limits(&limits, 5);

    (void) faas_fn_switch(&board, fn, 2, &limits, NOW, wakes, 4);
}


static void
dies_in_switch(void **state)
{
    const death_t  d = { switch_acts, 0, 0, 0, 0 };

    (void) state;
    set_up(2, 1, 5);

    assert_int_equal(acquire(w1, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 2), FAAS_AGAIN);
    (void) unit_env(&board, fn, 2);
    (void) unit_env_init(&board, fn, 2);

    die_everywhere(&d);
}


static void
fail_acts(void)
{
    (void) faas_fn_fail_one(&board, fn, FAAS_WHY_SPAWN, &wake);
    (void) faas_fn_fail_one(&board, fn, FAAS_WHY_SPAWN, &wake);
}


static void
dies_in_fail(void **state)
{
    const death_t  d = { fail_acts, 0, 0, 0, 0 };

    (void) state;
    set_up(0, 5, 0);

    assert_int_equal(acquire(w1, 0), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 2), FAAS_AGAIN);

    die_everywhere(&d);
}


static void
cleanup_acts(void)
{
    faas_worker_cleanup(&board, w0, NOW);
}


/* The next supervisor finds the same dead worker. */

static void
dies_in_cleanup(void **state)
{
    const death_t  d = { cleanup_acts, 1, 0, 0, 1 };

    (void) state;
    set_up(2, 2, 5);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    faas_lease_run(&board, unit_ticket(&board, w0, 0));
    assert_int_equal(acquire(w0, 1), FAAS_OK);
    assert_int_equal(acquire(w0, 2), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 0), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);

    die_everywhere(&d);
}


/*
 * A worker dies while it counts an invocation of an environment that is dead
 * already; its slot is taken for another function before anybody repairs.
 */

static void
slot_is_used_again(void **state)
{
    pid_t      pid;
    uint32_t   other;
    faas_fn_t  limits;

    (void) state;
    set_up(1, 5, 0);

    unit_limits(&limits, 5);
    other = unit_fn(&board, "other", &limits);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    used = board.tickets[unit_ticket(&board, w0, 0)].env;

    assert_int_equal(faas_env_drain(&board, used, FAAS_WHY_SHUTDOWN, 1), 1);
    faas_env_dead(&board, used, FAAS_WHY_SHUTDOWN, 0);

    pid = unit_step_start(release_acts);

    if (pid == -1) {
        skip();                                   /* ptrace is forbidden */
    }

    while (!board.fns[fn].intent.set) {
        assert_int_equal(unit_step(pid), 1);
    }

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);

    (void) unit_reap(&board);
    assert_int_equal(unit_env(&board, other, 1), used);

    faas_worker_cleanup(&board, w0, NOW);

    assert_null(unit_check(&board, other));
    assert_null(unit_check(&board, fn));
    assert_int_equal(board.envs[used].state, FAAS_ENV_IDLE);
    assert_int_equal(board.envs[used].requests, 0);
    assert_int_equal(unit_outcomes(&board, fn), 1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        DEATH_TEST(dies_in_release),
        DEATH_TEST(dies_in_release_idle),
        DEATH_TEST(dies_in_release_kill),
        DEATH_TEST(dies_in_release_shared),
        DEATH_TEST(dies_in_acquire),
        DEATH_TEST(dies_in_cancel),
        DEATH_TEST(dies_in_retry),
        DEATH_TEST(dies_in_count),
        DEATH_TEST(dies_in_start),
        DEATH_TEST(dies_in_end),
        DEATH_TEST(dies_in_switch),
        DEATH_TEST(dies_in_fail),
        DEATH_TEST(dies_in_cleanup),
        DEATH_TEST(slot_is_used_again)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("board_death", tests, NULL, NULL);
}
