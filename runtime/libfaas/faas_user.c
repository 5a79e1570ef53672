/*
 * User namespaces, by which an ordinary user gets the other ones.
 *
 * Runs in the supervisor and in zygotes; one thread, no locks.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "faas_sandbox.h"


static int faas_user_write(pid_t pid, const char *name, const char *text);
static int faas_user_map(pid_t pid, const char *name, unsigned id);


int
faas_user_namespace(void)
{
    uid_t  uid;
    gid_t  gid;

    uid = getuid();
    gid = getgid();

    if (unshare(CLONE_NEWUSER|CLONE_NEWNS) == -1
        || faas_user_maps(getpid(), uid, gid) == -1)
    {
        return -1;
    }

    /* what the host mounts later is to be seen here, not the reverse */

    return mount(NULL, "/", NULL, MS_REC|MS_SLAVE, NULL);
}


/* Only itself, as itself: an ordinary user may map no other. */

int
faas_user_maps(pid_t pid, uid_t uid, gid_t gid)
{
    if (faas_user_write(pid, "setgroups", "deny") == -1
        || faas_user_map(pid, "uid_map", uid) == -1
        || faas_user_map(pid, "gid_map", gid) == -1)
    {
        return -1;
    }

    return 0;
}


static int
faas_user_map(pid_t pid, const char *name, unsigned id)
{
    char  text[64];

    (void) snprintf(text, sizeof(text), "%u %u 1", id, id);

    return faas_user_write(pid, name, text);
}


static int
faas_user_write(pid_t pid, const char *name, const char *text)
{
    int      fd, err;
    char     path[64];
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "/proc/%d/%s", (int) pid, name);

    fd = open(path, O_WRONLY|O_CLOEXEC);

    if (fd == -1) {
        return -1;
    }

    n = write(fd, text, strlen(text));
    err = errno;
    (void) close(fd);
    errno = err;

    return n == (ssize_t) strlen(text) ? 0 : -1;
}
