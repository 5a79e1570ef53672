/*
 * What the parts of faas_sigv4*.c share.  Runs in nginx workers and in tests;
 * takes no locks.
 */

#ifndef _FAAS_SIGV4_CORE_H_INCLUDED_
#define _FAAS_SIGV4_CORE_H_INCLUDED_


#include "faas_sigv4.h"


#define FAAS_SIGV4_ALGORITHM   "AWS4-HMAC-SHA256"
#define FAAS_SIGV4_TERMINATOR  "aws4_request"

/* faas_sigv4_t.lacking */
#define FAAS_SIGV4_NO_ALGORITHM   0x01
#define FAAS_SIGV4_NO_CREDENTIAL  0x02
#define FAAS_SIGV4_NO_SIGNATURE   0x04
#define FAAS_SIGV4_NO_SIGNED      0x08
#define FAAS_SIGV4_NO_DATE        0x10
#define FAAS_SIGV4_NO_EXPIRES     0x20

/* faas_sigv4_t.scope */
#define FAAS_SIGV4_BAD_REGION      0x01
#define FAAS_SIGV4_BAD_SERVICE     0x02
#define FAAS_SIGV4_BAD_TERMINATOR  0x04
#define FAAS_SIGV4_BAD_DATE        0x08


/* Gets the canonical request piece by piece.  Non-zero ends it. */
typedef int (*faas_sigv4_sink_pt)(void *ctx, const unsigned char *p,
    size_t n);

typedef struct {
    faas_sigv4_sink_pt    sink;
    void                 *ctx;
    int                   failed;
    size_t                n;
    unsigned char         buf[256];           /* bytes come one by one */
} faas_sigv4_out_t;

typedef struct {
    faas_sigv4_str_t      name;
    faas_sigv4_str_t      value;
} faas_sigv4_param_t;


static inline int
faas_sigv4_is(const faas_sigv4_str_t *s, const char *text, size_t len)
{
    size_t  i;

    if (s->len != len) {
        return 0;
    }

    for (i = 0; i < len; i++) {

        if (s->data[i] != (unsigned char) text[i]) {
            return 0;
        }
    }

    return 1;
}


#define faas_sigv4_eq(s, literal)                                             \
    faas_sigv4_is(s, literal, sizeof(literal) - 1)


static inline faas_sigv4_e
faas_sigv4_incomplete(faas_sigv4_t *s, const char *detail)
{
    s->detail = detail;

    return FAAS_SIGV4_INCOMPLETE;
}


/* What percent-encoding leaves as it is: RFC 3986, section 2.3. */

static inline int
faas_sigv4_unreserved(unsigned char c)
{
    return ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || (c >= '0' && c <= '9')
           || c == '-' || c == '_' || c == '.' || c == '~';
}


/* --- faas_sigv4_canon.c --- */

/* The canonical request.  0, or -1 if the sink wanted it. */
int faas_sigv4_canonical(const faas_sigv4_t *s, const faas_sigv4_request_t *r,
    const faas_sigv4_str_t *hash, faas_sigv4_sink_pt sink, void *ctx);

void faas_sigv4_put(faas_sigv4_out_t *out, const unsigned char *p, size_t n);
void faas_sigv4_encode(faas_sigv4_out_t *out, unsigned char c);

/* Whether a header's name is NAME, which is in lower case. */
int faas_sigv4_named(const faas_sigv4_str_t *name, const unsigned char *lower,
    size_t len);


/* --- faas_sigv4_signed.c --- */

/* Whether all is signed that must be, and all there that is signed. */
faas_sigv4_e faas_sigv4_signed(faas_sigv4_t *s, const faas_sigv4_request_t *r);

/* Takes the next name off a list of signed headers; 0 at its end. */
int faas_sigv4_next_signed(faas_sigv4_str_t *list, faas_sigv4_str_t *name);


/* --- faas_sigv4_query.c --- */

/*
 * Finds the parameters of a presigned URL.  MISSING: there are none; the
 * result may be INCOMPLETE.
 */
faas_sigv4_e faas_sigv4_query_parse(faas_sigv4_t *s,
    const faas_sigv4_request_t *r);

/* Parameters, sorted, without the signature. */
void faas_sigv4_query_put(faas_sigv4_out_t *out, const faas_sigv4_str_t *query);


/* --- faas_sigv4_time.c --- */

/* "20260102T030405Z"; 0 or -1. */
int faas_sigv4_time_iso(const faas_sigv4_str_t *s, int64_t *t);

/* "Fri, 02 Jan 2026 03:04:05 GMT"; 0 or -1. */
int faas_sigv4_time_http(const faas_sigv4_str_t *s, int64_t *t);

/* Writes FAAS_SIGV4_TIME_LEN bytes and a zero byte. */
void faas_sigv4_time_text(char *buf, int64_t t);


#endif /* _FAAS_SIGV4_CORE_H_INCLUDED_ */
