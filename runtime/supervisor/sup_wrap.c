/*
 * AWS_LAMBDA_EXEC_WRAPPER: a program of the function's, or of a layer, that
 * starts its runtime (contract 3.1).  There is no blank of that, since it is
 * executed in the place of an interpreter that would be one, with the
 * function's variables; what it makes of them is what the runtime has.
 *
 * Runs in the supervisor.
 */

#include <stdio.h>
#include <string.h>

#include "sup.h"


/* NULL: it has none.  As on Lambda not for custom runtimes. */

const char *
sup_wrapper(const sup_version_t *v)
{
    const char  *path;

    if (v->lang >= SUP_RT_NATIVE) {
        return NULL;
    }

    path = json_string_value(json_object_get(v->variables,
                                             "AWS_LAMBDA_EXEC_WRAPPER"));

    return path != NULL && path[0] != '\0' ? path : NULL;
}


static size_t
sup_wrap_node(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    char  script[4096];

    (void) snprintf(script, sizeof(script), "%s/node/bootstrap.cjs",
                    sup_runtime_root());

    len = sup_put(buf, len, size, env->class->path);
    spawn->argc++;

    len = sup_command_heap(env->version->memory_mb, buf, len, size, spawn);

    len = sup_put(buf, len, size, script);
    spawn->argc++;

    return len;
}


/* The wrapper, and what it has to execute. */

size_t
sup_wrap_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    int    i;
    char  *argv[SUP_LANG_ARGS], script[4096];

    len = sup_put(buf, len, size, sup_wrapper(env->version));
    spawn->argc = 1;

    if (env->version->lang == SUP_RT_NODE) {
        return sup_wrap_node(env, buf, len, size, spawn);
    }

    /* all up to the script: what is after it is for zygotes */

    (void) sup_lang_command(env->class->path, sup_runtime_root(), argv,
                            script, sizeof(script));

    for (i = 0; argv[i] != NULL; i++) {

        /* a wrapper may have things for Python in variables, and for site.py */

        if (env->version->lang != SUP_RT_PYTHON || argv[i][0] != '-') {
            len = sup_put(buf, len, size, argv[i]);
            spawn->argc++;
        }

        if (argv[i] == script) {
            break;
        }
    }

    return len;
}
