/*
 * Zygotes: warm interpreters and the exec spawner, from which environments
 * are cloned as our own children.  Started, listened to, started again with
 * back-off when they die.
 *
 * Runs in the supervisor; sup_zygote_child() in the new process before exec.
 */

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"
#include "faas_sandbox.h"


#define SUP_ZYGOTE_STABLE_MS  5000
#define SUP_ZYGOTE_MAX_MS     10000
#define SUP_ZYGOTE_AGAIN_MS   10000


static void sup_zygote_start(sup_zygote_t *z);
static void sup_zygote_close(sup_zygote_t *z);


static void
sup_on_zygote_retry(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;

    sup_zygote_start(data);
    sup_look_over();
}


static sup_zygote_t *
sup_zygote_new(const char *name, const char *path)
{
    sup_zygote_t  *z;

    z = calloc(1, sizeof(sup_zygote_t));

    if (z == NULL) {
        return NULL;
    }

    z->fd = -1;
    z->log_fd = -1;
    (void) snprintf(z->name, sizeof(z->name), "%.31s", name);
    (void) snprintf(z->path, sizeof(z->path), "%.255s", path);

    z->retry_ev = evtimer_new(sup.base, sup_on_zygote_retry, z);
    z->next = sup.zygotes;
    sup.zygotes = z;

    return z;
}


sup_zygote_t *
sup_zygote_get(const char *name, const char *path)
{
    sup_zygote_t  *z;

    for (z = sup.zygotes; z != NULL; z = z->next) {
        if (strcmp(z->name, name) == 0 && !z->is_heir && !z->retired) {
            return z;
        }
    }

    return sup_zygote_new(name, path);
}


/* It is in nobody's way any more. */

static void
sup_zygote_free(sup_zygote_t *z)
{
    uint32_t        i;
    sup_zygote_t  **p;

    for (p = &sup.zygotes; *p != NULL; p = &(*p)->next) {
        if (*p == z) {
            *p = z->next;
            break;
        }
    }

    for (p = &sup.zygotes; *p != NULL; p = &(*p)->next) {
        if ((*p)->heir == z) {
            (*p)->heir = NULL;
            (*p)->recycle_ms = faas_now_ms() + SUP_ZYGOTE_AGAIN_MS;
        }
    }

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (sup.envs[i].zygote == z) {
            sup.envs[i].zygote = NULL;
        }
    }

    if (z->retry_ev != NULL) {
        event_free(z->retry_ev);
    }

    sup_zygote_close(z);
    free(z);
}


/*
 * What is forked from one zygote has the same hash seed and the same layout
 * of addresses: whoever learns them in one environment knows them of all.  So
 * a zygote serves for a while only.  The next one is started beside it and
 * takes over when it is up; blanks that there are stay.
 */

static void
sup_zygote_recycle(sup_zygote_t *z)
{
    uint64_t       now;
    sup_zygote_t  *heir;

    now = faas_now_ms();

    /* the spawner's children have their own by their exec */

    if (z->path[0] == '\0' || !z->up || z->heir != NULL || z->is_heir
        || z->retired || z->forks == 0 || now < z->recycle_ms
        || (z->forks < sup.zygote_forks
            && now - z->started_ms < SUP_ZYGOTE_AGE_MS))
    {
        return;
    }

    heir = sup_zygote_new(z->name, z->path);

    if (heir == NULL) {
        return;
    }

    heir->is_heir = 1;
    z->heir = heir;
    sup_zygote_start(heir);
}


/* With its last order done it goes. */

static void
sup_zygote_retire(sup_zygote_t *z)
{
    uint32_t  i;

    for (i = 0; i < sup.board.head->max_envs; i++) {
        if (sup.envs[i].used && sup.envs[i].zygote == z
            && !sup.envs[i].spawned)
        {
            return;
        }
    }

    if (z->retry_ev != NULL) {
        (void) evtimer_del(z->retry_ev);
    }

    if (z->pid > 0) {
        sup_zygote_close(z);
        (void) kill(z->pid, SIGKILL);
    }
}


static void
sup_zygote_inherit(sup_zygote_t *heir)
{
    sup_class_t   *c;
    sup_zygote_t  *z;

    heir->is_heir = 0;

    for (z = sup.zygotes; z != NULL && z->heir != heir; z = z->next) {
        /* void */
    }

    if (z == NULL) {
        return;
    }

    for (c = sup.classes; c != NULL; c = c->next) {
        if (c->zygote == z) {
            c->zygote = heir;
        }
    }

    sup_log(SUP_LOG_INFO, 0, "zygote %s (pid %d) takes over from pid %d, "
            "which made %u processes", heir->name, (int) heir->pid,
            (int) z->pid, z->forks);

    z->heir = NULL;
    z->retired = 1;
    sup_zygote_retire(z);
}


void
sup_zygotes_tick(void)
{
    sup_zygote_t  *z, *next;

    for (z = sup.zygotes; z != NULL; z = next) {
        next = z->next;

        if (!z->retired) {
            sup_zygote_recycle(z);
            continue;
        }

        sup_zygote_retire(z);

        if (z->pid == 0) {
            sup_zygote_free(z);
        }
    }
}


static void
sup_zygote_close(sup_zygote_t *z)
{
    if (z->log_ev != NULL) {
        sup_output_zygote(z->log_fd, 0, z);
        event_free(z->log_ev);
        z->log_ev = NULL;
    }

    if (z->read_ev != NULL) {
        event_free(z->read_ev);
        z->read_ev = NULL;
    }

    if (z->fd != -1) {
        (void) close(z->fd);
        (void) close(z->log_fd);
        z->fd = -1;
        z->log_fd = -1;
    }

    z->up = 0;
}


static void
sup_zygote_died(pid_t pid, int status, void *data)
{
    uint64_t       wait;
    sup_zygote_t  *z = data;

    z->no_start += !z->up;
    sup_zygote_close(z);
    z->pid = 0;

    if (sup.stage != SUP_RUNNING) {
        return;
    }

    if (z->retired) {
        sup_spawn_lost(z);
        sup_zygote_free(z);
        return;
    }

    if (z->is_heir) {
        sup_log(SUP_LOG_ALERT, 0, "zygote %s (pid %d) ended before it could "
                "take over, trying again in %d s", z->name, (int) pid,
                SUP_ZYGOTE_AGAIN_MS / 1000);
        sup_zygote_free(z);
        return;
    }

    if (faas_now_ms() - z->started_ms > SUP_ZYGOTE_STABLE_MS) {
        z->failures = 0;
    }

    wait = z->failures ? 50u << (z->failures < 8 ? z->failures : 8) : 0;
    wait = wait > SUP_ZYGOTE_MAX_MS ? SUP_ZYGOTE_MAX_MS : wait;
    z->failures++;

    sup_log(SUP_LOG_ALERT, 0, "zygote %s (pid %d) %s %d, starting another in "
            "%d ms", z->name, (int) pid,
            WIFSIGNALED(status) ? "was killed by signal" : "exited with code",
            WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
            (int) wait);

    sup_strays_soon();
    sup_timer(z->retry_ev, wait);
    sup_spawn_lost(z);
}


static void
sup_zygote_reply(sup_zygote_t *z, faas_zygote_reply_t *r)
{
    sup_env_t  *env;

    r->text[sizeof(r->text) - 1] = '\0';

    if (r->type == FAAS_ZYGOTE_UP) {
        z->up = 1;
        z->no_start = 0;
        z->forks = 0;
        (void) memcpy(z->version, r->text, sizeof(z->version));
        sup_log(SUP_LOG_INFO, 0, "zygote %s (pid %d) is up: %s", z->name,
                (int) z->pid, z->version);

        if (z->is_heir) {
            sup_zygote_inherit(z);
        }

        sup_refill_soon();
        return;
    }

    env = r->slot < sup.board.head->max_envs ? &sup.envs[r->slot] : NULL;

    if (env == NULL || !env->used || env->spawned || env->zygote != z
        || sup.board.envs[r->slot].generation != r->generation)
    {
        sup_log(SUP_LOG_ALERT, 0, "zygote %s answered for slot %u, which "
                "did not ask", z->name, r->slot);
        sup_strays_soon();
        return;
    }

    if (r->type == FAAS_ZYGOTE_SPAWNED && r->pid > 0) {
        z->forks++;
        sup_spawn_done(env, r->pid);

    } else {
        sup_spawn_failed(env, r->error, r->text);
    }

    if (z->retired) {
        sup_zygote_retire(z);

    } else {
        sup_zygote_recycle(z);
    }
}


static void
sup_on_zygote(evutil_socket_t fd, short what, void *data)
{
    ssize_t              n;
    sup_zygote_t        *z = data;
    faas_zygote_reply_t  reply;

    (void) what;

    for ( ;; ) {
        n = recv(fd, &reply, sizeof(reply), MSG_DONTWAIT);

        if (n == (ssize_t) sizeof(reply)) {
            sup_zygote_reply(z, &reply);

            if (z->fd != fd) {
                return;
            }

            continue;
        }

        if (n == -1 && errno == EINTR) {
            continue;
        }

        if (n == 0 || (n == -1 && errno != EAGAIN)) {
            /* it cannot serve any more: its end follows by SIGCHLD */
            (void) event_del(z->read_ev);
            (void) kill(z->pid, SIGKILL);
        }

        return;
    }
}


static void
sup_zygote_exec(sup_zygote_t *z)
{
    char        *argv[SUP_LANG_ARGS], preload[4096], script[4096];
    const char  *dir;

    static char  *envp[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin", "LANG=en_US.UTF-8",
        "PERL_BADLANG=0", "FAAS_ZYGOTE=1", NULL, NULL, NULL
    };

    dir = sup.boxed ? "/var/runtime" : sup.runtime_dir;

    if (z->path[0] == '\0') {
        (void) snprintf(script, sizeof(script), "%s/faas-spawner", dir);
        argv[0] = script;
        argv[1] = NULL;

    } else {
        (void) snprintf(preload, sizeof(preload), "LD_PRELOAD=%s/libfaas.so",
                        dir);
        envp[4] = preload;
        envp[3] = sup_lang_command(z->path, dir, argv, script, sizeof(script));
        envp[5] = sup.boxed ? "LD_LIBRARY_PATH=" SUP_LD_PATH : NULL;
    }

    (void) execve(argv[0], argv, envp);

    (void) dprintf(2, "faas: exec %s: %s\n", argv[0], strerror(errno));
}


static void
sup_zygote_child(sup_zygote_t *z, int control, int output)
{
    int          i, null;
    sigset_t     mask;
    const char  *step;

    for (i = 1; i < NSIG; i++) {
        (void) signal(i, SIG_DFL);
    }

    (void) sigemptyset(&mask);
    (void) sigprocmask(SIG_SETMASK, &mask, NULL);
    (void) setsid();

    null = open("/dev/null", O_RDWR);

    /* above 3 first, so that no dup2() hits a descriptor still needed */

    control = fcntl(control, F_DUPFD, 10);
    output = fcntl(output, F_DUPFD, 10);

    if (null == -1 || dup2(null, 0) == -1 || dup2(output, 1) == -1
        || dup2(output, 2) == -1 || dup2(control, 3) == -1)
    {
        _exit(FAAS_EXIT_SETUP);
    }

    (void) close_range(4, ~0U, 0);

    if (sup.boxed) {
        if (faas_template_root(sup.runtime_dir, &step) == -1) {
            (void) dprintf(2, "faas: template root: %s: %s\n", step,
                           strerror(errno));
            _exit(FAAS_EXIT_SETUP);
        }

        if (sup_caps_zygote() != SUP_OK) {
            (void) dprintf(2, "faas: capabilities: %s\n", strerror(errno));
            _exit(FAAS_EXIT_SETUP);
        }

    } else if (chdir("/") == -1) {
        _exit(FAAS_EXIT_SETUP);
    }

    sup_zygote_exec(z);
    _exit(FAAS_EXIT_SETUP);
}


static int
sup_zygote_fork(sup_zygote_t *z, int *control, int *output)
{
    z->pid = fork();

    if (z->pid == 0) {
        sup_zygote_child(z, control[1], output[1]);
    }

    (void) close(control[1]);
    (void) close(output[1]);
    z->fd = control[0];
    z->log_fd = output[0];

    if (z->pid == -1
        || sup_child_add(z->pid, sup_zygote_died, z) != SUP_OK)
    {
        if (z->pid > 0) {
            (void) kill(z->pid, SIGKILL);
        }

        z->pid = 0;
        return SUP_ERROR;
    }

    (void) evutil_make_socket_nonblocking(z->log_fd);
    (void) evutil_make_socket_nonblocking(z->fd);

    z->read_ev = sup_event(z->fd, EV_READ|EV_PERSIST, sup_on_zygote, z);
    z->log_ev = sup_event(z->log_fd, EV_READ|EV_PERSIST, sup_output_zygote,
                          z);

    return z->read_ev != NULL ? SUP_OK : SUP_ERROR;
}


static void
sup_zygote_start(sup_zygote_t *z)
{
    int  control[2], output[2];

    if (z->pid != 0 || sup.stage != SUP_RUNNING) {
        return;
    }

    z->started_ms = faas_now_ms();

    if (socketpair(AF_UNIX, SOCK_SEQPACKET|SOCK_CLOEXEC, 0, control) == -1) {
        goto failed;
    }

    if (pipe2(output, O_CLOEXEC) == -1) {
        (void) close(control[0]);
        (void) close(control[1]);
        goto failed;
    }

    if (sup_zygote_fork(z, control, output) == SUP_OK) {
        return;
    }

    sup_zygote_close(z);

failed:

    z->failures++;
    z->no_start++;
    sup_log(SUP_LOG_ALERT, errno, "cannot start zygote %s", z->name);
    sup_timer(z->retry_ev, 1000);
}


/* 1 when it can be given work, which it does when it is up. */

int
sup_zygote_ready(sup_zygote_t *z)
{
    if (z->pid == 0 && !evtimer_pending(z->retry_ev, NULL)) {
        sup_zygote_start(z);
    }

    return z->pid > 0 && z->fd != -1;
}


void
sup_zygotes_end(void)
{
    int            status;
    sup_zygote_t  *z;

    for (z = sup.zygotes; z != NULL; z = z->next) {
        (void) evtimer_del(z->retry_ev);

        if (z->pid > 0) {
            (void) kill(z->pid, SIGKILL);

            while (waitpid(z->pid, &status, __WALL) == -1 && errno == EINTR) {
                /* void */
            }

            z->pid = 0;
        }

        sup_zygote_close(z);
    }
}
