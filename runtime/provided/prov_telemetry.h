/*
 * Telemetry of an environment: events, and the extensions that they are
 * delivered to.
 */

#ifndef _PROV_TELEMETRY_H_INCLUDED_
#define _PROV_TELEMETRY_H_INCLUDED_


#include "prov_ext.h"


#define PROV_TM_PLATFORM   1
#define PROV_TM_FUNCTION   2
#define PROV_TM_EXTENSION  4

#define PROV_TM_PATH_MAX   256


typedef struct {
    prov_ext_t           *ext;        /* NULL: not in use */
    unsigned              types;
    unsigned              tcp:1;      /* lines instead of HTTP */
    uint64_t              max_items;
    uint64_t              max_bytes;
    uint64_t              timeout_ms;
    unsigned              port;
    char                  path[PROV_TM_PATH_MAX];
    prov_buf_t            events;     /* with a comma or a newline behind
                                         each */
    unsigned              n_events;
    unsigned              lost;       /* events that found no room */
    uint64_t              lost_bytes;
    struct event         *timer;

    int                   fd;         /* -1: nothing is on its way */
    struct event         *ev;
    prov_buf_t            out;
    prov_buf_t            in;
    unsigned              tries;
} prov_sub_t;


/* prov_telemetry.c: an event of TYPE for who wants TYPES; RECORD is JSON */
void prov_tm_event(unsigned types, const char *type, const char *record,
    size_t len);
void prov_tm_platform(const char *type, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void prov_tm_lines(unsigned types, const char *text, size_t len);
uint64_t prov_tm_now_us(void);
int prov_tm_wanted(void);

/* The same: a request of C, from E, to subscribe. */
void prov_tm_subscribe(prov_conn_t *c, prov_ext_t *e, char *body, size_t len);

/* The same, a text that is one event. */
void prov_tm_text(unsigned types, const char *text, size_t len);
void prov_tm_flush_all(void);

/* prov_subscribe.c: NULL, or what is wrong with it */
const char *prov_tm_parse(prov_sub_t *s, char *body, size_t len, int logs);

/* prov_platform.c: what the platform has to say */
void prov_tm_init_start(void);
void prov_tm_init_over(void);
void prov_tm_start(prov_work_t *w);
void prov_tm_runtime_done(prov_work_t *w, size_t len, const char *status);
void prov_tm_timeout(void);
void prov_tm_report(void);

/* prov_deliver.c: sends what there is, now or when the last has arrived */
void prov_tm_flush(prov_sub_t *s);


#endif /* _PROV_TELEMETRY_H_INCLUDED_ */
