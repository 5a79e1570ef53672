/*
 * What the supervisor and its unpackers have in common.
 *
 * An unpacker is this executable, started anew with --unpack: it has none of
 * the supervisor's memory, scoreboard and descriptors.  It opens the zip once,
 * says what it is (sup_zip_id_t, then, if it fails, one line of text), has it
 * extracted by a child without privileges, and makes the result root's.
 */

#ifndef _SUP_ZIP_H_INCLUDED_
#define _SUP_ZIP_H_INCLUDED_


#include "sup.h"


#define SUP_ZIP_MAX        ((off_t) 50 * 1048576)
#define SUP_ZIP_UNPACKED   ((int64_t) 262144000)     /* contract 6 */
#define SUP_ZIP_ENTRIES    100000
#define SUP_ZIP_NAMES      200000    /* with folders that are not listed */
#define SUP_ZIP_DEPTH      100
#define SUP_ZIP_NAME_MAX   2048
#define SUP_ZIP_TEMP       "tmp."    /* and the pid of the unpacker */
#define SUP_ZIP_GONE       "del."    /* to be removed */

#define SUP_ZIP_REPORT     3         /* descriptor of the report */
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


/* sup_unpack.c */
int sup_zip_say(const char *what, const char *entry);
void sup_tree_remove(int at, const char *name);

/* sup_extract.c */
int sup_zip_link_inside(const char *name, const char *target);
void sup_extract(int zip, int dir, uid_t uid, pid_t parent);


#endif /* _SUP_ZIP_H_INCLUDED_ */
