/*
 * The digests of archives and files that have not changed since they were
 * read, so that a reload reads none of them again.
 *
 * Runs in the supervisor.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sup_zip.h"


#define SUP_KNOWN  1024


static struct {
    char          *path;
    sup_zip_id_t   id;
} sup_known[SUP_KNOWN];

static unsigned        sup_known_at;


void
sup_known_remember(const char *path, const sup_zip_id_t *id)
{
    char      *copy;
    unsigned   i;

    for (i = 0; i < SUP_KNOWN; i++) {
        if (sup_known[i].path != NULL
            && strcmp(sup_known[i].path, path) == 0)
        {
            sup_known[i].id = *id;
            return;
        }
    }

    copy = strdup(path);

    if (copy == NULL) {
        return;
    }

    i = sup_known_at++ % SUP_KNOWN;
    free(sup_known[i].path);
    sup_known[i].path = copy;
    sup_known[i].id = *id;
}


/*
 * Sets part->id when the file is one whose digest is known.  One that was
 * changed just before it was read may change again without a trace: not known.
 */

int
sup_known_lookup(sup_part_t *part, const struct stat *st)
{
    unsigned             i;
    const sup_zip_id_t  *id;

    for (i = 0; i < SUP_KNOWN; i++) {
        id = &sup_known[i].id;

        if (sup_known[i].path == NULL || !id->stable
            || strcmp(sup_known[i].path, part->path) != 0)
        {
            continue;
        }

        if (id->dev != st->st_dev || id->ino != st->st_ino
            || id->size != (uint64_t) st->st_size
            || id->mtime != (uint64_t) st->st_mtim.tv_sec * 1000000000ULL
                            + st->st_mtim.tv_nsec
            || id->ctime != (uint64_t) st->st_ctim.tv_sec * 1000000000ULL
                            + st->st_ctim.tv_nsec)
        {
            return SUP_AGAIN;
        }

        (void) memcpy(part->id, id->sha, sizeof(part->id));

        return SUP_OK;
    }

    return SUP_AGAIN;
}
