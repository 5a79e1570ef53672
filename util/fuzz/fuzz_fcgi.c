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

#define N_TEXTS  4

typedef struct {
    unsigned char        *text[N_TEXTS];      /* STDOUT, STDERR, STREAM, */
    size_t                len[N_TEXTS];       /* STREAM_ERROR */
    unsigned              ends;               /* R_STDOUT_END */
    int                   last;
    size_t                consumed;
    uint32_t              app_status;
    uint8_t               protocol_status;
    const char           *error;
} outcome_t;


/* Which of the texts it is a slice of; -1: it is none. */

static int
text_of(int rc)
{
    switch (rc) {

    case FAAS_FCGI_R_STDOUT:
        return 0;

    case FAAS_FCGI_R_STDERR:
        return 1;

    case FAAS_FCGI_R_STREAM:
        return 2;

    case FAAS_FCGI_R_STREAM_ERROR:
        return 3;

    default:
        return -1;
    }
}


static void
feed(outcome_t *o, faas_fcgi_reader_t *rd, const uint8_t *p, size_t n)
{
    int             rc, text;
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

        text = text_of(rc);

        if (text == -1) {
            break;
        }

        check(len > 0 && data >= before && data + len == pos);
        check(text != 0 || (o->ends == 0 && o->len[3] == 0));
        check(text != 2 || (o->len[0] == 0 && o->ends == 0));
        check(text != 3 || o->len[2] > 0);

        /* read again what was given back: as if it had been cut there */

        if (len > 1 && data[0] == 'u') {
            faas_fcgi_unread(rd, &pos, len - 1);
            len = 1;
        }

        memcpy(o->text[text] + o->len[text], data, len);
        o->len[text] += len;
    }

    check(rc <= FAAS_FCGI_R_BAD);
    check(rc != FAAS_FCGI_R_AGAIN || pos == last);
    check(rc != FAAS_FCGI_R_BAD || rd->error != NULL);

    o->last = rc;
    o->consumed += (size_t) (pos - copy);
    o->error = rd->error;

    if (rc == FAAS_FCGI_R_END) {
        check(o->len[3] == 0 || rd->app_status != 0);
        o->app_status = rd->app_status;
        o->protocol_status = rd->protocol_status;
    }

    free(copy);
}


static void
run(outcome_t *o, const uint8_t *cuts, size_t n_cuts, const uint8_t *p,
    size_t n, int streams)
{
    size_t              i, step;
    faas_fcgi_reader_t  rd;

    memset(o, 0, sizeof(outcome_t));

    for (i = 0; i < N_TEXTS; i++) {
        o->text[i] = malloc(n + 1);
    }

    faas_fcgi_reader_init(&rd, 1);
    rd.stream = streams ? FAAS_FCGI_STREAM_MAY : FAAS_FCGI_STREAM_NEVER;

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
    unsigned  i;

    for (i = 0; i < N_TEXTS; i++) {
        free(o->text[i]);
    }
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int                   streams;
    unsigned              i;
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

    streams = cuts[0] & 1;

    run(&once, NULL, 0, data, size, streams);
    run(&cut, cuts, N_CUTS, data, size, streams);
    run(&bytes, &one, 1, data, size, streams);

    check(once.last == cut.last && once.last == bytes.last);
    check(once.ends == cut.ends && once.ends == bytes.ends);
    check(once.error == cut.error && once.error == bytes.error);
    check(once.consumed == cut.consumed && once.consumed == bytes.consumed);
    check(once.app_status == cut.app_status
          && once.app_status == bytes.app_status);
    check(once.protocol_status == cut.protocol_status
          && once.protocol_status == bytes.protocol_status);

    for (i = 0; i < N_TEXTS; i++) {
        check(once.len[i] == cut.len[i] && once.len[i] == bytes.len[i]);
        check(memcmp(once.text[i], cut.text[i], once.len[i]) == 0);
        check(memcmp(once.text[i], bytes.text[i], once.len[i]) == 0);
    }

    release(&once);
    release(&cut);
    release(&bytes);

    return 0;
}
