/*
 * Container images: what the files have in common that read them.  All of it
 * but sup_image.c runs in a process without privileges; everything in an image
 * is foreign input.
 */

#ifndef _SUP_IMAGE_H_INCLUDED_
#define _SUP_IMAGE_H_INCLUDED_


#include <archive.h>
#include <archive_entry.h>

#include "sup_zip.h"


#define SUP_IMAGE_UNPACKED  ((int64_t) 10 * 1024 * 1048576)   /* Lambda's */
#define SUP_IMAGE_ENTRIES   500000
#define SUP_IMAGE_LAYERS    127
#define SUP_IMAGE_TEXT      (4 * 1048576)    /* a manifest or configuration */
#define SUP_IMAGE_CONFIG    65536            /* what is kept of it */
#define SUP_IMAGE_CPU       900              /* seconds */


/* where blobs come from: a folder, or an archive with the same names */

typedef struct {
    int                    fd;
    int                    folder;
    int                    blob;         /* of a folder, the open one */
    struct archive        *tar;          /* positioned at the open one */
    off_t                  at;           /* of the archive */
    char                   buf[65536];
} sup_image_t;


/* what it consists of */

typedef struct {
    json_t                *config;
    json_t                *layers;       /* names of blobs, the lowest first */
    char                   id[SUP_DIGEST_LEN + 1];   /* of the configuration */
} sup_image_parts_t;


/* sup_image_blob.c; -1: it has been said why */
int sup_blob_has(sup_image_t *img, const char *name);
int sup_blob_open(sup_image_t *img, const char *name);
ssize_t sup_blob_read(sup_image_t *img, void *buf, size_t size);
void sup_blob_close(sup_image_t *img);
json_t *sup_blob_json(sup_image_t *img, const char *name, char *sha);

/* sup_image_find.c */
int sup_image_find(sup_image_t *img, sup_image_parts_t *parts);
char *sup_image_settings(const sup_image_parts_t *parts);

/* sup_image_layer.c: into the folder ROOT */
int sup_image_layers(sup_image_t *img, const sup_image_parts_t *parts,
    int root);

/* sup_image_tree.c: names are relative to ROOT, links stay inside */
int sup_itree_parent(int root, const char *name, const char **last);
int sup_itree_folder(int root, const char *name, mode_t mode);
int sup_itree_file(int root, const char *name);
int sup_itree_symlink(int root, const char *name, const char *target);
int sup_itree_hardlink(int root, const char *name, const char *target);
int sup_itree_remove(int root, const char *name);
int sup_itree_empty(int root, const char *name);
int sup_itree_places(int root);


#endif /* _SUP_IMAGE_H_INCLUDED_ */
