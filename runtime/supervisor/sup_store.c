/*
 * The store, state_dir/code: unpacked archives, single files and merged layers,
 * each in a folder that is called by its digest and never changes.  Here is
 * what goes: what nobody has any more, what was interrupted.
 *
 * Runs in the supervisor; removal in a child of it, which may take its time.
 */

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sup_zip.h"


#define SUP_REMOVE_TRIES  100


static int             sup_sweep_wanted;
static unsigned        sup_n_gone;


const char *
sup_store_folder(void)
{
    static char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%.3900s/code", sup.state_dir);

    return path;
}


/* ROOT becomes the folder of this name; 1 if it is there. */

int
sup_store_have(char **root, const char *name)
{
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/%s", sup_store_folder(), name);

    free(*root);
    *root = strdup(path);

    return *root != NULL && access(*root, F_OK) == 0;
}


static void
sup_store_removed(pid_t pid, int status, void *data)
{
    (void) pid;
    (void) status;
    (void) data;
}


/* All of those that are to be removed, or the one with this name. */

static int
sup_store_named(const char *name, const char *which)
{
    return strcmp(which, SUP_ZIP_GONE) == 0
           ? strncmp(name, which, strlen(which)) == 0
           : strcmp(name, which) == 0;
}


/*
 * An extractor may be about to die; as long as it does not, a folder of its
 * may not be empty.
 */

void
sup_store_remove(const char *which)
{
    int             tries, found;
    DIR            *dir;
    struct dirent  *de;

    for (tries = 0; tries < SUP_REMOVE_TRIES; tries++) {
        found = 0;
        dir = opendir(sup_store_folder());

        while (dir != NULL && (de = readdir(dir)) != NULL) {
            if (sup_store_named(de->d_name, which)) {
                found = 1;
                sup_tree_remove(dirfd(dir), de->d_name);
            }
        }

        if (dir != NULL) {
            (void) closedir(dir);
        }

        if (!found) {
            return;
        }

        (void) usleep(tries ? 10000 : 0);
    }
}


void
sup_store_remove_later(const char *which)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        sup_child_init();
        sup_store_remove(which);
        _exit(0);
    }

    if (pid > 0) {
        (void) sup_child_add(pid, sup_store_removed, NULL);
    }
}


static int
sup_store_is(const char *root, const char *name)
{
    const char  *slash;

    slash = root != NULL ? strrchr(root, '/') : NULL;

    return slash != NULL && strcmp(slash + 1, name) == 0;
}


static int
sup_store_wanted(const char *name)
{
    uint32_t        i;
    sup_version_t  *v;

    for (v = sup.versions; v != NULL; v = v->next) {

        if (sup_store_is(v->root, name) || sup_store_is(v->opt, name)) {
            return 1;
        }

        for (i = 1; i < v->n_parts; i++) {
            if (sup_store_is(v->parts[i].root, name)) {
                return 1;
            }
        }
    }

    return 0;
}


/*
 * At start, when no zip waits for its digest any more: what no function has,
 * and what interrupted unpackers have left.  Renamed at once, so that it is
 * there for nobody whose digest comes later, and then removed.
 */

void
sup_store_sweep_now(void)
{
    DIR            *dir;
    char            name[64];
    sup_version_t  *v;
    struct dirent  *de;

    for (v = sup.versions; v != NULL; v = v->next) {
        if (v->queued || v->unpacker > 0) {
            return;
        }
    }

    if (!sup_sweep_wanted || sup.stage != SUP_RUNNING
        || (dir = opendir(sup_store_folder())) == NULL)
    {
        return;
    }

    sup_sweep_wanted = 0;

    while ((de = readdir(dir)) != NULL) {

        if ((strncmp(de->d_name, SUP_ZIP_TEMP, strlen(SUP_ZIP_TEMP)) != 0
             && strspn(de->d_name, "0123456789abcdef") < SUP_DIGEST_LEN)
            || sup_store_wanted(de->d_name))
        {
            continue;
        }

        (void) snprintf(name, sizeof(name), SUP_ZIP_GONE "%d.%u",
                        (int) getpid(), sup_n_gone++);
        (void) renameat(dirfd(dir), de->d_name, dirfd(dir), name);
    }

    (void) closedir(dir);
    sup_store_remove_later(SUP_ZIP_GONE);
}


void
sup_store_sweep(void)
{
    sup_sweep_wanted = 1;
    sup_store_sweep_now();
}
