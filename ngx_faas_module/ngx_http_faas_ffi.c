/*
 * What lua/resty/faas.lua calls by LuaJIT's foreign-function interface: the
 * version of this interface, and counters.  It is part of no header: Lua
 * declares it itself, and the version says whether the two go together.
 *
 * Runs in workers, and in the master in init_by_lua; takes no locks.
 */

#include "ngx_http_faas.h"


/* one more whenever anything below changes */
#define NGX_HTTP_FAAS_FFI_VERSION  1


/* since the state directory was made; in_flight and queued: now */

typedef struct {
    uint64_t                   invocations;
    uint64_t                   successes;
    uint64_t                   errors;
    uint64_t                   timeouts;
    uint64_t                   crashes;
    uint64_t                   throttles;
    uint64_t                   cold_starts;
    uint64_t                   duration_us;
    uint64_t                   billed_ms;
    uint64_t                   in_flight;
    uint64_t                   queued;
} ngx_http_faas_ffi_counters_t;


uint32_t ngx_http_faas_ffi_version(void);
int ngx_http_faas_ffi_counters(const char *name, size_t len,
    ngx_http_faas_ffi_counters_t *out);


uint32_t
ngx_http_faas_ffi_version(void)
{
    return NGX_HTTP_FAAS_FFI_VERSION;
}


/* 0; -1: no function of that name; -2: no scoreboard, or no place in it */

int
ngx_http_faas_ffi_counters(const char *name, size_t len,
    ngx_http_faas_ffi_counters_t *out)
{
    uint32_t                    i;
    faas_fn_t                  *f;
    ngx_http_faas_function_t   *fn;
    ngx_http_faas_main_conf_t  *fmcf;

    fmcf = ngx_http_cycle_get_module_main_conf(ngx_cycle,
                                               ngx_http_faas_module);
    fn = fmcf ? ngx_http_faas_find(fmcf, (u_char *) name, len) : NULL;

    if (fn == NULL) {
        return -1;
    }

    if (!ngx_http_faas_usable(fn)) {
        return -2;
    }

    f = &ngx_http_faas_board.fns[fn->index];

    ngx_memzero(out, sizeof(ngx_http_faas_ffi_counters_t));

    for (i = 0; i < FAAS_OUT_N; i++) {
        out->invocations += f->outcomes[i];
    }

    out->successes = f->outcomes[FAAS_OUT_SUCCESS];
    out->errors = f->outcomes[FAAS_OUT_ERROR_HANDLED]
                  + f->outcomes[FAAS_OUT_ERROR_UNHANDLED];
    out->timeouts = f->outcomes[FAAS_OUT_TIMEOUT];
    out->crashes = f->outcomes[FAAS_OUT_CRASH];
    out->throttles = f->counters[FAAS_CNT_throttles_concurrency]
                     + f->counters[FAAS_CNT_throttles_queue_full]
                     + f->counters[FAAS_CNT_throttles_queue_timeout]
                     + f->counters[FAAS_CNT_throttles_capacity];
    out->cold_starts = f->counters[FAAS_CNT_cold_starts];
    out->duration_us = f->counters[FAAS_CNT_duration_us];
    out->billed_ms = f->counters[FAAS_CNT_billed_ms];
    out->in_flight = f->n_leases;
    out->queued = f->n_waiting;

    return 0;
}
