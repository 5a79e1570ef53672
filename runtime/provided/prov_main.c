/*
 * faas-provided: the Runtime API bridge.  First process of an environment
 * whose runtime is a program that speaks HTTP with Lambda's Runtime API: it
 * starts that program, takes invocations from nginx's workers by FastCGI, and
 * gives them to it.
 *
 *   faas-provided [--own-address] [--log-descriptor] [--extensions FOLDER]
 *                 [--image WORKDIR] [--] [PROGRAM ARGUMENT ...]
 *
 * One thread, no locks.  It has the environment's control socket, which the
 * function's processes, of the same user, are not to have: so it cannot be
 * traced or looked into by them, and as the first process of a pid namespace
 * is immune to their signals.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "prov_telemetry.h"
#include "faas_json.h"


#define PROV_CONCURRENCY_MAX  1024


prov_t  prov;


void
prov_exit(int code)
{
    unsigned  i;

    prov_works_flush();

    if (prov.pid > 0) {
        (void) kill(-prov.pid, SIGKILL);
    }

    for (i = 0; i < prov_exts.n; i++) {
        if (prov_exts.list[i].pid > 0) {
            (void) kill(-prov_exts.list[i].pid, SIGKILL);
        }
    }

    /* nothing of the function's is worth the time to take down */

    _exit(code);
}


/* Init has failed: who knows why is told, and ends all of this. */

static void
prov_exit_report(void)
{
    (void) faas_env_error(prov.report.data, prov.report.len);
    prov_exit(1);
}


static void
prov_on_exit(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;
    (void) data;

    prov_log_drain();
    prov_exit_report();
}


/* The process is given a moment to print what it has to say. */

void
prov_exit_soon(unsigned ms)
{
    struct event    *ev;
    struct timeval   tv;

    tv.tv_sec = ms / 1000;
    tv.tv_usec = ms % 1000 * 1000;
    ev = evtimer_new(prov.base, prov_on_exit, NULL);

    if (ev == NULL || evtimer_add(ev, &tv) == -1) {
        prov_exit_report();
    }
}


void
prov_runtime_ended(void)
{
    prov_log_drain();

    if (prov_shutdown_ended(0)) {
        return;
    }

    prov_work_unlisten();
    prov_release();

    if (prov.report.len && !prov.ready) {
        prov_exit_report();
    }

    if (prov.ready && prov_shutdown_waits()) {

        /* nginx learns of it at once, extensions have their two seconds */

        prov_answer_ended();
        faas_env_notice(FAAS_CTL_LEAVES, 0);
        prov_shutdown_now("failure", 1);
        return;
    }

    prov_exit(faas_env_exit_code(prov.status));
}


/* Init is over when the runtime asks for its first invocation. */

void
prov_ready(void)
{
    if (!prov.ready) {
        prov_tm_init_over();
        prov.ready = 1;
        (void) faas_env_ready();
    }
}


/*
 * The error payload of init: what the runtime sent, if that is one, or else
 * one that has it as its message.
 */

void
prov_report(char *body, size_t len, const char *type, size_t tlen)
{
    size_t       size;
    faas_json_t  js;
    prov_buf_t  *b;

    static const char  unknown[] = "Runtime.Unknown";

    b = &prov.report;
    b->len = 0;

    faas_json_init(&js, (unsigned char *) body, len);

    if (len && len <= FAAS_CTL_MAX && faas_json_peek(&js) == FAAS_JSON_OBJECT
        && faas_json_valid((unsigned char *) body, len))
    {
        (void) prov_add(b, body, len);
        return;
    }

    if (tlen == 0) {
        type = unknown;
        tlen = sizeof(unknown) - 1;
    }

    /* it has to fit into a frame with all that it is escaped to */

    len = len < FAAS_CTL_MAX / 8 ? len : FAAS_CTL_MAX / 8;
    tlen = tlen < 256 ? tlen : 256;
    size = faas_json_escaped_len((unsigned char *) body, len)
           + faas_json_escaped_len((const unsigned char *) type, tlen) + 64;

    if (prov_room(b, size) != PROV_OK) {
        return;
    }

    (void) prov_add(b, prov_literal("{\"errorType\":\""));
    b->len = (char *) faas_json_escape((unsigned char *) b->data + b->len,
                                       (const unsigned char *) type, tlen)
             - b->data;
    (void) prov_add(b, prov_literal("\",\"errorMessage\":\""));
    b->len = (char *) faas_json_escape((unsigned char *) b->data + b->len,
                                       (unsigned char *) body, len)
             - b->data;
    (void) prov_add(b, prov_literal("\"}"));
}


/* Orderly: at once when nothing is asked of it, else after that. */

void
prov_idle(void)
{
    if (prov.ending && prov.running == 0 && prov.queue == NULL) {
        prov_shutdown();
    }
}


static void
prov_on_control(evutil_socket_t fd, short what, void *data)
{
    struct event  **ev = data;

    (void) fd;
    (void) what;

    (void) faas_env_control();

    if (faas_env.timeout) {
        prov_shutdown_now("timeout", 0);

    } else if (faas_env.shutdown) {
        prov.ending = 1;
        prov_idle();
    }

    /* it goes on without a supervisor, as those in other languages do */

    if (faas_env.control == -1) {
        event_free(*ev);
    }
}


static void
prov_on_term(evutil_socket_t signo, short what, void *data)
{
    (void) signo;
    (void) what;
    (void) data;

    prov.ending = 1;
    prov_idle();
}


static void
prov_on_child(evutil_socket_t signo, short what, void *data)
{
    (void) signo;
    (void) what;
    (void) data;

    prov_child_reap();
}


static uint64_t
prov_number(const unsigned char *p, size_t len)
{
    size_t    i;
    uint64_t  n;

    for (i = 0, n = 0; i < len && i < 15 && p[i] >= '0' && p[i] <= '9'; i++) {
        n = n * 10 + (p[i] - '0');
    }

    return n;
}


/* What the supervisor says of the function, beyond its variables. */

static void
prov_settings(char *json, size_t len)
{
    size_t          klen, vlen;
    const char     *text;
    faas_json_t     js;
    unsigned char  *key, *value;

    prov.response_max = FAAS_ENV_REQUEST_MAX;
    prov.request_max = faas_env.limit;
    faas_json_init(&js, (unsigned char *) json, len);

    if (faas_json_enter(&js, FAAS_JSON_OBJECT) == 0) {

        while (faas_json_member(&js, &key, &klen) == 1
               && faas_json_skip(&js, &value, &vlen) == 0)
        {
            if (faas_json_key_is(key, klen, prov_literal("responseMax"))) {
                prov.response_max = prov_number(value, vlen);
            }
        }
    }

    prov.response_max += PROV_RESPONSE_ADD;

    text = getenv("AWS_LAMBDA_MAX_CONCURRENCY");
    prov.max = text ? (unsigned) prov_number((const unsigned char *) text,
                                             strlen(text)) : 1;

    if (prov.max < 1 || prov.max > PROV_CONCURRENCY_MAX) {
        prov.max = 1;
    }
}


static int
prov_signals(void)
{
    struct event  *child, *term;

    (void) signal(SIGPIPE, SIG_IGN);

    child = evsignal_new(prov.base, SIGCHLD, prov_on_child, NULL);

    if (child == NULL || evsignal_add(child, NULL) == -1) {
        return PROV_ERROR;
    }

    /* the function may send it; the supervisor has a frame that says it too */

    if (getpid() == 1) {
        (void) signal(SIGTERM, SIG_IGN);
        return PROV_OK;
    }

    term = evsignal_new(prov.base, SIGTERM, prov_on_term, NULL);

    return term != NULL && evsignal_add(term, NULL) == 0 ? PROV_OK
                                                         : PROV_ERROR;
}


static int
prov_start(int own, const char *extensions, char *const *command)
{
    int            rc;
    char          *json, address[32];
    size_t         len;

    static struct event  *control;

    faas_env_version("provided");
    rc = faas_env_init(&json, &len);

    if (rc != FAAS_ENV_OK) {
        return rc == FAAS_ENV_SHUTDOWN ? PROV_OK : PROV_ERROR;
    }

    prov_settings(json, len);
    free(json);

    prov.base = event_base_new();

    if (prov.base == NULL || prov_signals() != PROV_OK
        || prov_conn_listen(own, address, sizeof(address)) != PROV_OK
        || prov_work_listen() != PROV_OK
        || setenv("AWS_LAMBDA_RUNTIME_API", address, 1) == -1)
    {
        perror("faas-provided");
        return PROV_ERROR;
    }

    control = prov_event(faas_env.control, EV_READ|EV_PERSIST,
                         prov_on_control, &control);

    if (control == NULL) {
        return PROV_ERROR;
    }

    if (prov_log_start() != PROV_OK
        || prov_ext_start(extensions, command) != PROV_OK)
    {

        if (prov.report.len) {
            prov_exit_report();
        }

        perror("faas-provided");
        return PROV_ERROR;
    }

    return event_base_dispatch(prov.base) == -1 ? PROV_ERROR : PROV_OK;
}


int
main(int argc, char **argv)
{
    int          i, own;
    const char  *extensions;

    (void) argc;
    (void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    prov.queue_last = &prov.queue;
    prov.nexts_last = &prov.nexts;
    extensions = "/opt/extensions";

    for (i = 1, own = 0; argv[i] != NULL && argv[i][0] == '-'; i++) {

        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }

        if (strcmp(argv[i], "--own-address") == 0) {
            own = 1;
            prov.own = 1;

        } else if (strcmp(argv[i], "--log-descriptor") == 0) {
            prov.records = 1;

        } else if (strcmp(argv[i], "--extensions") == 0
                   && argv[i + 1] != NULL)
        {
            extensions = argv[++i];

        } else if (strcmp(argv[i], "--image") == 0 && argv[i + 1] != NULL) {
            prov.workdir = argv[++i];

        } else {
            (void) fprintf(stderr, "faas-provided: unknown option %s\n",
                           argv[i]);
            return 1;
        }
    }

    return prov_start(own, extensions, &argv[i]) == PROV_OK ? 0 : 1;
}
