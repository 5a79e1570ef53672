/*
 * The function's own log text, which comes with its answers: each line goes
 * to nginx's error log at level "notice", with function and request id.
 *
 * Runs in workers.  The text is hostile: nothing but printable characters
 * reaches the log as it is, lines and their number are bounded.
 */

#include "ngx_http_faas_lambda.h"


#define NGX_HTTP_FAAS_LINE_MAX   1024
#define NGX_HTTP_FAAS_LINES_MAX  1000          /* of one invocation */


static void
ngx_http_faas_log_line(ngx_http_faas_ctx_t *ctx, u_char *p, size_t len)
{
    u_char              buf[NGX_HTTP_FAAS_LINE_MAX], *last;
    size_t              i;
    ngx_log_t          *log;
    ngx_log_handler_pt  handler;

    log = ctx->request->connection->log;

    while (len && (p[len - 1] == CR || p[len - 1] == ' ')) {
        len--;
    }

    if (len == 0 || log->log_level < NGX_LOG_NOTICE) {
        return;
    }

    if (++ctx->log_lines > NGX_HTTP_FAAS_LINES_MAX) {

        if (ctx->log_lines == NGX_HTTP_FAAS_LINES_MAX + 1) {
            ngx_log_error(NGX_LOG_WARN, log, 0,
                          "faas: function \"%V\" logs more than %d lines in "
                          "one invocation, the rest is dropped",
                          &ctx->function->name, NGX_HTTP_FAAS_LINES_MAX);
        }

        return;
    }

    last = buf;

    for (i = 0; i < len && last < buf + sizeof(buf) - 4; i++) {

        if ((p[i] >= ' ' && p[i] != 0x7f) || p[i] == '\t') {
            *last++ = p[i];

        } else {
            last = ngx_sprintf(last, "\\x%02Xd", (ngx_uint_t) p[i]);
        }
    }

    /* the request is named: what nginx adds to errors would only repeat it */

    handler = log->handler;
    log->handler = NULL;

    ngx_log_error(NGX_LOG_NOTICE, log, 0, "faas: [%V %*s] %*s",
                  &ctx->function->name, (size_t) FAAS_REQUEST_ID_LEN,
                  ctx->request_id, (size_t) (last - buf), buf);

    log->handler = handler;
}


static ngx_int_t
ngx_http_faas_log_keep(ngx_http_faas_ctx_t *ctx, u_char *p, size_t len)
{
    if (ctx->log_line.data == NULL) {
        ctx->log_line.data = ngx_pnalloc(ctx->request->pool,
                                         NGX_HTTP_FAAS_LINE_MAX);
        if (ctx->log_line.data == NULL) {
            return NGX_ERROR;
        }
    }

    len = ngx_min(len, NGX_HTTP_FAAS_LINE_MAX - ctx->log_line.len);

    ngx_memcpy(ctx->log_line.data + ctx->log_line.len, p, len);
    ctx->log_line.len += len;

    return NGX_OK;
}


void
ngx_http_faas_log_text(ngx_http_faas_ctx_t *ctx, u_char *p, size_t len)
{
    u_char  *nl, *last;

    if (ctx->call) {
        ngx_http_faas_tail_add(ctx->call, p, len);
    }

    last = p + len;

    while (p < last) {
        nl = ngx_strlchr(p, last, LF);

        if (nl == NULL) {
            (void) ngx_http_faas_log_keep(ctx, p, last - p);
            return;
        }

        if (ctx->log_line.len) {
            (void) ngx_http_faas_log_keep(ctx, p, nl - p);
            ngx_http_faas_log_flush(ctx);

        } else {
            ngx_http_faas_log_line(ctx, p, nl - p);
        }

        p = nl + 1;
    }
}


void
ngx_http_faas_log_flush(ngx_http_faas_ctx_t *ctx)
{
    size_t  len;

    len = ctx->log_line.len;
    ctx->log_line.len = 0;

    if (len) {
        ngx_http_faas_log_line(ctx, ctx->log_line.data, len);
    }
}
