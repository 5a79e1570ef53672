/*
 * What faas_status shows, between reading it (ngx_http_faas_status.c) and
 * writing it (ngx_http_faas_status_text.c).
 */

#ifndef _NGX_HTTP_FAAS_STATUS_H_INCLUDED_
#define _NGX_HTTP_FAAS_STATUS_H_INCLUDED_


#include "ngx_http_faas.h"


#define NGX_HTTP_FAAS_QUANTILES  4              /* p50 p90 p99 p99.9, us */


typedef struct {
    ngx_str_t                  name;
    uint32_t                   state;
    uint32_t                   version;
    uint32_t                   concurrency;
    uint32_t                   timeout_ms;
    uint32_t                   memory_mb;
    uint32_t                   waiting;
    uint32_t                   leases;
    uint32_t                   states[FAAS_ENV_DEAD + 1];
    uint64_t                   peak_memory;
    uint64_t                   outcomes[FAAS_OUT_N];
    uint64_t                   counters[FAAS_CNT_N];
    uint64_t                   quantiles[NGX_HTTP_FAAS_QUANTILES];
} ngx_http_faas_fn_view_t;


typedef struct {
    ngx_http_faas_fn_view_t   *fns;
    ngx_uint_t                 nfns;
    ngx_http_faas_fn_view_t  **by_index;
    uint32_t                   states[FAAS_ENV_DEAD + 1];  /* of blanks */
} ngx_http_faas_view_t;


ngx_buf_t *ngx_http_faas_status_json(ngx_http_request_t *r,
    ngx_http_faas_view_t *view);
ngx_buf_t *ngx_http_faas_status_html(ngx_http_request_t *r,
    ngx_http_faas_view_t *view);


#endif /* _NGX_HTTP_FAAS_STATUS_H_INCLUDED_ */
