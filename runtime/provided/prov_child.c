/*
 * The runtime's process: what is executed, how it ends.
 *
 * Runs in the bridge's one thread; no locks.  The bridge is the first process
 * of its pid namespace: it reaps whatever the function leaves, and with it all
 * of them end.
 */

#include <errno.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "prov_ext.h"


extern char  **environ;


static const char  *prov_bootstraps[] = {
    "/var/task/bootstrap", "/opt/bootstrap", "/var/runtime/bootstrap"
};


/* 0 or an errno. */

int
prov_spawn(pid_t *pid, char *const *argv, char *const *env, int extension)
{
    int                         rc, out, records;
    sigset_t                    all, none;
    posix_spawnattr_t           attr;
    posix_spawn_file_actions_t  files;

    out = prov_log_end(extension ? PROV_LOG_EXT : PROV_LOG_OUT);
    records = extension ? -1 : prov_log_end(PROV_LOG_RECORDS);

    (void) sigfillset(&all);
    (void) sigemptyset(&none);

    if (posix_spawnattr_init(&attr) != 0
        || posix_spawn_file_actions_init(&files) != 0)
    {
        return ENOMEM;
    }

    (void) posix_spawnattr_setsigdefault(&attr, &all);
    (void) posix_spawnattr_setsigmask(&attr, &none);
    (void) posix_spawnattr_setpgroup(&attr, 0);
    (void) posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF
                                           |POSIX_SPAWN_SETSIGMASK
                                           |POSIX_SPAWN_SETPGROUP);

    rc = posix_spawn_file_actions_adddup2(&files, out, STDOUT_FILENO);
    rc = rc ? rc : posix_spawn_file_actions_adddup2(&files, out,
                                                    STDERR_FILENO);

    if (records != -1) {
        rc = rc ? rc : posix_spawn_file_actions_adddup2(&files, records,
                                                        PROV_LOG_FD);
    }

    /* an image names its programs as a shell does */

    if (rc == 0) {
        rc = (prov.workdir != NULL ? posix_spawnp : posix_spawn)(
                 pid, argv[0], &files, &attr, argv, env);
    }

    (void) posix_spawn_file_actions_destroy(&files);
    (void) posix_spawnattr_destroy(&attr);

    return rc;
}


/* The bootstrap of the code, or of a layer. */

static const char *
prov_child_bootstrap(char *path, size_t size)
{
    size_t       i;
    const char  *root;

    root = getenv("LAMBDA_TASK_ROOT");

    for (i = 0; i < sizeof(prov_bootstraps) / sizeof(char *); i++) {
        (void) snprintf(path, size, "%s", prov_bootstraps[i]);

        /* without namespaces the code is elsewhere */

        if (i == 0 && root != NULL) {
            (void) snprintf(path, size, "%s/bootstrap", root);
        }

        if (access(path, X_OK) == 0) {
            return path;
        }
    }

    return NULL;
}


static void
prov_child_error(const char *type, const char *text)
{
    int   n;
    char  json[4500];

    n = snprintf(json, sizeof(json), "{\"errorType\":\"Runtime.%s\","
                 "\"errorMessage\":\"%s\"}", type, text);
    prov_report(json, n, NULL, 0);
}


/* Starts COMMAND, or the bootstrap if that is empty. */

int
prov_child_start(char *const *command)
{
    int    rc;
    char   path[4096], text[4300], *argv[2];

    if (prov.workdir != NULL && chdir(prov.workdir) == -1) {
        (void) snprintf(text, sizeof(text), "chdir to the working directory: "
                        "%s", strerrordesc_np(errno));
        prov_child_error("InvalidWorkingDir", text);
        return PROV_ERROR;
    }

    if (command[0] == NULL) {

        if (prov_child_bootstrap(path, sizeof(path)) == NULL) {
            prov_child_error("InvalidEntrypoint",
                             "Couldn't find valid bootstrap(s): "
                             "[/var/task/bootstrap /opt/bootstrap]");
            return PROV_ERROR;
        }

        argv[0] = path;
        argv[1] = NULL;
        command = argv;
    }

    rc = prov_spawn(&prov.pid, command, environ, 0);

    if (rc != 0) {
        (void) snprintf(text, sizeof(text), "fork/exec %s: %s", command[0],
                        rc == ENOEXEC ? "exec format error"
                                      : strerrordesc_np(rc));
        prov_child_error("InvalidEntrypoint", text);
        return PROV_ERROR;
    }

    return PROV_OK;
}


void
prov_child_reap(void)
{
    int    status;
    pid_t  pid;

    for ( ;; ) {
        pid = waitpid(-1, &status, WNOHANG);

        if (pid <= 0) {
            return;
        }

        if (pid == prov.pid) {
            prov.pid = 0;
            prov.ended = 1;
            prov.status = status;
            prov_runtime_ended();

        } else {
            (void) prov_ext_ended(pid, status);
        }
    }
}
