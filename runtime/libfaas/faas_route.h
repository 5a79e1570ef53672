/*
 * A table of routes as API Gateway has it (contract, section 7.5): which of
 * them takes a request does not depend on their order, and to find it takes
 * as long as the path has segments, not as the table has routes.
 *
 * Made while a configuration is read, by one thread, and not changed after;
 * then any number of readers.  No locks.  Runs in nginx and in tests.
 */

#ifndef _FAAS_ROUTE_H_INCLUDED_
#define _FAAS_ROUTE_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>

#include "faas_path.h"


#define FAAS_ROUTE_PATH_MAX   1024            /* bytes of a route's path */
#define FAAS_ROUTE_PARAMS     32              /* path parameters, most */
#define FAAS_ROUTE_NIL        0xffffffff

/* results of faas_route_match() */

#define FAAS_ROUTE_OK         0
#define FAAS_ROUTE_NO_PATH   -1
#define FAAS_ROUTE_NO_METHOD -2               /* rest: the resource exists */


typedef enum {
    FAAS_ROUTES_HTTP = 0,
    FAAS_ROUTES_REST
} faas_routes_kind_e;

typedef struct faas_routes_s  faas_routes_t;

/* a path parameter of the request; text is decoded, raw is not */

typedef struct {
    const unsigned char  *name;
    size_t                name_len;
    const unsigned char  *raw;
    size_t                raw_len;
    const unsigned char  *text;
    size_t                text_len;
} faas_param_t;

typedef struct {
    uint32_t              value;
    unsigned              greedy:1;           /* has a {name+} */
    unsigned              n;
    faas_param_t          params[FAAS_ROUTE_PARAMS];
} faas_match_t;


/* NULL: no memory */
faas_routes_t *faas_routes_create(faas_routes_kind_e kind);
void faas_routes_destroy(faas_routes_t *rt);

/*
 * Adds METHOD ("ANY" for all) and a path of segments: text, {name} for any
 * one that is not empty, and at the end {name+} for the rest, of at least one
 * character.  Text may be percent-encoded.  VALUE is the caller's.
 *
 * 0, or -1 with *error, a static text of what is wrong with the path, or
 * *other, the value of the route there is already for such requests, which is
 * FAAS_ROUTE_NIL otherwise.
 */
int faas_route_add(faas_routes_t *rt, const unsigned char *method,
    size_t mlen, const unsigned char *path, size_t plen, uint32_t value,
    const char **error, uint32_t *other);

/*
 * http: a full match of path and method, where segment by segment text comes
 * before {name} and a method before ANY; else the longest {name+} that has
 * the method.
 *
 * rest: the resource is found by the path alone, in the same order; then it
 * has the method, or ANY, or the answer is FAAS_ROUTE_NO_METHOD.  A slash at
 * the end of the path does not matter.
 *
 * Strings of *m live in the table and in p.
 */
int faas_route_match(const faas_routes_t *rt, const unsigned char *method,
    size_t mlen, const faas_path_t *p, faas_match_t *m);


#endif /* _FAAS_ROUTE_H_INCLUDED_ */
