/*
 * The mounts of an environment: its own /proc, /tmp and /dev/shm, and its code
 * and layers when they are known at the start.  See faas_sandbox.c.
 */

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faas_mount.h"
#include "faas_sandbox.h"


static void faas_sandbox_tmp(const faas_box_t *box);


void
faas_sandbox_mounts(const faas_box_t *box)
{
    if (mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL) == -1) {
        faas_sandbox_die("private mounts");
    }

    if (box->spawn->flags & FAAS_SPAWN_IMAGE) {
        faas_sandbox_image(box);

    } else if (mount("proc", "/proc", "proc",
                     MS_NOSUID|MS_NODEV|MS_NOEXEC, "hidepid=2") == -1)
    {
        faas_sandbox_die("/proc");
    }

    faas_sandbox_tmp(box);

    if (box->tree != -1 && !(box->spawn->flags & FAAS_SPAWN_IMAGE)) {
        faas_sandbox_attach(box->tree, FAAS_TASK_ROOT);
    }

    if (box->shared != -1) {
        faas_sandbox_attach(box->shared, FAAS_SHARED_ROOT);
    }

    if (box->layers != -1) {
        faas_sandbox_attach(box->layers, FAAS_LAYERS_ROOT);
    }
}


/*
 * /tmp and /dev/shm are two folders of one file system, so that both are
 * within one size and one number of inodes; its own root is covered by the
 * former.  Without a limit of inodes empty files would eat the machine.
 */

static void
faas_sandbox_tmp(const faas_box_t *box)
{
    char  options[96];

    (void) snprintf(options, sizeof(options),
                    "mode=755,size=%um,nr_inodes=%u",
                    box->spawn->tmp_mb ? box->spawn->tmp_mb : 1,
                    box->spawn->tmp_inodes ? box->spawn->tmp_inodes : 1024);

    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID|MS_NODEV, options) == -1
        || mkdir("/tmp/tmp", 0) == -1 || chmod("/tmp/tmp", 01777) == -1
        || mkdir("/tmp/shm", 0) == -1 || chmod("/tmp/shm", 01777) == -1
        || mount("/tmp/shm", "/dev/shm", NULL, MS_BIND, NULL) == -1
        || mount("/tmp/tmp", "/tmp", NULL, MS_BIND, NULL) == -1)
    {
        faas_sandbox_die("/tmp");
    }
}


void
faas_sandbox_attach(int tree, const char *where)
{
    if (syscall(SYS_move_mount, tree, "", -1, where, MOVE_MOUNT_F_EMPTY_PATH)
        == -1)
    {
        faas_sandbox_die(where);
    }
}
