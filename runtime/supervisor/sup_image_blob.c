/*
 * The blobs of an image by their names: files of a folder, or entries of a tar
 * archive, which is read from its beginning for each of them.
 *
 * Runs in a process without privileges, see sup_image.h.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup_image.h"


#define SUP_BLOB_LINKS  8


static la_ssize_t
sup_blob_tar_read(struct archive *a, void *data, const void **buf)
{
    ssize_t       n;
    sup_image_t  *img = data;

    (void) a;

    n = pread(img->fd, img->buf, sizeof(img->buf), img->at);
    img->at += n > 0 ? n : 0;
    *buf = img->buf;

    return n;
}


static la_int64_t
sup_blob_tar_skip(struct archive *a, void *data, la_int64_t n)
{
    sup_image_t  *img = data;

    (void) a;
    img->at += n;

    return n;
}


/* "./x", "/x" and "x" are the same. */

static const char *
sup_blob_bare(const char *name)
{
    while (name != NULL && (name[0] == '/' || (name[0] == '.'
                                               && name[1] == '/')))
    {
        name++;
    }

    return name;
}


/* "docker save" links layers that it has already written. */

static int
sup_blob_linked(const char *name, const char *target, char *path, size_t size)
{
    const char  *slash;

    slash = strrchr(name, '/');

    while (strncmp(target, "../", 3) == 0 && slash != NULL) {
        target += 3;

        while (slash > name && slash[-1] != '/') {
            slash--;
        }

        slash = slash > name ? slash - 1 : NULL;
    }

    return snprintf(path, size, "%.*s%s",
                    slash != NULL ? (int) (slash - name + 1) : 0, name,
                    target) < (int) size ? 0 : -1;
}


/* 1: it is there, 0: it is not; LINK is where it leads, if it is one. */

static int
sup_blob_seek(sup_image_t *img, const char *name, char *link, size_t size)
{
    int                    rc;
    const char            *found, *target;
    struct archive_entry  *entry;

    link[0] = '\0';
    img->at = 0;
    img->tar = archive_read_new();

    if (img->tar == NULL) {
        return -1;
    }

    (void) archive_read_support_format_tar(img->tar);

    rc = archive_read_open2(img->tar, img, NULL, sup_blob_tar_read,
                            sup_blob_tar_skip, NULL);

    while (rc == ARCHIVE_OK) {
        rc = archive_read_next_header(img->tar, &entry);

        if (rc != ARCHIVE_OK && rc != ARCHIVE_WARN) {
            break;
        }

        rc = ARCHIVE_OK;
        found = sup_blob_bare(archive_entry_pathname(entry));

        if (found == NULL || strcmp(found, name) != 0) {
            continue;
        }

        target = archive_entry_symlink(entry);

        if (target != NULL) {
            return sup_blob_linked(name, target, link, size) == 0 ? 1 : -1;
        }

        target = archive_entry_hardlink(entry);

        if (target != NULL) {
            (void) snprintf(link, size, "%s", sup_blob_bare(target));
        }

        return 1;
    }

    return rc == ARCHIVE_EOF ? 0 : -1;
}


static int
sup_blob_find(sup_image_t *img, const char *name)
{
    int   rc, i;
    char  link[4096], from[4096];

    (void) snprintf(from, sizeof(from), "%s", name);

    for (i = 0; i < SUP_BLOB_LINKS; i++) {
        rc = sup_blob_seek(img, from, link, sizeof(link));

        if (rc != 1 || link[0] == '\0') {
            return rc;
        }

        (void) memcpy(from, link, sizeof(from));
        sup_blob_close(img);
    }

    return -1;
}


static int
sup_blob_file(sup_image_t *img, const char *name)
{
    int          fd;
    struct stat  st;

    fd = openat(img->fd, name, O_RDONLY|O_NONBLOCK|O_NOCTTY|O_CLOEXEC);

    if (fd != -1 && (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))) {
        (void) close(fd);
        errno = EINVAL;
        return -1;
    }

    return fd;
}


/* 1 or 0; nothing is said. */

int
sup_blob_has(sup_image_t *img, const char *name)
{
    int  rc;

    if (img->folder) {
        rc = sup_blob_file(img, name);

        if (rc != -1) {
            (void) close(rc);
        }

        return rc != -1;
    }

    rc = sup_blob_find(img, name);
    sup_blob_close(img);

    return rc == 1;
}


int
sup_blob_open(sup_image_t *img, const char *name)
{
    int  rc;

    /* it is made of digests, or of what "docker save" has written */

    if (name[0] == '\0' || name[0] == '/' || strstr(name, "..") != NULL) {
        return sup_zip_say("has a bad name of a blob:", name);
    }

    img->blob = -1;
    img->tar = NULL;

    if (img->folder) {
        img->blob = sup_blob_file(img, name);
        return img->blob != -1 ? 0
               : sup_zip_say("has no blob that can be read:", name);
    }

    rc = sup_blob_find(img, name);

    if (rc == 1) {
        return 0;
    }

    rc = rc == 0 ? sup_zip_say("has no blob", name)
                 : sup_zip_say(img->tar != NULL
                               ? archive_error_string(img->tar) : NULL, name);
    sup_blob_close(img);

    return rc;
}


ssize_t
sup_blob_read(sup_image_t *img, void *buf, size_t size)
{
    return img->folder ? read(img->blob, buf, size)
                       : archive_read_data(img->tar, buf, size);
}


void
sup_blob_close(sup_image_t *img)
{
    if (img->folder) {
        (void) close(img->blob);

    } else if (img->tar != NULL) {
        (void) archive_read_free(img->tar);
        img->tar = NULL;
    }
}


/* All of a small one, and its digest. */

json_t *
sup_blob_json(sup_image_t *img, const char *name, char *sha)
{
    char        *text;
    size_t       len;
    json_t      *value;
    ssize_t      n;
    EVP_MD_CTX  *md;

    if (sup_blob_open(img, name) == -1) {
        return NULL;
    }

    text = malloc(SUP_IMAGE_TEXT);
    md = EVP_MD_CTX_new();
    value = NULL;
    n = -1;
    len = 0;

    while (text != NULL && len < SUP_IMAGE_TEXT
           && (n = sup_blob_read(img, text + len, SUP_IMAGE_TEXT - len)) > 0)
    {
        len += (size_t) n;
    }

    if (n == 0 && md != NULL
        && EVP_DigestInit_ex(md, EVP_sha256(), NULL) == 1)
    {
        (void) EVP_DigestUpdate(md, text, len);
        sup_hex(md, sha);
        value = json_loadb(text, len, JSON_REJECT_DUPLICATES, NULL);
    }

    if (value == NULL) {
        (void) sup_zip_say("has a blob that is not JSON:", name);
    }

    EVP_MD_CTX_free(md);
    sup_blob_close(img);
    free(text);

    return value;
}
