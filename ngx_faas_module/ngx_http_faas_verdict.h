/*
 * Lambda authorizers: functions that are asked whether a request may go on
 * (contract, section 7.7).  A question belongs to its request; what was
 * answered may be kept in a shared memory zone, see
 * ngx_http_faas_verdict_cache.c.
 */

#ifndef _NGX_HTTP_FAAS_VERDICT_H_INCLUDED_
#define _NGX_HTTP_FAAS_VERDICT_H_INCLUDED_


#include "ngx_http_faas_auth.h"
#include "ngx_http_faas_event.h"


#define NGX_HTTP_FAAS_VERDICT_MAX    32768      /* bytes that are kept */
#define NGX_HTTP_FAAS_VERDICT_MS     10000      /* for an answer to come */


/* where one of the values is that say who asks */

typedef enum {
    NGX_HTTP_FAAS_SOURCE_HEADER = 0,
    NGX_HTTP_FAAS_SOURCE_QUERY,
    NGX_HTTP_FAAS_SOURCE_CONTEXT,
    NGX_HTTP_FAAS_SOURCE_STAGE
} ngx_http_faas_source_e;

/* of $context: what differs from request to request */

typedef enum {
    NGX_HTTP_FAAS_CONTEXT_METHOD = 0,
    NGX_HTTP_FAAS_CONTEXT_SOURCE_IP,
    NGX_HTTP_FAAS_CONTEXT_USER_AGENT,
    NGX_HTTP_FAAS_CONTEXT_PATH,
    NGX_HTTP_FAAS_CONTEXT_PROTOCOL,
    NGX_HTTP_FAAS_CONTEXT_RESOURCE,
    NGX_HTTP_FAAS_CONTEXT_ROUTE,
    NGX_HTTP_FAAS_CONTEXT_STAGE
} ngx_http_faas_context_e;

typedef struct {
    ngx_uint_t                 kind;            /* ngx_http_faas_source_e */
    ngx_uint_t                 context;         /* ngx_http_faas_context_e */
    ngx_str_t                  name;
} ngx_http_faas_source_t;


/* a question */

struct ngx_http_faas_ask_s {
    ngx_http_request_t        *parent;
    ngx_http_faas_hit_t       *hit;
    ngx_array_t                values;          /* ngx_str_t, of the sources */
    ngx_str_t                  arn;             /* of the route */
    ngx_uint_t                 payload;         /* ngx_http_faas_payload_e */
    u_char                     key[NGX_HTTP_FAAS_DIGEST];
    uint64_t                   begun_us;
    faas_verdict_t            *verdict;
    const char                *failure;         /* $faas_error of it */
    unsigned                   unauthorized:1;  /* the function has said so */
};


/* ngx_http_faas_verdict_conf.c: "authorizer NAME token" and "request" */

char *ngx_http_faas_set_lambda_authorizer(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_check_lambda_authorizer(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_http_faas_authorizer_t *a);

/* ngx_http_faas_identity.c: values of the sources; NGX_DECLINED: one lacks */

ngx_int_t ngx_http_faas_identities(ngx_http_request_t *r,
    ngx_http_faas_ask_t *ask);

/* ngx_http_faas_verdict.c: asking, and what becomes of the request */

ngx_int_t ngx_http_faas_ask(ngx_http_request_t *r, ngx_http_faas_hit_t *hit);
ngx_int_t ngx_http_faas_ask_result(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, size_t len);
ngx_int_t ngx_http_faas_ask_failure(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_verdict_cache.c: answers that all workers share */

void ngx_http_faas_verdicts_use(ngx_conf_t *cf);
ngx_int_t ngx_http_faas_verdict_key(ngx_http_request_t *r,
    ngx_http_faas_ask_t *ask);
ngx_int_t ngx_http_faas_verdict_get(ngx_http_request_t *r,
    ngx_http_faas_ask_t *ask);
void ngx_http_faas_verdict_put(ngx_http_request_t *r,
    ngx_http_faas_ask_t *ask);

/* ngx_http_faas_event_ask.c: the event an authorizer gets */

ngx_int_t ngx_http_faas_ask_event(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, size_t before, size_t after, ngx_buf_t **out);


#endif /* _NGX_HTTP_FAAS_VERDICT_H_INCLUDED_ */
