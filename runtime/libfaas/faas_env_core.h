/*
 * What the files of the environment's side share: the one faas_env_t of the
 * process.  Private to libfaas.
 *
 * Locks: "lock" guards "current", "streaming" and the output buffer, because
 * faas_log() may come from any thread and a thread of our own flushes old log
 * text.
 * Everything else belongs to the thread that calls faas_next().
 */

#ifndef _FAAS_ENV_CORE_H_INCLUDED_
#define _FAAS_ENV_CORE_H_INCLUDED_


#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <pthread.h>
#include <signal.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <time.h>

#include "faas_env.h"


#define FAAS_ENV_CONNS        128
#define FAAS_ENV_CONN_BUF     65536       /* of a connection, to begin with */
#define FAAS_ENV_CONN_KEEP    262144      /* larger ones are given back */
#define FAAS_ENV_OUT          16384
#define FAAS_ENV_LOG_MAX      4096        /* held back until the answer */
#define FAAS_ENV_REQUEST_MAX  6291456     /* until INIT says otherwise */

#define FAAS_ENV_LISTEN       0
#define FAAS_ENV_CONTROL      3
#define FAAS_ENV_FRAME        5           /* bytes before a payload */


typedef enum {
    FAAS_CONN_BEGIN = 0,
    FAAS_CONN_PARAMS,
    FAAS_CONN_STDIN,
    FAAS_CONN_COMPLETE
} faas_conn_stage_e;


/*
 * Content of records is joined in place, over the heads between it: "params"
 * and "event" are offsets of buf where each is contiguous, "pos" is how far
 * the records were read.
 */

typedef struct {
    int                   fd;
    uint16_t              id;
    unsigned              keep:1;
    unsigned              more:1;         /* unread bytes after a request */
    faas_conn_stage_e     stage;
    unsigned char        *buf;
    size_t                size;
    size_t                len;
    size_t                pos;
    size_t                params;
    size_t                params_end;
    size_t                event;
    size_t                event_end;
} faas_conn_t;


typedef struct {
    int                   listen;
    int                   control;        /* -1: the supervisor has gone */
    pid_t                 pid;            /* 0: not initialised */
    unsigned char        *own;            /* what no child gets: 0 there */
    volatile sig_atomic_t shutdown;
    int                   timeout;        /* and that is why */
    volatile sig_atomic_t waiting;        /* for a request */
    size_t                limit;          /* bytes of one request */
    char                  version[108];

    /* control frames; the caller owns "init" once it was handed over */
    unsigned char        *in;
    size_t                in_size;
    size_t                in_len;
    char                 *init;
    size_t                init_len;
    int                   next;           /* it will soon get a function */
    int                   tells_next;     /* and the runtime wants to know */

    int                   epoll;          /* listen, control, conns */
    faas_conn_t          *conns[FAAS_ENV_CONNS];
    unsigned              n_conns;
    unsigned              n_more;         /* connections with "more" set */

    /* connections with a complete request, first come first */
    faas_conn_t          *ready[FAAS_ENV_CONNS];
    unsigned              ready_head;
    unsigned              ready_len;

    /* gets memory ready for a function; set by language glue */
    void                (*warm)(void);

    /* called around what may sleep; set by language glue */
    void                (*leave)(void);
    int                 (*enter)(int interrupted);

    /* runs the language's handlers of signals that have come already */
    int                 (*settle)(void);

    /* how long it sleeps after an invocation before "enter" is told so, for
       signals that came too early to wake it; NULL: no such time */
    const struct timespec  *nap;
    const struct timespec  *first_nap;

    pthread_mutex_t       lock;
    pthread_cond_t        wake;           /* of the flushing thread */
    faas_conn_t          *current;
    int                   broken;         /* the current peer has gone */
    int                   streaming;      /* the answer is a stream */
    unsigned              flusher:1;      /* the thread exists */
    unsigned              parked:1;       /* and waits for "wake" */
    uint64_t              log_serial;
    size_t                log_len;        /* text in out, after a head */
    unsigned char         out[FAAS_ENV_OUT];
} faas_env_state_t;


extern faas_env_state_t  faas_env;


/* faas_env_wait.c: what faas_next() sleeps for */
int faas_wait_start(void);
int faas_wait_add(int fd, void *data);
void faas_wait_remove(int fd, const void *data);
int faas_wait(void);

/* faas_env_conn.c */
int faas_env_listen(void);
void faas_conn_accept(void);
void faas_conn_read(faas_conn_t *c);
void faas_conn_parse_more(void);
void faas_conn_done(faas_conn_t *c);
void faas_conn_forget_all(void);

/* faas_env_answer.c; the caller holds "lock" */
void faas_answer_records(uint8_t type, const void *data, size_t len);
void faas_answer_finish(uint32_t status);
size_t faas_log_pending(void);
void faas_log_send(void);
void faas_answer_send(struct iovec *iov, size_t n);

/* faas_env_request.c */
int faas_request_take(faas_conn_t *c, faas_invocation_t *inv);

/* faas_env.c: reads what the control socket has; -1: not a frame */
int faas_env_control(void);

/*
 * faas_env_notice.c, for who runs the function's process as its own child.
 * The first sends a frame of no payload, or of the byte that is not 0, and
 * never waits for a supervisor that does not read.  The second is the code to
 * exit with as that child did, by its STATUS of wait(): a signal cannot be
 * imitated by who is immune to it, so the supervisor is told which it was.
 */
void faas_env_notice(char type, unsigned char payload);
int faas_env_exit_code(int status);


#endif /* _FAAS_ENV_CORE_H_INCLUDED_ */
