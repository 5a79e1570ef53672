/*
 * The query of a signed request: its canonical form, and the parameters of a
 * presigned URL.  Runs in nginx workers and in tests; takes no locks.
 *
 * Names and values are decoded and encoded again, so that one canonical form
 * belongs to all spellings of a query; "+" is a space, as it is to those who
 * read forms, and "%" without two digits stands for itself.
 */

#include <stdlib.h>

#include "faas_sigv4_core.h"


static int faas_sigv4_query_next(faas_sigv4_str_t *rest,
    faas_sigv4_param_t *param);
static unsigned char faas_sigv4_decode(const unsigned char **p,
    const unsigned char *last);
static int faas_sigv4_hex(unsigned char c);
static int faas_sigv4_query_named(const faas_sigv4_str_t *s,
    const char *name);
static int faas_sigv4_query_text(faas_sigv4_t *s,
    const faas_sigv4_str_t *value, faas_sigv4_str_t *text);
static int faas_sigv4_query_cmp(const void *a, const void *b);
static int faas_sigv4_text_cmp(const faas_sigv4_str_t *a,
    const faas_sigv4_str_t *b);
static void faas_sigv4_text_put(faas_sigv4_out_t *out,
    const faas_sigv4_str_t *s);


static const char  faas_sigv4_signature[] = "X-Amz-Signature";

/* any of the first three makes it a request that is signed in its query */

#define FAAS_SIGV4_PRESIGNED  3

static const struct {
    const char           *name;
    size_t                offset;             /* of a string, faas_sigv4_t */
} faas_sigv4_known[] = {
    { faas_sigv4_signature, offsetof(faas_sigv4_t, signature) },
    { "X-Amz-Algorithm", offsetof(faas_sigv4_t, algorithm) },
    { "X-Amz-Credential", offsetof(faas_sigv4_t, credential) },
    { "X-Amz-SignedHeaders", offsetof(faas_sigv4_t, signed_headers) },
    { "X-Amz-Date", offsetof(faas_sigv4_t, date_text) },
    { "X-Amz-Expires", offsetof(faas_sigv4_t, expires_text) },
    { "X-Amz-Security-Token", offsetof(faas_sigv4_t, token) },
    { "X-Amz-Content-Sha256", offsetof(faas_sigv4_t, payload_hash) }
};

#define FAAS_SIGV4_KNOWN                                                      \
    (sizeof(faas_sigv4_known) / sizeof(faas_sigv4_known[0]))


faas_sigv4_e
faas_sigv4_query_parse(faas_sigv4_t *s, const faas_sigv4_request_t *r)
{
    unsigned             i, n;
    const char          *error;
    faas_sigv4_str_t     rest, *value;
    faas_sigv4_param_t   param;

    rest = r->query;
    error = NULL;

    for (n = 0; faas_sigv4_query_next(&rest, &param); n++) {

        if (n == FAAS_SIGV4_PARAMS) {
            return faas_sigv4_incomplete(s, "The query string has too many "
                                         "parameters.");
        }

        for (i = 0; i < FAAS_SIGV4_KNOWN; i++) {

            if (faas_sigv4_query_named(&param.name, faas_sigv4_known[i].name))
            {
                break;
            }
        }

        if (i == FAAS_SIGV4_KNOWN) {
            continue;
        }

        value = (faas_sigv4_str_t *)
                ((char *) s + faas_sigv4_known[i].offset);

        if (value->data != NULL) {
            error = "A query-string parameter of the signature is repeated.";

        } else if (faas_sigv4_query_text(s, &param.value, value) != 0) {
            error = "The query-string parameters of the signature are too "
                    "long.";
        }

        s->presigned |= (i < FAAS_SIGV4_PRESIGNED);
    }

    /* without a signature such parameters are the function's */

    if (!s->presigned) {
        return FAAS_SIGV4_MISSING;
    }

    return error ? faas_sigv4_incomplete(s, error) : FAAS_SIGV4_OK;
}


void
faas_sigv4_query_put(faas_sigv4_out_t *out, const faas_sigv4_str_t *query)
{
    unsigned             i, n;
    faas_sigv4_str_t     rest;
    faas_sigv4_param_t   params[FAAS_SIGV4_PARAMS];

    n = 0;
    rest = *query;

    /* no more than the first step has counted */

    while (n < FAAS_SIGV4_PARAMS && faas_sigv4_query_next(&rest, &params[n])) {
        n += !faas_sigv4_query_named(&params[n].name, faas_sigv4_signature);
    }

    qsort(params, n, sizeof(params[0]), faas_sigv4_query_cmp);

    for (i = 0; i < n; i++) {

        if (i) {
            faas_sigv4_put(out, (const unsigned char *) "&", 1);
        }

        faas_sigv4_text_put(out, &params[i].name);
        faas_sigv4_put(out, (const unsigned char *) "=", 1);
        faas_sigv4_text_put(out, &params[i].value);
    }
}


/* Takes one parameter off the query; 0 at its end.  Empty ones are none. */

static int
faas_sigv4_query_next(faas_sigv4_str_t *rest, faas_sigv4_param_t *param)
{
    const unsigned char  *p, *last;

    if (rest->len == 0) {
        return 0;
    }

    p = rest->data;
    last = p + rest->len;

    while (p < last && *p == '&') {
        p++;
    }

    if (p == last) {
        return 0;
    }

    param->name.data = p;

    while (p < last && *p != '&' && *p != '=') {
        p++;
    }

    param->name.len = (size_t) (p - param->name.data);

    if (p < last && *p == '=') {
        p++;
    }

    param->value.data = p;

    while (p < last && *p != '&') {
        p++;
    }

    param->value.len = (size_t) (p - param->value.data);

    rest->data = p;
    rest->len = (size_t) (last - p);

    return 1;
}


/* The byte at *p, which is behind it then. */

static unsigned char
faas_sigv4_decode(const unsigned char **p, const unsigned char *last)
{
    int                   high, low;
    const unsigned char  *s;

    s = *p;
    *p = s + 1;

    if (*s == '+') {
        return ' ';
    }

    if (*s != '%' || last - s < 3) {
        return *s;
    }

    high = faas_sigv4_hex(s[1]);
    low = faas_sigv4_hex(s[2]);

    if (high < 0 || low < 0) {
        return *s;
    }

    *p = s + 3;

    return (unsigned char) (high << 4 | low);
}


static int
faas_sigv4_hex(unsigned char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }

    c |= 0x20;

    return (c >= 'a' && c <= 'f') ? c - 'a' + 10 : -1;
}


/* Names of parameters are equal only in the same case. */

static int
faas_sigv4_query_named(const faas_sigv4_str_t *s, const char *name)
{
    const unsigned char  *p, *last;

    p = s->data;
    last = p + s->len;

    while (p < last && *name) {

        if (faas_sigv4_decode(&p, last) != (unsigned char) *name++) {
            return 0;
        }
    }

    return p == last && *name == '\0';
}


static int
faas_sigv4_query_text(faas_sigv4_t *s, const faas_sigv4_str_t *value,
    faas_sigv4_str_t *text)
{
    const unsigned char  *p, *last;

    p = value->data;
    last = p + value->len;
    text->data = s->text + s->used;

    while (p < last) {

        if (s->used == FAAS_SIGV4_TEXT) {
            return -1;
        }

        s->text[s->used++] = faas_sigv4_decode(&p, last);
    }

    text->len = (size_t) (s->text + s->used - text->data);

    return 0;
}


static int
faas_sigv4_query_cmp(const void *a, const void *b)
{
    int                        rc;
    const faas_sigv4_param_t  *one, *two;

    one = a;
    two = b;

    rc = faas_sigv4_text_cmp(&one->name, &two->name);

    return rc ? rc : faas_sigv4_text_cmp(&one->value, &two->value);
}


/*
 * The order of the encoded texts, without encoding them: "%" comes before all
 * that is not encoded, and digits of the codes are in the order of the bytes.
 */

static int
faas_sigv4_text_cmp(const faas_sigv4_str_t *a, const faas_sigv4_str_t *b)
{
    int                   x, y;
    const unsigned char  *p, *q, *p_last, *q_last;

    p = a->data;
    p_last = p + a->len;
    q = b->data;
    q_last = q + b->len;

    while (p < p_last && q < q_last) {
        x = faas_sigv4_decode(&p, p_last);
        y = faas_sigv4_decode(&q, q_last);

        x |= faas_sigv4_unreserved((unsigned char) x) ? 0x100 : 0;
        y |= faas_sigv4_unreserved((unsigned char) y) ? 0x100 : 0;

        if (x != y) {
            return x - y;
        }
    }

    return (p < p_last) - (q < q_last);
}


static void
faas_sigv4_text_put(faas_sigv4_out_t *out, const faas_sigv4_str_t *s)
{
    const unsigned char  *p, *last;

    p = s->data;
    last = p + s->len;

    while (p < last) {
        faas_sigv4_encode(out, faas_sigv4_decode(&p, last));
    }
}
