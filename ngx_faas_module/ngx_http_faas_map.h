/*
 * See ngx_http_faas_map.c.
 */

#ifndef _NGX_HTTP_FAAS_MAP_H_INCLUDED_
#define _NGX_HTTP_FAAS_MAP_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


typedef struct ngx_http_faas_pair_s  ngx_http_faas_pair_t;

struct ngx_http_faas_pair_s {
    ngx_str_t              name;
    ngx_str_t              shown;            /* the name as it is written */
    ngx_str_t              value;
    ngx_http_faas_pair_t  *next;             /* of the same name */
    ngx_http_faas_pair_t  *last;
    ngx_uint_t             first;            /* of its name */
};


typedef struct {
    ngx_http_faas_pair_t  *elts;             /* in the order of arrival */
    ngx_uint_t             nelts;
    ngx_uint_t             max;
    size_t                 size;             /* of names and values */
    uint32_t              *buckets;          /* index + 1; 0: empty */
    uint32_t               mask;
} ngx_http_faas_map_t;


/* once in a worker, before its first map */
void ngx_http_faas_map_init_key(void);

ngx_int_t ngx_http_faas_map_init(ngx_http_faas_map_t *map, ngx_pool_t *pool,
    ngx_uint_t n);
void ngx_http_faas_map_add(ngx_http_faas_map_t *map, ngx_str_t *name,
    ngx_str_t *shown, ngx_str_t *value);


#endif /* _NGX_HTTP_FAAS_MAP_H_INCLUDED_ */
