/*
 * Fuzzes the JSON reader and writer, base64 and UTF-8 with what must hold of
 * any input.
 */

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "faas_base64.h"
#include "faas_json.h"
#include "fuzz.h"


/* of its own size, so that the sanitizer sees an overrun */

static unsigned char *
copy(const void *p, size_t n)
{
    unsigned char  *c;

    c = malloc(n ? n : 1);
    memcpy(c, p, n);

    return c;
}


/* Steps into all that can be entered; must agree with faas_json_valid(). */

static int
walk(unsigned char *p, size_t n)
{
    int                 rc;
    size_t              klen, len;
    unsigned            depth;
    faas_json_t         js;
    unsigned char      *key, *value;
    faas_json_type_e    type;
    static char         kinds[FAAS_JSON_DEPTH + 1];

    depth = 0;
    faas_json_init(&js, p, n);

    for ( ;; ) {
        type = faas_json_peek(&js);

        if (type == FAAS_JSON_OBJECT || type == FAAS_JSON_ARRAY) {

            if (faas_json_enter(&js, type) != 0) {
                return 0;
            }

            kinds[depth++] = (type == FAAS_JSON_OBJECT) ? 'o' : 'a';

        } else if (faas_json_skip(&js, &value, &len) != 0) {
            return 0;
        }

        rc = 0;

        while (depth && rc == 0) {
            rc = (kinds[depth - 1] == 'o')
                 ? faas_json_member(&js, &key, &klen)
                 : faas_json_element(&js);

            if (rc == -1) {
                check(js.error != NULL);
                return 0;
            }

            check(js.pos <= js.last);

            if (rc == 0) {
                depth--;
            }
        }

        if (depth == 0) {
            return faas_json_end(&js) == 0;
        }
    }
}


static void
document(const uint8_t *data, size_t size)
{
    size_t          n, again;
    unsigned char  *p, *q;

    p = copy(data, size);

    if (!faas_json_valid(p, size)) {
        check(memcmp(p, data, size) == 0);
        check(!walk(p, size));
        free(p);
        return;
    }

    check(walk(p, size));
    check(memcmp(p, data, size) == 0);
    check(faas_utf8_valid(p, size));

    n = faas_json_compact(p, size);
    check(n <= size);

    q = copy(p, n);
    check(faas_json_valid(q, n));

    again = faas_json_compact(q, n);
    check(again == n && memcmp(p, q, n) == 0);

    if (*q == '"') {
        again = faas_json_unescape(q + 1, n - 2);
        check(again <= n - 2 && faas_utf8_valid(q + 1, again));
    }

    free(p);
    free(q);
}


static void
text(const uint8_t *data, size_t size)
{
    size_t          len, n;
    unsigned char  *in, *out;

    in = copy(data, size);
    len = faas_json_escaped_len(in, size);
    check(len >= size);

    out = malloc(len + 2);
    out[0] = '"';
    out[len + 1] = '"';

    check(faas_json_escape(out + 1, in, size) == out + 1 + len);
    check(faas_json_valid(out, len + 2));

    n = faas_json_unescape(out + 1, len);

    if (faas_utf8_valid(in, size)) {
        check(n == size && memcmp(out + 1, in, n) == 0);

    } else {
        check(faas_utf8_valid(out + 1, n));
    }

    free(in);
    free(out);
}


static void
base64(const uint8_t *data, size_t size)
{
    long            n;
    size_t          len;
    unsigned char  *in, *out;

    in = copy(data, size);
    n = faas_base64_decode(in, in, size);
    check(n >= -1 && n <= (long) (size / 4 * 3 + 2));
    free(in);

    in = copy(data, size);
    len = faas_base64_encoded_len(size);
    out = malloc(len ? len : 1);

    check(faas_base64_encode(out, in, size) == out + len);
    check(faas_base64_decode(out, out, len) == (long) size);
    check(memcmp(out, in, size) == 0);

    free(in);
    free(out);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    document(data, size);
    text(data, size);
    base64(data, size);

    return 0;
}
