/*
 * New processes: a slot of the scoreboard, the order to a zygote, and what
 * becomes of it.
 *
 * Runs in the supervisor.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sup.h"


#define SUP_SPAWN_MS       10000
#define SUP_SPAWN_PENDING  64            /* a zygote */


void
sup_spawn_init(void)
{
    uint32_t    i;
    sup_env_t  *env;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];
        env->slot = i;
        env->pidfd = -1;
        env->control = -1;
        env->log = -1;
        env->tasks[0] = -1;
        env->tasks[1] = -1;
        env->tasks[2] = -1;
        env->peak_fd = -1;
    }
}


/* "N.G": the name of the slot's socket and FIFO. */

const char *
sup_slot_name(uint32_t slot)
{
    static char  name[32];

    (void) snprintf(name, sizeof(name), "%u.%u", slot,
                    sup.board.envs[slot].generation);

    return name;
}


static int
sup_spawn_free(uint32_t slot)
{
    return !sup.envs[slot].used
           && sup.board.envs[slot].state == FAAS_ENV_FREE;
}


/* One that has nothing of its last environment, nor of an earlier run's. */

static uint32_t
sup_spawn_slot(void)
{
    uint32_t  i;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (sup_spawn_free(i) && (!sup.boxed || sup_cgroup_empty(i))) {
            return i;
        }
    }

    return FAAS_NIL;
}


int
sup_spawn_room(void)
{
    uint32_t  i;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (sup_spawn_free(i)) {
            return 1;
        }
    }

    return 0;
}


static uint32_t
sup_spawn_pending(sup_zygote_t *z)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (sup.envs[i].used && sup.envs[i].zygote == z
            && !sup.envs[i].spawned)
        {
            n++;
        }
    }

    return n;
}


void
sup_on_env_timer(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;

    sup_env_timeout(data);
}


/*
 * Orders an environment of class C, for version V or, with NULL, a blank.
 * NULL with *RC = SUP_AGAIN when there is nothing to be had just now.
 */

sup_env_t *
sup_spawn(sup_class_t *c, sup_version_t *v, int provisioned, int *rc)
{
    uint32_t     slot;
    sup_env_t   *env;
    faas_env_t  *e;

    *rc = SUP_AGAIN;

    if (!sup_zygote_ready(c->zygote)
        || sup_spawn_pending(c->zygote) >= SUP_SPAWN_PENDING)
    {
        return NULL;
    }

    slot = sup_spawn_slot();

    if (slot == FAAS_NIL) {
        return NULL;
    }

    env = &sup.envs[slot];
    e = &sup.board.envs[slot];

    env->used = 1;
    env->class = c;
    env->zygote = c->zygote;
    env->version = v;
    env->known = v != NULL;
    env->provisioned = provisioned ? 1 : 0;

    e->fn = FAAS_NIL;
    e->version = 0;
    e->pid = 0;
    e->start_time = 0;
    e->memory = 0;
    e->kill = FAAS_WHY_NONE;
    e->why = FAAS_WHY_NONE;
    e->exit_code = 0;
    e->inflight = 0;
    e->requests = 0;
    e->init_us = 0;
    e->born_ms = faas_now_ms();
    e->state = FAAS_ENV_BLANK;

    if (env->timer == NULL) {
        env->timer = evtimer_new(sup.base, sup_on_env_timer, env);
    }

    *rc = env->timer != NULL ? sup_spawn_order(env) : SUP_ERROR;

    if (*rc != SUP_OK) {
        env->version = NULL;
        sup_env_forget(env);
        return NULL;
    }

    sup_timer(env->timer, SUP_SPAWN_MS);

    return env;
}


/* The zygote has made the process. */

void
sup_spawn_done(sup_env_t *env, pid_t pid)
{
    int          status;
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];

    env->spawned = 1;
    env->pid = pid;
    env->pidfd = sup_pidfd_open(pid);
    e->start_time = faas_process_start_time(pid);
    e->pid = pid;

    if (sup_exit_claim(pid, &status)) {
        sup_env_exited(env, status, 1);
        return;
    }

    if (env->ending) {
        sup_env_kill(env);
        return;
    }

    sup_env_spawned(env);

    if (sup.hungry) {
        sup.hungry = 0;
        sup_pool_demand_all();
    }
}


/* Clone failed, or its zygote died before it said that there is a process. */

void
sup_spawn_failed(sup_env_t *env, int err, const char *text)
{
    char  shown[512];

    (void) sup_escape(shown, sizeof(shown), text, strlen(text));

    sup_log(SUP_LOG_ERROR, err, "%s could not be made: %s",
            sup_env_text(env), shown);

    (void) snprintf(env->last, sizeof(env->last), "%.200s: %s", shown,
                    err ? strerror(err) : "failed");

    env->want_why = FAAS_WHY_SPAWN;
    sup_env_exited(env, 0, 0);
}


void
sup_spawn_lost(sup_zygote_t *z)
{
    uint32_t    i;
    sup_env_t  *env;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (env->used && env->zygote == z && !env->spawned) {
            env->reported = 1;           /* not the function's fault */
            sup_spawn_failed(env, 0, "its zygote died");
        }
    }
}


int
sup_spawn_any_pending(void)
{
    uint32_t  i;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (sup.envs[i].used && !sup.envs[i].spawned) {
            return 1;
        }
    }

    return 0;
}
