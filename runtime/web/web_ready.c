/*
 * Is the program ready?  It is asked every few milliseconds until it accepts a
 * connection, or answers a request of the readiness URI with a status below
 * 500.  How long that may take, is the supervisor's to say.
 *
 * Runs in faas-web's one thread; no locks.
 */

#include <stdlib.h>
#include <string.h>

#include "web.h"


static struct event        *web_ready_ev;
static struct bufferevent  *web_ready_bev;


static void
web_ready_again(void)
{
    struct timeval  tv;

    if (web_ready_bev) {
        bufferevent_free(web_ready_bev);
        web_ready_bev = NULL;
    }

    tv.tv_sec = 0;
    tv.tv_usec = WEB_RETRY_MS * 1000;

    if (evtimer_add(web_ready_ev, &tv) == -1) {
        web_exit(1);
    }
}


static void
web_ready_now(void)
{
    bufferevent_free(web_ready_bev);
    web_ready_bev = NULL;
    event_free(web_ready_ev);
    web_ready_ev = NULL;

    web.ready = 1;

    if (web_work_listen() != WEB_OK || faas_env_ready() != FAAS_ENV_OK) {
        web_exit(1);
    }
}


static void
web_ready_answered(struct bufferevent *bev, void *data)
{
    int                rc;
    char              *block;
    size_t             len, size, used;
    const char        *in;
    web_answer_t       a;
    struct evbuffer   *b;

    (void) data;

    memset(&a, 0, sizeof(a));
    b = bufferevent_get_input(bev);
    len = evbuffer_get_length(b);
    in = (const char *) evbuffer_pullup(b, -1);
    block = malloc(web_block_max(len));

    if (block == NULL || in == NULL) {
        web_exit(1);
        return;
    }

    rc = web_http_head(&a, in, len, 0, 0, block, &size, &used);
    free(block);

    if (rc == WEB_HTTP_OK && a.status >= 200 && a.status < 500) {
        web_ready_now();

    } else if (rc != WEB_HTTP_AGAIN) {
        web_ready_again();
    }
}


static void
web_ready_event(struct bufferevent *bev, short what, void *data)
{
    (void) data;

    if (!(what & BEV_EVENT_CONNECTED)) {
        web_ready_again();
        return;
    }

    if (web.ready_uri == NULL) {
        web_ready_now();
        return;
    }

    if (evbuffer_add_printf(bufferevent_get_output(bev),
                            "GET %s HTTP/1.1\r\nHost: localhost\r\n"
                            "Connection: close\r\n\r\n", web.ready_uri)
        == -1)
    {
        web_exit(1);
    }
}


static void
web_ready_ask(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;
    (void) data;

    web_ready_bev = web_connect();

    if (web_ready_bev == NULL) {         /* not even a socket of that name */
        web_ready_again();
        return;
    }

    bufferevent_setcb(web_ready_bev, web_ready_answered, NULL,
                      web_ready_event, NULL);
    (void) bufferevent_enable(web_ready_bev, EV_READ|EV_WRITE);
}


void
web_ready_wait(void)
{
    web_ready_ev = evtimer_new(web.base, web_ready_ask, NULL);

    if (web_ready_ev == NULL) {
        web_exit(1);
        return;
    }

    event_active(web_ready_ev, EV_TIMEOUT, 0);
}
