/*
 * How a table of routes is kept; see faas_route.c.
 */

#ifndef _FAAS_ROUTE_TREE_H_INCLUDED_
#define _FAAS_ROUTE_TREE_H_INCLUDED_


#include "faas_route.h"


/* what follows a path; the root is node 0 */

typedef struct {
    uint32_t              var;                /* node, or FAAS_ROUTE_NIL */
    uint32_t              greedy;
    uint32_t              first;              /* entry, the last one added */
} faas_node_t;

/* a segment of text that leads from a node to another; to 0: empty place */

typedef struct {
    uint32_t              hash;
    uint32_t              from;
    uint32_t              to;
    uint32_t              text;
    uint32_t              len;
} faas_edge_t;

/* a route: a method at a node */

typedef struct {
    uint32_t              next;               /* of the same node */
    uint32_t              value;
    uint32_t              method;
    uint32_t              len;
    uint32_t              names;
    uint32_t              n_names;
} faas_entry_t;

/* of a path parameter; the names are the route's, not the node's */

typedef struct {
    uint32_t              text;
    uint32_t              len;
    uint32_t              segment;
    uint32_t              greedy;
} faas_name_t;

struct faas_routes_s {
    faas_routes_kind_e    kind;
    faas_node_t          *nodes;
    faas_edge_t          *edges;              /* open addressing */
    faas_entry_t         *entries;
    faas_name_t          *names;
    unsigned char        *text;               /* of all of them */
    uint32_t              n_nodes, max_nodes;
    uint32_t              n_edges, mask;
    uint32_t              n_entries, max_entries;
    uint32_t              n_names, max_names;
    uint32_t              text_len, text_max;
};


/* the path of a route that is being added */

typedef enum {
    FAAS_PIECE_TEXT = 0,
    FAAS_PIECE_VAR,
    FAAS_PIECE_GREEDY
} faas_piece_kind_e;

typedef struct {
    const unsigned char  *s;
    size_t                len;
    faas_piece_kind_e     kind;
} faas_piece_t;

typedef struct {
    unsigned              n;
    unsigned              n_names;
    faas_piece_t          pieces[FAAS_PATH_SEGMENTS];
} faas_template_t;


/* faas_route.c: an empty node, or FAAS_ROUTE_NIL */
uint32_t faas_route_node(faas_routes_t *rt);

/* faas_route_match.c: edge and entry, or FAAS_ROUTE_NIL */
uint32_t faas_route_hash(uint32_t node, const unsigned char *s, size_t len);
uint32_t faas_route_edge(const faas_routes_t *rt, uint32_t node,
    const unsigned char *s, size_t len);
uint32_t faas_route_find(const faas_routes_t *rt, uint32_t node,
    const unsigned char *method, size_t mlen);


#endif /* _FAAS_ROUTE_TREE_H_INCLUDED_ */
