/*
 * Configuration structures: made, merged, completed.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_api.h"
#include "ngx_http_faas_check.h"
#include "ngx_http_faas_lambda.h"


static ngx_str_t  ngx_http_faas_hide_headers[] = {
    ngx_string("Status"),
    ngx_string("X-Accel-Expires"),
    ngx_string("X-Accel-Redirect"),
    ngx_string("X-Accel-Limit-Rate"),
    ngx_string("X-Accel-Buffering"),
    ngx_string("X-Accel-Charset"),
    ngx_null_string
};

static ngx_path_init_t  ngx_http_faas_temp_path = {
    ngx_string("faas_temp"), { 1, 2, 0 }
};


void *
ngx_http_faas_create_main_conf(ngx_conf_t *cf)
{
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_main_conf_t));
    if (fmcf == NULL) {
        return NULL;
    }

    fmcf->max_functions = NGX_CONF_UNSET_UINT;
    fmcf->max_environments = NGX_CONF_UNSET_UINT;
    fmcf->external = NGX_CONF_UNSET;
    fmcf->isolation = NGX_CONF_UNSET_UINT;
    fmcf->uid_first = NGX_CONF_UNSET_UINT;

    if (ngx_array_init(&fmcf->functions, cf->pool, 4,
                       sizeof(ngx_http_faas_function_t *))
        != NGX_OK
        || ngx_array_init(&fmcf->apis, cf->pool, 4,
                          sizeof(ngx_http_faas_api_t *))
           != NGX_OK
        || ngx_array_init(&fmcf->blanks, cf->pool, 2,
                          sizeof(ngx_http_faas_blanks_t))
           != NGX_OK
        || ngx_array_init(&fmcf->deny, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK
        || ngx_array_init(&fmcf->allow, cf->pool, 4, sizeof(ngx_str_t))
           != NGX_OK)
    {
        return NULL;
    }

#if (NGX_HTTP_CACHE)
    if (ngx_array_init(&fmcf->caches, cf->pool, 4,
                       sizeof(ngx_http_file_cache_t *))
        != NGX_OK)
    {
        return NULL;
    }
#endif

    return fmcf;
}


char *
ngx_http_faas_init_main_conf(ngx_conf_t *cf, void *conf)
{
    ngx_http_faas_main_conf_t  *fmcf = conf;

    ngx_conf_init_uint_value(fmcf->max_functions, 1024);
    ngx_conf_init_uint_value(fmcf->max_environments, 512);
    ngx_conf_init_value(fmcf->external, 0);

    if (fmcf->run_dir.data == NULL) {
        ngx_str_set(&fmcf->run_dir, "/run/faas");
    }

    if (fmcf->state_dir.data == NULL) {
        ngx_str_set(&fmcf->state_dir, "/var/lib/faas");
    }

    if (fmcf->runtime_dir.data == NULL) {
        ngx_str_set(&fmcf->runtime_dir, "/usr/lib/faas");
    }

    if (ngx_http_faas_check_built(cf, fmcf) != NGX_CONF_OK
        || ngx_http_faas_sandbox_defaults(cf, fmcf) != NGX_CONF_OK
        || ngx_http_faas_check_references(cf, fmcf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_faas_sort(fmcf);

    if (ngx_http_faas_check_versions(cf, fmcf) != NGX_CONF_OK
        || ngx_http_faas_check_apis(cf, fmcf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (fmcf->functions.nelts > fmcf->max_functions) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%ui functions are configured, but "
                           "\"faas_max_functions\" is %ui",
                           fmcf->functions.nelts, fmcf->max_functions);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


void *
ngx_http_faas_create_loc_conf(ngx_conf_t *cf)
{
    ngx_http_faas_loc_conf_t  *conf;

    conf = ngx_pcalloc(cf->pool, sizeof(ngx_http_faas_loc_conf_t));
    if (conf == NULL) {
        return NULL;
    }

    conf->status = NGX_CONF_UNSET;
    conf->auth = NGX_CONF_UNSET_PTR;
    conf->ignore_abort = NGX_CONF_UNSET;
    conf->request_max = NGX_CONF_UNSET_SIZE;
    conf->response_max = NGX_CONF_UNSET_SIZE;
    conf->streaming = NGX_CONF_UNSET;
    conf->stream_max = NGX_CONF_UNSET;
    conf->stream_rate = NGX_CONF_UNSET_SIZE;

    conf->upstream.buffering = NGX_CONF_UNSET;
    conf->upstream.buffer_size = NGX_CONF_UNSET_SIZE;
    conf->upstream.max_temp_file_size_conf = NGX_CONF_UNSET_SIZE;
    conf->upstream.intercept_errors = NGX_CONF_UNSET;
    conf->upstream.hide_headers = NGX_CONF_UNSET_PTR;
    conf->upstream.pass_headers = NGX_CONF_UNSET_PTR;

#if (NGX_HTTP_CACHE)
    conf->upstream.cache = NGX_CONF_UNSET;
    conf->upstream.cache_min_uses = NGX_CONF_UNSET_UINT;
    conf->upstream.cache_max_range_offset = NGX_CONF_UNSET;
    conf->upstream.cache_bypass = NGX_CONF_UNSET_PTR;
    conf->upstream.no_cache = NGX_CONF_UNSET_PTR;
    conf->upstream.cache_valid = NGX_CONF_UNSET_PTR;
    conf->upstream.cache_lock = NGX_CONF_UNSET;
    conf->upstream.cache_lock_timeout = NGX_CONF_UNSET_MSEC;
    conf->upstream.cache_lock_age = NGX_CONF_UNSET_MSEC;
    conf->upstream.cache_revalidate = NGX_CONF_UNSET;
    conf->upstream.cache_background_update = NGX_CONF_UNSET;
#endif

    return conf;
}


/* ngx_http_upstream works without an "upstream" block on this one */

static ngx_int_t
ngx_http_faas_private_upstream(ngx_conf_t *cf, ngx_http_upstream_conf_t *u)
{
    ngx_http_upstream_srv_conf_t  *uscf;

    uscf = ngx_pcalloc(cf->pool, sizeof(ngx_http_upstream_srv_conf_t));
    if (uscf == NULL) {
        return NGX_ERROR;
    }

    ngx_str_set(&uscf->host, "faas");
    uscf->peer.init = ngx_http_faas_peer_init;
    uscf->file_name = cf->conf_file->file.name.data;
    uscf->line = cf->conf_file->line;

    u->upstream = uscf;

    return NGX_OK;
}


static char *
ngx_http_faas_merge_buffers(ngx_conf_t *cf, ngx_http_upstream_conf_t *prev,
    ngx_http_upstream_conf_t *u)
{
    ngx_conf_merge_value(u->buffering, prev->buffering, 1);
    ngx_conf_merge_size_value(u->buffer_size, prev->buffer_size,
                              (size_t) ngx_pagesize);
    ngx_conf_merge_bufs_value(u->bufs, prev->bufs, 8, ngx_pagesize);

    if (u->bufs.num < 2) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "there must be at least 2 \"faas_buffers\", "
                           "not %i", u->bufs.num);
        return NGX_CONF_ERROR;
    }

    if (u->buffer_size < 1024) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"faas_buffer_size\" %uz is less than 1024",
                           u->buffer_size);
        return NGX_CONF_ERROR;
    }

    u->busy_buffers_size = ngx_max(2 * u->buffer_size, u->bufs.size);
    u->temp_file_write_size = 2 * ngx_max(u->buffer_size, u->bufs.size);

    if (u->busy_buffers_size > (u->bufs.num - 1) * u->bufs.size) {
        u->busy_buffers_size = ngx_max(u->buffer_size, u->bufs.size);
    }

    if (u->busy_buffers_size > (u->bufs.num - 1) * u->bufs.size) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"faas_buffer_size\" %uz is larger than all "
                           "\"faas_buffers\" but one, %uz", u->buffer_size,
                           (u->bufs.num - 1) * u->bufs.size);
        return NGX_CONF_ERROR;
    }

    ngx_conf_merge_size_value(u->max_temp_file_size_conf,
                              prev->max_temp_file_size_conf,
                              NGX_CONF_UNSET_SIZE);

    u->max_temp_file_size =
                      u->max_temp_file_size_conf == NGX_CONF_UNSET_SIZE
                      ? 1024 * 1024 * 1024 : u->max_temp_file_size_conf;

    if (u->max_temp_file_size != 0
        && u->max_temp_file_size < ngx_max(u->buffer_size, u->bufs.size))
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"faas_max_temp_file_size\" %uz must be 0, or "
                           "not less than a buffer, %uz",
                           u->max_temp_file_size,
                           ngx_max(u->buffer_size, u->bufs.size));
        return NGX_CONF_ERROR;
    }

    return ngx_conf_merge_path_value(cf, &u->temp_path, prev->temp_path,
                                     &ngx_http_faas_temp_path) == NGX_CONF_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static void
ngx_http_faas_merge_upstream(ngx_http_upstream_conf_t *prev,
    ngx_http_upstream_conf_t *u)
{
    ngx_conf_merge_value(u->intercept_errors, prev->intercept_errors, 0);

    ngx_conf_merge_bitmask_value(u->ignore_headers, prev->ignore_headers,
                                 (NGX_CONF_BITMASK_SET
                                  |NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT
                                  |NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE
                                  |NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING
                                  |NGX_HTTP_UPSTREAM_IGN_XA_CHARSET
                                  |NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES));

    /*
     * A dead environment is replaced only as long as no byte of the event
     * was sent; peer.free sees to that.  Our own timers watch the times, so
     * those of ngx_http_upstream only have to be longer than any of them.
     */

    u->next_upstream = NGX_CONF_BITMASK_SET|NGX_HTTP_UPSTREAM_FT_ERROR
                       |NGX_HTTP_UPSTREAM_FT_NON_IDEMPOTENT;
    u->connect_timeout = 24 * 3600 * 1000;
    u->send_timeout = 24 * 3600 * 1000;
    u->read_timeout = 24 * 3600 * 1000;

    u->store = 0;
    u->store_access = NGX_FILE_OWNER_ACCESS;
    u->request_buffering = 1;
    u->ignore_client_abort = 0;
    u->pass_request_headers = 1;
    u->pass_request_body = 1;
    u->hide_headers_hash.buckets = NULL;
    ngx_str_set(&u->module, "faas");
}


/* "if" and "limit_except" blocks inherit the function, or either API. */

static void
ngx_http_faas_inherit(ngx_conf_t *cf, ngx_http_faas_loc_conf_t *prev,
    ngx_http_faas_loc_conf_t *conf)
{
    ngx_http_core_loc_conf_t  *clcf;

    clcf = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);

    if (!clcf->noname || conf->function || conf->name || conf->api) {
        return;
    }

    conf->function = prev->function;
    conf->name = prev->name;
    conf->api = prev->api;
    conf->stage = prev->stage;
    conf->fixed = prev->fixed;
    conf->base = prev->base;
    conf->api_place = prev->api_place;
    conf->lambda = prev->lambda;
    conf->lambda_place = prev->lambda_place;

    if (!clcf->lmt_excpt || clcf->handler) {
        return;
    }

    if (conf->function || conf->name) {
        clcf->handler = ngx_http_faas_handler;

    } else if (conf->api) {
        clcf->handler = ngx_http_faas_api_handler;

    } else if (conf->lambda) {
        clcf->handler = ngx_http_faas_lambda_handler;
    }
}


/* An API that is open to everyone has to be asked for. */

static char *
ngx_http_faas_merge_auth(ngx_conf_t *cf, ngx_http_faas_loc_conf_t *prev,
    ngx_http_faas_loc_conf_t *conf)
{
    ngx_conf_merge_ptr_value(conf->auth, prev->auth, NGX_CONF_UNSET_PTR);

#if (NGX_HTTP_CACHE)
    if (conf->lambda) {
        conf->upstream.cache = 0;    /* an invocation is not an answer */
    }
#endif

    if (conf->lambda && conf->auth == NGX_CONF_UNSET_PTR) {
        ngx_log_error(NGX_LOG_EMERG, cf->log, 0,
                      "\"faas_lambda_api\" needs \"faas_auth FILE\", or "
                      "\"faas_auth off\" to be open to everyone in %V:%ui",
                      &conf->lambda_place.file, conf->lambda_place.line);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* Without "faas_streaming" the function's own setting counts. */

static void
ngx_http_faas_merge_limits(ngx_http_faas_loc_conf_t *prev,
    ngx_http_faas_loc_conf_t *conf)
{
    ngx_conf_merge_value(conf->ignore_abort, prev->ignore_abort, 1);
    ngx_conf_merge_size_value(conf->request_max, prev->request_max,
                              6 * 1024 * 1024);
    ngx_conf_merge_size_value(conf->response_max, prev->response_max,
                              6 * 1024 * 1024);

    ngx_conf_merge_value(conf->streaming, prev->streaming, NGX_CONF_UNSET);
    ngx_conf_merge_off_value(conf->stream_max, prev->stream_max,
                             200 * 1024 * 1024);

    if (conf->stream_rate == NGX_CONF_UNSET_SIZE) {
        conf->stream_burst = prev->stream_burst;
    }

    ngx_conf_merge_size_value(conf->stream_rate, prev->stream_rate, 0);
}


char *
ngx_http_faas_merge_loc_conf(ngx_conf_t *cf, void *parent, void *child)
{
    ngx_http_faas_loc_conf_t *prev = parent;
    ngx_http_faas_loc_conf_t *conf = child;

    ngx_hash_init_t             hash;
    ngx_http_faas_main_conf_t  *fmcf;

    if (ngx_http_faas_merge_buffers(cf, &prev->upstream, &conf->upstream)
        != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    ngx_http_faas_merge_upstream(&prev->upstream, &conf->upstream);

    ngx_http_faas_merge_limits(prev, conf);

#if (NGX_HTTP_CACHE)
    if (ngx_http_faas_cache_merge(cf, prev, conf) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }
#endif

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);
    fmcf->request_max = ngx_max(fmcf->request_max, conf->request_max);
    fmcf->response_max = ngx_max(fmcf->response_max, conf->response_max);

    ngx_http_faas_inherit(cf, prev, conf);

    if (ngx_http_faas_merge_auth(cf, prev, conf) != NGX_CONF_OK
        || ngx_http_faas_check_stage(cf, conf) != NGX_CONF_OK)
    {
        return NGX_CONF_ERROR;
    }

    hash.max_size = 512;
    hash.bucket_size = ngx_align(64, ngx_cacheline_size);
    hash.name = "faas_hide_headers_hash";

    if (ngx_http_upstream_hide_headers_hash(cf, &conf->upstream,
            &prev->upstream, ngx_http_faas_hide_headers, &hash)
        != NGX_OK)
    {
        return NGX_CONF_ERROR;
    }

    if (ngx_http_faas_private_upstream(cf, &conf->upstream) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    conf->running = conf->upstream;
    conf->running.ignore_client_abort = conf->ignore_abort;

    conf->failed = conf->running;
    conf->failed.intercept_errors = 1;

    return NGX_CONF_OK;
}
