/*
 * JSON web tokens: signatures, headers, sets of keys.
 */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>

#include "faas_jwt.h"
#include "unit_jwt.h"


#define PAYLOAD  "{\"iss\":\"i\"}"

static const char  *all_keys[] = {
    jwk_rsa, jwk_es256, jwk_es384, jwk_es512, jwk_ed448, jwk_ed25519, NULL
};

static char        text[FAAS_JWT_TOKEN + 64];
static faas_jwt_t  jwt;


/* A token signed with the private key of jwk_ed25519. */

static const char *
token(const char *header, const char *payload)
{
    char           *p;
    size_t          n;
    unsigned        i;
    EVP_PKEY       *pkey;
    EVP_MD_CTX     *md;
    unsigned char   raw[32], sig[64];

    for (i = 0; i < sizeof(raw); i++) {
        raw[i] = (unsigned char) i;
    }

    p = base64url(text, header, strlen(header));
    *p++ = '.';
    p = base64url(p, payload, strlen(payload));

    pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, 32);
    md = EVP_MD_CTX_new();
    n = sizeof(sig);

    assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, pkey), 1);
    assert_int_equal(EVP_DigestSign(md, sig, &n, (unsigned char *) text,
                                    (size_t) (p - text)), 1);
    EVP_MD_CTX_free(md);
    EVP_PKEY_free(pkey);

    *p++ = '.';
    (void) base64url(p, sig, n);

    return text;
}


static faas_jwks_t *
keys(const char *const *jwk)
{
    size_t        n;
    const char   *error;
    faas_jwks_t  *set;

    static char   json[65536];

    n = (size_t) sprintf(json, "{\"keys\":[");

    for ( ; *jwk; jwk++) {
        n += (size_t) sprintf(json + n, "%s%s", *jwk, jwk[1] ? "," : "");
    }

    n += (size_t) sprintf(json + n, "]}");
    set = faas_jwks_parse(json, n, &error);
    assert_non_null(set);

    return set;
}


static faas_jwks_t *
one_key(const char *jwk)
{
    const char  *list[2] = { jwk, NULL };

    return keys(list);
}


static faas_jwt_e
verify(const faas_jwks_t *set, const char *s)
{
    return faas_jwt_verify(&jwt, set, (const unsigned char *) s, strlen(s));
}


static faas_jwt_e
verify_with(const char *jwk, const char *s)
{
    faas_jwt_e    rc;
    faas_jwks_t  *set;

    set = one_key(jwk);
    rc = verify(set, s);
    faas_jwks_free(set);

    return rc;
}


/* Why a key was left out. */

static int
reason(const char *jwk)
{
    int           i;
    faas_jwks_t  *set;

    set = one_key(jwk);

    for (i = 0; i < FAAS_JWK_REASONS && !set->skipped[i]; i++) { }

    assert_int_equal(set->n, i == FAAS_JWK_REASONS);
    faas_jwks_free(set);

    return i;
}


/* The key with one member more, at its beginning. */

static const char *
with(const char *jwk, const char *member)
{
    static char  json[4096];

    (void) snprintf(json, sizeof(json), "{%s,%s", member, jwk + 1);

    return json;
}


static const struct {
    const char  *token;
    const char  *key;
} tokens[] = {
    { token_rs256, jwk_rsa },
    { token_rs384, jwk_rsa },
    { token_rs512, jwk_rsa },
    { token_ps256, jwk_rsa },
    { token_ps384, jwk_rsa },
    { token_ps512, jwk_rsa },
    { token_es256, jwk_es256 },
    { token_es384, jwk_es384 },
    { token_es512, jwk_es512 },
    { token_eddsa, jwk_ed25519 },
    { token_eddsa_448, jwk_ed448 }
};

#define N_TOKENS  (sizeof(tokens) / sizeof(tokens[0]))


static void
test_algorithms(void **state)
{
    char         *p;
    unsigned      i;
    faas_jwks_t  *set;

    static char   changed[4096];

    (void) state;

    set = keys(all_keys);
    assert_int_equal(set->n, 6);

    for (i = 0; i < N_TOKENS; i++) {
        assert_int_equal(verify(set, tokens[i].token), FAAS_JWT_OK);
        assert_memory_equal(jwt.payload, "{\"iss\":\"https", 13);
        assert_int_equal(verify_with(tokens[i].key, tokens[i].token),
                         FAAS_JWT_OK);

        strcpy(changed, tokens[i].token);
        p = strrchr(changed, '.') + 1;
        *p = (*p == 'A') ? 'B' : 'A';
        assert_int_equal(verify(set, changed), FAAS_JWT_BAD_SIGNATURE);

        strcpy(changed, tokens[i].token);
        p = strchr(changed, '.') + 10;
        *p = (*p == 'A') ? 'B' : 'A';
        assert_int_equal(verify(set, changed), FAAS_JWT_BAD_SIGNATURE);

        /* shorter by some bytes */

        strcpy(changed, tokens[i].token);
        p = strrchr(changed, '.') + 1;
        p[strlen(p) / 4 * 4 - 4] = '\0';
        assert_int_equal(verify(set, changed), FAAS_JWT_BAD_SIGNATURE);
    }

    assert_int_equal(verify(set, token_ps256_salt), FAAS_JWT_BAD_SIGNATURE);
    faas_jwks_free(set);
}


/* The key says what it is good for, not the token. */

static void
test_bound(void **state)
{
    unsigned  i;

    (void) state;

    for (i = 0; i < 6; i++) {
        assert_int_equal(verify_with(with(jwk_rsa, "\"alg\":\"RS512\""),
                                     tokens[i].token),
                         i == 2 ? FAAS_JWT_OK : FAAS_JWT_NO_KEY);
        assert_int_equal(verify_with(with(jwk_rsa, "\"alg\":\"PS256\""),
                                     tokens[i].token),
                         i == 3 ? FAAS_JWT_OK : FAAS_JWT_NO_KEY);
    }

    assert_int_equal(verify_with(jwk_es384, token_es256), FAAS_JWT_NO_KEY);
    assert_int_equal(verify_with(jwk_ed25519, token_eddsa_448),
                     FAAS_JWT_NO_KEY);
    assert_int_equal(verify_with(jwk_ed25519, token("{\"alg\":\"RS256\","
                                 "\"kid\":\"d\"}", PAYLOAD)),
                     FAAS_JWT_NO_KEY);
    assert_int_equal(verify_with(jwk_weak, token_weak), FAAS_JWT_NO_KEY);
}


static void
test_header(void **state)
{
    unsigned      i;
    faas_jwks_t  *set;

    static const struct {
        faas_jwt_e   rc;
        const char  *header;
    } headers[] = {
        { FAAS_JWT_OK, "{\"alg\":\"EdDSA\",\"kid\":\"d\"}" },
        { FAAS_JWT_OK, " {\"kid\":\"\\u0064\",\"\\u0061lg\":\"EdDSA\"} " },
        { FAAS_JWT_OK, "{\"alg\":\"EdDSA\"}" },
        { FAAS_JWT_OK, "{\"alg\":\"EdDSA\",\"typ\":1,\"typ\":2,"
          "\"jwk\":{\"kty\":\"oct\"}}" },
        { FAAS_JWT_NO_KEY, "{\"alg\":\"EdDSA\",\"kid\":\"e\"}" },
        { FAAS_JWT_NO_KEY, "{\"alg\":\"EdDSA\",\"kid\":\"\"}" },
        { FAAS_JWT_BAD_ALG, "{\"alg\":\"none\",\"kid\":\"d\"}" },
        { FAAS_JWT_BAD_ALG, "{\"alg\":\"None\"}" },
        { FAAS_JWT_BAD_ALG, "{\"alg\":\"\"}" },
        { FAAS_JWT_BAD_ALG, "{\"alg\":\"HS256\",\"kid\":\"d\"}" },
        { FAAS_JWT_BAD_ALG, "{\"alg\":\"eddsa\"}" },
        { FAAS_JWT_BAD_ALG, "{\"alg\":\"ES256K\"}" },
        { FAAS_JWT_BAD_ALG, "{}" },
        { FAAS_JWT_BAD_HEADER, "{\"alg\":1}" },
        { FAAS_JWT_BAD_HEADER, "{\"alg\":null}" },
        { FAAS_JWT_BAD_HEADER, "{\"alg\":\"EdDSA\",\"kid\":1}" },
        { FAAS_JWT_BAD_HEADER, "{\"alg\":\"EdDSA\",\"alg\":\"EdDSA\"}" },
        { FAAS_JWT_BAD_HEADER, "{\"alg\":\"EdDSA\",\"\\u0061lg\":\"none\"}" },
        { FAAS_JWT_BAD_HEADER, "{\"kid\":\"d\",\"kid\":\"d\",\"alg\":"
          "\"EdDSA\"}" },
        { FAAS_JWT_CRIT, "{\"alg\":\"EdDSA\",\"crit\":[\"b64\"]}" },
        { FAAS_JWT_CRIT, "{\"alg\":\"EdDSA\",\"crit\":[]}" },
        { FAAS_JWT_BAD_HEADER, "[\"alg\",\"EdDSA\"]" },
        { FAAS_JWT_BAD_HEADER, "\"EdDSA\"" },
        { FAAS_JWT_BAD_HEADER, "{\"alg\":\"EdDSA\"" },
        { FAAS_JWT_BAD_HEADER, "{\"alg\":\"EdDSA\"}}" },
        { FAAS_JWT_BAD_HEADER, "{\"alg\":\"EdDSA\",}" }
    };

    (void) state;

    set = one_key(jwk_ed25519);

    for (i = 0; i < sizeof(headers) / sizeof(headers[0]); i++) {
        assert_int_equal(verify(set, token(headers[i].header, PAYLOAD)),
                         headers[i].rc);
    }

    assert_int_equal(verify(set, token(headers[0].header, "[]")),
                     FAAS_JWT_BAD_PAYLOAD);
    assert_int_equal(verify(set, token(headers[0].header, "{}x")),
                     FAAS_JWT_BAD_PAYLOAD);
    assert_int_equal(verify(set, token(headers[0].header, "{\"a\":\"\xff\"}")),
                     FAAS_JWT_BAD_PAYLOAD);
    assert_int_equal(verify(set, token(headers[0].header, " {} ")),
                     FAAS_JWT_OK);
    faas_jwks_free(set);
}


/* Without "kid" it must be clear which key is meant. */

static void
test_kid(void **state)
{
    faas_jwks_t  *set;

    static const char  head[] = "{\"alg\":\"EdDSA\"}";

    (void) state;

    set = keys(all_keys);
    assert_int_equal(verify(set, token(head, PAYLOAD)), FAAS_JWT_NO_KEY);
    faas_jwks_free(set);

    /* of other algorithms there may be any number */

    set = keys((const char *[]) { jwk_rsa, jwk_ed25519, jwk_es256, NULL });
    assert_int_equal(verify(set, token(head, PAYLOAD)), FAAS_JWT_OK);
    faas_jwks_free(set);

    set = keys((const char *[]) { NULL });
    assert_int_equal(verify(set, token(head, PAYLOAD)), FAAS_JWT_NO_KEY);
    faas_jwks_free(set);
}


static void
test_malformed(void **state)
{
    char         *p;
    unsigned      i;
    faas_jwks_t  *set;

    static const char *const  bad[] = {
        "", ".", "..", "...", "a.b", "e30", "e30.e30", "e30=.e30.e30",
        ".e30.e30", "e3 0.e30.e30", " e30.e30.e30", "e31.e30.e30",
        "e.e30.e30", "HEAD..e30", "HEAD.e30.", "HEAD.e30.e30.e30",
        "HEAD.e30.e30.e30.e30", "HEAD.e31.e30", "HEAD.e30.e31"
    };

    (void) state;

    set = one_key(jwk_ed25519);

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        p = text;

        if (strncmp(bad[i], "HEAD", 4) == 0) {
            p = base64url(text, "{\"alg\":\"EdDSA\"}", 15);
        }

        strcpy(p, bad[i] + (p == text ? 0 : 4));
        assert_int_equal(verify(set, text), FAAS_JWT_MALFORMED);
    }

    /* one token has one spelling */

    strcpy(text, token_eddsa);
    p = text + strlen(text) - 1;
    assert_int_equal(verify(set, text), FAAS_JWT_OK);
    (*p)++;
    assert_int_equal(verify(set, text), FAAS_JWT_MALFORMED);
    (*p)--;
    strcat(text, "=");
    assert_int_equal(verify(set, text), FAAS_JWT_MALFORMED);
    p[1] = '\n';
    assert_int_equal(verify(set, text), FAAS_JWT_MALFORMED);

    memset(text, 'a', FAAS_JWT_TOKEN + 1);
    text[FAAS_JWT_TOKEN + 1] = '\0';
    assert_int_equal(verify(set, text), FAAS_JWT_TOO_LONG);
    text[FAAS_JWT_TOKEN] = '\0';
    assert_int_equal(verify(set, text), FAAS_JWT_MALFORMED);
    faas_jwks_free(set);
}


static void
test_keys_skipped(void **state)
{
    (void) state;

    assert_int_equal(reason(jwk_rsa), FAAS_JWK_REASONS);
    assert_int_equal(reason("1"), FAAS_JWK_MALFORMED);
    assert_int_equal(reason("{}"), FAAS_JWK_MALFORMED);
    assert_int_equal(reason("{\"kty\":1}"), FAAS_JWK_MALFORMED);
    assert_int_equal(reason("{\"kty\":\"oct\",\"k\":\"AAAA\"}"),
                     FAAS_JWK_TYPE);
    assert_int_equal(reason("{\"kty\":\"EC\",\"crv\":\"secp256k1\"}"),
                     FAAS_JWK_TYPE);
    assert_int_equal(reason("{\"kty\":\"OKP\",\"crv\":\"X25519\"}"),
                     FAAS_JWK_TYPE);
    assert_int_equal(reason("{\"kty\":\"RSA\",\"n\":\"AQAB\"}"),
                     FAAS_JWK_MALFORMED);
    assert_int_equal(reason("{\"kty\":\"OKP\",\"crv\":\"Ed25519\","
                            "\"x\":\"AQAB\"}"), FAAS_JWK_MALFORMED);
    assert_int_equal(reason(jwk_weak), FAAS_JWK_WEAK);

    assert_int_equal(reason(with(jwk_rsa, "\"use\":\"sig\"")),
                     FAAS_JWK_REASONS);
    assert_int_equal(reason(with(jwk_rsa, "\"use\":\"enc\"")), FAAS_JWK_USE);
    assert_int_equal(reason(with(jwk_rsa, "\"use\":1")), FAAS_JWK_USE);
    assert_int_equal(reason(with(jwk_rsa, "\"key_ops\":[\"sign\","
                                 "\"verify\"]")), FAAS_JWK_REASONS);
    assert_int_equal(reason(with(jwk_rsa, "\"key_ops\":[\"sign\"]")),
                     FAAS_JWK_USE);
    assert_int_equal(reason(with(jwk_rsa, "\"key_ops\":\"verify\"")),
                     FAAS_JWK_USE);

    assert_int_equal(reason(with(jwk_rsa, "\"alg\":\"ES256\"")),
                     FAAS_JWK_ALG);
    assert_int_equal(reason(with(jwk_rsa, "\"alg\":\"HS256\"")),
                     FAAS_JWK_ALG);
    assert_int_equal(reason(with(jwk_rsa, "\"alg\":\"RSA-OAEP\"")),
                     FAAS_JWK_ALG);
    assert_int_equal(reason(with(jwk_rsa, "\"alg\":null")),
                     FAAS_JWK_MALFORMED);
    assert_int_equal(reason(with(jwk_es384, "\"alg\":\"ES256\"")),
                     FAAS_JWK_ALG);
}


/* Points, numbers and sizes. */

static void
test_keys_bad(void **state)
{
    char          json[16384], *p;
    faas_jwks_t  *set;

    (void) state;

    strcpy(json, jwk_es256);
    p = strstr(json, "\"y\":\"") + 8;
    *p = (*p == 'A') ? 'B' : 'A';
    assert_int_equal(reason(json), FAAS_JWK_MALFORMED);

    strcpy(json, jwk_ed25519);
    p = strstr(json, "\"x\":\"") + 5;
    *p = '+';
    assert_int_equal(reason(json), FAAS_JWK_MALFORMED);

    /* even: no product of primes */

    strcpy(json, jwk_rsa);
    p = strstr(json, "\",\"e\"") - 1;
    *p = 'A';
    assert_int_equal(reason(json), FAAS_JWK_MALFORMED);

    (void) snprintf(json, sizeof(json), "{\"kty\":\"RSA\",\"e\":\"AQ\",%s",
                    strstr(jwk_rsa, "\"n\""));
    p = strstr(json, ",\"e\":\"AQAB\"");
    memmove(p, p + 11, strlen(p + 11) + 1);
    assert_int_equal(reason(json), FAAS_JWK_MALFORMED);

    p = json + sprintf(json, "{\"kty\":\"RSA\",\"e\":\"AQAB\",\"n\":\"");
    memset(p, '_', 1368);
    strcpy(p + 1368, "\"}");
    assert_int_equal(reason(json), FAAS_JWK_LARGE);
    memset(p, '_', 4100);
    strcpy(p + 4100, "\"}");
    assert_int_equal(reason(json), FAAS_JWK_MALFORMED);

    /* of one name, but for an algorithm each */

    strcpy(json, with(jwk_rsa, "\"alg\":\"RS256\""));
    set = keys((const char *[]) { json, json, jwk_rsa, NULL });
    assert_int_equal(set->n, 1);
    assert_int_equal(set->skipped[FAAS_JWK_TWICE], 2);
    faas_jwks_free(set);

    strcpy(json, with(jwk_rsa, "\"alg\":\"RS256\""));
    set = keys((const char *[]) {
        json, with(jwk_rsa, "\"alg\":\"PS256\""), NULL
    });
    assert_int_equal(set->n, 2);
    assert_int_equal(verify(set, token_rs256), FAAS_JWT_OK);
    assert_int_equal(verify(set, token_ps256), FAAS_JWT_OK);
    assert_int_equal(verify(set, token_rs384), FAAS_JWT_NO_KEY);
    faas_jwks_free(set);
}


static void
test_set(void **state)
{
    char         *json;
    size_t        n;
    unsigned      i;
    const char   *error;
    faas_jwks_t  *set;

    static const char *const  bad[] = {
        "", "[]", "{}", "{\"keys\":{}}", "{\"keys\":[]", "{\"keys\":[]}x",
        "{\"keys\":[],\"keys\":[]}"
    };

    (void) state;

    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        error = NULL;
        assert_null(faas_jwks_parse(bad[i], strlen(bad[i]), &error));
        assert_non_null(error);
    }

    json = malloc(FAAS_JWKS_LEN + 1);
    n = (size_t) sprintf(json, "{\"keys\":[");

    for (i = 0; i < FAAS_JWKS_KEYS; i++) {
        n += (size_t) sprintf(json + n, "%s{}", i ? "," : "");
    }

    strcpy(json + n, "]}");
    set = faas_jwks_parse(json, n + 2, &error);
    assert_non_null(set);
    assert_int_equal(set->n, 0);
    assert_int_equal(set->skipped[FAAS_JWK_MALFORMED], FAAS_JWKS_KEYS);
    faas_jwks_free(set);

    strcpy(json + n, ",{}]}");
    assert_null(faas_jwks_parse(json, n + 5, &error));
    assert_string_equal(error, "the key set has too many keys");

    memset(json, ' ', FAAS_JWKS_LEN + 1);
    memcpy(json, "{\"keys\":[]}", 11);
    assert_null(faas_jwks_parse(json, FAAS_JWKS_LEN + 1, &error));
    assert_string_equal(error, "the key set is too long");
    set = faas_jwks_parse(json, FAAS_JWKS_LEN, &error);
    assert_non_null(set);
    faas_jwks_free(set);
    faas_jwks_free(NULL);
    free(json);

    for (i = 0; i < FAAS_JWK_REASONS; i++) {
        assert_non_null(faas_jwk_reason((faas_jwk_e) i));
    }
}


static void
test_bearer(void **state)
{
    unsigned        i;
    faas_jwt_str_t  s;

    static const char *const  values[][2] = {
        { "Bearer a.b.c", "a.b.c" },
        { "bEARER   a.b.c", "a.b.c" },
        { "a.b.c", "a.b.c" },
        { "Bearer", "Bearer" },
        { "Bearer ", "" },
        { "Bearer\ta", "Bearer\ta" },
        { "", "" },
        { "Basic a", "Basic a" }
    };

    (void) state;

    for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        s = faas_jwt_bearer((const unsigned char *) values[i][0],
                            strlen(values[i][0]));
        assert_int_equal(s.len, strlen(values[i][1]));
        assert_memory_equal(s.data, values[i][1], s.len);
    }
}


int
main(void)
{
    const struct CMUnitTest  tests[] = {
        cmocka_unit_test(test_algorithms),
        cmocka_unit_test(test_bound),
        cmocka_unit_test(test_header),
        cmocka_unit_test(test_kid),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_keys_skipped),
        cmocka_unit_test(test_keys_bad),
        cmocka_unit_test(test_set),
        cmocka_unit_test(test_bearer)
    };

    cmocka_set_message_output(CM_OUTPUT_TAP);

    return cmocka_run_group_tests_name("jwt", tests, NULL, NULL);
}
