/*
 * What runtimes of languages need besides faas_env_t: _X_AMZN_TRACE_ID in the
 * process's environment (contract, section 3.5), for programs that the
 * function starts, and signals that wake it up.
 *
 * Runs in environments whose language has a setenv() that keeps every value it
 * was ever given, so that they would grow with each invocation: this variable
 * is one buffer of ours, whose text changes.  One thread.
 */

#include <stdlib.h>
#include <string.h>

#include "faas_env_core.h"


#define FAAS_TRACE      "_X_AMZN_TRACE_ID"
#define FAAS_TRACE_MAX  1024


void
faas_trace_variable(const faas_invocation_t *inv)
{
    char         *value;
    static char   variable[FAAS_TRACE_MAX] = FAAS_TRACE "=";

    value = variable + sizeof(FAAS_TRACE);

    if (inv->trace_id_len == 0) {
        (void) unsetenv(FAAS_TRACE);
        return;
    }

    if (inv->trace_id_len >= FAAS_TRACE_MAX - sizeof(FAAS_TRACE)) {
        (void) setenv(FAAS_TRACE, inv->trace_id, 1);
        return;
    }

    memcpy(value, inv->trace_id, inv->trace_id_len + 1);

    /* the function may have removed or replaced it */

    if (getenv(FAAS_TRACE) != value) {
        (void) putenv(variable);
    }
}


void
faas_env_tell_next(void)
{
    faas_env.tells_next = 1;
}


static int
faas_trace_enter(int interrupted)
{
    return interrupted ? -1 : 0;
}


void
faas_env_interruptible(void)
{
    static const struct timespec  nap = { 0, 20000000 };

    faas_env.first_nap = &nap;
    faas_env.enter = faas_trace_enter;
}
