/*
 * Extensions of the function: processes that register, are told of invocations
 * and of the end, and may listen to telemetry.
 */

#ifndef _PROV_EXT_H_INCLUDED_
#define _PROV_EXT_H_INCLUDED_


#include "prov.h"


/* A request to an endpoint that is not the runtime's. */
void prov_ext_request(prov_conn_t *c, char *body, size_t len);

/* The runtime has called "next". */
void prov_ext_runtime_next(void);


#endif /* _PROV_EXT_H_INCLUDED_ */
