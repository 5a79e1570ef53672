/*
 * The latency histogram of a function: log-linear, 32 steps an octave, so
 * that the middle of a bucket is never further than 1.6 % from a value in it.
 * Pure arithmetic: no state, no locks.
 */

#include "faas_board.h"


uint32_t
faas_hist_bucket(uint64_t us)
{
    uint32_t  e;

    if (us < 32) {
        return (uint32_t) us;
    }

    if (us >= 1ULL << 31) {
        return FAAS_HIST_BUCKETS - 1;
    }

    e = 63 - (uint32_t) __builtin_clzll(us);        /* 5..30 */

    return (e - 4) * 32 + (uint32_t) ((us >> (e - 5)) & 31);
}


uint64_t
faas_hist_value(uint32_t bucket)
{
    uint32_t  e;
    uint64_t  low, width;

    if (bucket < 32) {
        return bucket;
    }

    e = bucket / 32 + 4;
    width = 1ULL << (e - 5);
    low = (32 + bucket % 32) * width;

    return low + width / 2;
}


uint64_t
faas_hist_quantile(const uint64_t *hist, double q)
{
    uint32_t  i;
    uint64_t  total, seen, want;

    total = 0;

    for (i = 0; i < FAAS_HIST_BUCKETS; i++) {
        total += hist[i];
    }

    if (total == 0) {
        return 0;
    }

    want = (uint64_t) (q * (double) total);

    if (want >= total) {
        want = total - 1;
    }

    seen = 0;

    for (i = 0; i < FAAS_HIST_BUCKETS; i++) {
        seen += hist[i];

        if (seen > want) {
            return faas_hist_value(i);
        }
    }

    return faas_hist_value(FAAS_HIST_BUCKETS - 1);
}
