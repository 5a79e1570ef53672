/*
 * faas-web: first process of an environment whose function is a program that
 * listens for HTTP.  It starts that program, takes requests from nginx's
 * workers by FastCGI, and sends them to it as HTTP/1.1.
 *
 *   faas-web [--own-address] [--uwsgi] [--listen PORT|unix:PATH]
 *            [--ready URI] -- PROGRAM [ARGUMENT ...]
 *
 * One thread, no locks.  It has the environment's control socket, which the
 * program's processes, of the same user, are not to have: so it cannot be
 * traced or looked into by them, and as the first process of a pid namespace
 * is immune to their signals.
 */

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "web.h"


web_t  web;


void
web_exit(int code)
{
    if (web.pid > 0) {
        (void) kill(-web.pid, SIGKILL);
    }

    _exit(code);
}


static void
web_on_grace(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;
    (void) data;

    web_exit(0);
}


/* The program is asked to end when nothing is asked of it any more. */

void
web_idle(void)
{
    struct timeval        tv;
    static struct event  *grace;

    if (!web.ending || web.running || grace != NULL) {
        return;
    }

    if (web.pid == 0 || kill(-web.pid, SIGTERM) == -1) {
        web_exit(0);
    }

    tv.tv_sec = WEB_GRACE_MS / 1000;
    tv.tv_usec = 0;
    grace = evtimer_new(web.base, web_on_grace, NULL);

    if (grace == NULL || evtimer_add(grace, &tv) == -1) {
        web_exit(0);
    }
}


static void
web_end(void)
{
    web.ending = 1;
    web_work_unlisten();
    web_idle();
}


static void
web_on_control(evutil_socket_t fd, short what, void *data)
{
    struct event  **ev = data;

    (void) fd;
    (void) what;

    (void) faas_env_control();

    if (faas_env.timeout) {
        web_exit(1);
    }

    if (faas_env.shutdown && !web.ending) {
        web_end();
    }

    /* it goes on without a supervisor, as those in other languages do */

    if (faas_env.control == -1) {
        event_free(*ev);
    }
}


static void
web_on_term(evutil_socket_t signo, short what, void *data)
{
    (void) signo;
    (void) what;
    (void) data;

    if (!web.ending) {
        web_end();
    }
}


static void
web_on_child(evutil_socket_t signo, short what, void *data)
{
    (void) signo;
    (void) what;
    (void) data;

    web_app_reap();
}


static int
web_signals(void)
{
    struct event  *child, *term;

    (void) signal(SIGPIPE, SIG_IGN);

    child = evsignal_new(web.base, SIGCHLD, web_on_child, NULL);

    if (child == NULL || evsignal_add(child, NULL) == -1) {
        return WEB_ERROR;
    }

    /* the program may send it; the supervisor has a frame that says it too */

    if (getpid() == 1) {
        (void) signal(SIGTERM, SIG_IGN);
        return WEB_OK;
    }

    term = evsignal_new(web.base, SIGTERM, web_on_term, NULL);

    return term != NULL && evsignal_add(term, NULL) == 0 ? WEB_OK : WEB_ERROR;
}


static int
web_start(char *const *command)
{
    int     rc;
    char   *json;
    size_t  len;

    static struct event  *control;

    faas_env_version("web");
    rc = faas_env_init(&json, &len);

    if (rc != FAAS_ENV_OK) {
        return rc == FAAS_ENV_SHUTDOWN ? WEB_OK : WEB_ERROR;
    }

    free(json);                       /* its variables are set already */

    web.base = event_base_new();

    if (web.base == NULL || web_signals() != WEB_OK) {
        perror("faas-web");
        return WEB_ERROR;
    }

    if (web_app_address() != WEB_OK) {
        perror("faas-web: no address for the program (\"listen\", PORT)");
        return WEB_ERROR;
    }

    control = event_new(web.base, faas_env.control, EV_READ|EV_PERSIST,
                        web_on_control, &control);

    if (control == NULL || event_add(control, NULL) == -1
        || web_app_start(command) != WEB_OK)
    {
        return WEB_ERROR;
    }

    web_ready_wait();

    return event_base_dispatch(web.base) == -1 ? WEB_ERROR : WEB_OK;
}


int
main(int argc, char **argv)
{
    int  i;

    (void) argc;
    (void) prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

    for (i = 1; argv[i] != NULL && argv[i][0] == '-'; i++) {

        if (strcmp(argv[i], "--") == 0) {
            i++;
            break;
        }

        if (strcmp(argv[i], "--own-address") == 0) {
            web.own = 1;

        } else if (strcmp(argv[i], "--uwsgi") == 0) {
            web.uwsgi = 1;

        } else if (strcmp(argv[i], "--listen") == 0 && argv[i + 1] != NULL) {
            web.listen = argv[++i];

        } else if (strcmp(argv[i], "--ready") == 0 && argv[i + 1] != NULL) {
            web.ready_uri = argv[++i];

        } else {
            (void) fprintf(stderr, "faas-web: unknown option %s\n", argv[i]);
            return 1;
        }
    }

    if (argv[i] == NULL) {
        (void) fprintf(stderr, "faas-web: no program\n");
        return 1;
    }

    return web_start(&argv[i]) == WEB_OK ? 0 : 1;
}
