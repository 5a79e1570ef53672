/*
 * The manifest: what nginx's newest configuration wants.  Read, compared with
 * what runs, applied: same digest, same pool; another one, a new version;
 * gone, drained as soon as no worker serves the older configuration.
 *
 * Runs in the supervisor.
 */

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sup.h"


static int
sup_conf_globals(json_t *root)
{
    json_int_t    generation, request_max, response_max, forks;
    const char   *log, *level;
    json_error_t  err;
    int           layout, uid, gid, envs;

    if (json_unpack_ex(root, &err, 0,
            "{s:i, s:I, s:s, s:s, s:i, s:i, s:s, s:s, s:i, s:I, s:I, s:o, "
            "s:o}",
            "layout", &layout, "generation", &generation,
            "state_dir", &sup.state_dir, "runtime_dir", &sup.runtime_dir,
            "worker_uid", &uid, "worker_gid", &gid,
            "log", &log, "log_level", &level,
            "max_environments", &envs,
            "request_max", &request_max, "response_max", &response_max,
            "functions", &(json_t *) { NULL },
            "blanks", &(json_t *) { NULL }) == -1)
    {
        sup_log(SUP_LOG_CRIT, 0, "manifest \"%s\": %s",
                sup_run_path(FAAS_RUN_MANIFEST), err.text);
        return SUP_ERROR;
    }

    if (layout != FAAS_BOARD_LAYOUT) {
        sup_log(SUP_LOG_CRIT, 0, "manifest \"%s\" has layout %d, this "
                "supervisor understands %d",
                sup_run_path(FAAS_RUN_MANIFEST), layout, FAAS_BOARD_LAYOUT);
        return SUP_ERROR;
    }

    sup.generation = (uint64_t) generation;
    sup.worker_uid = (uid_t) uid;
    sup.worker_gid = (gid_t) gid;
    sup.max_envs = envs > 0 ? (uint32_t) envs : 1;
    forks = json_integer_value(json_object_get(root, "zygote_forks"));
    sup.zygote_forks = forks > 0 ? (uint32_t) forks : SUP_ZYGOTE_FORKS;
    sup.request_max = (uint64_t) request_max;
    sup.response_max = (uint64_t) response_max;

    if (sup.max_envs > sup.board.head->max_envs) {
        sup.max_envs = sup.board.head->max_envs;
    }

    sup_log_set_level(level);

    if (sup.log_option == NULL) {
        sup_log_open(log);
    }

    return SUP_OK;
}


/* The old manifest stays in force when the new one cannot be used. */

int
sup_conf_read(void)
{
    json_t        *root, *old;
    json_error_t   err;

    root = json_load_file(sup_run_path(FAAS_RUN_MANIFEST), 0, &err);

    if (root == NULL) {
        sup_log(SUP_LOG_CRIT, errno, "manifest \"%s\", line %d: %s",
                sup_run_path(FAAS_RUN_MANIFEST), err.line, err.text);
        return SUP_ERROR;
    }

    old = sup.manifest;

    if (sup_conf_globals(root) != SUP_OK) {

        if (old != NULL) {
            (void) sup_conf_globals(old);
        }

        json_decref(root);
        return SUP_ERROR;
    }

    sup.manifest = root;

    if (old != NULL) {
        json_decref(old);
    }

    return SUP_OK;
}


static sup_fn_t *
sup_conf_fn(json_t *spec)
{
    uint32_t     i;
    sup_fn_t    *fn;
    const char  *name;

    name = json_string_value(json_object_get(spec, "name"));

    if (name == NULL) {
        return NULL;
    }

    /* the master knows the place; a search goes through all of them */

    i = (uint32_t) json_integer_value(json_object_get(spec, "index"));

    if (i >= sup.board.head->max_functions
        || sup.board.fns[i].state == FAAS_FN_FREE
        || strcmp(sup.board.fns[i].name, name) != 0)
    {
        i = faas_board_find(&sup.board, name, strlen(name));
    }

    if (i == FAAS_NIL) {
        sup_log(SUP_LOG_CRIT, 0, "manifest: function \"%s\" is not in the "
                "scoreboard", name);
        return NULL;
    }

    fn = &sup.fns[i];
    (void) memcpy(fn->name, sup.board.fns[i].name, sizeof(fn->name) - 1);

    return fn;
}


/* Same pool, perhaps new limits. */

static void
sup_conf_same(sup_fn_t *fn, sup_version_t *v)
{
    int      changed;
    json_t  *spec;

    spec = v->spec;
    (void) json_incref(spec);
    sup_version_release(v);

    changed = !json_equal(spec, fn->live->spec);
    (void) sup_version_parse(fn->live, spec);
    json_decref(spec);

    sup_switch_cancel(fn);

    if (changed) {
        sup_saved_write(fn, fn->live, NULL);
    }

    sup_version_live(fn->live);
}


/*
 * V is new or changed.  Without a live version it serves at once, its
 * environments start on demand; otherwise it has to prove itself first.
 */

static void
sup_conf_changed(sup_fn_t *fn, sup_version_t *v)
{
    if (fn->next != NULL && strcmp(fn->next->digest, v->digest) == 0) {
        (void) sup_version_parse(fn->next, v->spec);
        sup_version_release(v);
        fn->next_retry_ms = 0;
        sup_switch_tick();
        return;
    }

    v->number = ++fn->last_number;

    if (v->code_state == SUP_CODE_FAILED && v->tried) {
        v->code_told = 0;                /* its unpacker has just said so */

    } else {
        sup_code_prepare(v);
    }

    if (fn->live != NULL) {
        sup_switch_begin(fn, v);
        return;
    }

    sup_log(SUP_LOG_INFO, 0, "function \"%s\": version %u is live",
            fn->name, v->number);
    sup_saved_write(fn, v, NULL);
    sup_version_live(v);
}


static void
sup_conf_forget(sup_fn_t *fn)
{
    sup_version_t  *v;

    v = fn->pending;
    fn->pending = NULL;
    sup_version_release(v);
}


void
sup_conf_function(sup_fn_t *fn, json_t *spec)
{
    sup_version_t  *v;

    fn->configured = 1;
    fn->removed = 0;

    v = sup_version_new(fn, spec);

    if (v == NULL) {
        return;
    }

    sup_watch_code(fn, v);
    sup_conf_forget(fn);

    /* what serves goes on until it is known whether this is the same */

    if (sup_code_digest(v) == SUP_AGAIN && fn->live != NULL
        && v->class != NULL)
    {
        fn->pending = v;
        sup_code_prepare(v);

        /* it may have been decided at once */

        if (fn->pending != v || v->code_state == SUP_CODE_BUSY) {
            return;
        }

        fn->pending = NULL;
    }

    sup_conf_decided(fn, v);
}


void
sup_conf_decided(sup_fn_t *fn, sup_version_t *v)
{
    if (fn->live != NULL && strcmp(fn->live->digest, v->digest) == 0) {
        sup_conf_same(fn, v);

    } else {
        sup_conf_changed(fn, v);
    }
}


void
sup_conf_apply(void)
{
    size_t     i;
    json_t    *list, *spec;
    uint32_t   n;
    sup_fn_t  *fn;

    for (n = 0; n < sup.board.head->max_functions; n++) {
        sup.fns[n].configured = 0;
    }

    list = json_object_get(sup.manifest, "functions");

    json_array_foreach(list, i, spec) {
        fn = sup_conf_fn(spec);

        if (fn != NULL) {
            sup_conf_function(fn, spec);
        }
    }

    sup_ledger_merge();
    sup_classes_count();

    sup.board.head->applied = sup.generation;

    sup_log(SUP_LOG_NOTICE, 0, "configuration %llu applied: %zu functions, "
            "at most %u environments", (unsigned long long) sup.generation,
            json_array_size(list), sup.max_envs);

    sup_conf_tick();
    sup_pool_demand_all();
    sup_pool_tick();
}


/* Rung by a master after a reload. */

void
sup_conf_load(void)
{
    const char  *step;

    if (sup.stage != SUP_RUNNING || sup_conf_read() != SUP_OK) {
        return;
    }

    if (sup.egress && sup_cgroup_policy(&step) != SUP_OK) {
        sup_log(SUP_LOG_CRIT, errno, "network: the new policy cannot be set "
                "(%s), the last one stays", step);
    }

    sup_conf_apply();
}


/* Functions that no configuration in service has any more. */

/*
 * The doorbell of a new configuration may have been lost: in a full queue, or
 * between two supervisors.  A manifest that cannot be read is tried once.
 */

void
sup_conf_check(void)
{
    uint64_t         generation;
    static uint64_t  tried;

    generation = sup.board.head->generation;

    if (generation == sup.board.head->applied || generation == tried) {
        return;
    }

    tried = generation;
    sup_conf_load();
}


void
sup_conf_tick(void)
{
    uint32_t        i;
    sup_fn_t       *fn;
    sup_version_t  *v;

    for (i = 0; i < sup.board.head->max_functions; i++) {
        fn = &sup.fns[i];

        if (sup.board.fns[i].state == FAAS_FN_FREE) {
            break;
        }

        if (fn->configured || fn->removed
            || sup_workers_generation() < sup.generation)
        {
            continue;
        }

        sup_log(SUP_LOG_NOTICE, 0, "function \"%s\" is not configured any "
                "more, its environments end", sup.board.fns[i].name);

        fn->removed = 1;
        sup_switch_cancel(fn);
        sup_conf_forget(fn);
        sup_unwatch_code(fn);
        sup_saved_remove(fn);

        if (faas_fn_lock(&sup.board, i) == FAAS_OK) {
            sup.board.fns[i].state = FAAS_FN_REMOVED;
            faas_fn_unlock(&sup.board, i);
        }

        sup_pool_end_fn(fn);

        v = fn->live;
        fn->live = NULL;
        sup_version_release(v);
    }
}
