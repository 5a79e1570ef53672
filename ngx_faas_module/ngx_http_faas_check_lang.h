/*
 * What "nginx -t" knows of runtimes of NGX_HTTP_FAAS_LANG.  No state.
 */

#ifndef _NGX_HTTP_FAAS_CHECK_LANG_H_INCLUDED_
#define _NGX_HTTP_FAAS_CHECK_LANG_H_INCLUDED_


#include "ngx_http_faas.h"


char *ngx_http_faas_check_lang(ngx_conf_t *cf, ngx_str_t *runtime);
char *ngx_http_faas_lang_takes(ngx_str_t *runtime);
char **ngx_http_faas_lang_files(ngx_str_t *runtime, ngx_str_t *handler,
    ngx_str_t *file);


#endif /* _NGX_HTTP_FAAS_CHECK_LANG_H_INCLUDED_ */
