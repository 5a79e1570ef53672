/*
 * What the files share that check functions for "nginx -t".
 */

#ifndef _NGX_HTTP_FAAS_CHECK_H_INCLUDED_
#define _NGX_HTTP_FAAS_CHECK_H_INCLUDED_


#include "ngx_http_faas.h"


/* ngx_http_faas_check_runtime.c, ngx_http_faas_check.c */

char *ngx_http_faas_check_runtime(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);
char *ngx_http_faas_check_code(ngx_conf_t *cf, ngx_http_faas_function_t *fn);

ngx_uint_t ngx_http_faas_executable(u_char *path);

/* NGX_ABORT: it is there, but not executable. */
ngx_int_t ngx_http_faas_has_file(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_uint_t zip, ngx_str_t *names, ngx_uint_t n, ngx_uint_t executable);

/* ngx_http_faas_check_java.c */

char *ngx_http_faas_check_java(ngx_conf_t *cf, ngx_str_t *runtime);
char *ngx_http_faas_check_java_handler(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_uint_t zip);
char *ngx_http_faas_check_java_built(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf);

/* ngx_http_faas_check_client.c */

char *ngx_http_faas_check_bootstrap(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_uint_t zip);
char *ngx_http_faas_check_api(ngx_conf_t *cf, ngx_http_faas_function_t *fn);
char *ngx_http_faas_check_client(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_uint_t zip);


#endif /* _NGX_HTTP_FAAS_CHECK_H_INCLUDED_ */
