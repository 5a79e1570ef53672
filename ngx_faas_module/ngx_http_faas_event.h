/*
 * What an event is made of, between taking the request apart
 * (ngx_http_faas_parts*.c) and writing it in a format
 * (ngx_http_faas_event_*.c).
 */

#ifndef _NGX_HTTP_FAAS_EVENT_H_INCLUDED_
#define _NGX_HTTP_FAAS_EVENT_H_INCLUDED_


#include "ngx_http_faas_api.h"
#include "ngx_http_faas_map.h"


typedef struct {
    ngx_http_faas_map_t    headers;
    ngx_http_faas_map_t    query;
    ngx_array_t            cookies;          /* ngx_str_t */
    size_t                 cookies_size;

    ngx_str_t              host;
    ngx_str_t              forwarded_for;
    ngx_str_t              forwarded_port;
    ngx_str_t              user_agent;
    ngx_str_t              content_type;
    ngx_str_t              content_length;
    ngx_str_t              modified_since;   /* of the cache, not the */
    ngx_str_t              none_match;       /* client's */

    ngx_uint_t             payload;          /* ngx_http_faas_payload_e */
    off_t                  body_len;
    off_t                  length;           /* as a header says it */
    u_char                *body;

    unsigned               base64:1;
    unsigned               encoded:1;        /* the body, by its header */
    unsigned               cached:1;         /* the answer may be */
} ngx_http_faas_parts_t;


ngx_int_t ngx_http_faas_parts(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);
ngx_int_t ngx_http_faas_parts_body(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);
ngx_uint_t ngx_http_faas_binary_type(ngx_http_faas_api_t *api,
    ngx_str_t *type);

/* ngx_http_faas_event.c: what the formats have in common */

typedef enum {
    NGX_HTTP_FAAS_MAP_JOINED = 0,            /* "a,b" */
    NGX_HTTP_FAAS_MAP_LAST,                  /* "b" */
    NGX_HTTP_FAAS_MAP_ALL                    /* ["a","b"] */
} ngx_http_faas_map_e;

#define ngx_http_faas_put(p, s)  ngx_cpymem(p, s, sizeof(s) - 1)

u_char *ngx_http_faas_put_str(u_char *p, ngx_str_t *s);
u_char *ngx_http_faas_put_map(u_char *p, ngx_http_faas_map_t *map,
    ngx_http_faas_map_e how);
u_char *ngx_http_faas_put_time(u_char *p);
u_char *ngx_http_faas_put_epoch(u_char *p);
u_char *ngx_http_faas_put_params(u_char *p, ngx_http_faas_hit_t *hit,
    ngx_uint_t raw);
u_char *ngx_http_faas_put_stage_variables(u_char *p,
    ngx_http_faas_hit_t *hit);
u_char *ngx_http_faas_put_authorizer(u_char *p, ngx_http_faas_hit_t *hit);
size_t ngx_http_faas_event_size(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);
u_char *ngx_http_faas_put_path(u_char *p, ngx_http_faas_hit_t *hit,
    ngx_str_t *path);
u_char *ngx_http_faas_put_body(u_char *p, ngx_http_faas_parts_t *parts);

/*
 * ngx_http_faas_event_v2.c, ngx_http_faas_event_v1.c: events, or their
 * members without braces, version and body
 */

u_char *ngx_http_faas_v2_members(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);
u_char *ngx_http_faas_v1_members(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);

u_char *ngx_http_faas_event_v2(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);
u_char *ngx_http_faas_event_v1(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);
u_char *ngx_http_faas_event_alb(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts, u_char *p);


#endif /* _NGX_HTTP_FAAS_EVENT_H_INCLUDED_ */
