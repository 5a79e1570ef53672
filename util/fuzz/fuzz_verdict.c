/*
 * Fuzzes answers of Lambda authorizers and the policies in them.  The first
 * byte says what is expected, as flags of faas_verdict_parse().
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "faas_json.h"
#include "faas_verdict.h"
#include "fuzz.h"


/* A copy, in memory of its own size, is as good. */

static void
look(const faas_verdict_t *v, unsigned flags)
{
    size_t                plen, clen;
    const unsigned char  *principal, *context;
    const faas_policy_t  *policy;

    policy = faas_verdict_policy(v);
    principal = faas_verdict_principal(v, &plen);
    context = faas_verdict_context(v, &clen);

    check((policy == NULL) == ((flags & FAAS_VERDICT_SIMPLE) != 0));
    check((policy == NULL) == (principal == NULL));
    check(v->allowed <= 1 && !(policy && v->allowed));
    check(sizeof(*v) + v->policy + plen + clen == v->size);

    if (context != NULL) {
        check(context[0] == '{' && faas_json_valid(context, clen));
    }

    if (policy != NULL) {
        check(faas_policy_size(policy) <= v->policy);
        (void) faas_policy_eval(policy, "execute-api:Invoke", 18,
                                "arn:aws:execute-api:r:1:a/s/GET/x", 33);
    }
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned         flags;
    const char      *error;
    unsigned char   *p;
    faas_verdict_t  *v, *moved;

    if (size == 0) {
        return 0;
    }

    flags = data[0] & (FAAS_VERDICT_SIMPLE | FAAS_VERDICT_TEXTS);

    p = malloc(size);
    memcpy(p, data + 1, size - 1);

    v = faas_verdict_parse(p, size - 1, flags, &error);

    check((v == NULL) == (error != NULL));
    check(memcmp(p, data + 1, size - 1) == 0);
    free(p);

    if (v == NULL) {
        return 0;
    }

    moved = malloc(v->size);
    memcpy(moved, v, v->size);
    free(v);

    look(moved, flags);
    free(moved);

    return 0;
}
