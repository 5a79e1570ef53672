/*
 * The filter of system calls that environments get: sup_refused.c has the
 * list, sup_seccomp.c makes the program.
 */

#ifndef _SUP_SECCOMP_H_INCLUDED_
#define _SUP_SECCOMP_H_INCLUDED_


#include "sup.h"


/* lists of names, each ending with NULL, as the whole */
extern const char *const *const  sup_refused[];


#endif /* _SUP_SECCOMP_H_INCLUDED_ */
