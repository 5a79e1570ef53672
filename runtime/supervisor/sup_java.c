/*
 * How a JVM is started: its options for a size of memory, and the functions
 * whose own options make a blank useless.
 *
 * Runs in the supervisor.
 */

#include <stdio.h>
#include <string.h>

#include "sup.h"


/* What a JVM reads when it starts. */

static const char  *sup_java_options[] = {
    "JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS", "_JAVA_OPTIONS", NULL
};


/*
 * Is a JVM of its own needed?  A blank has read its options before it is given
 * a function; and without mounts it cannot know the function's folder, which
 * Java never asks for again.
 */

int
sup_java_alone(const sup_version_t *v)
{
    int  i;

    if (!sup.boxed) {
        return 1;
    }

    for (i = 0; sup_java_options[i] != NULL; i++) {
        if (json_object_get(v->variables, sup_java_options[i]) != NULL) {
            return 1;
        }
    }

    return 0;
}


/* Do the function's own options say one of WORDS, separated by spaces? */

static int
sup_java_says(const sup_version_t *v, const char *words)
{
    int          i;
    char         word[64];
    size_t       n;
    const char  *p, *value;

    for (i = 0; v != NULL && sup_java_options[i] != NULL; i++) {
        value = json_string_value(json_object_get(v->variables,
                                                  sup_java_options[i]));

        for (p = words; value != NULL && *p; p += n + strspn(p + n, " ")) {
            n = strcspn(p, " ");
            (void) snprintf(word, sizeof(word), "%.*s", (int) n, p);

            if (strstr(value, word) != NULL) {
                return 1;
            }
        }
    }

    return 0;
}


/*
 * As on Lambda one compiler and the collector that needs no threads: with
 * little memory and a share of a processor others cost more than they give.
 * The heap begins with a quarter, so that a first request finds room in it.
 * What a function has its own words for is not said twice: some pairs of
 * options keep a JVM from starting, and of others ours would win.
 */

static size_t
sup_java_heap(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    size_t    i;
    char      largest[32], first[32];
    uint32_t  heap;

    struct {
        const char  *option;
        const char  *words;
    } options[] = {
        { largest, "-Xmx HeapSize MaxRAM" },
        { first, "-Xm HeapSize RAM" },
        { "-XX:+UseSerialGC", "GC" },
        { "-XX:TieredStopAtLevel=1", "Tiered -Xint -Xcomp" },
        { "-Xrs", "" },
        { "-XX:-UsePerfData", "UsePerfData" },
        { "-XX:-UseContainerSupport", "UseContainerSupport" },
        { "-Dfile.encoding=UTF-8", "-Dfile.encoding" },
        { "-Duser.language=en", "-Duser.language" },
        { "-Duser.country=US", "-Duser.country" }
    };

    /* one that is started for a function alone is of no size's class */

    heap = sup_class_heap(env->class->memory_mb != 0
                          ? env->class->memory_mb : env->version->memory_mb);

    (void) snprintf(largest, sizeof(largest), "-Xmx%um", heap);
    (void) snprintf(first, sizeof(first), "-Xms%um", heap / 4);

    for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {

        if (!sup_java_says(env->version, options[i].words)) {
            len = sup_put(buf, len, size, options[i].option);
            spawn->argc++;
        }
    }

    return len;
}


/* Variables that count before the others come with INIT. */

static size_t
sup_java_vars(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    int             i;
    char            text[8192];
    const char     *value;
    sup_version_t  *v;

    v = env->version;

    len = sup_put(buf, len, size, "PATH=/usr/local/bin:/usr/bin:/bin");

    /* names of files are UTF-8, whatever locales the machine has */

    len = sup_put(buf, len, size, "LC_ALL=C.UTF-8");
    len = sup_put(buf, len, size, "LD_LIBRARY_PATH=" SUP_LD_PATH);

    (void) snprintf(text, sizeof(text), "LAMBDA_TASK_ROOT=%s",
                    v != NULL ? sup_task_root(v) : "/var/task");
    len = sup_put(buf, len, size, text);

    spawn->envc = 4;

    for (i = 0; v != NULL && sup_java_options[i] != NULL; i++) {
        value = json_string_value(json_object_get(v->variables,
                                                  sup_java_options[i]));

        if (value == NULL) {
            continue;
        }

        if (strlen(value) + 32 > sizeof(text)) {
            return 0;
        }

        (void) snprintf(text, sizeof(text), "%s=%s", sup_java_options[i],
                        value);
        len = sup_put(buf, len, size, text);
        spawn->envc++;
    }

    return len;
}


/* Without variables. */

size_t
sup_java_args(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    char  path[4096];

    len = sup_put(buf, len, size, env->class->path);
    spawn->argc++;
    len = sup_java_heap(env, buf, len, size, spawn);

    (void) snprintf(path, sizeof(path), "%s/java/faas-java.jar",
                    sup_runtime_root());

    len = sup_put(buf, len, size, "-jar");
    len = sup_put(buf, len, size, path);
    spawn->argc += 2;

    return len;
}


size_t
sup_java_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    spawn->argc = 0;
    len = sup_java_args(env, buf, len, size, spawn);

    return sup_java_vars(env, buf, len, size, spawn);
}
