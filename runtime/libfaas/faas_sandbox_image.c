/*
 * The root of a container image in the place of the template root: with its
 * own /proc, the template's devices, runtime folder and what it knows of the
 * network.  The folders for these are made when an image is unpacked.
 *
 * Runs in a freshly cloned child of the spawner, which still is privileged in
 * its namespaces; system calls only.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "faas_mount.h"
#include "faas_sandbox.h"


#define FAAS_IMAGE_PLACE         FAAS_SHARED_ROOT    /* until it is the root */


static void faas_image_bring(const char *from, const char *to);
static void faas_image_pivot(void);


void
faas_sandbox_image(const faas_box_t *box)
{
    if (syscall(SYS_move_mount, box->tree, "", -1, FAAS_IMAGE_PLACE,
                MOVE_MOUNT_F_EMPTY_PATH)
        == -1)
    {
        faas_sandbox_die("image");
    }

    /* in a user namespace only where another one is still to be seen */

    if (mount("proc", FAAS_IMAGE_PLACE "/proc", "proc",
              MS_NOSUID|MS_NODEV|MS_NOEXEC, "hidepid=2") == -1)
    {
        faas_sandbox_die("/proc");
    }

    faas_image_bring("/dev", FAAS_IMAGE_PLACE "/dev");
    faas_image_bring("/var/runtime", FAAS_IMAGE_PLACE FAAS_IMAGE_RUNTIME);
    faas_image_bring("/etc/hosts", FAAS_IMAGE_PLACE "/etc/hosts");
    faas_image_bring("/etc/resolv.conf", FAAS_IMAGE_PLACE "/etc/resolv.conf");
    faas_image_pivot();
}


/* What this machine has not, the environment does not need. */

static void
faas_image_bring(const char *from, const char *to)
{
    int  fd;

    fd = syscall(SYS_open_tree, AT_FDCWD, from,
                 OPEN_TREE_CLONE|OPEN_TREE_CLOEXEC|AT_RECURSIVE);

    if (fd == -1 && errno == ENOENT) {
        return;
    }

    if (fd == -1) {
        faas_sandbox_die(to);
    }

    faas_sandbox_attach(fd, to);
    (void) close(fd);
}


/* The old root is stacked below the new one, then taken away. */

static void
faas_image_pivot(void)
{
    if (chdir(FAAS_IMAGE_PLACE) == -1
        || syscall(SYS_pivot_root, ".", ".") == -1
        || umount2(".", MNT_DETACH) == -1
        || chdir("/") == -1)
    {
        faas_sandbox_die("pivot_root");
    }
}
