/*
 * Code and layers into a running environment: detached read-only copies of the
 * mounts are made here and moved to /var/task and /opt by a helper that enters
 * the environment's mount namespace and ends.  The supervisor itself never
 * enters it.
 *
 * Runs in the supervisor; the helper is a vfork child and makes system calls
 * only.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"


/* A detached mount of PATH, or -1 with errno. */

int
sup_mount_tree(const char *path)
{
    int                fd, err;
    struct mount_attr  attr;

    fd = open_tree(AT_FDCWD, path,
                   OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE);
    if (fd == -1) {
        return -1;
    }

    memset(&attr, 0, sizeof(attr));
    attr.attr_set = MOUNT_ATTR_RDONLY|MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV;
    attr.propagation = MS_PRIVATE;

    /* the old remount interface does not recurse */

    if (mount_setattr(fd, "", AT_EMPTY_PATH|AT_RECURSIVE, &attr,
                      sizeof(attr)) == -1)
    {
        err = errno;
        (void) close(fd);
        errno = err;
        return -1;
    }

    return fd;
}


/* The helper's work; memory is shared with the supervisor, which waits. */

static int
sup_mount_helper(int ns, const sup_trees_t *trees, const char *size,
    volatile int *at)
{
    if (setns(ns, CLONE_NEWNS) == -1) {
        return errno;
    }

    *at = 1;

    if (move_mount(trees->code, "", AT_FDCWD, "/var/task",
                   MOVE_MOUNT_F_EMPTY_PATH) == -1)
    {
        return errno;
    }

    *at = 2;

    if (trees->shared != -1
        && move_mount(trees->shared, "", AT_FDCWD, "/mnt",
                      MOVE_MOUNT_F_EMPTY_PATH) == -1)
    {
        return errno;
    }

    *at = 3;

    if (trees->opt != -1
        && move_mount(trees->opt, "", AT_FDCWD, "/opt",
                      MOVE_MOUNT_F_EMPTY_PATH) == -1)
    {
        return errno;
    }

    *at = 4;

    if (size[0] != '\0'
        && mount(NULL, "/tmp", NULL, MS_REMOUNT|MS_NOSUID|MS_NODEV, size)
           == -1)
    {
        return errno;
    }

    return 0;
}


static int
sup_mount_run(pid_t pid, const sup_trees_t *trees, const char *size,
    const char **step)
{
    int           ns, status;
    char          name[64];
    pid_t         helper;
    volatile int  err, at;

    static const char *const  steps[] = {
        "setns", "move_mount", "shared folders", "layers", "remount of /tmp",
        "vfork"
    };

    (void) snprintf(name, sizeof(name), "/proc/%d/ns/mnt", (int) pid);

    *step = "namespace";
    ns = open(name, O_RDONLY|O_CLOEXEC);

    if (ns == -1) {
        return -1;
    }

    err = 0;
    at = 0;
    helper = vfork();

    if (helper == 0) {
        err = sup_mount_helper(ns, trees, size, &at);
        _exit(0);
    }

    if (helper == -1) {
        err = errno;
        at = 5;

    } else {
        while (waitpid(helper, &status, __WALL) == -1 && errno == EINTR) {
            /* void */
        }
    }

    (void) close(ns);

    *step = steps[at];
    errno = err;

    return err ? -1 : 0;
}


static void
sup_mount_close(sup_trees_t *trees)
{
    if (trees->code != -1) {
        (void) close(trees->code);
    }

    if (trees->shared != -1) {
        (void) close(trees->shared);
    }

    if (trees->opt != -1) {
        (void) close(trees->opt);
    }
}


/* 0, or -1 with errno and the step that failed; nothing is open then. */

int
sup_mount_trees(const sup_version_t *v, uid_t uid, sup_trees_t *trees,
    const char **step)
{
    int   rc, err;
    char  path[PATH_MAX];

    trees->shared = -1;
    trees->opt = -1;

    (void) snprintf(path, sizeof(path), "%.4000s%s", v->root,
                    v->image ? "/rootfs" : "");

    *step = "open_tree";
    trees->code = sup_mount_tree(path);
    rc = trees->code == -1 ? -1 : 0;

    if (rc == 0 && v->opt != NULL) {
        *step = v->opt;
        trees->opt = sup_mount_tree(v->opt);
        rc = trees->opt == -1 ? -1 : 0;
    }

    if (rc == 0 && json_array_size(v->shared) > 0) {
        trees->shared = sup_shared_tree(v, uid, step);
        rc = trees->shared == -1 ? -1 : 0;
    }

    if (rc == -1) {
        err = errno;
        sup_mount_close(trees);
        errno = err;
    }

    return rc;
}


/*
 * Mounts the code of ENV's version at /var/task, its layers at /opt and its
 * shared folders below /mnt, and gives its /tmp the size that is configured.
 * 0, or -1 with errno and the step that failed.
 */

int
sup_mount_function(sup_env_t *env, const char **step)
{
    int             rc, err;
    char            size[64];
    sup_trees_t     trees;
    sup_version_t  *v;

    v = env->version;
    size[0] = '\0';

    if (v->tmp_mb != SUP_TMP_MB) {
        (void) snprintf(size, sizeof(size), "size=%um", v->tmp_mb);
    }

    if (sup_mount_trees(v, sup.uid_base + env->slot, &trees, step) == -1) {
        return -1;
    }

    rc = sup_mount_run(env->pid, &trees, size, step);

    err = errno;
    sup_mount_close(&trees);
    errno = err;

    return rc;
}
