/*
 * Reads a zip, entry by entry, into the current folder.  What is in a zip is
 * not trusted, nor is the library that reads it: this runs in a process of its
 * own that has given up all privileges (sup_drop()), and what it made is
 * looked at again by its parent.
 */

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <archive.h>
#include <archive_entry.h>

#include "sup_names.h"
#include "sup_zip.h"


#define SUP_EXTRACT_MEMORY  ((rlim_t) 512 * 1048576)
#define SUP_EXTRACT_CPU     120          /* seconds */
#define SUP_EXTRACT_FILES   64

#ifdef __SANITIZE_ADDRESS__
#define SUP_EXTRACT_SHADOW  1            /* needs terabytes of addresses */
#else
#define SUP_EXTRACT_SHADOW  0
#endif


typedef struct {
    struct archive        *in;
    struct archive        *out;          /* NULL: only to be looked at */
    struct archive_entry  *entry;
    int64_t                total;        /* bytes that came out */
    int64_t                promised;     /* bytes that headers say */
    sup_names_t            names;
    char                   name[SUP_ZIP_NAME_MAX];    /* of the entry */
} sup_extract_t;


/* Its name without what means nothing; NULL, or why it is refused. */

static const char *
sup_extract_name(sup_extract_t *x, const char *raw)
{
    if (raw == NULL || raw[0] == '\0') {
        return "it has no name that can be used";
    }

    if (raw[0] == '/') {
        return "its name is absolute";
    }

    return sup_names_clean(x->name, raw);
}


/* A link is resolved from the folder it is in. */

int
sup_zip_link_inside(const char *name, const char *target)
{
    int          depth;
    size_t       n;
    const char  *p;

    if (target == NULL || target[0] == '/' || target[0] == '\0') {
        return 0;
    }

    depth = 0;

    for (p = strchr(name, '/'); p != NULL; p = strchr(p + 1, '/')) {
        depth++;
    }

    for (p = target; *p != '\0'; p += n + (p[n] == '/')) {
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


/*
 * What may be in a zip: files, folders, links that stay inside, each name
 * once.  All else is refused outright: such an archive was made to do harm,
 * or is damaged.  NULL, or why.
 */

static const char *
sup_extract_check(sup_extract_t *x)
{
    mode_t       type;
    const char  *why, *target;

    why = sup_extract_name(x, archive_entry_pathname(x->entry));

    if (why != NULL) {
        return why;
    }

    if (archive_entry_hardlink(x->entry) != NULL) {
        return "it is a hard link";
    }

    type = archive_entry_filetype(x->entry);

    if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK) {
        return "it is neither file nor folder nor link";
    }

    if (x->name[0] == '\0') {
        return type == AE_IFDIR ? NULL : "it has no name that can be used";
    }

    if (type == AE_IFLNK) {
        target = archive_entry_symlink(x->entry);

        if (!sup_zip_link_inside(x->name, target)) {
            return "it is a link to the outside";
        }
    }

    return sup_names_unique(&x->names, x->name, type == AE_IFDIR);
}


static int
sup_extract_data(sup_extract_t *x)
{
    int          rc;
    size_t       size;
    int64_t      offset;
    const void  *block;

    for ( ;; ) {
        rc = archive_read_data_block(x->in, &block, &size, &offset);

        if (rc == ARCHIVE_EOF) {
            return 0;
        }

        if (rc != ARCHIVE_OK) {
            return sup_zip_say(archive_error_string(x->in), x->name);
        }

        /* what counts is what comes out, not what a header promises */

        x->total += (int64_t) size;

        if (x->total > SUP_ZIP_UNPACKED || offset > SUP_ZIP_UNPACKED) {
            return sup_zip_say("refused: more than 250 MB unpacked, with",
                               x->name);
        }

        if (archive_write_data_block(x->out, block, size, offset)
            != ARCHIVE_OK)
        {
            return sup_zip_say(archive_error_string(x->out), x->name);
        }
    }
}


static int
sup_extract_entry(sup_extract_t *x)
{
    char         text[128];
    mode_t       mode;
    const char  *why, *raw;

    why = sup_extract_check(x);

    if (why != NULL) {
        raw = archive_entry_pathname(x->entry);
        (void) snprintf(text, sizeof(text), "refused: %s:", why);
        return sup_zip_say(text, raw ? raw : "");
    }

    x->promised += archive_entry_size(x->entry);

    if (x->promised > SUP_ZIP_UNPACKED) {
        return sup_zip_say("refused: more than 250 MB unpacked, with",
                           x->name);
    }

    if (x->out == NULL || x->name[0] == '\0') {
        return 0;                        /* the folder itself */
    }

    mode = archive_entry_perm(x->entry) & 0111 ? 0755 : 0644;

    if (archive_entry_filetype(x->entry) == AE_IFDIR) {
        mode = 0755;
    }

    archive_entry_set_perm(x->entry, mode);
    archive_entry_set_pathname(x->entry, x->name);

    if (archive_write_header(x->out, x->entry) != ARCHIVE_OK) {
        return sup_zip_say(archive_error_string(x->out), x->name);
    }

    if (archive_entry_filetype(x->entry) == AE_IFREG
        && sup_extract_data(x) == -1)
    {
        return -1;
    }

    if (archive_write_finish_entry(x->out) < ARCHIVE_WARN) {
        return sup_zip_say(archive_error_string(x->out), x->name);
    }

    return 0;
}


static int
sup_extract_all(sup_extract_t *x)
{
    int  n, rc;

    for (n = 0; /* void */ ; n++) {
        rc = archive_read_next_header(x->in, &x->entry);

        if (rc == ARCHIVE_EOF) {
            return n > 0 ? 0 : sup_zip_say("is empty", NULL);
        }

        /* a warning is about a name in a strange encoding */

        if (rc < ARCHIVE_WARN) {
            return sup_zip_say(archive_error_string(x->in), NULL);
        }

        if (n == SUP_ZIP_ENTRIES) {
            return sup_zip_say("refused: more than 100000 entries, the first "
                               "of them too many is",
                               archive_entry_pathname(x->entry));
        }

        if (sup_extract_entry(x) == -1) {
            return -1;
        }
    }
}


static struct archive *
sup_extract_disk(void)
{
    struct archive  *out;

    out = archive_write_disk_new();

    if (out != NULL) {
        (void) archive_write_disk_set_options(out, ARCHIVE_EXTRACT_PERM
                                          |ARCHIVE_EXTRACT_TIME
                                          |ARCHIVE_EXTRACT_NO_OVERWRITE
                                          |ARCHIVE_EXTRACT_SECURE_NODOTDOT
                                          |ARCHIVE_EXTRACT_SECURE_SYMLINKS
                                     |ARCHIVE_EXTRACT_SECURE_NOABSOLUTEPATHS);
    }

    return out;
}


/*
 * The library looks for each entry anew, so that from a file it would read
 * some of its blocks thousands of times.
 */

static void *
sup_extract_read(int zip, size_t *size)
{
    char         *buf;
    size_t        at;
    ssize_t       n;
    struct stat   st;

    if (fstat(zip, &st) == -1 || st.st_size > SUP_ZIP_MAX
        || (buf = malloc(st.st_size + 1)) == NULL)
    {
        (void) sup_zip_say("cannot be read:", strerror(errno));
        return NULL;
    }

    for (at = 0; at < (size_t) st.st_size; at += n) {
        n = pread(zip, buf + at, st.st_size - at, at);

        if (n <= 0) {
            (void) sup_zip_say("cannot be read:", strerror(n ? errno : EIO));
            return NULL;
        }
    }

    *size = at;

    return buf;
}


/* With WRITE 0 it is only looked at, which takes no time worth mentioning. */

static int
sup_extract_zip(const void *zip, size_t size, int write)
{
    sup_extract_t  x;

    memset(&x, 0, sizeof(x));

    x.in = archive_read_new();
    x.out = write ? sup_extract_disk() : NULL;

    if (x.in == NULL || (write && x.out == NULL)
        || sup_names_init(&x.names) == -1)
    {
        return sup_zip_say("out of memory", NULL);
    }

    /* the directory at the end is what counts: it has types and modes */

    (void) archive_read_support_format_zip_seekable(x.in);

    if (archive_read_open_memory(x.in, zip, size) != ARCHIVE_OK) {
        return sup_zip_say(archive_error_string(x.in), NULL);
    }

    if (sup_extract_all(&x) == -1) {
        return -1;
    }

    if (write && archive_write_close(x.out) < ARCHIVE_WARN) {
        return sup_zip_say(archive_error_string(x.out), NULL);
    }

    (void) archive_read_free(x.in);

    sup_names_free(&x.names);

    return 0;
}


static void
sup_limit(int what, rlim_t n)
{
    struct rlimit  rl;

    rl.rlim_cur = n;
    rl.rlim_max = n;
    (void) setrlimit(what, &rl);
}


/*
 * Gives up all that is of use to anybody who takes this process over.  It has
 * no descriptor but the zip and the report, and its current folder.
 */

int
sup_drop(uid_t uid, pid_t parent, int64_t bytes, int cpu)
{
    (void) umask(077);
    (void) signal(SIGXFSZ, SIG_IGN);

    sup_limit(RLIMIT_CORE, 0);
    sup_limit(RLIMIT_FSIZE, (rlim_t) bytes);
    sup_limit(RLIMIT_NOFILE, SUP_EXTRACT_FILES);
    sup_limit(RLIMIT_CPU, (rlim_t) cpu);

    if (!SUP_EXTRACT_SHADOW) {
        sup_limit(RLIMIT_AS, SUP_EXTRACT_MEMORY);
    }

    if (uid != 0) {
        sup_limit(RLIMIT_NPROC, 1);

        if (setgroups(0, NULL) == -1 || setresgid(uid, uid, uid) == -1
            || setresuid(uid, uid, uid) == -1 || setuid(0) != -1)
        {
            return -1;
        }
    }

    /* a change of user has taken the first one away */

    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) == -1
        || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == -1)
    {
        return -1;
    }

    return getppid() == parent ? 0 : -1;
}


/* Never returns; exits with 0, or 1 when it has said why. */

void
sup_extract(int zip, int dir, uid_t uid, pid_t parent)
{
    int     null;
    void   *buf;
    size_t  size;

    (void) prctl(PR_SET_NAME, "faas-extract", 0, 0, 0);
    (void) setlocale(LC_CTYPE, "C.UTF-8");

    null = open("/dev/null", O_RDWR);
    zip = fcntl(zip, F_DUPFD, 10);

    if (null == -1 || zip == -1 || fchdir(dir) == -1 || dup2(null, 0) == -1
        || dup2(null, 1) == -1 || dup2(null, 2) == -1
        || dup2(zip, SUP_ZIP_REPORT + 1) == -1)
    {
        (void) sup_zip_say("cannot be unpacked: no descriptors", NULL);
        _exit(1);
    }

    (void) close_range(SUP_ZIP_REPORT + 2, ~0U, 0);

    if (sup_drop(uid, parent, SUP_ZIP_UNPACKED, SUP_EXTRACT_CPU) == -1) {
        (void) sup_zip_say("cannot be unpacked without privileges:",
                           strerror(errno));
        _exit(1);
    }

    /* nothing is written of one that would be refused */

    buf = sup_extract_read(SUP_ZIP_REPORT + 1, &size);

    _exit(buf != NULL && sup_extract_zip(buf, size, 0) == 0
          && sup_extract_zip(buf, size, 1) == 0 ? 0 : 1);
}
