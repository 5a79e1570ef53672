/*
 * What an event is made of, between taking the request apart
 * (ngx_http_faas_parts.c) and writing it in a format
 * (ngx_http_faas_event.c: payload 2.0).
 */

#ifndef _NGX_HTTP_FAAS_EVENT_H_INCLUDED_
#define _NGX_HTTP_FAAS_EVENT_H_INCLUDED_


#include "ngx_http_faas.h"
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

    off_t                  body_len;
    u_char                *body;

    unsigned               base64:1;
    unsigned               forwarded:1;      /* the client says for whom */
    unsigned               cached:1;         /* the answer may be */
} ngx_http_faas_parts_t;


ngx_int_t ngx_http_faas_parts(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, ngx_http_faas_parts_t *parts);


#endif /* _NGX_HTTP_FAAS_EVENT_H_INCLUDED_ */
