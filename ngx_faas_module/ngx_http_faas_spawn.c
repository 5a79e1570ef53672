/*
 * Starting the supervisor, which is an executable of its own so that it has
 * nothing of nginx's memory: no keys, no client data.
 *
 * Runs in the master; the code between fork() and execve() in the child.
 */

#include "ngx_http_faas.h"

#include <sys/syscall.h>


/* descriptors of the lock and the life line in the child */
#define NGX_HTTP_FAAS_LOCK_FD  3
#define NGX_HTTP_FAAS_LIFE_FD  4


/*
 * A child forked on a reload has nginx's signals blocked or ignored, and
 * nginx's listening sockets are not close-on-exec.
 */

static void
ngx_http_faas_spawn_signals(void)
{
    int       signo;
    sigset_t  set;

    for (signo = 1; signo < NSIG; signo++) {
        (void) signal(signo, SIG_DFL);
    }

    sigemptyset(&set);
    (void) sigprocmask(SIG_SETMASK, &set, NULL);
}


static ngx_int_t
ngx_http_faas_spawn_fds(ngx_fd_t lock, ngx_fd_t life, ngx_fd_t log)
{
    int  fd, null;

    /* out of the way of the numbers they are to get */

    lock = fcntl(lock, F_DUPFD, 10);
    life = fcntl(life, F_DUPFD, 10);
    log = fcntl(log, F_DUPFD, 10);

    null = open("/dev/null", O_RDWR);

    if (lock == -1 || life == -1 || log == -1 || null == -1
        || dup2(null, 0) == -1 || dup2(log, 1) == -1 || dup2(log, 2) == -1
        || dup2(lock, NGX_HTTP_FAAS_LOCK_FD) == -1
        || dup2(life, NGX_HTTP_FAAS_LIFE_FD) == -1)
    {
        return NGX_ERROR;
    }

    if (syscall(SYS_close_range, NGX_HTTP_FAAS_LIFE_FD + 1, ~0U, 0) == -1) {
        for (fd = NGX_HTTP_FAAS_LIFE_FD + 1; fd < 65536; fd++) {
            (void) close(fd);
        }
    }

    return NGX_OK;
}


static void
ngx_http_faas_spawn_child(char **argv, ngx_fd_t lock, ngx_fd_t life,
    ngx_fd_t log)
{
    static char  *env[] = {
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        NULL
    };

    (void) setsid();

    ngx_http_faas_spawn_signals();

    if (ngx_http_faas_spawn_fds(lock, life, log) == NGX_OK) {
        (void) execve(argv[0], argv, env);
    }

    (void) dprintf(2, "faas: supervisor \"%s\" cannot be started: %s\n",
                   argv[0], strerror(errno));

    _exit(1);
}


ngx_int_t
ngx_http_faas_spawn(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf,
    ngx_fd_t lock, ngx_fd_t life)
{
    char       *argv[10];
    u_char      path[NGX_MAX_PATH], dir[NGX_MAX_PATH], file[NGX_MAX_PATH];
    ngx_fd_t    log;
    ngx_pid_t   pid;
    ngx_log_t  *l;

    if (ngx_http_faas_path(path, NGX_MAX_PATH, &fmcf->runtime_dir,
                           "faas-supervisor")
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    if (access((char *) path, X_OK) == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "faas: \"%s\" cannot be executed, functions will not "
                      "start; see \"faas_runtime_dir\"", path);
        return NGX_ERROR;
    }

    (void) ngx_snprintf(dir, NGX_MAX_PATH, "%V%Z", &fmcf->run_dir);

    log = STDERR_FILENO;
    file[0] = '\0';

    for (l = &cycle->new_log; l; l = l->next) {
        if (l->file && l->file->fd != NGX_INVALID_FILE && l->file->name.len) {
            log = l->file->fd;
            (void) ngx_snprintf(file, NGX_MAX_PATH, "%V%Z", &l->file->name);
            break;
        }
    }

    argv[0] = (char *) path;
    argv[1] = "--run-dir";
    argv[2] = (char *) dir;
    argv[3] = "--lock-fd";
    argv[4] = "3";
    argv[5] = "--life-fd";
    argv[6] = "4";
    argv[7] = file[0] ? "--log" : NULL;
    argv[8] = (char *) file;
    argv[9] = NULL;

    pid = fork();

    if (pid == -1) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "faas: fork() failed");
        return NGX_ERROR;
    }

    if (pid == 0) {
        ngx_http_faas_spawn_child(argv, lock, life, log);
    }

    ngx_log_error(NGX_LOG_NOTICE, cycle->log, 0,
                  "faas: started supervisor %P", pid);

    return NGX_OK;
}
