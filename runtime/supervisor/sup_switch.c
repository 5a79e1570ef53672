/*
 * A changed function: the new version starts its environments beside the old
 * ones and takes over when they are ready; when they do not start, the last
 * good version goes on serving.
 *
 * Runs in the supervisor.
 */

#include <stdio.h>
#include <string.h>

#include "sup.h"


#define SUP_SWITCH_STALL_MS  10000


/* Environments of one version that are being started or wait for the switch. */

static uint32_t
sup_switch_count(sup_version_t *v, int ready_only)
{
    uint32_t     i, n;
    sup_env_t   *env;
    faas_env_t  *e;

    n = 0;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];
        e = &sup.board.envs[i];

        if (!env->used || env->version != v || env->ending) {
            continue;
        }

        if (e->state == FAAS_ENV_READY
            || (!ready_only && e->state == FAAS_ENV_INIT))
        {
            n++;
        }
    }

    return n;
}


/* As many as work now, so that the switch is not felt as a cold start. */

static void
sup_switch_want(sup_fn_t *fn)
{
    uint32_t  busy, room;

    busy = sup.board.fns[fn->index].n_envs;
    fn->next_want = busy > fn->next->provisioned ? busy
                                                 : fn->next->provisioned;

    if (fn->next->concurrency != 0 && fn->next_want > fn->next->concurrency) {
        fn->next_want = fn->next->concurrency;
    }

    room = sup.max_envs > sup.n_active ? sup.max_envs - sup.n_active : 0;

    if (fn->next_want > room) {
        fn->next_want = room;
    }

    if (fn->next_want == 0) {
        fn->next_want = 1;
    }
}


/*
 * No room for a single environment of the new version, and nobody else has
 * one to spare: the old version gives one up, which ends after what it runs.
 * It is not its last one, unless there was no room for a long time.
 */

static void
sup_switch_give(sup_fn_t *fn)
{
    int          busy;
    uint32_t     i;
    uint64_t     now;
    sup_env_t   *env, *best;

    now = faas_now_ms();

    if (fn->next_stall_ms == 0) {
        fn->next_stall_ms = now;
    }

    if (sup.board.fns[fn->index].n_envs < 2
        && now - fn->next_stall_ms < SUP_SWITCH_STALL_MS)
    {
        return;
    }

    best = NULL;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (!env->used || env->dead || sup.board.envs[i].fn != fn->index) {
            continue;
        }

        if (env->ending || sup.board.envs[i].state == FAAS_ENV_DRAIN) {
            return;                      /* one is on its way out */
        }

        busy = sup.board.envs[i].state == FAAS_ENV_BUSY;

        if (busy || sup.board.envs[i].state == FAAS_ENV_IDLE) {
            best = best == NULL || !busy ? env : best;
        }
    }

    if (best == NULL) {
        return;
    }

    sup_log(SUP_LOG_NOTICE, 0, "%s makes room for the new version",
            sup_env_text(best));

    if (faas_env_drain(&sup.board, best->slot, FAAS_WHY_REPLACED, 0)) {
        sup_env_end(best, FAAS_WHY_REPLACED);

    } else {
        (void) faas_env_drain(&sup.board, best->slot, FAAS_WHY_REPLACED, 1);
    }
}


/* Others have taken the room there was: what there is has to do. */

static void
sup_switch_fewer(sup_fn_t *fn, uint32_t n)
{
    if (n == 0) {
        sup_switch_give(fn);
        return;
    }

    sup_log(SUP_LOG_NOTICE, 0, "no room for %u environments of the new "
            "version of function \"%s\": it takes over with %u",
            fn->next_want, fn->name, n);

    fn->next_want = n;
    sup_switch_ready(fn);
}


/* Starts what is lacking of the new version. */

void
sup_switch_go(sup_fn_t *fn)
{
    int       rc;
    uint32_t  n;

    if (fn->next == NULL || fn->next->code_state == SUP_CODE_BUSY
        || fn->next_retry_ms > faas_now_ms() || sup.stage != SUP_RUNNING)
    {
        return;
    }

    if (fn->next->code_state == SUP_CODE_FAILED) {
        sup_switch_failed(fn, FAAS_WHY_INIT_ERROR, fn->next->code_error);
        return;
    }

    for (n = sup_switch_count(fn->next, 0); n < fn->next_want; n++) {
        rc = sup_pool_start(fn->next, fn->next->provisioned > n);

        if (rc == SUP_FULL) {
            sup_switch_fewer(fn, n);
            return;
        }

        if (rc != SUP_OK) {
            return;
        }
    }

    fn->next_stall_ms = 0;
}


void
sup_switch_begin(sup_fn_t *fn, sup_version_t *v)
{
    sup_switch_cancel(fn);

    fn->next = v;
    fn->next_failures = 0;
    fn->next_retry_ms = 0;
    fn->next_stall_ms = 0;
    sup_switch_want(fn);

    sup_log(SUP_LOG_NOTICE, 0, "function \"%s\" has changed: starting %u "
            "environments of version %u, version %u serves until then",
            fn->name, fn->next_want, v->number, fn->live->number);

    sup_switch_go(fn);
}


void
sup_switch_cancel(sup_fn_t *fn)
{
    uint32_t        i;
    sup_version_t  *v;

    v = fn->next;
    fn->next = NULL;

    if (v == NULL) {
        return;
    }

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (sup.envs[i].used && sup.envs[i].version == v) {
            sup_env_end(&sup.envs[i], FAAS_WHY_REPLACED);
        }
    }

    sup_version_release(v);
}


/* One more environment of the new version is ready. */

void
sup_switch_ready(sup_fn_t *fn)
{
    sup_version_t  *v;

    v = fn->next;

    if (v == NULL || sup_switch_count(v, 1) < fn->next_want) {
        return;
    }

    fn->next = NULL;
    sup_saved_write(fn, fn->live, v);
    sup_version_live(v);

    sup_log(SUP_LOG_NOTICE, 0, "function \"%s\": version %u is live",
            fn->name, v->number);

    sup_pool_collect();
    sup_classes_count();
    sup_pool_provision(fn);
}


void
sup_switch_failed(sup_fn_t *fn, uint32_t why, const char *text)
{
    char      shown[FAAS_ERROR_MAX * 2];
    uint64_t  wait;

    (void) sup_escape(shown, sizeof(shown), text, strlen(text));

    sup_log(SUP_LOG_ERROR, 0, "new version of function \"%s\" failed to "
            "start: %s: %s; version %u goes on serving", fn->name,
            faas_why_name(why), shown, fn->live->number);

    wait = 1000u << (fn->next_failures < 5 ? fn->next_failures : 5);
    fn->next_failures++;
    fn->next_retry_ms = faas_now_ms() + (wait > SUP_BACKOFF_MAX_MS
                                         ? SUP_BACKOFF_MAX_MS : wait);
}


void
sup_switch_tick(void)
{
    uint32_t        i;
    sup_fn_t       *fn;
    sup_version_t  *v;

    for (i = 0; i < sup.board.head->max_functions; i++) {
        fn = &sup.fns[i];
        v = fn->next;

        if (v == NULL || fn->next_retry_ms > faas_now_ms()) {
            continue;
        }

        if (v->code_state == SUP_CODE_FAILED) {
            sup_code_prepare(v);
        }

        sup_switch_go(fn);
    }
}
