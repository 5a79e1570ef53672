/*
 * What of root's privileges is needed, and no more: given up for good when the
 * process starts, so that not even what it executes gets them back.
 *
 * Runs in watchdog, supervisor and, before they are executed, zygotes.
 */

#include <errno.h>
#include <linux/capability.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sup.h"


#ifndef CAP_PERFMON
#define CAP_PERFMON  38
#define CAP_BPF      39
#endif

#define SUP_CAP(cap)  (1ULL << (cap))

/* from the clone of an environment to its user code */

#define SUP_CAPS_ZYGOTE                                                       \
    (SUP_CAP(CAP_SYS_ADMIN)        /* mounts, cgroup namespace, host name */  \
     |SUP_CAP(CAP_SETUID)|SUP_CAP(CAP_SETGID)                                 \
     |SUP_CAP(CAP_SETPCAP)         /* the bounding set of environments */     \
     |SUP_CAP(CAP_NET_ADMIN))      /* a loopback interface goes up */

#define SUP_CAPS_SUPERVISOR                                                   \
    (SUP_CAPS_ZYGOTE                                                          \
     |SUP_CAP(CAP_CHOWN)|SUP_CAP(CAP_FOWNER)   /* of sockets, unpacked code */\
     |SUP_CAP(CAP_DAC_OVERRIDE)    /* code and folders of others */           \
     |SUP_CAP(CAP_DAC_READ_SEARCH)                                            \
     |SUP_CAP(CAP_KILL)            /* environments have other users */        \
     |SUP_CAP(CAP_MKNOD)           /* /dev/null and so on */                  \
     |SUP_CAP(CAP_SYS_CHROOT)      /* setns() to a mount namespace */         \
     |SUP_CAP(CAP_SYS_PTRACE)      /* that of an environment is in /proc */   \
     |SUP_CAP(CAP_SYS_RESOURCE)    /* many descriptors; limits of others */   \
     |SUP_CAP(CAP_PERFMON)|SUP_CAP(CAP_BPF))   /* network policies */


static int
sup_caps_limit(uint64_t keep)
{
    int                              cap;
    struct __user_cap_header_struct  head;
    struct __user_cap_data_struct    data[_LINUX_CAPABILITY_U32S_3];

    if (geteuid() != 0) {
        return SUP_OK;
    }

    for (cap = 0; cap < 64; cap++) {
        if (!(keep & SUP_CAP(cap)) && prctl(PR_CAPBSET_DROP, cap, 0, 0, 0)
                                      == -1)
        {
            if (errno == EINVAL) {
                break;                   /* behind the last one */
            }

            return SUP_ERROR;
        }
    }

    memset(&head, 0, sizeof(head));
    head.version = _LINUX_CAPABILITY_VERSION_3;

    if (syscall(SYS_capget, &head, data) == -1) {
        return SUP_ERROR;
    }

    for (cap = 0; cap < _LINUX_CAPABILITY_U32S_3; cap++) {
        data[cap].permitted &= (uint32_t) (keep >> (32 * cap));
        data[cap].effective = data[cap].permitted;
        data[cap].inheritable = 0;
    }

    return syscall(SYS_capset, &head, data) == -1 ? SUP_ERROR : SUP_OK;
}


int
sup_caps_supervisor(void)
{
    return sup_caps_limit(SUP_CAPS_SUPERVISOR);
}


int
sup_caps_zygote(void)
{
    return sup_caps_limit(SUP_CAPS_ZYGOTE);
}
