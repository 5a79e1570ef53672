/*
 * The template root: a read-only file system with nothing but what programs
 * need to run.  Zygotes and the spawner live in it, so that an environment's
 * own mounts are only /proc and /tmp.
 *
 * Runs once per zygote, in the supervisor's child before it executes the
 * zygote; root, one thread, no locks.
 *
 * All sources are taken as detached trees first and attached later, so the
 * place where the new root is put together may hide any of them.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "faas_mount.h"
#include "faas_sandbox.h"


#define FAAS_ROOT_PLACE          "/tmp"    /* exists everywhere */
#define FAAS_ROOT_COPY           1048576   /* largest file of /etc */


/* struct mount_attr */

typedef struct {
    uint64_t              set;
    uint64_t              clear;
    uint64_t              propagation;
    uint64_t              userns_fd;
} faas_mount_attr_t;


typedef struct {
    const char           *source;
    const char           *target;      /* relative to the new root */
    int                   fd;
} faas_root_tree_t;


static int faas_root_make(faas_root_tree_t *trees, const char **step);
static int faas_root_open(faas_root_tree_t *trees, const char **step);
static int faas_root_attach(int root, faas_root_tree_t *tree,
    const char **step);
static int faas_root_dirs(int root, const char **step);
static int faas_root_links(int root, const char **step);
static int faas_root_etc(int root, const char **step);
static int faas_root_copy(int root, const char *name);
static int faas_root_write(int root, const char *name, const char *text);
static int faas_root_devices(int root, const char **step);
static int faas_root_device(int root, const char *name, int minor);
static int faas_root_proc(int root, const char **step);
static int faas_root_enter(int root, const char **step);
static int faas_root_attr(int fd, const char *path, unsigned flags);


/*
 * What is not there, or is a link, is left out.  Of certificates only what is
 * public: their folders have keys beside them.
 */

static const char  *faas_root_trees[] = {
    "/usr", "/bin", "/sbin", "/lib", "/lib64", "/lib32", "/libx32",
    "/etc/alternatives", "/etc/crypto-policies", "/etc/fonts",
    "/etc/java-17-openjdk", "/etc/java-21-openjdk", "/etc/java-25-openjdk",
    "/etc/mono", "/etc/perl", "/etc/php", "/etc/pki/ca-trust",
    "/etc/pki/tls/certs", "/etc/ssl/certs", NULL
};

/* copied, because each mount makes each fork of an environment slower */

static const char  *faas_root_files[] = {
    "etc/gai.conf", "etc/host.conf", "etc/hosts", "etc/ld.so.cache",
    "etc/ld.so.conf", "etc/localtime", "etc/magic", "etc/mime.types",
    "etc/nsswitch.conf", "etc/protocols", "etc/resolv.conf", "etc/services",
    "etc/ssl/openssl.cnf", "etc/timezone", NULL
};

#define FAAS_ROOT_TREES                                                       \
    (sizeof(faas_root_trees) / sizeof(faas_root_trees[0]))


int
faas_template_root(const char *runtime_dir, const char **step)
{
    int                root;
    size_t             n;
    faas_root_tree_t   trees[FAAS_ROOT_TREES + 1];

    for (n = 0; faas_root_trees[n]; n++) {
        trees[n].source = faas_root_trees[n];
        trees[n].target = faas_root_trees[n] + 1;
    }

    trees[n].source = runtime_dir;
    trees[n++].target = "var/runtime";
    trees[n].source = NULL;

    (void) umask(022);

    *step = "unshare";

    if (unshare(CLONE_NEWNS) == -1) {
        return -1;
    }

    *step = "private mounts";

    if (mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL) == -1) {
        return -1;
    }

    if (faas_root_open(trees, step) == -1) {
        return -1;
    }

    root = faas_root_make(trees, step);

    return (root == -1) ? -1 : faas_root_enter(root, step);
}


/* The new root at its provisional place; a descriptor of it. */

static int
faas_root_make(faas_root_tree_t *trees, const char **step)
{
    int                root;
    faas_root_tree_t  *t;

    *step = "tmpfs";

    if (mount("tmpfs", FAAS_ROOT_PLACE, "tmpfs", MS_NOSUID,
              "mode=755,size=16m,nr_inodes=4096")
        == -1)
    {
        return -1;
    }

    root = open(FAAS_ROOT_PLACE, O_PATH|O_DIRECTORY|O_CLOEXEC);

    if (root == -1
        || faas_root_dirs(root, step) == -1
        || faas_root_links(root, step) == -1)
    {
        return -1;
    }

    for (t = trees; t->source; t++) {
        if (t->fd != -1 && faas_root_attach(root, t, step) == -1) {
            return -1;
        }
    }

    if (faas_root_etc(root, step) == -1
        || faas_root_devices(root, step) == -1
        || faas_root_proc(root, step) == -1)
    {
        return -1;
    }

    return root;
}


static int
faas_root_open(faas_root_tree_t *trees, const char **step)
{
    struct stat        st;
    faas_root_tree_t  *t;

    for (t = trees; t->source; t++) {
        *step = t->source;
        t->fd = -1;

        /* of /bin and the like usually only a link is needed */

        if (lstat(t->source, &st) == -1 || S_ISLNK(st.st_mode)) {

            if (t[1].source) {
                continue;
            }
        }

        t->fd = syscall(SYS_open_tree, AT_FDCWD, t->source,
                        OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE);

        if (t->fd == -1
            || faas_root_attr(t->fd, "", MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID
                                         |MOUNT_ATTR_NODEV)
               == -1)
        {
            return -1;
        }
    }

    return 0;
}


static int
faas_root_attach(int root, faas_root_tree_t *tree, const char **step)
{
    *step = tree->source;

    if (mkdirat(root, tree->target, 0755) == -1 && errno != EEXIST) {
        return -1;
    }

    if (syscall(SYS_move_mount, tree->fd, "", root, tree->target,
                MOVE_MOUNT_F_EMPTY_PATH)
        == -1)
    {
        return -1;
    }

    return close(tree->fd);
}


/*
 * The linker forgets folders of its path that are not there when it looks for
 * the first time: those in what is mounted later must be.
 */

static int
faas_root_dirs(int root, const char **step)
{
    int  i;

    static const char  *dirs[] = {
        "dev", "dev/shm", "etc", "etc/pki", "etc/pki/tls", "etc/ssl", "mnt",
        "opt", "opt/lib", "proc", "tmp", "var", "var/runtime", "var/task",
        "var/task/lib", NULL
    };

    for (i = 0; dirs[i]; i++) {
        *step = dirs[i];

        if (mkdirat(root, dirs[i], 0755) == -1) {
            return -1;
        }
    }

    return 0;
}


static int
faas_root_links(int root, const char **step)
{
    int      i;
    char     target[256];
    ssize_t  n;

    for (i = 0; faas_root_trees[i]; i++) {
        *step = faas_root_trees[i];

        n = readlink(faas_root_trees[i], target, sizeof(target) - 1);

        if (n == -1) {
            continue;
        }

        target[n] = '\0';

        if (symlinkat(target, root, faas_root_trees[i] + 1) == -1) {
            return -1;
        }
    }

    return 0;
}


static int
faas_root_etc(int root, const char **step)
{
    int  i;

    for (i = 0; faas_root_files[i]; i++) {
        *step = faas_root_files[i];

        if (faas_root_copy(root, faas_root_files[i]) == -1) {
            return -1;
        }
    }

    *step = "etc/passwd";

    if (faas_root_write(root, "etc/passwd",
                        "root:x:0:0:root:/:/usr/sbin/nologin\n"
                        "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n")
        == -1)
    {
        return -1;
    }

    return faas_root_write(root, "etc/group", "root:x:0:\nnogroup:x:65534:\n");
}


/* NAME is relative to both roots.  A file that is not there is no error. */

static int
faas_root_copy(int root, const char *name)
{
    int           in, out, rc;
    ssize_t       n;
    char          buf[16384], path[128];
    struct stat   st;

    (void) snprintf(path, sizeof(path), "/%s", name);

    in = open(path, O_RDONLY|O_CLOEXEC|O_NONBLOCK);

    if (in == -1) {
        return 0;
    }

    if (fstat(in, &st) == -1 || !S_ISREG(st.st_mode)
        || st.st_size > FAAS_ROOT_COPY)
    {
        (void) close(in);
        return 0;
    }

    rc = -1;
    out = openat(root, name, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    while (out != -1) {
        n = read(in, buf, sizeof(buf));

        if (n <= 0) {
            rc = n;
            break;
        }

        if (write(out, buf, n) != n) {
            break;
        }
    }

    if (out != -1) {
        (void) close(out);
    }

    (void) close(in);

    return rc;
}


static int
faas_root_write(int root, const char *name, const char *text)
{
    int      fd;
    ssize_t  n, len;

    fd = openat(root, name, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0644);

    if (fd == -1) {
        return -1;
    }

    len = strlen(text);
    n = write(fd, text, len);

    return (close(fd) == -1 || n != len) ? -1 : 0;
}


/* A read-only mount does not keep devices from being written to. */

static int
faas_root_devices(int root, const char **step)
{
    int  i;

    static const struct {
        const char  *name;
        int          minor;
    } devices[] = {
        { "null", 3 }, { "zero", 5 }, { "full", 7 }, { "random", 8 },
        { "urandom", 9 }, { NULL, 0 }
    };

    static const char  *links[][2] = {
        { "/proc/self/fd", "dev/fd" },
        { "/proc/self/fd/0", "dev/stdin" },
        { "/proc/self/fd/1", "dev/stdout" },
        { "/proc/self/fd/2", "dev/stderr" },
        { NULL, NULL }
    };

    for (i = 0; devices[i].name; i++) {
        *step = devices[i].name;

        if (faas_root_device(root, devices[i].name, devices[i].minor) == -1) {
            return -1;
        }
    }

    for (i = 0; links[i][0]; i++) {
        *step = links[i][1];

        if (symlinkat(links[i][0], root, links[i][1]) == -1) {
            return -1;
        }
    }

    return 0;
}


/* In a user namespace no device can be made: it is the host's own. */

static int
faas_root_device(int root, const char *name, int minor)
{
    int   fd;
    char  path[64];

    (void) snprintf(path, sizeof(path), "dev/%s", name);

    if (mknodat(root, path, S_IFCHR|0666, makedev(1, minor)) == 0) {
        return fchmodat(root, path, 0666, 0);
    }

    if (errno != EPERM || faas_root_write(root, path, "") == -1) {
        return -1;
    }

    (void) snprintf(path, sizeof(path), "/dev/%s", name);
    fd = syscall(SYS_open_tree, AT_FDCWD, path,
                 OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC);

    if (fd == -1
        || syscall(SYS_move_mount, fd, "", root, path + 1,
                   MOVE_MOUNT_F_EMPTY_PATH)
           == -1)
    {
        return -1;
    }

    return close(fd);
}


/*
 * A user namespace may mount a new /proc only where it sees all of another
 * one, and writes the maps of environments there.
 */

static int
faas_root_proc(int root, const char **step)
{
    int  fd;

    if (getuid() == 0) {
        return 0;
    }

    *step = "/proc";
    fd = syscall(SYS_open_tree, AT_FDCWD, "/proc",
                 OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE);

    if (fd == -1
        || syscall(SYS_move_mount, fd, "", root, "proc",
                   MOVE_MOUNT_F_EMPTY_PATH)
           == -1)
    {
        return -1;
    }

    return close(fd);
}


/* The old root is stacked below the new one, then taken away. */

static int
faas_root_enter(int root, const char **step)
{
    int  rc;

    *step = "read-only root";

    if (faas_root_attr(root, "", MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID) == -1) {
        return -1;
    }

    *step = "pivot_root";

    if (fchdir(root) == -1) {
        return -1;
    }

    rc = syscall(SYS_pivot_root, ".", ".");

    if (rc == -1 && errno == EINVAL) {

        /* the first root of the kernel cannot be pivoted away */

        if (mount(".", "/", NULL, MS_MOVE, NULL) == -1 || chroot(".") == -1) {
            return -1;
        }

    } else if (rc == -1 || umount2(".", MNT_DETACH) == -1) {
        return -1;
    }

    (void) close(root);

    return chdir("/");
}


/* The trees are recursive; the root is changed before it holds nothing. */

static int
faas_root_attr(int fd, const char *path, unsigned flags)
{
    unsigned           at;
    faas_mount_attr_t  attr;

    memset(&attr, 0, sizeof(faas_mount_attr_t));
    attr.set = flags;

    at = AT_EMPTY_PATH;

    if (flags & MOUNT_ATTR_NODEV) {
        at |= AT_RECURSIVE;
    }

    return syscall(SYS_mount_setattr, fd, path, at, &attr,
                   sizeof(faas_mount_attr_t));
}
