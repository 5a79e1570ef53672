/*
 * Sizes of a configuration: forms, units, both ends of the range, overflow.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "faas_size.h"


static long
mb(const char *s)
{
    return faas_size_mb((const unsigned char *) s, strlen(s), 128, 10240);
}


static void
test_forms(void **state)
{
    (void) state;

    assert_int_equal(mb("128"), 128);
    assert_int_equal(mb("128m"), 128);
    assert_int_equal(mb("256M"), 256);
    assert_int_equal(mb("1g"), 1024);
    assert_int_equal(mb("10G"), 10240);
    assert_int_equal(mb("0128"), 128);
}


static void
test_range(void **state)
{
    (void) state;

    assert_int_equal(mb("127m"), -1);
    assert_int_equal(mb("10240m"), 10240);
    assert_int_equal(mb("10241m"), -1);
    assert_int_equal(mb("11g"), -1);
    assert_int_equal(mb("0"), -1);
}


static void
test_bad(void **state)
{
    (void) state;

    assert_int_equal(mb(""), -1);
    assert_int_equal(mb("m"), -1);
    assert_int_equal(mb("g"), -1);
    assert_int_equal(mb("-1"), -1);
    assert_int_equal(mb("+256"), -1);
    assert_int_equal(mb("256k"), -1);
    assert_int_equal(mb("256mb"), -1);
    assert_int_equal(mb("2 56"), -1);
    assert_int_equal(mb(" 256"), -1);
    assert_int_equal(mb("0x100"), -1);
}


static void
test_overflow(void **state)
{
    (void) state;

    assert_int_equal(mb("18446744073709551744"), -1);
    assert_int_equal(mb("9223372036854775807g"), -1);
    assert_int_equal(mb("4294967424"), -1);
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_forms),
        cmocka_unit_test(test_range),
        cmocka_unit_test(test_bad),
        cmocka_unit_test(test_overflow),
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests(tests, NULL, NULL);
}
