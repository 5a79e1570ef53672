/*
 * The JSON reader, see faas_json.h.  Runs in nginx workers, in environments
 * and in tests; takes no locks.
 */

#include <stdint.h>
#include <string.h>

#include "faas_json.h"
#include "faas_json_scan.h"


#define FAAS_JSON_OBJECT_BIT(depth)  ((uint64_t) 1 << ((depth) & 63))


static void faas_json_space(faas_json_t *js);
static int faas_json_fail(faas_json_t *js, const char *error);
static int faas_json_string(faas_json_t *js);
static int faas_json_escaped(faas_json_t *js);
static int faas_json_number(faas_json_t *js);
static int faas_json_digits(faas_json_t *js);
static int faas_json_literal(faas_json_t *js, const char *text, size_t len);
static int faas_json_scalar(faas_json_t *js);
static int faas_json_key(faas_json_t *js, unsigned char **key, size_t *klen);
static int faas_json_value(faas_json_t *js);
static int faas_json_down(faas_json_t *js, uint64_t *objects, unsigned *depth);
static int faas_json_up(faas_json_t *js, const uint64_t *objects,
    unsigned *depth);


void
faas_json_init(faas_json_t *js, unsigned char *p, size_t len)
{
    js->pos = p;
    js->last = p + len;
    js->depth = 0;
    js->first = 0;
    js->error = NULL;
}


faas_json_type_e
faas_json_peek(faas_json_t *js)
{
    faas_json_space(js);

    if (js->pos == js->last) {
        return FAAS_JSON_BAD;
    }

    switch (*js->pos) {

    case '{':
        return FAAS_JSON_OBJECT;

    case '[':
        return FAAS_JSON_ARRAY;

    case '"':
        return FAAS_JSON_STRING;

    case 't':
        return FAAS_JSON_TRUE;

    case 'f':
        return FAAS_JSON_FALSE;

    case 'n':
        return FAAS_JSON_NULL;

    case '-':
    case '0' ... '9':
        return FAAS_JSON_NUMBER;

    default:
        return FAAS_JSON_BAD;
    }
}


int
faas_json_enter(faas_json_t *js, faas_json_type_e type)
{
    if (faas_json_peek(js) != type || type > FAAS_JSON_ARRAY) {
        return faas_json_fail(js, "unexpected type");
    }

    if (js->depth == FAAS_JSON_DEPTH) {
        return faas_json_fail(js, "nested too deeply");
    }

    js->pos++;
    js->depth++;
    js->first = 1;

    return 0;
}


int
faas_json_member(faas_json_t *js, unsigned char **key, size_t *klen)
{
    int  first;

    first = js->first;
    js->first = 0;

    faas_json_space(js);

    if (js->pos < js->last && *js->pos == '}') {
        js->pos++;
        js->depth--;
        return 0;
    }

    if (!first) {

        if (js->pos == js->last || *js->pos != ',') {
            return faas_json_fail(js, "no \",\" or \"}\" after a member");
        }

        js->pos++;
        faas_json_space(js);
    }

    return (faas_json_key(js, key, klen) == 0) ? 1 : -1;
}


int
faas_json_element(faas_json_t *js)
{
    int  first;

    first = js->first;
    js->first = 0;

    faas_json_space(js);

    if (js->pos < js->last && *js->pos == ']') {
        js->pos++;
        js->depth--;
        return 0;
    }

    if (!first) {

        if (js->pos == js->last || *js->pos != ',') {
            return faas_json_fail(js, "no \",\" or \"]\" after an element");
        }

        js->pos++;
    }

    if (faas_json_peek(js) == FAAS_JSON_BAD) {
        return faas_json_fail(js, "no value");
    }

    return 1;
}


int
faas_json_skip(faas_json_t *js, unsigned char **value, size_t *len)
{
    int  quoted;

    faas_json_space(js);

    quoted = (js->pos < js->last && *js->pos == '"');
    *value = js->pos + quoted;

    if (faas_json_value(js) != 0) {
        return -1;
    }

    *len = (size_t) (js->pos - *value) - quoted;

    return 0;
}


int
faas_json_end(faas_json_t *js)
{
    faas_json_space(js);

    if (js->pos != js->last) {
        return faas_json_fail(js, "data after the value");
    }

    return 0;
}


int
faas_json_valid(const unsigned char *p, size_t len)
{
    size_t          n;
    faas_json_t     js;
    unsigned char  *value;

    /* the reader does not write */

    faas_json_init(&js, (unsigned char *) p, len);

    return faas_json_skip(&js, &value, &n) == 0 && faas_json_end(&js) == 0;
}


static void
faas_json_space(faas_json_t *js)
{
    unsigned char  *p;

    p = js->pos;

    while (p < js->last
           && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
    {
        p++;
    }

    js->pos = p;
}


static int
faas_json_fail(faas_json_t *js, const char *error)
{
    js->error = error;

    return -1;
}


/*
 * Steps over any value.  What is open is kept as one bit each, so that a deep
 * document costs 64 bytes of stack and not a call per level.
 */

static int
faas_json_value(faas_json_t *js)
{
    int       rc;
    unsigned  depth;
    uint64_t  objects[FAAS_JSON_DEPTH / 64];

    depth = 0;

    for ( ;; ) {
        rc = faas_json_down(js, objects, &depth);

        if (rc == 0) {
            rc = faas_json_up(js, objects, &depth);
        }

        if (rc <= 0) {
            return rc;
        }
    }
}


/*
 * Steps over a scalar or into a container.  0: a value is complete; 1: a
 * value must follow; -1: error.
 */

static int
faas_json_down(faas_json_t *js, uint64_t *objects, unsigned *depth)
{
    size_t          len;
    unsigned        n;
    unsigned char  *key, open;

    faas_json_space(js);

    if (js->pos == js->last) {
        return faas_json_fail(js, "no value");
    }

    open = *js->pos;

    if (open != '{' && open != '[') {
        return faas_json_scalar(js);
    }

    n = *depth;

    if (js->depth + n >= FAAS_JSON_DEPTH) {
        return faas_json_fail(js, "nested too deeply");
    }

    js->pos++;
    faas_json_space(js);

    /* an empty container is as good as a scalar; '{' + 2 is '}' */

    if (js->pos < js->last && *js->pos == open + 2) {
        js->pos++;
        return 0;
    }

    *depth = n + 1;

    if (open == '[') {
        objects[n / 64] &= ~FAAS_JSON_OBJECT_BIT(n);
        return 1;
    }

    objects[n / 64] |= FAAS_JSON_OBJECT_BIT(n);

    return (faas_json_key(js, &key, &len) == 0) ? 1 : -1;
}


/*
 * Behind a complete value: leaves what ends here.  0: nothing is open; 1: a
 * value must follow; -1: error.
 */

static int
faas_json_up(faas_json_t *js, const uint64_t *objects, unsigned *depth)
{
    size_t          len;
    unsigned        n, object;
    unsigned char  *key, c;

    while (*depth) {
        n = *depth - 1;
        object = (objects[n / 64] & FAAS_JSON_OBJECT_BIT(n)) != 0;

        faas_json_space(js);

        c = (js->pos < js->last) ? *js->pos : 0;

        if (c == ',') {
            js->pos++;

            if (!object) {
                return 1;
            }

            faas_json_space(js);

            return (faas_json_key(js, &key, &len) == 0) ? 1 : -1;
        }

        if (c != (object ? '}' : ']')) {
            return faas_json_fail(js, "no \",\" or end after a value");
        }

        js->pos++;
        *depth = n;
    }

    return 0;
}


/* A key and its colon; the reader is at the key's first byte. */

static int
faas_json_key(faas_json_t *js, unsigned char **key, size_t *klen)
{
    if (js->pos == js->last || *js->pos != '"') {
        return faas_json_fail(js, "no key");
    }

    *key = js->pos + 1;

    if (faas_json_string(js) != 0) {
        return -1;
    }

    *klen = (size_t) (js->pos - *key) - 1;

    faas_json_space(js);

    if (js->pos == js->last || *js->pos != ':') {
        return faas_json_fail(js, "no \":\" after a key");
    }

    js->pos++;

    return 0;
}


static int
faas_json_scalar(faas_json_t *js)
{
    switch (*js->pos) {

    case '"':
        return faas_json_string(js);

    case 't':
        return faas_json_literal(js, "true", 4);

    case 'f':
        return faas_json_literal(js, "false", 5);

    case 'n':
        return faas_json_literal(js, "null", 4);

    default:
        return faas_json_number(js);
    }
}


static int
faas_json_literal(faas_json_t *js, const char *text, size_t len)
{
    if ((size_t) (js->last - js->pos) < len
        || memcmp(js->pos, text, len) != 0)
    {
        return faas_json_fail(js, "unknown literal");
    }

    js->pos += len;

    return 0;
}


static int
faas_json_number(faas_json_t *js)
{
    if (*js->pos == '-') {
        js->pos++;
    }

    if (js->pos < js->last && *js->pos == '0') {
        js->pos++;

    } else if (faas_json_digits(js) != 0) {
        return -1;
    }

    if (js->pos < js->last && *js->pos == '.') {
        js->pos++;

        if (faas_json_digits(js) != 0) {
            return -1;
        }
    }

    if (js->pos < js->last && (*js->pos | 0x20) == 'e') {
        js->pos++;

        if (js->pos < js->last && (*js->pos == '+' || *js->pos == '-')) {
            js->pos++;
        }

        return faas_json_digits(js);
    }

    return 0;
}


/* At least one. */

static int
faas_json_digits(faas_json_t *js)
{
    unsigned char  *p;

    p = js->pos;

    while (js->pos < js->last && *js->pos >= '0' && *js->pos <= '9') {
        js->pos++;
    }

    return (js->pos > p) ? 0 : faas_json_fail(js, "unexpected character");
}


/* The reader is at the opening quote. */

static int
faas_json_string(faas_json_t *js)
{
    int             valid;
    unsigned char  *p, *last;

    p = js->pos + 1;
    last = js->last;

    for ( ;; ) {
        p += faas_json_plain(p, last) - p;

        if (p == last) {
            return faas_json_fail(js, "string without end");
        }

        if (*p == '"') {
            js->pos = p + 1;
            return 0;
        }

        if (*p < 0x20) {
            return faas_json_fail(js, "control character in a string");
        }

        if (*p == '\\') {
            js->pos = p;

            if (faas_json_escaped(js) != 0) {
                return -1;
            }

            p = js->pos;
            continue;
        }

        do {
            p += faas_utf8_sequence(p, last, &valid);

            if (!valid) {
                return faas_json_fail(js, "invalid UTF-8");
            }
        } while (p < last && *p >= 0x80);
    }
}


/* The reader is at a backslash. */

static int
faas_json_escaped(faas_json_t *js)
{
    unsigned char  *p;

    p = js->pos + 1;

    if (p == js->last) {
        return faas_json_fail(js, "string without end");
    }

    switch (*p) {

    case '"':
    case '\\':
    case '/':
    case 'b':
    case 'f':
    case 'n':
    case 'r':
    case 't':
        js->pos = p + 1;
        return 0;

    case 'u':
        p++;

        if (js->last - p < 4 || faas_json_code_unit(p) > 0xffff) {
            return faas_json_fail(js, "\\u without four digits");
        }

        js->pos = p + 4;
        return 0;

    default:
        return faas_json_fail(js, "unknown escape");
    }
}
