/*
 * Results to HTTP answers, see faas_answer.h.  Runs in nginx workers and in
 * tests; takes no locks.
 *
 * The result comes from user code and is hostile.  It is read twice: first
 * the whole document is checked and the members that matter are found, then
 * these are turned into text in place.  Only when all are good the caller
 * hears of headers, so that a bad result leaves no half-made answer.
 */

#include <string.h>
#include <strings.h>

#include "faas_answer.h"
#include "faas_base64.h"
#include "faas_json.h"


#define FAAS_ANSWER_STATUS_MIN  200
#define FAAS_ANSWER_STATUS_MAX  599

#define faas_answer_string(s)  { (unsigned char *) s, sizeof(s) - 1 }


typedef enum {
    FAAS_ANSWER_STATUS = 0,
    FAAS_ANSWER_FIELDS,                       /* "headers" */
    FAAS_ANSWER_COOKIES,
    FAAS_ANSWER_BODY,
    FAAS_ANSWER_BASE64,
    FAAS_ANSWER_MEMBERS
} faas_answer_member_e;

typedef struct {
    unsigned char        *data;
    size_t                len;
} faas_answer_str_t;

typedef struct {
    faas_json_type_e      type;               /* BAD: absent */
    faas_answer_str_t     text;               /* without quotes */
} faas_answer_value_t;

typedef struct {
    faas_answer_str_t     name;
    faas_answer_str_t     value;
} faas_answer_header_t;

typedef struct {
    faas_answer_t        *answer;
    faas_answer_value_t   result;
    faas_answer_value_t   members[FAAS_ANSWER_MEMBERS];
    unsigned              n;
    faas_answer_header_t  headers[FAAS_ANSWER_HEADERS];
} faas_answer_ctx_t;


static int faas_answer_read(faas_answer_ctx_t *c, unsigned char *json,
    size_t len);
static int faas_answer_members(faas_answer_ctx_t *c, faas_json_t *js);
static int faas_answer_infer(faas_answer_ctx_t *c);
static int faas_answer_status(faas_answer_ctx_t *c);
static int faas_answer_body(faas_answer_ctx_t *c);
static int faas_answer_headers(faas_answer_ctx_t *c);
static int faas_answer_cookies(faas_answer_ctx_t *c);
static int faas_answer_header(faas_answer_ctx_t *c, faas_answer_str_t *name,
    faas_answer_value_t *value);
static int faas_answer_add(faas_answer_ctx_t *c,
    const faas_answer_str_t *name, faas_answer_str_t *value);
static void faas_answer_text(faas_answer_value_t *value);
static int faas_answer_name_ok(const faas_answer_str_t *name);
static int faas_answer_value_ok(faas_answer_str_t *value);
static int faas_answer_dropped(const faas_answer_str_t *name);
static int faas_answer_equal(const faas_answer_str_t *a,
    const faas_answer_str_t *b);
static int faas_answer_bad(faas_answer_ctx_t *c, const char *error);


static const faas_answer_str_t  faas_answer_keys[FAAS_ANSWER_MEMBERS] = {
    faas_answer_string("statusCode"),
    faas_answer_string("headers"),
    faas_answer_string("cookies"),
    faas_answer_string("body"),
    faas_answer_string("isBase64Encoded")
};

static const faas_answer_str_t  faas_answer_content_type =
    faas_answer_string("content-type");

/* by default, and for a result that is the body */

static const faas_answer_str_t  faas_answer_types[] = {
    faas_answer_string("text/plain;charset=UTF-8"),
    faas_answer_string("application/json")
};

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


int
faas_answer_v2(unsigned char *json, size_t len, faas_answer_t *a,
    faas_answer_header_pt cb, void *ctx)
{
    unsigned                  i;
    faas_answer_ctx_t         c;
    faas_answer_header_t     *h;
    const faas_answer_str_t  *type;

    memset(a, 0, sizeof(faas_answer_t));

    c.answer = a;
    c.n = 0;

    if (faas_answer_read(&c, json, len) != 0) {
        return FAAS_ANSWER_BAD;
    }

    type = &faas_answer_types[a->inferred];

    if (!a->has_content_type
        && cb(ctx, faas_answer_content_type.data,
              faas_answer_content_type.len, type->data, type->len) != 0)
    {
        return FAAS_ANSWER_ABORT;
    }

    for (i = 0; i < c.n; i++) {
        h = &c.headers[i];

        if (cb(ctx, h->name.data, h->name.len, h->value.data, h->value.len)
            != 0)
        {
            return FAAS_ANSWER_ABORT;
        }
    }

    return FAAS_ANSWER_OK;
}


static int
faas_answer_read(faas_answer_ctx_t *c, unsigned char *json, size_t len)
{
    int                   rc;
    unsigned              i;
    faas_json_t           js;
    faas_answer_value_t  *result;

    for (i = 0; i < FAAS_ANSWER_MEMBERS; i++) {
        c->members[i].type = FAAS_JSON_BAD;
    }

    faas_json_init(&js, json, len);

    result = &c->result;
    result->type = faas_json_peek(&js);

    if (result->type == FAAS_JSON_OBJECT) {
        result->text.data = js.pos;
        rc = faas_answer_members(c, &js);
        result->text.len = (size_t) (js.pos - result->text.data);

    } else {
        rc = faas_json_skip(&js, &result->text.data, &result->text.len);
    }

    if (rc != 0 || faas_json_end(&js) != 0) {
        return faas_answer_bad(c, js.error);
    }

    if (c->members[FAAS_ANSWER_STATUS].type == FAAS_JSON_BAD) {
        return faas_answer_infer(c);
    }

    if (faas_answer_status(c) != 0
        || faas_answer_body(c) != 0
        || faas_answer_headers(c) != 0
        || faas_answer_cookies(c) != 0)
    {
        return -1;
    }

    return 0;
}


/* Checks an object and notes where the members that matter are. */

static int
faas_answer_members(faas_answer_ctx_t *c, faas_json_t *js)
{
    int                   rc;
    size_t                klen;
    unsigned              i;
    unsigned char        *key;
    faas_answer_value_t   value;

    if (faas_json_enter(js, FAAS_JSON_OBJECT) != 0) {
        return -1;
    }

    while ((rc = faas_json_member(js, &key, &klen)) == 1) {
        value.type = faas_json_peek(js);

        if (faas_json_skip(js, &value.text.data, &value.text.len) != 0) {
            return -1;
        }

        for (i = 0; i < FAAS_ANSWER_MEMBERS; i++) {

            if (faas_json_key_is(key, klen, (char *) faas_answer_keys[i].data,
                                 faas_answer_keys[i].len))
            {
                c->members[i] = value;
                break;
            }
        }
    }

    return rc;
}


/* The result itself is the body. */

static int
faas_answer_infer(faas_answer_ctx_t *c)
{
    faas_answer_t        *a;
    faas_answer_value_t  *result;

    a = c->answer;
    result = &c->result;

    if (result->type == FAAS_JSON_STRING) {
        result->text.len = faas_json_unescape(result->text.data,
                                              result->text.len);

    } else {
        result->text.len = faas_json_compact(result->text.data,
                                             result->text.len);
    }

    a->status = 200;
    a->inferred = 1;
    a->body = result->text.data;
    a->body_len = result->text.len;

    return 0;
}


static int
faas_answer_status(faas_answer_ctx_t *c)
{
    size_t                i;
    unsigned              status;
    faas_answer_value_t  *value;

    value = &c->members[FAAS_ANSWER_STATUS];

    if (value->type != FAAS_JSON_NUMBER && value->type != FAAS_JSON_STRING) {
        return faas_answer_bad(c, "statusCode is not an integer");
    }

    status = 0;

    for (i = 0; i < value->text.len; i++) {

        if (value->text.data[i] < '0' || value->text.data[i] > '9') {
            return faas_answer_bad(c, "statusCode is not an integer");
        }

        /* more digits are out of range however many follow */

        if (status <= FAAS_ANSWER_STATUS_MAX) {
            status = status * 10 + (unsigned) (value->text.data[i] - '0');
        }
    }

    if (status < FAAS_ANSWER_STATUS_MIN || status > FAAS_ANSWER_STATUS_MAX) {
        return faas_answer_bad(c, "statusCode is not from 200 to 599");
    }

    c->answer->status = status;

    return 0;
}


static int
faas_answer_body(faas_answer_ctx_t *c)
{
    long                  n;
    faas_answer_t        *a;
    faas_json_type_e      encoded;
    faas_answer_value_t  *body;

    a = c->answer;
    body = &c->members[FAAS_ANSWER_BODY];
    encoded = c->members[FAAS_ANSWER_BASE64].type;

    if (encoded != FAAS_JSON_TRUE && encoded != FAAS_JSON_FALSE
        && encoded != FAAS_JSON_NULL && encoded != FAAS_JSON_BAD)
    {
        return faas_answer_bad(c, "isBase64Encoded is not a boolean");
    }

    if (body->type == FAAS_JSON_BAD || body->type == FAAS_JSON_NULL) {
        a->body = c->result.text.data;
        a->body_len = 0;
        return 0;
    }

    if (body->type != FAAS_JSON_STRING) {
        return faas_answer_bad(c, "body is not a string");
    }

    a->body = body->text.data;
    a->body_len = faas_json_unescape(a->body, body->text.len);

    if (encoded == FAAS_JSON_TRUE) {
        n = faas_base64_decode(a->body, a->body, a->body_len);

        if (n < 0) {
            return faas_answer_bad(c, "body is not base64");
        }

        a->body_len = (size_t) n;
    }

    return 0;
}


static int
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

        if (faas_answer_header(c, &name, &value) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
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

        if (faas_answer_add(c, &faas_answer_set_cookie, &value.text) != 0) {
            return -1;
        }
    }

    return 0;
}


static int
faas_answer_header(faas_answer_ctx_t *c, faas_answer_str_t *name,
    faas_answer_value_t *value)
{
    unsigned  i;

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

    if (faas_answer_dropped(name)) {
        return 0;
    }

    if (faas_answer_equal(name, &faas_answer_content_type)) {
        c->answer->has_content_type = 1;
    }

    /* the limit on headers keeps this cheap */

    for (i = 0; i < c->n; i++) {

        if (faas_answer_equal(name, &c->headers[i].name)) {
            c->headers[i].value = value->text;
            return 0;
        }
    }

    return faas_answer_add(c, name, &value->text);
}


static int
faas_answer_add(faas_answer_ctx_t *c, const faas_answer_str_t *name,
    faas_answer_str_t *value)
{
    if (c->n == FAAS_ANSWER_HEADERS) {
        return faas_answer_bad(c, "too many headers");
    }

    c->headers[c->n].name = *name;
    c->headers[c->n].value = *value;
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


static int
faas_answer_dropped(const faas_answer_str_t *name)
{
    unsigned  i;

    for (i = 0; i < sizeof(faas_answer_drop) / sizeof(faas_answer_drop[0]);
         i++)
    {
        if (faas_answer_equal(name, &faas_answer_drop[i])) {
            return 1;
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


static int
faas_answer_bad(faas_answer_ctx_t *c, const char *error)
{
    c->answer->error = error;

    return -1;
}
