/*
 * Signature Version 4, step one: what a request says of its signature, see
 * faas_sigv4.h.  Runs in nginx workers and in tests; takes no locks.
 */

#include <string.h>

#include "faas_sigv4_core.h"


/* The headers that are no more than once in a signed request. */

typedef struct {
    faas_sigv4_str_t      authorization;
    faas_sigv4_str_t      amz_date;
    faas_sigv4_str_t      date;
    faas_sigv4_str_t      token;
    faas_sigv4_str_t      hash;
} faas_sigv4_found_t;


static faas_sigv4_e faas_sigv4_form(faas_sigv4_t *s,
    const faas_sigv4_request_t *r, faas_sigv4_found_t *found);
static faas_sigv4_e faas_sigv4_find(faas_sigv4_t *s,
    const faas_sigv4_request_t *r, faas_sigv4_found_t *found);
static faas_sigv4_e faas_sigv4_header_form(faas_sigv4_t *s,
    const faas_sigv4_found_t *found);
static faas_sigv4_e faas_sigv4_query_form(faas_sigv4_t *s,
    const faas_sigv4_found_t *found);
static faas_sigv4_e faas_sigv4_authorization(faas_sigv4_t *s,
    const faas_sigv4_str_t *value);
static faas_sigv4_e faas_sigv4_part(faas_sigv4_t *s,
    const faas_sigv4_str_t *part);
static faas_sigv4_e faas_sigv4_credential(faas_sigv4_t *s,
    const faas_sigv4_request_t *r);
static faas_sigv4_e faas_sigv4_times(const faas_sigv4_t *s,
    const faas_sigv4_request_t *r);
static faas_sigv4_e faas_sigv4_payload(faas_sigv4_t *s,
    const faas_sigv4_request_t *r, const faas_sigv4_str_t *header);
static int faas_sigv4_hash_ok(const faas_sigv4_str_t *s);
static int faas_sigv4_name_ok(const faas_sigv4_str_t *s);
static faas_sigv4_str_t faas_sigv4_trim(const unsigned char *p, size_t n);


faas_sigv4_e
faas_sigv4_parse(faas_sigv4_t *s, const faas_sigv4_request_t *r)
{
    faas_sigv4_e        rc;
    faas_sigv4_found_t  found;

    /* all but the buffer, which is large */

    memset(s, 0, offsetof(faas_sigv4_t, text));

    if (r->path.len > FAAS_SIGV4_PATH || r->query.len > FAAS_SIGV4_QUERY
        || r->n_headers > FAAS_SIGV4_HEADERS)
    {
        return faas_sigv4_incomplete(s, "The request is too long to be "
                                     "signed.");
    }

    rc = faas_sigv4_form(s, r, &found);

    if (rc == FAAS_SIGV4_OK) {
        rc = faas_sigv4_credential(s, r);
    }

    if (rc == FAAS_SIGV4_OK) {
        rc = faas_sigv4_times(s, r);
    }

    if (rc == FAAS_SIGV4_OK) {
        rc = faas_sigv4_signed(s, r);
    }

    if (rc == FAAS_SIGV4_OK) {
        rc = faas_sigv4_payload(s, r, &found.hash);
    }

    if (rc == FAAS_SIGV4_OK && s->token.len > FAAS_SIGV4_TOKEN) {
        return faas_sigv4_incomplete(s, "X-Amz-Security-Token is too long.");
    }

    /* AWS writes it in lower case and compares texts */

    if (rc == FAAS_SIGV4_OK && !faas_sigv4_hash_ok(&s->signature)) {
        return FAAS_SIGV4_MISMATCH;
    }

    s->parsed = (rc == FAAS_SIGV4_OK);

    return rc;
}


/* Finds out which of both forms it is, and reads it. */

static faas_sigv4_e
faas_sigv4_form(faas_sigv4_t *s, const faas_sigv4_request_t *r,
    faas_sigv4_found_t *found)
{
    faas_sigv4_e  rc;

    rc = faas_sigv4_find(s, r, found);

    if (rc != FAAS_SIGV4_OK) {
        return rc;
    }

    rc = faas_sigv4_query_parse(s, r);

    if (rc == FAAS_SIGV4_OK) {
        return faas_sigv4_query_form(s, found);
    }

    if (rc == FAAS_SIGV4_MISSING && found->authorization.data != NULL) {
        return faas_sigv4_header_form(s, found);
    }

    return rc;
}


/* One pass over the headers, of which there may be many. */

static faas_sigv4_e
faas_sigv4_find(faas_sigv4_t *s, const faas_sigv4_request_t *r,
    faas_sigv4_found_t *found)
{
    size_t                      i, n;
    const faas_sigv4_header_t  *h;

    const struct {
        const char        *name;
        size_t             len;
        faas_sigv4_str_t  *value;
    } known[] = {
        { "authorization", 13, &found->authorization },
        { "x-amz-date", 10, &found->amz_date },
        { "date", 4, &found->date },
        { "x-amz-security-token", 20, &found->token },
        { "x-amz-content-sha256", 20, &found->hash }
    };

    memset(found, 0, sizeof(*found));

    for (i = 0; i < r->n_headers; i++) {
        h = &r->headers[i];

        for (n = 0; n < sizeof(known) / sizeof(known[0]); n++) {

            if (!faas_sigv4_named(&h->name,
                                  (const unsigned char *) known[n].name,
                                  known[n].len))
            {
                continue;
            }

            /* which of two counts would be anyone's guess */

            if (known[n].value->data != NULL) {
                return faas_sigv4_incomplete(s, "A header of the signature "
                                             "is repeated.");
            }

            *known[n].value = faas_sigv4_trim(h->value.data, h->value.len);
            break;
        }
    }

    return FAAS_SIGV4_OK;
}


static faas_sigv4_e
faas_sigv4_header_form(faas_sigv4_t *s, const faas_sigv4_found_t *found)
{
    faas_sigv4_e             rc;
    const faas_sigv4_str_t  *date;

    /* "X-Amz-..." of the query belong to the other form */

    memset(s, 0, offsetof(faas_sigv4_t, text));

    rc = faas_sigv4_authorization(s, &found->authorization);

    if (rc != FAAS_SIGV4_OK) {
        return rc;
    }

    date = found->amz_date.data ? &found->amz_date : &found->date;

    if (s->credential.data == NULL) {
        s->lacking |= FAAS_SIGV4_NO_CREDENTIAL;
    }

    if (s->signature.len == 0) {
        s->lacking |= FAAS_SIGV4_NO_SIGNATURE;
    }

    if (s->signed_headers.len == 0) {
        s->lacking |= FAAS_SIGV4_NO_SIGNED;
    }

    if (date->len == 0) {
        s->lacking |= FAAS_SIGV4_NO_DATE;
    }

    if (s->lacking) {
        return FAAS_SIGV4_INCOMPLETE;
    }

    if (faas_sigv4_time_iso(date, &s->time) != 0
        && (date == &found->amz_date
            || faas_sigv4_time_http(date, &s->time) != 0))
    {
        return faas_sigv4_incomplete(s, "Date must be in ISO-8601 'basic "
                                     "format'.");
    }

    s->token = found->token;

    return FAAS_SIGV4_OK;
}


/* The query was read already. */

static faas_sigv4_e
faas_sigv4_query_form(faas_sigv4_t *s, const faas_sigv4_found_t *found)
{
    unsigned  i;
    int64_t   value;

    if (found->authorization.data != NULL) {
        return faas_sigv4_incomplete(s, "Only one of the Authorization "
                                     "header and the query-string parameters "
                                     "may be used.");
    }

    s->lacking |= (s->algorithm.len ? 0 : FAAS_SIGV4_NO_ALGORITHM)
                  | (s->credential.len ? 0 : FAAS_SIGV4_NO_CREDENTIAL)
                  | (s->signature.len ? 0 : FAAS_SIGV4_NO_SIGNATURE)
                  | (s->signed_headers.len ? 0 : FAAS_SIGV4_NO_SIGNED)
                  | (s->date_text.len ? 0 : FAAS_SIGV4_NO_DATE)
                  | (s->expires_text.len ? 0 : FAAS_SIGV4_NO_EXPIRES);

    if (s->lacking) {
        return FAAS_SIGV4_INCOMPLETE;
    }

    if (!faas_sigv4_eq(&s->algorithm, FAAS_SIGV4_ALGORITHM)) {
        return faas_sigv4_incomplete(s, "Unsupported AWS 'algorithm'.");
    }

    if (faas_sigv4_time_iso(&s->date_text, &s->time) != 0) {
        return faas_sigv4_incomplete(s, "Date must be in ISO-8601 'basic "
                                     "format'.");
    }

    value = 0;

    for (i = 0; i < s->expires_text.len; i++) {

        if (s->expires_text.data[i] < '0' || s->expires_text.data[i] > '9'
            || value > FAAS_SIGV4_EXPIRES)
        {
            value = 0;
            break;
        }

        value = value * 10 + (s->expires_text.data[i] - '0');
    }

    if (value < 1 || value > FAAS_SIGV4_EXPIRES) {
        return faas_sigv4_incomplete(s, "X-Amz-Expires must be between 1 and "
                                     "604800 seconds.");
    }

    s->expires = value;

    if (found->token.data != NULL && s->token.data != NULL) {
        return faas_sigv4_incomplete(s, "X-Amz-Security-Token is repeated.");
    }

    if (found->token.data != NULL) {
        s->token = found->token;
    }

    return FAAS_SIGV4_OK;
}


/* "AWS4-HMAC-SHA256 Credential=..., SignedHeaders=..., Signature=..." */

static faas_sigv4_e
faas_sigv4_authorization(faas_sigv4_t *s, const faas_sigv4_str_t *value)
{
    faas_sigv4_e          rc;
    faas_sigv4_str_t      part;
    const unsigned char  *p, *last, *end;

    p = value->data;
    last = p + value->len;

    if (value->len > FAAS_SIGV4_AUTH) {
        return faas_sigv4_incomplete(s, "The Authorization header is too "
                                     "long.");
    }

    while (p < last && *p != ' ') {
        p++;
    }

    s->algorithm.data = value->data;
    s->algorithm.len = (size_t) (p - value->data);

    if (!faas_sigv4_eq(&s->algorithm, FAAS_SIGV4_ALGORITHM)) {

        /* of another scheme nothing is found, and all is lacking */

        if (s->algorithm.len < 5 || memcmp(value->data, "AWS4-", 5) != 0) {
            return FAAS_SIGV4_OK;
        }

        return faas_sigv4_incomplete(s, "Unsupported AWS 'algorithm'.");
    }

    part = faas_sigv4_trim(p, (size_t) (last - p));

    if (part.len == 0) {
        return FAAS_SIGV4_OK;
    }

    do {
        end = memchr(p, ',', (size_t) (last - p));
        part = faas_sigv4_trim(p, (size_t) ((end ? end : last) - p));
        rc = faas_sigv4_part(s, &part);

        if (rc != FAAS_SIGV4_OK) {
            return rc;
        }

        p = end ? end + 1 : last;

    } while (end != NULL);

    return FAAS_SIGV4_OK;
}


static faas_sigv4_e
faas_sigv4_part(faas_sigv4_t *s, const faas_sigv4_str_t *part)
{
    faas_sigv4_str_t      name, *value;
    const unsigned char  *p;

    p = part->len ? memchr(part->data, '=', part->len) : NULL;

    if (p == NULL) {
        return faas_sigv4_incomplete(s, "A key=value pair is not valid "
                                     "(missing equal-sign) in Authorization "
                                     "header.");
    }

    name.data = part->data;
    name.len = (size_t) (p - part->data);

    if (faas_sigv4_eq(&name, "Credential")) {
        value = &s->credential;

    } else if (faas_sigv4_eq(&name, "SignedHeaders")) {
        value = &s->signed_headers;

    } else if (faas_sigv4_eq(&name, "Signature")) {
        value = &s->signature;

    } else {
        return faas_sigv4_incomplete(s, "Authorization header has an unknown "
                                     "parameter.");
    }

    if (value->data != NULL) {
        return faas_sigv4_incomplete(s, "Authorization header has a "
                                     "parameter twice.");
    }

    value->data = p + 1;
    value->len = part->len - name.len - 1;

    return FAAS_SIGV4_OK;
}


/* "AKID/20260102/us-east-1/lambda/aws4_request" */

static faas_sigv4_e
faas_sigv4_credential(faas_sigv4_t *s, const faas_sigv4_request_t *r)
{
    unsigned              i;
    faas_sigv4_str_t      parts[5], rest;
    const unsigned char  *p;

    rest = s->credential;

    for (i = 0; i < 5; i++) {
        p = rest.len ? memchr(rest.data, '/', rest.len) : NULL;

        if ((p == NULL) != (i == 4)) {
            return faas_sigv4_incomplete(s, "Credential must have exactly 5 "
                                         "slash-delimited elements, e.g. "
                                         "keyid/date/region/service/term.");
        }

        parts[i].data = rest.data;
        parts[i].len = p ? (size_t) (p - rest.data) : rest.len;

        if (p != NULL) {
            rest.data = p + 1;
            rest.len -= parts[i].len + 1;
        }
    }

    s->access_key = parts[0];
    s->date = parts[1];
    s->region = parts[2];
    s->service = parts[3];

    if (!faas_sigv4_name_ok(&s->access_key) || !faas_sigv4_name_ok(&s->date)
        || !faas_sigv4_name_ok(&s->region) || !faas_sigv4_name_ok(&s->service))
    {
        return faas_sigv4_incomplete(s, "Credential has an element that is "
                                     "empty, too long or not of letters and "
                                     "digits.");
    }

    faas_sigv4_time_text(s->timestamp, s->time);

    /* all that is wrong is told at once, as AWS does it */

    if (r->region != NULL
        && !faas_sigv4_is(&s->region, r->region, strlen(r->region)))
    {
        s->scope |= FAAS_SIGV4_BAD_REGION;
    }

    if (!faas_sigv4_is(&s->service, r->service, strlen(r->service))) {
        s->scope |= FAAS_SIGV4_BAD_SERVICE;
    }

    if (!faas_sigv4_eq(&parts[4], FAAS_SIGV4_TERMINATOR)) {
        s->scope |= FAAS_SIGV4_BAD_TERMINATOR;
    }

    if (!faas_sigv4_is(&s->date, s->timestamp, 8)) {
        s->scope |= FAAS_SIGV4_BAD_DATE;
    }

    return s->scope ? FAAS_SIGV4_SCOPE : FAAS_SIGV4_OK;
}


/*
 * Clocks may differ, but the end of a presigned URL is what its maker wanted:
 * no skew is added to it.
 */

static faas_sigv4_e
faas_sigv4_times(const faas_sigv4_t *s, const faas_sigv4_request_t *r)
{
    int64_t  good_for;

    good_for = s->presigned ? s->expires : (int64_t) r->skew;

    if (s->time > r->now + (int64_t) r->skew) {
        return FAAS_SIGV4_EARLY;
    }

    return (s->time + good_for < r->now) ? FAAS_SIGV4_EXPIRED : FAAS_SIGV4_OK;
}


static faas_sigv4_e
faas_sigv4_payload(faas_sigv4_t *s, const faas_sigv4_request_t *r,
    const faas_sigv4_str_t *header)
{
    /* a presigned URL may have it as a parameter */

    if (header->data != NULL) {

        if (s->payload_hash.data != NULL) {
            return faas_sigv4_incomplete(s, "X-Amz-Content-Sha256 is "
                                         "repeated.");
        }

        s->payload_hash = *header;
    }

    if (s->payload_hash.data == NULL) {
        s->payload = FAAS_SIGV4_BODY;
        return FAAS_SIGV4_OK;
    }

    if (faas_sigv4_hash_ok(&s->payload_hash)) {
        s->payload = FAAS_SIGV4_DECLARED;
        return FAAS_SIGV4_OK;
    }

    /* STREAMING-... is what only S3 takes */

    if (r->allow_unsigned_payload
        && faas_sigv4_eq(&s->payload_hash, "UNSIGNED-PAYLOAD"))
    {
        s->payload = FAAS_SIGV4_UNSIGNED_PAYLOAD;
        return FAAS_SIGV4_OK;
    }

    return faas_sigv4_incomplete(s, "X-Amz-Content-Sha256 must be the SHA-256 "
                                 "of the body in hexadecimal.");
}


static int
faas_sigv4_hash_ok(const faas_sigv4_str_t *s)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < s->len; i++) {
        c = s->data[i];

        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) {
            return 0;
        }
    }

    return s->len == FAAS_SIGV4_HASH_LEN;
}


static int
faas_sigv4_name_ok(const faas_sigv4_str_t *s)
{
    size_t  i;

    for (i = 0; i < s->len; i++) {

        /* neither what JSON escapes nor what is encoded */

        if (!faas_sigv4_unreserved(s->data[i])) {
            return 0;
        }
    }

    return s->len > 0 && s->len <= FAAS_SIGV4_NAME;
}


static faas_sigv4_str_t
faas_sigv4_trim(const unsigned char *p, size_t n)
{
    faas_sigv4_str_t  s;

    while (n && (*p == ' ' || *p == '\t')) {
        p++;
        n--;
    }

    while (n && (p[n - 1] == ' ' || p[n - 1] == '\t')) {
        n--;
    }

    /* what is there but empty is not what is not there */

    s.data = n ? p : (const unsigned char *) "";
    s.len = n;

    return s;
}
