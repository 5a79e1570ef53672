/*
 * Sets of public keys (RFC 7517, 7518, 8037) for tokens, see faas_jwt.h.
 * Runs in nginx workers when a set was fetched, and in tests; takes no locks.
 *
 * A set comes from an issuer that is trusted, but a key that is not what it
 * says would make another one's signatures good: what is not understood is
 * left out.
 */

#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include "faas_jwt.h"


#define FAAS_JWK_RSA_MIN   2048               /* bits */
#define FAAS_JWK_RSA_MAX   (FAAS_JWT_SIGNATURE * 8)
#define FAAS_JWK_EXPONENT  64                 /* bits */
#define FAAS_JWK_EC_MAX    66                 /* bytes of a coordinate */

/* base64 of what is too large anyway */
#define FAAS_JWK_TEXT      4096

#define FAAS_JWK_OK        FAAS_JWK_REASONS


typedef struct {
    const char           *name;
    unsigned              algs;
    unsigned              len;                /* of a coordinate, of a key */
    const char           *group;
    int                   id;
} faas_jwk_curve_t;


static faas_jwk_e faas_jwk_parse(const faas_jwks_t *set, faas_jwk_t *key,
    json_t *spec);
static faas_jwk_e faas_jwk_use(json_t *spec);
static faas_jwk_e faas_jwk_names(const faas_jwks_t *set, faas_jwk_t *key,
    json_t *spec);
static faas_jwk_e faas_jwk_rsa(faas_jwk_t *key, json_t *spec);
static faas_jwk_e faas_jwk_rsa_ok(const BIGNUM *n, const BIGNUM *e);
static EVP_PKEY *faas_jwk_rsa_make(const BIGNUM *n, const BIGNUM *e);
static faas_jwk_e faas_jwk_ec(faas_jwk_t *key, json_t *spec);
static EVP_PKEY *faas_jwk_ec_make(const char *group, unsigned char *point,
    size_t len);
static faas_jwk_e faas_jwk_okp(faas_jwk_t *key, json_t *spec);
static EVP_PKEY *faas_jwk_make(const char *type, OSSL_PARAM *params);
static const faas_jwk_curve_t *faas_jwk_curve(const faas_jwk_curve_t *curves,
    size_t n, json_t *spec);
static long faas_jwk_bytes(json_t *spec, const char *name,
    unsigned char *dst);
static BIGNUM *faas_jwk_number(json_t *spec, const char *name);


static const faas_jwk_curve_t  faas_jwk_ec_curves[] = {
    { "P-256", FAAS_JWT_ES256, 32, "P-256", 0 },
    { "P-384", FAAS_JWT_ES384, 48, "P-384", 0 },
    { "P-521", FAAS_JWT_ES512, 66, "P-521", 0 }
};

static const faas_jwk_curve_t  faas_jwk_okp_curves[] = {
    { "Ed25519", FAAS_JWT_EDDSA, 32, NULL, EVP_PKEY_ED25519 },
    { "Ed448", FAAS_JWT_EDDSA, 57, NULL, EVP_PKEY_ED448 }
};

static const char *const  faas_jwk_reasons[FAAS_JWK_REASONS] = {
    [FAAS_JWK_MALFORMED] = "malformed",
    [FAAS_JWK_TYPE] = "of a type or curve that is not supported",
    [FAAS_JWK_USE] = "not for signatures",
    [FAAS_JWK_ALG] = "of an algorithm that does not fit",
    [FAAS_JWK_WEAK] = "RSA with less than 2048 bits",
    [FAAS_JWK_LARGE] = "RSA with more than 8192 bits",
    [FAAS_JWK_TWICE] = "named as another one"
};


faas_jwks_t *
faas_jwks_parse(const char *json, size_t len, const char **error)
{
    json_t       *root, *keys, *spec;
    size_t        i;
    faas_jwk_e    rc;
    faas_jwks_t  *set;

    if (len > FAAS_JWKS_LEN) {
        *error = "the key set is too long";
        return NULL;
    }

    root = json_loadb(json, len, JSON_REJECT_DUPLICATES, NULL);
    keys = json_object_get(root, "keys");
    set = NULL;

    if (!json_is_array(keys)) {
        *error = "the key set is no JSON object with an array of keys";
        goto done;
    }

    if (json_array_size(keys) > FAAS_JWKS_KEYS) {
        *error = "the key set has too many keys";
        goto done;
    }

    set = calloc(1, sizeof(faas_jwks_t));

    if (set == NULL) {
        *error = "no memory";
        goto done;
    }

    json_array_foreach(keys, i, spec) {
        rc = faas_jwk_parse(set, &set->keys[set->n], spec);

        if (rc == FAAS_JWK_OK) {
            set->n++;
            continue;
        }

        set->skipped[rc]++;

        EVP_PKEY_free(set->keys[set->n].pkey);
        free(set->keys[set->n].kid);
        memset(&set->keys[set->n], 0, sizeof(faas_jwk_t));
    }

    ERR_clear_error();

done:

    json_decref(root);

    return set;
}


void
faas_jwks_free(faas_jwks_t *set)
{
    unsigned  i;

    if (set == NULL) {
        return;
    }

    for (i = 0; i < set->n; i++) {
        EVP_PKEY_free(set->keys[i].pkey);
        free(set->keys[i].kid);
    }

    free(set);
}


const char *
faas_jwk_reason(faas_jwk_e reason)
{
    return faas_jwk_reasons[reason];
}


static faas_jwk_e
faas_jwk_parse(const faas_jwks_t *set, faas_jwk_t *key, json_t *spec)
{
    faas_jwk_e   rc;
    const char  *kty;

    kty = json_string_value(json_object_get(spec, "kty"));

    if (kty == NULL) {
        return FAAS_JWK_MALFORMED;
    }

    rc = faas_jwk_use(spec);

    if (rc != FAAS_JWK_OK) {
        return rc;
    }

    if (strcmp(kty, "RSA") == 0) {
        rc = faas_jwk_rsa(key, spec);

    } else if (strcmp(kty, "EC") == 0) {
        rc = faas_jwk_ec(key, spec);

    } else if (strcmp(kty, "OKP") == 0) {
        rc = faas_jwk_okp(key, spec);

    } else {
        return FAAS_JWK_TYPE;
    }

    return (rc == FAAS_JWK_OK) ? faas_jwk_names(set, key, spec) : rc;
}


/* A key that is for encryption is not one for tokens. */

static faas_jwk_e
faas_jwk_use(json_t *spec)
{
    json_t      *use, *ops, *op;
    size_t       i;
    const char  *text;

    use = json_object_get(spec, "use");
    text = json_string_value(use);

    if (use != NULL && (text == NULL || strcmp(text, "sig") != 0)) {
        return FAAS_JWK_USE;
    }

    ops = json_object_get(spec, "key_ops");

    if (ops == NULL) {
        return FAAS_JWK_OK;
    }

    json_array_foreach(ops, i, op) {
        text = json_string_value(op);

        if (text != NULL && strcmp(text, "verify") == 0) {
            return FAAS_JWK_OK;
        }
    }

    return FAAS_JWK_USE;
}


/* "alg" and "kid", of a key that knows what it is good for. */

static faas_jwk_e
faas_jwk_names(const faas_jwks_t *set, faas_jwk_t *key, json_t *spec)
{
    json_t            *alg, *kid;
    unsigned           i;
    const faas_jwk_t  *other;

    alg = json_object_get(spec, "alg");

    if (alg != NULL) {

        if (!json_is_string(alg)) {
            return FAAS_JWK_MALFORMED;
        }

        key->algs &= faas_jwt_alg((const unsigned char *)
                                  json_string_value(alg),
                                  json_string_length(alg));

        if (key->algs == 0) {
            return FAAS_JWK_ALG;
        }
    }

    kid = json_object_get(spec, "kid");

    if (kid == NULL) {
        return FAAS_JWK_OK;
    }

    if (!json_is_string(kid) || json_string_length(kid) > FAAS_JWT_KID) {
        return FAAS_JWK_MALFORMED;
    }

    key->kid_len = json_string_length(kid);

    /* of two that could be meant neither a token nor we can tell which */

    for (i = 0; i < set->n; i++) {
        other = &set->keys[i];

        if (other->kid != NULL && other->kid_len == key->kid_len
            && memcmp(other->kid, json_string_value(kid), key->kid_len) == 0
            && (other->algs & key->algs))
        {
            return FAAS_JWK_TWICE;
        }
    }

    key->kid = malloc(key->kid_len + 1);

    if (key->kid == NULL) {
        return FAAS_JWK_MALFORMED;
    }

    memcpy(key->kid, json_string_value(kid), key->kid_len + 1);

    return FAAS_JWK_OK;
}


static faas_jwk_e
faas_jwk_rsa(faas_jwk_t *key, json_t *spec)
{
    BIGNUM      *n, *e;
    faas_jwk_e   rc;

    n = faas_jwk_number(spec, "n");
    e = faas_jwk_number(spec, "e");

    rc = FAAS_JWK_MALFORMED;

    if (n != NULL && e != NULL) {
        rc = faas_jwk_rsa_ok(n, e);
    }

    if (rc == FAAS_JWK_OK) {
        key->algs = FAAS_JWT_RSA_ANY;
        key->pkey = faas_jwk_rsa_make(n, e);

        rc = key->pkey ? FAAS_JWK_OK : FAAS_JWK_MALFORMED;
    }

    BN_free(n);
    BN_free(e);

    return rc;
}


static faas_jwk_e
faas_jwk_rsa_ok(const BIGNUM *n, const BIGNUM *e)
{
    if (BN_num_bits(n) < FAAS_JWK_RSA_MIN) {
        return FAAS_JWK_WEAK;
    }

    /* with a large exponent each token would cost too much */

    if (BN_num_bits(n) > FAAS_JWK_RSA_MAX
        || BN_num_bits(e) > FAAS_JWK_EXPONENT)
    {
        return FAAS_JWK_LARGE;
    }

    if (!BN_is_odd(n) || !BN_is_odd(e) || BN_is_one(e)) {
        return FAAS_JWK_MALFORMED;
    }

    return FAAS_JWK_OK;
}


static EVP_PKEY *
faas_jwk_rsa_make(const BIGNUM *n, const BIGNUM *e)
{
    EVP_PKEY        *pkey;
    OSSL_PARAM      *params;
    OSSL_PARAM_BLD  *bld;

    pkey = NULL;
    params = NULL;
    bld = OSSL_PARAM_BLD_new();

    if (bld != NULL
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_N, n) == 1
        && OSSL_PARAM_BLD_push_BN(bld, OSSL_PKEY_PARAM_RSA_E, e) == 1)
    {
        params = OSSL_PARAM_BLD_to_param(bld);
    }

    if (params != NULL) {
        pkey = faas_jwk_make("RSA", params);
    }

    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(bld);

    return pkey;
}


static faas_jwk_e
faas_jwk_ec(faas_jwk_t *key, json_t *spec)
{
    unsigned char            point[1 + 2 * FAAS_JWK_TEXT];
    const faas_jwk_curve_t  *curve;

    curve = faas_jwk_curve(faas_jwk_ec_curves,
                           sizeof(faas_jwk_ec_curves)
                           / sizeof(faas_jwk_ec_curves[0]), spec);

    if (curve == NULL) {
        return FAAS_JWK_TYPE;
    }

    /* an uncompressed point; coordinates have all their bytes */

    point[0] = 4;

    if (faas_jwk_bytes(spec, "x", point + 1) != (long) curve->len
        || faas_jwk_bytes(spec, "y", point + 1 + curve->len)
           != (long) curve->len)
    {
        return FAAS_JWK_MALFORMED;
    }

    key->algs = curve->algs;
    key->ec_len = curve->len;
    key->pkey = faas_jwk_ec_make(curve->group, point, 1 + 2 * curve->len);

    return key->pkey ? FAAS_JWK_OK : FAAS_JWK_MALFORMED;
}


/* A point that is not on its curve is none. */

static EVP_PKEY *
faas_jwk_ec_make(const char *group, unsigned char *point, size_t len)
{
    EVP_PKEY      *pkey;
    OSSL_PARAM     params[3];
    EVP_PKEY_CTX  *ctx;

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
                                                 (char *) group, 0);
    params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
                                                  point, len);
    params[2] = OSSL_PARAM_construct_end();

    pkey = faas_jwk_make("EC", params);

    if (pkey == NULL) {
        return NULL;
    }

    ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);

    if (ctx == NULL || EVP_PKEY_public_check(ctx) != 1) {
        EVP_PKEY_free(pkey);
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


static faas_jwk_e
faas_jwk_okp(faas_jwk_t *key, json_t *spec)
{
    unsigned char            raw[FAAS_JWK_TEXT];
    const faas_jwk_curve_t  *curve;

    curve = faas_jwk_curve(faas_jwk_okp_curves,
                           sizeof(faas_jwk_okp_curves)
                           / sizeof(faas_jwk_okp_curves[0]), spec);

    if (curve == NULL) {
        return FAAS_JWK_TYPE;
    }

    if (faas_jwk_bytes(spec, "x", raw) != (long) curve->len) {
        return FAAS_JWK_MALFORMED;
    }

    key->algs = curve->algs;
    key->pkey = EVP_PKEY_new_raw_public_key(curve->id, NULL, raw, curve->len);

    return key->pkey ? FAAS_JWK_OK : FAAS_JWK_MALFORMED;
}


static EVP_PKEY *
faas_jwk_make(const char *type, OSSL_PARAM *params)
{
    EVP_PKEY      *pkey;
    EVP_PKEY_CTX  *ctx;

    pkey = NULL;
    ctx = EVP_PKEY_CTX_new_from_name(NULL, type, NULL);

    if (ctx != NULL
        && EVP_PKEY_fromdata_init(ctx) == 1
        && EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
    {
        pkey = NULL;
    }

    EVP_PKEY_CTX_free(ctx);

    return pkey;
}


static const faas_jwk_curve_t *
faas_jwk_curve(const faas_jwk_curve_t *curves, size_t n, json_t *spec)
{
    size_t       i;
    const char  *name;

    name = json_string_value(json_object_get(spec, "crv"));

    for (i = 0; name != NULL && i < n; i++) {

        if (strcmp(curves[i].name, name) == 0) {
            return &curves[i];
        }
    }

    return NULL;
}


/* A member's bytes, at most FAAS_JWK_TEXT; -1: none. */

static long
faas_jwk_bytes(json_t *spec, const char *name, unsigned char *dst)
{
    json_t  *value;
    size_t   len;

    value = json_object_get(spec, name);
    len = json_string_length(value);

    if (len == 0 || len > FAAS_JWK_TEXT) {
        return -1;
    }

    return faas_jwt_base64url(dst, (const unsigned char *)
                              json_string_value(value), len);
}


static BIGNUM *
faas_jwk_number(json_t *spec, const char *name)
{
    long           n;
    unsigned char  bytes[FAAS_JWK_TEXT];

    n = faas_jwk_bytes(spec, name, bytes);

    return (n > 0) ? BN_bin2bn(bytes, (int) n, NULL) : NULL;
}
