/*
 * One bash: its descriptors, its variables, its output, its end and that of
 * all it has left behind.
 *
 * Runs in faas-bash.  What it reads comes from the function and is hostile.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bash.h"


#define BASH_READ    65536
#define BASH_NAMES   7
#define BASH_ROUNDS  100             /* of killing what has forked again */


/* of pipes [0] is ours */

typedef struct {
    int          in;
    int          out[2];
    int          err[2];
} bash_files_t;


extern char  **environ;


static int  bash_event(const faas_invocation_t *inv);
static char **bash_variables(const faas_invocation_t *inv, char **text);
static int  bash_spawn(const bash_function_t *fn, char *mode, char **envp,
    const bash_files_t *files, int verdict, pid_t *pid);
static int  bash_watch(const bash_function_t *fn, bash_files_t *files,
    pid_t pid, bash_result_t *r);
static int  bash_take_out(const bash_function_t *fn, int fd,
    bash_result_t *r);
static int  bash_take_err(int fd, bash_result_t *r);
static void  bash_last_line(const char *p, size_t n, bash_result_t *r);
static void  bash_close(bash_files_t *files);
static void  bash_end_all(void);


/* Where standard input is read from: memory, so that nobody waits for it. */

static int
bash_event(const faas_invocation_t *inv)
{
    int      fd;
    size_t   sent;
    ssize_t  n;

    fd = memfd_create("event", MFD_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    for (sent = 0; sent < inv->event_len; sent += (size_t) n) {
        n = write(fd, inv->event + sent, inv->event_len - sent);

        if (n == -1 && errno == EINTR) {
            n = 0;

        } else if (n == -1) {
            (void) close(fd);
            return -1;
        }
    }

    (void) lseek(fd, 0, SEEK_SET);

    return fd;
}


/*
 * Our own variables and those of the invocation.  The caller frees the list
 * and TEXT, which the latter are in; setenv() would keep them all.
 */

static char **
bash_variables(const faas_invocation_t *inv, char **text)
{
    char    **envp, *p, deadline[24];
    size_t    i, n, size;

    const char  *vars[][2] = {
        { "FAAS_REQUEST_ID", inv->request_id },
        { "FAAS_DEADLINE_MS", deadline },
        { "FAAS_FUNCTION_ARN", inv->arn },
        { "FAAS_CLIENT_CONTEXT", inv->client_context },
        { "FAAS_COGNITO_IDENTITY", inv->identity },
        { "FAAS_CONTENT_TYPE", inv->content_type },
        { "_X_AMZN_TRACE_ID", inv->trace_id }
    };

    (void) snprintf(deadline, sizeof(deadline), "%lld",
                    (long long) inv->deadline_ms);

    size = 0;

    for (i = 0; i < BASH_NAMES; i++) {
        size += strlen(vars[i][0]) + strlen(vars[i][1]) + 2;
    }

    for (n = 0; environ[n] != NULL; n++) { /* void */ }

    envp = calloc(n + BASH_NAMES + 1, sizeof(char *));
    p = malloc(size);
    *text = p;

    if (envp == NULL || p == NULL) {
        free(envp);
        free(p);
        return NULL;
    }

    memcpy(envp, environ, n * sizeof(char *));

    for (i = 0; i < BASH_NAMES; i++) {
        if (*vars[i][1] != '\0') {
            envp[n++] = p;
            p += sprintf(p, "%s=%s", vars[i][0], vars[i][1]) + 1;
        }
    }

    return envp;
}


static int
bash_spawn(const bash_function_t *fn, char *mode, char **envp,
    const bash_files_t *files, int verdict, pid_t *pid)
{
    int                          rc;
    char                        *argv[6];
    posix_spawn_file_actions_t   actions;

    argv[0] = BASH_PATH;
    argv[1] = fn->script;
    argv[2] = mode;
    argv[3] = fn->file;
    argv[4] = fn->name;
    argv[5] = NULL;

    if (posix_spawn_file_actions_init(&actions) != 0) {
        return -1;
    }

    (void) posix_spawn_file_actions_adddup2(&actions, files->in, 0);
    (void) posix_spawn_file_actions_adddup2(&actions, files->out[1], 1);
    (void) posix_spawn_file_actions_adddup2(&actions, files->err[1], 2);

    if (verdict != -1) {
        (void) posix_spawn_file_actions_adddup2(&actions, verdict, 3);
    }

    rc = posix_spawn(pid, BASH_PATH, &actions, NULL, argv, envp);

    (void) posix_spawn_file_actions_destroy(&actions);

    errno = rc;

    return rc == 0 ? 0 : -1;
}


/* What it printed; 0 when there is no more for now, 1 when there may be. */

static int
bash_take_out(const bash_function_t *fn, int fd, bash_result_t *r)
{
    char     *p;
    size_t    size;
    ssize_t   n;

    if (r->size - r->len < BASH_READ) {
        size = 2 * r->size + BASH_READ;
        p = realloc(r->out, size);

        if (p == NULL) {
            r->too_large = 1;
            return 0;
        }

        r->out = p;
        r->size = size;
    }

    n = read(fd, r->out + r->len, BASH_READ);

    if (n <= 0) {
        return 0;
    }

    r->len += (size_t) n;

    if (r->len > fn->max) {
        r->too_large = 1;
        return 0;
    }

    return 1;
}


static int
bash_take_err(int fd, bash_result_t *r)
{
    char     text[BASH_READ];
    ssize_t  n;

    n = read(fd, text, sizeof(text));

    if (n <= 0) {
        return 0;
    }

    faas_log(text, (size_t) n);
    bash_last_line(text, (size_t) n, r);

    return 1;
}


/* Keeps the last line that is not empty, for the message of an error. */

static void
bash_last_line(const char *p, size_t n, bash_result_t *r)
{
    size_t       len;
    const char  *end, *line;

    end = p + n;

    while (end > p && end[-1] == '\n') {
        end--;
    }

    for (line = end; line > p && line[-1] != '\n'; line--) { /* void */ }

    len = (size_t) (end - line);

    if (len > 0) {
        r->last_len = len < BASH_LAST ? len : BASH_LAST;
        memcpy(r->last, line, r->last_len);
    }
}


static void
bash_close(bash_files_t *files)
{
    (void) close(files->in);
    (void) close(files->out[0]);
    (void) close(files->err[0]);
}


/*
 * Whatever an invocation has started.  The first process of a sandbox may kill
 * all others there; elsewhere orphans are children of ours, and the supervisor
 * knows the process group, which they do not leave by default.
 */

static void
bash_end_all(void)
{
    int      i, fd;
    char     text[4096], *p;
    long     pid;
    ssize_t  n;

    if (getpid() == 1) {
        (void) kill(-1, SIGKILL);
    }

    for (i = 0; i < BASH_ROUNDS && getpid() != 1; i++) {
        fd = open("/proc/thread-self/children", O_RDONLY|O_CLOEXEC);
        n = (fd == -1) ? 0 : read(fd, text, sizeof(text) - 1);
        (void) close(fd);

        if (n <= 0) {
            return;
        }

        text[n] = '\0';

        for (p = text; (pid = strtol(p, &p, 10)) > 0; /* void */ ) {
            (void) kill((pid_t) pid, SIGKILL);
            (void) waitpid((pid_t) pid, NULL, 0);
        }
    }

    while (waitpid(-1, NULL, WNOHANG) > 0) { /* void */ }
}


/*
 * Until the shell has ended.  What it has started may still have its pipes: it
 * is killed, and what is in the pipes then is all.
 */

static int
bash_watch(const bash_function_t *fn, bash_files_t *files, pid_t pid,
    bash_result_t *r)
{
    int            i, more;
    struct pollfd  pfd[3];

    pfd[0].fd = files->out[0];
    pfd[1].fd = files->err[0];
    pfd[2].fd = (int) syscall(SYS_pidfd_open, pid, 0);

    if (pfd[2].fd == -1) {
        return -1;
    }

    for (i = 0; i < 3; i++) {
        pfd[i].events = POLLIN;
    }

    do {
        if (poll(pfd, 3, -1) == -1 && errno != EINTR) {
            break;
        }

        if (pfd[0].revents && !bash_take_out(fn, pfd[0].fd, r)) {
            /* at its end, or too much */
            pfd[0].fd = -1;
        }

        if (pfd[1].revents && !bash_take_err(pfd[1].fd, r)) {
            pfd[1].fd = -1;
        }

    } while (!r->too_large && !(pfd[2].revents & POLLIN));

    if (r->too_large) {
        (void) kill(pid, SIGKILL);
    }

    while (waitpid(pid, &r->status, 0) == -1 && errno == EINTR) { /* void */ }

    bash_end_all();

    do {
        more = !r->too_large && bash_take_out(fn, files->out[0], r);
        more |= bash_take_err(files->err[0], r);
    } while (more);

    (void) close(pfd[2].fd);

    return 0;
}


int
bash_run(const bash_function_t *fn, const faas_invocation_t *inv,
    bash_result_t *r)
{
    int            rc, err;
    char         **envp, *text;
    pid_t          pid;
    bash_files_t   files;

    r->len = r->last_len = 0;
    r->too_large = 0;
    r->status = 0;

    envp = bash_variables(inv, &text);
    files.in = bash_event(inv);

    if (envp == NULL || files.in == -1
        || pipe2(files.out, O_CLOEXEC) == -1
        || pipe2(files.err, O_CLOEXEC) == -1)
    {
        return -1;
    }

    rc = bash_spawn(fn, "run", envp, &files, -1, &pid);
    err = errno;

    (void) close(files.out[1]);
    (void) close(files.err[1]);

    if (rc == 0) {
        (void) fcntl(files.out[0], F_SETFL, O_NONBLOCK);
        (void) fcntl(files.err[0], F_SETFL, O_NONBLOCK);
        rc = bash_watch(fn, &files, pid, r);
    }

    bash_close(&files);
    free(envp);
    free(text);
    errno = err;

    return rc;
}


int
bash_check(const bash_function_t *fn, char *verdict, size_t size, int *status)
{
    int            rc, pipes[2];
    pid_t          pid;
    ssize_t        n;
    bash_files_t   files;

    if (pipe2(pipes, O_CLOEXEC) == -1) {
        return -1;
    }

    files.in = 0;
    files.out[1] = 1;
    files.err[1] = 2;

    rc = bash_spawn(fn, "check", environ, &files, pipes[1], &pid);
    (void) close(pipes[1]);

    while (rc == 0 && waitpid(pid, status, 0) == -1 && errno == EINTR) {
        /* void */
    }

    n = 0;

    /* what the file has started may keep the pipe open */

    if (rc == 0) {
        bash_end_all();
        (void) fcntl(pipes[0], F_SETFL, O_NONBLOCK);
        n = read(pipes[0], verdict, size - 1);
    }

    verdict[n > 0 ? n : 0] = '\0';
    (void) close(pipes[0]);

    return rc;
}
