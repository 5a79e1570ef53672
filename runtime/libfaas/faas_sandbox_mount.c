/*
 * The mounts of an environment: its own /proc and /tmp, and its code when it
 * is known at the start.  See faas_sandbox.c.
 */

#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faas_sandbox.h"


#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH  0x00000004
#endif


void
faas_sandbox_mounts(const faas_box_t *box)
{
    char  options[96];

    if (mount(NULL, "/", NULL, MS_REC|MS_PRIVATE, NULL) == -1) {
        faas_sandbox_die("private mounts");
    }

    if (mount("proc", "/proc", "proc", MS_NOSUID|MS_NODEV|MS_NOEXEC, NULL)
        == -1)
    {
        faas_sandbox_die("/proc");
    }

    /* without a limit of inodes, empty files would eat the machine */

    (void) snprintf(options, sizeof(options),
                    "mode=1777,size=%um,nr_inodes=%u",
                    box->spawn->tmp_mb ? box->spawn->tmp_mb : 1,
                    box->spawn->tmp_inodes ? box->spawn->tmp_inodes : 1024);

    if (mount("tmpfs", "/tmp", "tmpfs", MS_NOSUID|MS_NODEV, options) == -1) {
        faas_sandbox_die("/tmp");
    }

    if (box->tree != -1
        && syscall(SYS_move_mount, box->tree, "", -1, FAAS_TASK_ROOT,
                   MOVE_MOUNT_F_EMPTY_PATH)
           == -1)
    {
        faas_sandbox_die(FAAS_TASK_ROOT);
    }
}
