/*
 * Connecting to the program.
 *
 * Runs in faas-web's one thread; no locks.
 */

#include <errno.h>
#include <unistd.h>

#include "web.h"


struct bufferevent *
web_connect(void)
{
    struct bufferevent  *bev;

    bev = bufferevent_socket_new(web.base, -1, BEV_OPT_CLOSE_ON_FREE);

    if (bev == NULL) {
        return NULL;
    }

    if (bufferevent_socket_connect(bev, (struct sockaddr *) &web.address,
                                   (int) web.address_len)
        == -1)
    {
        bufferevent_free(bev);
        return NULL;
    }

    return bev;
}


static void
web_connect_again(evutil_socket_t fd, short what, void *data)
{
    web_peer_t  *p = data;

    (void) fd;
    (void) what;

    if (web_connect_unix(p) != WEB_OK) {
        web_peer_unreachable(p);

    } else if (p->connected) {
        web_push(p->bev);
    }
}


/*
 * A Unix socket whose backlog is full refuses at once, where one of TCP would
 * wait, and nothing says when there is room.  The request waits here, with
 * what has come of it in the output, for as long as its worker does.
 */

static int
web_connect_later(web_peer_t *p)
{
    struct timeval  tv;

    if (p->retry == NULL) {
        p->retry = evtimer_new(web.base, web_connect_again, p);
    }

    tv.tv_sec = 0;
    tv.tv_usec = WEB_RETRY_MS * 1000;

    return p->retry != NULL && evtimer_add(p->retry, &tv) == 0 ? WEB_OK
                                                               : WEB_ERROR;
}


int
web_connect_unix(web_peer_t *p)
{
    int  s, err;

    (void) bufferevent_disable(p->bev, EV_WRITE);

    s = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (s == -1) {
        return WEB_ERROR;
    }

    if (connect(s, (struct sockaddr *) &web.address, web.address_len) == 0) {
        p->connected = 1;
        (void) bufferevent_setfd(p->bev, s);

        return bufferevent_enable(p->bev, EV_READ);
    }

    err = errno;
    (void) close(s);

    return err == EAGAIN ? web_connect_later(p) : WEB_ERROR;
}
