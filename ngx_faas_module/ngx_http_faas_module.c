/*
 * The module's face to nginx: directives, configuration structures and their
 * merging, hooks.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_api.h"
#include "ngx_http_faas_stream.h"


static ngx_conf_num_bounds_t  ngx_http_faas_functions_bounds = {
    ngx_http_faas_num_bounds, 1, 65536
};

static ngx_conf_num_bounds_t  ngx_http_faas_environments_bounds = {
    ngx_http_faas_num_bounds, 1, 16384
};

static ngx_conf_enum_t  ngx_http_faas_isolations[] = {
    { ngx_string("require"), NGX_HTTP_FAAS_ISOLATION_REQUIRE },
    { ngx_string("prefer"), NGX_HTTP_FAAS_ISOLATION_PREFER },
    { ngx_string("none"), NGX_HTTP_FAAS_ISOLATION_NONE },
    { ngx_null_string, 0 }
};

/* code from a function may not steer nginx unless it is allowed to */

static ngx_conf_bitmask_t  ngx_http_faas_ignore_headers_masks[] = {
    { ngx_string("X-Accel-Redirect"), NGX_HTTP_UPSTREAM_IGN_XA_REDIRECT },
    { ngx_string("X-Accel-Expires"), NGX_HTTP_UPSTREAM_IGN_XA_EXPIRES },
    { ngx_string("X-Accel-Limit-Rate"), NGX_HTTP_UPSTREAM_IGN_XA_LIMIT_RATE },
    { ngx_string("X-Accel-Buffering"), NGX_HTTP_UPSTREAM_IGN_XA_BUFFERING },
    { ngx_string("X-Accel-Charset"), NGX_HTTP_UPSTREAM_IGN_XA_CHARSET },
    { ngx_string("Expires"), NGX_HTTP_UPSTREAM_IGN_EXPIRES },
    { ngx_string("Cache-Control"), NGX_HTTP_UPSTREAM_IGN_CACHE_CONTROL },
    { ngx_string("Set-Cookie"), NGX_HTTP_UPSTREAM_IGN_SET_COOKIE },
    { ngx_string("Vary"), NGX_HTTP_UPSTREAM_IGN_VARY },
    { ngx_string("none"), NGX_CONF_BITMASK_SET },
    { ngx_null_string, 0 }
};

#if (NGX_HTTP_CACHE)

static ngx_conf_bitmask_t  ngx_http_faas_use_stale_masks[] = {
    { ngx_string("error"), NGX_HTTP_UPSTREAM_FT_ERROR },
    { ngx_string("timeout"), NGX_HTTP_UPSTREAM_FT_TIMEOUT },
    { ngx_string("invalid_header"), NGX_HTTP_UPSTREAM_FT_INVALID_HEADER },
    { ngx_string("http_500"), NGX_HTTP_UPSTREAM_FT_HTTP_500 },
    { ngx_string("http_502"), NGX_HTTP_UPSTREAM_FT_HTTP_502 },
    { ngx_string("http_503"), NGX_HTTP_UPSTREAM_FT_HTTP_503 },
    { ngx_string("http_504"), NGX_HTTP_UPSTREAM_FT_HTTP_504 },
    { ngx_string("http_403"), NGX_HTTP_UPSTREAM_FT_HTTP_403 },
    { ngx_string("http_404"), NGX_HTTP_UPSTREAM_FT_HTTP_404 },
    { ngx_string("http_429"), NGX_HTTP_UPSTREAM_FT_HTTP_429 },
    { ngx_string("updating"), NGX_HTTP_UPSTREAM_FT_UPDATING },
    { ngx_string("off"), NGX_HTTP_UPSTREAM_FT_OFF },
    { ngx_null_string, 0 }
};

#endif


#define ngx_http_faas_loc(field)  offsetof(ngx_http_faas_loc_conf_t, field)

#define NGX_HTTP_FAAS_ANY_CONF                                                \
    (NGX_HTTP_MAIN_CONF|NGX_HTTP_SRV_CONF|NGX_HTTP_LOC_CONF)


static ngx_command_t  ngx_http_faas_commands[] = {

    { ngx_string("faas_function"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_faas_function,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_api"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_BLOCK|NGX_CONF_TAKE1,
      ngx_http_faas_api,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_api_pass"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_HTTP_LMT_CONF|NGX_CONF_TAKE123,
      ngx_http_faas_api_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_route"),
      NGX_HTTP_LOC_CONF|NGX_CONF_2MORE,
      ngx_http_faas_route_directive,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_lambda_api"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_faas_lambda_api,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_auth"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_auth,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_run_dir"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_dir,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, run_dir),
      NULL },

    { ngx_string("faas_state_dir"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_dir,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, state_dir),
      NULL },

    { ngx_string("faas_runtime_dir"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_dir,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, runtime_dir),
      NULL },

    { ngx_string("faas_blanks"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE2,
      ngx_http_faas_blanks,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_max_functions"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_num,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, max_functions),
      &ngx_http_faas_functions_bounds },

    { ngx_string("faas_max_environments"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_num,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, max_environments),
      &ngx_http_faas_environments_bounds },

    { ngx_string("faas_isolation"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_enum_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, isolation),
      ngx_http_faas_isolations },

    { ngx_string("faas_uids"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_uids,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_authorizer_cache"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_authorizer_cache,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_network_deny"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_faas_addresses,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, deny),
      NULL },

    { ngx_string("faas_network_allow"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_1MORE,
      ngx_http_faas_addresses,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, allow),
      NULL },

    { ngx_string("faas_supervisor"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_supervisor,
      NGX_HTTP_MAIN_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_pass"),
      NGX_HTTP_LOC_CONF|NGX_HTTP_LIF_CONF|NGX_HTTP_LMT_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_pass,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_status"),
      NGX_HTTP_LOC_CONF|NGX_CONF_NOARGS,
      ngx_http_faas_status,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_ignore_client_abort"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(ignore_abort),
      NULL },

    { ngx_string("faas_buffering"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.buffering),
      NULL },

    { ngx_string("faas_buffer_size"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.buffer_size),
      NULL },

    { ngx_string("faas_buffers"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE2,
      ngx_http_faas_bufs,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.bufs),
      NULL },

    { ngx_string("faas_max_temp_file_size"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.max_temp_file_size_conf),
      NULL },

    { ngx_string("faas_temp_path"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1234,
      ngx_conf_set_path_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.temp_path),
      NULL },

    { ngx_string("faas_request_max"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(request_max),
      NULL },

    { ngx_string("faas_response_max"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_size,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(response_max),
      NULL },

    { ngx_string("faas_streaming"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(streaming),
      NULL },

    { ngx_string("faas_streaming_max"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_off,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(stream_max),
      NULL },

    { ngx_string("faas_streaming_rate"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE12,
      ngx_http_faas_streaming_rate,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_hide_header"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_array_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.hide_headers),
      NULL },

    { ngx_string("faas_pass_header"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_conf_set_str_array_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.pass_headers),
      NULL },

    { ngx_string("faas_ignore_headers"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.ignore_headers),
      &ngx_http_faas_ignore_headers_masks },

    { ngx_string("faas_intercept_errors"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.intercept_errors),
      NULL },

#if (NGX_HTTP_CACHE)

    { ngx_string("faas_cache"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_cache,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_cache_key"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_cache_key,
      NGX_HTTP_LOC_CONF_OFFSET,
      0,
      NULL },

    { ngx_string("faas_cache_path"),
      NGX_HTTP_MAIN_CONF|NGX_CONF_2MORE,
      ngx_http_file_cache_set_slot,
      NGX_HTTP_MAIN_CONF_OFFSET,
      offsetof(ngx_http_faas_main_conf_t, caches),
      &ngx_http_faas_module },

    { ngx_string("faas_cache_bypass"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_set_predicate_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_bypass),
      NULL },

    { ngx_string("faas_no_cache"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_set_predicate_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.no_cache),
      NULL },

    { ngx_string("faas_cache_valid"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_1MORE,
      ngx_http_file_cache_valid_set_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_valid),
      NULL },

    { ngx_string("faas_cache_min_uses"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_num,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_min_uses),
      NULL },

    { ngx_string("faas_cache_max_range_offset"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_off,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_max_range_offset),
      NULL },

    { ngx_string("faas_cache_use_stale"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_use_stale),
      &ngx_http_faas_use_stale_masks },

    { ngx_string("faas_cache_methods"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_1MORE,
      ngx_conf_set_bitmask_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_methods),
      &ngx_http_upstream_cache_method_mask },

    { ngx_string("faas_cache_lock"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_lock),
      NULL },

    { ngx_string("faas_cache_lock_timeout"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_lock_timeout),
      NULL },

    { ngx_string("faas_cache_lock_age"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_TAKE1,
      ngx_http_faas_msec,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_lock_age),
      NULL },

    { ngx_string("faas_cache_revalidate"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_revalidate),
      NULL },

    { ngx_string("faas_cache_background_update"),
      NGX_HTTP_FAAS_ANY_CONF|NGX_CONF_FLAG,
      ngx_conf_set_flag_slot,
      NGX_HTTP_LOC_CONF_OFFSET,
      ngx_http_faas_loc(upstream.cache_background_update),
      NULL },

#endif

      ngx_null_command
};


static ngx_http_module_t  ngx_http_faas_module_ctx = {
    ngx_http_faas_add_variables,           /* preconfiguration */
    NULL,                                  /* postconfiguration */

    ngx_http_faas_create_main_conf,        /* create main configuration */
    ngx_http_faas_init_main_conf,          /* init main configuration */

    NULL,                                  /* create server configuration */
    NULL,                                  /* merge server configuration */

    ngx_http_faas_create_loc_conf,         /* create location configuration */
    ngx_http_faas_merge_loc_conf           /* merge location configuration */
};


ngx_module_t  ngx_http_faas_module = {
    NGX_MODULE_V1,
    &ngx_http_faas_module_ctx,             /* module context */
    ngx_http_faas_commands,                /* module directives */
    NGX_HTTP_MODULE,                       /* module type */
    NULL,                                  /* init master */
    ngx_http_faas_init_module,             /* init module */
    ngx_http_faas_init_process,            /* init process */
    NULL,                                  /* init thread */
    NULL,                                  /* exit thread */
    ngx_http_faas_exit_process,            /* exit process */
    ngx_http_faas_exit_master,             /* exit master */
    NGX_MODULE_V1_PADDING
};
