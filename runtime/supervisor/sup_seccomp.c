/*
 * Filters of system calls, made with libseccomp once for each class of
 * environments and sent to zygotes as the kernel's own program, because to
 * build one takes longer than all else that a clone does.
 *
 * What is known and not refused is allowed.  Refused calls fail with EPERM.
 * What is newer than this file fails with ENOSYS, upon which libraries do what
 * they did before there was such a call.  Calls of another architecture end
 * the process.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <seccomp.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "sup_seccomp.h"


#define SUP_SECCOMP_LAST     450         /* newest call that was looked at */
#define SUP_SECCOMP_FUTURE   64          /* so many after it are not there */
#define SUP_SECCOMP_MAX      32768       /* bytes of a filter */

#define SUP_SETID            (S_ISUID|S_ISGID)
#define SUP_TMPFILE          020000000   /* __O_TMPFILE */

#define SUP_NAMESPACES                                                        \
    (CLONE_NEWNS|CLONE_NEWCGROUP|CLONE_NEWUTS|CLONE_NEWIPC|CLONE_NEWUSER      \
     |CLONE_NEWPID|CLONE_NEWNET)


/* calls that are allowed with some arguments only */

static const char *const  sup_conditional[] = {
    "chmod", "clone", "clone3", "creat", "fchmod", "fchmodat", "fsetxattr",
    "lsetxattr", "memfd_create", "mknod", "mknodat", "mmap", "open", "openat",
    "personality", "prlimit64", "setxattr", "socket", "socketpair",
    NULL
};


static int
sup_seccomp_in(const char *const *list, const char *name)
{
    for ( /* void */ ; *list != NULL; list++) {
        if (strcmp(*list, name) == 0) {
            return 1;
        }
    }

    return 0;
}


static int
sup_seccomp_refused(json_t *more, const char *name)
{
    size_t                     i;
    json_t                    *item;
    const char *const *const  *list;

    for (list = sup_refused; *list != NULL; list++) {
        if (sup_seccomp_in(*list, name)) {
            return 1;
        }
    }

    json_array_foreach(more, i, item) {
        if (json_is_string(item)
            && strcmp(json_string_value(item), name) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/* Adds a rule for one call; errors are collected and told at the end. */

static void
sup_seccomp_allow(scmp_filter_ctx ctx, int *rc, const char *name, unsigned n,
    const struct scmp_arg_cmp *args)
{
    int  nr, err;

    nr = seccomp_syscall_resolve_name(name);

    if (nr < 0) {
        return;                          /* not on this architecture */
    }

    err = seccomp_rule_add_array(ctx, SCMP_ACT_ALLOW, nr, n, args);

    if (err < 0) {
        *rc = err;
    }
}


#define SUP_MASKED(arg, mask, value)                                          \
    ((struct scmp_arg_cmp) { arg, SCMP_CMP_MASKED_EQ, mask, value })


/* No file may be made that runs as somebody else; ARG is that of the mode. */

static void
sup_seccomp_modes(scmp_filter_ctx ctx, int *rc, json_t *more)
{
    unsigned             i;
    struct scmp_arg_cmp  args[2];

    static const struct {
        const char  *name;
        unsigned     arg;
    } calls[] = {
        { "chmod", 1 }, { "fchmod", 1 }, { "fchmodat", 2 }, { "creat", 1 }
    }, opens[] = {
        { "open", 1 }, { "openat", 2 }   /* of the flags, the mode follows */
    };

    for (i = 0; i < sizeof(calls) / sizeof(calls[0]); i++) {

        if (sup_seccomp_refused(more, calls[i].name)) {
            continue;
        }

        args[0] = SUP_MASKED(calls[i].arg, SUP_SETID, 0);
        sup_seccomp_allow(ctx, rc, calls[i].name, 1, args);
    }

    /* without either flag the mode is not there and may be anything */

    for (i = 0; i < sizeof(opens) / sizeof(opens[0]); i++) {

        if (sup_seccomp_refused(more, opens[i].name)) {
            continue;
        }

        args[0] = SUP_MASKED(opens[i].arg, O_CREAT|SUP_TMPFILE, 0);
        sup_seccomp_allow(ctx, rc, opens[i].name, 1, args);

        args[1] = SUP_MASKED(opens[i].arg + 1, SUP_SETID, 0);

        args[0] = SUP_MASKED(opens[i].arg, O_CREAT, O_CREAT);
        sup_seccomp_allow(ctx, rc, opens[i].name, 2, args);

        args[0] = SUP_MASKED(opens[i].arg, SUP_TMPFILE, SUP_TMPFILE);
        sup_seccomp_allow(ctx, rc, opens[i].name, 2, args);
    }
}


/* Files, pipes and sockets by mknod(), no devices. */

static void
sup_seccomp_nodes(scmp_filter_ctx ctx, int *rc, json_t *more)
{
    unsigned             i, k;
    struct scmp_arg_cmp  arg;

    static const struct {
        const char  *name;
        unsigned     arg;
    } calls[] = { { "mknod", 1 }, { "mknodat", 2 } };

    static const unsigned  types[] = { 0, S_IFREG, S_IFIFO, S_IFSOCK };

    for (i = 0; i < 2; i++) {

        if (sup_seccomp_refused(more, calls[i].name)) {
            continue;
        }

        for (k = 0; k < sizeof(types) / sizeof(types[0]); k++) {
            arg = SUP_MASKED(calls[i].arg, S_IFMT|SUP_SETID, types[k]);
            sup_seccomp_allow(ctx, rc, calls[i].name, 1, &arg);
        }
    }
}


/*
 * Streams and datagrams of the protocols that network policies know; netlink
 * for what getaddrinfo() asks.  UNIX is 0 where nothing else would keep an
 * environment from the sockets of the host; pairs that stay pairs are always
 * allowed.
 */

static void
sup_seccomp_sockets(scmp_filter_ctx ctx, int *rc, int unix_sockets)
{
    unsigned             i, k, n;
    struct scmp_arg_cmp  args[3];

    static const int  families[] = { AF_INET, AF_INET6 };

    static const struct {
        int  type;
        int  protocol;
    } kinds[] = {
        { SOCK_STREAM, 0 }, { SOCK_STREAM, IPPROTO_TCP },
        { SOCK_DGRAM, 0 }, { SOCK_DGRAM, IPPROTO_UDP }
    };

    n = sizeof(kinds) / sizeof(kinds[0]);

    for (i = 0; i < 2; i++) {
        for (k = 0; k < n; k++) {
            args[0] = SUP_MASKED(0, 0xffffffff, families[i]);
            args[1] = SUP_MASKED(1, 0xf, kinds[k].type);
            args[2] = SUP_MASKED(2, 0xffffffff, kinds[k].protocol);
            sup_seccomp_allow(ctx, rc, "socket", 3, args);
        }
    }

    args[0] = SUP_MASKED(0, 0xffffffff, AF_NETLINK);
    args[1] = SUP_MASKED(2, 0xffffffff, 0);
    sup_seccomp_allow(ctx, rc, "socket", 2, args);

    if (unix_sockets) {
        args[0] = SUP_MASKED(0, 0xffffffff, AF_UNIX);
        sup_seccomp_allow(ctx, rc, "socket", 1, args);
    }
}


/*
 * Pairs of Unix sockets only: of other families the call makes sockets before
 * it fails, and of some it does not fail.  Datagrams of a pair can be sent to
 * any name, so they are sockets like others.
 */

static void
sup_seccomp_pairs(scmp_filter_ctx ctx, int *rc, int unix_sockets)
{
    struct scmp_arg_cmp  args[2];

    args[0] = SUP_MASKED(0, 0xffffffff, AF_UNIX);

    if (unix_sockets) {
        sup_seccomp_allow(ctx, rc, "socketpair", 1, args);
        return;
    }

    args[1] = SUP_MASKED(1, 0xf, SOCK_STREAM);
    sup_seccomp_allow(ctx, rc, "socketpair", 2, args);

    args[1] = SUP_MASKED(1, 0xf, SOCK_SEQPACKET);
    sup_seccomp_allow(ctx, rc, "socketpair", 2, args);
}


/*
 * Access control lists of files in memory are counted for nobody and may be
 * 128 KB for each of them.  What asks for an attribute is told that the file
 * system has none, which is usual and no error for those who copy files.
 */

static void
sup_seccomp_attributes(scmp_filter_ctx ctx, int *rc)
{
    int                       i, nr;
    static const char *const  calls[] = {
        "setxattr", "lsetxattr", "fsetxattr"
    };

    for (i = 0; i < 3 && *rc >= 0; i++) {
        nr = seccomp_syscall_resolve_name(calls[i]);
        *rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EOPNOTSUPP), nr, 0);
    }
}


static void
sup_seccomp_arguments(scmp_filter_ctx ctx, int *rc, json_t *more,
    int unix_sockets)
{
    struct scmp_arg_cmp  arg;

    if (!sup_seccomp_refused(more, "socket")) {
        sup_seccomp_sockets(ctx, rc, unix_sockets);
    }

    if (!sup_seccomp_refused(more, "socketpair")) {
        sup_seccomp_pairs(ctx, rc, unix_sockets);
    }

    /* huge pages that the host keeps for a program count for nobody */

    if (!sup_seccomp_refused(more, "mmap")) {
        arg = SUP_MASKED(3, MAP_HUGETLB, 0);
        sup_seccomp_allow(ctx, rc, "mmap", 1, &arg);
    }

    if (!sup_seccomp_refused(more, "memfd_create")) {
        arg = SUP_MASKED(1, MFD_HUGETLB, 0);
        sup_seccomp_allow(ctx, rc, "memfd_create", 1, &arg);
    }

    /* of others, among them nginx's, where they have the same user */

    if (!sup_seccomp_refused(more, "prlimit64")) {
        arg = SUP_MASKED(0, 0xffffffff, 0);
        sup_seccomp_allow(ctx, rc, "prlimit64", 1, &arg);
    }

    sup_seccomp_attributes(ctx, rc);
}


static void
sup_seccomp_rules(scmp_filter_ctx ctx, int *rc, json_t *more,
    int unix_sockets)
{
    int                  nr;
    char                *name;
    struct scmp_arg_cmp  arg;

    for (nr = 0; nr <= SUP_SECCOMP_LAST; nr++) {
        name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, nr);

        if (name != NULL && !sup_seccomp_in(sup_conditional, name)
            && !sup_seccomp_refused(more, name))
        {
            sup_seccomp_allow(ctx, rc, name, 0, NULL);
        }

        free(name);
    }

    sup_seccomp_modes(ctx, rc, more);
    sup_seccomp_nodes(ctx, rc, more);
    sup_seccomp_arguments(ctx, rc, more, unix_sockets);

    /* the flags of clone3() are in memory, where a filter cannot look */

    if (!sup_seccomp_refused(more, "clone")) {
#if defined(__s390__) || defined(__s390x__)
        arg = SUP_MASKED(1, SUP_NAMESPACES, 0);
#else
        arg = SUP_MASKED(0, SUP_NAMESPACES, 0);
#endif
        sup_seccomp_allow(ctx, rc, "clone", 1, &arg);
    }

    if (!sup_seccomp_refused(more, "personality")) {
        arg = SUP_MASKED(0, 0xffffffff, 0xffffffff);
        sup_seccomp_allow(ctx, rc, "personality", 1, &arg);
        arg = SUP_MASKED(0, 0xffffffff, 0);
        sup_seccomp_allow(ctx, rc, "personality", 1, &arg);
    }

    for (nr = 1; nr <= SUP_SECCOMP_FUTURE && *rc >= 0; nr++) {
        *rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
                               SUP_SECCOMP_LAST + nr, 0);
    }

    if (*rc >= 0) {
        *rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(ENOSYS),
                               SCMP_SYS(clone3), 0);
    }
}


#if __BYTE_ORDER == __LITTLE_ENDIAN
#define sup_seccomp_arg(n)   offsetof(struct seccomp_data, args[n])
#define sup_seccomp_high(n)  (offsetof(struct seccomp_data, args[n]) + 4)
#else
#define sup_seccomp_arg(n)   (offsetof(struct seccomp_data, args[n]) + 4)
#define sup_seccomp_high(n)  offsetof(struct seccomp_data, args[n])
#endif


/*
 * The front of a filter refuses a few arguments: libseccomp, which cannot
 * say "not equal" of the 32 bits that the kernel takes, needs a hundred
 * instructions for it, and each is paid for with each process.
 *
 * SO_LINGER: a socket that lingers makes whoever closes it last wait for its
 * peer.  That need not be the environment: a descriptor that is sent to a
 * worker or to us is closed by the kernel in our name when the bytes that it
 * came with are read.
 *
 * F_OFD_SETLK: locks that belong to no process, which sup_locks.c counts by.
 *
 * RLIMIT_CORE: it stays 1, for with 0 the kernel runs the host's program for
 * core dumps, as root, at each crash (faas_sandbox.c).  Who wants 0 wants no
 * dumps, has that, and is told so.
 *
 * TCP_ULP: TLS and the like in the kernel, modules that are loaded for whoever
 * asks, where holes have been.
 */

static const struct sock_filter  sup_seccomp_front[] = {
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, offsetof(struct seccomp_data, nr)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, SYS_setrlimit, 0, 2),
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, sup_seccomp_arg(0)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, RLIMIT_CORE, 19, 21),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, SYS_prlimit64, 0, 6),
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, sup_seccomp_arg(1)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, RLIMIT_CORE, 0, 18),
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, sup_seccomp_arg(2)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, 0, 0, 14),
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, sup_seccomp_high(2)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, 0, 14, 12),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, SYS_fcntl, 0, 3),
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, sup_seccomp_arg(1)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, F_OFD_SETLK, 10, 0),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, F_OFD_SETLKW, 9, 10),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, SYS_setsockopt, 0, 9),
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, sup_seccomp_arg(1)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, SOL_SOCKET, 0, 2),
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, sup_seccomp_arg(2)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, SO_LINGER, 4, 5),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, IPPROTO_TCP, 0, 4),
    BPF_STMT(BPF_LD|BPF_W|BPF_ABS, sup_seccomp_arg(2)),
    BPF_JUMP(BPF_JMP|BPF_JEQ|BPF_K, TCP_ULP, 1, 2),
    BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ERRNO|0),
    BPF_STMT(BPF_RET|BPF_K, SECCOMP_RET_ERRNO|EPERM)
};


/* The kernel's program; libseccomp before 2.6 writes it to a file only. */

static void *
sup_seccomp_export(scmp_filter_ctx ctx, uint32_t *len)
{
    int      fd;
    char    *filter;
    off_t    size;

    const size_t  front = sizeof(sup_seccomp_front);

    fd = memfd_create("filter", MFD_CLOEXEC);

    if (fd == -1) {
        return NULL;
    }

    filter = NULL;

    if (seccomp_export_bpf(ctx, fd) == 0) {
        size = lseek(fd, 0, SEEK_END);

        if (size > 0 && size <= SUP_SECCOMP_MAX) {
            filter = malloc(front + (size_t) size);
        }

        if (filter != NULL
            && pread(fd, filter + front, (size_t) size, 0) != size)
        {
            free(filter);
            filter = NULL;
        }

        if (filter != NULL) {
            memcpy(filter, sup_seccomp_front, front);
            *len = (uint32_t) (front + (size_t) size);
        }
    }

    (void) close(fd);

    return filter;
}


/*
 * A filter, malloc()ed, of *LEN bytes; MORE is an array of names of calls
 * that are refused as well, or NULL.  NULL with the reason in the log.
 */

void *
sup_seccomp_filter(json_t *more, int unix_sockets, uint32_t *len)
{
    int              rc;
    void            *filter;
    scmp_filter_ctx  ctx;

    ctx = seccomp_init(SCMP_ACT_ERRNO(EPERM));

    if (ctx == NULL) {
        return NULL;
    }

    rc = seccomp_attr_set(ctx, SCMP_FLTATR_ACT_BADARCH,
                          SCMP_ACT_KILL_PROCESS);

    /* a binary tree; libseccomp before 2.5 has none */
    (void) seccomp_attr_set(ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);

    if (rc >= 0) {
        sup_seccomp_rules(ctx, &rc, more, unix_sockets);
    }

    filter = rc >= 0 ? sup_seccomp_export(ctx, len) : NULL;

    if (filter == NULL) {
        sup_log(SUP_LOG_CRIT, rc < 0 ? -rc : errno,
                "cannot make a filter of system calls");
    }

    seccomp_release(ctx);

    return filter;
}
