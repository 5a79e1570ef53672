/*
 * What this machine lets us do, from the most to the least: full isolation
 * (root, namespaces, own users), namespaces of an ordinary user, Landlock,
 * nothing.  Decided once, said in the log; what is lacking is also what
 * "--probe" tells nginx before it starts us.
 *
 * Runs in the supervisor at start.
 */

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"
#include "faas_sandbox.h"


#define SUP_LANDLOCK_CREATE   444        /* landlock_create_ruleset() */
#define SUP_LANDLOCK_VERSION  1          /* asks for the version, */
#define SUP_LANDLOCK_SCOPES   6          /* which has scopes from here on */

#define SUP_LACK_MAX          8


static char      sup_lacks[SUP_LACK_MAX][256];
static unsigned  sup_lacks_n;


/* Something that "faas_isolation require" asks for is not to be had. */

static void __attribute__((format(printf, 1, 2)))
sup_lack(const char *fmt, ...)
{
    va_list  args;

    if (sup_lacks_n == SUP_LACK_MAX) {
        return;
    }

    va_start(args, fmt);
    (void) vsnprintf(sup_lacks[sup_lacks_n++], sizeof(sup_lacks[0]), fmt,
                     args);
    va_end(args);
}


/* The proof of the pudding: a capability alone says nothing in a container
   with a seccomp filter. */

static int
sup_detect_clone(void)
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


/*
 * A namespace that can be made is not yet one in which something may be done:
 * what a new process will have to do is tried.  0 or an errno.
 */

static int
sup_detect_userns(void)
{
    int    status;
    pid_t  pid;

    pid = fork();

    if (pid == -1) {
        return errno;
    }

    if (pid == 0) {
        _exit(faas_user_namespace() == -1
              || mount("tmpfs", "/tmp", "tmpfs", 0, "size=4k") == -1
              || sup_detect_clone() != 0 ? (errno ? errno : EPERM) : 0);
    }

    while (waitpid(pid, &status, 0) == -1 && errno == EINTR) {
        /* void */
    }

    return WIFEXITED(status) ? WEXITSTATUS(status) : EPERM;
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


static int
sup_detect_full(uint32_t n)
{
    int  err;

    if (geteuid() != 0) {
        sup_lack("users, control groups, network policies: nginx was not "
                 "started as root");
        return 0;
    }

    err = sup_detect_clone();

    if (err) {
        sup_lack("namespaces cannot be made (%s): a container needs "
                 "CAP_SYS_ADMIN for it", strerror(err));
        return 0;
    }

    if (!sup_detect_uids(sup.uid_base, n)) {
        sup_lack("the users from %u on (faas_uids) are not mapped here",
                 sup.uid_base);
        return 0;
    }

    return 1;
}


static int
sup_detect_landlock(void)
{
    long  abi;

    abi = syscall(SUP_LANDLOCK_CREATE, NULL, 0, SUP_LANDLOCK_VERSION);

    return abi > 0 ? (int) abi : 0;
}


static faas_isolation_e
sup_detect_level(const char *wanted, uint32_t n)
{
    int  err;

    if (strcmp(wanted, "none") == 0) {
        return FAAS_ISOLATION_NONE;
    }

    if (sup_detect_full(n)) {
        return FAAS_ISOLATION_FULL;
    }

    err = sup_detect_userns();

    if (err == 0) {
        return FAAS_ISOLATION_USER;
    }

    sup_lack("user namespaces (%s): allow them, for example by "
             "kernel.unprivileged_userns_clone=1 or "
             "kernel.apparmor_restrict_unprivileged_userns=0",
             strerror(err));

    if (sup_detect_landlock() > 0) {
        return FAAS_ISOLATION_LANDLOCK;
    }

    sup_lack("Landlock: the kernel is older than 5.13 or started without it");

    return FAAS_ISOLATION_NONE;
}


/*
 * Network policies hang on a group of version 2, whatever else is of version
 * 1.
 */

static void
sup_detect_network(void)
{
    const char  *step;

    sup.egress = sup_cgroup_policy(&step) == SUP_OK;

    if (!sup.egress) {
        sup_lack("network egress cannot be kept from this host's own "
                 "services (%s%s%s): configure \"network none\" or "
                 "\"network host\", or mount a cgroup version 2 hierarchy",
                 step, errno ? ": " : "", errno ? strerror(errno) : "");
    }
}


static void
sup_detect_limits(void)
{
    sup_cgroup_detect();

    if (!sup_cgroup_has_memory()) {
        sup_lack("memory limits: no memory control group that can be "
                 "written to");
    }

    if (!sup_cgroup_has_pids()) {
        sup_lack("process limits: no pids control group that can be written "
                 "to");
    }
}


static void
sup_detect_all(const char *wanted, uint32_t n, int egress)
{
    json_t  *base;

    base = json_object_get(sup.manifest, "uid_base");

    if (base != NULL) {
        sup.uid_base = (uid_t) json_integer_value(base);
    }

    sup.isolation = sup_detect_level(wanted, n);
    sup.boxed = faas_isolation_boxed(sup.isolation);
    sup.scoped = sup.isolation != FAAS_ISOLATION_NONE
                 && sup_detect_landlock() >= SUP_LANDLOCK_SCOPES;

    if (sup.isolation != FAAS_ISOLATION_FULL) {
        return;
    }

    sup_detect_limits();

    if (egress) {
        sup_detect_network();
    }
}


/*
 * nginx has asked for this before it started us; but another supervisor may
 * have been started by something else, or at a worse time, and what cannot be
 * had for a moment must not be done without.
 */

static int
sup_detect_enough(void)
{
    return !sup.require
           || (sup.isolation == FAAS_ISOLATION_FULL && sup_cgroup_has_memory()
               && sup_cgroup_has_pids());
}


static int
sup_detect_say(void)
{
    int       enough;
    unsigned  i;

    enough = sup_detect_enough();

    for (i = 0; i < sup_lacks_n; i++) {
        sup_log(enough ? SUP_LOG_WARN : SUP_LOG_CRIT, 0,
                "isolation: not to be had: %s", sup_lacks[i]);
    }

    if (!enough) {
        sup_log(SUP_LOG_EMERG, 0, "isolation: less than \"faas_isolation "
                "require\" asks for, no environments are made");
        return SUP_ERROR;
    }

    if (sup.isolation == FAAS_ISOLATION_FULL && !sup.egress) {
        sup_log(SUP_LOG_WARN, 0, "isolation: functions with \"network "
                "egress\" get \"network none\"");
    }

    return SUP_OK;
}


int
sup_detect(void)
{
    int          err;
    const char  *wanted;

    static const char *const  names[] = FAAS_ISOLATION_NAMES;

    wanted = json_string_value(json_object_get(sup.manifest, "isolation"));
    wanted = wanted != NULL ? wanted : "prefer";
    sup.require = strcmp(wanted, "require") == 0;
    sup.uid_base = SUP_UID_BASE;

    sup_detect_all(wanted, sup.board.head->max_envs, 1);

    if (sup.isolation == FAAS_ISOLATION_USER
        && faas_user_namespace() == -1)
    {
        err = errno;
        sup_lack("user namespaces (%s)", strerror(err));
        sup.isolation = FAAS_ISOLATION_NONE;
        sup.boxed = 0;
    }

    sup.board.head->isolation = sup.isolation;

    sup_log(SUP_LOG_NOTICE, 0, "isolation: %s; %s",
            names[sup.isolation], sup_cgroup_text());

    if (sup.isolation == FAAS_ISOLATION_NONE) {
        sup_log(SUP_LOG_WARN, 0, "isolation: none%s; environments are plain "
                "processes of this user: separation, processes and disk "
                "space are not enforced, memory by sampling",
                strcmp(wanted, "none") == 0 ? " (configured)" : "");
    }

    return sup_detect_say();
}


/* "--probe": one line for each thing that is lacking. */

int
sup_probe(const char *uids, int egress)
{
    char           *end, name[32];
    unsigned        i;
    unsigned long   first, last;

    /* a group of its own: one of ours may be in use */

    (void) snprintf(name, sizeof(name), "probe-%d", (int) getpid());
    sup.run_dir = name;

    first = strtoul(uids, &end, 10);
    last = *end == '-' ? strtoul(end + 1, &end, 10) : 0;

    if (*end != '\0' || last < first) {
        return SUP_EXIT_ERROR;
    }

    sup.uid_base = (uid_t) first;
    sup_detect_all("require", (uint32_t) (last - first + 1), egress);
    sup_cgroup_remove();

    for (i = 0; i < sup_lacks_n; i++) {
        (void) printf("%s\n", sup_lacks[i]);
    }

    return sup_lacks_n ? SUP_EXIT_LACKING : SUP_EXIT_OK;
}
