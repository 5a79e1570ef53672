/*
 * What the files of the supervisor call of each other, one block per file.
 * Included by sup.h.
 */

#ifndef _SUP_CALLS_H_INCLUDED_
#define _SUP_CALLS_H_INCLUDED_


#include <stdio.h>
#include <sys/stat.h>


#define SUP_LOG_EMERG    1
#define SUP_LOG_ALERT    2
#define SUP_LOG_CRIT     3
#define SUP_LOG_ERROR    4
#define SUP_LOG_WARN     5
#define SUP_LOG_NOTICE   6
#define SUP_LOG_INFO     7
#define SUP_LOG_DEBUG    8

#define SUP_RUN_VERSIONS  FAAS_RUN_LAYOUT "/versions"

/* the linker reads it when a process starts: blanks, too, have it from then */
#define SUP_LD_PATH                                                           \
    "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:"              \
    "/var/task/lib:/opt/lib"


/* the end of a process, as the watchdog reports it */

typedef struct {
    pid_t                 pid;
    int                   status;
} sup_exit_t;


/* detached mounts of what a version has; -1 for what it has not */

typedef struct {
    int                   code;
    int                   shared;
    int                   opt;
} sup_trees_t;


/* sup_main.c, sup_watchdog.c, sup_unpack.c, sup_layers.c, sup_image.c */
int sup_unpack(int argc, char **argv);
int sup_layers(int argc, char **argv);
int sup_image(int argc, char **argv);
void sup_inherit(int cloexec);
void sup_become_watchdog(void);
int sup_watchdog(char **argv);
int sup_watchdog_lock(int fd);

/* sup_caps.c */
int sup_caps_supervisor(void);
int sup_caps_zygote(void);

/* sup_log.c */
void sup_log(int level, int err, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));
void sup_log_set_level(const char *name);
void sup_log_open(const char *path);
void sup_log_reopen(int create);
size_t sup_escape(char *dst, size_t size, const char *src, size_t len);

/* sup_output.c */
void sup_output_read(evutil_socket_t fd, short what, void *data);
void sup_output_finish(sup_env_t *env);
void sup_output_zygote(evutil_socket_t fd, short what, void *data);

/* sup_loop.c */
int sup_serve(int drain);
struct event *sup_event(int fd, short what, event_callback_fn handler,
    void *data);
void sup_timer(struct event *ev, uint64_t ms);
void sup_check_end(void);
void sup_drain(int exit_code);
void sup_drained(void);
void sup_bell(const faas_bell_t *bell);
void sup_look_over(void);

/* sup_child.c */
int sup_child_add(pid_t pid, sup_child_pt handler, void *data);
int sup_child_known(pid_t pid);
void sup_child_init(void);
void sup_child_signals(void);
void sup_exited(pid_t pid, int status);
int sup_exit_claim(pid_t pid, int *status);

/* sup_run.c */
const char *sup_run_path(const char *name);
int sup_run_folders(void);
int sup_run_doorbell(void);
int sup_run_board(void);
int sup_run_ours(void);
void sup_run_check(void);
void sup_run_sweep(void);
void sup_run_remove(int all);
void sup_ring(uint32_t worker);

/* sup_locks.c */
void sup_locks_tick(void);

/* sup_detect.c */
int sup_detect(void);
int sup_probe(const char *uids, int egress);

/* sup_workers.c */
int sup_pidfd_open(pid_t pid);
int sup_pidfd_kill(int fd, int sig);
int sup_pidfd_exact(pid_t pid, uint64_t start_time);
void sup_workers_scan(void);
void sup_workers_bye(pid_t pid);
int sup_workers_alive(void);
uint64_t sup_workers_generation(void);
void sup_workers_nudge(void);
void sup_workers_tell(uint32_t slot, uint32_t generation);

/* sup_conf.c */
int sup_conf_read(void);
void sup_conf_apply(void);
void sup_conf_load(void);
void sup_conf_function(sup_fn_t *fn, json_t *spec);
void sup_conf_decided(sup_fn_t *fn, sup_version_t *v);
void sup_conf_check(void);
void sup_conf_tick(void);

/* sup_class.c */
int sup_runtime_kind(const char *runtime, sup_kind_e *kind);
sup_class_t *sup_class_get(const sup_version_t *v);
uint32_t sup_class_heap(uint32_t class_mb);
void sup_classes_count(void);

/* sup_version.c */
sup_version_t *sup_version_new(sup_fn_t *fn, json_t *spec);
int sup_version_parse(sup_version_t *v, json_t *spec);
void sup_version_digest(sup_version_t *v);
void sup_version_live(sup_version_t *v);
void sup_version_release(sup_version_t *v);

/* sup_saved.c */
void sup_saved_write(sup_fn_t *fn, sup_version_t *first,
    sup_version_t *second);
void sup_saved_write_all(void);
void sup_saved_remove(sup_fn_t *fn);
void sup_saved_load(void);
int sup_json_write(json_t *root, const char *path, int sync);

/* sup_code.c, sup_zip.c, sup_store.c, sup_inotify.c */
int sup_code_digest(sup_version_t *v);
void sup_code_prepare(sup_version_t *v);
void sup_zip_prepare(sup_version_t *v);
void sup_store_sweep(void);
void sup_zip_end(void);
void sup_watch_code(sup_fn_t *fn, sup_version_t *v);
void sup_unwatch_code(sup_fn_t *fn);

/* sup_switch.c */
void sup_switch_begin(sup_fn_t *fn, sup_version_t *v);
void sup_switch_go(sup_fn_t *fn);
void sup_switch_cancel(sup_fn_t *fn);
void sup_switch_ready(sup_fn_t *fn);
void sup_switch_failed(sup_fn_t *fn, uint32_t why, const char *text);
void sup_switch_tick(void);

/* sup_pool.c, sup_reap.c */
int sup_pool_start(sup_version_t *v, int provisioned);
void sup_pool_demand(sup_fn_t *fn);
void sup_pool_demand_all(void);
void sup_pool_provision(sup_fn_t *fn);
void sup_pool_ended(sup_fn_t *fn);
void sup_pool_room(void);
void sup_pool_collect(void);
void sup_pool_lost_sockets(void);
void sup_pool_end_fn(sup_fn_t *fn);
void sup_pool_drain(int force);
void sup_pool_tick(void);
void sup_sample(sup_env_t *env);
void sup_memory_watch(void);
uint64_t sup_memory_rlimit(uint32_t memory_mb);
void sup_memory_process(pid_t pid, uint32_t memory_mb);

/* sup_blank.c */
sup_env_t *sup_blank_take(sup_class_t *c);
int sup_blank_evict(void);
void sup_blanks_trim(sup_class_t *c);
void sup_blanks_warm(sup_class_t *c);
void sup_blank_failed(sup_class_t *c);
void sup_refill_soon(void);

/* sup_zygote.c */
sup_zygote_t *sup_zygote_get(const char *name, const char *path);
int sup_zygote_ready(sup_zygote_t *z);
void sup_zygotes_tick(void);
void sup_zygotes_end(void);

/* sup_tmp.c */
const char *sup_tmp_name(uint32_t slot);
int sup_tmp_make(uint32_t slot);
void sup_tmp_remove(uint32_t slot);
void sup_tmp_sweep(void);

/* sup_order.c */
int sup_spawn_open_log(sup_env_t *env);
int sup_spawn_order(sup_env_t *env);

/* sup_spawn.c */
void sup_spawn_init(void);
const char *sup_slot_name(uint32_t slot);
int sup_spawn_room(void);
sup_env_t *sup_spawn(sup_class_t *c, sup_version_t *v, int provisioned,
    int *rc);
void sup_spawn_done(sup_env_t *env, pid_t pid);
void sup_spawn_failed(sup_env_t *env, int err, const char *text);
void sup_spawn_lost(sup_zygote_t *z);
int sup_spawn_any_pending(void);
void sup_on_env_timer(evutil_socket_t fd, short what, void *data);

/* sup_wrap.c: no blanks, for what is in their variables */
const char *sup_wrapper(const sup_version_t *v);
int sup_wrapped(const sup_version_t *v);
size_t sup_wrap_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn);

/* sup_lang.c */

#define SUP_LANG_ARGS  12

int sup_lang_kind(const char *runtime, sup_kind_e *kind);
void sup_lang_program(const char *runtime, char *path, size_t size);
char *sup_lang_command(char *path, const char *dir, char **argv, char *script,
    size_t size);
void sup_lang_vars(sup_version_t *v, json_t *vars);

/* sup_start.c */
int sup_start_image(sup_version_t *v);
void sup_start_vars(sup_version_t *v, json_t *vars);
json_t *sup_start_command(sup_version_t *v);
const char *sup_start_folder(sup_version_t *v);

/* sup_vars.c */
const char *sup_runtime_root(void);
void sup_var(json_t *vars, const char *name, const char *value);
const char *sup_task_root(sup_version_t *v);
json_t *sup_vars(sup_env_t *env, const char *stream);
char *sup_init_message(sup_env_t *env);
size_t sup_put(char *buf, size_t len, size_t size, const char *text);
size_t sup_node_args(const sup_class_t *c, uint32_t memory_mb, char *buf,
    size_t len, size_t size, faas_spawn_t *spawn);
size_t sup_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn);
/* appends a string, 0 when it does not fit, or LEN is 0 */
size_t sup_put(char *buf, size_t len, size_t size, const char *text);

/* sup_java.c */
int sup_java_alone(const sup_version_t *v);
size_t sup_java_args(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn);
size_t sup_java_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn);

/* sup_mono.c */
size_t sup_mono_args(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn);
size_t sup_mono_command(sup_env_t *env, char *buf, size_t len, size_t size,
    faas_spawn_t *spawn);

/* sup_env.c */
const char *sup_env_text(sup_env_t *env);
sup_env_t *sup_env_by_pid(pid_t pid);
int sup_env_send(sup_env_t *env, u_char type, const char *payload,
    size_t len);
void sup_env_init(sup_env_t *env);
void sup_env_spawned(sup_env_t *env);
void sup_env_init_over(sup_env_t *env);
void sup_env_ready(sup_env_t *env);
void sup_env_timeout(sup_env_t *env);
void sup_on_control(evutil_socket_t fd, short what, void *data);

/* sup_init.c */
void sup_init_error(sup_env_t *env, const char *payload, size_t len);
void sup_init_failed(sup_version_t *v, uint32_t why, int32_t code,
    const char *text);
void sup_init_proven(sup_fn_t *fn);

/* sup_end.c */
int sup_orderly(uint32_t why);
void sup_env_end(sup_env_t *env, uint32_t why);
void sup_env_kill(sup_env_t *env);
void sup_env_exited(sup_env_t *env, int status, int known);
int sup_env_free(sup_env_t *env);
void sup_env_forget(sup_env_t *env);

/* sup_mount.c */
int sup_mount_tree(const char *path);
int sup_mount_trees(const sup_version_t *v, uid_t uid, sup_trees_t *trees,
    const char **step);
int sup_mount_function(sup_env_t *env, const char **step);

/* sup_seccomp.c */
void *sup_seccomp_filter(json_t *more, int unix_sockets, uint32_t *len);

/* sup_shared.c */
int sup_shared_tree(const sup_version_t *v, uid_t uid, const char **step);

/* sup_cgroup.c, sup_cgroup_slot.c */
int sup_cgroup_policy(const char **step);
void sup_cgroup_use(FILE *mounts, const char *name, const char *self);
void sup_cgroup_detect(void);
const char *sup_cgroup_text(void);
int sup_cgroup_has_memory(void);
int sup_cgroup_has_pids(void);
int sup_cgroup_empty(uint32_t slot);
int sup_cgroup_open(sup_env_t *env, int *dir);
int sup_cgroup_limit(uint32_t slot, uint32_t memory_mb);
void sup_cgroup_cpu(uint32_t slot, uint32_t memory_mb, uint32_t milli);
void sup_cgroup_reset(sup_env_t *env);
uint64_t sup_cgroup_ooms(uint32_t slot);
uint64_t sup_cgroup_peak(sup_env_t *env);
int sup_cgroup_kill(uint32_t slot);
void sup_cgroup_remove(void);
void sup_cgroup_slots(void (*each)(uint32_t slot));

/* sup_adopt.c */
void sup_adopt(void);
void sup_strays_soon(void);
void sup_strays_tick(void);
void sup_strays_kill(void);

/* sup_ledger.c */
void sup_ledger_load(void);
void sup_ledger_merge(void);
void sup_ledger_tick(void);
int sup_ledger_save(void);


#endif /* _SUP_CALLS_H_INCLUDED_ */
