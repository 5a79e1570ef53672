/*
 * The once-a-second look at every environment: idle, old, used up, over its
 * time, over its memory; and how much memory it has needed.
 *
 * Runs in the supervisor; faas_env_drain() takes the function's lock.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "sup_cgroup.h"


#define SUP_MEMORY_MS  100


static uint64_t
sup_status_bytes(pid_t pid, const char *field)
{
    char  dir[64], buf[4096], *p;

    (void) snprintf(dir, sizeof(dir), "/proc/%d", (int) pid);

    if (sup_cg_read(dir, "status", buf, sizeof(buf)) <= 0) {
        return 0;
    }

    p = strstr(buf, field);

    return p ? strtoull(p + strlen(field), NULL, 10) * 1024 : 0;
}


/*
 * Peak memory of the environment.  Pages shared with the zygote are charged
 * to the zygote's group, so the resident peak may be the larger figure; no
 * figure is larger than the limit.
 */

void
sup_sample(sup_env_t *env)
{
    uint64_t     bytes, peak, limit;
    faas_fn_t   *f;
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];

    if (e->fn >= sup.board.head->max_functions || env->pid <= 0) {
        return;
    }

    f = &sup.board.fns[e->fn];
    bytes = sup_status_bytes(env->pid, "\nVmHWM:");
    peak = sup_cgroup_peak(env);
    bytes = peak > bytes ? peak : bytes;
    limit = (uint64_t) f->memory_mb * 1048576;

    if (limit != 0 && bytes > limit) {
        bytes = limit;
    }

    if (bytes > e->memory) {
        e->memory = bytes;
    }

    if (e->memory > f->peak_memory
        && faas_fn_lock(&sup.board, e->fn) == FAAS_OK)
    {
        f->peak_memory = e->memory;
        faas_fn_unlock(&sup.board, e->fn);
    }
}


/* Without a memory cgroup the limit is enforced here. */

static void
sup_reap_memory(sup_env_t *env)
{
    uint64_t     used;
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];

    if (env->version == NULL || e->state < FAAS_ENV_INIT) {
        return;
    }

    used = sup_status_bytes(env->pid, "\nVmRSS:");

    if (used > (uint64_t) env->version->memory_mb * 1048576) {
        e->memory = used;
        env->want_why = FAAS_WHY_OOM;
        sup_env_end(env, FAAS_WHY_OOM);
    }
}


/*
 * Where no group counts for all processes together, each has its own limit:
 * so much data, 0 for no limit.
 */

uint64_t
sup_memory_rlimit(uint32_t memory_mb)
{
    return sup_cgroup_has_memory() ? 0 : (uint64_t) memory_mb * 1048576;
}


void
sup_memory_process(pid_t pid, uint32_t memory_mb)
{
    struct rlimit  rl;

    rl.rlim_cur = rl.rlim_max = sup_memory_rlimit(memory_mb);

    if (rl.rlim_cur != 0) {
        (void) prlimit(pid, RLIMIT_DATA, &rl, NULL);
    }
}


static void
sup_on_memory(evutil_socket_t fd, short what, void *data)
{
    uint32_t         i;
    sup_env_t       *env;
    struct event   **ev = data;

    (void) fd;
    (void) what;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (env->used && env->spawned && !env->ending && !env->dead
            && (sup.board.envs[i].state == FAAS_ENV_BUSY
                || sup.board.envs[i].state == FAAS_ENV_INIT))
        {
            sup_reap_memory(env);
        }
    }

    sup_timer(*ev, SUP_MEMORY_MS);
}


void
sup_memory_watch(void)
{
    static struct event  *ev;

    if (sup_cgroup_has_memory() || ev != NULL) {
        return;
    }

    ev = evtimer_new(sup.base, sup_on_memory, &ev);

    if (ev != NULL) {
        sup_timer(ev, SUP_MEMORY_MS);
    }
}


/* An invocation has run so long that its worker must be dead or hung. */

static int
sup_reap_overdue(sup_env_t *env, uint64_t now)
{
    faas_fn_t   *f;
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];
    f = &sup.board.fns[e->fn];

    /* a program behind faas-web has connections that last as they like */

    if (env->version != NULL && env->version->kind == SUP_RT_WEB) {
        return 0;
    }

    if (e->state != FAAS_ENV_BUSY || now < e->busy_ms
        || now - e->busy_ms < (uint64_t) f->timeout_ms + SUP_BACKSTOP_MS)
    {
        return 0;
    }

    sup_log(SUP_LOG_ALERT, 0, "%s is busy for %u ms, its timeout is %u ms, "
            "and no worker ended it: killed", sup_env_text(env),
            (unsigned) (now - e->busy_ms), f->timeout_ms);

    sup_env_end(env, FAAS_WHY_TIMEOUT);

    return 1;
}


/*
 * Ends an environment; one that is busy only when it is old, after what it
 * runs.  One that is provisioned is replaced first: the function asks for one
 * more and this one goes when it is there.
 */

static void
sup_reap_end(sup_env_t *env, uint32_t why)
{
    sup_fn_t   *fn;
    faas_fn_t  *f;

    fn = env->version->fn;
    f = &sup.board.fns[fn->index];

    if (f->provisioned != 0 && why != FAAS_WHY_IDLE) {

        if (f->n_envs - f->n_starting <= f->provisioned) {

            if (fn->failures < 2) {      /* one is no pattern */
                fn->surplus = 1;
                sup_pool_provision(fn);
                return;
            }
        }

        fn->surplus = 0;
    }

    if (faas_env_drain(&sup.board, env->slot, why, 0)) {
        sup_env_end(env, why);

    } else if (why == FAAS_WHY_AGE) {
        (void) faas_env_drain(&sup.board, env->slot, why, 1);

    } else {
        return;
    }

    sup_pool_provision(fn);
}


static void
sup_reap_idle(sup_env_t *env, uint64_t now)
{
    uint32_t        state;
    uint64_t        idle;
    faas_fn_t      *f;
    faas_env_t     *e;
    sup_version_t  *v;

    v = env->version;
    e = &sup.board.envs[env->slot];
    f = &sup.board.fns[e->fn];
    state = e->state;

    if (v == NULL || (state != FAAS_ENV_IDLE && state != FAAS_ENV_BUSY)) {
        return;
    }

    if (v->fn->removed) {

        if (state == FAAS_ENV_IDLE) {
            sup_env_end(env, FAAS_WHY_REMOVED);
        }

        return;
    }

    if (v->max_age_ms != 0 && now - e->born_ms >= v->max_age_ms) {
        sup_reap_end(env, FAAS_WHY_AGE);
        return;
    }

    if (state != FAAS_ENV_IDLE) {
        return;
    }

    /* near its last request: have the next one ready in time */

    if (f->provisioned != 0 && f->max_requests != 0
        && e->requests + f->max_requests / 10 + 1 >= f->max_requests
        && e->requests > 0)
    {
        sup_reap_end(env, FAAS_WHY_REQUESTS);
        return;
    }

    /* a worker may have given it back since we looked at the clock */

    idle = e->idle_ms;
    idle = now > idle ? now - idle : 0;

    if (v->idle_timeout_ms != 0 && f->n_envs > f->provisioned
        && idle >= v->idle_timeout_ms)
    {
        sup_reap_end(env, FAAS_WHY_IDLE);
    }
}


void
sup_pool_tick(void)
{
    uint32_t     i;
    uint64_t     now;
    sup_env_t   *env;
    faas_env_t  *e;

    now = faas_now_ms();

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];
        e = &sup.board.envs[i];

        if (!env->used || !env->spawned || env->ending || env->dead
            || e->fn >= sup.board.head->max_functions)
        {
            continue;
        }

        if (env->seen_requests != e->requests + 1
            || e->state == FAAS_ENV_BUSY)
        {
            env->seen_requests = e->requests + 1;
            sup_sample(env);
        }

        if (!env->ending && !sup_reap_overdue(env, now)) {
            sup_reap_idle(env, now);
        }
    }

    for (i = 0; i < sup.board.head->max_functions; i++) {
        if (sup.fns[i].live != NULL) {
            sup_init_proven(&sup.fns[i]);
            sup_pool_provision(&sup.fns[i]);
        }
    }

    sup_strays_tick();
    sup_refill_soon();
}
