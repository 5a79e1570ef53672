/*
 * Unit tests of faas_base64.c.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "faas_base64.h"


static const struct {
    const char  *text;
    const char  *code;
} good[] = {
    { "", "" },
    { "f", "Zg==" },                          /* RFC 4648, section 10 */
    { "fo", "Zm8=" },
    { "foo", "Zm9v" },
    { "foob", "Zm9vYg==" },
    { "fooba", "Zm9vYmE=" },
    { "foobar", "Zm9vYmFy" },
    { "\xff\xef\xbf", "/++/" },
    { "\xfb\xff", "+/8=" }
};


static void
base64_vectors(void **state)
{
    long            n;
    size_t          i, len;
    unsigned char   buf[64], *end;

    (void) state;

    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        len = strlen(good[i].text);

        end = faas_base64_encode(buf, (unsigned char *) good[i].text, len);

        assert_int_equal(end - buf, strlen(good[i].code));
        assert_int_equal(end - buf, faas_base64_encoded_len(len));
        assert_memory_equal(buf, good[i].code, end - buf);

        n = faas_base64_decode(buf, (unsigned char *) good[i].code,
                               strlen(good[i].code));

        assert_int_equal(n, len);
        assert_memory_equal(buf, good[i].text, len);
    }
}


static void
base64_lenient(void **state)
{
    unsigned char  buf[16];

    (void) state;

    assert_int_equal(faas_base64_decode(buf, (unsigned char *) "Zg", 2), 1);
    assert_memory_equal(buf, "f", 1);

    assert_int_equal(faas_base64_decode(buf, (unsigned char *) "Zm8", 3), 2);
    assert_memory_equal(buf, "fo", 2);

    assert_int_equal(faas_base64_decode(buf, (unsigned char *) "_--_", 4), 3);
    assert_memory_equal(buf, "\xff\xef\xbf", 3);
}


static void
base64_bad(void **state)
{
    size_t               i;
    unsigned char        buf[16];
    static const char   *bad[] = {
        "Z", "=", "==", "===", "====", "Zg=", "Zm9vY", "Zm9vYg=", "Zg===",
        "Z===", "Zg=g", "Zg==Zg==", "Zm8=Zm8=", "Zm9v\n", "Zm 9v", "Zm9v====",
        "Zm9.", "Zm9\x80", "\xffm9v", "=m9v", "Zm\xc3\xa9"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {

        if (faas_base64_decode(buf, (unsigned char *) bad[i], strlen(bad[i]))
            != -1)
        {
            fail_msg("\"%s\" was accepted", bad[i]);
        }
    }

    /* a zero byte is not an end */

    assert_int_equal(faas_base64_decode(buf, (unsigned char *) "Zg\0=", 4),
                     -1);
}


/* Every length and every byte value there and back, in place. */

static void
base64_round_trip(void **state)
{
    long            n;
    size_t          len, i;
    unsigned char   in[300], buf[400], *end;

    (void) state;

    for (i = 0; i < sizeof(in); i++) {
        in[i] = (unsigned char) (i * 7 + (i >> 8));
    }

    for (len = 0; len <= sizeof(in); len++) {
        end = faas_base64_encode(buf, in, len);

        assert_int_equal(end - buf, faas_base64_encoded_len(len));

        n = faas_base64_decode(buf, buf, (size_t) (end - buf));

        assert_int_equal(n, len);
        assert_memory_equal(buf, in, len);
    }
}


/* Exactly the bytes of the alphabets decode. */

static void
base64_alphabet(void **state)
{
    int                 c, want;
    unsigned char       in[4], out[4];
    static const char   abc[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";

    (void) state;

    for (c = 0; c < 256; c++) {
        memcpy(in, "AAAA", 4);
        in[1] = (unsigned char) c;
        want = (memchr(abc, c, sizeof(abc) - 1) != NULL) ? 3 : -1;

        assert_int_equal(faas_base64_decode(out, in, 4), want);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(base64_vectors),
        cmocka_unit_test(base64_lenient),
        cmocka_unit_test(base64_bad),
        cmocka_unit_test(base64_round_trip),
        cmocka_unit_test(base64_alphabet)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("base64", tests, NULL, NULL);
}
