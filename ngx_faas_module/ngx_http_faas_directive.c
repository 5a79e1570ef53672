/*
 * Setters of the module's simple directives.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_check.h"
#include "ngx_http_faas_stream.h"


char *
ngx_http_faas_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    ngx_str_t                         *value;
    ngx_http_core_loc_conf_t          *clcf;
    ngx_http_compile_complex_value_t   ccv;

    if (flcf->function || flcf->name || flcf->api || flcf->lambda) {
        return "is duplicate, or there is a \"faas_api_pass\", "
               "\"faas_route\" or \"faas_lambda_api\"";
    }

    value = cf->args->elts;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (ngx_http_script_variables_count(&value[1])) {

        flcf->name = ngx_palloc(cf->pool, sizeof(ngx_http_complex_value_t));
        if (flcf->name == NULL) {
            return NGX_CONF_ERROR;
        }

        ngx_memzero(&ccv, sizeof(ngx_http_compile_complex_value_t));
        ccv.cf = cf;
        ccv.value = &value[1];
        ccv.complex_value = flcf->name;

        if (ngx_http_compile_complex_value(&ccv) != NGX_OK) {
            return NGX_CONF_ERROR;
        }

    } else {
        flcf->function = ngx_http_faas_reference(cf, &value[1]);
        if (flcf->function == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    clcf->handler = ngx_http_faas_handler;

    if (clcf->name.len && clcf->name.data[clcf->name.len - 1] == '/') {
        clcf->auto_redirect = 1;
    }

    return NGX_CONF_OK;
}


/* for an ngx_str_t at cmd->offset: an absolute path, once only */

char *
ngx_http_faas_dir(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char  *p = conf;

    ngx_str_t  *field, *value;

    field = (ngx_str_t *) (p + cmd->offset);

    value = cf->args->elts;

    if (field->data) {

        if (cmd->offset != offsetof(ngx_http_faas_main_conf_t, run_dir)) {
            return "is duplicate";
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "two run directories in use: \"faas_run_dir\" "
                           "\"%V\" comes after \"%V\"", &value[1], field);
        return NGX_CONF_ERROR;
    }

    *field = value[1];

    if (ngx_conf_full_name(cf->cycle, field, 0) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    while (field->len > 1 && field->data[field->len - 1] == '/') {
        field->len--;
        field->data[field->len] = '\0';
    }

    /* sockets in it are named as sun_path: "/v1/env/4294967295.4294967295" */

    if (cmd->offset == offsetof(ngx_http_faas_main_conf_t, run_dir)
        && field->len > sizeof(((struct sockaddr_un *) 0)->sun_path) - 32)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"faas_run_dir\" \"%V\" is longer than "
                           "%uz characters, which Unix sockets do not allow",
                           field,
                           sizeof(((struct sockaddr_un *) 0)->sun_path) - 32);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


char *
ngx_http_faas_blanks(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_main_conf_t *fmcf = conf;

    ngx_int_t                  n;
    ngx_str_t                 *value;
    ngx_uint_t                 i;
    ngx_http_faas_blanks_t    *blanks;
    ngx_http_faas_function_t   fn;

    value = cf->args->elts;

    ngx_memzero(&fn, sizeof(ngx_http_faas_function_t));
    fn.runtime = value[1];

    if (ngx_http_faas_check_runtime(cf, &fn) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (fn.kind != NGX_HTTP_FAAS_PYTHON && fn.kind != NGX_HTTP_FAAS_NODE
        && fn.kind != NGX_HTTP_FAAS_JAVA && fn.kind != NGX_HTTP_FAAS_MONO
        && (fn.kind != NGX_HTTP_FAAS_LANG
            || ngx_strcmp(value[1].data, "bash") == 0))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "runtime \"%V\" has no blanks: \"faas_blanks\" "
                           "is for python3, nodejs, java, mono, ruby, lua, "
                           "php and perl",
                           &value[1]);
        return NGX_CONF_ERROR;
    }

    n = ngx_atoi(value[2].data, value[2].len);
    if (n == NGX_ERROR || n > 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid number \"%V\" in \"faas_blanks\", "
                           "it must be between 0 and 1024", &value[2]);
        return NGX_CONF_ERROR;
    }

    blanks = fmcf->blanks.elts;

    for (i = 0; i < fmcf->blanks.nelts; i++) {
        if (blanks[i].runtime.len == value[1].len
            && ngx_strncmp(blanks[i].runtime.data, value[1].data,
                           value[1].len) == 0)
        {
            return "is duplicate for this runtime";
        }
    }

    blanks = ngx_array_push(&fmcf->blanks);
    if (blanks == NULL) {
        return NGX_CONF_ERROR;
    }

    blanks->runtime = value[1];
    blanks->count = n;

    return NGX_CONF_OK;
}


char *
ngx_http_faas_supervisor(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_main_conf_t *fmcf = conf;

    ngx_str_t  *value;

    if (fmcf->external != NGX_CONF_UNSET) {
        return "is duplicate";
    }

    value = cf->args->elts;

    if (ngx_strcmp(value[1].data, "auto") == 0) {
        fmcf->external = 0;
        return NGX_CONF_OK;
    }

    if (ngx_strncmp(value[1].data, "unix:/", 6) == 0
        && value[1].len - 5 < sizeof(((struct sockaddr_un *) 0)->sun_path))
    {
        fmcf->external = 1;
        fmcf->supervisor.data = value[1].data + 5;
        fmcf->supervisor.len = value[1].len - 5;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"faas_supervisor\", it must "
                       "be \"auto\" or \"unix:/path/of/the/doorbell\", "
                       "a path of at most %uz characters", &value[1],
                       sizeof(((struct sockaddr_un *) 0)->sun_path) - 1);
    return NGX_CONF_ERROR;
}


/*
 * nginx's own setters say that a value is wrong, but not which one: they are
 * called by these.
 */

static char *
ngx_http_faas_named(ngx_conf_t *cf, char *rv)
{
    ngx_str_t  *value;

    if (rv == NGX_CONF_OK || rv == NGX_CONF_ERROR
        || ngx_strcmp(rv, "is duplicate") == 0)
    {
        return rv;
    }

    value = cf->args->elts;

    if (cf->args->nelts == 3) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V %V\" in \"%V\" directive",
                           &value[1], &value[2], &value[0]);

    } else {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\" directive",
                           &value[1], &value[0]);
    }

    return NGX_CONF_ERROR;
}


char *
ngx_http_faas_num(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_faas_named(cf, ngx_conf_set_num_slot(cf, cmd, conf));
}


char *
ngx_http_faas_size(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_faas_named(cf, ngx_conf_set_size_slot(cf, cmd, conf));
}


char *
ngx_http_faas_off(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_faas_named(cf, ngx_conf_set_off_slot(cf, cmd, conf));
}


char *
ngx_http_faas_msec(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_faas_named(cf, ngx_conf_set_msec_slot(cf, cmd, conf));
}


char *
ngx_http_faas_bufs(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    return ngx_http_faas_named(cf, ngx_conf_set_bufs_slot(cf, cmd, conf));
}


/* ngx_conf_check_num_bounds() with the value in its message */

char *
ngx_http_faas_num_bounds(ngx_conf_t *cf, void *post, void *data)
{
    ngx_conf_num_bounds_t *bounds = post;

    ngx_int_t  *number = data;
    ngx_str_t  *value;

    if (*number >= bounds->low && *number <= bounds->high) {
        return NGX_CONF_OK;
    }

    value = cf->args->elts;

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid value \"%V\" in \"%V\", it must be a number "
                       "from %i to %i",
                       &value[1], &value[0], bounds->low, bounds->high);

    return NGX_CONF_ERROR;
}


/* faas_streaming_rate RATE [burst=SIZE]; 0 is no limit */

char *
ngx_http_faas_streaming_rate(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    ngx_http_faas_loc_conf_t *flcf = conf;

    ssize_t     rate, burst;
    ngx_str_t  *value, text;
    ngx_uint_t  wrong;

    if (flcf->stream_rate != NGX_CONF_UNSET_SIZE) {
        return "is duplicate";
    }

    value = cf->args->elts;

    rate = ngx_parse_size(&value[1]);
    burst = rate;
    wrong = (rate < 0) ? 1 : 0;

    if (cf->args->nelts == 3 && !wrong) {
        burst = 0;

        if (ngx_strncmp(value[2].data, "burst=", 6) == 0) {
            text.data = value[2].data + 6;
            text.len = value[2].len - 6;
            burst = ngx_parse_size(&text);
        }

        wrong = (burst < 1) ? 2 : 0;
    }

    if (wrong) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid value \"%V\" in \"%V\", it must be "
                           "BYTES [burst=BYTES]", &value[wrong], &value[0]);
        return NGX_CONF_ERROR;
    }

    flcf->stream_rate = rate;
    flcf->stream_burst = burst;

    return NGX_CONF_OK;
}
