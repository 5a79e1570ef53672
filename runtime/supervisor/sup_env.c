/*
 * The good part of an environment's life: what it says on its control socket,
 * the INIT message, ready.  All that comes from it is hostile.
 *
 * Runs in the supervisor; faas_env_ready() takes the function's lock.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sup.h"


#define SUP_FRAME_HEAD  5


/* As log lines call it. */

const char *
sup_env_text(sup_env_t *env)
{
    const char   *name;
    static char   text[256];

    if (env->version == NULL && env->adopted
        && sup.board.envs[env->slot].fn < sup.board.head->max_functions)
    {
        name = sup.board.fns[sup.board.envs[env->slot].fn].name;

    } else if (env->version != NULL) {
        name = env->version->fn->name;

    } else {
        (void) snprintf(text, sizeof(text), "blank %s %s (pid %d)",
                        env->class ? env->class->name : "environment",
                        sup_slot_name(env->slot), (int) env->pid);
        return text;
    }

    (void) snprintf(text, sizeof(text), "function \"%s\" environment %s "
                    "(pid %d)", name, sup_slot_name(env->slot),
                    (int) env->pid);

    return text;
}


sup_env_t *
sup_env_by_pid(pid_t pid)
{
    uint32_t  i;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (sup.envs[i].used && !sup.envs[i].dead && sup.envs[i].pid == pid) {
            return &sup.envs[i];
        }
    }

    return NULL;
}


int
sup_env_send(sup_env_t *env, u_char type, const char *payload, size_t len)
{
    u_char         head[SUP_FRAME_HEAD];
    uint32_t       n;
    struct iovec   iov[2];
    struct msghdr  msg;

    if (env->control == -1 || len > FAAS_CTL_MAX) {
        errno = len > FAAS_CTL_MAX ? EMSGSIZE : EPIPE;
        return SUP_ERROR;
    }

    n = htonl((uint32_t) len);
    memcpy(head, &n, 4);
    head[4] = type;

    memset(&msg, 0, sizeof(msg));
    iov[0].iov_base = head;
    iov[0].iov_len = sizeof(head);
    iov[1].iov_base = (void *) payload;
    iov[1].iov_len = len;
    msg.msg_iov = iov;
    msg.msg_iovlen = 2;

    /* nothing else is ever in this buffer, so a frame fits or it is hostile */

    if (sendmsg(env->control, &msg, MSG_DONTWAIT|MSG_NOSIGNAL)
        != (ssize_t) (sizeof(head) + len))
    {
        return SUP_ERROR;
    }

    return SUP_OK;
}


static uint32_t
sup_init_limit(sup_env_t *env)
{
    return env->provisioned ? SUP_INIT_PROV_MS : SUP_INIT_MS;
}


/* Limits, code, INIT: makes a blank one of its version. */

static int
sup_env_specialise(sup_env_t *env, char *error, size_t size)
{
    int             rc;
    char           *msg;
    const char     *step;
    sup_version_t  *v;

    v = env->version;

    if (sup.boxed && v->kind < SUP_RT_NATIVE) {

        if (sup_cgroup_limit(env->slot, v->memory_mb) == -1) {
            (void) snprintf(error, size, "memory limit of %u MB cannot be "
                            "set: %s", v->memory_mb, strerror(errno));
            return SUP_ERROR;
        }

        sup_cgroup_cpu(env->slot, v->memory_mb, 0);
        sup_memory_process(env->pid, v->memory_mb);

        if (!env->known && sup_mount_function(env, &step) == -1) {
            (void) snprintf(error, size, "code folder %.300s cannot be "
                            "mounted: %s: %s", v->root, step,
                            strerror(errno));
            return SUP_ERROR;
        }
    }

    msg = sup_init_message(env);

    if (msg == NULL) {
        (void) snprintf(error, size, "out of memory");
        return SUP_ERROR;
    }

    rc = sup_env_send(env, FAAS_CTL_INIT, msg, strlen(msg));
    free(msg);

    if (rc != SUP_OK) {
        (void) snprintf(error, size, "init message cannot be sent: %s",
                        strerror(errno));
    }

    return rc;
}


/*
 * Loads the function once the environment belongs to a version and can be
 * given it: a blank when it is up, for its mounts have to be there, which may
 * be before its zygote has said that it exists.  One that has its code finds
 * the message when it is up, and nobody waits for the other.
 */

void
sup_env_init(sup_env_t *env)
{
    char  error[512];

    if (env->inited || env->ending || !env->spawned || env->version == NULL
        || (!env->blank_up && !env->known))
    {
        return;
    }

    env->inited = 1;
    sup_timer(env->timer, sup_init_limit(env));

    if (sup_env_specialise(env, error, sizeof(error)) != SUP_OK) {
        sup_log(SUP_LOG_ERROR, 0, "%s: %s", sup_env_text(env), error);
        (void) snprintf(env->last, sizeof(env->last), "%.255s", error);
        env->want_why = FAAS_WHY_SPAWN;
        sup_env_end(env, FAAS_WHY_SPAWN);
    }
}


/* The process exists.  Interpreters report when they are up. */

void
sup_env_spawned(sup_env_t *env)
{
    if (env->class->kind == SUP_RT_FASTCGI) {

        /*
         * A FastCGI program knows nothing of a control socket.  Requests wait
         * in the backlog of its listening socket until it accepts them.
         */

        env->inited = 1;
        sup_env_ready(env);
        return;
    }

    sup_env_init(env);
}


/* It is not being initialised any more, whatever its state on the board. */

void
sup_env_init_over(sup_env_t *env)
{
    if (env->counted) {
        env->counted = 0;
        sup.n_init--;
    }
}


void
sup_env_ready(sup_env_t *env)
{
    uint32_t        wake;
    faas_env_t     *e;
    sup_version_t  *v;

    v = env->version;
    e = &sup.board.envs[env->slot];

    (void) evtimer_del(env->timer);

    /* until here it may have all there is, as on Lambda */

    if (sup.boxed && v->cpu_milli != 0) {
        sup_cgroup_cpu(env->slot, v->memory_mb, v->cpu_milli);
    }

    e->init_us = (uint32_t) (faas_now_us() - env->start_us);

    /* the first invocation reports it, and the next look is far away */

    sup_sample(env);

    faas_env_ready(&sup.board, env->slot, faas_now_ms(), &wake);

    if (wake != FAAS_NIL) {
        sup_ring(wake);
    }

    if (v->capacity > 1) {
        sup_workers_nudge();             /* it may serve several at once */
    }

    sup_env_init_over(env);
    env->was_ready = 1;

    sup_log(SUP_LOG_INFO, 0, "%s is ready after %u.%03u ms",
            sup_env_text(env), e->init_us / 1000, e->init_us % 1000);

    if (v->fn->next == v) {
        sup_switch_ready(v->fn);
    }

    sup_refill_soon();
}


/* Broke the protocol of the control socket: nothing it does can be trusted. */

static void
sup_env_broke(sup_env_t *env, const char *what)
{
    sup_log(SUP_LOG_ERROR, 0, "%s: %s on its control socket, killed",
            sup_env_text(env), what);

    env->want_why = FAAS_WHY_PROTOCOL;
    sup_env_end(env, FAAS_WHY_PROTOCOL);
}


static void
sup_env_blank(sup_env_t *env)
{
    if (env->blank_up) {
        sup_env_broke(env, "second start message");
        return;
    }

    env->blank_up = 1;
    env->class->failures = 0;

    if (env->version != NULL) {
        sup_env_init(env);
        return;
    }

    (void) evtimer_del(env->timer);
    sup_refill_soon();
}


static void
sup_env_frame(sup_env_t *env, u_char type, char *payload, size_t len)
{
    switch (type) {

    case FAAS_CTL_BLANK:
        sup_env_blank(env);
        return;

    case FAAS_CTL_READY:
        if (sup.board.envs[env->slot].state != FAAS_ENV_INIT
            || !env->inited)
        {
            sup_env_broke(env, "unexpected ready message");
            return;
        }

        sup_env_ready(env);
        return;

    case FAAS_CTL_SIGNAL:
        env->signo = len == 1 ? (u_char) payload[0] : 0;
        return;

    case FAAS_CTL_LEAVES:
        sup_env_end(env, FAAS_WHY_CRASHED);
        return;

    case FAAS_CTL_ERROR:
        if (sup.board.envs[env->slot].state != FAAS_ENV_INIT
            || !env->inited)
        {
            sup_env_broke(env, "unexpected error message");
            return;
        }

        sup_init_error(env, payload, len);
        return;

    default:
        sup_env_broke(env, "unknown message");
        return;
    }
}


/* 1 when a whole frame was taken from the front of the buffer. */

static int
sup_env_take(sup_env_t *env)
{
    u_char    type;
    uint32_t  len;

    if (env->in_len < SUP_FRAME_HEAD) {
        return 0;
    }

    memcpy(&len, env->in, 4);
    len = ntohl(len);
    type = env->in[4];

    if (len > FAAS_CTL_MAX) {
        sup_env_broke(env, "oversized message");
        return 0;
    }

    if (env->in_len < SUP_FRAME_HEAD + len) {
        return 0;
    }

    /* of one that is on its way out only how it went is of interest */

    if (!env->ending || type == FAAS_CTL_SIGNAL) {
        sup_env_frame(env, type, (char *) env->in + SUP_FRAME_HEAD, len);
    }

    if (env->in == NULL) {
        return 0;
    }

    env->in_len -= SUP_FRAME_HEAD + len;
    memmove(env->in, env->in + SUP_FRAME_HEAD + len, env->in_len);

    return !env->ending;
}


void
sup_on_control(evutil_socket_t fd, short what, void *data)
{
    ssize_t     n;
    sup_env_t  *env = data;

    (void) what;

    if (env->in == NULL) {
        env->in = malloc(SUP_FRAME_HEAD + FAAS_CTL_MAX);
        if (env->in == NULL) {
            return;
        }
    }

    n = recv(fd, env->in + env->in_len,
             SUP_FRAME_HEAD + FAAS_CTL_MAX - env->in_len, MSG_DONTWAIT);

    if (n == -1 && (errno == EAGAIN || errno == EINTR)) {
        return;
    }

    if (n <= 0) {
        /* its end, if this is one, comes by way of its pid */
        (void) event_del(env->control_ev);
        return;
    }

    env->in_len += n;

    while (sup_env_take(env)) {
        /* void */
    }

    if (env->ending) {
        env->in_len = 0;
    }

    if (env->in != NULL && env->in_len == 0) {
        free(env->in);
        env->in = NULL;
    }
}


/* The one timer of an environment: what it is late for depends on where it
   is. */

void
sup_env_timeout(sup_env_t *env)
{
    if (!env->spawned) {
        sup_log(SUP_LOG_ALERT, 0, "zygote %s (pid %d) does not answer, "
                "killed", env->zygote->name, (int) env->zygote->pid);

        if (env->zygote->pid > 0) {
            (void) kill(env->zygote->pid, SIGKILL);
        }

        return;
    }

    if (env->ending) {
        sup_env_kill(env);
        return;
    }

    if (!env->inited) {
        sup_log(SUP_LOG_ERROR, 0, "%s did not start in time, killed",
                sup_env_text(env));
        (void) snprintf(env->last, sizeof(env->last),
                        "runtime did not start in time");
        env->want_why = FAAS_WHY_SPAWN;
        sup_env_end(env, FAAS_WHY_SPAWN);
        return;
    }

    if (sup.board.envs[env->slot].state == FAAS_ENV_INIT) {
        sup_log(SUP_LOG_ERROR, 0, "%s was not ready after %u ms of init, "
                "killed", sup_env_text(env), sup_init_limit(env));
        env->want_why = FAAS_WHY_INIT_TIMEOUT;
        sup_env_end(env, FAAS_WHY_INIT_TIMEOUT);
    }
}
