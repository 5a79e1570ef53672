/*
 * What the module does when cycles and processes of nginx begin and end.
 *
 * init_module and exit_master run in the master (init_module also before it
 * becomes a daemon), init_process and exit_process in workers.  Nothing here
 * waits for the supervisor: the configuration is handed over as a file.
 */

#include "ngx_http_faas_keys.h"

#include <sys/file.h>

#include "ngx_http_faas_map.h"


/* how long a start waits for a predecessor to be gone, and an end for the
   supervisor's last words */
#define NGX_HTTP_FAAS_START_WAIT_MS  5000
#define NGX_HTTP_FAAS_EXIT_WAIT_MS   3000


static ngx_fd_t ngx_http_faas_lock(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf, ngx_msec_t wait);
static void ngx_http_faas_reload(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf);
static ngx_int_t ngx_http_faas_start(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf, ngx_uint_t initial);
static void ngx_http_faas_supervise(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf, ngx_fd_t lock);
static ngx_uint_t ngx_http_faas_last_master(void);


faas_board_t         ngx_http_faas_board;

/*
 * The life line: the supervisor holds the read end.  It only matters until a
 * worker has told the scoreboard who its master is.
 */

static ngx_fd_t      ngx_http_faas_life = NGX_INVALID_FILE;

static u_char        ngx_http_faas_lock_path[NGX_MAX_PATH];
static ngx_uint_t    ngx_http_faas_gone;


static ngx_http_faas_main_conf_t *
ngx_http_faas_cycle_conf(ngx_cycle_t *cycle)
{
    ngx_http_faas_main_conf_t  *fmcf;

    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NULL;                 /* no http block */
    }

    fmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_faas_module);

    if (fmcf == NULL
        || (fmcf->functions.nelts == 0 && ngx_http_faas_board.head == NULL))
    {
        return NULL;                 /* loaded, not configured: inert */
    }

    return fmcf;
}


/* API keys may be for routes that lead to no function. */

static ngx_int_t
ngx_http_faas_init_quotas(ngx_cycle_t *cycle)
{
    ngx_http_faas_main_conf_t  *fmcf;

    if (ngx_get_conf(cycle->conf_ctx, ngx_http_module) == NULL) {
        return NGX_OK;
    }

    fmcf = ngx_http_cycle_get_module_main_conf(cycle, ngx_http_faas_module);

    if (fmcf == NULL || ngx_http_faas_quotas_open(cycle, fmcf) == NGX_OK) {
        return NGX_OK;
    }

    if (ngx_is_init_cycle(cycle->old_cycle)) {
        return NGX_ERROR;
    }

    ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                  "faas: quotas of API keys cannot be counted, there are "
                  "none until the next reload");

    return NGX_OK;
}


/*
 * Fails only at the first start of nginx.  Later the master has workers to
 * keep, and an error returned from here would end it.
 */

ngx_int_t
ngx_http_faas_init_module(ngx_cycle_t *cycle)
{
    ngx_int_t                   rc;
    ngx_uint_t                  initial;
    ngx_http_faas_main_conf_t  *fmcf;

    if (ngx_test_config) {
        return NGX_OK;
    }

    if (ngx_http_faas_init_quotas(cycle) != NGX_OK) {
        return NGX_ERROR;
    }

    fmcf = ngx_http_faas_cycle_conf(cycle);
    if (fmcf == NULL) {
        return NGX_OK;
    }

    if (ngx_http_faas_board.head) {
        ngx_http_faas_reload(cycle, fmcf);
        return NGX_OK;
    }

    initial = ngx_is_init_cycle(cycle->old_cycle);

    rc = ngx_http_faas_start(cycle, fmcf, initial);

    if (rc != NGX_OK && !initial) {

        /* the first function came with a reload: all else goes on */

        faas_board_close(&ngx_http_faas_board);

        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "faas: functions cannot be served, requests for them "
                      "are answered with 503");
        return NGX_OK;
    }

    return rc;
}


static void
ngx_http_faas_reload(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf)
{
    size_t    len;
    ngx_fd_t  lock;

    /* whatever follows: workers need the numbers of their functions */

    ngx_http_faas_index(cycle, fmcf);

    len = fmcf->run_dir.len;

    if (ngx_strlen(ngx_http_faas_lock_path)
        != len + sizeof("/" FAAS_RUN_LOCK) - 1
        || ngx_memcmp(ngx_http_faas_lock_path, fmcf->run_dir.data, len) != 0)
    {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                      "faas: \"faas_run_dir\" was changed to \"%V\", which "
                      "takes effect only with a restart of nginx; functions "
                      "stay as they were", &fmcf->run_dir);

        fmcf->run_dir.data = ngx_http_faas_lock_path;
        fmcf->run_dir.len = ngx_strlen(ngx_http_faas_lock_path)
                            - (sizeof("/" FAAS_RUN_LOCK) - 1);
        return;
    }

    ngx_http_faas_bell_to(fmcf);

    if (ngx_http_faas_manifest(cycle, fmcf) != NGX_OK || fmcf->external) {
        return;
    }

    lock = ngx_http_faas_lock(cycle, fmcf, 0);

    if (lock != NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "faas: the supervisor was not running, starting it");
        ngx_http_faas_supervise(cycle, fmcf, lock);
    }
}


/* The lock, if the supervisor is ours to start; else NGX_INVALID_FILE. */

static ngx_int_t
ngx_http_faas_own(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf,
    ngx_uint_t initial, ngx_fd_t *lock)
{
    ngx_msec_t  wait;

    *lock = NGX_INVALID_FILE;

    if (fmcf->external) {
        return NGX_OK;
    }

    /*
     * A binary upgrade, or the module is back after a reload without it: the
     * running supervisor is ours to share.
     */

    wait = (ngx_inherited || !initial) ? 0 : NGX_HTTP_FAAS_START_WAIT_MS;

    *lock = ngx_http_faas_lock(cycle, fmcf, wait);

    if (*lock == NGX_INVALID_FILE && !ngx_inherited && initial) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "faas: run directory \"%V\" is in use by another "
                      "nginx or a supervisor that still runs",
                      &fmcf->run_dir);
        return NGX_ERROR;
    }

    return NGX_OK;
}


static ngx_int_t
ngx_http_faas_start(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf,
    ngx_uint_t initial)
{
    ngx_fd_t   lock;
    ngx_int_t  rc;

    if (initial && !ngx_inherited && !fmcf->external
        && ngx_http_faas_probe(cycle, fmcf) != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (ngx_http_faas_run_dir(cycle, fmcf) != NGX_OK
        || ngx_http_faas_path(ngx_http_faas_lock_path, NGX_MAX_PATH,
                              &fmcf->run_dir, FAAS_RUN_LOCK)
           != NGX_OK)
    {
        return NGX_ERROR;
    }

    ngx_http_faas_bell_to(fmcf);

    if (ngx_http_faas_own(cycle, fmcf, initial, &lock) != NGX_OK) {
        return NGX_ERROR;
    }

    rc = ngx_http_faas_board_attach(cycle, fmcf, lock);

    if (rc == NGX_OK) {
        ngx_http_faas_index(cycle, fmcf);
        rc = ngx_http_faas_manifest(cycle, fmcf);
    }

    if (rc != NGX_OK) {

        if (lock != NGX_INVALID_FILE) {
            (void) ngx_close_file(lock);
        }

        return NGX_ERROR;
    }

    if (lock != NGX_INVALID_FILE) {
        ngx_http_faas_supervise(cycle, fmcf, lock);
    }

    return NGX_OK;
}


/*
 * Whoever holds the lock on the open file is, or starts, the supervisor: its
 * processes inherit the descriptor.
 */

static ngx_fd_t
ngx_http_faas_lock(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf,
    ngx_msec_t wait)
{
    ngx_fd_t  fd;

    fd = open((char *) ngx_http_faas_lock_path,
              O_RDWR|O_CREAT|O_CLOEXEC|O_NOFOLLOW, 0600);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      ngx_open_file_n " \"%s\" failed",
                      ngx_http_faas_lock_path);
        return NGX_INVALID_FILE;
    }

    for ( ;; ) {
        if (flock(fd, LOCK_EX|LOCK_NB) == 0) {
            return fd;
        }

        if (wait == 0) {
            break;
        }

        ngx_msleep(10);
        wait = wait > 10 ? wait - 10 : 0;
    }

    (void) ngx_close_file(fd);

    return NGX_INVALID_FILE;
}


static void
ngx_http_faas_supervise(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf,
    ngx_fd_t lock)
{
    int  life[2];

    if (pipe2(life, O_CLOEXEC) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "faas: pipe2() failed");
        (void) ngx_close_file(lock);
        return;
    }

    if (ngx_http_faas_spawn(cycle, fmcf, lock, life[0]) == NGX_OK) {

        if (ngx_http_faas_life != NGX_INVALID_FILE) {
            (void) ngx_close_file(ngx_http_faas_life);
        }

        ngx_http_faas_life = life[1];

    } else {
        (void) ngx_close_file(life[1]);
    }

    (void) ngx_close_file(life[0]);
    (void) ngx_close_file(lock);     /* the child has it */
}


ngx_int_t
ngx_http_faas_init_process(ngx_cycle_t *cycle)
{
    ngx_http_faas_main_conf_t  *fmcf;

    if (ngx_process != NGX_PROCESS_SINGLE
        && ngx_http_faas_life != NGX_INVALID_FILE)
    {
        (void) ngx_close_file(ngx_http_faas_life);
        ngx_http_faas_life = NGX_INVALID_FILE;
    }

    if (ngx_process != NGX_PROCESS_WORKER
        && ngx_process != NGX_PROCESS_SINGLE)
    {
        return NGX_OK;               /* the cache manager and loader */
    }

    fmcf = ngx_http_faas_cycle_conf(cycle);

    if (fmcf == NULL || ngx_http_faas_board.head == NULL) {
        return NGX_OK;
    }

    ngx_http_faas_random_init();
    ngx_http_faas_map_init_key();

    /* without these the worker serves everything else and answers 503 */

    if (ngx_http_faas_worker_init(cycle, fmcf) == NGX_OK) {
        (void) ngx_http_faas_conn_init(cycle);
    }

    return NGX_OK;
}


void
ngx_http_faas_exit_process(ngx_cycle_t *cycle)
{
    if (ngx_process == NGX_PROCESS_WORKER
        || ngx_process == NGX_PROCESS_SINGLE)
    {
        ngx_http_faas_worker_exit(cycle);
    }

    if (ngx_process == NGX_PROCESS_SINGLE) {
        ngx_http_faas_exit_master(cycle);
    }
}


/* Is there no worker of another master that still needs the supervisor? */

static ngx_uint_t
ngx_http_faas_last_master(void)
{
    uint32_t        i;
    faas_worker_t  *w;

    for (i = 0; i < ngx_http_faas_board.head->max_workers; i++) {
        w = &ngx_http_faas_board.workers[i];

        if (w->pid != 0 && w->master_pid != ngx_pid && w->generation != 0
            && w->master_start_time != 0
            && faas_process_start_time(w->master_pid) == w->master_start_time)
        {
            return 0;
        }
    }

    return 1;
}


/*
 * A service manager kills what is left when the master is gone, so the
 * environments' orderly end has to come before that.
 */

void
ngx_http_faas_exit_master(ngx_cycle_t *cycle)
{
    ngx_fd_t                    lock;
    ngx_http_faas_main_conf_t  *fmcf;

    /* a single process calls this twice */

    if (ngx_http_faas_board.head == NULL || ngx_http_faas_gone) {
        return;
    }

    fmcf = ngx_http_faas_cycle_conf(cycle);

    if (fmcf == NULL) {
        return;
    }

    ngx_http_faas_gone = 1;

    if (ngx_http_faas_life != NGX_INVALID_FILE) {
        (void) ngx_close_file(ngx_http_faas_life);
        ngx_http_faas_life = NGX_INVALID_FILE;
    }

    ngx_http_faas_ring(FAAS_BELL_BYE, ngx_pid);

    if (fmcf->external || !ngx_http_faas_last_master()) {
        return;
    }

    lock = ngx_http_faas_lock(cycle, fmcf, NGX_HTTP_FAAS_EXIT_WAIT_MS);

    if (lock == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_WARN, cycle->log, 0,
                      "faas: the supervisor did not end within %d ms",
                      NGX_HTTP_FAAS_EXIT_WAIT_MS);
        return;
    }

    (void) ngx_close_file(lock);
}
