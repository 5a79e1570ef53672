/*
 * The scene of scoreboard tests: one board, one function, two workers.  Each
 * step that changes the board checks all that is derived.  To be included by
 * one test program after cmocka.h.
 */

#ifndef _UNIT_CASE_H_INCLUDED_
#define _UNIT_CASE_H_INCLUDED_


#include "unit_board.h"


#define NOW  1000

#define BOARD_TEST(f)                                                         \
    cmocka_unit_test_setup_teardown(f, board_setup, board_teardown)

static faas_board_t  board;
static faas_lease_t  lease;
static uint32_t      fn, w0, w1, wake, ring;

static const faas_report_t  success = {
    .outcome = FAAS_OUT_SUCCESS, .count = 1, .memory_mb = 128, .counter = -1
};


/* A function with N environments and a limit, two workers. */

static inline void
set_up(uint32_t n, uint32_t concurrency, uint32_t queue)
{
    faas_fn_t  limits;

    unit_limits(&limits, concurrency);
    limits.queue_max = queue;
    limits.queue_timeout_ms = 500;

    fn = unit_fn(&board, "hello", &limits);
    w0 = unit_worker(&board, 100);
    w1 = unit_worker(&board, 101);

    while (n--) {
        assert_int_not_equal(unit_env(&board, fn, 1), FAAS_NIL);
    }
}


static inline int
board_setup(void **state)
{
    (void) state;

    return unit_board_make(&board);
}


static inline int
board_teardown(void **state)
{
    const char  *error;

    (void) state;

    error = (board.fns[0].state != FAAS_FN_FREE) ? unit_check(&board, 0)
                                                 : NULL;
    if (error != NULL) {
        print_error("%s\n", error);
    }

    unit_board_drop(&board);

    return error != NULL;
}


static inline int
acquire(uint32_t worker, uint32_t n)
{
    int  rc;

    rc = faas_acquire(&board, fn, unit_ticket(&board, worker, n), NOW,
                      &lease);

    assert_null(unit_check(&board, fn));

    return rc;
}


static inline void
release(uint32_t worker, uint32_t n, const faas_report_t *report)
{
    uint32_t  ticket;

    ticket = unit_ticket(&board, worker, n);

    faas_lease_run(&board, ticket);
    faas_release(&board, ticket, report, NOW + 1, &wake, &ring);

    assert_int_equal(board.tickets[ticket].state, FAAS_TICKET_FREE);
    assert_null(unit_check(&board, fn));
}


static inline uint32_t
state_of(uint32_t worker, uint32_t n)
{
    return board.tickets[unit_ticket(&board, worker, n)].state;
}


/* What an environment's death looks like to a worker. */

static inline int
retry(uint32_t worker, uint32_t n)
{
    int  rc;

    rc = faas_retry(&board, unit_ticket(&board, worker, n), NOW, &lease);

    assert_null(unit_check(&board, fn));
    assert_int_equal(lease.demand, 1);

    return rc;
}


#endif /* _UNIT_CASE_H_INCLUDED_ */
