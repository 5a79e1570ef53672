/*
 * Between the two sides: invocations that wait, calls of "next" that wait, and
 * answers on their way back.
 *
 * Runs in the bridge's one thread; no locks.
 */

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>

#include "prov_telemetry.h"
#include "faas_base64.h"
#include "faas_exit.h"
#include "faas_json.h"


void
prov_queue(prov_work_t *w)
{
    w->state = PROV_WORK_QUEUED;
    w->after = NULL;
    *prov.queue_last = w;
    prov.queue_last = &w->after;
}


void
prov_unqueue(prov_work_t *w)
{
    prov_work_t  **p;

    for (p = &prov.queue; *p != w; p = &(*p)->after) { /* void */ }

    *p = w->after;

    if (*p == NULL) {
        prov.queue_last = p;
    }
}


/* Names and values of one header; those without value are left out. */

static int
prov_header(prov_buf_t *b, const char *name, const char *value, size_t len)
{
    size_t  i;

    if (len == 0) {
        return PROV_OK;
    }

    /* what a client says about itself is not to become a header of ours */

    for (i = 0; i < len; i++) {
        if (value[i] == '\r' || value[i] == '\n' || value[i] == '\0') {
            return PROV_OK;
        }
    }

    return prov_add(b, name, strlen(name)) != PROV_OK
           || prov_add(b, ": ", 2) != PROV_OK
           || prov_add(b, value, len) != PROV_OK
           || prov_add(b, "\r\n", 2) != PROV_OK ? PROV_ERROR : PROV_OK;
}


void
prov_send_event(prov_conn_t *c, prov_work_t *w)
{
    static prov_buf_t  b;

    b.len = 0;

    if (prov_header(&b, "Content-Type",
                    w->type.len ? w->type.data : "application/json",
                    w->type.len ? w->type.len : 16) != PROV_OK
        || prov_header(&b, "Lambda-Runtime-Aws-Request-Id",
                       w->request_id.data, w->request_id.len) != PROV_OK
        || prov_header(&b, "Lambda-Runtime-Deadline-Ms", w->deadline.data,
                       w->deadline.len) != PROV_OK
        || prov_header(&b, "Lambda-Runtime-Invoked-Function-Arn",
                       w->arn.data, w->arn.len) != PROV_OK
        || prov_header(&b, "Lambda-Runtime-Trace-Id", w->trace.data,
                       w->trace.len) != PROV_OK
        || prov_header(&b, "Lambda-Runtime-Client-Context", w->client.data,
                       w->client.len) != PROV_OK
        || prov_header(&b, "Lambda-Runtime-Cognito-Identity",
                       w->identity.data, w->identity.len) != PROV_OK
        || prov_add(&b, "\r\n", 2) != PROV_OK)
    {
        prov_conn_json(c, 500, "InternalServerError",
                       "Internal Server Error");
        return;
    }

    prov_conn_reply(c, 200, b.data, b.len, w->event.data, w->event.len);
    prov_shrink(&b);
}


/* Gives what waits to those who wait for it. */

void
prov_deliver(void)
{
    prov_conn_t  *c;
    prov_work_t  *w;

    while (prov.nexts && prov.queue && prov.running < prov.max
           && prov_ext_ready())
    {
        c = prov.nexts;
        w = prov.queue;

        prov_conn_unwait(c);
        prov_unqueue(w);

        w->state = PROV_WORK_RUNNING;
        prov.state = PROV_RUNNING;
        prov.current = w;
        prov.running++;

        prov_send_event(c, w);
        prov_ext_invoke(w);
        prov_tm_start(w);
    }
}


/* The invocation of that id that the runtime has, or NULL. */

prov_work_t *
prov_find(const char *id, size_t len)
{
    prov_work_t  *w;

    for (w = prov.works; w != NULL; w = w->next) {
        if ((w->state == PROV_WORK_RUNNING || w->state == PROV_WORK_ANSWERING)
            && w->request_id.len == len
            && memcmp(w->request_id.data, id, len) == 0)
        {
            return w;
        }
    }

    return NULL;
}


int
prov_was_sent(const char *id, size_t len)
{
    unsigned  i;

    for (i = 0; i < PROV_SENT_MAX; i++) {
        if (len && strlen(prov.sent[i]) == len
            && memcmp(prov.sent[i], id, len) == 0)
        {
            return 1;
        }
    }

    return 0;
}


/*
 * A runtime that reports an error often ends then, and what is given to it
 * meanwhile is lost.  So the end of an error, after which this environment is
 * given the next event, waits until the runtime asks for one, or has ended;
 * but not for long.
 */

static void
prov_on_held(evutil_socket_t fd, short what, void *data)
{
    (void) fd;
    (void) what;
    (void) data;

    prov_release();
}


static int
prov_hold(prov_work_t *w)
{
    struct timeval  tv;

    if (prov.max > 1) {
        return PROV_ERROR;
    }

    if (prov.held_ev == NULL) {
        prov.held_ev = evtimer_new(prov.base, prov_on_held, NULL);
    }

    tv.tv_sec = 0;
    tv.tv_usec = PROV_HOLD_MS * 1000;

    if (prov.held_ev == NULL || evtimer_add(prov.held_ev, &tv) == -1) {
        return PROV_ERROR;
    }

    prov.held = w;

    return PROV_OK;
}


void
prov_release(void)
{
    prov_work_t  *w;

    w = prov.held;

    if (w != NULL) {
        prov.held = NULL;
        (void) evtimer_del(prov.held_ev);
        prov_work_end(w, NULL, 0, 1);
    }
}


/* The answer is complete: the worker has it before the runtime goes on. */

void
prov_answer(prov_work_t *w, const void *data, size_t len, int failed)
{
    char         *sent;
    prov_work_t  *other;

    prov_log_drain();

    /* several at a time: any of them may be sent twice, and is told so */

    sent = prov.sent[prov.max == 1 ? 0 : prov.n_sent++ % PROV_SENT_MAX];
    memcpy(sent, w->request_id.data, w->request_id.len);
    sent[w->request_id.len] = '\0';

    prov_tm_runtime_done(w, len, !failed ? "success"
                                 : prov.ended ? "failure" : "error");
    prov.running--;
    w->state = PROV_WORK_ANSWERED;

    if (prov.current == w) {
        prov.current = NULL;

        for (other = prov.works; other != NULL; other = other->next) {
            if (other->state == PROV_WORK_RUNNING) {
                prov.current = other;
            }
        }
    }

    if (prov.max == 1) {
        prov.state = PROV_SENT;
    }

    if (w->streaming) {

        if (failed) {
            prov_stream_error(w, data, len);
        }

        len = 0;                              /* all else was sent */
    }

    if (failed && w->error && prov_hold(w) == PROV_OK) {
        prov_work_records(w, FAAS_FCGI_STDOUT, data, len);
        return;
    }

    prov_work_end(w, data, len, failed);
}


/* An error that the runtime has not worded itself; TEXT is plain. */

void
prov_answer_failure(prov_work_t *w, const char *type, const char *text)
{
    int   n;
    char  json[512];

    n = snprintf(json, sizeof(json), "{\"errorMessage\":\"%s\","
                 "\"errorType\":\"%s\"}", text, type);
    n = n < (int) sizeof(json) ? n : (int) sizeof(json) - 1;

    prov_answer(w, json, n, 1);
}


/* All that there are get the same error, after which nothing is taken. */

void
prov_answer_all(const char *type, const char *how)
{
    char          text[256];
    prov_conn_t  *c;
    prov_work_t  *w, *next;

    prov.ended = 1;
    prov_work_unlisten();

    for (c = prov.conns; c != NULL; c = c->next) {
        if (c->work != NULL) {
            c->work = NULL;
            c->stream = 0;
            c->status = 403;
            c->type = "InvalidStateTransition";
            c->message = "State transition is not allowed";
        }
    }

    for (w = prov.works; w != NULL; w = next) {
        next = w->next;

        if (w->state == PROV_WORK_QUEUED) {
            prov_unqueue(w);
            prov.running++;

        } else if (w->state != PROV_WORK_RUNNING
                   && w->state != PROV_WORK_ANSWERING)
        {
            continue;
        }

        w->error = 0;                         /* its end is not held back */
        (void) snprintf(text, sizeof(text), "RequestId: %.*s Error: %s",
                        (int) w->request_id.len, w->request_id.data, how);
        prov_answer_failure(w, type, text);
        prov_tm_report();
    }
}


/* The same of the runtime's end, in the words of contract 4.2. */

void
prov_answer_ended(void)
{
    char  how[96];

    faas_exit_text(how, sizeof(how), WIFSIGNALED(prov.status)
                                     ? -WTERMSIG(prov.status)
                                     : WEXITSTATUS(prov.status));
    prov_answer_all("Runtime.ExitError", how);
}


#define prov_key_is(s)  faas_json_key_is(key, klen, s, sizeof(s) - 1)


/*
 * A body with the cause for X-Ray in it (contract 1.3): the caller gets the
 * three members of an ordinary one.
 */

static void
prov_answer_cause(prov_work_t *w, char *body, size_t len)
{
    int                rc;
    size_t             klen, vlen;
    faas_json_t        js;
    unsigned char     *key, *value;
    prov_buf_t         b;
    faas_json_type_e   type;

    static const char  bad[] = "\"Invalid error body\"";

    memset(&b, 0, sizeof(b));
    faas_json_init(&js, (unsigned char *) body, len);

    rc = len ? faas_json_enter(&js, FAAS_JSON_OBJECT) : -1;
    rc = rc == 0 ? prov_add(&b, "{", 1) : -1;

    while (rc == 0 && (rc = faas_json_member(&js, &key, &klen)) == 1) {
        type = faas_json_peek(&js);
        rc = faas_json_skip(&js, &value, &vlen);

        if (rc != 0 || !(prov_key_is("errorMessage")
                         || prov_key_is("errorType")
                         || prov_key_is("stackTrace")))
        {
            continue;
        }

        if (type == FAAS_JSON_STRING) {
            value--;                          /* with its quotes */
            vlen += 2;
        }

        if ((b.len > 1 && prov_add(&b, ",", 1) != PROV_OK)
            || prov_add(&b, "\"", 1) != PROV_OK
            || prov_add(&b, key, klen) != PROV_OK
            || prov_add(&b, "\":", 2) != PROV_OK
            || prov_add(&b, value, vlen) != PROV_OK)
        {
            rc = -1;
        }
    }

    if (rc == 0 && faas_json_end(&js) == 0 && prov_add(&b, "}", 1) == PROV_OK)
    {
        prov_answer(w, b.data, b.len, 1);

    } else {
        prov_answer(w, bad, sizeof(bad) - 1, 1);
    }

    prov_free(&b);
}


void
prov_answer_error(prov_work_t *w, prov_conn_t *c, char *body, size_t len)
{
    prov_span_t  *type;

    static const char  cause[] = "application/vnd.aws.lambda.error.cause+json";

    type = &c->http.h[PROV_H_CONTENT_TYPE];

    if (type->len == sizeof(cause) - 1
        && memcmp(prov_api_text(c, type->off), cause, type->len) == 0)
    {
        prov_answer_cause(w, body, len);
        return;
    }

    prov_answer(w, body, len, 1);
}


/*
 * A streamed response that failed half-way says so in its trailers (contract
 * 1.6); a client that always announces them leaves them empty.
 */

void
prov_answer_response(prov_work_t *w, prov_conn_t *c, char *body, size_t len)
{
    ssize_t         n;
    prov_span_t    *type, *error;
    unsigned char  *text;

    type = &c->http.h[PROV_T_ERROR_TYPE];
    error = &c->http.h[PROV_T_ERROR_BODY];

    if (type->len == 0 && error->len == 0) {
        prov_answer(w, body, len, 0);
        return;
    }

    text = malloc(error->len + 2);
    n = text && error->len
        ? faas_base64_decode(text, (unsigned char *)
                             prov_api_text(c, error->off), error->len)
        : -1;

    if (n >= 0) {
        prov_answer(w, text, n, 1);

    } else {
        prov_answer_failure(w, "Runtime.Unknown", "Response was not finished");
    }

    free(text);
}
