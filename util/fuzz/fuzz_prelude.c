/*
 * Fuzzes the heads of streams: the zero bytes behind one are found at the
 * same place however the input is cut, and what is reported can go into an
 * HTTP response.  The first bytes of the input say where to cut, and by which
 * format the head is read.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "faas_answer.h"
#include "fuzz_header.h"


#define N_CUTS  8
#define ZEROS   8


static int
header(void *ctx, unsigned char *name, size_t nlen, unsigned char *value,
    size_t vlen)
{
    unsigned  *calls = ctx;

    check_header(name, nlen, value, vlen);

    ++*calls;

    return 0;
}


/* As faas_answer_prelude_end() of the whole, for input that comes in pieces. */

static long
find(const uint8_t *cuts, const uint8_t *data, size_t size)
{
    long            rc;
    size_t          at, n;
    unsigned        i, zeros;
    unsigned char  *piece;

    zeros = 0;

    for (at = 0, i = 0; at < size; at += n, i++) {
        n = cuts[i % N_CUTS];

        if (n > size - at) {
            n = size - at;
        }

        /* of its own size, so that the sanitizer sees an overrun */

        piece = malloc(n ? n : 1);
        memcpy(piece, data + at, n);
        rc = faas_answer_prelude_end(&zeros, piece, n);
        free(piece);

        check(rc >= -1 && rc <= (long) n && zeros <= ZEROS);

        if (rc != 0) {
            return rc < 0 ? -1 : (long) at + rc;
        }
    }

    return 0;
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             rc;
    long            end;
    uint8_t         cuts[N_CUTS];
    unsigned        calls, i;
    faas_answer_t   a;
    unsigned char  *p;

    static const uint8_t  whole[N_CUTS] = { 255, 255, 255, 255, 255, 255,
                                            255, 255 };

    if (size < N_CUTS) {
        return 0;
    }

    for (i = 0; i < N_CUTS; i++) {
        cuts[i] = data[i] ? data[i] : 1;
    }

    data += N_CUTS;
    size -= N_CUTS;

    end = find(whole, data, size);
    check(find(cuts, data, size) == end);

    if (end > 0) {
        check(end >= ZEROS && (size_t) end <= size);
        check(memchr(data, 0, (size_t) end) == data + end - ZEROS);
        size = (size_t) end - ZEROS;
    }

    p = malloc(size ? size : 1);
    memcpy(p, data, size);
    calls = 0;

    rc = faas_answer_prelude(FAAS_ANSWER_V2 + cuts[0] % 6, p, size, &a,
                             header, &calls);

    check(rc == FAAS_ANSWER_OK || rc == FAAS_ANSWER_BAD);
    check(rc == FAAS_ANSWER_OK ? a.error == NULL && calls > 0
                                 && a.status >= 200 && a.status <= 599
                               : a.error != NULL && calls == 0);
    free(p);

    return 0;
}
