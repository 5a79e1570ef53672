/*
 * Unit tests of the JSON reader, faas_json.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "faas_json.h"


#define TEXT(s)  s, sizeof(s) - 1

typedef struct {
    const char  *text;
    size_t       len;
} text_t;


static const text_t  good[] = {
    { TEXT("null") },
    { TEXT("true") },
    { TEXT("false") },
    { TEXT(" \t\r\n null \t\r\n ") },
    { TEXT("0") },
    { TEXT("-0") },
    { TEXT("7") },
    { TEXT("-12345678901234567890") },
    { TEXT("0.5") },
    { TEXT("-0.0") },
    { TEXT("1e1") },
    { TEXT("1E+1") },
    { TEXT("10.25e-07") },
    { TEXT("0e0") },
    { TEXT("\"\"") },
    { TEXT("\"a\"") },
    { TEXT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uFFff\"") },
    { TEXT("\"\\ud83d\\ude00\"") },
    { TEXT("\"\\ud800\"") },                  /* strict in syntax only */
    { TEXT("\"\x7f\"") },
    { TEXT("\"\xc2\x80\"") },
    { TEXT("\"\xdf\xbf\"") },
    { TEXT("\"\xe0\xa0\x80\"") },
    { TEXT("\"\xed\x9f\xbf\xee\x80\x80\"") },
    { TEXT("\"\xef\xbf\xbf\"") },
    { TEXT("\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"") },
    { TEXT("\"0123456789abcdef0123456789abcdef\"") },
    { TEXT("[]") },
    { TEXT("[ ]") },
    { TEXT("[1]") },
    { TEXT("[1,2,\"x\",null,[],{},[[]]]") },
    { TEXT(" [ 1 , 2 ] ") },
    { TEXT("{}") },
    { TEXT("{ }") },
    { TEXT("{\"\":0}") },
    { TEXT("{\"a\":1,\"a\":2}") },
    { TEXT("{ \"a\" : { \"b\" : [ { } ] } , \"c\" : -1 }") },
    { TEXT("[{\"a\":[{\"b\":[]}]},[{}],{\"c\":{}}]") }
};


static const text_t  bad[] = {
    { TEXT("") },
    { TEXT(" ") },
    { TEXT("nul") },
    { TEXT("nulll") },
    { TEXT("Null") },
    { TEXT("tru e") },
    { TEXT("falsy") },
    { TEXT("undefined") },
    { TEXT("NaN") },
    { TEXT("Infinity") },
    { TEXT("-") },
    { TEXT("-Infinity") },
    { TEXT("+1") },
    { TEXT("01") },
    { TEXT("-01") },
    { TEXT(".5") },
    { TEXT("1.") },
    { TEXT("1.e1") },
    { TEXT("1e") },
    { TEXT("1e+") },
    { TEXT("1e1.5") },
    { TEXT("0x10") },
    { TEXT("1 2") },
    { TEXT("1,") },
    { TEXT("1\0") },
    { TEXT("\v1") },
    { TEXT("\xef\xbb\xbf" "1") },
    { TEXT("'a'") },
    { TEXT("\"") },
    { TEXT("\"a") },
    { TEXT("\"\\\"") },
    { TEXT("\"\\") },
    { TEXT("\"\\a\"") },
    { TEXT("\"\\v\"") },
    { TEXT("\"\\'\"") },
    { TEXT("\"\\0\"") },
    { TEXT("\"\\x41\"") },
    { TEXT("\"\\u\"") },
    { TEXT("\"\\u004\"") },
    { TEXT("\"\\u004g\"") },
    { TEXT("\"\\u 041\"") },
    { TEXT("\"\\u+041\"") },
    { TEXT("\"\\u00") },
    { TEXT("\"\\U0041\"") },
    { TEXT("\"a\nb\"") },
    { TEXT("\"a\tb\"") },
    { TEXT("\"a\0b\"") },
    { TEXT("\"\x1f\"") },
    { TEXT("\"0123456789abcdef\x01\"") },
    { TEXT("\"\x80\"") },
    { TEXT("\"\xbf\"") },
    { TEXT("\"\xc0\x80\"") },
    { TEXT("\"\xc1\xbf\"") },
    { TEXT("\"\xc2\"") },
    { TEXT("\"\xc2") },
    { TEXT("\"\xe0\x9f\xbf\"") },
    { TEXT("\"\xe2\x82\"") },
    { TEXT("\"\xed\xa0\x80\"") },             /* a surrogate */
    { TEXT("\"\xf0\x8f\xbf\xbf\"") },
    { TEXT("\"\xf0\x9f\x98\"") },
    { TEXT("\"\xf4\x90\x80\x80\"") },
    { TEXT("\"\xf5\x80\x80\x80\"") },
    { TEXT("\"\xff\"") },
    { TEXT("\"0123456789abcdef0123456789abcde\xfe\"") },
    { TEXT("[") },
    { TEXT("]") },
    { TEXT("[1") },
    { TEXT("[1,") },
    { TEXT("[1,]") },
    { TEXT("[,1]") },
    { TEXT("[,]") },
    { TEXT("[1 2]") },
    { TEXT("[1}") },
    { TEXT("[[]") },
    { TEXT("[]]") },
    { TEXT("[1]x") },
    { TEXT("[\"a\":1]") },
    { TEXT("{") },
    { TEXT("}") },
    { TEXT("{\"a\"") },
    { TEXT("{\"a\":") },
    { TEXT("{\"a\":}") },
    { TEXT("{\"a\":1") },
    { TEXT("{\"a\":1,") },
    { TEXT("{\"a\":1,}") },
    { TEXT("{,\"a\":1}") },
    { TEXT("{\"a\" 1}") },
    { TEXT("{\"a\",1}") },
    { TEXT("{\"a\"::1}") },
    { TEXT("{\"a\":1 \"b\":2}") },
    { TEXT("{\"a\":1]") },
    { TEXT("{a:1}") },
    { TEXT("{'a':1}") },
    { TEXT("{1:1}") },
    { TEXT("{null:1}") },
    { TEXT("{\"a\\q\":1}") },
    { TEXT("{\"\xff\":1}") },
    { TEXT("{}{}") },
    { TEXT("{} x") },
    { TEXT("[1] // x") },
    { TEXT("/* x */ 1") },
    { TEXT("[[1,2],{\"a\":[1,{\"b\":}]}]") }
};


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
json_good(void **state)
{
    size_t          i;
    unsigned char  *p;

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        p = copy(good[i].text, good[i].len);

        if (!faas_json_valid(p, good[i].len)) {
            fail_msg("refused: %s", good[i].text);
        }

        assert_memory_equal(p, good[i].text, good[i].len);
        free(p);
    }
}


static void
json_bad(void **state)
{
    size_t          i;
    unsigned char  *p;

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        p = copy(bad[i].text, bad[i].len);

        if (faas_json_valid(p, bad[i].len)) {
            fail_msg("accepted: %s", bad[i].text);
        }

        free(p);
    }
}


/* No beginning of an object is a document. */

static void
json_cut(void **state)
{
    size_t              i;
    unsigned char      *p;
    static const char   text[] =
        "{\"a\":[1,-2.5e+3,true,\"x\\u00e9\xc3\xa9\"],\"b\":{\"c\":null}}";

    (void) state;

    for (i = 0; i < sizeof(text) - 1; i++) {
        p = copy(text, i);
        assert_false(faas_json_valid(p, i));
        free(p);
    }

    assert_true(faas_json_valid((unsigned char *) text, i));
}


static void
json_depth(void **state)
{
    int             object;
    size_t          depth, i, n;
    unsigned char  *p;

    (void) state;

    for (object = 0; object < 2; object++) {
        for (depth = FAAS_JSON_DEPTH - 1; depth < FAAS_JSON_DEPTH + 2;
             depth++)
        {
            p = malloc(depth * 6 + 1);
            n = 0;

            for (i = 0; i < depth; i++) {
                memcpy(p + n, object ? "{\"a\":" : "[", object ? 5 : 1);
                n += object ? 5 : 1;
            }

            p[n++] = '1';

            for (i = 0; i < depth; i++) {
                p[n++] = object ? '}' : ']';
            }

            assert_int_equal(faas_json_valid(p, n),
                             depth <= FAAS_JSON_DEPTH);
            free(p);
        }
    }

    /* a megabyte of brackets is refused without a deep stack */

    p = malloc(1048576);
    memset(p, '[', 1048576);
    assert_false(faas_json_valid(p, 1048576));
    free(p);
}


/* What is open alternates, so that a mix-up of the levels would show. */

static void
json_mixed_depth(void **state)
{
    size_t         i, n;
    unsigned char  p[4096];

    (void) state;

    n = 0;

    for (i = 0; i < 300; i++) {
        memcpy(p + n, (i % 3) ? "{\"\":" : "[0,", (i % 3) ? 4 : 3);
        n += (i % 3) ? 4 : 3;
    }

    p[n++] = '0';

    for (i = 300; i > 0; i--) {
        p[n++] = ((i - 1) % 3) ? '}' : ']';
    }

    assert_true(faas_json_valid(p, n));

    p[n - 70] = (p[n - 70] == '}') ? ']' : '}';

    assert_false(faas_json_valid(p, n));
}


static void
json_walk(void **state)
{
    size_t              klen, len;
    faas_json_t         js;
    unsigned char      *key, *value;
    unsigned char       text[] =
        " { \"a\" : [ 1 , {} , \"x\" ] , \"b\\u0063\" : \"y\\n\" } ";

    (void) state;

    faas_json_init(&js, text, sizeof(text) - 1);

    assert_int_equal(faas_json_enter(&js, FAAS_JSON_OBJECT), 0);

    assert_int_equal(faas_json_member(&js, &key, &klen), 1);
    assert_true(faas_json_key_is(key, klen, "a", 1));
    assert_int_equal(faas_json_enter(&js, FAAS_JSON_ARRAY), 0);
    assert_int_equal(faas_json_element(&js), 1);
    assert_int_equal(faas_json_peek(&js), FAAS_JSON_NUMBER);
    assert_int_equal(faas_json_skip(&js, &value, &len), 0);
    assert_int_equal(len, 1);
    assert_int_equal(faas_json_element(&js), 1);
    assert_int_equal(faas_json_enter(&js, FAAS_JSON_OBJECT), 0);
    assert_int_equal(faas_json_member(&js, &key, &klen), 0);
    assert_int_equal(faas_json_element(&js), 1);
    assert_int_equal(faas_json_skip(&js, &value, &len), 0);
    assert_int_equal(len, 1);
    assert_int_equal(*value, 'x');
    assert_int_equal(faas_json_element(&js), 0);

    assert_int_equal(faas_json_member(&js, &key, &klen), 1);
    assert_true(faas_json_key_is(key, klen, "bc", 2));
    assert_int_equal(faas_json_peek(&js), FAAS_JSON_STRING);
    assert_int_equal(faas_json_skip(&js, &value, &len), 0);
    assert_int_equal(len, 3);
    assert_int_equal(faas_json_unescape(value, len), 2);
    assert_memory_equal(value, "y\n", 2);

    assert_int_equal(faas_json_member(&js, &key, &klen), 0);
    assert_int_equal(faas_json_end(&js), 0);
}


/* Walking finds what skipping finds. */

static void
json_walk_bad(void **state)
{
    size_t              i, klen, len;
    faas_json_t         js;
    unsigned char      *key, *value, *p;
    static const char  *texts[] = {
        "{\"a\":1,}", "{,\"a\":1}", "{\"a\":1 \"b\":2}", "{\"a\" 1}",
        "{\"a\":1", "{\"a\":1,", "{", "{\"a\":}", "{1:2}", "[1,]", "[1",
        "{\"a\":1}x", "{\"a\":1]"
    };

    (void) state;

    for (i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        p = copy(texts[i], strlen(texts[i]));
        faas_json_init(&js, p, strlen(texts[i]));

        if (*p == '[') {
            assert_int_equal(faas_json_enter(&js, FAAS_JSON_ARRAY), 0);

            while (faas_json_element(&js) == 1
                   && faas_json_skip(&js, &value, &len) == 0)
            {
                /* void */
            }

        } else {
            assert_int_equal(faas_json_enter(&js, FAAS_JSON_OBJECT), 0);

            while (faas_json_member(&js, &key, &klen) == 1
                   && faas_json_skip(&js, &value, &len) == 0)
            {
                /* void */
            }
        }

        if (js.error == NULL) {
            (void) faas_json_end(&js);
        }

        if (js.error == NULL) {
            fail_msg("walked through: %s", texts[i]);
        }

        free(p);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(json_good),
        cmocka_unit_test(json_bad),
        cmocka_unit_test(json_cut),
        cmocka_unit_test(json_depth),
        cmocka_unit_test(json_mixed_depth),
        cmocka_unit_test(json_walk),
        cmocka_unit_test(json_walk_bad)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
