/*
 * What code and layers are (a folder, an archive, a single file), and whether
 * there is a certain file in them.
 *
 * Runs in the master while it reads a configuration; only looks.
 */

#include "ngx_http_faas_check.h"


/* It may be damaged, and is an archive for all that. */

static ngx_uint_t
ngx_http_faas_named_zip(ngx_str_t *path)
{
    u_char  *end;

    if (path->len < 5) {
        return 0;
    }

    end = path->data + path->len - 4;

    return ngx_strncasecmp(end, (u_char *) ".zip", 4) == 0
           || ngx_strncasecmp(end, (u_char *) ".jar", 4) == 0;
}


/* What is left of an archive that was cut; as sup_single.c has it. */

static ngx_uint_t
ngx_http_faas_starts_zip(ngx_str_t *path)
{
    u_char      buf[4];
    ngx_fd_t    fd;
    ngx_uint_t  zip;

    fd = ngx_open_file(path->data, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        return 0;
    }

    zip = ngx_read_fd(fd, buf, 4) == 4
          && ngx_memcmp(buf, "PK\3\4", 4) == 0;

    (void) ngx_close_file(fd);

    return zip;
}


/* WHAT PATH is, "code" or "layer", goes into *FORM. */

char *
ngx_http_faas_form(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *path, const char *what, ngx_http_faas_form_e *form)
{
    ngx_err_t        err;
    ngx_uint_t       single;
    ngx_file_info_t  fi;

    if (ngx_file_info(path->data, &fi) == NGX_FILE_ERROR) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, ngx_errno,
                           "%s \"%V\" of function \"%V\" is not there",
                           what, path, &fn->name);
        return NGX_CONF_ERROR;
    }

    if (ngx_is_dir(&fi)) {
        *form = NGX_HTTP_FAAS_FOLDER;
        return NGX_CONF_OK;
    }

    single = path == &fn->code;

    if (!ngx_is_file(&fi)) {
        ngx_conf_log_error(NGX_LOG_EMERG, cf, 0,
                           "%s \"%V\" of function \"%V\" is neither a "
                           "folder nor a %s", what, path, &fn->name,
                           single ? "file" : "zip file");
        return NGX_CONF_ERROR;
    }

    *form = NGX_HTTP_FAAS_ZIP;

    if (ngx_http_faas_zip_has(path->data, NULL, 0, &err) != NGX_ERROR) {
        return NGX_CONF_OK;
    }

    if (single && err == 0 && !ngx_http_faas_named_zip(path)
        && !ngx_http_faas_starts_zip(path))
    {
        *form = NGX_HTTP_FAAS_SINGLE;
        return NGX_CONF_OK;
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, err,
                       "%s \"%V\" of function \"%V\" %s",
                       what, path, &fn->name,
                       err ? "cannot be read" : "is not a zip file");

    return NGX_CONF_ERROR;
}


/* In a folder: a file whose name is known but for the Python it is for. */

static ngx_uint_t
ngx_http_faas_has_match(u_char *path, ngx_uint_t len)
{
    u_char      *p;
    ngx_dir_t    dir;
    ngx_str_t    folder, name;
    ngx_uint_t   found;

    for (p = path + len; *p != '/'; p--) {
        /* void */
    }

    *p++ = '\0';

    folder.data = path;
    folder.len = p - path - 1;
    name.data = p;
    name.len = path + len - p;
    found = 0;

    if (ngx_open_dir(&folder, &dir) == NGX_ERROR) {
        return 0;
    }

    while (!found && ngx_read_dir(&dir) == NGX_OK) {
        found = ngx_http_faas_match(&name, ngx_de_name(&dir),
                                    ngx_de_namelen(&dir));
    }

    (void) ngx_close_dir(&dir);

    return found;
}


/* Is the file called so? */

static ngx_int_t
ngx_http_faas_single_has(ngx_str_t *path, ngx_http_faas_form_e form,
    ngx_str_t *names, ngx_uint_t n, ngx_uint_t executable)
{
    u_char      *p, *last;
    ngx_uint_t   i;

    last = path->data + path->len;

    for (p = last; p > path->data && p[-1] != '/'; p--) {
        /* void */
    }

    for (i = 0; i < n; i++) {
        if (ngx_http_faas_match(&names[i], p, last - p)) {
            return executable && form == NGX_HTTP_FAAS_SINGLE
                   && !ngx_http_faas_executable(path->data)
                   ? NGX_ABORT : NGX_OK;
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_faas_folder_has(ngx_conf_t *cf, ngx_str_t *folder, ngx_str_t *name,
    ngx_uint_t executable)
{
    u_char           *path, *last;
    ngx_file_info_t   fi;

    path = ngx_pnalloc(cf->temp_pool, folder->len + name->len + 2);
    if (path == NULL) {
        return NGX_ERROR;
    }

    last = ngx_sprintf(path, "%V/%V%Z", folder, name);

    if (ngx_strlchr(path, last, NGX_HTTP_FAAS_ANY)
        && ngx_http_faas_has_match(path, last - path - 1))
    {
        return NGX_OK;
    }

    if (ngx_file_info(path, &fi) != NGX_FILE_ERROR && ngx_is_file(&fi)) {
        return executable && !ngx_http_faas_executable(path)
               ? NGX_ABORT : NGX_OK;
    }

    return NGX_DECLINED;
}


/* Does it have one of the files? */

ngx_int_t
ngx_http_faas_form_has(ngx_conf_t *cf, ngx_str_t *path,
    ngx_http_faas_form_e form, ngx_str_t *names, ngx_uint_t n,
    ngx_uint_t executable)
{
    ngx_int_t   rc;
    ngx_err_t   err;
    ngx_uint_t  i;

    if (form == NGX_HTTP_FAAS_ZIP) {
        rc = ngx_http_faas_zip_has(path->data, names, n, &err);
        return (rc == NGX_ABORT && !executable) ? NGX_OK : rc;
    }

    if (form == NGX_HTTP_FAAS_SINGLE || form == NGX_HTTP_FAAS_INLINE) {
        return ngx_http_faas_single_has(path, form, names, n, executable);
    }

    for (i = 0; i < n; i++) {
        rc = ngx_http_faas_folder_has(cf, path, &names[i], executable);

        if (rc != NGX_DECLINED) {
            return rc;
        }
    }

    return NGX_DECLINED;
}


/* The code, or where the language looks in layers. */

ngx_int_t
ngx_http_faas_has_file(ngx_conf_t *cf, ngx_http_faas_function_t *fn,
    ngx_str_t *names, ngx_uint_t n, ngx_uint_t executable)
{
    ngx_int_t  rc;

    rc = ngx_http_faas_form_has(cf, &fn->code, fn->form, names, n,
                                executable);

    return rc == NGX_DECLINED
           ? ngx_http_faas_layers_import(cf, fn, names, n, executable) : rc;
}
