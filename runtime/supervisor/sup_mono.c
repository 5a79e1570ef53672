/*
 * How a Mono is started.  Functions with options of their own for it are
 * sup_wrap.c's.
 *
 * Runs in the supervisor.
 */

#include <stdio.h>

#include "sup.h"


/* Without variables. */

size_t
sup_mono_args(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    int       i;
    char      path[4096], gc[80];
    uint32_t  memory_mb;

    /* with lines of files in stack traces */

    const char  *argv[] = { env->class->path, "--debug", gc, path };

    /* one that is started for a function alone is of no size's class */

    memory_mb = env->class->memory_mb != 0 ? env->class->memory_mb
                                           : env->version->memory_mb;

    /*
     * A collector that needs no thread: with a share of a processor another
     * one costs more than it gives.  Mono knows no limit of a control group,
     * and lets garbage grow by a third of what is in use, or by 16 MB above
     * this size: not more is collected too late.
     */

    (void) snprintf(gc, sizeof(gc),
                    "--gc-params=major=marksweep,soft-heap-limit=%um",
                    sup_class_heap(memory_mb) / 2);

    (void) snprintf(path, sizeof(path), "%s/mono/faas-mono.exe",
                    sup_runtime_root());

    for (i = 0; i < (int) (sizeof(argv) / sizeof(argv[0])); i++) {
        len = sup_put(buf, len, size, argv[i]);
        spawn->argc++;
    }

    return len;
}


/* Variables that count before the others come with INIT. */

size_t
sup_mono_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    size_t  i;

    static const char  *vars[] = {
        "PATH=/usr/local/bin:/usr/bin:/bin",

        /* names of files are UTF-8, whatever locales the machine has */

        "LC_ALL=C.UTF-8",
        "LD_LIBRARY_PATH=" SUP_LD_PATH,

        /* a file in /dev/shm, for tools that are not there */

        "MONO_DISABLE_SHARED_AREA=1"
    };

    spawn->argc = 0;
    len = sup_mono_args(env, buf, len, size, spawn);

    for (i = 0; i < sizeof(vars) / sizeof(vars[0]); i++) {
        len = sup_put(buf, len, size, vars[i]);
    }

    spawn->envc = i;

    return len;
}
