/*
 * The layers of an image, one after the other: decompressed, compared with the
 * digest that the configuration has of them, and written into a folder.  What
 * a layer removes ("whiteouts") is removed before anything of it is written.
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
#include "sup_names.h"


#define SUP_WHITEOUT         ".wh."
#define SUP_WHITEOUT_OPAQUE  ".wh..wh..opq"


/* a tar archive that is read from what another reader decompresses */

typedef struct {
    sup_image_t           *img;
    struct archive        *raw;
    struct archive        *tar;
    struct archive_entry  *entry;
    EVP_MD_CTX            *md;
    int                    root;
    int                    remove;       /* whiteouts only */
    char                   name[SUP_ZIP_NAME_MAX];
    char                   packed[65536];
    char                   data[65536];
} sup_layer_t;


static int64_t   sup_image_bytes;
static uint32_t  sup_image_entries;


static la_ssize_t
sup_layer_packed(struct archive *a, void *data, const void **buf)
{
    sup_layer_t  *l = data;

    (void) a;
    *buf = l->packed;

    return sup_blob_read(l->img, l->packed, sizeof(l->packed));
}


static la_ssize_t
sup_layer_data(struct archive *a, void *data, const void **buf)
{
    ssize_t       n;
    sup_layer_t  *l = data;

    (void) a;

    n = archive_read_data(l->raw, l->data, sizeof(l->data));

    if (n > 0) {
        (void) EVP_DigestUpdate(l->md, l->data, (size_t) n);
    }

    *buf = l->data;

    return n;
}


static int
sup_layer_open(sup_layer_t *l)
{
    struct archive_entry  *entry;

    l->raw = archive_read_new();
    l->tar = archive_read_new();
    l->md = EVP_MD_CTX_new();

    if (l->raw == NULL || l->tar == NULL || l->md == NULL
        || EVP_DigestInit_ex(l->md, EVP_sha256(), NULL) != 1)
    {
        return sup_zip_say("out of memory", NULL);
    }

    (void) archive_read_support_filter_gzip(l->raw);
    (void) archive_read_support_filter_zstd(l->raw);
    (void) archive_read_support_format_raw(l->raw);
    (void) archive_read_support_format_tar(l->tar);

    if (archive_read_open(l->raw, l, NULL, sup_layer_packed, NULL)
        != ARCHIVE_OK
        || archive_read_next_header(l->raw, &entry) != ARCHIVE_OK)
    {
        return sup_zip_say("has a layer that cannot be read:",
                           archive_error_string(l->raw));
    }

    if (archive_read_open(l->tar, l, NULL, sup_layer_data, NULL)
        != ARCHIVE_OK)
    {
        return sup_zip_say("has a layer that is no archive:",
                           archive_error_string(l->tar));
    }

    return 0;
}


/* Its name from the root on; NULL, or why it is refused. */

static const char *
sup_layer_name(char *name, const char *raw)
{
    if (raw == NULL) {
        return "it has no name that can be used";
    }

    return sup_names_clean(name, raw);
}


static int
sup_layer_refuse(sup_layer_t *l, const char *why)
{
    char         text[128];
    const char  *name;

    name = archive_entry_pathname(l->entry);
    (void) snprintf(text, sizeof(text), "refused: %s:", why);

    return sup_zip_say(text, name != NULL ? name : "");
}


/* 1: this entry is a whiteout, and what it means was done. */

static int
sup_layer_whiteout(sup_layer_t *l)
{
    int    rc;
    char   name[SUP_ZIP_NAME_MAX], *last;

    (void) strcpy(name, l->name);
    last = strrchr(name, '/');
    last = last != NULL ? last + 1 : name;

    if (strncmp(last, SUP_WHITEOUT, sizeof(SUP_WHITEOUT) - 1) != 0) {
        return 0;
    }

    if (!l->remove) {
        return 1;
    }

    if (strcmp(last, SUP_WHITEOUT_OPAQUE) == 0) {
        last[last > name ? -1 : 0] = '\0';
        rc = name[0] != '\0' ? sup_itree_empty(l->root, name) : 0;

    } else {
        memmove(last, last + sizeof(SUP_WHITEOUT) - 1,
                strlen(last + sizeof(SUP_WHITEOUT) - 1) + 1);

        if (last[0] == '\0' || strcmp(last, ".") == 0
            || strcmp(last, "..") == 0)
        {
            return sup_layer_refuse(l, "it removes nothing that can be");
        }

        rc = sup_itree_remove(l->root, name);
    }

    return rc == 0 ? 1 : sup_layer_refuse(l, strerror(errno));
}


static int
sup_layer_write(sup_layer_t *l, int fd)
{
    int          rc;
    size_t       size;
    int64_t      offset;
    const void  *block;

    for ( ;; ) {
        rc = archive_read_data_block(l->tar, &block, &size, &offset);

        if (rc == ARCHIVE_EOF) {
            return ftruncate(fd, archive_entry_size(l->entry)) == 0
                   ? 0 : sup_layer_refuse(l, strerror(errno));
        }

        if (rc != ARCHIVE_OK) {
            return sup_zip_say(archive_error_string(l->tar), l->name);
        }

        sup_image_bytes += (int64_t) size;

        if (sup_image_bytes > SUP_IMAGE_UNPACKED
            || offset > SUP_IMAGE_UNPACKED)
        {
            return sup_layer_refuse(l, "more than 10 GB unpacked, with it");
        }

        if (pwrite(fd, block, size, offset) != (ssize_t) size) {
            return sup_layer_refuse(l, strerror(errno));
        }
    }
}


static int
sup_layer_file(sup_layer_t *l)
{
    int              fd, rc;
    struct timespec  times[2];

    fd = sup_itree_file(l->root, l->name);

    if (fd == -1) {
        return sup_layer_refuse(l, strerror(errno));
    }

    rc = sup_layer_write(l, fd);

    /* interpreters compare times of what they have compiled */

    times[0].tv_sec = archive_entry_mtime(l->entry);
    times[0].tv_nsec = archive_entry_mtime_nsec(l->entry);
    times[1] = times[0];

    (void) futimens(fd, times);
    (void) fchmod(fd, (archive_entry_perm(l->entry) & 0755) | 0600);
    (void) close(fd);

    return rc;
}


static int
sup_layer_link(sup_layer_t *l, const char *target)
{
    char         name[SUP_ZIP_NAME_MAX];
    const char  *why;

    why = sup_layer_name(name, target);

    if (why != NULL) {
        return sup_layer_refuse(l, why);
    }

    return sup_itree_hardlink(l->root, l->name, name) == 0
           ? 0 : sup_layer_refuse(l, "a hard link to what is not there");
}


/* Devices are the sandbox's own; elsewhere nobody needs one. */

static int
sup_layer_special(sup_layer_t *l)
{
    return strncmp(l->name, "dev/", 4) == 0 ? 0
           : sup_layer_refuse(l, "it is neither file nor folder nor link");
}


static int
sup_layer_make(sup_layer_t *l)
{
    int          rc;
    const char  *target;

    target = archive_entry_hardlink(l->entry);

    if (target != NULL) {
        return sup_layer_link(l, target);
    }

    switch (archive_entry_filetype(l->entry)) {

    case AE_IFREG:
        return sup_layer_file(l);

    case AE_IFDIR:
        rc = sup_itree_folder(l->root, l->name,
                              (archive_entry_perm(l->entry) & 0755) | 0700);
        break;

    case AE_IFLNK:
        target = archive_entry_symlink(l->entry);
        rc = sup_itree_symlink(l->root, l->name,
                               target != NULL ? target : "");
        break;

    default:
        return sup_layer_special(l);
    }

    return rc == 0 ? 0 : sup_layer_refuse(l, strerror(errno));
}


static int
sup_layer_entry(sup_layer_t *l)
{
    int          rc;
    const char  *why;

    why = sup_layer_name(l->name, archive_entry_pathname(l->entry));

    if (why != NULL) {
        return sup_layer_refuse(l, why);
    }

    if (++sup_image_entries > 2 * SUP_IMAGE_ENTRIES) {
        return sup_layer_refuse(l, "more than 500000 entries, with it");
    }

    /* what its header says, before anything is read */

    if (archive_entry_size(l->entry) > SUP_IMAGE_UNPACKED - sup_image_bytes) {
        return sup_layer_refuse(l, "more than 10 GB unpacked, with it");
    }

    if (l->name[0] == '\0') {
        return 0;                        /* the root itself */
    }

    rc = sup_layer_whiteout(l);

    if (rc != 0 || l->remove) {
        return rc == -1 ? -1 : 0;
    }

    return sup_layer_make(l);
}


/* All of it has to be read for its digest. */

static int
sup_layer_digest(sup_layer_t *l, const char *id)
{
    char         sha[SUP_DIGEST_LEN + 1];
    ssize_t      n;
    const void  *buf;

    while ((n = sup_layer_data(l->tar, l, &buf)) > 0) { /* void */ }

    sup_hex(l->md, sha);

    if (n < 0) {
        return sup_zip_say("has a layer that cannot be read:",
                           archive_error_string(l->raw));
    }

    return id != NULL && strncmp(id, "sha256:", 7) == 0
           && strcmp(id + 7, sha) == 0
           ? 0 : sup_zip_say("has a layer with another digest than",
                             id != NULL ? id : "");
}


static int
sup_layer_apply(sup_layer_t *l, const char *blob, const char *id)
{
    int  rc;

    if (sup_blob_open(l->img, blob) == -1) {
        return -1;
    }

    rc = sup_layer_open(l);

    while (rc == 0) {
        rc = archive_read_next_header(l->tar, &l->entry);

        if (rc == ARCHIVE_EOF) {
            rc = sup_layer_digest(l, id);
            break;
        }

        rc = rc < ARCHIVE_WARN ? sup_zip_say(archive_error_string(l->tar),
                                             blob)
                               : sup_layer_entry(l);
    }

    (void) archive_read_free(l->tar);
    (void) archive_read_free(l->raw);
    EVP_MD_CTX_free(l->md);
    sup_blob_close(l->img);

    return rc;
}


int
sup_image_layers(sup_image_t *img, const sup_image_parts_t *parts, int root)
{
    size_t       i;
    json_t      *ids;
    const char  *blob, *id;

    static sup_layer_t  l;

    l.img = img;
    l.root = root;
    ids = json_object_get(json_object_get(parts->config, "rootfs"),
                          "diff_ids");

    for (i = 0; i < json_array_size(ids); i++) {
        blob = json_string_value(json_array_get(parts->layers, i));
        id = json_string_value(json_array_get(ids, i));

        for (l.remove = 1; l.remove >= 0; l.remove--) {
            if (sup_layer_apply(&l, blob != NULL ? blob : "", id) == -1) {
                return -1;
            }
        }
    }

    return sup_itree_places(root);
}
