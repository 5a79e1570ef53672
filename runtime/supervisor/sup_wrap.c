/*
 * Functions whose runtime is started for them alone, with their variables,
 * since that is when these count: those with AWS_LAMBDA_EXEC_WRAPPER, a program
 * of the function's, or of a layer, that starts the runtime (contract 3.1), and
 * those with options for the interpreter.  What the wrapper makes of the
 * variables is what the runtime has.  There are no blanks of these.
 *
 * Runs in the supervisor.
 */

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


/* Does it have what only an interpreter that starts looks at? */

int
sup_wrapped(const sup_version_t *v)
{
    const char  *name;

    if (sup_wrapper(v) != NULL) {
        return 1;
    }

    name = v->lang == SUP_RT_NODE ? "NODE_OPTIONS"
           : v->lang == SUP_RT_MONO ? "MONO_ENV_OPTIONS"
           : strncmp(v->runtime, "ruby", 4) == 0 ? "RUBYOPT"
           : strncmp(v->runtime, "perl", 4) == 0 ? "PERL5OPT"
           : NULL;

    return name != NULL && json_object_get(v->variables, name) != NULL;
}


/* The wrapper, if there is one, and what it has to execute. */

size_t
sup_wrap_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    int    i;
    char  *argv[SUP_LANG_ARGS], script[4096];

    if (sup_wrapper(env->version) != NULL) {
        len = sup_put(buf, len, size, sup_wrapper(env->version));
        spawn->argc++;
    }

    if (env->version->lang == SUP_RT_NODE) {
        return sup_node_args(env->class, env->version->memory_mb, buf, len,
                             size, spawn);
    }

    if (env->version->lang == SUP_RT_JAVA) {
        return sup_java_args(env, buf, len, size, spawn);
    }

    if (env->version->lang == SUP_RT_MONO) {
        return sup_mono_args(env, buf, len, size, spawn);
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
