/*
 * Unit tests of faas_fcgi.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "faas_fcgi.h"


/* what came out of a reader, slices joined: "o" STDOUT, "e" STDERR, ... */

typedef struct {
    char      text[512];
    size_t    len;
    size_t    consumed;
    int       last;                   /* R_END, R_BAD or R_AGAIN */
    uint32_t  app_status;
    uint8_t   protocol_status;
    char      error[64];
} trace_t;

typedef struct {
    const char           *name;
    const unsigned char  *bytes;
    size_t                len;
    const char           *text;
    int                   last;
    const char           *error;
} stream_t;

#define BYTES(s)  (const unsigned char *) s, sizeof(s) - 1

#define OUT(n, pad)   "\1\6\0\7\0" n pad "\0"
#define ERR(n, pad)   "\1\7\0\7\0" n pad "\0"
#define END(pad)      "\1\3\0\7\0\10" pad "\0"
#define END_BODY      "\0\0\1\2\0\0\0\0"

static const stream_t  streams[] = {

    { "usual", BYTES(OUT("\3", "\5") "abc" "-----" OUT("\0", "\0")
      END("\0") END_BODY), "abc.", FAAS_FCGI_R_END, NULL },

    { "padding everywhere", BYTES(OUT("\1", "\7") "a" "-------"
      ERR("\2", "\1") "xy" "-" OUT("\1", "\0") "b" OUT("\0", "\3") "---"
      ERR("\0", "\2") "--" END("\4") END_BODY "----"),
      "a<xy>b.", FAAS_FCGI_R_END, NULL },

    { "no end of stdout", BYTES(OUT("\2", "\0") "ab" END("\0") END_BODY),
      "ab", FAAS_FCGI_R_END, NULL },

    { "end twice", BYTES(OUT("\0", "\0") OUT("\0", "\1") "-" ERR("\1", "\0")
      "e" END("\0") END_BODY), ".<e>", FAAS_FCGI_R_END, NULL },

    { "nothing but the end", BYTES(END("\0") END_BODY), "",
      FAAS_FCGI_R_END, NULL },

    { "cut in content", BYTES(OUT("\5", "\0") "abc"), "abc",
      FAAS_FCGI_R_AGAIN, NULL },

    { "cut in padding of the end", BYTES(END("\3") END_BODY "--"), "",
      FAAS_FCGI_R_AGAIN, NULL },

    { "data after the end", BYTES(OUT("\1", "\0") "a" END("\0") END_BODY "x"),
      "a", FAAS_FCGI_R_END, NULL },

    { "version", BYTES(OUT("\1", "\0") "a" "\2\6\0\7\0\0\0\0"), "a",
      FAAS_FCGI_R_BAD, "unsupported protocol version" },

    { "not FastCGI", BYTES("HTTP/1.1 200 OK\r\n"), "",
      FAAS_FCGI_R_BAD, "unsupported protocol version" },

    { "type", BYTES("\1\1\0\7\0\10\0\0" "\0\1\0\0\0\0\0\0"), "",
      FAAS_FCGI_R_BAD, "unexpected record type" },

    { "type stdin", BYTES("\1\5\0\7\0\0\0\0"), "",
      FAAS_FCGI_R_BAD, "unexpected record type" },

    { "type 0", BYTES("\1\0\0\7\0\0\0\0"), "",
      FAAS_FCGI_R_BAD, "unexpected record type" },

    { "type 12", BYTES("\1\14\0\7\0\0\0\0"), "",
      FAAS_FCGI_R_BAD, "unexpected record type" },

    { "request id low", BYTES("\1\6\0\6\0\1\0\0a"), "",
      FAAS_FCGI_R_BAD, "unexpected request id" },

    { "request id high", BYTES("\1\6\1\7\0\1\0\0a"), "",
      FAAS_FCGI_R_BAD, "unexpected request id" },

    { "management record", BYTES("\1\3\0\0\0\10\0\0" END_BODY), "",
      FAAS_FCGI_R_BAD, "unexpected request id" },

    { "short end", BYTES("\1\3\0\7\0\7\0\0" "1234567"), "",
      FAAS_FCGI_R_BAD, "wrong length of END_REQUEST" },

    { "long end", BYTES("\1\3\0\7\1\10\0\0" END_BODY), "",
      FAAS_FCGI_R_BAD, "wrong length of END_REQUEST" },

    { "stdout after its end", BYTES(OUT("\1", "\0") "a" OUT("\0", "\0")
      OUT("\1", "\0") "b" END("\0") END_BODY), "a.",
      FAAS_FCGI_R_BAD, "STDOUT data after the end of stream" },

    { "stderr after the end of stdout", BYTES(OUT("\0", "\0")
      ERR("\1", "\0") "b" END("\0") END_BODY), ".<b>",
      FAAS_FCGI_R_END, NULL }
};


static void
trace_add(trace_t *t, char mode, const unsigned char *data, size_t len)
{
    assert_true(len > 0 && t->len + len + 2 < sizeof(t->text));

    if (mode == 'e') {

        /* slices of STDERR that follow each other are one */

        if (t->len && t->text[t->len - 1] == '>') {
            t->len--;

        } else {
            t->text[t->len++] = '<';
        }
    }

    memcpy(t->text + t->len, data, len);
    t->len += len;

    if (mode == 'e') {
        t->text[t->len++] = '>';
    }
}


/* Feeds one piece, in memory of its own so that sanitizers see an overrun. */

static void
trace_feed(trace_t *t, faas_fcgi_reader_t *rd, const unsigned char *p,
    size_t n)
{
    int             rc;
    size_t          len;
    unsigned char  *copy, *pos, *last, *data;

    copy = malloc(n ? n : 1);
    memcpy(copy, p, n);

    pos = copy;
    last = copy + n;

    for ( ;; ) {
        rc = faas_fcgi_read(rd, &pos, last, &data, &len);

        if (rc == FAAS_FCGI_R_STDOUT || rc == FAAS_FCGI_R_STDERR) {
            assert_true(data >= copy && data + len == pos && pos <= last);
            trace_add(t, rc == FAAS_FCGI_R_STDOUT ? 'o' : 'e', data, len);
            continue;
        }

        if (rc == FAAS_FCGI_R_STDOUT_END) {
            t->text[t->len++] = '.';
            continue;
        }

        break;
    }

    if (rc == FAAS_FCGI_R_AGAIN) {
        assert_ptr_equal(pos, last);
    }

    t->last = rc;
    t->consumed += (size_t) (pos - copy);

    if (rc == FAAS_FCGI_R_END) {
        t->app_status = rd->app_status;
        t->protocol_status = rd->protocol_status;
    }

    if (rc == FAAS_FCGI_R_BAD) {
        assert_non_null(rd->error);
        snprintf(t->error, sizeof(t->error), "%s", rd->error);

        /* and it stays so */

        assert_int_equal(faas_fcgi_read(rd, &pos, last, &data, &len),
                         FAAS_FCGI_R_BAD);
    }

    free(copy);
}


static void
trace_run(trace_t *t, const stream_t *s, const size_t *cuts, size_t n)
{
    size_t              i, from, to;
    faas_fcgi_reader_t  rd;

    memset(t, 0, sizeof(trace_t));
    faas_fcgi_reader_init(&rd, 7);

    from = 0;

    for (i = 0; i <= n; i++) {
        to = (i < n) ? cuts[i] : s->len;
        trace_feed(t, &rd, s->bytes + from, to - from);

        if (t->last != FAAS_FCGI_R_AGAIN) {
            break;
        }

        from = to;
    }

    t->text[t->len] = '\0';
}


static void
trace_check(const trace_t *t, const stream_t *s, const char *how)
{
    if (strcmp(t->text, s->text) != 0 || t->last != s->last) {
        fail_msg("%s, %s: \"%s\" and %d", s->name, how, t->text, t->last);
    }

    if (s->error != NULL) {
        assert_string_equal(t->error, s->error);
    }

    if (s->last == FAAS_FCGI_R_END) {
        assert_int_equal(t->app_status, 0x102);
        assert_int_equal(t->protocol_status, 0);
    }
}


static void
fcgi_streams(void **state)
{
    size_t   i;
    trace_t  t;

    (void) state;

    for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        trace_run(&t, &streams[i], NULL, 0);
        trace_check(&t, &streams[i], "at once");
    }
}


static void
fcgi_two_cuts(void **state)
{
    size_t           i, cuts[2];
    trace_t          t;
    const stream_t  *s;

    (void) state;

    for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        s = &streams[i];

        for (cuts[0] = 0; cuts[0] <= s->len; cuts[0]++) {
            for (cuts[1] = cuts[0]; cuts[1] <= s->len; cuts[1]++) {
                trace_run(&t, s, cuts, 2);
                trace_check(&t, s, "cut in three");
            }
        }
    }
}


static void
fcgi_byte_by_byte(void **state)
{
    size_t           i, k, cuts[256];
    trace_t          t;
    const stream_t  *s;

    (void) state;

    for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++) {
        s = &streams[i];

        for (k = 1; k < s->len; k++) {
            cuts[k - 1] = k;
        }

        trace_run(&t, s, cuts, s->len - 1);
        trace_check(&t, s, "byte by byte");
    }
}


/* *pos is right behind the END_REQUEST; what follows is a violation. */

static void
fcgi_after_the_end(void **state)
{
    int                 rc;
    size_t              len;
    unsigned char      *pos, *data;
    faas_fcgi_reader_t  rd;
    unsigned char       in[] = END("\2") END_BODY "--" "\1\6\0\7\0\0\0\0";

    (void) state;

    faas_fcgi_reader_init(&rd, 7);
    pos = in;

    rc = faas_fcgi_read(&rd, &pos, in + sizeof(in) - 1, &data, &len);
    assert_int_equal(rc, FAAS_FCGI_R_END);
    assert_int_equal(pos - in, 18);

    rc = faas_fcgi_read(&rd, &pos, pos, &data, &len);
    assert_int_equal(rc, FAAS_FCGI_R_AGAIN);

    rc = faas_fcgi_read(&rd, &pos, in + sizeof(in) - 1, &data, &len);
    assert_int_equal(rc, FAAS_FCGI_R_BAD);
    assert_string_equal(rd.error, "data after END_REQUEST");
}


static void
fcgi_largest_record(void **state)
{
    int                 rc;
    size_t              len;
    unsigned char      *in, *pos, *last, *data;
    faas_fcgi_reader_t  rd;

    (void) state;

    len = FAAS_FCGI_HEAD_LEN + 65535 + 255 + 16;
    in = calloc(1, len);
    last = in + len;

    pos = faas_fcgi_put_head(in, FAAS_FCGI_STDOUT, 65535, 65535, 255);
    pos = faas_fcgi_put_end(pos + 65535 + 255, 65535, 0xfffefdfc,
                            FAAS_FCGI_OVERLOADED);
    assert_ptr_equal(pos, last);

    faas_fcgi_reader_init(&rd, 65535);
    pos = in;

    rc = faas_fcgi_read(&rd, &pos, last, &data, &len);
    assert_int_equal(rc, FAAS_FCGI_R_STDOUT);
    assert_ptr_equal(data, in + FAAS_FCGI_HEAD_LEN);
    assert_int_equal(len, 65535);

    rc = faas_fcgi_read(&rd, &pos, last, &data, &len);
    assert_int_equal(rc, FAAS_FCGI_R_END);
    assert_ptr_equal(pos, last);
    assert_int_equal(rd.app_status, 0xfffefdfc);
    assert_int_equal(rd.protocol_status, FAAS_FCGI_OVERLOADED);

    free(in);
}


static void
fcgi_put_records(void **state)
{
    unsigned char     buf[32], *end;
    faas_fcgi_head_t  h;

    (void) state;

    end = faas_fcgi_put_head(buf, FAAS_FCGI_STDIN, 0x1234, 0xabcd, 3);
    assert_int_equal(end - buf, 8);
    assert_memory_equal(buf, "\1\5\x12\x34\xab\xcd\3\0", 8);

    assert_int_equal(faas_fcgi_get_head(buf, &h), 0);
    assert_int_equal(h.type, FAAS_FCGI_STDIN);
    assert_int_equal(h.request_id, 0x1234);
    assert_int_equal(h.length, 0xabcd);
    assert_int_equal(h.padding, 3);

    buf[0] = 0;
    assert_int_equal(faas_fcgi_get_head(buf, &h), -1);

    end = faas_fcgi_put_begin(buf, 1, FAAS_FCGI_KEEP_CONN);
    assert_int_equal(end - buf, 16);
    assert_memory_equal(buf, "\1\1\0\1\0\10\0\0" "\0\1\1\0\0\0\0\0", 16);

    end = faas_fcgi_put_end(buf, 1, 0x01020304, FAAS_FCGI_UNKNOWN_ROLE);
    assert_int_equal(end - buf, 16);
    assert_memory_equal(buf, "\1\3\0\1\0\10\0\0" "\1\2\3\4\3\0\0\0", 16);
}


static void
fcgi_params_round_trip(void **state)
{
    int                   rc;
    size_t                i, k, nlen, vlen, len;
    unsigned char        *buf, *end, text[300];
    const unsigned char  *pos, *name, *value;
    static const size_t   sizes[] = { 0, 1, 126, 127, 128, 129, 255, 256,
                                      300 };

    (void) state;

    memset(text, 'x', sizeof(text));

    for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
        for (k = 0; k < sizeof(sizes) / sizeof(sizes[0]); k++) {
            len = faas_fcgi_param_len(sizes[i], sizes[k]);
            buf = malloc(len);

            end = faas_fcgi_put_param(buf, text, sizes[i], text, sizes[k]);
            assert_ptr_equal(end, buf + len);

            pos = buf;
            rc = faas_fcgi_get_param(&pos, end, &name, &nlen, &value, &vlen);
            assert_int_equal(rc, 1);
            assert_int_equal(nlen, sizes[i]);
            assert_int_equal(vlen, sizes[k]);
            assert_memory_equal(name, text, nlen);
            assert_memory_equal(value, text, vlen);
            assert_ptr_equal(pos, end);

            rc = faas_fcgi_get_param(&pos, end, &name, &nlen, &value, &vlen);
            assert_int_equal(rc, 0);

            free(buf);
        }
    }

    assert_int_equal(faas_fcgi_put_param(text, NULL, 0, NULL, 0) - text, 2);
}


/* No beginning of a pair is a pair. */

static void
fcgi_params_cut(void **state)
{
    size_t                i, nlen, vlen, len;
    unsigned char         buf[400], text[200], *copy;
    const unsigned char  *pos, *name, *value;

    (void) state;

    memset(text, 'x', sizeof(text));
    len = (size_t) (faas_fcgi_put_param(buf, text, 3, text, 200) - buf);

    for (i = 1; i < len; i++) {
        copy = malloc(i);
        memcpy(copy, buf, i);
        pos = copy;

        assert_int_equal(faas_fcgi_get_param(&pos, copy + i, &name, &nlen,
                                             &value, &vlen), -1);
        free(copy);
    }
}


static void
fcgi_params_huge(void **state)
{
    size_t                i, nlen, vlen;
    const unsigned char  *pos, *name, *value;

    static const struct {
        const unsigned char  *bytes;
        size_t                len;
    } bad[] = {
        { BYTES("\xff\xff\xff\xff\xff\xff\xff\xff" "ab") },
        { BYTES("\1\xff\xff\xff\xff" "ab") },
        { BYTES("\xff\xff\xff\xff\1" "ab") },
        { BYTES("\x80\0\0\3\0" "ab") },
        { BYTES("\x80\0\0\1\2" "ab") }
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        pos = bad[i].bytes;

        assert_int_equal(faas_fcgi_get_param(&pos, bad[i].bytes + bad[i].len,
                                             &name, &nlen, &value, &vlen),
                         -1);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(fcgi_streams),
        cmocka_unit_test(fcgi_two_cuts),
        cmocka_unit_test(fcgi_byte_by_byte),
        cmocka_unit_test(fcgi_after_the_end),
        cmocka_unit_test(fcgi_largest_record),
        cmocka_unit_test(fcgi_put_records),
        cmocka_unit_test(fcgi_params_round_trip),
        cmocka_unit_test(fcgi_params_cut),
        cmocka_unit_test(fcgi_params_huge)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("fcgi", tests, NULL, NULL);
}
