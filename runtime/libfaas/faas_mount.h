/*
 * What the headers of an older C library lack of the system calls for mounts.
 */

#ifndef _FAAS_MOUNT_H_INCLUDED_
#define _FAAS_MOUNT_H_INCLUDED_


#include <fcntl.h>
#include <sys/mount.h>
#include <sys/syscall.h>


#ifndef OPEN_TREE_CLONE
#define OPEN_TREE_CLONE          1
#endif

#ifndef OPEN_TREE_CLOEXEC
#define OPEN_TREE_CLOEXEC        O_CLOEXEC
#endif

#ifndef AT_RECURSIVE
#define AT_RECURSIVE             0x8000
#endif

#ifndef MOVE_MOUNT_F_EMPTY_PATH
#define MOVE_MOUNT_F_EMPTY_PATH  0x00000004
#endif

#ifndef MOUNT_ATTR_RDONLY
#define MOUNT_ATTR_RDONLY        0x00000001
#define MOUNT_ATTR_NOSUID        0x00000002
#define MOUNT_ATTR_NODEV         0x00000004
#endif

#ifndef SYS_mount_setattr
#define SYS_mount_setattr        442
#endif


#endif /* _FAAS_MOUNT_H_INCLUDED_ */
