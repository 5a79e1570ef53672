/*
 * Heads of streams, see faas_answer.h.  Runs in nginx workers and in tests;
 * takes no locks.  What is in them comes from user code and is hostile.
 */

#include <string.h>

#include "faas_answer_core.h"


#define FAAS_ANSWER_ZEROS  8


int
faas_answer_prelude(faas_answer_format_e format, unsigned char *json,
    size_t len, faas_answer_t *a, faas_answer_header_pt cb, void *ctx)
{
    faas_answer_ctx_t  c;

    c.format = format;
    c.keep_base64 = 0;
    c.prelude = 1;
    c.answer = a;

    return faas_answer_run(&c, json, len, cb, ctx);
}


long
faas_answer_prelude_end(unsigned *zeros, const unsigned char *data,
    size_t len)
{
    size_t                i;
    const unsigned char  *zero;

    i = 0;

    if (*zeros == 0) {
        zero = len ? memchr(data, 0, len) : NULL;

        if (zero == NULL) {
            return 0;
        }

        i = (size_t) (zero - data);
    }

    /* JSON has none, so the first one must be followed by all others */

    for ( /* void */ ; i < len; i++) {

        if (data[i] != 0) {
            return -1;
        }

        if (++*zeros == FAAS_ANSWER_ZEROS) {
            return (long) i + 1;
        }
    }

    return 0;
}
