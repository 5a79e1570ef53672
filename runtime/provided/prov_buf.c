/*
 * Buffers that grow, and sending what may not fit into a socket.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "prov.h"


/* Makes room for MORE bytes behind the last one. */

int
prov_room(prov_buf_t *b, size_t more)
{
    char    *data;
    size_t   size;

    if (b->size - b->len >= more) {
        return PROV_OK;
    }

    if (b->pos) {
        memmove(b->data, b->data + b->pos, b->len - b->pos);
        b->len -= b->pos;
        b->pos = 0;

        if (b->size - b->len >= more) {
            return PROV_OK;
        }
    }

    size = b->size * 2 > b->len + more ? b->size * 2 : b->len + more;
    data = realloc(b->data, size);

    if (data == NULL) {
        return PROV_ERROR;
    }

    b->data = data;
    b->size = size;

    return PROV_OK;
}


int
prov_add(prov_buf_t *b, const void *data, size_t len)
{
    if (len == 0) {
        return PROV_OK;
    }

    if (prov_room(b, len) != PROV_OK) {
        return PROV_ERROR;
    }

    memcpy(b->data + b->len, data, len);
    b->len += len;

    return PROV_OK;
}


void
prov_free(prov_buf_t *b)
{
    free(b->data);
    memset(b, 0, sizeof(prov_buf_t));
}


/* Empties it; an environment that once had a large event is not to keep it. */

void
prov_shrink(prov_buf_t *b)
{
    b->pos = 0;
    b->len = 0;

    if (b->size > PROV_KEEP) {
        prov_free(b);
    }
}


/* Of IOV all but the first SENT bytes wait in OUT. */

static int
prov_send_rest(prov_buf_t *out, struct iovec *iov, int n, size_t sent)
{
    int  i;

    for (i = 0; i < n; i++) {

        if (sent >= iov[i].iov_len) {
            sent -= iov[i].iov_len;
            continue;
        }

        if (prov_add(out, (char *) iov[i].iov_base + sent,
                     iov[i].iov_len - sent)
            != PROV_OK)
        {
            return PROV_ERROR;
        }

        sent = 0;
    }

    return PROV_OK;
}


/*
 * Sends what waits in OUT, then IOV; what does not fit waits in OUT.
 * PROV_ERROR when the other side has gone.
 */

int
prov_send(int fd, prov_buf_t *out, struct iovec *iov, int n)
{
    int            i;
    ssize_t        sent;
    struct iovec   all[8];
    struct msghdr  msg;

    all[0].iov_base = out->data ? out->data + out->pos : NULL;
    all[0].iov_len = out->len - out->pos;

    for (i = 0; i < n; i++) {
        all[i + 1] = iov[i];
    }

    memset(&msg, 0, sizeof(msg));
    msg.msg_iov = all;
    msg.msg_iovlen = n + 1;

    do {
        sent = sendmsg(fd, &msg, MSG_NOSIGNAL|MSG_DONTWAIT);
    } while (sent == -1 && errno == EINTR);

    if (sent == -1) {

        if (errno != EAGAIN) {
            return PROV_ERROR;
        }

        sent = 0;
    }

    if ((size_t) sent < all[0].iov_len) {
        out->pos += sent;
        sent = 0;

    } else {
        sent -= all[0].iov_len;
        out->pos = 0;
        out->len = 0;
    }

    if (prov_send_rest(out, iov, n, sent) != PROV_OK) {
        return PROV_ERROR;
    }

    if (out->len == 0 && out->size > PROV_KEEP) {
        prov_free(out);
    }

    return PROV_OK;
}


struct event *
prov_event(int fd, short what, event_callback_fn cb, void *data)
{
    struct event  *ev;

    ev = event_new(prov.base, fd, what, cb, data);

    if (ev != NULL && (what & EV_READ) && event_add(ev, NULL) == -1) {
        event_free(ev);
        return NULL;
    }

    return ev;
}
