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


#define SUP_LANDLOCK_CREATE   444        /* landlock_create_ruleset() */
#define SUP_LANDLOCK_VERSION  1          /* asks for the version, */
#define SUP_LANDLOCK_SCOPES   6          /* which has scopes from here on */


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

    if (!sup_detect_uids(sup.uid_base, sup.board.head->max_envs)) {
        return "the users of \"faas_uids\" are not mapped here";
    }

    return NULL;
}


/* The Landlock that can keep abstract sockets and signals inside. */

static int
sup_detect_scopes(void)
{
    return syscall(SUP_LANDLOCK_CREATE, NULL, 0, SUP_LANDLOCK_VERSION)
           >= SUP_LANDLOCK_SCOPES;
}


/*
 * Network policies hang on a group of version 2, whatever else is of version
 * 1.  Without them "egress" would be "host".
 */

static void
sup_detect_network(void)
{
    int          err;
    const char  *step;

    sup.egress = sup_cgroup_policy(&step) == SUP_OK;
    err = errno;

    if (sup.egress) {
        sup_log(SUP_LOG_NOTICE, 0, "network: egress by cgroup-bpf, abstract "
                "sockets %s", sup.scoped ? "kept apart by Landlock"
                : "kept apart by refusing socket(AF_UNIX)");
        return;
    }

    sup_log(SUP_LOG_WARN, err, "network: egress cannot be kept from this "
            "host's own services (%s), functions have none unless "
            "configured with \"network host\"", step);
}


void
sup_detect(void)
{
    int          err;
    json_t      *base;
    const char  *wanted, *obstacle;

    wanted = json_string_value(json_object_get(sup.manifest, "isolation"));
    base = json_object_get(sup.manifest, "uid_base");
    sup.uid_base = base != NULL ? (uid_t) json_integer_value(base)
                                : SUP_UID_BASE;
    obstacle = NULL;
    err = 0;

    if (wanted != NULL && strcmp(wanted, "none") == 0) {
        obstacle = "configured";

    } else {
        obstacle = sup_detect_obstacle(&err);
    }

    sup.isolation = obstacle ? FAAS_ISOLATION_NONE : FAAS_ISOLATION_FULL;
    sup.boxed = obstacle == NULL;
    sup.board.head->isolation = sup.isolation;

    if (sup.boxed) {
        sup.scoped = sup_detect_scopes();
        sup_cgroup_detect();
        sup_log(SUP_LOG_NOTICE, 0, "isolation: full; %s",
                sup_cgroup_text());
        sup_detect_network();
        return;
    }

    sup_log(wanted != NULL && strcmp(wanted, "require") == 0
            ? SUP_LOG_CRIT : SUP_LOG_WARN, err,
            "isolation: none (%s); environments are plain processes of this "
            "user: separation, processes and disk space are not enforced, "
            "memory by sampling", obstacle);
}
