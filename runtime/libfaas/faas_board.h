/*
 * The scoreboard: the one definition of the shared memory that ties nginx
 * workers and the supervisor together (architecture, section 4).
 *
 * It is a file in the run directory (mode 0600), mapped shared by the nginx
 * master (workers inherit the mapping) and by the supervisor.  Environments
 * never see it.  Everything in it is addressed by index, never by pointer.
 *
 * Locks: each function has one robust, process-shared mutex.  It guards the
 * function's lists, counts and counters, the environments that belong to the
 * function and the tickets that wait for it or hold a lease on it.  A process
 * that dies while holding it leaves FAAS_OWNERDEAD work to the next one: see
 * faas_fn_lock().  No code holds two function locks at a time.
 */

#ifndef _FAAS_BOARD_H_INCLUDED_
#define _FAAS_BOARD_H_INCLUDED_


#include <pthread.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>


#define FAAS_BOARD_MAGIC      0x3164726f42736146ULL   /* "FasBord1" */
#define FAAS_BOARD_LAYOUT     3

#define FAAS_NIL              UINT32_MAX

#define FAAS_NAME_MAX         64      /* as Lambda: contract 6.5 */
#define FAAS_REQUEST_ID_LEN   36
#define FAAS_ERROR_MAX        512

#define FAAS_MAX_WORKERS      128     /* of all generations and masters */
#define FAAS_WORKER_TICKETS   4096    /* requests a worker has in hand */

/*
 * Latency histogram: log-linear, 32 steps an octave, so that a bucket is at
 * most 1/32 wide; microseconds, up to 2^31.
 */
#define FAAS_HIST_BUCKETS     864


/* return codes of the functions below */

#define FAAS_OK               0
#define FAAS_ERROR           -1
#define FAAS_AGAIN           -2       /* the ticket waits */
#define FAAS_THROTTLED       -3       /* the concurrency limit, no queue */
#define FAAS_QUEUE_FULL      -4
#define FAAS_BACKOFF         -5       /* the function does not start */
#define FAAS_GONE            -6       /* the function was removed */


typedef enum {
    FAAS_FN_FREE = 0,
    FAAS_FN_CONFIGURED,               /* master: named, no version yet */
    FAAS_FN_LIVE,                     /* supervisor: has a live version */
    FAAS_FN_REMOVED                   /* supervisor: no configuration has it */
} faas_fn_state_e;


typedef enum {
    FAAS_ENV_FREE = 0,
    FAAS_ENV_BLANK,                   /* runtime up or starting, no function */
    FAAS_ENV_INIT,                    /* function being loaded */
    FAAS_ENV_READY,                   /* loaded, its version not live yet */
    FAAS_ENV_IDLE,                    /* live version, no invocation */
    FAAS_ENV_BUSY,                    /* one or more leases */
    FAAS_ENV_DRAIN,                   /* takes no more leases */
    FAAS_ENV_DEAD                     /* process gone, not cleaned up yet */
} faas_env_state_e;


typedef enum {
    FAAS_TICKET_FREE = 0,
    FAAS_TICKET_WAITING,              /* linked in the function's queue */
    FAAS_TICKET_GRANTED,              /* has a lease, no event byte sent */
    FAAS_TICKET_RUNNING,              /* has a lease, event being sent */
    FAAS_TICKET_FAILED                /* will get no lease: see reason */
} faas_ticket_state_e;


/* why an environment has to end or ended; also the reason of FAILED */

typedef enum {
    FAAS_WHY_NONE = 0,
    FAAS_WHY_TIMEOUT,                 /* invocation ran over its limit */
    FAAS_WHY_PROTOCOL,                /* broke FastCGI framing */
    FAAS_WHY_ABORTED,                 /* client left, abort not ignored */
    FAAS_WHY_CRASHED,                 /* connection lost mid-invocation */
    FAAS_WHY_TOO_LARGE,               /* answer over faas_response_max */
    FAAS_WHY_WORKER_LOST,             /* nginx worker died mid-invocation */
    FAAS_WHY_EXITED,                  /* exited by itself: exit_code */
    FAAS_WHY_SIGNALED,                /* killed by a signal: exit_code */
    FAAS_WHY_OOM,                     /* over its memory limit */
    FAAS_WHY_INIT_ERROR,              /* the runtime reported an error */
    FAAS_WHY_INIT_TIMEOUT,
    FAAS_WHY_INIT_CRASHED,
    FAAS_WHY_IDLE,                    /* idle_timeout */
    FAAS_WHY_AGE,                     /* max_age */
    FAAS_WHY_REQUESTS,                /* max_requests */
    FAAS_WHY_REPLACED,                /* a newer version is live */
    FAAS_WHY_REMOVED,                 /* function not configured any more */
    FAAS_WHY_SHUTDOWN,
    FAAS_WHY_NO_CAPACITY,             /* faas_max_environments reached */
    FAAS_WHY_SPAWN,                   /* the process could not be made */
    FAAS_WHY_THROTTLED                /* came before a version that allows no
                                         invocation at all */
} faas_why_e;


/*
 * Outcomes: every invocation has exactly one of these.  "invocations" is
 * never stored: it is their sum.
 */

typedef enum {
    FAAS_OUT_SUCCESS = 0,
    FAAS_OUT_ERROR_HANDLED,           /* the runtime reported an error */
    FAAS_OUT_ERROR_UNHANDLED,         /* bad answer, init error, abort */
    FAAS_OUT_TIMEOUT,
    FAAS_OUT_CRASH,
    FAAS_OUT_N
} faas_outcome_e;


/*
 * Counters of a function: one X-macro list gives the enumeration, the names
 * in faas_status and in the ledger.  All change under the function's lock.
 */

#define FAAS_COUNTERS(X)                                                      \
    X(throttles_concurrency)      /* at the limit, no queue configured */     \
    X(throttles_queue_full)                                                   \
    X(throttles_queue_timeout)                                                \
    X(throttles_capacity)         /* faas_max_environments reached */         \
    X(request_too_large)          /* refused, not an invocation */            \
    X(response_too_large)                                                     \
    X(bad_response)               /* answer is not what payload 2.0 allows */ \
    X(protocol_errors)                                                        \
    X(out_of_memory)                                                          \
    X(init_errors)                                                            \
    X(init_timeouts)                                                          \
    X(client_aborts)                                                          \
    X(workers_lost)               /* crashes for which a worker died */       \
    X(retries)                    /* moved to another environment */          \
    X(cold_starts)                                                            \
    X(init_us)                    /* sum over cold starts */                  \
    X(duration_us)                /* sum over invocations */                  \
    X(billed_ms)                                                              \
    X(billed_mb_ms)               /* billed ms times memory MB */             \
    X(bytes_in)                   /* event bytes */                           \
    X(bytes_out)                  /* answer bytes */                          \
    X(queue_us)                   /* sum of waiting times */                  \
    X(environments_started)                                                   \
    X(environments_ended)

typedef enum {
#define FAAS_X(name)  FAAS_CNT_##name,
    FAAS_COUNTERS(FAAS_X)
#undef FAAS_X
    FAAS_CNT_N
} faas_counter_e;

/* those that a report adds amounts to, a row of them */

#define FAAS_SUM_FIRST        FAAS_CNT_cold_starts
#define FAAS_SUM_N            (FAAS_CNT_queue_us - FAAS_SUM_FIRST + 1)


/* flags of a live version, set by the supervisor */

#define FAAS_FN_CGI           0x1     /* "cgi" profile: plain FastCGI */
#define FAAS_FN_ONE_CONN      0x2     /* serves one connection at a time */


typedef struct {
    /* constant after creation; written by the creating master */
    uint64_t              magic;
    uint32_t              layout;
    uint32_t              max_functions;
    uint32_t              max_envs;
    uint32_t              max_workers;
    uint32_t              worker_tickets;
    uint32_t              fn_size;          /* sizeof, as a cross-check */
    uint64_t              size;
    uint64_t              off_fns;
    uint64_t              off_envs;
    uint64_t              off_tickets;
    uint64_t              off_workers;
    uint64_t              epoch;            /* random, names this board */

    /* written by masters (newest configuration written) */
    _Atomic uint64_t      generation;

    /* written by the supervisor */
    _Atomic uint64_t      applied;          /* newest configuration applied */
    _Atomic int32_t       supervisor_pid;
    _Atomic uint32_t      supervisor_up;    /* 1 while it serves */
    _Atomic uint32_t      supervisor_starts;
    _Atomic uint32_t      ledger_errors;    /* totals that were not saved */
    _Atomic uint32_t      isolation;        /* faas_isolation_e in use */

    /* any party: order of arrival of tickets */
    _Atomic uint64_t      sequence;

    /* guards the allocation of functions (masters only) */
    pthread_mutex_t       names_lock;
} faas_head_t;


/*
 * The redo record: all that is counted at once, as new values, so that doing
 * it twice is doing it once.
 */

typedef struct {
    uint32_t              set;              /* 1: complete, to be done */
    uint32_t              outcome;          /* FAAS_OUT_N: none */
    uint32_t              ticket;           /* is freed; FAAS_NIL: none */
    uint32_t              env;              /* FAAS_NIL: none */
    uint32_t              env_state;
    uint32_t              env_requests;
    uint32_t              bucket;           /* FAAS_HIST_BUCKETS: none */
    uint32_t              counter[2];       /* FAAS_CNT_N: none */
    uint64_t              outcome_value;
    uint64_t              bucket_value;
    uint64_t              counter_value[2];
    uint64_t              sums[FAAS_SUM_N];
} faas_intent_t;


typedef struct __attribute__((aligned(64))) {
    pthread_mutex_t       lock;

    /* written by the master that first names the function */
    _Atomic uint32_t      state;            /* faas_fn_state_e */
    char                  name[FAAS_NAME_MAX + 4];

    /*
     * The live version and its limits.  Written by the supervisor under the
     * lock when a version becomes live.
     */
    uint32_t              version;          /* 0: none yet */
    uint32_t              flags;
    uint32_t              concurrency;      /* most leases at a time */
    uint32_t              capacity;         /* leases an environment takes */
    uint32_t              queue_max;
    uint32_t              queue_timeout_ms;
    uint32_t              init_timeout_ms;
    uint32_t              timeout_ms;
    uint32_t              memory_mb;
    uint32_t              max_requests;     /* 0: no limit */
    uint32_t              provisioned;
    char                  arn[192];

    /* why the last environment did not start; supervisor, under the lock */
    uint64_t              backoff_until_ms; /* monotonic; 0: none */
    uint32_t              init_why;         /* faas_why_e */
    char                  init_error[FAAS_ERROR_MAX];

    /* lists and counts: derived data, rebuilt by faas_fn_repair() */
    uint32_t              idle_head;        /* last used first */
    uint32_t              wait_head;        /* first come first */
    uint32_t              wait_tail;
    uint32_t              n_waiting;
    uint32_t              n_leases;         /* of all versions */
    uint32_t              n_envs;           /* live version: INIT READY IDLE
                                               BUSY */
    uint32_t              n_starting;       /* live version: INIT */

    faas_intent_t         intent;
    uint64_t              outcomes[FAAS_OUT_N];
    uint64_t              counters[FAAS_CNT_N];
    uint64_t              peak_memory;      /* bytes; supervisor */
    uint32_t              ledger_loaded;    /* supervisor */
    uint64_t              hist[FAAS_HIST_BUCKETS];
} faas_fn_t;


typedef struct __attribute__((aligned(128))) {
    _Atomic uint32_t      state;            /* faas_env_state_e */
    uint32_t              generation;       /* of the slot; the supervisor
                                               counts when it frees one, not
                                               before inflight is 0 */
    uint32_t              fn;               /* FAAS_NIL for a blank */
    uint32_t              version;
    uint32_t              prev;             /* idle list of the function */
    uint32_t              next;
    uint32_t              listed;           /* in the idle list */
    uint32_t              inflight;
    uint32_t              requests;         /* invocations served */
    uint32_t              cold;             /* has not answered yet */
    uint32_t              init_us;          /* from INIT to ready */
    uint32_t              kill;             /* faas_why_e; workers ask */
    uint32_t              why;              /* faas_why_e; how it ended */
    int32_t               exit_code;        /* status or signal; supervisor */
    int32_t               pid;
    uint32_t              conn_worker;      /* FAAS_FN_ONE_CONN: the worker
                                               that may keep a connection */
    uint64_t              start_time;       /* of the process, clock ticks */
    uint64_t              born_ms;
    uint64_t              idle_ms;          /* since when */
    uint64_t              busy_ms;          /* since when */
    uint64_t              memory;           /* peak, bytes; supervisor */
    uint32_t              answered;         /* successes, and signs of life
                                               in tunnels; workers.  Compared
                                               only. */
} faas_env_t;


/*
 * A ticket stands for one request of one worker.  Each worker allocates from
 * its own range only, so that no other process ever races for a free one.
 */

typedef struct __attribute__((aligned(64))) {
    _Atomic uint32_t      state;            /* faas_ticket_state_e */
    uint32_t              fn;
    uint32_t              env;
    uint32_t              env_generation;
    uint32_t              prev;             /* queue of the function */
    uint32_t              next;
    uint32_t              mail_next;        /* worker's mailbox */
    uint32_t              mail_list;        /* what was taken out of it */
    _Atomic uint32_t      mailed;           /* 1: is in the mailbox */
    uint32_t              why;              /* of FAAS_TICKET_FAILED */
    uint32_t              cold;             /* counts as waiting for a start */
    uint32_t              conn_worker;      /* of the environment before */
    uint64_t              sequence;
    char                  request_id[FAAS_REQUEST_ID_LEN + 4];
} faas_ticket_t;


typedef struct __attribute__((aligned(64))) {
    _Atomic int32_t       pid;              /* 0: free; worker by CAS, zeroed
                                               by the supervisor */
    _Atomic uint32_t      exited;           /* worker: left in good order */
    int32_t               master_pid;
    uint64_t              start_time;
    uint64_t              master_start_time;
    _Atomic uint64_t      generation;       /* configuration it serves; set
                                               last, 0: not filled in yet */
    _Atomic uint32_t      mailbox;          /* stack of tickets */
} faas_worker_t;


/* a process's view of the board; private memory */

typedef struct {
    faas_head_t          *head;
    faas_fn_t            *fns;
    faas_env_t           *envs;
    faas_ticket_t        *tickets;
    faas_worker_t        *workers;
    size_t                size;
} faas_board_t;


/* what a lease gives to the worker, copied under the lock */

typedef struct {
    uint32_t              env;
    uint32_t              generation;       /* of the environment slot */
    uint32_t              version;
    uint32_t              flags;
    uint32_t              timeout_ms;
    uint32_t              memory_mb;
    uint32_t              capacity;
    uint32_t              cold;
    uint32_t              init_us;
    uint32_t              conn_worker;      /* has to let go of its kept
                                               connection; FAAS_NIL: none */
    uint32_t              max_wait_ms;      /* with FAAS_AGAIN */
    uint32_t              demand;           /* 1: ring the supervisor */
} faas_lease_t;


/* what is known of an invocation when its lease ends */

typedef struct {
    faas_outcome_e        outcome;
    uint32_t              why;              /* 0, or the environment must end */
    uint32_t              count;            /* 1: an invocation took place */
    uint32_t              cold;
    uint32_t              init_us;
    uint64_t              duration_us;
    uint32_t              memory_mb;
    uint64_t              bytes_in;
    uint64_t              bytes_out;
    uint64_t              queue_us;
    int32_t               counter;          /* faas_counter_e to add 1 to, or
                                               -1 */
} faas_report_t;


/* --- life of the board: faas_board.c --- */

size_t faas_board_size(uint32_t max_functions, uint32_t max_envs);

/* Makes PATH anew (a temporary name, then rename).  0 or -1 with errno. */
int faas_board_create(const char *path, uint32_t max_functions,
    uint32_t max_envs, uint64_t epoch, faas_board_t *board);

/*
 * Maps an existing board after checking its header.  0, -1 with errno, or
 * -2 when it is not a board of this layout.
 */
int faas_board_open(const char *path, faas_board_t *board);
void faas_board_close(faas_board_t *board);

/*
 * Finds or makes the function NAME (LEN bytes).  Its index, or FAAS_NIL when
 * the table is full.
 */
uint32_t faas_board_name(faas_board_t *board, const char *name, size_t len);
uint32_t faas_board_find(faas_board_t *board, const char *name, size_t len);

/* Takes a worker slot; FAAS_NIL if there is none. */
uint32_t faas_worker_register(faas_board_t *board, int32_t pid,
    uint64_t start_time, int32_t master_pid, uint64_t master_start_time,
    uint64_t generation);

/* Start time of PID in clock ticks (/proc/PID/stat); 0 if it is gone. */
uint64_t faas_process_start_time(int32_t pid);

uint64_t faas_now_ms(void);                 /* CLOCK_MONOTONIC */
uint64_t faas_now_us(void);


/* --- locking and repair: faas_board_lock.c --- */

/*
 * Locks the function; when the last owner died the lists and counts are
 * rebuilt from the entries and a half-counted report is finished first.
 * Returns 0, or -1 if the mutex cannot be had at all.
 */
int faas_fn_lock(faas_board_t *board, uint32_t fn);
void faas_fn_unlock(faas_board_t *board, uint32_t fn);
void faas_fn_repair(faas_board_t *board, uint32_t fn);


/*
 * --- leases: faas_board_lease.c ---
 *
 * WAKE, where given, is set to the worker whose mailbox got a ticket, or to
 * FAAS_NIL: the caller rings that worker.  RING is set to 1 when the
 * supervisor has something to do.
 */

/*
 * Asks for an environment for TICKET (its fn is set by the call).
 * FAAS_OK: LEASE is filled, the ticket is GRANTED.
 * FAAS_AGAIN: the ticket is WAITING, for at most lease->max_wait_ms.
 * FAAS_THROTTLED, FAAS_QUEUE_FULL, FAAS_BACKOFF, FAAS_GONE: no lease; counted.
 */
int faas_acquire(faas_board_t *board, uint32_t fn, uint32_t ticket,
    uint64_t now_ms, faas_lease_t *lease);

/* The lease of a ticket found GRANTED in the mailbox. */
int faas_lease_get(faas_board_t *board, uint32_t ticket, faas_lease_t *lease);

/* From here on the invocation counts. */
void faas_lease_run(faas_board_t *board, uint32_t ticket);

/*
 * Ends a lease and counts the invocation.  The environment goes to the oldest
 * waiter, else to the idle list; with report->why it is left in DRAIN with
 * that reason for the supervisor to kill.  Of a FAAS_FN_ONE_CONN application
 * that went to another worker (env->conn_worker) the caller ends its
 * connection at once.
 */
void faas_release(faas_board_t *board, uint32_t ticket,
    const faas_report_t *report, uint64_t now_ms, uint32_t *wake,
    uint32_t *ring);

/*
 * Gives up waiting: unlinks, or releases what was granted meanwhile.  COUNTER
 * is a faas_counter_e to add 1 to, or -1.
 */
void faas_cancel(faas_board_t *board, uint32_t ticket, int32_t counter,
    uint64_t now_ms, uint32_t *wake, uint32_t *ring);

/*
 * Puts back a granted lease whose environment turned out to be dead before
 * any event byte was sent, and asks for another one at the queue's head.
 * Returns as faas_acquire().
 */
int faas_retry(faas_board_t *board, uint32_t ticket, uint64_t now_ms,
    faas_lease_t *lease);

/* Counts an outcome without a lease (an init error answered to a client). */
void faas_count(faas_board_t *board, uint32_t fn, const faas_report_t *report);
void faas_counter_add(faas_board_t *board, uint32_t fn, faas_counter_e counter,
    uint64_t n);

/* Takes all tickets out of the worker's mailbox: the first, linked by
   mail_list; FAAS_NIL when empty. */
uint32_t faas_mailbox_take(faas_board_t *board, uint32_t worker);

/* For a ticket that seems to have been mailed by a process that died over it;
   what else was in the mailbox is returned as by faas_mailbox_take(). */
uint32_t faas_mail_unstick(faas_board_t *board, uint32_t worker,
    uint32_t ticket);


/* --- the supervisor's side: faas_board_env.c --- */

/* All of these lock the function themselves. */

/* INIT done: IDLE or straight to a waiter when its version is live, else
   READY. */
void faas_env_ready(faas_board_t *board, uint32_t env, uint64_t now_ms,
    uint32_t *wake);

/* Claims a blank for FN: state INIT, counts. */
void faas_env_assign(faas_board_t *board, uint32_t env, uint32_t fn,
    uint32_t version);

/*
 * Takes an environment out of service (DRAIN, WHY) unless it is busy; force
 * takes a busy one as well.  1 if it is out of service now, 0 if busy.
 */
int faas_env_drain(faas_board_t *board, uint32_t env, uint32_t why,
    int force);

/* The process is gone: DEAD, no lease will find it. */
void faas_env_dead(faas_board_t *board, uint32_t env, uint32_t why,
    int32_t exit_code);

/*
 * The slot becomes free; whoever still has its number has the old generation.
 */
void faas_env_free(faas_board_t *board, uint32_t env);

/* Environments the function lacks: waiters without one on its way. */
uint32_t faas_fn_demand(faas_board_t *board, uint32_t fn);

/*
 * Fails the oldest waiter with WHY.  1 if there was one.
 */
int faas_fn_fail_one(faas_board_t *board, uint32_t fn, uint32_t why,
    uint32_t *wake);

/*
 * Makes VERSION live with the limits in LIMITS (name, lock, lists, counters
 * of LIMITS are ignored).  Idle environments of other versions become DRAIN
 * (FAAS_WHY_REPLACED), READY ones of VERSION become IDLE or go to waiters.
 * WAKES has room for N worker indices; the number used is returned.
 */
uint32_t faas_fn_switch(faas_board_t *board, uint32_t fn, uint32_t version,
    const faas_fn_t *limits, uint64_t now_ms, uint32_t *wakes, uint32_t n);

/*
 * Cleans up after a dead worker: unlinks its waiters, ends its leases
 * (environments that were mid-invocation are left in DRAIN with
 * FAAS_WHY_WORKER_LOST and counted as crashes), frees the slot.
 */
void faas_worker_cleanup(faas_board_t *board, uint32_t worker,
    uint64_t now_ms);


/* --- histogram: faas_hist.c --- */

uint32_t faas_hist_bucket(uint64_t us);
uint64_t faas_hist_value(uint32_t bucket);          /* middle of the bucket */
uint64_t faas_hist_quantile(const uint64_t *hist, double q);

const char *faas_why_name(uint32_t why);
const char *faas_env_state_name(uint32_t state);
const char *faas_counter_name(uint32_t counter);


#endif /* _FAAS_BOARD_H_INCLUDED_ */
