/*
 * Connections to the program: one for each request that runs, kept after it if
 * the program keeps it.
 *
 * Runs in faas-web's one thread; no locks.
 */

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "web.h"


static web_peer_t  *web_idles;
static unsigned     web_idles_n;


static int web_peer_send(web_work_t *w, int fresh);


void
web_peer_free(web_peer_t *p)
{
    web_peer_t  **q;

    if (p->work == NULL) {

        for (q = &web_idles; *q != NULL; q = &(*q)->next) {
            if (*q == p) {
                *q = p->next;
                web_idles_n--;
                break;
            }
        }
    }

    if (p->retry) {
        event_free(p->retry);
    }

    bufferevent_free(p->bev);
    free(p);
}


void
web_push(struct bufferevent *bev)
{
    struct evbuffer  *out;

    out = bufferevent_get_output(bev);

    if (evbuffer_get_length(out) == 0 || bufferevent_getfd(bev) == -1
        || (bufferevent_get_enabled(bev) & EV_WRITE))
    {
        return;                          /* the loop is at it */
    }

    /* an error comes again, in the loop */

    (void) evbuffer_unfreeze(out, 1);
    (void) evbuffer_write(out, bufferevent_getfd(bev));
    (void) evbuffer_freeze(out, 1);

    if (evbuffer_get_length(out)) {
        (void) bufferevent_enable(bev, EV_WRITE);
    }
}


/* The loop has written all that waited. */

void
web_pushed(struct bufferevent *bev)
{
    (void) bufferevent_disable(bev, EV_WRITE);
}


/* It is not the request's any more, which has an answer or gets another. */

static web_work_t *
web_peer_leave(web_peer_t *p, int keep)
{
    web_work_t  *w;

    w = p->work;
    p->work = NULL;
    w->peer = NULL;

    if (keep && !web.uwsgi && web_idles_n < WEB_IDLE_MAX && !web.ending
        && evbuffer_get_length(bufferevent_get_input(p->bev)) == 0
        && evbuffer_get_length(bufferevent_get_output(p->bev)) == 0)
    {
        (void) bufferevent_enable(p->bev, EV_READ);
        p->next = web_idles;
        web_idles = p;
        web_idles_n++;

    } else {
        web_peer_free(p);
    }

    return w;
}


static void
web_peer_fail(web_peer_t *p, const char *why)
{
    web_work_fail(web_peer_leave(p, 0), why);
}


/* The header is complete: *MORE if there is another one to come. */

static int
web_peer_head(web_peer_t *p, struct evbuffer *in, int *more)
{
    int                rc;
    char              *block;
    size_t             len, size, used;
    web_work_t        *w;
    const char        *data;
    struct evbuffer   *b;

    w = p->work;
    len = evbuffer_get_length(in);
    data = (const char *) evbuffer_pullup(in, -1);
    block = malloc(web_block_max(len));
    b = evbuffer_new();

    if (block == NULL || b == NULL || (len && data == NULL)) {
        web_exit(1);
        return WEB_HTTP_BAD;
    }

    rc = web_http_head(&p->answer, data, len, w->is_head, w->upgrade, block,
                       &size, &used);

    if (rc == WEB_HTTP_OK) {
        (void) evbuffer_drain(in, used);
        *more = (size == 0);

        if (size) {
            w->headed = 1;
            (void) evbuffer_add(b, block, size);
            web_work_body(w, b, size);
        }
    }

    evbuffer_free(b);
    free(block);

    return rc;
}


/* What there is of the body. */

static void
web_peer_body(web_peer_t *p, struct evbuffer *in)
{
    size_t       n, skip;
    const char  *start, *pos, *last;

    for ( ;; ) {
        n = evbuffer_get_contiguous_space(in);

        if (n == 0) {
            return;
        }

        start = (const char *) evbuffer_pullup(in, (ev_ssize_t) n);
        pos = start;
        last = start + n;

        n = web_http_body(&p->answer, &pos, last);
        skip = pos - start;

        (void) evbuffer_drain(in, skip);

        if (n) {
            web_work_body(p->work, in, n);

        } else if (skip == 0 || p->answer.error) {
            return;
        }
    }
}


static void
web_peer_tunnel(web_peer_t *p)
{
    web_work_t       *w;
    struct evbuffer  *out;

    w = p->work;
    out = bufferevent_get_output(w->bev);
    (void) evbuffer_add_buffer(out, bufferevent_get_input(p->bev));
    web_push(w->bev);
    web_work_full(w);
}


/* Looks at all that the program has sent. */

static void
web_peer_answer(web_peer_t *p)
{
    int               rc, more;
    struct evbuffer  *in;

    in = bufferevent_get_input(p->bev);
    p->answer.some |= evbuffer_get_length(in) != 0;

    for (more = 1; more && !p->answer.headed; /* void */ ) {
        rc = web_peer_head(p, in, &more);

        if (rc == WEB_HTTP_AGAIN) {
            return;
        }

        if (rc == WEB_HTTP_BAD) {
            web_peer_fail(p, p->answer.error);
            return;
        }
    }

    if (p->answer.status == 101) {

        if (p->work->stage != FAAS_CONN_COMPLETE) {
            web_peer_fail(p, "another protocol in the middle of the request");
            return;
        }

        p->tunnel = 1;
        web_peer_tunnel(p);
        web_work_resume(p->work);
        return;
    }

    web_peer_body(p, in);

    if (p->answer.error) {
        web_peer_fail(p, p->answer.error);

    } else if (web_http_done(&p->answer)) {
        web_work_end(web_peer_leave(p, !p->answer.close), 0);

    } else {
        web_push(p->work->bev);
        web_work_full(p->work);
    }
}


static void
web_peer_readable(struct bufferevent *bev, void *data)
{
    web_peer_t  *p = data;

    (void) bev;

    if (p->work == NULL) {               /* nobody has asked it anything */
        web_peer_free(p);

    } else if (p->tunnel) {
        web_peer_tunnel(p);

    } else {
        web_peer_answer(p);
    }
}


/* The worker has read what there was. */

void
web_peer_resume(web_peer_t *p)
{
    (void) bufferevent_enable(p->bev, EV_READ);
}


static void
web_peer_writable(struct bufferevent *bev, void *data)
{
    web_peer_t  *p = data;

    if (p->connected) {
        web_pushed(bev);
    }

    if (p->work) {
        web_work_resume(p->work);

    } else if (p->close) {
        web_peer_free(p);
    }
}


/* The other end of a tunnel has gone: the program gets what it said. */

void
web_peer_flush(web_peer_t *p)
{
    struct timeval  tv;

    p->work->peer = NULL;
    p->work = NULL;

    if (evbuffer_get_length(bufferevent_get_output(p->bev)) == 0) {
        web_peer_free(p);
        return;
    }

    p->close = 1;
    tv.tv_sec = WEB_LINGER_S;
    tv.tv_usec = 0;

    (void) bufferevent_disable(p->bev, EV_READ);
    (void) bufferevent_set_timeouts(p->bev, NULL, &tv);
}


/*
 * It has ended.  A kept connection that the program closed just as it was sent
 * a request: the request is sent again, if it is none that changes anything.
 */

static void
web_peer_event(struct bufferevent *bev, short what, void *data)
{
    web_peer_t  *p = data;

    web_work_t  *w;

    (void) bev;

    if (what & BEV_EVENT_CONNECTED) {
        p->connected = 1;
        return;
    }

    if (p->work == NULL) {
        web_peer_free(p);
        return;
    }

    if (p->tunnel) {
        w = web_peer_leave(p, 0);
        web.running--;
        web_work_flush(w);
        web_idle();
        return;
    }

    if (web_app_dying()) {               /* and so do we, in a moment */
        w = web_peer_leave(p, 0);
        w->stage = FAAS_CONN_COMPLETE;
        return;
    }

    if (p->reused && !p->answer.some && p->work->repeatable) {
        w = web_peer_leave(p, 0);

        if (web_peer_send(w, 1) != WEB_OK) {
            web_work_fail(w, "no connection to it can be made");
        }

        return;
    }

    if (p->answer.headed && p->answer.body == WEB_BODY_CLOSE
        && (what & BEV_EVENT_EOF))
    {
        web_work_end(web_peer_leave(p, 0), 0);
        return;
    }

    web_peer_fail(p, !p->connected ? "no connection to it can be made"
                  : p->answer.headed ? "it ends in the middle"
                  : p->answer.some ? "it ends in the middle of its header"
                  : "the connection was closed without one");
}


/* There is nobody to be connected to: found out later than at once. */

void
web_peer_unreachable(web_peer_t *p)
{
    if (web_app_dying()) {
        web_peer_leave(p, 0)->stage = FAAS_CONN_COMPLETE;
        return;
    }

    web_peer_fail(p, "no connection to it can be made");
}


static int
web_peer_open(web_peer_t *p)
{
    int  on;

    if (web.address.ss_family == AF_UNIX) {
        p->bev = bufferevent_socket_new(web.base, -1, BEV_OPT_CLOSE_ON_FREE);
        return p->bev != NULL ? web_connect_unix(p) : WEB_ERROR;
    }

    p->bev = web_connect();

    if (p->bev == NULL) {
        return WEB_ERROR;
    }

    on = 1;
    (void) setsockopt(bufferevent_getfd(p->bev), IPPROTO_TCP, TCP_NODELAY,
                      &on, sizeof(int));

    return bufferevent_enable(p->bev, EV_READ|EV_WRITE);
}


static web_peer_t *
web_peer_new(void)
{
    web_peer_t  *p;

    p = calloc(1, sizeof(web_peer_t));

    if (p == NULL) {
        return NULL;
    }

    if (web_peer_open(p) != WEB_OK) {

        if (p->bev) {
            web_peer_free(p);

        } else {
            free(p);
        }

        return NULL;
    }

    bufferevent_setcb(p->bev, web_peer_readable, web_peer_writable,
                      web_peer_event, p);
    bufferevent_setwatermark(p->bev, EV_READ, 0, WEB_HEAD_MAX + 4096);

    return p;
}


/*
 * A kept connection that is still one, or NULL.  The loop may not have seen
 * yet that it was closed, or that there is more on it than one answer, which
 * is not to be taken for the next one.
 */

static web_peer_t *
web_peer_kept(void)
{
    char         ch;
    web_peer_t  *p;

    while (web_idles != NULL) {
        p = web_idles;
        web_idles = p->next;
        web_idles_n--;

        if (recv(bufferevent_getfd(p->bev), &ch, 1, MSG_PEEK|MSG_DONTWAIT)
            == -1 && errno == EAGAIN)
        {
            return p;
        }

        web_peer_free(p);
    }

    return NULL;
}


static int
web_peer_send(web_work_t *w, int fresh)
{
    web_peer_t       *p;
    struct evbuffer  *out;

    p = fresh ? NULL : web_peer_kept();

    if (p != NULL) {
        p->reused = 1;
        memset(&p->answer, 0, sizeof(web_answer_t));

    } else {
        p = web_peer_new();

        if (p == NULL) {
            return WEB_ERROR;
        }
    }

    p->work = w;
    w->peer = p;
    out = bufferevent_get_output(p->bev);

    /* a copy by reference, for the case that it has to be sent once more */

    if (p->reused && w->repeatable) {
        return evbuffer_add_buffer_reference(out, w->head);
    }

    return evbuffer_add_buffer(out, w->head);
}


int
web_peer_take(web_work_t *w)
{
    return web_peer_send(w, 0);
}
