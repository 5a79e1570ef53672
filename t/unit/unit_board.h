/*
 * A small scoreboard for tests: functions, environments and workers made by
 * hand, and a check of everything that is derived.
 */

#ifndef _UNIT_BOARD_H_INCLUDED_
#define _UNIT_BOARD_H_INCLUDED_


#include "faas_board.h"


#define UNIT_FUNCTIONS  4
#define UNIT_ENVS       8
#define UNIT_WORKERS    8             /* that tests use */
#define UNIT_TICKETS    8             /* of a worker, that tests use */


/* Makes a board in a temporary file.  0 or -1. */
int unit_board_make(faas_board_t *board);
void unit_board_drop(faas_board_t *board);

/* Leaves only the workers and tickets that tests use, to be quick. */
void unit_board_shrink(faas_board_t *board);

/*
 * The same contents at another address; locks that were held are new, and
 * what they guard is repaired as after the owner's death.
 */
int unit_board_image(const faas_board_t *board, faas_board_t *image);
void unit_board_image_drop(faas_board_t *image);
void unit_board_take(const faas_board_t *board, faas_board_t *image);
void unit_board_recover(faas_board_t *image);
int unit_board_same(const faas_board_t *board, const faas_board_t *image);

/* Limits that bind nobody. */
void unit_limits(faas_fn_t *limits, uint32_t concurrency);

/* A live function of version 1. */
uint32_t unit_fn(faas_board_t *board, const char *name,
    const faas_fn_t *limits);

/* An environment of FN being loaded, or loaded. */
uint32_t unit_env_init(faas_board_t *board, uint32_t fn, uint32_t version);
uint32_t unit_env(faas_board_t *board, uint32_t fn, uint32_t version);

/* What the supervisor does with those in DRAIN: dead, then free. */
unsigned unit_reap(faas_board_t *board);

uint32_t unit_worker(faas_board_t *board, int32_t pid);
uint32_t unit_ticket(faas_board_t *board, uint32_t worker, uint32_t n);

uint64_t unit_outcomes(const faas_board_t *board, uint32_t fn);

/* NULL, or what is wrong with the function's lists and counts. */
const char *unit_check(const faas_board_t *board, uint32_t fn);


#endif /* _UNIT_BOARD_H_INCLUDED_ */
