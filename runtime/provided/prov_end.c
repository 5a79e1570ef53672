/*
 * An orderly end (contract 2.1): at once when there are no extensions; else
 * the runtime is asked to end, then killed, then extensions are told and given
 * what is left of the time.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <signal.h>
#include <stdio.h>
#include <sys/time.h>
#include <time.h>

#include "prov_telemetry.h"


#define PROV_END_INTERNAL_MS   500
#define PROV_END_EXTERNAL_MS   2000
#define PROV_END_RUNTIME_MS    300


typedef enum {
    PROV_END_NOT = 0,
    PROV_END_RUNTIME,                 /* the runtime may end by itself */
    PROV_END_EXTENSIONS
} prov_end_e;


static prov_end_e     prov_end;
static const char    *prov_end_reason = "spindown";
static int            prov_end_failed; /* ends as the runtime has */
static struct event  *prov_end_ev;
static int64_t        prov_end_ms;    /* when all of it is over */


static int64_t
prov_end_now(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_REALTIME, &ts);

    return (int64_t) ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}


static void
prov_end_exit(void)
{
    prov_log_drain();

    if (prov_end_failed) {
        prov_exit(faas_env_exit_code(prov.status));
    }

    prov_exit(0);
}


static void
prov_end_timer(int64_t ms)
{
    struct timeval  tv;

    ms = ms > 0 ? ms : 0;
    tv.tv_sec = ms / 1000;
    tv.tv_usec = ms % 1000 * 1000;

    if (prov_end_ev == NULL || evtimer_add(prov_end_ev, &tv) == -1) {
        prov_exit(0);
    }
}


/* Those that are left; 0 ends the environment. */

static unsigned
prov_end_left(void)
{
    unsigned  i, n;

    for (i = 0, n = 0; i < prov_exts.n; i++) {
        n += prov_exts.list[i].pid > 0;
    }

    return n;
}


static void
prov_end_tell(prov_ext_t *e)
{
    int   n;
    char  json[128];

    n = snprintf(json, sizeof(json), "{\"eventType\":\"SHUTDOWN\","
                 "\"deadlineMs\":%lld,\"shutdownReason\":\"%s\"}",
                 (long long) prov_end_ms, prov_end_reason);
    prov_ext_send(e, json, n);
}


static void
prov_end_extensions(void)
{
    unsigned     i;
    prov_ext_t  *e;

    prov_end = PROV_END_EXTENSIONS;

    if (prov.pid > 0) {
        (void) kill(-prov.pid, SIGKILL);
    }

    prov_log_drain();
    prov_tm_flush_all();

    for (i = 0; i < prov_exts.n; i++) {
        e = &prov_exts.list[i];

        if (e->pid <= 0) {
            continue;
        }

        if (!(e->events & PROV_EXT_SHUTDOWN)) {
            (void) kill(-e->pid, SIGKILL);

        } else if (e->conn != NULL) {
            prov_end_tell(e);
        }
    }

    if (prov_end_left() == 0) {
        prov_end_exit();
    }

    prov_end_timer(prov_end_ms - prov_end_now());
}


static void
prov_on_end(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;
    (void) data;

    if (prov_end == PROV_END_RUNTIME) {
        prov_end_extensions();

    } else {
        prov_end_exit();
    }
}


void
prov_shutdown(void)
{
    unsigned  i, internal;

    if (prov_exts.n == 0) {
        prov_exit(0);
    }

    if (prov_end != PROV_END_NOT) {
        return;
    }

    for (i = 0, internal = 0; i < prov_exts.n; i++) {
        internal += !prov_exts.list[i].external;
    }

    prov_end = PROV_END_RUNTIME;
    prov_end_ms = prov_end_now() + (prov_end_left() ? PROV_END_EXTERNAL_MS
                                                    : PROV_END_INTERNAL_MS);
    prov_end_ev = evtimer_new(prov.base, prov_on_end, NULL);

    if (prov.pid > 0) {
        (void) kill(prov.pid, SIGTERM);
    }

    prov_end_timer(prov.pid > 0 ? (internal ? PROV_END_INTERNAL_MS
                                            : PROV_END_RUNTIME_MS) : 0);
}


/* Is there anybody whom the end of the runtime is worth waiting for? */

int
prov_shutdown_waits(void)
{
    unsigned  i;

    for (i = 0; i < prov_exts.n; i++) {
        if (prov_exts.list[i].pid > 0
            && (prov_exts.list[i].events & PROV_EXT_SHUTDOWN))
        {
            return 1;
        }
    }

    return 0;
}


/*
 * Without asking the runtime, which has had its time, or, if FAILED, has ended:
 * contract 2.1.
 */

void
prov_shutdown_now(const char *reason, int failed)
{
    if (prov_end == PROV_END_EXTENSIONS) {
        return;
    }

    if (!failed) {
        prov_tm_timeout();
    }

    /* nobody waits for what comes now: it is no invocation's log */

    prov_log_drain();
    prov.current = NULL;

    prov_end_reason = reason;
    prov_end_failed = failed;
    prov_end_ms = prov_end_now() + PROV_END_EXTERNAL_MS;

    if (prov_end_ev == NULL) {
        prov_end_ev = evtimer_new(prov.base, prov_on_end, NULL);
    }

    prov_end_extensions();
}


/* An extension that was busy until now asks for what is next: the end. */

int
prov_shutdown_next(prov_ext_t *e)
{
    if (prov_end != PROV_END_EXTENSIONS) {
        return 0;
    }

    if (e->events & PROV_EXT_SHUTDOWN) {
        prov_end_tell(e);
    }

    return 1;
}


/* A process of ours has ended.  1 if that is as it should be. */

int
prov_shutdown_ended(pid_t pid)
{
    if (prov_end == PROV_END_NOT) {
        return 0;
    }

    if (prov_end == PROV_END_RUNTIME) {

        /* its end is the beginning of the rest; that of others is not */

        if (pid == 0) {
            prov_end_extensions();
        }

    } else if (prov_end_left() == 0) {
        prov_end_exit();
    }

    return 1;
}
