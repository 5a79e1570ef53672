/*
 * The Lambda API: what a request to it asks for, and who asks.
 *
 * ngx_http_faas_call_t lives in the request's pool; keys in the cycle's.
 */

#ifndef _NGX_HTTP_FAAS_LAMBDA_H_INCLUDED_
#define _NGX_HTTP_FAAS_LAMBDA_H_INCLUDED_


#include "ngx_http_faas_api.h"

#include "faas_policy.h"
#include "faas_sigv4.h"


/* of the log of an invocation that the caller gets: contract, section 5.1 */
#define NGX_HTTP_FAAS_TAIL        4096


typedef enum {
    NGX_HTTP_FAAS_OP_NONE = 0,
    NGX_HTTP_FAAS_OP_INVOKE,
    NGX_HTTP_FAAS_OP_STREAM,
    NGX_HTTP_FAAS_OP_GET,
    NGX_HTTP_FAAS_OP_CONFIGURATION,
    NGX_HTTP_FAAS_OP_LIST,
    NGX_HTTP_FAAS_OP_SETTINGS
} ngx_http_faas_op_e;


/* an access key of faas_auth */

typedef struct {
    ngx_str_t                  id;
    ngx_str_t                  secret;
    ngx_str_t                  token;           /* empty: none is asked for */
    ngx_str_t                  arn;             /* of whom it is */
    faas_policy_t             *policy;

    /* written by the worker: the key of a day, by its scope */
    u_char                     scope[3 * FAAS_SIGV4_NAME];
    size_t                     scope_len;
    u_char                     signing[FAAS_SIGV4_KEY_LEN];
} ngx_http_faas_key_t;

struct ngx_http_faas_auth_s {
    ngx_str_t                  path;
    ngx_array_t                keys;            /* ngx_http_faas_key_t */
};


/* "REGION:ACCOUNT:function:NAME:QUALIFIER", in any of its forms */

typedef struct {
    ngx_str_t                  region;
    ngx_str_t                  account;
    ngx_str_t                  name;
    ngx_str_t                  qualifier;
} ngx_http_faas_fname_t;


struct ngx_http_faas_call_s {
    ngx_http_faas_op_e         op;
    ngx_http_faas_loc_conf_t  *flcf;
    ngx_http_faas_function_t  *function;
    ngx_http_faas_auth_t      *auth;
    const char                *service;         /* that requests are for */
    ngx_http_faas_key_t       *key;             /* NULL: faas_auth off */
    faas_sigv4_t              *sigv4;
    faas_sigv4_request_t       signed_request;

    ngx_str_t                  target;          /* as in the path, decoded */
    ngx_http_faas_fname_t      fname;
    ngx_str_t                  arn;             /* as it was asked for */
    ngx_str_t                  body;
    ngx_str_t                  client;          /* context, decoded */
    u_char                     id[FAAS_REQUEST_ID_LEN];

    uint32_t                   why;             /* how the process ended */
    int32_t                    code;
    ngx_str_t                  init_error;

    u_char                    *tail;            /* of the log; a ring */
    size_t                     tail_len;        /* all there ever was */

    unsigned                   verified:1;
    unsigned                   dry_run:1;
    unsigned                   event:1;         /* asynchronous */
    unsigned                   wants_tail:1;
    unsigned                   emulator:1;      /* the name is "function" */
};


/* an error of the API: contract, section 0.1 */

typedef struct {
    ngx_uint_t                 status;
    const char                *type;            /* static */
    const char                *reason;          /* static, or NULL */
    ngx_str_t                  message;         /* plain text */
} ngx_http_faas_lambda_error_t;


/* ngx_http_faas_lambda.c: the handler of faas_lambda_api */

char *ngx_http_faas_lambda_api(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_faas_lambda_handler(ngx_http_request_t *r);

/* ngx_http_faas_lambda_options.c: NGX_OK, NGX_DECLINED with *E, NGX_ERROR */

ngx_str_t *ngx_http_faas_call_header(ngx_http_request_t *r,
    const char *name);
ngx_int_t ngx_http_faas_call_options(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e);

/* ngx_http_faas_lambda_name.c: NGX_OK, NGX_DECLINED with *E, NGX_ERROR */

ngx_int_t ngx_http_faas_fname(ngx_http_faas_fname_t *f, ngx_str_t *text);
ngx_int_t ngx_http_faas_call_function(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e);

/* ngx_http_faas_lambda_get.c: what is configured */

ngx_int_t ngx_http_faas_call_get(ngx_http_request_t *r,
    ngx_http_faas_call_t *call);

/* ngx_http_faas_lambda_answer.c: results, and errors of the API */

ngx_int_t ngx_http_faas_call_error_text(ngx_http_request_t *r,
    ngx_http_faas_lambda_error_t *e, ngx_str_t *text);
ngx_int_t ngx_http_faas_call_error(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e);
ngx_int_t ngx_http_faas_call_send(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_uint_t status, ngx_str_t *body);
ngx_int_t ngx_http_faas_call_ids(ngx_http_request_t *r,
    ngx_http_faas_call_t *call);
ngx_int_t ngx_http_faas_call_up(ngx_http_request_t *r, const char *name,
    void *value, size_t len);
ngx_int_t ngx_http_faas_call_respond(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_str_t *body, const char *error);
ngx_int_t ngx_http_faas_call_stream(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_call_result(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, size_t len);

#define ngx_http_faas_call_up_text(r, name, text)                             \
    ngx_http_faas_call_up(r, name, (void *) text, ngx_strlen(text))

/* ngx_http_faas_lambda_frame.c: Amazon's event stream */

ngx_int_t ngx_http_faas_call_frames(ngx_http_request_t *r, ngx_str_t *body,
    const char *error, ngx_str_t *tail);

/* ngx_http_faas_lambda_failure.c: invocations that failed */

ngx_int_t ngx_http_faas_call_failure(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);
const char *ngx_http_faas_call_code(ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_call_failed(ngx_http_faas_ctx_t *ctx,
    ngx_str_t *details);

/* ngx_http_faas_lambda_tail.c: the end of the log */

void ngx_http_faas_tail_add(ngx_http_faas_call_t *call, u_char *p,
    size_t len);
void ngx_http_faas_tail_start(ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_tail_end(ngx_http_faas_ctx_t *ctx, ngx_str_t *text);

/* ngx_http_faas_auth_file.c: access keys */

char *ngx_http_faas_auth(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_faas_auth_t *ngx_http_faas_auth_load(ngx_conf_t *cf,
    ngx_str_t *name);

/* ngx_http_faas_auth.c: requests that are signed with them */

ngx_int_t ngx_http_faas_auth_begin(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e);
ngx_int_t ngx_http_faas_auth_body(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, ngx_http_faas_lambda_error_t *e);
ngx_int_t ngx_http_faas_auth_may(ngx_http_request_t *r,
    ngx_http_faas_call_t *call, const char *action,
    ngx_http_faas_lambda_error_t *e);

/* ngx_http_faas_iam.c: IAM authorizers of routes */

u_char *ngx_http_faas_put_iam(u_char *p, ngx_http_faas_hit_t *hit);
void ngx_http_faas_iam_account(ngx_http_faas_key_t *key, ngx_str_t *account);
size_t ngx_http_faas_iam_size(ngx_http_faas_hit_t *hit);


#endif /* _NGX_HTTP_FAAS_LAMBDA_H_INCLUDED_ */
