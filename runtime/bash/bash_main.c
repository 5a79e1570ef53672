/*
 * The life of an environment with runtime bash: finds the function, then
 * answers invocations, each by a bash of its own.
 *
 * Runs as faas-bash in the sandbox; its variables are the function's.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bash.h"


#define BASH_RESULT_MAX  6291456     /* unless INIT says otherwise */


static int  bash_fail(const char *type, const char *text);
static int  bash_load(bash_function_t *fn, const char *argv0,
    const char *handler, const char *root);
static int  bash_loaded(const bash_function_t *fn, const char *handler);
static char *bash_concat(const char *a, const char *b, const char *c,
    const char *d);


/* Tells why the function was not loaded. */

static int
bash_fail(const char *type, const char *text)
{
    char    *json;
    size_t   len;

    (void) dprintf(2, "[ERROR] %s: %s\n", type, text);

    json = bash_error(type, text, strlen(text), &len);

    if (json != NULL) {
        (void) faas_env_error(json, len);
        free(json);
    }

    return -1;
}


static char *
bash_concat(const char *a, const char *b, const char *c, const char *d)
{
    char    *text;
    size_t   size;

    size = strlen(a) + strlen(b) + strlen(c) + strlen(d) + 1;
    text = malloc(size);

    if (text == NULL) {
        exit(1);
    }

    (void) snprintf(text, size, "%s%s%s%s", a, b, c, d);

    return text;
}


/* "folder/file.function", or "folder/file", whose function is "handler" */

static int
bash_load(bash_function_t *fn, const char *argv0, const char *handler,
    const char *root)
{
    char        *file, *text, *dot;
    const char  *base, *slash;

    if (chdir(root) == -1) {
        text = bash_concat(root, ": ", strerror(errno), "");
        return bash_fail("Runtime.InvalidWorkingDir", text);
    }

    slash = strrchr(argv0, '/');
    file = strdup(argv0);

    if (file == NULL || slash == NULL) {
        return -1;
    }

    file[slash - argv0] = '\0';
    fn->script = bash_concat(file, "/bash/run.sh", "", "");
    free(file);

    file = bash_concat(handler, "", "", "");
    base = strrchr(file, '/') ? strrchr(file, '/') + 1 : file;
    dot = strchr(base, '.');
    fn->name = "handler";

    if (dot != NULL) {
        *dot = '\0';
        fn->name = dot + 1;
    }

    if (*base == '\0' || *fn->name == '\0' || strchr(fn->name, '.') != NULL) {
        text = bash_concat("Bad handler '", handler, "': it must be "
                           "file.function or file", "");
        return bash_fail("Runtime.MalformedHandlerName", text);
    }

    fn->file = bash_concat(root, "/", file, ".sh");

    if (access(fn->file, R_OK) == -1) {
        text = bash_concat("Unable to load '", file, "': there is no file "
                           "'", file);
        text = bash_concat(text, ".sh'", "", "");
        return bash_fail("Runtime.ImportModuleError", text);
    }

    return bash_loaded(fn, handler);
}


static int
bash_loaded(const bash_function_t *fn, const char *handler)
{
    int    status;
    char  *text, verdict[16];

    if (bash_check(fn, verdict, sizeof(verdict), &status) == -1) {
        text = bash_concat(BASH_PATH, ": ", strerror(errno), "");
        return bash_fail("Runtime.InvalidEntrypoint", text);
    }

    if (strcmp(verdict, "ok") == 0) {
        return 0;
    }

    if (strcmp(verdict, "missing") == 0) {
        text = bash_concat("Handler '", fn->name, "' missing in file '",
                           fn->file);
        text = bash_concat(text, "'", "", "");
        return bash_fail("Runtime.HandlerNotFound", text);
    }

    if (strcmp(verdict, "syntax") == 0) {
        text = bash_concat("Syntax error in '", fn->file, "' of ", handler);
        return bash_fail("Runtime.UserCodeSyntaxError", text);
    }

    /* the file has ended the shell: so do we */

    exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}


int
main(int argc, char **argv)
{
    int                 rc;
    char               *json, *p;
    size_t              len;
    const char         *handler, *root;
    faas_invocation_t   inv;

    /* what they point to lives as long as the process */

    static bash_result_t     result;
    static bash_function_t   fn;

    (void) argc;

    /* what shells leave behind comes to us, also outside of a sandbox */

    (void) prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);

    faas_env_version("bash");

    rc = faas_env_init(&json, &len);

    if (rc != FAAS_ENV_OK) {
        return rc == FAAS_ENV_SHUTDOWN ? 0 : 1;
    }

    p = strstr(json, "\"responseMax\":");
    fn.max = p ? strtoull(p + sizeof("\"responseMax\":") - 1, NULL, 10) : 0;
    fn.max = fn.max ? fn.max : BASH_RESULT_MAX;
    free(json);

    handler = getenv("_HANDLER");
    root = getenv("LAMBDA_TASK_ROOT");

    if (bash_load(&fn, argv[0], handler ? handler : "", root ? root : "")
            == -1
        || faas_env_ready() != FAAS_ENV_OK)
    {
        return 1;
    }

    for ( ;; ) {
        rc = faas_next(&inv);

        if (rc != FAAS_ENV_OK) {
            return rc == FAAS_ENV_SHUTDOWN ? 0 : 1;
        }

        if (bash_run(&fn, &inv, &result) == -1
            || bash_answer(&inv, &result) == -1)
        {
            return 1;
        }
    }
}
