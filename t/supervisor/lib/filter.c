/*
 * The filter of system calls where nothing else keeps the host's Unix sockets
 * apart.  Prints TAP.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "sup_tap.h"


static int
refused(int rc)
{
    return rc == -1 && errno == EPERM;
}


int
main(void)
{
    int                 fd, pair[2];
    socklen_t           len;
    uint32_t            size;
    struct sock_fprog   prog;
    struct sockaddr_un  sun;

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    len = offsetof(struct sockaddr_un, sun_path) + 1
          + (socklen_t) snprintf(sun.sun_path + 1, sizeof(sun.sun_path) - 1,
                                 "faas-filter-%d", (int) getpid());

    fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    ok(bind(fd, (struct sockaddr *) &sun, len) == 0
       && socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) == 0
       && sendto(pair[0], "x", 1, 0, (struct sockaddr *) &sun, len) == 1,
       "a pair of datagrams reaches any name");

    prog.filter = sup_seccomp_filter(NULL, 0, &size);
    prog.len = (unsigned short) (size / sizeof(struct sock_filter));

    ok(prog.filter != NULL && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
       && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == 0,
       "the filter is in place");

    ok(refused(socket(AF_UNIX, SOCK_STREAM, 0)), "no Unix socket");
    ok(refused(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair)),
       "no pair of datagrams");
    ok(refused(socketpair(AF_UNIX, SOCK_RAW, 0, pair)),
       "which can be called raw as well");
    ok(refused(socketpair(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC, 0, pair)),
       "with flags neither");
    ok(socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, pair) == 0,
       "but one of streams");
    ok(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair) == 0, "and of packets");

    (void) printf("1..%d\n", count);

    return failed != 0;
}
