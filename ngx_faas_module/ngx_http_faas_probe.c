/*
 * Can environments be isolated as the configuration asks?  The supervisor's
 * executable tries it and says what is lacking, before anything is started.
 *
 * Runs in the master when nginx starts, not under "nginx -t"; it waits for the
 * answer, some milliseconds.
 */

#include "ngx_http_faas.h"

#include <sys/syscall.h>


#define NGX_HTTP_FAAS_LACKING  4        /* the exit code */


static ngx_uint_t
ngx_http_faas_egress(ngx_http_faas_main_conf_t *fmcf)
{
    ngx_uint_t                  i;
    ngx_http_faas_function_t  **fn;

    fn = fmcf->functions.elts;

    for (i = 0; i < fmcf->functions.nelts; i++) {
        if (fn[i]->network == NGX_HTTP_FAAS_EGRESS) {
            return 1;
        }
    }

    return 0;
}


static void
ngx_http_faas_probe_child(char **argv, int out)
{
    static char  *env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };

    int  fd;

    if (dup2(out, STDOUT_FILENO) != -1) {

        /* nginx's listening sockets are not close-on-exec */

        if (syscall(SYS_close_range, STDERR_FILENO + 1, ~0U, 0) == -1) {
            for (fd = STDERR_FILENO + 1; fd < 65536; fd++) {
                (void) close(fd);
            }
        }

        (void) execve(argv[0], argv, env);
    }

    _exit(1);
}


/* All that it says; the rest of what does not fit is lost. */

static size_t
ngx_http_faas_probe_read(int fd, u_char *buf, size_t size)
{
    size_t   len;
    ssize_t  n;

    for (len = 0; len < size; len += n) {
        n = read(fd, buf + len, size - len);

        if (n == -1 && ngx_errno == NGX_EINTR) {
            n = 0;
            continue;
        }

        if (n <= 0) {
            break;
        }
    }

    return len;
}


static void
ngx_http_faas_probe_says(ngx_cycle_t *cycle, u_char *p, u_char *last)
{
    u_char     *end;
    ngx_str_t   line;

    ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                  "faas: environments cannot be isolated on this machine as "
                  "\"faas_isolation require\", the default, asks; what is "
                  "lacking follows; \"faas_isolation prefer\" goes on "
                  "without it");

    for ( /* void */ ; p < last; p = end + 1) {
        end = ngx_strlchr(p, last, LF);

        if (end == NULL) {
            end = last;
        }

        line.data = p;
        line.len = end - p;

        ngx_log_error(NGX_LOG_EMERG, cycle->log, 0,
                      "faas: lacking: %V", &line);
    }
}


ngx_int_t
ngx_http_faas_probe(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf)
{
    int         fd[2], status;
    char       *argv[5];
    size_t      len;
    u_char      path[NGX_MAX_PATH], uids[NGX_INT_T_LEN * 2 + 2], buf[4096];
    ngx_pid_t   pid, rc;

    if (fmcf->isolation != NGX_HTTP_FAAS_ISOLATION_REQUIRE
        || ngx_http_faas_path(path, NGX_MAX_PATH, &fmcf->runtime_dir,
                              "faas-supervisor")
           != NGX_OK
        || access((char *) path, X_OK) == -1)
    {
        /* that it cannot be executed is said when it is to be started */
        return NGX_OK;
    }

    (void) ngx_snprintf(uids, sizeof(uids), "%ui-%ui%Z", fmcf->uid_first,
                        fmcf->uid_last);

    argv[0] = (char *) path;
    argv[1] = "--probe";
    argv[2] = (char *) uids;
    argv[3] = ngx_http_faas_egress(fmcf) ? "--egress" : NULL;
    argv[4] = NULL;

    if (pipe2(fd, O_CLOEXEC) == -1) {
        ngx_log_error(NGX_LOG_EMERG, cycle->log, ngx_errno,
                      "faas: pipe2() failed");
        return NGX_ERROR;
    }

    pid = fork();

    if (pid == 0) {
        ngx_http_faas_probe_child(argv, fd[1]);
    }

    (void) close(fd[1]);

    len = pid == -1 ? 0 : ngx_http_faas_probe_read(fd[0], buf, sizeof(buf));

    (void) close(fd[0]);

    do {
        rc = pid == -1 ? -1 : waitpid(pid, &status, 0);
    } while (rc == -1 && pid != -1 && ngx_errno == NGX_EINTR);

    /* somebody else may have reaped it: what it has said is enough */

    if (len == 0
        || (rc == pid && !(WIFEXITED(status)
                           && WEXITSTATUS(status) == NGX_HTTP_FAAS_LACKING)))
    {
        return NGX_OK;
    }

    ngx_http_faas_probe_says(cycle, buf, buf + len);

    return NGX_ERROR;
}
