/*
 * The watchdog: starts the supervisor proper, starts it again when it
 * crashes, inherits and reaps the environments whose supervisor died and
 * tells the next one how they ended.
 *
 * It does nothing else, so that there is little in it that can fail.  When it
 * dies all the same, the supervisor execs itself into its place.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"


#define SUP_DOG_BACKOFF_MS   1000
#define SUP_DOG_STABLE_MS    10000
#define SUP_DOG_KEEP         1024


static struct {
    pid_t         pid;
    int           status;                /* our end of the status socket */
    int           ending;                /* a signal asked for the end */
    uint32_t      failures;
    uint64_t      started_ms;
    uint64_t      start_at_ms;
    sup_exit_t    kept[SUP_DOG_KEEP];    /* ended while no one was there */
    size_t        n_kept;
    int           deaf;                  /* status is at its end */
} dog;


/* An orphan's end goes to the supervisor, or is kept for the next one. */

static void
sup_dog_report(pid_t pid, int status)
{
    sup_exit_t  e;

    memset(&e, 0, sizeof(sup_exit_t));
    e.pid = pid;
    e.status = status;

    if (dog.status != -1
        && send(dog.status, &e, sizeof(e), MSG_DONTWAIT|MSG_NOSIGNAL)
           == (ssize_t) sizeof(e))
    {
        return;
    }

    if (dog.n_kept < SUP_DOG_KEEP) {
        dog.kept[dog.n_kept++] = e;
    }
}


/*
 * In the supervisor: the watchdog's copy of the lock is to be that of the new
 * lock file, or it is lost with us.
 */

int
sup_watchdog_lock(int fd)
{
    char             c;
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        char            buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr  align;
    } control;

    if (sup.status_fd == -1) {
        errno = ENOTCONN;
        return SUP_ERROR;
    }

    memset(&msg, 0, sizeof(struct msghdr));
    memset(&control, 0, sizeof(control));

    c = 'L';
    iov.iov_base = &c;
    iov.iov_len = 1;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.buf;
    msg.msg_controllen = sizeof(control.buf);

    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(cmsg), &fd, sizeof(int));

    return sendmsg(sup.status_fd, &msg, MSG_DONTWAIT|MSG_NOSIGNAL) == 1
           ? SUP_OK : SUP_ERROR;
}


/* The other end: 0 when nothing more will come. */

static int
sup_dog_lock(void)
{
    int              fd;
    char             c;
    ssize_t          n;
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        char            buf[CMSG_SPACE(sizeof(int))];
        struct cmsghdr  align;
    } control;

    memset(&msg, 0, sizeof(struct msghdr));

    iov.iov_base = &c;
    iov.iov_len = 1;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.buf;
    msg.msg_controllen = sizeof(control.buf);

    n = recvmsg(dog.status, &msg, MSG_DONTWAIT|MSG_CMSG_CLOEXEC);

    if (n == -1) {
        return errno == EAGAIN || errno == EINTR;
    }

    cmsg = n == 1 ? CMSG_FIRSTHDR(&msg) : NULL;

    if (cmsg != NULL && cmsg->cmsg_type == SCM_RIGHTS
        && cmsg->cmsg_len == CMSG_LEN(sizeof(int)))
    {
        memcpy(&fd, CMSG_DATA(cmsg), sizeof(int));

        if (sup.lock_fd != -1) {
            (void) dup3(fd, sup.lock_fd, O_CLOEXEC);
        }

        (void) close(fd);
    }

    return n != 0;
}


static void
sup_dog_child(char **argv, int status_fd)
{
    int       i, n;
    char      fd[16], *args[32];
    sigset_t  mask;

    n = 0;

    for (i = 0; argv[i] != NULL && n < 26; i++) {
        args[n++] = argv[i];
    }

    (void) snprintf(fd, sizeof(fd), "%d", status_fd);
    args[n++] = "--supervise";
    args[n++] = "--status-fd";
    args[n++] = fd;

    if (dog.ending) {
        args[n++] = "--drain";
    }

    args[n] = NULL;

    (void) sigemptyset(&mask);
    (void) sigprocmask(SIG_SETMASK, &mask, NULL);
    (void) fcntl(status_fd, F_SETFD, 0);
    sup_inherit(0);

    (void) execv(sup.self, args);
    sup_log(SUP_LOG_ALERT, errno, "cannot execute \"%s\"", sup.self);
    _exit(SUP_EXIT_ERROR);
}


static void
sup_dog_start(char **argv)
{
    int     fds[2];
    size_t  i, n;
    pid_t   pid;

    dog.started_ms = faas_now_ms();
    dog.start_at_ms = 0;

    if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, fds) == -1) {
        sup_log(SUP_LOG_ALERT, errno, "watchdog: socketpair() failed");
        dog.start_at_ms = dog.started_ms + SUP_DOG_BACKOFF_MS;
        return;
    }

    pid = fork();

    if (pid == 0) {
        sup_dog_child(argv, fds[1]);
    }

    (void) close(fds[1]);

    if (pid == -1) {
        sup_log(SUP_LOG_ALERT, errno, "watchdog: fork() failed");
        (void) close(fds[0]);
        dog.start_at_ms = dog.started_ms + SUP_DOG_BACKOFF_MS;
        return;
    }

    dog.pid = pid;
    dog.status = fds[0];
    dog.deaf = 0;

    n = dog.n_kept;
    dog.n_kept = 0;

    for (i = 0; i < n; i++) {
        sup_dog_report(dog.kept[i].pid, dog.kept[i].status);
    }
}


/* 1 when the watchdog has to end with this status too. */

static int
sup_dog_ended(int status)
{
    uint64_t  now, wait;

    (void) close(dog.status);
    dog.status = -1;
    dog.pid = 0;

    if (WIFEXITED(status) && WEXITSTATUS(status) == SUP_EXIT_OK) {
        return 1;
    }

    /* the signal came before there was anything to drain */

    if (dog.ending && WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM) {
        return 1;
    }

    now = faas_now_ms();
    wait = 0;

    if (WIFEXITED(status) && WEXITSTATUS(status) == SUP_EXIT_RESTART) {
        dog.failures = 0;

    } else {
        if (now - dog.started_ms > SUP_DOG_STABLE_MS) {
            dog.failures = 0;
        }

        if (dog.failures > 0) {
            wait = 10u << (dog.failures < 7 ? dog.failures : 7);
            wait = wait > SUP_DOG_BACKOFF_MS ? SUP_DOG_BACKOFF_MS : wait;
        }

        dog.failures++;

        if (WIFSIGNALED(status)) {
            sup_log(SUP_LOG_ALERT, 0, "supervisor was killed by signal %d, "
                    "starting another in %d ms", WTERMSIG(status),
                    (int) wait);

        } else {
            sup_log(SUP_LOG_ALERT, 0, "supervisor exited with code %d, "
                    "starting another in %d ms", WEXITSTATUS(status),
                    (int) wait);
        }
    }

    dog.start_at_ms = now + wait;

    return 0;
}


static int
sup_dog_reap(void)
{
    int    status, done;
    pid_t  pid;

    done = 0;

    for ( ;; ) {
        pid = waitpid(-1, &status, WNOHANG|__WALL);

        if (pid <= 0) {
            return done;
        }

        if (pid == dog.pid) {
            done |= sup_dog_ended(status);
            continue;
        }

        sup_dog_report(pid, status);
    }
}


static int
sup_dog_signal(int fd)
{
    int                      done;
    struct signalfd_siginfo  si;

    done = 0;

    while (read(fd, &si, sizeof(si)) == (ssize_t) sizeof(si)) {

        if (si.ssi_signo == SIGCHLD) {
            done |= sup_dog_reap();
            continue;
        }

        if (si.ssi_signo == SIGHUP || si.ssi_signo == SIGPIPE) {
            continue;
        }

        dog.ending = 1;

        if (dog.pid > 0) {
            (void) kill(dog.pid, SIGTERM);
        }
    }

    return done;
}


static int
sup_dog_timeout(void)
{
    uint64_t  now;

    if (dog.pid != 0) {
        return -1;
    }

    now = faas_now_ms();

    return dog.start_at_ms > now ? (int) (dog.start_at_ms - now) : 0;
}


/*
 * When we took over from a dead watchdog our own children are the
 * environments of the supervisor that we were: the next one adopts them.
 */

int
sup_watchdog(char **argv)
{
    int            fd;
    sigset_t       mask;
    struct pollfd  pfd[2];

    dog.status = -1;

    (void) sigemptyset(&mask);
    (void) sigaddset(&mask, SIGCHLD);
    (void) sigaddset(&mask, SIGTERM);
    (void) sigaddset(&mask, SIGINT);
    (void) sigaddset(&mask, SIGQUIT);
    (void) sigaddset(&mask, SIGHUP);
    (void) sigaddset(&mask, SIGPIPE);
    (void) sigprocmask(SIG_SETMASK, &mask, NULL);

    fd = signalfd(-1, &mask, SFD_CLOEXEC|SFD_NONBLOCK);

    if (fd == -1) {
        sup_log(SUP_LOG_EMERG, errno, "watchdog: signalfd() failed");
        return SUP_EXIT_ERROR;
    }

    if (prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == -1) {
        sup_log(SUP_LOG_ALERT, errno, "watchdog: cannot become a subreaper, "
                "environments are not watched after a crash");
    }

    (void) prctl(PR_SET_NAME, "faas-watchdog", 0, 0, 0);

    for ( ;; ) {
        if (dog.pid == 0 && sup_dog_timeout() == 0) {
            sup_dog_start(argv);
        }

        pfd[0].fd = fd;
        pfd[0].events = POLLIN;
        pfd[1].fd = dog.deaf ? -1 : dog.status;
        pfd[1].events = POLLIN;
        pfd[1].revents = 0;

        if (poll(pfd, 2, sup_dog_timeout()) == -1 && errno != EINTR) {
            return SUP_EXIT_ERROR;
        }

        /* before its end is seen: it may be the last it had to say */

        if (pfd[1].revents && !sup_dog_lock()) {
            dog.deaf = 1;
        }

        if (sup_dog_signal(fd)) {
            return SUP_EXIT_OK;
        }
    }
}
