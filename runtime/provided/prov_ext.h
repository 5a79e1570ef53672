/*
 * Extensions of the function: processes that register, are told of invocations
 * and of the end.
 */

#ifndef _PROV_EXT_H_INCLUDED_
#define _PROV_EXT_H_INCLUDED_


#include "prov.h"


#define PROV_EXT_MAX       10
#define PROV_EXT_NAME_MAX  128
#define PROV_UUID_LEN      36

#define PROV_EXT_INVOKE    1
#define PROV_EXT_SHUTDOWN  2


typedef enum {
    PROV_EXT_STARTED = 0,             /* a process, not registered */
    PROV_EXT_REGISTERED,
    PROV_EXT_READY,
    PROV_EXT_RUNNING,
    PROV_EXT_INIT_ERROR,
    PROV_EXT_EXIT_ERROR
} prov_ext_e;


typedef struct {
    char                  name[PROV_EXT_NAME_MAX];
    char                  id[PROV_UUID_LEN + 1];
    pid_t                 pid;        /* 0: of the runtime, or has ended */
    prov_ext_e            state;
    unsigned              events;
    prov_conn_t          *conn;       /* that waits in "next" */
    unsigned              external:1;
} prov_ext_t;


typedef struct {
    prov_ext_t            list[PROV_EXT_MAX];
    unsigned              n;
    char *const          *command;    /* of the runtime, to be started yet */
} prov_exts_t;


extern prov_exts_t  prov_exts;


/*
 * prov_ext.c.  Starts those that are in the folder DIR, and when all of them
 * have registered the runtime.
 */
int prov_ext_start(const char *dir, char *const *command);

/* All of them have done with what came before. */
int prov_ext_ready(void);

/* Something has changed: is init over, is there something to be given out? */
void prov_ext_settle(void);

/* Tells those who want to know of an invocation. */
void prov_ext_invoke(prov_work_t *w);

/* A process has ended.  1 if it was an extension. */
int prov_ext_ended(pid_t pid, int status);

/* prov_ext_api.c: a request to an endpoint that is not the runtime's */
void prov_ext_request(prov_conn_t *c, char *body, size_t len);
void prov_ext_send(prov_ext_t *e, const char *json, size_t len);
void prov_ext_lost(prov_conn_t *c);
void prov_uuid(char *id);

/* prov_end.c: an orderly end, with its phases */
void prov_shutdown(void);
void prov_shutdown_now(const char *reason, int failed);
int prov_shutdown_waits(void);
int prov_shutdown_ended(pid_t pid);
int prov_shutdown_next(prov_ext_t *e);


#endif /* _PROV_EXT_H_INCLUDED_ */
