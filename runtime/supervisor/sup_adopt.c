/*
 * After a crash: the environments of the supervisor before us are adopted
 * from the scoreboard, what it had half made is cleared away, and processes
 * that belong to nobody are killed.
 *
 * Runs in the supervisor at start; takes the locks of functions.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"


#define SUP_STATUS_WAIT_MS  50


static int  sup_strays_wanted;


/*
 * A pidfd says that an adopted process has ended; how it ended the watchdog
 * says, since it is its child.  The two may come in any order.
 */

static void
sup_on_adopted_end(evutil_socket_t fd, short what, void *data)
{
    int         status;
    sup_env_t  *env = data;

    (void) fd;

    if (sup_exit_claim(env->pid, &status)) {
        sup_env_exited(env, status, 1);
        return;
    }

    if (what & EV_READ) {
        (void) event_del(env->pid_ev);
        (void) event_assign(env->pid_ev, sup.base, -1, 0, sup_on_adopted_end,
                            env);
        sup_timer(env->pid_ev, SUP_STATUS_WAIT_MS);
        return;
    }

    sup_env_exited(env, 0, 0);
}


static sup_version_t *
sup_adopt_version(faas_env_t *e)
{
    sup_version_t  *v;

    v = sup.fns[e->fn].live;

    return v != NULL && v->number == e->version ? v : NULL;
}


static int
sup_adopt_one(sup_env_t *env)
{
    int             dir;
    struct stat     st;
    faas_env_t     *e;

    e = &sup.board.envs[env->slot];

    if (e->fn >= sup.board.head->max_functions
        || fstatat(sup.env_dir, sup_slot_name(env->slot), &st, 0) == -1)
    {
        return SUP_ERROR;
    }

    env->pidfd = sup_pidfd_exact(e->pid, e->start_time);

    if (env->pidfd == -1) {
        return SUP_ERROR;
    }

    env->version = sup_adopt_version(e);
    env->class = env->version != NULL ? env->version->class : NULL;
    env->open = env->class != NULL && env->class->network != SUP_NET_EGRESS;

    if (sup_spawn_open_log(env) != SUP_OK) {
        sup_log(SUP_LOG_WARN, errno, "output of adopted environment %s is "
                "lost", sup_slot_name(env->slot));
    }

    if (sup.boxed && sup_cgroup_open(env, &dir) == SUP_OK && dir != -1)
    {
        (void) close(dir);
    }

    env->used = 1;
    env->adopted = 1;
    env->spawned = 1;
    env->blank_up = 1;
    env->inited = 1;
    env->was_ready = 1;
    env->pid = e->pid;

    if (env->version != NULL) {
        env->version->refs++;
    }

    env->timer = evtimer_new(sup.base, sup_on_env_timer, env);
    env->pid_ev = sup_event(env->pidfd, EV_READ, sup_on_adopted_end, env);
    sup.n_active++;

    return SUP_OK;
}


/* Whatever process the slot had goes, and with it the slot is free. */

static void
sup_adopt_clear(sup_env_t *env)
{
    int          fd;
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];
    fd = sup_pidfd_exact(e->pid, e->start_time);

    if (fd != -1) {
        (void) sup_pidfd_kill(fd, SIGKILL);
        (void) close(fd);
    }

    (void) sup_cgroup_kill(env->slot);

    if (e->state != FAAS_ENV_DEAD) {
        faas_env_dead(&sup.board, env->slot,
                      e->kill ? e->kill : FAAS_WHY_CRASHED, 0);
    }

    sup_workers_tell(env->slot, e->generation);

    /* the next look at the pool frees it when no lease refers to it */

    env->used = 1;
    env->dead = 1;
    env->spawned = 1;
}


static void
sup_adopt_slot(sup_env_t *env, uint32_t *n)
{
    faas_env_t  *e;

    e = &sup.board.envs[env->slot];

    if (e->pid == 0 && e->state == FAAS_ENV_FREE) {
        return;
    }

    switch (e->state) {

    case FAAS_ENV_IDLE:
    case FAAS_ENV_BUSY:
        if (sup_adopt_one(env) == SUP_OK) {
            (*n)++;
            return;
        }

        break;

    default:
        break;
    }

    sup_adopt_clear(env);
}


static void
sup_adopt_foreign(uint32_t slot)
{
    if (slot >= sup.board.head->max_envs || !sup.envs[slot].adopted) {
        if (sup_cgroup_kill(slot) > 0) {
            sup_log(SUP_LOG_NOTICE, 0, "processes of an earlier run in slot "
                    "%u were killed", slot);
        }
    }
}


/* The environments of a run whose board was put aside by a new master. */

static void
sup_adopt_previous(void)
{
    int            fd;
    uint32_t       i, n;
    faas_env_t    *e;
    faas_board_t   prev;

    memset(&prev, 0, sizeof(prev));

    if (faas_board_open(sup_run_path(FAAS_RUN_BOARD_PREV), &prev) != 0) {
        return;
    }

    n = 0;

    for (i = 0; i < prev.head->max_envs; i++) {
        e = &prev.envs[i];

        if (e->state == FAAS_ENV_FREE || e->pid <= 0) {
            continue;
        }

        fd = sup_pidfd_exact(e->pid, e->start_time);

        if (fd != -1) {
            (void) sup_pidfd_kill(fd, SIGKILL);
            (void) close(fd);
            n++;
        }
    }

    faas_board_close(&prev);

    if (n > 0) {
        sup_log(SUP_LOG_NOTICE, 0, "%u environments of an earlier run were "
                "killed", n);
    }
}


void
sup_adopt(void)
{
    uint32_t  i, n;

    n = 0;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        sup_adopt_slot(&sup.envs[i], &n);
    }

    sup_cgroup_slots(sup_adopt_foreign);
    sup_adopt_previous();

    if (n > 0) {
        sup_log(SUP_LOG_NOTICE, 0, "%u environments of the supervisor before "
                "were adopted", n);

    } else {
        sup_run_sweep();
    }

    sup_strays_soon();
}


void
sup_strays_soon(void)
{
    sup_strays_wanted = 1;
}


static void
sup_strays_of(pid_t parent)
{
    int      fd;
    char     path[64], buf[65536], *p, *end;
    pid_t    pid;
    ssize_t  n;

    (void) snprintf(path, sizeof(path), "/proc/%d/task/%d/children",
                    (int) parent, (int) parent);

    fd = open(path, O_RDONLY|O_CLOEXEC);

    if (fd == -1) {
        return;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    (void) close(fd);

    if (n <= 0) {
        return;
    }

    buf[n] = '\0';

    for (p = buf; *p != '\0'; p = end + strspn(end, " ")) {
        pid = (pid_t) strtol(p, &end, 10);

        if (end == p) {
            return;
        }

        if (pid == getpid() || sup_child_known(pid)
            || sup_env_by_pid(pid) != NULL)
        {
            continue;
        }

        sup_log(SUP_LOG_NOTICE, 0, "process %d belongs to no environment, "
                "killed", (int) pid);
        (void) kill(pid, SIGKILL);
    }
}


/* When it has died our parent is init, whose children are none of ours. */

static int
sup_parent_is_watchdog(void)
{
    socklen_t     len;
    struct ucred  peer;

    len = sizeof(peer);

    return sup.status_fd != -1
           && getsockopt(sup.status_fd, SOL_SOCKET, SO_PEERCRED, &peer, &len)
              == 0
           && peer.pid > 1 && peer.pid == getppid();
}


/* At the end, too, when all environments have gone: nobody else will. */

void
sup_strays_kill(void)
{
    sup_strays_of(getpid());

    if (sup_parent_is_watchdog()) {
        sup_strays_of(getppid());
    }
}


/*
 * Children that nobody has told us of: cloned by a zygote that died before it
 * could say so, or left behind by an environment without namespaces.  As long
 * as an answer of a zygote is on its way they are not strays.
 */

void
sup_strays_tick(void)
{
    if (!sup.boxed && sup.strays) {
        sup.strays = 0;
        sup_strays_wanted = 1;
    }

    if (!sup_strays_wanted || sup_spawn_any_pending()) {
        return;
    }

    sup_strays_wanted = 0;
    sup_strays_kill();
}
