/*
 * SHA-256 for every request that says who it is from.  OpenSSL's own short
 * form looks the algorithm up each time, which costs more than the digest of
 * a token does: a worker keeps what it has found.
 *
 * Runs in workers, which have one thread; takes no locks.
 */

#include "ngx_http_faas_auth.h"

#include <openssl/evp.h>


static EVP_MD_CTX  *ngx_http_faas_digest_ctx;


/* "digest": NGX_HTTP_FAAS_DIGEST bytes. */

ngx_int_t
ngx_http_faas_digest(u_char *data, size_t len, u_char *digest)
{
    EVP_MD_CTX  *ctx;

    ctx = ngx_http_faas_digest_ctx;

    if (ctx == NULL) {
        ctx = EVP_MD_CTX_new();

        if (ctx == NULL || EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) != 1) {
            EVP_MD_CTX_free(ctx);
            return NGX_ERROR;
        }

        ngx_http_faas_digest_ctx = ctx;
    }

    /* without a type: the one it was made with, for one more digest */

    if (EVP_DigestInit_ex(ctx, NULL, NULL) != 1
        || EVP_DigestUpdate(ctx, data, len) != 1
        || EVP_DigestFinal_ex(ctx, digest, NULL) != 1)
    {
        return NGX_ERROR;
    }

    return NGX_OK;
}
