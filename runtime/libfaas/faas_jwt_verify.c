/*
 * Signatures of tokens: OpenSSL's verification with the parameters that each
 * algorithm prescribes.  Runs in nginx workers and in tests; takes no locks.
 */

#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "faas_jwt.h"


/* two integers of 66 bytes, each with a zero and its header, in a sequence */
#define FAAS_JWT_DER  (2 * (66 + 3) + 3)


static const EVP_MD *faas_jwt_md(unsigned alg);
static int faas_jwt_der(unsigned char *der, const unsigned char *sig,
    size_t n);


faas_jwt_e
faas_jwt_signature(const faas_jwk_t *key, unsigned alg,
    const unsigned char *data, size_t len, const unsigned char *sig, size_t n)
{
    int            rc;
    EVP_MD_CTX    *md;
    EVP_PKEY_CTX  *pctx;
    unsigned char  der[FAAS_JWT_DER];

    if (alg & (FAAS_JWT_ES256|FAAS_JWT_ES384|FAAS_JWT_ES512)) {

        if (n != 2 * (size_t) key->ec_len) {
            return FAAS_JWT_BAD_SIGNATURE;
        }

        rc = faas_jwt_der(der, sig, n);

        if (rc < 0) {
            return FAAS_JWT_FAILED;
        }

        sig = der;
        n = (size_t) rc;
    }

    md = EVP_MD_CTX_new();

    if (md == NULL) {
        return FAAS_JWT_FAILED;
    }

    rc = EVP_DigestVerifyInit(md, &pctx, faas_jwt_md(alg), NULL, key->pkey);

    /* salts as long as the digest: RFC 7518, section 3.5 */

    if (rc == 1 && (alg & (FAAS_JWT_PS256|FAAS_JWT_PS384|FAAS_JWT_PS512))) {
        rc = EVP_PKEY_CTX_set_rsa_padding(pctx, RSA_PKCS1_PSS_PADDING) == 1
             && EVP_PKEY_CTX_set_rsa_pss_saltlen(pctx, RSA_PSS_SALTLEN_DIGEST)
                == 1;
    }

    if (rc == 1) {
        rc = EVP_DigestVerify(md, sig, n, data, len) == 1
             ? FAAS_JWT_OK : FAAS_JWT_BAD_SIGNATURE;

    } else {
        rc = FAAS_JWT_FAILED;
    }

    EVP_MD_CTX_free(md);

    /* a failure is told by the result; nginx must not log it as its own */

    ERR_clear_error();

    return (faas_jwt_e) rc;
}


/* NULL: EdDSA has its own. */

static const EVP_MD *
faas_jwt_md(unsigned alg)
{
    if (alg & (FAAS_JWT_RS256|FAAS_JWT_PS256|FAAS_JWT_ES256)) {
        return EVP_sha256();
    }

    if (alg & (FAAS_JWT_RS384|FAAS_JWT_PS384|FAAS_JWT_ES384)) {
        return EVP_sha384();
    }

    if (alg & (FAAS_JWT_RS512|FAAS_JWT_PS512|FAAS_JWT_ES512)) {
        return EVP_sha512();
    }

    return NULL;
}


/* From r and s one behind the other to what OpenSSL reads. */

static int
faas_jwt_der(unsigned char *der, const unsigned char *sig, size_t n)
{
    int         len;
    BIGNUM     *r, *s;
    ECDSA_SIG  *pair;

    len = -1;
    r = BN_bin2bn(sig, (int) (n / 2), NULL);
    s = BN_bin2bn(sig + n / 2, (int) (n / 2), NULL);
    pair = ECDSA_SIG_new();

    if (r != NULL && s != NULL && pair != NULL
        && ECDSA_SIG_set0(pair, r, s) == 1)
    {
        /* both belong to the pair now */

        r = NULL;
        s = NULL;
        len = i2d_ECDSA_SIG(pair, NULL);

        if (len > 0 && len <= FAAS_JWT_DER) {
            len = i2d_ECDSA_SIG(pair, &der);

        } else {
            len = -1;
        }
    }

    ECDSA_SIG_free(pair);
    BN_free(r);
    BN_free(s);

    return len;
}
