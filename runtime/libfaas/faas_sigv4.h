/*
 * AWS Signature Version 4: whether a request was signed with the secret of an
 * access key, in its Authorization header or in its query (presigned URLs).
 * No state beyond the caller's, no locks; runs in nginx workers and in tests.
 */

#ifndef _FAAS_SIGV4_H_INCLUDED_
#define _FAAS_SIGV4_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


/* What is beyond these is refused as incomplete; sizes are in bytes. */

#define FAAS_SIGV4_PATH       8192
#define FAAS_SIGV4_QUERY     32768
#define FAAS_SIGV4_PARAMS      256
#define FAAS_SIGV4_HEADERS    1024            /* of a request */
#define FAAS_SIGV4_AUTH       8192            /* Authorization header */
#define FAAS_SIGV4_SIGNED      128            /* names in SignedHeaders */
#define FAAS_SIGV4_NAME        128            /* key id, region, service */
#define FAAS_SIGV4_TOKEN      4096
#define FAAS_SIGV4_TEXT       8192            /* decoded query parameters */
#define FAAS_SIGV4_EXPIRES  604800            /* seconds */

#define FAAS_SIGV4_KEY_LEN      32
#define FAAS_SIGV4_HASH_LEN     64            /* hexadecimal */
#define FAAS_SIGV4_TIME_LEN     16            /* 20260102T030405Z */
#define FAAS_SIGV4_MESSAGE     768            /* holds any message */

/* the hash of an empty body */
#define FAAS_SIGV4_EMPTY                                                      \
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


typedef enum {
    FAAS_SIGV4_OK = 0,
    FAAS_SIGV4_MISSING,                       /* not signed at all */
    FAAS_SIGV4_INCOMPLETE,                    /* malformed */
    FAAS_SIGV4_SCOPE,                         /* other region, service, day */
    FAAS_SIGV4_EXPIRED,
    FAAS_SIGV4_EARLY,
    FAAS_SIGV4_UNSIGNED,                      /* host or an x-amz-* header */
    FAAS_SIGV4_MISMATCH,
    FAAS_SIGV4_FAILED,                        /* no memory */
    /* these are found out by the caller */
    FAAS_SIGV4_UNKNOWN_KEY,                   /* or a wrong session token */
    FAAS_SIGV4_TOKEN_EXPIRED
} faas_sigv4_e;

typedef enum {
    FAAS_SIGV4_BODY = 0,                      /* the body's hash is signed */
    FAAS_SIGV4_DECLARED,                      /* so is the one in a header */
    FAAS_SIGV4_UNSIGNED_PAYLOAD
} faas_sigv4_payload_e;

typedef struct {
    const unsigned char        *data;
    size_t                      len;
} faas_sigv4_str_t;

typedef struct {
    faas_sigv4_str_t            name;         /* in any case */
    faas_sigv4_str_t            value;
} faas_sigv4_header_t;

/* Of a request all is as it was on the wire; a header may be repeated. */

typedef struct {
    faas_sigv4_str_t            method;
    faas_sigv4_str_t            path;         /* percent-encoded, up to "?" */
    faas_sigv4_str_t            query;        /* behind "?" */
    const faas_sigv4_header_t  *headers;
    size_t                      n_headers;

    const char                 *service;      /* "lambda" */
    const char                 *region;       /* NULL: any */
    int64_t                     now;          /* seconds since 1970 */
    unsigned                    skew;         /* seconds: 300 */
    unsigned                    allow_unsigned_payload:1;
} faas_sigv4_request_t;

/*
 * What a request says of its signature.  Strings live in the request or in
 * "text": neither may move between the two steps.
 */

typedef struct {
    faas_sigv4_str_t            access_key;
    faas_sigv4_str_t            date;         /* these three are the scope */
    faas_sigv4_str_t            region;
    faas_sigv4_str_t            service;
    faas_sigv4_str_t            token;        /* session token, or len is 0 */
    faas_sigv4_payload_e        payload;
    faas_sigv4_str_t            payload_hash; /* as signed, unless BODY */
    unsigned                    presigned:1;
    unsigned                    parsed:1;     /* step one was passed */

    faas_sigv4_str_t            algorithm;
    faas_sigv4_str_t            credential;
    faas_sigv4_str_t            signed_headers;
    faas_sigv4_str_t            signature;
    faas_sigv4_str_t            date_text;
    faas_sigv4_str_t            expires_text;
    int64_t                     time;         /* when it was signed */
    int64_t                     expires;      /* seconds, of a presigned URL */
    char                        timestamp[FAAS_SIGV4_TIME_LEN + 1];

    const char                 *detail;       /* of INCOMPLETE: static */
    unsigned                    lacking;      /* parameters, a bit each */
    unsigned                    scope;        /* what is wrong with it */

    size_t                      used;
    unsigned char               text[FAAS_SIGV4_TEXT];
} faas_sigv4_t;


/*
 * Step one: all that can be refused without a secret and before the body is
 * there.  On OK the caller looks up s->access_key, and checks s->token.
 *
 * There is one signature, of AWS4-HMAC-SHA256: a header or parameter of it
 * that comes twice, or both forms at once, are refused.  An Authorization
 * header of another scheme is a malformed signature, as it is to AWS.
 * "host" and all x-amz-* headers must be signed; a signed header must be
 * there.  A presigned URL is good from "skew" before its time until it
 * expires, any other request for "skew" in both directions.
 */
faas_sigv4_e faas_sigv4_parse(faas_sigv4_t *s, const faas_sigv4_request_t *r);

/*
 * Step two: compares the signature.  hash is the body's (64 hexadecimal
 * digits, lower case); it may be NULL if s->payload is not BODY, so that a
 * wrong signature is refused early, and faas_sigv4_body_ok() must be called
 * once the body is known.  What has not passed step one fails.
 */
faas_sigv4_e faas_sigv4_verify(const faas_sigv4_t *s,
    const faas_sigv4_request_t *r, const unsigned char *key,
    const char *hash);

/* Whether the body is the one that was signed. */
int faas_sigv4_body_ok(const faas_sigv4_t *s, const char *hash);

/*
 * The signing key: the same for all requests of a day, region and service,
 * hence worth a cache.  0 or -1.
 */
int faas_sigv4_key(unsigned char *key, const unsigned char *secret,
    size_t len, const faas_sigv4_str_t *date, const faas_sigv4_str_t *region,
    const faas_sigv4_str_t *service);


/* --- the hash of a body, in pieces --- */

typedef struct evp_md_ctx_st  faas_sigv4_body_t;

/* NULL: no memory. */
faas_sigv4_body_t *faas_sigv4_body_new(void);
int faas_sigv4_body_update(faas_sigv4_body_t *b, const unsigned char *p,
    size_t n);

/* Writes 64 digits and a zero byte. */
int faas_sigv4_body_final(faas_sigv4_body_t *b, char *hash);

/* b may be NULL. */
void faas_sigv4_body_free(faas_sigv4_body_t *b);


/* --- what to answer --- */

/* For x-amzn-ErrorType; static. */
const char *faas_sigv4_type(faas_sigv4_e rc);

/*
 * The message for a result other than OK, at most FAAS_SIGV4_MESSAGE with its
 * zero byte.  It has nothing of the request in it that would have to be
 * escaped in JSON.  Returns the length.
 */
size_t faas_sigv4_message(const faas_sigv4_t *s,
    const faas_sigv4_request_t *r, faas_sigv4_e rc, char *buf, size_t size);


#endif /* _FAAS_SIGV4_H_INCLUDED_ */
