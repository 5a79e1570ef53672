/*
 * Fuzzes JSON web tokens.  The first byte says what the rest is: T a token,
 * whose signature the fuzzer cannot make but may have from a seed; H a header
 * and, from the next line on, a payload, which are signed; C claims; K a set
 * of keys.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "faas_json.h"
#include "faas_jwt.h"
#include "fuzz.h"
#include "../../t/unit/unit_jwt.h"


#define MAX   4096
#define STR(s)  { (const unsigned char *) s, sizeof(s) - 1 }

static const faas_jwt_str_t  audience[] = { STR("api"), STR("") };
static const faas_jwt_str_t  scopes[] = { STR("read"), STR("write") };

static const faas_jwt_expect_t  expect = {
    .issuer = STR("https://issuer.example"), .audience = audience,
    .n_audience = 2, .scopes = scopes, .n_scopes = 2,
    .now = 1800000000, .skew = 10
};

/* what all tokens of the seeds say */
static const char  payload[] =
    "{\"iss\":\"https://issuer.example\",\"aud\":\"api\",\"exp\":2000000000}";

static faas_jwt_t    jwt;
static faas_jwks_t  *set;
static EVP_PKEY     *pkey;


static void
set_up(void)
{
    char            json[16384];
    unsigned        i;
    const char     *error;
    unsigned char   raw[32];

    static const char *const  jwk[] = {
        jwk_rsa, jwk_es256, jwk_es384, jwk_es512, jwk_ed448, jwk_ed25519
    };

    strcpy(json, "{\"keys\":[");

    for (i = 0; i < sizeof(jwk) / sizeof(jwk[0]); i++) {
        strcat(json, i ? "," : "");
        strcat(json, jwk[i]);
    }

    strcat(json, "]}");
    set = faas_jwks_parse(json, strlen(json), &error);
    check(set != NULL && set->n == i);

    for (i = 0; i < sizeof(raw); i++) {
        raw[i] = (unsigned char) i;
    }

    pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, raw, 32);
    check(pkey != NULL);
}


static void
token(const unsigned char *p, size_t n)
{
    unsigned        i;
    faas_jwt_e      rc;
    faas_jwt_str_t  s;

    s = faas_jwt_bearer(p, n);
    check(s.data >= p && s.data + s.len == p + n);

    rc = faas_jwt_verify(&jwt, set, p, n);
    check(rc != FAAS_JWT_FAILED);

    if (rc != FAAS_JWT_OK) {
        return;
    }

    check(jwt.payload_len == sizeof(payload) - 1
          && memcmp(jwt.payload, payload, sizeof(payload) - 1) == 0);

    for (i = 0; i < n; i++) {
        check(p[i] == '.' || p[i] == '-' || p[i] == '_'
              || (p[i] >= '0' && p[i] <= '9')
              || ((p[i] | 0x20) >= 'a' && (p[i] | 0x20) <= 'z'));
    }
}


static void
header(const unsigned char *p, size_t n)
{
    char                 *last;
    size_t                len, size;
    EVP_MD_CTX           *md;
    faas_jwt_e            rc;
    unsigned char         sig[64];
    const unsigned char  *line;

    static char           text[3 * MAX];

    if (n == 0 || n > MAX) {
        return;
    }

    line = memchr(p, '\n', n);
    len = line ? (size_t) (line - p) : n;

    last = base64url(text, p, len);
    *last++ = '.';
    last = base64url(last, line ? line + 1 : p, line ? n - len - 1 : n);

    md = EVP_MD_CTX_new();
    size = sizeof(sig);
    check(EVP_DigestSignInit(md, NULL, NULL, NULL, pkey) == 1);
    check(EVP_DigestSign(md, sig, &size, (unsigned char *) text,
                         (size_t) (last - text)) == 1);
    EVP_MD_CTX_free(md);

    *last++ = '.';
    last = base64url(last, sig, size);

    rc = faas_jwt_verify(&jwt, set, (unsigned char *) text,
                         (size_t) (last - text));

    if (rc == FAAS_JWT_OK) {
        check(faas_json_valid(p, len));
        check(faas_json_valid(jwt.payload, jwt.payload_len));
        check(jwt.alg == FAAS_JWT_EDDSA && jwt.kid.data != NULL
              && jwt.kid.len == 1 && jwt.kid.data[0] == 'd');
    }

    check(rc != FAAS_JWT_FAILED);
    check(rc != FAAS_JWT_BAD_SIGNATURE || jwt.alg != FAAS_JWT_EDDSA
          || jwt.kid.len == 2);
}


static int
claim(void *ctx, const unsigned char *name, size_t nlen,
    const unsigned char *value, size_t vlen)
{
    const unsigned char  **p = ctx, *last = jwt.text + jwt.payload_len;

    /* one behind the other */

    check(name >= *p && name + nlen <= value && value + vlen <= last);
    check(faas_utf8_valid(value, vlen) && faas_utf8_valid(name, nlen));
    *p = value + vlen;

    return 0;
}


static void
claims(const unsigned char *p, size_t n)
{
    int                   object;
    faas_jwt_e            rc, again;
    faas_json_t           js;
    const unsigned char  *pos;

    if (n > FAAS_JWT_TOKEN) {
        return;
    }

    memcpy(jwt.text, p, n);
    jwt.payload = jwt.text;
    jwt.payload_len = n;

    faas_json_init(&js, jwt.text, n);
    object = (faas_json_peek(&js) == FAAS_JSON_OBJECT)
             && faas_json_valid(p, n);

    rc = faas_jwt_check(&jwt, &expect);
    again = faas_jwt_check(&jwt, &expect);
    check(rc == again && memcmp(jwt.text, p, n) == 0);
    check(faas_jwt_text(rc) != NULL && faas_jwt_error(rc) != NULL);
    check(object || rc == FAAS_JWT_BAD_PAYLOAD);

    if (object) {
        pos = jwt.text;
        check(faas_jwt_claims(&jwt, claim, &pos) == 0);
    }
}


static void
keys(const unsigned char *p, size_t n)
{
    unsigned      i, all;
    const char   *error;
    faas_jwks_t  *read;

    error = NULL;
    read = faas_jwks_parse((const char *) p, n, &error);
    check((read == NULL) == (error != NULL));

    if (read == NULL) {
        return;
    }

    for (all = read->n, i = 0; i < FAAS_JWK_REASONS; i++) {
        all += read->skipped[i];
    }

    check(all <= FAAS_JWKS_KEYS);

    for (i = 0; i < read->n; i++) {
        check(read->keys[i].pkey != NULL && read->keys[i].algs != 0);
        check(read->keys[i].kid_len <= FAAS_JWT_KID);

        if (read->keys[i].algs & FAAS_JWT_RSA_ANY) {
            check(EVP_PKEY_get_bits(read->keys[i].pkey) >= 2048);
            check(!(read->keys[i].algs & ~FAAS_JWT_RSA_ANY));
        }
    }

    faas_jwks_free(read);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    unsigned char  *p;

    if (set == NULL) {
        set_up();
    }

    if (size == 0) {
        return 0;
    }

    /* of its own size, so that the sanitizer sees an overrun */

    p = malloc(size > 1 ? size - 1 : 1);
    memcpy(p, data + 1, size - 1);

    switch (data[0]) {

    case 'T':
        token(p, size - 1);
        break;

    case 'H':
        header(p, size - 1);
        break;

    case 'C':
        claims(p, size - 1);
        break;

    case 'K':
        keys(p, size - 1);
        break;
    }

    free(p);

    return 0;
}
