/*
 * Policies as IAM writes them: of access keys, and what Lambda authorizers
 * return.  A policy never changes once it is parsed; no locks; runs in nginx
 * workers and in tests.
 */

#ifndef _FAAS_POLICY_H_INCLUDED_
#define _FAAS_POLICY_H_INCLUDED_


#include <stddef.h>


#define FAAS_POLICY_LEN      20480            /* bytes of a document */
#define FAAS_POLICY_PATTERN    512            /* bytes of an action or ARN */
#define FAAS_POLICY_SUBJECT   2048            /* of what is asked for */
#define FAAS_POLICY_STEPS  1000000            /* of one evaluation */


typedef enum {
    FAAS_POLICY_NONE = 0,                     /* nothing is said: deny */
    FAAS_POLICY_ALLOW,
    FAAS_POLICY_DENY                          /* explicitly */
} faas_policy_e;

typedef struct faas_policy_s  faas_policy_t;


/*
 * {"Version":"2012-10-17","Statement":[...]}, of which the version may be
 * missing and the statement may stand alone.  A statement has Effect, either
 * Action or NotAction, either Resource or NotResource, each a string or an
 * array of some; and Sid and Condition.  Anything else is an error, which
 * *error tells: a policy that is not understood must not be used.
 *
 * Conditions are not evaluated, nor are variables, "${...}", in resources.
 * What depends on one is read so that it permits less: an Allow with either
 * never applies, a Deny applies whatever its condition is, and to every
 * resource if it has a variable.
 */
faas_policy_t *faas_policy_parse(const char *json, size_t len,
    const char **error);

/* Bytes of it: a copy of so many, as aligned as malloc() does, is as good. */
size_t faas_policy_size(const faas_policy_t *p);

/* p may be NULL. */
void faas_policy_free(faas_policy_t *p);

/*
 * A Deny wins over any Allow.  In patterns "*" is any run of characters, "?"
 * is one; actions are equal in any case.  Of an ARN each of the first five
 * parts is compared with its own pattern, the sixth, or what a shorter
 * pattern ends with, with all that is left, so that "*" spans colons and
 * slashes there.
 *
 * What is longer than FAAS_POLICY_SUBJECT, or takes too many steps, is
 * denied.
 */
faas_policy_e faas_policy_eval(const faas_policy_t *p, const char *action,
    size_t alen, const char *resource, size_t rlen);


#endif /* _FAAS_POLICY_H_INCLUDED_ */
