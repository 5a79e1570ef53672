/*
 * "authorizer NAME token ..." and "authorizer NAME request ..." in a faas_api
 * block: Lambda authorizers.
 *
 * Runs in the master while it reads a configuration; takes no locks.
 */

#include "ngx_http_faas_verdict.h"


#define NGX_HTTP_FAAS_TTL      300              /* seconds, as AWS has it */
#define NGX_HTTP_FAAS_TTL_MAX  3600


static char *ngx_http_faas_verdict_parameter(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value);
static char *ngx_http_faas_verdict_sources(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text);
static ngx_int_t ngx_http_faas_verdict_source(ngx_str_t *text,
    ngx_http_faas_source_t *source);
static char *ngx_http_faas_verdict_validate(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *text);


/* ngx_http_faas_context_e */

static ngx_str_t  ngx_http_faas_verdict_contexts[] = {
    ngx_string("httpMethod"),
    ngx_string("identity.sourceIp"),
    ngx_string("identity.userAgent"),
    ngx_string("path"),
    ngx_string("protocol"),
    ngx_string("resourcePath"),
    ngx_string("routeKey"),
    ngx_string("stage"),
    ngx_null_string
};


char *
ngx_http_faas_set_lambda_authorizer(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value, ngx_uint_t n)
{
    ngx_uint_t               i;
    ngx_http_faas_source_t  *source;

    a->ttl = NGX_CONF_UNSET;
    a->payload = NGX_CONF_UNSET_UINT;
    a->simple = NGX_CONF_UNSET;

    for (i = 3; i < n; i++) {
        if (ngx_http_faas_verdict_parameter(cf, a, &value[i]) != NGX_CONF_OK) {
            return NGX_CONF_ERROR;
        }
    }

    if (a->function == NULL) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "authorizer \"%V\" has no \"function=\"", &a->name);
        return NGX_CONF_ERROR;
    }

    if (a->sources == NULL && a->type == NGX_HTTP_FAAS_AUTHORIZER_TOKEN) {
        a->sources = ngx_array_create(cf->pool, 1,
                                      sizeof(ngx_http_faas_source_t));
        if (a->sources == NULL) {
            return NGX_CONF_ERROR;
        }

        source = ngx_array_push(a->sources);
        source->kind = NGX_HTTP_FAAS_SOURCE_HEADER;
        ngx_str_set(&source->name, "Authorization");
    }

    /* nothing tells the answers apart */

    if (a->sources == NULL && a->ttl > 0) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "authorizer \"%V\" has a \"ttl=\" without "
                           "\"identity=\"", &a->name);
        return NGX_CONF_ERROR;
    }

    ngx_conf_init_value(a->ttl, a->sources ? NGX_HTTP_FAAS_TTL : 0);

    if (a->ttl) {
        ngx_http_faas_verdicts_use(cf);
    }

    return NGX_CONF_OK;
}


/* NGX_DECLINED: it is not about what is sent and answered, or comes twice. */

static ngx_int_t
ngx_http_faas_verdict_form(ngx_http_faas_authorizer_t *a, ngx_str_t *value)
{
    if (ngx_strcmp(value->data, "payload=1.0") == 0
        && a->payload == NGX_CONF_UNSET_UINT)
    {
        a->payload = NGX_HTTP_FAAS_PAYLOAD_V1;
        return NGX_OK;
    }

    if (ngx_strcmp(value->data, "payload=2.0") == 0
        && a->payload == NGX_CONF_UNSET_UINT)
    {
        a->payload = NGX_HTTP_FAAS_PAYLOAD_V2;
        return NGX_OK;
    }

    if (a->simple == NGX_CONF_UNSET
        && (ngx_strcmp(value->data, "simple=on") == 0
            || ngx_strcmp(value->data, "simple=off") == 0))
    {
        a->simple = (value->len == sizeof("simple=on") - 1);
        return NGX_OK;
    }

    return NGX_DECLINED;
}


static char *
ngx_http_faas_verdict_parameter(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a,
    ngx_str_t *value)
{
    ngx_str_t   text;
    ngx_uint_t  token;

    token = (a->type == NGX_HTTP_FAAS_AUTHORIZER_TOKEN);

    if (ngx_http_faas_is_param(value, "function=") && a->function == NULL) {
        ngx_http_faas_param(&text, value, "function=");
        a->function = ngx_http_faas_reference(cf, &text);

        return a->function ? NGX_CONF_OK : NGX_CONF_ERROR;
    }

    if (ngx_http_faas_is_param(value, "identity=") && a->sources == NULL) {
        ngx_http_faas_param(&text, value, "identity=");
        return ngx_http_faas_verdict_sources(cf, a, &text);
    }

    if (ngx_http_faas_is_param(value, "ttl=") && a->ttl == NGX_CONF_UNSET) {
        ngx_http_faas_param(&text, value, "ttl=");
        a->ttl = ngx_parse_time(&text, 1);

        if (a->ttl != NGX_ERROR && a->ttl <= NGX_HTTP_FAAS_TTL_MAX) {
            return NGX_CONF_OK;
        }

        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "invalid \"%V\" of authorizer \"%V\", it must be "
                           "0s to %ds", value, &a->name,
                           NGX_HTTP_FAAS_TTL_MAX);
        return NGX_CONF_ERROR;
    }

    if (!token && ngx_http_faas_verdict_form(a, value) == NGX_OK) {
        return NGX_CONF_OK;
    }

    if (ngx_http_faas_is_param(value, "validate=") && token) {
        ngx_http_faas_param(&text, value, "validate=");
        return ngx_http_faas_verdict_validate(cf, a, &text);
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid parameter \"%V\" of authorizer \"%V\"", value,
                       &a->name);

    return NGX_CONF_ERROR;
}


/* What commas separate. */

static char *
ngx_http_faas_verdict_sources(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a,
    ngx_str_t *text)
{
    u_char                  *p, *last, *end;
    ngx_str_t                one;
    ngx_http_faas_source_t  *source;

    a->sources = ngx_array_create(cf->pool, 2, sizeof(ngx_http_faas_source_t));
    if (a->sources == NULL) {
        return NGX_CONF_ERROR;
    }

    last = text->data + text->len;

    for (p = text->data; p <= last; p = end + 1) {
        end = ngx_strlchr(p, last, ',');
        end = end ? end : last;

        one.data = p;
        one.len = end - p;

        source = ngx_array_push(a->sources);
        if (source == NULL) {
            return NGX_CONF_ERROR;
        }

        if (ngx_http_faas_verdict_source(&one, source) != NGX_OK
            || (a->type == NGX_HTTP_FAAS_AUTHORIZER_TOKEN
                && (source->kind != NGX_HTTP_FAAS_SOURCE_HEADER
                    || a->sources->nelts > 1)))
        {
            ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                               "invalid \"%V\" in \"identity=%V\" of "
                               "authorizer \"%V\"", &one, text, &a->name);
            return NGX_CONF_ERROR;
        }
    }

    return NGX_CONF_OK;
}


static ngx_int_t
ngx_http_faas_verdict_source(ngx_str_t *text, ngx_http_faas_source_t *source)
{
    ngx_str_t   *context;
    ngx_uint_t   i;

    context = ngx_http_faas_verdict_contexts;

    if (ngx_http_faas_is_param(text, "$request.header.")) {
        ngx_http_faas_param(&source->name, text, "$request.header.");
        source->kind = NGX_HTTP_FAAS_SOURCE_HEADER;

    } else if (ngx_http_faas_is_param(text, "$request.querystring.")) {
        ngx_http_faas_param(&source->name, text, "$request.querystring.");
        source->kind = NGX_HTTP_FAAS_SOURCE_QUERY;

    } else if (ngx_http_faas_is_param(text, "$stageVariables.")) {
        ngx_http_faas_param(&source->name, text, "$stageVariables.");
        source->kind = NGX_HTTP_FAAS_SOURCE_STAGE;

    } else if (ngx_http_faas_is_param(text, "$context.")) {
        ngx_http_faas_param(&source->name, text, "$context.");
        source->kind = NGX_HTTP_FAAS_SOURCE_CONTEXT;

        for (i = 0; context[i].len; i++) {
            if (context[i].len == source->name.len
                && ngx_memcmp(context[i].data, source->name.data,
                              context[i].len)
                   == 0)
            {
                source->context = i;
                return NGX_OK;
            }
        }

        return NGX_ERROR;

    } else {
        return NGX_ERROR;
    }

    return ngx_http_faas_letters(&source->name, "-_.") ? NGX_OK : NGX_ERROR;
}


/* All of a token must fit; what does not is not worth an invocation. */

static char *
ngx_http_faas_verdict_validate(ngx_conf_t *cf, ngx_http_faas_authorizer_t *a,
    ngx_str_t *text)
{
#if (NGX_PCRE)

    u_char               errstr[NGX_MAX_CONF_ERRSTR];
    ngx_regex_compile_t  rc;

    ngx_memzero(&rc, sizeof(ngx_regex_compile_t));

    rc.pool = cf->pool;
    rc.err.len = NGX_MAX_CONF_ERRSTR;
    rc.err.data = errstr;
    rc.pattern.data = ngx_pnalloc(cf->pool, text->len + sizeof("\\A(?:)\\z"));

    if (rc.pattern.data == NULL) {
        return NGX_CONF_ERROR;
    }

    rc.pattern.len = ngx_sprintf(rc.pattern.data, "\\A(?:%V)\\z%Z", text)
                     - rc.pattern.data - 1;

    if (ngx_regex_compile(&rc) == NGX_OK) {
        a->validate = rc.regex;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "invalid \"validate=%V\" of authorizer \"%V\": %V",
                       text, &a->name, &rc.err);

#else

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "\"validate=%V\" of authorizer \"%V\" needs nginx with "
                       "PCRE", text, &a->name);

#endif

    return NGX_CONF_ERROR;
}


/* The type of the API is known, and so is what its authorizers are sent. */

char *
ngx_http_faas_check_lambda_authorizer(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_http_faas_authorizer_t *a)
{
    if (api->type == NGX_HTTP_FAAS_API_URL) {
        return ngx_http_faas_place_error(cf, &a->place, "function URLs have "
                                         "no other authorizers than \"iam\":",
                                         &a->name);
    }

    if (api->type == NGX_HTTP_FAAS_API_REST) {

        if (a->payload != NGX_CONF_UNSET_UINT || a->simple == 1) {
            return ngx_http_faas_place_error(cf, &a->place, "\"payload=\" and "
                                             "\"simple=\" go with HTTP APIs "
                                             "only, authorizer", &a->name);
        }

        a->payload = NGX_HTTP_FAAS_PAYLOAD_REST;
        a->simple = 0;

        return NGX_CONF_OK;
    }

    if (a->type == NGX_HTTP_FAAS_AUTHORIZER_TOKEN) {
        return ngx_http_faas_place_error(cf, &a->place, "authorizers of type "
                                         "\"token\" go with REST APIs only:",
                                         &a->name);
    }

    ngx_conf_init_uint_value(a->payload, NGX_HTTP_FAAS_PAYLOAD_V2);

    if (a->simple == 1 && a->payload == NGX_HTTP_FAAS_PAYLOAD_V1) {
        return ngx_http_faas_place_error(cf, &a->place, "\"simple=on\" needs "
                                         "\"payload=2.0\", authorizer",
                                         &a->name);
    }

    ngx_conf_init_value(a->simple, 0);

    return NGX_CONF_OK;
}


/* All functions are known, too: these cannot be asked. */

char *
ngx_http_faas_check_askable(ngx_conf_t *cf, ngx_http_faas_api_t *api)
{
    ngx_uint_t                    i;
    ngx_http_faas_authorizer_t  **a;

    if (api->authorizers == NULL) {
        return NGX_CONF_OK;
    }

    a = api->authorizers->elts;

    for (i = 0; i < api->authorizers->nelts; i++) {
        if (a[i]->function && ngx_http_faas_is_cgi(a[i]->function)) {
            return ngx_http_faas_place_error(cf, &a[i]->place,
                             a[i]->function->kind == NGX_HTTP_FAAS_WEB
                             ? "a web program cannot be asked by authorizer"
                             : "a FastCGI application cannot be asked by "
                               "authorizer", &a[i]->name);
        }
    }

    return NGX_CONF_OK;
}
