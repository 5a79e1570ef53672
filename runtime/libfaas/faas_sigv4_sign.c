/*
 * Keys, hashes and the comparison of Signature Version 4.  Runs in nginx
 * workers and in tests; takes no locks.
 */

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/params.h>

#include "faas_sigv4_core.h"


/* "AWS4" and the longest secret */
#define FAAS_SIGV4_SECRET  (4 + 256)


static int faas_sigv4_hmac(unsigned char *mac, const unsigned char *key,
    size_t len, const void *p, size_t n);
static void faas_sigv4_hex_put(char *dst, const unsigned char *p, size_t n);
static int faas_sigv4_hash(const faas_sigv4_t *s,
    const faas_sigv4_request_t *r, const faas_sigv4_str_t *payload,
    char *hash);
static int faas_sigv4_sink(void *ctx, const unsigned char *p, size_t n);


/*
 * OpenSSL looks algorithms up by their names, which takes longer than to hash
 * a request.  These are made by the first call in a process and stay; there is
 * one thread.
 */

static const EVP_MD *
faas_sigv4_md(void)
{
    static EVP_MD  *md;

    if (md == NULL) {
        md = EVP_MD_fetch(NULL, "SHA256", NULL);
    }

    return md ? md : EVP_sha256();
}


static const EVP_MAC_CTX *
faas_sigv4_hmac_sha256(void)
{
    EVP_MAC             *mac;
    OSSL_PARAM           params[2];
    static EVP_MAC_CTX  *hmac;

    if (hmac != NULL) {
        return hmac;
    }

    mac = EVP_MAC_fetch(NULL, "HMAC", NULL);
    hmac = mac ? EVP_MAC_CTX_new(mac) : NULL;
    EVP_MAC_free(mac);

    params[0] = OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST,
                                                 (char *) "SHA256", 0);
    params[1] = OSSL_PARAM_construct_end();

    if (hmac != NULL && EVP_MAC_CTX_set_params(hmac, params) != 1) {
        EVP_MAC_CTX_free(hmac);
        hmac = NULL;
    }

    return hmac;
}


faas_sigv4_e
faas_sigv4_verify(const faas_sigv4_t *s, const faas_sigv4_request_t *r,
    const unsigned char *key, const char *hash)
{
    size_t            n;
    char              text[FAAS_SIGV4_HASH_LEN + 1], *p;
    unsigned char     mac[FAAS_SIGV4_KEY_LEN];
    char              to_sign[128 + 3 * FAAS_SIGV4_NAME];
    faas_sigv4_str_t  payload;

    /* lengths are those that were checked */

    if (!s->parsed) {
        return FAAS_SIGV4_FAILED;
    }

    payload = s->payload_hash;

    if (s->payload == FAAS_SIGV4_BODY) {
        payload.data = (const unsigned char *) hash;
        payload.len = FAAS_SIGV4_HASH_LEN;
    }

    if (payload.data == NULL || faas_sigv4_hash(s, r, &payload, text) != 0) {
        return FAAS_SIGV4_FAILED;
    }

    p = to_sign;
    n = sizeof(FAAS_SIGV4_ALGORITHM "\n") - 1;
    p = (char *) memcpy(p, FAAS_SIGV4_ALGORITHM "\n", n) + n;
    p = (char *) memcpy(p, s->timestamp, FAAS_SIGV4_TIME_LEN)
        + FAAS_SIGV4_TIME_LEN;
    *p++ = '\n';
    p = (char *) memcpy(p, s->date.data, s->date.len) + s->date.len;
    *p++ = '/';
    p = (char *) memcpy(p, s->region.data, s->region.len) + s->region.len;
    *p++ = '/';
    p = (char *) memcpy(p, s->service.data, s->service.len) + s->service.len;
    n = sizeof("/" FAAS_SIGV4_TERMINATOR "\n") - 1;
    p = (char *) memcpy(p, "/" FAAS_SIGV4_TERMINATOR "\n", n) + n;
    p = (char *) memcpy(p, text, FAAS_SIGV4_HASH_LEN) + FAAS_SIGV4_HASH_LEN;

    if (faas_sigv4_hmac(mac, key, FAAS_SIGV4_KEY_LEN, to_sign,
                        (size_t) (p - to_sign)) != 0)
    {
        return FAAS_SIGV4_FAILED;
    }

    faas_sigv4_hex_put(text, mac, sizeof(mac));

    /* how many characters are right must not show in the time it takes */

    if (s->signature.len != FAAS_SIGV4_HASH_LEN
        || CRYPTO_memcmp(text, s->signature.data, FAAS_SIGV4_HASH_LEN) != 0)
    {
        return FAAS_SIGV4_MISMATCH;
    }

    return (hash == NULL || faas_sigv4_body_ok(s, hash)) ? FAAS_SIGV4_OK
                                                         : FAAS_SIGV4_MISMATCH;
}


int
faas_sigv4_body_ok(const faas_sigv4_t *s, const char *hash)
{
    if (s->payload != FAAS_SIGV4_DECLARED) {
        return 1;
    }

    return s->payload_hash.len == FAAS_SIGV4_HASH_LEN
           && CRYPTO_memcmp(s->payload_hash.data, hash, FAAS_SIGV4_HASH_LEN)
              == 0;
}


int
faas_sigv4_key(unsigned char *key, const unsigned char *secret, size_t len,
    const faas_sigv4_str_t *date, const faas_sigv4_str_t *region,
    const faas_sigv4_str_t *service)
{
    int            rc;
    unsigned char  first[FAAS_SIGV4_SECRET];

    if (len > FAAS_SIGV4_SECRET - 4) {
        return -1;
    }

    memcpy(first, "AWS4", 4);

    if (len) {
        memcpy(first + 4, secret, len);
    }

    rc = 0;

    if (faas_sigv4_hmac(key, first, len + 4, date->data, date->len) != 0
        || faas_sigv4_hmac(key, key, FAAS_SIGV4_KEY_LEN, region->data,
                           region->len) != 0
        || faas_sigv4_hmac(key, key, FAAS_SIGV4_KEY_LEN, service->data,
                           service->len) != 0
        || faas_sigv4_hmac(key, key, FAAS_SIGV4_KEY_LEN,
                           FAAS_SIGV4_TERMINATOR,
                           sizeof(FAAS_SIGV4_TERMINATOR) - 1) != 0)
    {
        OPENSSL_cleanse(key, FAAS_SIGV4_KEY_LEN);
        rc = -1;
    }

    OPENSSL_cleanse(first, sizeof(first));

    return rc;
}


faas_sigv4_body_t *
faas_sigv4_body_new(void)
{
    EVP_MD_CTX  *md;

    md = EVP_MD_CTX_new();

    if (md != NULL && EVP_DigestInit_ex(md, faas_sigv4_md(), NULL) != 1) {
        EVP_MD_CTX_free(md);
        return NULL;
    }

    return md;
}


int
faas_sigv4_body_update(faas_sigv4_body_t *b, const unsigned char *p, size_t n)
{
    return EVP_DigestUpdate(b, p, n) == 1 ? 0 : -1;
}


int
faas_sigv4_body_final(faas_sigv4_body_t *b, char *hash)
{
    unsigned char  digest[FAAS_SIGV4_HASH_LEN / 2];

    if (EVP_DigestFinal_ex(b, digest, NULL) != 1) {
        return -1;
    }

    faas_sigv4_hex_put(hash, digest, sizeof(digest));

    return 0;
}


void
faas_sigv4_body_free(faas_sigv4_body_t *b)
{
    EVP_MD_CTX_free(b);
}


/* key may be mac: it is read before that is written. */

static int
faas_sigv4_hmac(unsigned char *mac, const unsigned char *key, size_t len,
    const void *p, size_t n)
{
    int                  rc;
    size_t               size;
    EVP_MAC_CTX         *ctx;
    const EVP_MAC_CTX   *hmac;

    hmac = faas_sigv4_hmac_sha256();
    ctx = hmac ? EVP_MAC_CTX_dup(hmac) : NULL;

    rc = (ctx != NULL && EVP_MAC_init(ctx, key, len, NULL) == 1
          && EVP_MAC_update(ctx, p, n) == 1
          && EVP_MAC_final(ctx, mac, &size, FAAS_SIGV4_KEY_LEN) == 1) ? 0 : -1;

    EVP_MAC_CTX_free(ctx);

    return rc;
}


/* With a zero byte. */

static void
faas_sigv4_hex_put(char *dst, const unsigned char *p, size_t n)
{
    static const char  hex[] = "0123456789abcdef";

    while (n--) {
        *dst++ = hex[*p >> 4];
        *dst++ = hex[*p++ & 0x0f];
    }

    *dst = '\0';
}


/* Of the canonical request. */

static int
faas_sigv4_hash(const faas_sigv4_t *s, const faas_sigv4_request_t *r,
    const faas_sigv4_str_t *payload, char *hash)
{
    int                 rc;
    faas_sigv4_body_t  *md;

    md = faas_sigv4_body_new();

    if (md == NULL) {
        return -1;
    }

    rc = faas_sigv4_canonical(s, r, payload, faas_sigv4_sink, md);

    if (rc == 0) {
        rc = faas_sigv4_body_final(md, hash);
    }

    faas_sigv4_body_free(md);

    return rc;
}


static int
faas_sigv4_sink(void *ctx, const unsigned char *p, size_t n)
{
    return faas_sigv4_body_update(ctx, p, n);
}
