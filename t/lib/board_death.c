/*
 * A process that dies with a function's lock, in the middle of a change: what
 * is derived from the entries is left in any state.
 *
 *   board-death BOARD FUNCTION [SEED]
 *
 * Run by t/332-board.t beside a running nginx.  Takes the function's lock and
 * never gives it back.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faas_board.h"


/* Lists and counts that a repair has to make anew. */

static void
disturb(faas_board_t *board, uint32_t index, unsigned seed)
{
    uint32_t    i;
    faas_fn_t  *fn;

    fn = &board->fns[index];
    srandom(seed);

    fn->idle_head = random() % 2 ? FAAS_NIL : fn->idle_head;
    fn->wait_head = FAAS_NIL;
    fn->wait_tail = random() % 2 ? FAAS_NIL : fn->wait_tail;
    fn->n_waiting += random() % 3;
    fn->n_leases += random() % 5;
    fn->n_envs = random() % 3;
    fn->n_starting += random() % 2;

    for (i = 0; i < board->head->max_envs; i++) {
        if (board->envs[i].fn == index) {
            board->envs[i].listed = random() % 2;
            board->envs[i].inflight += random() % 2;
            board->envs[i].next = random() % board->head->max_envs;
        }
    }
}


int
main(int argc, char **argv)
{
    uint32_t       index;
    faas_board_t   board;

    memset(&board, 0, sizeof(board));

    if (argc < 3 || faas_board_open(argv[1], &board) != 0) {
        (void) fprintf(stderr, "cannot open the board\n");
        return 1;
    }

    index = faas_board_find(&board, argv[2], strlen(argv[2]));

    if (index == FAAS_NIL || faas_fn_lock(&board, index) != FAAS_OK) {
        (void) fprintf(stderr, "cannot lock the function\n");
        return 1;
    }

    if (argc > 3) {
        disturb(&board, index, atoi(argv[3]));
    }

    (void) kill(getpid(), SIGKILL);

    return 0;
}
