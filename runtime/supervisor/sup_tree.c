/*
 * The identity of a folder: a digest over the names, types, modes, sizes and
 * times of all that is in it.
 *
 * Runs in the supervisor, and in the processes that merge layers.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "sup_zip.h"


#define SUP_TREE_DEPTH   (SUP_ZIP_DEPTH + 28)
#define SUP_TREE_FILES   200000


typedef struct {
    EVP_MD_CTX  *md;
    uint32_t     files;
    int          strict;
    int64_t      bytes;
} sup_tree_t;


/* Written by interpreters, not by whoever deploys. */

static int
sup_tree_ignored(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0
           || strcmp(name, "__pycache__") == 0;
}


static int
sup_tree_select(const struct dirent *de)
{
    return !sup_tree_ignored(de->d_name);
}


static int
sup_tree_entry(sup_tree_t *t, int dir, const char *path, const char *name)
{
    char         text[PATH_MAX + 128], target[PATH_MAX];
    ssize_t      n;
    struct stat  st;

    if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == -1) {
        return errno == ENOENT ? 0 : -1;
    }

    target[0] = '\0';

    if (S_ISLNK(st.st_mode)) {
        n = readlinkat(dir, name, target, sizeof(target) - 1);
        target[n > 0 ? n : 0] = '\0';
    }

    /* a folder's own time changes with what is ignored in it */

    n = snprintf(text, sizeof(text), "%s/%s %o %lld %lld.%09ld %s", path,
                 name, st.st_mode,
                 S_ISDIR(st.st_mode) ? 0 : (long long) st.st_size,
                 S_ISDIR(st.st_mode) ? 0 : (long long) st.st_mtim.tv_sec,
                 S_ISDIR(st.st_mode) ? 0 : st.st_mtim.tv_nsec, target);

    t->bytes += S_ISREG(st.st_mode) ? st.st_size : 0;

    /* more than the buffer has: the length says so, the rest does not matter */

    (void) EVP_DigestUpdate(t->md, &n, sizeof(n));
    (void) EVP_DigestUpdate(t->md, text, strlen(text));

    if (t->strict && !S_ISDIR(st.st_mode)) {
        (void) EVP_DigestUpdate(t->md, &st.st_ctim.tv_sec,
                                sizeof(st.st_ctim.tv_sec));
        (void) EVP_DigestUpdate(t->md, &st.st_ctim.tv_nsec,
                                sizeof(st.st_ctim.tv_nsec));
    }

    if (++t->files > SUP_TREE_FILES) {
        errno = E2BIG;
        return -1;
    }

    return S_ISDIR(st.st_mode);
}


static int
sup_tree_digest(sup_tree_t *t, int fd, const char *path, int depth)
{
    int              i, n, rc, sub;
    char             below[PATH_MAX];
    struct dirent  **list;

    if (depth > SUP_TREE_DEPTH) {
        errno = ELOOP;
        return -1;
    }

    n = scandirat(fd, ".", &list, sup_tree_select, alphasort);

    if (n == -1) {
        return -1;
    }

    rc = 0;

    for (i = 0; i < n; i++) {

        if (rc == 0) {
            rc = sup_tree_entry(t, fd, path, list[i]->d_name);
        }

        if (rc == 1) {
            rc = -1;
            sub = openat(fd, list[i]->d_name,
                         O_RDONLY|O_DIRECTORY|O_NOFOLLOW|O_CLOEXEC);

            if (sub != -1) {
                (void) snprintf(below, sizeof(below), "%s/%s", path,
                                list[i]->d_name);
                rc = sup_tree_digest(t, sub, below, depth + 1);
                (void) close(sub);
            }
        }

        free(list[i]);
    }

    free(list);

    return rc;
}


void
sup_hex(EVP_MD_CTX *md, char *text)
{
    u_char    out[EVP_MAX_MD_SIZE];
    unsigned  i, len;

    text[0] = '\0';

    if (EVP_DigestFinal_ex(md, out, &len) != 1) {
        return;
    }

    for (i = 0; i < len && i * 2 < SUP_DIGEST_LEN; i++) {
        (void) sprintf(text + i * 2, "%02x", out[i]);
    }
}


/*
 * ID of the folder FD, which is at PATH, and what its files come to.  STRICT:
 * with the times that nobody can set, for what will be copied and kept by this
 * name.  0, or -1 with errno.
 */

int
sup_tree_id(int fd, const char *path, int strict, char *id, int64_t *bytes)
{
    int         rc;
    sup_tree_t  t;

    memset(&t, 0, sizeof(t));
    t.md = EVP_MD_CTX_new();
    t.strict = strict;
    id[0] = '\0';

    if (t.md == NULL || EVP_DigestInit_ex(t.md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(t.md);
        errno = ENOMEM;
        return -1;
    }

    (void) EVP_DigestUpdate(t.md, path, strlen(path) + 1);
    rc = sup_tree_digest(&t, fd, "", 0);

    if (rc == 0) {
        sup_hex(t.md, id);
        *bytes = t.bytes;
    }

    EVP_MD_CTX_free(t.md);

    return rc;
}
