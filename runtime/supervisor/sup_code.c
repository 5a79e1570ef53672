/*
 * A function's code and layers: their identity, and the folders that are
 * mounted for them.  Folders are used where they are; archives and single
 * files are unpacked once by content digest, several layers are merged once.
 *
 * Runs in the supervisor.
 */

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


static void
sup_code_fail(sup_version_t *v, uint32_t n, const char *what, int err)
{
    v->code_state = SUP_CODE_FAILED;
    (void) snprintf(v->code_error, sizeof(v->code_error),
                    "%s \"%.300s\" %s%s%s", n == 0 ? "code" : "layer",
                    v->parts[n].path, what, err ? ": " : "",
                    err ? strerror(err) : "");
}


/* SUP_AGAIN: it is a file that an unpacker has to read first. */

static int
sup_code_part(sup_version_t *v, uint32_t n)
{
    int           fd, rc;
    char          path[PATH_MAX];
    int64_t       bytes;
    sup_part_t   *part;
    struct stat   st;

    rc = SUP_OK;
    part = &v->parts[n];
    part->id[0] = '\0';

    if (n == 0 && v->text != NULL) {

        if (sup_inline_id(v, part->id) == -1) {
            sup_code_fail(v, n, "cannot be read", ENOMEM);
        }

        return SUP_OK;
    }

    /* whoever may write there may have put anything there */

    fd = open(part->path, O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (fd != -1 && fstat(fd, &st) == 0
        && !S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
    {
        (void) close(fd);
        fd = -1;
        errno = EINVAL;
    }

    if (fd == -1 || fstat(fd, &st) == -1
        || realpath(part->path, path) == NULL)
    {
        sup_code_fail(v, n, "cannot be opened", errno);

    } else if (n == 0 && v->image) {

        /* of a layout all but its index is called by digest */

        rc = S_ISDIR(st.st_mode) && fstatat(fd, "index.json", &st, 0) == -1
             ? SUP_AGAIN : sup_known_lookup(part, &st);

    } else if (!S_ISDIR(st.st_mode)) {
        rc = sup_known_lookup(part, &st);

    } else if (sup_tree_id(fd, path, n > 0, part->id, &bytes) == -1) {
        sup_code_fail(v, n, "cannot be read", errno);
    }

    if (fd != -1) {
        (void) close(fd);
    }

    return rc;
}


/*
 * The identity of code and layers as they are now; with it that of the
 * version.  SUP_AGAIN: there is something that an unpacker has to read first.
 *
 * Folders are walked here: 200000 entries are the bound of each.
 */

int
sup_code_digest(sup_version_t *v)
{
    int       rc;
    uint32_t  i;

    rc = SUP_OK;

    for (i = 0; i < v->n_parts; i++) {
        if (sup_code_part(v, i) == SUP_AGAIN) {
            rc = SUP_AGAIN;
        }
    }

    sup_version_digest(v);

    return rc;
}


/*
 * Environments have a user of their own: a folder that only its owner may
 * enter is an error worth saying, not one to be found by each import.
 */

static int
sup_code_source(sup_version_t *v, uint32_t n)
{
    char          path[PATH_MAX], **root;
    sup_part_t   *part;
    struct stat   st;

    part = &v->parts[n];

    if (n == 0 && v->text != NULL) {
        part->folder = 0;
        return SUP_OK;
    }

    if (stat(part->path, &st) == -1 || realpath(part->path, path) == NULL) {
        sup_code_fail(v, n, "cannot be opened", errno);
        return SUP_ERROR;
    }

    part->folder = S_ISDIR(st.st_mode) && (n > 0 || !v->image) ? 1 : 0;

    if (!part->folder) {
        return SUP_OK;
    }

    if (sup.isolation == FAAS_ISOLATION_FULL
        && (st.st_mode & 0005) != 0005)
    {
        sup_code_fail(v, n, "is not readable for the user of the "
                      "environment: its folder lacks r-x for others", 0);
        return SUP_ERROR;
    }

    root = n == 0 ? &v->root : &part->root;
    free(*root);
    *root = strdup(path);

    if (*root == NULL) {
        sup_code_fail(v, n, "cannot be used", ENOMEM);
        return SUP_ERROR;
    }

    return SUP_OK;
}


/* An image has none of the libraries that our programs usually need. */

static int
sup_code_bridge(sup_version_t *v)
{
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%.3900s/faas-provided-static",
                    sup.runtime_dir);

    if (access(path, X_OK) == 0) {
        return 1;
    }

    v->code_state = SUP_CODE_FAILED;
    (void) snprintf(v->code_error, sizeof(v->code_error),
                    "images need \"%.400s\", which is built where there are "
                    "static libraries: %s", path, strerror(errno));

    return 0;
}


/* Makes v->root and v->opt, now or when unpackers have ended. */

void
sup_code_prepare(sup_version_t *v)
{
    uint32_t  i;

    if (v->unpacker > 0) {
        return;
    }

    if (v->class == NULL) {
        v->class = sup_class_get(v);

        if (v->class == NULL) {
            return;
        }
    }

    if (!sup.boxed && (v->n_parts > 1 || v->image)) {
        v->code_state = SUP_CODE_FAILED;
        (void) snprintf(v->code_error, sizeof(v->code_error),
                        "%s, which isolation level \"%s\" cannot do",
                        v->image ? "images are the root of their environments"
                                 : "layers are mounted at /opt",
                        sup.isolation == FAAS_ISOLATION_NONE ? "none"
                                                             : "landlock");
        return;
    }

    if (v->image && !sup_code_bridge(v)) {
        return;
    }

    /* what has changed while it was copied is not what it was */

    if (v->code_state == SUP_CODE_FAILED && v->n_parts > 1) {
        (void) sup_code_digest(v);
    }

    for (i = 0; i < v->n_parts; i++) {
        if (sup_code_source(v, i) != SUP_OK) {
            return;
        }
    }

    sup_zip_prepare(v);
}


/* --- layers --- */


/* What they make together, in this order. */

void
sup_layers_id(sup_version_t *v)
{
    uint32_t     i;
    EVP_MD_CTX  *md;

    md = EVP_MD_CTX_new();
    v->layers_id[0] = '\0';

    if (md != NULL && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1) {
        (void) EVP_DigestUpdate(md, "layers", sizeof("layers"));

        for (i = 1; i < v->n_parts; i++) {
            (void) EVP_DigestUpdate(md, v->parts[i].id,
                                    sizeof(v->parts[i].id));
        }

        sup_hex(md, v->layers_id);
    }

    EVP_MD_CTX_free(md);
}


/*
 * The command line of sup_layers().  A folder comes with what it has to be;
 * what is in the store is what it is called.
 */

void
sup_layers_arguments(sup_version_t *v, char **argv)
{
    uint32_t  i;

    *argv++ = "faas-supervisor";
    *argv++ = "--layers";
    *argv++ = (char *) sup_store_folder();
    *argv++ = v->layers_id;
    *argv++ = v->root;

    for (i = 1; i < v->n_parts; i++) {
        *argv++ = v->parts[i].root;
        *argv++ = v->parts[i].folder ? v->parts[i].id : "";
    }

    *argv = NULL;
}


/* A single one is mounted as it is. */

int
sup_layers_made(sup_version_t *v)
{
    if (v->n_parts > 2) {
        return sup_store_have(&v->opt, v->layers_id);
    }

    v->opt = strdup(v->parts[1].root);

    return v->opt != NULL;
}
