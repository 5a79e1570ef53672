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
#include "fuzz.h"


#define N_CUTS   8
#define SUM_MAX  65536


/* what was read, in a form that can be compared */

typedef struct {
    unsigned char  sum[SUM_MAX];
    size_t         len;
} outcome_t;


typedef struct {
    char          *buf;                       /* of exactly this size */
    size_t         len;
    web_answer_t   a;
    int            over;
} reader_t;


static void
note(outcome_t *o, const void *data, size_t len)
{
    if (len <= SUM_MAX - o->len) {
        memcpy(o->sum + o->len, data, len);
        o->len += len;
    }
}


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
drop(reader_t *r, size_t n)
{
    char  *buf;

    check(n <= r->len);

    buf = malloc(r->len - n + 1);
    memcpy(buf, r->buf + n, r->len - n);
    free(r->buf);
    r->buf = buf;
    r->len -= n;
}


static void
head(outcome_t *o, reader_t *r, int flags)
{
    int      rc;
    char    *to;
    size_t   size, used;

    while (!r->a.headed && !r->over) {
        to = malloc(web_block_max(r->len));
        rc = web_http_head(&r->a, r->buf, r->len, flags & 1, flags & 2, to,
                           &size, &used);

        if (rc != WEB_HTTP_OK) {
            free(to);
            r->over = (rc == WEB_HTTP_BAD);
            return;
        }

        check(size <= web_block_max(r->len));
        check(used && used <= r->len);

        if (size) {
            block(to, size);
            note(o, to, size);
        }

        free(to);
        drop(r, used);
    }
}


static void
feed(outcome_t *o, reader_t *r, const uint8_t *data, size_t n, int flags)
{
    char        *buf;
    size_t       size;
    const char  *pos, *last;

    buf = malloc(r->len + n + 1);
    memcpy(buf, r->buf ? r->buf : "", r->len);
    memcpy(buf + r->len, data, n);
    free(r->buf);
    r->buf = buf;
    r->len += n;

    head(o, r, flags);

    if (!r->a.headed || r->over) {
        return;
    }

    pos = r->buf;
    last = r->buf + r->len;

    do {
        size = web_http_body(&r->a, &pos, last);
        check(pos <= last && size <= (size_t) (last - pos));
        note(o, pos, size);
        pos += size;
    } while (size);

    r->over = r->a.error != NULL || web_http_done(&r->a);
    check(r->over || pos == last);
    drop(r, pos - r->buf);
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
    free(r.buf);
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

    check(whole.len == cut.len
          && memcmp(whole.sum, cut.sum, whole.len) == 0);

    return 0;
}
