/*
 * faas-spawner: the zygote of what cannot be forked.  Waits in the template
 * root and, for each SPAWN message, executes the program named in it, in a
 * sandbox.  Started by the supervisor with descriptor 3; one thread, no locks.
 */

#include "faas_zygote.h"


/* nothing here registers pthread_atfork() handlers */

faas_atfork_t  *faas_atfork;
unsigned        faas_atfork_n;


int
main(void)
{
    faas_zygote_serve("exec", 1);

    return 0;
}
