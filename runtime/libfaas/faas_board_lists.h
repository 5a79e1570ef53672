/*
 * List and count primitives of a function, shared by the faas_board_*.c files
 * and by nothing else.  The caller of each holds the function's lock.
 */

#ifndef _FAAS_BOARD_LISTS_H_INCLUDED_
#define _FAAS_BOARD_LISTS_H_INCLUDED_


#include "faas_board.h"


void faas_idle_push(faas_board_t *board, faas_fn_t *fn, uint32_t env);
void faas_idle_remove(faas_board_t *board, faas_fn_t *fn, uint32_t env);

void faas_wait_append(faas_board_t *board, faas_fn_t *fn, uint32_t ticket);
void faas_wait_prepend(faas_board_t *board, faas_fn_t *fn, uint32_t ticket);
void faas_wait_remove(faas_board_t *board, faas_fn_t *fn, uint32_t ticket);

/* Gives the environment at the head of the idle list to TICKET. */
void faas_grant(faas_board_t *board, faas_fn_t *fn, uint32_t ticket,
    uint64_t now_ms);

/*
 * Gives one idle environment to the oldest waiter, if there are both.  The
 * worker to ring, or FAAS_NIL.
 */
uint32_t faas_dispatch(faas_board_t *board, faas_fn_t *fn, uint64_t now_ms);

/* Puts TICKET in its worker's mailbox; the worker, for the caller to ring. */
uint32_t faas_mail(faas_board_t *board, uint32_t ticket);

/* Takes ENV out of the live counts and of the idle list, sets STATE. */
void faas_env_leave(faas_board_t *board, faas_fn_t *fn, uint32_t env,
    uint32_t state);

/* The ticket's environment, or NULL if its slot belongs to another one. */
faas_env_t *faas_ticket_env(faas_board_t *board, faas_ticket_t *t);

/* Its lease ended before a byte was sent: the next one is as cold. */
void faas_env_unused(faas_board_t *board, faas_ticket_t *t);

/* Ends the lease TICKET holds on its environment, without counting. */
void faas_lease_drop(faas_board_t *board, faas_fn_t *fn, uint32_t ticket,
    uint32_t why);

/*
 * Counts all of REPORT exactly once, wherever the caller may die, and with it
 * frees TICKET and counts a request of its environment (FAAS_NIL: neither).
 */
void faas_commit(faas_board_t *board, faas_fn_t *fn,
    const faas_report_t *report, uint32_t ticket);

/* The same of an environment that changes to STATE, for COUNTER and another
   one, or FAAS_CNT_N. */
void faas_commit_env(faas_board_t *board, faas_fn_t *fn, uint32_t env,
    uint32_t state, uint32_t counter, uint32_t other);

void faas_redo(faas_board_t *board, faas_fn_t *fn);


#endif /* _FAAS_BOARD_LISTS_H_INCLUDED_ */
