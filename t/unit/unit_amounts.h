/*
 * What invocations amount to: a report, and checks that a board holds as many
 * of it as it has outcomes.  To be included after unit_board.h.
 */

#ifndef _UNIT_AMOUNTS_H_INCLUDED_
#define _UNIT_AMOUNTS_H_INCLUDED_


/* what each invocation says of itself: no two amounts are the same */

static const faas_report_t  report = {
    .outcome = FAAS_OUT_SUCCESS, .count = 1, .cold = 1, .memory_mb = 128,
    .counter = FAAS_CNT_bad_response, .init_us = 2300, .duration_us = 5800,
    .bytes_in = 11, .bytes_out = 13, .queue_us = 17
};


/*
 * Whether all amounts are those of the outcomes.  A crash counts a duration
 * of its own, and nothing of what the worker would have reported.
 */

static inline const char *
unit_amounts(const faas_board_t *board, uint32_t fn)
{
    uint64_t          n, crashes, billed;
    const uint64_t   *c;
    const faas_fn_t  *f;

    f = &board->fns[fn];
    c = f->counters;
    crashes = f->outcomes[FAAS_OUT_CRASH];
    n = unit_outcomes(board, fn) - crashes;

    if (c[FAAS_CNT_workers_lost] != crashes
        || c[FAAS_CNT_bad_response] != n
        || c[FAAS_CNT_bytes_in] != n * 11
        || c[FAAS_CNT_bytes_out] != n * 13
        || c[FAAS_CNT_queue_us] != n * 17
        || c[FAAS_CNT_init_us] != n * 2300)
    {
        return "an amount was not added exactly once";
    }

    billed = c[FAAS_CNT_billed_ms];

    if (crashes == 0 && (c[FAAS_CNT_duration_us] != n * 5800
                         || billed != n * 9
                         || c[FAAS_CNT_cold_starts] != n
                         || f->hist[faas_hist_bucket(5800)] != n))
    {
        return "a duration was not added exactly once";
    }

    if (crashes == 1 && n == 0
        && (billed != (c[FAAS_CNT_duration_us] + 999) / 1000
            || c[FAAS_CNT_cold_starts] > 1
            || f->hist[faas_hist_bucket(c[FAAS_CNT_duration_us])] != 1))
    {
        return "a crash was not added exactly once";
    }

    return (c[FAAS_CNT_billed_mb_ms] == billed * 128) ? NULL
           : "what is billed does not go together";
}


/* Of the histogram and of what environments count themselves. */

static inline const char *
unit_counts(const faas_board_t *board, uint32_t fn, int leased)
{
    uint32_t           i;
    uint64_t           n, started, ended;
    const faas_fn_t   *f;
    const faas_env_t  *env;

    f = &board->fns[fn];
    n = 0;

    for (i = 0; i < FAAS_HIST_BUCKETS; i++) {
        n += f->hist[i];
    }

    if (n != unit_outcomes(board, fn)) {
        return "the histogram is not of all invocations";
    }

    n = 0;
    started = 0;
    ended = 0;

    for (i = 0; i < board->head->max_envs; i++) {
        env = &board->envs[i];

        if (env->fn == fn && env->state >= FAAS_ENV_INIT) {
            started++;
            ended += (env->state == FAAS_ENV_DEAD);
            n += env->requests;
        }
    }

    if (f->counters[FAAS_CNT_environments_started] != started
        || f->counters[FAAS_CNT_environments_ended] != ended)
    {
        return "an environment was not counted exactly once";
    }

    /* an outcome without a lease is no request of an environment */

    return (!leased || n == unit_outcomes(board, fn)) ? NULL
           : "an environment's requests were not counted exactly once";
}


#endif /* _UNIT_AMOUNTS_H_INCLUDED_ */
