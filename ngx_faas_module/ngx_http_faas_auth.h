/*
 * Authorizers of APIs: what "authorizer" makes of a configuration, and what
 * its files share.  Lives in the cycle pool, but for sets of keys, which are
 * each process's own and freed with the pool.
 */

#ifndef _NGX_HTTP_FAAS_AUTH_H_INCLUDED_
#define _NGX_HTTP_FAAS_AUTH_H_INCLUDED_


#include "ngx_http_faas_api.h"

#include "faas_jwt.h"


/* public keys, as this process has them from a file or a location */

typedef struct {
    ngx_str_t                  name;            /* of the file, */
    ngx_str_t                  uri;             /* or of the location */
    time_t                     ttl;             /* of what it answers */
    time_t                     tried;           /* to ask it, last, */
    ngx_uint_t                 n_tried;         /* so often in that second */
    faas_jwks_t               *set;
    ngx_uint_t                 generation;      /* of the set */
    time_t                     looked;          /* when, last; with success */
    struct timespec            mtime;           /* of what was read, good */
    off_t                      size;            /* or bad */
    ngx_file_uniq_t            uniq;
    unsigned                   gone:1;
    unsigned                   failed:1;        /* the last try */
} ngx_http_faas_jwks_t;


typedef enum {
    NGX_HTTP_FAAS_AUTHORIZER_JWT = 0,
    NGX_HTTP_FAAS_AUTHORIZER_IAM,
    NGX_HTTP_FAAS_AUTHORIZER_TOKEN,
    NGX_HTTP_FAAS_AUTHORIZER_REQUEST
} ngx_http_faas_authorizer_e;


struct ngx_http_faas_authorizer_s {
    ngx_str_t                  name;
    ngx_uint_t                 type;            /* ..._authorizer_e */
    ngx_http_faas_auth_t      *keys;            /* iam */

    /* jwt */
    faas_jwt_str_t             issuer;
    ngx_array_t               *audience;        /* of faas_jwt_str_t */
    ngx_http_faas_jwks_t       jwks;
    ngx_str_t                  source;          /* name of the identity's */
    unsigned                   query:1;         /* it is an argument */
    unsigned                   used:1;
    ngx_int_t                  skew;            /* seconds */

    /* token, request */
    ngx_http_faas_function_t  *function;
    ngx_array_t               *sources;         /* ..._source_t; or NULL */
    ngx_uint_t                 payload;         /* ngx_http_faas_payload_e */
    ngx_flag_t                 simple;          /* answers are */
    time_t                     ttl;             /* of answers; 0: not kept */
#if (NGX_PCRE)
    ngx_regex_t               *validate;        /* token: what it is like */
#endif

    ngx_http_faas_place_t      place;
};


/* "name=" at the beginning of a parameter, and what is behind it */

#define ngx_http_faas_is_param(value, name)                                   \
    ((value)->len > sizeof(name) - 1                                          \
     && ngx_strncmp((value)->data, name, sizeof(name) - 1) == 0)

#define ngx_http_faas_param(text, value, name)                                \
    (text)->data = (value)->data + sizeof(name) - 1;                          \
    (text)->len = (value)->len - (sizeof(name) - 1)


/* ngx_http_faas_jwt_conf.c: "authorizer NAME jwt" */

char *ngx_http_faas_set_jwt_authorizer(ngx_conf_t *cf,
    ngx_http_faas_authorizer_t *a, ngx_str_t *value, ngx_uint_t n);
ngx_array_t *ngx_http_faas_jwt_list(ngx_conf_t *cf, ngx_str_t *text);

/* ngx_http_faas_jwks.c: keys from files */

ngx_int_t ngx_http_faas_jwks_load(ngx_conf_t *cf,
    ngx_http_faas_jwks_t *jwks);
void ngx_http_faas_jwks_refresh(ngx_http_faas_jwks_t *jwks, ngx_log_t *log);
void ngx_http_faas_jwks_replace(ngx_http_faas_jwks_t *jwks, faas_jwks_t *set,
    ngx_log_t *log);
void ngx_http_faas_jwks_left_out(ngx_conf_t *cf, ngx_log_t *log,
    ngx_http_faas_jwks_t *jwks, faas_jwks_t *set);

/* ngx_http_faas_digest.c: SHA-256, in workers */

#define NGX_HTTP_FAAS_DIGEST  32

ngx_int_t ngx_http_faas_digest(u_char *data, size_t len, u_char *digest);

/* ngx_http_faas_pause.c: waiting for a subrequest */

typedef ngx_int_t (*ngx_http_faas_pause_pt)(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
typedef void (*ngx_http_faas_pause_done_pt)(ngx_http_request_t *sr,
    void *data, ngx_int_t rc);

ngx_http_request_t *ngx_http_faas_pause(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_str_t *uri, ngx_uint_t flags,
    ngx_http_faas_pause_pt next, ngx_http_faas_pause_done_pt done,
    void *data);
void *ngx_http_faas_pause_data(ngx_http_request_t *sr);

/* ngx_http_faas_jwks_fetch.c: keys from a location */

ngx_int_t ngx_http_faas_jwks_fetch(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_uint_t unknown,
    ngx_http_faas_pause_pt next);

/* ngx_http_faas_authorize.c: may a request go on? */

ngx_int_t ngx_http_faas_authorize(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
ngx_uint_t ngx_http_faas_identity_header(ngx_http_request_t *r,
    ngx_str_t *name, ngx_str_t *value);

/* ngx_http_faas_iam.c: the same, of an IAM authorizer */

ngx_int_t ngx_http_faas_iam(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);

/* ngx_http_faas_claims.c: claims of a token in events and variables */

ngx_int_t ngx_http_faas_claims(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, faas_jwt_t *token);
ngx_int_t ngx_http_faas_scopes(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, const faas_jwt_t *token,
    const faas_jwt_expect_t *expect);
ngx_int_t ngx_http_faas_hit_keep(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
ngx_http_faas_hit_t *ngx_http_faas_kept(ngx_http_request_t *r);

/* ngx_http_faas_tokens.c: tokens whose signature was good */

ngx_http_faas_tokens_t *ngx_http_faas_tokens_create(ngx_conf_t *cf);
ngx_int_t ngx_http_faas_tokens_get(ngx_http_faas_tokens_t *tokens,
    ngx_http_faas_jwks_t *jwks, faas_jwt_str_t *text, faas_jwt_t *token);
void ngx_http_faas_tokens_put(ngx_http_faas_tokens_t *tokens,
    ngx_http_faas_jwks_t *jwks, const faas_jwt_t *token, ngx_log_t *log);


#endif /* _NGX_HTTP_FAAS_AUTH_H_INCLUDED_ */
