/*
 * Layers: looks whether they are within the limit together with the code, and
 * merges several of them into one folder of the store.  Later ones overwrite
 * what earlier ones have.
 *
 * A process of its own, as the unpacker is; it may block.  What comes out of
 * the store is linked, folders are copied: who may write there may do so while
 * this runs, so that nothing is followed and everything is looked at once it is
 * open.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup_zip.h"


typedef struct {
    int          link;                   /* of the store: nothing changes */
    int64_t      bytes;                  /* that were copied */
    uint32_t     n;
    size_t       len;
    char         path[PATH_MAX];         /* of the entry looked at */
} sup_merge_t;


static int sup_merge_folder(sup_merge_t *m, int from, int to, int depth);


static int
sup_merge_refuse(sup_merge_t *m, const char *why)
{
    return sup_zip_say(why, m->path);
}


/* At the same time as the source: interpreters compare them. */

static int
sup_merge_write(sup_merge_t *m, int in, int out, struct stat *st)
{
    ssize_t          n;
    struct timespec  times[2];

    static char  buf[131072];

    while ((n = read(in, buf, sizeof(buf))) > 0) {

        if ((m->bytes += n) > SUP_ZIP_UNPACKED) {
            return sup_merge_refuse(m, "are refused: more than 250 MB "
                                    "unpacked, with");
        }

        if (write(out, buf, n) != n) {
            return sup_merge_refuse(m, strerror(errno ? errno : ENOSPC));
        }
    }

    times[0] = st->st_mtim;
    times[1] = st->st_mtim;

    if (n == -1 || futimens(out, times) == -1
        || fchmod(out, st->st_mode & 0111 ? 0755 : 0644) == -1)
    {
        return sup_merge_refuse(m, strerror(errno));
    }

    return 0;
}


/*
 * What an environment's user could not read where it is it is not to find
 * here either: we are root, and a link may lead to anything.
 */

static int
sup_merge_copy(sup_merge_t *m, int from, int to, const char *name)
{
    int          in, out, rc;
    struct stat  st;

    in = openat(from, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (in == -1 || fstat(in, &st) == -1) {
        rc = sup_merge_refuse(m, strerror(errno));

    } else if (!S_ISREG(st.st_mode)) {
        rc = sup_merge_refuse(m, "are refused: it is not a file:");

    } else if (geteuid() == 0 && (st.st_mode & 0004) == 0) {
        rc = sup_merge_refuse(m, "are refused: it is not readable for the "
                              "user of the environment:");

    } else {
        out = openat(to, name, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);
        rc = out == -1 ? sup_merge_refuse(m, strerror(errno))
                       : sup_merge_write(m, in, out, &st);

        if (out != -1) {
            (void) close(out);
        }
    }

    if (in != -1) {
        (void) close(in);
    }

    return rc;
}


static int
sup_merge_file(sup_merge_t *m, int from, int to, const char *name)
{
    sup_tree_remove(to, name);

    if (m->link && linkat(from, name, to, name, 0) == 0) {
        return 0;
    }

    return sup_merge_copy(m, from, to, name);
}


static int
sup_merge_symlink(sup_merge_t *m, int from, int to, const char *name)
{
    char     target[PATH_MAX];
    ssize_t  n;

    n = readlinkat(from, name, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';

    sup_tree_remove(to, name);

    if (n <= 0 || symlinkat(target, to, name) == -1) {
        return sup_merge_refuse(m, strerror(errno));
    }

    return 0;
}


/* A folder stays what an earlier layer has in it, a file or link goes. */

static int
sup_merge_sub(sup_merge_t *m, int from, int to, const char *name, int depth)
{
    int          in, out, rc;
    struct stat  st;

    in = openat(from, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (in == -1 || fstat(in, &st) == -1) {
        return sup_merge_refuse(m, strerror(errno));
    }

    if (geteuid() == 0 && (st.st_mode & 0005) != 0005) {
        (void) close(in);
        return sup_merge_refuse(m, "are refused: it is not readable for the "
                                "user of the environment:");
    }

    if (fstatat(to, name, &st, AT_SYMLINK_NOFOLLOW) == 0
        && !S_ISDIR(st.st_mode))
    {
        (void) unlinkat(to, name, 0);
    }

    (void) mkdirat(to, name, 0755);
    out = openat(to, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    rc = out == -1 ? sup_merge_refuse(m, strerror(errno))
                   : sup_merge_folder(m, in, out, depth + 1);

    if (out != -1) {
        (void) close(out);

    } else {
        (void) close(in);
    }

    return rc;
}


static int
sup_merge_entry(sup_merge_t *m, int from, int to, const char *name, int depth)
{
    struct stat  st;

    if (++m->n > SUP_ZIP_NAMES
        || fstatat(from, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
    {
        return sup_merge_refuse(m, "are refused: too much of it:");
    }

    if (S_ISDIR(st.st_mode)) {
        return sup_merge_sub(m, from, to, name, depth);
    }

    if (S_ISLNK(st.st_mode)) {
        return sup_merge_symlink(m, from, to, name);
    }

    if (!S_ISREG(st.st_mode)) {
        return sup_merge_refuse(m, "are refused: it is neither file nor "
                                "folder nor link:");
    }

    return sup_merge_file(m, from, to, name);
}


/* Takes over FROM. */

static int
sup_merge_folder(sup_merge_t *m, int from, int to, int depth)
{
    int             rc;
    DIR            *dir;
    size_t          len, n;
    struct dirent  *de;

    dir = depth <= SUP_ZIP_DEPTH ? fdopendir(from) : NULL;

    if (dir == NULL) {
        (void) close(from);
        return sup_merge_refuse(m, "are refused: too deep:");
    }

    rc = 0;
    len = m->len;

    while (rc == 0 && (de = readdir(dir)) != NULL) {

        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0) {
            continue;
        }

        n = snprintf(m->path + len, sizeof(m->path) - len, "%s%s",
                     len ? "/" : "", de->d_name);

        if (n >= sizeof(m->path) - len) {
            rc = sup_merge_refuse(m, "are refused: too deep:");
            break;
        }

        m->len = len + n;
        rc = sup_merge_entry(m, from, to, de->d_name, depth);
    }

    m->len = len;
    m->path[len] = '\0';
    (void) closedir(dir);

    return rc;
}


/* Is a folder still what it was when the version got its name? */

static int
sup_layers_same(const char *path, const char *id)
{
    int      fd, rc;
    char     now[SUP_DIGEST_LEN + 1];
    int64_t  bytes;

    if (id[0] == '\0') {
        return 0;
    }

    fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    rc = fd != -1 && sup_tree_id(fd, path, 1, now, &bytes) == 0
         && strcmp(now, id) == 0
         ? 0 : sup_zip_say("have changed while they were merged:", path);

    if (fd != -1) {
        (void) close(fd);
    }

    return rc;
}


/* The layers are PATH and ID in turns. */

static int
sup_layers_merge(int to, int argc, char **argv)
{
    int  i, from, rc;

    static sup_merge_t  m;

    rc = 0;

    for (i = 0; rc == 0 && i < argc; i += 2) {
        from = open(argv[i], O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        m.link = argv[i + 1][0] == '\0';

        rc = from == -1 ? sup_zip_say(strerror(errno), argv[i])
                        : sup_merge_folder(&m, from, to, 0);
    }

    for (i = 0; rc == 0 && i < argc; i += 2) {
        rc = sup_layers_same(argv[i], argv[i + 1]);
    }

    if (rc == 0 && (fchmod(to, 0755) == -1 || syncfs(to) == -1)) {
        rc = sup_zip_say("cannot be written:", strerror(errno));
    }

    return rc;
}


static int
sup_layers_make(int store, const char *name, int argc, char **argv)
{
    int   to, rc;
    char  temp[64];

    (void) umask(022);
    (void) snprintf(temp, sizeof(temp), SUP_ZIP_TEMP "%d", (int) getpid());

    if (mkdirat(store, temp, 0700) == -1) {
        return sup_zip_say("cannot be merged:", strerror(errno));
    }

    to = openat(store, temp, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    rc = to == -1 ? sup_zip_say("cannot be merged:", strerror(errno))
                  : sup_layers_merge(to, argc, argv);

    return sup_store_publish(store, temp, name, rc);
}


/* Of the code and each layer, one layer twice if it is there twice. */

static int
sup_layers_size(const char *code, int argc, char **argv)
{
    int          i, fd, rc;
    char         id[SUP_DIGEST_LEN + 1];
    int64_t      bytes, total;
    const char  *path;

    total = 0;

    for (i = -2; i < argc; i += 2) {
        path = i == -2 ? code : argv[i];
        fd = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
        rc = fd != -1 ? sup_tree_id(fd, path, 0, id, &bytes) : -1;

        if (rc == -1) {
            return sup_zip_say(strerror(errno), path);
        }

        (void) close(fd);
        total += bytes;

        if (total > SUP_ZIP_UNPACKED) {
            return sup_zip_say("are refused: more than 250 MB unpacked "
                               "together with the code", NULL);
        }
    }

    return 0;
}


/* faas-supervisor --layers STORE NAME CODE LAYER ID [LAYER ID]... */

int
sup_layers(int argc, char **argv)
{
    int  store;

    if (argc < 7 || (argc - 5) % 2 != 0) {
        return SUP_EXIT_ERROR;
    }

    (void) prctl(PR_SET_NAME, "faas-layers", 0, 0, 0);

    if (sup_layers_size(argv[4], argc - 5, argv + 5) == -1) {
        return SUP_EXIT_ERROR;
    }

    if (argc == 7) {
        return SUP_EXIT_OK;              /* it is mounted as it is */
    }

    store = open(argv[2], O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (store == -1) {
        (void) sup_zip_say("cannot be merged:", strerror(errno));
        return SUP_EXIT_ERROR;
    }

    if (faccessat(store, argv[3], F_OK, 0) == 0) {
        return SUP_EXIT_OK;
    }

    return sup_layers_make(store, argv[3], argc - 5, argv + 5) == 0
           ? SUP_EXIT_OK : SUP_EXIT_ERROR;
}
