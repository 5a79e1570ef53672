/*
 * The unpacker: hashes a zip, has it extracted by a child without privileges
 * into a folder that belongs to that child, looks at what came out, makes it
 * root's and read-only for all others, and renames it to its digest when all
 * of it is on the disk.
 *
 * A process of its own, see sup_zip.h; it may block.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include <linux/openat2.h>
#include <openssl/evp.h>

#include "sup_zip.h"


#define SUP_ZIP_STABLE_NS  2000000000ULL /* coarser than any time stamp */


typedef struct {
    int          root;
    uid_t        uid;
    int64_t      bytes;
    uint32_t     n;
    size_t       len;
    char         path[PATH_MAX];         /* of the entry looked at */
} sup_seal_t;


/* One line for the log, and for those who wait.  -1. */

int
sup_zip_say(const char *what, const char *entry)
{
    char    text[400], shown[1024];
    size_t  len;

    what = what ? what : "cannot be unpacked";
    shown[0] = '\0';

    if (entry != NULL) {
        len = strlen(entry);
        (void) sup_escape(shown, 300, entry, len > 250 ? 250 : len);
    }

    len = snprintf(text, sizeof(text), "%.120s%s%s%s", what,
                   entry ? " \"" : "", shown, entry ? "\"" : "");

    (void) !write(SUP_ZIP_REPORT, text,
                  len < sizeof(text) ? len : sizeof(text) - 1);

    return -1;
}


/* --- removal --- */


/* By descriptors: whoever made the tree cannot lead us out of it. */

static void
sup_tree_empty(int fd, int depth)
{
    int             sub;
    DIR            *dir;
    struct dirent  *de;

    dir = depth < SUP_ZIP_DEPTH * 2 ? fdopendir(fd) : NULL;

    if (dir == NULL) {
        (void) close(fd);
        return;
    }

    while ((de = readdir(dir)) != NULL) {

        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0
            || unlinkat(fd, de->d_name, 0) == 0)
        {
            continue;
        }

        sub = openat(fd, de->d_name,
                     O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

        if (sub != -1) {
            sup_tree_empty(sub, depth + 1);
        }

        (void) unlinkat(fd, de->d_name, AT_REMOVEDIR);
    }

    (void) closedir(dir);
}


void
sup_tree_remove(int at, const char *name)
{
    int  fd;

    fd = openat(at, name, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (fd == -1) {
        (void) unlinkat(at, name, 0);
        return;
    }

    sup_tree_empty(fd, 0);
    (void) unlinkat(at, name, AT_REMOVEDIR);
}


/* --- what was extracted becomes ours --- */


static int
sup_seal_refuse(sup_seal_t *s, const char *why)
{
    return sup_zip_say(why, s->path);
}


/* Where a link leads to the kernel knows best. */

static int
sup_seal_link(sup_seal_t *s, int at, const char *name)
{
    long             fd;
    char             target[PATH_MAX];
    ssize_t          n;
    struct open_how  how;

    n = readlinkat(at, name, target, sizeof(target) - 1);
    target[n > 0 ? n : 0] = '\0';

    if (!sup_zip_link_inside(s->path, target)) {
        return sup_seal_refuse(s, "refused: it is a link to the outside:");
    }

    memset(&how, 0, sizeof(how));
    how.flags = O_PATH|O_CLOEXEC;
    how.resolve = RESOLVE_BENEATH|RESOLVE_NO_MAGICLINKS;

    fd = syscall(SYS_openat2, s->root, s->path, &how, sizeof(how));

    if (fd == -1 && errno == EXDEV) {
        return sup_seal_refuse(s, "refused: it is a link to the outside:");
    }

    if (fd != -1) {
        (void) close((int) fd);
    }

    if (s->uid != 0 && fchownat(at, name, 0, 0, AT_SYMLINK_NOFOLLOW) == -1) {
        return sup_seal_refuse(s, strerror(errno));
    }

    return 0;
}


static int
sup_seal_file(sup_seal_t *s, int fd, struct stat *st)
{
    mode_t  mode;

    mode = S_ISDIR(st->st_mode) || (st->st_mode & 0111) ? 0755 : 0644;

    if (flistxattr(fd, NULL, 0) > 0) {
        (void) fremovexattr(fd, "system.posix_acl_access");
        (void) fremovexattr(fd, "system.posix_acl_default");
    }

    if ((s->uid != 0 && fchown(fd, 0, 0) == -1) || fchmod(fd, mode) == -1) {
        return sup_seal_refuse(s, strerror(errno));
    }

    return 0;
}


static int sup_seal_folder(sup_seal_t *s, int fd, int depth);


static int
sup_seal_open(sup_seal_t *s, int at, const char *name, int depth)
{
    int          fd, rc;
    struct stat  st;

    fd = openat(at, name, O_RDONLY|O_NOFOLLOW|O_NONBLOCK|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        rc = sup_seal_refuse(s, strerror(errno));

    } else if (s->uid != 0 && st.st_uid != s->uid) {
        rc = sup_seal_refuse(s, "refused: it is somebody else's:");

    } else if (S_ISDIR(st.st_mode)) {
        rc = sup_seal_file(s, fd, &st);
        return rc == 0 ? sup_seal_folder(s, fd, depth + 1) : rc;

    } else if (!S_ISREG(st.st_mode) || st.st_nlink != 1) {
        rc = sup_seal_refuse(s, "refused: it is not a file:");

    } else if ((s->bytes += st.st_size) > SUP_ZIP_UNPACKED) {
        rc = sup_seal_refuse(s, "refused: more than 250 MB unpacked, with");

    } else {
        rc = sup_seal_file(s, fd, &st);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return rc;
}


/* Takes over FD. */

static int
sup_seal_folder(sup_seal_t *s, int fd, int depth)
{
    int             rc;
    DIR            *dir;
    size_t          len, n;
    struct stat     st;
    struct dirent  *de;

    dir = fdopendir(fd);

    if (dir == NULL || depth > SUP_ZIP_DEPTH) {
        return sup_seal_refuse(s, "refused: too deep:");
    }

    rc = 0;
    len = s->len;

    while (rc == 0 && (de = readdir(dir)) != NULL) {

        if (strcmp(de->d_name, ".") == 0 || strcmp(de->d_name, "..") == 0) {
            continue;
        }

        n = snprintf(s->path + len, sizeof(s->path) - len, "%s%s",
                     len ? "/" : "", de->d_name);

        if (n >= sizeof(s->path) - len || ++s->n > SUP_ZIP_NAMES
            || fstatat(fd, de->d_name, &st, AT_SYMLINK_NOFOLLOW) == -1)
        {
            rc = sup_seal_refuse(s, "refused: too much of it:");
            break;
        }

        s->len = len + n;
        rc = S_ISLNK(st.st_mode) ? sup_seal_link(s, fd, de->d_name)
                                 : sup_seal_open(s, fd, de->d_name, depth);
    }

    s->len = len;
    (void) closedir(dir);

    return rc;
}


/*
 * The top comes first: from then on nobody who might be left of the other
 * user can get in again.
 */

static int
sup_seal(int root, uid_t uid)
{
    int                fd;
    static sup_seal_t  s;

    s.root = root;
    s.uid = uid;
    fd = dup(root);

    if (fd == -1 || (uid != 0 && fchown(root, 0, 0) == -1)
        || fchmod(root, 0700) == -1)
    {
        return sup_zip_say(strerror(errno), NULL);
    }

    if (sup_seal_folder(&s, fd, 0) == -1) {
        return -1;
    }

    if (fchmod(root, 0755) == -1 || syncfs(root) == -1) {
        return sup_zip_say(strerror(errno), NULL);
    }

    return 0;
}


/* --- the zip --- */


static uint64_t
sup_zip_ns(const struct timespec *ts)
{
    return (uint64_t) ts->tv_sec * 1000000000ULL + ts->tv_nsec;
}


static int
sup_zip_hash(int fd, char *sha)
{
    u_char       out[EVP_MAX_MD_SIZE];
    off_t        at;
    ssize_t      n;
    unsigned     i, len;
    EVP_MD_CTX  *md;

    static u_char  buf[65536];

    md = EVP_MD_CTX_new();

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
        return sup_zip_say("out of memory", NULL);
    }

    for (at = 0; (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n) {
        (void) EVP_DigestUpdate(md, buf, n);
    }

    if (n == -1 || EVP_DigestFinal_ex(md, out, &len) != 1) {
        return sup_zip_say("cannot be read:", strerror(errno));
    }

    EVP_MD_CTX_free(md);

    for (i = 0; i < len && i * 2 < SUP_DIGEST_LEN; i++) {
        (void) sprintf(sha + i * 2, "%02x", out[i]);
    }

    return 0;
}


static int
sup_zip_id(int fd, const char *single, char *sha)
{
    int  rc;

    rc = sup_zip_hash(fd, sha);

    return rc == 0 && single != NULL ? sup_single_id(fd, single, sha) : rc;
}


/* All but the digest. */

void
sup_zip_stat(const struct stat *st, sup_zip_id_t *id)
{
    struct timespec  now;

    (void) clock_gettime(CLOCK_REALTIME, &now);

    memset(id, 0, sizeof(sup_zip_id_t));
    id->dev = st->st_dev;
    id->ino = st->st_ino;
    id->size = st->st_size;
    id->mtime = sup_zip_ns(&st->st_mtim);
    id->ctime = sup_zip_ns(&st->st_ctim);
    id->stable = id->ctime + SUP_ZIP_STABLE_NS < sup_zip_ns(&now);
}


/*
 * Whoever may write there may have put anything there.  SINGLE becomes NULL if
 * it is an archive.
 */

static int
sup_zip_open(const char *path, sup_zip_id_t *id, const char **single)
{
    int          fd;
    struct stat  st;

    fd = open(path, O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd == -1 || fstat(fd, &st) == -1) {
        return sup_zip_say("cannot be opened:", strerror(errno));
    }

    if (!S_ISREG(st.st_mode)) {
        return sup_zip_say("is neither a folder nor a file", NULL);
    }

    if (st.st_size > SUP_ZIP_MAX) {
        return sup_zip_say("refused: larger than 50 MB", NULL);
    }

    sup_zip_stat(&st, id);

    if (*single != NULL && !sup_single_is(fd, *single)) {
        *single = NULL;
    }

    return sup_zip_id(fd, *single, id->sha) == 0 ? fd : -1;
}


static int
sup_zip_extract(int zip, int dir, uid_t uid)
{
    int    status;
    char   text[64];
    pid_t  pid, parent;

    parent = getpid();
    pid = fork();

    if (pid == 0) {
        sup_extract(zip, dir, uid, parent);
    }

    if (pid == -1) {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
        /* void */
    }

    if (WIFSIGNALED(status)) {
        (void) snprintf(text, sizeof(text), "cannot be unpacked: its "
                        "unpacker was killed by signal %d", WTERMSIG(status));
        return sup_zip_say(text, NULL);
    }

    return WEXITSTATUS(status) == 0 ? 0 : -1;
}


/* The user may not exist in the namespace that we are in. */

int
sup_zip_own(int dir, uid_t *uid)
{
    if (*uid == 0 || fchown(dir, *uid, *uid) == 0) {
        return 0;
    }

    *uid = SUP_ZIP_NOBODY;

    return fchown(dir, *uid, *uid);
}


/*
 * TEMP, made with the result RC, is NAME from now on, unless another one has
 * made the same meanwhile; else it goes.
 */

int
sup_store_publish(int store, const char *temp, const char *name, int rc)
{
    if (rc == 0 && renameat(store, temp, store, name) == -1
        && faccessat(store, name, F_OK, 0) == -1)
    {
        rc = sup_zip_say("cannot be renamed:", strerror(errno));
    }

    sup_tree_remove(store, temp);

    return rc == 0 && fsync(store) == -1
           ? sup_zip_say("cannot be written:", strerror(errno)) : rc;
}


/*
 * The store, when it is known what is to be unpacked: says so, SUP_AGAIN if
 * that is there already.
 */

int
sup_store_begin(const char *path, const sup_zip_id_t *id, int *store)
{
    *store = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);

    if (*store == -1) {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    if (write(SUP_ZIP_REPORT, id, sizeof(sup_zip_id_t))
        != (ssize_t) sizeof(sup_zip_id_t))
    {
        return SUP_ERROR;
    }

    return faccessat(*store, id->sha, F_OK, 0) == 0 ? SUP_AGAIN : SUP_OK;
}


static int
sup_zip_make(int zip, int code, const char *temp, uid_t uid, const char *sha,
    const char *single)
{
    int   dir, rc;
    char  after[SUP_DIGEST_LEN + 8];

    uid = single != NULL ? 0 : uid;

    if (mkdirat(code, temp, 0700) == -1) {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    dir = openat(code, temp, O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

    if (dir == -1 || sup_zip_own(dir, &uid) == -1) {
        rc = sup_zip_say("cannot be unpacked:", strerror(errno));

    } else {
        rc = single != NULL ? sup_single_copy(zip, dir, single)
                            : sup_zip_extract(zip, dir, uid);
    }

    /* written to while it was read: neither the one nor the other */

    if (rc == 0 && (rc = sup_zip_id(zip, single, after)) == 0
        && strcmp(sha, after) != 0)
    {
        rc = sup_zip_say("has changed while it was unpacked", NULL);
    }

    if (rc == 0) {
        rc = sup_seal(dir, uid);
    }

    return sup_store_publish(code, temp, sha, rc);
}


/* faas-supervisor --unpack UID FILE STORE [NAME, if it may be no archive] */

int
sup_unpack(int argc, char **argv)
{
    int           rc, zip, code;
    char          temp[64];
    uid_t         uid;
    const char   *single;
    sup_zip_id_t  id;

    if (argc != 5 && argc != 6) {
        return SUP_EXIT_ERROR;
    }

    (void) prctl(PR_SET_NAME, "faas-unpack", 0, 0, 0);

    uid = geteuid() == 0 ? (uid_t) strtoul(argv[2], NULL, 10) : 0;
    single = argc == 6 ? argv[5] : NULL;
    zip = sup_zip_open(argv[3], &id, &single);

    if (zip == -1) {
        return SUP_EXIT_ERROR;
    }

    rc = sup_store_begin(argv[4], &id, &code);

    if (rc != SUP_OK) {
        return rc == SUP_AGAIN ? SUP_EXIT_OK : SUP_EXIT_ERROR;
    }

    (void) snprintf(temp, sizeof(temp), SUP_ZIP_TEMP "%d", (int) getpid());

    return sup_zip_make(zip, code, temp, uid, id.sha, single) == 0
           ? SUP_EXIT_OK : SUP_EXIT_ERROR;
}
