/*
 * Code into a running environment: a detached read-only copy of the mount is
 * made here and moved to /var/task by a helper that enters the environment's
 * mount namespace and ends.  The supervisor itself never enters it.
 *
 * Runs in the supervisor; the helper is a vfork child and makes system calls
 * only.
 */

#include <errno.h>
#include <fcntl.h>
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
sup_mount_helper(int ns, int tree, int shared, const char *size,
    volatile int *at)
{
    if (setns(ns, CLONE_NEWNS) == -1) {
        return errno;
    }

    *at = 1;

    if (move_mount(tree, "", AT_FDCWD, "/var/task", MOVE_MOUNT_F_EMPTY_PATH)
        == -1)
    {
        return errno;
    }

    *at = 2;

    if (shared != -1
        && move_mount(shared, "", AT_FDCWD, "/mnt", MOVE_MOUNT_F_EMPTY_PATH)
           == -1)
    {
        return errno;
    }

    *at = 3;

    if (size[0] != '\0'
        && mount(NULL, "/tmp", NULL, MS_REMOUNT|MS_NOSUID|MS_NODEV, size)
           == -1)
    {
        return errno;
    }

    return 0;
}


static int
sup_mount_run(pid_t pid, int tree, int shared, const char *size,
    const char **step)
{
    int           ns, status;
    char          name[64];
    pid_t         helper;
    volatile int  err, at;

    static const char *const  steps[] = {
        "setns", "move_mount", "shared folders", "remount of /tmp", "vfork"
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
        err = sup_mount_helper(ns, tree, shared, size, &at);
        _exit(0);
    }

    if (helper == -1) {
        err = errno;
        at = 4;

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


/*
 * Mounts the code of ENV's version at /var/task and its shared folders below
 * /mnt, and gives its /tmp the size that is configured.  0, or -1 with errno
 * and the step that failed.
 */

int
sup_mount_function(sup_env_t *env, const char **step)
{
    int             rc, err, tree, shared;
    char            size[64];
    sup_version_t  *v;

    v = env->version;
    size[0] = '\0';

    if (v->tmp_mb != SUP_TMP_MB) {
        (void) snprintf(size, sizeof(size), "size=%um", v->tmp_mb);
    }

    *step = "open_tree";
    tree = sup_mount_tree(v->root);

    if (tree == -1) {
        return -1;
    }

    rc = 0;
    shared = -1;

    if (json_array_size(v->shared) > 0) {
        shared = sup_shared_tree(v, sup.uid_base + env->slot, step);
        rc = shared == -1 ? -1 : 0;
    }

    if (rc == 0) {
        rc = sup_mount_run(env->pid, tree, shared, size, step);
    }

    err = errno;
    (void) close(tree);

    if (shared != -1) {
        (void) close(shared);
    }

    errno = err;

    return rc;
}
