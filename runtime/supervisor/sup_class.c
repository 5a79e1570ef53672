/*
 * Runtimes: which interpreter a name means, which environments of it are
 * interchangeable while they are blank, and how many blanks are kept.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "faas_java.h"
#include "sup.h"


#define SUP_BLANKS  2                    /* unless configured */


/* The heap limit of Node, Java and Mono is fixed when they start. */

static const uint32_t  sup_memory_classes[] = {
    128, 192, 256, 384, 512, 768, 1024, 1536, 2048, 3072, 4096, 6144, 8192,
    10240
};


static uint32_t
sup_memory_class(uint32_t memory_mb)
{
    size_t    i;
    uint32_t  class;

    class = sup_memory_classes[0];

    for (i = 0; i < sizeof(sup_memory_classes) / sizeof(uint32_t); i++) {
        if (sup_memory_classes[i] <= memory_mb) {
            class = sup_memory_classes[i];
        }
    }

    return class;
}


/* What is left for the heap beside code, stacks and buffers. */

uint32_t
sup_class_heap(uint32_t class_mb)
{
    return class_mb <= 512 ? class_mb / 4 * 3 : class_mb - 128;
}


int
sup_runtime_kind(const char *runtime, sup_kind_e *kind)
{
    if (strncmp(runtime, "python3", 7) == 0) {
        *kind = SUP_RT_PYTHON;

    } else if (strncmp(runtime, "nodejs", 6) == 0) {
        *kind = SUP_RT_NODE;

    } else if (faas_java_number(runtime) >= 0) {
        *kind = SUP_RT_JAVA;

    } else if (strcmp(runtime, "mono") == 0) {
        *kind = SUP_RT_MONO;

    } else if (strcmp(runtime, "native") == 0) {
        *kind = SUP_RT_NATIVE;

    } else if (strcmp(runtime, "fastcgi") == 0) {
        *kind = SUP_RT_FASTCGI;

    } else if (strcmp(runtime, "web") == 0
               || strcmp(runtime, "uwsgi") == 0)
    {
        *kind = SUP_RT_WEB;

    } else if (strcmp(runtime, "bash") == 0) {
        *kind = SUP_RT_BASH;

    } else if (strcmp(runtime, "provided") == 0
               || strcmp(runtime, "provided.al2") == 0
               || strcmp(runtime, "provided.al2023") == 0)
    {
        *kind = SUP_RT_PROVIDED;

    } else {
        return sup_lang_kind(runtime, kind);
    }

    return SUP_OK;
}


/*
 * The network that a version gets.  When it cannot be kept from what it may
 * not reach it is none; ordinary users have the host's, as the table in
 * ../README.md says.  But the Runtime API asks nobody for a password, so it is
 * offered only where nobody else can come.
 */

static sup_net_e
sup_class_network(const sup_version_t *v)
{
    if (v->kind == SUP_RT_PROVIDED && sup.boxed
        && (v->network != SUP_NET_EGRESS || !sup.egress))
    {
        return SUP_NET_NONE;
    }

    if (v->network != SUP_NET_EGRESS || sup.egress || !sup.boxed) {
        return v->network;
    }

    return sup.isolation == FAAS_ISOLATION_FULL ? SUP_NET_NONE : SUP_NET_HOST;
}


/* "python3" and the "python3.X" it points to share one zygote. */

static int
sup_interpreter(const char *runtime, sup_kind_e kind, char *path)
{
    char  name[PATH_MAX];

    if (kind == SUP_RT_NODE) {
        (void) strcpy(path, access("/usr/bin/node", X_OK) == 0
                            ? "/usr/bin/node" : "/usr/bin/nodejs");
        return access(path, X_OK);
    }

    if (kind == SUP_RT_JAVA) {
        return faas_java_find(faas_java_number(runtime), path, 256);
    }

    if (kind == SUP_RT_LANG) {
        sup_lang_program(runtime, name, sizeof(name));

    } else {
        (void) snprintf(name, sizeof(name), "/usr/bin/%s", runtime);
    }

    if (strchr(runtime, '/') != NULL || realpath(name, path) == NULL) {
        return -1;
    }

    return strlen(path) < 256 ? 0 : -1;
}


/*
 * What is forked must be in its network, and under its filter, before any
 * code of a function runs, so blanks differ in these.
 */

static int
sup_class_filter(sup_class_t *c, const sup_version_t *v)
{
    c->network = sup_class_network(v);
    c->refused = json_incref(v->refused);

    if (sup.isolation == FAAS_ISOLATION_NONE) {
        return SUP_OK;
    }

    /* without mounts all names of sockets are in reach, past Landlock */

    c->filter = sup_seccomp_filter(c->refused, sup.boxed
                                   && (sup.scoped
                                       || c->network != SUP_NET_EGRESS),
                                   &c->filter_len);

    return c->filter != NULL ? SUP_OK : SUP_ERROR;
}


/* For logs, and for zygotes, of which there is one for each name. */

static void
sup_class_name(sup_class_t *c, const sup_version_t *v)
{
    switch (v->kind) {

    case SUP_RT_PYTHON:
    case SUP_RT_LANG:
    case SUP_RT_WRAPPED:
        (void) snprintf(c->name, sizeof(c->name), "%.40s",
                        strrchr(c->path, '/') + 1);
        break;

    case SUP_RT_NODE:
        (void) snprintf(c->name, sizeof(c->name), "nodejs/%uMB",
                        c->memory_mb);
        break;

    case SUP_RT_JAVA:
    case SUP_RT_MONO:
        (void) snprintf(c->name, sizeof(c->name), "%.30s/%uMB", v->runtime,
                        c->memory_mb);
        break;

    default:
        (void) snprintf(c->name, sizeof(c->name), "%s",
                        v->kind == SUP_RT_NATIVE ? "native"
                        : v->kind == SUP_RT_FASTCGI ? "fastcgi"
                        : v->kind == SUP_RT_WEB ? "web"
                        : v->kind == SUP_RT_BASH ? "bash" : "provided");
        break;
    }
}


static sup_class_t *
sup_class_make(const sup_version_t *v, const char *path, uint32_t memory_mb,
    unsigned alone)
{
    sup_class_t  *c;

    c = calloc(1, sizeof(sup_class_t));

    if (c == NULL) {
        return NULL;
    }

    c->kind = v->kind;
    c->memory_mb = memory_mb;
    c->alone = alone;
    (void) snprintf(c->path, sizeof(c->path), "%s", path);

    sup_class_name(c, v);

    /* what cannot be forked is executed by one that does that for all */

    c->zygote = v->kind == SUP_RT_PYTHON || v->kind == SUP_RT_LANG
                ? sup_zygote_get(c->name, path) : sup_zygote_get("exec", "");

    if (c->zygote == NULL || sup_class_filter(c, v) != SUP_OK) {
        json_decref(c->refused);
        free(c);
        return NULL;
    }

    c->next = sup.classes;
    sup.classes = c;

    return c;
}


sup_class_t *
sup_class_get(const sup_version_t *v)
{
    char          path[PATH_MAX];
    unsigned      alone;
    uint32_t      memory_mb;
    sup_class_t  *c;

    path[0] = '\0';

    if ((v->kind < SUP_RT_NATIVE || v->kind == SUP_RT_WRAPPED)
        && sup_interpreter(v->runtime, v->lang, path) == -1)
    {
        return NULL;
    }

    memory_mb = v->kind == SUP_RT_NODE || v->kind == SUP_RT_JAVA
                || v->kind == SUP_RT_MONO
                ? sup_memory_class(v->memory_mb) : 0;
    alone = v->kind == SUP_RT_JAVA && sup_java_alone(v);

    for (c = sup.classes; c != NULL; c = c->next) {
        if (c->kind == v->kind && c->memory_mb == memory_mb
            && c->alone == alone
            && c->network == sup_class_network(v)
            && strcmp(c->path, path) == 0
            && (c->refused == v->refused
                || json_equal(c->refused, v->refused)))
        {
            return c;
        }
    }

    return sup_class_make(v, path, memory_mb, alone);
}


/* The number configured for blanks of this class, or the default. */

static uint32_t
sup_class_wanted(sup_class_t *c)
{
    char         path[PATH_MAX];
    size_t       i;
    json_t      *list, *item;
    sup_kind_e   kind;
    uint32_t     wanted;
    const char  *runtime;

    if (c->users == 0 || c->kind >= SUP_RT_NATIVE || c->alone
        || sup.isolation == FAAS_ISOLATION_LANDLOCK)
    {
        return 0;
    }

    wanted = SUP_BLANKS;
    list = json_object_get(sup.manifest, "blanks");

    json_array_foreach(list, i, item) {
        runtime = json_string_value(json_object_get(item, "runtime"));

        if (runtime == NULL || sup_runtime_kind(runtime, &kind) != SUP_OK
            || kind != c->kind
            || sup_interpreter(runtime, kind, path) == -1
            || strcmp(path, c->path) != 0)
        {
            continue;
        }

        wanted = (uint32_t) json_integer_value(json_object_get(item,
                                                               "count"));
    }

    return wanted;
}


/* After a configuration was applied. */

void
sup_classes_count(void)
{
    uint32_t      i;
    sup_fn_t     *fn;
    sup_class_t  *c;

    for (c = sup.classes; c != NULL; c = c->next) {
        c->users = 0;
    }

    for (i = 0; i < sup.board.head->max_functions; i++) {
        fn = &sup.fns[i];

        if (!fn->configured) {
            continue;
        }

        if (fn->live != NULL && fn->live->class != NULL) {
            fn->live->class->users++;
        }

        if (fn->next != NULL && fn->next->class != NULL) {
            fn->next->class->users++;
        }
    }

    for (c = sup.classes; c != NULL; c = c->next) {
        c->wanted = sup_class_wanted(c);
        sup_blanks_trim(c);
    }

    sup_refill_soon();
}
