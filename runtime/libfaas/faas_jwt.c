/*
 * Compact tokens: their parts, their header, the choice of a key; see
 * faas_jwt.h.  Runs in nginx workers and in tests; takes no locks.
 */

#include <string.h>

#include "faas_base64.h"
#include "faas_json.h"
#include "faas_jwt.h"


/* base64 of more than the largest signature is none */
#define FAAS_JWT_SIGNATURE_TEXT  ((FAAS_JWT_SIGNATURE * 4 + 2) / 3)


static faas_jwt_e faas_jwt_parts(faas_jwt_t *t, const unsigned char *token,
    size_t len, const unsigned char **end, faas_jwt_str_t *sig);
static faas_jwt_e faas_jwt_header(faas_jwt_t *t, unsigned char *p, size_t n);
static faas_jwt_e faas_jwt_header_read(faas_jwt_t *t, faas_json_t *js);
static faas_jwt_e faas_jwt_member(faas_jwt_t *t, unsigned name,
    faas_json_type_e type, unsigned char *value, size_t len);
static const faas_jwk_t *faas_jwt_key(const faas_jwt_t *t,
    const faas_jwks_t *set);
static long faas_jwt_decode(faas_jwt_t *t, const unsigned char *p, size_t n,
    unsigned char **out);


/* members of a header that matter */

typedef enum {
    FAAS_JWT_ALG = 0,
    FAAS_JWT_KEY_ID,
    FAAS_JWT_CRITICAL,
    FAAS_JWT_HEADERS
} faas_jwt_header_e;

static const struct {
    const char           *name;
    size_t                len;
} faas_jwt_headers[FAAS_JWT_HEADERS] = {
    { "alg", 3 },
    { "kid", 3 },
    { "crit", 4 }
};

static const struct {
    char                  name[6];
    unsigned              alg;
} faas_jwt_algs[] = {
    { "RS256", FAAS_JWT_RS256 },
    { "RS384", FAAS_JWT_RS384 },
    { "RS512", FAAS_JWT_RS512 },
    { "PS256", FAAS_JWT_PS256 },
    { "PS384", FAAS_JWT_PS384 },
    { "PS512", FAAS_JWT_PS512 },
    { "ES256", FAAS_JWT_ES256 },
    { "ES384", FAAS_JWT_ES384 },
    { "ES512", FAAS_JWT_ES512 },
    { "EdDSA", FAAS_JWT_EDDSA }
};

static const char *const  faas_jwt_texts[] = {
    [FAAS_JWT_OK] = "the token is valid",
    [FAAS_JWT_MALFORMED] = "the token is malformed",
    [FAAS_JWT_TOO_LONG] = "the token is too long",
    [FAAS_JWT_BAD_HEADER] = "the header of the token is invalid",
    [FAAS_JWT_BAD_ALG] = "the algorithm of the token is not supported",
    [FAAS_JWT_CRIT] = "the token has critical extensions",
    [FAAS_JWT_NO_KEY] = "no key fits the token",
    [FAAS_JWT_BAD_SIGNATURE] = "the signature of the token is invalid",
    [FAAS_JWT_BAD_PAYLOAD] = "the claims of the token are invalid",
    [FAAS_JWT_BAD_ISSUER] = "the issuer of the token is invalid",
    [FAAS_JWT_BAD_AUDIENCE] = "the audience of the token is invalid",
    [FAAS_JWT_BAD_TIME] = "the times of the token are invalid",
    [FAAS_JWT_EXPIRED] = "the token has expired",
    [FAAS_JWT_EARLY] = "the token is not valid yet",
    [FAAS_JWT_BAD_SCOPE] = "the token has none of the required scopes",
    [FAAS_JWT_FAILED] = "the token could not be verified"
};


faas_jwt_str_t
faas_jwt_bearer(const unsigned char *value, size_t len)
{
    size_t          i;
    faas_jwt_str_t  s;

    static const char  bearer[] = "bearer ";

    s.data = value;
    s.len = len;

    for (i = 0; i < sizeof(bearer) - 1; i++) {

        /* a scheme is the same in any case; a space has the bit already */

        if (i == len || (value[i] | 0x20) != bearer[i]) {
            return s;
        }
    }

    while (i < len && value[i] == ' ') {
        i++;
    }

    s.data = value + i;
    s.len = len - i;

    return s;
}


faas_jwt_e
faas_jwt_verify(faas_jwt_t *t, const faas_jwks_t *set,
    const unsigned char *token, size_t len)
{
    faas_jwt_e            rc;
    faas_json_t           js;
    faas_jwt_str_t        sig;
    const faas_jwk_t     *key;
    const unsigned char  *end;

    memset(t, 0, offsetof(faas_jwt_t, text));

    if (len > FAAS_JWT_TOKEN) {
        return FAAS_JWT_TOO_LONG;
    }

    rc = faas_jwt_parts(t, token, len, &end, &sig);

    if (rc != FAAS_JWT_OK) {
        return rc;
    }

    key = faas_jwt_key(t, set);

    if (key == NULL) {
        return FAAS_JWT_NO_KEY;
    }

    rc = faas_jwt_signature(key, t->alg, token, (size_t) (end - token),
                            sig.data, sig.len);

    if (rc != FAAS_JWT_OK) {
        return rc;
    }

    /* what was signed may still be anything */

    faas_json_init(&js, t->payload, t->payload_len);

    return (faas_json_peek(&js) == FAAS_JSON_OBJECT
            && faas_json_valid(t->payload, t->payload_len))
           ? FAAS_JWT_OK : FAAS_JWT_BAD_PAYLOAD;
}


const char *
faas_jwt_text(faas_jwt_e rc)
{
    return faas_jwt_texts[rc];
}


const char *
faas_jwt_error(faas_jwt_e rc)
{
    return (rc == FAAS_JWT_BAD_SCOPE) ? "insufficient_scope"
                                      : "invalid_token";
}


long
faas_jwt_base64url(unsigned char *dst, const unsigned char *src, size_t n)
{
    long                  len;
    size_t                i, rest;
    unsigned char         c, again[4];
    const unsigned char  *tail;

    for (i = 0; i < n; i++) {
        c = src[i];

        /* which the other decoder takes as well */

        if (c == '+' || c == '/' || c == '=') {
            return -1;
        }
    }

    rest = n % 4;
    c = rest ? src[n - 1] : 0;
    len = faas_base64_decode(dst, src, n);

    if (len < 0 || rest == 0) {
        return len;
    }

    /* encoded again, the last character is the same if no bits are left */

    tail = dst + len - (rest - 1);
    (void) faas_base64_encode(again, tail, rest - 1);

    again[rest - 1] = (again[rest - 1] == '+') ? '-' : again[rest - 1];
    again[rest - 1] = (again[rest - 1] == '/') ? '_' : again[rest - 1];

    return (again[rest - 1] == c) ? len : -1;
}


unsigned
faas_jwt_alg(const unsigned char *name, size_t len)
{
    unsigned  i;

    for (i = 0; i < sizeof(faas_jwt_algs) / sizeof(faas_jwt_algs[0]); i++) {

        if (faas_json_key_is(name, len, faas_jwt_algs[i].name, 5)) {
            return faas_jwt_algs[i].alg;
        }
    }

    return 0;
}


/* Decodes all three; *end is where what is signed ends. */

static faas_jwt_e
faas_jwt_parts(faas_jwt_t *t, const unsigned char *token, size_t len,
    const unsigned char **end, faas_jwt_str_t *sig)
{
    long                  n;
    faas_jwt_e            rc;
    unsigned char        *p;
    const unsigned char  *last, *one, *two;

    last = token + len;
    one = len ? memchr(token, '.', len) : NULL;
    two = one ? memchr(one + 1, '.', (size_t) (last - one - 1)) : NULL;

    /* a further dot is of no alphabet */

    if (two == NULL || last - two - 1 > FAAS_JWT_SIGNATURE_TEXT) {
        return FAAS_JWT_MALFORMED;
    }

    n = faas_jwt_decode(t, token, (size_t) (one - token), &p);

    if (n <= 0) {
        return FAAS_JWT_MALFORMED;
    }

    rc = faas_jwt_header(t, p, (size_t) n);

    if (rc != FAAS_JWT_OK) {
        return rc;
    }

    n = faas_jwt_decode(t, one + 1, (size_t) (two - one - 1), &t->payload);

    if (n <= 0) {
        return FAAS_JWT_MALFORMED;
    }

    t->payload_len = (size_t) n;
    n = faas_jwt_decode(t, two + 1, (size_t) (last - two - 1), &p);

    if (n <= 0) {
        return FAAS_JWT_MALFORMED;
    }

    *end = two;
    sig->data = p;
    sig->len = (size_t) n;

    return FAAS_JWT_OK;
}


/* Keys in a header, "jwk", "jku" and the like, are the sender's: ignored. */

static faas_jwt_e
faas_jwt_header(faas_jwt_t *t, unsigned char *p, size_t n)
{
    faas_jwt_e   rc;
    faas_json_t  js;

    faas_json_init(&js, p, n);
    rc = faas_jwt_header_read(t, &js);

    if (rc != FAAS_JWT_OK) {
        return rc;
    }

    if (faas_json_end(&js) != 0) {
        return FAAS_JWT_BAD_HEADER;
    }

    return t->alg ? FAAS_JWT_OK : FAAS_JWT_BAD_ALG;
}


static faas_jwt_e
faas_jwt_header_read(faas_jwt_t *t, faas_json_t *js)
{
    int               rc;
    size_t            klen, vlen;
    unsigned          i, seen;
    faas_jwt_e        error;
    unsigned char    *key, *value;
    faas_json_type_e  type;

    if (faas_json_enter(js, FAAS_JSON_OBJECT) != 0) {
        return FAAS_JWT_BAD_HEADER;
    }

    seen = 0;

    while ((rc = faas_json_member(js, &key, &klen)) == 1) {
        type = faas_json_peek(js);

        if (faas_json_skip(js, &value, &vlen) != 0) {
            return FAAS_JWT_BAD_HEADER;
        }

        for (i = 0; i < FAAS_JWT_HEADERS; i++) {

            if (!faas_json_key_is(key, klen, faas_jwt_headers[i].name,
                                  faas_jwt_headers[i].len))
            {
                continue;
            }

            /* which of two counts is what implementations differ in */

            if (seen & 1u << i) {
                return FAAS_JWT_BAD_HEADER;
            }

            seen |= 1u << i;
            error = faas_jwt_member(t, i, type, value, vlen);

            if (error != FAAS_JWT_OK) {
                return error;
            }
        }
    }

    return (rc == 0) ? FAAS_JWT_OK : FAAS_JWT_BAD_HEADER;
}


static faas_jwt_e
faas_jwt_member(faas_jwt_t *t, unsigned name, faas_json_type_e type,
    unsigned char *value, size_t len)
{
    /* no extension is known, and an empty list is not allowed */

    if (name == FAAS_JWT_CRITICAL) {
        return FAAS_JWT_CRIT;
    }

    if (type != FAAS_JSON_STRING) {
        return FAAS_JWT_BAD_HEADER;
    }

    if (name == FAAS_JWT_ALG) {
        t->alg = faas_jwt_alg(value, len);
        return t->alg ? FAAS_JWT_OK : FAAS_JWT_BAD_ALG;
    }

    /* in place, which the reader has left behind */

    t->kid.len = faas_json_unescape(value, len);
    t->kid.data = value;

    return FAAS_JWT_OK;
}


static const faas_jwk_t *
faas_jwt_key(const faas_jwt_t *t, const faas_jwks_t *set)
{
    unsigned           i;
    const faas_jwk_t  *key, *found;

    found = NULL;

    for (i = 0; i < set->n; i++) {
        key = &set->keys[i];

        if (!(key->algs & t->alg)) {
            continue;
        }

        if (t->kid.data == NULL) {

            if (found != NULL) {
                return NULL;
            }

            found = key;
            continue;
        }

        /* of one name and algorithm a set has no more than one key */

        if (key->kid != NULL && key->kid_len == t->kid.len
            && memcmp(key->kid, t->kid.data, t->kid.len) == 0)
        {
            return key;
        }
    }

    return found;
}


/* Appends to the token's buffer, which is larger than all of the parts. */

static long
faas_jwt_decode(faas_jwt_t *t, const unsigned char *p, size_t n,
    unsigned char **out)
{
    long  len;

    *out = t->text + t->used;
    len = faas_jwt_base64url(*out, p, n);

    if (len > 0) {
        t->used += (size_t) len;
    }

    return len;
}
