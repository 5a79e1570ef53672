/*
 * Zygotes: processes that fork environments when the supervisor asks, by the
 * messages of faas_proto.h on descriptor 3.
 */

#ifndef _FAAS_ZYGOTE_H_INCLUDED_
#define _FAAS_ZYGOTE_H_INCLUDED_


#include "faas_env.h"


/*
 * Makes this process a zygote at its next call of fork(), which a runtime
 * makes by its own means, so that whatever it does around fork() is done.  In
 * the zygote that call never returns; in each environment it returns 0, and
 * the environment is in its sandbox.
 */
FAAS_API void faas_zygote_serve_on_next_fork(void);

/*
 * For runtimes that have descriptors of their own (Ruby: what wakes up its
 * threads), and end when they cannot close them in the child: as many as there
 * are at that fork() are open again, and lead to the log.
 */
FAAS_API void faas_zygote_stand_ins(void);

/*
 * The loop itself.  With EXEC the children execute what the SPAWN message
 * names and it returns in no process; without, it returns in each child.
 */
void faas_zygote_serve(const char *version, int exec);

/* faas_zygote_fork.c: the handlers registered with pthread_atfork() */
typedef void (*faas_atfork_pt)(void);

typedef struct {
    faas_atfork_pt        prepare;
    faas_atfork_pt        parent;
    faas_atfork_pt        child;
} faas_atfork_t;

extern faas_atfork_t     *faas_atfork;
extern unsigned           faas_atfork_n;


#endif /* _FAAS_ZYGOTE_H_INCLUDED_ */
