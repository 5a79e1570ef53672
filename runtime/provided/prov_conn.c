/*
 * HTTP connections of the function's processes: reading requests, writing
 * answers, and those that wait in "next", for as long as it takes.
 *
 * Runs in the bridge's one thread; no locks.  One request at a time on each
 * connection; what is sent behind it waits.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "prov_ext.h"


#define PROV_BACKLOG  128


static struct event  *prov_accept_ev;


static void prov_conn_parse(prov_conn_t *c);


static void
prov_conn_close(prov_conn_t *c)
{
    prov_conn_t  **p;

    prov_api_cut(c);
    prov_ext_lost(c);

    if (c->waits) {
        prov_conn_unwait(c);
    }

    for (p = &prov.conns; *p != c; p = &(*p)->next) { /* void */ }

    *p = c->next;

    if (prov.n_conns-- == PROV_CONNS_MAX) {
        (void) event_add(prov_accept_ev, NULL);
    }

    event_free(c->read_ev);
    event_free(c->write_ev);
    (void) close(c->fd);
    prov_free(&c->in);
    prov_free(&c->out);
    free(c);
}


/* It called "next" and waits for an event. */

void
prov_conn_wait(prov_conn_t *c)
{
    c->waits = 1;
    c->after = NULL;
    *prov.nexts_last = c;
    prov.nexts_last = &c->after;
    prov.n_nexts++;
}


/* It is not in the queue of those any more. */

void
prov_conn_unwait(prov_conn_t *c)
{
    prov_conn_t  **p;

    for (p = &prov.nexts; *p != c; p = &(*p)->after) { /* void */ }

    *p = c->after;

    if (*p == NULL) {
        prov.nexts_last = p;
    }

    c->waits = 0;
    prov.n_nexts--;
}


static const char *
prov_conn_reason(int status)
{
    switch (status) {
    case 200: return "OK";
    case 202: return "Accepted";
    case 400: return "Bad Request";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 413: return "Request Entity Too Large";
    case 431: return "Request Header Fields Too Large";
    default:  return "Internal Server Error";
    }
}


/*
 * HEADERS are lines, the last one empty.  What follows on the connection is
 * read by the loop: the caller holds the connection.
 */

void
prov_conn_reply(prov_conn_t *c, int status, const char *headers, size_t hlen,
    const void *body, size_t len)
{
    int           n;
    char          line[256];
    struct iovec  iov[3];

    n = snprintf(line, sizeof(line), "HTTP/1.1 %d %s\r\n"
                 "Content-Length: %zu\r\n%s", status,
                 prov_conn_reason(status), len,
                 c->close ? "Connection: close\r\n" : "");

    if (hlen == 0) {
        (void) strcpy(line + n, "\r\n");
        n += 2;
    }

    iov[0].iov_base = line;
    iov[0].iov_len = n;
    iov[1].iov_base = (void *) headers;
    iov[1].iov_len = hlen;
    iov[2].iov_base = (void *) body;
    iov[2].iov_len = len;

    c->busy = 0;

    if (prov_send(c->fd, &c->out, iov, 3) != PROV_OK) {
        c->close = 1;
        prov_free(&c->out);
    }

    if (c->out.len || c->close || c->in.len > c->in.pos) {
        event_active(c->write_ev, EV_WRITE, 0);
    }
}


/* An error, or with TYPE NULL "OK". */

void
prov_conn_json(prov_conn_t *c, int status, const char *type,
    const char *message)
{
    int   n;
    char  body[512];

    static const char  head[] = "Content-Type: application/json\r\n\r\n";

    n = type == NULL
        ? snprintf(body, sizeof(body), "{\"status\":\"OK\"}\n")
        : snprintf(body, sizeof(body), "{\"errorMessage\":\"%s\","
                   "\"errorType\":\"%s\"}\n", message, type);

    n = n < (int) sizeof(body) ? n : (int) sizeof(body) - 1;
    prov_conn_reply(c, status, head, sizeof(head) - 1, body, n);
}


static void
prov_conn_writable(evutil_socket_t fd, short what, void *data)
{
    prov_conn_t  *c = data;

    (void) fd;
    (void) what;

    if (prov_send(c->fd, &c->out, NULL, 0) != PROV_OK) {
        prov_conn_close(c);
        return;
    }

    if (c->out.len) {
        (void) event_add(c->write_ev, NULL);
        return;
    }

    if (c->close && !c->busy) {
        prov_conn_close(c);
        return;
    }

    prov_conn_parse(c);
}


/*
 * Neither head nor body can be made sense of: the answer, and the end of the
 * connection, since nobody knows where the next request begins.
 */

static void
prov_conn_bad(prov_conn_t *c, int status)
{
    c->close = 1;
    c->in.pos = c->in.len = 0;

    if (c->head) {
        c->head = 0;
        prov_api_broken(c);
        return;
    }

    c->busy = 1;
    prov_conn_json(c, status, "InvalidRequest", "Malformed request");
}


/* The head was read: what is the rest for, and is it wanted at all? */

static int
prov_conn_head(prov_conn_t *c)
{
    struct iovec  iov;

    static char  go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

    c->head = 1;
    c->busy = 1;
    c->max = PROV_BODY_MAX;
    c->stream = 0;
    c->close = !c->http.keep;
    c->status = 0;

    if (prov_api_head(c) != PROV_OK) {

        /* a client that asks first sends no body then */

        if (c->http.expect) {
            c->close = 1;
            prov_api_body(c);
            c->head = 0;
            return PROV_ERROR;
        }

        return PROV_OK;
    }

    if (c->http.expect && (c->http.chunked || c->http.left)) {
        iov.iov_base = go_on;
        iov.iov_len = sizeof(go_on) - 1;

        if (prov_send(c->fd, &c->out, &iov, 1) != PROV_OK) {
            c->close = 1;
        }
    }

    return PROV_OK;
}


/* Room for all of a body whose length is known, so that it is read at once. */

static void
prov_conn_reserve(prov_conn_t *c)
{
    if (!c->http.chunked && !c->stream && c->http.left > PROV_READ
        && c->http.total + c->http.left <= c->max)
    {
        (void) prov_room(&c->in, c->http.left);
    }
}


static void
prov_conn_done(prov_conn_t *c)
{
    size_t  used;

    used = c->http.pos;
    prov_api_body(c);

    c->head = 0;
    c->in.pos += used;

    if (c->in.pos == c->in.len) {
        prov_shrink(&c->in);
    }
}


/* One request after another, as far as they are there. */

static void
prov_conn_parse(prov_conn_t *c)
{
    int      rc;
    char    *p;
    size_t   len;

    while (!c->busy || c->head) {
        p = c->in.data + c->in.pos;
        len = c->in.len - c->in.pos;

        if (!c->head) {

            if (len == 0 || c->close || c->out.len) {
                return;
            }

            if (!c->busy && c->http.head_len) {
                prov_http_init(&c->http);
            }

            rc = prov_http_head(&c->http, p, len);

            if (rc == PROV_HTTP_AGAIN) {
                return;
            }

            if (rc != PROV_HTTP_DONE) {
                prov_conn_bad(c, rc == PROV_HTTP_LARGE ? 431 : 400);
                return;
            }

            if (prov_conn_head(c) != PROV_OK) {
                return;
            }
        }

        rc = prov_http_body(&c->http, p, &len, c->max);

        if (c->stream) {
            prov_stream_data(c, p, &len, rc == PROV_HTTP_DONE);
        }

        c->in.len = c->in.pos + len;

        if (rc == PROV_HTTP_AGAIN) {
            prov_conn_reserve(c);
            return;
        }

        if (rc != PROV_HTTP_DONE) {
            prov_conn_bad(c, 400);
            return;
        }

        prov_conn_done(c);
    }
}


static void
prov_conn_readable(evutil_socket_t fd, short what, void *data)
{
    ssize_t       n;
    prov_conn_t  *c = data;

    (void) what;

    /* sent without waiting for answers: more than that is not kept */

    if (c->busy && !c->head && c->in.len - c->in.pos > PROV_KEEP) {
        prov_conn_close(c);
        return;
    }

    if (prov_room(&c->in, PROV_READ) != PROV_OK) {
        prov_conn_close(c);
        return;
    }

    n = recv(fd, c->in.data + c->in.len, c->in.size - c->in.len, 0);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n > 0) {
        c->in.len += n;
        prov_conn_parse(c);
        return;
    }

    if (c->head) {

        /* cut in its body; who has only shut down writing gets an answer */

        (void) event_del(c->read_ev);
        prov_conn_bad(c, 400);
        return;
    }

    prov_conn_close(c);
}


static void
prov_conn_accept(evutil_socket_t fd, short what, void *data)
{
    int           s, on;
    prov_conn_t  *c;

    (void) what;
    (void) data;

    s = accept4(fd, NULL, NULL, SOCK_CLOEXEC|SOCK_NONBLOCK);

    if (s == -1) {
        return;
    }

    on = 1;
    (void) setsockopt(s, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int));

    c = calloc(1, sizeof(prov_conn_t));

    if (c == NULL) {
        (void) close(s);
        return;
    }

    c->fd = s;
    c->read_ev = prov_event(s, EV_READ|EV_PERSIST, prov_conn_readable, c);
    c->write_ev = prov_event(s, EV_WRITE, prov_conn_writable, c);

    if (c->read_ev == NULL || c->write_ev == NULL) {
        if (c->read_ev) {
            event_free(c->read_ev);
        }

        (void) close(s);
        free(c);
        return;
    }

    c->next = prov.conns;
    prov.conns = c;

    if (++prov.n_conns == PROV_CONNS_MAX) {
        (void) event_del(prov_accept_ev);
    }
}


/*
 * The endpoint's address.  Where the host's network is shared it is of those
 * that only this environment's user may connect to, by a program in the
 * kernel: FAAS_OWN_ADDRESS in ../libfaas/faas_proto.h.
 */

int
prov_conn_listen(int own, char *address, size_t size)
{
    int                  fd, on;
    char                 host[INET_ADDRSTRLEN];
    socklen_t            len;
    struct sockaddr_in   sin;

    memset(&sin, 0, sizeof(sin));
    sin.sin_family = AF_INET;
    sin.sin_addr.s_addr = htonl(own ? FAAS_OWN_ADDRESS(getuid())
                                    : INADDR_LOOPBACK);
    len = sizeof(sin);

    fd = socket(AF_INET, SOCK_STREAM|SOCK_CLOEXEC|SOCK_NONBLOCK, 0);
    on = 1;

    if (fd == -1
        || setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(int)) == -1
        || bind(fd, (struct sockaddr *) &sin, len) == -1
        || listen(fd, PROV_BACKLOG) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        return PROV_ERROR;
    }

    (void) inet_ntop(AF_INET, &sin.sin_addr, host, sizeof(host));
    (void) snprintf(address, size, "%s:%u", host, ntohs(sin.sin_port));

    prov_accept_ev = prov_event(fd, EV_READ|EV_PERSIST, prov_conn_accept,
                                NULL);

    return prov_accept_ev != NULL ? PROV_OK : PROV_ERROR;
}
