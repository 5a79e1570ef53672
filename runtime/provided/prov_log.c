/*
 * What the function prints, and what it writes to the descriptor for records
 * (contract 1.8): text of the invocation that runs, or, outside of
 * invocations, of the environment.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "prov_telemetry.h"


#define PROV_LOG_READ      16384
#define PROV_LOG_READS     4          /* what a pipe holds */
#define PROV_RECORD_HEAD   16         /* type, length, time */
#define PROV_RECORD_MAX    1048576
#define PROV_RECORD_MAGIC  0xa55a0000u


/* a pipe that the function writes to */

typedef struct {
    int             fd;
    int             end;              /* that is written to */
    struct event   *ev;
    prov_buf_t      buf;              /* of records, one that is not whole */
} prov_pipe_t;


static prov_pipe_t  prov_pipes[PROV_LOG_PIPES] = {
    { .fd = -1, .end = -1 }, { .fd = -1, .end = -1 }, { .fd = -1, .end = -1 }
};


/* Outside of invocations it is the supervisor's; never at the price of time. */

static void
prov_log_outside(const char *text, size_t len)
{
    ssize_t  n;

    while (len) {
        n = write(STDERR_FILENO, text, len);

        if (n == -1) {
            return;
        }

        text += n;
        len -= n;
    }
}


static void
prov_log_text(const char *text, size_t len)
{
    if (prov.current != NULL && prov.current->fd != -1) {
        prov_work_records(prov.current, FAAS_FCGI_STDERR, text, len);

    } else {
        prov_log_outside(text, len);
    }
}


/* All records that are whole.  What is none ends the pipe. */

static int
prov_log_records(prov_pipe_t *p)
{
    char      *data;
    size_t     left;
    uint32_t   type, len;

    for ( ;; ) {
        data = p->buf.data + p->buf.pos;
        left = p->buf.len - p->buf.pos;

        if (left < PROV_RECORD_HEAD) {
            break;
        }

        memcpy(&type, data, 4);
        memcpy(&len, data + 4, 4);
        len = ntohl(len);

        if ((ntohl(type) & 0xffff0000u) != PROV_RECORD_MAGIC
            || len > PROV_RECORD_MAX)
        {
            return PROV_ERROR;
        }

        if (left < PROV_RECORD_HEAD + len) {
            break;
        }

        prov_log_text(data + PROV_RECORD_HEAD, len);
        prov_tm_text(PROV_TM_FUNCTION, data + PROV_RECORD_HEAD, len);

        if (len && data[PROV_RECORD_HEAD + len - 1] != '\n') {
            prov_log_text("\n", 1);
        }

        p->buf.pos += PROV_RECORD_HEAD + len;
    }

    if (p->buf.pos == p->buf.len) {
        prov_shrink(&p->buf);
    }

    return PROV_OK;
}


static void
prov_log_close(prov_pipe_t *p)
{
    event_free(p->ev);
    (void) close(p->fd);
    p->fd = -1;
    prov_free(&p->buf);
}


/* One read; 0 when there is no more for now. */

static int
prov_log_read(prov_pipe_t *p, int which)
{
    char     buf[PROV_LOG_READ];
    ssize_t  n;

    n = read(p->fd, buf, sizeof(buf));

    if (n == 0) {
        prov_log_close(p);
    }

    if (n <= 0) {
        return 0;
    }

    if (which != PROV_LOG_RECORDS) {
        prov_log_text(buf, n);
        prov_tm_lines(which == PROV_LOG_EXT ? PROV_TM_EXTENSION
                                            : PROV_TM_FUNCTION, buf, n);

    } else if (prov_add(&p->buf, buf, n) != PROV_OK
               || prov_log_records(p) != PROV_OK)
    {
        prov_log_close(p);
        return 0;
    }

    return (size_t) n == sizeof(buf);
}


/*
 * Takes what was printed.  Called before an answer too, so that what a
 * function prints stands before the end of its invocation.
 */

void
prov_log_drain(void)
{
    int           i;
    unsigned      n;
    prov_pipe_t  *p;

    for (i = 0; i < PROV_LOG_PIPES; i++) {
        p = &prov_pipes[i];

        for (n = 0; p->fd != -1 && n < PROV_LOG_READS; n++) {

            if (prov.current != NULL && prov.current->fd != -1
                && prov.current->out.len > PROV_OUT_MAX)
            {
                (void) event_del(p->ev);
                break;
            }

            if (!prov_log_read(p, i)) {
                break;
            }
        }
    }
}


/* The worker has read, and there is room again. */

void
prov_log_resume(void)
{
    int  i;

    for (i = 0; i < PROV_LOG_PIPES; i++) {
        if (prov_pipes[i].fd != -1) {
            (void) event_add(prov_pipes[i].ev, NULL);
        }
    }
}


static void
prov_log_readable(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;
    (void) data;

    prov_log_drain();
}


static int
prov_log_pipe(prov_pipe_t *p)
{
    int  fd[2];

    if (pipe2(fd, O_CLOEXEC) == -1) {
        return PROV_ERROR;
    }

    (void) fcntl(fd[0], F_SETFL, O_NONBLOCK);
    p->fd = fd[0];
    p->ev = prov_event(fd[0], EV_READ|EV_PERSIST, prov_log_readable, NULL);

    p->end = fd[1];

    return p->ev != NULL ? PROV_OK : PROV_ERROR;
}


/* The end of a pipe that the function's processes are to have, or -1. */

int
prov_log_end(int which)
{
    return prov_pipes[which].end;
}


/*
 * Our copies of these ends stay open: extensions print before there is a
 * runtime, and whoever ends is noticed by his process.
 */

int
prov_log_start(void)
{
    int   flags;
    char  text[16];

    /* a supervisor that does not read is not waited for */

    flags = fcntl(STDERR_FILENO, F_GETFL);

    if (prov_log_pipe(&prov_pipes[PROV_LOG_OUT]) != PROV_OK
        || prov_log_pipe(&prov_pipes[PROV_LOG_EXT]) != PROV_OK || flags == -1
        || fcntl(STDERR_FILENO, F_SETFL, flags | O_NONBLOCK) == -1)
    {
        return PROV_ERROR;
    }

    if (!prov.records) {
        return PROV_OK;
    }

    (void) snprintf(text, sizeof(text), "%d", PROV_LOG_FD);

    return prov_log_pipe(&prov_pipes[PROV_LOG_RECORDS]) == PROV_OK
           && setenv("_LAMBDA_TELEMETRY_LOG_FD", text, 1) == 0
           ? PROV_OK : PROV_ERROR;
}
