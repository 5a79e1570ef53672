/*
 * Finding the route of a request, see faas_route.h.  Runs in nginx workers
 * and in tests; takes no locks, allocates nothing.
 *
 * Recursion is as deep as the tree, and visits a node once at most: what it
 * costs is bounded by the configuration, whatever a client asks for.
 */

#include <string.h>

#include "faas_route_tree.h"


/* FNV-1a; the texts are the configuration's, so nobody can make them meet */

uint32_t
faas_route_hash(uint32_t node, const unsigned char *s, size_t len)
{
    size_t    i;
    uint32_t  hash;

    hash = 2166136261u ^ (node * 2654435761u);

    for (i = 0; i < len; i++) {
        hash = (hash ^ s[i]) * 16777619u;
    }

    return hash ^ hash >> 15;
}


uint32_t
faas_route_edge(const faas_routes_t *rt, uint32_t node,
    const unsigned char *s, size_t len)
{
    uint32_t            at, hash;
    const faas_edge_t  *e;

    hash = faas_route_hash(node, s, len);

    for (at = hash & rt->mask; rt->edges[at].to; at = (at + 1) & rt->mask) {
        e = &rt->edges[at];

        if (e->hash == hash && e->from == node && e->len == len
            && memcmp(rt->text + e->text, s, len) == 0)
        {
            return e->to;
        }
    }

    return FAAS_ROUTE_NIL;
}


uint32_t
faas_route_find(const faas_routes_t *rt, uint32_t node,
    const unsigned char *method, size_t mlen)
{
    uint32_t             i;
    const faas_entry_t  *entry;

    for (i = rt->nodes[node].first; i != FAAS_ROUTE_NIL; i = entry->next) {
        entry = &rt->entries[i];

        if (entry->len == mlen
            && memcmp(rt->text + entry->method, method, mlen) == 0)
        {
            return i;
        }
    }

    return FAAS_ROUTE_NIL;
}


typedef struct {
    const faas_routes_t  *rt;
    const faas_path_t    *path;
    unsigned              n;                  /* segments that count */
    const unsigned char  *method;
    size_t                mlen;
} faas_search_t;


/* The method's own entry, or that of ANY. */

static uint32_t
faas_route_method(const faas_search_t *s, uint32_t node)
{
    uint32_t  i;

    i = faas_route_find(s->rt, node, s->method, s->mlen);

    return (i != FAAS_ROUTE_NIL)
           ? i : faas_route_find(s->rt, node, (const unsigned char *) "ANY",
                                 3);
}


/*
 * The whole path without greedy parameters.  http: the entry; rest: the node,
 * for all nodes are resources.
 */

static uint32_t
faas_route_full(const faas_search_t *s, uint32_t node, unsigned i)
{
    uint32_t               to, found;
    const faas_segment_t  *segment;

    if (i == s->n) {
        return s->rt->kind == FAAS_ROUTES_REST ? node
                                               : faas_route_method(s, node);
    }

    segment = &s->path->segments[i];
    to = faas_route_edge(s->rt, node, segment->text, segment->text_len);

    if (to != FAAS_ROUTE_NIL) {
        found = faas_route_full(s, to, i + 1);

        if (found != FAAS_ROUTE_NIL) {
            return found;
        }
    }

    to = s->rt->nodes[node].var;

    return (to != FAAS_ROUTE_NIL && segment->text_len)
           ? faas_route_full(s, to, i + 1) : FAAS_ROUTE_NIL;
}


/* The same with the rest of the path in a greedy parameter. */

static uint32_t
faas_route_greedy(const faas_search_t *s, uint32_t node, unsigned i)
{
    uint32_t               to, found;
    const faas_segment_t  *segment;

    if (i == s->n) {
        return FAAS_ROUTE_NIL;
    }

    segment = &s->path->segments[i];
    to = faas_route_edge(s->rt, node, segment->text, segment->text_len);

    if (to != FAAS_ROUTE_NIL) {
        found = faas_route_greedy(s, to, i + 1);

        if (found != FAAS_ROUTE_NIL) {
            return found;
        }
    }

    to = s->rt->nodes[node].var;

    if (to != FAAS_ROUTE_NIL && segment->text_len) {
        found = faas_route_greedy(s, to, i + 1);

        if (found != FAAS_ROUTE_NIL) {
            return found;
        }
    }

    to = s->rt->nodes[node].greedy;

    if (to == FAAS_ROUTE_NIL
        || segment->text == s->path->text + s->path->text_len)
    {
        return FAAS_ROUTE_NIL;               /* there is nothing left */
    }

    return s->rt->kind == FAAS_ROUTES_REST ? to : faas_route_method(s, to);
}


static void
faas_route_params(const faas_search_t *s, const faas_entry_t *entry,
    faas_match_t *m)
{
    uint32_t               i;
    faas_param_t          *param;
    const faas_name_t     *name;
    const faas_segment_t  *segment;
    const faas_path_t     *p;

    p = s->path;
    m->value = entry->value;
    m->n = entry->n_names;
    m->greedy = 0;

    for (i = 0; i < entry->n_names; i++) {
        name = &s->rt->names[entry->names + i];
        segment = &p->segments[name->segment];
        param = &m->params[i];

        param->name = s->rt->text + name->text;
        param->name_len = name->len;
        param->raw = segment->raw;
        param->raw_len = segment->raw_len;
        param->text = segment->text;
        param->text_len = segment->text_len;

        if (!name->greedy) {
            continue;
        }

        m->greedy = 1;
        param->raw_len = (size_t) (p->raw + p->raw_len - param->raw);
        param->text_len = (size_t) (p->text + p->text_len - param->text);

        if (s->n < p->n && param->raw_len > 1) {
            param->raw_len--;                /* rest: the slash at the end */
            param->text_len--;
        }
    }
}


int
faas_route_match(const faas_routes_t *rt, const unsigned char *method,
    size_t mlen, const faas_path_t *p, faas_match_t *m)
{
    uint32_t       found;
    faas_search_t  s;

    s.rt = rt;
    s.path = p;
    s.n = p->n;
    s.method = method;
    s.mlen = mlen;

    if (rt->kind == FAAS_ROUTES_REST && p->n && !p->deeper
        && p->segments[p->n - 1].raw_len == 0)
    {
        s.n--;
    }

    /* deeper than any route without a greedy parameter can be */

    found = p->deeper ? FAAS_ROUTE_NIL : faas_route_full(&s, 0, 0);

    if (found == FAAS_ROUTE_NIL) {
        found = faas_route_greedy(&s, 0, 0);
    }

    if (found == FAAS_ROUTE_NIL) {
        return FAAS_ROUTE_NO_PATH;
    }

    if (rt->kind == FAAS_ROUTES_REST) {
        found = faas_route_method(&s, found);

        if (found == FAAS_ROUTE_NIL) {
            return FAAS_ROUTE_NO_METHOD;
        }
    }

    faas_route_params(&s, &rt->entries[found], m);

    return FAAS_ROUTE_OK;
}
