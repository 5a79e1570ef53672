/*
 * What a request that is not signed well is told.  Runs in nginx workers and
 * in tests; takes no locks.
 */

#include <stdarg.h>
#include <stdio.h>

#include "faas_sigv4_core.h"


typedef struct {
    char                 *p;
    char                 *last;
} faas_sigv4_message_t;


static void faas_sigv4_say(faas_sigv4_message_t *m, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
static void faas_sigv4_say_incomplete(faas_sigv4_message_t *m,
    const faas_sigv4_t *s);
static void faas_sigv4_say_scope(faas_sigv4_message_t *m,
    const faas_sigv4_t *s, const faas_sigv4_request_t *r);
static void faas_sigv4_say_time(faas_sigv4_message_t *m,
    const faas_sigv4_t *s, const faas_sigv4_request_t *r, faas_sigv4_e rc);


static const char  faas_sigv4_bad_text[] =
    "The request signature we calculated does not match the signature you "
    "provided. Check your AWS Secret Access Key and signing method. Consult "
    "the service documentation for details.";


const char *
faas_sigv4_type(faas_sigv4_e rc)
{
    switch (rc) {

    case FAAS_SIGV4_MISSING:
        return "MissingAuthenticationTokenException";

    case FAAS_SIGV4_INCOMPLETE:
        return "IncompleteSignatureException";

    case FAAS_SIGV4_UNKNOWN_KEY:
        return "UnrecognizedClientException";

    case FAAS_SIGV4_TOKEN_EXPIRED:
        return "ExpiredTokenException";

    case FAAS_SIGV4_OK:
    case FAAS_SIGV4_FAILED:
        return "ServiceException";

    default:
        return "InvalidSignatureException";
    }
}


size_t
faas_sigv4_message(const faas_sigv4_t *s, const faas_sigv4_request_t *r,
    faas_sigv4_e rc, char *buf, size_t size)
{
    faas_sigv4_message_t  m;

    if (size == 0) {
        return 0;
    }

    m.p = buf;
    m.last = buf + size;
    *buf = '\0';

    switch (rc) {

    case FAAS_SIGV4_MISSING:
        faas_sigv4_say(&m, "Missing Authentication Token");
        break;

    case FAAS_SIGV4_INCOMPLETE:
        faas_sigv4_say_incomplete(&m, s);
        break;

    case FAAS_SIGV4_SCOPE:
        faas_sigv4_say_scope(&m, s, r);
        break;

    case FAAS_SIGV4_EXPIRED:
    case FAAS_SIGV4_EARLY:
        faas_sigv4_say_time(&m, s, r, rc);
        break;

    case FAAS_SIGV4_UNSIGNED:
        faas_sigv4_say(&m, "%s", s->detail);
        break;

    case FAAS_SIGV4_UNKNOWN_KEY:
        faas_sigv4_say(&m, "The security token included in the request is "
                       "invalid.");
        break;

    case FAAS_SIGV4_TOKEN_EXPIRED:
        faas_sigv4_say(&m, "The security token included in the request is "
                       "expired");
        break;

    case FAAS_SIGV4_MISMATCH:
        faas_sigv4_say(&m, "%s", faas_sigv4_bad_text);
        break;

    default:
        faas_sigv4_say(&m, "Internal server error");
    }

    return (size_t) (m.p - buf);
}


/* Appends; what does not fit is cut off. */

static void
faas_sigv4_say(faas_sigv4_message_t *m, const char *fmt, ...)
{
    int      n;
    va_list  args;

    va_start(args, fmt);
    n = vsnprintf(m->p, (size_t) (m->last - m->p), fmt, args);
    va_end(args);

    if (n < 0) {
        return;
    }

    m->p = (n < m->last - m->p) ? m->p + n : m->last - 1;
}


static void
faas_sigv4_say_incomplete(faas_sigv4_message_t *m, const faas_sigv4_t *s)
{
    unsigned  i;

    static const struct {
        unsigned     bit;
        const char  *name;
    } names[] = {
        { FAAS_SIGV4_NO_ALGORITHM, "Algorithm" },
        { FAAS_SIGV4_NO_CREDENTIAL, "Credential" },
        { FAAS_SIGV4_NO_SIGNATURE, "Signature" },
        { FAAS_SIGV4_NO_SIGNED, "SignedHeaders" },
        { FAAS_SIGV4_NO_DATE, "Date" },
        { FAAS_SIGV4_NO_EXPIRES, "Expires" }
    };

    if (s->detail != NULL) {
        faas_sigv4_say(m, "%s", s->detail);
        return;
    }

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {

        if (!(s->lacking & names[i].bit)) {
            continue;
        }

        if (s->presigned) {
            faas_sigv4_say(m, "AWS query-string parameters must include "
                           "'X-Amz-%s'. ", names[i].name);

        } else if (names[i].bit == FAAS_SIGV4_NO_DATE) {
            faas_sigv4_say(m, "Authorization header requires existence of "
                           "either a 'X-Amz-Date' or a 'Date' header. ");

        } else {
            faas_sigv4_say(m, "Authorization header requires '%s' "
                           "parameter. ", names[i].name);
        }
    }

    if (s->presigned) {
        faas_sigv4_say(m, "Re-examine the query-string parameters.");

    } else if (s->lacking) {
        *--m->p = '\0';
    }
}


static void
faas_sigv4_say_scope(faas_sigv4_message_t *m, const faas_sigv4_t *s,
    const faas_sigv4_request_t *r)
{
    if (s->scope & FAAS_SIGV4_BAD_REGION) {
        faas_sigv4_say(m, "Credential should be scoped to a valid region.%s",
                       (s->scope & ~FAAS_SIGV4_BAD_REGION) ? " " : "");
    }

    /* AWS ends this with a space */

    if (s->scope & FAAS_SIGV4_BAD_SERVICE) {
        faas_sigv4_say(m, "Credential should be scoped to correct service: "
                       "'%.*s'. ", FAAS_SIGV4_NAME, r->service);
    }

    if (s->scope & FAAS_SIGV4_BAD_TERMINATOR) {
        faas_sigv4_say(m, "Credential should be scoped with a valid "
                       "terminator: '" FAAS_SIGV4_TERMINATOR "'.%s",
                       (s->scope & FAAS_SIGV4_BAD_DATE) ? " " : "");
    }

    if (s->scope & FAAS_SIGV4_BAD_DATE) {
        faas_sigv4_say(m, "Date in Credential scope does not match YYYYMMDD "
                       "from ISO-8601 version of date from HTTP: '%.*s' != "
                       "'%.8s', from '%s'.", (int) s->date.len,
                       (const char *) s->date.data, s->timestamp,
                       s->timestamp);
    }
}


/* SDKs correct their clock by the times in here. */

static void
faas_sigv4_say_time(faas_sigv4_message_t *m, const faas_sigv4_t *s,
    const faas_sigv4_request_t *r, faas_sigv4_e rc)
{
    char     limit[FAAS_SIGV4_TIME_LEN + 1], now[FAAS_SIGV4_TIME_LEN + 1];
    int64_t  span;

    span = r->skew;

    if (rc == FAAS_SIGV4_EXPIRED && s->presigned) {
        span = s->expires;
    }

    faas_sigv4_time_text(now, r->now);
    faas_sigv4_time_text(limit, rc == FAAS_SIGV4_EXPIRED ? r->now - span
                                                         : r->now + span);

    faas_sigv4_say(m, "Signature %s: %s is %s than %s (%s %c %u min.)",
                   rc == FAAS_SIGV4_EXPIRED ? "expired" : "not yet current",
                   s->timestamp,
                   rc == FAAS_SIGV4_EXPIRED ? "now earlier" : "still later",
                   limit, now, rc == FAAS_SIGV4_EXPIRED ? '-' : '+',
                   (unsigned) (span / 60));
}
