/*
 * The manifest: the configuration as the supervisor reads it, a JSON file in
 * the run directory.  Written whole under another name and renamed, so that a
 * supervisor that starts at any moment finds a complete one.
 *
 * Runs in the master.
 */

#include "ngx_http_faas.h"
#include "faas_json.h"


typedef struct {
    u_char     *start;
    u_char     *pos;
    u_char     *end;
    ngx_uint_t  failed;
} ngx_http_faas_text_t;


static void
ngx_http_faas_text_room(ngx_http_faas_text_t *t, size_t n)
{
    size_t   size, used;
    u_char  *p;

    if (t->failed || (size_t) (t->end - t->pos) >= n) {
        return;
    }

    used = t->pos - t->start;
    size = 2 * (used + n);

    p = realloc(t->start, size);
    if (p == NULL) {
        t->failed = 1;
        return;
    }

    t->start = p;
    t->pos = p + used;
    t->end = p + size;
}


static void
ngx_http_faas_text_raw(ngx_http_faas_text_t *t, const char *s)
{
    size_t  n;

    n = ngx_strlen(s);
    ngx_http_faas_text_room(t, n);

    if (!t->failed) {
        t->pos = ngx_cpymem(t->pos, s, n);
    }
}


static void
ngx_http_faas_text_str(ngx_http_faas_text_t *t, ngx_str_t *s)
{
    ngx_http_faas_text_room(t, s->len * 6 + 2);

    if (!t->failed) {
        *t->pos++ = '"';
        t->pos = faas_json_escape(t->pos, s->data, s->len);
        *t->pos++ = '"';
    }
}


static void
ngx_http_faas_text_key_str(ngx_http_faas_text_t *t, const char *key,
    ngx_str_t *s)
{
    ngx_http_faas_text_raw(t, key);
    ngx_http_faas_text_str(t, s);
}


static void
ngx_http_faas_text_key_num(ngx_http_faas_text_t *t, const char *key,
    uint64_t n)
{
    ngx_http_faas_text_raw(t, key);
    ngx_http_faas_text_room(t, NGX_INT64_LEN);

    if (!t->failed) {
        t->pos = ngx_sprintf(t->pos, "%uL", n);
    }
}


static void
ngx_http_faas_manifest_lists(ngx_http_faas_text_t *t,
    ngx_http_faas_function_t *fn)
{
    ngx_str_t     *arg;
    ngx_uint_t     i;
    ngx_keyval_t  *kv;

    ngx_http_faas_text_raw(t, ",\"command\":[");

    if (fn->command) {
        arg = fn->command->elts;

        for (i = 0; i < fn->command->nelts; i++) {
            ngx_http_faas_text_raw(t, i ? "," : "");
            ngx_http_faas_text_str(t, &arg[i]);
        }
    }

    ngx_http_faas_text_raw(t, "],\"environment\":{");

    if (fn->environment) {
        kv = fn->environment->elts;

        for (i = 0; i < fn->environment->nelts; i++) {
            ngx_http_faas_text_raw(t, i ? "," : "");
            ngx_http_faas_text_str(t, &kv[i].key);
            ngx_http_faas_text_raw(t, ":");
            ngx_http_faas_text_str(t, &kv[i].value);
        }
    }

    ngx_http_faas_text_raw(t, "}");
}


static void
ngx_http_faas_text_list(ngx_http_faas_text_t *t, const char *key,
    ngx_array_t *list)
{
    ngx_str_t   *item;
    ngx_uint_t   i;

    ngx_http_faas_text_raw(t, key);

    item = list ? list->elts : NULL;

    for (i = 0; list && i < list->nelts; i++) {
        ngx_http_faas_text_raw(t, i ? "," : "");
        ngx_http_faas_text_str(t, &item[i]);
    }

    ngx_http_faas_text_raw(t, "]");
}


static void
ngx_http_faas_manifest_sandbox(ngx_http_faas_text_t *t,
    ngx_http_faas_function_t *fn)
{
    ngx_uint_t              i;
    ngx_http_faas_mount_t  *m;

    static const char  *networks[] = {
        ",\"network\":\"egress\"", ",\"network\":\"none\"",
        ",\"network\":\"host\""
    };

    ngx_http_faas_text_raw(t, networks[fn->network]);
    ngx_http_faas_text_key_num(t, ",\"cpu_milli\":", fn->cpu);
    ngx_http_faas_text_list(t, ",\"refused\":[", fn->seccomp);
    ngx_http_faas_text_raw(t, ",\"shared\":[");

    m = fn->mounts ? fn->mounts->elts : NULL;

    for (i = 0; fn->mounts && i < fn->mounts->nelts; i++) {
        ngx_http_faas_text_key_str(t, i ? ",{\"source\":" : "{\"source\":",
                                   &m[i].source);
        ngx_http_faas_text_key_str(t, ",\"target\":", &m[i].target);
        ngx_http_faas_text_raw(t, m[i].write ? ",\"write\":true}"
                                             : ",\"write\":false}");
    }

    ngx_http_faas_text_raw(t, "]");
}


/* What there is only of some functions, and what is run with which words. */

static void
ngx_http_faas_manifest_program(ngx_http_faas_text_t *t,
    ngx_http_faas_function_t *fn)
{
    if (fn->form == NGX_HTTP_FAAS_IMAGE) {
        ngx_http_faas_text_raw(t, ",\"image\":true");
    }

    if (fn->text.len) {
        ngx_http_faas_text_key_str(t, ",\"text\":", &fn->text);
    }

    if (fn->listen.len) {
        ngx_http_faas_text_key_str(t, ",\"listen\":", &fn->listen);
    }

    if (fn->readiness.len) {
        ngx_http_faas_text_key_str(t, ",\"readiness\":", &fn->readiness);
    }

    ngx_http_faas_text_list(t, ",\"layers\":[", fn->layers);
    ngx_http_faas_manifest_lists(t, fn);
}


static void
ngx_http_faas_manifest_function(ngx_http_faas_text_t *t,
    ngx_http_faas_function_t *fn)
{
    u_char     buf[NGX_MAX_CONF_ERRSTR];
    ngx_str_t  where;

    where.data = buf;
    where.len = ngx_snprintf(buf, sizeof(buf), "%V:%ui", &fn->file, fn->line)
                - buf;

    ngx_http_faas_text_key_num(t, "{\"index\":", fn->index);
    ngx_http_faas_text_key_str(t, ",\"name\":", &fn->name);
    ngx_http_faas_text_key_str(t, ",\"lambda_name\":", &fn->lambda_name);
    ngx_http_faas_text_key_str(t, ",\"lambda_version\":", &fn->version);
    ngx_http_faas_text_key_str(t, ",\"runtime\":", &fn->runtime);
    ngx_http_faas_text_key_str(t, ",\"handler\":", &fn->handler);
    ngx_http_faas_text_key_str(t, ",\"code\":", &fn->code);

    ngx_http_faas_manifest_program(t, fn);
    ngx_http_faas_text_key_num(t, ",\"timeout_ms\":", fn->timeout);
    ngx_http_faas_text_key_num(t, ",\"memory_mb\":", fn->memory);

    /* "concurrency 0" is Lambda's reserved concurrency of none at all */

    if (fn->concurrency == 0) {
        ngx_http_faas_text_raw(t, ",\"concurrency\":-1");

    } else if (fn->concurrency == NGX_CONF_UNSET) {
        ngx_http_faas_text_raw(t, ",\"concurrency\":0");

    } else {
        ngx_http_faas_text_key_num(t, ",\"concurrency\":", fn->concurrency);
    }

    ngx_http_faas_text_key_num(t, ",\"environment_concurrency\":",
                               fn->per_environment);
    ngx_http_faas_text_key_num(t, ",\"provisioned\":", fn->provisioned);
    ngx_http_faas_text_key_num(t, ",\"queue\":", fn->queue);
    ngx_http_faas_text_key_num(t, ",\"queue_timeout_ms\":",
                               fn->queue_timeout);
    ngx_http_faas_text_key_num(t, ",\"max_requests\":", fn->max_requests);
    ngx_http_faas_text_key_num(t, ",\"max_age_ms\":", fn->max_age);
    ngx_http_faas_text_key_num(t, ",\"idle_timeout_ms\":", fn->idle_timeout);
    ngx_http_faas_text_key_num(t, ",\"tmp_mb\":", fn->tmp);
    ngx_http_faas_manifest_sandbox(t, fn);
    ngx_http_faas_text_key_str(t, ",\"account\":", &fn->account);
    ngx_http_faas_text_key_str(t, ",\"region\":", &fn->region);
    ngx_http_faas_text_raw(t, fn->reload_on_change
                              ? ",\"reload_on_change\":true"
                              : ",\"reload_on_change\":false");
    ngx_http_faas_text_key_str(t, ",\"where\":", &where);
    ngx_http_faas_text_raw(t, "}");
}


static const char  *ngx_http_faas_levels[] = {
    "stderr", "emerg", "alert", "crit", "error", "warn", "notice", "info",
    "debug"
};


/* Where the supervisor writes its own lines: nginx's error log. */

static void
ngx_http_faas_manifest_log(ngx_http_faas_text_t *t, ngx_cycle_t *cycle)
{
    ngx_str_t    name, level;
    ngx_log_t   *log;
    ngx_uint_t   i;

    ngx_str_null(&name);

    for (log = &cycle->new_log; log; log = log->next) {
        if (log->file && log->file->name.len) {
            name = log->file->name;
            break;
        }
    }

    i = ngx_min(cycle->new_log.log_level, NGX_LOG_DEBUG);

    level.data = (u_char *) ngx_http_faas_levels[i];
    level.len = ngx_strlen(level.data);

    ngx_http_faas_text_key_str(t, ",\"log\":", &name);
    ngx_http_faas_text_key_str(t, ",\"log_level\":", &level);
}


static void
ngx_http_faas_manifest_text(ngx_http_faas_text_t *t, ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf)
{
    ngx_uid_t                   uid;
    ngx_gid_t                   gid;
    ngx_uint_t                  i;
    ngx_core_conf_t            *ccf;
    ngx_http_faas_blanks_t     *blanks;
    ngx_http_faas_function_t  **fn;

    static const char  *isolation[] = {
        ",\"isolation\":\"require\"", ",\"isolation\":\"prefer\"",
        ",\"isolation\":\"none\""
    };

    ccf = (ngx_core_conf_t *) ngx_get_conf(cycle->conf_ctx, ngx_core_module);

    uid = geteuid();
    gid = getegid();

    if (uid == 0 && ccf->user != (ngx_uid_t) NGX_CONF_UNSET_UINT) {
        uid = ccf->user;
        gid = ccf->group;
    }

    ngx_http_faas_text_key_num(t, "{\"layout\":", FAAS_BOARD_LAYOUT);
    ngx_http_faas_text_key_num(t, ",\"generation\":", fmcf->generation);
    ngx_http_faas_text_key_str(t, ",\"state_dir\":", &fmcf->state_dir);
    ngx_http_faas_text_key_str(t, ",\"runtime_dir\":", &fmcf->runtime_dir);
    ngx_http_faas_text_key_num(t, ",\"worker_uid\":", uid);
    ngx_http_faas_text_key_num(t, ",\"worker_gid\":", gid);
    ngx_http_faas_manifest_log(t, cycle);
    ngx_http_faas_text_raw(t, isolation[fmcf->isolation]);
    ngx_http_faas_text_key_num(t, ",\"uid_base\":", fmcf->uid_first);
    ngx_http_faas_text_list(t, ",\"network_deny\":[", &fmcf->deny);
    ngx_http_faas_text_list(t, ",\"network_allow\":[", &fmcf->allow);
    ngx_http_faas_text_key_num(t, ",\"max_environments\":",
                               fmcf->max_environments);
    ngx_http_faas_text_key_num(t, ",\"request_max\":", fmcf->request_max);
    ngx_http_faas_text_key_num(t, ",\"response_max\":", fmcf->response_max);
    ngx_http_faas_text_raw(t, ",\"blanks\":[");

    blanks = fmcf->blanks.elts;

    for (i = 0; i < fmcf->blanks.nelts; i++) {
        ngx_http_faas_text_key_str(t, i ? ",{\"runtime\":" : "{\"runtime\":",
                                   &blanks[i].runtime);
        ngx_http_faas_text_key_num(t, ",\"count\":", blanks[i].count);
        ngx_http_faas_text_raw(t, "}");
    }

    ngx_http_faas_text_raw(t, "],\"functions\":[");

    fn = fmcf->functions.elts;

    for (i = 0; i < fmcf->functions.nelts; i++) {
        ngx_http_faas_text_raw(t, i ? ",\n" : "\n");
        ngx_http_faas_manifest_function(t, fn[i]);
    }

    ngx_http_faas_text_raw(t, "\n]}\n");
}


static ngx_int_t
ngx_http_faas_manifest_write(ngx_cycle_t *cycle,
    ngx_http_faas_main_conf_t *fmcf, ngx_http_faas_text_t *t)
{
    u_char    path[NGX_MAX_PATH], temp[NGX_MAX_PATH];
    ssize_t   n;
    ngx_fd_t  fd;

    if (ngx_http_faas_path(path, NGX_MAX_PATH, &fmcf->run_dir,
                           FAAS_RUN_MANIFEST)
        != NGX_OK)
    {
        return NGX_ERROR;
    }

    (void) ngx_snprintf(temp, NGX_MAX_PATH, "%s.%P%Z", path, ngx_pid);

    fd = open((char *) temp, O_WRONLY|O_CREAT|O_TRUNC|O_CLOEXEC|O_NOFOLLOW,
              0600);

    if (fd == NGX_INVALID_FILE) {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "faas: " ngx_open_file_n " \"%s\" failed", temp);
        return NGX_ERROR;
    }

    n = ngx_write_fd(fd, t->start, t->pos - t->start);

    if (n != t->pos - t->start || ngx_rename_file(temp, path) == NGX_FILE_ERROR)
    {
        ngx_log_error(NGX_LOG_ALERT, cycle->log, ngx_errno,
                      "faas: manifest \"%s\" cannot be written, functions "
                      "stay as they were", path);
        (void) ngx_close_file(fd);
        (void) ngx_delete_file(temp);
        return NGX_ERROR;
    }

    (void) ngx_close_file(fd);

    return NGX_OK;
}


/*
 * The places of the functions in the scoreboard; those that do not fit keep
 * FAAS_NIL and are answered with 503.
 */

void
ngx_http_faas_index(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf)
{
    ngx_uint_t                  i;
    ngx_http_faas_function_t  **fn;

    fmcf->generation = ngx_http_faas_board.head->generation;
    fn = fmcf->functions.elts;

    for (i = 0; i < fmcf->functions.nelts; i++) {
        fn[i]->index = faas_board_name(&ngx_http_faas_board,
                                       (char *) fn[i]->name.data,
                                       fn[i]->name.len);
    }
}


ngx_int_t
ngx_http_faas_manifest(ngx_cycle_t *cycle, ngx_http_faas_main_conf_t *fmcf)
{
    ngx_int_t                   rc;
    ngx_uint_t                  i;
    ngx_http_faas_text_t        text;
    ngx_http_faas_function_t  **fn;

    fn = fmcf->functions.elts;

    for (i = 0; i < fmcf->functions.nelts; i++) {
        if (fn[i]->index == FAAS_NIL) {
            ngx_log_error(NGX_LOG_ALERT, cycle->log, 0,
                          "faas: no room for function \"%V\": the scoreboard "
                          "has seen %uD names, restart nginx with a larger "
                          "\"faas_max_functions\"; functions stay as they "
                          "were", &fn[i]->name,
                          ngx_http_faas_board.head->max_functions);
            return NGX_ERROR;
        }
    }

    fmcf->generation =
                  atomic_fetch_add(&ngx_http_faas_board.head->generation, 1)
                  + 1;

    ngx_memzero(&text, sizeof(ngx_http_faas_text_t));

    ngx_http_faas_manifest_text(&text, cycle, fmcf);

    rc = NGX_ERROR;

    if (!text.failed) {
        rc = ngx_http_faas_manifest_write(cycle, fmcf, &text);
    }

    free(text.start);

    if (rc == NGX_OK) {
        ngx_http_faas_ring(FAAS_BELL_CONFIG, (uint32_t) fmcf->generation);
    }

    return rc;
}
