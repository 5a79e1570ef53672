/*
 * Blanks: runtimes that are up and hold no function yet.  Made in the
 * background after demand was served, so that a cold start pays for neither
 * process nor interpreter.
 *
 * Runs in the supervisor.
 */

#include <stdio.h>
#include <string.h>

#include "sup.h"


#define SUP_REFILL_MS        2
#define SUP_BLANKS_WARM      2           /* of a class */
#define SUP_REFILL_AT_ONCE   4
#define SUP_REFILL_POSTPONE  50


static int
sup_blank_is(sup_env_t *env, sup_class_t *c)
{
    return env->used && env->class == c && env->version == NULL
           && !env->ending && !env->dead && !env->adopted;
}


/* A blank of class C: a warm one, or one that is up, if there is one. */

sup_env_t *
sup_blank_take(sup_class_t *c)
{
    uint32_t    i;
    sup_env_t  *env, *best;

    best = NULL;

    for (i = 0; c->n_blank > 0 && i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (!sup_blank_is(env, c)) {
            continue;
        }

        if (best == NULL || env->blank_up > best->blank_up
            || (env->blank_up && env->warm > best->warm))
        {
            best = env;
        }

        if (best->blank_up && best->warm) {
            break;
        }
    }

    if (best != NULL) {
        c->n_blank--;
        sup_refill_soon();
    }

    return best;
}


/*
 * Tells the blanks that will be taken first to get their memory ready: that
 * takes them a few milliseconds, and most of the memory that they have for
 * themselves alone.
 */

void
sup_blanks_warm(sup_class_t *c)
{
    uint32_t    i, n;
    sup_env_t  *env;

    if (c->kind != SUP_RT_PYTHON && c->kind != SUP_RT_LANG) {
        return;
    }

    n = 0;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        n += sup_blank_is(&sup.envs[i], c) && sup.envs[i].warm;
    }

    for (i = 0; n < SUP_BLANKS_WARM && i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (sup_blank_is(env, c) && env->blank_up && !env->warm
            && sup_env_send(env, FAAS_CTL_WARM, "", 0) == SUP_OK)
        {
            env->warm = 1;
            n++;
        }
    }
}


/* Functions come first when slots are short. */

int
sup_blank_evict(void)
{
    uint32_t    i;
    sup_env_t  *env;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (env->used && env->version == NULL && !env->ending && !env->dead
            && !env->adopted && env->spawned)
        {
            sup_env_end(env, FAAS_WHY_SHUTDOWN);
            return 1;
        }
    }

    return 0;
}


void
sup_blanks_trim(sup_class_t *c)
{
    uint32_t    i;
    sup_env_t  *env;

    for (i = 0; c->n_blank > c->wanted && i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (env->used && env->class == c && env->version == NULL
            && !env->ending && !env->dead && !env->adopted)
        {
            sup_env_end(env, FAAS_WHY_SHUTDOWN);
        }
    }
}


/* A blank that ends by itself must not be made again in a tight loop. */

void
sup_blank_failed(sup_class_t *c)
{
    uint64_t  wait;

    wait = 100u << (c->failures < 8 ? c->failures : 8);
    c->failures++;
    c->retry_ms = faas_now_ms() + wait;
}


static int
sup_refill_class(sup_class_t *c)
{
    int         rc;
    uint32_t    i, starting;
    sup_env_t  *env;

    if (c->n_blank >= c->wanted || c->retry_ms > faas_now_ms()) {
        return 0;
    }

    starting = 0;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        env = &sup.envs[i];

        if (env->used && env->class == c && env->version == NULL
            && !env->blank_up && !env->ending && !env->dead)
        {
            starting++;
        }
    }

    while (c->n_blank < c->wanted && starting < SUP_REFILL_AT_ONCE) {

        if (sup_spawn(c, NULL, 0, &rc) == NULL) {

            if (rc == SUP_ERROR) {
                sup_blank_failed(c);
            }

            return 0;
        }

        c->n_blank++;
        starting++;
    }

    return 1;
}


static void
sup_on_refill(evutil_socket_t fd, short what, void *data)
{
    sup_class_t  *c;

    static unsigned  postponed;

    (void) fd;
    (void) what;
    (void) data;

    if (sup.stage != SUP_RUNNING) {
        return;
    }

    /* a function that takes its time to load must not hold up all others */

    if (sup.n_init > 0 && ++postponed < SUP_REFILL_POSTPONE) {
        sup_refill_soon();
        return;
    }

    postponed = 0;

    for (c = sup.classes; c != NULL; c = c->next) {
        sup_blanks_warm(c);
        (void) sup_refill_class(c);
    }
}


void
sup_refill_soon(void)
{
    if (sup.refill_ev == NULL) {
        sup.refill_ev = evtimer_new(sup.base, sup_on_refill, NULL);

        if (sup.refill_ev == NULL) {
            return;
        }
    }

    if (!evtimer_pending(sup.refill_ev, NULL)) {
        sup_timer(sup.refill_ev, SUP_REFILL_MS);
    }
}
