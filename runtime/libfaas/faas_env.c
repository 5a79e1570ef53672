/*
 * An environment's life outside its invocations: descriptors, signals, and
 * the frames to and from the supervisor.
 *
 * Runs in environments, in the thread that calls faas_next(); takes
 * faas_env.lock around fork() only.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faas_env_core.h"
#include "faas_proto.h"


static int faas_env_start(void);
static int faas_env_mark(void);
static int faas_env_signals(void);
static void faas_env_sigterm(int signo);
static void faas_env_fork_prepare(void);
static void faas_env_fork_parent(void);
static void faas_env_fork_child(void);
static int faas_env_frame(char type, const void *payload, size_t len);
static void faas_env_control_lost(void);
static int faas_env_control_frames(void);
static size_t faas_env_number(const char *json, const char *key);


faas_env_state_t  faas_env = {
    .listen = -1,
    .control = -1,
    .epoll = -1,
    .limit = FAAS_ENV_REQUEST_MAX,
    .version = "native",
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .wake = PTHREAD_COND_INITIALIZER
};


void
faas_env_version(const char *text)
{
    size_t  len;

    len = strnlen(text, sizeof(faas_env.version) - 1);

    memcpy(faas_env.version, text, len);
    faas_env.version[len] = '\0';
}


int
faas_env_init(char **json, size_t *len)
{
    size_t         max;
    struct pollfd  pfd;

    if (!(faas_env.tells_next && faas_env.in)
        && (faas_env_start() == FAAS_ENV_ERROR
            || faas_env_frame(FAAS_CTL_BLANK, faas_env.version,
                              strlen(faas_env.version))
               == FAAS_ENV_ERROR))
    {
        return FAAS_ENV_ERROR;
    }

    while (faas_env.init == NULL) {

        if (faas_env.shutdown || faas_env.control == -1) {
            return FAAS_ENV_SHUTDOWN;
        }

        pfd.fd = faas_env.control;
        pfd.events = POLLIN;

        faas_env.waiting = 1;
        (void) poll(&pfd, 1, -1);
        faas_env.waiting = 0;

        (void) faas_env_control();

        if (faas_env.next && faas_env.init == NULL) {
            faas_env.next = 0;

            if (faas_env.tells_next) {
                return FAAS_ENV_NEXT;
            }

            if (faas_env.warm) {
                faas_env.warm();
            }
        }
    }

    /*
     * The worker enforces the exact limit on what the client sent; in an event
     * made of it each byte may be an escape of six.
     */

    max = faas_env_number(faas_env.init, "\"requestMax\"");

    if (max) {
        faas_env.limit = max;
    }

    faas_env.limit = faas_env.limit * 6 + 1048576;

    *json = faas_env.init;
    *len = faas_env.init_len;

    return FAAS_ENV_OK;
}


int
faas_env_ready(void)
{
    return faas_env_frame(FAAS_CTL_READY, NULL, 0);
}


int
faas_env_error(const void *json, size_t len)
{
    return faas_env_frame(FAAS_CTL_ERROR, json, len);
}


int
faas_main(faas_handler_pt handler, void *data)
{
    int                rc;
    char              *json;
    size_t             len;
    faas_invocation_t  inv;

    static const char  failed[] =
        "{\"errorType\":\"Function.Unknown\","
        "\"errorMessage\":\"the handler returned an error\"}";

    rc = faas_env_init(&json, &len);

    if (rc != FAAS_ENV_OK) {
        return (rc == FAAS_ENV_SHUTDOWN) ? 0 : 1;
    }

    free(json);

    if (faas_env_ready() != FAAS_ENV_OK) {
        return 1;
    }

    for ( ;; ) {
        rc = faas_next(&inv);

        if (rc != FAAS_ENV_OK) {
            return (rc == FAAS_ENV_SHUTDOWN) ? 0 : 1;
        }

        rc = handler(&inv, data);

        if (faas_env.current == NULL) {
            continue;
        }

        if (rc != 0) {
            (void) faas_stream_fail(failed, sizeof(failed) - 1);

        } else if (faas_env.streaming) {
            (void) faas_stream_end();

        } else {
            (void) faas_respond("null", 4);
        }
    }
}


static int
faas_env_start(void)
{
    int        type;
    socklen_t  size;

    if (faas_env.pid) {
        errno = EALREADY;
        return FAAS_ENV_ERROR;
    }

    size = sizeof(int);

    /* the signal handler compares with it */
    faas_env.pid = getpid();

    if (getsockopt(FAAS_ENV_CONTROL, SOL_SOCKET, SO_TYPE, &type, &size) == -1
        || fcntl(FAAS_ENV_CONTROL, F_SETFD, FD_CLOEXEC) == -1
        || faas_env_mark() == FAAS_ENV_ERROR
        || faas_wait_start() == FAAS_ENV_ERROR
        || faas_wait_add(FAAS_ENV_CONTROL, &faas_env.control)
           == FAAS_ENV_ERROR
        || faas_env_listen() == FAAS_ENV_ERROR
        || faas_env_signals() == FAAS_ENV_ERROR)
    {
        return FAAS_ENV_ERROR;
    }

    if (pthread_atfork(faas_env_fork_prepare, faas_env_fork_parent,
                       faas_env_fork_child)
        != 0)
    {
        errno = ENOMEM;
        return FAAS_ENV_ERROR;
    }

    faas_env.in_size = FAAS_CTL_MAX + FAAS_ENV_FRAME;
    faas_env.in = malloc(faas_env.in_size);

    if (faas_env.in == NULL) {
        return FAAS_ENV_ERROR;
    }

    faas_env.control = FAAS_ENV_CONTROL;

    return FAAS_ENV_OK;
}


/*
 * A child that was made around fork() is told by a page that it finds empty:
 * that costs no system call before each invocation, as getpid() does.
 */

static int
faas_env_mark(void)
{
    void    *page;
    size_t   size;

    size = (size_t) sysconf(_SC_PAGESIZE);
    page = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_PRIVATE|MAP_ANONYMOUS,
                -1, 0);

    if (page == MAP_FAILED) {
        return FAAS_ENV_ERROR;
    }

    if (madvise(page, size, MADV_WIPEONFORK) == -1) {
        (void) munmap(page, size);
        return FAAS_ENV_ERROR;
    }

    faas_env.own = page;
    *faas_env.own = 1;

    return FAAS_ENV_OK;
}


/*
 * The first process of a pid namespace is immune to signals it has no handler
 * for, so SIGTERM needs one.
 */

static int
faas_env_signals(void)
{
    struct sigaction  sa;

    if (sigaction(SIGTERM, NULL, &sa) == -1) {
        return FAAS_ENV_ERROR;
    }

    if (sa.sa_handler != SIG_DFL) {
        return FAAS_ENV_OK;
    }

    memset(&sa, 0, sizeof(struct sigaction));
    sa.sa_handler = faas_env_sigterm;
    sa.sa_flags = SA_RESTART;
    (void) sigemptyset(&sa.sa_mask);

    return (sigaction(SIGTERM, &sa, NULL) == -1) ? FAAS_ENV_ERROR
                                                 : FAAS_ENV_OK;
}


static void
faas_env_sigterm(int signo)
{
    if (getpid() != faas_env.pid) {

        /* just forked by the function, which expects the usual */

        (void) signal(signo, SIG_DFL);
        (void) raise(signo);
        return;
    }

    faas_env.shutdown = 1;

    if (faas_env.waiting) {
        _exit(0);
    }
}


static void
faas_env_fork_prepare(void)
{
    (void) pthread_mutex_lock(&faas_env.lock);
}


static void
faas_env_fork_parent(void)
{
    (void) pthread_mutex_unlock(&faas_env.lock);
}


/* A child of the function is not the environment: see faas_log(). */

static void
faas_env_fork_child(void)
{
    struct sigaction  sa;

    faas_conn_forget_all();

    faas_env.pid = 0;
    faas_env.current = NULL;
    faas_env.streaming = 0;
    faas_env.n_conns = 0;
    faas_env.ready_len = 0;
    faas_env.control = -1;
    faas_env.log_len = 0;
    faas_env.flusher = 0;

    (void) pthread_mutex_unlock(&faas_env.lock);

    if (sigaction(SIGTERM, NULL, &sa) == 0
        && sa.sa_handler == faas_env_sigterm)
    {
        (void) signal(SIGTERM, SIG_DFL);
    }
}


/*
 * That the supervisor has gone is not an error: one that comes after it finds
 * this environment on the scoreboard.
 */

static int
faas_env_frame(char type, const void *payload, size_t len)
{
    ssize_t         n;
    size_t          sent, size;
    unsigned char  *frame;

    if (faas_env.pid == 0 || len > FAAS_CTL_MAX) {
        errno = (faas_env.pid == 0) ? EPERM : EMSGSIZE;
        return FAAS_ENV_ERROR;
    }

    size = FAAS_ENV_FRAME + len;
    frame = malloc(size);

    if (frame == NULL) {
        return FAAS_ENV_ERROR;
    }

    frame[0] = len >> 24;
    frame[1] = len >> 16;
    frame[2] = len >> 8;
    frame[3] = len;
    frame[4] = type;

    if (len) {
        memcpy(frame + FAAS_ENV_FRAME, payload, len);
    }

    for (sent = 0; sent < size && faas_env.control != -1; /* void */ ) {
        n = send(faas_env.control, frame + sent, size - sent, MSG_NOSIGNAL);

        if (n >= 0) {
            sent += n;

        } else if (errno != EINTR) {
            faas_env_control_lost();
        }
    }

    free(frame);

    return FAAS_ENV_OK;
}


static void
faas_env_control_lost(void)
{
    faas_wait_remove(faas_env.control, &faas_env.control);
    (void) close(faas_env.control);
    faas_env.control = -1;
}


/*
 * Reads what there is.  FAAS_ENV_ERROR when the supervisor has gone or sends
 * what no frame can be; both are the same to us.
 */

int
faas_env_control(void)
{
    ssize_t  n;

    for ( ;; ) {
        n = recv(faas_env.control, faas_env.in + faas_env.in_len,
                 faas_env.in_size - faas_env.in_len, MSG_DONTWAIT);

        if (n > 0) {
            faas_env.in_len += n;

            if (faas_env_control_frames() == FAAS_ENV_OK) {
                continue;
            }

        } else if (n == -1 && errno == EINTR) {
            continue;

        } else if (n == -1 && errno == EAGAIN) {
            return FAAS_ENV_OK;
        }

        faas_env_control_lost();

        return FAAS_ENV_ERROR;
    }
}


static int
faas_env_control_frames(void)
{
    size_t          len, used;
    unsigned char  *p;

    for (used = 0; faas_env.in_len - used >= FAAS_ENV_FRAME; used += len) {
        p = faas_env.in + used;

        len = (size_t) p[0] << 24 | (size_t) p[1] << 16 | (size_t) p[2] << 8
              | p[3];

        if (len > faas_env.in_size - FAAS_ENV_FRAME) {
            return FAAS_ENV_ERROR;
        }

        if (len + FAAS_ENV_FRAME > faas_env.in_len - used) {
            break;
        }

        if (p[4] == FAAS_CTL_SHUTDOWN) {
            faas_env.shutdown = 1;
            faas_env.timeout = (len != 0);

        } else if (p[4] == FAAS_CTL_WARM) {
            faas_env.next = 1;

        } else if (p[4] == FAAS_CTL_INIT && faas_env.init == NULL) {
            faas_env.init = malloc(len + 1);

            if (faas_env.init == NULL) {
                return FAAS_ENV_ERROR;
            }

            memcpy(faas_env.init, p + FAAS_ENV_FRAME, len);
            faas_env.init[len] = '\0';
            faas_env.init_len = len;
        }

        len += FAAS_ENV_FRAME;
    }

    faas_env.in_len -= used;
    memmove(faas_env.in, faas_env.in + used, faas_env.in_len);

    return FAAS_ENV_OK;
}


/*
 * The number KEY has in JSON, 0 if it has none.  A quote inside a string is
 * escaped, so KEY with its quotes matches a name only; a variable of the
 * function with that name has a string for a value.
 */

static size_t
faas_env_number(const char *json, const char *key)
{
    size_t       n;
    const char  *p;

    n = 0;

    for (p = strstr(json, key); p; p = strstr(p, key)) {
        p += strlen(key);
        p += strspn(p, " \t\r\n:");

        if (*p >= '0' && *p <= '9') {
            n = strtoull(p, NULL, 10);
        }
    }

    return n;
}
