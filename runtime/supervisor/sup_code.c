/*
 * A function's code: its identity, and the folder that is mounted for it.
 * Folders are used where they are; zips are unpacked once by content digest.
 *
 * Runs in the supervisor.
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

#include "sup.h"


#define SUP_TREE_DEPTH   64
#define SUP_TREE_FILES   200000


typedef struct {
    EVP_MD_CTX  *md;
    uint32_t     files;
} sup_tree_t;


/* Written by interpreters, not by whoever deploys. */

static int
sup_code_ignored(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0
           || strcmp(name, "__pycache__") == 0;
}


static int
sup_code_select(const struct dirent *de)
{
    return !sup_code_ignored(de->d_name);
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

    /* more than the buffer has: the length says so, the rest does not matter */

    (void) EVP_DigestUpdate(t->md, &n, sizeof(n));
    (void) EVP_DigestUpdate(t->md, text, strlen(text));

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

    n = scandirat(fd, ".", &list, sup_code_select, alphasort);

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


static void
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


static void
sup_code_fail(sup_version_t *v, const char *what, int err)
{
    v->code_state = SUP_CODE_FAILED;
    (void) snprintf(v->code_error, sizeof(v->code_error),
                    "code \"%.300s\" %s%s%s", v->code, what,
                    err ? ": " : "", err ? strerror(err) : "");
}


/*
 * The identity of the code as it is now; with it that of the version.
 * SUP_AGAIN: it is a zip that an unpacker has to read first.
 *
 * A folder is walked here: 200000 entries are the bound.
 */

int
sup_code_digest(sup_version_t *v)
{
    int          fd, rc;
    char         text[SUP_DIGEST_LEN + PATH_MAX + 32], path[PATH_MAX];
    sup_tree_t   t;
    struct stat  st;

    rc = SUP_OK;
    text[0] = '\0';
    memset(&t, 0, sizeof(t));
    t.md = EVP_MD_CTX_new();

    /* whoever may write there may have put anything there */

    fd = open(v->code, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd != -1 && fstat(fd, &st) == 0
        && !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
    {
        (void) close(fd);
        fd = -1;
        errno = EINVAL;
    }

    if (t.md == NULL || fd == -1 || fstat(fd, &st) == -1
        || realpath(v->code, path) == NULL
        || EVP_DigestInit_ex(t.md, EVP_sha256(), NULL) != 1)
    {
        sup_code_fail(v, "cannot be opened", errno);
        goto done;
    }

    if (S_ISDIR(st.st_mode)) {
        rc = sup_tree_digest(&t, fd, "", 0);
        sup_hex(t.md, text);
        (void) strcat(text, path);

        if (rc == -1) {
            sup_code_fail(v, "cannot be read", errno);
        }

    } else {
        rc = sup_zip_lookup(v, &st);
        (void) strcpy(text, v->sha);
    }

done:

    if (fd != -1) {
        (void) close(fd);
    }

    EVP_MD_CTX_free(t.md);
    sup_version_digest(v, text);

    return rc == SUP_AGAIN ? SUP_AGAIN : SUP_OK;
}


/*
 * Environments have a user of their own: a folder that only its owner may
 * enter is an error worth saying, not one to be found by each import.
 */

static void
sup_code_folder(sup_version_t *v)
{
    char         path[PATH_MAX];
    struct stat  st;

    if (realpath(v->code, path) == NULL || stat(path, &st) == -1) {
        sup_code_fail(v, "cannot be opened", errno);
        return;
    }

    if (sup.isolation == FAAS_ISOLATION_FULL
        && (st.st_mode & 0005) != 0005)
    {
        sup_code_fail(v, "is not readable for the user of the environment: "
                      "its folder lacks r-x for others", 0);
        return;
    }

    free(v->root);
    v->root = strdup(path);
    v->code_state = v->root != NULL ? SUP_CODE_READY : SUP_CODE_FAILED;
}


/* Makes v->root, now or (zip) when the unpacker has ended. */

void
sup_code_prepare(sup_version_t *v)
{
    struct stat  st;

    if (v->unpacker > 0) {
        return;
    }

    if (v->class == NULL) {
        v->class = sup_class_get(v);

        if (v->class == NULL) {
            return;
        }
    }

    if (stat(v->code, &st) == -1) {
        sup_code_fail(v, "cannot be opened", errno);
        return;
    }

    if (S_ISDIR(st.st_mode)) {
        sup_code_folder(v);

    } else {
        sup_zip_prepare(v);
    }
}
