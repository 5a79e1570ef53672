/*
 * The Telemetry and Logs APIs (contract 2.2, 2.3): what happens in an
 * environment, and who wants to know it.
 *
 * Runs in the bridge's one thread; no locks.  What happened before anybody
 * could subscribe is kept until init is over.
 */

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "prov_telemetry.h"
#include "faas_json.h"


#define PROV_TM_HISTORY  65536
#define PROV_TM_KEEP     2            /* times max_bytes may wait */


typedef struct {
    unsigned              types;
    unsigned              len;
} prov_past_t;


static prov_sub_t  prov_subs[PROV_EXT_MAX];
static unsigned    prov_n_subs;
static prov_buf_t  prov_past;         /* prov_past_t and the event, again */
static char        prov_lines[2][8192];  /* printed, not ended yet */
static size_t      prov_line_len[2];


uint64_t
prov_tm_now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}


/* Is there, or may there be, somebody to be told? */

int
prov_tm_wanted(void)
{
    return prov_n_subs > 0 || (!prov.ready && prov_exts.n > 0);
}


static void
prov_tm_give(prov_sub_t *s, const char *event, size_t len)
{
    struct timeval  tv;

    if (s->events.len + len > PROV_TM_KEEP * s->max_bytes) {
        s->lost++;
        s->lost_bytes += len;
        return;
    }

    if (prov_add(&s->events, event, len) != PROV_OK
        || prov_add(&s->events, s->tcp ? "\n" : ",", 1) != PROV_OK)
    {
        return;
    }

    if (++s->n_events >= s->max_items || s->events.len >= s->max_bytes) {
        prov_tm_flush(s);

    } else if (s->n_events == 1 && s->out.len == 0) {
        tv.tv_sec = s->timeout_ms / 1000;
        tv.tv_usec = s->timeout_ms % 1000 * 1000;
        (void) evtimer_add(s->timer, &tv);
    }
}


void
prov_tm_event(unsigned types, const char *type, const char *record,
    size_t len)
{
    int               n;
    char              head[128];
    unsigned          i;
    struct tm         tm;
    prov_past_t       past;
    struct timespec   ts;

    static prov_buf_t  b;

    if (!prov_tm_wanted()) {
        return;
    }

    (void) clock_gettime(CLOCK_REALTIME, &ts);
    (void) gmtime_r(&ts.tv_sec, &tm);

    n = snprintf(head, sizeof(head), "{\"time\":\"%04d-%02d-%02dT%02d:%02d:"
                 "%02d.%03ldZ\",\"type\":\"%.40s\",\"record\":",
                 tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour,
                 tm.tm_min, tm.tm_sec, ts.tv_nsec / 1000000, type);

    b.len = 0;

    if (prov_add(&b, head, n) != PROV_OK
        || prov_add(&b, record, len) != PROV_OK
        || prov_add(&b, "}", 1) != PROV_OK)
    {
        return;
    }

    for (i = 0; i < prov_n_subs; i++) {
        if (prov_subs[i].types & types) {
            prov_tm_give(&prov_subs[i], b.data, b.len);
        }
    }

    if (!prov.ready && prov_past.len + b.len < PROV_TM_HISTORY) {
        past.types = types;
        past.len = (unsigned) b.len;
        (void) prov_add(&prov_past, &past, sizeof(past));
        (void) prov_add(&prov_past, b.data, b.len);
    }

    if (prov.ready) {
        prov_free(&prov_past);
    }
}


void
prov_tm_platform(const char *type, const char *format, ...)
{
    int      n;
    char     record[1024];
    va_list  args;

    if (!prov_tm_wanted()) {
        return;
    }

    va_start(args, format);
    n = vsnprintf(record, sizeof(record), format, args);
    va_end(args);

    if (n > 0 && n < (int) sizeof(record)) {
        prov_tm_event(PROV_TM_PLATFORM, type, record, n);
    }
}


void
prov_tm_text(unsigned types, const char *text, size_t len)
{
    u_char  *json, *end;

    if (!prov_tm_wanted()) {
        return;
    }

    json = malloc(faas_json_escaped_len((const u_char *) text, len) + 2);

    if (json == NULL) {
        return;
    }

    json[0] = '"';
    end = faas_json_escape(json + 1, (const u_char *) text, len);
    *end++ = '"';

    prov_tm_event(types, types == PROV_TM_FUNCTION ? "function" : "extension",
                  (char *) json, end - json);
    free(json);
}


/* What was printed: an event for each line, cut where it is too long. */

void
prov_tm_lines(unsigned types, const char *text, size_t len)
{
    char    *line;
    size_t   i, *n;

    if (!prov_tm_wanted()) {
        return;
    }

    line = prov_lines[types == PROV_TM_EXTENSION];
    n = &prov_line_len[types == PROV_TM_EXTENSION];

    for (i = 0; i < len; i++) {

        if (text[i] != '\n') {
            line[(*n)++] = text[i];
        }

        if (text[i] == '\n' || *n == sizeof(prov_lines[0])) {
            prov_tm_text(types, line, *n);
            *n = 0;
        }
    }
}


void
prov_tm_flush_all(void)
{
    unsigned  i;

    for (i = 0; i < prov_n_subs; i++) {
        prov_tm_flush(&prov_subs[i]);
    }
}


static void
prov_tm_on_timer(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;

    prov_tm_flush(data);
}


/* To one that has just subscribed: what happened before. */

static void
prov_tm_replay(prov_sub_t *s)
{
    size_t       at;
    prov_past_t  past;

    for (at = 0; at + sizeof(past) <= prov_past.len; at += past.len) {
        memcpy(&past, prov_past.data + at, sizeof(past));
        at += sizeof(past);

        if (past.types & s->types) {
            prov_tm_give(s, prov_past.data + at, past.len);
        }
    }
}


/* A new one, or the one that the extension has: it may change its mind. */

static prov_sub_t *
prov_tm_place(prov_ext_t *e)
{
    unsigned     i;
    prov_sub_t  *s;

    for (i = 0; i < prov_n_subs; i++) {
        if (prov_subs[i].ext == e) {
            return &prov_subs[i];
        }
    }

    s = &prov_subs[prov_n_subs];
    s->fd = -1;
    s->timer = evtimer_new(prov.base, prov_tm_on_timer, s);

    return s->timer != NULL ? s : NULL;
}


void
prov_tm_subscribe(prov_conn_t *c, prov_ext_t *e, char *body, size_t len)
{
    int           logs;
    prov_sub_t    want, *s;
    const char   *wrong;

    static const char  json[] = "Content-Type: application/json\r\n\r\n";

    logs = c->endpoint == PROV_EP_LOGS;

    if (prov.ready) {
        prov_conn_json(c, 403, logs ? "Logs.SubscriptionClosed"
                                    : "Telemetry.SubscriptionClosed",
                       logs ? "Logs API subscription is closed"
                            : "Telemetry API subscription is closed");
        return;
    }

    memset(&want, 0, sizeof(want));
    want.max_items = 10000;
    want.max_bytes = 262144;
    want.timeout_ms = 1000;
    wrong = prov_tm_parse(&want, body, len, logs);
    s = wrong ? NULL : prov_tm_place(e);

    if (s == NULL) {
        prov_conn_json(c, wrong ? 400 : 500, wrong ? "ValidationError"
                                                   : "InternalServerError",
                       wrong ? wrong : "Internal Server Error");
        return;
    }

    if (s->ext == NULL) {
        prov_n_subs++;
    }

    s->ext = e;
    s->types = want.types;
    s->tcp = want.tcp;
    s->max_items = want.max_items;
    s->max_bytes = want.max_bytes;
    s->timeout_ms = want.timeout_ms;
    s->port = want.port;
    memcpy(s->path, want.path, sizeof(s->path));

    prov_conn_reply(c, 200, prov_literal(json), prov_literal("\"OK\""));
    prov_tm_replay(s);
    prov_tm_platform(logs ? "platform.logsSubscription"
                          : "platform.telemetrySubscription",
                     "{\"name\":\"%s\",\"state\":\"Subscribed\",\"types\":["
                     "%s%s%s%s%s]}", e->name,
                     s->types & 1 ? "\"platform\"" : "",
                     (s->types & 1) && (s->types & 6) ? "," : "",
                     s->types & 2 ? "\"function\"" : "",
                     (s->types & 2) && (s->types & 4) ? "," : "",
                     s->types & 4 ? "\"extension\"" : "");
}
