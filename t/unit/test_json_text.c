/*
 * Unit tests of texts in JSON, faas_json_text.c.
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
    const char  *in;
    size_t       in_len;
    const char  *out;
    size_t       out_len;
} pair_t;


/* text and its escaped form */

static const pair_t  escapes[] = {
    { TEXT(""), TEXT("") },
    { TEXT("abc"), TEXT("abc") },
    { TEXT("a/b"), TEXT("a/b") },
    { TEXT("\"\\"), TEXT("\\\"\\\\") },
    { TEXT("\b\f\n\r\t"), TEXT("\\b\\f\\n\\r\\t") },
    { TEXT("\0\1\v\x1f"), TEXT("\\u0000\\u0001\\u000b\\u001f") },
    { TEXT(" ~\x7f"), TEXT(" ~\x7f") },
    { TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"),
      TEXT("\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80") },
    { TEXT("0123456789abcde\"0123456789abcdef\n"),
      TEXT("0123456789abcde\\\"0123456789abcdef\\n") }
};

#define RC  "\xef\xbf\xbd"

/* Unicode 15, tables 3-8 to 3-11, and others */

static const pair_t  replaced[] = {
    { TEXT("\xc0\xaf\xe0\x80\xbf\xf0\x81\x82" "A"),
      TEXT(RC RC RC RC RC RC RC RC "A") },
    { TEXT("\xed\xa0\x80\xed\xbf\xbf\xed\xaf" "A"),
      TEXT(RC RC RC RC RC RC RC RC "A") },
    { TEXT("\xf4\x91\x92\x93\xff" "A\x80\xbf" "B"),
      TEXT(RC RC RC RC RC "A" RC RC "B") },
    { TEXT("\xe1\x80\xe2\xf0\x91\x92\xf1\xbf" "A"),
      TEXT(RC RC RC RC "A") },
    { TEXT("\xc3"), TEXT(RC) },
    { TEXT("\xe2\x82"), TEXT(RC) },
    { TEXT("\xf0\x9f\x98"), TEXT(RC) },
    { TEXT("\xf0\x9f\x98\n"), TEXT(RC "\\n") },
    { TEXT("\xf0\x9f\"\x98"), TEXT(RC "\\\"" RC) },
    { TEXT("\xc3\xc3\xa9"), TEXT(RC "\xc3\xa9") }
};


/* the content of a string and what it means */

static const pair_t  unescaped[] = {
    { TEXT(""), TEXT("") },
    { TEXT("abc"), TEXT("abc") },
    { TEXT("\\\"\\\\\\/\\b\\f\\n\\r\\t"), TEXT("\"\\/\b\f\n\r\t") },
    { TEXT("x\\u0000y"), TEXT("x\0y") },
    { TEXT("\\u0041\\u007f\\u0080\\u07ff\\u0800\\uffff"),
      TEXT("A\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf") },
    { TEXT("\\u00E9\\u00e9"), TEXT("\xc3\xa9\xc3\xa9") },
    { TEXT("\\ud83d\\ude00"), TEXT("\xf0\x9f\x98\x80") },
    { TEXT("\\ud800\\udc00"), TEXT("\xf0\x90\x80\x80") },
    { TEXT("\\udbff\\udfff"), TEXT("\xf4\x8f\xbf\xbf") },
    { TEXT("\\ud83d"), TEXT(RC) },
    { TEXT("\\ud83dx"), TEXT(RC "x") },
    { TEXT("\\ude00"), TEXT(RC) },
    { TEXT("\\ud83d\\ud83d\\ude00"), TEXT(RC "\xf0\x9f\x98\x80") },
    { TEXT("\\ude00\\ud83d"), TEXT(RC RC) },
    { TEXT("\\ud83d\\n"), TEXT(RC "\n") },
    { TEXT("\\ud83d\\u0041"), TEXT(RC "A") },
    { TEXT("\\ud83d\\\\ude00"), TEXT(RC "\\ude00") },
    { TEXT("0123456789abcdef\\n0123456789abcdef0123456789abcdef\\t"),
      TEXT("0123456789abcdef\n0123456789abcdef0123456789abcdef\t") }
};


static const pair_t  compacted[] = {
    { TEXT("1"), TEXT("1") },
    { TEXT(" [ 1 , \"a  b\" , { \"k e y\" : null } ]\n"),
      TEXT("[1,\"a  b\",{\"k e y\":null}]") },
    { TEXT("[ \"a \\\" b\" , \" \\\\\" , \" \" ]"),
      TEXT("[\"a \\\" b\",\" \\\\\",\" \"]") },
    { TEXT("{ \"\xc3\xa9 \" : \" 0123456789abcdef \" }"),
      TEXT("{\"\xc3\xa9 \":\" 0123456789abcdef \"}") },
    { TEXT("[\r\n\t[]\r\n]"), TEXT("[[]]") }
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
json_keys(void **state)
{
    (void) state;

#define KEY(k, name)                                                          \
    faas_json_key_is((const unsigned char *) k, sizeof(k) - 1, name,          \
                     sizeof(name) - 1)

    assert_true(KEY("body", "body"));
    assert_true(KEY("b\\u006fd\\u0079", "body"));
    assert_true(KEY("\\u00e9", "\xc3\xa9"));
    assert_true(KEY("", ""));
    assert_false(KEY("bod", "body"));
    assert_false(KEY("bodyy", "body"));
    assert_false(KEY("Body", "body"));
    assert_false(KEY("bod\\u0079y", "body"));
    assert_false(KEY("bod\\u0078", "body"));
    assert_false(KEY("bo\\u0064", "body"));
    assert_false(KEY("body\\u0000", "body"));
    assert_false(KEY("\\n", ""));

#undef KEY
}


static void
check_escape(const pair_t *t)
{
    size_t          len;
    unsigned char  *in, *out, *end;

    in = copy(t->in, t->in_len);
    len = faas_json_escaped_len(in, t->in_len);

    if (len != t->out_len) {
        fail_msg("%s: %zu bytes", t->out, len);
    }

    out = malloc(len ? len : 1);
    end = faas_json_escape(out, in, t->in_len);

    assert_int_equal(end - out, len);
    assert_memory_equal(out, t->out, len);

    free(in);
    free(out);
}


static void
json_escape(void **state)
{
    size_t  i;

    (void) state;

    for (i = 0; i < sizeof(escapes) / sizeof(escapes[0]); i++) {
        check_escape(&escapes[i]);

        assert_true(faas_utf8_valid((unsigned char *) escapes[i].in,
                                    escapes[i].in_len));
    }

    for (i = 0; i < sizeof(replaced) / sizeof(replaced[0]); i++) {
        check_escape(&replaced[i]);

        assert_false(faas_utf8_valid((unsigned char *) replaced[i].in,
                                     replaced[i].in_len));
    }
}


/* Each awkward byte at each place of a long text, there and back. */

static void
json_escape_everywhere(void **state)
{
    int             c;
    size_t          at, len, n;
    unsigned char   in[50], *out, *quoted;

    (void) state;

    for (c = 0; c < 256; c++) {
        for (at = 0; at < sizeof(in); at++) {
            memset(in, 'x', sizeof(in));
            in[at] = (unsigned char) c;

            len = faas_json_escaped_len(in, sizeof(in));
            quoted = malloc(len + 2);
            out = quoted + 1;

            assert_ptr_equal(faas_json_escape(out, in, sizeof(in)),
                             out + len);

            quoted[0] = '"';
            quoted[len + 1] = '"';
            assert_true(faas_json_valid(quoted, len + 2));

            n = faas_json_unescape(out, len);

            if (c < 0x80) {
                assert_int_equal(n, sizeof(in));
                assert_memory_equal(out, in, n);

            } else {
                assert_int_equal(n, sizeof(in) + 2);
                assert_memory_equal(out + at, RC, 3);
            }

            free(quoted);
        }
    }
}


static void
json_unescape(void **state)
{
    size_t          i, n;
    unsigned char  *p;

    (void) state;

    for (i = 0; i < sizeof(unescaped) / sizeof(unescaped[0]); i++) {
        p = copy(unescaped[i].in, unescaped[i].in_len);
        n = faas_json_unescape(p, unescaped[i].in_len);

        if (n != unescaped[i].out_len || memcmp(p, unescaped[i].out, n) != 0) {
            fail_msg("%s", unescaped[i].in);
        }

        free(p);
    }
}


static void
json_compact(void **state)
{
    size_t          i, n;
    unsigned char  *p;

    (void) state;

    for (i = 0; i < sizeof(compacted) / sizeof(compacted[0]); i++) {
        p = copy(compacted[i].in, compacted[i].in_len);
        assert_true(faas_json_valid(p, compacted[i].in_len));

        n = faas_json_compact(p, compacted[i].in_len);

        if (n != compacted[i].out_len || memcmp(p, compacted[i].out, n) != 0) {
            fail_msg("%s", compacted[i].in);
        }

        free(p);
    }
}


/* A second opinion on UTF-8: decode by arithmetic, then look at the value. */

static int
utf8_by_value(const unsigned char *s, size_t n)
{
    size_t         i, k, len;
    unsigned long  v;

    static const unsigned long  least[] = { 0, 0, 0x80, 0x800, 0x10000 };

    for (i = 0; i < n; i += len) {

        if (s[i] < 0x80) {
            len = 1;
            continue;
        }

        len = (s[i] >= 0xf8 || s[i] < 0xc0) ? 0
              : (s[i] >= 0xf0) ? 4 : (s[i] >= 0xe0) ? 3 : 2;

        if (len == 0 || i + len > n) {
            return 0;
        }

        v = s[i] & (0xff >> (len + 1));

        for (k = 1; k < len; k++) {

            if ((s[i + k] & 0xc0) != 0x80) {
                return 0;
            }

            v = v << 6 | (s[i + k] & 0x3f);
        }

        if (v < least[len] || v > 0x10ffff || (v >= 0xd800 && v <= 0xdfff)) {
            return 0;
        }
    }

    return 1;
}


/* Every pair of bytes before each kind of end. */

static void
utf8_exhaustive(void **state)
{
    size_t                i, k, n;
    unsigned char         s[5];
    static const char    *ends[] = { "", "\x80", "\xbf\x80", "\x80\x80\x80",
                                     "a", "\x80" "a" };

    (void) state;

    for (i = 0; i < 65536; i++) {
        s[0] = (unsigned char) (i >> 8);
        s[1] = (unsigned char) i;

        for (k = 0; k < sizeof(ends) / sizeof(ends[0]); k++) {
            n = strlen(ends[k]);
            memcpy(s + 2, ends[k], n);

            if (faas_utf8_valid(s, n + 2) != utf8_by_value(s, n + 2)) {
                fail_msg("%02x %02x, end %zu", s[0], s[1], k);
            }
        }
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(json_keys),
        cmocka_unit_test(json_escape),
        cmocka_unit_test(json_escape_everywhere),
        cmocka_unit_test(json_unescape),
        cmocka_unit_test(json_compact),
        cmocka_unit_test(utf8_exhaustive)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("json_text", tests, NULL, NULL);
}
