/*
 * Public keys of an issuer, from a location of this server, which has them
 * from wherever it is told to, as by proxy_pass.
 *
 * Runs in workers.  Each has a set of its own: no locks.  A request waits
 * only if there are no keys yet, or if none fits its token; else it goes on
 * with those there are.
 */

#include "ngx_http_faas_auth.h"


#define NGX_HTTP_FAAS_JWKS_AGAIN    60          /* seconds between unknown */
#define NGX_HTTP_FAAS_JWKS_BACKOFF  10          /* and after failures */
#define NGX_HTTP_FAAS_JWKS_MOST     16          /* a second, without keys */


static ngx_int_t ngx_http_faas_jwks_bare(ngx_http_request_t *sr);
static void ngx_http_faas_jwks_cancel(ngx_http_request_t *sr);
static void ngx_http_faas_jwks_fetched(ngx_http_request_t *sr, void *data,
    ngx_int_t rc);
static faas_jwks_t *ngx_http_faas_jwks_body(ngx_http_request_t *sr,
    ngx_int_t rc, const char **error);


/* Seconds since THEN; if the clock was set back it is long ago. */

static time_t
ngx_http_faas_jwks_age(time_t then)
{
    return then && then <= ngx_time() ? ngx_time() - then
                                      : NGX_MAX_INT32_VALUE;
}


/*
 * Whether a fetch would be of any use now.  While the first one is on its way
 * others that need keys ask as well, but an issuer that does not answer is not
 * to be asked by everybody.
 */

static ngx_uint_t
ngx_http_faas_jwks_due(ngx_http_faas_jwks_t *jwks, ngx_uint_t unknown)
{
    time_t  age;

    age = ngx_http_faas_jwks_age(jwks->tried);

    if (age < NGX_HTTP_FAAS_JWKS_BACKOFF) {
        return jwks->set == NULL && !jwks->failed
               && (age || jwks->n_tried < NGX_HTTP_FAAS_JWKS_MOST);
    }

    if (jwks->set == NULL) {
        return 1;
    }

    age = ngx_http_faas_jwks_age(jwks->looked);

    return age >= jwks->ttl
           || (unknown && age >= NGX_HTTP_FAAS_JWKS_AGAIN);
}


/*
 * Before a token is verified, or after no key was found for it (UNKNOWN).
 * NGX_OK: with the keys there are; NGX_AGAIN: NEXT will be called; NGX_ERROR:
 * there are none.
 */

ngx_int_t
ngx_http_faas_jwks_fetch(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_uint_t unknown, ngx_http_faas_pause_pt next)
{
    ngx_uint_t             flags;
    ngx_http_request_t    *sr;
    ngx_http_faas_jwks_t  *jwks;

    jwks = &hit->route->authorizer->jwks;

    if (!ngx_http_faas_jwks_due(jwks, unknown)) {
        return jwks->set ? NGX_OK : NGX_ERROR;
    }

    jwks->n_tried = (jwks->tried == ngx_time()) ? jwks->n_tried + 1 : 1;
    jwks->tried = ngx_time();
    jwks->failed = 0;

    flags = NGX_HTTP_SUBREQUEST_IN_MEMORY;

    if (jwks->set && !unknown) {
        flags |= NGX_HTTP_SUBREQUEST_BACKGROUND;
    }

    sr = ngx_http_faas_pause(r, hit, &jwks->uri, flags, next,
                             ngx_http_faas_jwks_fetched, jwks);
    if (sr == NULL) {
        return jwks->set ? NGX_OK : NGX_ERROR;
    }

    if (ngx_http_faas_jwks_bare(sr) != NGX_OK) {
        sr->write_event_handler = ngx_http_faas_jwks_cancel;
    }

    if (flags & NGX_HTTP_SUBREQUEST_BACKGROUND) {
        r->write_event_handler = ngx_http_request_empty_handler;
        return NGX_OK;
    }

    return NGX_AGAIN;
}


/* The issuer gets no header of the client's, who may have sent a secret. */

static ngx_int_t
ngx_http_faas_jwks_bare(ngx_http_request_t *sr)
{
    ngx_str_t  server;

    server = sr->headers_in.server;

    ngx_memzero(&sr->headers_in, sizeof(ngx_http_headers_in_t));

    sr->headers_in.server = server;
    sr->headers_in.content_length_n = -1;
    sr->headers_in.keep_alive_n = -1;
    sr->request_body = NULL;

    return ngx_list_init(&sr->headers_in.headers, sr->pool, 1,
                         sizeof(ngx_table_elt_t));
}


static void
ngx_http_faas_jwks_cancel(ngx_http_request_t *sr)
{
    ngx_http_finalize_request(sr, NGX_HTTP_INTERNAL_SERVER_ERROR);
}


static void
ngx_http_faas_jwks_fetched(ngx_http_request_t *sr, void *data, ngx_int_t rc)
{
    ngx_http_faas_jwks_t *jwks = data;

    const char   *error;
    faas_jwks_t  *set;

    set = ngx_http_faas_jwks_body(sr, rc, &error);

    if (set) {
        ngx_http_faas_jwks_left_out(NULL, sr->connection->log, jwks, set);
    }

    if (set == NULL || set->n == 0) {
        jwks->failed = 1;

        ngx_log_error(NGX_LOG_ERR, sr->connection->log, 0,
                      "faas: no keys from \"%V\": %s%s", &jwks->uri, error,
                      jwks->set ? ", the old ones stay" : "");
        faas_jwks_free(set);
        return;
    }

    jwks->looked = ngx_time();

    ngx_http_faas_jwks_replace(jwks, set, sr->connection->log);
}


static faas_jwks_t *
ngx_http_faas_jwks_body(ngx_http_request_t *sr, ngx_int_t rc,
    const char **error)
{
    ngx_buf_t    *b;
    faas_jwks_t  *set;

    if (rc != NGX_OK || sr->headers_out.status != NGX_HTTP_OK) {
        *error = "the location has not answered with 200";
        return NULL;
    }

    if (sr->out == NULL) {
        *error = "the answer is empty";
        return NULL;
    }

    b = sr->out->buf;

    if (b->last - b->pos > FAAS_JWKS_LEN) {
        *error = "the answer is too large";
        return NULL;
    }

    set = faas_jwks_parse((char *) b->pos, b->last - b->pos, error);

    if (set && set->n == 0) {
        *error = "there is no key of use in it";
    }

    return set;
}
