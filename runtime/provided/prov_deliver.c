/*
 * Delivery of telemetry: batches by HTTP or as lines by TCP, to a port of the
 * environment's own loopback address.  One batch at a time for each
 * subscriber; one that cannot be delivered is tried again, then dropped.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "prov_telemetry.h"


#define PROV_TM_TRIES     5
#define PROV_TM_AGAIN_MS  50          /* doubled with each try */
#define PROV_TM_ANSWER    4096        /* of it no more is read */


static void prov_tm_connect(prov_sub_t *s);


static void
prov_tm_over(prov_sub_t *s, int delivered)
{
    struct timeval  tv;

    if (s->ev != NULL) {
        event_free(s->ev);
        s->ev = NULL;
    }

    if (s->fd != -1) {
        (void) close(s->fd);
        s->fd = -1;
    }

    prov_shrink(&s->in);

    if (!delivered && s->tries < PROV_TM_TRIES) {
        tv.tv_sec = 0;
        tv.tv_usec = (PROV_TM_AGAIN_MS * 1000) << s->tries;
        (void) evtimer_add(s->timer, &tv);
        return;
    }

    s->tries = 0;
    prov_free(&s->out);

    if (s->n_events) {
        prov_tm_flush(s);
    }
}


/* "HTTP/1.1 200 OK" */

static void
prov_tm_readable(prov_sub_t *s)
{
    ssize_t  n;

    if (prov_room(&s->in, PROV_TM_ANSWER) != PROV_OK) {
        prov_tm_over(s, 0);
        return;
    }

    n = recv(s->fd, s->in.data + s->in.len, PROV_TM_ANSWER, MSG_DONTWAIT);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n > 0) {
        s->in.len += n;
    }

    if (s->in.len >= 12) {
        prov_tm_over(s, s->in.data[9] == '2');

    } else if (n <= 0) {
        prov_tm_over(s, 0);
    }
}


static void
prov_tm_ready(evutil_socket_t fd, short what, void *data)
{
    ssize_t      n;
    prov_sub_t  *s = data;

    if (what & EV_TIMEOUT) {
        prov_tm_over(s, 0);
        return;
    }

    if (s->out.pos == s->out.len) {
        prov_tm_readable(s);
        return;
    }

    n = send(fd, s->out.data + s->out.pos, s->out.len - s->out.pos,
             MSG_NOSIGNAL|MSG_DONTWAIT);

    if (n == -1 && errno != EAGAIN && errno != EINTR) {
        prov_tm_over(s, 0);
        return;
    }

    s->out.pos += n > 0 ? n : 0;

    if (s->out.pos < s->out.len) {
        return;
    }

    if (s->tcp) {
        prov_tm_over(s, 1);
        return;
    }

    event_free(s->ev);
    s->ev = prov_event(fd, EV_READ|EV_PERSIST, prov_tm_ready, s);

    if (s->ev == NULL) {
        prov_tm_over(s, 0);
    }
}


static void
prov_tm_connect(prov_sub_t *s)
{
    struct timeval      tv;
    struct sockaddr_in  sin;

    s->tries++;
    s->out.pos = 0;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_port = htons((uint16_t) s->port);
    sin.sin_addr.s_addr = htonl(prov.own ? FAAS_OWN_ADDRESS(getuid())
                                         : INADDR_LOOPBACK);

    s->fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);

    if (s->fd == -1
        || (connect(s->fd, (struct sockaddr *) &sin, sizeof(sin)) == -1
            && errno != EINPROGRESS))
    {
        prov_tm_over(s, 0);
        return;
    }

    tv.tv_sec = 2;
    tv.tv_usec = 0;
    s->ev = event_new(prov.base, s->fd, EV_WRITE|EV_PERSIST, prov_tm_ready,
                      s);

    if (s->ev == NULL || event_add(s->ev, &tv) == -1) {
        prov_tm_over(s, 0);
    }
}


void
prov_tm_flush(prov_sub_t *s)
{
    int   n;
    char  head[512];

    if (s->fd != -1) {
        return;
    }

    if (s->out.len) {
        prov_tm_connect(s);                   /* the last one once more */
        return;
    }

    if (s->n_events == 0) {
        return;
    }

    if (s->tcp) {
        (void) prov_add(&s->out, s->events.data, s->events.len);

    } else {

        /* the last comma makes room for the end of the array */

        n = snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\n"
                     "Host: sandbox.localdomain:%u\r\n"
                     "Content-Type: application/json\r\n"
                     "Content-Length: %zu\r\nConnection: close\r\n\r\n[",
                     s->path, s->port, s->events.len + 1);
        s->events.data[s->events.len - 1] = ']';
        (void) prov_add(&s->out, head, n);
        (void) prov_add(&s->out, s->events.data, s->events.len);
    }

    s->events.len = 0;
    s->n_events = 0;
    prov_tm_connect(s);
}
