/*
 * Which headers of a request are signed.  Runs in nginx workers and in tests;
 * takes no locks.
 */

#include <string.h>

#include "faas_sigv4_core.h"


static faas_sigv4_e faas_sigv4_signed_one(faas_sigv4_t *s,
    const faas_sigv4_request_t *r, const faas_sigv4_str_t *name);
static int faas_sigv4_in_list(faas_sigv4_str_t list,
    const faas_sigv4_str_t *name);


faas_sigv4_e
faas_sigv4_signed(faas_sigv4_t *s, const faas_sigv4_request_t *r)
{
    size_t                      i;
    unsigned                    n;
    faas_sigv4_e                rc;
    faas_sigv4_str_t            list, name;
    const faas_sigv4_header_t  *h;

    static const faas_sigv4_str_t  host = {
        (const unsigned char *) "host", 4
    };

    list = s->signed_headers;

    for (n = 0; faas_sigv4_next_signed(&list, &name); n++) {

        if (n == FAAS_SIGV4_SIGNED) {
            return faas_sigv4_incomplete(s, "Too many headers are signed.");
        }

        rc = faas_sigv4_signed_one(s, r, &name);

        if (rc != FAAS_SIGV4_OK) {
            return rc;
        }

        if (list.data && faas_sigv4_in_list(list, &name)) {
            return faas_sigv4_incomplete(s, "A name is repeated in "
                                         "SignedHeaders.");
        }
    }

    if (!faas_sigv4_in_list(s->signed_headers, &host)) {
        s->detail = "'Host' or ':authority' must be a 'SignedHeader' in the "
                    "AWS Authorization.";
        return FAAS_SIGV4_UNSIGNED;
    }

    for (i = 0; i < r->n_headers; i++) {
        h = &r->headers[i];

        name.data = h->name.data;
        name.len = 6;

        if (h->name.len < 6
            || !faas_sigv4_named(&name, (const unsigned char *) "x-amz-", 6))
        {
            continue;
        }

        if (!faas_sigv4_in_list(s->signed_headers, &h->name)) {
            s->detail = "There were headers present in the request which "
                        "were not signed.";
            return FAAS_SIGV4_UNSIGNED;
        }
    }

    return FAAS_SIGV4_OK;
}


int
faas_sigv4_next_signed(faas_sigv4_str_t *list, faas_sigv4_str_t *name)
{
    size_t                n;
    const unsigned char  *p;

    if (list->data == NULL) {
        return 0;
    }

    p = list->len ? memchr(list->data, ';', list->len) : NULL;
    n = p ? (size_t) (p - list->data) : list->len;

    name->data = list->data;
    name->len = n;

    /* a last name may be empty: NULL, not a length, is the end */

    list->data = p ? p + 1 : NULL;
    list->len = p ? list->len - n - 1 : 0;

    return 1;
}


static faas_sigv4_e
faas_sigv4_signed_one(faas_sigv4_t *s, const faas_sigv4_request_t *r,
    const faas_sigv4_str_t *name)
{
    size_t                   i;
    unsigned                 found;
    unsigned char            c;
    const faas_sigv4_str_t  *value;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];

        if (c <= ' ' || c == ':' || c >= 0x7f || (c >= 'A' && c <= 'Z')) {
            break;
        }
    }

    if (name->len == 0 || i < name->len) {
        return faas_sigv4_incomplete(s, "SignedHeaders must be names in lower "
                                     "case, separated by semicolons.");
    }

    found = 0;

    for (i = 0; i < r->n_headers; i++) {

        if (!faas_sigv4_named(&r->headers[i].name, name->data, name->len)) {
            continue;
        }

        found = 1;
        value = &r->headers[i].value;

        /* a line of the canonical request must not become two */

        if (value->len && (memchr(value->data, '\n', value->len) != NULL
                           || memchr(value->data, '\r', value->len) != NULL
                           || memchr(value->data, '\0', value->len) != NULL))
        {
            return faas_sigv4_incomplete(s, "A signed header has a control "
                                         "character.");
        }
    }

    /* one that is taken away is not one that was empty */

    return found ? FAAS_SIGV4_OK : FAAS_SIGV4_MISMATCH;
}


/* The name in any case. */

static int
faas_sigv4_in_list(faas_sigv4_str_t list, const faas_sigv4_str_t *name)
{
    faas_sigv4_str_t  one;

    while (faas_sigv4_next_signed(&list, &one)) {

        if (faas_sigv4_named(name, one.data, one.len)) {
            return 1;
        }
    }

    return 0;
}
