/*
 * Unit tests of faas_answer.c: what a function returns and what the client
 * gets.
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


#define TEXT(s)  s, sizeof(s) - 1
#define PLAIN    "content-type: text/plain;charset=UTF-8\n"
#define JSON     "content-type: application/json\n"

typedef struct {
    const char  *in;
    size_t       in_len;
    unsigned     status;
    const char  *headers;             /* as reported, one a line */
    const char  *body;
    size_t       body_len;
} good_t;

typedef struct {
    const char  *in;
    size_t       in_len;
    const char  *error;
} bad_t;

typedef struct {
    char         text[16384];
    size_t       len;
    unsigned     calls;
    unsigned     abort_at;
} report_t;


/* inferred answers */

static const good_t  inferred[] = {
    { TEXT("{}"), 200, JSON, TEXT("{}") },
    { TEXT(" { \"a\" : [ 1 , \"b  c\" ] } \n"), 200, JSON,
      TEXT("{\"a\":[1,\"b  c\"]}") },
    { TEXT("[\"hello\", 3, true]"), 200, JSON, TEXT("[\"hello\",3,true]") },
    { TEXT("[ ]"), 200, JSON, TEXT("[]") },
    { TEXT("3"), 200, JSON, TEXT("3") },
    { TEXT(" -1.50e3 "), 200, JSON, TEXT("-1.50e3") },
    { TEXT("true"), 200, JSON, TEXT("true") },
    { TEXT("false"), 200, JSON, TEXT("false") },
    { TEXT("null"), 200, JSON, TEXT("null") },
    { TEXT("\"hello\""), 200, JSON, TEXT("hello") },
    { TEXT("\"\""), 200, JSON, TEXT("") },
    { TEXT(" \"a\\n\\\"b\\\" \\u00e9 \\ud83d\\ude00\" "), 200, JSON,
      TEXT("a\n\"b\" \xc3\xa9 \xf0\x9f\x98\x80") },
    { TEXT("\"<h1> x </h1>\""), 200, JSON, TEXT("<h1> x </h1>") },

    /* nothing but statusCode makes an answer of an object */

    { TEXT("{\"body\":\"x\",\"headers\":{\"a\":\"b\"}}"), 200, JSON,
      TEXT("{\"body\":\"x\",\"headers\":{\"a\":\"b\"}}") },
    { TEXT("{\"StatusCode\": 404, \"statuscode\": 404}"), 200, JSON,
      TEXT("{\"StatusCode\":404,\"statuscode\":404}") },
    { TEXT("{\"x\": {\"statusCode\": 404}}"), 200, JSON,
      TEXT("{\"x\":{\"statusCode\":404}}") },
    { TEXT("[{\"statusCode\":404}]"), 200, JSON,
      TEXT("[{\"statusCode\":404}]") },
    { TEXT("{\"headers\": 1, \"body\": [ 1 ], \"cookies\": {}}"), 200, JSON,
      TEXT("{\"headers\":1,\"body\":[1],\"cookies\":{}}") },

    /* keys keep their escapes, as nothing is changed before it is known */

    { TEXT("{\"h\\u0065aders\": {\"\\u0061\": \"\\u0062\"}}"), 200, JSON,
      TEXT("{\"h\\u0065aders\":{\"\\u0061\":\"\\u0062\"}}") }
};


/* answers with a status */

static const good_t  answers[] = {
    { TEXT("{\"statusCode\":200}"), 200, PLAIN, TEXT("") },
    { TEXT("{\"statusCode\":599}"), 599, PLAIN, TEXT("") },
    { TEXT(" { \"statusCode\" : \"404\" } "), 404, PLAIN, TEXT("") },
    { TEXT("{\"status\\u0043ode\":201}"), 201, PLAIN, TEXT("") },
    { TEXT("{\"statusCode\":200,\"body\":\"a\\nb\"}"), 200, PLAIN,
      TEXT("a\nb") },
    { TEXT("{\"body\":\"a\\u0000b\",\"statusCode\":200}"), 200, PLAIN,
      TEXT("a\0b") },
    { TEXT("{\"statusCode\":200,\"body\":\"\"}"), 200, PLAIN, TEXT("") },
    { TEXT("{\"statusCode\":200,\"body\":null,\"headers\":null,"
           "\"cookies\":null,\"isBase64Encoded\":null}"), 200, PLAIN,
      TEXT("") },
    { TEXT("{\"statusCode\":200,\"body\":\"aGVsbG8=\","
           "\"isBase64Encoded\":true}"), 200, PLAIN, TEXT("hello") },
    { TEXT("{\"isBase64Encoded\":true,\"body\":\"AP8\\/\","
           "\"statusCode\":200}"), 200, PLAIN, TEXT("\0\xff\x3f") },
    { TEXT("{\"statusCode\":200,\"isBase64Encoded\":true}"), 200, PLAIN,
      TEXT("") },
    { TEXT("{\"statusCode\":200,\"body\":\"aGVsbG8=\","
           "\"isBase64Encoded\":false}"), 200, PLAIN, TEXT("aGVsbG8=") },

    /* headers, before and after */

    { TEXT("{\"statusCode\":200,\"headers\":{\"X-A\":\"b\",\"n\":1.50,"
           "\"t\":true,\"f\":false}}"), 200,
      PLAIN "X-A: b\nn: 1.50\nt: true\nf: false\n", TEXT("") },
    { TEXT("{\"headers\":{\"a\":\"b\"},\"statusCode\":302,\"body\":\"x\"}"),
      302, PLAIN "a: b\n", TEXT("x") },
    { TEXT("{\"statusCode\":200,\"headers\":{}}"), 200, PLAIN, TEXT("") },
    { TEXT("{\"statusCode\":200,\"headers\":{\"Content-Type\":\"text/html\"}}"),
      200, "Content-Type: text/html\n", TEXT("") },
    { TEXT("{\"statusCode\":200,\"headers\":{\"x\":\"\"}}"), 200,
      PLAIN "x: \n", TEXT("") },
    { TEXT("{\"statusCode\":200,\"headers\":{\"x\":\" \\ta\\t b \\t\"}}"),
      200, PLAIN "x: a\t b\n", TEXT("") },
    { TEXT("{\"statusCode\":200,\"headers\":{\"x\":\"\\u00e9\\\"\\/\"}}"),
      200, PLAIN "x: \xc3\xa9\"/\n", TEXT("") },
    { TEXT("{\"statusCode\":200,\"headers\":{\"!#$%&'*+-.^_`|~09azAZ\":1}}"),
      200, PLAIN "!#$%&'*+-.^_`|~09azAZ: 1\n", TEXT("") },
    { TEXT("{\"statusCode\":200,\"headers\":{\"\\u0078\":\"\\u0079\"}}"),
      200, PLAIN "x: y\n", TEXT("") },

    /* what is the connection's */

    { TEXT("{\"statusCode\":200,\"headers\":{\"Connection\":\"close\","
           "\"Keep-Alive\":\"x\",\"Proxy-Connection\":\"x\",\"TE\":\"x\","
           "\"Trailer\":\"x\",\"Transfer-Encoding\":\"chunked\","
           "\"Upgrade\":\"h2c\",\"Content-Length\":5,\"x\":1}}"), 200,
      PLAIN "x: 1\n", TEXT("") },

    /* cookies */

    { TEXT("{\"statusCode\":200,\"cookies\":[\"a=b; Path=/\",\" c=d \"],"
           "\"headers\":{\"x\":1}}"), 200,
      PLAIN "x: 1\nset-cookie: a=b; Path=/\nset-cookie: c=d\n", TEXT("") },
    { TEXT("{\"statusCode\":200,\"cookies\":[\"a=b\",\"a=b\"],"
           "\"headers\":{\"Set-Cookie\":\"e=f\"}}"), 200,
      PLAIN "Set-Cookie: e=f\nset-cookie: a=b\nset-cookie: a=b\n", TEXT("") },
    { TEXT("{\"statusCode\":200,\"cookies\":[]}"), 200, PLAIN, TEXT("") },

    /* equal names: the last one */

    { TEXT("{\"statusCode\":500,\"statusCode\":200}"), 200, PLAIN, TEXT("") },
    { TEXT("{\"statusCode\":[],\"statusCode\":200}"), 200, PLAIN, TEXT("") },
    { TEXT("{\"statusCode\":200,\"body\":1,\"body\":\"b\"}"), 200, PLAIN,
      TEXT("b") },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":1},\"headers\":"
           "{\"b\":2}}"), 200, PLAIN "b: 2\n", TEXT("") },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":1,\"b\":2,\"A\":3}}"),
      200, PLAIN "a: 3\nb: 2\n", TEXT("") },

    /* what is not of this format */

    { TEXT("{\"statusCode\":200,\"multiValueHeaders\":{\"a\":[\"b\"]},"
           "\"x\":[{}]}"), 200, PLAIN, TEXT("") },
    { TEXT("{\"statusCode\":200,\"multiValueHeaders\":7}"), 200, PLAIN,
      TEXT("") }
};


#define INTEGER  "statusCode is not an integer"
#define RANGE    "statusCode is not from 200 to 599"
#define HEADER   "a header is no string, number or boolean"
#define NAME     "a header name is not a token"
#define CONTROL  "control character in a header"
#define COOKIE   "control character in a cookie"

static const bad_t  bad[] = {
    { TEXT(""), NULL },
    { TEXT("   "), NULL },
    { TEXT("hello"), NULL },
    { TEXT("{\"statusCode\":200"), NULL },
    { TEXT("{\"statusCode\":200}x"), NULL },
    { TEXT("{\"statusCode\":200}\0"), NULL },
    { TEXT("{\"statusCode\":200,}"), NULL },
    { TEXT("\"a\" \"b\""), NULL },
    { TEXT("\"a\nb\""), NULL },
    { TEXT("\"\xff\""), NULL },
    { TEXT("{\"statusCode\":200,\"body\":\"\xff\"}"), NULL },
    { TEXT("{\"statusCode\":200,\"x\":tru}"), NULL },

    { TEXT("{\"statusCode\":null}"), INTEGER },
    { TEXT("{\"statusCode\":true}"), INTEGER },
    { TEXT("{\"statusCode\":[200]}"), INTEGER },
    { TEXT("{\"statusCode\":{}}"), INTEGER },
    { TEXT("{\"statusCode\":200.0}"), INTEGER },
    { TEXT("{\"statusCode\":2e2}"), INTEGER },
    { TEXT("{\"statusCode\":-200}"), INTEGER },
    { TEXT("{\"statusCode\":\"abc\"}"), INTEGER },
    { TEXT("{\"statusCode\":\" 200\"}"), INTEGER },
    { TEXT("{\"statusCode\":\"2\\u00300\"}"), INTEGER },
    { TEXT("{\"statusCode\":\"\"}"), RANGE },
    { TEXT("{\"statusCode\":0}"), RANGE },
    { TEXT("{\"statusCode\":100}"), RANGE },
    { TEXT("{\"statusCode\":101}"), RANGE },
    { TEXT("{\"statusCode\":199}"), RANGE },
    { TEXT("{\"statusCode\":600}"), RANGE },
    { TEXT("{\"statusCode\":999}"), RANGE },
    { TEXT("{\"statusCode\":4294967496}"), RANGE },
    { TEXT("{\"statusCode\":18446744073709551816}"), RANGE },

    { TEXT("{\"statusCode\":200,\"body\":1}"), "body is not a string" },
    { TEXT("{\"statusCode\":200,\"body\":true}"), "body is not a string" },
    { TEXT("{\"statusCode\":200,\"body\":{}}"), "body is not a string" },
    { TEXT("{\"statusCode\":200,\"body\":[]}"), "body is not a string" },

    { TEXT("{\"statusCode\":200,\"isBase64Encoded\":1}"),
      "isBase64Encoded is not a boolean" },
    { TEXT("{\"statusCode\":200,\"isBase64Encoded\":\"true\"}"),
      "isBase64Encoded is not a boolean" },
    { TEXT("{\"statusCode\":200,\"isBase64Encoded\":true,\"body\":\"a\"}"),
      "body is not base64" },
    { TEXT("{\"statusCode\":200,\"isBase64Encoded\":true,\"body\":\"?\"}"),
      "body is not base64" },

    { TEXT("{\"statusCode\":200,\"headers\":[]}"),
      "headers is not an object" },
    { TEXT("{\"statusCode\":200,\"headers\":\"a\"}"),
      "headers is not an object" },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":null}}"), HEADER },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":[\"b\"]}}"), HEADER },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":{}}}"), HEADER },

    { TEXT("{\"statusCode\":200,\"headers\":{\"\":1}}"), NAME },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a b\":1}}"), NAME },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a:\":1}}"), NAME },
    { TEXT("{\"statusCode\":200,\"headers\":{\":status\":1}}"), NAME },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\\r\\nb\":1}}"), NAME },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\\u0000\":1}}"), NAME },
    { TEXT("{\"statusCode\":200,\"headers\":{\"\\u00e9\":1}}"), NAME },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\\u007f\":1}}"), NAME },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a(\":1}}"), NAME },

    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":\"b\\r\\nc: d\"}}"),
      CONTROL },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":\"b\\n\"}}"), CONTROL },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":\"\\rb\"}}"), CONTROL },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":\"b\\u0000\"}}"),
      CONTROL },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":\"\\u001b\"}}"), CONTROL },
    { TEXT("{\"statusCode\":200,\"headers\":{\"a\":\"\\u007f\"}}"), CONTROL },
    { TEXT("{\"statusCode\":200,\"headers\":{\"te\":\"a\\nb\"}}"), CONTROL },

    { TEXT("{\"statusCode\":200,\"cookies\":\"a=b\"}"),
      "cookies is not an array" },
    { TEXT("{\"statusCode\":200,\"cookies\":{}}"),
      "cookies is not an array" },
    { TEXT("{\"statusCode\":200,\"cookies\":[1]}"),
      "a cookie is not a string" },
    { TEXT("{\"statusCode\":200,\"cookies\":[\"a\",null]}"),
      "a cookie is not a string" },
    { TEXT("{\"statusCode\":200,\"cookies\":[\"a\\r\\nb: c\"]}"), COOKIE },
    { TEXT("{\"statusCode\":200,\"cookies\":[\"\\u0000\"]}"), COOKIE }
};


static int
report_header(void *ctx, unsigned char *name, size_t nlen,
    unsigned char *value, size_t vlen)
{
    report_t  *r = ctx;

    if (++r->calls == r->abort_at) {
        return 1;
    }

    assert_true(r->len + nlen + vlen + 4 < sizeof(r->text));

    memcpy(r->text + r->len, name, nlen);
    r->len += nlen;
    r->text[r->len++] = ':';
    r->text[r->len++] = ' ';
    memcpy(r->text + r->len, value, vlen);
    r->len += vlen;
    r->text[r->len++] = '\n';
    r->text[r->len] = '\0';

    return 0;
}


/* A copy of the exact size, so that sanitizers see an overrun. */

static unsigned char *
copy(const void *text, size_t len)
{
    unsigned char  *p;

    p = malloc(len ? len : 1);
    memcpy(p, text, len);

    return p;
}


static void
check_good(const good_t *t, unsigned inferred_too)
{
    report_t        r;
    faas_answer_t   a;
    unsigned char  *p;

    memset(&r, 0, sizeof(r));
    p = copy(t->in, t->in_len);

    if (faas_answer_v2(p, t->in_len, &a, report_header, &r)
        != FAAS_ANSWER_OK)
    {
        fail_msg("%s: %s", t->in, a.error);
    }

    if (a.status != t->status || strcmp(r.text, t->headers) != 0
        || a.body_len != t->body_len
        || memcmp(a.body, t->body, t->body_len) != 0)
    {
        fail_msg("%s: %u, %zu bytes and %s", t->in, a.status, a.body_len,
                 r.text);
    }

    assert_true(a.body >= p && a.body + a.body_len <= p + t->in_len);
    assert_int_equal(a.inferred, inferred_too);
    assert_int_equal(a.has_content_type,
                     strncmp(t->headers, "content-type", 12) != 0);
    assert_null(a.error);

    free(p);
}


static void
answer_inferred(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(inferred) / sizeof(inferred[0]); i++) {
        check_good(&inferred[i], 1);
    }
}


static void
answer_good(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        check_good(&answers[i], 0);
    }
}


static void
answer_bad(void **state)
{
    size_t          i;
    report_t        r;
    faas_answer_t   a;
    unsigned char  *p;

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        memset(&r, 0, sizeof(r));
        p = copy(bad[i].in, bad[i].in_len);

        if (faas_answer_v2(p, bad[i].in_len, &a, report_header, &r)
            != FAAS_ANSWER_BAD)
        {
            fail_msg("accepted: %s", bad[i].in);
        }

        assert_non_null(a.error);

        if (bad[i].error != NULL && strcmp(bad[i].error, a.error) != 0) {
            fail_msg("%s: %s", bad[i].in, a.error);
        }

        /* a half-made answer must not be */

        assert_int_equal(r.calls, 0);
        free(p);
    }
}


static void
answer_abort(void **state)
{
    unsigned        i;
    report_t        r;
    faas_answer_t   a;
    unsigned char  *p;

    static const char  text[] =
        "{\"statusCode\":200,\"headers\":{\"a\":1},\"cookies\":[\"b\"]}";

    (void) state;

    for (i = 1; i <= 4; i++) {
        memset(&r, 0, sizeof(r));
        r.abort_at = i;
        p = copy(text, sizeof(text) - 1);

        assert_int_equal(faas_answer_v2(p, sizeof(text) - 1, &a,
                                        report_header, &r),
                         i <= 3 ? FAAS_ANSWER_ABORT : FAAS_ANSWER_OK);
        assert_int_equal(r.calls, i <= 3 ? i : 3);
        free(p);
    }
}


static void
answer_too_many_headers(void **state)
{
    int             n, more, rc;
    char            text[16384];
    size_t          len;
    report_t        r;
    faas_answer_t   a;

    (void) state;

    for (more = 0; more < 2; more++) {
        len = (size_t) snprintf(text, sizeof(text),
                                "{\"statusCode\":200,\"headers\":{");

        /* dropped and repeated ones do not count */

        for (n = 0; n < FAAS_ANSWER_HEADERS + more; n++) {
            len += (size_t) snprintf(text + len, sizeof(text) - len,
                                     "\"te\":1,\"h%d\":%d,\"h0\":0%s", n, n,
                                     n < FAAS_ANSWER_HEADERS + more - 1
                                     ? "," : "}}");
        }

        memset(&r, 0, sizeof(r));
        rc = faas_answer_v2((unsigned char *) text, len, &a, report_header,
                            &r);

        if (more) {
            assert_int_equal(rc, FAAS_ANSWER_BAD);
            assert_string_equal(a.error, "too many headers");
            assert_int_equal(r.calls, 0);

        } else {
            assert_int_equal(rc, FAAS_ANSWER_OK);
            assert_int_equal(r.calls, FAAS_ANSWER_HEADERS + 1);
        }
    }
}


/* No beginning of a result is a result. */

static void
answer_cut(void **state)
{
    size_t          i;
    report_t        r;
    faas_answer_t   a;
    unsigned char  *p;

    static const char  text[] =
        "{\"statusCode\":200,\"headers\":{\"a\":\"\\u00e9\"},\"cookies\":"
        "[\"b\"],\"isBase64Encoded\":true,\"body\":\"aGVsbG8=\"}";

    (void) state;

    for (i = 0; i < sizeof(text) - 1; i++) {
        memset(&r, 0, sizeof(r));
        p = copy(text, i);

        assert_int_equal(faas_answer_v2(p, i, &a, report_header, &r),
                         FAAS_ANSWER_BAD);
        assert_int_equal(r.calls, 0);
        free(p);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(answer_inferred),
        cmocka_unit_test(answer_good),
        cmocka_unit_test(answer_bad),
        cmocka_unit_test(answer_abort),
        cmocka_unit_test(answer_too_many_headers),
        cmocka_unit_test(answer_cut)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
