/*
 * Fuzzes the FastCGI reader and the parameter reader.
 *
 * The first bytes of the input say where to cut the rest: the reader must
 * come to the same answer however its input arrives.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "faas_fcgi.h"
#include "fuzz.h"


#define N_CUTS  8

typedef struct {
    unsigned char        *text[2];            /* STDOUT and STDERR */
    size_t                len[2];
    unsigned              ends;               /* R_STDOUT_END */
    int                   last;
    size_t                consumed;
    uint32_t              app_status;
    uint8_t               protocol_status;
    const char           *error;
} outcome_t;


static void
feed(outcome_t *o, faas_fcgi_reader_t *rd, const uint8_t *p, size_t n)
{
    int             rc, stream;
    size_t          len;
    unsigned char  *copy, *pos, *before, *last, *data;

    /* of its own size, so that the sanitizer sees an overrun */

    copy = malloc(n ? n : 1);
    memcpy(copy, p, n);
    pos = copy;
    last = copy + n;

    for ( ;; ) {
        before = pos;
        rc = faas_fcgi_read(rd, &pos, last, &data, &len);

        check(pos >= before && pos <= last);

        if (rc == FAAS_FCGI_R_STDOUT_END) {
            o->ends++;
            check(o->ends == 1);
            continue;
        }

        if (rc != FAAS_FCGI_R_STDOUT && rc != FAAS_FCGI_R_STDERR) {
            break;
        }

        check(len > 0 && data >= before && data + len == pos);

        stream = (rc == FAAS_FCGI_R_STDERR);
        check(stream || o->ends == 0);

        memcpy(o->text[stream] + o->len[stream], data, len);
        o->len[stream] += len;
    }

    check(rc == FAAS_FCGI_R_AGAIN || rc == FAAS_FCGI_R_END
          || rc == FAAS_FCGI_R_BAD);
    check(rc != FAAS_FCGI_R_AGAIN || pos == last);
    check(rc != FAAS_FCGI_R_BAD || rd->error != NULL);

    o->last = rc;
    o->consumed += (size_t) (pos - copy);
    o->error = rd->error;

    if (rc == FAAS_FCGI_R_END) {
        o->app_status = rd->app_status;
        o->protocol_status = rd->protocol_status;
    }

    free(copy);
}


static void
run(outcome_t *o, const uint8_t *cuts, size_t n_cuts, const uint8_t *p,
    size_t n)
{
    size_t              i, step;
    faas_fcgi_reader_t  rd;

    memset(o, 0, sizeof(outcome_t));
    o->text[0] = malloc(n + 1);
    o->text[1] = malloc(n + 1);

    faas_fcgi_reader_init(&rd, 1);

    for (i = 0; n; i++) {
        step = n;

        if (n_cuts != 0 && cuts[i % n_cuts] < n) {
            step = cuts[i % n_cuts];

            if (step == 0) {
                step = 1;
            }
        }

        feed(o, &rd, p, step);

        if (o->last != FAAS_FCGI_R_AGAIN) {
            break;
        }

        p += step;
        n -= step;
    }
}


static void
params(const uint8_t *p, size_t n)
{
    size_t                nlen, vlen;
    unsigned char        *copy, *again;
    const unsigned char  *pos, *before, *name, *value;

    copy = malloc(n ? n : 1);
    memcpy(copy, p, n);
    pos = copy;

    for ( ;; ) {
        before = pos;

        if (faas_fcgi_get_param(&pos, copy + n, &name, &nlen, &value, &vlen)
            != 1)
        {
            break;
        }

        check(name > before && name + nlen == value && value + vlen == pos
              && pos <= copy + n);

        /* the long form of a short length is allowed, but not ours */

        check(faas_fcgi_param_len(nlen, vlen) <= (size_t) (pos - before));

        again = malloc(faas_fcgi_param_len(nlen, vlen));
        check(faas_fcgi_put_param(again, name, nlen, value, vlen)
              == again + faas_fcgi_param_len(nlen, vlen));
        free(again);
    }

    free(copy);
}


static void
release(outcome_t *o)
{
    free(o->text[0]);
    free(o->text[1]);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    outcome_t             once, cut, bytes;
    const uint8_t        *cuts;
    static const uint8_t  one = 1;

    params(data, size);

    if (size < N_CUTS) {
        return 0;
    }

    cuts = data;
    data += N_CUTS;
    size -= N_CUTS;

    run(&once, NULL, 0, data, size);
    run(&cut, cuts, N_CUTS, data, size);
    run(&bytes, &one, 1, data, size);

    check(once.last == cut.last && once.last == bytes.last);
    check(once.ends == cut.ends && once.ends == bytes.ends);
    check(once.error == cut.error && once.error == bytes.error);
    check(once.consumed == cut.consumed && once.consumed == bytes.consumed);
    check(once.app_status == cut.app_status
          && once.app_status == bytes.app_status);
    check(once.protocol_status == cut.protocol_status
          && once.protocol_status == bytes.protocol_status);
    check(once.len[0] == cut.len[0] && once.len[0] == bytes.len[0]);
    check(once.len[1] == cut.len[1] && once.len[1] == bytes.len[1]);
    check(memcmp(once.text[0], cut.text[0], once.len[0]) == 0);
    check(memcmp(once.text[1], cut.text[1], once.len[1]) == 0);
    check(memcmp(once.text[0], bytes.text[0], once.len[0]) == 0);
    check(memcmp(once.text[1], bytes.text[1], once.len[1]) == 0);

    release(&once);
    release(&cut);
    release(&bytes);

    return 0;
}
