/*
 * Parameters of the cgi profile: CGI/1.1 (RFC 3875, section 4.1) and what
 * nginx's fastcgi_params adds to it, for any FastCGI application.
 *
 * Runs in workers.
 */

#include "ngx_http_faas.h"


#define NGX_HTTP_FAAS_PARAMS  32
#define NGX_HTTP_FAAS_RECORD  65528


typedef struct {
    const char  *name;
    ngx_str_t    value;
} ngx_http_faas_param_t;


static ngx_int_t ngx_http_faas_cgi_params(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_param_t *params, ngx_uint_t *n);
static size_t ngx_http_faas_http_params(ngx_http_request_t *r, u_char **p);
static ngx_int_t ngx_http_faas_cgi_chain(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, u_char *params, size_t size, u_char *body,
    size_t len);


static void
ngx_http_faas_param(ngx_http_faas_param_t *params, ngx_uint_t *n,
    const char *name, ngx_str_t *value)
{
    params[*n].name = name;
    params[*n].value = *value;
    (*n)++;
}


static void
ngx_http_faas_param_text(ngx_http_faas_param_t *params, ngx_uint_t *n,
    const char *name, const char *text)
{
    ngx_str_t  value;

    value.data = (u_char *) text;
    value.len = ngx_strlen(text);

    ngx_http_faas_param(params, n, name, &value);
}


/*
 * A request for a folder gets "index.php"-like handlers from "handler"; any
 * other is the script itself.  The application sees its code as /var/task,
 * or where it is when there is no isolation.
 */

static ngx_int_t
ngx_http_faas_script(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_str_t *root, ngx_str_t *name, ngx_str_t *file)
{
    u_char     *p;
    ngx_str_t  *handler;

    if (ngx_http_faas_board.head->isolation == FAAS_ISOLATION_NONE) {
        *root = ctx->function->code;

    } else {
        ngx_str_set(root, "/var/task");
    }

    handler = &ctx->function->handler;

    if (handler->len) {
        name->data = ngx_pnalloc(r->pool, handler->len + 1);
        if (name->data == NULL) {
            return NGX_ERROR;
        }

        name->len = ngx_sprintf(name->data, "/%V", handler) - name->data;

    } else {
        *name = r->uri;
    }

    file->data = ngx_pnalloc(r->pool, root->len + name->len);
    if (file->data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(file->data, "%V%V", root, name);
    file->len = p - file->data;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_cgi_addresses(ngx_http_request_t *r,
    ngx_http_faas_param_t *params, ngx_uint_t *n)
{
    u_char     *p;
    ngx_str_t   addr, port;

    ngx_http_faas_param(params, n, "REMOTE_ADDR", &r->connection->addr_text);

    p = ngx_pnalloc(r->pool, NGX_SOCKADDR_STRLEN + 2 * NGX_INT_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    port.data = p;
    p = ngx_sprintf(p, "%ui",
                    (ngx_uint_t) ngx_inet_get_port(r->connection->sockaddr));
    port.len = p - port.data;
    ngx_http_faas_param(params, n, "REMOTE_PORT", &port);

    addr.data = p;
    addr.len = NGX_SOCKADDR_STRLEN;

    if (ngx_connection_local_sockaddr(r->connection, &addr, 0) != NGX_OK) {
        return NGX_ERROR;
    }

    ngx_http_faas_param(params, n, "SERVER_ADDR", &addr);

    p = addr.data + addr.len;

    port.data = p;
    p = ngx_sprintf(p, "%ui",
                    (ngx_uint_t) ngx_inet_get_port(
                                            r->connection->local_sockaddr));
    port.len = p - port.data;
    ngx_http_faas_param(params, n, "SERVER_PORT", &port);

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_cgi_params(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_param_t *params, ngx_uint_t *n)
{
    u_char     *p;
    ngx_str_t   root, name, file, length, id;

    if (ngx_http_faas_script(r, ctx, &root, &name, &file) != NGX_OK) {
        return NGX_ERROR;
    }

    p = ngx_pnalloc(r->pool, NGX_OFF_T_LEN);
    if (p == NULL) {
        return NGX_ERROR;
    }

    length.data = p;
    length.len = ctx->bytes_in ? ngx_sprintf(p, "%uL", ctx->bytes_in) - p : 0;

    id.data = ctx->request_id;
    id.len = FAAS_REQUEST_ID_LEN;

    ngx_http_faas_param(params, n, "QUERY_STRING", &r->args);
    ngx_http_faas_param(params, n, "REQUEST_METHOD", &r->method_name);

    if (r->headers_in.content_type) {
        ngx_http_faas_param(params, n, "CONTENT_TYPE",
                            &r->headers_in.content_type->value);
    }

    ngx_http_faas_param(params, n, "CONTENT_LENGTH", &length);
    ngx_http_faas_param(params, n, "SCRIPT_NAME", &name);
    ngx_http_faas_param(params, n, "SCRIPT_FILENAME", &file);
    ngx_http_faas_param(params, n, "REQUEST_URI", &r->unparsed_uri);
    ngx_http_faas_param(params, n, "DOCUMENT_URI", &r->uri);
    ngx_http_faas_param(params, n, "DOCUMENT_ROOT", &root);
    ngx_http_faas_param(params, n, "SERVER_PROTOCOL", &r->http_protocol);
    ngx_http_faas_param_text(params, n, "GATEWAY_INTERFACE", "CGI/1.1");
    ngx_http_faas_param_text(params, n, "SERVER_SOFTWARE",
                             "nginx/" NGINX_VERSION);
    ngx_http_faas_param_text(params, n, "REDIRECT_STATUS", "200");
    ngx_http_faas_param(params, n, "SERVER_NAME", &r->headers_in.server);
    ngx_http_faas_param(params, n, FAAS_PARAM_REQUEST_ID, &id);

#if (NGX_HTTP_SSL)
    if (r->connection->ssl) {
        ngx_http_faas_param_text(params, n, "HTTPS", "on");
        ngx_http_faas_param_text(params, n, "REQUEST_SCHEME", "https");
    } else
#endif
    {
        ngx_http_faas_param_text(params, n, "REQUEST_SCHEME", "http");
    }

    return ngx_http_faas_cgi_addresses(r, params, n);
}


static ngx_uint_t
ngx_http_faas_http_param_skip(ngx_table_elt_t *h)
{
    /* "Proxy" would become HTTP_PROXY, which programs believe */

    return h->hash == 0
           || (h->key.len == 5
               && ngx_memcmp(h->lowcase_key, "proxy", 5) == 0)
           || (h->key.len == 14
               && ngx_memcmp(h->lowcase_key, "content-length", 14) == 0)
           || (h->key.len == 12
               && ngx_memcmp(h->lowcase_key, "content-type", 12) == 0);
}


/* HTTP_* for each header: their size, or with *p they are written. */

static size_t
ngx_http_faas_http_params(ngx_http_request_t *r, u_char **p)
{
    size_t            size;
    u_char            ch, name[256], *d;
    ngx_uint_t        i, k;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    size = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {

            if (ngx_http_faas_http_param_skip(&h[i])
                || h[i].key.len > sizeof(name) - 5)
            {
                continue;
            }

            size += faas_fcgi_param_len(h[i].key.len + 5, h[i].value.len);

            if (*p == NULL) {
                continue;
            }

            d = ngx_cpymem(name, "HTTP_", 5);

            for (k = 0; k < h[i].key.len; k++) {
                ch = h[i].key.data[k];

                if (ch >= 'a' && ch <= 'z') {
                    ch &= ~0x20;

                } else if (ch == '-') {
                    ch = '_';
                }

                *d++ = ch;
            }

            *p = faas_fcgi_put_param(*p, name, d - name, h[i].value.data,
                                     h[i].value.len);
        }
    }

    return size;
}


ngx_int_t
ngx_http_faas_cgi_request(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    size_t                  size, len;
    u_char                 *p, *start, *body;
    ngx_uint_t              i, n;
    ngx_http_faas_param_t   params[NGX_HTTP_FAAS_PARAMS];

    n = 0;
    p = NULL;
    body = NULL;
    len = ngx_http_faas_body_length(r);
    ctx->bytes_in = len;

    if (len) {
        body = ngx_pnalloc(r->pool, len);

        if (body == NULL || ngx_http_faas_body_copy(r, body) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_faas_cgi_params(r, ctx, params, &n) != NGX_OK) {
        return NGX_ERROR;
    }

    size = ngx_http_faas_http_params(r, &p);

    for (i = 0; i < n; i++) {
        size += faas_fcgi_param_len(ngx_strlen(params[i].name),
                                    params[i].value.len);
    }

    start = ngx_pnalloc(r->pool, size);
    if (start == NULL) {
        return NGX_ERROR;
    }

    p = start;

    for (i = 0; i < n; i++) {
        p = faas_fcgi_put_param(p, params[i].name,
                                ngx_strlen(params[i].name),
                                params[i].value.data, params[i].value.len);
    }

    (void) ngx_http_faas_http_params(r, &p);

    return ngx_http_faas_cgi_chain(r, ctx, start, p - start, body, len);
}


/* A stream of records of one type, and the empty record at its end. */

static ngx_chain_t **
ngx_http_faas_stream(ngx_http_request_t *r, ngx_chain_t **ll, uint8_t type,
    u_char *data, size_t len)
{
    size_t   n;
    u_char  *heads, *last;

    heads = ngx_pnalloc(r->pool, (len / NGX_HTTP_FAAS_RECORD + 2)
                                 * FAAS_FCGI_HEAD_LEN);
    if (heads == NULL) {
        return NULL;
    }

    last = data + len;

    for ( /* void */ ; data < last && ll; data += n) {
        n = ngx_min((size_t) (last - data), NGX_HTTP_FAAS_RECORD);

        (void) faas_fcgi_put_head(heads, type, 1, n, 0);

        ll = ngx_http_faas_chain_add(r->pool, ll, heads, FAAS_FCGI_HEAD_LEN);
        heads += FAAS_FCGI_HEAD_LEN;

        if (ll) {
            ll = ngx_http_faas_chain_add(r->pool, ll, data, n);
        }
    }

    if (ll == NULL) {
        return NULL;
    }

    (void) faas_fcgi_put_head(heads, type, 1, 0, 0);

    return ngx_http_faas_chain_add(r->pool, ll, heads, FAAS_FCGI_HEAD_LEN);
}


/*
 * Most applications serve one connection at a time, so none is kept: another
 * worker would wait for it for ever.
 */

static ngx_int_t
ngx_http_faas_cgi_chain(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    u_char *params, size_t size, u_char *body, size_t len)
{
    u_char        *begin;
    ngx_chain_t  **ll;

    begin = ngx_pnalloc(r->pool, 2 * FAAS_FCGI_HEAD_LEN);
    if (begin == NULL) {
        return NGX_ERROR;
    }

    (void) faas_fcgi_put_begin(begin, 1, 0);

    ll = ngx_http_faas_chain_add(r->pool, &ctx->request_chain, begin,
                                 2 * FAAS_FCGI_HEAD_LEN);
    if (ll) {
        ll = ngx_http_faas_stream(r, ll, FAAS_FCGI_PARAMS, params, size);
    }

    if (ll) {
        ll = ngx_http_faas_stream(r, ll, FAAS_FCGI_STDIN, body, len);
    }

    return ll ? NGX_OK : NGX_ERROR;
}
