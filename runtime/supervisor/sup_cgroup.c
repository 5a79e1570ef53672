/*
 * Where limits come from: the hierarchies of control groups on this machine,
 * version 1 or 2, and our group in each.  What is done with a slot's group is
 * in sup_cgroup_slot.c.
 *
 * Runs in the supervisor.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup_cgroup.h"
#include "sup_network.h"


sup_cgroup_t  sup_cg;


int
sup_cg_write(const char *dir, const char *file, const char *text)
{
    int   fd, rc, err;
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/%s", dir, file);

    fd = open(path, O_WRONLY|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    /* a memory limit is not set while a signal is pending */

    do {
        rc = write(fd, text, strlen(text)) == -1 ? -1 : 0;
    } while (rc == -1 && errno == EINTR);

    err = errno;
    (void) close(fd);
    errno = err;

    return rc;
}


int
sup_cg_number(const char *dir, const char *file, uint64_t n)
{
    char  text[32];

    (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) n);

    return sup_cg_write(dir, file, text);
}


ssize_t
sup_cg_read(const char *dir, const char *file, char *buf, size_t size)
{
    int      fd;
    char     path[PATH_MAX];
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "%s/%s", dir, file);

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    n = read(fd, buf, size - 1);
    (void) close(fd);

    if (n >= 0) {
        buf[n] = '\0';
    }

    return n;
}


const char *
sup_cg_slot(const char *base, uint32_t slot)
{
    static char  path[600];

    (void) snprintf(path, sizeof(path), "%s/e%u", base, slot);

    return path;
}


/* A word in a list separated by commas or blanks. */

static int
sup_cg_has(const char *list, const char *word)
{
    size_t       len;
    const char  *p;

    len = strlen(word);

    for (p = strstr(list, word); p != NULL; p = strstr(p + 1, word)) {
        if ((p == list || strchr(", ", p[-1]) != NULL)
            && (p[len] == '\0' || strchr(", \n", p[len]) != NULL))
        {
            return 1;
        }
    }

    return 0;
}


static int
sup_cg_folder(char *base, const char *mount, const char *name)
{
    (void) snprintf(base, 512, "%.400s/%s", mount, name);

    if (mkdir(base, 0755) == -1 && errno != EEXIST) {
        base[0] = '\0';
        return -1;
    }

    return 0;
}


/* A version 1 hierarchy of CONTROLLER, if OPTS are of one. */

static void
sup_cg_take(const char *opts, const char *controller, char *base,
    const char *where, const char *name)
{
    if (base[0] == '\0' && sup_cg_has(opts, controller)) {
        (void) sup_cg_folder(base, where, name);
    }
}


/*
 * Version 2: controllers have to be passed down level by level.  Without any
 * it is still what the network policy hangs on and what kills all at once.
 */

static int
sup_cg_pass(const char *mount, const char *base, const char *controller)
{
    char  text[32];

    (void) snprintf(text, sizeof(text), "+%s", controller);
    (void) sup_cg_write(mount, "cgroup.subtree_control", text);

    return sup_cg_write(base, "cgroup.subtree_control", text) == 0;
}


static void
sup_cg_unified(const char *mount, const char *name)
{
    char  have[512], open[64];

    if (sup_cg_folder(sup_cg.unified, mount, name) == -1) {
        return;
    }

    (void) snprintf(open, sizeof(open), "%.40s.open", name);
    (void) sup_cg_folder(sup_cg.open, mount, open);

    if (sup_cg_read(mount, "cgroup.controllers", have, sizeof(have)) == -1) {
        have[0] = '\0';
    }

    if (sup_cg.memory[0] == '\0' && sup_cg_has(have, "memory")) {
        sup_cg.v2_memory = sup_cg_pass(mount, sup_cg.unified, "memory")
                           && sup_cg_pass(mount, sup_cg.open, "memory");
    }

    if (sup_cg.pids[0] == '\0' && sup_cg_has(have, "pids")) {
        sup_cg.v2_pids = sup_cg_pass(mount, sup_cg.unified, "pids")
                         && sup_cg_pass(mount, sup_cg.open, "pids");
    }

    if (sup_cg.cpu[0] == '\0' && sup_cg_has(have, "cpu")) {
        sup_cg.v2_cpu = sup_cg_pass(mount, sup_cg.unified, "cpu")
                        && sup_cg_pass(mount, sup_cg.open, "cpu");
    }
}


/*
 * On a machine that is busy with environments each cpu has half as much for
 * them as for one process beside them, such as a worker.  A group counts with
 * all of its weight where its only busy member runs: with one for each cpu,
 * an environment pushed the worker that had just woken it off the cpu, one
 * request at a time (a tenth of a warm request's cost).
 */

static void
sup_cg_share(void)
{
    long  n;

    n = sysconf(_SC_NPROCESSORS_ONLN);
    n = n < 1 ? 1 : n > 64 ? 64 : n;

    if (sup_cg.cpu[0]) {
        (void) sup_cg_number(sup_cg.cpu, "cpu.shares", 512 * n);
    }

    if (sup_cg.v2_cpu) {
        (void) sup_cg_number(sup_cg.unified, "cpu.weight", 50 * n);
        (void) sup_cg_number(sup_cg.open, "cpu.weight", 50 * n);
    }
}


/*
 * All environments together leave the host more than half of its processes:
 * with 32768 of them, still usual without systemd, a few dozen environments
 * that fork as much as they may would have them all.
 */

static void
sup_cg_host_processes(void)
{
    char      text[32];
    uint64_t  n, threads;

    if (sup_cg_read("/proc/sys/kernel", "pid_max", text, sizeof(text)) <= 0) {
        return;
    }

    n = strtoull(text, NULL, 10);

    if (sup_cg_read("/proc/sys/kernel", "threads-max", text, sizeof(text))
        > 0)
    {
        threads = strtoull(text, NULL, 10);
        n = threads < n ? threads : n;
    }

    n = n * 2 / 5;

    if (sup_cg.pids[0]) {
        (void) sup_cg_number(sup_cg.pids, "pids.max", n);
    }

    if (sup_cg.v2_pids) {
        (void) sup_cg_number(sup_cg.unified, "pids.max", n);
        (void) sup_cg_number(sup_cg.open, "pids.max", n / 2);
    }
}


/*
 * MOUNTS is in the format of /proc/self/mounts; SELF is this process's group of
 * version 2.
 */

void
sup_cgroup_use(FILE *mounts, const char *name, const char *self)
{
    char  where[400], type[32], opts[512], line[2048], unified[400];

    memset(&sup_cg, 0, sizeof(sup_cg));
    unified[0] = '\0';

    while (fgets(line, sizeof(line), mounts) != NULL) {

        if (sscanf(line, "%*s %399s %31s %511s", where, type, opts) != 3) {
            continue;
        }

        if (strcmp(type, "cgroup2") == 0) {
            (void) strcpy(unified, where);

        } else if (strcmp(type, "cgroup") == 0) {

            sup_cg_take(opts, "memory", sup_cg.memory, where, name);
            sup_cg_take(opts, "pids", sup_cg.pids, where, name);
            sup_cg_take(opts, "cpu", sup_cg.cpu, where, name);
        }
    }

    if (unified[0] != '\0') {
        sup_delegate_base(unified, self, where, sizeof(where));
        sup_cg_unified(where, name);
    }

    sup_cg_share();
    sup_cg_host_processes();

    (void) snprintf(sup_cg.text, sizeof(sup_cg.text),
                    "memory limit: %s, process limit: %s, cpu: %s",
                    sup_cg.memory[0] ? "cgroup v1"
                    : sup_cg.v2_memory ? "cgroup v2"
                    : "NOT enforced by the kernel (no memory cgroup), "
                      "by sampling",
                    sup_cg.pids[0] ? "cgroup v1" : sup_cg.v2_pids ? "cgroup v2"
                    : "NOT enforced (no pids cgroup)",
                    sup_cg.cpu[0] ? "cgroup v1" : sup_cg.v2_cpu ? "cgroup v2"
                    : "NOT enforced (no cpu cgroup)");
}


void
sup_cgroup_detect(void)
{
    FILE        *f;
    char         name[32], path[PATH_MAX], self[PATH_MAX];
    uint32_t     hash;
    const char  *p;

    /* one group per run directory, so that a later run finds our leftovers */

    if (realpath(sup.run_dir, path) == NULL) {
        (void) snprintf(path, sizeof(path), "%s", sup.run_dir);
    }

    hash = 2166136261u;

    for (p = path; *p != '\0'; p++) {
        hash = (hash ^ (u_char) *p) * 16777619u;
    }

    (void) snprintf(name, sizeof(name), "faas-%08x", hash);

    f = fopen("/proc/self/cgroup", "re");
    sup_delegate_self(f, self, sizeof(self));

    if (f != NULL) {
        (void) fclose(f);
    }

    f = fopen("/proc/self/mounts", "re");

    if (f != NULL) {
        sup_cgroup_use(f, name, self);
        (void) fclose(f);
    }
}


/* The network policy of the newest configuration, on all that follow it. */

int
sup_cgroup_policy(const char **step)
{
    sup_policy_t  policy;

    if (sup_cg.unified[0] == '\0') {
        *step = "no cgroup version 2 hierarchy that can be written to";
        errno = 0;
        return SUP_ERROR;
    }

    sup_policy_make(&policy);

    if (policy.full) {
        *step = "more addresses than a policy can have";
        errno = E2BIG;
        return SUP_ERROR;
    }

    return sup_bpf_attach(sup_cg.unified, &policy, step);
}


const char *
sup_cgroup_text(void)
{
    return sup_cg.text[0] ? sup_cg.text
           : "no control groups, memory limit by sampling";
}


int
sup_cgroup_has_pids(void)
{
    return sup_cg.pids[0] != '\0' || sup_cg.v2_pids;
}


int
sup_cgroup_has_memory(void)
{
    return sup_cg.memory[0] != '\0' || sup_cg.v2_memory;
}


static void
sup_cg_remove(const char *base)
{
    DIR            *dir;
    char            path[PATH_MAX];
    struct dirent  *de;

    if (base[0] == '\0') {
        return;
    }

    dir = opendir(base);

    if (dir == NULL) {
        return;
    }

    while ((de = readdir(dir)) != NULL) {
        if (de->d_name[0] == 'e') {
            (void) snprintf(path, sizeof(path), "%s/%s", base, de->d_name);
            (void) rmdir(path);
        }
    }

    (void) closedir(dir);

    if (rmdir(base) == -1 && errno != ENOENT) {
        sup_log(SUP_LOG_WARN, errno, "cannot remove cgroup \"%s\"", base);
    }
}


void
sup_cgroup_remove(void)
{
    sup_cg_remove(sup_cg.memory);

    /* controllers may be mounted together */

    if (strcmp(sup_cg.pids, sup_cg.memory) != 0) {
        sup_cg_remove(sup_cg.pids);
    }

    if (strcmp(sup_cg.cpu, sup_cg.memory) != 0
        && strcmp(sup_cg.cpu, sup_cg.pids) != 0)
    {
        sup_cg_remove(sup_cg.cpu);
    }

    sup_cg_remove(sup_cg.unified);
    sup_cg_remove(sup_cg.open);
}


static void
sup_cg_slots(const char *base, void (*each)(uint32_t slot))
{
    DIR            *dir;
    struct dirent  *de;

    if (base[0] == '\0' || (dir = opendir(base)) == NULL) {
        return;
    }

    while ((de = readdir(dir)) != NULL) {
        if (de->d_name[0] == 'e' && de->d_name[1] >= '0'
            && de->d_name[1] <= '9')
        {
            each((uint32_t) strtoul(de->d_name + 1, NULL, 10));
        }
    }

    (void) closedir(dir);
}


/* Slots that a former run had and this board does not. */

void
sup_cgroup_slots(void (*each)(uint32_t slot))
{
    sup_cg_slots(sup_cg.memory[0] ? sup_cg.memory : sup_cg.pids, each);
    sup_cg_slots(sup_cg.unified, each);
    sup_cg_slots(sup_cg.open, each);
}
