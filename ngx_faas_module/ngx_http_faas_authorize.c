/*
 * May a request go on?  The authorizer of its route decides, before the body
 * is read and an environment is asked for (contract, section 7.7).  This is
 * about JWTs; others have files of their own.
 *
 * Runs in workers; takes no locks.  A token is verified without a break.
 */

#include "ngx_http_faas_verdict.h"


static ngx_int_t ngx_http_faas_authorize_jwt(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
static ngx_int_t ngx_http_faas_authorize_keys(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_uint_t unknown);
static ngx_int_t ngx_http_faas_identity(ngx_http_request_t *r,
    ngx_http_faas_authorizer_t *a, faas_jwt_str_t *token);
static ngx_uint_t ngx_http_faas_identity_argument(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);
static faas_jwt_e ngx_http_faas_authorize_token(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, faas_jwt_str_t *text);
static ngx_int_t ngx_http_faas_authorize_refuse(ngx_http_request_t *r,
    ngx_http_faas_route_t *route, faas_jwt_e rc);
static u_char *ngx_http_faas_authorize_scopes(ngx_http_faas_route_t *route,
    u_char *p);


/* what a token says is needed only until its claims are written */

static faas_jwt_t  ngx_http_faas_token;


/* NGX_OK, the status that the request is refused with, or NGX_AGAIN. */

ngx_int_t
ngx_http_faas_authorize(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    if (ngx_http_faas_hit_keep(r, hit) != NGX_OK) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    switch (hit->route->authorizer->type) {

    case NGX_HTTP_FAAS_AUTHORIZER_IAM:
        return ngx_http_faas_iam(r, hit);

    case NGX_HTTP_FAAS_AUTHORIZER_JWT:
        return ngx_http_faas_authorize_jwt(r, hit);

    default:
        return ngx_http_faas_ask(r, hit);
    }
}


/* ngx_http_faas_pause_pt, too: new keys are there, or could not be had. */

static ngx_int_t
ngx_http_faas_authorize_jwt(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_int_t                    n;
    faas_jwt_e                   rc;
    faas_jwt_str_t               text;
    ngx_http_faas_route_t       *route;
    ngx_http_faas_authorizer_t  *a;

    route = hit->route;
    a = route->authorizer;

    n = ngx_http_faas_identity(r, a, &text);

    if (n == NGX_ERROR) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    if (n == NGX_DECLINED) {
        ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                      "faas: authorizer \"%V\" of API \"%V\" refused route "
                      "\"%V\": there is no token", &a->name, &hit->api->name,
                      &route->key);
        return ngx_http_faas_authorize_refuse(r, route, FAAS_JWT_OK);
    }

    if (a->jwks.uri.len == 0 || a->jwks.set == NULL) {
        n = ngx_http_faas_authorize_keys(r, hit, 0);

        if (n != NGX_OK) {
            return n;
        }
    }

    rc = ngx_http_faas_authorize_token(r, hit, &text);

    /* only now is it known whether it has to wait for newer ones */

    n = ngx_http_faas_authorize_keys(r, hit, rc == FAAS_JWT_NO_KEY
                                             || rc == FAAS_JWT_BAD_SIGNATURE);

    if (n != NGX_OK) {
        return n;
    }

    if (rc == FAAS_JWT_OK) {
        return NGX_OK;
    }

    if (rc == FAAS_JWT_FAILED) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "faas: authorizer \"%V\" of API \"%V\" refused route "
                  "\"%V\": %s", &a->name, &hit->api->name, &route->key,
                  faas_jwt_text(rc));

    return ngx_http_faas_authorize_refuse(r, route, rc);
}


/*
 * NGX_OK, a status, or NGX_AGAIN.  UNKNOWN: those there are do not fit; a
 * request that has waited once goes on with what there is.
 */

static ngx_int_t
ngx_http_faas_authorize_keys(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_uint_t unknown)
{
    ngx_int_t                    rc;
    ngx_http_faas_authorizer_t  *a;

    a = hit->route->authorizer;

    if (a->jwks.uri.len == 0) {
        ngx_http_faas_jwks_refresh(&a->jwks, r->connection->log);
        return NGX_OK;
    }

    if (hit->pause && (a->jwks.set || unknown)) {
        return NGX_OK;
    }

    rc = hit->pause ? NGX_ERROR
                    : ngx_http_faas_jwks_fetch(r, hit, unknown,
                                               ngx_http_faas_authorize_jwt);

    if (rc != NGX_ERROR) {
        return rc;
    }

    ngx_log_error(NGX_LOG_ERR, r->connection->log, 0,
                  "faas: authorizer \"%V\" of API \"%V\" refused route "
                  "\"%V\": there are no keys from \"%V\"", &a->name,
                  &hit->api->name, &hit->route->key, &a->jwks.uri);

    hit->why = "Gateway.AuthorizerFailure";
    hit->refusal = ngx_pcalloc(r->pool, sizeof(ngx_http_faas_reply_t));

    if (hit->refusal) {
        ngx_http_faas_reply(hit, NULL, NGX_HTTP_INTERNAL_SERVER_ERROR,
                            hit->refusal);
    }

    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}


/* NGX_DECLINED: there is none. */

static ngx_int_t
ngx_http_faas_identity(ngx_http_request_t *r, ngx_http_faas_authorizer_t *a,
    faas_jwt_str_t *token)
{
    u_char      *src, *dst;
    ngx_str_t    value;
    ngx_uint_t   n;

    ngx_str_null(&value);

    n = a->query ? ngx_http_faas_identity_argument(r, &a->source, &value)
                 : ngx_http_faas_identity_header(r, &a->source, &value);

    if (n == 0) {
        return NGX_DECLINED;
    }

    /* of two the function might take the other one: together they are none */

    if (n > 1) {
        ngx_str_set(&value, "-");
    }

    if (a->query && ngx_strlchr(value.data, value.data + value.len, '%')) {
        dst = ngx_pnalloc(r->pool, value.len);
        if (dst == NULL) {
            return NGX_ERROR;
        }

        src = value.data;
        value.data = dst;
        ngx_unescape_uri(&dst, &src, value.len, 0);
        value.len = dst - value.data;
    }

    *token = faas_jwt_bearer(value.data, value.len);

    return token->len ? NGX_OK : NGX_DECLINED;
}


/* How many there are; names of headers are the same in any case. */

ngx_uint_t
ngx_http_faas_identity_header(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    ngx_uint_t        i, n;
    ngx_list_part_t  *part;
    ngx_table_elt_t  *h;

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash && h[i].key.len == name->len
                && ngx_strncasecmp(h[i].key.data, name->data, name->len) == 0)
            {
                *value = h[i].value;
                n++;
            }
        }
    }

    return n;
}


/* Functions get names of arguments decoded: so they are compared. */

static ngx_uint_t
ngx_http_faas_argument_is(u_char *p, u_char *last, ngx_str_t *name)
{
    size_t     i;
    ngx_int_t  ch;

    for (i = 0; i < name->len; i++) {

        if (p == last) {
            return 0;
        }

        ch = (*p == '%' && last - p > 2) ? ngx_hextoi(p + 1, 2) : NGX_ERROR;

        if (ch == NGX_ERROR) {
            ch = *p++;

        } else {
            p += 3;
        }

        if (ch != name->data[i]) {
            return 0;
        }
    }

    return p == last;
}


/* Those of arguments are not. */

static ngx_uint_t
ngx_http_faas_identity_argument(ngx_http_request_t *r, ngx_str_t *name,
    ngx_str_t *value)
{
    u_char      *p, *last, *end, *eq;
    ngx_uint_t   n;

    n = 0;
    last = r->args.data + r->args.len;

    for (p = r->args.data; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, '&');
        end = end ? end : last;

        eq = ngx_strlchr(p, end, '=');

        if (eq && ngx_http_faas_argument_is(p, eq, name)) {
            value->data = eq + 1;
            value->len = end - value->data;
            n++;
        }
    }

    return n;
}


/* Afterwards the token's payload is used up. */

static faas_jwt_e
ngx_http_faas_authorize_token(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    faas_jwt_str_t *text)
{
    ngx_int_t                    known;
    faas_jwt_e                   rc;
    faas_jwt_t                  *token;
    faas_jwt_expect_t            expect;
    ngx_http_faas_route_t       *route;
    ngx_http_faas_main_conf_t   *fmcf;
    ngx_http_faas_authorizer_t  *a;

    route = hit->route;
    a = route->authorizer;
    token = &ngx_http_faas_token;

    fmcf = ngx_http_get_module_main_conf(r, ngx_http_faas_module);

    known = ngx_http_faas_tokens_get(fmcf->tokens, &a->jwks, text, token);

    if (known != NGX_OK) {
        rc = faas_jwt_verify(token, a->jwks.set, text->data, text->len);

        if (rc != FAAS_JWT_OK) {
            return rc;
        }
    }

    ngx_memzero(&expect, sizeof(faas_jwt_expect_t));

    expect.issuer = a->issuer;
    expect.audience = a->audience->elts;
    expect.n_audience = a->audience->nelts;
    expect.now = ngx_time();
    expect.skew = a->skew;

    if (route->scopes) {
        expect.scopes = route->scopes->elts;
        expect.n_scopes = route->scopes->nelts;
    }

    rc = faas_jwt_check(token, &expect);

    /* who lacks a scope is known, and may be named in a log */

    if (rc != FAAS_JWT_OK && rc != FAAS_JWT_BAD_SCOPE) {
        return rc;
    }

    if (rc == FAAS_JWT_OK && known != NGX_OK) {
        ngx_http_faas_tokens_put(fmcf->tokens, &a->jwks, token,
                                 r->connection->log);
    }

    if (ngx_http_faas_scopes(r, hit, token, &expect) != NGX_OK
        || ngx_http_faas_claims(r, hit, token) != NGX_OK)
    {
        return FAAS_JWT_FAILED;
    }

    return rc;
}


/* FAAS_JWT_OK: without a token there is nothing to say about it (RFC 6750). */

static ngx_int_t
ngx_http_faas_authorize_refuse(ngx_http_request_t *r,
    ngx_http_faas_route_t *route, faas_jwt_e rc)
{
    size_t            len;
    u_char           *p;
    ngx_uint_t        i;
    faas_jwt_str_t   *scope;
    ngx_table_elt_t  *h;

    len = sizeof("Bearer scope=\"\" error=\"insufficient_scope\" "
                 "error_description=\"\"") + 128;

    if (rc == FAAS_JWT_BAD_SCOPE) {
        scope = route->scopes->elts;

        for (i = 0; i < route->scopes->nelts; i++) {
            len += scope[i].len + 1;
        }
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    h->hash = 1;
    ngx_http_faas_header_init(h);
    ngx_str_set(&h->key, "WWW-Authenticate");
    h->value.data = p;

    p = ngx_cpymem(p, "Bearer", 6);

    if (rc == FAAS_JWT_BAD_SCOPE) {
        p = ngx_http_faas_authorize_scopes(route, p);
    }

    if (rc != FAAS_JWT_OK) {
        p = ngx_snprintf(p, 128, " error=\"%s\" error_description=\"%s\"",
                         faas_jwt_error(rc), faas_jwt_text(rc));
    }

    h->value.len = p - h->value.data;
    r->headers_out.www_authenticate = h;

    return rc == FAAS_JWT_BAD_SCOPE ? NGX_HTTP_FORBIDDEN
                                    : NGX_HTTP_UNAUTHORIZED;
}


static u_char *
ngx_http_faas_authorize_scopes(ngx_http_faas_route_t *route, u_char *p)
{
    ngx_uint_t       i;
    faas_jwt_str_t  *scope;

    scope = route->scopes->elts;

    p = ngx_cpymem(p, " scope=\"", 8);

    for (i = 0; i < route->scopes->nelts; i++) {
        if (i) {
            *p++ = ' ';
        }

        p = ngx_cpymem(p, scope[i].data, scope[i].len);
    }

    *p++ = '"';

    return p;
}
