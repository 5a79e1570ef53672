/*
 * The system calls that no environment may make, and why.  A table and no
 * more: sup_seccomp.c makes a filter of it, and runtime/README.md says the
 * same in words.
 *
 * Runs in the supervisor; constant.
 */

#include <stddef.h>

#include "sup_seccomp.h"


/* file systems and namespaces are made before user code, and only then */

static const char *const  sup_refused_mounts[] = {
    "chroot", "fsconfig", "fsmount", "fsopen", "fspick", "mount",
    "mount_setattr", "move_mount", "open_tree", "pivot_root", "setns",
    "umount", "umount2", "unshare", NULL
};

/* go around the paths, and so around the mounts */

static const char *const  sup_refused_handles[] = {
    "name_to_handle_at", "open_by_handle_at", "openat2", NULL
};

/* other processes: their memory, descriptors, behaviour */

static const char *const  sup_refused_processes[] = {
    "kcmp", "pidfd_getfd", "process_madvise", "process_mrelease",
    "process_vm_readv", "process_vm_writev", "ptrace", NULL
};

/* the kernel itself, its modules, its log, the machine */

static const char *const  sup_refused_kernel[] = {
    "acct", "create_module", "delete_module", "finit_module",
    "get_kernel_syms", "init_module", "kexec_file_load", "kexec_load",
    "query_module", "quotactl", "quotactl_fd", "reboot", "swapoff", "swapon",
    "syslog", "vhangup", NULL
};

/* clocks and names of the host */

static const char *const  sup_refused_host[] = {
    "clock_settime", "clock_adjtime", "adjtimex", "setdomainname",
    "sethostname", "settimeofday", "stime", NULL
};

/* large and seldom needed: where holes of the kernel have been */

static const char *const  sup_refused_surface[] = {
    "bpf", "fanotify_init", "fanotify_mark", "io_uring_enter",
    "io_uring_register", "io_uring_setup", "lookup_dcookie", "memfd_secret",
    "perf_event_open", "userfaultfd", NULL
};

/* keyrings belong to a user, not to a sandbox */

static const char *const  sup_refused_keys[] = {
    "add_key", "keyctl", "request_key", NULL
};

/* the processor's own tables and ports; memory of other nodes */

static const char *const  sup_refused_hardware[] = {
    "get_mempolicy", "ioperm", "iopl", "mbind", "migrate_pages",
    "modify_ldt", "move_pages", "pciconfig_iobase", "pciconfig_read",
    "pciconfig_write", "set_mempolicy", "set_mempolicy_home_node", "vm86",
    "vm86old", NULL
};

/* of kernels long ago */

static const char *const  sup_refused_old[] = {
    "_sysctl", "afs_syscall", "bdflush", "break", "ftime", "getpmsg", "gtty",
    "idle", "lock", "mpx", "nfsservctl", "prof", "profil", "putpmsg",
    "security", "stty", "sysfs", "tuxcall", "ulimit", "uselib", "ustat",
    "vserver", NULL
};


const char *const *const  sup_refused[] = {
    sup_refused_mounts, sup_refused_handles, sup_refused_processes,
    sup_refused_kernel, sup_refused_host, sup_refused_surface,
    sup_refused_keys, sup_refused_hardware, sup_refused_old, NULL
};
