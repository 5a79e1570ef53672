/*
 * Sizes of memory and of temporary storage as a configuration has them.  Pure
 * functions, no state; used by the module and by tests.
 */

#ifndef _FAAS_SIZE_H_INCLUDED_
#define _FAAS_SIZE_H_INCLUDED_


#include <stddef.h>


/*
 * "256m", "1g" (upper case as well), or as Lambda writes it a plain number of
 * megabytes: "256".  The number of megabytes, or -1 if it is none of these or
 * is not between MIN and MAX.
 */
long faas_size_mb(const unsigned char *s, size_t n, long min, long max);


#endif /* _FAAS_SIZE_H_INCLUDED_ */
