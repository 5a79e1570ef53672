/*
 * Answers of Lambda authorizers, see faas_verdict.h.  Runs in nginx workers
 * and in tests; takes no locks.
 *
 * What comes is a function's and may be anything; what is not understood lets
 * nobody in.
 */

#include <stdlib.h>
#include <string.h>

#include "faas_json.h"
#include "faas_verdict.h"


/* texts in what has come */

typedef struct {
    unsigned char        *data;
    size_t                len;
} faas_verdict_text_t;

typedef struct {
    unsigned              flags;
    faas_verdict_text_t   principal;
    faas_verdict_text_t   policy;
    faas_verdict_text_t   context;
    int                   allowed;            /* -1: nothing is said */
} faas_verdict_said_t;


static const char *faas_verdict_said(faas_verdict_said_t *said,
    unsigned char *p, size_t len);
static const char *faas_verdict_member(faas_verdict_said_t *said,
    faas_json_t *js, unsigned char *key, size_t klen);
static faas_verdict_t *faas_verdict_make(faas_verdict_said_t *said,
    const faas_policy_t *policy, const char **error);
static const char *faas_verdict_copy(faas_verdict_said_t *said,
    unsigned char *out, size_t *len);


#define faas_verdict_key(key, klen, name)                                     \
    faas_json_key_is(key, klen, name, sizeof(name) - 1)

#define faas_verdict_simple(said)  ((said)->flags & FAAS_VERDICT_SIMPLE)


faas_verdict_t *
faas_verdict_parse(unsigned char *p, size_t len, unsigned flags,
    const char **error)
{
    faas_policy_t        *policy;
    faas_verdict_t       *v;
    faas_verdict_said_t   said;

    memset(&said, 0, sizeof(faas_verdict_said_t));

    said.flags = flags;
    said.allowed = -1;

    *error = faas_verdict_said(&said, p, len);

    if (*error != NULL) {
        return NULL;
    }

    policy = NULL;

    if (!faas_verdict_simple(&said)) {
        policy = faas_policy_parse((char *) said.policy.data, said.policy.len,
                                   error);

        if (policy == NULL) {
            return NULL;
        }
    }

    v = faas_verdict_make(&said, policy, error);

    faas_policy_free(policy);

    return v;
}


static const char *
faas_verdict_said(faas_verdict_said_t *said, unsigned char *p, size_t len)
{
    int             rc;
    size_t          klen;
    faas_json_t     js;
    const char     *error;
    unsigned char  *key;

    if (!faas_utf8_valid(p, len)) {
        return "it is not UTF-8";
    }

    faas_json_init(&js, p, len);

    if (len == 0 || faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) {
        return "it is no JSON object";
    }

    while ((rc = faas_json_member(&js, &key, &klen)) == 1) {
        error = faas_verdict_member(said, &js, key, klen);

        if (error != NULL) {
            return error;
        }
    }

    if (rc != 0 || faas_json_end(&js) != 0) {
        return "it is no JSON object";
    }

    if (faas_verdict_simple(said)) {
        return said->allowed == -1 ? "\"isAuthorized\" is missing" : NULL;
    }

    return said->principal.data == NULL ? "\"principalId\" is missing"
           : said->policy.data == NULL ? "\"policyDocument\" is missing"
           : NULL;
}


/* The value is of that type, and comes once. */

static int
faas_verdict_take(faas_json_t *js, faas_verdict_text_t *text,
    faas_json_type_e type)
{
    return text->data == NULL && faas_json_peek(js) == type
           && faas_json_skip(js, &text->data, &text->len) == 0;
}


static const char *
faas_verdict_member(faas_verdict_said_t *said, faas_json_t *js,
    unsigned char *key, size_t klen)
{
    int                simple;
    size_t             len;
    unsigned char     *value;
    faas_json_type_e   type;

    simple = faas_verdict_simple(said);
    type = faas_json_peek(js);

    if (simple && faas_verdict_key(key, klen, "isAuthorized")) {

        if (said->allowed != -1
            || (type != FAAS_JSON_TRUE && type != FAAS_JSON_FALSE))
        {
            return "\"isAuthorized\" is no boolean";
        }

        said->allowed = (type == FAAS_JSON_TRUE);

    } else if (!simple && faas_verdict_key(key, klen, "principalId")) {
        return faas_verdict_take(js, &said->principal, FAAS_JSON_STRING)
               ? NULL : "\"principalId\" is no string";

    } else if (!simple && faas_verdict_key(key, klen, "policyDocument")) {
        return faas_verdict_take(js, &said->policy, FAAS_JSON_OBJECT)
               ? NULL : "\"policyDocument\" is no object";

    } else if (faas_verdict_key(key, klen, "context")
               && type != FAAS_JSON_NULL)
    {
        return faas_verdict_take(js, &said->context, FAAS_JSON_OBJECT)
               ? NULL : "\"context\" is no object";
    }

    return faas_json_skip(js, &value, &len) == 0 ? NULL
                                                 : "it is no JSON object";
}


static faas_verdict_t *
faas_verdict_make(faas_verdict_said_t *said, const faas_policy_t *policy,
    const char **error)
{
    size_t           psize, context;
    unsigned char   *p;
    faas_verdict_t  *v;

    psize = policy ? (faas_policy_size(policy) + 7) / 8 * 8 : 0;

    /* a value may get quotes: the shortest member, "":0, grows by half */

    v = malloc(sizeof(faas_verdict_t) + psize + said->principal.len
               + 2 * said->context.len + 2);

    if (v == NULL) {
        *error = "no memory";
        return NULL;
    }

    memset(v, 0, sizeof(faas_verdict_t));

    v->allowed = (said->allowed == 1);
    v->policy = (uint32_t) psize;
    v->principal = (uint32_t) said->principal.len;

    p = v->data;

    if (policy != NULL) {
        memset(p + psize - 8, 0, 8);
        memcpy(p, policy, faas_policy_size(policy));
        p += psize;

        memcpy(p, said->principal.data, said->principal.len);
        p += said->principal.len;
    }

    *error = faas_verdict_copy(said, p, &context);

    if (*error != NULL) {
        free(v);
        return NULL;
    }

    v->context = (uint32_t) context;
    v->size = (uint32_t) (p + context - (unsigned char *) v);

    return v;
}


/* One member of the context, behind a comma. */

static unsigned char *
faas_verdict_put(unsigned char *p, faas_verdict_text_t *key,
    faas_verdict_text_t *value, int quote)
{
    *p++ = ',';
    *p++ = '"';
    memcpy(p, key->data, key->len);
    p += key->len;
    *p++ = '"';
    *p++ = ':';

    if (quote) {
        *p++ = '"';
    }

    memcpy(p, value->data, value->len);
    p += value->len;

    if (quote) {
        *p++ = '"';
    }

    return p;
}


/*
 * What the gateway itself says beside the context is not to be had twice: of
 * two members a function would see the one that the authorizer has chosen.
 */

static const char *
faas_verdict_copy(faas_verdict_said_t *said, unsigned char *out, size_t *len)
{
    unsigned char        *p;
    faas_json_t           js;
    faas_json_type_e      type;
    faas_verdict_text_t   key, value;

    *len = 0;

    if (said->context.data == NULL) {
        return NULL;
    }

    p = out;

    faas_json_init(&js, said->context.data, said->context.len);
    (void) faas_json_enter(&js, FAAS_JSON_OBJECT);

    while (faas_json_member(&js, &key.data, &key.len) == 1) {
        type = faas_json_peek(&js);
        (void) faas_json_skip(&js, &value.data, &value.len);

        if ((said->flags & FAAS_VERDICT_TEXTS)
            && (type == FAAS_JSON_OBJECT || type == FAAS_JSON_ARRAY
                || type == FAAS_JSON_NULL))
        {
            return "a value in \"context\" is no string, number or boolean";
        }

        if (!faas_verdict_simple(said)
            && (faas_verdict_key(key.data, key.len, "principalId")
                || faas_verdict_key(key.data, key.len, "integrationLatency")))
        {
            continue;
        }

        p = faas_verdict_put(p, &key, &value, type == FAAS_JSON_STRING
                             || (said->flags & FAAS_VERDICT_TEXTS));
    }

    if (p == out) {
        p++;
    }

    out[0] = '{';
    *p++ = '}';

    *len = faas_json_compact(out, (size_t) (p - out));

    return NULL;
}


const faas_policy_t *
faas_verdict_policy(const faas_verdict_t *v)
{
    return v->policy ? (const faas_policy_t *) v->data : NULL;
}


const unsigned char *
faas_verdict_principal(const faas_verdict_t *v, size_t *len)
{
    *len = v->principal;

    return v->policy ? v->data + v->policy : NULL;
}


const unsigned char *
faas_verdict_context(const faas_verdict_t *v, size_t *len)
{
    *len = v->context;

    return v->context ? v->data + v->policy + v->principal : NULL;
}
