/*
 * The control group of one slot: made for its environment, limited, read,
 * killed.  Processes join by themselves or are born in it: to attach them from
 * here would block for a grace period each time.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup_cgroup.h"


#define SUP_CPU_PERIOD_US  100000
#define SUP_CPU_LAMBDA_MB  1769          /* that have one vCPU at Lambda */


/* The version 2 group that the slot's environment is in. */

static const char *
sup_cg_v2(uint32_t slot)
{
    return sup.envs != NULL && sup.envs[slot].open ? sup_cg.open
                                                   : sup_cg.unified;
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


/* An environment that cannot get into a group would be without its limit. */

static int
sup_cg_enter(const char *base, uint32_t slot, const char *file, int flags,
    int *fd)
{
    char  path[PATH_MAX];

    if (base[0] == '\0' || *fd != -1) {
        return 0;
    }

    (void) snprintf(path, sizeof(path), "%s/%s", sup_cg_slot(base, slot),
                    file);
    *fd = open(path, flags|O_CLOEXEC);

    if (*fd == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot open cgroup \"%s\"", path);
        return -1;
    }

    return 0;
}


static int
sup_cg_processes(const char *base, uint32_t slot)
{
    if (sup_cg_number(sup_cg_slot(base, slot), "pids.max", SUP_PIDS_MAX)
        == -1)
    {
        sup_log(SUP_LOG_CRIT, errno, "cannot limit processes of cgroup "
                "\"%s\"", sup_cg_slot(base, slot));
        return -1;
    }

    return 0;
}


static int
sup_cg_gone(const char *base, uint32_t slot)
{
    return base[0] == '\0' || rmdir(sup_cg_slot(base, slot)) == 0
           || errno == ENOENT;
}


/*
 * 1 when no process is in the slot's groups; they are removed, for one that
 * was killed as a whole kills who is born into it later (Linux 6.13 and newer
 * compare its count of kills with that of the parent's group).
 */

int
sup_cgroup_empty(uint32_t slot)
{
    return sup_cg_gone(sup_cg.unified, slot) && sup_cg_gone(sup_cg.open, slot)
           && sup_cg_gone(sup_cg.memory, slot);
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

    if (sup_cg_make(sup_cg.memory, env->slot) == -1
        || sup_cg_make(sup_cg.pids, env->slot) == -1
        || sup_cg_make(sup_cg.cpu, env->slot) == -1
        || sup_cg_make(sup_cg_v2(env->slot), env->slot) == -1)
    {
        return SUP_ERROR;
    }

    if ((sup_cg.pids[0]
         && sup_cg_processes(sup_cg.pids, env->slot) == -1)
        || (sup_cg.v2_pids
            && sup_cg_processes(sup_cg_v2(env->slot), env->slot) == -1))
    {
        return SUP_ERROR;
    }

    if (sup_cg_enter(sup_cg.memory, env->slot, "tasks", O_WRONLY,
                     &env->tasks[0]) == -1
        || sup_cg_enter(sup_cg.pids, env->slot, "tasks", O_WRONLY,
                        &env->tasks[1]) == -1
        || sup_cg_enter(sup_cg.cpu, env->slot, "tasks", O_WRONLY,
                        &env->tasks[2]) == -1
        || sup_cg_enter(sup_cg_v2(env->slot), env->slot, "",
                        O_RDONLY|O_DIRECTORY, dir) == -1)
    {
        return SUP_ERROR;
    }

    env->ooms = sup_cgroup_ooms(env->slot);

    return SUP_OK;
}


/*
 * What is in buffers of sockets is not in the memory limit of version 1: it
 * has one of its own.
 */

static int
sup_cg_buffers(const char *dir, uint64_t bytes)
{
    int  rc;

    rc = sup_cg_number(dir, "memory.kmem.tcp.limit_in_bytes", bytes);

    return rc == -1 && errno == ENOENT ? 0 : rc;
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

    if (sup_cg.memory[0]) {
        dir = sup_cg_slot(sup_cg.memory, slot);
        rc = sup_cg_number(dir, "memory.limit_in_bytes", bytes);

        if (rc == 0) {
            rc = sup_cg_buffers(dir, bytes);
        }

        /* where swap is not accounted there is none for this group */

        if (sup_cg_number(dir, "memory.memsw.limit_in_bytes", bytes) == -1) {
            (void) sup_cg_number(dir, "memory.swappiness", 0);
        }
    }

    if (sup_cg.v2_memory) {
        dir = sup_cg_slot(sup_cg_v2(slot), slot);
        rc = sup_cg_number(dir, "memory.max", bytes);
        (void) sup_cg_write(dir, "memory.swap.max", "0");
        (void) sup_cg_write(dir, "memory.oom.group", "1");
    }

    return rc;
}


/*
 * A share of the machine in proportion to MEMORY_MB, as Lambda has it, and
 * with MILLI not 0 at most so many thousandths of a cpu.
 */

void
sup_cgroup_cpu(uint32_t slot, uint32_t memory_mb, uint32_t milli)
{
    char         text[64];
    uint64_t     quota, part;
    const char  *dir;

    quota = (uint64_t) milli * SUP_CPU_PERIOD_US / 1000;

    if (sup_cg.cpu[0]) {
        dir = sup_cg_slot(sup_cg.cpu, slot);
        part = 1024ULL * memory_mb / SUP_CPU_LAMBDA_MB;
        (void) sup_cg_number(dir, "cpu.shares", part < 2 ? 2 : part);
        (void) snprintf(text, sizeof(text), "%lld",
                        milli ? (long long) quota : -1LL);
        (void) sup_cg_write(dir, "cpu.cfs_quota_us", text);
    }

    if (sup_cg.v2_cpu) {
        dir = sup_cg_slot(sup_cg_v2(slot), slot);
        part = 100ULL * memory_mb / SUP_CPU_LAMBDA_MB;
        (void) sup_cg_number(dir, "cpu.weight", part < 1 ? 1 : part);
        (void) snprintf(text, sizeof(text), milli ? "%llu %u" : "max",
                        (unsigned long long) quota, SUP_CPU_PERIOD_US);
        (void) sup_cg_write(dir, "cpu.max", text);
    }
}


static void
sup_cg_close(int *fd)
{
    if (*fd != -1) {
        (void) close(*fd);
        *fd = -1;
    }
}


/*
 * Makes the slot's groups as new for their next owner.  What a memory group
 * was charged for, files of the code above all, would count against the next
 * one, and to be freed of it takes as long as there is of it: it is made anew.
 */

void
sup_cgroup_reset(sup_env_t *env)
{
    sup_cg_close(&env->peak_fd);

    sup_cg_close(&env->tasks[0]);
    (void) sup_cgroup_empty(env->slot);
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
    if (sup_cg.memory[0]) {
        return sup_cg_field(sup_cg_slot(sup_cg.memory, slot),
                            "memory.oom_control", "\noom_kill ");
    }

    if (sup_cg.v2_memory) {
        return sup_cg_field(sup_cg_slot(sup_cg_v2(slot), slot),
                            "memory.events", "\noom_kill ");
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
                        sup_cg_slot(sup_cg.memory[0] ? sup_cg.memory
                                                     : sup_cg_v2(env->slot),
                                    env->slot),
                        sup_cg.memory[0] ? "memory.max_usage_in_bytes"
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


static int
sup_cg_kill_all(const char *base, uint32_t slot)
{
    if (base[0] == '\0') {
        return 0;
    }

    (void) sup_cg_write(sup_cg_slot(base, slot), "cgroup.kill", "1");

    return sup_cg_signal(base, slot);
}


/* Kills all that is in the slot's groups; the number of processes seen. */

int
sup_cgroup_kill(uint32_t slot)
{
    int  n;

    n = sup_cg_signal(sup_cg.memory, slot);

    if (sup_cg.memory[0] == '\0') {
        n += sup_cg_signal(sup_cg.pids, slot);
    }

    /* which of the two an earlier run had it in we may not know */

    n += sup_cg_kill_all(sup_cg.unified, slot);
    n += sup_cg_kill_all(sup_cg.open, slot);

    return n;
}


