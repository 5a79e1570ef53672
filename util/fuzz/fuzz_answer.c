/*
 * Fuzzes the mapping of results to answers: whatever a function returns, what
 * is reported can go into an HTTP response.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "faas_answer.h"
#include "faas_json.h"
#include "fuzz_header.h"


typedef struct {
    unsigned  calls;
    unsigned  types;                  /* of content-type */
    unsigned  abort_at;
} seen_t;


static int
header(void *ctx, unsigned char *name, size_t nlen, unsigned char *value,
    size_t vlen)
{
    seen_t  *seen = ctx;

    check_header(name, nlen, value, vlen);

    if (nlen == 12 && strncasecmp((char *) name, "content-type", 12) == 0) {
        seen->types++;
    }

    return ++seen->calls == seen->abort_at;
}


/* The other formats: what is reported is sound, and only if all of it is. */

static void
others(const uint8_t *data, size_t size)
{
    int             rc;
    seen_t          seen;
    faas_answer_t   a;
    unsigned char  *p;

    p = malloc(size ? size : 1);
    memcpy(p, data, size);
    memset(&seen, 0, sizeof(seen));

    rc = faas_answer(FAAS_ANSWER_URL + (size ? data[size / 2] % 5 : 0),
                     size & 1, p, size, &a, header, &seen);

    check(rc == FAAS_ANSWER_OK || rc == FAAS_ANSWER_BAD);
    check(rc == FAAS_ANSWER_OK || (a.error != NULL && seen.calls == 0));
    check(rc == FAAS_ANSWER_BAD
          || (a.body >= p && a.body + a.body_len <= p + size));

    free(p);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int             rc, valid;
    seen_t          seen;
    faas_answer_t   a;
    unsigned char  *p;

    /* of its own size, so that the sanitizer sees an overrun */

    p = malloc(size ? size : 1);
    memcpy(p, data, size);

    memset(&seen, 0, sizeof(seen));
    seen.abort_at = (size && data[size - 1] == ' ') ? 2 : 0;

    valid = faas_json_valid(p, size);
    rc = faas_answer_v2(p, size, &a, header, &seen);

    if (rc == FAAS_ANSWER_OK) {
        check(valid && a.error == NULL);
        check(a.status >= 200 && a.status <= 599);
        check(a.body >= p && a.body + a.body_len <= p + size);
        check(seen.types == 1 && seen.calls <= FAAS_ANSWER_HEADERS + 1);
        check(!a.inferred || (a.status == 200 && !a.has_content_type
                              && seen.calls == 1));

        /* what is not a string is still JSON */

        if (a.inferred && a.body_len
            && (*a.body == '{' || *a.body == '[')
            && memchr(data, '"', size) == NULL)
        {
            check(faas_json_valid(a.body, a.body_len));
        }

    } else if (rc == FAAS_ANSWER_BAD) {
        check(a.error != NULL && seen.calls == 0);

    } else {
        check(rc == FAAS_ANSWER_ABORT && valid && seen.calls == 2);
    }

    free(p);

    others(data, size);

    return 0;
}
