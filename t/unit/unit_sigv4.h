/*
 * Requests for the tests of Signature Version 4, and both steps of its check.
 * To be included by one test program after cmocka.h.
 */

#ifndef _UNIT_SIGV4_H_INCLUDED_
#define _UNIT_SIGV4_H_INCLUDED_


#include "faas_sigv4_core.h"


#define NOW      1767323045                   /* 20260102T030405Z */
#define SECRET   "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define BODY     "{\"a\":1}"
#define SHA      "015abd7f5cc57a2dd94b7590f04ad808"                           \
                 "4273905ee33ec5cebeae62276a97f862"

#define CRED     "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/us-east-1/"
#define LAMBDA   CRED "lambda/aws4_request, "
#define EXECUTE  CRED "execute-api/aws4_request, "
#define HOST     "host: 127.0.0.1:9000\n"
#define DATED    HOST "x-amz-date: 20260102T030405Z\n"
#define SIGNED   "SignedHeaders=host;x-amz-date, Signature="
#define AUTH     "Authorization: "

#define PRESIGN  "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="         \
                 "AKIDEXAMPLE%2F20260102%2Fus-east-1%2Fexecute-api"           \
                 "%2Faws4_request&X-Amz-Date=20260102T030405Z"
#define PRESIGN_REST                                                          \
    "&X-Amz-SignedHeaders=host&X-Amz-Signature="                              \
    "bdb141907ac1a157bbb75403447e9e1642e014e4e567951ab886d09d1db00bb8"


typedef struct {
    const char  *method;
    const char  *path;
    const char  *query;
    const char  *headers;                     /* a line each */
    const char  *body;
} sent_t;

typedef struct {
    faas_sigv4_request_t  r;
    faas_sigv4_header_t   headers[FAAS_SIGV4_HEADERS + 1];
    faas_sigv4_t          s;
    char                  message[FAAS_SIGV4_MESSAGE];
} scene_t;

static scene_t  scene;


/* made with botocore 1.43, as all signatures of these tests */

static const sent_t  invoke = {
    "POST", "/2015-03-31/functions/arn%3Aaws%3Alambda%3Aus-east-1%3A"
    "000000000000%3Afunction%3Ahello%3Av1/invocations", "Qualifier=v1",
    "Content-Type: application/octet-stream\n" DATED
    "X-Amz-Invocation-Type: RequestResponse\n"
    "X-Amz-Security-Token: SESSIONTOKEN\n"
    AUTH LAMBDA "SignedHeaders=content-type;host;x-amz-date;"
    "x-amz-invocation-type;x-amz-security-token, Signature="
    "5f8945866df24c530dca7cff9b9bcde4e52399535d51875304e42b300d54649b\n",
    BODY
};

static const sent_t  presigned = {
    "GET", "/presigned", "x=1&y=a%20b&" PRESIGN "&X-Amz-Expires=900"
    PRESIGN_REST, HOST, ""
};

static const sent_t  dotted = {
    "GET", "/x/.", "", DATED AUTH EXECUTE SIGNED
    "be707904b650fa2b7437c349924e320ecadaccd1c3fdd9e1b0936b1091e29a1d", ""
};


static inline faas_sigv4_str_t
str(const char *s)
{
    faas_sigv4_str_t  text;

    text.data = (const unsigned char *) s;
    text.len = strlen(s);

    return text;
}


static inline void
request(const sent_t *sent, const char *service)
{
    size_t                 n;
    const char            *p;
    faas_sigv4_header_t   *h;
    faas_sigv4_request_t  *r;

    r = &scene.r;
    memset(r, 0, sizeof(*r));

    r->method = str(sent->method);
    r->path = str(sent->path);
    r->query = str(sent->query);
    r->headers = scene.headers;
    r->service = service;
    r->region = "us-east-1";
    r->now = NOW;
    r->skew = 300;

    for (p = sent->headers; *p; p += n + (p[n] == '\n')) {
        n = strcspn(p, "\n");

        assert_true(r->n_headers <= FAAS_SIGV4_HEADERS);
        h = &scene.headers[r->n_headers++];

        h->name.data = (const unsigned char *) p;
        h->name.len = strcspn(p, ":");
        h->value.data = h->name.data + h->name.len + 1;
        h->value.len = n - h->name.len - 1;
    }
}


static inline void
hash_of(const char *body, char *hash)
{
    size_t              i;
    faas_sigv4_body_t  *b;

    b = faas_sigv4_body_new();
    assert_non_null(b);

    for (i = 0; body[i]; i++) {
        assert_int_equal(faas_sigv4_body_update(b, (const unsigned char *)
                                                body + i, 1), 0);
    }

    assert_int_equal(faas_sigv4_body_final(b, hash), 0);
    faas_sigv4_body_free(b);
}


static inline faas_sigv4_e
second(const char *secret, const char *body)
{
    char           hash[FAAS_SIGV4_HASH_LEN + 1];
    faas_sigv4_t  *s;
    unsigned char  key[FAAS_SIGV4_KEY_LEN];

    s = &scene.s;
    hash_of(body, hash);

    assert_int_equal(faas_sigv4_key(key, (const unsigned char *) secret,
                                    strlen(secret), &s->date, &s->region,
                                    &s->service), 0);

    return faas_sigv4_verify(s, &scene.r, key, hash);
}


/* Both steps. */

static inline faas_sigv4_e
check_sent(const sent_t *sent, const char *service)
{
    faas_sigv4_e  rc;

    request(sent, service);
    rc = faas_sigv4_parse(&scene.s, &scene.r);

    return rc == FAAS_SIGV4_OK ? second(SECRET, sent->body) : rc;
}


static inline faas_sigv4_e
check_headers(const char *headers)
{
    sent_t  sent;

    sent = dotted;
    sent.headers = headers;

    return check_sent(&sent, "execute-api");
}


static inline faas_sigv4_e
check_query(const char *query)
{
    sent_t  sent;

    sent = presigned;
    sent.query = query;

    return check_sent(&sent, "execute-api");
}


static inline const char *
message(faas_sigv4_e rc)
{
    size_t  n;

    n = faas_sigv4_message(&scene.s, &scene.r, rc, scene.message,
                           sizeof(scene.message));
    assert_int_equal(n, strlen(scene.message));

    return scene.message;
}


#define assert_says(rc, text)  assert_string_equal(message(rc), text)
#define assert_incomplete(rc, text)                                           \
    do {                                                                      \
        assert_int_equal(rc, FAAS_SIGV4_INCOMPLETE);                          \
        assert_says(FAAS_SIGV4_INCOMPLETE, text);                             \
    } while (0)


#endif /* _UNIT_SIGV4_H_INCLUDED_ */
