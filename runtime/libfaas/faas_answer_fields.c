/*
 * Headers and cookies of an answer, see faas_answer.h.  Runs in nginx workers
 * and in tests; takes no locks.  Names and values come from user code: what
 * could split a response or belongs to the connection never gets out.
 */

#include <string.h>
#include <strings.h>

#include "faas_answer_core.h"


static int faas_answer_header(faas_answer_ctx_t *c, faas_answer_str_t *name,
    faas_answer_value_t *value, unsigned multi);
static int faas_answer_add(faas_answer_ctx_t *c,
    const faas_answer_str_t *name, faas_answer_str_t *value, unsigned multi);
static int faas_answer_rename(faas_answer_ctx_t *c, faas_answer_str_t *name);
static void faas_answer_text(faas_answer_value_t *value);
static int faas_answer_name_ok(const faas_answer_str_t *name);
static int faas_answer_value_ok(faas_answer_str_t *value);
static int faas_answer_equal(const faas_answer_str_t *a,
    const faas_answer_str_t *b);


static const faas_answer_str_t  faas_answer_content_type =
    faas_answer_string("content-type");

static const faas_answer_str_t  faas_answer_set_cookie =
    faas_answer_string("set-cookie");

/* RFC 9110, section 7.6.1, and the length that nginx finds out itself */

static const faas_answer_str_t  faas_answer_drop[] = {
    faas_answer_string("connection"),
    faas_answer_string("content-length"),
    faas_answer_string("keep-alive"),
    faas_answer_string("proxy-connection"),
    faas_answer_string("te"),
    faas_answer_string("trailer"),
    faas_answer_string("transfer-encoding"),
    faas_answer_string("upgrade")
};

/* REST APIs give these under another name: contract, section 7.3 */

static const faas_answer_str_t  faas_answer_remap[] = {
    faas_answer_string("x-amzn-Remapped-Authorization"),
    faas_answer_string("x-amzn-Remapped-Connection"),
    faas_answer_string("x-amzn-Remapped-Content-Length"),
    faas_answer_string("x-amzn-Remapped-Content-MD5"),
    faas_answer_string("x-amzn-Remapped-Date"),
    faas_answer_string("x-amzn-Remapped-Server"),
    faas_answer_string("x-amzn-Remapped-WWW-Authenticate")
};

#define FAAS_ANSWER_REMAPPED  (sizeof("x-amzn-Remapped-") - 1)


int
faas_answer_headers(faas_answer_ctx_t *c)
{
    faas_json_t           js;
    faas_answer_str_t     name;
    faas_answer_value_t  *headers, value;

    headers = &c->members[FAAS_ANSWER_FIELDS];

    if (headers->type == FAAS_JSON_BAD || headers->type == FAAS_JSON_NULL) {
        return 0;
    }

    faas_json_init(&js, headers->text.data, headers->text.len);

    if (faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) {
        return faas_answer_bad(c, "headers is not an object");
    }

    while (faas_json_member(&js, &name.data, &name.len) == 1) {
        value.type = faas_json_peek(&js);

        if (faas_json_skip(&js, &value.text.data, &value.text.len) != 0) {
            return faas_answer_bad(c, js.error);
        }

        name.len = faas_json_unescape(name.data, name.len);

        if (faas_answer_header(c, &name, &value, 0) != 0) {
            return -1;
        }
    }

    return 0;
}


/* {"name": ["value", ...], ...}: a header for each */

int
faas_answer_multi(faas_answer_ctx_t *c)
{
    int                   rc;
    faas_json_t           js;
    faas_answer_str_t     name;
    faas_answer_value_t  *headers, value;

    headers = &c->members[FAAS_ANSWER_MULTI];

    if (headers->type == FAAS_JSON_BAD || headers->type == FAAS_JSON_NULL) {
        return 0;
    }

    faas_json_init(&js, headers->text.data, headers->text.len);

    if (faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) {
        return faas_answer_bad(c, "multiValueHeaders is not an object");
    }

    while (faas_json_member(&js, &name.data, &name.len) == 1) {

        if (faas_json_enter(&js, FAAS_JSON_ARRAY) != 0) {
            return faas_answer_bad(c, "a value of multiValueHeaders is not "
                                      "an array");
        }

        name.len = faas_json_unescape(name.data, name.len);

        while ((rc = faas_json_element(&js)) == 1) {
            value.type = faas_json_peek(&js);

            if (faas_json_skip(&js, &value.text.data, &value.text.len) != 0) {
                return faas_answer_bad(c, js.error);
            }

            if (faas_answer_header(c, &name, &value, 1) != 0) {
                return -1;
            }
        }

        if (rc != 0) {
            return faas_answer_bad(c, js.error);
        }
    }

    return 0;
}


int
faas_answer_cookies(faas_answer_ctx_t *c)
{
    faas_json_t           js;
    faas_answer_value_t  *cookies, value;

    cookies = &c->members[FAAS_ANSWER_COOKIES];

    if (cookies->type == FAAS_JSON_BAD || cookies->type == FAAS_JSON_NULL) {
        return 0;
    }

    faas_json_init(&js, cookies->text.data, cookies->text.len);

    if (faas_json_enter(&js, FAAS_JSON_ARRAY) != 0) {
        return faas_answer_bad(c, "cookies is not an array");
    }

    while (faas_json_element(&js) == 1) {
        value.type = faas_json_peek(&js);

        if (faas_json_skip(&js, &value.text.data, &value.text.len) != 0) {
            return faas_answer_bad(c, js.error);
        }

        if (value.type != FAAS_JSON_STRING) {
            return faas_answer_bad(c, "a cookie is not a string");
        }

        faas_answer_text(&value);

        if (!faas_answer_value_ok(&value.text)) {
            return faas_answer_bad(c, "control character in a cookie");
        }

        if (faas_answer_add(c, &faas_answer_set_cookie, &value.text, 1)
            != 0)
        {
            return -1;
        }
    }

    return 0;
}


static int
faas_answer_header(faas_answer_ctx_t *c, faas_answer_str_t *name,
    faas_answer_value_t *value, unsigned multi)
{
    unsigned               i;
    faas_answer_str_t      shown;
    faas_answer_header_t  *h;

    if (value->type < FAAS_JSON_STRING || value->type == FAAS_JSON_NULL) {
        return faas_answer_bad(c, "a header is no string, number or boolean");
    }

    faas_answer_text(value);

    if (!faas_answer_name_ok(name)) {
        return faas_answer_bad(c, "a header name is not a token");
    }

    if (!faas_answer_value_ok(&value->text)) {
        return faas_answer_bad(c, "control character in a header");
    }

    shown = *name;

    if (faas_answer_rename(c, &shown) != 0) {
        return 0;
    }

    if (faas_answer_equal(&shown, &faas_answer_content_type)) {
        c->answer->has_content_type = 1;
    }

    /* the limit on headers keeps this cheap */

    for (i = 0; i < c->n && !multi; i++) {
        h = &c->headers[i];

        if (!faas_answer_equal(&shown, &h->name)) {
            continue;
        }

        if (!h->multi) {
            h->value = value->text;
            return 0;
        }

        shown = h->name;
    }

    return faas_answer_add(c, &shown, &value->text, multi);
}


static int
faas_answer_add(faas_answer_ctx_t *c, const faas_answer_str_t *name,
    faas_answer_str_t *value, unsigned multi)
{
    if (c->n == FAAS_ANSWER_HEADERS) {
        return faas_answer_bad(c, "too many headers");
    }

    c->headers[c->n].name = *name;
    c->headers[c->n].value = *value;
    c->headers[c->n].multi = multi;
    c->n++;

    return 0;
}


/* The value as text, without white space around it. */

static void
faas_answer_text(faas_answer_value_t *value)
{
    size_t          n;
    unsigned char  *p;

    p = value->text.data;
    n = value->text.len;

    if (value->type == FAAS_JSON_STRING) {
        n = faas_json_unescape(p, n);
    }

    while (n && (p[n - 1] == ' ' || p[n - 1] == '\t')) {
        n--;
    }

    while (n && (*p == ' ' || *p == '\t')) {
        p++;
        n--;
    }

    value->text.data = p;
    value->text.len = n;
}


/* token: RFC 9110, section 5.6.2 */

static int
faas_answer_name_ok(const faas_answer_str_t *name)
{
    size_t         i;
    unsigned char  c, letter;

    for (i = 0; i < name->len; i++) {
        c = name->data[i];
        letter = c | 0x20;

        if ((letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9')) {
            continue;
        }

        if (c == '\0' || strchr("!#$%&'*+-.^_`|~", c) == NULL) {
            return 0;
        }
    }

    return name->len > 0;
}


static int
faas_answer_value_ok(faas_answer_str_t *value)
{
    size_t         i;
    unsigned char  c;

    for (i = 0; i < value->len; i++) {
        c = value->data[i];

        if ((c < 0x20 && c != '\t') || c == 0x7f) {
            return 0;
        }
    }

    return 1;
}


/* -1: it does not go to the client. */

static int
faas_answer_rename(faas_answer_ctx_t *c, faas_answer_str_t *name)
{
    unsigned           i;
    faas_answer_str_t  other;

    for (i = 0; i < sizeof(faas_answer_remap) / sizeof(faas_answer_remap[0])
                && c->format == FAAS_ANSWER_REST;
         i++)
    {
        other = faas_answer_remap[i];
        other.data += FAAS_ANSWER_REMAPPED;
        other.len -= FAAS_ANSWER_REMAPPED;

        if (faas_answer_equal(name, &other)) {
            *name = faas_answer_remap[i];
            return 0;
        }
    }

    for (i = 0; i < sizeof(faas_answer_drop) / sizeof(faas_answer_drop[0]);
         i++)
    {
        if (faas_answer_equal(name, &faas_answer_drop[i])) {
            return -1;
        }
    }

    return 0;
}


/* Without regard to case; both are tokens. */

static int
faas_answer_equal(const faas_answer_str_t *a, const faas_answer_str_t *b)
{
    return a->len == b->len
           && strncasecmp((char *) a->data, (char *) b->data, a->len) == 0;
}


int
faas_answer_bad(faas_answer_ctx_t *c, const char *error)
{
    c->answer->error = error;

    return -1;
}
