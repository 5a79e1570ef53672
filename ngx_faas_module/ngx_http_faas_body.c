/*
 * The request's body, wherever nginx has put it.
 *
 * Runs in workers.  Lengths are those of the buffers: the Content-Length of
 * a subrequest's header is its parent's and may be of no body at all.
 */

#include "ngx_http_faas.h"


off_t
ngx_http_faas_body_length(ngx_http_request_t *r)
{
    off_t         len;
    ngx_chain_t  *cl;

    len = 0;

    if (r->request_body == NULL) {
        return 0;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        len += ngx_buf_size(cl->buf);
    }

    return len;
}


ngx_int_t
ngx_http_faas_body_copy(ngx_http_request_t *r, u_char *dst)
{
    size_t        size;
    ssize_t       n;
    ngx_buf_t    *b;
    ngx_chain_t  *cl;

    if (r->request_body == NULL) {
        return NGX_OK;
    }

    for (cl = r->request_body->bufs; cl; cl = cl->next) {
        b = cl->buf;
        size = ngx_buf_size(b);

        if (ngx_buf_in_memory(b)) {
            dst = ngx_cpymem(dst, b->pos, size);
            continue;
        }

        while (size) {
            n = ngx_read_file(b->file, dst, size,
                              b->file_last - (off_t) size);

            if (n == NGX_ERROR || n == 0) {
                ngx_log_error(NGX_LOG_CRIT, r->connection->log, 0,
                              "faas: request body cannot be read from \"%V\"",
                              &b->file->name);
                return NGX_ERROR;
            }

            dst += n;
            size -= n;
        }
    }

    return NGX_OK;
}
