/*
 * The two forms of faas_status.
 *
 * Runs in workers.  Function names have no characters that JSON or HTML
 * would mind: nginx -t sees to that.
 */

#include "ngx_http_faas_status.h"


/* more than any function or the page around them takes */
#define NGX_HTTP_FAAS_HEAD_SIZE  2048
#define NGX_HTTP_FAAS_FN_SIZE    4096


static uint64_t
ngx_http_faas_sum(uint64_t *v, ngx_uint_t n)
{
    uint64_t  sum;

    for (sum = 0; n; n--) {
        sum += *v++;
    }

    return sum;
}


static u_char *
ngx_http_faas_json_states(u_char *p, uint32_t *states)
{
    ngx_uint_t  i;

    *p++ = '{';

    for (i = FAAS_ENV_BLANK; i <= FAAS_ENV_DEAD; i++) {
        p = ngx_sprintf(p, "%s\"%s\":%uD", i > FAAS_ENV_BLANK ? "," : "",
                        faas_env_state_name(i), states[i]);
    }

    *p++ = '}';

    return p;
}


static u_char *
ngx_http_faas_json_fn(u_char *p, ngx_http_faas_fn_view_t *f)
{
    uint64_t    mb_ms;
    ngx_uint_t  i;

    mb_ms = f->counters[FAAS_CNT_billed_mb_ms];

    p = ngx_sprintf(p, "{\"name\":\"%V\",\"state\":\"%s\",\"version\":%uD,"
                       "\"concurrency\":%uD,\"timeout_ms\":%uD,"
                       "\"memory_mb\":%uD,",
                    &f->name, f->version ? "live" : "starting",
                    f->version, f->concurrency, f->timeout_ms, f->memory_mb);

    p = ngx_sprintf(p, "\"invocations\":%uL,\"successes\":%uL,"
                       "\"errors\":{\"handled\":%uL,\"unhandled\":%uL},"
                       "\"timeouts\":%uL,\"crashes\":%uL,",
                    ngx_http_faas_sum(f->outcomes, FAAS_OUT_N),
                    f->outcomes[FAAS_OUT_SUCCESS],
                    f->outcomes[FAAS_OUT_ERROR_HANDLED],
                    f->outcomes[FAAS_OUT_ERROR_UNHANDLED],
                    f->outcomes[FAAS_OUT_TIMEOUT],
                    f->outcomes[FAAS_OUT_CRASH]);

    p = ngx_sprintf(p, "\"in_flight\":%uD,\"queued\":%uD,"
                       "\"gb_ms\":%uL.%03uL,\"peak_memory_bytes\":%uL,",
                    f->leases, f->waiting, mb_ms / 1024,
                    mb_ms % 1024 * 1000 / 1024, f->peak_memory);

    p = ngx_sprintf(p, "\"duration_quantiles_us\":{\"p50\":%uL,\"p90\":%uL,"
                       "\"p99\":%uL,\"p999\":%uL},\"environments\":",
                    f->quantiles[0], f->quantiles[1], f->quantiles[2],
                    f->quantiles[3]);

    p = ngx_http_faas_json_states(p, f->states);

    p = ngx_sprintf(p, ",\"counters\":{");

    for (i = 0; i < FAAS_CNT_N; i++) {
        p = ngx_sprintf(p, "%s\"%s\":%uL", i ? "," : "",
                        faas_counter_name(i), f->counters[i]);
    }

    return ngx_sprintf(p, "}}");
}


ngx_buf_t *
ngx_http_faas_status_json(ngx_http_request_t *r, ngx_http_faas_view_t *view)
{
    u_char       *p;
    ngx_buf_t    *b;
    ngx_uint_t    i;
    faas_head_t  *head;

    static const char  *isolation[] = FAAS_ISOLATION_NAMES;

    head = ngx_http_faas_board.head;

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_FAAS_HEAD_SIZE
                                     + view->nfns * NGX_HTTP_FAAS_FN_SIZE);
    if (b == NULL) {
        return NULL;
    }

    p = ngx_sprintf(b->last, "{\"version\":\"" NGX_HTTP_FAAS_VERSION "\"");

    if (head) {
        p = ngx_sprintf(p, ",\"generation\":%uL,\"applied\":%uL,"
                           "\"supervisor\":{\"pid\":%D,\"up\":%s,"
                           "\"starts\":%uD,\"ledger_errors\":%uD},"
                           "\"isolation\":\"%s\",",
                        (uint64_t) head->generation,
                        (uint64_t) head->applied,
                        (int32_t) head->supervisor_pid,
                        head->supervisor_up ? "true" : "false",
                        (uint32_t) head->supervisor_starts,
                        (uint32_t) head->ledger_errors,
                        isolation[ngx_min(head->isolation,
                                          FAAS_ISOLATION_LANDLOCK)]);

        p = ngx_sprintf(p, "\"environments\":");
        p = ngx_http_faas_json_states(p, view->states);
    }

    p = ngx_sprintf(p, ",\"functions\":[");

    for (i = 0; i < view->nfns; i++) {
        p = ngx_sprintf(p, "%s\n", i ? "," : "");
        p = ngx_http_faas_json_fn(p, &view->fns[i]);
    }

    b->last = ngx_sprintf(p, "]}\n");

    return b;
}


static u_char *
ngx_http_faas_html_fn(u_char *p, ngx_http_faas_fn_view_t *f)
{
    uint64_t  throttles;

    throttles = ngx_http_faas_sum(&f->counters[FAAS_CNT_throttles_concurrency],
                                  4);

    p = ngx_sprintf(p, "<tr><td>%V</td><td>%uL</td><td>%uL</td><td>%uL</td>"
                       "<td>%uL</td><td>%uL</td><td>%uL</td>",
                    &f->name,
                    ngx_http_faas_sum(f->outcomes, FAAS_OUT_N),
                    f->outcomes[FAAS_OUT_SUCCESS],
                    f->outcomes[FAAS_OUT_ERROR_HANDLED]
                    + f->outcomes[FAAS_OUT_ERROR_UNHANDLED],
                    f->outcomes[FAAS_OUT_TIMEOUT],
                    f->outcomes[FAAS_OUT_CRASH], throttles);

    p = ngx_sprintf(p, "<td>%uD</td><td>%uD</td><td>%uD</td><td>%uD</td>"
                       "<td>%uL</td>",
                    f->leases, f->waiting, f->states[FAAS_ENV_IDLE],
                    f->states[FAAS_ENV_BUSY],
                    f->counters[FAAS_CNT_cold_starts]);

    return ngx_sprintf(p, "<td>%uL.%03uL</td><td>%uL.%03uL</td>"
                          "<td>%uL</td><td>%uL / %uD</td></tr>\n",
                       f->quantiles[0] / 1000, f->quantiles[0] % 1000,
                       f->quantiles[2] / 1000, f->quantiles[2] % 1000,
                       f->counters[FAAS_CNT_billed_ms],
                       f->peak_memory / 1048576, f->memory_mb);
}


ngx_buf_t *
ngx_http_faas_status_html(ngx_http_request_t *r, ngx_http_faas_view_t *view)
{
    u_char      *p;
    ngx_buf_t   *b;
    ngx_uint_t   i;

    b = ngx_create_temp_buf(r->pool, NGX_HTTP_FAAS_HEAD_SIZE
                                     + view->nfns * NGX_HTTP_FAAS_FN_SIZE);
    if (b == NULL) {
        return NULL;
    }

    p = ngx_sprintf(b->last,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
        "<title>ngx_faas</title><style>"
        "body{font:14px sans-serif;margin:2em}"
        "table{border-collapse:collapse}"
        "td,th{border:1px solid #ccc;padding:.3em .6em;text-align:right}"
        "td:first-child,th:first-child{text-align:left}"
        "</style></head><body><h1>ngx_faas</h1>\n");

    if (ngx_http_faas_board.head
        && !ngx_http_faas_board.head->supervisor_up)
    {
        p = ngx_sprintf(p, "<p><strong>The supervisor is not running."
                           "</strong></p>\n");
    }

    p = ngx_sprintf(p,
        "<table><tr><th>function</th><th>invocations</th><th>successes</th>"
        "<th>errors</th><th>timeouts</th><th>crashes</th><th>throttles</th>"
        "<th>in flight</th><th>queued</th><th>idle</th><th>busy</th>"
        "<th>cold starts</th><th>p50 ms</th><th>p99 ms</th>"
        "<th>billed ms</th><th>peak / limit MB</th></tr>\n");

    for (i = 0; i < view->nfns; i++) {
        p = ngx_http_faas_html_fn(p, &view->fns[i]);
    }

    b->last = ngx_sprintf(p, "</table></body></html>\n");

    return b;
}
