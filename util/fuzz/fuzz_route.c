/*
 * Fuzzes the table of routes: what is added, and which route a path finds.
 * The input is lines, of which the last is the path of a request and the
 * others are routes, "METHOD PATH"; the first byte says which kind of table.
 *
 * What is found is compared with what comparing segment by segment says.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "faas_route.h"
#include "fuzz.h"


#define ROUTES  32


typedef struct {
    const uint8_t  *method;
    size_t          mlen;
    const uint8_t  *path;
    size_t          plen;
} route_t;


static route_t   routes[ROUTES];
static uint32_t  n_routes;


static void
add(faas_routes_t *rt, const uint8_t *p, size_t len)
{
    int             rc;
    uint32_t        other;
    const char     *error;
    const uint8_t  *space;

    space = memchr(p, ' ', len);

    if (space == NULL || n_routes == ROUTES) {
        return;
    }

    routes[n_routes].method = p;
    routes[n_routes].mlen = (size_t) (space - p);
    routes[n_routes].path = space + 1;
    routes[n_routes].plen = (size_t) (p + len - space - 1);

    rc = faas_route_add(rt, p, (size_t) (space - p), space + 1,
                        (size_t) (p + len - space - 1), n_routes, &error,
                        &other);

    if (rc == 0) {
        check(error == NULL && other == FAAS_ROUTE_NIL);
        n_routes++;
        return;
    }

    check((error != NULL) == (other == FAAS_ROUTE_NIL));
    check(error != NULL || other < n_routes);
}


/* Does the route, of which it is known that it is a good one, take P? */

static int
fits(const route_t *route, const faas_path_t *p, unsigned n)
{
    size_t                 len;
    uint8_t                text[FAAS_ROUTE_PATH_MAX];
    unsigned               i;
    const uint8_t         *at, *end, *last;
    const faas_segment_t  *s;

    at = route->path + 1;
    last = route->path + route->plen;

    if (at == last) {
        return n == 0;
    }

    for (i = 0; /* void */ ; i++, at = end + 1) {
        end = memchr(at, '/', (size_t) (last - at));
        end = end ? end : last;

        if (i == n) {
            return 0;
        }

        s = &p->segments[i];

        if (end - at > 2 && at[0] == '{' && end[-2] == '+') {
            return s->text < p->text + p->text_len;
        }

        if (end - at > 1 && at[0] == '{') {
            if (s->text_len == 0) {
                return 0;
            }

        } else {
            len = (size_t) (faas_path_decode(text, at, (size_t) (end - at))
                            - text);

            if (len != s->text_len || memcmp(text, s->text, len) != 0) {
                return 0;
            }
        }

        if (end == last) {
            return i + 1 == n && !p->deeper;
        }
    }
}


static int
allows(const route_t *route, const char *method)
{
    return (route->mlen == strlen(method)
            && memcmp(route->method, method, route->mlen) == 0)
           || (route->mlen == 3 && memcmp(route->method, "ANY", 3) == 0);
}


static void
find(const faas_routes_t *rt, faas_routes_kind_e kind, const faas_path_t *p)
{
    int           rc;
    unsigned      i, n;
    uint32_t      k;
    faas_match_t  m;

    n = p->n;

    if (kind == FAAS_ROUTES_REST && n && !p->deeper
        && p->segments[n - 1].raw_len == 0)
    {
        n--;
    }

    rc = faas_route_match(rt, (const uint8_t *) "GET", 3, p, &m);

    if (rc != FAAS_ROUTE_OK) {

        for (k = 0; k < n_routes && kind == FAAS_ROUTES_HTTP; k++) {
            check(!allows(&routes[k], "GET") || !fits(&routes[k], p, n));
        }

        return;
    }

    check(m.value < n_routes && m.n <= FAAS_ROUTE_PARAMS);
    check(allows(&routes[m.value], "GET"));
    check(fits(&routes[m.value], p, n));

    for (i = 0; i < m.n; i++) {
        check(m.params[i].raw > p->raw && m.params[i].raw_len > 0);
        check(m.params[i].raw + m.params[i].raw_len <= p->raw + p->raw_len);
        check(m.params[i].text + m.params[i].text_len
              <= p->text + p->text_len);
    }
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t             *buf, *copy;
    faas_path_t          p;
    const uint8_t       *at, *end;
    faas_routes_t       *rt;
    faas_routes_kind_e   kind;

    if (size == 0) {
        return 0;
    }

    kind = (data[0] & 1) ? FAAS_ROUTES_REST : FAAS_ROUTES_HTTP;
    data++;
    size--;

    n_routes = 0;
    rt = faas_routes_create(kind);
    check(rt != NULL);

    for (at = data; (end = memchr(at, '\n', size)) != NULL; at = end + 1) {
        add(rt, at, (size_t) (end - at));
        size -= (size_t) (end + 1 - at);
    }

    copy = malloc(size + 1);
    buf = malloc(faas_path_size(size));
    memcpy(copy, at, size);

    faas_path_init(&p, copy, size, buf);
    check(p.raw_len <= size + 1 && p.raw[0] == '/');
    check(p.text + p.text_len <= buf + faas_path_size(size));
    find(rt, kind, &p);

    free(buf);
    free(copy);
    faas_routes_destroy(rt);

    return 0;
}
