/*
 * faas-web: what its files share.
 *
 * One thread, no locks.  A worker's connection (web_work_t) carries one
 * request at a time, and has, while it runs, a connection to the program
 * (web_peer_t) of its own.  Whoever of the two ends first takes care of the
 * other one.
 */

#ifndef _WEB_H_INCLUDED_
#define _WEB_H_INCLUDED_


#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

#include "faas_env_core.h"
#include "faas_fcgi.h"
#include "faas_proto.h"
#include "web_http.h"


#define WEB_OK         0
#define WEB_ERROR     -1
#define WEB_LARGE      1

#define WEB_BUFFERED   262144         /* bytes that wait to be written, of a
                                         side that does not read */
#define WEB_IDLE_MAX   128            /* kept connections to the program */
#define WEB_RETRY_MS   5              /* until the program listens */
#define WEB_LINGER_S   2              /* to take the end of a tunnel */
#define WEB_GRACE_MS   2000           /* Lambda's, from SIGTERM to SIGKILL */


typedef struct web_peer_s  web_peer_t;
typedef struct web_work_s  web_work_t;


struct web_peer_s {
    struct bufferevent   *bev;
    web_work_t           *work;       /* NULL: idle */
    web_peer_t           *next;       /* of the idle ones, the latest first */
    struct event         *retry;      /* of a Unix socket; or NULL */
    web_answer_t          answer;
    unsigned              reused:1;
    unsigned              tunnel:1;
    unsigned              connected:1;
    unsigned              close:1;    /* when all is written */
};


struct web_work_s {
    struct bufferevent   *bev;
    web_peer_t           *peer;       /* NULL: nothing is asked */
    web_work_t           *next;
    struct event         *gone;       /* the worker is; while it is not read */
    struct evbuffer      *params;
    struct evbuffer      *head;       /* to be sent again if a kept connection
                                         turns out to be closed */
    faas_conn_stage_e     stage;
    uint16_t              id;
    unsigned              keep:1;
    unsigned              is_head:1;  /* the method is HEAD */
    unsigned              upgrade:1;  /* and to another protocol */
    unsigned              repeatable:1;
    unsigned              headed:1;   /* the answer's header is on its way */
    unsigned              close:1;    /* when all is written */
    unsigned              last:1;     /* nothing comes but what is there */
};


typedef struct {
    struct event_base    *base;
    pid_t                 pid;        /* of the program; 0: it has ended */
    int                   own;        /* an address of this environment */
    const char           *listen;     /* what was asked for; NULL: a port */
    const char           *ready_uri;  /* NULL: to accept is enough */
    int                   uwsgi;      /* is asked by that protocol */
    struct sockaddr_storage  address;
    socklen_t             address_len;
    web_work_t           *works;
    unsigned              running;    /* requests and tunnels */
    unsigned              ready:1;
    unsigned              ending:1;
} web_t;


extern web_t  web;


/* web_main.c */
void web_exit(int code);
void web_idle(void);

/* web_app.c: the program */
int web_app_address(void);
int web_app_start(char *const *argv);
void web_app_reap(void);
int web_app_dying(void);

/* web_ready.c */
void web_ready_wait(void);

/* web_work.c: connections of workers */
int web_work_listen(void);
void web_work_unlisten(void);
void web_work_body(web_work_t *w, struct evbuffer *from, size_t len);
void web_work_end(web_work_t *w, uint32_t status);
void web_work_fail(web_work_t *w, const char *why);
void web_work_full(web_work_t *w);
void web_work_resume(web_work_t *w);
void web_work_free(web_work_t *w);
void web_work_flush(web_work_t *w);

/*
 * web_request.c: HTTP/1.1 from the parameters of the request.  WEB_ERROR:
 * they are not what an HTTP server would send, or there is no memory.
 */
int web_request_head(web_work_t *w, struct evbuffer *to);

/* web_uwsgi.c: the same; WEB_LARGE: more than a packet can have */
int web_uwsgi_head(web_work_t *w, struct evbuffer *to);

/* web_peer.c: connections to the program; WEB_ERROR: there is none to be had */
int web_peer_take(web_work_t *w);
void web_peer_free(web_peer_t *p);
void web_peer_resume(web_peer_t *p);
void web_peer_flush(web_peer_t *p);
void web_peer_unreachable(web_peer_t *p);

/* web_connect.c; the second: WEB_ERROR if nobody listens */
struct bufferevent *web_connect(void);
int web_connect_unix(web_peer_t *p);

/*
 * Of either side: sends what waits for it, at once.  Only what does not fit
 * is left to the loop: to be told by the kernel that a socket can be written
 * to costs more than to write.
 */
void web_push(struct bufferevent *bev);
void web_pushed(struct bufferevent *bev);


#endif /* _WEB_H_INCLUDED_ */
