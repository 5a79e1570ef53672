/*
 * Public keys of an authorizer, from a file; ngx_http_faas_jwks_fetch.c has
 * those from a location.
 *
 * Runs in the master while it reads a configuration, and in workers, which
 * look once a second whether the file is another one.  Each process has a set
 * of its own: no locks.  A token is verified without a break, so that nobody
 * uses a set that is replaced.
 */

#include "ngx_http_faas_auth.h"


static faas_jwks_t *ngx_http_faas_jwks_read(ngx_http_faas_jwks_t *jwks,
    const char **error, ngx_err_t *err);
static ssize_t ngx_http_faas_jwks_text(ngx_http_faas_jwks_t *jwks,
    ngx_fd_t fd, u_char *buf, const char **error, ngx_err_t *err);
static void ngx_http_faas_jwks_seen(ngx_http_faas_jwks_t *jwks,
    ngx_file_info_t *fi);
static ngx_uint_t ngx_http_faas_jwks_same(ngx_http_faas_jwks_t *jwks,
    ngx_file_info_t *fi);


static void
ngx_http_faas_jwks_cleanup(void *data)
{
    ngx_http_faas_jwks_t *jwks = data;

    faas_jwks_free(jwks->set);
}


/* nginx -t and the master: without keys nobody would be let in. */

ngx_int_t
ngx_http_faas_jwks_load(ngx_conf_t *cf, ngx_http_faas_jwks_t *jwks)
{
    ngx_err_t            err;
    const char          *error;
    ngx_pool_cleanup_t  *cln;

    cln = ngx_pool_cleanup_add(cf->pool, 0);
    if (cln == NULL) {
        return NGX_ERROR;
    }

    if (jwks->uri.len) {
        cln->handler = ngx_http_faas_jwks_cleanup;
        cln->data = jwks;

        return NGX_OK;                       /* asked with the first token */
    }

    jwks->set = ngx_http_faas_jwks_read(jwks, &error, &err);

    if (jwks->set) {
        cln->handler = ngx_http_faas_jwks_cleanup;
        cln->data = jwks;

        ngx_http_faas_jwks_left_out(cf, cf->log, jwks, jwks->set);

        if (jwks->set->n) {
            return NGX_OK;
        }
    }

    ngx_conf_log_error(NGX_LOG_EMERG, cf, err, "no keys from \"jwks=%V\": %s",
                       &jwks->name, error);

    return NGX_ERROR;
}


/* Workers: a file that is no good leaves the keys as they are. */

void
ngx_http_faas_jwks_refresh(ngx_http_faas_jwks_t *jwks, ngx_log_t *log)
{
    ngx_err_t         err;
    const char       *error;
    faas_jwks_t      *set;
    ngx_file_info_t   fi;

    if (jwks->looked == ngx_time()) {
        return;
    }

    jwks->looked = ngx_time();

    if (ngx_file_info(jwks->name.data, &fi) == NGX_FILE_ERROR) {

        if (!jwks->gone) {
            jwks->gone = 1;
            ngx_log_error(NGX_LOG_ERR, log, ngx_errno,
                          "faas: " ngx_file_info_n " \"%V\" failed, its keys "
                          "stay", &jwks->name);
        }

        return;
    }

    jwks->gone = 0;

    if (ngx_http_faas_jwks_same(jwks, &fi)) {
        return;
    }

    /* once for each file, even if it cannot be opened */

    ngx_http_faas_jwks_seen(jwks, &fi);

    set = ngx_http_faas_jwks_read(jwks, &error, &err);

    if (set) {
        ngx_http_faas_jwks_left_out(NULL, log, jwks, set);
    }

    if (set == NULL || set->n == 0) {
        ngx_log_error(NGX_LOG_ERR, log, err,
                      "faas: no keys from \"%V\": %s, the old ones stay",
                      &jwks->name, error);
        faas_jwks_free(set);
        return;
    }

    ngx_http_faas_jwks_replace(jwks, set, log);
}


void
ngx_http_faas_jwks_replace(ngx_http_faas_jwks_t *jwks, faas_jwks_t *set,
    ngx_log_t *log)
{
    faas_jwks_free(jwks->set);

    jwks->set = set;
    jwks->generation++;

    ngx_log_error(NGX_LOG_NOTICE, log, 0, "faas: %ui new keys from \"%V\"",
                  (ngx_uint_t) set->n, jwks->uri.len ? &jwks->uri
                                                     : &jwks->name);
}


/* CF: while a configuration is read. */

void
ngx_http_faas_jwks_left_out(ngx_conf_t *cf, ngx_log_t *log,
    ngx_http_faas_jwks_t *jwks, faas_jwks_t *set)
{
    ngx_uint_t  i;

    for (i = 0; i < FAAS_JWK_REASONS; i++) {

        if (set->skipped[i] == 0) {
            continue;
        }

        if (cf) {
            ngx_conf_log_error(NGX_LOG_WARN, cf, 0,
                               "%ui keys in \"jwks=%V\" are left out: %s",
                               (ngx_uint_t) set->skipped[i], &jwks->name,
                               faas_jwk_reason(i));
            continue;
        }

        ngx_log_error(NGX_LOG_WARN, log, 0,
                      "faas: %ui keys in \"%V\" are left out: %s",
                      (ngx_uint_t) set->skipped[i],
                      jwks->uri.len ? &jwks->uri : &jwks->name,
                      faas_jwk_reason(i));
    }
}


/* NULL: it is no set of keys; *error is why, or why there is no key in it. */

static faas_jwks_t *
ngx_http_faas_jwks_read(ngx_http_faas_jwks_t *jwks, const char **error,
    ngx_err_t *err)
{
    u_char       *buf;
    ssize_t       n;
    ngx_fd_t      fd;
    faas_jwks_t  *set;

    *err = 0;

    /* not to wait for somebody to write to a pipe */

    fd = ngx_open_file(jwks->name.data, NGX_FILE_RDONLY|NGX_FILE_NONBLOCK,
                       NGX_FILE_OPEN, 0);

    if (fd == NGX_INVALID_FILE) {
        *err = ngx_errno;
        *error = "the file cannot be opened";
        return NULL;
    }

    set = NULL;
    buf = malloc(FAAS_JWKS_LEN);

    if (buf == NULL) {
        *error = "no memory";

    } else {
        n = ngx_http_faas_jwks_text(jwks, fd, buf, error, err);

        if (n != NGX_ERROR) {
            set = faas_jwks_parse((char *) buf, n, error);
        }

        free(buf);
    }

    (void) ngx_close_file(fd);

    if (set && set->n == 0) {
        *error = "there is no key of use in it";
    }

    return set;
}


static ssize_t
ngx_http_faas_jwks_text(ngx_http_faas_jwks_t *jwks, ngx_fd_t fd,
    u_char *buf, const char **error, ngx_err_t *err)
{
    size_t           len;
    ssize_t          n;
    ngx_file_info_t  fi;

    if (ngx_fd_info(fd, &fi) == NGX_FILE_ERROR || !ngx_is_file(&fi)) {
        *error = "it is not a file";
        return NGX_ERROR;
    }

    if (ngx_file_size(&fi) > FAAS_JWKS_LEN) {
        *error = "the file is too large";
        return NGX_ERROR;
    }

    ngx_http_faas_jwks_seen(jwks, &fi);

    for (len = 0; len < FAAS_JWKS_LEN; len += n) {
        n = ngx_read_fd(fd, buf + len, FAAS_JWKS_LEN - len);

        if (n == 0) {
            break;
        }

        if (n == -1) {
            *err = ngx_errno;
            *error = "the file cannot be read";
            return NGX_ERROR;
        }
    }

    return len;
}


static void
ngx_http_faas_jwks_seen(ngx_http_faas_jwks_t *jwks, ngx_file_info_t *fi)
{
    jwks->mtime = fi->st_mtim;
    jwks->size = ngx_file_size(fi);
    jwks->uniq = ngx_file_uniq(fi);
}


static ngx_uint_t
ngx_http_faas_jwks_same(ngx_http_faas_jwks_t *jwks, ngx_file_info_t *fi)
{
    return jwks->mtime.tv_sec == fi->st_mtim.tv_sec
           && jwks->mtime.tv_nsec == fi->st_mtim.tv_nsec
           && jwks->size == ngx_file_size(fi)
           && jwks->uniq == ngx_file_uniq(fi);
}
