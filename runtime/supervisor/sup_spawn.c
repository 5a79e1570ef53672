/*
 * New processes: a slot of the scoreboard, its socket, log FIFO and cgroup,
 * and the order to a zygote to clone an environment into them.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sup.h"


#define SUP_SPAWN_MS       10000
#define SUP_SPAWN_PENDING  64            /* a zygote */
/* above any environment_concurrency: a full backlog looks like a death */
#define SUP_BACKLOG        4096


typedef struct {
    int     fds[8];                      /* in the order of faas_proto.h */
    int     n;
    int     keep;                        /* of them are not ours to close */
    int     kept[8];
} sup_spawn_fds_t;


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


/*
 * Bound by way of /proc, because a path under the run directory may be longer
 * than a socket address can hold for us who know it as a folder.
 */

static int
sup_spawn_listen(uint32_t slot)
{
    int                  fd;
    const char          *name;
    struct sockaddr_un   sun;

    fd = socket(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0);

    if (fd == -1) {
        return -1;
    }

    name = sup_slot_name(slot);

    memset(&sun, 0, sizeof(sun));
    sun.sun_family = AF_UNIX;
    (void) snprintf(sun.sun_path, sizeof(sun.sun_path),
                    "/proc/self/fd/%d/%s", sup.env_dir, name);

    (void) unlinkat(sup.env_dir, name, 0);

    if (bind(fd, (struct sockaddr *) &sun, sizeof(sun)) == -1
        || fchmodat(sup.env_dir, name, 0660, 0) == -1
        || (geteuid() == 0
            && fchownat(sup.env_dir, name, 0, sup.worker_gid, 0) == -1)
        || listen(fd, SUP_BACKLOG) == -1)
    {
        sup_log(SUP_LOG_CRIT, errno, "cannot make socket \"%s/%s\"",
                sup_run_path(FAAS_RUN_ENV), name);
        (void) unlinkat(sup.env_dir, name, 0);
        (void) close(fd);
        return -1;
    }

    return fd;
}


/*
 * The FIFO that is the environment's 1 and 2.  It gets a descriptor open for
 * both directions, so that writing never fails while we are being restarted.
 */

static int
sup_spawn_log(sup_env_t *env)
{
    int          fd;
    const char  *name;

    name = sup_slot_name(env->slot);
    (void) unlinkat(sup.log_dir, name, 0);

    /*
     * The folder is closed to all others; but an environment that opens
     * /dev/stderr anew is checked against this mode.
     */

    if (mkfifoat(sup.log_dir, name, 0600) == -1
        || fchmodat(sup.log_dir, name, 0622, 0) == -1)
    {
        sup_log(SUP_LOG_CRIT, errno, "cannot make FIFO \"%s/%s\"",
                sup_run_path(FAAS_RUN_LOG), name);
        return -1;
    }

    if (sup_spawn_open_log(env) != SUP_OK) {
        return -1;
    }

    fd = openat(sup.log_dir, name, O_RDWR|O_CLOEXEC);

    if (fd == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot open FIFO \"%s/%s\"",
                sup_run_path(FAAS_RUN_LOG), name);
    }

    return fd;
}


int
sup_spawn_open_log(sup_env_t *env)
{
    env->log = openat(sup.log_dir, sup_slot_name(env->slot),
                      O_RDONLY|O_NONBLOCK|O_CLOEXEC);

    if (env->log == -1) {
        return SUP_ERROR;
    }

    env->log_ev = sup_event(env->log, EV_READ|EV_PERSIST, sup_output_read,
                            env);

    return env->log_ev != NULL ? SUP_OK : SUP_ERROR;
}


static uint32_t
sup_spawn_slot(void)
{
    uint32_t  i;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (!sup.envs[i].used && sup.board.envs[i].state == FAAS_ENV_FREE) {
            return i;
        }
    }

    return FAAS_NIL;
}


int
sup_spawn_room(void)
{
    return sup_spawn_slot() != FAAS_NIL;
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


/* Descriptors of a SPAWN message; those made for it are closed after it. */

static int
sup_spawn_add(sup_spawn_fds_t *f, int fd, int keep)
{
    if (fd == -1) {
        return SUP_ERROR;
    }

    f->kept[f->n] = keep;
    f->fds[f->n++] = fd;

    return SUP_OK;
}


static void
sup_spawn_close(sup_spawn_fds_t *f)
{
    int  i;

    for (i = 0; i < f->n; i++) {
        if (!f->kept[i]) {
            (void) close(f->fds[i]);
        }
    }
}


static int
sup_spawn_files(sup_env_t *env, sup_spawn_fds_t *f)
{
    int  pair[2];

    if (sup_spawn_add(f, sup_spawn_listen(env->slot), 0) != SUP_OK
        || sup_spawn_add(f, sup_spawn_log(env), 0) != SUP_OK)
    {
        return SUP_ERROR;
    }

    if (socketpair(AF_UNIX, SOCK_STREAM|SOCK_CLOEXEC, 0, pair) == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot make a control socket");
        return SUP_ERROR;
    }

    env->control = pair[0];
    (void) evutil_make_socket_nonblocking(env->control);
    env->control_ev = sup_event(env->control, EV_READ|EV_PERSIST,
                                sup_on_control, env);

    return sup_spawn_add(f, pair[1], 0);
}


/* The parts of the sandbox that are not the same for all. */

static int
sup_spawn_sandbox(sup_env_t *env, sup_spawn_fds_t *f, faas_spawn_t *spawn)
{
    int             dir;
    sup_version_t  *v;

    v = env->version;

    spawn->flags = FAAS_SPAWN_NO_NEW_PRIVS;
    spawn->tmp_mb = v != NULL ? v->tmp_mb : SUP_TMP_MB;
    spawn->tmp_inodes = SUP_TMP_INODES;
    spawn->rlimit_nofile = SUP_NOFILE;

    if (sup.isolation != FAAS_ISOLATION_FULL) {
        return SUP_OK;
    }

    spawn->flags |= FAAS_SPAWN_NEWPID|FAAS_SPAWN_NEWNS|FAAS_SPAWN_NEWIPC
                    |FAAS_SPAWN_NEWUTS|FAAS_SPAWN_SETUID;
    spawn->uid = sup.uid_base + env->slot;

    if (sup_cgroup_open(env, &dir) != SUP_OK) {
        return SUP_ERROR;
    }

    if (dir != -1) {
        spawn->flags |= FAAS_SPAWN_CGROUP2;
        (void) sup_spawn_add(f, dir, 0);
    }

    if (env->tasks[0] != -1) {
        spawn->n_tasks++;
        (void) sup_spawn_add(f, env->tasks[0], 1);
    }

    if (env->tasks[1] != -1) {
        spawn->n_tasks++;
        (void) sup_spawn_add(f, env->tasks[1], 1);
    }

    if (v != NULL && sup_cgroup_limit(env->slot, v->memory_mb) == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot set memory limit of %u MB for "
                "%s", v->memory_mb, sup_env_text(env));
        return SUP_ERROR;
    }

    if (v != NULL && v->kind >= SUP_RT_NATIVE) {
        spawn->flags |= FAAS_SPAWN_TREE;

        if (sup_spawn_add(f, sup_mount_tree(v->root), 0) != SUP_OK) {
            sup_log(SUP_LOG_ERROR, errno, "cannot mount code \"%s\" of "
                    "function \"%s\"", v->root, v->fn->name);
            return SUP_ERROR;
        }
    }

    return SUP_OK;
}


static int
sup_spawn_send(sup_env_t *env, sup_spawn_fds_t *f, char *buf, size_t len)
{
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  align;
        char            buf[CMSG_SPACE(sizeof(int) * 8)];
    } control;

    memset(&msg, 0, sizeof(msg));
    memset(&control, 0, sizeof(control));

    iov.iov_base = buf;
    iov.iov_len = len;
    msg.msg_iov = &iov;
    msg.msg_iovlen = 1;
    msg.msg_control = control.buf;
    msg.msg_controllen = CMSG_SPACE(sizeof(int) * f->n);

    cmsg = CMSG_FIRSTHDR(&msg);
    cmsg->cmsg_level = SOL_SOCKET;
    cmsg->cmsg_type = SCM_RIGHTS;
    cmsg->cmsg_len = CMSG_LEN(sizeof(int) * f->n);
    memcpy(CMSG_DATA(cmsg), f->fds, sizeof(int) * f->n);

    if (sendmsg(env->zygote->fd, &msg, MSG_DONTWAIT|MSG_NOSIGNAL) == -1) {

        /* when it has died SIGCHLD says so, and its successor is asked */

        if (errno == EAGAIN || errno == EPIPE || errno == ECONNRESET) {
            return SUP_AGAIN;
        }

        sup_log(SUP_LOG_ALERT, errno, "cannot ask zygote %s for a process",
                env->zygote->name);
        return SUP_ERROR;
    }

    return SUP_OK;
}


static int
sup_spawn_order(sup_env_t *env)
{
    int              rc;
    size_t           len;
    faas_spawn_t     spawn;
    sup_spawn_fds_t  f;

    static char  buf[FAAS_SPAWN_MAX];

    memset(&f, 0, sizeof(f));
    memset(&spawn, 0, sizeof(spawn));

    spawn.magic = FAAS_SPAWN_MAGIC;
    spawn.slot = env->slot;
    spawn.generation = sup.board.envs[env->slot].generation;

    rc = SUP_ERROR;

    if (sup_spawn_files(env, &f) == SUP_OK
        && sup_spawn_sandbox(env, &f, &spawn) == SUP_OK)
    {
        len = sup_command(env, buf, sizeof(spawn), sizeof(buf), &spawn);

        if (len == 0) {
            sup_log(SUP_LOG_ERROR, 0, "command line and variables of %s are "
                    "too long", sup_env_text(env));

        } else {
            memcpy(buf, &spawn, sizeof(spawn));
            rc = sup_spawn_send(env, &f, buf, len);
        }
    }

    sup_spawn_close(&f);

    return rc;
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
