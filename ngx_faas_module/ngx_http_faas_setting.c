/*
 * faas_function NAME { ... }: the settings in the block.
 *
 * Runs in the master while it reads a configuration; takes no locks.  Ranges
 * are Lambda's (contract, section 6.5) unless the reference says otherwise.
 */

#include "ngx_http_faas.h"
#include "faas_json.h"
#include "faas_size.h"


typedef char *(*ngx_http_faas_setter_pt)(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);

typedef struct {
    ngx_str_t                  name;
    ngx_http_faas_setter_pt    set;
    size_t                     offset;
    ngx_int_t                  min;
    ngx_int_t                  max;
    ngx_uint_t                 most;            /* arguments */
} ngx_http_faas_setting_t;


static char *ngx_http_faas_set_str(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_num(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_time(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_mb(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_flag(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_code(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_command(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_environment(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_queue(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_account(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);


#define ngx_http_faas_fn(field)  offsetof(ngx_http_faas_function_t, field)

/* milliseconds in 31 bits, wherever they are kept */
#define NGX_HTTP_FAAS_LONGEST  (20 * 24 * 3600)

/* Lambda's, as compact JSON; also what fits the supervisor's messages */
#define NGX_HTTP_FAAS_ENVIRONMENT_MAX  4096
#define NGX_HTTP_FAAS_COMMAND_MAX      32768


static ngx_http_faas_setting_t  ngx_http_faas_settings[] = {
    { ngx_string("runtime"), ngx_http_faas_set_str,
      ngx_http_faas_fn(runtime), 1, 32, 1 },
    { ngx_string("handler"), ngx_http_faas_set_str,
      ngx_http_faas_fn(handler), 1, 128, 1 },
    { ngx_string("code"), ngx_http_faas_set_code,
      ngx_http_faas_fn(code), 0, 0, 1 },
    { ngx_string("command"), ngx_http_faas_set_command,
      ngx_http_faas_fn(command), 0, 0, 64 },
    { ngx_string("environment"), ngx_http_faas_set_environment,
      0, 0, 0, 64 },
    { ngx_string("timeout"), ngx_http_faas_set_time,
      ngx_http_faas_fn(timeout), 1, 900, 1 },
    { ngx_string("memory"), ngx_http_faas_set_mb,
      ngx_http_faas_fn(memory), 128, 32768, 1 },
    { ngx_string("tmp"), ngx_http_faas_set_mb,
      ngx_http_faas_fn(tmp), 1, 10240, 1 },
    { ngx_string("concurrency"), ngx_http_faas_set_num,
      ngx_http_faas_fn(concurrency), 0, 16384, 1 },
    { ngx_string("environment_concurrency"), ngx_http_faas_set_num,
      ngx_http_faas_fn(per_environment), 1, 1024, 1 },
    { ngx_string("provisioned"), ngx_http_faas_set_num,
      ngx_http_faas_fn(provisioned), 0, 16384, 1 },
    { ngx_string("queue"), ngx_http_faas_set_queue,
      ngx_http_faas_fn(queue), 0, 65536, 2 },
    { ngx_string("max_requests"), ngx_http_faas_set_num,
      ngx_http_faas_fn(max_requests), 0, NGX_MAX_INT32_VALUE, 1 },
    { ngx_string("max_age"), ngx_http_faas_set_time,
      ngx_http_faas_fn(max_age), 0, NGX_HTTP_FAAS_LONGEST, 1 },
    { ngx_string("idle_timeout"), ngx_http_faas_set_time,
      ngx_http_faas_fn(idle_timeout), 0, NGX_HTTP_FAAS_LONGEST, 1 },
    { ngx_string("account"), ngx_http_faas_set_account,
      ngx_http_faas_fn(account), 12, 12, 1 },
    { ngx_string("region"), ngx_http_faas_set_str,
      ngx_http_faas_fn(region), 1, 32, 1 },
    { ngx_string("reload_on_change"), ngx_http_faas_set_flag,
      ngx_http_faas_fn(reload_on_change), 0, 0, 1 },
    { ngx_null_string, NULL, 0, 0, 0, 0 }
};

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


/* the setting being read, for the setters' messages and limits */

static ngx_http_faas_setting_t *
ngx_http_faas_setting(ngx_str_t *name)
{
    ngx_http_faas_setting_t  *s;

    for (s = ngx_http_faas_settings; s->name.len; s++) {
        if (s->name.len == name->len
            && ngx_strncmp(s->name.data, name->data, name->len) == 0)
        {
            return s;
        }
    }

    return NULL;
}


/* Lets messages name the line of a setting that was read, if it was. */

void
ngx_http_faas_place(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    const char *setting)
{
    ngx_str_t               name;
    ngx_http_faas_place_t  *place;

    name.data = (u_char *) setting;
    name.len = ngx_strlen(setting);

    place = &fn->places[ngx_http_faas_setting(&name) - ngx_http_faas_settings];

    if (place->line) {
        cf->conf_file->file.name = place->file;
        cf->conf_file->line = place->line;
    }
}


static ngx_int_t
ngx_http_faas_placed(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_http_faas_setting_t *s)
{
    ngx_http_faas_place_t  *place;

    if (fn->places == NULL) {
        fn->places = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_settings)
                                           / sizeof(ngx_http_faas_setting_t)
                                           * sizeof(ngx_http_faas_place_t));
        if (fn->places == NULL) {
            return NGX_ERROR;
        }
    }

    if (s) {
        place = &fn->places[s - ngx_http_faas_settings];
        place->file = cf->conf_file->file.name;
        place->line = cf->conf_file->line;
    }

    return NGX_OK;
}


char *
ngx_http_faas_block(ngx_conf_t *cf, ngx_command_t *dummy, void *conf)
{
    ngx_http_faas_function_t *fn = conf;

    char                     *rv;
    ngx_str_t                *value;
    ngx_uint_t                i;
    ngx_http_faas_setting_t  *s;

    value = cf->args->elts;

    if (cf->args->nelts == 2 && ngx_strcmp(value[0].data, "include") == 0) {
        return ngx_conf_include(cf, dummy, conf);
    }

    s = ngx_http_faas_setting(&value[0]);

    if (s == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "unknown directive \"%V\" in function \"%V\"",
                           &value[0], &fn->name);
        return NGX_CONF_ERROR;
    }

    if (cf->args->nelts < 2 || cf->args->nelts - 1 > s->most) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number of arguments in \"%V\" directive",
                           &value[0]);
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < cf->args->nelts; i++) {
        if (!faas_utf8_valid(value[i].data, value[i].len)) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\", it must be "
                               "UTF-8", &value[i], &value[0]);
            return NGX_CONF_ERROR;
        }
    }

    rv = s->set(cf, fn, value, cf->args->nelts);

    if (rv == NGX_CONF_OK && ngx_http_faas_placed(cf, fn, s) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    if (rv != NGX_CONF_OK && rv != NGX_CONF_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0, "\"%V\" directive %s",
                           &value[0], rv);
        return NGX_CONF_ERROR;
    }

    return rv;
}


static char *
ngx_http_faas_set_str(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t                *field;
    ngx_uint_t                i;
    ngx_http_faas_setting_t  *s;

    s = ngx_http_faas_setting(&value[0]);
    field = (ngx_str_t *) ((char *) fn + s->offset);

    if (field->data) {
        return "is duplicate";
    }

    if ((ngx_int_t) value[1].len < s->min || (ngx_int_t) value[1].len > s->max)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must have "
                           "%i to %i characters", &value[1], &value[0],
                           s->min, s->max);
        return NGX_CONF_ERROR;
    }

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] <= ' ' || value[1].data[i] == 0x7f) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid value \"%V\" in \"%V\", it must not "
                               "have white space or control characters",
                               &value[1], &value[0]);
            return NGX_CONF_ERROR;
        }
    }

    *field = value[1];

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_set_num(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t                *field, number;
    ngx_http_faas_setting_t  *s;

    s = ngx_http_faas_setting(&value[0]);
    field = (ngx_int_t *) ((char *) fn + s->offset);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    number = ngx_atoi(value[1].data, value[1].len);

    if (number == NGX_ERROR || number < s->min || number > s->max) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a "
                           "number from %i to %i", &value[1], &value[0],
                           s->min, s->max);
        return NGX_CONF_ERROR;
    }

    *field = number;

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_set_time(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t                 ms;
    ngx_msec_t               *field;
    ngx_http_faas_setting_t  *s;

    s = ngx_http_faas_setting(&value[0]);
    field = (ngx_msec_t *) ((char *) fn + s->offset);

    if (*field != NGX_CONF_UNSET_MSEC) {
        return "is duplicate";
    }

    ms = ngx_parse_time(&value[1], 0);

    /* fractions of Lambda's one second are allowed: a shorter limit is safe */

    if (ms == NGX_ERROR || (s->min && ms < 1) || ms / 1000 > s->max
        || (ms / 1000 == s->max && ms % 1000))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a "
                           "time %s%is", &value[1], &value[0],
                           s->min ? "above 0 and up to " : "up to ", s->max);
        return NGX_CONF_ERROR;
    }

    *field = ms;

    return NGX_CONF_OK;
}


/* "256m", "1g", or as Lambda writes it: a plain number of megabytes */

static char *
ngx_http_faas_set_mb(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t                 mb;
    ngx_uint_t               *field;
    ngx_http_faas_setting_t  *s;

    s = ngx_http_faas_setting(&value[0]);
    field = (ngx_uint_t *) ((char *) fn + s->offset);

    if (*field != NGX_CONF_UNSET_UINT) {
        return "is duplicate";
    }

    mb = faas_size_mb(value[1].data, value[1].len, s->min, s->max);

    if (mb == -1) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be a "
                           "size from %im to %im", &value[1], &value[0],
                           s->min, s->max);
        return NGX_CONF_ERROR;
    }

    *field = mb;

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_set_flag(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_flag_t               *field;
    ngx_http_faas_setting_t  *s;

    s = ngx_http_faas_setting(&value[0]);
    field = (ngx_flag_t *) ((char *) fn + s->offset);

    if (*field != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    if (ngx_strcasecmp(value[1].data, (u_char *) "on") == 0) {
        *field = 1;

    } else if (ngx_strcasecmp(value[1].data, (u_char *) "off") == 0) {
        *field = 0;

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be "
                           "\"on\" or \"off\"", &value[1], &value[0]);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_set_code(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    if (fn->code.data) {
        return "is duplicate";
    }

    fn->code = value[1];

    if (ngx_conf_full_name(cf->cycle, &fn->code, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_set_command(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_str_t   *arg;
    ngx_uint_t   i;

    if (fn->command) {
        return "is duplicate";
    }

    fn->command = ngx_array_create(cf->pool, n, sizeof(ngx_str_t));
    if (fn->command == NULL) {
        return NGX_CONF_ERROR;
    }

    for (i = 1; i < n; i++) {
        arg = ngx_array_push(fn->command);
        if (arg == NULL) {
            return NGX_CONF_ERROR;
        }

        *arg = value[i];
    }

    return NGX_CONF_OK;
}


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


static char *
ngx_http_faas_set_environment(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    u_char        *p;
    ngx_uint_t     i, k;
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

        if (ngx_http_faas_key_ok(cf, &pair.key) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

        kv = fn->environment->elts;

        for (k = 0; k < fn->environment->nelts; k++) {
            if (kv[k].key.len == pair.key.len
                && ngx_strncmp(kv[k].key.data, pair.key.data, pair.key.len)
                   == 0)
            {
                ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                                   "duplicate key \"%V\" in \"environment\"",
                                   &pair.key);
                return NGX_CONF_ERROR;
            }
        }

        kv = ngx_array_push(fn->environment);
        if (kv == NULL) {
            return NGX_CONF_ERROR;
        }

        *kv = pair;
    }

    return NGX_CONF_OK;
}


/* queue N [timeout=TIME] */

static char *
ngx_http_faas_set_queue(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    char       *rv;
    ngx_int_t   ms;
    ngx_str_t   time;

    rv = ngx_http_faas_set_num(cf, fn, value, 2);
    if (rv != NGX_CONF_OK || n == 2) {
        return rv;
    }

    ms = NGX_ERROR;

    if (value[2].len > 8 && ngx_strncmp(value[2].data, "timeout=", 8) == 0) {
        time.data = value[2].data + 8;
        time.len = value[2].len - 8;
        ms = ngx_parse_time(&time, 0);
    }

    if (ms == NGX_ERROR || ms < 1 || ms > 900000) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"queue\", it must be "
                           "timeout=TIME above 0 and up to 900s", &value[2]);
        return NGX_CONF_ERROR;
    }

    fn->queue_timeout = ms;

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_set_account(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t  i;

    for (i = 0; i < value[1].len; i++) {
        if (value[1].data[i] < '0' || value[1].data[i] > '9') {
            break;
        }
    }

    if (i < value[1].len || value[1].len != 12) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"account\", it must be "
                           "12 digits", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_faas_set_str(cf, fn, value, n);
}
