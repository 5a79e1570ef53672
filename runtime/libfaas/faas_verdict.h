/*
 * What a Lambda authorizer returns (contract, section 7.7), read once: JSON
 * becomes one piece of memory that can be kept and moved as it is.  A verdict
 * never changes; no locks; runs in nginx workers and in tests.
 */

#ifndef _FAAS_VERDICT_H_INCLUDED_
#define _FAAS_VERDICT_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>

#include "faas_policy.h"


/* what is expected */

#define FAAS_VERDICT_SIMPLE  0x01             /* {"isAuthorized":...} */
#define FAAS_VERDICT_TEXTS   0x02             /* a context of strings */


typedef struct {
    uint32_t              size;               /* bytes of all of it */
    uint32_t              policy;             /* bytes; 0: "allowed" says */
    uint32_t              principal;
    uint32_t              context;
    uint32_t              allowed;
    uint32_t              spare;              /* what follows is aligned */
    unsigned char         data[];             /* in this order */
} faas_verdict_t;


/*
 * Simple: isAuthorized, a boolean.  Else: principalId, a string, and
 * policyDocument, see faas_policy_parse().  Both: context, an object or null;
 * with FAAS_VERDICT_TEXTS its values may be strings, numbers and booleans, and
 * are strings in the verdict.  Other members are left alone.
 *
 * To be freed by the caller.  NULL: *error says what is wrong with it.
 */
faas_verdict_t *faas_verdict_parse(unsigned char *p, size_t len,
    unsigned flags, const char **error);

/* NULL: the answer was a simple one, and v->allowed says it. */
const faas_policy_t *faas_verdict_policy(const faas_verdict_t *v);

/* The content of a JSON string; NULL: there is none. */
const unsigned char *faas_verdict_principal(const faas_verdict_t *v,
    size_t *len);

/* A JSON object without white space; NULL: there is none. */
const unsigned char *faas_verdict_context(const faas_verdict_t *v,
    size_t *len);


#endif /* _FAAS_VERDICT_H_INCLUDED_ */
