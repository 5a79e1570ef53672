/*
 * What the files of faas-bash share.  faas-bash is the first process of
 * environments with runtime bash: it speaks FastCGI through libfaas and starts
 * a bash for each invocation.  One thread; no locks.
 */

#ifndef _BASH_H_INCLUDED_
#define _BASH_H_INCLUDED_


#include <stddef.h>
#include <sys/types.h>

#include "faas_env.h"


#define BASH_PATH     "/bin/bash"
#define BASH_LAST     1000           /* of the last line of standard error */


typedef struct {
    char        *script;             /* run.sh */
    char        *file;               /* the function's */
    char        *name;
    size_t       max;                /* bytes of a result */
} bash_function_t;


/* how an invocation ended */

typedef struct {
    char        *out;                /* standard output, from malloc() */
    size_t       len;
    size_t       size;
    int          status;             /* as waitpid() has it */
    unsigned     too_large:1;
    size_t       last_len;
    char         last[BASH_LAST];    /* line of standard error */
} bash_result_t;


/*
 * bash_run.c: 0, or -1 and errno when no bash could be started.  The result's
 * buffer is used again by the next one.
 */
int bash_run(const bash_function_t *fn, const faas_invocation_t *inv,
    bash_result_t *r);

/*
 * Sources the file once; in VERDICT, of SIZE bytes, what run.sh said.  0, or -1
 * and errno.
 */
int bash_check(const bash_function_t *fn, char *verdict, size_t size,
    int *status);

/* bash_answer.c: 0 or -1 */
int bash_answer(const faas_invocation_t *inv, bash_result_t *r);
char *bash_error(const char *type, const char *text, size_t len,
    size_t *json_len);


#endif /* _BASH_H_INCLUDED_ */
