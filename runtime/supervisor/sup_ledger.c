/*
 * The ledger: totals of all functions in state_dir/ledger.json, so that they
 * survive a restart.  Taken over once into a new board, written every few
 * seconds when something has changed, by a child that may block on the disk.
 *
 * Runs in the supervisor; takes the locks of functions.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sup.h"


#define SUP_LEDGER_TICKS  5


static const char *const  sup_outcomes[FAAS_OUT_N] = {
    "success", "error_handled", "error_unhandled", "timeout", "crash"
};

/* what was in the file, and totals of functions the board does not have */
static json_t    *sup_ledger;
static uint64_t   sup_ledger_sum;        /* of what was written last */
static pid_t      sup_ledger_writer;
static int        sup_ledger_bad;        /* said in the log */
static int        sup_ledger_prev;       /* board.prev can go once saved */


static const char *
sup_ledger_path(const char *suffix)
{
    static char  path[PATH_MAX];

    (void) snprintf(path, sizeof(path), "%.4000s/ledger.json%s",
                    sup.state_dir, suffix);

    return path;
}


/* The caller holds the lock of a live board's function. */

static json_t *
sup_ledger_totals(faas_fn_t *fn)
{
    size_t   i;
    char     bucket[16];
    json_t  *root, *part;

    root = json_object();
    part = json_object();

    for (i = 0; i < FAAS_OUT_N; i++) {
        (void) json_object_set_new(part, sup_outcomes[i],
                                   json_integer(fn->outcomes[i]));
    }

    (void) json_object_set_new(root, "outcomes", part);
    part = json_object();

    for (i = 0; i < FAAS_CNT_N; i++) {
        (void) json_object_set_new(part, faas_counter_name(i),
                                   json_integer(fn->counters[i]));
    }

    (void) json_object_set_new(root, "counters", part);
    part = json_object();

    for (i = 0; i < FAAS_HIST_BUCKETS; i++) {
        if (fn->hist[i]) {
            (void) snprintf(bucket, sizeof(bucket), "%zu", i);
            (void) json_object_set_new(part, bucket,
                                       json_integer(fn->hist[i]));
        }
    }

    (void) json_object_set_new(root, "hist", part);
    (void) json_object_set_new(root, "peak_memory",
                               json_integer(fn->peak_memory));

    return root;
}


static uint64_t
sup_ledger_get(json_t *root, const char *part, const char *name)
{
    json_int_t  n;

    n = json_integer_value(json_object_get(json_object_get(root, part),
                                           name));

    return n > 0 ? (uint64_t) n : 0;
}


/* Adds the totals in ROOT to a function; under its lock if it is live. */

static void
sup_ledger_add(faas_fn_t *fn, json_t *root)
{
    size_t       i;
    json_t      *value;
    json_int_t   peak;
    const char  *name;

    for (i = 0; i < FAAS_OUT_N; i++) {
        fn->outcomes[i] += sup_ledger_get(root, "outcomes", sup_outcomes[i]);
    }

    for (i = 0; i < FAAS_CNT_N; i++) {
        fn->counters[i] += sup_ledger_get(root, "counters",
                                          faas_counter_name(i));
    }

    json_object_foreach(json_object_get(root, "hist"), name, value) {
        i = strtoul(name, NULL, 10);

        if (i < FAAS_HIST_BUCKETS && json_integer_value(value) > 0) {
            fn->hist[i] += json_integer_value(value);
        }
    }

    peak = json_integer_value(json_object_get(root, "peak_memory"));

    if (peak > 0 && (uint64_t) peak > fn->peak_memory) {
        fn->peak_memory = peak;
    }
}


/*
 * Totals of the board before: they contain what it had taken over from the
 * ledger, except for functions it never came to.
 */

static void
sup_ledger_previous(json_t *functions)
{
    uint32_t       i;
    faas_fn_t     *fn;
    faas_board_t   prev;

    memset(&prev, 0, sizeof(prev));

    if (faas_board_open(sup_run_path(FAAS_RUN_BOARD_PREV), &prev) != 0) {
        return;
    }

    for (i = 0; i < prev.head->max_functions; i++) {
        fn = &prev.fns[i];

        if (fn->state == FAAS_FN_FREE) {
            break;
        }

        fn->name[FAAS_NAME_MAX] = '\0';

        if (!fn->ledger_loaded) {
            sup_ledger_add(fn, json_object_get(functions, fn->name));

            /* should we die before the ledger is written */
            fn->ledger_loaded = 1;
        }

        (void) json_object_set_new(functions, fn->name,
                                   sup_ledger_totals(fn));
    }

    faas_board_close(&prev);
    sup_ledger_prev = 1;
}


void
sup_ledger_load(void)
{
    json_t        *functions;
    json_error_t   err;

    sup_ledger = json_load_file(sup_ledger_path(""), 0, &err);

    if (sup_ledger == NULL && access(sup_ledger_path(""), F_OK) == 0) {
        sup_log(SUP_LOG_ALERT, 0, "ledger \"%s\", line %d: %s; totals "
                "start from zero", sup_ledger_path(""), err.line, err.text);
    }

    if (!json_is_object(sup_ledger)) {
        json_decref(sup_ledger);
        sup_ledger = json_object();
    }

    functions = json_object_get(sup_ledger, "functions");

    if (!json_is_object(functions)) {
        functions = json_object();
        (void) json_object_set_new(sup_ledger, "functions", functions);
    }

    sup_ledger_previous(functions);
    sup_ledger_merge();
}


/* Functions that are new in the board get their earlier totals, once. */

void
sup_ledger_merge(void)
{
    uint32_t    i;
    faas_fn_t  *fn;

    for (i = 0; i < sup.board.head->max_functions; i++) {
        fn = &sup.board.fns[i];

        if (fn->state == FAAS_FN_FREE) {
            break;
        }

        if (fn->ledger_loaded || faas_fn_lock(&sup.board, i) != FAAS_OK) {
            continue;
        }

        sup_ledger_add(fn, json_object_get(json_object_get(sup_ledger,
                                                           "functions"),
                                           fn->name));
        fn->ledger_loaded = 1;
        faas_fn_unlock(&sup.board, i);
    }
}


/* Brings the document up to date; a sum that moves when anything did. */

static uint64_t
sup_ledger_collect(void)
{
    size_t      k;
    json_t     *totals;
    uint32_t    i;
    uint64_t    sum;
    faas_fn_t  *fn;

    sum = 1;

    for (i = 0; i < sup.board.head->max_functions; i++) {
        fn = &sup.board.fns[i];

        if (fn->state == FAAS_FN_FREE) {
            break;
        }

        for (k = 0; k < FAAS_OUT_N; k++) {
            sum += fn->outcomes[k];
        }

        for (k = 0; k < FAAS_CNT_N; k++) {
            sum += fn->counters[k];
        }
    }

    if (sum == sup_ledger_sum) {
        return 0;
    }

    for (i = 0; i < sup.board.head->max_functions; i++) {
        fn = &sup.board.fns[i];

        if (fn->state == FAAS_FN_FREE) {
            break;
        }

        if (!fn->ledger_loaded || faas_fn_lock(&sup.board, i) != FAAS_OK) {
            continue;
        }

        totals = sup_ledger_totals(fn);
        faas_fn_unlock(&sup.board, i);

        (void) json_object_set_new(json_object_get(sup_ledger, "functions"),
                                   fn->name, totals);
    }

    return sum;
}


static int
sup_ledger_write(void)
{
    int   err;
    char  temp[PATH_MAX], path[PATH_MAX];

    (void) snprintf(temp, sizeof(temp), "%s", sup_ledger_path(".n"));
    (void) snprintf(path, sizeof(path), "%s", sup_ledger_path(""));

    if (mkdir(sup.state_dir, 0755) == -1 && errno != EEXIST) {
        return errno;
    }

    err = sup_json_write(sup_ledger, temp, 1);

    if (!err && rename(temp, path) == -1) {
        err = errno;
        (void) unlink(temp);
    }

    return err;
}


static void
sup_ledger_result(int err)
{
    if (err) {
        sup.board.head->ledger_errors++;
        sup_ledger_sum = 0;

        if (!sup_ledger_bad) {
            sup_log(SUP_LOG_ALERT, err, "cannot write \"%s\": totals would "
                    "not survive a restart, service goes on",
                    sup_ledger_path(""));
        }

        sup_ledger_bad = 1;
        return;
    }

    if (sup_ledger_bad) {
        sup_log(SUP_LOG_NOTICE, 0, "\"%s\" is written again",
                sup_ledger_path(""));
    }

    sup_ledger_bad = 0;

    if (sup_ledger_prev) {
        (void) unlink(sup_run_path(FAAS_RUN_BOARD_PREV));
        sup_ledger_prev = 0;
    }
}


static void
sup_ledger_written(pid_t pid, int status, void *data)
{
    (void) pid;
    (void) data;

    sup_ledger_writer = 0;
    sup_ledger_result(WIFEXITED(status) ? WEXITSTATUS(status) : EINTR);
}


/* The disk may be slow or gone: a child waits for it, not the pool. */

void
sup_ledger_tick(void)
{
    pid_t     pid;
    uint64_t  sum;

    static unsigned  ticks;

    if (++ticks % SUP_LEDGER_TICKS != 0 || sup_ledger_writer != 0) {
        return;
    }

    sum = sup_ledger_collect();

    if (sum == 0) {
        return;
    }

    pid = fork();

    if (pid == 0) {
        sup_child_init();
        _exit(sup_ledger_write() & 0xff);
    }

    if (pid == -1
        || sup_child_add(pid, sup_ledger_written, NULL) != SUP_OK)
    {
        return;
    }

    sup_ledger_writer = pid;
    sup_ledger_sum = sum;
}


/* At the end, when there is nobody left to wait for. */

int
sup_ledger_save(void)
{
    int  err, status;

    if (sup_ledger == NULL) {
        return SUP_OK;
    }

    if (sup_ledger_writer > 0) {
        while (waitpid(sup_ledger_writer, &status, 0) == -1
               && errno == EINTR)
        {
            /* void */
        }
    }

    if (sup_ledger_collect() == 0 && !sup_ledger_bad && !sup_ledger_prev) {
        return SUP_OK;
    }

    err = sup_ledger_write();
    sup_ledger_result(err);

    return err ? SUP_ERROR : SUP_OK;
}
