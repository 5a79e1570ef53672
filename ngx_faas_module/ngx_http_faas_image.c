/*
 * "image": a container image in the place of code.
 *
 * Runs in the master while it reads a configuration; only looks, and not into
 * the image: that is foreign input, for the supervisor's unpacker.
 */

#include "ngx_http_faas_check.h"


#define NGX_HTTP_FAAS_TAR_BLOCK  512
#define NGX_HTTP_FAAS_TAR_MAGIC  257


char *
ngx_http_faas_set_image(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *value, ngx_uint_t n)
{
    if (fn->image.data) {
        return "is duplicate";
    }

    fn->image = value[1];

    if (ngx_conf_full_name(cf->cycle, &fn->image, 1) != NGX_OK) {
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


static ngx_uint_t
ngx_http_faas_is_tar(u_char *path)
{
    u_char      buf[NGX_HTTP_FAAS_TAR_BLOCK];
    ngx_fd_t    fd;
    ngx_uint_t  tar;

    fd = ngx_open_file(path, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    tar = ngx_read_fd(fd, buf, NGX_HTTP_FAAS_TAR_BLOCK)
          == NGX_HTTP_FAAS_TAR_BLOCK
          && ngx_memcmp(buf + NGX_HTTP_FAAS_TAR_MAGIC, "ustar", 5) == 0;

    (void) ngx_close_file(fd);

    return tar;
}


/* What there cannot be beside an image. */

static char *
ngx_http_faas_image_alone(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    char  *other;

    if (fn->kind != NGX_HTTP_FAAS_PROVIDED) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "\"image\" in function \"%V\" is only for "
                           "runtime provided", &fn->name);
        return NGX_CONF_ERROR;
    }

    other = fn->code.len ? "code" : fn->text.len ? "code_inline"
            : fn->layers ? "layers" : NULL;

    if (other) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "both \"image\" and \"%s\" in function \"%V\"",
                           other, &fn->name);
        return NGX_CONF_ERROR;
    }

    return NGX_CONF_OK;
}


/* The path takes the place of that of the code. */

char *
ngx_http_faas_check_image(ngx_conf_t *cf, ngx_http_faas_function_t *fn)
{
    u_char           *path;
    ngx_file_info_t   fi;

    ngx_http_faas_place(cf, fn, "image");

    if (ngx_http_faas_image_alone(cf, fn) != NGX_CONF_OK) {
        return NGX_CONF_ERROR;
    }

    if (ngx_file_info(fn->image.data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "image \"%V\" of function \"%V\" is not there",
                           &fn->image, &fn->name);
        return NGX_CONF_ERROR;
    }

    fn->code = fn->image;
    fn->form = NGX_HTTP_FAAS_IMAGE;

    if (ngx_is_file(&fi) && ngx_http_faas_is_tar(fn->image.data)) {
        return NGX_CONF_OK;
    }

    if (ngx_is_dir(&fi)) {
        path = ngx_pnalloc(cf->temp_pool,
                           fn->image.len + sizeof("/index.json"));
        if (path == NULL) {
            return NGX_CONF_ERROR;
        }

        (void) ngx_sprintf(path, "%V/index.json%Z", &fn->image);

        if (ngx_file_info(path, &fi) != NGX_FILE_ERROR && ngx_is_file(&fi)) {
            return NGX_CONF_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                       "image \"%V\" of function \"%V\" is neither the "
                       "folder of an OCI layout nor a tar archive",
                       &fn->image, &fn->name);

    return NGX_CONF_ERROR;
}
