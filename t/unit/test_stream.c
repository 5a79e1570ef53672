/*
 * Unit tests of what streams have of their own: records of faas_fcgi.c, heads
 * of faas_answer_prelude.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faas_answer.h"
#include "faas_fcgi.h"


/*
 * An answer is written as letters: "t" a content type, "o" data, "." their end,
 * "l" log, "x" an error payload, "0" and "1" the end of the request; "-" an
 * empty record of the type of the letter behind it.  What is read is the
 * letters of slices of one byte; "!" is an error.
 */

typedef struct {
    const char  *in;
    const char  *out;
    int          never;               /* streams are not allowed */
} case_t;


static const case_t  cases[] = {
    { "too.0", "too.0", 0 },
    { "tlolo.0", "tlolo.0", 0 },
    { "t.0", "t.0", 0 },
    { "t0", "t0", 0 },
    { "toxlx.1", "toxlx1", 0 },
    { "tx1", "tx1", 0 },
    { "to.x1", "to.x1", 0 },
    { "to1", "to1", 0 },
    { "oo.0", "oo.0", 0 },
    { "lt0", "lt0", 0 },
    { "ot", "o!", 0 },
    { ".t", ".!", 0 },
    { "tt", "t!", 0 },
    { "tot", "to!", 0 },
    { "-t", "!", 0 },
    { "t-x", "t!", 0 },
    { "x1", "!", 0 },
    { "ox", "o!", 0 },
    { "txo", "tx!", 0 },
    { "txt", "tx!", 0 },
    { "tox0", "tox!", 0 },
    { "t", "!", 1 },
    { "x", "!", 1 }
};


static size_t
stream_build(unsigned char *buf, const char *letters)
{
    char            c;
    unsigned        empty, type;
    unsigned char  *p;

    p = buf;
    empty = 0;

    while ((c = *letters++) != '\0') {

        if (c == '-') {
            empty = 1;
            continue;
        }

        if (c == '0' || c == '1') {
            p = faas_fcgi_put_end(p, 7, c - '0', 0);
            continue;
        }

        type = (c == 't') ? FAAS_FCGI_STREAM
               : (c == 'x') ? FAAS_FCGI_STREAM_ERROR
               : (c == 'l') ? FAAS_FCGI_STDERR : FAAS_FCGI_STDOUT;
        empty |= (c == '.');

        p = faas_fcgi_put_head(p, type, 7, !empty, 3);

        if (!empty) {
            *p++ = c;
        }

        memset(p, '-', 3);
        p += 3;
        empty = 0;
    }

    return p - buf;
}


static void
stream_read(char *out, unsigned char *p, size_t len, size_t step, int never)
{
    int                 rc;
    size_t              n, i;
    unsigned char      *pos, *data;
    faas_fcgi_reader_t  rd;

    faas_fcgi_reader_init(&rd, 7);
    rd.stream = never ? FAAS_FCGI_STREAM_NEVER : FAAS_FCGI_STREAM_MAY;

    pos = p;
    rc = FAAS_FCGI_R_AGAIN;

    for (i = 0; i < len && rc == FAAS_FCGI_R_AGAIN; i += step) {
        step = (step < len - i) ? step : len - i;

        do {
            rc = faas_fcgi_read(&rd, &pos, p + i + step, &data, &n);

            if (rc == FAAS_FCGI_R_END) {
                *out++ = '0' + rd.app_status;

            } else if (rc == FAAS_FCGI_R_BAD) {
                assert_non_null(rd.error);
                *out++ = '!';

            } else if (rc == FAAS_FCGI_R_STDOUT_END) {
                *out++ = '.';

            } else if (rc != FAAS_FCGI_R_AGAIN) {
                assert_int_equal(n, 1);
                assert_int_equal(rc, *data == 't' ? FAAS_FCGI_R_STREAM
                                     : *data == 'x' ? FAAS_FCGI_R_STREAM_ERROR
                                     : *data == 'l' ? FAAS_FCGI_R_STDERR
                                     : FAAS_FCGI_R_STDOUT);
                *out++ = *data;
            }

        } while (rc != FAAS_FCGI_R_AGAIN && rc != FAAS_FCGI_R_END
                 && rc != FAAS_FCGI_R_BAD);
    }

    *out = '\0';
}


static void
stream_records(void **state)
{
    char           out[64];
    size_t         i, len, step;
    unsigned char  buf[512];

    (void) state;

    for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        len = stream_build(buf, cases[i].in);

        for (step = 1; step <= len; step++) {
            stream_read(out, buf, len, step, cases[i].never);

            if (strcmp(out, cases[i].out) != 0) {
                fail_msg("%s by %zu: %s", cases[i].in, step, out);
            }
        }
    }
}


/* What was given back comes again, with what follows it. */

static void
stream_unread(void **state)
{
    size_t              n, len;
    unsigned char       buf[64], *p, *pos, *last, *data;
    faas_fcgi_reader_t  rd;

    (void) state;

    p = faas_fcgi_put_head(buf, FAAS_FCGI_STDOUT, 7, 4, 0);
    memcpy(p, "abcd", 4);
    last = faas_fcgi_put_end(p + 4, 7, 0, 0);

    for (n = 0; n <= 4; n++) {
        faas_fcgi_reader_init(&rd, 7);
        pos = buf;

        assert_int_equal(faas_fcgi_read(&rd, &pos, last, &data, &len),
                         FAAS_FCGI_R_STDOUT);
        assert_int_equal(len, 4);

        faas_fcgi_unread(&rd, &pos, n);

        if (n) {
            assert_int_equal(faas_fcgi_read(&rd, &pos, last, &data, &len),
                             FAAS_FCGI_R_STDOUT);
            assert_int_equal(len, n);
            assert_memory_equal(data, "abcd" + 4 - n, n);
        }

        assert_int_equal(faas_fcgi_read(&rd, &pos, last, &data, &len),
                         FAAS_FCGI_R_END);
    }
}


/* --- heads --- */

static void
prelude_end(void **state)
{
    size_t               i, k;
    unsigned             zeros;

    static const unsigned char  good[] = "{}\0\0\0\0\0\0\0\0\0x";
    static const unsigned char  few[] = "{}\0\0\0\0\0\0\0x";
    const size_t                len = sizeof(good) - 1;

    (void) state;

    for (i = 0; i <= len; i++) {
        zeros = 0;

        if (i >= 10) {
            assert_int_equal(faas_answer_prelude_end(&zeros, good, i), 10);
            continue;
        }

        for (k = 0; k < i; k++) {
            assert_int_equal(faas_answer_prelude_end(&zeros, good + k, 1), 0);
        }

        assert_int_equal(faas_answer_prelude_end(&zeros, good + i, 0), 0);
        assert_int_equal(faas_answer_prelude_end(&zeros, good + i, len - i),
                         10 - i);
    }

    zeros = 0;
    assert_int_equal(faas_answer_prelude_end(&zeros, few, sizeof(few) - 1),
                     -1);
    zeros = 0;
    assert_int_equal(faas_answer_prelude_end(&zeros, few, 9), 0);
    assert_int_equal(faas_answer_prelude_end(&zeros, few + 9, 1), -1);
}


static int
prelude_header(void *ctx, unsigned char *name, size_t nlen,
    unsigned char *value, size_t vlen)
{
    char  *text = ctx;

    sprintf(text + strlen(text), "%.*s: %.*s\n", (int) nlen, name, (int) vlen,
            value);

    return 0;
}


static void
prelude_is(faas_answer_format_e format, const char *json, unsigned status,
    const char *headers)
{
    int             rc;
    char            text[512], *copy;
    faas_answer_t   a;

    text[0] = '\0';
    copy = malloc(strlen(json) + 1);
    memcpy(copy, json, strlen(json) + 1);

    rc = faas_answer_prelude(format, (unsigned char *) copy, strlen(json),
                             &a, prelude_header, text);
    free(copy);

    assert_string_equal(text, headers);
    assert_int_equal(rc, status ? FAAS_ANSWER_OK : FAAS_ANSWER_BAD);

    if (status) {
        assert_int_equal(a.status, status);
        assert_null(a.error);

    } else {
        assert_non_null(a.error);
    }
}


#define BYTES  "content-type: application/octet-stream\n"

static void
prelude_members(void **state)
{
    unsigned  i;

    static const char  all[] =
        "{\"statusCode\":201,\"headers\":{\"A\":1,\"Connection\":\"x\"},"
        "\"multiValueHeaders\":{\"b\":[\"2\",3]},\"cookies\":[\"c=4\"],"
        "\"body\":[],\"isBase64Encoded\":5,\"other\":null}";

    (void) state;

    prelude_is(FAAS_ANSWER_V2, all, 201, BYTES "A: 1\nset-cookie: c=4\n");
    prelude_is(FAAS_ANSWER_URL, all, 201, BYTES "A: 1\nset-cookie: c=4\n");
    prelude_is(FAAS_ANSWER_V1, all, 201,
               BYTES "b: 2\nb: 3\nA: 1\nset-cookie: c=4\n");
    prelude_is(FAAS_ANSWER_REST, all, 201,
               BYTES "b: 2\nb: 3\nA: 1\nx-amzn-Remapped-Connection: x\n"
               "set-cookie: c=4\n");
    prelude_is(FAAS_ANSWER_ALB, all, 201, BYTES "A: 1\n");
    prelude_is(FAAS_ANSWER_ALB_MULTI, all, 201, BYTES "b: 2\nb: 3\n");

    for (i = FAAS_ANSWER_V2; i <= FAAS_ANSWER_ALB_MULTI; i++) {
        prelude_is(i, "{}", 200, BYTES);
        prelude_is(i, " {\"statusCode\":\"404\"} ", 404, BYTES);
        prelude_is(i, "", 0, "");
        prelude_is(i, "3", 0, "");
        prelude_is(i, "null", 0, "");
        prelude_is(i, "[]", 0, "");
        prelude_is(i, "{}{}", 0, "");
        prelude_is(i, "{\"statusCode\":null}", 0, "");
        prelude_is(i, "{\"statusCode\":99}", 0, "");
    }

    prelude_is(FAAS_ANSWER_V2, "{\"headers\":{\"Content-Type\":\"a\"}}", 200,
               "Content-Type: a\n");
    prelude_is(FAAS_ANSWER_V2, "{\"headers\":{\"a\":\"b\\r\\nc\"}}", 0, "");
    prelude_is(FAAS_ANSWER_V2, "{\"headers\":{\"a:\":\"b\"}}", 0, "");
    prelude_is(FAAS_ANSWER_V2, "{\"cookies\":[\"a\\u0000\"]}", 0, "");
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(stream_records),
        cmocka_unit_test(stream_unread),
        cmocka_unit_test(prelude_end),
        cmocka_unit_test(prelude_members)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("stream", tests, NULL, NULL);
}
