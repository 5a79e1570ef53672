/*
 * Fuzzes the reader of a program's HTTP answers.
 *
 * The first bytes of the input say how it is asked and where to cut the rest:
 * answers must be read alike however they arrive, the block that comes out has
 * to be within its bound, and one header, of one answer.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web_http.h"
#include "fuzz_cut.h"


typedef struct {
    input_t        in;
    web_answer_t   a;
    int            over;
} reader_t;


/* Each line but the last has a colon, and no other control character. */

static void
block(const char *p, size_t size)
{
    const char  *end, *last;

    last = p + size;

    check(size >= 4 && memcmp(p, "Status: ", 8) == 0);

    for ( /* void */ ; p < last; p = end + 2) {
        end = memmem(p, last - p, "\r\n", 2);
        check(end != NULL);
        check(end != p || end + 2 == last);
        check(end == p || memchr(p, ':', end - p) != NULL);
        check(memchr(p, '\n', end - p) == NULL);
        check(memchr(p, '\0', end - p) == NULL);
    }
}


static void
head(outcome_t *o, reader_t *r, int flags)
{
    int      rc;
    char    *to;
    size_t   size, used;

    while (!r->a.headed && !r->over) {
        to = malloc(web_block_max(r->in.len));
        rc = web_http_head(&r->a, r->in.buf, r->in.len, flags & 1, flags & 2,
                           to, &size, &used);

        if (rc != WEB_HTTP_OK) {
            free(to);
            r->over = (rc == WEB_HTTP_BAD);
            return;
        }

        check(size <= web_block_max(r->in.len));
        check(used && used <= r->in.len);

        if (size) {
            block(to, size);
            note(o, to, size);
        }

        free(to);
        drop(&r->in, used);
    }
}


static void
feed(outcome_t *o, reader_t *r, const uint8_t *data, size_t n, int flags)
{
    size_t       size;
    const char  *pos, *last;

    more(&r->in, data, n);

    head(o, r, flags);

    if (!r->a.headed || r->over) {
        return;
    }

    pos = r->in.buf;
    last = r->in.buf + r->in.len;

    do {
        size = web_http_body(&r->a, &pos, last);
        check(pos <= last && size <= (size_t) (last - pos));
        note(o, pos, size);
        pos += size;
    } while (size);

    r->over = r->a.error != NULL || web_http_done(&r->a);
    check(r->over || pos == last);
    drop(&r->in, pos - r->in.buf);
}


static void
run(outcome_t *o, const uint8_t *cuts, const uint8_t *p, size_t size,
    int flags)
{
    int       i;
    size_t    n;
    reader_t  r;

    o->len = 0;
    memset(&r, 0, sizeof(r));

    for (i = 0; cuts && i < N_CUTS && !r.over; i++) {
        n = cuts[i] < size ? cuts[i] : size;
        feed(o, &r, p, n, flags);
        p += n;
        size -= n;
    }

    if (!r.over) {
        feed(o, &r, p, size, flags);
    }

    note(o, &r.over, sizeof(int));
    n = r.a.error ? strlen(r.a.error) : 0;
    note(o, r.a.error ? r.a.error : "", n);
    free(r.in.buf);
}


int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int  flags;

    static outcome_t  whole, cut;

    if (size < N_CUTS + 1) {
        return 0;
    }

    flags = data[0];
    data++;
    size--;

    run(&whole, NULL, data + N_CUTS, size - N_CUTS, flags);
    run(&cut, data, data + N_CUTS, size - N_CUTS, flags);

    same(&whole, &cut);

    return 0;
}
