/*
 * Folders of the host that a function shares (Lambda's file systems, contract
 * section 6.5): put together below one /mnt, which an environment gets whole.
 *
 * In a folder that may be written to an environment acts as the folder's
 * owner, by an idmapped mount: the user of each environment is another one,
 * the files of a function are not.
 *
 * Runs in the supervisor.  The helpers are clones that share its memory; it
 * sleeps until they have ended or are to be ended.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"


#define SUP_SHARED_MAX    16
#define SUP_SHARED_STACK  65536


typedef struct {
    const char  *names[SUP_SHARED_MAX];  /* below /mnt */
    int          trees[SUP_SHARED_MAX];
    unsigned     n;
    int          fd;                     /* the result */
    int          err;
} sup_shared_t;


static char  sup_shared_stack[SUP_SHARED_STACK]
                                           __attribute__((aligned(64)));


static pid_t
sup_shared_clone(int (*run)(void *), int flags, void *data)
{
    return clone(run, sup_shared_stack + SUP_SHARED_STACK,
                 CLONE_VM|SIGCHLD|flags, data);
}


static void
sup_shared_wait(pid_t pid)
{
    int  status;

    while (waitpid(pid, &status, __WALL) == -1 && errno == EINTR) {
        /* void */
    }
}


static int
sup_shared_pause(void *data)
{
    (void) data;

    while (pause() == -1) {
        /* void */
    }

    return 0;
}


static int
sup_shared_map(pid_t pid, const char *file, unsigned disk, unsigned inside)
{
    int   fd, n, rc, err;
    char  path[64], line[64];

    (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, file);
    n = snprintf(line, sizeof(line), "%u %u 1\n", disk, inside);

    fd = open(path, O_WRONLY|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    rc = write(fd, line, (size_t) n) == n ? 0 : -1;
    err = errno;
    (void) close(fd);
    errno = err;

    return rc;
}


/* A user namespace in which the owner ST of a folder is user ID. */

static int
sup_shared_userns(const struct stat *st, uid_t id)
{
    int    fd, err;
    char   path[64];
    pid_t  pid;

    pid = sup_shared_clone(sup_shared_pause, CLONE_NEWUSER, NULL);

    if (pid == -1) {
        return -1;
    }

    fd = -1;

    if (sup_shared_map(pid, "uid_map", st->st_uid, id) == 0
        && sup_shared_map(pid, "gid_map", st->st_gid, id) == 0)
    {
        (void) snprintf(path, sizeof(path), "/proc/%d/ns/user", (int) pid);
        fd = open(path, O_RDONLY|O_CLOEXEC);
    }

    err = errno;
    (void) kill(pid, SIGKILL);
    sup_shared_wait(pid);
    errno = err;

    return fd;
}


/* A detached mount of one folder. */

static int
sup_shared_open(const char *path, int write, uid_t id)
{
    int                fd, rc, err, userns;
    struct stat        st;
    struct mount_attr  attr;

    memset(&attr, 0, sizeof(attr));
    attr.attr_set = MOUNT_ATTR_NOSUID|MOUNT_ATTR_NODEV
                    |(write ? 0 : MOUNT_ATTR_RDONLY);
    attr.propagation = MS_PRIVATE;

    fd = open_tree(AT_FDCWD, path, OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    userns = -1;
    rc = 0;

    if (write) {
        rc = fstat(fd, &st);

        if (rc == 0 && st.st_uid == 0
            && sup.isolation == FAAS_ISOLATION_FULL)
        {
            errno = EPERM;               /* would write as root */
            rc = -1;
        }

        /* else it is its own user anyway */

        if (rc == 0 && sup.isolation == FAAS_ISOLATION_FULL) {
            userns = sup_shared_userns(&st, id);
            rc = userns == -1 ? -1 : 0;
            attr.attr_set |= MOUNT_ATTR_IDMAP;
            attr.userns_fd = (uint64_t) userns;
        }
    }

    if (rc == 0) {
        rc = mount_setattr(fd, "", AT_EMPTY_PATH, &attr, sizeof(attr));
    }

    err = errno;

    if (userns != -1) {
        (void) close(userns);
    }

    if (rc == -1) {
        (void) close(fd);
        fd = -1;
    }

    errno = err;

    return fd;
}


/* In a mount namespace of its own; descriptors are the supervisor's. */

static int
sup_shared_build(void *data)
{
    char           path[300];
    unsigned       i;
    sup_shared_t  *s = data;

    if (unshare(CLONE_NEWNS) == -1
        || mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL) == -1
        || mount("tmpfs", "/mnt", "tmpfs", MS_NOSUID|MS_NODEV,
                 "mode=755,size=64k,nr_inodes=64") == -1)
    {
        s->err = errno;
        return 0;
    }

    for (i = 0; i < s->n; i++) {
        (void) snprintf(path, sizeof(path), "/mnt/%.255s", s->names[i]);

        if (mkdir(path, 0755) == -1
            || move_mount(s->trees[i], "", AT_FDCWD, path,
                          MOVE_MOUNT_F_EMPTY_PATH) == -1)
        {
            s->err = errno;
            return 0;
        }
    }

    if (mount(NULL, "/mnt", NULL,
              MS_REMOUNT|MS_BIND|MS_RDONLY|MS_NOSUID|MS_NODEV, NULL) == -1)
    {
        s->err = errno;
        return 0;
    }

    s->fd = open_tree(AT_FDCWD, "/mnt",
                      OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE);
    s->err = s->fd == -1 ? errno : 0;

    return 0;
}


/* Where a folder is to be: a name below /mnt. */

static const char *
sup_shared_name(json_t *item)
{
    const char  *target;

    target = json_string_value(json_object_get(item, "target"));

    return target != NULL && strncmp(target, "/mnt/", 5) == 0
           && strchr(target + 5, '/') == NULL ? target + 5 : NULL;
}


/*
 * A detached tree of all folders of V, for environments of user UID.  -1 with
 * errno; STEP is the folder that could not be had.
 */

int
sup_shared_tree(const sup_version_t *v, uid_t uid, const char **step)
{
    pid_t         pid;
    size_t        i;
    json_t       *item;
    const char   *source;
    sup_shared_t  s;

    memset(&s, 0, sizeof(s));
    s.fd = -1;

    json_array_foreach(v->shared, i, item) {
        source = json_string_value(json_object_get(item, "source"));

        if (s.n == SUP_SHARED_MAX || source == NULL
            || sup_shared_name(item) == NULL)
        {
            s.err = EINVAL;
            break;
        }

        *step = source;
        s.names[s.n] = sup_shared_name(item);
        s.trees[s.n] = sup_shared_open(source,
                            json_is_true(json_object_get(item, "write")),
                            uid);

        if (s.trees[s.n] == -1) {
            s.err = errno;
            break;
        }

        s.n++;
    }

    if (s.err == 0) {
        *step = "/mnt";
        pid = sup_shared_clone(sup_shared_build, CLONE_VFORK|CLONE_FILES, &s);

        if (pid == -1) {
            s.err = errno;

        } else {
            sup_shared_wait(pid);
        }
    }

    while (s.n > 0) {
        (void) close(s.trees[--s.n]);
    }

    errno = s.err;

    return s.fd;
}
