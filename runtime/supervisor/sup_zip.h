/*
 * What the supervisor, its unpackers and those who merge layers have in common.
 *
 * An unpacker is this executable, started anew with --unpack: it has none of
 * the supervisor's memory, scoreboard and descriptors.  It opens the zip once,
 * says what it is (sup_zip_id_t, then, if it fails, one line of text), has it
 * extracted by a child without privileges, and makes the result root's.
 */

#ifndef _SUP_ZIP_H_INCLUDED_
#define _SUP_ZIP_H_INCLUDED_


#include <openssl/evp.h>

#include "sup.h"


#define SUP_ZIP_MAX        ((off_t) 50 * 1048576)
#define SUP_ZIP_UNPACKED   ((int64_t) 262144000)     /* contract 6 */
#define SUP_ZIP_ENTRIES    100000
#define SUP_ZIP_NAMES      200000    /* with folders that are not listed */
#define SUP_ZIP_DEPTH      100
#define SUP_ZIP_NAME_MAX   2048
#define SUP_ZIP_TEMP       "tmp."    /* and the pid of the unpacker */
#define SUP_ZIP_GONE       "del."    /* to be removed */

#define SUP_ZIP_REPORT     3         /* descriptor of the report, */
#define SUP_ZIP_INLINE     4         /* and of what has no other name */
#define SUP_ZIP_NOBODY     65534


/* one zip at one time, as fstat() has it, and its digest */

typedef struct {
    uint64_t              dev;
    uint64_t              ino;
    uint64_t              size;
    uint64_t              mtime;     /* ns */
    uint64_t              ctime;
    uint64_t              stable;    /* a change will show in these */
    char                  sha[SUP_DIGEST_LEN + 8];
} sup_zip_id_t;


#define SUP_LAYERS_ARGS    (6 + 2 * SUP_LAYERS)


/* sup_known.c */
void sup_known_remember(const char *path, const sup_zip_id_t *id);
int sup_known_lookup(sup_part_t *part, const struct stat *st);

/* sup_store.c */
const char *sup_store_folder(void);
int sup_store_have(char **root, const char *name);
void sup_store_remove(const char *which);
void sup_store_remove_later(const char *which);
void sup_store_sweep_now(void);

/* sup_tree.c */
void sup_hex(EVP_MD_CTX *md, char *text);
int sup_tree_id(int fd, const char *path, int strict, char *id,
    int64_t *bytes);

/* sup_code.c */
void sup_layers_id(sup_version_t *v);
void sup_layers_arguments(sup_version_t *v, char **argv);
int sup_layers_made(sup_version_t *v);

/* sup_unpack.c */
int sup_zip_say(const char *what, const char *entry);
void sup_zip_stat(const struct stat *st, sup_zip_id_t *id);
int sup_zip_own(int dir, uid_t *uid);
int sup_store_begin(const char *path, const sup_zip_id_t *id, int *store);
int sup_store_publish(int store, const char *temp, const char *name, int rc);
void sup_tree_remove(int at, const char *name);

/* sup_single.c */
int sup_single_is(int fd, const char *name);
int sup_single_id(int fd, const char *name, char *sha);
int sup_single_copy(int fd, int dir, const char *name);
int sup_inline_id(const sup_version_t *v, char *id);
int sup_inline_file(const sup_version_t *v);

/* sup_extract.c */
int sup_zip_link_inside(const char *name, const char *target);
void sup_extract(int zip, int dir, uid_t uid, pid_t parent);
int sup_drop(uid_t uid, pid_t parent, int64_t bytes, int cpu);


#endif /* _SUP_ZIP_H_INCLUDED_ */
