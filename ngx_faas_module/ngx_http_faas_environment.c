/*
 * The "environment" of a faas_function block.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas.h"
#include "faas_json.h"


/* Lambda's limit, of the compact JSON text */
#define NGX_HTTP_FAAS_ENVIRONMENT_MAX  4096


/* contract, section 3.1 */

static ngx_str_t  ngx_http_faas_reserved[] = {
    ngx_string("_HANDLER"),
    ngx_string("_X_AMZN_TRACE_ID"),
    ngx_string("AWS_DEFAULT_REGION"),
    ngx_string("AWS_REGION"),
    ngx_string("AWS_EXECUTION_ENV"),
    ngx_string("AWS_LAMBDA_FUNCTION_NAME"),
    ngx_string("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"),
    ngx_string("AWS_LAMBDA_FUNCTION_VERSION"),
    ngx_string("AWS_LAMBDA_INITIALIZATION_TYPE"),
    ngx_string("AWS_LAMBDA_LOG_GROUP_NAME"),
    ngx_string("AWS_LAMBDA_LOG_STREAM_NAME"),
    ngx_string("AWS_LAMBDA_RUNTIME_API"),
    ngx_string("LAMBDA_TASK_ROOT"),
    ngx_string("LAMBDA_RUNTIME_DIR"),
    ngx_null_string
};


static ngx_int_t
ngx_http_faas_key_ok(ngx_conf_t *cf, ngx_str_t *key)
{
    u_char      ch;
    ngx_str_t  *word;
    ngx_uint_t  i;

    for (word = ngx_http_faas_reserved; word->len; word++) {
        if (word->len == key->len
            && ngx_strncmp(word->data, key->data, key->len) == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "reserved key \"%V\" in \"environment\"", key);
            return NGX_ERROR;
        }
    }

    for (i = 0; i < key->len; i++) {
        ch = key->data[i];

        if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
            || (i && ((ch >= '0' && ch <= '9') || ch == '_')))
        {
            continue;
        }

        break;
    }

    if (i < key->len || key->len < 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid key \"%V\" in \"environment\", it must "
                           "match [a-zA-Z]([a-zA-Z0-9_])+", key);
        return NGX_ERROR;
    }

    return NGX_OK;
}


/* One that is new and does not make the environment too large. */

static ngx_int_t
ngx_http_faas_pair_ok(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_keyval_t *pair)
{
    size_t         size;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    kv = fn->environment->elts;

    /* {"key":"value","key":"value"} */

    size = 2 + 5 + pair->key.len
           + faas_json_escaped_len(pair->value.data, pair->value.len);

    for (i = 0; i < fn->environment->nelts; i++) {
        size += 6 + kv[i].key.len
                + faas_json_escaped_len(kv[i].value.data, kv[i].value.len);

        if (kv[i].key.len == pair->key.len
            && ngx_strncmp(kv[i].key.data, pair->key.data, pair->key.len)
               == 0)
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "duplicate key \"%V\" in \"environment\"",
                               &pair->key);
            return NGX_ERROR;
        }
    }

    if (size > NGX_HTTP_FAAS_ENVIRONMENT_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "key \"%V\" makes \"environment\" larger than "
                           "the limit of %d bytes",
                           &pair->key, NGX_HTTP_FAAS_ENVIRONMENT_MAX);
        return NGX_ERROR;
    }

    return NGX_OK;
}


char *
ngx_http_faas_set_environment(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    u_char        *p;
    ngx_uint_t     i;
    ngx_keyval_t  *kv, pair;

    if (fn->environment == NULL) {
        fn->environment = ngx_array_create(cf->pool, 4, sizeof(ngx_keyval_t));
        if (fn->environment == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    for (i = 1; i < n; i++) {
        p = ngx_strlchr(value[i].data, value[i].data + value[i].len, '=');

        if (p == NULL) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"environment\", it "
                               "must be KEY=VALUE", &value[i]);
            return NGX_CONF_ERROR;
        }

        pair.key.data = value[i].data;
        pair.key.len = p - value[i].data;
        pair.value.data = p + 1;
        pair.value.len = value[i].data + value[i].len - p - 1;

        if (ngx_http_faas_key_ok(cf, &pair.key) != NGX_OK
            || ngx_http_faas_pair_ok(cf, fn, &pair) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }

        kv = ngx_array_push(fn->environment);
        if (kv == NULL) {
            return NGX_CONF_ERROR;
        }

        *kv = pair;
    }

    return NGX_CONF_OK;
}
