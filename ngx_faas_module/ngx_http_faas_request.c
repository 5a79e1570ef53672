/*
 * What is sent to an environment: FastCGI 1.0 records around parameters and
 * event (architecture, section 6).
 *
 * Runs in workers.  ngx_http_upstream calls create_request before it asks for
 * a peer, so the deadline is a row of digits that is filled in later.
 */

#include "ngx_http_faas_lambda.h"


#define NGX_HTTP_FAAS_DIGITS   13              /* of epoch milliseconds */
#define NGX_HTTP_FAAS_RECORD   65528           /* a multiple of 8 */
#define NGX_HTTP_FAAS_TRACE    "x-amzn-trace-id"
#define NGX_HTTP_FAAS_TRACE_MAX  512


static ngx_int_t ngx_http_faas_lambda_request(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
static ngx_int_t ngx_http_faas_records(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_buf_t *b);


static void
ngx_http_faas_reader(ngx_http_faas_ctx_t *ctx)
{
    faas_fcgi_reader_init(&ctx->reader, 1);

    if (!ctx->cgi) {
        ctx->reader.stream = FAAS_FCGI_STREAM_MAY;
    }
}


ngx_int_t
ngx_http_faas_create_request(ngx_http_request_t *r)
{
    ngx_int_t             rc;
    ngx_http_upstream_t  *u;
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);
    u = r->upstream;

    ngx_http_faas_reader(ctx);

    if (ctx->request_chain) {
        u->request_bufs = ctx->request_chain;
        return NGX_OK;
    }

    rc = ctx->cgi ? ngx_http_faas_cgi_request(r, ctx)
                  : ngx_http_faas_lambda_request(r, ctx);

    if (rc == NGX_OK) {
        u->request_bufs = ctx->request_chain;
    }

    return rc;
}


/* Before a retry, and before a stale answer is taken from the cache. */

ngx_int_t
ngx_http_faas_reinit_request(ngx_http_request_t *r)
{
    ngx_http_faas_ctx_t  *ctx;

    ctx = r->upstream->peer.data;

    if (ctx == NULL) {
        ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);
    }

    if (ctx) {
        ctx->text = NULL;
        ctx->text_last = NULL;
        ctx->header_done = 0;
        ctx->rest = -1;
        ctx->stream = NULL;
        ctx->unwanted = 0;
        ngx_http_faas_reader(ctx);
    }

    return NGX_OK;
}


/* The client's X-Ray header goes on, or a new trace begins (section 0). */

ngx_int_t
ngx_http_faas_trace(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    u_char            ch, *p;
    ngx_uint_t        i, k;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    part = &r->headers_in.headers.part;
    h = part->elts;

    for (i = 0; /* void */ ; i++) {
        if (i >= part->nelts) {
            if (part->next == NULL) {
                break;
            }

            part = part->next;
            h = part->elts;
            i = 0;
        }

        if (h[i].key.len != sizeof(NGX_HTTP_FAAS_TRACE) - 1
            || ngx_strncasecmp(h[i].key.data,
                               (u_char *) NGX_HTTP_FAAS_TRACE, h[i].key.len)
               != 0
            || h[i].value.len == 0
            || h[i].value.len > NGX_HTTP_FAAS_TRACE_MAX)
        {
            continue;
        }

        for (k = 0; k < h[i].value.len; k++) {
            ch = h[i].value.data[k];

            if (ch < ' ' || ch >= 0x7f) {
                break;
            }
        }

        if (k == h[i].value.len) {
            ctx->trace = h[i].value;
            return NGX_OK;
        }
    }

    p = ngx_pnalloc(r->pool, NGX_HTTP_FAAS_TRACE_LEN + 1);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ctx->trace.data = p;
    p = ngx_sprintf(p, "Root=1-%08xD-", (uint32_t) ngx_time());
    p = ngx_http_faas_random_hex(p, 24);
    ctx->trace.len = p - ctx->trace.data;

    return NGX_OK;
}


/* As it was asked for, with a qualifier if there was one. */

static ngx_str_t *
ngx_http_faas_arn(ngx_http_faas_ctx_t *ctx)
{
    if (ctx->call) {
        return &ctx->call->arn;
    }

    return ctx->hit && ctx->ask == NULL && ctx->hit->route->arn.len
           ? &ctx->hit->route->arn : &ctx->function->arn;
}


static size_t
ngx_http_faas_params_len(ngx_http_faas_ctx_t *ctx)
{
    return faas_fcgi_param_len(sizeof(FAAS_PARAM_REQUEST_ID) - 1,
                               FAAS_REQUEST_ID_LEN)
           + faas_fcgi_param_len(sizeof(FAAS_PARAM_DEADLINE_MS) - 1,
                                 NGX_HTTP_FAAS_DIGITS)
           + faas_fcgi_param_len(sizeof(FAAS_PARAM_ARN) - 1,
                                 ngx_http_faas_arn(ctx)->len)
           + (ctx->call && ctx->call->client.len
              ? faas_fcgi_param_len(sizeof(FAAS_PARAM_CLIENT) - 1,
                                    ctx->call->client.len) : 0)
           + (ctx->streaming
              ? faas_fcgi_param_len(sizeof(FAAS_PARAM_STREAMING) - 1, 1) : 0)
           + faas_fcgi_param_len(sizeof(FAAS_PARAM_TRACE_ID) - 1,
                                 ctx->trace.len);
}


static u_char *
ngx_http_faas_put_fcgi(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    ngx_str_t  *arn;

    arn = ngx_http_faas_arn(ctx);

    p = faas_fcgi_put_param(p, FAAS_PARAM_REQUEST_ID,
                            sizeof(FAAS_PARAM_REQUEST_ID) - 1,
                            ctx->request_id, FAAS_REQUEST_ID_LEN);

    p = faas_fcgi_put_param(p, FAAS_PARAM_DEADLINE_MS,
                            sizeof(FAAS_PARAM_DEADLINE_MS) - 1,
                            "0000000000000", NGX_HTTP_FAAS_DIGITS);
    ctx->deadline = p - NGX_HTTP_FAAS_DIGITS;

    p = faas_fcgi_put_param(p, FAAS_PARAM_ARN, sizeof(FAAS_PARAM_ARN) - 1,
                            arn->data, arn->len);

    if (ctx->call && ctx->call->client.len) {
        p = faas_fcgi_put_param(p, FAAS_PARAM_CLIENT,
                                sizeof(FAAS_PARAM_CLIENT) - 1,
                                ctx->call->client.data,
                                ctx->call->client.len);
    }

    if (ctx->streaming) {
        p = faas_fcgi_put_param(p, FAAS_PARAM_STREAMING,
                                sizeof(FAAS_PARAM_STREAMING) - 1, "1", 1);
    }

    return faas_fcgi_put_param(p, FAAS_PARAM_TRACE_ID,
                               sizeof(FAAS_PARAM_TRACE_ID) - 1,
                               ctx->trace.data, ctx->trace.len);
}


/*
 * One buffer: BEGIN_REQUEST, PARAMS, empty PARAMS, STDIN, event, empty STDIN.
 * The event is written first, into the room left for it.
 */

static ngx_int_t
ngx_http_faas_lambda_request(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    size_t      params, pad, before;
    u_char     *p;
    ngx_buf_t  *b;

    if (ctx->trace.len == 0 && ngx_http_faas_trace(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    params = ngx_http_faas_params_len(ctx);
    pad = (8 - params % 8) % 8;

    before = 2 * FAAS_FCGI_HEAD_LEN + FAAS_FCGI_HEAD_LEN + params + pad
             + FAAS_FCGI_HEAD_LEN + FAAS_FCGI_HEAD_LEN;

    if (ngx_http_faas_event(r, ctx, before, 8 + FAAS_FCGI_HEAD_LEN, &b)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    ctx->event.data = b->pos + before;
    ctx->event.len = b->last - ctx->event.data;
    ctx->bytes_in = ctx->event.len;

    p = faas_fcgi_put_begin(b->pos, 1, FAAS_FCGI_KEEP_CONN);
    p = faas_fcgi_put_head(p, FAAS_FCGI_PARAMS, 1, params, pad);
    p = ngx_http_faas_put_fcgi(ctx, p);
    ngx_memzero(p, pad);
    p = faas_fcgi_put_head(p + pad, FAAS_FCGI_PARAMS, 1, 0, 0);

    if (ctx->event.len > NGX_HTTP_FAAS_RECORD) {
        b->last = p;
        return ngx_http_faas_records(r, ctx, b);
    }

    (void) faas_fcgi_put_head(p, FAAS_FCGI_STDIN, 1, ctx->event.len, 0);

    b->last = faas_fcgi_put_head(b->last, FAAS_FCGI_STDIN, 1, 0, 0);

    ctx->request_chain = ngx_alloc_chain_link(r->pool);
    if (ctx->request_chain == NULL) {
        return NGX_ERROR;
    }

    ctx->request_chain->buf = b;
    ctx->request_chain->next = NULL;

    return NGX_OK;
}


ngx_chain_t **
ngx_http_faas_chain_add(ngx_pool_t *pool, ngx_chain_t **ll, u_char *p,
    size_t len)
{
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    b = ngx_calloc_buf(pool);
    cl = ngx_alloc_chain_link(pool);

    if (b == NULL || cl == NULL) {
        return NULL;
    }

    b->start = p;
    b->pos = p;
    b->last = p + len;
    b->end = b->last;
    b->temporary = 1;

    cl->buf = b;
    cl->next = NULL;
    *ll = cl;

    return &cl->next;
}


/* A large event: the heads of its records stand between pieces of it. */

static ngx_int_t
ngx_http_faas_records(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_buf_t *b)
{
    size_t         n;
    u_char        *p, *last, *heads;
    ngx_chain_t  **ll;

    n = ctx->event.len / NGX_HTTP_FAAS_RECORD + 2;

    heads = ngx_pnalloc(r->pool, n * FAAS_FCGI_HEAD_LEN);
    if (heads == NULL) {
        return NGX_ERROR;
    }

    ll = ngx_http_faas_chain_add(r->pool, &ctx->request_chain, b->pos,
                                 b->last - b->pos);

    last = ctx->event.data + ctx->event.len;

    for (p = ctx->event.data; p < last && ll; p += n) {
        n = ngx_min((size_t) (last - p), NGX_HTTP_FAAS_RECORD);

        (void) faas_fcgi_put_head(heads, FAAS_FCGI_STDIN, 1, n, 0);

        ll = ngx_http_faas_chain_add(r->pool, ll, heads, FAAS_FCGI_HEAD_LEN);
        heads += FAAS_FCGI_HEAD_LEN;

        if (ll) {
            ll = ngx_http_faas_chain_add(r->pool, ll, p, n);
        }
    }

    if (ll == NULL) {
        return NGX_ERROR;
    }

    (void) faas_fcgi_put_head(heads, FAAS_FCGI_STDIN, 1, 0, 0);

    ll = ngx_http_faas_chain_add(r->pool, ll, heads, FAAS_FCGI_HEAD_LEN);

    return ll ? NGX_OK : NGX_ERROR;
}
