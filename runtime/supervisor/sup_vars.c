/*
 * What an environment is told: its variables as Lambda sets them (contract
 * 3.1), the INIT message, the command line of programs.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "sup.h"


const char *
sup_task_root(sup_version_t *v)
{
    if (sup.boxed) {
        return "/var/task";
    }

    return v->root != NULL ? v->root : "/nonexistent";
}


const char *
sup_runtime_root(void)
{
    return sup.boxed ? "/var/runtime" : sup.runtime_dir;
}


void
sup_var(json_t *vars, const char *name, const char *value)
{
    (void) json_object_set_new(vars, name, json_string(value));
}


/* date/[version]random, as contract section 0 */

static void
sup_log_stream(char *buf, size_t size, const char *version)
{
    time_t     now;
    u_char     rnd[16];
    size_t     i, len;
    struct tm  tm;

    now = time(NULL);
    (void) gmtime_r(&now, &tm);

    if (getrandom(rnd, sizeof(rnd), 0) != (ssize_t) sizeof(rnd)) {
        memset(rnd, 0, sizeof(rnd));
    }

    len = strftime(buf, size, "%Y/%m/%d/[", &tm);
    len += (size_t) snprintf(buf + len, size - len, "%.16s]", version);

    for (i = 0; i < sizeof(rnd) && len + 3 < size; i++) {
        len += sprintf(buf + len, "%02x", rnd[i]);
    }
}


/* Our bootstrap looks in layers by itself, the official client does not. */

static void
sup_vars_python(json_t *vars, sup_version_t *v)
{
    char  text[PATH_MAX + 128], path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "/usr/bin/%.64s", v->runtime);

    if (v->kind != SUP_RT_PROVIDED || v->n_parts < 2
        || realpath(path, text) == NULL)
    {
        sup_var(vars, "PYTHONPATH", sup_runtime_root());
        return;
    }

    (void) snprintf(path, sizeof(path), "%s", strrchr(text, '/') + 1);
    (void) snprintf(text, sizeof(text), "/opt/python/lib/%.64s/site-packages:"
                    "/opt/python:%.3000s", path, sup_runtime_root());
    sup_var(vars, "PYTHONPATH", text);
}


/* "nodejs20.x"; of "nodejs" the bootstrap knows which one it is. */

static void
sup_vars_node(json_t *vars, sup_version_t *v)
{
    int   major;
    char  text[512], numbered[64];

    numbered[0] = '\0';

    if (sscanf(v->runtime, "nodejs%d.x", &major) == 1) {
        (void) snprintf(numbered, sizeof(numbered),
                        "/opt/nodejs/node%d/node_modules:", major);
    }

    (void) snprintf(text, sizeof(text), "%s/opt/nodejs/node_modules:"
                    "/var/runtime/node_modules:/var/runtime:%.300s",
                    numbered, sup_task_root(v));
    sup_var(vars, "NODE_PATH", text);
}


static void
sup_vars_runtime(json_t *vars, sup_version_t *v)
{
    char  text[512];

    if (v->kind == SUP_RT_WEB) {
        return;                          /* a program as it is anywhere */
    }

    if (v->kind == SUP_RT_FASTCGI) {

        /* max_requests is ours to enforce; php-cgi would end after 500 */

        if (json_object_get(v->variables, "PHP_FCGI_MAX_REQUESTS") == NULL) {
            sup_var(vars, "PHP_FCGI_MAX_REQUESTS", "0");
        }

        return;
    }

    if (v->image) {
        sup_start_vars(v, vars);
        return;
    }

    sup_var(vars, "LD_LIBRARY_PATH", SUP_LD_PATH);

    if (v->lang == SUP_RT_PYTHON) {
        sup_vars_python(vars, v);

    } else if (v->lang == SUP_RT_NODE) {
        sup_vars_node(vars, v);

    } else if (v->lang == SUP_RT_LANG) {
        sup_lang_vars(v, vars);
    }

    if (v->lang < SUP_RT_NATIVE) {
        /* of "python3" the class knows which one it is */

        (void) snprintf(text, sizeof(text), "AWS_Lambda_%.40s",
                        v->kind != SUP_RT_PROVIDED
                        && (v->lang == SUP_RT_PYTHON || v->lang == SUP_RT_LANG)
                        ? v->class->name : v->runtime);
        sup_var(vars, "AWS_EXECUTION_ENV", text);
    }
}


/* An image knows its own folders, and its handler is its last word. */

static void
sup_vars_folders(json_t *vars, sup_version_t *v)
{
    size_t   n;
    json_t  *command, *last;

    if (!v->image) {
        sup_var(vars, "_HANDLER", v->handler);
        sup_var(vars, "LAMBDA_TASK_ROOT", sup_task_root(v));
        sup_var(vars, "LAMBDA_RUNTIME_DIR", sup_runtime_root());
        return;
    }

    if (json_object_get(vars, "LAMBDA_TASK_ROOT") == NULL) {
        sup_var(vars, "LAMBDA_TASK_ROOT", "/var/task");
    }

    if (json_object_get(vars, "LAMBDA_RUNTIME_DIR") == NULL) {
        sup_var(vars, "LAMBDA_RUNTIME_DIR", "/var/runtime");
    }

    command = sup_start_command(v);
    n = json_array_size(command);
    last = n > 0 ? json_array_get(command, n - 1) : NULL;
    sup_var(vars, "_HANDLER", json_is_string(last) ? json_string_value(last)
                                                   : "");
    json_decref(command);
}


/* Later wins: the function's own variables never hide reserved ones. */

json_t *
sup_vars(sup_env_t *env, const char *stream)
{
    char            text[128];
    json_t         *vars;
    sup_version_t  *v;

    v = env->version;
    vars = json_object();

    if (vars == NULL) {
        return NULL;
    }

    sup_var(vars, "PATH", "/usr/local/bin:/usr/bin:/bin:/opt/bin");
    sup_var(vars, "LANG", "en_US.UTF-8");
    sup_var(vars, "TZ", ":UTC");
    sup_vars_runtime(vars, v);

    (void) json_object_update(vars, v->variables);

    sup_vars_folders(vars, v);
    sup_var(vars, "AWS_REGION", v->region);
    sup_var(vars, "AWS_DEFAULT_REGION", v->region);
    sup_var(vars, "AWS_LAMBDA_FUNCTION_NAME", v->lambda_name);
    sup_var(vars, "AWS_LAMBDA_FUNCTION_VERSION", v->lambda_version);
    sup_var(vars, "AWS_LAMBDA_LOG_STREAM_NAME", stream);
    sup_var(vars, "AWS_LAMBDA_INITIALIZATION_TYPE",
            env->provisioned ? "provisioned-concurrency" : "on-demand");

    if ((v->kind == SUP_RT_PROVIDED || v->lang == SUP_RT_NODE)
        && v->capacity > 1)
    {
        (void) snprintf(text, sizeof(text), "%u", v->capacity);
        sup_var(vars, "AWS_LAMBDA_MAX_CONCURRENCY", text);
    }

    /* the one folder that it may write to, in the place of /tmp */

    if (sup.isolation == FAAS_ISOLATION_LANDLOCK) {
        sup_var(vars, "TMPDIR", sup_run_path(sup_tmp_name(env->slot)));
    }

    (void) snprintf(text, sizeof(text), "%u", v->memory_mb);
    sup_var(vars, "AWS_LAMBDA_FUNCTION_MEMORY_SIZE", text);

    (void) snprintf(text, sizeof(text), "/aws/lambda/%s", v->lambda_name);
    sup_var(vars, "AWS_LAMBDA_LOG_GROUP_NAME", text);

    return vars;
}


/* The payload of FAAS_CTL_INIT; the caller frees it. */

char *
sup_init_message(sup_env_t *env)
{
    char           *text, stream[80], group[128];
    json_t         *vars, *msg;
    sup_version_t  *v;

    v = env->version;
    sup_log_stream(stream, sizeof(stream), v->lambda_version);
    (void) snprintf(group, sizeof(group), "/aws/lambda/%s", v->lambda_name);

    vars = sup_vars(env, stream);

    if (vars == NULL) {
        return NULL;
    }

    /* one that was executed with them has what its wrapper made of them */

    if (v->kind == SUP_RT_WRAPPED) {
        json_decref(vars);
        vars = NULL;
    }

    msg = json_pack("{s:s, s:s, s:o*, s:s, s:s, s:i, s:s, s:s, s:s, s:I, "
                    "s:I}",
                    "handler", v->handler,
                    "taskRoot", sup_task_root(v),
                    "environment", vars,
                    "functionName", v->lambda_name,
                    "functionVersion", v->lambda_version,
                    "memoryMB", (int) v->memory_mb,
                    "logGroup", group,
                    "logStream", stream,
                    "initType", env->provisioned ? "provisioned-concurrency"
                                                 : "on-demand",
                    "requestMax", (json_int_t) sup.request_max,
                    "responseMax", (json_int_t) sup.response_max);

    text = json_dumps(msg, JSON_COMPACT);
    json_decref(msg);

    return text;
}


size_t
sup_put(char *buf, size_t len, size_t size, const char *text)
{
    size_t  n;

    n = strlen(text) + 1;

    if (len == 0 || len + n > size) {
        return 0;
    }

    memcpy(buf + len, text, n);

    return len + n;
}


static size_t
sup_put_vars(char *buf, size_t len, size_t size, json_t *vars,
    uint32_t *envc)
{
    int          n;
    json_t      *value;
    const char  *name;

    json_object_foreach(vars, name, value) {

        if (len == 0 || len >= size || !json_is_string(value)) {
            return 0;
        }

        n = snprintf(buf + len, size - len, "%s=%s", name,
                     json_string_value(value));

        if (n < 0 || (size_t) n >= size - len) {
            return 0;
        }

        len += (size_t) n + 1;
        (*envc)++;
    }

    return len;
}


/* As Lambda does; the young generation is up to three semi-spaces. */

static size_t
sup_command_heap(uint32_t memory_mb, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    char  text[64];

    (void) snprintf(text, sizeof(text), "--max-old-space-size=%u",
                    sup_class_heap(memory_mb));
    len = sup_put(buf, len, size, text);

    (void) snprintf(text, sizeof(text), "--max-semi-space-size=%u",
                    memory_mb * 5 / 100);
    len = sup_put(buf, len, size, text);

    spawn->argc += 2;

    return len;
}


/* Without variables. */

size_t
sup_node_args(const sup_class_t *c, uint32_t memory_mb, char *buf, size_t len,
    size_t size, faas_spawn_t *spawn)
{
    char  script[4096];

    (void) snprintf(script, sizeof(script), "%s/node/bootstrap.cjs",
                    sup_runtime_root());

    len = sup_put(buf, len, size, c->path);
    spawn->argc++;

    len = sup_command_heap(memory_mb, buf, len, size, spawn);

    len = sup_put(buf, len, size, script);
    spawn->argc++;

    return len;
}


/* A blank of an exec'ed runtime: it gets its variables with INIT. */

static size_t
sup_command_node(sup_class_t *c, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    spawn->argc = 0;
    len = sup_node_args(c, c->memory_mb, buf, len, size, spawn);

    len = sup_put(buf, len, size, "PATH=/usr/local/bin:/usr/bin:/bin");
    len = sup_put(buf, len, size, "LANG=en_US.UTF-8");
    spawn->envc = 2;

    if (sup.boxed) {
        len = sup_put(buf, len, size, "LD_LIBRARY_PATH=" SUP_LD_PATH);
        spawn->envc++;
    }

    return len;
}


/* The Runtime API bridge, which executes the rest of the command line. */

static size_t
sup_command_provided(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    char  path[4096];

    (void) snprintf(path, sizeof(path), "%s/faas-provided%s",
                    env->version->image ? FAAS_IMAGE_RUNTIME
                                        : sup_runtime_root(),
                    env->version->image ? "-static" : "");
    len = sup_put(buf, len, size, path);

    spawn->argc = 1;

    if (env->version->image) {
        len = sup_put(buf, len, size, "--image");
        len = sup_put(buf, len, size, sup_start_folder(env->version));
        spawn->argc += 2;
    }

    /* where it shares the host's network there is an address for it */

    if (sup.boxed && env->class->network == SUP_NET_EGRESS) {
        len = sup_put(buf, len, size, "--own-address");
        spawn->argc++;
    }

    if (env->version->lang != SUP_RT_PROVIDED) {
        len = sup_put(buf, len, size, "--log-descriptor");
        spawn->argc++;
    }

    len = sup_put(buf, len, size, "--");
    spawn->argc++;

    if (sup_wrapper(env->version) != NULL) {
        len = sup_put(buf, len, size, sup_wrapper(env->version));
        spawn->argc++;
    }

    return len;
}


/* What speaks HTTP to the program, which is the rest of the command line. */

static size_t
sup_command_web(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    char            path[4096];
    sup_version_t  *v;

    v = env->version;
    (void) snprintf(path, sizeof(path), "%s/faas-web", sup_runtime_root());
    len = sup_put(buf, len, size, path);
    spawn->argc = 1;

    if (sup.boxed && env->class->network == SUP_NET_EGRESS) {
        len = sup_put(buf, len, size, "--own-address");
        spawn->argc++;
    }

    if (strcmp(v->runtime, "uwsgi") == 0) {
        len = sup_put(buf, len, size, "--uwsgi");
        spawn->argc++;
    }

    if (v->listen != NULL) {
        len = sup_put(buf, len, size, "--listen");
        len = sup_put(buf, len, size, v->listen);
        spawn->argc += 2;
    }

    if (v->readiness != NULL) {
        len = sup_put(buf, len, size, "--ready");
        len = sup_put(buf, len, size, v->readiness);
        spawn->argc += 2;
    }

    len = sup_put(buf, len, size, "--");
    spawn->argc++;

    return len;
}


static size_t
sup_command_program(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    char            path[4096], stream[80];
    size_t          i;
    json_t         *vars, *item, *command;
    sup_version_t  *v;

    v = env->version;
    command = v->image ? sup_start_command(v) : json_incref(v->command);

    if (v->kind == SUP_RT_NATIVE) {
        (void) snprintf(path, sizeof(path), "%s/%s", sup_task_root(v),
                        v->handler[0] ? v->handler : "bootstrap");
        len = sup_put(buf, len, size, path);
        spawn->argc = 1;
    }

    if (v->kind == SUP_RT_BASH) {
        (void) snprintf(path, sizeof(path), "%s/faas-bash",
                        sup_runtime_root());
        len = sup_put(buf, len, size, path);
        spawn->argc = 1;
    }

    if (v->kind == SUP_RT_PROVIDED) {
        len = sup_command_provided(env, buf, len, size, spawn);
    }

    if (v->kind == SUP_RT_WEB) {
        len = sup_command_web(env, buf, len, size, spawn);
    }

    if (v->kind == SUP_RT_WRAPPED) {
        len = sup_wrap_command(env, buf, len, size, spawn);
    }

    if (v->kind == SUP_RT_FASTCGI || v->kind == SUP_RT_PROVIDED
        || v->kind == SUP_RT_WEB)
    {
        json_array_foreach(command, i, item) {
            if (json_is_string(item)) {
                len = sup_put(buf, len, size, json_string_value(item));
                spawn->argc++;
            }

            if (i == 0 && v->lang == SUP_RT_NODE) {
                len = sup_command_heap(v->memory_mb, buf, len, size, spawn);
            }
        }
    }

    json_decref(command);
    sup_log_stream(stream, sizeof(stream), env->version->lambda_version);
    vars = sup_vars(env, stream);
    len = sup_put_vars(buf, len, size, vars, &spawn->envc);
    json_decref(vars);

    return len;
}


/*
 * Appends the strings of a SPAWN message for an exec'ed program to BUF, which
 * holds LEN bytes.  The new length, or 0 when they do not fit.
 */

size_t
sup_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn)
{
    switch (env->class->kind) {

    case SUP_RT_NODE:
        return sup_command_node(env->class, buf, len, size, spawn);

    case SUP_RT_JAVA:
        return sup_java_command(env, buf, len, size, spawn);

    case SUP_RT_MONO:
        return sup_mono_command(env, buf, len, size, spawn);

    case SUP_RT_PYTHON:
    case SUP_RT_LANG:
        return len;

    default:
        return sup_command_program(env, buf, len, size, spawn);
    }
}
