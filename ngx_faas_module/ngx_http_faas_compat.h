/*
 * Every difference between the nginx versions this module builds with
 * (1.22 and later), and nothing else.
 */

#ifndef _NGX_HTTP_FAAS_COMPAT_H_INCLUDED_
#define _NGX_HTTP_FAAS_COMPAT_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>
#include <ngx_http.h>


/* 1.23.0: headers of the same name are linked */

#if (nginx_version >= 1023000)

#define ngx_http_faas_header_init(h)       (h)->next = NULL

#else

#define ngx_http_faas_header_init(h)

#endif


/* 1.25.0: HTTP/3 */

#if (NGX_HTTP_V3 && nginx_version >= 1025000)

#define ngx_http_faas_is_v3(r)             ((r)->http_version                 \
                                            == NGX_HTTP_VERSION_30)

#else

#define ngx_http_faas_is_v3(r)             0

#endif


#endif /* _NGX_HTTP_FAAS_COMPAT_H_INCLUDED_ */
