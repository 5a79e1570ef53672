/*
 * The control groups of our environments, of version 1 or 2: where they are,
 * and small helpers for their files.  Private to sup_cgroup*.c and sup_bpf.c.
 */

#ifndef _SUP_CGROUP_H_INCLUDED_
#define _SUP_CGROUP_H_INCLUDED_


#include "sup.h"


/* groups of all our environments; "" where there is none */

typedef struct {
    char  memory[512];                   /* version 1 */
    char  pids[512];
    char  cpu[512];
    char  unified[512];                  /* version 2 */
    char  open[512];                     /* the same, no network policy */
    int   v2_memory;
    int   v2_pids;
    int   v2_cpu;
    char  text[256];
} sup_cgroup_t;


extern sup_cgroup_t  sup_cg;


/* A file of a group; -1 with errno when it cannot be written or read. */
int sup_cg_write(const char *dir, const char *file, const char *text);
int sup_cg_number(const char *dir, const char *file, uint64_t n);
ssize_t sup_cg_read(const char *dir, const char *file, char *buf,
    size_t size);

/* sup_delegate.c */
void sup_delegate_self(FILE *f, char *path, size_t size);
void sup_delegate_base(const char *mount, const char *self, char *where,
    size_t size);

/* The slot's folder below BASE; in static memory. */
const char *sup_cg_slot(const char *base, uint32_t slot);


#endif /* _SUP_CGROUP_H_INCLUDED_ */
