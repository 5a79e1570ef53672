/*
 * Connections of an environment: accepting, and reading requests.
 *
 * Runs in environments, in the one thread that calls faas_next(); takes no
 * locks.
 *
 * The hot path of a small request is one look and one recv(); nothing is
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


static void faas_conn_parse(faas_conn_t *c);
static int faas_conn_record(faas_conn_t *c);
static int faas_conn_begin(faas_conn_t *c, faas_fcgi_head_t *h);
static int faas_conn_stream(faas_conn_t *c, faas_fcgi_head_t *h,
    size_t *first, size_t *last, faas_conn_stage_e next);
static int faas_conn_room(faas_conn_t *c);
static void faas_conn_close(faas_conn_t *c);


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

    return faas_wait_add(fd, &faas_env.listen);
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

        rc = faas_wait();

        if (rc != FAAS_ENV_OK) {
            return rc;
        }
    }
}


/* What came with an earlier request, oldest connection first. */

void
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


void
faas_conn_accept(void)
{
    int             fd;
    faas_conn_t    *c;
    unsigned char  *buf;

    fd = accept4(faas_env.listen, NULL, NULL, SOCK_CLOEXEC);

    if (fd == -1) {
        return;
    }

    c = calloc(1, sizeof(faas_conn_t));
    buf = malloc(FAAS_ENV_CONN_BUF);

    if (c == NULL || buf == NULL || faas_wait_add(fd, c) == FAAS_ENV_ERROR) {
        free(c);
        free(buf);
        (void) close(fd);
        return;
    }

    c->fd = fd;
    c->buf = buf;
    c->size = FAAS_ENV_CONN_BUF;

    faas_env.conns[faas_env.n_conns++] = c;

    /* no more than that are taken until one has gone */

    if (faas_env.n_conns == FAAS_ENV_CONNS) {
        faas_wait_remove(faas_env.listen, &faas_env.listen);
    }

    /* a worker sends as soon as it has connected */
    faas_conn_read(c);
}


void
faas_conn_read(faas_conn_t *c)
{
    ssize_t  n;

    if (c->stage == FAAS_CONN_COMPLETE) {

        /* has its turn before the next look, which will tell again */
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
    unsigned  keep;

    if (faas_fcgi_get_begin(h, c->buf + c->pos, &keep) == -1) {
        return FAAS_ENV_ERROR;
    }

    c->id = h->request_id;
    c->keep = keep;
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

    if (faas_env.n_conns == FAAS_ENV_CONNS) {
        (void) faas_wait_add(faas_env.listen, &faas_env.listen);
    }

    faas_env.n_conns--;
    faas_env.conns[i] = faas_env.conns[faas_env.n_conns];
    faas_wait_remove(c->fd, c);

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
    (void) close(faas_env.epoll);

    if (faas_env.control != -1) {
        (void) close(faas_env.control);
    }
}
