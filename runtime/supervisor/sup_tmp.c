/*
 * Temporary folders of environments that have no mounts of their own: one
 * below the run directory for each, removed with it.
 *
 * Runs in the supervisor.  What a function leaves there may be deep and large:
 * rm removes it, in its own time.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup.h"


#define SUP_RUN_TMP  FAAS_RUN_LAYOUT "/tmp"


/* Relative to the run directory. */

const char *
sup_tmp_name(uint32_t slot)
{
    static char  name[64];

    (void) snprintf(name, sizeof(name), "%s/%s", SUP_RUN_TMP,
                    sup_slot_name(slot));

    return name;
}


int
sup_tmp_make(uint32_t slot)
{
    const char  *path;

    /* the umask may have taken bits away, and it may be another user's */

    if ((mkdir(sup_run_path(SUP_RUN_TMP), 0711) == -1 && errno != EEXIST)
        || chmod(sup_run_path(SUP_RUN_TMP), 0711) == -1)
    {
        sup_log(SUP_LOG_CRIT, errno, "cannot create \"%s\"",
                sup_run_path(SUP_RUN_TMP));
        return SUP_ERROR;
    }

    path = sup_run_path(sup_tmp_name(slot));

    if ((mkdir(path, 0700) == -1 && errno != EEXIST)
        || (geteuid() == 0
            && lchown(path, sup.worker_uid, sup.worker_gid) == -1))
    {
        sup_log(SUP_LOG_CRIT, errno, "cannot create \"%s\"", path);
        return SUP_ERROR;
    }

    return SUP_OK;
}


static void
sup_tmp_removed(pid_t pid, int status, void *data)
{
    (void) pid;
    (void) data;

    if (status != 0) {
        sup_log(SUP_LOG_WARN, 0, "a temporary folder could not be removed");
    }
}


static void
sup_tmp_rm(const char *path)
{
    pid_t  pid;

    pid = fork();

    if (pid == 0) {
        sup_child_signals();
        (void) close_range(3, ~0U, 0);

        /* a function may have taken its own rights to its folders away */

        (void) execl("/bin/sh", "sh", "-c",
                     "chmod -R u+rwX -- \"$1\" 2> /dev/null; "
                     "exec rm -rf -- \"$1\"", "sh", path, (char *) NULL);
        _exit(1);
    }

    if (pid == -1 || sup_child_add(pid, sup_tmp_removed, NULL) != SUP_OK) {
        sup_log(SUP_LOG_WARN, errno, "cannot remove \"%s\"", path);
    }
}


void
sup_tmp_remove(uint32_t slot)
{
    const char  *path;

    path = sup_run_path(sup_tmp_name(slot));

    if (rmdir(path) == -1 && errno != ENOENT) {
        sup_tmp_rm(path);
    }
}


/* All of them, of this run or an earlier one. */

void
sup_tmp_sweep(void)
{
    const char  *path;

    path = sup_run_path(SUP_RUN_TMP);

    if (rmdir(path) == -1 && errno != ENOENT) {
        sup_tmp_rm(path);
    }
}
