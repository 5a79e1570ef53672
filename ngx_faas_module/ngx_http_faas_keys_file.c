/*
 * Files of usage plans and their API keys.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 *
 * The file is JSON, with the names of API Gateway's control plane:
 *   {"usagePlans": [{"name": "gold",
 *                    "throttle": {"rateLimit": 10, "burstLimit": 20},
 *                    "quota": {"limit": 1000, "offset": 0,
 *                              "period": "DAY|WEEK|MONTH"},
 *                    "apiKeys": [{"id": "shop", "value": "...",
 *                                 "enabled": true}]}]}
 */

#include "ngx_http_faas_keys.h"


#define NGX_HTTP_FAAS_QUOTA_MAX   1000000000000   /* requests */
#define NGX_HTTP_FAAS_RATE_LIMIT  1000000         /* and a second */


static const char  *ngx_http_faas_periods[] = { "DAY", "WEEK", "MONTH" };


static char *
ngx_http_faas_keys_say(ngx_conf_t *cf, ngx_http_faas_keys_t *keys,
    ngx_str_t *plan, const char *text)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "usage plan \"%V\" in \"%V\": %s", plan, &keys->path,
                       text);

    return NGX_CONF_ERROR;
}


/* Printable ASCII, which needs no escapes in events and logs. */

static ngx_int_t
ngx_http_faas_keys_text(ngx_conf_t *cf, json_t *member, size_t least,
    size_t most, ngx_str_t *value)
{
    size_t       i, len;
    const char  *text;

    text = json_string_value(member);
    len = json_string_length(member);

    if (text == NULL || len < least || len > most) {
        return NGX_DECLINED;
    }

    for (i = 0; i < len; i++) {
        if (text[i] <= ' ' || text[i] >= 0x7f || text[i] == '"'
            || text[i] == '\\')
        {
            return NGX_DECLINED;
        }
    }

    value->len = len;
    value->data = ngx_pnalloc(cf->pool, len + 1);

    if (value->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(value->data, text, len + 1);

    return NGX_OK;
}


/* A name that means nothing may be one that is misspelt. */

static const char *
ngx_http_faas_keys_unknown(json_t *object, const char *const *names)
{
    const char         *name;
    json_t             *value;
    const char *const  *known;

    json_object_foreach(object, name, value) {

        for (known = names; *known; known++) {
            if (ngx_strcmp(*known, name) == 0) {
                break;
            }
        }

        if (*known == NULL) {
            return name;
        }
    }

    return NULL;
}


static char *
ngx_http_faas_keys_known(ngx_conf_t *cf, ngx_http_faas_keys_t *keys,
    ngx_str_t *plan, json_t *object, const char *const *names)
{
    const char  *name;

    name = ngx_http_faas_keys_unknown(object, names);

    if (name == NULL) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "usage plan \"%V\" in \"%V\": unknown member \"%s\"",
                       plan, &keys->path, name);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_faas_keys_throttle(ngx_conf_t *cf, ngx_http_faas_keys_t *keys,
    ngx_http_faas_plan_t *plan, json_t *object)
{
    double                    rate;
    json_t                   *member;
    json_int_t                burst;
    static const char *const  names[] = { "rateLimit", "burstLimit", NULL };

    if (object == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_faas_keys_known(cf, keys, &plan->name, object, names)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    member = json_object_get(object, "rateLimit");

    if (member) {
        rate = json_number_value(member);

        if (!json_is_number(member) || !(rate >= 0)
            || rate > NGX_HTTP_FAAS_RATE_LIMIT)
        {
            return ngx_http_faas_keys_say(cf, keys, &plan->name,
                                          "\"rateLimit\" must be a number "
                                          "from 0 to 1000000");
        }

        plan->throttle.rate = rate * 1000 + 0.5;
        plan->throttle.set |= NGX_HTTP_FAAS_RATE;
    }

    member = json_object_get(object, "burstLimit");

    if (member) {
        burst = json_integer_value(member);

        if (!json_is_integer(member) || burst < 0
            || burst > NGX_HTTP_FAAS_RATE_LIMIT)
        {
            return ngx_http_faas_keys_say(cf, keys, &plan->name,
                                          "\"burstLimit\" must be an integer "
                                          "from 0 to 1000000");
        }

        plan->throttle.burst = burst;
        plan->throttle.set |= NGX_HTTP_FAAS_BURST;
    }

    return plan->throttle.set
           ? NGX_CONF_OK
           : ngx_http_faas_keys_say(cf, keys, &plan->name, "\"throttle\" "
                                    "has no \"rateLimit\" and no "
                                    "\"burstLimit\"");
}


static char *
ngx_http_faas_keys_quota(ngx_conf_t *cf, ngx_http_faas_keys_t *keys,
    ngx_http_faas_plan_t *plan, json_t *object)
{
    json_t                   *limit, *offset;
    ngx_uint_t                i;
    const char               *period;
    static const char *const  names[] = { "limit", "offset", "period", NULL };

    if (object == NULL) {
        return NGX_CONF_OK;
    }

    if (ngx_http_faas_keys_known(cf, keys, &plan->name, object, names)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    limit = json_object_get(object, "limit");
    offset = json_object_get(object, "offset");
    period = json_string_value(json_object_get(object, "period"));

    if (!json_is_integer(limit) || json_integer_value(limit) < 0
        || json_integer_value(limit) > NGX_HTTP_FAAS_QUOTA_MAX)
    {
        return ngx_http_faas_keys_say(cf, keys, &plan->name, "\"limit\" of "
                                      "\"quota\" must be an integer from 0 "
                                      "to 1000000000000");
    }

    if (offset
        && (!json_is_integer(offset) || json_integer_value(offset) < 0
            || json_integer_value(offset) > json_integer_value(limit)))
    {
        return ngx_http_faas_keys_say(cf, keys, &plan->name, "\"offset\" of "
                                      "\"quota\" must be an integer from 0 "
                                      "to its \"limit\"");
    }

    for (i = 0; i < 3; i++) {
        if (period && ngx_strcmp(period, ngx_http_faas_periods[i]) == 0) {
            plan->period = NGX_HTTP_FAAS_QUOTA_DAY + i;
        }
    }

    if (plan->period == NGX_HTTP_FAAS_QUOTA_NONE) {
        return ngx_http_faas_keys_say(cf, keys, &plan->name, "\"period\" of "
                                      "\"quota\" must be \"DAY\", \"WEEK\" "
                                      "or \"MONTH\"");
    }

    plan->limit = json_integer_value(limit);
    plan->offset = offset ? json_integer_value(offset) : 0;

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_keys_key(ngx_conf_t *cf, ngx_http_faas_keys_t *keys,
    ngx_http_faas_plan_t *plan, json_t *object)
{
    json_t                   *enabled;
    ngx_str_t                 value;
    ngx_http_faas_api_key_t  *key;
    static const char *const  names[] = {
        "id", "name", "description", "value", "enabled", NULL
    };

    if (ngx_http_faas_keys_known(cf, keys, &plan->name, object, names)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    key = ngx_array_push(&keys->keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(key, sizeof(ngx_http_faas_api_key_t));

    if (ngx_http_faas_keys_text(cf, json_object_get(object, "id"), 1, 64,
                                &key->id)
        != NGX_OK)
    {
        return ngx_http_faas_keys_say(cf, keys, &plan->name, "\"id\" of an "
                                      "API key must be 1 to 64 printable "
                                      "characters");
    }

    /* contract, section 7.8 */

    if (ngx_http_faas_keys_text(cf, json_object_get(object, "value"), 20,
                                128, &value)
        != NGX_OK)
    {
        return ngx_http_faas_keys_say(cf, keys, &plan->name, "\"value\" of "
                                      "an API key must be 20 to 128 "
                                      "printable characters");
    }

    enabled = json_object_get(object, "enabled");

    if (enabled && !json_is_boolean(enabled)) {
        return ngx_http_faas_keys_say(cf, keys, &plan->name, "\"enabled\" "
                                      "of an API key must be true or false");
    }

    key->enabled = !json_is_false(enabled);
    key->plan = plan;
    key->throttle = plan->throttle;
    (void) SHA256(value.data, value.len, key->digest);

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_keys_plan(ngx_conf_t *cf, ngx_http_faas_keys_t *keys,
    json_t *object)
{
    size_t                    i;
    json_t                   *list, *item;
    ngx_http_faas_plan_t     *plan;
    static const char *const  names[] = {
        "name", "description", "throttle", "quota", "apiKeys", NULL
    };

    plan = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_plan_t));
    if (plan == NULL) {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_faas_keys_text(cf, json_object_get(object, "name"), 1, 128,
                                &plan->name)
        != NGX_OK)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"name\" of a usage plan "
                           "in \"%V\" must be 1 to 128 printable characters",
                           &keys->path);
        return NGX_CONF_ERROR;
    }

    if (ngx_http_faas_keys_known(cf, keys, &plan->name, object, names)
        != NGX_CONF_OK
        || ngx_http_faas_keys_throttle(cf, keys, plan,
                                       json_object_get(object, "throttle"))
           != NGX_CONF_OK
        || ngx_http_faas_keys_quota(cf, keys, plan,
                                    json_object_get(object, "quota"))
           != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    list = json_object_get(object, "apiKeys");

    if (!json_is_array(list)) {
        return ngx_http_faas_keys_say(cf, keys, &plan->name, "it has no list "
                                      "\"apiKeys\"");
    }

    json_array_foreach(list, i, item) {
        if (ngx_http_faas_keys_key(cf, keys, plan, item) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static int ngx_libc_cdecl
ngx_http_faas_keys_cmp(const void *one, const void *two)
{
    const ngx_http_faas_api_key_t  *a, *b;

    a = one;
    b = two;

    return ngx_memcmp(a->digest, b->digest, SHA256_DIGEST_LENGTH);
}


static int ngx_libc_cdecl
ngx_http_faas_keys_cmp_id(const void *one, const void *two)
{
    const ngx_http_faas_api_key_t  *a, *b;

    a = one;
    b = two;

    return ngx_memn2cmp(a->id.data, b->id.data, a->id.len, b->id.len);
}


/* Keys and their ids are unique; quotas are counted by id. */

static char *
ngx_http_faas_keys_complete(ngx_conf_t *cf, ngx_http_faas_keys_t *keys)
{
    ngx_uint_t                i;
    ngx_http_faas_api_key_t  *key;

    key = keys->keys.elts;

    qsort(key, keys->keys.nelts, sizeof(ngx_http_faas_api_key_t),
          ngx_http_faas_keys_cmp_id);

    for (i = 1; i < keys->keys.nelts; i++) {
        if (ngx_http_faas_keys_cmp_id(&key[i - 1], &key[i]) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "API key \"%V\" in "
                               "\"%V\" is duplicate", &key[i].id,
                               &keys->path);
            return NGX_CONF_ERROR;
        }
    }

    qsort(key, keys->keys.nelts, sizeof(ngx_http_faas_api_key_t),
          ngx_http_faas_keys_cmp);

    for (i = 0; i < keys->keys.nelts; i++) {

        if (i && ngx_http_faas_keys_cmp(&key[i - 1], &key[i]) == 0) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "API keys \"%V\" and "
                               "\"%V\" in \"%V\" have the same value",
                               &key[i - 1].id, &key[i].id, &keys->path);
            return NGX_CONF_ERROR;
        }

        if (key[i].plan->period
            && ngx_http_faas_quotas_add(cf, &key[i]) != NGX_OK)
        {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* The plans and keys of a file, or NULL when it was said what is wrong. */

ngx_http_faas_keys_t *
ngx_http_faas_keys_load(ngx_conf_t *cf, ngx_str_t *name)
{
    char                     *rv;
    size_t                    i;
    json_t                   *root, *list, *item;
    ngx_http_faas_keys_t     *keys;

    keys = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_keys_t));

    if (keys == NULL
        || ngx_array_init(&keys->keys, cf->pool, 16,
                          sizeof(ngx_http_faas_api_key_t))
           != NGX_OK)
    {
        return NULL;
    }

    keys->path = *name;

    root = ngx_http_faas_secret_read(cf, "api_keys", &keys->path);
    if (root == NULL) {
        return NULL;
    }

    rv = NGX_CONF_OK;
    list = json_object_get(root, "usagePlans");

    if (!json_is_array(list)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"api_keys\" file \"%V\" "
                           "has no list \"usagePlans\"", &keys->path);
        rv = NGX_CONF_ERROR;
    }

    json_array_foreach(list, i, item) {
        if (rv == NGX_CONF_OK) {
            rv = ngx_http_faas_keys_plan(cf, keys, item);
        }
    }

    json_decref(root);

    if (rv == NGX_CONF_OK) {
        rv = ngx_http_faas_keys_complete(cf, keys);
    }

    return rv == NGX_CONF_OK ? keys : NULL;
}
