/*
 * What the files of the Runtime API bridge share.  One process, one thread,
 * one event loop; no locks.
 *
 * On one side workers of nginx, by FastCGI (prov_work_t: a connection and the
 * invocation it carries).  On the other side the function's processes, by
 * HTTP (prov_conn_t).  In between the state of the runtime, in "prov".
 */

#ifndef _PROV_H_INCLUDED_
#define _PROV_H_INCLUDED_


#include <sys/types.h>
#include <sys/uio.h>

#include <event2/event.h>

#include "faas_env_core.h"
#include "faas_fcgi.h"
#include "faas_proto.h"
#include "prov_http.h"


#define PROV_OK           0
#define PROV_ERROR       -1

#define PROV_CONNS_MAX    256
#define PROV_WORKS_MAX    640         /* and so fewer than descriptors */
#define PROV_READ         16384
#define PROV_KEEP         65536       /* larger buffers are given back */
#define PROV_OUT_MAX      262144      /* not read: no more log text is taken */
#define PROV_ID_MAX       128
#define PROV_SENT_MAX     16          /* answered ids that are remembered */
#define PROV_BODY_MAX     1048576     /* of requests that are no responses */
#define PROV_HOLD_MS      100
#define PROV_INIT_ERROR_MS  500       /* to end by itself after init/error */
#define PROV_LOG_FD       62          /* as at Lambda */
#define PROV_RESPONSE_ADD 100         /* contract 1.2 */

#define prov_literal(s)   s, sizeof(s) - 1


typedef struct prov_work_s  prov_work_t;
typedef struct prov_conn_s  prov_conn_t;


/* bytes from "pos" to "len" are not used up */

typedef struct {
    char                 *data;
    size_t                pos;
    size_t                len;
    size_t                size;
} prov_buf_t;


typedef struct {
    const char           *data;
    size_t                len;
} prov_text_t;


typedef enum {
    PROV_WORK_READING = 0,            /* no whole request yet */
    PROV_WORK_QUEUED,
    PROV_WORK_RUNNING,                /* the runtime has it */
    PROV_WORK_ANSWERING,              /* its answer is being read */
    PROV_WORK_ANSWERED
} prov_work_e;


struct prov_work_s {
    prov_work_t          *next;       /* of all */
    prov_work_t          *after;      /* in the queue */
    int                   fd;         /* -1: the worker has gone */
    struct event         *read_ev;
    struct event         *write_ev;
    prov_buf_t            in;
    prov_buf_t            out;
    prov_buf_t            params;
    prov_buf_t            event;
    prov_work_e           state;
    faas_conn_stage_e     stage;
    uint16_t              id;
    unsigned              keep:1;
    unsigned              error:1;    /* ANSWERING: it is an error */
    unsigned              streaming:1;
    prov_conn_t          *from;       /* that the stream comes on */
    uint64_t              began_us;
    prov_text_t           request_id;
    prov_text_t           deadline;
    prov_text_t           arn;
    prov_text_t           trace;
    prov_text_t           client;
    prov_text_t           identity;
    prov_text_t           type;
};


typedef enum {
    PROV_EP_NONE = 0,
    PROV_EP_NEXT,
    PROV_EP_RESPONSE,
    PROV_EP_ERROR,
    PROV_EP_INIT_ERROR,
    PROV_EP_RESTORE_NEXT,
    PROV_EP_RESTORE_ERROR,
    PROV_EP_PING,
    PROV_EP_EXT_REGISTER,
    PROV_EP_EXT_NEXT,
    PROV_EP_EXT_INIT_ERROR,
    PROV_EP_EXT_EXIT_ERROR,
    PROV_EP_TELEMETRY,
    PROV_EP_LOGS
} prov_endpoint_e;


struct prov_conn_s {
    prov_conn_t          *next;
    prov_conn_t          *after;      /* in the queue of those in "next" */
    int                   fd;
    struct event         *read_ev;
    struct event         *write_ev;
    prov_buf_t            in;
    prov_buf_t            out;
    prov_http_t           http;
    prov_endpoint_e       endpoint;
    prov_work_t          *work;       /* whose answer it sends */
    uint64_t              max;        /* of the body */
    int                   status;     /* refused before its body: the answer */
    const char           *type;
    const char           *message;
    unsigned              head:1;     /* was read */
    unsigned              waits:1;    /* in the queue of those in "next" */
    unsigned              busy:1;     /* a request was read, not answered */
    unsigned              close:1;    /* when all is written */
    unsigned              stream:1;   /* the body is given on as it comes */
    unsigned              paused:1;   /* until the worker has read */
};


/* contract 1.5; what is between Running and RuntimeResponseSentState is in
   the invocation */

typedef enum {
    PROV_STARTED = 0,
    PROV_READY,
    PROV_RUNNING,
    PROV_SENT,
    PROV_INIT_ERROR
} prov_state_e;


typedef struct {
    struct event_base    *base;
    int                   control;
    prov_state_e          state;
    unsigned              max;        /* invocations at a time */
    unsigned              running;
    uint64_t              response_max;
    uint64_t              request_max;

    prov_work_t          *works;
    unsigned              n_works;
    prov_work_t          *queue;
    prov_work_t         **queue_last;
    prov_work_t          *current;    /* the newest one that runs */

    prov_conn_t          *conns;
    unsigned              n_conns;
    prov_conn_t          *nexts;
    prov_conn_t         **nexts_last;
    unsigned              n_nexts;

    char                  sent[PROV_SENT_MAX][PROV_ID_MAX];
    unsigned              n_sent;
    prov_work_t          *held;       /* answered, but for its end */
    struct event         *held_ev;

    pid_t                 pid;        /* the runtime */
    int                   status;     /* how it ended */
    prov_buf_t            report;     /* why init failed, JSON */
    unsigned              ready:1;    /* the supervisor was told */
    unsigned              ended:1;    /* the runtime */
    unsigned              ending:1;   /* after what runs now */

    const char           *workdir;    /* of an image; else NULL */

    unsigned              own:1;      /* the API is at an own address */
    unsigned              records:1;  /* it gets a descriptor for log records */
} prov_t;


extern prov_t  prov;


/* prov_buf.c */
int prov_room(prov_buf_t *b, size_t more);
int prov_add(prov_buf_t *b, const void *data, size_t len);
void prov_free(prov_buf_t *b);
void prov_shrink(prov_buf_t *b);
int prov_send(int fd, prov_buf_t *out, struct iovec *iov, int n);
struct event *prov_event(int fd, short what, event_callback_fn cb,
    void *data);

/* prov_work.c: FastCGI, the worker's side */
int prov_work_listen(void);
void prov_work_records(prov_work_t *w, uint8_t type, const char *data,
    size_t len);
void prov_work_end(prov_work_t *w, const void *data, size_t len,
    uint32_t status);
void prov_work_unlisten(void);
void prov_works_flush(void);

/* prov_invoke.c: what is between the two sides */
void prov_queue(prov_work_t *w);
void prov_unqueue(prov_work_t *w);
void prov_deliver(void);
prov_work_t *prov_find(const char *id, size_t len);
int prov_was_sent(const char *id, size_t len);
void prov_answer(prov_work_t *w, const void *data, size_t len, int failed);
void prov_release(void);
void prov_answer_failure(prov_work_t *w, const char *type, const char *text);
void prov_answer_all(const char *type, const char *how);
void prov_answer_ended(void);
void prov_answer_error(prov_work_t *w, prov_conn_t *c, char *body,
    size_t len);
void prov_answer_response(prov_work_t *w, prov_conn_t *c, char *body,
    size_t len);
void prov_send_event(prov_conn_t *c, prov_work_t *w);

/* prov_conn.c: HTTP, the function's side */
int prov_conn_listen(int own, char *address, size_t size);
void prov_conn_wait(prov_conn_t *c);
void prov_conn_reply(prov_conn_t *c, int status, const char *headers,
    size_t hlen, const void *body, size_t len);
void prov_conn_json(prov_conn_t *c, int status, const char *type,
    const char *message);
void prov_conn_unwait(prov_conn_t *c);

/* prov_api.c: what the requests mean */
int prov_api_head(prov_conn_t *c);
void prov_api_body(prov_conn_t *c);
void prov_api_broken(prov_conn_t *c);
void prov_api_cut(prov_conn_t *c);
char *prov_api_text(prov_conn_t *c, size_t off);

/* prov_stream.c */
int prov_stream_type(prov_conn_t *c);
void prov_stream_begin(prov_conn_t *c);
void prov_stream_data(prov_conn_t *c, char *p, size_t *len, int done);
void prov_stream_resume(prov_work_t *w);
void prov_stream_error(prov_work_t *w, const char *json, size_t len);

/* prov_child.c: the runtime's process */
int prov_spawn(pid_t *pid, char *const *argv, char *const *env,
    int extension);
int prov_child_start(char *const *command);
void prov_child_reap(void);

/* prov_log.c: what it prints */

#define PROV_LOG_OUT      0           /* 1 and 2 of the runtime */
#define PROV_LOG_RECORDS  1           /* its descriptor for records */
#define PROV_LOG_EXT      2           /* 1 and 2 of extensions */
#define PROV_LOG_PIPES    3

int prov_log_start(void);
int prov_log_end(int which);
void prov_log_drain(void);
void prov_log_resume(void);

/* prov_main.c */
void prov_ready(void);
void prov_report(char *body, size_t len, const char *type, size_t tlen);
void prov_exit(int code) __attribute__((noreturn));
void prov_exit_soon(unsigned ms);
void prov_runtime_ended(void);
void prov_idle(void);


#endif /* _PROV_H_INCLUDED_ */
