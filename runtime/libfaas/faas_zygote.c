/*
 * The zygote's loop: takes SPAWN messages from the supervisor and clones an
 * environment for each.
 *
 * Runs in zygotes and in the exec spawner, as root in the template root or as
 * an ordinary user; one thread, no locks.  Children are made with
 * CLONE_PARENT: they are the supervisor's, which alone waits for them.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faas_sandbox.h"
#include "faas_zygote.h"


#define FAAS_ZYGOTE_FD       3
#define FAAS_ZYGOTE_FDS      (8 + FAAS_SANDBOX_TASKS)
#define FAAS_ZYGOTE_FILTER   8            /* sizeof(struct sock_filter) */
#define FAAS_ZYGOTE_STRINGS  4096

#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP    0x200000000ULL
#endif


/* the kernel's struct clone_args up to the field we need */

typedef struct {
    uint64_t              flags;
    uint64_t              pidfd;
    uint64_t              child_tid;
    uint64_t              parent_tid;
    uint64_t              exit_signal;
    uint64_t              stack;
    uint64_t              stack_size;
    uint64_t              tls;
    uint64_t              set_tid;
    uint64_t              set_tid_size;
    uint64_t              cgroup;
} faas_clone_args_t;


typedef struct {
    union {
        faas_spawn_t      spawn;
        char              bytes[FAAS_SPAWN_MAX];
    } in;

    size_t                len;
    int                   fds[FAAS_ZYGOTE_FDS];
    unsigned              n_fds;
    char                 *strings[FAAS_ZYGOTE_STRINGS + 2];
    const char           *cwd;
    int                   exec;
    int                   maps[2];        /* a byte: they are written */
    void                 *tid;            /* where glibc keeps it */
    void                 *robust;
    size_t                robust_len;
} faas_zygote_t;


static void faas_zygote_start(const char *version);
static int faas_zygote_receive(void);
static void faas_zygote_take_fds(struct msghdr *msg);
static void faas_zygote_close_fds(void);
static int faas_zygote_spawn(void);
static void faas_zygote_user(pid_t pid);
static int faas_zygote_box(faas_box_t *box);
static int faas_zygote_strings(void);
static pid_t faas_zygote_clone(faas_box_t *box);
static pid_t faas_zygote_clone_legacy(uint64_t flags);
static void faas_zygote_exec(void);
static void faas_zygote_reply(uint32_t type, pid_t pid, int err,
    const char *text);


static faas_zygote_t  zygote;


void
faas_zygote_serve(const char *version, int exec)
{
    unsigned  i;

    zygote.exec = exec;

    faas_zygote_start(version);

    for ( ;; ) {

        if (faas_zygote_receive() == 0) {
            continue;
        }

        for (i = faas_atfork_n; i > 0; i--) {
            if (faas_atfork[i - 1].prepare) {
                faas_atfork[i - 1].prepare();
            }
        }

        if (faas_zygote_spawn() == 0) {

            for (i = 0; i < faas_atfork_n; i++) {
                if (faas_atfork[i].child) {
                    faas_atfork[i].child();
                }
            }

            return;
        }

        for (i = 0; i < faas_atfork_n; i++) {
            if (faas_atfork[i].parent) {
                faas_atfork[i].parent();
            }
        }

        faas_zygote_close_fds();
    }
}


/*
 * After a raw clone glibc would go on to believe that the child has its
 * parent's thread id, and mutexes would be owned by a stranger.  The kernel
 * knows where glibc keeps it, and can set it.
 */

static void
faas_zygote_start(const char *version)
{
    int       fd;
    sigset_t  set;

    do {
        fd = open("/dev/null", O_RDWR|O_CLOEXEC);
    } while (fd != -1 && fd < FAAS_ZYGOTE_FD);

    if (fd > FAAS_ZYGOTE_FD) {
        (void) close(fd);
    }

    (void) fcntl(FAAS_ZYGOTE_FD, F_SETFD, FD_CLOEXEC);
    (void) sigemptyset(&set);
    (void) sigprocmask(SIG_SETMASK, &set, NULL);

    if (prctl(PR_GET_TID_ADDRESS, &zygote.tid, 0, 0, 0) == -1) {
        faas_sandbox_die("PR_GET_TID_ADDRESS");
    }

    if (syscall(SYS_get_robust_list, 0, &zygote.robust, &zygote.robust_len)
        == -1)
    {
        faas_sandbox_die("get_robust_list");
    }

    faas_zygote_reply(FAAS_ZYGOTE_UP, 0, 0, version);
}


/* 1: a message is in zygote.in; 0: it was bad, and that was said */

static int
faas_zygote_receive(void)
{
    ssize_t        n;
    struct iovec   iov;
    struct msghdr  msg;

    union {
        char            buf[CMSG_SPACE(FAAS_ZYGOTE_FDS * sizeof(int))];
        struct cmsghdr  align;
    } control;

    iov.iov_base = zygote.in.bytes;
    iov.iov_len = sizeof(zygote.in.bytes) - 1;

    memset(&msg, 0, sizeof(struct msghdr));
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.buf;
    msg.msg_controllen = sizeof(control.buf);

    do {
        n = recvmsg(FAAS_ZYGOTE_FD, &msg, MSG_CMSG_CLOEXEC);
    } while (n == -1 && errno == EINTR);

    if (n <= 0) {

        /* the supervisor has gone, and with it the reason to be */
        _exit(n == 0 ? 0 : 1);
    }

    zygote.len = n;
    zygote.in.bytes[n] = '\0';

    faas_zygote_take_fds(&msg);

    if (zygote.len < sizeof(faas_spawn_t)
        || zygote.in.spawn.magic != FAAS_SPAWN_MAGIC
        || (msg.msg_flags & (MSG_TRUNC|MSG_CTRUNC)))
    {
        memset(&zygote.in.spawn, 0, sizeof(faas_spawn_t));
        faas_zygote_reply(FAAS_ZYGOTE_FAILED, 0, EINVAL, "message");
        faas_zygote_close_fds();
        return 0;
    }

    return 1;
}


static void
faas_zygote_take_fds(struct msghdr *msg)
{
    struct cmsghdr  *cmsg;

    zygote.n_fds = 0;

    for (cmsg = CMSG_FIRSTHDR(msg); cmsg; cmsg = CMSG_NXTHDR(msg, cmsg)) {

        if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS) {
            continue;
        }

        zygote.n_fds = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);
        memcpy(zygote.fds, CMSG_DATA(cmsg), zygote.n_fds * sizeof(int));
    }
}


static void
faas_zygote_close_fds(void)
{
    while (zygote.n_fds) {
        (void) close(zygote.fds[--zygote.n_fds]);
    }
}


/* 0 in the child, else not 0 */

static int
faas_zygote_spawn(void)
{
    pid_t       pid;
    faas_box_t  box;

    if (faas_zygote_box(&box) == -1) {
        faas_zygote_reply(FAAS_ZYGOTE_FAILED, 0, EINVAL, "descriptors");
        return 1;
    }

    if (zygote.exec && faas_zygote_strings() == -1) {
        faas_zygote_reply(FAAS_ZYGOTE_FAILED, 0, EINVAL, "arguments");
        return 1;
    }

    if ((box.spawn->flags & FAAS_SPAWN_NEWUSER)
        && pipe2(zygote.maps, O_CLOEXEC) == -1)
    {
        faas_zygote_reply(FAAS_ZYGOTE_FAILED, 0, errno, "pipe");
        return 1;
    }

    pid = faas_zygote_clone(&box);

    if (box.spawn->flags & FAAS_SPAWN_NEWUSER) {
        faas_zygote_user(pid);
    }

    if (pid == -1) {
        faas_zygote_reply(FAAS_ZYGOTE_FAILED, 0, errno, "clone");
        return 1;
    }

    if (pid > 0) {
        faas_zygote_reply(FAAS_ZYGOTE_SPAWNED, pid, 0, "");
        return 1;
    }

    (void) syscall(SYS_set_robust_list, zygote.robust, zygote.robust_len);

    faas_sandbox_enter(&box);

    if (zygote.exec) {
        faas_zygote_exec();
    }

    return 0;
}


/*
 * Until somebody outside says who it is, a process in a new user namespace is
 * nobody and can do nothing.  The child waits; when it is told nothing the
 * maps could not be written.
 */

static void
faas_zygote_user(pid_t pid)
{
    int   err;
    char  c;

    err = errno;

    if (pid > 0 && faas_user_maps(pid, getuid(), getgid()) == 0
        && write(zygote.maps[1], "", 1) == 1)
    {
        /* it goes on */
    }

    (void) close(zygote.maps[1]);

    if (pid == 0 && read(zygote.maps[0], &c, 1) != 1) {
        errno = EPERM;
        faas_sandbox_die("user namespace");
    }

    (void) close(zygote.maps[0]);
    errno = err;
}


static int
faas_zygote_box(faas_box_t *box)
{
    unsigned             i, n;
    const faas_spawn_t  *spawn;

    spawn = &zygote.in.spawn;

    if (spawn->n_tasks > FAAS_SANDBOX_TASKS) {
        return -1;
    }

    n = 3 + spawn->n_tasks + !!(spawn->flags & FAAS_SPAWN_CGROUP2)
        + !!(spawn->flags & FAAS_SPAWN_TREE)
        + !!(spawn->flags & FAAS_SPAWN_SHARED)
        + !!(spawn->flags & FAAS_SPAWN_LAYERS)
        + !!(spawn->flags & FAAS_SPAWN_LANDLOCK);

    if (zygote.n_fds != n
        || spawn->filter_len > zygote.len - sizeof(faas_spawn_t)
        || spawn->filter_len % FAAS_ZYGOTE_FILTER)
    {
        return -1;
    }

    box->spawn = spawn;
    box->listen = zygote.fds[0];
    box->log = zygote.fds[1];
    box->control = zygote.fds[2];

    n = 3;
    box->cgroup = (spawn->flags & FAAS_SPAWN_CGROUP2) ? zygote.fds[n++] : -1;

    for (i = 0; i < spawn->n_tasks; i++) {
        box->tasks[i] = zygote.fds[n++];
    }

    box->tree = (spawn->flags & FAAS_SPAWN_TREE) ? zygote.fds[n++] : -1;
    box->shared = (spawn->flags & FAAS_SPAWN_SHARED) ? zygote.fds[n++] : -1;
    box->layers = (spawn->flags & FAAS_SPAWN_LAYERS) ? zygote.fds[n++] : -1;
    box->runtime = (spawn->flags & FAAS_SPAWN_LANDLOCK) ? zygote.fds[n++]
                                                        : -1;

    box->filter = zygote.in.bytes + sizeof(faas_spawn_t);
    box->filter_n = spawn->filter_len / FAAS_ZYGOTE_FILTER;

    return 0;
}


/* The vectors for execve(), pointing into the message. */

static int
faas_zygote_strings(void)
{
    char      *p, *last, *zero, **s;
    uint32_t   argc, envc;

    static const char  root[] = "LAMBDA_TASK_ROOT=";

    argc = zygote.in.spawn.argc;
    envc = zygote.in.spawn.envc;

    if (argc == 0 || argc > FAAS_ZYGOTE_STRINGS
        || envc > FAAS_ZYGOTE_STRINGS - argc)
    {
        return -1;
    }

    p = zygote.in.bytes + sizeof(faas_spawn_t) + zygote.in.spawn.filter_len;
    last = zygote.in.bytes + zygote.len;

    zygote.cwd = "/";

    for (s = zygote.strings; argc + envc; s++) {

        zero = memchr(p, '\0', last - p);

        if (zero == NULL) {
            return -1;
        }

        *s = p;

        if (argc) {

            if (--argc == 0) {
                *++s = NULL;
            }

        } else {
            envc--;

            if (strncmp(p, root, sizeof(root) - 1) == 0) {
                zygote.cwd = p + sizeof(root) - 1;
            }
        }

        p = zero + 1;
    }

    *s = NULL;

    return 0;
}


static pid_t
faas_zygote_clone(faas_box_t *box)
{
    long               pid;
    uint32_t           flags;
    faas_clone_args_t  args;

    flags = box->spawn->flags;

    memset(&args, 0, sizeof(faas_clone_args_t));

    /* no exit signal: with CLONE_PARENT the child has its sibling's */

    args.flags = CLONE_PARENT|CLONE_CHILD_SETTID|CLONE_CHILD_CLEARTID;
    args.child_tid = (uintptr_t) zygote.tid;

    args.flags |= (flags & FAAS_SPAWN_NEWPID) ? CLONE_NEWPID : 0;
    args.flags |= (flags & FAAS_SPAWN_NEWNS) ? CLONE_NEWNS : 0;
    args.flags |= (flags & FAAS_SPAWN_NEWIPC) ? CLONE_NEWIPC : 0;
    args.flags |= (flags & FAAS_SPAWN_NEWUTS) ? CLONE_NEWUTS : 0;
    args.flags |= (flags & FAAS_SPAWN_NEWNET) ? CLONE_NEWNET : 0;
    args.flags |= (flags & FAAS_SPAWN_NEWUSER) ? CLONE_NEWUSER : 0;

    if (box->cgroup != -1) {
        args.flags |= CLONE_INTO_CGROUP;
        args.cgroup = box->cgroup;
    }

    pid = syscall(SYS_clone3, &args, sizeof(faas_clone_args_t));

    if (pid == -1 && (errno == ENOSYS || errno == EPERM)) {

        /* container engines hide clone3() from what they cannot look into */
        return faas_zygote_clone_legacy(args.flags & ~CLONE_INTO_CGROUP);
    }

    if (pid == 0) {
        box->cgroup = -1;
    }

    return pid;
}


static pid_t
faas_zygote_clone_legacy(uint64_t flags)
{
#if defined(__x86_64__)
    return syscall(SYS_clone, flags, 0, NULL, zygote.tid, 0);
#else
    return syscall(SYS_clone, flags, 0, NULL, 0, zygote.tid);
#endif
}


static void
faas_zygote_exec(void)
{
    int        signo;
    char     **envp;
    sigset_t   set;

    for (envp = zygote.strings; *envp; envp++) { /* void */ }

    envp++;

    /* ignored signals would stay ignored */

    for (signo = 1; signo < NSIG; signo++) {
        (void) signal(signo, SIG_DFL);
    }

    (void) sigemptyset(&set);
    (void) sigprocmask(SIG_SETMASK, &set, NULL);

    if (chdir(zygote.cwd) == -1 && chdir("/") == -1) {
        faas_sandbox_die("chdir");
    }

    (void) execve(zygote.strings[0], zygote.strings, envp);

    faas_sandbox_die(zygote.strings[0]);
}


static void
faas_zygote_reply(uint32_t type, pid_t pid, int err, const char *text)
{
    ssize_t              n;
    faas_zygote_reply_t  reply;

    memset(&reply, 0, sizeof(faas_zygote_reply_t));
    reply.type = type;
    reply.slot = zygote.in.spawn.slot;
    reply.generation = zygote.in.spawn.generation;
    reply.pid = pid;
    reply.error = err;
    strncpy(reply.text, text, sizeof(reply.text) - 1);

    do {
        n = send(FAAS_ZYGOTE_FD, &reply, sizeof(faas_zygote_reply_t),
                 MSG_NOSIGNAL);
    } while (n == -1 && errno == EINTR);

    if (n == -1) {
        _exit(0);
    }
}
