/*
 * What the files share that check functions for "nginx -t".
 */

#ifndef _NGX_HTTP_FAAS_CHECK_H_INCLUDED_
#define _NGX_HTTP_FAAS_CHECK_H_INCLUDED_


#include "ngx_http_faas.h"


/* ngx_http_faas_check_runtime.c, ngx_http_faas_check.c */

char *ngx_http_faas_check_runtime(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);
char *ngx_http_faas_check_built(ngx_conf_t *cf,
    ngx_http_faas_main_conf_t *fmcf);
char *ngx_http_faas_check_code(ngx_conf_t *cf, ngx_http_faas_function_t *fn);

ngx_uint_t ngx_http_faas_executable(u_char *path);

/* ngx_http_faas_form.c; NGX_ABORT: it is there, but not executable */

char *ngx_http_faas_form(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *path, const char *what, ngx_http_faas_form_e *form);
ngx_int_t ngx_http_faas_form_has(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_faas_form_e form, ngx_str_t *names, ngx_uint_t n,
    ngx_uint_t executable);
ngx_int_t ngx_http_faas_has_file(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *names, ngx_uint_t n, ngx_uint_t executable);

/* ngx_http_faas_inline.c */

char *ngx_http_faas_check_inline(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);

/* ngx_http_faas_image.c */

char *ngx_http_faas_check_image(ngx_conf_t *cf, ngx_http_faas_function_t *fn);

/* ngx_http_faas_web.c */

char *ngx_http_faas_check_web(ngx_conf_t *cf, ngx_http_faas_function_t *fn);

/* ngx_http_faas_layers.c */

char *ngx_http_faas_check_layers(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);
ngx_uint_t ngx_http_faas_in_layers(ngx_http_faas_function_t *fn,
    ngx_str_t *path);
ngx_int_t ngx_http_faas_layers_have(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, const char *folder, ngx_str_t *names,
    ngx_uint_t n, ngx_uint_t executable);
ngx_int_t ngx_http_faas_layers_import(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn, ngx_str_t *names, ngx_uint_t n,
    ngx_uint_t executable);

/* ngx_http_faas_check_java.c */

char *ngx_http_faas_check_java(ngx_conf_t *cf, ngx_str_t *runtime);
char *ngx_http_faas_check_java_handler(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);

/* ngx_http_faas_check_mono.c */

char *ngx_http_faas_check_mono(ngx_conf_t *cf, ngx_str_t *runtime);
char *ngx_http_faas_check_mono_handler(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);

/* ngx_http_faas_check_client.c */

char *ngx_http_faas_check_bootstrap(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);
char *ngx_http_faas_check_api(ngx_conf_t *cf, ngx_http_faas_function_t *fn);
char *ngx_http_faas_check_client(ngx_conf_t *cf,
    ngx_http_faas_function_t *fn);


#endif /* _NGX_HTTP_FAAS_CHECK_H_INCLUDED_ */
