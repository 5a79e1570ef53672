/*
 * What an environment says to the worker: answers and log text.
 *
 * Runs in environments.  Takes faas_env.lock, because any thread may log and
 * a thread of ours sends text that no answer follows soon.
 *
 * Log text waits in "out" for the answer, so that a short invocation costs
 * one send().  out holds a record's head and log_len bytes of text behind it.
 */

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "faas_env_core.h"
#include "faas_fcgi.h"


#define FAAS_ENV_RECORD       65528       /* content; a multiple of 8 */
#define FAAS_ENV_BATCH        32          /* records of one sendmsg() */
#define FAAS_ENV_TAIL         (2 * FAAS_FCGI_HEAD_LEN + FAAS_FCGI_BODY_LEN)
#define FAAS_ENV_LARGE        32768       /* may block: leave the language */
#define FAAS_ENV_TICK_MS      10
#define FAAS_ENV_TICKS        100         /* without text, then it parks */


static int faas_answer(const void *data, size_t len, uint32_t status);
static void faas_answer_small(const void *data, size_t len, uint32_t status);
static unsigned char *faas_answer_tail(unsigned char *p, uint32_t status);
static void faas_log_raw(const void *text, size_t len);
static void faas_log_flusher(void);
static void *faas_log_thread(void *data);


int
faas_respond(const void *data, size_t len)
{
    return faas_answer(data, len, 0);
}


int
faas_respond_error(const void *json, size_t len)
{
    return faas_answer(json, len, 1);
}


static int
faas_answer(const void *data, size_t len, uint32_t status)
{
    int  leaves;

    leaves = (len >= FAAS_ENV_LARGE && faas_env.leave != NULL);

    if (leaves) {
        faas_env.leave();
    }

    (void) pthread_mutex_lock(&faas_env.lock);

    if (faas_env.current == NULL || faas_env.streaming) {
        errno = faas_env.current ? EBUSY : EPERM;
        (void) pthread_mutex_unlock(&faas_env.lock);

        if (leaves) {
            (void) faas_env.enter(0);
        }

        return FAAS_ENV_ERROR;
    }

    if (len + FAAS_FCGI_HEAD_LEN + FAAS_ENV_TAIL
        <= FAAS_ENV_OUT - FAAS_FCGI_HEAD_LEN - faas_env.log_len)
    {
        faas_answer_small(data, len, status);
        faas_conn_done(faas_env.current);
        faas_env.current = NULL;

    } else {
        faas_log_send();
        faas_answer_records(FAAS_FCGI_STDOUT, data, len);
        faas_answer_finish(status);
    }

    (void) pthread_mutex_unlock(&faas_env.lock);

    if (leaves) {
        (void) faas_env.enter(0);
    }

    return FAAS_ENV_OK;
}


/* All records of the answer but the last ones are sent. */

void
faas_answer_finish(uint32_t status)
{
    struct iovec   iov;
    unsigned char  tail[FAAS_ENV_TAIL];

    iov.iov_base = tail;
    iov.iov_len = faas_answer_tail(tail, status) - tail;
    faas_answer_send(&iov, 1);

    faas_conn_done(faas_env.current);
    faas_env.current = NULL;
    faas_env.streaming = 0;
}


/* Log, result and end of request in one piece. */

static void
faas_answer_small(const void *data, size_t len, uint32_t status)
{
    struct iovec    iov;
    unsigned char  *p;

    p = faas_env.out + faas_log_pending();

    if (len) {
        p = faas_fcgi_put_head(p, FAAS_FCGI_STDOUT, faas_env.current->id,
                               len, 0);
        memcpy(p, data, len);
        p += len;
    }

    p = faas_answer_tail(p, status);

    iov.iov_base = faas_env.out;
    iov.iov_len = p - faas_env.out;
    faas_answer_send(&iov, 1);
}


/* The end of STDOUT and of the request. */

static unsigned char *
faas_answer_tail(unsigned char *p, uint32_t status)
{
    p = faas_fcgi_put_head(p, FAAS_FCGI_STDOUT, faas_env.current->id, 0, 0);

    return faas_fcgi_put_end(p, faas_env.current->id, status,
                             FAAS_FCGI_REQUEST_COMPLETE);
}


void
faas_answer_records(uint8_t type, const void *data, size_t len)
{
    size_t          n, size;
    const char     *p;
    struct iovec    iov[2 * FAAS_ENV_BATCH];
    unsigned char   heads[FAAS_ENV_BATCH][FAAS_FCGI_HEAD_LEN];

    p = data;

    while (len) {

        for (n = 0; n < FAAS_ENV_BATCH && len; n++) {
            size = (len < FAAS_ENV_RECORD) ? len : FAAS_ENV_RECORD;

            (void) faas_fcgi_put_head(heads[n], type, faas_env.current->id,
                                      size, 0);

            iov[2 * n].iov_base = heads[n];
            iov[2 * n].iov_len = FAAS_FCGI_HEAD_LEN;
            iov[2 * n + 1].iov_base = (void *) p;
            iov[2 * n + 1].iov_len = size;

            p += size;
            len -= size;
        }

        faas_answer_send(iov, 2 * n);
    }
}


/*
 * Sends all of it, sleeping as long as the worker does not read.  After a
 * failure the rest of the answer goes nowhere: the peer has gone.
 */

void
faas_answer_send(struct iovec *iov, size_t n)
{
    ssize_t        sent;
    struct msghdr  msg;
    struct pollfd  pfd;

    memset(&msg, 0, sizeof(struct msghdr));
    msg.msg_iov = iov;
    msg.msg_iovlen = n;

    while (!faas_env.broken && msg.msg_iovlen) {

        /* one piece, as small answers are, costs the kernel less so */

        sent = (msg.msg_iovlen == 1)
               ? send(faas_env.current->fd, msg.msg_iov->iov_base,
                      msg.msg_iov->iov_len, MSG_NOSIGNAL)
               : sendmsg(faas_env.current->fd, &msg, MSG_NOSIGNAL);

        if (sent == -1) {

            if (errno == EAGAIN) {
                pfd.fd = faas_env.current->fd;
                pfd.events = POLLOUT;
                (void) poll(&pfd, 1, -1);

            } else if (errno != EINTR) {
                faas_env.broken = 1;
            }

            continue;
        }

        while (msg.msg_iovlen && (size_t) sent >= msg.msg_iov->iov_len) {
            sent -= msg.msg_iov->iov_len;
            msg.msg_iov++;
            msg.msg_iovlen--;
        }

        if (msg.msg_iovlen) {
            msg.msg_iov->iov_base = (char *) msg.msg_iov->iov_base + sent;
            msg.msg_iov->iov_len -= sent;
        }
    }
}


void
faas_log(const void *text, size_t len)
{
    if (len == 0) {
        return;
    }

    (void) pthread_mutex_lock(&faas_env.lock);

    if (faas_env.current == NULL) {
        (void) pthread_mutex_unlock(&faas_env.lock);
        faas_log_raw(text, len);
        return;
    }

    if (faas_env.log_len + len > FAAS_ENV_LOG_MAX) {
        faas_log_send();
    }

    if (len > FAAS_ENV_LOG_MAX) {
        faas_answer_records(FAAS_FCGI_STDERR, text, len);

    } else {
        memcpy(faas_env.out + FAAS_FCGI_HEAD_LEN + faas_env.log_len, text,
               len);

        if (faas_env.log_len == 0) {
            faas_env.log_serial++;
            faas_log_flusher();
        }

        faas_env.log_len += len;
    }

    (void) pthread_mutex_unlock(&faas_env.lock);
}


void
faas_log_flush(void)
{
    (void) pthread_mutex_lock(&faas_env.lock);

    if (faas_env.current) {
        faas_log_send();
    }

    (void) pthread_mutex_unlock(&faas_env.lock);
}


/* Makes a record of the text in "out"; its length with the head, or 0. */

size_t
faas_log_pending(void)
{
    size_t  len;

    len = faas_env.log_len;

    if (len == 0) {
        return 0;
    }

    (void) faas_fcgi_put_head(faas_env.out, FAAS_FCGI_STDERR,
                              faas_env.current->id, len, 0);
    faas_env.log_len = 0;

    return FAAS_FCGI_HEAD_LEN + len;
}


void
faas_log_send(void)
{
    struct iovec  iov;

    iov.iov_base = faas_env.out;
    iov.iov_len = faas_log_pending();

    if (iov.iov_len) {
        faas_answer_send(&iov, 1);
    }
}


static void
faas_log_raw(const void *text, size_t len)
{
    ssize_t      n;
    const char  *p;

    for (p = text; len; /* void */ ) {
        n = write(STDERR_FILENO, p, len);

        if (n >= 0) {
            p += n;
            len -= n;

        } else if (errno != EINTR) {
            return;
        }
    }
}


/*
 * Text must not wait for an answer that takes long or never comes, as that is
 * when it matters.  A thread looks every few milliseconds while there is
 * text now and then, and sleeps for good when there is none, so that an idle
 * environment does not wake up.
 */

static void
faas_log_flusher(void)
{
    sigset_t        all, old;
    pthread_t       thread;
    pthread_attr_t  attr;

    if (faas_env.flusher) {

        if (faas_env.parked) {
            faas_env.parked = 0;
            (void) pthread_cond_signal(&faas_env.wake);
        }

        return;
    }

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, &old);
    (void) pthread_attr_init(&attr);
    (void) pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    (void) pthread_attr_setstacksize(&attr, 65536);

    faas_env.parked = 0;
    faas_env.flusher = (pthread_create(&thread, &attr, faas_log_thread, NULL)
                        == 0);

    (void) pthread_attr_destroy(&attr);
    (void) pthread_sigmask(SIG_SETMASK, &old, NULL);
}


static void *
faas_log_thread(void *data)
{
    uint64_t         seen;
    unsigned         ticks;
    struct timespec  ts;

    ts.tv_sec = 0;
    ts.tv_nsec = FAAS_ENV_TICK_MS * 1000000;

    (void) pthread_mutex_lock(&faas_env.lock);

    for (seen = 0, ticks = 0; /* void */ ; /* void */ ) {

        if (faas_env.log_serial != seen) {
            seen = faas_env.log_serial;
            ticks = 0;

        } else if (faas_env.current && faas_env.log_len) {
            faas_log_send();

        } else if (++ticks > FAAS_ENV_TICKS) {
            faas_env.parked = 1;

            while (faas_env.parked) {
                (void) pthread_cond_wait(&faas_env.wake, &faas_env.lock);
            }

            ticks = 0;
        }

        (void) pthread_mutex_unlock(&faas_env.lock);
        (void) nanosleep(&ts, NULL);
        (void) pthread_mutex_lock(&faas_env.lock);
    }

    return data;
}
