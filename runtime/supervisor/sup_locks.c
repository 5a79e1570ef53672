/*
 * Locks of byte ranges of files: the kernel keeps 192 bytes for each, counts
 * them for nobody and has no limit for them (CVE-2022-0480), so that one
 * environment could have all memory of the host.  Nobody needs as many as it
 * takes for that: who has them is ended.
 *
 * Runs in the supervisor.  The kernel's list names the process of each lock,
 * but for those of open files, which the filter of system calls refuses.
 */

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sup_cgroup.h"


#define SUP_LOCKS_MAX    10000       /* 2 MB */
#define SUP_LOCKS_MS     5000
#define SUP_LOCKS_READ   1048576     /* bytes of the list looked at, and */
#define SUP_LOCKS_FEW    262144      /* so many cannot be too many locks */
#define SUP_LOCKS_CACHE  4096        /* processes; a power of two */


static struct {
    pid_t     pid;
    uint32_t  slot;
} sup_locks_cache[SUP_LOCKS_CACHE];


/* The slot whose group TEXT (of /proc/PID/cgroup) says it is in. */

static uint32_t
sup_locks_group(const char *text)
{
    char         name[64];
    size_t       len;
    const char  *p, *base;

    base = sup_cg.memory[0] ? sup_cg.memory
           : sup_cg.pids[0] ? sup_cg.pids : sup_cg.unified;
    base = strrchr(base, '/');

    if (base == NULL) {
        return FAAS_NIL;
    }

    len = (size_t) snprintf(name, sizeof(name), "%.40s", base);

    for (p = strstr(text, name); p != NULL; p = strstr(p + 1, name)) {
        base = p + len;
        base += strncmp(base, ".open", 5) == 0 ? 5 : 0;

        if (strncmp(base, "/e", 2) == 0) {
            return (uint32_t) strtoul(base + 2, NULL, 10);
        }
    }

    return FAAS_NIL;
}


static uint32_t
sup_locks_slot(pid_t pid)
{
    char      dir[32], text[4096];
    unsigned  i;

    i = (unsigned) pid & (SUP_LOCKS_CACHE - 1);

    if (sup_locks_cache[i].pid != pid) {
        (void) snprintf(dir, sizeof(dir), "/proc/%d", (int) pid);
        sup_locks_cache[i].pid = pid;
        sup_locks_cache[i].slot =
            sup_cg_read(dir, "cgroup", text, sizeof(text)) > 0
            ? sup_locks_group(text) : FAAS_NIL;
    }

    return sup_locks_cache[i].slot;
}


static void
sup_locks_end(uint32_t slot)
{
    sup_env_t  *env;

    env = &sup.envs[slot];

    if (!env->used || !env->spawned || env->ending || env->dead) {
        return;
    }

    sup_log(SUP_LOG_ERROR, 0, "%s has more than %d locks of files, which is "
            "memory that no limit counts: killed", sup_env_text(env),
            SUP_LOCKS_MAX);

    env->want_why = FAAS_WHY_OOM;
    sup_env_end(env, FAAS_WHY_OOM);
}


/* "1: POSIX  ADVISORY  WRITE 4711 00:2a:17 0 1" for each */

static void
sup_locks_count(char *list)
{
    int        pid;
    char      *p, *end;
    uint32_t   slot, *n;

    n = calloc(sup.board.head->max_envs, sizeof(uint32_t));

    if (n == NULL) {
        return;
    }

    memset(sup_locks_cache, 0, sizeof(sup_locks_cache));

    for (p = list; (end = strchr(p, '\n')) != NULL; p = end + 1) {

        if (sscanf(p, "%*s POSIX %*s %*s %d", &pid) != 1 || pid <= 0) {
            continue;
        }

        slot = sup_locks_slot(pid);

        if (slot < sup.board.head->max_envs && ++n[slot] == SUP_LOCKS_MAX) {
            sup_locks_end(slot);
        }
    }

    free(n);
}


/* Every now and then; usually the list is short. */

void
sup_locks_tick(void)
{
    int              fd;
    char            *list;
    size_t           len;
    ssize_t          n;
    uint64_t         now;
    static uint64_t  last;

    now = faas_now_ms();

    if (sup.isolation != FAAS_ISOLATION_FULL || now - last < SUP_LOCKS_MS) {
        return;
    }

    last = now;
    fd = open("/proc/locks", O_RDONLY|O_CLOEXEC);
    list = malloc(SUP_LOCKS_READ + 1);
    len = 0;

    while (fd != -1 && list != NULL && len < SUP_LOCKS_READ) {
        n = read(fd, list + len, SUP_LOCKS_READ - len);

        if (n <= 0) {
            break;
        }

        len += (size_t) n;
    }

    if (fd != -1) {
        (void) close(fd);
    }

    if (list != NULL && len > SUP_LOCKS_FEW) {
        list[len] = '\0';
        sup_locks_count(list);
    }

    free(list);
}
