/*
 * The order to a zygote to clone an environment: its socket, its log, its
 * place in the sandbox, and the message with all of these.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sup.h"


/* above any environment_concurrency: a full backlog looks like a death */
#define SUP_BACKLOG        4096

/* of a SPAWN message */
#define SUP_SPAWN_FDS      12


typedef struct {
    int     fds[SUP_SPAWN_FDS];          /* in the order of faas_proto.h */
    int     n;
    int     kept[SUP_SPAWN_FDS];         /* not ours to close */
} sup_spawn_fds_t;


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
    int  pair[2], off;

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

    off = 0;
    (void) setsockopt(env->control, SOL_SOCKET, SO_PASSRIGHTS, &off,
                      sizeof(int));

    env->control_ev = sup_event(env->control, EV_READ|EV_PERSIST,
                                sup_on_control, env);

    return sup_spawn_add(f, pair[1], 0);
}


/* User code may run before we hear of the process: it is born limited. */

static int
sup_spawn_limits(sup_env_t *env)
{
    sup_version_t  *v;

    v = env->version;

    if (sup_cgroup_limit(env->slot, v->memory_mb) == -1) {
        sup_log(SUP_LOG_CRIT, errno, "cannot set memory limit of %u MB for "
                "%s", v->memory_mb, sup_env_text(env));
        return SUP_ERROR;
    }

    sup_cgroup_cpu(env->slot, v->memory_mb, 0);

    return SUP_OK;
}


/* What is known from the start when the function is. */

static int
sup_spawn_version(sup_env_t *env, sup_spawn_fds_t *f, faas_spawn_t *spawn)
{
    const char     *step;
    sup_trees_t     trees;
    sup_version_t  *v;

    v = env->version;

    if (v->kind >= SUP_RT_NATIVE && sup_spawn_limits(env) != SUP_OK) {
        return SUP_ERROR;
    }

    if (v->image && sup_start_image(v) != SUP_OK) {
        sup_log(SUP_LOG_ERROR, 0, "the settings of image \"%s\" of function "
                "\"%s\" cannot be read from \"%s\"", v->code, v->fn->name,
                v->root);
        return SUP_ERROR;
    }

    if (sup_mount_trees(v, spawn->uid, &trees, &step) == -1) {
        sup_log(SUP_LOG_ERROR, errno, "cannot mount \"%s\" of function "
                "\"%s\"", step, v->fn->name);
        return SUP_ERROR;
    }

    spawn->flags |= FAAS_SPAWN_TREE|(v->image ? FAAS_SPAWN_IMAGE : 0);
    (void) sup_spawn_add(f, trees.code, 0);

    if (sup_spawn_add(f, trees.shared, 0) == SUP_OK) {
        spawn->flags |= FAAS_SPAWN_SHARED;
    }

    if (sup_spawn_add(f, trees.opt, 0) == SUP_OK) {
        spawn->flags |= FAAS_SPAWN_LAYERS;
    }

    return SUP_OK;
}


/*
 * Without namespaces: what may be looked at and written to is named from the
 * start, so there are no blanks.
 */

static int
sup_landlock_spawn(sup_env_t *env, sup_spawn_fds_t *f, faas_spawn_t *spawn)
{
    if (env->version != NULL && env->version->kind == SUP_RT_PROVIDED) {

        /* everybody on this host could talk to its Runtime API */

        sup_log(SUP_LOG_ERROR, 0, "runtime \"%s\" of function \"%s\" needs "
                "network namespaces, which there are none of",
                env->version->runtime, env->version->fn->name);
        return SUP_ERROR;
    }

    if (env->version == NULL || sup_tmp_make(env->slot) != SUP_OK) {
        return SUP_ERROR;
    }

    spawn->flags |= FAAS_SPAWN_LANDLOCK|FAAS_SPAWN_TREE|FAAS_SPAWN_SHARED;

    if (sup_spawn_add(f, open(env->version->root, O_PATH|O_CLOEXEC), 0)
        != SUP_OK
        || sup_spawn_add(f, open(sup_run_path(sup_tmp_name(env->slot)),
                                 O_PATH|O_CLOEXEC), 0) != SUP_OK
        || sup_spawn_add(f, open(sup.runtime_dir, O_PATH|O_CLOEXEC), 0)
           != SUP_OK)
    {
        sup_log(SUP_LOG_ERROR, errno, "cannot open what function \"%s\" is "
                "to see", env->version->fn->name);
        return SUP_ERROR;
    }

    return SUP_OK;
}


static int
sup_spawn_groups(sup_env_t *env, sup_spawn_fds_t *f, faas_spawn_t *spawn)
{
    int  dir, i;

    if (sup_cgroup_open(env, &dir) != SUP_OK) {
        return SUP_ERROR;
    }

    if (dir != -1) {
        spawn->flags |= FAAS_SPAWN_CGROUP2;
        (void) sup_spawn_add(f, dir, 0);
    }

    for (i = 0; i < 3; i++) {
        if (env->tasks[i] != -1) {
            spawn->n_tasks++;
            (void) sup_spawn_add(f, env->tasks[i], 1);
        }
    }

    return SUP_OK;
}


/* The parts of the sandbox that are not the same for all. */

static int
sup_spawn_sandbox(sup_env_t *env, sup_spawn_fds_t *f, faas_spawn_t *spawn)
{
    sup_version_t  *v;

    v = env->version;

    spawn->flags = FAAS_SPAWN_NO_NEW_PRIVS;
    spawn->tmp_mb = v != NULL ? v->tmp_mb : SUP_TMP_MB;
    spawn->tmp_inodes = SUP_TMP_INODES;
    spawn->rlimit_nofile = v != NULL && v->kind == SUP_RT_WEB
                           ? SUP_NOFILE_WEB : SUP_NOFILE;

    spawn->flags |= sup.scoped ? FAAS_SPAWN_SCOPED : 0;
    spawn->rlimit_data = v != NULL ? sup_memory_rlimit(v->memory_mb) : 0;

    if (!sup.boxed && geteuid() == 0) {

        /* less isolation is no reason to be root */

        spawn->flags |= FAAS_SPAWN_SETUID;
        spawn->uid = sup.worker_uid;
        spawn->gid = sup.worker_gid;
    }

    if (sup.isolation == FAAS_ISOLATION_LANDLOCK) {
        return sup_landlock_spawn(env, f, spawn);
    }

    if (!sup.boxed) {
        return SUP_OK;
    }

    spawn->flags |= FAAS_SPAWN_NEWPID|FAAS_SPAWN_NEWNS|FAAS_SPAWN_NEWIPC
                    |FAAS_SPAWN_NEWUTS|FAAS_SPAWN_NEWCGROUP;
    spawn->flags |= env->class->network == SUP_NET_NONE ? FAAS_SPAWN_NEWNET
                                                        : 0;

    if (sup.isolation == FAAS_ISOLATION_FULL) {
        spawn->flags |= FAAS_SPAWN_SETUID;
        spawn->uid = sup.uid_base + env->slot;

    } else {
        spawn->flags |= FAAS_SPAWN_NEWUSER;
        spawn->rlimit_nproc = SUP_PIDS_MAX;
    }

    env->open = env->class->network != SUP_NET_EGRESS;

    if (sup_spawn_groups(env, f, spawn) != SUP_OK) {
        return SUP_ERROR;
    }

    return v != NULL ? sup_spawn_version(env, f, spawn) : SUP_OK;
}


static int
sup_spawn_send(sup_env_t *env, sup_spawn_fds_t *f, char *buf, size_t len)
{
    struct iovec     iov;
    struct msghdr    msg;
    struct cmsghdr  *cmsg;

    union {
        struct cmsghdr  align;
        char            buf[CMSG_SPACE(sizeof(int) * SUP_SPAWN_FDS)];
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


int
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
        len = sizeof(spawn);

        if (env->class->filter != NULL) {
            spawn.filter_len = env->class->filter_len;
            memcpy(buf + len, env->class->filter, spawn.filter_len);
            len += spawn.filter_len;
        }

        len = sup_command(env, buf, len, sizeof(buf), &spawn);

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
