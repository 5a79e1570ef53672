/*
 * faas_function NAME { ... }: the block, and names of functions.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_api.h"
#include "ngx_http_faas_check.h"


static ngx_int_t
ngx_http_faas_name_ok(ngx_str_t *name)
{
    u_char      ch;
    ngx_uint_t  i;

    if (name->len == 0 || name->len > FAAS_NAME_MAX) {
        return 0;
    }

    for (i = 0; i < name->len; i++) {
        ch = name->data[i];

        if (!((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')
              || (ch >= '0' && ch <= '9') || ch == '-' || ch == '_'))
        {
            return 0;
        }
    }

    return 1;
}


static ngx_http_faas_function_t *
ngx_http_faas_lookup(ngx_http_faas_main_conf_t *fmcf, ngx_str_t *name)
{
    ngx_uint_t                  i;
    ngx_http_faas_function_t  **fn;

    fn = fmcf->functions.elts;

    for (i = 0; i < fmcf->functions.nelts; i++) {
        if (fn[i]->name.len == name->len
            && ngx_strncmp(fn[i]->name.data, name->data, name->len) == 0)
        {
            return fn[i];
        }
    }

    return NULL;
}


/* A function may be named before it is defined. */

ngx_http_faas_function_t *
ngx_http_faas_reference(ngx_conf_t *cf, ngx_str_t *name)
{
    ngx_http_faas_function_t   *fn, **fnp;
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);

    if (!ngx_http_faas_name_ok(name)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid function name \"%V\" in \"%V\", it must "
                           "be 1 to %d letters, digits, \"-\" and \"_\"",
                           name, cf->args->elts, FAAS_NAME_MAX);
        return NULL;
    }

    fn = ngx_http_faas_lookup(fmcf, name);
    if (fn) {
        return fn;
    }

    fn = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_function_t));
    if (fn == NULL) {
        return NULL;
    }

    fnp = ngx_array_push(&fmcf->functions);
    if (fnp == NULL) {
        return NULL;
    }

    *fnp = fn;

    fn->name = *name;
    fn->file = cf->conf_file->file.name;
    fn->line = cf->conf_file->line;
    fn->index = FAAS_NIL;

    return fn;
}


char *
ngx_http_faas_check_references(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf)
{
    ngx_uint_t                  i;
    ngx_http_faas_function_t  **fn;

    fn = fmcf->functions.elts;

    for (i = 0; i < fmcf->functions.nelts; i++) {
        if (!fn[i]->defined) {
            ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                          "unknown function \"%V\" in \"faas_pass\" in %V:%ui",
                          &fn[i]->name, &fn[i]->file, fn[i]->line);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


/* By length, then by bytes: names are case-sensitive, as Lambda's are. */

static int
ngx_http_faas_name_cmp(ngx_str_t *one, u_char *name, size_t len)
{
    if (one->len != len) {
        return one->len < len ? -1 : 1;
    }

    return ngx_memcmp(one->data, name, len);
}


static int ngx_libc_cdecl
ngx_http_faas_sort_cmp(const void *one, const void *two)
{
    ngx_http_faas_function_t *const  *a = one;
    ngx_http_faas_function_t *const  *b = two;

    return ngx_http_faas_name_cmp(&(*a)->name, (*b)->name.data,
                                  (*b)->name.len);
}


void
ngx_http_faas_sort(ngx_http_faas_main_conf_t *fmcf)
{
    ngx_qsort(fmcf->functions.elts, fmcf->functions.nelts,
              sizeof(ngx_http_faas_function_t *), ngx_http_faas_sort_cmp);
}


ngx_http_faas_function_t *
ngx_http_faas_find(ngx_http_faas_main_conf_t *fmcf, u_char *name, size_t len)
{
    int                         rc;
    ngx_uint_t                  low, high, i;
    ngx_http_faas_function_t  **fn;

    fn = fmcf->functions.elts;
    low = 0;
    high = fmcf->functions.nelts;

    while (low < high) {
        i = (low + high) / 2;
        rc = ngx_http_faas_name_cmp(&fn[i]->name, name, len);

        if (rc == 0) {
            return fn[i];
        }

        if (rc < 0) {
            low = i + 1;

        } else {
            high = i;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_faas_function_unset(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    fn->timeout = NGX_CONF_UNSET_MSEC;
    fn->memory = NGX_CONF_UNSET_UINT;
    fn->concurrency = NGX_CONF_UNSET;
    fn->per_environment = NGX_CONF_UNSET_UINT;
    fn->provisioned = NGX_CONF_UNSET_UINT;
    fn->queue = NGX_CONF_UNSET_UINT;
    fn->queue_timeout = NGX_CONF_UNSET_MSEC;
    fn->max_requests = NGX_CONF_UNSET_UINT;
    fn->max_age = NGX_CONF_UNSET_MSEC;
    fn->idle_timeout = NGX_CONF_UNSET_MSEC;
    fn->tmp = NGX_CONF_UNSET_UINT;
    fn->network = NGX_CONF_UNSET_UINT;
    fn->cpu = NGX_CONF_UNSET;
    fn->official_client = NGX_CONF_UNSET;
    fn->keep_conn = NGX_CONF_UNSET;
    fn->path_info = NGX_CONF_UNSET;
    fn->reload_on_change = NGX_CONF_UNSET;
    fn->streaming = NGX_CONF_UNSET;

    return ngx_http_faas_places(cf, fn);
}


static char *
ngx_http_faas_function_defaults(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn)
{
    ngx_conf_init_msec_value(fn->timeout, 3000);
    ngx_conf_init_uint_value(fn->memory, 128);
    ngx_conf_init_uint_value(fn->network, NGX_HTTP_FAAS_EGRESS);
    ngx_conf_init_value(fn->cpu, 0);
    ngx_conf_init_uint_value(fn->provisioned, 0);
    ngx_conf_init_uint_value(fn->queue, 0);
    ngx_conf_init_msec_value(fn->queue_timeout, 1000);
    ngx_conf_init_uint_value(fn->max_requests, 0);
    ngx_conf_init_msec_value(fn->max_age, 0);
    ngx_conf_init_msec_value(fn->idle_timeout, 300000);
    ngx_conf_init_uint_value(fn->tmp, 512);
    ngx_conf_init_value(fn->official_client, 0);
    ngx_conf_init_value(fn->keep_conn, 1);
    ngx_conf_init_value(fn->path_info, 0);
    ngx_conf_init_value(fn->reload_on_change, 0);

    if (fn->account.data == NULL) {
        ngx_str_set(&fn->account, "000000000000");
    }

    if (fn->region.data == NULL) {
        ngx_str_set(&fn->region, "us-east-1");
    }

    if (fn->concurrency != NGX_CONF_UNSET
        && fn->provisioned > (ngx_uint_t) fn->concurrency)
    {
        ngx_http_faas_place(cf, fn, "provisioned");
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"provisioned\" %ui is greater than "
                           "\"concurrency\" %i in function \"%V\"",
                           fn->provisioned, fn->concurrency, &fn->name);
        return NGX_CONF_ERROR;
    }

    if (fn->max_age && fn->max_age < 1000) {
        ngx_http_faas_place(cf, fn, "max_age");
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"max_age\" %Mms is less than 1s "
                           "in function \"%V\"", fn->max_age, &fn->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/*
 * The block is complete.  cf is a copy whose place in the file the checks
 * set to what they complain of.
 */

static char *
ngx_http_faas_function_check(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    ngx_conf_file_t  end;

    if (ngx_http_faas_function_defaults(cf, fn) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (fn->runtime.len == 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "no \"runtime\" in function \"%V\"", &fn->name);
        return NGX_CONF_ERROR;
    }

    end = *cf->conf_file;
    ngx_http_faas_place(cf, fn, "runtime");

    if (ngx_http_faas_check_runtime(cf, fn) != NGX_CONF_OK
        || ngx_http_faas_version_defaults(cf, fn) != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    *cf->conf_file = end;

    /* uwsgi is for pools of processes, as FastCGI is */

    ngx_conf_init_uint_value(fn->per_environment,
                             ngx_strcmp(fn->runtime.data, "web") == 0
                             ? NGX_HTTP_FAAS_WEB_REQUESTS : 1);

    if (ngx_http_faas_check_mounts(cf, fn) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    *cf->conf_file = end;

    return ngx_http_faas_check_code(cf, fn);
}


char *
ngx_http_faas_function(ngx_conf_t *cf, ngx_command_t *cmd, void *conf)
{
    char                      *rv;
    ngx_str_t                 *value;
    ngx_conf_t                 save;
    ngx_conf_file_t            file;
    ngx_http_faas_function_t  *fn;

    value = cf->args->elts;

    fn = ngx_http_faas_reference(cf, &value[1]);
    if (fn == NULL) {
        return NGX_CONF_ERROR;
    }

    if (fn->defined) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "duplicate function \"%V\", the first one is "
                           "in %V:%ui", &fn->name, &fn->file, fn->line);
        return NGX_CONF_ERROR;
    }

    fn->defined = 1;
    fn->file = cf->conf_file->file.name;
    fn->line = cf->conf_file->line;

    if (ngx_http_faas_function_unset(cf, fn) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    save = *cf;
    cf->handler = ngx_http_faas_block;
    cf->handler_conf = (char *) fn;

    rv = ngx_conf_parse(cf, NULL);

    *cf = save;

    if (rv != NGX_CONF_OK) {
        return rv;
    }

    file = *cf->conf_file;
    cf->conf_file = &file;

    rv = ngx_http_faas_function_check(cf, fn);

    *cf = save;

    return rv;
}
