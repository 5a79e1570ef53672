/*
 * The end of an environment's set-up: its network, while it still may, and
 * then what no process can take back: Landlock and the filter of system
 * calls.  See faas_sandbox.c.
 *
 * Runs in a freshly cloned child of a zygote; system calls only.
 */

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <net/if.h>
#include <stdint.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faas_sandbox.h"


/* A new network namespace has a loopback interface that is down. */

void
faas_sandbox_network(void)
{
    int           fd;
    struct ifreq  ifr;

    fd = socket(AF_INET, SOCK_DGRAM|SOCK_CLOEXEC, 0);

    memset(&ifr, 0, sizeof(struct ifreq));
    memcpy(ifr.ifr_name, "lo", sizeof("lo"));

    if (fd == -1 || ioctl(fd, SIOCGIFFLAGS, &ifr) == -1) {
        faas_sandbox_die("loopback interface");
    }

    ifr.ifr_flags |= IFF_UP;

    if (ioctl(fd, SIOCSIFFLAGS, &ifr) == -1) {
        faas_sandbox_die("loopback interface");
    }

    (void) close(fd);
}


void
faas_sandbox_lock(const faas_box_t *box)
{
    struct sock_fprog  prog;

    if (box->spawn->flags & FAAS_SPAWN_SCOPED) {
        faas_landlock_scope();
    }

    if (box->filter_n == 0) {
        return;
    }

    prog.len = box->filter_n;
    prog.filter = (struct sock_filter *) box->filter;

    if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog, 0, 0) == -1) {
        faas_sandbox_die("seccomp");
    }
}
