/*
 * faas_auth FILE: access keys with their policies.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 *
 * The file is JSON:
 *   {"keys": [{"accessKeyId": "AKID", "secretAccessKey": "...",
 *              "sessionToken": "...",           optional
 *              "arn": "arn:aws:iam::000000000000:user/name",
 *              "policy": {"Statement": [...]}}]}
 */

#include "ngx_http_faas_lambda.h"
#include "ngx_http_faas_keys.h"

#include <jansson.h>


#define NGX_HTTP_FAAS_AUTH_MAX    (1024 * 1024)   /* bytes of the file */


static void
ngx_http_faas_auth_cleanup(void *data)
{
    faas_policy_free(data);
}


static char *
ngx_http_faas_auth_say(ngx_conf_t *cf, ngx_str_t *path, ngx_uint_t i,
    const char *text)
{
    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "key %ui in \"%V\": %s", i + 1,
                       path, text);

    return NGX_CONF_ERROR;
}


/* A member of an access key; its text lives as long as the cycle. */

static ngx_int_t
ngx_http_faas_auth_member(ngx_conf_t *cf, json_t *object, const char *name,
    ngx_str_t *value)
{
    json_t  *member;

    member = json_object_get(object, name);

    if (!json_is_string(member)) {
        return NGX_DECLINED;
    }

    value->len = json_string_length(member);
    value->data = ngx_pnalloc(cf->pool, value->len + 1);

    if (value->data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(value->data, json_string_value(member), value->len);
    value->data[value->len] = '\0';

    return value->len ? NGX_OK : NGX_DECLINED;
}


static char *
ngx_http_faas_auth_policy(ngx_conf_t *cf, ngx_http_faas_key_t *key,
    json_t *object, ngx_str_t *path, ngx_uint_t i)
{
    char                *text;
    const char          *error;
    ngx_pool_cleanup_t  *cln;

    text = json_dumps(json_object_get(object, "policy"), JSON_COMPACT);

    if (text == NULL) {
        return ngx_http_faas_auth_say(cf, path, i, "it has no \"policy\"");
    }

    error = "out of memory";
    key->policy = faas_policy_parse(text, ngx_strlen(text), &error);
    free(text);

    if (key->policy == NULL) {
        return ngx_http_faas_auth_say(cf, path, i, error);
    }

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_CONF_ERROR;
    }

    cln->handler = ngx_http_faas_auth_cleanup;
    cln->data = key->policy;

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_auth_key(ngx_conf_t *cf, ngx_http_faas_auth_t *auth,
    json_t *object, ngx_uint_t i)
{
    ngx_uint_t            k;
    ngx_http_faas_key_t  *key, *keys;

    key = ngx_array_push(&auth->keys);
    if (key == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(key, sizeof(ngx_http_faas_key_t));

    if (ngx_http_faas_auth_member(cf, object, "accessKeyId", &key->id)
        != NGX_OK
        || key->id.len > FAAS_SIGV4_NAME)
    {
        return ngx_http_faas_auth_say(cf, &auth->path, i,
                                      "it has no \"accessKeyId\"");
    }

    if (ngx_http_faas_auth_member(cf, object, "secretAccessKey",
                                  &key->secret)
        != NGX_OK)
    {
        return ngx_http_faas_auth_say(cf, &auth->path, i,
                                      "it has no \"secretAccessKey\"");
    }

    if (json_object_get(object, "sessionToken")
        && ngx_http_faas_auth_member(cf, object, "sessionToken", &key->token)
           != NGX_OK)
    {
        return ngx_http_faas_auth_say(cf, &auth->path, i,
                                      "\"sessionToken\" is no text");
    }

    if (ngx_http_faas_auth_member(cf, object, "arn", &key->arn) != NGX_OK) {
        key->arn.data = ngx_pnalloc(cf->pool, key->id.len + 64);
        if (key->arn.data == NULL) {
            return NGX_CONF_ERROR;
        }

        key->arn.len = ngx_sprintf(key->arn.data, "arn:aws:iam::"
                                   "000000000000:user/%V", &key->id)
                       - key->arn.data;
    }

    keys = auth->keys.elts;

    for (k = 0; k + 1 < auth->keys.nelts; k++) {
        if (keys[k].id.len == key->id.len
            && ngx_memcmp(keys[k].id.data, key->id.data, key->id.len) == 0)
        {
            return ngx_http_faas_auth_say(cf, &auth->path, i, "there is "
                                          "another one of that id");
        }
    }

    return ngx_http_faas_auth_policy(cf, key, object, &auth->path, i);
}


/* Secrets: nobody but the owner and the group may read them. */

json_t *
ngx_http_faas_secret_read(ngx_conf_t *cf, const char *directive,
    ngx_str_t *path)
{
    int           fd;
    json_t       *root;
    struct stat   st;
    json_error_t  error;

    fd = open((char *) path->data, O_RDONLY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "\"%s\" file \"%V\" cannot be read", directive,
                           path);

        if (fd != -1) {
            (void) close(fd);
        }

        return NULL;
    }

    if ((st.st_mode & 07) || st.st_size > NGX_HTTP_FAAS_AUTH_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" file \"%V\" %s", directive, path,
                           (st.st_mode & 07) ? "is open to all users: its "
                           "mode must be 0640 or less"
                           : "is larger than 1 MB");
        (void) close(fd);
        return NULL;
    }

    root = json_loadfd(fd, JSON_REJECT_DUPLICATES, &error);
    (void) close(fd);

    if (root == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%s\" file \"%V\", line %d: %s", directive, path,
                           error.line, error.text);
    }

    return root;
}


/* The access keys of a file, whose name is below that of nginx.conf. */

ngx_http_faas_auth_t *
ngx_http_faas_auth_load(ngx_conf_t *cf, ngx_str_t *name)
{
    size_t                 i;
    json_t                *root, *list, *item;
    ngx_http_faas_auth_t  *auth;

    auth = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_auth_t));

    if (auth == NULL
        || ngx_array_init(&auth->keys, cf->pool, 4,
                          sizeof(ngx_http_faas_key_t))
           != NGX_OK)
    {
        return NULL;
    }

    auth->path = *name;

    if (ngx_conf_full_name(cf->cycle, &auth->path, 1) != NGX_OK) {
        return NULL;
    }

    root = ngx_http_faas_secret_read(cf, "faas_auth", &auth->path);
    if (root == NULL) {
        return NULL;
    }

    list = json_object_get(root, "keys");

    if (json_array_size(list) == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"faas_auth\" file \"%V\" has no \"keys\"",
                           &auth->path);
        auth = NULL;
    }

    json_array_foreach(list, i, item) {
        if (auth
            && ngx_http_faas_auth_key(cf, auth, item, i) != NGX_CONF_OK)
        {
            auth = NULL;
        }
    }

    json_decref(root);

    return auth;
}


char *
ngx_http_faas_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    ngx_str_t  *value;

    if (flcf->auth != NGX_CONF_UNSET_PTR) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (value[1].len == 3 && ngx_strncmp(value[1].data, "off", 3) == 0) {
        flcf->auth = NULL;
        return NGX_CONF_OK;
    }

    flcf->auth = ngx_http_faas_auth_load(cf, &value[1]);

    return flcf->auth ? NGX_CONF_OK : NGX_CONF_ERROR;
}
