/*
 * FastCGI, the environment's side: connections of nginx's workers, one request
 * at a time on each.  Bounds of every record are checked; what is malformed
 * closes its connection and nothing else.
 *
 * Runs in the bridge's one thread; no locks.  The invocation lives in its
 * connection, which outlives the worker's end of it while the runtime has it.
 */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "prov.h"


#define PROV_RECORD  65528            /* content; a multiple of 8 */
#define PROV_TAIL    (3 * FAAS_FCGI_HEAD_LEN + FAAS_FCGI_BODY_LEN)


static struct event  *prov_accept_ev;


static void prov_work_close(prov_work_t *w);
static int prov_work_parse(prov_work_t *w);


static void
prov_work_gone(prov_work_t *w)
{
    if (w->fd != -1) {
        event_free(w->read_ev);
        event_free(w->write_ev);
        w->read_ev = w->write_ev = NULL;
        (void) close(w->fd);
        w->fd = -1;
        prov_free(&w->out);
        prov_stream_resume(w);
    }

    /* the runtime does not know, and will answer */

    if (w->state != PROV_WORK_RUNNING && w->state != PROV_WORK_ANSWERING) {
        prov_work_close(w);
    }
}


static void
prov_work_close(prov_work_t *w)
{
    prov_work_t  **p;

    if (w->state == PROV_WORK_QUEUED) {
        prov_unqueue(w);
    }

    if (prov.held == w) {
        prov.held = NULL;
    }

    for (p = &prov.works; *p != w; p = &(*p)->next) { /* void */ }

    *p = w->next;

    if (prov.n_works-- == PROV_WORKS_MAX) {
        (void) event_add(prov_accept_ev, NULL);
    }

    prov_free(&w->in);
    prov_free(&w->out);
    prov_free(&w->params);
    prov_free(&w->event);
    free(w);
}


static void
prov_work_send(prov_work_t *w, struct iovec *iov, int n)
{
    if (w->fd == -1) {
        return;
    }

    if (prov_send(w->fd, &w->out, iov, n) != PROV_OK) {
        (void) shutdown(w->fd, SHUT_RDWR);    /* the read event sees it */
        prov_free(&w->out);
        return;
    }

    if (w->out.len) {
        (void) event_add(w->write_ev, NULL);
    }
}


static void
prov_work_writable(evutil_socket_t fd, short what, void *data)
{
    prov_work_t  *w = data;

    (void) fd;
    (void) what;

    prov_work_send(w, NULL, 0);

    if (w->out.len == 0) {

        /* what is printed was not read while the worker did not read */

        prov_log_resume();
        prov_stream_resume(w);

        if (w->state == PROV_WORK_READING && !w->keep && w->id) {
            prov_work_gone(w);
        }
    }
}


#define prov_is_param(s)                                                      \
    (nlen == sizeof(s) - 1 && memcmp(name, s, sizeof(s) - 1) == 0)


static int
prov_work_params(prov_work_t *w)
{
    int                   rc;
    size_t                nlen, vlen;
    prov_text_t          *to;
    const unsigned char  *pos, *last, *name, *value;

    w->request_id.len = w->deadline.len = w->arn.len = w->trace.len = 0;
    w->client.len = w->identity.len = w->type.len = 0;

    pos = (unsigned char *) w->params.data;
    last = pos + w->params.len;

    for ( ;; ) {
        rc = pos == last ? 0 : faas_fcgi_get_param(&pos, last, &name, &nlen,
                                                   &value, &vlen);

        if (rc != 1) {
            return rc;
        }

        to = prov_is_param(FAAS_PARAM_REQUEST_ID) ? &w->request_id
             : prov_is_param(FAAS_PARAM_DEADLINE_MS) ? &w->deadline
             : prov_is_param(FAAS_PARAM_ARN) ? &w->arn
             : prov_is_param(FAAS_PARAM_TRACE_ID) ? &w->trace
             : prov_is_param(FAAS_PARAM_CLIENT) ? &w->client
             : prov_is_param(FAAS_PARAM_IDENTITY) ? &w->identity
             : prov_is_param(FAAS_PARAM_CONTENT_TYPE) ? &w->type : NULL;

        if (to != NULL) {
            to->data = (const char *) value;
            to->len = vlen;
        }
    }
}


static int
prov_work_begin(prov_work_t *w, faas_fcgi_head_t *h, const char *body)
{
    unsigned  keep;

    if (faas_fcgi_get_begin(h, (const unsigned char *) body, &keep) == -1) {
        return PROV_ERROR;
    }

    w->id = h->request_id;
    w->keep = keep;
    w->stage = FAAS_CONN_PARAMS;
    prov_shrink(&w->params);
    prov_shrink(&w->event);

    return PROV_OK;
}


/* Content of a stream; an empty record ends it. */

static int
prov_work_stream(prov_work_t *w, prov_buf_t *to, faas_fcgi_head_t *h,
    const char *body, faas_conn_stage_e next)
{
    if (h->length == 0) {
        w->stage = next;
        return PROV_OK;
    }

    if (w->params.len + w->event.len + h->length > prov.request_max) {
        return PROV_ERROR;
    }

    return prov_add(to, body, h->length);
}


static int
prov_work_record(prov_work_t *w, faas_fcgi_head_t *h, const char *body)
{
    if (w->stage == FAAS_CONN_BEGIN) {
        return prov_work_begin(w, h, body);
    }

    if (h->request_id != w->id) {
        return PROV_ERROR;
    }

    if (w->stage == FAAS_CONN_PARAMS && h->type == FAAS_FCGI_PARAMS) {
        return prov_work_stream(w, &w->params, h, body, FAAS_CONN_STDIN);
    }

    if (w->stage == FAAS_CONN_STDIN && h->type == FAAS_FCGI_STDIN) {
        return prov_work_stream(w, &w->event, h, body, FAAS_CONN_COMPLETE);
    }

    return PROV_ERROR;
}


/* All records that are there, up to the end of one request. */

static int
prov_work_parse(prov_work_t *w)
{
    size_t            left;
    const char       *p;
    faas_fcgi_head_t  h;

    while (w->state == PROV_WORK_READING) {
        left = w->in.len - w->in.pos;

        if (left < FAAS_FCGI_HEAD_LEN) {
            return PROV_OK;
        }

        p = w->in.data + w->in.pos;

        if (faas_fcgi_get_head((const unsigned char *) p, &h) == -1) {
            return PROV_ERROR;
        }

        if (left < (size_t) FAAS_FCGI_HEAD_LEN + h.length + h.padding) {
            return PROV_OK;
        }

        if (prov_work_record(w, &h, p + FAAS_FCGI_HEAD_LEN) != PROV_OK) {
            return PROV_ERROR;
        }

        w->in.pos += FAAS_FCGI_HEAD_LEN + h.length + h.padding;

        if (w->stage == FAAS_CONN_COMPLETE) {

            if (prov_work_params(w) == -1 || w->request_id.len == 0
                || w->request_id.len >= PROV_ID_MAX)
            {
                return PROV_ERROR;
            }

            prov_queue(w);
        }
    }

    return PROV_OK;
}


static void
prov_work_readable(evutil_socket_t fd, short what, void *data)
{
    ssize_t       n;
    prov_work_t  *w = data;

    (void) what;

    if (prov_room(&w->in, PROV_READ) != PROV_OK) {
        prov_work_gone(w);
        return;
    }

    n = recv(fd, w->in.data + w->in.len, w->in.size - w->in.len, 0);

    if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR)) {
        prov_work_gone(w);
        return;
    }

    /* called without anything new for what came with an earlier request */

    w->in.len += n > 0 ? n : 0;

    /* nothing is sent on a connection that is in use: it would be kept */

    if (w->state != PROV_WORK_READING && w->in.len > PROV_KEEP) {
        prov_work_gone(w);
        return;
    }

    if (prov_work_parse(w) != PROV_OK) {
        prov_work_gone(w);
        return;
    }

    if (w->in.pos == w->in.len) {
        prov_shrink(&w->in);
    }

    prov_deliver();
}


static void
prov_work_accept(evutil_socket_t fd, short what, void *data)
{
    int           s;
    prov_work_t  *w;

    (void) what;
    (void) data;

    s = accept4(fd, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);

    if (s == -1) {
        return;
    }

    w = calloc(1, sizeof(prov_work_t));

    if (w == NULL) {
        (void) close(s);
        return;
    }

    w->fd = s;
    w->read_ev = prov_event(s, EV_READ|EV_PERSIST, prov_work_readable, w);
    w->write_ev = prov_event(s, EV_WRITE, prov_work_writable, w);

    if (w->read_ev == NULL || w->write_ev == NULL) {
        if (w->read_ev) {
            event_free(w->read_ev);
        }

        (void) close(s);
        free(w);
        return;
    }

    w->next = prov.works;
    prov.works = w;

    /* more wait in the backlog */

    if (++prov.n_works == PROV_WORKS_MAX) {
        (void) event_del(prov_accept_ev);
    }

    /* the request is there already, more often than not */

    prov_work_readable(s, EV_READ, w);
}


int
prov_work_listen(void)
{
    prov_accept_ev = prov_event(faas_env.listen, EV_READ|EV_PERSIST,
                                prov_work_accept, NULL);

    return prov_accept_ev != NULL ? PROV_OK : PROV_ERROR;
}


/*
 * The runtime has ended.  Who connects from now on, or has a connection that is
 * idle, is refused, and goes elsewhere: all of this before the worker is told
 * that this environment is free.
 */

void
prov_work_unlisten(void)
{
    prov_work_t  *w;

    if (prov_accept_ev == NULL) {
        return;
    }

    event_free(prov_accept_ev);
    prov_accept_ev = NULL;
    (void) close(faas_env.listen);

    for (w = prov.works; w != NULL; w = w->next) {
        if (w->fd != -1 && w->state == PROV_WORK_READING) {
            (void) shutdown(w->fd, SHUT_RDWR);
        }
    }
}


/* Records of one type around DATA, all but the last small ones by reference. */

void
prov_work_records(prov_work_t *w, uint8_t type, const char *data, size_t len)
{
    size_t         size;
    struct iovec   iov[2];
    unsigned char  head[FAAS_FCGI_HEAD_LEN];

    while (len) {
        size = len < PROV_RECORD ? len : PROV_RECORD;
        (void) faas_fcgi_put_head(head, type, w->id, size, 0);

        iov[0].iov_base = head;
        iov[0].iov_len = sizeof(head);
        iov[1].iov_base = (void *) data;
        iov[1].iov_len = size;
        prov_work_send(w, iov, 2);

        data += size;
        len -= size;
    }
}


/* The result, or with STATUS 1 the error, and the end of the request. */

void
prov_work_end(prov_work_t *w, const void *data, size_t len, uint32_t status)
{
    int             n;
    size_t          small;
    const char     *p;
    struct iovec    iov[3];
    unsigned char   head[FAAS_FCGI_HEAD_LEN], tail[PROV_TAIL], *end;

    /* the last record and the end in one piece */

    small = len < PROV_RECORD ? len : len % PROV_RECORD;
    p = data;
    prov_work_records(w, FAAS_FCGI_STDOUT, p, len - small);

    n = 0;

    if (small) {
        (void) faas_fcgi_put_head(head, FAAS_FCGI_STDOUT, w->id, small, 0);
        iov[n].iov_base = head;
        iov[n++].iov_len = sizeof(head);
        iov[n].iov_base = (void *) (p + len - small);
        iov[n++].iov_len = small;
    }

    end = faas_fcgi_put_head(tail, FAAS_FCGI_STDOUT, w->id, 0, 0);
    end = faas_fcgi_put_end(end, w->id, status, FAAS_FCGI_REQUEST_COMPLETE);

    /*
     * With something behind the end the worker does not keep the connection;
     * the first of the reserved bytes is for it, too.
     */

    if (prov.ended) {
        end[-3] = FAAS_END_LEAVES;
        memset(end, 0, FAAS_FCGI_HEAD_LEN);
        end += FAAS_FCGI_HEAD_LEN;
    }

    iov[n].iov_base = tail;
    iov[n++].iov_len = end - tail;
    prov_work_send(w, iov, n);

    w->state = PROV_WORK_READING;
    w->stage = FAAS_CONN_BEGIN;
    w->streaming = 0;
    w->from = NULL;
    prov_shrink(&w->params);
    prov_shrink(&w->event);

    if (w->fd == -1 || (!w->keep && w->out.len == 0)) {
        prov_work_gone(w);
        return;
    }

    /* a request that came meanwhile is looked at by the loop */

    if (w->in.pos != w->in.len) {
        event_active(w->read_ev, EV_READ, 0);
    }
}


/* Before the end of the process: what is not sent within a moment is lost. */

void
prov_works_flush(void)
{
    prov_work_t    *w;
    struct pollfd   pfd;

    for (w = prov.works; w != NULL; w = w->next) {

        while (w->fd != -1 && w->out.len) {
            pfd.fd = w->fd;
            pfd.events = POLLOUT;

            if (poll(&pfd, 1, 50) != 1
                || prov_send(w->fd, &w->out, NULL, 0) != PROV_OK)
            {
                break;
            }
        }
    }
}
