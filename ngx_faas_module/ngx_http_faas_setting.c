/*
 * faas_function NAME { ... }: the settings in the block.
 *
 * Runs in the master while it reads a configuration; takes no locks.  Ranges
 * are Lambda's (contract, section 6.5) unless the reference says otherwise.
 */

#include "ngx_http_faas_api.h"
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
static char *ngx_http_faas_set_queue(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_readiness(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
static char *ngx_http_faas_set_account(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);


#define ngx_http_faas_fn(field)  offsetof(ngx_http_faas_function_t, field)

/* milliseconds in 31 bits, wherever they are kept */
#define NGX_HTTP_FAAS_LONGEST  (20 * 24 * 3600)

/* what fits a message to the supervisor's spawners */
#define NGX_HTTP_FAAS_COMMAND_MAX  32768

/* its error is said without it: longer ones would be all of the message */
#define NGX_HTTP_FAAS_READINESS_MAX  1024


static ngx_http_faas_setting_t  ngx_http_faas_settings[] = {
    { ngx_string("runtime"), ngx_http_faas_set_str,
      ngx_http_faas_fn(runtime), 1, 32, 1 },
    { ngx_string("handler"), ngx_http_faas_set_str,
      ngx_http_faas_fn(handler), 1, 128, 1 },
    { ngx_string("code"), ngx_http_faas_set_code,
      ngx_http_faas_fn(code), 0, 0, 1 },
    { ngx_string("code_inline"), ngx_http_faas_set_inline,
      0, 0, 0, 1 },
    { ngx_string("image"), ngx_http_faas_set_image,
      0, 0, 0, 1 },
    { ngx_string("layers"), ngx_http_faas_set_layers,
      0, 0, 0, 64 },
    { ngx_string("command"), ngx_http_faas_set_command,
      ngx_http_faas_fn(command), 0, 0, 64 },
    { ngx_string("listen"), ngx_http_faas_set_listen,
      0, 0, 0, 1 },
    { ngx_string("readiness"), ngx_http_faas_set_readiness,
      ngx_http_faas_fn(readiness), 1, NGX_HTTP_FAAS_READINESS_MAX, 1 },
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
    { ngx_string("network"), ngx_http_faas_set_network,
      0, 0, 0, 1 },
    { ngx_string("cpu"), ngx_http_faas_set_cpu,
      0, 0, 0, 1 },
    { ngx_string("seccomp"), ngx_http_faas_set_seccomp,
      0, 0, 0, 64 },
    { ngx_string("mount"), ngx_http_faas_set_mount,
      0, 0, 0, 3 },
    { ngx_string("account"), ngx_http_faas_set_account,
      ngx_http_faas_fn(account), 12, 12, 1 },
    { ngx_string("region"), ngx_http_faas_set_str,
      ngx_http_faas_fn(region), 1, 32, 1 },
    { ngx_string("version"), ngx_http_faas_set_version,
      0, 0, 0, 2 },
    { ngx_string("alias"), ngx_http_faas_set_alias,
      0, 0, 0, 64 },
    { ngx_string("official_client"), ngx_http_faas_set_flag,
      ngx_http_faas_fn(official_client), 0, 0, 1 },
    { ngx_string("keep_conn"), ngx_http_faas_set_flag,
      ngx_http_faas_fn(keep_conn), 0, 0, 1 },
    { ngx_string("path_info"), ngx_http_faas_set_flag,
      ngx_http_faas_fn(path_info), 0, 0, 1 },
    { ngx_string("reload_on_change"), ngx_http_faas_set_flag,
      ngx_http_faas_fn(reload_on_change), 0, 0, 1 },
    { ngx_string("streaming"), ngx_http_faas_set_flag,
      ngx_http_faas_fn(streaming), 0, 0, 1 },
    { ngx_null_string, NULL, 0, 0, 0, 0 }
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


ngx_int_t
ngx_http_faas_places(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    fn->places = ngx_pcalloc(cf->temp_pool,
                             sizeof(ngx_http_faas_settings)
                             / sizeof(ngx_http_faas_setting_t)
                             * sizeof(ngx_http_faas_place_t));

    return fn->places ? NGX_OK : NGX_ERROR;
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

    fn->places[s - ngx_http_faas_settings].file = cf->conf_file->file.name;
    fn->places[s - ngx_http_faas_settings].line = cf->conf_file->line;

    rv = s->set(cf, fn, value, cf->args->nelts);

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
    size_t       size;
    ngx_str_t   *arg;
    ngx_uint_t   i;

    if (fn->command) {
        return "is duplicate";
    }

    fn->command = ngx_array_create(cf->pool, n, sizeof(ngx_str_t));
    if (fn->command == NULL) {
        return NGX_CONF_ERROR;
    }

    size = 0;

    for (i = 1; i < n; i++) {
        arg = ngx_array_push(fn->command);
        if (arg == NULL) {
            return NGX_CONF_ERROR;
        }

        *arg = value[i];
        size += value[i].len + 1;
    }

    if (value[1].len == 0 || size > NGX_HTTP_FAAS_COMMAND_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"command\", it must have "
                           "1 to %d bytes with all arguments",
                           &value[1], NGX_HTTP_FAAS_COMMAND_MAX);
        return NGX_CONF_ERROR;
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
ngx_http_faas_set_readiness(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    if (value[1].len > NGX_HTTP_FAAS_READINESS_MAX) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value in \"readiness\", it must have 1 to "
                           "%d characters", NGX_HTTP_FAAS_READINESS_MAX);
        return NGX_CONF_ERROR;
    }

    if (value[1].len && value[1].data[0] != '/') {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"readiness\", it must "
                           "begin with \"/\"", &value[1]);
        return NGX_CONF_ERROR;
    }

    return ngx_http_faas_set_str(cf, fn, value, n);
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
