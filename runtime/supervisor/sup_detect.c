/*
 * What this machine lets us do: full isolation (root, namespaces, own users)
 * or none; said once in the log.
 *
 * Runs in the supervisor at start.
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"


/* The proof of the pudding: a capability alone says nothing in a container
   with a seccomp filter. */

static int
sup_detect_namespaces(void)
{
    int   status;
    long  pid;

    pid = syscall(SYS_clone,
                  (unsigned long) (CLONE_NEWPID|CLONE_NEWNS|SIGCHLD), NULL,
                  NULL, NULL, NULL);

    if (pid == -1) {
        return errno;
    }

    if (pid == 0) {
        _exit(0);
    }

    while (waitpid((pid_t) pid, &status, 0) == -1 && errno == EINTR) {
        /* void */
    }

    return 0;
}


/* Are the uids we want mapped in our user namespace? */

static int
sup_detect_uids(uid_t base, uint32_t n)
{
    int            ok;
    FILE          *f;
    unsigned long  inside, outside, count;

    f = fopen("/proc/self/uid_map", "re");

    if (f == NULL) {
        return 1;                        /* no user namespaces: all are */
    }

    ok = 0;

    while (fscanf(f, "%lu %lu %lu", &inside, &outside, &count) == 3) {
        if (base >= inside && (unsigned long) base + n <= inside + count) {
            ok = 1;
        }
    }

    (void) fclose(f);

    return ok;
}


static const char *
sup_detect_obstacle(int *err)
{
    *err = 0;

    if (geteuid() != 0) {
        return "not started as root";
    }

    *err = sup_detect_namespaces();

    if (*err) {
        return "namespaces cannot be made";
    }

    if (!sup_detect_uids(SUP_UID_BASE, sup.board.head->max_envs)) {
        return "user ids from 1900000000 on are not mapped here";
    }

    return NULL;
}


void
sup_detect(void)
{
    int          err;
    const char  *wanted, *obstacle;

    wanted = json_string_value(json_object_get(sup.manifest, "isolation"));
    obstacle = NULL;
    err = 0;

    if (wanted != NULL && strcmp(wanted, "none") == 0) {
        obstacle = "configured";

    } else {
        obstacle = sup_detect_obstacle(&err);
    }

    sup.uid_base = SUP_UID_BASE;
    sup.isolation = obstacle ? FAAS_ISOLATION_NONE : FAAS_ISOLATION_FULL;
    sup.board.head->isolation = sup.isolation;

    if (obstacle == NULL) {
        sup_cgroup_detect();
        sup_log(SUP_LOG_NOTICE, 0, "isolation: full; %s",
                sup_cgroup_text());
        return;
    }

    sup_log(wanted != NULL && strcmp(wanted, "full") == 0
            ? SUP_LOG_CRIT : SUP_LOG_WARN, err,
            "isolation: none (%s); environments are plain processes of this "
            "user: separation, processes and disk space are not enforced, "
            "memory by sampling", obstacle);
}
