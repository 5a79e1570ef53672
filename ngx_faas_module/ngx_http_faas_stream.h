/*
 * Streamed answers: what is known of one while it lasts, in the request's
 * pool.
 */

#ifndef _NGX_HTTP_FAAS_STREAM_H_INCLUDED_
#define _NGX_HTTP_FAAS_STREAM_H_INCLUDED_


#include "ngx_http_faas_lambda.h"


struct ngx_http_faas_stream_s {
    u_char                     type[FAAS_STREAM_TYPE_MAX];
    size_t                     type_len;
    ngx_str_t                  error;           /* its payload so far */
    const char                *bad;             /* what the head is not */
    unsigned                   zeros;           /* of the prelude's end */
    off_t                      left;            /* of faas_streaming_max */

    off_t                      tokens;          /* of faas_streaming_rate */
    ngx_msec_t                 filled;          /* when they were counted */
    ngx_event_t                pause;           /* until there are more */

    unsigned                   prelude:1;
};


/* for faas_answer_header_pt */

typedef struct {
    ngx_http_request_t        *request;
    faas_answer_t              answer;
    unsigned                   cors:1;
} ngx_http_faas_result_t;


/* ngx_http_faas_directive.c */

char *ngx_http_faas_streaming_rate(ngx_conf_t *cf, ngx_command_t *cmd,
    void *conf);

/* what streams have in common with other answers: ngx_http_faas_answer.c */

ngx_int_t ngx_http_faas_violation(ngx_http_faas_ctx_t *ctx, uint32_t why,
    int32_t counter, ngx_http_faas_error_t *error, const char *reason);
void ngx_http_faas_append(ngx_http_faas_ctx_t *ctx, u_char *data, size_t len);
faas_answer_format_e ngx_http_faas_format(ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_accept(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, faas_answer_t *answer);
int ngx_http_faas_answer_header(void *data, unsigned char *name, size_t nlen,
    unsigned char *value, size_t vlen);

/* ngx_http_faas_cgi_answer.c, _filter.c, _error.c, _io.c */

ngx_uint_t ngx_http_faas_unwanted(ngx_http_request_t *r);
ngx_int_t ngx_http_faas_out(ngx_http_request_t *r, ngx_chain_t ***ll,
    u_char *data, size_t len);
void ngx_http_faas_error_type(ngx_http_faas_ctx_t *ctx, u_char *p,
    size_t len);
ngx_int_t ngx_http_faas_function_error(ngx_http_faas_ctx_t *ctx, size_t len);
ngx_uint_t ngx_http_faas_dies(ngx_http_faas_ctx_t *ctx);

/*
 * ngx_http_faas_stream.c: up to the header.  NGX_DECLINED of "type" and
 * "error": the protocol is broken; of "data": go on reading.
 */

void ngx_http_faas_stream_ask(ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_stream_type(ngx_http_faas_ctx_t *ctx, u_char *data,
    size_t len);
ngx_int_t ngx_http_faas_stream_error(ngx_http_faas_ctx_t *ctx, u_char *data,
    size_t len);
ngx_int_t ngx_http_faas_stream_data(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, u_char *data, size_t len);
ngx_int_t ngx_http_faas_stream_result(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_stream_body.c: what follows it */

void ngx_http_faas_stream_start(ngx_http_faas_ctx_t *ctx);
ngx_int_t ngx_http_faas_stream_filter(ngx_http_request_t *r,
    ngx_http_faas_ctx_t *ctx, u_char *pos, u_char *last);
ssize_t ngx_http_faas_stream_recv(ngx_http_faas_ctx_t *ctx,
    ngx_connection_t *c, u_char *buf, size_t size);
ngx_int_t ngx_http_faas_stream_cut(ngx_http_faas_ctx_t *ctx);
void ngx_http_faas_stream_stop(ngx_http_faas_ctx_t *ctx);

/* ngx_http_faas_lambda_frame.c: the same in Amazon's event stream */

ngx_int_t ngx_http_faas_frame_chunk(ngx_http_request_t *r, ngx_chain_t ***ll,
    u_char *data, size_t len);
ngx_int_t ngx_http_faas_frame_complete(ngx_http_request_t *r,
    ngx_chain_t ***ll, ngx_str_t *details, const char *error,
    ngx_str_t *tail);


#endif /* _NGX_HTTP_FAAS_STREAM_H_INCLUDED_ */
