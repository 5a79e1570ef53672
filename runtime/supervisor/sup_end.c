/*
 * The end of an environment: asked to go or killed, its exit understood, its
 * workers told, its slot made ready for the next.
 *
 * Runs in the supervisor; faas_env_drain() and faas_env_dead() take the
 * function's lock.
 */

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"


#define SUP_CRASH_GRACE_MS  100


/* Not for anything it did wrong. */

int
sup_orderly(uint32_t why)
{
    switch (why) {

    case FAAS_WHY_IDLE:
    case FAAS_WHY_AGE:
    case FAAS_WHY_REQUESTS:
    case FAAS_WHY_REPLACED:
    case FAAS_WHY_REMOVED:
    case FAAS_WHY_SHUTDOWN:
        return 1;

    default:
        return 0;
    }
}


static void
sup_env_signal(sup_env_t *env, int sig)
{
    if (env->pidfd != -1) {
        (void) sup_pidfd_kill(env->pidfd, sig);
    }
}


/*
 * The whole environment: the first process of its pid namespace takes the
 * others with it; without namespaces its process group has to do.
 */

void
sup_env_kill(sup_env_t *env)
{
    env->killed = 1;

    if (!env->spawned || env->dead) {
        return;
    }

    if (sup.boxed) {
        if (sup_run_ours()) {
            (void) sup_cgroup_kill(env->slot);
        }

    } else if (getpgid(env->pid) == env->pid) {
        (void) kill(-env->pid, SIGKILL);
    }

    sup_env_signal(env, SIGKILL);
}


/* Takes it out of all counts of what serves. */

static void
sup_env_uncount(sup_env_t *env)
{
    if (env->version != NULL || env->adopted) {
        sup.n_active--;

    } else {
        env->class->n_blank--;
    }
}


/* One with extensions needs longer than the 2 s that these have. */

static int
sup_end_bridge(const sup_env_t *env)
{
    return env->was_ready && env->class != NULL
           && env->class->kind == SUP_RT_PROVIDED
           && sup.isolation != FAAS_ISOLATION_UNKNOWN;
}


/* So long has a program of its own, which may have something to save. */

static int
sup_end_program(const sup_env_t *env)
{
    return env->was_ready && env->class != NULL
           && env->class->kind == SUP_RT_WEB;
}


/* Out of service and on its way out, however far it had come. */

void
sup_env_end(sup_env_t *env, uint32_t why)
{
    if (env->ending || env->dead) {
        return;
    }

    env->why = why;

    sup_env_init_over(env);
    (void) faas_env_drain(&sup.board, env->slot, why, 1);

    env->ending = 1;
    sup.n_ending++;
    sup_env_uncount(env);

    if (!env->spawned) {
        return;                          /* killed when its pid is known */
    }

    if (why == FAAS_WHY_CRASHED) {
        /*
         * A worker lost the connection: normally the process is exiting, and
         * how is worth knowing.
         */
        sup_timer(env->timer, sup_end_bridge(env) ? SUP_PROVIDED_GRACE_MS
                                                  : SUP_CRASH_GRACE_MS);
        return;
    }

    if (why == FAAS_WHY_TIMEOUT && sup_end_bridge(env)) {

        /* it kills what runs at once, and then tells extensions */

        (void) sup_env_send(env, FAAS_CTL_SHUTDOWN, FAAS_CTL_TIMEOUT,
                            sizeof(FAAS_CTL_TIMEOUT) - 1);
        sup_timer(env->timer, SUP_PROVIDED_GRACE_MS);
        return;
    }

    if (!sup_orderly(why) || sup.isolation == FAAS_ISOLATION_UNKNOWN) {
        sup_env_kill(env);
        return;
    }

    (void) sup_env_send(env, FAAS_CTL_SHUTDOWN, "", 0);
    sup_env_signal(env, SIGTERM);

    sup_timer(env->timer, sup_end_bridge(env) || sup_end_program(env)
                          ? SUP_PROVIDED_GRACE_MS : SUP_GRACE_MS);
}


/* Why it ended, and with which code or signal. */

static uint32_t
sup_env_reason(sup_env_t *env, int status, int known, int32_t *code)
{
    int       init;
    uint32_t  oom;

    *code = known ? (WIFSIGNALED(status) ? WTERMSIG(status)
                                         : WEXITSTATUS(status)) : 0;

    if (env->ending && env->why != FAAS_WHY_CRASHED) {
        return env->why;
    }

    if (env->want_why != FAAS_WHY_NONE) {
        return env->want_why;
    }

    oom = known && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL
          && sup_cgroup_ooms(env->slot) > env->ooms;

    if (oom) {
        return FAAS_WHY_OOM;
    }

    init = sup.board.envs[env->slot].state == FAAS_ENV_INIT
           || sup.board.envs[env->slot].state == FAAS_ENV_BLANK;

    if (known && WIFEXITED(status) && *code == FAAS_EXIT_SETUP
        && (init || env->class == NULL
            || env->class->kind == SUP_RT_FASTCGI))
    {
        return FAAS_WHY_SPAWN;
    }

    if (init) {
        return FAAS_WHY_INIT_CRASHED;
    }

    if (!known || (env->killed && WIFSIGNALED(status)
                   && WTERMSIG(status) == SIGKILL))
    {
        return FAAS_WHY_CRASHED;
    }

    return WIFSIGNALED(status) ? FAAS_WHY_SIGNALED : FAAS_WHY_EXITED;
}


static void
sup_env_log_end(sup_env_t *env, uint32_t why, int status, int known)
{
    int          level;
    char         how[64];
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];

    if (!known) {
        (void) snprintf(how, sizeof(how), "status not known");

    } else if (WIFSIGNALED(status)) {
        (void) snprintf(how, sizeof(how), "signal %d", WTERMSIG(status));

    } else {
        (void) snprintf(how, sizeof(how), "exit code %d",
                        WEXITSTATUS(status));
    }

    level = sup_orderly(why) ? SUP_LOG_INFO
            : why == FAAS_WHY_ABORTED ? SUP_LOG_INFO : SUP_LOG_ERROR;

    if (why == FAAS_WHY_OOM && env->version != NULL) {
        sup_log(level, 0, "%s ended: out of memory, limit %u MB (%s), after "
                "%u requests", sup_env_text(env), env->version->memory_mb,
                how, e->requests);
        return;
    }

    sup_log(level, 0, "%s ended: %s (%s), after %u requests",
            sup_env_text(env), faas_why_name(why), how, e->requests);
}


static void
sup_env_close(sup_env_t *env)
{
    const char  *name;

    sup_output_finish(env);

    if (env->timer != NULL) {
        (void) evtimer_del(env->timer);
    }

    if (env->control_ev != NULL) {
        event_free(env->control_ev);
        env->control_ev = NULL;
    }

    if (env->control != -1) {
        (void) close(env->control);
        env->control = -1;
    }

    if (env->pid_ev != NULL) {
        event_free(env->pid_ev);
        env->pid_ev = NULL;
    }

    if (env->pidfd != -1) {
        (void) close(env->pidfd);
        env->pidfd = -1;
    }

    free(env->in);
    env->in = NULL;
    env->in_len = 0;
    env->signo = 0;

    name = sup_slot_name(env->slot);
    (void) unlinkat(sup.env_dir, name, 0);
    (void) unlinkat(sup.log_dir, name, 0);

    if (sup.isolation == FAAS_ISOLATION_LANDLOCK) {
        sup_tmp_remove(env->slot);
    }
}


void
sup_env_forget(sup_env_t *env)
{
    struct event   *timer;
    sup_version_t  *v;

    sup_env_close(env);

    if (!sup.expelled) {
        sup_cgroup_reset(env);
    }

    v = env->version;

    faas_env_free(&sup.board, env->slot);

    timer = env->timer;
    env->seen_requests = 0;
    env->in_len = 0;
    env->pid = 0;
    env->ooms = 0;
    env->class = NULL;
    env->zygote = NULL;
    env->version = NULL;
    env->start_us = 0;
    env->why = FAAS_WHY_NONE;
    env->want_why = FAAS_WHY_NONE;
    env->last[0] = '\0';
    env->last_len = 0;
    env->rate_ms = 0;
    env->rate_lines = 0;
    env->dropped = 0;
    env->used = 0;
    env->spawned = 0;
    env->blank_up = 0;
    env->known = 0;
    env->inited = 0;
    env->was_ready = 0;
    env->ending = 0;
    env->killed = 0;
    env->adopted = 0;
    env->dead = 0;
    env->reported = 0;
    env->provisioned = 0;
    env->cut = 0;
    env->open = 0;
    env->warm = 0;
    env->timer = timer;

    if (v != NULL) {
        v->refs--;
        sup_version_release(v);
    }
}


/*
 * Free the slot of a dead environment: not before its workers have seen why
 * it died, and not while anything of it still runs under its uid.
 */

int
sup_env_free(sup_env_t *env)
{
    if (sup.board.envs[env->slot].inflight > 0
        && sup.stage == SUP_RUNNING)
    {
        return 0;
    }

    if (sup.boxed && sup_run_ours() && sup_cgroup_kill(env->slot) > 0)
    {
        return 0;
    }

    sup_env_forget(env);

    return 1;
}


/* Marks it dead on the board and lets those who hold a lease know. */

static void
sup_env_publish(sup_env_t *env, uint32_t why, int32_t code)
{
    int          tell;
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];
    tell = e->inflight > 0;

    faas_env_dead(&sup.board, env->slot, why, code);
    env->dead = 1;

    if (tell) {
        sup_workers_tell(env->slot, e->generation);
    }
}


static void
sup_env_count_end(sup_env_t *env)
{
    if (env->ending) {
        sup.n_ending--;
        return;
    }

    sup_env_init_over(env);
    sup_env_uncount(env);
}


/* Why it does not start, or ends, it may have told us just before. */

static void
sup_env_last_words(sup_env_t *env)
{
    if (env->inited && env->control != -1
        && ((env->class != NULL && (env->class->kind == SUP_RT_PROVIDED
                                    || env->class->kind == SUP_RT_WEB))
            || (!env->ending
                && sup.board.envs[env->slot].state == FAAS_ENV_INIT)))
    {
        sup_on_control(env->control, EV_READ, env);
    }
}


/*
 * A bridge that is the first process of its namespace cannot end by the signal
 * that ended its runtime, so it says which one it was.
 */

static int
sup_env_status(sup_env_t *env, int status)
{
    return env->signo > 0 && env->signo < 65 && WIFEXITED(status)
           && WEXITSTATUS(status) == 128 + env->signo ? env->signo : status;
}


/*
 * It counts as one that did not start: it never was ready, or it ended by
 * itself soon after, before anybody had asked it anything.  Such a one would
 * be started again and again where it is provisioned.
 */

static int
sup_env_not_started(sup_env_t *env, uint32_t *why)
{
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];

    if (env->version == NULL || env->reported) {
        return 0;
    }

    if (!env->was_ready || e->state == FAAS_ENV_READY
        || (*why == FAAS_WHY_SPAWN && e->requests == 0))
    {
        return 1;
    }

    if (env->ending || e->state != FAAS_ENV_IDLE || e->requests > 0
        || faas_now_ms() - e->born_ms > SUP_PROVEN_MS)
    {
        return 0;
    }

    *why = *why == FAAS_WHY_OOM ? FAAS_WHY_OOM : FAAS_WHY_INIT_CRASHED;

    return 1;
}


/* The process has ended; KNOWN is 0 when nobody could tell how. */

void
sup_env_exited(sup_env_t *env, int status, int known)
{
    int             init;
    char            last[256];
    int32_t         code;
    uint32_t        why, start_why;
    sup_version_t  *v;

    if (env->dead) {
        return;
    }

    v = env->version;
    sup_env_last_words(env);
    status = sup_env_status(env, status);
    sup_sample(env);
    sup_output_finish(env);

    why = sup_env_reason(env, status, known, &code);
    start_why = why;
    init = sup_env_not_started(env, &start_why);

    if (env->spawned) {
        sup_env_log_end(env, why, status, known);
    }

    (void) snprintf(last, sizeof(last), "%s", env->last);
    sup_env_count_end(env);
    sup_env_publish(env, why, code);
    sup.strays = 1;

    if (v == NULL && !sup_orderly(why) && env->class != NULL) {
        sup_blank_failed(env->class);
    }

    if (v != NULL) {
        v->refs++;                       /* sup_env_free() may be the last */
    }

    sup_env_close(env);
    (void) sup_env_free(env);

    if (v != NULL) {
        if (init) {
            sup_init_failed(v, start_why, WIFSIGNALED(status) ? -code : code,
                            last);
        }

        v->refs--;
        sup_pool_ended(v->fn);
        sup_version_release(v);
    }

    sup_pool_room();
}
