/*
 * What fuzzers of readers share whose input may be cut anywhere: input in
 * memory of exactly its size, and what was read of it, to be compared.
 */

#include <stdint.h>
#include <string.h>

#include "fuzz.h"


#define N_CUTS   8
#define SUM_MAX  65536


typedef struct {
    unsigned char  sum[SUM_MAX];
    size_t         len;
} outcome_t;


typedef struct {
    char          *buf;
    size_t         len;
} input_t;


static void
note(outcome_t *o, const void *data, size_t len)
{
    if (len <= SUM_MAX - o->len) {
        memcpy(o->sum + o->len, data, len);
        o->len += len;
    }
}


static void
same(const outcome_t *a, const outcome_t *b)
{
    check(a->len == b->len && memcmp(a->sum, b->sum, a->len) == 0);
}


static void
more(input_t *in, const uint8_t *data, size_t n)
{
    char  *buf;

    buf = malloc(in->len + n + 1);
    memcpy(buf, in->buf ? in->buf : "", in->len);
    memcpy(buf + in->len, data, n);
    free(in->buf);

    in->buf = buf;
    in->len += n;
}


static void
drop(input_t *in, size_t n)
{
    char  *buf;

    check(n <= in->len);

    buf = malloc(in->len - n + 1);
    memcpy(buf, in->buf + n, in->len - n);
    free(in->buf);

    in->buf = buf;
    in->len -= n;
}
