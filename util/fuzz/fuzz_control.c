/*
 * Fuzzes what the supervisor makes of an environment's control socket: frames
 * that come in any pieces, and the error report of an init that failed.
 *
 * The first byte says in which state the environment is, the next ones where
 * the rest is cut: the same must happen however it arrives.  The rest of the
 * supervisor are the functions below, which note that they were called.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "fuzz_sup.h"

/* its escaping is wanted, its log is not */

#define sup_log  unused_log
#include "sup_log.c"
#undef sup_log


#define N_CUTS  8


typedef struct {
    unsigned  ready;
    unsigned  ended;
    unsigned  inits;                  /* INIT was made */
    uint32_t  why;
    uint32_t  failures;
    uint32_t  blank_up;
    char      error[FAAS_ERROR_MAX];
} outcome_t;


sup_t  sup;

static outcome_t      now;
static sup_class_t    class;
static sup_version_t  version;
static sup_fn_t       function;
static sup_env_t      env;
static int            pair[2];


/* --- the rest of the supervisor --- */

void
sup_env_end(sup_env_t *e, uint32_t why)
{
    now.ended++;
    now.why = why;
    e->ending = 1;
    (void) faas_env_drain(&sup.board, e->slot, why, 1);
}


char *
sup_init_message(sup_env_t *e)
{
    check(e == &env);

    now.inits++;

    return strdup("{}");
}


void
sup_switch_ready(sup_fn_t *fn)
{
    (void) fn;
}


void
sup_switch_failed(sup_fn_t *fn, uint32_t why, const char *text)
{
    (void) fn;
    (void) why;

    check(strlen(text) < FAAS_ERROR_MAX);
}


const char *
sup_slot_name(uint32_t slot)
{
    check(slot == 0);

    return "0.1";
}


int
sup_cgroup_limit(uint32_t slot, uint32_t memory_mb)
{
    (void) slot;
    (void) memory_mb;

    return 0;
}


void
sup_memory_process(pid_t pid, uint32_t memory_mb)
{
    check(pid == env.pid && memory_mb == 128);
}


void
sup_sample(sup_env_t *e)
{
    check(e == &env);
}


void
sup_cgroup_cpu(uint32_t slot, uint32_t memory_mb, uint32_t milli)
{
    check(slot == 0 && memory_mb == 128);
    (void) milli;
}


int
sup_mount_function(sup_env_t *e, const char **step)
{
    check(e == &env);
    (void) step;

    return 0;
}


void
sup_timer(struct event *ev, uint64_t ms)
{
    (void) ev;
    (void) ms;
}


int
event_del(struct event *ev)
{
    (void) ev;

    return 0;
}


void
sup_ring(uint32_t worker)
{
    (void) worker;
}


void
sup_workers_nudge(void)
{
}


void
sup_refill_soon(void)
{
}


void
sup_env_kill(sup_env_t *e)
{
    (void) e;
}


void
sup_pool_ended(sup_fn_t *fn)
{
    check(fn == &function);
}


/* --- */

static void
make_board(void)
{
    char       path[64], dir[64];
    uint32_t   wakes[4];
    faas_fn_t  limits;

    (void) strcpy(dir, "/tmp/fuzz-control.XXXXXX");
    check(mkdtemp(dir) != NULL);
    (void) snprintf(path, sizeof(path), "%s/board", dir);
    check(faas_board_create(path, 1, 1, 1, &sup.board) == 0);
    (void) unlink(path);
    (void) rmdir(dir);

    /* a repair looks at all tickets */

    sup.board.head->max_workers = 2;
    sup.board.head->worker_tickets = 4;

    memset(&limits, 0, sizeof(limits));
    limits.concurrency = 2;

    check(faas_board_name(&sup.board, "hello", 5) == 0);
    (void) faas_fn_switch(&sup.board, 0, 1, &limits, 1, wakes, 4);

    sup.envs = &env;
    sup.fns = &function;
}


/* MODE: a blank, or one that belongs to a function, or one that is loading. */

static void
begin(uint8_t mode)
{
    memset(&now, 0, sizeof(now));
    memset(&class, 0, sizeof(class));
    memset(&version, 0, sizeof(version));
    memset(&function, 0, sizeof(function));
    memset(&env, 0, sizeof(env));

    check(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);

    (void) strcpy(class.name, "python3.11");
    (void) strcpy(function.name, "hello");

    version.fn = &function;
    version.class = &class;
    version.number = 1;
    version.capacity = 1 + (mode & 8);
    version.memory_mb = 128;

    if (mode & 16) {
        function.next = &version;

    } else {
        function.live = &version;
    }

    function.failures = (mode & 32) ? 1 : 0;

    env.class = &class;
    env.control = pair[0];
    env.used = 1;
    env.spawned = 1;

    sup.boxed = (mode & 64) ? 1 : 0;
    sup.board.fns[0].backoff_until_ms = 0;
    sup.board.fns[0].init_error[0] = '\0';
    sup.board.envs[0].fn = FAAS_NIL;
    sup.board.envs[0].state = FAAS_ENV_BLANK;

    if (mode & 3) {
        env.version = &version;
        faas_env_assign(&sup.board, 0, 0, 1);
    }

    if ((mode & 3) > 1) {
        env.blank_up = 1;
        env.inited = 1;
    }
}


static void
feed(const uint8_t *p, size_t n, const uint8_t *cuts)
{
    size_t  i, step, sent;

    for (i = 0; n && !env.ending; i++) {
        step = cuts ? (size_t) cuts[i % N_CUTS] + 1 : n;
        step = step > n ? n : step;

        for (sent = 0; sent < step; sent += 4096) {
            check(send(pair[1], p + sent,
                       step - sent > 4096 ? 4096 : step - sent, 0) > 0);
            sup_on_control(pair[0], 0, &env);
            check(env.in == NULL || env.in_len <= 5 + FAAS_CTL_MAX);
        }

        p += step;
        n -= step;
    }
}


/* What a client would get is whole, and JSON. */

static void
finish(outcome_t *o)
{
    json_t     *root;
    faas_fn_t  *f;

    f = &sup.board.fns[0];

    check(memchr(f->init_error, '\0', FAAS_ERROR_MAX) != NULL);
    check(now.ended <= 1 && now.ready <= 1);

    if (f->init_error[0] != '\0' && now.why == FAAS_WHY_INIT_ERROR) {
        root = json_loads(f->init_error, 0, NULL);
        check(json_is_object(root));
        json_decref(root);
    }

    now.ready = (sup.board.envs[0].state == FAAS_ENV_IDLE);
    now.failures = function.failures;
    now.blank_up = env.blank_up;
    (void) strcpy(now.error, f->init_error);
    *o = now;

    free(env.in);
    (void) close(pair[0]);
    (void) close(pair[1]);

    if (env.version != NULL) {
        faas_env_dead(&sup.board, 0, FAAS_WHY_SHUTDOWN, 0);
    }
}


int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    outcome_t  once, cut;

    if (size < 1 + N_CUTS) {
        return 0;
    }

    if (sup.board.head == NULL) {
        make_board();
    }

    begin(data[0]);
    feed(data + 1 + N_CUTS, size - 1 - N_CUTS, NULL);
    finish(&once);

    begin(data[0]);
    feed(data + 1 + N_CUTS, size - 1 - N_CUTS, data + 1);
    finish(&cut);

    check(memcmp(&once, &cut, sizeof(outcome_t)) == 0);

    return 0;
}
