/*
 * faas_api NAME { ... } and faas_api_pass: the description of an API, but for
 * its routes (ngx_http_faas_route.c).
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_api.h"


typedef char *(*ngx_http_faas_api_pt)(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n);

typedef struct {
    ngx_str_t                  name;
    ngx_http_faas_api_pt       set;
    size_t                     offset;
    ngx_uint_t                 least;           /* arguments */
    ngx_uint_t                 most;
} ngx_http_faas_api_setting_t;


static char *ngx_http_faas_api_block(ngx_conf_t *cf, ngx_command_t *dummy,
    void *conf);
static char *ngx_http_faas_api_type(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_api_payload(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_api_str(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_api_account(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_api_multi(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_api_binary(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_api_stage(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n);


#define ngx_http_faas_of_api(field)  offsetof(ngx_http_faas_api_t, field)
#define NGX_HTTP_FAAS_MANY           1024


static ngx_http_faas_api_setting_t  ngx_http_faas_api_settings[] = {
    { ngx_string("type"), ngx_http_faas_api_type, 0, 1, 1 },
    { ngx_string("payload"), ngx_http_faas_api_payload, 0, 1, 1 },
    { ngx_string("api_id"), ngx_http_faas_api_str,
      ngx_http_faas_of_api(api_id), 1, 1 },
    { ngx_string("account"), ngx_http_faas_api_account, 0, 1, 1 },
    { ngx_string("region"), ngx_http_faas_api_str,
      ngx_http_faas_of_api(region), 1, 1 },
    { ngx_string("domain"), ngx_http_faas_api_str,
      ngx_http_faas_of_api(domain), 1, 1 },
    { ngx_string("target_group"), ngx_http_faas_api_str,
      ngx_http_faas_of_api(target_group), 1, 1 },
    { ngx_string("multi_value"), ngx_http_faas_api_multi, 0, 1, 1 },
    { ngx_string("binary_media_types"), ngx_http_faas_api_binary, 0, 1,
      NGX_HTTP_FAAS_MANY },
    { ngx_string("stage"), ngx_http_faas_api_stage, 0, 1,
      NGX_HTTP_FAAS_MANY },
    { ngx_string("cors"), ngx_http_faas_set_cors, 0, 1, 16 },
    { ngx_string("throttle"), ngx_http_faas_set_throttle, 0, 1, 2 },
    { ngx_string("stage_throttle"), ngx_http_faas_set_stage_throttle, 0, 2,
      3 },
    { ngx_string("authorizer"), ngx_http_faas_set_authorizer, 0, 2, 16 },
    { ngx_string("authorizer_default"), ngx_http_faas_set_authorizer_default,
      0, 1, 1 },
    { ngx_string("api_keys"), ngx_http_faas_set_api_keys, 0, 1, 1 },
    { ngx_string("route"), ngx_http_faas_route, 0, 2, 16 },
    { ngx_null_string, NULL, 0, 0, 0 }
};

static ngx_str_t  ngx_http_faas_api_types[] = {
    ngx_string("http"),
    ngx_string("rest"),
    ngx_string("url"),
    ngx_string("alb")
};


ngx_http_faas_api_t *
ngx_http_faas_api_create(ngx_conf_t *cf)
{
    ngx_http_faas_api_t        *api, **apip;
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);

    api = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_api_t));
    apip = ngx_array_push(&fmcf->apis);

    if (api == NULL || apip == NULL) {
        return NULL;
    }

    *apip = api;

    api->type = NGX_CONF_UNSET_UINT;
    api->payload = NGX_CONF_UNSET_UINT;
    api->multi_value = NGX_CONF_UNSET;
    api->place.file = cf->conf_file->file.name;
    api->place.line = cf->conf_file->line;

    if (ngx_array_init(&api->stages, cf->pool, 2,
                       sizeof(ngx_http_faas_stage_t))
        != NGX_OK
        || ngx_array_init(&api->routes, cf->pool, 8,
                          sizeof(ngx_http_faas_route_t *))
           != NGX_OK
        || ngx_array_init(&api->regexes, cf->pool, 2,
                          sizeof(ngx_http_faas_route_t *))
           != NGX_OK)
    {
        return NULL;
    }

    return api;
}


/* An API may be named before it is defined. */

static ngx_http_faas_api_t *
ngx_http_faas_api_reference(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_faas_api_t       **apis, *api;
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);
    apis = fmcf->apis.elts;

    for (i = 0; i < fmcf->apis.nelts; i++) {
        if (!apis[i]->local && apis[i]->name.len == name->len
            && ngx_strncmp(apis[i]->name.data, name->data, name->len) == 0)
        {
            return apis[i];
        }
    }

    for (i = 0; i < name->len; i++) {
        if (!((name->data[i] | 0x20) >= 'a' && (name->data[i] | 0x20) <= 'z')
            && !(name->data[i] >= '0' && name->data[i] <= '9')
            && name->data[i] != '-' && name->data[i] != '_')
        {
            break;
        }
    }

    if (name->len == 0 || name->len > FAAS_NAME_MAX || i < name->len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid API name \"%V\", it must be 1 to %d "
                           "letters, digits, \"-\" and \"_\"", name,
                           FAAS_NAME_MAX);
        return NULL;
    }

    api = ngx_http_faas_api_create(cf);

    if (api) {
        api->name = *name;
    }

    return api;
}


char *
ngx_http_faas_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                 *rv;
    ngx_str_t            *value;
    ngx_conf_t            save;
    ngx_http_faas_api_t  *api;

    value = cf->args->elts;

    api = ngx_http_faas_api_reference(cf, &value[1]);
    if (api == NULL) {
        return NGX_CONF_ERROR;
    }

    if (api->defined) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate API \"%V\", the first one is in %V:%ui",
                           &api->name, &api->place.file, api->place.line);
        return NGX_CONF_ERROR;
    }

    api->defined = 1;
    api->place.file = cf->conf_file->file.name;
    api->place.line = cf->conf_file->line;

    save = *cf;
    cf->handler = ngx_http_faas_api_block;
    cf->handler_conf = (char *) api;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    return rv == NGX_CONF_OK ? ngx_http_faas_api_complete(cf, api) : rv;
}


static char *
ngx_http_faas_api_block(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_faas_api_t *api = conf;

    char                         *rv;
    ngx_str_t                    *value;
    ngx_http_faas_api_setting_t  *s;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, dummy, conf);
    }

    for (s = ngx_http_faas_api_settings; s->name.len; s++) {
        if (s->name.len == value[0].len
            && ngx_strncmp(s->name.data, value[0].data, value[0].len) == 0)
        {
            break;
        }
    }

    if (s->name.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in API \"%V\"",
                           &value[0], &api->name);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts - 1 < s->least || cf->args->nelts - 1 > s->most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    if (s->set == ngx_http_faas_api_str) {
        return ngx_http_faas_api_str(cf, api, value, s->offset);
    }

    rv = s->set(cf, api, value, cf->args->nelts);

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive %s",
                           &value[0], rv);
        return NGX_CONF_ERROR;
    }

    return rv;
}


static char *
ngx_http_faas_api_type(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t  i;

    if (api->type != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    for (i = 0; i < 4; i++) {
        if (ngx_http_faas_api_types[i].len == value[1].len
            && ngx_strncmp(ngx_http_faas_api_types[i].data, value[1].data,
                           value[1].len)
               == 0)
        {
            api->type = i;
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"type\", it must be "
                       "\"http\", \"rest\", \"url\" or \"alb\"", &value[1]);

    return NGX_CONF_ERROR;
}


static char *
ngx_http_faas_api_payload(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    if (api->payload != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    return ngx_http_faas_payload(cf, &value[1], &api->payload);
}


/* The last argument is the place of the string. */

static char *
ngx_http_faas_api_str(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t offset)
{
    ngx_str_t   *field;
    ngx_uint_t   i;

    field = (ngx_str_t *) ((char *) api + offset);

    if (field->data) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"%V\" directive is duplicate", &value[0]);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] <= ' ' || value[1].data[i] >= 0x7f
            || value[1].data[i] == '"' || value[1].data[i] == '\\')
        {
            break;
        }
    }

    if (value[1].len == 0 || value[1].len > 255 || i < value[1].len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be 1 to "
                           "255 printable characters", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    *field = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_api_account(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    if (api->account.data) {
        return "is duplicate";
    }

    if (value[1].len != 12 || ngx_atoof(value[1].data, 12) == NGX_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"account\", it must be "
                           "12 digits", &value[1]);
        return NGX_CONF_ERROR;
    }

    api->account = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_api_multi(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    if (api->multi_value != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        api->multi_value = 1;

    } else if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        api->multi_value = 0;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"multi_value\", it must "
                           "be \"on\" or \"off\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* "type/subtype", where the subtype or both may be "*" */

static char *
ngx_http_faas_api_binary(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    u_char      *slash;
    ngx_str_t   *type;
    ngx_uint_t   i;

    if (api->binary) {
        return "is duplicate";
    }

    api->binary = ngx_array_create(cf->pool, n - 1, sizeof(ngx_str_t));
    if (api->binary == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {
        slash = ngx_strlchr(value[i].data, value[i].data + value[i].len, '/');

        if (slash == NULL || slash == value[i].data
            || slash == value[i].data + value[i].len - 1
            || (value[i].data[0] == '*' && ngx_strcmp(value[i].data, "*/*")))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid media type \"%V\" in \"%V\"",
                               &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }

        type = ngx_array_push(api->binary);
        *type = value[i];
        ngx_strlow(type->data, type->data, type->len);
    }

    return NGX_CONF_OK;
}


/* Nothing but letters, digits and MORE; a text of nothing has nothing else. */

ngx_uint_t
ngx_http_faas_letters(ngx_str_t *s, const char *more)
{
    u_char      ch;
    ngx_uint_t  i;

    for (i = 0; i < s->len; i++) {
        ch = s->data[i];

        if (!((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
            && !(ch >= '0' && ch <= '9')
            && (ch == '\0' || ngx_strchr(more, ch) == NULL))
        {
            return 0;
        }
    }

    return 1;
}


/* Names and values: contract, section 7.5. */

static ngx_int_t
ngx_http_faas_stage_variable(ngx_conf_t *cf, ngx_http_faas_stage_t *stage,
    ngx_str_t *text)
{
    u_char        *eq;
    ngx_keyval_t  *kv;

    eq = ngx_strlchr(text->data, text->data + text->len, '=');

    if (eq == NULL) {
        return NGX_DECLINED;
    }

    if (stage->variables == NULL) {
        stage->variables = ngx_array_create(cf->pool, 4, sizeof(ngx_keyval_t));
        if (stage->variables == NULL) {
            return NGX_ERROR;
        }
    }

    kv = ngx_array_push(stage->variables);
    if (kv == NULL) {
        return NGX_ERROR;
    }

    kv->key.data = text->data;
    kv->key.len = eq - text->data;
    kv->value.data = eq + 1;
    kv->value.len = text->data + text->len - kv->value.data;

    return (kv->key.len && kv->key.len <= 64 && kv->value.len <= 512
            && ngx_http_faas_letters(&kv->key, "_")
            && ngx_http_faas_letters(&kv->value, "-._~:/?#&=,"))
           ? NGX_OK : NGX_DECLINED;
}


static char *
ngx_http_faas_api_stage(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t               rc;
    ngx_uint_t              i;
    ngx_http_faas_stage_t  *stage;

    stage = api->stages.elts;

    for (i = 0; i < api->stages.nelts; i++) {
        if (stage[i].name.len == value[1].len
            && ngx_strncmp(stage[i].name.data, value[1].data, value[1].len)
               == 0)
        {
            return "names a stage that there is already";
        }
    }

    if (value[1].len == 0 || value[1].len > 128
        || (!ngx_http_faas_letters(&value[1], "-_")
            && ngx_strcmp(value[1].data, "$default") != 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid stage \"%V\", it must be letters, "
                           "digits, \"-\" and \"_\", or \"$default\"",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    stage = ngx_array_push(&api->stages);
    if (stage == NULL) {
        return NGX_CONF_ERROR;
    }

    ngx_memzero(stage, sizeof(ngx_http_faas_stage_t));
    stage->name = value[1];

    for (i = 2; i < n; i++) {
        rc = ngx_http_faas_stage_variable(cf, stage, &value[i]);

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid stage variable \"%V\"", &value[i]);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_api_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_core_loc_conf_t  *clcf;

    if (flcf->api || flcf->function || flcf->name || flcf->lambda) {
        return "is duplicate, or there is another \"faas_pass\", "
               "\"faas_api_pass\", \"faas_route\" or \"faas_lambda_api\"";
    }

    value = cf->args->elts;

    flcf->api = ngx_http_faas_api_reference(cf, &value[1]);
    if (flcf->api == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 2; i < cf->args->nelts; i++) {

        if (ngx_strncmp(value[i].data, "base_path=", 10) == 0) {
            flcf->base.data = value[i].data + 10;
            flcf->base.len = value[i].len - 10;

            if (flcf->base.len < 2 || flcf->base.data[0] != '/'
                || flcf->base.data[flcf->base.len - 1] == '/')
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "invalid \"%V\", it must begin with \"/\" "
                                   "and not end with one", &value[i]);
                return NGX_CONF_ERROR;
            }

        } else if (i == 2 && value[i].len) {
            flcf->stage = value[i];

        } else {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\"", &value[i]);
            return NGX_CONF_ERROR;
        }
    }

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    clcf->handler = ngx_http_faas_api_handler;

    flcf->api_place.file = cf->conf_file->file.name;
    flcf->api_place.line = cf->conf_file->line;

    return NGX_CONF_OK;
}
