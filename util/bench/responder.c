/*
 * The peer of the C function: a FastCGI responder that does as little as the
 * protocol allows.  One process, epoll, connections kept as the web server
 * asks; reads a request to the end of its input and answers with constant
 * bytes.
 *
 *     responder SOCKET BODY
 *
 * Only for benchmarks: it trusts the web server and ends on any surprise.
 */

#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>


#define MAX_FD         1024
#define BUFFER         16384
#define HEADER         8

#define BEGIN_REQUEST  1
#define END_REQUEST    3
#define STDIN          5
#define STDOUT         6

#define KEEP_CONN      1


typedef struct {
    size_t         length;
    int            keep;
    unsigned char  data[BUFFER];
} conn_t;


static conn_t        *conns[MAX_FD];
static unsigned char  answer[BUFFER];
static size_t         answer_length;


static void
die(const char *what)
{
    perror(what);
    exit(1);
}


static unsigned char *
record(unsigned char *p, int type, const char *text, size_t length)
{
    size_t  padding;

    padding = (8 - length % 8) % 8;

    p[0] = 1;
    p[1] = type;
    p[2] = 0;
    p[3] = 1;
    p[4] = length >> 8;
    p[5] = length & 0xff;
    p[6] = padding;
    p[7] = 0;

    memcpy(p + HEADER, text, length);
    memset(p + HEADER + length, 0, padding);

    return p + HEADER + length + padding;
}


static void
make_answer(const char *body)
{
    int             n;
    char            text[BUFFER / 2];
    unsigned char  *p;

    n = snprintf(text, sizeof(text), "Content-Type: application/json\r\n"
                 "Content-Length: %zu\r\n\r\n%s", strlen(body), body);

    if (n < 0 || n >= (int) sizeof(text)) {
        errno = EMSGSIZE;
        die("body");
    }

    p = record(answer, STDOUT, text, n);
    p = record(p, STDOUT, "", 0);
    p = record(p, END_REQUEST, "\0\0\0\0\0\0\0\0", 8);

    answer_length = p - answer;
}


static void
drop(int fd)
{
    free(conns[fd]);
    conns[fd] = NULL;
    (void) close(fd);
}


/* takes whole records off the buffer; answers after an empty STDIN */

static void
process(int fd)
{
    conn_t         *c;
    size_t          size, length;
    unsigned char  *p, *last;

    c = conns[fd];
    p = c->data;
    last = c->data + c->length;

    while ((size_t) (last - p) >= HEADER) {

        length = p[4] << 8 | p[5];
        size = HEADER + length + p[6];

        if ((size_t) (last - p) < size) {
            break;
        }

        if (p[1] == BEGIN_REQUEST) {
            c->keep = p[HEADER + 2] & KEEP_CONN;
        }

        if (p[1] == STDIN && length == 0) {
            if (write(fd, answer, answer_length) != (ssize_t) answer_length
                || !c->keep)
            {
                drop(fd);
                return;
            }
        }

        p += size;
    }

    c->length = last - p;
    memmove(c->data, p, c->length);
}


static void
readable(int fd)
{
    conn_t   *c;
    ssize_t   n;

    c = conns[fd];

    if (c->length == BUFFER) {
        drop(fd);
        return;
    }

    n = read(fd, c->data + c->length, BUFFER - c->length);

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN) {
            drop(fd);
        }

        return;
    }

    c->length += n;
    process(fd);
}


static void
accept_all(int ep, int listening)
{
    int                 fd;
    struct epoll_event  ev;

    for ( ;; ) {
        fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK|SOCK_CLOEXEC);
        if (fd == -1) {
            return;
        }

        if (fd >= MAX_FD) {
            (void) close(fd);
            continue;
        }

        conns[fd] = calloc(1, sizeof(conn_t));
        if (conns[fd] == NULL) {
            die("calloc");
        }

        memset(&ev, 0, sizeof(ev));
        ev.events = EPOLLIN;
        ev.data.fd = fd;

        if (epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == -1) {
            die("epoll_ctl");
        }
    }
}


static int
listen_on(const char *path)
{
    int                 fd;
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;

    if (strlen(path) >= sizeof(sun.sun_path)) {
        errno = ENAMETOOLONG;
        die(path);
    }

    strcpy(sun.sun_path, path);
    (void) unlink(path);

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_NONBLOCK|SOCK_CLOEXEC, 0);

    if (fd == -1
        || bind(fd, (struct sockaddr *) &sun, sizeof(sun)) == -1
        || chmod(path, 0666) == -1
        || listen(fd, 511) == -1)
    {
        die(path);
    }

    return fd;
}


int
main(int argc, char **argv)
{
    int                 ep, fd, i, n;
    struct epoll_event  ev, events[64];

    if (argc != 3) {
        fprintf(stderr, "usage: responder SOCKET BODY\n");
        return 2;
    }

    /* a client that leaves takes its connection here with it */

    (void) signal(SIGPIPE, SIG_IGN);

    make_answer(argv[2]);

    fd = listen_on(argv[1]);
    ep = epoll_create1(EPOLL_CLOEXEC);

    memset(&ev, 0, sizeof(ev));
    ev.events = EPOLLIN;
    ev.data.fd = fd;

    if (ep == -1 || epoll_ctl(ep, EPOLL_CTL_ADD, fd, &ev) == -1) {
        die("epoll");
    }

    for ( ;; ) {
        n = epoll_wait(ep, events, 64, -1);

        for (i = 0; i < n; i++) {
            if (events[i].data.fd == fd) {
                accept_all(ep, fd);

            } else {
                readable(events[i].data.fd);
            }
        }
    }
}
