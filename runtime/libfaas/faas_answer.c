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

#include "faas_answer_core.h"
#include "faas_base64.h"


#define FAAS_ANSWER_STATUS_MIN  200
#define FAAS_ANSWER_STATUS_MAX  599


static int faas_answer_read(faas_answer_ctx_t *c, unsigned char *json,
    size_t len);
static int faas_answer_members(faas_answer_ctx_t *c, faas_json_t *js);
static int faas_answer_infer(faas_answer_ctx_t *c);
static int faas_answer_status(faas_answer_ctx_t *c);
static int faas_answer_body(faas_answer_ctx_t *c);
static int faas_answer_fields(faas_answer_ctx_t *c);


static const faas_answer_str_t  faas_answer_keys[FAAS_ANSWER_MEMBERS] = {
    faas_answer_string("statusCode"),
    faas_answer_string("headers"),
    faas_answer_string("cookies"),
    faas_answer_string("body"),
    faas_answer_string("isBase64Encoded"),
    faas_answer_string("multiValueHeaders"),
    faas_answer_string("statusDescription")
};

static const faas_answer_str_t  faas_answer_content_type =
    faas_answer_string("content-type");

static const faas_answer_str_t  faas_answer_plain =
    faas_answer_string("text/plain;charset=UTF-8");

static const faas_answer_str_t  faas_answer_json =
    faas_answer_string("application/json");

static const faas_answer_str_t  faas_answer_bytes =
    faas_answer_string("application/octet-stream");


int
faas_answer_v2(unsigned char *json, size_t len, faas_answer_t *a,
    faas_answer_header_pt cb, void *ctx)
{
    return faas_answer(FAAS_ANSWER_V2, 0, json, len, a, cb, ctx);
}


/* The content-type of an answer that names none; NULL: it has none. */

static const faas_answer_str_t *
faas_answer_default_type(faas_answer_ctx_t *c)
{
    if (c->prelude) {
        return &faas_answer_bytes;
    }

    switch (c->format) {

    case FAAS_ANSWER_V2:
    case FAAS_ANSWER_V1:
        return c->answer->inferred ? &faas_answer_json : &faas_answer_plain;

    case FAAS_ANSWER_ALB:
    case FAAS_ANSWER_ALB_MULTI:
        return NULL;

    default:
        return &faas_answer_json;
    }
}


int
faas_answer(faas_answer_format_e format, int keep_base64,
    unsigned char *json, size_t len, faas_answer_t *a,
    faas_answer_header_pt cb, void *ctx)
{
    faas_answer_ctx_t  c;

    c.format = format;
    c.keep_base64 = (keep_base64 != 0);
    c.prelude = 0;
    c.answer = a;

    return faas_answer_run(&c, json, len, cb, ctx);
}


int
faas_answer_run(faas_answer_ctx_t *c, unsigned char *json, size_t len,
    faas_answer_header_pt cb, void *ctx)
{
    unsigned                  i;
    faas_answer_header_t     *h;
    const faas_answer_str_t  *type;

    memset(c->answer, 0, sizeof(faas_answer_t));
    c->n = 0;

    if (faas_answer_read(c, json, len) != 0) {
        return FAAS_ANSWER_BAD;
    }

    type = c->answer->has_content_type ? NULL : faas_answer_default_type(c);

    if (type
        && cb(ctx, faas_answer_content_type.data,
              faas_answer_content_type.len, type->data, type->len) != 0)
    {
        return FAAS_ANSWER_ABORT;
    }

    for (i = 0; i < c->n; i++) {
        h = &c->headers[i];

        if (cb(ctx, h->name.data, h->name.len, h->value.data, h->value.len)
            != 0)
        {
            return FAAS_ANSWER_ABORT;
        }
    }

    return FAAS_ANSWER_OK;
}


/* Can a result of this format be anything else than an answer? */

static int
faas_answer_may_infer(faas_answer_ctx_t *c)
{
    return !c->prelude
           && (c->format == FAAS_ANSWER_V2 || c->format == FAAS_ANSWER_URL);
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
        return faas_answer_bad(c, js.error ? js.error : c->answer->error);
    }

    if (faas_answer_may_infer(c)
        && c->members[FAAS_ANSWER_STATUS].type == FAAS_JSON_BAD)
    {
        return faas_answer_infer(c);
    }

    if (result->type != FAAS_JSON_OBJECT) {
        return faas_answer_bad(c, "the result is not an object");
    }

    if (faas_answer_status(c) != 0
        || (!c->prelude && faas_answer_body(c) != 0))
    {
        return -1;
    }

    return faas_answer_fields(c);
}


/* Which of the members with headers count is a matter of the format. */

static int
faas_answer_fields(faas_answer_ctx_t *c)
{
    switch (c->format) {

    case FAAS_ANSWER_V1:
    case FAAS_ANSWER_REST:
        if (faas_answer_multi(c) != 0 || faas_answer_headers(c) != 0) {
            return -1;
        }

        return c->prelude ? faas_answer_cookies(c) : 0;

    case FAAS_ANSWER_ALB:
        return faas_answer_headers(c);

    case FAAS_ANSWER_ALB_MULTI:
        return faas_answer_multi(c);

    default:
        return faas_answer_headers(c) != 0 ? -1 : faas_answer_cookies(c);
    }
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

        if (c->format == FAAS_ANSWER_REST && !c->prelude
            && (i == FAAS_ANSWER_MEMBERS || i == FAAS_ANSWER_COOKIES
                || i == FAAS_ANSWER_DESCRIPTION))
        {
            return faas_answer_bad(c, "there is a member that is unknown");
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

    if (value->type == FAAS_JSON_BAD
        && (c->format == FAAS_ANSWER_V1 || c->format == FAAS_ANSWER_REST
            || c->prelude))
    {
        c->answer->status = FAAS_ANSWER_STATUS_MIN;
        return 0;
    }

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

    if (encoded == FAAS_JSON_TRUE && !c->keep_base64) {
        n = faas_base64_decode(a->body, a->body, a->body_len);

        if (n < 0) {
            a->bad_base64 = 1;
            return faas_answer_bad(c, "body is not base64");
        }

        a->body_len = (size_t) n;
    }

    return 0;
}
