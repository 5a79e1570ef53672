/*
 * Fuzzes the verification of signed requests.  The canonical request must be
 * the one that a second, plainer implementation makes; the signature of that
 * one must be good, and no other.
 *
 * The input is method, path, query and headers, a line each, then an empty
 * line and the body.
 */

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "faas_sigv4_core.h"
#include "fuzz.h"


#define NOW          1767323045
#define MAX_HEADERS  64

typedef struct {
    char    *p;
    size_t   n;
} text_t;


static const unsigned char  key[FAAS_SIGV4_KEY_LEN] = "not a key that is used";


/* --- the plain implementation --- */

static void
add(text_t *t, const void *p, size_t n)
{
    t->p = realloc(t->p, t->n + n + 1);
    check(t->p != NULL);

    if (n) {
        memcpy(t->p + t->n, p, n);
    }

    t->n += n;
    t->p[t->n] = '\0';
}


static void
add_encoded(text_t *t, const char *p, size_t n, int slash)
{
    size_t         i;
    unsigned char  c;

    static const char  digits[] = "0123456789ABCDEF";
    static const char  plain[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~";

    for (i = 0; i < n; i++) {
        c = (unsigned char) p[i];

        if ((c && strchr(plain, c)) || (c == '/' && slash)) {
            add(t, &c, 1);

        } else {
            add(t, "%", 1);
            add(t, &digits[c >> 4], 1);
            add(t, &digits[c & 15], 1);
        }
    }
}


static void
add_path(text_t *t, const faas_sigv4_str_t *path)
{
    size_t  i, n, start, lens[4096];
    text_t  out = { NULL, 0 };

    add(&out, "", 0);
    n = 0;

    if (path->len && path->data[0] == '/') {
        add(&out, "/", 1);
    }

    for (start = i = 0; i <= path->len; i++) {
        const char  *s = (const char *) path->data + start;
        size_t       len = i - start;

        if (i < path->len && path->data[i] != '/') {
            continue;
        }

        start = i + 1;

        if (len == 2 && memcmp(s, "..", 2) == 0) {

            if (n) {
                out.n = lens[--n];
            }

        } else if (len && !(len == 1 && *s == '.')) {
            lens[n++] = out.n;

            if (n > 1) {
                add(&out, "/", 1);
            }

            add(&out, s, len);
        }
    }

    if (n && path->data[path->len - 1] == '/') {
        add(&out, "/", 1);
    }

    if (path->len == 0) {
        add(&out, "/", 1);
    }

    add_encoded(t, out.p, out.n, 1);
    free(out.p);
}


/* Decodes [p, p + n) and appends it encoded. */

static void
add_query_text(text_t *t, const char *p, size_t n)
{
    size_t  i;
    char    c, digits[3] = "";

    for (i = 0; i < n; i++) {
        c = (p[i] == '+') ? ' ' : p[i];

        if (p[i] == '%' && i + 2 < n
            && strchr("0123456789abcdefABCDEF", p[i + 1]) && p[i + 1]
            && strchr("0123456789abcdefABCDEF", p[i + 2]) && p[i + 2])
        {
            memcpy(digits, p + i + 1, 2);
            c = (char) strtoul(digits, NULL, 16);
            i += 2;
        }

        add_encoded(t, &c, 1, 0);
    }
}


/* A zero byte between name and value sorts names first. */

static int
compare(const void *a, const void *b)
{
    const text_t  *x = a, *y = b;

    return strcmp(x->p, y->p)
           ? strcmp(x->p, y->p)
           : strcmp(x->p + strlen(x->p) + 1, y->p + strlen(y->p) + 1);
}


static void
add_query(text_t *t, const faas_sigv4_str_t *query)
{
    size_t  i, n, len, eq;
    text_t  params[FAAS_SIGV4_PARAMS];

    n = 0;

    for (i = 0; i < query->len; i += len + 1) {
        const char  *s = (const char *) query->data + i;

        for (len = 0; i + len < query->len && s[len] != '&'; len++) { }
        for (eq = 0; eq < len && s[eq] != '='; eq++) { }

        if (len == 0) {
            continue;
        }

        check(n < FAAS_SIGV4_PARAMS);
        memset(&params[n], 0, sizeof(text_t));
        add(&params[n], "", 0);
        add_query_text(&params[n], s, eq);
        add(&params[n], "", 1);

        if (eq < len) {
            add_query_text(&params[n], s + eq + 1, len - eq - 1);
        }

        if (strcmp(params[n].p, "X-Amz-Signature") == 0) {
            free(params[n].p);

        } else {
            n++;
        }
    }

    qsort(params, n, sizeof(text_t), compare);

    for (i = 0; i < n; i++) {
        len = strlen(params[i].p);
        add(t, "&", i != 0);
        add(t, params[i].p, len);
        add(t, "=", 1);
        add(t, params[i].p + len + 1, strlen(params[i].p + len + 1));
        free(params[i].p);
    }
}


static void
add_headers(text_t *t, const faas_sigv4_request_t *r, const char *names)
{
    size_t  i, k, n, seen, start;

    for ( ; ; names += n + 1) {
        n = strcspn(names, ";");
        add(t, names, n);
        add(t, ":", 1);
        seen = 0;

        for (i = 0; i < r->n_headers; i++) {
            const faas_sigv4_str_t  *v = &r->headers[i].value;

            if (r->headers[i].name.len != n
                || strncasecmp((const char *) r->headers[i].name.data, names,
                               n) != 0)
            {
                continue;
            }

            add(t, ",", seen++ != 0);
            start = t->n;

            for (k = 0; k < v->len; k++) {

                if (v->data[k] != ' ' && v->data[k] != '\t') {
                    add(t, v->data + k, 1);

                } else if (t->n > start && t->p[t->n - 1] != ' ') {
                    add(t, " ", 1);
                }
            }

            if (t->n > start && t->p[t->n - 1] == ' ') {
                t->n--;
            }
        }

        check(seen > 0);
        add(t, "\n", 1);

        if (names[n] == '\0') {
            return;
        }
    }
}


static void
hex(char *dst, const unsigned char *p, size_t n)
{
    size_t  i;

    for (i = 0; i < n; i++) {
        dst[2 * i] = "0123456789abcdef"[p[i] / 16];
        dst[2 * i + 1] = "0123456789abcdef"[p[i] % 16];
    }
}


/* The canonical request in T, its signature in SIGN. */

static void
plain(text_t *t, char *sign, const faas_sigv4_t *s,
    const faas_sigv4_request_t *r, const faas_sigv4_str_t *hash)
{
    char           digest[FAAS_SIGV4_HASH_LEN];
    text_t         names = { NULL, 0 }, all = { NULL, 0 };
    unsigned       size;
    unsigned char  bin[EVP_MAX_MD_SIZE];

    add(&names, s->signed_headers.data, s->signed_headers.len);

    add(t, r->method.data, r->method.len);
    add(t, "\n", 1);
    add_path(t, &r->path);
    add(t, "\n", 1);
    add_query(t, &r->query);
    add(t, "\n", 1);
    add_headers(t, r, names.p);
    add(t, "\n", 1);
    add(t, names.p, names.n);
    add(t, "\n", 1);
    add(t, hash->data, hash->len);

    check(EVP_Digest(t->p, t->n, bin, &size, EVP_sha256(), NULL) == 1);
    hex(digest, bin, size);

    add(&all, "AWS4-HMAC-SHA256\n", 17);
    add(&all, s->timestamp, 16);
    add(&all, "\n", 1);
    add(&all, s->timestamp, 8);
    add(&all, "/", 1);
    add(&all, s->region.data, s->region.len);
    add(&all, "/lambda/aws4_request\n", 21);
    add(&all, digest, sizeof(digest));

    check(HMAC(EVP_sha256(), key, sizeof(key), (unsigned char *) all.p, all.n,
               bin, &size) != NULL);
    hex(sign, bin, size);

    free(names.p);
    free(all.p);
}


/* --- the input --- */

static faas_sigv4_str_t
line(const unsigned char **p, const unsigned char *last)
{
    faas_sigv4_str_t  s;

    s.data = *p;

    while (*p < last && **p != '\n') {
        (*p)++;
    }

    s.len = (size_t) (*p - s.data);
    *p += (*p < last);

    return s;
}


static int
collect(void *ctx, const unsigned char *p, size_t n)
{
    add(ctx, p, n);

    return 0;
}


/* Of a request that has passed the first step. */

static void
second(faas_sigv4_t *s, const faas_sigv4_request_t *r, const char *hash)
{
    char              sign[2 * EVP_MAX_MD_SIZE];
    text_t            one = { NULL, 0 }, two = { NULL, 0 };
    faas_sigv4_str_t  payload;

    payload = s->payload_hash;

    if (s->payload == FAAS_SIGV4_BODY) {
        payload.data = (const unsigned char *) hash;
        payload.len = FAAS_SIGV4_HASH_LEN;
    }

    plain(&one, sign, s, r, &payload);
    check(faas_sigv4_canonical(s, r, &payload, collect, &two) == 0);
    check(one.n == two.n && memcmp(one.p, two.p, one.n) == 0);

    if (memcmp(s->signature.data, sign, FAAS_SIGV4_HASH_LEN) != 0) {
        check(faas_sigv4_verify(s, r, key, hash) == FAAS_SIGV4_MISMATCH);
    }

    s->signature.data = (unsigned char *) sign;
    check(faas_sigv4_verify(s, r, key, hash)
          == (faas_sigv4_body_ok(s, hash) ? FAAS_SIGV4_OK
                                          : FAAS_SIGV4_MISMATCH));
    sign[r->now % 64] ^= 1;
    check(faas_sigv4_verify(s, r, key, hash) == FAAS_SIGV4_MISMATCH);

    free(one.p);
    free(two.p);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char                  hash[FAAS_SIGV4_HASH_LEN + 1], text[1024];
    size_t                n, i;
    unsigned char        *copy;
    faas_sigv4_e          rc;
    const unsigned char  *p, *last;
    faas_sigv4_str_t      h;
    faas_sigv4_header_t   headers[MAX_HEADERS];
    faas_sigv4_request_t  r;

    static faas_sigv4_t   s;

    copy = malloc(size ? size : 1);
    memcpy(copy, data, size);
    p = copy;
    last = copy + size;

    memset(&r, 0, sizeof(r));
    r.method = line(&p, last);
    r.path = line(&p, last);
    r.query = line(&p, last);
    r.headers = headers;
    r.service = "lambda";
    r.region = (size % 2) ? "us-east-1" : NULL;
    r.now = NOW;
    r.skew = 300;
    r.allow_unsigned_payload = size / 2 % 2;

    while (r.n_headers < MAX_HEADERS && (h = line(&p, last)).len) {
        for (n = 0; n < h.len && h.data[n] != ':'; n++) { }

        headers[r.n_headers].name.data = h.data;
        headers[r.n_headers].name.len = n;
        n += (n < h.len);
        headers[r.n_headers].value.data = h.data + n;
        headers[r.n_headers++].value.len = h.len - n;
    }

    rc = faas_sigv4_parse(&s, &r);

    n = faas_sigv4_message(&s, &r, rc, text, sizeof(text));
    check(n > 0 && n < FAAS_SIGV4_MESSAGE && strlen(text) == n);

    for (i = 0; i < n; i++) {
        check(text[i] >= ' ' && text[i] < 0x7f && text[i] != '"'
              && text[i] != '\\');
    }

    if (rc == FAAS_SIGV4_OK) {
        check(EVP_Digest(p, (size_t) (last - p), (unsigned char *) text, NULL,
                         EVP_sha256(), NULL) == 1);
        hex(hash, (unsigned char *) text, FAAS_SIGV4_HASH_LEN / 2);
        hash[FAAS_SIGV4_HASH_LEN] = '\0';
        second(&s, &r, hash);
    }

    free(copy);

    return 0;
}
