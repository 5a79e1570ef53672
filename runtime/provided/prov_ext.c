/*
 * Extensions: there are none yet.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include "prov_ext.h"


void
prov_ext_request(prov_conn_t *c, char *body, size_t len)
{
    (void) body;
    (void) len;

    prov_conn_reply(c, 404, NULL, 0, NULL, 0);
}


void
prov_ext_runtime_next(void)
{
}
