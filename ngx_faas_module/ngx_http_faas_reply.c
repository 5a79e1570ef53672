/*
 * What the gateway says itself instead of a function, and about itself beside
 * one: statuses, bodies and headers of each type of API (contract, sections
 * 7.2 to 7.4 and 7.12).  Without an API, by faas_pass, they are those of an
 * HTTP API, but for 429 where Lambda throttles (section 5.3).
 *
 * Runs in workers.
 */

#include "ngx_http_faas_api.h"


static void ngx_http_faas_reply_http(ngx_http_faas_reply_t *reply);
static void ngx_http_faas_reply_rest(ngx_http_faas_reply_t *reply,
    ngx_http_faas_error_t *error);
static void ngx_http_faas_reply_url(ngx_http_faas_reply_t *reply);
static void ngx_http_faas_reply_alb(ngx_http_faas_reply_t *reply);
static ngx_int_t ngx_http_faas_reply_send(ngx_http_request_t *r,
    ngx_http_faas_reply_t *reply);


#define ngx_http_faas_say(reply, st, text)                                    \
    (reply)->status = st;                                                     \
    ngx_str_set(&(reply)->body, text)

#define ngx_http_faas_html(text)                                              \
    "<html>\r\n<head><title>" text "</title></head>\r\n<body>\r\n"            \
    "<center><h1>" text "</h1></center>\r\n</body>\r\n</html>\r\n"


/*
 * STATUS is that of the failure for an HTTP API, ERROR the failure of an
 * invocation, if it is one.
 */

void
ngx_http_faas_reply(ngx_http_faas_hit_t *hit, ngx_http_faas_error_t *error,
    ngx_uint_t status, ngx_http_faas_reply_t *reply)
{
    ngx_memzero(reply, sizeof(ngx_http_faas_reply_t));

    reply->status = status;
    ngx_str_set(&reply->type, "application/json");

    if (hit) {
        switch (hit->api->type) {

        case NGX_HTTP_FAAS_API_REST:
            ngx_http_faas_reply_rest(reply, error);
            return;

        case NGX_HTTP_FAAS_API_URL:
            ngx_http_faas_reply_url(reply);
            return;

        case NGX_HTTP_FAAS_API_ALB:
            ngx_http_faas_reply_alb(reply);
            return;

        default:
            break;
        }

        /* the throttled function is the integration's trouble */

        if (status == 429 && error) {
            reply->status = 503;
        }
    }

    ngx_http_faas_reply_http(reply);
}


static void
ngx_http_faas_reply_http(ngx_http_faas_reply_t *reply)
{
    switch (reply->status) {

    case 401:
        ngx_str_set(&reply->body, "{\"message\":\"Unauthorized\"}");
        break;

    case 403:
        ngx_str_set(&reply->body, "{\"message\":\"Forbidden\"}");
        break;

    case 404:
        ngx_str_set(&reply->body, "{\"message\":\"Not Found\"}");
        break;

    case 413:
        ngx_str_set(&reply->body,
                    "{\"message\":\"Request Entity Too Large\"}");
        break;

    case 429:
        ngx_str_set(&reply->body, "{\"message\":\"Too Many Requests\"}");
        break;

    case 502:
        ngx_str_set(&reply->body, "{\"message\":\"Bad Gateway\"}");
        break;

    case 503:
        ngx_str_set(&reply->body, "{\"message\":\"Service Unavailable\"}");
        break;

    case 504:
        ngx_str_set(&reply->body, "{\"message\":\"Gateway Timeout\"}");
        break;

    default:
        ngx_str_set(&reply->body, "{\"message\":\"Internal Server Error\"}");
        break;
    }
}


static void
ngx_http_faas_reply_rest(ngx_http_faas_reply_t *reply,
    ngx_http_faas_error_t *error)
{
    ngx_str_set(&reply->error, "InternalServerErrorException");

    switch (reply->status) {

    case 404:
        ngx_http_faas_say(reply, 403,
                          "{\"message\":\"Missing Authentication Token\"}");
        ngx_str_set(&reply->error, "MissingAuthenticationTokenException");
        break;

    case 413:
        ngx_http_faas_say(reply, 413, "{\"message\":\"Request Too Long\"}");
        ngx_str_set(&reply->error, "RequestTooLargeException");
        break;

    case 503:
        ngx_http_faas_say(reply, 503, "{\"message\":\"Service Unavailable\"}");
        ngx_str_set(&reply->error, "ServiceUnavailableException");
        break;

    case 429:
        if (error == NULL) {
            ngx_http_faas_say(reply, 429,
                              "{\"message\":\"Too Many Requests\"}");
            ngx_str_set(&reply->error, "TooManyRequestsException");
            break;
        }

        /* the function's limit is the integration's trouble */

        ngx_http_faas_say(reply, 500,
                          "{\"message\":\"Internal server error\"}");
        break;

    default:
        ngx_http_faas_say(reply, error == &ngx_http_faas_err_bad_base64
                                 ? 500 : 502,
                          "{\"message\":\"Internal server error\"}");
        break;
    }
}


static void
ngx_http_faas_reply_url(ngx_http_faas_reply_t *reply)
{
    switch (reply->status) {

    case 404:
        ngx_http_faas_say(reply, 404, "{\"Message\":null}");
        ngx_str_set(&reply->error, "ResourceNotFoundException");
        break;

    case 413:
        ngx_http_faas_say(reply, 413, "{\"message\":\"Request must be "
                          "smaller than the maximum allowed size\"}");
        ngx_str_set(&reply->error, "RequestEntityTooLargeException");
        break;

    case 429:
        ngx_http_faas_say(reply, 429,
                          "{\"Reason\":\"ConcurrentInvocationLimitExceeded\","
                          "\"Type\":\"User\",\"message\":"
                          "\"Rate Exceeded.\"}");
        ngx_str_set(&reply->error, "TooManyRequestsException");
        break;

    case 503:
        ngx_http_faas_say(reply, 503, "{\"message\":\"Service Unavailable\"}");
        ngx_str_set(&reply->error, "ServiceException");
        break;

    default:
        ngx_http_faas_say(reply, 502, "Internal Server Error");
        ngx_str_set(&reply->type, "text/plain");
        break;
    }
}


static void
ngx_http_faas_reply_alb(ngx_http_faas_reply_t *reply)
{
    ngx_str_set(&reply->type, "text/html");

    switch (reply->status) {

    case 404:
        ngx_http_faas_say(reply, 404, ngx_http_faas_html("404 Not Found"));
        break;

    case 413:
        ngx_http_faas_say(reply, 413,
                          ngx_http_faas_html("413 Request Entity Too Large"));
        break;

    case 503:
        ngx_http_faas_say(reply, 503,
                          ngx_http_faas_html("503 Service Temporarily "
                                             "Unavailable"));
        break;

    default:
        ngx_http_faas_say(reply, 502, ngx_http_faas_html("502 Bad Gateway"));
        break;
    }
}


/* For what is refused before there is an upstream. */

ngx_int_t
ngx_http_faas_refuse(ngx_http_request_t *r, ngx_uint_t status)
{
    ngx_http_faas_ctx_t  *ctx;

    ctx = ngx_http_get_module_ctx(r, ngx_http_faas_module);

    return ngx_http_faas_api_refuse(r, ctx ? ctx->hit : NULL, status);
}


ngx_int_t
ngx_http_faas_api_refuse(ngx_http_request_t *r, ngx_http_faas_hit_t *hit,
    ngx_uint_t status)
{
    ngx_uint_t                 i;
    ngx_http_err_page_t       *page;
    ngx_http_faas_reply_t      reply;
    ngx_http_core_loc_conf_t  *clcf;

    if (hit && hit->refusal) {
        reply = *hit->refusal;

    } else {
        ngx_http_faas_reply(hit, NULL, status, &reply);
    }

    clcf = ngx_http_get_module_loc_conf(r, ngx_http_core_module);

    if (clcf->error_pages && r == r->main && !r->error_page) {
        page = clcf->error_pages->elts;

        for (i = 0; i < clcf->error_pages->nelts; i++) {
            if ((ngx_uint_t) page[i].status == reply.status) {
                return reply.status;
            }
        }
    }

    return ngx_http_faas_reply_send(r, &reply);
}


/* One more header of the answer; what NAME is must outlive the request. */

ngx_int_t
ngx_http_faas_reply_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value)
{
    ngx_table_elt_t  *h;

    h = ngx_list_push(&r->headers_out.headers);
    if (h == NULL) {
        return NGX_ERROR;
    }

    h->hash = 1;
    ngx_http_faas_header_init(h);
    h->key.data = (u_char *) name;
    h->key.len = ngx_strlen(name);
    h->value = *value;

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_reply_send(ngx_http_request_t *r, ngx_http_faas_reply_t *reply)
{
    ngx_int_t     rc;
    ngx_buf_t    *b;
    ngx_chain_t   out;

    if (reply->error.len
        && ngx_http_faas_reply_header(r, "x-amzn-ErrorType", &reply->error)
           != NGX_OK)
    {
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }

    r->headers_out.status = reply->status;
    r->headers_out.content_length_n = reply->body.len;
    r->headers_out.content_type = reply->type;
    r->headers_out.content_type_len = reply->type.len;
    r->headers_out.content_type_lowcase = NULL;

    rc = ngx_http_send_header(r);

    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only) {
        return rc;
    }

    b = ngx_calloc_buf(r->pool);
    if (b == NULL) {
        return NGX_ERROR;
    }

    b->pos = reply->body.data;
    b->last = b->pos + reply->body.len;
    b->memory = 1;
    b->last_buf = (r == r->main) ? 1 : 0;
    b->last_in_chain = 1;

    out.buf = b;
    out.next = NULL;

    return ngx_http_output_filter(r, &out);
}


/* API Gateway's other id of a request: 15 characters and "=". */

u_char *
ngx_http_faas_extended_id(ngx_http_faas_ctx_t *ctx, u_char *p)
{
    ngx_uint_t  i, n;

    for (i = 0, n = 0; n < 15 && i < FAAS_REQUEST_ID_LEN; i++) {
        if (ctx->request_id[i] != '-') {
            *p++ = ctx->request_id[i];
            n++;
        }
    }

    *p++ = '=';

    return p;
}


/* The ids that a front end adds to each answer. */

ngx_int_t
ngx_http_faas_reply_ids(ngx_http_request_t *r, ngx_http_faas_ctx_t *ctx)
{
    ngx_str_t   id, extended;
    ngx_uint_t  type;

    if (ngx_http_faas_trace(r, ctx) != NGX_OK) {
        return NGX_ERROR;
    }

    type = ctx->hit->api->type;
    id.data = ctx->request_id;
    id.len = FAAS_REQUEST_ID_LEN;

    extended.data = ngx_pnalloc(r->pool, 16);
    if (extended.data == NULL) {
        return NGX_ERROR;
    }

    extended.len = ngx_http_faas_extended_id(ctx, extended.data)
                   - extended.data;

    if (type == NGX_HTTP_FAAS_API_HTTP) {
        return ngx_http_faas_reply_header(r, "Apigw-Requestid", &extended);
    }

    if (type == NGX_HTTP_FAAS_API_ALB) {
        return NGX_OK;
    }

    if (ngx_http_faas_reply_header(r, "x-amzn-RequestId", &id) != NGX_OK
        || (type == NGX_HTTP_FAAS_API_REST
            && ngx_http_faas_reply_header(r, "x-amz-apigw-id", &extended)
               != NGX_OK))
    {
        return NGX_ERROR;
    }

    return ngx_http_faas_reply_header(r, "X-Amzn-Trace-Id", &ctx->trace);
}
