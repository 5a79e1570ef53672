/*
 * Fuzzes the reader of the manifest: a sound one is applied, then the input,
 * then nothing.  What is left of it in memory is used: digests, limits, the
 * messages and command lines made of it.  The rest of the supervisor are the
 * functions below.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz_sup.h"


#define N_FNS     3
#define N_PLACES  4                   /* one of them is free */

static const char *const  names[N_FNS] = { "one", "two", "three" };

static const char  sound[] =
    "{\"layout\":%d,\"generation\":1,\"state_dir\":\"/s\","
    "\"runtime_dir\":\"/r\",\"worker_uid\":33,\"worker_gid\":33,"
    "\"log\":\"stderr\",\"log_level\":\"info\",\"max_environments\":4,"
    "\"request_max\":6291456,\"response_max\":6291456,"
    "\"blanks\":[],\"functions\":[%s]}";

static const char  one[] =
    "{\"name\":\"one\",\"index\":0,\"runtime\":\"native\",\"handler\":\"\","
    "\"code\":\"/c\",\"command\":[],\"timeout_ms\":3000,\"memory_mb\":128,"
    "\"concurrency\":0,\"provisioned\":0,\"queue\":0,"
    "\"queue_timeout_ms\":1000,\"max_requests\":0,\"max_age_ms\":0,"
    "\"idle_timeout_ms\":300000,\"tmp_mb\":512,\"account\":\"000000000000\","
    "\"region\":\"us-east-1\",\"environment\":{\"K\":\"V\"},"
    "\"environment_concurrency\":1,\"reload_on_change\":false}";


sup_t  sup;

static char          text[sizeof(sound) + sizeof(one) + 64];
static char          path[64];
static int           file = -1;
static sup_fn_t      fns[N_PLACES];
static sup_zygote_t  zygote;


/* --- the rest of the supervisor --- */

const char *
sup_run_path(const char *name)
{
    return strcmp(name, FAAS_RUN_MANIFEST) == 0 ? path : name;
}


const char *
sup_tmp_name(uint32_t slot)
{
    check(slot == 0);

    return "tmp/0";
}


void
sup_log_set_level(const char *name)
{
    check(strlen(name) < SIZE_MAX);
}


void
sup_log_open(const char *name)
{
    check(strlen(name) < SIZE_MAX);
}


int
sup_code_digest(sup_version_t *v)
{
    uint32_t  i;

    check(v->n_parts > 0 && v->n_parts <= SUP_PARTS);

    for (i = 0; i < v->n_parts; i++) {
        check(v->parts[i].path != NULL);
    }

    sup_version_digest(v);

    return SUP_OK;
}


void
sup_code_prepare(sup_version_t *v)
{
    v->root = strdup(v->code);
}


/* A new version serves at once: both ways to be live are taken. */

void
sup_switch_begin(sup_fn_t *fn, sup_version_t *v)
{
    (void) fn;

    sup_version_live(v);
}


void
sup_switch_cancel(sup_fn_t *fn)
{
    check(fn->next == NULL);
}


void
sup_switch_tick(void)
{
}


void
sup_saved_write(sup_fn_t *fn, sup_version_t *first, sup_version_t *second)
{
    check(fn == first->fn && second == NULL);
}


void
sup_saved_remove(sup_fn_t *fn)
{
    check(!fn->configured);
}


void
sup_watch_code(sup_fn_t *fn, sup_version_t *v)
{
    check(fn == v->fn);
}


void
sup_unwatch_code(sup_fn_t *fn)
{
    check(!fn->configured);
}


sup_zygote_t *
sup_zygote_get(const char *name, const char *interpreter)
{
    check(strlen(name) < sizeof(zygote.name)
          && strlen(interpreter) < sizeof(zygote.path));

    return &zygote;
}


void
sup_blanks_trim(sup_class_t *c)
{
    (void) c;
}


void
sup_pool_end_fn(sup_fn_t *fn)
{
    (void) fn;
}


int
sup_cgroup_policy(const char **step)
{
    *step = "none";

    return SUP_ERROR;
}


uint64_t
sup_workers_generation(void)
{
    return UINT64_MAX;
}


void sup_ring(uint32_t worker) { (void) worker; }
void sup_workers_nudge(void) { }
void sup_refill_soon(void) { }
void sup_pool_demand_all(void) { }
void sup_pool_tick(void) { }
void sup_ledger_merge(void) { }


/* --- */

static void
make_board(void)
{
    char      dir[64], board[80];
    uint32_t  i;

    (void) strcpy(dir, "/tmp/fuzz-manifest.XXXXXX");
    check(mkdtemp(dir) != NULL);
    (void) snprintf(board, sizeof(board), "%s/board", dir);
    check(faas_board_create(board, N_PLACES, 4, 1, &sup.board) == 0);
    (void) unlink(board);
    (void) rmdir(dir);

    /* a switch looks at all tickets */

    sup.board.head->max_workers = 2;
    sup.board.head->worker_tickets = 4;

    for (i = 0; i < N_FNS; i++) {
        check(faas_board_name(&sup.board, names[i], strlen(names[i])) == i);
    }

    for (i = 0; i < N_PLACES; i++) {
        fns[i].index = i;
    }

    sup.fns = fns;

    file = memfd_create("manifest", MFD_CLOEXEC);
    check(file != -1);
    (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
}


static void
load(const void *p, size_t n)
{
    check(ftruncate(file, 0) == 0);
    check(pwrite(file, p, n, 0) == (ssize_t) n);

    sup_conf_load();
}


static void
load_sound(const char *functions)
{
    (void) snprintf(text, sizeof(text), sound, FAAS_BOARD_LAYOUT, functions);
    load(text, strlen(text));
    check(sup.generation == 1);
}


/* What an environment of each version would get. */

static void
use_versions(void)
{
    char            buf[8192], *msg;
    size_t          n;
    sup_env_t       env;
    faas_spawn_t    spawn;
    sup_version_t  *v;

    memset(&env, 0, sizeof(env));

    for (v = sup.versions; v != NULL; v = v->next) {
        if (v->class == NULL) {
            continue;
        }

        memset(&spawn, 0, sizeof(spawn));
        env.version = v;
        env.class = v->class;
        env.provisioned = (v->provisioned != 0);

        msg = sup_init_message(&env);
        free(msg);

        n = sup_command(&env, buf, sizeof(spawn), sizeof(buf), &spawn);

        check(n <= sizeof(buf));
    }
}


static void
check_limits(void)
{
    uint32_t          i;
    const faas_fn_t  *f;

    for (i = 0; i < N_FNS; i++) {
        f = &sup.board.fns[i];

        check(strcmp(f->name, names[i]) == 0);
        check(memchr(f->arn, '\0', sizeof(f->arn)) != NULL);
        check(fns[i].live == NULL || (f->state == FAAS_FN_LIVE
                                      && f->capacity > 0
                                      && f->version == fns[i].live->number));
    }

    check(sup.board.fns[N_FNS].state == FAAS_FN_FREE);
    check(sup.max_envs >= 1 && sup.max_envs <= 4);
}


static void
forget_classes(void)
{
    sup_class_t  *c;

    while (sup.classes != NULL) {
        c = sup.classes;
        sup.classes = c->next;
        json_decref(c->refused);
        free(c->filter);
        free(c);
    }
}


/* Seeds say layout 0, so that they stay good when the layout changes. */

static void
load_input(const uint8_t *data, size_t size)
{
    char        *copy, *p;
    const char   layout[] = "\"layout\":0";

    copy = malloc(size + 1);
    check(copy != NULL);
    memcpy(copy, data, size);

    p = memmem(copy, size, layout, sizeof(layout) - 1);

    if (p != NULL) {
        p[sizeof(layout) - 2] += FAAS_BOARD_LAYOUT;
    }

    load(copy, size);
    free(copy);
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (file == -1) {
        make_board();
    }

    /* filters of system calls take time to make */

    sup.boxed = (size % 64 == 0);
    sup.egress = sup.boxed;

    load_sound(one);
    load_input(data, size);
    use_versions();
    check_limits();

    load_sound(one);
    use_versions();

    /* and all is given back */

    load_sound("");
    check(sup.versions == NULL);
    forget_classes();

    return 0;
}
