/*
 * Tokens that were let in: to verify a signature takes much longer than all
 * else that an authorizer does.  Only the signature is taken for granted, for
 * a minute and as long as the keys are the same; what a token says is checked
 * each time.
 *
 * Runs in workers, each with tokens of its own: no locks.  Entries are freed
 * with the configuration.
 */

#include "ngx_http_faas_auth.h"

#include <openssl/crypto.h>


#define NGX_HTTP_FAAS_TOKENS        1024
#define NGX_HTTP_FAAS_TOKEN_LEN     4096        /* bytes of claims, */
#define NGX_HTTP_FAAS_TOKEN_TEXT    8192        /* and of the token */
#define NGX_HTTP_FAAS_TOKEN_VALID   60          /* seconds */


typedef struct {
    ngx_queue_t                queue;           /* used last: first */
    ngx_queue_t                chain;           /* of its bucket */
    ngx_http_faas_jwks_t      *jwks;
    ngx_uint_t                 generation;      /* of its keys */
    time_t                     valid;
    uint32_t                   hash;
    size_t                     text_len;
    size_t                     len;             /* of the claims, */
    u_char                     text[1];         /* which are behind this */
} ngx_http_faas_token_t;


struct ngx_http_faas_tokens_s {
    ngx_uint_t                 n;
    ngx_queue_t                queue;
    uint32_t                   hash;            /* of the token that was */
    faas_jwt_str_t             text;            /* last looked for */
    ngx_queue_t                buckets[NGX_HTTP_FAAS_TOKENS];
};


static ngx_queue_t *ngx_http_faas_tokens_bucket(
    ngx_http_faas_tokens_t *tokens);
static ngx_http_faas_token_t *ngx_http_faas_tokens_find(
    ngx_http_faas_tokens_t *tokens, ngx_http_faas_jwks_t *jwks);
static void ngx_http_faas_tokens_remove(ngx_http_faas_tokens_t *tokens,
    ngx_http_faas_token_t *entry);


static void
ngx_http_faas_tokens_cleanup(void *data)
{
    ngx_http_faas_tokens_t *tokens = data;

    ngx_queue_t  *q;

    while (!ngx_queue_empty(&tokens->queue)) {
        q = ngx_queue_head(&tokens->queue);
        ngx_http_faas_tokens_remove(tokens,
                                    ngx_queue_data(q, ngx_http_faas_token_t,
                                                   queue));
    }
}


ngx_http_faas_tokens_t *
ngx_http_faas_tokens_create(ngx_conf_t *cf)
{
    ngx_uint_t               i;
    ngx_pool_cleanup_t      *cln;
    ngx_http_faas_tokens_t  *tokens;

    tokens = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_tokens_t));
    cln = ngx_pool_cleanup_add(cf->pool, 0);

    if (tokens == NULL || cln == NULL) {
        return NULL;
    }

    ngx_queue_init(&tokens->queue);

    for (i = 0; i < NGX_HTTP_FAAS_TOKENS; i++) {
        ngx_queue_init(&tokens->buckets[i]);
    }

    cln->handler = ngx_http_faas_tokens_cleanup;
    cln->data = tokens;

    return tokens;
}


/* NGX_OK: TEXT was verified before, TOKEN is as then; NGX_DECLINED. */

ngx_int_t
ngx_http_faas_tokens_get(ngx_http_faas_tokens_t *tokens,
    ngx_http_faas_jwks_t *jwks, faas_jwt_str_t *text, faas_jwt_t *token)
{
    ngx_http_faas_token_t  *entry;

    tokens->text = *text;
    tokens->hash = ngx_murmur_hash2((u_char *) text->data, text->len);

    entry = ngx_http_faas_tokens_find(tokens, jwks);

    if (entry == NULL) {
        return NGX_DECLINED;
    }

    if (entry->generation != jwks->generation || entry->valid <= ngx_time()) {
        ngx_http_faas_tokens_remove(tokens, entry);
        return NGX_DECLINED;
    }

    ngx_queue_remove(&entry->queue);
    ngx_queue_insert_head(&tokens->queue, &entry->queue);

    ngx_memcpy(token->text, entry->text + entry->text_len, entry->len);

    token->payload = token->text;
    token->payload_len = entry->len;
    token->used = entry->len;

    return NGX_OK;
}


/* After ngx_http_faas_tokens_get() of the same token, which is good. */

void
ngx_http_faas_tokens_put(ngx_http_faas_tokens_t *tokens,
    ngx_http_faas_jwks_t *jwks, const faas_jwt_t *token, ngx_log_t *log)
{
    ngx_queue_t            *q;
    ngx_http_faas_token_t  *entry;

    if (tokens->text.len > NGX_HTTP_FAAS_TOKEN_TEXT
        || token->payload_len > NGX_HTTP_FAAS_TOKEN_LEN)
    {
        return;
    }

    if (tokens->n == NGX_HTTP_FAAS_TOKENS) {
        q = ngx_queue_last(&tokens->queue);
        ngx_http_faas_tokens_remove(tokens,
                                    ngx_queue_data(q, ngx_http_faas_token_t,
                                                   queue));
    }

    entry = ngx_alloc(offsetof(ngx_http_faas_token_t, text)
                      + tokens->text.len + token->payload_len, log);
    if (entry == NULL) {
        return;
    }

    entry->jwks = jwks;
    entry->generation = jwks->generation;
    entry->valid = ngx_time() + NGX_HTTP_FAAS_TOKEN_VALID;
    entry->len = token->payload_len;

    entry->hash = tokens->hash;
    entry->text_len = tokens->text.len;
    ngx_memcpy(entry->text, tokens->text.data, entry->text_len);
    ngx_memcpy(entry->text + entry->text_len, token->payload, entry->len);

    ngx_queue_insert_head(&tokens->queue, &entry->queue);
    ngx_queue_insert_head(ngx_http_faas_tokens_bucket(tokens), &entry->chain);
    tokens->n++;
}


static ngx_queue_t *
ngx_http_faas_tokens_bucket(ngx_http_faas_tokens_t *tokens)
{
    return &tokens->buckets[tokens->hash % NGX_HTTP_FAAS_TOKENS];
}


static ngx_http_faas_token_t *
ngx_http_faas_tokens_find(ngx_http_faas_tokens_t *tokens,
    ngx_http_faas_jwks_t *jwks)
{
    ngx_queue_t            *q, *bucket;
    ngx_http_faas_token_t  *entry;

    bucket = ngx_http_faas_tokens_bucket(tokens);

    for (q = ngx_queue_head(bucket);
         q != ngx_queue_sentinel(bucket);
         q = ngx_queue_next(q))
    {
        entry = ngx_queue_data(q, ngx_http_faas_token_t, chain);

        /* how much of a token is right must not be measured */

        if (entry->jwks == jwks && entry->hash == tokens->hash
            && entry->text_len == tokens->text.len
            && CRYPTO_memcmp(entry->text, tokens->text.data, entry->text_len)
               == 0)
        {
            return entry;
        }
    }

    return NULL;
}


static void
ngx_http_faas_tokens_remove(ngx_http_faas_tokens_t *tokens,
    ngx_http_faas_token_t *entry)
{
    ngx_queue_remove(&entry->queue);
    ngx_queue_remove(&entry->chain);
    ngx_free(entry);
    tokens->n--;
}
