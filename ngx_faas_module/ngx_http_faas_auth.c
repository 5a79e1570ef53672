/*
 * Whether a request is signed with an access key, and whether the policy of
 * the key allows what is asked for (contract, section 11).
 *
 * Runs in workers.  A worker writes the signing key of the day into its own
 * copy of an access key, nothing else.
 */

#include "ngx_http_faas_lambda.h"


#define NGX_HTTP_FAAS_AUTH_SKEW   300             /* contract, section 11.1 */
#define NGX_HTTP_FAAS_AUTH_ENDS   "no identity-based policy allows the "


static void
ngx_http_faas_auth_error(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    faas_sigv4_e rc, ngx_http_faas_lambda_error_t *e)
{
    u_char  *p;

    e->status = 403;
    e->type = faas_sigv4_type(rc);

    p = ngx_pnalloc(r->pool, FAAS_SIGV4_MESSAGE);

    if (p) {
        e->message.data = p;
        e->message.len = faas_sigv4_message(call->sigv4,
                                            &call->signed_request, rc,
                                            (char *) p, FAAS_SIGV4_MESSAGE);
    }

    ngx_log_error(NGX_LOG_INFO, r->connection->log, 0,
                  "faas: request refused: %s", e->type);
}


static ngx_int_t
ngx_http_faas_auth_headers(ngx_http_request_t *r, ngx_http_faas_call_t *call)
{
    size_t                n;
    ngx_uint_t            i;
    ngx_list_part_t      *part;
    ngx_table_elt_t      *h;
    faas_sigv4_header_t  *headers;

    n = 1;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        n += part->nelts;
    }

    headers = ngx_palloc(r->pool, n * sizeof(faas_sigv4_header_t));
    if (headers == NULL) {
        return NGX_ERROR;
    }

    n = 0;

    for (part = &r->headers_in.headers.part; part; part = part->next) {
        h = part->elts;

        for (i = 0; i < part->nelts; i++) {
            if (h[i].hash) {
                headers[n].name.data = h[i].key.data;
                headers[n].name.len = h[i].key.len;
                headers[n].value.data = h[i].value.data;
                headers[n++].value.len = h[i].value.len;
            }
        }
    }

    /* HTTP/2 has it as a pseudo-header */

    if (r->headers_in.host == NULL) {
        headers[n].name.data = (u_char *) "host";
        headers[n].name.len = 4;
        headers[n].value.data = r->headers_in.server.data;
        headers[n++].value.len = r->headers_in.server.len;
    }

    call->signed_request.headers = headers;
    call->signed_request.n_headers = n;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_auth_request(ngx_http_request_t *r, ngx_http_faas_call_t *call)
{
    u_char                *p, *last;
    faas_sigv4_request_t  *s;

    call->sigv4 = ngx_palloc(r->pool, sizeof(faas_sigv4_t));

    if (call->sigv4 == NULL || ngx_http_faas_auth_headers(r, call) != NGX_OK)
    {
        return NGX_ERROR;
    }

    s = &call->signed_request;
    s->method.data = r->method_name.data;
    s->method.len = r->method_name.len;

    p = r->unparsed_uri.data;
    last = p + r->unparsed_uri.len;
    s->path.data = p;
    p = ngx_strlchr(p, last, '?');
    s->path.len = (p ? p : last) - s->path.data;
    s->query.data = p ? p + 1 : last;
    s->query.len = last - s->query.data;

    s->service = call->service;
    s->region = NULL;
    s->now = ngx_time();
    s->skew = NGX_HTTP_FAAS_AUTH_SKEW;

    return NGX_OK;
}


/* As long as it takes, however much is equal. */

static ngx_uint_t
ngx_http_faas_differ(const u_char *a, const u_char *b, size_t len)
{
    size_t           i;
    volatile u_char  sum;

    for (i = 0, sum = 0; i < len; i++) {
        sum |= a[i] ^ b[i];
    }

    return sum;
}


static ngx_http_faas_key_t *
ngx_http_faas_auth_find(ngx_http_faas_auth_t *auth, faas_sigv4_t *s)
{
    ngx_uint_t            i;
    ngx_http_faas_key_t  *key;

    key = auth->keys.elts;

    for (i = 0; i < auth->keys.nelts; i++) {
        if (key[i].id.len == s->access_key.len
            && ngx_memcmp(key[i].id.data, s->access_key.data, key[i].id.len)
               == 0)
        {
            break;
        }
    }

    if (i == auth->keys.nelts || key[i].token.len != s->token.len
        || ngx_http_faas_differ(key[i].token.data, s->token.data, s->token.len))
    {
        return NULL;
    }

    return &key[i];
}


/* The same for all requests of a day and region: made once. */

static ngx_int_t
ngx_http_faas_auth_signing(ngx_http_faas_key_t *key, faas_sigv4_t *s)
{
    u_char  *p, scope[3 * FAAS_SIGV4_NAME];
    size_t   len;

    if (s->date.len > FAAS_SIGV4_NAME || s->region.len > FAAS_SIGV4_NAME - 2) {
        return NGX_ERROR;
    }

    p = ngx_cpymem(scope, s->date.data, s->date.len);
    *p++ = '/';
    p = ngx_cpymem(p, s->region.data, s->region.len);
    len = p - scope;

    if (len == key->scope_len && ngx_memcmp(scope, key->scope, len) == 0) {
        return NGX_OK;
    }

    key->scope_len = 0;

    if (faas_sigv4_key(key->signing, key->secret.data, key->secret.len,
                       &s->date, &s->region, &s->service)
        != 0)
    {
        return NGX_ERROR;
    }

    ngx_memcpy(key->scope, scope, len);
    key->scope_len = len;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_auth_verify(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    const char *hash, ngx_http_faas_lambda_error_t *e)
{
    faas_sigv4_e  rc;

    if (ngx_http_faas_auth_signing(call->key, call->sigv4) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = faas_sigv4_verify(call->sigv4, &call->signed_request,
                           call->key->signing, hash);

    if (rc != FAAS_SIGV4_OK) {
        ngx_http_faas_auth_error(r, call, rc, e);
        return NGX_DECLINED;
    }

    call->verified = 1;

    return NGX_OK;
}


/* Before the body: NGX_OK, NGX_DECLINED with *E, or NGX_ERROR. */

ngx_int_t
ngx_http_faas_auth_begin(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    ngx_http_faas_lambda_error_t *e)
{
    faas_sigv4_e           rc;
    ngx_http_faas_auth_t  *auth;

    auth = call->auth;

    if (auth == NULL) {
        return NGX_OK;
    }

    if (ngx_http_faas_auth_request(r, call) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = faas_sigv4_parse(call->sigv4, &call->signed_request);

    if (rc == FAAS_SIGV4_OK) {
        call->key = ngx_http_faas_auth_find(auth, call->sigv4);
        rc = call->key ? FAAS_SIGV4_OK : FAAS_SIGV4_UNKNOWN_KEY;
    }

    if (rc != FAAS_SIGV4_OK) {
        ngx_http_faas_auth_error(r, call, rc, e);
        return NGX_DECLINED;
    }

    return call->sigv4->payload == FAAS_SIGV4_BODY
           ? NGX_OK : ngx_http_faas_auth_verify(r, call, NULL, e);
}


/* With the body in call->body. */

ngx_int_t
ngx_http_faas_auth_body(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    ngx_http_faas_lambda_error_t *e)
{
    int                 ok;
    char                hash[FAAS_SIGV4_HASH_LEN + 1];
    faas_sigv4_body_t  *b;

    if (call->key == NULL) {
        return NGX_OK;
    }

    b = faas_sigv4_body_new();

    ok = (b != NULL
          && faas_sigv4_body_update(b, call->body.data, call->body.len) == 0
          && faas_sigv4_body_final(b, hash) == 0);

    faas_sigv4_body_free(b);

    if (!ok) {
        return NGX_ERROR;
    }

    if (!call->verified) {
        return ngx_http_faas_auth_verify(r, call, hash, e);
    }

    if (!faas_sigv4_body_ok(call->sigv4, hash)) {
        ngx_http_faas_auth_error(r, call, FAAS_SIGV4_MISMATCH, e);
        return NGX_DECLINED;
    }

    return NGX_OK;
}


/* Does the policy of the key allow ACTION on what is asked for? */

ngx_int_t
ngx_http_faas_auth_may(ngx_http_request_t *r, ngx_http_faas_call_t *call,
    const char *action, ngx_http_faas_lambda_error_t *e)
{
    u_char         *p;
    ngx_str_t       arn;
    faas_policy_e   rc;

    if (call->key == NULL) {
        return NGX_OK;
    }

    arn = call->arn;

    if (arn.len == 0) {
        ngx_str_set(&arn, "*");
    }

    rc = faas_policy_eval(call->key->policy, action, ngx_strlen(action),
                          (char *) arn.data, arn.len);

    if (rc == FAAS_POLICY_ALLOW) {
        return NGX_OK;
    }

    e->status = 403;
    e->type = "AccessDeniedException";

    p = ngx_pnalloc(r->pool, call->key->arn.len + arn.len + 256);
    if (p == NULL) {
        return NGX_ERROR;
    }

    e->message.data = p;
    p = ngx_sprintf(p, "User: %V is not authorized to perform: %s on "
                    "resource: %V ", &call->key->arn, action, &arn);

    p = (rc == FAAS_POLICY_DENY)
        ? ngx_sprintf(p, "with an explicit deny in an identity-based policy")
        : ngx_sprintf(p, "because " NGX_HTTP_FAAS_AUTH_ENDS "%s action",
                      action);

    e->message.len = p - e->message.data;

    return NGX_DECLINED;
}
