/*
 * The end of the log of an invocation, for who asks for it with the call
 * (contract, sections 4.3 and 5.1): START, what the function has written, END
 * and REPORT, the last 4096 bytes of it.
 *
 * Runs in workers.
 */

#include "ngx_http_faas_lambda.h"


/* A ring: what comes later overwrites what came first. */

void
ngx_http_faas_tail_add(ngx_http_faas_call_t *call, u_char *p, size_t len)
{
    size_t  at, n;

    if (call->tail == NULL) {
        return;
    }

    if (len > NGX_HTTP_FAAS_TAIL) {
        call->tail_len += len - NGX_HTTP_FAAS_TAIL;
        p += len - NGX_HTTP_FAAS_TAIL;
        len = NGX_HTTP_FAAS_TAIL;
    }

    at = call->tail_len % NGX_HTTP_FAAS_TAIL;
    n = ngx_min(len, NGX_HTTP_FAAS_TAIL - at);

    ngx_memcpy(call->tail + at, p, n);
    ngx_memcpy(call->tail, p + n, len - n);

    call->tail_len += len;
}


void
ngx_http_faas_tail_start(ngx_http_faas_ctx_t *ctx)
{
    u_char                 buf[128], *p;
    ngx_http_faas_call_t  *call;

    call = ctx->call;

    if (!call->wants_tail) {
        return;
    }

    if (call->tail == NULL) {
        call->tail = ngx_pnalloc(ctx->request->pool, NGX_HTTP_FAAS_TAIL);
    }

    call->tail_len = 0;
    p = ngx_sprintf(buf, "START RequestId: %*s Version: %V\n",
                    (size_t) FAAS_REQUEST_ID_LEN, call->id,
                    &ctx->function->version);
    ngx_http_faas_tail_add(call, buf, p - buf);
}


static u_char *
ngx_http_faas_tail_ms(u_char *p, const char *name, uint64_t us)
{
    us = (us + 5) / 10;

    return ngx_sprintf(p, "%s: %uL.%02uL ms\t", name, us / 100, us % 100);
}


static void
ngx_http_faas_tail_report(ngx_http_faas_ctx_t *ctx)
{
    u_char                 buf[768], *p;
    uint64_t               used;
    faas_env_t            *env;
    ngx_http_faas_call_t  *call;

    call = ctx->call;
    used = 0;

    if (ctx->started_us) {
        env = &ngx_http_faas_board.envs[ctx->lease.env];

        if (env->generation == ctx->lease.generation) {
            used = (env->memory + 1048575) / 1048576;
        }
    }

    p = ngx_sprintf(buf, "END RequestId: %*s\nREPORT RequestId: %*s\t",
                    (size_t) FAAS_REQUEST_ID_LEN, call->id,
                    (size_t) FAAS_REQUEST_ID_LEN, call->id);
    p = ngx_http_faas_tail_ms(p, "Duration", ctx->duration_us);
    p = ngx_sprintf(p, "Billed Duration: %uL ms\tMemory Size: %ui MB\t"
                    "Max Memory Used: %uL MB\t", ctx->billed_ms,
                    ctx->function->memory, used);

    if (ctx->cold) {
        p = ngx_http_faas_tail_ms(p, "Init Duration", ctx->lease.init_us);
    }

    if (ctx->outcome == FAAS_OUT_TIMEOUT) {
        p = ngx_sprintf(p, "Status: timeout");

    } else if (ctx->outcome == FAAS_OUT_CRASH) {
        p = ngx_sprintf(p, "Status: error\tError Type: %V", &ctx->error);
    }

    *p++ = '\n';

    ngx_http_faas_tail_add(call, buf, p - buf);
}


/* *TEXT is empty when nobody has asked. */

ngx_int_t
ngx_http_faas_tail_end(ngx_http_faas_ctx_t *ctx, ngx_str_t *text)
{
    size_t                 len, at;
    u_char                *p;
    ngx_http_faas_call_t  *call;

    call = ctx->call;
    ngx_str_null(text);

    if (call->tail == NULL) {
        return NGX_OK;
    }

    ngx_http_faas_tail_report(ctx);

    len = ngx_min(call->tail_len, NGX_HTTP_FAAS_TAIL);
    at = (call->tail_len > NGX_HTTP_FAAS_TAIL)
         ? call->tail_len % NGX_HTTP_FAAS_TAIL : 0;

    p = ngx_pnalloc(ctx->request->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    text->data = p;
    text->len = len;

    p = ngx_cpymem(p, call->tail + at, len - at);
    ngx_memcpy(p, call->tail, at);

    return NGX_OK;
}
