/*
 * Unit tests of faas_hash.c: OpenSSL's SipHash is what it must agree with.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "faas_hash.h"


#define LENGTH  200


static uint64_t
reference(const unsigned char key[16], const unsigned char *data, size_t len)
{
    size_t         n;
    EVP_MAC       *mac;
    uint64_t       hash;
    OSSL_PARAM     params[4];
    EVP_MAC_CTX   *ctx;
    unsigned int   one, three;
    unsigned char  out[8];

    n = 8;
    one = 1;
    three = 3;

    params[0] = OSSL_PARAM_construct_size_t("size", &n);
    params[1] = OSSL_PARAM_construct_uint("c-rounds", &one);
    params[2] = OSSL_PARAM_construct_uint("d-rounds", &three);
    params[3] = OSSL_PARAM_construct_end();

    mac = EVP_MAC_fetch(NULL, "SIPHASH", NULL);
    assert_non_null(mac);
    ctx = EVP_MAC_CTX_new(mac);
    assert_non_null(ctx);

    assert_int_equal(EVP_MAC_init(ctx, key, 16, params), 1);
    assert_int_equal(EVP_MAC_update(ctx, data, len), 1);
    assert_int_equal(EVP_MAC_final(ctx, out, &n, sizeof(out)), 1);

    EVP_MAC_CTX_free(ctx);
    EVP_MAC_free(mac);

    hash = 0;

    for (n = 8; n; n--) {
        hash = hash << 8 | out[n - 1];
    }

    return hash;
}


static void
hash_lengths(void **state)
{
    size_t         i, len;
    uint64_t       key[2];
    unsigned char  data[LENGTH + 1], secret[16];

    (void) state;

    for (i = 0; i < sizeof(data); i++) {
        data[i] = (unsigned char) (i * 37 + 200);
    }

    for (i = 0; i < sizeof(secret); i++) {
        secret[i] = (unsigned char) (i * 17 + 1);
    }

    /* keys are words of the machine's own order */

    for (i = 0; i < 2; i++) {
        key[i] = 0;

        for (len = 8; len; len--) {
            key[i] = key[i] << 8 | secret[i * 8 + len - 1];
        }
    }

    for (len = 0; len <= LENGTH; len++) {
        assert_true(faas_hash(key, data, len)
                    == reference(secret, data, len));

        /* where it begins does not matter */

        assert_true(faas_hash(key, data + 1, LENGTH - len)
                    == reference(secret, data + 1, LENGTH - len));
    }
}


static void
hash_key(void **state)
{
    uint64_t  one[2] = { 1, 2 }, other[2] = { 1, 3 };

    (void) state;

    assert_true(faas_hash(one, "name", 4) != faas_hash(other, "name", 4));
    assert_true(faas_hash(one, NULL, 0) != faas_hash(other, NULL, 0));
    assert_true(faas_hash(one, "name", 4) != faas_hash(one, "name", 3));
}


int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hash_lengths),
        cmocka_unit_test(hash_key)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("hash", tests, NULL, NULL);
}
