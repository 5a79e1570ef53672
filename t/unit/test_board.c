/*
 * Unit tests of the scoreboard: leases and the queue.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "unit_case.h"


#define COUNTER(name)  board.fns[fn].counters[FAAS_CNT_##name]


static void
lease_last_used_first(void **state)
{
    uint32_t  a, b;

    (void) state;
    set_up(2, 10, 0);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    a = lease.env;
    assert_int_equal(lease.cold, 1);
    assert_int_equal(lease.version, 1);
    assert_int_equal(lease.timeout_ms, 3000);
    assert_int_equal(lease.memory_mb, 128);
    assert_int_equal(board.envs[a].state, FAAS_ENV_BUSY);

    assert_int_equal(acquire(w1, 0), FAAS_OK);
    b = lease.env;
    assert_int_not_equal(a, b);

    release(w0, 0, &success);
    assert_int_equal(ring, 0);
    assert_int_equal(wake, FAAS_NIL);
    assert_int_equal(board.envs[a].state, FAAS_ENV_IDLE);
    release(w1, 0, &success);

    assert_int_equal(acquire(w0, 1), FAAS_OK);
    assert_int_equal(lease.env, b);
    assert_int_equal(lease.cold, 0);
    release(w0, 1, &success);

    assert_int_equal(unit_outcomes(&board, fn), 3);
    assert_int_equal(board.envs[b].requests, 2);
}


static void
lease_report(void **state)
{
    faas_report_t  r;

    (void) state;
    set_up(1, 1, 0);

    memset(&r, 0, sizeof(r));
    r.outcome = FAAS_OUT_ERROR_HANDLED;
    r.count = 1;
    r.cold = 1;
    r.init_us = 2500;
    r.duration_us = 1001;
    r.memory_mb = 128;
    r.bytes_in = 10;
    r.bytes_out = 20;
    r.queue_us = 30;
    r.counter = FAAS_CNT_bad_response;

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    release(w0, 0, &r);

    assert_int_equal(board.fns[fn].outcomes[FAAS_OUT_ERROR_HANDLED], 1);
    assert_int_equal(unit_outcomes(&board, fn), 1);

    assert_int_equal(COUNTER(bad_response), 1);
    assert_int_equal(COUNTER(cold_starts), 1);
    assert_int_equal(COUNTER(init_us), 2500);
    assert_int_equal(COUNTER(duration_us), 1001);
    assert_int_equal(COUNTER(billed_ms), 4);            /* 3.501 rounded up */
    assert_int_equal(COUNTER(billed_mb_ms), 512);
    assert_int_equal(COUNTER(bytes_in), 10);
    assert_int_equal(COUNTER(bytes_out), 20);
    assert_int_equal(COUNTER(queue_us), 30);
    assert_int_equal(COUNTER(environments_started), 1);
    assert_int_equal(board.fns[fn].hist[faas_hist_bucket(1001)], 1);
}


static void
lease_report_nothing(void **state)
{
    faas_report_t  r;

    (void) state;
    set_up(1, 1, 0);

    /* a lease that ran nothing counts nothing but what it says */

    r = success;
    r.count = 0;
    r.cold = 1;
    r.duration_us = 1001;
    r.counter = FAAS_CNT_client_aborts;

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    release(w0, 0, &r);

    assert_int_equal(unit_outcomes(&board, fn), 0);
    assert_int_equal(COUNTER(duration_us), 0);
    assert_int_equal(COUNTER(cold_starts), 0);
    assert_int_equal(COUNTER(client_aborts), 1);

    /* nor does releasing what is no lease */

    faas_release(&board, unit_ticket(&board, w0, 0), &success, NOW, &wake,
                 &ring);
    assert_int_equal(unit_outcomes(&board, fn), 0);

    faas_count(&board, fn, &success);
    assert_int_equal(unit_outcomes(&board, fn), 1);

    faas_counter_add(&board, fn, FAAS_CNT_request_too_large, 3);
    assert_int_equal(COUNTER(request_too_large), 3);
}


static void
lease_why_drains(void **state)
{
    uint32_t       env;
    faas_report_t  r;

    (void) state;
    set_up(1, 1, 0);

    r = success;
    r.outcome = FAAS_OUT_TIMEOUT;
    r.why = FAAS_WHY_TIMEOUT;

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    env = lease.env;
    release(w0, 0, &r);

    assert_int_equal(ring, 1);
    assert_int_equal(board.envs[env].state, FAAS_ENV_DRAIN);
    assert_int_equal(board.envs[env].kill, FAAS_WHY_TIMEOUT);
    assert_int_equal(board.fns[fn].n_envs, 0);
    assert_int_equal(unit_reap(&board), 1);

    assert_int_equal(acquire(w0, 0), FAAS_AGAIN);
    assert_int_equal(lease.demand, 1);
}


static void
lease_max_requests(void **state)
{
    uint32_t    env, i;
    faas_fn_t   limits;

    (void) state;
    set_up(0, 1, 0);

    unit_limits(&limits, 1);
    limits.max_requests = 3;
    (void) unit_fn(&board, "hello", &limits);
    env = unit_env(&board, fn, 1);

    for (i = 0; i < 3; i++) {
        assert_int_equal(board.envs[env].state, FAAS_ENV_IDLE);
        assert_int_equal(acquire(w0, 0), FAAS_OK);
        release(w0, 0, &success);
    }

    assert_int_equal(board.envs[env].state, FAAS_ENV_DRAIN);
    assert_int_equal(board.envs[env].kill, FAAS_WHY_REQUESTS);
}


static void
lease_capacity(void **state)
{
    uint32_t    env, i;
    faas_fn_t   limits;

    (void) state;
    set_up(0, 10, 0);

    unit_limits(&limits, 10);
    limits.capacity = 3;
    (void) unit_fn(&board, "hello", &limits);
    env = unit_env(&board, fn, 1);

    for (i = 0; i < 3; i++) {
        assert_int_equal(acquire(w0, i), FAAS_OK);
        assert_int_equal(lease.env, env);
    }

    assert_int_equal(acquire(w0, 3), FAAS_AGAIN);
    assert_int_equal(board.envs[env].inflight, 3);

    release(w0, 1, &success);
    assert_int_equal(wake, w0);
    assert_int_equal(state_of(w0, 3), FAAS_TICKET_GRANTED);

    release(w0, 0, &success);
    release(w0, 2, &success);
    assert_int_equal(board.envs[env].state, FAAS_ENV_BUSY);
    release(w0, 3, &success);
    assert_int_equal(board.envs[env].state, FAAS_ENV_IDLE);
}


static void
refused(void **state)
{
    faas_fn_t  limits;

    (void) state;
    set_up(1, 1, 0);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w0, 1), FAAS_THROTTLED);
    assert_int_equal(state_of(w0, 1), FAAS_TICKET_FREE);
    assert_int_equal(COUNTER(throttles_concurrency), 1);
    release(w0, 0, &success);

    unit_limits(&limits, 0);
    (void) unit_fn(&board, "hello", &limits);
    assert_int_equal(acquire(w0, 0), FAAS_THROTTLED);
    assert_int_equal(COUNTER(throttles_concurrency), 2);

    unit_limits(&limits, 1);
    (void) unit_fn(&board, "hello", &limits);
    (void) faas_env_drain(&board, 0, FAAS_WHY_IDLE, 0);
    board.fns[fn].backoff_until_ms = NOW + 1;
    assert_int_equal(acquire(w0, 0), FAAS_BACKOFF);
    board.fns[fn].backoff_until_ms = NOW;
    assert_int_equal(acquire(w0, 0), FAAS_AGAIN);
    faas_cancel(&board, unit_ticket(&board, w0, 0), -1, NOW, &wake, &ring);

    board.fns[fn].state = FAAS_FN_REMOVED;
    assert_int_equal(acquire(w0, 0), FAAS_GONE);
    assert_int_equal(unit_outcomes(&board, fn), 1);
}


/* Before its first version is live a function's requests wait. */

static void
not_live_yet(void **state)
{
    uint32_t   wakes[4];
    faas_fn_t  limits;

    (void) state;

    fn = faas_board_name(&board, "new", 3);
    w0 = unit_worker(&board, 100);

    assert_int_equal(acquire(w0, 0), FAAS_AGAIN);
    assert_int_equal(acquire(w0, 1), FAAS_AGAIN);
    assert_true(lease.max_wait_ms >= 20000);

    unit_limits(&limits, 10);

    /* loaded before it is live */

    assert_int_equal(unit_env(&board, fn, 1), 0);
    assert_int_equal(board.envs[0].state, FAAS_ENV_READY);

    assert_int_equal(faas_fn_switch(&board, fn, 1, &limits, NOW, wakes, 4),
                     1);
    assert_int_equal(wakes[0], w0);
    assert_null(unit_check(&board, fn));
    assert_int_equal(state_of(w0, 0), FAAS_TICKET_GRANTED);
    assert_int_equal(state_of(w0, 1), FAAS_TICKET_WAITING);
    assert_int_equal(faas_fn_demand(&board, fn), 1);
}


static void
queue_first_in_first_out(void **state)
{
    uint32_t   i, ticket;

    (void) state;
    set_up(1, 1, 3);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);
    assert_int_equal(lease.max_wait_ms, 500);
    assert_int_equal(lease.demand, 0);
    assert_int_equal(acquire(w0, 2), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 3), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 4), FAAS_QUEUE_FULL);
    assert_int_equal(board.fns[fn].counters[FAAS_CNT_throttles_queue_full],
                     1);

    for (i = 0; i < 3; i++) {
        release(i % 2 ? w1 : w0, i, &success);
        assert_int_equal(wake, i % 2 ? w0 : w1);

        ticket = faas_mailbox_take(&board, wake);
        assert_int_equal(ticket, unit_ticket(&board, wake, i + 1));
        assert_int_equal(board.tickets[ticket].mail_list, FAAS_NIL);

        assert_int_equal(faas_lease_get(&board, ticket, &lease), FAAS_OK);
        assert_int_equal(lease.env, 0);
    }

    /* nobody overtakes: one who comes while others wait is the last */

    assert_int_equal(acquire(w0, 0), FAAS_AGAIN);
    release(w1, 3, &success);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);
    assert_int_equal(state_of(w0, 0), FAAS_TICKET_GRANTED);
}


/* Several tickets of one worker come out in the order they went in. */

static void
queue_mailbox_order(void **state)
{
    uint32_t  i, ticket;

    (void) state;
    set_up(0, 10, 0);

    for (i = 0; i < 4; i++) {
        assert_int_equal(acquire(w0, i), FAAS_AGAIN);
        assert_int_equal(lease.demand, 1);
    }

    assert_int_equal(faas_fn_demand(&board, fn), 4);

    for (i = 0; i < 4; i++) {
        assert_int_not_equal(unit_env(&board, fn, 1), FAAS_NIL);
    }

    ticket = faas_mailbox_take(&board, w0);

    for (i = 0; i < 4; i++) {
        assert_int_equal(ticket, unit_ticket(&board, w0, i));
        assert_int_equal(faas_lease_get(&board, ticket, &lease), FAAS_OK);
        ticket = board.tickets[ticket].mail_list;
    }

    assert_int_equal(ticket, FAAS_NIL);
    assert_int_equal(faas_mailbox_take(&board, w0), FAAS_NIL);
}


/* A sender that died after its mark: later mail must still arrive. */

static void
queue_mail_stuck(void **state)
{
    uint32_t  stuck, other, first;

    (void) state;
    set_up(0, 10, 0);

    assert_int_equal(acquire(w0, 0), FAAS_AGAIN);
    assert_int_equal(acquire(w0, 1), FAAS_AGAIN);

    stuck = unit_ticket(&board, w0, 0);
    other = unit_ticket(&board, w0, 1);

    board.tickets[stuck].mailed = 1;

    assert_int_not_equal(unit_env(&board, fn, 1), FAAS_NIL);
    assert_int_not_equal(unit_env(&board, fn, 1), FAAS_NIL);
    assert_int_equal(board.tickets[stuck].state, FAAS_TICKET_GRANTED);
    assert_int_equal(board.tickets[other].state, FAAS_TICKET_GRANTED);

    /* what was in the mailbox comes along, what was not is free again */

    first = faas_mail_unstick(&board, w0, stuck);
    assert_int_equal(first, other);
    assert_int_equal(board.tickets[first].mail_list, FAAS_NIL);
    assert_int_equal(board.tickets[stuck].mailed, 0);
    assert_int_equal(faas_mail_unstick(&board, w0, stuck), FAAS_NIL);
}


static void
queue_cancel(void **state)
{
    uint32_t  ticket;

    (void) state;
    set_up(1, 1, 4);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    assert_int_equal(acquire(w0, 1), FAAS_AGAIN);
    assert_int_equal(acquire(w0, 2), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 3), FAAS_AGAIN);

    /* in the middle */

    faas_cancel(&board, unit_ticket(&board, w0, 2),
                FAAS_CNT_throttles_queue_timeout, NOW, &wake, &ring);
    assert_null(unit_check(&board, fn));
    assert_int_equal(state_of(w0, 2), FAAS_TICKET_FREE);
    assert_int_equal(board.fns[fn].n_waiting, 2);
    assert_int_equal(
        board.fns[fn].counters[FAAS_CNT_throttles_queue_timeout], 1);

    /* granted meanwhile: goes on to the next, and stays a cold start */

    release(w0, 0, &success);
    board.envs[0].requests = 0;
    ticket = unit_ticket(&board, w0, 1);
    assert_int_equal(faas_lease_get(&board, ticket, &lease), FAAS_OK);
    faas_cancel(&board, ticket, -1, NOW, &wake, &ring);
    assert_null(unit_check(&board, fn));
    assert_int_equal(wake, w1);
    assert_int_equal(state_of(w1, 3), FAAS_TICKET_GRANTED);
    assert_int_equal(board.envs[0].cold, 1);

    /* what is free is not cancelled */

    faas_cancel(&board, ticket, FAAS_CNT_client_aborts, NOW, &wake, &ring);
    assert_int_equal(board.fns[fn].counters[FAAS_CNT_client_aborts], 0);
    assert_int_equal(unit_outcomes(&board, fn), 1);
}


static void
queue_fail_one(void **state)
{
    uint32_t  ticket;

    (void) state;
    set_up(0, 10, 0);

    assert_int_equal(faas_fn_fail_one(&board, fn, FAAS_WHY_SPAWN, &wake), 0);

    assert_int_equal(acquire(w0, 0), FAAS_AGAIN);
    assert_int_equal(acquire(w1, 1), FAAS_AGAIN);

    assert_int_equal(faas_fn_fail_one(&board, fn, FAAS_WHY_INIT_ERROR, &wake),
                     1);
    assert_null(unit_check(&board, fn));
    assert_int_equal(wake, w0);

    ticket = faas_mailbox_take(&board, w0);
    assert_int_equal(ticket, unit_ticket(&board, w0, 0));
    assert_int_equal(board.tickets[ticket].state, FAAS_TICKET_FAILED);
    assert_int_equal(board.tickets[ticket].why, FAAS_WHY_INIT_ERROR);
    assert_int_equal(faas_lease_get(&board, ticket, &lease), FAAS_ERROR);

    faas_cancel(&board, ticket, -1, NOW, &wake, &ring);
    assert_int_equal(board.tickets[ticket].state, FAAS_TICKET_FREE);
    assert_int_equal(state_of(w1, 1), FAAS_TICKET_WAITING);
}


static void
retry_another(void **state)
{
    uint32_t  a, b;

    (void) state;
    set_up(2, 10, 0);

    assert_int_equal(acquire(w0, 0), FAAS_OK);
    a = lease.env;
    assert_int_equal(retry(w0, 0), FAAS_OK);
    b = lease.env;

    assert_int_not_equal(a, b);
    assert_int_equal(board.envs[a].state, FAAS_ENV_DRAIN);
    assert_int_equal(board.envs[a].kill, FAAS_WHY_CRASHED);

    /* none is left: waits, before others who wait, whatever the queue is */

    assert_int_equal(acquire(w0, 1), FAAS_AGAIN);
    assert_int_equal(retry(w0, 0), FAAS_AGAIN);
    assert_int_equal(board.fns[fn].wait_head, unit_ticket(&board, w0, 0));
    assert_int_equal(board.fns[fn].counters[FAAS_CNT_retries], 2);

    /* and the place is kept when the lists are made anew */

    faas_fn_repair(&board, fn);
    assert_null(unit_check(&board, fn));
    assert_int_equal(board.fns[fn].wait_head, unit_ticket(&board, w0, 0));
    assert_int_equal(unit_outcomes(&board, fn), 0);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        BOARD_TEST(lease_last_used_first),
        BOARD_TEST(lease_report),
        BOARD_TEST(lease_report_nothing),
        BOARD_TEST(lease_why_drains),
        BOARD_TEST(lease_max_requests),
        BOARD_TEST(lease_capacity),
        BOARD_TEST(refused),
        BOARD_TEST(not_live_yet),
        BOARD_TEST(queue_first_in_first_out),
        BOARD_TEST(queue_mailbox_order),
        BOARD_TEST(queue_mail_stuck),
        BOARD_TEST(queue_cancel),
        BOARD_TEST(queue_fail_one),
        BOARD_TEST(retry_another)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("board", tests, NULL, NULL);
}
