/*
 * What a policy is when it was read: one piece of memory with statements,
 * patterns and text.  There are no pointers in it, so that it can be moved as
 * it is.  Never changes; no locks.
 */

#ifndef _FAAS_POLICY_CORE_H_INCLUDED_
#define _FAAS_POLICY_CORE_H_INCLUDED_


#include <stdint.h>

#include "faas_policy.h"


/* Where it is in the piece. */

typedef struct {
    uint32_t                  at;
    uint32_t                  len;
} faas_policy_pattern_t;

/* Patterns of one member. */

typedef struct {
    uint32_t                  first;
    uint32_t                  n;
    unsigned                  negated:1;      /* NotAction, NotResource */
    unsigned                  all:1;          /* whatever is asked for */
} faas_policy_list_t;

typedef struct {
    unsigned                  deny:1;
    faas_policy_list_t        actions;
    faas_policy_list_t        resources;
} faas_policy_statement_t;

struct faas_policy_s {
    uint32_t                  size;           /* bytes of all of it */
    uint32_t                  n;
    uint32_t                  patterns;       /* where they are, */
    uint32_t                  n_patterns;     /* so many as yet */
    uint32_t                  text;           /* where the next one goes */
    faas_policy_statement_t   statements[];
};


#endif /* _FAAS_POLICY_CORE_H_INCLUDED_ */
