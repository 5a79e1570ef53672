/*
 * How a runtime's process has ended, in Lambda's words (contract, section
 * 4.2).
 */

#ifndef _FAAS_EXIT_H_INCLUDED_
#define _FAAS_EXIT_H_INCLUDED_


#include <stddef.h>


/* CODE is an exit code or, negative, a signal; 96 bytes are enough. */
void faas_exit_text(char *buf, size_t size, int code);


#endif /* _FAAS_EXIT_H_INCLUDED_ */
