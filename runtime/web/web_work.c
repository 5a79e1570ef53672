/*
 * FastCGI, the environment's side (FastCGI Specification 1.0): connections of
 * nginx's workers, one request at a time on each.  Bounds of every record are
 * checked; what is malformed closes its connection and nothing else.
 *
 * With an answer of 101 the connection is one of bytes in both directions from
 * behind the record that has the answer's header, and ends with either side.
 *
 * Runs in faas-web's one thread; no locks.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "web.h"


#define WEB_RECORD      65528         /* content; a multiple of 8 */
#define WEB_READ_MAX    (FAAS_FCGI_HEAD_LEN + FAAS_FCGI_MAX_LEN + 255)
#define WEB_PARAMS_MAX  (1024 * 1024)
#define WEB_ACCEPT_MS   50            /* until descriptors may be free */


static struct event  *web_accept_ev;


void
web_work_free(web_work_t *w)
{
    web_work_t  **p;

    if (w->peer) {
        w->peer->work = NULL;
        web_peer_free(w->peer);
        w->peer = NULL;
        web.running--;
    }

    for (p = &web.works; *p != w; p = &(*p)->next) { /* void */ }

    *p = w->next;

    event_free(w->gone);
    bufferevent_free(w->bev);
    evbuffer_free(w->params);
    evbuffer_free(w->head);
    free(w);

    web_idle();
}


/*
 * The program does not read, so the worker has to wait.  Should it lose its
 * patience, that is seen without reading.
 */

static void
web_work_pause(web_work_t *w, struct evbuffer *out)
{
    if (evbuffer_get_length(out) > WEB_BUFFERED && !w->last) {
        (void) bufferevent_disable(w->bev, EV_READ);
        (void) event_add(w->gone, NULL);
    }
}


/* What it has said last in a tunnel is still there to be read. */

static void
web_work_gone(evutil_socket_t fd, short what, void *data)
{
    web_work_t  *w = data;

    (void) fd;
    (void) what;

    if (w->peer && w->peer->tunnel) {
        w->last = 1;
        (void) bufferevent_enable(w->bev, EV_READ);
        return;
    }

    web_work_free(w);
}


/* Closes it, now or when the worker has all of the answer. */

void
web_work_flush(web_work_t *w)
{
    w->close = 1;
    (void) bufferevent_disable(w->bev, EV_READ);
    (void) bufferevent_enable(w->bev, EV_WRITE);

    if (evbuffer_get_length(bufferevent_get_output(w->bev)) == 0) {
        web_work_free(w);
    }
}


static int
web_work_begin(web_work_t *w, const faas_fcgi_head_t *h, const u_char *body)
{
    unsigned  keep;

    if (faas_fcgi_get_begin(h, body, &keep) == -1) {
        return WEB_ERROR;
    }

    w->id = h->request_id;
    w->keep = keep;
    w->stage = FAAS_CONN_PARAMS;
    w->headed = 0;

    return WEB_OK;
}


/* The content is at the beginning of IN, which it is taken out of. */

static int
web_work_params(web_work_t *w, const faas_fcgi_head_t *h, struct evbuffer *in)
{
    int  rc;

    if (h->length) {

        if (evbuffer_get_length(w->params) + h->length > WEB_PARAMS_MAX) {
            return WEB_ERROR;
        }

        return evbuffer_remove_buffer(in, w->params, h->length) == h->length
               ? WEB_OK : WEB_ERROR;
    }

    rc = (web.uwsgi ? web_uwsgi_head : web_request_head)(w, w->head);

    (void) evbuffer_drain(w->params, evbuffer_get_length(w->params));
    w->stage = FAAS_CONN_STDIN;

    web.running++;

    /* to close the connection would look like the environment's end */

    if (rc != WEB_OK) {
        web_work_fail(w, rc == WEB_LARGE ? "the request's header is larger "
                                           "than uwsgi allows"
                                         : "the request is none of HTTP/1.1");

    } else if (web_peer_take(w) != WEB_OK) {
        web_work_fail(w, "no connection to it can be made");
    }

    return WEB_OK;
}


static int
web_work_stdin(web_work_t *w, const faas_fcgi_head_t *h, struct evbuffer *in)
{
    struct evbuffer  *out;

    if (h->length == 0) {
        w->stage = FAAS_CONN_COMPLETE;

        if (w->peer == NULL) {               /* it was answered before */
            w->stage = FAAS_CONN_BEGIN;
        }

        return WEB_OK;
    }

    if (w->peer == NULL) {
        return evbuffer_drain(in, h->length) == 0 ? WEB_OK : WEB_ERROR;
    }

    out = bufferevent_get_output(w->peer->bev);

    if (evbuffer_remove_buffer(in, out, h->length) != h->length) {
        return WEB_ERROR;
    }

    web_work_pause(w, out);

    return WEB_OK;
}


static int
web_work_record(web_work_t *w, const faas_fcgi_head_t *h, struct evbuffer *in)
{
    u_char  body[FAAS_FCGI_BODY_LEN];

    if (w->stage == FAAS_CONN_BEGIN) {

        if (h->length != sizeof(body)
            || evbuffer_remove(in, body, sizeof(body)) != sizeof(body))
        {
            return WEB_ERROR;
        }

        return web_work_begin(w, h, body);
    }

    if (h->request_id == w->id) {

        if (w->stage == FAAS_CONN_PARAMS && h->type == FAAS_FCGI_PARAMS) {
            return web_work_params(w, h, in);
        }

        if (w->stage == FAAS_CONN_STDIN && h->type == FAAS_FCGI_STDIN) {
            return web_work_stdin(w, h, in);
        }
    }

    return WEB_ERROR;
}


/* One record, if it is there: 1. */

static int
web_work_one(web_work_t *w, struct evbuffer *in)
{
    u_char            head[FAAS_FCGI_HEAD_LEN];
    faas_fcgi_head_t  h;

    if (evbuffer_copyout(in, head, sizeof(head)) != sizeof(head)) {
        return 0;
    }

    if (faas_fcgi_get_head(head, &h) == -1) {
        return WEB_ERROR;
    }

    if (evbuffer_get_length(in)
        < (size_t) FAAS_FCGI_HEAD_LEN + h.length + h.padding)
    {
        return 0;
    }

    (void) evbuffer_drain(in, sizeof(head));

    if (web_work_record(w, &h, in) != WEB_OK) {
        return WEB_ERROR;
    }

    (void) evbuffer_drain(in, h.padding);

    return 1;
}


static void
web_work_readable(struct bufferevent *bev, void *data)
{
    int               rc;
    web_work_t       *w = data;
    struct evbuffer  *in, *out;

    in = bufferevent_get_input(bev);

    if (w->peer && w->peer->tunnel) {
        out = bufferevent_get_output(w->peer->bev);
        (void) evbuffer_add_buffer(out, in);
        web_push(w->peer->bev);
        web_work_pause(w, out);
        return;
    }

    /* the next request waits for the end of this one */

    do {
        rc = w->stage != FAAS_CONN_COMPLETE && !w->close
             && (bufferevent_get_enabled(bev) & EV_READ)
             ? web_work_one(w, in) : 0;
    } while (rc == 1);

    if (rc == WEB_ERROR) {
        web_work_free(w);

    } else if (w->peer) {
        web_push(w->peer->bev);
    }
}


/* The program has taken what it was sent. */

void
web_work_resume(web_work_t *w)
{
    if (w->close || (bufferevent_get_enabled(w->bev) & EV_READ)) {
        return;
    }

    (void) event_del(w->gone);
    (void) bufferevent_enable(w->bev, EV_READ);
    bufferevent_trigger(w->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
}


static void
web_work_writable(struct bufferevent *bev, void *data)
{
    web_work_t  *w = data;

    if (w->close) {
        web_work_free(w);
        return;
    }

    web_pushed(bev);

    if (w->peer) {
        web_peer_resume(w->peer);
    }
}


static void
web_work_event(struct bufferevent *bev, short what, void *data)
{
    web_work_t  *w = data;

    (void) bev;

    /* what was said before goes to the program nevertheless */

    if (w->peer && w->peer->tunnel && (what & BEV_EVENT_EOF)) {
        web.running--;
        web_peer_flush(w->peer);
    }

    web_work_free(w);
}


/* Its worker does not read what is sent to it: the program has to wait. */

void
web_work_full(web_work_t *w)
{
    if (w->peer
        && evbuffer_get_length(bufferevent_get_output(w->bev)) > WEB_BUFFERED)
    {
        (void) bufferevent_disable(w->peer->bev, EV_READ);
    }
}


/* LEN bytes of FROM as records */

static void
web_work_records(web_work_t *w, uint8_t type, struct evbuffer *from,
    size_t len)
{
    size_t            n;
    u_char            head[FAAS_FCGI_HEAD_LEN];
    struct evbuffer  *out;

    out = bufferevent_get_output(w->bev);

    while (len) {
        n = len < WEB_RECORD ? len : WEB_RECORD;
        len -= n;

        (void) faas_fcgi_put_head(head, type, w->id, (uint16_t) n, 0);

        if (evbuffer_add(out, head, sizeof(head)) == -1
            || evbuffer_remove_buffer(from, out, n) != (int) n)
        {
            web_exit(1);                     /* no memory: nothing is true */
        }
    }
}


void
web_work_body(web_work_t *w, struct evbuffer *from, size_t len)
{
    web_work_records(w, FAAS_FCGI_STDOUT, from, len);
}


/* The request is over; STATUS is 0, or of faas_proto.h. */

void
web_work_end(web_work_t *w, uint32_t status)
{
    u_char  tail[2 * FAAS_FCGI_HEAD_LEN + FAAS_FCGI_BODY_LEN], *p;

    p = faas_fcgi_put_head(tail, FAAS_FCGI_STDOUT, w->id, 0, 0);
    p = faas_fcgi_put_end(p, w->id, status, FAAS_FCGI_REQUEST_COMPLETE);
    (void) bufferevent_write(w->bev, tail, p - tail);

    (void) evbuffer_drain(w->head, evbuffer_get_length(w->head));
    web.running--;

    if (!w->keep || web.ending) {
        web_work_flush(w);
        web_idle();
        return;
    }

    if (w->stage == FAAS_CONN_COMPLETE) {
        w->stage = FAAS_CONN_BEGIN;
    }

    web_push(w->bev);

    /* what came meanwhile, or the rest of a body that nobody wants */

    web_work_resume(w);

    if (evbuffer_get_length(bufferevent_get_input(w->bev))) {
        bufferevent_trigger(w->bev, EV_READ, BEV_TRIG_DEFER_CALLBACKS);
    }

    web_idle();
}


/* The program has not answered, or with what is no answer. */

void
web_work_fail(web_work_t *w, const char *why)
{
    int               n;
    char              text[256];
    struct evbuffer  *b;

    static const char  answer[] = "Status: 502\r\n"
                                  "Content-Type: application/json\r\n\r\n"
                                  "{\"message\":\"Bad Gateway\"}";

    b = evbuffer_new();

    if (b == NULL) {
        web_exit(1);
        return;
    }

    n = snprintf(text, sizeof(text), "faas-web: no whole answer of the "
                 "program: %s\n", why);
    (void) evbuffer_add(b, text, n);
    web_work_records(w, FAAS_FCGI_STDERR, b, n);

    if (!w->headed) {
        (void) evbuffer_add(b, answer, sizeof(answer) - 1);
        web_work_records(w, FAAS_FCGI_STDOUT, b, sizeof(answer) - 1);
    }

    evbuffer_free(b);
    web_work_end(w, w->headed ? FAAS_WEB_CUT : FAAS_WEB_REPLACED);
}


static void
web_work_again(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;
    (void) data;

    if (web_accept_ev != NULL) {
        (void) event_add(web_accept_ev, NULL);
    }
}


/* No descriptor is left: who waits would be told of again and again. */

static void
web_work_later(void)
{
    struct timeval  tv;

    if (errno != EMFILE && errno != ENFILE && errno != ENOMEM
        && errno != ENOBUFS)
    {
        return;
    }

    tv.tv_sec = 0;
    tv.tv_usec = WEB_ACCEPT_MS * 1000;

    if (event_base_once(web.base, -1, EV_TIMEOUT, web_work_again, NULL, &tv)
        == 0)
    {
        (void) event_del(web_accept_ev);
    }
}


static void
web_work_accept(evutil_socket_t fd, short what, void *data)
{
    int          s;
    web_work_t  *w;

    (void) what;
    (void) data;

    s = accept4(fd, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);

    if (s == -1) {
        web_work_later();
        return;
    }

    w = calloc(1, sizeof(web_work_t));

    if (w == NULL) {
        (void) close(s);
        return;
    }

    w->params = evbuffer_new();
    w->head = evbuffer_new();
    w->bev = bufferevent_socket_new(web.base, s, BEV_OPT_CLOSE_ON_FREE);

    w->gone = event_new(web.base, s, EV_CLOSED, web_work_gone, w);

    if (w->params == NULL || w->head == NULL || w->bev == NULL
        || w->gone == NULL)
    {
        web_exit(1);
        return;
    }

    w->next = web.works;
    web.works = w;

    bufferevent_setcb(w->bev, web_work_readable, web_work_writable,
                      web_work_event, w);
    bufferevent_setwatermark(w->bev, EV_READ, 0, 2 * WEB_READ_MAX);
    (void) bufferevent_enable(w->bev, EV_READ);
    (void) bufferevent_disable(w->bev, EV_WRITE);
}


int
web_work_listen(void)
{
    web_accept_ev = event_new(web.base, faas_env.listen, EV_READ|EV_PERSIST,
                              web_work_accept, NULL);

    return web_accept_ev != NULL && event_add(web_accept_ev, NULL) == 0
           ? WEB_OK : WEB_ERROR;
}


/* Who connects from now on, or is idle, goes elsewhere. */

void
web_work_unlisten(void)
{
    web_work_t  *w, *next;

    if (web_accept_ev == NULL) {
        return;
    }

    event_free(web_accept_ev);
    web_accept_ev = NULL;
    (void) close(faas_env.listen);

    for (w = web.works; w != NULL; w = next) {
        next = w->next;

        if (w->peer == NULL && w->stage == FAAS_CONN_BEGIN && !w->close) {
            web_work_flush(w);
        }
    }
}
