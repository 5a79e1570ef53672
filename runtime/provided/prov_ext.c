/*
 * Extensions as processes: they are started before the runtime, the runtime
 * when all have registered, and when one ends by itself that is the end of the
 * environment (contract 2.1).
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "prov_telemetry.h"
#include "faas_json.h"


prov_exts_t  prov_exts;

extern char  **environ;


/* variables of the function that extensions do not get; "_" stands for all
   that begin with it */

static const char  *prov_ext_hidden[] = {
    "_", "AWS_EXECUTION_ENV=", "AWS_LAMBDA_LOG_GROUP_NAME=",
    "AWS_LAMBDA_LOG_STREAM_NAME=", "AWS_XRAY_CONTEXT_MISSING=",
    "AWS_XRAY_DAEMON_ADDRESS=", "LAMBDA_RUNTIME_DIR=", "LAMBDA_TASK_ROOT="
};


static int
prov_ext_shown(const char *variable)
{
    size_t  i;

    for (i = 0; i < sizeof(prov_ext_hidden) / sizeof(char *); i++) {
        if (strncmp(variable, prov_ext_hidden[i],
                    strlen(prov_ext_hidden[i])) == 0)
        {
            return 0;
        }
    }

    return 1;
}


static char **
prov_ext_environment(void)
{
    char    **env;
    size_t    i, n;

    for (n = 0; environ[n] != NULL; n++) { /* void */ }

    env = calloc(n + 1, sizeof(char *));

    for (i = 0, n = 0; env != NULL && environ[i] != NULL; i++) {
        if (prov_ext_shown(environ[i])) {
            env[n++] = environ[i];
        }
    }

    return env;
}


/* Init has failed because of an extension. */

static void
prov_ext_report(const char *type, const char *text)
{
    int   n;
    char  json[512];

    n = snprintf(json, sizeof(json), "{\"errorType\":\"%s\","
                 "\"errorMessage\":\"%.300s\"}", type, text);
    prov_report(json, n, NULL, 0);
}


static int
prov_ext_launch(const char *dir, const char *name, char **env)
{
    int          rc;
    char         path[4096], text[4300], *argv[2];
    prov_ext_t  *e;

    if (prov_exts.n == PROV_EXT_MAX) {
        prov_ext_report("Extension.LaunchError", "Extension limit (10) "
                        "reached");
        return PROV_ERROR;
    }

    (void) snprintf(path, sizeof(path), "%s/%s", dir, name);

    e = &prov_exts.list[prov_exts.n++];
    (void) snprintf(e->name, sizeof(e->name), "%s", name);
    e->external = 1;
    prov_uuid(e->id);

    argv[0] = path;
    argv[1] = NULL;
    rc = prov_spawn(&e->pid, argv, env, 1);

    if (rc != 0) {
        (void) snprintf(text, sizeof(text), "fork/exec %s: %s", path,
                        strerrordesc_np(rc));
        prov_ext_report("Extension.LaunchError", text);
        return PROV_ERROR;
    }

    return PROV_OK;
}


static int
prov_ext_regular(const struct dirent *d)
{
    return d->d_name[0] != '.';
}


/* Every regular file of the folder, in the order of their names. */

static int
prov_ext_launch_all(const char *dir)
{
    int              i, n, rc;
    char             path[4096], **env;
    struct stat      st;
    struct dirent  **names;

    n = scandir(dir, &names, prov_ext_regular, alphasort);

    if (n == -1) {
        return PROV_OK;                       /* usually there is none */
    }

    env = prov_ext_environment();
    rc = env != NULL ? PROV_OK : PROV_ERROR;

    for (i = 0; i < n; i++) {
        (void) snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);

        if (rc == PROV_OK && stat(path, &st) == 0 && S_ISREG(st.st_mode)
            && strlen(names[i]->d_name) < PROV_EXT_NAME_MAX)
        {
            rc = prov_ext_launch(dir, names[i]->d_name, env);
        }

        free(names[i]);
    }

    free(names);
    free(env);

    return rc;
}


int
prov_ext_start(const char *dir, char *const *command)
{
    prov_exts.command = command;

    if (prov_ext_launch_all(dir) != PROV_OK) {
        return PROV_ERROR;
    }

    if (prov_exts.n > 0) {
        prov_tm_init_start();
        return PROV_OK;                       /* when they have registered */
    }

    prov_exts.command = NULL;

    return prov_child_start(command);
}


int
prov_ext_ready(void)
{
    unsigned  i;

    for (i = 0; i < prov_exts.n; i++) {

        if (prov_exts.list[i].state == PROV_EXT_READY) {
            continue;
        }

        /* who does not care for invocations is waited for once */

        if (!prov.ready || (prov_exts.list[i].events & PROV_EXT_INVOKE)) {
            return 0;
        }
    }

    return 1;
}


void
prov_ext_settle(void)
{
    unsigned      i;
    char *const  *command;

    if (prov_exts.command != NULL) {

        for (i = 0; i < prov_exts.n; i++) {
            if (prov_exts.list[i].state == PROV_EXT_STARTED) {
                return;
            }
        }

        command = prov_exts.command;
        prov_exts.command = NULL;

        if (prov_child_start(command) != PROV_OK) {
            prov_exit_soon(0);
        }

        return;
    }

    if (prov.nexts != NULL && prov_ext_ready()) {
        prov_ready();
        prov_deliver();
        prov_idle();
    }
}


void
prov_ext_invoke(prov_work_t *w)
{
    int           n;
    char          json[4096];
    u_char       *p;
    unsigned      i;
    prov_ext_t   *e;

    if (prov_exts.n == 0) {
        return;
    }

    n = snprintf(json, sizeof(json), "{\"eventType\":\"INVOKE\","
                 "\"deadlineMs\":%.*s,\"requestId\":\"%.*s\","
                 "\"invokedFunctionArn\":\"%.*s\"",
                 w->deadline.len ? (int) w->deadline.len : 1,
                 w->deadline.len ? w->deadline.data : "0",
                 (int) w->request_id.len, w->request_id.data,
                 (int) w->arn.len, w->arn.len ? w->arn.data : "");

    if (w->trace.len && w->trace.len < 256 && n < 2048) {

        /* a client's text: each byte may become six */

        n += snprintf(json + n, sizeof(json) - n, ",\"tracing\":{\"type\":"
                      "\"X-Amzn-Trace-Id\",\"value\":\"");
        p = faas_json_escape((u_char *) json + n,
                             (const u_char *) w->trace.data, w->trace.len);
        n = (int) ((char *) p - json);
        json[n++] = '"';
        json[n++] = '}';
    }

    if (n > (int) sizeof(json) - 2) {
        return;
    }

    json[n++] = '}';

    for (i = 0; i < prov_exts.n; i++) {
        e = &prov_exts.list[i];

        if ((e->events & PROV_EXT_INVOKE) && e->conn != NULL) {
            prov_ext_send(e, json, n);
        }
    }
}


static void
prov_ext_how(char *text, size_t size, int status)
{
    if (WIFSIGNALED(status)) {
        (void) snprintf(text, size, "signal: %s",
                        WTERMSIG(status) == SIGKILL ? "killed"
                                                    : "terminated");

    } else {
        (void) snprintf(text, size, "exit %s %d",
                        WEXITSTATUS(status) ? "status" : "code",
                        WEXITSTATUS(status));
    }
}


int
prov_ext_ended(pid_t pid, int status)
{
    char          how[64];
    unsigned      i;
    const char   *type;
    prov_ext_t   *e;

    for (i = 0; i < prov_exts.n; i++) {
        if (prov_exts.list[i].pid == pid) {
            break;
        }
    }

    if (i == prov_exts.n) {
        return 0;
    }

    e = &prov_exts.list[i];
    e->pid = 0;

    if (prov_shutdown_ended(pid)) {
        return 1;
    }

    type = e->state == PROV_EXT_INIT_ERROR ? "Extension.InitError"
           : e->state == PROV_EXT_EXIT_ERROR ? "Extension.ExitError"
                                             : "Extension.Crash";

    prov_ext_how(how, sizeof(how), status);
    prov_log_drain();

    if (!prov.ready) {
        prov_ext_report(type, how);
        prov_exit_soon(0);

    } else {
        prov_answer_all(type, how);
        prov_exit(1);
    }

    return 1;
}
