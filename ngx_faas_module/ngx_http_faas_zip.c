/*
 * Looking for a name in a zip archive's directory.  Only for the checks of a
 * configuration: the archive is unpacked by the supervisor, with libarchive.
 *
 * Runs in the master while it reads a configuration; takes no locks.  The
 * file is foreign input: no length or offset in it is believed.
 */

#include "ngx_http_faas.h"


#define NGX_HTTP_FAAS_ZIP_END       22          /* without its comment */
#define NGX_HTTP_FAAS_ZIP_TAIL      (NGX_HTTP_FAAS_ZIP_END + 65535)
#define NGX_HTTP_FAAS_ZIP_ENTRY     46
#define NGX_HTTP_FAAS_ZIP_DIR_MAX   (64 * 1024 * 1024)


#define ngx_http_faas_le16(p)  ((size_t) (p)[0] | (size_t) (p)[1] << 8)
#define ngx_http_faas_le32(p)                                                 \
    (ngx_http_faas_le16(p) | ngx_http_faas_le16((p) + 2) << 16)


/* The "end of central directory" record; NULL if there is none. */

static u_char *
ngx_http_faas_zip_end(u_char *tail, size_t n)
{
    u_char  *p;

    if (n < NGX_HTTP_FAAS_ZIP_END) {
        return NULL;
    }

    for (p = tail + n - NGX_HTTP_FAAS_ZIP_END; p >= tail; p--) {
        if (ngx_memcmp(p, "PK\5\6", 4) == 0) {
            return p;
        }
    }

    return NULL;
}


/* NGX_HTTP_FAAS_ANY in the pattern is any text within a file's name. */

ngx_uint_t
ngx_http_faas_match(ngx_str_t *pattern, u_char *name, size_t len)
{
    size_t   head, tail;
    u_char  *any;

    any = ngx_strlchr(pattern->data, pattern->data + pattern->len,
                      NGX_HTTP_FAAS_ANY);

    if (any == NULL) {
        return pattern->len == len
               && ngx_memcmp(pattern->data, name, len) == 0;
    }

    head = any - pattern->data;
    tail = pattern->len - head - 1;

    return len >= head + tail
           && ngx_memcmp(pattern->data, name, head) == 0
           && ngx_memcmp(any + 1, name + len - tail, tail) == 0
           && ngx_strlchr(name + head, name + len, '/') == NULL;
}


/*
 * What archivers of Unix (3, 19) say of a file's mode; what others make is
 * not executable when it is unpacked.
 */

static ngx_int_t
ngx_http_faas_zip_mode(u_char *p)
{
    return (p[5] == 3 || p[5] == 19)
           && ((ngx_http_faas_le32(p + 38) >> 16) & 0111) ? NGX_OK : NGX_ABORT;
}


static ngx_int_t
ngx_http_faas_zip_search(u_char *dir, size_t size, ngx_str_t *names,
    ngx_uint_t n)
{
    u_char      *p, *last;
    size_t       name, rest;
    ngx_uint_t   i;

    last = dir + size;

    for (p = dir; last - p >= NGX_HTTP_FAAS_ZIP_ENTRY; p += rest) {

        if (ngx_memcmp(p, "PK\1\2", 4) != 0) {
            break;
        }

        name = ngx_http_faas_le16(p + 28);
        rest = NGX_HTTP_FAAS_ZIP_ENTRY + name + ngx_http_faas_le16(p + 30)
               + ngx_http_faas_le16(p + 32);

        if ((size_t) (last - p) < rest) {
            return NGX_ERROR;
        }

        for (i = 0; i < n; i++) {
            if (ngx_http_faas_match(&names[i], p + NGX_HTTP_FAAS_ZIP_ENTRY,
                                    name))
            {
                return ngx_http_faas_zip_mode(p);
            }
        }
    }

    return NGX_DECLINED;
}


static ngx_int_t
ngx_http_faas_zip_read(ngx_fd_t fd, off_t size, ngx_str_t *names,
    ngx_uint_t n)
{
    off_t      offset;
    size_t     len;
    u_char    *buf, *end;
    ngx_int_t  rc;

    len = size < NGX_HTTP_FAAS_ZIP_TAIL ? (size_t) size
                                        : NGX_HTTP_FAAS_ZIP_TAIL;

    buf = malloc(len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    rc = NGX_ERROR;
    end = NULL;

    if (pread(fd, buf, len, size - (off_t) len) == (ssize_t) len) {
        end = ngx_http_faas_zip_end(buf, len);
    }

    if (end == NULL) {
        goto done;
    }

    len = ngx_http_faas_le32(end + 12);
    offset = ngx_http_faas_le32(end + 16);

    if (offset == 0xffffffff || len > NGX_HTTP_FAAS_ZIP_DIR_MAX
        || offset + (off_t) len > size)
    {
        goto done;
    }

    free(buf);

    buf = malloc(len + 1);
    if (buf == NULL) {
        return NGX_ERROR;
    }

    if (pread(fd, buf, len, offset) == (ssize_t) len) {
        rc = ngx_http_faas_zip_search(buf, len, names, n);
    }

done:

    free(buf);

    return rc;
}


/* NGX_ABORT: it is there, but is not executable. */

ngx_int_t
ngx_http_faas_zip_has(u_char *path, ngx_str_t *names, ngx_uint_t n,
    ngx_err_t *err)
{
    ngx_fd_t         fd;
    ngx_int_t        rc;
    ngx_file_info_t  fi;

    fd = ngx_open_file(path, NGX_FILE_RDONLY, NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        return NGX_ERROR;
    }

    *err = 0;
    rc = NGX_ERROR;

    if (ngx_fd_info(fd, &fi) != NGX_FILE_ERROR) {
        rc = ngx_http_faas_zip_read(fd, ngx_file_size(&fi), names, n);
    }

    (void) ngx_close_file(fd);

    return rc;
}
