/*
 * APIs: what faas_api and faas_route make of a configuration, and which route
 * a request has found.  Lives in the cycle pool, but for the tables of routes,
 * which are freed with it, and ngx_http_faas_hit_t, which is the request's.
 */

#ifndef _NGX_HTTP_FAAS_API_H_INCLUDED_
#define _NGX_HTTP_FAAS_API_H_INCLUDED_


#include "ngx_http_faas.h"

#include "faas_route.h"
#include "faas_verdict.h"


typedef enum {
    NGX_HTTP_FAAS_API_HTTP = 0,
    NGX_HTTP_FAAS_API_REST,
    NGX_HTTP_FAAS_API_URL,
    NGX_HTTP_FAAS_API_ALB
} ngx_http_faas_api_type_e;


/* what an event looks like, and by which rules the answer is read */

typedef enum {
    NGX_HTTP_FAAS_PAYLOAD_V2 = 0,
    NGX_HTTP_FAAS_PAYLOAD_URL,
    NGX_HTTP_FAAS_PAYLOAD_V1,
    NGX_HTTP_FAAS_PAYLOAD_REST,
    NGX_HTTP_FAAS_PAYLOAD_ALB,
    NGX_HTTP_FAAS_PAYLOAD_ALB_MULTI,
    NGX_HTTP_FAAS_PAYLOAD_RAW
} ngx_http_faas_payload_e;


typedef struct {
    ngx_array_t                origins;         /* of ngx_str_t */
    ngx_str_t                  methods;         /* as the headers have them */
    ngx_str_t                  headers;
    ngx_str_t                  expose;
    ngx_str_t                  max_age;
    unsigned                   credentials:1;
    unsigned                   any:1;           /* origin is "*" */
} ngx_http_faas_cors_t;


/* a token bucket: so many requests a second, so many at once */

#define NGX_HTTP_FAAS_RATE   1
#define NGX_HTTP_FAAS_BURST  2

typedef struct {
    ngx_uint_t                 set;             /* bits of these; 0: none */
    ngx_uint_t                 rate;            /* thousandths */
    ngx_uint_t                 burst;
    uint64_t                   each_us;         /* 0: no request at all */
    ngx_uint_t                 index;           /* of its bucket */
} ngx_http_faas_throttle_t;


/* ngx_http_faas_auth.h */
typedef struct ngx_http_faas_authorizer_s  ngx_http_faas_authorizer_t;
typedef struct ngx_http_faas_pause_s  ngx_http_faas_pause_t;


/* ngx_http_faas_keys.h */
typedef struct ngx_http_faas_keys_s  ngx_http_faas_keys_t;
typedef struct ngx_http_faas_api_key_s  ngx_http_faas_api_key_t;


struct ngx_http_faas_stage_s {
    ngx_str_t                  name;
    ngx_http_faas_throttle_t   throttle;
    ngx_array_t               *variables;       /* of ngx_keyval_t */
};


typedef struct {
    ngx_str_t                  key;             /* "GET /users/{id}" */
    ngx_str_t                  method;
    ngx_str_t                  path;            /* of a regex: its text */
    ngx_str_t                  resource_id;     /* rest */
    ngx_uint_t                 payload;         /* ngx_http_faas_payload_e */
    ngx_http_faas_throttle_t   throttle;

    ngx_http_faas_function_t  *function;
    ngx_str_t                  qualifier;       /* if it was named with one, */
    ngx_str_t                  arn;             /* and its ARN with that */
    ngx_str_t                  location;        /* "@name" */

    ngx_uint_t                 status;          /* return, if neither */
    ngx_str_t                  body;
    ngx_str_t                  body_type;

#if (NGX_PCRE)
    ngx_regex_t               *regex;
    ngx_uint_t                 captures;
    ngx_uint_t                 names;
    ngx_uint_t                 name_size;
    u_char                    *name_table;
#endif

    ngx_str_t                  authorizer_name;
    ngx_http_faas_authorizer_t *authorizer;     /* NULL: open */
    ngx_array_t               *scopes;          /* of faas_jwt_str_t */
    ngx_flag_t                 streaming;       /* unset: the location's */
    unsigned                   api_key:1;       /* is required */

    ngx_http_faas_place_t      place;
} ngx_http_faas_route_t;


struct ngx_http_faas_api_s {
    ngx_str_t                  name;
    ngx_uint_t                 type;            /* ngx_http_faas_api_type_e */
    ngx_uint_t                 payload;
    ngx_str_t                  api_id;
    ngx_str_t                  account;         /* empty: the function's */
    ngx_str_t                  region;
    ngx_str_t                  domain;          /* empty: the request's */
    ngx_str_t                  target_group;    /* alb: its ARN */
    ngx_flag_t                 multi_value;     /* alb */
    ngx_array_t               *binary;          /* rest: media types */
    ngx_http_faas_cors_t      *cors;
    ngx_http_faas_throttle_t   throttle;
    ngx_array_t                stages;          /* ngx_http_faas_stage_t */

    ngx_array_t                routes;          /* ngx_http_faas_route_t * */
    ngx_array_t                regexes;         /* ngx_http_faas_route_t * */
    ngx_http_faas_route_t     *fallback;        /* $default */
    faas_routes_t             *table;           /* values: in "routes" */

    ngx_array_t               *authorizers;     /* ..._authorizer_t * */
    ngx_str_t                  authorizer_default;
    ngx_http_faas_place_t      authorizer_place;    /* of the default */
    ngx_http_faas_keys_t      *keys;            /* rest; NULL: none */

    ngx_http_faas_place_t      place;
    unsigned                   defined:1;
    unsigned                   local:1;         /* faas_route's */
};


/* an answer of the gateway's own */

typedef struct {
    ngx_uint_t                 status;
    ngx_str_t                  body;
    ngx_str_t                  type;
    ngx_str_t                  error;           /* x-amzn-ErrorType */
} ngx_http_faas_reply_t;


/* a request that an API has taken */

struct ngx_http_faas_hit_s {
    ngx_http_faas_api_t       *api;
    ngx_http_faas_route_t     *route;
    ngx_http_faas_stage_t     *stage;           /* NULL: "$default" */
    ngx_str_t                  raw;             /* path without the stage */
    ngx_str_t                  text;            /* the same decoded */
    ngx_str_t                  seen;            /* by a target, if another */
    ngx_str_t                  origin;          /* allowed by cors */
    ngx_str_t                  claims;          /* of a token: JSON object */
    ngx_str_t                  scopes;          /* JSON array, or null */
    ngx_http_faas_call_t      *call;            /* signed: iam */
    ngx_http_faas_pause_t     *pause;           /* it waits */
    ngx_http_faas_ask_t       *ask;             /* of a Lambda authorizer */
    faas_verdict_t            *verdict;         /* its answer */
    uint64_t                   latency_ms;      /* it took so long */
    ngx_http_faas_api_key_t   *key;             /* x-api-key */
    ngx_str_t                  key_value;
    ngx_http_faas_reply_t     *refusal;         /* if it is a special one */
    const char                *why;             /* $faas_error; NULL: no */
    ngx_uint_t                 n;
    faas_param_t               params[FAAS_ROUTE_PARAMS];
    unsigned                   cors:1;          /* the client asks for it */
    unsigned                   prefixed:1;      /* the stage is in the path */
};


/* ngx_http_faas_api.c: the faas_api block */

char *ngx_http_faas_api(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
char *ngx_http_faas_api_pass(ngx_conf_t *cf, ngx_command_t *cmd, void *conf);
ngx_http_faas_api_t *ngx_http_faas_api_create(ngx_conf_t *cf);
ngx_uint_t ngx_http_faas_letters(ngx_str_t *s, const char *more);

/* ngx_http_faas_api_check.c: defaults, and what does not fit together */

char *ngx_http_faas_api_complete(ngx_conf_t *cf, ngx_http_faas_api_t *api);
char *ngx_http_faas_place_error(ngx_conf_t *cf, ngx_http_faas_place_t *place,
    const char *text, ngx_str_t *what);
typedef char *(*ngx_http_faas_each_pt)(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_http_faas_route_t *route);

char *ngx_http_faas_each_route(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_http_faas_each_pt each);
char *ngx_http_faas_check_apis(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf);
char *ngx_http_faas_check_stage(ngx_conf_t *cf,
    ngx_http_faas_loc_conf_t *flcf);

/* ngx_http_faas_route.c: "route" in the block, and faas_route */

char *ngx_http_faas_route(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_payload(ngx_conf_t *cf, ngx_str_t *value,
    ngx_uint_t *payload);
char *ngx_http_faas_route_directive(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* ngx_http_faas_version.c: versions and aliases */

char *ngx_http_faas_set_version(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_alias(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n);
ngx_int_t ngx_http_faas_version_defaults(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);
ngx_http_faas_function_t *ngx_http_faas_qualified(
    ngx_http_faas_main_conf_t *fmcf, ngx_str_t *name, ngx_str_t *qualifier);
char *ngx_http_faas_check_versions(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf);
char *ngx_http_faas_version_resolve(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_http_faas_route_t *route);

/* ngx_http_faas_verdict_cache.c: what Lambda authorizers have said */

char *ngx_http_faas_authorizer_cache(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);
ngx_int_t ngx_http_faas_verdicts_zone(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf);

/* ngx_http_faas_authorizer.c: who is let in */

char *ngx_http_faas_set_authorizer(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_authorizer_default(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n);
ngx_int_t ngx_http_faas_authorizer_option(ngx_conf_t *cf,
    ngx_http_faas_route_t *route, ngx_str_t *value);
char *ngx_http_faas_check_authorizers(ngx_conf_t *cf,
    ngx_http_faas_api_t *api);
char *ngx_http_faas_check_askable(ngx_conf_t *cf, ngx_http_faas_api_t *api);

/* ngx_http_faas_keys.c: API keys */

char *ngx_http_faas_set_api_keys(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n);
ngx_int_t ngx_http_faas_api_key_option(ngx_http_faas_route_t *route,
    ngx_str_t *value);
char *ngx_http_faas_check_api_keys(ngx_conf_t *cf,
    ngx_http_faas_api_t *api);
ngx_int_t ngx_http_faas_api_key(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
ngx_int_t ngx_http_faas_api_key_use(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);

/*
 * ngx_http_faas_iam.c: signed requests, once their body is there; a route's
 * ARN, with PATH in it.  A policy has to allow the path as it came, decoded,
 * and as the target sees it.
 */

ngx_int_t ngx_http_faas_iam_body(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
ngx_int_t ngx_http_faas_route_arn(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_str_t *path, ngx_http_faas_function_t *fn,
    ngx_str_t *arn);

#define ngx_http_faas_one_path(hit)                                           \
    ((hit)->raw.len == (hit)->text.len                                        \
     && ngx_memcmp((hit)->raw.data, (hit)->text.data, (hit)->raw.len) == 0)

/* ngx_http_faas_api_find.c: stage and route of a request */

ngx_int_t ngx_http_faas_api_find(ngx_http_request_t *r,
    ngx_http_faas_loc_conf_t *flcf, ngx_http_faas_hit_t *hit);
ngx_int_t ngx_http_faas_uri_path(ngx_http_request_t *r, faas_path_t *path);
void ngx_http_faas_stage_name(ngx_http_faas_hit_t *hit, ngx_str_t *name);

/* ngx_http_faas_api_handler.c: the content handler */

ngx_int_t ngx_http_faas_api_handler(ngx_http_request_t *r);
ngx_int_t ngx_http_faas_api_go(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_int_t rc);

/* ngx_http_faas_reply.c: what the gateway says itself, by type of API */

void ngx_http_faas_reply(ngx_http_faas_hit_t *hit,
    ngx_http_faas_error_t *error, ngx_uint_t status,
    ngx_http_faas_reply_t *reply);
ngx_int_t ngx_http_faas_api_refuse(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_uint_t status);
ngx_int_t ngx_http_faas_reply_header(ngx_http_request_t *r, const char *name,
    ngx_str_t *value);
ngx_int_t ngx_http_faas_reply_ids(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_throttle.c: how many requests there may be */

char *ngx_http_faas_set_throttle(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n);
char *ngx_http_faas_set_stage_throttle(ngx_conf_t *cf,
    ngx_http_faas_api_t *api, ngx_str_t *value, ngx_uint_t n);
ngx_int_t ngx_http_faas_throttle_parameter(ngx_conf_t *cf,
    ngx_http_faas_throttle_t *throttle, ngx_str_t *value);
ngx_int_t ngx_http_faas_throttles(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf);
ngx_uint_t ngx_http_faas_throttle(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);

/* ngx_http_faas_cors.c: cross-origin requests */

ngx_str_t *ngx_http_faas_request_header(ngx_http_request_t *r,
    const char *name);
char *ngx_http_faas_set_cors(ngx_conf_t *cf, ngx_http_faas_api_t *api,
    ngx_str_t *value, ngx_uint_t n);
void ngx_http_faas_cors_origin(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
ngx_uint_t ngx_http_faas_cors_preflight(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit);
ngx_int_t ngx_http_faas_cors_headers(ngx_http_request_t *r,
    ngx_http_faas_hit_t *hit, ngx_uint_t preflight);
ngx_uint_t ngx_http_faas_cors_is(u_char *name, size_t len);


#endif /* _NGX_HTTP_FAAS_API_H_INCLUDED_ */
