/*
 * Pools: environments for those who wait, provisioned ones, the ones nobody
 * needs any more, and room for others when the limit is reached.
 *
 * Runs in the supervisor; the faas_* calls take the function's lock.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sup.h"


/* Gives an environment to V; from here on it counts as starting. */

static void
sup_pool_assign(sup_env_t *env, sup_version_t *v, int provisioned)
{
    env->version = v;
    env->provisioned = provisioned ? 1 : 0;
    env->start_us = faas_now_us();
    sup.board.envs[env->slot].born_ms = faas_now_ms();
    env->counted = 1;
    v->refs++;
    sup.n_active++;
    sup.n_init++;

    faas_env_assign(&sup.board, env->slot, v->fn->index, v->number);
}


/*
 * The environment that is missed least: the longest idle one of another
 * function that has more than its provisioned ones.
 */

static sup_env_t *
sup_pool_victim(sup_fn_t *fn)
{
    uint32_t     i;
    sup_env_t   *env, *best;
    faas_fn_t   *f;
    faas_env_t  *e;

    best = NULL;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];
        e = &sup.board.envs[i];

        if (!env->used || env->ending || e->state != FAAS_ENV_IDLE
            || e->fn == fn->index || e->fn >= sup.board.head->max_functions)
        {
            continue;
        }

        f = &sup.board.fns[e->fn];

        if (f->n_envs <= f->provisioned) {
            continue;
        }

        if (best == NULL
            || e->idle_ms < sup.board.envs[best->slot].idle_ms)
        {
            best = env;
        }
    }

    return best;
}


static int
sup_pool_evict(sup_fn_t *fn)
{
    sup_env_t  *env;

    while ((env = sup_pool_victim(fn)) != NULL) {

        if (!faas_env_drain(&sup.board, env->slot, FAAS_WHY_IDLE, 0)) {
            continue;                    /* a worker was faster */
        }

        sup_log(SUP_LOG_INFO, 0, "%s ends to make room for function \"%s\"",
                sup_env_text(env), fn->name);
        sup_env_end(env, FAAS_WHY_IDLE);

        return 1;
    }

    return 0;
}


/*
 * A new version must be able to prove itself even when its own predecessor
 * has all the room: it may start one environment beyond the limit.
 */

static int
sup_pool_beyond(sup_version_t *v)
{
    return v->fn->next == v && v->refs == 0 && sup_spawn_room()
           && sup.n_active <= sup.max_envs;
}


/* No process to be had, and not for lack of room: waiting does not help. */

static void
sup_pool_broken(sup_version_t *v)
{
    if (v->fn->live == v && v->fn->failures == 0) {
        v->fn->failures = 1;
    }

    sup_init_failed(v, FAAS_WHY_SPAWN, 0, "the environment could not be "
                    "made, the log says why");
}


/*
 * One more environment for V.  SUP_AGAIN: later, something is on its way
 * that will call again; SUP_FULL: the limit of environments is reached;
 * SUP_ERROR: it cannot be made, which was reported.
 */

int
sup_pool_start(sup_version_t *v, int provisioned)
{
    int         rc;
    sup_env_t  *env;

    if (sup.stage != SUP_RUNNING || v->code_state != SUP_CODE_READY
        || v->class == NULL)
    {
        return SUP_AGAIN;
    }

    if (sup.n_active >= sup.max_envs && !sup_pool_evict(v->fn)
        && !sup_pool_beyond(v))
    {
        return SUP_FULL;
    }

    env = v->kind < SUP_RT_NATIVE ? sup_blank_take(v->class) : NULL;

    if (env != NULL) {
        sup_pool_assign(env, v, provisioned);
        sup_env_init(env);

        return SUP_OK;
    }

    env = sup_spawn(v->class, v, provisioned, &rc);

    if (env == NULL && rc == SUP_ERROR) {
        sup_pool_broken(v);
        return SUP_ERROR;
    }

    if (env == NULL) {

        if (!sup_spawn_room()) {
            (void) sup_blank_evict();
        }

        return SUP_AGAIN;
    }

    sup_pool_assign(env, v, provisioned);

    return SUP_OK;
}


static void
sup_pool_refuse(sup_fn_t *fn)
{
    uint32_t  wake;

    if (faas_now_ms() - fn->lack_logged_ms > 1000) {
        fn->lack_logged_ms = faas_now_ms();
        sup_log(SUP_LOG_WARN, 0, "no environment for function \"%s\": all %u "
                "of faas_max_environments are in use", fn->name,
                sup.max_envs);
    }

    if (faas_fn_fail_one(&sup.board, fn->index, FAAS_WHY_NO_CAPACITY, &wake))
    {
        sup_ring(wake);
    }
}


/*
 * Code or runtime that cannot be used counts as an environment that fails,
 * once for each attempt; the next attempt is made when the pause is over and
 * somebody asks again.  1 when the code can be used now.
 */

static int
sup_pool_usable(sup_fn_t *fn)
{
    char            shown[1024];
    sup_version_t  *v;

    v = fn->live;

    if (v->code_state == SUP_CODE_FAILED && v->code_told) {
        v->code_told = 0;
        sup_code_prepare(v);
    }

    if (v->code_state == SUP_CODE_FAILED) {
        v->code_told = 1;
        fn->failures = fn->failures < 1 ? 1 : fn->failures;
        (void) sup_escape(shown, sizeof(shown), v->code_error,
                          strlen(v->code_error));
        sup_log(SUP_LOG_ERROR, 0, "function \"%s\": %s", fn->name, shown);
        sup_init_failed(v, FAAS_WHY_SPAWN, 0, v->code_error);
    }

    return v->code_state == SUP_CODE_READY;
}


void
sup_pool_demand(sup_fn_t *fn)
{
    int       rc;
    uint32_t  n;

    if (fn->live == NULL || sup.stage != SUP_RUNNING) {
        return;
    }

    n = faas_fn_demand(&sup.board, fn->index);

    sup_workers_nudge();                 /* it may have found idle ones */

    if (n == 0) {
        return;
    }

    if (!sup_pool_usable(fn)) {
        return;
    }

    if (fn->live->class->zygote->no_start > 1) {
        fn->failures = fn->failures < 1 ? 1 : fn->failures;
        sup_init_failed(fn->live, FAAS_WHY_SPAWN, 0,
                        "the runtime's zygote does not start");
        return;
    }

    /* one that keeps failing proves itself with one environment first */

    sup_init_proven(fn);

    if (fn->failures > 1) {
        n = sup.board.fns[fn->index].n_starting == 0;
    }

    while (n--) {
        rc = sup_pool_start(fn->live, 0);

        if (rc == SUP_AGAIN) {
            sup.hungry = 1;
            break;
        }

        if (rc == SUP_ERROR) {
            break;
        }

        if (rc == SUP_FULL) {
            sup_pool_refuse(fn);
        }
    }
}


/* Without the locks of those for whom nobody waits. */

void
sup_pool_demand_all(void)
{
    uint32_t  i;

    for (i = 0; i < sup.board.head->max_functions; i++) {

        if (sup.board.fns[i].state == FAAS_FN_FREE) {
            break;
        }

        if (sup.board.fns[i].n_waiting > 0) {
            sup_pool_demand(&sup.fns[i]);
        }
    }
}


void
sup_pool_provision(sup_fn_t *fn)
{
    uint32_t        n, want;
    faas_fn_t      *f;
    sup_version_t  *v;

    v = fn->live;

    if (v == NULL || v->provisioned == 0 || fn->removed) {
        return;
    }

    sup_init_proven(fn);

    f = &sup.board.fns[fn->index];
    want = v->provisioned + fn->surplus;
    n = f->n_envs;

    if (n < want && faas_now_ms() >= f->backoff_until_ms
        && !sup_pool_usable(fn))
    {
        return;
    }

    /* the pause on the board ends when another one is ready */

    while (n++ < want && faas_now_ms() >= f->backoff_until_ms
           && faas_now_ms() >= fn->retry_ms
           && (fn->failures < 2 || f->n_starting == 0))
    {
        if (sup_pool_start(v, 1) != SUP_OK) {
            return;
        }
    }
}


/* An environment of FN has ended. */

void
sup_pool_ended(sup_fn_t *fn)
{
    /* first: it may have made the room itself */

    if (fn->next != NULL) {
        sup_switch_go(fn);
    }

    sup_pool_demand(fn);
    sup_pool_provision(fn);
}


/* A slot or a place below the limit may have become free. */

void
sup_pool_room(void)
{
    if (sup.stage == SUP_DRAINING) {
        sup_drained();
        return;
    }

    sup_pool_demand_all();
    sup_refill_soon();
}


/* What workers have put out of service, and dead ones nobody refers to. */

void
sup_pool_collect(void)
{
    uint32_t     i;
    sup_env_t   *env;
    faas_env_t  *e;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];
        e = &sup.board.envs[i];

        if (!env->used) {
            continue;
        }

        if (env->dead) {
            (void) sup_env_free(env);
            continue;
        }

        if (e->state == FAAS_ENV_DRAIN && !env->ending) {

            if (e->inflight > 0 && sup_orderly(e->kill)) {
                continue;                /* lets its invocations end */
            }

            sup_env_end(env, e->kill ? e->kill : FAAS_WHY_REPLACED);
        }
    }
}


/*
 * The folder of sockets was removed: no worker can reach them any more, but
 * by a connection it has.  Those that work end after that.
 */

void
sup_pool_lost_sockets(void)
{
    uint32_t      i, state;
    sup_env_t    *env;
    struct stat   st;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];
        state = sup.board.envs[i].state;

        if (!env->used || env->ending || env->dead
            || fstatat(sup.env_dir, sup_slot_name(i), &st, 0) == 0)
        {
            continue;
        }

        if ((state == FAAS_ENV_IDLE || state == FAAS_ENV_BUSY)
            && !faas_env_drain(&sup.board, i, FAAS_WHY_REPLACED, 0))
        {
            (void) faas_env_drain(&sup.board, i, FAAS_WHY_REPLACED, 1);
            continue;
        }

        sup_env_end(env, FAAS_WHY_REPLACED);
    }
}


void
sup_pool_end_fn(sup_fn_t *fn)
{
    uint32_t     i;
    sup_env_t   *env;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (!env->used || sup.board.envs[i].fn != fn->index) {
            continue;
        }

        if (faas_env_drain(&sup.board, i, FAAS_WHY_REMOVED, 0)) {
            sup_env_end(env, FAAS_WHY_REMOVED);
        }
    }
}


/* All of them; with FORCE those that still work as well. */

void
sup_pool_drain(int force)
{
    uint32_t     i;
    sup_env_t   *env;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (!env->used || env->dead) {
            continue;
        }

        if (env->ending) {
            if (force) {
                sup_env_kill(env);

                if (!env->spawned) {
                    sup_spawn_failed(env, 0, "supervisor ends");
                }
            }

            continue;
        }

        if (faas_env_drain(&sup.board, i, FAAS_WHY_SHUTDOWN, force)) {
            sup_env_end(env, FAAS_WHY_SHUTDOWN);
        }
    }
}
