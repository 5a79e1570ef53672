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


#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset  444
#endif

#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self   446
#endif

#define FAAS_LANDLOCK_SCOPE_SOCKETS  0x1    /* abstract Unix sockets */
#define FAAS_LANDLOCK_SCOPE_SIGNALS  0x2


/* struct landlock_ruleset_attr of version 6 */

typedef struct {
    uint64_t              handled_access_fs;
    uint64_t              handled_access_net;
    uint64_t              scoped;
} faas_landlock_t;


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


/*
 * Only the scopes: rules about files would cost each open() as much as the
 * mounts do for all of them.
 */

static void
faas_sandbox_scope(void)
{
    int              fd;
    faas_landlock_t  attr;

    memset(&attr, 0, sizeof(faas_landlock_t));
    attr.scoped = FAAS_LANDLOCK_SCOPE_SOCKETS|FAAS_LANDLOCK_SCOPE_SIGNALS;

    fd = syscall(SYS_landlock_create_ruleset, &attr, sizeof(attr), 0);

    if (fd == -1 || syscall(SYS_landlock_restrict_self, fd, 0) == -1) {
        faas_sandbox_die("landlock");
    }

    (void) close(fd);
}


void
faas_sandbox_lock(const faas_box_t *box)
{
    struct sock_fprog  prog;

    if (box->spawn->flags & FAAS_SPAWN_SCOPED) {
        faas_sandbox_scope();
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
