/*
 * What the parties say to each other besides FastCGI: names in the run
 * directory, doorbells, the supervisor's messages to zygotes and to
 * environments.  Shared by the module, the supervisor, libfaas and the
 * runtimes; no code, no state.
 */

#ifndef _FAAS_PROTO_H_INCLUDED_
#define _FAAS_PROTO_H_INCLUDED_


#include <stdint.h>


/*
 * The run directory.  FAAS_RUN_LAYOUT is a folder in it, so that two
 * installations with different layouts never meet.
 *
 *   v1/             0711 root
 *   v1/board        0600 the scoreboard
 *   v1/board.prev   0600 the one before, until its totals were taken over
 *   v1/lock         0600 flock()ed by watchdog and supervisor
 *   v1/manifest     0600 the newest configuration, JSON
 *   v1/doorbell     0660 root:worker group, datagrams to the supervisor
 *   v1/workers/N    datagram socket of worker slot N (folder 0700 worker uid)
 *   v1/env/N.G      listening socket of slot N, generation G (folder 0710
 *                   root:worker group, socket 0660 root:worker group)
 *   v1/log/N.G      FIFO: descriptors 1 and 2 of that environment (0600;
 *                   folder 0700)
 */

#define FAAS_RUN_LAYOUT       "v1"
#define FAAS_RUN_BOARD        FAAS_RUN_LAYOUT "/board"
#define FAAS_RUN_BOARD_PREV   FAAS_RUN_LAYOUT "/board.prev"
#define FAAS_RUN_LOCK         FAAS_RUN_LAYOUT "/lock"
#define FAAS_RUN_MANIFEST     FAAS_RUN_LAYOUT "/manifest"
#define FAAS_RUN_DOORBELL     FAAS_RUN_LAYOUT "/doorbell"
#define FAAS_RUN_WORKERS      FAAS_RUN_LAYOUT "/workers"
#define FAAS_RUN_ENV          FAAS_RUN_LAYOUT "/env"
#define FAAS_RUN_LOG          FAAS_RUN_LAYOUT "/log"


/*
 * Doorbell: one datagram of this shape.  It carries no payload that matters:
 * the scoreboard and the manifest do.  The supervisor looks everything over
 * when one arrives, and once a second in any case, so that a lost one delays
 * but never loses.  A worker's doorbell is one byte.
 */

#define FAAS_BELL_DEMAND      1       /* arg: function */
#define FAAS_BELL_KILL        2       /* arg: environment */
#define FAAS_BELL_WORKER      3       /* arg: worker slot; came or left */
#define FAAS_BELL_CONFIG      4       /* a new manifest */
#define FAAS_BELL_BYE         5       /* arg: pid of a master that leaves */
#define FAAS_BELL_REOPEN      6       /* log files were rotated */

typedef struct {
    uint32_t              type;
    uint32_t              arg;
} faas_bell_t;


/*
 * Control socket of an environment (descriptor 3, SOCK_STREAM): frames of
 * length (4 bytes, network order, of the payload), type (1 byte), payload.
 * All that comes from an environment is hostile.
 */

#define FAAS_CTL_MAX          65536   /* payload */

/*
 * To be switched off on sockets to environments: nobody wants a descriptor of
 * theirs, and to close one may take its time.  Older kernels than 6.16 do not
 * know it.
 */
#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS         83
#endif

#define FAAS_CTL_BLANK        'B'     /* env: up, payload = runtime version */
#define FAAS_CTL_READY        'R'     /* env: function loaded, no payload */
#define FAAS_CTL_ERROR        'E'     /* env: not loaded; payload = JSON
                                         {errorType, errorMessage, stackTrace}
                                         as contract 3.6 */
#define FAAS_CTL_INIT         'I'     /* supervisor: load; payload = JSON */
#define FAAS_CTL_SHUTDOWN     'S'     /* supervisor: end soon, no payload; to
                                         a bridge with FAAS_CTL_TIMEOUT: an
                                         invocation is over its time */
#define FAAS_CTL_LEAVES       'L'     /* env: ends soon, no payload: it takes
                                         no more requests */
#define FAAS_CTL_SIGNAL       'K'     /* env, about to end: the process it ran
                                         for the function was killed; payload
                                         = the signal, one byte */
#define FAAS_CTL_WARM         'W'     /* supervisor, to a blank: you are next,
                                         no payload */

#define FAAS_CTL_TIMEOUT      "timeout"


/*
 * The payload of FAAS_CTL_INIT:
 *   {"handler": "app.handler", "taskRoot": "/var/task",
 *    "environment": {"K": "V", ...},   complete: replaces the process's own
 *    "functionName": "...", "functionVersion": "$LATEST",
 *    "memoryMB": 128, "logGroup": "...", "logStream": "...",
 *    "initType": "on-demand" | "provisioned-concurrency",
 *    "requestMax": 6291456, "responseMax": 6291456}
 */


/*
 * Supervisor to zygote (descriptor 3 of the zygote, SOCK_SEQPACKET): one
 * faas_spawn_t, filter_len bytes of a seccomp filter (struct sock_filter),
 * then for exec zygotes argc+envc zero-terminated strings (argv first,
 * argv[0] is the path to execute) in the same packet.
 * Descriptors ride along by SCM_RIGHTS in this order, present as flagged:
 *   listen, log, control           always
 *   cgroup directory               FAAS_SPAWN_CGROUP2 (CLONE_INTO_CGROUP)
 *   n_tasks "tasks" files          cgroup v1, the child writes "0" to each
 *   code tree (open_tree)          FAAS_SPAWN_TREE, moved to /var/task, or
 *                                  with FAAS_SPAWN_IMAGE to /
 *   shared folders (open_tree)     FAAS_SPAWN_SHARED, moved to /mnt
 *   layers (open_tree)             FAAS_SPAWN_LAYERS, moved to /opt
 *   runtime folder (O_PATH)        FAAS_SPAWN_LANDLOCK
 */

#define FAAS_SPAWN_MAGIC      0x4e575053
#define FAAS_SPAWN_MAX        65536

#define FAAS_SPAWN_NEWPID     0x01
#define FAAS_SPAWN_NEWNS      0x02    /* own /proc, /tmp and /dev/shm */
#define FAAS_SPAWN_NEWIPC     0x04
#define FAAS_SPAWN_NEWUTS     0x08
#define FAAS_SPAWN_SETUID     0x10
#define FAAS_SPAWN_CGROUP2    0x20
#define FAAS_SPAWN_TREE       0x40
#define FAAS_SPAWN_NO_NEW_PRIVS  0x80
#define FAAS_SPAWN_NEWCGROUP  0x100   /* its groups are the root it sees */
#define FAAS_SPAWN_NEWNET     0x200   /* a loopback interface, no other */
#define FAAS_SPAWN_SCOPED     0x400   /* Landlock: abstract sockets and
                                         signals end at the sandbox */
#define FAAS_SPAWN_SHARED     0x800
#define FAAS_SPAWN_NEWUSER    0x1000  /* privileged in its own namespaces
                                         only, until it is set up */
#define FAAS_SPAWN_LANDLOCK   0x2000  /* files by Landlock, not by mounts: TREE
                                         and SHARED are the code's and the
                                         temporary folder (O_PATH) */
#define FAAS_SPAWN_LAYERS     0x4000
#define FAAS_SPAWN_IMAGE      0x8000  /* TREE is the root of an image */

/* where the runtime folder is in images, whose own is at /var/runtime */
#define FAAS_IMAGE_RUNTIME    "/.faas"

typedef struct {
    uint32_t              magic;
    uint32_t              slot;
    uint32_t              generation;
    uint32_t              flags;
    uint32_t              uid;
    uint32_t              tmp_mb;
    uint32_t              tmp_inodes;
    uint32_t              rlimit_nofile;
    uint64_t              rlimit_data;      /* bytes; 0: not set */
    uint32_t              n_tasks;
    uint32_t              argc;
    uint32_t              envc;
    uint32_t              filter_len;       /* bytes; 0: no filter */
    uint32_t              rlimit_nproc;     /* 0: not set */
    uint32_t              gid;              /* 0: the same as uid */
} faas_spawn_t;

/* zygote to supervisor */

#define FAAS_ZYGOTE_UP        1       /* ready to fork; text = version */
#define FAAS_ZYGOTE_SPAWNED   2       /* pid, in the zygote's pid namespace */
#define FAAS_ZYGOTE_FAILED    3       /* error = errno, text = step */

typedef struct {
    uint32_t              type;
    uint32_t              slot;
    uint32_t              generation;
    int32_t               pid;
    int32_t               error;
    char                  text[108];
} faas_zygote_reply_t;

/*
 * An exec'ed or forked child that fails before user code starts writes one
 * line "faas: STEP: strerror" to descriptor 2 and exits with this status.
 */
#define FAAS_EXIT_SETUP       125


/*
 * FastCGI parameters of the "lambda" profile (architecture, section 6).
 * Answer: FCGI_STDOUT = the result's JSON (or the error payload), FCGI_STDERR
 * = log text, appStatus 0 = success, 1 = function error.
 */

#define FAAS_PARAM_REQUEST_ID   "FAAS_REQUEST_ID"
#define FAAS_PARAM_DEADLINE_MS  "FAAS_DEADLINE_MS"   /* epoch milliseconds */
#define FAAS_PARAM_ARN          "FAAS_FUNCTION_ARN"
#define FAAS_PARAM_TRACE_ID     "FAAS_TRACE_ID"      /* X-Ray header value */
#define FAAS_PARAM_CLIENT       "FAAS_CLIENT_CONTEXT"  /* JSON, optional */
#define FAAS_PARAM_IDENTITY     "FAAS_COGNITO_IDENTITY" /* JSON, optional */
#define FAAS_PARAM_CONTENT_TYPE "FAAS_CONTENT_TYPE"    /* of the event; absent:
                                                         application/json */
#define FAAS_PARAM_STREAMING    "FAAS_STREAMING"  /* "1": the caller takes a
                                                     stream as it comes */

/*
 * A streamed answer of that profile.  Records of two types that FastCGI does
 * not know surround the data, so that no data can be taken for them:
 *
 *   FAAS_FCGI_STREAM        before any STDOUT: the content type, 1 to 255
 *                           characters.  If it is FAAS_STREAM_PRELUDE the data
 *                           begin with a JSON object of the response's status
 *                           and headers, and FAAS_STREAM_ZEROS zero bytes
 *   FCGI_STDOUT             data, as they come
 *   FAAS_FCGI_STREAM_ERROR  behind all data, if the function failed: the error
 *                           payload (JSON, as contract 3.6), at most
 *                           FAAS_STREAM_ERROR_MAX bytes in any number of
 *                           records.  appStatus must be 1 then
 *
 * Any function may stream to any caller: for one that takes no stream the
 * gateway collects it.
 */

#define FAAS_STREAM_PRELUDE                                                   \
    "application/vnd.awslambda.http-integration-response"
#define FAAS_STREAM_TYPE        "application/octet-stream"   /* by default */
#define FAAS_STREAM_TYPE_MAX    255
#define FAAS_STREAM_ZEROS       8
#define FAAS_STREAM_HEAD_MAX    65536     /* of a prelude, with its zeros */
#define FAAS_STREAM_ERROR_MAX   65000


/*
 * The first of END_REQUEST's reserved bytes: the process ends with this answer,
 * so it must not be given another request.
 */
#define FAAS_END_LEAVES         1

/*
 * appStatus of faas-web: the program's answer ended too soon, after its header
 * had been sent; or it was none, and a whole one was given in its place.
 */
#define FAAS_WEB_CUT            1
#define FAAS_WEB_REPLACED       2


/*
 * Where the host's network is shared, the loopback address (host order) that
 * environments of user UID offer the Runtime API at, and may connect to.
 */

#define FAAS_OWN_NET          0x7f800000u
#define FAAS_OWN_MASK         0xff800000u
#define FAAS_OWN_ADDRESS(uid)  (FAAS_OWN_NET | ((uint32_t) (uid) & 0x7fffff))


/* how much of the sandbox is in use; faas_head_t.isolation */

typedef enum {
    FAAS_ISOLATION_UNKNOWN = 0,
    FAAS_ISOLATION_NONE,              /* plain processes of one user */
    FAAS_ISOLATION_FULL,              /* namespaces, uids, cgroups */
    FAAS_ISOLATION_USER,              /* namespaces of an ordinary user */
    FAAS_ISOLATION_LANDLOCK           /* Landlock, a filter, limits */
} faas_isolation_e;

/* an environment has a root of its own, with /var/task; or the host's */
#define faas_isolation_boxed(level)                                           \
    ((level) == FAAS_ISOLATION_FULL || (level) == FAAS_ISOLATION_USER)

#define faas_isolation_bare(level)                                            \
    ((level) == FAAS_ISOLATION_NONE || (level) == FAAS_ISOLATION_LANDLOCK)

/* as the log and the status page call them, by faas_isolation_e */
#define FAAS_ISOLATION_NAMES                                                  \
    { "unknown", "none", "full", "user", "landlock" }


#endif /* _FAAS_PROTO_H_INCLUDED_ */
