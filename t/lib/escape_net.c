/*
 * The cases of escape.c that talk to somebody.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "escape.h"


/* "127.0.0.1:80", "[::1]:80"; TYPE is of the socket */

static long
inet_address(const char *text, struct sockaddr_storage *ss)
{
    char                  buf[128], *port;
    struct sockaddr_in   *sin = (struct sockaddr_in *) ss;
    struct sockaddr_in6  *sin6 = (struct sockaddr_in6 *) ss;

    (void) snprintf(buf, sizeof(buf), "%s", text);
    memset(ss, 0, sizeof(*ss));
    port = strrchr(buf, ':');

    if (port == NULL) {
        return -1;
    }

    *port++ = '\0';

    if (buf[0] == '[') {
        port[-2] = '\0';
        sin6->sin6_family = AF_INET6;
        sin6->sin6_port = htons(atoi(port));
        return inet_pton(AF_INET6, buf + 1, &sin6->sin6_addr) == 1
               ? (long) sizeof(*sin6) : -1;
    }

    sin->sin_family = AF_INET;
    sin->sin_port = htons(atoi(port));

    return inet_pton(AF_INET, buf, &sin->sin_addr) == 1
           ? (long) sizeof(*sin) : -1;
}


long
t_connect(const char *arg)
{
    int                      fd;
    long                     len;
    struct pollfd            pfd;
    struct sockaddr_storage  ss;

    len = inet_address(arg, &ss);
    fd = socket(ss.ss_family, SOCK_STREAM|SOCK_NONBLOCK, 0);

    if (len == -1 || fd == -1) {
        return -1;
    }

    if (connect(fd, (struct sockaddr *) &ss, len) == 0) {
        return close(fd);
    }

    if (errno != EINPROGRESS) {
        return -1;
    }

    pfd.fd = fd;
    pfd.events = POLLOUT;
    (void) poll(&pfd, 1, 1000);
    len = sizeof(int);
    (void) getsockopt(fd, SOL_SOCKET, SO_ERROR, &errno, (socklen_t *) &len);
    (void) close(fd);

    return errno ? -1 : 0;
}


/* Sends nothing: says who would be sent to. */

long
t_connect_udp(const char *arg)
{
    int                      fd, rc;
    long                     len;
    struct sockaddr_storage  ss;

    len = inet_address(arg, &ss);
    fd = socket(ss.ss_family, SOCK_DGRAM, 0);

    if (len == -1 || fd == -1) {
        return -1;
    }

    rc = connect(fd, (struct sockaddr *) &ss, len);

    return rc == -1 ? -1 : close(fd);
}


long
t_sendto(const char *arg)
{
    int                      fd;
    long                     len;
    struct sockaddr_storage  ss;

    len = inet_address(arg, &ss);
    fd = socket(ss.ss_family, SOCK_DGRAM, 0);

    return len == -1 || fd == -1
           ? -1 : sendto(fd, "x", 1, 0, (struct sockaddr *) &ss, len);
}


static long
binds(const char *arg, int type)
{
    int                      fd, rc, err;
    long                     len;
    struct sockaddr_storage  ss;

    len = inet_address(arg, &ss);
    fd = socket(ss.ss_family, type, 0);
    rc = len == -1 || fd == -1 ? -1
         : bind(fd, (struct sockaddr *) &ss, len);
    err = errno;

    if (fd != -1) {
        (void) close(fd);
    }

    errno = err;

    return rc;
}


long
t_bind_tcp(const char *arg)
{
    return binds(arg, SOCK_STREAM);
}


long
t_bind_udp(const char *arg)
{
    return binds(arg, SOCK_DGRAM);
}


/* The port of a socket that listens without having been bound. */

long
t_listen(const char *arg)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_in  sin;

    (void) arg;
    fd = socket(AF_INET, SOCK_STREAM, 0);
    len = sizeof(sin);

    if (fd == -1 || listen(fd, 8) == -1
        || getsockname(fd, (struct sockaddr *) &sin, &len) == -1)
    {
        return -1;
    }

    return ntohs(sin.sin_port);        /* stays open */
}


static long
abstract(const char *name, int listening)
{
    int                 fd;
    socklen_t           len;
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    (void) snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1, "%s", name);
    len = offsetof(struct sockaddr_un, sun_path) + 1 + strlen(name);

    fd = socket(AF_UNIX, SOCK_STREAM, 0);

    if (fd == -1) {
        return -1;
    }

    if (!listening) {
        return connect(fd, (struct sockaddr *) &sun, len);
    }

    return bind(fd, (struct sockaddr *) &sun, len) == -1 ? -1
           : listen(fd, 8);            /* stays open */
}


long
t_abstract_connect(const char *arg)
{
    return abstract(arg, 0);
}


long
t_abstract_listen(const char *arg)
{
    return abstract(arg, 1);
}


long
t_unix_connect(const char *arg)
{
    int                 fd;
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    (void) snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", arg);
    fd = socket(AF_UNIX, SOCK_STREAM, 0);

    return fd == -1 ? -1 : connect(fd, (struct sockaddr *) &sun, sizeof(sun));
}
