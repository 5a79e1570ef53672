/*
 * Memory and process limits by cgroup, version 1 or 2: one group per slot,
 * made once and used again.  Processes join by themselves or are born in it:
 * to attach them from here would block for a grace period each time.
 *
 * Runs in the supervisor.
 */

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup.h"


/* the group of all our environments; "" where there is none */

static struct {
    char  memory[512];                   /* version 1 */
    char  pids[512];
    char  unified[512];                  /* version 2 */
    int   v2_memory;
    int   v2_pids;
    char  text[256];
} cg;


static int
sup_cg_write(const char *dir, const char *file, const char *text)
{
    int   fd, rc, err;
    char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%s/%s", dir, file);

    fd = open(path, O_WRONLY|O_CLOEXEC);
    if (fd == -1) {
        return -1;
    }

    rc = write(fd, text, strlen(text)) == -1 ? -1 : 0;
    err = errno;
    (void) close(fd);
    errno = err;

    return rc;
}


static int
sup_cg_number(const char *dir, const char *file, uint64_t n)
{
    char  text[32];

    (void) snprintf(text, sizeof(text), "%llu", (unsigned long long) n);

    return sup_cg_write(dir, file, text);
}


static ssize_t
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


static const char *
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


/* Version 2: controllers have to be passed down level by level. */

static void
sup_cg_unified(const char *mount, const char *name)
{
    char  have[512];

    if (sup_cg_folder(cg.unified, mount, name) == -1) {
        return;
    }

    if (sup_cg_read(mount, "cgroup.controllers", have, sizeof(have)) == -1) {
        have[0] = '\0';
    }

    if (cg.memory[0] == '\0' && sup_cg_has(have, "memory")) {
        (void) sup_cg_write(mount, "cgroup.subtree_control", "+memory");
        cg.v2_memory = sup_cg_write(cg.unified, "cgroup.subtree_control",
                                    "+memory") == 0;
    }

    if (cg.pids[0] == '\0' && sup_cg_has(have, "pids")) {
        (void) sup_cg_write(mount, "cgroup.subtree_control", "+pids");
        cg.v2_pids = sup_cg_write(cg.unified, "cgroup.subtree_control",
                                  "+pids") == 0;
    }

    if (!cg.v2_memory && !cg.v2_pids) {
        (void) rmdir(cg.unified);
        cg.unified[0] = '\0';
    }
}


/* MOUNTS is in the format of /proc/self/mounts. */

void
sup_cgroup_use(FILE *mounts, const char *name)
{
    char  where[400], type[32], opts[512], line[2048], unified[400];

    memset(&cg, 0, sizeof(cg));
    unified[0] = '\0';

    while (fgets(line, sizeof(line), mounts) != NULL) {

        if (sscanf(line, "%*s %399s %31s %511s", where, type, opts) != 3) {
            continue;
        }

        if (strcmp(type, "cgroup2") == 0) {
            (void) strcpy(unified, where);

        } else if (strcmp(type, "cgroup") == 0) {

            if (sup_cg_has(opts, "memory") && cg.memory[0] == '\0') {
                (void) sup_cg_folder(cg.memory, where, name);
            }

            if (sup_cg_has(opts, "pids") && cg.pids[0] == '\0') {
                (void) sup_cg_folder(cg.pids, where, name);
            }
        }
    }

    if (unified[0] != '\0' && (cg.memory[0] == '\0' || cg.pids[0] == '\0')) {
        sup_cg_unified(unified, name);
    }

    (void) snprintf(cg.text, sizeof(cg.text), "memory limit: %s, process "
                    "limit: %s",
                    cg.memory[0] ? "cgroup v1" : cg.v2_memory ? "cgroup v2"
                    : "NOT enforced by the kernel (no memory cgroup), "
                      "by sampling",
                    cg.pids[0] ? "cgroup v1" : cg.v2_pids ? "cgroup v2"
                    : "NOT enforced (no pids cgroup)");
}


void
sup_cgroup_detect(void)
{
    FILE        *f;
    char         name[32], path[PATH_MAX];
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

    f = fopen("/proc/self/mounts", "re");

    if (f != NULL) {
        sup_cgroup_use(f, name);
        (void) fclose(f);
    }
}


const char *
sup_cgroup_text(void)
{
    return cg.text;
}


int
sup_cgroup_has_memory(void)
{
    return cg.memory[0] != '\0' || cg.v2_memory;
}


static int
sup_cg_make(const char *base, uint32_t slot)
{
    if (base[0] == '\0') {
        return 0;
    }

    if (mkdir(sup_cg_slot(base, slot), 0755) == -1 && errno != EEXIST) {
        sup_log(SUP_LOG_CRIT, errno, "cannot create cgroup \"%s\"",
                sup_cg_slot(base, slot));
        return -1;
    }

    return 0;
}


static void
sup_cg_tasks(const char *base, uint32_t slot, int *fd)
{
    char  path[PATH_MAX];

    if (base[0] == '\0' || *fd != -1) {
        return;
    }

    (void) snprintf(path, sizeof(path), "%s/tasks", sup_cg_slot(base, slot));
    *fd = open(path, O_WRONLY|O_CLOEXEC);
}


/*
 * Makes the slot's groups, without a memory limit yet, and opens what a new
 * process needs to get in: the "tasks" files of version 1 stay open in
 * env->tasks, the folder of version 2 is the caller's to close.
 */

int
sup_cgroup_open(sup_env_t *env, int *dir)
{
    *dir = -1;

    if (sup_cg_make(cg.memory, env->slot) == -1
        || sup_cg_make(cg.pids, env->slot) == -1
        || sup_cg_make(cg.unified, env->slot) == -1)
    {
        return SUP_ERROR;
    }

    if (cg.pids[0]) {
        (void) sup_cg_number(sup_cg_slot(cg.pids, env->slot), "pids.max",
                             SUP_PIDS_MAX);
    }

    if (cg.v2_pids) {
        (void) sup_cg_number(sup_cg_slot(cg.unified, env->slot), "pids.max",
                             SUP_PIDS_MAX);
    }

    sup_cg_tasks(cg.memory, env->slot, &env->tasks[0]);
    sup_cg_tasks(cg.pids, env->slot, &env->tasks[1]);

    if (cg.unified[0]) {
        *dir = open(sup_cg_slot(cg.unified, env->slot),
                    O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    }

    env->ooms = sup_cgroup_ooms(env->slot);

    return SUP_OK;
}


/* Memory and swap together; 0 or -1 with errno. */

int
sup_cgroup_limit(uint32_t slot, uint32_t memory_mb)
{
    int          rc;
    uint64_t     bytes;
    const char  *dir;

    bytes = (uint64_t) memory_mb * 1048576;
    rc = 0;

    if (cg.memory[0]) {
        dir = sup_cg_slot(cg.memory, slot);
        rc = sup_cg_number(dir, "memory.limit_in_bytes", bytes);

        /* absent where swap is not accounted */
        (void) sup_cg_number(dir, "memory.memsw.limit_in_bytes", bytes);
    }

    if (cg.v2_memory) {
        dir = sup_cg_slot(cg.unified, slot);
        rc = sup_cg_number(dir, "memory.max", bytes);
        (void) sup_cg_write(dir, "memory.swap.max", "0");
        (void) sup_cg_write(dir, "memory.oom.group", "1");
    }

    return rc;
}


/* Makes the slot's group as new for its next owner. */

void
sup_cgroup_reset(sup_env_t *env)
{
    const char  *dir;

    if (env->peak_fd != -1) {
        (void) close(env->peak_fd);
        env->peak_fd = -1;
    }

    if (cg.memory[0]) {
        dir = sup_cg_slot(cg.memory, env->slot);
        (void) sup_cg_write(dir, "memory.memsw.limit_in_bytes", "-1");
        (void) sup_cg_write(dir, "memory.limit_in_bytes", "-1");
        (void) sup_cg_write(dir, "memory.force_empty", "0");
        (void) sup_cg_write(dir, "memory.max_usage_in_bytes", "0");
    }

    /* the peak of version 2 cannot be reset before Linux 6.12 */

    if (cg.unified[0]) {
        (void) rmdir(sup_cg_slot(cg.unified, env->slot));
    }
}


static uint64_t
sup_cg_field(const char *dir, const char *file, const char *name)
{
    char  buf[1024], *p;

    if (sup_cg_read(dir, file, buf, sizeof(buf)) <= 0) {
        return 0;
    }

    p = strstr(buf, name);

    return p ? strtoull(p + strlen(name), NULL, 10) : 0;
}


uint64_t
sup_cgroup_ooms(uint32_t slot)
{
    if (cg.memory[0]) {
        return sup_cg_field(sup_cg_slot(cg.memory, slot),
                            "memory.oom_control", "\noom_kill ");
    }

    if (cg.v2_memory) {
        return sup_cg_field(sup_cg_slot(cg.unified, slot), "memory.events",
                            "\noom_kill ");
    }

    return 0;
}


uint64_t
sup_cgroup_peak(sup_env_t *env)
{
    char         path[PATH_MAX], buf[32];
    ssize_t      n;

    if (!sup_cgroup_has_memory()) {
        return 0;
    }

    if (env->peak_fd == -1) {
        (void) snprintf(path, sizeof(path), "%s/%s",
                        sup_cg_slot(cg.memory[0] ? cg.memory : cg.unified,
                                    env->slot),
                        cg.memory[0] ? "memory.max_usage_in_bytes"
                                     : "memory.peak");

        env->peak_fd = open(path, O_RDONLY|O_CLOEXEC);
    }

    n = pread(env->peak_fd, buf, sizeof(buf) - 1, 0);

    if (n <= 0) {
        return 0;
    }

    buf[n] = '\0';

    return strtoull(buf, NULL, 10);
}


static int
sup_cg_signal(const char *base, uint32_t slot)
{
    int    n;
    char   buf[16384], *p, *end;
    pid_t  pid;

    if (base[0] == '\0'
        || sup_cg_read(sup_cg_slot(base, slot), "cgroup.procs", buf,
                       sizeof(buf)) <= 0)
    {
        return 0;
    }

    n = 0;

    for (p = buf; *p != '\0'; p = end + (*end == '\n')) {
        pid = (pid_t) strtol(p, &end, 10);

        if (end == p) {
            break;
        }

        if (pid > 0) {
            (void) kill(pid, SIGKILL);
            n++;
        }
    }

    return n;
}


/* Kills all that is in the slot's groups; the number of processes seen. */

int
sup_cgroup_kill(uint32_t slot)
{
    int  n;

    n = sup_cg_signal(cg.memory, slot);

    if (cg.memory[0] == '\0') {
        n += sup_cg_signal(cg.pids, slot);
    }

    if (cg.unified[0]) {
        (void) sup_cg_write(sup_cg_slot(cg.unified, slot), "cgroup.kill",
                            "1");
        n += sup_cg_signal(cg.unified, slot);
    }

    return n;
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
    sup_cg_remove(cg.memory);

    if (strcmp(cg.pids, cg.memory) != 0) {
        sup_cg_remove(cg.pids);
    }

    sup_cg_remove(cg.unified);
}


/* Slots that a former run had and this board does not. */

void
sup_cgroup_slots(void (*each)(uint32_t slot))
{
    DIR            *dir;
    const char     *base;
    struct dirent  *de;

    base = cg.memory[0] ? cg.memory : cg.pids[0] ? cg.pids : cg.unified;

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
