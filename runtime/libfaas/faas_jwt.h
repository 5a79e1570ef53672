/*
 * JSON web tokens (RFC 7515, 7517 to 7519) as an authorizer of API Gateway
 * checks them: the signature of a compact token with one of a set of public
 * keys, then the claims.  No state beyond the caller's, no locks; runs in
 * nginx workers and in tests.
 */

#ifndef _FAAS_JWT_H_INCLUDED_
#define _FAAS_JWT_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


#define FAAS_JWT_TOKEN      16384             /* bytes of a token */
#define FAAS_JWT_KID          256             /* bytes of a key's name */
#define FAAS_JWT_SIGNATURE   1024             /* RSA with 8192 bits */

#define FAAS_JWKS_LEN      150000             /* bytes of a key set */
#define FAAS_JWKS_KEYS        100


/* Algorithms: a bit each, and no other is known. */

#define FAAS_JWT_RS256     0x001
#define FAAS_JWT_RS384     0x002
#define FAAS_JWT_RS512     0x004
#define FAAS_JWT_PS256     0x008
#define FAAS_JWT_PS384     0x010
#define FAAS_JWT_PS512     0x020
#define FAAS_JWT_ES256     0x040              /* P-256 */
#define FAAS_JWT_ES384     0x080              /* P-384 */
#define FAAS_JWT_ES512     0x100              /* P-521 */
#define FAAS_JWT_EDDSA     0x200              /* Ed25519, Ed448 */

#define FAAS_JWT_RSA_ANY   0x03f

typedef enum {
    FAAS_JWT_OK = 0,
    FAAS_JWT_MALFORMED,                       /* not three parts of base64url */
    FAAS_JWT_TOO_LONG,
    FAAS_JWT_BAD_HEADER,
    FAAS_JWT_BAD_ALG,                         /* "none", HMAC, unknown */
    FAAS_JWT_CRIT,                            /* extensions nobody knows */
    FAAS_JWT_NO_KEY,
    FAAS_JWT_BAD_SIGNATURE,
    FAAS_JWT_BAD_PAYLOAD,
    FAAS_JWT_BAD_ISSUER,
    FAAS_JWT_BAD_AUDIENCE,
    FAAS_JWT_BAD_TIME,                        /* no number, or no "exp" */
    FAAS_JWT_EXPIRED,
    FAAS_JWT_EARLY,                           /* "nbf", "iat" */
    FAAS_JWT_BAD_SCOPE,                       /* 403; all others are 401 */
    FAAS_JWT_FAILED                           /* no memory */
} faas_jwt_e;

typedef struct {
    const unsigned char  *data;
    size_t                len;
} faas_jwt_str_t;


/* --- keys --- */

/* Why a key of a set is of no use here. */

typedef enum {
    FAAS_JWK_MALFORMED = 0,
    FAAS_JWK_TYPE,                            /* "oct", other curves */
    FAAS_JWK_USE,                             /* not for signatures */
    FAAS_JWK_ALG,                             /* does not fit the key */
    FAAS_JWK_WEAK,                            /* RSA below 2048 bits */
    FAAS_JWK_LARGE,                           /* RSA above 8192 bits */
    FAAS_JWK_TWICE,                           /* "kid" of an earlier one */
    FAAS_JWK_REASONS
} faas_jwk_e;

typedef struct {
    char                 *kid;                /* NULL: none */
    size_t                kid_len;
    unsigned              algs;               /* those that it is good for */
    unsigned              ec_len;             /* bytes of r, and of s */
    struct evp_pkey_st   *pkey;
} faas_jwk_t;

typedef struct {
    unsigned              n;
    unsigned              skipped[FAAS_JWK_REASONS];
    faas_jwk_t            keys[FAAS_JWKS_KEYS];
} faas_jwks_t;


/*
 * Reads {"keys":[...]}.  Keys that cannot be used are counted and left out;
 * the set may be empty then.  NULL, and *error, if it is no set of keys, or
 * is too large.  The cold path: it allocates, and checks keys.
 *
 * A key is bound to what it says of itself: "use" is "sig" if it is there,
 * "key_ops" has "verify", "alg" is the only algorithm, and kty and crv fit.
 */
faas_jwks_t *faas_jwks_parse(const char *json, size_t len,
    const char **error);
void faas_jwks_free(faas_jwks_t *set);

const char *faas_jwk_reason(faas_jwk_e reason);


/* --- tokens --- */

/* May be used again for any number of tokens; needs no clean-up. */

typedef struct {
    unsigned              alg;
    faas_jwt_str_t        kid;                /* data is NULL: none */
    unsigned char        *payload;            /* JSON, in text */
    size_t                payload_len;
    size_t                used;
    unsigned char         text[FAAS_JWT_TOKEN];
} faas_jwt_t;

typedef struct {
    faas_jwt_str_t        issuer;
    const faas_jwt_str_t *audience;
    unsigned              n_audience;
    const faas_jwt_str_t *scopes;             /* of the route */
    unsigned              n_scopes;           /* 0: any token will do */
    int64_t               now;                /* seconds since 1970 */
    unsigned              skew;               /* seconds */
} faas_jwt_expect_t;

/*
 * Claims as API Gateway hands them on: strings, numbers and literals as text,
 * arrays as "[a b]", objects as JSON.  Non-zero ends the walk.
 */
typedef int (*faas_jwt_claim_pt)(void *ctx, const unsigned char *name,
    size_t nlen, const unsigned char *value, size_t vlen);


/* Takes an optional "Bearer " off a header's value. */
faas_jwt_str_t faas_jwt_bearer(const unsigned char *value, size_t len);

/*
 * Parses a token and verifies its signature.  The key is the one of its
 * "kid"; without one exactly one key of the set must fit the algorithm.
 */
faas_jwt_e faas_jwt_verify(faas_jwt_t *t, const faas_jwks_t *set,
    const unsigned char *token, size_t len);

/*
 * Checks the claims of a verified token: "iss" is the issuer; an element of
 * "aud", or without it "client_id", is in the audience, of which there must
 * be one; "exp" is required; one of the scopes is in "scope" (a string, names
 * separated by spaces) or "scp" (such a string or an array).
 */
faas_jwt_e faas_jwt_check(const faas_jwt_t *t, const faas_jwt_expect_t *e);

/*
 * Reports the claims of a verified token in their order, of equal ones each.
 * The last use of the payload, which is overwritten.  0, or -1 if the
 * callback wanted it.
 */
int faas_jwt_claims(faas_jwt_t *t, faas_jwt_claim_pt cb, void *ctx);

/* What went wrong, static, fit for a log and for error_description="...". */
const char *faas_jwt_text(faas_jwt_e rc);

/* For error="...": "invalid_token" or "insufficient_scope". */
const char *faas_jwt_error(faas_jwt_e rc);


/* --- shared by the parts of faas_jwt*.c --- */

/*
 * Strict base64url: no padding, no white space, no bits left over.  The
 * number of bytes, at most n / 4 * 3 + 2, or -1.
 */
long faas_jwt_base64url(unsigned char *dst, const unsigned char *src,
    size_t n);

/* The bit of an algorithm's name, as JSON writes it; 0: unknown. */
unsigned faas_jwt_alg(const unsigned char *name, size_t len);

/* 0: good, else FAAS_JWT_BAD_SIGNATURE or FAAS_JWT_FAILED. */
faas_jwt_e faas_jwt_signature(const faas_jwk_t *key, unsigned alg,
    const unsigned char *data, size_t len, const unsigned char *sig,
    size_t n);


#endif /* _FAAS_JWT_H_INCLUDED_ */
