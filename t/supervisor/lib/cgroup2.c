/*
 * sup_cgroup*.c on a folder that looks like a version 2 hierarchy, for
 * machines that have none with controllers.  Prints TAP.
 */

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "sup_cgroup.h"
#include "sup_network.h"
#include "sup_tap.h"


sup_t  sup;

/* policies need the kernel */

void
sup_policy_make(sup_policy_t *p)
{
    memset(p, 0, sizeof(sup_policy_t));
}


int
sup_bpf_attach(const char *path, const sup_policy_t *p, const char **step)
{
    (void) p;
    *step = path;

    return SUP_OK;
}


static char  root[4096];


static void
put(const char *name, const char *text)
{
    FILE  *f;
    char   path[8192];

    (void) snprintf(path, sizeof(path), "%s/%s", root, name);
    f = fopen(path, "w");

    if (f == NULL || fputs(text, f) == EOF) {
        perror(path);
        exit(1);
    }

    (void) fclose(f);
}


static int
has(const char *name, const char *text)
{
    FILE    *f;
    char     path[8192], buf[256];
    size_t   n;

    (void) snprintf(path, sizeof(path), "%s/%s", root, name);
    f = fopen(path, "r");

    if (f == NULL) {
        return 0;
    }

    n = fread(buf, 1, sizeof(buf) - 1, f);
    buf[n] = '\0';
    (void) fclose(f);

    return strncmp(buf, text, strlen(text)) == 0;
}


static void
folder(const char *name)
{
    char  path[8192];

    (void) snprintf(path, sizeof(path), "%s/%s", root, name);
    (void) mkdir(path, 0755);
}


static void
tree(const char *controllers, const char *self)
{
    FILE  *f;
    char   path[8192];

    put("cgroup.controllers", controllers);
    put("cgroup.subtree_control", "");
    folder("faas-t");
    put("faas-t/cgroup.subtree_control", "");
    folder("faas-t.open");
    put("faas-t.open/cgroup.subtree_control", "");
    folder("faas-t/e3");
    put("faas-t/e3/memory.max", "");
    put("faas-t/e3/memory.swap.max", "");
    put("faas-t/e3/memory.oom.group", "");
    put("faas-t/e3/memory.peak", "7340032\n");
    put("faas-t/e3/memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\n"
        "oom_group_kill 1\n");
    put("faas-t/e3/pids.max", "");
    put("faas-t/e3/cpu.weight", "");
    put("faas-t/e3/cpu.max", "");
    put("faas-t/e3/cgroup.kill", "");
    put("faas-t/e3/cgroup.procs", "");

    (void) snprintf(path, sizeof(path), "%s/mounts", root);
    f = fopen(path, "w");
    (void) fprintf(f, "tmpfs /run tmpfs rw 0 0\n"
                   "cgroup2 %s cgroup2 rw,nosuid,memory_recursiveprot 0 0\n",
                   root);
    (void) fclose(f);

    f = fopen(path, "r");
    sup_cgroup_use(f, "faas-t", self);
    (void) fclose(f);
}


/* A service's group that was left to the service. */

static void
delegated(void)
{
    char  path[8192];

    folder("system.slice");
    folder("system.slice/nginx.service");
    put("system.slice/nginx.service/cgroup.procs", "");
    put("system.slice/nginx.service/cgroup.controllers", "memory pids cpu\n");
    put("system.slice/nginx.service/cgroup.subtree_control", "");
    folder("system.slice/nginx.service/faas-t");
    put("system.slice/nginx.service/faas-t/cgroup.subtree_control", "");
    folder("system.slice/nginx.service/faas-t.open");
    put("system.slice/nginx.service/faas-t.open/cgroup.subtree_control", "");

    tree("cpuset cpu io memory hugetlb pids rdma\n",
         "/system.slice/nginx.service");
    ok(strstr(sup_cg.unified, "system.slice") == NULL,
       "a service's group that was not left to it is not used");

    (void) snprintf(path, sizeof(path), "%s/system.slice/nginx.service",
                    root);

    if (setxattr(path, "user.delegate", "1", 1, 0) == -1) {
        ok(1, "delegation # SKIP no attributes on this file system");
        return;
    }

    tree("cpuset cpu io memory hugetlb pids rdma\n",
         "/system.slice/nginx.service");
    ok(strcmp(sup_cg.unified + strlen(root),
              "/system.slice/nginx.service/faas-t") == 0,
       "one that was is");
    ok(access(strcat(path, "/nginx"), F_OK) == 0,
       "its processes have a group beside");

    tree("cpuset cpu io memory hugetlb pids rdma\n",
         "/system.slice/nginx.service/nginx");
    ok(strcmp(sup_cg.unified + strlen(root),
              "/system.slice/nginx.service/faas-t") == 0,
       "from which the next supervisor finds back");
}


int
main(int argc, char **argv)
{
    int        dir, other;
    sup_env_t  env;

    if (argc != 2) {
        return 1;
    }

    (void) snprintf(root, sizeof(root), "%s", argv[1]);
    tree("cpuset cpu io memory hugetlb pids rdma\n", "");

    ok(strstr(sup_cgroup_text(), "memory limit: cgroup v2") != NULL,
       "memory by version 2");
    ok(strstr(sup_cgroup_text(), "process limit: cgroup v2") != NULL,
       "processes by version 2");
    ok(has("cgroup.subtree_control", "+"), "passed down from the top");
    ok(has("faas-t/cgroup.subtree_control", "+"), "and to the slots");

    memset(&env, 0, sizeof(env));
    env.slot = 3;
    env.tasks[0] = env.tasks[1] = env.tasks[2] = env.peak_fd = -1;

    ok(sup_cgroup_open(&env, &dir) == SUP_OK && dir != -1,
       "the slot's folder is for the clone");
    ok(env.tasks[0] == -1 && env.tasks[1] == -1 && env.tasks[2] == -1,
       "no tasks files");
    ok(env.ooms == 2, "kills so far are known");
    ok(has("faas-t/e3/pids.max", "1024"), "processes are limited");
    env.slot = 4;
    ok(sup_cgroup_open(&env, &other) == SUP_ERROR,
       "without that limit there is no environment");
    env.slot = 3;
    ok(sup_cgroup_limit(3, 128) == 0, "a memory limit");
    ok(has("faas-t/e3/memory.max", "134217728"), "in bytes");
    ok(has("faas-t/e3/memory.swap.max", "0"), "without swap");
    ok(has("faas-t/e3/memory.oom.group", "1"), "all of it or nothing");
    sup_cgroup_cpu(3, 1769, 500);
    ok(has("faas-t/e3/cpu.weight", "100"), "a share for the memory");
    ok(has("faas-t/e3/cpu.max", "50000 100000"), "half a cpu at most");
    sup_cgroup_cpu(3, 128, 0);
    ok(has("faas-t/e3/cpu.weight", "7"), "a smaller share");
    ok(has("faas-t/e3/cpu.max", "max"), "and no limit");
    ok(sup_cgroup_peak(&env) == 7340032, "the peak is read");
    put("faas-t/e3/memory.events", "low 0\noom 4\noom_kill 3\n");
    ok(sup_cgroup_ooms(3) == 3, "another kill is seen");
    (void) sup_cgroup_kill(3);
    ok(has("faas-t/e3/cgroup.kill", "1"), "and all of it can be killed");

    tree("io\n", "");
    ok(strstr(sup_cgroup_text(), "NOT enforced") != NULL,
       "without controllers it says what is not enforced");
    ok(!sup_cgroup_has_memory(), "and does not claim to");
    ok(sup_cgroup_limit(3, 128) == 0, "limits are no error then");

    delegated();

    (void) printf("1..%d\n", count);

    return failed != 0;
}
