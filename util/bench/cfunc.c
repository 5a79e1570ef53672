/*
 * The smallest function there is: the same short JSON for every event.  What
 * the benchmark measures with it is the gateway, not the function.
 *
 *   cc -O2 -I runtime/libfaas -o bootstrap util/bench/cfunc.c \
 *       build/libfaas/libfaas.a -pthread
 */

#include "faas_env.h"


static int cfunc_handler(const faas_invocation_t *inv, void *data);


static const char  cfunc_answer[] = "{\"message\": \"hello from C\"}";


int
main(void)
{
    return faas_main(cfunc_handler, NULL);
}


static int
cfunc_handler(const faas_invocation_t *inv, void *data)
{
    (void) inv;
    (void) data;

    return faas_respond(cfunc_answer, sizeof(cfunc_answer) - 1);
}
