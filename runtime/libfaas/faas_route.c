/*
 * The table of routes: a tree of segments whose edges are in one hash table,
 * so that a node with a hundred thousand children costs no more than one with
 * two.  See faas_route.h.  Runs in nginx while it reads a configuration, and
 * in tests; takes no locks.  The look-up is in faas_route_match.c.
 */

#include <stdlib.h>
#include <string.h>

#include "faas_route_tree.h"


faas_routes_t *
faas_routes_create(faas_routes_kind_e kind)
{
    faas_routes_t  *rt;

    rt = calloc(1, sizeof(faas_routes_t));

    if (rt == NULL) {
        return NULL;
    }

    rt->kind = kind;
    rt->mask = 63;
    rt->edges = calloc(rt->mask + 1, sizeof(faas_edge_t));

    if (rt->edges == NULL || faas_route_node(rt) == FAAS_ROUTE_NIL) {
        faas_routes_destroy(rt);
        return NULL;
    }

    return rt;
}


void
faas_routes_destroy(faas_routes_t *rt)
{
    free(rt->edges);
    free(rt->nodes);
    free(rt->entries);
    free(rt->names);
    free(rt->text);
    free(rt);
}


/* One more element at the end of an array: *P moves, *MAX doubles. */

static int
faas_route_room(void *array, size_t size, uint32_t n, uint32_t *max,
    uint32_t more)
{
    void      *p, **a = array;
    uint32_t   m;

    if (more > 0x40000000 - n) {
        return -1;
    }

    for (m = *max ? *max : 64; m < n + more; m *= 2) {
        /* void */
    }

    if (m == *max) {
        return 0;
    }

    p = realloc(*a, m * size);

    if (p == NULL) {
        return -1;
    }

    *a = p;
    *max = m;

    return 0;
}


uint32_t
faas_route_node(faas_routes_t *rt)
{
    faas_node_t  *node;

    if (faas_route_room(&rt->nodes, sizeof(faas_node_t), rt->n_nodes,
                        &rt->max_nodes, 1)
        == -1)
    {
        return FAAS_ROUTE_NIL;
    }

    node = &rt->nodes[rt->n_nodes];
    node->var = FAAS_ROUTE_NIL;
    node->greedy = FAAS_ROUTE_NIL;
    node->first = FAAS_ROUTE_NIL;

    return rt->n_nodes++;
}


/* Keeps a copy of a text; its place, or FAAS_ROUTE_NIL. */

static uint32_t
faas_route_keep(faas_routes_t *rt, const unsigned char *s, size_t len)
{
    uint32_t  at;

    if (faas_route_room(&rt->text, 1, rt->text_len, &rt->text_max,
                        (uint32_t) len)
        == -1)
    {
        return FAAS_ROUTE_NIL;
    }

    at = rt->text_len;

    if (len) {
        memcpy(rt->text + at, s, len);
    }

    rt->text_len += (uint32_t) len;

    return at;
}


static int
faas_route_rehash(faas_routes_t *rt)
{
    uint32_t      i, at, mask;
    faas_edge_t  *edges, *e;

    mask = rt->mask * 2 + 1;
    edges = calloc((size_t) mask + 1, sizeof(faas_edge_t));

    if (edges == NULL) {
        return -1;
    }

    for (i = 0; i <= rt->mask; i++) {
        e = &rt->edges[i];

        if (e->to == 0) {
            continue;
        }

        for (at = e->hash & mask; edges[at].to; at = (at + 1) & mask) {
            /* void */
        }

        edges[at] = *e;
    }

    free(rt->edges);
    rt->edges = edges;
    rt->mask = mask;

    return 0;
}


/* The child of a node by a text, which is made if there is none. */

static uint32_t
faas_route_child(faas_routes_t *rt, uint32_t node, const unsigned char *s,
    size_t len)
{
    uint32_t     to, at, hash, text;
    faas_edge_t  *e;

    to = faas_route_edge(rt, node, s, len);

    if (to != FAAS_ROUTE_NIL) {
        return to;
    }

    if (rt->n_edges >= (rt->mask + 1) / 2 && faas_route_rehash(rt) == -1) {
        return FAAS_ROUTE_NIL;
    }

    text = faas_route_keep(rt, s, len);
    to = (text == FAAS_ROUTE_NIL) ? text : faas_route_node(rt);

    if (to == FAAS_ROUTE_NIL) {
        return to;
    }

    hash = faas_route_hash(node, s, len);

    for (at = hash & rt->mask; rt->edges[at].to; at = (at + 1) & rt->mask) {
        /* void */
    }

    e = &rt->edges[at];
    e->hash = hash;
    e->from = node;
    e->to = to;
    e->text = text;
    e->len = (uint32_t) len;
    rt->n_edges++;

    return to;
}


static int
faas_route_name_ok(const unsigned char *s, size_t len)
{
    size_t         i;
    unsigned char  ch;

    for (i = 0; i < len; i++) {
        ch = s[i];

        if (!((ch >= '0' && ch <= '9') || ((ch | 0x20) >= 'a'
              && (ch | 0x20) <= 'z') || ch == '-' || ch == '_' || ch == '.'
              || ch == ':'))
        {
            return 0;
        }
    }

    return len > 0;
}


/* One segment: a text, or {name} or {name+}. */

static const char *
faas_route_piece(faas_template_t *t, const unsigned char *p, size_t n)
{
    size_t         i;
    faas_piece_t  *piece;

    if (t->n && t->pieces[t->n - 1].kind == FAAS_PIECE_GREEDY) {
        return "there is something after the \"{name+}\"";
    }

    if (t->n == FAAS_PATH_SEGMENTS - 1) {
        return "it has more than 63 segments";
    }

    piece = &t->pieces[t->n++];
    piece->s = p;
    piece->len = n;
    piece->kind = FAAS_PIECE_TEXT;

    if (n < 2 || p[0] != '{' || p[n - 1] != '}') {

        for (i = 0; i < n; i++) {
            if (p[i] == '{' || p[i] == '}') {
                return "a \"{name}\" is not a whole segment";
            }
        }

        return NULL;
    }

    piece->kind = (p[n - 2] == '+') ? FAAS_PIECE_GREEDY : FAAS_PIECE_VAR;
    piece->s++;
    piece->len -= 2 + (piece->kind == FAAS_PIECE_GREEDY);
    t->n_names++;

    return faas_route_name_ok(piece->s, piece->len)
           ? NULL : "the name of a parameter must be of letters, digits, "
                    "\"-\", \"_\", \".\" and \":\"";
}


/* What the path of a route is made of, before anything is changed. */

static const char *
faas_route_parse(faas_template_t *t, const unsigned char *p, size_t len)
{
    const char           *error;
    const unsigned char  *last, *end;

    t->n = 0;
    t->n_names = 0;

    if (len == 0 || p[0] != '/') {
        return "it must begin with \"/\"";
    }

    if (len > FAAS_ROUTE_PATH_MAX) {
        return "it is longer than 1024 bytes";
    }

    if (memchr(p, '?', len) || memchr(p, '#', len)) {
        return "it has a \"?\" or \"#\"";
    }

    if (len == 1) {
        return NULL;
    }

    last = p + len;

    do {
        p++;
        end = memchr(p, '/', (size_t) (last - p));
        end = end ? end : last;

        if (end == p && (end != last || t->n == 0)) {
            return "it has an empty segment";
        }

        error = faas_route_piece(t, p, (size_t) (end - p));

        if (error) {
            return error;
        }

        p = end;

    } while (end != last);

    return NULL;
}


static const char *
faas_route_names_differ(const faas_template_t *t)
{
    unsigned             i, k;
    const faas_piece_t  *a, *b;

    if (t->n_names > FAAS_ROUTE_PARAMS) {
        return "it has more than 32 parameters";
    }

    for (i = 0; i < t->n; i++) {
        a = &t->pieces[i];

        for (k = 0; k < i && a->kind != FAAS_PIECE_TEXT; k++) {
            b = &t->pieces[k];

            if (b->kind != FAAS_PIECE_TEXT && a->len == b->len
                && memcmp(a->s, b->s, a->len) == 0)
            {
                return "two parameters have the same name";
            }
        }
    }

    return NULL;
}


/* The node of a path, made as far as it is not there. */

static uint32_t
faas_route_walk(faas_routes_t *rt, const faas_template_t *t)
{
    size_t               len;
    unsigned             i;
    uint32_t             node, to;
    unsigned char        text[FAAS_ROUTE_PATH_MAX];
    const faas_piece_t  *piece;

    node = 0;

    for (i = 0; i < t->n; i++) {
        piece = &t->pieces[i];

        if (piece->kind == FAAS_PIECE_TEXT) {
            len = (size_t) (faas_path_decode(text, piece->s, piece->len)
                            - text);
            to = faas_route_child(rt, node, text, len);

        } else {
            to = (piece->kind == FAAS_PIECE_VAR) ? rt->nodes[node].var
                                                 : rt->nodes[node].greedy;

            if (to == FAAS_ROUTE_NIL) {
                to = faas_route_node(rt);

                if (to == FAAS_ROUTE_NIL) {
                    return to;
                }

                if (piece->kind == FAAS_PIECE_VAR) {
                    rt->nodes[node].var = to;

                } else {
                    rt->nodes[node].greedy = to;
                }
            }
        }

        if (to == FAAS_ROUTE_NIL) {
            return to;
        }

        node = to;
    }

    return node;
}


static int
faas_route_names(faas_routes_t *rt, const faas_template_t *t,
    faas_entry_t *entry)
{
    unsigned             i;
    faas_name_t         *name;
    const faas_piece_t  *piece;

    if (faas_route_room(&rt->names, sizeof(faas_name_t), rt->n_names,
                        &rt->max_names, t->n_names)
        == -1)
    {
        return -1;
    }

    entry->names = rt->n_names;
    entry->n_names = t->n_names;

    for (i = 0; i < t->n; i++) {
        piece = &t->pieces[i];

        if (piece->kind == FAAS_PIECE_TEXT) {
            continue;
        }

        name = &rt->names[rt->n_names++];
        name->segment = i;
        name->greedy = (piece->kind == FAAS_PIECE_GREEDY);
        name->len = (uint32_t) piece->len;
        name->text = faas_route_keep(rt, piece->s, piece->len);

        if (name->text == FAAS_ROUTE_NIL) {
            return -1;
        }
    }

    return 0;
}


int
faas_route_add(faas_routes_t *rt, const unsigned char *method, size_t mlen,
    const unsigned char *path, size_t plen, uint32_t value,
    const char **error, uint32_t *other)
{
    uint32_t         node, i;
    faas_entry_t    *entry;
    faas_template_t  t;

    *other = FAAS_ROUTE_NIL;
    *error = faas_route_parse(&t, path, plen);

    if (*error == NULL) {
        *error = faas_route_names_differ(&t);
    }

    if (*error) {
        return -1;
    }

    *error = "out of memory";

    node = faas_route_walk(rt, &t);

    if (node == FAAS_ROUTE_NIL) {
        return -1;
    }

    i = faas_route_find(rt, node, method, mlen);

    if (i != FAAS_ROUTE_NIL) {
        *error = NULL;
        *other = rt->entries[i].value;
        return -1;
    }

    if (faas_route_room(&rt->entries, sizeof(faas_entry_t), rt->n_entries,
                        &rt->max_entries, 1)
        == -1)
    {
        return -1;
    }

    entry = &rt->entries[rt->n_entries];
    entry->value = value;
    entry->next = rt->nodes[node].first;
    entry->len = (uint32_t) mlen;
    entry->method = faas_route_keep(rt, method, mlen);

    if (entry->method == FAAS_ROUTE_NIL
        || faas_route_names(rt, &t, entry) == -1)
    {
        return -1;
    }

    rt->nodes[node].first = rt->n_entries++;
    *error = NULL;

    return 0;
}
