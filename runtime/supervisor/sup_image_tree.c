/*
 * Writes what layers of an image have into a folder.  A name is looked up as it
 * would be with that folder as the root: a link in it may lead anywhere, and
 * ends inside.
 *
 * Runs in a process without privileges, see sup_image.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/openat2.h>

#include "sup_image.h"


static int
sup_itree_open(int root, const char *path)
{
    struct open_how  how;

    memset(&how, 0, sizeof(how));
    how.flags = O_RDONLY|O_DIRECTORY|O_CLOEXEC;
    how.resolve = RESOLVE_IN_ROOT|RESOLVE_NO_MAGICLINKS;

    return (int) syscall(SYS_openat2, root, path[0] ? path : ".", &how,
                         sizeof(how));
}


/* The folder NAME is in, made if need be, and in *LAST what follows. */

int
sup_itree_parent(int root, const char *name, const char **last)
{
    int          fd, next;
    char         path[SUP_ZIP_NAME_MAX], *p;
    const char  *slash;

    slash = strrchr(name, '/');
    *last = slash != NULL ? slash + 1 : name;

    (void) snprintf(path, sizeof(path), "%.*s",
                    slash != NULL ? (int) (slash - name) : 0, name);

    fd = sup_itree_open(root, path);

    if (fd != -1 || errno != ENOENT) {
        return fd;
    }

    /* one after the other, from the top */

    for (p = strchr(path, '/'); /* void */ ; p = strchr(p + 1, '/')) {

        if (p != NULL) {
            *p = '\0';
        }

        next = sup_itree_open(root, path);

        if (next == -1 && sup_itree_folder(root, path, 0755) == 0) {
            next = sup_itree_open(root, path);
        }

        if (p == NULL || next == -1) {
            return next;
        }

        (void) close(next);
        *p = '/';
    }
}


static int
sup_itree_done(int fd, int rc)
{
    int  err;

    err = errno;
    (void) close(fd);
    errno = err;

    return rc;
}


/* A folder that is there keeps what it has. */

int
sup_itree_folder(int root, const char *name, mode_t mode)
{
    int          fd;
    const char  *last;
    struct stat  st;

    fd = sup_itree_parent(root, name, &last);

    if (fd == -1) {
        return -1;
    }

    if (fstatat(fd, last, &st, AT_SYMLINK_NOFOLLOW) == 0) {

        if (S_ISDIR(st.st_mode)) {
            return sup_itree_done(fd, fchmodat(fd, last, mode, 0));
        }

        (void) unlinkat(fd, last, 0);
    }

    return sup_itree_done(fd, mkdirat(fd, last, 0700) == 0
                              ? fchmodat(fd, last, mode, 0) : -1);
}


/* A descriptor to write to. */

int
sup_itree_file(int root, const char *name)
{
    int          fd;
    const char  *last;

    fd = sup_itree_parent(root, name, &last);

    if (fd == -1) {
        return -1;
    }

    sup_tree_remove(fd, last);

    return sup_itree_done(fd, openat(fd, last, O_WRONLY|O_CREAT|O_EXCL
                                               |O_NOFOLLOW|O_CLOEXEC, 0600));
}


int
sup_itree_symlink(int root, const char *name, const char *target)
{
    int          fd;
    const char  *last;

    fd = sup_itree_parent(root, name, &last);

    if (fd == -1) {
        return -1;
    }

    sup_tree_remove(fd, last);

    return sup_itree_done(fd, symlinkat(target, fd, last));
}


int
sup_itree_hardlink(int root, const char *name, const char *target)
{
    int          fd, from, rc;
    const char  *last, *old;

    from = sup_itree_parent(root, target, &old);

    if (from == -1) {
        return -1;
    }

    fd = sup_itree_parent(root, name, &last);

    if (fd == -1) {
        return sup_itree_done(from, -1);
    }

    rc = 0;

    if (strcmp(name, target) != 0) {
        sup_tree_remove(fd, last);
        rc = linkat(from, old, fd, last, 0);
    }

    return sup_itree_done(from, sup_itree_done(fd, rc));
}


/* What is not there need not be removed. */

int
sup_itree_remove(int root, const char *name)
{
    int          fd;
    const char  *last;

    fd = sup_itree_parent(root, name, &last);

    if (fd == -1) {
        return -1;
    }

    sup_tree_remove(fd, last);

    return sup_itree_done(fd, 0);
}


/* All that is in it. */

int
sup_itree_empty(int root, const char *name)
{
    return sup_itree_remove(root, name) == 0
           ? sup_itree_folder(root, name, 0755) : -1;
}


/*
 * Where the sandbox mounts things that every environment has of its own; they
 * must be what they are called.
 */

int
sup_itree_places(int root)
{
    int          i, fd;
    struct stat  st;

    static const char *const  folders[] = {
        ".faas", "dev", "etc", "mnt", "proc", "tmp", NULL
    };

    static const char *const  files[] = {
        "etc/hosts", "etc/resolv.conf", NULL
    };

    /* what is mounted in it would be looked up in another root */

    if (fstatat(root, "etc", &st, AT_SYMLINK_NOFOLLOW) == 0
        && !S_ISDIR(st.st_mode))
    {
        return sup_zip_say("refused: it is not a folder:", "etc");
    }

    for (i = 0; folders[i] != NULL; i++) {
        if (sup_itree_folder(root, folders[i], 0755) == -1) {
            return sup_zip_say(strerror(errno), folders[i]);
        }
    }

    for (i = 0; files[i] != NULL; i++) {
        fd = sup_itree_file(root, files[i]);

        if (fd == -1 || fchmod(fd, 0644) == -1 || close(fd) == -1) {
            return sup_zip_say(strerror(errno), files[i]);
        }
    }

    return 0;
}
