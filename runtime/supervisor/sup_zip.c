/*
 * Zips: unpacked once into state_dir/code/<sha256>, by a child process, into a
 * folder of another name that is renamed when it is complete.  What is in a
 * zip is not trusted: see sup_zip_entry().
 *
 * The child does nothing but unpack; the supervisor waits in its event loop.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "sup.h"


#define SUP_ZIP_MAX        ((off_t) 50 * 1048576)
#define SUP_ZIP_UNPACKED   ((int64_t) 262144000)     /* contract 3.2 */
#define SUP_ZIP_ENTRIES    200000
#define SUP_ZIP_TEMP       ".tmp"


/* --- in the child --- */


static int
sup_zip_say(int fd, const char *what, const char *name)
{
    char    text[400];
    size_t  len;

    len = snprintf(text, sizeof(text), "%s%s%.250s%s", what,
                   name ? " \"" : "", name ? name : "", name ? "\"" : "");

    (void) !write(fd, text, len < sizeof(text) ? len : sizeof(text) - 1);

    return -1;
}


/* Relative, and at no point above where it starts. */

static int
sup_zip_inside(const char *path)
{
    int          depth;
    size_t       n;
    const char  *p;

    if (path == NULL || path[0] == '\0' || path[0] == '/') {
        return 0;
    }

    depth = 0;

    for (p = path; *p != '\0'; p += n + (p[n] == '/')) {
        n = strcspn(p, "/");

        if (n == 2 && p[0] == '.' && p[1] == '.') {
            if (--depth < 0) {
                return 0;
            }

        } else if (n > 0 && !(n == 1 && p[0] == '.')) {
            depth++;
        }
    }

    return 1;
}


/* A link is resolved from the folder it is in. */

static int
sup_zip_link_inside(const char *name, const char *target)
{
    char         path[PATH_MAX * 2];
    const char  *slash;

    if (target == NULL || target[0] == '/' || target[0] == '\0') {
        return 0;
    }

    slash = strrchr(name, '/');

    (void) snprintf(path, sizeof(path), "%.*s/%.4000s",
                    slash ? (int) (slash - name) : 1, slash ? name : ".",
                    target);

    return sup_zip_inside(path);
}


/*
 * What may be in a zip: files, folders, links that stay inside.  Names with
 * ".." or a leading slash, devices and the like are refused outright: such an
 * archive was made to do harm.  Setuid bits are dropped, everything is made
 * readable.
 */

static int
sup_zip_entry(struct archive_entry *e, int err)
{
    mode_t       mode;
    const char  *name, *target;

    name = archive_entry_pathname(e);

    if (!sup_zip_inside(name) || strstr(name, "..") == name
        || strlen(name) >= PATH_MAX / 2)
    {
        return sup_zip_say(err, "refused: name outside of the folder:",
                           name ? name : "");
    }

    target = archive_entry_hardlink(e);

    if (target != NULL && !sup_zip_inside(target)) {
        return sup_zip_say(err, "refused: hard link to the outside:", name);
    }

    mode = archive_entry_filetype(e);

    if (target == NULL && mode == AE_IFLNK
        && !sup_zip_link_inside(name, archive_entry_symlink(e)))
    {
        return sup_zip_say(err, "refused: link to the outside:", name);
    }

    if (target == NULL && mode != AE_IFREG && mode != AE_IFDIR
        && mode != AE_IFLNK)
    {
        return sup_zip_say(err, "refused: not a file or folder:", name);
    }

    mode = archive_entry_perm(e) & 0755;
    mode |= archive_entry_filetype(e) == AE_IFDIR ? 0755 : 0644;
    archive_entry_set_perm(e, mode);

    return 0;
}


static int
sup_zip_data(struct archive *in, struct archive *out, int64_t *total)
{
    int          rc;
    size_t       size;
    int64_t      offset;
    const void  *block;

    for ( ;; ) {
        rc = archive_read_data_block(in, &block, &size, &offset);

        if (rc == ARCHIVE_EOF) {
            return 0;
        }

        /* what counts is what comes out, not what a header promises */

        if (rc < ARCHIVE_WARN
            || (*total += (int64_t) size) > SUP_ZIP_UNPACKED
            || offset > SUP_ZIP_UNPACKED
            || archive_write_data_block(out, block, size, offset)
               < ARCHIVE_WARN)
        {
            return -1;
        }
    }
}


static int
sup_zip_entries(struct archive *in, struct archive *out, int err)
{
    int                    n, rc;
    int64_t                total;
    struct archive_entry  *e;

    total = 0;

    for (n = 0; n < SUP_ZIP_ENTRIES; n++) {
        rc = archive_read_next_header(in, &e);

        if (rc == ARCHIVE_EOF) {
            return n > 0 ? 0 : sup_zip_say(err, "is empty", NULL);
        }

        if (rc < ARCHIVE_WARN) {
            return sup_zip_say(err, archive_error_string(in), NULL);
        }

        if (sup_zip_entry(e, err) == -1) {
            return -1;
        }

        if (archive_write_header(out, e) < ARCHIVE_WARN) {
            return sup_zip_say(err, archive_error_string(out),
                               archive_entry_pathname(e));
        }

        if (sup_zip_data(in, out, &total) == -1) {

            if (total > SUP_ZIP_UNPACKED) {
                return sup_zip_say(err, "refused: more than 250 MB unpacked",
                                   NULL);
            }

            return sup_zip_say(err, archive_error_string(in)
                               ? archive_error_string(in)
                               : archive_error_string(out), NULL);
        }

        if (archive_write_finish_entry(out) < ARCHIVE_WARN) {
            return sup_zip_say(err, archive_error_string(out), NULL);
        }
    }

    return sup_zip_say(err, "refused: too many entries", NULL);
}


static int
sup_zip_unpack(const char *zip, const char *temp, const char *dest, int err)
{
    int              fd, rc;
    struct stat      st;
    struct archive  *in, *out;

    fd = open(zip, O_RDONLY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        return sup_zip_say(err, strerror(errno), NULL);
    }

    if (st.st_size > SUP_ZIP_MAX) {
        return sup_zip_say(err, "refused: larger than 50 MB", NULL);
    }

    if (mkdir(temp, 0755) == -1 || chdir(temp) == -1) {
        return sup_zip_say(err, strerror(errno), temp);
    }

    in = archive_read_new();
    out = archive_write_disk_new();

    if (in == NULL || out == NULL) {
        return sup_zip_say(err, "out of memory", NULL);
    }

    (void) archive_read_support_format_zip(in);
    (void) archive_write_disk_set_options(out, ARCHIVE_EXTRACT_PERM
                                          |ARCHIVE_EXTRACT_TIME
                                          |ARCHIVE_EXTRACT_SECURE_NODOTDOT
                                          |ARCHIVE_EXTRACT_SECURE_SYMLINKS
                                     |ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);

    if (archive_read_open_fd(in, fd, 65536) != ARCHIVE_OK) {
        return sup_zip_say(err, archive_error_string(in), NULL);
    }

    rc = sup_zip_entries(in, out, err);

    if (archive_write_close(out) < ARCHIVE_WARN && rc == 0) {
        rc = sup_zip_say(err, archive_error_string(out), NULL);
    }

    if (rc == 0 && rename(temp, dest) == -1 && access(dest, F_OK) == -1) {
        rc = sup_zip_say(err, strerror(errno), dest);
    }

    return rc;
}


static int
sup_zip_remove_one(const char *path, const struct stat *st, int flag,
    struct FTW *ftw)
{
    (void) st;
    (void) flag;
    (void) ftw;

    (void) remove(path);

    return 0;
}


static void
sup_zip_remove(const char *path)
{
    (void) nftw(path, sup_zip_remove_one, 16, FTW_DEPTH|FTW_PHYS);
}


/* --- in the supervisor --- */


static void
sup_zip_done(pid_t pid, int status, void *data)
{
    char            text[400];
    ssize_t         n;
    sup_version_t  *v = data;

    (void) pid;

    v->unpacker = 0;
    n = read(v->unpacker_fd, text, sizeof(text) - 1);
    (void) close(v->unpacker_fd);

    if (WIFEXITED(status) && WEXITSTATUS(status) == 0) {
        v->code_state = SUP_CODE_READY;

    } else {
        text[n > 0 ? n : 0] = '\0';
        v->code_state = SUP_CODE_FAILED;
        (void) snprintf(v->code_error, sizeof(v->code_error),
                        "code \"%.100s\" %.380s", v->code,
                        n > 0 ? text : "could not be unpacked");
    }

    if (v->fn->live != v && v->fn->next != v) {
        sup_version_release(v);
        return;
    }

    sup_pool_ended(v->fn);
}


static void
sup_zip_temp(char *temp, size_t size, const char *dest, pid_t pid)
{
    (void) snprintf(temp, size, "%.3900s" SUP_ZIP_TEMP "%d", dest,
                    (int) pid);
}


static pid_t
sup_zip_fork(const char *zip, const char *dest, int err)
{
    int    rc;
    char   temp[PATH_MAX];
    pid_t  pid;

    pid = fork();

    if (pid != 0) {
        return pid;
    }

    sup_child_init();
    sup_zip_temp(temp, sizeof(temp), dest, getpid());
    (void) umask(022);

    rc = sup_zip_unpack(zip, temp, dest, err);

    (void) !chdir("/");
    sup_zip_remove(temp);
    _exit(rc == 0 ? 0 : 1);
}


static int
sup_zip_folder(char *path, size_t size)
{
    (void) snprintf(path, size, "%s/code", sup.state_dir);

    if ((mkdir(sup.state_dir, 0755) == -1 && errno != EEXIST)
        || (mkdir(path, 0711) == -1 && errno != EEXIST))
    {
        return SUP_ERROR;
    }

    return SUP_OK;
}


static void
sup_zip_error(sup_version_t *v, const char *what)
{
    v->code_state = SUP_CODE_FAILED;
    (void) snprintf(v->code_error, sizeof(v->code_error),
                    "code \"%.200s\" cannot be unpacked: %.100s: %s", v->code,
                    what, strerror(errno));
}


void
sup_zip_prepare(sup_version_t *v)
{
    int   fds[2];
    char  path[PATH_MAX], dest[PATH_MAX];

    if (v->sha[0] == '\0') {
        sup_code_digest(v);
    }

    if (v->sha[0] == '\0' || sup_zip_folder(path, sizeof(path)) != SUP_OK) {
        sup_zip_error(v, path);
        return;
    }

    (void) snprintf(dest, sizeof(dest), "%.3900s/%s", path, v->sha);

    free(v->root);
    v->root = strdup(dest);

    if (access(dest, F_OK) == 0) {
        v->code_state = SUP_CODE_READY;
        return;
    }

    if (pipe2(fds, O_CLOEXEC|O_NONBLOCK) == -1) {
        sup_zip_error(v, "pipe");
        return;
    }

    v->unpacker = sup_zip_fork(v->code, dest, fds[1]);
    v->unpacker_fd = fds[0];
    (void) close(fds[1]);

    if (v->unpacker == -1
        || sup_child_add(v->unpacker, sup_zip_done, v) != SUP_OK)
    {
        v->unpacker = 0;
        (void) close(fds[0]);
        sup_zip_error(v, "fork");
        return;
    }

    v->code_state = SUP_CODE_BUSY;
}


static int
sup_zip_wanted(const char *path)
{
    sup_version_t  *v;

    for (v = sup.versions; v != NULL; v = v->next) {
        if (v->root != NULL && strcmp(v->root, path) == 0) {
            return 1;
        }
    }

    return 0;
}


static void
sup_zip_swept(pid_t pid, int status, void *data)
{
    (void) pid;
    (void) status;
    (void) data;
}


/*
 * At start: what no function has any more, and what an interrupted unpacker
 * has left.
 */

void
sup_zip_sweep(void)
{
    DIR            *dir;
    char            path[PATH_MAX], name[PATH_MAX], *temp;
    pid_t           pid;
    struct dirent  *de;

    (void) snprintf(path, sizeof(path), "%s/code", sup.state_dir);
    dir = opendir(path);

    if (dir == NULL) {
        return;
    }

    pid = fork();

    if (pid != 0) {
        (void) closedir(dir);

        if (pid > 0) {
            (void) sup_child_add(pid, sup_zip_swept, NULL);
        }

        return;
    }

    sup_child_init();

    while ((de = readdir(dir)) != NULL) {

        if (de->d_name[0] == '.'
            || strspn(de->d_name, "0123456789abcdef") < SUP_DIGEST_LEN)
        {
            continue;
        }

        (void) snprintf(name, sizeof(name), "%.3800s/%s", path, de->d_name);

        temp = strstr(de->d_name, SUP_ZIP_TEMP);

        if (temp != NULL
            && sup_child_known(atoi(temp + sizeof(SUP_ZIP_TEMP) - 1)))
        {
            continue;                    /* being made just now */
        }

        if (!sup_zip_wanted(name)) {
            sup_zip_remove(name);
        }
    }

    _exit(0);
}


/* The end of the supervisor does not wait for what nobody will use. */

void
sup_zip_end(void)
{
    int             status;
    char            temp[PATH_MAX];
    sup_version_t  *v;

    for (v = sup.versions; v != NULL; v = v->next) {

        if (v->unpacker <= 0) {
            continue;
        }

        (void) kill(v->unpacker, SIGKILL);

        while (waitpid(v->unpacker, &status, 0) == -1 && errno == EINTR) {
            /* void */
        }

        sup_zip_temp(temp, sizeof(temp), v->root, v->unpacker);
        sup_zip_remove(temp);
        v->unpacker = 0;
    }
}
