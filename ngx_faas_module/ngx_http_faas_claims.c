/*
 * What a verified token says: the texts that events copy, and the variables
 * $faas_authorizer, $faas_api_key_id, $faas_claim_*, $faas_context_* and
 * $faas_principal_id.
 *
 * Runs in workers; takes no locks.
 */

#include "ngx_http_faas_verdict.h"
#include "ngx_http_faas_keys.h"

#include "faas_json.h"


/* a byte is at most six when it is escaped, and a number gets quotes */
#define NGX_HTTP_FAAS_CLAIMS    (6 * FAAS_JWT_TOKEN)


typedef struct {
    ngx_http_request_t        *request;
    ngx_http_faas_hit_t       *hit;
} ngx_http_faas_kept_t;

typedef struct {
    u_char                    *last;
    u_char                    *end;
} ngx_http_faas_claims_t;


static int ngx_http_faas_claim(void *ctx, const unsigned char *name,
    size_t nlen, const unsigned char *value, size_t vlen);
static ngx_int_t ngx_http_faas_authorizer_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_faas_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_faas_context_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_faas_principal_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data);
static ngx_int_t ngx_http_faas_member_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_str_t *object, ngx_str_t *name);
static ngx_int_t ngx_http_faas_claim_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_str_t *text);
static ngx_uint_t ngx_http_faas_claim_is(u_char *claim, size_t len,
    ngx_str_t *name);


static ngx_http_variable_t  ngx_http_faas_auth_variables[] = {
    { ngx_string("faas_authorizer"), NULL, ngx_http_faas_authorizer_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },
    { ngx_string("faas_api_key_id"), NULL, ngx_http_faas_api_key_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },
    { ngx_string("faas_claim_"), NULL, ngx_http_faas_claim_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },
    { ngx_string("faas_context_"), NULL, ngx_http_faas_context_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE|NGX_HTTP_VAR_PREFIX, 0 },
    { ngx_string("faas_principal_id"), NULL, ngx_http_faas_principal_variable,
      0, NGX_HTTP_VAR_NOCACHEABLE, 0 },
    { ngx_null_string, NULL, NULL, 0, 0, 0 }
};


ngx_int_t
ngx_http_faas_add_auth_variables(ngx_conf_t *cf)
{
    ngx_uint_t            i;
    ngx_http_variable_t  *var, *v;

    for (i = 0; ngx_http_faas_auth_variables[i].name.len; i++) {
        v = &ngx_http_faas_auth_variables[i];

        var = ngx_http_add_variable(cf, &v->name, v->flags);
        if (var == NULL) {
            return NGX_ERROR;
        }

        var->get_handler = v->get_handler;
        var->data = v->data;
    }

    return NGX_OK;
}


/* hit->claims: an object of strings. */

ngx_int_t
ngx_http_faas_claims(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    faas_jwt_t *token)
{
    ngx_http_faas_claims_t  claims;

    static u_char  buf[NGX_HTTP_FAAS_CLAIMS];

    claims.last = buf;
    claims.end = buf + sizeof(buf) - 2;

    if (faas_jwt_claims(token, ngx_http_faas_claim, &claims) != 0) {
        return NGX_ERROR;
    }

    if (claims.last == buf) {
        *claims.last++ = '{';
    }

    buf[0] = '{';
    *claims.last++ = '}';

    hit->claims.len = claims.last - buf;
    hit->claims.data = ngx_pnalloc(r->pool, hit->claims.len);

    if (hit->claims.data == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(hit->claims.data, buf, hit->claims.len);

    return NGX_OK;
}


/* Each with what separates it from the one before. */

static int
ngx_http_faas_claim(void *ctx, const unsigned char *name, size_t nlen,
    const unsigned char *value, size_t vlen)
{
    ngx_http_faas_claims_t *claims = ctx;

    u_char  *p;

    p = claims->last;

    if ((size_t) (claims->end - p) < faas_json_escaped_len(name, nlen)
                                     + faas_json_escaped_len(value, vlen) + 6)
    {
        return -1;
    }

    *p++ = ',';
    *p++ = '"';
    p = faas_json_escape(p, name, nlen);
    p = ngx_cpymem(p, "\":\"", 3);
    p = faas_json_escape(p, value, vlen);
    *p++ = '"';

    claims->last = p;

    return 0;
}


/*
 * hit->scopes: those of the route that the token has; null if the route wants
 * none.  What was configured needs no escapes.
 */

ngx_int_t
ngx_http_faas_scopes(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    const faas_jwt_t *token, const faas_jwt_expect_t *expect)
{
    size_t             len;
    u_char            *p;
    unsigned           i;
    faas_jwt_expect_t  one;

    if (expect->n_scopes == 0) {
        ngx_str_set(&hit->scopes, "null");
        return NGX_OK;
    }

    len = 2;

    for (i = 0; i < expect->n_scopes; i++) {
        len += expect->scopes[i].len + 3;
    }

    p = ngx_pnalloc(r->pool, len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    hit->scopes.data = p;
    one = *expect;
    one.n_scopes = 1;
    *p++ = '[';

    for (i = 0; i < expect->n_scopes; i++) {
        one.scopes = &expect->scopes[i];

        if (faas_jwt_check(token, &one) != FAAS_JWT_OK) {
            continue;
        }

        if (p[-1] == '"') {
            *p++ = ',';
        }

        *p++ = '"';
        p = ngx_cpymem(p, one.scopes->data, one.scopes->len);
        *p++ = '"';
    }

    *p++ = ']';
    hit->scopes.len = p - hit->scopes.data;

    return NGX_OK;
}


static void
ngx_http_faas_kept_cleanup(void *data)
{
    /* a mark to find what was kept by */
}


/*
 * There is no context of requests that are refused or answered by others,
 * and a redirect wipes the others: what variables say has to be found.
 */

ngx_int_t
ngx_http_faas_hit_keep(ngx_http_request_t *r, ngx_http_faas_hit_t *hit)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_faas_kept_t  *kept;

    cln = ngx_pool_cleanup_add(r->pool, sizeof(ngx_http_faas_kept_t));
    if (cln == NULL) {
        return NGX_ERROR;
    }

    cln->handler = ngx_http_faas_kept_cleanup;

    kept = cln->data;
    kept->request = r;
    kept->hit = hit;

    return NGX_OK;
}


/* The last one, as the list begins with it. */

ngx_http_faas_hit_t *
ngx_http_faas_kept(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t    *cln;
    ngx_http_faas_kept_t  *kept;

    for (cln = r->pool->cleanup; cln; cln = cln->next) {

        if (cln->handler != ngx_http_faas_kept_cleanup) {
            continue;
        }

        kept = cln->data;

        if (kept->request == r) {
            return kept->hit;
        }
    }

    return NULL;
}


static ngx_int_t
ngx_http_faas_authorizer_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_http_faas_hit_t  *hit;

    hit = ngx_http_faas_kept(r);

    if (hit == NULL || hit->route == NULL || hit->route->authorizer == NULL) {
        v->not_found = 1;
        return NGX_OK;
    }

    v->data = hit->route->authorizer->name.data;
    v->len = hit->route->authorizer->name.len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_claim_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             name;
    ngx_http_faas_hit_t  *hit;

    v->not_found = 1;
    hit = ngx_http_faas_kept(r);

    if (hit == NULL || hit->claims.len == 0) {
        return NGX_OK;
    }

    name = *(ngx_str_t *) data;
    name.data += sizeof("faas_claim_") - 1;
    name.len -= sizeof("faas_claim_") - 1;

    return ngx_http_faas_member_variable(r, v, &hit->claims, &name);
}


static ngx_int_t
ngx_http_faas_context_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             name, context;
    ngx_http_faas_hit_t  *hit;

    v->not_found = 1;
    hit = ngx_http_faas_kept(r);

    if (hit == NULL || hit->verdict == NULL) {
        return NGX_OK;
    }

    name = *(ngx_str_t *) data;
    name.data += sizeof("faas_context_") - 1;
    name.len -= sizeof("faas_context_") - 1;

    context.data = (u_char *) faas_verdict_context(hit->verdict,
                                                   &context.len);

    return ngx_http_faas_member_variable(r, v, &context, &name);
}


static ngx_int_t
ngx_http_faas_principal_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, uintptr_t data)
{
    ngx_str_t             principal;
    ngx_http_faas_hit_t  *hit;

    v->not_found = 1;
    hit = ngx_http_faas_kept(r);

    if (hit == NULL || hit->verdict == NULL) {
        return NGX_OK;
    }

    principal.data = (u_char *) faas_verdict_principal(hit->verdict,
                                                       &principal.len);

    return principal.data ? ngx_http_faas_claim_value(r, v, &principal)
                          : NGX_OK;
}


/*
 * nginx makes names of variables small, and a member may have characters that
 * they cannot have.  Where several fit none of them is meant.
 */

static ngx_int_t
ngx_http_faas_member_variable(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_str_t *object, ngx_str_t *name)
{
    u_char            *key, *value;
    size_t             klen, vlen;
    ngx_str_t          found;
    ngx_uint_t         n;
    faas_json_t        js;
    faas_json_type_e   type;

    n = 0;
    ngx_str_null(&found);
    faas_json_init(&js, object->data, object->len);

    if (object->len == 0 || faas_json_enter(&js, FAAS_JSON_OBJECT) != 0) {
        return NGX_OK;
    }

    while (faas_json_member(&js, &key, &klen) == 1) {
        type = faas_json_peek(&js);

        if (faas_json_skip(&js, &value, &vlen) != 0) {
            return NGX_OK;
        }

        if (!ngx_http_faas_claim_is(key, klen, name)) {
            continue;
        }

        n++;

        if (type != FAAS_JSON_OBJECT && type != FAAS_JSON_ARRAY) {
            found.data = value;
            found.len = vlen;
        }
    }

    return (n == 1 && found.data) ? ngx_http_faas_claim_value(r, v, &found)
                                  : NGX_OK;
}


/*
 * Events have it escaped.  Who fills in a claim must not add a header to what
 * it is used in: control characters are in no value.
 */

static ngx_int_t
ngx_http_faas_claim_value(ngx_http_request_t *r,
    ngx_http_variable_value_t *v, ngx_str_t *text)
{
    u_char      *p;
    ngx_uint_t   i, len;

    p = ngx_pnalloc(r->pool, text->len);
    if (p == NULL) {
        return NGX_ERROR;
    }

    ngx_memcpy(p, text->data, text->len);
    len = faas_json_unescape(p, text->len);

    for (i = 0; i < len; i++) {
        if (p[i] < ' ' || p[i] == 0x7f) {
            return NGX_OK;
        }
    }

    v->data = p;
    v->len = len;
    v->valid = 1;
    v->no_cacheable = 1;
    v->not_found = 0;

    return NGX_OK;
}


/* CLAIM as JSON has it: what it escapes is more than one character. */

static ngx_uint_t
ngx_http_faas_claim_is(u_char *claim, size_t len, ngx_str_t *name)
{
    u_char      ch;
    ngx_uint_t  i;

    if (len != name->len) {
        return 0;
    }

    for (i = 0; i < len; i++) {
        ch = ngx_tolower(claim[i]);

        if (!(ch >= 'a' && ch <= 'z') && !(ch >= '0' && ch <= '9')) {
            ch = '_';
        }

        if (ch != name->data[i]) {
            return 0;
        }
    }

    return 1;
}
