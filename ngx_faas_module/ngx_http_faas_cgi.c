/*
 * Parameters of the cgi profile: CGI/1.1 (RFC 3875, section 4.1) and what
 * nginx's fastcgi_params adds to it, for any FastCGI application.
 *
 * Runs in workers.
 */

#include "ngx_http_faas.h"
#include "ngx_http_faas_map.h"


#define NGX_HTTP_FAAS_PARAMS  32
#define NGX_HTTP_FAAS_RECORD  65528


typedef struct {
    const char  *name;
    ngx_str_t    value;
} ngx_http_faas_param_t;


static ngx_int_t ngx_http_faas_cgi_params(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_param_t *params, ngx_uint_t *n);
static ngx_int_t ngx_http_faas_http_params(ngx_http_request_t *r,
    ngx_http_faas_map_t *map);
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

    ctx->guessed =
            (ngx_http_faas_board.head->isolation == FAAS_ISOLATION_UNKNOWN);

    if (faas_isolation_bare(ngx_http_faas_board.head->isolation)) {
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

    } else if (ngx_http_faas_path_info(ctx->function)) {
        ngx_str_null(name);

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
ngx_http_faas_cgi_script(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_param_t *params, ngx_uint_t *n)
{
    ngx_str_t  root, name, file, uri;

    if (ngx_http_faas_script(r, ctx, &root, &name, &file) != NGX_OK
        || ngx_http_faas_web_uri(r, ctx, &uri) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_faas_param(params, n, "SCRIPT_NAME", &name);
    ngx_http_faas_param(params, n, "SCRIPT_FILENAME", &file);

    if (ngx_http_faas_path_info(ctx->function)) {
        ngx_http_faas_param(params, n, "PATH_INFO", &r->uri);
    }

    ngx_http_faas_param(params, n, "REQUEST_URI", &uri);
    ngx_http_faas_param(params, n, "DOCUMENT_URI", &r->uri);
    ngx_http_faas_param(params, n, "DOCUMENT_ROOT", &root);

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_cgi_params(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_http_faas_param_t *params, ngx_uint_t *n)
{
    u_char     *p;
    ngx_str_t   length, id;

    ngx_http_core_srv_conf_t  *cscf;

    cscf = ngx_http_get_module_srv_conf(r, ngx_http_core_module);

    if (ngx_http_faas_cgi_script(r, ctx, params, n) != NGX_OK) {
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
    ngx_http_faas_param(params, n, "REQUEST_METHOD",
                        ngx_http_faas_method(r));

    if (r->headers_in.content_type) {
        ngx_http_faas_param(params, n, "CONTENT_TYPE",
                            &r->headers_in.content_type->value);
    }

    ngx_http_faas_param(params, n, "CONTENT_LENGTH", &length);
    ngx_http_faas_param(params, n, "SERVER_PROTOCOL", &r->http_protocol);
    ngx_http_faas_param_text(params, n, "GATEWAY_INTERFACE", "CGI/1.1");
    ngx_http_faas_param_text(params, n, "SERVER_SOFTWARE",
                             "nginx/" NGINX_VERSION);
    ngx_http_faas_param_text(params, n, "REDIRECT_STATUS", "200");
    ngx_http_faas_param(params, n, "SERVER_NAME",
                        r->headers_in.server.len ? &r->headers_in.server
                                                 : &cscf->server_name);
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


static ngx_str_t  ngx_http_faas_cgi_skip[] = {
    ngx_string("content-length"),
    ngx_string("content-type"),
    ngx_string("proxy"),             /* programs believe HTTP_PROXY */
    ngx_string("transfer-encoding"), /* what they get is decoded */
    ngx_null_string
};


/*
 * A web program that is asked for another protocol may well say yes, so it is
 * asked only where that can be passed on.
 */

static ngx_uint_t
ngx_http_faas_http_param_skip(ngx_http_request_t *r, ngx_table_elt_t *h,
    ngx_uint_t cached)
{
    ngx_str_t            *word;
    ngx_http_faas_ctx_t  *ctx;

    if (h->key.len == sizeof("upgrade") - 1
        && ngx_strncmp(h->lowcase_key, "upgrade", h->key.len) == 0)
    {
        ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);

        return ctx->function->kind == NGX_HTTP_FAAS_WEB
               && !ngx_http_faas_may_upgrade(r);
    }

    for (word = ngx_http_faas_cgi_skip; word->len; word++) {
        if (word->len == h->key.len
            && ngx_memcmp(word->data, h->lowcase_key, word->len) == 0)
        {
            return 1;
        }
    }

    return h->hash == 0
           || (cached
               && ngx_http_faas_conditional(h->lowcase_key, h->key.len));
}


static ngx_int_t
ngx_http_faas_http_param(ngx_http_request_t *r, ngx_http_faas_map_t *map,
    ngx_str_t *header, ngx_str_t *value)
{
    u_char      ch, *p;
    ngx_str_t   name;
    ngx_uint_t  i;

    if (value->data == NULL) {
        return NGX_OK;
    }

    name.len = sizeof("HTTP_") - 1 + header->len;
    name.data = ngx_pnalloc(r->pool, name.len);
    if (name.data == NULL) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(name.data, "HTTP_", sizeof("HTTP_") - 1);

    for (i = 0; i < header->len; i++) {
        ch = ngx_toupper(header->data[i]);
        *p++ = (ch == '-') ? '_' : ch;
    }

    ngx_http_faas_map_add(map, &name, &name, value);

    return NGX_OK;
}


/* One parameter a header, whose values are joined (RFC 3875, 4.1.18). */

static ngx_int_t
ngx_http_faas_http_join(ngx_http_request_t *r, ngx_http_faas_pair_t *pair)
{
    size_t                 len;
    u_char                *p;
    ngx_uint_t             cookie;
    ngx_http_faas_pair_t  *next;

    len = pair->value.len;

    for (next = pair->next; next; next = next->next) {
        len += 2 + next->value.len;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    cookie = (pair->name.len == sizeof("HTTP_COOKIE") - 1
              && ngx_memcmp(pair->name.data, "HTTP_COOKIE", pair->name.len)
                 == 0);

    next = pair->next;
    pair->next = NULL;

    len = ngx_cpymem(p, pair->value.data, pair->value.len) - p;
    pair->value.data = p;

    for ( /* void */ ; next; next = next->next) {
        len = ngx_sprintf(p + len, "%s%V", cookie ? "; " : ", ",
                          &next->value)
              - p;
    }

    pair->value.len = len;

    return NGX_OK;
}


/* HTTP_* for each header */

static ngx_int_t
ngx_http_faas_http_params(ngx_http_request_t *r, ngx_http_faas_map_t *map)
{
    ngx_str_t         since, match;
    ngx_uint_t        i, n, cached;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;
    static ngx_str_t  since_name = ngx_string("if-modified-since");
    static ngx_str_t  match_name = ngx_string("if-none-match");

    n = 2;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    if (ngx_http_faas_map_init(map, r->pool, n) != NGX_OK) {
        return NGX_ERROR;
    }

    cached = ngx_http_faas_revalidate(r, &since, &match);

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (!ngx_http_faas_http_param_skip(r, &h[i], cached)
                && ngx_http_faas_http_param(r, map, &h[i].key, &h[i].value)
                   != NGX_OK)
            {
                return NGX_ERROR;
            }
        }
    }

    if (ngx_http_faas_http_param(r, map, &since_name, &since) != NGX_OK
        || ngx_http_faas_http_param(r, map, &match_name, &match) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < map->nelts; i++) {
        if (map->elts[i].first && map->elts[i].next
            && ngx_http_faas_http_join(r, &map->elts[i]) != NGX_OK)
        {
            return NGX_ERROR;
        }
    }

    return NGX_OK;
}


/* All parameters, one behind the other. */

static ngx_int_t
ngx_http_faas_cgi_block(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx,
    ngx_str_t *block)
{
    u_char                 *p;
    size_t                  size;
    ngx_uint_t              i, n;
    ngx_http_faas_map_t     map;
    ngx_http_faas_pair_t   *pair;
    ngx_http_faas_param_t   params[NGX_HTTP_FAAS_PARAMS];

    n = 0;
    size = 0;

    if (ngx_http_faas_cgi_params(r, ctx, params, &n) != NGX_OK
        || ngx_http_faas_http_params(r, &map) != NGX_OK)
    {
        return NGX_ERROR;
    }

    for (i = 0; i < n; i++) {
        size += faas_fcgi_param_len(ngx_strlen(params[i].name),
                                    params[i].value.len);
    }

    for (pair = map.elts; pair < map.elts + map.nelts; pair++) {
        size += faas_fcgi_param_len(pair->name.len, pair->value.len);
    }

    p = ngx_pnalloc(r->pool, size);
    if (p == NULL) {
        return NGX_ERROR;
    }

    block->data = p;

    for (i = 0; i < n; i++) {
        p = faas_fcgi_put_param(p, params[i].name,
                                ngx_strlen(params[i].name),
                                params[i].value.data, params[i].value.len);
    }

    for (pair = map.elts; pair < map.elts + map.nelts; pair++) {
        if (pair->first) {
            p = faas_fcgi_put_param(p, pair->name.data, pair->name.len,
                                    pair->value.data, pair->value.len);
        }
    }

    block->len = p - block->data;

    return NGX_OK;
}


ngx_int_t
ngx_http_faas_cgi_request(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    size_t      len;
    u_char     *body;
    ngx_str_t   block;

    body = NULL;
    len = ngx_http_faas_body_length(r);
    ctx->bytes_in = len;

    if (len) {
        body = ngx_pnalloc(r->pool, len);

        if (body == NULL || ngx_http_faas_body_copy(r, body) != NGX_OK) {
            return NGX_ERROR;
        }
    }

    if (ngx_http_faas_cgi_block(r, ctx, &block) != NGX_OK) {
        return NGX_ERROR;
    }

    return ngx_http_faas_cgi_chain(r, ctx, block.data, block.len, body, len);
}


/*
 * There is an environment, so it is known by now where the code is; a request
 * that came before the supervisor was up has only guessed.
 */

void
ngx_http_faas_cgi_settle(ngx_http_faas_ctx_t *ctx)
{
    ngx_http_request_t  *r;

    if (!ctx->guessed
        || !faas_isolation_bare(ngx_http_faas_board.head->isolation))
    {
        return;
    }

    r = ctx->request;

    if (ngx_http_faas_cgi_request(r, ctx) == NGX_OK) {
        r->upstream->request_bufs = ctx->request_chain;
    }
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

    (void) faas_fcgi_put_begin(begin, 1, ctx->function->keep_conn
                                         ? FAAS_FCGI_KEEP_CONN : 0);

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
