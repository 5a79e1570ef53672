/*
 * The supervisor proper: start, event loop, doorbells, the tick once a
 * second, and the end: when nobody is left to serve, or on a signal.
 */

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"


#define SUP_DRAIN_MS  5000


static uint64_t  sup_drain_until_ms;


struct event *
sup_event(int fd, short what, event_callback_fn handler, void *data)
{
    struct event  *ev;

    ev = event_new(sup.base, fd, what, handler, data);

    if (ev == NULL || (fd != -1 && event_add(ev, NULL) == -1)) {
        sup_log(SUP_LOG_ALERT, errno, "cannot add an event");

        if (ev != NULL) {
            event_free(ev);
        }

        return NULL;
    }

    return ev;
}


void
sup_timer(struct event *ev, uint64_t ms)
{
    struct timeval  tv;

    tv.tv_sec = ms / 1000;
    tv.tv_usec = (ms % 1000) * 1000;

    (void) evtimer_add(ev, &tv);
}


static void
sup_on_sigchld(void)
{
    int    status;
    pid_t  pid;

    for ( ;; ) {
        pid = waitpid(-1, &status, WNOHANG|__WALL);

        if (pid <= 0) {
            return;
        }

        sup_exited(pid, status);
    }
}


static void
sup_on_status(evutil_socket_t fd, short what, void *data)
{
    ssize_t     n;
    sup_exit_t  e;

    (void) what;
    (void) data;

    for ( ;; ) {
        n = recv(fd, &e, sizeof(e), MSG_DONTWAIT);

        if (n == (ssize_t) sizeof(e)) {
            sup_exited(e.pid, e.status);
            continue;
        }

        if (n == 0) {
            /* the watchdog's end: its pidfd tells us too */
            sup_become_watchdog();
        }

        return;
    }
}


static void
sup_on_watchdog(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;
    (void) data;

    sup_become_watchdog();
}


static void
sup_on_signal(evutil_socket_t fd, short what, void *data)
{
    struct signalfd_siginfo  si;

    (void) what;
    (void) data;

    while (read(fd, &si, sizeof(si)) == (ssize_t) sizeof(si)) {

        if (si.ssi_signo == SIGCHLD) {
            sup_on_sigchld();
            return;                   /* others have their turn between two */
        }

        sup_log(SUP_LOG_NOTICE, 0, "signal %d received, ending",
                (int) si.ssi_signo);
        sup.asked = 1;
        sup_drain(SUP_EXIT_OK);
    }
}


/*
 * Signals are read, not caught: no call of the supervisor is interrupted by
 * one.  Linux neither makes a process nor sets a memory limit while a signal
 * is pending, and starts again with the former for as long as signals come.
 */

static int
sup_start_signals(void)
{
    int       fd;
    sigset_t  mask;

    (void) sigemptyset(&mask);
    (void) sigaddset(&mask, SIGCHLD);
    (void) sigaddset(&mask, SIGTERM);
    (void) sigaddset(&mask, SIGINT);
    (void) sigaddset(&mask, SIGQUIT);
    (void) sigprocmask(SIG_SETMASK, &mask, NULL);

    fd = signalfd(-1, &mask, SFD_CLOEXEC|SFD_NONBLOCK);

    if (fd == -1) {
        sup_log(SUP_LOG_EMERG, errno, "signalfd() failed");
        return SUP_ERROR;
    }

    return sup_event(fd, EV_READ|EV_PERSIST, sup_on_signal, NULL) != NULL
           ? SUP_OK : SUP_ERROR;
}


/* The first master has gone: from here on workers and masters count. */

static void
sup_on_life(evutil_socket_t fd, short what, void *data)
{
    char            c;
    ssize_t         n;
    struct event  **ev = data;

    (void) what;

    n = read(fd, &c, 1);

    if (n == 1 || (n == -1 && (errno == EAGAIN || errno == EINTR))) {
        return;
    }

    (void) event_del(*ev);
    sup.life = 0;
    sup_check_end();
}


/* Is there anyone left to serve?  Under systemd it is not for us to say. */

void
sup_check_end(void)
{
    if (sup.stage != SUP_RUNNING || sup.external || sup.life) {
        return;
    }

    sup_workers_scan();

    if (sup_workers_alive()) {
        return;
    }

    sup_log(SUP_LOG_NOTICE, 0, "nginx has gone, ending %u environments",
            sup.n_active);
    sup_drain(SUP_EXIT_OK);
}


void
sup_drain(int exit_code)
{
    if (sup.stage != SUP_RUNNING) {
        return;
    }

    sup.stage = SUP_DRAINING;
    sup.exit_code = exit_code;
    sup.board.head->supervisor_up = 0;
    sup_drain_until_ms = faas_now_ms() + SUP_DRAIN_MS;

    sup_pool_drain(0);
    sup_drained();
}


/* Called whenever an environment has gone while we are draining. */

void
sup_drained(void)
{
    if (sup.stage != SUP_DRAINING) {
        return;
    }

    if (sup.n_active + sup.n_ending > 0) {

        if (faas_now_ms() >= sup_drain_until_ms) {
            sup_pool_drain(1);
        }

        return;
    }

    sup.stage = SUP_STOPPED;
    (void) event_base_loopbreak(sup.base);
}


void
sup_bell(const faas_bell_t *bell)
{
    switch (bell->type) {

    case FAAS_BELL_DEMAND:
        sup_pool_collect();

        if (bell->arg < sup.board.head->max_functions) {
            sup_pool_demand(&sup.fns[bell->arg]);
        }

        break;

    case FAAS_BELL_KILL:
        sup_pool_collect();
        break;

    case FAAS_BELL_WORKER:
        sup_workers_scan();
        break;

    case FAAS_BELL_CONFIG:
        sup_workers_scan();
        sup_conf_load();
        break;

    case FAAS_BELL_BYE:
        sup_workers_bye((pid_t) bell->arg);
        break;

    case FAAS_BELL_REOPEN:
        sup_log_reopen(1);
        break;

    default:
        break;
    }
}


/* Everything a lost doorbell could have been about, but the manifest: see
   sup_conf_check(). */

void
sup_look_over(void)
{
    sup_workers_scan();
    sup_pool_collect();
    sup_pool_demand_all();
}


static void
sup_on_tick(evutil_socket_t fd, short what, void *data)
{
    struct event  **ev = data;

    (void) fd;
    (void) what;

    if (sup.stage == SUP_RUNNING) {
        sup_run_check();
    }

    if (sup.stage == SUP_RUNNING) {
        sup_conf_check();
        sup_look_over();
        sup_pool_tick();
        sup_switch_tick();
        sup_zygotes_tick();
        sup_locks_tick();
        sup_conf_tick();
        sup_ledger_tick();
        sup_check_end();
    }

    sup_workers_nudge();
    sup_log_reopen(0);
    sup_drained();
    sup_timer(*ev, 1000);
}


static void
sup_raise_limits(void)
{
    struct rlimit  rl;

    /* of which environments need the smallest (faas_sandbox.c) */

    if (getrlimit(RLIMIT_CORE, &rl) == 0 && rl.rlim_max == 0) {
        rl.rlim_max = 1;
        (void) setrlimit(RLIMIT_CORE, &rl);
    }

    if (getrlimit(RLIMIT_NOFILE, &rl) == -1) {
        return;
    }

    /* the hard limit may be raised with CAP_SYS_RESOURCE only */

    if (rl.rlim_max != RLIM_INFINITY && rl.rlim_max < 1048576) {
        rl.rlim_cur = rl.rlim_max = 1048576;

        if (setrlimit(RLIMIT_NOFILE, &rl) == 0) {
            return;
        }

        (void) getrlimit(RLIMIT_NOFILE, &rl);
    }

    rl.rlim_cur = rl.rlim_max;
    (void) setrlimit(RLIMIT_NOFILE, &rl);
}


static int
sup_start_events(void)
{
    pid_t          parent;

    static struct event  *tick, *life;

    if (sup_start_signals() != SUP_OK) {
        return SUP_ERROR;
    }

    if (sup.life_fd != -1) {
        sup.life = 1;
        (void) fcntl(sup.life_fd, F_SETFL, O_NONBLOCK);
        life = sup_event(sup.life_fd, EV_READ|EV_PERSIST, sup_on_life, &life);
    }

    if (sup.status_fd != -1) {
        (void) sup_event(sup.status_fd, EV_READ|EV_PERSIST, sup_on_status,
                         NULL);
    }

    parent = getppid();
    sup.watchdog_fd = sup_pidfd_open(parent);

    if (sup.watchdog_fd == -1 || getppid() != parent) {
        sup_become_watchdog();
    }

    (void) sup_event(sup.watchdog_fd, EV_READ, sup_on_watchdog, NULL);

    tick = evtimer_new(sup.base, sup_on_tick, &tick);

    if (tick == NULL) {
        return SUP_ERROR;
    }

    sup_timer(tick, 1000);

    return SUP_OK;
}


static int
sup_start_board(void)
{
    size_t  n;

    if (sup_run_board() != SUP_OK) {
        return SUP_ERROR;
    }

    n = sup.board.head->max_functions;
    sup.fns = calloc(n, sizeof(sup_fn_t));
    sup.envs = calloc(sup.board.head->max_envs, sizeof(sup_env_t));

    if (sup.fns == NULL || sup.envs == NULL) {
        return SUP_ERROR;
    }

    while (n--) {
        sup.fns[n].index = n;
    }

    sup_spawn_init();

    return SUP_OK;
}


static int
sup_start(void)
{
    struct event_config  *cfg;

    sup.env_dir = -1;
    sup.log_dir = -1;
    sup.doorbell = -1;
    sup.watchdog_fd = -1;

    sup_raise_limits();
    (void) signal(SIGPIPE, SIG_IGN);
    (void) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

    cfg = event_config_new();

    if (cfg != NULL) {
        (void) event_config_set_flag(cfg, EVENT_BASE_FLAG_PRECISE_TIMER);
        sup.base = event_base_new_with_config(cfg);
        event_config_free(cfg);
    }

    sup.bell_out = socket(AF_UNIX, SOCK_DGRAM|SOCK_CLOEXEC, 0);

    if (sup.base == NULL || sup.bell_out == -1) {
        sup_log(SUP_LOG_EMERG, errno, "cannot start");
        return SUP_ERROR;
    }

    if (sup_start_board() != SUP_OK || sup_conf_read() != SUP_OK
        || sup_run_folders() != SUP_OK)
    {
        return SUP_ERROR;
    }

    if (sup_detect() != SUP_OK) {
        return SUP_ERROR;
    }

    sup_memory_watch();

    if (sup_start_events() != SUP_OK || sup_run_doorbell() != SUP_OK) {
        return SUP_ERROR;
    }

    return SUP_OK;
}


static int
sup_finish(void)
{
    int  saved, all;

    /* whoever has taken the run directory has the ledger and cgroups too */

    saved = sup_run_ours() ? sup_ledger_save() : SUP_ERROR;
    sup_zip_end();
    sup_zygotes_end();

    if (!sup.boxed) {
        sup_strays_kill();
    }

    if (!sup.expelled) {
        sup_cgroup_remove();
    }

    sup_workers_scan();
    all = (sup.exit_code == SUP_EXIT_OK && !sup.external && saved == SUP_OK
           && !sup_workers_alive());

    /* somebody came while we were packing up */

    if (sup.exit_code == SUP_EXIT_OK && !sup.asked && !sup.life
        && sup_workers_alive())
    {
        sup.exit_code = SUP_EXIT_RESTART;
    }

    sup.board.head->supervisor_pid = 0;
    sup_run_remove(all);
    sup_log(SUP_LOG_NOTICE, 0, "supervisor exits");

    return sup.exit_code;
}


/* Without a board there is nothing to count workers by. */

static int
sup_life_over(void)
{
    char  c;

    if (sup.life_fd == -1) {
        return 0;
    }

    (void) fcntl(sup.life_fd, F_SETFL, O_NONBLOCK);

    return read(sup.life_fd, &c, 1) == 0;
}


int
sup_serve(int drain)
{
    if (sup_start() != SUP_OK) {
        return sup_life_over() ? SUP_EXIT_OK : SUP_EXIT_ERROR;
    }

    sup.board.head->supervisor_pid = getpid();
    sup.board.head->supervisor_starts++;

    sup_saved_load();
    sup_workers_scan();
    sup_adopt();
    sup_ledger_load();
    sup_conf_apply();
    sup_store_sweep();

    sup.board.head->supervisor_up = 1;
    sup_log(SUP_LOG_NOTICE, 0, "supervisor serves \"%s\"", sup.run_dir);

    sup_look_over();

    if (drain) {
        sup.asked = 1;
        sup_drain(SUP_EXIT_OK);
    }

    if (sup.stage != SUP_STOPPED) {
        (void) event_base_dispatch(sup.base);
    }

    return sup_finish();
}
