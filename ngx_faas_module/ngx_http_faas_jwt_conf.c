/*
 * "authorizer NAME jwt ..." in a faas_api block.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_auth.h"


#define NGX_HTTP_FAAS_SKEW      60              /* seconds */
#define NGX_HTTP_FAAS_SKEW_MAX  600

#define NGX_HTTP_FAAS_JWKS_TTL  3600            /* seconds */


static ngx_int_t ngx_http_faas_jwt_parameter(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value);
static ngx_int_t ngx_http_faas_jwt_keys_parameter(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value);
static char *ngx_http_faas_jwt_skew(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value);
static char *ngx_http_faas_jwt_done(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a);
static char *ngx_http_faas_jwt_source(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text);
static char *ngx_http_faas_jwt_jwks(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text);
static char *ngx_http_faas_jwt_jwks_uri(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text);


/* what a setter has returned, as a code */

#define ngx_http_faas_ok(rv)                                                  \
    ((rv) == NGX_CONF_OK ? NGX_OK : NGX_ERROR)


char *
ngx_http_faas_set_jwt_authorizer(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value, ngx_uint_t n)
{
    ngx_int_t   rc;
    ngx_uint_t  i;

    for (i = 3; i < n; i++) {
        rc = ngx_http_faas_jwt_parameter(cf, a, &value[i]);

        if (rc == NGX_DECLINED) {
            rc = ngx_http_faas_jwt_keys_parameter(cf, a, &value[i]);
        }

        if (rc == NGX_DECLINED) {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid parameter \"%V\" of authorizer \"%V\"",
                               &value[i], &a->name);
        }

        if (rc != NGX_OK) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_faas_jwt_done(cf, a);
}


/* NGX_DECLINED: it is another one, comes twice, or is no good. */

static ngx_int_t
ngx_http_faas_jwt_parameter(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a,
    ngx_str_t *value)
{
    ngx_str_t  text;

    if (ngx_http_faas_is_param(value, "issuer=") && a->issuer.len == 0) {
        ngx_http_faas_param(&text, value, "issuer=");

        a->issuer.data = text.data;
        a->issuer.len = text.len;

        return NGX_OK;
    }

    if (ngx_http_faas_is_param(value, "audience=") && a->audience == NULL) {
        ngx_http_faas_param(&text, value, "audience=");
        a->audience = ngx_http_faas_jwt_list(cf, &text);

        return a->audience ? NGX_OK : NGX_DECLINED;
    }

    if (ngx_http_faas_is_param(value, "identity=") && a->source.len == 0) {
        ngx_http_faas_param(&text, value, "identity=");
        return ngx_http_faas_ok(ngx_http_faas_jwt_source(cf, a, &text));
    }

    if (ngx_http_faas_is_param(value, "skew=") && a->skew == NGX_CONF_UNSET) {
        return ngx_http_faas_ok(ngx_http_faas_jwt_skew(cf, a, value));
    }

    return NGX_DECLINED;
}


/* The same about keys. */

static ngx_int_t
ngx_http_faas_jwt_keys_parameter(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value)
{
    ngx_str_t  text;

    if (ngx_http_faas_is_param(value, "jwks=") && a->jwks.name.len == 0) {
        ngx_http_faas_param(&text, value, "jwks=");
        return ngx_http_faas_ok(ngx_http_faas_jwt_jwks(cf, a, &text));
    }

    if (ngx_http_faas_is_param(value, "jwks_uri=") && a->jwks.uri.len == 0) {
        ngx_http_faas_param(&text, value, "jwks_uri=");
        return ngx_http_faas_ok(ngx_http_faas_jwt_jwks_uri(cf, a, &text));
    }

    if (ngx_http_faas_is_param(value, "jwks_ttl=") && a->jwks.ttl == 0) {
        ngx_http_faas_param(&text, value, "jwks_ttl=");
        a->jwks.ttl = ngx_parse_time(&text, 1);

        return a->jwks.ttl > 0 ? NGX_OK : NGX_DECLINED;
    }

    return NGX_DECLINED;
}


static char *
ngx_http_faas_jwt_skew(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a,
    ngx_str_t *value)
{
    ngx_str_t  text;

    ngx_http_faas_param(&text, value, "skew=");

    a->skew = ngx_parse_time(&text, 1);

    if (a->skew != NGX_ERROR && a->skew <= NGX_HTTP_FAAS_SKEW_MAX) {
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"%V\" of authorizer \"%V\", it must be 0s to "
                       "%ds", value, &a->name, NGX_HTTP_FAAS_SKEW_MAX);

    return NGX_CONF_ERROR;
}


/* What must be there is; the keys are read. */

static char *
ngx_http_faas_jwt_done(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a)
{
    const char                 *missing;
    ngx_http_faas_main_conf_t  *fmcf;

    missing = a->issuer.len == 0 ? "issuer"
              : a->audience == NULL ? "audience"
              : a->jwks.name.len == 0 && a->jwks.uri.len == 0 ? "jwks"
              : NULL;

    if (missing) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "authorizer \"%V\" has no \"%s=\"", &a->name,
                           missing);
        return NGX_CONF_ERROR;
    }

    if (a->jwks.name.len && (a->jwks.uri.len || a->jwks.ttl)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "authorizer \"%V\" has \"jwks=\" and \"%s=\"",
                           &a->name, a->jwks.uri.len ? "jwks_uri"
                                                     : "jwks_ttl");
        return NGX_CONF_ERROR;
    }

    if (a->jwks.ttl == 0) {
        a->jwks.ttl = NGX_HTTP_FAAS_JWKS_TTL;
    }

    ngx_conf_init_value(a->skew, NGX_HTTP_FAAS_SKEW);

    if (a->source.len == 0) {
        ngx_str_set(&a->source, "Authorization");
    }

    fmcf = ngx_http_conf_get_module_main_conf(cf, ngx_http_faas_module);

    if (fmcf->tokens == NULL) {
        fmcf->tokens = ngx_http_faas_tokens_create(cf);
        if (fmcf->tokens == NULL) {
            return NGX_CONF_ERROR;
        }
    }

    return ngx_http_faas_jwks_load(cf, &a->jwks) == NGX_OK ? NGX_CONF_OK
                                                           : NGX_CONF_ERROR;
}


/* Where the token is. */

static char *
ngx_http_faas_jwt_source(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text)
{
    u_char      ch;
    ngx_uint_t  i;

    if (ngx_http_faas_is_param(text, "$request.header.")) {
        ngx_http_faas_param(&a->source, text, "$request.header.");

    } else if (ngx_http_faas_is_param(text, "$request.querystring.")) {
        ngx_http_faas_param(&a->source, text, "$request.querystring.");
        a->query = 1;
    }

    for (i = 0; i < a->source.len; i++) {
        ch = a->source.data[i];

        if (!((ch | 0x20) >= 'a' && (ch | 0x20) <= 'z')
            && !(ch >= '0' && ch <= '9') && ch != '-' && ch != '_'
            && ch != '.')
        {
            break;
        }
    }

    if (a->source.len == 0 || i < a->source.len) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"identity=%V\" of authorizer \"%V\", it "
                           "must be \"$request.header.NAME\" or "
                           "\"$request.querystring.NAME\"", text, &a->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static char *
ngx_http_faas_jwt_jwks(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a,
    ngx_str_t *text)
{
    if (ngx_strncasecmp(text->data, (u_char *) "https://", 8) == 0
        || ngx_strncasecmp(text->data, (u_char *) "http://", 7) == 0)
    {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"jwks=%V\" of authorizer \"%V\" is an address, "
                           "it must be a file, or \"jwks_uri=\" a location "
                           "that passes requests there", text, &a->name);
        return NGX_CONF_ERROR;
    }

    a->jwks.name = *text;

    return ngx_conf_full_name(cf->cycle, &a->jwks.name, 1) == NGX_OK
           ? NGX_CONF_OK : NGX_CONF_ERROR;
}


static char *
ngx_http_faas_jwt_jwks_uri(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text)
{
    if (text->data[0] == '/') {
        a->jwks.uri = *text;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"jwks_uri=%V\" of authorizer \"%V\", it must "
                       "be the path of a location, as \"/jwks\", which may "
                       "pass requests elsewhere", text, &a->name);

    return NGX_CONF_ERROR;
}


/*
 * What commas separate, of characters that a scope may have (RFC 6749,
 * section 3.3), as it is sent in a header; NULL: no such list.
 */

ngx_array_t *
ngx_http_faas_jwt_list(ngx_conf_t *cf, ngx_str_t *text)
{
    u_char          *p, *last, *end;
    ngx_array_t     *list;
    faas_jwt_str_t  *s;

    for (p = text->data; p < text->data + text->len; p++) {
        if (*p <= ' ' || *p >= 0x7f || *p == '"' || *p == '\\') {
            return NULL;
        }
    }

    list = ngx_array_create(cf->pool, 4, sizeof(faas_jwt_str_t));
    if (list == NULL) {
        return NULL;
    }

    last = text->data + text->len;

    for (p = text->data; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        s = ngx_array_push(list);

        if (s == NULL || end == p) {
            return NULL;
        }

        s->data = p;
        s->len = end - p;
    }

    return list;
}
