/*
 * Connections of an environment: accepting, waiting, and reading requests.
 *
 * Runs in environments, in the one thread that calls faas_next(); takes no
 * locks.
 *
 * The hot path of a small request is one poll() and one recv(); nothing is
 * allocated and nothing copied, as content of records stays where it was
 * received.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "faas_env_core.h"
#include "faas_fcgi.h"


static int faas_conn_wait(void);
static int faas_conn_settle(sigset_t *mask);
static void faas_conn_parse_more(void);
static void faas_conn_poll_results(int n);
static void faas_conn_accept(void);
static void faas_conn_read(faas_conn_t *c);
static void faas_conn_parse(faas_conn_t *c);
static int faas_conn_record(faas_conn_t *c);
static int faas_conn_begin(faas_conn_t *c, faas_fcgi_head_t *h);
static int faas_conn_stream(faas_conn_t *c, faas_fcgi_head_t *h,
    size_t *first, size_t *last, faas_conn_stage_e next);
static int faas_conn_room(faas_conn_t *c);
static void faas_conn_close(faas_conn_t *c);


static const struct timespec  faas_conn_no_time;


int
faas_env_listen(void)
{
    int  fd, flags, null;

    /*
     * A child of the function must not find the listening socket as its
     * standard input.
     */

    fd = fcntl(FAAS_ENV_LISTEN, F_DUPFD_CLOEXEC, FAAS_ENV_CONTROL + 1);

    if (fd == -1) {
        return FAAS_ENV_ERROR;
    }

    null = open("/dev/null", O_RDONLY|O_CLOEXEC);

    if (null != -1) {
        (void) dup2(null, FAAS_ENV_LISTEN);
        (void) close(null);

    } else {
        (void) close(FAAS_ENV_LISTEN);
    }

    flags = fcntl(fd, F_GETFL);

    if (flags == -1 || fcntl(fd, F_SETFL, flags | O_NONBLOCK) == -1) {
        return FAAS_ENV_ERROR;
    }

    faas_env.listen = fd;
    faas_env.poll[0].fd = fd;
    faas_env.poll[0].events = POLLIN;

    return FAAS_ENV_OK;
}


int
faas_next(faas_invocation_t *inv)
{
    int           rc;
    faas_conn_t  *c;

    if (faas_env.pid == 0 || *faas_env.own == 0) {
        errno = EPERM;
        return FAAS_ENV_ERROR;
    }

    if (faas_env.current != NULL) {
        errno = EBUSY;
        return FAAS_ENV_ERROR;
    }

    for ( ;; ) {

        while (faas_env.ready_len) {
            c = faas_env.ready[faas_env.ready_head];
            faas_env.ready_head = (faas_env.ready_head + 1) % FAAS_ENV_CONNS;
            faas_env.ready_len--;

            if (faas_request_take(c, inv) == FAAS_ENV_OK) {
                return FAAS_ENV_OK;
            }

            faas_conn_close(c);
        }

        if (faas_env.shutdown) {
            return FAAS_ENV_SHUTDOWN;
        }

        rc = faas_conn_wait();

        if (rc != FAAS_ENV_OK) {
            return rc;
        }
    }
}


/*
 * Sleeps until something can be read and reads it.  All that can be read is
 * read before any of it is served, so no connection is preferred.
 */

static int
faas_conn_wait(void)
{
    int       n, err, sleeps;
    sigset_t  mask;

    sleeps = (faas_env.n_more == 0);

    if (sleeps && faas_conn_settle(&mask) != FAAS_ENV_OK) {
        return FAAS_ENV_ERROR;
    }

    faas_env.poll[0].fd = (faas_env.n_conns < FAAS_ENV_CONNS)
                          ? faas_env.listen : -1;
    faas_env.poll[1].fd = faas_env.control;
    faas_env.poll[1].events = POLLIN;

    if (sleeps && faas_env.leave) {
        faas_env.leave();
    }

    /* SIGTERM ends the process here, elsewhere after the invocation */

    faas_env.waiting = 1;

    n = ppoll(faas_env.poll, faas_env.n_conns + 2,
              (sleeps && !faas_env.shutdown) ? faas_env.nap
                                             : &faas_conn_no_time,
              (sleeps && faas_env.settle) ? &mask : NULL);
    err = errno;

    faas_env.waiting = 0;

    if (sleeps && faas_env.settle) {
        (void) pthread_sigmask(SIG_SETMASK, &mask, NULL);
    }

    faas_env.nap = (n == 0) ? NULL : faas_env.nap;

    if (sleeps && faas_env.enter
        && faas_env.enter(n == 0 || (n == -1 && err == EINTR)) == -1)
    {
        errno = EINTR;
        return FAAS_ENV_ERROR;
    }

    if (n == -1) {
        errno = err;
        return (err == EINTR) ? FAAS_ENV_OK : FAAS_ENV_ERROR;
    }

    faas_conn_parse_more();
    faas_conn_poll_results(n);

    return FAAS_ENV_OK;
}


/* What came with an earlier request, oldest connection first. */

static void
faas_conn_parse_more(void)
{
    unsigned  i;

    for (i = 0; faas_env.n_more && i < faas_env.n_conns; i++) {
        if (faas_env.conns[i]->more) {
            faas_env.conns[i]->more = 0;
            faas_env.n_more--;
            faas_conn_parse(faas_env.conns[i]);
        }
    }
}


/*
 * A language whose handlers run some time after the signal, as Python's, would
 * sleep over one that comes just before it sleeps.  So signals are blocked
 * until the kernel sleeps, and those that came before are handled here.
 */

static int
faas_conn_settle(sigset_t *mask)
{
    sigset_t  all;

    if (faas_env.settle == NULL) {
        return FAAS_ENV_OK;
    }

    /* not those below if it can be helped: what they start has their mask */

    if (faas_env.settle() != 0) {
        errno = EINTR;
        return FAAS_ENV_ERROR;
    }

    (void) sigfillset(&all);
    (void) pthread_sigmask(SIG_SETMASK, &all, mask);

    if (faas_env.settle() == 0) {
        return FAAS_ENV_OK;
    }

    (void) pthread_sigmask(SIG_SETMASK, mask, NULL);

    errno = EINTR;

    return FAAS_ENV_ERROR;
}


/* Backwards, because closing a connection moves the last one to its place. */

static void
faas_conn_poll_results(int n)
{
    unsigned  i;

    for (i = faas_env.n_conns; n > 0 && i > 0; i--) {
        if (faas_env.poll[i + 1].revents) {
            faas_env.poll[i + 1].revents = 0;
            n--;
            faas_conn_read(faas_env.conns[i - 1]);
        }
    }

    if (n > 0 && faas_env.poll[0].revents) {
        n--;
        faas_conn_accept();
    }

    if (n > 0 && faas_env.poll[1].revents) {
        (void) faas_env_control();
    }
}


static void
faas_conn_accept(void)
{
    int             fd;
    unsigned        i;
    faas_conn_t    *c;
    unsigned char  *buf;

    fd = accept4(faas_env.listen, NULL, NULL, SOCK_CLOEXEC);

    if (fd == -1) {
        return;
    }

    c = calloc(1, sizeof(faas_conn_t));
    buf = malloc(FAAS_ENV_CONN_BUF);

    if (c == NULL || buf == NULL) {
        free(c);
        free(buf);
        (void) close(fd);
        return;
    }

    c->fd = fd;
    c->buf = buf;
    c->size = FAAS_ENV_CONN_BUF;

    i = faas_env.n_conns++;

    faas_env.conns[i] = c;
    faas_env.poll[i + 2].fd = fd;
    faas_env.poll[i + 2].events = POLLIN;
    faas_env.poll[i + 2].revents = 0;

    /* a worker sends as soon as it has connected */
    faas_conn_read(c);
}


static void
faas_conn_read(faas_conn_t *c)
{
    ssize_t  n;

    if (c->stage == FAAS_CONN_COMPLETE) {

        /* has its turn before the next poll(), which will tell again */
        return;
    }

    if (faas_conn_room(c) == FAAS_ENV_ERROR) {
        faas_conn_close(c);
        return;
    }

    n = recv(c->fd, c->buf + c->len, c->size - c->len, MSG_DONTWAIT);

    if (n > 0) {
        c->len += n;
        faas_conn_parse(c);
        return;
    }

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    faas_conn_close(c);
}


static void
faas_conn_parse(faas_conn_t *c)
{
    int  rc;

    do {
        rc = faas_conn_record(c);

        if (rc == FAAS_ENV_ERROR) {
            faas_conn_close(c);
            return;
        }

    } while (rc == FAAS_ENV_OK && c->stage != FAAS_CONN_COMPLETE);

    if (c->stage == FAAS_CONN_COMPLETE) {
        faas_env.ready[(faas_env.ready_head + faas_env.ready_len)
                       % FAAS_ENV_CONNS] = c;
        faas_env.ready_len++;
    }
}


/* Takes one whole record; FAAS_ENV_SHUTDOWN stands for "not here yet". */

static int
faas_conn_record(faas_conn_t *c)
{
    size_t            total;
    faas_fcgi_head_t  h;

    if (c->len - c->pos < FAAS_FCGI_HEAD_LEN) {
        return FAAS_ENV_SHUTDOWN;
    }

    if (faas_fcgi_get_head(c->buf + c->pos, &h) != 0) {
        return FAAS_ENV_ERROR;
    }

    total = FAAS_FCGI_HEAD_LEN + h.length + h.padding;

    if (c->len - c->pos < total) {
        return FAAS_ENV_SHUTDOWN;
    }

    c->pos += FAAS_FCGI_HEAD_LEN;

    if (c->stage == FAAS_CONN_BEGIN) {
        if (faas_conn_begin(c, &h) == FAAS_ENV_ERROR) {
            return FAAS_ENV_ERROR;
        }

    } else if (h.request_id != c->id) {
        return FAAS_ENV_ERROR;

    } else if (c->stage == FAAS_CONN_PARAMS && h.type == FAAS_FCGI_PARAMS) {
        if (faas_conn_stream(c, &h, &c->params, &c->params_end,
                             FAAS_CONN_STDIN)
            == FAAS_ENV_ERROR)
        {
            return FAAS_ENV_ERROR;
        }

    } else if (c->stage == FAAS_CONN_STDIN && h.type == FAAS_FCGI_STDIN) {
        if (faas_conn_stream(c, &h, &c->event, &c->event_end,
                             FAAS_CONN_COMPLETE)
            == FAAS_ENV_ERROR)
        {
            return FAAS_ENV_ERROR;
        }

    } else {

        /* ABORT_REQUEST too: closing is how the worker gives up */
        return FAAS_ENV_ERROR;
    }

    c->pos += h.length + h.padding;

    return FAAS_ENV_OK;
}


static int
faas_conn_begin(faas_conn_t *c, faas_fcgi_head_t *h)
{
    unsigned char  *body;

    if (h->type != FAAS_FCGI_BEGIN_REQUEST
        || h->length != FAAS_FCGI_BODY_LEN || h->request_id == 0)
    {
        return FAAS_ENV_ERROR;
    }

    body = c->buf + c->pos;

    if (body[0] != 0 || body[1] != FAAS_FCGI_RESPONDER) {
        return FAAS_ENV_ERROR;
    }

    c->id = h->request_id;
    c->keep = body[2] & FAAS_FCGI_KEEP_CONN;
    c->stage = FAAS_CONN_PARAMS;
    c->params = c->params_end = 0;
    c->event = c->event_end = 0;

    return FAAS_ENV_OK;
}


/*
 * Content of a stream: the first record's stays where it is, that of later
 * ones moves down to it.
 */

static int
faas_conn_stream(faas_conn_t *c, faas_fcgi_head_t *h, size_t *first,
    size_t *last, faas_conn_stage_e next)
{
    if (*first == 0) {

        /* an empty stream gets a place that is surely read: the head's */
        *first = *last = (h->length) ? c->pos : c->pos - FAAS_FCGI_HEAD_LEN;
    }

    if (h->length == 0) {

        /* the head just read is behind the stream and no longer needed */
        c->buf[*last] = '\0';
        c->stage = next;

        return FAAS_ENV_OK;
    }

    if (*last - *first + h->length > faas_env.limit) {
        return FAAS_ENV_ERROR;
    }

    if (*last != c->pos) {
        memmove(c->buf + *last, c->buf + c->pos, h->length);
    }

    *last += h->length;

    return FAAS_ENV_OK;
}


/*
 * Makes room to receive.  What is unread moves down when records' heads have
 * left a large gap; otherwise the buffer doubles.
 */

static int
faas_conn_room(faas_conn_t *c)
{
    size_t          used, gap;
    unsigned char  *buf;

    if (c->size - c->len >= FAAS_ENV_CONN_BUF / 4) {
        return FAAS_ENV_OK;
    }

    used = (c->event) ? c->event_end : (c->params) ? c->params_end : c->pos;
    gap = c->pos - used;

    if (gap >= c->size / 2) {
        memmove(c->buf + used, c->buf + c->pos, c->len - c->pos);
        c->pos = used;
        c->len -= gap;
        return FAAS_ENV_OK;
    }

    buf = realloc(c->buf, c->size * 2);

    if (buf == NULL) {
        return (c->size > c->len) ? FAAS_ENV_OK : FAAS_ENV_ERROR;
    }

    c->buf = buf;
    c->size *= 2;

    return FAAS_ENV_OK;
}


/* The request of C was answered, or its peer has gone. */

void
faas_conn_done(faas_conn_t *c)
{
    size_t          left;
    unsigned char  *buf;

    if (faas_env.broken || !c->keep) {
        faas_env.broken = 0;
        faas_conn_close(c);
        return;
    }

    left = c->len - c->pos;

    if (left) {
        memmove(c->buf, c->buf + c->pos, left);
        c->more = 1;
        faas_env.n_more++;
    }

    c->len = left;
    c->pos = 0;
    c->stage = FAAS_CONN_BEGIN;

    if (c->size > FAAS_ENV_CONN_KEEP && left <= FAAS_ENV_CONN_BUF / 2) {
        buf = realloc(c->buf, FAAS_ENV_CONN_BUF);

        if (buf != NULL) {
            c->buf = buf;
            c->size = FAAS_ENV_CONN_BUF;
        }
    }
}


static void
faas_conn_close(faas_conn_t *c)
{
    unsigned  i;

    for (i = 0; faas_env.conns[i] != c; i++) { /* void */ }

    faas_env.n_conns--;
    faas_env.conns[i] = faas_env.conns[faas_env.n_conns];
    faas_env.poll[i + 2] = faas_env.poll[faas_env.n_conns + 2];

    if (c->more) {
        faas_env.n_more--;
    }

    (void) close(c->fd);
    free(c->buf);
    free(c);
}


/* In a process that the function forked: these are the parent's. */

void
faas_conn_forget_all(void)
{
    unsigned  i;

    for (i = 0; i < faas_env.n_conns; i++) {
        (void) close(faas_env.conns[i]->fd);
    }

    (void) close(faas_env.listen);

    if (faas_env.control != -1) {
        (void) close(faas_env.control);
    }
}
