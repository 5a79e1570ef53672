/*
 * The run directory and the scoreboard's file in it.
 *
 * Runs in the master, at its first start (as root, or as the user nginx is
 * started by).
 */

#include "ngx_http_faas.h"


/* environments that are blank, starting or ending come on top of the limit */
#define NGX_HTTP_FAAS_EXTRA_SLOTS  64


ngx_int_t
ngx_http_faas_path(u_char *buf, size_t size, ngx_str_t *dir, const char *name)
{
    if (dir->len + 1 + ngx_strlen(name) + 1 > size) {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(buf, "%V/%s%Z", dir, name);

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_mkdir(ngx_cycle_t *cycle, u_char *path, mode_t mode,
    ngx_uid_t user)
{
    if (ngx_create_dir(path, mode) == NGX_FILE_ERROR
        && ngx_errno != NGX_EEXIST)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "faas: " ngx_create_dir_n " \"%s\" failed", path);
        return NGX_ERROR;
    }

    if (chmod((const char *) path, mode) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "faas: chmod() \"%s\" failed, it must be a folder of "
                      "the user that starts nginx", path);
        return NGX_ERROR;
    }

    if (user != (ngx_uid_t) NGX_CONF_UNSET_UINT
        && chown((const char *) path, user, (gid_t) -1) == -1)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "faas: chown() \"%s\" failed", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}


ngx_int_t
ngx_http_faas_run_dir(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf)
{
    u_char            path[NGX_MAX_PATH], *p;
    ngx_err_t         err;
    ngx_uid_t         user;
    ngx_core_conf_t  *ccf;

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);
    user = geteuid() == 0 ? ccf->user : (ngx_uid_t) NGX_CONF_UNSET_UINT;

    if (fmcf->run_dir.len + 32 > NGX_MAX_PATH) {
        return NGX_ERROR;
    }

    p = ngx_sprintf(path, "%V/%Z", &fmcf->run_dir);

    err = ngx_create_full_path(path, 0755);
    if (err && err != NGX_EEXIST) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, err,
                      "faas: run directory \"%V\" cannot be made",
                      &fmcf->run_dir);
        return NGX_ERROR;
    }

    p--;

    (void) ngx_sprintf(p, FAAS_RUN_LAYOUT "%Z");

    if (ngx_http_faas_mkdir(cycle, path, 0711,
                            (ngx_uid_t) NGX_CONF_UNSET_UINT)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_sprintf(p, FAAS_RUN_WORKERS "%Z");

    return ngx_http_faas_mkdir(cycle, path, 0700, user);
}


/* Did this board's supervisor live to take over the totals before it? */

static ngx_uint_t
ngx_http_faas_board_used(u_char *path)
{
    uint32_t      i;
    ngx_uint_t    used;
    faas_board_t  board;

    if (faas_board_open((char *) path, &board) != 0) {
        return 0;
    }

    used = 0;

    for (i = 0; i < board.head->max_functions; i++) {

        if (board.fns[i].state == FAAS_FN_FREE) {
            break;
        }

        used |= board.fns[i].ledger_loaded;
    }

    faas_board_close(&board);

    return used;
}


/*
 * The totals of a predecessor that could not save them are in its board; or
 * in that of its own predecessor, if it died before it had looked there.
 */

static void
ngx_http_faas_board_keep(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf,
    u_char *path)
{
    u_char  prev[NGX_MAX_PATH];

    if (ngx_http_faas_path(prev, NGX_MAX_PATH, &fmcf->run_dir,
                           FAAS_RUN_BOARD_PREV)
        != NGX_OK)
    {
        return;
    }

    if (access((char *) prev, F_OK) == 0 && !ngx_http_faas_board_used(path)) {
        return;
    }

    if (ngx_rename_file(path, prev) == NGX_FILE_ERROR
        && ngx_errno != NGX_ENOENT)
    {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "faas: " ngx_rename_file_n " \"%s\" to \"%s\" failed",
                      path, prev);
    }
}


static uint32_t
ngx_http_faas_slots(ngx_http_faas_main_conf_t *fmcf)
{
    uint32_t                 n;
    ngx_uint_t               i;
    ngx_http_faas_blanks_t  *blanks;

    n = fmcf->max_environments + NGX_HTTP_FAAS_EXTRA_SLOTS;
    blanks = fmcf->blanks.elts;

    for (i = 0; i < fmcf->blanks.nelts; i++) {
        n += blanks[i].count;
    }

    return n;
}


ngx_int_t
ngx_http_faas_board_attach(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf, ngx_fd_t lock)
{
    int       rc;
    u_char    path[NGX_MAX_PATH];
    uint64_t  epoch;

    if (ngx_http_faas_path(path, NGX_MAX_PATH, &fmcf->run_dir,
                           FAAS_RUN_BOARD)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (lock == NGX_INVALID_FILE) {

        rc = faas_board_open((char *) path, &ngx_http_faas_board);

        if (rc == 0) {
            return NGX_OK;
        }

        if (!fmcf->external || rc == -2 || ngx_errno != NGX_ENOENT) {
            ngx_log_error(NGX_LOG_EMERG, cycle->log, rc == -2 ? 0 : ngx_errno,
                          "faas: scoreboard \"%s\" %s", path,
                          rc == -2 ? "is of another version: restart nginx "
                                     "instead of upgrading it"
                                   : "cannot be opened");
            return NGX_ERROR;
        }
    }

    /* who had the lock until now may have removed the folders at its end */

    if (lock != NGX_INVALID_FILE
        && ngx_http_faas_run_dir(cycle, fmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_faas_board_keep(cycle, fmcf, path);

    epoch = (uint64_t) ngx_time() << 32 | (uint32_t) ngx_random();

    if (faas_board_create((char *) path, fmcf->max_functions,
                          ngx_http_faas_slots(fmcf), epoch,
                          &ngx_http_faas_board)
        != 0)
    {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "faas: scoreboard \"%s\" cannot be made", path);
        return NGX_ERROR;
    }

    return NGX_OK;
}
