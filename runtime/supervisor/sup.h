/*
 * The supervisor's private state: what it knows of environments, functions,
 * versions, runtimes and zygotes beyond what the scoreboard says.
 *
 * Only the supervisor process uses it; it has one thread and one event loop,
 * so nothing here is locked.  The scoreboard's own rules are in faas_board.h.
 */

#ifndef _SUP_H_INCLUDED_
#define _SUP_H_INCLUDED_


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <stdint.h>
#include <stddef.h>
#include <sys/types.h>

#include <event2/event.h>
#include <jansson.h>

#include "faas_board.h"
#include "faas_proto.h"


#define SUP_OK               0
#define SUP_ERROR           -1
#define SUP_AGAIN           -2
#define SUP_FULL            -3

/* exit codes; 2 is never used: nginx's master would take it for its own */
#define SUP_EXIT_OK          0
#define SUP_EXIT_ERROR       1
#define SUP_EXIT_RESTART     3
#define SUP_EXIT_LACKING     4           /* of --probe */

#define SUP_LD_PATH                                                           \
    "/lib64:/usr/lib64:/var/runtime:/var/runtime/lib:/var/task:"              \
    "/var/task/lib:/opt/lib"

#define SUP_DIGEST_LEN       64
#define SUP_LINE_MAX         2048    /* a logged line of an environment */

#define SUP_UID_BASE         1900000000u
#define SUP_PIDS_MAX         1024
#define SUP_NOFILE           1024
#define SUP_NOFILE_WEB       16384    /* two for each request, and what each
                                         worker process keeps */
#define SUP_TMP_INODES       20480
#define SUP_TMP_MB           512     /* of a blank */

#define SUP_INIT_MS          10000
#define SUP_INIT_PROV_MS     30000
#define SUP_PROVEN_MS        10000   /* up for so long: it has started */
#define SUP_GRACE_MS         300
#define SUP_PROVIDED_GRACE_MS  2500
#define SUP_BACKSTOP_MS      5000
#define SUP_ZYGOTE_FORKS     1000
#define SUP_ZYGOTE_AGE_MS    3600000
#define SUP_BACKOFF_MIN_MS   100
#define SUP_BACKOFF_MAX_MS   30000


typedef struct sup_env_s      sup_env_t;
typedef struct sup_fn_s       sup_fn_t;
typedef struct sup_version_s  sup_version_t;
typedef struct sup_class_s    sup_class_t;
typedef struct sup_zygote_s   sup_zygote_t;

typedef void (*sup_child_pt)(pid_t pid, int status, void *data);


typedef enum {
    SUP_RT_PYTHON = 0,
    SUP_RT_NODE,
    SUP_RT_JAVA,
    SUP_RT_MONO,
    SUP_RT_LANG,                          /* forked: sup_lang.c says how */
    SUP_RT_NATIVE,
    SUP_RT_FASTCGI,
    SUP_RT_PROVIDED,                      /* by the Runtime API bridge */
    SUP_RT_WEB,                           /* by faas-web: HTTP behind it */
    SUP_RT_BASH,                          /* faas-bash, a bash for each */
    SUP_RT_WRAPPED                        /* sup_wrap.c: one of the first
                                             five, started for it alone */
} sup_kind_e;


/* what an environment may talk to, unless it is a plain process */

typedef enum {
    SUP_NET_EGRESS = 0,                   /* the outside, by a policy */
    SUP_NET_NONE,                         /* itself */
    SUP_NET_HOST                          /* all that the host may */
} sup_net_e;


/* a process that forks environments on request */

struct sup_zygote_s {
    sup_zygote_t         *next;
    char                  name[32];       /* "python3.11" or "exec" */
    char                  path[256];      /* interpreter; "" for the spawner */
    char                  version[108];
    pid_t                 pid;
    int                   fd;
    int                   log_fd;
    struct event         *read_ev;
    struct event         *log_ev;
    struct event         *retry_ev;
    uint64_t              started_ms;
    uint32_t              failures;       /* ends in a row, soon after start */
    uint32_t              no_start;       /* of them before it was up */
    uint32_t              forks;          /* of this process */
    uint64_t              recycle_ms;     /* not before */
    sup_zygote_t         *heir;           /* takes over when it is up */
    unsigned              up:1;
    unsigned              is_heir:1;
    unsigned              retired:1;      /* ends, is not started again */
};


/* what blanks are interchangeable */

struct sup_class_s {
    sup_class_t          *next;
    sup_kind_e            kind;
    char                  name[48];       /* as blanks and log lines say it */
    char                  path[256];
    uint32_t              memory_mb;      /* of Node, Java, Mono; or 0 */
    unsigned              alone:1;        /* has no blanks: sup_java.c */
    sup_net_e             network;
    json_t               *refused;        /* calls, beyond the usual ones */
    void                 *filter;         /* of system calls */
    uint32_t              filter_len;
    sup_zygote_t         *zygote;
    uint32_t              wanted;         /* blanks */
    uint32_t              n_blank;        /* blanks, ready or starting */
    uint32_t              users;          /* functions that use it */
    uint32_t              failures;
    uint64_t              retry_ms;
};


typedef enum {
    SUP_CODE_READY = 0,
    SUP_CODE_BUSY,                        /* being unpacked */
    SUP_CODE_FAILED
} sup_code_e;


#define SUP_LAYERS           5
#define SUP_PARTS            (1 + SUP_LAYERS)


/* where the code, or a layer, comes from */

typedef struct {
    const char           *path;           /* as configured */
    char                  id[SUP_DIGEST_LEN + 1];    /* "": not known yet */
    char                 *root;           /* of a layer: where it is now */
    unsigned              folder:1;       /* or a file to be unpacked */
} sup_part_t;


/* the code and settings of one function at one time; never changes but in
   the limits that are applied live */

struct sup_version_s {
    sup_version_t        *next;           /* of all versions */
    sup_fn_t             *fn;
    uint32_t              number;
    uint32_t              refs;           /* environments */
    json_t               *spec;           /* owns the strings below */
    sup_class_t          *class;
    sup_kind_e            kind;
    sup_kind_e            lang;           /* the same, but for a function that
                                             brings its official client, or a
                                             wrapper */
    char                  digest[SUP_DIGEST_LEN + 1];

    const char           *runtime;
    const char           *handler;
    const char           *listen;         /* of "web"; or NULL */
    const char           *readiness;      /* the same */
    const char           *code;
    const char           *text;           /* of the file "code"; or NULL */
    int                   image;          /* "code" is a container image */
    json_t               *settings;       /* of the image, when needed */
    const char           *lambda_name;    /* what the function is told, */
    const char           *lambda_version; /* also by its variables */
    const char           *account;
    const char           *region;
    json_t               *command;
    json_t               *variables;
    json_t               *refused;        /* system calls; may be NULL */
    json_t               *shared;         /* folders; may be NULL */
    sup_net_e             network;
    uint32_t              cpu_milli;      /* 0: no limit, a share */
    uint32_t              timeout_ms;
    uint32_t              memory_mb;
    uint32_t              concurrency;
    uint32_t              provisioned;
    uint32_t              queue;
    uint32_t              queue_timeout_ms;
    uint32_t              max_requests;
    uint32_t              max_age_ms;
    uint32_t              idle_timeout_ms;
    uint32_t              tmp_mb;
    uint32_t              capacity;
    int                   reload;

    sup_part_t            parts[SUP_PARTS];   /* the code, then layers */
    uint32_t              n_parts;
    char                  layers_id[SUP_DIGEST_LEN + 1];
    char                 *root;           /* folder that is /var/task */
    char                 *opt;            /* folder that is /opt, or NULL */
    sup_code_e            code_state;
    int                   task;           /* of the unpacker, see sup_zip.c */
    int                   tried;          /* one has failed */
    pid_t                 unpacker;
    int                   unpacker_fd;    /* what it reports */
    int                   queued;         /* waits for an unpacker */
    int                   code_told;      /* the failure was reported */
    char                  code_error[FAAS_ERROR_MAX];
};


struct sup_fn_s {
    uint32_t              index;
    char                  name[FAAS_NAME_MAX + 4];
    sup_version_t        *live;
    sup_version_t        *next;           /* starting, not live yet */
    sup_version_t        *pending;        /* its digest is not known yet */
    uint32_t              last_number;
    uint32_t              failures;       /* inits of the live version */
    uint64_t              failed_ms;      /* the last of them */
    uint64_t              retry_ms;       /* no provisioned ones before */
    uint32_t              next_failures;
    uint64_t              next_retry_ms;
    uint32_t              next_want;      /* environments before the switch */
    uint64_t              next_stall_ms;  /* since when none can be had */
    uint32_t              surplus;        /* one more while one is replaced */
    uint64_t              lack_logged_ms;
    struct event         *change_ev;      /* reload_on_change */
    unsigned              configured:1;   /* the manifest has it */
    unsigned              removed:1;
};


struct sup_env_s {
    uint32_t              slot;
    pid_t                 pid;
    int                   pidfd;
    int                   control;
    int                   log;
    int                   tasks[3];       /* cgroup v1, kept open */
    int                   peak_fd;
    struct event         *control_ev;
    struct event         *log_ev;
    struct event         *pid_ev;
    struct event         *timer;
    sup_class_t          *class;
    sup_zygote_t         *zygote;
    sup_version_t        *version;
    uint64_t              start_us;       /* of the init phase */
    uint64_t              ooms;           /* counter when it started */
    uint64_t              seen_requests;
    uint32_t              why;            /* why we end it */
    uint32_t              want_why;       /* what to report if it just dies */
    int                   signo;          /* that its runtime was killed by */

    u_char               *in;             /* control frames */
    size_t                in_len;

    char                 *line;           /* raw output, not yet a line */
    size_t                line_len;
    char                  last[256];      /* last complete line, escaped */
    char                  last_raw[256];  /* the same before it is */
    size_t                last_len;
    uint64_t              rate_ms;
    uint32_t              rate_lines;
    uint32_t              dropped;

    unsigned              used:1;
    unsigned              spawned:1;      /* pid is known */
    unsigned              blank_up:1;
    unsigned              known:1;        /* its version was when it was
                                             ordered: born with its code */
    unsigned              inited:1;       /* INIT was sent */
    unsigned              counted:1;      /* in sup.n_init */
    unsigned              was_ready:1;
    unsigned              ending:1;
    unsigned              killed:1;       /* by us */
    unsigned              adopted:1;
    unsigned              dead:1;
    unsigned              reported:1;     /* its failed init was counted */
    unsigned              provisioned:1;
    unsigned              cut:1;          /* rest of a long line is dropped */
    unsigned              open:1;         /* in the group without a policy */
    unsigned              warm:1;         /* a blank that was told it is next */
};


typedef enum {
    SUP_RUNNING = 0,
    SUP_DRAINING,
    SUP_STOPPED
} sup_stage_e;


typedef struct {
    struct event_base    *base;
    faas_board_t          board;
    ino_t                 board_ino;
    char                 *run_dir;
    char                 *self;           /* /proc/self/exe when we started */
    char                 *log_option;
    int                   external;
    int                   lock_fd;
    int                   life_fd;
    int                   status_fd;      /* to the watchdog; -1: none */
    int                   watchdog_fd;    /* pidfd */
    int                   doorbell;
    int                   bell_out;       /* datagrams to workers */
    int                   env_dir;
    int                   log_dir;
    ino_t                 env_ino;
    ino_t                 bell_ino;
    int                   expelled;       /* another one serves run_dir */
    sup_stage_e           stage;
    int                   exit_code;
    int                   asked;          /* to end: by a signal */
    int                   life;           /* life line is not at its end */

    faas_isolation_e      isolation;
    int                   require;        /* fail rather than do less */
    int                   boxed;          /* environments have a root */
    int                   scoped;         /* and Landlock's scopes */
    int                   egress;         /* network policies can be kept */
    uid_t                 uid_base;

    json_t               *manifest;
    uint64_t              generation;
    const char           *state_dir;
    const char           *runtime_dir;
    uid_t                 worker_uid;
    gid_t                 worker_gid;
    uint32_t              max_envs;
    uint32_t              zygote_forks;   /* then it is replaced */
    uint64_t              request_max;
    uint64_t              response_max;

    sup_fn_t             *fns;
    sup_env_t            *envs;
    sup_zygote_t         *zygotes;
    sup_class_t          *classes;
    sup_version_t        *versions;
    uint32_t              n_active;       /* of functions, not ending */
    uint32_t              n_ending;
    uint32_t              n_init;         /* being initialised */
    int                   strays;         /* look for orphans */
    int                   hungry;         /* demand was put off */
    struct event         *refill_ev;
} sup_t;


extern sup_t  sup;


#include "sup_calls.h"


#endif /* _SUP_H_INCLUDED_ */
