/*
 * The claims of a verified token: whether they are what is expected, and as
 * texts for an event.  Runs in nginx workers and in tests; takes no locks.
 */

#include <string.h>

#include "faas_json.h"
#include "faas_jwt.h"


#define FAAS_JWT_FRACTION   9                 /* digits that count */
#define FAAS_JWT_EXPONENT   1000              /* beyond any double */
#define FAAS_JWT_TIME_MOST  9007199254740992.0


/* claims that are checked */

typedef enum {
    FAAS_JWT_ISS = 0,
    FAAS_JWT_AUD,
    FAAS_JWT_CLIENT_ID,
    FAAS_JWT_EXP,
    FAAS_JWT_NBF,
    FAAS_JWT_IAT,
    FAAS_JWT_SCOPE,
    FAAS_JWT_SCP,
    FAAS_JWT_CLAIMS
} faas_jwt_claim_e;

typedef struct {
    faas_json_type_e      type;               /* BAD: absent */
    unsigned char        *data;               /* as written */
    size_t                len;
} faas_jwt_claim_t;


static faas_jwt_e faas_jwt_find(const faas_jwt_t *t,
    faas_jwt_claim_t *claims);
static faas_jwt_e faas_jwt_times(const faas_jwt_claim_t *claims,
    const faas_jwt_expect_t *e);
static int faas_jwt_time(const faas_jwt_claim_t *c, double *value);
static double faas_jwt_number(const unsigned char *p,
    const unsigned char *last);
static int faas_jwt_audience(const faas_jwt_claim_t *claims,
    const faas_jwt_expect_t *e);
static int faas_jwt_any(const faas_jwt_claim_t *c,
    const faas_jwt_str_t *list, unsigned n, int split);
static int faas_jwt_one_of(const unsigned char *p, size_t len,
    const faas_jwt_str_t *list, unsigned n, int split);
static size_t faas_jwt_flatten(unsigned char *p, size_t len);


static const struct {
    const char           *name;
    size_t                len;
} faas_jwt_names[FAAS_JWT_CLAIMS] = {
    { "iss", 3 },
    { "aud", 3 },
    { "client_id", 9 },
    { "exp", 3 },
    { "nbf", 3 },
    { "iat", 3 },
    { "scope", 5 },
    { "scp", 3 }
};


faas_jwt_e
faas_jwt_check(const faas_jwt_t *t, const faas_jwt_expect_t *e)
{
    faas_jwt_e               rc;
    faas_jwt_claim_t         claims[FAAS_JWT_CLAIMS];
    const faas_jwt_claim_t  *c;

    rc = faas_jwt_find(t, claims);

    if (rc != FAAS_JWT_OK) {
        return rc;
    }

    /* as they are written: nothing has to be copied to be compared */

    c = &claims[FAAS_JWT_ISS];

    if (e->issuer.len == 0 || c->type != FAAS_JSON_STRING
        || !faas_json_key_is(c->data, c->len, (const char *) e->issuer.data,
                             e->issuer.len))
    {
        return FAAS_JWT_BAD_ISSUER;
    }

    rc = faas_jwt_times(claims, e);

    if (rc != FAAS_JWT_OK) {
        return rc;
    }

    if (!faas_jwt_audience(claims, e)) {
        return FAAS_JWT_BAD_AUDIENCE;
    }

    if (e->n_scopes == 0) {
        return FAAS_JWT_OK;
    }

    c = &claims[FAAS_JWT_SCOPE];

    if (c->type == FAAS_JSON_STRING
        && faas_jwt_any(c, e->scopes, e->n_scopes, 1))
    {
        return FAAS_JWT_OK;
    }

    return faas_jwt_any(&claims[FAAS_JWT_SCP], e->scopes, e->n_scopes, 1)
           ? FAAS_JWT_OK : FAAS_JWT_BAD_SCOPE;
}


int
faas_jwt_claims(faas_jwt_t *t, faas_jwt_claim_pt cb, void *ctx)
{
    size_t            klen, vlen;
    faas_json_t       js;
    unsigned char    *key, *value;
    faas_json_type_e  type;

    faas_json_init(&js, t->payload, t->payload_len);

    if (faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) {
        return -1;
    }

    /* what is behind the reader may be overwritten */

    while (faas_json_member(&js, &key, &klen) == 1) {
        type = faas_json_peek(&js);

        if (faas_json_skip(&js, &value, &vlen) != 0) {
            return -1;
        }

        klen = faas_json_unescape(key, klen);

        if (type == FAAS_JSON_STRING) {
            vlen = faas_json_unescape(value, vlen);

        } else if (type == FAAS_JSON_ARRAY) {
            vlen = faas_jwt_flatten(value, vlen);

        } else {
            vlen = faas_json_compact(value, vlen);
        }

        if (cb(ctx, key, klen, value, vlen) != 0) {
            return -1;
        }
    }

    return 0;
}


static faas_jwt_e
faas_jwt_find(const faas_jwt_t *t, faas_jwt_claim_t *claims)
{
    int                rc;
    size_t             klen;
    unsigned           i;
    faas_json_t        js;
    unsigned char     *key;
    faas_jwt_claim_t   c;

    for (i = 0; i < FAAS_JWT_CLAIMS; i++) {
        claims[i].type = FAAS_JSON_BAD;
    }

    faas_json_init(&js, t->payload, t->payload_len);

    if (faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) {
        return FAAS_JWT_BAD_PAYLOAD;
    }

    while ((rc = faas_json_member(&js, &key, &klen)) == 1) {
        c.type = faas_json_peek(&js);

        if (faas_json_skip(&js, &c.data, &c.len) != 0) {
            return FAAS_JWT_BAD_PAYLOAD;
        }

        for (i = 0; i < FAAS_JWT_CLAIMS; i++) {

            if (!faas_json_key_is(key, klen, faas_jwt_names[i].name,
                                  faas_jwt_names[i].len))
            {
                continue;
            }

            if (claims[i].type != FAAS_JSON_BAD) {
                return FAAS_JWT_BAD_PAYLOAD;
            }

            claims[i] = c;
        }
    }

    return (rc == 0 && faas_json_end(&js) == 0) ? FAAS_JWT_OK
                                                : FAAS_JWT_BAD_PAYLOAD;
}


static faas_jwt_e
faas_jwt_times(const faas_jwt_claim_t *claims, const faas_jwt_expect_t *e)
{
    double  value, now, skew;

    now = (double) e->now;
    skew = (double) e->skew;

    if (faas_jwt_time(&claims[FAAS_JWT_EXP], &value) != 1) {
        return FAAS_JWT_BAD_TIME;
    }

    if (value <= now - skew) {
        return FAAS_JWT_EXPIRED;
    }

    switch (faas_jwt_time(&claims[FAAS_JWT_NBF], &value)) {

    case 1:
        if (value > now + skew) {
            return FAAS_JWT_EARLY;
        }

        break;

    case -1:
        return FAAS_JWT_BAD_TIME;
    }

    switch (faas_jwt_time(&claims[FAAS_JWT_IAT], &value)) {

    case 1:
        return (value > now + skew) ? FAAS_JWT_EARLY : FAAS_JWT_OK;

    case -1:
        return FAAS_JWT_BAD_TIME;
    }

    return FAAS_JWT_OK;
}


/* 1: *value is a time; 0: there is none; -1: it is no number. */

static int
faas_jwt_time(const faas_jwt_claim_t *c, double *value)
{
    if (c->type != FAAS_JSON_NUMBER) {
        return (c->type == FAAS_JSON_BAD) ? 0 : -1;
    }

    *value = faas_jwt_number(c->data, c->data + c->len);

    /* so far away that it was meant to be something else */

    return (*value <= FAAS_JWT_TIME_MOST && *value >= -FAAS_JWT_TIME_MOST)
           ? 1 : -1;
}


/*
 * A number of checked JSON.  Not strtod(), whose decimal point is the
 * locale's.
 */

static double
faas_jwt_number(const unsigned char *p, const unsigned char *last)
{
    int     exponent, scale, negative, minus;
    double  v;

    v = 0;
    scale = 0;
    exponent = 0;
    minus = 0;

    negative = (*p == '-');
    p += negative;

    for ( ; p < last && *p >= '0' && *p <= '9'; p++) {
        v = v * 10 + (*p - '0');
    }

    if (p < last && *p == '.') {

        for (p++; p < last && *p >= '0' && *p <= '9'; p++) {

            if (scale < FAAS_JWT_FRACTION) {
                v = v * 10 + (*p - '0');
                scale++;
            }
        }
    }

    if (p < last) {
        p++;
        minus = (*p == '-');
        p += (*p == '-' || *p == '+');

        for ( ; p < last && exponent < FAAS_JWT_EXPONENT; p++) {
            exponent = exponent * 10 + (*p - '0');
        }
    }

    exponent = (minus ? -exponent : exponent) - scale;

    for ( ; exponent > 0; exponent--) {
        v *= 10;
    }

    for ( ; exponent < 0; exponent++) {
        v /= 10;
    }

    return negative ? -v : v;
}


/* An access token may name its client only; "aud" goes first. */

static int
faas_jwt_audience(const faas_jwt_claim_t *claims, const faas_jwt_expect_t *e)
{
    const faas_jwt_claim_t  *c;

    c = &claims[FAAS_JWT_AUD];

    if (c->type != FAAS_JSON_BAD) {
        return faas_jwt_any(c, e->audience, e->n_audience, 0);
    }

    c = &claims[FAAS_JWT_CLIENT_ID];

    return c->type == FAAS_JSON_STRING
           && faas_jwt_any(c, e->audience, e->n_audience, 0);
}


/* Whether a string, or a string of an array, is in the list. */

static int
faas_jwt_any(const faas_jwt_claim_t *c, const faas_jwt_str_t *list,
    unsigned n, int split)
{
    size_t            len;
    faas_json_t       js;
    unsigned char    *value;
    faas_json_type_e  type;

    if (c->type == FAAS_JSON_STRING) {
        return faas_jwt_one_of(c->data, c->len, list, n, split);
    }

    if (c->type != FAAS_JSON_ARRAY) {
        return 0;
    }

    faas_json_init(&js, c->data, c->len);

    if (faas_json_enter(&js, FAAS_JSON_ARRAY) != 0) {
        return 0;
    }

    while (faas_json_element(&js) == 1) {
        type = faas_json_peek(&js);

        if (faas_json_skip(&js, &value, &len) != 0) {
            return 0;
        }

        if (type == FAAS_JSON_STRING
            && faas_jwt_one_of(value, len, list, n, 0))
        {
            return 1;
        }
    }

    return 0;
}


/* A space that is written as an escape is not one that separates names. */

static int
faas_jwt_one_of(const unsigned char *p, size_t len,
    const faas_jwt_str_t *list, unsigned n, int split)
{
    size_t                part;
    unsigned              i;
    const unsigned char  *last, *end;

    last = p + len;

    for ( ;; ) {
        end = (split && p < last) ? memchr(p, ' ', (size_t) (last - p)) : NULL;
        part = (size_t) ((end ? end : last) - p);

        for (i = 0; i < n; i++) {

            /* what is configured as nothing is in no token */

            if (list[i].len
                && faas_json_key_is(p, part, (const char *) list[i].data,
                                    list[i].len))
            {
                return 1;
            }
        }

        if (end == NULL) {
            return 0;
        }

        p = end + 1;
    }
}


/* "[a b]" from an array; no element becomes longer, nor does a comma. */

static size_t
faas_jwt_flatten(unsigned char *p, size_t len)
{
    size_t            n;
    unsigned          more;
    faas_json_t       js;
    unsigned char    *value, *dst;
    faas_json_type_e  type;

    faas_json_init(&js, p, len);

    if (faas_json_enter(&js, FAAS_JSON_ARRAY) != 0) {
        return len;
    }

    dst = p + 1;
    more = 0;

    while (faas_json_element(&js) == 1) {
        type = faas_json_peek(&js);

        if (faas_json_skip(&js, &value, &n) != 0) {
            break;
        }

        n = (type == FAAS_JSON_STRING) ? faas_json_unescape(value, n)
                                       : faas_json_compact(value, n);

        if (more++) {
            *dst++ = ' ';
        }

        memmove(dst, value, n);
        dst += n;
    }

    *dst++ = ']';

    return (size_t) (dst - p);
}
