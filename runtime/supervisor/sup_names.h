/*
 * The names in an archive: each is there once, as a file or as a folder, and
 * no two differ in nothing but case.
 */

#ifndef _SUP_NAMES_H_INCLUDED_
#define _SUP_NAMES_H_INCLUDED_


#include <stddef.h>
#include <stdint.h>


typedef struct sup_name_s  sup_name_t;

typedef struct {
    uint32_t      n;
    uint64_t      seed;
    sup_name_t   *table;
} sup_names_t;


/*
 * RAW without what means nothing, into SUP_ZIP_NAME_MAX bytes; NULL, or why it
 * is refused.
 */
const char *sup_names_clean(char *name, const char *raw);

/* 0, or -1 without memory */
int sup_names_init(sup_names_t *names);
void sup_names_free(sup_names_t *names);

/* NULL, or why there cannot be another NAME of this kind. */
const char *sup_names_unique(sup_names_t *names, const char *name,
    int folder);


#endif /* _SUP_NAMES_H_INCLUDED_ */
