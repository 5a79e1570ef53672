/*
 * Child set-up between clone and user code: descriptors, cgroups, session,
 * limits, identity.  Mounts are in faas_sandbox_mount.c, the network and what
 * needs no privilege in faas_sandbox_lock.c.
 *
 * Runs in a freshly cloned child of a zygote, which has one thread; takes no
 * locks and allocates nothing.  The order is that of privilege: what needs
 * root comes first, and nothing is regained.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faas_sandbox.h"


#define FAAS_OOM_SCORE_ADJ  "500"
#define FAAS_HOST           "sandbox"
#define FAAS_MEMLOCK        65536     /* bytes */
#define FAAS_SIGPENDING     4096      /* of all processes of its user */

#ifndef CLONE_NEWCGROUP
#define CLONE_NEWCGROUP     0x02000000
#endif


static void faas_sandbox_fds(const faas_box_t *box);
static void faas_sandbox_cgroups(const faas_box_t *box);
static void faas_sandbox_limits(const faas_box_t *box);
static void faas_sandbox_limit(int resource, rlim_t value, const char *step);
static void faas_sandbox_oom_score(void);
static void faas_sandbox_no_new_privs(void);
static void faas_sandbox_user(uint32_t uid, uint32_t gid);
static void faas_sandbox_close(void);
static void faas_sandbox_identity(const faas_box_t *box);
static void faas_sandbox_capabilities(void);


void
faas_sandbox_enter(const faas_box_t *box)
{
    faas_sandbox_fds(box);
    faas_sandbox_cgroups(box);

    /* after it has joined them, so that they are the root of what it sees */

    if ((box->spawn->flags & FAAS_SPAWN_NEWCGROUP)
        && unshare(CLONE_NEWCGROUP) == -1)
    {
        faas_sandbox_die("cgroup namespace");
    }

    if (box->spawn->flags & FAAS_SPAWN_NEWNS) {
        faas_sandbox_mounts(box);
    }

    if (box->spawn->flags & FAAS_SPAWN_NEWNET) {
        faas_sandbox_network();
    }

    /* a name that says nothing of the host */

    if ((box->spawn->flags & FAAS_SPAWN_NEWUTS)
        && (sethostname(FAAS_HOST, sizeof(FAAS_HOST) - 1) == -1
            || setdomainname("", 0) == -1))
    {
        faas_sandbox_die("sethostname");
    }

    if (setsid() == -1 && errno != EPERM) {
        faas_sandbox_die("setsid");
    }

    faas_sandbox_oom_score();
    faas_sandbox_limits(box);

    if (box->spawn->flags & FAAS_SPAWN_LANDLOCK) {
        faas_sandbox_no_new_privs();
        faas_landlock_files(box);
    }

    faas_sandbox_close();

    if (box->spawn->flags & (FAAS_SPAWN_SETUID|FAAS_SPAWN_NEWUSER)) {
        faas_sandbox_identity(box);
    }

    if (box->spawn->flags & FAAS_SPAWN_NO_NEW_PRIVS) {
        faas_sandbox_no_new_privs();
    }

    faas_sandbox_lock(box);
}


static void
faas_sandbox_no_new_privs(void)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1) {
        faas_sandbox_die("no_new_privs");
    }
}


void
faas_sandbox_die(const char *step)
{
    int   n;
    char  line[256];

    n = snprintf(line, sizeof(line), "faas: %s: %s\n", step, strerror(errno));

    if (n > 0 && write(STDERR_FILENO, line, n) == -1) {
        /* nobody is left to be told */
    }

    _exit(FAAS_EXIT_SETUP);
}


/*
 * First of all, so that what fails later is said in this environment's log.
 * dup2() clears close-on-exec.
 */

static void
faas_sandbox_fds(const faas_box_t *box)
{
    if (dup2(box->log, STDERR_FILENO) == -1
        || dup2(box->log, STDOUT_FILENO) == -1
        || dup2(box->listen, 0) == -1
        || dup2(box->control, 3) == -1)
    {
        faas_sandbox_die("descriptors");
    }
}


/*
 * A process with one thread that writes "0" for itself moves in microseconds;
 * being moved by another process waits for an RCU grace period.
 */

static void
faas_sandbox_cgroups(const faas_box_t *box)
{
    int       fd;
    uint32_t  i;

    for (i = 0; i < box->spawn->n_tasks; i++) {
        if (write(box->tasks[i], "0", 1) != 1) {
            faas_sandbox_die("cgroup tasks");
        }
    }

    /* with clone3() the kernel has done it */

    if (box->cgroup != -1) {
        fd = openat(box->cgroup, "cgroup.procs", O_WRONLY|O_CLOEXEC);

        if (fd == -1 || write(fd, "0", 1) != 1) {
            faas_sandbox_die("cgroup.procs");
        }

        (void) close(fd);
    }
}


/* The kernel's choice when memory runs out.  It may always be raised. */

static void
faas_sandbox_oom_score(void)
{
    int  fd;

    fd = open("/proc/self/oom_score_adj", O_WRONLY|O_CLOEXEC);

    if (fd != -1) {

        if (write(fd, FAAS_OOM_SCORE_ADJ, sizeof(FAAS_OOM_SCORE_ADJ) - 1)
            == -1)
        {
            /* only a preference; a container may forbid it */
        }

        (void) close(fd);
    }
}


/* Root may lack CAP_SYS_RESOURCE, so never ask for more than there is. */

static void
faas_sandbox_limit(int resource, rlim_t value, const char *step)
{
    struct rlimit  rl;

    if (getrlimit(resource, &rl) == -1) {
        faas_sandbox_die(step);
    }

    if (value > rl.rlim_max) {
        value = rl.rlim_max;
    }

    rl.rlim_cur = rl.rlim_max = value;

    if (setrlimit(resource, &rl) == -1) {
        faas_sandbox_die(step);
    }
}


/* What a cgroup does not count, or counts for somebody else. */

static void
faas_sandbox_limits(const faas_box_t *box)
{
    /*
     * A program that kernel.core_pattern pipes dumps to is started with 0,
     * too, but not with 1; a file of 1 byte is none.
     */

    faas_sandbox_limit(RLIMIT_CORE, 1, "RLIMIT_CORE");
    faas_sandbox_limit(RLIMIT_MEMLOCK, FAAS_MEMLOCK, "RLIMIT_MEMLOCK");
    faas_sandbox_limit(RLIMIT_MSGQUEUE, 0, "RLIMIT_MSGQUEUE");
    faas_sandbox_limit(RLIMIT_SIGPENDING, FAAS_SIGPENDING,
                       "RLIMIT_SIGPENDING");
    faas_sandbox_limit(RLIMIT_NICE, 0, "RLIMIT_NICE");
    faas_sandbox_limit(RLIMIT_RTPRIO, 0, "RLIMIT_RTPRIO");

    if (box->spawn->rlimit_nofile) {
        faas_sandbox_limit(RLIMIT_NOFILE, box->spawn->rlimit_nofile,
                           "RLIMIT_NOFILE");
    }

    if (box->spawn->rlimit_nproc) {
        faas_sandbox_limit(RLIMIT_NPROC, box->spawn->rlimit_nproc,
                           "RLIMIT_NPROC");
    }

    if (box->spawn->rlimit_data) {
        faas_sandbox_limit(RLIMIT_DATA, box->spawn->rlimit_data,
                           "RLIMIT_DATA");
    }
}


static void
faas_sandbox_close(void)
{
    if (syscall(SYS_close_range, 4U, ~0U, 0U) == -1) {
        faas_sandbox_die("close_range");
    }
}


static void
faas_sandbox_identity(const faas_box_t *box)
{
    int  cap;

    for (cap = 0; prctl(PR_CAPBSET_DROP, cap, 0, 0, 0) == 0; cap++) {
        /* void */
    }

    /* EINVAL says that the last known capability is behind us */

    if (errno != EINVAL) {
        faas_sandbox_die("bounding set");
    }

    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) == -1) {
        faas_sandbox_die("ambient set");
    }

    if (box->spawn->flags & FAAS_SPAWN_SETUID) {
        faas_sandbox_user(box->spawn->uid, box->spawn->gid
                                           ? box->spawn->gid
                                           : box->spawn->uid);
    }

    /*
     * The session keyring is that of whoever started nginx.  A kernel without
     * keyrings, or a filter that refuses them, is as good.
     */

    (void) syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);

    faas_sandbox_capabilities();
}


/*
 * Raw system calls: the library's own would tell the other threads, of which
 * there are none.
 */

static void
faas_sandbox_user(uint32_t uid, uint32_t gid)
{
    if (syscall(SYS_setgroups, 0, NULL) == -1) {
        faas_sandbox_die("setgroups");
    }

    if (syscall(SYS_setresgid, gid, gid, gid) == -1) {
        faas_sandbox_die("setresgid");
    }

    if (syscall(SYS_setresuid, uid, uid, uid) == -1) {
        faas_sandbox_die("setresuid");
    }
}


/* A zygote with SECBIT_NO_SETUID_FIXUP would have kept them. */

static void
faas_sandbox_capabilities(void)
{
    struct __user_cap_header_struct  head;
    struct __user_cap_data_struct    data[_LINUX_CAPABILITY_U32S_3];

    head.version = _LINUX_CAPABILITY_VERSION_3;
    head.pid = 0;
    memset(data, 0, sizeof(data));

    if (syscall(SYS_capset, &head, data) == -1) {
        faas_sandbox_die("capset");
    }
}
